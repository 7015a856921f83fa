"""Where one core lies best on another, over offsets and strands."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._instances import MotifTable

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_SMALLEST_SHARE = 0.5


class Alignments(NamedTuple):
    """The best of all offsets and strands: arrays ``(a, b)``.

    Parameters
    ----------
    similarity : array of float
        Cosine of the cores.
    reverse : array of bool
        Whether it is that of the reverse complement of `b`.
    offset : array of int
        Where `b`, on that strand, begins relative to `a`.
    """

    similarity: FloatArray
    reverse: NDArray[np.bool_]
    offset: IntArray


def unit_cores(
    motifs: "xr.Dataset", table: MotifTable, variable: str
) -> tuple[FloatArray, IntArray]:
    """Cores on the ``+`` strand, each of length one, padded on the right, and their widths.

    Parameters
    ----------
    motifs : xarray.Dataset
        An oriented motifs dataset.
    table : MotifTable
        Its strands.
    variable : str
        Which of its matrices.
    """
    matrices = motifs[variable].values[table.oriented[:, 0]].astype(np.float64)
    widths = table.core[:, 1] - table.core[:, 0]
    cores = np.zeros((len(matrices), 4, int(widths.max(initial=1))))
    for core, matrix, (start, end) in zip(cores, matrices, table.core, strict=True):
        core[:, : end - start] = matrix[:, start:end]
    norms = np.sqrt((cores**2).sum(axis=(1, 2), keepdims=True))
    unit: FloatArray = np.divide(cores, norms, out=np.zeros_like(cores), where=norms > 0)
    return unit, widths.astype(np.int64)


def best_similarities(cores: FloatArray, widths: IntArray) -> Alignments:
    """Align all cores with all others.

    Parameters
    ----------
    cores : array, ``(motif, 4, position)``
        Of length one, padded with zeros on the right.
    widths : array of int, ``(motif,)``

    Returns
    -------
    Alignments
        The similarity is symmetric, and 1 on the diagonal.
    """
    rows = np.arange(len(cores))
    found = align(cores, widths, rows, rows)
    similarity = np.maximum(found.similarity, found.similarity.T)
    return found._replace(similarity=np.minimum(similarity, 1.0))


def align(cores: FloatArray, widths: IntArray, a: IntArray, b: IntArray) -> Alignments:
    """Align some cores with others; of equal ones, the ``+`` strand and the first offset count."""
    longest = cores.shape[-1]
    shape = (len(a), len(b))
    best = np.full(shape, -np.inf)
    reverse, place = np.zeros(shape, np.bool_), np.zeros(shape, np.int64)
    left, width_a, width_b = cores[a], widths[a][:, None], widths[b][None]
    least = _SMALLEST_SHARE * np.minimum(width_a, width_b)
    for strand, right in enumerate((cores[b], reversed_cores(cores[b], widths[b]))):
        for offset in range(1 - longest, longest):
            x = left[:, :, max(offset, 0) : longest + min(offset, 0)].reshape(len(a), -1)
            y = right[:, :, max(-offset, 0) : longest - max(offset, 0)].reshape(len(b), -1)
            shared = np.minimum(width_a, offset + width_b) - max(offset, 0)
            cosine = np.where(shared >= least, x @ y.T, -np.inf)
            better = cosine > best + 1e-12
            best = np.where(better, cosine, best)
            reverse[better], place[better] = bool(strand), offset
    return Alignments(best, reverse, place)


def align_to(
    cores: FloatArray, widths: IntArray, centre: int, members: IntArray
) -> tuple[NDArray[np.bool_], IntArray]:
    """Strand and offset of members on a centre, which keeps its own."""
    found = align(cores, widths, np.array([centre]), members)
    own = members == centre
    return np.where(own, False, found.reverse[0]), np.where(own, 0, found.offset[0])


def reversed_cores(cores: FloatArray, widths: IntArray) -> FloatArray:
    """Reverse complements, padded on the right as their cores are."""
    turned = np.zeros_like(cores)
    for target, core, width in zip(turned, cores, widths.tolist(), strict=True):
        target[:, :width] = core[::-1, :width][:, ::-1]
    return turned
