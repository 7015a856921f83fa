"""What hits lie on and near to: intervals, transcription starts, summits, variants.

Positions are 0-based and half-open, whatever the files count from. A hit is its core, unless
something else is said, and its centre the base in the middle, the right one of two. A distance is
the position of the centre minus that of the other place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._annotate_columns import HitBlock, Wanted
from finemo_zarr.postprocess._annotate_job import Job, Written, write_annotated
from finemo_zarr.postprocess._annotate_sources import frame_of
from finemo_zarr.postprocess._annotate_variants import COUNT, Matrices
from finemo_zarr.postprocess._tables import HitTable, new_table
from finemo_zarr.store import Location, RemotePath, hits_path, is_store, locate, open_hits

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_KEPT = (
    "chr",
    "start",
    "end",
    "start_untrimmed",
    "end_untrimmed",
    "motif_name",
    "strand",
    "peak_name",
    "peak_id",
    "track",
)
_ENDINGS = (".tsv.gz", ".tsv", ".txt.gz", ".txt", ".gz")
File = Path | str


@dataclass(frozen=True)
class Annotations:
    """What to annotate hits with.

    Parameters
    ----------
    beds : mapping of str to path
        BED files by the name of the column that each becomes.
    bases : bool
        Whether to count, for each, the bases that a hit shares with it (``NAME_bases``).
    tss : path, optional
        Transcription starts: GTF, GFF3, BED or a table.
    summits : path, optional
        Summits of peaks: narrowPeak or BED.
    variants : path, optional
        Variants: VCF or BED.
    flanks : bool
        Whether a variant touches a hit where it lies in the untrimmed motif, beside the core.

    Raises
    ------
    ValueError
        If there is nothing to do, or a name cannot be that of a column.
    """

    beds: Mapping[str, File] = field(default_factory=dict)
    bases: bool = False
    tss: File | None = None
    summits: File | None = None
    variants: File | None = None
    flanks: bool = False

    def __post_init__(self) -> None:
        names = self.names()
        if not names:
            raise ValueError(
                "nothing to annotate with: give BED files, starts, summits or variants"
            )
        for name in names:
            if not name or any(letter in name for letter in "\t\r\n"):
                raise ValueError(f"{name!r} cannot be the name of a column")
            if name in _KEPT or name.startswith("hit_"):
                raise ValueError(f"{name} is a column of the hits; choose another name")
            if names.count(name) > 1:
                raise ValueError(f"two columns would have the name {name}; choose another one")

    def names(self) -> list[str]:
        """Names of the columns, in their order."""
        return self.wanted.names() + ([] if self.variants is None else [COUNT])

    @property
    def wanted(self) -> Wanted:
        """All but the variants."""
        beds = {name: Path(path) for name, path in self.beds.items()}
        tss, summits = (None if path is None else Path(path) for path in (self.tss, self.summits))
        return Wanted(beds, self.bases, tss, summits)

    def job(self, table: HitTable) -> Job:
        """Read the files for some hits."""
        variants = None if self.variants is None else Path(self.variants)
        return Job.of(table, self.wanted, variants, flanks=self.flanks)


class AnnotateCounts(NamedTuple):
    """Hits; pairs of a hit and a variant; hits that a variant touches."""

    hits: int
    pairs: int
    touched: int


def annotate_hits(
    hits: "pl.DataFrame | pd.DataFrame | Path | str | RemotePath",
    *,
    beds: Mapping[str, File] | None = None,
    bases: bool = False,
    tss: File | None = None,
    summits: File | None = None,
    variants: File | None = None,
    flanks: bool = False,
) -> "pl.DataFrame":
    """Add columns that say what hits lie on and near to.

    Parameters
    ----------
    hits : polars.DataFrame, pandas.DataFrame or path
        Hits with coordinates: a table with columns like ``hits.tsv``, in memory or in a file, a
        hits store, or a folder that `call-hits` wrote.
    beds : mapping of str to path, optional
        BED files. Each adds the column of its name: 1 where the core of a hit shares a base with an
        interval, else 0.
    bases : bool
        Add ``NAME_bases``, too: bases of the core that intervals cover, each counted once.
    tss : path, optional
        Transcription starts, as GTF, GFF3, BED (first base on ``+``, last on ``-``) or a table with
        the columns `chrom`, `pos` (0-based), `strand`, `gene`. Adds ``tss_distance``, from the
        nearest start to the centre of the hit in bp, negative upstream of the gene and positive
        downstream, and ``tss_gene``. Of two starts equally far, the left one counts; of several at
        one base, the first of the file.
    summits : path, optional
        Peaks, as narrowPeak (column 10) or BED (middle). Adds ``summit_distance``, the centre of
        the hit minus the summit, in bp and along the chromosome. The summit is that of the hit's
        own peak, found by ``peak_name`` (by ``peak_id`` as well where names repeat); where the
        file has no such peak, the nearest one.
    variants : path, optional
        Variants, as VCF or BED. Adds ``n_variants``, the alleles that touch the hit; see
        :func:`variant_hits`.
    flanks : bool
        Whether a variant touches a hit where it lies in the untrimmed motif, beside the core.

    Returns
    -------
    polars.DataFrame
        The hits, in their order, with these columns, which replace columns of the same name. Null
        where a chromosome has no transcription start or summit.

    Raises
    ------
    ReadError
        If the hits have no coordinates, or a file is damaged or shares no chromosome with them.
    ValueError
        If there is nothing to do, or a name cannot be that of a column.

    Warns
    -----
    InputWarning
        If a file has nothing on some of the chromosomes of the hits.
    """
    asked = Annotations(beds or {}, bases, tss, summits, variants, flanks)
    table = frame_of(hits)
    job = asked.job(table)
    (block,) = table.blocks()
    placed = HitBlock.of(block)
    return table.frame.with_columns(job.columns(placed, job.pairs(placed)).values())


def variant_hits(
    hits: "pl.DataFrame | pd.DataFrame | Path | str | RemotePath",
    variants: File,
    *,
    motifs: Path | str | RemotePath | None = None,
    flanks: bool = False,
) -> "pl.DataFrame":
    """Find the hits that variants touch, and what they change in the motif.

    Parameters
    ----------
    hits : polars.DataFrame, pandas.DataFrame or path
        See :func:`annotate_hits`.
    variants : path
        A VCF file, gzipped or not, or a BED file. Its alleles are looked at one by one.
    motifs : path, optional
        The hits store with the motifs; by default the one the hits are from.
    flanks : bool
        Whether a variant touches a hit where it lies in the untrimmed motif, beside the core.

    Returns
    -------
    polars.DataFrame
        One row for each pair of a hit and an allele that touches it, with

        - ``hit``, the row of the hit, and columns of it;
        - ``variant_id``, ``variant_start``, ``variant_end`` (the reference allele), ``ref``,
          ``alt``, and ``kind``: snv, mnv, insertion, deletion, indel, or other where the alleles
          are not known base by base;
        - ``motif_position``, the first base of the motif that changes, read on the strand of the
          hit and counted from 0 at the start of the untrimmed motif; ``core_position``, the same
          from the start of the core, negative before it; ``in_core``, 1 where the core is touched;
          for an insertion, the base of the motif behind it;
        - ``cwm_change``, the sum over the bases that are replaced of CWM[alt] - CWM[ref], both
          alleles read on the strand of the hit; ``hcwm_change``, the same in the hypothetical CWM,
          if there is one (model output);
        - ``hit_change``, the change of the scores that the hit explains (model output): what a
          weight of 1 explains there, from its coefficient and the scores under it, times the
          change of its motif as it was placed, which is 0 outside the core. NaN where the table
          lacks ``hit_coefficient``, ``hit_coefficient_global`` or ``hit_importance_sq``, or roots
          of scores were explained.

        Changes are below 0 where the allele lowers the contributions: for a motif with positive
        contributions, where it fits less well; for one with negative contributions, where it fits
        better. Coefficients are never negative, so that the sign is that of the CWM. Insertions,
        deletions and `other` have NaN.

    Raises
    ------
    ReadError
        If there are no motifs, or hits or variants cannot be read.
    """
    matrices = _matrices(hits if motifs is None else motifs)
    table = frame_of(hits)
    touched = Annotations(variants=variants, flanks=flanks).job(table).touched
    assert touched is not None
    (block,) = table.blocks()
    placed = HitBlock.of(block)
    found = touched.table(placed, touched.pairs(placed), matrices, 0)
    types: dict[Any, Any] = {
        name: kind for name, kind in table.frame.schema.items() if name in found.columns
    }
    return found.cast(types)


def annotate_table(
    source: Path | str | RemotePath,
    out: Path | str | RemotePath,
    asked: Annotations,
    *,
    motifs: Path | str | RemotePath | None = None,
    overwrite: bool = False,
) -> AnnotateCounts:
    """Copy a table of hits with columns added, a few megabytes at a time.

    Parameters
    ----------
    source : path
        A table like ``hits.tsv``, gzipped or not.
    out : path
        The table to write; gzipped if it ends in .gz. Rows keep their order, cells their text.
        What is not known is ``NA``.
    asked : Annotations
        What to add.
    motifs : path, optional
        A hits store with the motifs; with variants, the table of :func:`variant_hits` is written
        to :func:`variants_path`.
    overwrite : bool
        Replace output that exists.

    Raises
    ------
    ReadError
        If a file is damaged, with its line, or motifs are needed and not given.
    RunError
        If the output cannot be written.
    """
    table, target = HitTable.open(source), locate(out)
    if asked.variants is None:
        job = asked.job(table)
        with new_table(target, overwrite=overwrite) as file:
            return _counts(write_annotated(job, table, file, None))
    matrices = _matrices(motifs)
    job = asked.job(table)
    with (
        new_table(target, overwrite=overwrite) as file,
        new_table(variants_path(target), overwrite=overwrite) as second,
    ):
        return _counts(write_annotated(job, table, file, (second, matrices)))


def _counts(done: Written) -> AnnotateCounts:
    return AnnotateCounts(done.hits, done.pairs, done.touched)


def _matrices(source: Any) -> Matrices:
    """Motifs of a hits store.

    Raises
    ------
    ReadError
        If it is none.
    """
    if isinstance(source, (str, Path, RemotePath)):
        path = hits_path(source)
        if path.is_dir() or is_store(path):
            return Matrices.of(open_hits(path).motifs, path)
    what = f"{source}: a" if isinstance(source, (str, Path, RemotePath)) else "a"
    raise ReadError(
        f"{what} table of hits has no motifs, which tell what a variant changes; give the hits "
        "store that the hits were called with as motifs (--motifs)"
    )


def variants_path(out: Location) -> Location:
    """Where the table of variants goes, given the table of hits: ``NAME_variants.tsv``."""
    ending = next((ending for ending in _ENDINGS if out.name.endswith(ending)), "")
    stem = out.name.removesuffix(ending)
    return out.parent / f"{stem}_variants{ending or '.tsv'}"
