"""What exconn ships, in KQL: snapshots, the parser's verdict, and the engine's rows."""

import inspect
import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import assert_accepted, assert_agrees, database, oracle
from shipped import DETECTORS, PERIOD, QUERIES

from exconn import Query, Table, conform, detectors, scan
from exconn.facts import queries
from exconn.kql import DEFENDER, DIALECTS, Dialect, compile_query
from exconn.simulate import demo_tenant
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, TABLES
from exconn.testing import frames
from incidents import clicks

SNAPSHOTS = Path(__file__).parent / "snapshots"
REWRITE = "EXCONN_REWRITE_SNAPSHOTS"

# Letters whose lower case has another length or depends on its place: exconn's limits say so.
_PLAIN = {"\u0130": "I", "\u03a3": "S", "\u00df": "s"}


in_each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=[d.name for d in DIALECTS])


def test_every_query_and_every_detector_is_here() -> None:
    made = {
        name
        for name, value in vars(queries).items()
        if inspect.isfunction(value) and value.__module__ == queries.__name__ and name[0] != "_"
    }
    assert set(QUERIES) == made
    assert set(DETECTORS) == set(detectors.__all__)


@in_each_dialect
@pytest.mark.parametrize("name", QUERIES)
def test_the_text_is_the_snapshot(name: str, dialect: Dialect) -> None:
    file = SNAPSHOTS / dialect.name / f"{name}.kql"
    text = compile_query(QUERIES[name], dialect) + "\n"
    if os.environ.get(REWRITE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_text(encoding="utf-8"), f"set {REWRITE}=1 if this is meant"


def test_no_snapshot_is_left_over() -> None:
    files = {(file.parent.name, file.stem) for file in SNAPSHOTS.rglob("*.kql")}
    assert files == {(dialect.name, name) for dialect in DIALECTS for name in QUERIES}


@in_each_dialect
@pytest.mark.parametrize("name", QUERIES)
def test_the_parser_accepts_every_query(name: str, dialect: Dialect) -> None:
    assert_accepted(QUERIES[name], dialect)


def test_the_parser_tells_which_columns_a_text_reads() -> None:
    text = (
        'let Some = EmailEvents | where Connectors != "";\n'
        "Some | join kind=leftsemi (Some | project ReportId, x = Subject) on ReportId\n"
        "| summarize N = dcountif(['NetworkMessageId'], EmailSize > 1) by bin(Timestamp, 1h)"
    )
    read = oracle().judge(text, database(DEFENDER, EMAIL_EVENTS)).references
    names = "Connectors ReportId Subject NetworkMessageId EmailSize Timestamp"
    assert read == {("EmailEvents", name) for name in names.split()}


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_the_parser_accepts_every_detector(name: str) -> None:
    table, expr = DETECTORS[name]
    for dialect in DIALECTS:
        assert_accepted(_valued(table, expr), dialect)


def test_every_query_returns_the_same_rows_on_a_tenant() -> None:
    tenant = demo_tenant(3, mails=2_000)
    clicked = {"UrlClickEvents": clicks(tenant.frames["EmailEvents"][::3])}
    whole = {
        name: conform(frame, _table(name)) for name, frame in {**tenant.frames, **clicked}.items()
    }
    people = [person.upn for person in tenant.people]
    period = type(PERIOD)(tenant.start, tenant.end)
    logons = [
        query(period, people)
        for query in (queries.logon_places, queries.logon_addresses, queries.logon_seconds)
    ]
    others = [
        queries.connector_names(period),
        queries.connector_hours(period),
        queries.sender_hours(period, threshold=1),
        queries.bulk_senders(period, threshold=0),
        queries.sending_addresses(period),
        queries.sender_domains(period),
        queries.recipient_domains(period),
        queries.external_mail(period, tenant.accepted_domains),
        queries.correspondents(period),
        queries.seen_domains(period),
        queries.tenant_domains(period),
        queries.mail_from(period, whole["EmailEvents"]["SenderIPv4"].unique()[:9], ()),
        queries.mail_from(period, (), tenant.accepted_domains),
        queries.link_clicks(period, detectors.via_connector(), period),
        queries.connector_changes(period),
        queries.new_connectors(period),
        queries.connector_volume(period, tenant.connector("gateway").name, threshold=1),
        queries.administration(period),
        queries.actor_deeds(period),
        queries.minute_bursts(period, failures=2),
        queries.address_logons(period, whole["IdentityLogonEvents"]["IPAddress"].unique()[:5]),
    ]
    assert len(logons) + len(others) == len(QUERIES) + 1  # of one, twice
    its = whole["EmailEvents"]["Connectors"].unique().sort()[1:3]
    of_some = [queries.connector_hours(period, values=values) for values in (its, ())]
    for query in (*logons, *others, *of_some):
        assert_agrees(query, whole)


@pytest.mark.parametrize(
    "table", [EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS], ids=lambda table: table.name
)
@given(data=st.data())
@settings(max_examples=5)
def test_every_detector_gives_the_same_rows(table: Table, data: st.DataObject) -> None:
    exprs = {name: expr for name, (of, expr) in DETECTORS.items() if of is table}
    roots = {root for expr in exprs.values() for root in expr.meta.root_names()}
    raw = data.draw(frames(table, columns=sorted(roots), max_size=24))
    plain = raw.with_columns(pl.col(pl.String).str.replace_many(_PLAIN))
    held = {table.name: conform(plain, table)}
    values = scan(table).select(*(expr.alias(name) for name, expr in exprs.items()))
    assert_agrees(values, held)
    flags = [expr for expr in exprs.values() if _is_flag(table, expr)]
    counted = (
        scan(table)
        .group_by()
        .agg(
            *(pl.col("Timestamp").filter(flag).len().alias(f"N{n}") for n, flag in enumerate(flags))
        )
    )
    assert_agrees(counted, held)
    chosen = data.draw(st.sampled_from(flags))
    assert_agrees(scan(table).filter(chosen).select(*sorted(roots)), held)


def _valued(table: Table, expr: pl.Expr) -> Query:
    valued = scan(table).with_columns(Found=expr).select("Found")
    return valued.filter(pl.col("Found")) if _is_flag(table, expr) else valued


def _is_flag(table: Table, expr: pl.Expr) -> bool:
    return scan(table).select(Found=expr).schema["Found"] == pl.Boolean


def _table(name: str) -> Table:
    return next(table for table in TABLES if table.name == name)
