"""What a recognised record is: a row of a table that knows only some columns."""

from collections.abc import Mapping

from attrs import frozen

from exconn.ingest._cells import Cell
from exconn.tables import Table


@frozen
class Row:
    """A row of a table.

    Attributes:
        table: of which table.
        origin: where it comes from: rows of one origin in one file know the same columns.
        cells: what each column that the record knows holds, by Microsoft's name; None where the
            record knows that there is nothing.
    """

    table: Table
    origin: tuple[str, ...]
    cells: Mapping[str, Cell]
