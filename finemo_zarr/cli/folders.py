"""Folders of tables and figures that commands write."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finemo_zarr.store.locations import Location, RemotePath, locate

_ENDINGS = (".zarr", ".tsv.gz", ".tsv")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]+")


@contextmanager
def new_folder(
    out: Location, *, overwrite: bool, is_ours: Callable[[set[str]], bool]
) -> Iterator[Path]:
    """Make a folder that appears when all is in it.

    Parameters
    ----------
    out : path
        Where it appears.
    overwrite : bool
        Whether a folder may be replaced.
    is_ours : callable
        Whether the names in a folder are those of what this command writes: only such a folder is
        replaced.

    Yields
    ------
    Path
        Where to write, on the disk.
    """
    from finemo_zarr.store import move_file, staged

    def replaceable(path: Location) -> bool:
        return path.is_dir() and is_ours({entry.name for entry in path.iterdir()})

    with staged(out, overwrite=overwrite, replaceable=replaceable) as work:
        if isinstance(work, RemotePath):
            with TemporaryDirectory(prefix="finemo-zarr-") as folder:
                yield Path(folder)
                for path in Path(folder).iterdir():
                    move_file(path, work / path.name)
        else:
            work.mkdir()
            yield work


def beside(out: Location, name: str) -> Location:
    """Return the folder beside an output: ``kept.zarr`` has ``kept.filter``."""
    text = str(out)
    for ending in _ENDINGS:
        text = text.removesuffix(ending)
    return locate(f"{text}.{name}")


def file_name(text: str) -> str:
    """A name, with what file systems do not like replaced."""
    return _UNSAFE.sub("_", text)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> None:
    """Write a table; what a row lacks is empty."""
    names = list(columns)
    lines = ["\t".join(names)]
    lines += ["\t".join(_text(row.get(name, "")) for name in names) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
