"""A tenant on the loopback interface, to test against what talks to Microsoft's services.

It serves an evidence folder over the services' own protocols, and runs the KQL that it receives::

    with TenantServer("evidence/") as tenant:
        source = HuntingSource(tenant.token, base_url=tenant.graph_url)
        tenant.fail(Throttled("2"), Reset(), None)
        ...
        assert [call.status for call in tenant.calls] == [429, 0, 200]
"""

import contextlib
import json
import ssl
import tempfile
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Literal, Self

from attrs import evolve, field, frozen

from exconn.errors import MissingExtraError
from exconn.kql import Dialect
from exconn.kql.dialect import dialect_of
from exconn.testing import _alerts, _graph, _kusto, _login, faults
from exconn.testing._evidence import Evidence, read_evidence
from exconn.testing._http import Answer, Listener, Reply, Request, Service
from exconn.testing._tokens import Tokens, new_secret
from exconn.testing.engine import KqlEngine, KqlRefused
from exconn.testing.faults import Fault

Kind = Literal["hunting", "kusto", "management", "alerts", "token", "other"]
"""What an endpoint is for; "token" is all of sign-in but its configuration."""

_QUERIES: tuple[Kind, ...] = ("hunting", "kusto")

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_PAGE = b"<!DOCTYPE html><html><body><h1>Please sign in to the proxy</h1></body></html>"
_VERDICTS = {
    "missing": "Access token is empty.",
    "invalid": "CompactToken parsing failed with error code: 80049217",
    "expired": "Lifetime validation failed, the token is expired.",
    "audience": "Access token validation failure. Invalid audience.",
    "claims": "Continuous access evaluation resulted in challenge with result: InteractionRequired",
}


@frozen
class Call:
    """What was asked of a tenant, and how it was answered.

    Attributes:
        kind: of the endpoint.
        text: the KQL or the command; the path of other calls.
        parameters: of the query.
        status: of the response; 0 if the connection was reset.
        sent: bytes of the response's body, before it is compressed.
    """

    kind: Kind
    text: str
    parameters: dict[str, object]
    status: int
    sent: int


@frozen
class _Expected:
    fault: Fault | None
    kinds: Collection[Kind]
    text: str


class TenantServer:
    """A tenant that serves evidence on the loopback interface while its `with` block runs.

    It has Graph's hunting and alerts; a Kusto cluster's queries and commands, also below the path
    at which the query proxy has Log Analytics' workspaces; sign-in, and managed identities. Graph's
    hunting sees the last 30 days only, and leaves out the rows beyond its limit without a word;
    Kusto says so. All that should stay secret starts with ``loopback.``, to be searched for.

    Args:
        evidence: an evidence folder, or frames by table name. A column that no file of a table
            has does not exist, nor does a table without files.
        alerts: as Graph has them; each with an ``id``.
        dialect: which place the tables come from: "defender", "sentinel" or "kusto".
        now: the services' clock for queries; just after the last event when None.
        row_limit: of one result; the service's own when None.
        byte_limit: of one result; the service's own when None.
        lag: how long after its time an event was ingested, for ``ingestion_time()``.
        database: the name of the database or workspace.
        token_lifetime: how long tokens hold.
        device_polls: how often a device is told to wait before its code is accepted.
        schema_case: how Graph spells the keys of a result's schema; both have been seen.
        tls: whether `graph_url` and `kusto_url` are https too; sign-in always is.

    Attributes:
        graph_url: the base of Graph's URLs.
        kusto_url: the cluster.
        proxy_url: the cluster that a Log Analytics workspace is seen as.
        database: the name of the database or workspace.
        now: the services' clock for queries.
        row_limit: of one result, from the next query on; so is `byte_limit`.
        login_url: the authority to sign in at; its host is unknown to the world, so clients must
            be told not to look it up (``instance_discovery=False``).
        certificate: a file with the certificate authority to trust.
        tenant_id: the tenant's id.
        client_id: the id of the application that may sign in.
        client_secret: its secret.
        app_service: the environment of an app with a managed identity.
        virtual_machine: the environment of a machine with one.
        calls: what was asked, in the order of the answers.
    """

    tenant_id = "11111111-2222-4333-8444-555555555555"
    client_id = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

    graph_url: str
    kusto_url: str
    proxy_url: str
    login_url: str
    certificate: Path
    app_service: Mapping[str, str]
    virtual_machine: Mapping[str, str]

    def __init__(
        self,
        evidence: Evidence,
        *,
        alerts: Sequence[Mapping[str, Any]] = (),
        dialect: Dialect | str = "defender",
        now: datetime | None = None,
        row_limit: int | None = None,
        byte_limit: int | None = None,
        lag: timedelta = timedelta(minutes=5),
        database: str = "evidence",
        token_lifetime: timedelta = timedelta(hours=1),
        device_polls: int = 1,
        schema_case: Literal["lower", "upper"] = "lower",
        tls: bool = False,
    ) -> None:
        self._served = read_evidence(evidence, dialect_of(dialect))
        last = self._served.last or datetime.now(UTC)
        self.now = (now or last + timedelta(microseconds=1)).astimezone(UTC)
        self.row_limit = row_limit
        self.byte_limit = byte_limit
        self.database = database
        self.client_secret = new_secret()
        self.calls: list[Call] = []
        self._lag = lag
        self._upper = schema_case == "upper"
        self._tls = tls
        self._tokens = Tokens(token_lifetime.total_seconds())
        self._alerts = _alerts.Alerts(alerts)
        self._authority = _login.Authority(
            self._tokens,
            tenant=self.tenant_id,
            client=self.client_id,
            secret=self.client_secret,
            certificate=lambda: self.client_certificate,
            polls=device_polls,
        )
        self._expected: list[_Expected] = []
        self._lock = threading.Lock()
        self._running = contextlib.ExitStack()
        self._engine: KqlEngine

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            served = self._served
            self._engine = stack.enter_context(
                KqlEngine(served.frames, dynamic=served.dynamic, time=served.time, lag=self._lag)
            )
            self.certificate = self._folder / "authority.pem"
            secure = Listener(self._answer, _certified(self.certificate))
            stack.callback(secure.close)
            plain = Listener(self._answer)
            stack.callback(plain.close)
            self._login_url = secure.url
            self.login_url = f"{secure.url}/{self.tenant_id}"
            self.graph_url = self.kusto_url = (secure if self._tls else plain).url
            self.proxy_url = (
                f"{self.kusto_url}/subscriptions/{self.tenant_id}/resourcegroups/exconn/providers"
                f"/microsoft.operationalinsights/workspaces/{self.database}"
            )
            self.app_service = {
                "IDENTITY_ENDPOINT": plain.url + _login.APP_SERVICE,
                "IDENTITY_HEADER": self._authority.identity_header,
            }
            self.virtual_machine = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": plain.url}
            self._running = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    @cached_property
    def client_certificate(self) -> Path:
        """A file with the application's private key and certificate, to sign in with."""
        file = self._folder / "application.pem"
        trustme = _trustme()
        issued = trustme.CA().issue_cert("exconn.test", key_type=trustme.KeyType.RSA)
        issued.private_key_and_cert_chain_pem.write_to_path(file)
        return file

    def token(self, claims: str = "") -> str:
        """A token that every service takes from now on.

        Args:
            claims: JSON, if a service asked for them.
        """
        return self._tokens.issue(claims=claims)

    def revoke_tokens(self) -> None:
        """End all tokens that were issued so far."""
        self._tokens.revoke()

    def fail(
        self, *expected: Fault | None, kinds: Collection[Kind] = _QUERIES, text: str = ""
    ) -> None:
        """Say how the next calls end, in this order, after those already said.

        Args:
            expected: faults; None is a proper answer.
            kinds: of the calls.
            text: what their KQL contains; other calls are answered as usual.
        """
        with self._lock:
            self._expected += [_Expected(fault, tuple(kinds), text) for fault in expected]

    def recover(self) -> None:
        """Forget the faults that are still to come, and the claims that are asked for."""
        with self._lock:
            self._expected.clear()
        self._tokens.demanded = ""

    def _answer(self, request: Request) -> Reply:
        """Answer a request, or let it fail; called by many threads."""
        asked = self._asked(request)
        reply = self._spoilt(asked, self._next_fault(asked))
        call = Call(asked.kind, asked.text, asked.parameters, reply.status, len(reply.body))
        with self._lock:
            self.calls.append(call)
        return reply

    def _asked(self, request: Request) -> "_Asked":
        """What a request is, and who answers it."""
        proxied = _kusto.PROXIED.match(request.path)
        path = request.path[proxied.end() :] if proxied else request.path
        body = request.json
        match request.method, path:
            case "POST", _graph.HUNTING:
                given = {name.lower(): value for name, value in body.items()}
                text = str(given.get("query", ""))
                return _Asked(
                    "hunting", request, _graph.SERVICE, text, partial(self._hunt, text, given)
                )
            case "POST", _kusto.QUERY:
                text, properties = str(body.get("csl", "")), _properties(body)
                return _Asked(
                    "kusto",
                    request,
                    _kusto.SERVICE,
                    text,
                    partial(self._query, text, properties, request),
                    properties.get("Parameters") or {},
                )
            case "POST", _kusto.MANAGEMENT:
                text = str(body.get("csl", ""))
                answer = partial(self._manage, text, request, proxied is not None)
                return _Asked("management", request, _kusto.SERVICE, text, answer)
            case "GET", _kusto.METADATA:
                metadata = _kusto.metadata(self._login_url)
                return _Asked("other", request, _kusto.SERVICE, path, lambda _: metadata)
        if _alerts.PATH.fullmatch(path):
            return _Asked("alerts", request, _graph.SERVICE, path, partial(self._alert, request))
        if _login.PATH.fullmatch(path) or path in (_login.IDENTITY, _login.APP_SERVICE):
            kind: Kind = "other" if path.endswith("openid-configuration") else "token"
            return _Asked(kind, request, _login.SERVICE, path, partial(self._sign_in, request))
        missing = _graph.failure(404, "Resource not found.")
        return _Asked("other", request, _graph.SERVICE, path, lambda _: missing)

    def _next_fault(self, asked: "_Asked") -> Fault | None:
        with self._lock:
            for expected in self._expected:
                if asked.kind in expected.kinds and expected.text in asked.text:
                    self._expected.remove(expected)
                    return expected.fault
        return None

    def _spoilt(self, asked: "_Asked", fault: Fault | None) -> Reply:
        """The answer, with what goes wrong."""
        match fault:
            case None:
                return self._proper(asked)
            case faults.Reset():
                return Reply(0)
            case faults.Slow(seconds, pieces):
                return evolve(self._proper(asked), seconds=seconds, pieces=pieces)
            case faults.CutShort(at, chunked):
                return evolve(self._proper(asked), cut=at, chunked=chunked)
            case faults.NotJson(status):
                return Reply(status, _PAGE, {"Content-Type": "text/html"})
            case faults.Empty():
                return Reply(200, headers=_JSON)
            case faults.Garbage(encoding):
                claimed = {"Content-Encoding": encoding} if encoding else {}
                return Reply(200, b"[{\xff\xfe\x00", _JSON | claimed)
            case faults.Redirected(url):
                return Reply(302, headers={"Location": url})
            case faults.Failed(status, str(body)):
                return Reply(status, body.encode(), _JSON)
            case faults.ExpiredToken():
                self._tokens.revoke()
            case faults.ClaimsChallenge(claims):
                self._tokens.demanded = claims
        reply = asked.service.worded(fault)
        if reply and isinstance(fault, faults.Throttled) and fault.retry_after is not None:
            headers = {**reply.headers, "Retry-After": fault.retry_after}
            reply = evolve(reply, headers=headers)
        return reply or self._proper(asked, fault)

    def _proper(self, asked: "_Asked", fault: Fault | None = None) -> Reply:
        """The answer, to those who have a token where one is needed."""
        audiences = (*asked.service.audiences, self.graph_url, self.kusto_url)
        guarded = asked.kind not in ("token", "other")
        verdict = self._tokens.judge(asked.request, audiences) if guarded else "fine"
        if verdict == "fine":
            return asked.answer(fault)
        reply = asked.service.failed(401, _VERDICTS[verdict])
        challenge = self._tokens.challenge(verdict, self.login_url)
        return evolve(reply, headers={**reply.headers, "WWW-Authenticate": challenge})

    def _hunt(self, text: str, body: dict[str, Any], fault: Fault | None) -> Reply:
        try:
            since, until = _graph.timespan(body.get("timespan"), self.now)
            found = self._engine.run(text, now=self.now, since=since, until=until)
        except ValueError as error:
            return _graph.failure(400, str(error))
        except KqlRefused as error:
            return _graph.refused(error)
        return _graph.hunted(
            found,
            self.graph_url,
            row_limit=self.row_limit or _graph.ROW_LIMIT,
            byte_limit=self.byte_limit or _graph.BYTE_LIMIT,
            upper=self._upper,
            fault=fault,
        )

    def _query(
        self, text: str, properties: dict[str, Any], request: Request, fault: Fault | None
    ) -> Reply:
        database = request.json.get("db")
        if database != self.database:
            return _kusto.unknown_database(database)
        text, options = _kusto.settings(text)
        try:
            limits = _kusto.Limits.of(
                self.row_limit or _kusto.ROW_LIMIT,
                self.byte_limit or _kusto.BYTE_LIMIT,
                (properties.get("Options") or {}) | options,
            )
            found = self._engine.run(text, parameters=properties.get("Parameters"), now=self.now)
        except ValueError as error:
            return _kusto.failure(400, str(error))
        except KqlRefused as error:
            return _kusto.refused(error)
        request_id = request.headers.get("x-ms-client-request-id", "")
        return _kusto.queried(found, limits, fault, request_id)

    def _manage(self, text: str, request: Request, proxied: bool, _: Fault | None) -> Reply:  # noqa: FBT001 - bound by position
        database = request.json.get("db")
        if database != self.database:
            return _kusto.unknown_database(database)
        return _kusto.managed(text, self._engine.schema(), self.database, proxied=proxied)

    def _alert(self, request: Request, _: Fault | None) -> Reply:
        return self._alerts.answer(request, self.graph_url)

    def _sign_in(self, request: Request, _: Fault | None) -> Reply:
        return self._authority.answer(request, self._login_url)


@frozen
class _Asked:
    """A request: what it is, and how its service answers it."""

    kind: Kind
    request: Request
    service: Service
    text: str
    answer: Answer
    parameters: dict[str, object] = field(factory=dict)


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    """The request properties of a query, which are JSON inside of the body's JSON."""
    given = body.get("properties") or {}
    with contextlib.suppress(ValueError):
        given = json.loads(given) if isinstance(given, str) else given
    return given if isinstance(given, dict) else {}


def _certified(authority: Path) -> ssl.SSLContext:
    """TLS for the loopback interface, by an authority that is written to a file."""
    issuer = _trustme().CA()
    issuer.cert_pem.write_to_path(authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def _trustme() -> ModuleType:
    try:
        import trustme  # noqa: PLC0415 # an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("a tenant to test against", "testing") from error
    return trustme
