"""The evidence behind a grade: bounded rows."""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
from attrs import astuple, fields, frozen

from exconn.grading.export import write_tables
from exconn.models import AdminChange, ConnectorChange, Email, Logon
from exconn.tables import TIME

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
