"""The smallest plugin of plugins/README.md, and the benchmark, run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parents[1]
FENCE = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(*words, cwd, site):
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def plugin(tmp_path):
    """The files of the page, and what a reader of it would have at hand."""
    folder = tmp_path / "finemo-arrays"
    folder.mkdir()
    for name, text in FENCE.findall((HERE.parent / "README.md").read_text("utf-8")):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)
    rng = np.random.default_rng(1)
    np.save(tmp_path / "codes.npy", rng.integers(4, size=(5, 40), dtype=np.uint8))
    np.save(tmp_path / "scores.npy", rng.standard_normal((5, 40), dtype=np.float32))
    return folder


def test_smallest_plugin__passes_its_contract(plugin):
    options = ("-q", "-W", "error", "-p", "no:cacheprovider")
    assert " passed" in run("-m", "pytest", *options, "test_contract.py", cwd=plugin, site=plugin)


def test_smallest_plugin__gets_its_command(plugin, tmp_path):
    pytest.importorskip("hatchling", reason="hatchling builds the distribution")
    site = tmp_path / "site"
    flags = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", site)
    run("-m", "pip", "install", *flags, plugin, cwd=tmp_path, site=site)
    assert "finemo-arrays 0.1.0" in run("-m", "finemo_zarr", "plugins", cwd=tmp_path, site=site)
    command = [
        "extract-regions-arrays",
        "-i",
        "codes.npy",
        "-s",
        "scores.npy",
        "-o",
        "regions.zarr",
    ]
    run("-m", "finemo_zarr", *command, cwd=tmp_path, site=site)
    assert (tmp_path / "regions.zarr").is_dir()


def test_benchmark__runs_with_small_numbers(tmp_path):
    options = [
        "--regions",
        "20",
        "--width",
        "100",
        "--motifs",
        "2",
        "--device",
        "cpu",
        "--jobs",
        "1",
    ]
    solvers = ("--solver", "coordinate-descent")
    table = run(HERE / "benchmark.py", *options, *solvers, cwd=tmp_path, site=HERE)
    assert re.search(r"\| coordinate-descent \| [\d.]+ s \|.*\| 1\.0 \| \d+ \|", table)
