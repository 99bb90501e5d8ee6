"""Reading the forms of time that exports have."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from exconn.window import utc

_MONTHS = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"([0-9]{4})[-/]([0-9][0-9])[-/]([0-9][0-9])"
    r"(?:[Tt ]+([0-9][0-9]):([0-9][0-9])(?::([0-9][0-9])(?:[.,]([0-9]+))?)?"
    r"\s*(?:(?P<z>[Zz]|UTC)|(?P<sign>[+-])(?P<h>[0-9][0-9]):?(?P<m>[0-9][0-9]))?)?"
)
_SLASHED = re.compile(
    r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}),?\s+"
    r"([0-9]{1,2}):([0-9][0-9])(?::([0-9][0-9])(?:\.([0-9]+))?)?(?:\s*([AaPp])\.?[Mm]\.?)?"
)
_DOTTED = re.compile(
    r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})\s+([0-9]{1,2}):([0-9][0-9])(?::([0-9][0-9]))?"
)
_DOTNET = re.compile(r"/Date\((-?[0-9]{1,18})(?:[+-][0-9]{4})?\)/")


def parse_moment(value: object) -> datetime | None:
    """Read a time in any form that exports have, as UTC floored to microseconds.

    ISO 8601 with ``T`` or a blank, dashes or slashes, up to any number of fractional digits, with
    ``Z``, an offset or no zone (which is UTC); ``18.5.2021 21:13:33`` with the day first;
    ``5/18/2021 9:13:33 PM`` and ``18/5/2021 21:13``, where one of the two numbers can only be the
    day; where both could be, the month is first if there is AM or PM, as in Microsoft's exports;
    ``/Date(1658751973240)/``, also inside the object that PowerShell makes of a date.

    Returns:
        None for anything else; a form that leaves day and month open is not guessed.
    """
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, Mapping):
        inner = value.get("value")
        return parse_moment(inner) if isinstance(inner, str) else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    for form, reader in _READERS:
        match = form.fullmatch(text)
        if match:
            try:
                return reader(match)
            except (ValueError, OverflowError):
                return None
    return None


def is_local(value: object) -> bool:
    """Whether a text is a time without a zone as spreadsheets and people's settings write it."""
    text = value.strip() if isinstance(value, str) else ""
    return any(form.fullmatch(text) for form in (_SLASHED, _DOTTED))


def is_ambiguous(value: object) -> bool:
    """Whether a text is a time of which day and month could be either."""
    match = _SLASHED.fullmatch(value.strip()) if isinstance(value, str) else None
    return match is not None and parse_moment(value) is None and _is_open(match)


def _is_open(match: re.Match[str]) -> bool:
    one, other = int(match[1]), int(match[2])
    return not match[8] and max(one, other) <= _MONTHS and one != other


def _iso(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second, fraction = match.groups()[:7]
    zone: timezone = UTC
    if match["sign"]:
        offset = timedelta(hours=int(match["h"]), minutes=int(match["m"]))
        zone = timezone(-offset if match["sign"] == "-" else offset)
    moment = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        _micros(fraction),
        tzinfo=zone,
    )
    return moment.astimezone(UTC)


def _slashed(match: re.Match[str]) -> datetime:
    one, other, year, hour, minute, second, fraction, half = match.groups()
    month, day = sorted((int(one), int(other))) if int(one) > _MONTHS else (int(one), int(other))
    if _is_open(match):
        raise ValueError("day and month could be either")
    if half and not 1 <= int(hour) <= 12:
        raise ValueError(hour)
    in_24 = int(hour) % 12 + (12 if half in "Pp" else 0) if half else int(hour)
    return datetime(
        int(year),
        month,
        day,
        in_24,
        int(minute),
        int(second or 0),
        _micros(fraction),
        tzinfo=UTC,
    )


def _dotted(match: re.Match[str]) -> datetime:
    day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _dotnet(match: re.Match[str]) -> datetime:
    # The offset in this form is only for display: the number is UTC.
    return _EPOCH + timedelta(milliseconds=int(match[1]))


def _micros(fraction: str | None) -> int:
    return int((fraction or "")[:6].ljust(6, "0"))


_READERS = ((_ISO, _iso), (_SLASHED, _slashed), (_DOTTED, _dotted), (_DOTNET, _dotnet))
