"""Names (domains, addresses) over time: which are new to a connector, and how many there are."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from exconn.facts.mail.placing import COMPARABLE, KEYS
from exconn.facts.queries import MANY

_START, _OWN_START = "exconn: start", "exconn: own start"
_NEVER = -(1 << 62)


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
        marked = rows.with_columns(column for name in names for column in _history(rows, name))
        by_connector = marked.sort("Hour").partition_by("Connector", as_dict=True)
        self._rows = {str(key): frame for (key,), frame in by_connector.items()}
        self._none = marked.clear()

    def fresh(self, judged: pl.DataFrame) -> pl.DataFrame:
        """The rows of windows with a name that is new to the connector.

        Only of judgements whose past is known. Columns: those of `judged` and of the rows, and for
        each name whether it is New.
        """
        nothing = self._none.with_columns(
            pl.lit(None, judged.schema["At"]).alias("At"),
            *(pl.lit(value=False).alias(_new(name)) for name in self._names),
        )
        parts = [nothing]
        for inside, one in self._windows(judged.filter(COMPARABLE)):
            firsts = [inside[_before(name)] < one[_OWN_START] for name in self._names]
            if any(first.any() for first in firsts):
                parts.append(self._fresh(inside, one["At"], firsts))
        ours = [mark(name) for name in self._names for mark in (_before, _first, _untold)]
        return judged.join(pl.concat(parts).drop(ours), on=KEYS)

    def number(self, judged: pl.DataFrame, name: str, to: str) -> pl.DataFrame:
        """How many names there are in each window; see `number_of`. Columns: the keys and `to`."""
        counts = [
            (
                one["Connector"],
                one["At"],
                (inside[_first(name)] & (inside[_before(name)] < one[_START])).sum()
                + (inside[_untold(name)].max() or 0),
            )
            for inside, one in self._windows(judged)
        ]
        keys = {key: judged.schema[key] for key in KEYS}
        return pl.DataFrame(counts, schema=keys | {to: pl.Int64()}, orient="row")

    def _fresh(
        self, inside: pl.DataFrame, at: datetime, firsts: Sequence[pl.Series]
    ) -> pl.DataFrame:
        """The rows with a name that is new, by which rows are the first with each name."""
        new = {
            _new(name): pl.col(name).is_in(inside.filter(first)[name].implode())
            for name, first in zip(self._names, firsts, strict=True)
        }
        marked = inside.with_columns(pl.lit(at).alias("At"), **new)
        return marked.filter(pl.any_horizontal(list(new)))

    def _windows(self, judged: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, Mapping[str, Any]]]:
        """The rows of each window, and what is judged, its times also as numbers."""
        ticks = judged.with_columns(
            pl.col("Start").to_physical().alias(_START),
            pl.col("OwnStart").to_physical().alias(_OWN_START),
        )
        for (connector,), some in ticks.group_by("Connector"):
            rows = self._rows.get(str(connector), self._none)
            starts, ends = (
                rows["Hour"].search_sorted(some[at], side="left") for at in ("Start", "End")
            )
            for one, start, end in zip(some.iter_rows(named=True), starts, ends, strict=True):
                yield rows[start:end], one


def _history(rows: pl.DataFrame, name: str) -> list[pl.Series]:
    """Of each row, when its name came before, whether it is the hour's first, and what is untold.

    Times are numbers: comparing with those is far quicker than with times of Python. Rows without
    a name, or with too many to tell apart, count as none of the first; of the latter their number
    is untold.
    """
    by = ("Connector", name)
    hour, row = pl.col("Hour"), pl.int_range(pl.len())
    same = pl.all_horizontal(
        (pl.col(key) == pl.col(key).shift()).fill_null(value=False) for key in by
    )
    again = same & (hour == hour.shift())
    earlier = pl.when(same).then(hour.shift().to_physical()).otherwise(_NEVER)
    before = pl.when(~again).then(earlier).forward_fill()
    told = ~pl.col(name).is_in(["", MANY])
    sorted_rows = rows.lazy().select(*by, "Hour", Row=row).sort(*by, "Hour")
    history = sorted_rows.select("Row", Before=before, First=~again & told).sort("Row").collect()
    return [
        history["Before"].alias(_before(name)),
        history["First"].alias(_first(name)),
        rows.select(
            pl.when(pl.col(name) == MANY).then(f"{name}Count").alias(_untold(name))
        ).to_series(),
    ]


def _before(name: str) -> str:
    return f"{name}Before"


def _new(name: str) -> str:
    return f"{name}New"


def _untold(name: str) -> str:
    return f"{name}Untold"


def _first(name: str) -> str:
    return f"{name}First"
