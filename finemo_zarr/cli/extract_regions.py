"""``extract-regions-<reader>``: score files into a regions store."""

from pathlib import Path
from typing import Any

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
from finemo_zarr.protocols import Reader

_SAMPLES = {
    "--peaks": "peaks.narrowPeak",
    "--fasta": "genome.fa",
    "--bigwigs": "scores.bw",
    "--h5s": "scores.h5",
    "--npz": "regions.npz",
    "--attributions": "scores.npz",
    "--sequences": "sequences.npz",
}


def make_command(reader: type[Reader]) -> click.Command:
    """Make the command of a reader from its fields."""
    options = field_options(reader)
    parameters: list[click.Parameter] = [*options, _out_option(), jobs_option(), overwrite_option()]
    check_flags(parameters, f"reader {reader.name}")

    def run(out_path: Path, jobs: int | None, overwrite: bool, **values: Any) -> None:
        from finemo_zarr.execution import extract_regions

        regions = extract_regions(build(reader, values), out_path, jobs=jobs, overwrite=overwrite)
        kind = "hypothetical" if "base" in regions["region_contributions"].dims else "projected"
        click.echo(
            f"{regions.sizes['region']:,} regions of {regions.sizes['position']:,} bp with {kind} "
            f"scores: {out_path}"
        )

    return VariadicCommand(
        f"extract-regions-{reader.name}",
        params=parameters,
        callback=run,
        help=f"{reader.summary.rstrip('.')}, written as a regions store.",
        short_help=reader.summary,
        epilog=_examples(reader.name, options),
    )


def _out_option() -> click.Option:
    return click.Option(
        ["-o", "--out-path"],
        required=True,
        type=click.Path(path_type=Path),
        callback=_check_out,
        metavar="STORE",
        help="Regions store to write, a name that ends in .zarr.",
    )


def _check_out(_context: click.Context, _parameter: click.Parameter, value: Path) -> Path:
    if value.suffix != ".zarr":
        raise click.BadParameter(f"{value} must end in .zarr: a Zarr store is written")
    return value


def _examples(name: str, options: list[FieldOption]) -> str:
    required = [option for option in options if option.required]
    flags = " ".join(f"{option.opts[0]} {_sample(option)}" for option in required)
    lines = [f"finemo-zarr extract-regions-{name} {flags} -o regions.zarr"]
    if several := next((option for option in required if option.variadic), None):
        first = _sample(several)
        stem, dot, suffix = first.rpartition(".")
        second = f"{stem}_2{dot}{suffix}" if dot else first
        lines.append(lines[0].replace(f" {first} ", f" {first} {second} ", 1))
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _sample(option: FieldOption) -> str:
    known = [_SAMPLES[flag] for flag in option.opts if flag in _SAMPLES]
    return known[0] if known else str(option.name).replace("_", "-").upper()
