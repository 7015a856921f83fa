"""Motifs from files and stores alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finemo_zarr import store
from finemo_zarr.errors import ReadError
from finemo_zarr.motifs import combine_motifs
from finemo_zarr.registry import read_motifs

if TYPE_CHECKING:
    import xarray as xr


def load_motifs(paths: Sequence[Path | str | store.RemotePath]) -> "xr.Dataset":
    """Read the motifs of several files and hits stores into one dataset.

    Parameters
    ----------
    paths : sequence of path
        Motif files; hits stores, here or in a bucket, or folders that `call-hits` wrote.

    Returns
    -------
    xarray.Dataset
        A motifs dataset, not oriented.

    Raises
    ------
    ReadError
        If a path cannot be read.
    SchemaError
        If a name occurs more than once.
    """
    return combine_motifs([_load(store.locate(path)) for path in paths])


def _load(path: store.Location) -> "xr.Dataset":
    if (store.hits_path(path) / "zarr.json").is_file():
        return store.read_stored_motifs(path)
    if isinstance(path, store.RemotePath):
        raise ReadError(
            f"{path}: no hits store; motif files (HDF5, MEME) are read from a disk, copy it first"
        )
    return read_motifs(path)
