"""The notebooks of the examples run as they stand."""

from pathlib import Path

import papermill
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.filterwarnings("ignore")
def test_notebook__goes_from_hits_to_understanding(tmp_path: Path) -> None:
    notebook = EXAMPLES / "from_hits_to_understanding.ipynb"
    ran = papermill.execute_notebook(
        str(notebook),
        str(tmp_path / "ran.ipynb"),
        kernel_name="python3",
        cwd=str(EXAMPLES),
        progress_bar=False,
        extra_arguments=["--log-level=ERROR"],
    )
    said = "".join(
        str(output.get("text", "")) for cell in ran.cells for output in cell.get("outputs", ())
    )
    assert "NRF1" not in said  # the motifs were not renamed
    assert "74% of its hits lie on a hit of the same motif on the other strand" in said
    assert "'matched': 1" in said
    assert "report.html" in said
    pictures = [
        output
        for cell in ran.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3


def test_notebook__is_kept_without_output() -> None:
    import nbformat

    for path in EXAMPLES.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert not any(cell.get("outputs") for cell in cells), path
