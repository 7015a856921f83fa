"""Composite motifs: two hits at a fixed spacing and orientation, more often than by chance."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError, SchemaError, UnreachableMotifWarning
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.motifs import MotifOptions, motif_numbers, prepare_motifs
from finemo_zarr.postprocess._columns import region_places
from finemo_zarr.postprocess._composite_motifs import Spans, Sums, mean_motifs, sum_spans
from finemo_zarr.postprocess._hit_pairs import (
    HitPairs,
    PlacedHits,
    find_pairs,
    first_of_each,
    one_of_region,
)
from finemo_zarr.postprocess._new_store import write_groups
from finemo_zarr.postprocess._scores import Scores
from finemo_zarr.postprocess._spacings import SpacingTest, compare_spacings
from finemo_zarr.postprocess.collapse import VARIABLE as PRIMARY
from finemo_zarr.store import (
    HitsStore,
    Location,
    RemotePath,
    hits_path,
    open_hits,
    reading,
)

if TYPE_CHECKING:
    import xarray as xr

IntArray = NDArray[np.int64]

# A row whose spacer has so many bases, with so many bits each, is likely a repeat.
REPEAT_SPACING = 4
REPEAT_BITS = 0.75


@dataclass(frozen=True)
class CompositeOptions:
    """Which pairs are looked for.

    Parameters
    ----------
    min_spacing, max_spacing : int
        Bases between the cores; below 0, they overlap.
    background : int
        Spacings on either side with which a spacing is compared.
    max_qvalue : float
        Largest false-discovery rate, over all arrangements and spacings.
    min_count : int
        Fewest pairs.
    most : int
        Composite motifs to make at most, those with the smallest p-values.
    flank : int
        Bases beside the two cores that belong to a composite motif.
    repeats : bool
        Make motifs of likely repeats, too.
    """

    min_spacing: int = 0
    max_spacing: int = 100
    background: int = 10
    max_qvalue: float = 0.01
    min_count: int = 20
    most: int = 50
    flank: int = 5
    repeats: bool = False

    def __post_init__(self) -> None:
        if self.max_spacing < self.min_spacing:
            raise ValueError(
                f"the largest spacing is {self.max_spacing}, and the smallest {self.min_spacing}"
            )
        if self.background < 1 or self.min_count < 1 or self.flank < 0 or self.most < 0:
            raise ValueError("background and min_count must be above 0, flank and most 0 or more")

    @property
    def spacings(self) -> range:
        """All of them."""
        return range(self.min_spacing, self.max_spacing + 1)


class Composites(NamedTuple):
    """What was found.

    Parameters
    ----------
    rows : list of dict
        A row for each arrangement and spacing that is more frequent, the smallest p-value first;
        likely repeats (``likely_repeat``, 1 or 0, known where scores are read) last.
    curves : xarray.Dataset
        ``count``, ``expected``, ``qvalue`` ``(arrangement, spacing)`` of all arrangements of the
        pairs of motifs in the rows; coordinates ``left``, ``right`` (motif and strand).
    motifs : xarray.Dataset or None
        Motifs of the first rows that are no likely repeats, not oriented; None if there are none,
        or no scores were asked for.
    num_pairs : int
        Pairs of hits that were looked at.
    """

    rows: list[dict[str, Any]]
    curves: "xr.Dataset"
    motifs: "xr.Dataset | None"
    num_pairs: int


class _Found(NamedTuple):
    """Hits, pairs and tests; rows of the tests are `arrangements`.

    Pairs of one cell of the tests stand together, from one of the `bounds` to the next.
    """

    hits: PlacedHits
    pairs: HitPairs
    bounds: IntArray
    arrangements: IntArray
    test: SpacingTest
    names: list[str]
    num_pairs: int


def find_composites(
    hits: Path | str | RemotePath,
    regions: Path | str | RemotePath | None = None,
    options: CompositeOptions | None = None,
    *,
    track: str | None = None,
    primary: bool = False,
    motifs: bool = True,
) -> Composites:
    """Find pairs of motifs whose hits lie at one spacing more often than at those around it.

    Of each region, an arrangement counts once at each spacing.

    Parameters
    ----------
    hits : path
        A hits store, or a folder that `call-hits` wrote.
    regions : path, optional
        The regions store that they were called in; by default the one that they name.
    options : CompositeOptions, optional
        Which pairs.
    track : str, optional
        Track of the hits; needed where there are several.
    primary : bool
        Look at hits that are primary only.
    motifs : bool
        Read the scores, tell likely repeats, and make composite motifs.

    Raises
    ------
    ReadError
        If a store cannot be read, or the regions are others.
    RunError
        If the regions store is needed and not found, or no track is named.
    SchemaError
        If no hit is marked as primary.
    """
    options = options or CompositeOptions()
    path = hits_path(hits)
    opened = open_hits(path)
    with reading(path):
        for group in opened:
            group.load()
    name, chosen = _chosen(opened, path, track, primary=primary)
    # Regions that were named are looked at even where nothing is found.
    scores = None if regions is None else Scores.of(opened, path, regions, name)
    found = _count(opened, chosen, options)
    rows, cells = _significant(found, options)
    made = None
    if motifs and rows:
        scores = scores or Scores.of(opened, path, None, name)
        spans = [_spans(found, cell, options) for cell in cells]
        made = _motifs(rows, sum_spans(scores, spans), options)
    return Composites(rows, _curves(found, rows, options), made, found.num_pairs)


def _chosen(
    opened: HitsStore, path: Location, track: str | None, *, primary: bool
) -> tuple[str | None, IntArray]:
    """Track and indices of the hits that are looked at."""
    count = opened.hits.sizes["hit"]
    chosen = np.ones(count, dtype=np.bool_)
    if primary:
        if PRIMARY not in opened.hits:
            raise SchemaError(
                f"{path}: has no variable {PRIMARY}: `collapse-hits -o NAME.zarr` computes it"
            )
        chosen = opened.hits[PRIMARY].values
    if "hit_track" in opened.hits:
        names = [str(name) for name in opened.regions["track"].values]
        track = names[0] if track is None and len(names) == 1 else track
        if track not in names:
            raise RunError(f"{path}: name one of its tracks (--track): {', '.join(names)}")
        chosen = chosen & (opened.hits["hit_track"].values == names.index(track))
    elif track is not None:
        raise RunError(f"{path}: has no tracks, and --track {track} was given")
    return track, np.flatnonzero(chosen)


def _count(opened: HitsStore, chosen: IntArray, options: CompositeOptions) -> _Found:
    hits = opened.hits.isel(hit=chosen)
    names, numbers = motif_numbers(opened.motifs)
    oriented = 2 * numbers + (opened.motifs["motif_strand"].values == "-")
    region, start, end = (
        hits[f"hit_{name}"].values.astype(np.int64) for name in ("region", "start", "end")
    )
    placed = PlacedHits(region, start, end, oriented[hits["hit_motif"].values])
    pairs = find_pairs(placed, 2 * len(names), options.spacings)
    if "region_chrom" in opened.regions:
        _, group, offset, _ = region_places(opened.regions, opened.qc.sizes["region"])
        absolute = start + offset[region]
        reach = int(absolute.max(initial=0)) - int(absolute.min(initial=0)) + 1
        pairs = first_of_each(pairs, placed, group[region] * reach + absolute)
    number = len(pairs.left)
    pairs = one_of_region(pairs, placed)
    arrangements, index = np.unique(pairs.arrangement, return_inverse=True)
    n_spacings = len(options.spacings)
    cells = index * n_spacings + pairs.spacing - options.min_spacing
    count = np.bincount(cells, minlength=len(arrangements) * n_spacings)
    pairs = pairs.take(np.argsort(cells, kind="stable"))
    bounds = np.concatenate([[0], np.cumsum(count)])
    count = count.reshape(len(arrangements), n_spacings)
    test = compare_spacings(count, options.background, options.max_qvalue)
    return _Found(placed, pairs, bounds, arrangements, test, names, number)


def _significant(
    found: _Found, options: CompositeOptions
) -> tuple[list[dict[str, Any]], list[tuple[int, int]]]:
    """Rows of the table, and where they stand in the tests."""
    test = found.test
    high = (test.qvalue <= options.max_qvalue) & (test.observed >= options.min_count)
    cells = np.argwhere(high)
    # The smallest p-values cannot be told from 0: of these, the larger counts first.
    cells = cells[np.lexsort((-test.observed[high], test.pvalue[high]))]
    rows = []
    for index, column in cells.tolist():
        left, right = _sides(found, index)
        spacing = column + options.min_spacing
        count, expected = int(test.observed[index, column]), float(test.expected[index, column])
        rows.append(
            {
                "name": f"{''.join(left)}_{spacing}_{''.join(right)}",
                "motif_left": left[0],
                "strand_left": left[1],
                "motif_right": right[0],
                "strand_right": right[1],
                "spacing": spacing,
                "count": count,
                "expected": expected,
                "fold": count / expected if expected else float("inf"),
                "pvalue": float(test.pvalue[index, column]),
                "qvalue": float(test.qvalue[index, column]),
            }
        )
    return rows, [(index, column) for index, column in cells.tolist()]


def _sides(found: _Found, index: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """Motif and strand on the left and on the right of an arrangement."""
    sides = divmod(int(found.arrangements[index]), 2 * len(found.names))
    left, right = ((found.names[side // 2], "+-"[side % 2]) for side in sides)
    return left, right


def _spans(found: _Found, cell: tuple[int, int], options: CompositeOptions) -> Spans:
    number = cell[0] * len(options.spacings) + cell[1]
    left, right, _, flipped, _ = found.pairs.take(
        np.arange(found.bounds[number], found.bounds[number + 1])
    )
    hits = found.hits
    start = np.minimum(hits.start[left], hits.start[right])
    width = np.maximum(hits.end[left], hits.end[right]) - start
    # Cores of one motif may differ in hits that were cut off: the usual width counts.
    usual = int(np.bincount(width).argmax())
    same = width == usual
    first = np.where(flipped, right, left)[same]
    begin = options.flank + int(np.bincount(hits.end[first] - hits.start[first]).argmax())
    gap = slice(begin, begin + max(cell[1] + options.min_spacing, 0))
    region = hits.group[left[same]]
    return Spans(region, start[same] - options.flank, flipped[same], usual + 2 * options.flank, gap)


def _motifs(
    rows: list[dict[str, Any]], sums: list[Sums], options: CompositeOptions
) -> "xr.Dataset | None":
    """Composite motifs; their rows say what they were made of, and likely repeats come last."""
    by_name = {}
    for row, each in zip(rows, sums, strict=True):
        row["num_averaged"] = each.count
        row["num_distinct"] = each.distinct
        row["gap_bits"] = each.gap_bits
        conserved = row["spacing"] >= REPEAT_SPACING and each.gap_bits >= REPEAT_BITS
        row["likely_repeat"] = int(conserved)
        by_name[row["name"]] = each
    rows.sort(key=lambda row: row["likely_repeat"])
    names = [row["name"] for row in rows if options.repeats or not row["likely_repeat"]]
    names = [name for name in names[: options.most] if by_name[name].cwm.any()]
    return mean_motifs(names, [by_name[name] for name in names]) if names else None


def _curves(found: _Found, rows: list[dict[str, Any]], options: CompositeOptions) -> "xr.Dataset":
    import xarray as xr

    wanted = {frozenset((row["motif_left"], row["motif_right"])) for row in rows}
    sides = [_sides(found, index) for index in range(len(found.arrangements))]
    kept = [n for n, (a, b) in enumerate(sides) if frozenset((a[0], b[0])) in wanted]
    test, dims = found.test, ("arrangement", "spacing")
    coords: dict[str, Any] = {"spacing": np.array(options.spacings)}
    for side, name in enumerate(("left", "right")):
        for part, what in enumerate(("motif", "strand")):
            values = [sides[index][side][part] for index in kept]
            coords[f"{what}_{name}"] = ("arrangement", np.array(values, dtype=object))
    return xr.Dataset(
        {
            "count": (dims, test.observed[kept]),
            "expected": (dims, test.expected[kept]),
            "qvalue": (dims, test.qvalue[kept]),
        },
        coords=coords,
        attrs={"max_qvalue": options.max_qvalue, "min_count": options.min_count},
    )


def write_motif_store(path: Location, motifs: "xr.Dataset", provenance: Mapping[str, Any]) -> None:
    """Write motifs as a hits store without regions and hits, which `call-hits -m` reads.

    Parameters
    ----------
    path : path
        Where there is nothing yet.
    motifs : xarray.Dataset
        A motifs dataset, not oriented.
    provenance : mapping
        How they were made.
    """
    import xarray as xr

    with warnings.catch_warnings():
        # Lambda is chosen when hits are called, and looked at then.
        warnings.simplefilter("ignore", UnreachableMotifWarning)
        oriented = prepare_motifs(motifs, MotifOptions())
    none = np.zeros(0, dtype=np.int64)
    positions = ("region", "motif", "start", "end", "start_untrimmed", "end_untrimmed")
    empty = HitsStore(
        xr.Dataset(attrs={"region_width": 0}),
        oriented,
        create_qc({"scale": none}),
        create_hits(dict.fromkeys((*positions, "coefficient"), none)),
    )
    write_groups(path, empty, provenance)
