"""``annotate-hits``: what hits lie on and near to."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.hit_files import as_tables, is_hits_store
from finemo_zarr.cli.options import VariadicCommand, build, field_options, overwrite_option
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    from finemo_zarr.postprocess import AnnotateCounts, Annotations

_EPILOG = """\b
Columns that are added; positions are 0-based and half-open, a hit is its core:
  NAME             1 if the hit shares a base with an interval of --bed NAME=FILE, else 0
  NAME_bases       bases of the hit that its intervals cover (--bed-bases)
  tss_distance     centre of the hit minus the nearest start, in bp; negative upstream of the gene
  tss_gene         its gene
  summit_distance  centre of the hit minus the summit, in bp, along the chromosome
  n_variants       variant alleles that touch the hit; each is a line of OUT_variants.tsv

\b
OUT_variants.tsv has, for each pair of a hit and an allele, the place in the motif on the strand of
the hit (motif_position from the start of the untrimmed motif, core_position from that of the core,
both from 0), cwm_change = CWM[alt] - CWM[ref], hcwm_change, the same in the hypothetical CWM, and
hit_change, what that does to the scores that the hit explains. Below 0: the contributions fall.

\b
Examples:
  finemo-zarr annotate-hits -i hits -o annotated.tsv --bed enhancer=e.bed.gz repeat=rmsk.bed
  finemo-zarr annotate-hits -i hits -o annotated.tsv --tss genes.gtf.gz --summits peaks.narrowPeak
  finemo-zarr annotate-hits -i hits/hits.tsv -o annotated.tsv --variants v.vcf.gz --motifs hits
"""


@dataclass(frozen=True)
class AnnotateHits:
    """One field for each option."""

    hits: Location = option(
        "-i",
        "--hits",
        metavar="PATH",
        help="Hits with coordinates: a table like hits.tsv (gzipped or not), a hits store, or a"
        " folder that call-hits wrote.",
    )
    out_path: Location = option(
        "-o", "--out-path", metavar="FILE", help="The table to write; gzipped if it ends in .gz."
    )
    bed: tuple[str, ...] = option(
        "--bed",
        metavar="NAME=FILE",
        default=(),
        help="BED files, gzipped or not, and the columns they become.",
    )
    bed_bases: bool = option(
        "--bed-bases",
        default=False,
        help="Count the bases that a hit shares with each of them, too.",
    )
    tss: Path | None = option(
        "--tss",
        metavar="FILE",
        default=None,
        help="Transcription starts: GTF, GFF3, BED (the first base on +, the last on -), or a table"
        " with the columns chrom, pos (0-based) and, if known, strand and gene.",
    )
    summits: Path | None = option(
        "--summits",
        metavar="FILE",
        default=None,
        help="Summits: narrowPeak (column 10) or BED (the middle). That of the hit's own peak, by"
        " peak_name and peak_id, counts; where the file has no such peak, the nearest.",
    )
    variants: Path | None = option(
        "--variants",
        metavar="FILE",
        default=None,
        help="Variants: VCF, gzipped or not, or BED (name in column 4, both alleles in 5 and 6).",
    )
    variant_flanks: bool = option(
        "--variant-flanks",
        default=False,
        help="A variant touches a hit where it lies in the untrimmed motif, too, not only in the"
        " core.",
    )
    motifs: Location | None = option(
        "--motifs",
        metavar="PATH",
        default=None,
        help="The hits store with the motifs, for --variants; needed where -i is a table.",
    )

    def __post_init__(self) -> None:
        self.asked()
        if self.bed_bases and not self.bed:
            raise ValueError("--bed-bases counts bases of --bed, which is not given")
        if self.variants is None and (self.variant_flanks or self.motifs is not None):
            raise ValueError("--variant-flanks and --motifs are for --variants, which is not given")
        bare = self.hits.is_file() and not is_hits_store(self.hits)
        if self.variants is not None and self.motifs is None and bare:
            raise ValueError(
                f"-i {self.hits} is a table, without motifs, which --variants needs: name the hits"
                " store that the hits were called with by --motifs"
            )

    def asked(self) -> "Annotations":
        """Return what to add."""
        from finemo_zarr.postprocess import Annotations

        beds: dict[str, Path] = {}
        for text in self.bed:
            name, equals, path = text.partition("=")
            if not (name and equals and path):
                raise ValueError(f"--bed {text}: expected NAME=FILE")
            if name in beds:
                raise ValueError(f"--bed gives the name {name} twice")
            beds[name] = Path(path)
        return Annotations(
            beds, self.bed_bases, self.tss, self.summits, self.variants, self.variant_flanks
        )


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "annotate-hits",
        params=[*field_options(AnnotateHits), overwrite_option()],
        callback=_run,
        help="Add columns to a table of hits that say what they lie on and near to: intervals,"
        " transcription starts, summits, variants. No hit is removed, and their order is kept.",
        short_help="Say what hits lie on and near to.",
        epilog=_EPILOG,
    )


def _run(*, overwrite: bool, **values: Any) -> None:
    from finemo_zarr.postprocess import variants_path

    options = build(AnnotateHits, values)
    counts = _annotate(options, overwrite=overwrite)
    click.echo(f"{counts.hits:,} hits: {options.out_path}")
    if options.variants is not None:
        click.echo(
            f"{counts.touched:,} of them touched by a variant, {counts.pairs:,} pairs:"
            f" {variants_path(options.out_path)}"
        )


def _annotate(options: AnnotateHits, *, overwrite: bool) -> "AnnotateCounts":
    from finemo_zarr.postprocess import annotate_table

    motifs = options.hits if options.motifs is None else options.motifs
    with as_tables(options.hits) as (table,):
        return annotate_table(
            table, options.out_path, options.asked(), motifs=motifs, overwrite=overwrite
        )
