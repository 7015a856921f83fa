"""Where stores and tables lie: a path on a disk, or the URL of an object store.

A local path stays a :class:`pathlib.Path`. A URL becomes a :class:`RemotePath`, which has those
methods of a path that this package uses, so that most code need not know which of both it has.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

from finemo_zarr._optional import import_optional
from finemo_zarr.errors import ReadError, RunError

SCHEMES = ("s3", "gs", "https", "http", "memory")
_READ_ONLY = ("https", "http")
_TRIES = 6
_FIRST_PAUSE = 0.2
_RETRIES = {"max_retries": 10, "retry_timeout": {"seconds": 180}}
_CLIENT = {"connect_timeout": "10s", "timeout": "120s"}


@dataclass(frozen=True)
class RemotePath:
    """An object, or all objects that begin with its name.

    Parameters
    ----------
    url : str
        For example ``"s3://bucket/folder/regions.zarr"``.
    """

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in SCHEMES:
            known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise ReadError(f"{self.url}: cannot be used, expected a path or one of {known}")
        object.__setattr__(self, "url", self.url.rstrip("/"))

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self.url}/{name}")

    @property
    def scheme(self) -> str:
        """For example ``"s3"``."""
        return urlsplit(self.url).scheme

    @property
    def key(self) -> str:
        """Name within the bucket."""
        return urlsplit(self.url).path.strip("/")

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
        return RemotePath(self.url.removesuffix(self.name))

    @property
    def client(self) -> Any:
        """The obstore of the bucket."""
        parts = urlsplit(self.url)
        return _client(parts.scheme, parts.netloc)

    def is_file(self) -> bool:
        """Whether there is an object of this name."""
        obstore = _obstore()
        with _named_errors(self):
            try:
                obstore.head(self.client, self.key)
            except (FileNotFoundError, obstore.exceptions.InvalidPathError):
                return False
            return True

    def is_dir(self) -> bool:
        """Whether there are objects below this name."""
        if self.scheme in _READ_ONLY:
            return (self / "zarr.json").is_file()
        with _named_errors(self):
            pages = _obstore().list(self.client, f"{self.key}/", chunk_size=1)
            return any(len(page) for page in pages)

    def exists(self) -> bool:
        """Whether there is anything."""
        return self.is_dir() or self.is_file()

    def iterdir(self) -> Iterator["RemotePath"]:
        """What lies directly below."""
        with _named_errors(self):
            found = _obstore().list_with_delimiter(self.client, f"{self.key}/")
            names = [entry["path"] for entry in found["objects"]] + list(found["common_prefixes"])
        return (self / name.rstrip("/").rpartition("/")[2] for name in sorted(names))

    def walk_sizes(self) -> Iterator[tuple[str, int]]:
        """All objects below, with their sizes in bytes."""
        with _named_errors(self):
            for page in _obstore().list(self.client, f"{self.key}/"):
                for entry in page:
                    yield entry["path"], int(entry["size"])

    def read_bytes(self) -> bytes:
        """Read the object."""
        with _named_errors(self):
            return bytes(_retried(lambda: _obstore().get(self.client, self.key).bytes()))

    def write_bytes(self, data: bytes) -> None:
        """Write the object; it appears whole."""
        self.check_writable()
        with _named_errors(self):
            _obstore().put(self.client, self.key, data)

    def create_bytes(self, data: bytes) -> bool:
        """Write the object if there is none; says whether it did."""
        self.check_writable()
        obstore = _obstore()
        with _named_errors(self):
            try:
                obstore.put(self.client, self.key, data, mode="create")
            except obstore.exceptions.AlreadyExistsError:
                return False
        return True

    def upload(self, source: Path) -> None:
        """Write the object from a local file, in pieces where it is large."""
        self.check_writable()
        with _named_errors(self), source.open("rb") as file:
            _obstore().put(self.client, self.key, file)

    def remove(self) -> None:
        """Remove the object, and all below it."""
        self.check_writable()
        # The root of a store goes first: what is left of it is none.
        names = sorted((name for name, _ in self.walk_sizes()), key=lambda name: name.count("/"))
        with _named_errors(self):
            for name in [self.key, *names]:
                with suppress(FileNotFoundError):
                    _obstore().delete(self.client, name)

    def check_writable(self) -> None:
        """Raise unless the scheme can be written."""
        if self.scheme in _READ_ONLY:
            raise RunError(f"{self}: {self.scheme}:// can only be read; write to a path or bucket")


Location: TypeAlias = Path | RemotePath


def locate(path: "Path | str | RemotePath") -> Location:
    """Return where a path or URL points.

    Raises
    ------
    ReadError
        If it is a URL of an unknown kind.
    """
    if isinstance(path, RemotePath):
        return path
    return RemotePath(path) if isinstance(path, str) and "://" in path else Path(path)


def zarr_at(location: Location, path: str = "") -> dict[str, Any]:
    """Keyword arguments `store` and `path` by which Zarr finds a group or array of a store."""
    if isinstance(location, Path):
        return {"store": location, "path": path}
    from zarr.storage import ObjectStore

    key = "/".join(part for part in (location.key, path) if part)
    return {"store": ObjectStore(location.client), "path": key}


def access_errors() -> tuple[type[BaseException], ...]:
    """What reading or writing a damaged or unreachable store may raise."""
    known = (OSError, RuntimeError, ValueError, KeyError, TypeError)
    with suppress(ImportError):
        import obstore

        return (*known, obstore.exceptions.BaseError)
    return known


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


def total_bytes(location: Location) -> int:
    """Size of all that is in a folder."""
    if isinstance(location, RemotePath):
        return sum(size for _, size in location.walk_sizes())
    return sum(path.stat().st_size for path in location.rglob("*") if path.is_file())


def _obstore() -> Any:
    return import_optional("obstore", extra="cloud", purpose="An object store (s3://, gs://, …)")


@lru_cache(maxsize=64)
def _client(scheme: str, netloc: str) -> Any:
    obstore = _obstore()
    if scheme == "memory":  # shared by all that name it in this process
        return obstore.store.MemoryStore()
    options = {**_CLIENT, "allow_http": True} if scheme in {"http", "s3"} else dict(_CLIENT)
    return obstore.store.from_url(
        f"{scheme}://{netloc}", client_options=options, retry_config=_RETRIES
    )


def _retried(read: Any) -> Any:
    """Read again where a reply broke off, which the client takes for an error of its own."""
    errors = _obstore().exceptions
    for attempt in range(_TRIES):
        try:
            return read()
        except errors.GenericError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_FIRST_PAUSE * 2**attempt)
    return None


@contextmanager
def _named_errors(path: RemotePath) -> Iterator[None]:
    errors = _obstore().exceptions
    try:
        yield
    except (errors.PermissionDeniedError, errors.UnauthenticatedError) as error:
        raise RunError(
            f"{path}: access is denied; check the credentials (for s3:// AWS_ACCESS_KEY_ID, "
            f"AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL)"
        ) from error
    except errors.BaseError as error:
        if isinstance(error, FileNotFoundError):
            raise
        reason = str(error).splitlines()[0]
        raise RunError(
            f"{path}: cannot be reached, after several tries ({reason}); check the address and the "
            "connection, and start the same command again: what is done is kept"
        ) from error
