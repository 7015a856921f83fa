"""What passes is waited for, and what arrives broken is not believed."""

import pickle
import threading
from collections.abc import Callable
from hashlib import md5
from typing import Any

import numpy as np
import pytest
from faulty_proxy import Proxy

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution import extract_regions
from finemo_zarr.store import locate
from finemo_zarr.store.buckets import BrokenReplyError, Bucket

OUTAGE = 1.0


def wait_out(proxy: Proxy, fault: str, request: Callable[[], Any]) -> Any:
    """What a request gives that begins when the server fails, for a while."""
    proxy.faults, proxy.one_in = (fault,), 1
    over = threading.Timer(OUTAGE, lambda: setattr(proxy, "faults", ()))
    over.start()
    try:
        return request()
    finally:
        over.join()


@pytest.mark.parametrize("fault", ["503", "closed"])
def test_outage__is_waited_for_once_something_was_reached(
    bucket: str, proxy: Proxy, fault: str
) -> None:
    path = locate(f"{bucket}/file")
    path.write_bytes(b"content")
    assert wait_out(proxy, fault, path.read_bytes) == b"content"
    wait_out(proxy, fault, lambda: path.write_bytes(b"other"))
    assert path.read_bytes() == b"other"
    assert proxy.failed > 2


@pytest.mark.parametrize("fault", ["cut", "short"])
def test_fault__of_every_second_reply_changes_nothing(
    bucket: str, proxy: Proxy, regions, reader, fault: str
) -> None:
    path = f"{bucket}/{fault}.zarr"
    extract_regions(reader(regions), path)
    # Each short reply is followed by a look at the size: every second request would be every reply.
    proxy.faults, proxy.one_in = (fault,), 3 if fault == "short" else 2
    files = {entry.name for entry in locate(path).iterdir()}
    assert {"zarr.json", "region_sequence", "region_contributions"} <= files
    loaded = store.open_regions(path).load()
    block = store.read_block(path, slice(0, 16))
    assert proxy.failed > 5
    np.testing.assert_array_equal(
        loaded["region_contributions"].values, regions["region_contributions"].values
    )
    assert loaded["region_name"].values.tolist() == regions["region_name"].values.tolist()
    np.testing.assert_array_equal(
        block["region_sequence"].values, regions["region_sequence"].values[:16]
    )
    locate(path).remove()
    assert not locate(path).exists()


def test_file__that_breaks_off_every_time_is_put_together(bucket: str, proxy: Proxy) -> None:
    path = locate(f"{bucket}/file")
    path.write_bytes(b"content")
    proxy.faults, proxy.one_in = ("cut",), 1
    assert path.read_bytes() == b"content"


def test_file__that_is_short_every_time_is_an_error(bucket: str, proxy: Proxy) -> None:
    path = locate(f"{bucket}/file")
    path.write_bytes(b"content")
    proxy.faults, proxy.one_in = ("short",), 1
    with pytest.raises(RunError, match=r"cannot be read whole, .*only a part of it arrived"):
        path.read_bytes()


def test_chunk__that_was_damaged_in_the_bucket_is_named(
    bucket: str, proxy: Proxy, regions, reader
) -> None:
    path = locate(f"{bucket}/damaged.zarr")
    extract_regions(reader(regions), path)
    chunk = path / "region_contributions/c/1/0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    store.read_block(path, slice(0, 16))
    with pytest.raises(ReadError) as caught:
        store.read_block(path, slice(16, 32))
    assert f"{path}: a damaged store, regions 16 to 31" in str(caught.value)


def test_bucket__learns_that_tags_are_no_digests() -> None:
    pytest.importorskip("obstore", reason="obstore is not installed (extra cloud)")
    bucket = Bucket("memory", "x")
    bucket.client.put("file", b"content")
    bucket.check("file", b"content", f'"{md5(b"content").hexdigest()}"')
    bucket.check("file", b"content", f'"{"a" * 32}-2"')  # of several pieces
    bucket.check("file", b"content", None)
    with pytest.raises(BrokenReplyError):
        bucket.check("file", b"con", "a" * 32)
    bucket.check("file", b"content", "a" * 32)
    bucket.check("file", b"other", "a" * 32)


def test_upload__that_arrives_short_is_an_error(bucket: str, tmp_path, monkeypatch) -> None:
    path, source = locate(f"{bucket}/table.tsv"), tmp_path / "table.tsv"
    source.write_bytes(b"a row\n" * 10)
    path.upload(source)
    assert path.read_bytes() == source.read_bytes()
    monkeypatch.setattr("obstore.put", lambda client, key, data, **more: None)
    source.write_bytes(b"another row\n")
    with pytest.raises(RunError, match="60 of 12 bytes arrived"):
        path.upload(source)


def test_lock__whose_reply_was_lost_is_ours(bucket: str, proxy: Proxy) -> None:
    path = locate(f"{bucket}/lock")
    assert path.create_bytes(b"me")
    assert path.create_bytes(b"me")
    assert not path.create_bytes(b"you")
    assert path.read_bytes() == b"me"


def test_dataset__travels_to_another_process(bucket: str, proxy: Proxy, regions, reader) -> None:
    extract_regions(reader(regions), f"{bucket}/regions.zarr")
    opened = pickle.loads(pickle.dumps(store.open_regions(f"{bucket}/regions.zarr")))
    assert opened["region_contributions"].sum().compute() == pytest.approx(
        float(regions["region_contributions"].sum()), rel=1e-4
    )
