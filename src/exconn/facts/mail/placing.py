"""Rows beside the judgements: what lies in the window, and what in the connector's own past."""

from collections.abc import Sequence

import polars as pl

from exconn.facts.judgement import MINIMUM_BASELINE
from exconn.facts.queries import MANY

IN = pl.col("In")
PAST = pl.col("Past")
KEYS = ("Connector", "At")


def placed_rows(
    rows: pl.DataFrame, judged: pl.DataFrame, on: Sequence[str] = ("Connector",)
) -> pl.DataFrame:
    """The rows of each judged connector; In the window, or in its own Past."""
    return _placing(rows, judged, on).collect()


def placed_names(rows: pl.DataFrame, asked: pl.DataFrame) -> pl.LazyFrame:
    """The plan of `placed_rows` for rows so many that they had better not be held.

    Of the judgements, which know the tenant's own domains (`with_own`), with their times alone.
    """
    times = asked.select(*KEYS, "Own", "BaselineStart", "OwnStart", "Start", "End")
    return _placing(rows, times, ("Connector", "Own"))


def _placing(rows: pl.DataFrame, judged: pl.DataFrame, on: Sequence[str]) -> pl.LazyFrame:
    hour = pl.col("Hour")
    return (
        judged.lazy()
        .join(rows.lazy(), on=on)
        .with_columns(
            In=(hour >= pl.col("Start")) & (hour < pl.col("End")),
            Past=(hour >= pl.col("OwnStart")) & (hour < pl.col("Start")),
        )
        .filter(IN | PAST)
    )


COMPARABLE = pl.col("IsNew") | (pl.col("OwnDays") >= MINIMUM_BASELINE.days)


def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """A part of a whole; null where the whole is nothing."""
    return pl.when(whole > 0).then(part / whole)


def share_where(column: str, where: pl.Expr, of: str = "Messages") -> pl.Expr:
    """The share that a column has of another, over some rows."""
    return ratio(pl.col(column).filter(where).sum(), pl.col(of).filter(where).sum())


def foreign_share(of: str, where: pl.Expr) -> pl.Expr:
    """The share of foreign domains' rows, where the tenant's domains are known."""
    return share_of(of, where, pl.col("Foreign"), of)


def share_of(part: str, where: pl.Expr, which: pl.Expr, of: str = "Messages") -> pl.Expr:
    """A share that is known only where the tenant's domains are."""
    known = pl.col("Foreign").is_not_null().any()
    whole = pl.col(of).filter(where).sum()
    return pl.when(known).then(ratio(pl.col(part).filter(where & which).sum(), whole))


def enough(days: str) -> pl.Expr:
    """Whether so many days of past are enough to know what is normal."""
    return pl.col(days).first() >= MINIMUM_BASELINE.days


def number_of(name: str, where: pl.Expr) -> pl.Expr:
    """How many names there are; of an hour with too many to tell apart, their number counts."""
    single = pl.col(name).filter(where & (pl.col(name) != MANY)).n_unique()
    many = pl.col(f"{name}Count").filter(where & (pl.col(name) == MANY))
    return single.cast(pl.Int64) + many.max().fill_null(0)
