"""The one loop that takes long, compiled."""

from typing import Any

from numba import njit  # noqa: TID253 - this module is imported where it is used


@njit(nogil=True, fastmath=True)
def norms(a: Any, b: Any, apart: Any, together: Any) -> None:
    """Write the L1 norms of the differences and sums of rows to `apart` and `together`.

    Parameters
    ----------
    a : array, ``(n, value)``
        Rows.
    b : array, ``(m, value)``
        Rows.
    apart, together : arrays, ``(n, m)``
        The results.
    """
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            difference, total = 0.0, 0.0
            for k in range(a.shape[1]):
                difference += abs(a[i, k] - b[j, k])
                total += abs(a[i, k] + b[j, k])
            apart[i, j], together[i, j] = difference, total
