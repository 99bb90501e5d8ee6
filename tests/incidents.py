"""Tenants, causes to inject into them, and grades of them, shared by the tests of grading."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl

from exconn.context import Context
from exconn.grading import Grade, Policy, grade
from exconn.models import AdminChange, Alert, ConnectorChange, Email, Logon
from exconn.signals import SIGNALS, Signal
from exconn.simulate import (
    Actor,
    Person,
    Place,
    Tenant,
    between,
    change_row,
    hijacked,
    honest_tenant,
    logon_rows,
    mail_rows,
)
from exconn.sources import MemorySource
from exconn.tables import URL_CLICK_EVENTS, conform

SEED = 5
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
END = datetime(2026, 3, 27, tzinfo=UTC)
AT = END - timedelta(hours=40)
"""When the injected mail peaks; the default window around it ends with the data."""

MAIL, AUDIT, LOGONS = "EmailEvents", "CloudAppEvents", "IdentityLogonEvents"
CLICKS = "UrlClickEvents"
ABROAD = "203.0.113.77"


@cache
def honest(seed: int = SEED, mails: int = 2_500) -> Tenant:
    return honest_tenant(seed, mails=mails)


@cache
def attacked(seed: int = SEED, mails: int = 2_500, blast: int = 300) -> Tenant:
    return hijacked(honest(seed, mails), seed, mails=blast)


def source(
    tenant: Tenant, **replaced: pl.DataFrame | Sequence[pl.DataFrame] | None
) -> MemorySource:
    """The tenant's frames, some replaced by others, or left out where None."""
    frames: dict[str, Any] = {**tenant.frames, **replaced}
    return MemorySource({name: frame for name, frame in frames.items() if frame is not None})


def recorded(
    emails: Sequence[Email] = (), changes: Sequence[AdminChange] = (), logons: Sequence[Logon] = ()
) -> MemorySource:
    """All three tables, of records."""
    return MemorySource(
        {
            MAIL: Email.to_frame(emails),
            AUDIT: AdminChange.to_frame(changes),
            LOGONS: Logon.to_frame(logons),
        }
    )


def graded(
    tenant: Tenant,
    role: str = "quiet",
    *,
    at: datetime = AT,
    context: Context | None = None,
    policy: Policy | None = None,
    signals: Sequence[Signal] = SIGNALS,
) -> Grade:
    alert = Alert(connector=tenant.connector(role).name, timestamp=at)
    return grade(source(tenant), alert, context=context, policy=policy, signals=signals)


def rng() -> random.Random:
    return random.Random("incidents")


def states(found: Grade) -> dict[str, str]:
    return {finding.signal.id: finding.state.value for finding in found.findings}


def fired(found: Grade) -> set[str]:
    return {name for name, state in states(found).items() if state == "fired"}


def verdict(found: Grade) -> dict[str, object]:
    """What a grade says, without times, names and rows."""
    return {
        "classification": found.classification.value,
        "determination": found.determination.value,
        "margin": found.margin,
        "score": found.score,
        "confidence": found.confidence,
        "facts": dict(found.facts),
        "states": states(found),
        "answers": {a.question.id: a.answer.value for a in found.answers},
    }


def mail(
    tenant: Tenant,
    role: str = "quiet",
    n: int = 150,
    *,
    start: datetime = AT,
    span: timedelta = timedelta(minutes=50),
    **columns: Any,
) -> Tenant:
    """Add mail through a connector that is like its own but for what is given."""
    own = tenant.connector(role)
    like = tenant.frames[MAIL].filter(pl.col("Connectors") == own.name)
    draw = rng()
    rows = like[[draw.randrange(like.height) for _ in range(n)]]
    given: dict[str, Any] = {
        "times": between(draw, n, start, start + span),
        "p1": rows["SenderMailFromAddress"],
        "p2": rows["SenderFromAddress"],
        "recipients": rows["RecipientEmailAddress"],
        "connector": own.name,
        "direction": rows["EmailDirection"],
        "sender_object_id": rows["SenderObjectId"],
        "sender_ipv4": rows["SenderIPv4"],
        "sender_ipv6": rows["SenderIPv6"],
        "urls": rows["UrlCount"],
        "attachments": rows["AttachmentCount"],
        **columns,
    }
    return tenant.adding(MAIL, mail_rows(rng=draw, **given))


def clicks(
    messages: pl.DataFrame, account: str = "ada@contoso.example", *, after: timedelta = HOUR
) -> pl.DataFrame:
    """A click on a link in each of these messages, by one account."""
    rows = messages.select(
        "NetworkMessageId",
        Timestamp=pl.col("Timestamp") + after,
        Url=pl.format("https://attacker.example/{}", pl.int_range(pl.len())),
        ActionType=pl.lit("ClickAllowed"),
        AccountUpn=pl.lit(account),
        Workload=pl.lit("Email"),
        IsClickedThrough=pl.lit(value=True),
        ReportId=pl.format("click-{}", pl.int_range(pl.len())),
    )
    return conform(rows, URL_CLICK_EVENTS).select(URL_CLICK_EVENTS.names)


def change(
    tenant: Tenant,
    parameters: Mapping[str, str],
    role: str = "quiet",
    *,
    operation: str = "Set-InboundConnector",
    at: datetime = AT - 3 * HOUR,
    actor: Actor | None = None,
    place: Place | None = None,
    **more: Any,
) -> Tenant:
    """Add a change of a connector, by an administrator at the office."""
    name = tenant.connector(role).name
    target = {"Name" if operation.startswith("New") else "Identity": name}
    return deed(
        tenant, operation, target | dict(parameters), at=at, actor=actor, place=place, **more
    )


def deed(
    tenant: Tenant,
    operation: str,
    parameters: Mapping[str, str],
    *,
    at: datetime = AT - 3 * HOUR,
    actor: Actor | None = None,
    place: Place | None = None,
    blank: bool = False,
    **more: Any,
) -> Tenant:
    """Add an act of an administrator at the office; a `blank` one has no address."""
    row = change_row(
        rng=random.Random(f"{operation} {at} {sorted(parameters.items())}"),
        at=at,
        operation=operation,
        parameters=parameters,
        actor=actor or Actor.person(tenant.admins[0]),
        place=None if blank else place or tenant.admins[0].office,
        organization=tenant.organization,
        **more,
    )
    return tenant.adding(AUDIT, row)


def sign_in(
    tenant: Tenant,
    times: Sequence[datetime],
    person: Person | Sequence[Person] | None = None,
    *,
    place: Place | None = None,
    action: str | Sequence[str] = "LogonSuccess",
) -> Tenant:
    """Add sign-ins, by the first administrator."""
    who = person or tenant.admins[0]
    rows = logon_rows(rng=rng(), times=times, people=who, places=place, action=action)
    return tenant.adding(LOGONS, rows)


FAR_AWAY = Place("ZZ", "nowhere", "Elsewhere Hosting", (ABROAD,))
"""A place in a country where nobody signs in honestly."""


def nearby(tenant: Tenant, address: str = ABROAD) -> Place:
    """Another place in the tenant's own country."""
    return Place(tenant.admins[0].office.country, "somewhere", "Another ISP", (address,))


def burst(
    tenant: Tenant, success: datetime, *, place: Place | None = None, person: Person | None = None
) -> Tenant:
    """Add 130 failures in the 50 seconds before a success."""
    times = [success - timedelta(seconds=2 + 48 * i / 130) for i in range(130)]
    actions = ["LogonFailed"] * 130 + ["LogonSuccess"]
    return sign_in(tenant, [*times, success], person, place=place, action=actions)


def slow(
    tenant: Tenant,
    success: datetime,
    n: int = 12,
    *,
    place: Place | None = None,
    person: Person | None = None,
) -> Tenant:
    """Add failures, one each quarter of an hour, before a success."""
    times = [success - timedelta(minutes=15 * (i + 1)) for i in range(n)]
    actions = ["LogonFailed"] * n + ["LogonSuccess"]
    where = place or nearby(tenant)
    return sign_in(tenant, [*times, success], person, place=where, action=actions)


def strangers(n: int) -> list[str]:
    """Addresses at as many domains that nobody has heard of."""
    return [f"info@stranger-{i}.example" for i in range(n)]


def acquaintances(tenant: Tenant, n: int) -> list[str]:
    """Addresses at domains that staff mailed in the baseline."""
    mailed = tenant.frames[MAIL].filter(
        pl.col("EmailDirection") == "Outbound",
        pl.col("Connectors") == "",
        pl.col("Timestamp") < AT - 8 * DAY,
        pl.col("Timestamp") > AT - 20 * DAY,
    )
    domains = sorted(mailed["RecipientDomain"].unique())
    return [f"ceo@{domains[i % len(domains)]}" for i in range(n)]


def who_changed(tenant: Tenant, role: str) -> tuple[Person, datetime]:
    """Who last changed a connector, and when."""
    name = tenant.connector(role).name
    changes = ConnectorChange.from_frame(tenant.frames[AUDIT])
    last = [c for c in changes if c.connector == name][-1]
    person = next(p for p in tenant.people if p.object_id == last.actor.id)
    return person, last.timestamp
