import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import (
    co_occurrence,
    evaluate,
    findings,
    hit_quality,
    match_known_motifs,
    motif_quality,
    motif_similarity,
    occurrence,
    place_seqlets,
    select_scores,
    select_track,
)

SEEDS = st.integers(0, 2**16)


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_occurrence__counts_hits_and_pairs(made, seed) -> None:
    hits = made(seed)
    found = occurrence(hits)
    expected = np.zeros((12, 4), int)
    for region, motif in zip(hits.hits.hit_region.values, hits.hits.hit_motif.values, strict=True):
        expected[region, motif // 2] += 1
    np.testing.assert_array_equal(found["count"], expected)
    np.testing.assert_array_equal(found["total"], expected.sum(axis=1))
    pairs = co_occurrence(found)
    for one in range(4):
        for other in range(4):
            both = ((expected[:, one] > 0) & (expected[:, other] > 0)).sum()
            assert pairs["co_occurrence"][one, other] == both
            root = np.sqrt((expected[:, one] > 0).sum() * (expected[:, other] > 0).sum())
            assert float(pairs["co_occurrence_scaled"][one, other]) == pytest.approx(
                both / root if root else 0
            )


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_quality__equals_a_loop_over_pairs_of_hits(made, seed) -> None:
    hits = made(seed)
    found = hit_quality(hits)
    table = hits.hits
    region, oriented = table.hit_region.values, table.hit_motif.values
    start, end = table.hit_start.values, table.hit_end.values
    motif, strand = oriented // 2, oriented % 2
    rivals, turned, competing = np.zeros(len(region), int), np.zeros(len(region), bool), {}
    for one in range(len(region)):
        met = set()
        for other in range(len(region)):
            shared = min(end[one], end[other]) - max(start[one], start[other])
            shorter = min(end[one] - start[one], end[other] - start[other])
            if region[one] != region[other] or shared <= 0 or 2 * shared < shorter:
                continue
            rivals[one] += motif[one] != motif[other]
            turned[one] |= motif[one] == motif[other] and strand[one] != strand[other]
            if motif[one] != motif[other]:
                met.add(int(motif[other]))
        for other in met:
            competing[int(motif[one]), other] = competing.get((int(motif[one]), other), 0) + 1
    np.testing.assert_array_equal(found["hit_rivals"], rivals)
    np.testing.assert_array_equal(found["hit_other_strand"], turned)
    repeats = [((region == r) & (motif == m)).sum() for r, m in zip(region, motif, strict=True)]
    np.testing.assert_array_equal(found["hit_repeats"], repeats)
    untrimmed = table.hit_start_untrimmed.values
    np.testing.assert_array_equal(found["hit_at_edge"], (untrimmed < 0) | (untrimmed + 14 > 60))
    np.testing.assert_array_equal(found["hit_converged"], region != 3)
    by_motif = motif_quality(hits, found)
    for index in range(4):
        own = motif == index
        assert int(by_motif["num_hits"][index]) == own.sum()
        if own.any():
            assert float(by_motif["rival_share"][index]) == pytest.approx((rivals[own] > 0).mean())
            assert float(by_motif["other_strand_share"][index]) == pytest.approx(turned[own].mean())
        most = max((competing.get((index, other), 0) for other in range(4)), default=0)
        assert int(by_motif["rival_hits"][index]) == most


def test_findings__name_the_motif_and_what_to_do(made, some_motifs) -> None:
    hits = made(1, count=400)
    by_motif = motif_quality(hits, hit_quality(hits))
    found = findings(by_motif)
    assert {finding.motif for finding in found} <= set(by_motif["motif"].values.tolist())
    assert any("hits in each region" in finding.what for finding in found)
    assert all(finding.advice for finding in found)


def test_findings__name_motifs_that_cannot_be_called(made) -> None:
    hits = made(1)
    lambdas = hits.motifs["motif_lambda"].copy(data=np.full(8, 5.0))
    few = hits._replace(
        motifs=hits.motifs.assign(motif_lambda=lambdas), hits=hits.hits.isel(hit=[])
    )
    found = findings(motif_quality(few, hit_quality(few)))
    assert len(found) == 4
    assert all("can never be called" in finding.what for finding in found)


def test_motif_similarity__equals_all_offsets_by_hand(some_motifs) -> None:
    found = motif_similarity(some_motifs)["motif_similarity"].values
    weights = some_motifs["motif_weights"].values
    cores = [
        matrix[:, start:end] / np.linalg.norm(matrix[:, start:end])
        for matrix, start, end in zip(
            weights, some_motifs.motif_start.values, some_motifs.motif_end.values, strict=True
        )
    ]

    def best(a, b):
        values = []
        for offset in range(1 - b.shape[1], a.shape[1]):
            low, high = max(0, offset), min(a.shape[1], offset + b.shape[1])
            if 2 * (high - low) >= min(a.shape[1], b.shape[1]):
                values.append((a[:, low:high] * b[:, low - offset : high - offset]).sum())
        return max(values)

    for one in range(4):
        for other in range(4):
            expected = max(
                best(cores[2 * one], cores[2 * other]), best(cores[2 * one], cores[2 * other + 1])
            )
            assert found[one, other] == pytest.approx(expected)
    np.testing.assert_allclose(np.diag(found), 1)


def test_known_motifs__are_found_on_either_strand(some_motifs) -> None:
    from scipy.stats import false_discovery_control

    from finemo_zarr.testing import simulate_motifs

    database = simulate_motifs(40, width=14, core=(5, 8), seed=11)
    forward = some_motifs.isel(motif=some_motifs["motif_strand"].values == "+")
    ppm = database["motif_ppm"].values.copy()
    ppm[7] = forward["motif_ppm"].values[2]
    ppm[21] = forward["motif_ppm"].values[3][::-1, ::-1]
    database = database.assign(motif_ppm=(database["motif_ppm"].dims, ppm))
    found = match_known_motifs(some_motifs, database, n_matches=40)
    assert int(found["match_index"][2, 0]) == 7
    assert int(found["match_index"][3, 0]) == 21
    assert bool(found["match_reverse"][3, 0])
    assert not bool(found["match_reverse"][2, 0])
    np.testing.assert_allclose(
        found["match_q"][0], false_discovery_control(found["match_p"].values[0]), rtol=1e-9
    )
    assert (np.diff(found["match_p"].values, axis=1) >= 0).all()


def test_evaluate__is_whole_with_and_without_scores(made, some_regions, seqlets_of) -> None:
    hits = made(3)
    placed = place_seqlets(hits, seqlets_of(4, hits, 60))
    full = evaluate(hits, some_regions, seqlets=placed)
    assert {"seqlet_recall", "cwm_similarity", "explained", "rival"} <= set(full.motifs)
    assert {"num_hits", "explained", "covered"} <= set(full.regions)
    assert full.means is not None
    assert list(full.means["set"].values) == ["hits", "seqlets", "seqlets_only", "hits_only"]
    bare = evaluate(hits)
    assert bare.means is None
    assert bare.confusion is None
    assert "explained" not in bare.motifs
    assert bare.motifs["num_hits"].equals(full.motifs["num_hits"])
    assert any("did not converge" in finding.what for finding in bare.findings)


def test_evaluate__tells_seqlets_that_are_shifted(made, some_regions, seqlets_of) -> None:
    hits = made(3)
    # The hits are anywhere, so the scores under the seqlets resemble no motif.
    placed = place_seqlets(hits, seqlets_of(4, hits, 60))
    made_of = evaluate(hits, some_regions, seqlets=placed)
    (said,) = [f for f in made_of.findings if "not where they are looked for" in f.what]
    assert said.motif == ""
    assert "--modisco-peaks" in said.advice
    # Of 100 seqlets of each motif, hardly one is a hit: which says nothing where they are not.
    many = made_of.motifs.assign(
        num_seqlets=("motif", [100] * 4), seqlet_recall=("motif", [0.0] * 4)
    )
    assert not any("seqlets are hits" in finding.what for finding in findings(many))
    there = many.assign(seqlet_cwm_similarity=("motif", [0.99] * 4))
    assert sum("seqlets are hits" in finding.what for finding in findings(there)) == 4


def test_evaluate__says_that_a_window_is_wider_than_the_regions(made, seqlets_of) -> None:
    hits = made(3)
    for window, expected in ((60, 0), (80, 1)):
        found = evaluate(hits, seqlets=place_seqlets(hits, seqlets_of(4, hits, window)))
        assert (
            sum("have seen 80 bp, more than the 60" in f.what for f in found.findings) == expected
        )


def test_evaluate__of_no_hits_is_empty_not_broken(made, some_regions) -> None:
    hits = made(3)
    none = hits._replace(hits=hits.hits.isel(hit=[]))
    found = evaluate(none, some_regions)
    assert found.motifs["num_hits"].values.tolist() == [0] * 4
    assert np.isnan(found.motifs["cwm_similarity"]).all()
    np.testing.assert_array_equal(found.regions["explained"], 0)


def test_select_track__takes_the_hits_of_one(made) -> None:
    hits = made(3)
    count = hits.hits.sizes["hit"]
    tracks = hits._replace(
        regions=hits.regions.assign_coords(track=["a", "b"]),
        qc=hits.qc.expand_dims(track=2),
        hits=hits.hits.assign(hit_track=("hit", np.arange(count) % 2)),
    )
    chosen = select_track(tracks, "b")
    assert chosen.hits.sizes["hit"] == count // 2
    assert "track" not in chosen.regions.coords
    assert chosen.qc["qc_scale"].dims == ("region",)
    unnamed = "no track was named; name one (--track): a, b"
    for name, message in ((None, unnamed), ("c", "no track 'c'")):
        with pytest.raises(SchemaError, match=re.escape(message)):
            select_track(tracks, name)
    with pytest.raises(SchemaError, match="has no tracks"):
        select_track(hits, "a")
    assert select_track(hits) is hits


def test_select_scores__means_over_tracks(some_regions) -> None:
    plain = some_regions["region_contributions"].values
    values = np.stack([plain, 3 * plain])
    tracks = some_regions.drop_vars("region_contributions").assign(
        region_contributions=(("track", "region", "position"), values)
    )
    tracks = tracks.assign_coords(track=["a", "b"])
    for chosen, factor in (((), 2), (("b",), 3), (("a", "b"), 2)):
        found = select_scores(tracks, chosen)["region_contributions"]
        assert found.dims == ("region", "position")
        np.testing.assert_allclose(found, factor * plain, rtol=1e-6)
    assert select_scores(some_regions) is some_regions
