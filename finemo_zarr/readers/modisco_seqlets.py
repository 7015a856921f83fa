"""Seqlets of a TF-MoDISco-lite result: where its motifs were found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.modisco_h5 import check_result, open_result, patterns_of

if TYPE_CHECKING:
    import xarray as xr

_COLUMNS = ("example_idx", "start", "end", "is_revcomp")


def read_seqlets(path: Path | str) -> "xr.Dataset":
    """Read the seqlets of all patterns of a TF-MoDISco-lite file.

    Parameters
    ----------
    path : path
        The file. Patterns without seqlets, as in files that were merged or made by hand, have none.

    Returns
    -------
    xarray.Dataset
        Arrays ``(seqlet,)``: ``seqlet_motif``, the name of group and pattern;
        ``seqlet_example``, the number of the sequence that TF-MoDISco saw; ``seqlet_start`` and
        ``seqlet_end`` in that sequence, in bp; ``seqlet_reverse``. The attribute ``window`` is the
        width that TF-MoDISco saw, 0 where the file does not say it.

    Raises
    ------
    ReadError
        If the file cannot be read, or the columns of a pattern do not go together.
    """
    import xarray as xr

    path = Path(path)
    with opened_seqlets(path) as (file, window):
        found = {
            name: seqlet_places(pattern.get("seqlets", {}), where)
            for name, pattern, where in patterns_of(file, path)
        }
    counts = [len(places) for places in found.values()]
    names = np.repeat(np.array(list(found), dtype=np.dtypes.StringDType()), counts)
    none = np.zeros((0, len(_COLUMNS)), np.int64)
    example, start, end, reverse = np.concatenate([none, *found.values()]).T
    return xr.Dataset(
        {
            "seqlet_motif": ("seqlet", names),
            "seqlet_example": ("seqlet", example),
            "seqlet_start": ("seqlet", start, {"units": "bp"}),
            "seqlet_end": ("seqlet", end, {"units": "bp"}),
            "seqlet_reverse": ("seqlet", reverse.astype(np.bool_)),
        },
        attrs={"window": window},
    )


@contextmanager
def opened_seqlets(path: Path) -> Iterator[tuple[Any, int]]:
    """Open a file whose seqlets are read.

    Yields
    ------
    file : h5py.File
        The file.
    window : int
        Width that TF-MoDISco saw of each sequence, in bp; 0 where the file does not say it.

    Raises
    ------
    ReadError
        If it is no HDF5 file, and in place of whatever is raised while it is read.
    """
    check_result(path)
    try:
        with open_result(path) as file:
            yield file, int(file.attrs.get("window_size", 0))
    except ReadError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise ReadError(
            f"{path}: seqlets cannot be read ({error}): copy or make the file again"
        ) from error


def seqlet_places(seqlets: Any, where: str) -> NDArray[np.int64]:
    """Sequence, start, end and strand of the seqlets of a pattern, ``(seqlet, 4)``.

    Parameters
    ----------
    seqlets : h5py.Group, or an empty mapping
        Where columns are missing, there are none.
    where : str
        What messages call the pattern.

    Raises
    ------
    ReadError
        If columns are of different sizes.
    """
    if not all(name in seqlets for name in _COLUMNS):
        return np.zeros((0, len(_COLUMNS)), np.int64)
    columns = [np.asarray(seqlets[name][()]).ravel().astype(np.int64) for name in _COLUMNS]
    if len({column.shape for column in columns}) > 1:
        shapes = {name: column.shape for name, column in zip(_COLUMNS, columns, strict=True)}
        raise ReadError(f"{where}/seqlets has columns of shapes {shapes}, expected equal ones")
    return np.stack(columns, axis=1)
