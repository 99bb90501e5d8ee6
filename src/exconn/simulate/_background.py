"""What goes on in every tenant: staff mail, sign-ins, upkeep, and some harmless trouble."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from exconn.simulate._changes import file_rows, service_rows
from exconn.simulate._draw import MACHINES, OFFICE, Curve, between, indices, integers, picks
from exconn.simulate._logons import logon_rows
from exconn.simulate._mail import mail_rows
from exconn.simulate._names import COUNTRIES, HOSTING_ISPS, HOTEL_ISPS
from exconn.simulate._tenant import Person, Place
from exconn.simulate._world import Part, World

_RECIPIENTS_OF_ROUND_MAILS = 4


def staff_mail(world: World, n: int) -> Part:
    """Mail without a connector: inside, to the outside, and Microsoft's own notices."""
    inside, outside = n * 48 // 100, n * 44 // 100
    mails = (
        _internal(world, inside - inside // 10),
        _round_mails(world, inside // 10 // _RECIPIENTS_OF_ROUND_MAILS),
        _outbound(world, outside),
        _notices(world, n - inside - outside),
    )
    return Part(mails=mails)


def _senders(world: World, n: int) -> pl.DataFrame:
    return world.staff[indices(world.rng, n, world.activity)]


def _internal(world: World, n: int) -> pl.DataFrame:
    return _sent(world, world.times(n, OFFICE), world.colleagues(n), "Intra-org")


def _round_mails(world: World, n: int) -> pl.DataFrame:
    upns = world.staff["upn"].to_list()
    groups = [world.rng.sample(upns, _RECIPIENTS_OF_ROUND_MAILS) for _ in range(n)]
    return _sent(world, world.times(n, OFFICE), groups, "Intra-org")


def _outbound(world: World, n: int) -> pl.DataFrame:
    known = world.contacts[: min(n, len(world.customers))]
    rest = n - len(known)
    inquirers = [f"info@{domain}" for domain in world.correspondents]
    pool = [*world.contacts, *inquirers]
    weights = [1.0] * len(world.contacts) + [0.3 / (1 + i / 40) for i in range(len(inquirers))]
    recipients = pl.concat(
        [pl.Series(known, dtype=pl.String), picks(world.rng, rest, pool, weights)]
    )
    return _sent(world, world.times(n, OFFICE), recipients, "Outbound")


def _sent(
    world: World,
    times: pl.Series,
    recipients: pl.Series | Sequence[Sequence[str]],
    direction: str,
) -> pl.DataFrame:
    n = len(times)
    senders = _senders(world, n)
    return mail_rows(
        rng=world.rng,
        times=times,
        p1=senders["upn"],
        sender_object_id=senders["object_id"],
        sender_name=senders["name"],
        sender_ipv6=senders["address"],
        recipients=recipients,
        directory=world.directory,
        direction=direction,
        urls=picks(world.rng, n, (0, 0, 0, 1, 2)),
        attachments=picks(world.rng, n, (0, 0, 0, 1)),
    )


def _notices(world: World, n: int) -> pl.DataFrame:
    return mail_rows(
        rng=world.rng,
        times=world.times(n, MACHINES),
        p1="no-reply@notices.cloud-suite.example",
        recipients=world.colleagues(n),
        directory=world.directory,
        sender_name="Cloud Suite",
        sender_ipv6="2001:db8:ffff::25",
        subject=picks(world.rng, n, ("You were mentioned", "Missed activity", "Task assigned")),
        urls=3,
    )


def sign_ins(world: World, n: int) -> Part:
    """Sign-ins: mostly from the office and from home, some from travel, some that fail."""
    n = max(n, 30 * len(world.people))
    usual, directory, hosted = n * 50 // 100, n * 42 // 100, n * 3 // 100
    frames = (
        _usual(world, usual),
        _active_directory(world, directory),
        _hosted(world, hosted),
        *_trips(world),
        *_forgotten_passwords(world, max(4, n // 200)),
        _fruitless_attempts(world),
    )
    return Part(logons=frames)


def _anyone(world: World, n: int) -> list[Person]:
    chosen = indices(world.rng, n, world.activity)
    return [world.people[i] for i in chosen]


def _usual(world: World, n: int) -> pl.DataFrame:
    people = _anyone(world, n)
    at_home = integers(world.rng, n, 3) == 0
    places = [
        person.home if home else person.office for person, home in zip(people, at_home, strict=True)
    ]
    # Administrators and people who seldom work must have a past too.
    rare = [person for person in world.people for _ in range(4)]
    return logon_rows(
        rng=world.rng,
        times=world.times(n + len(rare), OFFICE),
        people=people + rare,
        places=places + [person.office for person in rare],
        application=picks(
            world.rng,
            n + len(rare),
            ("Microsoft 365", "Microsoft 365", "Microsoft Exchange Online"),
        ),
    )


def _active_directory(world: World, n: int) -> pl.DataFrame:
    inside = Place("", "", "INTERNAL_NETWORK", tuple(f"10.20.0.{i}" for i in range(10, 250)))
    return logon_rows(
        rng=world.rng,
        times=world.times(n, OFFICE),
        people=_anyone(world, n),
        places=inside,
        application="Active Directory",
        logon_type=picks(world.rng, n, ("Resource access", "Credentials validation")),
        protocol=picks(world.rng, n, ("Kerberos", "Ntlm")),
        action=picks(world.rng, n, ("LogonSuccess", "LogonFailed"), (0.98, 0.02)),
    )


def _hosted(world: World, n: int) -> pl.DataFrame:
    cloud = Place("NL", "amsterdam", "Microsoft Azure", ("198.19.255.4", "198.19.255.5"))
    return logon_rows(
        rng=world.rng,
        times=world.times(n, MACHINES),
        people=_anyone(world, n),
        places=cloud,
        action=picks(world.rng, n, ("LogonSuccess", "LogonFailed"), (0.9, 0.1)),
    )


def _trips(world: World) -> list[pl.DataFrame]:
    rng = world.rng
    frames = []
    for i, traveller in enumerate(rng.sample(world.people, max(2, len(world.people) // 30))):
        country = rng.choice([one for one in COUNTRIES if one is not world.country])
        address = f"198.19.{i // 250}.{i % 250 + 1}"
        hotel = Place(country.code, country.cities[0], rng.choice(HOTEL_ISPS), (address,))
        away = timedelta(days=rng.randint(1, 3))
        leaves = world.start + (world.end - world.start - away) * rng.random()
        times = between(rng, rng.randint(3, 10), leaves, leaves + away)
        frames.append(logon_rows(rng=rng, times=times, people=traveller, places=hotel))
    return frames


def _forgotten_passwords(world: World, n: int) -> list[pl.DataFrame]:
    rng = world.rng
    people = _anyone(world, n)
    failures = [rng.randint(1, 5) for _ in people]
    starts = world.times(n, OFFICE)
    times, who, actions = [], [], []
    for person, start, count in zip(people, starts, failures, strict=True):
        for i in range(count + 1):
            times.append(min(start + timedelta(seconds=9.0 * i), world.end - timedelta(seconds=1)))
            who.append(person)
            actions.append("LogonSuccess" if i == count else "LogonFailed")
    return [logon_rows(rng=rng, times=times, people=who, action=actions)]


def _fruitless_attempts(world: World) -> pl.DataFrame:
    rng = world.rng
    victim = rng.choice([person for person in world.people if person not in world.admins])
    abroad = rng.choice([one for one in COUNTRIES if one is not world.country])
    address = f"203.0.113.{rng.randint(1, 120)}"
    place = Place(abroad.code, abroad.cities[-1], rng.choice(HOSTING_ISPS), (address,))
    start = world.workday(1, (world.end - world.start).days - 1)
    times = between(rng, rng.randint(120, 220), start, start + timedelta(seconds=50))
    return logon_rows(rng=rng, times=times, people=victim, places=place, action="LogonFailed")


def audit(world: World, n: int) -> Part:
    """The audit log: upkeep by the service, opened files, and administrators at work."""
    serviced, opened = n * 58 // 100, n * 40 // 100
    files = [f"Documents/report-{i}.xlsx" for i in range(1, 400)]
    upkeep = (
        "Set-Mailbox",
        "Set-MailUser",
        "Set-MailboxPlan",
        "Set-User",
        "Set-RecipientEnforcementProvisioningPolicy",
    )
    noise = (
        service_rows(
            rng=world.rng,
            times=world.times(serviced, Curve((1.0,) * 24, weekend=1.0)),
            operations=picks(world.rng, serviced, upkeep),
            mailboxes=world.colleagues(serviced),
            organization=world.organization,
        ),
        file_rows(
            rng=world.rng,
            times=world.times(opened, OFFICE),
            people=_anyone(world, opened),
            files=picks(world.rng, opened, files),
            organization=world.organization,
        ),
    )
    part = Part(changes=noise) + transport_rules(world)
    for mailbox in world.colleagues(max(6, n * 2 // 100 // 10)):
        operation = world.rng.choice(("Set-Mailbox", "Add-MailboxPermission"))
        at = world.workday(0.5, (world.end - world.start).days - 0.5)
        part += world.change(at, operation, {"Identity": mailbox})
    return part


def transport_rules(world: World) -> Part:
    """Harmless transport rules: two made long ago, one adjusted in the last week."""
    days = (world.end - world.start).days
    disclaimer = {"Name": "Disclaimer", "ApplyHtmlDisclaimerText": "Please consider privacy."}
    warning = {"Name": "External sender", "FromScope": "NotInOrganization"}
    warning["PrependSubject"] = "[External] "
    adjusted = {"Identity": "Disclaimer", "ApplyHtmlDisclaimerText": "Confidential."}
    return (
        world.change(world.workday(0.5, days / 3), "New-TransportRule", disclaimer)
        + world.change(world.workday(0.5, days / 3), "New-TransportRule", warning)
        + world.change(world.workday(days - 6.9, days - 2.9), "Set-TransportRule", adjusted)
    )
