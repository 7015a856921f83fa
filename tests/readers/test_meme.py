import gzip
import time
from pathlib import Path

import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.motifs import MotifOptions, combine_motifs, prepare_motifs, reachable_similarity
from finemo_zarr.readers.meme import MemeReader
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.testing import simulate_motifs, write_meme
from finemo_zarr.testing.contracts import MotifReaderContract

SHARED = Path(__file__).parents[2] / "../shared"

HEADER = """MEME version 5.4

ALPHABET= ACGT

strands: + -

Background letter frequencies (from uniform background):
A 0.3 C 0.2 G 0.2 T 0.3

"""
GATA = """MOTIF MA0036.3 GATA2
letter-probability matrix: alength= 4 w= 3 nsites= 100 E= 0
 0.1  0.2  0.3  0.4
 1.000000  0.000000  0.000000  0.000000
 0.25 0.25 0.25 0.25
URL http://jaspar.example.org/MA0036.3

"""


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "motifs.meme"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


@pytest.fixture
def read(write):
    return lambda text: MemeReader().read(write(text))


@pytest.fixture
def refuses(write):
    def check(text, message):
        with pytest.raises(ReadError, match=message) as caught:
            MemeReader().read(write(text))
        assert "motifs.meme" in str(caught.value)

    return check


class TestContract(MotifReaderContract):
    @pytest.fixture
    def motif_reader(self):
        return MemeReader()

    @pytest.fixture
    def motif_file(self, tmp_path):
        wide = simulate_motifs(2, 30, seed=1)
        write_meme(
            combine_motifs([wide, simulate_motifs(2, 9, (6, 8), n_negative=2)]),
            tmp_path / "motifs.meme",
        )
        return tmp_path / "motifs.meme"


def test_reader__keeps_the_probabilities(read):
    motifs = read(HEADER + GATA)
    assert motifs.motif_ppm.values[0].T.tolist() == [
        pytest.approx([0.1, 0.2, 0.3, 0.4]),
        [1, 0, 0, 0],
        [0.25, 0.25, 0.25, 0.25],
    ]
    assert motifs.motif_width.values.tolist() == [3]
    assert motifs.motif_origin.values.tolist() == ["log-odds"]


def test_reader__smooths_and_centres_log_odds_against_the_background_of_the_file(read):
    motifs = read(HEADER + GATA)
    background = np.array([0.3, 0.2, 0.2, 0.3])
    hcwm = motifs.motif_hcwm.values[0].T
    np.testing.assert_allclose(hcwm @ background, 0, atol=1e-12)
    smooth = (np.array([1.0, 0, 0, 0]) * 100 + background) / 101
    log_odds = np.log(smooth / background)
    np.testing.assert_allclose(hcwm[1], log_odds - log_odds @ background)
    np.testing.assert_allclose(motifs.motif_cwm.values[0].T[1], smooth * hcwm[1])


def test_reader__takes_the_default_number_of_sites_where_the_file_says_nothing(read):
    told = read(HEADER + GATA.replace("nsites= 100", "nsites= 20"))
    for silent in (" ", " nsites= 0 "):
        other = read(HEADER + GATA.replace(" nsites= 100 ", silent))
        np.testing.assert_array_equal(other.motif_cwm, told.motif_cwm)


def test_reader__assumes_a_uniform_background(read):
    uniform = HEADER.replace("A 0.3 C 0.2 G 0.2 T 0.3", "A 0.25 C 0.25\nG 0.25 T 0.25")
    bare = "MEME version 4\n\n"
    np.testing.assert_array_equal(read(bare + GATA).motif_cwm, read(uniform + GATA).motif_cwm)
    assert not np.allclose(read(bare + GATA).motif_cwm, read(HEADER + GATA).motif_cwm)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("MOTIF MA0036.3 GATA2", "MA0036.3_GATA2"),
        ("MOTIF MA0036.3 MA0036.3.GATA2", "MA0036.3.GATA2"),
        ("MOTIF\tCTCF_HUMAN.H11MO.0.A  ", "CTCF_HUMAN.H11MO.0.A"),
        ("MOTIF MA0091.1 TAL1::TCF3 long", "MA0091.1_TAL1::TCF3_long"),
    ],
)
def test_reader__joins_identifier_and_alternate_name(read, line, name):
    motifs = read(HEADER + GATA.replace("MOTIF MA0036.3 GATA2", line))
    assert motifs.motif_name.values.tolist() == [name]
    assert motifs.motif_name_orig.values.tolist() == [" ".join(line.split()[1:])]


def test_reader__counts_the_rows_where_the_width_is_missing(read):
    assert read(HEADER + GATA.replace("w= 3 ", "")).motif_width.values.tolist() == [3]


@pytest.mark.parametrize("change", [("= ", "="), ("\n", "\r\n"), (" 0.1", "\t0.1"), ("0.4", ".4")])
def test_reader__is_lenient_with_white_space(read, change):
    assert read((HEADER + GATA).replace(*change)).equals(read(HEADER + GATA))


def test_reader__takes_a_file_that_ends_with_a_row(read):
    text = HEADER + GATA.partition("URL")[0].rstrip("\n")
    assert read(text).motif_width.values.tolist() == [3]


def test_reader__pads_narrow_motifs_on_the_right(read):
    wide = GATA.replace("MA0036.3 GATA2", "wide").replace("w= 3", "w= 4")
    wide = wide.replace("URL", "0.7 0.1 0.1 0.1\nURL")
    motifs = read(HEADER + GATA + wide)
    assert motifs.motif_width.values.tolist() == [3, 4]
    assert not motifs.motif_ppm.values[0, :, 3].any()


def test_reader__renormalises_what_was_rounded(read):
    motifs = read(HEADER + GATA.replace("0.4\n", "0.39\n"))
    assert motifs.motif_ppm.values[0, :, 0].sum() == pytest.approx(1, abs=1e-12)


def test_reader__reads_gzipped_files(write, tmp_path):
    plain = write(HEADER + GATA)
    packed = tmp_path / "motifs.meme.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert MemeReader().can_read(packed)
    found, usual = MemeReader().read(packed), MemeReader().read(plain)
    assert found.drop_vars("motif_source").equals(usual.drop_vars("motif_source"))


def test_reader__refuses_a_truncated_gzipped_file(tmp_path):
    packed = tmp_path / "motifs.meme.gz"
    packed.write_bytes(gzip.compress((HEADER + 50 * GATA).encode())[:-20])
    assert MemeReader().can_read(packed)
    with pytest.raises(ReadError, match="truncated or damaged"):
        MemeReader().read(packed)


def test_reader__leaves_statistics_out_of_the_name(read):
    line = "MOTIF WGATAA MEME-1\twidth =   6  sites =  17  llr = 160  E-value = 2.1e-010"
    motifs = read(HEADER + GATA.replace("MOTIF MA0036.3 GATA2", line))
    assert motifs.motif_name.values.tolist() == ["WGATAA_MEME-1"]
    assert motifs.motif_name_orig.values.tolist() == ["WGATAA MEME-1"]


def test_reader__skips_other_matrices_of_a_full_file(read):
    scores = "log-odds matrix: alength= 4 w= 1 E= 0\n 10 -20 30 40\n\n"
    line, _, rest = GATA.partition("\n")
    assert read(f"{HEADER}{line}\n{scores}{rest}").equals(read(HEADER + GATA))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("MEME version 5.4", ""), "no line `MEME version 4`"),
        (("ALPHABET= ACGT", "ALPHABET= ACDEFGHIKLMNPQRSTVWY"), "line 3: the alphabet is ACDEF"),
        (("ALPHABET= ACGT", 'ALPHABET "RNA" RNA-LIKE'), "the alphabet is"),
        (("A 0.3 C 0.2", "A 0.3 C 0.0"), "background letter frequencies are A 0.3 C 0"),
        (("A 0.3 C 0.2", "A 0.9 C 0.2"), "expected A, C, G and T above 0 that sum to 1"),
        (("A 0.3 C 0.2 ", ""), "background letter frequencies are G 0.2 T 0.3"),
        (("A 0.3", "A some"), "background of A: 'some' is not a number"),
        (("MOTIF MA0036.3 GATA2", "MOTIF"), "line 10: MOTIF has no name"),
        (("letter-probability", "log-odds"), "line 10: no line `letter-probability matrix:`"),
        (("alength= 4", "alength= 20"), "line 11: alength is 20, expected 4"),
        (("w= 3", "w= 4"), "line 11: 3 rows follow, expected 4"),
        (("w= 3", "w= 2"), "line 11: 3 rows follow, expected 2"),
        (("w= 3", "w= wide"), "line 11, w: 'wide' is not a number"),
        (("nsites= 100", "nsites= many"), "nsites: 'many' is not a number"),
        (("0.3  0.4", "0.3"), "line 12: 3 columns, expected 4"),
        (("0.3  0.4", "0.3  0.x"), "line 12: '0.x' is not a number"),
        (("0.3  0.4", "0.3  nan"), "line 12: the row 0.1 0.2 0.3 nan is not four"),
        (("0.3  0.4", "0.9 -0.2"), "line 12: the row 0.1 0.2 0.9 -0.2 is not four"),
        (("0.3  0.4", "0.1  0.1"), "line 12: the row 0.1 0.2 0.1 0.1 is not four"),
        (("1.000000", "57"), "line 13: the row 57 0 0 0 sums to 57.*if these are counts, divide"),
    ],
)
def test_reader__refuses_what_is_wrong_by_line(refuses, change, message):
    assert change[0] in HEADER + GATA
    refuses((HEADER + GATA).replace(*change), message)


def test_reader__refuses_files_without_motifs(refuses):
    refuses("", "is empty")
    refuses(HEADER, "holds no motifs")


def test_reader__names_repeated_motifs_and_their_lines(refuses):
    refuses(
        HEADER + GATA + GATA, r"1 motif names occur more than once: MA0036.3_GATA2 \(lines 10, 17\)"
    )


@pytest.mark.skipif(not SHARED.exists(), reason="needs the data in ../shared")
def test_reader__reads_thousands_of_motifs_at_once():
    path = SHARED / "data/motifs/jaspar_hocomoco_2193.meme"
    begin = time.perf_counter()
    motifs = MemeReader().read(path)
    assert time.perf_counter() - begin < 5
    assert dict(motifs.sizes) == {"motif": 2193, "base": 4, "motif_position": 50}
    prepared = prepare_motifs(motifs, MotifOptions())
    assert reachable_similarity(prepared).min() > 0.7


@pytest.mark.skipif(not SHARED.exists(), reason="needs the data in ../shared")
def test_reader__gives_stand_ins_that_resemble_real_contributions():
    """CTCF of JASPAR against the CTCF pattern that TF-MoDISco found."""
    real = ModiscoH5Reader().read(SHARED / "data/ctcf/modisco.h5").isel(motif=0)
    known = MemeReader().read(SHARED / "data/motifs/jaspar_hocomoco_2193.meme")
    ctcf = known.isel(motif=known.motif_name.values.tolist().index("CTCF_MA0139.1"))
    for name, least in (("motif_cwm", 0.95), ("motif_hcwm", 0.85)):
        assert best_cosine(real[name].values, ctcf[name].values[:, : int(ctcf.motif_width)]) > least


def best_cosine(one, other):
    """Largest cosine of two matrices over all shifts and both strands."""
    padded = np.pad(one, ((0, 0), (other.shape[1], other.shape[1])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, other.shape[1], axis=1)
    products = [np.einsum("bqw,bw->q", windows, o).max() for o in (other, other[::-1, ::-1])]
    return max(products) / np.linalg.norm(one) / np.linalg.norm(other)
