"""How many hits each motif has, by track and by region, and how much they explain."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.store import HitsStore, RemotePath, open_hits

if TYPE_CHECKING:
    import xarray as xr

_CELLS_PER_CHUNK = 2**21
"""Region × motif numbers that are computed together."""


def summarise(hits: HitsStore | Path | str | RemotePath) -> "xr.Dataset":
    """Count hits and sum their coefficients by track, region and motif.

    Parameters
    ----------
    hits : HitsStore or path
        A hits store, or where it lies.

    Returns
    -------
    xarray.Dataset
        Both strands of a motif count together; `motif` holds the names, `track` those of the
        tracks. A store without tracks has no such dimension.

        ``count``, ``coefficient_sum`` : ``(track, motif)``
            Number of hits, and sum of their ``hit_coefficient_global``.
        ``regions_with_hit`` : ``(track, motif)``
            Number of regions with at least one.
        ``region_count``, ``region_coefficient_sum`` : ``(track, region, motif)``
            The same for each region; dask arrays that are computed in chunks of regions, so that a
            part of them costs no more than that part.

    Raises
    ------
    ReadError
        If the store cannot be read.
    """
    import xarray as xr

    opened = hits if isinstance(hits, HitsStore) else open_hits(hits)
    table = _Table.of(opened)
    whole = np.stack([table.by_motif(track) for track in range(table.n_tracks)])
    data = {
        "count": (whole[:, 0].astype(np.int64), "Number of hits.", ""),
        "coefficient_sum": (whole[:, 1], "Sum of hit_coefficient_global.", _UNIT),
        "regions_with_hit": (whole[:, 2].astype(np.int64), "Number of regions with a hit.", ""),
        "region_count": (table.lazy(weighted=False), "Number of hits.", ""),
        "region_coefficient_sum": (
            table.lazy(weighted=True),
            "Sum of hit_coefficient_global.",
            _UNIT,
        ),
    }
    dims = {2: ("track", "motif"), 3: ("track", "region", "motif")}
    variables = {
        name: xr.Variable(
            dims[values.ndim], values, {"long_name": meaning} | ({"units": unit} if unit else {})
        )
        for name, (values, meaning, unit) in data.items()
    }
    summary = xr.Dataset(variables, coords={"motif": table.names})
    if table.tracks is None:
        return summary.isel(track=0)
    return summary.assign_coords(track=table.tracks)


_UNIT = "model output ^ 2"


class _Table:
    """The columns that count, by track; within a track, hits are ordered by region."""

    def __init__(self, opened: HitsStore) -> None:
        names = opened.motifs["motif_name"].values
        self.names, index = np.unique(names.astype(object), return_inverse=True)
        self.names = self.names.astype(np.dtypes.StringDType())
        self.motif = index[opened.hits["hit_motif"].values]
        self.region = opened.hits["hit_region"].values
        self.coefficient = opened.hits["hit_coefficient_global"].values.astype(np.float64)
        self.n_regions = opened.qc.sizes["region"]
        self.tracks = opened.regions["track"].values if "hit_track" in opened.hits else None
        self.n_tracks = 1 if self.tracks is None else len(self.tracks)
        track = opened.hits["hit_track"].values if self.tracks is not None else None
        edges = np.arange(self.n_tracks + 1)
        zero = np.array([0, self.region.size])
        self.bounds = zero if track is None else np.searchsorted(track, edges)

    @classmethod
    def of(cls, opened: HitsStore) -> "_Table":
        """Read the columns of a store."""
        return cls(opened)

    def by_motif(self, track: int) -> NDArray[np.float64]:
        """Hits, coefficients and regions with a hit, ``(3, motif)``."""
        own = slice(*self.bounds[track : track + 2].tolist())
        motif, size = self.motif[own], self.names.size
        pairs = np.unique(self.region[own] * size + motif)
        return np.stack(
            [
                np.bincount(motif, minlength=size),
                np.bincount(motif, weights=self.coefficient[own], minlength=size),
                np.bincount(pairs % size, minlength=size),
            ]
        ).astype(np.float64)

    def block(self, track: int, first: int, last: int, *, weighted: bool) -> NDArray[Any]:
        """Numbers of some regions of a track, ``(1, region, motif)``."""
        low, high = self.bounds[track : track + 2]
        edges = low + np.searchsorted(self.region[low:high], [first, last])
        own, size = slice(*edges.tolist()), self.names.size
        cell = (self.region[own] - first) * size + self.motif[own]
        weights = self.coefficient[own] if weighted else None
        sums = np.bincount(cell, weights=weights, minlength=(last - first) * size)
        # Without a single hit, bincount gives integers whatever the weights.
        return sums.reshape(1, last - first, size).astype(np.float64 if weighted else np.int64)

    def lazy(self, *, weighted: bool) -> Any:
        """All numbers, ``(track, region, motif)``, to be computed in chunks of regions."""
        import dask.array as typed
        from dask.delayed import delayed as typed_delayed

        da: Any = typed  # its functions are not typed
        delayed: Any = typed_delayed

        # One node of the graph holds the columns, and all blocks share it.
        block = delayed(_Table.block, pure=False)
        columns = delayed(self, pure=False, traverse=False)
        step = max(1, _CELLS_PER_CHUNK // max(self.names.size, 1))
        dtype = np.float64 if weighted else np.int64
        rows = []
        for track in range(self.n_tracks):
            parts = []
            for first in range(0, self.n_regions, step):
                last = min(first + step, self.n_regions)
                shape = (1, last - first, self.names.size)
                value = block(columns, track, first, last, weighted=weighted)
                parts.append(da.from_delayed(value, shape, dtype=dtype))
            rows.append(da.concatenate(parts, axis=1))
        return da.concatenate(rows, axis=0)
