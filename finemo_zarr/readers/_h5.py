"""Datasets of HDF5 files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import file_head, file_stamp, listing
from finemo_zarr.readers._stored import StoredArray

if TYPE_CHECKING:
    import h5py

_SHOWN = 12


@dataclass(frozen=True)
class H5Array(StoredArray):
    """A dataset of an HDF5 file."""

    def _select(self, index: tuple[slice, ...]) -> NDArray[Any]:
        with _opened(self.path) as handle:
            return np.asarray(handle[self.key][index])


def open_h5_arrays(path: Path, keys: tuple[str, ...], base_axis: int) -> tuple[H5Array, ...]:
    """Datasets of one file.

    Parameters
    ----------
    path : Path
        The file.
    keys : tuple of str
        Their names.
    base_axis : int
        Axis of the bases.

    Raises
    ------
    ReadError
        If the file is not HDF5 or lacks one of them; lists what it has.
    """
    import h5py

    file_head(path, "an HDF5 file")
    if not h5py.is_hdf5(path):
        raise ReadError(f"{path} is not an HDF5 file")
    with _opened(path) as handle:
        if missing := [key for key in keys if not isinstance(handle.get(key), h5py.Dataset)]:
            found = [f"{key} {shape}" for key, shape in _datasets(handle).items()]
            raise ReadError(
                f"{path} does not have {listing(missing)}; its datasets are"
                f" {listing(found, _SHOWN) or 'none'}"
            )
        return tuple(
            H5Array(
                path,
                key,
                tuple(handle[key].shape),
                handle[key].dtype,
                base_axis,
                file_stamp(path),
                chunk_rows=handle[key].chunks[0] if handle[key].chunks else 1,
            )
            for key in keys
        )


@contextmanager
def _opened(path: Path) -> Iterator["h5py.File"]:
    import h5py
    import hdf5plugin  # noqa: F401  (registers blosc and other compressions)

    try:
        with h5py.File(path, "r") as handle:
            yield handle
    except (OSError, RuntimeError, KeyError) as error:
        raise ReadError(f"{path} is damaged or truncated: {error}") from error


def _datasets(handle: "h5py.File") -> dict[str, tuple[int, ...]]:
    import h5py

    found: dict[str, tuple[int, ...]] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item.shape

    handle.visititems(visit)
    return found
