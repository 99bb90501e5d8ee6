"""Which table a record belongs to, told by its content."""

from collections.abc import Mapping, Sequence

from exconn.ingest._audit import audited
from exconn.ingest._cells import UnfitError, decoded_object
from exconn.ingest._entra import signed_in
from exconn.ingest._hunting import hunted, streamed
from exconn.ingest._row import Row
from exconn.ingest._trace import traced

_WRAPPERS = 2


def recognise(record: Mapping[str, object], schema: Sequence[str] = ()) -> Row:
    """Turn a record into a row of a table.

    A record that is nothing itself is looked into: collectors wrap records in members of their
    own, as objects or as JSON text. Some have one record in two forms; the first counts.

    Args:
        record: one JSON object.
        schema: the columns that the response it came in declares.

    Raises:
        UnfitError: it is a row of no table that exconn reads, or cannot be read as one; or it
            wraps several.
    """
    row = _within(record, schema, _WRAPPERS)
    if row is None:
        raise UnfitError("no table that exconn reads")
    return row


def _within(record: Mapping[str, object], schema: Sequence[str], wrappers: int) -> Row | None:
    row = (
        streamed(record)
        or traced(record)
        or audited(record)
        or signed_in(record)
        or hunted(record, schema)
    )
    if row is not None or not wrappers:
        return row
    for member in record.values():
        inner = decoded_object(member)
        found = _within(inner, (), wrappers - 1) if inner else None
        if row is None:
            row = found
        elif found is not None and not _are_same(row, found):
            raise UnfitError("several records in one object: put them in an array")
    return row


def _are_same(one: Row, other: Row) -> bool:
    if one.table is not other.table:
        return False
    telling = {one.table.time, *(one.table.key or one.cells.keys() | other.cells.keys())}
    return all(one.cells.get(name) == other.cells.get(name) for name in telling)
