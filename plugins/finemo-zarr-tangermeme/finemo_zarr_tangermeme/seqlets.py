"""Seqlets of both signs, by the recursive method of tangermeme."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr_tangermeme.null import NullStore, null_scores
from finemo_zarr_tangermeme.packages import LOCK, package, tell_once, warn_once

N_BINS = 1000


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


@dataclass(frozen=True)
class SeqletOptions:
    """How seqlets are called.

    Parameters
    ----------
    threshold : float
        Largest p-value of a seqlet and of each part of it.
    shortest, longest : int
        Widths in bp, without the flanks.
    flanks : int
        Bases added on both sides.
    store, control : NullStore, optional
        Regions stores: the one that the p-values refer to, and one of shuffled sequences, from
        which the threshold is found.
    target_fdr : float
        Share of false seqlets that the control allows.
    """

    threshold: float
    shortest: int
    longest: int
    flanks: int
    store: NullStore | None
    control: NullStore | None
    target_fdr: float


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
    tables, threshold = _calibrated(sign, options.store, options)
    if tables is None or threshold is None:
        return _empty()
    _, decode = _steps()
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


@lru_cache(maxsize=8)
def _calibrated(sign: int, store: NullStore, options: SeqletOptions) -> tuple[Any, float | None]:
    """Null distributions of a store, and the threshold, once per process."""
    from tangermeme.seqlet import recursive_seqlets

    make_tables, _ = _steps()
    scores = sign * null_scores(store)
    tables = make_tables(scores, options.longest, N_BINS)
    if options.control is None:
        return tables, options.threshold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No threshold reaches")  # said below
        falls = recursive_seqlets(
            scores,
            min_seqlet_len=options.shortest,
            max_seqlet_len=options.longest,
            n_bins=N_BINS,
            X_control=sign * null_scores(options.control),
            target_fdr=1.0,  # the table of all thresholds is what is wanted
            return_fdr=True,
        ).fdr
    passing = falls["threshold"][falls["fdr"] <= options.target_fdr]
    if not len(passing):
        _warn_of_control(sign, store.path, options.target_fdr, float(falls["fdr"].min()))
    return tables, (float(passing.max()) if len(passing) else None)


def _warn_of_control(sign: int, store: Path, target: float, lowest: float) -> None:
    which = "positive" if sign > 0 else "negative"
    why = f"the lowest that any p-value gives is {lowest:.2g}"
    if np.isnan(lowest):
        why = f"{store} has none at any p-value"
    warn_once(
        f"no {which} seqlets are called: their share of false ones should be at most"
        f" {target:g} (--target-fdr), and {why}; give more regions and controls, or"
        " raise --target-fdr, or leave --control-store out"
    )


def _steps() -> tuple[Any, Any]:
    """The two steps of tangermeme's method, which it offers only as one.

    Blocks are called one after the other, and all must be compared with the same scores.
    """
    try:
        from tangermeme.seqlet import _recursive_seqlet_decode_fields, _recursive_seqlet_tables
    except ImportError as error:
        raise RunError(
            f"--null-store needs tangermeme 1.6.0, another is installed ({error}): "
            "pip install 'tangermeme==1.6.0', or leave --null-store out"
        ) from error
    return _recursive_seqlet_tables, _recursive_seqlet_decode_fields


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
