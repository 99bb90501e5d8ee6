"""A `Query` becomes KQL text: its steps, one operator a line."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

import polars as pl
from attrs import evolve, field, frozen

from exconn.errors import UnsupportedExpression
from exconn.kql.dialect import Dialect
from exconn.kql.nodes import Aggregate as AggregateNode
from exconn.kql.nodes import Column, Literal, Node, Op
from exconn.kql.render import as_type, condition, joined, terms, value
from exconn.kql.text import name
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
from exconn.tables import KqlType, Table

Columns = dict[str, Column]


def compile_query(query: Query, dialect: Dialect) -> str:
    """The KQL text of a query.

    The time filter comes first and columns are left out as early as possible. Sub-queries that
    occur twice become a ``let`` with ``materialize``.

    Raises:
        UnsupportedExpression: a part has no exact equivalent in KQL, or none that exconn knows.
    """
    return _Compiler(dialect, _shared_prefix(query)).text(query)


@frozen(eq=False)
class _Prefix:
    """A beginning that several pipelines of one query have in common."""

    table: Table
    steps: tuple[Step, ...]

    def begins(self, query: Query) -> bool:
        return (
            query.table is self.table
            and len(query.steps) >= len(self.steps)
            and all(a is b for a, b in zip(self.steps, query.steps, strict=False))
        )


@frozen(eq=False)
class _State:
    """The lines so far, and the columns that they yield."""

    lines: tuple[str, ...]
    columns: Columns
    shape: tuple[str, ...]

    def then(self, line: str, columns: Columns, shape: Sequence[str] | None = None) -> "_State":
        order = tuple(columns) if shape is None else tuple(shape)
        return _State((*self.lines, line), columns, order)


@frozen(eq=False)
class _Compiler:
    dialect: Dialect
    prefix: _Prefix | None = None
    let: str = field(default="Shared")

    def text(self, query: Query) -> str:
        lines = self.pipeline(query).lines
        if self.prefix is None:
            return "\n".join(lines)
        shared = _Compiler(self.dialect).begin(self.prefix)
        body = "\n".join(_indented(shared.lines))
        return f"let {self.let} = materialize(\n{body}\n);\n" + "\n".join(lines)

    def pipeline(self, query: Query) -> _State:
        steps = query.steps
        if self.prefix is not None and self.prefix.begins(query):
            begun = _Compiler(self.dialect).begin(self.prefix)
            state = _State((self.let,), begun.columns, begun.shape)
            steps = steps[len(self.prefix.steps) :]
        else:
            filters = tuple(takewhile(lambda step: isinstance(step, Filter), steps))
            state = self.begin(_Prefix(query.table, filters))
            steps = steps[len(filters) :]
            state = _pruned(state, query, steps)
        for number, step in enumerate(steps):
            after = _schema_after(query, len(query.steps) - len(steps) + number + 1)
            state = self.step(step, state, after)
        return _in_order(state, query.schema)

    def begin(self, prefix: _Prefix) -> _State:
        columns = self.scanned(prefix.table)
        filters = tuple(takewhile(lambda step: isinstance(step, Filter), prefix.steps))
        state = _State((name(prefix.table.name),), columns, tuple(columns))
        state = self.filtered(state, filters, prefix.table)
        schema = pl.Schema(prefix.table.schema)
        query = Query(prefix.table, schema=schema)
        for step in prefix.steps[len(filters) :]:
            query = evolve(query, steps=(*query.steps, step))
            state = self.step(step, state, query.on(_empty).collect_schema())
        return state

    def scanned(self, table: Table) -> Columns:
        return {
            column.name: Column(
                name=column.name,
                type=column.type,
                nullable=column.type not in (KqlType.STRING, KqlType.DYNAMIC),
                ticks=column.type is KqlType.DATETIME,
                narrow=column.type is KqlType.INT,
                stored=self.dialect.types.get((table.name, column.name)),
            )
            for column in table.columns
        }

    def filtered(self, state: _State, filters: Sequence[Step], table: Table) -> _State:
        """The leading filters, those on time first, each kind on a line of its own."""
        found: list[Node] = []
        for step in filters:
            assert isinstance(step, Filter)  # noqa: S101 # chosen so
            for predicate in step.predicates:
                _, node = read(predicate, state.columns, f"filter of {table.name}")
                found += terms(_without_fill(node))
        timely = [node for node in found if _is_about_time(node, table.time)]
        rest = [node for node in found if node not in timely]
        time = self.dialect.time
        renamed = {table.time: evolve(state.columns[table.time], name=time)}
        lines = list(state.lines)
        if timely:
            lines.append(f"| where {joined([_renamed(node, renamed) for node in timely])}")
        if time != table.time:
            lines.append(f"| project-rename {name(table.time)} = {name(time)}")
        if rest:
            lines.append(f"| where {joined(rest)}")
        return _State(tuple(lines), _never_null(state.columns, found), state.shape)

    def step(self, step: Step, state: _State, after: pl.Schema) -> _State:
        columns = state.columns
        match step:
            case Filter(predicates):
                nodes = [read(p, columns, "filter")[1] for p in predicates]
                found = [term for node in nodes for term in terms(_without_fill(node))]
                left = _never_null(columns, found)
                return state.then(f"| where {joined(found)}", left, state.shape)
            case WithColumns(exprs):
                made = self.made(exprs, columns, after)
                line = "| extend " + _assigned(made, columns)
                order = [*state.shape, *(n for n in made if n not in state.shape)]
                return state.then(line, columns | _columns(made), order)
            case Select(exprs):
                made = self.made(exprs, columns, after)
                return state.then("| project " + _assigned(made, columns), _columns(made))
            case Aggregate(keys, aggs):
                return self.aggregated(keys, aggs, state, after)
            case Join():
                return self.joined(step, state)
            case Sort(by, descending):
                pairs = zip(by, descending, strict=True)
                by_what = ", ".join(
                    f"{name(n)} {'desc' if down else 'asc'} nulls first" for n, down in pairs
                )
                return state.then(f"| sort by {by_what}", columns, state.shape)
            case Head(n):
                return state.then(f"| take {n}", columns, state.shape)
            case Unique():
                whole = [evolve(columns[n]) for n in state.shape]
                if any(column.ticks for column in whole):
                    state = self.floored(state)
                kept = ", ".join(name(n) for n in state.shape)
                return state.then(f"| distinct {kept}", state.columns, state.shape)
            case Explode(column):
                line = f"| mv-expand {name(column)} to typeof(string)"
                element = Column(name=column, type=KqlType.STRING)
                return state.then(line, columns | {column: element}, state.shape)
            case Rename(names):
                pairs_text = ", ".join(f"{name(new)} = {name(old)}" for old, new in names.items())
                renamed = {
                    names.get(n, n): evolve(column, name=names.get(n, n))
                    for n, column in columns.items()
                }
                shape = [names.get(n, n) for n in state.shape]
                return state.then(f"| project-rename {pairs_text}", renamed, shape)
            case Drop(dropped):
                kept_columns = {n: c for n, c in columns.items() if n not in dropped}
                line = f"| project-away {', '.join(name(n) for n in dropped)}"
                return state.then(line, kept_columns, [n for n in state.shape if n not in dropped])

    def floored(self, state: _State) -> _State:
        """Floor times to the microseconds that frames keep."""
        floored = {
            n: Op(name="truncate", type=c.type, args=(c,), option=_MICROSECOND, nullable=c.nullable)
            for n, c in state.columns.items()
            if c.ticks
        }
        line = "| extend " + ", ".join(f"{name(n)} = {value(node)}" for n, node in floored.items())
        columns = {n: evolve(c, ticks=False) for n, c in state.columns.items()}
        return state.then(line, columns, state.shape)

    def made(self, exprs: Sequence[pl.Expr], columns: Columns, after: pl.Schema) -> dict[str, Node]:
        made: dict[str, Node] = {}
        for expr in exprs:
            output = expr.meta.output_name() if not expr.meta.has_multiple_outputs() else "select"
            n, node = read(expr, columns, f"column {output!r}")
            made[n] = as_type(node, _promised(after[n], node))
        return made

    def aggregated(
        self,
        keys: Sequence[pl.Expr],
        aggs: Sequence[pl.Expr],
        state: _State,
        after: pl.Schema,
    ) -> _State:
        by = self.made(keys, state.columns, after)
        by = {n: _without_ticks(node) for n, node in by.items()}
        made = self.made(aggs, state.columns, after)
        for n, node in made.items():
            if not any(isinstance(part, AggregateNode) for part in node.walk()):
                raise UnsupportedExpression("a list of a group's values", f"column {n!r}")
        lines = ["| summarize"]
        lines += [
            f"    {name(n)} = {value(node)}{',' if number < len(made) - 1 else ''}"
            for number, (n, node) in enumerate(made.items())
        ]
        if by:
            lines.append("    by " + _assigned(by, state.columns))
        if len(made) <= 1:
            lines = [" ".join(line.strip() for line in lines)]
        columns = _columns(by) | _columns(made)
        return _State((*state.lines, *lines), columns, (*by, *made))

    def joined(self, step: Join, state: _State) -> _State:
        right = self.pipeline(step.other)
        left_columns, right_columns = state.columns, dict(right.columns)
        for kind, key in (
            *((left_columns, n) for n in step.left_on),
            *((right_columns, n) for n in step.right_on),
        ):
            if kind[key].ticks or kind[key].nan or kind[key].type is KqlType.DYNAMIC:
                raise UnsupportedExpression(f"a join on {key!r}", "join", "truncate or cast it")
        lines = list(right.lines)
        nullable = [n for n in step.right_on if right_columns[n].nullable]
        if nullable:
            lines.append("| where " + " and ".join(f"isnotnull({name(n)})" for n in nullable))
        kind_of = {"inner": "inner", "left": "leftouter", "semi": "leftsemi", "anti": "leftanti"}
        keeps = step.how in ("inner", "left")
        names = {n: n for n in right_columns}
        if keeps:
            names |= {n: _free(n + "_key", left_columns, right_columns) for n in step.right_on} | {
                n: n + step.suffix
                for n in right_columns
                if n in left_columns and n not in step.right_on
            }
        renames = {old: new for old, new in names.items() if old != new}
        if renames:
            pairs = ", ".join(f"{name(new)} = {name(old)}" for old, new in renames.items())
            lines.append(f"| project-rename {pairs}")
        on = ", ".join(
            name(a) if a == names[b] else f"$left.{name(a)} == $right.{name(names[b])}"
            for a, b in zip(step.left_on, step.right_on, strict=True)
        )
        body = _indented(lines)
        state = _State(
            (*state.lines, f"| join kind={kind_of[step.how]} (", *body, f") on {on}"),
            left_columns,
            state.shape,
        )
        if not keeps:
            return state
        return _joined_columns(step, state, right_columns, names)


def _joined_columns(
    step: Join, state: _State, right_columns: Columns, names: Mapping[str, str]
) -> _State:
    keys = [names[n] for n in step.right_on]
    brought = {
        names[n]: evolve(
            column,
            name=names[n],
            nullable=column.nullable or (step.how == "left" and column.type is not KqlType.STRING),
        )
        for n, column in right_columns.items()
        if n not in step.right_on
    }
    columns = state.columns | brought
    shape = [*state.shape, *brought]
    state = state.then(f"| project-away {', '.join(name(n) for n in keys)}", columns, shape)
    strings = [n for n, column in brought.items() if column.type is KqlType.STRING]
    if step.how == "left" and strings:
        filled = ", ".join(f'{name(n)} = strcat({name(n)}, "")' for n in strings)
        state = state.then(f"| extend {filled}", columns, shape)
    return state


_MICROSECOND = pl.select(pl.duration(microseconds=1)).item()


def _empty(table: Table) -> pl.LazyFrame:
    return pl.LazyFrame(schema=table.schema)


def _schema_after(query: Query, steps: int) -> pl.Schema:
    return evolve(query, steps=query.steps[:steps]).on(_empty).collect_schema()


def _pruned(state: _State, query: Query, steps: Sequence[Step]) -> _State:
    """Leave out columns that no later step reads, where the next step does not do so itself."""
    if not steps or isinstance(steps[0], Select | Aggregate):
        return state
    needed = _needed(steps, set(query.schema))
    kept = [n for n in state.shape if n in needed]
    if len(kept) == len(state.shape) or not kept:
        return state
    line = f"| project {', '.join(name(n) for n in kept)}"
    return state.then(line, {n: state.columns[n] for n in kept}, kept)


def _needed(steps: Sequence[Step], final: set[str]) -> set[str]:
    needed = set(final)
    for step in reversed(steps):
        match step:
            case Filter(exprs):
                needed |= _roots(exprs)
            case WithColumns(exprs):
                needed = (needed - {e.meta.output_name() for e in exprs}) | _roots(exprs)
            case Select(exprs):
                needed = _roots(exprs)
            case Aggregate(keys, aggs):
                needed = _roots((*keys, *aggs))
            case Join(left_on=left_on, suffix=suffix):
                needed |= set(left_on) | {n.removesuffix(suffix) for n in needed}
            case Sort(by):
                needed |= set(by)
            case Explode(column):
                needed.add(column)
            case Rename(names):
                old = {new: before for before, new in names.items()}
                needed = {old.get(n, n) for n in needed}
            case Drop(columns):
                needed |= set(columns)
            case _:
                pass
    return needed


def _roots(exprs: Sequence[pl.Expr]) -> set[str]:
    return {n for expr in exprs for n in expr.meta.root_names()}


def _in_order(state: _State, schema: pl.Schema) -> _State:
    wanted = tuple(schema)
    if state.shape == wanted:
        return state
    line = f"| project {', '.join(name(n) for n in wanted)}"
    return state.then(line, {n: state.columns[n] for n in wanted})


def _assigned(made: Mapping[str, Node], columns: Columns) -> str:
    return ", ".join(
        name(n) if node == columns.get(n) else f"{name(n)} = {value(node)}"
        for n, node in made.items()
    )


def _columns(made: Mapping[str, Node]) -> Columns:
    return {
        n: Column(
            name=n,
            type=node.type,
            nullable=node.nullable and node.type is not KqlType.STRING,
            ticks=node.ticks,
            nan=node.nan,
            narrow=node.type is KqlType.INT,
            stored=node.stored if isinstance(node, Column) else None,
        )
        for n, node in made.items()
    }


def _promised(dtype: pl.DataType, node: Node) -> KqlType:
    if isinstance(dtype, pl.List):
        return KqlType.DYNAMIC
    if node.type is KqlType.DYNAMIC:
        return KqlType.DYNAMIC
    if isinstance(dtype, pl.Datetime):
        return KqlType.DATETIME
    if isinstance(dtype, pl.Duration):
        return KqlType.TIMESPAN
    return {
        pl.String(): KqlType.STRING,
        pl.Boolean(): KqlType.BOOL,
        pl.Int32(): KqlType.INT,
        pl.Int64(): KqlType.LONG,
        pl.Float64(): KqlType.REAL,
    }[dtype]


def _without_ticks(node: Node) -> Node:
    if not node.ticks:
        return node
    return Op(
        name="truncate", type=node.type, args=(node,), option=_MICROSECOND, nullable=node.nullable
    )


def _without_fill(node: Node) -> Node:
    """A filter takes null for false: filling with false changes nothing."""
    if isinstance(node, Op) and node.name == "coalesce":
        first, *rest = node.args
        if len(rest) == 1 and isinstance(rest[0], Literal) and rest[0].value is False:
            return first
    return node


def _is_about_time(node: Node, time: str) -> bool:
    """Whether a condition compares the time column with a literal."""
    return (
        isinstance(node, Op)
        and node.name in ("<", "<=", ">", ">=")
        and {type(arg) for arg in node.args} == {Column, Literal}
        and any(isinstance(arg, Column) and arg.name == time for arg in node.args)
    )


def _never_null(columns: Columns, held: Sequence[Node]) -> Columns:
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


def _renamed(node: Node, columns: Mapping[str, Column]) -> Node:
    if isinstance(node, Column):
        return columns.get(node.name, node)
    if isinstance(node, Op):
        return evolve(node, args=tuple(_renamed(arg, columns) for arg in node.args))
    return node


def _free(wanted: str, *taken: Columns) -> str:
    while any(wanted in columns for columns in taken):
        wanted += "_"
    return wanted


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _pipelines(query: Query) -> Iterator[Query]:
    yield query
    for step in query.steps:
        if isinstance(step, Join):
            yield from _pipelines(step.other)


def _shared_prefix(query: Query) -> _Prefix | None:
    """The longest beginning, of at least one step, that two pipelines of a query share."""
    found = list(_pipelines(query))
    best: _Prefix | None = None
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            if one.table is not other.table:
                continue
            shared = takewhile(
                lambda pair: pair[0] is pair[1], zip(one.steps, other.steps, strict=False)
            )
            steps = tuple(step for step, _ in shared)
            if steps and (best is None or len(steps) > len(best.steps)):
                best = _Prefix(one.table, steps)
    return best


__all__ = ["compile_query", "condition"]
