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


def region_scales(regions: "xr.Dataset", scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the scores of each region are divided by, ``(region,)``.

    The root of the sum of their squares over the width, unless it is given.

    Parameters
    ----------
    regions : xarray.Dataset
        A block of regions.
    scores : array, ``(region, rows, position)``
        From :func:`problem_scores`; zero behind a region that is less wide than the array.
    """
    if "region_scale" in regions:
        return np.asarray(regions["region_scale"].values, dtype=np.float64)
    widths = regions.get("region_width")
    width = scores.shape[2] if widths is None else widths.values
    scales: NDArray[np.float64] = np.sqrt((scores**2).sum(axis=(1, 2)) / width)
    return scales


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
