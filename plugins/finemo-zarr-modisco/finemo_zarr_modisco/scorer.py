"""Which class a seqlet belongs to: the gain in modularity, and what it is worth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Modularity:
    """Gains in modularity for joining communities.

    Parameters
    ----------
    community : array of int, ``(reference,)``
        Community of each reference seqlet.
    class_of : array of int, ``(community,)``
        Class of each community.
    totals : array, ``(community,)``
        Sum of the affinities of its members.
    """

    community: IntArray
    class_of: IntArray
    totals: FloatArray

    def class_scores(self, row: IntArray, neighbour: IntArray, affinity: FloatArray) -> FloatArray:
        """Largest gain ``(seqlet, class)`` over the communities of each class.

        Parameters
        ----------
        row, neighbour, affinity : arrays, ``(pair,)``
            Number of the seqlet, from 0 and each at least once, the reference seqlet, and how near
            they are.
        """
        count = int(row.max(initial=-1)) + 1
        communities = len(self.totals)
        key = row * communities + self.community[neighbour]
        inside = _sums(key, affinity, count * communities)
        gains = modularity_gain(
            inside.reshape(count, communities),
            _sums(row, affinity, count)[:, None],
            self.totals,
            float(self.totals.sum()),
        )
        best = np.full((count, int(self.class_of.max()) + 1), -np.inf)
        for index, owner in enumerate(self.class_of):
            best[:, owner] = np.maximum(best[:, owner], gains[:, index])
        return best


def _sums(key: IntArray, values: FloatArray, count: int) -> FloatArray:
    sums: FloatArray = np.bincount(key, values, minlength=count).astype(np.float64, copy=False)
    return sums


def modularity_gain(
    inside: FloatArray, degree: FloatArray, totals: FloatArray, twice_all: float
) -> FloatArray:
    """Gain in modularity of a graph that gets a new node, if that joins a community.

    Parameters
    ----------
    inside : array
        Affinities of the node to the members.
    degree : array
        Its affinities to all.
    totals : array
        Sum over the rows of the members.
    twice_all : float
        Sum of all affinities.
    """
    grown = twice_all + degree
    gain: FloatArray = 2 * inside / grown - 2 * (totals + inside) * degree / grown**2
    return gain


@dataclass(frozen=True, eq=False)
class Percentile:
    """Share of the reference seqlets of a class that score lower.

    Parameters
    ----------
    scores : array, ``(seqlet,)``
        Their scores, in ascending order.
    """

    scores: FloatArray

    @classmethod
    def of(cls, scores: FloatArray) -> "Percentile":
        """Make one of scores in any order."""
        return cls(np.sort(scores))

    def __call__(self, values: FloatArray) -> FloatArray:
        """Share ``(value,)``, 1 above the largest."""
        share: FloatArray = np.searchsorted(self.scores, values, side="left") / len(self.scores)
        return share


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the scores of one class are worth.

    Parameters
    ----------
    precision : sklearn.isotonic.IsotonicRegression
        Share of seqlets of the class among those with such a score.
    percentile, neighbour_sum, neighbour_mean : Percentile
        For the gain in modularity, and for sum and mean of the similarities of neighbours.
    """

    precision: Any
    percentile: Percentile
    neighbour_sum: Percentile
    neighbour_mean: Percentile

    @classmethod
    def fit(cls, own: NDArray[np.bool_], scores: tuple[FloatArray, ...]) -> "Calibration":
        """Fit to reference seqlets.

        Parameters
        ----------
        own : array of bool, ``(reference,)``
            Whether the seqlet is of the class.
        scores : three arrays, ``(reference,)``
            Gain in modularity, sum and mean of the similarities of neighbours.
        """
        from sklearn.isotonic import IsotonicRegression

        precision = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        precision.fit(scores[0], own.astype(np.float64))
        return cls(precision, *(Percentile.of(each[own]) for each in scores))


def neighbour_scores(
    neighbour_class: IntArray, similarity: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Sum and mean ``(seqlet, class)`` of the similarities of the neighbours of each class.

    Parameters
    ----------
    neighbour_class, similarity : arrays, ``(seqlet, neighbour)``
        Class of each neighbour, -1 to leave one out, and its similarity.
    count : int
        Number of classes.
    """
    rows = np.arange(len(similarity))[:, None]
    kept = neighbour_class >= 0
    key = (rows * count + neighbour_class)[kept]
    size = len(similarity) * count
    sums = _sums(key, similarity[kept], size).reshape(-1, count)
    counts = np.bincount(key, minlength=size).reshape(-1, count)
    return sums, sums / np.maximum(counts, 1)
