"""What queries compute of the rows of a table, each once for all of them, and of no row in vain.

What hangs on one text of a row alone is computed once for each different text, where these are
few: verdicts of filters, results of authentication, names of connectors. What hangs on the domain
of an address alone is computed once for each domain that many addresses have. Of conditions that
must all hold, those that take long are looked at only where the quick ones do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate

import polars as pl
from attrs import frozen

from exconn.kql.parts import END, conditions_of, is_of_one_row, key_of, sees_only_the_end
from exconn.tables import Table

_PREFIX = "exconn: "
_LOOKED_AT = 1_000
_FEW_THERE = 100
_FEW = 1_000
"""Of so many rows at the beginning few different texts must be there, and few of all."""

_MANY_SHARE = 100
"""So many of these rows share an end that is looked for."""


@frozen(eq=False)
class _Column:
    """What a column holds.

    Attributes:
        expr: as it was asked for.
        roots: the columns of the table that it is computed from.
        of_one_row: whether it is the same whichever other rows there are.
        of_end: whether it hangs on nothing but the end of one text (`sees_only_the_end`).
        quick: of a condition, the parts that only compare.
        slow: of a condition, the parts that compute texts.
    """

    expr: pl.Expr
    roots: frozenset[str]
    of_one_row: bool
    of_end: bool
    quick: tuple[pl.Expr, ...] = ()
    slow: tuple[pl.Expr, ...] = ()


class Columns:
    """Expressions over the rows of a table, each under one name."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._names: dict[object, str] = {}
        self._columns: dict[str, _Column] = {}

    def value(self, expr: pl.Expr) -> str:
        """The name of the column that holds an expression."""
        return self._name(expr, is_condition=False)

    def condition(self, expr: pl.Expr) -> str:
        """The name of the column that holds whether a condition is met; null may become false."""
        return self._name(expr, is_condition=True)

    def _name(self, expr: pl.Expr, *, is_condition: bool) -> str:
        plain = expr.meta.undo_aliases()
        known = (key_of(plain) or id(plain), is_condition)
        if known not in self._names:
            self._names[known] = name = f"{_PREFIX}{len(self._names)}"
            quick, slow = conditions_of(plain) if is_condition else ((), ())
            roots = frozenset(plain.meta.root_names())
            of_one_row = is_of_one_row(plain, self._table.schema)
            of_end = of_one_row and sees_only_the_end(plain)
            self._columns[name] = _Column(
                plain, roots, of_one_row, of_end, tuple(quick), tuple(slow)
            )
        return self._names[known]

    def shareable(self, names: Iterable[str]) -> set[str]:
        """Which of them are the same whichever other rows there are."""
        return {name for name in names if self._columns[name].of_one_row}

    def roots(self, names: Iterable[str]) -> set[str]:
        """The columns of the table that they are computed from."""
        return {root for name in names for root in self._columns[name].roots}

    def computed(self, rows: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
        """The rows with these columns too."""
        asked = {name: self._columns[name] for name in names}
        known = _by_text(rows, asked)
        known |= _by_end(rows, {n: c for n, c in asked.items() if n not in known})
        known |= _where_it_may_hold(rows, {n: c for n, c in asked.items() if n not in known})
        others = {name: column.expr for name, column in asked.items() if name not in known}
        known = {name: _in_chunks_of(rows, told) for name, told in known.items()}
        plan = rows.lazy().with_columns(**known, **others)  # lazily, parts are computed once
        return plan.collect(engine="in-memory")


def _in_chunks_of(rows: pl.DataFrame, told: pl.Series) -> pl.Series:
    """A column that lies in pieces as those of the rows do; else they all were copied into one."""
    lengths = rows.to_series().chunk_lengths()
    starts = [0, *accumulate(lengths)]
    parts = (told.slice(start, length) for start, length in zip(starts, lengths, strict=False))
    return pl.concat(parts)


def _by_text(rows: pl.DataFrame, wanted: Mapping[str, _Column]) -> dict[str, pl.Series]:
    """Those of the columns that are computed of each different text once."""
    by_root: dict[str, dict[str, pl.Expr]] = defaultdict(dict)
    for name, column in wanted.items():
        match list(column.roots):
            case [root] if column.of_one_row and rows.schema[root] == pl.String:
                by_root[root][name] = column.expr
    found: dict[str, pl.Series] = {}
    for root, exprs in by_root.items():
        texts = _few(rows[root])
        if texts is not None:
            which = rows[root].cast(pl.Enum(texts)).to_physical()
            told = texts.to_frame().select(**exprs)
            found |= {name: told[name].gather(which) for name in exprs}
    return found


def _few(column: pl.Series) -> pl.Series | None:
    """The different texts of a column; None where they are many, or there are nulls."""
    if column.head(_LOOKED_AT).n_unique() > _FEW_THERE:
        return None
    texts = column.unique()
    return texts if len(texts) <= _FEW and not texts.has_nulls() else None


def _by_end(rows: pl.DataFrame, wanted: Mapping[str, _Column]) -> dict[str, pl.Series]:
    """Those of the columns that are computed of each frequent end of a text once."""
    found: dict[str, pl.Series] = {}
    for name, column in wanted.items():
        if column.of_end:
            [root] = column.roots
            ends = _frequent_ends(rows[root])
            if len(ends):
                found[name] = _told_by_end(rows[root], ends, column.expr)
    return found


def _frequent_ends(texts: pl.Series) -> pl.Series:
    ends = texts.head(_LOOKED_AT).str.extract(END, 0).drop_nulls()
    return ends.value_counts().filter(pl.col("count") >= _MANY_SHARE)[texts.name]


def _told_by_end(texts: pl.Series, ends: pl.Series, expr: pl.Expr) -> pl.Series:
    """What an expression says of texts, of those with one of the ends only once."""
    text = pl.col(texts.name)
    which = pl.coalesce(pl.when(text.str.ends_with(end)).then(n) for n, end in enumerate(ends))
    rest = texts.to_frame().select(which.alias("which"))["which"]
    others = texts.filter(rest.is_null())
    numbers = rest.is_null().cum_sum() + (len(ends) - 1)
    told = pl.concat([ends, others]).to_frame().select(expr).to_series()
    return told.gather(rest.fill_null(numbers))


def _where_it_may_hold(rows: pl.DataFrame, wanted: Mapping[str, _Column]) -> dict[str, pl.Series]:
    """Those of the conditions of which the slow parts are looked at for few of the rows."""
    found: dict[str, pl.Series] = {}
    for name, column in wanted.items():
        if column.of_one_row and column.quick and column.slow:
            may = rows.select(_holds(column.quick)).to_series()
            if 2 * int(may.sum()) < rows.height:
                some = rows.select(sorted(column.roots)).filter(may)
                holds = some.lazy().select(_holds(column.slow)).collect().to_series()
                found[name] = may.scatter(may.arg_true(), holds)
    return found


def _holds(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return pl.all_horizontal(conditions).fill_null(value=False).alias("holds")
