"""Cutting a query by time, so that the results of its parts lie side by side as the whole would."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import polars as pl
from attrs import evolve, frozen

from exconn.errors import UnsupportedExpression
from exconn.kql.nodes import MICROSECOND, Column, Literal, Node, Op
from exconn.kql.parts import is_of_one_row, leading_filters
from exconn.kql.plan import schemas
from exconn.kql.render import terms
from exconn.kql.tree import read
from exconn.query import (
    Aggregate,
    Drop,
    Explode,
    Filter,
    Head,
    Join,
    Query,
    Rename,
    Select,
    Sort,
    Step,
    Unique,
    WithColumns,
)
from exconn.tables import KqlType
from exconn.window import Period

_DAY = timedelta(days=1)
_SINCE = {">=": timedelta(0), ">": MICROSECOND}
_UNTIL = {"<": timedelta(0), "<=": MICROSECOND}


@frozen(eq=False)
class Cut:
    """How a query may be cut.

    Attributes:
        bin: parts must meet at multiples of it, counted from midnight in UTC.
        last: the steps to do once more on the parts' results: to sort them and take the first.
    """

    bin: timedelta
    last: Sequence[Step]


def cut_of(query: Query) -> Cut | None:
    """How a query may be cut by time; None when its parts would not make up the whole.

    Rows may be cut anywhere; groups where the bin of time ends that they are grouped by. What spans
    bins cannot be cut: groups without a bin of time, joins that do not compare it, and what looks
    at the rows beside, such as ``is_first_distinct()``, as far as can be told.
    """
    steps = list(takewhile(lambda step: not isinstance(step, Sort), query.steps))
    last = query.steps[len(steps) :]
    if not all(isinstance(step, Sort | Head) for step in last):
        return None
    clock = _clock_of(steps, query)
    return Cut(clock.bin, last) if clock else None


def bounds(query: Query, within: Period) -> Period:
    """The part of a period to which the query's own first filters confine it.

    A filter that looks at the rows beside, and what comes behind it, confine nothing: it looks at
    the rows of all times.
    """
    start, end = within.start, within.end
    time = query.table.time
    columns = {time: Column(name=time, type=KqlType.DATETIME)}
    for step in leading_filters(query):
        for predicate in step.predicates:
            if set(predicate.meta.root_names()) == {time}:
                for term in terms(read(predicate, columns, query.table.name)[1]):
                    since, until = _bounds_of(term)
                    start, end = max(start, since or start), min(end, until or end)
    return Period(start, max(start, end))


def between(query: Query, period: Period) -> Query:
    """The query on the rows of a period alone, in every table that it scans.

    It is a part of the whole when the period begins and ends where bins of `cut_of` do.
    """
    time = pl.col(query.table.time)
    inside = ((time >= period.start) & (time < period.end)).fill_null(value=False)
    steps = [
        evolve(step, other=between(step.other, period)) if isinstance(step, Join) else step
        for step in query.steps
    ]
    return evolve(query, steps=(Filter((inside,)), *steps))


@frozen
class _Clock:
    """The columns that hold the time, with the bin to which each is floored.

    Attributes:
        times: those columns.
        bin: the coarsest bin that some step needs whole.
    """

    times: Mapping[str, timedelta]
    bin: timedelta

    def after(self, step: Step) -> "_Clock | None":
        """What it is after a step; None when the step mixes rows of all times."""
        match step:
            case Filter() | Explode():
                return self
            case WithColumns(exprs) if any(expr.meta.has_multiple_outputs() for expr in exprs):
                return evolve(self, times={})
            case WithColumns(exprs):
                made = {expr.meta.output_name() for expr in exprs}
                kept = {name: size for name, size in self.times.items() if name not in made}
                return evolve(self, times=kept | self._made(exprs))
            case Select(exprs):
                return evolve(self, times=self._made(exprs))
            case Join(other, left_on, right_on):
                return self._joined(other, left_on, right_on)
            case Aggregate(keys):
                return self._whole(self._made(keys))
            case Unique():
                return self._whole(self.times)
            case Rename(names):
                return evolve(self, times={names.get(n, n): size for n, size in self.times.items()})
            case Drop(columns):
                return evolve(
                    self, times={n: size for n, size in self.times.items() if n not in columns}
                )
        return None

    def _joined(
        self, other: Query, left_on: Sequence[str], right_on: Sequence[str]
    ) -> "_Clock | None":
        """After a join of rows that agree in their time's bin; None when they need not."""
        theirs = _clock_of(other.steps, other)
        if theirs is None:
            return None
        shared = [
            self.times[left]
            for left, right in zip(left_on, right_on, strict=True)
            if left in self.times and self.times[left] == theirs.times.get(right)
        ]
        return evolve(self, bin=max(self.bin, theirs.bin, min(shared))) if shared else None

    def _whole(self, times: Mapping[str, timedelta]) -> "_Clock | None":
        """After a step that brings rows together which agree in these times."""
        return _Clock(times, max(self.bin, min(times.values()))) if times else None

    def _made(self, exprs: Iterable[pl.Expr]) -> dict[str, timedelta]:
        single = [expr for expr in exprs if not expr.meta.has_multiple_outputs()]
        sizes = {expr.meta.output_name(): self._size(expr) for expr in single}
        return {name: size for name, size in sizes.items() if size is not None}

    def _size(self, expr: pl.Expr) -> timedelta | None:
        """The bin to which an expression floors the time; None when it is something else."""
        roots = expr.meta.root_names()
        if len(roots) != 1 or roots[0] not in self.times:
            return None
        column = Column(name=roots[0], type=KqlType.DATETIME)
        try:
            node = read(expr, {roots[0]: column}, "key")[1]
        except UnsupportedExpression:
            return None
        known = self.times[roots[0]]
        match node:
            case Column():
                return known
            case Op(name="truncate", args=(Column(),), option=timedelta() as size):
                return size if not _DAY % size and not size % known else None
        return None


def _clock_of(steps: Sequence[Step], query: Query) -> _Clock | None:
    clock: _Clock | None = _Clock({query.table.time: MICROSECOND}, MICROSECOND)
    for step in steps:
        clock = clock and clock.after(step)
    return clock if clock and _each_row_decides(steps, query) else None


def _each_row_decides(steps: Sequence[Step], query: Query) -> bool:
    """Whether no row's part in the steps hangs on the rows beside it; groups stay whole."""
    for step, columns in zip(steps, schemas(evolve(query, steps=tuple(steps))), strict=False):
        match step:
            case Filter(exprs) | WithColumns(exprs) | Select(exprs) | Aggregate(exprs):
                if not all(is_of_one_row(expr, columns) for expr in exprs):
                    return False
    return True


def _bounds_of(term: Node) -> tuple[datetime | None, datetime | None]:
    match term:
        case Op(name=name, args=(Column(), Literal(value=datetime() as value))):
            since = value + _SINCE[name] if name in _SINCE else None
            until = value + _UNTIL[name] if name in _UNTIL else None
            return since, until
    return None, None
