"""What is exported: a hits store, those of its hits that were chosen, and what goes with them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError, RunError, SchemaError
from finemo_zarr.export._rows import Columns, Places, blocks, hit_table, stripes
from finemo_zarr.motifs import motif_numbers
from finemo_zarr.protocols import option
from finemo_zarr.store import (
    HitsStore,
    hits_path,
    open_hits,
    open_regions_of,
    read_block,
    reading,
)
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

_BLOCK_BASES = 2**24
_SHOWN = 10


@dataclass(frozen=True)
class ExportOptions:
    """Which hits are written, and what a format needs beside them.

    Parameters
    ----------
    regions : path, optional
        The regions store that the hits were called in.
    chrom_sizes : Path, optional
        Lengths of the chromosomes: two columns, as in ``.sizes`` and ``.fai`` files.
    genome : str, optional
        Name of the genome, for browsers that know it.
    fasta : Path, optional
        The genome as a file, for browsers that do not.
    motifs : tuple of str
        Names of the motifs to keep; by default all.
    track : str, optional
        Name of the track to keep; by default all.
    min_similarity : float, optional
        Smallest ``hit_similarity``.
    max_qvalue : float, optional
        Largest ``hit_qvalue``.
    primary : bool
        Only hits that are primary, of a store that ``collapse-hits`` wrote.
    """

    regions: Location | None = option(
        "-r",
        "--regions",
        default=None,
        metavar="PATH",
        help="The regions store that the hits were called in; for npz and session.",
    )
    chrom_sizes: Path | None = option(
        "--chrom-sizes",
        default=None,
        metavar="FILE",
        help="Lengths of the chromosomes (.sizes or .fai), for bigbed and session; by default each"
        " is as long as its last region reaches.",
    )
    genome: str | None = option(
        "--genome",
        default=None,
        metavar="NAME",
        help="Genome of a session, by the name that genome browsers know: hg38, mm10, …",
    )
    fasta: Path | None = option(
        "--fasta",
        default=None,
        metavar="FILE",
        help="Genome of a session as a FASTA file, instead of --genome.",
    )
    motifs: tuple[str, ...] = option(
        "--motifs", default=(), metavar="NAME", help="Keep the hits of these motifs only."
    )
    track: str | None = option(
        "--track", default=None, metavar="NAME", help="Keep the hits of this track only."
    )
    min_similarity: float | None = option(
        "--min-similarity",
        default=None,
        metavar="X",
        help="Keep hits whose hit_similarity is at least this.",
    )
    max_qvalue: float | None = option(
        "--max-qvalue",
        default=None,
        metavar="X",
        help="Keep hits whose hit_qvalue is at most this.",
    )
    primary: bool = option(
        "--primary", default=False, help="Keep primary hits only; collapse-hits marks them."
    )

    def __post_init__(self) -> None:
        if self.genome is not None and self.fasta is not None:
            raise ValueError("--genome and --fasta both name the genome: give one of them")

    def chosen(self) -> dict[str, Any]:
        """What of the hits was chosen, by the names of the options; nothing if all."""
        names = ("motifs", "track", "min_similarity", "max_qvalue", "primary")
        values = {name: getattr(self, name) for name in names}
        return {name: v for name, v in values.items() if v not in (None, ()) and v is not False}


@dataclass(frozen=True)
class Source:
    """A hits store as formats see it.

    Parameters
    ----------
    path : path
        Where it lies.
    opened : HitsStore
        What it holds.
    options : ExportOptions
        What was asked.
    target : path
        Where the output will lie; it is written elsewhere first.
    kept : array of bool, ``(hit,)``, optional
        Hits that are written; all without it.
    """

    path: Location
    opened: HitsStore
    options: ExportOptions
    target: Location
    kept: NDArray[np.bool_] | None = None

    @classmethod
    def open(cls, hits: Location, options: ExportOptions, target: Location) -> "Source":
        """Open a store and choose its hits.

        Raises
        ------
        ReadError
            If it cannot be read.
        SchemaError
            If it lacks what the choice asks for.
        """
        path = hits_path(hits)
        opened = open_hits(path)
        with reading(path):
            opened.regions.load()
        source = cls(path, opened, options, target)
        return replace(source, kept=_kept(source))

    @property
    def n_hits(self) -> int:
        """Number of hits that are written."""
        return self.opened.hits.sizes["hit"] if self.kept is None else int(self.kept.sum())

    def count(self, what: Literal["hits", "motifs", "regions"]) -> int:
        """Number of hits or motifs that were chosen, or of regions."""
        if what == "motifs":
            return self.forward_motifs().sizes["motif"]
        return self.n_hits if what == "hits" else self.opened.qc.sizes["region"]

    @property
    def placed(self) -> bool:
        """Whether the regions have coordinates."""
        return "region_chrom" in self.opened.regions

    @cached_property
    def motif_names(self) -> list[str]:
        """Names of all motifs, each once, in the order of the store."""
        return motif_numbers(self.opened.motifs)[0]

    @property
    def track_names(self) -> list[str] | None:
        """Names of the tracks that are written, None for a store without tracks."""
        if "track" not in self.opened.regions.coords:
            return None
        names: list[str] = self.opened.regions["track"].values.tolist()
        return names if self.options.track is None else [self.options.track]

    def forward_motifs(self) -> "xr.Dataset":
        """The motifs that were chosen, each once, as in their file."""
        motifs = self.opened.motifs
        wanted = set(self.options.motifs or self.motif_names)
        chosen = (motifs["motif_strand"].values == "+") & np.array(
            [name in wanted for name in motifs["motif_name"].values.tolist()], dtype=bool
        )
        return motifs.isel(motif=np.flatnonzero(chosen))

    def of_track(self, track: str) -> "Source":
        """The same with the hits of one track only."""
        narrowed = replace(self, options=replace(self.options, track=track))
        return replace(narrowed, kept=_kept(narrowed))

    # --- Hits ------------------------------------------------------------------------------------

    def places(self, *, by_name: bool = False) -> Places:
        """What tables say of regions; see :class:`Places`."""
        return Places.of(self.opened, by_name=by_name)

    def stripes(self, places: Places) -> Iterator[Columns]:
        """The hits that are kept, stripe by stripe, in the order of `places`."""
        return self._read(stripes(self.opened.hits, places.rank, self.kept))

    def tables(self, places: Places) -> "Iterator[pl.DataFrame]":
        """The same as sorted tables with the columns of ``hits.tsv``."""
        return (hit_table(stripe, self.opened, places) for stripe in self.stripes(places))

    def blocks(self, names: Sequence[str]) -> Iterator[Columns]:
        """Some columns of the hits that are kept, a block at a time, in the order of the store."""
        return self._read(blocks(self.opened.hits, names, self.kept))

    def quality(self) -> "xr.Dataset":
        """The quality of the regions, in memory."""
        with reading(self.path):
            return self.opened.qc.load()

    def _read(self, parts: Iterator[Columns]) -> Iterator[Columns]:
        """Name the store where it is damaged, but not in errors of who takes the parts."""
        while True:
            with reading(self.path):
                part = next(parts, None)
            if part is None:
                return
            yield part

    # --- Scores ----------------------------------------------------------------------------------

    @cached_property
    def regions(self) -> "xr.Dataset":
        """The regions store, whose regions are those of the hits.

        Raises
        ------
        RunError
            If it was not given.
        ReadError
            If it is another.
        """
        return open_regions_of(self.opened, self.path, self._regions_path)

    @property
    def _regions_path(self) -> Location:
        if self.options.regions is None:
            raise RunError(f"{self.path} holds no scores: give the regions store, -r/--regions")
        return self.options.regions

    def score_blocks(
        self, track: str | None = None, wanted: NDArray[np.bool_] | None = None
    ) -> "Iterator[tuple[slice, xr.Dataset]]":
        """Sequences and scores, some regions at a time, of a track or of the mean of all.

        Parameters
        ----------
        track : str, optional
            Name of the track.
        wanted : array of bool, ``(region,)``, optional
            Blocks without any of these regions are not read.

        Yields
        ------
        slice, xarray.Dataset
            Which regions; ``region_sequence`` and ``region_contributions`` in memory.
        """
        scores = self.regions["region_contributions"]
        indices = None if track is None else [self._track_index(track)]
        count, chunk = scores.sizes["region"], scores.chunksizes["region"][0]
        step = max(_BLOCK_BASES // (scores.sizes["position"] * chunk), 1) * chunk
        for first in range(0, count, step):
            part = slice(first, min(first + step, count))
            if wanted is None or wanted[part].any():
                yield part, read_block(self._regions_path, part, indices)

    def _track_index(self, track: str) -> int:
        names = self.regions["track"].values.tolist() if "track" in self.regions.coords else []
        if track not in names:
            raise ReadError(
                f"{self.options.regions} has no track {track!r}, which hits of {self.path} were "
                "called in; give the regions store that they were called in"
            )
        return names.index(track)


# --- Which hits ----------------------------------------------------------------------------------


def _kept(source: Source) -> NDArray[np.bool_] | None:
    """Which hits are kept; None for all."""
    options, source = source.options, replace(source, kept=None)
    rules: dict[str, Any] = {}
    if options.motifs:
        chosen = _motif_mask(source, options.motifs)
        rules["hit_motif"] = lambda motif: chosen[motif]
    if options.track is not None:
        index = _track_number(source, options.track)
        rules["hit_track"] = lambda track: track == index
    if options.min_similarity is not None:
        rules["hit_similarity"] = lambda values: values >= options.min_similarity
    if options.max_qvalue is not None:
        rules["hit_qvalue"] = lambda values: values <= options.max_qvalue
    if options.primary:
        rules["hit_is_primary"] = lambda values: values
    _check_variables(source, rules)
    if not rules:
        return None
    masks = [
        np.logical_and.reduce([rules[name](values) for name, values in block.items()])
        for block in source.blocks(list(rules))
    ]
    return np.concatenate([np.zeros(0, np.bool_), *masks])


_MAKERS = {
    "hit_qvalue": "--max-qvalue needs it; `call-hits --fdr` computes it",
    "hit_is_primary": "--primary needs it; `collapse-hits -o NAME.zarr` computes it",
}


def _check_variables(source: Source, names: Iterable[str]) -> None:
    for name in names:
        if name not in source.opened.hits:
            advice = _MAKERS.get(name, "call the hits again")
            raise SchemaError(f"{source.path} has no variable {name}: {advice}")


def _motif_mask(source: Source, wanted: Sequence[str]) -> NDArray[np.bool_]:
    if unknown := [name for name in wanted if name not in set(source.motif_names)]:
        raise SchemaError(
            f"--motifs names {len(unknown)} motifs that {source.path} lacks, first {unknown[0]}; "
            f"it has {_listed(source.motif_names)}"
        )
    names = source.opened.motifs["motif_name"].values.tolist()
    return np.array([name in set(wanted) for name in names], dtype=np.bool_)


def _track_number(source: Source, track: str) -> int:
    if "track" not in source.opened.regions.coords:
        raise SchemaError(f"--track {track}: {source.path} has no tracks; leave the option out")
    names: list[str] = source.opened.regions["track"].values.tolist()
    if track not in names:
        raise SchemaError(f"--track {track}: {source.path} has the tracks {_listed(names)}")
    return names.index(track)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
