"""A folder that genome browsers open: contributions, and the hits under them."""

import re
from collections.abc import Mapping
from os.path import relpath
from pathlib import Path

import numpy as np

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.export._bigwig import write_contributions
from finemo_zarr.export._browsers import (
    Genome,
    Shown,
    View,
    igv_session,
    jbrowse_config,
)
from finemo_zarr.export._chrom_sizes import chrom_sizes
from finemo_zarr.export._rows import TRACK
from finemo_zarr.export._source import Source
from finemo_zarr.export.bed import write_indexed

_SIZES, _INDEX = "genome.chrom.sizes", "genome.fai"
SESSION_FILES = (
    "jbrowse_config.json",
    "igv_session.xml",
    "contributions*.bw",
    "hits*.bed.gz",
    "hits*.bed.gz.tbi",
    "hits*.bed.gz.csi",
    _SIZES,
    _INDEX,
)
"""What is in the folder, as patterns."""

_MARGIN = 0.1  # of the region that is shown first, on either side


def write_session(source: Source, path: Path) -> int:
    """Write a bigWig and an indexed BED file for each track, a JBrowse 2 and an IGV session.

    The files name each other by relative paths. The genome is a name that browsers know, or a
    FASTA file; without either it is a list of chromosomes, without sequence.

    Returns
    -------
    int
        Number of sites, of all tracks.

    Raises
    ------
    RunError
        If the regions store was not given.
    ReadError
        If it is another, or the genome cannot be read.
    """
    path.mkdir()
    genome, sizes = _genome(source, path)
    written = [
        _write_track(source, path, sizes, name, label)
        for name, label in _labels(source.track_names).items()
    ]
    shown = tuple(track for track, _ in written)
    view = View(genome, *_first_view(source, sizes), shown)
    (path / "jbrowse_config.json").write_text(jbrowse_config(view), encoding="utf-8")
    (path / "igv_session.xml").write_text(igv_session(view), encoding="utf-8")
    return sum(sites for _, sites in written)


def _labels(tracks: list[str] | None) -> dict[str | None, str]:
    """What files of a track are called by, after a dot; nothing for a store without tracks."""
    if tracks is None:
        return {None: ""}
    safe = [re.sub(r"[^\w-]+", "_", name) for name in tracks]
    if len(set(safe)) < len(safe):
        safe = [f"{number}_{name}" for number, name in enumerate(safe)]
    return dict(zip(tracks, (f".{name}" for name in safe), strict=True))


def _write_track(
    source: Source, path: Path, sizes: Mapping[str, int], track: str | None, label: str
) -> tuple[Shown, int]:
    scores, hits = path / f"contributions{label}.bw", path / f"hits{label}.bed.gz"
    write_contributions(source, scores, sizes, track)
    index, sites = write_indexed(
        source if track is None else source.of_track(track),
        hits,
        columns=lambda table: table.drop(TRACK, strict=False),
    )
    return Shown(track, scores.name, hits.name, index.name), sites


def _first_view(source: Source, sizes: Mapping[str, int]) -> tuple[str, int, int, int]:
    """The region with the most hits and a little on either side; size of its chromosome."""
    regions = source.opened.regions
    numbers = source.opened.hits["hit_region"].values
    numbers = numbers if source.kept is None else numbers[source.kept]
    best = int(np.bincount(numbers, minlength=source.opened.qc.sizes["region"]).argmax())
    chrom = str(regions["region_chrom"].values[best])
    start, end = (int(regions[f"region_{side}"].values[best]) for side in ("start", "end"))
    margin = int(_MARGIN * (end - start))
    size = sizes[chrom]
    return chrom, max(start - margin, 0), min(end + margin, size), size


# --- Genome --------------------------------------------------------------------------------------


def _genome(source: Source, path: Path) -> tuple[Genome, dict[str, int]]:
    options = source.options
    if options.fasta is not None:
        genome, index = _from_fasta(source, options.fasta, path)
        return genome, chrom_sizes(source, index)
    sizes = chrom_sizes(source)
    if options.genome is not None:
        return Genome(options.genome), sizes
    lines = (f"{chrom}\t{size}\n" for chrom, size in sizes.items())
    (path / _SIZES).write_text("".join(lines), encoding="utf-8")
    return Genome("regions", sizes=_SIZES), sizes


def _from_fasta(source: Source, fasta: Path, path: Path) -> tuple[Genome, Path]:
    """The genome as browsers find it, and where its index is."""
    import pysam

    if not fasta.is_file():
        raise ReadError(f"{fasta}: no such file; --fasta is the genome that the regions lie on")
    if not isinstance(source.target, Path):
        raise RunError(f"{source.target}: a session in a bucket cannot name {fasta}; use --genome")
    folder = source.target.resolve()
    index, blocks = (fasta.with_name(f"{fasta.name}.{suffix}") for suffix in ("fai", "gzi"))
    if fasta.suffix == ".gz" and not (index.is_file() and blocks.is_file()):
        raise ReadError(f"{fasta}: compressed, without .fai and .gzi beside it: samtools faidx it")
    named = relpath(index.resolve(), folder)
    if not index.is_file():
        index, named = path / _INDEX, _INDEX
        pysam.faidx(str(fasta), "--fai-idx", str(index))
    genome = Genome(
        fasta.name.removesuffix(".gz").rpartition(".")[0] or fasta.name,
        fasta=relpath(fasta.resolve(), folder),
        index=named,
        blocks=relpath(blocks.resolve(), folder) if fasta.suffix == ".gz" else None,
    )
    return genome, index
