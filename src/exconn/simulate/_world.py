"""The tenant before anything happens: its people, its places and whom it deals with."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cached_property

import polars as pl
from attrs import frozen

from exconn.errors import InvalidValueError
from exconn.simulate._changes import Actor, change_row
from exconn.simulate._draw import Curve, guids, moment, picks, rhythm
from exconn.simulate._logons import logon_rows
from exconn.simulate._names import (
    COUNTRIES,
    HOME_ISPS,
    MAILBOX_PROVIDERS,
    Country,
    full_names,
    unused_domains,
)
from exconn.simulate._tenant import Person, Place

LEAST_MAILS = 1_500
LEAST_DAYS = 14


@frozen
class Part:
    """Rows that belong together, of each table."""

    mails: tuple[pl.DataFrame, ...] = ()
    changes: tuple[pl.DataFrame, ...] = ()
    logons: tuple[pl.DataFrame, ...] = ()

    def __add__(self, other: "Part") -> "Part":
        return Part(
            self.mails + other.mails, self.changes + other.changes, self.logons + other.logons
        )


@frozen(slots=False)
class World:
    """What the generators of honest rows share.

    Attributes:
        activity: how much each of `people` does, relative to the others.
        customers: domains that the tenant deals with.
        correspondents: domains that write to the tenant, customers first.
        subscribers: addresses of those who get the newsletter.
        vendors: domains to hand out to services and partners.
    """

    rng: random.Random
    start: datetime
    end: datetime
    zone: tzinfo
    domain: str
    organization: str
    country: Country
    people: tuple[Person, ...]
    admins: tuple[Person, ...]
    activity: tuple[float, ...]
    customers: tuple[str, ...]
    correspondents: tuple[str, ...]
    subscribers: tuple[str, ...]
    vendors: tuple[str, ...]

    @cached_property
    def staff(self) -> pl.DataFrame:
        """Columns upn, object_id, name, address (IPv6): one row for each of `people`."""
        return pl.DataFrame(
            {
                "upn": [person.upn for person in self.people],
                "object_id": [person.object_id for person in self.people],
                "name": [person.name for person in self.people],
                "address": [f"2001:db8:365::{i:x}" for i in range(1, len(self.people) + 1)],
            }
        )

    @cached_property
    def directory(self) -> Mapping[str, str]:
        """Object ids by address."""
        return {person.upn: person.object_id for person in self.people}

    @cached_property
    def contacts(self) -> Sequence[str]:
        """Addresses at customers, eight a domain; the first for each domain come first."""
        boxes = ("accounts", "info", "orders", "office", "m.lind", "a.rossi", "service", "j.wood")
        return tuple(f"{box}@{domain}" for box in boxes for domain in self.customers)

    def colleagues(self, n: int) -> pl.Series:
        """Draw the addresses of `n` recipients inside, busy people more often."""
        return picks(self.rng, n, self.staff["upn"], self.activity)

    def times(self, n: int, curve: Curve) -> pl.Series:
        """Draw `n` times over all the data."""
        return rhythm(self.rng, n, self.start, self.end, curve=curve, zone=self.zone)

    def mailbox(self, name: str) -> str:
        """An address of the tenant."""
        return f"{name}@{self.domain}"

    def workday(self, first_day: float, last_day: float) -> datetime:
        """Draw a moment in working hours between two days, counted from the start of the data."""
        first, last = (self.start + timedelta(days=day) for day in (first_day, last_day))
        return moment(self.rng, first, last, zone=self.zone)

    def runs(self, weekdays: Sequence[int], hour: int) -> list[datetime]:
        """The moments, on some days of each week (0 is Monday), when a batch job starts."""
        local = self.start.astimezone(self.zone).replace(hour=hour, minute=0, second=0)
        days = (local + timedelta(days=day) for day in range((self.end - self.start).days + 1))
        starts = [
            day + timedelta(minutes=self.rng.randrange(10))
            for day in days
            if day.weekday() in weekdays
        ]
        hour_later = timedelta(hours=1)
        return [run for run in starts if self.start <= run <= self.end - hour_later]

    def change(self, at: datetime, operation: str, parameters: Mapping[str, str]) -> Part:
        """Let an administrator sign in at the office and, minutes later, run a cmdlet."""
        admin = self.rng.choice(self.admins)
        row = change_row(
            rng=self.rng,
            at=at,
            operation=operation,
            parameters=parameters,
            actor=Actor.person(admin),
            place=admin.office,
            organization=self.organization,
        )
        earlier = at - timedelta(minutes=self.rng.uniform(3, 40))
        logon = logon_rows(rng=self.rng, times=[max(earlier, self.start)], people=admin)
        return Part(changes=(row,), logons=(logon,))


def world(rng: random.Random, *, mails: int, days: int, end: datetime) -> World:
    """Make a tenant of a size that fits its mail.

    Raises:
        InvalidValueError: too few mails or days for the rhythms that a tenant has.
    """
    if mails < LEAST_MAILS:
        raise InvalidValueError("mails", f"expected at least {LEAST_MAILS}, got {mails}")
    if days < LEAST_DAYS:
        raise InvalidValueError("days", f"expected at least {LEAST_DAYS}, got {days}")
    own, *vendors = unused_domains(rng, 6)
    customers = _between(40, mails // 500, 400)
    correspondents = _between(120, mails // 60, 4_000)
    outside = unused_domains(rng, correspondents + 400, taken=(own, *vendors))
    country = rng.choice(COUNTRIES)
    people = _people(rng, _between(25, mails // 400, 1_500), own, country)
    return World(
        rng=rng,
        start=end - timedelta(days=days),
        end=end,
        zone=timezone(timedelta(hours=country.offset)),
        domain=own,
        organization=f"{own.partition('.')[0]}.onmicrosoft.example",
        country=country,
        people=people,
        admins=tuple(rng.sample(people, rng.randint(2, 3))),
        activity=tuple(rng.gammavariate(2.0, 1.0) + 0.2 for _ in people),
        customers=tuple(outside[:customers]),
        correspondents=tuple(outside[:correspondents]),
        subscribers=_subscribers(rng, max(240, mails // 45), outside[-400:]),
        vendors=tuple(vendors),
    )


def _between(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))


def _people(rng: random.Random, n: int, domain: str, country: Country) -> tuple[Person, ...]:
    city = rng.choice(country.cities)
    network = rng.randrange(10, 200)
    egress = (f"192.0.2.{network}", f"192.0.2.{network + 1}")
    office = Place(country.code, city, f"{domain.partition('.')[0].title()} Network", egress)
    people = []
    for i, ((first, last), guid) in enumerate(zip(full_names(rng, n), guids(rng, n), strict=True)):
        address = f"198.18.{i // 250}.{i % 250 + 1}"
        home = Place(country.code, rng.choice(country.cities), rng.choice(HOME_ISPS), (address,))
        upn = f"{first}.{last}@{domain}".lower()
        people.append(Person(guid, upn, f"{first} {last}", office, home))
    return tuple(people)


def _subscribers(rng: random.Random, n: int, domains: Sequence[str]) -> tuple[str, ...]:
    providers = picks(rng, n, [*domains, *MAILBOX_PROVIDERS * 40])
    return tuple(
        f"{first}.{last}{i}@{domain}".lower()
        for i, ((first, last), domain) in enumerate(zip(full_names(rng, n), providers, strict=True))
    )
