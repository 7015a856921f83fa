"""Matches of motifs to sequences, by the FIMO of memelite."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.sequence import one_hot
from finemo_zarr_tangermeme.packages import LOCK, package, tell_once

MOTIFS_AT_ONCE = 128
BASES_AT_ONCE = 500_000


class Matches(NamedTuple):
    """Arrays ``(match,)``; the motif counts from the first of those scanned, strands apart."""

    region: NDArray[np.int64]
    motif: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    pvalue: NDArray[np.float64]

    def take(self, rows: Any) -> "Matches":
        """Some of the matches."""
        return Matches(*(values[rows] for values in self))


def no_matches() -> Matches:
    """Return arrays without a match."""
    none = np.empty(0, dtype=np.int64)
    return Matches(none, none, none, none, np.empty(0))


def least_pvalue(core: NDArray[np.float64]) -> float:
    """Chance of the best words of a motif, on a uniform background; bases that tie share a place.

    Parameters
    ----------
    core : array, ``(4, width)``
        Base probabilities.
    """
    ties = (core == core.max(axis=0)).sum(axis=0)
    return float(np.prod(ties / 4))


def scan(
    codes: NDArray[np.uint8], cores: list[NDArray[np.float64]], pvalue: float
) -> Iterator[Matches]:
    """Matches of one motif in some of the regions at a time, which bounds memory.

    Parameters
    ----------
    codes : array of uint8, ``(region, position)``
        Sequences.
    cores : list of arrays, ``(4, width)``
        Base probabilities, of the forward strand.
    pvalue : float
        Largest p-value; motifs that cannot reach it are left out.
    """
    if not codes.size:
        return
    chosen = [i for i, core in enumerate(cores) if least_pvalue(core) <= pvalue]
    at_once = max(1, BASES_AT_ONCE // codes.shape[1])
    memelite = package("memelite", "Scanning for motifs")
    tell_once("fimo", "FIMO is compiled when it is first used on a machine: some 8 s")
    for low in range(0, codes.shape[0], at_once):
        sequences = one_hot(codes[low : low + at_once], np.int8)
        for first in range(0, len(chosen), MOTIFS_AT_ONCE):
            some = chosen[first : first + MOTIFS_AT_ONCE]
            named = {str(index): cores[index] for index in some}
            with LOCK:
                tables = memelite.fimo(named, sequences, threshold=pvalue)
            for index, table in zip(some, tables, strict=True):
                if len(table):  # a table without rows has columns of another type
                    yield _of_table(table, low, index, least_pvalue(cores[index]))


def _of_table(table: Any, first: int, index: int, least: float) -> Matches:
    """Matches of one motif; `first` is the region that the table counts from."""
    reverse = table["strand"].to_numpy() == "-"
    return Matches(
        table["sequence_name"].to_numpy().astype(np.int64) + first,
        2 * index + reverse.astype(np.int64),
        table["start"].to_numpy().astype(np.int64),
        table["end"].to_numpy().astype(np.int64),
        # Where score and table disagree by a bin, memelite says 0: no match is less likely.
        np.maximum(table["p-value"].to_numpy(), least),
    )
