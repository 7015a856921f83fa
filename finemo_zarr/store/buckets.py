"""How object stores are reached: clients, patience with what passes, and words for what does not.

A request that fails is repeated: by the client itself where the server says so or does not answer,
by :class:`Bucket` where a reply breaks off. How long depends on what was before. After a request
that succeeded, an outage of two minutes is waited for; the first request, and those after an outage
that lasted longer, fail within seconds, so that a wrong address does not look like work.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from hashlib import md5
from typing import Any, TypeVar

from finemo_zarr._optional import import_optional
from finemo_zarr.errors import RunError

T = TypeVar("T")

READ_ONLY = ("https", "http")
_HASTY, _PATIENT = timedelta(seconds=8), timedelta(seconds=120)
_RETRIES = {_HASTY: 4, _PATIENT: 60}
# The client draws each pause from between the first and so many times the one before.
_PAUSES = {
    _HASTY: {"init_backoff": timedelta(seconds=0.1), "max_backoff": _HASTY / 8, "base": 3},
    _PATIENT: {"init_backoff": timedelta(seconds=0.1), "max_backoff": _PATIENT / 8, "base": 5},
}
_TRIES = 6
_FIRST_PAUSE = 0.1

_DIGEST = re.compile(r'"?([0-9a-f]{32})"?')
_NO_BUCKET = re.compile(r"NoSuchBucket|list request.*status code: 404", re.DOTALL)
_NO_CREDENTIALS = re.compile(r"169\.254\.(169\.254|170\.)|metadata\.google\.internal")
_DENIED = re.compile(r"status code: 40[13]")
_FINAL = re.compile(r"status code: 4(?!08|29)|after \d+ retries|InvalidPath")
_REASONS = (
    r"<Code>(\w+)</Code>",
    r"status code: ([^:\n]*\w)",
    r'message: "([^"]+)"',
    r"HTTP error: (.*)",
    r"(.*)",
)
_WHO = {
    "s3": "for s3:// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, if it is not "
    "Amazon's, AWS_ENDPOINT_URL; AWS_SKIP_SIGNATURE=true for a public bucket",
    "gs": "for gs:// GOOGLE_APPLICATION_CREDENTIALS; GOOGLE_SKIP_SIGNATURE=true for a public "
    "bucket",
}


class BrokenReplyError(Exception):
    """A reply that broke off, or that is not what was written."""


def obstore() -> Any:
    """Return the package that speaks to object stores.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    return import_optional("obstore", extra="cloud", purpose="An object store (s3://, gs://, …)")


@cache  # of memory://, what it holds lives here
def bucket(scheme: str, name: str) -> "Bucket":
    """Return the bucket of a name, the same for all that ask for it."""
    return Bucket(scheme, name)


class Bucket:
    """A bucket, a server or, for tests and trials, the memory of this process.

    Parameters
    ----------
    scheme : str
        For example ``"s3"``.
    name : str
        Of the bucket or host.
    """

    def __init__(self, scheme: str, name: str) -> None:
        self.scheme, self.name, self.url = scheme, name, f"{scheme}://{name}"
        self._reached = False
        self._tags_are_digests = True
        if scheme == "memory":
            self._hasty = self._patient = obstore().store.MemoryStore()
            return
        client: dict[str, Any] = {"connect_timeout": "3s", "timeout": "120s"}
        if scheme in {"http", "s3"}:  # of S3, an endpoint that is given as http://
            client["allow_http"] = True
        self._hasty, self._patient = (
            obstore().store.from_url(
                self.url,
                client_options=client,
                retry_config={
                    "max_retries": count,
                    "retry_timeout": most,
                    "backoff": _PAUSES[most],
                },
            )
            for most, count in _RETRIES.items()
        )

    @property
    def client(self) -> Any:
        """The client for the next request."""
        return self._patient if self._reached else self._hasty

    def call(self, key: str, request: Callable[[Any], T]) -> T:
        """Do what is requested of a client, again if a reply breaks off.

        Raises
        ------
        RunError
            If it cannot be done, naming the object and what to do.
        FileNotFoundError
            If there is no such object.
        """
        begin = time.monotonic()
        for attempt in range(_TRIES):
            try:
                with self._judged(key, begin, last=attempt == _TRIES - 1):
                    return request(self.client)
            except BrokenReplyError:
                time.sleep(_FIRST_PAUSE * 2**attempt)
        raise AssertionError

    async def call_async(self, key: str, request: Callable[[], Awaitable[T]]) -> T:
        """Do the same for Zarr; see :meth:`call`."""
        begin = time.monotonic()
        for attempt in range(_TRIES):
            try:
                with self._judged(key, begin, last=attempt == _TRIES - 1):
                    return await request()
            except BrokenReplyError:
                await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
        raise AssertionError

    def check(self, key: str, data: bytes, tag: str | None) -> None:
        """Raise if an object is not what its tag says, which most servers make of its content.

        Parameters
        ----------
        key : str
            Name of the object.
        data : bytes
            What arrived.
        tag : str or None
            The tag (ETag) that came with it.

        Raises
        ------
        BrokenReplyError
            If something else arrived than was written; it is worth another try.
        """
        found = _DIGEST.fullmatch(tag or "")
        if found is None or not self._tags_are_digests:
            return
        if md5(data, usedforsecurity=False).hexdigest() == found[1]:
            return
        if obstore().head(self.client, key)["size"] != len(data):
            raise BrokenReplyError("only a part of it arrived")
        self._tags_are_digests = False  # but of another kind, as in an encrypted bucket

    @contextmanager
    def _judged(self, key: str, begin: float, *, last: bool) -> Iterator[None]:
        """Turn an error into one that is worth another try, or into words."""
        errors = obstore().exceptions
        patience = _PATIENT if self._reached else _HASTY
        try:
            yield
        except (FileNotFoundError, errors.AlreadyExistsError) as error:
            if _NO_BUCKET.search(str(error)):
                raise self._explained(key, error) from error
            self._reached = True
            raise
        except (errors.BaseError, BrokenReplyError) as error:
            passing = isinstance(error, (errors.GenericError, BrokenReplyError))
            waited = timedelta(seconds=time.monotonic() - begin)
            if passing and not last and waited < patience and not _FINAL.search(str(error)):
                raise BrokenReplyError from error
            self._reached = False
            raise self._explained(key, error) from error
        self._reached = True

    def _explained(self, key: str, error: Exception) -> RunError:
        said, url = str(error), f"{self.url}/{key}"
        found = (re.search(pattern, said) for pattern in _REASONS)
        reason = next((match[1] for match in found if match), "")
        errors = obstore().exceptions
        who = _WHO.get(self.scheme, "they are part of the address, or not needed")
        if _NO_BUCKET.search(said):
            return RunError(
                f"{url}: there is no bucket {self.name}; make it first, or check its name and the "
                "endpoint"
            )
        if _NO_CREDENTIALS.search(said):
            return RunError(f"{url}: no credentials were found; set them ({who})")
        denied = isinstance(error, (errors.PermissionDeniedError, errors.UnauthenticatedError))
        if denied or _DENIED.search(said):
            return RunError(f"{url}: access is denied ({reason}); check the credentials ({who})")
        if isinstance(error, errors.InvalidPathError):
            return RunError(f"{url}: cannot be the name of an object; choose another")
        if isinstance(error, BrokenReplyError) and not isinstance(
            error.__cause__, errors.BaseError
        ):
            return RunError(
                f"{url}: cannot be read whole, in {_TRIES} tries ({reason}); look at what lies "
                "between here and there, and start the same command again: what is done is kept"
            )
        return RunError(
            f"{url}: cannot be reached ({reason}); check the address and the connection, and start "
            "the same command again: what is done is kept"
        )
