r"""From a model and a genome to a report, in one script: attribute, call-hits, report.

    python examples/from_model_to_report.py --out from_model

By default the CTCF network and the piece of the human genome of ../shared/data/ctcf, if they are
there; else the bundled example, with a small network that is made of its motifs. With a model of
your own:

    python examples/from_model_to_report.py --model net.py:load --peaks peaks.narrowPeak \
        --fasta genome.fa --motifs modisco.h5 --input-width 2114 --out from_model

Needs the plugin finemo-zarr-tangermeme, with its extra [torch].
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

HERE = Path(__file__).resolve()
CTCF = HERE.parents[2] / "shared/data/ctcf"
BUNDLED = HERE.parent / "data"


def ctcf_network(weights: Path = CTCF / "bpnet_weights.npz") -> object:
    """Build the counts head of the CTCF network from its weights, as plain arrays."""
    import torch
    from torch import nn

    class Network(nn.Module):
        """Convolutions whose reach doubles; log counts from the mean over the middle."""

        def __init__(self) -> None:
            super().__init__()
            self.iconv = nn.Conv1d(4, 64, 21, padding="same")
            self.rconvs = nn.ModuleList(
                nn.Conv1d(64, 64, 3, padding="same", dilation=2**power) for power in range(1, 9)
            )
            self.linear = nn.Linear(64, 1)
            # DeepLIFT follows modules: each activation is one, not a function.
            self.activations = nn.ModuleList(nn.ReLU() for _ in range(9))

        def forward(self, sequences: torch.Tensor) -> torch.Tensor:
            hidden = self.activations[0](self.iconv(sequences))
            for convolution, activation in zip(self.rconvs, self.activations[1:], strict=True):
                hidden = hidden + activation(convolution(hidden))
            first = sequences.shape[-1] // 2 - 500 - 37
            return self.linear(hidden[..., first : first + 1074].mean(dim=-1))

    network = Network()
    arrays = np.load(weights)
    wanted = network.state_dict()
    network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in wanted})
    return network


def bundled_network(motifs: Path = BUNDLED / "modisco.h5") -> object:
    """Build a network that adds up good matches of the bundled motifs, on either strand."""
    import torch
    from torch import nn

    from finemo_zarr import read_motifs

    cwms = read_motifs(motifs)["motif_cwm"].to_numpy()
    both = torch.from_numpy(np.concatenate([cwms, cwms[:, ::-1, ::-1]]).astype(np.float32))
    both = both / both.amax(dim=1).sum(dim=1)[:, None, None]  # 1 for the best sequence
    scan = nn.Conv1d(4, len(both), both.shape[-1])
    with torch.no_grad():
        scan.weight.copy_(both)
        scan.bias.fill_(-0.7)

    class Network(nn.Sequential):
        """One number: by how much matches exceed 70 % of the best, summed over all."""

        def forward(self, sequences: torch.Tensor) -> torch.Tensor:
            return super().forward(sequences).sum(dim=(1, 2))[:, None]

    return Network(scan, nn.ReLU())


class Case(NamedTuple):
    """Files, and how wide the regions and what the model sees are, in bp."""

    function: str
    peaks: Path
    fasta: Path
    motifs: Path
    region_width: int
    input_width: int


def case() -> Case:
    """What is done by default."""
    if CTCF.is_dir():
        files = (CTCF / name for name in ("ctcf_peaks.narrowPeak", "genome.fa", "modisco.h5"))
        return Case("ctcf_network", *files, 1000, 2114)
    files = (BUNDLED / name for name in ("peaks.narrowPeak", "genome.fa", "modisco.h5"))
    return Case("bundled_network", *files, 500, 500)


def main() -> None:
    """Run the three commands."""
    default = case()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=f"{HERE}:{default.function}")
    parser.add_argument("--peaks", type=Path, default=default.peaks)
    parser.add_argument("--fasta", type=Path, default=default.fasta)
    parser.add_argument("--motifs", type=Path, default=default.motifs)
    parser.add_argument("--region-width", type=int, default=default.region_width)
    parser.add_argument("--input-width", type=int, default=default.input_width)
    parser.add_argument("--n-shuffles", type=int, default=10, help="References of each region.")
    parser.add_argument("--out", type=Path, default=Path("from_model"), help="Folder to write.")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    regions, hits = asked.out / "regions.zarr", asked.out / "hits"
    _run(
        *("attribute", "--model", asked.model, "--peaks", asked.peaks, "--fasta", asked.fasta),
        *("--region-width", asked.region_width, "--input-width", asked.input_width),
        *("--n-shuffles", asked.n_shuffles, "--out-path", regions, "--overwrite"),
    )
    _run(
        *("call-hits", "--regions", regions, "--motifs", asked.motifs),
        *("--out-dir", hits, "--overwrite"),
    )
    _run("report", "--hits", hits, "--out-dir", asked.out / "report", "--overwrite")
    print(f"\nOpen {asked.out}/report/report.html in a browser.")


def _run(*arguments: object) -> None:
    words = [str(argument) for argument in arguments]
    print(f"\n$ finemo-zarr {' '.join(words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "finemo_zarr", *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)  # the command has said why


if __name__ == "__main__":
    main()
