"""A source over a folder with a file of JSON lines for each table."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from exconn import Coverage, MemorySource, Query, Table


class NdjsonSource:
    """Tables in a folder: ``EmailEvents.ndjson`` and so on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables."""
        return self._holding(tables).coverage(tables)

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries; results in the same order."""
        tables = {table for query in queries for table in query.tables}
        return self._holding(tables).collect(queries)

    def _holding(self, tables: Sequence[Table] | set[Table]) -> MemorySource:
        files = {table.name: self._folder / f"{table.name}.ndjson" for table in tables}
        # Read to the end before types are inferred; a column that is not there stays away.
        return MemorySource(
            {
                name: pl.read_ndjson(file, infer_schema_length=None)
                for name, file in files.items()
                if file.exists()
            }
        )
