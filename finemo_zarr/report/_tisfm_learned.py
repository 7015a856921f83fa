"""Sections of the report of a tiSFM: gates, pooling, position, and paths of penalties."""

from html import escape

import numpy as np

from finemo_zarr.plot.importance import profile_order, signed_heatmap
from finemo_zarr.plot.penalty_paths import coefficient_paths, path_errors, path_sizes
from finemo_zarr.plot.signal_models import pooling_weights, positional_profile
from finemo_zarr.report._tisfm_source import TisfmData, chosen_motifs
from finemo_zarr.report._tisfm_tables import interaction_table
from finemo_zarr.report.html import Html, data_table, figures

MOST_TRACKS = 12
"""Tracks that are drawn one by one, at most."""

_MOST_GATES = 20
_MOST_GATED = 24  # motifs of the heatmap of gates
_MOST_POOLED = 30


def interaction_section(data: TisfmData) -> Html:
    """The strongest gates, as a table and as a heatmap."""
    if "interaction_strength" not in data.readouts:
        return Html("<p>This model was trained without interactions (--no-interaction).</p>")
    table = interaction_table(data, _MOST_GATES)
    if not table.height:
        return Html("<p>No motif gates another: all interactions are zero.</p>")
    names: list[str] = []
    for row in interaction_table(data).iter_rows(named=True):
        names += [row[key] for key in ("motif", "other_motif") if row[key] not in names]
        if len(names) >= _MOST_GATED:
            break
    names = names[:_MOST_GATED]
    gates = data.readouts["interaction_strength"].transpose("motif", "other_motif")
    square = gates.sel(motif=names, other_motif=names)
    order = profile_order(np.nan_to_num(square.values + square.values.T))
    axes = signed_heatmap(
        square.isel(motif=order, other_motif=order),
        label="strength",
        names=("motif", "other motif, at the gate"),
    )
    caption = (
        f"Gates among the {len(names)} motifs of the strongest ones. Red: the other motif (column)"
        " opens the gate of the motif (row); blue: it closes it. The diagonal is left out."
    )
    heads = (f"<h3>The {table.height} strongest</h3>", "<h3>Which gates which</h3>")
    shown = data_table(table, "gates-table"), figures((axes, caption))
    return Html("".join(head + part for head, part in zip(heads, shown, strict=True)))


def pooling_section(data: TisfmData) -> Html:
    """How places are pooled, and what position counts."""
    drawn, said = [], ""
    architecture = data.said.get("architecture", {})
    if "pooling_weight" in data.readouts:
        names = chosen_motifs(data, len(data.motifs), _MOST_POOLED)
        if names:
            weights = data.readouts["pooling_weight"].sel(motif=names)
            axes = pooling_weights(weights, start=architecture.get("pool_start"))
            drawn.append((axes, "Pooling weights, the most important motifs first."))
    else:
        pooling = architecture.get("pooling", "fixed")
        said += f"<p>Nothing was learned about pooling: it is fixed ({escape(str(pooling))}).</p>"
    if "position_weight" in data.readouts:
        axes = positional_profile(data.readouts["position_weight"].values)
        drawn.append(
            (axes, "What is added to the bases at a distance from the end, for attention.")
        )
    else:
        said += (
            "<p>There is no positional profile: this model has no attention (--no-attention).</p>"
        )
    return Html((figures(*drawn) if drawn else "") + said)


def path_section(data: TisfmData) -> Html:
    """Error against lambda, and the weights of single tracks along the path."""
    if data.path is None:
        return Html(
            "<p>No path was given: train one with <code>finemo-zarr tisfm-path</code> and give its"
            " folder as the model, or with <code>-P path=FOLDER</code>.</p>"
        )
    path = data.path
    caption = (
        "Error against lambda; the band is one standard error over regions. Line: least validation"
        " error; dotted: the largest lambda within one standard error of that."
    )
    drawn = [(path_errors(path), caption), (path_sizes(path), "Weights of all tracks.")]
    best = float(path.attrs.get("best_lambda", path["lambda"].values[-1]))
    lines = [
        (coefficient_paths(path["weight"].sel(track=name), best, name), "")
        for name in data.tracks[:MOST_TRACKS]
    ]
    said = (
        "<h3>Weights along the path</h3><p>The nine motifs with the largest weights at the lambda"
        " of the least error (dotted) are named; the others are grey.</p>"
    )
    return Html(figures(*drawn) + said + figures(*lines))
