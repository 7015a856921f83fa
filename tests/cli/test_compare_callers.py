import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import polars as pl
import pytest
from click.testing import CliRunner, Result

from finemo_zarr.cli import compare_callers
from finemo_zarr.errors import FinemoError, ReadError, RunError, SchemaError
from finemo_zarr.execution import extract_regions
from finemo_zarr.protocols import option_fields
from finemo_zarr.registry import get_solver

SOLVERS = "coordinate-descent,prox-gradient"


def invoke(*words: object) -> Result:
    return CliRunner().invoke(compare_callers.make_command(), [str(word) for word in words])


@pytest.fixture
def store(tmp_path: Path, regions, reader) -> Path:
    path = tmp_path / "regions.zarr"
    extract_regions(reader(regions), path)
    return path


@pytest.fixture
def base(store, files, tmp_path) -> list[object]:
    """Words that every comparison has."""
    return ["-r", store, "-m", files.motifs, "-o", tmp_path / "out"]


@pytest.fixture
def truth(tmp_path, regions) -> Path:
    """Sites where there are none, for a start."""
    path = tmp_path / "truth.tsv"
    rows = "".join(f"{row}\tpos_patterns.pattern_0\t{row}\t{row + 9}\n" for row in range(20))
    path.write_text("region\tmotif\tstart\tend\n" + rows)
    return path


@pytest.mark.slow
def test_compare_callers__calls_measures_and_draws(base, truth, tmp_path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    words = [*base, "--solvers", SOLVERS, "--truth", truth, "--jobs", 1]
    words += ["--set", "prox-gradient.tolerance=1e-5"]
    words += ["--score", "coordinate-descent=hit_similarity"]
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    assert result.output.count("  all regions converged") == 2
    assert f"report: {out / 'report/report.html'}" in result.output
    assert "coordinate-descent: precision " in result.output
    hits = {name: out / "hits" / name for name in SOLVERS.split(",")}
    measured = {name: json.loads(Path(f"{path}.json").read_text()) for name, path in hits.items()}
    for name, found in measured.items():
        assert found["seconds"] > 0.5, name
        assert 20 < found["peak_bytes"] / 2**20 < 4000, name
        assert not found["resumed"]
        assert f"--solver {name}" in found["command"]
    assert "--convergence-tol 1e-5" in measured["prox-gradient"]["command"]
    table = pl.read_csv(out / "report/truth.tsv", separator="\t")
    assert table["score"].to_list() == ["hit_similarity", "hit_coefficient_global"]
    consensus = pl.read_csv(out / "report/consensus.tsv", separator="\t")
    assert (consensus["n_callers"] == 2).mean() > 0.9

    again = invoke(*words)
    assert again.exit_code == 0, again.output
    assert again.output.count("complete already") == 2
    kept = {name: json.loads(Path(f"{path}.json").read_text()) for name, path in hits.items()}
    assert kept == measured


def test_compare_callers__words_are_those_that_were_given(base, monkeypatch) -> None:
    called = {}

    def remember(name: str, words: list[str], folder: Path) -> bool:
        called[name] = words
        return False

    monkeypatch.setattr(compare_callers, "_call", remember)
    more = ["-t", 0.4, "--fdr", "--jobs", 3, "--overwrite", "-m", "second.meme", "third.meme"]
    result = invoke(*base, *more, "--solvers", SOLVERS, "--set", "coordinate-descent.max_steps=7")
    assert isinstance(result.exception, RunError), result.output
    assert "coordinate-descent, prox-gradient failed, as said above" in str(result.exception)
    words = " ".join(called["coordinate-descent"])
    assert words.startswith(f"-r {base[1]} -m {base[3]} second.meme third.meme -t 0.4 --fdr")
    out = f"-o {base[5]}/hits/coordinate-descent --solver coordinate-descent"
    assert words.endswith(f"{out} --max-steps 7 --scheduler threads --jobs 3 --overwrite")
    assert "--max-steps" not in " ".join(called["prox-gradient"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--solvers", "coordinate-descent"], "expected two or more, each once"),
        (["--solvers", "a,b,a"], "expected two or more, each once"),
        (["--solvers", SOLVERS, "--set", "luck=1"], "expected SOLVER.OPTION=VALUE, with one of"),
        (["--solvers", SOLVERS, "--set", "coordinate-descent.luck=1"], "coordinate-descent.max_st"),
        (["--solvers", SOLVERS, "--set", "coordinate-descent.max-steps=x"], "not a valid int"),
        (["--solvers", SOLVERS, "--set", "prox-gradient.compile=maybe"], "expected true or false"),
        (["--solvers", SOLVERS, "--score", "moods=x"], "expected SOLVER=COLUMN, with one of"),
        (["--solvers", SOLVERS, "--score", "prox-gradient=-pvalue"], "are named hit_..., such as"),
        (["--solvers", SOLVERS, "-l", "-1"], "expected more than 0"),
    ],
)
def test_compare_callers__refuses_before_anything_is_called(base, words, said, tmp_path) -> None:
    result = invoke(*base, *words)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_compare_callers__a_score_that_is_not_there_ends_before_the_next_caller(
    base, written, tmp_path, monkeypatch
) -> None:
    called = []

    def call(name: str, words: list[str], folder: Path) -> bool:
        called.append(name)
        shutil.copytree(written / "hits.zarr", folder / name / "hits.zarr")
        return True

    monkeypatch.setattr(compare_callers, "_call", call)
    words = [*base, "--solvers", SOLVERS, "--score"]
    result = invoke(*words, "coordinate-descent=-hit_similarty")
    assert called == ["coordinate-descent"]
    assert isinstance(result.exception, RunError)
    said = str(result.exception)
    assert said.startswith(
        "--score coordinate-descent=-hit_similarty: its hits have no such column"
    )
    assert "hit_similarity" in said
    assert f"The hits in {tmp_path / 'out/hits/coordinate-descent'} are kept: start" in said


def test_compare_callers__refuses_inputs_that_are_not_there(base, tmp_path) -> None:
    for words, kind, said in (
        (["--solvers", "coordinate-descent,luck"], FinemoError, "luck"),
        (["--solvers", SOLVERS, "--truth", tmp_path / "gone.tsv"], ReadError, "gone.tsv"),
    ):
        result = invoke(*base, *words)
        assert isinstance(result.exception, kind)
        assert said in str(result.exception)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("dear")
    result = invoke(*base, "--solvers", SOLVERS)
    assert "holds thesis.txt, which is not of a comparison" in str(result.exception)
    result = invoke(*base[:4], "-o", "s3://bucket/out", "--solvers", SOLVERS)
    assert "a folder on this machine" in str(result.exception)


def test_compare_callers__refuses_sites_that_do_not_fit_before_anything_is_called(
    base, truth, tmp_path
) -> None:
    text = truth.read_text()
    for wrong, said in (
        (text.replace("pattern_0", "other"), "no motif of the hits has a known site"),
        (text.replace("\n", "\nnowhere"), "20 of 20 sites lie in regions that are not there"),
    ):
        truth.write_text(wrong.removesuffix("nowhere"))
        result = invoke(*base, "--solvers", SOLVERS, "--truth", truth)
        assert isinstance(result.exception, SchemaError)
        assert said in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("scheduler", "known"), [("sync", True), ("processes", False)])
def test_call__leaves_out_the_memory_of_other_processes(
    scheduler, known, tmp_path, monkeypatch
) -> None:
    def run(command: list[str], **_: object) -> CompletedProcess[str]:
        Path(command[3]).write_text('{"peak_bytes": 5}')
        return CompletedProcess(command, 0, stdout="")

    monkeypatch.setattr(compare_callers.subprocess, "run", run)
    assert compare_callers._call("a", ["-o", "out", "--scheduler", scheduler], tmp_path)
    found = json.loads((tmp_path / "a.json").read_text())
    assert ("peak_bytes" in found) == known


def test_compare_callers__asks_for_one_of_several_tracks(
    base, regions, reader, tmp_path, monkeypatch
) -> None:
    import xarray as xr

    tracks = xr.concat([regions.region_contributions] * 2, dim="track")
    several = regions.assign(region_contributions=tracks).assign_coords(track=["a", "b"])
    path = tmp_path / "tracks.zarr"
    extract_regions(reader(several), path)
    words = ["-r", path, *base[2:], "--solvers", SOLVERS]
    result = invoke(*words)
    assert result.exit_code == 2
    assert "give one with --tracks" in result.output
    monkeypatch.setattr(compare_callers, "_call", lambda *_: False)
    assert isinstance(invoke(*words, "--tracks", "b").exception, RunError)
    assert isinstance(invoke(*words, "--combine-tracks", "mean").exception, RunError)


def test_call_measured__writes_what_it_took(tmp_path, monkeypatch, capsys) -> None:
    result = tmp_path / "usage.json"
    monkeypatch.setattr("sys.argv", ["-c", str(result), "plugins"])
    with pytest.raises(SystemExit):
        compare_callers.call_measured()
    assert "coordinate-descent" in capsys.readouterr().out
    assert json.loads(result.read_text())["peak_bytes"] > 2**20


def test_compare_callers__options_of_solvers_can_be_set() -> None:
    for name in SOLVERS.split(","):
        fields = option_fields(get_solver(name))
        values = [
            f"{name}.{key}={'true' if isinstance(field.default, bool) else 1}"
            for key, (field, _) in fields.items()
        ]
        words = compare_callers._settings(values, [name])[name]
        assert len([word for word in words if word.startswith("--")]) == len(fields)
