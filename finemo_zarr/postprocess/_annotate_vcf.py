"""Variants: from VCF or BED to what they change, allele by allele."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.intervals import LARGEST_POSITION
from finemo_zarr.postprocess._annotate_files import interval, place_frame, shared_text
from finemo_zarr.postprocess._tables import raw_blocks, read_header
from finemo_zarr.readers._peaks import records
from finemo_zarr.sequence import encode

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_COLUMNS = ("chrom", "pos", "id", "ref", "alt")
_INFO = 7
_BASES = re.compile(r"[ACGTNRYSWKMBDHV]+", re.IGNORECASE)
_ALLELE = r"(?i)^([ACGTNRYSWKMBDHV]+|[*.]|<[^<>\s]+>|[^\s,]*[\[\]][^\s,]*|\.[ACGTN]+|[ACGTN]+\.)$"
_NO_ALLELE = (".", "*", "<*>", "<NON_REF>", "")
_END = r"(?:^|;)END=(\d+)"
_BED_ROWS = 2**16


@dataclass(frozen=True)
class Variants:
    """Alleles of variants; one row for each allele that is not the reference.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns `chrom`, `start`, `end`, 0-based and half-open, of the reference allele; `id`,
        `ref` and `alt`, as they stand in the file ("." where it has none).
    """

    frame: "pl.DataFrame"

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def places(self) -> "pd.DataFrame":
        """Intervals of the reference alleles, as bioframe takes them."""
        names = ("chrom", "start", "end")
        chrom, start, end = (self.frame[name] for name in names)
        return place_frame(shared_text(chrom), start.to_numpy(), end.to_numpy())

    def take(self, rows: NDArray[np.int64]) -> "Variants":
        """Some of them."""
        return Variants(self.frame[rows])

    @classmethod
    def joined(cls, parts: "Iterable[Variants]") -> "Variants":
        """All of them."""
        import polars as pl

        return cls(pl.concat([_no_variants(), *(part.frame for part in parts)]))


@dataclass(frozen=True)
class Changes:
    """What alleles change, with what both alleles share cut off; arrays ``(allele,)``.

    Parameters
    ----------
    start, end : array of int64
        Bases that change; for an insertion, both are the base before which it stands.
    kind : list of str
        ``snv``, ``mnv``, ``insertion``, ``deletion``, ``indel``, or ``other`` where the alleles are
        not known base by base.
    ref, alt : array of uint8
        Base codes of all substitutions, one behind the other.
    first : array of int64
        Where those of each allele begin there.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: list[str]
    ref: NDArray[np.uint8]
    alt: NDArray[np.uint8]
    first: NDArray[np.int64]

    @property
    def length(self) -> NDArray[np.int64]:
        """Number of bases of substitutions, 0 of all else."""
        replaced = np.isin(self.kind, ("snv", "mnv"))
        length: NDArray[np.int64] = np.where(replaced, self.end - self.start, 0)
        return length

    @property
    def is_insertion(self) -> NDArray[np.bool_]:
        """Whether no base of the reference changes."""
        return np.asarray(self.start == self.end)

    @classmethod
    def of(cls, variants: Variants) -> "Changes":
        """Compare the alleles."""
        frame = variants.frame
        rows = list(zip(*(frame[name].to_list() for name in _CHANGED), strict=True))
        changed = [_change(*row) for row in rows]
        replaced = [
            (ref, alt) if kind in {"snv", "mnv"} else ("", "") for *_, kind, ref, alt in changed
        ]
        lengths = np.array([len(ref) for ref, _ in replaced], dtype=np.int64)
        return cls(
            np.array([start for start, *_ in changed], dtype=np.int64),
            np.array([end for _, end, *_ in changed], dtype=np.int64),
            [kind for _, _, kind, *_ in changed],
            encode("".join(ref for ref, _ in replaced)),
            encode("".join(alt for _, alt in replaced)),
            np.cumsum(lengths) - lengths,
        )


_CHANGED = ("start", "end", "ref", "alt")


def _change(start: int, end: int, ref: str, alt: str) -> tuple[int, int, str, str, str]:
    """First and last base that changes, kind, and what is left of the alleles."""
    if not (_BASES.fullmatch(ref) and _BASES.fullmatch(alt)):
        # The base before a symbolic allele is an anchor, where it spans more than that.
        first = start + 1 if alt.startswith("<") and end > start + 1 else start
        return first, end, "other", "", ""
    ref, alt = ref.upper(), alt.upper()
    # From the front first: VCF puts the base before an insertion or deletion into both alleles.
    same = _same(ref, alt)
    ref, alt, start = ref[same:], alt[same:], start + same
    same = _same(ref[::-1], alt[::-1])
    ref, alt, end = ref[: len(ref) - same], alt[: len(alt) - same], end - same
    return start, end, _kind(ref, alt), ref, alt


def _same(one: str, two: str) -> int:
    """Number of letters at the front that are the same."""
    pairs = zip(one, two, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(one), len(two)))


def _kind(ref: str, alt: str) -> str:
    if not ref:
        return "insertion"
    if not alt:
        return "deletion"
    if len(ref) != len(alt):
        return "indel"
    return "snv" if len(ref) == 1 else "mnv"


def _no_variants() -> "pl.DataFrame":
    import polars as pl

    types = {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64}
    return pl.DataFrame(schema={**types, "id": pl.String, "ref": pl.String, "alt": pl.String})


def read_variants(path: Path) -> Iterator[Variants]:
    """Read variants, a few megabytes at a time.

    A VCF file, gzipped or not, or a BED file: its fourth column is the name, and the next two are
    the reference and the other allele where both are bases.

    Raises
    ------
    ReadError
        With the line, if one is no variant.
    """
    header = read_header(path)
    if header.startswith((b"##fileformat=VCF", b"#CHROM\tPOS")):
        return _of_vcf(path)
    if header.startswith(b"BCF"):
        raise ReadError(f"{path}: a BCF file, which is not read; write it as VCF (bcftools view)")
    if ".vcf" in path.name:
        raise ReadError(f"{path}: line 1 is {header[:40]!r}, expected ##fileformat=VCF")
    return _of_bed(path)


# --- VCF -----------------------------------------------------------------------------------------


def _of_vcf(path: Path) -> Iterator[Variants]:
    for first_line, raw in raw_blocks(path):
        line, text = first_line, raw.rstrip(b"\r\n")
        while text.startswith(b"#"):
            _, _, text = text.partition(b"\n")
            line += 1
        if text:
            yield Variants(_alleles(_table(text + b"\n", path, line), path))


def _table(raw: bytes, path: Path, first_line: int) -> "pl.DataFrame":
    """Columns `chrom`, `pos`, `id`, `ref`, `alt` and `info`, as text, and the line."""
    import polars as pl

    columns = raw[: raw.find(b"\n")].count(b"\t") + 1
    _check_cells(raw, path, first_line)
    places = [*range(len(_COLUMNS)), *([_INFO] if columns > _INFO else [])]
    try:
        table = pl.read_csv(
            raw,
            has_header=False,
            columns=places,
            separator="\t",
            quote_char=None,
            infer_schema_length=0,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.ComputeError as error:
        raise ReadError(f"{path}, from line {first_line}: no text ({error})") from error
    table.columns = [*_COLUMNS, *(["info"] if columns > _INFO else [])]
    if "info" not in table.columns:
        table = table.with_columns(info=pl.lit("."))
    return table.with_columns(pl.all().fill_null("").str.strip_chars("\r")).with_row_index(
        "line", offset=first_line
    )


def _check_cells(raw: bytes, path: Path, first_line: int) -> None:
    data = np.frombuffer(raw, dtype=np.uint8)
    tabs = np.searchsorted(np.flatnonzero(data == ord("\t")), np.flatnonzero(data == ord("\n")))
    cells = np.diff(tabs, prepend=0) + 1
    if (short := np.flatnonzero(cells < len(_COLUMNS))).size:
        count = int(cells[short[0]])
        raise ReadError(
            f"{path}, line {first_line + int(short[0])}: {count} "
            f"column{'s' if count > 1 else ''}, expected CHROM, POS, ID, REF and ALT between tabs; "
            "the file is damaged or was cut off"
        )


def _alleles(table: "pl.DataFrame", path: Path) -> "pl.DataFrame":
    import polars as pl

    position = pl.col("pos").cast(pl.Int64, strict=False)
    table = table.with_columns(
        start=position - 1, stop=pl.col("info").str.extract(_END).cast(pl.Int64, strict=False)
    )
    good = pl.col("start").is_between(-1, LARGEST_POSITION).fill_null(value=False)
    _refuse(table, good, "pos", "POS, a position counted from 1", path)
    bases = pl.col("ref").str.contains(r"(?i)^[ACGTNRYSWKMBDHV]+$")
    _refuse(table, bases, "ref", "REF, one or more bases", path)
    table = table.with_columns(pl.col("alt").str.split(",")).explode("alt")
    _refuse(table, pl.col("alt").str.contains(_ALLELE), "alt", "ALT, bases or <NAME>", path)
    ref_end = pl.col("start") + pl.col("ref").str.len_bytes().cast(pl.Int64)
    spans = pl.col("alt").str.starts_with("<") & pl.col("stop").is_not_null()
    end = pl.when(spans).then(pl.max_horizontal(ref_end, "stop")).otherwise(ref_end)
    names = pl.concat_str(["chrom", "pos", "ref", "alt"], separator=":")
    unnamed = pl.col("id").is_in([".", ""])
    no_allele = pl.col("alt").is_in(_NO_ALLELE) | (pl.col("alt") == pl.col("ref"))
    return (
        table.filter(~no_allele)
        .with_columns(end=end, id=pl.when(unnamed).then(names).otherwise("id"))
        .select(_no_variants().columns)
    )


def _refuse(table: "pl.DataFrame", good: "pl.Expr", name: str, expected: str, path: Path) -> None:
    wrong = table.filter(~good)
    if len(wrong):
        line, found = wrong["line"][0], wrong[name][0]
        raise ReadError(f"{path}, line {line}: found {found!r:.60}, expected {expected}")


# --- BED -----------------------------------------------------------------------------------------


def _of_bed(path: Path) -> Iterator[Variants]:
    rows: list[Any] = []
    for line, row in records(path, "a VCF or BED file") if path.stat().st_size else ():
        rows.append(_of_line(row, path, line))
        if len(rows) == _BED_ROWS:
            yield _made(rows)
            rows = []
    yield _made(rows)


def _of_line(row: list[str], path: Path, line: int) -> tuple[str, int, int, str, str, str]:
    start, end = interval(row, path, line)
    name = row[3] if len(row) > 3 and row[3] != "." else f"{row[0]}:{start}-{end}"
    ref = alt = "."
    if len(row) > 5 and _BASES.fullmatch(row[4]) and _BASES.fullmatch(row[5]):
        ref, alt = row[4], row[5]
        if len(ref) != end - start:
            raise ReadError(
                f"{path}, line {line}: the reference allele {ref:.40} has {len(ref)} bases, "
                f"expected {end - start} as the interval {start} to {end}"
            )
    return row[0], start, end, name, ref, alt


def _made(rows: list[Any]) -> Variants:
    import polars as pl

    return Variants(pl.DataFrame(rows, schema=_no_variants().schema, orient="row"))
