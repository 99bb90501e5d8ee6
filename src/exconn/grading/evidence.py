"""The evidence behind a grade: bounded rows, and what happened when."""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
from attrs import astuple, fields, frozen

from exconn.detectors import by_account, failed_logon, successful_logon, within
from exconn.facts import Judgement, Survey
from exconn.facts.changes import acts
from exconn.facts.logons import Logons, actors_of
from exconn.facts.queries import MANY
from exconn.grading.export import write_tables
from exconn.models import AdminChange, ConnectorChange, Email, Logon
from exconn.query import Query, scan
from exconn.tables import EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, TIME
from exconn.window import Period

SAMPLE = 20
TOP = 20
LOGON_ROWS = 50
MESSAGE_IDS = 1000


@frozen
class Tally:
    """How often something occurs."""

    value: str
    count: int


@frozen
class HourOfMail:
    """What passed through the connector in an hour."""

    time: datetime
    messages: int
    mismatched: int
    outbound: int
    junked: int


@frozen
class Sender:
    """A sender through the connector in the window."""

    p2_address: str
    p1_address: str
    object_id: str
    messages: int


@frozen(kw_only=True, eq=False)
class Evidence:
    """The evidence behind a grade. `hunt` leaves what needs more queries empty.

    Attributes:
        changes: of the connector in the window, failed ones too.
        deeds: what else those who made them did (transport rules, grants).
        logons: sign-ins in the window of those who made them; the latest successes and failures.
        sample: messages of the busiest hour.
        hours: the connector's mail by hour, baseline and window.
        senders: those with the most messages in the window.
        addresses: that handed mail over in the window, by messages; like domains, without those of
            hours with too many to tell apart.
        sender_domains: the P1 domains of the window, by messages.
        recipient_domains: of the window, by deliveries.
        message_ids: NetworkMessageIds of the window, in the order of time; at most 1,000.
        other_bulk_senders: who else sent in bulk to outside, by messages in their busiest hour.
        other_connectors: other connectors that were changed in the window.
    """

    changes: tuple[ConnectorChange, ...] = ()
    deeds: tuple[AdminChange, ...] = ()
    logons: tuple[Logon, ...] = ()
    sample: tuple[Email, ...] = ()
    hours: tuple[HourOfMail, ...] = ()
    senders: tuple[Sender, ...] = ()
    addresses: tuple[Tally, ...] = ()
    sender_domains: tuple[Tally, ...] = ()
    recipient_domains: tuple[Tally, ...] = ()
    message_ids: tuple[str, ...] = ()
    other_bulk_senders: tuple[Tally, ...] = ()
    other_connectors: tuple[str, ...] = ()

    def to_frames(self) -> dict[str, pl.DataFrame]:
        """The same as frames, by the names of the attributes.

        Columns are named as in the tables of Advanced Hunting where they are from there. A change's
        parameters are JSON text.
        """
        connectors = _names_frame("Connector", [change.connector for change in self.changes])
        return {
            "changes": _change_frame(self.changes).insert_column(1, connectors["Connector"]),
            "deeds": _change_frame(self.deeds),
            "logons": Logon.to_frame(self.logons),
            "sample": Email.to_frame(self.sample),
            "hours": _frame(_HOUR_SCHEMA, map(astuple, self.hours)),
            "senders": _frame(_SENDER_SCHEMA, map(astuple, self.senders)),
            "addresses": _tally_frame("Address", "Messages", self.addresses),
            "sender_domains": _tally_frame("Domain", "Messages", self.sender_domains),
            "recipient_domains": _tally_frame("Domain", "Deliveries", self.recipient_domains),
            "message_ids": _names_frame("NetworkMessageId", self.message_ids),
            "other_bulk_senders": _tally_frame("Sender", "Messages", self.other_bulk_senders),
            "other_connectors": _names_frame("Connector", self.other_connectors),
        }

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        r"""Write each frame as Parquet and as CSV, all or none; replaces those files.

        Parquet has the values as they are. In CSV a text with which a spreadsheet would compute
        begins with a quote, and characters that cannot be seen are written as ``\u....``.

        Args:
            folder: is made where it is not there.
        """
        return write_tables(self.to_frames(), folder)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {size:,}" for name, size in self._sizes().items() if size)
        return f"<Evidence: {sizes or 'none'}>"

    def _repr_html_(self) -> str:
        from exconn import notebook  # noqa: PLC0415 - notebooks are above grading

        return notebook.evidence(self)

    def _sizes(self) -> dict[str, int]:
        return {field.name: len(getattr(self, field.name)) for field in fields(Evidence)}


@frozen
class Event:
    """Something that happened.

    Attributes:
        kind: ``logon``, ``change``, ``deed``, ``mail`` or ``alert``.
        ref: the record's identifier, "" when there is none.
    """

    time: datetime
    kind: str
    summary: str
    ref: str = ""


def evidence(found: Survey, judgement: Judgement, peak: datetime | None, *, rows: bool) -> Evidence:
    """Collect the evidence about one judged connector.

    Args:
        found: the first round.
        judgement: the connector and the window.
        peak: the busiest hour of the window; None without mail.
        rows: whether to ask the source for single messages and sign-ins too.
    """
    window = judgement.window
    mail = found.mail
    in_window = (
        (pl.col("Connector") == judgement.connector)
        & (pl.col("Hour") >= window.start)
        & (pl.col("Hour") < window.end)
    )
    hours = mail.connector_hours.filter(
        pl.col("Connector") == judgement.connector,
        pl.col("Hour") >= window.baseline_start,
        pl.col("Hour") < window.end,
    ).sort("Hour")
    others = mail.bulk_senders.filter(
        pl.col("Connector") != judgement.connector,
        pl.col("Hour") >= window.start,
        pl.col("Hour") < window.end,
    ).rename({"SenderFromAddress": "Value", "Messages": "Count"})
    messages, logons, senders, ids = _rows(found, judgement, peak) if rows else ((), (), (), ())
    return Evidence(
        changes=tuple(found.trail.within(judgement)),
        deeds=tuple(found.trail.by_actors(judgement)),
        logons=logons,
        sample=messages,
        hours=tuple(
            HourOfMail(*row)
            for row in hours.select(
                "Hour", "Messages", "Mismatched", "Outbound", "Junked"
            ).iter_rows()
        ),
        senders=senders,
        addresses=_top(mail.sending_addresses.filter(in_window), "Address", "Messages"),
        sender_domains=_top(mail.sender_domains.filter(in_window), "P1", "Messages"),
        recipient_domains=_top(mail.recipient_domains.filter(in_window), "Domain", "Deliveries"),
        message_ids=ids,
        other_bulk_senders=_tallies(others.group_by("Value").agg(pl.col("Count").max())),
        other_connectors=_other_connectors(found, judgement),
    )


def timeline(
    judgement: Judgement, logons: Logons, gathered: Evidence, peak: datetime | None
) -> tuple[Event, ...]:
    """Join sign-ins, changes and mail of the window in the order of time."""
    window = judgement.window
    events = [Event(window.at, "alert", "the time that is judged")]
    events += [
        Event(c.timestamp, "change", _told(c), c.audit_id or c.report_id) for c in gathered.changes
    ]
    events += [
        Event(d.timestamp, "deed", _told(d), d.audit_id or d.report_id) for d in gathered.deeds
    ]
    names = {c.actor.key: c.actor.name or c.actor.id for c in acts(gathered.changes)}
    for key, name in sorted(names.items()):
        told: dict[datetime, list[str]] = {}
        for when, how in logons.suspicious_times(key, judgement):
            if window.start <= when < window.end:
                told.setdefault(when.replace(microsecond=0), []).append(how)
        events += [
            Event(when, "logon", f"{name} signed in {'; '.join(dict.fromkeys(ways))}")
            for when, ways in told.items()
        ]
    hours = [hour for hour in gathered.hours if hour.time >= window.start]
    if hours and peak is not None:
        first, last = hours[0], hours[-1]
        busiest = max(hours, key=lambda hour: hour.messages)
        events.append(Event(first.time, "mail", f"first mail in the window ({first.messages})"))
        events.append(Event(peak, "mail", f"busiest hour: {busiest.messages} messages"))
        events.append(Event(last.time, "mail", f"last hour with mail ({last.messages})"))
    return tuple(sorted(events, key=lambda event: (event.time, event.kind, event.summary)))


def _rows(
    found: Survey, judgement: Judgement, peak: datetime | None
) -> tuple[tuple[Email, ...], tuple[Logon, ...], tuple[Sender, ...], tuple[str, ...]]:
    window = Period(judgement.window.start, judgement.window.end)
    values = found.values(judgement.connector)
    busiest = window if peak is None else Period(peak, peak + timedelta(hours=1))
    actors, _ = actors_of(judgement, found.trail)
    mail = scan(EMAIL_EVENTS).filter(pl.col("Connectors").is_in(values))
    sample, senders, ids, succeeded, failed = found.source.collect(
        [
            _first_of(Email, mail.filter(within(busiest)), SAMPLE, descending=False),
            _senders(mail.filter(within(window))),
            _message_ids(mail.filter(within(window))),
            _logons(window, actors, successful_logon()),
            _logons(window, actors, failed_logon()),
        ]
    )
    logons = Logon.from_frame(pl.concat([succeeded, failed]))
    return (
        tuple(Email.from_frame(sample)),
        tuple(sorted(logons, key=lambda logon: (logon.timestamp, logon.report_id))),
        tuple(Sender(*row) for row in senders.iter_rows()),
        tuple(ids["NetworkMessageId"]),
    )


def _first_of(record: type[Email | Logon], rows: Query, n: int, *, descending: bool) -> Query:
    """The first or last rows as records have them; the other columns decide between equal times."""
    names = [name for name in record.columns().values() if name in rows.schema]
    by = sorted(names, key=lambda name: name != rows.table.time)
    return rows.select(*names).sort(by, descending=descending).head(n)


def _senders(mail: Query) -> Query:
    by = ("SenderFromAddress", "SenderMailFromAddress", "SenderObjectId")
    return (
        mail.group_by(*(pl.col(name).str.to_lowercase() for name in by))
        .agg(Messages=pl.col("NetworkMessageId").str.to_lowercase().n_unique())
        .sort(["Messages", *by], descending=[True, False, False, False])
        .head(TOP)
    )


def _message_ids(mail: Query) -> Query:
    return (
        mail.group_by(NetworkMessageId=pl.col("NetworkMessageId").str.to_lowercase())
        .agg(First=pl.col("Timestamp").min())
        .sort(["First", "NetworkMessageId"])
        .head(MESSAGE_IDS)
    )


def _logons(window: Period, accounts: set[str], outcome: pl.Expr) -> Query:
    logons = scan(IDENTITY_LOGON_EVENTS).filter(within(window), by_account(accounts), outcome)
    return _first_of(Logon, logons, LOGON_ROWS, descending=True)


def _top(rows: pl.DataFrame, value: str, count: str) -> tuple[Tally, ...]:
    named = rows.filter(pl.col(value) != MANY)
    return _tallies(named.group_by(Value=pl.col(value)).agg(Count=pl.col(count).sum()))


def _tallies(rows: pl.DataFrame) -> tuple[Tally, ...]:
    ranked = rows.select("Value", "Count").sort("Count", "Value", descending=[True, False])
    return tuple(Tally(*row) for row in ranked.head(TOP).iter_rows())


def _other_connectors(found: Survey, judgement: Judgement) -> tuple[str, ...]:
    window = judgement.window
    keys = {
        found.trail.connectors.key(change.connector)
        for change in acts(found.trail.changes)
        if window.start <= change.timestamp < window.end
    }
    return tuple(found.display(key) for key in sorted(keys - {judgement.connector}))


_CHANGE_SCHEMA = pl.Schema(
    {
        "Timestamp": TIME,
        "ActionType": pl.String(),
        "Succeeded": pl.Boolean(),
        "ActorKind": pl.String(),
        "ActorId": pl.String(),
        "ActorName": pl.String(),
        "IPAddress": pl.String(),
        "CountryCode": pl.String(),
        "City": pl.String(),
        "ISP": pl.String(),
        "UserAgent": pl.String(),
        "Target": pl.String(),
        "Parameters": pl.String(),
        "AuditId": pl.String(),
        "ReportId": pl.String(),
    }
)
_HOUR_SCHEMA = pl.Schema(
    {
        "Hour": TIME,
        "Messages": pl.Int64(),
        "Mismatched": pl.Int64(),
        "Outbound": pl.Int64(),
        "Junked": pl.Int64(),
    }
)
_SENDER_SCHEMA = pl.Schema(
    {
        "SenderFromAddress": pl.String(),
        "SenderMailFromAddress": pl.String(),
        "SenderObjectId": pl.String(),
        "Messages": pl.Int64(),
    }
)


def _frame(schema: pl.Schema, rows: Iterable[Sequence[object]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _names_frame(name: str, values: Iterable[str]) -> pl.DataFrame:
    return _frame(pl.Schema({name: pl.String()}), ((value,) for value in values))


def _tally_frame(value: str, count: str, tallies: Iterable[Tally]) -> pl.DataFrame:
    schema = pl.Schema({value: pl.String(), count: pl.Int64()})
    return _frame(schema, ((tally.value, tally.count) for tally in tallies))


def _change_frame(changes: Iterable[AdminChange]) -> pl.DataFrame:
    rows = (
        (
            change.timestamp,
            change.operation,
            change.succeeded,
            change.actor.kind.value,
            change.actor.id,
            change.actor.name,
            change.address,
            change.country,
            change.city,
            change.isp,
            change.user_agent,
            change.target,
            json.dumps(dict(change.parameters), ensure_ascii=False),
            change.audit_id,
            change.report_id,
        )
        for change in changes
    )
    return _frame(_CHANGE_SCHEMA, rows)


def _told(change: AdminChange) -> str:
    actor = change.actor.name or change.actor.id or "somebody unnamed"
    place = f" from {change.address}" if change.address else ""
    place += f" ({change.country})" if change.country else ""
    passed = ", ".join(f"{name}={value}" for name, value in change.parameters.items())
    outcome = " FAILED" if change.succeeded is False else ""
    return f"{change.operation}{outcome} by {actor}{place}" + (f": {passed}" if passed else "")


def latest(changes: Sequence[ConnectorChange]) -> ConnectorChange | None:
    """The last change that took effect, by a person or an application."""
    return max(acts(changes), key=lambda change: change.timestamp, default=None)
