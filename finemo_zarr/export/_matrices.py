"""Motifs as other programs want them: a PPM for each, whatever the store has."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.export._source import Source

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Motif:
    """A motif in its own width, matrices ``(4, width)``.

    Parameters
    ----------
    name, name_orig : str
        Names in the store and in the file it came from.
    cwm, hcwm, ppm : array
        Where the store has no hCWM, the CWM stands in; where it has no PPM, one is made.
    has_hcwm, has_ppm : bool
        Whether the store has them.
    """

    name: str
    name_orig: str
    cwm: FloatArray
    hcwm: FloatArray
    ppm: FloatArray
    has_hcwm: bool
    has_ppm: bool


def each_motif(source: Source) -> Iterator[Motif]:
    """The motifs that were chosen, in the order of the store."""
    motifs = source.forward_motifs()
    names = motifs["motif_name"].values.tolist()
    originals = motifs["motif_name_orig"].values.tolist() if "motif_name_orig" in motifs else names
    for index, width in enumerate(motifs["motif_width"].values.tolist()):
        cwm, hcwm, ppm = (
            motifs[f"motif_{kind}"].values[index, :, :width].astype(np.float64)
            if f"motif_{kind}" in motifs
            else np.zeros((4, width))
            for kind in ("cwm", "hcwm", "ppm")
        )
        has_hcwm, has_ppm = bool(hcwm.any()), bool((ppm.sum(axis=0) > 0).all())
        yield Motif(
            names[index],
            originals[index],
            cwm,
            hcwm if has_hcwm else cwm,
            ppm / ppm.sum(axis=0) if has_ppm else made_ppm(cwm),
            has_hcwm,
            has_ppm,
        )


def made_ppm(cwm: FloatArray) -> FloatArray:
    """Make probabilities from contributions.

    Parameters
    ----------
    cwm : array, ``(4, width)``
        Contribution weight matrix.

    Returns
    -------
    array, ``(4, width)``
        In each column the shares of the absolute contributions, mixed with equal probabilities:
        the less the column contributes beside the strongest, the more.
    """
    sizes = np.abs(cwm)
    totals = sizes.sum(axis=0)
    weight = totals / totals.max() if totals.any() else totals
    shares = np.divide(sizes, totals, out=np.full(cwm.shape, 0.25), where=totals > 0)
    mixed: FloatArray = weight * shares + (1 - weight) / 4
    return mixed
