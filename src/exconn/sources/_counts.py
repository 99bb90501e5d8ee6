"""Counting rows in groups for several queries at once.

Queries of one table ask for the same texts and conditions again and again: each is computed once
for all. Groups, and values that are told apart, are compared by hashes of 64 bits with seeds that
nobody knows: of the 250,000 rows of a stretch two are taken for one less often than once in a
hundred million stretches. Where only groups of many rows are of interest, only those are counted;
and names that will be lumped together are not told apart before.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import and_, xor

import polars as pl
from attrs import frozen

from exconn.kql.parts import Distinct, distinct_of, is_of_one_row, key_of, leading_filters, least_of
from exconn.query import Aggregate, Filter, Join, Lumped, Query, Step, as_counted, run
from exconn.sources._columns import Columns
from exconn.tables import Table

Rows = Callable[[Table], pl.LazyFrame]

_Steps = tuple[Step, ...]

_OURS = "exconn, "
_GROUP, _LUMP, _BY = _OURS + "group", _OURS + "lump", _OURS + "by"
_FIRST, _VALUE = _OURS + "first", _OURS + "value"
_HASH = _OURS + "hash of "
_SEED = secrets.randbits(62)
_FEW = 2
"""Up to so many numbers of different values are counted one by one."""


class Together:
    """Queries that are run on the same rows, again and again."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries = queries
        by_table: dict[Table, dict[_Steps, _Count]] = defaultdict(dict)
        for count in _counts(queries):
            by_table[count.table][count.steps] = count
        self._counters = {
            table: _Counter(table, list(counts.values())) for table, counts in by_table.items()
        }

    def on(self, rows: Rows) -> list[pl.DataFrame]:
        """Run them; results in the same order."""
        counted: dict[_Steps, pl.DataFrame] = {}
        for table, counter in self._counters.items():
            counted |= counter.counted(rows(table))
        done = _Done(rows, counted)
        return pl.collect_all([done.plan(query) for query in self._queries], engine="in-memory")


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
        steps: all of them.
        predicates: what holds of the rows that are counted.
        groups: by what, and what is told of each group.
        large: keeps only groups of at least `least` rows; None where all are of interest.
        lumped: which names of the groups are lumped together; None where all are told apart.
    """

    table: Table
    steps: _Steps
    predicates: tuple[pl.Expr, ...]
    groups: Aggregate
    large: Filter | None = None
    least: int = 0
    lumped: Lumped | None = None


def _counts(queries: Iterable[Query]) -> Iterator[_Count]:
    """The counts that queries, and those that they join, begin with."""
    for query in queries:
        count = _count(query)
        if count is not None:
            yield count
        rest = query.steps[len(count.steps) if count else 0 :]
        yield from _counts(step.other for step in rest if isinstance(step, Join))


def _count(query: Query) -> _Count | None:
    """The count that a query begins with; None where it begins otherwise."""
    filters = leading_filters(query)
    predicates = tuple(predicate for step in filters for predicate in step.predicates)
    table, before = query.table, len(filters)
    match query.steps[before:]:
        case (Aggregate() as groups, *_) if _takes_several(groups):
            return None
        case (Aggregate() as groups, _, _, Lumped() as lumped, *_) if _counts_one_thing(
            groups, table
        ) and _lumps(groups, lumped):
            steps = query.steps[: before + 4]
            return _Count(table, steps, predicates, groups, lumped=lumped)
        case (Aggregate() as groups, Filter((predicate,)) as large, *_) if (
            groups.keys and (least := _least(groups, predicate, table)) > 1
        ):
            steps = query.steps[: before + 2]
            return _Count(table, steps, predicates, groups, large, least)
        case (Aggregate() as groups, *_) if groups.keys:
            return _Count(table, query.steps[: before + 1], predicates, groups)
    return None


def _takes_several(groups: Aggregate) -> bool:
    """Whether one of its expressions stands for several columns, or selects them."""
    return any(expr.meta.has_multiple_outputs() for expr in (*groups.keys, *groups.aggs))


def _lumps(groups: Aggregate, lumped: Lumped) -> bool:
    """Whether groups are by nothing but what is lumped, and what it is lumped by."""
    keys = {key.meta.output_name() for key in groups.keys}
    return keys == {*lumped.by, *lumped.names}


def _counts_one_thing(groups: Aggregate, table: Table) -> bool:
    """Whether nothing is told of groups but how many of one thing they have, and in which rows."""
    found = [_distinct(agg, table) for agg in groups.aggs]
    return all(found) and len({key_of(one.value) for one in found if one}) == 1


def _least(groups: Aggregate, predicate: pl.Expr, table: Table) -> int:
    """How many rows a group must at least have to be kept: as many as it has different values."""
    names = [agg.meta.output_name() for agg in groups.aggs if _distinct(agg, table)]
    return max((least_of(predicate, name) for name in names), default=0)


def _distinct(agg: pl.Expr, table: Table) -> Distinct | None:
    """What an aggregation counts that is different, where each row has its own of it."""
    found = distinct_of(agg)
    if found is None or not is_of_one_row(found.value, table.schema):
        return None
    return found if found.where is None or is_of_one_row(found.where, table.schema) else None


class _Counter:
    """Counts of rows of one table."""

    def __init__(self, table: Table, counts: Sequence[_Count]) -> None:
        self._columns = Columns(table)
        alike: dict[tuple[object, ...], list[_Count]] = defaultdict(list)
        for count in counts:
            alike[tuple(key_of(one) or id(one) for one in count.predicates)].append(count)
        self._parts = [_Part(some, self._columns) for some in alike.values()]
        self._read = self._columns.roots({name for part in self._parts for name in part.names})
        for part in self._parts:
            self._read |= part.plain.union(*(one.meta.root_names() for one in part.predicates))

    def counted(self, rows: pl.LazyFrame) -> dict[_Steps, pl.DataFrame]:
        """The counts by their steps."""
        read = rows.select(sorted(self._read)).collect()
        held = [read.select(part.holds).to_series() for part in self._parts]
        shared = self._shared(read.height, [int(one.sum()) for one in held])
        whole = self._columns.computed(read, shared)
        found: dict[_Steps, pl.DataFrame] = {}
        for part, which in zip(self._parts, held, strict=True):
            own = part.names - shared
            names = part.plain | self._columns.roots(own) | (part.names & shared)
            some = whole.select(sorted(names)).filter(which)
            found |= part.counted(self._columns.computed(some, own))
        return found

    def _shared(self, height: int, sizes: Sequence[int]) -> set[str]:
        """What is computed for all rows, since the parts that ask for it have more in sum."""
        asked: dict[str, int] = defaultdict(int)
        for part, size in zip(self._parts, sizes, strict=True):
            for name in part.names:
                asked[name] += size
        return self._columns.shareable(name for name, rows in asked.items() if rows > height)


class _Part:
    """Counts of the same rows.

    Attributes:
        predicates: what holds of the rows.
        names: the columns that are computed for the counts.
        plain: the columns of the table that they look at themselves.
    """

    def __init__(self, counts: Sequence[_Count], columns: Columns) -> None:
        self.predicates = counts[0].predicates
        self._groups = [(count, _groups(count, columns)) for count in counts]
        self.names = {name for _, groups in self._groups for name in groups.computed()}
        self.plain = {root for _, groups in self._groups for root in groups.plain()}
        compared = sorted({name for _, groups in self._groups for name in groups.compared()})
        self._hashes = {
            _HASH + name: pl.col(name).hash(_SEED + n) for n, name in enumerate(compared)
        }

    @property
    def holds(self) -> pl.Expr:
        """Of which rows it counts."""
        every = pl.repeat(value=True, n=pl.len())
        return reduce(and_, self.predicates, every).fill_null(value=False).alias("holds")

    def counted(self, rows: pl.DataFrame) -> dict[_Steps, pl.DataFrame]:
        """The counts by their steps, of its rows with the computed columns."""
        hashed = rows.with_columns(**self._hashes)
        return {
            count.steps: _kept(groups.counted(hashed, count.least), count.large)
            for count, groups in self._groups
        }


def _kept(groups: pl.DataFrame, large: Filter | None) -> pl.DataFrame:
    return groups.filter(*large.predicates) if large else groups


def _groups(count: _Count, columns: Columns) -> "_Groups":
    others: list[pl.Expr] = []
    distinct: dict[str, dict[str, str | None]] = defaultdict(dict)
    for agg in count.groups.aggs:
        found = _distinct(agg, count.table)
        if found is None:
            others.append(agg)
        else:
            where = None if found.where is None else columns.condition(found.where)
            distinct[columns.value(found.value)][agg.meta.output_name()] = where
    keys = {key.meta.output_name(): columns.value(key) for key in count.groups.keys}
    names = [agg.meta.output_name() for agg in count.groups.aggs]
    return _Groups((*keys, *names), keys, tuple(others), distinct, count.lumped)


@frozen(eq=False)
class _Groups:
    """What is told of groups of rows.

    Attributes:
        names: the columns of the groups, in order.
        keys: by name, the columns that rows are grouped by.
        others: aggregations that count nothing distinct.
        distinct: by the column whose different values are counted: by name, in which rows.
        lumped: which of the names are lumped together.
    """

    names: tuple[str, ...]
    keys: Mapping[str, str]
    others: tuple[pl.Expr, ...]
    distinct: Mapping[str, Mapping[str, str | None]]
    lumped: Lumped | None

    def compared(self) -> set[str]:
        """The columns whose values are compared, by their hashes."""
        return {*self.keys.values(), *self.distinct}

    def computed(self) -> set[str]:
        """The columns that are computed for them."""
        wheres = {where for counts in self.distinct.values() for where in counts.values()}
        return self.compared() | {where for where in wheres if where}

    def plain(self) -> set[str]:
        """The columns of the table that are looked at themselves."""
        return {root for agg in self.others for root in agg.meta.root_names()}

    def counted(self, rows: pl.DataFrame, least: int) -> pl.DataFrame:
        """What is told of the groups, in the columns of the query."""
        group = _mixed(self.keys.values()).alias(_GROUP)
        first = pl.int_range(pl.len(), dtype=pl.UInt32).alias(_FIRST)
        grouped = rows.lazy().with_columns(group, first)
        if self.lumped is not None:
            return self._lumped_together(rows, grouped, self.lumped)
        if least:
            sizes = rows.select(group).group_by(_GROUP).len()
            large = sizes.filter(pl.col("len") >= least)[_GROUP]
            grouped = grouped.filter(pl.col(_GROUP).is_in(large.implode()))
        parts = []
        aggs = [pl.col(_FIRST).first(), *self.others]
        for value, counts in self.distinct.items():
            if len(counts) > _FEW:
                parts.append(_by_value(grouped, value, counts, _GROUP).drop(_FIRST))
            else:
                aggs += [_different(value, where).alias(name) for name, where in counts.items()]
        told = grouped.group_by(_GROUP).agg(aggs)
        for part in parts:
            told = told.join(part, on=_GROUP)
        return _told(self._named(rows, told.collect(engine="in-memory")), self.names)

    def _lumped_together(
        self, rows: pl.DataFrame, grouped: pl.LazyFrame, lumped: Lumped
    ) -> pl.DataFrame:
        """The groups with names lumped together, without telling these apart before."""
        number = {name: f"{name}Count" for name in lumped.names}
        by = _mixed(self.keys[name] for name in lumped.by).alias(_BY)
        hashes = {name: pl.col(_HASH + self.keys[name]) for name in lumped.names}
        numbers = (
            rows.lazy()
            .select(by, *(hashed.alias(number[name]) for name, hashed in hashes.items()))
            .group_by(_BY)
            .agg(pl.col(number.values()).n_unique())
            .collect(engine="in-memory")
        )
        parts = [pl.col(_BY)]
        for n, (name, hashed) in enumerate(hashes.items()):
            crowded = numbers.filter(pl.col(number[name]) > lumped.most)[_BY].implode()
            told = pl.when(pl.col(_BY).is_in(crowded)).then(0).otherwise(hashed)
            parts.append(told.hash(_SEED + n))  # once more: columns may be equal
        lump = reduce(xor, parts).alias(_LUMP)
        [(value, counts)] = self.distinct.items()
        with_lump = grouped.with_columns(by).with_columns(lump)
        found = _by_value(with_lump, value, counts, _LUMP).collect(engine="in-memory")
        named = (
            self._named(rows, found)
            .with_columns(rows.select(by).to_series().gather(found[_FIRST]))
            .join(numbers, on=_BY)
            .drop_nulls(lumped.by)  # as a join has it
            .with_columns(
                pl.when(pl.col(number[name]) > lumped.most)
                .then(pl.lit(lumped.many))
                .otherwise(pl.col(name))
                .alias(name)
                for name in lumped.names
            )
        )
        return _told(named, [*lumped.by, *lumped.names, *counts, *number.values()])

    def _named(self, rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
        """What was found of groups, with the keys of the first row of each."""
        first = found[_FIRST]
        return found.with_columns(
            rows[column].gather(first).alias(name) for name, column in self.keys.items()
        )


def _told(found: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return as_counted(found.lazy().select(names)).collect(engine="in-memory")


def _mixed(columns: Iterable[str]) -> pl.Expr:
    """A number of the values of some columns together."""
    return reduce(xor, (pl.col(_HASH + name) for name in sorted(set(columns))))


def _by_value(
    rows: pl.LazyFrame, value: str, counts: Mapping[str, str | None], into: str
) -> pl.LazyFrame:
    """How many different values groups have, each looked at once for all that is asked of it.

    Args:
        rows: with their groups and numbers.
        value: the column of the values.
        counts: by name, of which rows.
        into: the column that holds what the numbers of groups are added up by.
    """
    wheres = list(dict.fromkeys(where for where in counts.values() if where))
    pair = pl.col(_GROUP).hash(_SEED) ^ pl.col(_HASH + value)
    values = (
        rows.select(into, _FIRST, pair.alias(_VALUE), *wheres)
        .group_by(_VALUE)
        .agg(pl.col(into, _FIRST).first(), pl.col(wheres).any())
    )
    return values.group_by(into).agg(
        pl.col(_FIRST).first(),
        *((pl.col(where).sum() if where else pl.len()).alias(n) for n, where in counts.items()),
    )


def _different(value: str, where: str | None) -> pl.Expr:
    values = pl.col(_HASH + value)
    return (values if where is None else values.filter(pl.col(where))).n_unique()
