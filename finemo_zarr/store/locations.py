"""Where stores and tables lie: a path on a disk, or the URL of an object store.

A local path stays a :class:`pathlib.Path`. A URL becomes a :class:`RemotePath`, which has those
methods of a path that this package uses, so that most code need not know which of both it has.
"""

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote
from uuid import uuid4

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.store.buckets import READ_ONLY, bucket, obstore

T = TypeVar("T")

SCHEMES = ("s3", "gs", "https", "http", "memory")
_BROKEN = {(f"{scheme}:",) for scheme in SCHEMES}
_BULK = 1000
_ROOT = "zarr.json"


@dataclass(frozen=True)
class RemotePath:
    """An object, or all objects that begin with its name.

    Parameters
    ----------
    url : str
        For example ``"s3://bucket/folder/regions.zarr"``.

    Raises
    ------
    ReadError
        If it is of an unknown kind, or names no bucket.
    """

    url: str

    def __post_init__(self) -> None:
        scheme, _, rest = self.url.partition("://")
        if scheme not in SCHEMES:
            known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise ReadError(f"{self.url}: cannot be used, expected a path or one of {known}")
        if rest.startswith("/") or not rest:
            raise ReadError(f"{self.url}: names no place; expected {scheme}://BUCKET/NAME")
        object.__setattr__(self, "url", self.url.rstrip("/"))

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self.url}/{name}")

    @property
    def scheme(self) -> str:
        """For example ``"s3"``."""
        return self.url.partition("://")[0]

    @property
    def bucket(self) -> str:
        """Name of the bucket or host."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def key(self) -> str:
        """Name within the bucket."""
        key = self.url.partition("://")[2].partition("/")[2]
        return unquote(key) if self.scheme in READ_ONLY else key

    @property
    def name(self) -> str:
        """Last part of the name."""
        return self.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """What the name ends in, from the last dot on."""
        return Path(self.name).suffix

    @property
    def parent(self) -> "RemotePath":
        """What it lies in."""
        return RemotePath(self.url.rpartition("/")[0]) if self.key else self

    def is_file(self) -> bool:
        """Whether there is an object of this name."""
        try:
            self._call(lambda client: obstore().head(client, self.key))
        except FileNotFoundError:
            return False
        except RunError as error:
            # Servers that hide what they have say so of what they have not, too.
            if self.scheme in READ_ONLY and _is_denial(error):
                return False
            raise
        return True

    def is_dir(self) -> bool:
        """Whether there are objects below this name."""
        if self.scheme in READ_ONLY:
            return (self / _ROOT).is_file()
        return bool(self._list(at_most=1))

    def exists(self) -> bool:
        """Whether there is anything."""
        return self.is_dir() or self.is_file()

    def iterdir(self) -> Iterator["RemotePath"]:
        """What lies directly below."""
        found = self._call(lambda client: obstore().list_with_delimiter(client, self._prefix))
        names = [entry["path"] for entry in found["objects"]] + list(found["common_prefixes"])
        return (self / name.rstrip("/").rpartition("/")[2] for name in sorted(names))

    def walk_sizes(self) -> Iterator[tuple[str, int]]:
        """Names of all objects below, within the bucket, with their sizes in bytes."""
        return ((entry["path"], int(entry["size"])) for entry in self._list())

    def read_bytes(self) -> bytes:
        """Read the object."""

        def read(client: Any) -> bytes:
            reply = obstore().get(client, self.key)
            data = bytes(reply.bytes())
            bucket(self.scheme, self.bucket).check(self.key, data, reply.meta["e_tag"])
            return data

        return self._call(read)

    def write_bytes(self, data: bytes) -> None:
        """Write the object; it appears whole."""
        self.check_writable()
        self._write(lambda client: obstore().put(client, self.key, data))

    def create_bytes(self, data: bytes) -> bool:
        """Write the object if there is none; says whether it did."""
        self.check_writable()
        try:
            self._write(lambda client: obstore().put(client, self.key, data, mode="create"))
        except obstore().exceptions.AlreadyExistsError:
            # Perhaps by ourselves, if only the reply was lost.
            with suppress(FileNotFoundError):
                return self.read_bytes() == data
            return False
        return True

    def upload(self, source: Path) -> None:
        """Write the object from a local file, in pieces where it is large.

        Raises
        ------
        RunError
            If what arrives is not as long as the file.
        """
        self.check_writable()
        size = source.stat().st_size
        self._write(lambda client: obstore().put(client, self.key, source))
        if (found := self._call(lambda client: obstore().head(client, self.key)["size"])) != size:
            raise RunError(f"{self}: {found} of {size} bytes arrived; start the same command again")

    def remove(self) -> None:
        """Remove the object, and all below it."""
        self.check_writable()
        self._delete([self.key])
        while names := [name for name, _ in self.walk_sizes()]:
            # The root of a store goes first: what is left of it is none.
            names.sort(key=lambda name: name != f"{self._prefix}{_ROOT}")
            self._delete(names[:1])
            for first in range(1, len(names), _BULK):
                self._delete(names[first : first + _BULK])

    def check_writable(self) -> None:
        """Raise unless something can be written there."""
        if self.scheme in READ_ONLY:
            raise RunError(f"{self}: {self.scheme}:// can only be read; write to a path or bucket")
        if not self.key:
            raise RunError(f"{self}: a whole bucket; name a place in it, {self}/NAME")

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""

    def _call(self, request: Callable[[Any], T]) -> T:
        return bucket(self.scheme, self.bucket).call(self.key, request)

    def _write(self, request: Callable[[Any], Any]) -> None:
        try:
            self._call(request)
        except FileNotFoundError as error:
            raise RunError(f"{self}: cannot be written; is there such a bucket?") from error

    def _list(self, at_most: int | None = None) -> list[Any]:
        def collect(client: Any) -> list[Any]:
            found: list[Any] = []
            for page in obstore().list(client, self._prefix, chunk_size=at_most or _BULK):
                found += page
                if at_most is not None and len(found) >= at_most:
                    break
            return found

        return self._call(collect)

    def _delete(self, names: list[str]) -> None:
        with suppress(FileNotFoundError):
            self._call(lambda client: obstore().delete(client, names))


def _is_denial(error: RunError) -> bool:
    errors = obstore().exceptions
    return isinstance(error.__cause__, (errors.PermissionDeniedError, errors.UnauthenticatedError))


Location: TypeAlias = Path | RemotePath


def locate(path: "Path | str | RemotePath") -> Location:
    """Return where a path or URL points.

    Raises
    ------
    ReadError
        If it is a URL of an unknown kind, or one that was made a path.
    """
    if isinstance(path, RemotePath):
        return path
    if isinstance(path, Path) and path.parts[:1] in _BROKEN and not path.exists():
        raise ReadError(f"{path}: give a URL as a string, not as a Path, which breaks it")
    return RemotePath(path) if isinstance(path, str) and "://" in path else Path(path)


def zarr_at(location: Location, path: str = "") -> dict[str, Any]:
    """Keyword arguments `store` and `path` by which Zarr finds a group or array of a store."""
    if isinstance(location, Path):
        return {"store": location, "path": path}
    from finemo_zarr.store.bucket_store import BucketStore

    return {
        "store": BucketStore(bucket(location.scheme, location.bucket), location.key),
        "path": path,
    }


def access_errors() -> tuple[type[BaseException], ...]:
    """What reading a damaged store may raise; one that cannot be reached raises RunError."""
    return (OSError, RuntimeError, ValueError, KeyError, TypeError)


def write_file(location: Location, data: bytes) -> None:
    """Write a small file, which appears whole."""
    if isinstance(location, RemotePath):
        location.write_bytes(data)
        return
    location.parent.mkdir(parents=True, exist_ok=True)
    partial = location.with_name(f"{location.name}.{uuid4().hex}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(location)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def create_file(location: Location, data: bytes) -> bool:
    """Write a small file if there is none; says whether it did."""
    if isinstance(location, RemotePath):
        return location.create_bytes(data)
    location.parent.mkdir(parents=True, exist_ok=True)
    # A link appears with its content, so that nobody reads a file that is still empty.
    partial = location.with_name(f"{location.name}.{uuid4().hex}.partial")
    try:
        partial.write_bytes(data)
        location.hardlink_to(partial)
    except FileExistsError:
        return False
    finally:
        partial.unlink(missing_ok=True)
    return True


def move_file(source: Path, target: Location) -> None:
    """Put a local file in the place of another, which is replaced at once."""
    if isinstance(target, RemotePath):
        target.upload(source)
    else:
        source.replace(target)


def remove(location: Location) -> None:
    """Remove a file, or a folder and all that is in it; nothing is no error."""
    if isinstance(location, RemotePath):
        location.remove()
    elif location.is_dir() and not location.is_symlink():
        shutil.rmtree(location)
    else:
        location.unlink(missing_ok=True)


def total_bytes(location: Location) -> float:
    """Size of all that is in a folder; NaN where that cannot be listed (https://)."""
    if isinstance(location, RemotePath):
        return (
            math.nan
            if location.scheme in READ_ONLY
            else sum(size for _, size in location.walk_sizes())
        )
    return sum(path.stat().st_size for path in location.rglob("*") if path.is_file())
