"""Matrices of different widths in one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def stack_padded(matrices: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Stack matrices ``(width, 4)`` as ``(motif, 4, widest)``, zeros on the right."""
    widest = max(len(matrix) for matrix in matrices)
    stacked = np.zeros((len(matrices), 4, widest))
    for target, matrix in zip(stacked, matrices, strict=True):
        target[:, : len(matrix)] = matrix.T
    return stacked
