"""One exponential and two normal distributions in the upper part of a score."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_MODE_BINS = 200
_MOST_POINTS = 2**13
_STEPS = 500
_TOLERANCE = 1e-7
_NARROWEST = 1e-3  # of the spread of all: a normal distribution may not shrink to a point
_PERCENTILES = np.arange(5, 100, 5)


class Mixture(NamedTuple):
    """An exponential and two normal distributions, fitted to scores above their mode.

    Parameters
    ----------
    mode : float
        The most frequent score; the rest is relative to it.
    weight : array, ``(3,)``
        Shares of the exponential and the two normal distributions.
    rate : float
        Of the exponential, as fitted.
    mean, spread : array, ``(2,)``
        Of the normal distributions.
    tail_rate : float
        Rate by the percentiles of the scores that belong to the exponential.
    """

    mode: float
    weight: FloatArray
    rate: float
    mean: FloatArray
    spread: FloatArray
    tail_rate: float

    def densities(self, above: FloatArray) -> FloatArray:
        """Weighted densities ``(3, score)`` of scores above the mode; 0 if all are the mode."""
        if not np.isfinite(self.rate):
            return np.zeros((3, len(above)))
        return np.exp(_log_densities(above, self.weight, self.rate, self.mean, self.spread))

    def threshold(self, share: float) -> float:
        """Score below which this share of the exponential lies."""
        return self.mode + exponential_quantile(self.tail_rate, share)


def exponential_quantile(rate: float, share: float) -> float:
    """Value below which a share of an exponential distribution lies."""
    return float(-np.log1p(-share) / rate)


def mode_of(scores: FloatArray) -> float:
    """Centre of the fullest of 200 bins over all scores; the first of several."""
    if scores.min() == scores.max():
        return float(scores[0])
    count, edges = np.histogram(scores, bins=_MODE_BINS)
    fullest = int(count.argmax())
    return float((edges[fullest] + edges[fullest + 1]) / 2)


def exponential_rate(above: FloatArray) -> float:
    """Rate of the steepest exponential that any of the percentiles 5, 10, ... 95 agrees with.

    Parameters
    ----------
    above : array, ``(score,)``
        Scores, from 0 on.
    """
    percentiles = np.percentile(above, _PERCENTILES)
    known = percentiles > 0
    if not known.any():
        return float("inf")
    return float((-np.log1p(-_PERCENTILES[known] / 100) / percentiles[known]).max())


def fit_mixture(scores: FloatArray) -> Mixture:
    """Fit the mixture by expectation and maximisation, from a start that depends on the scores.

    Parameters
    ----------
    scores : array, ``(score,)``
        At least one; NaN is not permitted.
    """
    mode = mode_of(scores)
    above = np.sort(scores[scores >= mode] - mode).astype(np.float64)
    if not len(above) or above[-1] <= 0:
        return Mixture(mode, np.array([1.0, 0, 0]), np.inf, np.ones(2), np.ones(2), np.inf)
    points = _thinned(above)
    weight, rate, mean, spread = _fit(points)
    parts = _log_densities(above, weight, rate, mean, spread)
    exponential = above[parts.argmax(axis=0) == 0]
    steepest = exponential_rate(exponential if len(exponential) else above)
    return Mixture(mode, weight, rate, mean, spread, steepest)


def _thinned(above: FloatArray) -> FloatArray:
    """Means of neighbours where there are more scores than the fit needs."""
    if len(above) <= _MOST_POINTS:
        return above
    edges = np.linspace(0, len(above), _MOST_POINTS + 1).astype(np.int64)
    means: FloatArray = np.add.reduceat(above, edges[:-1]) / np.diff(edges)
    return means


def _fit(above: FloatArray) -> tuple[FloatArray, float, FloatArray, FloatArray]:
    weight = np.array([0.6, 0.2, 0.2])
    rate = float(np.log(2) / max(np.median(above), 1e-12 + above[-1] / 1e6))
    mean = np.quantile(above, [0.6, 0.95])
    spread = np.full(2, above.std() / 2 + 1e-12)
    narrowest = _NARROWEST * above.std() + 1e-12
    last = -np.inf
    for _ in range(_STEPS):
        parts = _log_densities(above, weight, rate, mean, spread)
        top = parts.max(axis=0)
        each = top + np.log(np.exp(parts - top).sum(axis=0))
        belongs = np.exp(parts - each)
        total = belongs.sum(axis=1) + 1e-300
        weight = total / total.sum()
        rate = float(total[0] / max(belongs[0] @ above, 1e-300))
        mean = belongs[1:] @ above / total[1:]
        off = (above - mean[:, None]) ** 2
        spread = np.maximum(np.sqrt((belongs[1:] * off).sum(axis=1) / total[1:]), narrowest)
        likelihood = float(each.mean())
        if abs(likelihood - last) < _TOLERANCE:
            break
        last = likelihood
    return weight, rate, mean, spread


def _log_densities(
    above: FloatArray, weight: FloatArray, rate: float, mean: FloatArray, spread: FloatArray
) -> FloatArray:
    """Logarithms ``(3, score)`` of the weighted densities."""
    normal = -0.5 * ((above - mean[:, None]) / spread[:, None]) ** 2
    normal -= np.log(spread * np.sqrt(2 * np.pi))[:, None]
    exponential = np.log(rate) - rate * above
    with np.errstate(divide="ignore"):
        shares = np.log(weight)
    found: FloatArray = np.vstack([exponential, normal]) + shares[:, None]
    return found
