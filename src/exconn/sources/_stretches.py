"""Running queries over more rows than memory holds: one stretch of time after the other."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import polars as pl
from attrs import evolve, frozen

from exconn.kql.cuts import between, bounds, cut_of
from exconn.kql.parts import again
from exconn.kql.plan import pipelines
from exconn.query import (
    Aggregate,
    Explode,
    Filter,
    Join,
    Query,
    Rename,
    Select,
    Step,
    Unique,
    WithColumns,
    nothing_to_join,
    run,
)
from exconn.sources._counts import Share, Together, with_own_text
from exconn.sources._wanted import wanted
from exconn.tables import Table
from exconn.window import EVER, HOUR, Period, floored

_ROWS_AT_ONCE = 250_000
_COLUMNS = 16
"""So many rows of so many columns are held at once; of fewer columns more rows."""

_SHARE = 1 << 18
"""So many rows of a stretch are read at a time, as many as Polars writes into a group of rows."""

_ROWS_UNMERGED = 100_000
"""So many rows of groups that may be merged lie there before they are, and as many as are."""

_AT_ONCE = 2
_LENGTHS = [hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 24)]


class Rows(Protocol):
    """Gives the rows of tables."""

    def scan(
        self, table: Table, period: Period | None, where: pl.Expr | None = None
    ) -> pl.LazyFrame:
        """All rows, or at least those of a period; those that do not meet a condition may lack."""
        ...

    def shares(
        self, table: Table, period: Period, names: Sequence[str], where: pl.Expr | None = None
    ) -> Sequence[Callable[[], pl.DataFrame]]:
        """What gives some columns of the rows of a period, a share of the rows each, in order.

        Rows that do not meet a condition may lack.
        """
        ...


def is_large(rows: int) -> bool:
    """Whether so many rows are looked at in stretches."""
    return rows > _ROWS_AT_ONCE


def shared(rows: int) -> list[tuple[int, int | None]]:
    """The shares in which so many rows are read: where each begins, and how many it has.

    The last has all that follow.
    """
    starts = range(0, max(rows - _SHARE // 2, 1), _SHARE)
    return [(start, _SHARE if start < starts[-1] else None) for start in starts]


@frozen
class Reading:
    """How far a source has come in reading what it was asked for.

    Attributes:
        period: the time of which rows were read last.
        done: how many stretches of time are read.
        of: out of how many.
    """

    period: Period
    done: int
    of: int


@frozen
class Extent:
    """How many rows a large table has, and in which hours, in order: at least one."""

    rows: int
    hours: Sequence[datetime]

    @property
    def period(self) -> Period:
        """From the first hour to the end of the last."""
        return Period(self.hours[0], self.hours[-1] + HOUR)

    def length(self, columns: int) -> timedelta:
        """How long a stretch is of which about as much is read as is held at once."""
        long = HOUR * self._hours_at_once(columns)
        return max((length for length in _LENGTHS if length <= long), default=HOUR)

    def is_dense(self, columns: int) -> bool:
        """Whether even of an hour more is read than is held at once."""
        return self._hours_at_once(columns) < 1

    def _hours_at_once(self, columns: int) -> float:
        rows = _ROWS_AT_ONCE * _COLUMNS / max(columns, 1)
        return rows * len(self.hours) / self.rows

    def stretches(self, inside: Period, length: timedelta) -> list[Period]:
        """The stretches of a period in which there are rows; the first where there are none."""
        found = {
            floored(hour, length)
            for hour in self.hours
            if hour < inside.end and hour + HOUR > inside.start
        }
        starts = sorted(found) or [floored(inside.start, length)]
        return [Period(start, start + length) for start in starts]


@frozen(eq=False)
class _Plan:
    """How a query is run.

    Attributes:
        periods: the stretches of time; none where it is run as a whole.
        first: the steps for each stretch.
        last: the steps on what all stretches gave; those that sort and take the first are done in
            each stretch, too, and so may be what keeps the least and the greatest of groups.
        merged: the first of these where it may be done now and then, and once more in the end.
        within: of which time its rows are, where it is run as a whole; None where nobody knows.
    """

    periods: Sequence[Period]
    first: Query
    last: Sequence[Step] = ()
    merged: Aggregate | None = None
    within: Period | None = None


class _Laid:
    """What stretches gave for a query, one behind the other.

    Groups that come in many stretches are merged now and then, or they would be held as often.
    """

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._frames: list[pl.DataFrame] = []
        self._merged = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Lay down what a stretch gave."""
        self._frames.append(frame)
        if self._plan.merged is None:
            return
        if sum(frame.height for frame in self._frames) > 2 * self._merged + _ROWS_UNMERGED:
            merged = with_own_text(self._after([self._plan.merged]))
            self._frames, self._merged = [merged], merged.height

    def result(self) -> pl.DataFrame:
        """The result of the query."""
        return self._after(self._plan.last)

    def _after(self, steps: Sequence[Step]) -> pl.DataFrame:
        return run(steps, pl.concat(self._frames).lazy(), nothing_to_join).collect()


def stretched(
    queries: Sequence[Query],
    rows: Rows,
    extents: Mapping[Table, Extent | None],
    on_read: Callable[[Reading], None] | None = None,
) -> list[pl.DataFrame]:
    """Run queries; results in the same order.

    Queries of small tables are run together. Of a large one the rows of one stretch of time after
    the other are read, once for all queries, as far as these say themselves of which time their
    rows are, and the results for stretches lie side by side. So memory grows with the results, not
    with the rows, and little is read of files, and of groups of rows in them, of other times.

    Args:
        queries: what is asked.
        rows: gives the rows.
        extents: of the table of each query; None where it is read as a whole.
        on_read: is told of each stretch that is read.
    """
    widths = {table: len(names) for table, names in _read(queries).items()}
    plans = [_plan(query, extents[query.table], widths[query.table]) for query in queries]
    whole = [index for index, plan in enumerate(plans) if not plan.periods]
    together = [queries[n].on(_scan(queries[n], rows, plans[n], extents)) for n in whole]
    results = dict(zip(whole, pl.collect_all(together), strict=True))
    by_period = _by_period(plans)
    firsts = {some: _Firsts([plans[n].first for n in some]) for some in set(by_period.values())}

    dense = any(extent.is_dense(widths[table]) for table, extent in extents.items() if extent)
    stretches, shares = (1, _AT_ONCE) if dense else (_AT_ONCE, 1)

    def found(period: Period) -> list[pl.DataFrame]:
        return firsts[by_period[period]].on(rows, period, shares)

    laid = {index: _Laid(plan) for index, plan in enumerate(plans) if plan.periods}
    in_turn = zip(by_period, _in_turn(found, by_period, stretches), strict=True)
    for done, (period, frames) in enumerate(in_turn, start=1):
        for index, frame in zip(by_period[period], frames, strict=True):
            laid[index].add(frame)
        if on_read is not None:
            on_read(Reading(period, done, len(by_period)))
    results |= {index: parts.result() for index, parts in laid.items()}
    return [results[index] for index in range(len(queries))]


def _scan(
    query: Query, rows: Rows, plan: _Plan, extents: Mapping[Table, Extent | None]
) -> Callable[[Table], pl.LazyFrame]:
    """Gives the rows for a query that is run as a whole; of large tables not many in vain."""

    def scan(table: Table) -> pl.LazyFrame:
        where = wanted([query], table) if extents[query.table] is not None else None
        return rows.scan(table, plan.within, where)

    return scan


def _in_turn(
    act: Callable[[Period], list[pl.DataFrame]], periods: Iterable[Period], at_once: int
) -> Iterator[list[pl.DataFrame]]:
    """What an act gives for each period, so many at a time: one reads while the other counts."""
    with ThreadPoolExecutor(at_once) as pool:
        try:
            yield from pool.map(act, periods)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _by_period(plans: Sequence[_Plan]) -> dict[Period, tuple[int, ...]]:
    found: dict[Period, list[int]] = defaultdict(list)
    for index, plan in enumerate(plans):
        for period in plan.periods:
            found[period].append(index)
    by_start = sorted(found.items(), key=lambda item: item[0].start)
    return {period: tuple(some) for period, some in by_start}


class _Firsts:
    """The first parts of some queries: those that count rows share them, others only filter."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries = queries
        counting = [q for q in queries if any(isinstance(step, Aggregate) for step in q.steps)]
        self._counting = set(counting)
        self._filtering = [query for query in queries if query not in self._counting]
        self._together = Together(counting)
        self._read = _read(counting)
        self._counted_of = {table: wanted(counting, table) for table in self._read}
        filtered = {table for query in self._filtering for table in query.tables}
        self._filtered_of = {table: wanted(self._filtering, table) for table in filtered}

    def on(self, rows: Rows, period: Period, at_once: int) -> list[pl.DataFrame]:
        """Their results on the rows of a period, of which so many shares are counted at once."""

        def shares(table: Table) -> list[Share]:
            some = rows.shares(table, period, self._read[table], self._counted_of[table])
            return [partial(_with_empty, share, table) for share in some]

        def scan(table: Table) -> pl.LazyFrame:
            return rows.scan(table, period, self._filtered_of[table])

        counted = iter(self._together.on(shares, at_once))
        filtered = iter(
            pl.collect_all(between(query, period).on(scan) for query in self._filtering)
        )
        frames = [next(counted if q in self._counting else filtered) for q in self._queries]
        return list(map(with_own_text, frames))


def _read(queries: Iterable[Query]) -> dict[Table, list[str]]:
    """The columns of tables that some queries read."""
    named: dict[Table, set[str]] = defaultdict(set)
    for query in queries:
        for table in query.tables:
            named[table].update(_named(query))
    return {
        table: [n for n in table.names if n == table.time or n in names]
        for table, names in named.items()
    }


def _named(query: Query) -> Iterator[str]:
    """The columns that a query computes from, whether or not anybody sees what; some too many."""
    for one in pipelines(query):
        for step in one.steps:
            match step:
                case Filter(exprs) | WithColumns(exprs) | Select(exprs):
                    yield from _roots(exprs, one.table)
                case Aggregate(keys, aggs):
                    yield from _roots((*keys, *aggs), one.table)
                case Join(_, left_on, right_on):
                    yield from (*left_on, *right_on)
                case Unique():
                    yield from one.table.names
                case Explode(column):
                    yield column
                case Rename(names):
                    yield from names
        yield from one.schema


def _roots(exprs: Iterable[pl.Expr], table: Table) -> Iterator[str]:
    for expr in exprs:
        inside = expr.meta.has_multiple_outputs()
        yield from table.names if inside else expr.meta.root_names()


def _with_empty(share: Callable[[], pl.DataFrame], table: Table) -> pl.LazyFrame:
    """A share of rows with all columns of a table; those that they lack are empty."""
    rows = share()
    lacking = [
        (pl.lit("") if dtype == pl.String else pl.lit(None, dtype)).alias(name)
        for name, dtype in table.schema.items()
        if name not in rows.columns
    ]
    return rows.lazy().with_columns(lacking).select(table.names)


def _plan(query: Query, extent: Extent | None, columns: int) -> _Plan:
    own = bounds(query, EVER)
    joined = any(isinstance(step, Join) for step in query.steps)
    if own.start == EVER.start or own.end == EVER.end:
        return _Plan((), query)
    if extent is None:
        return _Plan((), query, within=None if joined else own)
    within, length = bounds(query, extent.period), extent.length(columns)
    whole = cut_of(query)
    if whole is not None and not length % whole.bin:
        return _Plan(extent.stretches(within, length), query, whole.last)
    for count, groups in _aggregates_before(query):
        first, rest = evolve(query, steps=query.steps[:count]), query.steps[count:]
        cut = cut_of(first)
        if cut is None:
            continue
        if not length % cut.bin:
            return _Plan(extent.stretches(within, length), first, rest)
        merged = again(groups)
        rows = cut_of(evolve(query, steps=query.steps[: count - 1])) if merged else None
        if merged is not None and rows is not None and not length % rows.bin:
            return _Plan(extent.stretches(within, length), first, (merged, *rest), merged)
    if whole is not None:
        return _Plan(extent.stretches(within, whole.bin), query, whole.last)
    return _Plan((), query, within=None if joined else within)


def _aggregates_before(query: Query) -> list[tuple[int, Aggregate]]:
    """Where the query may be parted: behind an aggregate, what is joined before; the last first."""
    counts = [(n, s) for n, s in enumerate(query.steps, start=1) if isinstance(s, Aggregate)]
    joins = [n for n, step in enumerate(query.steps, start=1) if isinstance(step, Join)]
    return [(n, step) for n, step in reversed(counts) if n >= max(joins, default=0)]
