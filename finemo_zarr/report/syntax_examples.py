"""Regions to look at in a report of syntax."""

from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.errors import ReadError
from finemo_zarr.evaluation import Evaluation, MotifTable
from finemo_zarr.report import payload
from finemo_zarr.report.html import Html, data_script
from finemo_zarr.report.sections import example_browser
from finemo_zarr.report.source import ReportData, _open_scores
from finemo_zarr.report.syntax_source import LOG10_SURE, SyntaxData

if TYPE_CHECKING:
    import xarray as xr

_PAIRS = 2


def examples_section(
    data: SyntaxData, regions: str | None = None, track: str | None = None, count: int = 6
) -> Html:
    """Regions without hits, with one, with a median number, with most, and with motifs together.

    Parameters
    ----------
    data : SyntaxData
        From :func:`gather_syntax`.
    regions : str, optional
        The regions store; by default the one that the hits were called in, if it is still there.
    track : str, optional
        Track, where there are several.
    count : int
        Regions of each kind.
    """
    notes: list[str] = []
    if not data.occurrences.sizes["region"]:
        return Html("<p>There are no regions.</p>")
    try:
        scores = _open_scores(data.hits, data.path, regions, data.provenance, track, notes)
    except ReadError:
        if regions is not None:
            raise
        scores = None  # what lies there now is not what the hits were called in
    if scores is None:
        return Html(
            "<p>The regions store was not given and is not where it was, so there are no scores to"
            " draw; give it with -r.</p>"
        )
    shown = example_browser(_as_report(data, scores), count, choose_regions(data, count))
    return Html(_names(data) + shown)


def choose_regions(data: SyntaxData, count: int) -> list[tuple[str, int]]:
    """Kind and row of the regions to show, each region once.

    Regions of a kind are drawn by chance, always the same.
    """
    rng = np.random.default_rng(0)
    total = data.occurrences["total"].values
    median = round(float(np.median(total)))
    groups = _together(data) | {
        f"a median number of hits ({median})": np.flatnonzero(total == median),
        "one hit": np.flatnonzero(total == 1),
        "no hit": np.flatnonzero(total == 0),
    }
    chosen = dict.fromkeys(np.argsort(-total, kind="stable")[:count].tolist(), "most hits")
    for why, rows in groups.items():
        for row in rng.permutation(rows)[:count].tolist():
            chosen.setdefault(row, why)
    return [(why, row) for row, why in chosen.items()]


def _together(data: SyntaxData) -> dict[str, Any]:
    """Regions with both motifs of the pairs that most surely occur together."""
    names = data.together["motif"].values.tolist()
    row, column = np.triu_indices(len(names), 1)
    log_q = np.nan_to_num(data.together["log10_q"].values[row, column])
    best = np.argsort(log_q, kind="stable")[:_PAIRS].tolist()
    present = data.occurrences["count"].values > 0
    return {
        f"{names[row[at]]} and {names[column[at]]}": np.flatnonzero(
            present[:, row[at]] & present[:, column[at]]
        )
        for at in best
        if log_q[at] <= LOG10_SURE
    }


def _as_report(data: SyntaxData, scores: "xr.Dataset") -> ReportData:
    import xarray as xr

    empty = xr.Dataset()
    unknown = np.full(data.occurrences.sizes["region"], np.nan)
    by_region = xr.Dataset({"explained": ("region", unknown)})
    evaluation = Evaluation(empty, by_region, empty, empty, empty, None, None, None, [])
    return ReportData(data.path, data.hits, scores, None, None, evaluation, data.provenance, [])


def _names(data: SyntaxData) -> str:
    """What the page's script needs to draw letters and to name hits."""
    motifs = [{"name": str(name)} for name in MotifTable.of(data.hits.motifs).names.tolist()]
    return data_script("finemo-drawing", payload.compact(payload.drawing())) + data_script(
        "finemo-motifs", payload.compact(motifs)
    )
