"""Output that appears whole or not at all."""

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from finemo_zarr.errors import RunError
from finemo_zarr.store.reading import is_store

_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is exhausted",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "a file grew too large for the file system",
}


@contextmanager
def staged(
    path: Path | str, *, overwrite: bool = False, replaceable: Callable[[Path], bool] | None = None
) -> Iterator[Path]:
    """Write to a temporary sibling that takes the place of `path` when the block succeeds.

    Parameters
    ----------
    path : path
        Where the output appears.
    overwrite : bool
        Replace what is there; it stays until the new output is complete.
    replaceable : callable, optional
        Whether what is there may be replaced at all; by default only another store may.

    Yields
    ------
    Path
        A hidden path in the same directory, which does not exist yet.

    Raises
    ------
    RunError
        If the output exists, its directory cannot be written, or the disk is full. Whatever is
        raised, the temporary sibling is removed.
    """
    path = Path(path)
    _check_free(path, overwrite=overwrite, replaceable=replaceable or is_store)
    with scratch_folder(path.parent, path.name) as holder:
        yield holder / path.name
        _move_into_place(holder, path)


@contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """Make a hidden folder beside an output, and remove it whatever happens.

    Parameters
    ----------
    parent : Path
        Where; made if it is not there.
    name : str
        The output it is for, which its own name begins with.

    Raises
    ------
    RunError
        If the folder cannot be made, or the disk is full while it is used.
    """
    place = parent / name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        holder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".partial", dir=parent))
    except OSError as error:
        raise RunError(f"{place}: cannot be written ({error.strerror}); choose another") from error
    try:
        yield holder
    except (OSError, RunError) as error:
        # An output inside of this one has reported a full disk by its own, hidden name.
        cause = error.__cause__ if isinstance(error, RunError) else error
        if isinstance(cause, OSError) and (reason := _DISK_ERRORS.get(cause.errno or 0)):
            raise RunError(
                f"{place}: cannot be written, {reason}; nothing was left behind. Free some space "
                "or choose another place."
            ) from cause
        raise
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _check_free(path: Path, *, overwrite: bool, replaceable: Callable[[Path], bool]) -> None:
    if not path.exists() or _is_empty_folder(path):
        return
    if not overwrite:
        raise RunError(f"{path}: exists already; choose another output, or give --overwrite")
    if not replaceable(path):
        raise RunError(
            f"{path}: holds what finemo-zarr did not write, and is not replaced; "
            "remove it yourself or choose another output"
        )


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _move_into_place(holder: Path, path: Path) -> None:
    new, old = holder / path.name, holder / "replaced"
    if path.exists():
        path.rename(old)
    try:
        new.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
