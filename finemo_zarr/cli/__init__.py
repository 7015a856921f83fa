"""The command line: parse, call one function, print.

Commands are imported when they are used, so that ``--help`` loads neither xarray nor numba.
"""

import gc
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from finemo_zarr.errors import FinemoError, FinemoWarning

__all__ = ["main"]

_FAILED, _INTERRUPTED, _TERMINATED = 1, 130, 143
_RESUME = "Start the same command again: what was finished is kept, and it goes on from there."
_REPEAT = "Nothing unfinished was left; the same command starts from the beginning."


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    args : sequence of str, optional
        Arguments; by default those of the process.

    Notes
    -----
    Exit code 0 on success, 1 for a :class:`finemo_zarr.errors.FinemoError` (one line), 2 for a
    usage error, 130 after Ctrl-C, 143 after SIGTERM. Other exceptions keep their traceback.
    """
    # Blocks are solved in threads of ours: those of BLAS would only compete, and cost a tenth of a
    # second to start. Has to be said before NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import click

    from finemo_zarr.cli.app import app

    with _one_line_warnings(), _clean_termination(), _rare_collections():
        try:
            result = app.main(args=args, prog_name="finemo-zarr", standalone_mode=False)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _fail(f"Interrupted. {_advice()}", _INTERRUPTED)
        except FinemoError as error:
            _fail(f"Error: {error}", _FAILED)
    sys.exit(result if isinstance(result, int) else 0)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for reference cycles rarely: while modules are imported, that takes a tenth of it."""
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _fail(message: str, code: int) -> NoReturn:
    # Zarr's unfinished writes would otherwise be reported one by one when the interpreter ends.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    _print_line(message)
    sys.exit(code)


def _advice() -> str:
    from finemo_zarr.cli.app import app

    return _RESUME if app.resumes else _REPEAT


def _print_line(text: str) -> None:
    print(" ".join(text.splitlines()), file=sys.stderr)  # noqa: T201


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Print this package's warnings as one line each, and every one of them."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_line(
            message: Warning | str, category: type[Warning], *where: Any, **more: Any
        ) -> None:
            if issubclass(category, FinemoWarning):
                _print_line(f"Warning: {message}")
            else:
                show(message, category, *where, **more)

        warnings.simplefilter("always", FinemoWarning)
        warnings.showwarning = show_line
        yield


@contextmanager
def _clean_termination() -> Iterator[None]:
    """Let SIGTERM, which cluster schedulers send, unwind the stack and so release what is held."""

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        _fail(f"Terminated. {_advice()}", _TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
