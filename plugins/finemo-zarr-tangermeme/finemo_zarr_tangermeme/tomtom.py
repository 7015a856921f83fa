"""Which motifs the sequences of seqlets resemble, by the TOMTOM of memelite."""

import warnings

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.sequence import one_hot
from finemo_zarr_tangermeme.packages import LOCK, package, tell_once, warn_once
from finemo_zarr_tangermeme.seqlets import Seqlets

_FEW_TARGETS = 25


def best_matches(
    seqlets: Seqlets, codes: NDArray[np.uint8], targets: list[NDArray[np.float64]], most: int
) -> NDArray[np.float64]:
    """Best matches ``(6, seqlet, match)``: p-value, score, offset, overlap, strand, target.

    Parameters
    ----------
    seqlets : Seqlets
        Each with a base or more.
    codes : array of uint8, ``(region, position)``
        Sequences.
    targets : list of arrays, ``(4, width)``
        Base probabilities of the motifs.
    most : int
        Matches of each seqlet.
    """
    count = min(most, len(targets))
    if not seqlets.region.size:
        return np.empty((6, 0, count))
    memelite = package("memelite", "Comparing seqlets with motifs")
    tell_once("tomtom", "TOMTOM is compiled when it is first used on a machine: up to 45 s")
    spans = zip(seqlets.region, seqlets.start, seqlets.end, strict=True)
    # One type for all: each one more is compiled for another 23 s.
    queries = [one_hot(codes[row, start:end], np.float32) for row, start, end in spans]
    with LOCK, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*target", UserWarning)
        found: NDArray[np.float64] = memelite.tomtom(
            queries, [target.astype(np.float32) for target in targets], n_nearest=count
        )
    if len(targets) < _FEW_TARGETS:
        warn_once(
            f"TOMTOM p-values are rough with {len(targets)} motifs: they are computed from the "
            f"columns of all motifs; give {_FEW_TARGETS} or more, or a larger --match-pvalue"
        )
    return found
