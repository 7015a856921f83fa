"""``filter-hits``: keep what is told from chance."""

from dataclasses import dataclass, fields
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import click

from finemo_zarr.cli.folders import beside, file_name, new_folder, write_rows
from finemo_zarr.cli.hit_files import as_tables, is_hits_store
from finemo_zarr.cli.options import VariadicCommand, build, field_options, overwrite_option
from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess.filters import ExponentialOptions, Filtered, IsotonicOptions
from finemo_zarr.progress import progress
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    import xarray as xr

_EPILOG = """\b
isotonic     motif by motif, against as many random windows of the same width: a hit needs a
             precision of --importance by the share of the region's scores under it, and besides
             either one of --similarity by its resemblance to the CWM, or one of --sufficient by
             that share. Needs a hits store, and the regions store that the hits were called in.
exponential  all hits together: the most frequent score and --share of the exponential tail above it
             are left out. For scanners, most of whose hits are noise; works on tables, too.

\b
Beside OUT.zarr or OUT.tsv a folder OUT.filter has the thresholds (thresholds.tsv) and the figures;
OUT.zarr and OUT.tsv share one, so give a store and a table different names to keep both.
Filter what collapse-hits marked as the best of its place (--primary).

\b
Examples:
  finemo-zarr filter-hits -i collapsed.zarr -r regions.zarr -o kept.zarr --primary
  finemo-zarr filter-hits -i hits -o strict.zarr --importance 0.7 --sufficient 0.9
  finemo-zarr filter-hits -i hits -o kept.tsv --method exponential
  finemo-zarr filter-hits -i fimo.tsv -o kept.tsv --method exponential --score log_odds
"""
_TABLE = "thresholds.tsv"
_OPTIONS_OF = {
    "isotonic": ("importance", "sufficient", "similarity", "seed"),
    "exponential": ("share", "score"),
}
_DPI = 110


@dataclass(frozen=True)
class FilterHits:
    """One field for each option."""

    hits: Location = option(
        "-i",
        "--hits",
        metavar="PATH",
        help="Hits of any solver: a hits store, or a folder that call-hits wrote; for exponential"
        " also a table.",
    )
    out_path: Location = option(
        "-o",
        "--out-path",
        metavar="PATH",
        help="What to write, with the hits that are kept: a store (.zarr) or a table (.tsv,"
        " .tsv.gz).",
    )
    method: Literal["isotonic", "exponential"] = option(
        "--method", default="isotonic", help="How hits are told from chance, see below."
    )
    regions: Location | None = option(
        "-r",
        "--regions",
        default=None,
        metavar="PATH",
        help="The regions store that the hits were called in; by default where it was then.",
    )
    primary: bool = option(
        "--primary", default=False, help="Keep primary hits only; collapse-hits marks them."
    )
    importance: float = option(
        "--importance",
        default=0.5,
        metavar="PRECISION",
        help="isotonic: what a hit needs by its importance.",
    )
    sufficient: float = option(
        "--sufficient",
        default=0.8,
        metavar="PRECISION",
        help="isotonic: what makes similarity unnecessary.",
    )
    similarity: float = option(
        "--similarity",
        default=0.99,
        metavar="PRECISION",
        help="isotonic: what a less important hit needs by its similarity.",
    )
    window: int | None = option(
        "--window",
        default=None,
        metavar="BP",
        help="Central part of the regions that importance is a share of; hits outside of it are"
        " left out. By default that of the run, where the solver had one, else all.",
    )
    seed: int = option(
        "--seed", default=20210412, metavar="N", help="isotonic: of the random windows."
    )
    share: float = option(
        "--share",
        default=0.1,
        metavar="SHARE",
        help="exponential: what is left out of the exponential tail.",
    )
    score: str = option(
        "--score",
        default="hit_imp_frac",
        metavar="NAME",
        help="exponential: variable of the store, or column of the table. hit_imp_frac is computed"
        " for stores.",
    )
    max_figures: int = option(
        "--max-figures",
        default=50,
        metavar="N",
        help="Draw the motifs with the most hits, at most so many; 0 for none.",
    )

    def __post_init__(self) -> None:
        for flag in ("importance", "sufficient", "similarity", "share"):
            value = getattr(self, flag)
            if not 0 < value < 1 + (flag != "share") * 1e-12:
                raise ValueError(f"--{flag} is {value}, expected a number between 0 and 1")
        if self.window is not None and self.window < 1:
            raise ValueError(f"--window is {self.window}, expected at least 1")
        defaults = {field.name: field.default for field in fields(self)}
        for method, names in _OPTIONS_OF.items():
            given = [name for name in names if getattr(self, name) != defaults[name]]
            if given and method != self.method:
                raise ValueError(f"--{given[0]} is for --method {method}, not {self.method}")

    @property
    def filter(self) -> IsotonicOptions | ExponentialOptions:
        """What the method is told."""
        if self.method == "exponential":
            return ExponentialOptions(self.share, self.score, self.window)
        return IsotonicOptions(
            self.importance, self.sufficient, self.similarity, self.window, self.seed
        )


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "filter-hits",
        params=[*field_options(FilterHits), overwrite_option()],
        callback=_run,
        help="Keep the hits that are more important, or more like their motif, than chance.",
        short_help="Keep hits that are told from chance.",
        epilog=_EPILOG,
    )


def _run(*, overwrite: bool, **values: Any) -> None:
    options = build(FilterHits, values)
    if not options.out_path.name.endswith((".zarr", ".tsv", ".tsv.gz")):
        raise click.UsageError(
            f"-o {options.out_path}: expected a name that ends in .zarr, .tsv or .tsv.gz"
        )
    figures = beside(options.out_path, "filter")
    with new_folder(figures, overwrite=overwrite, is_ours=_is_ours) as folder:
        found = _filter(options, folder, overwrite=overwrite)
    kept, looked_at = int(found.kept.sum()), sum(row["num_hits"] for row in found.summary)
    said = f"{len(found.kept):,} hits, {kept:,} of them kept"
    if looked_at < len(found.kept):
        which = "primary" if options.primary and options.window is None else "looked at"
        said = f"{len(found.kept):,} hits, {looked_at:,} of them {which}, {kept:,} of those kept"
    click.echo(f"{said}: {options.out_path}")
    click.echo(f"thresholds and figures: {figures}")


def _is_ours(names: set[str]) -> bool:
    return all(name == _TABLE or name.endswith(".png") for name in names)


def _filter(options: FilterHits, figures: Path, *, overwrite: bool) -> Filtered:
    """Filter, and write; what is kept comes last, so that it never stands without the rest."""
    from finemo_zarr.postprocess.filters import filter_table, write_kept

    if not options.hits.exists():
        raise ReadError(f"{options.hits}: no such file; expected a hits store or a table of hits")
    if not is_hits_store(options.hits):
        asked = options.filter
        if not isinstance(asked, ExponentialOptions) or options.primary:
            raise click.UsageError(
                f"-i {options.hits}: a table; --method isotonic and --primary need a hits store"
            )
        if options.out_path.suffix == ".zarr":
            raise click.UsageError(f"-o {options.out_path}: a table becomes a table; name it .tsv")
        found = filter_table(options.hits, options.out_path, asked, overwrite=overwrite)
        _describe(found, figures, options.max_figures)
        return found
    found = _of_store(options)
    _describe(found, figures, options.max_figures)
    if options.out_path.suffix == ".zarr":
        write_kept(options.hits, options.out_path, found, options.filter, overwrite=overwrite)
        return found
    with TemporaryDirectory(prefix="finemo-zarr-") as folder:
        store = Path(folder) / "kept.zarr"
        write_kept(options.hits, store, found, options.filter)
        _write_table(store, options.out_path, overwrite=overwrite)
    return found


def _of_store(options: FilterHits) -> Filtered:
    from finemo_zarr.postprocess.filters import exponential_filter, isotonic_filter

    asked = options.filter
    if isinstance(asked, ExponentialOptions):
        return exponential_filter(options.hits, options.regions, asked, primary=options.primary)
    return isotonic_filter(options.hits, options.regions, asked, primary=options.primary)


def _write_table(store: Path, out: Location, *, overwrite: bool) -> None:
    from finemo_zarr.postprocess import new_table

    with (
        as_tables(store) as (table,),
        Path(str(table)).open("rb") as source,
        new_table(out, overwrite=overwrite) as file,
    ):
        copyfileobj(source, file)


def _describe(found: Filtered, folder: Path, most: int) -> None:
    columns = dict.fromkeys(name for row in found.summary for name in row)
    write_rows(folder / _TABLE, found.summary, columns)
    order = sorted(range(len(found.panels)), key=lambda index: -found.summary[index]["num_hits"])
    drawn = order[:most]
    with progress("draw", len(drawn)) as advance:
        for index in drawn:
            _draw(found.panels[index], folder)
            advance()


def _draw(panel: "xr.Dataset", folder: Path) -> None:
    from finemo_zarr.plot.filters import exponential_panels, isotonic_panels

    if "motif_name" in panel.attrs:
        figure, name = isotonic_panels(panel), panel.attrs["motif_name"]
    else:
        figure, name = exponential_panels(panel), panel.attrs["score_name"]
    track = panel.attrs.get("track")
    stem = file_name(f"{track}.{name}" if track else name)
    same = 1
    while (path := folder / f"{stem}{'' if same == 1 else f'_{same}'}.png").exists():
        same += 1  # names that differ in what files cannot have
    figure.savefig(path, dpi=_DPI)
