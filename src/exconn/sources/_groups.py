"""Telling of groups of rows what is asked, by hashes of what rows are grouped by and compared in.

Groups, and values that are told apart, are compared by hashes of 64 bits with seeds that nobody
knows: of a million rows two are taken for one less often than once in thirty million times. Where
only groups of many rows are of interest, only those are counted; and names that will be lumped
together are not told apart before.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import xor

import polars as pl
from attrs import frozen

from exconn.query import Lumped, as_counted

_OURS = "exconn, "
_GROUP, _LUMP, _BY = _OURS + "group", _OURS + "lump", _OURS + "by"
_FIRST, _VALUE = _OURS + "first", _OURS + "value"
_HASH = _OURS + "hash of "
_SEED = secrets.randbits(62)
_FEW = 2
"""Up to so many numbers of different values are counted one by one."""


def hashes(names: Iterable[str]) -> dict[str, pl.Expr]:
    """The hashes of the values of some columns, each under a name of its own."""
    return {_HASH + name: pl.col(name).hash(_SEED + n) for n, name in enumerate(sorted(names))}


@frozen(eq=False)
class Groups:
    """What is told of groups of rows.

    Attributes:
        names: the columns of the groups, in order.
        keys: by name, the columns that rows are grouped by.
        others: aggregations that count nothing distinct.
        distinct: by the column whose different values are counted: by name, in which rows.
        lumped: which of the names are lumped together.
    """

    names: tuple[str, ...]
    keys: Mapping[str, str]
    others: tuple[pl.Expr, ...]
    distinct: Mapping[str, Mapping[str, str | None]]
    lumped: Lumped | None

    def compared(self) -> set[str]:
        """The columns whose values are compared, by their hashes."""
        return {*self.keys.values(), *self.distinct}

    def computed(self) -> set[str]:
        """The columns that are computed for them."""
        return self.compared() | self.kept()

    def kept(self) -> set[str]:
        """Those of them that are looked at themselves: the keys, and conditions."""
        wheres = {where for counts in self.distinct.values() for where in counts.values()}
        return {*self.keys.values(), *(where for where in wheres if where)}

    def plain(self) -> set[str]:
        """The columns of the table that are looked at themselves."""
        return {root for agg in self.others for root in agg.meta.root_names()}

    def counted(self, rows: pl.DataFrame, least: int) -> pl.DataFrame:
        """What is told of the groups, in the columns of the query."""
        group = _mixed(self.keys.values()).alias(_GROUP)
        first = pl.int_range(pl.len(), dtype=pl.UInt32).alias(_FIRST)
        grouped = rows.lazy().with_columns(group, first)
        if self.lumped is not None:
            return self._lumped_together(rows, grouped, self.lumped)
        if least:
            sizes = rows.select(group).group_by(_GROUP).len()
            large = sizes.filter(pl.col("len") >= least)[_GROUP]
            grouped = grouped.filter(pl.col(_GROUP).is_in(large.implode()))
        parts = []
        aggs = [pl.col(_FIRST).first(), *self.others]
        for value, counts in self.distinct.items():
            if len(counts) > _FEW:
                parts.append(_by_value(grouped, value, counts, _GROUP).drop(_FIRST))
            else:
                aggs += [_different(value, where).alias(name) for name, where in counts.items()]
        told = grouped.group_by(_GROUP).agg(aggs)
        for part in parts:
            told = told.join(part, on=_GROUP)
        return _told(self._named(rows, told.collect(engine="in-memory")), self.names)

    def _lumped_together(
        self, rows: pl.DataFrame, grouped: pl.LazyFrame, lumped: Lumped
    ) -> pl.DataFrame:
        """The groups with names lumped together, without telling these apart before."""
        number = {name: f"{name}Count" for name in lumped.names}
        by = _mixed(self.keys[name] for name in lumped.by).alias(_BY)
        values = {name: pl.col(_HASH + self.keys[name]) for name in lumped.names}
        numbers = (
            rows.lazy()
            .select(by, *(hashed.alias(number[name]) for name, hashed in values.items()))
            .group_by(_BY)
            .agg(pl.col(number.values()).n_unique())
            .collect(engine="in-memory")
        )
        parts = [pl.col(_BY)]
        for n, (name, hashed) in enumerate(values.items()):
            crowded = numbers.filter(pl.col(number[name]) > lumped.most)[_BY].implode()
            told = pl.when(pl.col(_BY).is_in(crowded)).then(0).otherwise(hashed)
            parts.append(told.hash(_SEED + n))  # once more: columns may be equal
        lump = reduce(xor, parts).alias(_LUMP)
        [(value, counts)] = self.distinct.items()
        with_lump = grouped.with_columns(by).with_columns(lump)
        found = _by_value(with_lump, value, counts, _LUMP).collect(engine="in-memory")
        named = (
            self._named(rows, found)
            .with_columns(rows.select(by).to_series().gather(found[_FIRST]))
            .join(numbers, on=_BY)
            .drop_nulls(lumped.by)  # as a join has it
            .with_columns(
                pl.when(pl.col(number[name]) > lumped.most)
                .then(pl.lit(lumped.many))
                .otherwise(pl.col(name))
                .alias(name)
                for name in lumped.names
            )
        )
        return _told(named, [*lumped.by, *lumped.names, *counts, *number.values()])

    def _named(self, rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
        """What was found of groups, with the keys of the first row of each."""
        first = found[_FIRST]
        return found.with_columns(
            rows[column].gather(first).alias(name) for name, column in self.keys.items()
        )


def _told(found: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return as_counted(found.lazy().select(names)).collect(engine="in-memory")


def _mixed(columns: Iterable[str]) -> pl.Expr:
    """A number of the values of some columns together."""
    return reduce(xor, (pl.col(_HASH + name) for name in sorted(set(columns))))


def _by_value(
    rows: pl.LazyFrame, value: str, counts: Mapping[str, str | None], into: str
) -> pl.LazyFrame:
    """How many different values groups have, each looked at once for all that is asked of it.

    Args:
        rows: with their groups and numbers.
        value: the column of the values.
        counts: by name, of which rows.
        into: the column that holds what the numbers of groups are added up by.
    """
    wheres = list(dict.fromkeys(where for where in counts.values() if where))
    pair = pl.col(_GROUP).hash(_SEED) ^ pl.col(_HASH + value)
    values = (
        rows.select(into, _FIRST, pair.alias(_VALUE), *wheres)
        .group_by(_VALUE)
        .agg(pl.col(into, _FIRST).first(), pl.col(wheres).any())
    )
    return values.group_by(into).agg(
        pl.col(_FIRST).first(),
        *((pl.col(where).sum() if where else pl.len()).alias(n) for n, where in counts.items()),
    )


def _different(value: str, where: str | None) -> pl.Expr:
    values = pl.col(_HASH + value)
    return (values if where is None else values.filter(pl.col(where))).n_unique()
