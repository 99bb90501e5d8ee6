"""The one way in which names and values reach KQL text."""

import re
from datetime import UTC, datetime, timedelta

from exconn.tables import KqlType
from exconn.unseen import UNSEEN

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECIMAL = re.compile(r"^[0-9]+\.[0-9]+$")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPANS = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
)

# Words that the grammar, somewhere, would take for something else where a name stands. A test tries
# every word of it.
_RESERVED = frozenset(
    [
        "__contextual_datatable",
        "__crossCluster",
        "__crossDB",
        "__executeAndCache",
        "__id",
        "__isFuzzy",
        "__noWithSource",
        "__packedColumn",
        "__projectAway",
        "__sourceColumnIndex",
        "accumulate",
        "and",
        "anomalychart",
        "areachart",
        "as",
        "asc",
        "bagexpansion",
        "barchart",
        "between",
        "bin_legacy",
        "bool",
        "boolean",
        "by",
        "byte",
        "cachingpolicy",
        "callout",
        "cancel",
        "card",
        "char",
        "columnchart",
        "contains",
        "contains_cs",
        "containscs",
        "count",
        "cycles",
        "dataexport",
        "datascope",
        "datatable",
        "date",
        "datetime",
        "decimal",
        "declare",
        "decodeblocks",
        "desc",
        "distinct",
        "double",
        "dynamic",
        "earliest",
        "encodingpolicy",
        "endswith",
        "endswith_cs",
        "expandoutput",
        "extend",
        "extent_tags_retention",
        "external_data",
        "externaldata",
        "false",
        "filter",
        "find",
        "first",
        "flags",
        "float",
        "force_remote",
        "fork",
        "guid",
        "harddelete",
        "hardretention",
        "has",
        "has_all",
        "has_any",
        "has_cs",
        "hasprefix",
        "hasprefix_cs",
        "hassuffix",
        "hassuffix_cs",
        "hotcache",
        "in",
        "int",
        "int16",
        "int32",
        "int64",
        "int8",
        "invoke",
        "isfuzzy",
        "join",
        "journal",
        "kind",
        "ladderchart",
        "last",
        "latest",
        "let",
        "like",
        "likecs",
        "limit",
        "linechart",
        "long",
        "lookup",
        "macro",
        "materialize",
        "mdm",
        "missing",
        "nooptimization",
        "not",
        "notcontains",
        "notcontainscs",
        "notlike",
        "notlikecs",
        "nulls",
        "of",
        "on",
        "or",
        "order",
        "others",
        "parse",
        "pathformat",
        "pattern",
        "piechart",
        "pivotchart",
        "print",
        "project",
        "queries",
        "query_results",
        "range",
        "real",
        "relaxed",
        "restrict",
        "restricted_view_access",
        "row_level_security",
        "rowstore",
        "rowstore_references",
        "rowstore_sealinfo",
        "rowstorepolicy",
        "rowstores",
        "sample",
        "scan",
        "scatterchart",
        "seal",
        "seals",
        "search",
        "serialize",
        "set",
        "shards",
        "simple",
        "softdelete",
        "softretention",
        "sort",
        "sql",
        "stackedareachart",
        "startswith",
        "startswith_cs",
        "statistics",
        "storedqueryresultcontainers",
        "string",
        "summarize",
        "table",
        "tablepurge",
        "take",
        "time",
        "timechart",
        "timeline",
        "timepivot",
        "timespan",
        "title",
        "to",
        "top",
        "toscalar",
        "totable",
        "treemap",
        "true",
        "typeof",
        "uint",
        "uint16",
        "uint32",
        "uint64",
        "uint8",
        "ulong",
        "union",
        "uniqueid",
        "unrestrictedviewers",
        "verbose",
        "viewers",
        "views",
        "where",
        "with",
        "with_itemindex",
        "with_match_id",
        "with_step_name",
        "writeaheadlog",
    ]
)
_BOOLS = ("true", "false")


def name(text: str) -> str:
    """A column or table name; in brackets when it is not a plain identifier."""
    if _PLAIN.fullmatch(text) and text not in _RESERVED and text.lower() not in _BOOLS:
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
            return '""' if kind is KqlType.STRING else f"{kind.value}(null)"
        case bool():
            return "true" if value else "false"
        case str():
            return string(value)
        case int():
            return f"{kind.value}({value})" if value < 0 or kind is KqlType.INT else str(value)
        case float():
            return repr(value) if _DECIMAL.match(repr(value)) else f"real({value!r})"
        case datetime():
            return f"datetime({moment(value)})"
        case timedelta():
            return span(value) if value >= timedelta(0) else f"-{span(-value)}"
        case _:
            raise TypeError(f"no literal for {value!r}")  # pragma: no cover


def moment(value: datetime) -> str:
    """A time as datetime literals have it, as short as it goes."""
    utc = value.astimezone(UTC)
    if (utc.hour, utc.minute, utc.second, utc.microsecond) == (0, 0, 0, 0):
        return utc.date().isoformat()
    return utc.replace(tzinfo=None).isoformat() + "Z"


def span(value: timedelta) -> str:
    """A timespan literal, not negative."""
    total = value // timedelta(microseconds=1)
    for unit, size in _SPANS:
        if total and total % size == 0:
            return f"{total // size}{unit}"
    return f"{total}microsecond" if total else "0s"


def _escape(unseen: str) -> str:
    # This build of Microsoft's parser decodes \U wrongly; characters beyond go as they are.
    return f"\\u{ord(unseen):04x}" if ord(unseen) <= 0xFFFF else unseen
