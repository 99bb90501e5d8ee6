"""JSON and JSON lines become raw records; nothing is dropped silently."""

import itertools
import json
import re
from collections.abc import Iterator

from attrs import define, frozen

from exconn.ingest._cells import DECODER, OF_EVENTS, fold
from exconn.ingest._lines import Line, is_piece
from exconn.ingest._raw import NOT_UTF8, Raw, Unreadable, encoding_problem, has_bad_bytes, shown

_BETWEEN = re.compile(r"[\s,\x1e]*")
_ARRAY = re.compile(r"\[\s*")
_TO_THE_NEXT = re.compile(r"[^\n]*?\}[ \t]*,[ \t]*(?=\{)")
"""What is up to the next object on the line, or what looks like one."""

_RESPONSE = re.compile(r'"(?:results|records|value)"\s*:\s*\[\s*(?=\{)', re.IGNORECASE)
"""What is before the records of a response."""

_LONGEST_HEAD = 1 << 16
_NOT_JSON = "not JSON"
_NOT_WHOLE = "a response that is not whole: its records were read one by one; download it again"
_NOT_AN_ENVELOPE = OF_EVENTS | {"category"}
_NESTED_ENVELOPES = 4
_MOST_HEAD = 1_000
_READ_AT_ONCE = 1 << 20
_LARGEST_VALUE = 128 << 20
_WINDOW = 1 << 14
_CUT_TOKEN = 16
"""Characters of a word, a number or an escape that the end of what was read may cut."""


class _TooLargeError(Exception):
    """A value is larger than may be held."""


def json_records(lines: Iterator[Line]) -> Iterator[Raw | Unreadable]:
    """Read a text of JSON or JSON lines.

    JSON lines are read line by line, and arrays of objects object by object. Any other value, such
    as a response with its rows, is loaded whole, up to a bound.
    """
    head: list[Line] = []
    for line in lines:
        text = line.text.strip()
        if head or text:
            head.append(line)
        if text not in ("", "[") or len(head) >= _MOST_HEAD:
            break
    everything = itertools.chain(head, lines)
    if head and _goes_on(head[-1]):
        yield from _of_text(_Text(everything))
        return
    arrays = sum(line.text.strip() == "[" for line in head)
    for line in everything:
        text = line.text.strip()
        if arrays and text in ("[", "]", ","):
            continue
        if is_piece(line) or (text.startswith("{") and text.endswith(("{", "["))):
            yield from _of_text(_Text(itertools.chain([line], everything)), arrays)
        else:
            yield from _of_text(_Text(iter([line])), arrays)


def _goes_on(line: Line) -> bool:
    """Whether a JSON value begins on a line and does not end there."""
    text = line.text.strip().rstrip(",")
    if not text.startswith(("{", "[")) or text == "[":
        return False
    if is_piece(line):
        return True
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text)
    except (RecursionError, ValueError):
        return False
    return False


@define
class _Text:
    """A text that is read on where it is needed; what is before the position is forgotten.

    Attributes:
        text: what was read and is not forgotten.
        position: how far it was used.
        line: the number of the line there.
    """

    _lines: Iterator[Line]
    text: str = ""
    position: int = 0
    line: int = 0

    def more(self) -> bool:
        """Read as much again as is unused, where there is more.

        Raises:
            _TooLargeError: too much is unused.
        """
        unused = len(self.text) - self.position
        if unused > _LARGEST_VALUE:
            raise _TooLargeError
        pieces: list[str] = []
        size = 0
        for line in self._lines:
            self.line = self.line or line.number
            pieces.append(line.text)
            size += len(line.text)
            if size >= max(unused, _READ_AT_ONCE):
                break
        if size:
            self.text, self.position = "".join([self.text[self.position :], *pieces]), 0
        return size > 0

    def use(self, end: int) -> None:
        """Use the text up to there."""
        self.line += self.text.count("\n", self.position, end)
        self.position = end

    def after(self, pattern: re.Pattern[str]) -> int:
        """Where what matches a pattern ends, and something else begins or the text ends."""
        while True:
            match = pattern.match(self.text, self.position)
            end = match.end() if match else self.position
            if end < len(self.text) or not self.more():
                return end

    def end_of_line(self) -> int:
        """Where the line ends, or the text."""
        while (end := self.text.find("\n", self.position)) < 0:
            if not self.more():
                return len(self.text)
        return end


def _of_text(text: _Text, arrays: int = 0) -> Iterator[Raw | Unreadable]:
    """Read the values of a text that begins inside so many arrays."""
    in_response = False
    try:
        while True:
            text.use(text.after(_BETWEEN))
            match text.text[text.position : text.position + 1]:
                case "":
                    return
                case "[" if text.text[(end := text.after(_ARRAY)) : end + 1] == "{":
                    arrays += 1
                    text.use(end)
                case "]" if arrays:
                    arrays -= 1
                    text.use(text.position + 1)
                case "}" if in_response and not arrays:
                    in_response = False
                    text.use(text.position + 1)
                case _:
                    value, end, reason = _value(text)
                    is_broken = reason == _NOT_JSON and not arrays
                    if is_broken and (records := _records_of_response(text)):
                        yield Unreadable(text.line, _NOT_WHOLE, text.text[text.position : records])
                        in_response, arrays, end = True, 1, records
                    elif reason:
                        end = _end_of_no_value(text, end, reason, in_array=arrays > 0)
                        rest = text.text[text.position : end]
                        yield Unreadable(text.line, encoding_problem(rest) or reason, rest)
                    else:
                        bad_bytes = has_bad_bytes(text.text[text.position : end])
                        for found in _unpacked(value, (), 0):
                            yield _checked(found, text.line, bad_bytes=bad_bytes)
                    text.use(end)
    except _TooLargeError:
        reason = f"a JSON value of more than {_LARGEST_VALUE >> 20} MiB, and all after it: split it"
        yield Unreadable(text.line, reason)


def _end_of_no_value(text: _Text, end: int, reason: str, *, in_array: bool) -> int:
    """Where what is no record ends: at the next object, or with the line."""
    if in_array and reason == _NOT_JSON:
        passed = _TO_THE_NEXT.match(text.text, text.position)
        if passed:
            return passed.end()
    return end if in_array and end > text.position else text.end_of_line()


def _records_of_response(text: _Text) -> int:
    """Where the records of a response begin that cannot be read as a whole; 0 where none do."""
    if text.text[text.position : text.position + 1] != "{":
        return 0
    found = _RESPONSE.search(text.text, text.position, text.position + _LONGEST_HEAD)
    return found.end() if found else 0


def _value(text: _Text) -> tuple[object, int, str]:
    """The object or array at the position and its end, or a reason why there is none."""
    size = _WINDOW
    while True:
        # An error counts the lines before it: of all that was read, that would take too long.
        window = text.text[text.position : text.position + size]
        try:
            value, end = DECODER.raw_decode(window)
        except RecursionError:
            return None, text.position, "nested too deeply"
        except json.JSONDecodeError as error:
            if not (_is_cut(error) and (len(window) == size or text.more())):
                return None, text.position, _NOT_JSON
        except ValueError:
            return None, text.position, _NOT_JSON
        else:
            reason = "" if isinstance(value, dict | list) else "not an object"
            if not (reason and len(window) == size and end >= size - _CUT_TOKEN):
                return value, text.position + end, reason
        size *= 4


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Whether the text may only have ended too early."""
    at_end = error.pos >= len(error.doc) - _CUT_TOKEN
    return at_end or error.msg.startswith("Unterminated string")


@frozen
class _Found:
    value: object
    schema: tuple[str, ...]


def _checked(found: _Found, line: int, *, bad_bytes: bool) -> Raw | Unreadable:
    if not isinstance(found.value, dict):
        return Unreadable(line, "not an object", shown(found.value))
    if bad_bytes and has_bad_bytes(shown(found.value)):
        return Unreadable(line, NOT_UTF8, shown(found.value))
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
    """The records in a response, a batch or a table of one, and the columns that it declares."""
    by_name = {fold(name): member for name, member in value.items()}
    if by_name.keys() & _NOT_AN_ENVELOPE:
        return None
    schema = by_name.get("schema")
    results = by_name.get("results")
    if isinstance(schema, list) and isinstance(results, dict | list):
        return (results if isinstance(results, list) else [results]), tuple(_names(schema))
    columns, rows = by_name.get("columns"), by_name.get("rows")
    if isinstance(columns, list) and isinstance(rows, list):
        names = tuple(_names(columns))
        return [_row(names, row) for row in rows], names
    lists = [
        contents
        for name in ("results", "records", "value", "tables")
        if isinstance(contents := by_name.get(name), list)
        and all(isinstance(e, dict) for e in contents)
    ]
    if lists:
        return list(itertools.chain(*lists)), ()
    if isinstance(by_name.get("d"), dict | list) and len(by_name) == 1:
        return by_name["d"], ()
    return None


def _names(schema: list[object]) -> Iterator[str]:
    for column in schema:
        if isinstance(column, dict):
            by_name = {fold(name): member for name, member in column.items()}
            name = by_name.get("name", by_name.get("columnname"))
            if isinstance(name, str):
                yield name


def _row(names: tuple[str, ...], cells: object) -> object:
    """A row of a table as an object; as it is where it is not as wide as the table."""
    if isinstance(cells, list) and len(cells) == len(names):
        return dict(zip(names, cells, strict=True))
    return cells
