"""The options that several readers share, each declared once."""

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from finemo_zarr.protocols import option


def peaks_option(*, required: bool = False) -> Any:
    """Declare ``-p/--peaks``."""
    return option(
        "-p",
        "--peaks",
        help="Peaks that the scores belong to, in their order: narrowPeak, or BED with three"
        " columns or more; may be gzipped.",
        default=dataclasses.MISSING if required else None,
        metavar="FILE",
    )


def chrom_order_option() -> Any:
    """Declare ``-C/--chrom-order``."""
    return option(
        "-C",
        "--chrom-order",
        help="File whose first column orders the chromosomes; those missing follow in the order"
        " of the peaks.",
        default=None,
        metavar="FILE",
    )


def region_width_option(default: int | None = 1000) -> Any:
    """Declare ``-w/--region-width``; without a default, the stored width is kept."""
    kept = "" if default else " By default all of it."
    return option(
        "-w",
        "--region-width",
        help=f"Width of the regions around the summits, in bp.{kept}",
        default=default,
        metavar="BP",
    )


def h5s_option() -> Any:
    """Declare ``-c/--h5s``."""
    return option(
        "-c",
        "--h5s",
        help="H5 file of scores; several are averaged.",
        metavar="FILE",
        per_track=True,
    )


def check_fasta_option() -> Any:
    """Declare ``--fasta``."""
    return option(
        "--fasta",
        help="Genome to check the stored sequences against, at the coordinates of the regions.",
        default=None,
        metavar="FILE",
    )


def dropped_option() -> Any:
    """Declare ``--dropped``."""
    return option(
        "--dropped",
        help="Peaks that have no scores: a list of their names, or the filtered peak file that the"
        " upstream tool wrote.",
        default=None,
        metavar="FILE",
    )


class AlignmentOptions(Protocol):
    """Options of a reader of stored sequences and scores."""

    @property
    def peaks(self) -> Path | None: ...
    @property
    def chrom_order(self) -> Path | None: ...
    @property
    def region_width(self) -> int | None: ...
    @property
    def fasta(self) -> Path | None: ...
    @property
    def dropped(self) -> Path | None: ...
