"""`Query`: an immutable pipeline over the tables, in Polars' own verbs.

On frames a `Query` *is* Polars. It tracks, step by step, the schema it yields and the table columns
that each of its columns depends on; so a wrong name is an error when the query is built, and a
result that would rest on a column that some file lacks can be told apart from a real one.

Kusto knows no null strings. Wherever Polars would make one (a left join, `extract`, `when` without
`otherwise`), the query yields ``""`` instead; counts are 64-bit integers, as in Kusto.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol

import polars as pl
import polars.selectors as cs
from attrs import evolve, field, frozen
from polars.exceptions import ColumnNotFoundError, PanicException, PolarsError

from exconn.coverage import Coverage
from exconn.errors import InvalidValueError, UnknownColumnError
from exconn.tables import Reads, Table

if TYPE_CHECKING:
    from exconn.kql import Dialect

JoinKind = Literal["inner", "left", "semi", "anti"]
_NOTHING: Reads = frozenset()


class Source(Protocol):
    """Who can run a `Query`. Anyone can write one: two methods."""

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables: rows, first and last event, missing columns."""
        ...

    def collect(self, queries: Sequence["Query"]) -> list[pl.DataFrame]:
        """Run the queries; the results come in the same order, each with its query's schema."""
        ...


@frozen(eq=False)
class Filter:
    """Keep the rows for which all predicates are true."""

    predicates: tuple[pl.Expr, ...]


@frozen(eq=False)
class WithColumns:
    """Add or replace columns."""

    exprs: tuple[pl.Expr, ...]


@frozen(eq=False)
class Select:
    """Keep just these columns, in this order."""

    exprs: tuple[pl.Expr, ...]


@frozen(eq=False)
class Aggregate:
    """One row for each group."""

    keys: tuple[pl.Expr, ...]
    aggs: tuple[pl.Expr, ...]


@frozen(eq=False)
class Lumped(Aggregate):
    """The last of the three steps of `Query.lumped`, which may also be done at once.

    Attributes:
        by: as it was given.
        names: as they were given.
        most: as it was given.
        many: as it was given.
    """

    by: tuple[str, ...]
    names: tuple[str, ...]
    most: int
    many: str


@frozen(eq=False)
class Join:
    """Join another query on columns of the same names, or on pairs of names."""

    other: "Query"
    left_on: tuple[str, ...]
    right_on: tuple[str, ...]
    how: JoinKind
    suffix: str


@frozen
class Sort:
    """Order the rows."""

    by: tuple[str, ...]
    descending: tuple[bool, ...]


@frozen
class Head:
    """Keep the first rows."""

    n: int


@frozen
class Unique:
    """Drop rows that repeat another in every column."""


@frozen
class Explode:
    """One row for each element of a list column."""

    column: str


@frozen
class Rename:
    """Give columns other names."""

    names: Mapping[str, str]


@frozen
class Drop:
    """Leave columns out."""

    columns: tuple[str, ...]


Step = (
    Filter
    | WithColumns
    | Select
    | Aggregate
    | Join
    | Sort
    | Head
    | Unique
    | Explode
    | Rename
    | Drop
)


@frozen(eq=False)
class Query:
    """A pipeline over one table, and those it joins. Make one with `scan`.

    Attributes:
        table: what it scans.
        steps: what it does, in order.
        schema: the columns it yields.
    """

    table: Table
    steps: tuple[Step, ...] = ()
    schema: pl.Schema = field(factory=pl.Schema)
    _columns: Mapping[str, Reads] = field(factory=dict, repr=False, alias="columns")
    _rows: Reads = field(default=_NOTHING, repr=False, alias="rows")

    def filter(self, *predicates: pl.Expr) -> "Query":
        """Keep the rows for which every predicate is true; null counts as false."""
        decides = self._reads_of(predicates)
        return self._then(Filter(predicates), rows=self._rows | decides)

    def with_columns(self, *exprs: pl.Expr, **named: pl.Expr) -> "Query":
        """Add columns, or replace them."""
        made = _named(exprs, named)
        return self._then(WithColumns(made), columns={**self._columns, **self._lineage(made)})

    def select(self, *exprs: pl.Expr | str, **named: pl.Expr) -> "Query":
        """Keep just these columns."""
        made = _named(exprs, named)
        return self._then(Select(made), columns=self._lineage(made))

    def group_by(self, *keys: pl.Expr | str, **named: pl.Expr) -> "GroupBy":
        """Group the rows; `agg` follows."""
        return GroupBy(self, _named(keys, named))

    def lumped(self, *names: str, by: Sequence[str], most: int, many: str) -> "Query":
        """Tell names apart only where they are few, and add up what is counted of the others.

        So the rows grow with the groups, however many names there are.

        Args:
            names: columns of names, each looked at alone.
            by: the columns of the groups; all others are numbers, which are added up.
            most: how many different names a group may have.
            many: stands for every name of a group that has more.

        The columns are those of `by`, the names, the numbers, and for each name ``<name>Count``:
        how many different ones there are in the group. Groups with a null are left out.

        Raises:
            UnknownColumnError: a column is not there.
            InvalidValueError: one that should be added up is no number.
        """
        for column in (*by, *names):
            self._need(column)
        numbers = [column for column in self.schema if column not in (*by, *names)]
        for column in numbers:
            if not self.schema[column].is_numeric():
                raise InvalidValueError("lumped", f"{column} is no number, and cannot be added up")
        count = {name: f"{name}Count" for name in names}
        groups = self.group_by(*by).agg(**{count[n]: pl.col(n).n_unique() for n in names})
        told = {
            name: pl.when(pl.col(count[name]) > most).then(pl.lit(many)).otherwise(pl.col(name))
            for name in names
        }
        sums = [pl.col(number).sum() for number in numbers]
        grouped = self.join(groups, on=by).with_columns(**told).group_by(*by, *names)
        return grouped._reduced(
            (*sums, *(pl.col(count[name]).max() for name in names)),
            lambda keys, aggs: Lumped(keys, aggs, tuple(by), names, most, many),
        )

    def join(
        self,
        other: "Query",
        *,
        on: str | Sequence[str] | None = None,
        left_on: str | Sequence[str] | None = None,
        right_on: str | Sequence[str] | None = None,
        how: JoinKind = "inner",
        suffix: str = "_right",
    ) -> "Query":
        """Join the rows of another query.

        Columns of `other` that this query has too get `suffix`, as in Polars; key columns of
        `other` are left out. Null keys match nothing.
        """
        left = _names(on if on is not None else left_on)
        right = _names(on if on is not None else right_on)
        if not left or len(left) != len(right):
            raise InvalidValueError("join", "give `on`, or `left_on` and `right_on` of one length")
        for name in left:
            self._need(name)
        for name in right:
            other._need(name)
        decides = self._rows | other._rows
        decides |= self._reads_of_names(left) | other._reads_of_names(right)
        columns = dict(self._columns)
        if how in ("inner", "left"):
            for name, reads in other._columns.items():
                if name not in right:
                    columns[name + suffix if name in self._columns else name] = reads
        return self._then(Join(other, left, right, how, suffix), columns=columns, rows=decides)

    def sort(
        self, by: str | Sequence[str], *, descending: bool | Sequence[bool] = False
    ) -> "Query":
        """Order the rows; nulls first, as in Polars."""
        names = _names(by)
        decides = self._reads_of_names(names)
        down = (descending,) * len(names) if isinstance(descending, bool) else tuple(descending)
        if len(down) != len(names):
            raise InvalidValueError("sort", f"{len(names)} columns, {len(down)} directions")
        if not names:
            raise InvalidValueError("sort", "name at least one column to sort by")
        return self._then(Sort(names, down), rows=self._rows | decides)

    def head(self, n: int) -> "Query":
        """Keep the first `n` rows of a sorted query; let the sort decide every tie."""
        if not self.steps or not isinstance(self.steps[-1], Sort):
            raise InvalidValueError("head", "which rows come first is open: sort before it")
        if n < 0:
            raise InvalidValueError("head", f"expected a number of rows, got {n}")
        return self._then(Head(n))

    def unique(self) -> "Query":
        """Drop rows that repeat another in every column."""
        return self._then(Unique(), rows=self._rows | self._reads_of_names(self._columns))

    def explode(self, column: str) -> "Query":
        """One row for each element of a list column; empty lists and nulls give none."""
        self._need(column)
        return self._then(Explode(column), rows=self._rows | self._columns[column])

    def rename(self, names: Mapping[str, str]) -> "Query":
        """Give columns other names."""
        for name in names:
            self._need(name)
        columns = {names.get(name, name): reads for name, reads in self._columns.items()}
        return self._then(Rename(dict(names)), columns=columns)

    def drop(self, *columns: str) -> "Query":
        """Leave columns out."""
        for name in columns:
            self._need(name)
        kept = {name: reads for name, reads in self._columns.items() if name not in columns}
        return self._then(Drop(columns), columns=kept)

    def reads(self, *columns: str) -> Reads:
        """The table columns that some of the query's columns depend on, or all of them.

        A column depends on those that it is computed from, and on those that decide which rows
        there are.
        """
        for name in columns:
            self._need(name)
        return self._rows | self._reads_of_names(columns or self._columns)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that the query scans, its own first."""
        found = [self.table]
        for step in self.steps:
            if isinstance(step, Join):
                found += [table for table in step.other.tables if table not in found]
        return tuple(found)

    def on(self, scan_table: Callable[[Table], pl.LazyFrame]) -> pl.LazyFrame:
        """The query as a Polars plan, over conformed frames.

        Args:
            scan_table: gives the lazy frame of a table.
        """
        rows = scan_table(self.table).select(self.table.names)
        return run(self.steps, rows, lambda other: other.on(scan_table))

    def to_kql(self, dialect: "Dialect | str" = "defender") -> str:
        """The query as KQL, to be pasted into the portal or run by a source.

        It returns the same rows as the query does on conformed frames, or it is not returned.

        Args:
            dialect: ``defender``, ``sentinel`` or ``kusto``, or a `Dialect`.

        Raises:
            UnsupportedExpression: a part has no exact equivalent in KQL, or none that exconn knows.
            InvalidValueError: there is no such dialect.
        """
        from exconn.kql import compile_query, dialect_of  # noqa: PLC0415 # kql is made of queries

        return compile_query(self, dialect_of(dialect))

    def collect(self, source: Source) -> pl.DataFrame:
        """Run the query where the data is."""
        return source.collect([self])[0]

    def _repr_html_(self) -> str:
        from exconn import notebook  # noqa: PLC0415 - notebooks are above queries

        return notebook.query(self)

    def _then(
        self,
        step: Step,
        *,
        columns: Mapping[str, Reads] | None = None,
        rows: Reads | None = None,
    ) -> "Query":
        return evolve(
            self,
            steps=(*self.steps, step),
            schema=self._schema_after(step),
            columns=self._columns if columns is None else columns,
            rows=self._rows if rows is None else rows,
        )

    def _schema_after(self, step: Step) -> pl.Schema:
        def joined(other: Query) -> pl.LazyFrame:
            return _empty(tuple(other.schema.items()))

        try:
            return _apply(step, _empty(tuple(self.schema.items())), joined).collect_schema()
        except ColumnNotFoundError as error:
            raise self._unknown(_column_of(error)) from None
        except (PolarsError, PanicException) as error:
            raise InvalidValueError(
                f"{type(step).__name__} of {self.table.name}", str(error).splitlines()[0]
            ) from error

    def _lineage(self, exprs: Iterable[pl.Expr]) -> dict[str, Reads]:
        lineage: dict[str, Reads] = {}
        for expr in exprs:
            if not expr.meta.has_multiple_outputs():
                lineage[expr.meta.output_name()] = self._reads_of([expr])
                continue
            names = self._schema_after(Select((expr,))).names()
            if expr.meta.is_column_selection():
                lineage |= {name: self._columns[name] for name in names}
            else:
                lineage |= dict.fromkeys(names, self._reads_of([expr]))
        return lineage

    def _reads_of(self, exprs: Iterable[pl.Expr]) -> Reads:
        """What expressions depend on; one with a selector inside depends on every column."""
        reads = _NOTHING
        for expr in exprs:
            inside = expr.meta.has_multiple_outputs()
            reads |= self._reads_of_names(self._columns if inside else expr.meta.root_names())
        return reads

    def _reads_of_names(self, names: Iterable[str]) -> Reads:
        reads = _NOTHING
        for name in names:
            self._need(name)
            reads |= self._columns[name]
        return reads

    def _need(self, name: str) -> None:
        if name not in self._columns:
            raise self._unknown(name)

    def _unknown(self, name: str) -> UnknownColumnError:
        where = self.table.name if not self.steps else f"this step of a query of {self.table.name}"
        return UnknownColumnError(name, self._columns, where)


@frozen(eq=False)
class GroupBy:
    """A query with its rows in groups, waiting for `agg`."""

    query: Query
    keys: tuple[pl.Expr, ...]

    def agg(self, *exprs: pl.Expr, **named: pl.Expr) -> Query:
        """Reduce each group to one row: the keys, then these aggregates.

        Counts become 64-bit integers.
        """
        return self._reduced(_named(exprs, named), Aggregate)

    def _reduced(
        self,
        aggs: tuple[pl.Expr, ...],
        step: Callable[[tuple[pl.Expr, ...], tuple[pl.Expr, ...]], Aggregate],
    ) -> Query:
        keys = self.query._lineage(self.keys)
        rows = self.query._rows.union(*keys.values())
        columns = {**keys, **self.query._lineage(aggs)}
        total = tuple(self._total(key) for key in self.keys)
        return self.query._then(step(total, aggs), columns=columns, rows=rows)

    def _total(self, key: pl.Expr) -> pl.Expr:
        """A key in which the rows of null and of "" are one group."""
        if key.meta.is_column():
            return key
        made = self.query._schema_after(Select((key,)))
        return key.fill_null("") if set(made.dtypes()) == {pl.String()} else key


def scan(table: Table) -> Query:
    """Start a query over a table.

    Raises:
        InvalidValueError: it is not a `Table` (not even a table's name).
    """
    if not isinstance(table, Table):
        raise InvalidValueError("table", f"expected a Table such as EMAIL_EVENTS, got {table!r}")
    columns = {name: frozenset({(table.name, name)}) for name in table.names}
    return Query(table, schema=table.schema, columns=columns)


def run(
    steps: Iterable[Step], frame: pl.LazyFrame, joined: Callable[[Query], pl.LazyFrame]
) -> pl.LazyFrame:
    """Steps of a query on the frame that comes before them.

    Args:
        steps: in order.
        frame: the rows before the first.
        joined: gives the results of a query that is joined.
    """
    for step in steps:
        frame = _apply(step, frame, joined)
    return frame


def nothing_to_join(query: Query) -> pl.LazyFrame:
    """For `run`, of steps that join nothing."""
    raise AssertionError(f"{query.table.name} is joined only before results are laid together")


def as_counted(grouped: pl.LazyFrame) -> pl.LazyFrame:
    """What Polars counted of groups, as Kusto has it: in 64 bits, without null strings."""
    return grouped.with_columns(_NARROW.cast(pl.Int64), cs.string().fill_null(""))


def _apply(
    step: Step, frame: pl.LazyFrame, joined: Callable[[Query], pl.LazyFrame]
) -> pl.LazyFrame:
    match step:
        case Filter(predicates):
            return frame.filter(*predicates)
        case WithColumns(exprs):
            return frame.with_columns(*exprs).with_columns(_as_kusto(exprs))
        case Select(exprs):
            return frame.select(*exprs).with_columns(_as_kusto(exprs))
        case Aggregate(keys, aggs):
            grouped = frame.group_by(*keys).agg(*aggs) if keys else frame.select(*aggs)
            return as_counted(grouped)
        case Join(other, left_on, right_on, how, suffix):
            both = frame.join(
                joined(other),
                left_on=left_on,
                right_on=right_on,
                how=how,
                suffix=suffix,
                coalesce=True,
            )
            return both.with_columns(cs.string().fill_null("")) if how == "left" else both
        case Sort(by, descending):
            return frame.sort(by, descending=list(descending), maintain_order=True)
        case Head(n):
            return frame.head(n)
        case Unique():
            return frame.unique()
        case Explode(column):
            one_each = frame.filter(pl.col(column).list.len() > 0).explode(column)
            return one_each.with_columns(_as_kusto([]))
        case Rename(names):
            return frame.rename(dict(names))
        case Drop(columns):
            return frame.drop(columns)


# Kusto has integers of 32 and 64 bits with sign; what Polars counts in is neither.
_NARROW = cs.unsigned_integer() | cs.by_dtype(pl.Int8, pl.Int16)


def _as_kusto(exprs: Sequence[pl.Expr]) -> list[pl.Expr]:
    """What makes new columns such as Kusto has: no null strings, no narrow integers."""
    plain = {expr.meta.output_name() for expr in exprs if expr.meta.is_column()}
    strings = cs.string() - cs.by_name(*plain, require_all=False)
    return [strings.fill_null(""), _NARROW.cast(pl.Int64)]


def _named(exprs: Sequence[pl.Expr | str], named: Mapping[str, pl.Expr]) -> tuple[pl.Expr, ...]:
    plain = [pl.col(expr) if isinstance(expr, str) else expr for expr in exprs]
    return (*plain, *(expr.alias(name) for name, expr in named.items()))


@lru_cache(maxsize=256)
def _empty(schema: tuple[tuple[str, pl.DataType], ...]) -> pl.LazyFrame:
    return pl.LazyFrame(schema=dict(schema))


def _names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def _column_of(error: ColumnNotFoundError) -> str:
    quoted = re.search(r'"([^"]*)"', str(error))
    return quoted.group(1) if quoted else str(error).splitlines()[0]
