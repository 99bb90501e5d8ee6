"""How attrs records become frames and frames become records."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

import attrs
import polars as pl
import polars.selectors as cs

from exconn.errors import UnknownColumnError
from exconn.tables import TIME, Table, conform
from exconn.window import utc

_COLUMN = "exconn_column"


def text(column: str) -> str:
    """A field for a string column; never None, as in Kusto."""
    made: str = attrs.field(default="", metadata={_COLUMN: column})
    return made


def number(column: str) -> int | None:
    """A field for an integer column."""
    made: int | None = attrs.field(default=None, metadata={_COLUMN: column})
    return made


def flag(column: str) -> bool | None:
    """A field for a boolean column."""
    made: bool | None = attrs.field(default=None, metadata={_COLUMN: column})
    return made


def of(column: str) -> dict[str, str]:
    """What a required field says of its column: type checkers know `attrs.field` alone as one."""
    return {_COLUMN: column}


class Record:
    """A row of a table as an attrs object, with snake_case fields that know their column."""

    TABLE: ClassVar[Table]

    __slots__ = ()

    @classmethod
    def columns(cls) -> dict[str, str]:
        """The column of each field that has one, in order."""
        return {
            field.name: field.metadata[_COLUMN]
            for field in attrs.fields(cls)  # type: ignore[arg-type]  # subclasses are attrs classes
            if _COLUMN in field.metadata
        }

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> list[Self]:
        """Make a record of each row; the frame is conformed first.

        Rows without a time are left out: no record has none.
        """
        columns = cls.columns()
        for column in columns.values():
            if column not in cls.TABLE.schema and column not in frame.columns:
                raise UnknownColumnError(column, frame.columns, f"a frame of {cls.__name__}")
        dated = conform(frame, cls.TABLE).filter(pl.col(cls.TABLE.time).is_not_null())
        own = [pl.col(c).cast(pl.String) for c in columns.values() if c not in cls.TABLE.schema]
        total = dated.with_columns(own).with_columns(cs.string().fill_null(""))
        rows = total.select(columns.values()).iter_rows()
        return [cls(**dict(zip(columns, row, strict=True))) for row in rows]

    @classmethod
    def to_frame(cls, records: Iterable[Self]) -> pl.DataFrame:
        """Make a frame with all columns of the table, a row for each record."""
        columns = cls.columns()
        rows = [[getattr(record, name) for name in columns] for record in records]
        schema = {name: cls.TABLE.schema.get(name, pl.String()) for name in columns.values()}
        return conform(pl.DataFrame(rows, schema=schema, orient="row"), cls.TABLE)


def listing_frame(cls: type, records: Iterable[object]) -> pl.DataFrame:
    """The frame of records that have no table of their own: a column for each property."""
    fields = attrs.fields(cls)
    schema = {field.metadata[_COLUMN]: field.metadata["dtype"] for field in fields}
    rows = [[_listed(getattr(record, field.name)) for field in fields] for record in records]
    return pl.DataFrame(rows, schema=schema, orient="row")


def listing_records(cls: type, frame: pl.DataFrame) -> list[Mapping[str, Any]]:
    """The fields of each row of such a frame, by name; columns that are absent are None."""
    fields = attrs.fields(cls)
    return [
        {field.name: row.get(field.metadata[_COLUMN]) for field in fields}
        for row in frame.iter_rows(named=True)
    ]


def prop(column: str, dtype: pl.DataType | type[pl.DataType]) -> Any:
    """A field for a property of a listing; None when the listing does not have it."""
    converter = tuple_or_none if dtype == MANY else utc_or_none if dtype == WHEN else None
    return attrs.field(
        default=None, converter=converter, metadata={_COLUMN: column, "dtype": dtype}
    )


MANY = pl.List(pl.String())
WHEN = TIME


def tuple_or_none(values: Iterable[str] | None) -> tuple[str, ...] | None:
    """A tuple, or None for None."""
    return None if values is None else tuple(values)


def utc_or_none(value: datetime | None) -> datetime | None:
    """The same instant in UTC, or None for None."""
    return None if value is None else utc(value)


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
