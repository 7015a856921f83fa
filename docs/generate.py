"""Write docs/reference from the code.

python docs/generate.py            write the pages
python docs/generate.py --check    exit with 1 if a page is not up to date
"""

import argparse
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import click

from finemo_zarr import errors, registry, store
from finemo_zarr.cli.app import app
from finemo_zarr.variables import VARIABLES, VariableSpec

HERE = Path(__file__).parent / "reference"
GENERATED = "<!-- Made by docs/generate.py: edit that or the code, not this page. -->"

DIMENSIONS = {
    "region": "regions, in the order of the peaks",
    "position": "bases of a region",
    "base": "A, C, G, T, always in this order",
    "track": "cell types, heads, folds or tasks; optional",
    "motif": "motifs; once oriented, each stands twice, `+` then `-`",
    "motif_position": "columns of the widest motif, padded with zeros on the right",
    "hit": "hits, ordered by region, start and motif",
}
ABOUT = {
    "regions": "Sequences and scores. `create_regions` makes it, readers return it. Coordinates"
    " (`region_chrom`, `region_start`, `region_end`, `region_name`, `region_id`) are there together"
    " or not at all; the attribute `chrom_order` gives the order of the chromosomes in tables.",
    "motifs": "Motifs as a file has them, or *oriented*: with both strands, trimmed, normalised and"
    " with a lambda. `create_motifs` makes the first, `prepare_motifs` the second.",
    "hits": "One row per hit. `create_hits` makes it, solvers return it. Positions are relative to"
    " the region. A score that a solver does not have is NaN.",
    "qc": "One row per region: how well the solver did. `create_qc` makes it, solvers return it.",
}
EXIT_CODES = {
    "0": "Success. Warnings may have been printed.",
    "1": "An error of the list below: one line on standard error that begins with `Error:`.",
    "2": "A usage error: an unknown option, a missing one, or a value that cannot be.",
    "130": "Interrupted (Ctrl-C).",
    "143": "Terminated (SIGTERM), as cluster schedulers do.",
}
LAYOUT = """\
A store is a Zarr group, format 3. Variables are arrays of the same name, their dimensions are
`dimension_names`, their attributes `long_name` (the meaning) and `units`.

```text
regions.zarr/               hits.zarr/
  region_sequence             regions/   coordinates only, region_width, source
  region_contributions        motifs/    oriented motifs; attributes: the problem
  region_chrom …              qc/
                              hits/
```

The root group has these attributes:

| attribute | meaning |
|---|---|
| `format` | `finemo-zarr` |
| `kind` | `regions` or `hits` |
| `format_version` | {version}; a store of a newer version is refused |
| `provenance` | command, plugin, options, inputs (path, size, SHA-256 of the first and last 64 KiB), package versions, time |

- Scores are stored as float32, sequences as uint8. Both are chunked along `region` only, in chunks
  of about 4 MiB of scores, of 16 to 4,096 regions, and compressed with Blosc (zstd, bitshuffle).
- What has one number per region or hit has chunks of {long:,} rows, `qc` those of the scores.
- The group `motifs` has the attributes `mode`, `placement`, `normalize` and `sqrt_transform`.
- A store is written beside its final place and moved there when it is complete.
"""  # noqa: E501


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the pages; return the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="Write nothing, compare.")
    check = parser.parse_args(arguments).check
    stale = [path for path, text in pages().items() if not _is_current(path, text)]
    for path in stale:
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(pages()[path], encoding="utf-8")
        print(f"{path.name} {'is not up to date: run docs/generate.py' if check else 'written'}")
    return int(check and bool(stale))


def pages() -> dict[Path, str]:
    """The text of each page."""
    return {
        HERE / "data_model.md": _page(_data_model()),
        HERE / "cli.md": _page(_cli()),
        HERE / "errors.md": _page(_errors()),
    }


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join([GENERATED, *(part.rstrip() for part in parts)]) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


# --- Data model ----------------------------------------------------------------------------------


def _data_model() -> Iterator[str]:
    yield "# The data model"
    yield (
        "Four kinds of dataset, each an ordinary `xarray.Dataset`. `finemo_zarr.validate(dataset,"
        " kind)` raises a `SchemaError` that lists every fault. Variables that are not listed here"
        " are permitted: plugins may add their own."
    )
    yield "Coordinates are 0-based and half-open."
    yield "## Dimensions"
    yield _table(
        ("dimension", "meaning"), ((f"`{name}`", text) for name, text in DIMENSIONS.items())
    )
    for kind, specs in VARIABLES.items():
        yield f"## {kind}"
        yield ABOUT[kind]
        yield _table(
            ("variable", "dimensions", "type", "unit", "required", "meaning"),
            map(_variable, specs.values()),
        )
    yield "## Stores"
    yield LAYOUT.format(version=store.FORMAT_VERSION, long=store.writing.LONG_CHUNK)


def _variable(spec: VariableSpec) -> tuple[str, ...]:
    dims = " or ".join(f"`({', '.join(dims)})`" for dims in spec.dims)
    required = "yes" if spec.required else "no"
    return f"`{spec.name}`", dims, spec.kind, spec.unit or "-", required, spec.meaning


# --- Command line --------------------------------------------------------------------------------


def _cli() -> Iterator[str]:
    yield "# The command line"
    yield (
        "What is installed with the package; a plugin adds a command for each of its readers, and"
        " its solvers' options to `call-hits`. Exit codes are in [errors](errors.md)."
    )
    yield _table(("plugin", "name", "what it is"), map(_plugin, _built_in().rows))
    with patch.object(registry, "default_registry", _built_in):
        context = click.Context(app, info_name="finemo-zarr")
        for name in app.list_commands(context):
            command = app.get_command(context, name)
            if command is not None:
                yield from _command(command, click.Context(command, context, name))


def _built_in() -> registry.Registry:
    return registry.build_registry(installed=False)


def _plugin(row: registry.PluginRow) -> tuple[str, ...]:
    return row.kind, f"`{row.name}`", row.summary


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {command.name}"
    yield command.help or ""
    yield f"```text\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    if options := [item for item in command.params if isinstance(item, click.Option)]:
        yield _table(("option", "value", "required", "meaning"), map(_option, options))
    if command.epilog:
        yield _epilog(command.epilog)


def _option(option: click.Option) -> tuple[str, ...]:
    flags = ", ".join(f"`{flag}`" for flag in option.opts)
    return flags, _value(option), "yes" if option.required else "", option.help or ""


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return ", ".join(f"`{choice}`" for choice in option.type.choices)
    return option.metavar or option.type.name.upper()


def _epilog(text: str) -> str:
    """The examples as code, what follows them as text."""
    parts = [part.strip() for part in text.replace("\b", "").strip().split("\n\n")]
    title, *commands = parts[0].splitlines()
    lines = "\n".join(command.strip() for command in commands)
    code = f"{title}\n\n```text\n{lines}\n```"
    return "\n\n".join([code, *(" ".join(part.split()) for part in parts[1:])])


# --- Errors --------------------------------------------------------------------------------------


def _errors() -> Iterator[str]:
    yield "# Exit codes, errors and warnings"
    yield _table(
        ("exit code", "meaning"), ((f"`{code}`", text) for code, text in EXIT_CODES.items())
    )
    yield (
        "Any other exception is a fault of the package or of a plugin and keeps its traceback."
        " After every exit code but 0 there is no partial output."
    )
    yield (
        "The classes are in `finemo_zarr.errors`. A message says what was found, what was expected"
        " and what to do next, and names the file, the region or the motif."
    )
    yield "## Errors"
    yield _classes(Exception)
    yield "## Warnings"
    yield (
        "The command line prints one line that begins with `Warning:` and goes on. In Python they"
        " go through the module `warnings`."
    )
    yield _classes(UserWarning)


def _classes(root: type[Exception]) -> str:
    own = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, root)]
    kept = [cls for cls in own if root is UserWarning or not issubclass(cls, Warning)]
    rows = ((f"`{cls.__name__}`", _bases(cls), _docstring(cls)) for cls in kept)
    return _table(("class", "is also a", "meaning"), rows)


def _bases(cls: type) -> str:
    return ", ".join(f"`{base.__name__}`" for base in cls.__bases__)


def _docstring(cls: type) -> str:
    text = " ".join((inspect.getdoc(cls) or "").split())
    return text.replace(":mod:", "").replace(":class:", "")


if __name__ == "__main__":
    sys.exit(main())
