"""Projected scores of bigWig files, sequences of the genome."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finemo_zarr.errors import InputWarning
from finemo_zarr.model import create_regions
from finemo_zarr.protocols import option
from finemo_zarr.readers._bigwig import BigWigScores, GenomeCodes, check_bigwig
from finemo_zarr.readers._checks import check_width, given
from finemo_zarr.readers._genome import check_regions, open_genome
from finemo_zarr.readers._lazy import Cut, lazy_array, region_blocks
from finemo_zarr.readers._options import chrom_order_option, peaks_option, region_width_option
from finemo_zarr.readers._peaks import Coordinates, read_chrom_order, read_peaks
from finemo_zarr.sequence import NO_BASE

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

_BYTES_PER_SCORE = 4
_MUCH_PADDING = 20


@dataclass(frozen=True)
class BigWigReader:
    """Projected scores of bigWig files around peaks.

    What lies beyond the end of a chromosome has no base and the score 0, as have uncovered bases.

    Parameters
    ----------
    fasta : Path
        Genome; its index is made if there is none.
    bigwigs : tuple of Path
        Scores; averaged.
    peaks : Path
        The peaks.
    chrom_order : Path, optional
        File that orders the chromosomes.
    region_width : int
        Width in bp; the base ``region_width // 2`` of a region is the summit.
    whole_peaks : bool
        Regions from the start to the end of the peaks instead, of different widths.
    """

    name: ClassVar[str] = "bw"
    summary: ClassVar[str] = "Regions from bigWig files, a genome (FASTA) and peaks."

    fasta: Path = option(
        "-f", "--fa", "--fasta", help="Genome, FASTA; indexed if need be.", metavar="FILE"
    )
    bigwigs: tuple[Path, ...] = option(
        "-b",
        "--bigwigs",
        help="bigWig file of scores; several are averaged.",
        metavar="FILE",
        per_track=True,
    )
    peaks: Path = peaks_option(required=True)
    chrom_order: Path | None = chrom_order_option()
    region_width: int = region_width_option()
    whole_peaks: bool = option(
        "--whole-peaks",
        help="Regions as wide as the peaks are, from their start to their end; -w does not count.",
        default=False,
    )

    def read(self) -> "xr.Dataset":
        """Return a regions dataset, lazy along `region`.

        Raises
        ------
        ReadError
            If a file cannot be used, or files disagree.
        """
        peaks = read_peaks(Path(self.peaks))
        regions = (
            peaks.whole() if self.whole_peaks else peaks.regions(check_width(self.region_width))
        )
        widths = regions.end - regions.start
        width = int(widths.max())
        _check_padding(regions, widths)
        genome = open_genome(Path(self.fasta))
        check_regions(regions, genome.path, genome.lengths)
        used = dict.fromkeys(regions.chrom)
        lengths = {chrom: genome.lengths[chrom] for chrom in used}
        bigwigs = given(self.bigwigs, "bigWig files")
        for path in bigwigs:
            check_bigwig(path, genome.path, lengths)
        block = region_blocks(len(regions), _BYTES_PER_SCORE * width)
        codes = GenomeCodes(regions.chrom, regions.start, width, genome)
        scores = BigWigScores(regions.chrom, regions.start, width, bigwigs, lengths)
        return create_regions(
            lazy_array(Cut(codes, widths, NO_BASE) if self.whole_peaks else codes, block),
            lazy_array(Cut(scores, widths, 0) if self.whole_peaks else scores, block),
            coordinates=regions.as_mapping(),
            chrom_order=read_chrom_order(Path(self.chrom_order)) if self.chrom_order else None,
            widths=widths,
        )


def _check_padding(regions: Coordinates, widths: "NDArray[np.int64]") -> None:
    """Warn where one wide region makes the padding of the others most of the store."""
    widest, total = int(widths.argmax()), int(widths.sum())
    times = widths.size * int(widths[widest]) / total
    if times > _MUCH_PADDING:
        warnings.warn(
            f"all regions are padded to the widest, {regions.describe(widest)}, {widths[widest]} "
            f"bp: the store is read and written as if it had {times:.0f} times as many bases. "
            "Leave such regions out, or extract them into a store of their own.",
            InputWarning,
            stacklevel=3,
        )
