import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from finemo_zarr.errors import ReadError, RunError, SchemaError
from finemo_zarr.execution import extract_regions
from finemo_zarr.report import (
    find_template,
    gather,
    gather_runs,
    make_report,
    motif_table,
    run_template,
    runs_summary,
    tables,
    template_parameters,
    templates,
    write_files,
)
from finemo_zarr.report import payload as payloads
from finemo_zarr.report.files import _write_matrices, file_name, file_names
from finemo_zarr.report.given import as_declared
from finemo_zarr.report.html import data_script, data_table, definitions, element

TABLES = {
    "motif_report.tsv",
    "motif_occurrences.tsv",
    "motif_co_occurrences.tsv",
    "region_report.tsv",
    "hit_quality.tsv",
    "findings.tsv",
    "seqlets.tsv",
    "seqlet_confusion.tsv",
}


@pytest.fixture(scope="module")
def data(called, modisco):
    return gather(called / "hits", called / "regions.zarr", modisco_h5=modisco)


def scripts(page: str) -> dict[str, object]:
    pattern = r'<script id="(.*?)" type="application/json">(.*?)</script>'
    return {name: json.loads(text) for name, text in re.findall(pattern, page, re.DOTALL)}


def test_information__has_the_value_of_the_definition() -> None:
    ppm = np.array([[0.97, 0.01, 0.01, 0.01], [0.25] * 4, [0.0] * 4]).T
    scaled = payloads.information(ppm)
    np.testing.assert_allclose(scaled[:, 0], 1.739325 * ppm[:, 0], atol=1e-6)
    assert not scaled[:, 1:].any()


def test_report__is_one_page_with_files_beside_it(reported: Path) -> None:
    names = {path.name for path in reported.iterdir()}
    assert names == TABLES | {"report.html", "report.ipynb", "CWMs"}
    page = (reported / "report.html").read_text()
    assert len(page) < 1_000_000
    # Nothing is fetched: no address, and no file beside it.
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert "@import" not in page
    assert "url(http" not in page


def test_report__page_holds_the_numbers_of_the_table(reported: Path) -> None:
    page = (reported / "report.html").read_text()
    table = pl.read_csv(reported / "motif_report.tsv", separator="\t")
    rows = re.findall(r'<tr class="row" data-motif="(\d+)".*?</tr>', page, re.DOTALL)
    counts = table["num_hits"].to_numpy()
    assert [int(row) for row in rows] == np.argsort(-counts, kind="stable").tolist()
    shown = scripts(page)
    assert [motif["name"] for motif in shown["finemo-motifs"]] == table["motif_name"].to_list()
    for motif, total in zip(shown["finemo-motifs"], counts, strict=True):
        assert [sum(bins["counts"]) for bins in motif["histograms"]] == [total] * 3


def test_report__logos_are_the_matrices_to_three_digits(data) -> None:
    shown = payloads.motifs(data)
    width = 30
    for index, motif in enumerate(shown):
        drawn = np.array(motif["logos"]["hits"]["v"]).reshape(width, 4).T
        drawn = drawn * motif["logos"]["hits"]["s"]
        mean = data.evaluation.means["mean_cwm"].sel(set="hits").values[index]
        np.testing.assert_allclose(drawn, mean, atol=np.abs(mean).max() / 1000)


def test_report__tables_agree_with_hits_tsv(reported: Path, called: Path) -> None:
    hits = pl.read_csv(called / "hits/hits.tsv", separator="\t")
    report = pl.read_csv(reported / "motif_report.tsv", separator="\t")
    counted = dict(hits["motif_name"].value_counts().rows())
    assert dict(report.select("motif_name", "num_hits").rows()) == counted
    occurrences = pl.read_csv(reported / "motif_occurrences.tsv", separator="\t")
    assert occurrences["total"].sum() == hits.height
    assert dict(occurrences.select(*counted).sum().unpivot().rows()) == counted
    quality = pl.read_csv(reported / "hit_quality.tsv", separator="\t")
    keys = ["chr", "start", "end", "motif_name", "strand", "peak_id"]
    assert quality.select(keys).sort(keys).equals(hits.select(keys).sort(keys))
    together = pl.read_csv(reported / "motif_co_occurrences.tsv", separator="\t")
    assert together.columns[1:] == together["motif_name"].to_list()
    regions = pl.read_csv(reported / "region_report.tsv", separator="\t")
    assert regions["num_hits"].sum() == hits.height
    assert regions["explained"].is_between(0, 1).all()


def test_report__seqlets_lie_where_the_hits_are(reported: Path, called: Path) -> None:
    seqlets = pl.read_csv(reported / "seqlets.tsv", separator="\t")
    hits = pl.read_csv(called / "hits/hits_unique.tsv", separator="\t")
    report = pl.read_csv(reported / "motif_report.tsv", separator="\t")
    keys = ["chr", "start_untrimmed", "motif_name", "strand"]
    both = seqlets.join(hits, on=keys, how="semi")
    assert both.height == report["num_overlaps"].sum()
    assert both.height > 0.9 * seqlets.height
    assert (seqlets["end_untrimmed"] - seqlets["start_untrimmed"] == 30).all()


def test_report__matrices_are_text_and_pictures(reported: Path) -> None:
    folder = reported / "CWMs/CTCF"
    cwm = np.loadtxt(folder / "hits_cwm.txt")
    assert cwm.shape == (4, 30)
    modisco = np.loadtxt(folder / "modisco_cwm.txt")
    cosine = (cwm * modisco).sum() / np.linalg.norm(cwm) / np.linalg.norm(modisco)
    report = pl.read_csv(reported / "motif_report.tsv", separator="\t")
    stated = report.filter(pl.col("motif_name") == "CTCF")["cwm_similarity"][0]
    assert cosine == pytest.approx(stated, abs=1e-4)
    ppm = np.loadtxt(folder / "hits_ppm.txt")
    np.testing.assert_allclose(ppm.sum(axis=0), 1, atol=1e-5)
    for name in ("hits_cwm", "hits_cwm_reverse", "hits_ppm", "seqlets_only_cwm"):
        assert (folder / f"{name}.svg").read_text().startswith("<svg")


def test_report__examples_are_the_scores_of_their_regions(data) -> None:
    shown = payloads.examples(data, 3)
    assert {example["why"] for example in shown} == {
        "most hits",
        "a median number of hits",
        "most left unexplained",
    }
    number = data.evaluation.regions["num_hits"].values
    assert len(shown[0]["hits"]) == number.max()
    rows = [row for _, row in payloads.choose_examples(data, 3)]
    for example, row in zip(shown, rows, strict=True):
        scores = data.regions["region_contributions"].values[row]
        drawn = np.array(example["scores"]) * example["scale"]
        np.testing.assert_allclose(drawn, scores, atol=example["scale"])
        assert len(example["hits"]) == number[row]
        for start, end, motif, strand, *_ in example["hits"]:
            core = data.hits.motifs.isel(motif=2 * motif + (strand == "-"))
            assert end - start == int(core["motif_end"] - core["motif_start"])


def test_report__finds_the_regions_by_itself_or_says_what_is_missing(called, tmp_path) -> None:
    assert gather(called / "hits").regions is not None
    import shutil

    moved = tmp_path / "hits"
    shutil.copytree(called / "hits", moved)
    attributes = json.loads((moved / "hits.zarr/zarr.json").read_text())
    attributes["attributes"]["provenance"]["options"]["regions"] = "/nowhere/regions.zarr"
    (moved / "hits.zarr/zarr.json").write_text(json.dumps(attributes))
    bare = gather(moved)
    assert bare.regions is None
    assert "/nowhere/regions.zarr" in bare.notes[0]
    assert "give it with -r" in bare.notes[0]
    assert "mean scores of hits" not in motif_table(bare)
    assert "CWMs" not in tables(bare)
    write_files(bare, tmp_path / "files")
    assert {path.name for path in (tmp_path / "files/CWMs/CTCF").iterdir()} == {
        "modisco_cwm.txt",
        "modisco_cwm.svg",
        "modisco_cwm_reverse.svg",
    }


def test_report__refuses_regions_of_another_size(called, regions_store) -> None:
    with pytest.raises(ReadError, match=r"has 50 regions, and the hits of .* were called in 240"):
        gather(called / "hits", regions_store)


def test_report__refuses_as_many_regions_elsewhere(hits_store, regions, reader, tmp_path) -> None:
    moved = regions.assign(region_start=regions["region_start"] + 1)
    extract_regions(reader(moved), tmp_path / "moved.zarr")
    with pytest.raises(ReadError, match="place 50 regions differently, first region 0; give"):
        gather(hits_store, tmp_path / "moved.zarr")


def test_report__refuses_seqlets_of_a_track_that_is_not_there(called) -> None:
    with pytest.raises(SchemaError, match="no tracks"):
        gather(called / "hits", track="liver")


def test_report__warns_where_seqlets_are_shifted(called, modisco) -> None:
    from finemo_zarr.report import summary

    shifted = gather(called / "hits", modisco_h5=modisco, modisco_width=400)
    assert "not where they are looked for" in summary(shifted)
    assert "not where they are looked for" not in summary(gather(called / "hits"))


def test_template__is_found_by_name_or_path(tmp_path) -> None:
    assert {"hits", "compare"} <= set(templates())
    own = tmp_path / "mine.ipynb"
    own.write_bytes(templates()["compare"].read_bytes())
    assert find_template(str(own)) == own
    with pytest.raises(ReadError, match=r"no such report template; there are .*compare, .*hits"):
        find_template("nothing")


@pytest.mark.parametrize("name", ["hits", "compare"])
def test_template__documents_each_parameter(name: str) -> None:
    readme = (find_template(name).parent / "README.md").read_text()
    parameters = template_parameters(name)
    assert parameters
    for parameter, text in parameters.items():
        assert text, parameter
        assert f"`{parameter}`" in readme, parameter


def test_template__refuses_unknown_parameters(tmp_path) -> None:
    with pytest.raises(RunError, match=r"hits\.ipynb has no parameter hist; it has hits, regions"):
        run_template("hits", {"hist": "x"}, tmp_path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"min_pairs": "many"}, r"min_pairs is 'many', expected a whole number \(by default 50\)"),
        ({"min_pairs": 1.5}, "min_pairs is 1.5, expected a whole number"),
        ({"min_pairs": True}, "min_pairs is True, expected a whole number"),
        ({"track": ["a", "b"]}, r"track is \['a', 'b'\], expected one text"),
    ],
)
def test_template__refuses_a_value_of_another_type(tmp_path, given, expected: str) -> None:
    with pytest.raises(RunError, match=expected):
        run_template("syntax", given, tmp_path)


def test_parameter__is_what_its_template_declares() -> None:
    def declared(value: object, kind: str) -> object:
        return as_declared("x", value, kind, "")

    assert declared(2024, "str") == "2024"
    assert declared(None, "str") == ""
    assert (declared(3, "float"), declared("1e-3", "float")) == (3.0, 0.001)
    assert declared("one", "list") == "one"
    assert declared("any", "Path | None") == "any"
    for value, kind in (
        (1, "bool"),
        ("x", "float"),
        (True, "float"),
        ({}, "list[str]"),
        ([], "dict"),
    ):
        with pytest.raises(RunError, match="expected"):
            declared(value, kind)


def own_template(path: Path, code: str) -> Path:
    import nbformat

    parameters = nbformat.v4.new_code_cell(
        'hits: str = ""  # the hits\nword: str = ""  # a word\ncount = 3  # a number'
    )
    parameters.metadata["tags"] = ["parameters"]
    cells = [parameters, nbformat.v4.new_markdown_cell("# Mine"), nbformat.v4.new_code_cell(code)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def test_report__of_ones_own_template(tmp_path) -> None:
    template = own_template(
        tmp_path / "mine.ipynb", "from finemo_zarr.report import Html\nHtml(f'<b>{word}</b>')"
    )
    page = make_report(tmp_path / "out", str(template), {"word": "zygote"})
    text = page.read_text()
    assert "<b>zygote</b>" in text
    assert "<title>Mine</title>" in text
    assert "from finemo_zarr" not in text


def test_report__errors_of_our_templates_name_no_cell(tmp_path) -> None:
    gone = tmp_path / "gone.zarr"
    with pytest.raises(RunError, match=f"^{re.escape(str(gone))}: no such"):
        make_report(tmp_path / "out", "hits", {"hits": str(gone)})


def test_report__that_fails_leaves_nothing_and_names_the_cell(tmp_path) -> None:
    template = own_template(
        tmp_path / "mine.ipynb", "from finemo_zarr import open_hits\nopen_hits('gone.zarr')"
    )
    with pytest.raises(RunError, match=r"mine\.ipynb, cell 3: ReadError: gone\.zarr: no such"):
        make_report(tmp_path / "out", str(template), {})
    assert not (tmp_path / "out").exists()
    assert not any(path.name.startswith(".out") for path in tmp_path.iterdir())
    with pytest.raises(RunError, match="count is 'x', expected a whole number"):
        make_report(tmp_path / "out", str(template), {"count": "x"})


def test_report__that_is_interrupted_is_quiet(tmp_path) -> None:
    started = tmp_path / "started"
    code = f"import time\nopen({str(started)!r}, 'w').close()\ntime.sleep(60)"
    template = own_template(tmp_path / "mine.ipynb", code)
    words = ["-m", "finemo_zarr", "report", "--template", template, "-o", tmp_path / "out"]
    running = subprocess.Popen(
        [sys.executable, *map(str, words)], stderr=subprocess.PIPE, text=True
    )
    while running.poll() is None and not started.exists():
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.split("\n")[1:] == [
        "Interrupted. Nothing unfinished was left; the same command starts from the beginning.",
        "",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"started", "mine.ipynb"}


def test_report__draws_a_bar_on_a_terminal_of_no_size(tmp_path) -> None:
    pty = pytest.importorskip("pty")
    template = own_template(tmp_path / "mine.ipynb", "word")
    words = ["-m", "finemo_zarr", "report", "--template", template, "-o", tmp_path / "out"]
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, *map(str, words)], stderr=theirs, check=True)
    drawn = os.read(ours, 2**16)
    assert b"report:" in drawn
    assert b"cell" in drawn


def test_report__is_replaced_only_if_asked(tmp_path) -> None:
    template = str(own_template(tmp_path / "mine.ipynb", "word"))
    make_report(tmp_path / "out", template, {"word": "first"})
    with pytest.raises(RunError, match="--overwrite"):
        make_report(tmp_path / "out", template, {})
    make_report(tmp_path / "out", template, {"word": "second"}, overwrite=True)
    assert "second" in (tmp_path / "out/report.html").read_text()
    other = tmp_path / "notes"
    other.mkdir()
    (other / "thesis.txt").write_text("dear")
    with pytest.raises(RunError):
        make_report(other, template, {}, overwrite=True)
    assert (other / "thesis.txt").read_text() == "dear"


def test_runs__are_told_apart_by_name(called, tmp_path) -> None:
    found = gather_runs([called / "hits", called / "hits/hits.tsv"])
    assert list(found.runs) == ["hits", "hits.tsv"]
    comparison = found.comparisons["hits.tsv"]
    assert comparison.counts["matched"] == len(found.runs["hits"])
    with pytest.raises(RunError, match="at least two"):
        gather_runs([called / "hits"])


def test_runs__that_hardly_overlap_are_said_to(called, tmp_path) -> None:
    table = (called / "hits/hits.tsv").read_text()
    (tmp_path / "far.tsv").write_text(table.replace("\nchr", "\nother_chr"))
    same = gather_runs([called / "hits", called / "hits/hits.tsv"])
    assert "warning" not in runs_summary(same)
    summary = runs_summary(gather_runs([called / "hits", tmp_path / "far.tsv"]))
    assert "only 0 overlap, whatever their motifs: were they called in the same" in summary
    header = table.splitlines()[0] + "\n"
    (tmp_path / "none.tsv").write_text(header)
    assert "warning" not in runs_summary(gather_runs([called / "hits", tmp_path / "none.tsv"]))


def test_html__escapes_what_comes_from_files() -> None:
    assert element("p", "x", title='"<&') == '<p title="&quot;&lt;&amp;">x</p>'
    assert "</script><b>" not in data_script("a", json.dumps("</script><b>"))
    table = data_table(pl.DataFrame({"<b>": ["<i>"], "n": [1234], "x": [float("nan")]}), "t")
    assert "<i>" not in table
    assert "&lt;i&gt;" in table
    assert "1,234" in table
    assert "–" in table
    assert "&lt;x&gt;" in definitions({"a": ["<x>", 1], "b": None})


@pytest.mark.parametrize(
    ("name", "expected"),
    [("CTCF", "CTCF"), ("a/b:c", "a_b_c"), ("..", "_"), ("JUN::FOS", "JUN__FOS")],
)
def test_file_name__is_safe(name: str, expected: str) -> None:
    assert file_name(name) == expected


def test_file_names__differ_also_where_files_have_no_upper_and_lower_case() -> None:
    names = file_names(["A/B", "A:B", "a?b", "A_B_2", "C"])
    assert names == ["A_B", "A_B_2", "a_b_3", "A_B_2_2", "C"]


def test_report__motifs_of_names_that_files_cannot_have_have_a_folder_each(data, tmp_path) -> None:
    motifs = data.hits.motifs.isel(motif=slice(4))  # two, on both strands
    motifs = motifs.assign(motif_name=("motif", ["A/B", "A/B", "A:B", "A:B"]))
    _write_matrices(data._replace(hits=data.hits._replace(motifs=motifs)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"A_B", "A_B_2"}
    first, second = (tmp_path / name / "modisco_cwm.txt" for name in ("A_B", "A_B_2"))
    assert first.read_text() != second.read_text()


def test_help__names_every_template() -> None:
    from finemo_zarr.cli.report import make_command

    epilog = make_command().epilog
    assert epilog is not None
    listed = epilog.split("Examples:")[0].splitlines()
    assert set(templates()) == {line.split()[0] for line in listed if line.startswith("  ")}


def test_report__without_hits_says_so_where_a_template_needs_them(tmp_path) -> None:
    from click.testing import CliRunner

    from finemo_zarr.cli.app import app

    needs = {
        name
        for name, path in templates().items()
        if re.search(r'^hits: (str = "hits"|list = .*two or more)', _declared(path), re.MULTILINE)
    }
    assert needs >= {"hits", "compare", "motifs"}
    for name in needs:
        words = ["report", "--template", name, "-o", str(tmp_path / "out")]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2
        assert f"the template {name} needs hits: give -H" in done.output


def _declared(path: Path) -> str:
    return "".join(json.loads(path.read_text())["cells"][0]["source"])


def test_quantised__keeps_three_digits_and_zeros() -> None:
    scale, numbers = payloads.quantised(np.array([[0.0, 1e-9], [-5e-10, 0.0]]))
    np.testing.assert_allclose(np.array(numbers) * scale, [0, 1e-9, -5e-10, 0], atol=1e-12)
    assert payloads.quantised(np.zeros(3)) == (0.0, [0, 0, 0])


def test_report__without_a_hit_draws_nothing_and_says_why(called, modisco, tmp_path) -> None:
    from click.testing import CliRunner

    from finemo_zarr.cli.app import app

    words = ["call-hits", "-r", called / "regions.zarr", "-m", modisco, "-l", 5]
    with pytest.warns(UserWarning, match="8 motifs can never be called"):
        result = CliRunner().invoke(app, [*map(str, words), "-o", str(tmp_path / "hits")])
    assert result.exit_code == 0, result.output
    page = make_report(
        tmp_path / "out", "hits", {"hits": str(tmp_path / "hits"), "modisco_h5": str(modisco)}
    ).read_text()
    assert "There is no hit. Are these the motifs of this model" in page
    assert "can never be called" in page
    assert page.count("There is no hit, so there is nothing to draw.") == 3
    assert "<figure>" not in page
    table = pl.read_csv(tmp_path / "out/motif_report.tsv", separator="\t")
    assert table["num_hits"].to_list() == [0] * 8
    assert table["seqlet_recall"].to_list() == [0.0] * 8


def test_report__after_fdr_counts_sure_hits(called, modisco, tmp_path) -> None:
    from finemo_zarr.report import summary

    hits = gather(called / "hits").hits
    count = hits.hits.sizes["hit"]
    qvalues = np.where(np.arange(count) < 100, 0.01, 0.3)
    found = gather(called / "hits")
    from finemo_zarr.evaluation import evaluate

    judged = hits._replace(hits=hits.hits.assign(hit_qvalue=("hit", qvalues)))
    shown = summary(found._replace(evaluation=evaluate(judged)))
    assert "<b>100</b><span>hits with a q-value up to 0.05</span>" in shown


def test_payload__of_hits_without_weights_is_json(called) -> None:
    from finemo_zarr.evaluation import evaluate

    found = gather(called / "hits")
    unknown = np.full(found.hits.hits.sizes["hit"], np.nan)
    names = ("hit_coefficient_global", "hit_similarity")
    hits = found.hits._replace(hits=found.hits.hits.assign(dict.fromkeys(names, ("hit", unknown))))
    assert found.regions is not None
    data = found._replace(hits=hits, evaluation=evaluate(hits, found.regions))
    drawn = payloads.examples(data, 2)
    assert any(example["hits"] for example in drawn)
    for example in drawn:
        assert example["built"] == [] or not example["hits"]
        assert any(example["scores"])
        assert all(hit[-1] is None for hit in example["hits"])
    payloads.compact(drawn)
    payloads.compact(payloads.motifs(data))
