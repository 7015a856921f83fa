"""The same real regions through every reader that holds them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from finemo_zarr.readers.bpnet_h5 import BPNetH5Reader
from finemo_zarr.readers.bw import BigWigReader
from finemo_zarr.readers.chrombpnet_h5 import ChromBPNetH5Reader
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader

CTCF = Path(__file__).parents[2] / "../shared/data/ctcf"
COUNT = 200

pytestmark = pytest.mark.skipif(not CTCF.is_dir(), reason="needs ../shared/data/ctcf")


@pytest.fixture
def readers(tmp_path):
    # Copied, because the index is written beside it.
    fasta = shutil.copy(CTCF / "genome.fa", tmp_path / "genome.fa")
    options = {"peaks": CTCF / "tiles_first200.narrowPeak", "fasta": fasta}
    return {
        "bw": BigWigReader(bigwigs=(CTCF / "contributions.bw",), **options),
        "bpnet-h5": BPNetH5Reader(h5s=(CTCF / "bpnet_first200.h5",), **options),
        "chrombpnet-h5": ChromBPNetH5Reader(h5s=(CTCF / "chrombpnet_first200.h5",), **options),
        "modisco-fmt": ModiscoFmtReader(
            sequences=CTCF / "ohe.npz",
            attributions=(CTCF / "attr.npz",),
            **(options | {"peaks": CTCF / "tiles.narrowPeak"}),
        ),
    }


def test_readers__agree_on_real_data(readers, observed):
    found = {name: reader.read().isel(region=slice(COUNT)) for name, reader in readers.items()}
    first = found["modisco-fmt"]
    for name, regions in found.items():
        np.testing.assert_array_equal(regions.region_sequence, first.region_sequence)
        for column in ("chrom", "start", "end", "name", "id"):
            np.testing.assert_array_equal(regions[f"region_{column}"], first[f"region_{column}"])
        # Half precision in the arrays, single in the bigWig file.
        tolerance = {"rtol": 2**-10, "atol": 2**-24} if name == "bw" else {"rtol": 0, "atol": 0}
        np.testing.assert_allclose(observed(regions), observed(first), **tolerance)
