"""``call-hits``: a regions store and motifs into hits and tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.call_options import CallHits
from finemo_zarr.cli.options import (
    FieldOption,
    VariadicCommand,
    build,
    check_flags,
    field_options,
    overwrite_option,
    workers_options,
)
from finemo_zarr.protocols import Job, Solver, option_fields, option_values
from finemo_zarr.registry import get_solver, solvers

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr.cli.call_steps import PreparedCall

_EPILOG = """\b
Examples:
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 jaspar.meme -o hits -l 0.6
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits --placement full -c 1e-6
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits --max-qvalue 0.05 -l 0.5

\b
Files for single motifs (-T -R -L -I -N) are tab-separated, without header; the first column is the
name that the motif has in its file.
"""


def make_command() -> click.Command:
    """Make the command, with the options of all solvers that are installed."""
    own = field_options(CallHits)
    algorithm = _solver_options()
    parameters = [*own, *algorithm, *workers_options(), *_stage_options(), overwrite_option()]
    return VariadicCommand(
        "call-hits",
        params=parameters,
        callback=click.pass_context(_run),
        help="Find the hits of motifs in all regions of a store, and write the store hits.zarr and"
        " the tables. A run that was ended goes on where it was, when it is started again in the"
        " same way.",
        short_help="Find the hits of motifs in a regions store.",
        epilog=_EPILOG,
        resumes=True,
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


def _stage_options() -> list[click.Parameter]:
    """Options by which many jobs share a run."""
    return [
        click.Option(
            ["--block-size"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Regions that are solved together, rounded up to whole chunks of the store;"
            " changes no hit.",
        ),
        click.Option(
            ["--plan"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Only prepare a run that N jobs share, on machines that see the same folder.",
        ),
        click.Option(
            ["--block-range"],
            metavar="K/N",
            callback=_parse_share,
            help="Only do share K of N of a run that was planned, from 1/N to N/N.",
        ),
        click.Option(
            ["--finalise"], is_flag=True, help="Only join what the shares gave, and write tables."
        ),
    ]


def _parse_share(_c: click.Context, _p: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    number, slash, count = value.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise click.BadParameter(f"{value}: expected K/N, for example 3/100")
    return int(number), int(count)


@dataclass(frozen=True)
class _Stage:
    """Which step of a run is wanted; by default all of it."""

    plan: int | None
    block_range: tuple[int, int] | None
    finalise: bool

    def __post_init__(self) -> None:
        if sum([self.plan is not None, self.block_range is not None, self.finalise]) > 1:
            raise click.UsageError("--plan, --block-range and --finalise are steps: give one")


def _run(context: click.Context, /, **values: Any) -> None:
    options = build(CallHits, values)
    stage = _Stage(*(values.pop(name) for name in ("plan", "block_range", "finalise")))
    overwrite = values.pop("overwrite")
    where = {name: values.pop(name) for name in ("scheduler", "jobs")}
    where["block"] = values.pop("block_size")
    given = _given(context, values)
    if options.solver != "auto":  # an option that it does not have is found before anything is read
        _check_given(context, get_solver(options.solver), given)
    prepared = _prepare(context, options, given, where)
    if stage.plan is not None:
        click.echo(prepared.plan(stage.plan, overwrite=overwrite))
    elif stage.block_range is not None:
        click.echo(prepared.work(*stage.block_range))
    else:
        click.echo(prepared.run(overwrite=overwrite, planned=stage.finalise))


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
        decoys = options.decoy_options()
        n_motifs = motifs.sizes["motif"] * (1 if decoys is None else 1 + decoys.per_motif)
        job = Job(sizes["region"], sizes["position"], n_motifs)
        cls, reason = choose_solver(job, solvers())
    _check_given(context, cls, given)
    return build(cls, given), reason


def _prepare(
    context: click.Context,
    options: CallHits,
    given: Mapping[str, Any],
    where: Mapping[str, Any],
) -> "PreparedCall":
    from finemo_zarr.cli.call_steps import PreparedCall
    from finemo_zarr.execution import CallOptions, load_motifs
    from finemo_zarr.motifs import prepare_motifs
    from finemo_zarr.store import read_info

    read_info(options.regions, "regions")
    motifs = prepare_motifs(load_motifs(options.motifs), options.motif_options())
    solver, reason = _solver(context, options, given, motifs)
    params = {**option_values(options), **option_values(solver)}
    params |= {"solver": solver.name, "solver_reason": reason}
    if (decoys := options.decoy_options()) is not None:
        params |= {"fdr": True, "decoys": decoys.per_motif, "seed": decoys.seed}
    motifs.attrs["provenance"] = {"options": params, "inputs": options.inputs()}
    call_options = CallOptions(
        post_filter=not options.no_post_filter,
        tracks=options.tracks or None,
        combine_tracks=options.combine_tracks,
        tile=options.tile,
        decoys=decoys,
        max_qvalue=options.max_qvalue,
        **where,
    )
    chosen = f"solver: {solver.name}" + (f" ({reason})" if options.solver == "auto" else "")
    return PreparedCall(options, params, motifs, solver, call_options, chosen)
