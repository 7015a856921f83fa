"""Networks for the tests, by name, as a user would give them."""

from pathlib import Path

import torch
from torch import nn

SITE = "TGACTCAT"


class Motif(nn.Module):
    """Counts how often it sees a site, on either strand, by its best matches."""

    n_control_tracks = 0

    def __init__(self, activation=None):
        super().__init__()
        encoded = torch.zeros(4, len(SITE))
        for position, base in enumerate(SITE):
            encoded["ACGT".index(base), position] = 1
        self.convolution = nn.Conv1d(4, 2, len(SITE))
        self.activation = activation or nn.ReLU()
        self.dense = nn.Linear(2, 2)
        with torch.no_grad():
            self.convolution.weight.copy_(torch.stack([encoded, encoded.flip(0, 1)]))
            self.convolution.bias.fill_(1.5 - len(SITE))
            self.dense.weight.copy_(torch.tensor([[1.0, 1.0], [-2.0, 0.0]]))
            self.dense.bias.zero_()

    def hidden(self, sequences):
        return self.activation(self.convolution(sequences))

    def forward(self, sequences):
        return self.dense(self.hidden(sequences).sum(dim=-1))


class Profile(Motif):
    """A profile and counts, from the sequence and a control track."""

    n_control_tracks = 1

    def forward(self, sequences, control):
        hidden = self.hidden(sequences)
        profile = hidden.sum(dim=1, keepdim=True) + control[..., : hidden.shape[-1]]
        return profile, super().forward(sequences)


class Functional(Motif):
    """An activation that is no module: DeepLIFT has no rule for it."""

    def hidden(self, sequences):
        return torch.relu(self.convolution(sequences)) ** 2


def motif():
    return Motif()


def profile():
    return Profile()


def functional():
    return Functional()


def number():
    return 3


def ctcf():
    """The CTCF network of ../shared/data, as its README describes it."""
    from runpy import run_path

    root = Path(__file__).resolve().parents[3]
    return run_path(str(root / "examples/from_model_to_report.py"))["ctcf_network"]()


class BPNet(nn.Module):
    """As bpnet-lite writes it: the controls are concatenated, and their logarithm counted."""

    def __init__(self, controls=0):
        super().__init__()
        torch.manual_seed(0)
        self.trimming, self.n_control_tracks, self.name = 8, controls, "bpnet"
        self.iconv = nn.Conv1d(4, 6, 21, padding=10)
        self.irelu = nn.ReLU()
        self.rconvs = nn.ModuleList(
            nn.Conv1d(6, 6, 3, padding=2**power, dilation=2**power) for power in (1, 2, 3)
        )
        self.rrelus = nn.ModuleList(nn.ReLU() for _ in range(3))
        self.fconv = nn.Conv1d(6 + controls, 2, 75, padding=37)
        self.linear = nn.Linear(6 + bool(controls), 1)

    def forward(self, sequences, control):
        first, last = self.trimming, sequences.shape[-1] - self.trimming
        hidden = self.irelu(self.iconv(sequences))
        for layer, activation in zip(self.rconvs, self.rrelus, strict=True):
            hidden = hidden + activation(layer(hidden))
        profile = self.fconv(torch.cat([hidden, control], dim=1))[..., first:last]
        mean = hidden[..., max(first - 37, 0) : last + 37].mean(dim=-1)
        if self.n_control_tracks:
            counted = control.sum(dim=(1, 2))[:, None].log1p()
            mean = torch.cat([mean, counted], dim=1)
        return profile, self.linear(mean)


class Pair(nn.Module):
    """Sees two sites; both at one distance, the second one reversed, count five times more."""

    FIRST, SECOND, APART = "TGACTCAT", "GGAAGCC", 6

    def __init__(self, constant=1.0, extra=5.0):
        super().__init__()
        self.constant, self.extra = constant, extra
        self.first = _filter(self.FIRST, reverse=False)
        self.second = _filter(self.SECOND, reverse=True)

    def forward(self, sequences):
        first = torch.relu(self.first(sequences))[:, 0]
        second = torch.relu(self.second(sequences))[:, 0]
        other = torch.relu(self.second(sequences.flip(1, 2)))[:, 0]
        apart = len(self.FIRST) + self.APART
        places = second.shape[1] - apart
        both = first[:, :places] * second[:, apart:]
        alone = first.sum(dim=1) + second.sum(dim=1) + other.sum(dim=1)
        return (self.constant + alone + self.extra * both.sum(dim=1))[:, None]


def _filter(site, *, reverse):
    encoded = torch.zeros(4, len(site))
    for position, base in enumerate(site):
        encoded["ACGT".index(base), position] = 1
    layer = nn.Conv1d(4, 1, len(site))
    with torch.no_grad():
        layer.weight.copy_((encoded.flip(0, 1) if reverse else encoded)[None])
        layer.bias.fill_(1.0 - len(site))
    return layer


def pair():
    return Pair()


def additive():
    return Pair(extra=0.0)


def logarithm():
    """The logarithm of counts, of which both sites together are the sum."""
    inner = Pair(extra=0.0)

    class Log(nn.Module):
        def forward(self, sequences):
            return torch.log1p(inner(sequences))

    return Log()


class Gc(nn.Module):
    """The GC content of the middle, whatever the order of bases."""

    def forward(self, sequences):
        middle = sequences[..., 30:50]
        return 10 * (middle[:, 1] + middle[:, 2]).mean(dim=-1, keepdim=True)


def gc():
    return Gc()


def site_and_gc():
    """Two tasks: the site, and the GC content."""
    first, second = Motif(), Gc()

    class Both(nn.Module):
        def forward(self, sequences):
            return torch.cat([first(sequences)[:, :1], second(sequences)], dim=1)

    return Both()
