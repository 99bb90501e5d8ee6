"""Polars expressions become nodes. The only module that knows how Polars serialises expressions.

Polars' serialised form is not stable, so it is never stored; every kind of part and every option of
it is matched exactly, and what is not known is refused. Parts without columns are not read at all:
Polars itself computes their value.
"""

import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from attrs import evolve

from exconn.errors import UnsupportedExpression
from exconn.kql.nodes import Aggregate, Column, Literal, Node, Op, Value
from exconn.tables import KqlType

BOOL, INT, LONG, REAL = KqlType.BOOL, KqlType.INT, KqlType.LONG, KqlType.REAL
STRING, DATETIME, TIMESPAN, DYNAMIC = (
    KqlType.STRING,
    KqlType.DATETIME,
    KqlType.TIMESPAN,
    KqlType.DYNAMIC,
)
NUMBERS = (INT, LONG, REAL)
ESTIMATE = "exconn: an estimate will do"

Tree = Any
Columns = Mapping[str, Column]

_COMPARE = {"Eq": "==", "NotEq": "!=", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_ARITHMETIC = {"Plus": "+", "Minus": "-", "Multiply": "*"}
# Perl classes and word boundaries are Unicode-aware in Polars' engine and ASCII in Kusto's.
_UNLIKE = re.compile(r"\\[dDsSwWbBpPAzhHvVRXQEG]|\[\[:|\(\?[^:i)]|\(\?i[^):]|&&|--|~~|\\x|\\u")


def estimate(expr: pl.Expr) -> pl.Expr:
    """Say that in KQL an estimate will do for an exact ``n_unique`` or ``quantile``.

    On frames it changes nothing. In KQL, ``n_unique`` becomes ``dcount`` instead of
    ``count_distinct``, and ``quantile``, which KQL cannot say exactly, ``percentile``.
    """
    return expr.alias(ESTIMATE)


def read(expr: pl.Expr, columns: Columns, where: str) -> tuple[str, Node]:
    """Read an expression.

    Args:
        expr: with one output.
        columns: the columns that it may use.
        where: named in errors: the output column or the step.

    Returns:
        The name of its output, and what is meant.

    Raises:
        UnsupportedExpression: a part has no exact equivalent in KQL, or is not known.
    """
    if expr.meta.has_multiple_outputs():
        raise UnsupportedExpression("several outputs of one expression", where, "name each column")
    name = expr.meta.output_name()
    try:
        tree = json.loads(expr.meta.serialize(format="json"))
    except Exception as error:  # a Python function in it; Polars raises what it likes
        raise UnsupportedExpression("a Python function", where) from error
    node = _Reader(columns, where).node(tree)
    for part in node.walk():
        if isinstance(part, Aggregate) and part.name == "quantile" and not part.estimate:
            raise UnsupportedExpression("an exact quantile", where, "wrap it in estimate()")
    return name, node


class _Reader:
    def __init__(self, columns: Columns, where: str) -> None:
        self._columns = columns
        self._where = where

    def node(self, tree: Tree) -> Node:
        if _is_constant(tree):
            return self._constant(tree)
        if tree == "Len":
            return Aggregate(name="len", type=LONG)
        match tree:
            case {"Column": str(name)}:
                return self._columns[name]
            case {"Alias": [inner, str(name)]}:
                return self._alias(inner, name)
            case {"BinaryExpr": {"left": left, "op": str(op), "right": right}}:
                return self._binary(op, self.node(left), self.node(right))
            case {"Ternary": {"predicate": predicate, "truthy": truthy, "falsy": falsy}}:
                return self._choice(self.boolean(predicate), self.node(truthy), self.node(falsy))
            case {"Cast": {"expr": inner, "dtype": dtype, "options": str(options)}}:
                return self._cast(self.node(inner), dtype, options)
            case {"Agg": agg}:
                return self._aggregate(agg)
            case {"Sort": {"expr": inner, "options": options}}:
                return self._sorted_set(inner, options)
            case {"Function": {"input": list(inputs), "function": function}}:
                return self._function(function, inputs)
            case _:
                raise self._refusal(_name_of(tree))

    def boolean(self, tree: Tree) -> Node:
        node = self.node(tree)
        if node.type is not BOOL:
            raise self._refusal(f"{node.type.value} where a condition is needed")
        return node

    def _refusal(self, part: str, instead: str = "") -> UnsupportedExpression:
        return UnsupportedExpression(part, self._where, instead)

    # constants

    def _constant(self, tree: Tree) -> Node:
        values = pl.select(_deserialised(tree)).to_series()
        if len(values) != 1:
            raise self._refusal("a literal of several rows")
        return self._literal(values.item(), values.dtype)

    def _literal(self, value: object, dtype: pl.DataType) -> Literal:
        kind = _kind(dtype)
        if kind is None:
            raise self._refusal(f"a literal of type {dtype}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refusal(f"the number {value}")
        if isinstance(value, timedelta | datetime | str | int | float) or value is None:
            return Literal(type=kind, value=value, nullable=value is None)
        raise self._refusal(f"the literal {value!r}")

    # structure

    def _alias(self, inner: Tree, name: str) -> Node:
        node = self.node(inner)
        if name != ESTIMATE:
            return node
        if isinstance(node, Aggregate) and node.name in ("n_unique", "quantile"):
            return evolve(node, estimate=True)
        raise self._refusal("an estimate of this", "only of n_unique and quantile")

    def _binary(self, op: str, left: Node, right: Node) -> Node:
        if op in _COMPARE:
            return self._comparison(_COMPARE[op], left, right)
        if op in ("And", "LogicalAnd", "Or", "LogicalOr"):
            if left.type is BOOL and right.type is BOOL:
                return self._op(op.removeprefix("Logical").lower(), BOOL, left, right)
            raise self._refusal(f"{op} of numbers")
        if op in _ARITHMETIC:
            return self._arithmetic(_ARITHMETIC[op], left, right)
        if op == "TrueDivide":
            if left.type in NUMBERS and right.type in NUMBERS:
                return self._op("/", REAL, left, right, nan=True)
            raise self._refusal(f"division of {left.type.value} by {right.type.value}")
        if op in ("FloorDivide", "Modulus"):
            raise self._refusal(f"{op} (it rounds the other way for negative numbers)")
        raise self._refusal(op)

    def _comparison(self, op: str, left: Node, right: Node) -> Node:
        kinds = {left.type, right.type}
        if any(isinstance(n, Literal) and n.value is None for n in (left, right)):
            raise self._refusal("a comparison with null", "use is_null or is_not_null")
        if kinds == {STRING}:
            if op not in ("==", "!="):
                raise self._refusal("ordering of strings")
            self._whole_strings(left, right)
        elif not (kinds <= set(NUMBERS) or kinds in ({DATETIME}, {TIMESPAN}, {BOOL})):
            raise self._refusal(f"comparison of {left.type.value} with {right.type.value}")
        elif kinds == {BOOL} and op not in ("==", "!="):
            raise self._refusal("ordering of booleans")
        if left.nan or right.nan:
            raise self._refusal(
                "comparison of a quotient (it may be NaN, which the two order differently)",
                "compare products instead",
            )
        return self._op(op, BOOL, left, right)

    def _whole_strings(self, *nodes: Node) -> None:
        for node in nodes:
            if node.type is STRING and node.nullable:
                raise self._refusal(
                    "a string that may be null inside an expression", 'add .fill_null("")'
                )

    def _arithmetic(self, op: str, left: Node, right: Node) -> Node:
        kinds = (left.type, right.type)
        if op == "+" and kinds == (STRING, STRING):
            return self._concat([left, right], "")
        if INT in kinds or left.narrow or right.narrow:
            raise self._refusal("arithmetic of integers under 64 bits", "cast them to Int64")
        if kinds == (LONG, LONG):
            return self._op(op, LONG, left, right)
        if set(kinds) <= {LONG, REAL}:
            return self._op(op, REAL, left, right, nan=left.nan or right.nan)
        if kinds == (DATETIME, TIMESPAN) and op in "+-":
            return self._op(op, DATETIME, left, right, ticks=left.ticks)
        if kinds == (DATETIME, DATETIME) and op == "-":
            return self._op(op, TIMESPAN, _micro(left), _micro(right))
        if kinds == (TIMESPAN, TIMESPAN) and op in "+-":
            return self._op(op, TIMESPAN, left, right)
        raise self._refusal(f"{left.type.value} {op} {right.type.value}")

    def _choice(self, condition: Node, then: Node, otherwise: Node) -> Node:
        then, otherwise = _same_type(then, otherwise)
        if then.type is not otherwise.type:
            raise self._refusal(
                f"a choice between {then.type.value} and {otherwise.type.value}", "cast one of them"
            )
        nullable = then.nullable or otherwise.nullable
        return Op(
            name="if",
            type=then.type,
            args=(condition, then, otherwise),
            nullable=nullable,
            ticks=then.ticks or otherwise.ticks,
            nan=then.nan or otherwise.nan,
        )

    def _cast(self, node: Node, dtype: Tree, options: str) -> Node:
        plain = str(dtype.get("Literal") if isinstance(dtype, dict) else dtype)
        wanted = {"Int64": LONG, "Float64": REAL, "String": STRING}.get(plain)
        if wanted is None or options not in ("Strict", "NonStrict"):
            raise self._refusal(f"a cast to {dtype}")
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
            raise self._refusal(f"a cast from {node.type.value} to {wanted.value}")
        return self._op("cast", wanted, _micro(node))

    # aggregations

    def _aggregate(self, agg: Tree) -> Node:
        match agg:
            case {"NUnique": inner}:
                value, where = self._filtered(inner)
                return Aggregate(name="n_unique", type=LONG, value=_micro(value), where=where)
            case {"Sum": inner}:
                value, where = self._filtered(inner)
                kind = LONG if value.type is BOOL else value.type
                if kind not in (LONG, REAL, TIMESPAN):
                    raise self._refusal(f"the sum of {value.type.value}", "cast to Int64")
                return Aggregate(name="sum", type=kind, value=value, where=where, nan=value.nan)
            case {"Min": {"input": inner, "propagate_nans": False}}:
                return self._extreme("min", inner)
            case {"Max": {"input": inner, "propagate_nans": False}}:
                return self._extreme("max", inner)
            case {"Mean": inner}:
                value, where = self._filtered(inner)
                if value.type not in NUMBERS:
                    raise self._refusal(f"the mean of {value.type.value}")
                return Aggregate(
                    name="mean", type=REAL, value=value, where=where, nullable=True, nan=value.nan
                )
            case {"Count": {"input": inner, "include_nulls": bool(nulls)}}:
                value, where = self._filtered(inner)
                name = "len" if nulls or not value.nullable else "count"
                return Aggregate(name=name, type=LONG, value=value, where=where)
            case {"First": _} | {"Last": _}:
                raise self._refusal("first or last (ties are not decided)", "use min or max")
            case _:
                raise self._refusal(_name_of(agg))

    def _filtered(self, tree: Tree) -> tuple[Node, Node | None]:
        match tree:
            case {"Filter": {"input": inner, "by": by}}:
                value, where = self._filtered(inner)
                condition = self.boolean(by)
                both = condition if where is None else self._op("and", BOOL, where, condition)
                return value, both
            case _:
                value = self.node(tree)
        if any(isinstance(part, Aggregate) for part in value.walk()):
            raise self._refusal("an aggregation inside another")
        self._whole_strings(value)
        return value, None

    def _extreme(self, name: str, inner: Tree) -> Node:
        value, where = self._filtered(inner)
        if value.type not in (*NUMBERS, DATETIME, TIMESPAN) or value.nan:
            raise self._refusal(f"the {name} of {value.type.value}")
        return Aggregate(
            name=name, type=value.type, value=value, where=where, nullable=True, ticks=value.ticks
        )

    def _sorted_set(self, inner: Tree, options: Tree) -> Node:
        match inner, options:
            case (
                {"Function": {"input": [values], "function": {"Unique": bool()}}},
                {"descending": False, "nulls_last": bool()},
            ):
                value, where = self._filtered(values)
                if value.type is not STRING:
                    raise self._refusal(f"a set of {value.type.value}", "of strings only")
                return Aggregate(name="set", type=DYNAMIC, value=value, where=where)
            case _:
                raise self._refusal("sort inside an expression", "sort the query")

    # functions

    def _function(self, function: Tree, inputs: Sequence[Tree]) -> Node:
        match function:
            case "FillNull":
                return self._fill(self.node(inputs[0]), self.node(inputs[1]))
            case "Coalesce":
                return self._coalesce([self.node(tree) for tree in inputs])
            case "Negate":
                return self._negated(self.node(inputs[0]))
            case {"Quantile": {"method": "Nearest"}}:
                value, where = self._filtered(inputs[0])
                return Aggregate(
                    name="quantile",
                    type=value.type,
                    value=value,
                    where=where,
                    nullable=True,
                    option=float(self._value(inputs[1], int | float)),
                )
            case {"Boolean": kind}:
                return self._boolean_function(kind, inputs)
            case {"StringExpr": kind}:
                return self._string_function(kind, inputs)
            case {"TemporalExpr": kind}:
                return self._time_function(kind, inputs)
            case {"ListExpr": kind}:
                return self._list_function(kind, inputs)
            case _:
                raise self._refusal(_name_of(function))

    def _fill(self, node: Node, value: Node) -> Node:
        if node.type is STRING:
            if isinstance(value, Literal) and value.value == "":
                return evolve(node, nullable=False)
            raise self._refusal("fill_null of a string with another than the empty string")
        node, value = _same_type(node, value)
        if node.type is not value.type:
            raise self._refusal(f"fill_null of {node.type.value} with {value.type.value}")
        return self._op("coalesce", node.type, node, value, nullable=value.nullable)

    def _coalesce(self, nodes: list[Node]) -> Node:
        kinds = {node.type for node in nodes}
        if len(kinds) != 1:
            raise self._refusal("coalesce of several types", "cast them")
        if STRING in kinds:
            raise self._refusal("coalesce of strings (they are never null)", "use when/then")
        return self._op("coalesce", nodes[0].type, *nodes, nullable=all(n.nullable for n in nodes))

    def _negated(self, node: Node) -> Node:
        if node.type not in (LONG, REAL, TIMESPAN):
            raise self._refusal(f"minus {node.type.value}")
        return self._op("negate", node.type, node, nan=node.nan)

    def _boolean_function(self, kind: Tree, inputs: Sequence[Tree]) -> Node:
        match kind:
            case "Not":
                return self._op("not", BOOL, self.boolean(inputs[0]))
            case "IsNull" | "IsNotNull":
                node = self.node(inputs[0])
                if node.type is STRING:
                    raise self._refusal(f"{kind} of a string (it is never null)", 'use == ""')
                name = "isnull" if kind == "IsNull" else "isnotnull"
                return Op(name=name, type=BOOL, args=(node,))
            case "AllHorizontal" | "AnyHorizontal":
                name = "and" if kind == "AllHorizontal" else "or"
                return self._folded(name, [self.boolean(tree) for tree in inputs])
            case {"IsBetween": {"closed": str(closed)}}:
                low, high = {"Both": (">=", "<="), "Left": (">=", "<"), "Right": (">", "<=")}.get(
                    closed, (">", "<")
                )
                value, least, most = (self.node(tree) for tree in inputs)
                return self._op(
                    "and",
                    BOOL,
                    self._comparison(low, value, least),
                    self._comparison(high, value, most),
                )
            case {"IsIn": {"nulls_equal": False}}:
                return self._is_in(self.node(inputs[0]), inputs[1])
            case {"Any": {"ignore_nulls": True}} | {"All": {"ignore_nulls": True}}:
                value, where = self._filtered(inputs[0])
                name = "any" if "Any" in kind else "all"
                return Aggregate(name=name, type=BOOL, value=value, where=where)
            case _:
                raise self._refusal(_name_of(kind))

    def _folded(self, name: str, nodes: list[Node]) -> Node:
        whole = nodes[0]
        for node in nodes[1:]:
            whole = self._op(name, BOOL, whole, node)
        return whole

    def _is_in(self, node: Node, options: Tree) -> Node:
        if not _is_constant(options):
            raise self._refusal("is_in with a column")
        values = pl.select(_deserialised(options)).to_series().explode(empty_as_null=False)
        literals = [self._literal(value, values.dtype) for value in values]
        if any(option.value is None for option in literals):
            raise self._refusal("is_in with a null")
        self._whole_strings(node)
        if node.type is STRING or node.type in (INT, LONG):
            if any(option.type is STRING for option in literals) != (node.type is STRING):
                raise self._refusal(f"is_in of {node.type.value} with other types")
            return Op(
                name="in",
                type=BOOL,
                args=(node,),
                option=tuple(option.value for option in literals),
                nullable=node.nullable and bool(literals),
            )
        raise self._refusal(f"is_in of {node.type.value}", "compare with each value")

    def _string_function(self, kind: Tree, inputs: Sequence[Tree]) -> Node:
        value = self.node(inputs[0])
        match kind:
            case "Lowercase" | "Uppercase":
                name = "lower" if kind == "Lowercase" else "upper"
                return self._op(name, STRING, value)
            case "StartsWith" | "EndsWith":
                name = "starts" if kind == "StartsWith" else "ends"
                other = self.node(inputs[1])
                self._whole_strings(value, other)
                return self._op(name, BOOL, value, other)
            case {"Contains": {"literal": bool(literal), "strict": bool()}}:
                self._whole_strings(value)
                if literal:
                    other = self.node(inputs[1])
                    self._whole_strings(other)
                    return self._op("contains", BOOL, value, other)
                return self._op("matches", BOOL, value, option=self._pattern(inputs[1]))
            case {"Extract": int(group)}:
                self._whole_strings(value)
                pattern = self._pattern(inputs[1])
                node = self._op("extract", STRING, value, option=(pattern, group))
                return evolve(node, nullable=True)
            case {"Split": False}:
                self._whole_strings(value)
                separator = self._value(inputs[1], str)
                if not separator:
                    raise self._refusal("split on nothing")
                return self._op("split", DYNAMIC, value, option=separator)
            case "StripChars" | "StripCharsStart" | "StripCharsEnd":
                characters = self._value(inputs[1], str | None)
                if not characters or not characters.isascii() or not characters.isprintable():
                    raise self._refusal(
                        f"{kind} without named characters", "name printable ASCII characters"
                    )
                name = {"StripChars": "trim", "StripCharsStart": "trim_start"}.get(kind, "trim_end")
                self._whole_strings(value)
                return self._op(name, STRING, value, option=characters)
            case "LenChars":
                self._whole_strings(value)
                return evolve(self._op("length", LONG, value), narrow=True)
            case {"Replace": {"n": -1, "literal": True}}:
                old, new = self._value(inputs[1], str), self._value(inputs[2], str)
                if not old:
                    raise self._refusal("replacing nothing")
                self._whole_strings(value)
                return self._op("replace", STRING, value, option=(old, new))
            case "Slice":
                start, length = self._value(inputs[1], int), self._value(inputs[2], int | None)
                if start < 0:
                    raise self._refusal("a slice from the end")
                self._whole_strings(value)
                return self._op("slice", STRING, value, option=(start, length))
            case {"ConcatHorizontal": {"delimiter": str(delimiter), "ignore_nulls": bool()}}:
                return self._concat([self.node(tree) for tree in inputs], delimiter)
            case "JsonPathMatch":
                return self._json(value, self._value(inputs[1], str))
            case _:
                raise self._refusal(_name_of(kind))

    def _concat(self, nodes: list[Node], delimiter: str) -> Node:
        self._whole_strings(*nodes)
        if any(node.type is not STRING for node in nodes):
            raise self._refusal("concat of other than strings", "cast to String")
        return self._op("concat", STRING, *nodes, option=delimiter)

    def _json(self, value: Node, path: str) -> Node:
        steps = re.fullmatch(r"\$((?:\.[A-Za-z_]\w*|\[\d+\])+)", path)
        if steps is None:
            raise self._refusal(f"the JSON path {path!r}", "only $.name and $[0] steps")
        self._whole_strings(value)
        return evolve(self._op("json", STRING, value, option=steps.group(1)), nullable=True)

    def _pattern(self, tree: Tree) -> str:
        pattern: str = self._value(tree, str)
        unlike = _UNLIKE.search(pattern)
        if unlike:
            raise self._refusal(
                f"{unlike[0]!r} in a regular expression (Polars and Kusto read it differently)",
                "name the characters: [0-9], [ \\t]",
            )
        return pattern

    def _time_function(self, kind: Tree, inputs: Sequence[Tree]) -> Node:
        value = self.node(inputs[0])
        parts = {"Hour": "hour", "Minute": "minute", "Second": "second", "Day": "day"}
        parts |= {"Month": "month", "Year": "year", "WeekDay": "weekday"}
        match kind:
            case "Truncate":
                if value.type is not DATETIME:
                    raise self._refusal(f"truncate of {value.type.value}")
                every = self._span(self._value(inputs[1], str))
                node = self._op("truncate", DATETIME, value, option=every)
                return evolve(node, ticks=False)
            case "OffsetBy":
                by = self._span(self._value(inputs[1], str))
                literal = Literal(type=TIMESPAN, value=by)
                return self._op("+", DATETIME, value, literal, ticks=value.ticks)
            case str() if kind in parts and value.type is DATETIME:
                return evolve(self._op(parts[kind], INT, value), narrow=True)
            case {"TotalSeconds": {"fractional": False}}:
                return self._op("total", LONG, value, option=timedelta(seconds=1))
            case {"TotalMinutes": {"fractional": False}}:
                return self._op("total", LONG, value, option=timedelta(minutes=1))
            case {"TotalHours": {"fractional": False}}:
                return self._op("total", LONG, value, option=timedelta(hours=1))
            case {"TotalDays": {"fractional": False}}:
                return self._op("total", LONG, value, option=timedelta(days=1))
            case _:
                raise self._refusal(_name_of(kind))

    def _span(self, text: str) -> timedelta:
        units = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "w": "weeks"}
        found = re.fullmatch(r"(-?\d+)([dhmsw])", text)
        if found is None:
            raise self._refusal(f"the span {text!r}", "use whole weeks, days, hours, minutes, ...")
        return timedelta(**{units[found[2]]: int(found[1])})

    def _list_function(self, kind: Tree, inputs: Sequence[Tree]) -> Node:
        value = self.node(inputs[0])
        match kind:
            case "Length":
                return evolve(self._op("list_length", LONG, value), narrow=True)
            case {"Get": bool()}:
                index = self._value(inputs[1], int)
                node = self._op("element", STRING, value, option=index)
                return evolve(node, nullable=True)
            case _:
                raise self._refusal(_name_of(kind))

    def _value(self, tree: Tree, wanted: Any) -> Any:
        if not _is_constant(tree):
            raise self._refusal("an argument that is a column", "use a literal")
        value = self._constant(tree)
        if not isinstance(value, Literal) or not isinstance(value.value, wanted):
            raise self._refusal(f"an argument of type {value.type.value}")
        return value.value

    @staticmethod
    def _op(
        name: str,
        kind: KqlType,
        *args: Node,
        option: Value | tuple[Value, ...] = None,
        nullable: bool | None = None,
        ticks: bool = False,
        nan: bool = False,
    ) -> Op:
        could_be = any(arg.nullable for arg in args) if nullable is None else nullable
        return Op(
            name=name, type=kind, args=args, option=option, nullable=could_be, ticks=ticks, nan=nan
        )


def _micro(node: Node) -> Node:
    """Floor a time to microseconds, as frames have it."""
    if not node.ticks:
        return node
    every = timedelta(microseconds=1)
    return Op(name="truncate", type=DATETIME, args=(node,), option=every, nullable=node.nullable)


def _same_type(one: Node, other: Node) -> tuple[Node, Node]:
    """Give a null literal, or an integer beside a real number, the other's type."""
    if isinstance(one, Literal) and (one.value is None or {one.type, other.type} == {INT, LONG}):
        return evolve(one, type=other.type), other
    if isinstance(other, Literal) and (
        other.value is None or {one.type, other.type} == {INT, LONG}
    ):
        return one, evolve(other, type=one.type)
    return one, other


def _is_constant(tree: Tree) -> bool:
    """Whether a tree has no column, no row count and no aggregation in it."""
    if tree == "Len":
        return False
    if isinstance(tree, dict):
        if "Column" in tree or "Agg" in tree or "Selector" in tree:
            return False
        if "Literal" in tree:
            return True
        return all(_is_constant(value) for value in tree.values())
    if isinstance(tree, list):
        return all(_is_constant(value) for value in tree)
    return True


def _deserialised(tree: Tree) -> pl.Expr:
    return pl.Expr.deserialize(io.StringIO(json.dumps(tree)), format="json")


def _kind(dtype: pl.DataType) -> KqlType | None:
    if isinstance(dtype, pl.Datetime):
        return DATETIME
    if isinstance(dtype, pl.Duration):
        return TIMESPAN
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return STRING
    if dtype == pl.Boolean:
        return BOOL
    if dtype.is_integer():
        return LONG
    return REAL if dtype.is_float() else LONG if dtype == pl.Null else None


def _name_of(tree: Tree) -> str:
    """What Polars calls the outermost part of a tree."""
    if not isinstance(tree, dict) or not tree:
        return str(tree)
    outer, inner = next(iter(tree.items()))
    return f"{outer}.{_name_of(inner)}" if inner and isinstance(inner, str | dict) else str(outer)
