"""What filters are told, what they find, and the hits that they look at."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.postprocess._scores import Scores
from finemo_zarr.postprocess.collapse import VARIABLE as PRIMARY
from finemo_zarr.store import (
    HitsStore,
    Location,
    RemotePath,
    hits_path,
    open_hits,
    read_info,
    reading,
)

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
Flags = NDArray[np.bool_]

IMPORTANCE = "hit_imp_frac"
SIMILARITY = "hit_cwm_similarity"
MEANINGS = {
    IMPORTANCE: "Share of the absolute scores of the region that lies under the core.",
    SIMILARITY: "Product of scores and CWM, each divided by the sum of its absolute values.",
}
GRID = 2000


@dataclass(frozen=True)
class IsotonicOptions:
    """How hits are told from random windows.

    Parameters
    ----------
    importance : float
        Precision of the importance that a hit needs in any case.
    sufficient : float
        Precision of the importance with which a hit needs no similarity.
    similarity : float
        Precision of the similarity that a less important hit needs.
    window : int, optional
        Central part of the regions, in bp, that importance is a share of; by default that of the
        run, where the solver had one, else all.
    seed : int
        Of the random windows.
    """

    importance: float = 0.5
    sufficient: float = 0.8
    similarity: float = 0.99
    window: int | None = None
    seed: int = 20210412


@dataclass(frozen=True)
class ExponentialOptions:
    """How hits are told from the rest of a distribution.

    Parameters
    ----------
    share : float
        Share of the exponential part, above the most frequent score, that is left out.
    score : str
        Variable of the store, or column of the table.
    window : int, optional
        As for :class:`IsotonicOptions`, where the importance is computed.
    """

    share: float = 0.1
    score: str = IMPORTANCE
    window: int | None = None


class Filtered(NamedTuple):
    """What a filter found.

    Parameters
    ----------
    kept : array of bool, ``(hit,)``
        Which hits are kept.
    columns : dict of array, ``(hit,)``
        New variables of the hits; NaN where a hit was not looked at.
    summary : list of dict
        A row for each motif (and track): thresholds and counts.
    panels : list of xarray.Dataset
        What figures are drawn of, in the order of the summary.
    """

    kept: Flags
    columns: dict[str, FloatArray]
    summary: list[dict[str, Any]]
    panels: "list[xr.Dataset]"


class FilterSource(NamedTuple):
    """Hits in memory, and which of them are looked at."""

    path: Location
    opened: HitsStore
    regions: Path | str | RemotePath | None
    chosen: Flags
    window: int | None

    @classmethod
    def open(
        cls,
        hits: Path | str | RemotePath,
        regions: Path | str | RemotePath | None,
        window: int | None,
        *,
        primary: bool,
    ) -> "FilterSource":
        """Open a hits store; of regions, only when their scores are asked for."""
        path = hits_path(hits)
        opened = open_hits(path)
        with reading(path):
            for group in opened:
                group.load()
        if primary and PRIMARY not in opened.hits:
            raise SchemaError(
                f"{path}: has no variable {PRIMARY}: `collapse-hits -o NAME.zarr` computes it"
            )
        count = opened.hits.sizes["hit"]
        chosen = opened.hits[PRIMARY].values if primary else np.ones(count, dtype=np.bool_)
        if window is None:
            window = read_info(path).provenance.get("options", {}).get("window")
        return cls(path, opened, regions, chosen, window)

    def tracks(self) -> Iterator[tuple[str | None, NDArray[np.int64]]]:
        """Each track and its hits that are looked at."""
        hits = self.opened.hits
        if "hit_track" not in hits:
            yield None, np.flatnonzero(self.chosen)
            return
        for number, name in enumerate(self.opened.regions["track"].values.tolist()):
            yield str(name), np.flatnonzero(self.chosen & (hits["hit_track"].values == number))

    def scores(self, track: str | None) -> Scores:
        """The scores that the hits of a track were called on."""
        return Scores.of(self.opened, self.path, self.regions, track)

    def empty(self) -> FloatArray:
        """NaN for each hit."""
        return np.full(self.opened.hits.sizes["hit"], np.nan)


def described(options: IsotonicOptions | ExponentialOptions) -> dict[str, Any]:
    """What stands of options in a provenance."""
    method = "isotonic" if isinstance(options, IsotonicOptions) else "exponential"
    return {"method": method, **asdict(options)}
