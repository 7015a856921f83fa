import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest

from finemo_zarr import registry, store
from finemo_zarr.cli import call_hits as module
from finemo_zarr.export import TABLES
from finemo_zarr.protocols import option


@pytest.fixture
def call(run, tmp_path: Path, regions_store, files):
    """Run call-hits on small data."""

    def run_call(*args: object, out: str = "hits"):
        return run(
            "call-hits", "-r", regions_store, "-m", files.motifs, "-o", tmp_path / out, *args
        )

    return run_call


@dataclass(frozen=True)
class OtherSolver:
    name: ClassVar[str] = "other"
    summary: ClassVar[str] = "Another one."
    momentum: float = option("-u", "--momentum", help="Momentum.", default=0.5)
    max_steps: int = option("-S", "--max-steps", help="Steps.", default=7)


@pytest.fixture
def two_solvers(monkeypatch, solver) -> None:
    @dataclass(frozen=True)
    class Other(OtherSolver):
        def solve(self, regions, motifs):
            return solver.solve(regions, motifs)

    made = registry.default_registry()
    classes = {**made.classes, "solver": {**made.classes["solver"], "other": Other}}
    monkeypatch.setattr(registry, "default_registry", lambda: replace(made, classes=classes))


def test_call_hits__writes_store_and_tables(call, tmp_path: Path) -> None:
    result = call()
    assert (result.code, result.err) == (0, "")
    out = tmp_path / "hits"
    assert sorted(path.name for path in out.iterdir()) == sorted([*TABLES, "hits.zarr"])
    n_hits = store.open_hits(out).hits.sizes["hit"]
    assert len(pl.read_csv(out / "hits.tsv", separator="\t")) == n_hits > 0
    assert result.out.startswith("solver: coordinate-descent (")
    assert result.out.splitlines()[1:3] == [
        f"{n_hits} hits of 3 of 3 motifs in 50 regions",
        "all regions converged",
    ]
    assert str(out / "hits.tsv") in result.out
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_call_hits__says_nothing_of_convergence_where_nothing_iterates(call, two_solvers) -> None:
    result = call("--solver", "other")
    assert result.code == 0
    assert "regions" in result.out
    assert "converge" not in result.out


def test_call_hits__options_reach_params_and_provenance(call, tmp_path: Path, files) -> None:
    assert call("-l", "0.6", "-t", "0.2", "-c", "1e-5", "--placement", "full", "-q").code == 0
    params = json.loads((tmp_path / "hits" / "params.json").read_text())
    expected = {
        "lambda_default": 0.6,
        "trim_threshold": 0.2,
        "tolerance": 1e-5,
        "placement": "full",
        "sqrt_transform": True,
        "normalize": "full",
        "max_steps": 10000,
        "num_regions": 50,
        "motifs": [str(files.motifs)],
    }
    assert params.items() >= expected.items()
    provenance = store.read_info(tmp_path / "hits" / "hits.zarr").provenance
    assert provenance["options"]["lambda_default"] == 0.6
    assert [Path(item["path"]).name for item in provenance["inputs"]] == ["regions.zarr", "m.h5"]


def test_call_hits__files_for_single_motifs(call, tmp_path: Path, raw_motifs) -> None:
    first, second, third = raw_motifs["motif_name"].values.tolist()
    written = {
        "-I": f"{third}\n{first}\n",
        "-N": f"{first}\tGATA\n",
        "-L": f"{third}\t0.5\n",
        "-T": f"{third}\t0\n",
        "-R": f"{first}\t3\t9\n",
    }
    args = []
    for flag, text in written.items():
        path = tmp_path / f"table{flag}.tsv"
        path.write_text(text)
        args += [flag, path]
    assert call(*args).code == 0
    table = pl.read_csv(tmp_path / "hits" / "motif_data.tsv", separator="\t")
    assert table["motif_name"].to_list() == ["GATA", "GATA", third, third]
    assert table["motif_name_orig"].to_list() == [first, first, third, third]
    assert table["lambda"].to_list() == [0.7, 0.7, 0.5, 0.5]
    assert table["motif_start"].to_list() == [3, 11, 0, 0]
    assert second not in (tmp_path / "hits" / "hits.tsv").read_text()


@pytest.mark.parametrize(
    ("flag", "text"), [("-I", "nobody\n"), ("-N", "nobody\tx\n"), ("-L", "nobody\t0.5\n")]
)
def test_call_hits__unknown_motif_names_are_one_line(call, tmp_path, flag, text) -> None:
    (tmp_path / "t.tsv").write_text(text)
    result = call(flag, tmp_path / "t.tsv")
    assert result.code == 1
    assert "nobody" in result.err
    assert flag in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "hits").exists()


@pytest.mark.parametrize(
    "args",
    [("-l", "0"), ("-l", "-0.5"), ("-t", "1.5"), ("-t", "-0.1"), ("-M", "xx"), ("--jobs", "0")],
)
def test_call_hits__values_that_cannot_be_are_usage_errors(run, args) -> None:
    result = run("call-hits", "-r", "gone.zarr", "-m", "gone.h5", "-o", "gone", *args)
    assert result.code == 2
    assert "gone" not in result.err.splitlines()[-1]


def test_call_hits__refuses_a_mode_that_needs_hypothetical_scores(call, tmp_path) -> None:
    result = call("-M", "hh")
    assert result.code == 1
    assert "mode hh needs hypothetical ones" in result.err
    assert not (tmp_path / "hits").exists()


def test_call_hits__takes_motifs_from_several_sources(call, tmp_path: Path, files, run) -> None:
    assert call().code == 0
    result = call("-m", tmp_path / "hits", out="again")
    assert result.code == 1
    assert "occur in more than one motif file" in result.err


def test_call_hits__existing_output_needs_overwrite(call, tmp_path: Path) -> None:
    assert call().code == 0
    result = call("-l", "0.8")
    assert result.code == 1
    assert (
        "exists already, and was made in another way: lambda_default was 0.7, is 0.8" in result.err
    )
    assert call("--overwrite", "-l", "0.8").code == 0
    assert json.loads((tmp_path / "hits" / "params.json").read_text())["lambda_default"] == 0.8


def test_call_hits__overwrite_spares_what_is_not_its_own(call, tmp_path: Path) -> None:
    assert call().code == 0
    (tmp_path / "hits" / "notes.txt").write_text("mine")
    result = call("--overwrite")
    assert result.code == 1
    assert "holds what finemo-zarr did not write" in result.err
    assert (tmp_path / "hits" / "notes.txt").read_text() == "mine"


def test_call_hits__failing_tables_leave_no_store(call, tmp_path: Path, monkeypatch) -> None:
    import finemo_zarr.export

    def fail(*args) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(finemo_zarr.export, "write_tables", fail)
    result = call()
    assert result.code == 1
    assert "the disk is full" in result.err
    assert not (tmp_path / "hits").exists()
    monkeypatch.undo()
    assert call().code == 0
    assert (tmp_path / "hits" / "hits.tsv").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_call_hits__that_is_complete_is_left_alone(call, tmp_path: Path) -> None:
    assert call().code == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = call("--jobs", "1")
    assert result.code == 0
    assert result.out.startswith("complete already")
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_call_hits__writes_tables_that_are_missing(call, tmp_path: Path) -> None:
    assert call("--no-tables").code == 0
    assert not (tmp_path / "hits" / "hits.tsv").exists()
    assert call().out.startswith("complete already")
    assert (tmp_path / "hits" / "hits.tsv").exists()


def test_call_hits__full_disk_is_one_line_and_leaves_nothing(call, tmp_path, full_disk) -> None:
    result = call()
    expected = f"Error: {tmp_path / 'hits'}: cannot be written, the disk is full; what is"
    assert result.code == 1
    assert result.err.startswith(expected)
    assert result.err.count("\n") == 1
    assert not (tmp_path / "hits").exists()


def test_call_hits__newer_store_names_both_versions(call, regions_store) -> None:
    import zarr

    zarr.open_group(regions_store).attrs["format_version"] = 9
    result = call()
    assert result.code == 1
    assert "store format 9" in result.err
    assert "up to format 1" in result.err


def test_call_hits__unknown_solver_lists_the_others(call) -> None:
    result = call("--solver", "magic")
    assert result.code == 1
    assert "no solver is named 'magic'; installed: coordinate-descent" in result.err


def test_call_hits__an_option_of_another_solver_names_its_solvers(call, two_solvers) -> None:
    result = call("--momentum", "0.9")
    assert result.code == 2
    assert "--momentum is an option of other, not of the solver coordinate-descent" in result.err


def test_call_hits__each_solver_has_its_own_defaults(call, two_solvers, tmp_path: Path) -> None:
    assert call("--solver", "other", "-u", "0.9").code == 0
    params = json.loads((tmp_path / "hits" / "params.json").read_text())
    assert (params["momentum"], params["max_steps"]) == (0.9, 7)
    assert "tolerance" not in params


def test_call_hits__help_names_the_solvers_of_an_option(run, two_solvers) -> None:
    text = " ".join(run("call-hits", "--help").out.split())
    assert "Momentum. [default: 0.5] (other)" in text
    assert re.search(r"\(coordinate-descent, [a-z, -]*other\)", text)
    assert "Examples:" in text


def test_call_hits__writes_no_tables_where_none_are_wanted(call, tmp_path: Path) -> None:
    result = call("--no-tables")
    assert result.code == 0
    assert [path.name for path in (tmp_path / "hits").iterdir()] == ["hits.zarr"]
    assert "tables" not in result.out


def test_call_hits__takes_motifs_from_a_folder_it_wrote(run, call, regions_store, tmp_path) -> None:
    assert call().code == 0
    again = run("call-hits", "-r", regions_store, "-m", tmp_path / "hits", "-o", tmp_path / "again")
    assert (again.code, again.err) == (0, "")
    tables = [(tmp_path / name / "hits.tsv").read_text() for name in ("hits", "again")]
    assert tables[0] == tables[1]


def test_call_hits__takes_a_solver_that_says_it_pays(
    call, two_solvers, tmp_path: Path, monkeypatch
) -> None:
    cls = registry.get_solver("other")
    monkeypatch.setattr(cls, "pays", staticmethod(lambda _: (False, "no device")), raising=False)
    found = call().out
    assert "solver: coordinate-descent (" in found
    assert "other: no device" in found
    pays = staticmethod(lambda job: (True, f"{job.n_regions} regions, {job.n_motifs} motifs"))
    monkeypatch.setattr(cls, "pays", pays)
    assert "solver: other (50 regions, 6 motifs)" in call("--overwrite", "-u", "0.25").out
    options = store.read_info(tmp_path / "hits/hits.zarr").provenance["options"]
    assert (options["solver"], options["solver_reason"]) == ("other", "50 regions, 6 motifs")
    assert call("--overwrite", "--solver", "coordinate-descent").code == 0


def test_call_hits__has_the_flags_of_the_specification() -> None:
    flags = {flag for made in module.make_command().params for flag in made.opts}
    short = {f"-{letter}" for letter in "rmoMtTRlLINfqcS"}
    long = (
        "regions modisco-h5 out-dir mode cwm-trim-threshold cwm-trim-thresholds cwm-trim-coords"
        " global-lambda motif-lambdas motifs-include motif-names no-post-filter sqrt-transform"
        " placement normalize convergence-tol max-steps solver jobs overwrite"
    )
    assert short <= flags
    assert {f"--{name}" for name in long.split()} <= flags


def test_call_hits__writes_other_formats_and_adds_to_them(call, tmp_path: Path) -> None:
    assert call("--write", "parquet", "bed9").code == 0
    out = tmp_path / "hits"
    table = pl.read_csv(out / "hits.tsv", separator="\t", null_values="NA")
    assert pl.read_parquet(out / "hits.parquet").height == table.height
    before = {path.name for path in out.iterdir()}
    # A run that is complete gets what it lacks, without being called again.
    again = call("--write", "meme")
    assert again.out.startswith("complete already")
    assert {path.name for path in out.iterdir()} - before == {"motifs.meme"}
    assert call("--overwrite").code == 0
    assert not (out / "motifs.meme").exists()


def test_call_hits__refuses_a_format_before_it_calls(call, tmp_path: Path) -> None:
    refused = call("--write", "pdf")
    assert refused.code == 1
    assert "no format 'pdf'; expected one of tsv, bed" in refused.err
    assert not (tmp_path / "hits").exists()
