"""What a source promises."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

from exconn.coverage import Coverage, Part, TableCoverage
from exconn.query import Head, Query, Sort, Source, scan
from exconn.sources import MemorySource
from exconn.tables import (
    CLOUD_APP_EVENTS,
    EMAIL_EVENTS,
    IDENTITY_LOGON_EVENTS,
    TABLES,
    Table,
    conform,
)
from exconn.testing.checks import assert_same_rows, expect, expect_schema
from exconn.window import HOUR, floored

Frames = Mapping[str, pl.DataFrame | Sequence[pl.DataFrame]]

_DIGITS = 9
_CONNECTOR = pl.col("Connectors").str.to_lowercase()
_MESSAGE = pl.col("NetworkMessageId")
_TIME = pl.col("Timestamp")
_LINKS = pl.col("UrlCount").cast(pl.Int64)
_MAIL = scan(EMAIL_EVENTS)
_CHANGES = scan(CLOUD_APP_EVENTS)
_LOGONS = scan(IDENTITY_LOGON_EVENTS)
_SENDERS = _MAIL.group_by("SenderFromAddress").agg(Messages=_MESSAGE.n_unique())
_CHANGERS = _CHANGES.select("AccountObjectId", Operation=pl.col("ActionType")).unique()
_QUERIES = (
    _MAIL.select("NetworkMessageId", "Connectors", Large=pl.col("EmailSize") >= 2),
    # Two that differ in a value alone, and two in what they count.
    _MAIL.filter(_CONNECTOR == "relay").select("Connectors", "RecipientEmailAddress"),
    _MAIL.filter(_CONNECTOR != "relay").select("Connectors", "RecipientEmailAddress"),
    _MAIL.group_by(Connector=_CONNECTOR).agg(N=_MESSAGE.n_unique()),
    _MAIL.group_by(Connector=_CONNECTOR).agg(N=pl.len()),
    _MAIL.group_by(Connector=_CONNECTOR, Hour=_TIME.dt.truncate("1h")).agg(
        Links=_LINKS.filter(_LINKS > 0).sum(), Last=_TIME.max()
    ),
    _MAIL.group_by().agg(Rows=pl.len(), First=_TIME.min(), Mean=_LINKS.mean()),
    _SENDERS.sort(["Messages", "SenderFromAddress"], descending=[True, False]).head(2),
    _CHANGES.group_by("ActionType").agg(Rows=pl.len(), First=_TIME.min()),
    _LOGONS.join(_CHANGERS, on="AccountObjectId", how="semi").select("AccountUpn", "Timestamp"),
    _LOGONS.join(_CHANGERS, on="AccountObjectId", how="anti").select("AccountUpn", "Timestamp"),
    _LOGONS.join(_CHANGERS, on="AccountObjectId", how="left").select("AccountUpn", "Operation"),
)


def check_source(
    source: Source, rows: Frames | None = None, *, queries: Sequence[Query] = ()
) -> None:
    """Check that a source keeps what `Source` promises.

    - Of no queries there are no results; of some, as many, in their order, each a frame with the
      schema that its query promises, whether they are asked alone, together or in another order,
      and however often.
    - Rows are as `conform` makes them, and what a query says of them is what `MemorySource` says
      of the same rows: with filters that differ in a value, distinct counts, groups by the hour,
      joins and the first rows of a sort.
    - Coverage tells of each table that is asked for, in that order, and of no other; its rows,
      rows without a time, first and last event, hours and minutes are those that queries find. A
      table without parts has no rows, and a column that all parts lack has no values.
    - If `rows` are given, the source has these and no others, and lacks the columns that they lack.

    A query that joins a table which is not there may be refused, and is not asked. Reals agree to
    nine digits, JSON but for white space.

    Args:
        source: the source; nothing that it holds may change meanwhile.
        rows: what it holds, raw, as `MemorySource` takes them; when None, what it says itself.
        queries: more to ask.

    Raises:
        AssertionError: it does not keep one of these promises.
    """
    _collected(source, [])
    expect(source.coverage([]) == Coverage(()), "of no tables there is coverage")
    coverage = source.coverage(TABLES)
    told = [one.table.name for one in coverage.tables]
    names = [table.name for table in TABLES]
    expect(told == names, f"coverage of {names} tells of {told}")
    held = dict(zip(names, _collected(source, [scan(table) for table in TABLES]), strict=True))
    for table in TABLES:
        _check_rows(held[table.name], table)
        _check_table(coverage[table], held[table.name])
    there = [table for table in TABLES if coverage[table].parts]
    for table in there:
        alone = source.coverage([table])
        expect(
            [_summary(one) for one in alone.tables] == [_summary(coverage[table])],
            f"coverage of {table.name} alone is not what it is among others",
        )
    home = MemorySource(rows if rows is not None else held)
    if rows is not None:
        _check_against(coverage, home.coverage(TABLES))
    asked = [
        query
        for query in (*map(scan, there), *_QUERIES, *queries)
        if len(query.tables) == 1 or set(query.tables) <= set(there)
    ]
    together = _collected(source, [*asked, *reversed(asked)])
    expected = home.collect(asked)
    for query, ours, theirs in zip(
        [*asked, *reversed(asked)], together, [*expected, *reversed(expected)], strict=True
    ):
        _expect_same(query, ours, theirs, "MemorySource has others on the right")
    for query, theirs in list(zip(asked, expected, strict=True))[len(there) :]:
        (ours,) = _collected(source, [query])
        _expect_same(query, ours, theirs, "asked alone; MemorySource has others on the right")


def _collected(source: Source, queries: Sequence[Query]) -> list[pl.DataFrame]:
    """Results that are as many as the queries, and of their schemas."""
    found = source.collect(queries)
    expect(isinstance(found, list), f"collect() returns a {type(found).__name__}, expected a list")
    expect(len(found) == len(queries), f"of {len(queries)} queries there are {len(found)} results")
    for query, frame in zip(queries, found, strict=True):
        expect(
            isinstance(frame, pl.DataFrame),
            f"of a query of {query.table.name} the result is a {type(frame).__name__}",
        )
        expect_schema(frame, query.schema, f"of a query of {query.table.name} the result has")
    return found


def _check_rows(held: pl.DataFrame, table: Table) -> None:
    try:
        assert_same_rows(held, conform(held, table))
    except AssertionError as error:
        raise AssertionError(f"rows of {table.name} are not conformed: {error}") from None


def _expect_same(query: Query, ours: pl.DataFrame, theirs: pl.DataFrame, how: str) -> None:
    try:
        assert_same_rows(
            _read(ours), _read(theirs), digits=_DIGITS, in_order=_is_in_order(query, theirs)
        )
    except AssertionError as error:
        raise AssertionError(f"a query of {query.table.name}, {how}: {error}\n{query}") from None


def _read(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows, with JSON in one spelling: places differ in white space."""
    spelt = [
        pl.Series(name, [_respelt(text) for text in frame[name]], pl.String)
        for name, dtype in frame.schema.items()
        if dtype == pl.String
    ]
    return frame.with_columns(spelt)


def _respelt(text: str) -> str:
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _is_in_order(query: Query, found: pl.DataFrame) -> bool:
    """Whether a query ends in a sort that decides all ties."""
    match query.steps:
        case (*_, Sort(by, _)) | (*_, Sort(by, _), Head()):
            return bool(found.select(by).is_unique().all())
    return False


def _check_table(told: TableCoverage, held: pl.DataFrame) -> None:
    """The coverage of a table is that of the rows that queries find."""
    name = told.table.name
    expect(bool(told.parts) or held.is_empty(), f"coverage has no {name}, queries find rows of it")
    times = held[told.table.time]
    dated = times.drop_nulls()
    found = {
        "rows": dated.len(),
        "undated": times.null_count(),
        "first": dated.min(),
        "last": dated.max(),
        "hours": dated.dt.truncate("1h").unique().sort().to_list(),
        "minutes": dated.dt.truncate("1m").n_unique(),
    }
    for what, value in found.items():
        said = getattr(told, what)
        expect(said == value, f"coverage of {name} says {what} {said!s}, queries find {value!s}")
    for part in told.parts:
        _check_part(part, name)
    lacking = [part.missing for part in told.parts]
    unknown = sorted(frozenset[str]().union(*lacking) - set(told.table.names))
    expect(not unknown, f"coverage of {name} lacks columns that no {name} has: {unknown}")
    for column in frozenset.intersection(*lacking) if lacking else ():
        values = held[column]
        empty = (values == "") if values.dtype == pl.String else values.is_null()
        expect(empty.all(), f"coverage of {name} lacks {column}, queries find values of it")


def _check_part(part: Part, name: str) -> None:
    where = f"{part.name} of {name}"
    expect(all(a < b for a, b in pairwise(part.hours)), f"the hours of {where} are not in order")
    if not part.rows:
        dated = part.first or part.last or part.hours
        expect(not dated, f"{where} has no rows with a time, and yet times")
        return
    expect(part.first is not None and part.last is not None, f"{where} has rows, and no times")
    assert part.first is not None
    assert part.last is not None
    ends = (floored(part.first, HOUR), floored(part.last, HOUR))
    expect(
        (*part.hours[:1], *part.hours[-1:]) == ends,
        f"the hours of {where} do not begin and end with its rows",
    )


def _check_against(told: Coverage, known: Coverage) -> None:
    """Coverage is that of the rows which the source is known to hold."""
    for ours, theirs in zip(told.tables, known.tables, strict=True):
        said, true = _summary(ours), _summary(theirs)
        for what, value in true.items():
            expect(
                said[what] == value,
                f"coverage of {ours.table.name} says {what} {said[what]}, it is {value}",
            )


def _summary(told: TableCoverage) -> dict[str, object]:
    lacking = [part.missing for part in told.parts if part.rows or not told.rows]
    return {
        "there": bool(told.parts),
        "rows": told.rows,
        "undated": told.undated,
        "first": told.first,
        "last": told.last,
        "hours": told.hours,
        "minutes": told.minutes,
        "missing columns": sorted(frozenset[str]().union(*lacking)),
    }
