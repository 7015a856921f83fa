"""What a run learns before its first block, once in a process."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.sequence import NO_BASE
from finemo_zarr_modisco.density import Kernel
from finemo_zarr_modisco.information import UNIFORM
from finemo_zarr_modisco.model import ScoringModel
from finemo_zarr_modisco.null import seqlet_threshold
from finemo_zarr_modisco.patterns import MotifSource, Pattern, read_pattern
from finemo_zarr_modisco.seqlets import core_sums

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]

_LEARNING = Lock()
_WINDOWS = 5_000_000  # cores whose importance is looked at
_READ = 500  # regions
_QUANTILE = 0.05
_SEED = 1234


@dataclass(frozen=True)
class Request:
    """What to learn from; two that are equal give the same.

    Parameters
    ----------
    sources : tuple of MotifSource
        Patterns of one sign.
    stamps : tuple of int
        Of their files, so that a changed file is read again.
    hypothetical : bool
        Whether hypothetical scores are compared, too.
    kernel : {"reference", "calibrated"}
        How distances count.
    seeds : int
        Starts of the Leiden algorithm.
    exclude_self : bool
        See :meth:`finemo_zarr_modisco.model.ScoringModel.fit`.
    calibrate_on : str or None
        Regions store for threshold and background.
    fdr : float
        Of the threshold.
    window : int or None
        Width of the central part of the regions of that store.
    """

    sources: tuple[MotifSource, ...]
    stamps: tuple[int, ...]
    hypothetical: bool
    kernel: Kernel
    seeds: int
    exclude_self: bool
    calibrate_on: str | None
    fdr: float
    window: int | None


@dataclass(frozen=True, eq=False)
class Learned:
    """What a run needs to know.

    Parameters
    ----------
    patterns : list of Pattern
        The classes.
    model : ScoringModel
        What seqlets are scored with.
    threshold : float
        Smallest importance of the core of a seqlet, of the sign of the patterns.
    """

    patterns: list[Pattern]
    model: ScoringModel
    threshold: float


def learn(request: Request) -> Learned:
    """Learn, or remember."""
    with _LEARNING:  # blocks are solved side by side
        return _learn(request)


@lru_cache(maxsize=4)
def _learn(request: Request) -> Learned:
    background: tuple[float, ...] = UNIFORM
    sums = None
    if request.calibrate_on is not None:
        sums, background = _survey(request.calibrate_on, request.window, request.stamps)
    patterns = [
        read_pattern(Path(at.path), at.name, background, hypothetical=request.hypothetical)
        for at in request.sources
    ]
    for at, pattern in zip(request.sources, patterns, strict=True):
        if at.width != pattern.width:
            raise SchemaError(
                f"motif {at.name} is {at.width} bp wide, the pattern in {at.path} {pattern.width}:"
                " give the file that the motifs were read from"
            )
    sign = request.sources[0].sign
    threshold = (
        _of_seqlets(patterns, sign) if sums is None else seqlet_threshold(sign * sums, request.fdr)
    )
    model = ScoringModel.fit(
        patterns, request.kernel, request.seeds, exclude_self=request.exclude_self
    )
    return Learned(patterns, model, max(threshold, np.finfo(np.float64).tiny))


def _of_seqlets(patterns: list[Pattern], sign: int) -> float:
    """A threshold without any null: what all but a few of the seqlets reach."""
    best = [core_sums(sign * pattern.raw[:, 0].sum(axis=-1)).max(axis=1) for pattern in patterns]
    return float(np.quantile(np.concatenate(best), _QUANTILE))


@lru_cache(maxsize=1)
def _survey(
    path: str, window: int | None, _stamps: tuple[int, ...]
) -> tuple[FloatArray, tuple[float, ...]]:
    """Importance of the cores in a regions store, and its base frequencies.

    Raises
    ------
    SchemaError
        If a score is not finite.
    """
    from finemo_zarr.store import open_regions

    regions = open_regions(path)
    count, length = regions.sizes["region"], regions.sizes["position"]
    chosen = np.arange(count)
    if count * length > _WINDOWS:
        random = np.random.RandomState(_SEED)
        chosen = np.sort(random.choice(count, max(_WINDOWS // length, 1), replace=False))
    sums, bases = [np.zeros(0)], np.zeros(5)
    for first in range(0, len(chosen), _READ):
        block = regions.isel(region=chosen[first : first + _READ]).load()
        for codes, scores in _by_width(block, window):
            if not np.isfinite(scores).all():
                raise SchemaError(f"{path}: holds scores that are not finite: replace them by 0")
            sums.append(core_sums(scores.reshape(-1, scores.shape[-1])).ravel())
            bases += np.bincount(codes.ravel(), minlength=5)
    known = bases[:4].sum()
    background = UNIFORM if not known else tuple((bases[:4] / known).tolist())
    return np.concatenate(sums), background


def _by_width(
    block: "xr.Dataset", window: int | None
) -> Iterator[tuple[NDArray[np.uint8], FloatArray]]:
    """Bases and contributions ``(..., region, position)`` of regions of one width at a time."""
    from finemo_zarr.sequence import project

    widths = np.full(block.sizes["region"], block.sizes["position"])
    if "region_width" in block:
        widths = block["region_width"].values
    for width in np.unique(widths):
        rows, at = np.flatnonzero(widths == width), central(int(width), window)
        alike = block.isel(region=rows, position=at)
        codes = alike["region_sequence"].values
        scores = alike["region_contributions"].values.astype(np.float64)
        if "base" in alike["region_contributions"].dims:
            scores = project(scores, np.broadcast_to(codes, (*scores.shape[:-2], codes.shape[-1])))
        yield codes, np.where(codes == NO_BASE, 0, scores)


def central(length: int, window: int | None) -> slice:
    """Columns of the central part."""
    if window is None or window >= length:
        return slice(0, length)
    first = length // 2 - window // 2
    return slice(first, first + window)
