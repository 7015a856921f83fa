"""Motifs of several files, clustered by how much they resemble one another."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation._instances import MotifTable
from finemo_zarr.evaluation._motif_alignments import (
    align_to,
    best_similarities,
    reversed_cores,
    unit_cores,
)
from finemo_zarr.motifs import MotifOptions, combine_motifs, prepare_motifs

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
Method = Literal["average", "ward"]
_SEPARATOR = ":"
_LEAST_COVERED = 0.5


class MotifClusters(NamedTuple):
    """Clusters of motifs.

    Parameters
    ----------
    motifs : xarray.Dataset
        For each motif: ``group``, the file that it is from, ``cluster``, from 0, the largest first,
        ``reverse``, whether it is turned to resemble the centre of its cluster, and ``offset``,
        where its core then begins relative to that of the centre, in bp; ``similarity`` ``(motif,
        other_motif)``; ``leaf``, its place in the tree. Names are ``group:motif``, or those of the
        file where there is one group.
    clusters : xarray.Dataset
        For each cluster: ``count``, ``num_groups``, ``centre``, the name of the motif that is most
        like the others, ``mean_similarity`` of its pairs (1 for one motif alone), and ``cwm``
        ``(cluster, base, position)``, the mean of its motifs, each scaled to length one and aligned
        with the centre, where at least half of them have a value; NaN beyond its ``width``; it
        begins at ``first`` relative to the core of the centre, in bp.
    cores : xarray.Dataset
        ``cwm`` ``(motif, base, position)`` and ``width``: the core of each motif, on the strand
        that its cluster has.
    tree : array of float, ``(motif - 1, 4)``
        The linkage matrix of SciPy.
    height : float
        Where the tree was cut.
    """

    motifs: "xr.Dataset"
    clusters: "xr.Dataset"
    cores: "xr.Dataset"
    tree: FloatArray
    height: float


def join_groups(groups: Mapping[str, "xr.Dataset"]) -> "xr.Dataset":
    """Motifs of several files in one oriented dataset, named ``group:motif``.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        Motifs datasets, not oriented, by the name of their group.

    Returns
    -------
    xarray.Dataset
        An oriented motifs dataset.

    Raises
    ------
    SchemaError
        If there is no motif, or two have the same name.
    """
    import warnings

    from finemo_zarr.errors import UnreachableMotifWarning

    several = len(groups) > 1
    renamed = []
    for group, motifs in groups.items():
        old = [str(name) for name in motifs["motif_name"].values]
        names = [f"{group}{_SEPARATOR}{name}" if several else name for name in old]
        strings = np.array(names, dtype=np.dtypes.StringDType())
        renamed.append(motifs.assign(motif_name=("motif", strings)))
    joined = combine_motifs(renamed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableMotifWarning)  # nothing is called here
        return prepare_motifs(joined, MotifOptions())


def cluster_motifs(
    groups: Mapping[str, "xr.Dataset"],
    *,
    method: Method = "average",
    n_clusters: int = 0,
    min_similarity: float = 0.7,
) -> MotifClusters:
    """Cluster the motifs of one or several files.

    Two motifs are as similar as the largest cosine of their cores, over all offsets at which these
    share at least half of the shorter, and over both strands.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        Motifs datasets, not oriented, by the name of their group.
    method : {"average", "ward"}
        ``average``: mean linkage of one minus the similarity. ``ward``: Ward's linkage of the rows
        of the matrix of similarities, that is, of how similar motifs are to all others.
    n_clusters : int
        How many clusters to make at most; 0 to cut the tree by similarity.
    min_similarity : float
        Where there is no number: the least mean similarity of clusters that are joined
        (``average``), or the distance 1 minus it (``ward``).

    Raises
    ------
    SchemaError
        If there is no motif, names repeat, or an option is none that there is.
    """
    import xarray as xr

    if method not in get_args(Method):
        raise SchemaError(f"method is {method!r}, expected {' or '.join(get_args(Method))}")
    if n_clusters < 0 or not -1 <= min_similarity <= 1:
        raise SchemaError(
            f"n_clusters is {n_clusters}, min_similarity {min_similarity}; expected 0 or more, and"
            " a number from -1 to 1"
        )
    oriented = join_groups(groups)
    table = MotifTable.of(oriented)
    cores, widths = unit_cores(oriented, table, "motif_cwm")
    similarity = best_similarities(cores, widths).similarity
    tree, order = _tree(similarity, method)
    labels, height = _cut(tree, len(widths), n_clusters, 1 - min_similarity)
    labels = _largest_first(labels)
    turned, offsets, clusters = _clusters(table, cores, widths, similarity, labels)
    leaf = np.empty(len(order), np.int64)
    leaf[order] = np.arange(len(order))
    of_group = [group for group, motifs in groups.items() for _ in range(motifs.sizes["motif"])]
    names = table.names.tolist()
    clusters["num_groups"] = (
        "cluster",
        [
            len({g for g, at in zip(of_group, labels, strict=True) if at == c})
            for c in range(clusters.sizes["cluster"])
        ],
    )
    coords = {"motif": names, "other_motif": names}
    motifs = xr.Dataset(
        {
            "group": ("motif", np.array(of_group, dtype=np.dtypes.StringDType())),
            "cluster": ("motif", labels),
            "reverse": ("motif", turned),
            "offset": ("motif", offsets),
            "leaf": ("motif", leaf),
            "similarity": (("motif", "other_motif"), similarity),
        },
        coords=coords,
    )
    shown = np.where(turned[:, None, None], reversed_cores(cores, widths), cores)
    drawn = xr.Dataset(
        {"cwm": (("motif", "base", "position"), shown), "width": ("motif", widths)},
        coords={"motif": names, "base": list("ACGT")},
    )
    return MotifClusters(motifs, clusters, drawn, tree, height)


def _tree(similarity: FloatArray, method: Method) -> tuple[FloatArray, NDArray[np.int64]]:
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(similarity) < 2:
        return np.zeros((0, 4)), np.arange(len(similarity))
    ordered = len(similarity) <= 300
    if method == "ward":
        tree = linkage(similarity, "ward", optimal_ordering=ordered)
    else:
        distance = np.maximum(1 - similarity, 0)
        np.fill_diagonal(distance, 0)
        tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=ordered)
    return tree, leaves_list(tree).astype(np.int64)


def _cut(
    tree: FloatArray, count: int, n_clusters: int, distance: float
) -> tuple[NDArray[np.int64], float]:
    from scipy.cluster.hierarchy import fcluster

    if count < 2:
        return np.zeros(count, np.int64), distance
    if not n_clusters:
        labels = fcluster(tree, distance, criterion="distance")
        return labels.astype(np.int64) - 1, distance
    labels = fcluster(tree, n_clusters, criterion="maxclust").astype(np.int64) - 1
    made = int(labels.max()) + 1
    below = float(tree[count - made - 1, 2]) if made < count else 0.0
    above = float(tree[count - made, 2]) if made > 1 else below
    return labels, (below + above) / 2


def _largest_first(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number clusters by size, those of equal size by their first motif."""
    numbers, first, counts = np.unique(labels, return_index=True, return_counts=True)
    rank = np.empty(int(labels.max(initial=-1)) + 1, np.int64)
    rank[numbers[np.lexsort((first, -counts))]] = np.arange(numbers.size)
    return rank[labels]


def _clusters(
    table: MotifTable,
    cores: FloatArray,
    widths: NDArray[np.int64],
    similarity: FloatArray,
    labels: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.int64], "xr.Dataset"]:
    """Strand and place of each motif in its cluster, and the clusters."""
    turned = np.zeros(len(labels), np.bool_)
    offsets = np.zeros(len(labels), np.int64)
    rows: list[dict[str, Any]] = []
    for own in _members(labels):
        block = similarity[np.ix_(own, own)]
        centre = int(own[block.sum(axis=0).argmax()])
        turned[own], offsets[own] = align_to(cores, widths, centre, own)
        pairs = own.size * (own.size - 1)
        rows.append(
            {
                "count": own.size,
                "centre": str(table.names[centre]),
                "mean_similarity": (block.sum() - np.trace(block)) / pairs if pairs else 1.0,
                **_aggregate(cores[own], widths[own], turned[own], offsets[own]),
            }
        )
    return turned, offsets, _joined(rows)


def _members(labels: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for number in range(int(labels.max(initial=-1)) + 1):
        yield np.flatnonzero(labels == number)


def _aggregate(
    cores: FloatArray,
    widths: NDArray[np.int64],
    turned: NDArray[np.bool_],
    offsets: NDArray[np.int64],
) -> dict[str, Any]:
    """Mean of aligned motifs where at least half of them have a value, and where it begins."""
    first = int(offsets.min())
    size = int((offsets + widths).max()) - first
    total, covered = np.zeros((4, size)), np.zeros(size)
    both = np.where(turned[:, None, None], reversed_cores(cores, widths), cores)
    for core, width, at in zip(both, widths.tolist(), (offsets - first).tolist(), strict=True):
        total[:, at : at + width] += core[:, :width]
        covered[at : at + width] += 1
    kept = np.flatnonzero(covered >= _LEAST_COVERED * len(cores))
    inside = slice(int(kept[0]), int(kept[-1]) + 1)
    mean: FloatArray = total[:, inside] / np.maximum(covered[inside], 1)
    return {"cwm": mean, "first": first + inside.start}


def _joined(rows: list[dict[str, Any]]) -> "xr.Dataset":
    import xarray as xr

    widths = [row["cwm"].shape[1] for row in rows]
    cwm = np.full((len(rows), 4, max(widths, default=1)), np.nan)
    for target, row, width in zip(cwm, rows, widths, strict=True):
        target[:, :width] = row["cwm"]
    centres = np.array([row["centre"] for row in rows], dtype=np.dtypes.StringDType())
    return xr.Dataset(
        {
            "count": ("cluster", np.array([row["count"] for row in rows], np.int64)),
            "centre": ("cluster", centres),
            "first": ("cluster", np.array([row["first"] for row in rows], np.int64)),
            "mean_similarity": ("cluster", np.array([row["mean_similarity"] for row in rows])),
            "cwm": (("cluster", "base", "position"), cwm),
            "width": ("cluster", np.array(widths, np.int64)),
        },
        coords={"cluster": np.arange(len(rows)), "base": list("ACGT")},
    )
