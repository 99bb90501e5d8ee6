"""Audit records: unified audit log in its wrappings, and OfficeActivity of Sentinel."""

import re
from collections.abc import Iterable, Mapping

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
from exconn.ingest._entra import INTERRUPTED
from exconn.ingest._row import Row
from exconn.models.audit import host, object_name
from exconn.tables import CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_EXCHANGE = "Microsoft Exchange Online"
_EXCHANGE_ID = 20893
_EXCHANGE_RECORDS = {"1", "2", "3", "50"}
_TIMES = ("creationtime", "timegenerated", "creationdate", "createddatetime")
_IDS = ("id", "officeid", "sourcerecordid", "identity")
_WORKLOADS = ("workload", "officeworkload", "service", "appresourceprovider")
_ADDRESSES = ("clientip", "clientipaddress", "client_ipaddress", "actoripaddress", "ipaddress")
_SIGNS = frozenset(
    ("workload", "officeworkload", "recordtype", "auditlogrecordtype", "usertype", "userkey")
)
_ACCOUNT_TYPES = {
    **dict.fromkeys(("0", "regular", "9", "partnertechnician", "10", "guest"), "Regular"),
    **dict.fromkeys(("2", "admin"), "Admin"),
    **dict.fromkeys(("3", "dcadmin", "4", "system", "7", "custompolicy"), "System"),
    **dict.fromkeys(("8", "systempolicy"), "System"),
    **dict.fromkeys(("5", "application", "6", "serviceprincipal"), "Application"),
}
_ADMINS = {"2", "admin", "3", "dcadmin"}
_SIGN_INS = {"userloggedin": True, "userloginfailed": False}
_WRAPPED = {
    "CreationTime": ("creationtime", "creationdate", "createddatetime"),
    "Operation": ("operation", "operations"),
    "RecordType": ("recordtype", "auditlogrecordtype"),
    "Workload": ("workload", "service"),
    "UserId": ("userid", "userprincipalname", "userids"),
    "UserType": ("usertype",),
    "ObjectId": ("objectid",),
    "ClientIP": ("clientip",),
    "Id": ("id", "identity", "recordid"),
}
"""What to take from around an `AuditData` that lacks it."""


def audited(record: Mapping[str, object]) -> Row | None:
    """Read an audit record, bare or with an `AuditData` member; None when it is none.

    Sign-ins become IdentityLogonEvents, all others CloudAppEvents.

    Raises:
        UnfitError: it has no readable time, or its `AuditData` is not readable.
    """
    raw = _unwrapped(record)
    by_name = folded(raw)
    operation = by_name.get("operation")
    if not isinstance(operation, str) or not operation.strip():
        return None
    if not any(not blank(by_name.get(sign)) for sign in _SIGNS):
        return None
    when = moment(_first(by_name, _TIMES))
    workload = _text(by_name, _WORKLOADS)
    if operation.lower() in _SIGN_INS and workload.lower() in ("azureactivedirectory", ""):
        cells = _sign_in(by_name, operation)
        return Row(
            IDENTITY_LOGON_EVENTS,
            ("audit",),
            {"Timestamp": when, **cells, "AdditionalFields": dynamic(raw)},
        )
    cells = _activity(by_name, operation, workload)
    return Row(
        CLOUD_APP_EVENTS,
        ("audit",),
        {"Timestamp": when, **cells, "RawEventData": dynamic(raw)},
    )


def _unwrapped(record: Mapping[str, object]) -> Mapping[str, object]:
    by_name = folded(record)
    if blank(by_name.get("auditdata")):
        return record
    inner = decoded_object(by_name["auditdata"])
    if inner is None:
        raise UnfitError("AuditData is not a JSON object: import the file as downloaded")
    has = folded(inner)
    around = {
        name: value
        for name, sources in _WRAPPED.items()
        if blank(has.get(name.lower())) and not blank(value := _first(by_name, sources))
    }
    return {**inner, **around}


def _activity(record: Mapping[str, object], operation: str, workload: str) -> dict[str, Cell]:
    is_exchange = workload.lower() == "exchange" or (not workload and _is_exchange_type(record))
    cells: dict[str, Cell] = {
        "ActionType": text(operation),
        "Application": _EXCHANGE if is_exchange else workload,
        "ApplicationId": _EXCHANGE_ID if is_exchange else None,
        "AccountObjectId": _object_id(record),
        "AccountId": _text(record, ("userid",)),
        "AccountDisplayName": _text(record, ("userid",)),
        "AccountType": _account_type(record),
        "IsAdminOperation": _is_admin(record),
        "IPAddress": host(_text(record, _ADDRESSES)),
        "ObjectName": object_name(_text(record, ("objectid", "officeobjectid"))),
        "ObjectId": _text(record, ("objectid", "officeobjectid")),
        "ReportId": _text(record, _IDS),
    }
    if "useragent" in record:
        cells["UserAgent"] = _text(record, ("useragent",))
    return cells


def _sign_in(record: Mapping[str, object], operation: str) -> dict[str, Cell]:
    error = _text(record, ("logonerror",))
    number = "" if (told := _error_number(record)) == "0" else told
    # ResultStatus is not asked: failed sign-ins say "Success" there.
    succeeded = _SIGN_INS[operation.lower()] and not error and not number
    interrupted = number in INTERRUPTED or error.lower().endswith("interrupt")
    ended = "LogonSuccess" if succeeded else "LogonFailed"
    return {
        "ActionType": "LogonInterrupted" if interrupted else ended,
        "Application": "Microsoft 365",
        "FailureReason": "" if succeeded else error or number,
        "AccountUpn": _text(record, ("userid",)),
        "AccountObjectId": _object_id(record),
        "IPAddress": host(_text(record, _ADDRESSES)),
        "ReportId": _text(record, _IDS),
    }


def _error_number(record: Mapping[str, object]) -> str:
    number = _text(record, ("errornumber", "errorcode")).strip()
    extended = record.get("extendedproperties")
    if number or not isinstance(extended, list):
        return number
    for element in extended:
        pair = folded(element) if isinstance(element, dict) else {}
        if str(pair.get("name")).lower() in ("errornumber", "errorcode"):
            return text(pair.get("value")).strip()
    return ""


def _object_id(record: Mapping[str, object]) -> str:
    key = _text(record, ("userkey",)).strip()
    return key if _GUID.fullmatch(key) else ""


def _account_type(record: Mapping[str, object]) -> str:
    user = _text(record, ("userid",)).strip()
    if user.upper().startswith("NT AUTHORITY\\"):
        return "System"
    if _GUID.fullmatch(user):
        return "Application"
    return _ACCOUNT_TYPES.get(_text(record, ("usertype",)).strip().lower(), "")


def _is_admin(record: Mapping[str, object]) -> bool | None:
    user_type = _text(record, ("usertype",)).strip().lower()
    if user_type in _ADMINS or _record_type(record) in ("1", "exchangeadmin"):
        return True
    return False if user_type else None


def _is_exchange_type(record: Mapping[str, object]) -> bool:
    kind = _record_type(record)
    return kind in _EXCHANGE_RECORDS or kind.startswith("exchange")


def _record_type(record: Mapping[str, object]) -> str:
    return _text(record, ("recordtype", "auditlogrecordtype")).strip().lower()


def _first(record: Mapping[str, object], names: Iterable[str]) -> object:
    return next((record[name] for name in names if not blank(record.get(name))), None)


def _text(record: Mapping[str, object], names: Iterable[str]) -> str:
    return text(_first(record, names))
