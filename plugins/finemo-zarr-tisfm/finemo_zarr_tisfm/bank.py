"""The motifs of a model: their kernels, and how a score becomes an occupancy at the start."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]

_BINS = 2000  # of the distribution of a score
_LOW, _HIGH = 0.1, 0.9  # occupancies through which the logistic curve is laid


@dataclass(frozen=True, eq=False)
class MotifBank:
    """Kernels of motifs, one for each; the other strand is derived from it.

    Parameters
    ----------
    names : tuple of str
        Names of the motifs.
    kernels : array, ``(motif, 4, width)``
        Base probabilities, in the middle of the widest motif's width, else zeros.
    starts, widths : array of int, ``(motif,)``
        First column of the motif in its kernel, and its width, bp.
    """

    names: tuple[str, ...]
    kernels: FloatArray
    starts: NDArray[np.int64]
    widths: NDArray[np.int64]

    @property
    def width(self) -> int:
        """Width of the kernels, bp."""
        return int(self.kernels.shape[-1])

    def __len__(self) -> int:
        return len(self.names)


def make_bank(motifs: "xr.Dataset") -> MotifBank:
    """Make the kernels of a motifs dataset that is not oriented.

    Raises
    ------
    SchemaError
        If the motifs have no base probabilities, or there is none.
    """
    if "motif_ppm" not in motifs:
        raise SchemaError(
            "the motifs have no base probabilities (motif_ppm), which are the kernels of the model;"
            " give motifs in MEME format, or from TF-MoDISco"
        )
    names = tuple(str(name) for name in motifs["motif_name"].values)
    if not names:
        raise SchemaError("no motifs: the motif file is empty")
    widths = motifs["motif_width"].values.astype(np.int64)
    widest = int(widths.max())
    starts = (widest - widths) // 2
    kernels = np.zeros((len(names), 4, widest))
    for kernel, ppm, start, width in zip(
        kernels, motifs["motif_ppm"].values, starts, widths, strict=True
    ):
        kernel[:, start : start + width] = ppm[:, :width]
    return MotifBank(names, kernels, starts, widths)


def read_bank(path: Path) -> MotifBank:
    """Read the motifs of a file of any format that finemo-zarr reads.

    Raises
    ------
    ReadError
        If the file cannot be read.
    SchemaError
        If its motifs have no base probabilities.
    """
    from finemo_zarr import read_motifs

    try:
        return make_bank(read_motifs(path))
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error


def fit_calibration(kernels: FloatArray, power: float) -> tuple[FloatArray, FloatArray]:
    """Scale and bias ``(motif,)`` by which the sigmoid of a score follows its distribution.

    The distribution is that of scores of random sequence; raised to a power `n`, it is that of the
    largest of `n` scores. The logistic curve has the same 10% and 90% points.

    Parameters
    ----------
    kernels : array, ``(motif, 4, width)``
        Kernels.
    power : float
        The power: the larger, the rarer is an occupancy above one half.
    """
    if not power >= 1:
        raise SchemaError(f"the power of the calibration is {power}, expected at least 1")
    points = np.array([_quantiles(kernel, power) for kernel in kernels])
    low, high = points[:, 0], points[:, 1]
    scale = (_logit(_HIGH) - _logit(_LOW)) / np.maximum(high - low, 1e-6)
    return scale, _logit(_HIGH) - scale * high


def _quantiles(kernel: FloatArray, power: float) -> list[float]:
    """Scores at which the distribution, raised to a power, passes the two occupancies."""
    columns = kernel[:, kernel.any(axis=0)]
    low, high = columns.min(axis=0).sum(), columns.max(axis=0).sum()
    if not high > low:
        return [low - 1.0, low + 1.0]  # a kernel that tells no sequence from another
    step = (high - low) / _BINS
    chances = np.ones(1)
    for column in columns.T:
        moves = np.round((column - column.min()) / step).astype(int)
        reached = np.zeros(len(chances) + moves.max())
        for move in moves:
            reached[move : move + len(chances)] += chances / 4
        chances = reached
    below = np.cumsum(chances)
    index = np.searchsorted(below, np.array([_LOW, _HIGH]) ** (1 / power))
    scores: list[float] = (low + step * np.minimum(index, len(below) - 1)).tolist()
    # A short motif reaches its best score too often to be told apart by it.
    if not scores[1] - scores[0] > step:
        scores[0] = scores[1] - 0.1 * (high - low)
    return scores


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def describe(bank: MotifBank) -> dict[str, Any]:
    """What is kept of a bank beside its kernels, as JSON can hold it."""
    return {
        "names": list(bank.names),
        "starts": bank.starts.tolist(),
        "widths": bank.widths.tolist(),
    }
