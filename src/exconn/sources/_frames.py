"""Running queries over frames that lie in pieces, each piece with columns of its own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl
from attrs import evolve, frozen
from polars.exceptions import PolarsError

from exconn.coverage import Coverage, Part, TableCoverage
from exconn.errors import UnreadableDataError
from exconn.query import Query
from exconn.sources._stretches import Extent, Reading, is_large, shared, stretched
from exconn.tables import Frame, Table, conform, is_as_given, missing_columns
from exconn.window import Period

NAME = "exconn: file"
_GIVEN = "exconn: given "
_MINUTE = "exconn: minute"


@frozen(eq=False)
class Piece:
    """Raw rows of one schema, from one or more files.

    Attributes:
        frame: the rows as they are, and in the column `NAME` the name of the file they are from.
        names: the names of the files.
        of: gives the rows of some of them; None where that would save nothing.
        rows: how many there are, at least; None where nobody has counted them.
    """

    frame: pl.LazyFrame
    names: tuple[str, ...]
    of: Callable[[Sequence[str]], pl.LazyFrame] | None = None
    rows: int | None = None

    def only(self, names: Collection[str]) -> pl.LazyFrame:
        """The rows of some of the files, at least."""
        some = [name for name in self.names if name in names]
        return self.of(some) if self.of and len(some) < len(self.names) else self.frame


class Pieces:
    """The tables of a source, each in pieces.

    Args:
        pieces: by table.
        on_read: is told how far the reading of large tables has come.
    """

    def __init__(
        self,
        pieces: Mapping[str, Sequence[Piece]],
        on_read: Callable[[Reading], None] | None = None,
    ) -> None:
        self._pieces = pieces
        self._on_read = on_read
        self._known: dict[Table, TableCoverage] = {}

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries, sharing scans between them.

        Raises:
            UnreadableDataError: a file is damaged.
        """
        try:
            extents = {query.table: self._extent(query.table) for query in queries}
            return stretched(queries, self, extents, self._on_read)
        except (PolarsError, OSError) as error:
            tables = {table for query in queries for table in query.tables}
            raise _damaged(", ".join(sorted(table.name for table in tables)), error) from error

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """Count rows, and look at first and last events and at columns, file by file.

        Raises:
            UnreadableDataError: a file is damaged, or a column that should hold numbers, times or
                flags holds text of which nothing can be read.
        """
        return Coverage(tuple(map(self._coverage, tables)))

    def _coverage(self, table: Table) -> TableCoverage:
        if table not in self._known:
            try:
                self._known[table] = _table_coverage(self._of(table), table)
            except (PolarsError, OSError) as error:
                raise _damaged(table.name, error) from error
        return self._known[table]

    def _of(self, table: Table) -> Sequence[Piece]:
        return self._pieces.get(table.name, ())

    def _extent(self, table: Table) -> Extent | None:
        """The extent of a table; None where it has few rows, or none with a time."""
        if table in self._known:
            rows = self._known[table].rows + self._known[table].undated
        else:
            rows = sum(piece.frame.select(pl.len()).collect().item() for piece in self._of(table))
        if not is_large(rows):
            return None
        hours = self._coverage(table).hours
        return Extent(rows, hours) if hours else None

    def scan(
        self, table: Table, period: Period | None, where: pl.Expr | None = None
    ) -> pl.LazyFrame:
        """The rows of a table; of a period those of its files, and of groups of rows in these.

        Those that do not meet a condition may be left out.
        """
        pieces = self._of(table) if period is None else self._touched(table, period)
        return _whole([_only(piece, table, where) for piece in pieces], table)

    def shares(
        self, table: Table, period: Period, names: Sequence[str], where: pl.Expr | None = None
    ) -> list[Callable[[], pl.DataFrame]]:
        """What gives some columns of the rows of a period, a share of the rows each, in order.

        Rows that do not meet a condition may lack.
        """
        found: list[Callable[[], pl.DataFrame]] = []
        for touched in self._touched(table, period):
            piece = _only(touched, table, where)
            given = piece.frame.collect_schema()
            spelt = [n for name in names for n in (name, table[name].alias) if n in given]
            if spelt:
                plan = piece.frame.select(spelt)
                cut = [] if piece.rows is None else shared(piece.rows)
                plans = [plan.slice(start, length) for start, length in cut] or [plan]
                found += [partial(_read, one, piece, table, period, names) for one in plans]
        none = pl.DataFrame(schema={name: table.schema[name] for name in names})
        return found or [none.clone]

    def _touched(self, table: Table, period: Period) -> list[Piece]:
        """What may have rows of a period."""
        pieces = self._of(table)
        if sum(len(piece.names) for piece in pieces) == 1:
            return [evolve(piece, frame=during(piece.frame, table, period)) for piece in pieces]
        parts = self._coverage(table).parts
        touched = [part for part in parts if part.touches(period.start, period.end)]
        names = {part.name for part in touched}
        whole = {part.name: part.rows for part in touched if _lies_in(part, period)}
        found = []
        for piece in pieces:
            if own := names.intersection(piece.names):
                frame, rows = piece.only(own), None
                if own <= whole.keys():
                    rows = sum(whole[name] for name in own)
                else:
                    frame = during(frame, table, period)
                found.append(evolve(piece, frame=frame, rows=rows))
        return found


def _read(
    plan: pl.LazyFrame, piece: Piece, table: Table, period: Period, names: Sequence[str]
) -> pl.DataFrame:
    rows = _conformed(plan.collect(), piece, table).select(names)
    return _inside(rows, table, period)


def _lies_in(part: Part, period: Period) -> bool:
    if part.first is None or part.last is None or part.undated:
        return False
    return period.start <= part.first and part.last < period.end


def _only(piece: Piece, table: Table, where: pl.Expr | None) -> Piece:
    """Only rows that meet a condition, where it says the same of them as they are given."""
    if where is None:
        return piece
    present = piece.frame.collect_schema()
    plain = all(is_as_given(table[name], present) for name in where.meta.root_names())
    return evolve(piece, frame=piece.frame.filter(where), rows=None) if plain else piece


def during(frame: pl.LazyFrame, table: Table, period: Period) -> pl.LazyFrame:
    """Only rows of a period, where that can be told before they are read."""
    schema = frame.collect_schema()
    dtype = schema.get(table.time)
    if table[table.time].alias in schema or not isinstance(dtype, pl.Datetime):
        return frame
    if dtype.time_zone not in (None, "UTC"):  # Polars does not compare zones while it reads
        return frame
    time = pl.col(table.time)
    ends = [
        pl.lit(end if dtype.time_zone else end.replace(tzinfo=None))
        for end in (period.start, period.end)
    ]
    return frame.filter(time >= ends[0], time < ends[1])


def _inside(rows: pl.DataFrame, table: Table, period: Period) -> pl.DataFrame:
    time = pl.col(table.time)
    inside = (time >= period.start) & (time < period.end)
    return rows if rows.select(inside.all(ignore_nulls=False)).item() else rows.filter(inside)


def _table_coverage(pieces: Sequence[Piece], table: Table) -> TableCoverage:
    counted = [_counted(piece, table) for piece in pieces]
    parts = tuple(
        part
        for piece, minutes in zip(pieces, counted, strict=True)
        for part in _parts(piece, minutes, table)
    )
    minutes = {minute for frame in counted for minute in frame[_MINUTE] if minute is not None}
    return TableCoverage(table, parts, len(minutes))


def _whole(pieces: Sequence[Piece], table: Table) -> pl.LazyFrame:
    frames = [_conformed(piece.frame, piece, table).select(table.names) for piece in pieces]
    return pl.concat(frames) if frames else table.empty


def _conformed(frame: Frame, piece: Piece, table: Table) -> Frame:
    return conform(frame, table, where=piece.names[0])


def _counted(piece: Piece, table: Table) -> pl.DataFrame:
    """What there is in each minute of each file, in columns as `_parts` adds them up."""
    as_text = _as_text(piece, table)
    given = [
        pl.col(name).str.strip_chars().ne("").fill_null(value=False).alias(_GIVEN + name)
        for name in as_text
    ]
    time = pl.col(table.time)
    plan = (
        _conformed(piece.frame.with_columns(given), piece, table)
        .group_by(NAME, time.dt.truncate("1m").alias(_MINUTE))
        .agg(
            pl.len().alias("rows"),
            time.min().alias("first"),
            time.max().alias("last"),
            *(pl.col(_GIVEN + name).sum() for name in as_text),
            *(pl.col(name).count().alias(name) for name in as_text),
        )
    )
    try:
        return plan.collect(engine="streaming")
    except (PolarsError, OSError) as error:
        raise _damaged(piece.names[0], error) from error


def _as_text(piece: Piece, table: Table) -> list[str]:
    schema = piece.frame.collect_schema()
    return [
        column.name
        for column in table.columns
        if column.type.dtype != pl.String and schema.get(column.name) == pl.String
    ]


def _parts(piece: Piece, minutes: pl.DataFrame, table: Table) -> list[Part]:
    as_text = _as_text(piece, table)
    dated = pl.col(_MINUTE).is_not_null()
    files = minutes.group_by(NAME).agg(
        pl.col("rows").filter(dated).sum(),
        pl.col("rows").filter(~dated).sum().alias("undated"),
        pl.col("first").min(),
        pl.col("last").max(),
        pl.col(_MINUTE).dt.truncate("1h").drop_nulls().unique().sort().alias("hours"),
        *(
            (pl.col(_GIVEN + name).sum() - pl.col(name).sum()).alias(_GIVEN + name)
            for name in as_text
        ),
        *(pl.col(name).sum() for name in as_text),
    )
    rows = {row[NAME]: row for row in files.iter_rows(named=True)}
    if unknown := sorted(rows.keys() - set(piece.names)):
        raise UnreadableDataError(unknown[0], "is not called so by who reads it; give another path")
    missing = missing_columns(table, piece.frame.collect_schema())
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


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).partition("\n")[0]


def _damaged(where: str, error: Exception) -> UnreadableDataError:
    return UnreadableDataError(where, f"cannot be read ({first_line(error)})")
