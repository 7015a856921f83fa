import gzip

import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.chipmunk import ChipmunkReader
from finemo_zarr.readers.homer import HomerReader
from finemo_zarr.readers.meme import MemeReader
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.registry import read_motifs
from finemo_zarr.testing import simulate_motifs, write_meme, write_modisco_h5
from finemo_zarr.testing.contracts import MotifReaderContract

SOX = (
    ">AWRA\t1-AWRA,BestGuess:SOX15/MA1152.1/Jaspar(0.974)\t6.06\t-23754.3\t0\t"
    "T:17311.0(44.36%),B:1032.1(2.71%),P:1e-10317\tTpos:99.9,Tstd:41.2\n"
    "0.100\t0.200\t0.300\t0.400\n"
    "0.997\t0.001\t0.001\t0.001\n"
    "0.250\t0.250\t0.250\t0.250\n"
)
GATA = ">AGAT\tGATA(Zf)/HUDEP2-GATA1/Homer\t5.9\n0.9\t0.05\t0.03\t0.02\n0.1\t0.1\t0.7\t0.1\n"


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="found.motif"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


@pytest.fixture
def read(write):
    return lambda text: HomerReader().read(write(text))


class TestContract(MotifReaderContract):
    @pytest.fixture
    def motif_reader(self):
        return HomerReader()

    @pytest.fixture
    def motif_file(self, write):
        return write(SOX + GATA)


def test_reader__keeps_the_probabilities_and_pads_narrow_motifs(read):
    motifs = read(SOX + GATA)
    np.testing.assert_allclose(
        motifs.motif_ppm.values[0].T,
        [[0.1, 0.2, 0.3, 0.4], [0.997, 0.001, 0.001, 0.001], [0.25] * 4],
    )
    assert motifs.motif_width.values.tolist() == [3, 2]
    assert not motifs.motif_ppm.values[1, :, 2].any()
    assert motifs.motif_origin.values.tolist() == ["log-odds"] * 2


def test_reader__takes_names_up_to_the_best_guess(read):
    motifs = read(SOX + GATA)
    assert motifs.motif_name.values.tolist() == ["1-AWRA", "GATA(Zf)/HUDEP2-GATA1/Homer"]
    assert motifs.motif_name_orig.values.tolist() == [
        "1-AWRA,BestGuess:SOX15/MA1152.1/Jaspar(0.974)",
        "GATA(Zf)/HUDEP2-GATA1/Homer",
    ]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (">AWRA", "AWRA"),
        (">AWRA\t", "AWRA"),
        (">AWRA\t\t6.06", "AWRA"),
        (">AWRA\tSox 15 \t6.06", "Sox_15"),
        (">\tSox15", "Sox15"),
        (">AWRA 1-AWRA 6.06 -23754.3 0", "1-AWRA"),
    ],
)
def test_reader__names_motifs_of_short_headers(read, write, header, name):
    text = header + "\n" + SOX.partition("\n")[2]
    assert read(text).motif_name.values.tolist() == [name]
    assert HomerReader().can_read(write(text))


def test_reader__weighs_the_pseudocount_by_the_targets_with_the_motif(read):
    """One site of uniform background is added to 17,311."""
    smooth = (np.array([0.997, 0.001, 0.001, 0.001]) * 17311 + 0.25) / 17312
    hcwm = np.log(smooth * 4) - np.log(smooth * 4).mean()
    motifs = read(SOX)
    np.testing.assert_allclose(motifs.motif_hcwm.values[0].T[1], hcwm)
    np.testing.assert_allclose(motifs.motif_cwm.values[0].T[1], smooth * hcwm)


def test_reader__takes_twenty_sites_where_the_file_says_nothing(read):
    told = read(SOX.replace("T:17311.0", "T:20"))
    for silent in ("", "T:0.0(0%)", "T:many"):
        other = read(SOX.replace("T:17311.0(44.36%)", silent))
        np.testing.assert_array_equal(other.motif_cwm, told.motif_cwm)
    assert not np.allclose(read(SOX).motif_cwm, told.motif_cwm)


def test_reader__gives_the_same_stand_ins_as_a_meme_file(read, write):
    meme = (
        "MEME version 4\n\nMOTIF x\nletter-probability matrix: alength= 4 w= 3 nsites= 17311\n"
        + SOX.partition("\n")[2]
    )
    expected = MemeReader().read(write(meme, "x.meme"))
    np.testing.assert_array_equal(read(SOX).motif_cwm, expected.motif_cwm)


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("\n>", "\n\n\n>"), ("0.100\t", " 0.100  ")])
def test_reader__is_lenient_with_white_space(read, change):
    assert read((SOX + GATA).replace(*change)).equals(read(SOX + GATA))


def test_reader__reads_gzipped_files(write, tmp_path):
    plain = write(SOX + GATA)
    packed = tmp_path / "found.motif.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert HomerReader().can_read(packed)
    found, usual = read_motifs(packed), read_motifs(plain)
    assert found.drop_vars("motif_source").equals(usual.drop_vars("motif_source"))


def test_reader__refuses_a_truncated_gzipped_file(tmp_path):
    packed = tmp_path / "found.motif.gz"
    packed.write_bytes(gzip.compress((SOX + GATA).encode())[:-12])
    with pytest.raises(ReadError, match=r"found\.motif\.gz is truncated or damaged"):
        HomerReader().read(packed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("0.400\n", "\n"), "motif 1-AWRA, line 2: 3 columns, expected 4"),
        (("0.400\n", "0.x\n"), "motif 1-AWRA, line 2: '0.x' is not a number"),
        (("0.400\n", "nan\n"), "motif 1-AWRA, line 2: the row 0.1 0.2 0.3 nan is not four"),
        (("0.100\t", "-0.1\t"), "motif 1-AWRA, line 2: the row -0.1 0.2 0.3 0.4 is not four"),
        (("0.997\t", "57\t"), "line 3: the row 57 .* sums to 57.*if these are counts, divide"),
        (("0.9\t0.05", "0.5\t0.05"), "GATA1/Homer, line 6: the row 0.5 0.05 0.03 0.02 is not"),
        (("0.250\n", "0.250\nend\n"), "motif 1-AWRA, line 5: 1 columns, expected 4"),
        ((">AWRA", ">\t\t6\n>AWRA"), "line 1: the motif '>.*' has neither consensus nor name"),
        ((">AGAT", ">A\tempty\t5\n>AGAT"), "motif empty, line 5: no rows follow, expected four"),
        ((">AWRA", "# a\n>AWRA"), "line 1: '# a', expected a HOMER motif file, which begins"),
        (
            ("AGAT\tGATA(Zf)/HUDEP2-GATA1/Homer", "A\t1-AWRA"),
            r"more than once: 1-AWRA \(lines 1, 5",
        ),
    ],
)
def test_reader__refuses_what_is_wrong_by_line(write, change, message):
    text = SOX + GATA
    assert change[0] in text
    with pytest.raises(ReadError, match=message) as caught:
        HomerReader().read(write(text.replace(*change, 1)))
    assert "found.motif" in str(caught.value)


def test_reader__refuses_files_without_motifs(read):
    with pytest.raises(ReadError, match="is empty"):
        read("")
    with pytest.raises(ReadError, match="holds no motifs"):
        read("\n \n")


def test_can_read__leaves_the_complaint_about_a_faulty_row_to_the_reader(write):
    """The header is whole, so that the file is HOMER's."""
    path = write(SOX.replace("0.100", "57"))
    with pytest.raises(ReadError, match=r"line 2: the row 57 .*if these are counts, divide"):
        read_motifs(path)


@pytest.mark.parametrize(
    "text",
    [
        ">chr1:1-8\nACGTACGT\n",
        ">chr1\tsome\t5\nACGTACGT\n",
        ">1\n",
        ">MA0004.1 Arnt\nA [ 4 19 0 0 ]\nC [16 0 20 0 ]\n",
        ">MA0004.1\tArnt\n4 19 0 0\n16 0 20 0\n0 1 0 20\n0 0 0 0\n",
        ">AHR_HUMAN.H11MO.0.B\n40.5\t18.2\t56.4\t38.7\n",
        ">AHR_HUMAN.H11MO.0.B\n0.05\t-0.7\t0.38\t0.01\n",
        "0.1 0.2 0.3 0.4\n0.1 0.2 0.3 0.4\n",
    ],
    ids=["fasta", "fasta-tabs", "header", "jaspar", "pfm", "pcm", "pwm", "numbers"],
)
def test_can_read__says_no_to_other_texts(write, text):
    assert not HomerReader().can_read(write(text))


def test_can_read__tells_formats_apart(write, tmp_path):
    motifs = simulate_motifs(2, seed=1)
    write_meme(motifs, tmp_path / "m.meme")
    write_modisco_h5(motifs, tmp_path / "m.h5")
    counts = "\n".join(["KDIC|1.2", *(f"{base}|1 2 3" for base in "ACGT"), "N|4", ""])
    paths = [tmp_path / "m.h5", tmp_path / "m.meme", write(SOX), write(counts, "c.txt")]
    for reader, own in zip(
        (ModiscoH5Reader(), MemeReader(), HomerReader(), ChipmunkReader()), paths, strict=True
    ):
        assert [path for path in paths if reader.can_read(path)] == [own]
    for path in paths:
        assert read_motifs(path).sizes["motif"] >= 1
