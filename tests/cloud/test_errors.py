"""Every way in which a bucket cannot be used is one line, and quickly."""

import time
from pathlib import Path

import pytest
from faulty_proxy import Proxy, serve

from finemo_zarr import store
from finemo_zarr.errors import FinemoError
from finemo_zarr.execution import load_motifs
from finemo_zarr.store import buckets, locate

_DENIED = b"<Error><Code>InvalidAccessKeyId</Code><Message>There is no such key.</Message></Error>"


def said(path: str) -> str:
    """What opening a store says."""
    begin = time.monotonic()
    with pytest.raises(FinemoError) as caught:
        store.read_info(path)
    assert time.monotonic() - begin < 15
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_endpoint__that_does_not_answer(bucket: str, monkeypatch, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    buckets.bucket.cache_clear()
    assert "cannot be reached" in said(f"{bucket}/x.zarr")
    assert f"{bucket}/x.zarr" in said(f"{bucket}/x.zarr")


def test_server__that_only_fails(bucket: str, proxy: Proxy) -> None:
    proxy.faults, proxy.one_in = ("503",), 1
    assert "cannot be reached (SlowDown)" in said(f"{bucket}/x.zarr")


def test_credentials__that_are_wrong(bucket: str, proxy: Proxy) -> None:
    proxy.refusal = _DENIED
    message = said(f"{bucket}/x.zarr")
    assert "access is denied" in message
    assert "AWS_ACCESS_KEY_ID" in message


def test_credentials__that_are_missing(bucket: str, proxy: Proxy, monkeypatch) -> None:
    # Amazon's machines are asked for credentials when there are none: here by the proxy.
    with serve(Proxy(("127.0.0.1", 9))) as nobody:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", nobody)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        buckets.bucket.cache_clear()
        assert f"{bucket}/x.zarr" in said(f"{bucket}/x.zarr")


def test_bucket__that_is_not_there(bucket: str) -> None:
    assert "there is no bucket no-such-bucket" in said("s3://no-such-bucket/x.zarr")
    for write in (
        lambda path: path.write_bytes(b""),
        lambda path: path.create_bytes(b""),
        lambda path: path.remove(),
        lambda path: list(path.iterdir()),
    ):
        with pytest.raises(FinemoError, match="there is no bucket no-such-bucket"):
            write(locate("s3://no-such-bucket/x"))


def test_motif_file__in_a_bucket_is_refused(bucket: str, tmp_path: Path) -> None:
    locate(f"{bucket}/modisco.h5").write_bytes(b"not read")
    with pytest.raises(FinemoError, match="copy it first"):
        load_motifs([f"{bucket}/modisco.h5"])
