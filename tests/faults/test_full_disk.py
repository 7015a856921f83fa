"""A disk that fills up on the way, for once a real one."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from killable import Inputs, chunks, finish, tables

_SIZES = ["48k", "96k", "200k"]


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount a file system of a size in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={request.param}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


@pytest.mark.parametrize("small_disk", _SIZES, indirect=True)
def test_call_hits__goes_on_when_a_full_disk_has_room_again(
    inputs: Inputs, small_disk: Path
) -> None:
    out = small_disk / "hits"
    _, error = finish(inputs.call(out, "--jobs", "1"), code=1)
    assert "cannot be written, the disk is full" in error
    assert error.strip().count("\n") == 0
    assert not out.exists()
    grow(small_disk)
    finish(inputs.call(out))
    assert tables(out) == tables(inputs.folder / "hits")


@pytest.mark.parametrize("small_disk", _SIZES, indirect=True)
def test_extract__goes_on_when_a_full_disk_has_room_again(inputs: Inputs, small_disk: Path) -> None:
    out = small_disk / "regions.zarr"
    _, error = finish(inputs.extract(out, "--jobs", "1"), code=1)
    assert "cannot be written, the disk is full" in error
    assert not out.exists()
    grow(small_disk)
    finish(inputs.extract(out))
    assert chunks(out) == chunks(inputs.folder / "regions.zarr")
