"""Kinds of seqlets within one pattern: those that TF-MoDISco stored, or clusters of our own."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._instances import example_numbers, find_examples
from finemo_zarr.evaluation._submotif_clusters import (
    classical_scaling,
    cluster_points,
    jaccard_to_groups,
)
from finemo_zarr.evaluation.jaccard import continuous_jaccard
from finemo_zarr.sequence import BASES, NO_BASE

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr.readers.modisco_members import PatternMembers

_SAME = 0.9
_MOST = 1000


class Submotifs(NamedTuple):
    """The kinds of seqlets of one pattern.

    Parameters
    ----------
    pattern : str
        Its name.
    stored : bool
        Whether TF-MoDISco stored them; else they are clusters of ours.
    seqlets : xarray.Dataset
        ``submotif`` ``(seqlet,)``, the number of the kind, -1 for none; ``embedding`` ``(seqlet,
        axis)``, NaN for those beyond the number that was compared; ``example``, ``start``, ``end``
        and ``reverse`` as TF-MoDISco wrote them.
    kinds : xarray.Dataset
        For each kind, the largest first: ``count``; ``cwm`` and, where known, ``hcwm`` and ``ppm``
        ``(submotif, base, position)``; ``cwm_cosine``, with the CWM of all; ``jaccard_within`` and
        ``jaccard_others``, mean similarity of its seqlets to one another and to the rest;
        ``importance``, mean sum of the absolute scores of a seqlet; ``changed_position``, from 0,
        where its CWM differs most from that of all, both scaled to length one.
    whole : xarray.Dataset
        ``cwm``, and where known ``hcwm`` and ``ppm``, of all seqlets.
    """

    pattern: str
    stored: bool
    seqlets: "xr.Dataset"
    kinds: "xr.Dataset"
    whole: "xr.Dataset"


def with_scores(members: "PatternMembers", regions: "xr.Dataset | None") -> "PatternMembers | None":
    """Seqlets with scores: their own, or cut from the regions that TF-MoDISco saw.

    Parameters
    ----------
    members : PatternMembers
        The seqlets of a pattern.
    regions : xarray.Dataset, optional
        A regions dataset without tracks, whose central part TF-MoDISco saw; regions are found by
        ``region_example`` or ``region_id``, or else by their rows.

    Returns
    -------
    PatternMembers or None
        None where there are no seqlets, no scores, or those at the seqlets do not have the mean
        that the pattern has (cosine below 0.9), so that they are not its own.
    """
    if not len(members.places):
        return None
    if members.contributions is not None:
        return members
    if regions is None:
        return None
    length = regions["region_sequence"].shape[1]
    offset = length // 2 - (members.window or length) // 2
    example, start, end, _ = members.places.T
    width = members.cwm.shape[1]
    rows = find_examples(example_numbers(regions, regions.sizes["region"]), example)
    inside = (rows >= 0) & (start + offset >= 0) & (end + offset <= length)
    if not (inside.all() and (end - start == width).all()):
        return None
    cut = _cut(members, regions, rows, offset)
    mean = cut.contributions.mean(axis=0) if cut.contributions is not None else None
    return cut if mean is not None and _cosine(mean, members.cwm) >= _SAME else None


def _cut(
    members: "PatternMembers", regions: "xr.Dataset", row: NDArray[np.int64], offset: int
) -> "PatternMembers":
    _, start, _, reverse = members.places.T
    rows, of_row = np.unique(row, return_inverse=True)
    names = ["region_sequence", "region_contributions"]
    part = regions[names].isel(region=rows).load()
    at = (start + offset)[:, None] + np.arange(members.cwm.shape[1])
    codes = part["region_sequence"].values[of_row[:, None], at]
    scores = part["region_contributions"].values
    bases = (codes[:, None] == np.arange(len(BASES))[:, None]) & (codes[:, None] != NO_BASE)
    sequence = bases.astype(np.float64)
    hypothetical = None
    if scores.ndim == 3:
        windows = scores.transpose(0, 2, 1)[of_row[:, None], at].transpose(0, 2, 1)
        hypothetical = _oriented(windows.astype(np.float64), reverse)
        sequence = _oriented(sequence, reverse)
        contributions = hypothetical * sequence
    else:
        projected = scores[of_row[:, None], at].astype(np.float64)
        sequence, contributions = (
            _oriented(values, reverse) for values in (sequence, projected[:, None] * sequence)
        )
    return members._replace(
        contributions=contributions, hypothetical=hypothetical, sequence=sequence
    )


def _oriented(values: NDArray[np.float64], reverse: NDArray[Any]) -> NDArray[np.float64]:
    turned: NDArray[np.float64] = np.where(
        reverse.astype(np.bool_)[:, None, None], values[:, ::-1, ::-1], values
    )
    return turned


def find_submotifs(
    members: "PatternMembers",
    *,
    own: bool = False,
    most_kinds: int = 8,
    most_seqlets: int = _MOST,
    seed: int = 0,
) -> Submotifs:
    """Tell the kinds of seqlets of a pattern apart.

    Those that TF-MoDISco stored are taken as they are. Where there are none, seqlets are compared
    by the continuous Jaccard similarity of their scores (contribution and, where known,
    hypothetical scores, each scaled to a sum of absolute values of one; in the orientation of the
    pattern, not shifted), placed in ten dimensions by classical scaling of one minus it, and
    clustered by Ward's method. The number of clusters is the one with the largest mean silhouette;
    one, unless that is larger than in each of 20 draws from a normal distribution of that spread.

    Parameters
    ----------
    members : PatternMembers
        Seqlets with scores, see :func:`with_scores`.
    own : bool
        Whether to make clusters even if there are stored ones.
    most_kinds : int
        Most clusters.
    most_seqlets : int
        Most seqlets to compare with one another, chosen at random. The others go to the cluster to
        whose seqlets they are most similar on average.
    seed : int
        Of that choice, and of the draws.
    """
    import xarray as xr

    features = seqlet_features(members)
    count = len(features)
    chosen = np.arange(count)
    if count > most_seqlets:
        chosen = np.sort(np.random.default_rng(seed).choice(count, most_seqlets, replace=False))
    similarity = continuous_jaccard(features[chosen])
    scaled = classical_scaling(1 - similarity)
    stored = members.subpattern is not None and not own
    if stored and members.subpattern is not None:
        labels = members.subpattern
    else:
        of_chosen = cluster_points(scaled, most_kinds=most_kinds, seed=seed)
        labels = np.empty(count, np.int64)
        labels[chosen] = of_chosen
        others = np.setdiff1d(np.arange(count), chosen)
        nearest = jaccard_to_groups(features[others], features[chosen], of_chosen)
        labels[others] = nearest.argmax(axis=1) if others.size else 0
    labels = _largest_first(labels)
    embedding = np.full((count, 2), np.nan)
    embedding[chosen] = scaled[:, :2]
    columns = dict(zip(("example", "start", "end", "reverse"), members.places.T, strict=True))
    seqlets = xr.Dataset(
        {"submotif": ("seqlet", labels), "embedding": (("seqlet", "axis"), embedding)}
        | {name: ("seqlet", values) for name, values in columns.items()}
    )
    kinds = _kinds(members, labels, similarity, labels[chosen])
    return Submotifs(members.name, stored, seqlets, kinds, _matrices(members, slice(None)))


def seqlet_features(members: "PatternMembers") -> NDArray[np.float64]:
    """What seqlets are compared by, ``(seqlet, value)``: each kind of score sums to one."""
    if members.contributions is None:
        raise ValueError(f"{members.name}: its seqlets have no scores")
    blocks = [members.contributions]
    if members.hypothetical is not None:
        blocks.append(members.hypothetical)
    flat = [block.reshape(len(block), -1) for block in blocks]
    sums = [np.abs(block).sum(axis=1, keepdims=True) for block in flat]
    scaled = [
        np.divide(block, total, out=np.zeros_like(block), where=total > 0)
        for block, total in zip(flat, sums, strict=True)
    ]
    return np.concatenate(scaled, axis=1)


def submotif_table(found: Iterable[Submotifs]) -> dict[str, list[Any]]:
    """One row for each kind of seqlets of each pattern, as columns."""
    names = ("jaccard_within", "jaccard_others", "cwm_cosine", "importance")
    columns: dict[str, list[Any]] = {
        name: [] for name in ("pattern", "submotif", "origin", "seqlets", "share", *names)
    } | {"changed_position": []}
    for one in found:
        count = one.kinds["count"].values
        total = one.seqlets.sizes["seqlet"]
        columns["pattern"] += [one.pattern] * count.size
        columns["submotif"] += list(range(count.size))
        columns["origin"] += ["TF-MoDISco" if one.stored else "clustered"] * count.size
        columns["seqlets"] += count.tolist()
        columns["share"] += (count / max(total, 1)).tolist()
        for name in (*names, "changed_position"):
            columns[name] += one.kinds[name].values.tolist()
    return columns


def _largest_first(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number kinds by size; -1 stays."""
    numbers, counts = np.unique(labels[labels >= 0], return_counts=True)
    order = numbers[np.argsort(-counts, kind="stable")].tolist()
    rank = {number: at for at, number in enumerate(order)} | {-1: -1}
    return np.array([rank[label] for label in labels.tolist()], dtype=np.int64)


def _matrices(members: "PatternMembers", rows: Any) -> "xr.Dataset":
    import xarray as xr

    stacks = {
        "cwm": members.contributions,
        "hcwm": members.hypothetical,
        "ppm": members.sequence,
    }
    dims = ("base", "position")
    return xr.Dataset(
        {
            name: (dims, stack[rows].mean(axis=0))
            for name, stack in stacks.items()
            if stack is not None
        },
        coords={"base": list(BASES)},
    )


def _kinds(
    members: "PatternMembers",
    labels: NDArray[np.int64],
    similarity: NDArray[np.float64],
    compared: NDArray[np.int64],
) -> "xr.Dataset":
    import xarray as xr

    number = int(labels.max(initial=-1)) + 1
    parts = [_matrices(members, labels == kind) for kind in range(number)]
    kinds = xr.concat(parts, "submotif") if parts else xr.Dataset()
    whole = _unit(members.cwm)
    changes = [np.abs(_unit(part["cwm"].values) - whole).sum(axis=0).argmax() for part in parts]
    scores = members.contributions
    assert scores is not None
    importance = np.abs(scores).sum(axis=(1, 2))
    within, others = zip(
        *(_mean_similarity(similarity, compared == kind) for kind in range(number)), strict=True
    )
    columns = {
        "count": np.bincount(labels[labels >= 0], minlength=number),
        "cwm_cosine": [_cosine(part["cwm"].values, members.cwm) for part in parts],
        "jaccard_within": within,
        "jaccard_others": others,
        "importance": [importance[labels == kind].mean() for kind in range(number)],
        "changed_position": [int(change) for change in changes],
    }
    return kinds.assign({name: ("submotif", np.asarray(v)) for name, v in columns.items()})


def _mean_similarity(
    similarity: NDArray[np.float64], own: NDArray[np.bool_]
) -> tuple[float, float]:
    size = int(own.sum())
    nan = float("nan")
    block = similarity[np.ix_(own, own)]
    within = float((block.sum() - np.trace(block)) / (size * (size - 1))) if size > 1 else nan
    outside = similarity[np.ix_(own, ~own)]
    return within, float(outside.mean()) if outside.size else nan


def _unit(matrix: NDArray[Any]) -> NDArray[np.float64]:
    norm = float(np.linalg.norm(matrix))
    scaled: NDArray[np.float64] = np.asarray(matrix, np.float64) / (norm or 1.0)
    return scaled


def _cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float((_unit(a) * _unit(b)).sum())
