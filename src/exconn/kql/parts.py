"""What an aggregation or a condition is made of, for those who run it in another way."""

import json
import re
from collections.abc import Iterator

import polars as pl
from attrs import frozen

from exconn.errors import UnsupportedExpression
from exconn.kql.nodes import Column, Literal, Op
from exconn.kql.render import terms
from exconn.kql.serialised import Tree, deserialised, is_constant, kind_of
from exconn.kql.tree import read
from exconn.query import Aggregate, Filter, Query
from exconn.tables import KqlType

_WORDLESS = re.compile(r'"Float\d*":\s*null')


@frozen(eq=False)
class Distinct:
    """A number of different values.

    Attributes:
        value: what is told apart.
        where: of which rows; None for all.
    """

    value: pl.Expr
    where: pl.Expr | None


def key_of(expr: pl.Expr) -> str | None:
    """A text that equal expressions share, and no others.

    None where there is none: for a Python function, or an infinite number, for which JSON has no
    word.
    """
    try:
        text = expr.meta.serialize(format="json")
    except Exception:  # noqa: BLE001 # Polars raises what it likes
        return None
    return None if _WORDLESS.search(text) else text


def conditions_of(expr: pl.Expr) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """The conditions that hold where all of them do: those that only compare, and the others.

    The latter compute texts of texts, which takes long.
    """
    tree = key_of(expr)
    quick: list[pl.Expr] = []
    slow: list[pl.Expr] = []
    for one in _conditions(json.loads(tree)) if tree else ():
        (slow if "StringExpr" in (key_of(one) or "") else quick).append(one)
    return quick, slow


def _conditions(tree: Tree) -> Iterator[pl.Expr]:
    match tree:
        case {"BinaryExpr": {"left": left, "op": "And" | "LogicalAnd", "right": right}}:
            yield from _conditions(left)
            yield from _conditions(right)
        case _:
            yield deserialised(tree)


END = "@[^@]+$"
"""Matches the end of a text, from its last ``@`` on."""


def sees_only_the_end(expr: pl.Expr) -> bool:
    """Whether an expression sees of its one text only what `END` matches."""
    tree = key_of(expr)
    return _sees_only_the_end(json.loads(tree)) if tree else False


def _sees_only_the_end(tree: Tree) -> bool:
    match tree:
        case {
            "Function": {
                "input": [text, {"Literal": {"Scalar": {"String": pattern}}}],
                "function": {"StringExpr": {"Extract": 0}},
            }
        } if pattern == END:
            return _is_text(text)
        case {"Function": {"input": [text, *others]}}:
            return all(map(is_constant, others)) and _sees_only_the_end(text)
    return False


def _is_text(tree: Tree) -> bool:
    """Whether a tree is a column, or that in lower case."""
    match tree:
        case {"Column": _}:
            return True
        case {"Function": {"input": [{"Column": _}], "function": {"StringExpr": "Lowercase"}}}:
            return True
    return False


def lists_of(expr: pl.Expr) -> list[pl.Expr]:
    """The conditions ``is_in`` of which one must hold; none where something else may do."""
    tree = key_of(expr)
    parts = [*_lists(json.loads(tree))] if tree else []
    found = [part for part in parts if part is not None]
    return found if len(found) == len(parts) else []


def _lists(tree: Tree) -> Iterator[pl.Expr | None]:
    match tree:
        case {"BinaryExpr": {"left": left, "op": "Or" | "LogicalOr", "right": right}}:
            yield from _lists(left)
            yield from _lists(right)
        case {"Function": {"function": {"Boolean": {"IsIn": _}}}}:
            yield deserialised(tree)
        case _:
            yield None


def distinct_of(aggregation: pl.Expr) -> Distinct | None:
    """Which values an aggregation tells apart to count them; None where it does something else."""
    tree = key_of(aggregation.meta.undo_aliases())
    match json.loads(tree) if tree else None:
        case {"Agg": {"NUnique": {"Filter": {"input": value, "by": where}}}}:
            return Distinct(deserialised(value), deserialised(where))
        case {"Agg": {"NUnique": value}}:
            return Distinct(deserialised(value), None)
    return None


def again(groups: Aggregate) -> Aggregate | None:
    """What makes of the groups of parts of the rows those of all; None where only rows can tell.

    The least and the greatest of a column in the parts tell those of the whole. Of what is computed
    they need not: it may hang on the rows beside, and text that no row of a part has is empty.
    """
    found = []
    for agg in groups.aggs:
        name = agg.meta.output_name()
        tree = key_of(agg.meta.undo_aliases())
        match json.loads(tree) if tree else None:
            case {"Agg": {"Min": {"input": {"Column": _}, "propagate_nans": False}}}:
                found.append(pl.col(name).min())
            case {"Agg": {"Max": {"input": {"Column": _}, "propagate_nans": False}}}:
                found.append(pl.col(name).max())
            case _:
                return None
    return Aggregate(tuple(pl.col(key.meta.output_name()) for key in groups.keys), tuple(found))


def is_of_one_row(expr: pl.Expr, columns: pl.Schema) -> bool:
    """Whether the value of a row hangs on that row alone, as far as can be told."""
    kinds = {name: kind_of(dtype) for name, dtype in columns.items()}
    known = {name: Column(name=name, type=kind) for name, kind in kinds.items() if kind}
    try:
        read(expr, known, "a row")
    except (UnsupportedExpression, KeyError):
        return False
    return True


def leading_filters(query: Query) -> tuple[Filter, ...]:
    """The filters that a query begins with, while each row alone decides whether it is kept."""
    found: list[Filter] = []
    for step in query.steps:
        if not isinstance(step, Filter):
            break
        if not all(is_of_one_row(predicate, query.table.schema) for predicate in step.predicates):
            break
        found.append(step)
    return tuple(found)


def least_of(predicate: pl.Expr, name: str) -> int:
    """How much an integer column must at least be for a condition on it alone to hold."""
    if set(predicate.meta.root_names()) != {name}:
        return 0
    try:
        _, node = read(predicate, {name: Column(name=name, type=KqlType.LONG)}, name)
    except UnsupportedExpression:
        return 0
    least = 0
    for term in terms(node):
        match term:
            case Op(name=">" | ">=" as sign, args=(Column(), Literal(value=int() as value))):
                least = max(least, value + (sign == ">"))
    return least
