"""The first round: what connectors are called and when they were made; and the second."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from exconn.context import Context
from exconn.coverage import TableState
from exconn.errors import InvalidValueError
from exconn.facts import Survey, assess, survey, survey_of, who_is_who
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    ConnectorChange,
    Email,
    InboundConnector,
    Logon,
)
from exconn.sources import MemorySource
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS
from exconn.window import TICK, Window
from incidents import attacked, recorded, source

AT = datetime(2026, 3, 20, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = 24 * HOUR
WINDOW = Window(AT)
ADA = Actor(id="ada", name="ada@own.example", kind=ActorKind.PERSON)


def mail(at: datetime, connectors: str = "Relay", n: int = 1, **columns: Any) -> list[Email]:
    return [
        Email(timestamp=at, network_message_id=f"{at} {number}", connectors=connectors, **columns)
        for number in range(n)
    ]


def change(at: datetime, verb: str = "Set", name: str = "Relay", **more: Any) -> ConnectorChange:
    return ConnectorChange(
        timestamp=at,
        operation=f"{verb}-InboundConnector",
        parameters={"Name" if verb == "New" else "Identity": name},
        actor=ADA,
        **more,
    )


def surveyed(
    emails: Sequence[Email] = (),
    changes: Sequence[AdminChange] = (),
    logons: Sequence[Logon] = (),
    *,
    context: Context | None = None,
    connector: str | None = None,
) -> Survey:
    tables, told = recorded(emails, changes, logons), context or Context()
    if connector is None:
        return survey(tables, None, told)
    return survey_of(who_is_who(tables, None, told, connector), connector)


# Names


@pytest.mark.parametrize("stray", [" Relay", "Relay\t", ";Relay", "Relay,"])
def test_a_connector_is_not_called_by_what_stands_around_its_name(stray: str) -> None:
    found = surveyed([*mail(AT, "Relay", 2), *mail(AT, stray, 2)])
    assert found.display("relay") == "Relay"
    assert surveyed(mail(AT, stray, 1), connector="Relay").display("relay") == "Relay"


def test_a_connector_is_called_as_in_most_of_its_own_mail() -> None:
    found = surveyed([*mail(AT, "Relay", 2), *mail(AT, "RELAY", 3), *mail(AT, "ReLay;Other", 9)])
    assert found.display("relay") == "RELAY"
    assert found.values("relay") == ["RELAY", "ReLay;Other", "Relay"]
    assert found.values("other") == ["ReLay;Other"]
    assert found.connectors == ["other", "relay"]
    level = surveyed([*mail(AT, "Relay", 2), *mail(AT, "RELAY", 2), *mail(AT, "relay", 1)])
    assert level.display("relay") == "RELAY"


def test_a_connector_without_mail_is_called_as_it_was_asked_for_or_audited() -> None:
    found = surveyed(mail(AT, "Other"), [change(AT, name="GateWay")], connector="ReLay")
    assert found.display("relay") == "ReLay"
    assert found.display("gateway") == "GateWay"
    assert found.display("nobody's") == "nobody's"
    assert found.connectors == ["gateway", "other"]


def test_names_are_those_of_the_days_of_the_window_and_its_baseline() -> None:
    first, last = WINDOW.baseline_start, WINDOW.end - DAY
    times = {"Relay": first - DAY, "rELAY": first, "RELAY": last, "relay": WINDOW.end}
    found = surveyed([message for name, at in times.items() for message in mail(at, name)])
    assert found.values("relay", WINDOW) == ["RELAY", "rELAY"]
    assert found.values("relay") == sorted(times)


# When it was made


def test_a_connector_was_made_when_it_last_was_before_the_windows_end() -> None:
    start, end = WINDOW.baseline_start, WINDOW.end

    def created(*times: datetime, listed: datetime | None = None) -> datetime | None:
        own = InboundConnector(name="RELAY", when_created=listed)
        other = InboundConnector(name="Other", when_created=AT)
        nameless = InboundConnector(when_created=AT)
        context = Context(inbound_connectors=[own, other, nameless])
        changes = [change(at, "New") for at in times] + [change(AT), change(AT, "New", "Other")]
        found = surveyed([], changes, context=context)
        return found.judgement("relay", WINDOW).created

    assert created() is None
    assert created(start, start + DAY) == start + DAY
    assert created(start) == start
    assert created(start - TICK, end) is None
    assert created(end - TICK) == end - TICK
    assert created(start, listed=AT - DAY) == AT - DAY
    assert created(AT, listed=AT - DAY) == AT


# How the audit log stands


def test_an_audit_log_tells_nothing_without_exchange_administration_in_the_window() -> None:
    span = range(int((WINDOW.end - WINDOW.baseline_start) / HOUR))
    changes = [change(WINDOW.baseline_start + at * HOUR, name=f"{at}") for at in span]
    found = surveyed(mail(AT), changes)
    whole = found.standing(CLOUD_APP_EVENTS, WINDOW)
    assert (whole.state, whole.covers_time, whole.reasons) == (TableState.PRESENT, True, ())
    days = {
        WINDOW.start - DAY: False,
        WINDOW.start: True,
        WINDOW.end - DAY: True,
        WINDOW.end: False,
    }
    for day, is_there in days.items():
        some = attrs.evolve(found, administered=frozenset({day, WINDOW.end + 9 * DAY}))
        standing = some.standing(CLOUD_APP_EVENTS, WINDOW)
        assert (standing == whole) is is_there
    broken = attrs.evolve(found, administered=frozenset[datetime]())
    standing = broken.standing(CLOUD_APP_EVENTS, WINDOW)
    assert (standing.state, standing.covers_time) == (TableState.PARTIAL, False)
    assert standing.reasons == ("no Exchange administration is recorded in the window",)
    later = Window(AT + 60 * DAY)
    assert broken.standing(CLOUD_APP_EVENTS, later).state is TableState.EMPTY
    plain = found.coverage.standing(EMAIL_EVENTS, WINDOW, frozenset())
    assert broken.standing(EMAIL_EVENTS, WINDOW).state is plain.state
    without = survey(MemorySource({"EmailEvents": Email.to_frame(mail(AT))}), None, Context())
    missing = without.standing(CLOUD_APP_EVENTS, WINDOW)
    assert missing.state is TableState.MISSING
    assert not any("administration" in reason for reason in missing.reasons)


def test_the_first_and_the_last_record_are_looked_at() -> None:
    found = surveyed([], [change(AT - DAY, name="First"), change(AT, name="Last")])
    assert found.connectors == ["first", "last"]


# The second round


def senders_with_failures(
    found: int, times: Sequence[datetime] = (AT,), counts: Sequence[int] = ()
) -> tuple[list[Email], list[Logon]]:
    """Accounts that sent in bulk, and failed ten times before they signed in."""
    emails, logons = [], []
    for number in range(found):
        account = f"id-{number:02}"
        n = counts[number] if counts else 100
        for time in times:
            emails += [
                Email(
                    timestamp=time,
                    network_message_id=f"{account} {time} {message}",
                    connectors="Relay",
                    sender_object_id=account,
                    p2_address=f"{account}@own.example",
                )
                for message in range(n)
            ]
        place: dict[str, Any] = {"account_object_id": account, "address": "203.0.113.7"}
        logons += [
            Logon(timestamp=AT - (at + 1) * MINUTE, action="LogonFailed", **place)
            for at in range(10)
        ]
        logons.append(Logon(timestamp=AT, action="LogonSuccess", **place))
    return emails, logons


def sequences(emails: Sequence[Email], logons: Sequence[Logon]) -> float:
    found = surveyed(emails, [], logons)
    facts = assess(found, [found.judgement("relay", WINDOW)]).facts
    return float(facts["sender_slow_sequences"].item())


def test_of_accounts_that_sent_in_bulk_the_fifty_busiest_are_looked_at() -> None:
    counts = [100, 101, *[102] * 50]
    emails, logons = senders_with_failures(52, counts=counts)
    assert sequences(emails, logons) == 50
    least = [logon for logon in logons if logon.account_object_id in ("id-00", "id-01")]
    assert sequences(emails, least) == 0
    level, logons = senders_with_failures(52)
    last = [logon for logon in logons if logon.account_object_id in ("id-50", "id-51")]
    assert sequences(level, last) == 0


def test_accounts_that_sent_in_bulk_did_so_in_the_window() -> None:
    times = {
        WINDOW.start - HOUR: 0,
        WINDOW.start: 1,
        WINDOW.end - HOUR: 1,
        WINDOW.end: 0,
    }
    for time, looked_at in times.items():
        emails, logons = senders_with_failures(1, [time])
        assert sequences([*emails, *mail(AT)], logons) == looked_at


def test_changes_are_told_by_what_they_open_and_by_the_sign_ins_before_them() -> None:
    ours, theirs, office = "203.0.113.7", "198.51.100.5", "192.0.2.1"
    opened = {"Identity": "Relay", "SenderDomains": "*"}
    by_ada: dict[str, Any] = {"account_object_id": ADA.id, "account_upn": ADA.name}
    minutes = {-360: {"Identity": "Relay", "Comment": "x"}, -240: opened, -120: opened, 30: opened}
    changes = [change(AT - 20 * DAY, name="Other")] + [
        attrs.evolve(change(AT + at * MINUTE), parameters=passed, address=theirs)
        for at, passed in minutes.items()
    ]
    emails = [
        message for day in range(1, 25) for message in mail(AT - day * DAY, sender_ipv4=office)
    ]
    for hours, n in ((5, 3), (3, 4), (1, 5)):
        emails += mail(AT - hours * HOUR, n=n, sender_ipv4=ours)
    logons = [
        Logon(
            timestamp=AT - day * DAY, action="LogonSuccess", location="DE", address=office, **by_ada
        )
        for day in range(9, 16)
    ]
    success = AT - 150 * MINUTE
    logons += [
        Logon(timestamp=success - at * MINUTE, action="LogonFailed", address=ours, **by_ada)
        for at in range(1, 11)
    ]
    logons.append(Logon(timestamp=success, action="LogonSuccess", address=ours, **by_ada))
    logons += [
        Logon(timestamp=AT - DAY, action="LogonFailed", address=theirs, account_upn=f"{name}@x")
        for name in "ab"
    ]

    def told(changed: Sequence[AdminChange], signed_in: Sequence[Logon]) -> dict[str, float | None]:
        found = surveyed(emails, changed, signed_in)
        facts = assess(found, [found.judgement("relay", WINDOW)]).facts
        return dict(facts.row(0, named=True))

    facts = told(changes, logons)
    expected = {
        "changes": 4,
        "routine_changes": 1,
        "changes_by_newcomers": 0,
        "actor_slow_sequences": 1,
        "sprayed_accounts": 2,
        "changes_after_suspicious_logon": 2,
        "chained_changes": 1,
        "fresh_since_suspicious": 5,
        "peak_since_change": 5,
        "peak_before_change": 3,
        "changer_address_share": 12 / 19,
    }
    assert {name: facts.get(name) for name in expected} == expected
    found = surveyed(emails, changes, logons)
    far = [found.judgement("relay", Window(when)) for when in (AT, AT + 60 * DAY)]
    assert assess(found, far).facts.row(0, named=True) == facts
    nowhere = [attrs.evolve(one, address="") for one in changes]
    assert told(nowhere, logons)["changer_address_share"] == 12 / 19
    assert told(nowhere, [])["changer_address_share"] is None
    routine = told([*changes[:2]], [])
    assert routine["changer_address_share"] == 0
    nobody = attrs.evolve(changes[1], actor=Actor(kind=ActorKind.PERSON))
    assert told([*changes, nobody], logons)["actor_slow_sequences"] is None


def test_a_fact_is_not_known_where_a_piece_of_its_time_lacks_a_column() -> None:
    later = AT + 60 * DAY
    lacking = Email.to_frame(mail(AT)).drop("SenderIPv4", "SenderIPv6")
    pieces = [Email.to_frame(mail(later, sender_ipv4="192.0.2.1")), lacking]
    found = survey(MemorySource({"EmailEvents": pieces}), None, Context())
    judgements = [found.judgement("relay", Window(when)) for when in (AT, later)]
    facts = assess(found, judgements).facts
    assert facts["addresses"].to_list() == [None, 1]
    assert facts["messages"].to_list() == [1, 1]


def test_judgements_that_are_made_at_once_are_those_that_are_made_alone() -> None:
    tenant = attacked()
    at = tenant.at or tenant.end
    found = survey(source(tenant), None, Context())
    judgements = [
        found.judgement(connector, Window(when))
        for connector in (tenant.connector(role).name.lower() for role in ("quiet", "relay"))
        for when in (at - 20 * DAY, at, at - 2 * DAY)
    ]
    together = assess(found, judgements).facts
    alone = [assess(found, [judgement]).facts for judgement in judgements]
    assert_frame_equal(together, pl.concat(alone))


def test_a_connector_is_judged_once_at_a_time() -> None:
    found = surveyed(mail(AT))
    once = found.judgement("relay", WINDOW)
    with pytest.raises(InvalidValueError, match="each connector once at a time"):
        assess(found, [once, attrs.evolve(once, created=AT)])
