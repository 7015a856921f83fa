"""The table of the motifs of a page, whose rows open on details that its script draws."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from finemo_zarr.report import payload
from finemo_zarr.report.html import Html, data_script, element, search_field

if TYPE_CHECKING:
    import xarray as xr

_SURE = 0.1


def motif_rows(heads: Iterable[str], rows: Sequence[str], motifs: list[dict[str, Any]]) -> Html:
    """Put the table together; a page can have one only.

    Parameters
    ----------
    heads : iterable of str
        Cells of its head.
    rows : sequence of str
        From :func:`motif_row`.
    motifs : list of dict
        What the script draws of each motif, in the order of the numbers of the rows.
    """
    table = element(
        "table",
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody>",
        class_="data sortable",
        id="motifs-table",
    )
    search = search_field("motifs-table", f"{len(rows)} motifs")
    scripts = data_script("finemo-drawing", payload.compact(payload.drawing()))
    scripts += data_script("finemo-motifs", payload.compact(motifs))
    return Html(search + element("div", table, class_="scroll") + scripts)


def motif_row(at: int, name: str, known: str, logos: Iterable[str], cells: Iterable[str]) -> str:
    """Write a row: the name with its known motif, logos, and other cells.

    Parameters
    ----------
    at : int
        Number of the motif.
    name, known : str
        Its name, and its best match, empty if it has none.
    logos : iterable of str
        Which of its logos to draw.
    cells : iterable of str
        Those that follow.
    """
    button = '<button type="button" aria-expanded="false" aria-label="Details">▸</button>'
    said = f'<span class="known">{escape(known)}</span>' if known else ""
    first = [element("td", button + escape(name) + said, class_="text name", data_value=name)]
    first += [
        element("td", f'<svg class="logo" data-motif="{at}" data-set="{key}"></svg>', class_="text")
        for key in logos
    ]
    words = f"{name} {known}"
    content = "".join([*first, *cells])
    return element("tr", content, class_="row", data_motif=at, data_search=words)


def best_match(known: "xr.Dataset | None", at: int) -> str:
    """The known motif that a motif resembles most, with its q-value; empty if it may be chance.

    Parameters
    ----------
    known : xarray.Dataset, optional
        From :func:`finemo_zarr.evaluation.match_known_motifs`.
    at : int
        Index of the motif.
    """
    if known is None or not known.sizes["match"]:
        return ""
    q = float(known["match_q"][at, 0])
    return f"{known['match_name'].values[at, 0]} (q = {q:.1g})" if q <= _SURE else ""
