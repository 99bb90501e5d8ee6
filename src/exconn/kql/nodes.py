"""What is meant: expressions as typed nodes, apart from how Polars stores and KQL says them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import evolve, frozen

from exconn.tables import KqlType

Value = str | bool | int | float | datetime | timedelta | None

MICROSECOND = timedelta(microseconds=1)


@frozen(kw_only=True)
class Node:
    """An expression.

    Attributes:
        type: its Kusto type. Lists are dynamic.
        nullable: whether it can be null. A string that can is one that Polars would make null and
            Kusto empty; a list that can may also be empty.
        ticks: whether it is a time that may have a fraction of a microsecond, which frames do not
            keep.
        nan: whether it is a number that may be NaN.
        narrow: whether Polars computes it in fewer than 64 bits, or without sign.
    """

    type: KqlType
    nullable: bool = False
    ticks: bool = False
    nan: bool = False
    narrow: bool = False

    def parts(self) -> tuple["Node", ...]:
        """The nodes directly below."""
        return ()

    def walk(self) -> Iterator["Node"]:
        """This node and all below."""
        yield self
        for part in self.parts():
            yield from part.walk()


@frozen(kw_only=True)
class Column(Node):
    """A column.

    Attributes:
        name: as in the query.
        source: what it is called in the database, when that differs.
        stored: the type that the database has it in, when that differs.
    """

    name: str
    source: str | None = None
    stored: KqlType | None = None


@frozen(kw_only=True)
class Literal(Node):
    """A value.

    Attributes:
        value: in Python's types.
        parameter: the query parameter that holds it, if one does.
    """

    value: Value
    parameter: str | None = None


@frozen(kw_only=True)
class Op(Node):
    """An operation, by our own name for it, on operands; `option` is part of the name."""

    name: str
    args: tuple[Node, ...]
    option: Value | tuple[Value, ...] = None

    def parts(self) -> tuple[Node, ...]:
        """The operands."""
        return self.args


@frozen(kw_only=True)
class Aggregate(Node):
    """An aggregation of the rows of a group.

    Attributes:
        name: our name for it.
        value: what is aggregated; None for rows as such.
        where: only these rows.
        maybe_none: whether there may be nothing to aggregate in a group.
        estimate: whether an estimate will do.
        option: the quantile.
    """

    name: str
    value: Node | None = None
    where: Node | None = None
    maybe_none: bool = False
    estimate: bool = False
    option: float | None = None

    def parts(self) -> tuple[Node, ...]:
        """What it is computed from."""
        return tuple(part for part in (self.value, self.where) if part is not None)


def op(  # noqa: D417 # the others are those of the node
    name: str,
    kind: KqlType,
    *args: Node,
    option: Value | tuple[Value, ...] = None,
    nullable: bool | None = None,
    narrow: bool | None = None,
) -> Op:
    """An operation that is null, has ticks, may be NaN or is narrow where its operands are.

    Args:
        nullable: said, where it does not follow from the operands.
        narrow: said, where it does not follow from the operands.
    """
    alike = [arg for arg in args if arg.type is kind]
    return Op(
        name=name,
        type=kind,
        args=args,
        option=option,
        nullable=any(arg.nullable for arg in args) if nullable is None else nullable,
        ticks=kind is KqlType.DATETIME and any(arg.ticks for arg in alike),
        nan=kind is KqlType.REAL and any(arg.nan for arg in args),
        narrow=any(arg.narrow for arg in alike) if narrow is None else narrow,
    )


def floored(node: Node) -> Node:
    """Floor a time to microseconds, as frames have it."""
    if not node.ticks:
        return node
    return evolve(op("truncate", node.type, node, option=MICROSECOND), ticks=False)


def cast(node: Node, kind: KqlType) -> Node:
    """The node in another type."""
    if node.type is kind:
        return node
    if isinstance(node, Literal):
        value = float(node.value) if kind is KqlType.REAL and node.value is not None else node.value  # type: ignore[arg-type]
        return evolve(node, type=kind, value=value)
    return op("cast", kind, node, narrow=False)
