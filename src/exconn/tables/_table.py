"""What a table is, and `conform`, the one place that turns raw frames into tables."""

import enum
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

import polars as pl
from attrs import field, frozen

from exconn.errors import UnknownColumnError, UnreadableDataError

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

TIME = pl.Datetime("us", "UTC")

_EARLIEST = pl.lit(datetime(1970, 1, 1, tzinfo=UTC))
_LATEST = pl.lit(datetime(2200, 1, 1, tzinfo=UTC))

Reads = frozenset[tuple[str, str]]
"""Columns of tables, each as (table, column)."""


class KqlType(enum.Enum):
    """A scalar type of Kusto, and the Polars type that stands for it in frames."""

    STRING = "string"
    INT = "int"
    LONG = "long"
    REAL = "real"
    BOOL = "bool"
    DATETIME = "datetime"
    TIMESPAN = "timespan"
    DYNAMIC = "dynamic"

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type; dynamic values are JSON text."""
        return _DTYPES[self]


_DTYPES: dict[KqlType, pl.DataType] = {
    KqlType.STRING: pl.String(),
    KqlType.INT: pl.Int32(),
    KqlType.LONG: pl.Int64(),
    KqlType.REAL: pl.Float64(),
    KqlType.BOOL: pl.Boolean(),
    KqlType.DATETIME: TIME,
    KqlType.TIMESPAN: pl.Duration("us"),
    KqlType.DYNAMIC: pl.String(),
}


@frozen
class Column:
    """A column of a table.

    Attributes:
        name: Microsoft's name.
        type: its Kusto type.
        values: the documented values of an enumeration, spelt canonically; empty for free text.
        alias: another spelling under which real data has it.
    """

    name: str
    type: KqlType
    values: tuple[str, ...] = ()
    alias: str | None = None


@frozen(slots=False)
class Table:
    """A table of Advanced Hunting.

    Attributes:
        name: Microsoft's name.
        about: what a row is.
        key: the columns that tell one record from another; where they are empty, or where this is
            `()`, a record is told by all its columns.
        columns: in the order of the schema reference.
        time: the column that says when.
    """

    name: str
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...] = field(repr=False)
    time: str = "Timestamp"

    @cached_property
    def schema(self) -> pl.Schema:
        """The Polars schema of a conformed frame."""
        return pl.Schema({column.name: column.type.dtype for column in self.columns})

    @cached_property
    def empty(self) -> pl.LazyFrame:
        """A conformed frame without rows."""
        return pl.LazyFrame(schema=self.schema)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownColumnError(name, self.names, self.name)


def conform(frame: Frame, table: Table, *, where: str = "") -> Frame:
    """Turn a frame with some of a table's columns into one with all of them.

    Casts; adds the columns that are missing (empty strings, otherwise null); turns null strings
    into ``""``, as in Kusto; floors times to microseconds in UTC (a time without zone is UTC);
    spells known enumeration values canonically; writes nested values of dynamic columns as JSON
    text. Columns that the table does not have pass by, behind the others. Times before 1970 or from
    2200 on, which stand for "none" in some exports, become null.

    Text that should be a number, a time or a boolean and cannot be read as one becomes null.

    Args:
        frame: eager or lazy; returned as the same kind.
        table: what the frame holds.
        where: named in errors; the table's name when empty.

    Raises:
        UnreadableDataError: a column has a type that cannot be converted.
    """
    present = frame.collect_schema()
    where = where or table.name
    if not present:
        empty = [pl.Series(name, [], dtype) for name, dtype in table.schema.items()]
        return frame.with_columns(empty)
    columns = [
        _conformed(column, present, where, spelt=_is_spelt(frame, column))
        for column in table.columns
    ]
    aliases = {column.alias for column in table.columns}
    extra = [name for name in present if name not in table.schema and name not in aliases]
    return frame.select(*columns, *extra)


def moment(table: Table, present: pl.Schema, *, where: str = "") -> pl.Expr:
    """When the rows of a raw frame of this schema were, as `conform` has it."""
    return _conformed(table[table.time], present, where or table.name, spelt=False)


def is_as_given(column: Column, present: pl.Schema) -> bool:
    """Whether `conform` leaves a column of text of a raw frame as it is, but for nulls."""
    spelt_otherwise = column.alias is not None and column.alias in present
    return present.get(column.name) == pl.String and not column.values and not spelt_otherwise


def missing_columns(table: Table, present: pl.Schema) -> frozenset[str]:
    """The columns of a table that a raw frame of this schema lacks, under any spelling."""
    return frozenset(
        column.name
        for column in table.columns
        if column.name not in present and column.alias not in present
    )


def _is_spelt(frame: Frame, column: Column) -> bool:
    """Whether all values are known to be spelt canonically: in lazy frames they are not."""
    if not column.values or isinstance(frame, pl.LazyFrame):
        return False
    values = frame.get_column(column.name, default=None)
    if values is None or values.dtype != pl.String:
        return False
    return set(values.unique()) <= {*column.values, "", None}


def _conformed(column: Column, present: pl.Schema, where: str, *, spelt: bool) -> pl.Expr:
    spellings = [name for name in (column.name, column.alias) if name and name in present]
    if not spellings:
        empty = pl.lit("") if column.type.dtype == pl.String else pl.lit(None, column.type.dtype)
        return empty.alias(column.name)
    converted = [_converted(name, present[name], column, where) for name in spellings]
    value = converted[0]
    for other in converted[1:]:
        empty = value == "" if column.type.dtype == pl.String else value.is_null()
        value = pl.when(empty).then(other).otherwise(value)
    if column.values and not spelt:
        canonical = {value.lower(): value for value in column.values}
        value = value.str.to_lowercase().replace_strict(canonical, default=value)
    return value.alias(column.name)


def _converted(name: str, dtype: pl.DataType, column: Column, where: str) -> pl.Expr:
    source = pl.col(name)
    match column.type:
        case KqlType.STRING | KqlType.DYNAMIC:
            value = _as_text(source, dtype)
        case KqlType.DATETIME:
            value = _plausible(_as_time(source, dtype))
        case KqlType.BOOL:
            value = _as_bool(source, dtype)
        case _:
            value = _as_number(source, dtype, column.type.dtype)
    if value is None:
        raise UnreadableDataError(
            where,
            f"column {name!r} is {dtype}, which cannot become {column.type.value}; "
            "export it again, or drop the column",
        )
    return value


def _as_text(source: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    plain = dtype in (pl.String, pl.Null, pl.Boolean) or dtype.is_numeric()
    if plain or isinstance(dtype, pl.Categorical | pl.Enum):
        text = source.cast(pl.String)
    elif dtype.is_nested() and _is_json(dtype):
        json = pl.struct(v=source).struct.json_encode()
        text = json.str.strip_prefix('{"v":').str.strip_suffix("}")
        text = pl.when(source.is_not_null()).then(text)
    else:
        return None
    return text.fill_null("")


def _is_json(dtype: pl.DataType) -> bool:
    match dtype:
        case pl.List() | pl.Array():
            return _is_json(pl.Series(dtype=dtype.inner).dtype)
        case pl.Struct():
            return all(_is_json(pl.Series(dtype=field.dtype).dtype) for field in dtype.fields)
        case _:
            return dtype not in (pl.Binary, pl.Object)


def _as_time(source: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.String:
        return _iso_time(source)
    if isinstance(dtype, pl.Datetime):
        instant = source if dtype.time_zone else source.dt.replace_time_zone("UTC")
        return instant.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if dtype in (pl.Date, pl.Null):
        return source.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return None


def _plausible(time: pl.Expr | None) -> pl.Expr | None:
    """Without times that only stand for "none", such as those of years 1 and 9999."""
    if time is None:
        return None
    return pl.when(time.is_between(_EARLIEST, _LATEST, closed="left")).then(time)


def _iso_time(text: pl.Expr) -> pl.Expr:
    tidy = text.str.strip_chars().str.replace(" ", "T")
    zoned = tidy.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    naive = [
        tidy.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
        for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
    ]
    return pl.coalesce(zoned, *naive)


def _as_bool(source: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype in (pl.Boolean, pl.Null) or dtype.is_numeric():
        return source.cast(pl.Boolean)
    if dtype == pl.String:
        words = {"true": True, "1": True, "false": False, "0": False}
        return source.str.to_lowercase().replace_strict(
            words, default=None, return_dtype=pl.Boolean
        )
    return None


def _as_number(source: pl.Expr, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr | None:
    if dtype.is_numeric() or dtype in (pl.String, pl.Null, pl.Boolean):
        return source.cast(wanted, strict=False)
    return None
