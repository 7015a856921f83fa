"""Output that appears whole or not at all, and work that can be taken up again.

What is not finished lies in a hidden folder beside a local output, ``.NAME.partial``, together with
the lock of the run; it takes its place by a rename. Objects in a bucket cannot be renamed: there
the output is written where it belongs, and only its last write makes it a store.
"""

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finemo_zarr.errors import RunError
from finemo_zarr.store.locations import Location, RemotePath, locate, remove
from finemo_zarr.store.lock import locked
from finemo_zarr.store.reading import is_store, is_unfinished

_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is exhausted",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "a file grew too large for the file system",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
}


def is_fatal(error: BaseException | None) -> bool:
    """Whether an error of the disk will meet all other writes, too."""
    return isinstance(error, OSError) and error.errno in _DISK_ERRORS


def holder_path(output: Location) -> Location:
    """Where the lock of an output lies and, if it is local, what is not finished."""
    return output.parent / f".{output.name}.partial"


def work_path(output: Location) -> Location:
    """Where an output is written until it is finished."""
    return output if isinstance(output, RemotePath) else holder_path(output) / output.name


def state_path(output: Location) -> Location:
    """Where a run keeps what it needs to be taken up again."""
    return holder_path(output) / "run"


@contextmanager
def staged(
    path: Path | str | RemotePath,
    *,
    overwrite: bool = False,
    replaceable: Callable[[Location], bool] | None = None,
    resumable: bool = False,
) -> Iterator[Location]:
    """Write to a hidden place, from where the output is moved to `path` when the block succeeds.

    Parameters
    ----------
    path : path
        Where the output appears.
    overwrite : bool
        Replace what is there; a local one stays until the new output is complete.
    replaceable : callable, optional
        Whether what is there may be replaced at all; by default only another store may.
    resumable : bool
        Begin with what an earlier run left, and leave what is done if this one fails.

    Yields
    ------
    path
        Where to write; there is nothing yet, unless an earlier run can be resumed.

    Raises
    ------
    RunError
        If the output exists, another process works on it, its directory cannot be written, or the
        disk is full.
    """
    output = locate(path)
    _check_free(output, overwrite=overwrite, replaceable=replaceable or is_store)
    with disk_errors(output, resumable=resumable), holding(output):
        work = work_path(output)
        if not resumable:
            remove(work)
        try:
            yield work
        except BaseException:
            if not (resumable and _is_worth_keeping(output)):
                with suppress(OSError):
                    remove(work)
            raise
        _move_into_place(work, output)
        remove(state_path(output))


def _is_worth_keeping(output: Location) -> bool:
    """Whether a run can be taken up, or there are outputs in an unfinished folder of outputs."""
    work = work_path(output)
    if state_path(output).is_dir() or isinstance(work, RemotePath):
        return True
    return work.is_dir() and not (work / "zarr.json").exists() and any(work.iterdir())


@contextmanager
def reserved(
    output: Location, *, overwrite: bool, replaceable: Callable[[Location], bool] | None = None
) -> Iterator[None]:
    """Hold the lock of an output that another call will write; see :func:`staged`."""
    _check_free(output, overwrite=overwrite, replaceable=replaceable or is_store)
    with disk_errors(output, resumable=True), holding(output):
        yield


@contextmanager
def holding(output: Location) -> Iterator[None]:
    """Hold the lock of an output; remove its hidden folder if that holds nothing else."""
    holder = _make_holder(output)
    try:
        with locked(holder, output=output):
            yield
    finally:
        if isinstance(holder, Path):
            with suppress(OSError):
                holder.rmdir()


def _make_holder(output: Location) -> Location:
    holder = holder_path(output)
    if isinstance(holder, Path):
        try:
            holder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = _DISK_ERRORS.get(error.errno or 0, error.strerror)
            raise RunError(f"{output}: cannot be written ({reason}); choose another") from error
    return holder


@contextmanager
def shared(path: Path | str | RemotePath, share: str) -> Iterator[Location]:
    """Work on a share of an output that another call finishes; see :func:`staged`.

    Yields
    ------
    path
        Where the unfinished output lies.
    """
    output = locate(path)
    with (
        disk_errors(output, resumable=True),
        locked(_make_holder(output), share=share, output=output),
    ):
        yield work_path(output)


@contextmanager
def disk_errors(output: Location, *, resumable: bool = False) -> Iterator[None]:
    """Report a disk that is full or cannot be written, by the name of the output."""
    try:
        yield
    except (OSError, RunError) as error:
        # An output inside of this one has reported a full disk by its own, hidden name.
        cause = error.__cause__ if isinstance(error, RunError) else error
        if not isinstance(cause, OSError):
            raise
        if (reason := _DISK_ERRORS.get(cause.errno or 0)) is not None:
            advice = (
                "what is done is kept: remedy that, and start the same command again"
                if resumable
                else "nothing was left behind; remedy that, or choose another place"
            )
            raise RunError(f"{output}: cannot be written, {reason}; {advice}") from cause
        raise


@contextmanager
def scratch_folder(parent: Location, name: str) -> Iterator[Path]:
    """Make a hidden folder for files that then move to `parent`, and remove it whatever happens.

    Parameters
    ----------
    parent : path
        Where the files will lie; made if it is not there.
    name : str
        What a message calls them.

    Raises
    ------
    RunError
        If the folder cannot be made, or the disk is full while it is used.
    """
    with disk_errors(parent / name):
        if isinstance(parent, RemotePath):
            with tempfile.TemporaryDirectory(prefix="finemo-zarr-") as temporary:
                yield Path(temporary)
            return
        folder = parent / f".{name}.partial"
        remove(folder)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _check_free(
    path: Location, *, overwrite: bool, replaceable: Callable[[Location], bool]
) -> None:
    if not path.exists() or _is_empty_folder(path):
        return
    if isinstance(path, RemotePath) and is_unfinished(path):
        return
    if not overwrite:
        raise RunError(f"{path}: exists already; choose another output, or give --overwrite")
    if not replaceable(path):
        raise RunError(
            f"{path}: holds what finemo-zarr did not write, and is not replaced; "
            "remove it yourself or choose another output"
        )


def _is_empty_folder(path: Location) -> bool:
    return isinstance(path, Path) and path.is_dir() and not any(path.iterdir())


def _move_into_place(work: Location, output: Location) -> None:
    if not (isinstance(work, Path) and isinstance(output, Path)):
        return
    old = work.parent / "replaced"
    remove(old)
    if output.exists():
        output.rename(old)
    try:
        work.rename(output)
    except OSError:
        if old.exists():
            old.rename(output)
        raise
    remove(old)
