"""Small tables of hits: rows as dictionaries, with many that overlap and many that tie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]
COLUMNS = (
    "chr", "start", "end", "start_untrimmed", "end_untrimmed", "motif_name", "hit_coefficient",
    "hit_similarity", "strand", "peak_name", "peak_id",
)  # fmt: skip
SIMILARITIES = (None, 0.25, 0.5, 0.5, 0.75, 1.0)


@st.composite
def one_row(draw: Any, tracks: bool = False) -> Row:
    chrom = draw(st.sampled_from(["chr1", "chr2", "NA"]))
    start, length = draw(st.integers(-3, 25)), draw(st.integers(0, 12))
    flank = draw(st.integers(0, 2))
    region = draw(st.integers(0, 1))
    row = {
        "chr": chrom,
        "start": start,
        "end": start + length,
        "start_untrimmed": start - flank,
        "end_untrimmed": start + length + 2,
        "motif_name": draw(st.sampled_from(["GATA1", "CTCF"])),
        "hit_coefficient": draw(st.sampled_from([0.5, 1.0, 2.5])),
        "hit_similarity": draw(st.sampled_from(SIMILARITIES)),
        "strand": draw(st.sampled_from("+-")),
        "peak_name": "NA" if chrom == "NA" else f"peak{region}",
        "peak_id": region,
    }
    return row | {"track": draw(st.sampled_from(["liver", "brain"]))} if tracks else row


def rows(max_size: int = 25, *, tracks: bool = False) -> st.SearchStrategy[list[Row]]:
    return st.lists(one_row(tracks), max_size=max_size)


def place(row: Row) -> tuple[Any, ...]:
    """What keeps hits apart."""
    return (row["chr"], row["peak_id"] if row["chr"] == "NA" else None, row.get("track"))


def text(value: Any) -> str:
    return "NaN" if value is None else str(value)


def write(path: Path, found: Sequence[Row], columns: Sequence[str] = COLUMNS) -> Path:
    """Write a table with those of the columns that the first row has, if there is one."""
    there = found[0] if found else columns
    names = [name for name in dict.fromkeys((*columns, "track")) if name in there]
    lines = ["\t".join(text(row[name]) for name in names) for row in found]
    path.write_text("".join(f"{line}\n" for line in ["\t".join(names), *lines]))
    return path


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a table, as text."""
    header, *lines = path.read_text().splitlines()
    names = header.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]
