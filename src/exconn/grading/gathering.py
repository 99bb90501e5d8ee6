"""How the evidence behind a grade is found."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import polars as pl
from attrs import evolve, frozen

from exconn.detectors import by_account, failed_logon, successful_logon, within
from exconn.facts import Judgement, Survey
from exconn.facts.logons import CHANGE_WITHIN, actors_of
from exconn.facts.mail.placing import number_of
from exconn.facts.queries import MANY
from exconn.facts.trail import acts
from exconn.grading.evidence import (
    LOGON_ROWS,
    MESSAGE_IDS,
    SAMPLE,
    TOP,
    Evidence,
    HourOfMail,
    Sender,
    Tally,
    Total,
)
from exconn.models import Email, Logon
from exconn.query import Query, scan
from exconn.tables import EMAIL_EVENTS, IDENTITY_LOGON_EVENTS
from exconn.window import TICK, Period, Window

_STRETCHES = 50


@frozen(eq=False)
class Rows:
    """What the queries gave that ask for single messages and sign-ins.

    Attributes:
        mail: of `mail_rows`.
        logons: of `logon_rows`.
    """

    mail: Sequence[pl.DataFrame]
    logons: Sequence[pl.DataFrame]


def mail_rows(window: Window, values: Collection[str]) -> list[Query]:
    """The queries for a connector's senders and messages, by values of `Connectors`."""
    mail = _mail(values).filter(within(Period(window.start, window.end)))
    return [_senders(mail), _message_ids(mail)]


def logon_rows(found: Survey, judgement: Judgement) -> list[Query]:
    """The queries for the sign-ins of those who changed a connector."""
    window = Period(judgement.window.start, judgement.window.end)
    actors, _ = actors_of(judgement, found.trail)
    changed = [change.timestamp for change in acts(found.trail.within(judgement))]
    return [
        _logons(window, actors, changed, outcome)
        for outcome in (successful_logon(), failed_logon())
    ]


def evidence(
    found: Survey, judgement: Judgement, peak: datetime | None, rows: Rows | None = None
) -> Evidence:
    """Collect the evidence about one judged connector.

    Args:
        found: the first round.
        judgement: the connector and the window.
        peak: the busiest hour of the window; None without mail.
        rows: single messages and sign-ins; None where they were not asked for.
    """
    window = judgement.window
    mail = found.mail.of(judgement.connector)
    in_window = (pl.col("Hour") >= window.start) & (pl.col("Hour") < window.end)
    hours = mail.connector_hours.filter(
        pl.col("Hour") >= window.baseline_start, pl.col("Hour") < window.end
    ).sort("Hour")
    others = mail.bulk_senders.filter(
        pl.col("Connector") != judgement.connector,
        pl.col("Hour") >= window.start,
        pl.col("Hour") < window.end,
    ).rename({"SenderFromAddress": "Value", "Messages": "Count"})
    addresses = mail.sending_addresses.filter(in_window)
    sender_domains = mail.sender_domains.filter(in_window)
    recipient_domains = mail.recipient_domains.filter(in_window)
    told = Evidence(
        changes=tuple(found.trail.within(judgement)),
        deeds=tuple(found.trail.by_actors(judgement)),
        hours=tuple(
            HourOfMail(*row)
            for row in hours.select(
                "Hour", "Messages", "Mismatched", "Outbound", "Junked", "First", "Last"
            ).iter_rows()
        ),
        addresses=_top(addresses, "Address", "Messages"),
        all_addresses=_total(addresses, "Address", "Messages"),
        sender_domains=_top(sender_domains, "P1", "Messages"),
        all_sender_domains=_total(sender_domains, "P1", "Messages"),
        recipient_domains=_top(recipient_domains, "Domain", "Deliveries"),
        all_recipient_domains=_total(recipient_domains, "Domain", "Deliveries"),
        other_bulk_senders=_tallies(others.group_by("Value").agg(pl.col("Count").max())),
        other_connectors=_other_connectors(found, judgement),
    )
    if rows is None:
        return told
    senders, ids = rows.mail
    return evolve(
        told,
        asked=True,
        logons=_in_order(rows.logons),
        sample=_sampled(found, judgement, peak),
        senders=tuple(Sender(*row) for row in senders.iter_rows()),
        message_ids=tuple(ids["NetworkMessageId"]),
    )


def _mail(values: Collection[str]) -> Query:
    return scan(EMAIL_EVENTS).filter(pl.col("Connectors").is_in(sorted(values)))


def _sampled(found: Survey, judgement: Judgement, peak: datetime | None) -> tuple[Email, ...]:
    """The first messages of the busiest hour."""
    window = Period(judgement.window.start, judgement.window.end)
    busiest = window if peak is None else Period(peak, peak + timedelta(hours=1))
    mail = _mail(found.values(judgement.connector)).filter(within(busiest))
    return tuple(Email.from_frame(_sample(mail).collect(found.source)))


def _in_order(logons: Sequence[pl.DataFrame]) -> tuple[Logon, ...]:
    found = Logon.from_frame(pl.concat(logons))
    return tuple(sorted(found, key=lambda logon: (logon.timestamp, logon.report_id)))


def _by_time(record: type[Email | Logon], rows: Query) -> list[str]:
    """The columns of a record to sort rows by; the others decide between equal times."""
    return sorted(record.columns().values(), key=lambda name: name != rows.table.time)


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
    """Sign-ins in the day before a change first, then others of the window; the latest of each.

    Columns: LedTo, whether it was in such a day, then those of a sign-in. The first stays, so that
    parts of the answer can be sorted by it once more.
    """
    days = _days_before(changed)
    near = [within(day) for day in days]
    led_to = pl.any_horizontal(near) if near else pl.lit(value=False)
    asked = [window, *days]
    whole = Period(min(one.start for one in asked), max(one.end for one in asked))
    logons = (
        scan(IDENTITY_LOGON_EVENTS)
        .filter(within(whole), within(window) | led_to, by_account(accounts), outcome)
        .with_columns(LedTo=pl.when(led_to).then(1).otherwise(0))
    )
    by = ["LedTo", *_by_time(Logon, logons)]
    return logons.select(*by).sort(by, descending=True).head(LOGON_ROWS)


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
