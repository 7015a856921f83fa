"""Precision as a function of a score that can only rise."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class IsotonicCurve(NamedTuple):
    """Share of hits among what has a score, by the score.

    Parameters
    ----------
    x, y : array of float64, ``(knot,)``
        Between knots the curve is straight; outside of them there is none.
    """

    x: FloatArray
    y: FloatArray

    @classmethod
    def fit(cls, hits: FloatArray, background: FloatArray) -> "IsotonicCurve":
        """Fit the rising curve with the least squares: hits are 1, the background is 0.

        Parameters
        ----------
        hits, background : array, ``(window,)``
            Scores.
        """
        from scipy.optimize import isotonic_regression

        values = np.concatenate([hits, background]).astype(np.float64)
        labels = np.concatenate([np.ones(len(hits)), np.zeros(len(background))])
        x, index = np.unique(values, return_inverse=True)
        if not len(x):
            return cls(x, x)
        # What has the same score is one point, as heavy as it is often.
        count = np.bincount(index, minlength=len(x))
        share = np.bincount(index, labels, minlength=len(x)) / count
        return cls(x, np.asarray(isotonic_regression(share, weights=count).x, dtype=np.float64))

    def at(self, scores: FloatArray) -> FloatArray:
        """Value of the curve at scores, NaN outside of it."""
        if not len(self.x):
            return np.full(np.shape(scores), np.nan)
        values: FloatArray = np.interp(scores, self.x, self.y, left=np.nan, right=np.nan)
        return values

    def first(self, grid: FloatArray, least: float) -> float | None:
        """Return the first score of a rising grid at which the curve is as high, None without."""
        high = np.flatnonzero(self.at(grid) >= least)
        return float(grid[high[0]]) if high.size else None
