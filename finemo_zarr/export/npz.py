"""A regions store as Fi-NeMo's ``regions.npz``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.export._source import Source
from finemo_zarr.sequence import one_hot

if TYPE_CHECKING:
    import xarray as xr

_WORST_ERROR = 1e-3
"""Largest relative error, of the root mean square, at which half precision is taken."""


def write_npz(source: Source, path: Path) -> None:
    """Write sequences, scores and coordinates, in the order of the store.

    Scores are in half precision, as Fi-NeMo's are, unless that would change them by more than
    0.1 % (scores below 6e-5 are subnormal there): then in single precision. Where there are
    tracks, it is their mean, or that of ``--track``.
    """
    scores = source.regions["region_contributions"]
    count, length = scores.sizes["region"], scores.sizes["position"]
    with_bases = "base" in scores.dims
    track = source.options.track
    dtype = _precision(source, track)
    shapes = {
        "sequences": _Column((count, 4, length), np.dtype(np.int8), _hot),
        "contributions": _Column(
            (count, 4, length) if with_bases else (count, length),
            dtype,
            lambda block: block["region_contributions"].values.astype(dtype),
        ),
    }
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=4) as archive:
        for name, column in shapes.items():
            values = (column.values(block) for _, block in source.score_blocks(track))
            _write_array(archive, name, column, values)
        for name, array in _coordinates(source).items():
            _write_array(archive, name, _Column(array.shape, array.dtype, None), iter([array]))


class _Column(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    values: Any


def _hot(block: "xr.Dataset") -> NDArray[np.int8]:
    return one_hot(block["region_sequence"].values, np.int8)


def _precision(source: Source, track: str | None) -> np.dtype[Any]:
    error = total = 0.0
    for _, block in source.score_blocks(track):
        scores = block["region_contributions"].values
        with np.errstate(over="ignore", under="ignore"):
            half = scores.astype(np.float16).astype(np.float64)
        total += float(np.square(scores, dtype=np.float64).sum())
        error += float(np.square(half - scores).sum())
    # Too large a score is infinite in half precision, and so is the error.
    exact = error <= _WORST_ERROR**2 * total
    return np.dtype(np.float16 if exact else np.float32)


def _coordinates(source: Source) -> dict[str, NDArray[Any]]:
    if not source.placed:
        return {}
    regions = source.opened.regions
    chroms = regions["region_chrom"].values.tolist()
    order = {
        chrom: number
        for number, chrom in enumerate(
            dict.fromkeys([*regions.attrs.get("chrom_order", ()), *chroms])
        )
    }
    return {
        "chr": np.array(chroms, dtype=str),
        "chr_id": np.array([order[chrom] for chrom in chroms], dtype=np.uint32),
        "start": regions["region_start"].values.astype(np.int32),
        "peak_id": regions["region_id"].values.astype(np.uint32),
        "peak_name": np.array(regions["region_name"].values.tolist(), dtype=str),
    }


def _write_array(
    archive: ZipFile, name: str, column: _Column, parts: Iterator[NDArray[Any]]
) -> None:
    """Write an array in parts, which NumPy's own function cannot."""
    fields = {
        "descr": np.lib.format.dtype_to_descr(column.dtype),
        "fortran_order": False,
        "shape": column.shape,
    }
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, fields)
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype=column.dtype).tobytes())
