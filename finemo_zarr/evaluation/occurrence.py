"""Which motifs occur in which regions, and which occur together."""

from typing import TYPE_CHECKING

import numpy as np

from finemo_zarr.evaluation._instances import MotifTable
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

_BLOCK_CELLS = 2**24


def occurrence(hits: HitsStore) -> "xr.Dataset":
    """Count the hits of each motif in each region; both strands together.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.

    Returns
    -------
    xarray.Dataset
        ``count`` ``(region, motif)``, ``total`` ``(region,)``, and ``n_regions`` ``(motif,)``, the
        number of regions with at least one.
    """
    import xarray as xr

    motifs = MotifTable.of(hits.motifs)
    size, n_regions = len(motifs.names), hits.qc.sizes["region"]
    motif = motifs.of_oriented[hits.hits["hit_motif"].values]
    region = hits.hits["hit_region"].values.astype(np.int64)
    cells = np.bincount(region * size + motif, minlength=n_regions * size)
    count = cells.reshape(n_regions, size).astype(np.int32)
    return xr.Dataset(
        {
            "count": (("region", "motif"), count),
            "total": ("region", count.sum(axis=1)),
            "n_regions": ("motif", (count > 0).sum(axis=0)),
        },
        coords={"motif": motifs.names},
    )


def co_occurrence(occurrences: "xr.Dataset") -> "xr.Dataset":
    """Count the regions that hold both motifs of each pair.

    Parameters
    ----------
    occurrences : xarray.Dataset
        From :func:`occurrence`.

    Returns
    -------
    xarray.Dataset
        ``co_occurrence`` ``(motif, other_motif)``, the number of regions; ``co_occurrence_scaled``,
        the same by the root of the product of the numbers of both motifs, 0 where one has none.
    """
    import xarray as xr

    names = occurrences["motif"].values
    count = occurrences["count"].values
    together = np.zeros((len(names), len(names)))
    step = max(1, _BLOCK_CELLS // max(len(names), 1))
    for first in range(0, len(count), step):
        present = (count[first : first + step] > 0).astype(np.float32)
        together += present.T @ present
    root = np.sqrt(np.diag(together))
    scale = np.outer(root, root)
    scaled = np.divide(together, scale, out=np.zeros_like(together), where=scale > 0)
    dims = ("motif", "other_motif")
    return xr.Dataset(
        {
            "co_occurrence": (dims, together.astype(np.int64)),
            "co_occurrence_scaled": (dims, scaled),
        },
        coords={"motif": names, "other_motif": names},
    )
