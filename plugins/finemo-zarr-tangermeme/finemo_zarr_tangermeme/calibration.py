"""How seqlets are called, and what their p-values refer to: the scores of a store."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from finemo_zarr.errors import RunError
from finemo_zarr_tangermeme.null import NullStore, null_scores
from finemo_zarr_tangermeme.packages import warn_once

N_BINS = 1000


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


@lru_cache(maxsize=8)
def calibrated(sign: int, store: NullStore, options: SeqletOptions) -> tuple[Any, float | None]:
    """Null distributions of a store, and the threshold, once per process."""
    from tangermeme.seqlet import recursive_seqlets

    make_tables, _ = two_steps()
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


def two_steps() -> tuple[Any, Any]:
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
