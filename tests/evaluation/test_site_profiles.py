import h5py
import numpy as np
import pytest
from scipy.special import log_softmax

from finemo_zarr.errors import ReadError
from finemo_zarr.evaluation._instances import hit_instances
from finemo_zarr.evaluation.site_profiles import site_profiles

LENGTH, WIDTH = 80, 20
WIDTH_OF_REGIONS = 60


def write(path, true, *, chrom=None, centre=None, logits=None):
    """A file of predictions; `true` ``(region, task, position, strand)``."""
    counts = true.sum(axis=2)
    with h5py.File(path, "w") as file:
        group = file.create_group("predictions")
        group["true_profs"] = true
        group["log_pred_profs"] = log_softmax(true * 1.0 if logits is None else logits, axis=2)
        group["true_counts"] = counts
        group["log_pred_counts"] = np.log1p(counts)
        if chrom is not None:
            where = file.create_group("coords")
            where["coords_chrom"] = np.array(chrom, dtype="S")
            where["coords_start"] = np.asarray(centre) - 1057
            where["coords_end"] = np.asarray(centre) + 1057
    return path


@pytest.fixture
def store(made):
    return made(4, 150)


@pytest.fixture
def true(store):
    shape = (store.qc.sizes["region"], 2, LENGTH, 2)
    return np.random.default_rng(0).poisson(1.0, shape) + 1


def centres(store):
    regions = store.regions
    middle = (regions["region_start"].values + regions["region_end"].values) // 2
    return regions["region_chrom"].values.astype(object).astype("S"), middle


def test_profiles__are_windows_turned_to_the_strand_of_the_motif(store, true, tmp_path) -> None:
    order = np.random.default_rng(1).permutation(len(true))
    chrom, middle = centres(store)
    path = write(tmp_path / "p.h5", true[order], chrom=chrom[order], centre=middle[order])
    own = hit_instances(store).unique()
    found = site_profiles(store, own, path, task=1, width=WIDTH, most=10**6)
    core = own.intervals()
    names = store.regions["region_chrom"].values
    at = 0
    for motif, reverse, region, start, end in zip(
        own.motif, own.reverse, own.region, core.start, core.end, strict=True
    ):
        site = (start + end - reverse) // 2
        near = np.where(names == names[region], np.abs(middle - site), 10**9)
        row = int(near.argmin())
        low = site - middle[row] + LENGTH // 2 - (WIDTH - reverse) // 2
        if low < 0 or low + WIDTH > LENGTH:
            continue
        assert (near == near[row]).sum() == 1 or near[row] > 0
        if (near == near[row]).sum() == 1:
            window = true[row, 1, low : low + WIDTH].T.astype(float)
            window = window[::-1, ::-1] if reverse else window
            np.testing.assert_allclose(found["true"][at], window / window.sum(), rtol=1e-5)
            assert int(found["site_motif"][at]) == motif
        at += 1
    assert found.sizes["site"] == at == int(found["n_sites"].sum()) == int(found["n_inside"].sum())
    np.testing.assert_allclose(found["predicted"].sum(("strand", "position")), 1, rtol=1e-5)
    for motif in np.flatnonzero(found["n_sites"].values):
        members = found["true"].values[found["site_motif"].values == motif]
        np.testing.assert_allclose(found["mean_true"][motif], members.mean(axis=0), rtol=1e-4)


def test_profiles__of_both_strands_have_the_core_in_the_same_place(store, true, tmp_path) -> None:
    own = hit_instances(store)
    own = own._replace(
        region=np.arange(4) // 2,
        reverse=np.array([False, True] * 2),
        position=np.repeat(store.regions["region_start"].values[:2] + 20, 2),
        core_start=np.zeros(4, int),
        core_end=np.array([7, 7, 8, 8]),
        **{name: getattr(own, name)[:4] for name in ("motif", "start", "group")},
    )
    reads = np.zeros_like(true)
    middle = store.regions["region_start"].values + WIDTH_OF_REGIONS // 2
    for row, width in ((0, 7), (1, 8)):
        first = own.position[2 * row] - middle[row] + LENGTH // 2
        reads[row, 0, first : first + width] = 1
    path = write(tmp_path / "p.h5", reads)
    for width in (WIDTH, WIDTH + 1):
        found = site_profiles(store, own, path, width=width)["true"].values > 0
        assert (found[::2] == found[1::2]).all()
        odd, even = (np.flatnonzero(found[at, 0]).tolist() for at in (0, 2))
        assert odd == list(range(width // 2 - 3, width // 2 + 4))
        assert even == list(range(width // 2 - 4, width // 2 + 4))


def test_profiles__of_logits_are_those_of_log_probabilities(store, true, tmp_path) -> None:
    own = hit_instances(store)
    write(tmp_path / "p.h5", true)
    with h5py.File(tmp_path / "p.h5") as file:
        log_p = file["predictions/log_pred_profs"][()]
    shifted = log_p + np.array([800.0, -3.0])  # another constant for each strand
    path = write(tmp_path / "l.h5", true)
    with h5py.File(path, "r+") as file:
        file["predictions/log_pred_profs"][...] = shifted
    one, other = (
        site_profiles(store, own, each, width=WIDTH) for each in (tmp_path / "p.h5", path)
    )
    np.testing.assert_allclose(one["predicted"], other["predicted"], rtol=1e-4)


def test_profiles__by_row_where_there_are_no_coordinates(store, true, tmp_path) -> None:
    chrom, middle = centres(store)
    own = hit_instances(store)
    bare = site_profiles(store, own, write(tmp_path / "a.h5", true), width=WIDTH, most=3)
    assert (bare["n_sites"] <= 3).all()
    assert (bare["n_inside"] >= bare["n_sites"]).all()
    again = site_profiles(store, own, tmp_path / "a.h5", width=WIDTH, most=3)
    assert bare.identical(again)  # by chance, but always the same
    with pytest.raises(ReadError, match="has 11 regions and the hits 12"):
        site_profiles(store, own, write(tmp_path / "b.h5", true[1:]))
    path = write(tmp_path / "c.h5", true, chrom=["chrX"] * 12, centre=middle)
    with pytest.raises(ReadError, match="no chromosome in common"):
        site_profiles(store, own, path)
    with pytest.raises(ReadError, match="has 2 tasks, from 0, and task 2"):
        site_profiles(store, own, tmp_path / "a.h5", task=2)
    assert chrom.size == 12


def test_profiles__without_reads_do_not_count_in_the_mean(store, true, tmp_path) -> None:
    logits = np.zeros(true.shape)
    found = site_profiles(
        store, hit_instances(store), write(tmp_path / "p.h5", 0 * true, logits=logits), width=WIDTH
    )
    assert np.isnan(found["true"]).all()
    assert np.isnan(found["mean_true"]).all()
    np.testing.assert_allclose(found["predicted"], 1 / (2 * WIDTH), rtol=1e-5)


def test_profiles__of_no_site_are_empty(store, true, tmp_path) -> None:
    own = hit_instances(store)
    none = site_profiles(store, own.take(slice(0)), write(tmp_path / "p.h5", true), width=WIDTH)
    assert none.sizes["site"] == 0
    wide = site_profiles(store, own, tmp_path / "p.h5", width=LENGTH + 2)
    assert not wide["n_inside"].any()
