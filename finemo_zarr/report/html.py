"""Pieces of HTML that notebooks show."""

from collections.abc import Iterable, Mapping
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


class Html(str):
    """HTML text; a notebook shows it as such."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def element(name: str, content: str, **attributes: Any) -> str:
    """Write an element; content is HTML, attributes are text. ``_`` becomes ``-``."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>"


def data_script(name: str, text: str) -> str:
    """Put JSON where the page's script finds it."""
    safe = text.replace("<", "\\u003c")  # a name may hold what ends a script
    return f'<script type="application/json" id="{name}">{safe}</script>'


def tiles(values: Iterable[tuple[str, str]]) -> Html:
    """Show numbers with what they count."""
    shown = "".join(
        element("div", f"<b>{escape(value)}</b><span>{escape(label)}</span>", class_="tile")
        for value, label in values
    )
    return Html(element("div", shown, class_="tiles"))


def warnings_box(texts: Iterable[str]) -> Html:
    """Show notes that should not be missed."""
    return Html("".join(element("div", escape(text), class_="warning") for text in texts))


def definitions(values: Mapping[str, Any]) -> Html:
    """Show names and what they stand for."""
    rows = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(_plain(value))}</dd>"
        for name, value in values.items()
    )
    return Html(element("dl", rows, class_="provenance"))


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def data_table(frame: "pl.DataFrame", name: str, *, search: bool = False) -> Html:
    """Show a table that sorts when a heading is clicked.

    Parameters
    ----------
    frame : polars.DataFrame
        The table.
    name : str
        Name of the element, unique in the page.
    search : bool
        Whether to put a field to search in above it.
    """
    heads = "".join(
        element("th", escape(column), data_key=column, class_=_kind(frame[column]))
        for column in frame.columns
    )
    rows = "".join(
        element("tr", "".join(map(_cell, row)), class_="row") for row in frame.iter_rows()
    )
    table = element(
        "table",
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>",
        class_="data sortable",
        id=name,
    )
    field = search_field(name, f"{frame.height:,} rows") if search else ""
    return Html(field + element("div", table, class_="scroll"))


def search_field(table: str, count: str) -> str:
    """Write a field that filters the rows of a table."""
    field = (
        f'<input type="search" data-for="{table}" placeholder="Find a motif"'
        ' aria-label="Find a motif">'
    )
    shown = f'<span class="muted" data-count-for="{table}">{escape(count)}</span>'
    return element("div", field + shown, class_="controls")


def _kind(column: "pl.Series") -> str | None:
    return None if column.dtype.is_numeric() else "text"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        finite = isfinite(value)
        return element("td", f"{value:.4g}" if finite else "–", data_value=value if finite else "")
    if isinstance(value, int):
        return element("td", f"{value:,}", data_value=value)
    return element("td", escape("" if value is None else str(value)), class_="text")


def figures(*drawn: tuple[Any, str]) -> Html:
    """Show matplotlib axes beside one another, each with a caption."""
    boxes = "".join(
        element("figure", f"{figure_svg(ax)}<figcaption>{escape(text)}</figcaption>")
        for ax, text in drawn
    )
    return Html(element("div", boxes, class_="figures"))


def figure_svg(ax: Any) -> str:
    """The figure of matplotlib axes as an SVG element; the figure is closed."""
    from io import StringIO

    import matplotlib as mpl
    from matplotlib import pyplot as plt

    buffer = StringIO()
    # Letters as text, not as outlines: a fifth of the size, and they can be searched.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "finemo-zarr"}):
        ax.figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(ax.figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
