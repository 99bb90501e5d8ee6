"""The stage: an honest tenant, and the verbs with which a family lets something happen in it."""

import json
import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import polars as pl

from exconn.context import Context
from exconn.models import Alert
from exconn.simulate import (
    Actor,
    Person,
    Place,
    SimulatedConnector,
    Tenant,
    between,
    change_row,
    honest_tenant,
    logon_rows,
    mail_rows,
)
from exconn.simulate._draw import MACHINES, OFFICE, Curve, fractions, rhythm
from exconn.simulate._names import COUNTRIES, HOME_ISPS, HOSTING_ISPS, HOTEL_ISPS, unused_domains

MAIL, AUDIT, LOGONS = "EmailEvents", "CloudAppEvents", "IdentityLogonEvents"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_DIRECTORY = ("Microsoft 365", 11161)
_FIRST_END = datetime(2025, 9, 1, tzinfo=UTC)


class Stage:
    """An honest tenant of 39 to 44 days, and what a family adds to it.

    Attributes:
        rng: all that is drawn is drawn from it.
        tenant: the background, with its ten honest connectors.
        at: about when it happens: a day or so before the data ends.
        admin: the Exchange administrator whom the story is about.
        alert: set by `judge`.
        context: what the organisation knows of itself; families may set it.
        story: set by `judge`.
    """

    def __init__(self, family: str, seed: int) -> None:
        self.rng = random.Random(f"{family} {seed}")
        end = _FIRST_END + DAY * self.rng.randrange(365) + HOUR * self.rng.randrange(24)
        self.tenant: Tenant = honest_tenant(
            self.rng.randrange(2**31),
            mails=round(self.some(5_000, 16_000)),
            days=self.rng.randint(39, 44),
            end=end,
        )
        self.at = end - HOUR * self.rng.uniform(22, 30)
        self.admin: Person = self.rng.choice(self.tenant.admins)
        self.alert = Alert(connector=self.tenant.connectors[0].name, timestamp=self.at)
        self.context = Context()
        self.story = ""
        self._added: dict[str, list[pl.DataFrame]] = {MAIL: [], AUDIT: [], LOGONS: []}
        self._cut: dict[str, datetime | None] = {}
        self._begins: dict[str, datetime] = {}
        self._hidden: dict[str, pl.Expr] = {}
        self._known: set[str] | None = None

    # Draws

    def some(self, least: float, most: float) -> float:
        """Draw a number whose logarithm is even: 20 to 40 as often as 1,000 to 2,000."""
        return math.exp(self.rng.uniform(math.log(least), math.log(most)))

    def chance(self, probability: float) -> bool:
        """Draw whether."""
        return self.rng.random() < probability

    def hosting(self, *, abroad: bool = True) -> Place:
        """A rented server that nobody has heard of, abroad or in the tenant's country."""
        return self._place(HOSTING_ISPS, f"203.0.113.{self.rng.randint(1, 254)}", abroad=abroad)

    def hotel(self) -> Place:
        """A hotel or an airport abroad."""
        address = f"198.19.{self.rng.randrange(100, 250)}.{self.rng.randint(1, 254)}"
        return self._place(HOTEL_ISPS, address, abroad=True)

    def residence(self, *, abroad: bool = True) -> Place:
        """A household that nobody has heard of, which may well be somebody's proxy."""
        address = f"198.18.{self.rng.randrange(150, 200)}.{self.rng.randint(1, 254)}"
        return self._place(HOME_ISPS, address, abroad=abroad)

    def fresh_address(self) -> str:
        """An address of a service or a server that the tenant never dealt with."""
        return f"198.18.{self.rng.randrange(210, 250)}.{self.rng.randint(1, 254)}"

    def fresh_domains(self, n: int) -> list[str]:
        """Domains, all different, that nobody in the tenant ever dealt with."""
        drawn = unused_domains(self.rng, n, taken=self._known_domains())
        self._known_domains().update(drawn)
        return drawn

    def strangers(self, n: int, domains: int) -> list[str]:
        """Addresses of `n` recipients at `domains` domains that nobody here ever mailed."""
        pool = self.fresh_domains(domains)
        boxes = ("info", "office", "accounts", "ceo", "m.klein", "s.wood", "hr", "sales")
        return [f"{self.rng.choice(boxes)}{i}@{pool[i % len(pool)]}" for i in range(n)]

    def customers(self, n: int) -> list[str]:
        """Addresses of `n` recipients at domains that staff mailed well before the window."""
        past = pl.col("Timestamp") < self.at - 10 * DAY
        mailed = self.tenant.frames[MAIL].filter(
            past, pl.col("EmailDirection") == "Outbound", pl.col("Connectors") == ""
        )
        known = sorted(mailed["RecipientEmailAddress"].unique())
        return self.rng.choices(known, k=n)

    def colleagues(self, n: int) -> list[str]:
        """Addresses of `n` recipients inside."""
        return [person.upn for person in self.rng.choices(self.tenant.people, k=n)]

    def local(self, at: datetime) -> datetime:
        """A moment by the clocks of the office."""
        home = self.admin.office.country
        offset = next(one.offset for one in COUNTRIES if one.code == home)
        return at.astimezone(timezone(timedelta(hours=offset)))

    # Deeds

    def own(self, role: str) -> SimulatedConnector:
        """The background's connector that has a role."""
        return self.tenant.connector(role)

    def mail(
        self,
        connector: str,
        times: pl.Series | Sequence[datetime],
        *,
        p1: str | Sequence[str],
        recipients: Sequence[str],
        **columns: Any,
    ) -> None:
        """Let mail pass through a connector; columns as `exconn.simulate.mail_rows` has them."""
        self._added[MAIL].append(
            mail_rows(
                rng=self.rng,
                times=times,
                p1=p1,
                recipients=recipients,
                connector=connector,
                **columns,
            )
        )

    def mail_like(self, role: str, times: pl.Series | Sequence[datetime], **columns: Any) -> None:
        """Let more mail pass through a connector, like its own but for the columns given."""
        name = self.own(role).name
        self.mail_as(pl.col("Connectors") == name, name, times, **columns)

    def mail_as(
        self,
        models: pl.Expr,
        connector: str,
        times: pl.Series | Sequence[datetime],
        **columns: Any,
    ) -> None:
        """Let mail pass through a connector that is like some of the background's, well before."""
        past = self.tenant.frames[MAIL].filter(models, pl.col("Timestamp") < self.at - 8 * DAY)
        rows = past[[self.rng.randrange(past.height) for _ in range(len(times))]]
        given: dict[str, Any] = {
            "p1": rows["SenderMailFromAddress"],
            "p2": rows["SenderFromAddress"],
            "recipients": rows["RecipientEmailAddress"],
            "direction": rows["EmailDirection"],
            "sender_object_id": rows["SenderObjectId"],
            "sender_name": rows["SenderDisplayName"],
            "sender_ipv4": rows["SenderIPv4"],
            "sender_ipv6": rows["SenderIPv6"],
            "subject": rows["Subject"],
            "urls": rows["UrlCount"],
            "attachments": rows["AttachmentCount"],
            "delivery": rows["DeliveryAction"],
            "threats": rows["ThreatTypes"],
            "authentication": rows["AuthenticationDetails"],
            **columns,
        }
        self.mail(connector, times, **given)

    def reroute(
        self,
        mails: pl.Expr,
        *,
        connector: str | None = None,
        addresses: Sequence[str] = (),
        share: float = 1.0,
    ) -> int:
        """Let mail of the background take another way: how many messages do is returned.

        Args:
            mails: which.
            connector: the name of the one that it passes through from now on; None: as before.
            addresses: those that it comes from instead; none: as before.
            share: of these messages.
        """
        frame = self.tenant.frames[MAIL]
        drawn = fractions(self.rng, frame.height) < share
        moved = frame.select(mails.alias("moved"))["moved"] & drawn
        other: dict[str, pl.Expr] = {}
        if connector is not None:
            other["Connectors"] = pl.lit(connector)
        if addresses:
            others = self.rng.choices(addresses, k=frame.height)
            other["SenderIPv4"] = pl.lit(pl.Series(others, dtype=pl.String))
        rerouted = frame.with_columns(
            pl.when(moved).then(value).otherwise(pl.col(name)).alias(name)
            for name, value in other.items()
        )
        self.tenant = attrs.evolve(self.tenant, frames={**self.tenant.frames, MAIL: rerouted})
        return int(moved.sum())

    def add(self, table: str, rows: pl.DataFrame) -> None:
        """Add rows of a table that no other verb makes."""
        self._added[table].append(rows)

    def run(
        self,
        at: datetime,
        operation: str,
        parameters: Mapping[str, str],
        *,
        actor: Actor | None = None,
        place: Place | None = None,
        blank: bool = False,
        **columns: Any,
    ) -> None:
        """Let somebody run a cmdlet: the administrator, at the office, unless told otherwise.

        A `blank` row has no address, nor what is derived from it.
        """
        row = change_row(
            rng=self.rng,
            at=at,
            operation=operation,
            parameters=parameters,
            actor=actor or Actor.person(self.admin),
            place=None if blank else place or self.admin.office,
            organization=self.tenant.organization,
            **columns,
        )
        self._added[AUDIT].append(row)

    def act(
        self,
        at: datetime,
        operation: str,
        target: str,
        properties: Mapping[str, str],
        *,
        actor: Actor | None = None,
        place: Place | None = None,
    ) -> None:
        """Let somebody change the directory: register an application, say, or consent to one."""
        row = change_row(
            rng=self.rng,
            at=at,
            operation=operation,
            parameters={},
            actor=actor or Actor.person(self.admin),
            place=place or self.admin.office,
            object_id=target,
            organization=self.tenant.organization,
        )
        record = json.loads(row["RawEventData"].item())
        del record["Parameters"], record["OriginatingServer"]
        record |= {
            "RecordType": 8,
            "Workload": "AzureActiveDirectory",
            "ResultStatus": "Success",
            "ModifiedProperties": [
                {"Name": name, "NewValue": value, "OldValue": ""}
                for name, value in properties.items()
            ],
        }
        application, number = _DIRECTORY
        changed = row.with_columns(
            pl.lit(application).alias("Application"),
            pl.lit(number, dtype=row.schema["ApplicationId"]).alias("ApplicationId"),
            pl.col("ReportId").str.replace(r"_\d+_", f"_{number}_"),
            pl.lit(json.dumps(record, ensure_ascii=False)).alias("RawEventData"),
        )
        self._added[AUDIT].append(changed)

    def sign_in(
        self,
        times: pl.Series | Sequence[datetime],
        people: Person | Sequence[Person] | None = None,
        *,
        place: Place | None = None,
        action: str | Sequence[str] = "LogonSuccess",
        **columns: Any,
    ) -> None:
        """Let somebody sign in, or fail to: the administrator, at the office by default."""
        self._added[LOGONS].append(
            logon_rows(
                rng=self.rng,
                times=times,
                people=people or self.admin,
                places=place,
                action=action,
                **columns,
            )
        )

    def spread(self, n: int, start: datetime, span: timedelta) -> pl.Series:
        """Draw `n` times evenly over a span."""
        return between(self.rng, n, start, start + span)

    def silence(self, connector: str, since: datetime) -> None:
        """Let the background's mail through a connector end at a moment."""
        later = (pl.col("Connectors") == connector) & (pl.col("Timestamp") >= since)
        self._rewrite(self.tenant.frames[MAIL].filter(~later))

    def divert(
        self, connector: str, since: datetime, *, share: float = 1.0, transport_rule: str = ""
    ) -> int:
        """Let staff's mail to the outside, or a share of it, take a connector from a moment on.

        Returns:
            How many rows took it.
        """
        mail = self.tenant.frames[MAIL]
        drawn = pl.Series([self.chance(share) for _ in range(mail.height)])
        taken = mail.select(
            (pl.col("Connectors") == "")
            & (pl.col("EmailDirection") == "Outbound")
            & (pl.col("Timestamp") >= since)
            & drawn
        ).to_series()
        passed = {"Connectors": connector, "ExchangeTransportRule": transport_rule}
        self._rewrite(
            mail.with_columns(
                pl.when(taken).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
                for name, value in passed.items()
            )
        )
        return int(taken.sum())

    def daily(
        self, n: int, start: datetime, end: datetime, *, curve: Curve = MACHINES
    ) -> pl.Series:
        """Draw `n` times that follow the hours of the day and the days of the week here."""
        offset = next(one.offset for one in COUNTRIES if one.code == self.admin.office.country)
        zone = timezone(timedelta(hours=offset))
        return rhythm(self.rng, n, start, end, curve=curve, zone=zone)

    def office_time(self, earliest: datetime, latest: datetime) -> datetime:
        """Draw a moment, in working hours if there are any in between."""
        drawn: datetime = self.daily(1, earliest, latest, curve=OFFICE)[0]
        return drawn

    # What can be seen

    def drop(self, table: str) -> None:
        """Leave a table out."""
        self._cut[table] = None

    def end_early(self, table: str, at: datetime) -> None:
        """Leave the rows of a table from a moment on out: late, or truncated."""
        self._cut[table] = at

    def begin_late(self, table: str, at: datetime) -> None:
        """Leave the rows of a table before a moment out: an export that began only then."""
        self._begins[table] = at

    def hide(self, table: str, rows: pl.Expr) -> None:
        """Leave some rows of a table out, as if nobody had recorded them."""
        self._hidden[table] = rows

    def judge(
        self,
        connector: str,
        story: str,
        *,
        at: datetime | None = None,
        context: Context | None = None,
    ) -> None:
        """Say what is to be graded, when, and what happened."""
        self.alert = Alert(connector=connector, timestamp=at or self.at)
        self.story = story
        self.context = context or self.context

    def frames(self) -> Mapping[str, pl.DataFrame]:
        """The tables as they can be seen, sorted by time; nothing is later than the data's end."""
        seen: dict[str, pl.DataFrame] = {}
        for table, rows in self._added.items():
            end = self._cut.get(table, self.tenant.end)
            if end is None:
                continue
            whole = (
                self.tenant.adding(table, *rows).frames[table]
                if rows
                else self.tenant.frames[table]
            )
            seen[table] = whole.filter(
                pl.col("Timestamp") >= self._begins.get(table, self.tenant.start),
                pl.col("Timestamp") < min(end, self.tenant.end),
                ~self._hidden.get(table, pl.lit(value=False)),
            )
        return seen

    def _rewrite(self, mail: pl.DataFrame) -> None:
        self.tenant = attrs.evolve(self.tenant, frames={**self.tenant.frames, MAIL: mail})

    def _place(self, isps: Sequence[str], address: str, *, abroad: bool) -> Place:
        home = self.admin.office.country
        country = self.rng.choice([one for one in COUNTRIES if (one.code != home) == abroad])
        return Place(country.code, country.cities[0], self.rng.choice(isps), (address,))

    def _known_domains(self) -> set[str]:
        if self._known is None:
            frame = self.tenant.frames[MAIL]
            columns = ("SenderFromDomain", "SenderMailFromDomain", "RecipientDomain")
            self._known = {domain for name in columns for domain in frame[name].unique()}
        return self._known
