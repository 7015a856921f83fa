"""Stores in the memory of the process, and read from a web server that lists nothing."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import finemo_zarr as fz
from finemo_zarr.errors import ReadError, RunError

pytest.importorskip("obstore", reason="obstore is not installed (extra cloud)")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and lists no folders."""

    def list_directory(self, _path: Any) -> None:
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def website(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_memory__holds_stores_within_a_process(tmp_path, reader, regions, motifs, solver) -> None:
    place = f"memory://{tmp_path.name}"
    fz.extract_regions(reader(regions), f"{place}/r.zarr")
    called = fz.call_hits(f"{place}/r.zarr", motifs, f"{place}/h.zarr", solver=solver)
    fz.extract_regions(reader(regions), tmp_path / "r.zarr")
    local = fz.call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver)
    for name in local.hits:
        assert (called.hits[name].values == local.hits[name].values).all() or name in {
            "hit_similarity",
            "hit_importance",
            "hit_importance_sq",
        }


def test_https__is_read_without_listings(
    website: str, tmp_path: Path, regions_store, hits_store, motifs, solver
) -> None:
    url = f"{website}/{regions_store.name}"
    called = fz.call_hits(url, motifs, tmp_path / "again.zarr", solver=solver)
    served = fz.open_hits(f"{website}/{hits_store.name}")
    assert (called.hits["hit_start"].values == served.hits["hit_start"].values).all()
    fz.write_tables(f"{website}/{hits_store.name}", tmp_path / "tables")
    fz.write_tables(hits_store, tmp_path / "local")
    assert (tmp_path / "tables/hits.tsv").read_bytes() == (tmp_path / "local/hits.tsv").read_bytes()


def test_https__is_not_written(website: str, reader, regions) -> None:
    with pytest.raises(RunError, match="can only be read"):
        fz.extract_regions(reader(regions), f"{website}/r.zarr")


def test_unknown_schemes__are_named() -> None:
    with pytest.raises(ReadError, match=r"ftp://x/y.zarr: cannot be used, expected .* s3://"):
        fz.open_regions("ftp://x/y.zarr")
