"""What is learned from the seqlets of TF-MoDISco, once for a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_modisco import communities
from finemo_zarr_modisco.density import Kernel, find_betas, kernel_values, row_shares, row_sums
from finemo_zarr_modisco.jaccard import distance
from finemo_zarr_modisco.patterns import Pattern
from finemo_zarr_modisco.reference import Neighbours, Reference, reference_neighbours
from finemo_zarr_modisco.scorer import Calibration, Modularity, neighbour_scores

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoringModel:
    """What seqlets are scored with.

    Parameters
    ----------
    reference : Reference
        The reference seqlets.
    beta, norm : array, ``(reference,)``
        Their density.
    modularity : Modularity
        Their communities.
    calibrations : list of Calibration
        One for each class.
    kernel : {"reference", "calibrated"}
        See :func:`finemo_zarr_modisco.density.kernel_values`.
    """

    reference: Reference
    beta: FloatArray
    norm: FloatArray
    modularity: Modularity
    calibrations: list[Calibration]
    kernel: Kernel

    @classmethod
    def fit(
        cls, patterns: Sequence[Pattern], kernel: Kernel, seeds: int, *, exclude_self: bool
    ) -> "ScoringModel":
        """Learn from the seqlets of patterns.

        Parameters
        ----------
        patterns : sequence of Pattern
            The classes.
        kernel : {"reference", "calibrated"}
            How distances count.
        seeds : int
            Starts of the Leiden algorithm.
        exclude_self : bool
            Leave the similarity of a reference seqlet with itself out of its neighbours' sum and
            mean.
        """
        reference = Reference.of(patterns, seeds)
        found = reference_neighbours(reference)
        far = _symmetric_distances(found, len(reference.windows))
        beta = find_betas(far.data, far.indptr.astype(np.int64))
        affinities, norm = _affinities(far, beta, kernel)
        labels = communities.refine(affinities, reference.classes, seeds)
        modularity = _modularity(affinities, labels, reference.classes)
        pairs = affinities.tocoo()
        gains = modularity.class_scores(pairs.row.astype(np.int64), pairs.col, pairs.data)
        owners = reference.classes[found.index]
        if exclude_self:
            own = found.index == np.arange(len(found.index))[:, None]
            owners = np.where(own, -1, owners)
        sums, means = neighbour_scores(owners, found.similarity, len(patterns))
        calibrations = [
            Calibration.fit(
                reference.classes == index, (gains[:, index], sums[:, index], means[:, index])
            )
            for index in range(len(patterns))
        ]
        return cls(reference, beta, norm, modularity, calibrations, kernel)

    def affinities(self, found: Neighbours) -> tuple[IntArray, FloatArray]:
        """Affinities of new seqlets to their neighbours: the row of each, and the value.

        Parameters
        ----------
        found : Neighbours
            Their neighbours among the reference seqlets.
        """
        count, width = found.index.shape
        bounds = np.arange(count + 1) * width
        far = distance(found.similarity).ravel()
        beta = find_betas(far, bounds)
        row, column = np.repeat(np.arange(count), width), found.index.ravel()
        own, _ = row_shares(far, bounds, beta, self.kernel)
        theirs = kernel_values(far, self.beta[column], self.kernel) / self.norm[column]
        return row, np.sqrt(own * theirs)


def _symmetric_distances(found: Neighbours, count: int) -> "csr_array":
    """Distances with each neighbour known to both: the mean where both knew, else as it was."""
    from scipy.sparse import csr_array

    bounds = np.arange(count + 1) * found.index.shape[1]
    # One is added, since a sum of two distances must not be 0, which would be left out.
    index, shape = found.index.ravel(), (count, count)
    far = csr_array((distance(found.similarity).ravel() + 1, index, bounds), shape=shape)
    known = csr_array((np.ones(len(index)), index, bounds), shape=shape)
    both, times = far + far.T, known + known.T
    both.sort_indices()
    times.sort_indices()
    return csr_array((both.data / times.data - 1, both.indices, both.indptr), shape=both.shape)


def _affinities(
    far: "csr_array", beta: FloatArray, kernel: Kernel
) -> tuple["csr_array", FloatArray]:
    from scipy.sparse import csr_array

    bounds = far.indptr.astype(np.int64)
    # A reference seqlet is its own neighbour, at the distance 0, so that no row is shifted.
    own, norm = row_shares(far.data, bounds, beta, kernel)
    theirs = kernel_values(far.data, beta[far.indices], kernel) / norm[far.indices]
    return csr_array((np.sqrt(own * theirs), far.indices, bounds), shape=far.shape), norm


def _modularity(affinities: "csr_array", labels: IntArray, classes: IntArray) -> Modularity:
    labels = np.asarray(labels, np.int64).ravel()
    _, first = np.unique(labels, return_index=True)
    degrees = row_sums(affinities.data, affinities.indptr.astype(np.int64))
    totals = np.bincount(labels, degrees).astype(np.float64)
    return Modularity(labels, classes[first], totals)
