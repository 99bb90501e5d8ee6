"""An evidence folder of Parquet files as a source."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from exconn.coverage import Coverage
from exconn.errors import NoDataError, UnreadableDataError
from exconn.query import Query
from exconn.sources._frames import NAME, Piece, Pieces
from exconn.tables import TABLES, Table


class ParquetSource:
    """A source over an evidence folder.

    For each table the folder holds ``EmailEvents.parquet``, or ``EmailEvents/**/*.parquet``, or
    both, with Microsoft's column names and dynamic columns as JSON text. Files may have different
    columns: what a file lacks is unknown for its rows. Files are looked up once, here.

    Args:
        folder: the evidence folder.

    Raises:
        NoDataError: there is no such folder, or no table in it.
        UnreadableDataError: a file is not Parquet.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise NoDataError(f"{self.folder}: no such folder; give an evidence folder")
        pieces = {table.name: _pieces(self.folder, table) for table in TABLES}
        if not any(pieces.values()):
            raise NoDataError(
                f"{self.folder}: no table in it; expected files such as EmailEvents.parquet "
                "(make one with: exconn import FILE... --to DIR)"
            )
        self._pieces = Pieces(pieces)

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables."""
        return self._pieces.coverage(tables)

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries; results in the same order."""
        return self._pieces.collect(queries)


def write_evidence(frames: Mapping[str, pl.DataFrame], folder: str | os.PathLike[str]) -> None:
    """Write frames as an evidence folder, ``<table>.parquet`` each; replaces those files."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        unfinished = target / f".{name}.parquet.part"
        frame.write_parquet(unfinished, compression="zstd")
        unfinished.replace(target / f"{name}.parquet")


def _pieces(folder: Path, table: Table) -> list[Piece]:
    files = [folder / f"{table.name}.parquet", *sorted((folder / table.name).rglob("*.parquet"))]
    by_schema: dict[tuple[tuple[str, pl.DataType], ...], list[str]] = {}
    for file in files:
        if file.is_file():
            by_schema.setdefault(tuple(_schema(file).items()), []).append(str(file))
    return [Piece(_scan(alike), tuple(alike), of=_scan) for alike in by_schema.values()]


def _scan(files: Sequence[str]) -> pl.LazyFrame:
    return pl.scan_parquet(list(files), include_file_paths=NAME, glob=False)


def _schema(file: Path) -> dict[str, pl.DataType]:
    try:
        return dict(pl.scan_parquet(file, glob=False).collect_schema())
    except (PolarsError, OSError) as error:
        raise UnreadableDataError(
            str(file), f"is not a Parquet file ({str(error).splitlines()[0]})"
        ) from error
