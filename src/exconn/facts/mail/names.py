"""Names (domains, addresses) over time: which are new to a connector, and how many there are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from exconn.facts.mail.placing import COMPARABLE, KEYS
from exconn.facts.queries import MANY


class Names:
    """The names in each connector's mail, hour by hour.

    A name is new in a window where it does not occur in the connector's own past: where what comes
    before its first hour in the window lies before that past. So each row needs to know only when
    its name occurred before, and no window is laid beside its past.

    Args:
        rows: Connector, Hour, the names, and counts.
        names: the columns that have names.
    """

    def __init__(self, rows: pl.DataFrame, *names: str) -> None:
        self._names = names
        marked = rows
        for name in names:
            by = ("Connector", name)
            hours = rows.select(*by, "Hour").unique().sort("Hour")
            before = pl.col("Hour").shift().over(by).alias(_before(name))
            marked = marked.join(hours.with_columns(before), on=[*by, "Hour"])
        by_connector = marked.sort("Hour").partition_by("Connector", as_dict=True)
        self._rows = {str(key): frame for (key,), frame in by_connector.items()}
        self._none = marked.clear()

    def fresh(self, judged: pl.DataFrame) -> pl.DataFrame:
        """The rows of windows with a name that is new to the connector.

        Only of judgements whose past is known. Columns: those of `judged` and of the rows, and for
        each name whether it is New.
        """
        parts = [self._fresh(one) for one in judged.filter(COMPARABLE).iter_rows(named=True)]
        nothing = self._none.with_columns(At=pl.lit(None, judged.schema["At"]))
        nothing = nothing.with_columns(
            pl.lit(value=False).alias(_new(name)) for name in self._names
        )
        found = pl.concat([nothing, *parts])
        return judged.join(found.drop(map(_before, self._names)), on=KEYS)

    def number(self, judged: pl.DataFrame, name: str, to: str) -> pl.DataFrame:
        """How many names there are in each window; see `number_of`. Columns: the keys and `to`."""
        numbers = [self._number(one, name) for one in judged.iter_rows(named=True)]
        return judged.select(KEYS).with_columns(pl.Series(to, numbers, dtype=pl.Int64))

    def _fresh(self, judgement: Mapping[str, Any]) -> pl.DataFrame:
        inside = self._inside(judgement)
        since = judgement["OwnStart"]
        new = {
            _new(name): pl.col(name).is_in(inside.filter(_unknown(name, since))[name].implode())
            for name in self._names
        }
        marked = inside.with_columns(pl.lit(judgement["At"]).alias("At"), **new)
        return marked.filter(pl.any_horizontal(list(new)))

    def _number(self, judgement: Mapping[str, Any], name: str) -> int:
        inside = self._inside(judgement)
        first = inside.filter(_unknown(name, judgement["Start"]))
        single = first.filter(~pl.col(name).is_in(["", MANY]))[name].n_unique()
        many = inside.filter(pl.col(name) == MANY)[f"{name}Count"].max()
        return single + (many if isinstance(many, int) else 0)

    def _inside(self, judgement: Mapping[str, Any]) -> pl.DataFrame:
        rows = self._rows.get(judgement["Connector"], self._none)
        start, end = (rows["Hour"].search_sorted(judgement[at]) for at in ("Start", "End"))
        return rows[start:end]


def _unknown(name: str, since: datetime) -> pl.Expr:
    """Whether a row's name did not occur between a time and the row's hour."""
    before = pl.col(_before(name))
    return before.is_null() | (before < since)


def _before(name: str) -> str:
    return f"{name}Before"


def _new(name: str) -> str:
    return f"{name}New"
