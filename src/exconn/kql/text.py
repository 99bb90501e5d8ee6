"""The one way in which names and values reach KQL text."""

import re
from datetime import UTC, datetime, timedelta

from exconn.tables import KqlType
from exconn.unseen import UNSEEN

_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPANS = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
)

# Words that the grammar would take for something else where a name stands.
_RESERVED = frozenset(
    {
        "and",
        "as",
        "asc",
        "between",
        "bool",
        "by",
        "contains",
        "count",
        "datatable",
        "date",
        "datetime",
        "declare",
        "desc",
        "distinct",
        "double",
        "dynamic",
        "extend",
        "false",
        "filter",
        "find",
        "fork",
        "guid",
        "has",
        "in",
        "int",
        "invoke",
        "join",
        "kind",
        "let",
        "limit",
        "long",
        "lookup",
        "macro",
        "materialize",
        "not",
        "nulls",
        "of",
        "on",
        "or",
        "order",
        "parse",
        "pattern",
        "print",
        "project",
        "range",
        "real",
        "restrict",
        "scan",
        "search",
        "serialize",
        "set",
        "sort",
        "string",
        "summarize",
        "table",
        "take",
        "time",
        "timespan",
        "to",
        "top",
        "toscalar",
        "true",
        "typeof",
        "union",
        "where",
        "with",
    }
)


def name(text: str) -> str:
    """A column or table name; in brackets when it is not a plain identifier."""
    if _PLAIN.match(text) and text.lower() not in _RESERVED:
        return text
    return f"[{string(text, quote=chr(39))}]"


def string(text: str, quote: str = '"') -> str:
    """A string literal. Quotes, controls and characters that cannot be seen are escaped."""
    escaped = "".join(_ESCAPES.get(character, character) for character in text)
    if quote == "'":
        escaped = escaped.replace('\\"', '"').replace("'", "\\'")
    return quote + UNSEEN.sub(lambda found: _escape(found[0]), escaped) + quote


def literal(value: object, kind: KqlType) -> str:
    """A typed literal."""
    match value:
        case None:
            return f"{kind.value}(null)"
        case bool():
            return "true" if value else "false"
        case str():
            return string(value)
        case int():
            return f"long({value})" if value < 0 else str(value)
        case float():
            return f"real({value!r})"
        case datetime():
            return f"datetime({moment(value)})"
        case timedelta():
            return span(value)
        case _:
            raise TypeError(f"no literal for {value!r}")  # pragma: no cover


def moment(value: datetime) -> str:
    """A time as datetime literals have it, as short as it goes."""
    utc = value.astimezone(UTC)
    if (utc.hour, utc.minute, utc.second, utc.microsecond) == (0, 0, 0, 0):
        return utc.strftime("%Y-%m-%d")
    return utc.replace(tzinfo=None).isoformat() + "Z"


def span(value: timedelta) -> str:
    """A timespan literal."""
    total = value // timedelta(microseconds=1)
    if total < 0:
        return f"-{span(-value)}"
    for unit, size in _SPANS:
        if total and total % size == 0:
            return f"{total // size}{unit}"
    return f"{total}microsecond" if total else "0s"


def _escape(unseen: str) -> str:
    # This build of Microsoft's parser decodes \U wrongly; characters beyond go as they are.
    return f"\\u{ord(unseen):04x}" if ord(unseen) <= 0xFFFF else unseen
