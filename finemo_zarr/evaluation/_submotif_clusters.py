"""Seqlets into clusters, from their similarities."""

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation.jaccard import continuous_jaccard

FloatArray = NDArray[np.float64]
_DIMENSIONS = 10
_FEWEST_OF_KIND = 5
_DRAWS = 20


def classical_scaling(distance: FloatArray, dimensions: int = _DIMENSIONS) -> FloatArray:
    """Points whose distances are as near to those given as a plane through them can be.

    Parameters
    ----------
    distance : array, ``(item, item)``
        Symmetric, zero on the diagonal.
    dimensions : int
        How many axes, the one with the largest spread first.

    Returns
    -------
    array of float, ``(item, dimensions)``
        Of each axis, the largest value is positive; axes that do not exist are zero.
    """
    from scipy.linalg import eigh

    size = len(distance)
    points = np.zeros((size, dimensions))
    count = min(dimensions, size)
    if not count:
        return points
    squared = distance**2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = eigh(-centred / 2, subset_by_index=(size - count, size - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    points[:, :count] = vectors * np.sqrt(np.maximum(values, 0))
    top = np.abs(points).argmax(axis=0)
    signs = np.where(points[top, np.arange(dimensions)] < 0, -1.0, 1.0)
    signed: FloatArray = points * signs
    return signed


def silhouette(distance: FloatArray, labels: NDArray[np.int64]) -> float:
    """Mean silhouette of clusters; 0 for an item that is alone in its own.

    Parameters
    ----------
    distance : array, ``(item, item)``
    labels : array of int, ``(item,)``
        At least two clusters, numbered from 0 on without gaps.
    """
    number = int(labels.max()) + 1
    member = (labels[:, None] == np.arange(number)).astype(np.float64)
    size = member.sum(axis=0)
    total = distance @ member
    rows = np.arange(len(labels))
    own = total[rows, labels] / np.maximum(size[labels] - 1, 1)
    others = total / size
    others[rows, labels] = np.inf
    nearest = others.min(axis=1)
    largest = np.maximum(own, nearest)
    score = np.divide(nearest - own, largest, out=np.zeros_like(own), where=largest > 0)
    return float(np.where(size[labels] > 1, score, 0.0).mean())


def cluster_points(
    points: FloatArray, *, most_kinds: int, draws: int = _DRAWS, seed: int = 0
) -> NDArray[np.int64]:
    """Clusters by Ward's method, if there are any.

    The number of clusters is that with the largest mean silhouette. Even points of one cloud fall
    into some, few points more than many; so there is one cluster unless the silhouette is larger
    than in each of some draws from one normal distribution with the same spread along each axis.

    Parameters
    ----------
    points : array, ``(item, axis)``
        From :func:`classical_scaling`.
    most_kinds : int
        Most clusters. None has fewer than five items.
    draws : int
        Number of draws; with 20, one cloud is taken for several about once in 20 times.
    seed : int
        Of the draws.

    Returns
    -------
    array of int, ``(item,)``
        Numbers of clusters, from 0.
    """
    labels, score = _best_clusters(points, most_kinds)
    if not labels.any():
        return labels
    rng = np.random.default_rng(seed)
    spread = points.std(axis=0)
    for _ in range(draws):
        cloud = rng.normal(size=points.shape) * spread
        if _best_clusters(cloud, most_kinds)[1] >= score:
            return np.zeros(len(points), np.int64)
    return labels


def _best_clusters(points: FloatArray, most_kinds: int) -> tuple[NDArray[np.int64], float]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import cdist

    best, most = np.zeros(len(points), np.int64), 0.0
    if len(points) < 2 * _FEWEST_OF_KIND:
        return best, most
    tree, distance = linkage(points, "ward"), cdist(points, points)
    for number in range(2, most_kinds + 1):
        labels = fcluster(tree, number, criterion="maxclust").astype(np.int64) - 1
        counts = np.bincount(labels)
        if counts.size < 2 or counts.min() < _FEWEST_OF_KIND:
            continue
        score = silhouette(distance, labels)
        if score > most:
            best, most = labels, score
    return best, most


def jaccard_to_groups(
    features: FloatArray, compared: FloatArray, labels: NDArray[np.int64]
) -> FloatArray:
    """Mean similarity ``(item, group)`` to the members of groups."""
    number = int(labels.max(initial=0)) + 1
    similarity = continuous_jaccard(features, compared)
    member = (labels[:, None] == np.arange(number)).astype(np.float64)
    mean: FloatArray = similarity @ member / np.maximum(member.sum(axis=0), 1)
    return mean
