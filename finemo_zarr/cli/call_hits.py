"""``call-hits``: a regions store and motifs into hits and tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from finemo_zarr.cli.options import (
    FieldOption,
    VariadicCommand,
    build,
    check_flags,
    field_options,
    jobs_option,
    overwrite_option,
)
from finemo_zarr.motifs import Mode, MotifOptions, Normalize, Placement
from finemo_zarr.protocols import Job, Solver, option, option_fields, option_values
from finemo_zarr.registry import get_solver, solvers

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr.store import HitsStore

T = TypeVar("T")

_STORE = "hits.zarr"
_EPILOG = """\b
Examples:
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 jaspar.meme -o hits -l 0.6
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits --placement full -c 1e-6

\b
Files for single motifs (-T -R -L -I -N) are tab-separated, without header; the first column is the
name that the motif has in its file.
"""


@dataclass(frozen=True)
class CallHits:
    """The options of `call-hits` that are no solver's."""

    regions: Path = option("-r", "--regions", metavar="STORE", help="Regions store.")
    motifs: tuple[Path, ...] = option(
        "-m",
        "--modisco-h5",
        "--motifs",
        metavar="FILE",
        help="Motifs: TF-MoDISco HDF5 files, MEME files, or hits stores.",
    )
    out_dir: Path = option(
        "-o", "--out-dir", metavar="DIR", help="Folder to write: the store hits.zarr and tables."
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

    def inputs(self) -> list[Path]:
        """Return the files that are read beside the regions store."""
        tables = (self.trim_thresholds, self.trim_coords, self.lambdas, self.include, self.renames)
        return [*self.motifs, *(table for table in tables if table is not None)]


def _table(path: Path | None, read: Callable[[Path], dict[str, T]]) -> dict[str, T]:
    return {} if path is None else read(path)


def make_command() -> click.Command:
    """Make the command, with the options of all solvers that are installed."""
    own = field_options(CallHits)
    algorithm = _solver_options()
    parameters: list[click.Parameter] = [*own, *algorithm, jobs_option(), overwrite_option()]
    return VariadicCommand(
        "call-hits",
        params=parameters,
        callback=click.pass_context(_run),
        help="Find the hits of motifs in all regions of a store, and write the store hits.zarr and"
        " the tables.",
        short_help="Find the hits of motifs in a regions store.",
        epilog=_EPILOG,
    )


def _solver_options() -> list[FieldOption]:
    """Options of all solvers, each once; the help names the solvers that have it."""
    installed = solvers()
    options: dict[str, FieldOption] = {}
    owners: dict[str, list[str]] = {}
    for name, cls in installed.items():
        for made in field_options(cls):
            check_flags([*field_options(CallHits), made], f"solver {name}")
            options.setdefault(str(made.name), made)
            owners.setdefault(str(made.name), []).append(name)
    check_flags(options.values(), "solvers")
    for key, made in options.items():
        # The value of an option that is not given is the default of the solver that is chosen.
        made.default, made.required = None, False
        made.help = f"{made.help} ({', '.join(owners[key])})"
    return list(options.values())


def _run(context: click.Context, /, jobs: int | None, overwrite: bool, **values: Any) -> None:
    options = build(CallHits, values)
    given = _given(context, values)
    if options.solver != "auto":  # an option that it does not have is found before anything is read
        _check_given(context, get_solver(options.solver), given)
    click.echo(_call(context, options, given, jobs=jobs, overwrite=overwrite))


def _given(context: click.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of solvers that were given."""
    own, default = option_fields(CallHits), click.core.ParameterSource.DEFAULT
    return {
        name: value
        for name, value in values.items()
        if name not in own and context.get_parameter_source(name) is not default
    }


def _check_given(context: click.Context, cls: type[Solver], given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in option_fields(cls):
            having = [other for other, its in solvers().items() if name in option_fields(its)]
            flag = next(p.opts[-1] for p in context.command.params if p.name == name)
            raise click.UsageError(
                f"{flag} is an option of {', '.join(having)}, not of the solver {cls.name}; "
                "name one with --solver"
            )


def _solver(
    context: click.Context, options: CallHits, given: Mapping[str, Any], motifs: "xr.Dataset"
) -> tuple[Solver, str]:
    """Make the solver from the options that were given; also says why it is that."""
    from finemo_zarr.execution import choose_solver
    from finemo_zarr.store import open_regions

    cls, reason = get_solver(options.solver) if options.solver != "auto" else None, "--solver"
    if cls is None:
        sizes = open_regions(options.regions).sizes
        job = Job(sizes["region"], sizes["position"], motifs.sizes["motif"])
        cls, reason = choose_solver(job, solvers())
    _check_given(context, cls, given)
    return build(cls, given), reason


def _call(
    context: click.Context,
    options: CallHits,
    given: Mapping[str, Any],
    *,
    jobs: int | None,
    overwrite: bool,
) -> str:
    """Write store and tables, which appear together; returns what to say of them."""
    from finemo_zarr.execution import call_hits, load_motifs
    from finemo_zarr.export import write_tables
    from finemo_zarr.motifs import prepare_motifs
    from finemo_zarr.store import open_hits, read_info, staged

    with staged(options.out_dir, overwrite=overwrite, replaceable=_is_output) as folder:
        read_info(options.regions, "regions")
        motifs = prepare_motifs(load_motifs(options.motifs), options.motif_options())
        solver, reason = _solver(context, options, given, motifs)
        params = {**option_values(options), **option_values(solver)}
        params |= {"solver": solver.name, "solver_reason": reason}
        motifs.attrs["provenance"] = {"options": params, "inputs": options.inputs()}
        call_hits(
            options.regions,
            motifs,
            folder / _STORE,
            solver=solver,
            post_filter=not options.no_post_filter,
            jobs=jobs,
        )
        if not options.no_tables:
            write_tables(folder / _STORE, folder, params)
    chosen = f"solver: {solver.name}" + (f" ({reason})" if options.solver == "auto" else "")
    return "\n".join([chosen, *_summary(options, open_hits(options.out_dir))])


def _is_output(path: Path) -> bool:
    """Whether a folder holds what `call-hits` wrote, and nothing else that would be lost."""
    from finemo_zarr.export import TABLES
    from finemo_zarr.store import is_store

    found = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    return is_store(path / _STORE) and found <= {_STORE, *TABLES}


def _summary(options: CallHits, opened: "HitsStore") -> list[str]:
    import numpy as np

    names = opened.motifs["motif_name"].values
    called = np.unique(names[np.unique(opened.hits["hit_motif"].values)]).size
    missed = int((~opened.qc["qc_converged"].values).sum())
    n_hits, n_regions = opened.hits.sizes["hit"], opened.qc.sizes["region"]
    tables = [] if options.no_tables else [f"tables: {options.out_dir / 'hits.tsv'} and others"]
    return [
        f"{n_hits:,} hits of {called} of {np.unique(names).size} motifs in {n_regions:,} regions",
        f"{missed:,} regions did not converge" if missed else "all regions converged",
        *tables,
        f"store:  {options.out_dir / _STORE}",
    ]
