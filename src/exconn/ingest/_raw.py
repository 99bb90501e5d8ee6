"""What a file is read as: raw records, and what could not be read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

NOT_UTF8 = "not UTF-8: save the file in that encoding"
_BAD_BYTES = re.compile("[\udc80-\udcff]")


@frozen
class Raw:
    """A record of a file: a JSON object, or a row.

    Attributes:
        line: where it begins, from 1; of records inside another JSON value, where that begins. Of
            a Parquet file the row.
        record: the object, or the row by column.
        schema: the columns that a hunting response around it, or its file, declares.
    """

    line: int
    record: dict[str, object]
    schema: tuple[str, ...] = ()


@frozen
class Unreadable:
    """Something in a file that is no record."""

    line: int
    reason: str
    text: str = ""


@frozen
class Part:
    """What records come from: a file, or a member of a zip archive."""

    path: Path
    records: Iterator[Raw | Unreadable]


def shown(value: object) -> str:
    """A value as JSON text for people."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "(nested too deeply to show)"


def encoding_problem(text: str) -> str:
    """What is wrong with the bytes of a text, "" when nothing is."""
    if "\0" in text:
        return "NUL bytes"
    return NOT_UTF8 if has_bad_bytes(text) else ""


def has_bad_bytes(text: str) -> bool:
    """Whether a text has bytes that are not UTF-8; they were read as halves of characters."""
    return not text.isascii() and _BAD_BYTES.search(text) is not None
