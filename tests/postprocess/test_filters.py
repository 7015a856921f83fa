import numpy as np
import pytest
from planted_pairs import hits_of, oriented_motifs, planted, regions_of, shuffled, write_regions

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError, SchemaError
from finemo_zarr.execution.check import check_store
from finemo_zarr.model import create_regions
from finemo_zarr.postprocess import collapse_hits
from finemo_zarr.postprocess._hit_windows import hit_windows
from finemo_zarr.postprocess._scores import Scores
from finemo_zarr.postprocess._windows import Centres
from finemo_zarr.postprocess.filters import (
    ExponentialOptions,
    IsotonicOptions,
    exponential_filter,
    filter_table,
    isotonic_filter,
    write_kept,
)
from finemo_zarr.sequence import one_hot, project

N = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("filters")


@pytest.fixture(scope="module")
def sites():
    """True sites, then as many places where nothing is."""
    true = planted(N, seed=5)
    false = shuffled(true, seed=6)
    return {name: np.concatenate([true[name], false[name]]) for name in true}


@pytest.fixture(scope="module")
def datasets(sites):
    half = {name: values[: len(values) // 2] for name, values in sites.items()}
    return regions_of(half, N)


@pytest.fixture(scope="module")
def stores(folder, sites, datasets):
    regions = write_regions(datasets, folder / "regions.zarr")
    is_true = np.arange(len(sites["region"])) < len(sites["region"]) // 2
    return regions, hits_of(sites, datasets, folder / "hits.zarr", true=is_true)


@pytest.fixture(scope="module")
def filtered(stores):
    return isotonic_filter(stores[1], stores[0])


def test_isotonic_filter__tells_sites_from_chance(stores, filtered):
    true = store.open_hits(stores[1]).hits["hit_true"].values
    assert filtered.kept[true].mean() > 0.8
    # Some of the random places lie on other sites.
    assert filtered.kept[~true].mean() < 0.25


def test_isotonic_filter__measures_what_is_defined(stores, filtered, datasets):
    opened = store.open_hits(stores[1])
    hits, motifs = opened.hits, opened.motifs
    codes = datasets["region_sequence"].values
    actual = project(datasets["region_contributions"].values, codes)
    for hit in range(0, hits.sizes["hit"], 7):
        region, start, end, motif = (
            int(hits[f"hit_{name}"][hit]) for name in ("region", "start", "end", "motif")
        )
        under = actual[region, start:end].astype(float)
        share = np.abs(under).sum() / np.abs(actual[region].astype(float)).sum()
        assert filtered.columns["hit_imp_frac"][hit] == pytest.approx(share, rel=1e-5)
        first = int(motifs["motif_start"][motif])
        cwm = motifs["motif_cwm"].values[motif, :, first : first + end - start]
        window = one_hot(codes[region, start:end]) * under / np.abs(under).sum()
        unit = cwm / np.abs(cwm).sum()
        expected = max((window * unit).sum(), (window * unit[::-1, ::-1]).sum())
        found = filtered.columns["hit_cwm_similarity"][hit]
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_isotonic_filter__keeps_what_the_thresholds_say(filtered):
    for panel, row in zip(filtered.panels, filtered.summary, strict=True):
        at = panel.attrs
        enough = (panel["similarity"] >= at["similarity_threshold"]) | (
            panel["importance"] >= at["sufficient_importance"]
        )
        expected = enough & (panel["importance"] >= at["importance_threshold"])
        assert (panel["kept"] == expected).all()
        assert row["num_kept"] == int(expected.sum()) <= row["num_hits"] == panel.sizes["hit"]
        assert at["importance_threshold"] <= at["sufficient_importance"]
        assert panel.sizes["window"] == panel.sizes["hit"]
    assert sum(row["num_kept"] for row in filtered.summary) == filtered.kept.sum()


def test_isotonic_filter__is_stricter_with_larger_precisions(stores, filtered):
    strict = isotonic_filter(
        stores[1], stores[0], IsotonicOptions(importance=0.9, sufficient=0.97, similarity=1.0)
    )
    assert not (strict.kept & ~filtered.kept).any()
    assert strict.kept.sum() < filtered.kept.sum()


def test_isotonic_filter__depends_on_the_seed_alone(stores, filtered):
    again = isotonic_filter(stores[1], stores[0])
    assert (again.kept == filtered.kept).all()
    assert again.panels[0].identical(filtered.panels[0])
    other = isotonic_filter(stores[1], stores[0], IsotonicOptions(seed=1))
    assert not other.panels[0].identical(filtered.panels[0])


def test_filters__measure_the_importance_whatever_the_caller_gave(
    stores, sites, datasets, tmp_path
):
    """Of another window, it would not be a share of what that of random windows is."""
    given = np.linspace(0, 1, len(sites["region"]))
    path = hits_of(sites, datasets, tmp_path / "given.zarr", imp_frac=given)
    for options in (IsotonicOptions(window=100), ExponentialOptions(window=100)):
        call = isotonic_filter if isinstance(options, IsotonicOptions) else exponential_filter
        found, plain = (call(each, stores[0], options) for each in (path, stores[1]))
        assert (found.kept == plain.kept).all()
        np.testing.assert_array_equal(found.columns["hit_imp_frac"], plain.columns["hit_imp_frac"])


@pytest.mark.parametrize("width", [8, 9])
@pytest.mark.parametrize("window", [4, 5])
def test_centres__are_where_readers_cut(stores, width, window):
    scores = Scores.of(store.open_hits(stores[1]), stores[1], stores[0])
    scores = scores._replace(regions=scores.regions.isel(position=slice(width)))
    centres = Centres.of(scores, window)
    first = width // 2 - window // 2
    assert set(zip(*centres, strict=True)) == {(first, first + window)}


def test_isotonic_filter__leaves_out_what_lies_outside_of_the_window(stores):
    found = isotonic_filter(stores[1], stores[0], IsotonicOptions(window=100))
    hits = store.open_hits(stores[1]).hits
    inside = (hits["hit_start"].values >= 50) & (hits["hit_end"].values <= 150)
    assert 0 < inside.sum() < len(inside)
    assert (np.isnan(found.columns["hit_imp_frac"]) == ~inside).all()
    assert not found.kept[~inside].any()
    assert all(float(p["importance"].max()) <= 1 for p in found.panels)


def test_isotonic_filter__looks_at_primary_hits_only(stores, tmp_path):
    with pytest.raises(SchemaError, match="collapse-hits"):
        isotonic_filter(stores[1], stores[0], primary=True)
    collapse_hits(stores[1], tmp_path / "c.zarr")
    found = isotonic_filter(tmp_path / "c.zarr", stores[0], primary=True)
    primary = store.open_hits(tmp_path / "c.zarr").hits["hit_is_primary"].values
    assert not (found.kept & ~primary).any()
    assert sum(row["num_hits"] for row in found.summary) == primary.sum()


def test_isotonic_filter__asks_for_the_regions_of_the_hits(stores, tmp_path, regions_store):
    with pytest.raises(RunError, match="give it with -r"):
        isotonic_filter(stores[1])
    with pytest.raises(ReadError, match="has 50 regions, and the hits"):
        isotonic_filter(stores[1], regions_store)


def test_isotonic_filter__finds_the_regions_by_itself(hits_store):
    found = isotonic_filter(hits_store)
    assert len(found.kept) == store.open_hits(hits_store).hits.sizes["hit"]
    assert sum(row["num_hits"] for row in found.summary) == len(found.kept)


def test_isotonic_filter__of_no_hits_is_empty(stores, sites, datasets, tmp_path):
    none = {name: values[:0] for name, values in sites.items()}
    path = hits_of(none, datasets, tmp_path / "none.zarr")
    for found in (isotonic_filter(path, stores[0]), exponential_filter(path, stores[0])):
        assert found.kept.size == 0
        assert found.summary == []
    write_kept(path, tmp_path / "kept.zarr", isotonic_filter(path, stores[0]), IsotonicOptions())
    assert store.open_hits(tmp_path / "kept.zarr").hits.sizes["hit"] == 0


def test_filters__take_each_track_for_itself(sites, datasets, reader, solver, tmp_path):
    from finemo_zarr.execution import call_hits, extract_regions

    scores = datasets["region_contributions"].values
    both = create_regions(
        datasets["region_sequence"].values,
        np.stack([scores, scores[:, :, ::-1]]),
        tracks=["liver", "brain"],
    )
    extract_regions(reader(both), tmp_path / "r.zarr")
    call_hits(tmp_path / "r.zarr", oriented_motifs(), tmp_path / "h.zarr", solver=solver)
    found = isotonic_filter(tmp_path / "h.zarr")
    assert {row["track"] for row in found.summary} == {"liver", "brain"}
    opened = store.open_hits(tmp_path / "h.zarr")
    first = int((opened.hits["hit_track"].values == 0).sum())
    shares = found.columns["hit_imp_frac"]
    hits = opened.hits.isel(hit=slice(first, None))
    actual = np.abs(project(scores[:, :, ::-1], datasets["region_sequence"].values))
    for hit in range(0, hits.sizes["hit"], 17):
        region, start, end = (int(hits[f"hit_{name}"][hit]) for name in ("region", "start", "end"))
        expected = actual[region, start:end].sum() / actual[region].sum()
        assert shares[first + hit] == pytest.approx(expected, rel=1e-4)
    tails = exponential_filter(tmp_path / "h.zarr")
    assert [row["track"] for row in tails.summary] == ["liver", "brain"]


# --- Windows --------------------------------------------------------------------------------------


def test_centres__draw_every_window_once_if_asked_for_all():
    centres = Centres(np.array([0, 2, 1]), np.array([4, 3, 9]))
    windows = centres.draw(100, 3, 0, np.random.default_rng(0))
    found = set(zip(windows.region.tolist(), windows.start.tolist(), strict=True))
    assert found == {(0, 0), (0, 1), *((2, start) for start in range(1, 7))}
    assert len(windows.region) == 8
    assert (windows.end - windows.start == 3).all()
    few = centres.draw(5, 3, 0, np.random.default_rng(0))
    assert len({*zip(few.region.tolist(), few.start.tolist(), strict=True)}) == 5
    assert centres.draw(5, 30, 0, np.random.default_rng(0)).region.size == 0


def test_centres__are_the_middle_of_each_region(stores, folder):
    opened = store.open_hits(stores[1])
    scores = Scores.of(opened, stores[1], stores[0])
    assert set(Centres.of(scores, None).end.tolist()) == {200}
    centres = Centres.of(scores, 60)
    assert (centres.start[0], centres.end[0]) == (70, 130)
    ragged = scores._replace(regions=scores.regions.assign(region_width=("region", np.full(N, 50))))
    assert (Centres.of(ragged, 60).start[0], Centres.of(ragged, 60).end[0]) == (0, 50)


def test_hit_windows__cut_the_core_of_the_run_on_either_strand(stores):
    opened = store.open_hits(stores[1])
    rows = np.arange(opened.hits.sizes["hit"])
    windows, motif, cores = hit_windows(opened, rows)
    motifs = opened.motifs
    for hit in rows[::11]:
        plus = 2 * motif[hit]
        start, end = (int(motifs[f"motif_{name}"][plus]) for name in ("start", "end"))
        expected = motifs["motif_cwm"].values[plus, :, start:end]
        assert (cores[windows.core[hit]] == expected).all()


# --- Exponential ----------------------------------------------------------------------------------


def test_exponential_filter__keeps_what_reaches_its_threshold(stores):
    found = exponential_filter(stores[1], stores[0])
    (row,) = found.summary
    assert (found.kept == (found.columns["hit_imp_frac"] >= row["threshold"])).all()
    assert row["threshold"] == pytest.approx(row["mode"] + 0.10536 / row["rate"], rel=1e-4)
    assert row["score"] == "hit_imp_frac"


def test_exponential_filter__takes_any_score_without_regions(stores):
    found = exponential_filter(stores[1], None, ExponentialOptions(score="hit_coefficient"))
    assert found.columns == {}
    assert found.kept.all()
    with pytest.raises(ReadError, match="no score hit_nothing"):
        exponential_filter(stores[1], None, ExponentialOptions(score="hit_nothing"))
    with pytest.raises(RunError, match="hits have no hit_importance; choose"):
        exponential_filter(stores[1], None, ExponentialOptions(score="hit_importance"))


def test_write_kept__writes_a_whole_store(stores, filtered, tmp_path):
    write_kept(stores[1], tmp_path / "kept.zarr", filtered, IsotonicOptions())
    assert check_store(tmp_path / "kept.zarr").state == "ok"
    made, source = store.open_hits(tmp_path / "kept.zarr"), store.open_hits(stores[1])
    assert made.hits.sizes["hit"] == filtered.kept.sum()
    for name in source.hits.data_vars:
        expected = source.hits[name].values[filtered.kept]
        assert np.array_equal(
            made.hits[name].values, expected, equal_nan=expected.dtype.kind == "f"
        )
    assert {"hit_imp_frac", "hit_cwm_similarity"} <= set(made.hits.data_vars)
    step = store.read_info(tmp_path / "kept.zarr").provenance["steps"][-1]
    assert step["command"] == "filter-hits"
    assert step["options"]["importance"] == 0.5
    with pytest.raises(RunError, match="exists"):
        write_kept(stores[1], tmp_path / "kept.zarr", filtered, IsotonicOptions())


def test_filter_table__keeps_rows_byte_for_byte(tmp_path):
    header = "chr\tstart\tend\tnote\tlog_odds"
    rng = np.random.default_rng(0)
    scores = rng.exponential(1.0, 500).round(4).tolist()
    lines = [f"chr1\t{i}\t{i + 5}\ta b\t{score}" for i, score in enumerate(scores)]
    (tmp_path / "a.tsv").write_text("\n".join([header, *lines]))
    found = filter_table(
        tmp_path / "a.tsv", tmp_path / "b.tsv", ExponentialOptions(score="log_odds")
    )
    threshold = found.summary[0]["threshold"]
    kept = [line for line, score in zip(lines, scores, strict=True) if score >= threshold]
    assert (tmp_path / "b.tsv").read_text().rstrip("\n") == "\n".join([header, *kept])
    assert 0 < len(kept) < 500
    with pytest.raises(ReadError, match="no column hit_imp_frac"):
        filter_table(tmp_path / "a.tsv", tmp_path / "c.tsv", ExponentialOptions())
    (tmp_path / "none.tsv").write_text(f"{header}\n")
    options = ExponentialOptions(score="log_odds")
    assert filter_table(tmp_path / "none.tsv", tmp_path / "d.tsv", options).summary == []
    assert (tmp_path / "d.tsv").read_text() == f"{header}\n"
