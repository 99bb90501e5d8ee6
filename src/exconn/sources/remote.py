"""Queries sent as KQL to where the mail log lives; only their results come back."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

import polars as pl
from attrs import evolve

from exconn.coverage import Coverage, Part, TableCoverage
from exconn.errors import (
    IncompleteResultError,
    NoDataError,
    SignInError,
    SourceError,
    UnavailableError,
    UnreadableDataError,
)
from exconn.kql import Dialect, Statement, compile_statement
from exconn.kql.cuts import Cut, between, bounds, cut_of
from exconn.kql.text import literal, name
from exconn.query import Query, nothing_to_join, run, scan
from exconn.sources._line import Clock, Line, Patience, Slow, TooMuch
from exconn.sources._wire import Reply, Unreadable, frame_of
from exconn.sources.cache import ResultCache
from exconn.tables import KqlType, Table
from exconn.window import Period, ceiled, floored, iso

_T = TypeVar("_T")
_R = TypeVar("_R")
_DAY = timedelta(days=1)
_SMALLEST = timedelta(seconds=1)
_SLOW = 3  # pieces inside each other; each try takes minutes
_LAG = pl.Schema({"Lag": pl.Duration("us")})
_SHAPE = pl.Schema({"ColumnName": pl.String(), "ColumnType": pl.String()})
# A guid becomes text as a dynamic value does: by tostring().
_STORED = {kind.value: kind for kind in KqlType} | {"guid": KqlType.DYNAMIC}


class NotThereError(SourceError):
    """A query names a table or a column that the service does not have."""


class Service(Protocol):
    """A place that runs KQL. To query another one, write one and give it to `RemoteSource`."""

    @property
    def name(self) -> str:
        """What people call it, with the host and never with a secret."""
        ...

    @property
    def place(self) -> str:
        """What tells it from all others, such as its URL and database; keeps results apart."""
        ...

    @property
    def dialect(self) -> Dialect:
        """How KQL is spoken there."""
        ...

    @property
    def at_once(self) -> int:
        """How many queries it may be asked at the same time."""
        ...

    def run(self, statement: Statement) -> Reply:
        """Ask once.

        Raises:
            Busy: it cannot answer now; the same question may be answered later.
            TooMuch: the answer has met a limit of rows, size or time, or is not whole.
            NotThereError: a table or column is not there.
            TokenRefused: it does not take the token; it is asked once more.
            SignInError: it does not let us in.
            SourceError: it refuses for another reason.
        """
        ...


class RemoteSource:
    """A source over a service that runs KQL: each query is one KQL text, aggregated there.

    Only whole answers count. An answer that meets a limit is asked for again in shorter stretches
    of time, down to one bin of the query, which together make up the same answer. Rows without a
    time are not seen.

    Args:
        service: where queries run.
        lookback: how far back rows are looked at; nothing older is seen, whatever is asked.
        cache: keeps results on disk, so that a hunt that was interrupted goes on.
        patience: how much is tried when the service is busy.
        clock: the time.
    """

    def __init__(
        self,
        service: Service,
        *,
        lookback: timedelta = timedelta(days=30),
        cache: ResultCache | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._service = service
        self._cache = cache
        self._clock = clock or Clock()
        self._line = Line(service.name, self._clock, patience or Patience())
        self._lookback = lookback
        self._shapes: dict[str, Mapping[str, str]] = {}

    @property
    def period(self) -> Period:
        """What is looked at: whole days, from `lookback` ago to tomorrow."""
        now = self._clock.now()
        return Period(floored(now - self._lookback, _DAY), floored(now, _DAY) + 2 * _DAY)

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables within `lookback`, and how late rows arrive.

        Raises:
            SourceError: see `collect`.
        """
        return Coverage(tuple(self._together(self._table_coverage, tables)))

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries, several at a time; results in the same order.

        Raises:
            IncompleteResultError: an answer meets a limit even for the shortest stretch of time.
            UnavailableError: the service stays busy.
            SignInError: it does not let us in.
            SourceError: it refuses a query.
            NoDataError: a table that a query joins is not there.
            UnsupportedExpression: a query cannot be said in KQL.
        """
        return self._together(self._collected, queries)

    def _together(self, work: Callable[[_T, threading.Event], _R], items: Sequence[_T]) -> list[_R]:
        """Do the work of all items, some at once; the first error ends it without delay.

        Threads are daemons: who gives up need not wait for what is still on its way.
        """
        abandoned = threading.Event()
        answers = [Future[_R]() for _ in items]
        waiting = deque(zip(items, answers, strict=True))

        def serve() -> None:
            while waiting and not abandoned.is_set():
                try:
                    item, answer = waiting.popleft()
                except IndexError:  # another thread was faster
                    return
                try:
                    answer.set_result(work(item, abandoned))
                except BaseException as error:  # noqa: BLE001 # it is raised where it is awaited
                    answer.set_exception(error)

        for _ in range(min(self._service.at_once, len(items))):
            threading.Thread(target=serve, daemon=True).start()
        try:
            done, _ = wait(answers, return_when=FIRST_EXCEPTION)
            for answer in done:
                answer.result()
            return [answer.result() for answer in answers]
        finally:
            abandoned.set()

    def _collected(self, query: Query, abandoned: threading.Event) -> pl.DataFrame:
        shapes = {table: self._shape(table, abandoned) for table in query.tables}
        missing = [table.name for table, shape in shapes.items() if shape is None]
        if missing == [table.name for table in query.tables]:
            return query.on(lambda table: table.empty).collect()
        if missing:
            raise NoDataError(
                f"{self._service.name}: no table {missing[0]}; without it this query has no answer"
            )
        dialect = self._as_stored(shapes)
        cut = cut_of(query)
        ask = partial(self._asked, dialect=dialect, abandoned=abandoned)
        frames = [
            frame
            for period in self._stretches(query, cut)
            for frame in self._pieces(query, period, cut, ask)
        ]
        if cut is None or len(frames) == 1:
            return frames[0]
        return run(cut.last, pl.concat(frames).lazy(), nothing_to_join).collect()

    def _stretches(self, query: Query, cut: Cut | None) -> Iterable[Period]:
        """What to ask for: the query's time in whole bins, parted where rows may still change.

        What cannot be cut is asked for as it is: tables that it joins may have other times.
        """
        if cut is None:
            return (self.period,)
        inside = bounds(query, self.period)
        start = floored(inside.start, cut.bin)
        end = ceiled(inside.end, cut.bin)
        settled = self._settled()
        if settled is None or not start < settled < end:
            return (Period(start, end),)
        return (Period(start, settled), Period(settled, end))

    def _settled(self) -> datetime | None:
        if self._cache is None:
            return None
        return floored(self._clock.now() - self._cache.settles, _DAY)

    def _pieces(
        self,
        query: Query,
        period: Period,
        cut: Cut | None,
        ask: Callable[[Query, Period], pl.DataFrame],
        slow: int = 0,
    ) -> list[pl.DataFrame]:
        """The answer for a period, in one piece or in as many as it takes.

        Args:
            query: what is asked.
            period: for which time.
            cut: how it may be cut.
            ask: does so for one piece.
            slow: how many pieces around this one have been too slow.
        """
        try:
            return [ask(query, period)]
        except TooMuch as error:
            slow = slow + 1 if isinstance(error, Slow) else 0
            if slow > _SLOW:
                raise UnavailableError(
                    self._service.name,
                    f"{error}, even for {iso(period.start)} to {iso(period.end)}: try later",
                ) from error
            middle = _middle(period, cut)
            if middle is None:
                raise IncompleteResultError(
                    self._service.name,
                    f"{error}, and a query of {query.table.name} cannot be cut further than "
                    f"{iso(period.start)} to {iso(period.end)}; ask for less time or fewer rows",
                ) from error
        before, after = Period(period.start, middle), Period(middle, period.end)
        return [
            frame for part in (before, after) for frame in self._pieces(query, part, cut, ask, slow)
        ]

    def _asked(
        self, query: Query, period: Period, *, dialect: Dialect, abandoned: threading.Event
    ) -> pl.DataFrame:
        statement = compile_statement(between(query, period), dialect)
        settled = self._settled()
        cache = self._cache if settled is not None and period.end <= settled else None
        if cache is None:
            return self._answer(statement, query.schema, abandoned)
        found = cache.get(self._service.place, statement.text, query.schema)
        if found is None:
            found = self._answer(statement, query.schema, abandoned)
            cache.put(self._service.place, statement.text, found)
        return found

    def _answer(
        self, statement: Statement, schema: pl.Schema, abandoned: threading.Event
    ) -> pl.DataFrame:
        reply = self._line.call(lambda: self._service.run(statement), abandoned)
        try:
            return frame_of(reply, schema)
        except Unreadable as error:
            raise SourceError(
                self._service.name, f"the reply is not what the query asks for: {error}"
            ) from error

    def _shape(self, table: Table, abandoned: threading.Event) -> Mapping[str, str] | None:
        """The types of a table's columns there, by their names; None when there is none."""
        if table.name not in self._shapes:
            text = f"{name(table.name)}\n| getschema\n| project ColumnName, ColumnType"
            try:
                found = self._answer(Statement(text, {}), _SHAPE, abandoned)
            except NotThereError:
                return None
            except TooMuch as error:
                raise IncompleteResultError(
                    self._service.name, f"{error}, when asked for the columns of {table.name}"
                ) from error
            else:
                self._shapes[table.name] = dict(found.iter_rows())
        return self._shapes[table.name]

    def _as_stored(self, shapes: Mapping[Table, Mapping[str, str] | None]) -> Dialect:
        """The service's dialect, with the columns that its tables have."""
        dialect = self._service.dialect
        types: dict[tuple[str, str], KqlType] = {}
        spelt: dict[tuple[str, str], str] = {}
        lacks: set[tuple[str, str]] = set()
        for table, shape in shapes.items():
            for column in table.columns:
                key = (table.name, column.name)
                usual = dialect.time or column.name if column.name == table.time else column.name
                there = next((n for n in (usual, column.alias) if n and n in (shape or {})), None)
                if there is None and column.name == table.time:
                    raise UnreadableDataError(
                        self._service.name,
                        f"{table.name} has no column {usual}; is the dialect {dialect.name} right?",
                    )
                if there is None or shape is None:
                    lacks.add(key)
                    continue
                if shape[there] not in _STORED:
                    raise UnreadableDataError(
                        self._service.name,
                        f"{table.name}.{there} is {shape[there]}, which no table of Microsoft has",
                    )
                types[key] = _STORED[shape[there]]
                if there != column.name:
                    spelt[key] = there
        return evolve(dialect, types=types, spelt=spelt, lacks=frozenset(lacks))

    def _table_coverage(self, table: Table, abandoned: threading.Event) -> TableCoverage:
        shape = self._shape(table, abandoned)
        if shape is None:
            return TableCoverage(table)
        hours = self._collected(_hours(table), abandoned).sort("Hour")
        if any(hours.null_count().row(0)):
            raise SourceError(
                self._service.name, f"the reply lacks times or counts of the hours of {table.name}"
            )
        lacks = self._as_stored({table: shape}).lacks
        part = Part(
            name=f"{self._service.name}: {table.name}",
            rows=sum(hours["Rows"]),
            first=hours["First"].min(),  # type: ignore[arg-type] # times
            last=hours["Last"].max(),  # type: ignore[arg-type]
            hours=tuple(hours["Hour"]),
            missing=frozenset(column for _, column in lacks),
        )
        return TableCoverage(
            table,
            (part,),
            minutes=sum(hours["Minutes"]),
            asked=self._clock.now(),
            since=self.period.start,
            lag=self._lag(table, abandoned),
        )

    def _lag(self, table: Table, abandoned: threading.Event) -> timedelta | None:
        """How late all but a twentieth of the last day's rows arrived; None when it is not said."""
        time = name(self._service.dialect.time or table.time)
        since = literal(self._clock.now() - _DAY, KqlType.DATETIME)
        text = (
            f"{name(table.name)}\n"
            f"| where {time} >= {since}\n"
            f"| summarize Lag = percentile(ingestion_time() - {time}, 95)"
        )
        try:
            found = self._answer(Statement(text, {}), _LAG, abandoned)
        except (SignInError, UnavailableError):
            raise
        except (SourceError, TooMuch):
            return None
        lag = found["Lag"].max()
        return lag if isinstance(lag, timedelta) else None


def _hours(table: Table) -> Query:
    time = pl.col(table.time)
    return (
        scan(table)
        .group_by(Hour=time.dt.truncate("1h"))
        .agg(
            Rows=pl.len(),
            Minutes=time.dt.truncate("1m").n_unique(),
            First=time.min(),
            Last=time.max(),
        )
    )


def _middle(period: Period, cut: Cut | None) -> datetime | None:
    """Where to cut a period in two; None when it cannot be cut."""
    if cut is None:
        return None
    size = max(cut.bin, _SMALLEST)
    middle = floored(period.start + (period.end - period.start) / 2, size)
    middle = middle if middle > period.start else middle + size
    return middle if period.start < middle < period.end else None
