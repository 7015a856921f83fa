"""Continuous Jaccard similarity, alignment by it, and the distance made of it.

Scores of windows are arrays ``(window, track, position, base)``; tracks are contributions and,
where there are any, hypothetical scores.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CORE = 5
"""Width in bp of the core that windows are aligned by."""
_AT_ONCE = 2**20  # numbers of an array of similarities
_LEAST = 1e-7


def l1_normalised(scores: FloatArray) -> FloatArray:
    """Windows whose absolute scores sum to 1 in each track; those of zeros stay as they are."""
    norms = np.abs(scores).sum(axis=(-2, -1), keepdims=True)
    out: FloatArray = np.zeros_like(scores, dtype=np.float64)
    np.divide(scores, norms, out=out, where=norms > 0)
    return out


def flipped(scores: FloatArray) -> FloatArray:
    """Windows of the other strand."""
    return scores[..., ::-1, ::-1]


def pairwise_jaccard(a: FloatArray, b: FloatArray) -> FloatArray:
    """Similarity of each of `a` with each of `b`, by two L1 distances.

    ``sum sgn(a) sgn(b) min(|a|, |b|) / sum max(|a|, |b|)``, from -1 to 1, and 0 between zeros.

    Parameters
    ----------
    a : array, ``(n, ...)``
        Windows.
    b : array, ``(m, ...)``
        Windows.

    Returns
    -------
    array, ``(n, m)``
    """
    apart, together = _l1(a, b)
    return _ratio(together - apart, together + apart)


def _l1(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Norms of differences and of sums."""
    from finemo_zarr_modisco.kernels import norms

    # As long as they are: reshape cannot tell what -1 is where there are no windows.
    flat = [np.ascontiguousarray(x.reshape(len(x), int(np.prod(x.shape[1:])))) for x in (a, b)]
    apart, together = np.empty((2, len(a), len(b)))
    norms(flat[0], flat[1], apart, together)
    return apart, together


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def jaccard(a: FloatArray, b: FloatArray) -> FloatArray:
    """Similarity of windows pair by pair, ``(n,)``."""
    axes = tuple(range(1, a.ndim))
    apart, together = np.abs(a - b).sum(axis=axes), np.abs(a + b).sum(axis=axes)
    return _ratio(together - apart, together + apart)


def distance(similarity: FloatArray) -> FloatArray:
    """Distance from 0, of equal windows, to 16.8, of those without any similarity."""
    half = 0.5 * np.maximum(similarity, _LEAST)
    far: FloatArray = np.maximum(0.0, np.log(1 / half - 1))
    return far


def most_similar(similarity: FloatArray, count: int) -> NDArray[np.int64]:
    """The `count` largest of each row, the largest first; of equal ones those that come first."""
    if count >= similarity.shape[1]:
        return np.argsort(-similarity, axis=1, kind="stable")
    chosen = np.argpartition(-similarity, count, axis=1)[:, :count]
    chosen.sort(axis=1)
    order = np.argsort(-np.take_along_axis(similarity, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)


class Alignment(NamedTuple):
    """How windows lie on patterns, arrays ``(window, pattern)``.

    Parameters
    ----------
    offset : array of int
        Start of the pattern relative to that of the window, in bp.
    reverse : array of bool
        Whether the pattern lies on the other strand.
    """

    offset: NDArray[np.int64]
    reverse: NDArray[np.bool_]


def align(windows: FloatArray, patterns: FloatArray) -> Alignment:
    """Align the cores of windows with patterns, so that a pattern covers all of the core.

    Parameters
    ----------
    windows : array, ``(window, track, width, 4)``
        Windows whose middle is the core.
    patterns : array, ``(pattern, track, width, 4)``
        Patterns, normalised.

    Notes
    -----
    On a tie the other strand wins, and then the first place.
    """
    count, width = len(windows), windows.shape[2]
    flank = (width - CORE) // 2
    cores = l1_normalised(windows[:, :, flank : flank + CORE])
    shapes = (count, len(patterns))
    offset, reverse = np.zeros(shapes, np.int64), np.zeros(shapes, np.bool_)
    step = max(1, _AT_ONCE // max(1, len(patterns) * (width - CORE + 1)))
    for first in range(0, count, step):
        rows = slice(first, first + step)
        best, place = zip(
            *(_best(cores[rows], p) for p in (patterns, flipped(patterns))), strict=True
        )
        reverse[rows] = best[1] >= best[0]
        offset[rows] = flank - np.where(reverse[rows], place[1], place[0])
    return Alignment(offset, reverse)


def _best(cores: FloatArray, patterns: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Largest similarity ``(core, pattern)`` over all places, and the place."""
    places = patterns.shape[2] - CORE + 1
    under = np.lib.stride_tricks.sliding_window_view(patterns, CORE, axis=2)
    under = under.transpose(0, 2, 1, 4, 3).reshape(len(patterns) * places, *cores.shape[1:])
    total = np.abs(patterns).sum(axis=(1, 2, 3))
    beside = np.repeat(total, places) - np.abs(under).sum(axis=(1, 2, 3))
    apart, together = _l1(cores, under)
    found = _ratio(together - apart, together + apart + 2 * np.maximum(beside, 0))
    found = found.reshape(len(cores), len(patterns), places)
    place = found.argmax(axis=2)
    return np.take_along_axis(found, place[..., None], axis=2)[..., 0], place


def on_pattern(
    windows: FloatArray, offset: NDArray[np.int64], reverse: NDArray[np.bool_]
) -> FloatArray:
    """Windows as they lie on a pattern, in its direction; zero where the window has ended.

    Parameters
    ----------
    windows : array, ``(window, track, width, 4)``
        Windows.
    offset, reverse : arrays, ``(window,)``
        See :class:`Alignment`.
    """
    width = windows.shape[2]
    position = np.arange(width) + offset[:, None]
    inside = (position >= 0) & (position < width)
    rows = np.arange(len(windows))[:, None]
    shifted = windows.transpose(0, 2, 1, 3)[rows, np.where(inside, position, 0)]
    shifted = np.where(inside[:, :, None, None], shifted, 0).transpose(0, 2, 1, 3)
    return np.where(reverse[:, None, None, None], flipped(shifted), shifted)
