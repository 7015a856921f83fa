"""The templates submotifs, motif-heatmap, performance and digest."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xarray as xr
from click.testing import CliRunner
from in_chromium import NEEDS_CHROMIUM, OUTSIDE, OVERLAPS, chromium, opened_page
from scipy.special import log_softmax

from finemo_zarr.cli.app import app
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.evaluation.predictions import read_performance
from finemo_zarr.evaluation.profile_metrics import PROFILE_METRICS
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.report import (
    find_template,
    gather,
    performance_sections,
    tables,
    template_parameters,
)
from finemo_zarr.report.beside import save
from finemo_zarr.report.given import listed, named
from finemo_zarr.report.motif_cluster_sections import gather_motif_clusters
from finemo_zarr.report.performance_sections import (
    count_figures,
    count_value,
    gather_performance,
    judged,
    performance_rows,
    profile_figures,
)
from finemo_zarr.report.submotif_sections import (
    gather_submotifs,
    overview,
    submotif_summary,
    submotif_tables,
)
from finemo_zarr.store import HitsStore
from finemo_zarr.testing import simulate_motifs

TEMPLATES = ("submotifs", "motif-heatmap", "performance", "digest")


def run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def group(folder: Path, name: str) -> xr.Dataset:
    return xr.open_zarr(folder / "report.zarr", group=name, consolidated=False).load()


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"{name}.tsv", separator="\t")


def page_of(folder: Path) -> str:
    page = (folder / "report.html").read_text()
    assert len(page) < 3_000_000
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert "import " not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    return page


def predictions(path: Path, *, noise: float, tasks: int = 2, seed: int = 0) -> Path:
    import h5py

    rng = np.random.default_rng(0)
    shape = (60, tasks, 100, 2)
    truth = np.exp(-(((np.arange(100)[:, None] - rng.uniform(30, 70, (60, tasks, 1, 2))) / 9) ** 2))
    true = rng.poisson(truth * np.exp(rng.normal(1, 1, (60, tasks, 1, 1))) + 0.02)
    true[0] = 0
    own = np.random.default_rng(seed)
    logits = np.log(truth + 0.02) + own.normal(0, noise, shape)
    counts = true.sum(axis=2)
    with h5py.File(path, "w") as file:
        made = file.create_group("predictions")
        made["true_profs"], made["true_counts"] = true, counts
        made["log_pred_profs"] = log_softmax(logits, axis=2)
        made["log_pred_counts"] = np.log1p(counts) + own.normal(0, noise, counts.shape)
        where = file.create_group("coords")
        where["coords_chrom"] = np.array(["chr1", "chr2"] * 30, dtype="S")
        where["coords_start"] = np.arange(60) * 1000
        where["coords_end"] = np.arange(60) * 1000 + 100
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [
        predictions(folder / f"{name}.h5", noise=noise, seed=seed)
        for seed, (name, noise) in enumerate({"good": 0.2, "bad": 1.5}.items())
    ]


@pytest.fixture(scope="module")
def pages(called, modisco, models, tmp_path_factory) -> dict[str, Path]:
    """Return the folders of a report of each template, of the bundled example."""
    folder = tmp_path_factory.mktemp("pages")
    hits, listed_models = called / "hits", f"[{models[0]},{models[1]}]"
    words = {
        "submotifs": ["-m", modisco, "-H", hits],
        "motif-heatmap": ["-m", modisco, "-H", hits, "-P", "names=[file,run]"],
        "performance": ["-P", f"predictions={listed_models}", "-P", "bounds=computed"],
        "digest": ["-H", hits, "-m", modisco, "-P", f"predictions={models[0]}"],
    }
    for name, own in words.items():
        run("report", "--template", name, *own, "-o", folder / name)
    return {name: folder / name for name in words}


@pytest.mark.parametrize("name", TEMPLATES)
def test_template__documents_each_parameter(name: str) -> None:
    readme = (find_template(name).parent / "README.md").read_text()
    own = readme.split(f"## `{name}`")[1].split("\n## ")[0]
    parameters = template_parameters(name)
    assert "out_dir" in parameters
    for parameter, text in parameters.items():
        assert text, parameter
        assert f"| `{parameter}` |" in own, parameter
    assert set(re.findall(r"^\| `(\w+)` \|", own, re.MULTILINE)) == set(parameters)


@pytest.mark.parametrize("name", TEMPLATES)
def test_pages__hold_everything_that_they_show(pages, name) -> None:
    page = page_of(pages[name])
    assert page.count("<h2") >= 3
    shown = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|NaN|None)\b", re.sub(r"<[^>]*>", " ", shown))


def test_submotifs__are_those_of_the_regions_where_the_file_has_no_scores(pages) -> None:
    table, seqlets = (
        read(pages["submotifs"], "submotifs"),
        read(pages["submotifs"], "submotif_seqlets"),
    )
    assert seqlets.height == table["seqlets"].sum() == 1138
    counted = seqlets.group_by("pattern", "submotif").len().sort("pattern", "submotif")
    own = table.select("pattern", "submotif", pl.col("seqlets").cast(pl.UInt32).alias("len"))
    assert counted.equals(own.sort("pattern", "submotif"))
    assert "CTCF" in table["pattern"].to_list()  # the name of the run, not that of the file
    stored = group(pages["submotifs"], "submotifs/CTCF")
    ctcf = table.filter(pl.col("pattern") == "CTCF")
    assert stored["count"].values.tolist() == ctcf["seqlets"].to_list()
    assert stored["base"].values.tolist() == list("ACGT")
    page = page_of(pages["submotifs"])
    assert "compared by their contribution" in page
    assert 'id="dots-0"' in page


def test_submotifs__say_what_is_left_out(modisco) -> None:
    found = gather_submotifs(modisco)
    assert "Left out: pos_patterns.pattern_0" in submotif_summary(found)
    assert "nothing to show" in overview(found)
    assert submotif_tables(found) == ""
    with pytest.raises(
        RunError, match=r"no pattern is called x; there are pos_patterns\.pattern_0"
    ):
        gather_submotifs(modisco, patterns=["x"])
    with pytest.raises(RunError, match="no TF-MoDISco file was given"):
        gather_submotifs("")


def test_submotifs__of_regions_that_are_not_those_are_left_out(called, modisco, tmp_path) -> None:
    from finemo_zarr.store import open_regions

    turned = open_regions(called / "regions.zarr").isel(region=slice(None, None, -1)).load()
    found = gather_submotifs(modisco, hits=called / "hits")
    assert len(found.found) == 8
    from finemo_zarr.evaluation.submotifs import with_scores
    from finemo_zarr.readers.modisco_members import read_members

    others = turned.assign(region_id=("region", np.arange(turned.sizes["region"])))
    for members in read_members(modisco):
        assert with_scores(members, turned) is not None  # by their numbers
        assert with_scores(members, others) is None


def test_motif_heatmap__finds_each_motif_in_the_other_group(pages) -> None:
    motifs, clusters = (read(pages["motif-heatmap"], name) for name in ("motifs", "clusters"))
    assert clusters["count"].to_list() == [2] * 8
    assert clusters["num_groups"].to_list() == [2] * 8
    assert clusters["mean_similarity"].min() > 0.999
    assert motifs.height == 16
    similarity = read(pages["motif-heatmap"], "similarity")
    assert similarity.columns[1:] == similarity["motif_name"].to_list()
    stored = group(pages["motif-heatmap"], "motifs")
    np.testing.assert_allclose(
        stored["similarity"].values, similarity.drop("motif_name").to_numpy(), rtol=1e-5
    )
    assert stored["motif"].values.tolist() == similarity["motif_name"].to_list()
    page = page_of(pages["motif-heatmap"])
    assert "clusters with motifs of several files" in page
    assert "run:CTCF" in page


def test_motif_heatmap__asks_for_motifs(tmp_path) -> None:
    with pytest.raises(RunError, match="no motifs were given"):
        gather_motif_clusters()
    with pytest.raises(RunError, match=r"1 names \(a\) for 2 files"):
        gather_motif_clusters([tmp_path / "a.h5", tmp_path / "b.h5"], names=["a"])


def test_performance__is_that_of_the_metrics(pages, models) -> None:
    table = read(pages["performance"], "performance")
    assert table["model"].to_list() == ["good", "bad"]
    for row, path in zip(table.iter_rows(named=True), models, strict=True):
        found = read_performance(path)
        for metric in PROFILE_METRICS:
            exact = np.nanmedian(found[metric].values)
            assert row[f"median_{metric}"] == pytest.approx(exact, rel=1e-4), metric
        assert row["without_counts"] == np.isnan(found["nll"].values).sum() >= 2
        stored = group(pages["performance"], f"performance/{row['model']}")
        np.testing.assert_allclose(stored["jsd"], found["jsd"])
        assert stored["chrom"].values.tolist() == ["chr1", "chr2"] * 30
    good, bad = table.iter_rows(named=True)
    for metric in ("nll", "cross_ent", "jsd", "profile_mse"):
        assert good[f"median_{metric}"] < bad[f"median_{metric}"]
        between = [row[f"median_{metric}_between_bounds"] for row in (good, bad)]
        assert 0 <= between[1] < between[0] <= 1
    assert good["count_pearson"] > bad["count_pearson"]
    page = page_of(pages["performance"])
    assert page.count("between bounds") >= 5
    assert "The lower bound is a uniform profile" in page


def test_performance__labels_between_bounds_fit_and_are_said(models, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(performance_sections, "figures", lambda *given: drawn.extend(given) or "")
    found = gather_performance(models, bounds="computed")
    profile_figures(found)
    count_figures(found)
    between = [(ax, said) for ax, said in drawn if "between bounds" in ax.get_xlabel()]
    assert len(between) == 5
    for ax, said in between:
        assert "0 is the lower bound, 1 the upper." in said
        ax.figure.draw_without_rendering()
        label = ax.xaxis.label.get_window_extent()
        assert 0 <= label.x0 < label.x1 <= ax.figure.bbox.width, ax.get_xlabel()
    captions = [said for _, said in drawn]
    assert any("mean squared error of ln(count + 1), between bounds." in said for said in captions)
    assert "Pearson of ln(count + 1). More is better." in captions


def test_performance__tells_tasks_apart_and_keeps_chromosomes(models) -> None:
    found = gather_performance(models[0], by_task=True, chroms=["chr2"])
    assert list(found.conditions) == ["task 0", "task 1"]
    assert performance_rows(found)["regions"].to_list() == [30, 30]
    both = gather_performance(models, by_task=True, tasks=[1])
    assert list(both.conditions) == ["good, task 1", "bad, task 1"]
    with pytest.raises(RunError, match="which has tasks 0 to 1"):
        gather_performance(models[0], tasks=[2])
    with pytest.raises(RunError, match="no predictions"):
        gather_performance([])


def test_performance__by_bounds_of_a_file(models, tmp_path) -> None:
    import h5py

    path = tmp_path / "bounds.h5"
    with h5py.File(path, "w") as file:
        for side, value in (("lower", 10.0), ("upper", 0.0)):
            file[f"{side}/jsd"] = np.full((60, 2), value)
            file[f"{side}/count_mse"] = np.full(2, value)
    found = gather_performance(models, bounds=path, chroms=["chr1"])
    raw = found.conditions["good"]["jsd"].values
    np.testing.assert_allclose(judged(found, "good", "jsd"), (10 - raw) / 10)
    np.testing.assert_array_equal(judged(found, "good", "nll"), found.conditions["good"]["nll"])
    mse = found.counts["bad"]["count_mse"]
    assert count_value(found, "bad", "count_mse") == pytest.approx(np.clip((10 - mse) / 10, 0, 1))
    with h5py.File(path, "a") as file:
        del file["lower/jsd"]
        file["lower/jsd"] = np.zeros((3, 2))
    with pytest.raises(RunError, match=r"lower: bounds of .*expected those of the predictions"):
        gather_performance(models, bounds=path)
    with pytest.raises(RunError, match="3 files with bounds for 2 of predictions"):
        gather_performance(models, bounds=["a", "b", "c"])


def test_digest__has_the_numbers_of_the_other_reports(pages, called, modisco) -> None:
    table = read(pages["digest"], "digest")
    motifs = tables(gather(called / "hits", modisco_h5=modisco))["motif_report"]
    both = table.join(motifs, on="motif_name")
    assert both.height == 8
    assert (both["hits"] == both["num_hits"]).all()
    assert (both["regions"] == both["num_regions"]).all()
    np.testing.assert_allclose(both["seqlet_recall"], both["seqlet_recall_right"], rtol=1e-4)
    assert table["regions"].is_sorted(descending=True)
    submotifs = read(pages["submotifs"], "submotifs").group_by("pattern").len()
    counted = dict(submotifs.rows())
    assert dict(table.select("motif_name", "submotifs").rows()) == counted
    assert read(pages["digest"], "performance")["model"].to_list() == ["good"]
    together = group(pages["digest"], "co_occurrence")
    assert sorted(together["motif"].values.tolist()) == sorted(table["motif_name"].to_list())
    page = page_of(pages["digest"])
    for words in ("surest partner", "told apart by clustering here", "Pearson of predicted counts"):
        assert words in page


@pytest.mark.parametrize("strand", ["same", "opposite"])
def test_digest__finds_a_planted_partner_and_spacing(strand) -> None:
    from types import SimpleNamespace

    from finemo_zarr.evaluation import occurrence
    from finemo_zarr.evaluation.cooccurrence import co_occurrence_tests
    from finemo_zarr.evaluation.spacing import pair_spacings, preferred_spacings
    from finemo_zarr.report import digest_source

    store = planted_hits(opposite=strand == "opposite")
    syntax = SimpleNamespace(
        together=co_occurrence_tests(occurrence(store)),
        preferred=preferred_spacings(pair_spacings(store, min_pairs=5)),
    )
    names = store.motifs["motif_name"].values[::2].tolist()
    partners = digest_source._partners(syntax, names)
    assert partners["partner"] == [names[1], names[0], ""]
    assert partners["partner_fold"][0] > 1.4
    assert partners["partner_fold"][2] is None
    spacings = digest_source._spacings(syntax, names)
    assert spacings["spacing_to"] == [names[1], names[0], ""]
    assert spacings["spacing_strand"] == [strand, strand, ""]
    # Both look downstream where they face each other.
    assert spacings["spacing"] == [30, 30 if strand == "opposite" else -30, None]


def planted_hits(*, opposite: bool, n_regions: int = 200, length: int = 300) -> HitsStore:
    """Hits of the second motif 30 bp after the first in half of the regions, and of a third."""
    rng = np.random.default_rng(0)
    raw = simulate_motifs(3, width=14, core=(8, 8), palindromes=0.0, seed=1)
    motifs = prepare_motifs(raw, MotifOptions())
    start, end = motifs["motif_start"].values, motifs["motif_end"].values
    rows = []
    for region in range(n_regions):
        at = int(rng.integers(60, length - 100))
        turned = rng.random() < 0.5
        if region % 2:
            # Seen from the first, the second lies downstream whatever its strand.
            rows.append((region, int(turned), at))
            rows.append((region, 2 + int(turned != opposite), at + (-30 if turned else 30)))
        if rng.random() < 0.5:
            rows.append((region, 4 + int(rng.random() < 0.5), int(rng.integers(0, length - 20))))
    region, motif, first = np.array(sorted(set(rows), key=lambda row: (row[0], row[2], row[1]))).T
    columns = {
        "region": region,
        "motif": motif,
        "start": first,
        "end": first + (end - start)[motif],
        "start_untrimmed": first - start[motif],
        "end_untrimmed": first - start[motif] + 14,
        "coefficient": np.ones(region.size),
        "similarity": np.full(region.size, 0.9),
    }
    qc = create_qc({"scale": np.ones(n_regions)})
    places = xr.Dataset(attrs={"region_width": length})
    return HitsStore(places, motifs, qc, create_hits(columns))


def test_digest__without_anything_else_says_so(called, tmp_path) -> None:
    from finemo_zarr.report import digest_sections as sections

    found = sections.gather_digest(called / "hits")
    assert "no TF-MoDISco file with seqlets was given" in sections.submotif_digest(found)
    assert "no predictions were given" in sections.model_digest(found)
    assert "recall" not in sections.digest_table(found)
    sections.write_digest(found, tmp_path)
    assert not (tmp_path / "submotifs.tsv").exists()
    assert not (tmp_path / "performance.tsv").exists()


def test_digest__without_a_hit_has_the_motifs_still(called) -> None:
    from finemo_zarr.report import digest_sections as sections

    found = sections.gather_digest(called / "hits")
    none = found.hits.hits.hits.isel(hit=slice(0))
    empty = found.syntax._replace(hits=found.syntax.hits._replace(hits=none))
    shown = sections.occurrence_digest(found._replace(syntax=empty))
    assert shown == "<p>There is no hit, so there is nothing to show.</p>"


def test_given__one_or_several() -> None:
    assert listed("") == listed(None) == listed([]) == []
    assert listed("a") == ["a"]
    assert listed(("a", Path("b"))) == ["a", "b"]
    assert list(named(["x/a.h5", "y/b.h5"], [])) == ["a", "b"]
    assert list(named(["x/a.h5", "y/a.h5"], [])) == ["x/a", "y/a"]
    assert list(named(["a.h5", "a.meme"], [])) == ["a.h5", "a.meme"]
    assert list(named(["a.h5", "a.h5"], [])) == ["a.h5 (1)", "a.h5 (2)"]
    with pytest.raises(RunError, match="all different"):
        named(["a", "b"], ["x", "x"])


def test_save__keeps_digits_and_names(tmp_path) -> None:
    table = pl.DataFrame({"name": ["a", "b"], "p": [1.23456789e-30, float("nan")], "n": [1, 2]})
    matrix = xr.DataArray(
        np.eye(2),
        dims=("motif", "other_motif"),
        coords={"motif": ["a", "b"], "other_motif": ["a", "b"]},
    )
    save(tmp_path / "out", {"t": table}, {"m": xr.Dataset({"x": matrix})})
    back = read(tmp_path / "out", "t")
    assert back["p"][0] == pytest.approx(1.23457e-30, rel=1e-6)
    assert back["n"].to_list() == [1, 2]
    stored = group(tmp_path / "out", "m")
    assert stored["motif"].values.tolist() == ["a", "b"]
    np.testing.assert_array_equal(stored["x"], np.eye(2))
    save(tmp_path / "bare", {"t": table}, {})
    assert not (tmp_path / "bare/report.zarr").exists()


def test_submotifs__of_patterns_of_the_same_name_are_refused(called, modisco, tmp_path) -> None:
    from finemo_zarr.report.submotif_sections import write_submotifs

    found = gather_submotifs(modisco, hits=called / "hits")
    same = found._replace(names=dict.fromkeys(found.names, "x"))
    with pytest.raises(ReadError, match="two patterns have the same name x"):
        write_submotifs(same, tmp_path)


@NEEDS_CHROMIUM
def test_pages__are_drawn_by_chromium_without_a_word(pages) -> None:
    with chromium() as browser:
        for name, folder in pages.items():
            for width in (1280, 390):
                with opened_page(browser, folder / "report.html", width) as page:
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
                    assert page.evaluate(OUTSIDE, width) == 0, name
                    assert page.eval_on_selector_all(".figures figure svg", OVERLAPS) == [], name
                    logos = page.eval_on_selector_all(
                        "svg.logo", "all => all.map(svg => svg.querySelectorAll('path').length)"
                    )
                    assert min(logos, default=2) > 1, name
