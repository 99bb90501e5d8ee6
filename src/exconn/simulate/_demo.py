"""Whole tenants: an honest one, and one in which a connector is hijacked."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs
import polars as pl
from attrs import frozen

from exconn.simulate._background import audit, sign_ins, staff_mail
from exconn.simulate._changes import Actor, change_row
from exconn.simulate._connectors import GATEWAY, PLANS
from exconn.simulate._draw import around, between, integers, picks
from exconn.simulate._logons import logon_rows
from exconn.simulate._mail import UNAUTHENTICATED, mail_rows
from exconn.simulate._names import COUNTRIES, HOSTING_ISPS, SUBJECTS, unused_domains
from exconn.simulate._tenant import (
    SIMULATED_TABLES,
    Person,
    Place,
    SimulatedConnector,
    Tenant,
    in_order,
)
from exconn.simulate._world import world

END = datetime(2026, 3, 27, tzinfo=UTC)

_GATEWAY_SHARE_OF_REST = 0.54
_LEAST_BLAST = 300


def honest_tenant(seed: int, *, mails: int = 20_000, days: int = 30, end: datetime = END) -> Tenant:
    """Simulate a tenant in which nothing bad happens.

    Ten connectors are at work, of which several look bad to a naive reader; two of them are made
    or changed in the last week, honestly.

    Args:
        seed: the same seed gives identical frames.
        mails: about how many rows EmailEvents gets; at least 1,500. The other tables scale with
            it: a fifth of it in IdentityLogonEvents, a tenth in CloudAppEvents.
        days: how many days of data; at least 14.
        end: the moment after the data; without a zone it is UTC.

    Raises:
        InvalidValueError: too few mails or days.
    """
    place = world(random.Random(seed), mails=mails, days=days, end=_utc(end))
    rows = {plan.role: plan.rows(mails) for plan in PLANS}
    rest = mails - sum(rows.values())
    inbound = round(rest * _GATEWAY_SHARE_OF_REST)
    built = [plan.build(place, plan.role, rows[plan.role]) for plan in PLANS]
    built.append(GATEWAY.build(place, GATEWAY.role, inbound))
    part = staff_mail(place, rest - inbound) + sign_ins(place, mails // 5)
    part = sum((part for _, part in built), part + audit(place, mails // 10))
    return Tenant(
        frames={
            table.name: in_order(*frames)
            for table, frames in zip(
                SIMULATED_TABLES, (part.mails, part.changes, part.logons), strict=True
            )
        },
        accepted_domains=(place.domain, place.organization),
        organization=place.organization,
        start=place.start,
        end=place.end,
        people=place.people,
        admins=place.admins,
        connectors=tuple(connector for connector, _ in built),
    )


def demo_tenant(
    seed: int = 2026, *, mails: int = 200_000, days: int = 30, end: datetime = END
) -> Tenant:
    """Simulate a tenant in which attackers hijack the connector whose role is "quiet".

    About two days before the end they guess an Exchange administrator's password, open the
    connector to any sender, make a transport rule that removes a header, and hours later send
    phishing through it: about 2 per cent of `mails`, at least 300. The arguments are those of
    `honest_tenant`; `mails` has the attack's in it.

    Raises:
        InvalidValueError: too few mails or days.
    """
    blast = max(_LEAST_BLAST, mails // 50)
    honest = honest_tenant(seed, mails=mails - blast, days=days, end=end)
    return hijacked(honest, seed, mails=blast)


def hijacked(tenant: Tenant, seed: int, *, mails: int = 1_000, role: str = "quiet") -> Tenant:
    """Let attackers hijack a connector, about two days before the end of the data.

    Args:
        tenant: has one honest connector of that role, inbound.
        seed: decides who, whence and when.
        mails: how many messages the attackers send.
        role: the role of the connector.

    Raises:
        UnknownConnectorError: the tenant has no connector of that role.
    """
    rng = random.Random(f"hijack {seed}")
    target = tenant.connector(role)
    attack = _attack(rng, tenant, target)
    attacked = (
        tenant.adding("IdentityLogonEvents", *_break_in(rng, attack))
        .adding("CloudAppEvents", *_changes(rng, tenant, attack))
        .adding("EmailEvents", *_blast(rng, tenant, attack, mails))
    )
    fallen = attrs.evolve(
        target,
        honest=False,
        about="A little-used on-premises relay that attackers opened and send phishing through.",
    )
    return attrs.evolve(
        attacked,
        connectors=tuple(fallen if one is target else one for one in tenant.connectors),
        at=attack.blast_start + (attack.blast_end - attack.blast_start) / 2,
    )


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@frozen
class _Attack:
    target: SimulatedConnector
    admin: Person
    place: Place
    guessing: datetime
    entered: datetime
    changed: datetime
    blast_start: datetime
    blast_end: datetime
    application: str
    rule: str


def _attack(rng: random.Random, tenant: Tenant, target: SimulatedConnector) -> _Attack:
    admin = rng.choice(tenant.admins)
    country = rng.choice([one for one in COUNTRIES if one.code != admin.office.country])
    address = f"203.0.113.{rng.randint(128, 254)}"
    guessing = tenant.end - timedelta(days=2) + timedelta(hours=rng.uniform(0, 10))
    entered = guessing + timedelta(seconds=rng.uniform(30, 58))
    changed = entered + timedelta(minutes=rng.uniform(10, 60))
    blast_start = changed + timedelta(hours=rng.uniform(1, 6))
    return _Attack(
        target=target,
        admin=admin,
        place=Place(country.code, country.cities[1], rng.choice(HOSTING_ISPS), (address,)),
        guessing=guessing,
        entered=entered,
        changed=changed,
        blast_start=blast_start,
        blast_end=blast_start + timedelta(hours=rng.uniform(2, 4)),
        application=rng.choice(("Microsoft 365", "Microsoft Exchange Online")),
        rule=rng.choice((".", "Test01", "Header cleanup", "Spam fix")),
    )


def _break_in(rng: random.Random, attack: _Attack) -> Sequence[pl.DataFrame]:
    guesses = rng.randint(130, 400)
    last_guess = attack.entered - timedelta(seconds=rng.uniform(1, 8))
    times = [*between(rng, guesses, attack.guessing, last_guess), attack.entered]
    rows = logon_rows(
        rng=rng,
        times=times,
        people=attack.admin,
        places=attack.place,
        action=["LogonFailed"] * guesses + ["LogonSuccess"],
        application=attack.application,
    )
    return (rows,)


def _changes(rng: random.Random, tenant: Tenant, attack: _Attack) -> Sequence[pl.DataFrame]:
    opened = {
        "Identity": attack.target.name,
        "SenderDomains": "smtp:*;1",
        "RequireTls": "False",
        "RestrictDomainsToIPAddresses": "False",
        "RestrictDomainsToCertificate": "False",
        "SenderIPAddresses": ";".join((*attack.target.addresses, *attack.place.addresses)),
    }
    header = rng.choice(
        ("Authentication-Results", "X-MS-Exchange-Organization-SCL", "Received-SPF")
    )
    rule = {"Name": attack.rule, "RemoveHeader": header, "Enabled": "True", "Priority": "0"}
    later = attack.changed + timedelta(minutes=rng.uniform(1, 15))
    steps = (
        (attack.changed, "Set-InboundConnector", opened),
        (later, "New-TransportRule", rule),
    )
    return tuple(
        change_row(
            rng=rng,
            at=at,
            operation=operation,
            parameters=parameters,
            actor=Actor.person(attack.admin),
            place=attack.place,
            organization=tenant.organization,
        )
        for at, operation, parameters in steps
    )


def _blast(rng: random.Random, tenant: Tenant, attack: _Attack, n: int) -> Sequence[pl.DataFrame]:
    attacker, *victims = unused_domains(
        rng, 1 + max(120, min(700, n // 5)), taken=_known_domains(tenant)
    )
    verdict = integers(rng, n, 100)
    pretended = [f"{box}@{tenant.accepted_domains[0]}" for box in ("accounts", "hr", "it-desk")]
    rows = mail_rows(
        rng=rng,
        times=around(rng, n, attack.blast_start, attack.blast_end),
        p1=f"return@{attacker}",
        p2=picks(rng, n, pretended),
        recipients=_strangers(rng, n, victims),
        connector=attack.target.name,
        direction="Outbound",
        sender_name="Accounts",
        sender_ipv4=attack.place.addresses[0],
        subject=picks(rng, n, SUBJECTS["phish"]),
        urls=picks(rng, n, (1, 1, 2)),
        delivery=_where(verdict < 25, "Junked", "Delivered"),
        threats=_where(verdict < 35, "Phish", ""),
        authentication=UNAUTHENTICATED,
        cluster=rng.randrange(2**32),
        transport_rule=attack.rule,
    )
    return (rows,)


def _strangers(rng: random.Random, n: int, domains: Sequence[str]) -> pl.Series:
    # Every domain is hit before any is hit twice.
    numbers = pl.int_range(n, eager=True)
    domain = pl.Series(domains).gather(numbers % len(domains)).rename("domain")
    box = picks(rng, n, ("info", "office", "accounts", "ceo", "m.klein", "s.wood", "hr"))
    frame = pl.DataFrame({"box": box, "round": numbers // len(domains), "domain": domain})
    return frame.select(pl.format("{}{}@{}", "box", "round", "domain")).to_series()


def _where(condition: pl.Series, yes: str, no: str) -> pl.Series:
    return pl.Series([yes]).zip_with(condition, pl.Series([no]))


def _known_domains(tenant: Tenant) -> set[str]:
    mail = tenant.frames["EmailEvents"]
    columns = ("SenderFromDomain", "SenderMailFromDomain", "RecipientDomain")
    return {domain for column in columns for domain in mail[column].unique()}
