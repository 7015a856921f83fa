"""The iteration of the solver `prox-gradient`: slots that regions enter and leave."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.solvers._prox_gradient_problem import (
    Bank,
    Block,
    Data,
    Step,
    Tensor,
    evaluate,
    import_torch,
    load,
    merge_equal,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Idle slots are worth carrying along until they are this share: leaving them behind is a copy.
_IDLE = 0.25
# Share of a batch that is evaluated at once in double precision.
_EVALUATED = 0.125


class Settings(NamedTuple):
    """What the iteration is asked for."""

    tolerance: float
    max_steps: int
    size_max: float
    size_min: float
    adjust: float
    reference: bool
    step: Step


@dataclass
class Answer:
    """What is known of the regions of a block, ``(region,)``, and their coefficients."""

    squares: FloatArray
    gap: FloatArray
    steps: IntArray
    step_size: FloatArray
    converged: BoolArray
    done: BoolArray
    coefficients: list[FloatArray] = field(default_factory=list)
    """Parts of a table ``(4, coefficient)``: region, motif, position, value."""

    @classmethod
    def of(cls, count: int) -> "Answer":
        """Nothing known yet."""
        numbers, flags = np.zeros((3, count)), np.zeros((2, count), dtype=bool)
        return cls(numbers[0], numbers[1], np.zeros(count, np.int64), numbers[2], *flags)


@dataclass
class _Slots:
    """Where the iteration of each region in work stands; region -1 is an idle slot."""

    region: IntArray
    step_size: FloatArray
    age: IntArray  # steps since the start, or the last reset
    steps: IntArray
    data: Data
    point: Tensor
    coefficients: Tensor


def solve_block(
    block: Block, banks: tuple[Bank, Bank], settings: Settings, batch_size: int
) -> Answer:
    """Solve all regions of a block, in smaller batches if memory does not suffice.

    Parameters
    ----------
    block : Block
        The regions.
    banks : two Banks
        The motifs, to iterate with and, in double precision, to evaluate with.
    settings : Settings
        Tolerance, steps and rules.
    batch_size : int
        Slots at most.

    Raises
    ------
    RunError
        If not even one region fits into the device's memory.
    """
    answer = Answer.of(len(block.codes))
    while not answer.done.all():
        try:
            _iterate(block, banks, settings, batch_size, answer)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise RunError(
                    f"one region of {block.codes.shape[1]} bp with {len(banks[0].allowed)} oriented"
                    f" motifs does not fit into the memory of {banks[0].allowed.device}: use the "
                    "solver coordinate-descent, or fewer motifs (-I)"
                ) from error
        else:
            continue
        batch_size = batch_size // 2
        _release_memory()
    return answer


def _is_out_of_memory(error: Exception) -> bool:
    message = str(error).lower()
    return (
        isinstance(error, (MemoryError, import_torch().OutOfMemoryError))
        or "out of memory" in message
        or "can't allocate memory" in message
        or "not enough memory" in message
    )


def _release_memory() -> None:
    torch = import_torch()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _iterate(
    block: Block, banks: tuple[Bank, Bank], settings: Settings, batch_size: int, answer: Answer
) -> None:
    """Solve the regions that are not done."""
    waiting = deque(np.flatnonzero(~answer.done).tolist())
    slots = _start(banks[0], block, _take(waiting, min(batch_size, len(waiting))), settings)
    while slots.region.size:
        near = _advance(banks[0], slots, settings)
        leaving = near | (slots.steps >= settings.max_steps)
        leaving |= slots.step_size < settings.size_min
        candidates = np.flatnonzero(leaving & (slots.region >= 0))
        at_once = max(1, int(_EVALUATED * slots.region.size))
        for first in range(0, candidates.size, at_once):
            _finish(
                block, banks[1], slots, candidates[first : first + at_once], near, settings, answer
            )
        slots = _refill(banks[0], block, slots, waiting, settings)


def _take(waiting: "deque[int]", count: int) -> IntArray:
    return np.array([waiting.popleft() for _ in range(count)], dtype=np.int64)


def _start(bank: Bank, block: Block, regions: IntArray, settings: Settings) -> _Slots:
    data = load(bank, block, regions)
    return _Slots(
        region=regions,
        step_size=np.full(regions.size, settings.size_max),
        age=np.zeros(regions.size, dtype=np.int64),
        steps=np.zeros(regions.size, dtype=np.int64),
        data=data,
        point=data.importance.new_zeros(data.importance.shape),
        coefficients=data.importance.new_zeros(data.importance.shape),
    )


def _advance(bank: Bank, slots: _Slots, settings: Settings) -> BoolArray:
    """Take one step in every slot; return which of them look converged."""
    momentum = slots.age / (slots.age + 3)
    numbers = bank.kernels.weights.new_tensor(np.stack([slots.step_size, momentum]))
    slots.point, slots.coefficients, gap = settings.step(
        slots.point,
        slots.coefficients,
        numbers,
        bank.kernels,
        slots.data,
        reference=settings.reference,
    )
    gaps = np.abs(gap.cpu().numpy()) / slots.point.shape[2]
    slots.age += 1
    slots.steps += 1
    if (diverged := np.flatnonzero(~np.isfinite(gaps))).size:
        slots.point[diverged] = 0
        slots.coefficients[diverged] = 0
        slots.age[diverged] = 0
        slots.step_size[diverged] *= settings.adjust
    near: BoolArray = gaps <= settings.tolerance
    return near


def _finish(
    block: Block,
    bank: Bank,
    slots: _Slots,
    at: IntArray,
    near: BoolArray,
    settings: Settings,
    answer: Answer,
) -> None:
    """Evaluate regions and note those that are done, whose slots become idle.

    By the correct rule a region has converged if the gap at the coefficients that are returned
    says so; where it does not, the region stays.
    """
    regions = slots.region[at]
    coefficients = merge_equal(bank, slots.coefficients[at].to(bank.kernels.weights))
    squares, gap = evaluate(bank, load(bank, block, regions), coefficients)
    close = gap / block.codes.shape[1] <= settings.tolerance
    stays = near[at] & ~close & (slots.steps[at] < settings.max_steps)
    leaves = np.flatnonzero(~stays | settings.reference)
    slot, motif, position = coefficients[leaves].nonzero(as_tuple=True)
    values = coefficients[leaves][slot, motif, position]
    found = [index.cpu().numpy() for index in (slot, motif, position, values)]
    # No device memory is needed from here on: a region is not left half noted.
    done = regions[leaves]
    answer.coefficients.append(np.stack([done[found[0]], *found[1:]]))
    answer.squares[done] = squares[leaves]
    answer.gap[done] = gap[leaves]
    answer.steps[done] = slots.steps[at[leaves]]
    answer.step_size[done] = slots.step_size[at[leaves]]
    answer.converged[done] = (near[at] if settings.reference else close)[leaves]
    answer.done[done] = True
    slots.region[at[leaves]] = -1


def _refill(
    bank: Bank, block: Block, slots: _Slots, waiting: "deque[int]", settings: Settings
) -> _Slots:
    """Let waiting regions into idle slots; without any, leave idle slots behind."""
    idle = np.flatnonzero(slots.region < 0)
    if waiting and idle.size:
        idle = idle[: len(waiting)]
        entering = _start(bank, block, _take(waiting, idle.size), settings)
        for old, new in zip(_arrays(slots), _arrays(entering), strict=True):
            old[idle] = new
    elif idle.size > _IDLE * slots.region.size:
        kept = np.flatnonzero(slots.region >= 0)
        region, step_size, age, steps, *data, point, coefficients = (
            array[kept] for array in _arrays(slots)
        )
        return _Slots(region, step_size, age, steps, Data(*data), point, coefficients)
    return slots


def _arrays(slots: _Slots) -> tuple[Any, ...]:
    return (
        slots.region,
        slots.step_size,
        slots.age,
        slots.steps,
        *slots.data,
        slots.point,
        slots.coefficients,
    )
