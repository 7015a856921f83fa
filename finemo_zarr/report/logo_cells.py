"""Logos in the tables of a page, drawn by its script from numbers of three digits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.report.html import Html, data_script, element
from finemo_zarr.report.payload import compact, drawing, matrix

_SET = "logo"


class LogoCells:
    """Collects the logos of a page; its :meth:`script` is put into the page once.

    A page can have one only, and not besides :func:`finemo_zarr.report.motif_table`.
    """

    def __init__(self) -> None:
        self._motifs: list[dict[str, Any]] = []

    def cell(
        self,
        values: NDArray[Any],
        *,
        core: tuple[int, int] = (0, 0),
        label: str = "logo",
        style: str | None = None,
    ) -> str:
        """Place for the logo of a matrix.

        Parameters
        ----------
        values : array, ``(4, position)``
            Heights of the letters A, C, G, T.
        core : (int, int)
            Columns to shade, first and end; by default none.
        label : str
            What it is, for those who cannot see it.
        style : str, optional
            CSS, for another size.

        Returns
        -------
        str
            An SVG element.
        """
        number = len(self._motifs)
        drawn = matrix(np.nan_to_num(values))
        self._motifs.append({"core": list(core), "logos": {_SET: drawn}})
        return element(
            "svg",
            "",
            class_="logo",
            role="img",
            aria_label=label,
            style=style,
            data_motif=number,
            data_set=_SET,
        )

    def script(self) -> Html:
        """What the script of the page draws them from."""
        texts = (
            data_script("finemo-drawing", compact(drawing())),
            data_script("finemo-motifs", compact(self._motifs)),
        )
        return Html("".join(texts))
