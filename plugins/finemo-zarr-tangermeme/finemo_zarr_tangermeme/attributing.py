"""Hypothetical attributions of a few sequences, and how far they miss what they must sum to."""

import warnings
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.sequence import one_hot
from finemo_zarr_tangermeme.packages import LOCK

_PAIRS_AT_ONCE = 1280


class Attributions(NamedTuple):
    """Of a few sequences.

    Parameters
    ----------
    scores : array of float32, ``(sequence, 4, position)``
        Hypothetical scores.
    delta : array of float32, ``(sequence,)``
        Largest convergence delta over the references: how much the sum of the projected scores
        differs from the difference of the two predictions. NaN for a method without one.
    difference : array of float32, ``(sequence,)``
        Mean absolute difference of the predictions, what deltas are measured by.
    """

    scores: NDArray[np.float32]
    delta: NDArray[np.float32]
    difference: NDArray[np.float32]


@dataclass(frozen=True)
class Method:
    """How attributions are made.

    Parameters
    ----------
    name : {"deeplift", "ism"}
        DeepLIFT/SHAP against shuffled sequences, or all single changes of the sequence.
    n_shuffles : int
        References for each sequence, which keep its dinucleotides.
    seed : int
        Of the first reference; those of a sequence do not depend on the others.
    batch_size : int
        Sequences, or pairs of sequence and reference, at once.
    device : str
        Name for torch.
    """

    name: Literal["deeplift", "ism"]
    n_shuffles: int
    seed: int
    batch_size: int
    device: str

    def attribute(self, head: Any, codes: NDArray[np.uint8]) -> Attributions:
        """Attribute sequences ``(sequence, position)`` that have a base everywhere."""
        with LOCK:
            if self.name == "ism":
                return self._ism(head, codes)
            # The scores of all pairs are held until they are averaged.
            at_once = max(1, _PAIRS_AT_ONCE // self.n_shuffles)
            starts = range(0, len(codes), at_once)
            parts = [self._deeplift(head, codes[low : low + at_once]) for low in starts]
        scores, delta, difference = map(np.concatenate, zip(*parts, strict=True))
        return Attributions(scores, delta, difference)

    def _deeplift(self, head: Any, codes: NDArray[np.uint8]) -> Attributions:
        import torch
        from tangermeme.deep_lift_shap import deep_lift_shap

        encoded = torch.from_numpy(one_hot(codes, np.float32))
        head.seen = []
        try:
            with warnings.catch_warnings():
                # Said once for all regions, by what is stored for each.
                warnings.filterwarnings("ignore", "Convergence deltas", RuntimeWarning)
                found = deep_lift_shap(
                    head,
                    encoded,
                    batch_size=self.batch_size,
                    n_shuffles=self.n_shuffles,
                    raw_outputs=True,
                    return_references=True,
                    device=self.device,
                    random_state=self.seed,
                )
            predictions = [batch.chunk(2) for batch in head.seen]
        finally:
            head.seen = None
        of_pairs = [torch.cat([pair[which] for pair in predictions]) for which in (0, 1)]
        difference = (of_pairs[0] - of_pairs[1]).reshape(len(codes), self.n_shuffles).double()
        multipliers, references = found.attributions.double(), found.references.double()
        explained = ((encoded[:, None] - references) * multipliers).sum(dim=(2, 3))
        # What base b adds instead of the reference's base: m_b - sum_c ref_c m_c.
        scores = (multipliers - (references * multipliers).sum(dim=2, keepdim=True)).mean(dim=1)
        return Attributions(
            scores.numpy().astype(np.float32),
            (difference - explained).abs().amax(dim=1).numpy().astype(np.float32),
            difference.abs().mean(dim=1).numpy().astype(np.float32),
        )

    def _ism(self, head: Any, codes: NDArray[np.uint8]) -> Attributions:
        import torch
        from tangermeme.saturation_mutagenesis import saturation_mutagenesis

        scores = saturation_mutagenesis(
            head,
            torch.from_numpy(one_hot(codes, np.int8)),
            batch_size=self.batch_size,
            target=0,
            hypothetical=True,
            device=self.device,
            dtype="float32",
        )
        none = np.full(len(codes), np.nan, dtype=np.float32)
        return Attributions(scores.numpy().astype(np.float32), none, none)


def prediction(head: Any, codes: NDArray[np.uint8], batch_size: int, device: str) -> Any:
    """Predictions ``(sequence,)``."""
    import torch
    from tangermeme.predict import predict

    encoded = torch.from_numpy(one_hot(codes, np.int8))
    with LOCK:
        made = predict(head, encoded, batch_size=batch_size, device=device)
    return made[:, 0].double().numpy()
