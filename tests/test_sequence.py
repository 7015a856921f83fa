import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finemo_zarr import sequence
from finemo_zarr.testing.strategies import base_codes

CODES = st.integers(1, 4).flatmap(lambda n: st.integers(0, 9).flatmap(lambda w: base_codes((n, w))))


def test_encode__knows_both_cases_and_takes_everything_else_as_no_base():
    assert sequence.encode("ACGTacgtNnRY-*").tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 4, 4, 4, 4]
    assert sequence.encode(b"ACGT").tolist() == [0, 1, 2, 3]
    assert sequence.encode("Ää€A").tolist() == [4, 4, 4, 0]
    assert sequence.encode("").tolist() == []


def test_encode__gives_an_array_of_its_own():
    codes = sequence.encode("ACGT")
    codes[0] = 3
    assert sequence.encode("ACGT").tolist() == [0, 1, 2, 3]


def test_decode__writes_n_where_there_is_no_base():
    assert sequence.decode(np.array([0, 1, 2, 3, 4], dtype=np.uint8)) == "ACGTN"
    assert sequence.decode(np.zeros(0, dtype=np.uint8)) == ""


def test_one_hot__has_no_one_where_there_is_no_base():
    encoded = sequence.one_hot(np.array([0, 4, 3], dtype=np.uint8))
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]


@given(CODES)
def test_one_hot__can_be_taken_back(codes):
    for dtype in (np.int8, np.float16, np.float64, np.bool_):
        assert np.array_equal(sequence.from_one_hot(sequence.one_hot(codes, dtype)), codes)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, 1, 0, 0], "more than one base"),
        ([0.5, 0.5, 0, 0], "other than 0 and 1"),
        ([-1, 0, 0, 0], "other than 0 and 1"),
        ([np.nan, 0, 0, 0], "other than 0 and 1"),
        ([1, 0, 0], "3 rows, expected 4"),
    ],
)
def test_from_one_hot__refuses_what_is_not_one_hot(column, message):
    with pytest.raises(ValueError, match=message):
        sequence.from_one_hot(np.array([column], dtype=float).T[None])


@given(CODES)
def test_reverse_complement__is_its_own_inverse_and_flips_both_axes(codes):
    flipped = sequence.reverse_complement(codes)
    assert np.array_equal(sequence.reverse_complement(flipped), codes)
    assert np.array_equal(
        sequence.one_hot(flipped), np.flip(sequence.one_hot(codes), axis=(-2, -1))
    )


@given(CODES)
def test_project__keeps_the_scores_of_the_observed_bases(codes):
    scores = np.random.default_rng(0).normal(size=(len(codes), 4, codes.shape[1]))
    expected = (scores * sequence.one_hot(codes, float)).sum(axis=1)
    assert np.array_equal(sequence.project(scores, codes), expected)


def test_project__leaves_its_input_alone_and_keeps_the_type():
    codes = np.array([[4, 1]], dtype=np.uint8)
    scores = np.ones((1, 4, 2), dtype=np.float16)
    assert sequence.project(scores, codes).dtype == np.float16
    assert (scores == 1).all()
