"""The examples for clusters run as they stand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_script__gets_the_same_hits_from_a_cluster_that_loses_a_worker(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "on_a_cluster.py", "--out", tmp_path]
    done = subprocess.run(
        [str(part) for part in command], check=False, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    assert "hits, the same from the cluster and from one thread" in done.stdout
    assert "killed worker process" in done.stdout
    assert not list(tmp_path.glob(".*"))


def test_notebook__runs_from_its_folder(tmp_path: Path) -> None:
    notebook = json.loads((EXAMPLES / "on_a_cluster.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] for cell in cells)
    source = "\n".join("".join(cell["source"]) for cell in cells)
    body = "\n".join(f"    {line}" for line in source.splitlines())
    script = f"def main():\n{body}\n    print(called)\n\nif __name__ == '__main__':\n    main()\n"
    (tmp_path / "cells.py").write_text(script)
    (tmp_path / "data").symlink_to(EXAMPLES / "data")
    done = subprocess.run(
        [sys.executable, "cells.py"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "HitsStore" in done.stdout
    assert (tmp_path / "cluster_notebook/hits.zarr/zarr.json").exists()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.name)
def test_notebook__holds_no_results(path: Path) -> None:
    assert '"execution_count": null' in path.read_text("utf-8")
