"""Exchange message trace: rows of EmailEvents that know only a few columns."""

import ipaddress
import re
import uuid
from collections.abc import Iterator, Mapping

from exconn.ingest._cells import Cell, UnfitError, blank, cell, folded, moment, text
from exconn.ingest._row import Row
from exconn.models.audit import host
from exconn.tables import EMAIL_EVENTS

_DELIVERY = {
    "delivered": "Delivered",
    "filteredasspam": "Junked",
    "quarantined": "Blocked",
    "failed": "Blocked",
    "deliver": "Delivered",
    "send": "Delivered",
    "fail": "Blocked",
}
_DIRECTION = {"incoming": "Inbound", "inbound": "Inbound", "outbound": "Outbound"}
"""Without ``Originating``, which is mail to outside as well as within."""

_NO_DASHES = re.compile(r"[0-9A-Fa-f]{32}")

_REPORTED = {
    "origin_timestamp_utc": "Received",
    "sender_address": "SenderAddress",
    "message_subject": "Subject",
    "total_bytes": "Size",
    "message_id": "MessageId",
    "network_message_id": "MessageTraceId",
    "original_client_ip": "FromIP",
    "directionality": "Directionality",
    "connector_id": "ConnectorId",
}
"""Columns of the summary report that the admin center makes, and what a trace calls them."""

_STEPS = (
    frozenset({"date_time_utc", "event_id"}),
    frozenset({"messagetraceid", "event", "detail"}),
)
"""What rows of the extended report, and of ``Get-MessageTraceDetail``, have."""


def by_recipient(record: dict[str, object]) -> Iterator[dict[str, object]]:
    """The rows of a trace in a row of the summary report, which has all recipients in one cell.

    Any other record is only itself. A recipient is ``ann@contoso.example##Receive, Deliver``.
    """
    by_name = folded(record)
    told = text(by_name.get("recipient_status")).split(";")
    recipients = [recipient for recipient in told if recipient.strip()]
    if "origin_timestamp_utc" not in by_name or not recipients:
        yield record
        return
    known = {name: by_name[reported] for reported, name in _REPORTED.items() if reported in by_name}
    for recipient in recipients:
        address, _, status = recipient.partition("##")
        last = status.rpartition(",")[2]
        yield {**known, "RecipientAddress": address.strip(), "Status": last.strip()}


def traced(record: Mapping[str, object]) -> Row | None:
    """Read a row of a message trace; None when it is none.

    Its SenderAddress is the envelope sender (P1). What the trace does not tell is left out of the
    row, so that nobody takes it for empty.

    Raises:
        UnfitError: there is no readable time, or the size is not a number; or it is one of the
            many steps of a message, of which none tells all that a row says.
    """
    by_name = folded(record)
    if any(by_name.keys() >= steps for steps in _STEPS):
        raise UnfitError("a step in the trace of a message: export the summary report")
    received = by_name.get("received", by_name.get("receiveddatetime"))
    trace_id = by_name.get("messagetraceid", by_name.get("id"))
    if blank(trace_id) or not {"senderaddress", "recipientaddress"} <= set(by_name):
        return None
    if not {"messagetraceid", "received", "receiveddatetime"} & set(by_name):
        return None
    cells: dict[str, Cell] = {
        "Timestamp": moment(received),
        "NetworkMessageId": _dashed(text(trace_id)),
    }
    cells |= _addresses(by_name)
    if "messageid" in by_name:
        cells["InternetMessageId"] = text(by_name["messageid"])
    if "subject" in by_name:
        cells["Subject"] = text(by_name["subject"])
    if "size" in by_name:
        cells["EmailSize"] = cell(by_name["size"], EMAIL_EVENTS["EmailSize"])
    if "status" in by_name:
        cells["DeliveryAction"] = _DELIVERY.get(text(by_name["status"]).strip().lower(), "")
    if "directionality" in by_name:
        direction = text(by_name["directionality"]).strip().lower()
        cells["EmailDirection"] = _DIRECTION.get(direction, "")
    if "connectorid" in by_name:
        cells["Connectors"] = text(by_name["connectorid"])
    return Row(EMAIL_EVENTS, ("trace",), cells)


def _addresses(record: Mapping[str, object]) -> dict[str, Cell]:
    sender, recipient = text(record["senderaddress"]), text(record["recipientaddress"])
    found: dict[str, Cell] = {
        "SenderMailFromAddress": sender,
        "SenderMailFromDomain": _domain(sender),
        "RecipientEmailAddress": recipient,
        "RecipientDomain": _domain(recipient),
    }
    if "fromip" in record:
        address = host(text(record["fromip"]))
        version = _version(address)
        found["SenderIPv4"] = address if version == 4 else ""
        found["SenderIPv6"] = address if version == 6 else ""
    return found


def _dashed(trace_id: str) -> str:
    """The ID as EmailEvents spells it: a report's documentation has it without dashes."""
    return str(uuid.UUID(trace_id)) if _NO_DASHES.fullmatch(trace_id) else trace_id


def _domain(address: str) -> str:
    return address.strip().rpartition("@")[2] if "@" in address else ""


def _version(address: str) -> int | None:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return None
