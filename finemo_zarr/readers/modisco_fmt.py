"""Sequences and attributions in the input form of TF-MoDISco."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finemo_zarr.protocols import option
from finemo_zarr.readers._assemble import stored_regions
from finemo_zarr.readers._checks import given
from finemo_zarr.readers._npy import NpyArray, npz_keys, open_npy_array
from finemo_zarr.readers._options import (
    check_fasta_option,
    chrom_order_option,
    dropped_option,
    peaks_option,
    region_width_option,
)

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class ModiscoFmtReader:
    """Hypothetical scores of ``.npy`` or ``.npz`` files, ``(region, base, position)``.

    Parameters
    ----------
    sequences : Path
        One-hot sequences; of an ``.npz`` file, the first array.
    attributions : tuple of Path
        Scores of the same regions; averaged. A score that is NaN in one is NaN.
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

    name: ClassVar[str] = "modisco-fmt"
    summary: ClassVar[str] = "Regions from TF-MoDISco's input files (npy, npz)."

    sequences: Path = option(
        "-s",
        "--sequences",
        help="One-hot sequences, .npy or .npz (its first array).",
        metavar="FILE",
    )
    attributions: tuple[Path, ...] = option(
        "-a",
        "--attributions",
        help="Hypothetical scores, .npy or .npz (its first array); several are averaged.",
        metavar="FILE",
        per_track=True,
    )
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
        sequences = _first_array(Path(self.sequences))
        scores = [_first_array(path) for path in given(self.attributions, "attributions")]
        return stored_regions(self, [sequences], scores)


def _first_array(path: Path) -> NpyArray:
    return open_npy_array(path, npz_keys(path)[0], 1)
