"""Running queries over frames that lie in pieces, each piece with columns of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from attrs import frozen
from polars.exceptions import PolarsError

from exconn.coverage import Coverage, Part, TableCoverage
from exconn.errors import UnreadableDataError
from exconn.query import Query
from exconn.tables import Table, conform, missing_columns

NAME = "exconn: file"
_GIVEN = "exconn: given "


@frozen(eq=False)
class Piece:
    """Raw rows of one schema, from one or more files.

    Attributes:
        frame: the rows as they are, and in the column `NAME` the name of the file they are from.
        names: the names of the files.
    """

    frame: pl.LazyFrame
    names: tuple[str, ...]


Pieces = Mapping[str, Sequence[Piece]]
"""The pieces of each table, by the table's name."""


def collect(pieces: Pieces, queries: Sequence[Query]) -> list[pl.DataFrame]:
    """Run queries, sharing scans between them."""
    tables = {table for query in queries for table in query.tables}
    whole = {table: _whole(pieces.get(table.name, ()), table) for table in tables}
    plans = [query.on(whole.__getitem__) for query in queries]
    try:
        return pl.collect_all(plans)
    except PolarsError as error:
        where = ", ".join(sorted({table.name for query in queries for table in query.tables}))
        raise _damaged(where, error) from error


def coverage(pieces: Pieces, tables: Sequence[Table]) -> Coverage:
    """Count rows, and look at first and last events and at columns, file by file.

    Raises:
        UnreadableDataError: a file is damaged, or a column that should hold numbers, times or
            flags holds text of which nothing can be read.
    """
    return Coverage(tuple(_table_coverage(pieces.get(table.name, ()), table) for table in tables))


def _table_coverage(pieces: Sequence[Piece], table: Table) -> TableCoverage:
    parts = tuple(part for piece in pieces for part in _parts(piece, table))
    minute = pl.col(table.time).dt.truncate("1m").drop_nulls().n_unique()
    minutes = _whole(pieces, table).select(minute).collect().item()
    return TableCoverage(table, parts, minutes)


def _whole(pieces: Sequence[Piece], table: Table) -> pl.LazyFrame:
    frames = [_conformed(piece.frame, piece, table).select(table.names) for piece in pieces]
    return pl.concat(frames) if frames else pl.LazyFrame(schema=table.schema)


def _conformed(frame: pl.LazyFrame, piece: Piece, table: Table) -> pl.LazyFrame:
    return conform(frame, table, where=piece.names[0])


def _parts(piece: Piece, table: Table) -> list[Part]:
    schema = piece.frame.collect_schema()
    as_text = [
        column.name
        for column in table.columns
        if column.type.dtype != pl.String and schema.get(column.name) == pl.String
    ]
    given = [
        pl.col(name).str.strip_chars().ne("").fill_null(value=False).alias(_GIVEN + name)
        for name in as_text
    ]
    time = pl.col(table.time)
    counted = (
        _conformed(piece.frame.with_columns(given), piece, table)
        .group_by(NAME)
        .agg(
            time.count().alias("rows"),
            time.null_count().alias("undated"),
            time.min().alias("first"),
            time.max().alias("last"),
            time.dt.truncate("1h").drop_nulls().unique().sort().alias("hours"),
            *(pl.col(_GIVEN + name).sum() - pl.col(name).count() for name in as_text),
            *(pl.col(name).count().alias(name) for name in as_text),
        )
    )
    try:
        rows = {row[NAME]: row for row in counted.collect().iter_rows(named=True)}
    except PolarsError as error:
        raise _damaged(piece.names[0], error) from error
    missing = missing_columns(table, schema)
    return [_part(name, rows.get(name), missing, table, as_text) for name in piece.names]


def _part(
    name: str,
    row: Mapping[str, Any] | None,
    missing: frozenset[str],
    table: Table,
    as_text: Sequence[str],
) -> Part:
    if row is None:
        return Part(name=name, rows=0, missing=missing)
    lost = {column: row[_GIVEN + column] for column in as_text if row[_GIVEN + column]}
    for column in lost:
        if not row[column]:
            kind = table[column].type.value
            raise UnreadableDataError(
                name, f"column {column!r} is text of which nothing reads as {kind}; export it again"
            )
    return Part(
        name=name,
        rows=row["rows"],
        first=row["first"],
        last=row["last"],
        hours=tuple(row["hours"]),
        missing=missing,
        undated=row["undated"],
        unreadable={column: count for column, count in lost.items() if column != table.time},
    )


def _damaged(where: str, error: PolarsError) -> UnreadableDataError:
    return UnreadableDataError(where, f"cannot be read ({str(error).splitlines()[0]})")
