"""One value of an export becomes one cell of a column, or a reason why it cannot."""

import functools
import json
import math
import re
from collections.abc import Mapping
from datetime import datetime

from exconn.ingest._times import is_ambiguous, parse_moment
from exconn.models.audit import truth
from exconn.tables import Column, KqlType

Cell = object
"""What a cell may hold: text, a number, a truth value, a time or None."""

OF_EVENTS = frozenset(
    {
        *("operation", "timestamp", "creationtime", "timegenerated"),
        *("createddatetime", "received", "receiveddatetime"),
    }
)
"""Folded names that records of events have, and neither listings nor what wraps records."""

_TYPED_NAME = re.compile(r"_(?:string|long|int|real|double|bool|boolean|datetime|dynamic|guid)$")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT_BITS = {KqlType.INT: 31, KqlType.LONG: 63}


class UnfitError(Exception):
    """A record cannot become a row; the message is the reason, in few enough words to count."""


@functools.lru_cache(maxsize=8192)
def fold(name: str) -> str:
    """The name of a column without case and without what exports append to it."""
    plain = name.strip().lower().removesuffix(" [utc]").rstrip("_")
    return _TYPED_NAME.sub("", plain)


def folded(record: Mapping[str, object]) -> dict[str, object]:
    """A record by folded names; of several spellings the first that says something counts."""
    found: dict[str, object] = {}
    for name, value in record.items():
        if is_sidecar(name):
            continue
        key = fold(name)
        if blank(found.get(key)):
            found[key] = value
    return found


def is_sidecar(name: str) -> bool:
    """Whether a key only describes another one, as Graph's ``Column@odata.type`` does."""
    return "@" in name


def blank(value: object) -> bool:
    """Whether a value says nothing; Graph writes null as an empty object."""
    return value is None or value in ("", {})


def text(value: object) -> str:
    """A value as text: nothing is ``""``, what is not text is JSON."""
    if blank(value):
        return ""
    if isinstance(value, str):
        return printable(value)
    return to_json(value)


def printable(value: str) -> str:
    """Text that can be stored: lone surrogates, which no encoding has, are replaced."""
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def to_json(value: object) -> str:
    """Compact JSON text; what JSON has no form for is text in it."""
    return printable(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def moment(value: object) -> datetime:
    """Read the time of a record.

    Raises:
        UnfitError: it cannot be read.
    """
    found = parse_moment(value)
    if found is None and is_ambiguous(value):
        raise UnfitError("day and month of the time could be either: write 2026-03-25 21:13")
    if found is None:
        raise UnfitError("no readable time")
    return found


def cell(value: object, column: Column) -> Cell:
    """Convert a value to what a column holds.

    Raises:
        UnfitError: the value is not of that kind.
    """
    if blank(value) or (isinstance(value, str) and value.isspace() and column.type in _EXACT):
        return None
    match column.type:
        case KqlType.STRING:
            return text(value)
        case KqlType.DYNAMIC:
            return dynamic(value)
        case KqlType.DATETIME:
            found: Cell = parse_moment(value)
        case KqlType.BOOL:
            found = _truth(value)
        case _:
            found = _number(value, column.type)
    if found is None:
        raise UnfitError(f"{column.name} is not {_KIND[column.type]}")
    return found


_EXACT = {KqlType.INT, KqlType.LONG, KqlType.REAL, KqlType.BOOL, KqlType.DATETIME}
_KIND = {
    KqlType.INT: "a 32-bit number",
    KqlType.LONG: "a 64-bit number",
    KqlType.REAL: "a number",
    KqlType.BOOL: "true or false",
    KqlType.DATETIME: "a time",
}


def dynamic(value: object) -> str:
    """JSON text of a dynamic value, without Graph's type marks and double encoding."""
    if isinstance(value, str):
        return printable(value) if _is_json(value) else to_json(value)
    if isinstance(value, list):
        value = [_decoded(element) for element in value]
    return to_json(_unmarked(value))


def decoded_object(value: object) -> dict[str, object] | None:
    """A mapping, or the JSON text of one; None for anything else."""
    value = _decoded(value)
    return value if isinstance(value, dict) else None


def _decoded(value: object) -> object:
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            return DECODER.decode(value)
        except (ValueError, RecursionError):
            return value
    return value


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


DECODER = json.JSONDecoder(parse_constant=str, parse_float=_finite)
"""Reads numbers that are none, or have no bound, as text: JSON has no form for them."""


def _is_json(value: str) -> bool:
    try:
        json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _unmarked(value: object) -> object:
    if isinstance(value, dict):
        return {k: _unmarked(v) for k, v in value.items() if "@odata." not in k}
    if isinstance(value, list):
        return [_unmarked(element) for element in value]
    return value


def _truth(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    return truth(value) if isinstance(value, str) else None


def _number(value: object, kind: KqlType) -> int | float | None:
    if isinstance(value, str):
        if "_" in value:  # what Python takes for a number, and nothing else
            return None
        try:
            value = float(value) if not _is_whole(value) else int(value)
        except (ValueError, OverflowError):
            return None
    if not isinstance(value, int | float):
        return None
    if kind is KqlType.REAL:
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, float) and not value.is_integer():
        return None
    whole = int(value)
    bound = 1 << _INT_BITS[kind]
    return whole if -bound <= whole < bound else None


def _is_whole(value: str) -> bool:
    return value.strip().lstrip("+-").isdecimal()
