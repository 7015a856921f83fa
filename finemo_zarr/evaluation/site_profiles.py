"""Profiles, observed and predicted, around the sites of motifs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.evaluation._instances import Instances, MotifTable, Places
from finemo_zarr.evaluation.predictions import _arrays, _coordinates, _opened
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

IntArray = NDArray[np.int64]


class _Window(NamedTuple):
    """Where the profile of a site lies in the file: arrays ``(site,)``."""

    row: IntArray
    first: IntArray


def site_profiles(
    hits: HitsStore,
    instances: Instances,
    path: str | Path,
    *,
    task: int = 0,
    width: int = 400,
    most: int = 200,
    seed: int = 0,
) -> "xr.Dataset":
    """Read the profiles around sites, turned to the ``+`` strand of their motif.

    Parameters
    ----------
    hits : HitsStore
        The store whose regions and motifs the sites refer to.
    instances : Instances
        The sites.
    path : path
        A file of predictions, see :mod:`finemo_zarr.evaluation.predictions`. Where file and regions
        have coordinates, the profile of a site is the one whose centre is nearest; otherwise the
        file must have the regions of the store in their order, with the same centres.
    task : int
        Which of the tasks of the file.
    width : int
        Width around the centre of a site's core, in bp. Sites with less than that on either side
        are left out.
    most : int
        Sites of a motif to read at most, by chance.
    seed : int
        Of that chance.

    Returns
    -------
    xarray.Dataset
        ``true`` and ``predicted`` ``(site, strand, position)``, shares of the window that sum to 1
        over positions and strands, true ones NaN where there are no reads; ``site_motif``
        ``(site,)``, an index. ``mean_true`` and ``mean_predicted`` ``(motif, strand, position)``;
        ``n_sites`` ``(motif,)``, how many were read, and ``n_inside``, how many could have been.

    Raises
    ------
    ReadError
        If the file cannot be read, does not go with the regions, or has no such task.
    """
    path = Path(path)
    with _opened(path) as file:
        arrays = _arrays(file, path)
        shape = arrays["true_profs"].shape
        if not 0 <= task < shape[1]:
            raise ReadError(f"{path} has {shape[1]} tasks, from 0, and task {task} was asked for")
        table = MotifTable.of(hits.motifs)
        window = _windows(hits, instances, _coordinates(file, shape[0], path), shape, path)
        # What is read backwards begins at its end: the same base comes to the middle.
        first = window.first - np.where(instances.reverse, (width - 1) // 2, width // 2)
        inside = (window.row >= 0) & (first >= 0) & (first + width <= shape[2])
        chosen = _sample(instances.motif, inside, most, seed)
        own = _Window(window.row[chosen], first[chosen])
        true = _shares(_read(arrays["true_profs"], own, task, width))
        predicted = _shares(_read(arrays["log_pred_profs"], own, task, width, _probabilities))
    turned = instances.reverse[chosen]
    for values in (true, predicted):
        values[turned] = values[turned][:, ::-1, ::-1]  # the other strand is read backwards
    inside_of = np.bincount(instances.motif[inside], minlength=len(table.names))
    return _dataset(true, predicted, instances.motif[chosen], table, inside_of)


def _windows(
    hits: HitsStore,
    instances: Instances,
    where: dict[str, NDArray[Any]],
    shape: tuple[int, ...],
    path: Path,
) -> _Window:
    """Row of each site, -1 where there is none, and the place of its centre in the profile."""
    places = Places.of(hits)
    core = instances.intervals()
    centre = (core.start + core.end - instances.reverse) // 2
    if places.chroms is None or not where:
        if shape[0] != len(places.start):
            raise ReadError(
                f"{path} has {shape[0]:,} regions and the hits {len(places.start):,}, and one of"
                " them has no coordinates to find them by"
            )
        middle = places.start + places.width // 2
        return _Window(instances.region, centre - middle[instances.region] + shape[2] // 2)
    number = {chrom: index for index, chrom in enumerate(places.chroms)}
    group = np.array([number.get(str(name), -1) for name in where["chrom"]], np.int64)
    middle = (where["start"].astype(np.int64) + where["end"].astype(np.int64)) // 2
    used = np.flatnonzero(group >= 0)
    if not used.size:
        raise ReadError(f"{path} and the hits have no chromosome in common")
    span = 2 * (int(max(middle.max(), centre.max(initial=0))) + 1)
    line = group[used] * span + middle[used]
    order = np.argsort(line, kind="stable")
    wanted = core.group * span + centre
    right = np.searchsorted(line[order], wanted)
    beside = order[np.stack([np.maximum(right - 1, 0), np.minimum(right, used.size - 1)])]
    nearest = beside[np.abs(line[beside] - wanted).argmin(axis=0), np.arange(wanted.size)]
    row = used[nearest]
    same = group[row] == core.group
    return _Window(np.where(same, row, -1), centre - middle[row] + shape[2] // 2)


def _sample(motif: IntArray, inside: NDArray[np.bool_], most: int, seed: int) -> IntArray:
    """Rows of at most so many of each motif, in order."""
    shuffled = np.random.default_rng(seed).permutation(np.flatnonzero(inside))
    order = shuffled[np.argsort(motif[shuffled], kind="stable")]
    sorted_motif = motif[order]
    rank = np.arange(order.size) - np.searchsorted(sorted_motif, sorted_motif)
    chosen: IntArray = np.sort(order[rank < most])
    return chosen


def _probabilities(profile: NDArray[Any]) -> NDArray[np.float64]:
    """From logits or log probabilities ``(position, strand)``, each strand by itself."""
    from scipy.special import softmax

    return np.asarray(softmax(profile.astype(np.float64), axis=0))


def _read(
    array: Any,
    window: _Window,
    task: int,
    width: int,
    values_of: Callable[[NDArray[Any]], NDArray[Any]] = np.asarray,
) -> NDArray[np.float64]:
    """Windows ``(site, strand, position)``; each row of the file is read once."""
    values = np.zeros((window.row.size, array.shape[3], width))
    rows, number = np.unique(window.row, return_inverse=True)
    for at, row in enumerate(rows.tolist()):
        profile = values_of(array[row, task])
        for site in np.flatnonzero(number == at).tolist():
            first = int(window.first[site])
            values[site] = profile[first : first + width].T
    return values


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = values.sum(axis=(1, 2), keepdims=True)
    shares: NDArray[np.float64] = np.divide(
        values, total, out=np.full(values.shape, np.nan), where=total > 0
    )
    return shares


def _dataset(
    true: NDArray[np.float64],
    predicted: NDArray[np.float64],
    motif: IntArray,
    table: MotifTable,
    inside: IntArray,
) -> "xr.Dataset":
    import xarray as xr

    size, width = len(table.names), true.shape[2]
    count = np.bincount(motif, minlength=size)
    means = {}
    for name, values in (("mean_true", true), ("mean_predicted", predicted)):
        means[name] = np.full((size, *values.shape[1:]), np.nan)
        for at in np.flatnonzero(count).tolist():
            own = values[motif == at]
            own = own[np.isfinite(own[:, 0, 0])]
            if len(own):
                means[name][at] = own.mean(axis=0)
    site, by_motif = ("site", "strand", "position"), ("motif", "strand", "position")
    return xr.Dataset(
        {
            "true": (site, true.astype(np.float32)),
            "predicted": (site, predicted.astype(np.float32)),
            "site_motif": ("site", motif),
            **{name: (by_motif, values) for name, values in means.items()},
            "n_sites": ("motif", count),
            "n_inside": ("motif", inside),
        },
        coords={
            "motif": table.names,
            "position": ("position", np.arange(width) - width // 2, {"units": "bp"}),
        },
    )
