"""Evidence as a tenant has it: tables with the columns that are there, in a place's own types."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
from attrs import frozen

from exconn.errors import NoDataError
from exconn.kql import Dialect
from exconn.sources._folder import table_files
from exconn.tables import TABLES, KqlType, Table, conform, missing_columns
from exconn.tables._defender import tables_named

Evidence = str | os.PathLike[str] | Mapping[str, pl.DataFrame | Sequence[pl.DataFrame]]
"""An evidence folder, or frames by table name."""

_LOG_ANALYTICS = {
    "TenantId": "11111111-2222-4333-8444-555555555555",
    "SourceSystem": "Microsoft Defender XDR",
}


@frozen
class Served:
    """Tables to be served.

    Attributes:
        frames: by table name.
        dynamic: the columns that hold JSON, as (table, column).
        time: what the time column is called.
    """

    frames: Mapping[str, pl.DataFrame]
    dynamic: frozenset[tuple[str, str]]
    time: str

    @property
    def last(self) -> datetime | None:
        """The last time in any table."""
        found = [frame[self.time].max() for frame in self.frames.values()]
        return max((time for time in found if isinstance(time, datetime)), default=None)


def read_evidence(evidence: Evidence, dialect: Dialect) -> Served:
    """Read evidence as a place of a dialect has it.

    A column that no file of a table has is not there; one that only some have is empty for the
    rows of the others. A table without any file is not there.

    Raises:
        InvalidValueError: a name is not a table's.
        NoDataError: there is no table.
    """
    time = dialect.time or TABLES[0].time
    frames: dict[str, pl.DataFrame] = {}
    dynamic: set[tuple[str, str]] = set()
    for table, parts in _given(evidence):
        frame = pl.concat([_present(part, table) for part in parts], how="diagonal")
        kinds = {
            name: dialect.types.get((table.name, name), table[name].type)
            for name in table.names
            if name in frame.columns
        }
        dynamic |= {(table.name, n) for n, kind in kinds.items() if kind is KqlType.DYNAMIC}
        frame = frame.select(_typed(name, kind) for name, kind in kinds.items())
        frame = frame.rename({table.time: time}, strict=False)
        if dialect.time:
            frame = frame.with_columns(
                *(pl.lit(value).alias(name) for name, value in _LOG_ANALYTICS.items()),
                Type=pl.lit(table.name),
            )
        frames[table.name] = frame
    if not frames:
        raise NoDataError("there is no table to serve")
    return Served(frames, frozenset(dynamic), time)


def _given(evidence: Evidence) -> Iterator[tuple[Table, list[pl.DataFrame]]]:
    """Each table that is there, with the frames of its files."""
    if isinstance(evidence, Mapping):
        tables_named(evidence)
        for table in TABLES:
            given = evidence.get(table.name, [])
            parts = [given] if isinstance(given, pl.DataFrame) else list(given)
            if parts:
                yield table, parts
        return
    for table in TABLES:
        files = table_files(Path(evidence), table)
        parts = [pl.read_parquet(file, glob=False) for file in files]
        if parts:
            yield table, parts


def _present(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    missing = missing_columns(table, frame.schema)
    return conform(frame, table).select(n for n in table.names if n not in missing)


def _typed(name: str, kind: KqlType) -> pl.Expr:
    """A column in the type that the place has it in; strings are never null."""
    value = pl.col(name).cast(kind.dtype, strict=False)
    return value.fill_null("") if kind.dtype == pl.String else value
