"""A block of regions: its seqlets, and the hits that they become."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.sequence import NO_BASE, one_hot, project
from finemo_zarr_modisco.information import WIDTH
from finemo_zarr_modisco.learned import Learned, central
from finemo_zarr_modisco.patterns import Pattern
from finemo_zarr_modisco.placement import Columns, placed
from finemo_zarr_modisco.query import match
from finemo_zarr_modisco.seqlets import Seqlets, find_seqlets

if TYPE_CHECKING:
    import xarray as xr


def joined(parts: Sequence[Columns]) -> Columns:
    """Columns of several parts, one behind the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True, eq=False)
class Block:
    """Scores of a block of regions.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented motifs.
    scores : array, ``(region, rows, position)``
        One row of projected scores, or four of hypothetical ones.
    projected : array, ``(region, position)``
        Contributions of the bases that are there.
    hot : array, ``(region, position, 4)``
        The sequences, one-hot.
    at : slice
        The central part in which seqlets are looked for.
    """

    motifs: "xr.Dataset"
    scores: NDArray[np.float64]
    projected: NDArray[np.float64]
    hot: NDArray[np.float64]
    at: slice

    @classmethod
    def of(cls, regions: "xr.Dataset", motifs: "xr.Dataset", window: int | None) -> "Block":
        """Take the scores that the mode of the motifs asks for.

        Raises
        ------
        SchemaError
            If the mode needs hypothetical scores and there are none, or a score is not finite.
        """
        codes = regions["region_sequence"].values
        scores = regions["region_contributions"].values.astype(np.float64)
        if not np.isfinite(scores).all():
            raise SchemaError("regions hold scores that are not finite: replace them by 0")
        projected = project(scores, codes) if scores.ndim == 3 else scores.copy()
        projected[codes == NO_BASE] = 0
        mode = str(motifs.attrs["mode"])
        if mode[1] == "h" and scores.ndim == 2:
            raise SchemaError(
                f"mode {mode} needs hypothetical scores, the regions hold projected ones: use mode"
                " pp, in which contributions alone are compared"
            )
        if mode[1] == "p":
            scores = projected[:, None]
        hot = one_hot(codes, np.float64).swapaxes(1, 2)
        return cls(motifs, scores, projected, hot, central(codes.shape[1], window))

    @property
    def hypothetical(self) -> bool:
        """Whether hypothetical scores are compared beside contributions."""
        return bool(self.scores.shape[1] == 4)

    def scales(self) -> NDArray[np.float64]:
        """Root of the mean squared score per base, ``(region,)``."""
        squares = (self.scores**2).sum(axis=(1, 2))
        return np.asarray(np.sqrt(squares / max(self.scores.shape[2], 1)))

    def hits(
        self, learned: Learned, sign: int, rows: NDArray[np.int64], min_ic: float | None
    ) -> Columns:
        """Hits of the motifs of one sign.

        Parameters
        ----------
        learned : Learned
            What is known of their patterns.
        sign : int
            1, or -1 for patterns that lower what the model says.
        rows : array of int
            The motifs, numbered without strands.
        min_ic : float or None
            Least information of the ends of a core; None for the cores of the motifs.
        """
        found = find_seqlets(sign * self.projected[:, self.at], learned.threshold)
        found = Seqlets(found.region, found.start + self.at.start)
        matches = match(learned.model, self._windows(found))
        cores = [
            self._core(pattern, int(row), min_ic)
            for pattern, row in zip(learned.patterns, rows, strict=True)
        ]
        columns = placed(learned.patterns, cores, found, matches)
        columns["motif"] = 2 * rows[matches.owner] + matches.reverse
        bits = columns.pop("bits")
        inside = (columns["start"] >= self.at.start) & (columns["end"] <= self.at.stop)
        if self.motifs.attrs.get("placement") == "full":
            length = self.projected.shape[1]
            inside &= (columns["start_untrimmed"] >= 0) & (columns["end_untrimmed"] <= length)
        good = np.flatnonzero(inside & (columns["mod_precision"] > 0))
        # Of several seqlets that say the same, the one that says it best.
        good = good[np.argsort(-columns["mod_percentile"][good], kind="stable")]
        place = np.stack([columns[name][good] for name in ("region", "motif", "start")])
        good = np.sort(good[np.unique(place, axis=1, return_index=True)[1]])
        columns = {name: values[good] for name, values in columns.items()}
        return columns | self._importance(columns, bits[good])

    def _windows(self, seqlets: Seqlets) -> NDArray[np.float64]:
        """Scores ``(seqlet, track, window, 4)``."""
        region, position = seqlets.region[:, None], seqlets.start[:, None] + np.arange(WIDTH)
        if not seqlets.region.size:
            return np.zeros((0, 1 + self.hypothetical, WIDTH, 4))
        tracks = [self.projected[region, position][..., None] * self.hot[region, position]]
        if self.hypothetical:
            tracks.append(self.scores.swapaxes(1, 2)[region, position])
        return np.stack(tracks, axis=1)

    def _core(self, pattern: Pattern, row: int, min_ic: float | None) -> tuple[int, int]:
        """The core of a pattern in it, as start and end."""
        if min_ic is not None:
            return pattern.core(min_ic)
        start, end = (
            int(self.motifs[f"motif_{name}"].values[2 * row]) for name in ("start", "end")
        )
        return start, end

    def _importance(self, hits: Columns, bits: NDArray[np.float64]) -> Columns:
        """Importance of the bases of the cores."""
        step = np.arange(bits.shape[1])
        inside = step < (hits["end"] - hits["start"])[:, None]
        position = np.where(inside, hits["start"][:, None] + step, 0)
        region = hits["region"]
        under = np.where(inside, self.projected[region[:, None], position], 0)
        total = np.abs(self.projected[:, self.at]).sum(axis=1)[region]
        sums = np.abs(under).sum(axis=1)
        share = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
        found = {
            "importance": sums,
            "importance_sq": (under**2).sum(axis=1),
            "coefficient": under.sum(axis=1),
            "imp_frac": np.minimum(share, 1),  # but for rounding, it never is more
            "imp_ic_avg": (bits * under).sum(axis=1) / (hits["end"] - hits["start"]),
        }
        return {name: values.astype(np.float32) for name, values in found.items()}
