"""What a store keeps of how it was made."""

import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from finemo_zarr import __version__
from finemo_zarr.errors import ReadError
from finemo_zarr.protocols import option_fields
from finemo_zarr.store import hits_path

_PACKAGES = ("numpy", "xarray", "zarr", "dask", "numba", "h5py", "pyBigWig", "pyfaidx")
_DIGEST_BYTES = 2**16


def describe_run(
    command: str, *, plugin: str, options: Mapping[str, Any], inputs: Iterable[Path]
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
    inputs : iterable of Path
        Files and stores that were read.
    """
    return {
        "command": command,
        "plugin": plugin,
        "options": dict(options),
        "inputs": [describe_input(path) for path in inputs],
        "versions": package_versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_input(path: Path) -> dict[str, Any]:
    """Path, size and digest of an input.

    The digest is the SHA-256 of the first and the last 64 KiB, which costs nothing and tells two
    versions of a file apart. Of a store it is that of its root metadata.
    """
    file = hits_path(path) / "zarr.json" if path.is_dir() else path
    try:
        with file.open("rb") as handle:
            digest = sha256(handle.read(_DIGEST_BYTES))
            size = handle.seek(0, 2)
            handle.seek(max(size - _DIGEST_BYTES, 0))
            digest.update(handle.read())
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from error
    return {"path": str(path), "bytes": size, "sha256_ends": digest.hexdigest()}


def input_paths(plugin: Any) -> list[Path]:
    """Files named by the options of a reader."""
    paths: list[Path] = []
    for name in option_fields(plugin):
        value = getattr(plugin, name)
        values = value if isinstance(value, (tuple, list)) else (value,)
        paths += [item for item in values if isinstance(item, Path)]
    return paths


def package_versions() -> dict[str, str]:
    """Versions of this package and of those that decide a result."""
    versions = {"finemo-zarr": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
