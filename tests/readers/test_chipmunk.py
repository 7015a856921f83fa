import gzip

import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.chipmunk import ChipmunkReader
from finemo_zarr.registry import read_motifs
from finemo_zarr.testing.contracts import MotifReaderContract

MONO = """MOTF|0
DIAG|fullLength
KDIC|6.124756232026243
A|51.7 4.3 100.0
C|0.6 0.5 0.0
G|34.1 94.4 0.0
T|13.6 0.8 0.0
N|100.0
PWMA|0.6 -1.6 1.3
PMAA|0.6 -1.6 1.3
WORD|3 17 AGA direct 1.0
IUPA|RGA
"""
OTHER = """KDIC|1.1
A|1 2
C|1 2
G|1 2
T|1 14
"""
SITES = ("ACGT", "ACGA", "ACTA", "TTGA")
PAIRS = [first + second for first in "ACGT" for second in "ACGT"]


def pair_lines(sites=SITES):
    """What diChIPMunk prints of aligned sites."""
    width = len(sites[0])
    counts = {
        pair: [sum(site[i : i + 2] == pair for site in sites) for i in range(width - 1)]
        for pair in PAIRS
    }
    rows = (f"{pair}|{' '.join(f'{float(count)}' for count in counts[pair])}" for pair in PAIRS)
    return "\n".join(["MOTF|0", "KDIC|1.5", *rows, f"N|{len(sites)}.0", "PWAA|0 0 0", ""])


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="results.txt"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


@pytest.fixture
def read(write):
    return lambda text: ChipmunkReader().read(write(text))


class TestContract(MotifReaderContract):
    @pytest.fixture
    def motif_reader(self):
        return ChipmunkReader()

    @pytest.fixture
    def motif_file(self, write):
        return write(MONO + OTHER)


class TestContractOfPairs(MotifReaderContract):
    @pytest.fixture
    def motif_reader(self):
        return ChipmunkReader()

    @pytest.fixture
    def motif_file(self, write):
        return write(pair_lines() + pair_lines(("GATTACA", "GATTTCA")))


def test_reader__turns_counts_into_probabilities(read):
    motifs = read(MONO)
    np.testing.assert_allclose(
        motifs.motif_ppm.values[0].T,
        [[0.517, 0.006, 0.341, 0.136], [0.043, 0.005, 0.944, 0.008], [1, 0, 0, 0]],
    )
    assert motifs.motif_width.values.tolist() == [3]
    assert motifs.motif_origin.values.tolist() == ["log-odds"]


def test_reader__weighs_the_pseudocount_by_the_sites(read):
    """The last position is 100 sites with an A, and one of uniform background."""
    smooth = np.array([100.25, 0.25, 0.25, 0.25]) / 101
    hcwm = np.log(smooth * 4) - np.log(smooth * 4).mean()
    motifs = read(MONO)
    np.testing.assert_allclose(motifs.motif_hcwm.values[0].T[2], hcwm)
    np.testing.assert_allclose(motifs.motif_cwm.values[0].T[2], smooth * hcwm)


def test_reader__counts_the_sites_where_the_file_says_nothing(read):
    told = read(MONO)
    for silent in ("", "N|0\n", "N|NaN\n"):
        np.testing.assert_allclose(
            read(MONO.replace("N|100.0\n", silent)).motif_cwm, told.motif_cwm
        )
    assert not np.allclose(read(MONO.replace("N|100", "N|10")).motif_cwm, told.motif_cwm)


def test_reader__sums_pairs_to_bases(read):
    """Of ACGT, ACGA, ACTA and TTGA."""
    motifs = read(pair_lines())
    np.testing.assert_allclose(
        motifs.motif_ppm.values[0].T * 4, [[3, 0, 0, 1], [0, 3, 0, 1], [0, 0, 3, 1], [3, 0, 0, 1]]
    )
    assert motifs.motif_width.values.tolist() == [4]


def test_reader__reads_a_single_position_of_pairs(read):
    motifs = read(pair_lines(("AC", "AG")))
    np.testing.assert_allclose(motifs.motif_ppm.values[0].T, [[1, 0, 0, 0], [0, 0.5, 0.5, 0]])


def test_reader__takes_the_mean_where_the_two_sums_of_pairs_differ_by_rounding(read):
    """By second base the counts of position 2 are C 3.1, T 1; by first base C 3, T 1."""
    motifs = read(pair_lines().replace("AC|3.0", "AC|3.1"))
    np.testing.assert_allclose(motifs.motif_ppm.values[0].T[1], [0, 3.05 / 4.05, 0, 1 / 4.05])


def test_reader__refuses_pairs_that_contradict_each_other(write):
    path = write(pair_lines().replace("AC|3.0 0.0 0.0", "AC|0.0 0.0 0.0").replace("AA|0", "AA|3"))
    with pytest.raises(
        ReadError,
        match=r"motif results, line 2: at position 2 the counts of pairs sum to A 3 C 0 G 0 T 1 by"
        r" second base and to A 0 C 3 G 0 T 1 by first base, expected the same",
    ):
        ChipmunkReader().read(path)


def test_reader__names_one_motif_after_the_file_and_numbers_several(write):
    def names(text, name):
        return ChipmunkReader().read(write(text, name)).motif_name.values.tolist()

    assert names(MONO, "chipmunk.txt") == ["chipmunk"]
    assert names(MONO + OTHER, "chipmunk.txt") == ["chipmunk_0", "chipmunk_1"]
    assert names(MONO, "my GATA.1.out") == ["my_GATA.1"]


def test_reader__keeps_the_motifs_of_a_file_apart(read):
    motifs = read("INFO|started\n" + MONO + "MOTF|1\n" + OTHER + pair_lines())
    assert motifs.motif_width.values.tolist() == [3, 2, 4]
    np.testing.assert_allclose(motifs.motif_ppm.values[1].T[:2], [[0.25] * 4, [0.1] * 3 + [0.7]])


def test_reader__skips_motifs_on_the_way_to_the_result(read):
    """ChIPMunk tries widths; the result is what the program of the first line says at the end."""
    step = "OUTC|ru.autosome.ChIPAct\n" + OTHER
    run = "PROG|ru.autosome.ChIPMunk\n" + step + "OUTC|ru.autosome.ChIPMunk\n"
    assert read(run + MONO.removeprefix("MOTF|0\n")).equals(read(MONO))
    both = read(run + OTHER + run + pair_lines().removeprefix("MOTF|0\n"))
    assert both.motif_width.values.tolist() == [2, 4]


def test_reader__skips_motifs_before_the_list_of_results(read):
    step = "PROG|ru.autosome.ChIPHorde\nOUTC|ru.autosome.ChIPMunk\n" + OTHER
    listed = MONO.replace("MOTF|0\n", "MOTF|0\nOUTC|ru.autosome.ChIPMunk\n")
    motifs = read(step + listed + "MOTF|1\n" + pair_lines())
    assert motifs.motif_width.values.tolist() == [3, 4]


def test_reader__takes_all_motifs_where_the_file_does_not_say_which_are_results(read):
    motifs = read("PROG|ru.autosome.ChIPMunk\nOUTC|other\n" + OTHER)
    assert motifs.motif_width.values.tolist() == [2]


def test_reader__reads_gzipped_files(write, tmp_path):
    plain = write(MONO + OTHER)
    packed = tmp_path / "results.txt.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert ChipmunkReader().can_read(packed)
    found, usual = read_motifs(packed), read_motifs(plain)
    assert found.drop_vars("motif_source").equals(usual.drop_vars("motif_source"))


def test_reader__reads_windows_line_ends(read):
    assert read(MONO.replace("\n", "\r\n")).equals(read(MONO))


def test_can_read__finds_the_motif_after_long_messages(write):
    assert ChipmunkReader().can_read(write("INFO|still computing\n" * 5000 + MONO))


@pytest.mark.parametrize(
    "text",
    [
        "KDIC|1.2\n",
        "A|1 2\nC|1 2\nG|1 2\nT|1 2\nKDIC|1.2\n",
        "column KDIC|1.2\nA|1 2\n",
        ">KDIC|1.2\nACGT\n",
        "A|B|C\n1|2|3\n",
    ],
)
def test_can_read__says_no_to_other_texts(write, text):
    assert not ChipmunkReader().can_read(write(text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("KDIC|", "KDID|"), r"results\.txt holds no motifs: no line KDIC"),
        (("C|0.6 0.5 0.0\n", ""), r"line 3: of the rows of counts A\|, G\|, T\| follow, .* C\|$"),
        (("A|51.7 4.3 100.0\n", "AA|1 2\n"), r"rows of counts AA\|, C\|, .* expected also AC\|"),
        (("C|0.6 0.5 0.0", "C|0.6 0.5"), r"line 5: C\| has 2 counts, expected 3 as in A\|"),
        (("C|0.6 0.5 0.0", "C|0.6 0.5 -1"), r"line 5: C\| has 0.6, 0.5, -1, expected counts, none"),
        (("C|0.6 0.5 0.0", "C|0.6 0.5 nan"), r"line 5: C\| has 0.6, 0.5, nan, expected counts"),
        (("C|0.6 0.5 0.0", "C|"), r"line 5: C\| has nothing, expected counts"),
        (("C|0.6 0.5 0.0", "C|0.6 x 0.0"), "line 5: 'x' is not a number"),
        (("C|0.6", "A|0.6"), r"line 5: a second row A\|, the first is line 4"),
        (("N|100.0", "N|all"), r"line 8, N\|: 'all' is not a number"),
        (("4.3 100.0", "4.3 0.0"), "line 3: all counts of position 3 are 0, expected those"),
    ],
)
def test_reader__refuses_what_is_wrong_by_line(write, change, message):
    assert change[0] in MONO
    with pytest.raises(ReadError, match=message) as caught:
        ChipmunkReader().read(write(MONO.replace(*change)))
    assert str(caught.value).startswith(str(write("")))
    assert "motif results" in str(caught.value) or "no motifs" in str(caught.value)


def test_reader__names_a_motif_without_counts(write):
    with pytest.raises(ReadError, match=r"motif results_0, line 1: of the rows of counts none"):
        ChipmunkReader().read(write("KDIC|1\n" + MONO))


def test_reader__says_what_an_empty_file_should_have_been(read):
    with pytest.raises(ReadError, match="is empty, expected output of ChIPMunk"):
        read("")
