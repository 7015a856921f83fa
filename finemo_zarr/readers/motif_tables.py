"""The small tables that say something of single motifs: tab-separated, no header, name first.

Blank lines and lines that begin with ``#`` are skipped. Whether the motifs exist is asked later,
by :func:`finemo_zarr.motifs.prepare_motifs`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import file_head

_ANY = "…"  # as the last of the expected columns: any number of them, not read


class _Row(NamedTuple):
    values: list[str]  # what follows the name
    where: str


def read_names(path: Path | str) -> tuple[str, ...]:
    """Names of the motifs to include, the first column of each line; others are not looked at.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    ReadError
        If the file is missing or empty, or names a motif twice.
    """
    return tuple(_read_table(path, "a list of motif names", ("name", _ANY)))


def read_renames(path: Path | str) -> dict[str, str]:
    """New names by name in the motif file.

    Parameters
    ----------
    path : path
        Columns: name, new name.

    Raises
    ------
    ReadError
        If the file is missing or empty, has other than two columns, or has a name or a new name
        twice.
    """
    rows = _read_table(path, "a table of new names", ("name", "new name"))
    renames = {name: row.values[0] for name, row in rows.items()}
    owners: dict[str, str] = {}
    for name, new in renames.items():
        if new in owners:
            raise ReadError(
                f"{path}: {owners[new]} and {name} would both be named {new}, expected unique names"
            )
        owners[new] = name
    return renames


def read_lambdas(path: Path | str) -> dict[str, float]:
    """Lambdas by motif name.

    Parameters
    ----------
    path : path
        Columns: name, lambda (above 0).

    Raises
    ------
    ReadError
        If the file is missing or empty, a row is not of this form, or a name occurs twice.
    """
    rows = _read_table(path, "a table of lambdas", ("name", "lambda"))
    return {name: _lambda(row) for name, row in rows.items()}


def read_thresholds(path: Path | str) -> dict[str, float]:
    """Trim thresholds by motif name.

    Parameters
    ----------
    path : path
        Columns: name, threshold (0 to 1).

    Raises
    ------
    ReadError
        If the file is missing or empty, a row is not of this form, or a name occurs twice.
    """
    rows = _read_table(path, "a table of trim thresholds", ("name", "threshold"))
    return {name: _threshold(row) for name, row in rows.items()}


def read_trim_coords(path: Path | str) -> dict[str, tuple[int, int]]:
    """Start and end of the cores, by motif name.

    Parameters
    ----------
    path : path
        Columns: name, start (from 0), end (exclusive), in columns of the untrimmed motif.

    Raises
    ------
    ReadError
        If the file is missing or empty, a row is not of this form, or a name occurs twice.
    """
    rows = _read_table(path, "a table of trim coordinates", ("name", "start", "end"))
    return {name: _coords(row) for name, row in rows.items()}


def _read_table(path: Path | str, expected: str, columns: tuple[str, ...]) -> dict[str, _Row]:
    table: dict[str, _Row] = {}
    lines: dict[str, int] = {}
    for number, found in _rows(Path(path), expected):
        where = f"{path}, line {number}"
        fields = found[: len(columns) - 1] if columns[-1] == _ANY else found
        if columns[-1] != _ANY and (len(fields) != len(columns) or not all(fields)):
            raise ReadError(
                f"{where}: {len([f for f in fields if f])} columns, expected {len(columns)}"
                f" separated by tabs: {', '.join(columns)}"
            )
        name = fields[0]
        if name in lines:
            raise ReadError(f"{where}: {name} stands on line {lines[name]} already, expected once")
        lines[name] = number
        table[name] = _Row(fields[1:], where)
    if not table:
        raise ReadError(f"{path} has no rows, expected {expected}")
    return table


def _rows(path: Path, expected: str) -> Iterator[tuple[int, list[str]]]:
    file_head(path, expected)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ReadError(f"{path} is not a text file, expected {expected}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            yield number, [field.strip() for field in line.rstrip().split("\t")]


def _lambda(row: _Row) -> float:
    value = _number(row)
    if not (np.isfinite(value) and value > 0):
        raise ReadError(f"{row.where}: lambda is {row.values[0]}, expected a number above 0")
    return value


def _threshold(row: _Row) -> float:
    value = _number(row)
    if not 0 <= value <= 1:
        raise ReadError(
            f"{row.where}: the threshold is {row.values[0]}, expected a number from 0 to 1"
        )
    return value


def _coords(row: _Row) -> tuple[int, int]:
    try:
        start, end = int(row.values[0]), int(row.values[1])
    except ValueError:
        raise ReadError(
            f"{row.where}: start and end are {' and '.join(row.values)}, expected whole numbers"
        ) from None
    if not 0 <= start < end:
        raise ReadError(
            f"{row.where}: start and end are {start} and {end}, expected 0 <= start < end"
        )
    return start, end


def _number(row: _Row) -> float:
    try:
        return float(row.values[0])
    except ValueError:
        raise ReadError(f"{row.where}: {row.values[0]!r} is not a number") from None
