"""The options of ``call-hits`` that are no solver's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from finemo_zarr.motifs import Mode, MotifOptions, Normalize, Placement
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

T = TypeVar("T")


@dataclass(frozen=True)
class CallHits:
    """One field for each option."""

    regions: Location = option(
        "-r", "--regions", metavar="STORE", help="Regions store: a path or URL."
    )
    motifs: tuple[Location, ...] = option(
        "-m",
        "--modisco-h5",
        "--motifs",
        metavar="FILE",
        help="Motifs: TF-MoDISco HDF5 files, MEME files, or hits stores.",
    )
    out_dir: Location = option(
        "-o",
        "--out-dir",
        metavar="DIR",
        help="Folder to write, a path or URL: the store hits.zarr and tables.",
    )
    mode: Mode = option(
        "-M",
        "--mode",
        default="pp",
        help="First letter the motif matrix, second the scores: p projected (CWM), h hypothetical"
        " (hCWM).",
    )
    trim_threshold: float = option(
        "-t",
        "--cwm-trim-threshold",
        default=0.3,
        metavar="SHARE",
        help="The core of a motif reaches from the first to the last column whose summed absolute"
        " CWM is at least this share of the largest.",
    )
    trim_thresholds: Path | None = option(
        "-T",
        "--cwm-trim-thresholds",
        default=None,
        metavar="FILE",
        help="Trim thresholds of single motifs: name, threshold.",
    )
    trim_coords: Path | None = option(
        "-R",
        "--cwm-trim-coords",
        default=None,
        metavar="FILE",
        help="Cores of single motifs: name, start, end; win over thresholds.",
    )
    lambda_default: float = option(
        "-l",
        "--global-lambda",
        default=0.7,
        metavar="LAMBDA",
        help="Penalty, and the smallest similarity of a hit.",
    )
    lambdas: Path | None = option(
        "-L",
        "--motif-lambdas",
        default=None,
        metavar="FILE",
        help="Lambdas of single motifs: name, lambda.",
    )
    include: Path | None = option(
        "-I",
        "--motifs-include",
        default=None,
        metavar="FILE",
        help="Use these motifs only: names in the first column.",
    )
    renames: Path | None = option(
        "-N", "--motif-names", default=None, metavar="FILE", help="New names: name, new name."
    )
    no_post_filter: bool = option(
        "-f",
        "--no-post-filter",
        default=False,
        help="Keep hits whose similarity is less than the lambda of their motif.",
    )
    sqrt_transform: bool = option(
        "-q",
        "--sqrt-transform",
        default=False,
        help="Replace scores and motifs by the signed root of their absolute value.",
    )
    placement: Placement = option(
        "--placement",
        default="core",
        help="Place a motif wherever its core fits into the region, or only where all of it fits"
        " (as Fi-NeMo does).",
    )
    normalize: Normalize = option(
        "--normalize",
        default="full",
        help="Divide a motif by the norm of its whole matrix (as Fi-NeMo does), or of its core,"
        " which makes the similarity a true cosine.",
    )
    solver: str = option(
        "--solver",
        default="auto",
        metavar="NAME",
        help="Solver; `finemo-zarr plugins` lists them. auto: a GPU's, if one is installed and the"
        " job is large enough to pay, else coordinate-descent.",
    )
    tracks: tuple[str, ...] = option(
        "--tracks",
        default=(),
        metavar="NAME",
        help="Tracks to call, of a store with several; by default all.",
    )
    combine_tracks: Literal["mean"] | None = option(
        "--combine-tracks",
        default=None,
        help="Call the mean of the tracks (of folds, say) as one, not each for itself.",
    )
    tile: int | None = option(
        "--tile",
        default=None,
        metavar="BP",
        help="Solve regions longer than this in pieces, which bounds memory; the hits are the"
        " same.",
    )
    no_tables: bool = option(
        "--no-tables", default=False, help="Write the store hits.zarr only, no tables."
    )

    def __post_init__(self) -> None:
        if not self.lambda_default > 0:
            raise ValueError(f"-l/--global-lambda is {self.lambda_default}, expected more than 0")
        if not 0 <= self.trim_threshold <= 1:
            raise ValueError(
                f"-t/--cwm-trim-threshold is {self.trim_threshold}, expected a number from 0 to 1"
            )

    def motif_options(self) -> MotifOptions:
        """Read the files for single motifs."""
        from finemo_zarr.readers import motif_tables as tables

        return MotifOptions(
            mode=self.mode,
            trim_threshold=self.trim_threshold,
            trim_thresholds=_table(self.trim_thresholds, tables.read_thresholds),
            trim_coords=_table(self.trim_coords, tables.read_trim_coords),
            lambda_default=self.lambda_default,
            lambdas=_table(self.lambdas, tables.read_lambdas),
            include=None if self.include is None else tables.read_names(self.include),
            renames=_table(self.renames, tables.read_renames),
            placement=self.placement,
            normalize=self.normalize,
            sqrt_transform=self.sqrt_transform,
        )

    def inputs(self) -> list[Location]:
        """Return the files that are read beside the regions store."""
        tables = (self.trim_thresholds, self.trim_coords, self.lambdas, self.include, self.renames)
        return [*self.motifs, *(table for table in tables if table is not None)]


def _table(path: Path | None, read: Callable[[Path], dict[str, T]]) -> dict[str, T]:
    return {} if path is None else read(path)
