"""A `Query` becomes KQL text: its steps, one operator a line."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile

import polars as pl
from attrs import evolve, frozen

from exconn.errors import UnsupportedExpression
from exconn.kql import joins, layout, verbs
from exconn.kql.dialect import Dialect
from exconn.kql.nodes import Aggregate as AggregateNode
from exconn.kql.nodes import Column, Literal, Node, Op, cast, floored
from exconn.kql.parameters import Parameters
from exconn.kql.plan import (
    Names,
    Prefix,
    needs,
    pipelines,
    roots,
    schemas,
    seen_later,
    shared_prefix,
)
from exconn.kql.render import conjunction, terms, value
from exconn.kql.text import literal, name
from exconn.kql.tree import read
from exconn.kql.verbs import Columns, State
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
from exconn.tables import KqlType, Table


@frozen
class Statement:
    """A query as KQL.

    Attributes:
        text: to be run or pasted as it is.
        parameters: the query parameters that the text declares, with the values that it gives
            them. A client may pass them beside the text. Empty in dialects without.
    """

    text: str
    parameters: Mapping[str, str | datetime]


def kql_types(query: Query) -> dict[str, KqlType]:
    """The columns that a query yields, in Kusto's types."""
    return {name: _promised(dtype, f"column {name!r}") for name, dtype in query.schema.items()}


def compile_query(query: Query, dialect: Dialect) -> str:
    """The KQL text of a query.

    The time filter comes first and columns are left out as early as possible. Sub-queries that
    occur twice become a ``let`` with ``materialize``.

    Raises:
        UnsupportedExpression: a part has no exact equivalent in KQL, or none that exconn knows.
    """
    return compile_statement(query, dialect).text


def compile_statement(query: Query, dialect: Dialect) -> Statement:
    """The KQL text of a query, and its parameters.

    Raises:
        UnsupportedExpression: a part has no exact equivalent in KQL, or none that exconn knows.
    """
    for pipeline in pipelines(query):
        if dialect.time not in (None, pipeline.table.time) and dialect.time in pipeline.table.names:
            raise UnsupportedExpression(f"two times, {dialect.time} too", pipeline.table.name)
        if not pipeline.schema:
            raise UnsupportedExpression("a result without columns", pipeline.table.name)
    return _Compiler(dialect, query).statement()


class _Compiler:
    def __init__(self, dialect: Dialect, query: Query) -> None:
        self._dialect = dialect
        self._query = query
        self._schemas = {id(one): schemas(one) for one in pipelines(query)}
        names = frozenset(
            n for each in self._schemas.values() for schema in each for n in schema.names()
        )
        tables = {one.table.name for one in pipelines(query)}
        self._parameters = Parameters(wanted=dialect.parameters, taken=names | tables)
        self._let = verbs.free_name("Shared", names | tables)
        self._prefix = shared_prefix(query)
        self._shared: State | None = None

    def statement(self) -> Statement:
        lines: list[str] = []
        if self._prefix is not None:
            shared = self.pipeline(self._prefix.query, self._shared_needs(self._prefix))
            self._shared = evolve(shared, lines=(self._let,))
            body = layout.indented(shared.lines)
            lines = [f"let {self._let} = materialize(", *body, ");"]
        lines += self.pipeline(self._query, frozenset(self._query.schema)).lines
        declared = self._parameters.declared()
        parameters = {n: held for (_, held), n in self._parameters.named.items()}
        return Statement("\n".join([*declared, *lines]), parameters)

    def _shared_needs(self, prefix: Prefix) -> Names:
        """What the pipelines that share a beginning need of it."""
        needed: set[str] = set()
        for one in pipelines(self._query):
            if prefix.begins(one):
                wanted = frozenset(one.schema)
                needed |= needs(one, self._schemas[id(one)], wanted)[len(prefix.steps)]
        return frozenset(needed)

    def pipeline(self, query: Query, final: Names) -> State:
        """The lines of a pipeline, of whose columns only some are needed."""
        known = self._schemas.get(id(query)) or schemas(query)
        needed = needs(query, known, final)
        if self._shared is not None and self._prefix is not None and self._prefix.begins(query):
            state, done = self._shared, len(self._prefix.steps)
        else:
            filters = list(takewhile(lambda step: isinstance(step, Filter), query.steps))
            done = len(filters)
            state = self._begun(query, filters, needed[0])
            if not isinstance(_at(query.steps, done), Select | Aggregate):
                state = verbs.pruned(state, [n for n in known[done] if n in needed[done]])
        for number, step in enumerate(query.steps[done:], done):
            if isinstance(step, Head):
                verbs.need_decided(query.steps[number - 1], state)
            state = self.step(step, state, known[number], known[number + 1], needed[number + 1])
        return verbs.in_order(state, [n for n in query.schema if n in final])

    def _begun(self, query: Query, filters: Sequence[Step], needed: Names) -> State:
        """The table and the leading filters, those on time first; and the columns it lacks."""
        table = query.table
        state = State((name(table.name),), self._scanned(table), raw=True)
        found = self._conditions(filters, state.columns, table.name)
        timely = [node for node in found if _is_about_time(node, table.time)]
        rest = [node for node in found if node not in timely]
        lines = [*self._filtered(timely), *self._absent(table, needed), *self._filtered(rest)]
        return evolve(
            state, lines=(*state.lines, *lines), columns=_never_null(state.columns, found)
        )

    def _filtered(self, nodes: Sequence[Node]) -> list[str]:
        return _where(map(self._named, nodes)) if nodes else []

    def _absent(self, table: Table, needed: Names) -> list[str]:
        """What makes the columns that the place lacks, as empty as frames would have them."""
        lacking = [c for c in table.columns if (table.name, c.name) in self._dialect.lacks]
        made = [
            f"{name(column.name)} = {_nothing(column.type)}"
            for column in lacking
            if column.name in needed
        ]
        return layout.operator("| extend", made) if made else []

    def _scanned(self, table: Table) -> dict[str, Column]:
        columns: dict[str, Column] = {}
        time = self._dialect.time
        for column in table.columns:
            key = (table.name, column.name)
            stored = self._dialect.types.get(key, column.type)
            dynamic = column.type is KqlType.DYNAMIC  # JSON text, in frames
            kind = KqlType.STRING if dynamic else column.type
            if key in self._dialect.lacks:
                stored = kind
            columns[column.name] = Column(
                name=column.name,
                type=kind,
                nullable=kind is not KqlType.STRING,
                ticks=kind is KqlType.DATETIME,
                nan=kind is KqlType.REAL,
                narrow=kind is KqlType.INT,
                source=self._dialect.spelt.get(key, time if column.name == table.time else None),
                stored=stored if stored is not kind else None,
            )
        return columns

    def _conditions(self, filters: Iterable[Step], columns: Columns, where: str) -> list[Node]:
        predicates = [p for f in filters if isinstance(f, Filter) for p in f.predicates]
        nodes = [read(p, columns, f"filter of {where}")[1] for p in predicates]
        found = [term for node in nodes for term in terms(node)]
        return [term for term in found if not (isinstance(term, Literal) and term.value is True)]

    def _named(self, node: Node) -> Node:
        return self._parameters.of(node)

    def step(
        self, step: Step, state: State, before: pl.Schema, after: pl.Schema, needed: Names
    ) -> State:
        columns = state.columns
        match step:
            case Filter():
                found = self._conditions([step], columns, "rows")
                known = _never_null(columns, found)
                return state.then(_where(map(self._named, found)), known, state.key)
            case WithColumns(exprs):
                made = self._made(seen_later(exprs, needed), columns, after)
                lines = layout.operator("| extend", self._assigned(made)) if made else []
                kept = state.key and state.key - made.keys() == state.key
                return state.then(
                    lines, {**columns, **verbs.made_columns(made)}, state.key if kept else None
                )
            case Select(exprs):
                if not roots(exprs) and not any(e.meta.has_multiple_outputs() for e in exprs):
                    raise UnsupportedExpression("constants alone (Polars makes one row)", "select")
                if not seen_later(exprs, needed):  # later steps only count the rows
                    return evolve(state, columns={})
                made = self._made(seen_later(exprs, needed), columns, after)
                same = {n for n, node in made.items() if node == columns.get(n)}
                if not state.raw and list(made) == list(columns) and same == set(made):
                    return state
                kept = state.key and state.key <= same
                lines = layout.operator("| project", self._assigned(made))
                return state.then(lines, verbs.made_columns(made), state.key if kept else None)
            case Aggregate(keys, aggs):
                return self._aggregated(keys, seen_later(aggs, needed), state, after)
            case Join(other, right_on=right_on):
                there = frozenset(before)
                names = joins.brought(step, there, needed)
                right = self.pipeline(other, frozenset([*right_on, *names]))
                return joins.joined(step, state, right, names, there)
            case Sort(by, descending):
                return verbs.in_sequence(state, by, descending)
            case Head(n):
                return evolve(state, lines=(*state.lines, f"| take {n}"))
            case Unique():
                return verbs.distinct(state)
            case Explode(column):
                return verbs.exploded(state, column)
            case Rename(names):
                return verbs.renamed(state, names)
            case Drop(names):
                return verbs.dropped(state, names)

    def _made(
        self, exprs: Sequence[pl.Expr], columns: Columns, after: pl.Schema
    ) -> dict[str, Node]:
        made: dict[str, Node] = {}
        for expr in exprs:
            n, node = read(expr, columns, _label(expr))
            made[n] = _fitted(node, after[n], _label(expr))
        return made

    def _assigned(self, made: Mapping[str, Node]) -> list[str]:
        texts = {n: value(self._named(node)) for n, node in made.items()}
        return [text if text == name(n) else f"{name(n)} = {text}" for n, text in texts.items()]

    def _aggregated(
        self, keys: Sequence[pl.Expr], aggs: Sequence[pl.Expr], state: State, after: pl.Schema
    ) -> State:
        by = {n: floored(node) for n, node in self._made(keys, state.columns, after).items()}
        for n, node in by.items():
            verbs.need_comparable(node, f"group key {n!r}")
            if not any(isinstance(part, Column) for part in node.walk()):
                raise UnsupportedExpression(
                    "a constant as a key", f"group key {n!r}", "add it after"
                )
        made: dict[str, Node] = {}
        for expr in aggs:
            n, node = read(expr, state.columns, _label(expr), grouped=True, keyed=bool(by))
            made[n] = _fitted(node, after[n], _label(expr))
        if not by and not made:  # later steps need the one row, and nothing of it
            made["Rows"] = AggregateNode(name="len", type=KqlType.LONG)
        columns = {**verbs.made_columns(by), **verbs.made_columns(made)}
        items, groups = self._assigned(made), self._assigned(by)
        lines = layout.grouped("| summarize", items, groups)
        return State((*state.lines, *lines), columns, key=frozenset(by))


def _nothing(kind: KqlType) -> str:
    """What frames hold in a column that is not there."""
    return literal(None, KqlType.STRING if kind is KqlType.DYNAMIC else kind)


def _where(nodes: Iterable[Node]) -> list[str]:
    found = list(nodes)
    return layout.condition("| where", conjunction(found)) if found else []


def _promised(dtype: pl.DataType, where: str) -> KqlType:
    match dtype:
        case pl.List(inner=pl.String()):
            return KqlType.DYNAMIC
        case pl.Datetime(time_unit="us", time_zone="UTC"):
            return KqlType.DATETIME
        case pl.Duration(time_unit="us"):
            return KqlType.TIMESPAN
    kinds = {
        pl.String(): KqlType.STRING,
        pl.Boolean(): KqlType.BOOL,
        pl.Int32(): KqlType.INT,
        pl.Int64(): KqlType.LONG,
        pl.Float64(): KqlType.REAL,
    }
    if dtype not in kinds:
        raise UnsupportedExpression(f"the type {dtype}", where)
    return kinds[dtype]


def _fitted(node: Node, dtype: pl.DataType, where: str) -> Node:
    """The node in the type that Polars has it in."""
    kind = _promised(dtype, where)
    if node.type is not kind and KqlType.DYNAMIC in (node.type, kind):
        raise UnsupportedExpression(f"{node.type.value} where Polars has {dtype}", where)
    return cast(node, kind)


def _label(expr: pl.Expr) -> str:
    return "select" if expr.meta.has_multiple_outputs() else f"column {expr.meta.output_name()!r}"


def _is_about_time(node: Node, time: str) -> bool:
    """Whether a condition compares the time column with a literal."""
    return (
        isinstance(node, Op)
        and node.name in ("<", "<=", ">", ">=")
        and {type(arg) for arg in node.args} == {Column, Literal}
        and any(isinstance(arg, Column) and arg.name == time for arg in node.args)
    )


def _never_null(columns: Columns, held: Sequence[Node]) -> dict[str, Column]:
    """The columns, knowing that these conditions hold: what is compared is not null."""
    compared = {
        part.name
        for node in held
        if isinstance(node, Op) and node.name in ("==", "<", "<=", ">", ">=", "in", "isnotnull")
        for part in node.args
        if isinstance(part, Column)
    }
    return {
        n: evolve(c, nullable=False) if n in compared and c.nullable else c
        for n, c in columns.items()
    }


def _at(steps: Sequence[Step], number: int) -> Step | None:
    return steps[number] if number < len(steps) else None
