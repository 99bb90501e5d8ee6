"""What is judged, and what the audit log says of it: bounds of time to the instant."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from exconn.context import ApprovedChange, Context
from exconn.coverage import Coverage
from exconn.facts import Judgement
from exconn.facts.changes import change_facts, changes_before
from exconn.facts.identity import Connectors
from exconn.facts.judgement import Turn, judged_frame
from exconn.facts.trail import Trail
from exconn.models import Actor, ActorKind, AdminChange, ConnectorChange, Email
from exconn.sources import MemorySource
from exconn.tables import EMAIL_EVENTS
from exconn.window import TICK, Window

AT = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
WINDOW = Window(AT)
ADA = Actor(id="ada", kind=ActorKind.PERSON)
BOB = Actor(id="bob", kind=ActorKind.PERSON)


def change(at: datetime, verb: str = "Set", actor: Actor = ADA) -> ConnectorChange:
    return ConnectorChange(
        timestamp=at,
        operation=f"{verb}-InboundConnector",
        parameters={"Name" if verb == "New" else "Identity": "Relay"},
        actor=actor,
    )


def of_mail(*spans: tuple[datetime, datetime]) -> Coverage:
    """A mail log with a row in each hour of some spans."""
    times = [
        start + hour * HOUR for start, end in spans for hour in range((end - start) // HOUR + 1)
    ]
    mail = Email.to_frame(Email(timestamp=time, report_id=f"{time}") for time in times)
    return MemorySource({"EmailEvents": mail}).coverage([EMAIL_EVENTS])


def judged(coverage: Coverage, *cases: tuple[Judgement, Turn]) -> list[dict[str, object]]:
    judgements, turns = [case[0] for case in cases], [case[1] for case in cases]
    return judged_frame(judgements, turns, coverage).to_dicts()


def test_a_judgement_has_its_times_and_how_much_of_them_is_known() -> None:
    first, last = WINDOW.baseline_start + 3 * DAY, WINDOW.end - 36 * HOUR
    [row] = judged(of_mail((first, last)), (Judgement("relay", WINDOW), Turn()))
    assert row == {
        "Connector": "relay",
        "At": AT,
        "AtHour": AT.replace(minute=0),
        "BaselineStart": WINDOW.baseline_start,
        "Start": WINDOW.start,
        "End": WINDOW.end,
        "OwnStart": WINDOW.baseline_start,
        "OwnDays": 27.0,
        "TenantDays": 27.0,
        "WindowDays": (last - WINDOW.start) / DAY,
        "IsNew": False,
        "Changed": None,
        "Suspected": None,
        "ChangersAt": [],
    }


def test_what_was_created_and_changed_has_a_shorter_past() -> None:
    span = (WINDOW.baseline_start - 2 * DAY, WINDOW.end + 2 * DAY)
    minute = timedelta(minutes=1)
    lately = Judgement("relay", WINDOW, created=WINDOW.start - 12 * HOUR + 20 * minute)
    turn = Turn(AT - 30 * minute, AT - 15 * minute, frozenset("ba"))
    new = Judgement("new", WINDOW, created=WINDOW.start)
    old = Judgement("old", WINDOW, created=WINDOW.baseline_start - DAY)
    nowhere = Turn(addresses=None)
    rows = judged(of_mail(span), (lately, turn), (new, nowhere), (old, Turn()))
    names = ("OwnStart", "IsNew", "Changed", "Suspected", "ChangersAt")
    assert [[row[name] for name in names] for row in rows] == [
        [WINDOW.start - 12 * HOUR, False, AT.replace(minute=0), AT.replace(minute=0), ["a", "b"]],
        [WINDOW.start, True, None, None, None],
        [WINDOW.baseline_start, False, None, None, []],
    ]
    assert [row["OwnDays"] for row in rows] == [pytest.approx(0.5 - 20 / 24 / 60), 0.0, 30.0]
    assert {row["TenantDays"] for row in rows} == {30.0}
    assert {row["WindowDays"] for row in rows} == {(WINDOW.end - WINDOW.start) / DAY}


def test_without_mail_nothing_is_known_and_after_a_hole_only_what_came_since() -> None:
    case = (Judgement("relay", WINDOW), Turn())
    days = ("OwnDays", "TenantDays", "WindowDays")

    def known(coverage: Coverage) -> list[object]:
        return [judged(coverage, case)[0][name] for name in days]

    assert known(MemorySource({}).coverage([EMAIL_EVENTS])) == [0.0, 0.0, 0.0]
    assert known(of_mail((WINDOW.start + DAY, WINDOW.start + 2 * DAY))) == [0.0, 0.0, 2.0]
    assert known(of_mail((WINDOW.start - 9 * DAY, WINDOW.start - 8 * DAY)))[2] == 0.0
    hole = (WINDOW.start - 14 * DAY, WINDOW.start - 10 * DAY)
    holed = of_mail((WINDOW.baseline_start, hole[0]), (hole[1], WINDOW.end))
    assert known(holed)[:2] == [10.0, 10.0]


# Changes


def facts(
    changes: Sequence[ConnectorChange],
    deeds: Sequence[AdminChange] = (),
    *,
    peak: datetime | None = None,
    since: datetime | None = None,
    own: frozenset[str] = frozenset(),
    context: Context | None = None,
) -> dict[str, int | None]:
    trail = Trail(changes, deeds, Connectors(changes, Context(), ()))
    given = context or Context()
    return change_facts(Judgement("relay", WINDOW), trail, given, own, peak, since)


PEAK = WINDOW.start + 4 * DAY


def test_changes_before_the_peak_are_of_the_three_days_up_to_its_end() -> None:
    start, end = PEAK - 72 * HOUR, PEAK + HOUR
    changes = [change(at) for at in (start - TICK, start, PEAK, end - TICK, end)]
    removed = change(PEAK, "Remove")
    assert changes_before([*changes, removed], PEAK) == changes[1:4]
    assert changes_before(changes, None) == []
    assert facts(changes, peak=PEAK)["changes_before_peak"] == 3
    assert facts(changes)["changes_before_peak"] == 0


def test_removals_after_mail_are_of_the_two_days_from_the_peak() -> None:
    end = PEAK + 48 * HOUR
    removed = [change(at, "Remove") for at in (PEAK - TICK, PEAK, end - TICK, end)]
    assert facts([*removed, change(PEAK)], peak=PEAK)["removals_after_mail"] == 2
    assert facts(removed)["removals_after_mail"] == 0


def test_newcomers_are_known_where_the_log_reaches_back_a_week() -> None:
    changes = [change(at) for at in (WINDOW.start - DAY, PEAK, AT)] + [change(AT, actor=BOB)]
    week_before = WINDOW.start - 7 * DAY
    assert facts(changes, since=week_before)["changes_by_newcomers"] == 1
    assert facts(changes, since=week_before + TICK)["changes_by_newcomers"] is None
    assert facts(changes)["changes_by_newcomers"] is None


def test_changes_are_approved_or_they_are_not() -> None:
    approval = ApprovedChange(start=AT, end=AT + HOUR)
    changes = [change(at) for at in (PEAK, AT, AT + HOUR / 2)]
    found = facts(changes, context=Context(approved_changes=[approval]))
    assert (found["approved_changes"], found["unapproved_changes"]) == (2, 1)


def test_deeds_are_transport_rules_of_which_some_weaken_the_filter_or_else_grants() -> None:
    def deed(operation: str, **parameters: str) -> AdminChange:
        return AdminChange(timestamp=AT, operation=operation, parameters=parameters, actor=ADA)

    deeds = [
        deed("New-TransportRule", Name="a", SetSCL="-1"),
        deed("SET-TRANSPORTRULE", Name="b", ApplyHtmlDisclaimerText="x"),
        deed("Add-RoleGroupMember"),
    ]
    found = facts([change(AT)], deeds)
    told = [found[name] for name in ("transport_rules", "header_rules", "grants")]
    assert told == [2, 1, 1]


def test_what_failed_and_what_microsoft_did_count_by_themselves() -> None:
    system = Actor(name="NT AUTHORITY", kind=ActorKind.SYSTEM)
    failed = ConnectorChange(
        timestamp=AT,
        operation="Set-InboundConnector",
        parameters={"Identity": "Relay"},
        actor=ADA,
        succeeded=False,
    )
    certificate = ConnectorChange(
        timestamp=AT,
        operation="Set-InboundConnector",
        parameters={"Identity": "Relay", "TlsSenderCertificateName": "own.example"},
        actor=ADA,
    )
    found = facts([failed, change(AT, actor=system), change(AT), certificate])
    names = ("changes", "failed_changes", "system_changes", "unapproved_changes")
    assert [found[name] for name in names] == [2, 1, 1, 2]
    assert found["own_certificates"] is None
    own = frozenset({"own.example"})
    assert facts([change(AT), certificate], own=own)["own_certificates"] == 1
