"""The evidence behind a grade, and its timeline, of few records with all that is expected."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exconn.context import Context
from exconn.facts import assess, survey
from exconn.grading import Evidence, Grade, Tally, Total, grade_records
from exconn.grading.evidence import HourOfMail, Sender
from exconn.grading.gathering import evidence, logon_rows
from exconn.grading.timeline import timeline
from exconn.kql.cuts import bounds, cut_of
from exconn.models import Actor, ActorKind, AdminChange, Alert, ConnectorChange, Email, Logon
from exconn.sources import MemorySource, _stretches
from exconn.window import EVER, Window

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAY = 24 * HOUR
WINDOW = Window(AT)
ADMIN = Actor(id="admin-1", name="ada@own.example", kind=ActorKind.PERSON)
OTHER = Actor(id="admin-2", kind=ActorKind.PERSON)
DOMAINS = {
    "p1_address": "p1_domain",
    "p2_address": "p2_domain",
    "recipient_address": "recipient_domain",
}


def message(at: datetime, name: str, **columns: Any) -> Email:
    given: dict[str, Any] = {
        "connectors": "Relay",
        "p1_address": "p1@sender.example",
        "p2_address": "p2@sender.example",
        "recipient_address": "bob@own.example",
        "sender_ipv4": "192.0.2.1",
        "direction": "Inbound",
        **columns,
    }
    for address, domain in DOMAINS.items():
        given[domain] = given[address].rpartition("@")[2]
    return Email(timestamp=at, network_message_id=name, **given)


def change(at: datetime, name: str = "Relay", actor: Actor = ADMIN, **more: Any) -> ConnectorChange:
    parameters = {"Identity": name, "Comment": "x"}
    return ConnectorChange(
        timestamp=at,
        operation="Set-InboundConnector",
        parameters=parameters,
        actor=actor,
        **more,
    )


def logon(at: datetime, action: str = "LogonSuccess", actor: Actor = ADMIN, **more: Any) -> Logon:
    upn = actor.name
    return Logon(timestamp=at, action=action, account_object_id=actor.id, account_upn=upn, **more)


def graded(
    mail: Sequence[Email] = (),
    changes: Sequence[AdminChange] = (),
    logons: Sequence[Logon] = (),
) -> Grade:
    return grade_records(mail, changes, logons, Alert(connector="Relay", timestamp=AT))


def surveyed(mail: Sequence[Email]) -> Evidence:
    """The evidence where all mail is at hand, as in a hunt, and not that of the window alone."""
    found = survey(MemorySource({"EmailEvents": Email.to_frame(mail)}), None, Context())
    return evidence(found, found.judgement("relay", WINDOW), None)


LAST = WINDOW.end - MINUTE


def test_hours_are_those_of_baseline_and_window_in_their_order() -> None:
    early, start, end = WINDOW.baseline_start, WINDOW.start, WINDOW.end
    evil = {"p1_address": "x@evil.example", "delivery_action": "Junked", "direction": "Outbound"}
    mail = [
        message(early - MINUTE, "too early"),
        message(early, "1"),
        message(start - MINUTE, "2"),
        message(AT + MINUTE, "4", **evil),
        message(AT, "3"),
        message(AT, "3", recipient_address="eve@own.example"),
        message(LAST, "5"),
        message(end, "too late"),
        message(AT, "another's", connectors="Other"),
    ]
    assert graded(mail).evidence.hours == surveyed(mail).hours
    assert surveyed(mail).hours == (
        HourOfMail(early, 1, 0, 0, 0, early, early),
        HourOfMail(start - HOUR, 1, 0, 0, 0, start - MINUTE, start - MINUTE),
        HourOfMail(AT, 2, 1, 1, 1, AT, AT + MINUTE),
        HourOfMail(LAST.replace(minute=0), 1, 0, 0, 0, LAST, LAST),
    )


def test_what_is_listed_is_of_the_window_the_most_frequent_first() -> None:
    def many(n: int, at: datetime, prefix: str, **columns: Any) -> list[Email]:
        return [message(at, f"{prefix}{number}", **columns) for number in range(n)]

    second = {"p1_address": "A@b.example", "p2_address": "B@b.example", "sender_object_id": "ID"}
    mail = [
        *many(3, WINDOW.start, "a"),
        *many(2, LAST, "b", **second, sender_ipv4="192.0.2.2"),
        *many(2, AT, "c", p1_address="a@c.example", sender_ipv4="", sender_ipv6="2001:DB8::1"),
        *many(2, AT, "A", recipient_address="bob@far.example"),
        *many(1, AT, "C", p1_address="a@c.example", sender_ipv4="", sender_ipv6="2001:DB8::1"),
        *many(9, WINDOW.start - MINUTE, "before", p1_address="x@before.example"),
        *many(9, WINDOW.end, "after", p1_address="x@after.example"),
    ]
    found = graded(mail).evidence
    p2 = "p2@sender.example"
    assert found.senders == (
        Sender(p2, "p1@sender.example", "", 5),
        Sender("b@b.example", "a@b.example", "id", 2),
        Sender(p2, "a@c.example", "", 2),
    )
    assert found.addresses == (
        Tally("192.0.2.1", 5),
        Tally("192.0.2.2", 2),
        Tally("2001:db8::1", 2),
    )
    assert found.sender_domains == (
        Tally("sender.example", 5),
        Tally("b.example", 2),
        Tally("c.example", 2),
    )
    assert found.recipient_domains == (Tally("own.example", 7), Tally("far.example", 2))
    assert found.all_addresses == found.all_sender_domains == Total(3, 9, 0)
    assert found.all_recipient_domains == Total(2, 9, 0)
    for name in ("addresses", "sender_domains", "recipient_domains"):
        for part in (name, f"all_{name}"):
            assert getattr(surveyed(mail), part) == getattr(found, part)
    assert found.message_ids == ("a0", "a1", "a2", "c0", "c1", "b0", "b1")


def test_of_senders_with_as_many_messages_the_names_decide() -> None:
    senders = [("a@x", "a@x", ""), ("a@x", "a@x", "1"), ("a@x", "b@x", ""), ("b@x", "a@x", "")]
    mail = [
        message(AT, f"{at}", p2_address=p2, p1_address=p1, sender_object_id=known)
        for at, (p2, p1, known) in enumerate(reversed(senders))
    ]
    assert graded(mail).evidence.senders == tuple(Sender(*names, 1) for names in senders)


def test_lists_end_with_the_twentieth() -> None:
    mail = [
        message(AT + number * MINUTE, f"{kind}-{number}", **{column: f"{kind}@{kind}.example"})
        for kind in range(25)
        for column in ("p1_address", "p2_address")
        for number in range(kind + 1)
    ]
    found = graded(mail).evidence
    assert found.sender_domains[0] == Tally("sender.example", 325)
    assert found.sender_domains[1:] == tuple(
        Tally(f"{kind}.example", kind + 1) for kind in range(24, 5, -1)
    )
    assert len(found.senders) == 20
    assert len(found.sample) == 20


def test_the_sample_is_of_the_busiest_hour_its_first_messages() -> None:
    mail = [
        message(AT - MINUTE, "before"),
        *(message(AT + at * MINUTE, f"{9 - at}") for at in (2, 0, 1)),
        message(AT + HOUR, "after"),
    ]
    sample = graded(mail).evidence.sample
    assert [(one.timestamp - AT, one.network_message_id) for one in sample] == [
        (0 * MINUTE, "9"),
        (1 * MINUTE, "8"),
        (2 * MINUTE, "7"),
    ]
    busy = [message(AT + at * MINUTE, f"{59 - at}") for at in range(59)]
    first = graded(busy).evidence.sample
    assert [one.network_message_id for one in first] == [f"{59 - at}" for at in range(20)]


def test_who_else_sent_in_bulk_counts_with_the_busiest_hour_of_the_window() -> None:
    def blast(at: datetime, n: int, connector: str, sender: str) -> list[Email]:
        given = {"connectors": connector, "p2_address": sender, "direction": "Outbound"}
        given["recipient_address"] = "eve@far.example"
        return [message(at, f"{connector}-{at}-{number}", **given) for number in range(n)]

    mail = [
        *blast(WINDOW.start, 103, "Other", "ann@own.example"),
        *blast(LAST, 102, "", "ann@own.example"),
        *blast(AT, 104, "Other", "bob@own.example"),
        *blast(AT, 105, "Relay", "own@own.example"),
        *blast(WINDOW.start - HOUR, 106, "", "early@own.example"),
        *blast(WINDOW.end, 107, "", "late@own.example"),
    ]
    assert graded(mail).evidence.other_bulk_senders == surveyed(mail).other_bulk_senders
    assert surveyed(mail).other_bulk_senders == (
        Tally("bob@own.example", 104),
        Tally("ann@own.example", 103),
    )


def test_other_connectors_are_those_that_were_changed_in_the_window() -> None:
    changes = [
        change(AT),
        change(LAST, "Zeta"),
        change(WINDOW.start, "Alpha"),
        change(WINDOW.start - MINUTE, "Early"),
        change(WINDOW.end, "Late"),
        change(AT, "Failed", succeeded=False),
    ]
    assert graded([message(AT, "1")], changes).evidence.other_connectors == ("Alpha", "Zeta")


# Sign-ins


def shown(changes: Sequence[ConnectorChange], logons: Sequence[Logon]) -> list[datetime]:
    return [one.timestamp for one in graded([], changes, logons).evidence.logons]


def test_sign_ins_are_of_the_window_or_of_the_day_before_some_change() -> None:
    changes = [change(WINDOW.start + HOUR), change(AT)]
    wanted = [WINDOW.start - 23 * HOUR, WINDOW.start, AT + HOUR, LAST]
    unwanted = [WINDOW.start - 23 * HOUR - MINUTE, WINDOW.end]
    logons = [logon(at, report_id=f"{at}") for at in reversed([*wanted, *unwanted])]
    logons += [logon(AT, actor=OTHER), logon(AT, "LogonAttempted")]
    assert shown(changes, logons) == wanted


@pytest.mark.parametrize("at_once", [250_000, 20])
@pytest.mark.parametrize("action", ["LogonSuccess", "LogonFailed"])
def test_of_many_sign_ins_those_that_led_to_a_change_are_kept(
    action: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", at_once)
    first, second = WINDOW.start + 2 * DAY, WINDOW.start + 6 * DAY
    led_to = [first - DAY, first, second - DAY, second]
    between = [first + DAY + at * MINUTE for at in range(60)]
    after = [second + MINUTE + at * MINUTE for at in range(60)]
    logons = [logon(at, action) for at in (*led_to, *between, *after)]
    kept = shown([change(first), change(second)], logons)
    assert kept == sorted([*led_to, *after[-46:]])


def test_sign_ins_are_asked_for_one_stretch_of_time_after_the_other() -> None:
    """An account may have millions; of each stretch only the latest are held."""
    changes = AdminChange.to_frame([change(WINDOW.start + HOUR), change(AT)])
    found = survey(MemorySource({"CloudAppEvents": changes}), None, Context())
    for query in logon_rows(found, found.judgement("relay", WINDOW)):
        cut = cut_of(query)
        assert cut is not None
        assert cut.bin < MINUTE
        asked = bounds(query, EVER)
        assert (asked.start, asked.end) == (WINDOW.start - 23 * HOUR, WINDOW.end)


def test_sign_ins_of_equal_time_stand_in_the_order_of_their_reports() -> None:
    logons = [logon(AT, report_id=report) for report in "bca"]
    found = graded([], [change(AT)], logons).evidence.logons
    assert [one.report_id for one in found] == ["a", "b", "c"]


# The timeline


def told(found: Grade) -> list[tuple[datetime, str, str, str]]:
    return [(event.time, event.kind, event.summary, event.ref) for event in found.timeline]


def test_a_timeline_tells_what_was_changed_by_whom_from_where() -> None:
    rule = AdminChange(
        timestamp=WINDOW.start + HOUR,
        operation="New-TransportRule",
        parameters={"Name": "Fix", "SetSCL": "-1"},
        actor=ADMIN,
        report_id="report-3",
    )
    by_id = Actor(id="admin-3", kind=ActorKind.PERSON)
    changes = [
        change(WINDOW.start, address="192.0.2.9", country="DE", audit_id="audit-1", report_id="r"),
        change(AT - 2 * HOUR, actor=by_id, report_id="report-2", succeeded=True),
        change(AT - HOUR, country="AT", succeeded=False, audit_id="audit-2"),
        ConnectorChange(
            timestamp=AT,
            operation="Remove-InboundConnector",
            actor=Actor(kind=ActorKind.PERSON),
            target="Relay",
        ),
    ]
    by_ada = "by ada@own.example"
    passed = "Identity=Relay, Comment=x"
    assert told(graded([], [*changes, rule])) == [
        (
            WINDOW.start,
            "change",
            f"Set-InboundConnector {by_ada} from 192.0.2.9 (DE): {passed}",
            "audit-1",
        ),
        (
            WINDOW.start + HOUR,
            "deed",
            f"New-TransportRule {by_ada}: Name=Fix, SetSCL=-1",
            "report-3",
        ),
        (AT - 2 * HOUR, "change", f"Set-InboundConnector by admin-3: {passed}", "report-2"),
        (
            AT - HOUR,
            "attempt",
            f"Set-InboundConnector FAILED {by_ada} (AT): {passed}",
            "audit-2",
        ),
        (AT, "alert", "the time that is judged", ""),
        (AT, "change", "Remove-InboundConnector by somebody unnamed", ""),
    ]


def test_a_timeline_has_the_first_the_busiest_and_the_last_mail_of_the_window() -> None:
    half_past = AT + MINUTE * 30
    mail = [
        message(WINDOW.start - MINUTE, "before"),
        message(WINDOW.start + MINUTE, "a"),
        message(WINDOW.start + 2 * MINUTE, "b"),
        *(message(half_past, f"busy {number}") for number in range(1_200)),
        message(AT + 2 * HOUR, "c"),
    ]
    assert told(graded(mail)) == [
        (WINDOW.start + MINUTE, "mail", "first mail in the window: 2 messages that hour", ""),
        (AT, "alert", "the time that is judged", ""),
        (half_past, "mail", "busiest hour, 12:00 to 13:00: 1,200 messages that hour", ""),
        (AT + 2 * HOUR, "mail", "last mail in the window", ""),
    ]
    two = [event[:3] for event in told(graded(mail[1:3]))]
    assert two[1:] == [
        (WINDOW.start + 2 * MINUTE, "mail", "last mail in the window"),
        (AT, "alert", "the time that is judged"),
    ]
    assert [event[2] for event in told(graded([message(WINDOW.start, "1")]))] == [
        "first mail in the window; busiest hour, 12:00 to 13:00: 1 message that hour",
        "the time that is judged",
    ]


def test_a_timeline_has_the_suspicious_sign_ins_of_the_window() -> None:
    def after_failures(when: datetime, actor: Actor = ADMIN, country: str = "DE") -> list[Logon]:
        place = {"address": "203.0.113.7", "location": country}
        failures = [when - at * MINUTE for at in range(1, 13)]
        success = logon(when, actor=actor, **place)
        return [success, *(logon(at, "LogonFailed", actor, **place) for at in failures)]

    usual = [
        logon(WINDOW.start - at * DAY, location="DE", address="192.0.2.1") for at in range(2, 9)
    ]
    at = AT - 3 * HOUR
    logons = [
        *usual,
        *after_failures(WINDOW.start - HOUR),
        *after_failures(WINDOW.start),
        *after_failures(at + timedelta(microseconds=250_000), country="ZZ"),
        *after_failures(at - DAY, OTHER),
        *after_failures(WINDOW.end),
    ]
    changes = [change(at + HOUR), change(at + 2 * HOUR, actor=OTHER)]
    tables = {"CloudAppEvents": AdminChange.to_frame(changes)}
    tables["IdentityLogonEvents"] = Logon.to_frame(logons)
    found = survey(MemorySource(tables), None, Context())
    judgement, later = (found.judgement("relay", Window(when)) for when in (AT, AT + 5 * DAY))
    known = assess(found, [judgement, later]).logons
    gathered = evidence(found, judgement, None)
    every = timeline(judgement, known, gathered, None)
    assert every == graded([], changes, logons).timeline
    events = [(event.time, event.kind, event.summary) for event in every if event.kind == "logon"]
    ada = "ada@own.example signed in after many failures"
    assert events == [
        (WINDOW.start, "logon", ada),
        (at - DAY, "logon", "admin-2 signed in after many failures"),
        (at, "logon", f"{ada}; from ZZ, unusual for the account"),
    ]
