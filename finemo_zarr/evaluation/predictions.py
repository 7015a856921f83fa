"""How well a model predicts profiles and counts, from a file of its predictions.

The file is HDF5. Its group ``predictions`` has ``log_pred_profs`` and ``true_profs``, ``(region,
task, position, strand)``, and ``log_pred_counts`` and ``true_counts``, ``(region, task, strand)``;
its group ``coords`` has ``coords_chrom``, ``coords_start`` and ``coords_end``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.evaluation.profile_metrics import PROFILE_METRICS, profile_metrics

if TYPE_CHECKING:
    import xarray as xr

COUNT_METRICS = ("count_mse", "count_pearson", "count_spearman")
LESS_IS_BETTER = ("nll", "cross_ent", "jsd", "profile_mse", "count_mse")
_SHAPES = {"log_pred_profs": 4, "true_profs": 4, "log_pred_counts": 3, "true_counts": 3}
_COORDS = ("coords_chrom", "coords_start", "coords_end")
_VALUES_AT_ONCE = 2**21
_FEWEST = 3
_BOUND_GROUPS = ("{}", "performance_{}")


class Smoothing(NamedTuple):
    """Gaussian that the true profile is smoothed with before its divergence is taken, in bp."""

    sigma: float = 7.0
    width: int = 81


def read_performance(
    path: str | Path, *, chroms: Sequence[str] = (), smoothing: Smoothing | None = None
) -> "xr.Dataset":
    """Compute the metrics of a predictions file, some regions at a time.

    Parameters
    ----------
    path : path
        The file, laid out as this module says.
    chroms : sequence of str
        Chromosomes to keep, the test chromosomes for example; by default all.
    smoothing : Smoothing, optional
        Of the true profile for ``jsd``; by default sigma 7 bp, width 81 bp. A sigma of 0 is none.

    Returns
    -------
    xarray.Dataset
        ``nll``, ``cross_ent``, ``jsd``, ``profile_pearson``, ``profile_spearman``, ``profile_mse``
        ``(region, task)``, see :func:`~finemo_zarr.evaluation.profile_metrics.profile_metrics`;
        NaN where a region has no count. ``log_true_counts``, ln(count + 1), and
        ``log_pred_counts`` ``(region, task, strand)``. ``chrom``, ``start``, ``end``
        ``(region,)`` where the file has them, and ``row``, the number of the region in the file.

    Raises
    ------
    ReadError
        If the file cannot be read, lacks an array, arrays do not go together, or nothing lies on
        these chromosomes.
    """
    smooth = smoothing or Smoothing()

    def measure(true: NDArray[Any], predicted: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        return profile_metrics(true, predicted, sigma=smooth.sigma, width=smooth.width)

    return _measured(Path(path), chroms, measure)


def compute_bounds(
    path: str | Path,
    *,
    chroms: Sequence[str] = (),
    smoothing: Smoothing | None = None,
    seed: int = 0,
) -> dict[str, "xr.Dataset"]:
    """What no model should fall short of, and what none can surpass.

    Parameters
    ----------
    path, chroms, smoothing
        As in :func:`read_performance`.
    seed : int
        Of the shuffling of counts.

    Returns
    -------
    dict of str to xarray.Dataset
        ``lower``: a uniform profile, and the counts of other regions, shuffled; ``upper``: the
        observed profile and counts themselves. Each as from :func:`read_performance`.

    Raises
    ------
    ReadError
        As :func:`read_performance`.
    """
    smooth = smoothing or Smoothing()

    def uniform(true: NDArray[Any], predicted: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        flat = np.zeros_like(predicted)
        return profile_metrics(true, flat, sigma=smooth.sigma, width=smooth.width)

    def itself(true: NDArray[Any], predicted: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        with np.errstate(divide="ignore"):
            exact = np.log(true)
        exact = np.where((true.sum(axis=2, keepdims=True) > 0), exact, np.zeros_like(predicted))
        found = profile_metrics(true, exact, sigma=smooth.sigma, width=smooth.width)
        # Smoothed as the observed profile is, it does not diverge from it.
        return found | {"jsd": np.where(np.isfinite(found["jsd"]), 0.0, np.nan)}

    lower = _measured(Path(path), chroms, uniform)
    upper = _measured(Path(path), chroms, itself)
    observed = lower["log_true_counts"]
    order = np.random.default_rng(seed).permutation(observed.sizes["region"])
    lower["log_pred_counts"] = (observed.dims, observed.values[order])
    upper["log_pred_counts"] = (observed.dims, observed.values)
    return {"lower": lower, "upper": upper}


def read_bounds(path: str | Path) -> dict[str, "xr.Dataset"]:
    """Read bounds of metrics from a file.

    Parameters
    ----------
    path : path
        HDF5 with the groups ``lower`` and ``upper``, or ``performance_lower`` and
        ``performance_upper``, each with arrays named as the metrics, ``(region, task)`` in the
        order of the predictions, and ``count_mse`` ``(task,)``.

    Returns
    -------
    dict of str to xarray.Dataset
        ``lower`` and ``upper``.

    Raises
    ------
    ReadError
        If the file cannot be read, or has no bounds.
    """
    import xarray as xr

    found: dict[str, xr.Dataset] = {}
    with _opened(Path(path)) as file:
        for side in ("lower", "upper"):
            names = [name.format(side) for name in _BOUND_GROUPS]
            group = next((file[name] for name in names if name in file), None)
            if group is None:
                raise ReadError(
                    f"{path} has no group {' or '.join(names)}; it has {', '.join(file) or 'none'}"
                )
            arrays = {name: np.asarray(group[name][()], float) for name in group}
            found[side] = xr.Dataset(
                {
                    name: (("region", "task")[2 - values.ndim :], values)
                    for name, values in arrays.items()
                    if name in (*PROFILE_METRICS, *COUNT_METRICS) and values.ndim in {1, 2}
                }
            )
    return found


def normalised(
    values: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any]
) -> NDArray[np.float64]:
    """Where values lie between bounds: 0 at the lower, 1 at the upper, never beyond.

    NaN where the bounds are equal.
    """
    span = np.asarray(upper, np.float64) - lower
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(span != 0, (values - lower) / span, np.nan)
    return np.clip(share, 0, 1)


def count_performance(true: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    """How well logarithmic counts are predicted, all values pooled.

    Parameters
    ----------
    true, predicted : array of float
        ln(count + 1), of equal shapes.

    Returns
    -------
    dict of str to float
        ``count_mse``, ``count_pearson`` and ``count_spearman``; NaN where there are too few values,
        or all are equal.
    """
    from scipy.stats import pearsonr, spearmanr

    x, y = np.asarray(true, np.float64).ravel(), np.asarray(predicted, np.float64).ravel()
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    found = dict.fromkeys(COUNT_METRICS, float("nan"))
    if x.size:
        found["count_mse"] = float(np.mean((x - y) ** 2))
    if x.size >= _FEWEST and np.ptp(x) > 0 and np.ptp(y) > 0:
        found["count_pearson"] = float(pearsonr(x, y).statistic)
        found["count_spearman"] = float(spearmanr(x, y).statistic)
    return found


def _measured(path: Path, chroms: Sequence[str], measure: Any) -> "xr.Dataset":
    import xarray as xr

    with _opened(path) as file:
        arrays = _arrays(file, path)
        where = _coordinates(file, arrays["true_counts"].shape[0], path)
        rows = _chosen(where, chroms, path, arrays["true_counts"].shape[0])
        parts = [
            measure(true, predicted)
            for true, predicted in _blocks(arrays["true_profs"], arrays["log_pred_profs"], rows)
        ]
        counts = {name: arrays[name][()][rows] for name in ("true_counts", "log_pred_counts")}
    if (counts["true_counts"] < 0).any():
        raise ReadError(f"{path}, true_counts has negative values, expected counts")
    profile = {
        name: (("region", "task"), np.concatenate([part[name] for part in parts]))
        for name in PROFILE_METRICS
    }
    by_strand = ("region", "task", "strand")
    return xr.Dataset(
        {
            **profile,
            "log_true_counts": (by_strand, np.log1p(counts["true_counts"].astype(np.float64))),
            "log_pred_counts": (by_strand, counts["log_pred_counts"].astype(np.float64)),
            "row": ("region", rows),
            **{name: ("region", values[rows]) for name, values in where.items()},
        },
        coords={"task": np.arange(counts["true_counts"].shape[1])},
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from finemo_zarr.readers.modisco_h5 import open_result

    if not path.is_file():
        raise ReadError(f"{path}: no such file, expected an HDF5 file with predictions")
    try:
        with open_result(path) as file:
            yield file
    except ReadError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise ReadError(f"{path} cannot be read ({error}); expected an HDF5 file") from error


def _arrays(file: Any, path: Path) -> dict[str, Any]:
    group = file.get("predictions", {})
    if missing := [name for name in _SHAPES if name not in group]:
        raise ReadError(
            f"{path} lacks {', '.join(f'predictions/{name}' for name in missing)}; it has"
            f" {', '.join([*file, *(f'predictions/{name}' for name in group)]) or 'nothing'}."
            " Expected are log_pred_profs and true_profs (region, task, position, strand),"
            " log_pred_counts and true_counts (region, task, strand)"
        )
    arrays = {name: group[name] for name in _SHAPES}
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    profile = shapes["true_profs"]
    fits = all(len(shapes[name]) == size for name, size in _SHAPES.items())
    if (
        not fits
        or shapes["log_pred_profs"] != profile
        or any(
            shapes[name] != (*profile[:2], profile[3])
            for name in ("true_counts", "log_pred_counts")
        )
    ):
        raise ReadError(
            f"{path}: the arrays have shapes {shapes}, expected (region, task, position, strand)"
            " for profiles and (region, task, strand) for counts, the same in all"
        )
    return arrays


def _coordinates(file: Any, count: int, path: Path) -> dict[str, NDArray[Any]]:
    group = file.get("coords")
    if group is None or not all(name in group for name in _COORDS):
        return {}
    values = {name.removeprefix("coords_"): group[name][()] for name in _COORDS}
    if any(len(column) != count for column in values.values()):
        raise ReadError(f"{path}: coords and predictions are of different numbers of regions")
    chrom = [c.decode() if isinstance(c, bytes) else str(c) for c in values["chrom"].tolist()]
    return values | {"chrom": np.array(chrom, dtype=object)}


def _chosen(
    where: dict[str, NDArray[Any]], chroms: Sequence[str], path: Path, count: int
) -> NDArray[np.int64]:
    if not chroms:
        return np.arange(count)
    if not where:
        raise ReadError(f"{path} has no coords, so regions of {', '.join(chroms)} cannot be chosen")
    rows = np.flatnonzero(np.isin(where["chrom"], list(chroms)))
    if not rows.size:
        found = ", ".join(sorted(set(where["chrom"].tolist()))[:12]) or "none"
        raise ReadError(f"{path} has no region on {', '.join(chroms)}; its chromosomes are {found}")
    return rows


def _blocks(
    true: Any, predicted: Any, rows: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    step = max(1, _VALUES_AT_ONCE // max(int(np.prod(true.shape[1:])), 1))
    for first in range(0, max(rows.size, 1), step):
        own = rows[first : first + step]
        # HDF5 reads a range much faster than single rows.
        low, high = (int(own[0]), int(own[-1]) + 1) if own.size else (0, 0)
        block = (array[low:high][own - low].astype(np.float64) for array in (true, predicted))
        yield next(block), next(block)
