"""From what services write as JSON to frames of exactly the types that a query promises."""

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import polars as pl
from attrs import frozen

from exconn.tables import TIME
from exconn.window import parse_time

_SPAN = re.compile(r"(-?)(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?")
_REALS = {
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
    "INF": math.inf,
    "-INF": -math.inf,
}
"""Numbers that JSON lacks, as Kusto and as OData write them."""

NONSENSE = (
    AssertionError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
)
"""What clients of others raise at replies that are none: they read them as if they were."""


@frozen
class Reply:
    """What a service answers.

    Attributes:
        columns: the names.
        rows: a value for each column, as JSON has it.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


class Unreadable(Exception):  # noqa: N818 # what the reply is, not an accident
    """A reply is not what was asked for."""


def frame_of(reply: Reply, schema: pl.Schema) -> pl.DataFrame:
    """The reply as a frame.

    Raises:
        Unreadable: its columns are not those of the schema, or a value is not of its column's type.
    """
    if sorted(reply.columns) != sorted(schema):
        raise Unreadable(f"expected columns {', '.join(schema)}; got {', '.join(reply.columns)}")
    width = len(reply.columns)
    if any(not isinstance(row, list) or len(row) != width for row in reply.rows):
        raise Unreadable(f"some rows are not lists of {width} values")
    columns = zip(*reply.rows, strict=True) if reply.rows else ([] for _ in reply.columns)
    series = {
        name: _read(values, name, schema[name])
        for name, values in zip(reply.columns, columns, strict=True)
    }
    return pl.DataFrame({name: series[name] for name in schema})


def _read(values: Sequence[object], name: str, dtype: pl.DataType) -> pl.Series:
    reader = _reader(dtype)
    empty = "" if dtype == pl.String else None
    try:
        # Graph writes null as an empty object, other services as it is.
        read = [empty if value is None or value == {} else reader(value) for value in values]
        return pl.Series(name, read, dtype)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unreadable(f"column {name!r} is not {dtype}: {error}") from error


def _reader(dtype: pl.DataType) -> Callable[[object], object]:
    match dtype:
        case pl.String():
            return _text
        case pl.Boolean():
            return _truth
        case pl.Int64() | pl.Int32():
            return _whole
        case pl.Float64():
            return _real
        case pl.Duration():
            return _span
        case pl.List():
            inner = _reader(pl.Series(dtype=dtype.inner).dtype)
            return lambda value: [inner(element) for element in _list(value)]
        case _ if dtype == TIME:
            return _time
    raise TypeError(f"no reader for {dtype}")  # pragma: no cover # no query yields others


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = {key: held for key, held in value.items() if "@odata." not in key}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _truth(value: object) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError(f"got {value!r:.40}")


def _whole(value: object) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return int(value)
    raise ValueError(f"got {value!r:.40}")


def _real(value: object) -> float:
    if isinstance(value, str) and value in _REALS:
        return _REALS[value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"got {value!r:.40}")


def _time(value: object) -> datetime:
    if isinstance(value, str):
        return parse_time(value)
    raise ValueError(f"got {value!r:.40}")


def _span(value: object) -> timedelta:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"got {value!r:.40}")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    length = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "").ljust(7, "0")[:6]),
    )
    return -length if sign else length


def _list(value: object) -> list[object]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, list):
        raise TypeError(f"got {value!r:.40}")
    return found
