from pathlib import Path

import pytest
import zarr

from finemo_zarr.errors import RunError
from finemo_zarr.store import create_store, staged


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_staged__output_appears_when_the_block_ends(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out.zarr"
    with staged(out) as path:
        create_store(path, "regions", {})
        assert not out.exists()
        assert path.parent.parent == out.parent
    assert zarr.open_group(out, mode="r").attrs["kind"] == "regions"
    assert entries(out.parent) == ["out.zarr"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_staged__failure_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def write() -> None:
        with staged(tmp_path / "out.zarr") as path:
            create_store(path, "regions", {})
            raise error

    with pytest.raises(error):
        write()
    assert entries(tmp_path) == []


def test_staged__refuses_output_that_exists(tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    create_store(out, "regions", {})
    with pytest.raises(RunError, match="exists already; choose another output, or give --over"):
        staged(out).__enter__()


def test_staged__takes_an_empty_folder(tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    out.mkdir()
    with staged(out) as path:
        create_store(path, "regions", {})
    assert (out / "zarr.json").exists()


def test_staged__old_output_stays_until_the_new_is_complete(tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    create_store(out, "regions", {"made": "first"})

    def write() -> None:
        with staged(out, overwrite=True) as path:
            create_store(path, "regions", {"made": "second"})
            assert zarr.open_group(out, mode="r").attrs["provenance"] == {"made": "first"}
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write()
    assert zarr.open_group(out, mode="r").attrs["provenance"] == {"made": "first"}
    with staged(out, overwrite=True) as path:
        create_store(path, "regions", {"made": "third"})
    assert zarr.open_group(out, mode="r").attrs["provenance"] == {"made": "third"}
    assert entries(tmp_path) == ["out.zarr"]


def test_staged__never_replaces_what_is_not_ours(tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.txt").write_text("precious")
    with pytest.raises(RunError, match="holds what finemo-zarr did not write"):
        staged(out, overwrite=True).__enter__()
    assert (out / "chapter.txt").read_text() == "precious"


def test_staged__names_a_full_disk(tmp_path: Path, full_disk: None) -> None:
    def write() -> None:
        with staged(tmp_path / "out.zarr") as path:
            create_store(path, "regions", {})

    with pytest.raises(RunError, match=r"out.zarr: cannot be written, the disk is full"):
        write()
    assert entries(tmp_path) == []


def test_staged__a_full_disk_names_the_outer_output(tmp_path: Path, full_disk: None) -> None:
    def write() -> None:
        with staged(tmp_path / "out") as folder, staged(folder / "inner.zarr") as path:
            create_store(path, "regions", {})

    with pytest.raises(RunError) as caught:
        write()
    assert str(caught.value).startswith(f"{tmp_path / 'out'}: cannot be written")


def test_staged__names_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        staged(tmp_path / "file" / "out.zarr").__enter__()
