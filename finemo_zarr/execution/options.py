"""What is called, and where, of :func:`finemo_zarr.call_hits`."""

from dataclasses import dataclass
from typing import Literal

from finemo_zarr.decoys import DecoyOptions
from finemo_zarr.errors import RunError
from finemo_zarr.execution.scheduler import Workers


@dataclass(frozen=True)
class CallOptions:
    """What is called, and where.

    Parameters
    ----------
    post_filter : bool
        Keep only hits whose similarity is at least the lambda of their motif. A hit without a
        similarity (NaN) is kept.
    tracks : tuple of str, optional
        Names of the tracks to call; by default all.
    combine_tracks : {"mean"}, optional
        Call the mean of the tracks, as one; by default each for itself.
    tile : int, optional
        Solve longer regions in pieces of this many bp, which bounds memory; the hits are the same.
    block : int, optional
        Regions per block, rounded up to whole chunks; by default one chunk.
    scheduler : {"threads", "processes", "sync"} or str
        Where blocks are solved; or the address of a dask cluster.
    jobs : int, optional
        Number of threads or processes; by default one for each core.
    decoys : DecoyOptions, optional
        Call decoys together with the motifs, and give each hit its q-values; of each track by
        itself.
    max_qvalue : float, optional
        Keep only hits whose q-value over all motifs is at most this; implies decoys.

    Raises
    ------
    RunError
        If a value is out of range.
    """

    post_filter: bool = True
    tracks: tuple[str, ...] | None = None
    combine_tracks: Literal["mean"] | None = None
    tile: int | None = None
    block: int | None = None
    scheduler: str = "threads"
    jobs: int | None = None
    decoys: DecoyOptions | None = None
    max_qvalue: float | None = None

    def __post_init__(self) -> None:
        if self.max_qvalue is not None:
            if not 0 < self.max_qvalue <= 1:
                raise RunError(
                    f"max_qvalue is {self.max_qvalue}, expected more than 0, and at most 1"
                )
            if self.decoys is None:
                object.__setattr__(self, "decoys", DecoyOptions())
        for name in ("tile", "block"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise RunError(f"{name} is {value}, expected at least 1")
        Workers(self.scheduler, self.jobs)
