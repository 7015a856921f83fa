"""How a run is cut into blocks of regions."""

from collections.abc import Sequence
from dataclasses import dataclass

from finemo_zarr.errors import RunError


@dataclass(frozen=True)
class Block:
    """Regions ``start`` to ``stop`` (exclusive) of one track, the unit of work."""

    index: int
    start: int
    stop: int
    track: int = 0

    @property
    def regions(self) -> slice:
        """The regions of the block along `region`."""
        return slice(self.start, self.stop)

    @property
    def size(self) -> int:
        """Number of regions."""
        return self.stop - self.start


def plan_blocks(
    n_regions: int, chunk: int, target: int | None = None, n_tracks: int = 1
) -> list[Block]:
    """Cut regions into blocks that cover each region once and never split a chunk.

    Two workers that write one chunk would lose data, and xarray would not notice: that blocks end
    where chunks end is decided here and nowhere else.

    Parameters
    ----------
    n_regions : int
        Number of regions.
    chunk : int
        Regions per chunk of the store.
    target : int, optional
        Regions wanted per block, rounded up to whole chunks; by default one chunk.
    n_tracks : int
        Number of tracks; the blocks of a track follow one another.
    """
    size = chunk * max(1, -(-(target or chunk) // chunk))
    places = [(track, start) for track in range(n_tracks) for start in range(0, n_regions, size)]
    return [
        Block(index, start, min(start + size, n_regions), track)
        for index, (track, start) in enumerate(places)
    ]


def share_of(blocks: Sequence[Block], number: int, count: int) -> Sequence[Block]:
    """Return one of several shares of the blocks, which cover them all and are about equal.

    Parameters
    ----------
    blocks : sequence of Block
        All blocks.
    number, count : int
        Which share, from 1, of how many.

    Raises
    ------
    RunError
        If there is no such share.
    """
    if not 1 <= number <= count:
        raise RunError(
            f"share {number}/{count} does not exist; expected 1/{count} to {count}/{count}"
        )
    first, last = ((len(blocks) * edge) // count for edge in (number - 1, number))
    return blocks[first:last]
