"""Hits as bigBed: nine columns of BED, and the numbers of the table of hits."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finemo_zarr._optional import import_optional
from finemo_zarr.errors import RunError
from finemo_zarr.export._chrom_sizes import chrom_sizes
from finemo_zarr.export._colours import motif_colours
from finemo_zarr.export._rows import TRACK, bed_table, optional_columns
from finemo_zarr.export._source import Source
from finemo_zarr.export.bed import bed9, unique_tables

if TYPE_CHECKING:
    import polars as pl

_MAGIC = 0x8789F2EB
_BED9 = (
    ("string", "chrom", "Chromosome"),
    ("uint", "chromStart", "First base of the core"),
    ("uint", "chromEnd", "End of the core, exclusive"),
    ("string", "name", "Motif"),
    ("uint", "score", "1000 times the similarity"),
    ("char[1]", "strand", "Strand"),
    ("uint", "thickStart", "First base of the core"),
    ("uint", "thickEnd", "End of the core, exclusive"),
    ("uint", "reserved", "Colour of the motif"),
)
_NUMBERS = {
    "hit_similarity": ("float", "similarity", "Similarity with the motif"),
    "hit_coefficient_global": ("float", "coefficient", "Coefficient, comparable between regions"),
    "hit_importance": ("float", "importance", "Sum of the absolute scores under the core"),
    "peak_name": ("string", "region", "Name of the region"),
    "hit_qvalue": ("float", "qvalue", "q-value over all motifs"),
    "hit_qvalue_motif": ("float", "qvalueMotif", "q-value among hits of the motif"),
    "is_primary": ("uint", "isPrimary", "1 if no hit that it overlaps is more similar"),
    TRACK: ("string", "track", "Track"),
}
_Row = tuple[str, int, int, str]


def write_bigbed(source: Source, path: Path) -> int:
    """Write the sites of all hits, with similarity, coefficient and region in more columns.

    Returns
    -------
    int
        Number of sites.

    Raises
    ------
    ReadError
        If the lengths of the chromosomes cannot be read, or one is missing.
    RunError
        If the file cannot be written.
    """
    sizes = chrom_sizes(source)
    optional = set(optional_columns(source.opened.hits).values())
    if source.track_names is not None:
        optional.add(TRACK)
    standard = ("hit_similarity", "hit_coefficient_global", "hit_importance", "peak_name")
    columns = [name for name in _NUMBERS if name in standard or name in optional]
    rows, progress = _rows(source, sizes, columns), _Progress()
    first = next(rows, None)
    if first is None:
        path.write_bytes(_empty(sizes, _autosql(columns)))
        return 0
    pybigtools: Any = import_optional("pybigtools", extra="export", purpose="bigBed")
    written = path.with_name(f"{path.name}.bb")  # it goes by the name
    try:
        file = pybigtools.open(str(written), "w")
        file.write(sizes, progress.watch(chain([first], rows)), autosql=_autosql(columns))
        if progress.error is not None:
            raise progress.error
        if not (progress.ended and _is_bigbed(written)):
            raise RunError(f"{source.target}: cannot be written; is there space on the disk?")
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
    return progress.rows


def _is_bigbed(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == struct.pack("<I", _MAGIC)


@dataclass
class _Progress:
    """How far a writer got that keeps errors of its input to itself."""

    ended: bool = False
    rows: int = 0
    error: BaseException | None = None

    def watch(self, rows: Iterator[_Row]) -> Iterator[_Row]:
        """Pass rows on."""
        try:
            for row in rows:
                self.rows += 1
                yield row
        except GeneratorExit:  # the writer gave up
            raise
        except BaseException as error:
            self.error = error
            raise
        self.ended = True


def _rows(source: Source, sizes: Mapping[str, int], columns: list[str]) -> Iterator[_Row]:
    import polars as pl

    colours = motif_colours(source.motif_names)
    for table in unique_tables(source, by_name=True):
        placed = bed_table(table, sizes)
        numbers = placed.select(columns)
        joined = pl.concat(
            [bed9(placed, colours).drop(TRACK, strict=False), numbers], how="horizontal"
        )
        yield from _as_rows(joined)


def _as_rows(table: "pl.DataFrame") -> Iterator[_Row]:
    import polars as pl

    flags = [name for name, dtype in table.schema.items() if dtype == pl.Boolean]
    rest = [pl.col(flags).cast(pl.UInt8)] if flags else []
    words = table.with_columns(rest).select(pl.all().cast(pl.String))
    text = words.select(pl.concat_str(pl.nth(range(3, words.width)), separator="\t"))
    yield from zip(
        table["chr"].to_list(),
        table["start"].to_list(),
        table["end"].to_list(),
        text.to_series().to_list(),
        strict=True,
    )


def _autosql(columns: list[str]) -> str:
    fields = [*_BED9, *(_NUMBERS[name] for name in columns)]
    lines = "".join(f'    {kind} {name}; "{meaning}"\n' for kind, name, meaning in fields)
    return f'table finemoHits\n"Motif hits of finemo-zarr"\n    (\n{lines}    )\n'


# --- A file without a row, which pybigtools does not write ---------------------------------------


def _empty(sizes: Mapping[str, int], autosql: str) -> bytes:
    """A bigBed file that has chromosomes and no rows."""
    head, summary, count = 64, 40, 8
    text = autosql.encode() + b"\0"
    tree, index = _chrom_tree(sizes), _empty_index()
    at_summary = head + len(text)
    at_tree = at_summary + summary
    at_data = at_tree + len(tree)
    at_index = at_data + count
    n_fields = autosql.count(";")
    places = (at_tree, at_data, at_index, n_fields, len(_BED9), head, at_summary, 0, 0)
    header = struct.pack("<IHH QQQ HH QQ IQ", _MAGIC, 4, 0, *places)
    return header + text + bytes(summary) + tree + bytes(count) + index


def _chrom_tree(sizes: Mapping[str, int]) -> bytes:
    """Names and lengths of the chromosomes in one leaf."""
    names = [name.encode() for name in sorted(sizes)]
    width = max((len(name) for name in names), default=1)
    head = struct.pack("<IIIIQQ", 0x78CA8C91, max(len(names), 1), width, 8, len(names), 0)
    leaf = struct.pack("<BBH", 1, 0, len(names))
    items = (
        name.ljust(width, b"\0") + struct.pack("<II", number, sizes[name.decode()])
        for number, name in enumerate(names)
    )
    return head + leaf + b"".join(items)


def _empty_index() -> bytes:
    head = struct.pack("<IIQ IIII QII", 0x2468ACE0, 256, 0, 0, 0, 0, 0, 0, 1, 0)
    return head + struct.pack("<BBH", 1, 0, 0)
