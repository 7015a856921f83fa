"""Hits and seqlets as arrays of the same kind: motifs at places, whoever put them there."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.intervals import Intervals
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

IntArray = NDArray[np.int64]


class MotifTable(NamedTuple):
    """The motifs of a store, both strands as one: arrays ``(motif,)``, in the order of the store.

    Parameters
    ----------
    names, original : array of str
        Name, and name in the motif file.
    width : array of int
        Untrimmed.
    core : array of int, ``(motif, 2)``
        Start and end of the core on the ``+`` strand.
    oriented : array of int, ``(motif, 2)``
        Index of the ``+`` and of the ``-`` motif along the dimension of the store.
    of_oriented : array of int, ``(oriented motif,)``
        Index of the motif.
    """

    names: NDArray[Any]
    original: NDArray[Any]
    width: IntArray
    core: IntArray
    oriented: IntArray
    of_oriented: IntArray

    @classmethod
    def of(cls, motifs: "xr.Dataset") -> "MotifTable":
        """Pair the strands of an oriented motifs dataset."""
        forward = np.flatnonzero(motifs["motif_strand"].values == "+")
        backward = np.flatnonzero(motifs["motif_strand"].values == "-")
        names = motifs["motif_name"].values.tolist()
        number = {names[index]: at for at, index in enumerate(forward)}
        of_oriented = np.array([number[name] for name in names], dtype=np.int64)
        oriented = np.stack([forward, backward[np.argsort(of_oriented[backward])]], axis=1)
        plus = motifs.isel(motif=forward)
        original = plus.get("motif_name_orig", plus["motif_name"])
        return cls(
            plus["motif_name"].values,
            original.values,
            plus["motif_width"].values.astype(np.int64),
            np.stack([plus["motif_start"].values, plus["motif_end"].values], axis=1),
            oriented,
            of_oriented,
        )

    def cores(self, motif: IntArray, reverse: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
        """Start and end of cores, relative to the untrimmed start."""
        start, end, width = self.core[motif, 0], self.core[motif, 1], self.width[motif]
        return np.where(reverse, width - end, start), np.where(reverse, width - start, end)


class Instances(NamedTuple):
    """Motifs at places: arrays ``(instance,)``.

    Parameters
    ----------
    motif : array of int
        Index of the motif, whatever its strand.
    reverse : array of bool
        Whether it lies on the ``-`` strand.
    region : array of int
        Index of the region; -1 where the place lies in none.
    start : array of int
        Untrimmed start, relative to the region.
    group, position : array of int
        Number of the chromosome and untrimmed start on it; region and start where there are no
        coordinates.
    core_start, core_end : array of int
        The core, relative to the untrimmed start: that of the hit, which need not be the motif's.
    """

    motif: IntArray
    reverse: NDArray[np.bool_]
    region: IntArray
    start: IntArray
    group: IntArray
    position: IntArray
    core_start: IntArray
    core_end: IntArray

    def take(self, rows: Any) -> "Instances":
        """Some of the instances."""
        return Instances(*(column[rows] for column in self))

    def keys(self) -> NDArray[Any]:
        """What makes an instance the same as another: place, motif and strand."""
        columns = [self.group, self.position, self.motif, self.reverse.astype(np.int64)]
        table = np.ascontiguousarray(np.stack(columns, axis=1).astype(np.int64))
        return table.view([(name, np.int64) for name in "gpmr"]).ravel()

    def unique(self) -> "Instances":
        """Each once, the first of those that are the same."""
        _, first = np.unique(self.keys(), return_index=True)
        return self.take(np.sort(first))

    def intervals(self) -> Intervals:
        """Intervals of the cores."""
        return Intervals(self.group, self.position + self.core_start, self.position + self.core_end)


class Places(NamedTuple):
    """Where the regions lie: arrays ``(region,)``; `number` is the one of TF-MoDISco."""

    group: IntArray
    start: IntArray
    width: IntArray
    number: IntArray
    chroms: tuple[str, ...] | None

    @classmethod
    def of(cls, opened: HitsStore) -> "Places":
        """Read the coordinates of a store."""
        regions, count = opened.regions, opened.qc.sizes["region"]
        full = np.full(count, int(regions.attrs["region_width"]), dtype=np.int64)
        width = regions["region_width"].values if "region_width" in regions else full
        if "region_chrom" not in regions:
            numbers = np.arange(count)
            return cls(numbers, np.zeros(count, np.int64), width, numbers, None)
        names = regions["region_chrom"].values.astype(object)
        chroms, group = np.unique(names, return_inverse=True)
        return cls(
            group.astype(np.int64),
            regions["region_start"].values.astype(np.int64),
            width,
            example_numbers(regions, count),
            tuple(str(chrom) for chrom in chroms),
        )


def example_numbers(regions: "xr.Dataset", count: int) -> IntArray:
    """Numbers ``(region,)`` of regions among the sequences that TF-MoDISco saw."""
    for name in ("region_example", "region_id"):
        if name in regions:
            return np.asarray(regions[name].values, dtype=np.int64)
    return np.arange(count)


def find_examples(numbers: IntArray, example: IntArray) -> IntArray:
    """Rows of regions by their numbers; -1 where there is no such region."""
    order = np.argsort(numbers, kind="stable")
    at = np.minimum(np.searchsorted(numbers[order], example), len(numbers) - 1)
    rows: IntArray = order[at]
    return np.where(numbers[rows] == example, rows, -1)


def hit_instances(opened: HitsStore) -> Instances:
    """Hits of a store as instances, in the order of the store."""
    motifs, places = MotifTable.of(opened.motifs), Places.of(opened)
    oriented = opened.hits["hit_motif"].values.astype(np.int64)
    region = opened.hits["hit_region"].values.astype(np.int64)
    start, first, last = (
        opened.hits[f"hit_{name}"].values.astype(np.int64)
        for name in ("start_untrimmed", "start", "end")
    )
    return Instances(
        motifs.of_oriented[oriented],
        opened.motifs["motif_strand"].values[oriented] == "-",
        region,
        start,
        places.group[region],
        places.start[region] + start,
        first - start,
        last - start,
    )
