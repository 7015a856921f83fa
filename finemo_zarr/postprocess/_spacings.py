"""Which spacings are more frequent than those around them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class SpacingTest(NamedTuple):
    """Arrays ``(arrangement, spacing)``.

    Parameters
    ----------
    observed : array of int64
        Pairs.
    expected : array of float64
        Mean count of the spacings around.
    pvalue, qvalue : array of float64
        Of a larger count than expected.
    """

    observed: NDArray[np.int64]
    expected: FloatArray
    pvalue: FloatArray
    qvalue: FloatArray


def compare_spacings(count: NDArray[np.int64], reach: int, rate: float = 0.01) -> SpacingTest:
    """Compare each count with those of the spacings around it.

    If all spacings of a window are alike, the share of its pairs that one of them has is binomial,
    with one over the number of spacings. Near the ends the window is not shorter, but lies to one
    side. What is found once is then left out of the background of the others, so that a weaker
    spacing beside a strong one is seen.

    Parameters
    ----------
    count : array of int64, ``(arrangement, spacing)``
        Pairs.
    reach : int
        Spacings on either side that make the background.
    rate : float
        False-discovery rate at which a spacing is left out of the background.
    """
    background = np.ones(count.shape, dtype=np.bool_)
    first = _compare(count, reach, background)
    return _compare(count, reach, first.qvalue > rate)


def _compare(count: NDArray[np.int64], reach: int, background: NDArray[np.bool_]) -> SpacingTest:
    from scipy.stats import binom, false_discovery_control

    pairs = _in_window(np.where(background, count, 0), reach) - np.where(background, count, 0)
    number = _in_window(background.astype(np.int64), reach) - background
    expected = np.divide(pairs, number, out=np.zeros(count.shape), where=number > 0)
    pvalue = np.ones(count.shape)
    # What is not above the background is not rare.
    high = (count > expected) & (number > 0)
    total = pairs + count
    pvalue[high] = binom.sf(count[high] - 1, total[high], 1 / (number[high] + 1))
    qvalue = np.ones(count.shape)
    tested = total > 0
    qvalue[tested] = false_discovery_control(pvalue[tested])
    return SpacingTest(count, expected, pvalue, qvalue)


def _in_window(values: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
    """Sums over the windows of all spacings."""
    n_spacings = values.shape[1]
    size = min(2 * reach + 1, n_spacings)
    first = np.clip(np.arange(n_spacings) - reach, 0, n_spacings - size)
    sums = np.zeros((len(values), n_spacings + 1), dtype=np.int64)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums[:, first + size] - sums[:, first]
