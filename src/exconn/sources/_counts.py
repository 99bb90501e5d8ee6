"""Counting the same rows in groups for several queries at once.

Queries of one table ask for the same texts and conditions again and again. Here each is computed
once for all; texts that rows are grouped by become numbers; texts that are told apart, their hashes
of 64 bits (of the 250,000 rows of a stretch two are taken for one less often than once in a
hundred million stretches); and where only large groups are of interest, only those are counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import takewhile
from operator import xor

import polars as pl
import polars.selectors as cs
from attrs import frozen
from polars.lazyframe.group_by import LazyGroupBy

from exconn.kql.parts import distinct_of, key_of, least_of
from exconn.query import Aggregate, Filter, Join, Query, Step, as_counted, run
from exconn.tables import Table

Rows = Callable[[Table], pl.LazyFrame]

_Steps = tuple[Step, ...]

_OURS = "exconn: "
_FEW = 2
"""Up to so many numbers of different values are counted one by one."""


@frozen(eq=False)
class _Count:
    """The first steps of a query, which filter the rows of a table and count them in groups.

    Attributes:
        filters: which rows are counted.
        groups: by what, and what is told of each group.
        large: keeps only large groups; None where all are of interest.
        least: how many rows a group must have to be kept.
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


class Together:
    """Queries that are run on the same rows, again and again."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries = queries
        counts = {count.steps: count for count in map(_count, _with_joined(queries)) if count}
        by_rows: dict[tuple[Table, tuple[object, ...]], list[_Count]] = {}
        for count in counts.values():
            predicates = [one for step in count.filters for one in step.predicates]
            which = tuple(key_of(one) or one for one in predicates)
            by_rows.setdefault((count.table, which), []).append(count)
        self._shared = list(map(_Shared, by_rows.values()))

    def on(self, rows: Rows) -> list[pl.DataFrame]:
        """Run them; results in the same order."""
        columns = pl.collect_all([shared.columns(rows) for shared in self._shared])
        plans = {
            steps: plan
            for shared, frame in zip(self._shared, columns, strict=True)
            for steps, plan in shared.counted(frame)
        }
        counted = dict(zip(plans, pl.collect_all(plans.values()), strict=True))

        def on_counted(query: Query) -> pl.LazyFrame:
            for length in range(len(query.steps), 0, -1):
                done = counted.get(query.steps[:length])
                if done is not None:
                    return run(query.steps[length:], done.lazy(), on_counted)
            return query.on(rows)

        return pl.collect_all([on_counted(query) for query in self._queries])


class _Shared:
    """Counts of the same rows, with what they compute of these in columns, each once."""

    def __init__(self, counts: Sequence[_Count]) -> None:
        self._table = counts[0].table
        self._filters = counts[0].filters
        self._computed: dict[str, pl.Expr] = {}
        self._names: dict[object, str] = {}
        self._counts = [(count, self._of_columns(count)) for count in counts]

    def columns(self, rows: Rows) -> pl.LazyFrame:
        """The columns, for the rows that are counted."""
        kept = rows(self._table).filter(*(p for step in self._filters for p in step.predicates))
        return kept.select(**self._computed)

    def counted(self, columns: pl.DataFrame) -> Iterator[tuple[_Steps, pl.LazyFrame]]:
        """The counts, each with its steps."""
        keys = {key for count, of in self._counts if not count.large for key in of.keys.values()}
        texts = [name for name in keys if columns.schema[name] == pl.String]
        coded = columns.with_columns(
            pl.col(name).cast(pl.Categorical(pl.Categories.random())) for name in texts
        )
        for count, of in self._counts:
            rows = (
                _in_large_groups(columns, of.keys.values(), count.least) if count.large else coded
            )
            groups = of.on(rows.lazy())
            yield count.steps, run([count.large] if count.large else [], groups, _nothing)

    def _of_columns(self, count: _Count) -> "_Groups":
        keys = {key.meta.output_name(): self._column(key) for key in count.groups.keys}
        others: list[pl.Expr] = []
        distinct: dict[str, dict[str, str | None]] = {}
        for agg in count.groups.aggs:
            found = distinct_of(agg)
            if found is None:
                self._computed |= {name: pl.col(name) for name in agg.meta.root_names()}
                others.append(agg)
            else:
                where = None if found.where is None else self._column(found.where)
                value = self._column(found.value, hashed=True)
                distinct.setdefault(value, {})[agg.meta.output_name()] = where
        names = (*keys, *(agg.meta.output_name() for agg in count.groups.aggs))
        return _Groups(names, keys, tuple(others), distinct)

    def _column(self, expr: pl.Expr, *, hashed: bool = False) -> str:
        """The name of the column with an expression, or with the hashes of its texts."""
        plain = expr.meta.undo_aliases()
        known = (key_of(plain) or plain, hashed)
        if known not in self._names:
            self._names[known] = name = f"{_OURS}{len(self._names)}"
            self._computed[name] = _hashed(plain, self._table) if hashed else plain
        return self._names[known]


@frozen(eq=False)
class _Groups:
    """What is told of groups of the rows of `_Shared`.

    Attributes:
        names: the columns, in order.
        keys: by name, the columns that rows are grouped by.
        others: aggregations that count nothing distinct.
        distinct: by the column whose different values are counted: by name, in which rows.
    """

    names: tuple[str, ...]
    keys: Mapping[str, str]
    others: tuple[pl.Expr, ...]
    distinct: Mapping[str, Mapping[str, str | None]]

    def on(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The groups of some rows."""
        keys = [pl.col(column).alias(name) for name, column in self.keys.items()]
        parts = []
        aggs = list(self.others)
        for value, counts in self.distinct.items():
            if len(counts) > _FEW:
                parts.append(self._by_value(rows.group_by(*keys, value), counts))
            else:
                aggs += [_values(value, where).alias(name) for name, where in counts.items()]
        if aggs:
            parts.insert(0, rows.group_by(*keys).agg(*aggs))
        first, *rest = parts
        for part in rest:
            first = first.join(part, on=list(self.keys), nulls_equal=True)
        return as_counted(first.select(self.names).with_columns(cs.categorical().cast(pl.String)))

    def _by_value(self, grouped: LazyGroupBy, counts: Mapping[str, str | None]) -> pl.LazyFrame:
        """How many values there are: each is looked at once, for all that is asked of it."""
        wheres = list(dict.fromkeys(where for where in counts.values() if where))
        values = grouped.agg(pl.col(wheres).any()).group_by(*self.keys)
        return values.agg(
            (pl.col(where).sum() if where else pl.len()).alias(name)
            for name, where in counts.items()
        )


def _values(value: str, where: str | None) -> pl.Expr:
    values = pl.col(value) if where is None else pl.col(value).filter(pl.col(where))
    return values.n_unique()


def _with_joined(queries: Iterable[Query]) -> Iterator[Query]:
    for query in queries:
        yield query
        yield from _with_joined(step.other for step in query.steps if isinstance(step, Join))


def _count(query: Query) -> _Count | None:
    """The count that a query begins with; None where it begins otherwise."""
    filters = tuple(step for step in takewhile(_is_filter, query.steps) if isinstance(step, Filter))
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


def _in_large_groups(columns: pl.DataFrame, keys: Iterable[str], least: int) -> pl.DataFrame:
    """The rows of groups that have enough of them, and a few others."""
    hashes = [pl.col(key).hash(seed) for seed, key in enumerate(keys)]
    group = columns.select(Group=reduce(xor, hashes))
    large = group.group_by("Group").len().filter(pl.col("len") >= least)
    return columns.filter(group["Group"].is_in(large["Group"].implode()))


def _hashed(expr: pl.Expr, table: Table) -> pl.Expr:
    """An expression, or the hashes of its texts."""
    made = pl.LazyFrame(schema=table.schema).select(expr).collect_schema()
    return expr.hash() if set(made.dtypes()) == {pl.String()} else expr


def _is_filter(step: Step) -> bool:
    return isinstance(step, Filter)


def _nothing(_query: Query) -> pl.LazyFrame:
    raise AssertionError  # pragma: no cover # counts join nothing
