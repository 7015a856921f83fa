"""The problem as dense tensors, and one step of the solver `prox-gradient`.

Coefficients and products are ``(slot, motif, position)``, with the position where the core starts:
what is convolved is as wide as the widest core, and both placements are a mask.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr._optional import import_optional
from finemo_zarr.problem import LARGEST_IMPORTANCE_SCALE, allowed_positions
from finemo_zarr.sequence import one_hot
from finemo_zarr.solvers._columns import core_weights, equal_motifs

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
Tensor = Any


def import_torch() -> Any:
    """Import torch, or say which extra installs it."""
    return import_optional("torch", extra="torch", purpose="The solver prox-gradient")


class Block(NamedTuple):
    """Regions on the host, scaled, in double precision."""

    scores: FloatArray  # (region, rows, position)
    codes: NDArray[np.uint8]  # (region, position)
    hypothetical: bool


class Kernels(NamedTuple):
    """What is convolved."""

    weights: Tensor  # (motif, base, widest core)
    penalised: Tensor  # the same over lambda
    lambdas: Tensor  # (motif,)


class Bank(NamedTuple):
    """Motifs on the device."""

    kernels: Kernels
    allowed: Tensor  # (motif, position)
    widths: NDArray[np.int64]  # core widths that occur
    width_index: Tensor  # (motif,): which of them
    equal: list[tuple[int, int]]  # motifs that cannot be told apart: not called, called


class Data(NamedTuple):
    """Regions on the device."""

    scores: Tensor  # (slot, base, position), zero where not visible
    visible: Tensor  # (slot, base, position): 1 where a motif shows
    importance: Tensor  # (slot, motif, position): importance scale, 0 where not allowed


def make_bank(
    motifs: "xr.Dataset", length: int, device: str, dtype: Any, *, reference: bool = False
) -> Bank:
    """Put oriented motifs on a device; the reference's are of half precision."""
    torch = import_torch()
    weights, lambdas = core_weights(motifs), motifs.motif_lambda.values.astype(np.float64)
    if reference:
        weights = weights.astype(np.float16).astype(np.float64)
    widths, which = np.unique(
        (motifs.motif_end - motifs.motif_start).values.astype(np.int64), return_inverse=True
    )
    arrays = (weights, weights / lambdas[:, None, None], lambdas)
    return Bank(
        kernels=Kernels(*(torch.as_tensor(a, dtype=dtype, device=device) for a in arrays)),
        allowed=torch.as_tensor(allowed_positions(motifs, length), device=device),
        widths=widths,
        width_index=torch.as_tensor(which, device=device),
        equal=equal_motifs(motifs),
    )


def load(bank: Bank, block: Block, regions: NDArray[np.int64]) -> Data:
    """Put regions on the device and in the precision of a bank."""
    torch = import_torch()
    scores = block.scores[regions]
    visible = np.ones_like(scores) if block.hypothetical else one_hot(block.codes[regions])
    energy = _core_energies((scores**2).sum(axis=1), bank.widths)
    scale = np.minimum((energy + 1) ** -0.5, LARGEST_IMPORTANCE_SCALE)
    to = {"dtype": bank.kernels.weights.dtype, "device": bank.kernels.weights.device}
    importance = torch.as_tensor(scale, **to).index_select(1, bank.width_index)
    return Data(
        scores=torch.as_tensor(scores * visible, **to),
        visible=torch.as_tensor(visible, **to),
        importance=importance.mul_(bank.allowed),
    )


def _core_energies(squares: FloatArray, widths: NDArray[np.int64]) -> FloatArray:
    """Sums ``(region, width, position)`` of squares from each position on, as far as they go."""
    length = squares.shape[1]
    sums = np.pad(np.cumsum(squares, axis=1), ((0, 0), (1, 0)))
    starts = np.arange(length)
    ends = np.minimum(starts + widths[:, None], length)
    energies: FloatArray = sums[:, ends] - sums[:, None, :length]
    return energies


class _View(NamedTuple):
    """What a point looks like: products over lambda, and the sums of the duality gap."""

    products: Tensor  # (slot, motif, position)
    peak: Tensor  # (slot,): largest product
    squares: Tensor  # (slot,): of the residual
    overlap: Tensor  # (slot,): residual times scores
    penalty: Tensor  # (slot,)


def _look(torch: Any, point: Tensor, kernels: Kernels, data: Data) -> _View:
    functional = torch.nn.functional
    # Apple's devices have no double precision.
    exact = torch.float32 if point.device.type == "mps" else torch.float64
    width, length = kernels.weights.shape[2], point.shape[2]
    explained = functional.conv_transpose1d(point * data.importance, kernels.weights)
    residual = torch.addcmul(data.scores, explained[..., :length], data.visible, value=-1)
    products = functional.conv1d(functional.pad(residual, (0, width - 1)), kernels.penalised)
    products = products.mul_(data.importance)
    left, scores = residual.to(exact), data.scores.to(exact)
    return _View(
        products=products,
        peak=products.amax(dim=(1, 2)).to(exact),
        squares=(left * left).sum(dim=(1, 2)),
        overlap=(left * scores).sum(dim=(1, 2)),
        penalty=(point.sum(dim=2).to(exact) * kernels.lambdas.to(exact)).sum(dim=1),
    )


def _gap(view: _View, *, reference: bool) -> Tensor:
    """Duality gap ``(slot,)``; the reference's leaves the shrinkage off one of the terms."""
    shrink = 1 / view.peak.clamp(min=1.0)
    overlap = view.overlap if reference else view.overlap * shrink
    return 0.5 * view.squares * (1 + shrink**2) + view.penalty - overlap


def evaluate(bank: Bank, data: Data, coefficients: Tensor) -> tuple[FloatArray, FloatArray]:
    """Squares of the residual and duality gap, ``(slot,)`` each, at coefficients."""
    view = _look(import_torch(), coefficients, bank.kernels, data)
    return view.squares.cpu().numpy(), _gap(view, reference=False).cpu().numpy()


Step = Callable[..., tuple[Tensor, Tensor, Tensor]]
"""``step(point, coefficients, numbers, kernels, data, reference=...)``, see :func:`make_step`."""


@lru_cache
def make_step(*, compiled: bool) -> Step:
    """Return the step, compiled if asked for; the same each time, so that it is compiled once."""
    torch = import_torch()

    def step(
        point: Tensor,
        coefficients: Tensor,
        numbers: Tensor,
        kernels: Kernels,
        data: Data,
        *,
        reference: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Take a proximal gradient step from `point`, then momentum.

        `numbers` ``(2, slot)`` are step size and momentum. Returns the next point, the next
        coefficients, and the duality gap ``(slot,)`` at the point that was given.
        """
        view = _look(torch, point, kernels, data)
        size, momentum = numbers[:, :, None, None]
        size = size * kernels.lambdas[:, None]
        following = view.products.sub_(1.0).mul_(size).add_(point).clamp_(min=0.0)
        ahead = coefficients.lerp(following, 1 + momentum)
        return ahead, following, _gap(view, reference=reference)

    compiled_step: Step = torch.compile(step, dynamic=True) if compiled else step
    return compiled_step


def merge_equal(bank: Bank, coefficients: Tensor) -> Tensor:
    """Give what lies on columns that cannot be told apart to the one that is called."""
    for other, called in bank.equal:
        both = bank.allowed[other] & bank.allowed[called]
        coefficients[:, called] += coefficients[:, other] * both
        coefficients[:, other] *= ~both
    return coefficients
