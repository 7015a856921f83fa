"""The mean contributions over pairs of hits as new motifs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.model import create_motifs
from finemo_zarr.postprocess._scores import ScoreBlock, Scores
from finemo_zarr.sequence import NO_BASE

if TYPE_CHECKING:
    import xarray as xr

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class Spans(NamedTuple):
    """Windows of one width: arrays ``(span,)``.

    Parameters
    ----------
    region, start : array of int64
        Where they begin.
    flipped : array of bool
        Whether they are read on the other strand.
    width : int
        Width, bp.
    gap : slice
        The columns between the two cores, in the order in which they are read.
    """

    region: IntArray
    start: IntArray
    flipped: NDArray[np.bool_]
    width: int
    gap: slice


class Sums:
    """Contributions and bases of the spans of one motif, summed over blocks of regions.

    Parameters
    ----------
    spans : Spans
        The windows; those that reach over the edge of their region are left out.
    limit : array of int64, ``(region,)``
        Widths of the regions.
    """

    def __init__(self, spans: Spans, limit: IntArray) -> None:
        inside = (spans.start >= 0) & (spans.start + spans.width <= limit[spans.region])
        rows = np.flatnonzero(inside)
        rows = rows[np.argsort(spans.region[rows], kind="stable")]
        self._spans = spans._replace(
            region=spans.region[rows], start=spans.start[rows], flipped=spans.flipped[rows]
        )
        self.count = len(rows)
        self.cwm, self.hcwm, self.bases = (np.zeros((4, spans.width)) for _ in range(3))
        self._seen: set[bytes] = set()

    def add(self, block: ScoreBlock) -> None:
        """Add the spans that lie in a block."""
        edges = [block.first, block.first + len(block.codes)]
        rows = slice(*np.searchsorted(self._spans.region, edges))
        region, start, flipped, width, _ = self._spans
        flip, column = flipped[rows, None], np.arange(width)
        at = (
            region[rows, None] - block.first,
            start[rows, None] + np.where(flip, width - 1 - column, column),
        )
        codes, values = block.codes[at], block.scores[at].astype(np.float64)
        codes = np.where(flip & (codes != NO_BASE), 3 - codes, codes)
        cell = np.minimum(codes, NO_BASE).astype(np.int64) * width + column
        self.bases += _by_base(cell, None)
        self.cwm += _by_base(cell, values)
        if block.hypothetical is not None:
            # (span, column, base); on the other strand, bases are complements.
            drawn = block.hypothetical[at[0], :, at[1]].astype(np.float64)
            self.hcwm += np.where(flip[..., None], drawn[..., ::-1], drawn).sum(axis=0).T
        self._seen.update(map(bytes, np.ascontiguousarray(codes.astype(np.uint8))))

    @property
    def distinct(self) -> int:
        """Number of different sequences."""
        return len(self._seen)

    @property
    def gap_bits(self) -> float:
        """Mean information content of the bases between the cores; NaN if there are none."""
        bases = self.bases[:, self._spans.gap]
        known = bases.sum(axis=0)
        bases, known = bases[:, known > 0], known[known > 0]
        if not known.size:
            return float("nan")
        shares = bases / known
        logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
        # Few sequences look less random than they are; on average by this much.
        excess = 3 / (2 * np.log(2) * known)
        return max(float(np.mean(2 + (shares * logs).sum(axis=0) - excess)), 0.0)


def _by_base(cell: IntArray, weights: FloatArray | None) -> FloatArray:
    """Sums ``(4, width)`` of weights by base and column; what is no base is left out."""
    width = cell.shape[1]
    given = None if weights is None else weights.ravel()
    sums = np.bincount(cell.ravel(), given, minlength=5 * width)
    return sums.reshape(5, width)[:4].astype(np.float64)


def sum_spans(scores: Scores, spans: Sequence[Spans]) -> list[Sums]:
    """Read the scores of all regions once, and sum those of each motif's spans."""
    limit = np.full(scores.n_regions, scores.width, dtype=np.int64)
    if "region_width" in scores.regions:
        limit = scores.regions["region_width"].values.astype(np.int64)
    sums = [Sums(each, limit) for each in spans]
    with scores.blocks("average scores") as blocks:
        for block in blocks:
            for each in sums:
                each.add(block)
    return sums


def mean_motifs(names: Sequence[str], sums: Sequence[Sums]) -> "xr.Dataset":
    """Motifs with the mean contributions and the base frequencies.

    Parameters
    ----------
    names : sequence of str
        Unique.
    sums : sequence of Sums
        Each of at least one span.

    Returns
    -------
    xarray.Dataset
        A motifs dataset, not oriented, of origin ``composite``.
    """
    widths = [each.cwm.shape[1] for each in sums]
    wide = max(widths)

    def stacked(matrices: Sequence[FloatArray]) -> FloatArray:
        return np.stack([np.pad(m, ((0, 0), (0, wide - m.shape[1]))) for m in matrices])

    matrices = {"ppm": stacked([_frequencies(each.bases) for each in sums])}
    if all(each.hcwm.any() for each in sums):
        matrices["hcwm"] = stacked([each.hcwm / each.count for each in sums])
    cwm = stacked([each.cwm / each.count for each in sums])
    labels = {"origin": "composite", "name_orig": list(names)}
    return create_motifs(names, cwm, widths=widths, matrices=matrices, labels=labels)


def _frequencies(bases: FloatArray) -> FloatArray:
    total = bases.sum(axis=0)
    shares: FloatArray = np.divide(bases, total, out=np.full(bases.shape, 0.25), where=total > 0)
    return shares
