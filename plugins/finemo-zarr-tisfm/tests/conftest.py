from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from finemo_zarr_tisfm.bank import make_bank
from finemo_zarr_tisfm.data import SignalData, split_at_random
from finemo_zarr_tisfm.model import Architecture, TiSFM

from finemo_zarr.sequence import decode
from finemo_zarr.testing import simulate_motifs, simulate_regions, write_meme

WINDOW = 60
TRACKS = ("B", "T")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def motifs():
    return simulate_motifs(5, 12, (7, 10), palindromes=0, seed=3)


@pytest.fixture(scope="session")
def bank(motifs):
    return make_bank(motifs)


@pytest.fixture(scope="session")
def data(motifs) -> SignalData:
    """Motif 0 raises the signal of B, motif 1 lowers that of T."""
    regions, sites = simulate_regions(motifs, 240, WINDOW, sites_per_region=(1, 2), seed=1)
    there = np.zeros((240, 5))
    there[sites["region"], sites["motif"]] = 1
    signal = np.stack([2 * there[:, 0], -2 * there[:, 1]], axis=1)
    signal += np.random.default_rng(0).normal(scale=0.1, size=signal.shape)
    names = tuple(regions["region_name"].values.tolist())
    made = SignalData(
        regions["region_sequence"].values,
        signal.astype(np.float32),
        names,
        TRACKS,
        regions["region_chrom"].values,
    )
    return replace(made, parts=split_at_random(240, 0.2, 0.2, 0))


@pytest.fixture
def make_model(bank):
    """Make a model whose weights are all random, not those of the start."""

    def make(**layers) -> TiSFM:
        torch.manual_seed(4)
        model = TiSFM(bank, WINDOW, TRACKS, Architecture(**layers))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name not in ("motifs.kernels", "motifs.scale"):
                    parameter.add_(0.3 * torch.randn(parameter.shape))
        return model.eval()

    return make


@pytest.fixture
def files(tmp_path, motifs, data):
    """Motifs, signal and sequences as files."""
    write_meme(motifs, tmp_path / "motifs.meme")
    rows = zip(data.names, data.codes, strict=True)
    text = "".join(f"{name}\t{decode(codes).lower()}\n" for name, codes in rows)
    (tmp_path / "sequences.tsv").write_text(text)
    columns = dict(zip(TRACKS, data.signal.T, strict=True))
    table = pl.DataFrame({"region": list(data.names)} | columns)
    table.write_csv(tmp_path / "signal.tsv", separator="\t")
    return tmp_path
