import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from finemo_zarr import store
from finemo_zarr.decoys import DecoyOptions, add_decoys, hit_qvalues
from finemo_zarr.errors import InputWarning, RunError
from finemo_zarr.execution import CallJob, CallOptions, call_hits, extract_regions
from finemo_zarr.execution.check import check_store
from finemo_zarr.model import create_motifs, create_regions
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.testing import simulate_motifs, simulate_regions

DECOYS = DecoyOptions(per_motif=2, seed=3)
NOISE = (0.1, 0.2, 0.3, 0.4, 0.5)


@pytest.fixture(scope="module")
def noisy() -> tuple[xr.Dataset, xr.Dataset, dict[str, np.ndarray]]:
    """Oriented motifs, regions in which many hits are false, and the sites in them."""
    raw = simulate_motifs(6, seed=4)
    regions, truth = simulate_regions(raw, 60, 200, sites_per_region=(1, 3), noise=0.5, seed=5)
    return prepare_motifs(raw, MotifOptions(lambda_default=0.5)), regions, truth


@pytest.fixture
def noisy_store(tmp_path: Path, reader, noisy) -> Path:
    extract_regions(reader(noisy[1]), tmp_path / "noisy.zarr")
    return tmp_path / "noisy.zarr"


@pytest.fixture
def called(tmp_path: Path, noisy_store, noisy) -> store.HitsStore:
    options = CallOptions(decoys=DECOYS)
    return call_hits(noisy_store, noisy[0], tmp_path / "fdr.zarr", options=options)


def columns(opened: store.HitsStore) -> dict[str, np.ndarray]:
    return {str(name): opened.hits[name].values for name in opened.hits.data_vars}


def assert_same(one: store.HitsStore, other: store.HitsStore) -> None:
    for first, second in zip(one[1:], other[1:], strict=True):
        xr.testing.assert_equal(first.load(), second.load())


def test_fdr__hits_are_those_of_motifs_and_decoys_together(called, noisy) -> None:
    motifs, regions, _ = noisy
    placed = add_decoys(motifs, DECOYS)
    hits = CoordinateDescent().solve(regions, placed).hits.load()
    least = placed.motif_lambda.values.astype(np.float32)[hits.hit_motif.values]
    hits = hits.isel(hit=np.flatnonzero(hits.hit_similarity.values >= least))
    number = hits.hit_motif.values
    score = hits.hit_coefficient.values * hits.hit_similarity.values.astype(np.float64)
    expected = hit_qvalues(score, placed.motif_parent.values[number], number >= 12, np.full(6, 2))
    own = np.flatnonzero(number < 12)
    found = columns(called)
    for name in ("hit_region", "hit_motif", "hit_start", "hit_end"):
        np.testing.assert_array_equal(found[name], hits[name].values[own])
    for name, values in zip(("hit_qvalue", "hit_qvalue_motif"), expected, strict=True):
        np.testing.assert_allclose(found[name], values[own], rtol=1e-6)
    of = 2 * placed.motif_parent.values[number[number >= 12]] + number[number >= 12] % 2
    np.testing.assert_array_equal(called.motifs["motif_decoy_hits"], np.bincount(of, minlength=12))


def test_fdr__store_holds_no_decoys_and_says_how_like_motifs_they_were(
    tmp_path: Path, called, noisy
) -> None:
    motifs, _, _ = noisy
    assert called.motifs["motif_name"].values.tolist() == motifs.motif_name.values.tolist()
    np.testing.assert_array_equal(called.motifs["motif_weights"], motifs.motif_weights)
    cosine = called.motifs["motif_decoy_cosine"].values
    np.testing.assert_array_equal(cosine[::2], cosine[1::2])
    assert ((cosine > 0) & (cosine <= DECOYS.max_cosine)).all()
    assert called.hits["hit_qvalue"].attrs["long_name"].startswith("Smallest false-discovery rate")
    options = store.read_info(tmp_path / "fdr.zarr").provenance["options"]
    assert (options["decoys_per_motif"], options["decoys_seed"]) == (2, 3)


def test_fdr__store_is_as_sound_as_any(called, tmp_path: Path) -> None:
    assert check_store(tmp_path / "fdr.zarr").state == "ok"


def test_fdr__without_it_there_are_no_qvalues(tmp_path: Path, noisy_store, called) -> None:
    # Motifs that come from a store with q-values do not carry what its decoys showed.
    again = call_hits(noisy_store, called.motifs.load(), tmp_path / "plain.zarr")
    assert "hit_qvalue" not in again.hits
    assert "motif_decoy_hits" not in again.motifs


def test_fdr__max_qvalue_keeps_the_sure_ones(tmp_path: Path, noisy_store, noisy, called) -> None:
    options = CallOptions(decoys=DECOYS, max_qvalue=0.1)
    some = columns(call_hits(noisy_store, noisy[0], tmp_path / "some.zarr", options=options))
    everything = columns(called)
    kept = everything["hit_qvalue"] <= 0.1
    assert 0 < kept.sum() < kept.size
    for name, values in everything.items():
        np.testing.assert_array_equal(some[name], values[kept])


def test_fdr__max_qvalue_implies_decoys() -> None:
    assert CallOptions(max_qvalue=0.1).decoys == DecoyOptions()
    assert CallOptions().decoys is None


@pytest.mark.parametrize("value", [0.0, -1.0, 1.5])
def test_fdr__refuses_a_qvalue_that_cannot_be(value) -> None:
    with pytest.raises(RunError, match=f"max_qvalue is {value}, expected more than 0"):
        CallOptions(max_qvalue=value)


@pytest.mark.parametrize("scheduler", ["sync", "processes"])
def test_fdr__blocks_and_schedulers_change_nothing(
    tmp_path: Path, noisy_store, noisy, called, scheduler
) -> None:
    options = CallOptions(decoys=DECOYS, block=32, scheduler=scheduler, jobs=2)
    assert_same(call_hits(noisy_store, noisy[0], tmp_path / "b.zarr", options=options), called)


def test_fdr__a_run_that_was_ended_gives_the_same(
    tmp_path: Path, noisy_store, noisy, called, monkeypatch
) -> None:
    options = CallOptions(decoys=DECOYS, scheduler="sync")
    out = tmp_path / "resumed.zarr"
    solved = []
    whole = CoordinateDescent.solve

    def twice(self, regions, motifs):
        if len(solved) == 2:
            raise KeyboardInterrupt
        solved.append(regions.sizes["region"])
        return whole(self, regions, motifs)

    with monkeypatch.context() as patch:
        patch.setattr(CoordinateDescent, "solve", twice)
        with pytest.raises(KeyboardInterrupt):
            call_hits(noisy_store, noisy[0], out, options=options)
    assert solved
    assert not out.exists()
    assert_same(call_hits(noisy_store, noisy[0], out, options=options), called)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoys": None}, "decoys_per_motif was 2, is not given"),
        ({"decoys": replace(DECOYS, per_motif=1)}, "decoys_per_motif was 2, is 1"),
        ({"decoys": replace(DECOYS, seed=0)}, "decoys_seed was 3, is 0"),
        ({"decoys": replace(DECOYS, max_cosine=0.5)}, "decoys_max_cosine was 0.65, is 0.5"),
        ({"max_qvalue": 0.2}, "max_qvalue was not given, is 0.2"),
    ],
)
def test_fdr__refuses_to_go_on_with_other_options(
    tmp_path: Path, noisy_store, noisy, change, message
) -> None:
    located = store.locate(tmp_path / "h.zarr")
    options = CallOptions(decoys=DECOYS)
    job = CallJob(store.locate(noisy_store), noisy[0], located, CoordinateDescent(), options)
    job.plan()
    job.work(1, 2)
    with pytest.raises(RunError, match=message):
        replace(job, options=replace(options, **change)).run()


def test_fdr__shares_of_a_plan_give_the_same(tmp_path: Path, noisy_store, noisy, called) -> None:
    located = store.locate(tmp_path / "shared.zarr")
    options = CallOptions(decoys=DECOYS)
    job = CallJob(store.locate(noisy_store), noisy[0], located, CoordinateDescent(), options)
    job.plan()
    for share in (2, 1):
        replace(job).work(share, 2)
    assert_same(replace(job).finish(), called)


def test_fdr__each_track_has_qvalues_of_its_own(
    tmp_path: Path, reader, noisy, noisy_store, called
) -> None:
    motifs, regions, _ = noisy
    scores = regions.region_contributions.values
    both = np.stack([scores, np.random.default_rng(1).permuted(scores, axis=1)])
    tracked = create_regions(regions.region_sequence.values, both, tracks=["real", "shuffled"])
    extract_regions(reader(tracked), tmp_path / "tracked.zarr")
    options = CallOptions(decoys=DECOYS)
    opened = call_hits(tmp_path / "tracked.zarr", motifs, tmp_path / "t.zarr", options=options)
    track = opened.hits["hit_track"].values
    for name, values in columns(called).items():
        np.testing.assert_array_equal(opened.hits[name].values[track == 0], values)
    assert (opened.hits["hit_qvalue"].values[track == 0] <= 0.05).any()
    assert not (opened.hits["hit_qvalue"].values[track == 1] <= 0.05).any()


def test_fdr__a_call_without_hits_is_a_call(tmp_path: Path, noisy_store, noisy) -> None:
    motifs = noisy[0].assign(motif_lambda=("motif", np.full(12, 100.0)))
    options = CallOptions(max_qvalue=0.05)
    opened = call_hits(noisy_store, motifs, tmp_path / "h.zarr", options=options)
    assert opened.hits.sizes["hit"] == 0
    assert {"hit_qvalue", "hit_qvalue_motif"} <= set(opened.hits.data_vars)
    assert not opened.motifs["motif_decoy_hits"].values.any()


def test_fdr__a_solver_without_similarities_gives_qvalues(
    tmp_path: Path, regions_store, motifs, solver
) -> None:
    options = CallOptions(decoys=DECOYS)
    opened = call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver, options=options)
    assert np.isnan(opened.hits["hit_similarity"].values).sum() == 50
    for name in ("hit_qvalue", "hit_qvalue_motif"):  # no hit is of a decoy
        np.testing.assert_allclose(opened.hits[name], 0.5 / 50)


def test_fdr__warns_of_motifs_whose_decoys_are_no_good(tmp_path: Path, noisy_store) -> None:
    cwm = np.zeros((1, 4, 12))
    cwm[0, 2] = 1
    motifs = prepare_motifs(create_motifs(["polyG"], cwm), MotifOptions())
    options = CallOptions(decoys=DECOYS)
    with pytest.warns(InputWarning, match="the cores of polyG have too few columns that differ"):
        opened = call_hits(noisy_store, motifs, tmp_path / "h.zarr", options=options)
    assert np.isnan(opened.hits["hit_qvalue"].values).all()
    assert np.isnan(opened.motifs["motif_decoy_cosine"].values).all()


@pytest.mark.parametrize("noise", NOISE)
def test_fdr__qvalues_hold_on_simulated_sets(tmp_path: Path, reader, noise) -> None:
    raw = simulate_motifs(12, seed=int(100 * noise))
    regions, truth = simulate_regions(raw, 200, 400, noise=noise, seed=int(10 * noise))
    extract_regions(reader(regions, 50), tmp_path / "r.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        motifs = prepare_motifs(raw, MotifOptions(lambda_default=0.5))
        options = CallOptions(max_qvalue=0.05)
        hits = call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", options=options).hits
        default = prepare_motifs(raw, MotifOptions())
        plain = call_hits(tmp_path / "r.zarr", default, tmp_path / "p.zarr").hits
    false, found = judge(hits, truth)
    _, found_plain = judge(plain, truth)
    assert false.mean() < 0.07
    assert found.mean() > 0.9 * found_plain.mean()


def judge(hits: xr.Dataset, truth: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Which hits share half of the shorter with no site, and which sites are called."""
    region, start, end, motif = (
        hits[f"hit_{name}"].values[:, None] for name in ("region", "start", "end", "motif")
    )
    shared = np.minimum(end, truth["core_end"]) - np.maximum(start, truth["core_start"])
    shorter = np.minimum(end - start, truth["core_end"] - truth["core_start"])
    close = (region == truth["region"]) & (2 * shared >= shorter)
    return ~close.any(axis=1), (close & (motif // 2 == truth["motif"])).any(axis=0)
