"""Rows of Parquet become raw records."""

import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import polars.selectors as cs
from polars.exceptions import PanicException, PolarsError

from exconn.ingest._raw import Raw, Unreadable

_PARQUET = b"PAR1"
_BATCH = 5_000


def is_parquet(stream: io.BufferedReader) -> bool:
    """Whether a stream is a Parquet file."""
    return stream.peek(4).startswith(_PARQUET)


def parquet_records(source: Path | io.BytesIO) -> Iterator[Raw | Unreadable]:
    """Read the rows of a Parquet file, some at a time."""
    row = 0
    try:
        scan = pl.scan_parquet(source, glob=False)
        while True:
            batch = scan.slice(row, _BATCH).collect().with_columns(cs.float().fill_nan(None))
            for record in batch.iter_rows(named=True):
                row += 1
                yield Raw(row, record)
            if batch.height < _BATCH:
                return
    except (PolarsError, PanicException):
        yield Unreadable(row + 1, "damaged Parquet")
