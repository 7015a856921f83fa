"""Compiled code is cached under what all files of kernels say, not only the first."""

from pathlib import Path
from shutil import copy

from finemo_zarr.solvers import _coordinate_descent_kernels as kernels
from finemo_zarr.solvers import _state_kernels as state


def test_cache__key_holds_the_digest_of_all_kernels() -> None:
    cells = [cell.cell_contents for cell in kernels.solve_regions.py_func.__closure__]
    assert state.sources() in cells


def test_sources__change_with_any_file_of_kernels(tmp_path: Path, monkeypatch) -> None:
    before = state.sources()
    for path in Path(state.__file__).parent.glob("_*_kernels.py"):
        copy(path, tmp_path)
    monkeypatch.setattr(state, "__file__", str(tmp_path / "_state_kernels.py"))
    assert state.sources() == before
    for path in tmp_path.iterdir():
        text = path.read_text()
        path.write_text(text + "# changed\n")
        assert state.sources() != before
        path.write_text(text)
