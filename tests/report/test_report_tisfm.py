"""The report of a tiSFM, on simulated files of its plugin."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from simulated_tisfm import (
    LAMBDAS,
    MOTIFS,
    TRACKS,
    readouts,
    weights,
    write_evaluation,
    write_model,
    write_path,
)

from finemo_zarr.cli.app import app
from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr.plot.importance import profile_order
from finemo_zarr.plot.penalty_paths import largest
from finemo_zarr.report import make_report, template_parameters
from finemo_zarr.report._tisfm_hits import example_regions, examples_figure
from finemo_zarr.report._tisfm_source import chosen_motifs, motif_logos
from finemo_zarr.report._tisfm_tables import (
    heatmap_table,
    importance_table,
    interaction_table,
    motif_table,
    path_error_table,
    path_weight_table,
    track_table,
)
from finemo_zarr.report.callers import gather_callers
from finemo_zarr.report.templates import find_template
from finemo_zarr.report.tisfm_sections import (
    gather_tisfm,
    hits_of_both_kinds,
    importance_section,
    interaction_section,
    path_section,
    pooling_section,
    prediction_section,
    provenance_section,
    tisfm_summary,
    top_section,
)

DATA = Path(__file__).parents[2] / "examples/data"
SECTIONS = (
    tisfm_summary,
    prediction_section,
    importance_section,
    top_section,
    interaction_section,
    pooling_section,
    path_section,
    provenance_section,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return a folder with ``model``, ``path`` and ``evaluation`` (of the path)."""
    folder = tmp_path_factory.mktemp("tisfm")
    write_model(folder / "model", readouts())
    write_path(folder / "path")
    write_evaluation(folder / "evaluation", folder / "path")
    return folder


@pytest.fixture(scope="module")
def data(made):
    return gather_tisfm(made / "path", evaluation=made / "evaluation")


def test_gather__finds_the_path_of_a_model(made) -> None:
    assert gather_tisfm(made / "model").path is None
    for model in ("path", "path/lambda_002"):
        found = gather_tisfm(made / model)
        assert found.path["lambda"].values.tolist() == list(LAMBDAS)
    given = gather_tisfm(made / "model", path=made / "path", tracks=["NK"])
    assert given.path is not None
    assert given.tracks == ["NK"]


def test_gather__refuses_what_does_not_go_together(made, tmp_path) -> None:
    with pytest.raises(ReadError, match=r"no model\.json; give the folder that train-tisfm"):
        gather_tisfm(tmp_path)
    with pytest.raises(SchemaError, match="no track Z; the model has B, T, NK"):
        gather_tisfm(made / "model", tracks=["B", "Z"])
    write_evaluation(tmp_path / "other", made / "path", tracks=("B", "T"))
    with pytest.raises(SchemaError, match="an evaluation of other tracks"):
        gather_tisfm(made / "model", evaluation=tmp_path / "other")
    with pytest.raises(ReadError, match=r"evaluation\.tsv: cannot be read"):
        gather_tisfm(made / "model", evaluation=tmp_path)
    shutil.copytree(made / "model", tmp_path / "damaged")
    (tmp_path / "damaged/model.json").write_text("{")
    with pytest.raises(ReadError, match=r"model\.json: damaged"):
        gather_tisfm(tmp_path / "damaged")
    shutil.copytree(made / "model", tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare/readouts.zarr")
    with pytest.raises(ReadError, match=r"readouts\.zarr: no such store"):
        gather_tisfm(tmp_path / "bare")
    write_model(tmp_path / "half", readouts().drop_vars("rank"))
    with pytest.raises(ReadError, match="there is no rank; train again"):
        gather_tisfm(tmp_path / "half")


def test_gather__needs_neither_plugin_nor_torch(made) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['finemo_zarr_tisfm'] = None\n"
        "from finemo_zarr.report import tisfm_sections as tisfm\n"
        f"print(tisfm.tisfm_summary(tisfm.gather_tisfm({str(made / 'path')!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "lambda, of this model" in done.stdout, done.stderr


def test_tables__are_those_of_the_readouts(data) -> None:
    table = importance_table(data)
    assert table.height == len(MOTIFS) * len(TRACKS)
    first = table.filter(pl.col("rank") == 1)["motif"].to_list()
    assert first == ["EBF1", "TCF7", "TBX21"]
    for row in table.iter_rows(named=True):
        at = MOTIFS.index(row["motif"]), TRACKS.index(row["track"])
        assert row["weight"] == weights()[at]
        assert row["importance"] == weights()[at] / 2
    short = importance_table(data, 1)
    assert short["motif"].to_list() == first
    gates = interaction_table(data)
    assert gates.rows() == [
        ("SPI1", "EBF1", "opens", 0.75, 1.5),
        ("TCF7", "TBX21", "closes", -0.375, -0.75),
    ]
    motifs = motif_table(data)
    assert motifs["best_track"].to_list()[:4] == ["B", "B", "T", "NK"]
    assert motifs["pooling_weight"].to_list() == [6, 7, 8, 9, 10, 11]


def test_heatmap__is_clustered_and_has_what_is_shown(data) -> None:
    table = heatmap_table(data)
    assert sorted(table["motif"]) == ["EBF1", "SPI1", "TBX21", "TCF7", "spare_1"]
    assert sorted(table.columns[1:]) == sorted(TRACKS)
    for row in table.iter_rows(named=True):
        own = weights()[MOTIFS.index(row["motif"])] / 2
        assert [row[track] for track in TRACKS] == own.tolist()
    assert abs(table["motif"].to_list().index("EBF1") - table["motif"].to_list().index("SPI1")) == 1


def test_tables__of_errors(data) -> None:
    table = track_table(data)
    np.testing.assert_allclose(table["explained"], 1 - table["mse"] / table["variance"])
    errors = path_error_table(data.path)
    assert errors.columns == ["part", "track", "lambda", "error", "nonzero_weights"]
    assert errors.height == 3 * (1 + len(TRACKS)) + 3
    chosen = errors.filter(part="validation", track="T", **{"lambda": 0.01})
    assert chosen["error"].to_list() == [0.6]
    assert chosen["nonzero_weights"].to_list() == [2]
    nonzero = path_weight_table(data.path)
    assert nonzero.height == int((data.path["weight"] != 0).sum())
    row = nonzero.filter(motif="TBX21", track="NK", **{"lambda": 0.1})
    assert row["weight"].to_list() == [0.5]


def test_logos__are_trimmed_and_in_bits_unless_a_kernel_learned(data) -> None:
    logos = motif_logos(data, MOTIFS)
    assert [logos[name].shape[1] for name in MOTIFS] == [8, 7, 6, 5, 4, 10]
    bits = logos["SPI1"].sum(axis=0)
    ppm = np.array([0.94, 0.02, 0.02, 0.02])
    shares = (ppm + 0.001) / 1.004  # the pseudocount of the information content
    np.testing.assert_allclose(bits, 2 + (shares * np.log2(shares)).sum())
    np.testing.assert_allclose(logos["spare_1"].sum(axis=0), 0, atol=1e-12)


def test_chosen__are_the_first_of_each_track_by_importance(data) -> None:
    assert chosen_motifs(data, 1, 9) == ["EBF1", "TCF7", "TBX21"]
    assert chosen_motifs(data, 9, 9) == ["EBF1", "TCF7", "SPI1", "TBX21", "spare_1"]
    assert chosen_motifs(data, 9, 2) == ["EBF1", "TCF7"]


def test_profile_order__puts_what_is_alike_together() -> None:
    rows = np.array([[1, 0], [0, 1], [1.1, 0], [0, 1.1], [np.nan, 0.9]])
    order = profile_order(rows).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert abs(order.index(0) - order.index(2)) == 1
    assert {order[0], order[-1]} & {0, 2}
    assert profile_order(rows[:2]).tolist() == [0, 1]


def test_largest__takes_those_of_the_row_then_those_of_anywhere() -> None:
    values = np.array([[0, 3, 0, 0, 1], [0, 0, -2, 0, 1.0]])
    assert largest(values, 1).tolist() == [2, 4, 1]
    assert largest(values, 1, 1).tolist() == [2]


def test_summary__warns_of_what_must_not_be_missed(made, data, tmp_path) -> None:
    shown = tisfm_summary(data)
    assert "<b>6 of 18</b>" in shown
    assert "<b>5</b><span>motifs, and 1 spare kernel</span>" in shown
    assert "test regions" in shown
    assert "spare_1 (NK)" in shown
    assert "No evaluation" not in shown
    bare = tisfm_summary(gather_tisfm(made / "model"))
    assert "No evaluation was given" in bare
    write_evaluation(tmp_path / "weak", made / "model", weak=True)
    weak = tisfm_summary(gather_tisfm(made / "path", evaluation=tmp_path / "weak"))
    assert "The correlation is below 0.2 for NK:" in weak
    assert f"is the evaluation of {made / 'model'}" in weak
    for best, said in ((0.0, "No penalty made the error smaller"), (0.1, "go on to larger")):
        write_path(tmp_path / f"{best}", best=best)
        assert said in tisfm_summary(gather_tisfm(tmp_path / f"{best}"))
    write_model(tmp_path / "short", readouts())
    rows = "epoch\ttrain_error\tvalidation_error\n1\t2\t2\n2\t1\t1\n"
    (tmp_path / "short/history.tsv").write_text(rows)
    assert "train longer" in tisfm_summary(gather_tisfm(tmp_path / "short"))


def test_predictions__say_of_which_regions_they_are(data) -> None:
    assert "of the 50 test regions" in prediction_section(data)
    every = data._replace(scores=data.scores.assign_attrs(part="all"))
    assert "of all 50 regions" in prediction_section(every)


def test_summary__is_of_the_epoch_that_was_kept(tmp_path) -> None:
    write_model(tmp_path / "model", readouts())
    rows = "epoch\ttrain_error\tvalidation_error\tpenalty\n1\t2\t0.25\t4\n2\t1\t0.5\t1\n"
    (tmp_path / "model/history.tsv").write_text(rows)
    shown = tisfm_summary(gather_tisfm(tmp_path / "model"))
    assert "<b>0.5</b><span>validation error</span>" in shown
    assert "The validation error and penalty still fell" in shown
    assert "validation error and penalty together" in prediction_section(
        gather_tisfm(tmp_path / "model")
    )


def test_sections__say_what_is_missing(tmp_path) -> None:
    read = readouts(layers=False)
    for name in ("weight", "importance"):
        read[name] = 0 * read[name]
    write_model(tmp_path / "model", read)
    (tmp_path / "model/history.tsv").unlink()
    data = gather_tisfm(tmp_path / "model")
    shown = {section.__name__: section(data) for section in SECTIONS}
    assert "no motif has any importance" in shown["importance_section"]
    assert "without interactions" in shown["interaction_section"]
    assert "Nothing was learned about pooling" in shown["pooling_section"]
    assert "no positional profile" in shown["pooling_section"]
    assert "No path was given" in shown["path_section"]
    assert "no errors of single tracks" in shown["prediction_section"]
    said = hits_of_both_kinds(data, [])
    assert f"--tisfm-model {tmp_path / 'model'}" in said
    assert "zscore" in shown["provenance_section"]


def test_sections__of_a_training_that_went_astray(made, data) -> None:
    read = data.readouts.copy(deep=True)
    for name in ("weight", "importance"):
        read[name].values[1] = np.nan
    astray = data._replace(readouts=read)
    assert "Some weights are not numbers" in tisfm_summary(astray)
    for section in SECTIONS:
        assert "Traceback" not in section(astray)


def test_sections__escape_names(data) -> None:
    shown = "".join(section(data) for section in SECTIONS)
    assert "<i>CTCF" not in shown


def test_hits__of_one_kind_are_not_compared(data, called) -> None:
    said = hits_of_both_kinds(data, str(called / "hits"))
    assert "Only one was given (coordinate-descent)" in said


def test_examples__are_regions_of_agreement_then_of_dispute(called, tmp_path) -> None:
    shutil.copytree(called / "hits", tmp_path / "other")
    data = gather_callers([called / "hits", tmp_path / "other"])
    other = data.stores["other"]
    kept = other.hits["hit_region"].values % 2 == 0  # the other has none in odd regions
    halved = other._replace(hits=other.hits.isel(hit=np.flatnonzero(kept)))
    halved = data._replace(stores=data.stores | {"other": halved})
    common, apart = example_regions(halved, 5)
    hits, motifs = data.stores["hits"].hits, data.stores["hits"].motifs["motif_name"].values
    counts = np.zeros(data.stores["hits"].qc.sizes["region"], dtype=int)
    for region in range(len(counts)):
        counts[region] = len(set(motifs[hits["hit_motif"][hits["hit_region"] == region]]))
    assert counts[common].tolist() == sorted(counts[::2])[-3:][::-1]
    assert counts[apart].tolist() == sorted(counts[1::2])[-2:][::-1]
    assert (common % 2 == 0).all()
    assert (apart % 2 == 1).all()
    assert len(example_regions(data, 4)[1]) == 0
    assert "<svg" in examples_figure(halved, 3)
    assert "no hits to draw" in examples_figure(halved, 0)


def test_template__documents_each_parameter_of_tisfm() -> None:
    readme = (find_template("tisfm").parent / "README.md").read_text()
    section = readme.partition("## `tisfm`")[2].partition("\n## ")[0]
    parameters = template_parameters("tisfm")
    assert parameters
    for parameter, text in parameters.items():
        assert text, parameter
        assert f"`{parameter}`" in section, parameter


def test_command__needs_hits_for_the_templates_of_hits_only(tmp_path) -> None:
    done = CliRunner().invoke(app, ["report", "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "the template hits needs hits: give -H" in done.output


@pytest.mark.slow
def test_page__has_every_section_and_its_tables(made, called, tmp_path) -> None:
    for name in ("hits_model", "hits_scores"):
        shutil.copytree(called / "hits", tmp_path / name)
    words = ["report", "--template", "tisfm", "-P", f"model={made / 'path'}"]
    words += [f"evaluation={made / 'evaluation'}", f"truth={DATA / 'truth.tsv'}", "tracks=[B, NK]"]
    words += ["-H", str(tmp_path / "hits_model"), str(tmp_path / "hits_scores")]
    done = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out/report.html").read_text()
    assert len(page) < 3_000_000
    assert "Traceback" not in page
    assert "import tisfm_sections" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
    for table in ("tracks", "top", "gates", "truth"):
        assert f'id="{table}-table"' in page
    # Two of errors, history, two of regions, heatmap, two of tracks, gates, two of layers, four of
    # the path; of hits: motifs, agreement, scores, three of known sites, examples.
    assert page.count("<figure>") == 15 + 7
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = (
        "importance heatmap motifs tracks interactions position path_errors path_weights consensus"
    )
    assert {f"{name}.tsv" for name in [*tables.split(), "hits_by_motif", "truth"]} <= names
    written = pl.read_csv(tmp_path / "out/importance.tsv", separator="\t")
    assert written.height == len(MOTIFS) * len(TRACKS)


@pytest.mark.slow
def test_page__of_a_model_alone(made, tmp_path) -> None:
    page = make_report(tmp_path / "out", "tisfm", {"model": str(made / "model")}).read_text()
    assert "Traceback" not in page
    assert "No evaluation was given" in page
    assert "Nothing is compared" in page
