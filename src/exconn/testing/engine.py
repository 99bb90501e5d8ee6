"""A second opinion on KQL: an independent engine, `duckdb-kql`, run on frames.

The engine lacks ``count_distinct`` and ``count_distinctif``; there its ``dcount`` and ``dcountif``
are exact, so `run_kql` puts those in their place, by token. It lacks ``bin_at`` as well, and some
of its answers are wrong where Kusto's documentation is clear (``array_sort_asc`` of numbers, null
keys in joins); the queries that exconn writes avoid those.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from exconn.errors import MissingExtraError
from exconn.tables import TIME

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|\b\w+\b')
_INSTEAD = {"count_distinct": "dcount", "count_distinctif": "dcountif"}


def run_kql(text: str, frames: Mapping[str, pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
    """Run KQL over frames.

    Args:
        text: the query.
        frames: conformed, by table name.
        schema: of the result, which is cast to it.

    Raises:
        MissingExtraError: the engine is not installed.
    """
    try:
        import duckdb_kql  # noqa: PLC0415 # an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("running KQL", "testing") from error
    replaced = _TOKENS.sub(lambda token: _INSTEAD.get(token[0], token[0]), text)
    with tempfile.TemporaryDirectory() as folder, duckdb_kql.connect() as connection:
        for name, frame in frames.items():
            file = Path(folder) / f"{name}.parquet"
            times = [column for column, dtype in frame.schema.items() if dtype == TIME]
            frame.with_columns(pl.col(times).dt.replace_time_zone(None)).write_parquet(file)
            connection.execute(f"create table \"{name}\" as from read_parquet('{file}')")
        found = duckdb_kql.kql(connection, replaced)
        columns = [column[0] for column in found.description]
        rows = found.fetchall()
    return _framed(rows, columns, schema)


def _framed(rows: list[tuple[object, ...]], columns: list[str], schema: pl.Schema) -> pl.DataFrame:
    raw = {n: (pl.Datetime("us") if schema[n] == TIME else schema[n]) for n in columns}
    frame = pl.DataFrame(rows, schema=raw, orient="row", strict=False)
    times = [n for n in columns if schema[n] == TIME]
    return frame.with_columns(pl.col(times).dt.replace_time_zone("UTC")).select(columns)
