"""Hypothesis strategies for small datasets with everything that real ones can hold."""

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from finemo_zarr.model import create_motifs, create_regions
from finemo_zarr.sequence import NO_BASE

if TYPE_CHECKING:
    import xarray as xr

_EITHER = st.booleans()
_FEW_REGIONS = st.integers(0, 6)
_FEW_MOTIFS = st.integers(1, 5)
_WIDTHS = st.integers(1, 60)
_DTYPES = st.sampled_from([np.float16, np.float32, np.float64])
_SEEDS = st.integers(0, 2**32 - 1)


def base_codes(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[np.uint8]]:
    """Base codes of a shape, some of them "no base"."""
    # An array from one integer: drawing each base by itself makes large examples slow and
    # shrinking slower.
    return st.builds(
        lambda seed, without: _codes(seed, without, shape),
        _SEEDS,
        st.sampled_from([0.0, 0.1, 1.0]),
    )


def _codes(seed: int, without: float, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    codes: NDArray[np.uint8] = rng.integers(0, NO_BASE, size=shape, dtype=np.uint8)
    codes[rng.random(shape) < without] = NO_BASE
    return codes


@st.composite
def regions(
    draw: st.DrawFn,
    *,
    n_regions: st.SearchStrategy[int] = _FEW_REGIONS,
    width: st.SearchStrategy[int] = _WIDTHS,
    hypothetical: st.SearchStrategy[bool] = _EITHER,
    dtype: st.SearchStrategy[Any] = _DTYPES,
    coordinates: st.SearchStrategy[bool] = _EITHER,
) -> "xr.Dataset":
    """Regions datasets in memory, projected or hypothetical.

    Among them are blocks without regions, bases that are missing, and regions of zeros. Projected
    scores are 0 where there is no base.

    Parameters
    ----------
    draw : function
        Given by Hypothesis.
    n_regions : strategy of int
        Number of regions.
    width : strategy of int
        Their width, bp.
    hypothetical : strategy of bool
        Whether scores are hypothetical.
    dtype : strategy of dtype
        Type of the scores.
    coordinates : strategy of bool
        Whether the regions have coordinates.
    """
    count, length, full = draw(n_regions), draw(width), draw(hypothetical)
    codes = draw(base_codes((count, length)))
    rng = np.random.default_rng(draw(_SEEDS))
    scores = rng.normal(size=(count, 4, length) if full else (count, length))
    scores[rng.random(count) < draw(st.sampled_from([0.0, 0.3]))] = 0
    if not full:
        scores[codes == NO_BASE] = 0
    scores = (scores * draw(st.sampled_from([1.0, 0.01]))).astype(draw(dtype))
    where = _coordinates(rng, count, length) if draw(coordinates) else None
    return create_regions(codes, scores, coordinates=where)


def _coordinates(rng: np.random.Generator, count: int, length: int) -> dict[str, Any]:
    """Coordinates in any order, overlapping, some before the chromosome begins."""
    start = rng.integers(-length, 10 * length, size=count)
    return {
        "chrom": rng.choice(["chr1", "chr10", "chrX"], size=count),
        "start": start,
        "end": start + length,
        "name": [f"peak{index}" for index in range(count)],
        "id": np.arange(count),
    }


@st.composite
def motifs(
    draw: st.DrawFn,
    *,
    n_motifs: st.SearchStrategy[int] = _FEW_MOTIFS,
    max_width: int = 12,
    complete: st.SearchStrategy[bool] = _EITHER,
) -> "xr.Dataset":
    """Motifs datasets, not oriented: of different widths, positive or negative.

    Among them are motifs of one column and exact palindromes; no CWM is all zero.

    Parameters
    ----------
    draw : function
        Given by Hypothesis.
    n_motifs : strategy of int
        Number of motifs.
    max_width : int
        Largest width, bp.
    complete : strategy of bool
        Whether there are an hCWM and a PPM.
    """
    count = draw(n_motifs)
    widths = draw(st.lists(st.integers(1, max_width), min_size=count, max_size=count))
    rng = np.random.default_rng(draw(_SEEDS))
    ppm = np.zeros((count, 4, max(widths)))
    hcwm = np.zeros_like(ppm)
    for index, width in enumerate(widths):
        probabilities = rng.dirichlet([0.4] * 4, size=width).T + 1e-3
        if draw(st.sampled_from([False, False, True])):
            probabilities = probabilities + probabilities[::-1, ::-1]
        ppm[index, :, :width] = probabilities / probabilities.sum(axis=0)
        sign = draw(st.sampled_from([1.0, -1.0]))
        hcwm[index, :, :width] = sign * np.log(4 * ppm[index, :, :width])
    return create_motifs(
        [f"motif_{index}" for index in range(count)],
        ppm * hcwm,
        widths=widths,
        matrices={"hcwm": hcwm, "ppm": ppm} if draw(complete) else None,
        labels={"origin": "cwm"},
    )
