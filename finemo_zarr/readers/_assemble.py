"""From stored sequences and scores, and what is known of their coordinates, to regions."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.model import create_regions
from finemo_zarr.readers._checks import check_width
from finemo_zarr.readers._dropped import without_dropped
from finemo_zarr.readers._genome import open_genome
from finemo_zarr.readers._integrity import SequenceCheck
from finemo_zarr.readers._lazy import lazy_array, region_blocks
from finemo_zarr.readers._options import AlignmentOptions
from finemo_zarr.readers._peaks import Coordinates, read_chrom_order, read_peaks
from finemo_zarr.readers._stored import Codes, Scores, StoredArray, check_arrays

if TYPE_CHECKING:
    import xarray as xr

_BYTES_PER_SCORE = 4


def stored_regions(
    options: AlignmentOptions,
    sequences: Sequence[StoredArray],
    scores: Sequence[StoredArray],
    *,
    coordinates: Coordinates | None = None,
    chrom_order: Sequence[str] | None = None,
) -> "xr.Dataset":
    """Make a regions dataset of stored sequences and scores, lazy along `region`.

    Parameters
    ----------
    options : AlignmentOptions
        The reader.
    sequences, scores : sequence of StoredArray
        One-hot sequences, which must agree, and scores, which are averaged.
    coordinates : Coordinates, optional
        Those that the files give for the stored width; peaks come first.
    chrom_order : sequence of str, optional
        Order that the files give; that of the options comes first.

    Raises
    ------
    ReadError
        If the arrays do not fit together, or the sequences are not those of the genome.
    """
    check_arrays(sequences, scores)
    start, width = central_columns(scores[0], options.region_width)
    codes = Codes(tuple(sequences), start, width)
    values = Scores(tuple(scores), start, width)
    if options.peaks is not None:
        coordinates, chrom_order = _peak_regions(options, codes), None
    elif coordinates is not None:
        coordinates = coordinates.crop(start, width)
    _check_options(options, coordinates)
    if options.fasta is not None and coordinates is not None:
        SequenceCheck(codes, coordinates, open_genome(Path(options.fasta))).run()
    if options.chrom_order is not None:
        chrom_order = read_chrom_order(Path(options.chrom_order))
    block = region_blocks(
        values.shape[0], _BYTES_PER_SCORE * math.prod(values.shape[1:]), scores[0].chunk_rows
    )
    return create_regions(
        lazy_array(codes, block),
        lazy_array(values, block),
        coordinates=None if coordinates is None else coordinates.as_mapping(),
        chrom_order=chrom_order,
    )


def central_columns(array: StoredArray, width: int | None) -> tuple[int, int]:
    """First column and width of the central crop, ``length // 2 - width // 2``.

    The base at the index ``length // 2``, the summit, stays at ``width // 2``, also where the one
    is odd and the other even.

    Raises
    ------
    ReadError
        If the width is not one, or more than is stored.
    """
    width = check_width(array.length if width is None else width)
    if width > array.length:
        raise ReadError(
            f"{array.path.name}: {array.key} is {array.length} bp wide, less than the region width"
            f" {width}; give --region-width {array.length} or less"
        )
    return array.length // 2 - width // 2, width


def _peak_regions(options: AlignmentOptions, codes: Codes) -> Coordinates:
    peaks = read_peaks(Path(options.peaks or ""))
    hint = "if peaks were dropped upstream, say which with --dropped"
    if options.dropped is not None:
        total = len(peaks)
        peaks = without_dropped(peaks, Path(options.dropped))
        hint = f"{total - len(peaks)} of {total} peaks are dropped by {options.dropped}"
    regions = peaks.regions(codes.width)
    count = codes.shape[0]
    if len(regions) == count:
        rows = np.arange(count)
        return regions if options.dropped is None else replace(regions, example=rows)
    message = (
        f"{peaks.path} has {len(regions)} peaks, {codes.arrays[0].path} has scores of {count}"
        f" regions: {hint}"
    )
    if options.fasta is not None:
        check = SequenceCheck(codes, regions, open_genome(Path(options.fasta)))
        message += f". {check.explain_count()}"
    raise ReadError(message)


def _check_options(options: AlignmentOptions, coordinates: Coordinates | None) -> None:
    if options.dropped is not None and options.peaks is None:
        raise ReadError(f"--dropped {options.dropped} needs --peaks, of which some are dropped")
    if options.fasta is not None and coordinates is None:
        raise ReadError(f"--fasta {options.fasta} needs --peaks, to know where to look")
    if options.chrom_order is not None and coordinates is None:
        warnings.warn(
            f"--chrom-order {options.chrom_order} has no effect without --peaks",
            InputWarning,
            stacklevel=4,
        )
