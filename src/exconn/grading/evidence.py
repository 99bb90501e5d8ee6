"""The evidence behind a grade: bounded rows, and what happened when."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
from attrs import astuple, fields, frozen

from exconn.detectors import by_account, failed_logon, successful_logon, within
from exconn.facts import Judgement, Survey
from exconn.facts.logons import CHANGE_WITHIN, Logons, actors_of
from exconn.facts.mail.placing import number_of
from exconn.facts.queries import MANY
from exconn.facts.trail import acts
from exconn.grading.export import write_tables
from exconn.models import AdminChange, ConnectorChange, Email, Logon
from exconn.query import Query, scan
from exconn.tables import EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, TIME
from exconn.window import HOUR, TICK, Period, Window

SAMPLE = 20
TOP = 20
LOGON_ROWS = 50
MESSAGE_IDS = 1000
_STRETCHES = 50


@frozen
class Tally:
    """How often something occurs."""

    value: str
    count: int


@frozen
class Total:
    """What a list of the most frequent values is a part of.

    Attributes:
        values: how many there are; of hours with too many to tell apart the fullest counts.
        count: how often all of them occur.
        untold: of that, in hours with too many values to tell apart; the list leaves those out.
    """

    values: int = 0
    count: int = 0
    untold: int = 0


@frozen
class HourOfMail:
    """What passed through the connector in an hour.

    Attributes:
        time: the hour's beginning.
        first: when its first message passed.
        last: when its last did.
    """

    time: datetime
    messages: int
    mismatched: int
    outbound: int
    junked: int
    first: datetime
    last: datetime


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
        asked: whether single messages, senders and sign-ins were asked for; `hunt` does not.
        changes: of the connector in the window, failed ones too.
        deeds: what else those who made them did (transport rules, grants).
        logons: sign-ins of those who made them; at most 50 successes and 50 failures. Those in the
            day before a change go before others of the window, and of each the latest.
        sample: messages of the busiest hour, the first 20.
        hours: the connector's mail by hour, baseline and window.
        senders: those with the most messages in the window, at most 20, as in the lists below.
        addresses: that handed mail over in the window, by messages; like domains, without those of
            hours with too many to tell apart.
        all_addresses: how many there are in all.
        sender_domains: the P1 domains of the window, by messages.
        all_sender_domains: how many there are in all.
        recipient_domains: of the window, by deliveries.
        all_recipient_domains: how many there are in all.
        message_ids: NetworkMessageIds of the window, in the order of time; at most 1,000.
        other_bulk_senders: who else sent in bulk to outside, by messages in their busiest hour.
        other_connectors: other connectors that were changed in the window.
    """

    asked: bool = False
    changes: tuple[ConnectorChange, ...] = ()
    deeds: tuple[AdminChange, ...] = ()
    logons: tuple[Logon, ...] = ()
    sample: tuple[Email, ...] = ()
    hours: tuple[HourOfMail, ...] = ()
    senders: tuple[Sender, ...] = ()
    addresses: tuple[Tally, ...] = ()
    all_addresses: Total = Total()
    sender_domains: tuple[Tally, ...] = ()
    all_sender_domains: Total = Total()
    recipient_domains: tuple[Tally, ...] = ()
    all_recipient_domains: Total = Total()
    message_ids: tuple[str, ...] = ()
    other_bulk_senders: tuple[Tally, ...] = ()
    other_connectors: tuple[str, ...] = ()

    def to_frames(self) -> dict[str, pl.DataFrame]:
        """The same as frames, by the names of the attributes; `totals` says what lists leave out.

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
            "totals": _frame(
                _TOTAL_SCHEMA,
                (
                    (name, *astuple(total))
                    for name, total in (
                        ("addresses", self.all_addresses),
                        ("sender_domains", self.all_sender_domains),
                        ("recipient_domains", self.all_recipient_domains),
                    )
                    if total.count
                ),
            ),
        }

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        r"""Write each frame as Parquet and as CSV, all or none; replaces those files.

        Parquet has the values as they are. In CSV a quote stands where a spreadsheet would begin to
        compute, whether it splits lines at commas, semicolons, tabs or bars, and characters that
        cannot be seen are written as ``\u....``.

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
        lists = {field.name: getattr(self, field.name) for field in fields(Evidence)}
        return {name: len(value) for name, value in lists.items() if isinstance(value, tuple)}


@frozen
class Event:
    """Something that happened.

    Attributes:
        kind: ``logon``, ``change``, ``attempt`` (a change that failed), ``deed``, ``mail`` or
            ``alert``.
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
    addresses = mail.sending_addresses.filter(in_window)
    sender_domains = mail.sender_domains.filter(in_window)
    recipient_domains = mail.recipient_domains.filter(in_window)
    return Evidence(
        asked=rows,
        changes=tuple(found.trail.within(judgement)),
        deeds=tuple(found.trail.by_actors(judgement)),
        logons=logons,
        sample=messages,
        hours=tuple(
            HourOfMail(*row)
            for row in hours.select(
                "Hour", "Messages", "Mismatched", "Outbound", "Junked", "First", "Last"
            ).iter_rows()
        ),
        senders=senders,
        addresses=_top(addresses, "Address", "Messages"),
        all_addresses=_total(addresses, "Address", "Messages"),
        sender_domains=_top(sender_domains, "P1", "Messages"),
        all_sender_domains=_total(sender_domains, "P1", "Messages"),
        recipient_domains=_top(recipient_domains, "Domain", "Deliveries"),
        all_recipient_domains=_total(recipient_domains, "Domain", "Deliveries"),
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
        Event(
            c.timestamp,
            "attempt" if c.succeeded is False else "change",
            _told(c),
            c.audit_id or c.report_id,
        )
        for c in gathered.changes
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
    events += _mail(gathered, window, peak)
    return tuple(sorted(events, key=lambda event: (event.time, event.kind, event.summary)))


def _mail(gathered: Evidence, window: Window, peak: datetime | None) -> Iterator[Event]:
    """The first and the last mail of the window, and its busiest hour."""
    hours = [hour for hour in gathered.hours if hour.time >= window.start]
    if not hours:
        return
    for hour in hours:
        told = ["first mail in the window"] if hour is hours[0] else []
        if hour.time == peak:
            told.append(f"busiest hour, {hour.time:%H:%M} to {hour.time + HOUR:%H:%M}")
        if told:
            count = f"{hour.messages:,} {'message' if hour.messages == 1 else 'messages'}"
            yield Event(hour.first, "mail", f"{'; '.join(told)}: {count} that hour")
    if hours[-1].last > hours[0].first:
        yield Event(hours[-1].last, "mail", "last mail in the window")


def _rows(
    found: Survey, judgement: Judgement, peak: datetime | None
) -> tuple[tuple[Email, ...], tuple[Logon, ...], tuple[Sender, ...], tuple[str, ...]]:
    window = Period(judgement.window.start, judgement.window.end)
    values = found.values(judgement.connector)
    busiest = window if peak is None else Period(peak, peak + timedelta(hours=1))
    actors, _ = actors_of(judgement, found.trail)
    changed = [change.timestamp for change in acts(found.trail.within(judgement))]
    mail = scan(EMAIL_EVENTS).filter(pl.col("Connectors").is_in(values))
    sample, senders, ids, succeeded, failed = found.source.collect(
        [
            _sample(mail.filter(within(busiest))),
            _senders(mail.filter(within(window))),
            _message_ids(mail.filter(within(window))),
            _logons(window, actors, changed, successful_logon()),
            _logons(window, actors, changed, failed_logon()),
        ]
    )
    logons = Logon.from_frame(pl.concat([succeeded, failed]))
    return (
        tuple(Email.from_frame(sample)),
        tuple(sorted(logons, key=lambda logon: (logon.timestamp, logon.report_id))),
        tuple(Sender(*row) for row in senders.iter_rows()),
        tuple(ids["NetworkMessageId"]),
    )


def _by_time(record: type[Email | Logon], rows: Query) -> list[str]:
    """The columns of a record to sort rows by; the others decide between equal times."""
    names = [name for name in record.columns().values() if name in rows.schema]
    return sorted(names, key=lambda name: name != rows.table.time)


def _sample(mail: Query) -> Query:
    names = _by_time(Email, mail)
    return mail.select(*names).sort(names).head(SAMPLE)


def _senders(mail: Query) -> Query:
    by = ("SenderFromAddress", "SenderMailFromAddress", "SenderObjectId")
    hour = pl.col("Timestamp").dt.truncate("1h")
    return (
        mail.group_by(*(pl.col(name).str.to_lowercase() for name in by), Hour=hour)
        .agg(Messages=pl.col("NetworkMessageId").str.to_lowercase().n_unique())
        .group_by(*by)
        .agg(pl.col("Messages").sum())
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


def _logons(
    window: Period, accounts: set[str], changed: Sequence[datetime], outcome: pl.Expr
) -> Query:
    """Sign-ins in the day before a change first, then others of the window; the latest of each."""
    near = [within(period) for period in _days_before(changed)]
    led_to = pl.any_horizontal(near) if near else pl.lit(value=False)
    logons = (
        scan(IDENTITY_LOGON_EVENTS)
        .filter(within(window) | led_to, by_account(accounts), outcome)
        .with_columns(LedTo=pl.when(led_to).then(1).otherwise(0))
    )
    names = _by_time(Logon, logons)
    by = ["LedTo", *names]
    return logons.select(*by).sort(by, descending=True).head(LOGON_ROWS).select(*names)


def _days_before(changed: Sequence[datetime]) -> list[Period]:
    """The days before some changes, those that overlap as one; of very many the latest."""
    days: list[Period] = []
    for when in sorted(changed):
        start, end = when - CHANGE_WITHIN, when + TICK
        if days and start <= days[-1].end:
            days[-1] = Period(days[-1].start, end)
        else:
            days.append(Period(start, end))
    return days[-_STRETCHES:]


def _top(rows: pl.DataFrame, value: str, count: str) -> tuple[Tally, ...]:
    named = rows.filter(pl.col(value) != MANY)
    return _tallies(named.group_by(Value=pl.col(value)).agg(Count=pl.col(count).sum()))


def _total(rows: pl.DataFrame, value: str, count: str) -> Total:
    untold = pl.col(value) == MANY
    values = number_of(value, pl.col(value) != "")
    sums = rows.select(values, pl.col(count).sum(), Untold=pl.col(count).filter(untold).sum())
    return Total(*sums.row(0))


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
        "First": TIME,
        "Last": TIME,
    }
)
_TOTAL_SCHEMA = pl.Schema(
    {"List": pl.String(), "Values": pl.Int64(), "Count": pl.Int64(), "Untold": pl.Int64()}
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
