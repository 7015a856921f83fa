"""The sections of the report of motifs: logos, sites, positions, known motifs, profiles."""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation import Instances
from finemo_zarr.evaluation._blocks import regions_block
from finemo_zarr.plot import positions as draw
from finemo_zarr.report import payload
from finemo_zarr.report.html import (
    Html,
    data_table,
    element,
    figures,
    tiles,
    warnings_box,
)
from finemo_zarr.report.motif_rows import best_match, motif_row, motif_rows
from finemo_zarr.report.motif_source import (
    MotifInputs,
    MotifsData,
    gather_motifs,
    write_motifs,
)
from finemo_zarr.sequence import NO_BASE

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

__all__ = [
    "MotifInputs",
    "MotifsData",
    "gather_motifs",
    "known_section",
    "motifs_section",
    "motifs_summary",
    "positions_section",
    "profiles_section",
    "write_motifs",
]

_LOGOS = (
    ("ppm", "motif_ppm", "PFM, bits"),
    ("hcwm", "motif_hcwm", "hCWM"),
    ("cwm", "motif_cwm", "CWM"),
)
_CAPTIONS = (
    ("ppm", "Frequencies of the bases, times their information in bits (PFM)"),
    ("hcwm", "Mean hypothetical scores of the seqlets (hCWM)"),
    ("cwm", "Mean scores of the seqlets (CWM)"),
)
_MOST_EXAMPLES = 1000
_STRIP = 24


def motifs_summary(data: MotifsData) -> Html:
    """The numbers that one looks for first, and what must not be missed."""
    values = [
        (f"{len(data.table.names):,}", "motifs"),
        (f"{data.hits.qc.sizes['region']:,}", "regions"),
        (f"{data.hits.hits.sizes['hit']:,}", "hits"),
    ]
    if "seqlets" in data.sets:
        values.append((f"{data.sets['seqlets'].motif.size:,}", "seqlets"))
    for name, own in data.distances.items():
        near = own[own != np.iinfo(np.int64).max]
        if near.size:
            label = f"median distance of {name} to the {data.where}"
            values.append((f"{np.median(np.abs(near)):g} bp", label))
    notes = list(data.notes)
    if not data.hits.hits.sizes["hit"]:
        notes.append("There is no hit, so only the motifs themselves are shown.")
    return Html(tiles(values) + warnings_box(notes))


def motifs_section(data: MotifsData, n_examples: int = 6) -> Html:
    """The table of motifs with their logos; a row opens on examples and more.

    Parameters
    ----------
    data : MotifsData
        From :func:`gather_motifs`.
    n_examples : int
        Sites of each motif to draw, by chance, always the same; fewer where there are more than
        1000 in all.
    """
    used = [(key, label) for key, name, label in _LOGOS if name in data.hits.motifs]
    counted = [*(("seqlets",) if "seqlets" in data.sets else ()), "hits"]
    heads = [element("th", "motif", data_key="name", class_="text")]
    heads += [element("th", escape(label), class_="text") for _, label in used]
    for name in counted:
        heads.append(element("th", name, data_key=name))
        title = f"Median distance of {name} to the {data.where}, in bp"
        heads.append(element("th", f"{name}, median bp", data_key=f"{name}-bp", title=title))
    most_first = np.argsort(-data.counts(counted[0]), kind="stable").tolist()
    rows = [_row(data, at, [key for key, _ in used], counted) for at in most_first]
    return motif_rows(heads, rows, motif_payload(data, n_examples))


def _row(data: MotifsData, at: int, logos: list[str], counted: list[str]) -> str:
    cells = []
    for set_name in counted:
        count = int(data.counts(set_name)[at])
        distance = float(data.positions["median_absolute"].sel(set=set_name).values[at])
        cells.append(element("td", f"{count:,}", data_value=count))
        finite = bool(np.isfinite(distance))
        shown = f"{distance:.4g}" if finite else "–"
        cells.append(element("td", shown, data_value=shown if finite else ""))
    name, known = str(data.table.names[at]), best_match(data.known, at)
    return motif_row(at, name, known, logos, cells)


def motif_payload(data: MotifsData, n_examples: int) -> list[dict[str, Any]]:
    """What the page's script draws of each motif: logos, examples, distances, known motifs."""
    forward = data.hits.motifs.isel(motif=data.table.oriented[:, 0])
    examples = _examples(data, n_examples)
    made = []
    for at, name in enumerate(data.table.names.tolist()):
        width = int(data.table.width[at])
        logos = {}
        for key, variable, _ in _LOGOS:
            if variable in forward:
                values = forward[variable].values[at, :, :width]
                shown = payload.information(values) if key == "ppm" else values
                logos[key] = payload.matrix(shown)
        captions = [[key, caption] for key, caption in _CAPTIONS if key in logos]
        for number, (place, drawn) in enumerate(examples.get(at, [])):
            logos[f"example{number}"] = payload.matrix(drawn)
            captions.append([f"example{number}", place])
        made.append(
            {
                "name": str(name),
                "core": data.table.core[at].tolist(),
                "logos": logos,
                "captions": captions,
                "counts": {},
                "known": payload.known_motifs(data.known, data.database, at),
                "histograms": _histograms(data, at),
                "findings": [],
            }
        )
    return made


def _histograms(data: MotifsData, at: int) -> list[dict[str, Any]]:
    edges = data.positions["bin"].values
    step = -(-len(edges) // _STRIP)
    found = []
    for name in data.sets:
        counts = data.positions["count"].sel(set=name).values[at]
        if not counts.sum():
            continue
        joined = np.add.reduceat(counts, np.arange(0, len(counts), step))
        found.append(
            {
                "label": f"{name}: bp to the {data.where}",
                "log": False,
                "low": int(edges[0]),
                "high": int(edges[0]) + joined.size * step * data.positions.attrs["bin_width"],
                "counts": joined.tolist(),
            }
        )
    return found


def _examples(data: MotifsData, count: int) -> dict[int, list[tuple[str, NDArray[Any]]]]:
    """Place and scores of some sites of each motif, turned to the ``+`` strand."""
    if data.scores is None or count < 1:
        return {}
    sites = data.sets[data.site_set]
    count = max(1, min(count, _MOST_EXAMPLES // max(len(data.table.names), 1)))
    shuffled = np.random.default_rng(0).permutation(sites.motif.size)
    order = shuffled[np.argsort(sites.motif[shuffled], kind="stable")]
    motif = sites.motif[order]
    rank = np.arange(order.size) - np.searchsorted(motif, motif)
    chosen = sites.take(order[rank < count])
    rows, number = np.unique(chosen.region, return_inverse=True)
    if not rows.size:
        return {}
    block = regions_block(data.scores, rows.tolist())
    found: dict[int, list[tuple[str, NDArray[Any]]]] = {}
    for at in range(chosen.motif.size):
        own = chosen.take(slice(at, at + 1))
        width = int(data.table.width[own.motif[0]])
        codes, scores = (values[number[at]] for values in (block.codes, block.projected))
        drawn = _window(codes, scores, int(own.start[0]), width)
        if own.reverse[0]:
            drawn = drawn[::-1, ::-1]
        found.setdefault(int(own.motif[0]), []).append((_place(data, own, width), drawn))
    return found


def _window(
    codes: NDArray[np.uint8], scores: NDArray[Any], start: int, width: int
) -> NDArray[np.float64]:
    """Scores of the bases that are there, ``(4, width)``; zero outside of the region."""
    drawn = np.zeros((4, width))
    place = np.arange(start, start + width)
    inside = (place >= 0) & (place < len(codes))
    inside[inside] = codes[place[inside]] != NO_BASE
    drawn[codes[place[inside]], np.flatnonzero(inside)] = scores[place[inside]]
    return drawn


def _place(data: MotifsData, own: Instances, width: int) -> str:
    regions, region = data.hits.regions, int(own.region[0])
    kind = data.site_set.removesuffix("s")
    start, strand = int(own.position[0]), "-" if own.reverse[0] else "+"
    if "region_chrom" not in regions:
        return f"A {kind}: region {region}, {start}-{start + width} {strand}"
    chrom = regions["region_chrom"].values[region]
    return f"A {kind}: {chrom}:{start:,}-{start + width:,} {strand}"


def positions_section(data: MotifsData) -> Html:
    """How far from centre or summit motifs lie."""
    if not any(own.motif.size for own in data.sets.values()):
        return Html("<p>There is neither a hit nor a seqlet, so there is nothing to measure.</p>")
    drawn: list[tuple[Any, str]] = [
        (draw.position_histogram(data.positions, where=data.where), "All motifs together.")
    ]
    for name in sorted(data.sets, reverse=True):
        if data.counts(name).any():
            caption = (
                f"Where the {name} of each motif lie, motifs closest to the {data.where} first, and"
                f" those with fewer than {draw.FEW} last; in brackets, how many there are"
            )
            shown = int((data.counts(name) > 0).sum())
            caption += f"; 60 of {shown} motifs, those with most." if shown > 60 else "."
            drawn.append((draw.position_heatmap(data.positions, name, where=data.where), caption))
    outside = int(data.positions["n_outside"].values.sum())
    words = ""
    if outside:
        words = (
            f"<p>{outside:,} lie further than half a region from the {data.where} and are left"
            " out.</p>"
        )
    return Html(figures(*drawn) + words)


def known_section(data: MotifsData) -> Html:
    """The best matches in a database of known motifs."""
    if data.known is None:
        return Html(
            "<p>No database of known motifs was given (--motif-db), so motifs are not named.</p>"
        )
    return data_table(_matches_beside(data), "matches-table", search=True)


def _matches_beside(data: MotifsData) -> "pl.DataFrame":
    """A row for each motif, its matches beside one another."""
    import polars as pl

    assert data.known is not None
    columns: dict[str, Any] = {"motif": data.table.names.tolist()}
    for match in range(data.known.sizes["match"]):
        columns[f"match {match + 1}"] = data.known["match_name"].values[:, match].tolist()
        columns[f"q {match + 1}"] = data.known["match_q"].values[:, match]
    return pl.DataFrame(columns).sort("q 1", maintain_order=True)


def profiles_section(data: MotifsData, n_profiles: int = 6) -> Html:
    """Profiles around sites, observed and predicted, of the motifs with most sites.

    Parameters
    ----------
    data : MotifsData
        From :func:`gather_motifs`.
    n_profiles : int
        Motifs to draw at most.
    """
    profiles = data.profiles
    if profiles is None:
        return Html(
            "<p>No file of predictions was given (-P predictions=…), so there are no profiles.</p>"
        )
    sites = profiles["n_sites"].values
    if not sites.any():
        return Html(
            "<p>No site lies inside of a profile of the file of predictions: are these its"
            " regions?</p>"
        )
    inside = profiles["n_inside"].values
    shown = np.argsort(-inside, kind="stable")[: min(n_profiles, int((sites > 0).sum()))]
    return Html("".join(_profile_figures(data, profiles, at) for at in shown.tolist()))


def _profile_figures(data: MotifsData, profiles: "xr.Dataset", at: int) -> str:
    read, inside = int(profiles["n_sites"][at]), int(profiles["n_inside"][at])
    sample = "" if read == inside else f", {read:,} of {inside:,} drawn by chance"
    sites = data.site_set.removesuffix("s") if read == 1 else data.site_set
    drawn = [(draw.mean_profiles(profiles, at), f"Mean over {read:,} {sites}{sample}.")]
    for what, said in (("true", "Observed"), ("predicted", "Predicted")):
        drawn.append((draw.profile_heatmap(profiles, at, what), f"{said}, site by site."))
    return figures(*drawn)
