"""One run at a time on one output.

A lock is a small file that names the host and the process that holds it and, refreshed while the
process lives, when it last gave a sign of life. On the same host a dead process is recognised at
once; on another, a lock without a sign of life for some time is taken for that of a dead one.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from uuid import uuid4

from finemo_zarr.errors import RunError
from finemo_zarr.store.locations import Location, create_file, remove, write_file

HEARTBEAT = 20.0
STALE_AFTER = 120.0
"""Seconds between signs of life, and without one until a lock of another host is stale."""

_held: set[str] = set()
"""Tokens of the locks that this process holds: its number may be that of a dead one before it."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock."""

    host: str
    pid: int
    token: str
    seen: float

    @classmethod
    def me(cls) -> "Holder":
        """Return this process."""
        return cls(socket.gethostname(), os.getpid(), uuid4().hex, time.time())

    def is_alive(self) -> bool:
        """Whether it may still run."""
        if self.host != socket.gethostname():
            return time.time() - self.seen < STALE_AFTER
        if self.pid == os.getpid():
            return self.token in _held
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def encode(self) -> bytes:
        """Return it as the lock holds it, with a sign of life of now."""
        return json.dumps({**asdict(self), "seen": time.time()}).encode()


@contextmanager
def locked(
    folder: Location, *, share: str | None = None, output: Location | None = None
) -> Iterator[None]:
    """Hold the lock in a folder.

    Parameters
    ----------
    folder : path
        Where the lock lies; made if it is not there.
    share : str, optional
        Name of a share of the work: shares exclude a whole run, and each itself, not one another.
    output : path, optional
        What a message calls the output.

    Raises
    ------
    RunError
        If a living process holds it, with its host and number.
    """
    output = folder if output is None else output
    lock = folder / ("lock" if share is None else f"lock.{share}")
    me = Holder.me()
    _acquire(lock, me, output)
    _held.add(me.token)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(lock, me, stop), daemon=True)
    try:
        # Own lock first, then a look at those of others: two that come at once both give way.
        _check_others(folder, lock, output, whole=share is None)
        beat.start()
        yield
    finally:
        _held.discard(me.token)
        stop.set()
        if beat.is_alive():
            beat.join()
        with suppress(OSError, RunError):
            if (holder := read_holder(lock)) is None or holder.token == me.token:
                remove(lock)


def read_holder(lock: Location) -> Holder | None:
    """Who holds a lock; None if there is none, or one that was not written to its end."""
    try:
        values = json.loads(lock.read_bytes())
        return Holder(**values)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def _acquire(lock: Location, me: Holder, output: Location) -> None:
    if create_file(lock, me.encode()):
        return
    holder = read_holder(lock)
    if holder is not None and holder.is_alive():
        _refuse(lock, holder, output)
    remove(lock)
    if not create_file(lock, me.encode()) and (other := read_holder(lock)) is not None:
        _refuse(lock, other, output)


def _check_others(folder: Location, own: Location, output: Location, *, whole: bool) -> None:
    names: list[Location] = list(folder.iterdir())
    for lock in names:
        is_share = lock.name.startswith("lock.")
        if lock.name == own.name or not (lock.name == "lock" or (whole and is_share)):
            continue
        if (holder := read_holder(lock)) is None:
            continue
        if holder.is_alive():
            _refuse(lock, holder, output)
        remove(lock)


def _refuse(lock: Location, holder: Holder, output: Location) -> None:
    ago = max(time.time() - holder.seen, 0)
    raise RunError(
        f"{output}: process {holder.pid} on {holder.host} is working on it (last sign of life "
        f"{ago:.0f} s ago); wait for it, or choose another output. If that process is dead, "
        f"remove {lock}"
    )


def _beat(lock: Location, me: Holder, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT):
        with suppress(OSError, RunError):
            write_file(lock, me.encode())
