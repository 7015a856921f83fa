"""Draw the figures of docs/explanation/problem.md.

python docs/figures/make_figures.py              all of them, into this folder
python docs/figures/make_figures.py placement    one of them
python docs/figures/make_figures.py --out DIR    elsewhere

All data are simulated, with the seed in the code. `strands` and `solvers` need torch. `solvers`
shows times, so it comes out a little different each time; the others do not.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from figure_data import (
    DEFAULT,
    LAMBDA,
    TOLERANCES,
    Array,
    Truth,
    exact_run,
    first_order_runs,
    found_sites,
    jaccard,
    named_motifs,
    narrow_regions,
    noisy_regions,
    on_both_strands,
    split_site,
    trace,
    with_flanks,
)
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from finemo_zarr import MotifOptions, get_solver, prepare_motifs
from finemo_zarr.problem import coefficients_of, region_problem

HERE = Path(__file__).parent
# Okabe and Ito's colours, which the colour-blind can tell apart.
BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
GREY, LIGHT, BLACK = "#707070", "#DDDDDD", "#222222"
STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "font.size": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "path.simplify_threshold": 0.5,
    "svg.hashsalt": "finemo-zarr",
}


def draw_problem() -> Figure:
    """Scores of one region, the hits, what they explain, and what is left."""
    regions, motifs = named_motifs()
    problem = region_problem(regions, 0, motifs)
    hits = get_solver("coordinate-descent")().solve(regions, motifs).hits
    coefficients = coefficients_of(hits, 0, motifs, regions.sizes["position"])
    figure, axes = _figure(3, 1, height=5.4, sharex=True, sharey=True)
    colours = dict(zip("ABCD", (BLUE, RED, GREEN, PURPLE), strict=True))
    scores = problem.scores.sum(axis=0)
    _bars(axes[0], scores, GREY)
    _bars(axes[1], scores, LIGHT)
    _bars(axes[2], problem.residual(coefficients).sum(axis=0), GREY)
    for motif, first in np.argwhere(coefficients):
        alone = np.zeros_like(coefficients)
        alone[motif, first] = coefficients[motif, first]
        explained = problem.forward(alone).sum(axis=0)
        last = first + problem.cores[motif].shape[1]
        name = str(motifs.motif_name.values[motif])
        strand = "+" if motifs.motif_strand.values[motif] == "+" else "−"
        axes[0].axvspan(first, last, color=colours[name], alpha=0.3, lw=0, zorder=0)
        _bars(axes[1], explained[first:last], colours[name], first)
        for ax, text in ((axes[0], f"{name}{strand}"), (axes[1], f"$c$ = {alone.max():.1f}")):
            ax.annotate(text, ((first + last) / 2, 1.13 * scores.max()), ha="center")
    titles = ("scores $\\hat{x}$, and the hits", "what they explain, $A\\,c$", "what is left")
    for ax, title in zip(axes, titles, strict=True):
        ax.set(title=title, ylabel="scaled score")
        ax.axhline(0, color=BLACK, lw=0.6)
    axes[0].set(xlim=(0, scores.size), ylim=(1.2 * scores.min(), 1.35 * scores.max()))
    axes[2].set_xlabel("position in the region, bp")
    return figure


def draw_strands() -> Figure:
    """One palindromic site, and how many sites have a hit on both strands, by tolerance."""
    exact, loose = exact_run(), first_order_runs()
    figure, (left, right) = _figure(1, 2)
    region, motif, start = split_site()
    for strand, colour, marker in ((0, BLUE, "o"), (1, RED, "s")):
        key = (region, motif + strand, start)
        weights = [run.coefficients.get(key, 0.0) for run in loose]
        left.plot(TOLERANCES, weights, color=colour, marker=marker, label=f"{'+−'[strand]} strand")
        left.axhline(exact.coefficients.get(key, 0.0), color=colour, ls=":", lw=1.2)
    left.set(title="the hits on one palindromic site", ylabel="coefficient")
    left.legend(loc="center right")
    counts = [len(on_both_strands(run)) for run in loose]
    optimum = len(on_both_strands(exact))
    right.plot(TOLERANCES, counts, color=ORANGE, marker="o", label="prox-gradient")
    right.axhline(optimum, color=BLUE, ls="--", label="coordinate-descent")
    right.set(title="sites called on both strands", ylabel="sites", ylim=(0, None))
    right.legend(loc="upper right")
    for ax in (left, right):
        _tolerance_axis(ax, 0.97, "top")
    return figure


def draw_gap() -> Figure:
    """The duality gap and the reference's figure, along the iterations and where it stops."""
    figure, (left, right) = _figure(1, 2)
    traces = [trace(index, width=200, steps=200) for index in range(24)]
    shown = traces[4]
    steps = np.arange(1, shown.gap.size + 1)
    left.plot(steps, shown.reference, color=RED, label="reference's figure")
    left.plot(steps, shown.gap, color=BLUE, label="duality gap")
    left.plot(steps, shown.above, color=BLACK, ls="--", lw=1.2, label="distance from optimum")
    left.axhspan(-DEFAULT, DEFAULT, color=LIGHT, lw=0)
    left.set_yscale("symlog", linthresh=DEFAULT)
    left.set(ylim=(-0.4, 2), yticks=[-1e-1, -1e-2, -1e-3, 0, 1e-3, 1e-2, 1e-1])
    left.set(title="along the iterations, one region", xlabel="step", ylabel="per base")
    left.legend(loc="upper right")
    stops = [int(np.argmax(np.abs(one.reference) <= DEFAULT)) for one in traces]
    missing = [1000 * (1 - one.shrink[stop]) for one, stop in zip(traces, stops, strict=True)]
    gaps = [1000 * one.gap[stop] for one, stop in zip(traces, stops, strict=True)]
    right.axhspan(0, 1000 * DEFAULT, color=LIGHT, lw=0)
    right.annotate("within the tolerance", (max(missing), 0.15), ha="right")
    right.scatter(missing, gaps, color=BLUE, s=24)
    right.set(title="24 regions, where the reference stops", xlabel="$1 - u$,  × 1000")
    right.set(ylabel="duality gap per base,  × 1000", xlim=(0, None), ylim=(0, None))
    return figure


def draw_placement() -> Figure:
    """A motif at the edge, and how many planted sites are found, by their distance from it."""
    figure, (left, right) = _figure(1, 2)
    regions, motifs, truth = narrow_regions()
    _draw_edge(left, regions.region_contributions.values, truth, motifs.sizes["motif_position"])
    near = np.minimum(truth["core_start"], regions.sizes["position"] - truth["core_end"])
    edges = np.arange(0, 45, 4)
    for placement, colour, marker in (("core", BLUE, "o"), ("full", ORANGE, "s")):
        oriented = prepare_motifs(motifs, MotifOptions(placement=placement))
        found = found_sites(regions, oriented, truth)
        recall = [found[(near >= low) & (near < high)].mean() for low, high in pairwise(edges)]
        label = f"{placement}: {found.mean():.0%} of all sites"
        right.plot(edges[:-1] + 2, recall, color=colour, marker=marker, label=label)
    right.set(title="planted sites found", ylabel="recall", ylim=(-0.03, 1.1), xlim=(0, 44))
    right.set_xlabel("distance of the core from the edge, bp")
    right.legend(loc="lower right", title="--placement", alignment="left")
    return figure


def _draw_edge(ax: Axes, contributions: Array, truth: Truth, width: int) -> None:
    """A site close to the left edge: its scores, and the motif where the two rules permit it."""
    starts = truth["core_start"]
    alone = (np.roll(starts, -1) > width) | (np.roll(truth["region"], -1) != truth["region"])
    site = np.flatnonzero((starts >= 3) & (starts <= 5) & alone)[0]
    start, first, last = (int(truth[name][site]) for name in ("start", "core_start", "core_end"))
    scores = contributions[truth["region"][site], :width]
    _bars(ax, scores / scores.max(), GREY)
    rules = (
        (-0.7, 0, BLUE, "core: placed on the site"),
        (-1.25, -start, ORANGE, "full: the first place"),
    )
    for y, shift, colour, text in rules:
        for begin, size, alpha in ((start, width, 0.3), (first, last - first, 1)):
            ax.add_patch(Rectangle((begin + shift, y), size, 0.16, color=colour, alpha=alpha, lw=0))
        ax.annotate(text, (1, y + 0.22), fontsize=9)
    ax.axvspan(start - 4, 0, color=LIGHT, lw=0, zorder=0)
    ax.annotate("outside", (start / 2 - 2, 0.9), color=BLACK, ha="center")
    ax.axhline(0, color=BLACK, lw=0.6)
    ax.set(title="a site at the edge of its region", xlabel="position in the region, bp")
    ax.set(xlim=(start - 4, width), ylim=(-1.35, 1.1), yticks=[0, 0.5, 1], ylabel="scores")


def draw_normalize() -> Figure:
    """What lambda demands of the scores under a core, and what is found, by the core's norm."""
    figure, (left, right) = _figure(1, 2)
    lowest = 0.55
    norms = np.linspace(lowest, 1, 46)
    left.plot(norms, LAMBDA / norms, color=ORANGE)
    left.axhline(LAMBDA, color=BLUE)
    left.axhspan(1, 1.3, color=LIGHT, lw=0)
    left.annotate("out of reach", (0.8, 1.12), ha="center")
    left.annotate("--normalize full", (0.83, 0.87), color=BLACK)
    left.annotate("--normalize core", (0.57, 0.715), color=BLACK)
    left.set(title="cosine that λ = 0.7 demands", ylabel="cosine of scores and core")
    left.set_ylim(0.6, 1.3)
    regions, motifs, truth = noisy_regions()
    shares = np.array([0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99])
    for normalize, colour, marker in (("core", BLUE, "o"), ("full", ORANGE, "s")):
        oriented = (with_flanks(motifs, share, normalize) for share in shares)
        recall = [found_sites(regions, each, truth).mean() for each in oriented]
        label = f"--normalize {normalize}"
        right.plot(shares, recall, color=colour, marker=marker, label=label)
    right.set(title="planted sites found", ylabel="recall", ylim=(-0.03, 1.05))
    right.legend(loc="center left", bbox_to_anchor=(0, 0.72))
    for ax in (left, right):
        ax.set(xlim=(lowest, 1), xlabel="share of the motif's norm in the core, ‖$a$‖")
    return figure


def draw_solvers() -> Figure:
    """The gap against time, and the agreement of the hits with the optimum."""
    figure, (left, right) = _figure(1, 2)
    exact, loose = exact_run(), first_order_runs()
    times, gaps = [run.milliseconds for run in loose], [run.gap for run in loose]
    left.loglog(times, gaps, color=ORANGE, marker="o")
    left.loglog([exact.milliseconds], [exact.gap], color=BLUE, marker="D", ms=8)
    offset: dict[str, Any] = {"textcoords": "offset points"}
    left.annotate("coordinate-descent", (exact.milliseconds, exact.gap), (10, -4), **offset)
    left.annotate("prox-gradient", (times[-1], gaps[-1]), (-6, -14), ha="right", **offset)
    left.minorticks_off()
    left.set(title="largest gap, by time", xlabel="ms per region, one core", ylabel="gap per base")
    agreement = [jaccard(run, exact) for run in loose]
    right.plot(TOLERANCES, agreement, color=ORANGE, marker="o", label="prox-gradient")
    right.axhline(1, color=BLUE, ls="--", label="coordinate-descent")
    right.set(title="hits shared with the optimum", ylabel="Jaccard index", ylim=(0.6, 1.03))
    right.legend(loc="lower right")
    _tolerance_axis(right, 0.03, "bottom")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "problem": draw_problem,
    "strands": draw_strands,
    "gap": draw_gap,
    "placement": draw_placement,
    "normalize": draw_normalize,
    "solvers": draw_solvers,
}


def _figure(rows: int, columns: int, height: float = 3.3, **shared: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(wspace=0.06)
    return figure, figure.subplots(rows, columns, **shared)


def _bars(ax: Axes, values: Array, colour: str, first: int = 0) -> None:
    """One bar per position, as a single path."""
    edges = np.repeat(np.arange(first, first + values.size + 1), 2)[1:-1]
    outline = np.concatenate([[0.0], np.repeat(values, 2), [0.0]])
    ax.fill(np.pad(edges, 1, mode="edge"), outline, color=colour, lw=0)


def _tolerance_axis(ax: Axes, height: float, side: str) -> None:
    """Tolerances, the tight ones right; where the default is, at what height of the axes."""
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.minorticks_off()
    ax.set_xlabel("tolerance (-c), tighter to the right")
    ax.axvline(DEFAULT, color=GREY, lw=0.9, ls=":")
    place = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "rotation": 90}
    ax.annotate("default", (DEFAULT, height), (3, 0), va=side, color=GREY, fontsize=9, **place)


def _shorten(path: Path) -> None:
    """Round the coordinates of an SVG's paths to hundredths of a point."""
    lines = path.read_text(encoding="utf-8").splitlines()
    drawn = re.compile(r'(<path d=")?[MLCQ] ')
    text = "\n".join(
        re.sub(r"(\.\d\d)\d+", r"\1", line) if drawn.match(line.lstrip()) else line
        for line in lines
    )
    path.write_text(text + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(description="Draw the figures of the documentation.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where to")
    parser.add_argument("--format", choices=("svg", "png"), default="svg", help="png to look at")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(FIGURES)):
        parser.error(f"no figure {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    metadata = {"Date": None} if asked.format == "svg" else None
    with mpl.rc_context(STYLE):
        for name in asked.names or FIGURES:
            path = asked.out / f"{name}.{asked.format}"
            FIGURES[name]().savefig(path, dpi=100, metadata=metadata)
            if asked.format == "svg":
                _shorten(path)
            print(f"{path}: {path.stat().st_size / 1000:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
