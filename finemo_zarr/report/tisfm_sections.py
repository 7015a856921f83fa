"""The sections of the report of a tiSFM, each a function from its data to HTML.

What the plugin finemo-zarr-tisfm wrote is read from its files; neither the plugin nor torch is
needed.
"""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.plot.importance import LABELLED, importance_heatmap, top_motifs
from finemo_zarr.plot.signal_models import (
    predicted_against_measured,
    track_correlations,
    track_errors,
    training_history,
)
from finemo_zarr.report import payload
from finemo_zarr.report._tisfm_hits import gather_hits, hits_missing, hits_section
from finemo_zarr.report._tisfm_learned import (
    MOST_TRACKS,
    interaction_section,
    path_section,
    pooling_section,
)
from finemo_zarr.report._tisfm_source import (
    MOST_ROWS,
    SPARE,
    TisfmData,
    chosen_motifs,
    gather_tisfm,
    motif_logos,
    penalties,
)
from finemo_zarr.report._tisfm_tables import importance_table, track_table, write_tisfm
from finemo_zarr.report.html import (
    Html,
    data_script,
    data_table,
    definitions,
    element,
    figures,
    search_field,
    tiles,
    warnings_box,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "TisfmData",
    "gather_tisfm",
    "hits_of_both_kinds",
    "importance_section",
    "interaction_section",
    "path_section",
    "pooling_section",
    "prediction_section",
    "provenance_section",
    "tisfm_summary",
    "top_section",
    "write_tisfm",
]

_MOST_LOGOS = 300
_MOST_BARS = 60
_TOP_COLUMNS = (
    ("track", "text"),
    ("rank", None),
    ("motif", "text"),
    ("logo", "text"),
    ("importance", None),
    ("weight", None),
)
_WEAK = 0.2
_LISTED = 8


def tisfm_summary(data: TisfmData) -> Html:
    """The numbers that one looks for first, and what must not be missed."""
    spare = sum(name.startswith(SPARE) for name in data.motifs)
    weight = data.readouts["weight"].values
    values = [
        (f"{data.readouts.sizes['track']:,}", "tracks"),
        (
            f"{len(data.motifs) - spare:,}",
            f"motifs, and {spare} spare kernel{'s' if spare > 1 else ''}" if spare else "motifs",
        ),
        (f"{np.count_nonzero(weight):,} of {weight.size:,}", "weights that are not zero"),
    ]
    if data.scores is not None:
        part = str(data.scores.attrs.get("part", "evaluated"))
        values.append((f"{_mean(data.scores['pearson']):.3f}", f"mean correlation, {part} regions"))
        values.append((f"{_mean(data.scores['mse']):.4g}", f"mean squared error, {part} regions"))
    elif data.history is not None:
        error = data.history["validation_error"].to_numpy()
        kept = int(np.argmin(error + penalties(data.history)))
        values.append((f"{error[kept]:.4g}", "validation error"))
    strength = data.facts.get("training", {}).get("strength")
    if strength is not None:
        values.append((f"{strength:.3g}", "lambda, of this model"))
    return Html(tiles(values) + warnings_box(_warnings(data)))


def _mean(values: Any) -> float:
    return float(np.nanmean(values.values)) if np.isfinite(values.values).any() else float("nan")


def _warnings(data: TisfmData) -> list[str]:
    found = list(data.notes)
    if data.scores is None:
        found.append(
            "No evaluation was given, so errors and correlations of held-out regions are left out:"
            f" finemo-zarr evaluate-tisfm --model {data.folder} -o evaluation, then"
            " -P evaluation=evaluation."
        )
    else:
        pearson = data.scores["pearson"]
        weak = pearson["track"].values[~(pearson.values >= _WEAK)]
        if len(weak):
            found.append(
                f"The correlation is below {_WEAK} for {_some(weak)}: what the model says of the"
                " motifs of these tracks is not to be relied on."
            )
    found += _warnings_of_training(data)
    spare = [
        f"{row['motif']} ({row['track']})"
        for row in importance_table(data, 5).iter_rows(named=True)
        if row["motif"].startswith(SPARE)
    ]
    if spare:
        found.append(
            f"A spare kernel, which is no known motif, is among the first five: {_some(spare)}. It"
            " stands for sequence that the motifs given do not cover; look at its logo."
        )
    return found


def _warnings_of_training(data: TisfmData) -> list[str]:
    found = []
    if not np.isfinite(data.readouts["weight"].values).all():
        found.append(
            "Some weights are not numbers, so the training went astray, and nothing here is to be"
            " relied on: train with a smaller rate (--lr)."
        )
    if data.history is not None and len(data.history) > 1:
        penalty = penalties(data.history)
        error = data.history["validation_error"].to_numpy() + penalty
        if int(np.argmin(error)) == len(error) - 1 and error[-1] < 0.99 * error[-2]:
            found.append(
                f"The validation error{' and penalty' if penalty.any() else ''} still fell by more"
                " than 1% in the last epoch: train longer (--epochs)."
            )
    if data.path is not None and "best_lambda" in data.path.attrs:
        strengths = data.path["lambda"].values
        best = float(data.path.attrs["best_lambda"])
        if len(strengths) > 1 and best == strengths[-1]:
            found.append(
                "The error is least at the largest lambda of the path: go on to larger ones"
                " (--lambda-range)."
            )
        elif best == 0:
            simple = data.path.attrs.get("simplest_lambda")
            more = (
                f" Up to lambda {simple:.3g} it is within its standard error of that."
                if simple
                else ""
            )
            found.append(f"No penalty made the error smaller than none did (lambda 0).{more}")
    return found


def _some(names: Any) -> str:
    words = [str(name) for name in names]
    more = len(words) - _LISTED
    return ", ".join(words[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def prediction_section(data: TisfmData) -> Html:
    """Errors and correlations of each track, and the history of the training."""
    drawn: list[tuple[Any, str]] = []
    parts: list[str] = []
    if data.scores is not None:
        shown = data.scores.sel(track=data.tracks[:_MOST_BARS])
        part, count = data.scores.attrs.get("part"), data.scores.attrs.get("num_regions")
        which = f"all {count:,}" if part == "all" else f"the {count:,} {part}"
        where = f" of {which} regions" if part and count else ""
        drawn.append((track_correlations(shown), f"Predicted and measured signal{where}."))
        said = "Error of the model, and of always predicting the mean of the track (mark)."
        drawn.append((track_errors(shown), said))
    if data.history is not None:
        penalty = penalties(data.history)
        epoch, train, error = (
            data.history[name].to_numpy() for name in ("epoch", "train_error", "validation_error")
        )
        said = "The training of this model."
        if penalty.any():
            said += " The best epoch is that of the least validation error and penalty together."
        drawn.append((training_history(epoch, train, error, penalty), said))
    parts.append(figures(*drawn))
    if data.scores is not None and "predicted" in data.scores:
        pairs = data.scores.sel(track=data.tracks[:MOST_TRACKS])
        points = [
            (predicted_against_measured(own["signal"].values, own["predicted"].values, name), "")
            for name, own in ((name, pairs.sel(track=name)) for name in data.tracks[:MOST_TRACKS])
        ]
        parts.append("<h3>Region by region</h3>" + figures(*points))
    if data.scores is None:
        parts.append("<p>Without an evaluation there are no errors of single tracks.</p>")
    else:
        parts.append("<h3>All tracks</h3>")
        parts.append(data_table(track_table(data), "tracks-table"))
    return Html("".join(parts))


def importance_section(data: TisfmData, each: int = 10) -> Html:
    """The clustered heatmap of motifs and tracks, with logos."""
    names = chosen_motifs(data, each, MOST_ROWS)
    if not names:
        return Html("<p>All weights are zero, so no motif has any importance.</p>")
    table = data.readouts["importance"].transpose("motif", "track").sel(motif=names)
    axes = importance_heatmap(table, logos=motif_logos(data, names))
    wanted = chosen_motifs(data, each, len(data.motifs))
    left = len(wanted) - len(names)
    caption = f"The first {each} motifs of each track; rows and columns are clustered."
    if left:
        caption += f" {left:,} of them, the least important, are in importance.tsv only."
    if table.sizes["track"] > LABELLED:
        caption += " The tracks are too many to be named; heatmap.tsv has them in this order."
    return figures((axes, caption))


def top_section(data: TisfmData, each: int = 10) -> Html:
    """The first motifs of each track, as bars and as a table with logos."""
    importance = data.readouts["importance"].transpose("motif", "track")
    drawn = [
        (top_motifs(importance.sel(track=name), name, count=each), "")
        for name in data.tracks[:MOST_TRACKS]
    ]
    count = data.readouts.sizes["track"]
    more, shown = count - len(drawn), max(1, min(each, _MOST_LOGOS // max(count, 1)))
    said = f"{more:,} more tracks are in the table only. " if more > 0 else ""
    if shown < each:
        said += f"The table has the first {shown} motifs of each track."
    text = element("p", said) if said else ""
    return Html(figures(*drawn) + text + _top_table(data, importance_table(data, shown)))


def _top_table(data: TisfmData, table: "pl.DataFrame") -> str:
    """A table that can be searched and sorted, with logos unless they are too many."""
    if not table.height or table.height > _MOST_LOGOS:
        return data_table(table, "top-table", search=True)
    names = sorted(set(table["motif"].to_list()))
    logos = motif_logos(data, names)
    drawn = [
        {"name": name, "core": [0, 0], "logos": {"kernel": payload.matrix(logos[name])}}
        for name in names
    ]
    heads = "".join(
        element("th", label, data_key=None if label == "logo" else label, class_=kind)
        for label, kind in _TOP_COLUMNS
    )
    rows = "".join(_top_row(row, names) for row in table.iter_rows(named=True))
    made = element(
        "table",
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>",
        class_="data sortable",
        id="top-table",
    )
    scripts = data_script("finemo-drawing", payload.compact(payload.drawing()))
    scripts += data_script("finemo-motifs", payload.compact(drawn))
    field = search_field("top-table", f"{table.height:,} rows")
    return field + element("div", made, class_="scroll") + scripts


def _top_row(row: dict[str, Any], names: list[str]) -> str:
    logo = f'<svg class="logo" data-motif="{names.index(row["motif"])}" data-set="kernel"></svg>'
    cells = element("td", escape(row["track"]), class_="text") + f"<td>{row['rank']}</td>"
    cells += element("td", escape(row["motif"]), class_="text name")
    cells += element("td", logo, class_="text")
    for key in ("importance", "weight"):
        cells += element("td", f"{row[key]:.4g}", data_value=f"{row[key]:.6g}")
    return element("tr", cells, class_="row", data_search=f"{row['track']} {row['motif']}")


def provenance_section(data: TisfmData) -> Html:
    """How the model was made: data, layers, training."""
    values: dict[str, Any] = {"model": str(data.folder), "motifs": data.facts.get("motifs")}
    values["sequences, bp"] = data.said.get("window")
    for group in (
        data.facts.get("data"),
        data.said.get("architecture"),
        data.facts.get("training"),
    ):
        values |= {
            str(name).replace("_", " "): value
            for name, value in (group or {}).items()
            if value not in (None, [], ())
        }
    return definitions(values)


def hits_of_both_kinds(
    data: TisfmData,
    hits: "str | list[str]",
    *,
    truth: str = "",
    count: int = 4,
    out_dir: str | Path = "",
) -> Html:
    """The section of the hits, whatever was given; writes their tables.

    Parameters
    ----------
    data : TisfmData
        From :func:`gather_tisfm`.
    hits : path or list of paths
        Hits stores, or folders that `call-hits` wrote; none, one, or several.
    truth : path
        Known sites; "" for none.
    count : int
        How many regions to draw.
    out_dir : path
        Where to write the tables; "" for nowhere.
    """
    from finemo_zarr.report.callers import write_callers

    found, said = gather_hits(hits, truth or None)
    if found is None:
        return hits_missing(said, data.folder)
    if out_dir:
        write_callers(found, out_dir)
    return hits_section(found, said, count)
