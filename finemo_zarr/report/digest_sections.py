"""The sections of the digest of a run."""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.plot import spacing as draw_pairs
from finemo_zarr.plot import syntax as draw
from finemo_zarr.report.digest_source import (
    DigestData,
    digest_rows,
    gather_digest,
    logo_matrices,
    sure_pairs,
    write_digest,
)
from finemo_zarr.report.html import Html, data_table, element, figures, search_field, tiles
from finemo_zarr.report.logo_cells import LogoCells
from finemo_zarr.report.payload import information
from finemo_zarr.report.performance_sections import performance_table
from finemo_zarr.report.sections import quality_table, summary
from finemo_zarr.report.syntax_source import spacing_table, together_table

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "DigestData",
    "digest_summary",
    "digest_table",
    "distance_digest",
    "gather_digest",
    "model_digest",
    "occurrence_digest",
    "quality_digest",
    "submotif_digest",
    "write_digest",
]

_STYLE = "width:130px;height:38px"
_FLANK = 3
_ROWS = 10
_SURE = 0.05


def digest_summary(data: DigestData) -> Html:
    """The numbers of all reports, and what must not be missed."""
    together, spaced = sure_pairs(data)
    clusters = data.clusters.clusters
    values = [
        (f"{together:,}", "pairs of motifs that share regions more often than by chance"),
        (f"{spaced:,}", "pairs with a preferred spacing"),
        (f"{clusters.sizes['cluster']:,}", "groups of motifs, alike ones together"),
    ]
    if data.submotifs is not None:
        count = sum(one.kinds.sizes["submotif"] for one in data.submotifs.found)
        values.append((f"{count:,}", f"submotifs of {len(data.submotifs.found):,} motifs"))
    if data.performance is not None:
        best = max(own["count_pearson"] for own in data.performance.counts.values())
        values.append((f"{best:.3f}", "Pearson of predicted counts"))
    return Html(summary(data.hits) + tiles(values))


def digest_table(data: DigestData) -> Html:
    """One row for each motif: logos, and the main numbers of each report."""
    rows, logos = digest_rows(data), LogoCells()
    matrices = logo_matrices(data)
    columns = _columns(rows, list(matrices))
    head = "".join(
        element("th", escape(label), data_key=key, title=title, class_="text" if text else None)
        for key, label, title, text in columns
    )
    body = "".join(
        _row(data, row, [key for key, *_ in columns], logos) for row in rows.iter_rows(named=True)
    )
    table = element(
        "table",
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>",
        class_="data sortable",
        id="digest-table",
    )
    search = search_field("digest-table", f"{rows.height} motifs")
    return Html(search + element("div", table, class_="scroll") + logos.script())


_HELP = (
    ("hits", "hits", "Both strands", False),
    ("share_of_regions", "regions", "Share of the regions with at least one hit", False),
    ("hits_where_any", "hits where any", "Mean number in the regions that have any", False),
    ("seqlet_recall", "recall", "Share of the seqlets that are hits", False),
    ("partner", "surest partner", "Shares regions more often than by chance, q ≤ 0.05", True),
    ("spacing_to", "surest spacing", "Of the other motif, seen along this one, q ≤ 0.05", True),
    ("submotifs", "submotifs", "Kinds of seqlets", False),
    ("alike", "alike", "Motifs of this run that resemble it, cosine at least 0.7", True),
)


def _columns(rows: "pl.DataFrame", drawn: list[str]) -> list[tuple[str | None, str, str, bool]]:
    named: list[tuple[str | None, str, str, bool]] = [("motif_name", "motif", "Name", True)]
    named += [(f"logo {label}", label, "Core shaded", True) for label in drawn]
    shown = [entry for entry in _HELP if entry[0] in rows.columns]
    if not any(rows["alike"].to_list()):
        shown = [entry for entry in shown if entry[0] != "alike"]
    return [*named, *shown]


def _row(data: DigestData, row: dict[str, Any], keys: list[str | None], logos: LogoCells) -> str:
    at = data.names.index(row["motif_name"])
    cells = []
    for key in keys:
        if key is not None and key.startswith("logo "):
            cells.append(element("td", _logo(data, at, key[5:], logos), class_="text"))
        else:
            cells.append(_cell(str(key), row))
    words = f"{row['motif_name']} {row['known_motif']}"
    return element("tr", "".join(cells), class_="row", data_search=words)


def _cell(key: str, row: dict[str, Any]) -> str:
    value = row[key]
    if key == "motif_name":
        said = row["known_motif"]
        below = f'<span class="known">{escape(said)}</span>' if said else ""
        return element("td", escape(value) + below, class_="text name", data_value=value)
    if key == "partner":
        fold = row["partner_fold"]
        text = f"{escape(value)}, {fold:.1f}×" if value else "–"
        return element("td", text, class_="text", data_value=value)
    if key == "spacing_to":
        other = "itself" if value == row["motif_name"] else escape(value)
        text = (
            f"{other} at {row['spacing']:+d} bp, {row['spacing_strand']} strand" if value else "–"
        )
        return element("td", text, class_="text", data_value=value)
    if key == "alike":
        return element("td", _few(value), class_="text", data_value=value, title=value or None)
    if value is None or not np.isfinite(value):
        return element("td", "–", data_value="")
    shown = {
        "hits": ",",
        "submotifs": ",",
        "share_of_regions": ".1%",
        "hits_where_any": ".2f",
    }
    return element("td", f"{value:{shown.get(key, '.3f')}}", data_value=f"{value:.6g}")


def _few(names: str) -> str:
    """The first of some names, and how many more there are."""
    first, *others = names.split(", ")
    more = f" and {len(others)} more" if others else ""
    return f"{escape(first)}{more}" if first else "–"


def _logo(data: DigestData, at: int, label: str, logos: LogoCells) -> str:
    motifs = data.hits.hits.motifs
    forward = motifs.isel(motif=np.flatnonzero(motifs["motif_strand"].values == "+")[at])
    width = int(forward["motif_width"])
    start, end = int(forward["motif_start"]), int(forward["motif_end"])
    first, last = max(start - _FLANK, 0), min(end + _FLANK, width)
    values = logo_matrices(data)[label].values[at, :, first:last]
    if not np.abs(np.nan_to_num(values)).any():
        return "–"
    if label == "bases of hits":
        values = information(values)
    said = f"{label}, {data.names[at]}"
    return logos.cell(values, core=(start - first, end - first), label=said, style=_STYLE)


def occurrence_digest(data: DigestData) -> Html:
    """How frequent motifs are, and which occur together."""
    if not data.syntax.any_hits:
        return _nothing()
    shown = figures(
        (
            draw.prevalence_bars(data.syntax.motifs, most=25),
            "Share of the regions with each motif, by how many hits of it they have.",
        ),
        (
            draw.association_heatmap(data.syntax.together, most=25),
            (
                "Regions with both, by what is expected if motifs chose their regions one by one;"
                " on the diagonal, regions with two or more. Framed: q ≤ 0.05."
            ),
        ),
    )
    table = together_table(data.syntax)
    table = table.filter(table["motif_name"] != table["other_motif"])
    table = table.filter(table["log10_q"] <= float(np.log10(_SURE)))
    if not table.height:
        return Html(shown + "<p>No two motifs share regions more often than by chance.</p>")
    rows = table.head(_ROWS).drop("p", "log10_p", "log10_q")
    return Html(shown + _headed(rows, table.height, "together-table"))


def distance_digest(data: DigestData) -> Html:
    """Distances of motifs, and preferred spacings."""
    near = data.syntax.nearest
    if not near.sizes["observation"]:
        return Html("<p>No two hits are near enough for a distance to be measured.</p>")
    drawn = [
        (
            draw_pairs.distance_violins(near),
            (
                "From each hit of the motif that has fewer to the nearest of the other; in"
                " brackets, how many. Bars are quartiles, dots medians."
            ),
        )
    ]
    spacings = data.syntax.spacings
    if spacings.sizes["pair"]:
        drawn.append(
            (
                draw_pairs.spacing_heatmap(spacings, most=8),
                (
                    "Pairs of hits by the place of the second motif seen from the first: red where"
                    " there are more than at the spacings beside it."
                ),
            )
        )
    table = spacing_table(data.syntax)
    table = table.filter(table["q_spacing"] <= _SURE).sort("log10_q_spacing", maintain_order=True)
    if not table.height:
        return Html(figures(*drawn) + "<p>No pair of motifs has a spacing that it prefers.</p>")
    kept = ["motif_name", "other_motif", "pairs", "spacing", "strand", "pairs_there", "expected"]
    rows = table.select([*kept, "q_spacing"]).head(_ROWS)
    return Html(figures(*drawn) + _headed(rows, table.height, "spacing-table"))


def _headed(rows: "pl.DataFrame", total: int, name: str) -> str:
    said = f"<p>The surest {rows.height} of {total:,}:</p>" if total > rows.height else ""
    readable = rows.rename({column: column.replace("_", " ") for column in rows.columns})
    return element("div", said + data_table(readable, name), style="margin-top: 1.2rem")


def submotif_digest(data: DigestData) -> Html:
    """How many kinds of seqlets motifs have."""
    if data.submotifs is None:
        return Html(
            "<p>Not known: no TF-MoDISco file with seqlets was given (-m), or there are no scores"
            " at them.</p>"
        )
    number = {
        data.submotifs.name(one.pattern): one.kinds.sizes["submotif"]
        for one in data.submotifs.found
    }
    several = sorted((name for name in number if number[name] > 1), key=lambda n: -number[n])
    if not several:
        return Html(f"<p>The seqlets of each of {len(number):,} motifs are of one kind.</p>")
    listed = ", ".join(f"{escape(name)} ({number[name]})" for name in several[:_ROWS])
    more = f" and {len(several) - _ROWS} more" if len(several) > _ROWS else ""
    origin = {"TF-MoDISco" if one.stored else "clustering here" for one in data.submotifs.found}
    made = " and ".join(sorted(origin))
    return Html(
        f"<p>{len(several):,} of {len(number):,} motifs have seqlets of more than one kind, told"
        f" apart by {made}: {listed}{more}.</p>"
    )


def model_digest(data: DigestData) -> Html:
    """How well the model predicts."""
    if data.performance is None:
        return Html(
            "<p>Not known: no predictions were given. With <code>-P predictions=FILE</code>, an"
            " HDF5 file, the metrics of the template <code>performance</code> stand here.</p>"
        )
    return performance_table(data.performance)


def quality_digest(data: DigestData) -> Html:
    """What deserves a second look."""
    return quality_table(data.hits)


def _nothing() -> Html:
    return Html("<p>There is no hit, so there is nothing to show.</p>")
