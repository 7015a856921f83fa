"""The figures are there, small, on a page, and their script runs."""

import subprocess
import sys

import pytest
from markdown_blocks import PAGES, ROOT

FIGURES = ROOT / "docs/figures"
PICTURES = sorted(path.name for suffix in ("svg", "png") for path in FIGURES.glob(f"*.{suffix}"))
OTHER_SCRIPTS = {
    "calibration.svg": "make_calibration.py",
    "composites.png": "make_composites_picture.py",
    "report.png": "make_report_picture.py",
    "tisfm.svg": "make_tisfm_figure.py",
    "which.svg": "make_flow_chart.py",
}
NAMES = sorted(name.removesuffix(".svg") for name in PICTURES if name not in OTHER_SCRIPTS)


def _draw(*words: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    command = [sys.executable, FIGURES / "make_figures.py", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("name", PICTURES)
def test_figure__is_small_and_on_a_page(name):
    assert (FIGURES / name).stat().st_size < 80_000
    assert any(f"figures/{name})" in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("name", OTHER_SCRIPTS)
def test_figure__is_of_the_script_that_names_it(name):
    assert name in (FIGURES / OTHER_SCRIPTS[name]).read_text(encoding="utf-8")


def test_figures__are_those_of_the_script():
    said = " ".join(_draw("--help").stdout.split())
    assert all(f"{name}" in said for name in NAMES)
    listed = said.partition("NAME of ")[2].partition(" options:")[0]
    assert sorted(listed.split(", ")) == NAMES


def test_figures__are_drawn(tmp_path):
    done = _draw("problem", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "problem.svg").stat().st_size > 10_000


def test_figures__refuse_an_unknown_name():
    done = _draw("nonsense")
    assert done.returncode == 2
    assert "no figure nonsense; there are problem" in done.stderr
