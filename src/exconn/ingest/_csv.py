"""CSV, as portals, PowerShell and spreadsheets write it, becomes raw records."""

import csv
import itertools
import re
from collections.abc import Iterator

from attrs import define, evolve, field, frozen

from exconn.ingest._cells import fold
from exconn.ingest._lines import Line, Lines
from exconn.ingest._raw import Raw, Unreadable, encoding_problem
from exconn.ingest._times import is_local, parse_moment
from exconn.ingest._trace import by_recipient
from exconn.tables import TABLES

_DELIMITERS = ",;\t|"
_BEFORE_HEADER = re.compile(r"\"?(?:#TYPE .*|sep=(.))\"?\s*", re.IGNORECASE)
_MOST_BEFORE = 10
_SAMPLE = 5
_MOST_COLUMNS = 1_000
_LONGEST_ROW = 16 << 20
_MOST_REREAD = 256 << 20
_INERT = re.compile(r"""([ "]*)'(?=[-=+@\t\r\uff0d\uff1d\uff0b\uff20])""")
"""What a spreadsheet, or exconn's own CSV, puts before a text that would be computed."""

_VALUE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^@\s]+@[^@\s]+\.[^@\s]+"
    r"|\S+ [0-9]{1,2}, [0-9]{4}.*",
    re.IGNORECASE,
)
"""A GUID, an address of mail, or a time as people write it in words."""

_NO_HEADER = "CSV without a header: put the names of the columns on its first line"
_WHOLE_RECORDS = {"auditdata", "raweventdata"}
_KNOWN = _WHOLE_RECORDS.union(
    (fold(name) for table in TABLES for name in table.names),
    ("timegenerated", "creationdate", "createddatetime", "operation", "operations"),
    ("received", "senderaddress", "sender_address"),
    ("name", "identity", "domainname", "connectorid"),
)
"""Columns of which the header of an export that exconn reads has some."""


@frozen
class Form:
    """How a text is CSV.

    Attributes:
        header: what is in its header.
        line: where that is.
        delimiter: what is between cells.
        is_headless: whether that row is a record, and the header is missing.
    """

    header: tuple[str, ...]
    line: int
    delimiter: str
    is_headless: bool = False


def csv_form(lines: Lines) -> Form | None:
    """The form of a text that is CSV, None for any other; the lines stay where they are.

    It has a header with a known column, and a row as wide as that, where there are rows; or any
    header, and only rows of its width.
    """
    seen: list[Line] = []
    form = _form(lines, seen)
    lines.give_back(seen)
    return form


def csv_records(lines: Lines, form: Form) -> Iterator[Raw | Unreadable]:
    """Read the rows below the header; cells are text. Without a header none can be read.

    A quote that never ends spoils only its line: those below it are read again.
    """
    for line in lines:
        if line.number == form.line:
            if form.is_headless:
                lines.give_back([line])
            break
    names = _names(form.header)
    missing = _NO_HEADER if form.is_headless else ""
    for row in _Rows(lines, form.delimiter):
        problem = encoding_problem(row.text) or ("" if row.is_csv else "not CSV")
        if not problem and not any(cell.strip() for cell in row.cells):
            continue
        if problem or missing:
            yield Unreadable(row.line, problem or missing, row.text)
        elif row.cells == form.header:
            continue
        elif len(row.cells) != len(names):
            yield Unreadable(row.line, "not as many cells as the header", row.text)
        else:
            for record in by_recipient(dict(zip(names, map(_plain, row.cells), strict=True))):
                yield Raw(row.line, record)


@define
class _Taken:
    """The lines that are taken for one row."""

    source: Lines
    lines: list[Line] = field(factory=list)
    size: int = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.size > _LONGEST_ROW:
            raise StopIteration
        line = next(self.source)
        self.lines.append(line)
        self.size += len(line.text)
        return line.text


@frozen
class _Row:
    """A row as it was found: its lines, and its cells, which are none where it is not CSV."""

    lines: list[Line]
    cells: tuple[str, ...]
    is_csv: bool = True

    @property
    def line(self) -> int:
        return self.lines[0].number

    @property
    def text(self) -> str:
        return "".join(line.text for line in self.lines)


@define
class _Rows(Iterator[_Row]):
    """The rows that lines make.

    A line that is not CSV is a row; those that its quote swallowed are read again, up to a bound.
    """

    lines: Lines
    delimiter: str
    rereadable: int = field(factory=lambda: _MOST_REREAD)

    def __attrs_post_init__(self) -> None:
        # The limit is one of the process; the default is less than an audit record may have.
        csv.field_size_limit(max(csv.field_size_limit(), 2 * _LONGEST_ROW))

    def __next__(self) -> _Row:
        taken = _Taken(self.lines)
        try:
            cells = next(csv.reader(taken, delimiter=self.delimiter, strict=True))
        except csv.Error:
            self.rereadable -= taken.size
            if self.rereadable > 0:
                self.lines.give_back(taken.lines[1:])
                del taken.lines[1:]
            return _Row(taken.lines, (), is_csv=False)
        return _Row(taken.lines, tuple(cells))


def _form(lines: Lines, seen: list[Line]) -> Form | None:
    delimiters = _DELIMITERS
    for line in lines:
        if not line.text.strip():
            continue
        seen.append(line)
        before = _BEFORE_HEADER.fullmatch(line.text)
        if before is None or len(seen) > _MOST_BEFORE:
            break
        delimiters = before[1] or delimiters
    else:
        return None
    forms = (Form(_header(line, mark), line.number, mark) for mark in delimiters)
    form = max(forms, key=lambda form: len(form.header))
    if line.text.lstrip().startswith(("{", "[")) or len(form.header) > _MOST_COLUMNS:
        return None
    sample = list(itertools.islice(_Rows(lines, form.delimiter), _SAMPLE))
    seen += (line for row in sample for line in row.lines)
    wide = [len(row.cells) == len(form.header) for row in sample if row.text.strip()]
    names = {fold(name) for name in form.header}
    if len(form.header) == 1:
        is_csv = any(wide) and bool(names & _WHOLE_RECORDS)
    elif names & _KNOWN:
        is_csv = any(wide) or not wide
    else:
        is_csv = len(form.header) > 2 and all(wide) and bool(wide)
    return evolve(form, is_headless=any(map(_is_value, form.header))) if is_csv else None


def _is_value(cell: str) -> bool:
    """Whether a cell is what records hold, and no header: a time, an object, an id, an address."""
    is_time = parse_moment(cell) is not None or is_local(cell)
    return is_time or cell.startswith("{") or _VALUE.fullmatch(cell) is not None


def _header(line: Line, delimiter: str) -> tuple[str, ...]:
    row = next(_Rows(Lines(iter([line])), delimiter))
    return tuple(cell.strip() for cell in row.cells)


def _names(header: tuple[str, ...]) -> list[str]:
    """A name for each column: of columns of one name, all but the first are spelt with ``_``."""
    names: dict[str, None] = {}
    for number, name in enumerate(header, start=1):
        unique = name or f"column {number}"
        while unique in names:
            unique += "_"
        names[unique] = None
    return list(names)


def _plain(cell: str) -> str:
    made_inert = _INERT.match(cell)
    return made_inert[1] + cell[made_inert.end() :] if made_inert else cell
