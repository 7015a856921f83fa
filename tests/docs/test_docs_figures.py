"""The figures are there, small, on a page, and their script runs."""

import subprocess
import sys

import pytest
from markdown_blocks import PAGES, ROOT

FIGURES = ROOT / "docs/figures"
NAMES = sorted(path.stem for path in FIGURES.glob("*.svg"))


def _draw(*words: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    command = [sys.executable, FIGURES / "make_figures.py", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("name", NAMES)
def test_figure__is_small_and_on_a_page(name):
    assert (FIGURES / f"{name}.svg").stat().st_size < 80_000
    assert any(f"figures/{name}.svg)" in page.read_text(encoding="utf-8") for page in PAGES)


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
