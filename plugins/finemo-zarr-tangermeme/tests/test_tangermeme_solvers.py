"""Both solvers give what tangermeme and memelite give, on small data."""

import re
import shutil
from itertools import product

import memelite
import numpy as np
import pytest
from finemo_zarr_tangermeme.fimo_attribution import FimoAttribution
from finemo_zarr_tangermeme.scan import least_pvalue
from finemo_zarr_tangermeme.seqlet_tomtom import SeqletTomtom
from tangermeme_data import motifs_of, of_arrays, oriented, simulated, stored

from finemo_zarr import CallOptions, call_hits, create_regions
from finemo_zarr.errors import InputWarning, SchemaError
from finemo_zarr.sequence import encode, one_hot

pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
pytestmark = pytest.mark.filterwarnings("ignore:TOMTOM p-values are rough")


def scores_of(regions):
    return regions.region_contributions.values.astype(np.float32)


def seqlets_by_hand(scores, control=None, **options):
    """Positive seqlets, and negative ones apart from them: (region, start, end, sum, p)."""
    from tangermeme.seqlet import recursive_seqlets

    positive, negative = (
        [(*row[:3], sign * row[3], row[4]) for row in table.itertuples(index=False)]
        for sign in (1, -1)
        for given in [None if control is None else sign * control]
        for table in [
            recursive_seqlets(sign * scores, additional_flanks=1, X_control=given, **options)
        ]
    )
    positive = [row for row in positive if row[3] > 0]
    free = [
        row
        for row in negative
        if row[3] < 0
        and all(row[0] != r or row[1] >= e - 2 or row[2] <= s + 2 for r, s, e, *_ in positive)
    ]
    return sorted(positive + free)


def as_rows(hits, *names):
    return sorted(zip(*(hits[f"hit_{name}"].values.tolist() for name in names), strict=True))


COLUMNS = ("region", "start", "end", "coefficient", "pvalue")


def test_seqlets__are_those_of_each_region_by_itself():
    regions, motifs = simulated()
    hits = SeqletTomtom(match_pvalue=1).solve(regions, oriented(motifs)).hits
    scores = scores_of(regions)
    expected = [
        (row, *found[1:])
        for row in range(len(scores))
        for found in seqlets_by_hand(scores[row : row + 1])
    ]
    assert as_rows(hits, *COLUMNS) == expected
    assert (hits.hit_coefficient < 0).any()


def test_negative_seqlets__are_not_merely_quiet():
    regions, motifs = simulated(n_regions=3)
    scores = np.random.default_rng(0).normal(1, 0.1, (3, 300))
    scores[:, 100:112] = 0.2  # little, but not negative
    scores[1, 200:212] = -1
    raised = create_regions(regions.region_sequence.values, scores)
    hits = SeqletTomtom(match_pvalue=1).solve(raised, oriented(motifs)).hits
    below = hits.isel(hit=np.flatnonzero(hits.hit_coefficient < 0))
    assert as_rows(below, "region", "start", "end") == [(1, 197, 215)]
    assert not ((hits.hit_start >= 98) & (hits.hit_end <= 114)).any()


def test_seqlets__of_negated_scores_are_the_same():
    regions, motifs = simulated(n_regions=3)
    scores = np.random.default_rng(0).normal(-1, 0.5, (3, 300))  # one sign prevails
    scores[1, 200:212] = 2
    found = []
    for given in (scores, -scores):
        own = create_regions(regions.region_sequence.values, given)
        hits = SeqletTomtom(match_pvalue=1).solve(own, oriented(motifs)).hits
        assert (hits.hit_coefficient > 0).any()
        assert (hits.hit_coefficient < 0).any()
        found.append(as_rows(hits, *COLUMNS))
    mirrored = [(*row[:3], -row[3], row[4]) for row in found[1]]
    assert [row[:3] for row in found[0]] == [row[:3] for row in mirrored]
    np.testing.assert_allclose(found[0], mirrored, rtol=1e-6)


def test_seqlets__are_those_of_the_whole_store(tmp_path):
    regions, motifs = simulated()
    path = stored(regions, tmp_path / "regions.zarr")
    solver = SeqletTomtom(null_store=path, match_pvalue=1)
    expected = seqlets_by_hand(scores_of(regions))
    assert as_rows(solver.solve(regions, oriented(motifs)).hits, *COLUMNS) == expected
    half = solver.solve(regions.isel(region=slice(0, 5)), oriented(motifs)).hits
    assert as_rows(half, *COLUMNS) == [row for row in expected if row[0] < 5]


def test_seqlets__keep_to_the_share_of_false_ones_that_a_control_allows(tmp_path):
    regions, motifs = simulated(n_regions=30)
    scores = scores_of(regions)
    noise = np.random.default_rng(0).permuted(scores, axis=1)
    control = create_regions(regions.region_sequence.values, noise)
    paths = {
        "null_store": stored(regions, tmp_path / "regions.zarr"),
        "control_store": stored(control, tmp_path / "control.zarr"),
    }
    hits = SeqletTomtom(**paths, target_fdr=0.1, match_pvalue=1).solve(regions, oriented(motifs))
    expected = seqlets_by_hand(scores, noise, target_fdr=0.1)
    assert as_rows(hits.hits, *COLUMNS) == expected
    assert 0 < len(expected) != len(seqlets_by_hand(scores))


def test_control__that_allows_no_seqlet_is_warned_of(tmp_path):
    regions, motifs = simulated()
    path = stored(regions, tmp_path / "regions.zarr")
    solver = SeqletTomtom(null_store=path, control_store=path)  # as many false ones as all
    with pytest.warns(InputWarning) as warned:
        assert solver.solve(regions, oriented(motifs)).hits.sizes["hit"] == 0
    for sign in ("positive", "negative"):
        assert sum(
            bool(
                re.search(rf"no {sign} seqlets .* 0\.1 \(--target-fdr\), .* is 1", str(one.message))
            )
            for one in warned
        )
    assert not any("target_fdr=" in str(one.message) for one in warned)


@pytest.mark.parametrize("count", [1, 3])
def test_matches__are_those_of_annotate_seqlets(count):
    regions, motifs = simulated()
    solver = SeqletTomtom(n_matches=count, match_pvalue=1)
    hits = solver.solve(regions, oriented(motifs)).hits
    assert (hits.hit_start_untrimmed <= hits.hit_start).all()
    import pandas as pd
    import torch
    from tangermeme.annotate import annotate_seqlets

    spans = sorted(set(as_rows(hits, "region", "start", "end")))
    encoded = torch.from_numpy(one_hot(regions.region_sequence.values, np.float32))
    cores = oriented(motifs).isel(motif=slice(None, None, 2))
    targets = {
        str(name): matrix[:, start:end].astype(np.float32)
        for name, matrix, start, end in zip(
            cores.motif_name.values,
            cores.motif_ppm.values,
            cores.motif_start.values,
            cores.motif_end.values,
            strict=True,
        )
    }
    with pytest.warns(UserWarning, match="target"):
        indices, pvalues = annotate_seqlets(encoded, pd.DataFrame(spans), targets, n_nearest=count)
    expected = sorted(
        (*span, index, pvalue)
        for span, row, p in zip(spans, indices.tolist(), pvalues.tolist(), strict=True)
        for index, pvalue in zip(row, p, strict=True)
    )
    found = [
        (*row[:3], row[3] // 2, row[4])
        for row in as_rows(hits, "region", "start", "end", "motif", "match_pvalue")
    ]
    assert [row[:4] for row in sorted(found)] == [row[:4] for row in expected]
    np.testing.assert_allclose([row[4] for row in sorted(found)], [row[4] for row in expected])


def test_matches__say_the_strand_and_where_the_motif_lies():
    sites = ["GATTACAGG", "CCTTTGACA", "ACGTTGCAAT"]
    plus, minus = "GATTACAGG", "TGTCAAAGG"  # the second on the other strand
    text = "T" * 20 + plus + "A" * 20 + minus + "T" * 20
    codes = encode(text)[None]
    scores = np.random.default_rng(1).normal(0, 0.01, codes.shape)
    scores[0, 20:29], scores[0, 49:58] = 1, 1
    hits = SeqletTomtom().solve(create_regions(codes, scores), oriented(motifs_of(sites))).hits
    assert hits.hit_motif.values.tolist() == [0, 3]
    assert hits.hit_motif_position.values.tolist() == [20, 49]


def test_matches__that_reach_over_the_edge_are_no_hits_where_all_must_be_inside():
    text = "TACAGG" + "T" * 40 + "GATTACAGG" + "T" * 20
    codes = encode(text)[None]
    scores = np.random.default_rng(1).normal(0, 0.01, codes.shape)
    scores[0, :6], scores[0, 46:55] = 1, 1
    starts = {}
    for placement in ("core", "full"):
        motifs = oriented(motifs_of(["GATTACAGG", "CCTTTGACA"]), placement=placement)
        hits = SeqletTomtom(match_pvalue=1).solve(create_regions(codes, scores), motifs).hits
        starts[placement] = set(hits.hit_motif_position.values.tolist())
    assert starts["core"] - starts["full"] == {-3}
    assert 46 in starts["full"]


def test_matches__over_the_largest_pvalue_are_no_hits():
    regions, motifs = simulated()
    every = SeqletTomtom(match_pvalue=1).solve(regions, oriented(motifs)).hits
    few = SeqletTomtom(match_pvalue=1e-3).solve(regions, oriented(motifs)).hits
    assert 0 < few.sizes["hit"] < every.sizes["hit"]
    assert few.hit_match_pvalue.values.max() <= 1e-3


def test_matches__of_few_motifs_are_said_to_be_rough():
    regions, motifs = simulated()
    with pytest.warns(InputWarning, match="rough with 8 motifs"):
        SeqletTomtom().solve(regions, oriented(motifs))


def best_chance(core):
    """Chance of the best words, by trying all of them."""
    best = sum(
        (core[list(word), range(core.shape[1])] == core.max(axis=0)).all()
        for word in product(range(4), repeat=core.shape[1])
    )
    return best * 4.0 ** -core.shape[1]


def test_least_pvalue__is_the_chance_of_the_best_words():
    rng = np.random.default_rng(0)
    for _ in range(5):
        core = rng.integers(1, 4, (4, 5)) / 8
        assert least_pvalue(core) == best_chance(core)


def fimo_by_hand(regions, motifs, threshold):
    codes = regions.region_sequence.values
    plus = oriented(motifs).isel(motif=slice(None, None, 2))
    cores = {
        str(index): plus.motif_ppm.values[index][:, slice(*ends)].astype(float)
        for index, ends in enumerate(
            zip(plus.motif_start.values, plus.motif_end.values, strict=True)
        )
    }
    tables = memelite.fimo(cores, one_hot(codes, np.int8), threshold=threshold)
    return sorted(
        (
            row.sequence_name,
            row.start,
            row.end,
            2 * index + (row.strand == "-"),
            max(pvalue, least_pvalue(cores[str(index)])),
        )
        for index, table in enumerate(tables)
        for row, pvalue in zip(table.itertuples(), table["p-value"], strict=True)
        if least_pvalue(cores[str(index)]) <= threshold
    )


def test_scan__finds_the_matches_of_fimo():
    regions, motifs = simulated()
    solver = FimoAttribution(scan_pvalue=1e-3, attribution_threshold=0)
    hits = solver.solve(regions, oriented(motifs)).hits
    found = as_rows(hits, "region", "start", "end", "motif", "pvalue")
    assert found == fimo_by_hand(regions, motifs, 1e-3)
    scores = scores_of(regions)
    for index in range(0, hits.sizes["hit"], 7):
        hit = hits.isel(hit=index)
        own = scores[int(hit.hit_region), int(hit.hit_start) : int(hit.hit_end)]
        assert float(hit.hit_coefficient) == pytest.approx(own.sum(), abs=1e-5)
        assert float(hit.hit_importance) == pytest.approx(np.abs(own).sum(), abs=1e-5)


def test_scan__keeps_matches_above_the_quantile_of_windows(tmp_path):
    regions, motifs = simulated()
    every = FimoAttribution(scan_pvalue=1e-3, attribution_threshold=0)
    store = stored(regions, tmp_path / "regions.zarr")
    for path in (None, store):
        solver = FimoAttribution(scan_pvalue=1e-3, attribution_quantile=0.9, null_store=path)
        hits = solver.solve(regions, oriented(motifs)).hits
        expected = []
        for hit in as_rows(
            every.solve(regions, oriented(motifs)).hits,
            *("region", "start", "end", "motif", "coefficient"),
        ):
            rows = slice(None) if path else slice(hit[0], hit[0] + 1)
            windows = np.lib.stride_tricks.sliding_window_view(
                scores_of(regions)[rows].astype(float), hit[2] - hit[1], axis=1
            ).sum(axis=-1)
            if abs(hit[4]) > np.quantile(np.abs(windows), 0.9):
                expected.append(hit[:4])
        assert as_rows(hits, "region", "start", "end", "motif") == expected
        assert expected
    assert (hits.hit_coefficient < 0).any()


def test_scan__does_not_depend_on_how_it_is_cut(monkeypatch):
    from finemo_zarr_tangermeme import scan

    regions, motifs = simulated()
    solver = FimoAttribution(scan_pvalue=1e-3)
    whole = solver.solve(regions, oriented(motifs)).hits
    monkeypatch.setattr(scan, "MOTIFS_AT_ONCE", 3)
    monkeypatch.setattr(scan, "BASES_AT_ONCE", 900)
    assert solver.solve(regions, oriented(motifs)).hits.equals(whole)


def test_scan__says_which_motifs_are_too_narrow():
    motifs = oriented(motifs_of(["GATTAC", "GATTACAGG"]))
    regions, _ = simulated(n_regions=100)
    with pytest.warns(
        InputWarning, match=r"1 motifs are too narrow.*motif_GATTAC \(6 bp, 0.00024 at best\)"
    ):
        FimoAttribution().solve(regions, motifs)
    wider = FimoAttribution(scan_pvalue=2.5e-4, attribution_threshold=0)
    assert 0 in wider.solve(regions, motifs).hits.hit_motif.values // 2


def test_scan__never_gives_a_pvalue_below_that_of_one_sequence():
    regions, _ = simulated(n_regions=200)
    motifs = oriented(motifs_of(["GATTACAG", "TTTCCAAC"]))
    solver = FimoAttribution(attribution_threshold=0)
    pvalues = solver.solve(regions, motifs).hits.hit_pvalue.values
    assert pvalues.size
    assert pvalues.min() >= 4.0**-8


def test_scan__has_no_pvalue_below_that_of_the_words_that_tie():
    vague = motifs_of(["GATTACAG", "TTTCCAAC"])
    for at, free in ((3, 2), (5, 4)):  # two bases tie at one position, four at another
        vague.motif_ppm.values[0, :, at] = [0.5, 0.5, 0, 0] if free == 2 else 0.25
    regions, _ = simulated(n_regions=100)
    with pytest.warns(InputWarning, match=r"1 motifs are .*motif_GATTACAG \(8 bp, 0.00012 at"):
        hits = FimoAttribution(attribution_threshold=0).solve(regions, oriented(vague)).hits
    assert 0 not in hits.hit_motif.values // 2
    wider = FimoAttribution(scan_pvalue=5e-4, attribution_threshold=0)
    hits = wider.solve(regions, oriented(vague)).hits
    own = hits.hit_pvalue.values[hits.hit_motif.values < 2]
    assert own.min() == 8 * 4.0**-8


def test_scan__keeps_motifs_inside_where_all_of_them_must_be():
    regions, motifs = simulated()
    solver = FimoAttribution(scan_pvalue=1e-3, attribution_threshold=0)
    core = solver.solve(regions, oriented(motifs)).hits
    full = solver.solve(regions, oriented(motifs, placement="full")).hits
    assert 0 < full.sizes["hit"] < core.sizes["hit"]
    assert full.hit_start_untrimmed.values.min() >= 0
    assert full.hit_end_untrimmed.values.max() <= 300


@pytest.mark.parametrize("solver", [SeqletTomtom(), FimoAttribution()])
def test_solvers__refuse_what_they_cannot_use(solver):
    regions, motifs = simulated(n_regions=3)
    with pytest.raises(SchemaError, match="motif_ppm"):
        solver.solve(regions, oriented(motifs.drop_vars("motif_ppm")))
    regions.region_contributions.values[1, 5] = np.nan
    with pytest.raises(SchemaError, match="1 regions have scores that are not finite"):
        solver.solve(regions, oriented(motifs))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SeqletTomtom(seqlet_threshold=0), "--seqlet-threshold is 0"),
        (lambda: SeqletTomtom(match_pvalue=2), "--match-pvalue is 2"),
        (lambda: SeqletTomtom(seqlet_shortest=30), "30 to 25 bp"),
        (lambda: SeqletTomtom(n_matches=0), "--n-matches"),
        (lambda: SeqletTomtom(control_store="x"), "--null-store, which is missing"),
        (lambda: FimoAttribution(scan_pvalue=0), "--scan-pvalue is 0"),
        (lambda: FimoAttribution(attribution_quantile=1.5), "1.5"),
        (lambda: FimoAttribution(attribution_threshold=-1), "-1"),
        (lambda: FimoAttribution(null_regions=0), "--null-regions is 0"),
    ],
)
def test_options__that_make_no_sense_are_refused(make, message):
    with pytest.raises(SchemaError, match=message):
        make()


def test_null_store__of_several_tracks_is_refused(tmp_path):
    regions, motifs = simulated(n_regions=3)
    scores = np.stack([scores_of(regions)] * 2)
    both = create_regions(regions.region_sequence.values, scores, tracks=["a", "b"])
    path = stored(both, tmp_path / "two.zarr")
    with pytest.raises(SchemaError, match="several tracks"):
        SeqletTomtom(null_store=path).solve(regions, oriented(motifs))


def test_null_store__of_regions_narrower_than_a_motif_is_refused(tmp_path):
    regions, motifs = simulated()[0], oriented(motifs_of(["GATTACAG"]))
    narrow = create_regions(np.zeros((3, 7), np.uint8), np.ones((3, 7)))
    path = stored(narrow, tmp_path / "narrow.zarr")
    with pytest.raises(SchemaError, match=r"narrow.zarr has regions of 7 bp, and a motif has 8 bp"):
        FimoAttribution(null_store=path, scan_pvalue=1e-3).solve(regions, motifs)


@pytest.mark.parametrize("make", [SeqletTomtom, FimoAttribution])
def test_null_store__that_was_written_anew_is_read_anew(tmp_path, make):
    regions, motifs = simulated()
    weak = regions.assign(region_contributions=regions.region_contributions / 100)
    found = []
    for given, name in ((regions, "regions.zarr"), (weak, "regions.zarr"), (weak, "weak.zarr")):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        path = stored(given, tmp_path / name)
        hits = make(null_store=path).solve(regions, oriented(motifs)).hits
        found.append(as_rows(hits, "region", "start", "end", "motif"))
    assert found[0] != found[1] == found[2]


@pytest.mark.parametrize(
    ("solver", "extra"),
    [
        (SeqletTomtom(), {"hit_pvalue", "hit_match_pvalue", "hit_motif_position"}),
        (FimoAttribution(scan_pvalue=1e-3), {"hit_pvalue"}),
    ],
)
def test_run__keeps_the_extra_columns(tmp_path, solver, extra):
    regions, motifs = simulated(n_regions=20)
    path = stored(regions, tmp_path / "regions.zarr")
    options = CallOptions(jobs=2, block=5)
    opened = call_hits(
        path, oriented(motifs), tmp_path / "hits.zarr", solver=solver, options=options
    )
    assert extra <= set(opened.hits.variables)
    expected = solver.solve(regions, oriented(motifs)).hits
    assert opened.hits.sizes["hit"] == expected.sizes["hit"] > 0
    for name in (*extra, "hit_coefficient"):
        np.testing.assert_array_equal(opened.hits[name].values, expected[name].values)


@pytest.mark.parametrize("make", [SeqletTomtom, FimoAttribution])
def test_tiles__need_a_null_store(make):
    assert "--null-store" in make().whole_regions
    assert make(null_store="regions.zarr").whole_regions is None
    assert FimoAttribution(attribution_threshold=0.1).whole_regions is None


def test_seqlets__without_a_base_are_no_hits():
    regions, motifs = simulated(n_regions=3)
    ohe = one_hot(regions.region_sequence.values, np.float32)
    ohe[1] = 0
    scores = ohe * scores_of(regions)[:, None]
    hits = SeqletTomtom().solve(of_arrays(ohe, scores), oriented(motifs)).hits
    assert set(hits.hit_region.values.tolist()) == {0, 2}
