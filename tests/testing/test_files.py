"""The simulated files, and the readers of the package on them."""

from itertools import pairwise

import h5py
import numpy as np
import pytest

from finemo_zarr.errors import SchemaError
from finemo_zarr.readers.bpnet_h5 import BPNetH5Reader
from finemo_zarr.readers.bw import BigWigReader
from finemo_zarr.readers.chrombpnet_h5 import ChromBPNetH5Reader
from finemo_zarr.readers.finemo_npz import FinemoNpzReader
from finemo_zarr.readers.meme import MemeReader
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.testing import (
    simulate_blocks,
    simulate_motifs,
    simulate_regions,
    write_bigwig,
    write_bpnet_h5,
    write_chrombpnet_h5,
    write_fasta,
    write_finemo_npz,
    write_meme,
    write_modisco_h5,
    write_modisco_npz,
    write_narrowpeak,
)
from finemo_zarr.testing.contracts import ReaderContract

WIDTH = 90
MOTIFS = simulate_motifs(4, 20, (6, 10))
PROJECTED, TRUTH = simulate_regions(MOTIFS, 7, WIDTH, sites_per_region=2, seed=1)
HYPOTHETICAL, _ = simulate_regions(MOTIFS, 7, WIDTH, sites_per_region=2, seed=1, hypothetical=True)


@pytest.fixture
def peaks(tmp_path):
    write_narrowpeak(PROJECTED, tmp_path / "peaks.narrowPeak")
    return tmp_path / "peaks.narrowPeak"


class TestBigWig(ReaderContract):
    @pytest.fixture
    def reader(self, tmp_path, peaks):
        sizes = write_fasta(PROJECTED, tmp_path / "genome.fa")
        write_bigwig(HYPOTHETICAL, tmp_path / "scores.bw", sizes)
        return BigWigReader(
            fasta=tmp_path / "genome.fa",
            bigwigs=(tmp_path / "scores.bw",),
            peaks=peaks,
            region_width=WIDTH,
        )

    @pytest.fixture
    def expected_regions(self):
        return PROJECTED


class TestChromBPNet(ReaderContract):
    relative_tolerance = 1e-3

    @pytest.fixture
    def reader(self, tmp_path, peaks):
        write_chrombpnet_h5(HYPOTHETICAL, tmp_path / "scores.h5", dtype=np.float16)
        return ChromBPNetH5Reader(h5s=(tmp_path / "scores.h5",), peaks=peaks, region_width=WIDTH)

    @pytest.fixture
    def expected_regions(self):
        return HYPOTHETICAL


class TestBPNet(ReaderContract):
    @pytest.fixture
    def reader(self, tmp_path):
        write_bpnet_h5(HYPOTHETICAL, tmp_path / "scores.h5")
        return BPNetH5Reader(h5s=(tmp_path / "scores.h5",), region_width=WIDTH)

    @pytest.fixture
    def expected_regions(self):
        return HYPOTHETICAL[["region_sequence", "region_contributions"]]


class TestModisco(ReaderContract):
    @pytest.fixture
    def reader(self, tmp_path, peaks):
        paths = tmp_path / "ohe.npy", tmp_path / "attr.npz"
        write_modisco_npz(HYPOTHETICAL, *paths)
        return ModiscoFmtReader(
            sequences=paths[0], attributions=paths[1:], peaks=peaks, region_width=WIDTH
        )

    @pytest.fixture
    def expected_regions(self):
        return HYPOTHETICAL


class TestFinemo(ReaderContract):
    relative_tolerance = 1e-3

    @pytest.fixture(params=[PROJECTED, HYPOTHETICAL], ids=["projected", "hypothetical"])
    def expected_regions(self, request):
        return request.param

    @pytest.fixture
    def reader(self, tmp_path, expected_regions):
        write_finemo_npz(expected_regions, tmp_path / "regions.npz")
        return FinemoNpzReader(npz=(tmp_path / "regions.npz",))


def test_writers__give_the_same_file_in_blocks(tmp_path):
    def blocks():
        parts = simulate_blocks(MOTIFS, 7, WIDTH, block_size=3, sites_per_region=2, seed=1)
        return (block for block, _ in parts)

    for index, source in enumerate((lambda: PROJECTED, blocks)):
        sizes = write_fasta(source(), tmp_path / f"{index}.fa")
        write_bigwig(source(), tmp_path / f"{index}.bw", sizes)
        write_narrowpeak(source(), tmp_path / f"{index}.narrowPeak")
        write_bpnet_h5(source(), tmp_path / f"{index}.h5")
    for suffix in (".fa", ".bw", ".narrowPeak"):
        one, other = ((tmp_path / f"{index}{suffix}").read_bytes() for index in (0, 1))
        assert one == other
    with h5py.File(tmp_path / "0.h5") as one, h5py.File(tmp_path / "1.h5") as other:
        for name in ("input_seqs", "hyp_scores"):
            np.testing.assert_array_equal(one[name], other[name])


def test_write_h5__puts_projected_scores_at_the_observed_base(tmp_path):
    write_chrombpnet_h5(PROJECTED, tmp_path / "scores.h5")
    with h5py.File(tmp_path / "scores.h5") as file:
        shap, hot = file["shap/seq"][()], file["raw/seq"][()]
    np.testing.assert_array_equal(shap.sum(axis=1), PROJECTED.region_contributions)
    assert not shap[hot == 0].any()


def test_write_fasta__has_n_between_regions(tmp_path):
    sizes = write_fasta(PROJECTED, tmp_path / "genome.fa")
    text = (tmp_path / "genome.fa").read_text()
    lengths = [len(part.replace("\n", "")) for part in text.split(">chr")[1:]]
    assert [length - 1 for length in lengths] == list(sizes.values())
    assert all(len(line) <= 60 for line in text.splitlines())


def test_write_fasta__needs_coordinates(tmp_path):
    bare = PROJECTED[["region_sequence", "region_contributions"]]
    with pytest.raises(SchemaError, match="no coordinates"):
        write_fasta(bare, tmp_path / "genome.fa")


def test_write_bigwig__clips_regions_that_run_off_the_chromosome(tmp_path):
    import pyBigWig

    shifted = PROJECTED.isel(region=[0]).assign(
        region_start=("region", [-10]), region_end=("region", [WIDTH - 10])
    )
    sizes = write_fasta(shifted, tmp_path / "genome.fa")
    write_bigwig(shifted, tmp_path / "scores.bw", sizes)
    with pyBigWig.open(str(tmp_path / "scores.bw")) as file:
        values = file.values("chr1", 0, WIDTH - 10, numpy=True)
    np.testing.assert_array_equal(values, PROJECTED.region_contributions.values[0, 10:])


def test_write_modisco_h5__writes_planted_sites_as_seqlets(tmp_path):
    write_modisco_h5(MOTIFS, tmp_path / "modisco.h5", truth=TRUTH)
    with h5py.File(tmp_path / "modisco.h5") as file:
        seqlets = [file[f"pos_patterns/pattern_{k}/seqlets"] for k in range(4)]
        assert sum(int(group["n_seqlets"][0]) for group in seqlets) == len(TRUTH["region"])
        for index, group in enumerate(seqlets):
            mine = TRUTH["motif"] == index
            np.testing.assert_array_equal(group["start"], TRUTH["start"][mine])
            np.testing.assert_array_equal(group["end"], TRUTH["start"][mine] + 20)
            np.testing.assert_array_equal(group["is_revcomp"], TRUTH["strand"][mine] == "-")
    assert ModiscoH5Reader().read(tmp_path / "modisco.h5").motif_cwm.equals(MOTIFS.motif_cwm)


def test_write_modisco_h5__needs_groups(tmp_path):
    named = MOTIFS.assign(motif_name=("motif", np.array(list("abcd"))))
    with pytest.raises(SchemaError, match="not named <group>"):
        write_modisco_h5(named, tmp_path / "modisco.h5")


def test_write_meme__keeps_six_digits(tmp_path):
    write_meme(MOTIFS, tmp_path / "motifs.meme")
    found = MemeReader().read(tmp_path / "motifs.meme")
    np.testing.assert_allclose(found.motif_ppm, MOTIFS.motif_ppm, atol=1e-5)


def test_write_narrowpeak__has_ten_columns_and_no_overlaps(peaks):
    rows = [line.split("\t") for line in peaks.read_text().splitlines()]
    assert {len(row) for row in rows} == {10}
    first = sorted(int(row[1]) for row in rows if row[0] == "chr1")
    assert all(later - earlier > WIDTH for earlier, later in pairwise(first))
