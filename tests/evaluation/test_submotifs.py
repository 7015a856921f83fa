from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finemo_zarr.errors import ReadError
from finemo_zarr.evaluation._submotif_clusters import (
    classical_scaling,
    cluster_points,
    silhouette,
)
from finemo_zarr.evaluation.jaccard import continuous_jaccard
from finemo_zarr.evaluation.submotifs import find_submotifs, submotif_table, with_scores
from finemo_zarr.readers.modisco_members import PatternMembers, read_members
from finemo_zarr.sequence import BASES

CTCF = Path(__file__).parents[3] / "shared/data/ctcf/modisco.h5"
WIDTH = 20


def directly(a, b) -> float:
    shared = np.sign(a) * np.sign(b) * np.minimum(abs(a), abs(b))
    either = np.maximum(abs(a), abs(b)).sum()
    return shared.sum() / either if either else 0.0


vectors = arrays(np.float64, 6, elements=st.floats(-1, 1, width=32))


@given(a=vectors, b=vectors)
@settings(max_examples=50, deadline=None)
def test_jaccard__is_what_its_definition_says(a, b) -> None:
    found = continuous_jaccard(np.stack([a, b]))
    assert found[0, 1] == pytest.approx(directly(a, b), abs=1e-9)
    assert found[0, 1] == pytest.approx(found[1, 0])
    assert -1 - 1e-12 <= found[0, 1] <= 1 + 1e-12
    if a.any():
        assert found[0, 0] == pytest.approx(1)
        assert continuous_jaccard(a[None], -a[None])[0, 0] == pytest.approx(-1)


def test_jaccard__of_two_small_vectors() -> None:
    found = continuous_jaccard(np.array([[0.5, -0.5]]), np.array([[0.25, 0.75]]))
    assert found[0, 0] == pytest.approx(-0.2)
    assert continuous_jaccard(np.zeros((0, 3))).shape == (0, 0)


def test_jaccard__in_blocks_is_the_same(monkeypatch) -> None:
    a = np.random.default_rng(0).normal(size=(30, 8))
    whole = continuous_jaccard(a)
    monkeypatch.setattr("finemo_zarr.evaluation.jaccard._CELLS_AT_ONCE", 64)
    np.testing.assert_array_equal(continuous_jaccard(a), whole)


def test_scaling__finds_points_on_a_plane_again() -> None:
    from scipy.spatial.distance import cdist

    points = np.random.default_rng(0).normal(size=(25, 2))
    distance = cdist(points, points)
    found = classical_scaling(distance)
    assert found.shape == (25, 10)
    np.testing.assert_allclose(cdist(found, found), distance, atol=1e-6)
    np.testing.assert_allclose(found[:, 2:], 0, atol=1e-6)
    assert (np.ptp(found, axis=0)[:-1] >= np.ptp(found, axis=0)[1:] - 1e-3).all()
    assert classical_scaling(np.zeros((1, 1))).shape == (1, 10)
    assert classical_scaling(np.zeros((0, 0))).shape == (0, 10)


def test_silhouette__is_what_its_definition_says() -> None:
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(1)
    points = rng.normal(size=(30, 3))
    distance = cdist(points, points)
    labels = np.array([0] * 10 + [1] * 19 + [2])
    scores = []
    for at, label in enumerate(labels):
        own = (labels == label) & (np.arange(30) != at)
        if not own.any():
            scores.append(0.0)
            continue
        a = distance[at, own].mean()
        b = min(distance[at, labels == other].mean() for other in set(labels) - {label})
        scores.append((b - a) / max(a, b))
    assert silhouette(distance, labels) == pytest.approx(np.mean(scores))


@pytest.mark.parametrize("count", [12, 25, 50, 120])
def test_clusters__of_one_cloud_are_one_nearly_always(count) -> None:
    wrong = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        cloud = rng.normal(size=(count, 10)) * np.linspace(1, 0.3, 10)
        wrong += bool(cluster_points(cloud, most_kinds=8, seed=seed).any())
    # One in 21 is expected; more than four of 25 would be seen less than once in 100 times.
    assert wrong <= 4


def test_clusters__of_two_clouds_are_those() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        cloud = rng.normal(size=(80, 10)) * 0.3
        cloud[:30, 0] += 2
        labels = cluster_points(cloud, most_kinds=8)
        assert np.unique(labels).size == 2
        assert np.unique(labels[:30]).size == np.unique(labels[30:]).size == 1


def planted(sizes=(60, 30), *, noise=0.05, seed=0, hypothetical=True) -> PatternMembers:
    """Seqlets of kinds that share the left half of a motif and differ in the right one."""
    rng = np.random.default_rng(seed)
    half = rng.integers(0, 4, WIDTH // 2)
    bases = np.concatenate(
        [
            np.tile(np.concatenate([half, rng.integers(0, 4, WIDTH - half.size)]), (size, 1))
            for size in sizes
        ]
    )
    sequence = (bases[:, None] == np.arange(4)[:, None]).astype(float)
    hyp = sequence - 0.3 + rng.normal(0, noise, sequence.shape)
    contributions = hyp * sequence
    places = np.stack([np.arange(len(bases)), *np.zeros((3, len(bases)), int)], axis=1)
    return PatternMembers(
        "pos_patterns.pattern_0",
        contributions.mean(axis=0),
        places,
        contributions,
        hyp if hypothetical else None,
        sequence,
        None,
        0,
    )


@pytest.mark.parametrize("hypothetical", [True, False])
@pytest.mark.parametrize("most_seqlets", [1000, 50])
def test_submotifs__planted_kinds_are_found(hypothetical, most_seqlets) -> None:
    found = find_submotifs(
        planted((60, 30, 20), hypothetical=hypothetical), most_seqlets=most_seqlets
    )
    assert not found.stored
    assert found.kinds["count"].values.tolist() == [60, 30, 20]
    assert found.seqlets["submotif"].values.tolist() == [0] * 60 + [1] * 30 + [2] * 20
    assert (found.kinds["jaccard_within"] > found.kinds["jaccard_others"] + 0.2).all()
    assert (found.kinds["changed_position"] >= WIDTH // 2).all()
    drawn = np.isfinite(found.seqlets["embedding"].values).all(axis=1)
    assert drawn.sum() == min(110, most_seqlets)
    assert ("hcwm" in found.kinds) == hypothetical


def test_submotifs__of_one_kind_are_one() -> None:
    found = find_submotifs(planted((80,), noise=0.3))
    assert found.kinds["count"].values.tolist() == [80]
    assert np.isnan(found.kinds["jaccard_others"].values).all()
    few = find_submotifs(planted((4,)))
    assert few.kinds["count"].values.tolist() == [4]
    one = find_submotifs(planted((1,)))
    assert one.kinds["count"].values.tolist() == [1]
    assert one.seqlets["embedding"].values.tolist() == [[0.0, 0.0]]


def test_submotifs__stored_ones_are_taken_and_sorted_by_size() -> None:
    members = planted((40, 40))
    stored = np.array([5] * 10 + [2] * 65 + [-1] * 5)
    found = find_submotifs(members._replace(subpattern=stored))
    assert found.stored
    assert found.kinds["count"].values.tolist() == [65, 10]
    assert found.seqlets["submotif"].values.tolist() == [1] * 10 + [0] * 65 + [-1] * 5
    np.testing.assert_allclose(found.kinds["cwm"][0], members.contributions[10:75].mean(axis=0))
    ours = find_submotifs(members._replace(subpattern=stored), own=True)
    assert not ours.stored
    assert ours.kinds["count"].values.tolist() == [40, 40]
    table = submotif_table([found, ours])
    assert table["origin"] == ["TF-MoDISco"] * 2 + ["clustered"] * 2
    assert table["share"] == pytest.approx([65 / 80, 10 / 80, 0.5, 0.5])
    assert len({len(column) for column in table.values()}) == 1


@pytest.mark.parametrize("kind", ["hypothetical", "projected"])
def test_with_scores__cuts_them_from_the_regions(kind) -> None:
    rng = np.random.default_rng(3)
    length, window, count = 60, 40, 25
    codes = rng.integers(0, 4, (count, length)).astype(np.uint8)
    scores = rng.normal(size=(count, 4, length)).astype(np.float32)
    start = rng.integers(0, window - WIDTH, count)
    reverse = np.arange(count) % 2
    onehot = (codes[:, None] == np.arange(len(BASES))[:, None]).astype(float)
    windows, bases = [], []
    for at in range(count):
        inside = slice(10 + start[at], 10 + start[at] + WIDTH)
        step = -1 if reverse[at] else 1
        windows.append((scores[at] * onehot[at])[::step, inside][:, ::step])
        bases.append(onehot[at][::step, inside][:, ::step])
    mean = np.mean(windows, axis=0)
    places = np.stack([np.arange(count), start, start + WIDTH, reverse], axis=1)
    bare = PatternMembers("p", mean, places, None, None, None, None, window)
    projected = (scores * onehot).sum(axis=1).astype(np.float32)
    stored = (
        (("region", "base", "position"), scores)
        if kind == "hypothetical"
        else (("region", "position"), projected)
    )
    regions = xr.Dataset(
        {"region_sequence": (("region", "position"), codes), "region_contributions": stored}
    )
    found = with_scores(bare, regions)
    np.testing.assert_allclose(found.contributions, windows, rtol=1e-6)
    np.testing.assert_array_equal(found.sequence, bases)
    assert (found.hypothetical is None) == (kind == "projected")
    numbered = regions.assign(region_example=("region", np.arange(count)))
    turned = with_scores(bare, numbered.isel(region=np.arange(count)[::-1]))
    np.testing.assert_array_equal(turned.contributions, found.contributions)
    # Elsewhere than TF-MoDISco looked, or without regions, there is nothing to cut.
    assert with_scores(bare._replace(window=20), regions) is None
    assert with_scores(bare._replace(window=38), regions) is None
    assert with_scores(bare, None) is None
    assert with_scores(bare, regions.isel(region=slice(5))) is None
    assert with_scores(bare._replace(places=places[:0]), regions) is None


def test_members__of_a_real_file_are_those_of_its_patterns() -> None:
    if not CTCF.is_file():
        pytest.skip(f"{CTCF} is not here")
    for members in read_members(CTCF):
        np.testing.assert_allclose(members.contributions.mean(axis=0), members.cwm, atol=1e-7)
        np.testing.assert_allclose(members.hypothetical * members.sequence, members.contributions)
        assert members.subpattern.min() >= 0
        found = find_submotifs(members)
        assert found.kinds["count"].sum() == len(members.places)
        assert (found.kinds["count"].diff("submotif") <= 0).all()


def test_members__that_do_not_go_together_are_refused(tmp_path) -> None:
    import h5py

    with pytest.raises(ReadError, match="no such file or directory; expected a TF-MoDISco"):
        list(read_members(tmp_path / "none.h5"))
    for name, change in (
        ("a", {"start": np.zeros(3)}),
        ("b", {"contrib_scores": np.zeros((5, 4))}),
    ):
        path = tmp_path / f"{name}.h5"
        columns = {key: np.zeros(5) for key in ("example_idx", "start", "end", "is_revcomp")}
        with h5py.File(path, "w") as file:
            pattern = file.create_group("pos_patterns/pattern_0")
            pattern["contrib_scores"] = np.ones((WIDTH, 4))
            for key, values in (columns | change).items():
                pattern[f"seqlets/{key}"] = values
        with pytest.raises(ReadError, match="pos_patterns/pattern_0/seqlets"):
            list(read_members(path))
