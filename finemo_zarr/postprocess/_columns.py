"""Hits as columns, whether they come from a store or from a table."""

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.intervals import Intervals
from finemo_zarr.motifs import motif_numbers
from finemo_zarr.postprocess._tables import (
    MISSING,
    HitTable,
    TableBlock,
    number_labels,
    place_label,
)
from finemo_zarr.store import (
    HitsStore,
    Location,
    RemotePath,
    hits_path,
    is_store,
    open_hits,
    reading,
)

if TYPE_CHECKING:
    import xarray as xr

_UNTRIMMED = ("start_untrimmed", "end_untrimmed")


@dataclass(frozen=True)
class HitColumns:
    """Hits by place, motif and scores; arrays ``(hit,)``.

    Parameters
    ----------
    labels : tuple of str
        Places that hits can share: chromosome, region where there is none, and track, with tabs
        between them.
    places : Intervals
        Label, start and end of the core, in bp.
    untrimmed : Intervals or None
        The same of the whole motif.
    motif_names : tuple of str
        Names.
    motif : array of int64
        Which of them.
    is_minus : array of bool
        Whether it lies on the strand ``-``.
    region : array of int64
        Number of the region, -1 where it is not known.
    coefficient, similarity : array of float64
        Scores; NaN where there is none.
    has_tracks : bool
        Whether the labels hold tracks.
    """

    labels: tuple[str, ...]
    places: Intervals
    untrimmed: Intervals | None
    motif_names: tuple[str, ...]
    motif: NDArray[np.int64]
    is_minus: NDArray[np.bool_]
    region: NDArray[np.int64]
    coefficient: NDArray[np.float64]
    similarity: NDArray[np.float64]
    has_tracks: bool = False

    def __len__(self) -> int:
        return len(self.motif)

    def without_tracks(self) -> "HitColumns":
        """Return the hits as if all were of one track."""
        labels: dict[str, int] = {}
        numbers = [
            labels.setdefault(place_label(*label.split("\t")[:2]), len(labels))
            for label in self.labels
        ]
        return replace(self.numbered(numbers, tuple(labels)), has_tracks=False)

    def numbered(self, numbers: Any, labels: tuple[str, ...]) -> "HitColumns":
        """Return the hits with other labels; `numbers` has that of each old one."""
        group = np.asarray(numbers, dtype=np.int64)[self.places.group]
        untrimmed = None if self.untrimmed is None else self.untrimmed._replace(group=group)
        places = self.places._replace(group=group)
        return replace(self, labels=labels, places=places, untrimmed=untrimmed)


def read_hits(path: Path | str | RemotePath) -> HitColumns:
    """Read hits for a comparison.

    Parameters
    ----------
    path : path
        A table like ``hits.tsv``, a hits store, or a folder that `call-hits` wrote.

    Raises
    ------
    ReadError
        If it is neither, or damaged.
    """
    location = hits_path(path)
    if location.is_dir() or is_store(location):
        return _of_store(open_hits(location), location)
    return _of_table(HitTable.open(location))


def hit_columns(opened: HitsStore) -> HitColumns:
    """Return the hits of a store that is open."""
    hits, regions = opened.hits.load(), opened.regions.load()
    region, motif = hits["hit_region"].values, hits["hit_motif"].values
    count = opened.qc.sizes["region"]
    names, group_of_region, offset, number = region_places(regions, count)
    tracks = [""]
    group = group_of_region[region]
    if "hit_track" in hits:
        tracks = regions["track"].values.tolist()
        group = group * len(tracks) + hits["hit_track"].values
    shift = offset[region]
    motif_names, of_motif = motif_numbers(opened.motifs)

    def placed(start: str, end: str) -> Intervals:
        return Intervals(group, shift + hits[start].values, shift + hits[end].values)

    return HitColumns(
        tuple(place_label(*name, track) for name in names for track in tracks),
        placed("hit_start", "hit_end"),
        placed("hit_start_untrimmed", "hit_end_untrimmed"),
        tuple(motif_names),
        of_motif[motif],
        (opened.motifs["motif_strand"].values == "-")[motif],
        number[region].astype(np.int64),
        hits["hit_coefficient"].values.astype(np.float64),
        hits["hit_similarity"].values.astype(np.float64),
        has_tracks="hit_track" in hits,
    )


def _of_store(opened: HitsStore, path: Location) -> HitColumns:
    with reading(path):
        opened.hits.load()
        opened.regions.load()
    return hit_columns(opened)


class RegionPlaces(NamedTuple):
    """Where regions lie: names of the groups, and one entry for each region of the rest."""

    names: list[tuple[str, str]]
    group: NDArray[np.int64]
    start: NDArray[np.int64]
    number: NDArray[np.int64]


def region_places(regions: "xr.Dataset | None", count: int) -> RegionPlaces:
    """Groups are chromosomes, in the order of the store, or regions without coordinates."""
    if regions is None or "region_chrom" not in regions:
        names = [(MISSING, str(number)) for number in range(count)]
        return RegionPlaces(names, np.arange(count), np.zeros(count, np.int64), np.arange(count))
    chroms = regions["region_chrom"].values.tolist()
    order = dict.fromkeys([*regions.attrs.get("chrom_order", ()), *chroms])
    rank = {chrom: number for number, chrom in enumerate(order)}
    return RegionPlaces(
        [(chrom, "") for chrom in order],
        np.array([rank[chrom] for chrom in chroms], dtype=np.int64),
        regions["region_start"].values,
        regions["region_id"].values,
    )


def _of_table(table: HitTable) -> HitColumns:
    table.require("motif_name", "strand", "hit_coefficient", table.similarity)
    labels: dict[str, int] = {}
    names: dict[str, int] = {}
    parts = [
        _block_columns(block, table.similarity, labels, names)
        for block in chain([table.no_rows()], table.blocks())
    ]
    column = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    places = Intervals(column["group"], column["start"], column["end"])
    untrimmed = None
    if all(name in table.columns for name in _UNTRIMMED):
        untrimmed = Intervals(column["group"], *(column[name] for name in _UNTRIMMED))
    return HitColumns(
        tuple(labels),
        places,
        untrimmed,
        tuple(names),
        column["motif"],
        column["is_minus"].astype(np.bool_),
        column["region"],
        column["coefficient"],
        column["similarity"],
        has_tracks="track" in table.columns,
    )


def _block_columns(
    block: TableBlock, similarity: str, labels: dict[str, int], names: dict[str, int]
) -> dict[str, NDArray[Any]]:
    frame = block.frame
    tracks = "track" in frame.columns
    start, end = block.intervals()
    region = np.full(len(frame), -1)
    if "peak_id" in frame.columns:
        region = frame["peak_id"].cast(int, strict=False).fill_null(-1).to_numpy()
    columns = {
        "group": number_labels(block.places(tracks=tracks), labels),
        "start": start,
        "end": end,
        "motif": number_labels(frame["motif_name"], names),
        "is_minus": (frame["strand"] == "-").to_numpy(),
        "region": region,
        "coefficient": block.floats("hit_coefficient"),
        "similarity": block.floats(similarity),
    }
    return columns | {name: block.integers(name) for name in _UNTRIMMED if name in frame.columns}


def with_common_names(a: HitColumns, b: HitColumns) -> tuple[HitColumns, HitColumns]:
    """Return two sets of hits whose labels and motifs are numbered alike.

    Labels in the order of the first set, motifs by name; tracks are left out unless both have them.
    """
    if not (a.has_tracks and b.has_tracks):
        a, b = a.without_tracks(), b.without_tracks()
    labels = {label: number for number, label in enumerate(dict.fromkeys([*a.labels, *b.labels]))}
    names = {name: number for number, name in enumerate(sorted({*a.motif_names, *b.motif_names}))}

    def renumbered(hits: HitColumns) -> HitColumns:
        numbers = np.array([names[name] for name in hits.motif_names], dtype=np.int64)
        common = hits.numbered([labels[label] for label in hits.labels], tuple(labels))
        return replace(common, motif_names=tuple(names), motif=numbers[hits.motif])

    return renumbered(a), renumbered(b)
