"""Parameters of templates as they are given: one value or several."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from finemo_zarr.errors import RunError

_EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "one text",
    "list": "a list, such as [a, b]",
    "dict": "names and values, such as {a: 1}",
}


def as_declared(name: str, value: Any, kind: str, default: str) -> Any:
    """A value of a parameter as the type that its template declares.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given.
    kind : str
        The type, as it is written; one that is not known takes any value.
    default : str
        The default, as it is written.

    Raises
    ------
    RunError
        If the value is of another type.
    """
    kind = kind.partition("[")[0]
    several = isinstance(value, (list, tuple, dict))
    if kind == "str" and not several:
        return "" if value is None else str(value)
    if kind == "float" and not several and not isinstance(value, bool):
        with suppress(ValueError, TypeError):
            return float(value)
    fits = {
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": False,
        "str": False,
        "list": not isinstance(value, dict),  # one value is a list of one
        "dict": isinstance(value, dict),
    }
    if not fits.get(kind, True):
        raise RunError(
            f"the parameter {name} is {value!r}, expected {_EXPECTED[kind]} (by default {default})"
        )
    return value


def listed(value: Any) -> list[str]:
    """Texts of one value, of several, or of none (``""``, None)."""
    if value is None or value == "":
        return []
    if isinstance(value, (list, tuple)):
        return [str(entry) for entry in value]
    return [str(value)]


def named(paths: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Paths by their names: those given, or the last parts that tell them apart.

    Raises
    ------
    RunError
        If there are not as many names as paths, or one occurs twice.
    """
    if not names:
        names = _short_names([Path(path) for path in paths])
    if len(names) != len(paths) or len(set(names)) != len(names):
        raise RunError(
            f"{len(names)} names ({', '.join(names)}) for {len(paths)} files, expected one for"
            " each, all different"
        )
    return dict(zip(names, paths, strict=True))


def _short_names(paths: list[Path]) -> list[str]:
    """Names without what they end in, with folders in front as far as they are needed."""
    bare = [path.with_suffix("") if path.suffix else path for path in paths]
    for parts in (bare, paths):
        for count in range(1, max((len(path.parts) for path in parts), default=0) + 1):
            names = ["/".join(path.parts[-count:]) for path in parts]
            if len(set(names)) == len(names):
                return names
    return [f"{path} ({number})" for number, path in enumerate(paths, 1)]
