"""The reference seqlets, and which of them are near."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_modisco.communities import subclusters
from finemo_zarr_modisco.jaccard import (
    flipped,
    jaccard,
    l1_normalised,
    most_similar,
    pairwise_jaccard,
)
from finemo_zarr_modisco.patterns import Pattern

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NEIGHBOURS = 500
_MEMBERS = 100
_SEED = 1234
_AT_ONCE = 2**20  # numbers of an array of similarities


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The most similar reference seqlets, arrays ``(seqlet, neighbour)``, the nearest first."""

    index: IntArray
    similarity: FloatArray


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference seqlets and what is known of them.

    Parameters
    ----------
    patterns : array, ``(class, track, window, 4)``
        Mean of the seqlets of each pattern, normalised.
    subpatterns : array, ``(subpattern, track, window, 4)``
        The same of the subpatterns.
    windows : array, ``(reference, track, window, 4)``
        The reference seqlets, normalised, in the direction of their pattern, those of a subpattern
        together.
    members : array of int, ``(subpattern + 1,)``
        Where the seqlets of each subpattern begin.
    classes : array of int, ``(reference,)``
        The pattern of each.
    """

    patterns: FloatArray
    subpatterns: FloatArray
    windows: FloatArray
    members: IntArray
    classes: IntArray

    @classmethod
    def of(cls, patterns: Sequence[Pattern], seeds: int) -> "Reference":
        """Make subpatterns, and take at most 100 seqlets of each."""
        chosen: list[FloatArray] = []
        owners: list[int] = []
        for owner, pattern in enumerate(patterns):
            labels = subclusters(pattern.windows, seeds)
            for label in range(int(labels.max()) + 1):
                rows = np.flatnonzero(labels == label)
                if len(rows) > _MEMBERS:
                    random = np.random.RandomState(_SEED)
                    rows = np.sort(random.choice(rows, _MEMBERS, replace=False))
                chosen.append(pattern.raw[rows])
                owners.append(owner)
        sizes = [len(raw) for raw in chosen]
        return cls(
            _means([pattern.raw for pattern in patterns]),
            _means(chosen),
            l1_normalised(np.concatenate(chosen)),
            np.concatenate([[0], np.cumsum(sizes)]),
            np.repeat(owners, sizes),
        )

    def similarities(self, subpattern: int, windows: FloatArray) -> FloatArray:
        """Similarity ``(window, member)`` of windows that lie on a subpattern with its members."""
        first, last = self.members[subpattern : subpattern + 2]
        return pairwise_jaccard(windows, self.windows[first:last])

    def rows_at_once(self) -> int:
        """How many seqlets to compare with all references at a time."""
        return max(1, _AT_ONCE // max(len(self.windows), int(self.windows[0].size)))


def _means(raw: Sequence[FloatArray]) -> FloatArray:
    return l1_normalised(np.stack([scores.mean(axis=0) for scores in raw]))


def nearest(similarity: FloatArray, count: int = NEIGHBOURS) -> Neighbours:
    """The `count` most similar of each row."""
    order = most_similar(similarity, count)
    return Neighbours(order, np.take_along_axis(similarity, order, axis=1))


def reference_neighbours(reference: Reference) -> Neighbours:
    """Neighbours of the reference seqlets, as they lie, on the better strand."""
    parts = []
    step = reference.rows_at_once()
    for first in range(0, len(reference.windows), step):
        windows = reference.windows[first : first + step]
        similar = []
        for index, pattern in enumerate(reference.subpatterns):
            whole = np.broadcast_to(pattern, windows.shape)
            turned = flipped(windows)
            other = jaccard(turned, whole) > jaccard(windows, whole)
            placed = np.where(other[:, None, None, None], turned, windows)
            similar.append(reference.similarities(index, placed))
        parts.append(nearest(np.concatenate(similar, axis=1)))
    return Neighbours(
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.similarity for part in parts]),
    )
