"""Which known motifs of a database the motifs resemble."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._instances import MotifTable

if TYPE_CHECKING:
    import xarray as xr

_LEAST_COLUMN = 1e-9


def match_known_motifs(
    motifs: "xr.Dataset", database: "xr.Dataset", *, n_matches: int = 3
) -> "xr.Dataset":
    """Find the best matches of motifs in a database, by TOMTOM.

    Compared are the cores of the position probability matrices; where a motif has none, the
    positive part of its CWM stands in for it. The algorithm is that of Gupta et al. (2007), as
    implemented by memelite.

    Parameters
    ----------
    motifs : xarray.Dataset
        An oriented motifs dataset.
    database : xarray.Dataset
        A motifs dataset with ``motif_ppm``, not oriented, as read from a MEME file.
    n_matches : int
        How many matches of each motif to return, at most all of the database.

    Returns
    -------
    xarray.Dataset
        Arrays ``(motif, match)``, the best first: ``match_name``; ``match_p``, the p-value of
        TOMTOM for one target; ``match_q``, the same after Benjamini and Hochberg over the database;
        ``match_index`` along the motifs of the database; ``match_reverse``, whether the other
        strand matched.
    """
    import xarray as xr

    table = MotifTable.of(motifs)
    queries = _cores(motifs, table)
    widths = database["motif_width"].values.tolist()
    targets = [
        _probabilities(matrix[:, :width])
        for matrix, width in zip(database["motif_ppm"].values, widths, strict=True)
    ]
    p, reverse = _tomtom(queries, targets)
    count = min(n_matches, len(targets))
    best = np.argsort(p, axis=1, kind="stable")[:, :count]
    rows = np.arange(len(queries))[:, None]
    values = {
        "match_name": database["motif_name"].values[best],
        "match_p": p[rows, best],
        "match_q": _adjusted(p)[rows, best],
        "match_index": best,
        "match_reverse": reverse[rows, best],
    }
    return xr.Dataset(
        {name: (("motif", "match"), column) for name, column in values.items()},
        coords={"motif": table.names},
    )


def _cores(motifs: "xr.Dataset", table: MotifTable) -> list[NDArray[np.float64]]:
    forward = motifs.isel(motif=table.oriented[:, 0])
    name = "motif_ppm" if "motif_ppm" in forward else "motif_cwm"
    matrices = np.maximum(forward[name].values.astype(np.float64), 0)
    return [
        _probabilities(matrix[:, start:end])
        for matrix, (start, end) in zip(matrices, table.core, strict=True)
    ]


def _probabilities(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns that sum to one; even where there is nothing."""
    filled = np.asarray(matrix, dtype=np.float64) + _LEAST_COLUMN
    shares: NDArray[np.float64] = filled / filled.sum(axis=0)
    return shares


def _tomtom(
    queries: list[NDArray[np.float64]], targets: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    import warnings

    from memelite import tomtom

    with warnings.catch_warnings():
        # A small database is the user's choice; p-values of many columns underflow by design.
        warnings.simplefilter("ignore")
        # The type of the solver `seqlet-tomtom`: each one more is compiled for another 27 s.
        sides = [[matrix.astype(np.float32) for matrix in side] for side in (queries, targets)]
        p, _, _, _, strands = tomtom(*sides)[:5]
    return np.asarray(p, dtype=np.float64), np.asarray(strands) != 0


def _adjusted(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini and Hochberg's q-values of each row."""
    from scipy.stats import false_discovery_control

    # What rounding has put beside 0 or 1 would be refused.
    return np.asarray(false_discovery_control(np.clip(p, 0.0, 1.0), axis=1), dtype=np.float64)
