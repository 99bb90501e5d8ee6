"""The verbs that move rows and columns about, as lines of KQL, and what is known after them."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from exconn.errors import UnsupportedExpression
from exconn.kql import layout
from exconn.kql.nodes import Column, Node, floored
from exconn.kql.plan import Names
from exconn.kql.render import value
from exconn.kql.text import name
from exconn.query import Sort, Step
from exconn.tables import KqlType

Columns = Mapping[str, Column]


@frozen(eq=False)
class State:
    """The lines so far, and the columns that they yield.

    Attributes:
        raw: whether the columns are still those of the table, under its own names and types.
        key: columns of which no two rows have the same values; None when there are none known.
    """

    lines: tuple[str, ...]
    columns: Columns
    raw: bool = False
    key: Names | None = None

    def then(
        self, lines: str | Iterable[str], columns: Columns | None = None, key: Names | None = None
    ) -> "State":
        """What it is after more lines."""
        more = (lines,) if isinstance(lines, str) else tuple(lines)
        return State(
            (*self.lines, *more),
            self.columns if columns is None else columns,
            key=key if key is not None and columns is not None and key <= set(columns) else None,
        )


def made_columns(made: Mapping[str, Node]) -> dict[str, Column]:
    """The columns that hold what was computed."""
    return {
        n: Column(
            name=n,
            type=node.type,
            nullable=node.nullable and node.type is not KqlType.STRING,
            ticks=node.ticks,
            nan=node.nan,
            narrow=node.type is KqlType.INT,
        )
        for n, node in made.items()
    }


def need_comparable(node: Node, where: str) -> None:
    """Refuse to group, join or sort by what has no exact order or equality."""
    if node.type is KqlType.DYNAMIC:
        raise UnsupportedExpression("a list as a key", where, "explode it")
    if node.nan:
        raise UnsupportedExpression("a number as a key that may be NaN", where)


def need_decided(before: Step, state: State) -> None:
    """Refuse to take the first rows where it is open which of equal rows come first."""
    by = set(before.by) if isinstance(before, Sort) else set()
    if by < set(state.columns) and not (state.key is not None and state.key <= by):
        raise UnsupportedExpression(
            "head where rows may be equal in what they are sorted by",
            "head",
            "sort by the keys of the group_by too, or by every column",
        )


def pruned(state: State, names: Sequence[str]) -> State:
    """Leave out columns that no later step reads, and give the others their names and types."""
    return _projected(state, names) if names else evolve(state, columns={})


def in_order(state: State, names: Sequence[str]) -> State:
    """Just these columns, in this order."""
    if tuple(state.columns) == tuple(names) and not state.raw:
        return state
    return _projected(state, names)


def _projected(state: State, names: Sequence[str]) -> State:
    texts = {n: value(state.columns[n]) for n in names}
    items = [text if text == name(n) else f"{name(n)} = {text}" for n, text in texts.items()]
    columns = made_columns({n: state.columns[n] for n in names})
    return state.then(layout.operator("| project", items), columns, state.key)


def in_sequence(state: State, by: Sequence[str], descending: Sequence[bool]) -> State:
    """Sort the rows."""
    items = []
    for number, (n, down) in enumerate(zip(by, descending, strict=True)):
        column: Node = state.columns[n]
        need_comparable(column, f"sort by {n!r}")
        if number < len(by) - 1:  # what frames have as equal, the next column decides
            column = floored(column)
        items.append(f"{value(column)} {'desc' if down else 'asc'} nulls first")
    return evolve(state, lines=(*state.lines, *layout.operator("| sort by", items)))


def distinct(state: State) -> State:
    """Drop rows that repeat another."""
    for n, column in state.columns.items():
        need_comparable(column, f"unique, column {n!r}")
    if any(column.ticks for column in state.columns.values()):
        floors = {n: value(floored(c)) for n, c in state.columns.items() if c.ticks}
        lines = layout.operator("| extend", [f"{name(n)} = {text}" for n, text in floors.items()])
        columns = {n: evolve(c, ticks=False) for n, c in state.columns.items()}
        state = state.then(lines, columns)
    lines = layout.operator("| distinct", [name(n) for n in state.columns])
    return state.then(lines, state.columns, frozenset(state.columns))


def exploded(state: State, column: str) -> State:
    """A row for each element of a list."""
    listed = state.columns[column]
    lines = [f"| mv-expand {name(column)} to typeof(string)"]
    if listed.nullable:
        lines.insert(0, f"| where array_length({name(column)}) > 0")
    return state.then(lines, {**state.columns, column: Column(name=column, type=KqlType.STRING)})


def renamed(state: State, names: Mapping[str, str]) -> State:
    """Give columns other names."""
    names = {old: new for old, new in names.items() if old in state.columns and old != new}
    if not names:
        return state
    columns = {
        names.get(n, n): evolve(column, name=names.get(n, n)) for n, column in state.columns.items()
    }
    key = None if state.key is None else frozenset(names.get(n, n) for n in state.key)
    return state.then(rename_lines(names, state.columns), columns, key)


def rename_lines(names: Mapping[str, str], columns: Columns) -> list[str]:
    """What renames some of the columns there are."""
    changed = {old: new for old, new in names.items() if old != new}
    if not changed:
        return []
    items = [f"{name(new)} = {name(old)}" for old, new in changed.items()]
    if not set(changed.values()) & set(columns):
        return layout.operator("| project-rename", items)
    # project-rename refuses a name that is there, even when that column is renamed too.
    texts = {n: f"{name(changed[n])} = {name(n)}" if n in changed else name(n) for n in columns}
    return layout.operator("| project", list(texts.values()))


def dropped(state: State, names: Sequence[str]) -> State:
    """Leave columns out."""
    away = [n for n in names if n in state.columns]
    lines = layout.operator("| project-away", [name(n) for n in away]) if away else []
    return state.then(lines, {n: c for n, c in state.columns.items() if n not in away}, state.key)


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """A name that is not taken, as close as can be to the one wanted."""
    names = set(taken)
    while wanted in names:
        wanted += "_"
    return wanted
