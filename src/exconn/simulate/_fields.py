"""What the builders of rows share: values for one row or for each, and whole tables.

Where a builder makes many rows, an argument is either one value for all of them or a sequence with
one value for each.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import polars as pl

from exconn.errors import InvalidValueError
from exconn.tables import Table, conform

T = TypeVar("T")

Times = Sequence[datetime] | pl.Series
Texts = str | Sequence[str] | pl.Series
Counts = int | Sequence[int] | pl.Series


def complete(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """A frame with exactly the columns of a table."""
    return conform(frame, table).select(table.names)


def domain_of(column: str) -> pl.Expr:
    """The part of an address behind the @."""
    return pl.col(column).str.replace(r"^.*@", "")


def dated(times: pl.Series, columns: Mapping[str, Texts | Counts]) -> pl.DataFrame:
    """One row for each time, with these columns."""
    frame = pl.DataFrame({"Timestamp": times})
    return frame.with_columns(column(name, value, len(times)) for name, value in columns.items())


def column(name: str, value: Texts | Counts, n: int) -> pl.Expr | pl.Series:
    """A column of `n` rows."""
    if isinstance(value, str | int):
        return pl.lit(value).alias(name)
    if len(value) != n:
        raise wrong_length(name, len(value), n)
    return pl.Series(name, value)


def each(name: str, values: T | Sequence[T], n: int) -> list[T]:
    """The values of `n` rows."""
    if not isinstance(values, Sequence):
        return [values] * n
    if len(values) != n:
        raise wrong_length(name, len(values), n)
    return list(values)


def texts(name: str, values: Texts, n: int) -> list[str]:
    """The texts of `n` rows."""
    return [values] * n if isinstance(values, str) else each(name, list(values), n)


def wrong_length(name: str, got: int, n: int) -> InvalidValueError:
    """The error for a sequence that has not one value for each of `n` rows."""
    return InvalidValueError(name, f"expected one value, or {n} of them, got {got}")
