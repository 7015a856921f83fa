"""Hits of a tiSFM beside those of its contribution scores."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import finished
from finemo_zarr.report import callers
from finemo_zarr.report.callers import CallersData, gather_callers
from finemo_zarr.report.html import Html, data_table, definitions, figures
from finemo_zarr.store import hits_path, read_info

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IntArray = NDArray[np.int64]

_MOST_COLOURS = 10
_OTHER = "#9aa5af"
_PALETTE = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#bcbd22", "#17becf", "#444444",
)  # fmt: skip
_SOLVER_OPTIONS = ("model", "track", "tracks")


def gather_hits(
    hits: str | Sequence[str], truth: str | None = None
) -> tuple[CallersData | None, dict[str, str]]:
    """Open hits of both kinds, and say of each how it was called.

    Parameters
    ----------
    hits : path or sequence of paths
        Hits stores, or folders that `call-hits` wrote, of the same regions.
    truth : path, optional
        Known sites.

    Returns
    -------
    CallersData or None
        Where there are two or more.
    dict of str to str
        Solver of each, by path.
    """
    paths = [hits] if isinstance(hits, str) else list(hits)
    paths = [path for path in paths if path]
    said = {path: _solver(path) for path in paths}
    return (gather_callers(paths, truth=truth) if len(paths) > 1 else None), said


def _solver(path: str) -> str:
    provenance = read_info(hits_path(path)).provenance
    options: dict[str, Any] = provenance.get("options", {})
    words = [str(options.get("solver") or "solver not recorded")]
    words += [f"{name} {options[name]}" for name in _SOLVER_OPTIONS if options.get(name)]
    return ", ".join(words)


def hits_missing(said: dict[str, str], model: Path) -> Html:
    """What to do where there are not both kinds of hits."""
    folder = escape(str(model))
    have = f"Only one was given ({escape(next(iter(said.values())))}). " if said else ""
    return Html(
        f"<p>{have}Nothing is compared: give the hits of both kinds with"
        " <code>-H hits_model hits_scores</code>. They come from</p>"
        f"<pre>finemo-zarr attribute --model {folder}/model.py:load --task 0 … -o scores.zarr\n"
        "finemo-zarr call-hits -r scores.zarr -m motifs.meme -o hits_scores\n"
        f"finemo-zarr call-hits -r scores.zarr -m motifs.meme --solver tisfm --tisfm-model {folder}"
        " --tisfm-track NAME -o hits_model</pre>"
    )


def hits_section(data: CallersData, said: dict[str, str], count: int = 4) -> Html:
    """Numbers, motifs, agreement, scores and examples of hits of both kinds."""
    made = {
        name: f"{text}; {data.stores[name].hits.sizes['hit']:,} hits"
        for name, text in zip(data.names, said.values(), strict=True)
    }
    parts: list[str] = [definitions(made), callers.callers_summary(data)]
    parts += ["<h3>Hits of each motif</h3>", callers.motif_figure(data)]
    parts += ["<h3>Agreement</h3>", callers.agreement_figure(data), callers.scores_figure(data)]
    if data.truth:
        parts += ["<h3>Known sites</h3>", data_table(callers.truth_table(data), "truth-table")]
        parts.append(callers.truth_figures(data))
    parts += ["<h3>Examples</h3>", examples_figure(data, count)]
    return Html("".join(parts))


def examples_figure(data: CallersData, count: int = 4) -> Html:
    """The hits of some regions, one lane for each kind.

    Parameters
    ----------
    data : CallersData
        Hits of both kinds.
    count : int
        How many regions.
    """
    common, apart = example_regions(data, count)
    regions = np.concatenate([common, apart])
    if not len(regions):
        return Html("<p>There are no hits to draw.</p>")
    caption = (
        f"Regions with the most motifs that all find ({len(common)}), then with the most that not"
        f" all find ({len(apart)}). The colour of a hit is its motif; it is above the line where it"
        " is on the first strand, below where it is on the other."
    )
    return figures((_lanes(data, regions), caption))


def example_regions(data: CallersData, count: int) -> tuple[IntArray, IntArray]:
    """Regions to look at.

    Parameters
    ----------
    data : CallersData
        Hits of both kinds.
    count : int
        How many.

    Returns
    -------
    array of int
        Half of them: those with the most motifs that all find, and few other hits.
    array of int
        Others: those with the most motifs that some find and some do not.
    """
    size = next(iter(data.stores.values())).qc.sizes["region"]
    number = {name: at for at, name in enumerate(data.joined.motifs)}
    total = np.zeros(size, dtype=np.int64)
    pairs = []
    for store in data.stores.values():
        region = store.hits["hit_region"].values
        motif = np.array([number[str(name)] for name in store.motifs["motif_name"].values])
        pairs.append(np.unique(region * len(number) + motif[store.hits["hit_motif"].values]))
        total += np.bincount(region, minlength=size)
    found, times = np.unique(np.concatenate(pairs), return_counts=True)
    any_of, both = (
        np.bincount(found[kept] // len(number), minlength=size)
        for kept in (times > 0, times == len(pairs))
    )
    common = np.lexsort((total, -both))[: (count + 1) // 2]
    common = common[both[common] > 0]
    differ = np.where(np.isin(np.arange(size), common), 0, any_of - both)
    apart = np.lexsort((total, -differ))[: count // 2]
    return common, apart[differ[apart] > 0]


def _lanes(data: CallersData, regions: Any) -> "Axes":
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    colours = _motif_colours(data, regions)
    lanes = len(data.names)
    height = 0.6 + len(regions) * (0.45 + 0.34 * lanes)
    figure, axes = plt.subplots(
        len(regions), 1, figsize=(8.5, height), layout="constrained", squeeze=False
    )
    for ax, region in zip(axes[:, 0], regions.tolist(), strict=True):
        for lane, name in enumerate(data.names):
            _draw_lane(ax, data, name, region, lane, colours)
        ax.set_yticks(range(lanes), data.names, fontsize=8)
        ax.set_ylim(lanes - 0.45, -0.55)
        ax.set_title(_title(data, region), fontsize=8.5, loc="left")
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        finished(ax, "", "")
    axes[-1, 0].set_xlabel("position in the region, bp", fontsize=9)
    shown = [Patch(color=colour, label=name) for name, colour in colours.items()]
    if len(_counted(data, regions)) > len(colours):
        shown.append(Patch(color=_OTHER, label="others"))
    figure.legend(handles=shown, fontsize=8, frameon=False, loc="outside right upper")
    first: Axes = axes[0, 0]
    return first


def _counted(data: CallersData, regions: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for store in data.stores.values():
        inside = np.isin(store.hits["hit_region"].values, regions)
        for name in store.motifs["motif_name"].values[store.hits["hit_motif"].values[inside]]:
            found[str(name)] = found.get(str(name), 0) + 1
    return found


def _motif_colours(data: CallersData, regions: Any) -> dict[str, str]:
    counted = _counted(data, regions)
    first = sorted(counted, key=lambda name: -counted[name])[:_MOST_COLOURS]
    return dict(zip(first, _PALETTE, strict=False))


def _draw_lane(
    ax: "Axes", data: CallersData, name: str, region: int, lane: int, colours: dict[str, str]
) -> None:
    store = data.stores[name]
    hits, motifs = store.hits, store.motifs
    ax.axhline(lane, color="#c9d3db", lw=0.8, zorder=0)
    ax.set_xlim(0, _width(data, region))
    for at in np.flatnonzero(hits["hit_region"].values == region):
        motif = int(hits["hit_motif"].values[at])
        start, end = int(hits["hit_start"].values[at]), int(hits["hit_end"].values[at])
        colour = colours.get(str(motifs["motif_name"].values[motif]), _OTHER)
        side = 1 if motifs["motif_strand"].values[motif] == "+" else -1
        ax.bar(start, -0.36 * side, end - start, bottom=lane, align="edge", color=colour)


def _width(data: CallersData, region: int) -> int:
    regions = next(iter(data.stores.values())).regions
    if "region_start" in regions:
        return int(regions["region_end"].values[region] - regions["region_start"].values[region])
    ends = [
        store.hits["hit_end"].values[store.hits["hit_region"].values == region].max(initial=1)
        for store in data.stores.values()
    ]
    return int(max(ends))


def _title(data: CallersData, region: int) -> str:
    regions = next(iter(data.stores.values())).regions
    if "region_chrom" not in regions:
        return f"region {region}"
    chrom, start, end = (
        regions[f"region_{key}"].values[region] for key in ("chrom", "start", "end")
    )
    return f"{chrom}:{start:,}-{end:,}"
