"""An S3 server on loopback, and a proxy before it that can fail."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest
from faulty_proxy import Proxy, serve

from finemo_zarr.store import buckets

BUCKET = "atlas"


@pytest.fixture(scope="session")
def moto() -> Iterator[tuple[str, int]]:
    """Start moto's server; gives its address."""
    pytest.importorskip("obstore", reason="obstore is not installed (extra cloud)")
    pytest.importorskip("moto.server", reason="moto's server is not installed")
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = ("127.0.0.1", port)
    try:
        _wait(address)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(address: tuple[str, int]) -> None:
    for _ in range(200):
        try:
            _create_bucket(address)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("moto's server did not start")


def _create_bucket(address: tuple[str, int]) -> None:
    url = f"http://{address[0]}:{address[1]}/{BUCKET}"
    urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=10)


def _use(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    buckets.bucket.cache_clear()


@pytest.fixture
def bucket(moto: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return a place in a bucket that no other test uses; it lies on the server itself."""
    _use(f"http://{moto[0]}:{moto[1]}", monkeypatch)
    yield f"s3://{BUCKET}/{tmp_path.name}"
    buckets.bucket.cache_clear()


@pytest.fixture
def proxy(bucket: str, moto: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Return a proxy before the server, through which ``s3://`` goes; it lets all pass at first."""
    made = Proxy(moto)
    with serve(made) as url:
        _use(url, monkeypatch)
        yield made
