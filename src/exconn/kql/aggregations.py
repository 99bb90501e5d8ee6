"""The aggregations of Polars become nodes."""

from attrs import evolve

from exconn.kql.nodes import Aggregate, Column, Node, floored, op
from exconn.kql.reader import Reader
from exconn.kql.serialised import Tree, name_of
from exconn.tables import KqlType

_NUMBERS = (KqlType.INT, KqlType.LONG, KqlType.REAL)
_UNDECIDED = "first or last (arg_min and arg_max leave open which of equal rows)"
_INSTEAD = "keep the rows at the min or max, and aggregate those"


def aggregation(reader: Reader, agg: Tree) -> Node:
    """An aggregation proper."""
    match agg:
        case {"NUnique": inner}:
            return _n_unique(reader, inner)
        case {"Sum": inner}:
            return _sum(reader, inner)
        case {"Min": {"input": inner, "propagate_nans": False}}:
            return _extreme(reader, "min", inner)
        case {"Max": {"input": inner, "propagate_nans": False}}:
            return _extreme(reader, "max", inner)
        case {"Mean": inner}:
            return _mean(reader, inner)
        case {"Count": {"input": inner, "include_nulls": bool(nulls)}}:
            value, where = _filtered(reader, inner)
            name = "len" if nulls or not value.nullable else "count"
            return Aggregate(name=name, type=KqlType.LONG, value=value, where=where, narrow=True)
        case {"First": _} | {"Last": _} | {"MinBy": _} | {"MaxBy": _}:
            raise reader.refusal(_UNDECIDED, _INSTEAD)
        case _:
            raise reader.refusal(name_of(agg))


def any_or_all(reader: Reader, name: str, inner: Tree) -> Node:
    """`any` or `all`; null counts as neither."""
    value, where = _filtered(reader, inner)
    if value.type is not KqlType.BOOL:
        raise reader.refusal(f"{name} of {value.type.value}")
    return Aggregate(name=name, type=KqlType.BOOL, value=value, where=where)


def quantile(reader: Reader, inner: Tree, share: float) -> Node:
    """The value below which a share of the values lies."""
    value, where = _filtered(reader, inner)
    if value.type not in _NUMBERS:
        raise reader.refusal(f"the quantile of {value.type.value}")
    return Aggregate(
        name="quantile",
        type=KqlType.REAL,
        value=value,
        where=where,
        nullable=_maybe_none(reader, value, where),
        nan=value.nan,
        option=share,
    )


def sorted_set(reader: Reader, inner: Tree, options: Tree) -> Node:
    """The different values, sorted."""
    match inner, options:
        case (
            {"Function": {"input": [values], "function": {"Unique": bool()}}},
            {"descending": False, "nulls_last": bool(), "limit": None},
        ):
            value, where = _filtered(reader, values)
            if value.type is not KqlType.STRING:
                raise reader.refusal(f"a set of {value.type.value}", "of strings only")
            if not reader.keyed:
                raise reader.refusal("a set of all rows (Polars makes rows of it)", "group_by")
            return Aggregate(
                name="set", type=KqlType.DYNAMIC, value=value, where=where, nullable=True
            )
        case _:
            raise reader.refusal("sort inside an expression", "sort the query")


def _n_unique(reader: Reader, inner: Tree) -> Node:
    value, where = _filtered(reader, inner)
    if value.nan:
        raise reader.refusal("n_unique of numbers that may be NaN")
    return Aggregate(
        name="n_unique", type=KqlType.LONG, value=floored(value), where=where, narrow=True
    )


def _sum(reader: Reader, inner: Tree) -> Node:
    value, where = _filtered(reader, inner)
    flags = value.type is KqlType.BOOL
    summable = (KqlType.LONG, KqlType.REAL, KqlType.TIMESPAN)
    if not flags and (value.narrow or value.type not in summable):
        raise reader.refusal(f"the sum of {value.type.value}", "cast to Int64")
    return Aggregate(
        name="sum",
        type=KqlType.LONG if flags else value.type,
        value=value,
        where=where,
        maybe_none=_maybe_none(reader, value, where),
        nan=value.nan,
        narrow=flags,
    )


def _mean(reader: Reader, inner: Tree) -> Node:
    value, where = _filtered(reader, inner)
    if value.type not in _NUMBERS:
        raise reader.refusal(f"the mean of {value.type.value}")
    none = _maybe_none(reader, value, where)
    return Aggregate(
        name="mean",
        type=KqlType.REAL,
        value=value,
        where=where,
        maybe_none=none,
        nullable=none,
        nan=value.nan,
    )


def _extreme(reader: Reader, name: str, inner: Tree) -> Node:
    value, where = _filtered(reader, inner)
    if value.type not in (*_NUMBERS, KqlType.DATETIME, KqlType.TIMESPAN) or value.nan:
        raise reader.refusal(f"the {name} of {'NaN' if value.nan else value.type.value}")
    return Aggregate(
        name=name,
        type=value.type,
        value=value,
        where=where,
        nullable=_maybe_none(reader, value, where),
        ticks=value.ticks,
        narrow=value.narrow,
    )


def _filtered(reader: Reader, tree: Tree) -> tuple[Node, Node | None]:
    """What is aggregated, and which rows of it."""
    match tree:
        case {"Filter": {"input": inner, "by": by}}:
            value, where = _filtered(reader, inner)
            where = _and(where, reader.condition(by))
        case {"Function": {"input": [inner], "function": "DropNulls"}}:
            value, where = _filtered(reader, inner)
            if value.nullable:
                where = _and(where, op("isnotnull", KqlType.BOOL, value, nullable=False))
                value = evolve(value, nullable=False)
        case _:
            value, where = reader.node(tree), None
    if any(isinstance(part, Aggregate) for n in (value, where) if n for part in n.walk()):
        raise reader.refusal("an aggregation inside another")
    if not any(isinstance(part, Column) for part in value.walk()):
        raise reader.refusal("an aggregation of a constant (Polars takes it once)")
    if value.type is KqlType.DYNAMIC:
        raise reader.refusal("an aggregation of lists")
    reader.whole(value)
    return value, where


def _maybe_none(reader: Reader, value: Node, where: Node | None) -> bool:
    """Whether there may be nothing to aggregate in a group."""
    return value.nullable or where is not None or not reader.keyed


def _and(one: Node | None, other: Node) -> Node:
    return other if one is None else op("and", KqlType.BOOL, one, other)
