"""A second opinion on KQL: an independent engine, `duckdb-kql`, run on frames.

What version 1.1 of the engine lacks is put into words that it has, here and nowhere else:

- ``count_distinct`` and ``count_distinctif`` become ``dcount`` and ``dcountif``, which it computes
  exactly;
- ``bin_at`` becomes ``bin``, whose origin it has at 1970 instead of at the year 1;
- ``bin(x, 1microsecond)`` becomes ``x``, which has no fraction of one in a frame: the engine bins
  by way of floating-point seconds, which are too coarse for that.

What remains differs from Kusto's documentation, or is missing, and cannot be run: ``make_set_if``;
string literals with escaped code points; columns whose names differ in letter case only;
bracketed names behind ``$left.`` and ``$right.``; ``array_sort_asc`` of numbers, and of strings
with quotes or backslashes, which it sorts as their JSON text; letters whose lower or upper case is
another length, or depends on where they stand.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from exconn.errors import MissingExtraError
from exconn.kql.layout import outside_quotes, split
from exconn.tables import TIME

_INSTEAD = {"count_distinct": "dcount", "count_distinctif": "dcountif"}
_EPOCH = date(1970, 1, 1)


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
    with tempfile.TemporaryDirectory() as folder, duckdb_kql.connect() as connection:
        for number, (name, frame) in enumerate(frames.items()):
            file = Path(folder) / f"{number}.parquet"
            times = [column for column, dtype in frame.schema.items() if dtype == TIME]
            frame.with_columns(pl.col(times).dt.replace_time_zone(None)).write_parquet(file)
            quoted = name.replace('"', '""')
            connection.execute(f"create table \"{quoted}\" as from read_parquet('{file}')")
        found = duckdb_kql.kql(connection, _for_the_engine(text))
        columns = [column[0] for column in found.description]
        rows = found.fetchall()
    return _framed(rows, columns, schema)


def _for_the_engine(text: str) -> str:
    """The query in words that the engine has."""
    for found in reversed(_words(text)):
        start, end = found.span()
        if found[0] in ("bin", "bin_at") and text.startswith("(", end):
            text = text[:start] + _binned(found[0], text[end:])
        else:
            text = text[:start] + _INSTEAD.get(found[0], found[0]) + text[end:]
    return text


def _words(text: str) -> list[re.Match[str]]:
    """The words outside of string literals."""
    outside = {place for place, _ in outside_quotes(text)}
    return [found for found in re.finditer(r"\b\w+\b", text) if found.start() in outside]


def _binned(call: str, after: str) -> str:
    """What ``bin`` or ``bin_at`` and what follows it become."""
    end = next(place for place, depth in outside_quotes(after) if depth == 0)
    subject, size, *origin = (part.strip() for part in split(after[1:end], ","))
    rest = after[end + 1 :]
    if size == "1microsecond":
        return f"({subject}){rest}"
    if call == "bin":
        return f"bin{after}"
    days = date.fromisoformat(origin[0].removeprefix("datetime(").removesuffix(")")) - _EPOCH
    shift = f"{days // timedelta(days=1)}d"
    return f"(bin({subject} - {shift}, {size}) + {shift}){rest}"


def _framed(rows: list[tuple[object, ...]], columns: list[str], schema: pl.Schema) -> pl.DataFrame:
    lists = {n for n in columns if isinstance(schema[n], pl.List)}
    read = [
        [
            json.loads(v) if n in lists and isinstance(v, str) else v
            for n, v in zip(columns, row, strict=True)
        ]
        for row in rows
    ]
    raw = {n: (pl.Datetime("us") if schema[n] == TIME else schema[n]) for n in columns}
    frame = pl.DataFrame(read, schema=raw, orient="row", strict=False)
    times = [n for n in columns if schema[n] == TIME]
    return frame.with_columns(pl.col(times).dt.replace_time_zone("UTC")).select(columns)
