"""JSON and JSON lines become raw records; nothing is dropped silently."""

import itertools
import json
import math
import re
from collections.abc import Iterator

from attrs import frozen

from exconn.ingest._cells import fold
from exconn.ingest._lines import Line
from exconn.ingest._raw import Raw, Unreadable, encoding_problem, has_bad_bytes, shown

_BETWEEN = re.compile(r"[\s,\x1e]*")
_ARRAY_OF_OBJECTS = re.compile(r"\[\s*(?=\{)")
_NOT_AN_ENVELOPE = {"operation", "timestamp", "creationtime", "category", "timegenerated"}
_NESTED_ENVELOPES = 4


def json_records(lines: Iterator[Line]) -> Iterator[Raw | Unreadable]:
    """Read a text of JSON or JSON lines.

    JSON lines, and arrays with a record on each line, are read line by line; any other document
    is loaded whole.
    """
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
    bad_bytes = has_bad_bytes(text)
    line, counted, position, arrays = first_line, 0, 0, 0
    while (position := _after_gap(text, position)) < len(text):
        line += text.count("\n", counted, position)
        counted = position
        if opening := _ARRAY_OF_OBJECTS.match(text, position):
            arrays, position = arrays + 1, opening.end()
            continue
        if arrays and text[position] == "]":
            arrays, position = arrays - 1, position + 1
            continue
        value, end, reason = _value_at(text, position)
        if not reason:
            for found in _unpacked(value, (), 0):
                yield _checked(found, line, bad_bytes=bad_bytes)
        else:
            if not (arrays and end > position):
                end = _end_of_line(text, position)
            rest = text[position:end]
            yield Unreadable(line, encoding_problem(rest) or reason, rest)
        position = end


def _after_gap(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _value_at(text: str, position: int) -> tuple[object, int, str]:
    """The object or array at a position and its end, or a reason why there is none."""
    try:
        value, end = _DECODER.raw_decode(text, position)
    except RecursionError:
        return None, position, "nested too deeply"
    except ValueError:
        return None, position, "not JSON"
    return value, end, "" if isinstance(value, dict | list) else "not an object"


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
    if bad_bytes and has_bad_bytes(shown(found.value)):
        return Unreadable(line, "not UTF-8", shown(found.value))
    return Raw(line, found.value, found.schema)


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
