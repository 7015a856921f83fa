import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import motif_similarity
from finemo_zarr.evaluation._motif_alignments import align, best_similarities, reversed_cores
from finemo_zarr.evaluation.motif_clusters import cluster_motifs, join_groups
from finemo_zarr.model import create_motifs


def motifs(matrices, names=None):
    """A motifs dataset of matrices ``(width, 4)``."""
    width = max(map(len, matrices))
    padded = np.zeros((len(matrices), 4, width))
    for target, matrix in zip(padded, matrices, strict=True):
        target[:, : len(matrix)] = np.asarray(matrix).T
    names = names or [f"m{number}" for number in range(len(matrices))]
    return create_motifs(names, padded, widths=[len(matrix) for matrix in matrices])


def families(seed=0, kinds=3, copies=4, width=9):
    """Copies of random motifs, shifted within flanks, turned and blurred, with their kind."""
    rng = np.random.default_rng(seed)
    made, kind = [], []
    for number in range(kinds):
        core = np.eye(4)[rng.integers(0, 4, width)] * rng.uniform(0.6, 1, (width, 1))
        for copy in range(copies):
            left, right = rng.integers(1, 5, 2)
            matrix = np.concatenate([np.zeros((left, 4)), core, np.zeros((right, 4))])
            matrix = matrix + rng.normal(0, 0.02, matrix.shape)
            made.append(matrix[::-1, ::-1] if copy % 2 else matrix)
            kind.append(number)
    return made, np.array(kind)


@pytest.mark.parametrize(
    "options", [{}, {"n_clusters": 3}, {"method": "ward", "n_clusters": 3}], ids=str
)
def test_clusters__of_planted_families_are_those(options) -> None:
    matrices, kind = families()
    found = cluster_motifs({"a": motifs(matrices[::2]), "b": motifs(matrices[1::2])}, **options)
    kind = np.concatenate([kind[::2], kind[1::2]])
    labels = found.motifs["cluster"].values
    assert found.clusters["count"].values.tolist() == [4, 4, 4]
    for number in range(3):
        assert np.unique(kind[labels == number]).size == 1
    assert found.clusters["num_groups"].values.tolist() == [2, 2, 2]
    assert found.motifs["motif"].values[0] == "a:m0"
    assert found.motifs["group"].values.tolist() == ["a"] * 6 + ["b"] * 6
    # Each family stands together in the tree.
    order = np.argsort(found.motifs["leaf"].values)
    assert (np.diff(labels[order]) != 0).sum() == 2
    # In a family, every second one was turned.
    turned = found.motifs["reverse"].values
    for number in range(3):
        assert turned[labels == number].sum() == 2


def test_clusters__aggregates_are_the_motif_of_their_family() -> None:
    matrices, _ = families(kinds=1, copies=6)
    found = cluster_motifs({"a": motifs(matrices)})
    assert found.clusters.sizes["cluster"] == 1
    width = int(found.clusters["width"][0])
    mean = found.clusters["cwm"].values[0, :, :width]
    assert width == 9
    for at in range(6):
        own = found.cores["cwm"].values[at, :, : int(found.cores["width"][at])]
        assert (own * mean).sum() / np.linalg.norm(own) / np.linalg.norm(mean) > 0.99
    assert found.clusters["mean_similarity"][0] > 0.98
    assert np.isnan(found.clusters["cwm"].values[0, :, width:]).all()


def test_clusters__are_no_more_than_asked_for() -> None:
    rng = np.random.default_rng(2)
    data = motifs([rng.normal(size=(8, 4)) for _ in range(12)])
    for number in (1, 2, 5, 12, 40):
        for method in ("average", "ward"):
            found = cluster_motifs({"a": data}, n_clusters=number, method=method)
            count = found.clusters.sizes["cluster"]
            assert count <= number
            assert count == min(number, 12)
            below = (found.tree[:, 2] <= found.height).sum()
            assert 12 - below == count


def test_clusters__of_one_motif_and_of_none() -> None:
    found = cluster_motifs({"a": motifs([np.eye(4)])})
    assert found.clusters["count"].values.tolist() == [1]
    assert found.clusters["mean_similarity"].values.tolist() == [1]
    assert found.tree.shape == (0, 4)
    with pytest.raises(SchemaError, match="method is 'single'"):
        cluster_motifs({"a": motifs([np.eye(4)])}, method="single")
    with pytest.raises(SchemaError, match="min_similarity 2"):
        cluster_motifs({"a": motifs([np.eye(4)])}, min_similarity=2)


def test_similarity__is_that_of_the_report_of_hits() -> None:
    rng = np.random.default_rng(1)
    data = motifs([rng.normal(size=(rng.integers(4, 14), 4)) ** 3 for _ in range(15)])
    found = cluster_motifs({"a": data}).motifs["similarity"].values
    expected = motif_similarity(join_groups({"a": data}))["motif_similarity"].values
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(np.diag(found), 1)


def brute(a, b) -> float:
    """Largest cosine over offsets with half of the shorter shared, on both strands."""
    best = -np.inf
    for other in (b, b[::-1, ::-1]):
        for offset in range(1 - other.shape[1], a.shape[1]):
            low, high = max(offset, 0), min(a.shape[1], offset + other.shape[1])
            if high - low >= 0.5 * min(a.shape[1], other.shape[1]):
                value = (a[:, low:high] * other[:, low - offset : high - offset]).sum()
                best = max(best, value)
    return best


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_align__finds_the_best_place(seed) -> None:
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 9, 4)
    cores = np.zeros((4, 4, 8))
    for core, width in zip(cores, widths, strict=True):
        core[:, :width] = rng.normal(size=(4, width))
    cores /= np.linalg.norm(cores, axis=(1, 2), keepdims=True)
    rows = np.arange(4)
    found = align(cores, widths, rows, rows)
    turned = reversed_cores(cores, widths)
    for a in rows:
        for b in rows:
            exact = brute(cores[a, :, : widths[a]], cores[b, :, : widths[b]])
            assert found.similarity[a, b] == pytest.approx(exact)
            other = turned[b] if found.reverse[a, b] else cores[b]
            offset = int(found.offset[a, b])
            low, high = max(offset, 0), min(widths[a], offset + widths[b])
            placed = (cores[a][:, low:high] * other[:, low - offset : high - offset]).sum()
            assert placed == pytest.approx(exact)
    both = best_similarities(cores, widths).similarity
    np.testing.assert_allclose(both, both.T)
