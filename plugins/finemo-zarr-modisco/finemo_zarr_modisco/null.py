"""From which importance on a window is a seqlet: a Laplace null, and precision against it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SEED = 1234
_SAMPLES = 10_000
_MOST = 1_000_000
_BINS = 1000
_FEWEST, _MANY = 0.03, 0.2
"""Smallest and largest share of the windows that pass."""
_PERCENTILES = np.arange(5, 100, 5)


class Laplace(NamedTuple):
    """Two exponentials back to back.

    Parameters
    ----------
    mode : float
        Where they meet.
    rate_above, rate_below : float
        Their rates.
    share_above : float
        Share of the values above.
    """

    mode: float
    rate_above: float
    rate_below: float
    share_above: float

    def sample(self, count: int = _SAMPLES, seed: int = _SEED) -> FloatArray:
        """Draw values, each from two uniform numbers: one for the side, one for the distance."""
        side, distance = np.random.RandomState(seed).uniform(size=(count, 2)).T
        away = -np.log(1 - distance)
        drawn: FloatArray = np.where(
            side < self.share_above,
            self.mode + away / self.rate_above,
            self.mode - away / self.rate_below,
        )
        return drawn


def mode_of(values: FloatArray) -> float:
    """Centre of the fullest bin of a histogram of the fullest bin of a histogram."""
    for _ in range(2):
        try:
            counts, edges = np.histogram(values, bins=_BINS)
        except ValueError:  # too near to each other to be told apart
            return float(np.median(values))
        at = int(np.argmax(counts))
        low, high = edges[at], edges[at + 1]
        inside = values[(values > low) & (values < high)]
        if not inside.size:
            break
        values = inside
    return float((low + high) / 2)


def fit_laplace(values: FloatArray) -> Laplace:
    """The tightest exponentials over all percentiles, on both sides of the mode."""
    mode = mode_of(values)
    above, below = values[values >= mode] - mode, mode - values[values <= mode]
    count = len(above) + len(below)
    return Laplace(mode, _rate(above), _rate(below), len(above) / count if count else 0.5)


def _rate(distances: FloatArray) -> float:
    if not distances.size:
        return np.inf
    percentiles = np.percentile(distances, _PERCENTILES)
    used = percentiles > 0
    if not used.any():
        return np.inf
    return float((-np.log(1 - _PERCENTILES[used] / 100) / percentiles[used]).max())


def precision_of(share: FloatArray, least: float) -> FloatArray:
    """Precision from the share of observed values among observed and null ones of equal weight.

    Parameters
    ----------
    share : array
        From isotonic regression.
    least : float
        The share at the least extreme end, which says how much of the observed is null.
    """
    floor = 1e-7
    least, share = max(least, floor), np.maximum(share, floor)
    null = 1.0 if least >= 1 else float(np.clip(-1 / (1 - 1 / least), 0.95, 1.0))
    return np.clip(1 + null * (1 - 1 / share), 0, 1)


def precisions(observed: FloatArray, null: FloatArray, *, increasing: bool) -> FloatArray:
    """Precision of each observed value, by isotonic regression of observed against null."""
    from sklearn.isotonic import IsotonicRegression

    if not null.size:
        return np.ones(len(observed))
    values = np.concatenate([observed, null])
    labels = np.concatenate([np.ones(len(observed)), np.zeros(len(null))])
    weights = np.where(labels == 1, 1.0, len(observed) / len(null))
    fitted = IsotonicRegression(increasing=increasing, out_of_bounds="clip")
    fitted.fit(values, labels, sample_weight=weights)
    least = values.min() if increasing else values.max()
    return precision_of(fitted.predict(observed), float(fitted.predict([least])[0]))


def seqlet_threshold(sums: FloatArray, fdr: float = 0.2) -> float:
    """Smallest importance of a core that is significant.

    Parameters
    ----------
    sums : array
        Importance of all cores, times the sign of the patterns that are looked for.
    fdr : float
        Largest share of null windows at the threshold.

    Returns
    -------
    float
        Moved to the 97th or 80th percentile of the absolute values where fewer than 3 % or more
        than 20 % of the cores are significant, those of the other sign included.
    """
    random = np.random.RandomState(_SEED)
    values = np.asarray(sums, dtype=np.float64).ravel()
    null = fit_laplace(values).sample()
    observed = values if len(values) <= _MOST else random.choice(values, _MOST, replace=False)
    positive = _threshold(observed[observed >= 0], null[null >= 0], fdr, 1)
    negative = -_threshold(observed[observed < 0], null[null < 0], fdr, -1)
    if not observed.size:
        return positive
    passing = float(((observed >= positive) | (observed <= negative)).mean())
    if _FEWEST <= passing <= _MANY:
        return positive
    return float(np.percentile(np.abs(observed), 97 if passing < _FEWEST else 80))


def _threshold(observed: FloatArray, null: FloatArray, fdr: float, sign: int) -> float:
    """Smallest absolute value that is precise enough, else the largest; infinite without any."""
    if not observed.size:
        return np.inf
    enough = precisions(observed, null, increasing=sign > 0) >= 1 - fdr
    chosen = np.abs(observed[enough]) if enough.any() else np.abs(observed)
    return float(chosen.min() if enough.any() else chosen.max())
