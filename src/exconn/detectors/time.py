"""Detectors over the time column that all tables share."""

import polars as pl

from exconn.window import Period


def within(period: Period) -> pl.Expr:
    """The event lies in the half-open period; an event without a time does not."""
    time = pl.col("Timestamp")
    inside = (time >= period.start) & (time < period.end)
    return inside.fill_null(value=False)
