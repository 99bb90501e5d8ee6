"""The string, time and list functions of Polars become nodes."""

import re
from collections.abc import Sequence
from datetime import timedelta

from attrs import evolve

from exconn.kql.nodes import Literal, Node, op
from exconn.kql.reader import Reader
from exconn.kql.regex import is_valid, unlike
from exconn.kql.serialised import Tree, name_of
from exconn.tables import KqlType

_PARTS = {
    "Second": "second",
    "Minute": "minute",
    "Hour": "hour",
    "Day": "day",
    "WeekDay": "weekday",
    "OrdinalDay": "day of year",
    "Week": "week",
    "Month": "month",
    "Year": "year",
}
_UNITS = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_STARTS = {"1mo": "start of month", "1y": "start of year"}
_TOTALS = {"TotalMilliseconds": "ms", "TotalSeconds": "s", "TotalMinutes": "m"}
_TOTALS |= {"TotalHours": "h", "TotalDays": "d"}
_PATH = re.compile(r"\$((?:\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\])+)")
_STEP = re.compile(r"\.(\w+)|\[([0-9]+)\]")
_MOST_PARTS = 64


def string_function(reader: Reader, kind: Tree, inputs: Sequence[Tree]) -> Node:
    """A function of `.str`, or `concat_str`."""
    subject = reader.node(inputs[0])
    if subject.type not in (KqlType.STRING, KqlType.DYNAMIC) and "ConcatHorizontal" not in kind:
        raise reader.refusal(f"str.{name_of(kind)} of other than strings")
    if kind in ("Lowercase", "Uppercase"):
        return op("lower" if kind == "Lowercase" else "upper", KqlType.STRING, subject)
    reader.whole(subject)
    match kind:
        case "StartsWith" | "EndsWith" | {"Contains": {"literal": True, "strict": bool()}}:
            other = reader.node(inputs[1])
            reader.whole(other)
            if other.type is not KqlType.STRING:
                raise reader.refusal(f"str.{name_of(kind)} with {other.type.value}")
            name = {"StartsWith": "starts", "EndsWith": "ends"}.get(str(kind), "contains")
            return op(name, KqlType.BOOL, subject, other)
        case {"Contains": {"literal": False, "strict": bool()}}:
            pattern = _pattern(reader, inputs[1])
            return op("matches", KqlType.BOOL, subject, option=pattern)
        case {"Extract": int(group)}:
            pattern = _pattern(reader, inputs[1])
            return op("extract", KqlType.STRING, subject, option=(pattern, group), nullable=True)
        case {"Split": False}:
            separator = reader.value(inputs[1], str)
            if not separator:
                raise reader.refusal("split on nothing")
            return op("split", KqlType.DYNAMIC, subject, option=separator)
        case "StripChars" | "StripCharsStart" | "StripCharsEnd":
            return _strip(reader, kind, subject, inputs[1])
        case "LenChars":
            return op("length", KqlType.LONG, subject, narrow=True)
        case {"Replace": {"n": -1, "literal": True}}:
            old, new = reader.value(inputs[1], str), reader.value(inputs[2], str)
            if not old:
                raise reader.refusal("replacing nothing")
            return op("replace", KqlType.STRING, subject, option=(old, new))
        case "Slice" | "Head":
            places = [reader.value(tree, int | None) for tree in inputs[1:]]
            start, length = (0, *places) if kind == "Head" else places
            if start is None or start < 0 or (length is not None and length < 0):
                raise reader.refusal("a slice from the end")
            return op("slice", KqlType.STRING, subject, option=(start, length))
        case {"ConcatHorizontal": {"delimiter": str(delimiter), "ignore_nulls": bool()}}:
            return _concat(reader, [reader.node(tree) for tree in inputs], delimiter)
        case "JsonPathMatch":
            return _json(reader, subject, reader.value(inputs[1], str))
        case _:
            raise reader.refusal(f"str.{name_of(kind)}")


def time_function(reader: Reader, kind: Tree, inputs: Sequence[Tree]) -> Node:
    """A function of `.dt`."""
    subject = reader.node(inputs[0])
    match kind:
        case "Truncate" if subject.type is KqlType.DATETIME:
            return _truncate(reader, subject, reader.value(inputs[1], str))
        case "OffsetBy" if subject.type is KqlType.DATETIME:
            span, _ = _span(reader, reader.value(inputs[1], str))
            name = "-" if span < timedelta(0) else "+"
            return op(
                name, KqlType.DATETIME, subject, Literal(type=KqlType.TIMESPAN, value=abs(span))
            )
        case str() if kind in _PARTS and subject.type is KqlType.DATETIME:
            return op(_PARTS[kind], KqlType.INT, subject, narrow=True)
        case dict() if subject.type is KqlType.TIMESPAN:
            for name, unit in _TOTALS.items():
                if kind == {name: {"fractional": False}}:
                    return op("total", KqlType.LONG, subject, option=_UNITS[unit])
    raise reader.refusal(f"dt.{name_of(kind)}")


def list_function(reader: Reader, kind: Tree, inputs: Sequence[Tree]) -> Node:
    """A function of `.list`."""
    subject = reader.node(inputs[0])
    match kind:
        case "Length":
            return op("list length", KqlType.LONG, subject, narrow=True)
        case {"Get": bool(or_null)}:
            index = reader.value(inputs[1], int)
            if not or_null:
                raise reader.refusal(
                    "list.get that fails where there is no such element", "say null_on_oob=True"
                )
            return op("element", KqlType.STRING, subject, option=index, nullable=True)
        case {"Contains": {"nulls_equal": bool()}}:
            other = reader.node(inputs[1])
            reader.whole(other)
            return op("has element", KqlType.BOOL, subject, other)
        case _:
            raise reader.refusal(f"list.{name_of(kind)}")


def _pattern(reader: Reader, tree: Tree) -> str:
    pattern: str = reader.value(tree, str)
    found = unlike(pattern)
    if found is not None:
        raise reader.refusal(
            f"{found!r} in a regular expression (engines read it differently)",
            "name the characters: [0-9], [ \\t]",
        )
    if not is_valid(pattern):
        raise reader.refusal(f"the regular expression {pattern!r}, which is not valid")
    return pattern


def _strip(reader: Reader, kind: str, subject: Node, tree: Tree) -> Node:
    characters = reader.value(tree, str | None)
    if not characters or not characters.isascii() or not characters.isprintable():
        raise reader.refusal(
            f"str.{kind} without named characters", "name printable ASCII characters"
        )
    name = {"StripChars": "trim", "StripCharsStart": "trim_start"}.get(kind, "trim_end")
    return op(name, KqlType.STRING, subject, option=characters)


def _concat(reader: Reader, nodes: list[Node], delimiter: str) -> Node:
    reader.whole(*nodes)
    if any(node.type is not KqlType.STRING for node in nodes):
        raise reader.refusal("concat of other than strings", "cast to String")
    if len(nodes) > _MOST_PARTS:
        raise reader.refusal(f"concat of over {_MOST_PARTS} strings")
    return op("concat", KqlType.STRING, *nodes, option=delimiter)


def _json(reader: Reader, subject: Node, path: str) -> Node:
    found = _PATH.fullmatch(path)
    if found is None:
        raise reader.refusal(f"the JSON path {path!r}", "only $.name and $[0] steps")
    steps = tuple(
        step[1] if step[1] is not None else int(step[2]) for step in _STEP.finditer(found[1])
    )
    return op("json", KqlType.STRING, subject, option=steps, nullable=True)


def _truncate(reader: Reader, subject: Node, text: str) -> Node:
    if text in _STARTS:
        return evolve(op(_STARTS[text], KqlType.DATETIME, subject), ticks=False)
    every, unit = _span(reader, text)
    if every <= timedelta(0):
        raise reader.refusal(f"truncate to {text!r}")
    name = "truncate weeks" if unit == "w" else "truncate"
    return evolve(op(name, KqlType.DATETIME, subject, option=every), ticks=False)


def _span(reader: Reader, text: str) -> tuple[timedelta, str]:
    found = re.fullmatch(r"(-?[0-9]+)(us|ms|[smhdw])", text)
    if found is None:
        raise reader.refusal(f"the span {text!r}", "one number of w, d, h, m, s, ms or us")
    return int(found[1]) * _UNITS[found[2]], found[2]
