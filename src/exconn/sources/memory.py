"""Frames in memory as a source."""

from collections.abc import Mapping, Sequence

import polars as pl

from exconn.coverage import Coverage
from exconn.errors import InvalidValueError
from exconn.query import Query
from exconn.sources._frames import NAME, Piece, Pieces
from exconn.tables import Table
from exconn.tables._defender import tables_named


class MemorySource:
    """A source over frames in memory.

    Args:
        frames: by table name; a frame or several. A column that a frame lacks is unknown for that
            frame's rows, not empty; so do not `conform` frames first.

    Raises:
        InvalidValueError: a name is not a table's, or what it names are no frames.
    """

    def __init__(self, frames: Mapping[str, pl.DataFrame | Sequence[pl.DataFrame]]) -> None:
        tables_named(frames)
        self._pieces = Pieces(
            {
                name: [
                    _piece(name, number, frame)
                    for number, frame in enumerate(_several(name, given))
                ]
                for name, given in frames.items()
            }
        )

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """What there is of these tables."""
        return self._pieces.coverage(tables)

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries; results in the same order."""
        return self._pieces.collect(queries)


def _several(table: str, given: pl.DataFrame | Sequence[pl.DataFrame]) -> Sequence[pl.DataFrame]:
    frames = given if isinstance(given, Sequence) else [given]
    for frame in frames:
        if not isinstance(frame, pl.DataFrame):
            raise InvalidValueError(
                table,
                f"expected a polars.DataFrame or several, got {type(frame).__name__}; "
                "pl.DataFrame(rows) makes one of dictionaries, pl.from_pandas(frame) of pandas, "
                "collect() of a LazyFrame",
            )
    return frames


def _piece(table: str, number: int, frame: pl.DataFrame) -> Piece:
    name = f"{table}[{number}]"
    return Piece(frame.lazy().with_columns(pl.lit(name).alias(NAME)), (name,))
