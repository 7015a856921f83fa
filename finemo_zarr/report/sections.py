"""The sections of the report of hits, each a function from its data to HTML."""

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from finemo_zarr.report import payload
from finemo_zarr.report.html import (
    Html,
    data_script,
    data_table,
    definitions,
    element,
    tiles,
    warnings_box,
)
from finemo_zarr.report.motif_rows import best_match, motif_row, motif_rows
from finemo_zarr.report.source import ReportData

if TYPE_CHECKING:
    import xarray as xr


def summary(data: ReportData) -> Html:
    """The numbers that one looks for first, and what must not be missed."""
    motifs, regions = data.evaluation.motifs, data.evaluation.regions
    n_hits, n_regions = data.hits.hits.sizes["hit"], data.hits.qc.sizes["region"]
    values = [
        (f"{n_hits:,}", "hits"),
        (f"{n_regions:,}", "regions"),
        (f"{int((motifs['num_hits'] > 0).sum())} of {motifs.sizes['motif']}", "motifs with hits"),
        (
            f"{np.median(regions['num_hits'].values):g}" if n_regions else "–",
            "median hits a region",
        ),
    ]
    if "num_hits_q05" in motifs:
        values.append((f"{int(motifs['num_hits_q05'].sum()):,}", "hits with a q-value up to 0.05"))
    if "seqlet_recall" in motifs:
        total = int(motifs["num_seqlets"].sum())
        found = int(motifs["num_overlaps"].sum())
        values.append((f"{found / total:.3f}" if total else "–", f"of {total:,} seqlets are hits"))
    if "explained" in regions and np.isfinite(regions["explained"].values).any():
        share = np.nanmedian(regions["explained"].values)
        values.append((f"{share:.1%}", "of squared scores explained, median region"))
    return Html(tiles(values) + warnings_box(_warnings(data)))


def _warnings(data: ReportData) -> list[str]:
    found = list(data.notes)
    if not data.hits.hits.sizes["hit"]:
        found.append(
            "There is no hit. Are these the motifs of this model, and is lambda not too high?"
            " `finemo-zarr call-hits` warns of motifs that can never be called."
        )
    of_all = [f"{f.what}: {f.advice}." for f in data.evaluation.findings if not f.motif]
    found += [said[0].upper() + said[1:] for said in of_all]
    return found


_NAMES_SHOWN = 12


class _Column(NamedTuple):
    key: str
    label: str
    help: str
    form: str


_COLUMNS = (
    _Column("num_hits", "hits", "Number of hits, both strands.", ","),
    _Column(
        "num_hits_q05", "q ≤ 0.05", "Hits with a q-value over all motifs of at most 0.05.", ","
    ),
    _Column("num_regions", "regions", "Regions with at least one hit.", ","),
    _Column("num_seqlets", "seqlets", "Seqlets of TF-MoDISco in these regions.", ","),
    _Column("seqlet_recall", "recall", "Share of the seqlets that are hits, to the base.", ".3f"),
    _Column(
        "cwm_similarity",
        "CWM similarity",
        "Cosine of the mean scores of the hits with the CWM, over all columns.",
        ".3f",
    ),
    _Column("explained", "explained", "Share of all squared scores that the hits explain.", ".2%"),
)


def motif_table(data: ReportData) -> Html:
    """The table of motifs, with logos; a row opens on a click."""
    motifs = data.evaluation.motifs
    columns = [column for column in _COLUMNS if column.key in motifs]
    logos = [("hits", "mean scores of hits")] if data.evaluation.means is not None else []
    logos.append(("cwm", "CWM"))
    heads = [_head("motif", "name", "Name; opens details.", text=True)]
    heads += [element("th", escape(label), class_="text") for _, label in logos]
    heads += [_head(column.label, column.key, column.help) for column in columns]
    heads.append(_head("to look at", "findings", "Number of findings."))
    names = motifs["motif"].values.tolist()
    most_first = np.argsort(-motifs["num_hits"].values, kind="stable").tolist()
    rows = [_row(data, at, names[at], columns, [key for key, _ in logos]) for at in most_first]
    return motif_rows(heads, rows, payload.motifs(data))


def _head(label: str, key: str, title: str, *, text: bool = False) -> str:
    kind = "text" if text else None
    return element("th", escape(label), data_key=key, title=title, class_=kind)


def _row(data: ReportData, at: int, name: str, columns: list[_Column], logos: list[str]) -> str:
    cells = []
    for column in columns:
        value = float(data.evaluation.motifs[column.key].values[at])
        finite = bool(np.isfinite(value))
        shown = f"{int(value) if column.form == ',' else value:{column.form}}" if finite else "–"
        cells.append(element("td", shown, data_value=f"{value:.6g}" if finite else ""))
    count = sum(finding.motif == name for finding in data.evaluation.findings)
    flag = f'<span class="flag">{count}</span>' if count else ""
    cells.append(element("td", flag, data_value=count))
    return motif_row(at, name, best_match(data.evaluation.known, at), logos, cells)


def quality_table(data: ReportData) -> Html:
    """What stands out, motif by motif, with what to do about it."""
    import polars as pl

    found: dict[tuple[str, str], list[str]] = {}
    for motif, what, advice in data.evaluation.findings:
        if motif:
            found.setdefault((what, advice), []).append(motif)
    if not found:
        return Html("<p>Nothing stands out.</p>")
    columns = {
        "motif": [_listed(motifs) for motifs in found.values()],
        "what": [what for what, _ in found],
        "what to do": [advice for _, advice in found],
    }
    return data_table(pl.DataFrame(columns), "quality-table")


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def co_occurrence_table(data: ReportData) -> "xr.DataArray":
    """Scaled co-occurrence of the motifs that have hits."""
    called = data.evaluation.motifs["num_hits"].values > 0
    table = data.evaluation.co_occurrences["co_occurrence_scaled"]
    return table.isel(motif=called, other_motif=called)


def confusion_table(data: ReportData) -> "xr.DataArray | None":
    """Confusion of the motifs that have seqlets, by those or others that have hits."""
    if data.evaluation.confusion is None:
        return None
    shown = data.evaluation.motifs["num_seqlets"].values > 0
    return data.evaluation.confusion["seqlet_confusion"].isel(motif=shown, hit_motif=shown)


def example_browser(
    data: ReportData, count: int = 6, chosen: list[tuple[str, int]] | None = None
) -> Html:
    """Regions to look at: scores, hits, and what the hits make of the scores.

    Parameters
    ----------
    data : ReportData
        From :func:`gather`.
    count : int
        Regions of each kind.
    chosen : list of (str, int), optional
        Kind and row of each region; by default those with most hits, with a median number, and
        with most left unexplained.
    """
    drawn = payload.examples(data, count, chosen)
    if not drawn:
        return Html("<p>No scores were given, so there is nothing to draw.</p>")
    groups: dict[str, list[str]] = {}
    for at, example in enumerate(drawn):
        option = element(
            "option", escape(f"{example['place']}, {len(example['hits'])} hits"), value=at
        )
        groups.setdefault(example["why"], []).append(option)
    options = "".join(
        element("optgroup", "".join(members), label=why) for why, members in groups.items()
    )
    buttons = "".join(
        element("button", label, type="button", class_=kind, aria_label=kind)
        for kind, label in (
            ("left", "◀"),
            ("right", "▶"),
            ("closer", "closer"),
            ("wider", "wider"),
        )
    )
    controls = element(
        "div", element("select", options, aria_label="Region") + buttons, class_="controls"
    )
    body = controls + '<p class="muted said"></p><div class="view"></div>'
    script = data_script("finemo-examples", payload.compact(drawn))
    return Html(element("div", body, id="examples") + script)


def provenance(data: ReportData) -> Html:
    """How the hits were made: command, options, inputs, versions."""
    known = data.provenance
    values: dict[str, Any] = {"hits": data.path, "made": known.get("created")}
    values |= {
        name.replace("_", " "): value
        for name, value in known.get("options", {}).items()
        if value not in (None, [], ())
    }
    values["versions"] = [
        f"{name} {version}" for name, version in known.get("versions", {}).items()
    ]
    values["inputs"] = [_input(entry) for entry in known.get("inputs", [])]
    return definitions(values)


def _input(entry: dict[str, Any]) -> str:
    # What is recorded of a store is the size of its metadata.
    is_store = entry.get("store", entry["path"].endswith(".zarr"))
    return f"{entry['path']} ({'store' if is_store else format(entry['bytes'], ',') + ' bytes'})"
