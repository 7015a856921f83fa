"""Transcription starts of annotation files: GTF, GFF3, BED, or a table.

All positions are 0-based and half-open here, whatever the files count from.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._annotate_files import data_lines, integer, interval, place_frame

if TYPE_CHECKING:
    import pandas as pd

_STRANDS = {"+": 1, "-": -1, ".": 1, "": 1}
_GENE = re.compile(r'(?:^|;)\s*gene_name[ =]"?([^";]+)')
_GENE_ID = re.compile(r'(?:^|;)\s*(?:gene_id|gene|Name|ID)[ =]"?([^";]+)')
_ATTRIBUTE = re.compile(r'(?:^|;)\s*([^\s"=;]+)[ =]"?([^";]*)')
_IS_GFF3 = re.compile(r'\s*[^\s"=;]+=')
_GTF = (".gtf", ".gff", ".gff3")
_PARTS = ("cds", "exon", "intron", "utr", "codon")
_GTF_COLUMNS = 9
_CHROM_NAMES = ("chrom", "chr", "chromosome")
_POSITION_NAMES = ("pos", "position", "tss")
_GENE_NAMES = ("gene", "gene_name", "name")
# What a gene is called, by the attributes of a GFF3; of a transcript, `Parent` is that of its gene.
_OF_GENE = ("gene_name", "gene", "Name", "gene_id", "ID")
_OF_TRANSCRIPT = ("gene_name", "gene", "Parent", "gene_id", "Name", "ID")


class Starts(NamedTuple):
    """Transcription starts, ordered by chromosome and position; one for each position.

    Parameters
    ----------
    places : pandas.DataFrame
        Columns `chrom`, `start`, `end`; one base each.
    direction : array of int64
        1 where transcription runs along the chromosome, -1 where it runs against it.
    gene : array of str
        Name.
    """

    places: "pd.DataFrame"
    direction: NDArray[np.int64]
    gene: NDArray[Any]


_Start = tuple[str, int, int, str]


def read_starts(path: Path) -> Starts:
    """Read transcription starts from GTF or GFF, from a table with a header, or from BED.

    Of a GTF, the starts of its transcripts are taken, or of its genes where it has none; of a GFF3
    those of transcripts of all kinds, and of each gene that has none. A table has the columns
    `chrom` and `pos` (0-based), and may have `strand` and `gene`. In BED, the start is the first
    base of an interval on the strand ``+``, the last one on ``-``. Without a strand, it is ``+``.

    Raises
    ------
    ReadError
        With the line, if one is none of these.
    """
    name = path.name.removesuffix(".gz").lower()
    lines = data_lines(path, "a GTF, BED or tab-separated file")
    if name.endswith(_GTF):
        return _starts(_of_genes(lines, path), path)
    return _starts(_of_bed_or_table(lines, path), path)


def _starts(found: Iterable[_Start], path: Path) -> Starts:
    # Of several at one place, the first of the file; the order is that in which ties are broken.
    first: dict[tuple[str, int], tuple[int, str]] = {}
    for chrom, position, direction, gene in found:
        first.setdefault((chrom, position), (direction, gene))
    if not first:
        raise ReadError(f"{path}: no transcription start in it; expected a GTF, BED or TSV file")
    keys = sorted(first)
    positions = np.array([position for _, position in keys], dtype=np.int64)
    return Starts(
        place_frame([chrom for chrom, _ in keys], positions, positions + 1),
        np.array([first[key][0] for key in keys], dtype=np.int64),
        np.array([first[key][1] for key in keys], dtype=object),
    )


def _direction(text: str, path: Path, line: int) -> int:
    if text not in _STRANDS:
        raise ReadError(f"{path}, line {line}: strand is {text!r:.40}, expected + or -")
    return _STRANDS[text]


# --- GTF and GFF3 --------------------------------------------------------------------------------


def _of_genes(lines: Iterator[tuple[int, list[str]]], path: Path) -> Iterator[_Start]:
    """Starts of a GTF or a GFF3, which are told apart by their last column."""
    rows = _nine_columns(lines, path)
    first = next(rows, None)
    if first is None:
        return
    is_gff3 = ".gff3" in path.name.lower() or _IS_GFF3.match(first[1][8])
    yield from (_of_gff3 if is_gff3 else _of_gtf)(chain([first], rows), path)


def _nine_columns(
    lines: Iterator[tuple[int, list[str]]], path: Path
) -> Iterator[tuple[int, list[str]]]:
    for line, row in lines:
        if len(row) < _GTF_COLUMNS:
            raise ReadError(f"{path}, line {line}: {len(row)} columns, expected 9 as in a GTF file")
        yield line, row


def _first_base(row: Sequence[str], path: Path, line: int) -> tuple[int, int]:
    """Position and direction of the start of a line."""
    first = integer(row[3], "start", path, line)
    last = integer(row[4], "end", path, line)
    direction = _direction(row[6], path, line)
    return (first if direction > 0 else last) - 1, direction


def _of_gtf(lines: Iterable[tuple[int, list[str]]], path: Path) -> Iterator[_Start]:
    genes: list[_Start] = []
    has_transcripts = False
    for line, row in lines:
        if row[2] not in {"gene", "transcript", "mRNA"}:
            continue
        position, direction = _first_base(row, path, line)
        gene = _GENE.search(row[8]) or _GENE_ID.search(row[8])
        start = (row[0], position, direction, gene[1].strip() if gene else f"{row[0]}:{position}")
        if row[2] == "gene":
            genes.append(start)
        else:
            has_transcripts = True
            yield start
    if not has_transcripts:
        yield from genes


class _Feature(NamedTuple):
    """A line of a GFF3 that is a gene, a transcript, or a part of something else."""

    chrom: str
    position: int
    direction: int
    is_gene: bool
    is_transcript: bool
    attributes: dict[str, str]
    parents: tuple[str, ...]

    def start(self, keys: Sequence[str]) -> _Start:
        """Its start, by the first of some attributes that it has."""
        unnamed = f"{self.chrom}:{self.position}"
        name = next(filter(None, map(self.attributes.get, keys)), unnamed)
        return self.chrom, self.position, self.direction, name


def _of_gff3(lines: Iterable[tuple[int, list[str]]], path: Path) -> Iterator[_Start]:
    features = list(_features(lines, path))
    genes = {
        feature.attributes.get("ID", ""): feature.start(_OF_GENE)
        for feature in features
        if feature.is_gene
    }

    def is_transcript(feature: _Feature) -> bool:
        return feature.is_transcript or not genes.keys().isdisjoint(feature.parents)

    others = (feature for feature in features if not feature.is_gene)
    told = {parent for one in others if is_transcript(one) for parent in one.parents}
    for feature in features:
        if feature.is_gene:
            if feature.attributes.get("ID") not in told:
                yield feature.start(_OF_GENE)
        elif is_transcript(feature):
            names = [genes[parent][-1] for parent in feature.parents if parent in genes]
            feature.attributes["Parent"] = names[0] if names else ""
            yield feature.start(_OF_TRANSCRIPT)


def _features(lines: Iterable[tuple[int, list[str]]], path: Path) -> Iterator[_Feature]:
    """Lines that may be starts; parts of a gene without a transcript have it as a parent, too."""
    for line, row in lines:
        kind = row[2].lower()
        if kind.endswith(_PARTS):
            continue
        is_gene = kind.endswith("gene")
        is_transcript = kind in {"transcript", "mrna"} or kind.endswith(("_rna", "_transcript"))
        texts = {key: value.strip() for key, value in _ATTRIBUTE.findall(row[8])}
        parents = tuple(unquote(name) for name in texts.get("Parent", "").split(",") if name)
        if not (is_gene or is_transcript or parents):
            continue
        attributes = {key: unquote(value) for key, value in texts.items()}
        start = _first_base(row, path, line)
        yield _Feature(row[0], *start, is_gene, is_transcript, attributes, parents)


# --- BED and tables ------------------------------------------------------------------------------


def _of_bed_or_table(lines: Iterable[tuple[int, list[str]]], path: Path) -> Iterator[_Start]:
    columns: dict[str, int] | None = None
    for number, (line, row) in enumerate(lines):
        if number == 0 and (columns := _header(row)) is not None:
            continue
        if columns is not None:
            yield _of_table(row, columns, path, line)
            continue
        start, end = interval(row, path, line)
        direction = _direction(row[5], path, line) if len(row) > 5 else 1
        position = start if direction > 0 else max(end - 1, start)
        yield row[0], position, direction, row[3] if len(row) > 3 else f"{row[0]}:{position}"


def _header(row: Sequence[str]) -> dict[str, int] | None:
    """Places of the columns of a table, if a line is its header."""
    names = [cell.lower() for cell in row]
    wanted = {
        "chrom": _CHROM_NAMES,
        "pos": _POSITION_NAMES,
        "strand": ("strand",),
        "gene": _GENE_NAMES,
    }
    found = {
        what: names.index(name)
        for what, choices in wanted.items()
        for name in reversed(choices)
        if name in names
    }
    return found if {"chrom", "pos"} <= set(found) else None


def _of_table(row: Sequence[str], columns: dict[str, int], path: Path, line: int) -> _Start:
    if len(row) <= max(columns.values()):
        raise ReadError(
            f"{path}, line {line}: {len(row)} columns, expected {max(columns.values()) + 1} or more"
            " as in the header"
        )
    chrom, position = row[columns["chrom"]], integer(row[columns["pos"]], "pos", path, line)
    strand = row[columns["strand"]] if "strand" in columns else "+"
    gene = row[columns["gene"]] if "gene" in columns else f"{chrom}:{position}"
    return chrom, position, _direction(strand, path, line), gene
