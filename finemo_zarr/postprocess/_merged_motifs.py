"""The motifs of two heads as one set."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.model import create_motifs
from finemo_zarr.motifs import MotifOptions, prepare_motifs, trim_core
from finemo_zarr.postprocess._alignment import Alignment, align, match_one_to_one

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]

_SAME = ("mode", "placement", "normalize", "sqrt_transform")
_MATRICES = ("cwm", "hcwm", "ppm")


@dataclass(frozen=True)
class HeadMotif:
    """A motif of a head, on its ``+`` strand.

    Parameters
    ----------
    name : str
        Name in its store.
    matrices : dict of array, ``(4, width)``
        ``cwm``, and ``hcwm`` and ``ppm`` where there are some.
    core : (int, int)
        Start and end.
    penalty : float
        Lambda.
    """

    name: str
    matrices: dict[str, FloatArray]
    core: tuple[int, int]
    penalty: float

    @property
    def width(self) -> int:
        """Untrimmed."""
        return int(self.matrices["cwm"].shape[1])

    @property
    def trimmed(self) -> FloatArray:
        """CWM of the core."""
        return self.matrices["cwm"][:, slice(*self.core)]


class Placement(NamedTuple):
    """How a motif lies on another: the column of its first one after it was turned, if it is."""

    shift: int
    reverse: bool


class Member(NamedTuple):
    """A motif of a head as part of a merged one.

    Parameters
    ----------
    merged : int
        Number of the merged motif.
    shift : int
        Column of the merged motif on which its first column lies, after it was turned.
    reverse : bool
        Whether it is turned.
    """

    merged: int
    shift: int
    reverse: bool


class Pair(NamedTuple):
    """Two motifs that match: names, similarity, and CWMs in the frame of the first."""

    a: str
    b: str
    similarity: float
    first: FloatArray
    second: FloatArray


class MergedMotifs(NamedTuple):
    """Motifs of two heads.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented.
    members : tuple of two lists of Member
        One for each motif of each head.
    rows : list of dict
        A row for each merged motif: where it comes from.
    pairs : list of Pair
        Motifs that match, the most similar first.
    """

    motifs: "xr.Dataset"
    members: tuple[list[Member], list[Member]]
    rows: list[dict[str, Any]]
    pairs: list[Pair]


def head_motifs(motifs: "xr.Dataset") -> list[HeadMotif]:
    """The motifs of an oriented dataset, each once."""
    plus = motifs.isel(motif=np.flatnonzero(motifs["motif_strand"].values == "+"))
    kinds = [kind for kind in _MATRICES if f"motif_{kind}" in plus]
    found = []
    for index, width in enumerate(plus["motif_width"].values.tolist()):
        one = plus.isel(motif=index)
        matrices = {k: one[f"motif_{k}"].values[:, :width].astype(np.float64) for k in kinds}
        core = int(one["motif_start"]), int(one["motif_end"])
        name, penalty = str(one["motif_name"].values), float(one["motif_lambda"])
        found.append(HeadMotif(name, matrices, core, penalty))
    return found


def merge_motifs(
    a: "xr.Dataset",
    b: "xr.Dataset",
    heads: tuple[str, str],
    *,
    min_similarity: float,
    trim_threshold: float,
) -> MergedMotifs:
    """Match the motifs of two heads one to one, and merge those that match.

    Parameters
    ----------
    a, b : xarray.Dataset
        Oriented motifs of two runs with the same mode.
    heads : tuple of str
        Names of the heads.
    min_similarity : float
        Least similarity of motifs that match.
    trim_threshold : float
        Of the cores of merged motifs.

    Raises
    ------
    RunError
        If the runs place motifs differently.
    """
    for name in _SAME:
        if a.attrs.get(name) != b.attrs.get(name):
            raise RunError(
                f"the runs differ in {name} ({a.attrs.get(name)} and {b.attrs.get(name)}), so that"
                " their motifs cannot be merged: call both with the same options"
            )
    left, right = head_motifs(a), head_motifs(b)
    alignments = [[align(one.trimmed, other.trimmed) for other in right] for one in left]
    similarity = np.array([[found.similarity for found in row] for row in alignments])
    similarity = similarity.reshape(len(left), len(right))
    pairs = dict(match_one_to_one(similarity, min_similarity))
    placed = {
        index: _member(left[index], right[partner], alignments[index][partner])
        for index, partner in pairs.items()
    }
    aligned = [
        Pair(
            left[index].name,
            right[partner].name,
            float(similarity[index, partner]),
            left[index].matrices["cwm"],
            _laid(right[partner].matrices["cwm"], placed[index], left[index].width)[0],
        )
        for index, partner in pairs.items()
    ]
    combined = {
        index: merge_pair(left[index], right[partner], placed[index], trim_threshold)
        for index, partner in pairs.items()
    }
    merged, members = _joined(left, right, heads, pairs, combined, placed)
    rows = _rows(left, right, heads, pairs, similarity)
    for row, motif in zip(rows, merged, strict=True):
        row["motif_name"] = motif.name
    for index, row in enumerate(rows[: len(left)]):
        if index in placed:
            row |= {"strand": "-" if placed[index].reverse else "+", "shift": placed[index].shift}
    options = MotifOptions(
        **{name: a.attrs[name] for name in _SAME[:3]},
        sqrt_transform=bool(a.attrs["sqrt_transform"]),
        lambdas={motif.name: motif.penalty for motif in merged},
        trim_coords={motif.name: motif.core for motif in merged},
    )
    return MergedMotifs(prepare_motifs(_dataset(merged), options), members, rows, aligned)


def _joined(
    left: list[HeadMotif],
    right: list[HeadMotif],
    heads: tuple[str, str],
    pairs: dict[int, int],
    combined: dict[int, HeadMotif],
    placed: dict[int, Placement],
) -> tuple[list[HeadMotif], tuple[list[Member], list[Member]]]:
    """Merged motifs: those of the first head in their order, then what is left of the second."""
    first, second = heads
    merged: list[HeadMotif] = []
    members: dict[int, Member] = {}
    for index, motif in enumerate(left):
        name = f"{first}.{motif.name}"
        if index in pairs:
            members[pairs[index]] = Member(len(merged), *placed[index])
            name += f":{second}.{right[pairs[index]].name}"
        merged.append(replace(combined.get(index, motif), name=name))
    for index, motif in enumerate(right):
        if index not in members:
            members[index] = Member(len(merged), 0, reverse=False)
            merged.append(replace(motif, name=f"{second}.{motif.name}"))
    of_left = [Member(index, 0, reverse=False) for index in range(len(left))]
    return merged, (of_left, [members[index] for index in range(len(right))])


def _rows(
    left: list[HeadMotif],
    right: list[HeadMotif],
    heads: tuple[str, str],
    pairs: dict[int, int],
    similarity: FloatArray,
) -> list[dict[str, Any]]:
    """Names and similarities of merged motifs, in their order."""
    rows: list[dict[str, Any]] = []
    for index, motif in enumerate(left):
        row: dict[str, Any] = {"motif_name": "", heads[0]: motif.name}
        row["best_similarity"] = float(similarity[index].max(initial=-1.0))
        if index in pairs:
            row[heads[1]] = right[pairs[index]].name
            row["similarity"] = float(similarity[index, pairs[index]])
        rows.append(row)
    matched = set(pairs.values())
    for index, motif in enumerate(right):
        if index not in matched:
            best = float(similarity[:, index].max(initial=-1.0))
            rows.append({"motif_name": "", heads[1]: motif.name, "best_similarity": best})
    return rows


def _member(motif: HeadMotif, other: HeadMotif, found: Alignment) -> Placement:
    """How all of a motif lies on all of another, given how their cores do."""
    start = other.width - other.core[1] if found.reverse else other.core[0]
    return Placement(found.offset + motif.core[0] - start, found.reverse)


def merge_pair(
    motif: HeadMotif, other: HeadMotif, placement: Placement, trim_threshold: float
) -> HeadMotif:
    """Mean of two motifs in the frame of the first.

    Contributions are scaled to the same norm, so that a head with larger ones does not count for
    more; where only one reaches, they are halved. Probabilities are those of the one that reaches.
    All matrices lie on one another as the CWMs do.

    Parameters
    ----------
    motif, other : HeadMotif
        The motifs.
    placement : Placement
        How the second lies on the first.
    trim_threshold : float
        Of the core of the result.
    """
    norms = [float(np.linalg.norm(one.matrices["cwm"])) for one in (motif, other)]
    mean = sum(norms) / 2
    matrices = {}
    for kind in _MATRICES:
        if kind not in motif.matrices or kind not in other.matrices:
            continue
        own = motif.matrices[kind]
        laid, covered = _laid(other.matrices[kind], placement, motif.width)
        if kind == "ppm":
            matrices[kind] = np.where(covered, (own + laid) / 2, own)
        else:
            matrices[kind] = (own * (mean / norms[0]) + laid * (mean / norms[1])) / 2
    core = trim_core(matrices["cwm"], trim_threshold)
    return HeadMotif(motif.name, matrices, core, max(motif.penalty, other.penalty))


def _laid(
    matrix: FloatArray, placement: Placement, width: int
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """A matrix in the frame of another, zero where it does not reach, and where it does."""
    turned = matrix[::-1, ::-1] if placement.reverse else matrix
    laid, covered = np.zeros((len(matrix), width)), np.zeros(width, dtype=np.bool_)
    low, high = max(placement.shift, 0), min(placement.shift + matrix.shape[1], width)
    if high > low:
        laid[:, low:high] = turned[:, low - placement.shift : high - placement.shift]
        covered[low:high] = True
    return laid, covered


def _dataset(merged: list[HeadMotif]) -> "xr.Dataset":
    widest = max(motif.width for motif in merged)
    kinds = set.intersection(*(set(motif.matrices) for motif in merged))
    stacked = {
        kind: np.stack([np.pad(m.matrices[kind], ((0, 0), (0, widest - m.width))) for m in merged])
        for kind in _MATRICES
        if kind in kinds
    }
    return create_motifs(
        [motif.name for motif in merged],
        stacked.pop("cwm"),
        widths=[motif.width for motif in merged],
        matrices=stacked,
        labels={"origin": "cwm"},
    )
