"""What the compiled part of `coordinate-descent` works on.

Notation: `q` is where the core of a motif starts; a *column* is a motif at a `q`; a *slot* is the
place of a motif in the bank (sorted by core; a group has as many as a vector has lanes). Scores
are laid out as ``[position, row]`` with one row (projected) or four (hypothetical), so that what
lies under a core is contiguous in both.

All of it runs without the GIL and without Python objects, and is cached on disk. State is kept in
few arrays: each array that is handed from function to function costs compile time.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from finemo_zarr.solvers._correlate_kernels import MANY_LANES, POSITIONS

# Coefficients are settled when no step changes the explained scores (of mean square 1) by more.
SETTLED = 1e-9

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

# Columns of Bank.places, Bank.groups and Columns.places, and of Columns.numbers.
CORE, BEFORE, BEHIND = range(3)
TABLE, WIDEST, NARROWEST = range(3)
START, MOTIF, SIZE, NEXT = range(4)
COEFFICIENT, NORM, LAMBDA, SCALE = range(4)
# Rows of Region.sums.
ENERGY, LEFT = range(2)

_compile: Any = njit  # its stubs do not know all of its options
# Only one kernel is called from Python: wrappers for the others would take a quarter of the time
# that compiling takes.
_INNER = {
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
kernel = _compile(**_INNER)
reduction = _compile(**_INNER, fastmath={"reassoc", "contract", "nsz"})
entry = _compile(nogil=True, error_model="numpy", no_cfunc_wrapper=True, cache=True)


def sources() -> int:
    """A digest of all files of kernels, for the key under which compiled code is cached.

    The code of a kernel holds that of all kernels it calls, but Numba looks for changes only in
    the file of the first.
    """
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("_*_kernels.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


class Bank(NamedTuple):
    """Motifs as the kernels want them."""

    rows: int  # numbers per base of the scores: 1 projected, 4 hypothetical
    lanes: int  # motifs per group
    weights: Floats  # (motif, 4 * widest core), [position, base]
    lambdas: Floats  # (motif,)
    places: Ints  # (motif, 3): core width, bases needed before the core, and from its start on
    slots: Ints  # (slot,): motif, or -1
    table: Singles  # weights over lambdas of all groups, [step, base, lane] each
    groups: Ints  # (group, 3): start in table, widest and narrowest core
    bounds: Floats  # (group,): largest squared norm of an unscaled column over lambda, of all
    #   groups with these core widths


class Data(NamedTuple):
    """The regions of a block."""

    codes: NDArray[np.uint8]  # (region, position)
    scores: Floats  # (region, rows, position); projected ones are zero where there is no base
    widths: Ints  # (region,): nothing behind is looked at
    scales: Floats  # (region,): NaN where it is to be computed


class Region(NamedTuple):
    """One region, with zeros behind."""

    bases: NDArray[np.int32]  # base codes
    codes: NDArray[np.int32]  # the same, any base where there is none
    scores: Floats
    residual: Floats
    single: Singles  # the residual again
    sums: Floats  # running sums of squared scores and squared residual
    stale: NDArray[
        np.bool_
    ]  # (position,): whether a residual under a core that starts there is new


class Columns(NamedTuple):
    """The working set in order of entry, and the first column at each position."""

    places: Ints  # start, motif, numbers under the core, next column at the same start
    numbers: Floats  # coefficient, squared norm, lambda, importance scale
    values: Floats  # (column, widest): the column of A
    heads: Ints  # (position,): first column that starts there, or -1


class Scan(NamedTuple):
    """Buffers of a pass over the positions."""

    passing: NDArray[np.bool_]
    floors: Singles
    offsets: NDArray[np.int32]
    thresholds: Singles
    products: Singles


def workspace(bank: Bank, length: int, room: int) -> tuple[Region, Scan, Columns]:
    """Buffers for regions of a length, with room for so many columns in the working set.

    Allocated outside of the compiled code, which would take longer to compile than to run.
    """
    pad = bank.weights.shape[1] // 4 + 1
    numbers = (length + pad) * bank.rows
    region = Region(
        bases=np.zeros(length + pad, np.int32),
        codes=np.zeros(length + pad, np.int32),
        scores=np.zeros(numbers),
        residual=np.zeros(numbers),
        single=np.zeros(numbers, np.float32),
        sums=np.zeros((2, length + pad + 1)),
        stale=np.zeros(length, np.bool_),
    )
    scan = Scan(
        passing=np.zeros(length + 1, np.bool_),
        floors=np.zeros(length + 1, np.float32),
        offsets=np.zeros(length + POSITIONS + 1, np.int32),
        thresholds=np.zeros(length + POSITIONS + 1, np.float32),
        products=np.zeros(POSITIONS * MANY_LANES, np.float32),
    )
    columns = Columns(
        places=np.zeros((room, 4), np.int64),
        numbers=np.zeros((room, 4)),
        values=np.zeros((room, bank.weights.shape[1] * bank.rows // 4)),
        heads=np.full(length, -1),
    )
    return region, scan, columns


@reduction
def dot(left, right, start, size):  # type: ignore[no-untyped-def]
    total = 0.0
    for index in range(size):
        total += left[index] * right[start + index]
    return total


@kernel
def violates(slope, norm):  # type: ignore[no-untyped-def]
    """Whether a coefficient of zero should grow: by how much it would is what counts."""
    return slope > SETTLED * np.sqrt(norm)
