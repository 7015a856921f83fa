"""How stores are written: layout, chunks, compression."""

import warnings
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.store.locations import Location, RemotePath, zarr_at
from finemo_zarr.store.reading import FORMAT, FORMAT_VERSION, StoreKind, dimensions, open_array

if TYPE_CHECKING:
    import xarray as xr
    import zarr
    from numpy.typing import NDArray

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


def _compressors(*, text: bool) -> Any:
    """Return how values are compressed, and by what damage is noticed: the one place for both."""
    from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

    # As small as Zstandard level 1 on real scores, and written and read 1.5 times as fast.
    numbers = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")
    return (ZstdCodec(level=3) if text else numbers, Crc32cCodec())


def create_store(path: Location, kind: StoreKind, provenance: Mapping[str, Any]) -> "zarr.Group":
    """Create an empty store, which nobody can open until :func:`finish_store` was called.

    Parameters
    ----------
    path : path
        Where there is nothing yet.
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
        "complete": False,
        "provenance": plain(provenance),
    }
    return zarr.create_group(**zarr_at(path), zarr_format=3, attributes=attributes)


def open_group(path: Location, group: str = "") -> "zarr.Group":
    """Open a group with what is there, not with what is listed of it."""
    import zarr

    at = zarr_at(path, group)
    return zarr.open_group(**at, mode="r+", zarr_format=3, use_consolidated=False)


def new_group(path: Location, group: str = "") -> "zarr.Group":
    """Create a group of a store that is being written; what was there is removed."""
    import zarr

    return zarr.create_group(**zarr_at(path, group), zarr_format=3, overwrite=True)


def finish_store(path: Location, attributes: Mapping[str, Any]) -> None:
    """Mark a store as complete, and list its arrays where it is opened.

    Parameters
    ----------
    path : path
        The store.
    attributes : mapping
        What is to be added to those of the root.
    """
    import zarr
    from zarr.errors import ZarrUserWarning

    if isinstance(path, Path):  # what a process that was killed was writing
        for stray in path.rglob("*.partial"):
            stray.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)  # that not all programs know such lists
        for group, _ in open_group(path).groups():
            zarr.consolidate_metadata(**zarr_at(path, group), zarr_format=3)
        root = zarr.consolidate_metadata(**zarr_at(path), zarr_format=3)
        arrays = {"arrays": sorted(array_names(root))}
        root.update_attributes(plain(attributes) | arrays | {"complete": True})


def array_names(group: "zarr.Group", prefix: str = "") -> list[str]:
    """Names of all arrays of a group and of those in it."""
    from zarr.errors import ZarrUserWarning

    with warnings.catch_warnings():
        # An array without metadata is none; whoever asks knows which there should be.
        warnings.simplefilter("ignore", ZarrUserWarning)
        arrays, groups = list(group.arrays()), list(group.groups())
    inner = [array_names(member, f"{prefix}{name}/") for name, member in groups]
    return [f"{prefix}{name}" for name, _ in arrays] + [n for names in inner for n in names]


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
        compressors=_compressors(text=text),
        fill_value=_fill_value(dtype),
        dimension_names=dims,
        config={"write_empty_chunks": True},  # so that one that is not there is lost
        attributes=plain(variable.attrs),
    )


def _fill_value(dtype: np.dtype[Any]) -> Any:
    """What a chunk that is not there reads as: no base code, no score, no index."""
    if dtype.kind == "f":
        return np.nan
    if dtype.kind in "ui":
        return np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min
    return None


def _chunks(dims: tuple[str, ...], shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
    fixed = {"region": rows, "hit": rows, "track": 1}
    return tuple(fixed.get(dim, max(size, 1)) for dim, size in zip(dims, shape, strict=True))


def write_rows(
    path: Location,
    regions: slice,
    values: Mapping[str, Any],
    *,
    track: int | None = None,
    token: str | None = None,
) -> None:
    """Write some regions of arrays that exist.

    Parameters
    ----------
    path : path
        The store.
    regions : slice
        Which regions; must begin and end where chunks do if others write at the same time.
    values : mapping
        Arrays by name, regions first.
    track : int, optional
        Which track, for arrays that have some.
    token : str, optional
        Of a run, for which arrays are opened once, not for every block.
    """
    for name, block in values.items():
        array = open_array(path, name, "r+", token)
        if "track" in dimensions(array):
            array[track or 0, regions] = block
        else:
            array[regions] = block


def write_dataset(group: "zarr.Group", dataset: "xr.Dataset") -> None:
    """Write a dataset that is small enough for memory, with its attributes."""
    for name, variable in dataset.variables.items():
        array = create_array(group, str(name), variable)
        values = np.asarray(variable.values)
        array[...] = values.astype(array.dtype) if variable.dtype.kind in "TUO" else values
    group.update_attributes(plain(dataset.attrs))


def plain(value: Any) -> Any:
    """Attributes as JSON can hold them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, (Path, RemotePath)) else value


class ColumnsWriter:
    """Appends the rows of one block after another to arrays of a group, in whole chunks.

    Parameters
    ----------
    group : zarr.Group
        Where; a hits group, for example.
    """

    def __init__(self, group: "zarr.Group") -> None:
        self._group = group
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._buffers: dict[str, list[NDArray[Any]]] = {}
        self._buffered = 0
        self.count = 0
        self.digests: dict[str, Any] = {}

    def append(self, columns: Mapping[str, "xr.Variable"]) -> None:
        """Add rows; all must have the variables of the first."""
        for name, variable in columns.items():
            if name not in self._arrays:
                self._arrays[name] = create_array(self._group, name, variable, shape=(0,))
                self._buffers[name] = []
                self.digests[name] = new_digest()
            self._buffers[name].append(variable.values)
        self._buffered += len(next(iter(columns.values())))
        if self._buffered >= LONG_CHUNK:
            self._flush(self._buffered // LONG_CHUNK * LONG_CHUNK)

    def close(self) -> None:
        """Write what is left."""
        self._flush(self._buffered)

    def _flush(self, rows: int) -> None:
        for name, array in self._arrays.items():
            values = np.concatenate(self._buffers[name])
            array.resize((self.count + rows,))
            array[self.count :] = values[:rows]
            self.digests[name].update(np.ascontiguousarray(values[:rows]))
            self._buffers[name] = [values[rows:].copy()]
        self.count += rows
        self._buffered -= rows


def new_digest() -> Any:
    """Return what digests of stored values are made with."""
    return blake2b(digest_size=16)
