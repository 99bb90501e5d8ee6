"""An evidence folder of Parquet files as a source."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import polars as pl

from exconn.coverage import Coverage
from exconn.errors import InvalidValueError
from exconn.query import Query
from exconn.sources._folder import table_files
from exconn.sources._frames import Piece, Pieces
from exconn.sources._storage import Storage
from exconn.sources._stretches import Reading
from exconn.tables import TABLES, Table
from exconn.tables._defender import tables_named

_AT_ONCE = 16
"""So many files are opened at once, for their columns: most of that is waiting."""


class ParquetSource:
    """A source over an evidence folder, on a disk or on object storage.

    For each table the folder holds ``EmailEvents.parquet``, or ``EmailEvents/**/*.parquet``, or
    both (on a disk in any letter case), with Microsoft's column names and dynamic columns as JSON
    text. Files may have different columns: what a file lacks is unknown for its rows. Columns may
    also be said by folders, as in ``EmailEvents/Connectors=Relay/1.parquet``. Files are looked up
    once, here.

    Args:
        folder: the evidence folder: a path, or an address such as ``s3://bucket/evidence``,
            ``abfss://container@account.dfs.core.windows.net/evidence``, ``gs://`` or ``az://``;
            of ``https://`` only files that are called after their tables are found.
        storage_options: how Polars signs in there, see ``polars.scan_parquet``. Without, it looks
            at the environment. They are shown nowhere.
        on_read: is told how far the reading of large tables has come.

    Raises:
        NoDataError: there is no such folder, or no table in it.
        UnreadableDataError: a file is not Parquet, a folder cannot be looked into, a link leads
            nowhere, or the place cannot be reached.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        storage_options: Mapping[str, str | int] | None = None,
        on_read: Callable[[Reading], None] | None = None,
    ) -> None:
        self._storage = Storage(folder, storage_options or {})
        with self._storage.discreet():
            pieces = _pieces(self._storage)
        if not any(pieces.values()):
            raise self._storage.no_table()
        self._pieces = Pieces(pieces, on_read)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._storage.root!r})"

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables."""
        with self._storage.discreet():
            return self._pieces.coverage(tables)

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries; results in the same order."""
        with self._storage.discreet():
            return self._pieces.collect(queries)


def write_evidence(frames: Mapping[str, pl.DataFrame], folder: str | os.PathLike[str]) -> None:
    """Write frames as an evidence folder, ``<table>.parquet`` each; replaces those files.

    Args:
        frames: by table name.
        folder: is made if it is not there.

    Raises:
        InvalidValueError: a name is not a table's, or the folder has other files of one of the
            tables: both would be taken for one tenant.
        UnreadableDataError: the folder cannot be looked into.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for table in tables_named(frames):
        others = [f for f in table_files(target, table) if f != target / f"{table.name}.parquet"]
        if others:
            raise InvalidValueError(
                "evidence folder",
                f"{target} has rows of {table.name} in {len(others)} other files, such as "
                f"{others[0]}; name another folder, or remove them",
            )
    for name, frame in frames.items():
        unfinished = target / f".{name}.parquet.part"
        frame.write_parquet(unfinished, compression="zstd")
        unfinished.replace(target / f"{name}.parquet")


_Kind = tuple[bool, tuple[tuple[str, pl.DataType], ...]]


def _pieces(storage: Storage) -> dict[str, list[Piece]]:
    """The files of each table, those with the same columns together."""
    found = storage.files()
    files = [(table, file) for table in TABLES for file in found[table.name]]
    pieces: dict[str, dict[_Kind, list[str]]] = {table.name: {} for table in TABLES}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        kinds = pool.map(lambda asked: _kind(storage, *asked), files)
        for (table, file), kind in zip(files, kinds, strict=True):
            if kind is not None:
                pieces[table.name].setdefault(kind, []).append(file)
    return {
        name: [_piece(storage, kind, alike) for kind, alike in by_kind.items()]
        for name, by_kind in pieces.items()
    }


def _kind(storage: Storage, table: Table, file: str) -> _Kind | None:
    """Whether folders say columns of a file, and all its columns; None where it is not there."""
    schema = storage.schema(file)
    if schema is None or not storage.is_partitioned(file, table, schema):
        return None if schema is None else (False, tuple(schema.items()))
    schema = storage.schema(file, partitioned=True)
    return None if schema is None else (True, tuple(schema.items()))


def _piece(storage: Storage, kind: _Kind, files: Sequence[str]) -> Piece:
    scan = partial(storage.scan, partitioned=kind[0])
    return Piece(scan(files), tuple(files), of=scan)
