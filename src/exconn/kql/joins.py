"""Joins as lines of KQL, with Polars' rules for columns of the same name."""

from collections.abc import Mapping, Sequence

from attrs import evolve

from exconn.errors import UnsupportedExpression
from exconn.kql import layout
from exconn.kql.plan import Names
from exconn.kql.text import name
from exconn.kql.verbs import Columns, State, free_name, need_comparable, rename_lines
from exconn.query import Join
from exconn.tables import KqlType

_KINDS = {"inner": "inner", "left": "leftouter", "semi": "leftsemi", "anti": "leftanti"}


def brought(step: Join, before: Names, needed: Names) -> dict[str, str]:
    """The columns of the other side that later steps need, and what they are called then."""
    if step.how not in ("inner", "left"):
        return {}
    names = [n for n in step.other.schema if n not in step.right_on]
    called = {n: n + step.suffix if n in before else n for n in names}
    return {old: new for old, new in called.items() if new in needed}


def joined(step: Join, left: State, right: State, names: Mapping[str, str], before: Names) -> State:
    """Join the rows of the other side.

    Args:
        step: says how.
        left: the rows so far.
        right: the other side, with no more than its keys and what is brought.
        names: what is brought, and what it is called then.
        before: the columns of the query before this step, also those that nothing reads.
    """
    for columns, keyed in ((left.columns, step.left_on), (right.columns, step.right_on)):
        for n in keyed:
            need_comparable(columns[n], f"join on {n!r}")
            if columns[n].ticks:
                raise UnsupportedExpression("a join on a time", f"join on {n!r}", "truncate it")
    keys = {n: n for n in step.right_on}
    if step.how in ("inner", "left"):
        taken = {*before, *names.values()}
        for n in step.right_on:
            keys[n] = free_name(f"{n}_key", taken | set(keys.values()))
    inner = [*right.lines]
    nullable = [n for n in step.right_on if right.columns[n].nullable]
    if nullable:  # null keys match nothing
        inner.append("| where " + " and ".join(f"isnotnull({name(n)})" for n in nullable))
    inner += rename_lines({**names, **keys}, right.columns)
    on = ", ".join(
        name(a) if a == keys[b] else f"$left.{name(a)} == $right.{name(keys[b])}"
        for a, b in zip(step.left_on, step.right_on, strict=True)
    )
    opened = f"| join kind={_KINDS[step.how]} ("
    state = evolve(left, lines=(*left.lines, opened, *layout.indented(inner), f") on {on}"))
    if step.how not in ("inner", "left"):
        return state
    return _with_brought(step, state, right.columns, names, list(keys.values()))


def _with_brought(
    step: Join, state: State, right: Columns, names: Mapping[str, str], keys: Sequence[str]
) -> State:
    left = step.how == "left"
    columns = {
        new: evolve(
            right[old],
            name=new,
            nullable=right[old].nullable or (left and right[old].type is not KqlType.STRING),
        )
        for old, new in names.items()
    }
    lines = [f"| project-away {', '.join(name(n) for n in keys)}"]
    strings = [n for n, column in columns.items() if column.type is KqlType.STRING]
    if left and strings:
        filled = [f'{name(n)} = strcat({name(n)}, "")' for n in strings]
        lines += layout.operator("| extend", filled)
    return state.then(lines, {**state.columns, **columns})
