"""How stores are written: layout, chunks, compression."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.store.reading import FORMAT, FORMAT_VERSION, StoreKind, region_index

if TYPE_CHECKING:
    import xarray as xr
    import zarr

_CHUNK_BYTES = 4 * 2**20
_CHUNK_RANGE = (16, 4096)
_LEAST_CHUNKS = 16
LONG_CHUNK = 2**16
"""Rows per chunk of what has one number per region or hit: a chunk per block would be tiny."""


def region_chunk(n_regions: int, bytes_per_region: int, source_chunk: int = 1) -> int:
    """Regions per chunk: some 4 MiB of scores, fewer where threads must share few regions.

    Parameters
    ----------
    n_regions : int
        Number of regions.
    bytes_per_region : int
        Size of the scores of one.
    source_chunk : int
        Regions that are read together. It is a multiple of the chunk, or the chunk one of it,
        wherever that is possible, so that nothing need be read twice.
    """
    low, high = _CHUNK_RANGE
    wanted = min(_CHUNK_BYTES / max(bytes_per_region, 1), n_regions / _LEAST_CHUNKS)
    chunk = int(np.clip(2 ** round(np.log2(max(wanted, 1))), low, high))
    if source_chunk >= n_regions:
        return chunk
    if source_chunk <= chunk:
        return max(chunk // source_chunk, 1) * source_chunk
    pieces = -(-source_chunk // chunk)
    exact = (n for n in range(pieces, 2 * pieces + 1) if source_chunk % n == 0)
    return source_chunk // next(exact, 1)


def _compressors() -> Any:
    """Return how numbers are compressed: the one place that decides it."""
    from zarr.codecs import BloscCodec

    # As small as Zstandard level 1 on real scores, and written and read 1.5 times as fast.
    return (BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),)


def create_store(path: Path, kind: StoreKind, provenance: Mapping[str, Any]) -> "zarr.Group":
    """Create an empty store.

    Parameters
    ----------
    path : Path
        A path that does not exist.
    kind : {"regions", "hits"}
        What it will hold.
    provenance : mapping
        From :func:`finemo_zarr.execution.provenance.describe_run`.
    """
    import zarr

    attributes = {
        "format": FORMAT,
        "kind": kind,
        "format_version": FORMAT_VERSION,
        "provenance": _plain(provenance),
    }
    return zarr.create_group(path, zarr_format=3, attributes=attributes)


def create_array(
    group: "zarr.Group",
    name: str,
    variable: "xr.Variable",
    *,
    shape: tuple[int, ...] | None = None,
    dtype: Any = None,
    chunk: int | None = None,
) -> "zarr.Array[Any]":
    """Create the array of a variable, filled with nothing yet.

    Parameters
    ----------
    group : zarr.Group
        Where.
    name : str
        Name of the variable.
    variable : xarray.Variable
        Its dimensions, type and attributes; its values are not read.
    shape : tuple of int, optional
        Shape, if not that of the variable.
    dtype : dtype, optional
        Type, if not that of the variable.
    chunk : int, optional
        Rows per chunk along `region` or `hit`; the other dimensions are whole.
    """
    dims = tuple(str(dim) for dim in variable.dims)
    shape = variable.shape if shape is None else shape
    dtype = np.dtype(dtype or variable.dtype)
    text = dtype.kind in "TUO"
    return group.create_array(
        name,
        shape=shape,
        dtype=np.dtypes.StringDType() if text else dtype,
        chunks=_chunks(dims, shape, chunk or LONG_CHUNK),
        compressors="auto" if text else _compressors(),
        fill_value=_fill_value(dtype),
        dimension_names=dims,
        attributes=_plain(variable.attrs),
    )


def _fill_value(dtype: np.dtype[Any]) -> Any:
    """What a chunk that is not there reads as: no base code, no score."""
    if dtype.kind == "f":
        return np.nan
    return np.iinfo(dtype).max if dtype.kind == "u" else None


def _chunks(dims: tuple[str, ...], shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
    fixed = {"region": rows, "hit": rows, "track": 1}
    return tuple(fixed.get(dim, max(size, 1)) for dim, size in zip(dims, shape, strict=True))


def write_block(path: Path | str, regions: slice, values: Mapping[str, Any]) -> None:
    """Write some regions of arrays that exist.

    Parameters
    ----------
    path : path
        The store, or a group of it.
    regions : slice
        Which regions; must begin and end where chunks do if others write at the same time.
    values : mapping
        Arrays by name, with `region` where the stored one has it.
    """
    import zarr

    for name, block in values.items():
        array = zarr.open_array(path, path=name, mode="r+", zarr_format=3)
        array[region_index(array, regions)] = block


def write_dataset(group: "zarr.Group", dataset: "xr.Dataset") -> None:
    """Write a dataset that is small enough for memory, with its attributes."""
    for name, variable in dataset.variables.items():
        array = create_array(group, str(name), variable)
        values = np.asarray(variable.values)
        array[...] = values.astype(array.dtype) if variable.dtype.kind in "TUO" else values
    group.update_attributes(_plain(dataset.attrs))


def _plain(value: Any) -> Any:
    """Attributes as JSON knows them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value


class HitsWriter:
    """Appends the hits of one block after another, in whole chunks.

    Parameters
    ----------
    group : zarr.Group
        The ``hits`` group of a hits store.
    """

    def __init__(self, group: "zarr.Group") -> None:
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._group = group
        self._buffer: list[xr.Dataset] = []
        self._buffered = 0
        self.count = 0

    def append(self, hits: "xr.Dataset") -> None:
        """Add a hits dataset; all must have the variables of the first."""
        if not self._arrays:
            self._arrays = {
                str(name): create_array(self._group, str(name), variable, shape=(0,))
                for name, variable in hits.variables.items()
            }
        self._buffer.append(hits)
        self._buffered += hits.sizes["hit"]
        if self._buffered >= LONG_CHUNK:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush(last=True)

    def _flush(self, *, last: bool = False) -> None:
        import xarray as xr

        rows = self._buffered if last else self._buffered // LONG_CHUNK * LONG_CHUNK
        rest = {}
        for name, array in self._arrays.items():
            values = np.concatenate([hits[name].values for hits in self._buffer])
            array.resize((self.count + rows,))
            array[self.count :] = values[:rows]
            rest[name] = ("hit", values[rows:].copy())
        self.count += rows
        self._buffered -= rows
        self._buffer = [xr.Dataset(rest)]
