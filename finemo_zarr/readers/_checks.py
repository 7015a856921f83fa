"""What every reader asks of a file, and how its complaints are worded."""

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from finemo_zarr.errors import ReadError

_LISTED = 8


def file_head(path: Path, expected: str, size: int = 8) -> bytes:
    """The first bytes of a file, to tell its format by.

    Parameters
    ----------
    path : Path
        The file.
    expected : str
        What it should be, for the message.
    size : int
        Number of bytes.

    Raises
    ------
    ReadError
        If there is no such file, it cannot be opened, or it is empty.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(size)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReadError(f"{path}: {reason}; expected {expected}") from error
    if not head:
        raise ReadError(f"{path} is empty, expected {expected}")
    return head


def file_stamp(path: Path) -> tuple[int, int]:
    """Modification time in ns and size in bytes: another stamp means another content."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def given(paths: Iterable[Path], what: str) -> tuple[Path, ...]:
    """The paths of an option that needs one or more.

    Raises
    ------
    ReadError
        If there is none.
    """
    files = tuple(Path(path) for path in paths)
    if not files:
        raise ReadError(f"no {what} given, expected one or more")
    return files


def listing(items: Iterable[object], limit: int = _LISTED) -> str:
    """Items for a message, the first few of many."""
    words = [str(item) for item in items]
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def check_width(width: int) -> int:
    """The region width, if it is one.

    Odd widths are as good as even ones: everywhere, the base at index ``width // 2`` is the summit.
    """
    if width < 1:
        raise ReadError(f"the region width is {width}, expected at least 1")
    return width


@lru_cache(maxsize=1)
def scratch_folder() -> Path:
    """A folder for temporary files, one per process, which removes it when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="finemo-zarr-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
