"""Annotating block by block: files are read once, hits as they come."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from finemo_zarr.postprocess._annotate_columns import (
    Annotation,
    HitBlock,
    Wanted,
    read_annotations,
)
from finemo_zarr.postprocess._annotate_variants import (
    Matrices,
    Pairs,
    TouchedHits,
    reach_of,
    spans,
)
from finemo_zarr.postprocess._tables import MISSING, HitTable, append_rows
from finemo_zarr.progress import progress

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_PLACE = ("chr", "start", "end")
_UNTRIMMED = ("start_untrimmed", "end_untrimmed")


@dataclass(frozen=True)
class Job:
    """Files that were read for some hits.

    Parameters
    ----------
    annotations : sequence of Annotation
        Those of all hits.
    touched : TouchedHits or None
        Variants.
    rows : int
        Number of hits.
    """

    annotations: Sequence[Annotation]
    touched: TouchedHits | None
    rows: int

    @classmethod
    def of(cls, table: HitTable, wanted: Wanted, variants: Path | None, *, flanks: bool) -> "Job":
        """Look through the hits, then read the files.

        Raises
        ------
        ReadError
            If hits have no coordinates, or a file is damaged.
        """
        if flanks:
            table.require(*_UNTRIMMED)
        chroms, rows, reach = _survey(table, wide=variants is not None, flanks=flanks)
        touched = None
        if variants is not None:
            touched = TouchedHits.read(variants, chroms, reach, flanks=flanks)
        return cls(read_annotations(wanted, chroms), touched, rows)

    def columns(self, hits: HitBlock, pairs: Pairs | None) -> "dict[str, pl.Series]":
        """All columns of some hits, by name."""
        found: dict[str, pl.Series] = {}
        for annotation in self.annotations:
            found |= annotation.columns(hits)
        if self.touched is not None and pairs is not None:
            found |= self.touched.counts(hits, pairs)
        return found

    def pairs(self, hits: HitBlock) -> Pairs | None:
        """Return the variants of some hits."""
        return None if self.touched is None else self.touched.pairs(hits)


def _survey(table: HitTable, *, wide: bool, flanks: bool) -> "tuple[list[str], int, pd.DataFrame]":
    """Chromosomes and number of the hits and, for variants, the intervals in which they lie."""
    chroms: dict[str, None] = {}
    rows = 0

    def places() -> "Iterator[pd.DataFrame]":
        nonlocal rows
        for block in table.blocks([*_PLACE, *(_UNTRIMMED if flanks else ())]):
            hits = HitBlock.of(block)
            chroms.update(dict.fromkeys(hits.places["chrom"].unique().tolist()))
            rows += len(hits)
            if wide:
                yield spans(hits, flanks=flanks)

    reach = reach_of(places())
    return list(chroms), rows, reach


class Sheet:
    """A table that is written row by row."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def header(self, frame: "pl.DataFrame") -> None:
        """Write the names of the columns."""
        self._file.write(("\t".join(frame.columns) + "\n").encode())

    def rows(self, frame: "pl.DataFrame") -> None:
        """Write rows; what is null is ``NA``."""
        import polars as pl

        append_rows(self._file, frame.select(pl.all().cast(pl.String).fill_null(MISSING)))


@dataclass
class Written:
    """What was written."""

    hits: int = 0
    pairs: int = 0
    touched: int = 0


def write_annotated(
    job: Job, table: HitTable, file: BinaryIO, second: tuple[BinaryIO, Matrices] | None
) -> Written:
    """Write a table with the columns of a job and, if asked, the table of its variants."""
    done = Written()
    sheet, pairs_sheet = Sheet(file), None
    header = HitBlock.of(table.no_rows())
    sheet.header(_annotated(job, header, job.pairs(header)))
    if second is not None and job.touched is not None:
        pairs_sheet = Sheet(second[0])
        no_pairs = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
        pairs_sheet.header(job.touched.table(header, no_pairs, second[1], 0))
    with progress("annotate", job.rows) as advance:
        for block in table.blocks():
            hits = HitBlock.of(block)
            pairs = job.pairs(hits)
            sheet.rows(_annotated(job, hits, pairs))
            if pairs is not None:
                if pairs_sheet is not None and second is not None and job.touched is not None:
                    pairs_sheet.rows(job.touched.table(hits, pairs, second[1], done.hits))
                done.pairs += len(pairs.hit)
                done.touched += len(np.unique(pairs.hit))
            done.hits += len(hits)
            advance(len(hits))
    return done


def _annotated(job: Job, hits: HitBlock, pairs: Pairs | None) -> "pl.DataFrame":
    return hits.table.frame.with_columns(job.columns(hits, pairs).values())
