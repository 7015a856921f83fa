"""What is installed, what is needed for which part, and the example."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = Path(__file__).resolve().parents[1] / "finemo_zarr_tangermeme"

_WITHOUT_TORCH = """
import sys
for name in ("torch", "tangermeme"):
    sys.modules[name] = None
from finemo_zarr.cli import main
main(sys.argv[1:])
"""


def run(*words, code=None, **options):
    command = [sys.executable, *(["-c", code] if code else ["-m", "finemo_zarr"]), *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, **options
    )


def test_plugin__lists_its_solvers_and_commands():
    said = run("plugins").stdout
    for name in ("seqlet-tomtom", "fimo-attribution", "attribute", "marginalize", "syntax"):
        assert re.search(rf"{name} +finemo-zarr-tangermeme 0.1.0 ", said), said


def test_plugin__imports_nothing_private_of_finemo_zarr():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))
    lines = re.findall(r"(?:from|import) (finemo_zarr\b[\w.]*)(?: import ([^\n]+))?", text)
    assert len(lines) > 20
    assert [line for line in lines if "._" in line[0] or re.match(r"_|.*, _", line[1])] == []


def test_modules__are_short():
    lengths = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.glob("*.py")}
    assert {name: length for name, length in lengths.items() if length >= 200} == {}


def test_scanning__needs_no_torch(tmp_path):
    example = ROOT / "examples/data"
    if not example.is_dir():
        pytest.skip("no bundled example beside this plugin")
    words = ("extract-regions-bw", "-p", example / "peaks.narrowPeak", "-f", example / "genome.fa")
    words += ("-b", example / "contributions.bw", "-w", "200", "-o", tmp_path / "regions.zarr")
    assert run(*words).returncode == 0
    call = ("call-hits", "-r", tmp_path / "regions.zarr", "-m", example / "modisco.h5")
    scan = run(*call, "-o", tmp_path / "hits", "--solver", "fimo-attribution", code=_WITHOUT_TORCH)
    assert scan.returncode == 0, scan.stderr
    assert "hits of 7 of 8 motifs" in scan.stdout
    other = run(*call, "-o", tmp_path / "no", "--solver", "seqlet-tomtom", code=_WITHOUT_TORCH)
    assert other.returncode == 1
    assert "pip install 'finemo-zarr-tangermeme[torch]'" in other.stderr


@pytest.mark.slow
def test_example__goes_from_a_model_to_a_report(tmp_path):
    script, data = ROOT / "examples/from_model_to_report.py", ROOT / "examples/data"
    if not script.is_file():
        pytest.skip("no examples beside this plugin")
    pytest.importorskip("tangermeme", reason="tangermeme is not installed (the extra [torch])")
    rows = (data / "peaks.narrowPeak").read_text().splitlines(keepends=True)
    (tmp_path / "peaks.narrowPeak").write_text("".join(rows[:12]))
    command = [sys.executable, script, "--model", f"{script}:bundled_network"]
    command += ["--peaks", tmp_path / "peaks.narrowPeak", "--fasta", data / "genome.fa"]
    command += ["--motifs", data / "modisco.h5", "--region-width", 500, "--input-width", 500]
    command += ["--n-shuffles", 3, "--out", tmp_path / "made"]
    done = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "11 regions of 500 bp with hypothetical scores" in done.stdout
    assert (tmp_path / "made/report/report.html").stat().st_size > 10_000
