"""``extract-regions-<reader>``: score files into a regions store."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.options import (
    FieldOption,
    LocationType,
    VariadicCommand,
    build,
    check_flags,
    field_options,
    overwrite_option,
    workers_options,
)
from finemo_zarr.protocols import Reader, track_field
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    import xarray as xr

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
    scores = next((made for made in options if made.name == track_field(reader)), None)
    epilog = _examples(reader.name, options, scores)
    parameters: list[click.Parameter] = [*options]
    if scores is not None:
        scores.required = False  # the tracks may have the files
        parameters.append(_track_option(scores))
    parameters += [_out_option(), *workers_options(), overwrite_option()]
    check_flags(parameters, f"reader {reader.name}")

    def run(
        out_path: Location,
        scheduler: str,
        jobs: int | None,
        overwrite: bool,
        track: tuple[str, ...] = (),
        **values: Any,
    ) -> None:
        from finemo_zarr.execution import extract_regions

        readers = _readers(reader, values, track, scores)
        regions = extract_regions(
            readers, out_path, scheduler=scheduler, jobs=jobs, overwrite=overwrite
        )
        click.echo(_summary(regions, out_path))

    return VariadicCommand(
        f"extract-regions-{reader.name}",
        params=parameters,
        callback=run,
        help=f"{reader.summary.rstrip('.')}, written as a regions store. A run that was ended goes"
        " on where it was, when it is started again in the same way.",
        short_help=reader.summary,
        epilog=epilog,
        resumes=True,
    )


def _summary(regions: "xr.Dataset", out: Location) -> str:
    kind = "hypothetical" if "base" in regions["region_contributions"].dims else "projected"
    width = f"{regions.sizes['position']:,} bp"
    if "region_width" in regions:
        width = f"{int(regions['region_width'].min()):,} to {width}"
    tracks = f" in {regions.sizes['track']:,} tracks" if "track" in regions.sizes else ""
    return f"{regions.sizes['region']:,} regions of {width} with {kind} scores{tracks}: {out}"


def _out_option() -> click.Option:
    return click.Option(
        ["-o", "--out-path"],
        required=True,
        type=LocationType(),
        callback=_check_out,
        metavar="STORE",
        help="Regions store to write: a path or URL (s3://, gs://) that ends in .zarr.",
    )


def _check_out(_context: click.Context, _parameter: click.Parameter, value: Location) -> Location:
    if value.suffix != ".zarr":
        raise click.BadParameter(f"{value} must end in .zarr: a Zarr store is written")
    return value


def _track_option(scores: FieldOption) -> FieldOption:
    return FieldOption(
        ["track", "--track"],
        variadic=True,
        metavar="NAME=FILE...",
        help=f"A track (a cell type, fold or head) and its files, in place of {scores.opts[-1]};"
        " may be given several times.",
    )


def _readers(
    reader: type[Reader],
    values: Mapping[str, Any],
    track: Sequence[str],
    scores: FieldOption | None,
) -> Reader | dict[str, Reader]:
    """One reader, or one for each track."""
    if scores is None:
        return build(reader, values)
    name, flag = str(scores.name), scores.opts[-1]
    given = values[name] not in {None, ()}
    if given == bool(track):
        both = "give one of both, not both" if given else f"give {flag}, or --track NAME=FILE"
        raise click.UsageError(f"{flag} and --track say where the scores are: {both}")
    if given:
        return build(reader, values)
    files = _track_files(track)
    if not scores.variadic and (many := [label for label, paths in files.items() if paths[1:]]):
        raise click.UsageError(f"--track {many[0]}=: one file, not {len(files[many[0]])}")
    return {
        label: build(reader, {**values, name: tuple(paths) if scores.variadic else paths[0]})
        for label, paths in files.items()
    }


def _track_files(words: Sequence[str]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    label = ""
    for word in words:
        name, equals, path = word.partition("=")
        if equals:
            if not (name and path) or name in files:
                reason = "is given twice" if name in files else "expected NAME=FILE"
                raise click.UsageError(f"--track {word}: {reason}")
            label, files[name] = name, []
        elif not label:
            raise click.UsageError(f"--track {word}: expected NAME=FILE")
        files[label].append(Path(path if equals else word))
    return files


def _examples(name: str, options: list[FieldOption], scores: FieldOption | None) -> str:
    required = [option for option in options if option.required]
    flags = " ".join(f"{option.opts[0]} {_sample(option)}" for option in required)
    command = f"finemo-zarr extract-regions-{name}"
    lines = [f"{command} {flags} -o regions.zarr"]
    if several := next((option for option in required if option.variadic), None):
        first = _sample(several)
        lines.append(lines[0].replace(f" {first} ", f" {first} {_second(first)} ", 1))
    if scores is not None and scores.required:
        first = f"{scores.opts[0]} {_sample(scores)}"
        tracks = f"--track K562={_sample(scores)} --track GM12878={_second(_sample(scores))}"
        lines.append(f"{command} {flags.replace(first, tracks)} -o regions.zarr")
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _second(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}_2{dot}{suffix}" if dot else name


def _sample(option: FieldOption) -> str:
    known = [_SAMPLES[flag] for flag in option.opts if flag in _SAMPLES]
    return known[0] if known else str(option.name).replace("_", "-").upper()
