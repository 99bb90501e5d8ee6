"""Microsoft Graph's security endpoints, as documented and as met."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from exconn.testing import faults
from exconn.testing._cells import NET_TYPES, changed, graph_cell
from exconn.testing._http import Reply, Service, as_json
from exconn.testing.engine import KqlRefused, Result
from exconn.testing.faults import Fault

HUNTING = "/v1.0/security/runHuntingQuery"
ALERTS = "/v1.0/security/alerts_v2"
AUDIENCES = (
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)
ROW_LIMIT = 100_000
BYTE_LIMIT = 124_000_000
LOOKBACK_DAYS = 30

_ID = "b354c428-504f-4544-8c90-49180d42a882"
_TOO_LARGE = (
    "Query execution has exceeded the allowed result size. Optimize your query by limiting the "
    "number of results and try again."
)
_QUOTA = (
    "You have exceeded processing resources allocated to this tenant. "
    "You can run queries again in 15 minutes."
)
_CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "ResourceNotFound",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
}


def failure(status: int, message: str = "") -> Reply:
    """An error in Graph's envelope."""
    about = {"date": "2026-03-27T00:00:00", "request-id": _ID, "client-request-id": _ID}
    code = _CODES.get(status, "UnknownError")
    return as_json({"error": {"code": code, "message": message, "innerError": about}}, status)


def fault_reply(fault: Fault) -> Reply | None:
    """How Graph words a fault; None if that is no matter of words."""
    match fault:
        case faults.Throttled():
            return failure(429, "Too many requests. Please try again later.")
        case faults.Forbidden():
            return failure(403, "Insufficient privileges to complete the operation.")
        case faults.TooLarge():
            return failure(400, _TOO_LARGE)
        case faults.TimedOut():
            return failure(504)
        case faults.QuotaExceeded():
            return failure(429, _QUOTA)
        case faults.Failed(status):
            return failure(status)
    return None


def refused(error: KqlRefused) -> Reply:
    """What Graph says of a query that cannot be run."""
    match error.part:
        case "table":
            problem = (
                "'where' operator: Failed to resolve table or column expression named "
                f"'{error.name}'. Fix semantic errors in your query."
            )
        case "column":
            problem = (
                f"Failed to resolve scalar expression named '{error.name}'. "
                "Fix semantic errors in your query."
            )
        case "syntax":
            problem = "The incomplete fragment is unexpected. Fix syntax errors in your query."
        case _:
            problem = f"exconn.testing cannot run this query: {error}"
    return failure(400, problem)


def hunted(
    result: Result, url: str, *, row_limit: int, byte_limit: int, upper: bool, fault: Fault | None
) -> Reply:
    """The results of a hunting query: rows beyond the limit are left out without a word."""
    if isinstance(fault, faults.ColumnsChanged):
        result = changed(result, fault)
    name, kind = ("Name", "Type") if upper else ("name", "type")
    described = zip(result.columns, result.types, strict=True)
    reply = as_json(
        {
            "@odata.context": f"{url}/v1.0/$metadata#microsoft.graph.security.huntingQueryResults",
            "schema": [{name: n, kind: NET_TYPES[t]} for n, t in described],
            "results": [_row(result, row) for row in result.rows[:row_limit]],
        }
    )
    return failure(400, _TOO_LARGE) if len(reply.body) > byte_limit else reply


def timespan(given: object, now: datetime) -> tuple[datetime, datetime | None]:
    """From when until when rows are seen: the request's time span, within the last 30 days.

    Raises:
        ValueError: it is none.
    """
    oldest = now - timedelta(days=LOOKBACK_DAYS)
    if not given:
        return oldest, None
    first, _, second = str(given).partition("/")
    span, length = _duration(first), _duration(second)
    end = _moment(second) if second and length is None else None
    start = _moment(first) if span is None else (end or now) - span
    return max(start, oldest), end if length is None else start + length


def _duration(text: str) -> timedelta | None:
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _row(result: Result, row: tuple[Any, ...]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, kind, value in zip(result.columns, result.types, row, strict=True):
        cell, beside = graph_cell(value, kind)
        if beside:
            cells[f"{name}@odata.type"] = beside
        cells[name] = cell
    return cells


SERVICE = Service(AUDIENCES, failure, fault_reply)
