"""A batch of regions on one line.

Each region takes `stride` places: its positions and, behind them, as many empty ones as the widest
core has, so that whatever starts in a region ends before the next. One number, the *place*, says
region and position.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finemo_zarr.errors import SchemaError
from finemo_zarr.sequence import NO_BASE


@dataclass
class Batch:
    """Scores, residual and what derives from them.

    Attributes
    ----------
    length, stride, rows : int
        Positions and places of a region, numbers per place.
    widths : array of int64, ``(region,)``
        Positions that belong to the region; the others hold nothing.
    scale : array of float64, ``(region,)``
        What scores were divided by.
    codes : array of uint8, ``(place,)``
        Base codes.
    scores, residual : arrays of float64, ``(place * rows,)``
    sums : array of float64, ``(place,)``
        Squared scores before this place, within the region.
    single : array of float32, ``(place * rows,)``
        The residual, when it was last looked at; NaN before.
    stale : array of bool, ``(place,)``
        Whether some residual under a core that starts there has not been looked at.
    """

    length: int
    stride: int
    rows: int
    widths: Any
    scale: Any
    codes: Any
    scores: Any
    residual: Any
    sums: Any
    single: Any
    stale: Any

    @property
    def count(self) -> int:
        """Number of regions."""
        return int(self.scale.size)

    def rows_of(self, values: Any) -> Any:
        """``(place * rows,)`` as ``(region, stride * rows)``."""
        return values.reshape(self.count, -1)


def load(
    xp: Any,
    codes: Any,
    contributions: Any,
    attrs: Mapping[Any, Any],
    widest: int,
    first: int,
    extents: tuple[Any, Any] = (None, None),
) -> Batch:
    """Put regions on the device and scale them.

    Parameters
    ----------
    xp : module
        NumPy or CuPy.
    codes, contributions : NumPy arrays
        Of the regions of the batch, as the dataset has them.
    attrs : mapping
        Attributes of the oriented motifs.
    widest : int
        Widest core.
    first : int
        Number of the first region within its block, for messages.
    extents : two NumPy arrays ``(region,)``, or None each
        Widths of the regions, by default those of the arrays; and their scales, by default the
        roots of the mean squared scores.

    Raises
    ------
    SchemaError
        If a score is not finite.
    """
    codes = xp.asarray(codes)
    scores = _problem_scores(xp, codes, xp.asarray(contributions).astype(xp.float64), attrs)
    finite = xp.isfinite(scores).all(axis=(1, 2))
    if not bool(finite.all()):
        raise SchemaError(
            f"{int((~finite).sum())} regions hold scores that are not finite, first region "
            f"{first + int(finite.argmin())} of the block: replace them by 0"
        )
    if attrs["sqrt_transform"]:
        scores = xp.sign(scores) * xp.sqrt(xp.abs(scores))
    count, length, rows = scores.shape
    stride = length + widest
    widths, scale = (None if given is None else xp.asarray(given) for given in extents)
    if widths is None:
        widths = xp.full(count, length)
    behind = xp.arange(length) >= widths[:, None]
    codes, scores = xp.where(behind, NO_BASE, codes), xp.where(behind[:, :, None], 0, scores)
    if scale is None:
        scale = xp.sqrt((scores**2).sum(axis=(1, 2)) / xp.maximum(widths, 1))
    inverse = xp.where(scale > 0, 1 / xp.where(scale > 0, scale, 1), 0)
    placed = xp.zeros((count, stride, rows))
    placed[:, :length] = scores * inverse[:, None, None]
    bases = xp.full((count, stride), NO_BASE, dtype=xp.uint8)
    bases[:, :length] = codes
    sums = xp.zeros((count, stride))
    sums[:, 1:] = xp.cumsum((placed**2).sum(axis=2)[:, :-1], axis=1)
    placed = placed.ravel()
    return Batch(
        length=length,
        stride=stride,
        rows=rows,
        widths=widths,
        scale=scale,
        codes=bases.ravel(),
        scores=placed,
        residual=placed.copy(),
        sums=sums.ravel(),
        single=xp.full(placed.size, xp.nan, dtype=xp.float32),
        stale=xp.ones(count * stride, dtype=bool),
    )


def _problem_scores(xp: Any, codes: Any, scores: Any, attrs: Mapping[Any, Any]) -> Any:
    """Scores ``(region, position, rows)`` that the mode asks for."""
    if attrs["mode"][1] == "h":
        return scores.transpose(0, 2, 1)
    if scores.ndim == 3:
        observed = xp.minimum(codes, NO_BASE - 1).astype(xp.int64)[:, None]
        scores = xp.take_along_axis(scores, observed, axis=1)[:, 0]
    return xp.where(codes < NO_BASE, scores, 0)[:, :, None]


def refresh(xp: Any, batch: Batch, widest: int) -> None:
    """Note where the residual has changed since it was last looked at."""
    single = batch.residual.astype(xp.float32)
    changed = (single != batch.single).reshape(batch.count, batch.stride, -1).any(axis=2)
    before = xp.zeros((batch.count, batch.stride + 1), dtype=xp.int32)
    before[:, 1:] = xp.cumsum(changed, axis=1, dtype=xp.int32)
    stale = xp.zeros((batch.count, batch.stride), dtype=bool)
    stale[:, : batch.length] = before[:, widest : widest + batch.length] > before[:, : batch.length]
    batch.single, batch.stale = single, stale.ravel()
