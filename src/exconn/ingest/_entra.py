"""Sign-ins of Entra ID: SigninLogs of Sentinel, and what Graph and the portal export."""

from collections.abc import Mapping

from exconn.ingest._cells import Cell, UnfitError, blank, decoded_object, dynamic, folded, text
from exconn.ingest._row import Row
from exconn.ingest._times import parse_moment
from exconn.models.audit import host
from exconn.tables import IDENTITY_LOGON_EVENTS

_SIGNS = frozenset({"userprincipalname", "appdisplayname", "ipaddress"})
_INTERRUPTED = frozenset(
    {
        *("16000", "50055", "50058", "50059", "50072", "50074", "50076", "50079", "50097"),
        *("50125", "50127", "50129", "50140", "50143", "50144", "50199", "51006", "52004"),
        *("65001", "65004", "81010", "81012", "81014"),
    }
)
"""Errors that end no sign-in: the next step is asked of the user, or was not taken yet.

Source: `Microsoft Entra authentication and authorization error codes
<https://learn.microsoft.com/entra/identity-platform/reference-error-codes>`_.
"""


def signed_in(record: Mapping[str, object]) -> Row | None:
    """Read a sign-in; None when the record is none.

    An error that only interrupts a sign-in (a second factor is asked for, say) is neither success
    nor failure: its ActionType is ``LogonInterrupted``, which no fact counts.

    Raises:
        UnfitError: there is no readable time, or neither an error number nor success.
    """
    by_name = folded(record)
    status = decoded_object(by_name.get("status")) or {}
    number = _number(by_name, folded(status))
    if not by_name.keys() >= _SIGNS or number is None:
        return None
    moment = parse_moment(by_name.get("createddatetime")) or parse_moment(
        by_name.get("timegenerated")
    )
    if moment is None:
        raise UnfitError("no readable time")
    if not number.isdecimal():
        raise UnfitError("a sign-in without an error number")
    reason = text(folded(status).get("failurereason")) or text(by_name.get("resultdescription"))
    device = folded(decoded_object(by_name.get("devicedetail")) or {})
    cells: dict[str, Cell] = {
        "Timestamp": moment,
        "ActionType": _outcome(number),
        "Application": text(by_name["appdisplayname"]),
        "FailureReason": "" if number == "0" else reason or number,
        "AccountUpn": text(by_name["userprincipalname"]),
        "AccountObjectId": text(by_name.get("userid")),
        "AccountDisplayName": text(by_name.get("userdisplayname")),
        "IPAddress": host(text(by_name["ipaddress"])),
        "Location": _country(by_name),
        "DeviceName": text(device.get("displayname")),
        "OSPlatform": text(device.get("operatingsystem")),
        "ReportId": text(by_name.get("id")),
        "AdditionalFields": dynamic(record),
    }
    return Row(IDENTITY_LOGON_EVENTS, ("entra",), cells)


def _number(record: Mapping[str, object], status: Mapping[str, object]) -> str | None:
    """The error number, "0" for success; None where the record does not look like a sign-in."""
    for value in (record.get("resulttype"), status.get("errorcode")):
        if not blank(value):
            return text(value).strip()
    return None


def _outcome(number: str) -> str:
    if number == "0":
        return "LogonSuccess"
    return "LogonInterrupted" if number in _INTERRUPTED else "LogonFailed"


def _country(record: Mapping[str, object]) -> str:
    """The country's code: SigninLogs has it as text, Graph in an object."""
    place = record.get("location")
    details = decoded_object(place) or decoded_object(record.get("locationdetails")) or {}
    country = text(folded(details).get("countryorregion"))
    return country or (text(place) if isinstance(place, str) else "")
