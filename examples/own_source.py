"""A source of your own: the mail log is in SQLite.

A source has two methods. This one reads a table when it is first asked for, and leaves the rest to
`MemorySource`; a place that runs KQL itself takes less (see `exconn.sources.RemoteSource`).
"""

import sqlite3
from collections.abc import Mapping, Sequence

import polars as pl

from exconn import Coverage, MemorySource, Query, Table, hunt
from exconn.simulate import demo_tenant


class SqliteSource:
    """Tables of a SQLite database, with Microsoft's column names."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._read: dict[str, pl.DataFrame] = {}

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables."""
        return self._holding(tables).coverage(tables)

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries; results in the same order."""
        return self._holding([table for query in queries for table in query.tables]).collect(
            queries
        )

    def _holding(self, tables: Sequence[Table]) -> MemorySource:
        known = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master")}
        for name in {table.name for table in tables} & known - set(self._read):
            # A column that the database lacks stays away: what rests on it is then unknown.
            self._read[name] = pl.read_database(
                f'SELECT * FROM "{name}"',  # noqa: S608 # the name is a table's of exconn
                self._database,
                infer_schema_length=None,
            )
        return MemorySource(self._read)


def database(frames: Mapping[str, pl.DataFrame]) -> sqlite3.Connection:
    """A database with these tables; times are ISO 8601 text."""
    made = sqlite3.connect(":memory:")
    for name, frame in frames.items():
        text = frame.with_columns(pl.col("Timestamp").dt.to_string("iso"))
        names = ", ".join(f'"{column}"' for column in text.columns)
        made.execute(f'CREATE TABLE "{name}" ({names})')
        marks = ", ".join("?" * text.width)
        insert = f'INSERT INTO "{name}" VALUES ({marks})'  # noqa: S608 # as above
        made.executemany(insert, text.iter_rows())
    return made


def main() -> None:
    """Fill a database with a simulated tenant, and hunt in it."""
    source = SqliteSource(database(demo_tenant(mails=2_000).frames))
    print(hunt(source)[:3])


if __name__ == "__main__":
    main()
