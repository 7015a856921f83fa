"""Regions as Fi-NeMo stores them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.protocols import option
from finemo_zarr.readers._assemble import stored_regions
from finemo_zarr.readers._checks import given
from finemo_zarr.readers._npy import NpyArray, npz_keys, open_npy_array, read_npy_column
from finemo_zarr.readers._options import (
    check_fasta_option,
    chrom_order_option,
    dropped_option,
    peaks_option,
    region_width_option,
)
from finemo_zarr.readers._peaks import Coordinates

if TYPE_CHECKING:
    import xarray as xr

_COLUMNS = ("chr", "chr_id", "start", "peak_id", "peak_name")


@dataclass(frozen=True)
class FinemoNpzReader:
    """Projected or hypothetical scores of Fi-NeMo's ``regions.npz``, with its coordinates.

    Parameters
    ----------
    npz : tuple of Path
        Files of the same regions; averaged. A score that is NaN in one is NaN.
    peaks : Path, optional
        Peaks in the order of the scores, instead of the coordinates in the files.
    chrom_order : Path, optional
        File that orders the chromosomes.
    region_width : int, optional
        Width in bp of the regions, which are cut from the centre; by default what is stored.
    fasta : Path, optional
        Genome to check the stored sequences against.
    dropped : Path, optional
        Which peaks have no scores.
    """

    name: ClassVar[str] = "finemo-npz"
    summary: ClassVar[str] = "Regions from Fi-NeMo's regions.npz."

    npz: tuple[Path, ...] = option(
        "-i",
        "--npz",
        help="Regions of Fi-NeMo; several are averaged.",
        metavar="FILE",
        per_track=True,
    )
    peaks: Path | None = peaks_option()
    chrom_order: Path | None = chrom_order_option()
    region_width: int | None = region_width_option(default=None)
    fasta: Path | None = check_fasta_option()
    dropped: Path | None = dropped_option()

    def read(self) -> "xr.Dataset":
        """Return a regions dataset, lazy along `region`.

        Raises
        ------
        ReadError
            If a file cannot be used, or files disagree.
        """
        paths = given(self.npz, "npz files")
        sequences = [open_npy_array(path, "sequences", 1) for path in paths]
        scores = [_scores(path) for path in paths]
        columns = _same_columns(paths)
        if columns is None:
            return stored_regions(self, sequences, scores)
        coordinates = _coordinates(columns, sequences[0])
        regions = stored_regions(
            self, sequences, scores, coordinates=coordinates, chrom_order=_chrom_order(columns)
        )
        if self.peaks is not None:
            _compare(self.peaks, paths[0], regions, coordinates)
        return regions


def _scores(path: Path) -> NpyArray:
    projected = open_npy_array(path, "contributions", None)
    return projected if len(projected.shape) == 2 else open_npy_array(path, "contributions", 1)


def _same_columns(paths: Sequence[Path]) -> dict[str, NDArray[Any]] | None:
    first = _columns(paths[0])
    for path in paths[1:]:
        other = _columns(path)
        if (first is None) != (other is None) or (
            first is not None
            and other is not None
            and not all(np.array_equal(first[key], other[key]) for key in ("chr", "start"))
        ):
            raise ReadError(f"{paths[0]} and {path} give different coordinates for their regions")
    return first


def _columns(path: Path) -> dict[str, NDArray[Any]] | None:
    keys = npz_keys(path)
    if "chr" not in keys:
        return None
    if missing := [key for key in _COLUMNS if key not in keys]:
        raise ReadError(f"{path} has chr but not {', '.join(missing)}, expected all or none")
    return {key: read_npy_column(path, key) for key in _COLUMNS}


def _coordinates(columns: dict[str, NDArray[Any]], sequences: NpyArray) -> Coordinates:
    for key, values in columns.items():
        if values.shape != (sequences.count,):
            raise ReadError(f"the shapes of {sequences.label} and {key} {values.shape} disagree")
    start = columns["start"].astype(np.int64)
    return Coordinates(
        columns["chr"].astype(object),
        start,
        start + sequences.length,
        columns["peak_name"].astype(object),
        columns["peak_id"].astype(np.int64),
    )


def _compare(peaks: Path, path: Path, regions: "xr.Dataset", stored: Coordinates) -> None:
    crop = int(stored.end[0] - stored.start[0]) // 2 - regions.sizes["position"] // 2
    differ = (regions["region_start"].values != stored.start + crop) | (
        regions["region_chrom"].values.astype(object) != stored.chrom
    )
    if differ.any():
        warnings.warn(
            f"{peaks} and {path} place {int(differ.sum())} of {len(differ)} regions differently,"
            f" first {stored.describe(int(np.argmax(differ)))}; the peaks are used",
            InputWarning,
            stacklevel=3,
        )


def _chrom_order(columns: dict[str, NDArray[Any]]) -> list[str]:
    order = dict(zip(columns["chr"].tolist(), columns["chr_id"].tolist(), strict=True))
    return sorted(order, key=lambda chrom: int(order[chrom]))
