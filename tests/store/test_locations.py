import math
import pickle
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from finemo_zarr import store
from finemo_zarr.cli import main
from finemo_zarr.errors import MissingDependencyError, ReadError, RunError
from finemo_zarr.execution import call_hits, extract_regions, load_motifs
from finemo_zarr.export import write_tables
from finemo_zarr.store.locations import RemotePath, create_file, locate, total_bytes, write_file


@pytest.fixture
def memory(tmp_path: Path) -> str:
    """Return a place in the memory of this process."""
    pytest.importorskip("obstore", reason="obstore is not installed (extra cloud)")
    return f"memory://{tmp_path.name}"


@pytest.fixture
def web(tmp_path: Path):
    """Return a server of files that lists none."""
    pytest.importorskip("obstore", reason="obstore is not installed (extra cloud)")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# --- Names ---------------------------------------------------------------------------------------


def test_locate__tells_paths_from_urls(tmp_path: Path) -> None:
    assert locate("a/b.zarr") == Path("a/b.zarr")
    assert locate(tmp_path) is tmp_path or locate(tmp_path) == tmp_path
    url = locate("s3://bucket/a/b.zarr/")
    assert url == RemotePath("s3://bucket/a/b.zarr")
    assert locate(url) is url


def test_remote_path__has_the_parts_of_a_path() -> None:
    path = RemotePath("s3://bucket/a/b#1 c?.zarr")
    assert (path.scheme, path.bucket, path.key) == ("s3", "bucket", "a/b#1 c?.zarr")
    assert (path.name, path.suffix) == ("b#1 c?.zarr", ".zarr")
    assert str(path.parent / "x") == "s3://bucket/a/x"
    assert path.parent.parent == path.parent.parent.parent == RemotePath("s3://bucket")
    assert RemotePath("https://host/a%20b/c").key == "a b/c"
    assert pickle.loads(pickle.dumps(path)) == path


@pytest.mark.parametrize("url", ["ftp://host/x", "s3:///x", "memory://", "://x"])
def test_locate__refuses_what_names_no_place(url: str) -> None:
    with pytest.raises(ReadError, match=r"cannot be used|names no place"):
        locate(url)


def test_locate__refuses_a_url_that_was_made_a_path() -> None:
    with pytest.raises(ReadError, match="give a URL as a string"):
        locate(Path("s3://bucket/x.zarr"))


def test_bucket__as_a_whole_is_no_output(memory: str) -> None:
    with pytest.raises(RunError, match="name a place in it"):
        locate(memory).remove()


def test_remote_path__without_obstore_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(MissingDependencyError, match=r"finemo-zarr\[cloud\]"):
        locate("s3://never-asked-for/x").read_bytes()


# --- Files ---------------------------------------------------------------------------------------


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path):
    return tmp_path if request.param == "disk" else locate(request.getfixturevalue("memory"))


def test_files__are_written_listed_and_removed(folder) -> None:
    assert not (folder / "a").exists()
    write_file(folder / "a" / "x", b"1")
    write_file(folder / "a" / "x", b"22")
    write_file(folder / "a" / "deep" / "y", b"333")
    assert (folder / "a" / "x").read_bytes() == b"22"
    assert (folder / "a" / "x").is_file()
    assert not (folder / "a" / "x").is_dir()
    assert (folder / "a").is_dir()
    assert sorted(path.name for path in (folder / "a").iterdir()) == ["deep", "x"]
    assert total_bytes(folder / "a") == 5
    store.remove(folder / "a")
    store.remove(folder / "a")
    assert not (folder / "a").exists()
    with pytest.raises(FileNotFoundError):
        (folder / "a" / "x").read_bytes()


def test_create_file__makes_it_once(folder) -> None:
    assert create_file(folder / "lock", b"me")
    assert not create_file(folder / "lock", b"you")
    assert (folder / "lock").read_bytes() == b"me"


def test_remove__takes_no_neighbour(folder) -> None:
    for name in ("run", "run2", "running"):
        write_file(folder / name / "x", b"1")
    store.remove(folder / "run")
    assert sorted(path.name for path in folder.iterdir()) == ["run2", "running"]


# --- Stores --------------------------------------------------------------------------------------


def test_memory__holds_regions_hits_and_tables(
    memory: str, tmp_path: Path, regions, motifs, reader, solver, hits_store
) -> None:
    extract_regions(reader(regions), f"{memory}/regions.zarr")
    call_hits(f"{memory}/regions.zarr", motifs, f"{memory}/hits.zarr", solver=solver)
    write_tables(f"{memory}/hits.zarr", f"{memory}/tables")
    write_tables(hits_store, tmp_path / "tables")
    for name in ("hits.tsv", "hits.bed", "peaks_qc.tsv", "motif_cwms.npy"):
        written = (locate(memory) / "tables" / name).read_bytes()
        assert written == (tmp_path / "tables" / name).read_bytes()
    assert [path.name for path in locate(memory).iterdir()] == [
        "hits.zarr",
        "regions.zarr",
        "tables",
    ]


def test_memory__output_is_kept_unless_it_may_be_replaced(
    memory: str, regions, motifs, reader, solver
) -> None:
    extract_regions(reader(regions), f"{memory}/regions.zarr")
    extract_regions(reader(regions), f"{memory}/regions.zarr")
    call_hits(f"{memory}/regions.zarr", motifs, f"{memory}/hits.zarr", solver=solver)
    other = type(solver)(strength=2.0)
    with pytest.raises(RunError, match="made in another way: strength"):
        call_hits(f"{memory}/regions.zarr", motifs, f"{memory}/hits.zarr", solver=other)
    made = call_hits(
        f"{memory}/regions.zarr", motifs, f"{memory}/hits.zarr", solver=other, overwrite=True
    )
    assert (made.hits["hit_coefficient"].values == 2).all()
    write_file(locate(memory) / "mine" / "file", b"1")
    with pytest.raises(RunError, match="did not write"):
        extract_regions(reader(regions), f"{memory}/mine", overwrite=True)


def test_web__stores_are_read(
    web: str, tmp_path: Path, regions_store, hits_store, raw_motifs, capsys
) -> None:
    opened, local = store.open_hits(f"{web}/hits.zarr"), store.open_hits(hits_store)
    for name, dataset in opened._asdict().items():
        assert dataset.load().identical(getattr(local, name).load())
    scores = store.open_regions(f"{web}/regions.zarr")["region_contributions"]
    np.testing.assert_array_equal(
        scores.values, store.open_regions(regions_store)["region_contributions"].values
    )
    write_tables(f"{web}/hits.zarr", tmp_path / "of_web")
    write_tables(hits_store, tmp_path / "of_disk")
    for name in ("hits.tsv", "peaks_qc.tsv"):
        of_disk = (tmp_path / "of_disk" / name).read_bytes()
        assert (tmp_path / "of_web" / name).read_bytes() == of_disk
    assert load_motifs([f"{web}/hits.zarr"])["motif_name"].equals(local.motifs["motif_name"][::2])
    with pytest.raises(SystemExit) as exited:
        main(["info", f"{web}/hits.zarr"])
    assert exited.value.code == 0
    assert f"{web}/hits.zarr" in capsys.readouterr().out


def test_web__is_not_written_and_not_listed(web: str, hits_store, regions, reader) -> None:
    with pytest.raises(RunError, match="can only be read"):
        extract_regions(reader(regions), f"{web}/new.zarr")
    assert math.isnan(total_bytes(locate(f"{web}/hits.zarr")))
    with pytest.raises(ReadError, match="no such store"):
        store.open_hits(f"{web}/gone.zarr")


def test_web__that_denies_what_it_has_not_is_read(
    web: str, hits_store, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_error = SimpleHTTPRequestHandler.send_error
    monkeypatch.setattr(
        SimpleHTTPRequestHandler, "send_error", lambda self, *_: send_error(self, 403)
    )
    assert store.open_hits(f"{web}/hits.zarr").hits.sizes["hit"] > 0
    with pytest.raises(RunError, match=f"{web}/gone.zarr/zarr.json: access is denied"):
        store.open_hits(f"{web}/gone.zarr")


def test_gs__is_a_bucket_of_google(monkeypatch) -> None:
    obstore = pytest.importorskip("obstore", reason="obstore is not installed (extra cloud)")
    from finemo_zarr.store.buckets import bucket

    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert isinstance(bucket("gs", "some-bucket").client, obstore.store.GCSStore)
    bucket.cache_clear()
