"""Polars expressions become nodes.

Only this module, `functions`, `aggregations` and `serialised` know the form in which Polars has
them. That form is not stable, so it is never stored; every kind of part and every option of it is
matched exactly, and what is not known is refused. Parts without columns are not read at all:
Polars itself computes their value.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from typing import Any

import polars as pl
from attrs import evolve
from polars.exceptions import PanicException, PolarsError

from exconn.errors import UnsupportedExpression
from exconn.kql.aggregations import aggregation, any_or_all, quantile, sorted_set
from exconn.kql.functions import list_function, string_function, time_function
from exconn.kql.nodes import Aggregate, Column, Literal, Node, cast, floored, op
from exconn.kql.serialised import (
    Tree,
    deserialised,
    expression,
    is_constant,
    is_series,
    kind_of,
    name_of,
)
from exconn.tables import KqlType

BOOL, INT, LONG, REAL = KqlType.BOOL, KqlType.INT, KqlType.LONG, KqlType.REAL
STRING, DATETIME = KqlType.STRING, KqlType.DATETIME
TIMESPAN, DYNAMIC = KqlType.TIMESPAN, KqlType.DYNAMIC
NUMBERS = (INT, LONG, REAL)
ESTIMATE = "exconn: an estimate will do"

Columns = Mapping[str, Column]

_COMPARE = {"Eq": "==", "NotEq": "!=", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_ARITHMETIC = {"Plus": "+", "Minus": "-", "Multiply": "*"}
_BOUNDS = {"Both": (">=", "<="), "Left": (">=", "<"), "Right": (">", "<="), "None": (">", "<")}
_INT_LIMIT, _LONG_LIMIT = 2**31, 2**63
_LONG_TEXT = 1_000
_TWO_ROWS = pl.LazyFrame({"n": [0, 1]})


def estimate(expr: pl.Expr) -> pl.Expr:
    """Say that in KQL an estimate will do for an exact ``n_unique`` or ``quantile``.

    On frames it changes nothing. In KQL, ``n_unique`` becomes ``dcount`` instead of
    ``count_distinct``, and ``quantile``, which KQL cannot say exactly, ``percentile``.
    """
    return expr.alias(ESTIMATE).alias(expr.meta.output_name())


def read(
    expr: pl.Expr, columns: Columns, where: str, *, grouped: bool = False, keyed: bool = True
) -> tuple[str, Node]:
    """Read an expression.

    Args:
        expr: with one output.
        columns: the columns that it may use.
        where: named in errors: the output column or the step.
        grouped: whether it reduces a group of rows to one value.
        keyed: whether groups have keys, so that none is empty.

    Returns:
        The name of its output, and what is meant.

    Raises:
        UnsupportedExpression: a part has no exact equivalent in KQL, or is not known.
    """
    if expr.meta.has_multiple_outputs():
        raise UnsupportedExpression("several outputs of one expression", where, "name each column")
    name = expr.meta.output_name()
    if not name:
        raise UnsupportedExpression("a column without a name", where)
    try:
        tree = json.loads(expr.meta.serialize(format="json"))
    except Exception as error:  # a Python function in it; Polars raises what it likes
        raise UnsupportedExpression("a Python function", where) from error
    node = _Reader(columns, where, keyed=keyed).node(tree)
    aggregates = [part for part in node.walk() if isinstance(part, Aggregate)]
    if any(part.name == "quantile" and not part.estimate for part in aggregates):
        raise UnsupportedExpression("an exact quantile", where, "wrap it in estimate()")
    if aggregates and not grouped:
        raise UnsupportedExpression(
            "an aggregation beside rows", where, "use group_by().agg(), and join it"
        )
    if grouped and (not aggregates or any(_beside(node))):
        raise UnsupportedExpression("a list of a group's values", where, "aggregate it")
    return name, node


def _beside(node: Node) -> Iterator[Column]:
    """The columns that stand outside of any aggregation."""
    if isinstance(node, Column):
        yield node
    if not isinstance(node, Aggregate):
        for part in node.parts():
            yield from _beside(part)


def _is_the_same_beside_rows(tree: Tree, alone: pl.Series) -> bool:
    """Whether a constant is, in each of two rows, what it is by itself: counts, say, are not."""
    try:
        beside = _TWO_ROWS.select(pl.col("n"), deserialised(tree).alias("it")).collect()["it"]
    except (PolarsError, PanicException):
        return False
    return beside.equals(pl.concat([alone, alone]))


def _evaluated(text: str) -> tuple[pl.DataType, pl.Series]:
    """What Polars promises a constant to be, given as JSON, and what it is."""
    constant = pl.LazyFrame().select(expression(text))
    [promised] = constant.collect_schema().dtypes()
    return promised, constant.collect().to_series()


_remembered = lru_cache(maxsize=1_000)(_evaluated)
"""The same, remembered: literals such as ``""`` are met again and again."""


class _Reader:
    def __init__(self, columns: Columns, where: str, *, keyed: bool) -> None:
        self._columns = columns
        self._where = where
        self.keyed = keyed

    def node(self, tree: Tree) -> Node:
        if is_constant(tree):
            return self._constant(tree)
        if tree == "Len":
            return Aggregate(name="len", type=LONG, narrow=True)
        match tree:
            case {"Column": str(name)}:
                return self._columns[name]
            case {"Alias": [inner, str(name)]}:
                return self._alias(inner, name)
            case {"BinaryExpr": {"left": left, "op": str(name), "right": right}}:
                return self._binary(name, self.node(left), self.node(right))
            case {"Ternary": {"predicate": predicate, "truthy": truthy, "falsy": falsy}}:
                return self._choice(self.condition(predicate), self.node(truthy), self.node(falsy))
            case {"Cast": {"expr": inner, "dtype": {"Literal": dtype}, "options": str(options)}}:
                return self._cast(self.node(inner), dtype, options)
            case {"Agg": agg}:
                return aggregation(self, agg)
            case {"Sort": {"expr": inner, "options": options}}:
                return sorted_set(self, inner, options)
            case {"Function": {"input": list(inputs), "function": function}}:
                return self._function(function, inputs)
            case {"Over": _} | {"Window": _}:
                raise self.refusal("a window (over)", "aggregate, and join")
            case _:
                raise self.refusal(name_of(tree))

    def condition(self, tree: Tree) -> Node:
        node = self.node(tree)
        if node.type is BOOL or (isinstance(node, Literal) and node.value is None):
            return node
        raise self.refusal(f"{node.type.value} where a condition is needed")

    def value(self, tree: Tree, wanted: Any) -> Any:
        """The value of an argument that must be constant."""
        if not is_constant(tree):
            raise self.refusal("an argument that is a column", "use a literal")
        node = self._constant(tree)
        if not isinstance(node.value, wanted) or isinstance(node.value, bool):
            raise self.refusal(f"the argument {node.value!r}")
        return node.value

    def whole(self, *nodes: Node) -> None:
        """Refuse strings that Polars may have as null: for Kusto they are empty."""
        for node in nodes:
            if node.type is STRING and node.nullable:
                raise self.refusal(
                    "a string that may be null inside an expression", 'add .fill_null("")'
                )

    def refusal(self, part: str, instead: str = "") -> UnsupportedExpression:
        return UnsupportedExpression(part, self._where, instead)

    # constants

    def _constant(self, tree: Tree) -> Literal:
        values = self._computed(tree)
        if len(values) != 1 or is_series(tree):
            raise self.refusal("a literal of several rows")
        if "Literal" not in tree and not _is_the_same_beside_rows(tree, values):
            raise self.refusal(
                f"{name_of(tree)} of a constant, which depends on the rows beside it"
            )
        return self._literal(values.item(), values.dtype)

    def _computed(self, tree: Tree) -> pl.Series:
        text = json.dumps(tree)
        told = _remembered if "Literal" in tree and len(text) <= _LONG_TEXT else _evaluated
        try:
            promised, values = told(text)
        except (PolarsError, PanicException, ValueError, TypeError, OverflowError) as error:
            message = f"the constant {name_of(tree)} ({str(error).splitlines()[0]})"
            raise self.refusal(message) from error
        if values.dtype != promised:  # Polars errs about some of null
            raise self.refusal(f"a constant of type {values.dtype} that should be {promised}")
        return values

    def _literal(self, value: object, dtype: pl.DataType) -> Literal:
        kind = kind_of(dtype)
        if kind is None:
            raise self.refusal(f"a literal of type {dtype}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.refusal(f"the number {value}")
        if isinstance(value, int) and not -_LONG_LIMIT <= value < _LONG_LIMIT:
            raise self.refusal(f"the number {value}, which is over 64 bits")
        if isinstance(value, timedelta | datetime | str | int | float) or value is None:
            return Literal(type=kind, value=value, nullable=value is None)
        raise self.refusal(f"the literal {value!r}")

    # structure

    def _alias(self, inner: Tree, name: str) -> Node:
        node = self.node(inner)
        if name != ESTIMATE:
            return node
        if isinstance(node, Aggregate) and node.name in ("n_unique", "quantile"):
            return evolve(node, estimate=True)
        raise self.refusal("an estimate of this", "only of n_unique and quantile")

    def _binary(self, name: str, left: Node, right: Node) -> Node:
        if name in _COMPARE:
            return self._comparison(_COMPARE[name], left, right)
        if name in ("And", "LogicalAnd", "Or", "LogicalOr"):
            if left.type is BOOL and right.type is BOOL:
                return op(name.removeprefix("Logical").lower(), BOOL, left, right)
            raise self.refusal(f"{name} of {left.type.value} and {right.type.value}")
        if name in _ARITHMETIC:
            return self._arithmetic(_ARITHMETIC[name], left, right)
        if name == "TrueDivide":
            if left.type in NUMBERS and right.type in NUMBERS:
                return evolve(op("/", REAL, left, right), nan=True)
            raise self.refusal(f"division of {left.type.value} by {right.type.value}")
        if name in ("FloorDivide", "Modulus"):
            raise self.refusal(f"{name} (it rounds the other way for negative numbers)")
        if name in ("EqValidity", "NotEqValidity"):
            raise self.refusal(f"{name} (eq_missing, ne_missing)", "use is_null and ==")
        raise self.refusal(name)

    def _comparison(self, name: str, left: Node, right: Node) -> Node:
        kinds = {left.type, right.type}
        if any(isinstance(n, Literal) and n.value is None for n in (left, right)):
            raise self.refusal("a comparison with null", "use is_null or is_not_null")
        if kinds == {STRING}:
            if name not in ("==", "!="):
                raise self.refusal("ordering of strings")
            self.whole(left, right)
        elif not (kinds <= set(NUMBERS) or kinds in ({DATETIME}, {TIMESPAN}, {BOOL})):
            raise self.refusal(f"comparison of {left.type.value} with {right.type.value}")
        elif kinds == {BOOL} and name not in ("==", "!="):
            raise self.refusal("ordering of booleans")
        if left.nan and right.nan:
            raise self.refusal("comparison of two numbers, both of which may be NaN")
        return op(name, BOOL, left, right)

    def _arithmetic(self, name: str, left: Node, right: Node) -> Node:
        kinds = (left.type, right.type)
        if name == "+" and kinds == (STRING, STRING):
            self.whole(left, right)
            return op("concat", STRING, left, right, option="")
        if INT in kinds or left.narrow or right.narrow:
            raise self.refusal("arithmetic of integers under 64 bits", "cast them to Int64")
        if kinds == (LONG, LONG):
            return op(name, LONG, left, right)
        if set(kinds) <= {LONG, REAL}:
            return evolve(op(name, REAL, left, right), nan=True)
        if kinds == (DATETIME, TIMESPAN) and name in "+-":
            return op(name, DATETIME, left, right)
        if kinds == (DATETIME, DATETIME) and name == "-":
            return op(name, TIMESPAN, floored(left), floored(right))
        if kinds == (TIMESPAN, TIMESPAN) and name in "+-":
            return op(name, TIMESPAN, left, right)
        raise self.refusal(f"{left.type.value} {name} {right.type.value}")

    def _choice(self, condition: Node, then: Node, otherwise: Node) -> Node:
        then, otherwise = _same_type(then, otherwise)
        if then.type is not otherwise.type or then.type is DYNAMIC:
            raise self.refusal(
                f"a choice between {then.type.value} and {otherwise.type.value}", "cast one of them"
            )
        nullable = then.nullable or otherwise.nullable
        return op("if", then.type, condition, then, otherwise, nullable=nullable)

    def _cast(self, node: Node, dtype: Tree, options: str) -> Node:
        wanted = {"Int64": LONG, "Float64": REAL, "String": STRING}.get(str(dtype))
        if wanted is None or options not in ("Strict", "NonStrict"):
            raise self.refusal(f"a cast to {dtype}")
        if node.type is wanted:
            return evolve(node, narrow=False)
        exact = {
            (INT, LONG),
            (BOOL, LONG),
            (INT, REAL),
            (LONG, REAL),
            (INT, STRING),
            (LONG, STRING),
            (BOOL, STRING),
            (DATETIME, LONG),
        }
        if (node.type, wanted) not in exact:
            raise self.refusal(f"a cast from {node.type.value} to {wanted.value}")
        return op("cast", wanted, floored(node), narrow=False)

    # functions

    def _function(self, function: Tree, inputs: Sequence[Tree]) -> Node:
        match function:
            case "FillNull":
                return self._fill(self.node(inputs[0]), self.node(inputs[1]))
            case "Coalesce":
                return self._coalesce([self.node(tree) for tree in inputs])
            case "Negate":
                node = self.node(inputs[0])
                if node.type not in (LONG, REAL, TIMESPAN) or node.narrow:
                    raise self.refusal(f"minus {node.type.value}", "cast to Int64")
                return op("negate", node.type, node)
            case {"Quantile": {"method": "Nearest"}}:
                return quantile(self, inputs[0], float(self.value(inputs[1], int | float)))
            case "MinBy" | "MaxBy":
                return aggregation(self, {function: inputs})
            case {"Boolean": kind}:
                return self._boolean_function(kind, inputs)
            case {"StringExpr": kind}:
                return string_function(self, kind, inputs)
            case {"TemporalExpr": kind}:
                return time_function(self, kind, inputs)
            case {"ListExpr": kind}:
                return list_function(self, kind, inputs)
            case {"Unique": bool()}:
                raise self.refusal("unique inside an expression", "use .unique().sort()")
            case _:
                raise self.refusal(name_of(function))

    def _fill(self, node: Node, value: Node) -> Node:
        if node.type is STRING:
            if isinstance(value, Literal) and value.value == "":
                return evolve(node, nullable=False)
            raise self.refusal("fill_null of a string with another than the empty string")
        node, value = _same_type(node, value)
        if node.type is not value.type or node.type is DYNAMIC:
            raise self.refusal(f"fill_null of {node.type.value} with {value.type.value}")
        if not node.nullable and not isinstance(node, Literal):
            return node
        return op("coalesce", node.type, node, value, nullable=value.nullable)

    def _coalesce(self, nodes: list[Node]) -> Node:
        kinds = {node.type for node in nodes}
        if len(kinds) != 1 or kinds == {DYNAMIC}:
            raise self.refusal("coalesce of several types, or of lists", "cast them")
        if kinds == {STRING}:
            raise self.refusal("coalesce of strings (they are never null)", "use when/then")
        return op("coalesce", nodes[0].type, *nodes, nullable=all(n.nullable for n in nodes))

    def _boolean_function(self, kind: Tree, inputs: Sequence[Tree]) -> Node:
        match kind:
            case "Not":
                return op("not", BOOL, self.condition(inputs[0]))
            case "IsNull" | "IsNotNull":
                node = self.node(inputs[0])
                if node.type in (STRING, DYNAMIC):
                    raise self.refusal(f"{kind} of a string or list (never null)", 'use == ""')
                name = "isnull" if kind == "IsNull" else "isnotnull"
                return op(name, BOOL, node, nullable=False)
            case "AllHorizontal" | "AnyHorizontal":
                name = "and" if kind == "AllHorizontal" else "or"
                return _folded(name, [self.condition(tree) for tree in inputs])
            case {"IsBetween": {"closed": str(closed)}} if closed in _BOUNDS:
                low, high = _BOUNDS[closed]
                value, least, most = (self.node(tree) for tree in inputs)
                return op(
                    "and",
                    BOOL,
                    self._comparison(low, value, least),
                    self._comparison(high, value, most),
                )
            case {"IsIn": {"nulls_equal": False}}:
                return self._is_in(self.node(inputs[0]), inputs[1])
            case {"Any": {"ignore_nulls": True}} | {"All": {"ignore_nulls": True}}:
                return any_or_all(self, "any" if "Any" in kind else "all", inputs[0])
            case _:
                raise self.refusal(name_of(kind))

    def _is_in(self, node: Node, options: Tree) -> Node:
        if not is_constant(options):
            raise self.refusal("is_in with a column")
        values = self._computed(options)
        if isinstance(values.dtype, pl.List | pl.Array):
            values = values.explode(empty_as_null=False)
        literals = [self._literal(value, values.dtype) for value in values]
        if any(option.value is None for option in literals):
            raise self.refusal("is_in with a null")
        self.whole(node)
        kinds = {option.type for option in literals}
        if not literals or (node.type is STRING and kinds == {STRING}):
            return op("in", BOOL, node, *literals)
        if node.type in (INT, LONG) and kinds == {LONG}:
            return op("in", BOOL, node, *literals)
        return _folded("or", [self._comparison("==", node, option) for option in literals])


def _folded(name: str, nodes: Sequence[Node]) -> Node:
    return reduce(lambda whole, node: op(name, BOOL, whole, node), nodes)


def _same_type(one: Node, other: Node) -> tuple[Node, Node]:
    """Give a null literal the other's type, and an integer literal that of the column beside it."""
    if isinstance(one, Literal) and not isinstance(other, Literal):
        then, otherwise = _same_type(other, one)
        return otherwise, then
    if not isinstance(other, Literal) or one.type is other.type:
        return one, other
    if other.value is None:
        return one, evolve(other, type=one.type)
    if isinstance(one, Literal) and one.value is None:
        return evolve(one, type=other.type), other
    if one.type is REAL and other.type is LONG:
        return one, cast(other, REAL)
    if one.type is INT and other.type is LONG and isinstance(other.value, int):
        small = -_INT_LIMIT <= other.value < _INT_LIMIT
        return (one, evolve(other, type=INT)) if small else (cast(one, LONG), other)
    return one, other
