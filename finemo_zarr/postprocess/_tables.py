"""Tables of hits as others may have changed them: read block by block, checked line by line."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.intervals import LARGEST_POSITION
from finemo_zarr.store import Location, RemotePath, locate, staged

if TYPE_CHECKING:
    import polars as pl

MISSING = "NA"
_MISSING = ("", MISSING)
_BLOCK_BYTES = 2**24
_GZIP = b"\x1f\x8b"
_PLACE = ("chr", "start", "end")
_SIMILARITY = ("hit_similarity", "hit_correlation")


def place_label(chrom: str, region: str = "", track: str = "") -> str:
    """What keeps hits apart: the chromosome, or the region where there is none; and the track."""
    return f"{chrom}\t{region}\t{track}"


@dataclass(frozen=True)
class HitTable:
    """A table with a header line, tab-separated, gzipped or not.

    Parameters
    ----------
    path : path
        The file.
    columns : tuple of str
        Names in its header.
    """

    path: Location
    columns: tuple[str, ...]

    @classmethod
    def open(cls, path: Path | str | RemotePath, required: Sequence[str] = _PLACE) -> "HitTable":
        """Read the header.

        Raises
        ------
        ReadError
            If there is no such file, or it is no table of hits.
        """
        path = locate(path)
        line = read_header(path)
        try:
            columns = line.decode("utf-8-sig").rstrip("\r\n").split("\t")
        except UnicodeDecodeError as error:
            raise ReadError(f"{path}: not a table of hits; expected a TSV file") from error
        missing = [name for name in required if name not in columns]
        if missing:
            found = ", ".join(columns) if line.strip() else "nothing"
            raise ReadError(
                f"{path}: line 1 lacks the column {', '.join(missing)} (found {found:.200}); "
                "expected a table like hits.tsv of call-hits, with its header"
            )
        if repeated := sorted({name for name in columns if columns.count(name) > 1}):
            raise ReadError(f"{path}: line 1 has the column {', '.join(repeated)} more than once")
        return cls(path, tuple(columns))

    def require(self, *names: str) -> None:
        """Raise unless there is a column.

        Raises
        ------
        ReadError
            With the first that is missing.
        """
        for name in names:
            if name not in self.columns:
                raise ReadError(
                    f"{self.path}: no column {name} (found {', '.join(self.columns):.200})"
                )

    @property
    def similarity(self) -> str:
        """Name of the column with the similarity."""
        for name in _SIMILARITY:
            if name in self.columns:
                return name
        self.require(_SIMILARITY[0])
        return ""

    def blocks(self, wanted: Sequence[str] | None = None) -> Iterator["TableBlock"]:
        """Some columns of all rows, a few megabytes at a time.

        Raises
        ------
        ReadError
            With the line, if a row has more or fewer columns than the header.
        """
        names = list(self.columns if wanted is None else wanted)
        for first_line, raw in raw_blocks(self.path):
            self._check_columns(raw, first_line)
            yield TableBlock(self.path, first_line, self._parse(raw, names, first_line))

    def no_rows(self) -> "TableBlock":
        """Return a block without any row."""
        import polars as pl

        frame = pl.DataFrame(schema=dict.fromkeys(self.columns, pl.String))
        return TableBlock(self.path, 2, frame)

    def _check_columns(self, raw: bytes, first_line: int) -> None:
        data = np.frombuffer(raw, dtype=np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        if not raw.endswith(b"\n"):
            ends = np.append(ends, len(data))
        tabs = np.searchsorted(np.flatnonzero(data == ord("\t")), ends)
        counts = np.diff(tabs, prepend=0) + 1
        wrong = np.flatnonzero(counts != len(self.columns))
        if wrong.size:
            count = int(counts[wrong[0]])
            raise ReadError(
                f"{self.path}: line {first_line + int(wrong[0])} has {count} "
                f"column{'s' if count > 1 else ''}, expected {len(self.columns)} as in the header; "
                "the file is damaged or was cut off: write it again"
            )

    def _parse(self, raw: bytes, names: Sequence[str], first_line: int) -> "pl.DataFrame":
        import polars as pl

        header = "\t".join(self.columns).encode() + b"\n"
        try:
            return pl.read_csv(
                header + raw,
                columns=list(names),
                separator="\t",
                quote_char=None,
                infer_schema_length=0,
            ).select(pl.col(names).fill_null(""))
        except pl.exceptions.ComputeError as error:
            line = first_line
            try:
                raw.decode()
            except UnicodeDecodeError as fault:
                line += raw.count(b"\n", 0, fault.start)
            raise ReadError(f"{self.path}: line {line} is no text ({error})") from error


@dataclass(frozen=True)
class TableBlock:
    """Some rows of a table, as text.

    Parameters
    ----------
    path : path
        The file, for messages.
    first_line : int
        Number of the first row's line, from 1.
    frame : polars.DataFrame
        Columns of strings; empty where there is nothing.
    """

    path: Location
    first_line: int
    frame: "pl.DataFrame"

    def integers(self, name: str) -> NDArray[np.int64]:
        """Values of a column of positions.

        Raises
        ------
        ReadError
            With line and column, if one is no whole number, or missing.
        """
        values = self._numbers(name, "Int64").astype(np.int64)
        self._refuse(name, np.abs(values) > LARGEST_POSITION, "a position on a chromosome")
        return values

    def floats(self, name: str) -> NDArray[np.float64]:
        """Values of a column of scores, NaN where one is missing.

        Raises
        ------
        ReadError
            With line and column, if one is no number.
        """
        return self._numbers(name, "Float64").astype(np.float64)

    def intervals(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start and end.

        Raises
        ------
        ReadError
            With the line, if an end lies before the start.
        """
        start, end = self.integers("start"), self.integers("end")
        self._refuse("end", end < start, "no less than start")
        return start, end

    def places(self, *, tracks: bool) -> "pl.Series":
        """:func:`place_label` of each row, as a series of strings.

        Raises
        ------
        ReadError
            If a row has neither a chromosome nor a region.
        """
        import polars as pl

        frame = self.frame
        unplaced = frame["chr"].is_in(list(_MISSING))
        region: Any = pl.lit("")
        if unplaced.any():
            region = pl.when(unplaced).then(self._region(unplaced)).otherwise(pl.lit(""))
        chrom = pl.when(unplaced).then(pl.lit(MISSING)).otherwise(pl.col("chr"))
        track = pl.col("track") if tracks else pl.lit("")
        return frame.select(pl.concat_str([chrom, region, track], separator="\t")).to_series()

    def _region(self, unplaced: "pl.Series") -> "pl.Series":
        if "peak_id" not in self.frame.columns:
            line = self.first_line + int(unplaced.arg_max() or 0)
            raise ReadError(
                f"{self.path}: line {line} has no chromosome, and there is no column peak_id to "
                "tell regions apart"
            )
        self._refuse(
            "peak_id",
            (unplaced & self.frame["peak_id"].is_in(list(_MISSING))).to_numpy(),
            "the number of the region, since there is no chromosome",
        )
        return self.frame["peak_id"]

    def _numbers(self, name: str, kind: Literal["Int64", "Float64"]) -> NDArray[Any]:
        import polars as pl

        text = self.frame[name]
        values = text.cast(getattr(pl, kind), strict=False)
        if values.null_count():
            known = values.is_not_null()
            if kind == "Float64":
                known = known | text.is_in(list(_MISSING))
                values = values.fill_null(np.nan)
            expected = "a whole number" if kind == "Int64" else "a number"
            self._refuse(name, (~known).to_numpy(), expected)
        return values.to_numpy()

    def _refuse(self, name: str, wrong: NDArray[np.bool_], expected: str) -> None:
        if wrong.any():
            row = int(wrong.argmax())
            raise ReadError(
                f"{self.path}: line {self.first_line + row}, column {name}: found "
                f"{self.frame[name][row]!r:.60}, expected {expected}; the file is damaged, or no "
                "table of hits"
            )


def number_labels(labels: "pl.Series", known: dict[str, int]) -> NDArray[np.int64]:
    """Numbers of labels in order of first appearance; new ones are added to `known`."""
    import polars as pl

    found = labels.unique(maintain_order=True).to_list()
    numbers = [known.setdefault(label, len(known)) for label in found]
    if not found:
        return np.zeros(0, np.int64)  # of nothing, polars makes strings
    return labels.replace_strict(found, numbers, return_dtype=pl.Int64).to_numpy()


# --- Files ---------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Location) -> Iterator[BinaryIO]:
    """Open a file, decompressed.

    Raises
    ------
    ReadError
        If it cannot be read to its end.
    """
    try:
        raw = BytesIO(path.read_bytes()) if isinstance(path, RemotePath) else path.open("rb")
        with raw:
            packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
    except FileNotFoundError as error:
        raise ReadError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise ReadError(f"{path}: a folder, but no hits store; expected a table of hits") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ReadError(
            f"{path}: a damaged gzip file, or one that was cut off ({error})"
        ) from error


def raw_blocks(path: Location) -> Iterator[tuple[int, bytes]]:
    """Whole lines after the first, with the number of the first of each block."""
    with _opened(path) as file:
        file.readline()
        line, rest = 2, b""
        while chunk := file.read(_BLOCK_BYTES):
            cut = chunk.rfind(b"\n") + 1
            if cut:
                block = rest + chunk[:cut]
                yield line, block
                line, rest = line + block.count(b"\n"), b""
            rest += chunk[cut:]
        if rest:
            yield line, rest


def read_header(path: Location) -> bytes:
    """Return the first line with what ends it."""
    with _opened(path) as file:
        return file.readline()


@contextmanager
def new_table(path: Path | str | RemotePath, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Write a table that appears when it is whole; gzipped if its name ends in .gz.

    Raises
    ------
    RunError
        If it exists, or cannot be written.
    """
    output = locate(path)
    with staged(output, overwrite=overwrite, replaceable=_is_file) as work:
        if isinstance(work, RemotePath):
            with TemporaryDirectory(prefix="finemo-zarr-") as folder:
                local = Path(folder) / output.name
                with _created(local) as file:
                    yield file
                work.upload(local)
        else:
            with _created(work) as file:
                yield file


def _is_file(path: Location) -> bool:
    return path.is_file()


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as raw:
        if path.suffix == ".gz":
            # Without time and name, the same table gives the same bytes.
            with gzip.GzipFile("", "wb", 6, raw, 0) as packed:
                yield cast("BinaryIO", packed)
        else:
            yield raw


def append_rows(file: BinaryIO, frame: "pl.DataFrame") -> None:
    """Write rows as text that is not quoted."""
    file.writelines(
        rows.write_csv(include_header=False, separator="\t", quote_style="never").encode()
        for rows in frame.iter_slices(2**16)
    )
