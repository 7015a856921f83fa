"""What solvers share: the scores a problem is about, and the columns of their answer."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.motifs import signed_sqrt
from finemo_zarr.sequence import NO_BASE, project

if TYPE_CHECKING:
    import xarray as xr


def problem_scores(regions: "xr.Dataset", motifs: "xr.Dataset") -> NDArray[np.float64]:
    """The scores that the mode asks for, not yet scaled.

    Parameters
    ----------
    regions : xarray.Dataset
        A block of regions without a track dimension.
    motifs : xarray.Dataset
        Oriented motifs.

    Returns
    -------
    array, ``(region, rows, position)``
        One row, zero where there is no base, on projected scores; four on hypothetical ones.

    Raises
    ------
    SchemaError
        If hypothetical scores are needed and there are none, or a score is not finite.
    """
    codes = regions.region_sequence.values
    scores = regions.region_contributions.values.astype(np.float64)
    if motifs.attrs["mode"][1] == "h":
        if scores.ndim == 2:
            raise SchemaError(
                f"mode {motifs.attrs['mode']} needs hypothetical scores, the regions hold "
                "projected ones: use mode pp or hp"
            )
    else:
        scores = project(scores, codes) if scores.ndim == 3 else scores
        scores[codes == NO_BASE] = 0
        scores = scores[:, None, :]
    finite = np.isfinite(scores).all(axis=(1, 2))
    if not finite.all():
        raise SchemaError(
            f"{np.count_nonzero(~finite)} regions hold scores that are not finite, first region "
            f"{np.argmin(finite)} of the block: replace them by 0"
        )
    return signed_sqrt(scores) if motifs.attrs["sqrt_transform"] else scores


def region_widths(regions: "xr.Dataset") -> NDArray[np.int64]:
    """Width ``(region,)`` of each region: its own, or that of the arrays.

    Parameters
    ----------
    regions : xarray.Dataset
        A block of regions.

    Raises
    ------
    SchemaError
        If a width is negative, or larger than that of the arrays.
    """
    count, length = regions.sizes["region"], regions.sizes["position"]
    if "region_width" not in regions:
        return np.full(count, length, dtype=np.int64)
    widths = np.array(regions["region_width"].values, dtype=np.int64)
    inside = (widths >= 0) & (widths <= length)
    if not inside.all():
        first = int(np.argmin(inside))
        raise SchemaError(
            f"region_width is {widths[first]} in region {first} of a block of {length} positions, "
            "expected a width from 0 to that: extract the regions again"
        )
    return widths


def given_scales(regions: "xr.Dataset") -> NDArray[np.float64]:
    """Scale ``(region,)`` that each region is given; NaN where it is to be computed.

    Parameters
    ----------
    regions : xarray.Dataset
        A block of regions.

    Raises
    ------
    SchemaError
        If a given scale is negative or not finite.
    """
    if "region_scale" not in regions:
        return np.full(regions.sizes["region"], np.nan)
    scales = np.array(regions["region_scale"].values, dtype=np.float64)
    usable = np.isfinite(scales) & (scales >= 0)
    if not usable.all():
        first = int(np.argmin(usable))
        raise SchemaError(
            f"region_scale is {scales[first]} in region {first} of the block, expected a number "
            "from 0: leave the variable out to have scales computed"
        )
    return scales


def region_scales(regions: "xr.Dataset", scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale ``(region,)``: as given, or else the root of the mean squared score per base.

    Parameters
    ----------
    regions : xarray.Dataset
        A block of regions.
    scores : array, ``(region, rows, position)``
        From :func:`problem_scores`.
    """
    given, widths = given_scales(regions), region_widths(regions)
    inside = np.arange(scores.shape[2]) < widths[:, None, None]
    squares = (scores**2).sum(axis=(1, 2), where=inside)
    computed = np.sqrt(squares / np.maximum(widths, 1))
    return np.where(np.isnan(given), computed, given)


def placed(
    motifs: "xr.Dataset", motif: NDArray[np.int64], core_start: NDArray[np.int64]
) -> dict[str, Any]:
    """Where hits lie: columns for :func:`finemo_zarr.model.create_hits`.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented motifs.
    motif, core_start : arrays of int, ``(hit,)``
        Motif, and the first base of its core relative to the region.
    """
    start, end, width = (
        motifs[name].values[motif] for name in ("motif_start", "motif_end", "motif_width")
    )
    return {
        "motif": motif,
        "start": core_start,
        "end": core_start + end - start,
        "start_untrimmed": core_start - start,
        "end_untrimmed": core_start - start + width,
    }
