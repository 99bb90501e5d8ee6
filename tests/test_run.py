"""Which times a hunt tries, and what records in memory are completed with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import attrs
import polars as pl
import pytest

from exconn.context import Context
from exconn.errors import InvalidValueError, NoDataError
from exconn.grading import Hunt, Policy, grade, grade_records, hunt, run
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    Alert,
    ConnectorChange,
    Email,
    InboundConnector,
)
from exconn.signals import SIGNALS, Direction, Family, Signal
from exconn.signals.question import WHO_ELSE
from exconn.sources import MemorySource
from exconn.window import Window, iso
from incidents import recorded

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
ADA = Actor(id="ada", name="ada@own.example", kind=ActorKind.PERSON)


def message(at: datetime, name: str, **columns: Any) -> Email:
    given = {"connectors": "Relay", "p1_domain": "x.example", "recipient_domain": "own.example"}
    return Email(timestamp=at, network_message_id=name, **{**given, **columns})


def change(at: datetime, **more: Any) -> ConnectorChange:
    return ConnectorChange(
        timestamp=at,
        operation="Set-InboundConnector",
        parameters={"Identity": "Relay", "SenderDomains": "*"},
        actor=ADA,
        **more,
    )


def where(fact: str, value: float | None) -> Signal:
    """A signal that fires where a fact has this value."""
    assert value is not None
    return attrs.evolve(
        SIGNALS[0],
        id=f"mine.{fact}",
        family=Family.CONTEXT,
        direction=Direction.FOR,
        question=WHO_ELSE,
        when=pl.col(fact) == value,
        sentence="It is so.",
        fires={fact: value},
        nearly={fact: value + 1},
    )


def is_tried(source: MemorySource, at: datetime, fact: str) -> bool:
    """Whether a hunt looks at the time, by what is so at no other."""
    there = grade(source, Alert(connector="Relay", timestamp=at)).facts[fact]
    found = {g.connector: g for g in hunt(source, signals=[where(fact, there)])}
    return found["Relay"].margin > 0


def test_a_hunt_tries_the_sixty_busiest_days_and_the_last_hour() -> None:
    source = recorded(
        [
            message(NOON - day * DAY, f"{day} {number}")
            for day in range(63)
            for number in range(day + 1)
        ]
    )
    assert is_tried(source, NOON, "messages")
    assert not is_tried(source, NOON - DAY, "messages")
    assert not is_tried(source, NOON - 2 * DAY, "messages")
    assert is_tried(source, NOON - 3 * DAY, "messages")


@pytest.mark.parametrize(("times", "days"), [(12, 6), (2, 5)])
def test_where_connectors_are_many_fewer_days_are_tried_but_five(
    monkeypatch: pytest.MonkeyPatch, times: int, days: int
) -> None:
    monkeypatch.setattr(run, "_TIMES_TRIED", times)
    emails = [
        message(NOON - day * DAY, f"{day} {number}")
        for day in range(9)
        for number in range(day + 1)
    ]
    source = recorded([*emails, message(NOON, "another's", connectors="Other")])
    assert is_tried(source, NOON - (9 - days) * DAY, "messages")
    assert not is_tried(source, NOON - (8 - days) * DAY, "messages")


def test_a_hunt_tries_the_busiest_hour_of_a_day_and_of_equals_takes_the_busiest() -> None:
    emails = [message(NOON - day * DAY, f"{day}") for day in range(30)]
    busiest = NOON - 5 * DAY + 3 * HOUR
    emails += [message(busiest, f"more {number}") for number in range(3)]
    for value in (3, -1):
        [found] = hunt(recorded(emails), signals=[where("peak_hour_messages", value)])
        assert found.at == busiest
        assert (found.margin > 0) is (value == 3)


def test_a_hunt_tries_the_two_hundred_latest_hours_with_changes() -> None:
    changes = [change(NOON - hours * HOUR) for hours in range(202)]
    source = recorded(changes=changes)
    assert is_tried(source, NOON - 199 * HOUR, "changes")
    assert not is_tried(source, NOON - 200 * HOUR, "changes")


def test_without_connectors_nothing_is_found() -> None:
    assert hunt(recorded([message(NOON, "1", connectors="")])) == Hunt()


@pytest.mark.parametrize(
    ("emails", "at", "told"),
    [
        (pl.DataFrame({"Timestamp": [NOON]}), None, "lacks the column Connectors from 2026"),
        (pl.DataFrame({"Timestamp": [NOON], "Connectors": [""]}), NOON + 99 * DAY, "has no rows"),
        (None, None, "EmailEvents has no rows from"),
    ],
)
def test_where_no_connector_could_have_been_seen_a_hunt_is_an_error(
    emails: pl.DataFrame | None, at: datetime | None, told: str
) -> None:
    """An empty list would read as if all were well."""
    logons = pl.DataFrame({"Timestamp": [NOON]})
    source = MemorySource(
        {"IdentityLogonEvents": logons} | ({} if emails is None else {"EmailEvents": emails})
    )
    with pytest.raises(NoDataError, match="no connector can be seen") as caught:
        hunt(source, at=at)
    assert told in str(caught.value)
    assert "CloudAppEvents has no rows" in str(caught.value)


def test_where_recipients_are_not_told_accepted_domains_are_not_doubted() -> None:
    doubt = "no inbound mail went to an accepted domain; check how these are spelt"
    context = Context(accepted_domains=("own.example",))
    mail = Email.to_frame([message(NOON, "1")]).with_columns(
        EmailDirection=pl.lit("Inbound"), RecipientEmailAddress=pl.lit("a@other.example")
    )
    for frame, is_doubted in ((mail, True), (mail.drop("RecipientEmailAddress"), False)):
        [found] = hunt(MemorySource({"EmailEvents": frame}), context=context)
        assert (doubt in found.coverage[0].notes) is is_doubted


@pytest.mark.parametrize(
    ("source", "context", "told"),
    [
        ("evidence", None, "source: expected one such as ParquetSource('evidence'), got a value"),
        (recorded(), "context.toml", "context: expected one such as read_context('context.toml')"),
    ],
)
def test_what_is_easily_given_instead_is_refused_with_advice(
    source: Any, context: Any, told: str
) -> None:
    for ask in (partial(grade, alert=Alert(connector="Relay", timestamp=NOON)), hunt):
        with pytest.raises(InvalidValueError) as caught:
            ask(source, context=context)
        assert str(caught.value).startswith(told)
    with pytest.raises(InvalidValueError, match="connector: expected a name, got None"):
        Alert(connector=cast("str", None), timestamp=NOON)


# Records


def graded(
    emails: Sequence[Email], changes: Sequence[AdminChange] = (), **more: Any
) -> dict[str, float | None]:
    alert = Alert(connector="Relay", timestamp=NOON)
    return dict(grade_records(emails, changes, [], alert, **more).facts)


@pytest.mark.parametrize("column", ["sender_ipv4", "sender_ipv6"])
def test_one_address_is_enough_to_know_where_mail_came_from(column: str) -> None:
    address = {"sender_ipv4": "192.0.2.1", "sender_ipv6": "2001:db8::1"}[column]
    some = [message(NOON, "1"), message(NOON, "2", **{column: address})]
    assert graded(some)["addresses"] == 1
    assert graded([message(NOON, "1")])["addresses"] is None


def test_domains_that_records_have_stay_and_others_are_those_of_the_addresses() -> None:
    alert = Alert(connector="Relay", timestamp=NOON)
    emails = [
        message(NOON, "1", p1_address="a@address.example"),
        message(NOON, "2", p1_address="b@c@far.example", p1_domain=""),
    ]
    found = grade_records(emails, [], [], alert).evidence
    assert {tally.value for tally in found.sender_domains} == {"x.example", "far.example"}


# What is said of the data


def test_a_baseline_is_cut_where_the_mail_log_begins_after_it() -> None:
    window = Window(NOON)
    alert = Alert(connector="Relay", timestamp=NOON)
    domains = Context(accepted_domains=["own.example"])
    for first, is_cut in ((window.baseline_start, False), (window.baseline_start + HOUR, True)):
        source = recorded([message(first, "1"), message(NOON, "2")])
        notes = grade(source, alert, context=domains).coverage[0].notes
        cut = f"the baseline is cut at the start of the data, {iso(first)}"
        assert notes == ((cut,) if is_cut else ())


def test_the_connectors_own_listing_tells_what_it_was() -> None:
    when = NOON - 20 * DAY
    listed = [
        InboundConnector(name="Other", sender_domains=("other.example",), when_changed=when),
        InboundConnector(name="RELAY", sender_domains=("own.example",), when_changed=when),
        InboundConnector(when_changed=when),
    ]
    found = grade(
        recorded([message(NOON, "1")], [change(NOON - HOUR)]),
        Alert(connector=" relay ", timestamp=NOON),
        context=Context(inbound_connectors=listed),
        signals=[where("changes", 1)],
        policy=Policy(true_positive=0.5, families=1),
    )
    [reverted] = [action for action in found.actions if action.id == "revert-connector"]
    assert reverted.command.endswith("-SenderDomains @('own.example') }")


def test_what_is_new_is_marked_where_enough_of_the_past_is_known() -> None:
    def marked(days: int) -> bool:
        past = [
            message(NOON - day * DAY, f"{day}", sender_ipv4="192.0.2.1") for day in range(1, days)
        ]
        new = message(NOON, "new", sender_ipv4="203.0.113.7", p1_domain="evil.example")
        found = grade(recorded([*past, new]), Alert(connector="Relay", timestamp=NOON))
        [review] = [action for action in found.actions if action.id == "review-mail"]
        return "'203.0.113.7'" in review.command and "'evil.example'" in review.command

    assert marked(days=25)
    assert not marked(days=10)
