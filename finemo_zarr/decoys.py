"""Decoys: motifs that are nowhere, which show how many hits come about by chance.

A decoy is a motif whose core has its columns in another order: the same columns, the same energy,
the same lambda, and so the same chance to fit scores that no motif made. Decoys are called together
with the motifs and compete with them for every base. Where there is no site, a motif and each of
its decoys win equally often; so the hits of the decoys above some score, divided by the number of
decoys per motif, tell how many hits of the motifs above that score are to be expected false.

Decoys cannot see errors that favour the motifs: a hit of the wrong one of two motifs that look
alike, or a hit on something that looks like a motif and is none.
"""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, SchemaError

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]

DECOY = "decoy"
"""``motif_origin`` of a decoy."""

_MATRICES = ("motif_cwm", "motif_hcwm", "motif_ppm", "motif_weights")
_BATCH = 32  # orders that are drawn together
_BATCHES = 4  # at most, for one motif
_SAME = 1 - 1e-9  # cosine of a decoy that is a motif
_MOST_GAINED = 3  # by which the q-value in a motif may be larger than that over all
_NAMES_SHOWN = 3


@dataclass(frozen=True)
class DecoyOptions:
    """Which decoys are made.

    Parameters
    ----------
    per_motif : int
        Decoys of each motif. More of them give q-values that depend less on the seed, and are finer
        where there are few hits, and take longer.
    max_cosine : float
        The largest cosine, over all offsets and both strands, of the core of a decoy with that of
        any motif.
    seed : int
        Seed of the orders, not negative.

    Raises
    ------
    SchemaError
        If a value is out of range.
    """

    per_motif: int = 3
    max_cosine: float = 0.65
    seed: int = 0

    def __post_init__(self) -> None:
        if self.per_motif < 1:
            raise SchemaError(f"decoys per motif is {self.per_motif}, expected at least 1")
        if not 0 < self.max_cosine <= 1:
            raise SchemaError(
                f"the largest cosine of a decoy is {self.max_cosine}, expected more than 0, up to 1"
            )
        if self.seed < 0:
            raise SchemaError(f"the seed of the decoys is {self.seed}, expected at least 0")


def add_decoys(motifs: "xr.Dataset", options: DecoyOptions) -> "xr.Dataset":
    """Append decoys to motifs, whose indices stay.

    The decoys of a motif depend on the seed, its name and its core, and on which cores there are,
    not on the order of the motifs. Where no order of the columns is as unlike the motifs as asked,
    the least similar ones are taken: such a decoy takes sites from motifs, so that q-values come
    out too large rather than too small.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented motifs, from :func:`finemo_zarr.motifs.prepare_motifs`.
    options : DecoyOptions
        Which.

    Returns
    -------
    xarray.Dataset
        Oriented motifs, then oriented decoys, of which ``motif_origin`` is "decoy" and whose names
        are those of their motifs with ``__decoy1``, ``__decoy2``, … behind. Two variables are new:
        ``motif_parent (motif,)``, which motif it is, or is a decoy of (motifs counted once, not
        for each strand), and ``motif_decoy_cosine (motif,)``, the largest cosine of a decoy with a
        motif, NaN for motifs. A motif whose columns have fewer orders that differ from it than
        there should be decoys has fewer, or none.
    """
    import xarray as xr

    count = motifs.sizes["motif"] // 2
    drawn = _draw_all(motifs, options)
    parents = np.repeat(np.arange(count), [len(orders) for orders, _ in drawn])
    targets = motifs.assign(
        motif_parent=("motif", np.repeat(np.arange(count), 2)),
        motif_decoy_cosine=("motif", np.full(2 * count, np.nan)),
    )
    if "motif_origin" not in targets:
        targets["motif_origin"] = ("motif", _strings(["cwm"] * (2 * count)))
    if not parents.size:
        return targets
    decoys = targets.isel(motif=(2 * parents[:, None] + [0, 1]).ravel())
    for name in _MATRICES:
        if name in decoys:
            orders = [order for orders, _ in drawn for order in orders]
            decoys[name] = (motifs[name].dims, _reordered(decoys, name, orders))
    names = [
        f"{motifs['motif_name'].values[2 * index]}__{DECOY}{rank}"
        for index, (orders, _) in enumerate(drawn)
        for rank in range(1, len(orders) + 1)
    ]
    cosines = np.concatenate([best for _, best in drawn])
    decoys = decoys.assign(
        motif_name=("motif", _strings(np.repeat(names, 2))),
        motif_origin=("motif", _strings([DECOY] * decoys.sizes["motif"])),
        motif_decoy_cosine=("motif", np.repeat(cosines, 2)),
    )
    both = xr.concat([targets, decoys], dim="motif")
    both.attrs = motifs.attrs
    return both


def decoys_per_motif(motifs: "xr.Dataset") -> NDArray[np.int64]:
    """How many decoys each motif ``(motif,)`` has, each counted once, not for each strand."""
    parents, decoy = motifs["motif_parent"].values, is_decoy(motifs)
    counts: NDArray[np.int64] = np.bincount(parents[decoy], minlength=int(parents.max()) + 1) // 2
    return counts


def is_decoy(motifs: "xr.Dataset") -> NDArray[np.bool_]:
    """Which of the oriented motifs ``(motif,)`` are decoys."""
    origins: NDArray[np.bool_] = motifs["motif_origin"].values == DECOY
    return origins


def warn_of_decoys(motifs: "xr.Dataset", options: DecoyOptions) -> None:
    """Warn of motifs whose decoys are not what was asked for.

    Parameters
    ----------
    motifs : xarray.Dataset
        Motifs with decoys, from :func:`add_decoys`.
    options : DecoyOptions
        Which were asked for.

    Warns
    -----
    InputWarning
        With the names of the first motifs.
    """
    names, parents = motifs["motif_name"].values, motifs["motif_parent"].values
    similar = parents[motifs["motif_decoy_cosine"].values > options.max_cosine]
    if listed := _listed(names[2 * index] for index in np.unique(similar)):
        warnings.warn(
            f"too few orders of the columns of {listed} have a cosine of at most "
            f"{options.max_cosine:g} with every motif; the least similar serve as decoys, and "
            "q-values may be too large",
            InputWarning,
            stacklevel=3,
        )
    few = np.flatnonzero(decoys_per_motif(motifs) < options.per_motif)
    if listed := _listed(names[2 * index] for index in few):
        warnings.warn(
            f"the cores of {listed} have too few columns that differ for {options.per_motif} "
            "decoys; they have fewer, and one without any has no q-values of its own",
            InputWarning,
            stacklevel=3,
        )


# --- Drawing -------------------------------------------------------------------------------------


class _Cores:
    """Cores of both strands, scaled to norm 1, with room for the longest on either side."""

    def __init__(self, motifs: "xr.Dataset") -> None:
        starts, ends = motifs["motif_start"].values, motifs["motif_end"].values
        self._longest = int((ends - starts).max())
        self._padded = np.zeros((starts.size, 4, 3 * self._longest))
        weights = motifs["motif_weights"].values
        for row, matrix, start, end in zip(self._padded, weights, starts, ends, strict=True):
            row[:, self._longest : self._longest + end - start] = _scaled(matrix[:, start:end])
        self._windows = np.zeros((0, 0))  # of the last length

    def best(self, candidates: FloatArray) -> FloatArray:
        """Largest cosine ``(candidate,)`` of cores ``(candidate, 4, length)`` with any of these."""
        flat = candidates.reshape(len(candidates), -1)
        if self._windows.shape[1] != flat.shape[1]:
            self._windows = self._cut(candidates.shape[-1])
        best: FloatArray = np.maximum((self._windows @ flat.T).max(axis=0), 0)
        return best

    def _cut(self, length: int) -> FloatArray:
        """All windows of a length ``(window, 4 * length)`` that have columns of a core."""
        part = self._padded[:, :, self._longest - length + 1 : 2 * self._longest + length - 1]
        windows = np.lib.stride_tricks.sliding_window_view(part, length, axis=2)
        return windows.transpose(0, 2, 1, 3).reshape(-1, 4 * length)


def _draw_all(
    motifs: "xr.Dataset", options: DecoyOptions
) -> list[tuple[list[NDArray[np.int64]], FloatArray]]:
    cores = _Cores(motifs)
    lengths = (motifs["motif_end"] - motifs["motif_start"]).values[::2]
    drawn = {
        int(index): _draw(motifs, int(index), cores, options)
        for index in np.argsort(lengths, kind="stable")  # the windows of a length are cut once
    }
    return [drawn[index] for index in range(lengths.size)]


def _draw(
    motifs: "xr.Dataset", index: int, cores: _Cores, options: DecoyOptions
) -> tuple[list[NDArray[np.int64]], FloatArray]:
    """Orders of the columns of a core that make decoys, and the largest cosine of each."""
    name, start, end = (
        motifs[f"motif_{key}"].values[2 * index] for key in ("name", "start", "end")
    )
    core = _scaled(motifs["motif_weights"].values[2 * index][:, start:end])
    rng = _generator(str(name), options.seed)
    found: dict[bytes, tuple[float, NDArray[np.int64]]] = {}
    accepted: list[bytes] = []
    for _ in range(_BATCHES):
        orders = np.argsort(rng.random((_BATCH, core.shape[1])), axis=1)
        candidates = np.ascontiguousarray(core[:, orders].transpose(1, 0, 2))
        for order, candidate, best in zip(orders, candidates, cores.best(candidates), strict=True):
            key = candidate.tobytes()
            if key not in found and best < _SAME:
                found[key] = (float(best), order)
                if best <= options.max_cosine:
                    accepted.append(key)
        if len(accepted) >= options.per_motif:
            break
    else:
        accepted = sorted(found, key=lambda key: found[key][0])
    chosen = [found[key] for key in accepted[: options.per_motif]]
    return [order for _, order in chosen], np.array([best for best, _ in chosen], dtype=np.float64)


def _generator(name: str, seed: int) -> np.random.Generator:
    digest = blake2b(name.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


def _scaled(core: FloatArray) -> FloatArray:
    norm = np.sqrt((core**2).sum())
    return core / norm if norm > 0 else core


def _reordered(
    decoys: "xr.Dataset", name: str, orders: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """A matrix of all decoys, whose cores are those of their motifs, in another order."""
    matrices = decoys[name].values.copy()
    starts, widths = decoys["motif_start"].values, decoys["motif_width"].values
    for row, order in enumerate(orders):
        forward, reverse, width = matrices[2 * row], matrices[2 * row + 1], widths[2 * row]
        start, end = starts[2 * row], starts[2 * row] + order.size
        forward[:, start:end] = forward[:, start + order]
        reverse[:, :width] = forward[::-1, :width][:, ::-1]
    return matrices


# --- Q-values ------------------------------------------------------------------------------------


def hit_qvalues(
    score: NDArray[Any],
    motif: NDArray[Any],
    decoy: NDArray[np.bool_],
    per_motif: NDArray[Any],
) -> tuple[FloatArray, FloatArray]:
    """Smallest false-discovery rate at which each hit is kept, over all motifs and in its own.

    In a motif: of its hits with some score or more, as many are taken to be false as its decoys
    have hits there, divided by the number of its decoys, plus one hit of one decoy. Without this,
    where few hits are looked at, the rate would be exceeded more often than not. This number,
    divided by that of the motif's hits and at most 1, is the rate; the q-value of a hit is the
    smallest rate at its score or any lower one.

    Over all motifs: the hits of all are ranked by their q-value in their own motif, so that a motif
    that is seldom right does not stand in the way of one that always is. Those that are taken to
    be false are added up over the motifs that have hits up to some q-value, and divided by all
    hits up to there. The result is never larger than the q-value in the motif, and never less than
    a third of it: motifs without a site, of which some are ahead of their decoys by chance, would
    else be taken for sure together with those that are.

    Parameters
    ----------
    score : array of float, ``(hit,)``
        The larger, the surer; NaN counts as least. Compared within motifs only.
    motif : array of int, ``(hit,)``
        The motif that a hit is of, or is of a decoy of.
    decoy : array of bool, ``(hit,)``
        Whether it is of a decoy.
    per_motif : array of int, ``(motif,)``
        Decoys of each motif.

    Returns
    -------
    overall, of_motif : array of float, ``(hit,)``
        NaN for hits of decoys, and for those of motifs without decoys, which count nowhere.
    """
    counts = np.asarray(per_motif, dtype=np.int64)
    unit = math.lcm(*counts[counts > 0].tolist())  # whole numbers, whose sums know no order
    worth = np.where(counts > 0, unit // np.maximum(counts, 1), 0)
    ranked = np.nan_to_num(np.asarray(score, dtype=np.float64), nan=-np.inf)
    false = np.where(decoy, worth[motif], 0)
    told = np.flatnonzero(counts[motif] > 0)
    overall, of_motif = np.full(ranked.size, np.nan), np.full(ranked.size, np.nan)
    more = np.zeros(ranked.size, dtype=np.int64)  # one for each motif, where its hits begin
    order = told[np.argsort(motif[told], kind="stable")]
    bounds = np.searchsorted(motif[order], np.arange(counts.size + 1))
    for index in np.flatnonzero(np.diff(bounds)):
        rows = order[bounds[index] : bounds[index + 1]]
        more[rows[np.argmax(ranked[rows])]] = worth[index]
        of_motif[rows] = _qvalues(ranked[rows], false[rows] + more[rows], ~decoy[rows], unit)
    overall[told] = np.maximum(
        _qvalues(-of_motif[told], (false + more)[told], ~decoy[told], unit),
        of_motif[told] / _MOST_GAINED,
    )
    overall[decoy] = of_motif[decoy] = np.nan
    return overall, of_motif


def _qvalues(
    score: FloatArray, false: NDArray[np.int64], kept: NDArray[np.bool_], unit: int
) -> FloatArray:
    """Q-values, given what each hit adds to those expected false, in units, and which are kept."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.searchsorted(-ranked, -ranked, side="right") - 1  # of those with the same score
    expected = np.cumsum(false[order])[last] / unit
    found = np.cumsum(kept[order])[last]
    rate = np.where(found > 0, np.minimum(expected / np.maximum(found, 1), 1), 1)
    qvalues: FloatArray = np.empty(rate.size)
    qvalues[order] = np.minimum.accumulate(rate[::-1])[::-1]
    return qvalues


def _strings(values: Iterable[str]) -> NDArray[Any]:
    return np.asarray([str(value) for value in values], dtype=np.dtypes.StringDType())


def _listed(names: Iterable[str]) -> str:
    listed = [str(name) for name in names]
    more = len(listed) - _NAMES_SHOWN
    return ", ".join(listed[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
