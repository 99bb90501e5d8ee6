"""Counting rows in groups for several queries at once.

Queries of one table ask for the same texts and conditions again and again: each is computed once
for all. Of many rows, each share is reduced to what is grouped, compared and looked at before the
next is read.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial, reduce
from operator import and_

import polars as pl
import polars.selectors as cs
from attrs import frozen

from exconn.kql.parts import Distinct, distinct_of, is_of_one_row, key_of, leading_filters, least_of
from exconn.query import Aggregate, Filter, Join, Lumped, Query, Step, run
from exconn.sources._columns import Columns
from exconn.sources._groups import Groups, hashes
from exconn.tables import Table

Share = Callable[[], pl.LazyFrame]
"""Gives a share of the rows of a table."""

Shares = Callable[[Table], Sequence[Share]]

OWN_TEXT = cs.string() + ""
"""Text that holds on to no other: what is taken of a column keeps all of the column's text."""

_MANY_ROWS = 4_000
"""Of so many rows each text is held once, where few differ."""

_FEW_LEFT = 4
"""Where fewer rows are left than one in so many, they get text of their own."""

_MANY_SHARES = 4
"""Of more shares one thing is done at a time: what is left of so many takes the place."""

_Steps = tuple[Step, ...]


def with_own_text(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with text that holds on to no other, and of many rows not to the same more often."""
    if rows.height < _MANY_ROWS:
        return rows.with_columns(OWN_TEXT)
    return rows.with_columns(map(_once, rows.select(cs.string()).iter_columns()))


def _once(column: pl.Series) -> pl.Series:
    texts = column.unique().drop_nulls()
    if 2 * len(texts) > len(column):
        return column + ""
    return (texts + "").gather(column.cast(pl.Enum(texts)).to_physical()).alias(column.name)


class Together:
    """Queries that are run on the same rows, again and again."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries = queries
        by_table: dict[Table, dict[_Steps, _Count]] = defaultdict(dict)
        self._looked_at: set[Table] = set()
        for query, count in _counts(queries):
            if count is None:
                self._looked_at.add(query.table)
            else:
                by_table[count.table][count.steps] = count
        self._counters = {
            table: _Counter(table, list(counts.values())) for table, counts in by_table.items()
        }

    def on(self, shares: Shares, at_once: int = 1) -> list[pl.DataFrame]:
        """Run them; results in the same order.

        Args:
            shares: give the rows of a table, in order.
            at_once: how many threads do it.
        """
        counted: dict[_Steps, pl.DataFrame] = {}
        whole = cache(partial(_whole, shares))
        with ThreadPoolExecutor(at_once) as pool:
            for table, counter in self._counters.items():
                in_shares = counter.takes_shares and table not in self._looked_at
                some = shares(table) if in_shares else [partial(whole, table)]
                in_turn = map if len(some) > _MANY_SHARES else pool.map
                reduced = [*in_turn(counter.reduced, some)]
                counted |= in_turn(_counted, counter.counts(reduced))
        done = _Done(whole, counted)
        return pl.collect_all([done.plan(query) for query in self._queries], engine="in-memory")


def _whole(shares: Shares, table: Table) -> pl.LazyFrame:
    return pl.concat([share() for share in shares(table)])


@frozen(eq=False)
class _Done:
    """The counts that are done; a value, since a closure that calls itself would outlive them."""

    rows: Callable[[Table], pl.LazyFrame]
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


def _counts(queries: Iterable[Query]) -> Iterator[tuple[Query, _Count | None]]:
    """The counts that queries, and those that they join, begin with; None for others."""
    for query in queries:
        count = _count(query)
        yield query, count
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
    """Counts of rows of one table.

    Attributes:
        takes_shares: whether no row hangs on those beside it.
    """

    def __init__(self, table: Table, counts: Sequence[_Count]) -> None:
        self._columns = Columns(table)
        alike: dict[tuple[object, ...], list[_Count]] = defaultdict(list)
        for count in counts:
            alike[tuple(key_of(one) or id(one) for one in count.predicates)].append(count)
        self._parts = [_Part(some, self._columns) for some in alike.values()]
        names = {name for part in self._parts for name in part.names}
        self._read = self._columns.roots(names)
        for part in self._parts:
            self._read |= part.plain.union(*(one.meta.root_names() for one in part.predicates))
        self.takes_shares = self._columns.shareable(names) == names

    def reduced(self, share: Share) -> list[pl.DataFrame]:
        """What is left, for each part, of the rows of a share."""
        read = share().select(sorted(self._read)).collect()
        held = [read.select(part.holds).to_series() for part in self._parts]
        shared = self._shared(read.height, [int(one.sum()) for one in held])
        whole = self._columns.computed(read, shared)
        found = []
        for part, which in zip(self._parts, held, strict=True):
            own = part.names - shared
            names = part.plain | self._columns.roots(own) | (part.names & shared)
            some = whole.select(sorted(names)).filter(which)
            left = part.reduced(self._columns.computed(some, own))
            few = _FEW_LEFT * left.height < read.height
            found.append(left.with_columns(OWN_TEXT) if few else left)
        return found

    def counts(self, reduced: Sequence[Sequence[pl.DataFrame]]) -> Iterator["_Ask"]:
        """The counts that are to be done on what is left of all shares."""
        for part, *shares in zip(self._parts, *reduced, strict=True):
            yield from part.counts(pl.concat(shares))

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
        self._kept = self.plain.union(*(groups.kept() for _, groups in self._groups))
        self._hashes = hashes({name for _, groups in self._groups for name in groups.compared()})

    @property
    def holds(self) -> pl.Expr:
        """Of which rows it counts."""
        every = pl.repeat(value=True, n=pl.len())
        return reduce(and_, self.predicates, every).fill_null(value=False).alias("holds")

    def reduced(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What is left of its rows with the computed columns."""
        return rows.with_columns(**self._hashes).select(*sorted(self._kept), *self._hashes)

    def counts(self, rows: pl.DataFrame) -> Iterator["_Ask"]:
        """Its counts, on what is left of all rows."""
        for count, groups in self._groups:
            yield count, groups, rows


_Ask = tuple[_Count, Groups, pl.DataFrame]


def _counted(ask: _Ask) -> tuple[_Steps, pl.DataFrame]:
    count, groups, rows = ask
    found = groups.counted(rows, count.least)
    return count.steps, found.filter(*count.large.predicates) if count.large else found


def _groups(count: _Count, columns: Columns) -> Groups:
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
    return Groups((*keys, *names), keys, tuple(others), distinct, count.lumped)
