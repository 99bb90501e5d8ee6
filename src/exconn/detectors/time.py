"""Detectors over the time column that all tables share."""

from datetime import datetime
from functools import lru_cache

import polars as pl

from exconn.window import Period


def within(period: Period) -> pl.Expr:
    """The event lies in the half-open period; an event without a time does not."""
    return _between(period.start, period.end)


@lru_cache(maxsize=256)  # Polars takes a millisecond for a time, and all queries ask for the same
def _between(start: datetime, end: datetime) -> pl.Expr:
    time = pl.col("Timestamp")
    inside = (time >= start) & (time < end)
    return inside.fill_null(value=False)
