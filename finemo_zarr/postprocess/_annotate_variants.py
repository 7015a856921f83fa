"""Which hits variants touch, where in the motif, and what they change there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._annotate_columns import HitBlock, PlaceIndex, overlaps
from finemo_zarr.postprocess._annotate_files import check_chroms, place_frame, shared_text
from finemo_zarr.postprocess._annotate_vcf import Changes, Variants, read_variants
from finemo_zarr.problem import LARGEST_IMPORTANCE_SCALE
from finemo_zarr.sequence import BASES
from finemo_zarr.store import Location

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import xarray as xr

COUNT = "n_variants"
_OF_HIT = (
    "chr",
    "start",
    "end",
    "strand",
    "motif_name",
    "peak_name",
    "peak_id",
    "track",
    "hit_coefficient",
    "hit_similarity",
)
_SCORES = ("hit_coefficient", "hit_coefficient_global", "hit_importance_sq")


class Pairs(NamedTuple):
    """Hits and the alleles that touch them, by row; ordered by hit, then by place."""

    hit: NDArray[np.int64]
    allele: NDArray[np.int64]


@dataclass(frozen=True)
class TouchedHits:
    """``n_variants``, and the table of the pairs.

    Parameters
    ----------
    variants : Variants
        Alleles, those that touch no hit left out.
    changes : Changes
        What they change.
    index : PlaceIndex
        Where.
    flanks : bool
        Whether a hit is touched where only the untrimmed motif is, not its core.
    """

    variants: Variants
    changes: Changes
    index: PlaceIndex
    flanks: bool = False

    @classmethod
    def read(
        cls, path: Path, chroms: Sequence[str], reach: "pd.DataFrame", *, flanks: bool
    ) -> "TouchedHits":
        """Read the variants of a file that may touch a hit.

        Parameters
        ----------
        path : Path
            VCF or BED.
        chroms : sequence of str
            Chromosomes of the hits.
        reach : pandas.DataFrame
            Intervals in which all hits lie.
        flanks : bool
            See the class.
        """
        found: dict[str, None] = {}
        parts, wanted = [], PlaceIndex.of(reach)
        for variants in read_variants(path):
            found |= dict.fromkeys(variants.frame["chrom"].unique(maintain_order=True).to_list())
            places = _with_width(variants.places)
            parts.append(variants.take(np.unique(overlaps(places, wanted)[0])))
        check_chroms(chroms, found, path)
        kept = Variants.joined(parts)
        kept = Variants(kept.frame.sort("chrom", "start", "end", maintain_order=True))
        changes = Changes.of(kept)
        touched = place_frame(shared_text(kept.frame["chrom"]), changes.start, changes.end)
        return cls(kept, changes, PlaceIndex.of(_with_width(touched)), flanks)

    def pairs(self, hits: HitBlock) -> Pairs:
        """All pairs of a hit and an allele that touches it."""
        places = spans(hits, flanks=self.flanks)
        changes = self.changes
        hit, allele = overlaps(places, self.index)
        # What is inserted stands between two bases: it touches a motif that holds both of them.
        start, end = (places[name].to_numpy()[hit] for name in ("start", "end"))
        first, last = changes.start[allele], changes.end[allele]
        shared = np.minimum(end, last) > np.maximum(start, first)
        inside = np.where(changes.is_insertion[allele], (start < first) & (first < end), shared)
        return Pairs(hit[inside], allele[inside])

    def columns(self, hits: HitBlock) -> "dict[str, pl.Series]":
        """Return the number of pairs of each hit."""
        return self.counts(hits, self.pairs(hits))

    @staticmethod
    def counts(hits: HitBlock, pairs: Pairs) -> "dict[str, pl.Series]":
        """Return the number of pairs of each hit."""
        import polars as pl

        return {COUNT: pl.Series(COUNT, np.bincount(pairs.hit, minlength=len(hits)))}

    def table(
        self, hits: HitBlock, pairs: Pairs, matrices: "Matrices", first_row: int
    ) -> "pl.DataFrame":
        """Return one row for each pair.

        Parameters
        ----------
        hits : HitBlock
            Hits with motif, strand and untrimmed place.
        pairs : Pairs
            Pairs of them.
        matrices : Matrices
            Their motifs.
        first_row : int
            Row of the first hit in the whole table.
        """
        import polars as pl

        named = [hits.text(name) for name in _OF_HIT]
        of_hit = pl.DataFrame([column for column in named if column is not None])[pairs.hit]
        alleles = self.variants.frame[pairs.allele]
        kinds = pl.Series(self.changes.kind, dtype=pl.String).gather(pairs.allele)
        return of_hit.with_columns(
            pl.Series("hit", first_row + pairs.hit),
            alleles["id"].alias("variant_id"),
            alleles["start"].alias("variant_start"),
            alleles["end"].alias("variant_end"),
            alleles["ref"],
            alleles["alt"],
            kinds.alias("kind"),
            *self._in_motif(hits, pairs, matrices),
        ).select("hit", pl.all().exclude("hit"))

    def _in_motif(self, hits: HitBlock, pairs: Pairs, matrices: "Matrices") -> "list[pl.Series]":
        import polars as pl

        motif = matrices.motif_of(hits)[pairs.hit]
        low, high = (
            hits.table.integers(f"{name}_untrimmed")[pairs.hit] for name in ("start", "end")
        )
        start, end = (hits.places[name].to_numpy()[pairs.hit] for name in ("start", "end"))
        changes = self.changes
        first, last = changes.start[pairs.allele], changes.end[pairs.allele]
        minus = matrices.is_minus[motif]
        # The first base of the motif that changes; on "-" the motif begins at its right end.
        before = np.where(minus, high - last, first - low)
        position = np.maximum(before, 0)
        in_core = (first < end) & (last > start)
        inserted = changes.is_insertion[pairs.allele]
        in_core = np.where(inserted, (start < first) & (first < end), in_core)
        offset = np.where(minus, high - end, start - low)
        columns = {
            "motif_position": position,
            "core_position": position - offset,
            "in_core": in_core.astype(np.int8),
            **matrices.changes(changes, pairs.allele, motif, first - low),
        }
        explained = _explained(hits)[pairs.hit]
        weights = columns.pop("weight_change")
        columns["hit_change"] = weights * explained
        return [pl.Series(name, values) for name, values in columns.items()]


def spans(hits: HitBlock, *, flanks: bool) -> "pd.DataFrame":
    """Where variants touch hits: the cores, or the untrimmed motifs.

    Raises
    ------
    ReadError
        If the table does not say where the untrimmed motifs lie.
    """
    if not flanks:
        return hits.places
    low, high = (hits.table.integers(f"{name}_untrimmed") for name in ("start", "end"))
    return place_frame(hits.places["chrom"], low, high)


def _with_width(places: "pd.DataFrame") -> "pd.DataFrame":
    """Places, those without any base widened to the bases on both sides."""
    start, end = places["start"].to_numpy(), places["end"].to_numpy()
    empty = start == end
    return place_frame(places["chrom"], start - empty, end + empty)


def _explained(hits: HitBlock) -> NDArray[np.float64]:
    """Scores that a weight of 1 explains at each hit, NaN where the table does not tell."""
    if any(hits.text(name) is None for name in _SCORES):
        return np.full(len(hits), np.nan)
    coefficient, at_large, squares = (hits.table.floats(name) for name in _SCORES)
    # The second is the first times the squared scale of the region.
    found = coefficient > 0
    square = np.divide(at_large, coefficient, out=np.zeros(len(hits)), where=found)
    energy = np.divide(squares, square, out=np.zeros(len(hits)), where=square > 0)
    column = np.minimum((energy + 1) ** -0.5, LARGEST_IMPORTANCE_SCALE)
    explained: NDArray[np.float64] = np.where(found, coefficient, 0) * np.sqrt(square) * column
    return explained


@dataclass(frozen=True)
class Matrices:
    """Oriented motifs of a hits store; their columns run along the chromosome.

    Parameters
    ----------
    source : path
        The store, for messages.
    motifs : xarray.Dataset
        Oriented motifs.
    rows : mapping of (str, str) to int
        Where each name and strand stand.
    """

    source: Location
    motifs: "xr.Dataset"
    rows: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, motifs: "xr.Dataset", source: Location) -> "Matrices":
        """Look the motifs up by name and strand."""
        names, strands = (motifs[f"motif_{what}"].values.tolist() for what in ("name", "strand"))
        keys = zip(names, strands, strict=True)
        return cls(source, motifs, {key: row for row, key in enumerate(keys)})

    @property
    def is_minus(self) -> NDArray[np.bool_]:
        """Whether each is a reverse complement."""
        return np.asarray(self.motifs["motif_strand"].values == "-", dtype=np.bool_)

    def motif_of(self, hits: HitBlock) -> NDArray[np.int64]:
        """Row of the motif of each hit.

        Raises
        ------
        ReadError
            If a hit has a motif that is not here, or that is of another width.
        """
        for name in ("motif_name", "strand", "start_untrimmed", "end_untrimmed"):
            if hits.text(name) is None:
                raise ReadError(
                    f"{hits.table.path}: no column {name}, which tells where in a motif a variant "
                    "lies; give the hits.tsv of call-hits, or a hits store"
                )
        frame = hits.table.frame
        keys = list(zip(frame["motif_name"].to_list(), frame["strand"].to_list(), strict=True))
        motif = np.array([self.rows.get(key, -1) for key in keys], dtype=np.int64)
        if (motif < 0).any():
            name, strand = keys[int((motif < 0).argmax())]
            raise ReadError(
                f"{hits.table.path}: the motif {name} ({strand}) of a hit is not in {self.source}; "
                "give the hits store that the hits were called with"
            )
        low, high = (hits.table.integers(f"{name}_untrimmed") for name in ("start", "end"))
        width = self.motifs["motif_width"].values[motif]
        if (wrong := high - low != width).any():
            row = int(wrong.argmax())
            raise ReadError(
                f"{hits.table.path}: a hit of {keys[row][0]} is {high[row] - low[row]} bp wide "
                f"before it is trimmed, but the motif in {self.source} {width[row]}; give the hits "
                "store that the hits were called with"
            )
        return motif

    def changes(
        self,
        changes: Changes,
        allele: NDArray[np.int64],
        motif: NDArray[np.int64],
        column: NDArray[np.int64],
    ) -> dict[str, NDArray[Any]]:
        """What alleles change in the matrices, NaN for all but substitutions.

        Parameters
        ----------
        changes : Changes
            Alleles.
        allele, motif : array of int, ``(pair,)``
            Row of the allele and of the motif.
        column : array of int, ``(pair,)``
            Column of the oriented matrix on which the first changed base lies; may lie outside.
        """
        named = {"cwm_change": "motif_cwm", "hcwm_change": "motif_hcwm"}
        found = {
            name: self._sum(self.motifs[matrix].values, changes, allele, motif, column)
            for name, matrix in named.items()
            if matrix in self.motifs
        }
        weights = self._sum(self.motifs["motif_weights"].values, changes, allele, motif, column)
        if self.motifs.attrs.get("sqrt_transform"):
            weights[:] = np.nan  # the roots of scores were explained, not the scores
        return found | {"weight_change": weights}

    def _sum(
        self,
        matrices: NDArray[Any],
        changes: Changes,
        allele: NDArray[np.int64],
        motif: NDArray[np.int64],
        column: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        length, first = changes.length[allele], changes.first[allele]
        total = np.where(length > 0, 0.0, np.nan)
        width = self.motifs["motif_width"].values[motif]
        for base in range(int(length.max(initial=0))):
            here = np.flatnonzero((base < length) & (column + base >= 0) & (column + base < width))
            ref, alt = (codes[first[here] + base] for codes in (changes.ref, changes.alt))
            at = column[here] + base
            known = (ref < len(BASES)) & (alt < len(BASES))
            ref, alt = (np.where(known, codes, 0) for codes in (ref, alt))
            change = matrices[motif[here], alt, at] - matrices[motif[here], ref, at]
            total[here] += np.where(known, change, np.nan)
        return total


def reach_of(places: "Iterable[pd.DataFrame]") -> "pd.DataFrame":
    """Intervals that hold all places, few of them."""
    import bioframe
    import pandas as pd

    parts = [place_frame([], [], [])]
    parts += [bioframe.merge(part, min_dist=0) for part in places if not part.empty]
    return pd.concat(parts)[["chrom", "start", "end"]].reset_index(drop=True)
