"""What the scores under the hits of a motif look like on average."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._blocks import ScoreBlock, base_cells, flat_windows, score_blocks
from finemo_zarr.evaluation._instances import Instances, MotifTable
from finemo_zarr.sequence import NO_BASE

if TYPE_CHECKING:
    import xarray as xr

_AT_ONCE = 2**16
FloatArray = NDArray[np.float64]


def mean_scores(
    regions: "xr.Dataset", motifs: MotifTable, sets: Mapping[str, Instances]
) -> "xr.Dataset":
    """Average projected scores and bases under instances, turned to the ``+`` strand.

    A column is the mean over the instances that have it inside of their region.

    Parameters
    ----------
    regions : xarray.Dataset
        A regions dataset without tracks; read once, in blocks.
    motifs : MotifTable
        The motifs.
    sets : mapping of str to Instances
        Sets of instances, by name.

    Returns
    -------
    xarray.Dataset
        ``mean_cwm`` and ``mean_ppm`` ``(set, motif, base, motif_position)``; zero where a set has
        no instance. ``count`` ``(set, motif)``.
    """
    import xarray as xr

    width = int(motifs.width.max(initial=1))
    sums = np.zeros((3, len(sets), len(motifs.names) * width * 4))
    ordered = [_by_region(instances) for instances in sets.values()]
    for block in score_blocks(regions):
        for number, instances in enumerate(ordered):
            low, high = np.searchsorted(instances.region, [block.first, block.last])
            for first in range(low, high, _AT_ONCE):
                rows = instances.take(slice(first, min(first + _AT_ONCE, high)))
                sums[:, number] += _sums(block, rows, motifs, width)
    shape = (3, len(sets), len(motifs.names), width, 4)
    scores, bases, covered = sums.reshape(shape).swapaxes(-1, -2)
    count = np.stack(
        [np.bincount(i.motif[i.region >= 0], minlength=len(motifs.names)) for i in sets.values()]
    )
    dims = ("set", "motif", "base", "motif_position")
    return xr.Dataset(
        {
            "mean_cwm": (dims, _ratio(scores, covered)),
            "mean_ppm": (dims, _ratio(bases, bases.sum(axis=-2, keepdims=True))),
            "count": (("set", "motif"), count),
        },
        coords={"set": list(sets), "motif": motifs.names, "base": list("ACGT")},
    )


def _by_region(instances: Instances) -> Instances:
    return instances.take(np.argsort(instances.region, kind="stable"))


def _sums(block: ScoreBlock, rows: Instances, motifs: MotifTable, width: int) -> FloatArray:
    """Sums of scores, of bases, and numbers of positions, flat ``(3, motif × position × base)``."""
    position, inside = flat_windows(rows.start, width, block.codes.shape[1])
    own = motifs.width[rows.motif][:, None]
    inside &= np.arange(width) < own
    region = (rows.region - block.first)[:, None]
    codes = block.codes[region, position]
    base, column = base_cells(codes), np.arange(width)
    turned = np.where(rows.reverse[:, None], 3 - base, base)
    column = np.where(rows.reverse[:, None], own - 1 - column, column)
    cell = rows.motif[:, None] * width + column
    known = inside & (codes != NO_BASE)
    flat = (cell * 4 + turned)[known]
    size = len(motifs.names) * width * 4
    scores = np.bincount(flat, block.projected[region, position][known], minlength=size)
    bases = np.bincount(flat, minlength=size)
    covered = np.bincount(cell[inside], minlength=size // 4)
    return np.stack([scores, bases, np.repeat(covered, 4)])


def _ratio(sums: FloatArray, counts: Any) -> FloatArray:
    ratio: FloatArray = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    return ratio


def cosine(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cosine ``(...,)`` of matrices ``(..., base, position)``; NaN where one of them is zero."""
    product = (a * b).sum(axis=(-1, -2))
    norms = np.sqrt((a**2).sum(axis=(-1, -2)) * (b**2).sum(axis=(-1, -2)))
    result: FloatArray = np.divide(
        product, norms, out=np.full(product.shape, np.nan), where=norms > 0
    )
    return result


def cwm_similarity(means: "xr.Dataset", motifs: "xr.Dataset", table: MotifTable) -> "xr.Dataset":
    """Compare mean scores with the CWM of their motif.

    Parameters
    ----------
    means : xarray.Dataset
        From :func:`mean_scores`.
    motifs : xarray.Dataset
        The oriented motifs of the store.
    table : MotifTable
        The same, strands together.

    Returns
    -------
    xarray.Dataset
        ``cwm_similarity`` ``(set, motif)``, a cosine over all columns; ``flank_similarity``, over
        those outside of the core, NaN where there are none. ``flank_share`` ``(motif,)``, the
        share of the CWM's squares that lies outside of the core.
    """
    import xarray as xr

    cwm = motifs["motif_cwm"].values[table.oriented[:, 0]].astype(np.float64)
    mean = means["mean_cwm"].values[..., : cwm.shape[-1]]
    column = np.arange(cwm.shape[-1])
    flank = ((column < table.core[:, :1]) | (column >= table.core[:, 1:]))[:, None]
    squares = (cwm**2).sum(axis=(1, 2))
    return xr.Dataset(
        {
            "cwm_similarity": (("set", "motif"), cosine(mean, cwm)),
            "flank_similarity": (
                ("set", "motif"),
                cosine(mean * flank, cwm * flank),
            ),
            "flank_share": ("motif", _ratio(((cwm * flank) ** 2).sum(axis=(1, 2)), squares)),
        },
        coords={"set": means["set"].values, "motif": table.names},
    )
