"""The model: sequence, motif occupancies, pooling, interactions, signal."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253

from finemo_zarr.errors import SchemaError
from finemo_zarr_tisfm.bank import MotifBank, fit_calibration
from finemo_zarr_tisfm.fitting import Pooling
from finemo_zarr_tisfm.layers import (
    AttentionPooling,
    Interaction,
    MaxPooling,
    MeanPooling,
    MotifLayer,
    PositionAttention,
)


@dataclass(frozen=True)
class Architecture:
    """Which layers a model has.

    Parameters
    ----------
    attention : bool
        Attention over positions before the motifs.
    interaction : bool
        Gates of motifs by motifs.
    pooling : {"attention", "max", "mean"}
        How the occupancies of a region become one number for each motif.
    sigmoid : bool
        Whether scores become occupancies between 0 and 1.
    calibration_power : float
        Power of the score distribution that the sigmoid follows at the start; 0 for a start with
        scale 1 and bias 0.
    pool_start : float
        Start of the numbers of the attention pooling.
    spare : int
        Kernels that begin at random and are free to learn.
    """

    attention: bool = True
    interaction: bool = True
    pooling: Pooling = "attention"
    sigmoid: bool = True
    calibration_power: float = 10.0
    pool_start: float = 8.0
    spare: int = 2


class Parts(NamedTuple):
    """What the predicted signal is the sum of.

    ``Σ_place occupancy · share`` is the pooled occupancy of a motif; times its gate and the weight
    of a track, and summed over motifs, with the bias of the track, it is the prediction.
    """

    occupancy: Tensor
    """``(batch, motif, strand, position)``"""
    share: Tensor
    """``(batch, motif, strand, position)``, sums to 1 over the last two."""
    gate: Tensor
    """``(batch, motif)``"""

    def effects(self, weight: Tensor) -> Tensor:
        """Occupancy times gate times weight ``(motif,)``: signal, if this place alone counted."""
        return self.occupancy * (self.gate * weight)[:, :, None, None]

    def contributions(self, weight: Tensor) -> Tensor:
        """What each place adds to the signal, ``(batch, motif, strand, position)``."""
        return self.effects(weight) * self.share


class TiSFM(nn.Module):
    """A sequence-to-signal model whose weights are motifs.

    Parameters
    ----------
    bank : MotifBank
        The motifs.
    window : int
        Length of the sequences, bp.
    tracks : tuple of str
        Names of the tracks.
    architecture : Architecture
        Which layers there are.
    """

    def __init__(
        self,
        bank: MotifBank,
        window: int,
        tracks: tuple[str, ...],
        architecture: Architecture | None = None,
    ) -> None:
        super().__init__()
        architecture = architecture or Architecture()
        if window < bank.width:
            raise SchemaError(
                f"sequences of {window} bp are shorter than the widest motif, {bank.width} bp"
            )
        self.bank, self.window, self.tracks = bank, window, tuple(tracks)
        self.architecture = architecture
        count = len(bank) + architecture.spare
        self.attention = PositionAttention(window) if architecture.attention else nn.Identity()
        kernels = torch.as_tensor(bank.kernels, dtype=torch.float32)
        self.motifs = MotifLayer(kernels, architecture.spare, sigmoid=architecture.sigmoid)
        self.pool: AttentionPooling | MaxPooling | MeanPooling = MeanPooling()
        if architecture.pooling == "attention":
            self.pool = AttentionPooling(count, architecture.pool_start)
        elif architecture.pooling == "max":
            self.pool = MaxPooling(2 * (window - bank.width + 1))
        self.interaction = Interaction(count) if architecture.interaction else nn.Identity()
        self.linear = nn.Linear(count, len(self.tracks))
        if architecture.sigmoid and architecture.calibration_power:
            self._calibrate(architecture.calibration_power)

    def _calibrate(self, power: float) -> None:
        scale, bias = fit_calibration(self.bank.kernels, power)
        with torch.no_grad():
            for parameter, values in ((self.motifs.scale, scale), (self.motifs.bias, bias)):
                parameter[: len(values)] = torch.as_tensor(values, dtype=parameter.dtype)

    @property
    def motif_names(self) -> tuple[str, ...]:
        """Names of the motifs, the spare ones last."""
        spare = range(1, self.architecture.spare + 1)
        return (*self.bank.names, *(f"spare_{number}" for number in spare))

    @property
    def batch(self) -> int:
        """Regions to predict at once: as many as have occupancies of 256 MB, at most 512."""
        places = 2 * (self.window - self.bank.width + 1)
        return max(1, min(512, 2**26 // (places * len(self.motif_names))))

    def forward(self, sequence: Tensor) -> Tensor:
        """Predict the signal ``(batch, track)`` of one-hot sequences ``(batch, 4, position)``."""
        occupancy = self.motifs(self.attention(sequence))
        signal: Tensor = self.linear(self.interaction(self.pool(occupancy.flatten(2))))
        return signal

    def features(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled occupancies, and how far their gates let them through, each ``(batch, motif)``."""
        pooled = self.pool(self.motifs(self.attention(sequence)).flatten(2))
        return pooled, self._gate(pooled)

    def _gate(self, pooled: Tensor) -> Tensor:
        if isinstance(self.interaction, Interaction):
            return self.interaction.gate(pooled)
        return torch.ones_like(pooled)

    def parts(self, sequence: Tensor) -> Parts:
        """What the prediction is the sum of."""
        occupancy = self.motifs(self.attention(sequence))
        flat = occupancy.flatten(2)
        share = self.pool.shares(flat).view_as(occupancy)
        return Parts(occupancy, share, self._gate(self.pool(flat)))

    def starts(self) -> np.ndarray:
        """First base ``(motif, strand)`` of a motif at place 0; spare ones fill the kernel."""
        own, width = self.bank.starts, self.bank.width
        both = np.stack([own, width - own - self.bank.widths], axis=1)
        return np.concatenate([both, np.zeros((self.architecture.spare, 2), dtype=np.int64)])
