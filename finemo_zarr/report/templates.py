"""Report templates: where they are and what they are called."""

from collections.abc import Mapping
from pathlib import Path

import finemo_zarr
from finemo_zarr.errors import ReadError

_SUFFIX = ".ipynb"


def folder() -> Path:
    """The folder of the templates that come with the package.

    Inside the package where it was installed from a wheel, beside it in a clone.

    Raises
    ------
    ReadError
        If neither is there.
    """
    package = Path(finemo_zarr.__file__).parent
    for found in (package / "report_templates", package.parent / "report_templates"):
        if (found / f"hits{_SUFFIX}").is_file():
            return found
    raise ReadError(f"{package}: the report templates are not installed; install finemo-zarr again")


def templates() -> Mapping[str, Path]:
    """Templates that come with the package, by name."""
    return {path.stem: path for path in sorted(folder().glob(f"*{_SUFFIX}"))}


def find_template(name: str) -> Path:
    """Find a template by its name, or by a path.

    Raises
    ------
    ReadError
        If there is none; names those that are there.
    """
    found = templates().get(name)
    if found is not None:
        return found
    path = Path(name)
    if path.suffix == _SUFFIX and path.is_file():
        return path
    listed = ", ".join(templates())
    raise ReadError(
        f"{name}: no such report template; there are {listed}, or give the path of a notebook"
        f" ({_SUFFIX})"
    )


def asset(name: str) -> str:
    """Text of a file that every page holds: style or script."""
    return (folder() / name).read_text(encoding="utf-8")
