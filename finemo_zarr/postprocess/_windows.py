"""Windows of regions: how important they are, and how much they resemble a motif."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.postprocess._scores import ScoreBlock, Scores
from finemo_zarr.sequence import BASES

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class Windows(NamedTuple):
    """Arrays ``(window,)``.

    Parameters
    ----------
    region, start, end : array of int64
        Index of the region, and the window relative to it.
    core : array of int64
        Which of the matrices it is compared with.
    """

    region: IntArray
    start: IntArray
    end: IntArray
    core: IntArray

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.region)


class Centres(NamedTuple):
    """The parts of regions that count: arrays ``(region,)``, start and end."""

    start: IntArray
    end: IntArray

    @classmethod
    def of(cls, scores: Scores, window: int | None) -> "Centres":
        """Central parts of a width, or all of the regions."""
        width = np.full(scores.n_regions, scores.width, dtype=np.int64)
        if "region_width" in scores.regions:
            width = scores.regions["region_width"].values.astype(np.int64)
        kept = width if window is None else np.minimum(width, window)
        start = width // 2 - kept // 2
        return cls(start, start + kept)

    def hold(self, windows: Windows) -> NDArray[np.bool_]:
        """Whether windows lie in them."""
        inside: NDArray[np.bool_] = (windows.start >= self.start[windows.region]) & (
            windows.end <= self.end[windows.region]
        )
        return inside

    def draw(self, count: int, length: int, core: int, rng: np.random.Generator) -> Windows:
        """Different windows of a length, at random; fewer where there are not so many."""
        places = np.cumsum(np.maximum(self.end - self.start - length + 1, 0))
        total = int(places[-1]) if len(places) else 0
        drawn: IntArray = np.sort(
            rng.choice(total, min(count, total), replace=False, shuffle=False)
        )
        region = np.searchsorted(places, drawn, side="right")
        start = (self.end[region] - length + 1 - (places[region] - drawn)).astype(np.int64)
        return Windows(region, start, start + length, np.full(len(drawn), core, dtype=np.int64))


class Measured(NamedTuple):
    """Arrays ``(window,)``.

    Parameters
    ----------
    importance : array
        Share of the absolute scores of the central part of the region that lies in the window.
    similarity : array
        Product of scores and matrix, each divided by the sum of its absolute values, in the better
        of both orientations.
    """

    importance: FloatArray
    similarity: FloatArray


def measure(
    scores: Scores, centres: Centres, windows: Windows, cores: list[FloatArray]
) -> Measured:
    """Look at windows.

    Parameters
    ----------
    scores : Scores
        Where they lie.
    centres : Centres
        What importance is a share of.
    windows : Windows
        As wide as their matrices, within the regions.
    cores : list of array, ``(4, width)``
        Contribution weight matrices.
    """
    importance, similarity = np.zeros(windows.size), np.zeros(windows.size)
    order = np.lexsort((windows.core, windows.region))
    region = windows.region[order]
    lookups = [_lookups(core) for core in cores]
    with scores.blocks("look at windows") as blocks:
        for block in blocks:
            low, high = np.searchsorted(region, [block.first, block.first + len(block.codes)])
            rows = order[low:high]
            if not rows.size:
                continue
            part = Windows(*(column[rows] for column in windows))
            part = part._replace(region=part.region - block.first)
            importance[rows] = _importance(block, centres, part)
            similarity[rows] = _similarities(block, part, lookups)
    return Measured(importance, similarity)


def _importance(block: ScoreBlock, centres: Centres, windows: Windows) -> FloatArray:
    sums = np.zeros((len(block.scores), block.scores.shape[1] + 1))
    np.cumsum(np.abs(block.scores), axis=1, dtype=np.float64, out=sums[:, 1:])
    rows = np.arange(len(sums))
    part = slice(block.first, block.first + len(sums))
    total = (sums[rows, centres.end[part]] - sums[rows, centres.start[part]])[windows.region]
    under = sums[windows.region, windows.end] - sums[windows.region, windows.start]
    share = np.divide(under, total, out=np.zeros_like(under), where=total > 0)
    return np.asarray(np.clip(share, 0, 1))


def _lookups(core: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both orientations of a matrix ``(4, width)``, with a row of zeros for what is no base."""
    size = np.abs(core).sum()
    unit = core / size if size else core
    nothing = np.zeros((1, core.shape[1]))
    return np.vstack([unit, nothing]), np.vstack([unit[::-1, ::-1], nothing])


def _similarities(
    block: ScoreBlock, windows: Windows, lookups: list[tuple[FloatArray, FloatArray]]
) -> FloatArray:
    found = np.zeros(windows.size)
    order = np.argsort(windows.core, kind="stable")
    cuts = np.searchsorted(windows.core[order], np.arange(len(lookups) + 1))
    for pair, low, high in zip(lookups, cuts, cuts[1:], strict=False):
        rows = order[low:high]
        if not rows.size:
            continue
        step = np.arange(pair[0].shape[1])
        at = windows.region[rows, None], windows.start[rows, None] + step
        under = block.scores[at].astype(np.float64)
        codes = np.minimum(block.codes[at], len(BASES))
        size = np.abs(under).sum(axis=1)
        best = np.max([(under * each[codes, step]).sum(axis=1) for each in pair], axis=0)
        found[rows] = np.divide(best, size, out=np.zeros_like(best), where=size > 0)
    return found
