"""Aggregations become KQL text, from the texts of what they are of."""

from collections.abc import Callable, Mapping

from attrs import frozen

from exconn.kql.binding import ADD, ATOM, COMPARE, Text, all_of
from exconn.kql.nodes import Aggregate
from exconn.tables import KqlType


@frozen
class Rows:
    """What is aggregated, as KQL.

    Attributes:
        value: of each row; empty for rows as such.
        where: only these rows.
        found: where the value is what `any` looks for: true, or false for `all`.
    """

    value: str = ""
    where: Text | None = None
    found: Text | None = None

    def within(self, function: str) -> str:
        """An aggregation of them, in its form with `if` where it takes some rows only."""
        if self.where is None:
            return f"{function}({self.value})"
        suffix = "_if" if function == "make_set" else "if"
        return f"{function}{suffix}({self.value}, {self.where[0]})"

    def count(self, *conditions: Text | None) -> str:
        """How many there are that meet conditions."""
        texts = [text for text in (self.where, *conditions) if text is not None]
        return f"countif({all_of(texts)[0]})" if texts else "count()"

    def chosen(self, kind: KqlType) -> str:
        """The value where the row counts, else null."""
        if self.where is None:
            return self.value
        return f"iff({self.where[0]}, {self.value}, {kind.value}(null))"

    @property
    def some(self) -> Text:
        """That the value is not null."""
        return f"isnotnull({self.value})", ATOM


def summary(node: Aggregate, rows: Rows) -> Text:
    """An aggregation of rows."""
    return _SUMMARIES[node.name](node, rows)


def _len(_node: Aggregate, rows: Rows) -> Text:
    return rows.count(), ATOM


def _count(_node: Aggregate, rows: Rows) -> Text:
    return rows.count(rows.some), ATOM


def _n_unique(node: Aggregate, rows: Rows) -> Text:
    text = rows.within("dcount" if node.estimate else "count_distinct")
    if node.value is None or not node.value.nullable:
        return text, ATOM
    # Polars counts null as a value.
    nulls = rows.count((f"isnull({rows.value})", ATOM))
    return f"{text} + iff({nulls} > 0, 1, 0)", ADD


def _sum(node: Aggregate, rows: Rows) -> Text:
    if rows.found is not None:
        return rows.count(rows.found), ATOM
    text = rows.within("sum")
    zero = {KqlType.REAL: "0.0", KqlType.TIMESPAN: "0s"}.get(node.type, "0")
    return (f"coalesce({text}, {zero})" if node.maybe_none else text), ATOM


def _extreme(node: Aggregate, rows: Rows) -> Text:
    return f"{node.name}({rows.chosen(node.type)})", ATOM


def _mean(node: Aggregate, rows: Rows) -> Text:
    text = rows.within("avg")
    if node.maybe_none:
        text = f"iff({rows.count(rows.some)} > 0, {text}, real(null))"
    return text, ATOM


def _quantile(node: Aggregate, rows: Rows) -> Text:
    kind = KqlType.REAL if node.value is None else node.value.type
    text = f"percentile({rows.chosen(kind)}, {100 * (node.option or 0.0):g})"
    return (text if kind is KqlType.REAL else f"todouble({text})"), ATOM


def _set(_node: Aggregate, rows: Rows) -> Text:
    return f"array_sort_asc({rows.within('make_set')})", ATOM


def _any(_node: Aggregate, rows: Rows) -> Text:
    return f"{rows.count(rows.found)} > 0", COMPARE


def _all(_node: Aggregate, rows: Rows) -> Text:
    return f"{rows.count(rows.found)} == 0", COMPARE


_SUMMARIES: Mapping[str, Callable[[Aggregate, Rows], Text]] = {
    "len": _len,
    "count": _count,
    "n_unique": _n_unique,
    "sum": _sum,
    "min": _extreme,
    "max": _extreme,
    "mean": _mean,
    "quantile": _quantile,
    "set": _set,
    "any": _any,
    "all": _all,
}
