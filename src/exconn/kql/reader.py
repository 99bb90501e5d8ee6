"""What reads the parts of an expression, as those see it that read one kind of part."""

from typing import Any, Protocol

from exconn.errors import UnsupportedExpression
from exconn.kql.nodes import Node
from exconn.kql.serialised import Tree


class Reader(Protocol):
    """Reads the parts of an expression.

    Attributes:
        keyed: whether groups have keys, so that none is empty.
    """

    keyed: bool

    def node(self, tree: Tree) -> Node:
        """A part."""
        ...

    def condition(self, tree: Tree) -> Node:
        """A part that must be boolean."""
        ...

    def value(self, tree: Tree, wanted: Any) -> Any:
        """The value of a part that must be constant."""
        ...

    def whole(self, *nodes: Node) -> None:
        """Refuse strings that Polars may have as null: for Kusto they are empty."""
        ...

    def refusal(self, part: str, instead: str = "") -> UnsupportedExpression:
        """The error that a part is not supported."""
        ...
