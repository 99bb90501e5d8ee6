"""Strings and times of a query as its parameters."""

from datetime import datetime
from itertools import count

from attrs import evolve, field, frozen

from exconn.kql import layout
from exconn.kql.nodes import Aggregate, Literal, Node, Op
from exconn.kql.text import literal
from exconn.tables import KqlType


@frozen(eq=False)
class Parameters:
    """The values that become query parameters, under names that no column has."""

    wanted: bool
    taken: frozenset[str]
    named: dict[tuple[KqlType, str | datetime], str] = field(factory=dict)

    def of(self, node: Node) -> Node:
        """The node, its strings and times as parameters."""
        if not self.wanted:
            return node
        match node:
            case Literal(value=(str() | datetime()) as held) if held != "":
                known = self.named.setdefault((node.type, held), self._free())
                return evolve(node, parameter=known)
            case Op():
                return evolve(node, args=tuple(self.of(arg) for arg in node.args))
            case Aggregate():
                inner, where = node.value, node.where
                return evolve(
                    node,
                    value=None if inner is None else self.of(inner),
                    where=None if where is None else self.of(where),
                )
        return node

    def _free(self) -> str:
        names = (f"p{number}" for number in count(len(self.named) + 1))
        return next(n for n in names if n not in self.taken and n not in self.named.values())

    def declared(self) -> list[str]:
        """The lines that declare them."""
        items = [f"{n}:{k.value} = {literal(v, k)}" for (k, v), n in self.named.items()]
        if not items:
            return []
        return ["declare query_parameters(", *layout.listed(items, 4), ");"]
