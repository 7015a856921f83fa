"""Parameters of templates as they are given: one value or several."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finemo_zarr.errors import RunError


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
