"""What a store keeps of how it was made."""

import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from finemo_zarr import __version__
from finemo_zarr.errors import ReadError
from finemo_zarr.protocols import option_fields
from finemo_zarr.store import Location, RemotePath, hits_path

_PACKAGES = ("numpy", "xarray", "zarr", "dask", "numba", "h5py", "pyBigWig", "pyfaidx")
_DIGEST_BYTES = 2**16
_MOTIFS = "digest of the motifs"
_NO_SETTINGS = {"out_dir", "no_tables", "write", "solver_reason"}
"""Options that say nothing of the result."""


def describe_run(
    command: str, *, plugin: str, options: Mapping[str, Any], inputs: Iterable[Location]
) -> dict[str, Any]:
    """Describe a run as JSON can hold it.

    Parameters
    ----------
    command : str
        The command, for example ``"call-hits"``.
    plugin : str
        Name of the reader or solver.
    options : mapping
        Every option and its value.
    inputs : iterable of path
        Files and stores that were read.
    """
    return {
        "command": command,
        "plugin": plugin,
        "options": dict(options),
        "inputs": [describe_input(path) for path in inputs],
        "versions": dict(package_versions()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_input(path: Location) -> dict[str, Any]:
    """Path, size and digest of an input.

    The digest is the SHA-256 of the first and the last 64 KiB, which costs nothing and tells two
    versions of a file apart. Of a store, size and digest are those of its root metadata.
    """
    is_store = path.is_dir()
    file = hits_path(path) / "zarr.json" if is_store else path
    try:
        size, ends = _ends(file)
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from error
    digest = sha256(ends).hexdigest()
    return {"path": str(path), "store": is_store, "bytes": size, "sha256_ends": digest}


def _ends(file: Location) -> tuple[int, bytes]:
    if isinstance(file, RemotePath):
        data = file.read_bytes()
        return len(data), data[:_DIGEST_BYTES] + data[max(len(data) - _DIGEST_BYTES, 0) :]
    with file.open("rb") as handle:
        head = handle.read(_DIGEST_BYTES)
        size = handle.seek(0, 2)
        handle.seek(max(size - _DIGEST_BYTES, 0))
        return size, head + handle.read()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two runs that would make their results differ, in words.

    Parameters
    ----------
    before, now : mapping
        Provenance, from :func:`describe_run`. How an input is called does not count, only what is
        in it; nor does when, where and in how many jobs it was run.
    """
    old, new = _settings(before), _settings(now)
    names = [*old, *(name for name in new if name not in old)]
    different = [name for name in names if old.get(name) != new.get(name)]
    if len(different) > 1 and _MOTIFS in different:
        different.remove(_MOTIFS)  # an option or a file that says more made them differ
    return [
        f"{name} was {old.get(name, 'not given')}, is {new.get(name, 'not given')}"
        for name in different
    ]


def _settings(provenance: Mapping[str, Any]) -> dict[str, str]:
    inputs = provenance.get("inputs", ())
    paths = {item["path"] for item in inputs}
    settings = {
        "command": str(provenance.get("command")),
        "plugin": str(provenance.get("plugin")),
        "finemo-zarr": str(provenance.get("versions", {}).get("finemo-zarr")),
    }
    if "motifs" in provenance:
        settings[_MOTIFS] = provenance["motifs"]
    for name, value in provenance.get("options", {}).items():
        items = value if isinstance(value, (list, tuple)) else [value]
        if name not in _NO_SETTINGS and not (items and {str(item) for item in items} <= paths):
            settings[name] = str(value)
    for number, item in enumerate(inputs, 1):
        name = Path(item["path"]).name
        settings[f"input {number}"] = f"{name} ({item['bytes']} bytes, {item['sha256_ends'][:12]})"
    return settings


def input_paths(plugin: Any) -> list[Location]:
    """Files named by the options of a reader."""
    paths: list[Location] = []
    for name in option_fields(plugin):
        value = getattr(plugin, name)
        values = value if isinstance(value, (tuple, list)) else (value,)
        paths += [item for item in values if isinstance(item, Path)]
    return paths


@lru_cache
def package_versions() -> dict[str, str]:
    """Versions of this package and of those that decide a result."""
    versions = {"finemo-zarr": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
