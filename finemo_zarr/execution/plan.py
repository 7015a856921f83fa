"""How a run is cut into blocks of regions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Regions ``start`` to ``stop`` (exclusive), the unit of work."""

    index: int
    start: int
    stop: int

    @property
    def regions(self) -> slice:
        """The regions of the block along `region`."""
        return slice(self.start, self.stop)

    @property
    def size(self) -> int:
        """Number of regions."""
        return self.stop - self.start


def plan_blocks(n_regions: int, chunk: int, target: int | None = None) -> list[Block]:
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
    """
    size = chunk * max(1, -(-(target or chunk) // chunk))
    starts = range(0, n_regions, size)
    return [Block(index, start, min(start + size, n_regions)) for index, start in enumerate(starts)]
