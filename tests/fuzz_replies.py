"""Whatever services and Entra ID reply, sources give the right answer or an error of exconn's.

No reply comes over a network: they are put where requests would read them.
"""

import gzip
import io
import json
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from exconn import HuntingSource, KustoSource
from exconn.errors import ExconnError, InvalidValueError
from exconn.simulate import demo_tenant
from exconn.sources import RemoteSource, sign_in
from exconn.sources.clouds import Cloud
from exconn.tables import EMAIL_EVENTS
from exconn.testing import TenantServer
from exconn.testing._http import Reply, Request
from fuzz_ingest import damaged, mutated

sys.path.insert(0, str(Path(__file__).parent / "remote"))
from places import HOURS, PLACES, Watch

_RESTS = 1_000
_CALLS = 60  # of one case; a service that answers nonsense for ever is left after these
_STATUS = (200, 200, 202, 204, 301, 304, 400, 401, 401, 403, 404, 429, 500, 503, 504, 599)
_HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"Retry-After": "0"},
    {"Retry-After": "-1"},
    {"Retry-After": "9" * 500},
    {"Retry-After": "\u00b2"},
    {"Retry-After": "Mon, 99 Foo 99999 99:99:99 +9999"},
    {"Retry-After": "Sun, 06 Nov 0001 08:49:37 -2359"},
    {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -1200"},
    {"WWW-Authenticate": 'Bearer claims="'},
    {"WWW-Authenticate": 'Bearer claims="!!!"'},
    {"WWW-Authenticate": 'Bearer claims="/////w=="'},
    {"WWW-Authenticate": 'Bearer claims="bm90IGpzb24="'},
    {"WWW-Authenticate": 'Bearer claims="W10="'},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "deflate, gzip, gzip"},
    {"Content-Type": "text/html; charset=utf-7"},
    {"Content-Type": "application/json; charset=nonsense"},
    {"Location": "http://elsewhere.example/"},
    {"Location": "\x00"},
    {"x-ms-activity-id": "\u202e"},
)
_BODIES = (
    b"",
    b"\x00",
    b"null",
    b"[]",
    b"{}",
    b'"',
    b"[" * 5_000,  # twenty times as many, and azure-kusto-data takes all memory: see SECURITY.md
    b'{"a":' * 3_000,
    b"9" * 10_000,
    b"1e999",
    b"NaN",
    b"\xff\xfe[\x00]\x00",
    b"\xef\xbb\xbf{}",
    b"<html>busy</html>",
    b'{"error": null}',
    b'{"error": {"code": [], "message": {}}}',
    b'{"error": {"@message": 3, "@permanent": "x", "code": 1}}',
    b'{"access_token": 3, "expires_in": "x"}',
    b'{"access_token": "a b\\n", "expires_in": -1}',
    b'{"error_description": "\\n", "error": "\\n"}',
    b'{"error": []}',
    b'{"schema": [{}], "results": [{}]}',
    b'{"schema": [{"name": []}], "results": [{"name": 1}]}',
    gzip.compress(b"0" * 100_000, mtime=0),
)


def spoilt(reply: Reply, rng: random.Random) -> Reply:
    """The reply as it is, or with something wrong in it."""
    body, status, headers = reply.body, reply.status, dict(reply.headers)
    kind = rng.randrange(10)
    if kind < 3:
        return reply
    if kind < 7:
        try:
            told = mutated(json.loads(body), rng)
            body = json.dumps(told).encode("utf-8", "surrogatepass")
        except ValueError:
            body = rng.choice(_BODIES)
    elif kind == 7 and body:
        body = damaged(body, rng)
    else:
        body = rng.choice((body, *_BODIES))
    if rng.random() < 0.3:
        status = rng.choice(_STATUS)
    if rng.random() < 0.4:
        headers |= rng.choice(_HEADERS)
    return Reply(status, body, headers)


def received(reply: Reply, request: requests.PreparedRequest) -> requests.Response:
    """The reply as requests makes it from a connection."""
    raw = HTTPResponse(
        io.BytesIO(reply.body),
        headers=dict(reply.headers),
        status=reply.status,
        preload_content=False,
        request_method=request.method,
    )
    return HTTPAdapter().build_response(request, raw)


class Wire:
    """What is in the place of the network: it answers as a tenant does, spoilt by a seed."""

    def __init__(self, tenant: TenantServer) -> None:
        self._proper = cache(tenant._answer)
        self.begin(random.Random(0))

    def begin(self, rng: random.Random) -> None:
        """A new case."""
        self.rng, self.calls, self.rests = rng, 0, 0

    def rest(self, _seconds: float) -> None:
        """In the place of sleeping: somebody who is told to wait for ever gives up."""
        self.rests += 1
        if self.rests > _RESTS:
            raise requests.ConnectionError

    def send(
        self, _: HTTPAdapter, request: requests.PreparedRequest, **_settings: Any
    ) -> requests.Response:
        self.calls += 1
        if self.calls > _CALLS:
            raise requests.ConnectionError(request=request)
        body = request.body or b""
        url = urlsplit(request.url or "")
        asked = _Asked(
            method=request.method or "",
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body.encode() if isinstance(body, str) else bytes(body),
        )
        return received(spoilt(self._proper(asked), self.rng), request)


class _Asked(Request):
    """A request that is the same as another with its place and body, whatever its headers."""

    def __hash__(self) -> int:
        return hash((self.method, self.path, self.body))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and hash(self) == hash(other)


@contextmanager
def replies() -> Iterator[Callable[[random.Random], None]]:
    """A case asks a place, or Entra ID for a token to ask it with."""
    frames = demo_tenant(1, mails=2_000).frames
    with ExitStack() as stack:
        wires = {}
        for name in PLACES:
            tenant = stack.enter_context(TenantServer(frames, dialect=name))
            wires[name] = (tenant, Wire(tenant), tenant.token())

        def case(rng: random.Random) -> None:
            name = rng.choice(PLACES)
            tenant, wire, token = wires[name]
            wire.begin(rng)
            with (
                mock.patch.object(HTTPAdapter, "send", wire_of(wire)),
                mock.patch.object(time, "sleep", wire.rest),
            ):
                try:
                    ask(tenant, name, signing_in(tenant, token, rng), rng)
                except InvalidValueError:
                    raise
                except ExconnError as error:
                    told = "".join(traceback.format_exception(error))
                    assert token not in told
                    assert tenant.client_secret not in told

        yield case


def wire_of(wire: Wire) -> Callable[..., requests.Response]:
    """In the place of a method."""

    def send(
        self: HTTPAdapter, request: requests.PreparedRequest, **settings: Any
    ) -> requests.Response:
        return wire.send(self, request, **settings)

    return send


def signing_in(tenant: TenantServer, token: str, rng: random.Random) -> Callable[[], str]:
    """A token as it is, or a way to get one."""
    cloud = Cloud(tenant.login_url.rpartition("/")[0], tenant.graph_url)
    match rng.randrange(6):
        case 0:
            return sign_in.client_secret(
                tenant.tenant_id, tenant.client_id, tenant.client_secret, cloud=cloud
            )
        case 1:
            return sign_in.device_code(
                tenant.tenant_id, tenant.client_id, cloud=cloud, show=lambda _: None
            )
    return lambda: token


def ask(tenant: TenantServer, name: str, token: Callable[[], str], rng: random.Random) -> None:
    """Ask for something; an answer is one."""
    clock = Watch(tenant.now).clock
    source: RemoteSource
    if name == "defender":
        source = HuntingSource(token, base_url=tenant.graph_url, clock=clock)
    else:
        url = tenant.proxy_url if name == "sentinel" else tenant.kusto_url
        source = KustoSource(url, tenant.database, token, dialect=name, clock=clock)
    if rng.random() < 0.5:
        assert source.coverage([EMAIL_EVENTS]).tables
    else:
        assert source.collect([HOURS])[0].schema == HOURS.schema
