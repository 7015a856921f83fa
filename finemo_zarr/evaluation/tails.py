"""Upper tails of counts, as logarithms: exact far beyond where a probability becomes zero."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_ENOUGH = 1e-16


def log_hypergeometric_tail(
    both: NDArray[Any], first: NDArray[Any], second: NDArray[Any], total: int
) -> FloatArray:
    """Log probability of at least so many in common: Fisher's exact test, "greater".

    Parameters
    ----------
    both : array of int
        How many have both properties.
    first, second : array of int
        How many have the first, and the second; of the same shape.
    total : int
        How many there are.

    Returns
    -------
    array of float
        Natural logarithms, of the same shape.
    """
    shape = np.shape(both)
    k, a, b = (np.asarray(values, dtype=np.float64).ravel() for values in (both, first, second))
    above = k > (a + 1) * (b + 1) / (total + 2)  # beyond the mode, terms fall upwards
    rest = total - a - b
    least = np.maximum(-rest, 0)
    certain = k <= least
    upper = _log_sum(
        k,
        above,
        lambda j, i: (a[i] - j) * (b[i] - j) / ((j + 1) * (rest[i] + j + 1)),
        step=1,
    )
    lower = _log_sum(
        k - 1,
        ~above & ~certain,
        lambda j, i: j * (rest[i] + j) / ((a[i] - j + 1) * (b[i] - j + 1)),
        step=-1,
    )
    start = np.where(certain, least, np.where(above, k, k - 1))
    log_pmf = (
        _log_choose(a, start) + _log_choose(total - a, b - start) - _log_choose(total + 0 * b, b)
    )
    tail = _joined(above, log_pmf, upper, lower)
    return np.where(certain, 0.0, tail).reshape(shape)


def log_poisson_tail(count: NDArray[Any], mean: NDArray[Any]) -> FloatArray:
    """Log probability of at least so many where a mean number is expected.

    Parameters
    ----------
    count : array of int
        How many there are.
    mean : array of float
        How many are expected, of the same shape.

    Returns
    -------
    array of float
        Natural logarithms; 0 where `count` is 0.
    """
    from scipy.special import gammaln

    shape = np.shape(count)
    k, mu = (np.asarray(values, dtype=np.float64).ravel() for values in (count, mean))
    above = k > mu
    upper = _log_sum(k, above, lambda j, i: mu[i] / (j + 1), step=1)
    lower = _log_sum(k - 1, ~above & (k > 0), lambda j, i: j / mu[i], step=-1)
    start = np.where(above, k, np.maximum(k - 1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_pmf = np.where(mu > 0, start * np.log(mu), np.where(start > 0, -np.inf, 0.0)) - mu
    log_pmf = log_pmf - gammaln(start + 1)
    return np.where(k <= 0, 0.0, _joined(above, log_pmf, upper, lower)).reshape(shape)


def log_binomial_tail(
    count: NDArray[Any], trials: NDArray[Any], share: NDArray[Any] | float
) -> FloatArray:
    """Log probability of at least so many successes.

    Parameters
    ----------
    count, trials : array of int
        Successes and trials, of the same shape.
    share : array of float, or float
        Probability of a success, between 0 and 1, exclusive; an array is of the same shape.

    Returns
    -------
    array of float
        Natural logarithms; 0 where `count` is 0.
    """
    shape = np.shape(count)
    k, n = (np.asarray(values, dtype=np.float64).ravel() for values in (count, trials))
    p = np.broadcast_to(np.asarray(share, dtype=np.float64), shape).ravel()
    above = k > (n + 1) * p
    odds = p / (1 - p)
    upper = _log_sum(k, above, lambda j, i: (n[i] - j) / (j + 1) * odds[i], step=1)
    lower = _log_sum(k - 1, ~above & (k > 0), lambda j, i: j / (n[i] - j + 1) / odds[i], step=-1)
    start = np.where(above, k, np.maximum(k - 1, 0))
    log_pmf = _log_choose(n, start) + start * np.log(p) + (n - start) * np.log1p(-p)
    return np.where(k <= 0, 0.0, _joined(above, log_pmf, upper, lower)).reshape(shape)


def benjamini_hochberg(log_p: NDArray[Any]) -> FloatArray:
    """Logarithms of q-values, from those of p-values; NaN is no test and stays.

    Parameters
    ----------
    log_p : array of float
        Natural logarithms, of any shape.
    """
    log_q = np.full(log_p.shape, np.nan)
    tested = np.isfinite(log_p) | np.isneginf(log_p)
    values = log_p[tested]
    order = np.argsort(values, kind="stable")
    ranked = values[order] + np.log(max(values.size, 1)) - np.log(np.arange(1, values.size + 1))
    smallest = np.minimum.accumulate(ranked[::-1])[::-1]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(smallest, 0.0)
    log_q[tested] = adjusted
    return log_q


def _log_choose(n: FloatArray, k: FloatArray) -> FloatArray:
    from scipy.special import gammaln

    chosen: FloatArray = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen


def _log_sum(
    start: FloatArray,
    used: NDArray[np.bool_],
    ratio: Callable[[FloatArray, NDArray[np.int64]], FloatArray],
    *,
    step: int,
) -> FloatArray:
    """Log of the sum of falling terms, of which the first is 1, and each the last times a ratio."""
    total = np.ones(start.size)
    active = np.flatnonzero(used)
    place, term = start[active], np.ones(active.size)
    while active.size:
        term *= ratio(place, active)
        total[active] += term
        place += step
        going = term > _ENOUGH * total[active]
        active, place, term = active[going], place[going], term[going]
    return np.log(total)


def _joined(
    above: NDArray[np.bool_], log_pmf: FloatArray, upper: FloatArray, lower: FloatArray
) -> FloatArray:
    """The tail, summed where terms fall; below the mode, what the other tail leaves."""
    other = np.minimum(log_pmf + lower, 0.0)
    with np.errstate(divide="ignore"):
        left = np.log(-np.expm1(other))
    return np.minimum(np.where(above, log_pmf + upper, left), 0.0)
