"""The sections of the report of syntax: how motifs occur, together and at which distances."""

from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.evaluation.cooccurrence import region_sample
from finemo_zarr.plot import hits_per_region
from finemo_zarr.plot import spacing as draw_pairs
from finemo_zarr.plot import syntax as draw
from finemo_zarr.report.html import Html, data_table, element, figures, tiles, warnings_box
from finemo_zarr.report.syntax_examples import examples_section
from finemo_zarr.report.syntax_source import (
    LOG10_SURE,
    ORIENTATION_COLUMNS,
    SyntaxData,
    gather_syntax,
    prevalence_table,
    spacing_table,
    together_table,
    write_syntax,
)

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

__all__ = [
    "SyntaxData",
    "distances_section",
    "examples_section",
    "gather_syntax",
    "heatmap_section",
    "orientation_section",
    "periodicity_section",
    "prevalence_section",
    "regions_section",
    "spacing_section",
    "syntax_summary",
    "together_section",
    "write_syntax",
]

_ROWS_SHOWN = 40


def syntax_summary(data: SyntaxData) -> Html:
    """The numbers that one looks for first."""
    n_regions = data.occurrences.sizes["region"]
    share = data.regions.attrs["share_without_hits"]
    median = data.regions["quantile_hits"].sel(quantile=0.5).item()
    sure = _upper(data.together, "log10_q") <= LOG10_SURE
    values = [
        (f"{data.hits.hits.sizes['hit']:,}", "hits"),
        (f"{n_regions:,}", "regions"),
        (f"{share:.1%}" if n_regions else "–", "of regions without a hit"),
        (f"{median:g}" if n_regions else "–", "median hits a region"),
        (
            f"{int((data.motifs['n_hits'] > 0).sum())} of {data.motifs.sizes['motif']}",
            "motifs with hits",
        ),
        (
            f"{int(sure.sum()):,} of {data.together.attrs['n_tests']:,}",
            "pairs more often together than by chance (q ≤ 0.05)",
        ),
    ]
    return Html(tiles(values) + warnings_box(_warnings(data)))


def _warnings(data: SyntaxData) -> list[str]:
    if not data.any_hits:
        return ["There is no hit, so there is no syntax to show."]
    found = []
    if int((data.motifs["n_hits"] > 0).sum()) == 1:
        found.append(
            "There is a single motif with hits: what follows is about that motif and itself only."
        )
    if not data.spacings.sizes["pair"]:
        attrs = data.spacings.attrs
        found.append(
            f"No pair of motifs has {attrs['min_pairs']:,} pairs of hits within"
            f" {attrs['max_distance']:,} bp, so there is nothing on distances; ask for fewer with"
            " -P min_pairs=10, or for wider ones with -P max_distance=500."
        )
    return found


def _upper(together: "xr.Dataset", name: str) -> Any:
    values = together[name].values
    return values[np.triu_indices(len(values))]


def regions_section(data: SyntaxData) -> Html:
    """Hits in a region: quantiles, histogram and cumulative share."""
    import polars as pl

    if not data.any_hits:
        return _nothing()
    quantiles = data.regions["quantile_hits"]
    labels = [f"{quantile:.0%}" for quantile in quantiles["quantile"].values.tolist()]
    cells = dict(zip(labels, ([value] for value in quantiles.values.tolist()), strict=True))
    table = pl.DataFrame({"quantile of regions": ["hits in a region"], **cells})
    shown = figures(
        (hits_per_region(data.occurrences.rename(total="num_hits")), "Hits in a region."),
        (draw.hits_cumulative(data.regions), "The same, added up: regions with at most k hits."),
    )
    return Html(shown + _below(data_table(table, "quantiles-table")))


def prevalence_section(data: SyntaxData) -> Html:
    """How frequent motifs are, and how many hits of one motif a region has."""
    if not data.any_hits:
        return _nothing()
    caption = "Share of the regions with each motif, by how many hits of it they have"
    caption += _of_most(int((data.motifs["n_hits"] > 0).sum()), 60, "motifs")
    table = prevalence_table(data)
    rows = data_table(_for_reading(table), "prevalence-table", search=True)
    shown = figures((draw.prevalence_bars(data.motifs), caption))
    return Html(shown + _below(_first_rows(table.height) + rows))


def heatmap_section(data: SyntaxData) -> Html:
    """Which regions have which motifs."""
    if not data.any_hits:
        return _nothing()
    sample = region_sample(data.occurrences)
    total = data.occurrences.sizes["region"]
    caption = "A line for each region, green where it has the motif"
    if sample.sizes["region"] < total:
        caption += f"; {sample.sizes['region']:,} of {total:,} regions, drawn by chance"
    return figures((draw.region_heatmap(sample), caption + "."))


def together_section(data: SyntaxData) -> Html:
    """Which motifs occur together: two heatmaps, and the table of pairs."""
    if not data.any_hits:
        return _nothing()
    limit = _of_most(int((data.motifs["n_hits"] > 0).sum()), 60, "motifs")
    shown = figures(
        (
            draw.association_heatmap(data.together),
            "Regions with both, by what is expected if motifs chose their regions one by one;"
            " on the diagonal, regions with two or more. Framed: q ≤ 0.05" + limit,
        ),
        (
            draw.association_heatmap(data.together, what="p"),
            "-log10 of the p-value that so many or more share a region by chance" + limit,
        ),
    )
    table = together_table(data)
    words = _first_rows(table.height)
    rows = data_table(_for_reading(table), "together-table")
    return Html(shown + _below(words + rows))


def distances_section(data: SyntaxData) -> Html:
    """Distances to the nearest hit, and spacings that are preferred."""
    near = data.nearest
    if not near.sizes["observation"]:
        return Html("<p>No two hits are near enough for a distance to be measured.</p>")
    violins = (
        draw_pairs.distance_violins(near),
        (
            "From each hit of the motif that has fewer to the nearest of the other, within"
            f" {near.attrs['max_distance']:,} bp; in brackets, how many there are. Bars are"
            " quartiles (25th to 75th percentile), dots medians; violins end where values are"
            " further than 1.5 interquartile ranges from them. Pairs that occur together more often"
            " than by chance come first, then those with most pairs of hits."
        ),
    )
    if not data.spacings.sizes["pair"]:
        return figures(violins)
    spread = (
        draw_pairs.spacing_heatmap(data.spacings),
        "All pairs of hits whose cores do not overlap, by the place of the second motif seen from"
        " the strand of the first: red where there are more than at the spacings beside it"
        " (expected: their mean within 10 bp). Upper row: the same strand, lower: opposite. Grey:"
        " cores would overlap, or the pair is counted on the other side"
        + _of_most(data.spacings.sizes["pair"], 20, "pairs"),
    )
    strongest = np.argsort(data.preferred["log10_p"].values, kind="stable")[:4].tolist()
    curves = [
        (draw_pairs.distance_counts(data.spacings, row), _preferred_words(data, row))
        for row in strongest
    ]
    return Html(figures(violins) + _below(figures(spread)) + _below(figures(*curves)))


def _preferred_words(data: SyntaxData, row: int) -> str:
    own = data.preferred.isel(pair=row)
    log_q = float(own["log10_q"])
    sure = f"q = 1e{log_q:.0f}" if log_q < -2 else f"q = {10**log_q:.2g}"
    return (
        f"Most preferred: {int(own['offset'])} bp on the {own['strand'].item()} strand,"
        f" {int(own['count']):,} pairs where {float(own['expected']):.2g} are expected ({sure})."
    )


def spacing_section(data: SyntaxData) -> Html:
    """The table of pairs: preferred spacing, orientations, periodicity."""
    if not data.spacings.sizes["pair"]:
        return _no_pairs(data)
    table = spacing_table(data)
    words = _first_rows(table.height)
    return Html(words + data_table(_for_reading(table), "spacing-table", search=True))


def orientation_section(data: SyntaxData) -> Html:
    """Orientations of the motifs of pairs."""
    if not data.spacings.sizes["pair"]:
        return _no_pairs(data)
    caption = (
        "Orientations of pairs of hits. If strands were independent, blue would end at the dashed"
        " line; a palindrome has no strand of its own"
        + _of_most(data.oriented.sizes["pair"], 20, "pairs")
    )
    return figures((draw_pairs.orientation_bars(data.oriented), caption))


def periodicity_section(data: SyntaxData) -> Html:
    """Periods in the distances."""
    if not data.spacings.sizes["pair"]:
        return _no_pairs(data)
    power = data.periods["helical_power"].values
    if not np.isfinite(power).any():
        return Html(
            "<p>The distances are too few, or too narrow a range, to look for a period.</p>"
        )
    caption = (
        "Power of periods in the distances of pairs, strands together, for the pairs with most at"
        f" {data.periods.attrs['helical_period']:g} bp (dashed), the turn of DNA."
    )
    return Html(_periodic_words(data) + figures((draw_pairs.periodogram(data.periods), caption)))


def _periodic_words(data: SyntaxData) -> str:
    sure = data.periods["log10_q"].values <= LOG10_SURE
    tested = int(np.isfinite(data.periods["helical_power"].values).sum())
    if not sure.any():
        return f"<p>None of {tested:,} pairs has a period of 10.5 bp at q ≤ 0.05.</p>"
    return f"<p>{int(sure.sum()):,} of {tested:,} pairs have a period of 10.5 bp at q ≤ 0.05.</p>"


def _below(content: str) -> str:
    """Leave room above what follows a figure."""
    return element("div", content, style="margin-top: 1.2rem")


def _nothing() -> Html:
    return Html("<p>There is no hit, so there is nothing to show.</p>")


def _no_pairs(data: SyntaxData) -> Html:
    count = data.spacings.attrs["min_pairs"]
    return Html(f"<p>No pair of motifs has {count:,} pairs of hits, so there is nothing here.</p>")


def _of_most(count: int, most: int, what: str) -> str:
    return f"; {most} of {count:,} {what}." if count > most else "."


def _first_rows(height: int) -> str:
    if height <= _ROWS_SHOWN:
        return ""
    return (
        f"<p>The first {_ROWS_SHOWN} of {height:,} rows; all are in the file beside the page.</p>"
    )


def _for_reading(table: "pl.DataFrame") -> "pl.DataFrame":
    """The first rows, without logarithms, and without what a figure shows."""
    left_out = [name for name in table.columns if name.startswith("log10_")]
    return table.head(_ROWS_SHOWN).drop(left_out).drop(ORIENTATION_COLUMNS, strict=False)
