"""``merge-heads``: two heads of a model, or two runs, as one."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.folders import new_folder, write_rows
from finemo_zarr.cli.options import (
    LocationType,
    VariadicCommand,
    build,
    field_options,
    overwrite_option,
)
from finemo_zarr.postprocess.cluster import ClusterOptions
from finemo_zarr.postprocess.heads import HeadOptions
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    from finemo_zarr.postprocess.heads import Merged

_EPILOG = """\b
Motifs are matched one to one, the most similar pair first. What matches becomes one motif, the mean
of both; what does not is kept. The hits of both are pooled, and the best of each place is marked
(hit_is_primary); hit_head says which head called a hit.

\b
The folder gets what call-hits writes (hits.zarr and the tables), matches.tsv (a row for each motif)
and matches.png. It can be given to call-hits -m, for the merged motifs.

\b
Examples:
  finemo-zarr merge-heads counts profile -o merged --names counts profile
  finemo-zarr call-hits -r regions.zarr -m merged -o again
"""
_STORE, _MATCHES, _FIGURE = "hits.zarr", "matches.tsv", "matches.png"
_DPI = 110


@dataclass(frozen=True)
class MergeHeads:
    """One field for each option."""

    out_dir: Path = option("-o", "--out-dir", metavar="DIR", help="Folder to write.")
    names: tuple[str, ...] = option(
        "--names",
        default=("A", "B"),
        metavar="NAME",
        help="Names of the two heads, which motifs are then called by.",
    )
    min_similarity: float = option(
        "--min-similarity",
        default=0.9,
        metavar="X",
        help="Motifs match from this mean cosine of the columns of their cores on.",
    )
    max_dist: int = option(
        "--max-dist",
        default=0,
        metavar="BP",
        help="Hits are of one place if they begin at most so far behind the end of those before;"
        " as for collapse-hits --method cluster.",
    )
    by_motif: bool = option(
        "--by-motif", default=False, help="Only hits of one merged motif are of one place."
    )
    score: str = option(
        "--score",
        default="hit_similarity",
        metavar="NAME",
        help="Variable of the hits whose largest number is the best.",
    )
    no_figure: bool = option("--no-figure", default=False, help="Write no figure.")

    def __post_init__(self) -> None:
        if len(self.names) != 2 or len(set(self.names)) != 2:
            raise ValueError(f"--names has {' '.join(self.names)}, expected two different names")
        if not -1 <= self.min_similarity <= 1:
            raise ValueError(
                f"--min-similarity is {self.min_similarity}, expected a number from -1 to 1"
            )

    @property
    def heads(self) -> HeadOptions:
        """How heads are merged."""
        a, b = self.names
        clusters = ClusterOptions(self.max_dist, self.by_motif, score=self.score)
        return HeadOptions((a, b), self.min_similarity, clusters)


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "merge-heads",
        params=[
            click.Argument(["a"], type=LocationType()),
            click.Argument(["b"], type=LocationType()),
            *field_options(MergeHeads),
            overwrite_option(),
        ],
        callback=_run,
        help="Merge the motifs and pool the hits of two heads of a model, or of two runs. A and B"
        " are hits stores, or folders that call-hits wrote, of the same regions.",
        short_help="Merge motifs and hits of two heads.",
        epilog=_EPILOG,
    )


def _run(*, a: Location, b: Location, overwrite: bool, **values: Any) -> None:
    from finemo_zarr.postprocess.heads import merge_heads

    options = build(MergeHeads, values)
    with new_folder(options.out_dir, overwrite=overwrite, is_ours=_is_ours) as folder:
        merged = merge_heads(a, b, options.heads)
        _write(merged, folder, options, [a, b])
    matched = sum("similarity" in row for row in merged.rows)
    hits = merged.opened.hits
    primary = int(hits["hit_is_primary"].sum())
    click.echo(f"{len(merged.rows):,} motifs, {matched:,} of them of both heads")
    click.echo(f"{hits.sizes['hit']:,} hits, {primary:,} of them primary")
    click.echo(f"written: {options.out_dir}")


def _is_ours(names: set[str]) -> bool:
    from finemo_zarr.export import TABLES

    return names <= {*TABLES, _STORE, _MATCHES, _FIGURE}


def _write(merged: "Merged", folder: Path, options: MergeHeads, inputs: list[Location]) -> None:
    from finemo_zarr.execution.provenance import describe_run
    from finemo_zarr.export import write_tables
    from finemo_zarr.postprocess.heads import write_merged

    provenance = describe_run(
        "merge-heads",
        plugin="merge-heads",
        options=asdict(options) | {"window": merged.window},
        inputs=inputs,
    )
    write_merged(folder / _STORE, merged, provenance)
    write_tables(folder / _STORE, folder)
    a, b = options.names
    columns = ["motif_name", a, b, "similarity", "strand", "shift", "best_similarity"]
    columns += [f"num_hits_{a}", f"num_hits_{b}", "num_primary"]
    write_rows(folder / _MATCHES, merged.rows, columns)
    if not options.no_figure:
        _draw(merged, folder, (a, b), options.min_similarity)


def _draw(merged: "Merged", folder: Path, names: tuple[str, str], least: float) -> None:
    import numpy as np

    from finemo_zarr.plot.heads import matches_figure

    best = np.array([row["best_similarity"] for row in merged.rows])
    figure = matches_figure(merged.pairs, best, names=names, least=least)
    figure.savefig(folder / _FIGURE, dpi=_DPI)
