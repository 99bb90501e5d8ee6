"""The check of sources passes those that keep their promises, and finds each that is broken."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from attrs import evolve
from hypothesis import given, settings

from exconn import (
    EMAIL_EVENTS,
    TABLES,
    Coverage,
    MemorySource,
    Part,
    Query,
    Table,
    TableCoverage,
    scan,
)
from exconn.query import Filter, Head, Join, Select
from exconn.testing import REALISTIC, check_source, evidence

AT = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAIL = pl.DataFrame(
    {
        "Timestamp": [AT, AT, AT + HOUR, None, AT],
        "NetworkMessageId": ["1", "2", "3", "4", "1"],
        "Connectors": ["Relay", "relay", "Other", "", "Relay"],
        "SenderFromAddress": [
            "ada@x.example",
            "bob@x.example",
            "bob@x.example",
            "",
            "ada@x.example",
        ],
        "EmailDirection": ["Inbound", "Inbound", "Outbound", "Inbound", "Inbound"],
        "EmailSize": [1, 2, 3, None, 1],
        "UrlCount": [0, 2, 0, 1, 0],
        "AuthenticationDetails": ['{"SPF": "pass"}'] * 5,
    }
)
AUDIT = pl.DataFrame({"Timestamp": [AT], "ActionType": ["Set-Mailbox"], "AccountObjectId": ["a"]})
LOGONS = pl.DataFrame(
    {
        "Timestamp": [AT, AT],
        "AccountObjectId": ["a", "b"],
        "AccountUpn": ["ada@x.example", "bob@x.example"],
    }
)
HELD = {"EmailEvents": MAIL, "CloudAppEvents": AUDIT, "IdentityLogonEvents": LOGONS}
OWN = scan(EMAIL_EVENTS).select(Subject=pl.col("Subject"), Twice=pl.col("EmailSize") + 1)
Frames = list[pl.DataFrame]
Told = Callable[[TableCoverage], TableCoverage]


class Twisted:
    """A source over frames in memory; what is made of it may break."""

    def __init__(self, told: Told = lambda table: table) -> None:
        self.home = MemorySource(HELD)
        self._told = told

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        return Coverage(tuple(map(self._told, self.home.coverage(tables).tables)))

    def collect(self, queries: Sequence[Query]) -> Frames:
        return list(map(self.answer, queries, self.home.collect(queries)))

    def answer(self, _query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found


class AnswersNothing(Twisted):
    def collect(self, queries: Sequence[Query]) -> Frames:
        return super().collect(queries) or [MAIL]


class Generates(Twisted):
    def collect(self, queries: Sequence[Query]) -> Any:
        return iter(super().collect(queries))


class LosesTheLast(Twisted):
    def collect(self, queries: Sequence[Query]) -> Frames:
        return super().collect(queries)[:-1]


class InItsOwnOrder(Twisted):
    def collect(self, queries: Sequence[Query]) -> Frames:
        turned = sorted(range(len(queries)), key=lambda n: queries[n].table.name)
        return [super(InItsOwnOrder, self).collect(queries)[n] for n in turned]


class AnswersLazily(Twisted):
    def answer(self, _query: Query, found: pl.DataFrame) -> Any:
        return found.lazy()


class OtherTypes(Twisted):
    def answer(self, _query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found.cast({pl.Int64: pl.UInt32}) if found.height < 5 else found


class OtherColumns(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found.select(reversed(found.columns)) if query.steps else found


class NullTexts(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found if query.steps else found.with_columns(pl.col(pl.String).replace("", None))


class RawValues(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        if query.steps or "EmailDirection" not in found:
            return found
        return found.with_columns(pl.col("EmailDirection").str.to_uppercase())


class RemembersShapes(Twisted):
    """Takes two queries that differ in a value for the same."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[object, pl.DataFrame] = {}

    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        key = (query.table, *map(type, query.steps), *query.schema)
        return self.known.setdefault(key, found)


class ForgetsRepetitions(Twisted):
    def __init__(self) -> None:
        super().__init__()
        unique = {name: frame.unique() for name, frame in HELD.items()}
        self.home = MemorySource(unique)


class CountsWrongly(Twisted):
    def answer(self, _query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found.with_columns(pl.col("N") + 1) if "N" in found else found


class LosesRows(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found[:-1] if query.steps and isinstance(query.steps[-1], Select) else found


class AnswersOnce(Twisted):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Query] = []

    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        again = any(query is other for other in self.seen)
        self.seen.append(query)
        return found.clear() if again else found


class OtherwiseAlone(Twisted):
    def collect(self, queries: Sequence[Query]) -> Frames:
        found = super().collect(queries)
        return [found[0].clear()] if len(queries) == 1 and queries[0].steps else found


def ends_in_head(query: Query) -> bool:
    return bool(query.steps) and isinstance(query.steps[-1], Head)


class Unsorted(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found.reverse() if ends_in_head(query) else found


class FirstOfAny(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found.head(1) if ends_in_head(query) else found


class JoinsAll(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        joins = [step for step in query.steps if isinstance(step, Join)]
        if joins and joins[0].how == "semi":
            return LOGONS.select("AccountUpn", "Timestamp").cast(found.schema)
        return found


class FiltersNothing(Twisted):
    def collect(self, queries: Sequence[Query]) -> Frames:
        bare = [
            evolve(q, steps=tuple(s for s in q.steps if not isinstance(s, Filter))) for q in queries
        ]
        return self.home.collect(bare)


class RoundsReals(Twisted):
    def answer(self, _query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found.with_columns(pl.col(pl.Float64).round(1) + 0.01)


class RefusesMine(Twisted):
    def answer(self, query: Query, found: pl.DataFrame) -> pl.DataFrame:
        return found.clear() if query is OWN else found


class TellsOfAll(Twisted):
    def coverage(self, _tables: Sequence[Table]) -> Coverage:
        return super().coverage(TABLES)


class TellsOfThoseThere(Twisted):
    def coverage(self, tables: Sequence[Table]) -> Coverage:
        told = super().coverage(tables).tables
        return Coverage(tuple(table for table in told if table.parts))


class OtherwiseTold(Twisted):
    def coverage(self, tables: Sequence[Table]) -> Coverage:
        told = super().coverage(tables)
        if len(tables) > 1:
            return told
        return Coverage(tuple(evolve(table, minutes=99) for table in told.tables))


NOON = AT.replace(minute=0)
LACKING: frozenset[str] = MemorySource(HELD).coverage([EMAIL_EVENTS])[EMAIL_EVENTS].parts[0].missing


def of_mail(parts: Callable[[Part], tuple[Part, ...]]) -> Told:
    """Coverage of the mail in other parts than the one that there is."""

    def told(table: TableCoverage) -> TableCoverage:
        return evolve(table, parts=parts(*table.parts)) if table.table is EMAIL_EVENTS else table

    return told


def saying(**other: Any) -> Told:
    return of_mail(lambda part: (evolve(part, **other),))


def beside(**other: Any) -> Told:
    """Coverage in two parts that say together what the one does, of which the second is odd."""
    odd = Part(name="odd", rows=1, first=AT, last=AT, hours=(NOON,), missing=LACKING)
    return of_mail(lambda part: (evolve(part, rows=part.rows - 1), evolve(odd, **other)))


MISTOLD: Sequence[tuple[Told, str]] = [
    (saying(rows=5), "says rows 5, queries find 4"),
    (saying(undated=0), "says undated 0, queries find 1"),
    (saying(first=AT - HOUR), r"says first 2026-03-10 11:30:00\+00:00, queries find"),
    (saying(last=AT), r"says last 2026-03-10 12:30:00\+00:00, queries find"),
    (saying(hours=(NOON,)), "EmailEvents says hours "),
    (lambda table: evolve(table, minutes=7), "says minutes 7, queries find 2"),
    (of_mail(lambda _: ()), "coverage has no EmailEvents, queries find rows"),
    (saying(missing=LACKING | {"Connectors"}), "lacks Connectors, queries find values of it"),
    (saying(missing=LACKING | {"Connector"}), r"lacks columns that no .*: \['Connector'\]"),
    (saying(hours=(NOON + HOUR, NOON)), "the hours of .* are not in order"),
    (
        of_mail(lambda part: (part, Part(name="odd", rows=0, hours=(NOON,)))),
        "odd of EmailEvents has no rows with a time, and yet times",
    ),
    (beside(first=None), "odd of EmailEvents has rows, and no times"),
    (beside(hours=()), "the hours of odd of EmailEvents do not begin and end with its rows"),
]
"""What no source may say of rows that it has."""

EMPTY = Part(name="empty", rows=0)
UNTRUE: Sequence[tuple[Told, str]] = [
    (saying(missing=LACKING - {"Subject"}), "EmailEvents says missing columns "),
    (lambda table: evolve(table, parts=table.parts or (EMPTY,)), "says there True, it is False"),
]
"""What only those can refute who know the rows."""

BROKEN: Mapping[type[Twisted], str] = {
    AnswersNothing: "of 0 queries there are 1 results",
    Generates: r"collect\(\) returns a list_iterator, expected a list",
    LosesTheLast: "queries there are 11 results",
    InItsOwnOrder: "of a query of .* the result has no ",
    AnswersLazily: "the result is a LazyFrame",
    OtherTypes: "the result has .* as UInt32, expected Int64$",
    OtherColumns: "the result has the order ",
    NullTexts: "rows of EmailEvents are not conformed",
    RawValues: "rows of EmailEvents are not conformed",
    RemembersShapes: "MemorySource has others on the right: the rows differ",
    CountsWrongly: "MemorySource has others on the right: the rows differ",
    LosesRows: "MemorySource has others on the right: the rows differ",
    AnswersOnce: "MemorySource has others on the right: the rows differ",
    OtherwiseAlone: "asked alone; MemorySource has others on the right: the rows differ",
    Unsorted: "the order of the rows differs",
    FirstOfAny: "MemorySource has others on the right: the rows differ",
    JoinsAll: "IdentityLogonEvents, MemorySource has others on the right: the rows differ",
    FiltersNothing: "MemorySource has others on the right: the rows differ",
    RoundsReals: "MemorySource has others on the right: the rows differ",
    RefusesMine: "MemorySource has others on the right: the rows differ",
    TellsOfAll: "of no tables there is coverage",
    TellsOfThoseThere: "tells of ",
    OtherwiseTold: "coverage of EmailEvents alone is not what it is among others",
}


def test_a_source_that_keeps_its_promises_passes() -> None:
    check_source(Twisted(), queries=[OWN])
    check_source(Twisted(), HELD, queries=[OWN])
    check_source(MemorySource({}))
    check_source(MemorySource({"CloudAppEvents": []}), {})
    check_source(MemorySource({"EmailEvents": [MAIL, pl.DataFrame()]}))


@settings(max_examples=5)
@given(evidence(profile=REALISTIC))
def test_sources_in_memory_pass(found: dict[str, pl.DataFrame]) -> None:
    check_source(MemorySource(found), found)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_source_that_breaks_a_promise_fails(broken: type[Twisted]) -> None:
    with pytest.raises(AssertionError, match=BROKEN[broken]):
        check_source(broken(), queries=[OWN])


@pytest.mark.parametrize(("told", "said"), MISTOLD)
def test_coverage_that_does_not_tell_of_the_rows_fails(told: Told, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_source(Twisted(told))


@pytest.mark.parametrize(("told", "said"), UNTRUE)
def test_coverage_that_is_not_that_of_the_rows_fails(told: Told, said: str) -> None:
    check_source(Twisted(told))
    with pytest.raises(AssertionError, match=said):
        check_source(Twisted(told), HELD)


def test_rows_that_a_source_should_have_are_missed() -> None:
    check_source(ForgetsRepetitions())
    with pytest.raises(AssertionError, match="coverage of EmailEvents says rows 3, it is 4"):
        check_source(ForgetsRepetitions(), HELD)
    other = MAIL.with_columns(Subject=pl.lit("other"))
    held = {**HELD, "EmailEvents": MAIL.with_columns(Subject=pl.lit("Subject"))}
    with pytest.raises(AssertionError, match=r"a query of EmailEvents, .*the rows differ: 5 only"):
        check_source(MemorySource({**held, "EmailEvents": other}), held)
