"""Several callers on the same regions: what each finds, where they agree, and what is true."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.evaluation.truth import compare_with_truth, own_score, read_truth
from finemo_zarr.plot import motif_heatmap
from finemo_zarr.report import _callers_figures as draw
from finemo_zarr.report._callers_places import (
    JoinedHits,
    Places,
    find_places,
    join_hits,
    label_agreement,
)
from finemo_zarr.report.html import Html, data_table, element, figure_svg, figures, tiles
from finemo_zarr.report.runs import _short_names
from finemo_zarr.report.saved import save_tables
from finemo_zarr.report.source import _load_hits
from finemo_zarr.store import HitsStore, hits_path

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

_FEWEST = 2
_BARS_DRAWN = 80
_ALL_PAIRS = 4  # callers; of more, the first is drawn against each other one
_MIB = 2**20


class CallersData(NamedTuple):
    """Callers by name, and what they have in common.

    Parameters
    ----------
    stores : dict of str to HitsStore
        Hits of each, of one track.
    scores : dict of str to str
        Variable with the caller's own score; with ``-`` in front if less is better.
    joined : JoinedHits
        The hits of all.
    places : Places
        Hits of one motif that overlap, joined.
    truth : dict of str to xarray.Dataset
        Precision, recall and F1 over the caller's own score; empty without known sites.
    usage : dict of str to dict
        What is known of the time and memory that a caller took.
    """

    stores: dict[str, HitsStore]
    scores: dict[str, str]
    joined: JoinedHits
    places: Places
    truth: dict[str, "xr.Dataset"]
    usage: dict[str, dict[str, Any]]

    @property
    def names(self) -> list[str]:
        """Names of the callers."""
        return list(self.stores)


def gather_callers(
    hits: Sequence[str | Path],
    *,
    truth: str | Path | None = None,
    scores: Mapping[str, str] | None = None,
    one_to_one: bool = False,
    track: str | None = None,
) -> CallersData:
    """Open the hits of several callers, and find what they have in common.

    Parameters
    ----------
    hits : sequence of path
        Hits stores, or folders that `call-hits` wrote, of the same regions; at least two. Their
        names are those of the callers. A file ``<folder>.json`` beside a folder, as
        `compare-callers` writes it, says what time and memory it took.
    truth : path, optional
        Known sites, see :func:`finemo_zarr.evaluation.truth.read_truth`.
    scores : mapping of str to str, optional
        A caller's own score, by its name, with ``-`` in front if less is better; by default that of
        :func:`finemo_zarr.evaluation.truth.own_score`.
    one_to_one : bool
        Whether a known site can make one hit right only.
    track : str, optional
        Track, where there are several.

    Raises
    ------
    RunError
        If there are fewer than two callers, or `scores` names one that is not there.
    ReadError, SchemaError
        If an input cannot be read, or they do not go together.
    """
    if len(hits) < _FEWEST:
        raise RunError(f"{len(hits)} callers to compare, expected at least two")
    names = _short_names([Path(path) for path in hits])
    stores = {name: _load_hits(path, track) for name, path in zip(names, hits, strict=True)}
    if unknown := set(scores or ()) - set(names):
        raise RunError(
            f"a score is given for {', '.join(sorted(unknown))}, and there are {', '.join(names)}"
        )
    chosen = {name: own_score(store.hits) for name, store in stores.items()} | dict(scores or {})
    joined = join_hits(stores, chosen)
    curves = {}
    if truth is not None:
        sites = read_truth(truth)
        curves = {
            name: compare_with_truth(store, sites, score=chosen[name], one_to_one=one_to_one)
            for name, store in stores.items()
        }
    usage = {name: _read_usage(path) for name, path in zip(names, hits, strict=True)}
    return CallersData(stores, chosen, joined, find_places(joined, len(names)), curves, usage)


def _read_usage(hits: str | Path) -> dict[str, Any]:
    folder = Path(str(hits_path(hits))).parent
    path = folder.with_name(f"{folder.name}.json")
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReadError(f"{path}: no JSON ({error}); remove it") from error
    return found if isinstance(found, dict) else {}


def callers_summary(data: CallersData) -> Html:
    """How many hits each caller has, and at how many places they agree."""
    values = [
        (f"{store.hits.sizes['hit']:,}", f"hits, {name}") for name, store in data.stores.items()
    ]
    number = data.places.found.sum(axis=1)
    values.append((f"{number.size:,}", "places, of any caller"))
    share = (number == len(data.names)).mean() if number.size else 0.0
    values.append((f"{share:.1%}", "of the places found by all"))
    if data.truth:
        best = max(data.truth, key=lambda name: float(data.truth[name].attrs["f1"]))
        values.append((f"{data.truth[best].attrs['f1']:.3f}", f"best F1 as called, {best}"))
    return tiles(values)


def motif_counts(data: CallersData) -> "pl.DataFrame":
    """Number of hits of each motif, of each caller, both strands; the most first."""
    import polars as pl

    counts = _counts(data)
    order = np.argsort(-counts.sum(axis=1), kind="stable").tolist()
    columns: dict[str, Any] = {"motif_name": [data.joined.motifs[at] for at in order]}
    columns |= {name: counts[order, at] for at, name in enumerate(data.names)}
    return pl.DataFrame(columns)


def _counts(data: CallersData) -> Any:
    counts = np.zeros((len(data.joined.motifs), len(data.names)), dtype=np.int64)
    np.add.at(counts, (data.joined.motif, data.joined.caller), 1)
    return counts


def region_counts(data: CallersData) -> "pl.DataFrame":
    """Number of hits of each motif in each region, of each caller; only where there are hits.

    Returns
    -------
    polars.DataFrame
        ``peak_id`` (row in the peak file, or of the store where there is none), ``motif_name``, and
        a column for each caller.
    """
    import polars as pl

    parts = []
    for name, store in data.stores.items():
        region = store.hits["hit_region"].values
        if "region_id" in store.regions:
            region = store.regions["region_id"].values[region]
        names = store.motifs["motif_name"].values.astype(object)[store.hits["hit_motif"].values]
        parts.append(pl.DataFrame({"peak_id": region, "motif_name": names.tolist(), "by": name}))
    table = pl.concat(parts, how="vertical_relaxed").group_by("peak_id", "motif_name")
    return table.agg(
        (pl.col("by") == name).sum().cast(pl.Int64).alias(name) for name in data.names
    ).sort("peak_id", "motif_name")


def motif_figure(data: CallersData) -> Html:
    """Bars of the hits of the motifs that have most."""
    table = motif_counts(data).head(max(5, _BARS_DRAWN // len(data.names)))
    counts = table.select(data.names).to_numpy()
    axes = draw.motif_bars(counts, table["motif_name"].to_list(), data.names)
    more = len(data.joined.motifs) - table.height
    caption = "Hits of each motif, both strands."
    return figures((axes, caption + (f" The {more:,} others are in the table." if more else "")))


def upset_figure(data: CallersData) -> Html:
    """Which callers find which places."""
    caption = (
        "Places by the callers that found them: a column is a set of callers, its dots say which."
        " A place is made of the hits of one motif that share at least half of the shorter; left,"
        " all places of a caller."
    )
    if (count := len(np.unique(data.places.found, axis=0))) > draw.MOST_SETS:
        caption += f" The most frequent {draw.MOST_SETS} of {count} sets are drawn."
    # In a box that scrolls: as narrow as a telephone, nobody could read it.
    drawn = element("div", figure_svg(draw.upset(data.places.found, data.names)), class_="scroll")
    return Html(drawn + element("p", caption, class_="muted"))


def agreement_figure(data: CallersData) -> Html:
    """How far callers agree on the motif where their hits overlap."""
    values = label_agreement(data.joined, len(data.names))
    axes = _heatmap(data, values, "share with the same motif", (0.0, 1.0))
    caption = (
        "Of the hits of a caller (row) that share half of the shorter with any hit of another"
        " (column), the share where one of those is of the same motif."
    )
    return figures((axes, caption))


def _heatmap(data: CallersData, values: Any, label: str, limits: tuple[float, float]) -> Any:
    import xarray as xr

    coords = {"caller": data.names, "other": data.names}
    table = xr.DataArray(values, dims=("caller", "other"), coords=coords)
    return motif_heatmap(table, order=np.arange(len(data.names)), label=label, limits=limits)


def scores_figure(data: CallersData) -> Html:
    """Scores of two callers against each other, at the places that both found."""
    number = len(data.names)
    pairs = list(combinations(range(number), 2))
    ranks = np.full((number, number), np.nan)
    drawn = []
    for one, other in pairs:
        x, y = data.places.score[:, one], data.places.score[:, other]
        count, ranks[one, other] = _rank_correlation(x, y)
        if one == 0 or number <= _ALL_PAIRS:
            labels = [f"{data.names[at]}: {data.scores[data.names[at]]}" for at in (one, other)]
            caption = f"{data.names[one]} and {data.names[other]}: {count:,} common places"
            caption += f", Spearman {ranks[one, other]:.2f}." if ranks[one, other] > -2 else "."
            drawn.append((draw.score_scatter(x, y, (labels[0], labels[1])), caption))
    if number > _FEWEST:
        ranks = np.where(np.isnan(ranks), ranks.T, ranks)
        axes = _heatmap(data, ranks, "Spearman correlation", (-1.0, 1.0))
        drawn.append((axes, "Rank correlation of the scores, of all pairs of callers."))
    return figures(*drawn)


def _rank_correlation(x: Any, y: Any) -> tuple[int, float]:
    """Number of places with both scores, and Spearman's correlation; NaN where there is none."""
    from scipy.stats import spearmanr

    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return x.size, float("nan")
    return x.size, float(spearmanr(x, y).statistic)


def usage_table(data: CallersData) -> Html:
    """Time and memory of each caller."""
    import polars as pl

    if not any(data.usage.values()):
        return Html("<p>These hits were not called by compare-callers, so it is not known.</p>")
    rows = [
        {
            "caller": name,
            "seconds": found.get("seconds"),
            "peak memory, MiB": _in_mib(found.get("peak_bytes")),
            "regions": data.stores[name].qc.sizes["region"],
            "note": _usage_note(found),
        }
        for name, found in data.usage.items()
    ]
    if not any(row["note"] for row in rows):
        rows = [{key: row[key] for key in row if key != "note"} for row in rows]
    table = data_table(pl.DataFrame(rows, infer_schema_length=None), "usage-table")
    lines = [f"finemo-zarr {u['command']}" for u in data.usage.values() if "command" in u]
    said = element("summary", "The commands") + element("pre", escape("\n".join(lines)))
    return Html(table + element("details", said))


def _usage_note(usage: Mapping[str, Any]) -> str | None:
    notes = ["in several attempts, so the last took less"] if usage.get("resumed") else []
    if "seconds" in usage and usage.get("peak_bytes") is None:
        notes.append("memory is not measured in several processes")
    return "; ".join(notes) or None


def _in_mib(size: int | None) -> float | None:
    return None if size is None else size / _MIB


def truth_table(data: CallersData) -> "pl.DataFrame":
    """Precision, recall and F1 of each caller, as called and at the best threshold."""
    import polars as pl

    keys = ("precision", "recall", "f1", "best_f1", "best_precision", "best_recall")
    rows = [
        {
            "caller": name,
            **{key.replace("_", " "): curve.attrs[key] for key in keys},
            "best threshold": curve.attrs["best_threshold"],
            "score": data.scores[name],
            "hits": curve.attrs["num_hits"],
            "sites": curve.attrs["num_sites"],
            "hits per found site": _ratio(curve.attrs["num_right"], curve.attrs["num_found"]),
        }
        for name, curve in data.truth.items()
    ]
    return pl.DataFrame(rows)


def _ratio(one: int, other: int) -> float:
    return one / other if other else float("nan")


def truth_figures(data: CallersData) -> Html:
    """Curves of precision, recall and F1."""
    caption = (
        "Precision and recall from the surest hits of a caller to all of them (filled dot); the"
        " ring is where F1 is best."
    )
    drawn = [(draw.precision_recall(data.truth), caption)]
    for number, (name, curve) in enumerate(data.truth.items()):
        best = curve.attrs["best_threshold"]
        said = f"{name}, by the score from which hits are kept; the line is the best, {best:.4g}."
        drawn.append((draw.over_own_score(curve, number), said))
    return figures(*drawn)


def consensus(data: CallersData) -> "pl.DataFrame":
    """All places, with the number of callers that found them, and their best scores.

    Returns
    -------
    polars.DataFrame
        ``chr`` (or ``region``), ``start``, ``end``, ``motif_name``, ``n_callers``, ``callers``, and
        for each caller its best score (negated if less is better), empty where it has no hit.
    """
    import polars as pl

    where, found = data.places.where, data.places.found
    labels = np.array(data.joined.labels, dtype=object)
    first = next(iter(data.stores.values()))
    names = np.array(data.names, dtype=object)
    columns: dict[str, Any] = {
        "chr" if "region_chrom" in first.regions else "region": labels[where.group].tolist(),
        "start": where.start,
        "end": where.end,
        "motif_name": np.array(data.joined.motifs, dtype=object)[data.places.motif].tolist(),
        "n_callers": found.sum(axis=1),
        "callers": [",".join(names[row]) for row in found],
    }
    columns |= {f"score_{name}": data.places.score[:, at] for at, name in enumerate(data.names)}
    scores = pl.selectors.starts_with("score_").fill_nan(None)
    return pl.DataFrame(columns).with_columns(scores)


def write_callers(data: CallersData, folder: str | Path) -> None:
    """Write the tables of the comparison.

    ``consensus.tsv``, ``hits_by_motif.tsv``, ``hits_by_region.tsv`` and, with known sites,
    ``truth.tsv`` and ``truth_curves.tsv``.

    Parameters
    ----------
    data : CallersData
        From :func:`gather_callers`.
    folder : path
        A folder that is there.
    """
    made = {"consensus": consensus(data), "hits_by_motif": motif_counts(data)}
    made["hits_by_region"] = region_counts(data)
    if data.truth:
        made |= {"truth": truth_table(data), "truth_curves": _curves(data)}
    save_tables(folder, made)


def _curves(data: CallersData) -> "pl.DataFrame":
    import polars as pl

    parts = []
    for name, curve in data.truth.items():
        values = {key: curve[key].values for key in ("threshold", "num_hits")}
        values |= {key: curve[key].values for key in ("precision", "recall", "f1")}
        parts.append(pl.DataFrame({"caller": [name] * curve.sizes["threshold"], **values}))
    return pl.concat(parts)
