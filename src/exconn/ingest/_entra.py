"""Sign-ins of Entra ID: tables of Sentinel, and what Graph and the admin center export."""

from collections.abc import Mapping

from exconn.ingest._cells import (
    Cell,
    UnfitError,
    blank,
    decoded_object,
    dynamic,
    folded,
    moment,
    text,
)
from exconn.ingest._row import Row
from exconn.ingest._times import parse_moment
from exconn.models.audit import host
from exconn.tables import IDENTITY_LOGON_EVENTS

_SIGNS = (
    frozenset({"userprincipalname", "appdisplayname", "ipaddress"}),
    frozenset({"serviceprincipalid", "resourcedisplayname"}),
)
"""Members that a sign-in of a person has, and one of an application or a managed identity."""

_TABLES = frozenset(
    {
        *("signinlogs", "aadnoninteractiveusersigninlogs", "aadserviceprincipalsigninlogs"),
        *("aadmanagedidentitysigninlogs", "noninteractiveusersigninlogs"),
        *("serviceprincipalsigninlogs", "managedidentitysigninlogs"),
    }
)
"""What `Type` and `category` call sign-ins: tables of Sentinel and streams of Azure Monitor."""

_AROUND = {
    "timegenerated": "time",
    "resultdescription": "resultdescription",
    "ipaddress": "calleripaddress",
}
"""What to take from around the properties of a streamed sign-in that lacks it."""

_NAMES = ("type", "$table", "category")
_WHO = ("userprincipalname", "userid", "serviceprincipalid")

_DOWNLOADED = {
    "date (utc)": "createddatetime",
    "request id": "id",
    "user id": "userid",
    "user": "userdisplayname",
    "username": "userprincipalname",
    "service principal id": "serviceprincipalid",
    "service principal name": "serviceprincipalname",
    "managed identity id": "serviceprincipalid",
    "managed identity name": "serviceprincipalname",
    "application": "appdisplayname",
    "resource": "resourcedisplayname",
    "ip address": "ipaddress",
    "sign-in error code": "resulttype",
    "failure reason": "resultdescription",
    "operating system": "operatingsystem",
}
"""Columns of the CSV that the admin center makes, and what its JSON calls them."""

_OUTCOMES = {
    "success": "LogonSuccess",
    "failure": "LogonFailed",
    "interrupted": "LogonInterrupted",
}
"""The words of the admin center for what became of a sign-in."""

INTERRUPTED = frozenset(
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
    nor failure: its ActionType is ``LogonInterrupted``, which no fact counts. An application is
    told by the object ID of its service principal.

    Raises:
        UnfitError: there is no readable time, or neither an error number nor success.
    """
    by_name = folded(record)
    if "date (utc)" in by_name:
        by_name = {_DOWNLOADED.get(name, name): value for name, value in by_name.items()}
    is_named = any(text(by_name.get(name)).lower() in _TABLES for name in _NAMES)
    inner = decoded_object(by_name.get("properties")) if is_named else None
    if inner is not None:
        record, by_name = inner, _with_around(folded(inner), by_name)
    status = folded(decoded_object(by_name.get("status")) or {})
    word = text(by_name.get("status")).strip().lower()
    number = _number(by_name, status)
    if not is_named and not any(by_name.keys() >= signs for signs in _SIGNS):
        return None
    if number is None and word not in _OUTCOMES:
        if is_named:
            raise UnfitError("looks like a sign-in; lacks an error number (ResultType)")
        return None
    if all(blank(by_name.get(name)) for name in _WHO):
        if is_named:
            raise UnfitError("looks like a sign-in; lacks who signed in (UserPrincipalName)")
        return None
    created, generated = by_name.get("createddatetime"), by_name.get("timegenerated")
    when = parse_moment(created) or parse_moment(generated) or moment(generated or created)
    action = _outcome(number or "", word)
    reason = text(status.get("failurereason")) or text(by_name.get("resultdescription"))
    device = folded(decoded_object(by_name.get("devicedetail")) or by_name)
    cells: dict[str, Cell] = {
        "Timestamp": when,
        "ActionType": action,
        "Application": _either(by_name, "appdisplayname", "serviceprincipalname"),
        "FailureReason": "" if action == "LogonSuccess" else reason or number or word,
        "AccountUpn": text(by_name.get("userprincipalname")),
        "AccountObjectId": _either(by_name, "userid", "serviceprincipalid"),
        "AccountDisplayName": _either(by_name, "userdisplayname", "serviceprincipalname"),
        "IPAddress": host(text(by_name.get("ipaddress"))),
        "Location": _country(by_name),
        "DeviceName": text(device.get("displayname")),
        "OSPlatform": text(device.get("operatingsystem")),
        "ReportId": text(by_name.get("id")),
        "AdditionalFields": dynamic(record),
    }
    return Row(IDENTITY_LOGON_EVENTS, ("entra",), cells)


def _with_around(inner: Mapping[str, object], outer: Mapping[str, object]) -> dict[str, object]:
    """A streamed sign-in with what only its envelope says; the properties count first."""
    found = dict(inner)
    for name, around in _AROUND.items():
        if blank(found.get(name)):
            found[name] = outer.get(around)
    if _number(found, folded(decoded_object(found.get("status")) or {})) is None:
        found["resulttype"] = outer.get("resulttype")
    return found


def _number(record: Mapping[str, object], status: Mapping[str, object]) -> str | None:
    """The error number, "0" for success; None where the record does not look like a sign-in."""
    for value in (record.get("resulttype"), status.get("errorcode")):
        if not blank(value):
            return text(value).strip()
    return None


def _outcome(number: str, word: str) -> str:
    """What became of a sign-in: the number decides, and the word where that says less.

    Raises:
        UnfitError: neither is known.
    """
    if number == "0":
        return "LogonSuccess"
    if number.isdecimal():
        interrupted = number in INTERRUPTED or word == "interrupted"
        return "LogonInterrupted" if interrupted else "LogonFailed"
    told = next((said for said in (word, number.lower()) if said in _OUTCOMES), None)
    if told is None:
        raise UnfitError("a sign-in without an error number")
    return _OUTCOMES[told]


def _either(record: Mapping[str, object], name: str, other: str) -> str:
    return text(record.get(name)) or text(record.get(other))


def _country(record: Mapping[str, object]) -> str:
    """The country's code: SigninLogs has it as text, Graph in an object, a CSV after the city."""
    place = record.get("location")
    inner = decoded_object(place)
    details = inner or decoded_object(record.get("locationdetails")) or {}
    country = text(folded(details).get("countryorregion"))
    named = text(place) if isinstance(place, str) and inner is None else ""
    return country or named.rpartition(",")[2].strip()
