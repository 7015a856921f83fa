"""Where the patterns of seqlets lie in regions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_modisco.information import WIDTH
from finemo_zarr_modisco.patterns import Pattern
from finemo_zarr_modisco.query import Matches
from finemo_zarr_modisco.seqlets import Seqlets

Columns = dict[str, NDArray[Any]]

_SCORES = (
    "agg_sim",
    "mod_delta",
    "mod_precision",
    "mod_percentile",
    "fann_sum_percentile",
    "fann_avg_percentile",
)


def placed(
    patterns: Sequence[Pattern],
    cores: Sequence[tuple[int, int]],
    seqlets: Seqlets,
    matches: Matches,
) -> Columns:
    """Place the best pattern of each seqlet.

    Parameters
    ----------
    patterns : sequence of Pattern
        The classes.
    cores : sequence of pairs of int
        Start and end of the core of each, in bp from its first base.
    seqlets : Seqlets
        The seqlets.
    matches : Matches
        What they are.

    Returns
    -------
    dict of arrays ``(seqlet, ...)``
        ``region``; ``start``, ``end``, ``start_untrimmed`` and ``end_untrimmed`` in the region; the
        scores of `matches`; and ``bits``, the information of each base of the core from the left,
        followed by zeros.
    """
    first, width = (np.array([getattr(p, name) for p in patterns]) for name in ("first", "width"))
    own, reverse = matches.owner, matches.reverse
    low, high = np.array(cores)[own].T
    ahead = np.where(reverse, width[own] - first[own] - WIDTH, first[own])
    untrimmed = seqlets.start + matches.offset - ahead
    start = untrimmed + np.where(reverse, width[own] - high, low)
    return {
        "region": seqlets.region,
        "start": start,
        "end": start + high - low,
        "start_untrimmed": untrimmed,
        "end_untrimmed": untrimmed + width[own],
        **{name: getattr(matches, name).astype(np.float32) for name in _SCORES},
        "bits": _bits(patterns, cores)[2 * own + reverse],
    }


def _bits(patterns: Sequence[Pattern], cores: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Information of the cores, each as it is and reversed, ``(2 * pattern, longest)``."""
    table = np.zeros((2 * len(patterns), max(high - low for low, high in cores)))
    for index, (pattern, (low, high)) in enumerate(zip(patterns, cores, strict=True)):
        bits = pattern.bits[low:high]
        table[2 * index, : len(bits)] = bits
        table[2 * index + 1, : len(bits)] = bits[::-1]
    return table
