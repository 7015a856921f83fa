import json
from pathlib import Path

import numpy as np
import pytest

from finemo_zarr import store
from finemo_zarr.decoys import DecoyOptions
from finemo_zarr.execution import extract_regions
from finemo_zarr.testing import simulate_regions


@pytest.fixture
def call(run, tmp_path: Path, reader, raw_motifs, files):
    """Run call-hits on regions with much noise."""
    regions, _ = simulate_regions(raw_motifs, 50, 80, sites_per_region=1, noise=0.4, seed=2)
    extract_regions(reader(regions), tmp_path / "noisy.zarr")

    def run_call(*args: object, out: str = "hits"):
        paths = ("-r", tmp_path / "noisy.zarr", "-m", files.motifs, "-o", tmp_path / out)
        return run("call-hits", *paths, "-l", 0.5, *args)

    return run_call


def qvalues(path: Path) -> np.ndarray:
    return store.open_hits(path).hits["hit_qvalue"].values


def test_call_hits_fdr__gives_qvalues_and_says_what_the_decoys_did(call, tmp_path: Path) -> None:
    result = call("--fdr")
    assert (result.code, result.err) == (0, "")
    found = qvalues(tmp_path / "hits")
    decoys = store.open_hits(tmp_path / "hits").motifs["motif_decoy_hits"].values.sum()
    sure = (found <= 0.05).sum()
    assert 0 < sure < found.size
    lines = result.out.splitlines()
    assert f"{sure} hits with a q-value of at most 0.05; {decoys} hits of decoys" in lines
    assert any(line.startswith(f"{found.size} hits of 3 of 3 motifs in 50") for line in lines)


def test_call_hits_fdr__max_qvalue_implies_it(call, tmp_path: Path) -> None:
    assert call("--fdr", "--decoys", 2, "--seed", 4).code == 0
    assert call("--max-qvalue", 0.1, "--decoys", 2, "--seed", 4, out="sure").code == 0
    every, sure = qvalues(tmp_path / "hits"), qvalues(tmp_path / "sure")
    np.testing.assert_array_equal(sure, every[every <= 0.1])
    params = json.loads((tmp_path / "sure/params.json").read_text())
    assert (params["max_qvalue"], params["decoys"], params["seed"]) == (0.1, 2, 4)
    options = store.read_info(tmp_path / "sure/hits.zarr").provenance["options"]
    assert (options["decoys_per_motif"], options["decoys_seed"]) == (2, 4)


def test_call_hits_fdr__what_was_used_is_printed_and_recorded(call, tmp_path: Path) -> None:
    result = call("--max-qvalue", 0.1)
    count = qvalues(tmp_path / "hits").size
    assert f"{count} hits with a q-value of at most 0.1; " in result.out
    params = json.loads((tmp_path / "hits/params.json").read_text())
    options = store.read_info(tmp_path / "hits/hits.zarr").provenance["options"]
    used = DecoyOptions()
    for found in (params, options):
        assert (found["fdr"], found["decoys"], found["seed"]) == (True, used.per_motif, used.seed)
    assert call("--max-qvalue", 0.1).out.startswith("complete already")


def test_call_hits_fdr__the_seed_decides(call, tmp_path: Path) -> None:
    for seed, out in ((0, "a"), (0, "b"), (1, "c")):
        assert call("--fdr", "--seed", seed, out=out).code == 0
    np.testing.assert_array_equal(qvalues(tmp_path / "a"), qvalues(tmp_path / "b"))
    assert qvalues(tmp_path / "a").tolist() != qvalues(tmp_path / "c").tolist()


def test_call_hits_fdr__jobs_that_share_a_run_give_the_same(call, tmp_path: Path) -> None:
    assert call("--fdr", out="one").code == 0
    for step in (
        ("--plan", 2),
        ("--block-range", "2/2"),
        ("--block-range", "1/2"),
        ("--finalise",),
    ):
        assert call("--fdr", *step, out="many").code == 0
    one, many = (store.open_hits(tmp_path / name).hits.load() for name in ("one", "many"))
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name].values, many[name].values)


def test_call_hits_fdr__is_not_taken_for_a_plain_call(call) -> None:
    assert call().code == 0
    result = call("--fdr")
    assert result.code == 1
    assert "exists already, and was made in another way" in result.err
    assert "fdr was False, is True" in result.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--decoys", 2), "--decoys is of use with --fdr or --max-qvalue only"),
        (("--seed", 2), "--seed is of use with --fdr or --max-qvalue only"),
        (("--fdr", "--decoys", 0), "--decoys is 0, expected at least 1"),
        (("--fdr", "--seed", -1), "--seed is -1, expected at least 0"),
        (("--max-qvalue", 0), "--max-qvalue is 0.0, expected more than 0"),
        (("--max-qvalue", 2), "--max-qvalue is 2.0, expected more than 0"),
    ],
)
def test_call_hits_fdr__refuses_what_cannot_be(call, args, message) -> None:
    result = call(*args)
    assert result.code == 2
    assert message in result.err
