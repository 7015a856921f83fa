"""Seqlets of a block against the reference: the class of each, its place, and what it is worth."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_modisco.jaccard import align, jaccard, l1_normalised, on_pattern
from finemo_zarr_modisco.model import ScoringModel
from finemo_zarr_modisco.reference import Neighbours, nearest
from finemo_zarr_modisco.scorer import neighbour_scores

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matches:
    """The best class of each seqlet, arrays ``(seqlet,)``.

    Parameters
    ----------
    owner : array of int
        Class.
    offset : array of int
        Start of its window relative to that of the seqlet, in bp.
    reverse : array of bool
        Whether it lies on the other strand.
    agg_sim : array
        Similarity with the mean of the pattern.
    mod_delta : array
        Gain in modularity.
    mod_precision : array
        Share of the class among reference seqlets with such a gain.
    mod_percentile : array
        Share of the reference seqlets of the class with a smaller gain.
    fann_sum_percentile, fann_avg_percentile : arrays
        The same for sum and mean of the similarities of its neighbours in the class.
    """

    owner: NDArray[np.int64]
    offset: NDArray[np.int64]
    reverse: NDArray[np.bool_]
    agg_sim: FloatArray
    mod_delta: FloatArray
    mod_precision: FloatArray
    mod_percentile: FloatArray
    fann_sum_percentile: FloatArray
    fann_avg_percentile: FloatArray


def match(model: ScoringModel, windows: FloatArray) -> Matches:
    """Score seqlets, some at a time, so that memory is bounded.

    Parameters
    ----------
    model : ScoringModel
        What was learned.
    windows : array, ``(seqlet, track, window, 4)``
        Scores of seqlets.
    """
    step = model.reference.rows_at_once()
    parts = [
        _match(model, l1_normalised(windows[first : first + step]))
        for first in range(0, max(len(windows), 1), step)
    ]
    return Matches(
        *(np.concatenate([getattr(p, each.name) for p in parts]) for each in fields(Matches))
    )


def _match(model: ScoringModel, windows: FloatArray) -> Matches:
    found = _neighbours(model, windows)
    row, affinity = model.affinities(found)
    count = len(windows)
    gains = np.zeros((0, len(model.calibrations)))
    if count:
        gains = model.modularity.class_scores(row, found.index.ravel(), affinity)
    owner = gains.argmax(axis=1)
    rows = np.arange(count)
    placed = align(windows, model.reference.patterns)
    offset, reverse = placed.offset[rows, owner], placed.reverse[rows, owner]
    lying = on_pattern(windows, offset, reverse)
    sums, means = neighbour_scores(
        model.reference.classes[found.index], found.similarity, len(model.calibrations)
    )
    scores = [gains[rows, owner], sums[rows, owner], means[rows, owner]]
    return Matches(
        owner,
        offset,
        reverse,
        jaccard(lying, model.reference.patterns[owner]),
        scores[0],
        *_calibrated(model, owner, scores),
    )


def _calibrated(
    model: ScoringModel, owner: NDArray[np.int64], scores: list[FloatArray]
) -> tuple[FloatArray, ...]:
    precision, percentile, by_sum, by_mean = (np.zeros(len(owner)) for _ in range(4))
    for index in np.unique(owner):
        rows, fitted = owner == index, model.calibrations[index]
        precision[rows] = fitted.precision.predict(scores[0][rows])
        percentile[rows] = fitted.percentile(scores[0][rows])
        by_sum[rows] = fitted.neighbour_sum(scores[1][rows])
        by_mean[rows] = fitted.neighbour_mean(scores[2][rows])
    return precision, percentile, by_sum, by_mean


def _neighbours(model: ScoringModel, windows: FloatArray) -> Neighbours:
    """The nearest references of seqlets, each aligned with the subpattern of the reference."""
    reference = model.reference
    placed = align(windows, reference.subpatterns)
    similar = [
        reference.similarities(
            index, on_pattern(windows, placed.offset[:, index], placed.reverse[:, index])
        )
        for index in range(len(reference.subpatterns))
    ]
    return nearest(np.concatenate(similar, axis=1))
