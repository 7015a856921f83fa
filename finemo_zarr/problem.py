r"""The problem that every solver of this package solves, as its definition in plain NumPy.

For one region, :math:`\hat x` are the scores divided by the region's scale, and the columns of
:math:`A` are the motifs placed at every permitted position. Hits are the non-zero coefficients of

.. math:: \min_{c \ge 0} \; f(c) = \tfrac12 \lVert \hat x - A c \rVert^2 + \sum_m \lambda_m
   \sum_q c_{mq},

the non-negative convolutional lasso of Fi-NeMo. Solvers are judged by this module, at the
coefficients they return; it is written to be read, not to be fast.

Coefficients are arrays ``(motif, position)``; the position `q` is where the *core* of the motif
starts, so that the untrimmed motif starts at ``q - motif_start``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.sequence import one_hot, project

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]

LARGEST_IMPORTANCE_SCALE = 10.0


@dataclass(frozen=True)
class RegionProblem:
    """The problem of one region.

    Parameters
    ----------
    scores : array, ``(4, position)``
        Scaled scores; on projected scores, zero but at the observed bases.
    visible : array of 0 and 1, ``(4, position)``
        Where a motif shows: the one-hot sequence for projected scores, all ones for hypothetical.
    scale : float
        What the region's scores were divided by, 0 for a region without scores.
    cores : list of arrays, each ``(4, core)``
        Weights of the oriented motifs within their cores.
    lambdas : array, ``(motif,)``
        Penalties.
    allowed : array of bool, ``(motif, position)``
        Where the core of a motif may start.
    """

    scores: FloatArray
    visible: FloatArray
    scale: float
    cores: list[FloatArray]
    lambdas: FloatArray
    allowed: NDArray[np.bool_]

    def importance_scale(self) -> FloatArray:
        """Scale ``(motif, position)`` of each column: the larger the scores, the smaller it is.

        One over the root of one plus the squared scores under the core, at most 10; 0 where the
        motif may not be placed.
        """
        sums = np.concatenate([[0.0], np.cumsum((self.scores**2).sum(axis=0))])
        scale = np.zeros(self.allowed.shape)
        for index, core in enumerate(self.cores):
            starts = np.flatnonzero(self.allowed[index])
            energy = sums[starts + core.shape[1]] - sums[starts]
            scale[index, starts] = np.minimum((energy + 1) ** -0.5, LARGEST_IMPORTANCE_SCALE)
        return scale

    def forward(self, coefficients: FloatArray) -> FloatArray:
        """``A c``: the scores ``(4, position)`` that the coefficients explain."""
        scaled = coefficients * self.importance_scale()
        explained = np.zeros_like(self.scores)
        for motif, start in zip(*np.nonzero(scaled), strict=True):
            core = self.cores[motif]
            explained[:, start : start + core.shape[1]] += scaled[motif, start] * core
        return explained * self.visible

    def correlate(self, residual: FloatArray) -> FloatArray:
        """``A' r``: the product ``(motif, position)`` of each column with a residual."""
        shown = residual * self.visible
        products = np.zeros(self.allowed.shape)
        for index, core in enumerate(self.cores):
            width = core.shape[1]
            if width <= shown.shape[1]:
                windows = np.lib.stride_tricks.sliding_window_view(shown, width, axis=1)
                products[index, : windows.shape[1]] = np.einsum("bqw,bw->q", windows, core)
        return products * self.importance_scale()

    def residual(self, coefficients: FloatArray) -> FloatArray:
        """What the coefficients leave of the scores, ``(4, position)``."""
        return self.scores - self.forward(coefficients)

    def objective(self, coefficients: FloatArray) -> float:
        """``f(c)``, to be minimised."""
        squares = 0.5 * (self.residual(coefficients) ** 2).sum()
        return float(squares + (self.lambdas[:, None] * coefficients).sum())

    def gradient(self, coefficients: FloatArray) -> FloatArray:
        """Gradient ``(motif, position)`` of the objective where a motif may be placed, else 0."""
        products = self.correlate(self.residual(coefficients))
        return np.where(self.allowed, self.lambdas[:, None] - products, 0.0)

    def duality_gap(self, coefficients: FloatArray) -> float:
        """How far the objective can be from its minimum, at most.

        The residual, shrunk until no column exceeds its penalty, is a point of the dual problem;
        the gap is the difference of the two objectives there.
        """
        residual = self.residual(coefficients)
        excess = (self.correlate(residual) / self.lambdas[:, None]).max(initial=0.0)
        shrunk = residual * (1 / max(excess, 1.0))
        dual = 0.5 * (self.scores**2).sum() - 0.5 * ((self.scores - shrunk) ** 2).sum()
        return float(self.objective(coefficients) - dual)

    def lambda_max(self) -> float:
        """The smallest common penalty at which all coefficients are zero."""
        return float(self.correlate(self.scores).max(initial=0.0))


def region_problem(regions: "xr.Dataset", index: int, motifs: "xr.Dataset") -> RegionProblem:
    """The problem of region `index` of a regions dataset, with oriented motifs.

    A region is as wide as its ``region_width`` says, if it has one. Its scores are divided by its
    ``region_scale``, if it is given one, or else by the root of their mean square per base.

    Parameters
    ----------
    regions : xarray.Dataset
        A regions dataset without tracks.
    index : int
        Position along `region`.
    motifs : xarray.Dataset
        From :func:`finemo_zarr.motifs.prepare_motifs`.
    """
    width = int(regions.region_width[index]) if "region_width" in regions else None
    codes = regions.region_sequence.values[index, :width]
    scores = regions.region_contributions.values[index, ..., :width].astype(np.float64)
    hypothetical = motifs.attrs["mode"][1] == "h"
    visible = np.ones((4, codes.size)) if hypothetical else one_hot(codes, np.float64)
    if not hypothetical:
        scores = (scores if scores.ndim == 1 else project(scores, codes)) * visible
    if motifs.attrs["sqrt_transform"]:
        scores = np.sign(scores) * np.sqrt(np.abs(scores))
    scale = float(np.sqrt((scores**2).sum() / max(codes.size, 1)))
    if "region_scale" in regions:
        scale = float(regions.region_scale[index])
    starts, ends = motifs.motif_start.values, motifs.motif_end.values
    weights = motifs.motif_weights.values
    return RegionProblem(
        scores=scores / scale if scale > 0 else np.zeros_like(scores),
        visible=visible,
        scale=scale,
        cores=[w[:, start:end] for w, start, end in zip(weights, starts, ends, strict=True)],
        lambdas=motifs.motif_lambda.values.astype(np.float64),
        allowed=allowed_positions(motifs, codes.size),
    )


def allowed_positions(motifs: "xr.Dataset", length: int) -> NDArray[np.bool_]:
    """Where the core of each oriented motif may start in a region, ``(motif, position)``.

    Wherever the core fits, or, with placement ``full``, wherever the untrimmed motif does.
    """
    positions = np.arange(length)
    start, end, width = (
        motifs[name].values[:, None] for name in ("motif_start", "motif_end", "motif_width")
    )
    if motifs.attrs["placement"] == "full":
        fits_whole: NDArray[np.bool_] = (positions >= start) & (positions - start + width <= length)
        return fits_whole
    fits: NDArray[np.bool_] = positions + end - start <= length
    return fits


def coefficients_of(hits: "xr.Dataset", index: int, motifs: "xr.Dataset", length: int) -> Any:
    """The coefficients ``(motif, position)`` of region `index` from a hits dataset."""
    coefficients = np.zeros((motifs.sizes["motif"], length))
    own = hits.isel(hit=np.flatnonzero(hits.hit_region.values == index))
    coefficients[own.hit_motif.values, own.hit_start.values] = own.hit_coefficient.values
    return coefficients
