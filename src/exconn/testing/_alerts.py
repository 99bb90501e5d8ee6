"""Graph's alerts: listed in pages, read and updated one by one."""

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from exconn.testing import _graph
from exconn.testing._http import Reply, Request, as_json

Alert = Mapping[str, Any]

PATH = re.compile(r"/v1\.0/security/alerts_v2(?:/([^/]+))?")

_PAGE = 1_000
_FILTERED = (
    "assignedTo",
    "classification",
    "determination",
    "createdDateTime",
    "lastUpdateDateTime",
    "severity",
    "serviceSource",
    "status",
)
_COMPARISON = re.compile(r"\s*(\w+)\s+(eq|ne|gt|ge|lt|le)\s+('(?:[^']|'')*'|[^\s']+)\s*")
_UPDATES: Mapping[str, Sequence[str]] = {
    "status": ("new", "inProgress", "resolved"),
    "classification": (
        "unknown",
        "falsePositive",
        "truePositive",
        "informationalExpectedActivity",
    ),
    "determination": (
        "unknown",
        "apt",
        "malware",
        "securityPersonnel",
        "securityTesting",
        "unwantedSoftware",
        "other",
        "multiStagedAttack",
        "compromisedAccount",
        "phishing",
        "maliciousUserActivity",
        "notMalicious",
        "notEnoughDataToValidate",
        "confirmedActivity",
        "lineOfBusinessApplication",
    ),
}
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
}


class Alerts:
    """The alerts of a tenant.

    Args:
        alerts: as Graph has them; each with an ``id``.
    """

    def __init__(self, alerts: Sequence[Alert]) -> None:
        self._alerts = {alert["id"]: dict(alert) for alert in alerts}
        self._lock = threading.Lock()

    def answer(self, request: Request, url: str) -> Reply:
        """What Graph says to a request about alerts."""
        found = PATH.fullmatch(request.path)
        assert found
        with self._lock:
            if request.method == "GET" and not found[1]:
                return self._page(request.query, url)
            alert = self._alerts.get(found[1])
            if alert is None:
                return _graph.failure(404, "Alert not found.")
            if request.method == "GET":
                return as_json(alert)
            if request.method == "PATCH":
                return _updated(alert, request.json)
        return _graph.failure(405, "Method not allowed.")

    def _page(self, query: Mapping[str, str], url: str) -> Reply:
        try:
            tests = [_test(part) for part in _parts(query.get("$filter", ""))]
            top = min(int(query.get("$top", _PAGE)), _PAGE)
            skip = int(query.get("$skip", 0))
        except ValueError as error:
            return _graph.failure(400, f"Invalid filter clause: {error}")
        found = [alert for alert in self._alerts.values() if all(test(alert) for test in tests)]
        page: dict[str, Any] = {
            "@odata.context": f"{url}/v1.0/$metadata#security/alerts_v2",
            "value": found[skip : skip + top],
        }
        if len(found) > skip + top:
            more = {**query, "$top": str(top), "$skip": str(skip + top)}
            page["@odata.nextLink"] = f"{url}{_graph.ALERTS}?{urlencode(more)}"
        return as_json(page)


def _parts(text: str) -> list[str]:
    """The comparisons between ``and``; quotes may hold that word."""
    parts: list[str] = []
    while text.strip():
        found = _COMPARISON.match(text)
        if not found:
            raise ValueError(text)
        parts.append(found[0])
        rest = text[found.end() :]
        if rest and not rest.startswith("and "):
            raise ValueError(rest)
        text = rest.removeprefix("and ")
    return parts


def _test(comparison: str) -> Callable[[Alert], bool]:
    found = _COMPARISON.fullmatch(comparison)
    assert found
    name, operator, literal = found.groups()
    if name not in _FILTERED:
        raise ValueError(f"{name} cannot be filtered")
    compared = _COMPARED[operator]
    if name.endswith("DateTime"):
        limit = _moment(literal)
        return lambda alert: name in alert and compared(_moment(alert[name]), limit)
    value = None if literal == "null" else literal.strip("'").replace("''", "'")
    return lambda alert: compared(alert.get(name), value)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _updated(alert: dict[str, Any], changes: Mapping[str, Any]) -> Reply:
    """The alert as it is after a change, or what is wrong with the change."""
    for name, value in changes.items():
        if name not in (*_UPDATES, "assignedTo"):
            return _graph.failure(400, f"The property {name!r} cannot be updated.")
        if name in _UPDATES and value not in _UPDATES[name]:
            return _graph.failure(400, f"{json.dumps(value)} is no value of {name!r}.")
    alert.update(changes)
    return as_json(alert)
