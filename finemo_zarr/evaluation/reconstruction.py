"""How much of the scores the hits explain."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._blocks import (
    ScoreBlock,
    base_cells,
    flat_windows,
    regions_block,
    score_blocks,
)
from finemo_zarr.evaluation._instances import MotifTable
from finemo_zarr.motifs import signed_sqrt
from finemo_zarr.problem import LARGEST_IMPORTANCE_SCALE
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
_AT_ONCE = 2**15


class _Hits(NamedTuple):
    """Hits in the order of regions; `row` counts from the first region of a block."""

    row: NDArray[np.int64]
    motif: NDArray[np.int64]
    start: NDArray[np.int64]
    coefficient: FloatArray

    @classmethod
    def of(cls, hits: "xr.Dataset") -> "_Hits":
        columns = cls(
            hits["hit_region"].values.astype(np.int64),
            hits["hit_motif"].values.astype(np.int64),
            hits["hit_start_untrimmed"].values.astype(np.int64),
            # Where it is no weight of a motif, there is no global one, and nothing is known.
            np.where(
                np.isnan(hits["hit_coefficient_global"].values),
                np.nan,
                hits["hit_coefficient"].values.astype(np.float64),
            ),
        )
        return columns.take(np.argsort(columns.row, kind="stable"))

    def take(self, rows: Any) -> "_Hits":
        return _Hits(*(column[rows] for column in self))

    def of_regions(self, first: int, last: int) -> "_Hits":
        own = self.take(slice(*np.searchsorted(self.row, [first, last])))
        return own._replace(row=own.row - first)

    def pieces(self) -> "Iterator[tuple[slice, _Hits]]":
        for first in range(0, len(self.row), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            yield rows, self.take(rows)


class _Model:
    """The scaled scores of some regions, ``(row, 1 or 4, position)``, and what hits make of them.

    There is one row of scores where they are projected on the observed base, else four.
    """

    def __init__(self, opened: HitsStore, block: ScoreBlock, scale: FloatArray) -> None:
        motifs = opened.motifs
        hypothetical = block.hypothetical is not None and motifs.attrs["mode"][1] == "h"
        scores = block.hypothetical if hypothetical else block.projected[:, None]
        scores = np.asarray(scores, dtype=np.float64)
        if motifs.attrs["sqrt_transform"]:
            scores = signed_sqrt(scores)
        positive = np.where(scale > 0, scale, 1.0)[:, None, None]
        self.scores = np.where(scale[:, None, None] > 0, scores / positive, 0.0)
        self._codes = None if hypothetical else block.codes
        self._weights = motifs["motif_weights"].values.astype(np.float64)
        self._core = np.stack([motifs["motif_start"].values, motifs["motif_end"].values], axis=1)
        squares = np.cumsum((self.scores**2).sum(axis=1), axis=1)
        self._energy = np.pad(squares, ((0, 0), (1, 0)))

    def _core_bounds(self, hits: _Hits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        start, end = (hits.start + self._core[hits.motif, side] for side in (0, 1))
        return start, end

    def _placed(self, hits: _Hits) -> tuple[NDArray[np.int64], FloatArray]:
        """Flat cells of `scores` ``(hit, row, column)`` under hits, and what is placed there."""
        n_rows, length = self.scores.shape[1:]
        start, end = self._core_bounds(hits)
        energy = self._energy[hits.row, end] - self._energy[hits.row, start]
        amount = hits.coefficient * np.minimum((energy + 1) ** -0.5, LARGEST_IMPORTANCE_SCALE)
        position, inside = flat_windows(hits.start, self._weights.shape[-1], length)
        placed = self._weights[hits.motif] * inside[:, None, :]
        if self._codes is not None:
            codes = self._codes[hits.row[:, None], position]
            placed = np.take_along_axis(placed, base_cells(codes)[:, None, :], axis=1)
            placed = placed * (codes != NO_BASE)[:, None, :]
        cell = (hits.row[:, None] * n_rows + np.arange(n_rows))[:, :, None] * length
        return cell + position[:, None, :], placed * amount[:, None, None]

    def build(self, hits: _Hits) -> FloatArray:
        """The sum of all hits, like `scores`."""
        built = np.zeros(self.scores.size)
        for _, some in hits.pieces():
            cells, placed = self._placed(some)
            built += np.bincount(cells.ravel(), placed.ravel(), minlength=built.size)
        return built.reshape(self.scores.shape)

    def products(self, hits: _Hits, field: FloatArray) -> FloatArray:
        """The product ``(hit,)`` of what each hit places with a field like `scores`."""
        result = np.zeros(len(hits.row))
        flat = field.ravel()
        for rows, some in hits.pieces():
            cells, placed = self._placed(some)
            result[rows] = (flat[cells] * placed).sum(axis=(1, 2))
        return result

    def under_cores(self, hits: _Hits) -> NDArray[np.bool_]:
        """Whether a position lies under the core of a hit, ``(row, position)``."""
        rows, length = len(self.scores), self.scores.shape[-1]
        start, end = self._core_bounds(hits)
        size = rows * (length + 1)
        opened = np.bincount(hits.row * (length + 1) + start, minlength=size)
        closed = np.bincount(hits.row * (length + 1) + end, minlength=size)
        depth = np.cumsum((opened - closed).reshape(rows, length + 1), axis=1)
        under: NDArray[np.bool_] = depth[:, :-1] > 0
        return under


def reconstruction(hits: HitsStore, regions: "xr.Dataset") -> "xr.Dataset":
    r"""Share of the scores that the hits explain, of each region and by each motif.

    With :math:`\hat x` the scaled scores of a region and :math:`y = \sum_m y_m` what the hits make
    of them, motif by motif, the explained share is
    :math:`1 - \lVert \hat x - y \rVert^2 / \lVert \hat x \rVert^2`, the sum over motifs of
    :math:`\langle 2 \hat x - y, y_m \rangle / \lVert \hat x \rVert^2`. Hits that were filtered out
    explain nothing.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    regions : xarray.Dataset
        Its regions, without tracks; read once, in blocks.

    Returns
    -------
    xarray.Dataset
        ``explained`` ``(region,)``, NaN where a region has no scores; ``covered`` ``(region,)``,
        the share of the absolute scores that lies under cores of hits; ``motif_explained``
        ``(motif,)``, the share of the squared scores of all regions that each motif explains, both
        strands together.
    """
    import xarray as xr

    columns, table = _Hits.of(hits.hits), MotifTable.of(hits.motifs)
    scale = hits.qc["qc_scale"].values.astype(np.float64)
    explained, covered = np.full((2, len(scale)), np.nan)
    by_motif, whole = np.zeros(len(table.names)), 0.0
    for block in score_blocks(regions):
        here = slice(block.first, block.last)
        model = _Model(hits, block, scale[here])
        own = columns.of_regions(block.first, block.last)
        built = model.build(own)
        squares = (model.scores**2).sum(axis=(1, 2))
        explained[here] = _share(squares - ((model.scores - built) ** 2).sum(axis=(1, 2)), squares)
        sizes = np.abs(model.scores).sum(axis=1)
        covered[here] = _share((sizes * model.under_cores(own)).sum(axis=1), sizes.sum(axis=1))
        energy = model.products(own, 2 * model.scores - built) * scale[here][own.row] ** 2
        by_motif += np.bincount(table.of_oriented[own.motif], energy, minlength=len(by_motif))
        whole += float((squares * scale[here] ** 2).sum())
    return xr.Dataset(
        {
            "explained": ("region", explained),
            "covered": ("region", covered),
            "motif_explained": ("motif", by_motif / whole if whole > 0 else by_motif),
        },
        coords={"motif": table.names},
    )


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    share: FloatArray = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return share


def reconstruct(hits: HitsStore, regions: "xr.Dataset", rows: list[int]) -> FloatArray:
    """What the hits of some regions make of their scores, summed over bases.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    regions : xarray.Dataset
        Its regions, without tracks.
    rows : list of int
        Which regions, each once.

    Returns
    -------
    array, ``(row, position)``
        In the unit of the scores (of their signed root, where they were transformed).
    """
    columns = _Hits.of(hits.hits)
    scale = hits.qc["qc_scale"].values[rows].astype(np.float64)
    model = _Model(hits, regions_block(regions, rows), scale)
    own = [columns.of_regions(row, row + 1) for row in rows]
    numbered = [some._replace(row=some.row + at) for at, some in enumerate(own)]
    joined = _Hits(*(np.concatenate(column) for column in zip(*numbered, strict=True)))
    built: FloatArray = model.build(joined).sum(axis=1) * scale[:, None]
    return built
