"""Metrics of predicted profiles, base by base."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
PROFILE_METRICS = (
    "nll",
    "cross_ent",
    "jsd",
    "profile_pearson",
    "profile_spearman",
    "profile_mse",
)


def profile_metrics(
    true: NDArray[Any], log_predicted: NDArray[Any], *, sigma: float = 7.0, width: int = 81
) -> dict[str, FloatArray]:
    """Compare predicted with observed profiles.

    Parameters
    ----------
    true : array, ``(region, task, position, strand)``
        Observed counts.
    log_predicted : array, ``(region, task, position, strand)``
        Logarithms of the predicted probabilities, or logits: those of a strand are normalised.
    sigma : float
        Standard deviation, in bp, of the Gaussian that the observed profile is smoothed with for
        ``jsd``; 0 for none.
    width : int
        Width of that Gaussian in bp, odd.

    Returns
    -------
    dict of str to array of float, ``(region, task)``
        ``nll``
            Negative logarithm of the multinomial likelihood of the counts of a strand, with its
            coefficient, in nats; mean of the strands.
        ``cross_ent``
            Cross entropy of the observed with the predicted probabilities, in nats; mean of the
            strands.
        ``jsd``
            Jensen-Shannon divergence (not its root) of the smoothed observed profile and the
            predicted one, in nats; mean of the strands.
        ``profile_pearson``, ``profile_spearman``, ``profile_mse``
            Of probabilities at the positions of both strands together.

        Strands without a count are left out; NaN where none is left, or all values are equal.
    """
    total = true.sum(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        probability = np.where(total > 0, true / total, np.nan)
    log_p = log_predicted - _log_sum(log_predicted)
    predicted = np.exp(log_p)
    x, y = _flat(probability), _flat(np.where(total > 0, predicted, np.nan))
    return {
        "nll": _mean(_multinomial(true, log_p, total)),
        "cross_ent": _mean(-_sum_of_products(probability, log_p)),
        "jsd": _mean(jensen_shannon(_smoothed(probability, sigma, width), predicted)),
        "profile_pearson": _pearson(x, y),
        "profile_spearman": _pearson(_ranks(x), _ranks(y)),
        "profile_mse": _mean((x - y) ** 2),
    }


def jensen_shannon(p: NDArray[Any], q: NDArray[Any]) -> FloatArray:
    """Jensen-Shannon divergence of distributions along the third axis, in nats."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore"):
        log_middle = np.log(middle)
        log_p, log_q = np.log(p), np.log(q)
    first = _sum_of_products(p, log_p) - _sum_of_products(p, log_middle)
    second = _sum_of_products(q, log_q) - _sum_of_products(q, log_middle)
    return np.maximum((first + second) / 2, 0.0)


def _sum_of_products(weights: NDArray[Any], logarithms: NDArray[Any]) -> FloatArray:
    """Sum along positions; 0 times minus infinity is 0, NaN stays."""
    with np.errstate(invalid="ignore"):
        products = np.where(weights == 0, 0.0, weights * logarithms)
    total: FloatArray = products.sum(axis=2)
    return total


def _log_sum(values: NDArray[Any]) -> FloatArray:
    from scipy.special import logsumexp

    total: FloatArray = logsumexp(values, axis=2, keepdims=True)
    return total


def _multinomial(true: NDArray[Any], log_p: NDArray[Any], total: NDArray[Any]) -> FloatArray:
    from scipy.special import gammaln

    coefficient = gammaln(total[:, :, 0] + 1) - gammaln(true + 1).sum(axis=2)
    found = -coefficient - _sum_of_products(true, log_p)
    negative: FloatArray = np.where(total[:, :, 0] > 0, found, np.nan)
    return negative


def _smoothed(probability: FloatArray, sigma: float, width: int) -> FloatArray:
    from scipy.ndimage import gaussian_filter1d

    if sigma <= 0:
        return probability
    truncate = (width - 1) / 2 / sigma
    smooth = gaussian_filter1d(probability, sigma, axis=2, truncate=truncate)
    shares: FloatArray = smooth / smooth.sum(axis=2, keepdims=True)
    return shares


def _flat(values: NDArray[Any]) -> FloatArray:
    """Positions of all strands behind one another, ``(region, task, value)``."""
    return values.reshape(*values.shape[:2], -1)


def _ranks(values: FloatArray) -> FloatArray:
    from scipy.stats import rankdata

    ranked: FloatArray = rankdata(values, axis=-1, nan_policy="omit")
    return ranked


def _mean(values: FloatArray) -> FloatArray:
    """Mean of what is known along the last axis."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    number = known.sum(axis=-1)
    found: FloatArray = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    return found


def _pearson(x: FloatArray, y: FloatArray) -> FloatArray:
    varied = _varies(x) & _varies(y)
    x, y = x - _mean(x)[..., None], y - _mean(y)[..., None]
    x, y = np.nan_to_num(x), np.nan_to_num(y)
    norm = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    scalar = (x * y).sum(axis=-1)
    found: FloatArray = np.divide(
        scalar, norm, out=np.full(norm.shape, np.nan), where=varied & (norm > 0)
    )
    return found


def _varies(values: FloatArray) -> NDArray[np.bool_]:
    known = np.isfinite(values)
    high = np.where(known, values, -np.inf).max(axis=-1)
    low = np.where(known, values, np.inf).min(axis=-1)
    varied: NDArray[np.bool_] = high > low
    return varied
