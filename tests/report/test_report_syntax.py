"""The templates motifs and syntax, on the bundled example and on what is missing there."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest
import xarray as xr
from in_chromium import NEEDS_CHROMIUM, OVERLAPS, chromium, opened_page

from finemo_zarr.errors import ReadError, RunError, SchemaError
from finemo_zarr.report import find_template, make_report, template_parameters
from finemo_zarr.report.motif_sections import (
    MotifInputs,
    gather_motifs,
    known_section,
    motif_payload,
    motifs_section,
    motifs_summary,
    positions_section,
    profiles_section,
    write_motifs,
)
from finemo_zarr.report.syntax_examples import choose_regions, examples_section
from finemo_zarr.report.syntax_sections import (
    distances_section,
    gather_syntax,
    heatmap_section,
    orientation_section,
    periodicity_section,
    prevalence_section,
    regions_section,
    spacing_section,
    syntax_summary,
    together_section,
    write_syntax,
)

SYNTAX_FILES = {
    "motif_pairs.tsv",
    "motif_prevalence.tsv",
    "nearest_distances.tsv",
    "spacing_of_pairs.tsv",
    "spacings.tsv",
    "syntax.zarr",
}
MOTIF_FILES = {"hits_positions.tsv", "motifs.tsv", "motifs.zarr", "seqlets_positions.tsv"}
SECTIONS = (
    regions_section,
    prevalence_section,
    heatmap_section,
    together_section,
    distances_section,
    orientation_section,
    periodicity_section,
    spacing_section,
)


@pytest.fixture(scope="module")
def syntax(called):
    return gather_syntax(called / "hits", min_pairs=20)


@pytest.fixture(scope="module")
def motifs(called, modisco):
    return gather_motifs(MotifInputs(called / "hits", modisco_h5=modisco))


@pytest.fixture(scope="module")
def pages(called, modisco, tmp_path_factory) -> dict[str, Path]:
    """Both pages, as the command makes them."""
    folder = tmp_path_factory.mktemp("pages")
    hits = {"hits": str(called / "hits")}
    make_report(folder / "syntax", "syntax", hits | {"min_pairs": 20})
    make_report(folder / "motifs", "motifs", hits | {"modisco_h5": str(modisco)})
    return {name: folder / name for name in ("motifs", "syntax")}


def without_hits(called: Path, folder: Path, keep=None) -> Path:
    """A copy of the hits store with some of its hits only."""
    from finemo_zarr.store import hits_path, locate, new_group, open_hits, write_dataset

    path = folder / "hits.zarr"
    shutil.copytree(str(hits_path(called / "hits")), path)
    hits = open_hits(path).hits.load()
    motif = hits["hit_motif"].values
    kept = np.isin(motif, keep or [])
    write_dataset(new_group(locate(path), "hits"), hits.isel(hit=kept))
    text = json.loads((path / "zarr.json").read_text())
    text.pop("consolidated_metadata", None)
    (path / "zarr.json").write_text(json.dumps(text))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["motifs", "syntax"])
def test_page__is_whole_and_says_what_it_shows(pages, name) -> None:
    files = {path.name for path in pages[name].iterdir()}
    expected = MOTIF_FILES if name == "motifs" else SYNTAX_FILES
    assert files == expected | {"report.html", "report.ipynb"}
    page = (pages[name] / "report.html").read_text()
    assert len(page) < 3_000_000
    assert "Traceback" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert "gather_" not in page  # no code
    assert page.count("<h2") == (5 if name == "motifs" else 10)


@pytest.mark.parametrize("name", ["motifs", "syntax"])
def test_template__documents_each_of_its_parameters(name) -> None:
    readme = (find_template(name).parent / "README.md").read_text()
    section = readme.partition(f"## `{name}`")[2].partition("\n## ")[0]
    parameters = template_parameters(name)
    assert parameters
    for parameter, text in parameters.items():
        assert text, parameter
        assert f"`{parameter}`" in section, parameter


@pytest.mark.slow
def test_tables__of_syntax_agree_with_the_store_and_the_hits(pages, called) -> None:
    folder = pages["syntax"]
    hits = pl.read_csv(called / "hits/hits.tsv", separator="\t")
    counted = dict(hits["motif_name"].value_counts().rows())
    prevalence = pl.read_csv(folder / "motif_prevalence.tsv", separator="\t")
    assert dict(prevalence.select("motif_name", "hits").rows()) == counted
    pairs = pl.read_csv(folder / "motif_pairs.tsv", separator="\t")
    store = xr.open_zarr(folder / "syntax.zarr", group="co_occurrence", consolidated=False)
    sets = {
        name: set(part["peak_id"].to_list())
        for (name,), part in hits.group_by("motif_name", maintain_order=True)
    }
    for row in pairs.iter_rows(named=True):
        one, other = row["motif_name"], row["other_motif"]
        cell = store.sel(motif=one, other_motif=other)
        assert int(cell["regions_with_both"]) == row["regions_with_both"]
        assert float(cell["p"]) == pytest.approx(row["p"], abs=1e-6)
        if one != other:
            assert row["regions_with_both"] == len(sets[one] & sets[other])
    assert pairs.height == store.attrs["n_tests"]
    spacings = pl.read_csv(folder / "spacings.tsv", separator="\t")
    of_pairs = pl.read_csv(folder / "spacing_of_pairs.tsv", separator="\t")
    assert spacings["pairs"].sum() == of_pairs["pairs"].sum()
    groups = {path.name for path in (folder / "syntax.zarr").iterdir() if path.is_dir()}
    assert groups == {
        *("hits_of_regions", "prevalence", "co_occurrence", "spacing"),
        *("preferred_spacing", "orientation", "periodicity", "nearest"),
    }


@pytest.mark.slow
def test_tables__of_motifs_agree_with_the_hits(pages, called) -> None:
    hits = pl.read_csv(called / "hits/hits_unique.tsv", separator="\t")
    sites = pl.read_csv(pages["motifs"] / "hits_positions.tsv", separator="\t")
    keys = ["chr", "start", "end", "motif_name", "strand"]
    assert sites.select(keys).sort(keys).equals(hits.select(keys).sort(keys))
    table = pl.read_csv(pages["motifs"] / "motifs.tsv", separator="\t")
    for row in table.iter_rows(named=True):
        own = sites.filter(pl.col("motif_name") == row["motif_name"])["distance"]
        assert row["num_hits"] == own.len()
        assert row["hits_median_abs_distance"] == own.abs().median()
    matrices = xr.open_zarr(pages["motifs"] / "motifs.zarr", group="matrices", consolidated=False)
    assert matrices["motif_ppm"].sel(motif="CTCF").shape == (4, 30)


def test_syntax__without_a_hit_says_so(called, tmp_path) -> None:
    data = gather_syntax(without_hits(called, tmp_path))
    assert "There is no hit, so there is no syntax" in syntax_summary(data)
    for section in SECTIONS:
        assert re.fullmatch(r"<p>(There is|No) .*</p>", section(data))
    assert "no hit" in {why for why, _ in choose_regions(data, 2)}
    write_syntax(data, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == SYNTAX_FILES


def test_syntax__of_one_motif_is_about_itself(called, tmp_path) -> None:
    data = gather_syntax(without_hits(called, tmp_path, keep=[0, 1]), min_pairs=5)
    assert "There is a single motif with hits" in syntax_summary(data)
    assert int(data.together.attrs["n_tests"]) == 1
    for section in SECTIONS:
        assert "Traceback" not in section(data)
    with pytest.raises(SchemaError, match="max_distance 1,"):
        gather_syntax(tmp_path / "hits.zarr", max_distance=1)


def test_syntax__without_near_pairs_says_what_to_do(called) -> None:
    data = gather_syntax(called / "hits", min_pairs=10**6, n_violins=0)
    assert "-P min_pairs=10" in syntax_summary(data)
    assert "near enough" in distances_section(data)
    for section in (orientation_section, periodicity_section, spacing_section):
        assert "No pair of motifs has 1,000,000 pairs" in section(data)


def test_examples__are_regions_of_each_kind(syntax, called) -> None:
    chosen = choose_regions(syntax, 4)
    total = syntax.occurrences["total"].values
    rows = [row for _, row in chosen]
    assert len(set(rows)) == len(rows)
    most = [row for why, row in chosen if why == "most hits"]
    assert sorted(total[most]) == sorted(total)[-4:]
    for why, row in chosen:
        if why.startswith("a median"):
            assert total[row] == round(np.median(total))
    shown = examples_section(syntax, str(called / "regions.zarr"), None, 2)
    assert 'id="finemo-examples"' in shown
    with pytest.raises(ReadError):
        examples_section(syntax, str(called / "nothing.zarr"))
    gone = syntax._replace(provenance={})
    assert "give it with -r" in examples_section(gone)


def test_motifs__show_sites_as_the_scores_are(motifs, called) -> None:
    from finemo_zarr.store import open_regions

    drawn = motif_payload(motifs, 3)
    regions = open_regions(called / "regions.zarr")
    names = motifs.table.names.tolist()
    for motif in drawn:
        examples = [c for c in motif["captions"] if c[0].startswith("example")]
        assert len(examples) == 3
        for key, place in examples:
            chrom, start, end, strand = re.match(
                r"A seqlet: (\w+):([\d,]+)-([\d,]+) ([+-])", place
            ).groups()
            start, end = (int(text.replace(",", "")) for text in (start, end))
            shown = motif["logos"][key]
            values = np.array(shown["v"]).reshape(-1, 4).sum(axis=1) * shown["s"]
            values = values[::-1] if strand == "-" else values
            inside = (
                (regions["region_chrom"].values == chrom)
                & (regions["region_start"].values <= start)
                & (regions["region_end"].values >= end)
            )
            fits = []
            for row in np.flatnonzero(inside):
                low = start - int(regions["region_start"][row])
                scores = regions["region_contributions"].values[row][..., low : low + end - start]
                fits.append(np.abs(scores - values).max() <= np.abs(scores).max() / 900)
            assert any(fits), (names, place)
    assert "hits: bp to the region centre" in {h["label"] for h in drawn[0]["histograms"]}


def test_motifs__say_what_is_missing(called, modisco, tmp_path) -> None:
    bare = gather_motifs(MotifInputs(without_hits(called, tmp_path)))
    assert "There is no hit" in motifs_summary(bare)
    assert "neither a hit nor a seqlet" in positions_section(bare)
    assert "--motif-db" in known_section(bare)
    assert "-P predictions" in profiles_section(bare)
    assert motifs_section(bare).count('<tr class="row"') == 8
    write_motifs(bare, tmp_path / "out")
    wrong = gather_motifs(MotifInputs(called / "hits", modisco_h5=modisco, modisco_width=300))
    assert "are not where they are looked for" in motifs_summary(wrong)


def test_motifs__say_that_peaks_or_predictions_are_of_elsewhere(called, modisco, tmp_path) -> None:
    peaks = (modisco.parent / "peaks.narrowPeak").read_text().splitlines()
    rows = [row.split("\t") for row in peaks]
    for row in rows:
        row[1:3] = [str(int(value) + 10_000_000) for value in row[1:3]]
    moved = tmp_path / "moved.narrowPeak"
    moved.write_text("".join("\t".join(row) + "\n" for row in rows))
    profiles = tmp_path / "p.h5"
    with h5py.File(profiles, "w") as file:
        group, where = file.create_group("predictions"), file.create_group("coords")
        for name in ("true_profs", "log_pred_profs"):
            group[name] = np.ones((len(rows), 1, 500, 2))
        for name in ("true_counts", "log_pred_counts"):
            group[name] = np.ones((len(rows), 1, 2))
        where["coords_chrom"] = np.array([row[0] for row in rows], dtype="S")
        where["coords_start"] = np.array([int(row[1]) for row in rows])
        where["coords_end"] = np.array([int(row[1]) + 500 for row in rows])
    data = gather_motifs(MotifInputs(called / "hits", peaks=moved, predictions=profiles))
    summary = motifs_summary(data)
    assert re.search(r"([\d,]+) of \1 hits lie further than half a region from any summit", summary)
    assert re.search(r"0 of [\d,]+ hits lie inside of a profile of .*is it of these reg", summary)


def test_motifs__columns_have_different_names(motifs) -> None:
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", motifs_section(motifs))
    assert {"seqlets, median bp", "hits, median bp"} < set(heads)
    assert len(set(heads)) == len(heads)


def test_motifs__right_seqlets_raise_no_warning(motifs) -> None:
    assert motifs.notes == []
    assert "warning" not in motifs_summary(motifs)


def test_motifs__are_matched_and_profiled(called, modisco, tmp_path) -> None:
    from scipy.special import log_softmax

    run = tmp_path / "p.h5"
    rng = np.random.default_rng(0)
    true = rng.poisson(2, (240, 1, 500, 2))
    with h5py.File(run, "w") as file:
        group = file.create_group("predictions")
        group["true_profs"], group["log_pred_profs"] = true, log_softmax(true * 0.1, axis=2)
        group["true_counts"] = true.sum(axis=2)
        group["log_pred_counts"] = np.log1p(true.sum(axis=2))
    database = tmp_path / "known.meme"
    database.write_text(
        "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF GATA1_known\n"
        "letter-probability matrix: alength= 4 w= 6\n"
        + "".join(
            " ".join("0.97" if base == own else "0.01" for base in "ACGT") + "\n"
            for own in "AGATAA"
        )
        + "\nMOTIF other\nletter-probability matrix: alength= 4 w= 6\n"
        + "0.1 0.4 0.4 0.1\n" * 6
    )
    data = gather_motifs(
        MotifInputs(
            called / "hits",
            modisco_h5=modisco,
            motif_db=database,
            peaks=modisco.parent / "peaks.narrowPeak",
            predictions=run,
        )
    )
    assert data.where == "nearest summit"
    assert "GATA1_known" in known_section(data)
    assert profiles_section(data, 2).count("<figure>") == 6
    write_motifs(data, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == MOTIF_FILES | {
        "known_motifs.tsv"
    }
    matches = pl.read_csv(tmp_path / "out/known_motifs.tsv", separator="\t")
    best = matches.filter((pl.col("motif_name") == "GATA1") & (pl.col("rank") == 1))
    assert best["match"].item() == "GATA1_known"


def test_syntax__refuses_unknown_parameters(called, tmp_path) -> None:
    with pytest.raises(RunError, match=r"syntax\.ipynb has no parameter modisco_h5"):
        make_report(tmp_path / "out", "syntax", {"modisco_h5": "x"})


@pytest.fixture(params=[(1280, 900), (390, 800)], ids=["wide", "phone"])
def opened(pages, request) -> Iterator[object]:
    """Both pages in Chromium; fails if anything is fetched or said on the console."""
    width, height = request.param
    with chromium() as browser, ExitStack() as stack:
        yield {
            name: stack.enter_context(opened_page(browser, folder / "report.html", width, height))
            for name, folder in pages.items()
        }


@pytest.mark.slow
@NEEDS_CHROMIUM
def test_pages__fit_the_screen_and_labels_do_not_overlap(opened) -> None:
    for name, page in opened.items():
        width = page.viewport_size["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.eval_on_selector_all(".figures figure svg", OVERLAPS) == [], name


@pytest.mark.slow
@NEEDS_CHROMIUM
def test_pages__open_a_motif_and_an_example(opened) -> None:
    page = opened["motifs"]
    page.locator("#motifs-table tr.row", has_text="CTCF").locator("td.name").click()
    details = page.locator("tr.details")
    assert details.locator("svg.logo").count() == 3 + 6
    assert details.locator(".histograms svg").count() == 2
    captions = details.locator("figcaption").all_inner_texts()
    assert sum(text.startswith("A seqlet: chr") for text in captions) == 6
    view = opened["syntax"].locator("#examples .view svg")
    assert view.inner_html().count("<path") > 20
