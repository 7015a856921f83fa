"""Draw docs/figures/calibration.svg and print the table of docs/how-to/false-discoveries.md.

python docs/figures/make_calibration.py               figure and table, in about a minute
python docs/figures/make_calibration.py --out DIR     the figure elsewhere
python docs/figures/make_calibration.py --format png  to look at
python docs/figures/make_calibration.py --seeds 1     one draw of each simulated set, faster

Each simulated set is drawn with several seeds, motifs, sites and noise anew, and its decoys with
the same seeds. Sets of files are called with decoys of the same seeds; those of ../shared are left
out where they are not there.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from calibration_data import (
    BEYOND,
    LOW_LAMBDA,
    SEEDS,
    SIMULATED,
    Called,
    Planted,
    Setting,
    call,
    file_sets,
    simulated,
)
from make_figures import BLACK, BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, RED, STYLE, _shorten
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from finemo_zarr.decoys import DecoyOptions

HERE = Path(__file__).parent
LEVEL, BOUND = 0.05, 0.07
QVALUES = np.concatenate([[0.002, 0.005], np.arange(0.01, 0.2001, 0.01)])
COLOURS = (BLUE, GREEN, "#56B4E9", PURPLE, ORANGE, BLACK, RED)
HEADER = (
    "| set | plain: false, recall | q ≤ 0.05: false (largest), wrong label, recall "
    "| λ 0.5, q ≤ 0.05: false (largest), recall | false at q ≤ 0.1 |\n|---|---|---|---|---|"
)


class Result(NamedTuple):
    """Calls of one set, a draw each."""

    plain: list[Called]
    ranked: list[Called]
    low: list[Called]  # at the lower lambda


def measure(draws: Iterable[tuple[int, Planted]]) -> Result:
    """Call draws of a set."""
    result = Result([], [], [])
    for seed, planted in draws:
        decoys = DecoyOptions(seed=seed)
        result.plain.append(call(planted))
        result.ranked.append(call(planted, decoys))
        result.low.append(call(planted, decoys, LOW_LAMBDA))
    return result


def table_row(name: str, result: Result) -> str:
    """One set as a line of the table."""
    low = [each.proportion(LEVEL) for each in result.low]
    false = [each.proportion(LEVEL) for each in result.ranked]
    wrong = _mean(each.mislabelled(LEVEL) for each in result.ranked)
    plain = _mean(each.proportion() for each in result.plain)
    recalls = (
        _mean(each.recall() for each in result.plain),
        _mean(each.recall(LEVEL) for each in result.ranked),
        _mean(each.recall(LEVEL) for each in result.low),
    )
    double = _mean(each.proportion(2 * LEVEL) for each in result.ranked)
    return (
        f"| {name} | {plain:.3f}, {recalls[0]:.3f} "
        f"| {np.mean(false):.3f} ({max(false):.3f}), {wrong:.3f}, {recalls[1]:.3f} "
        f"| {np.mean(low):.3f} ({max(low):.3f}), {recalls[2]:.3f} | {double:.3f} |"
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def draw(sets: dict[str, Result]) -> Figure:
    """Draw how many hits are false, by q-value, and how many sites are found."""
    figure = Figure(figsize=(8, 7.4), layout="constrained", facecolor="white")
    above, below = figure.subfigures(2, 1, height_ratios=(1.1, 1))
    left, right = above.subplots(1, 2, sharey=True)
    colours = dict(zip(SIMULATED, COLOURS, strict=True))
    high = {name: result.ranked for name, result in sets.items()}
    low = {name: result.low for name, result in sets.items()}
    for ax, calls, value in ((left, high, "0.7"), (right, low, f"{LOW_LAMBDA}")):
        _draw_proportions(ax, calls, colours)
        ax.set_title(f"false hits among those kept, λ {value}")
    left.set_ylabel("false-discovery proportion")
    _draw_recall(below.subplots(), sets, colours)
    return figure


def _draw_proportions(ax: Axes, sets: dict[str, list[Called]], colours: dict[str, str]) -> None:
    ax.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
    ax.fill_between([0, LEVEL], BOUND, color=LIGHT, lw=0, zorder=0)
    styles = dict(zip(BEYOND, ("-.", ":"), strict=True))
    for name in (*SIMULATED, *BEYOND):
        mean = np.mean([[each.proportion(q) for q in QVALUES] for each in sets[name]], axis=0)
        ax.plot(QVALUES, mean, color=colours.get(name, GREY), ls=styles.get(name, "-"), lw=1.6)
    ax.set(xlim=(0, QVALUES[-1]), ylim=(0, 0.25), xticks=[0, 0.05, 0.1, 0.15, 0.2])
    ax.set_xlabel("largest q-value kept")


def _draw_recall(ax: Axes, sets: dict[str, Result], colours: dict[str, str]) -> None:
    for row, (name, result) in enumerate(sets.items()):
        colour = colours.get(name, GREY)
        values = [
            _mean(each.recall() for each in result.plain),
            _mean(each.recall(LEVEL) for each in result.ranked),
            _mean(each.recall(LEVEL) for each in result.low),
        ]
        ax.plot([min(values), max(values)], [row, row], color=LIGHT, lw=2, zorder=0)
        for value, marker, size in zip(values, "|os", (13, 6, 5), strict=True):
            filled = "white" if marker == "s" else colour
            ax.plot(value, row, marker, color=colour, mfc=filled, ms=size, mew=1.6)
    for marker, size, text, filled in (
        ("|", 11, "plain call, λ 0.7", BLACK),
        ("o", 6, "λ 0.7, q ≤ 0.05", BLACK),
        ("s", 5, f"λ {LOW_LAMBDA}, q ≤ 0.05", "white"),
    ):
        ax.plot([], [], marker, color=BLACK, mfc=filled, ms=size, mew=1.6, label=text)
    dashes = dict(zip(BEYOND, ("  – ∙ –", "  ∙ ∙ ∙"), strict=True))
    ax.set_yticks(range(len(sets)), [name + dashes.get(name, "") for name in sets])
    for label, name in zip(ax.get_yticklabels(), sets, strict=True):
        label.set_color(colours.get(name, GREY))
    ax.invert_yaxis()
    ax.set(
        title="planted sites found (the colours are those above)", xlabel="recall", xlim=(0.3, 1.02)
    )
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower left", fontsize=9, handletextpad=0.2)


def _all_draws(seeds: Iterable[int]) -> Iterator[tuple[str, Iterator[tuple[int, Planted]]]]:
    for name, setting in {**SIMULATED, **BEYOND}.items():
        yield name, map(partial(_draw_set, setting), seeds)
    for name, planted in file_sets().items():
        yield name, zip(seeds, repeat(planted), strict=False)


def _draw_set(setting: Setting, seed: int) -> tuple[int, Planted]:
    return seed, simulated(setting, seed)


def _squeeze(path: Path) -> None:
    """Leave out of an SVG what is not seen: digits, spaces, comments, names of groups."""
    _shorten(path)
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    text = "\n".join(line for line in lines if not line.startswith("<!-- "))
    text = re.sub(r"([1-9]\d*\.\d\d)\d+", r"\1", text).replace("DejaVuSans-", "g")
    text = re.sub(r'<g id="(text|line2d|[xy]tick|patch)_\d+">', "<g>", text)
    path.write_text(text + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figure and print the table; return 1 if a set is above the bound."""
    parser = argparse.ArgumentParser(description="Draw how q-values compare with the truth.")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where to")
    parser.add_argument("--format", choices=("svg", "png"), default="svg", help="png to look at")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="draws of each set")
    asked = parser.parse_args(arguments)
    results = {}
    print(HEADER)
    for name, draws in _all_draws(range(asked.seeds)):
        results[name] = measure(draws)
        print(table_row(name, results[name]), flush=True)
    metadata = {"Date": None} if asked.format == "svg" else None
    path = asked.out / f"calibration.{asked.format}"
    with mpl.rc_context(STYLE):
        draw(results).savefig(path, dpi=100, metadata=metadata)
    if asked.format == "svg":
        _squeeze(path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB")
    held = {name: result for name, result in results.items() if name not in BEYOND}
    worst = max(each.proportion(LEVEL) for result in held.values() for each in result.ranked)
    print(f"largest proportion of false hits at q <= {LEVEL}: {worst:.3f}, bound {BOUND}")
    return int(worst >= BOUND)


if __name__ == "__main__":
    sys.exit(main())
