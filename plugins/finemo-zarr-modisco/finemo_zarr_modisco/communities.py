"""Communities of seqlets by the Leiden algorithm."""

import random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_modisco.density import find_betas
from finemo_zarr_modisco.jaccard import distance, most_similar, pairwise_jaccard

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PERPLEXITY = 50
_SEED_STEP = 100
_LEAST_GAIN = 1e-12  # of modularity: less is rounding
_AT_ONCE = 2**20  # numbers of an array of similarities


def subclusters(windows: NDArray[np.float64], seeds: int) -> NDArray[np.int64]:
    """Subpatterns of the seqlets of a pattern, numbered from 0 by size, the largest first.

    Parameters
    ----------
    windows : array, ``(seqlet, track, width, 4)``
        Seqlets, normalised, in the direction of the pattern.
    seeds : int
        How many starts of the Leiden algorithm; the best result is kept.

    Returns
    -------
    array of int, ``(seqlet,)``
    """
    if len(windows) < 3:
        return np.zeros(len(windows), np.int64)
    graph = _neighbour_graph(windows)
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    return by_size(_best(graph, degrees, degrees.sum(), seeds))


def by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number labels anew, the most frequent first, and of those the one that appears first."""
    names, first, index, counts = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(names), np.int64)
    rank[np.lexsort((first, -counts))] = np.arange(len(names))
    return rank[index]


def refine(affinities: "csr_array", classes: NDArray[np.int64], seeds: int) -> NDArray[np.int64]:
    """Communities that never hold seqlets of two classes.

    Modularity is a sum over communities, so that each class is searched by itself, with the degrees
    that its seqlets have among all.

    Parameters
    ----------
    affinities : sparse array, ``(seqlet, seqlet)``
        Symmetric affinities.
    classes : array of int, ``(seqlet,)``
        The pattern of each.
    seeds : int
        How many starts for each class; the best result is kept.

    Returns
    -------
    array of int, ``(seqlet,)``
        Numbered from 0, those of a class together.
    """
    degrees = np.asarray(affinities.sum(axis=1)).ravel()
    labels = np.zeros(len(classes), np.int64)
    first = 0
    for owner in np.unique(classes):
        rows = np.flatnonzero(classes == owner)
        part = affinities[rows][:, rows]
        labels[rows] = first + by_size(_best(part, degrees[rows], degrees.sum(), seeds))
        first = int(labels[rows].max()) + 1
    return labels


def _neighbour_graph(windows: NDArray[np.float64]) -> "csr_array":
    """Joint probabilities of neighbours, as t-SNE makes them."""
    from scipy.sparse import csr_array

    count = len(windows)
    nearest = min(count - 1, 3 * PERPLEXITY + 1)
    others, far = _nearest(windows, nearest)
    bounds = np.arange(count + 1) * nearest
    beta = find_betas(far.ravel(), bounds, PERPLEXITY)
    weights = np.exp(-beta[:, None] * (far - far.min(axis=1, keepdims=True)))
    weights /= weights.sum(axis=1, keepdims=True)
    graph = csr_array((weights.ravel(), others.ravel(), bounds), shape=(count, count))
    graph = graph + graph.T
    return csr_array(graph / graph.sum())


def _nearest(
    windows: NDArray[np.float64], nearest: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The most similar other seqlets of each, and their distances ``(seqlet, neighbour)``."""
    count = len(windows)
    others = np.empty((count, nearest), np.int64)
    far = np.empty((count, nearest))
    step = max(1, _AT_ONCE // count)
    for first in range(0, count, step):
        rows = np.arange(first, min(first + step, count))
        similar = pairwise_jaccard(windows[rows], windows)
        similar[np.arange(len(rows)), rows] = -np.inf
        order = most_similar(similar, nearest)
        others[rows] = order
        far[rows] = distance(np.take_along_axis(similar, order, axis=1))
    return others, far


def _best(
    graph: "csr_array", degrees: NDArray[np.float64], twice_all: float, seeds: int
) -> NDArray[np.int64]:
    """Labels of the largest modularity of several starts, the first of equal ones.

    `graph` may be part of a larger one, in which nodes have `degrees`, of the sum `twice_all`.
    """
    import igraph
    from scipy.sparse import triu

    # Edges of a node with itself never change what is best.
    upper = triu(graph, k=1, format="coo")
    edges = np.column_stack([upper.row, upper.col]).astype(np.int64)
    network = igraph.Graph(n=graph.shape[0], edges=edges)
    # The algorithm draws among gains that are large beside 0.01.
    unit = len(degrees) / degrees.sum() if degrees.any() else 1.0
    options = {
        "objective_function": "CPM",  # with degrees as weights of nodes, this is modularity
        "weights": (unit * upper.data).tolist(),
        "node_weights": (unit * degrees).tolist(),
        "resolution": 1 / (unit * twice_all) if twice_all else 0.0,
        "n_iterations": -1,
    }
    best, most = np.zeros(len(degrees), np.int64), -np.inf
    try:
        for seed in range(0, seeds * _SEED_STEP, _SEED_STEP):
            igraph.set_random_number_generator(random.Random(seed))  # noqa: S311 - not a secret
            labels = np.array(network.community_leiden(**options).membership, np.int64)
            inside = upper.data[labels[upper.row] == labels[upper.col]].sum()
            found = 2 * inside - (np.bincount(labels, degrees) ** 2).sum() / (twice_all or 1.0)
            if found > most + _LEAST_GAIN * twice_all:
                best, most = labels, found
    finally:
        igraph.set_random_number_generator(random)
    return best
