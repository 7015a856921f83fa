"""A proxy between a client and a server that lets things go wrong, one request in so many."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "date", "server"}
FAULTS = ("500", "503", "closed", "cut", "slow", "short")
"""Errors, throttling, no reply, half a reply, a late one, half a reply that calls itself whole."""


class Proxy:
    """What is to go wrong, and how often it did.

    Parameters
    ----------
    address : (str, int)
        Of the server behind.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.faults: tuple[str, ...] = ()
        self.one_in = 5
        self.refusal: bytes | None = None
        self.requests = 0
        self.failed = 0
        self._lock = threading.Lock()

    def next_fault(self) -> str | None:
        """Count a request; says what is to happen to it."""
        with self._lock:
            self.requests += 1
            if not self.faults or self.requests % self.one_in:
                return None
            self.failed += 1
            return self.faults[self.failed % len(self.faults)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every reply waits for 40 ms
    wbufsize = 2**16
    proxy: Proxy

    def _forward(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size) if size else None
        fault = self.proxy.next_fault()
        if self.proxy.refusal is not None:
            self._reply(403, {"Content-Type": "application/xml"}, self.proxy.refusal)
            return
        if fault in {"500", "503"}:
            self._reply(int(fault), {"Content-Type": "application/xml"}, _SLOW_DOWN)
            return
        if fault == "closed":
            self.close_connection = True
            self.connection.close()
            return
        if fault == "slow":
            time.sleep(0.05)
        status, headers, data = self._ask(body)
        if fault in {"cut", "short"} and self.command == "GET" and len(data) > 1:
            half = data[: len(data) // 2]
            if fault == "short":
                self._reply(status, headers, half)
                return
            self._reply(status, headers, half, announced=len(data))
            self.close_connection = True
            self.connection.close()
            return
        self._reply(status, headers, data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815

    def _ask(self, body: bytes | None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.proxy.address, timeout=60)
        headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
        connection.request(self.command, self.path, body=body, headers=headers)
        reply = connection.getresponse()
        data = reply.read()
        kept = {k: v for k, v in reply.getheaders() if k.lower() not in _HOP_BY_HOP}
        connection.close()
        return reply.status, kept, data

    def _reply(
        self, status: int, headers: dict[str, str], data: bytes, announced: int | None = None
    ) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() != "content-length" or self.command == "HEAD":
                self.send_header(key, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(data) if announced is None else announced))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(proxy: Proxy) -> Iterator[str]:
    """Start a proxy on a free port; gives its URL."""
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # connections that were closed on purpose
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
