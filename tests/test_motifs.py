"""Trimming, normalisation, both strands, and what is refused."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import SchemaError, UnreachableMotifWarning
from finemo_zarr.model import create_motifs, validate
from finemo_zarr.motifs import (
    MotifOptions,
    combine_motifs,
    motif_numbers,
    prepare_motifs,
    reachable_similarity,
    signed_sqrt,
    trim_core,
)
from finemo_zarr.testing import strategies
from finemo_zarr.testing.contracts.solvers import prepared

SCORES = (0.0, 0.1, 0.5, 0.2, 1.0, -0.3, 0.05)
"""Column sums of a CWM whose cores are easily read off."""


def column_motif(scores: Any = SCORES, base: int = 0) -> Any:
    """A CWM ``(4, width)`` with one number in each column."""
    cwm = np.zeros((4, len(scores)))
    cwm[base] = scores
    return cwm


def two_motifs(**more: Any) -> Any:
    """``a`` is 7 wide, ``b`` 4 wide and padded; both reach any lambda."""
    cwm = np.zeros((2, 4, 7))
    cwm[0] = column_motif()
    cwm[1, 2, :4] = [0.2, 1.0, 0.9, 0.0]
    matrices = {"hcwm": 2 * cwm + 0.01 * (np.abs(cwm) > 0), "ppm": np.abs(cwm)} | more
    return create_motifs(["a", "b"], cwm, widths=[7, 4], matrices=matrices)


def cores(motifs: Any) -> list[tuple[int, int]]:
    return list(
        zip(motifs.motif_start.values.tolist(), motifs.motif_end.values.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("threshold", "core"),
    [(0, (0, 7)), (0.05, (1, 7)), (0.3, (2, 6)), (0.5, (2, 5)), (0.51, (4, 5)), (1, (4, 5))],
)
def test_trim_core__keeps_what_reaches_the_threshold(
    threshold: float, core: tuple[int, int]
) -> None:
    assert trim_core(column_motif(), threshold) == core


def test_trim_core__sums_absolute_values_of_the_bases() -> None:
    cwm = np.array([[0.5, 0, 0.5], [-0.5, 0, 0], [0.5, 1, 0], [0, 0, 0]])
    assert trim_core(cwm, 0.6) == (0, 2)


def test_trim_core__reaches_from_the_first_to_the_last_of_equals() -> None:
    assert trim_core(column_motif([0.2, 1, 0, 1, 0.2]), 1) == (1, 4)


@given(st.integers(1, 12), st.integers(0, 9), st.floats(0, 1), st.floats(0, 1))
def test_trim_core__shrinks_as_the_threshold_grows(
    width: int, seed: int, low: float, high: float
) -> None:
    cwm = np.random.default_rng(seed).normal(size=(4, width))
    low, high = sorted((low, high))
    (start, end), (inner_start, inner_end) = trim_core(cwm, low), trim_core(cwm, high)
    assert 0 <= start <= inner_start < inner_end <= end <= width
    assert inner_start <= np.abs(cwm).sum(axis=0).argmax() < inner_end


def test_prepare__trims_each_strand_as_the_other_mirrored() -> None:
    motifs = prepared(two_motifs())
    assert motifs.motif_strand.values.tolist() == ["+", "-", "+", "-"]
    assert motifs.motif_name.values.tolist() == ["a", "a", "b", "b"]
    assert cores(motifs) == [(2, 6), (1, 5), (1, 3), (1, 3)]
    validate(motifs, "motifs")


def test_prepare__reverse_complements_within_the_width_of_the_motif() -> None:
    motifs = prepared(two_motifs(), trim_threshold=0)
    for forward, width in ((0, 7), (2, 4)):
        for name in ("motif_cwm", "motif_hcwm", "motif_ppm", "motif_weights"):
            plus, minus = motifs[name].values[forward], motifs[name].values[forward + 1]
            np.testing.assert_array_equal(minus[:, :width], plus[::-1, :width][:, ::-1])
            assert not minus[:, width:].any()


@settings(deadline=None, max_examples=30)
@given(strategies.motifs(complete=st.just(True)), st.sampled_from(["pp", "hh"]))
def test_prepare__makes_strands_that_mirror_each_other(motifs: Any, mode: str) -> None:
    oriented = prepared(motifs, mode=mode)
    plus, minus = (oriented.isel(motif=slice(first, None, 2)) for first in (0, 1))
    widths = plus.motif_width.values
    assert (minus.motif_start.values == widths - plus.motif_end.values).all()
    assert (minus.motif_end.values == widths - plus.motif_start.values).all()
    for one, other, width in zip(
        plus.motif_weights.values, minus.motif_weights.values, widths, strict=True
    ):
        np.testing.assert_array_equal(other[:, :width][::-1, ::-1], one[:, :width])
    assert (plus.motif_scale.values == minus.motif_scale.values).all()


@settings(deadline=None, max_examples=30)
@given(
    strategies.motifs(complete=st.just(True)),
    st.sampled_from(["pp", "hh"]),
    st.sampled_from(["full", "core"]),
    st.booleans(),
)
def test_prepare__weighs_the_core_only(
    motifs: Any, mode: str, normalize: str, sqrt_transform: bool
) -> None:
    oriented = prepared(motifs, mode=mode, normalize=normalize, sqrt_transform=sqrt_transform)
    norms = np.sqrt((oriented.motif_weights.values**2).sum(axis=(1, 2)))
    assert (norms <= 1 + 1e-9).all()
    if normalize == "core" or sqrt_transform:
        np.testing.assert_allclose(norms[norms > 0], 1)
    for weights, (start, end) in zip(oriented.motif_weights.values, cores(oriented), strict=True):
        assert not weights[:, :start].any()
        assert not weights[:, end:].any()


def test_normalize__full_divides_by_the_norm_of_the_whole_matrix() -> None:
    motifs = prepared(two_motifs())
    norm = np.sqrt(np.square(SCORES).sum())
    assert motifs.motif_scale.values[0] == pytest.approx(norm)
    np.testing.assert_allclose(motifs.motif_weights.values[0, 0, 2:6], np.array(SCORES)[2:6] / norm)


def test_normalize__core_divides_by_the_norm_of_the_core() -> None:
    motifs = prepared(two_motifs(), normalize="core")
    core = np.array(SCORES)[2:6]
    np.testing.assert_allclose(
        motifs.motif_weights.values[0, 0, 2:6], core / np.sqrt((core**2).sum())
    )
    assert motifs.motif_scale.values[0] == pytest.approx(np.sqrt(np.square(SCORES).sum()))


def test_sqrt_transform__takes_the_signed_root_of_the_core_and_then_its_norm() -> None:
    motifs = prepared(two_motifs(), sqrt_transform=True)
    core = signed_sqrt(np.array(SCORES)[2:6])
    np.testing.assert_allclose(
        motifs.motif_weights.values[0, 0, 2:6], core / np.sqrt((core**2).sum())
    )
    assert motifs.attrs["sqrt_transform"] == 1


def test_signed_sqrt__keeps_signs() -> None:
    assert signed_sqrt(np.array([4.0, -9.0, 0.0])).tolist() == [2.0, -3.0, 0.0]


@pytest.mark.parametrize(
    ("mode", "source"),
    [("pp", "motif_cwm"), ("ph", "motif_cwm"), ("hp", "motif_hcwm"), ("hh", "motif_hcwm")],
)
def test_mode__chooses_the_matrix_by_its_first_letter(mode: str, source: str) -> None:
    motifs = prepared(two_motifs(), mode=mode, trim_threshold=0)
    matrix = motifs[source].values
    np.testing.assert_allclose(
        motifs.motif_weights.values * motifs.motif_scale.values[:, None, None], matrix
    )
    assert motifs.attrs["mode"] == mode


def test_mode__trims_by_the_cwm_whatever_the_matrix() -> None:
    hcwm = np.ones((2, 4, 7))
    assert cores(prepared(two_motifs(hcwm=hcwm), mode="hh")) == cores(prepared(two_motifs()))


@pytest.mark.parametrize("mode", ["hp", "hh"])
def test_mode__needs_the_matrix_it_names(mode: str) -> None:
    with pytest.raises(SchemaError, match=f"mode {mode} needs hypothetical CWMs"):
        prepare_motifs(two_motifs().drop_vars("motif_hcwm"), MotifOptions(mode=mode))


def test_tables__concern_single_motifs_on_both_strands() -> None:
    motifs = prepared(two_motifs(), lambdas={"b": 0.9}, trim_thresholds={"b": 0.95})
    assert motifs.motif_lambda.values.tolist() == [0.7, 0.7, 0.9, 0.9]
    assert cores(motifs) == [(2, 6), (1, 5), (1, 2), (2, 3)]


def test_trim_coords__win_over_thresholds() -> None:
    motifs = prepared(two_motifs(), trim_thresholds={"a": 1.0}, trim_coords={"a": (0, 3)})
    assert cores(motifs)[:2] == [(0, 3), (4, 7)]


@pytest.mark.parametrize("coords", [(-1, 3), (3, 3), (4, 2), (0, 5)])
def test_trim_coords__lie_inside_the_width_of_the_motif(coords: tuple[int, int]) -> None:
    with pytest.raises(SchemaError, match=r"trim coordinates of motif b are .* <= 4"):
        prepared(two_motifs(), trim_coords={"b": coords})


def test_renames__change_names_and_keep_the_old() -> None:
    motifs = prepared(two_motifs(), renames={"a": "CTCF"}, lambdas={"a": 0.5})
    assert motifs.motif_name.values.tolist() == ["CTCF", "CTCF", "b", "b"]
    assert motifs.motif_name_orig.values.tolist() == ["a", "a", "b", "b"]
    assert motifs.motif_lambda.values.tolist() == [0.5, 0.5, 0.7, 0.7]


def test_renames__may_swap_names() -> None:
    motifs = prepared(two_motifs(), renames={"a": "b", "b": "a"})
    assert motifs.motif_name.values.tolist() == ["b", "b", "a", "a"]


@pytest.mark.parametrize("renames", [{"a": "x", "b": "x"}, {"a": "b"}])
def test_renames__must_not_clash(renames: dict[str, str]) -> None:
    with pytest.raises(SchemaError, match=r"\(-N\) must be unique, repeated: [xb]$"):
        prepared(two_motifs(), renames=renames)


def test_include__keeps_the_order_of_the_file() -> None:
    motifs = prepared(two_motifs(), include=("b", "a"))
    assert motifs.motif_name.values.tolist() == ["a", "a", "b", "b"]
    assert prepared(two_motifs(), include=("b",)).motif_name.values.tolist() == ["b", "b"]


def test_include__may_not_be_empty() -> None:
    with pytest.raises(SchemaError, match=r"\(-I\) is empty"):
        prepared(two_motifs(), include=())


def test_include__frees_the_names_of_the_others() -> None:
    motifs = prepared(two_motifs(), include=("a",), renames={"a": "b"})
    assert motifs.motif_name.values.tolist() == ["b", "b"]


@pytest.mark.parametrize(
    ("table", "flag"),
    [
        ({"include": ("a", "z")}, "-I"),
        ({"renames": {"z": "y"}}, "-N"),
        ({"lambdas": {"z": 0.5}}, "-L"),
        ({"trim_thresholds": {"z": 0.5}}, "-T"),
        ({"trim_coords": {"z": (0, 1)}}, "-R"),
    ],
)
def test_tables__may_not_name_unknown_motifs(table: dict[str, Any], flag: str) -> None:
    with pytest.raises(SchemaError, match=rf"\({flag}\) name 1 motifs .* first z; .*: a, b$"):
        prepared(two_motifs(), **table)


def test_tables__are_looked_up_by_the_name_in_the_file() -> None:
    with pytest.raises(SchemaError, match="first CTCF"):
        prepared(two_motifs(), renames={"a": "CTCF"}, lambdas={"CTCF": 0.5})


@pytest.mark.parametrize("name", ["mode", "placement", "normalize"])
def test_options__refuse_other_words(name: str) -> None:
    with pytest.raises(SchemaError, match=f"{name} is 'other', expected one of"):
        MotifOptions(**{name: "other"})


@pytest.mark.parametrize("value", [0.0, -0.1, float("nan"), float("inf")])
def test_options__refuse_lambdas_that_are_no_penalty(value: float) -> None:
    with pytest.raises(SchemaError, match=r"lambda is .* above 0"):
        MotifOptions(lambda_default=value)
    with pytest.raises(SchemaError, match=r"lambda of motif a is .* above 0"):
        MotifOptions(lambdas={"a": value})


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_options__refuse_thresholds_that_are_no_share(value: float) -> None:
    with pytest.raises(SchemaError, match=r"trim threshold is .* from 0 to 1"):
        MotifOptions(trim_threshold=value)
    with pytest.raises(SchemaError, match=r"trim threshold of motif a is .* from 0 to 1"):
        MotifOptions(trim_thresholds={"a": value})


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_prepare__refuses_motifs_that_are_nothing(value: float) -> None:
    motifs = two_motifs()
    motifs.motif_cwm.values[1] = value
    with pytest.raises(SchemaError, match="CWM of motif b is zero or not finite"):
        prepared(motifs)
    assert prepared(motifs, include=("a",)).sizes["motif"] == 2


def test_prepare__refuses_a_matrix_of_zeros_in_its_mode() -> None:
    motifs = two_motifs()
    motifs.motif_hcwm.values[0] = 0
    with pytest.raises(SchemaError, match=r"1 motifs have a matrix that is zero .* first a: "):
        prepared(motifs, mode="hh")


def test_prepare__leaves_its_input_alone() -> None:
    motifs = two_motifs()
    before = motifs.copy(deep=True)
    prepared(motifs, renames={"a": "c"}, sqrt_transform=True)
    assert motifs.identical(before)


def test_unreachable__names_motifs_with_their_figure_once() -> None:
    # Half of the energy lies in the flanks, so that the similarity reaches 0.707 at most.
    motifs = create_motifs(
        ["flat", "sharp"], np.array([column_motif([1, 2, 1, 1, 1]) for _ in "ab"])
    )
    motifs.motif_cwm.values[1] = column_motif([0, 2, 0, 0, 0])
    with pytest.warns(UnreachableMotifWarning) as caught:
        prepare_motifs(motifs, MotifOptions(trim_threshold=1.0, lambda_default=0.8))
    assert len(caught) == 1
    assert "1 motifs can never be called" in str(caught[0].message)
    assert "flat (0.707 < 0.8)" in str(caught[0].message)
    assert "sharp" not in str(caught[0].message)


def test_unreachable__knows_the_lambda_of_each_motif_and_the_norm_of_the_core() -> None:
    motifs = create_motifs(["flat"], column_motif([1, 2, 1, 1, 1])[None])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnreachableMotifWarning)
        prepare_motifs(motifs, MotifOptions(trim_threshold=1, lambdas={"flat": 0.7}))
        prepare_motifs(
            motifs, MotifOptions(trim_threshold=1, lambda_default=0.99, normalize="core")
        )
    with pytest.warns(UnreachableMotifWarning, match="flat .* < 0.75"):
        prepare_motifs(motifs, MotifOptions(trim_threshold=1, lambdas={"flat": 0.75}))


def test_reachable_similarity__is_that_of_the_best_bases_or_of_the_motif() -> None:
    hcwm = np.random.default_rng(0).normal(size=(2, 4, 7))
    hcwm[1, :, 4:] = 0
    motifs = two_motifs(hcwm=hcwm)
    for mode in ("hp", "hh"):
        oriented = prepared(motifs, mode=mode)
        weights = oriented.motif_weights.values
        best = np.abs(weights).max(axis=1) if mode == "hp" else weights
        expected = [np.sqrt((w**2).sum()) for w in best]
        np.testing.assert_allclose(reachable_similarity(oriented), expected)


def test_combine__pads_to_the_widest_on_the_right() -> None:
    wide = create_motifs(["wide"], column_motif()[None])
    narrow = create_motifs(["narrow"], column_motif([1, 2, 3])[None])
    joined = combine_motifs([narrow, wide])
    assert joined.motif_name.values.tolist() == ["narrow", "wide"]
    assert joined.motif_width.values.tolist() == [3, 7]
    np.testing.assert_array_equal(joined.motif_cwm.values[0, 0], [1, 2, 3, 0, 0, 0, 0])
    validate(joined, "motifs")


def test_combine__keeps_what_all_files_have() -> None:
    complete, bare = two_motifs(), create_motifs(["c"], column_motif()[None])
    assert "motif_hcwm" in combine_motifs([complete])
    joined = combine_motifs([complete, bare])
    assert "motif_hcwm" not in joined
    assert joined.sizes["motif"] == 3


def test_combine__does_not_change_a_motif() -> None:
    alone = prepared(create_motifs(["narrow"], column_motif([1, 2, 3])[None]))
    other = create_motifs(["wide"], column_motif()[None])
    joined = combine_motifs([create_motifs(["narrow"], column_motif([1, 2, 3])[None]), other])
    together = prepared(joined, include=("narrow",))
    np.testing.assert_array_equal(
        together.motif_weights.values[:, :, :3], alone.motif_weights.values
    )
    assert cores(together) == cores(alone)


def test_combine__refuses_a_name_in_two_files() -> None:
    with pytest.raises(SchemaError, match=r"2 motif names .* first a, b: rename"):
        combine_motifs([two_motifs(), two_motifs()])


def test_combine__refuses_nothing_at_all() -> None:
    empty = two_motifs().isel(motif=slice(0, 0))
    with pytest.raises(SchemaError, match="the motif files are empty"):
        combine_motifs([empty, empty])
    assert combine_motifs([empty, two_motifs()]).sizes["motif"] == 2


def test_motif_numbers__are_those_of_the_names_in_their_order() -> None:
    import xarray as xr

    stored = np.array(["b", "b", "a", "c", "a", "c"], dtype=np.dtypes.StringDType())
    names, numbers = motif_numbers(xr.Dataset({"motif_name": ("motif", stored)}))
    assert names == ["b", "a", "c"]
    assert numbers.tolist() == [0, 0, 1, 2, 1, 2]
