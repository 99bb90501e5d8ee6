"""The loopback tenant, as the real clients see it: requests, msal and azure-kusto-data."""

import base64
import html
import json
import re
import sys
import threading
import time
import uuid
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msal  # type: ignore[import-untyped]
import polars as pl
import pytest
import requests
from azure.identity import ClientSecretCredential
from azure.kusto.data import (
    ClientRequestProperties,
    KustoClient,
    KustoConnectionStringBuilder,
)
from azure.kusto.data._converters import to_timedelta
from azure.kusto.data.exceptions import (
    KustoApiError,
    KustoMultiApiError,
    KustoNetworkError,
    KustoServiceError,
    KustoThrottlingError,
    KustoTokenParsingError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import DecodeError, ProtocolError

from exconn import InvalidValueError, MissingExtraError, NoDataError, Query, conform
from exconn.facts.catalogue import CATALOGUE, Asked
from exconn.simulate import demo_tenant
from exconn.sources.parquet import write_evidence
from exconn.tables import TABLES, TIME
from exconn.testing import Call, TenantServer, assert_same_rows, faults
from exconn.testing._cells import timespan
from exconn.testing.engine import KqlEngine, KqlRefused
from exconn.window import Period

FRAMES = demo_tenant(mails=2_000).frames
CONFORMED = {
    table.name: conform(FRAMES[table.name], table) for table in TABLES if table.name in FRAMES
}
MAILS = FRAMES["EmailEvents"].height
LAST: datetime = pl.concat([f.select("Timestamp") for f in CONFORMED.values()]).max().item()
COUNT = "EmailEvents | count"
FIVE = "EmailEvents | sort by Timestamp asc, ReportId asc | take 5 | project Timestamp, Subject"
HUNTING = "/v1.0/security/runHuntingQuery"
ALERTS = "/v1.0/security/alerts_v2"
SHA1 = hashes.SHA1()  # noqa: S303 - as the protocol has it
GRAPH_SCOPE = ["https://graph.microsoft.com/.default"]


@pytest.fixture(scope="module")
def running() -> Iterator[TenantServer]:
    with TenantServer(FRAMES) as tenant:
        yield tenant


@pytest.fixture
def tenant(running: TenantServer) -> TenantServer:
    running.recover()
    running.calls.clear()
    return running


@pytest.fixture
def trusting(tenant: TenantServer, monkeypatch: pytest.MonkeyPatch) -> TenantServer:
    """The tenant, whose certificate all clients trust."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tenant.certificate))
    return tenant


def hunt(tenant: TenantServer, text: str, *, token: str = "", **more: str) -> requests.Response:
    return requests.post(
        tenant.graph_url + HUNTING,
        json={"Query": text, **more},
        headers={"Authorization": f"Bearer {token or tenant.token()}"},
        allow_redirects=False,
        timeout=60,
    )


def found(tenant: TenantServer, text: str, **more: str) -> list[dict[str, Any]]:
    answer = hunt(tenant, text, **more)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def client(tenant: TenantServer, url: str = "") -> KustoClient:
    connection = KustoConnectionStringBuilder.with_token_provider(
        url or tenant.kusto_url, tenant.token
    )
    return KustoClient(connection)


def rows_of(
    tenant: TenantServer,
    text: str,
    options: Mapping[str, object] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> list[list[Any]]:
    """The rows by both ways that the client has; they agree, in any order."""
    properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
    for name, value in (options or {}).items():
        properties.set_option(name, value)
    for name, text_of in (parameters or {}).items():
        properties.set_parameter(name, text_of)
    with client(tenant) as kusto:
        whole = kusto.execute(tenant.database, text, properties)
        streamed = kusto.execute_streaming_query(tenant.database, text, properties=properties)
        streamed_rows = [
            row.to_list() for table in streamed.iter_primary_results() for row in table
        ]
    rows = [row.to_list() for table in whole.primary_results for row in table]
    assert sorted(map(repr, rows)) == sorted(map(repr, streamed_rows))
    return rows


# Running KQL


ASKED = Asked(
    period=Period(LAST - timedelta(days=25), LAST + timedelta(seconds=1)),
    connector="Relay",
    accounts=tuple(FRAMES["CloudAppEvents"]["AccountObjectId"].unique().sort()[:5]),
    accepted_domains=("contoso.example",),
)
SHIPPED = (
    "connector_hours",
    "connector_changes",
    "logon_seconds",
    "external_mail",
    "minute_bursts",
)


def framed(rows: list[list[Any]], query: Query) -> pl.DataFrame:
    """Rows of a service as the query promises them."""
    naive = {n: pl.Datetime("us") if t == TIME else t for n, t in query.schema.items()}
    cells = [[v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in r] for r in rows]
    frame = pl.DataFrame(cells, schema=naive, orient="row")
    times = [n for n, dtype in query.schema.items() if dtype == TIME]
    return tidy(frame.with_columns(pl.col(times).dt.replace_time_zone("UTC")))


def tidy(frame: pl.DataFrame) -> pl.DataFrame:
    """JSON without spaces, as Kusto's `tostring` writes it."""
    if "RawEventData" not in frame.columns:
        return frame
    compact = [json.dumps(json.loads(text or "null")) for text in frame["RawEventData"]]
    return frame.with_columns(RawEventData=pl.Series(compact, dtype=pl.String))


def expected(query: Query) -> pl.DataFrame:
    return tidy(query.on(lambda table: CONFORMED[table.name].lazy()).collect())


def from_graph(answer: dict[str, Any]) -> list[list[Any]]:
    kinds = {column["name"]: column["type"] for column in answer["schema"]}

    def cell(value: Any, kind: str) -> Any:
        if value == {}:
            return None
        if kind == "SByte":
            return bool(value)
        return datetime.fromisoformat(value) if kind == "DateTime" else value

    return [[cell(row[n], k) for n, k in kinds.items()] for row in answer["results"]]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_queries_have_the_rows_of_polars(name: str, tenant: TenantServer) -> None:
    query = CATALOGUE[name](ASKED)
    assert expected(query).height > 0
    answer = hunt(tenant, query.to_kql("defender")).json()
    assert_same_rows(framed(from_graph(answer), query), expected(query))
    assert_same_rows(framed(rows_of(tenant, query.to_kql("kusto")), query), expected(query))


@pytest.fixture(scope="module")
def sentinel() -> Iterator[TenantServer]:
    with TenantServer(FRAMES, dialect="sentinel", database="soc") as tenant:
        yield tenant


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_queries_run_in_a_workspace(name: str, sentinel: TenantServer) -> None:
    query = CATALOGUE[name](ASKED)
    with client(sentinel, sentinel.proxy_url) as kusto:
        found = kusto.execute("soc", query.to_kql("sentinel")).primary_results[0]
    rows = [row.to_list() for row in found]
    assert_same_rows(framed(rows, query), expected(query))


def test_a_workspace_has_tables_of_its_own_kind(sentinel: TenantServer) -> None:
    with client(sentinel, sentinel.proxy_url) as kusto:
        found = kusto.execute("soc", "EmailEvents | getschema").primary_results[0]
        kinds = {row["ColumnName"]: row["ColumnType"] for row in found}
        assert kinds["TimeGenerated"] == "datetime"
        assert kinds["EmailSize"] == "int"
        assert kinds["AdditionalFields"] == "dynamic"
        assert (kinds["TenantId"], kinds["Type"]) == ("string", "string")
        assert "Timestamp" not in kinds
        logons = kusto.execute("soc", "IdentityLogonEvents | getschema").primary_results[0]
        assert {r["ColumnName"]: r["DataType"] for r in logons}["Port"] == "System.String"
        with pytest.raises(KustoApiError, match="no such command"):
            kusto.execute("soc", ".show tables")
        assert kusto.execute("soc", ".show database schema").primary_results[0].rows_count > 0


def test_the_schema_of_a_table(tenant: TenantServer) -> None:
    described = found(tenant, "CloudAppEvents | getschema")
    held = {row["ColumnName"]: (row["DataType"], row["ColumnType"]) for row in described}
    assert set(held) == set(FRAMES["CloudAppEvents"].columns)
    assert held["RawEventData"] == ("System.Object", "dynamic")
    assert held["IsAdminOperation"] == ("System.SByte", "bool")
    assert [row["ColumnOrdinal"] for row in described] == list(range(len(held)))


def test_when_events_were_ingested() -> None:
    with TenantServer(FRAMES, lag=timedelta(minutes=7)) as tenant:
        (row,) = found(
            tenant, "EmailEvents | summarize L = max(ingestion_time() - Timestamp), N = count()"
        )
    assert row == {"L": "00:07:00", "N": MAILS}


def test_query_parameters_have_the_given_values(tenant: TenantServer) -> None:
    text = (
        'declare query_parameters(s:string = "a", t:datetime = datetime(2026-03-01), n:long = 3,'
        " b:bool = false, d:timespan = 1h, r:real = 0.5); print s, t, n, b, d, r"
    )
    default = [["a", datetime(2026, 3, 1, tzinfo=UTC), 3, False, timedelta(hours=1), 0.5]]
    assert rows_of(tenant, text) == default
    given = {
        "s": 'x") | take 0 //',
        "t": "datetime(2026-03-02T03:04:05.678901Z)",
        "n": "long(7)",
        "b": "true",
        "d": "time(1.02:03:04)",
        "r": "1.5",
        "not_declared": "x",
    }
    moment = datetime(2026, 3, 2, 3, 4, 5, 678901, tzinfo=UTC)
    span = timedelta(days=1, hours=2, minutes=3, seconds=4)
    assert rows_of(tenant, text, parameters=given) == [
        ['x") | take 0 //', moment, 7, True, span, 1.5]
    ]
    assert tenant.calls[-1].parameters == given
    with pytest.raises(KustoApiError, match="cannot run"):
        rows_of(tenant, text, parameters={"n": "many"})


@given(st.text(st.characters(codec="utf-8"), max_size=6))
def test_any_text_can_be_asked_for(text: str) -> None:
    literal = "".join(f"\\u{unit:04x}" for unit in memoryview(text.encode("utf-16-le")).cast("H"))
    with KqlEngine({"T": pl.DataFrame({"A": [text, text + "x"]})}) as engine:
        assert engine.run(f'T | where A == "{literal}"').rows == [(text,)]


def test_one_tenant_answers_many_at_once(tenant: TenantServer) -> None:
    days = [LAST - timedelta(days=day) for day in range(8)]
    texts = [f"EmailEvents | where Timestamp > datetime({day:%Y-%m-%d}) | count" for day in days]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: found(tenant, text), texts))
    assert together == [found(tenant, text) for text in texts]
    assert len({json.dumps(rows) for rows in together}) > 1


def test_what_the_engine_cannot_run_says_why() -> None:
    with KqlEngine({"T": pl.DataFrame({"A": [1]})}) as engine:
        for text, part, name in (
            ("Nope | count", "table", "Nope"),
            ("T | join kind=inner Nope on A", "table", "Nope"),
            ("T | where Nope == 1", "column", "Nope"),
            ("T | summarize count() by Nope", "column", "Nope"),
            ("T | project Nope", "column", "Nope"),
            ("T | wherex", "syntax", ""),
            ("T | extend B = cursor_current()", "other", ""),
        ):
            with pytest.raises(KqlRefused) as caught:
                engine.run(text)
            assert (caught.value.part, caught.value.name) == (part, name)


@pytest.mark.parametrize("hidden", ["duckdb_kql", "trustme"])
def test_a_missing_extra_is_named(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, hidden, None)
    with pytest.raises(MissingExtraError, match=r"exconn\[testing\]"), TenantServer(FRAMES):
        pass


# Evidence


def test_a_folder_is_served_as_its_frames_are(tmp_path: Path) -> None:
    mails = FRAMES["EmailEvents"]
    write_evidence({"EmailEvents": mails.head(3).drop("Subject")}, tmp_path)
    (day := tmp_path / "EmailEvents" / "03").mkdir(parents=True)
    mails[3:5].drop("EmailSize").write_parquet(day / "day.parquet")
    with TenantServer(tmp_path) as tenant:
        texts = "EmailEvents | summarize N = count(), E = countif(Subject == '')"
        assert found(tenant, texts) == [{"N": 5, "E": 3}]
        assert found(tenant, "EmailEvents | where isnull(EmailSize) | count") == [{"Count": 2}]
        assert hunt(tenant, "CloudAppEvents | count").status_code == 400


def test_a_column_that_no_file_has_does_not_exist() -> None:
    mails = {"EmailEvents": [FRAMES["EmailEvents"].drop("SenderObjectId")]}
    with TenantServer(mails) as tenant:
        answer = hunt(tenant, "EmailEvents | where SenderObjectId == ''")
    assert answer.status_code == 400
    message = "Failed to resolve scalar expression named 'SenderObjectId'"
    assert message in answer.json()["error"]["message"]


def test_there_must_be_tables() -> None:
    with pytest.raises(InvalidValueError, match="no table 'EmailEvent'"):
        TenantServer({"EmailEvent": FRAMES["EmailEvents"]})
    with pytest.raises(NoDataError):
        TenantServer({})


# Graph


def test_graphs_quirks(tenant: TenantServer) -> None:
    text = (
        "print B = true, Z = false, N = bool(null), I = int(null), T = datetime(null), "
        "D = todynamic(''), S = '', L = dynamic(['a', {'b': true}, 1]), "
        "O = dynamic({'a': true, 'c': null}), "
        "W = datetime(2026-03-01 01:02:03.04), P = 1d + 2h, R = real(nan), Q = real(+inf)"
    )
    answer = hunt(tenant, text).json()
    kinds = [column["type"] for column in answer["schema"]]
    assert kinds == ["SByte"] * 3 + [
        "Int32",
        "DateTime",
        "Object",
        "String",
        "Object",
        "Object",
    ] + [
        "DateTime",
        "TimeSpan",
        "Double",
        "Double",
    ]
    assert answer["results"] == [
        {
            "B@odata.type": "#SByte",
            "B": 1,
            "Z@odata.type": "#SByte",
            "Z": 0,
            "N": {},
            "I": {},
            "T": {},
            "D": {},
            "S": "",
            "L@odata.type": "#Collection(String)",
            "L": ["a", '{"b": true}', 1],
            "O": {
                "@odata.type": "#microsoft.graph.security.dynamicColumnValue",
                "a": True,
                "c": None,
            },
            "W": "2026-03-01T01:02:03.0400000Z",
            "P": "1.02:00:00",
            "R": "NaN",
            "Q": "INF",
        }
    ]


def test_the_schema_may_have_either_case() -> None:
    with TenantServer(FRAMES, schema_case="upper") as tenant:
        assert hunt(tenant, COUNT).json()["schema"] == [{"Name": "Count", "Type": "Int64"}]


def test_the_keys_of_the_body_may_have_either_case(tenant: TenantServer) -> None:
    assert found(tenant, "", query=COUNT) == [{"Count": MAILS}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Nope | count",
            "'where' operator: Failed to resolve table or column expression named 'Nope'.",
        ),
        (
            "EmailEvents | where Nope == 1",
            "Failed to resolve scalar expression named 'Nope'.",
        ),
        (
            "EmailEvents | wherex",
            "The incomplete fragment is unexpected.",
        ),
    ],
)
def test_graph_says_what_is_wrong_with_a_query(
    text: str, message: str, tenant: TenantServer
) -> None:
    answer = hunt(tenant, text)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "BadRequest")
    assert re.fullmatch(
        f"{re.escape(message)} Fix (semantic|syntax) errors in your query.", error["message"]
    )
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


def test_a_query_beyond_the_engine_is_no_fault_of_its_own(tenant: TenantServer) -> None:
    answer = hunt(tenant, "print cursor_current()")
    assert answer.status_code == 400
    assert "exconn.testing cannot run this query" in answer.json()["error"]["message"]


def test_hunting_sees_thirty_days_and_kusto_all() -> None:
    now = LAST - timedelta(days=-20)
    with TenantServer(FRAMES, now=now) as tenant:
        recent = CONFORMED["EmailEvents"].filter(pl.col("Timestamp") >= now - timedelta(days=30))
        assert 0 < recent.height < MAILS
        assert found(tenant, COUNT) == [{"Count": recent.height}]
        assert found(tenant, COUNT, Timespan="P365D") == [{"Count": recent.height}]
        assert found(tenant, "EmailEvents | where Timestamp < ago(30d) | count") == [{"Count": 0}]
        assert rows_of(tenant, COUNT) == [[MAILS]]


def test_hunting_within_a_time_span(tenant: TenantServer) -> None:
    day = LAST.replace(hour=0, minute=0, second=0, microsecond=0)
    times = CONFORMED["EmailEvents"]["Timestamp"]
    of_day = times.is_between(day - timedelta(days=1), day, closed="left").sum()
    start, end = f"{day - timedelta(days=1):%Y-%m-%d}", f"{day:%Y-%m-%dT%H:%M:%SZ}"
    for span in (f"{start}/{end}", f"P1D/{end}", f"{start}/PT24H"):
        assert found(tenant, COUNT, Timespan=span) == [{"Count": of_day}]
    since = (times >= day - timedelta(days=1)).sum()
    assert found(tenant, COUNT, Timespan=start) == [{"Count": since}]
    assert hunt(tenant, COUNT, Timespan="yesterday").status_code == 400


def test_graph_leaves_out_rows_without_a_word() -> None:
    with TenantServer(FRAMES, row_limit=3) as tenant:
        assert len(found(tenant, "EmailEvents")) == 3


def test_graph_refuses_large_results() -> None:
    with TenantServer(FRAMES, byte_limit=10_000) as tenant:
        answer = hunt(tenant, "EmailEvents")
        assert answer.status_code == 400
        assert "has exceeded the allowed result size" in answer.json()["error"]["message"]
        assert hunt(tenant, COUNT).status_code == 200


# Graph's alerts


def test_alerts_come_in_pages_and_can_be_filtered_and_updated() -> None:
    alerts = [
        {
            "id": f"da{number}",
            "severity": "high" if number % 2 else "low",
            "assignedTo": None if number else "o'neil and sons",
            "createdDateTime": f"2026-03-{number + 1:02}T00:00:00Z",
        }
        for number in range(9)
    ]
    with TenantServer(FRAMES, alerts=alerts) as tenant, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {tenant.token()}"
        url: str | None = tenant.graph_url + ALERTS
        wanted = {"$filter": "severity eq 'high' and createdDateTime ge 2026-03-03", "$top": "2"}
        pages: list[list[str]] = []
        while url:
            page = session.get(url, params=None if pages else wanted, timeout=60).json()
            pages.append([alert["id"] for alert in page["value"]])
            url = page.get("@odata.nextLink")
        assert pages == [["da3", "da5"], ["da7"]]

        def listed(text: str) -> requests.Response:
            params = {"$filter": text}
            return session.get(tenant.graph_url + ALERTS, params=params, timeout=60)

        assert len(listed("assignedTo eq 'o''neil and sons'").json()["value"]) == 1
        assert len(listed("assignedTo eq null").json()["value"]) == 8
        for wrong in ("title eq 'x'", "severity eq", "createdDateTime gt soon"):
            assert listed(wrong).status_code == 400
        assert listed("severity eq 'high' or severity eq 'low'").status_code == 400

        one = f"{tenant.graph_url}{ALERTS}/da3"
        update = {"classification": "truePositive", "determination": "compromisedAccount"}
        assert (
            session.patch(one, json=update, timeout=60).json()["classification"] == "truePositive"
        )
        assert session.patch(one, json={"determination": "clean"}, timeout=60).status_code == 400
        assert session.patch(one, json={"title": "x"}, timeout=60).status_code == 400
        assert session.get(one, timeout=60).json() == alerts[3] | update
        assert session.get(f"{one}x", timeout=60).status_code == 404
        assert session.delete(one, timeout=60).status_code == 405
        assert {call.kind for call in tenant.calls} == {"alerts"}


# Kusto


def test_kustos_cells(tenant: TenantServer) -> None:
    text = (
        "print B = true, N = bool(null), L = 9007199254740993, "
        "T = datetime(2026-03-01 01:02:03.04), U = datetime(2026-03-01), P = 1d + 2h + 3m + 4s, "
        "R = real(nan), Q = real(-inf), S = '', D = dynamic({'a': [1, true, null]}), "
        "G = guid(74be27de-1e4e-49d9-b579-fe0b331d3642)"
    )
    with client(tenant) as kusto:
        table = kusto.execute(tenant.database, text).primary_results[0]
    assert table.raw_rows == [
        [
            True,
            None,
            9007199254740993,
            "2026-03-01T01:02:03.04Z",
            "2026-03-01T00:00:00Z",
            "1.02:03:04",
            "NaN",
            "-Infinity",
            "",
            {"a": [1, True, None]},
            str(uuid.UUID("74be27de-1e4e-49d9-b579-fe0b331d3642")),
        ]
    ]
    kinds = "bool bool long datetime datetime timespan real real string dynamic guid"
    assert [column.column_type for column in table.columns] == kinds.split()
    nested = rows_of(
        tenant,
        "range X from datetime(2026-03-01) to datetime(2026-03-02) step 1d"
        " | summarize M = make_list(X)",
    )
    assert nested == [[["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"]]]


@given(st.timedeltas(timedelta(days=-9_999), timedelta(days=9_999)))
def test_time_spans_are_read_as_they_were(span: timedelta) -> None:
    assert to_timedelta(timespan(span)) == span  # type: ignore[no-untyped-call]


def test_kusto_says_that_rows_are_missing() -> None:
    with TenantServer(FRAMES, row_limit=3) as tenant:
        with client(tenant) as kusto, pytest.raises(KustoMultiApiError) as caught:
            kusto.execute(tenant.database, FIVE)
        (error,) = caught.value.get_api_errors()
        assert error.code == "LimitsExceeded"
        assert "record count limit 3 (E_QUERY_RESULT_SET_TOO_LARGE" in str(error.description)
        assert len(rows_of(tenant, FIVE, {"notruncation": True})) == 5
        assert len(rows_of(tenant, f"set notruncation;\nset servertimeout = 10m;{FIVE}")) == 5
        assert len(rows_of(tenant, FIVE, {"truncationmaxrecords": 5})) == 5
        assert len(rows_of(tenant, FIVE, {"query_take_max_records": 2})) == 2


def test_kusto_says_that_bytes_are_missing() -> None:
    with TenantServer(FRAMES, byte_limit=2_000) as tenant, client(tenant) as kusto:
        with pytest.raises(KustoMultiApiError, match="data size limit 2000"):
            kusto.execute(tenant.database, "EmailEvents | take 100")
        assert kusto.execute(tenant.database, COUNT).primary_results[0][0][0] == MAILS


def test_kusto_can_say_it_later() -> None:
    properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
    properties.set_option("deferpartialqueryfailures", "true")
    with TenantServer(FRAMES, row_limit=3) as tenant, client(tenant) as kusto:
        answer = kusto.execute(tenant.database, FIVE, properties)
        assert len(answer.primary_results[0]) == 3
        assert answer.errors_count == 1
        assert "record count limit 3" in answer.get_exceptions()[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Nope | count", "SEM0100: 'where' operator: Failed to resolve table or column .*'Nope'"),
        ("EmailEvents | where Nope == 1", "SEM0100: Failed to resolve scalar .* named 'Nope'"),
        ("EmailEvents | wherex", "SYN0002"),
        ("set truncationmaxrecords = many; print 1", "invalid literal"),
    ],
)
def test_kusto_says_what_is_wrong_with_a_query(
    text: str, message: str, tenant: TenantServer
) -> None:
    with client(tenant) as kusto, pytest.raises(KustoApiError, match=message) as caught:
        kusto.execute(tenant.database, text)
    assert caught.value.get_api_error().code == "General_BadRequest"
    assert caught.value.is_semantic_error() == ("Semantic error" in str(caught.value))


def test_a_database_has_one_name(tenant: TenantServer) -> None:
    with client(tenant) as kusto:
        for text in (COUNT, ".show tables"):
            with pytest.raises(KustoApiError, match="'Evidence' of kind 'Database' was not found"):
                kusto.execute("Evidence", text)


def test_commands(tenant: TenantServer) -> None:
    with client(tenant) as kusto:

        def shown(command: str) -> list[dict[str, Any]]:
            return [
                row.to_dict() for row in kusto.execute(tenant.database, command).primary_results[0]
            ]

        assert [row["TableName"] for row in shown(".show tables")] == list(FRAMES)
        columns = [r for r in shown(".show database schema") if r["TableName"] == "EmailEvents"]
        assert {"ColumnName": "EmailSize", "ColumnType": "System.Int64"}.items() <= next(
            row.items() for row in columns if row["ColumnName"] == "EmailSize"
        )
        (held,) = shown(".show database schema as json")
        tables = json.loads(held["DatabaseSchema"])["Databases"]["evidence"]["Tables"]
        assert set(tables) == set(FRAMES)
        assert shown(".show version")[0]["ServiceType"] == "Engine"
        with pytest.raises(KustoApiError, match=r"no such command: \.drop table EmailEvents"):
            kusto.execute(tenant.database, ".drop table EmailEvents")
    assert {call.kind for call in tenant.calls} == {"management"}


# Faults, as each client sees them


Check = Callable[[requests.Response], bool]


def status(code: int, said: str = "", **headers: str | None) -> Check:
    """The response has this status, says this, and has these headers or lacks them."""

    def check(answer: requests.Response) -> bool:
        found = {name: answer.headers.get(name.replace("_", "-")) for name in headers}
        return answer.status_code == code and said in answer.text and found == headers

    return check


UNKNOWN = '"code":"UnknownError","message":""'
GRAPH_FAULTS: list[tuple[faults.Fault, Check]] = [
    (faults.Throttled("7"), status(429, "TooManyRequests", retry_after="7")),
    (faults.Throttled(None), status(429, retry_after=None)),
    (faults.Failed(500), status(500, UNKNOWN)),
    (faults.Failed(503, "busy"), status(503, "busy")),
    (faults.Forbidden(), status(403, "Authorization_RequestDenied")),
    (faults.Slow(0.01, pieces=3), status(200, str(MAILS))),
    (faults.NotJson(), status(200, "<html>", content_type="text/html")),
    (faults.Empty(), status(200, content_length="0")),
    (faults.Garbage(), lambda answer: b"\xff\xfe" in answer.content),
    (faults.Redirected("http://elsewhere"), status(302, location="http://elsewhere")),
    (faults.TooLarge(), status(400, "has exceeded the allowed result size")),
    (faults.TimedOut(), status(504, UNKNOWN)),
    (faults.QuotaExceeded(), status(429, "exceeded processing resources")),
    (faults.ColumnsChanged(), status(200, '"schema":[],"results":[{}]')),
    (faults.ColumnsChanged(dropped=False), status(200, '[{"name":"Count","type":"String"}]')),
]


@pytest.mark.parametrize(("fault", "seen"), GRAPH_FAULTS, ids=[repr(f) for f, _ in GRAPH_FAULTS])
def test_a_fault_of_graph(fault: faults.Fault, seen: Check, tenant: TenantServer) -> None:
    tenant.fail(fault)
    answer = hunt(tenant, COUNT)
    assert seen(answer), answer.text
    assert found(tenant, COUNT) == [{"Count": MAILS}]


@pytest.mark.parametrize(
    "fault",
    [faults.Reset(), faults.CutShort(), faults.CutShort(chunked=True), faults.Garbage("gzip")],
    ids=repr,
)
def test_a_fault_on_the_way(fault: faults.Fault, tenant: TenantServer) -> None:
    tenant.fail(fault)
    with pytest.raises(requests.RequestException):
        hunt(tenant, COUNT)
    assert found(tenant, COUNT) == [{"Count": MAILS}]


LIMITED = (KustoMultiApiError, "E_QUERY_RESULT_SET_TOO_LARGE")
THROTTLED = (KustoThrottlingError, "throttled")
NO_NETWORK = (KustoNetworkError, "Failed to process network request")
NO_JSON = (requests.JSONDecodeError, "Expecting value")
Seen = tuple[type[Exception], str]
KUSTO_FAULTS: list[tuple[faults.Fault, Seen, Seen]] = [
    (faults.Throttled(), THROTTLED, THROTTLED),
    (faults.QuotaExceeded(), THROTTLED, THROTTLED),
    (faults.Failed(500), (KustoApiError, "status 500"), (KustoApiError, "status 500")),
    (faults.Failed(503, "busy"), (KustoServiceError, "busy"), NO_JSON),
    (faults.Forbidden(), (KustoApiError, "not authorized"), (KustoApiError, "not authorized")),
    (faults.TimedOut(), (KustoApiError, "timed out"), (KustoApiError, "timed out")),
    (faults.Reset(), NO_NETWORK, NO_NETWORK),
    (faults.CutShort(), NO_NETWORK, (ProtocolError, "IncompleteRead")),
    (faults.CutShort(chunked=True), NO_NETWORK, (ProtocolError, "IncompleteRead")),
    (faults.NotJson(), (KustoServiceError, "<html>"), (KustoTokenParsingError, "end of stream")),
    (faults.NotJson(502), (KustoServiceError, "<html>"), NO_JSON),
    (faults.Empty(), (KustoServiceError, "no data"), (KustoTokenParsingError, "end of stream")),
    (faults.Garbage("gzip"), NO_NETWORK, (DecodeError, "gzip")),
    (faults.Redirected("http://x"), (KustoServiceError, "no data"), NO_JSON),
    (faults.TooLarge(), LIMITED, LIMITED),
    (faults.PartialRows(after=2), LIMITED, LIMITED),
]


@pytest.mark.parametrize(
    ("fault", "whole", "streamed"), KUSTO_FAULTS, ids=[repr(f) for f, *_ in KUSTO_FAULTS]
)
def test_a_fault_of_kusto(
    fault: faults.Fault, whole: Seen, streamed: Seen, tenant: TenantServer
) -> None:
    tenant.fail(fault, fault)
    with client(tenant) as kusto:
        with pytest.raises(whole[0], match=re.escape(whole[1])):
            kusto.execute(tenant.database, FIVE)
        with pytest.raises(streamed[0], match=re.escape(streamed[1])):
            [list(t) for t in kusto.execute_streaming_query(tenant.database, FIVE)]
    assert len(rows_of(tenant, FIVE)) == 5


def frames_of(tenant: TenantServer, fault: faults.Fault) -> list[dict[str, Any]]:
    """What Kusto sends."""
    tenant.fail(fault)
    answer = requests.post(
        f"{tenant.kusto_url}/v2/rest/query",
        json={"db": tenant.database, "csl": FIVE},
        headers={"Authorization": f"Bearer {tenant.token()}"},
        timeout=60,
    )
    assert answer.status_code == 200
    frames: list[dict[str, Any]] = answer.json()
    return frames


def kinds_of(frames: list[dict[str, Any]]) -> list[str]:
    return [frame.get("TableKind", frame["FrameType"]) for frame in frames]


KINDS = [
    "DataSetHeader",
    "QueryProperties",
    "PrimaryResult",
    "QueryCompletionInformation",
    "DataSetCompletion",
]


def test_a_whole_answer_of_kusto(tenant: TenantServer) -> None:
    frames = frames_of(tenant, faults.Slow(0))
    assert kinds_of(frames) == KINDS
    assert frames[-1] == {"FrameType": "DataSetCompletion", "HasErrors": False, "Cancelled": False}
    assert [f["TableId"] for f in frames[1:-1]] == [0, 1, 2]
    assert [row[5] for row in frames[3]["Rows"]] == [4, 6]


def test_an_error_among_the_rows(tenant: TenantServer) -> None:
    frames = frames_of(tenant, faults.PartialRows(after=2))
    assert kinds_of(frames) == [kind for kind in KINDS if "Information" not in kind]
    assert [type(row) for row in frames[2]["Rows"]] == [list, list, dict]
    assert frames[2]["Rows"][-1]["OneApiErrors"] == frames[-1]["OneApiErrors"]
    assert frames[-1]["HasErrors"] is True


def test_errors_that_the_client_does_not_see(tenant: TenantServer) -> None:
    for fault, rows, differs in (
        (faults.CompletionErrors(), 5, lambda frames: frames[-1]["HasErrors"]),
        (faults.Cancelled(), 2, lambda frames: frames[-1]["Cancelled"]),
        (faults.NoCompletion(), 5, lambda frames: kinds_of(frames) == KINDS[:-1]),
    ):
        assert differs(frames_of(tenant, fault))
        tenant.fail(fault, fault)
        assert len(rows_of(tenant, FIVE)) == rows


def test_errors_that_are_said_later(tenant: TenantServer) -> None:
    frames = frames_of(tenant, faults.DeferredErrors(after=2))
    assert kinds_of(frames) == KINDS
    assert frames[-1]["HasErrors"] is False
    assert (frames[3]["Rows"][0][5], frames[3]["Rows"][0][10]) == (2, "QueryLimitsExceeded")
    tenant.fail(faults.DeferredErrors(after=2))
    with client(tenant) as kusto:
        answer = kusto.execute(tenant.database, FIVE)
    assert (len(answer.primary_results[0]), answer.errors_count) == (2, 1)


def test_results_of_another_shape(tenant: TenantServer) -> None:
    assert kinds_of(frames_of(tenant, faults.MissingPrimary())) == [*KINDS[:2], *KINDS[3:]]
    assert kinds_of(frames_of(tenant, faults.ExtraTable())).count("PrimaryResult") == 2
    columns = frames_of(tenant, faults.ColumnsChanged())[2]["Columns"]
    assert columns == [{"ColumnName": "Timestamp", "ColumnType": "datetime"}]
    changed = frames_of(tenant, faults.ColumnsChanged(dropped=False))[2]
    assert changed["Columns"][-1] == {"ColumnName": "Subject", "ColumnType": "string"}
    assert all(row[-1].startswith('"') for row in changed["Rows"])


def test_faults_come_in_order_to_whom_they_are_meant_for(tenant: TenantServer) -> None:
    tenant.fail(faults.Throttled(), None, faults.Reset())
    tenant.fail(faults.Failed(500), text="CloudAppEvents")
    tenant.fail(faults.Failed(502), kinds=["alerts"])
    with client(tenant) as kusto:
        kusto.execute(tenant.database, ".show tables")
    assert hunt(tenant, "CloudAppEvents | count").status_code == 429
    assert hunt(tenant, "CloudAppEvents | count").status_code == 200
    with pytest.raises(requests.ConnectionError):
        hunt(tenant, "EmailEvents | count")
    assert hunt(tenant, "EmailEvents | count").status_code == 200
    assert hunt(tenant, "CloudAppEvents | count").status_code == 500
    headers = {"Authorization": f"Bearer {tenant.token()}"}
    assert requests.get(tenant.graph_url + ALERTS, headers=headers, timeout=60).status_code == 502
    assert [call.status for call in tenant.calls] == [200, 429, 200, 0, 200, 500, 502]


def test_calls_tell_what_was_asked(tenant: TenantServer) -> None:
    answer = hunt(tenant, COUNT)
    assert tenant.calls == [Call("hunting", COUNT, {}, 200, len(answer.content))]
    large = hunt(tenant, "EmailEvents | take 100")
    assert large.headers["Content-Encoding"] == "gzip"
    assert tenant.calls[-1].sent == len(large.content)
    requests.get(f"{tenant.graph_url}/v1.0/me", timeout=60)
    assert tenant.calls[-1] == Call("other", "/v1.0/me", {}, 404, tenant.calls[-1].sent)


def test_the_end_of_a_tenant_ends_its_calls() -> None:
    before = set(threading.enumerate())
    with ThreadPoolExecutor(1) as pool, requests.Session() as idle:
        with TenantServer(FRAMES) as tenant:
            idle.get(f"{tenant.kusto_url}/v1/rest/auth/metadata", timeout=60)
            tenant.fail(faults.Slow(3_600))
            waiting = pool.submit(hunt, tenant, COUNT)
            while not tenant.calls[1:]:
                time.sleep(0.01)
        with pytest.raises(requests.ConnectionError):
            waiting.result()
    assert set(threading.enumerate()) <= before


# Tokens


def test_every_service_wants_a_token(tenant: TenantServer) -> None:
    for token, message in (("x", "CompactToken parsing failed"), (" ", "Access token is empty")):
        answer = hunt(tenant, COUNT, token=token)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
        assert message in answer.json()["error"]["message"]
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="", authorization_uri=')
    connection = KustoConnectionStringBuilder.with_aad_application_token_authentication(
        tenant.kusto_url, "x"
    )
    with KustoClient(connection) as kusto, pytest.raises(KustoServiceError, match="401"):
        kusto.execute(tenant.database, COUNT)
    assert requests.get(tenant.graph_url + ALERTS, timeout=60).status_code == 401


def test_tokens_end() -> None:
    with TenantServer(FRAMES) as tenant:
        token = tenant.token()
        assert hunt(tenant, COUNT, token=token).status_code == 200
        tenant.revoke_tokens()
        refused = hunt(tenant, COUNT, token=token)
        assert refused.status_code == 401
        assert "Lifetime validation failed" in refused.text
        tenant.fail(None, faults.ExpiredToken())
        token = tenant.token()
        assert [hunt(tenant, COUNT, token=token).status_code for _ in range(3)] == [200, 401, 401]
        assert hunt(tenant, COUNT).status_code == 200
    with TenantServer(FRAMES, token_lifetime=timedelta(0)) as tenant:
        assert hunt(tenant, COUNT).status_code == 401


# Signing in


@pytest.fixture
def settings(trusting: TenantServer) -> dict[str, Any]:
    return {"authority": trusting.login_url, "instance_discovery": False}


def application(tenant: TenantServer, settings: dict[str, Any], credential: object) -> Any:
    return msal.ConfidentialClientApplication(
        tenant.client_id, client_credential=credential, **settings
    )


def test_an_application_signs_in_with_a_secret(
    trusting: TenantServer, settings: dict[str, Any]
) -> None:
    app = application(trusting, settings, trusting.client_secret)
    token = app.acquire_token_for_client(GRAPH_SCOPE)["access_token"]
    assert hunt(trusting, COUNT, token=token).status_code == 200
    assert app.acquire_token_for_client(GRAPH_SCOPE)["token_source"] == "cache"  # noqa: S105
    for secret in (trusting.client_secret, trusting.client_secret + "x"):
        refused = application(trusting, settings, secret).acquire_token_for_client(["User.Read"])
        error = "invalid_client" if secret.endswith("x") else "invalid_scope"
        assert refused["error"] == error
    with pytest.raises(ValueError, match="double check your tenant name"):
        application(
            trusting,
            settings | {"authority": trusting.login_url.replace(trusting.tenant_id, "fabrikam")},
            "x",
        )


def test_a_token_is_for_one_service(trusting: TenantServer, settings: dict[str, Any]) -> None:
    app = application(trusting, settings, trusting.client_secret)
    for scope, right in ((GRAPH_SCOPE[0], 200), ("https://kusto.kusto.windows.net/.default", 401)):
        token = app.acquire_token_for_client([scope])["access_token"]
        assert hunt(trusting, COUNT, token=token).status_code == right


@pytest.mark.parametrize("how", ["public_certificate", "thumbprint"])
def test_an_application_signs_in_with_a_certificate(
    how: str, trusting: TenantServer, settings: dict[str, Any]
) -> None:
    pem = trusting.client_certificate.read_text()
    key, begin, rest = pem.partition("-----BEGIN CERTIFICATE-----")
    held = x509.load_pem_x509_certificate((begin + rest).encode())
    shown = {
        "public_certificate": begin + rest,
        "thumbprint": held.fingerprint(SHA1).hex(),
    }
    app = application(trusting, settings, {"private_key": key, how: shown[how]})
    token = app.acquire_token_for_client(GRAPH_SCOPE)["access_token"]
    assert hunt(trusting, COUNT, token=token).status_code == 200


def test_another_key_does_not_do(trusting: TenantServer, settings: dict[str, Any]) -> None:
    with TenantServer(FRAMES) as other:
        key = other.client_certificate.read_text().partition("-----BEGIN CERTIFICATE-----")[0]
    held = x509.load_pem_x509_certificate(trusting.client_certificate.read_bytes())
    shown = held.fingerprint(SHA1).hex()
    app = application(trusting, settings, {"private_key": key, "thumbprint": shown})
    assert app.acquire_token_for_client(GRAPH_SCOPE)["error"] == "invalid_client"
    app = application(trusting, settings, {"client_assertion": lambda: "not.one"})
    assert app.acquire_token_for_client(GRAPH_SCOPE)["error"] == "invalid_client"


PERSON_SCOPE = ["https://graph.microsoft.com/ThreatHunting.Read.All"]


def test_a_person_signs_in_on_another_device(
    trusting: TenantServer, settings: dict[str, Any]
) -> None:
    app = msal.PublicClientApplication(trusting.client_id, **settings)
    flow = app.initiate_device_flow(PERSON_SCOPE)
    assert flow["user_code"] in flow["message"]
    token = app.acquire_token_by_device_flow(flow)["access_token"]
    assert hunt(trusting, COUNT, token=token).status_code == 200
    assert [c.status for c in trusting.calls if c.text.endswith("token")] == [400, 200]

    (account,) = app.get_accounts()
    assert account["username"] == "analyst@contoso.example"
    renewed = app.acquire_token_silent(PERSON_SCOPE, account=account, force_refresh=True)
    assert hunt(trusting, COUNT, token=renewed["access_token"]).status_code == 200
    assert renewed["access_token"] != token

    again = app.acquire_token_by_device_flow(flow)
    assert again["error"] == "expired_token"


def test_a_person_signs_in_with_a_browser(trusting: TenantServer, settings: dict[str, Any]) -> None:
    class Browser(webbrowser.BaseBrowser):
        """Opens a page, and sends its form."""

        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - the base's
            pool.submit(self.visit, url)
            return True

        def visit(self, url: str) -> None:
            page = requests.get(url, timeout=60).text
            (action,) = re.findall(r'action="([^"]*)"', page)
            fields = re.findall(r'name="([^"]*)" value="([^"]*)"', page)
            form = {name: html.unescape(value) for name, value in fields}
            requests.post(html.unescape(action), data=form, timeout=60)

    app = msal.PublicClientApplication(trusting.client_id, **settings)
    with ThreadPoolExecutor(1) as pool:
        webbrowser.register("loopback", None, Browser(), preferred=True)
        found = app.acquire_token_interactive(PERSON_SCOPE, timeout=60)
    assert hunt(trusting, COUNT, token=found["access_token"]).status_code == 200
    assert found["id_token_claims"]["aud"] == trusting.client_id


@pytest.mark.parametrize("where", ["app_service", "virtual_machine"])
def test_a_machine_signs_in(
    where: str, tenant: TenantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in getattr(tenant, where).items():
        monkeypatch.setenv(name, value)
    with requests.Session() as session:
        identity = msal.ManagedIdentityClient(
            msal.SystemAssignedManagedIdentity(), http_client=session
        )
        found = identity.acquire_token_for_client(resource="https://graph.microsoft.com")
        assert hunt(tenant, COUNT, token=found["access_token"]).status_code == 200
        monkeypatch.setenv("IDENTITY_HEADER", "wrong")
        monkeypatch.setenv("IDENTITY_ENDPOINT", tenant.app_service["IDENTITY_ENDPOINT"])
        refused = identity.acquire_token_for_client(resource="https://management.azure.com")
        assert "access_token" not in refused


def test_a_service_asks_for_claims(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with TenantServer(FRAMES) as tenant:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tenant.certificate))
        app = msal.ConfidentialClientApplication(
            tenant.client_id,
            client_credential=tenant.client_secret,
            authority=tenant.login_url,
            instance_discovery=False,
            client_capabilities=["CP1"],
        )
        tenant.fail(faults.ClaimsChallenge())
        token = app.acquire_token_for_client(GRAPH_SCOPE)["access_token"]
        refused = hunt(tenant, COUNT, token=token)
        assert refused.status_code == 401
        header = refused.headers["WWW-Authenticate"]
        assert 'error="insufficient_claims"' in header
        (coded,) = re.findall(r'claims="([^"]+)"', header)
        claims = base64.b64decode(coded).decode()
        assert hunt(tenant, COUNT, token=token).status_code == 401
        assert hunt(tenant, COUNT).status_code == 401
        answer = app.acquire_token_for_client(GRAPH_SCOPE, claims_challenge=claims)
        assert hunt(tenant, COUNT, token=answer["access_token"]).status_code == 200
        assert hunt(tenant, COUNT, token=tenant.token(claims)).status_code == 200


def test_the_authority_fails_too(trusting: TenantServer, settings: dict[str, Any]) -> None:
    trusting.fail(faults.Forbidden(), faults.Failed(400), kinds=["token"])
    for error in ("unauthorized_client", "invalid_request"):
        app = application(trusting, settings, trusting.client_secret)
        assert app.acquire_token_for_client(GRAPH_SCOPE)["error"] == error
        assert app.acquire_token_for_client(GRAPH_SCOPE)["error"] == error, "msal remembers"
    trusting.fail(faults.Throttled("1"), faults.Failed(500), faults.TimedOut(), kinds=["token"])
    form = {"client_id": trusting.client_id, "grant_type": "password"}
    url = f"{trusting.login_url}/oauth2/v2.0/token"
    codes = [requests.post(url, data=form, timeout=60).status_code for _ in range(4)]
    assert codes == [429, 500, 504, 400]
    for error, asked in (
        ("unauthorized_client", {"client_id": "x", "grant_type": "client_credentials"}),
        ("invalid_grant", form | {"grant_type": "authorization_code", "code": "x"}),
        ("invalid_grant", form | {"grant_type": "refresh_token", "refresh_token": "x"}),
    ):
        assert requests.post(url, data=asked, timeout=60).json()["error"] == error
    assert requests.get(url, timeout=60).status_code == 404


def test_kustos_client_finds_the_authority(trusting: TenantServer) -> None:
    credential = ClientSecretCredential(
        trusting.tenant_id,
        trusting.client_id,
        trusting.client_secret,
        authority=trusting.login_url.removesuffix(f"/{trusting.tenant_id}"),
        disable_instance_discovery=True,
    )
    connection = KustoConnectionStringBuilder.with_azure_token_credential(
        trusting.kusto_url, credential
    )
    with KustoClient(connection) as kusto:
        assert kusto.execute(trusting.database, COUNT).primary_results[0][0][0] == MAILS
    assert trusting.calls[0].text == "/v1/rest/auth/metadata"


def test_graph_and_kusto_speak_tls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with TenantServer(FRAMES, tls=True) as tenant:
        assert tenant.graph_url.startswith("https://127.0.0.1:")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
        with pytest.raises(requests.exceptions.SSLError):
            hunt(tenant, COUNT)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tenant.certificate))
        assert found(tenant, COUNT) == [{"Count": MAILS}]
        assert rows_of(tenant, COUNT) == [[MAILS]]
        tenant.fail(faults.Reset())
        with pytest.raises(requests.ConnectionError):
            hunt(tenant, COUNT)
        assert found(tenant, COUNT) == [{"Count": MAILS}]
