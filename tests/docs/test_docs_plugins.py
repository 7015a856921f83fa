"""The plugins of the documentation work as they stand there."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from markdown_blocks import ROOT, files

READER, SOLVER, COMMAND = (
    ROOT / f"docs/write-a-{name}.md" for name in ("reader", "solver", "command")
)


def _write(page: Path, folder: Path) -> None:
    for name, text in files(page).items():
        (folder / name).write_text(text, encoding="utf-8")


def _install(folder: Path) -> None:
    """What pip would write for the distribution, so that its entry points are found."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    name = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    (folder / name).mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (folder / name / "METADATA").write_text(metadata)
    points = project["entry-points"]["finemo_zarr"].items()
    lines = "".join(f"{key} = {value}\n" for key, value in points)
    (folder / name / "entry_points.txt").write_text(f"[finemo_zarr]\n{lines}")


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", *words]
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("page", [READER, SOLVER, COMMAND], ids=lambda page: page.stem)
def test_plugin_page__passes_its_own_tests(page, tmp_path):
    _write(page, tmp_path)
    options = ("-q", "-W", "error", "-p", "no:cacheprovider", "--basetemp", tmp_path / "basetemp")
    done = _run(tmp_path, "pytest", *map(str, options), ".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("page", "command", "flag"),
    [
        (READER, "extract-regions-text-h5", "--rows N"),
        (SOLVER, "call-hits", "--max-hits N"),
        (COMMAND, "top-motifs", "-n, --count"),
    ],
    ids=["reader", "solver", "command"],
)
def test_plugin_page__gives_a_command_its_flags(page, command, flag, tmp_path):
    _write(page, tmp_path)
    _install(tmp_path)
    listed = _run(tmp_path, "finemo_zarr", "plugins")
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert f"{project['name']} 0.1.0" in listed.stdout, listed.stderr
    assert flag in _run(tmp_path, "finemo_zarr", command, "--help").stdout
