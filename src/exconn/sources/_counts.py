"""Counting rows in groups for several queries at once.

Queries of one table ask for the same texts and conditions again and again: each is computed once
for all. Groups, and values that are told apart, are compared by hashes of 64 bits with a seed that
nobody knows: of the 250,000 rows of a stretch two are taken for one less often than once in a
hundred million stretches. Where only groups of many rows are of interest, only those are counted.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import takewhile
from operator import xor

import polars as pl
from attrs import frozen

from exconn.kql.parts import distinct_of, key_of, least_of
from exconn.query import Aggregate, Filter, Join, Query, Step, as_counted, run
from exconn.tables import Table

Rows = Callable[[Table], pl.LazyFrame]

_Steps = tuple[Step, ...]

_OURS = "exconn: "
_GROUP, _FIRST, _VALUE = _OURS + "group", _OURS + "first", _OURS + "value"
_SEED = secrets.randbits(62)
_FEW = 2
"""Up to so many numbers of different values are counted one by one."""


class Together:
    """Queries that are run on the same rows, again and again."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries = queries
        counts = {count.steps: count for count in map(_count, _with_joined(queries)) if count}
        by_rows: dict[tuple[Table, tuple[object, ...]], list[_Count]] = {}
        for count in counts.values():
            which = tuple(key_of(predicate) or predicate for predicate in count.predicates)
            by_rows.setdefault((count.table, which), []).append(count)
        self._first = [(alike[0], _Counter(alike)) for alike in by_rows.values()]

    def on(self, rows: Rows) -> list[pl.DataFrame]:
        """Run them; results in the same order."""
        columns = pl.collect_all(
            [
                counter.columns(rows(one.table).filter(*one.predicates))
                for one, counter in self._first
            ]
        )
        counted: dict[_Steps, pl.DataFrame] = {}
        for (_, counter), frame in zip(self._first, columns, strict=True):
            counted |= counter.counted(frame)

        done = _Done(rows, counted)
        return pl.collect_all([done.plan(query) for query in self._queries])


@frozen(eq=False)
class _Done:
    """The counts that are done; a value, since a closure that calls itself would outlive them."""

    rows: Rows
    counted: Mapping[_Steps, pl.DataFrame]

    def plan(self, query: Query) -> pl.LazyFrame:
        """The rest of a query, after its count."""
        for length in range(len(query.steps), 0, -1):
            count = self.counted.get(query.steps[:length])
            if count is not None:
                return run(query.steps[length:], count.lazy(), self.plan)
        return query.on(self.rows)


@frozen(eq=False)
class _Count:
    """The first steps of a query, which filter the rows of a table and count them in groups.

    Attributes:
        filters: which rows are counted.
        groups: by what, and what is told of each group.
        large: keeps only groups of at least `least` rows; None where all are of interest.
    """

    table: Table
    filters: tuple[Filter, ...]
    groups: Aggregate
    large: Filter | None = None
    least: int = 0

    @property
    def steps(self) -> _Steps:
        """The steps, as in the query."""
        return (*self.filters, self.groups, *([self.large] if self.large else []))

    @property
    def predicates(self) -> list[pl.Expr]:
        """What holds of the rows that are counted."""
        return [predicate for step in self.filters for predicate in step.predicates]


def _with_joined(queries: Iterable[Query]) -> Iterator[Query]:
    for query in queries:
        yield query
        yield from _with_joined(step.other for step in query.steps if isinstance(step, Join))


def _count(query: Query) -> _Count | None:
    """The count that a query begins with; None where it begins otherwise."""
    begin = takewhile(lambda step: isinstance(step, Filter), query.steps)
    filters = tuple(step for step in begin if isinstance(step, Filter))
    match query.steps[len(filters) :]:
        case (Aggregate() as groups, Filter((predicate,)) as large, *_) if (
            groups.keys and (least := _least(groups, predicate)) > 1
        ):
            return _Count(query.table, filters, groups, large, least)
        case (Aggregate() as groups, *_) if groups.keys:
            return _Count(query.table, filters, groups)
    return None


def _least(groups: Aggregate, predicate: pl.Expr) -> int:
    """How many rows a group must at least have to be kept: as many as it has different values."""
    names = [agg.meta.output_name() for agg in groups.aggs if distinct_of(agg)]
    return max((least_of(predicate, name) for name in names), default=0)


class _Counter:
    """Counts of the same rows. What they compute of these stands in columns, each once."""

    def __init__(self, counts: Sequence[_Count]) -> None:
        self._computed: dict[str, pl.Expr] = {}
        self._names: dict[object, str] = {}
        self._counts = [(count, self._of_columns(count.groups)) for count in counts]

    def columns(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The columns, for the rows that are counted."""
        return rows.select(**self._computed)

    def counted(self, columns: pl.DataFrame) -> dict[_Steps, pl.DataFrame]:
        """The counts by their steps, from the columns."""
        compared = {name for _, groups in self._counts for name in groups.distinct}
        texts = [name for name in compared if columns.schema[name] == pl.String]
        rows = columns.with_columns(pl.col(texts).hash(_SEED)) if texts else columns
        plans = [groups.plan(rows, count.least) for count, groups in self._counts]
        found = zip(self._counts, pl.collect_all(plans), strict=True)
        return {
            count.steps: _kept(groups.named(frame, columns), count.large)
            for (count, groups), frame in found
        }

    def _of_columns(self, asked: Aggregate) -> "_Groups":
        others: list[pl.Expr] = []
        distinct: dict[str, dict[str, str | None]] = {}
        for agg in asked.aggs:
            found = distinct_of(agg)
            if found is None:
                self._computed |= {name: pl.col(name) for name in agg.meta.root_names()}
                others.append(agg)
            else:
                where = None if found.where is None else self._column(found.where)
                value = self._column(found.value)
                distinct.setdefault(value, {})[agg.meta.output_name()] = where
        keys = {key.meta.output_name(): self._column(key) for key in asked.keys}
        names = [agg.meta.output_name() for agg in asked.aggs]
        return _Groups((*keys, *names), keys, tuple(others), distinct)

    def _column(self, expr: pl.Expr) -> str:
        """The name of the column that holds an expression."""
        plain = expr.meta.undo_aliases()
        known = key_of(plain) or plain
        if known not in self._names:
            self._names[known] = name = f"{_OURS}{len(self._names)}"
            self._computed[name] = plain
        return self._names[known]


@frozen(eq=False)
class _Groups:
    """What is told of groups of rows.

    Attributes:
        names: the columns of the result, in order.
        keys: by name, the columns that rows are grouped by.
        others: aggregations that count nothing distinct.
        distinct: by the column whose different values are counted: by name, in which rows.
    """

    names: tuple[str, ...]
    keys: Mapping[str, str]
    others: tuple[pl.Expr, ...]
    distinct: Mapping[str, Mapping[str, str | None]]

    def plan(self, rows: pl.DataFrame, least: int) -> pl.LazyFrame:
        """The groups: the number of the first row of each, and what is told of it."""
        hashes = [pl.col(key).hash(_SEED + n) for n, key in enumerate(self.keys.values(), start=1)]
        group = rows.select(reduce(xor, hashes).alias(_GROUP)).to_series()
        first = pl.int_range(pl.len(), dtype=pl.UInt32).alias(_FIRST)
        grouped = rows.lazy().with_columns(group, first)
        if least:
            large = group.to_frame().group_by(_GROUP).len().filter(pl.col("len") >= least)
            grouped = grouped.filter(group.is_in(large[_GROUP].implode()))
        parts = []
        aggs = [pl.col(_FIRST).first(), *self.others]
        for value, counts in self.distinct.items():
            if len(counts) > _FEW:
                parts.append(_by_value(grouped, value, counts))
            else:
                aggs += [_different(value, where).alias(name) for name, where in counts.items()]
        told = grouped.group_by(_GROUP).agg(aggs)
        for part in parts:
            told = told.join(part, on=_GROUP)
        return told

    def named(self, told: pl.DataFrame, columns: pl.DataFrame) -> pl.DataFrame:
        """What is told of groups, with their keys."""
        keys = columns.select(pl.col(column).alias(name) for name, column in self.keys.items())
        both = pl.concat([keys[told[_FIRST]], told], how="horizontal")
        return as_counted(both.lazy().select(self.names)).collect()


def _by_value(rows: pl.LazyFrame, value: str, counts: Mapping[str, str | None]) -> pl.LazyFrame:
    """How many different values there are, each looked at once for all that is asked of it."""
    wheres = list(dict.fromkeys(where for where in counts.values() if where))
    pair = pl.col(_GROUP).hash(_SEED) ^ pl.col(value).hash(_SEED)
    values = (
        rows.select(_GROUP, pair.alias(_VALUE), *wheres)
        .group_by(_VALUE)
        .agg(pl.col(_GROUP).first(), pl.col(wheres).any())
    )
    return values.group_by(_GROUP).agg(
        (pl.col(where).sum() if where else pl.len()).alias(name) for name, where in counts.items()
    )


def _different(value: str, where: str | None) -> pl.Expr:
    values = pl.col(value) if where is None else pl.col(value).filter(pl.col(where))
    return values.n_unique()


def _kept(groups: pl.DataFrame, large: Filter | None) -> pl.DataFrame:
    return groups.filter(*large.predicates) if large else groups
