"""Q-values of the hits of a run, from those of the decoys that were called with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.decoys import decoys_per_motif, hit_qvalues, is_decoy
from finemo_zarr.model import variable_attrs

if TYPE_CHECKING:
    import xarray as xr

Part = Mapping[str, NDArray[Any]]

QVALUES = ("hit_qvalue", "hit_qvalue_motif")
"""What a hit gets when all hits are known, whatever a solver says."""
DECOY_VARIABLES = ("motif_decoy_hits", "motif_decoy_cosine")
"""What a store with q-values says of the decoys of a motif."""


@dataclass(frozen=True)
class Ranks:
    """What is known of the hits of all parts, in their order.

    Parameters
    ----------
    qvalue, qvalue_motif : array of float32, ``(hit,)``
        Q-values, over all motifs and in the hit's own.
    kept : array of bool, ``(hit,)``
        Whether a hit is of a motif, and sure enough.
    decoy_hits : array of int, ``(motif,)``
        Hits of the decoys of each oriented motif.
    """

    qvalue: NDArray[np.float32]
    qvalue_motif: NDArray[np.float32]
    kept: NDArray[np.bool_]
    decoy_hits: NDArray[np.int64]

    def of_part(self, part: Part, first: int) -> dict[str, NDArray[Any]]:
        """Return the part that begins with a hit: what is kept of it, with q-values."""
        rows = slice(first, first + len(part["hit_region"]))
        chosen = np.flatnonzero(self.kept[rows])
        ranked = {
            **part,
            "hit_qvalue": self.qvalue[rows],
            "hit_qvalue_motif": self.qvalue_motif[rows],
        }
        return {
            name: values[chosen] if name.startswith("hit_") else values
            for name, values in ranked.items()
        }


@dataclass(frozen=True)
class Ranking:
    """How hits are ranked: by coefficient times similarity, those of each track by themselves.

    Parameters
    ----------
    motifs : xarray.Dataset
        Motifs and decoys, from :func:`finemo_zarr.decoys.add_decoys`.
    max_qvalue : float or None
        Largest q-value, over all motifs, of a hit that is kept.
    """

    motifs: "xr.Dataset"
    max_qvalue: float | None = None

    def motif_variables(self) -> dict[str, Any]:
        """Variables of the motifs without decoys; the hits of the decoys are not counted yet."""
        decoy, parents = is_decoy(self.motifs), self.motifs["motif_parent"].values
        largest = np.full(int(parents.max()) + 1, np.nan)
        np.fmax.at(largest, parents, self.motifs["motif_decoy_cosine"].values)
        values = (np.zeros(int((~decoy).sum()), dtype=np.int64), np.repeat(largest, 2))
        return {
            name: ("motif", value, variable_attrs("motifs", name))
            for name, value in zip(DECOY_VARIABLES, values, strict=True)
        }

    def rank(self, parts: Iterable[Part]) -> Ranks:
        """Rank the hits of all parts.

        Parameters
        ----------
        parts : iterable of mapping
            Columns of the hits, by name; only a few numbers per hit are held in memory.
        """
        scores = [np.zeros(0)]
        motifs, tracks = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        for part in parts:
            similarity = part["hit_similarity"].astype(np.float64)
            scores.append(part["hit_coefficient"] * similarity)
            motifs.append(part["hit_motif"])
            tracks.append(part.get("hit_track", np.zeros(similarity.size, np.int32)))
        score, motif, track = (np.concatenate(values) for values in (scores, motifs, tracks))
        return self._ranked(score, motif, track)

    def _ranked(self, score: NDArray[Any], motif: NDArray[Any], track: NDArray[Any]) -> Ranks:
        decoy, parents = is_decoy(self.motifs), self.motifs["motif_parent"].values
        per_motif = decoys_per_motif(self.motifs)
        qvalues = np.full((2, score.size), np.nan, dtype=np.float32)
        for number in np.unique(track):
            rows = np.flatnonzero(track == number)
            of = motif[rows]
            qvalues[:, rows] = hit_qvalues(score[rows], parents[of], decoy[of], per_motif)
        kept = ~decoy[motif]
        if self.max_qvalue is not None:
            kept &= qvalues[0] <= np.float32(self.max_qvalue)
        # The strands of a motif, and of a decoy, follow one another.
        oriented = 2 * parents + np.arange(parents.size) % 2
        found = np.bincount(oriented[motif[decoy[motif]]], minlength=int((~decoy).sum()))
        return Ranks(qvalues[0], qvalues[1], kept, found)
