"""``find-composites``: motifs that stand at a fixed spacing."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.folders import new_folder, write_rows
from finemo_zarr.cli.options import VariadicCommand, build, field_options, overwrite_option
from finemo_zarr.postprocess.composites import CompositeOptions
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    from finemo_zarr.postprocess.composites import Composites

_EPILOG = """\b
Two hits of one region are a pair if their cores lie at most --max-spacing apart. For each two
motifs and each arrangement (order and strands, read on either strand) the pairs at a spacing are
compared with those at the spacings around it: a binomial test, and Benjamini-Hochberg over all.

\b
The folder gets composites.tsv (a row for each spacing that is more frequent), spacings.png and
heatmap.png, and the composite motifs: motifs.zarr, which call-hits -m reads, motifs.meme for other
programs, and logos.png. Where the bases between the cores are conserved (gap_bits), the pairs are
likely copies of a repeat: these come last, and no motif is made of them.

\b
Examples:
  finemo-zarr find-composites -i hits -r regions.zarr -o composites
  finemo-zarr find-composites -i collapsed.zarr -o composites --primary --max-spacing 60
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 composites/motifs.zarr -o with_composites
"""
_TABLE, _STORE, _MEME = "composites.tsv", "motifs.zarr", "motifs.meme"
_LINES, _HEATMAP, _LOGOS = "spacings.png", "heatmap.png", "logos.png"
_COLUMNS = (
    "name",
    "motif_left",
    "strand_left",
    "motif_right",
    "strand_right",
    "spacing",
    "count",
    "expected",
    "fold",
    "pvalue",
    "qvalue",
    "num_averaged",
    "num_distinct",
    "gap_bits",
    "likely_repeat",
)
_DPI = 110


@dataclass(frozen=True)
class FindComposites:
    """One field for each option."""

    hits: Location = option(
        "-i",
        "--hits",
        metavar="PATH",
        help="Hits of any solver: a hits store, or a folder that call-hits wrote.",
    )
    out_dir: Path = option("-o", "--out-dir", metavar="DIR", help="Folder to write.")
    regions: Location | None = option(
        "-r",
        "--regions",
        default=None,
        metavar="PATH",
        help="The regions store that the hits were called in; by default where it was then.",
    )
    track: str | None = option(
        "--track", default=None, metavar="NAME", help="Track of the hits, where there are several."
    )
    primary: bool = option(
        "--primary", default=False, help="Look at primary hits only; collapse-hits marks them."
    )
    min_spacing: int = option(
        "--min-spacing",
        default=0,
        metavar="BP",
        help="Fewest bases between the cores; below 0 they overlap.",
    )
    max_spacing: int = option(
        "--max-spacing", default=100, metavar="BP", help="Most bases between the cores."
    )
    background: int = option(
        "--background",
        default=10,
        metavar="BP",
        help="Spacings on either side that a spacing is compared with.",
    )
    max_qvalue: float = option(
        "--max-qvalue", default=0.01, metavar="X", help="Largest false-discovery rate."
    )
    min_count: int = option("--min-count", default=20, metavar="N", help="Fewest pairs.")
    most: int = option(
        "--max-composites",
        default=50,
        metavar="N",
        help="Make motifs of the first so many rows of the table.",
    )
    flank: int = option(
        "--flank", default=5, metavar="BP", help="Bases of a composite motif beside the cores."
    )
    repeats: bool = option("--repeats", default=False, help="Make motifs of likely repeats, too.")
    no_motifs: bool = option(
        "--no-motifs",
        default=False,
        help="Read no scores, make no composite motifs, and tell no repeats.",
    )

    def __post_init__(self) -> None:
        if not 0 < self.max_qvalue <= 1:
            raise ValueError(f"--max-qvalue is {self.max_qvalue}, expected a number from 0 to 1")
        _ = self.composites

    @property
    def composites(self) -> CompositeOptions:
        """Which pairs are looked for."""
        return CompositeOptions(
            self.min_spacing,
            self.max_spacing,
            self.background,
            self.max_qvalue,
            self.min_count,
            self.most,
            self.flank,
            self.repeats,
        )


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "find-composites",
        params=[*field_options(FindComposites), overwrite_option()],
        callback=_run,
        help="Find composite motifs: two motifs whose hits lie at one spacing and orientation more"
        " often than at the spacings around it.",
        short_help="Find motifs at a fixed spacing.",
        epilog=_EPILOG,
    )


def _run(*, overwrite: bool, **values: Any) -> None:
    from finemo_zarr.postprocess.composites import find_composites

    options = build(FindComposites, values)
    with new_folder(options.out_dir, overwrite=overwrite, is_ours=_is_ours) as folder:
        found = find_composites(
            options.hits,
            options.regions,
            options.composites,
            track=options.track,
            primary=options.primary,
            motifs=not options.no_motifs,
        )
        _write(found, folder, options)
    said = f"{found.num_pairs:,} pairs of hits, {len(found.rows):,} spacings more frequent"
    if repeats := sum(row.get("likely_repeat", 0) for row in found.rows):
        left_out = "" if options.repeats else ", left out of the motifs (--repeats keeps them)"
        said += f"; {repeats:,} of them likely repeats{left_out}"
    click.echo(said)
    for row in found.rows[:10]:
        line = f"  {row['name']}: {row['count']:,} pairs, {row['expected']:.1f} expected"
        click.echo(line + (", likely a repeat" if row.get("likely_repeat") else ""))
    if not found.rows:
        click.echo(
            f"  at least {options.min_count} pairs at one spacing are asked for: --min-count"
        )
    click.echo(f"written: {options.out_dir}")


def _is_ours(names: set[str]) -> bool:
    return names <= {_TABLE, _STORE, _MEME, _LINES, _HEATMAP, _LOGOS}


def _write(found: "Composites", folder: Path, options: FindComposites) -> None:
    from finemo_zarr.plot.composites import composite_logos, spacing_heatmap, spacing_lines

    write_rows(folder / _TABLE, found.rows, _COLUMNS)
    spacing_lines(found.curves).savefig(folder / _LINES, dpi=_DPI)
    spacing_heatmap(found.curves).savefig(folder / _HEATMAP, dpi=_DPI)
    if found.motifs is not None:
        _write_motifs(found, folder, options)
        logos = composite_logos(found.motifs, found.rows, options.flank)
        logos.savefig(folder / _LOGOS, dpi=_DPI)


def _write_motifs(found: "Composites", folder: Path, options: FindComposites) -> None:
    from finemo_zarr.execution.provenance import describe_run
    from finemo_zarr.export import export_hits
    from finemo_zarr.postprocess.composites import write_motif_store

    inputs = [path for path in (options.hits, options.regions) if path is not None]
    provenance = describe_run(
        "find-composites", plugin="find-composites", options=asdict(options), inputs=inputs
    )
    made = found.motifs
    if made is not None:
        write_motif_store(folder / _STORE, made, provenance)
        export_hits(folder / _STORE, "meme", folder / _MEME)
