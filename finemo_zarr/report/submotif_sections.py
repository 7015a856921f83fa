"""The sections of the report of submotifs."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.evaluation import select_scores
from finemo_zarr.evaluation.submotifs import (
    Submotifs,
    find_submotifs,
    submotif_table,
    with_scores,
)
from finemo_zarr.motifs import trim_core
from finemo_zarr.report.beside import save
from finemo_zarr.report.html import Html, data_table, element, tiles, warnings_box
from finemo_zarr.report.logo_cells import LogoCells
from finemo_zarr.store import hits_path, open_hits, open_regions, read_info

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

COLOURS = (
    *("#1f77b4", "#d95f02", "#1b9e77", "#c51b8a", "#7570b3", "#b8860b", "#8c564b", "#4d4d4d"),
    *("#17becf", "#e31a1c", "#66a61e", "#6a3d9a"),
)
_SIDE, _EDGE = 120, 6
_POINTS = 400
_CORE, _PAD = 0.3, 3


class SubmotifData(NamedTuple):
    """Submotifs of a file.

    Parameters
    ----------
    found : list of Submotifs
        For each pattern that has seqlets with scores.
    names : dict of str to str
        Names of patterns that were given others.
    left_out : list of str
        Patterns without seqlets, or without scores at them.
    hypothetical : bool
        Whether hypothetical scores were compared, too.
    """

    found: list[Submotifs]
    names: dict[str, str]
    left_out: list[str]
    hypothetical: bool

    def name(self, pattern: str) -> str:
        """Name of a pattern as the report has it."""
        return self.names.get(pattern, pattern)


def gather_submotifs(
    modisco_h5: str | Path,
    *,
    regions: str | Path | None = None,
    hits: str | Path | None = None,
    track: str | None = None,
    patterns: Sequence[str] = (),
    **options: Any,
) -> SubmotifData:
    """Find the submotifs of the patterns of a TF-MoDISco-lite file.

    Parameters
    ----------
    modisco_h5 : path
        The file.
    regions : path, optional
        Regions with scores, in the order of the sequences that TF-MoDISco saw: for files that have
        the places of seqlets, but not their scores. By default those that `hits` were called in.
    hits : path, optional
        A hits store: its names of motifs are used.
    track : str, optional
        Track of the regions; by default the mean of all.
    patterns : sequence of str
        Names of patterns to look at; by default all.
    **options
        Of :func:`finemo_zarr.evaluation.submotifs.find_submotifs`.

    Raises
    ------
    RunError
        If there is no such pattern, or there is no file.
    ReadError
        If an input cannot be read.
    """
    from finemo_zarr.readers.modisco_members import read_members

    if not str(modisco_h5):
        raise RunError("no TF-MoDISco file was given; name it (-m FILE)")
    names, used = _of_hits(hits)
    scores = _scores(regions or used, track)
    found, left_out, known, hypothetical = [], [], [], False
    for members in read_members(modisco_h5):
        shown = names.get(members.name, members.name)
        known.append(shown)
        if patterns and not {shown, members.name} & set(patterns):
            continue
        scored = with_scores(members, scores)
        if scored is None:
            left_out.append(shown)
            continue
        found.append(find_submotifs(scored, **options))
        hypothetical |= scored.hypothetical is not None
    if patterns and not found and not left_out:
        raise RunError(f"no pattern is called {', '.join(patterns)}; there are {', '.join(known)}")
    return SubmotifData(found, names, left_out, hypothetical)


def _of_hits(hits: str | Path | None) -> tuple[dict[str, str], str | None]:
    """Names of motifs by those of their file, and the regions that hits were called in."""
    if not hits:
        return {}, None
    motifs = open_hits(hits).motifs
    if "motif_name_orig" not in motifs:
        return {}, None
    old, new = (motifs[name].values.tolist() for name in ("motif_name_orig", "motif_name"))
    used = read_info(hits_path(hits)).provenance.get("options", {}).get("regions")
    there = used if used and Path(str(used)).exists() else None
    return dict(zip(map(str, old), map(str, new), strict=True)), there


def _scores(path: str | Path | None, track: str | None) -> "xr.Dataset | None":
    if not path:
        return None
    return select_scores(open_regions(path), (track,) if track else ())


def submotif_summary(data: SubmotifData) -> Html:
    """How many patterns there are, and how many submotifs."""
    kinds = [one.kinds.sizes["submotif"] for one in data.found]
    seqlets = sum(one.seqlets.sizes["seqlet"] for one in data.found)
    values = [
        (f"{len(data.found):,}", "patterns"),
        (f"{seqlets:,}", "seqlets"),
        (f"{sum(kinds):,}", "submotifs"),
        (f"{sum(kind > 1 for kind in kinds)}", "patterns with more than one"),
    ]
    return Html(tiles(values) + warnings_box(_notes(data)))


def _notes(data: SubmotifData) -> list[str]:
    notes = []
    if data.left_out:
        notes.append(
            f"Left out: {', '.join(data.left_out)}. There are no seqlets in the file, or it has no"
            " scores of them and the regions are not those that TF-MoDISco saw; give these with"
            " -r, in the order of its input."
        )
    if data.found and not data.hypothetical:
        notes.append(
            "There are no hypothetical scores, so that seqlets are compared by their contribution"
            " scores alone."
        )
    return notes


def submotif_rows(data: SubmotifData) -> "pl.DataFrame":
    """One row for each submotif."""
    import polars as pl

    columns = submotif_table(data.found)
    columns["pattern"] = [data.name(pattern) for pattern in columns["pattern"]]
    return pl.DataFrame(columns, schema_overrides={"pattern": pl.String, "origin": pl.String})


def overview(data: SubmotifData) -> Html:
    """One row for each pattern."""
    import polars as pl

    if not data.found:
        return Html("<p>No pattern has seqlets with scores, so there is nothing to show.</p>")
    rows = [
        {
            "pattern": data.name(one.pattern),
            "seqlets": one.seqlets.sizes["seqlet"],
            "submotifs": one.kinds.sizes["submotif"],
            "made by": "TF-MoDISco" if one.stored else "clustering here",
            "share of the largest": round(_share(one), 2),
            "least like the whole (cosine)": round(float(one.kinds["cwm_cosine"].min()), 3),
        }
        for one in data.found
    ]
    return data_table(pl.DataFrame(rows), "patterns-table", search=len(rows) > 12)


def _share(one: Submotifs) -> float:
    return float(one.kinds["count"].max()) / max(one.seqlets.sizes["seqlet"], 1)


def submotif_tables(data: SubmotifData) -> Html:
    """For each pattern, the table of its submotifs with pictures and logos."""
    logos = LogoCells()
    parts = [
        element("h3", escape(data.name(one.pattern))) + _table(data, at, one, logos)
        for at, one in enumerate(data.found)
    ]
    return Html("".join(parts) + (logos.script() if parts else ""))


_HEADS = (
    ("submotif", "Number, the largest first", False),
    ("seqlets", "Number and share of the pattern's seqlets", False),
    ("seqlets on the plane", "Each dot is a seqlet; near ones are alike", True),
    ("contribution scores", "Mean of its seqlets", True),
    ("hypothetical scores", "Mean of its seqlets", True),
    ("to each other / others", "Mean similarity of its seqlets (continuous Jaccard)", False),
    ("with the whole", "Cosine of its mean scores with those of the pattern", False),
    ("differs most at", "Column of the logo, from 1", False),
)


def _table(data: SubmotifData, at: int, one: Submotifs, logos: LogoCells) -> str:
    window = _window(one)
    heads = "".join(
        element("th", escape(label), title=title, class_="text" if text else None)
        for label, title, text in _HEADS
        if label != "hypothetical scores" or "hcwm" in one.kinds
    )
    total = one.seqlets.sizes["seqlet"]
    picture = _Picture(one, f"dots-{at}")
    rows = [_row(one, None, ("all", f"{total:,}"), window, logos, picture)]
    kinds = one.kinds.sizes["submotif"]
    if kinds == 1 and int(one.kinds["count"][0]) == total:
        kinds = 0  # it would be the first row again
    for kind in range(kinds):
        count = int(one.kinds["count"][kind])
        cells = (str(kind), f"{count:,} ({count / max(total, 1):.0%})")
        rows.append(_row(one, kind, cells, window, logos, picture))
    table = element(
        "table",
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>",
        class_="data",
        aria_label=f"Submotifs of {data.name(one.pattern)}",
    )
    return element("div", table, class_="scroll")


def _row(
    one: Submotifs,
    kind: int | None,
    cells: tuple[str, str],
    window: slice,
    logos: LogoCells,
    picture: "_Picture",
) -> str:
    source = one.whole if kind is None else one.kinds.isel(submotif=kind)
    mark = "" if kind is None else element("span", "●", style=f"color:{colour(kind)}") + " "
    shown = [element("td", mark + escape(cells[0])), element("td", escape(cells[1]))]
    shown.append(element("td", picture.of(kind), class_="text"))
    for name in ("cwm", "hcwm"):
        if name in one.kinds:
            values = source[name].values[:, window]
            label = f"{name}, {cells[0]}"
            shown.append(element("td", logos.cell(values, label=label), class_="text"))
    if kind is None:
        shown += [element("td", "")] * 3
    else:
        within, others = (float(source[f"jaccard_{side}"]) for side in ("within", "others"))
        changed = int(source["changed_position"]) - window.start + 1
        shown.append(element("td", f"{_number(within)} / {_number(others)}"))
        shown.append(element("td", _number(float(source["cwm_cosine"]))))
        inside = 1 <= changed <= window.stop - window.start
        shown.append(element("td", str(changed) if inside else "flank"))
    return element("tr", "".join(shown))


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _window(one: Submotifs) -> slice:
    """Columns that hold the cores of all submotifs, so that logos stand below one another."""
    matrices = [one.whole["cwm"].values, *one.kinds["cwm"].values]
    cores = [trim_core(matrix, _CORE) for matrix in matrices if np.abs(matrix).max() > 0]
    width = matrices[0].shape[1]
    if not cores:
        return slice(0, width)
    first, last = min(core[0] for core in cores), max(core[1] for core in cores)
    return slice(max(first - _PAD, 0), min(last + _PAD, width))


def colour(kind: int) -> str:
    """Colour of a submotif."""
    return COLOURS[kind % len(COLOURS)]


class _Picture:
    """Seqlets on the plane, for the table of one pattern: all once, then those of a submotif."""

    def __init__(self, one: Submotifs, name: str) -> None:
        points = one.seqlets["embedding"].values
        drawn = np.flatnonzero(np.isfinite(points).all(axis=1))
        if drawn.size > _POINTS:
            drawn = np.sort(np.random.default_rng(0).choice(drawn, _POINTS, replace=False))
        self._labels = one.seqlets["submotif"].values[drawn]
        self._places = _scaled(points[drawn])
        self._name = name

    def of(self, kind: int | None) -> str:
        """Picture of a submotif before all others, or of all in their colours."""
        if kind is None:
            kinds = np.unique(self._labels).tolist()
            body = element("g", self._path(self._labels >= -1, "#cfd6dc"), id=self._name)
            body += "".join(
                self._path(self._labels == own, colour(own)) for own in kinds if own >= 0
            )
        else:
            body = f'<use href="#{self._name}"/>' + self._path(self._labels == kind, colour(kind))
        label = "all seqlets" if kind is None else f"seqlets of submotif {kind}"
        return (
            f'<svg viewBox="0 0 {_SIDE} {_SIDE}" width="{_SIDE * 2 // 3}"'
            f' height="{_SIDE * 2 // 3}" role="img" aria-label="{label}">{body}</svg>'
        )

    def _path(self, chosen: NDArray[np.bool_], ink: str) -> str:
        moves = "".join(f"M{x} {y}h0" for x, y in self._places[chosen].tolist())
        return (
            f'<path d="{moves}" stroke="{ink}" stroke-width="4" stroke-linecap="round"'
            ' stroke-opacity=".75" fill="none"/>'
        )


def _scaled(points: NDArray[Any]) -> NDArray[np.int64]:
    """Points in the square of a picture, both axes by the same factor."""
    if not points.size:
        return np.zeros((0, 2), np.int64)
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    span = float((high - low).max()) or 1.0
    middle = np.clip((points - (low + high) / 2) / span, -0.5, 0.5)
    placed = _SIDE / 2 + middle * np.array([1, -1]) * (_SIDE - 2 * _EDGE)
    whole: NDArray[np.int64] = np.rint(placed).astype(np.int64)
    return whole


def write_submotifs(data: SubmotifData, folder: str | Path) -> None:
    """Write ``submotifs.tsv``, ``submotif_seqlets.tsv``, and both as datasets.

    In ``report.zarr``, the group ``submotifs/<pattern>`` has the matrices of its submotifs, and
    ``submotif_seqlets/<pattern>`` the seqlets with their places on the plane.

    Parameters
    ----------
    data : SubmotifData
        From :func:`gather_submotifs`.
    folder : path
        Where to.
    """
    from finemo_zarr.report.files import file_names

    datasets: dict[str, xr.Dataset] = {}
    shown = [data.name(one.pattern) for one in data.found]
    for name, one in zip(file_names(shown), data.found, strict=True):
        if shown.count(data.name(one.pattern)) > 1:
            raise ReadError(
                f"two patterns have the same name {data.name(one.pattern)}; name them differently"
                " (-N)"
            )
        whole = one.whole.rename({key: f"whole_{key}" for key in one.whole.data_vars})
        attrs = {"pattern": data.name(one.pattern), "stored": one.stored}
        datasets[f"submotifs/{name}"] = one.kinds.merge(whole).assign_attrs(attrs)
        datasets[f"submotif_seqlets/{name}"] = one.seqlets.assign_attrs(attrs)
    tables = {"submotifs": submotif_rows(data), "submotif_seqlets": _seqlets(data)}
    save(folder, tables, datasets)


def _seqlets(data: SubmotifData) -> "pl.DataFrame":
    import polars as pl

    columns: dict[str, list[Any]] = {"pattern": []}
    for one in data.found:
        columns["pattern"] += [data.name(one.pattern)] * one.seqlets.sizes["seqlet"]
        for name in ("submotif", "example", "start", "end", "reverse"):
            columns.setdefault(name, []).extend(one.seqlets[name].values.tolist())
        for axis, label in enumerate("xy"):
            values = one.seqlets["embedding"].values[:, axis]
            columns.setdefault(label, []).extend(values.tolist())
    return pl.DataFrame(columns, schema_overrides={"pattern": pl.String})
