"""What is meant: expressions as typed nodes, apart from how Polars stores and KQL says them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import field, frozen

from exconn.tables import KqlType

Value = str | bool | int | float | datetime | timedelta | None


@frozen(kw_only=True)
class Node:
    """An expression.

    Attributes:
        type: its Kusto type. Lists are dynamic.
        nullable: whether it can be null. A string that can is one that Polars would make null and
            Kusto empty.
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
        stored: the type that the database has it in, when that differs.
    """

    name: str
    stored: KqlType | None = None


@frozen(kw_only=True)
class Literal(Node):
    """A value."""

    value: Value


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
        estimate: whether an estimate will do.
        option: the quantile.
    """

    name: str
    value: Node | None = None
    where: Node | None = None
    estimate: bool = False
    option: float | None = field(default=None)

    def parts(self) -> tuple[Node, ...]:
        """What it is computed from."""
        return tuple(part for part in (self.value, self.where) if part is not None)
