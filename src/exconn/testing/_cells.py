"""Results as the services write them."""

import json
import math
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import evolve

from exconn.testing.engine import Result
from exconn.testing.faults import ColumnsChanged

NET_TYPES = {
    "bool": "SByte",
    "int": "Int32",
    "long": "Int64",
    "real": "Double",
    "decimal": "SqlDecimal",
    "string": "String",
    "datetime": "DateTime",
    "timespan": "TimeSpan",
    "guid": "Guid",
    "dynamic": "Object",
}
"""What .NET calls Kusto's types; so do the schemas of both services."""


def kusto_cell(value: Any, kind: str) -> Any:
    """A value in the rows of Kusto's responses, in version 2."""
    match value:
        case None:
            return "" if kind == "string" else None
        case datetime():
            return _trimmed(value)
        case timedelta():
            return timespan(value)
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case Decimal() | uuid.UUID():
            return str(value)
        case list():
            return [kusto_cell(inner, "dynamic") for inner in value]
    return value


def graph_cell(value: Any, kind: str) -> tuple[Any, str]:
    """A value in a row of Graph's hunting results, and the type that stands beside it, or ""."""
    match value:
        case None if kind != "string":
            return {}, ""
        case bool() if kind == "bool":
            return int(value), "#SByte"
        case datetime():
            return f"{value.isoformat(timespec='microseconds')}0Z", ""
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF", ""
        case dict():
            return {"@odata.type": "#microsoft.graph.security.dynamicColumnValue", **value}, ""
        case list():
            inner = kusto_cell(value, kind)
            objects = [json.dumps(v) if isinstance(v, dict | list) else v for v in inner]
            return objects, "#Collection(String)"
    return kusto_cell(value, kind), ""


def timespan(value: timedelta) -> str:
    """As .NET writes it: days, and the fraction in seven digits, only if there are any."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    hours, rest = divmod(value - timedelta(days=value.days), timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds, rest = divmod(rest, timedelta(seconds=1))
    days = f"{value.days}." if value.days else ""
    fraction = f".{rest.microseconds:06}0" if rest else ""
    return f"{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def changed(result: Result, fault: ColumnsChanged) -> Result:
    """A result without its last column, or with texts in it."""
    if fault.dropped:
        rows = [row[:-1] for row in result.rows]
        return Result(result.columns[:-1], result.types[:-1], rows)
    rows = [(*row[:-1], json.dumps(row[-1], default=str)) for row in result.rows]
    return evolve(result, types=(*result.types[:-1], "string"), rows=rows)


def _trimmed(time: datetime) -> str:
    """As Kusto writes it: up to seven digits of a second, without the zeros at the end."""
    whole, _, fraction = time.isoformat().partition(".")
    return f"{whole}.{fraction.rstrip('0')}Z" if fraction else f"{whole}Z"
