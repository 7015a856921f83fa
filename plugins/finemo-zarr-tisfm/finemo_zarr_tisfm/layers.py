"""The layers that a model is composed of, each a small module.

Products of two things that depend on the sequence are modules, too, so that DeepLIFT can have a
rule for them; see :mod:`finemo_zarr_tisfm.attribution`.
"""

import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253

HEADS = 2
SPARE_SD = 0.1


class Product(nn.Module):
    """Contraction of two tensors, by an equation of :func:`torch.einsum`.

    Parameters
    ----------
    equation : str
        The equation; ``"...,...->..."`` is the elementwise product.
    """

    def __init__(self, equation: str) -> None:
        super().__init__()
        self.equation = equation

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Contract."""
        if self.equation == "...,...->...":
            return left * right
        return torch.einsum(self.equation, left, right)


class PositionAttention(nn.Module):
    """Sequence plus what each position gathers from the others, by learned positions.

    A learned number for each distance to the nearer end is added to what attention looks at, not to
    the sequence. At the start, nothing is gathered.

    Parameters
    ----------
    window : int
        Length of the sequences, bp.
    """

    distance: Tensor

    def __init__(self, window: int) -> None:
        super().__init__()
        inner = -(-4 // HEADS)
        ends = torch.arange(window)
        self.register_buffer("distance", torch.minimum(ends, ends.flip(0)), persistent=False)
        self.position = nn.Parameter(torch.zeros(-(-window // 2)))
        self.query, self.key, self.value = (nn.Linear(4, HEADS * inner) for _ in range(3))
        self.merge = nn.Linear(HEADS * inner, 4)
        nn.init.zeros_(self.merge.weight)
        nn.init.zeros_(self.merge.bias)
        self.scores = Product("bqhi,bkhi->bhqk")
        self.softmax = nn.Softmax(dim=-1)
        self.gather = Product("bhqk,bkhi->bqhi")
        self.root = inner**0.5

    def forward(self, sequence: Tensor) -> Tensor:
        """Return ``(batch, 4, position)`` for the same."""
        seen = (sequence + self.position[self.distance]).transpose(1, 2)
        split = (*seen.shape[:2], HEADS, -1)
        query, key, value = (
            layer(seen).view(split) for layer in (self.query, self.key, self.value)
        )
        weights = self.softmax(self.scores(query, key) / self.root)
        gathered = self.merge(self.gather(weights, value).flatten(2))
        attended: Tensor = sequence + gathered.transpose(1, 2)
        return attended


class MotifLayer(nn.Module):
    """Occupancy of each motif, at each place and on both strands.

    Parameters
    ----------
    kernels : Tensor, ``(motif, 4, width)``
        Kernels, which do not change unless they are unfrozen.
    spare : int
        Further kernels, small random numbers at the start and free to learn.
    sigmoid : bool
        Whether scores become occupancies; else they stay scores.
    """

    def __init__(self, kernels: Tensor, spare: int, *, sigmoid: bool) -> None:
        super().__init__()
        count = len(kernels) + spare
        self.kernels = nn.Parameter(kernels.clone(), requires_grad=False)
        # Not zeros: all would have the same gradient, and so stay alike, and each its own reverse
        # complement.
        self.spare = nn.Parameter(SPARE_SD * torch.randn(spare, *kernels.shape[1:]))
        self.scale = nn.Parameter(torch.ones(count))
        self.bias = nn.Parameter(torch.zeros(count))
        self.activation = nn.Sigmoid() if sigmoid else nn.Identity()

    def forward(self, sequence: Tensor) -> Tensor:
        """Return ``(batch, motif, strand, position)`` for ``(batch, 4, position)``."""
        kernels = torch.cat([self.kernels, self.spare])
        both = torch.stack([kernels, kernels.flip(1, 2)], dim=1) * self.scale[:, None, None, None]
        # Scaled kernels in place of scaled scores: three passes over what is largest are spared.
        scores = nn.functional.conv1d(sequence, both.flatten(0, 1), self.bias.repeat_interleave(2))
        occupancy: Tensor = self.activation(scores.view(len(sequence), len(kernels), 2, -1))
        return occupancy


class AttentionPooling(nn.Module):
    """Mean over places, weighted by the softmax of the occupancy times a number of the motif.

    0 gives the mean, infinity the largest.

    Parameters
    ----------
    count : int
        Number of motifs.
    start : float
        The number of each motif at the start.
    """

    def __init__(self, count: int, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((count,), float(start)))
        self.softmax = nn.Softmax(dim=-1)
        self.product = Product("...,...->...")

    def shares(self, occupancy: Tensor) -> Tensor:
        """How much each place counts, ``(batch, motif, place)``."""
        weights: Tensor = self.softmax(occupancy * self.weight[:, None])
        return weights

    def forward(self, occupancy: Tensor) -> Tensor:
        """Return ``(batch, motif)`` for ``(batch, motif, place)``."""
        pooled: Tensor = self.product(self.shares(occupancy), occupancy).sum(-1)
        return pooled


class MeanPooling(nn.Module):
    """Mean over places."""

    def shares(self, occupancy: Tensor) -> Tensor:
        """How much each place counts, ``(batch, motif, place)``."""
        return torch.full_like(occupancy, 1 / occupancy.shape[-1])

    def forward(self, occupancy: Tensor) -> Tensor:
        """Return ``(batch, motif)`` for ``(batch, motif, place)``."""
        return occupancy.mean(-1)


class MaxPooling(nn.Module):
    """Largest occupancy over places.

    Parameters
    ----------
    places : int
        Number of places.
    """

    def __init__(self, places: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool1d(places)

    def shares(self, occupancy: Tensor) -> Tensor:
        """How much each place counts, ``(batch, motif, place)``."""
        best = occupancy.argmax(-1, keepdim=True)
        return torch.zeros_like(occupancy).scatter_(-1, best, 1.0)

    def forward(self, occupancy: Tensor) -> Tensor:
        """Return ``(batch, motif)`` for ``(batch, motif, place)``."""
        pooled: Tensor = self.pool(occupancy).squeeze(-1)
        return pooled


class Interaction(nn.Module):
    """Gate of each motif by all of them: ``x · sigmoid(A x + b)``.

    Parameters
    ----------
    count : int
        Number of motifs.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.linear = nn.Linear(count, count)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.sigmoid = nn.Sigmoid()
        self.product = Product("...,...->...")

    def gate(self, pooled: Tensor) -> Tensor:
        """How far each motif is let through, ``(batch, motif)``."""
        gate: Tensor = self.sigmoid(self.linear(pooled))
        return gate

    def forward(self, pooled: Tensor) -> Tensor:
        """Return ``(batch, motif)`` for the same."""
        gated: Tensor = self.product(pooled, self.gate(pooled))
        return gated
