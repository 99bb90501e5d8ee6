"""Polars' serialised form of an expression, as JSON: its leaves and names."""

import io
import json
from typing import Any

import polars as pl

from exconn.tables import KqlType

Tree = Any


def is_constant(tree: Tree) -> bool:
    """Whether a tree has no column, no row count and no aggregation in it."""
    if tree == "Len":
        return False
    if isinstance(tree, dict):
        if "Column" in tree or "Agg" in tree or "Selector" in tree:
            return False
        if "Literal" in tree:
            return True
        return all(is_constant(value) for value in tree.values())
    if isinstance(tree, list):
        return all(is_constant(value) for value in tree)
    return True


def is_series(tree: Tree) -> bool:
    """Whether a tree is a literal of several values."""
    return (
        isinstance(tree, dict)
        and isinstance(tree.get("Literal"), dict)
        and ("Series" in tree["Literal"])
    )


def deserialised(tree: Tree) -> pl.Expr:
    """The expression that a tree stands for."""
    return expression(json.dumps(tree))


def expression(text: str) -> pl.Expr:
    """The expression that a tree's JSON stands for."""
    return pl.Expr.deserialize(io.StringIO(text), format="json")


def kind_of(dtype: pl.DataType) -> KqlType | None:
    """The Kusto type of literals of a Polars type; None where there is none."""
    if isinstance(dtype, pl.Datetime):
        return KqlType.DATETIME if dtype.time_unit != "ns" else None
    if isinstance(dtype, pl.Duration):
        return KqlType.TIMESPAN if dtype.time_unit != "ns" else None
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return KqlType.STRING
    if dtype == pl.Boolean:
        return KqlType.BOOL
    if dtype.is_integer():
        return KqlType.LONG
    return KqlType.REAL if dtype.is_float() else KqlType.LONG if dtype == pl.Null else None


def name_of(tree: Tree) -> str:
    """What Polars calls the outermost part of a tree."""
    if not isinstance(tree, dict) or not tree:
        return str(tree)
    outer, inner = next(iter(tree.items()))
    return f"{outer}.{name_of(inner)}" if inner and isinstance(inner, str | dict) else str(outer)
