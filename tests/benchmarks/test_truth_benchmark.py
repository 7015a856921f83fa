"""The truth benchmark, on the bundled example."""

import json
from pathlib import Path

import pytest
import truth

from finemo_zarr.protocols import option_fields
from finemo_zarr.registry import solvers

PAGE = "before\n<!-- begin truth -->\nold\n<!-- end truth -->\nbehind\n"
CALLERS = ("coordinate-descent", "moods")


def test_options__are_those_of_the_callers_with_the_defaults_first() -> None:
    for name in truth.installed():
        first, *others = truth.combinations(name)
        fields = option_fields(solvers()[name])
        own = {key: value for key, value in first.items() if key not in truth._OF_MOTIFS}
        assert own == {key: fields[key][0].default for key in own}
        assert len(others) < 30
        assert truth.flags(name, first).count("--") == len(first)
    from finemo_zarr import MotifOptions

    default = MotifOptions()
    for key, values in (truth._TRIMS | truth._LAMBDAS).items():
        assert values[0] == getattr(default, key)


def test_flags__are_as_typed() -> None:
    options = {"lambda_default": 0.4, "trim_threshold": 0.1}
    said = truth.flags("coordinate-descent", options)
    assert said == "`--global-lambda 0.4 --cwm-trim-threshold 0.1`"
    assert truth.flags("coordinate-descent", {}) == ""


@pytest.mark.slow
def test_truth__writes_its_table(tmp_path: Path, monkeypatch, capsys) -> None:
    pytest.importorskip("finemo_zarr_moods", reason="the plugin finemo-zarr-moods is not installed")
    pytest.importorskip("MOODS", reason="MOODS-python is not installed")
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    words = ["--data", truth.ROOT / "examples/data", "--out", page, "--quick"]
    monkeypatch.setattr("sys.argv", ["truth.py", *map(str, words), "--callers", ",".join(CALLERS)])
    monkeypatch.setattr(truth, "FILTERS", {"moods": [()]})
    truth.main()
    head, _, *rows = (line for line in page.read_text().splitlines() if line.startswith("|"))
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    found = [
        dict(zip(columns, map(str.strip, row.strip("|").split("|")), strict=True)) for row in rows
    ]
    assert [row[""] for row in found] == [
        "`coordinate-descent`",
        "`moods`",
        "`moods`, then `filter-hits`",
    ]
    for row in found[2:]:
        assert float(row["precision"]) > 0.9
        assert row["F1 at most"] == ""
    for row in found[:2]:
        assert 0.85 < float(row["F1"]) <= float(row["F1 at the best threshold"])
        assert float(row["F1 at the best threshold"]) <= float(row["F1 at most"])
        assert float(row["ms per region"]) < 1000 * float(row["s, whole command"]) / 240
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("behind\n")
    assert "Measured" in page.read_text()
    assert json.dumps(str(page))[1:-1] in capsys.readouterr().out


def test_truth__says_that_there_is_no_simulation(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such folder"):
        truth.prepare(tmp_path / "gone", tmp_path)
