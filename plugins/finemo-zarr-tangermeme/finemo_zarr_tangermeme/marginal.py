"""What a model predicts more, or less, for a motif in the middle of a sequence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_tangermeme.attributing import Method, prediction
from finemo_zarr_tangermeme.backgrounds import gc_content

_SHUFFLES_OF_SITE = 20


class Effect(NamedTuple):
    """What a motif does, one number per background: after minus before.

    Parameters
    ----------
    delta : array, ``(background,)``
        Of the prediction.
    control : array, ``(background,)``
        The same for the site with its bases shuffled.
    attribution : array, ``(background,)``, or None
        Sum of the contributions of the bases under the motif, after minus before.
    site_gc : float
        GC content of the site.
    """

    delta: NDArray[np.float64]
    control: NDArray[np.float64]
    attribution: NDArray[np.float64] | None
    site_gc: float


@dataclass(frozen=True, eq=False)
class Marginal:
    """Backgrounds, and what the model says of them before anything is put in.

    Parameters
    ----------
    head : torch.nn.Module
        One number per sequence.
    codes : array of uint8, ``(background, position)``
        The backgrounds.
    how : Method
        Batch size and device, and how contributions are computed.
    seed : int
        Of sampled sites and of shuffles.
    attributions : bool
        Compute them, too.
    """

    head: Any
    codes: NDArray[np.uint8]
    how: Method
    seed: int
    attributions: bool = False

    def effects(
        self, motifs: Sequence[NDArray[np.float64]], *, sample: bool, strand: str
    ) -> Iterator[Effect]:
        """The effect of each motif, given as base probabilities ``(4, width)``.

        The backgrounds themselves are predicted once, not once for each motif.
        """
        before = self._predicted(self.codes)
        attributed = self._projected(self.codes) if self.attributions else None
        for index, motif in enumerate(motifs):
            rng = np.random.default_rng([self.seed, index])
            sites = self._sites(motif, rng, sample=sample)
            if strand == "-":
                sites = 3 - sites[:, ::-1]
            delta = self._predicted(self._with(sites)) - before
            control = self._predicted(self._with(_shuffled(sites, rng))) - before
            under = None
            if attributed is not None:
                window = self._window(sites.shape[1])
                after = self._projected(self._with(sites))
                under = after[:, window].sum(axis=1) - attributed[:, window].sum(axis=1)
            yield Effect(delta, control, under, float(gc_content(sites).mean()))

    def _sites(
        self, motif: NDArray[np.float64], rng: np.random.Generator, *, sample: bool
    ) -> NDArray[np.uint8]:
        """One site per background: the consensus, or drawn from the probabilities."""
        if not sample:
            return np.tile(motif.argmax(axis=0).astype(np.uint8), (len(self.codes), 1))
        below = np.cumsum(motif / motif.sum(axis=0), axis=0)
        drawn = rng.random((len(self.codes), 1, motif.shape[1]))
        sites: NDArray[np.uint8] = (drawn > below[:3]).sum(axis=1).astype(np.uint8)
        return sites

    def _window(self, width: int) -> slice:
        first = self.codes.shape[1] // 2 - width // 2
        return slice(first, first + width)

    def _with(self, sites: NDArray[np.uint8]) -> NDArray[np.uint8]:
        codes = self.codes.copy()
        codes[:, self._window(sites.shape[1])] = sites
        return codes

    def _predicted(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        made: NDArray[np.float64] = prediction(
            self.head, codes, self.how.batch_size, self.how.device
        )
        return made

    def _projected(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        from finemo_zarr.sequence import project

        parts = [
            project(self.how.attribute(self.head, some).scores.astype(np.float64), some)
            for some in np.array_split(codes, -(-len(codes) // 16))
        ]
        projected: NDArray[np.float64] = np.concatenate(parts)
        return projected


def _shuffled(sites: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The bases of each site in another order: composition without the motif.

    Of several orders the one that shares fewest positions with the site, since short or
    repetitive sites are often like themselves.
    """
    tries = [rng.permuted(sites, axis=1) for _ in range(_SHUFFLES_OF_SITE)]
    shared = np.stack([(each == sites).sum(axis=1) for each in tries])
    best: NDArray[np.uint8] = np.stack(tries)[shared.argmin(axis=0), np.arange(len(sites))]
    return best
