r"""A second opinion on KQL: an independent engine, `duckdb-kql`, run on frames.

What version 1.1 of the engine lacks is put into words that it has, here and nowhere else:

- ``count_distinct`` and ``count_distinctif`` become ``dcount`` and ``dcountif``, which it computes
  exactly;
- ``bin_at`` becomes ``bin``, whose origin it has at 1970 instead of at the year 1;
- ``bin(x, 1microsecond)`` becomes ``x``, which has no fraction of one in a frame: the engine bins
  by way of floating-point seconds, which are too coarse for that;
- ``tostring(toint(Port))`` of a text column becomes ``Port``: the engine writes each operand out
  many times over, so that within other functions this takes it a minute; the text is numerals;
- ``ingestion_time()`` becomes the time column plus the lag;
- code points escaped in string literals (``\u202e``) become the characters;
- values of query parameters, which Kusto reads as literals (``datetime(2026-03-01)``), become
  values.

What remains differs from Kusto's documentation, or is missing, and cannot be run: ``make_set_if``;
columns whose names differ in letter case only; bracketed names behind ``$left.`` and ``$right.``;
``array_sort_asc`` of numbers, and of strings with quotes or backslashes, which it sorts as their
JSON text; letters whose lower or upper case is another length, or depends on where they stand. It
also takes column names in the wrong letter case.
"""

import contextlib
import functools
import json
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import polars as pl
from attrs import frozen

from exconn.errors import MissingExtraError
from exconn.kql.layout import outside_quotes, split
from exconn.tables import TIME, KqlType

_INSTEAD = {"count_distinct": "dcount", "count_distinctif": "dcountif"}
_EPOCH = date(1970, 1, 1)
_TYPED = re.compile(r"(?:datetime|timespan|time|bool|int|long|real|dynamic|guid|decimal)\((.*)\)")
_NUMERAL = re.compile(r"tostring\(toint\((\w+)\)\)")
_LITERAL = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)")
_ESCAPED = {"\n": "\\n", "\r": "\\r", '"': '\\"', "'": "\\'", "\\": "\\\\"}
_UNKNOWN_TABLE = re.compile(r"Table with name (\S+) does not exist")
_UNKNOWN_COLUMN = re.compile(r"(?:[Cc]olumn|column named|Alias with name) \"+([^\"]+)\"+")
_WHERE = 'create temp view "{0}" as from memory.main."{0}" where "{1}" >= {2} and "{1}" < {3}'

Part = Literal["table", "column", "syntax", "other"]


class KqlRefused(Exception):  # noqa: N818 - what it is, not an accident
    """The engine cannot run a text.

    Attributes:
        part: what is wrong: a table or a column that is not there, the syntax, or something else,
            such as a function that the engine does not have.
        name: of the table or the column.
    """

    def __init__(self, part: Part, name: str, problem: str) -> None:
        super().__init__(problem)
        self.part: Part = part
        self.name = name


@frozen
class Result:
    """What a query returned: columns with their KQL types, and rows of Python values.

    Times have no zone and are UTC; dynamic values are as parsed from JSON.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class KqlEngine:
    """Runs KQL over frames, which are loaded once. May be used by several threads at a time.

    Args:
        frames: conformed, by table name.
        dynamic: the columns whose text is the JSON of dynamic values, as (table, column).
        time: the column of each table that says when.
        lag: how long after its time a row is ingested.

    Raises:
        MissingExtraError: the engine is not installed.
    """

    def __init__(
        self,
        frames: Mapping[str, pl.DataFrame],
        *,
        dynamic: Collection[tuple[str, str]] = (),
        time: str = "Timestamp",
        lag: timedelta = timedelta(0),
    ) -> None:
        try:
            import duckdb_kql  # noqa: PLC0415 # an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("running KQL", "testing") from error
        self._time = time
        self._ingested = f"({time} + {lag // timedelta(microseconds=1)}microsecond)"
        self._connection = duckdb_kql.connect()
        self._tables = {name: time in frame.columns for name, frame in frames.items()}
        self._columns = tuple((name, tuple(frame.columns)) for name, frame in frames.items())
        with tempfile.TemporaryDirectory() as folder:
            for number, (name, frame) in enumerate(frames.items()):
                file = Path(folder) / f"{number}.parquet"
                times = [column for column, dtype in frame.schema.items() if dtype == TIME]
                frame.with_columns(pl.col(times).dt.replace_time_zone(None)).write_parquet(file)
                columns = ", ".join(
                    _as_json(column) if (name, column) in dynamic else _quoted(column)
                    for column in frame.columns
                )
                self._connection.execute(
                    f"create table {_quoted(name)} as select {columns} from read_parquet('{file}')"  # noqa: S608 - quoted
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the tables."""
        self._connection.close()

    def run(
        self,
        text: str,
        *,
        parameters: Mapping[str, object] | None = None,
        now: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Result:
        """Run a query.

        Args:
            text: the query.
            parameters: values of its query parameters, as Kusto's request properties have them;
                others than it declares are passed over.
            now: what ``now()`` is.
            since: rows before this time are not there.
            until: rows from this time on are not there.

        Raises:
            KqlRefused: the engine cannot run it.
        """
        from duckdb_kql.types import kusto_type  # noqa: PLC0415 # an extra

        with self._connection.cursor() as cursor, _refusals():
            for table, dated in self._tables.items():
                if dated and not (since is None and until is None):
                    start, end = since or datetime.min, until or datetime.max  # noqa: DTZ901 - no zone in the engine
                    cursor.execute(_WHERE.format(table, self._time, _sql(start), _sql(end)))
            mine = self._for_the_engine(text)
            if parameters:
                sql, bound = _translated(mine, self._columns, now, parameters)
            else:
                sql, bound = _kept(mine, self._columns, now)
            cursor.execute("set TimeZone = 'UTC'")
            found = cursor.sql(sql, params=dict(bound)) if bound else cursor.sql(sql)
            columns = tuple(column[0] for column in found.description)
            types = tuple(kusto_type(kind) for kind in found.types)
            rows = found.fetchall()
        if "dynamic" in types:
            rows = [
                tuple(
                    _parsed(value) if kind == "dynamic" else value
                    for value, kind in zip(row, types, strict=True)
                )
                for row in rows
            ]
        return Result(columns, types, rows)

    def schema(self) -> dict[str, dict[str, KqlType]]:
        """The columns of each table, with their types."""
        return {name: self._schema_of(name) for name in self._tables}

    def _schema_of(self, table: str) -> dict[str, KqlType]:
        found = self.run(f"['{table}'] | take 0")
        kinds = map(KqlType, found.types)
        return dict(zip(found.columns, kinds, strict=True))

    def _for_the_engine(self, text: str) -> str:
        """The query in words that the engine has."""
        for found in reversed(_words(text)):
            start, end = found.span()
            if found[0] in ("bin", "bin_at") and text.startswith("(", end):
                text = text[:start] + _binned(found[0], text[end:])
            elif numeral := _NUMERAL.match(text, start):
                text = text[:start] + numeral[1] + text[numeral.end() :]
            elif found[0] == "ingestion_time" and text.startswith("()", end):
                text = text[:start] + self._ingested + text[end + len("()") :]
            else:
                text = text[:start] + _INSTEAD.get(found[0], found[0]) + text[end:]
        return _LITERAL.sub(_unescaped, text)


def run_kql(text: str, frames: Mapping[str, pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
    """Run KQL over frames.

    Args:
        text: the query.
        frames: conformed, by table name.
        schema: of the result, which is cast to it; columns that it does not have stay as they are.

    Raises:
        MissingExtraError: the engine is not installed.
        KqlRefused: the engine cannot run the text.
    """
    with KqlEngine(frames) as engine:
        found = engine.run(text)
    naive = {name: pl.Datetime("us") if schema[name] == TIME else schema[name] for name in schema}
    raw = {name: naive.get(name) for name in found.columns}
    frame = pl.DataFrame(found.rows, schema=raw, orient="row", strict=False)
    times = [name for name in found.columns if schema.get(name) == TIME]
    return frame.with_columns(pl.col(times).dt.replace_time_zone("UTC")).select(found.columns)


_Columns = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of tables, each with its columns."""


def _translated(
    text: str, tables: _Columns, now: datetime | None, parameters: Mapping[str, object]
) -> tuple[str, Mapping[str, Any]]:
    """A query, in words that the engine has, as SQL, and the values to bind."""
    import duckdb_kql  # noqa: PLC0415 # an extra

    kinds = {one.name: one.type for one in duckdb_kql.query_parameters(text)} if parameters else {}
    values = {
        name: _value(value, kinds[name]) for name, value in parameters.items() if name in kinds
    }
    columns = {name: list(names) for name, names in tables}
    found = duckdb_kql.to_sql(text, schema=columns, parameters=values, query_now=now)
    if found.unbound:
        raise duckdb_kql.KqlSchemaError(", ".join(found.unbound), hint="it has no value")
    return str(found), found.parameters


@functools.lru_cache(maxsize=256)
def _kept(text: str, tables: _Columns, now: datetime | None) -> tuple[str, Mapping[str, Any]]:
    """The same without parameters. Kept, for it takes longer than running it."""
    return _translated(text, tables, now, {})


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """The engine's errors as `KqlRefused`."""
    import duckdb  # noqa: PLC0415 # an extra
    from duckdb_kql import KqlError, KqlSchemaError, KqlSyntaxError  # noqa: PLC0415 # an extra

    try:
        yield
    except KqlSyntaxError as error:
        raise KqlRefused("syntax", "", str(error)) from error
    except (KqlError, duckdb.Error, ValueError) as error:
        problem = str(error)
        if isinstance(error, KqlSchemaError) and "unknown table" in problem:
            raise KqlRefused("table", error.name, problem) from error
        table = _UNKNOWN_TABLE.search(problem)
        if table:
            raise KqlRefused("table", table[1], problem) from error
        column = isinstance(error, duckdb.BinderException) and _UNKNOWN_COLUMN.search(problem)
        if column:
            raise KqlRefused("column", column[1], problem) from error
        raise KqlRefused("other", "", problem) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_json(name: str) -> str:
    """A column of JSON text as dynamic values; what is not JSON is a string, as in Kusto."""
    quoted = _quoted(name)
    return (
        f"case when {quoted} = '' then null when json_valid({quoted}) then {quoted}::json "
        f"else to_json({quoted}) end as {quoted}"
    )


def _sql(time: datetime) -> str:
    return f"timestamp '{time.replace(tzinfo=None).isoformat(sep=' ')}'"


def _value(given: object, kind: str) -> object:
    """The value that a parameter's text says, as Kusto reads it: a literal of the kind."""
    if not isinstance(given, str):
        return given
    if kind == "string":
        return json.loads(given) if re.fullmatch(r'"(?:[^"\\]|\\.)*"', given) else given
    typed = _TYPED.fullmatch(given.strip())
    text = typed[1].strip() if typed else given.strip()
    match kind:
        case "bool":
            return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        case "int" | "long":
            return int(text)
        case "real":
            return float(text)
        case _:
            return text.strip("\"'") if kind in ("datetime", "timespan", "guid") else text


def _parsed(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _words(text: str) -> list[re.Match[str]]:
    """The words outside of string literals."""
    outside = {place for place, _ in outside_quotes(text)}
    return [found for found in re.finditer(r"\b\w+\b", text) if found.start() in outside]


def _unescaped(literal: re.Match[str]) -> str:
    """A string literal without escaped code points, unless they would end it."""

    def character(found: re.Match[str]) -> str:
        code = chr(int(found[1], 16)) if found[1] else ""
        return _ESCAPED.get(code, code) if code else found[0]

    text = _ESCAPE.sub(character, literal[0])
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _binned(call: str, after: str) -> str:
    """What ``bin`` or ``bin_at`` and what follows it become."""
    end = next(place for place, depth in outside_quotes(after) if depth == 0)
    subject, size, *origin = (part.strip() for part in split(after[1:end], ","))
    rest = after[end + 1 :]
    if size == "1microsecond":
        return f"({subject}){rest}"
    if call == "bin":
        return f"bin{after}"
    days = date.fromisoformat(origin[0].removeprefix("datetime(").removesuffix(")")) - _EPOCH
    shift = f"{days // timedelta(days=1)}d"
    return f"(bin({subject} - {shift}, {size}) + {shift}){rest}"
