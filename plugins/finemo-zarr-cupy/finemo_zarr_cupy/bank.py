"""The motifs, laid out for matrix products."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

_SAME = 1e-6
_GROUP = 64


@dataclass(frozen=True)
class Group:
    """Motifs with cores of similar width, which are multiplied with the residual together.

    Attributes
    ----------
    motifs : array of int64, ``(member,)``
    table : array of float32, ``(4 * widest, member)``
        Weights over lambdas from the core's start, ``[position, base]``.
    widest, narrowest : int
        Core widths.
    bound : float
        Largest squared norm that a column of the table can have where it shows.
    widths, width_of : arrays of int64, ``(width,)`` and ``(member,)``
        The different core widths, and which of them a member has.
    before, behind : arrays of int64, ``(member,)``
        Bases that the region must have before the core's start, and from there on.
    """

    motifs: Any
    table: Any
    widest: int
    narrowest: int
    bound: float
    widths: Any
    width_of: Any
    before: Any
    behind: Any


@dataclass(frozen=True)
class Bank:
    """All motifs, and groups of those that can be told apart.

    Attributes
    ----------
    rows : int
        Numbers per base of the scores: 1 projected, 4 hypothetical.
    widest : int
        Widest core.
    weights : array of float64, ``(motif, 4 * widest)``
        Weights from the core's start, ``[position, base]``, zero behind the core.
    cores, lambdas : arrays, ``(motif,)``
    groups : tuple of Group
    """

    rows: int
    widest: int
    weights: Any
    cores: Any
    lambdas: Any
    groups: tuple[Group, ...]

    @property
    def size(self) -> int:
        """Number of oriented motifs."""
        return int(self.cores.size)


def lay_out(motifs: "xr.Dataset", xp: Any) -> Bank:
    """Lay oriented motifs out.

    Of motifs whose columns are the same (a motif that is its own reverse complement, or given
    twice) only the one that is called takes part: the ``+`` strand, then the earlier motif.
    """
    start, end, width = (
        motifs[name].values.astype(np.int64) for name in ("motif_start", "motif_end", "motif_width")
    )
    cores = end - start
    rows = 1 if motifs.attrs["mode"][1] == "p" else 4
    weights = _core_weights(motifs.motif_weights.values, start, cores)
    lambdas = motifs.motif_lambda.values.astype(np.float64)
    full = motifs.attrs["placement"] == "full"
    around = np.stack([start, width - start] if full else [np.zeros_like(start), cores])
    kept = _distinct(weights, np.column_stack([cores, lambdas, around.T]), motifs)
    kept = kept[np.argsort(-cores[kept], kind="stable")]
    members = [kept[first : first + _GROUP] for first in range(0, kept.size, _GROUP)]
    return Bank(
        rows=rows,
        widest=int(cores.max(initial=1)),
        weights=xp.asarray(weights),
        cores=xp.asarray(cores),
        lambdas=xp.asarray(lambdas),
        groups=tuple(
            _group(xp, m, weights[m] / lambdas[m, None], cores[m], around[:, m], rows)
            for m in members
        ),
    )


def _core_weights(matrices: Any, starts: Any, cores: Any) -> Any:
    weights = np.zeros((cores.size, int(cores.max(initial=1)), 4))
    for target, matrix, start, core in zip(weights, matrices, starts, cores, strict=True):
        target[:core] = matrix[:, start : start + core].T
    return weights.reshape(cores.size, -1)


def _distinct(weights: Any, features: Any, motifs: "xr.Dataset") -> Any:
    """Motifs whose columns are not those of another that is called in their place."""
    reverse = np.asarray(motifs.motif_strand.values == "-", dtype=bool)
    alike: dict[tuple[float, ...], list[int]] = {}
    kept = []
    for index in np.lexsort((np.arange(reverse.size), reverse)).tolist():
        others = alike.setdefault(tuple(features[index].tolist()), [])
        difference = np.abs(weights[others] - weights[index]).max(axis=1) if others else np.inf
        if (difference > _SAME * np.abs(weights[index]).max()).all():
            others.append(index)
            kept.append(index)
    return np.array(sorted(kept), dtype=np.int64)


def _group(xp: Any, motifs: Any, penalised: Any, cores: Any, around: Any, rows: int) -> Group:
    """Weights over lambdas ``(member, 4 * any)``, cores and room of the members, widest first."""
    widest = int(cores[0])
    squares = (penalised**2).reshape(len(motifs), -1, 4)
    most = squares.max(axis=2) if rows == 1 else squares.sum(axis=2)
    widths, width_of = np.unique(cores, return_inverse=True)
    return Group(
        motifs=xp.asarray(motifs),
        table=xp.asarray(np.ascontiguousarray(penalised[:, : 4 * widest].T, dtype=np.float32)),
        widest=widest,
        narrowest=int(cores[-1]),
        bound=float(most.sum(axis=1).max()),
        widths=xp.asarray(widths),
        width_of=xp.asarray(width_of),
        before=xp.asarray(np.ascontiguousarray(around[0])),
        behind=xp.asarray(np.ascontiguousarray(around[1])),
    )
