"""Running queries over more rows than memory holds: one stretch of time after the other."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Protocol

import polars as pl
import polars.selectors as cs
from attrs import evolve, frozen

from exconn.kql.cuts import between, bounds, cut_of
from exconn.query import Aggregate, Join, Query, Step, run
from exconn.tables import Table
from exconn.window import EVER, HOUR, Period, ceiled, floored

_ROWS_AT_ONCE = 250_000
_LENGTHS = [hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 24)]

_OWN_TEXT = cs.string() + ""
"""Text that holds on to no other: what is taken of a column keeps all of the column's text."""


class Scan(Protocol):
    """Gives the rows of a table."""

    def __call__(self, table: Table, period: Period | None) -> pl.LazyFrame:
        """All rows, or at least those of a period."""
        ...


def is_large(rows: int) -> bool:
    """Whether so many rows are looked at in stretches."""
    return rows > _ROWS_AT_ONCE


@frozen
class Extent:
    """How many rows a large table has, and from when to when."""

    rows: int
    period: Period

    def length(self) -> timedelta:
        """How long a stretch is that has about as many rows as are held at once."""
        long = (self.period.end - self.period.start) * (_ROWS_AT_ONCE / self.rows)
        return max((length for length in _LENGTHS if length <= long), default=HOUR)


@frozen(eq=False)
class _Plan:
    """How a query is run.

    Attributes:
        periods: the stretches of time; none where it is run as a whole.
        first: the steps for each stretch.
        last: the steps on what all stretches gave; those that sort and take the first are done in
            each stretch, too.
        within: of which time its rows are, where it is run as a whole; None where nobody knows.
    """

    periods: Sequence[Period]
    first: Query
    last: Sequence[Step] = ()
    within: Period | None = None


def stretched(
    queries: Sequence[Query], scan: Scan, extents: Mapping[Table, Extent | None]
) -> list[pl.DataFrame]:
    """Run queries; results in the same order.

    Queries of small tables are run together. Of a large one the rows of one stretch of time after
    the other are read, once for all queries, as far as these say themselves of which time their
    rows are, and the results for stretches lie side by side. So memory grows with the results, not
    with the rows, and little is read of files, and of groups of rows in them, of other times.

    Args:
        queries: what is asked.
        scan: gives the rows.
        extents: of the table of each query; None where it is read as a whole.
    """
    plans = [_plan(query, extents[query.table]) for query in queries]
    whole = [index for index, plan in enumerate(plans) if not plan.periods]
    together = [queries[n].on(partial(scan, period=plans[n].within)) for n in whole]
    results = dict(zip(whole, pl.collect_all(together), strict=True))
    parts: dict[int, list[pl.DataFrame]] = defaultdict(list)
    for period, some in _by_period(plans).items():
        asked = [between(plans[index].first, period) for index in some]
        found = pl.collect_all(_on_rows(asked, period, scan))
        for index, frame in zip(some, found, strict=True):
            parts[index].append(frame.with_columns(_OWN_TEXT))
    for index, frames in parts.items():
        laid = pl.concat(frames).lazy()
        results[index] = run(plans[index].last, laid, _nothing_to_join).collect()
    return [results[index] for index in range(len(queries))]


def _by_period(plans: Sequence[_Plan]) -> dict[Period, list[int]]:
    found: dict[Period, list[int]] = defaultdict(list)
    for index, plan in enumerate(plans):
        for period in plan.periods:
            found[period].append(index)
    return dict(sorted(found.items(), key=lambda item: item[0].start))


def _on_rows(queries: Sequence[Query], period: Period, scan: Scan) -> list[pl.LazyFrame]:
    """Queries on the rows of a period: those that count them are shared, others only filter."""
    counting = [q for q in queries if any(isinstance(step, Aggregate) for step in q.steps)]
    held = _held(counting, period, scan)
    return [
        query.on(held.__getitem__ if query in counting else lambda table: scan(table, period))
        for query in queries
    ]


def _held(queries: Sequence[Query], period: Period, scan: Scan) -> dict[Table, pl.LazyFrame]:
    """The rows of a period, with the columns that decide what queries say; others are empty."""
    reads = frozenset[tuple[str, str]]().union(*(query.reads() for query in queries))
    held = {}
    for table in {table for query in queries for table in query.tables}:
        names = [n for n in table.names if n == table.time or (table.name, n) in reads]
        rows = scan(table, period).select(names).collect().lazy()
        empty = [
            (pl.lit("") if dtype == pl.String else pl.lit(None, dtype)).alias(name)
            for name, dtype in table.schema.items()
            if name not in names
        ]
        held[table] = rows.with_columns(empty).select(table.names)
    return held


def _plan(query: Query, extent: Extent | None) -> _Plan:
    own = bounds(query, EVER)
    if extent is None or own.start == EVER.start or own.end == EVER.end:
        return _Plan((), query)
    within, length = bounds(query, extent.period), extent.length()
    whole = cut_of(query)
    if whole is not None and not length % whole.bin:
        return _Plan(_periods(within, length), query, whole.last)
    for count in _aggregates_before(query):
        first = evolve(query, steps=query.steps[:count])
        cut = cut_of(first)
        if cut is not None and not length % cut.bin:
            return _Plan(_periods(within, length), first, last=query.steps[count:])
    if whole is not None:
        return _Plan(_periods(within, whole.bin), query, whole.last)
    joined = any(isinstance(step, Join) for step in query.steps)
    return _Plan((), query, within=None if joined else within)


def _aggregates_before(query: Query) -> list[int]:
    """Where the query may be parted: behind an aggregate, what is joined before; the last first."""
    counts = [n for n, step in enumerate(query.steps, start=1) if isinstance(step, Aggregate)]
    joins = [n for n, step in enumerate(query.steps, start=1) if isinstance(step, Join)]
    return [n for n in reversed(counts) if n >= max(joins, default=0)]


def _periods(inside: Period, length: timedelta) -> list[Period]:
    start = floored(inside.start, length)
    count = max(1, (ceiled(inside.end, length) - start) // length)
    return [Period(start + n * length, start + (n + 1) * length) for n in range(count)]


def _nothing_to_join(table: Table) -> pl.LazyFrame:
    raise AssertionError(f"{table.name} is joined only before results are laid together")
