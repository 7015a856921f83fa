"""Draw docs/figures/which.svg: the questions of `finemo-zarr which` as a chart.

python docs/figures/make_flow_chart.py               into this folder
python docs/figures/make_flow_chart.py --out DIR     elsewhere

Texts are those of finemo_zarr.cli.which; only the places of the boxes are given here.
"""

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from finemo_zarr.cli.which import QUESTIONS, WAYS

HERE = Path(__file__).parent
NAME = "which.svg"
INK, LINE, ASKED, END = "#1f2933", "#7b8794", "#eaf1f6", "#f1ead8"
WIDTH, HEIGHT, BOX, LINE_HEIGHT = 930, 590, 250, 18
COLUMNS = (10, 300, 590)
# Left edge and top of each box.
PLACES: Mapping[str, tuple[int, int]] = {
    "motifs": (COLUMNS[0], 20),
    "discover": (COLUMNS[2], 14),
    "regions": (COLUMNS[0], 160),
    "marginalize": (COLUMNS[2], 154),
    "goal": (COLUMNS[0], 320),
    "solve": (COLUMNS[0], 510),
    "seqlets": (COLUMNS[1], 510),
    "scan": (COLUMNS[2], 510),
}


class Box(NamedTuple):
    """Where a question or a way is drawn."""

    left: int
    top: int
    height: int

    @property
    def middle(self) -> tuple[float, float]:
        """Centre."""
        return self.left + BOX / 2, self.top + self.height / 2


def box(name: str) -> Box:
    """The box of a question or a way."""
    return Box(*PLACES[name], 52 if name in QUESTIONS else 64)


def draw_box(name: str) -> Iterator[str]:
    """A box and its text."""
    asked, here = name in QUESTIONS, box(name)
    text = QUESTIONS[name].text if asked else WAYS[name].title
    yield (
        f'<rect x="{here.left}" y="{here.top}" width="{BOX}" height="{here.height}"'
        f' rx="{4 if asked else 16}" fill="{ASKED if asked else END}" stroke="{LINE}"/>'
    )
    style = 'text-anchor="middle" font-weight="600"' if asked else 'text-anchor="middle"'
    x, y = here.middle
    lines = textwrap.wrap(text[:1].upper() + text[1:], 28 if asked else 34, break_on_hyphens=False)
    yield from draw_lines(lines, x, y - (len(lines) - 1) * LINE_HEIGHT / 2, style)


def draw_lines(lines: Sequence[str], x: float, first: float, style: str) -> Iterator[str]:
    """Lines of text, the middle of the first at a height."""
    for number, line in enumerate(lines):
        y = first + number * LINE_HEIGHT + 5
        yield f'<text x="{x:g}" y="{y:g}" {style}>{escape(line)}</text>'


def draw_arrows(name: str) -> Iterator[str]:
    """The arrows from a question, with the answers."""
    answers: dict[str, list[str]] = {}
    for choice in QUESTIONS[name].choices:
        answers.setdefault(choice.leads_to, []).append(choice.text)
    for target, texts in answers.items():
        yield from draw_arrow(box(name), box(target), ", or ".join(texts))


def draw_arrow(start: Box, end: Box, text: str) -> Iterator[str]:
    """One arrow: to the right, or down and, where the box is not below, along a common line."""
    (x, y), (to, _) = start.middle, end.middle
    bottom = start.top + start.height
    if abs(start.middle[1] - end.middle[1]) < start.height:
        yield draw_path(f"M {start.left + BOX} {y:g} H {end.left - 6}")
        lines = textwrap.wrap(text, 42)
        above = y - 14 - (len(lines) - 1) * LINE_HEIGHT
        yield from draw_lines(lines, start.left + BOX + 16, above, f'fill="{INK}"')
        return
    bus = f" V {bottom + 24} H {to:g}" if to != x else ""
    yield draw_path(f"M {x:g} {bottom}{bus} V {end.top - 6}")
    lines = textwrap.wrap(text, 26 if end.top > 400 else 70)
    middle = (bottom + (24 if end.top > 400 else 0) + end.top) / 2
    first = middle - (len(lines) - 1) * LINE_HEIGHT / 2
    yield from draw_lines(lines, to + 12, first, f'fill="{INK}"')


def draw_path(path: str) -> str:
    """A line that ends in an arrow."""
    return f'<path d="{path}" fill="none" stroke="{LINE}" marker-end="url(#arrow)"/>'


def chart() -> str:
    """The picture, as SVG."""
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    font = f'font-family="DejaVu Sans, Arial, sans-serif" font-size="13" fill="{INK}"'
    tip = f'<path d="M 0 0 L 8 4 L 0 8 z" fill="{LINE}"/>'
    marker = 'id="arrow" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="8" markerHeight="8"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
        "<title>Which way to the hits?</title>",
        f'<defs><marker {marker} orient="auto">{tip}</marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for name in QUESTIONS:
        parts += draw_arrows(name)
    for name in PLACES:
        parts += draw_box(name)
    return "\n".join([*parts, "</svg>", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw it; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where to")
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    path = out / NAME
    path.write_text(chart(), encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
