"""Seqlets of both signs, by the recursive method of tangermeme."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_tangermeme.calibration import N_BINS, SeqletOptions, calibrated, two_steps
from finemo_zarr_tangermeme.packages import LOCK, package, tell_once


class Seqlets(NamedTuple):
    """Arrays ``(seqlet,)``: region, start, end, signed sum of the scores, p-value."""

    region: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    attribution: NDArray[np.float64]
    pvalue: NDArray[np.float64]

    def take(self, rows: Any) -> "Seqlets":
        """Some of the seqlets."""
        return Seqlets(*(values[rows] for values in self))

    def without(self, flanks: int) -> "Seqlets":
        """The seqlets as they were before so many bases were added on both sides."""
        return self._replace(start=self.start + flanks, end=self.end - flanks)


def call_seqlets(scores: NDArray[np.float32], options: SeqletOptions) -> Seqlets:
    """Call seqlets of positive sum, and those of negative sum apart from them.

    Flanks may overlap: a weak seqlet beside a strong one of the other sign takes nothing from it.

    Parameters
    ----------
    scores : array, ``(region, position)``
        Projected and finite.
    options : SeqletOptions
        How.

    Returns
    -------
    Seqlets
        Ordered by region and start.
    """
    package("tangermeme.seqlet", "Calling seqlets")
    tell_once("seqlets", "compiling the seqlet caller of tangermeme: some 8 s, in every process")
    if scores.shape[1] < max(options.shortest, 1) or not scores.size:
        return _empty()
    with LOCK:
        positive, negative = (_one_sign(scores, sign, options) for sign in (1, -1))
    # Where most scores have one sign, the quiet stretches stand out as if they had the other.
    above, below = positive.take(positive.attribution > 0), negative.take(negative.attribution < 0)
    inner = (found.without(options.flanks) for found in (below, above))
    apart = ~_overlapping(*inner, scores.shape)
    pairs: Any = zip(above, below.take(apart), strict=True)
    both = Seqlets(*map(np.concatenate, pairs))
    return both.take(np.lexsort((both.end, both.start, both.region)))


def _one_sign(scores: NDArray[np.float32], sign: int, options: SeqletOptions) -> Seqlets:
    signed = np.ascontiguousarray(scores if sign > 0 else -scores)
    if options.store is None:
        found = _each_by_itself(signed, options)
    else:
        found = _against_store(signed, sign, options)
    return found._replace(attribution=sign * found.attribution)


def _each_by_itself(signed: NDArray[np.float32], options: SeqletOptions) -> Seqlets:
    from tangermeme.seqlet import recursive_seqlets

    parts = [_empty()]
    longest = min(options.longest, signed.shape[1])
    for row in np.flatnonzero(signed.any(axis=1)).tolist():
        table = recursive_seqlets(
            signed[row : row + 1],
            threshold=options.threshold,
            min_seqlet_len=options.shortest,
            max_seqlet_len=longest,
            additional_flanks=options.flanks,
            n_bins=N_BINS,
        )
        start, end = table["start"].to_numpy(), table["end"].to_numpy()
        sums, pvalues = table["attribution"].to_numpy(), table["p-value"].to_numpy()
        parts.append(Seqlets(np.full(start.size, row), start, end, sums, pvalues))
    return Seqlets(*map(np.concatenate, zip(*parts, strict=True)))


def _against_store(signed: NDArray[np.float32], sign: int, options: SeqletOptions) -> Seqlets:
    assert options.store is not None
    tables, threshold = calibrated(sign, options.store, options)
    if tables is None or threshold is None:
        return _empty()
    _, decode = two_steps()
    xmin, bin_width, tails = tables
    fields = decode(
        signed,
        tails,
        xmin,
        bin_width,
        threshold,
        options.shortest,
        min(options.longest, signed.shape[1]),
        options.flanks,
        N_BINS,
    )
    return Seqlets(*fields)


def _overlapping(some: Seqlets, others: Seqlets, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of some seqlets share a base with one of the others."""
    edges = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    np.add.at(edges, (others.region, others.start), 1)
    np.add.at(edges, (others.region, others.end), -1)
    covered = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    covered[:, 1:] = np.cumsum(np.cumsum(edges, axis=1)[:, :-1] > 0, axis=1)
    shared: NDArray[np.bool_] = covered[some.region, some.end] > covered[some.region, some.start]
    return shared


def _empty() -> Seqlets:
    none = np.empty(0, dtype=np.int64)
    return Seqlets(none, none, none, np.empty(0), np.empty(0))
