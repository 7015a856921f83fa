"""The comparison of callers, against pairs tried one by one; and its page."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import ReadError, RunError, SchemaError
from finemo_zarr.intervals import Intervals
from finemo_zarr.report import make_report, template_parameters
from finemo_zarr.report._callers_places import JoinedHits, find_places, label_agreement
from finemo_zarr.report.callers import (
    callers_summary,
    consensus,
    gather_callers,
    motif_counts,
    region_counts,
    scores_figure,
    truth_table,
    usage_table,
    write_callers,
)
from finemo_zarr.report.templates import find_template
from finemo_zarr.store import open_hits

DATA = Path(__file__).parents[2] / "examples/data"
TRUTH = DATA / "truth.tsv"
N_CALLERS = 3


def joined_hits(seed: int, count: int) -> JoinedHits:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 60, count)
    where = Intervals(rng.integers(0, 2, count), start, start + rng.integers(1, 12, count))
    caller, motif = rng.integers(0, N_CALLERS, count), rng.integers(0, 2, count)
    score = np.where(rng.random(count) < 0.1, np.nan, rng.random(count))
    return JoinedHits(("chr1", "chr2"), ("A", "B"), caller, motif, where, score)


def together(hits: JoinedHits, a: int, b: int) -> bool:
    """Whether two hits share at least half of the shorter."""
    (group, start, end) = hits.where
    shared = min(end[a], end[b]) - max(start[a], start[b])
    return bool(group[a] == group[b] and 2 * shared >= min(end[a] - start[a], end[b] - start[b]))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**16), st.integers(0, 30))
def test_places__are_chains_of_hits_that_overlap(seed, count) -> None:
    hits = joined_hits(seed, count)
    sets: list[set[int]] = [{hit} for hit in range(count)]
    for a in range(count):
        for b in range(a):
            if hits.motif[a] == hits.motif[b] and together(hits, a, b):
                merged = sets[a] | sets[b]
                for member in merged:
                    sets[member] = merged
    places = find_places(hits, N_CALLERS)
    expected = {frozenset(members) for members in sets}
    found = {
        frozenset(np.flatnonzero(places.of_hit == at).tolist()) for at in range(len(places.motif))
    }
    assert found == expected
    for at in range(len(places.motif)):
        own = np.flatnonzero(places.of_hit == at)
        assert set(hits.motif[own]) == {places.motif[at]}
        assert places.where.start[at] == hits.where.start[own].min()
        assert places.where.end[at] == hits.where.end[own].max()
        for caller in range(N_CALLERS):
            scores = hits.score[own[hits.caller[own] == caller]]
            assert places.found[at, caller] == (scores.size > 0)
            best = np.nan if np.isnan(scores).all() else np.nanmax(scores)
            np.testing.assert_equal(places.score[at, caller], best)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**16), st.integers(0, 30))
def test_agreement__is_the_share_of_hits_with_the_same_motif(seed, count) -> None:
    hits = joined_hits(seed, count)
    agreement = label_agreement(hits, N_CALLERS)
    for one, other in np.ndindex(N_CALLERS, N_CALLERS):
        of_other = np.flatnonzero(hits.caller == other).tolist()
        met = same = 0
        for hit in np.flatnonzero(hits.caller == one).tolist():
            motifs = {int(hits.motif[b]) for b in of_other if together(hits, hit, b)}
            met += bool(motifs)
            same += int(hits.motif[hit]) in motifs
        np.testing.assert_allclose(agreement[one, other], same / met if met else np.nan)


@pytest.fixture(scope="module")
def folders(called, tmp_path_factory) -> list[Path]:
    """Return the hits of the example, and those of them that are most similar to their motif."""
    from finemo_zarr.execution import CallOptions, call_hits
    from finemo_zarr.motifs import MotifOptions, prepare_motifs
    from finemo_zarr.readers.motif_tables import read_renames
    from finemo_zarr.registry import read_motifs

    folder = tmp_path_factory.mktemp("callers")
    options = MotifOptions(lambda_default=0.85, renames=read_renames(DATA / "motif_names.tsv"))
    motifs = prepare_motifs(read_motifs(DATA / "modisco.h5"), options)
    shutil.copytree(called / "hits", folder / "loose")
    out = folder / "strict" / "hits.zarr"
    out.parent.mkdir()
    call_hits(called / "regions.zarr", motifs, out, options=CallOptions(scheduler="sync"))
    usage = {"seconds": 1.5, "peak_bytes": 3 * 2**20, "command": "call-hits …", "resumed": True}
    (folder / "strict.json").write_text(json.dumps(usage))
    return [folder / "loose", folder / "strict"]


def test_tables__keep_scores_as_small_as_pvalues(folders, tmp_path) -> None:
    data = gather_callers(folders)
    small = data._replace(places=data.places._replace(score=-1e-12 * data.places.score))
    write_callers(small, tmp_path)
    table = pl.read_csv(tmp_path / "consensus.tsv", separator="\t", infer_schema_length=None)
    for at, name in enumerate(data.names):
        made = table[f"score_{name}"].cast(float).fill_null(np.nan).to_numpy()
        np.testing.assert_allclose(made, small.places.score[:, at], rtol=1e-5, atol=0)


def test_gather__counts_places_and_callers(folders) -> None:
    data = gather_callers(folders)
    stores = [open_hits(folder) for folder in folders]
    assert data.names == ["loose", "strict"]
    counts = motif_counts(data)
    for name, store in zip(data.names, stores, strict=True):
        assert counts[name].sum() == store.hits.sizes["hit"]
    by_region = region_counts(data)
    for name, store in zip(data.names, stores, strict=True):
        per_motif = by_region.group_by("motif_name").agg(pl.col(name).sum())
        assert dict(per_motif.iter_rows()) == dict(counts.select("motif_name", name).iter_rows())
        rows = set(store.regions["region_id"].values[store.hits["hit_region"].values].tolist())
        assert rows == set(by_region.filter(pl.col(name) > 0)["peak_id"])
    assert not by_region.select("peak_id", "motif_name").is_duplicated().any()
    table = consensus(data)
    assert (table["n_callers"] == table["callers"].str.count_matches(",") + 1).all()

    both = table.filter(pl.col("n_callers") == 2)
    assert both.height > 50
    assert both["score_loose"].is_not_null().all()
    only = table.filter(pl.col("callers") == "strict")
    assert only["score_loose"].is_null().all()
    order = table.select("chr", "start").sort("chr", "start", maintain_order=True)
    assert order.equals(table.select("chr", "start"))
    assert "of the places found by all" in callers_summary(data)


def test_gather__measures_against_known_sites(folders) -> None:
    loose = truth_table(gather_callers(folders, truth=TRUTH))
    strict = truth_table(gather_callers(folders, truth=TRUTH, one_to_one=True))
    assert loose["caller"].to_list() == ["loose", "strict"]
    assert loose["f1"][0] > 0.8
    assert loose["recall"][1] < loose["recall"][0]
    assert loose["precision"][1] >= loose["precision"][0]
    assert (strict["f1"] <= loose["f1"]).all()
    assert (loose["best f1"] >= loose["f1"]).all()
    by_other = gather_callers(folders, truth=TRUTH, scores={"strict": "hit_similarity"})
    assert truth_table(by_other)["score"].to_list() == ["hit_coefficient_global", "hit_similarity"]
    assert by_other.truth["strict"].attrs["f1"] == pytest.approx(loose["f1"][1])


def test_gather__knows_what_callers_took(folders, tmp_path) -> None:
    said = usage_table(gather_callers(folders))
    assert ">1.5<" in said
    assert ">3<" in said
    assert "several attempts" in said
    bare = [folders[0], tmp_path / "copy"]
    shutil.copytree(folders[0], bare[1])
    assert "not known" in usage_table(gather_callers(bare))
    (tmp_path / "copy.json").write_text("{")
    with pytest.raises(ReadError, match=r"copy\.json: no JSON"):
        gather_callers(bare)


def test_scores__of_many_callers_are_drawn_against_the_first(folders, tmp_path) -> None:
    many = [tmp_path / name for name in "abcde"]
    for number, copy in enumerate(many):
        shutil.copytree(folders[number % 2], copy)
    said = scores_figure(gather_callers(many[:4]))
    assert said.count("<figure>") == 6 + 1
    said = scores_figure(gather_callers(many))
    assert said.count("<figure>") == 4 + 1
    assert "a and c: " in said
    assert "b and c: " not in said
    assert "Spearman 1.00" in said
    assert "Spearman" not in scores_figure(gather_callers(folders)).partition("common places")[0]


def test_gather__refuses_what_does_not_go_together(folders, hits_store) -> None:
    with pytest.raises(RunError, match="at least two"):
        gather_callers(folders[:1])
    with pytest.raises(RunError, match="given for luck, and there are loose, strict"):
        gather_callers(folders, scores={"luck": "hit_importance"})
    with pytest.raises(SchemaError, match="there is no score hit_luck"):
        gather_callers(folders, scores={"loose": "hit_luck"})
    with pytest.raises(SchemaError, match=r"of other regions \(50\)"):
        gather_callers([folders[0], hits_store])


def test_template__documents_each_parameter_of_callers() -> None:
    readme = (find_template("callers").parent / "README.md").read_text()
    section = readme.partition("## `callers`")[2].partition("\n## ")[0]
    parameters = template_parameters("callers")
    assert parameters
    for parameter, text in parameters.items():
        assert text, parameter
        assert f"`{parameter}`" in section, parameter


@pytest.mark.slow
def test_page__has_every_section(folders, tmp_path) -> None:
    parameters = {"hits": [str(folder) for folder in folders], "truth": str(TRUTH)}
    page = make_report(tmp_path / "report", "callers", parameters)
    text = page.read_text()
    assert "Traceback" not in text
    assert text.count("<svg") == 7  # motifs, places, labels, scores, and three of known sites
    for table in ("counts-table", "truth-table", "usage-table"):
        assert f'id="{table}"' in text
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "consensus.tsv",
        "hits_by_motif.tsv",
        "hits_by_region.tsv",
        "report.html",
        "report.ipynb",
        "truth.tsv",
        "truth_curves.tsv",
    ]
    curves = pl.read_csv(page.parent / "truth_curves.tsv", separator="\t")
    best = curves.group_by("caller").agg(pl.col("f1").max()).sort("caller")["f1"]
    table = pl.read_csv(page.parent / "truth.tsv", separator="\t")
    np.testing.assert_allclose(best, table["best f1"], atol=1e-6)


@pytest.mark.slow
def test_page__of_callers_that_find_nothing(folders, tmp_path) -> None:
    from finemo_zarr.execution import call_hits

    motifs = open_hits(folders[0]).motifs.load()
    motifs["motif_lambda"].values[:] = 1e6
    motifs.attrs |= {"mode": "pp", "placement": "core", "sqrt_transform": 0, "normalize": "full"}
    regions = json.loads((folders[0] / "hits.zarr/zarr.json").read_text())
    source = regions["attributes"]["provenance"]["options"]["regions"]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        call_hits(source, motifs, tmp_path / name / "hits.zarr")
    hits = [str(tmp_path / name) for name in ("one", "two")]
    page = make_report(tmp_path / "report", "callers", {"hits": hits, "truth": str(TRUTH)})
    assert "Traceback" not in page.read_text()
