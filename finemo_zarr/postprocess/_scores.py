"""The scores that hits were called on, block by block."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.progress import Advance, progress
from finemo_zarr.sequence import NO_BASE, project
from finemo_zarr.store import (
    HitsStore,
    Location,
    RemotePath,
    locate,
    open_regions_of,
    read_block,
    read_info,
)

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

_BLOCK_BASES = 2**24


class ScoreBlock(NamedTuple):
    """Sequences and scores of some regions.

    Parameters
    ----------
    first : int
        The first of the regions.
    codes : array of uint8, ``(region, position)``
        Base codes.
    scores : array of float32, ``(region, position)``
        Contributions of the bases that are there.
    hypothetical : array of float32, ``(region, base, position)``, or None
        Where the store has them.
    """

    first: int
    codes: NDArray[np.uint8]
    scores: NDArray[np.float32]
    hypothetical: NDArray[np.float32] | None


class Scores(NamedTuple):
    """A regions store, and which of its tracks hits were called on."""

    path: Location
    regions: "xr.Dataset"
    tracks: tuple[int, ...] | None

    @classmethod
    def of(
        cls,
        opened: HitsStore,
        hits: Location,
        path: "Path | str | RemotePath | None",
        track: str | None = None,
    ) -> "Scores":
        """Open the regions that hits were called in.

        Parameters
        ----------
        opened : HitsStore
            The hits.
        hits : path
            Where they lie.
        path : path, optional
            The regions store; by default the one that the hits store names.
        track : str, optional
            Track of the hits.

        Raises
        ------
        RunError
            If it was not given, and is not where it was.
        ReadError
            If it is another.
        """
        provenance = read_info(hits).provenance
        found = _found(path, provenance, opened, hits)
        regions = open_regions_of(opened, hits, found)
        return cls(found, regions, _tracks(regions, provenance, track, found))

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return int(self.regions.sizes["region"])

    @property
    def width(self) -> int:
        """Width of the arrays, bp."""
        return int(self.regions.sizes["position"])

    @contextmanager
    def blocks(self, label: str) -> Iterator[Iterator[ScoreBlock]]:
        """Read all regions, some thousand at a time, and show how far that is."""
        with progress(label, self.n_regions) as advance:
            yield self._blocks(advance)

    def _blocks(self, advance: Advance) -> Iterator[ScoreBlock]:
        scores = self.regions["region_contributions"]
        chunk = scores.chunksizes["region"][0]
        step = max(_BLOCK_BASES // (self.width * chunk), 1) * chunk
        for first in range(0, self.n_regions, step):
            part = slice(first, min(first + step, self.n_regions))
            yield self._block(part)
            advance(part.stop - part.start)

    def _block(self, part: slice) -> ScoreBlock:
        block = read_block(self.path, part, self.tracks)
        codes = block["region_sequence"].values
        values = block["region_contributions"].values.astype(np.float32)
        if values.ndim == 3:
            return ScoreBlock(part.start, codes, project(values, codes), values)
        values[codes == NO_BASE] = 0
        return ScoreBlock(part.start, codes, values, None)


def _found(
    path: "Path | str | RemotePath | None",
    provenance: dict[str, Any],
    opened: HitsStore,
    hits: Location,
) -> Location:
    if path is not None:
        return locate(path)
    named = opened.regions.attrs.get("source") or provenance.get("options", {}).get("regions")
    found = None if not named else locate(str(named))
    if found is None or not found.exists():
        raise RunError(
            f"{hits}: holds no scores, and the regions store is not where it was"
            f" ({named or 'not recorded'}); give it with -r/--regions"
        )
    return found


def _tracks(
    regions: "xr.Dataset", provenance: dict[str, Any], track: str | None, path: Location
) -> tuple[int, ...] | None:
    if "track" not in regions.coords:
        return None
    names = [str(name) for name in regions["track"].values]
    chosen: Sequence[str] = provenance.get("options", {}).get("tracks") or names
    wanted = list(chosen) if track is None else [track]
    if unknown := [name for name in wanted if name not in names]:
        raise ReadError(
            f"{path} has no track {unknown[0]!r}, which the hits were called in; it has"
            f" {', '.join(names)}"
        )
    return tuple(names.index(name) for name in wanted)
