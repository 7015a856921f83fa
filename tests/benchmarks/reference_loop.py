"""Fi-NeMo's proximal gradient in NumPy: what the solvers of this package are timed against.

Batched over regions, in single precision, with dense convolutions as matrix products. Regions that
are done leave the batch. `A` is linear, so one convolution each way per step gives the momentum
step and the duality gap; the original takes more.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from finemo_zarr.sequence import one_hot


@dataclass
class Batch:
    """The problems of some regions on projected scores, ``placement full``.

    Shapes: `scores` and `shown` (region, 4, position); `scale` (region, start, motif).
    """

    scores: Any
    shown: Any
    scale: Any
    weights: Any  # (4 * width, motif)
    lambdas: Any

    @classmethod
    def of(cls, regions: Any, motifs: Any) -> "Batch":
        """Scale the scores and lay out the motifs."""
        shown = one_hot(regions.region_sequence.values, np.float32)
        scores = regions.region_contributions.values[:, None] * shown
        norm = np.sqrt((scores**2).sum(axis=(1, 2)) / scores.shape[2])
        scores = scores / np.where(norm > 0, norm, 1)[:, None, None]
        matrices = motifs.motif_weights.values.astype(np.float32)
        sums = np.cumsum((scores**2).sum(axis=1), axis=1, dtype=np.float64)
        sums = np.pad(sums, ((0, 0), (1, 0)))
        starts = np.arange(scores.shape[2] - matrices.shape[2] + 1)[:, None]
        first, last = motifs.motif_start.values, motifs.motif_end.values
        energy = sums[:, starts + last] - sums[:, starts + first]
        scale = np.minimum((energy + 1) ** -0.5, 10).astype(np.float32)
        weights = np.ascontiguousarray(matrices.reshape(len(matrices), -1).T)
        return cls(scores, shown, scale, weights, motifs.motif_lambda.values.astype(np.float32))

    def only(self, kept: Any) -> "Batch":
        """Some of the regions."""
        return Batch(
            self.scores[kept], self.shown[kept], self.scale[kept], self.weights, self.lambdas
        )

    def forward(self, coefficients: Any) -> Any:
        """``A c``: each motif added where it is placed."""
        width = self.weights.shape[0] // 4
        parts = (coefficients * self.scale) @ self.weights.T
        parts = parts.reshape(*parts.shape[:2], 4, width)
        explained = np.zeros_like(self.scores)
        for column in range(width):
            explained[:, :, column : column + parts.shape[1]] += parts[..., column].swapaxes(1, 2)
        return explained * self.shown

    def correlate(self, residual: Any) -> Any:
        """``A' r``: each motif multiplied with what is under it."""
        width = self.weights.shape[0] // 4
        windows = np.lib.stride_tricks.sliding_window_view(residual * self.shown, width, axis=2)
        windows = windows.swapaxes(1, 2).reshape(len(residual), -1, 4 * width)
        return (windows @ self.weights) * self.scale

    def gap(self, coefficients: Any, residual: Any, products: Any) -> Any:
        """Duality gap per base."""
        excess = (products / self.lambdas).max(axis=(1, 2))
        shrink = np.minimum(1, 1 / np.maximum(excess, 1e-30))
        squares = (residual.astype(np.float64) ** 2).sum(axis=(1, 2))
        overlap = (residual.astype(np.float64) * self.scores).sum(axis=(1, 2))
        penalty = (coefficients * self.lambdas).sum(axis=(1, 2))
        gap = 0.5 * (1 + shrink**2) * squares + penalty - shrink * overlap
        return gap / self.scores.shape[2]


@dataclass
class _State:
    """Coefficients, the point ahead of them, and what `A` makes of both."""

    coefficients: Any
    ahead: Any
    residual_ahead: Any
    products_ahead: Any
    residual: Any
    steps: Any
    size: Any

    @classmethod
    def zero(cls, batch: Batch, size: Any) -> "_State":
        zero = np.zeros_like(batch.scale)
        products = batch.correlate(batch.scores)
        steps = np.zeros(len(zero), dtype=np.float32)
        return cls(zero, zero, batch.scores, products, batch.scores, steps, size)

    def only(self, kept: Any) -> "_State":
        return _State(*(value[kept] for value in vars(self).values()))


def solve_by_prox_gradient(
    regions: Any, motifs: Any, *, tolerance: float = 5e-4, max_steps: int = 10_000
) -> tuple[Any, Any]:
    """Coefficients ``(region, start, motif)`` by the untrimmed start, and the steps taken."""
    batch = Batch.of(regions, motifs)
    solved, steps = np.zeros_like(batch.scale), np.zeros(len(batch.scale), dtype=int)
    index = np.arange(len(solved))
    state = _State.zero(batch, np.full(len(solved), 3.0, dtype=np.float32))
    products = state.products_ahead
    for step in range(1, max_steps + 1):
        with np.errstate(all="ignore"):
            state, products = _advance(batch, state, products)
            gap = batch.gap(state.coefficients, state.residual, products)
        lost = ~np.isfinite(gap)
        if lost.any():
            fresh = _State.zero(batch.only(lost), 0.7 * state.size[lost])
            for name, value in vars(fresh).items():
                getattr(state, name)[lost] = value
            products[lost] = fresh.products_ahead
        done = gap <= tolerance
        if done.any() or step == max_steps:
            solved[index], steps[index] = state.coefficients, step
            batch, state, index = batch.only(~done), state.only(~done), index[~done]
            products = products[~done]
        if not index.size:
            break
    return solved, steps


def _advance(batch: Batch, state: _State, products: Any) -> tuple[_State, Any]:
    """One step; also the products of the columns with the new residual."""
    size = state.size[:, None, None]
    moved = state.ahead + size * (state.products_ahead - batch.lambdas)
    new = np.maximum(moved, 0)
    residual = batch.scores - batch.forward(new)
    new_products = batch.correlate(residual)
    momentum = (state.steps / (state.steps + 3))[:, None, None]
    ahead, residual_ahead, products_ahead = (
        (1 + momentum) * now - momentum * before
        for now, before in (
            (new, state.coefficients),
            (residual, state.residual),
            (new_products, products),
        )
    )
    steps = state.steps + 1
    made = _State(new, ahead, residual_ahead, products_ahead, residual, steps, state.size)
    return made, new_products
