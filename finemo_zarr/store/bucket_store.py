"""What Zarr calls a store, in a bucket. Imported only when one is opened: Zarr is heavy."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, TypeVar

from zarr.abc.store import ByteRequest  # noqa: TID253
from zarr.core.buffer import Buffer, BufferPrototype  # noqa: TID253
from zarr.storage import ObjectStore  # noqa: TID253

from finemo_zarr.store.buckets import BrokenReplyError, Bucket, bucket, obstore

T = TypeVar("T")

_METADATA = "zarr.json"
_NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class BucketStore(ObjectStore[Any]):
    """Zarr's store of objects, below a name in a bucket and with the patience of :class:`Bucket`.

    Parameters
    ----------
    of : Bucket
        The bucket.
    root : str
        Name below which everything lies.
    read_only : bool
        Whether nothing is written.
    """

    def __init__(self, of: Bucket, root: str, *, read_only: bool = False) -> None:
        self._bucket, self._root = of, root
        self._found: set[str] = set()  # which Zarr asks for once more for each array of a group
        super().__init__(of.client, read_only=read_only)

    @property
    def store(self) -> Any:
        """The client, which is another after a failure."""
        return self._bucket.client

    @store.setter
    def store(self, _client: Any) -> None:
        pass

    def __reduce__(self) -> Any:
        return _reopened, (self._bucket.scheme, self._bucket.name, self._root, self.read_only)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BucketStore) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash(self.__reduce__())

    def __str__(self) -> str:
        return f"{self._bucket.url}/{self._root}"

    def with_read_only(self, read_only: bool = False) -> "BucketStore":
        """Return the same, to be written or not."""
        return BucketStore(self._bucket, self._root, read_only=read_only)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object, or some of its bytes."""
        if byte_range is not None:
            part, name = super().get, self._name(key)
            return await self._again(key, lambda: part(name, prototype, byte_range))

        async def read() -> Buffer | None:
            try:
                reply = await obstore().get_async(self.store, self._name(key))
            except _NOT_THERE:
                return None
            data = bytes(await reply.bytes_async())
            self._bucket.check(self._name(key), data, reply.meta["e_tag"])
            if key.endswith(_METADATA):
                _check_json(data)
            return prototype.buffer.from_bytes(data)

        return await self._again(key, read)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Read some bytes of objects."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether there is an object."""
        exists, name = super().exists, self._name(key)
        return await self._again(key, lambda: exists(name))

    async def set(self, key: str, value: Buffer) -> None:
        """Write an object."""
        write, name = super().set, self._name(key)
        await self._again(key, lambda: write(name, value))

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write an object if there is none; one that was found before is not asked for again."""
        if key not in self._found:
            write, name = super().set_if_not_exists, self._name(key)
            await self._again(key, lambda: write(name, value))
            self._found.add(key)

    async def delete(self, key: str) -> None:
        """Remove an object."""
        self._found.discard(key)
        delete, name = super().delete, self._name(key)
        await self._again(key, lambda: delete(name))

    async def delete_dir(self, prefix: str) -> None:
        """Remove all objects below a name."""
        for key in [key async for key in self.list_prefix(prefix)]:
            await self.delete(key)

    async def getsize(self, key: str) -> int:
        """Size of an object in bytes."""
        size, name = super().getsize, self._name(key)
        return await self._again(key, lambda: size(name))

    async def getsize_prefix(self, prefix: str) -> int:
        """Size of all objects below a name, in bytes."""
        return sum([await self.getsize(key) async for key in self.list_prefix(prefix)])

    async def list(self) -> AsyncIterator[str]:  # type: ignore[override]
        """Names of all objects."""
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:  # type: ignore[override]
        """Names of all objects below a name."""
        names, name = super().list_prefix, self._name(prefix)
        for found in await self._again(prefix, lambda: _all(names(name))):
            yield found.removeprefix(f"{self._root}/")

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:  # type: ignore[override]
        """Names of what lies directly below a name."""
        names, name = super().list_dir, self._name(prefix)
        for found in await self._again(prefix, lambda: _all(names(name))):
            yield found

    def _name(self, key: str) -> str:
        return f"{self._root}/{key}".strip("/")

    async def _again(self, key: str, request: Callable[[], Awaitable[T]]) -> T:
        return await self._bucket.call_async(self._name(key), request)


async def _all(names: AsyncIterator[str]) -> list[str]:
    return [name async for name in names]


def _reopened(scheme: str, name: str, root: str, read_only: bool) -> BucketStore:
    return BucketStore(bucket(scheme, name), root, read_only=read_only)


def _check_json(data: bytes) -> None:
    try:
        json.loads(data)
    except ValueError as error:
        raise BrokenReplyError("it is cut off") from error
