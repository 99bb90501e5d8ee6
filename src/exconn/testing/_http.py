"""A small server for HTTP on the loopback interface, which can also misbehave."""

import contextlib
import gzip
import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

from exconn.testing.faults import Fault

_MUCH = 1_000


@frozen
class Request:
    """What a client asked. Names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))


@frozen
class Reply:
    """What is answered, and what goes wrong on the way.

    Attributes:
        status: 0 if the connection is reset instead.
        body: before it is compressed.
        headers: beside its type and length.
        cut: the part of the body that is sent, if it ends early.
        chunked: whether a body that ends early is sent in chunks.
        seconds: until all is sent.
        pieces: in how many the body is sent.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(factory=dict)
    cut: float | None = None
    chunked: bool = False
    seconds: float = 0.0
    pieces: int = 1


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply of JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Reply(status, body, kind | dict(headers or {}))


Answer = Callable[[Fault | None], Reply]
"""How an endpoint answers, with a fault that concerns it or without."""


@frozen
class Service:
    """How a service words what it has no result for.

    Attributes:
        audiences: for whom the tokens are that it takes.
        failed: an error, from its status and message.
        worded: a fault; None if the fault is no matter of words.
    """

    audiences: tuple[str, ...]
    failed: Callable[[int, str], Reply]
    worded: Callable[[Fault], Reply | None]


class Listener:
    """Answers on a port of its own, one thread for each connection, until it is closed.

    Args:
        answer: what to answer; called by many threads.
        tls: the server's certificate, to speak HTTPS.
    """

    def __init__(
        self, answer: Callable[[Request], Reply], tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = _Server(answer)
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering, close the connections that are open, and wait for their threads."""
        self._server.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections on which nobody asks any more."""
        with self._lock, contextlib.suppress(OSError):
            for connection in self._open:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away, or that don't trust the certificate."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body would wait for the receipt of its headers

    @property
    def _owner(self) -> _Server:
        assert isinstance(self.server, _Server)
        return self.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        self._send(self._owner.answer(request), request)

    def _send(self, reply: Reply, request: Request) -> None:
        if not reply.status:
            self._reset()
            return
        body, headers = reply.body, dict(reply.headers)
        accepted = "gzip" in request.headers.get("accept-encoding", "")
        if accepted and len(body) > _MUCH and "Content-Encoding" not in headers:
            body = gzip.compress(body, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        sent = body if reply.cut is None else body[: int(len(body) * reply.cut)]
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
            sent = b"%x\r\n%b\r\n" % (len(sent), sent)
        else:
            headers["Content-Length"] = str(len(body))
        self._wait(reply)
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        size = -(-len(sent) // reply.pieces) or 1
        for start in range(0, len(sent), size):
            if start:
                self._wait(reply)
            self.wfile.write(sent[start : start + size])
        self.close_connection = self.close_connection or reply.cut is not None

    def _wait(self, reply: Reply) -> None:
        """Wait before a piece, or until the server stops."""
        if reply.seconds and self._owner.stopping.wait(reply.seconds / reply.pieces):
            raise ConnectionAbortedError

    def _reset(self) -> None:
        """End the connection so that the client reads an error, not an end."""
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        socket.close(self.connection.detach())
        self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815 - the base's names
