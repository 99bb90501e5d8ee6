"""Files become raw records, each with the line where it begins; nothing is dropped silently."""

import codecs
import gzip
import io
import itertools
import json
import math
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import frozen

from exconn.errors import NoDataError, UnreadableDataError
from exconn.ingest._cells import fold

_GZIP = b"\x1f\x8b"
_NOT_TEXT = (b"PAR1", b"PK\x03\x04", b"7z\xbc\xaf", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zX")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BETWEEN = re.compile(r"[\s,\x1e]*")
_BAD_BYTES = re.compile("[\udc80-\udcff]")
_NOT_AN_ENVELOPE = {"operation", "timestamp", "creationtime", "category", "timegenerated"}
_NESTED_ENVELOPES = 4
_Stream = io.BufferedReader | gzip.GzipFile


@frozen
class Raw:
    """A JSON object of a file.

    Attributes:
        line: where the JSON value that it is part of begins, from 1.
        record: the object.
        schema: the columns that a hunting response around it declares.
    """

    line: int
    record: dict[str, object]
    schema: tuple[str, ...] = ()


@frozen
class Unreadable:
    """Something in a file that is not a JSON object."""

    line: int
    reason: str
    text: str


def walk(files: Iterable[Path], *, but: Callable[[Path], bool]) -> Iterator[Path]:
    """Every file once, folders walked in order of their names without hidden files.

    Args:
        files: files and folders.
        but: files in folders for which this holds are left out.

    Raises:
        NoDataError: a path does not exist.
    """
    seen: set[Path] = set()
    for path in files:
        if not path.exists():
            raise NoDataError(f"{path} does not exist; name a file or a folder of exports")
        found = (f for f in _in_folder(path) if not but(f)) if path.is_dir() else iter([path])
        for file in found:
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield file


def read(path: Path) -> Iterator[Raw | Unreadable]:
    """Read the records of a file of JSON or JSON lines, which may be compressed by gzip.

    JSON lines, and arrays with a record on each line, are read line by line; any other document
    is loaded whole.

    Raises:
        UnreadableDataError: the file cannot be opened or read.
    """
    try:
        with path.open("rb") as file:
            yield from _of_stream(file)
    except OSError as error:
        raise UnreadableDataError(
            str(path), f"cannot be read: {error.strerror or error}"
        ) from error


def _in_folder(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(where, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _of_stream(file: io.BufferedReader) -> Iterator[Raw | Unreadable]:
    packed = file.peek(2).startswith(_GZIP)
    stream = gzip.GzipFile(fileobj=file) if packed else file
    damaged: list[Unreadable] = []
    lines = _lines(stream, damaged.append)
    yield from _of_lines(lines)
    yield from damaged


@frozen
class _Line:
    number: int
    text: str


def _lines(stream: _Stream, damaged: Callable[[Unreadable], None]) -> Iterator[_Line]:
    number = 0
    try:
        head = stream.peek(4)
        if head.startswith(_NOT_TEXT):
            damaged(Unreadable(1, "not a text file", ""))
            return
        for number, text in enumerate(_decoded_lines(stream, head), start=1):
            yield _Line(number, text)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        damaged(Unreadable(number + 1, "damaged gzip", ""))


def _decoded_lines(stream: _Stream, head: bytes) -> Iterator[str]:
    if head.startswith(_WIDE):
        wide = io.TextIOWrapper(stream, encoding="utf-16", errors="replace", newline="\n")
        try:
            yield from wide
        finally:
            wide.detach()
        return
    for index, line in enumerate(stream):
        text = line.decode("utf-8", errors="surrogateescape")
        yield text if index else text.removeprefix("\ufeff")


def _of_lines(lines: Iterator[_Line]) -> Iterator[Raw | Unreadable]:
    head = []
    for line in lines:
        head.append(line)
        if line.text.strip() not in ("", "["):
            break
    everything = itertools.chain(head, lines)
    if head and _goes_on(head[-1].text):
        yield from _of_text("".join(line.text for line in everything), 1)
        return
    in_array = any(line.text.strip() == "[" for line in head)
    for line in everything:
        text = line.text.strip()
        if not (in_array and text in ("[", "]", ",")):
            yield from _of_text(line.text, line.number)


def _goes_on(text: str) -> bool:
    """Whether a JSON value begins on a line and does not end there."""
    text = text.strip().rstrip(",")
    if not text.startswith(("{", "[")) or text == "[":
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text)
    except (RecursionError, ValueError):
        return False
    return False


def _of_text(text: str, first_line: int) -> Iterator[Raw | Unreadable]:
    bad_bytes = not text.isascii() and _BAD_BYTES.search(text) is not None
    line, counted, position = first_line, 0, 0
    while (position := _after_gap(text, position)) < len(text):
        line += text.count("\n", counted, position)
        counted = position
        value, end, reason = _value_at(text, position)
        if reason:
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            yield Unreadable(
                line, _encoding_problem(text[position:end]) or reason, text[position:end]
            )
        else:
            for found in _unpacked(value, (), 0):
                yield _checked(found, line, bad_bytes=bad_bytes)
        position = end


def _after_gap(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position


def _value_at(text: str, position: int) -> tuple[object, int, str]:
    """The object or array at a position and its end, or a reason why there is none."""
    try:
        value, end = _DECODER.raw_decode(text, position)
    except RecursionError:
        return None, position, "nested too deeply"
    except ValueError:
        return None, position, "not JSON"
    if isinstance(value, dict | list):
        return value, end, ""
    return None, position, "not an object"


def _encoding_problem(text: str) -> str:
    if "\0" in text:
        return "NUL bytes"
    return "not UTF-8" if _BAD_BYTES.search(text) else ""


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


_DECODER = json.JSONDecoder(parse_constant=str, parse_float=_finite)


@frozen
class _Found:
    value: object
    schema: tuple[str, ...]


def _checked(found: _Found, line: int, *, bad_bytes: bool) -> Raw | Unreadable:
    if not isinstance(found.value, dict):
        return Unreadable(line, "not an object", shown(found.value))
    if bad_bytes and _BAD_BYTES.search(shown(found.value)):
        return Unreadable(line, "not UTF-8", shown(found.value))
    return Raw(line, found.value, found.schema)


def shown(value: object) -> str:
    """A value as JSON text for people."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to show)"


def _unpacked(value: object, schema: tuple[str, ...], depth: int) -> Iterator[_Found]:
    if depth < _NESTED_ENVELOPES:
        if isinstance(value, list):
            for element in value:
                yield from _unpacked(element, schema, depth + 1)
            return
        if isinstance(value, dict) and (inside := _envelope(value)) is not None:
            contents, columns = inside
            yield from _unpacked(contents, columns or schema, depth + 1)
            return
    yield _Found(value, schema)


def _envelope(value: dict[str, object]) -> tuple[object, tuple[str, ...]] | None:
    """The records in a response or a batch, and the columns that it declares."""
    by_name = {fold(name): member for name, member in value.items()}
    if by_name.keys() & _NOT_AN_ENVELOPE:
        return None
    schema = by_name.get("schema")
    results = by_name.get("results")
    if isinstance(schema, list) and isinstance(results, dict | list):
        return (results if isinstance(results, list) else [results]), tuple(_names(schema))
    for name in ("results", "records", "value"):
        contents = by_name.get(name)
        if isinstance(contents, list) and all(isinstance(e, dict) for e in contents):
            return contents, ()
    if isinstance(by_name.get("d"), dict | list) and len(by_name) == 1:
        return by_name["d"], ()
    return None


def _names(schema: list[object]) -> Iterator[str]:
    for column in schema:
        if isinstance(column, dict):
            name = column.get("name", column.get("Name"))
            if isinstance(name, str):
                yield name
