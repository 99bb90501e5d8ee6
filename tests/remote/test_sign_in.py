"""Signing in with the real msal, and that secrets stay where they belong."""

import json
import logging
import stat
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from attrs import evolve
from places import HOURS, Watch, served

from exconn import HuntingSource, InvalidValueError, KustoSource, MemorySource, SignInError
from exconn.errors import ExconnError, UnavailableError
from exconn.simulate import demo_tenant
from exconn.sources import Patience, ResultCache, sign_in
from exconn.sources.clouds import Cloud, host_of
from exconn.sources.sign_in import SignIn, TokenCache
from exconn.testing import TenantServer, assert_same_rows
from exconn.testing._http import Reply, Request
from exconn.testing.faults import (
    ClaimsChallenge,
    CutShort,
    ExpiredToken,
    Failed,
    Fault,
    Forbidden,
    NotJson,
    Redirected,
    Reset,
    Throttled,
)

FRAMES = demo_tenant(mails=2_000).frames


@pytest.fixture(scope="module")
def running() -> Iterator[TenantServer]:
    with TenantServer(FRAMES) as tenant:
        yield tenant


@pytest.fixture
def tenant(running: TenantServer, monkeypatch: pytest.MonkeyPatch) -> TenantServer:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    running.recover()
    return running


def cloud(tenant: TenantServer) -> Cloud:
    return Cloud(tenant.login_url.rpartition("/")[0], tenant.graph_url)


def by_secret(tenant: TenantServer, cache: TokenCache | None = None) -> SignIn:
    return sign_in.client_secret(
        tenant.tenant_id, tenant.client_id, tenant.client_secret, cloud=cloud(tenant), cache=cache
    )


def by_certificate(tenant: TenantServer) -> SignIn:
    pem = tenant.client_certificate.read_text()
    return sign_in.client_certificate(tenant.tenant_id, tenant.client_id, pem, cloud=cloud(tenant))


def by_device(tenant: TenantServer, cache: TokenCache | None = None) -> SignIn:
    return sign_in.device_code(
        tenant.tenant_id, tenant.client_id, cloud=cloud(tenant), cache=cache, show=lambda _: None
    )


def hunting(tenant: TenantServer, token: Callable[[], str]) -> HuntingSource:
    clock = Watch(tenant.now).clock
    return HuntingSource(token, base_url=tenant.graph_url, clock=clock)


def check(tenant: TenantServer, token: Callable[[], str]) -> None:
    found = hunting(tenant, token).collect([HOURS])[0]
    assert_same_rows(found, HOURS.collect(MemorySource(FRAMES)))


def asked_for_tokens(tenant: TenantServer) -> int:
    return sum(call.kind == "token" for call in tenant.calls)


@pytest.mark.parametrize("way", [by_secret, by_certificate, by_device])
def test_every_way_leads_in_and_tokens_are_kept(
    tenant: TenantServer, way: Callable[[TenantServer], SignIn]
) -> None:
    token = way(tenant)
    check(tenant, token)
    before = asked_for_tokens(tenant)
    check(tenant, token)
    assert asked_for_tokens(tenant) == before


def test_a_device_is_told_where_to_go(tenant: TenantServer) -> None:
    told: list[str] = []
    sign_in.device_code(tenant.tenant_id, tenant.client_id, cloud=cloud(tenant), show=told.append)()
    assert len(told) == 1
    assert "code" in told[0]


def test_a_managed_identity(tenant: TenantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tenant.app_service.items():
        monkeypatch.setenv(name, value)
    check(tenant, sign_in.managed_identity(cloud=cloud(tenant)))


@pytest.mark.parametrize("way", [by_secret, by_certificate, by_device])
@pytest.mark.parametrize("fault", [ExpiredToken(), ClaimsChallenge()])
def test_a_new_token_is_got_in_the_midst_of_a_run(
    tenant: TenantServer, way: Callable[[TenantServer], SignIn], fault: Fault
) -> None:
    token = way(tenant)
    token()
    tenant.fail(None, fault)
    check(tenant, token)


def test_kusto_takes_a_sign_in_too() -> None:
    with served("kusto", FRAMES) as place:
        place.tenant.fail(ClaimsChallenge(), text="summarize")
        claims: list[str | None] = []

        def acquire(wanted: str | None, stale: bool) -> dict[str, str]:  # noqa: FBT001 # SignIn's
            claims.append(wanted if stale else None)
            return {"access_token": place.tenant.token(claims=wanted or "")}

        source = place.source(token=SignIn("nobody", acquire))
        assert source.collect([HOURS])[0].height > 0
    assert [claim for claim in claims if claim] == [ClaimsChallenge().claims]


def test_tokens_are_kept_between_runs_in_a_private_file(
    tenant: TenantServer, tmp_path: Path
) -> None:
    cache = TokenCache(tmp_path / "deep" / "tokens.json")
    by_device(tenant, cache)()
    assert stat.S_IMODE(cache.file.stat().st_mode) == 0o600
    before = asked_for_tokens(tenant)
    check(tenant, by_device(tenant, TokenCache(cache.file)))
    assert asked_for_tokens(tenant) == before
    cache.file.chmod(0o644)
    with pytest.raises(InvalidValueError, match=r"others can read .* chmod 600"):
        by_device(tenant, cache)
    cache.file.write_text("no JSON")
    cache.file.chmod(0o600)
    with pytest.raises(InvalidValueError, match="token cache"):
        by_device(tenant, cache)


def test_a_refusal_says_why(tenant: TenantServer) -> None:
    wrong = sign_in.client_secret(
        tenant.tenant_id, tenant.client_id, "not the secret", cloud=cloud(tenant)
    )
    with pytest.raises(SignInError, match=rf"^Entra ID: refuses application {tenant.client_id}: "):
        wrong()
    with pytest.raises(SignInError):
        hunting(tenant, wrong).collect([HOURS])


def test_a_sign_in_service_that_is_not_there(tenant: TenantServer) -> None:
    nowhere = Cloud("https://127.0.0.1:9", tenant.graph_url)
    with pytest.raises(UnavailableError, match="Entra ID: cannot be reached"):
        sign_in.client_secret("t", "c", "s", cloud=nowhere)()


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Throttled("9999"),
        Failed(400),
        Failed(500),
        Forbidden(),
        ExpiredToken(),
        ClaimsChallenge(),
        Redirected("https://evil.test/"),
        Reset(),
        CutShort(),
        NotJson(),
    ],
)
@pytest.mark.parametrize("name", ["defender", "kusto"])
def test_secrets_are_in_no_error_log_or_repr(
    tenant: TenantServer,
    fault: Fault | None,
    name: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    issued: list[str] = []
    pem = tenant.client_certificate.read_text()
    ways = [by_secret(tenant), by_certificate(tenant)]
    with served(name, FRAMES) as place:

        def token() -> str:
            issued.append(place.tenant.token())
            return issued[-1]

        source = place.source(token, patience=Patience(tries=2, calls_per_minute=10**6))
        place.tenant.fail(*[fault] * 4)
        said = [repr(source), repr(source.__dict__), *map(repr, ways), *map(str, ways)]
        try:
            source.collect([HOURS])
        except ExconnError as error:
            said += traceback.format_exception(error)
            said += [repr(vars(held)) for held in chained(error)]
            requests_held = [vars(held).get("request") for held in chained(error)]
            assert not any(requests_held), "a request, with its token, hangs on an error"
    issued += [way() for way in ways]
    said += [caplog.text, *capfd.readouterr(), *map(repr, ways)]
    told = "\n".join(said)
    assert issued
    for secret in (*issued, tenant.client_secret, pem, pem.splitlines()[5]):
        assert secret not in told


def test_a_token_in_half_a_reply_is_in_no_log(
    tenant: TenantServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As a whole, msal logs what it cannot read."""
    caplog.set_level(logging.DEBUG)
    proper = tenant._authority.answer

    def half(request: Request, url: str) -> Reply:
        reply = proper(request, url)
        if b"access_token" not in reply.body:
            return reply
        tokens.append(json.loads(reply.body)["access_token"])
        return evolve(reply, body=reply.body[:-1])

    tokens: list[str] = []
    monkeypatch.setattr(tenant._authority, "answer", half)
    with pytest.raises(UnavailableError, match="not JSON") as raised:
        by_secret(tenant)()
    told = [caplog.text, *capfd.readouterr(), *traceback.format_exception(raised.value)]
    assert tokens
    assert tokens[0] not in "\n".join(told)


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (200, UnavailableError, "try later"),
        (429, UnavailableError, "try later"),
        (404, SignInError, "check the tenant, the cloud and the proxy"),
        (403, SignInError, "check the tenant, the cloud and the proxy"),
    ],
)
def test_a_page_in_place_of_entra_id_is_told_with_its_status(
    tenant: TenantServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    error: type[ExconnError],
    advice: str,
) -> None:
    page = Reply(status, b"<html>blocked</html>", {"Content-Type": "text/html"})
    monkeypatch.setattr(tenant._authority, "answer", lambda _request, _url: page)
    with pytest.raises(error, match=rf"127.0.0.1 answers with status {status} .*; {advice}"):
        by_secret(tenant)()


@pytest.mark.parametrize("interval", [0, -5])
def test_between_questions_for_a_device_code_there_is_a_pause(
    tenant: TenantServer, monkeypatch: pytest.MonkeyPatch, interval: int
) -> None:
    proper = tenant._authority.answer

    def hasty(request: Request, url: str) -> Reply:
        reply = proper(request, url)
        told = json.loads(reply.body)
        told |= {"interval": interval} if "device_code" in told else {}
        return evolve(reply, body=json.dumps(told).encode())

    slept: list[float] = []
    monkeypatch.setattr(tenant._authority, "answer", hasty)
    monkeypatch.setattr(time, "sleep", slept.append)
    assert by_device(tenant)()
    assert slept
    assert set(slept) == {1}


def chained(error: BaseException | None) -> Iterator[BaseException]:
    """An error with all that it holds on to."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_netrc_does_not_take_the_tokens_place(
    tenant: TenantServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login bob password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    check(tenant, by_secret(tenant))


def test_a_token_may_have_a_line_end_and_nothing_worse(tenant: TenantServer) -> None:
    check(tenant, lambda: f"{tenant.token()}\n")
    with pytest.raises(SignInError, match="characters that no token has"):
        hunting(tenant, lambda: "to\nken").collect([HOURS])


def test_a_hiccup_of_entra_id_is_waited_for(tenant: TenantServer) -> None:
    answers: list[Exception | None] = [requests.ConnectionError("secret"), None]

    def acquire(_claims: str | None, _stale: bool) -> dict[str, str]:  # noqa: FBT001 # SignIn's
        answer = answers.pop(0) if answers else None
        if answer:
            raise answer
        return {"access_token": tenant.token()}

    check(tenant, SignIn("somebody", acquire))
    assert answers == []


def test_claims_survive_a_late_refusal_of_an_older_token() -> None:
    asked: list[tuple[str | None, bool]] = []

    def acquire(claims: str | None, stale: bool) -> dict[str, str]:  # noqa: FBT001 # SignIn's
        asked.append((claims, stale))
        return {"access_token": f"token {len(asked)}"}

    token = SignIn("somebody", acquire)
    first = token()
    token.renew(first, '{"access_token":{}}')
    token.renew(first, None)
    second = token()
    token.renew(first, None)
    assert token() != second
    assert asked == [(None, False), ('{"access_token":{}}', True), (None, False)]


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.microsoft.com",
        "https://graph.microsoft.com.evil.test",
        "https://evil.test/graph.microsoft.com",
        "https://graph.microsoft.com@evil.test",
        "https://user:word@graph.microsoft.com",
        "https://graph.microsoft.com/?x=1",
        "ftp://127.0.0.1",
        "graph.microsoft.com",
        "",
        "https://",
        "https://[bad",
    ],
)
def test_no_token_goes_to_strangers(url: str) -> None:
    with pytest.raises(InvalidValueError):
        HuntingSource(_never, base_url=url)
    with pytest.raises(InvalidValueError):
        KustoSource(url, "database", _never)


def test_known_hosts_and_hosts_of_ones_own() -> None:
    for url in ("https://graph.microsoft.us", "https://GRAPH.microsoft.com/", "http://localhost:1"):
        HuntingSource(_never, base_url=url)
    for url in (
        "https://help.kusto.windows.net",
        "https://ade.loganalytics.io/subscriptions/s",
        "https://adx.monitor.azure.us",
        "http://127.0.0.1:1",
    ):
        KustoSource(url, "database", _never)
    own = "https://proxy.corp.example/graph"
    HuntingSource(_never, base_url=own, trusted_hosts=["Proxy.Corp.example"])
    KustoSource(own, "database", _never, trusted_hosts=["proxy.corp.example"])
    assert host_of(own, ["proxy.corp.example"], lambda _: False) == "proxy.corp.example"
    with pytest.raises(InvalidValueError, match="a URL and a token"):
        KustoSource("https://help.kusto.windows.net", "database")


def test_a_cache_tells_of_no_secret(tenant: TenantServer, tmp_path: Path) -> None:
    cache = ResultCache(folder=tmp_path / "results", tenant="t", settles=timedelta(0))
    clock = Watch(tenant.now).clock
    token = tenant.token()
    source = HuntingSource(lambda: token, base_url=tenant.graph_url, cache=cache, clock=clock)
    source.collect([HOURS])
    for file in (tmp_path / "results").iterdir():
        assert token.encode() not in file.read_bytes()


def _never() -> str:
    raise AssertionError("nobody may ask for this token")
