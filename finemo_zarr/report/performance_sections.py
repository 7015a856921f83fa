"""The sections of the report of how well models predict."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.evaluation.predictions import (
    COUNT_METRICS,
    LESS_IS_BETTER,
    Smoothing,
    compute_bounds,
    count_performance,
    normalised,
    read_bounds,
    read_performance,
)
from finemo_zarr.evaluation.profile_metrics import PROFILE_METRICS
from finemo_zarr.plot.performance import count_scatter, metric_bars, share_curves
from finemo_zarr.report.beside import save
from finemo_zarr.report.given import listed, named
from finemo_zarr.report.html import Html, data_table, figures, tiles, warnings_box

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

COMPUTED = "computed"
LABELS = {
    "nll": "negative log likelihood (nats)",
    "cross_ent": "cross entropy (nats)",
    "jsd": "Jensen-Shannon divergence (nats)",
    "profile_mse": "mean squared error of the profile",
    "profile_pearson": "Pearson of the profile",
    "profile_spearman": "Spearman of the profile",
    "count_mse": "mean squared error",
    "count_pearson": "Pearson",
    "count_spearman": "Spearman",
}
_SCATTERS = 8
_BETWEEN = "0 is the lower bound, 1 the upper."


class PerformanceData(NamedTuple):
    """Metrics of several models.

    Parameters
    ----------
    conditions : dict of str to xarray.Dataset
        By model, or by model and task: see
        :func:`~finemo_zarr.evaluation.predictions.read_performance`.
    bounds : dict of str to dict
        Of each condition, the ``lower`` and ``upper`` bounds of the same regions and tasks; empty
        where none were asked for.
    counts : dict of str to dict
        Metrics of counts of each condition, everything pooled, as they are.
    """

    conditions: dict[str, "xr.Dataset"]
    bounds: dict[str, dict[str, "xr.Dataset"]]
    counts: dict[str, dict[str, float]]


def gather_performance(
    predictions: Any,
    *,
    names: Sequence[str] = (),
    bounds: Any = "",
    chroms: Sequence[str] = (),
    tasks: Sequence[int] = (),
    by_task: bool = False,
    smoothing: Smoothing | None = None,
) -> PerformanceData:
    """Compute the metrics of one or several files of predictions.

    Parameters
    ----------
    predictions : path or sequence of paths
        The files, see :mod:`finemo_zarr.evaluation.predictions`.
    names : sequence of str
        Names of the models; by default those of the files.
    bounds : path or sequence of paths
        Files with bounds, one for each or one for all; ``computed`` to compute them; by default
        none.
    chroms : sequence of str
        Chromosomes to keep; by default all.
    tasks : sequence of int
        Numbers of tasks to keep; by default all.
    by_task : bool
        Whether tasks are told apart; else they are pooled.
    smoothing : Smoothing, optional
        Of the observed profile for the divergence.

    Raises
    ------
    RunError
        If there is no file, or names, tasks or bounds do not go with the files.
    ReadError
        If a file cannot be read.
    """
    files = named(listed(predictions), names)
    if not files:
        raise RunError("no predictions were given; name them: -P predictions=FILE")
    conditions, limits = {}, {}
    given = _bounds_of(listed(bounds), list(files))
    for name, path in files.items():
        found = read_performance(path, chroms=chroms, smoothing=smoothing)
        if given[name] == COMPUTED:
            sides = compute_bounds(path, chroms=chroms, smoothing=smoothing)
        else:
            sides = _matching(given[name], found)
        for label, rows in _tasks(found, name, tasks, by_task=by_task, single=len(files) == 1):
            conditions[label] = found.isel(task=rows)
            if sides:
                limits[label] = {side: _task(own, rows) for side, own in sides.items()}
    counts = {name: _counts(found) for name, found in conditions.items()}
    return PerformanceData(conditions, limits, counts)


def _counts(found: "xr.Dataset") -> dict[str, float]:
    return count_performance(found["log_true_counts"].values, found["log_pred_counts"].values)


def _task(side: "xr.Dataset", rows: list[int]) -> "xr.Dataset":
    return side.isel(task=rows)


def _bounds_of(given: list[str], names: list[str]) -> dict[str, str]:
    if not given:
        return dict.fromkeys(names, "")
    if len(given) not in {1, len(names)}:
        raise RunError(f"{len(given)} files with bounds for {len(names)} of predictions")
    return dict(zip(names, given * (len(names) // len(given)), strict=True))


def _matching(path: str, found: "xr.Dataset") -> dict[str, "xr.Dataset"]:
    """Bounds of a file for the regions that were kept."""
    if not path:
        return {}
    sides = read_bounds(path)
    rows = found["row"].values
    kept = {}
    for side, own in sides.items():
        fits = own.sizes.get("task", found.sizes["task"]) == found.sizes["task"]
        if not fits or own.sizes.get("region", 0) <= rows.max(initial=-1):
            raise RunError(
                f"{path}, {side}: bounds of {dict(own.sizes)}, expected those of the predictions,"
                f" {rows.max(initial=-1) + 1:,} regions or more and {found.sizes['task']} tasks"
            )
        kept[side] = own.isel(region=rows)
    return kept


def _tasks(
    found: "xr.Dataset", name: str, tasks: Sequence[int], *, by_task: bool, single: bool
) -> list[tuple[str, list[int]]]:
    number = found.sizes["task"]
    chosen = [int(task) for task in tasks] or list(range(number))
    if any(not 0 <= task < number for task in chosen):
        raise RunError(f"tasks {chosen} of {name}, which has tasks 0 to {number - 1}")
    if not by_task:
        return [(name, chosen)]
    return [(f"task {task}" if single else f"{name}, task {task}", [task]) for task in chosen]


def performance_summary(data: PerformanceData) -> Html:
    """How many models and regions there are, and which model is best at what."""
    first = next(iter(data.conditions.values()))
    values = [
        (f"{len(data.conditions)}", "models" if len(data.conditions) > 1 else "model"),
        (f"{first.sizes['region']:,}", "regions"),
    ]
    for metric in ("jsd", "profile_pearson"):
        best, value = _best(
            {name: _median(own[metric].values) for name, own in data.conditions.items()},
            less=metric in LESS_IS_BETTER,
        )
        values.append((f"{value:.3f}", f"{LABELS[metric]}, median{best}"))
    best, value = _best({n: own["count_pearson"] for n, own in data.counts.items()}, less=False)
    values.append((f"{value:.3f}", f"Pearson of counts{best}"))
    return Html(tiles(values) + warnings_box(_notes(data)))


def _best(values: Mapping[str, float], *, less: bool) -> tuple[str, float]:
    """Name of the best, with a comma before it, if there are several; and its value."""
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    if not known:
        return "", float("nan")
    name = (min if less else max)(known, key=lambda key: known[key])
    return (f", {name}" if len(values) > 1 else ""), known[name]


def _median(values: NDArray[Any]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def _notes(data: PerformanceData) -> list[str]:
    notes = []
    sizes = {name: own.sizes["region"] for name, own in data.conditions.items()}
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        notes.append(f"The models were judged on different numbers of regions: {shown}.")
    empty = {name: int(np.isnan(own["nll"].values).sum()) for name, own in data.conditions.items()}
    if any(empty.values()):
        shown = ", ".join(f"{name} {count:,}" for name, count in empty.items() if count)
        notes.append(
            "Where there is no count, there is no profile to compare with. So many regions, once"
            f" for each task, are left out of the metrics of profiles: {shown}."
        )
    return notes


def judged(data: PerformanceData, name: str, metric: str) -> NDArray[np.float64]:
    """A metric of the profile of each region, by its bounds where there are some.

    Parameters
    ----------
    data : PerformanceData
        From :func:`gather_performance`.
    name : str
        A condition.
    metric : str
        One of the metrics of profiles.

    Returns
    -------
    array of float, ``(region, task)``
    """
    values = data.conditions[name][metric].values
    sides = data.bounds.get(name)
    if metric not in LESS_IS_BETTER or not sides or any(metric not in s for s in sides.values()):
        return np.asarray(values, np.float64)
    lower, upper = (sides[side][metric].values for side in ("lower", "upper"))
    return normalised(values, lower, upper)


def _is_judged(data: PerformanceData, metric: str) -> bool:
    return (
        bool(data.bounds)
        and metric in LESS_IS_BETTER
        and all(metric in side for sides in data.bounds.values() for side in sides.values())
    )


def profile_figures(data: PerformanceData) -> Html:
    """One curve for each model and metric of the profile."""
    order = ("nll", "cross_ent", "jsd", "profile_mse", "profile_pearson", "profile_spearman")
    drawn = []
    for metric in order:
        values = {name: judged(data, name, metric) for name in data.conditions}
        by_bounds = _is_judged(data, metric)
        better_is_more = by_bounds or metric not in LESS_IS_BETTER
        label = LABELS[metric]
        if by_bounds:  # without its unit, and in two lines, or it is wider than the figure
            label = f"{label.split(' (')[0]},\nbetween bounds"
        axes = share_curves(
            values, label, at_least=better_is_more, limits=(0.0, 1.0) if better_is_more else None
        )
        drawn.append((axes, _curve_caption(metric, by_bounds=by_bounds)))
    return figures(*drawn)


def _curve_caption(metric: str, *, by_bounds: bool) -> str:
    if by_bounds:
        return f"{_BETWEEN} Further right is better."
    if metric in LESS_IS_BETTER:
        return "Further left is better. One in a hundred lies outside."
    return "Further right is better."


def count_figures(data: PerformanceData) -> Html:
    """Bars of the metrics of counts, and a scatter for each model."""
    drawn = []
    for metric in COUNT_METRICS:
        values = {name: count_value(data, name, metric) for name in data.conditions}
        by_bounds = metric in LESS_IS_BETTER and bool(data.bounds)
        label = f"{LABELS[metric]},\nbetween bounds" if by_bounds else LABELS[metric]
        less = metric in LESS_IS_BETTER and not by_bounds
        said = f"{LABELS[metric]} of ln(count + 1)"
        said += f", between bounds. {_BETWEEN}" if by_bounds else "."
        said += f" {'Less' if less else 'More'} is better."
        drawn.append((metric_bars(values, label), said))
    for number, (name, own) in enumerate(list(data.conditions.items())[:_SCATTERS]):
        true, predicted = own["log_true_counts"].values, own["log_pred_counts"].values
        said = f"{name}, {np.isfinite(true).sum():,} counts of regions, tasks and strands."
        drawn.append((count_scatter(true, predicted, number=number), said))
    return figures(*drawn)


def count_value(data: PerformanceData, name: str, metric: str) -> float:
    """A metric of counts, all pooled, by its bounds where there are some."""
    value, sides = data.counts[name][metric], data.bounds.get(name)
    if metric not in LESS_IS_BETTER or not sides:
        return value
    ends = [_count_bound(sides[side], metric) for side in ("lower", "upper")]
    return float(normalised(np.array(value), np.array(ends[0]), np.array(ends[1])))


def _count_bound(side: "xr.Dataset", metric: str) -> float:
    if metric in side:
        return float(np.nanmean(side[metric].values))
    if "log_pred_counts" not in side:
        return float("nan")
    return _counts(side)[metric]


def performance_rows(data: PerformanceData) -> "pl.DataFrame":
    """One row for each model: medians of the metrics of profiles, and those of counts."""
    import polars as pl

    rows = []
    for name, own in data.conditions.items():
        row: dict[str, Any] = {
            "model": name,
            "regions": own.sizes["region"],
            "tasks": own.sizes["task"],
            "without_counts": int(np.isnan(own["nll"].values).sum()),
        }
        row |= {f"median_{metric}": _median(own[metric].values) for metric in PROFILE_METRICS}
        row |= data.counts[name]
        if data.bounds:
            row |= {
                f"median_{metric}_between_bounds": _median(judged(data, name, metric))
                for metric in PROFILE_METRICS
                if metric in LESS_IS_BETTER
            }
            row["count_mse_between_bounds"] = count_value(data, name, "count_mse")
        rows.append(row)
    return pl.DataFrame(rows)


def performance_table(data: PerformanceData) -> Html:
    """The same as a table of the page."""
    table = performance_rows(data)
    return data_table(table.rename({name: name.replace("_", " ") for name in table.columns}), "t")


def write_performance(data: PerformanceData, folder: str | Path) -> None:
    """Write ``performance.tsv``, and the metrics of all regions as datasets.

    In ``report.zarr``, the group ``performance/<model>`` has the metrics of each region and task,
    and ``bounds/<model>/lower`` and ``upper`` have theirs.

    Parameters
    ----------
    data : PerformanceData
        From :func:`gather_performance`.
    folder : path
        Where to.
    """
    from finemo_zarr.report.files import file_names

    datasets = {}
    groups = file_names(data.conditions)
    for group, (name, own) in zip(groups, data.conditions.items(), strict=True):
        datasets[f"performance/{group}"] = own.assign_attrs(model=name)
        for side, bound in data.bounds.get(name, {}).items():
            datasets[f"bounds/{group}/{side}"] = bound
    save(folder, {"performance": performance_rows(data)}, datasets)
