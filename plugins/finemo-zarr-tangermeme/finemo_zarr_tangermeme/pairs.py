"""What a model predicts for two motifs side by side, against what each does by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.sequence import decode, encode, one_hot
from finemo_zarr_tangermeme.attributing import prediction
from finemo_zarr_tangermeme.packages import LOCK, package

ORIENTATIONS = ("++", "+-", "-+", "--")
_DISTANCES_AT_ONCE = 16
_SCALES: dict[str, Callable[[Any], Any]] = {
    "linear": np.asarray,
    "log": np.exp,
    "log1p": np.expm1,
}


class PairEffect(NamedTuple):
    """Predictions ``(background, distance)``, or ``(background, 1)`` where no motif moves.

    Parameters
    ----------
    none, first, second, both : arrays
        Without a motif; with the first one, at its place; with the second one, at each distance
        from where the first would end; with both.
    """

    none: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    both: NDArray[np.float64]

    def interaction(self) -> NDArray[np.float64]:
        """What both do beyond the sum of what each does: 0 where they do not know each other."""
        return self.both - self.first - self.second + self.none

    def fold(self) -> NDArray[np.float64]:
        """What the first one does beside the second, by what it predicts alone: 1 for no change."""
        change: NDArray[np.float64] = self.both - (self.second - self.none)
        return np.divide(change, self.first, out=np.full_like(change, np.nan), where=self.first > 0)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Backgrounds and a model, for pairs of motifs.

    Parameters
    ----------
    head : torch.nn.Module
        One number per sequence.
    codes : array of uint8, ``(background, position)``
        The backgrounds.
    distances : array of int, ``(distance,)``
        Bases between the two motifs.
    scale : {"linear", "log", "log1p"}
        Of what the head returns; effects are compared on the linear scale.
    batch_size, device
        For torch.
    """

    head: Any
    codes: NDArray[np.uint8]
    distances: NDArray[np.int64]
    scale: str
    batch_size: int
    device: str
    _alone: dict[Any, NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def effect(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], orientation: str
    ) -> Iterator[PairEffect]:
        """The effects of two sites, given as base codes, some distances at a time.

        The first site has its place in the middle; the second lies after it. What is predicted
        without the pair is predicted once.
        """
        left, right = (
            _strand(site, strand) for site, strand in zip((first, second), orientation, strict=True)
        )
        start = self.codes.shape[1] // 2 - left.size // 2
        none = self._cached("", start, "")
        alone = self._cached(decode(left), start, "")
        for low in range(0, self.distances.size, _DISTANCES_AT_ONCE):
            some = self.distances[low : low + _DISTANCES_AT_ONCE]
            moved = self._cached("N" * left.size, start, decode(right), tuple(some.tolist()))
            both = self._spaced(decode(left), start, decode(right), tuple(some.tolist()))
            yield PairEffect(none, alone, moved, both)

    def _cached(
        self, left: str, start: int, right: str, distances: tuple[int, ...] = ()
    ) -> NDArray[np.float64]:
        key = (left, start, right, distances)
        if key not in self._alone:
            self._alone[key] = (
                self._spaced(*key) if right else self._linear(self._with(left, start))[:, None]
            )
        return self._alone[key]

    def _with(self, site: str, start: int) -> NDArray[np.uint8]:
        codes = self.codes.copy()
        codes[:, start : start + len(site)] = encode(site)
        return codes

    def _linear(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        made = prediction(self.head, codes, self.batch_size, self.device)
        linear: NDArray[np.float64] = _SCALES[self.scale](made)
        return linear

    def _spaced(
        self, left: str, start: int, right: str, distances: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Predictions ``(background, distance)``; N leaves the base that is there."""
        torch = package("torch", "Pairs of motifs")
        space = package("tangermeme.space", "Pairs of motifs").space
        with LOCK:
            made = space(
                self.head,
                torch.from_numpy(one_hot(self.codes, np.int8)),
                [left, right],
                np.array(distances)[:, None],
                start=start,
                batch_size=self.batch_size,
                device=self.device,
            ).y_afters
        linear: NDArray[np.float64] = _SCALES[self.scale](made[..., 0].double().numpy())
        return linear


def _strand(site: NDArray[np.uint8], strand: str) -> NDArray[np.uint8]:
    return site if strand == "+" else (3 - site[::-1]).astype(np.uint8)
