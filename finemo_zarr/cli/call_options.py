"""The options of ``call-hits`` that are no solver's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from finemo_zarr.decoys import DecoyOptions
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
        help="Motifs: TF-MoDISco HDF5 files, MEME, HOMER or ChIPMunk files, or hits stores.",
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
        " same. Refused by solvers whose hits depend on the whole region.",
    )
    fdr: bool = option(
        "--fdr",
        default=False,
        help="Call decoys, motifs whose columns are in another order, together with the motifs, and"
        " give each hit a q-value: the share of false hits to be expected among those at least as"
        " sure.",
    )
    max_qvalue: float | None = option(
        "--max-qvalue",
        default=None,
        metavar="Q",
        help="Keep hits whose q-value over all motifs is at most this; implies --fdr.",
    )
    decoys: int | None = option(
        "--decoys",
        default=None,
        metavar="N",
        help=f"Decoys of each motif, with --fdr. [default: {DecoyOptions().per_motif}]",
    )
    seed: int | None = option(
        "--seed",
        default=None,
        metavar="N",
        help=f"Seed of the decoys, with --fdr. [default: {DecoyOptions().seed}]",
    )
    write: tuple[str, ...] = option(
        "--write",
        default=(),
        metavar="FORMAT",
        help="Write the hits in these formats, too, as `export` would: parquet, bed9, bed.gz,"
        " bigbed, h5ad, session and others.",
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

        if self.max_qvalue is not None and not 0 < self.max_qvalue <= 1:
            raise ValueError(f"--max-qvalue is {self.max_qvalue}, expected more than 0, up to 1")
        if self.decoys is not None and self.decoys < 1:
            raise ValueError(f"--decoys is {self.decoys}, expected at least 1")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"--seed is {self.seed}, expected at least 0")
        if not (self.fdr or self.max_qvalue is not None):
            for flag, value in (("--decoys", self.decoys), ("--seed", self.seed)):
                if value is not None:
                    raise ValueError(f"{flag} is of use with --fdr or --max-qvalue only")

    def decoy_options(self) -> DecoyOptions | None:
        """Which decoys are called, if any are."""
        if not (self.fdr or self.max_qvalue is not None):
            return None
        given = {"per_motif": self.decoys, "seed": self.seed}
        return DecoyOptions(**{name: value for name, value in given.items() if value is not None})

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
