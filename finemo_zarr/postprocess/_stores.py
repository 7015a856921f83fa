"""A hits store again, with one more variable."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finemo_zarr import store
from finemo_zarr.errors import ReadError
from finemo_zarr.store import Location, RemotePath

if TYPE_CHECKING:
    import xarray as xr

_ROOT = "zarr.json"


def copy_with_variable(
    source: Location,
    out: Location,
    variable: "dict[str, xr.Variable]",
    step: Mapping[str, Any],
    *,
    overwrite: bool,
) -> None:
    """Copy a hits store and add a variable to its hits, or replace one.

    Parameters
    ----------
    source, out : path
        The store, and where the copy goes.
    variable : dict
        Name and values ``(hit,)``.
    step : mapping
        What was done, for the provenance.
    overwrite : bool
        Whether a store may be replaced.

    Raises
    ------
    RunError
        If the copy cannot be written.
    """
    import zarr

    root = zarr.open_group(**store.zarr_at(source), mode="r", zarr_format=3)
    attributes: dict[str, Any] = dict(root.attrs)
    provenance = dict(attributes.pop("provenance", {}))
    provenance["steps"] = [*provenance.get("steps", ()), dict(step)]
    with store.staged(out, overwrite=overwrite) as work:
        _copy_files(source, work)
        # Only now: what has no root is no store yet.
        store.create_store(work, "hits", provenance)
        digests = dict(attributes.get("digests", {}))
        digests |= _write(store.open_group(work, "hits"), variable)
        kept = {key: value for key, value in attributes.items() if key not in _MADE}
        store.finish_store(work, kept | {"digests": digests})


_MADE = {"format", "kind", "format_version", "complete"}


def _write(group: Any, variable: "dict[str, xr.Variable]") -> dict[str, str]:
    for name in variable:
        if name in group:
            del group[name]
    writer = store.ColumnsWriter(group)
    if len(next(iter(variable.values()))):
        writer.append(variable)
        writer.close()
    else:
        for name, values in variable.items():
            store.create_array(group, name, values)
    return {f"hits/{name}": digest.hexdigest() for name, digest in writer.digests.items()}


def _copy_files(source: Location, target: Location) -> None:
    """Copy all but the root's attributes."""
    if isinstance(source, Path) and isinstance(target, Path):
        shutil.copytree(source, target, ignore=_ignore_root(source))
        return
    for name in _names(source):
        data = (source / name).read_bytes()
        store.write_file(target / name, data)


def _ignore_root(source: Path) -> Any:
    return lambda folder, _names: {_ROOT} if Path(folder) == source else set()


def _names(source: Location) -> list[str]:
    if isinstance(source, RemotePath):
        if source.scheme in {"http", "https"}:
            raise ReadError(
                f"{source}: what lies there cannot be listed, and so not copied; copy it yourself, "
                "or write a table"
            )
        prefix = f"{source.key}/"
        names = [name.removeprefix(prefix) for name, _ in source.walk_sizes()]
    else:
        names = [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]
    return [name for name in names if name != _ROOT]
