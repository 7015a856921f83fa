"""Dataclass fields as command-line options: readers, solvers and commands declare them alike."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import click

from finemo_zarr.errors import FinemoError, PluginError
from finemo_zarr.protocols import OptionInfo, option_fields
from finemo_zarr.store.locations import Location, locate

T = TypeVar("T")

_SCALARS: Mapping[Any, Any] = {
    int: click.INT,
    float: click.FLOAT,
    str: click.STRING,
    bool: click.BOOL,
    Path: click.Path(path_type=Path),
}
_NOTHING = (None, False, ())


class LocationType(click.ParamType):  # type: ignore[type-arg]
    """A path, or the URL of a store in a bucket."""

    name = "location"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return where it points."""
        try:
            return locate(value)
        except FinemoError as error:
            self.fail(str(error), param, ctx)


class FieldOption(click.Option):
    """A click option made from a field. If `variadic`, one flag may be followed by many values."""

    def __init__(self, declarations: Iterable[str], *, variadic: bool, **settings: Any) -> None:
        super().__init__(list(declarations), multiple=variadic, **settings)
        self.variadic = variadic


class VariadicCommand(click.Command):
    """A command whose options may take several values after one flag: ``-b a.bw b.bw``.

    If it `resumes`, it goes on where it was when it was ended and is started again.
    """

    def __init__(self, *args: Any, resumes: bool = False, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.resumes = resumes

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the flag before each further value, which is what click understands."""
        flags = {
            flag
            for parameter in self.params
            if isinstance(parameter, FieldOption) and parameter.variadic
            for flag in parameter.opts
        }
        return super().parse_args(ctx, _repeat_flags(args, flags))


def _repeat_flags(args: Iterable[str], flags: set[str]) -> list[str]:
    repeated: list[str] = []
    current, filled = "", False
    for arg in args:
        if arg.startswith("-") and arg != "-":
            flag, equals, _ = arg.partition("=")
            current, filled = (flag, bool(equals)) if flag in flags else ("", False)
            repeated.append(arg)
            continue
        if current and filled:
            repeated.append(current)
        repeated.append(arg)
        filled = True
    return repeated


def field_options(cls: type[Any], *, skip: Iterable[str] = ()) -> list[FieldOption]:
    """Options of the fields of a dataclass, in their order.

    Parameters
    ----------
    cls : type
        A reader, a solver, or a command's own dataclass.
    skip : iterable of str
        Fields to leave out.

    Raises
    ------
    PluginError
        If a field has a type that cannot stand on a command line.
    """
    hints = get_type_hints(cls)
    return [
        _field_option(cls, field, info, hints[name])
        for name, (field, info) in option_fields(cls).items()
        if name not in set(skip)
    ]


def _field_option(
    cls: type[Any], field: "dataclasses.Field[Any]", info: OptionInfo, hint: Any
) -> FieldOption:
    kind, variadic = _click_type(cls, field.name, hint)
    required = field.default is dataclasses.MISSING
    default = None if required else field.default
    help_text = info.help
    if default not in _NOTHING:
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        help_text = f"{help_text} [default: {shown}]"
    settings: dict[str, Any] = {"type": kind, "metavar": info.metavar}
    if kind is click.BOOL:
        settings = {"is_flag": True}
    elif variadic and info.metavar:
        settings["metavar"] = f"{info.metavar}..."
    if not required and not variadic:
        settings["default"] = default
    flags = info.flags or (f"--{field.name.replace('_', '-')}",)
    return FieldOption(
        [field.name, *flags], variadic=variadic, required=required, help=help_text, **settings
    )


def _click_type(cls: type[Any], name: str, hint: Any) -> tuple[Any, bool]:
    """Return the click type of a field's type, and whether it takes several values."""
    if get_origin(hint) in (Union, UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        if set(members) == set(get_args(Location)):
            return LocationType(), False
        if len(members) == 1:
            return _click_type(cls, name, members[0])
    if get_origin(hint) is tuple and get_args(hint)[1:] == (Ellipsis,):
        return _click_type(cls, name, get_args(hint)[0])[0], True
    if get_origin(hint) is Literal:
        return click.Choice(get_args(hint)), False
    if hint in _SCALARS:
        return _SCALARS[hint], False
    raise PluginError(
        f"the field {name} of {cls.__name__} has the type {hint}, expected bool, int, float, str, "
        "Path, a Literal, or a tuple of one of them"
    )


def build(cls: Callable[..., T], values: Mapping[str, Any]) -> T:
    """Make an instance from what click parsed; a ValueError of its own is a usage error."""
    defaults = {name: field.default for name, (field, _) in option_fields(cls).items()}
    given = {
        name: defaults[name] if value == () and defaults[name] is not dataclasses.MISSING else value
        for name, value in values.items()
        if name in defaults
    }
    try:
        return cls(**given)
    except FinemoError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def workers_options() -> list[click.Parameter]:
    """Declare ``--scheduler`` and ``--jobs``."""
    return [
        click.Option(
            ["--scheduler"],
            default="threads",
            metavar="NAME",
            help="Where blocks are worked on: threads, processes, sync (one after the other), or"
            " tcp://HOST:PORT, a dask cluster. [default: threads]",
        ),
        click.Option(
            ["--jobs"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Number of threads or processes; by default one for each core.",
        ),
    ]


def overwrite_option() -> click.Option:
    """Declare ``--overwrite``."""
    return click.Option(["--overwrite"], is_flag=True, help="Replace output that exists.")


def check_flags(parameters: Iterable[click.Parameter], owner: str) -> None:
    """Raise if two options of a command use one flag.

    Raises
    ------
    PluginError
        With the flag and the plugin it belongs to.
    """
    seen: set[str] = set()
    for parameter in parameters:
        if repeated := seen.intersection(parameter.opts):
            raise PluginError(
                f"{owner}: the flag {min(repeated)} of its option {parameter.name} is taken; "
                "give the option another flag"
            )
        seen.update(parameter.opts)
