"""Which motifs resemble one another."""

from typing import TYPE_CHECKING

from finemo_zarr.evaluation._instances import MotifTable
from finemo_zarr.evaluation._motif_alignments import best_similarities, unit_cores

if TYPE_CHECKING:
    import xarray as xr


def motif_similarity(motifs: "xr.Dataset") -> "xr.Dataset":
    """Largest cosine of the cores of two motifs, over all offsets and both strands.

    Only offsets count at which the cores share at least half of the shorter; what reaches over
    counts as zero.

    Parameters
    ----------
    motifs : xarray.Dataset
        An oriented motifs dataset.

    Returns
    -------
    xarray.Dataset
        ``motif_similarity`` ``(motif, other_motif)``, symmetric, 1 on the diagonal.
    """
    import xarray as xr

    table = MotifTable.of(motifs)
    similarity = best_similarities(*unit_cores(motifs, table, "motif_weights")).similarity
    return xr.Dataset(
        {"motif_similarity": (("motif", "other_motif"), similarity)},
        coords={"motif": table.names, "other_motif": table.names},
    )
