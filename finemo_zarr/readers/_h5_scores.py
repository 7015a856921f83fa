"""What the readers of H5 score files share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finemo_zarr.readers._assemble import stored_regions
from finemo_zarr.readers._checks import given
from finemo_zarr.readers._h5 import open_h5_arrays
from finemo_zarr.readers._options import (
    check_fasta_option,
    chrom_order_option,
    dropped_option,
    h5s_option,
    peaks_option,
    region_width_option,
)

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class H5ScoresReader:
    """Hypothetical scores beside one-hot sequences of the same shape, in H5 files.

    A subclass says which two datasets these are, and which axis has the bases.

    Parameters
    ----------
    h5s : tuple of Path
        Score files of the same regions; averaged. A score that is NaN in one is NaN.
    peaks : Path, optional
        Peaks in the order of the scores.
    chrom_order : Path, optional
        File that orders the chromosomes.
    region_width : int
        Width in bp of the regions, which are cut from the centre of what is stored.
    fasta : Path, optional
        Genome to check the stored sequences against.
    dropped : Path, optional
        Which peaks have no scores.
    """

    datasets: ClassVar[tuple[str, str]]
    base_axis: ClassVar[int]

    h5s: tuple[Path, ...] = h5s_option()
    peaks: Path | None = peaks_option()
    chrom_order: Path | None = chrom_order_option()
    region_width: int = region_width_option()
    fasta: Path | None = check_fasta_option()
    dropped: Path | None = dropped_option()

    def read(self) -> "xr.Dataset":
        """Return a regions dataset, lazy along `region`.

        Raises
        ------
        ReadError
            If a file cannot be used, or files disagree.
        """
        paths = given(self.h5s, "H5 files")
        pairs = [open_h5_arrays(path, self.datasets, self.base_axis) for path in paths]
        sequences, scores = zip(*pairs, strict=True)
        return stored_regions(self, sequences, scores)
