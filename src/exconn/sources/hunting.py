"""Advanced Hunting in Defender XDR, through Microsoft Graph."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exconn.errors import (
    InvalidValueError,
    MissingExtraError,
    SignInError,
    SourceError,
    UnavailableError,
)
from exconn.kql import DEFENDER, Dialect, Statement
from exconn.sources._line import Busy, Clock, Patience, Slow, TokenRefused, TooMuch, retry_after
from exconn.sources._wire import Reply
from exconn.sources.cache import ResultCache
from exconn.sources.clouds import CLOUDS, GLOBAL, host_of
from exconn.sources.remote import NotThereError, RemoteSource
from exconn.sources.sign_in import renew

if TYPE_CHECKING:
    import requests

ROWS = 100_000
"""Rows that Advanced Hunting returns at most; it does not say that there are more."""

_GRAPHS = frozenset(urlsplit(cloud.graph).hostname for cloud in CLOUDS)
_CONNECT, _READ = 15, 240
_BYTES = 512 * 2**20
_LONGEST = 360  # seconds
_UNRESOLVED = re.compile(r"failed to resolve (?:table|column|scalar|.*expression)", re.IGNORECASE)
_LIMIT = re.compile(
    r"exceeded the allowed result size|result size limit|exceeded the timeout|excessive resource",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"exceeded processing resources|too many requests", re.IGNORECASE)


class HuntingSource(RemoteSource):
    """A source over Advanced Hunting (``POST /security/runHuntingQuery``).

    It needs the permission ThreatHunting.Read.All, and sees 30 days at most.

    Args:
        token: gives an access token for Microsoft Graph: one of the ways to sign in of
            `exconn.sources.sign_in`, or any function of your own.
        base_url: of Microsoft Graph; that of another cloud, or of a proxy.
        trusted_hosts: hosts besides Microsoft's that may be shown the token.
        rows: what the service returns at most; an answer of that many rows is not whole.
        lookback: how far back rows are looked at.
        cache: keeps results on disk, so that a hunt that was interrupted goes on.
        patience: how much is tried when the service is busy.
        clock: the time.

    Raises:
        InvalidValueError: `base_url` is not https, or not on a host that is trusted.
        MissingExtraError: the extra ``hunting`` is not installed.
    """

    def __init__(
        self,
        token: Callable[[], str],
        *,
        base_url: str = GLOBAL.graph,
        trusted_hosts: Collection[str] = (),
        rows: int = ROWS,
        lookback: timedelta = timedelta(days=30),
        cache: ResultCache | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not callable(token):
            raise InvalidValueError(
                "token", "expected a way to sign in, or a function that returns an access token"
            )
        clock = clock or Clock()
        host = host_of(base_url, trusted_hosts, _GRAPHS.__contains__)
        service = _Hunting(token, f"{base_url.rstrip('/')}/v1.0/security", host, rows, clock)
        super().__init__(service, lookback=lookback, cache=cache, patience=patience, clock=clock)


class _Hunting:
    def __init__(
        self, token: Callable[[], str], url: str, host: str, rows: int, clock: Clock
    ) -> None:
        try:
            import requests  # noqa: PLC0415 # an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("Advanced Hunting", "hunting") from error
        self._requests = requests
        self._session = requests.Session()
        self._token = token
        self._url = f"{url}/runHuntingQuery"
        self._rows = rows
        self._clock = clock
        self.name = f"Advanced Hunting at {host}"
        self.place = self._url

    @property
    def dialect(self) -> Dialect:
        return DEFENDER

    @property
    def at_once(self) -> int:
        return 4

    def run(self, statement: Statement) -> Reply:
        response, content = self._posted({"Query": statement.text})
        if response.status_code != 200:
            raise self._refusal(response, content)
        reply = _reply(_json(content))
        if reply is None:
            raise SourceError(self.name, "the reply has no schema and results; is the URL right?")
        if len(reply.rows) >= self._rows:
            raise TooMuch(f"the answer has reached the limit of {self._rows} rows")
        return reply

    def _posted(self, body: Mapping[str, str]) -> "tuple[requests.Response, bytes]":
        token = self._signed_in()
        try:
            return self._received(body, token)
        except self._requests.RequestException as error:
            fault = self._fault(error)
        # Out here, where no handler ties the error to the request, which holds the token.
        raise fault

    def _signed_in(self) -> str:
        try:
            token = self._token().strip()
        except UnavailableError as error:
            raise Busy(str(error)) from error
        if not token.isascii() or not token.isprintable() or " " in token or not token:
            raise SignInError(self.name, "the token is empty or has characters that no token has")
        return token

    def _received(self, body: Mapping[str, str], token: str) -> "tuple[requests.Response, bytes]":
        started = self._clock.elapsed()

        def authorised(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        with self._session.post(
            self._url,
            json=body,
            auth=authorised,  # as a header it would give way to one of ~/.netrc
            timeout=(_CONNECT, _READ),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = bytearray()
            for piece in response.iter_content(1 << 16):
                content += piece
                if len(content) > _BYTES:
                    raise TooMuch(f"the answer is larger than {_BYTES} bytes")
                if self._clock.elapsed() - started > _LONGEST:
                    raise Slow("the answer does not come to an end")
            return response, bytes(content)

    def _fault(self, error: Exception) -> Exception:
        """What a failed request means; not its text, which may hold the request's headers."""
        errors = self._requests.exceptions
        match error:
            case errors.ReadTimeout():
                return Slow("no answer in time")
            case errors.SSLError():
                return SourceError(
                    self.name,
                    "its certificate is not trusted; if a proxy of yours has its own authority, "
                    "name that in REQUESTS_CA_BUNDLE",
                )
            case errors.ProxyError():
                return Busy("the proxy does not answer (see HTTPS_PROXY)")
        return Busy(f"no answer ({type(error).__name__})")

    def _refusal(self, response: "requests.Response", content: bytes) -> Exception:
        status, said = response.status_code, _message(content)
        after = retry_after(response.headers.get("Retry-After"), self._clock.now())
        if status == 504:
            return Slow(f"the query timed out (504{said})")
        if status == 429 or status >= 500 or _QUOTA.search(said):
            return Busy(f"busy ({status}{said})", after)
        if status == 401:
            renew(self._token, response.request.headers, response.headers)
            return TokenRefused(f"does not take the token (401{said})")
        if status == 403:
            return SignInError(
                self.name,
                f"refuses (403{said}); the account or application needs ThreatHunting.Read.All",
            )
        if 300 <= status < 400:
            return SourceError(self.name, f"points elsewhere ({status}); the token stays here")
        if _LIMIT.search(said):
            return TooMuch(f"the answer meets a limit ({status}{said})")
        if _UNRESOLVED.search(said):
            return NotThereError(self.name, f"refuses the query ({status}{said})")
        return SourceError(self.name, f"refuses the query ({status}{said})")


def _json(content: bytes) -> object:
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        raise Busy("a reply that is not JSON") from None
    return found


def _reply(body: object) -> Reply | None:
    if not isinstance(body, dict):
        return None
    folded = {key.lower(): value for key, value in body.items()}
    schema, results = folded.get("schema"), folded.get("results")
    if not isinstance(schema, list) or not isinstance(results, list):
        return None
    described = [
        {key.lower(): value for key, value in column.items()}
        for column in schema
        if isinstance(column, dict)
    ]
    names = [str(column.get("name")) for column in described]
    rows = [[row.get(name) for name in names] for row in results if isinstance(row, dict)]
    return Reply(names, rows) if len(rows) == len(results) else None


def _message(content: bytes) -> str:
    """What an error says of itself, to stand behind its status."""
    try:
        error = json.loads(content)["error"]
        said = [str(error[key]) for key in ("code", "message") if error.get(key)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
    return f": {' - '.join(said)[:500]}" if said else ""
