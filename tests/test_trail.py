"""The audit trail: what those who changed a connector did besides."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exconn import Context, Window
from exconn.context import ApprovedChange
from exconn.facts import Judgement
from exconn.facts.identity import Connectors
from exconn.facts.logons import actors_of
from exconn.facts.trail import Trail, is_approved, latest
from exconn.models import Actor, ActorKind, AdminChange, ConnectorChange

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
WINDOW = Window(AT)
ADMIN = Actor(id="1", name="admin@contoso.example", kind=ActorKind.PERSON)
OTHER = Actor(id="2", name="other@contoso.example", kind=ActorKind.PERSON)
APP = Actor(id="app-1", name="Relay manager", kind=ActorKind.APPLICATION)


def change(at: datetime = AT, actor: Actor = ADMIN, name: str = "Relay") -> ConnectorChange:
    return ConnectorChange(
        timestamp=at,
        operation="Set-InboundConnector",
        actor=actor,
        parameters={"Identity": name, "RequireTls": "False"},
    )


def deed(at: datetime = AT, actor: Actor = ADMIN, **more: Any) -> AdminChange:
    return AdminChange(timestamp=at, operation="New-TransportRule", actor=actor, **more)


def besides(changes: list[ConnectorChange], deeds: list[AdminChange]) -> list[AdminChange]:
    trail = Trail(changes, deeds, Connectors(changes, Context(), ()))
    return trail.by_actors(Judgement("relay", WINDOW))


@pytest.mark.parametrize(
    ("at", "belongs"),
    [(DAY, True), (-DAY, True), (DAY + HOUR, False), (-DAY - HOUR, False)],
)
def test_deeds_of_the_actor_within_a_day_belong_to_a_change(
    at: timedelta,
    belongs: bool,  # noqa: FBT001 - a parameter
) -> None:
    earlier = AT - 2 * DAY
    did = deed(earlier + at)
    assert besides([change(earlier)], [did]) == [did] * belongs
    assert besides([change(earlier, OTHER)], [did]) == []
    assert besides([change(earlier, name="Another")], [did]) == []


def test_deeds_are_of_the_window_and_took_effect() -> None:
    start, end = WINDOW.start, WINDOW.end
    early, first, last, late = (deed(at) for at in (start - HOUR / 2, start, end - HOUR / 2, end))
    changes = [change(start), change(end - HOUR)]
    assert besides(changes, [early, first, last, late]) == [first, last]
    assert besides(changes, [deed(succeeded=False)]) == []
    assert besides(changes, [deed(start, succeeded=False)]) == []


@pytest.mark.parametrize(
    ("target", "parameters", "about"),
    [
        ("app-1", {}, True),
        ("x; APP-1", {}, True),
        ("", {"Id": '["app-1"]'}, True),
        ("app-11", {}, False),
        ("Relay manager", {}, False),
    ],
)
def test_what_anybody_did_to_the_application_that_changed_it(
    target: str,
    parameters: dict[str, str],
    about: bool,  # noqa: FBT001 - a parameter
) -> None:
    did = deed(WINDOW.start, OTHER, target=target, parameters=parameters)
    assert besides([change(actor=APP)], [did]) == [did] * about
    assert besides([change()], [did]) == []
    before = deed(WINDOW.start - HOUR, OTHER, target=target, parameters=parameters)
    assert besides([change(actor=APP)], [before]) == []


def test_what_nobody_did_belongs_to_no_change_of_nobody() -> None:
    for kind in (ActorKind.PERSON, ActorKind.APPLICATION):
        nobody = Actor(kind=kind)
        assert besides([change(actor=nobody)], [deed(actor=nobody), deed(actor=OTHER)]) == []


def test_what_others_did_to_a_person_who_changed_it_is_not_theirs() -> None:
    given = deed(WINDOW.start, OTHER, target=ADMIN.id)
    assert besides([change()], [given]) == []
    assert besides([change(), change(actor=APP)], [given]) == []


def test_one_approval_of_several_is_enough() -> None:
    approvals = [
        ApprovedChange(start=AT - DAY, end=AT + DAY, connector=name)
        for name in ("Other", "Relay", "Another")
    ]
    trail = Trail([change()], [], Connectors([change()], Context(), ()))
    assert is_approved(change(), trail, Context(approved_changes=approvals))
    assert not is_approved(change(), trail, Context(approved_changes=approvals[::2]))
    assert not is_approved(change(), trail, Context())


def test_the_latest_change_is_by_somebody_and_took_effect() -> None:
    system = Actor(id="s", name="NT AUTHORITY", kind=ActorKind.SYSTEM)
    told = [change(AT - HOUR), change(AT - DAY), change(AT, system)]
    assert latest(told) is told[0]
    assert latest([]) is None


def test_the_actors_are_those_who_changed_it_and_those_who_let_an_application_do_so() -> None:
    grant = deed(WINDOW.start, OTHER, target="app-1")
    by_another = deed(WINDOW.start, Actor(id="app-2", kind=ActorKind.APPLICATION), target="app-1")

    def actors(changes: list[ConnectorChange], deeds: list[AdminChange]) -> tuple[set[str], bool]:
        trail = Trail(changes, deeds, Connectors(changes, Context(), ()))
        return actors_of(Judgement("relay", WINDOW), trail)

    admin, other = ({actor.id, actor.name} for actor in (ADMIN, OTHER))
    assert actors([change()], [grant]) == (admin, True)
    assert actors([change(actor=APP)], [grant, by_another]) == (other, True)
    assert actors([change(), change(actor=APP)], [grant]) == (admin | other, True)
    assert actors([change(actor=APP)], []) == (set(), True)
    nobody = Actor(kind=ActorKind.PERSON)
    assert actors([change(), change(actor=nobody)], []) == (admin, False)


GUID = "2b3f0c8e-5d0a-4b61-9a3c-0a8f4d1c7e55"


def test_changes_of_connectors_without_a_name_may_have_been_of_the_judged_one() -> None:
    start, end = WINDOW.start, WINDOW.end
    times = (start - HOUR, start, end - HOUR, end)
    changes = [change(at, name=GUID) for at in times]
    system = change(start, Actor(id="s", kind=ActorKind.SYSTEM), GUID)
    trail = Trail([*changes, system, change()], [], Connectors(changes, Context(), ()))
    assert trail.unresolved(Judgement("relay", WINDOW)) == changes[1:3]
    assert trail.unresolved(Judgement(GUID, WINDOW)) == []


def test_who_changed_a_connector_before_is_no_newcomer() -> None:
    changes = [change(AT - HOUR), change(AT, OTHER)]
    trail = Trail(changes, [], Connectors(changes, Context(), ()))
    assert trail.was_at_it(ADMIN, AT)
    assert not trail.was_at_it(ADMIN, AT - HOUR)
    assert not trail.was_at_it(OTHER, AT)
    assert not trail.was_at_it(Actor(kind=ActorKind.PERSON), AT)


def test_only_changes_in_the_window_are_judged() -> None:
    start, end = WINDOW.start, WINDOW.end
    changes = [change(at) for at in (start - HOUR, start, end - HOUR, end)]
    trail = Trail(changes, [], Connectors(changes, Context(), ()))
    assert trail.within(Judgement("relay", WINDOW)) == changes[1:3]
    assert trail.names() == {"relay"}
