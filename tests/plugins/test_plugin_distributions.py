"""Plugins installed as distributions of their own, in a fresh process."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finemo_zarr.execution import extract_regions
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader
from finemo_zarr.sequence import decode
from finemo_zarr.store import open_hits, open_regions, read_info
from finemo_zarr.testing import (
    simulate_motifs,
    simulate_regions,
    write_modisco_h5,
    write_modisco_npz,
)

HERE = Path(__file__).parent
MOTIFS = simulate_motifs(3, 16, (6, 9), palindromes=0.0, seed=1)
REGIONS, TRUTH = simulate_regions(MOTIFS, 12, 120, seed=1)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed"),
]


def install(name: str, target: Path) -> None:
    """Install a distribution of this folder, from a copy so that nothing is built in place."""
    import shutil

    source = target / f"source-{name}"
    shutil.copytree(HERE / name, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target"]
    subprocess.run([*command, str(target / "site"), str(source)], check=True)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("toy")
    install("finemo-zarr-toy", target)
    return target / "site"


@pytest.fixture(scope="session")
def toy_and_broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("toy_and_broken")
    install("finemo-zarr-toy", target)
    install("finemo-zarr-broken", target)
    return target / "site"


def run(site: Path, *command: Any, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a module with the distributions of a folder beside those that are installed."""
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        cwd=site.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def write_table(path: Path) -> Path:
    codes, scores = REGIONS.region_sequence.values, REGIONS.region_contributions.values
    rows = zip(codes, scores, strict=True)
    path.write_text("".join(f"{decode(c)}\t{','.join(map(repr, s.tolist()))}\n" for c, s in rows))
    return path


def test_plugins__lists_what_a_distribution_brings(toy: Path) -> None:
    listed = run(toy, "finemo_zarr", "plugins")
    lines = [line.split() for line in listed.stdout.splitlines()]
    ours = [line[:4] for line in lines if "finemo-zarr-toy" in line]
    assert ours == [
        ["reader", "toy", "finemo-zarr-toy", "0.3.1"],
        ["solver", "toy", "finemo-zarr-toy", "0.3.1"],
    ]
    assert ["reader", "bw", "finemo-zarr"] in [line[:3] for line in lines]
    assert not listed.stderr


def test_reader__of_a_distribution_has_a_command_with_its_flags(toy: Path) -> None:
    assert "extract-regions-toy" in run(toy, "finemo_zarr", "--help").stdout
    shown = run(toy, "finemo_zarr", "extract-regions-toy", "--help").stdout
    for text in ("-x, --table", "--factor", "-o, --out-path", "[default: 1.0]", "its letters"):
        assert text in shown


def test_reader__of_a_distribution_fills_a_store(toy: Path, tmp_path: Path) -> None:
    table, store = write_table(tmp_path / "table.tsv"), tmp_path / "regions.zarr"
    command = ["extract-regions-toy", "-x", table, "--factor", "2.5", "-o", store]
    run(toy, "finemo_zarr", *command)
    written = open_regions(store)
    np.testing.assert_array_equal(written.region_sequence.values, REGIONS.region_sequence.values)
    np.testing.assert_allclose(
        written.region_contributions.values, 2.5 * REGIONS.region_contributions.values, rtol=1e-6
    )
    options = read_info(store, "regions").provenance["options"]
    assert options == {"table": str(table), "factor": 2.5}


def test_reader__of_a_distribution_fails_with_one_line(toy: Path, tmp_path: Path) -> None:
    store = tmp_path / "regions.zarr"
    missing = tmp_path / "missing.tsv"
    failed = run(toy, "finemo_zarr", "extract-regions-toy", "-x", missing, "-o", store, code=1)
    assert len(failed.stderr.splitlines()) == 1
    assert str(missing) in failed.stderr
    assert not store.exists()


def test_solver__of_a_distribution_calls_hits(toy: Path, tmp_path: Path) -> None:
    write_modisco_npz(REGIONS, tmp_path / "ohe.npz", tmp_path / "attr.npz")
    write_modisco_h5(MOTIFS, tmp_path / "modisco.h5")
    reader = ModiscoFmtReader(tmp_path / "ohe.npz", (tmp_path / "attr.npz",), region_width=120)
    extract_regions(reader, tmp_path / "regions.zarr")
    command = ["call-hits", "-r", tmp_path / "regions.zarr", "-m", tmp_path / "modisco.h5"]
    counts = []
    for flags in ([], ["--toy-best-only"]):
        out = tmp_path / f"hits{len(flags)}"
        run(toy, "finemo_zarr", *command, "--solver", "toy", *flags, "-o", out)
        hits = open_hits(out).hits
        counts.append(hits.sizes["hit"])
        assert {"hits.tsv", "hits.zarr", "params.json"} <= {path.name for path in out.iterdir()}
        assert np.isnan(hits.hit_coefficient.values).all()
    assert counts[0] >= 0.8 * len(TRUTH["region"])
    assert counts[1] == len(set(TRUTH["region"].tolist()))


def test_solver__of_a_distribution_keeps_its_flags_to_itself(toy: Path, tmp_path: Path) -> None:
    command = ["call-hits", "-r", "r.zarr", "-m", "m.h5", "-o", tmp_path / "o"]
    command += ["--solver", "coordinate-descent", "--toy-best-only"]
    failed = run(toy, "finemo_zarr", *command, code=2)
    assert "--toy-best-only is an option of toy, not of the solver coordinate-descent" in (
        failed.stderr
    )
    assert "--toy-best-only" in run(toy, "finemo_zarr", "call-hits", "--help").stdout


def test_contracts__are_met_by_the_distribution(toy: Path) -> None:
    tests = HERE / "finemo-zarr-toy/tests/test_contract.py"
    settings = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", tests.parent]
    summary = run(toy, "pytest", *settings, tests).stdout.splitlines()[-1]
    assert "passed" in summary
    assert "failed" not in summary


def test_broken_distribution__is_named_while_the_rest_works(
    toy_and_broken: Path, tmp_path: Path
) -> None:
    listed = run(toy_and_broken, "finemo_zarr", "plugins")
    assert len(listed.stderr.splitlines()) == 1
    for text in ("Warning:", "finemo-zarr-broken", "a_package_that_is_not_installed"):
        assert text in listed.stderr
    assert "not loaded: finemo_zarr_broken of finemo-zarr-broken 9.9" in listed.stdout
    assert "finemo-zarr-toy" in listed.stdout
    table, store = write_table(tmp_path / "table.tsv"), tmp_path / "regions.zarr"
    run(toy_and_broken, "finemo_zarr", "extract-regions-toy", "-x", table, "-o", store)
    assert open_regions(store).sizes["region"] == 12


def test_test_process__does_not_see_the_distribution() -> None:
    assert find_spec("finemo_zarr_toy") is None
