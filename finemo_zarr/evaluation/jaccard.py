"""Continuous Jaccard similarity of vectors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CELLS_AT_ONCE = 2**22


def continuous_jaccard(a: NDArray[Any], b: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Shared part of vectors, sign for sign, by the part that either has.

    ``sum(sign(x) sign(y) min(|x|, |y|)) / sum(max(|x|, |y|))``, which equals ``(s - d) / (s + d)``
    where ``s`` is the sum of ``|x + y|`` and ``d`` that of ``|x - y|``. It is 1 for equal vectors,
    -1 for opposite ones, 0 where one is zero, and symmetric.

    Parameters
    ----------
    a : array, ``(row, value)``
        Vectors.
    b : array, ``(column, value)``, optional
        Others; by default `a`.

    Returns
    -------
    array of float, ``(row, column)``
        From -1 to 1.
    """
    from scipy.spatial.distance import cdist

    first = np.asarray(a, np.float64)
    second = first if b is None else np.asarray(b, np.float64)
    if first.shape[0] == 0 or second.shape[0] == 0:
        return np.zeros((len(first), len(second)))
    found = np.empty((len(first), len(second)))
    step = max(1, _CELLS_AT_ONCE // len(second))
    for start in range(0, len(first), step):
        part = first[start : start + step]
        difference = cdist(part, second, "cityblock")
        total = cdist(part, -second, "cityblock")
        either = total + difference
        found[start : start + step] = np.divide(
            total - difference, either, out=np.zeros_like(either), where=either > 0
        )
    return found
