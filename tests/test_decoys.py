import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from finemo_zarr import decoys as module
from finemo_zarr.decoys import (
    DecoyOptions,
    add_decoys,
    decoys_per_motif,
    hit_qvalues,
    is_decoy,
    warn_of_decoys,
)
from finemo_zarr.errors import InputWarning, SchemaError
from finemo_zarr.model import create_motifs, validate
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.testing import simulate_motifs

ONE = np.array([1])


def oriented(count: int = 6, seed: int = 0, **options) -> xr.Dataset:
    return prepare_motifs(simulate_motifs(count, width=24, seed=seed), MotifOptions(**options))


def cores(motifs: xr.Dataset) -> list[np.ndarray]:
    return [
        matrix[:, start:end]
        for matrix, start, end in zip(
            motifs.motif_weights.values,
            motifs.motif_start.values,
            motifs.motif_end.values,
            strict=True,
        )
    ]


def largest_cosine(core: np.ndarray, others: list[np.ndarray]) -> float:
    """Over all offsets, in the slowest way."""
    best = -1.0
    for other in others:
        for shift in range(-core.shape[1] + 1, other.shape[1]):
            low, high = max(shift, 0), min(shift + core.shape[1], other.shape[1])
            product = (core[:, low - shift : high - shift] * other[:, low:high]).sum()
            best = max(best, product / np.linalg.norm(core) / np.linalg.norm(other))
    return best


# --- Decoys --------------------------------------------------------------------------------------


def test_add_decoys__leaves_the_motifs_where_they_are() -> None:
    motifs = oriented()
    placed = validate(add_decoys(motifs, DecoyOptions(per_motif=2)), "motifs")
    assert placed.sizes["motif"] == 3 * motifs.sizes["motif"]
    xr.testing.assert_identical(placed[list(motifs.data_vars)].isel(motif=slice(12)), motifs)
    assert is_decoy(placed).tolist() == [False] * 12 + [True] * 24
    assert placed.motif_parent.values.tolist() == [
        *np.repeat(np.arange(6), 2),
        *np.repeat(np.arange(6), 4),
    ]
    assert decoys_per_motif(placed).tolist() == [2] * 6


def test_add_decoys__names_decoys_after_their_motifs() -> None:
    placed = add_decoys(oriented(2), DecoyOptions(per_motif=2))
    names = [f"pos_patterns.pattern_{k}__decoy{n}" for k in (0, 1) for n in (1, 2)]
    assert placed.motif_name.values[4:].tolist() == np.repeat(names, 2).tolist()
    assert placed.motif_strand.values.tolist() == ["+", "-"] * 6
    assert set(placed.motif_origin.values[4:]) == {"decoy"}


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_add_decoys__reorders_the_columns_of_the_core_and_nothing_else(mode) -> None:
    motifs = oriented(mode=mode)
    placed = add_decoys(motifs, DecoyOptions())
    for row in np.flatnonzero(is_decoy(placed))[::2]:
        parent = 2 * placed.motif_parent.values[row]
        mine, its = placed.isel(motif=row), motifs.isel(motif=parent)
        for name in ("motif_start", "motif_end", "motif_width", "motif_lambda", "motif_scale"):
            assert mine[name].item() == its[name].item()
        inside = slice(int(its.motif_start), int(its.motif_end))
        for name in ("motif_cwm", "motif_hcwm", "motif_ppm", "motif_weights"):
            ours, theirs = mine[name].values, its[name].values
            assert sorted(map(tuple, ours[:, inside].T)) == sorted(map(tuple, theirs[:, inside].T))
            np.testing.assert_array_equal(
                np.delete(ours, inside, axis=1), np.delete(theirs, inside, axis=1)
            )
        assert (mine.motif_weights.values != its.motif_weights.values).any()
        np.testing.assert_allclose(
            np.linalg.norm(mine.motif_weights), np.linalg.norm(its.motif_weights), rtol=1e-14
        )


def test_add_decoys__second_strand_is_the_reverse_complement_within_the_width() -> None:
    narrow, wide = simulate_motifs(2, 16, (6, 10), seed=1), simulate_motifs(3, 24, seed=2)
    padded = np.pad(narrow.motif_cwm.values, ((0, 0), (0, 0), (0, 8)))
    raw = create_motifs(
        ["a", "b", "c", "d", "e"],
        np.concatenate([padded, wide.motif_cwm.values]),
        widths=[16, 16, 24, 24, 24],
    )
    placed = add_decoys(prepare_motifs(raw, MotifOptions()), DecoyOptions())
    for row in np.flatnonzero(is_decoy(placed))[::2]:
        width = int(placed.motif_width[row])
        for name in ("motif_cwm", "motif_weights"):
            forward, reverse = placed[name].values[row : row + 2]
            np.testing.assert_array_equal(reverse[:, :width], forward[::-1, :width][:, ::-1])
            assert not reverse[:, width:].any()
    assert set(placed.motif_origin.values[:10]) == {"cwm"}  # where motifs do not say


def test_add_decoys__cosine_is_the_largest_and_bounded() -> None:
    placed = add_decoys(oriented(8), DecoyOptions(per_motif=2, max_cosine=0.6))
    of, decoy = cores(placed), is_decoy(placed)
    targets = [core for core, is_ in zip(of, decoy, strict=True) if not is_]
    for row in np.flatnonzero(decoy):
        expected = largest_cosine(of[row], targets)
        assert placed.motif_decoy_cosine.values[row] == pytest.approx(expected, abs=1e-12)
        assert expected <= 0.6
    assert np.isnan(placed.motif_decoy_cosine.values[~decoy]).all()


def test_add_decoys__depends_on_seed_and_name_not_on_order() -> None:
    motifs, options = oriented(), DecoyOptions()
    placed = add_decoys(motifs, options)
    xr.testing.assert_identical(add_decoys(motifs, options), placed)
    turned = add_decoys(motifs.isel(motif=[*range(6, 12), *range(6)]), options)
    for name in placed.motif_name.values[12::2]:
        one, other = (
            each.motif_weights.values[each.motif_name.values == name] for each in (placed, turned)
        )
        np.testing.assert_array_equal(one, other)
    again = add_decoys(motifs, DecoyOptions(seed=1))
    assert (again.motif_weights.values[12:] != placed.motif_weights.values[12:]).any()
    renamed = motifs.assign(motif_name=("motif", [f"x{k // 2}" for k in range(12)]))
    assert (add_decoys(renamed, options).motif_weights.values != placed.motif_weights.values).any()


def test_add_decoys__decoys_of_a_motif_differ() -> None:
    placed = add_decoys(oriented(10), DecoyOptions(per_motif=5))
    for index in range(10):
        own = (placed.motif_parent.values == index) & (placed.motif_strand.values == "+")
        assert len({matrix.tobytes() for matrix in placed.motif_weights.values[own]}) == 6


def matrices(*words: str) -> xr.Dataset:
    """Motifs that are words."""
    width = max(map(len, words))
    cwm = np.zeros((len(words), 4, width))
    for matrix, word in zip(cwm, words, strict=True):
        matrix[["ACGT".index(base) for base in word], np.arange(len(word))] = 1
    return prepare_motifs(
        create_motifs(words, cwm, widths=[len(word) for word in words]), MotifOptions()
    )


def test_add_decoys__takes_the_least_similar_where_none_is_unlike_and_says_so() -> None:
    options = DecoyOptions(per_motif=2, max_cosine=0.5)
    placed = add_decoys(matrices("AAAAAC", "GATTACAGC"), options)
    own = placed.motif_decoy_cosine.values[placed.motif_parent.values == 0]
    assert own[2:].min() > 0.5  # any order has four A in a row, or nearly
    assert own[2:].max() < 1
    expected = "too few orders of the columns of AAAAAC have a cosine of at most 0.5"
    with pytest.warns(InputWarning, match=expected):
        warn_of_decoys(placed, options)


def test_add_decoys__a_core_of_equal_columns_has_none() -> None:
    options = DecoyOptions(per_motif=2, max_cosine=0.9)
    placed = add_decoys(matrices("AAAA", "GATTACAGC"), options)
    assert decoys_per_motif(placed).tolist() == [0, 2]
    with pytest.warns(InputWarning, match="the cores of AAAA have too few columns that differ"):
        warn_of_decoys(placed, options)
    alone = add_decoys(matrices("AAAA", "CC"), options)
    assert alone.sizes["motif"] == 4
    assert decoys_per_motif(alone).tolist() == [0, 0]


def test_add_decoys__never_is_the_reverse_complement_of_its_motif() -> None:
    placed = add_decoys(matrices("AC", "GATTACAGC"), DecoyOptions(max_cosine=1))
    assert placed.motif_decoy_cosine.values[is_decoy(placed)].max() < module._SAME


def test_warn_of_decoys__is_silent_where_all_is_well() -> None:
    options = DecoyOptions()
    warn_of_decoys(add_decoys(oriented(), options), options)  # warnings are errors here


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_motif": 0}, "decoys per motif is 0, expected at least 1"),
        ({"max_cosine": 0.0}, "largest cosine of a decoy is 0.0"),
        ({"max_cosine": 1.5}, "largest cosine of a decoy is 1.5"),
        ({"seed": -1}, "seed of the decoys is -1"),
    ],
)
def test_decoy_options__refuse_what_cannot_be(options, message) -> None:
    with pytest.raises(SchemaError, match=message):
        DecoyOptions(**options)


# --- Q-values ------------------------------------------------------------------------------------


def rates(score, motif, decoy, per_motif) -> np.ndarray:
    """Q-values of all hits, of decoys too, straight from the definition."""
    found = {}
    for threshold in set(score):
        above = score >= threshold
        false = sum(1 / per_motif[motif[i]] for i in np.flatnonzero(above & decoy))
        false += sum(1 / per_motif[index] for index in set(motif[above]))
        kept = (above & ~decoy).sum()
        found[threshold] = min(false / kept, 1) if kept else 1
    return np.array([min(rate for least, rate in found.items() if least <= s) for s in score])


def by_definition(score, motif, decoy, per_motif) -> tuple[np.ndarray, np.ndarray]:
    overall, of_motif = np.full(score.size, np.nan), np.full(score.size, np.nan)
    score = np.nan_to_num(score, nan=-np.inf)
    told = per_motif[motif] > 0
    for index in set(motif[told]):
        own = motif == index
        of_motif[own] = rates(score[own], motif[own], decoy[own], per_motif)
    # What differs by rounding only is the same.
    ranks = -np.round(of_motif[told], 12)
    overall[told] = rates(ranks, motif[told], decoy[told], per_motif)
    overall = np.maximum(overall, of_motif / 3)
    return np.where(decoy, np.nan, overall), np.where(decoy, np.nan, of_motif)


@st.composite
def ranked_hits(draw):
    count, n_motifs = draw(st.integers(0, 40)), draw(st.integers(1, 4))
    scores = st.sampled_from([np.nan, -0.5, 0.1, 0.2, 0.3, 0.5, 0.8, 1.3, 2.1])
    score = draw(hnp.arrays(np.float64, count, elements=scores))
    motif = draw(hnp.arrays(np.int64, count, elements=st.integers(0, n_motifs - 1)))
    per_motif = draw(hnp.arrays(np.int64, n_motifs, elements=st.integers(0, 4)))
    decoy = draw(hnp.arrays(np.bool_, count)) & (per_motif[motif] > 0)
    return score, motif, decoy, per_motif


@given(ranked_hits())
def test_hit_qvalues__are_those_of_the_definition(hits) -> None:
    for found, expected in zip(hit_qvalues(*hits), by_definition(*hits), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@given(ranked_hits())
def test_hit_qvalues__over_all_motifs_are_no_larger_than_in_one(hits) -> None:
    overall, of_motif = hit_qvalues(*hits)
    known = np.isfinite(of_motif)
    np.testing.assert_array_equal(np.isfinite(overall), known)
    assert (overall[known] <= of_motif[known] * (1 + 1e-12)).all()


@given(ranked_hits(), st.randoms(use_true_random=False))
def test_hit_qvalues__know_no_order(hits, random) -> None:
    score, motif, decoy, per_motif = hits
    order = np.array(random.sample(range(score.size), score.size), dtype=np.int64)
    shuffled = hit_qvalues(score[order], motif[order], decoy[order], per_motif)
    for mixed, straight in zip(shuffled, hit_qvalues(*hits), strict=True):
        np.testing.assert_array_equal(mixed, straight[order])


@given(ranked_hits())
def test_hit_qvalues__fall_with_the_score_and_lie_in_0_to_1(hits) -> None:
    score, motif, _, per_motif = hits
    score = np.nan_to_num(score, nan=-np.inf)
    for values in hit_qvalues(*hits):
        for index in range(per_motif.size):
            told = np.flatnonzero(np.isfinite(values) & (motif == index))
            ranked = values[told[np.argsort(score[told], kind="stable")]]
            assert (np.diff(ranked) <= 0).all()
            assert ((ranked > 0) & (ranked <= 1)).all()


def test_hit_qvalues__without_hits_of_decoys_are_small() -> None:
    overall, of_motif = hit_qvalues(
        np.linspace(1, 2, 200), np.repeat([0, 1], 100), np.zeros(200, bool), np.array([4, 4])
    )
    np.testing.assert_allclose(overall, 1 / 400)
    np.testing.assert_allclose(of_motif, 1 / 400)


def test_hit_qvalues__of_motifs_without_decoys_are_unknown_and_count_nowhere() -> None:
    score, motif, decoy = np.array([1.0, 2, 3]), np.array([0, 1, 1]), np.zeros(3, bool)
    overall, of_motif = hit_qvalues(score, motif, decoy, np.array([0, 2]))
    np.testing.assert_array_equal(overall, [np.nan, 0.25, 0.25])
    np.testing.assert_array_equal(of_motif, overall)
    nothing, _ = hit_qvalues(score[:1], motif[:1], decoy[:1], np.array([0]))
    assert np.isnan(nothing).all()


def test_hit_qvalues__of_a_sure_motif_do_not_suffer_from_an_unsure_one() -> None:
    rng = np.random.default_rng(1)
    score = np.concatenate(
        [rng.uniform(1, 2, 500), rng.uniform(1, 4, 500), rng.uniform(1, 4, 1500)]
    )
    motif = np.repeat([0, 1, 1], [500, 500, 1500])
    overall, of_motif = hit_qvalues(score, motif, np.arange(2500) >= 1000, np.array([3, 3]))
    assert (overall[:500] < 0.01).all()
    assert (of_motif[500:1000] > 0.5).mean() > 0.9


def test_hit_qvalues__of_motifs_without_sites_do_not_add_up_to_discoveries() -> None:
    rng = np.random.default_rng(2)
    n_motifs, n_chance, n_sure = 50, 4000, 1000  # a motif is ahead of its decoys now and then
    motif = np.concatenate([rng.integers(n_motifs, size=n_chance), np.full(n_sure, n_motifs)])
    decoy = (rng.random(motif.size) < 0.75) & (motif < n_motifs)
    overall, _ = hit_qvalues(rng.random(motif.size), motif, decoy, np.full(n_motifs + 1, 3))
    kept = motif[overall <= 0.05]
    assert (kept == n_motifs).sum() == n_sure
    assert (kept < n_motifs).mean() < 0.05


def test_hit_qvalues__of_no_hits() -> None:
    overall, of_motif = hit_qvalues(np.zeros(0), np.zeros(0, int), np.zeros(0, bool), ONE)
    assert overall.size == of_motif.size == 0


def test_hit_qvalues__hold_where_hits_are_drawn_from_two_distributions() -> None:
    rng = np.random.default_rng(0)
    proportions = []
    for _ in range(40):
        false, sure = rng.exponential(1, 300), 2 + rng.exponential(2, 300)
        chance = rng.exponential(1, 900)  # three decoys as good as the motif
        score = np.concatenate([false, sure, chance])
        decoy = np.arange(score.size) >= 600
        q, _ = hit_qvalues(score, np.zeros(score.size, int), decoy, np.array([3]))
        kept = np.flatnonzero(q <= 0.1)
        proportions.append((kept < 300).mean())
    assert 0.08 < np.mean(proportions) < 0.11
