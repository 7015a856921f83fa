"""How far long work is: a bar on a terminal, and nothing in a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """What is called when some of the work is done."""

    def __call__(self, count: int = 1, label: str | None = None) -> None:
        """Count so many things as done, and change the words before the bar if any are given."""


@contextmanager
def progress(label: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show a bar on standard error, where that is a terminal, until the work is done.

    Parameters
    ----------
    label : str
        What is being done, for example ``"call hits"``.
    total : int
        Number of things to do.
    done : int
        How many of them an earlier run did.

    Yields
    ------
    Advance
        To be called with the number of things that were done.
    """
    if not sys.stderr.isatty():
        yield lambda *_, **__: None
        return
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task(label, total=total, completed=done)
        yield lambda count=1, label=None: bar.update(row, advance=count, description=label)
