"""Seqlets of a TF-MoDISco-lite result: where its motifs were found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.modisco_h5 import open_result, pattern_names

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
    try:
        with open_result(path) as file:
            window = int(file.attrs.get("window_size", 0))
            found = {
                f"{group}.{name}": _columns(file[group][name], f"{path}, {group}/{name}")
                for group in ("pos_patterns", "neg_patterns")
                if group in file
                for name in pattern_names(file[group], f"{path}, {group}")
            }
    except ReadError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise ReadError(
            f"{path}: seqlets cannot be read ({error}): copy or make the file again"
        ) from error
    counts = [len(columns[0]) for columns in found.values()]
    names = np.repeat(np.array(list(found), dtype=np.dtypes.StringDType()), counts)
    joined = [
        np.concatenate([np.zeros(0, np.int64), *(columns[at] for columns in found.values())])
        for at in range(len(_COLUMNS))
    ]
    example, start, end, reverse = joined
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


def _columns(pattern: Any, where: str) -> list[NDArray[np.int64]]:
    if "seqlets" not in pattern or not all(name in pattern["seqlets"] for name in _COLUMNS):
        return [np.zeros(0, np.int64)] * len(_COLUMNS)
    columns = [np.asarray(pattern["seqlets"][name][()]).astype(np.int64) for name in _COLUMNS]
    if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
        shapes = {name: column.shape for name, column in zip(_COLUMNS, columns, strict=True)}
        raise ReadError(f"{where}/seqlets has columns of shapes {shapes}, expected equal ones")
    return columns
