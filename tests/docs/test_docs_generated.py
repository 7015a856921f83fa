import runpy

import pytest
from markdown_blocks import ROOT

GENERATE = runpy.run_path(str(ROOT / "docs/generate.py"), run_name="generate")


def test_generate__finds_its_pages_up_to_date(capsys):
    assert GENERATE["main"](["--check"]) == 0, capsys.readouterr().out


def test_generate__notices_a_stale_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(GENERATE["pages"].__globals__, "HERE", tmp_path / "reference")
    assert GENERATE["main"](["--check"]) == 1
    assert "errors.md is not up to date" in capsys.readouterr().out
    assert GENERATE["main"]([]) == 0
    assert GENERATE["main"](["--check"]) == 0


@pytest.mark.parametrize("page", ["data_model", "cli", "errors"])
def test_generate__gives_tables_with_as_many_cells_in_each_row(page):
    text = (ROOT / f"docs/reference/{page}.md").read_text(encoding="utf-8")
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert tables
    for header, *rows in tables:
        cells = header.count("|")
        assert {row.replace(r"\|", "").count("|") for row in rows} == {cells}
