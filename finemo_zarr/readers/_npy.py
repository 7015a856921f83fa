"""Arrays of ``.npy`` and ``.npz`` files, mapped into memory and never loaded."""

import math
import mmap
import struct
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import file_head, file_stamp, listing
from finemo_zarr.readers._stored import StoredArray

_COPY_BYTES = 1 << 20
_LOCAL_HEADER = struct.Struct("<26xHH")
_MAPPING = threading.Lock()


@dataclass(frozen=True)
class NpyArray(StoredArray):
    """An array of an ``.npy`` file, or a member of an ``.npz`` file."""

    def _select(self, index: tuple[slice, ...]) -> NDArray[Any]:
        with _MAPPING:
            mapped = _mapped(self.path, self.key, self.stamp)
        rows = mapped.array[index].copy()
        # What was read would count as memory in use for as long as the file is mapped.
        mapped.memory.madvise(mmap.MADV_DONTNEED)
        return rows


@dataclass(frozen=True)
class _Mapped:
    memory: mmap.mmap
    array: NDArray[Any]


def npz_keys(path: Path) -> list[str]:
    """Names of the arrays of an ``.npz`` file; for an ``.npy`` file one empty name.

    Raises
    ------
    ReadError
        If it is neither.
    """
    head = file_head(path, "an .npy or .npz file")
    if head.startswith(b"\x93NUMPY"):
        return [""]
    if not head.startswith(b"PK"):
        raise ReadError(f"{path} is neither an .npy nor an .npz file")
    with _archive(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if not names:
        raise ReadError(f"{path} holds no arrays")
    return names


def open_npy_array(path: Path, key: str, base_axis: int | None) -> NpyArray:
    """One array, of which only the header is read.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        A name from :func:`npz_keys`.
    base_axis : int or None
        Axis of the bases; none if there is none.

    Raises
    ------
    ReadError
        If there is no such array, its header is damaged, or the file is too short for it.
    """
    if key not in (keys := npz_keys(path)):
        found = f"its arrays are {listing(keys)}" if keys[0] else "it is an .npy file"
        raise ReadError(f"{path} does not have {key}; {found}")
    with _member(path, key) as handle:
        shape, _, dtype = _header(path, handle)
        needed = handle.tell() + math.prod(shape) * dtype.itemsize
    size = _size(path, key)
    if size < needed:
        raise ReadError(f"{path} is truncated: {size} bytes, expected {needed}")
    return NpyArray(path, key, shape, dtype, base_axis, file_stamp(path))


def read_npy_column(path: Path, key: str) -> NDArray[Any]:
    """A small array, as a whole.

    Raises
    ------
    ReadError
        If it is damaged, or made of Python objects.
    """
    with _member(path, key) as handle:
        try:
            return np.asarray(np.lib.format.read_array(handle, allow_pickle=False))
        except ValueError as error:
            raise ReadError(f"{path}: {key} cannot be read: {error}") from error


@lru_cache(maxsize=128)
def _mapped(path: Path, key: str, stamp: tuple[int, int]) -> _Mapped:
    if file_stamp(path) != stamp:
        raise ReadError(f"{path} changed while it was read")
    if not key:
        return _map(path, path, 0)
    with _archive(path) as archive:
        member = archive.getinfo(f"{key}.npy")
    if member.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as handle:
            handle.seek(member.header_offset)
            name, extra = _LOCAL_HEADER.unpack(handle.read(_LOCAL_HEADER.size))
        return _map(path, path, member.header_offset + _LOCAL_HEADER.size + name + extra)
    return _spooled(path, key)


def _spooled(path: Path, key: str) -> _Mapped:
    # What is compressed cannot be read at random. The name goes at once, the mapping keeps the
    # content until the process ends, so that nothing is left behind however it ends.
    try:
        with tempfile.NamedTemporaryFile(prefix="finemo-zarr-", suffix=".npy") as copy:
            with _member(path, key) as source:
                while part := source.read(_COPY_BYTES):
                    copy.write(part)
            copy.flush()
            return _map(path, Path(copy.name), 0)
    except OSError as error:
        raise ReadError(
            f"{path} cannot be unpacked into {tempfile.gettempdir()}: {error}; set TMPDIR to a"
            " folder with space, or store the file uncompressed"
        ) from error


def _map(path: Path, holder: Path, offset: int) -> _Mapped:
    with holder.open("rb") as handle:
        handle.seek(offset)
        shape, fortran_order, dtype = _header(path, handle)
        memory = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        order: Literal["C", "F"] = "F" if fortran_order else "C"
        return _Mapped(memory, np.ndarray(shape, dtype, memory, handle.tell(), order=order))


def _header(path: Path, handle: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(handle)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran_order, dtype = read(handle)
    except (ValueError, KeyError, EOFError) as error:
        raise ReadError(f"{path} is damaged: not a NumPy array ({error})") from error
    if dtype.hasobject:
        raise ReadError(f"{path} holds Python objects, expected numbers")
    return shape, fortran_order, dtype


@contextmanager
def _member(path: Path, key: str) -> Iterator[BinaryIO]:
    if not key:
        with path.open("rb") as handle:
            yield handle
        return
    with _archive(path) as archive, archive.open(f"{key}.npy") as member:
        yield cast("BinaryIO", member)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ReadError(f"{path} is damaged or truncated: {error}") from error


def _size(path: Path, key: str) -> int:
    if not key:
        return path.stat().st_size
    with _archive(path) as archive:
        return archive.getinfo(f"{key}.npy").file_size
