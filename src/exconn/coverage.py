"""What data there is, and what it can and cannot support."""

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import field, frozen

from exconn.tables import Reads, Table
from exconn.window import HOUR, Window, iso

_MOST_SLACK = timedelta(days=1)


class TableState(enum.StrEnum):
    """What can be said of a table in a window.

    `PRESENT`: rows across the whole window, with all columns that are read. `EMPTY`: no rows in
    the window. `MISSING`: no such table. `PARTIAL`: it starts late, ends early, lacks columns, or
    has values that cannot be read.
    """

    PRESENT = "present"
    EMPTY = "empty"
    MISSING = "missing"
    PARTIAL = "partial"


@frozen
class Part:
    """One piece of a table, usually a file, with columns of its own.

    Attributes:
        name: the file, or another name to show.
        rows: how many rows have a time.
        first: the earliest time; None without rows.
        last: the latest time.
        missing: columns of the table that the piece lacks.
        undated: rows without a readable time; no window contains them.
        unreadable: for columns in which some text could not be converted, how many values.
    """

    name: str
    rows: int
    first: datetime | None = None
    last: datetime | None = None
    missing: frozenset[str] = frozenset()
    undated: int = 0
    unreadable: Mapping[str, int] = field(factory=dict)

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether the piece may have rows in ``[start, end)``."""
        return (
            self.first is not None
            and self.last is not None
            and self.first < end
            and self.last >= start
        )


@frozen
class TableCoverage:
    """What there is of one table; no parts when it is missing.

    Attributes:
        minutes: the minutes of the clock in which the table has rows, in all its parts together.
            Unlike rows they do not grow with duplicates.
    """

    table: Table
    parts: tuple[Part, ...] = ()
    minutes: int = 0

    @property
    def rows(self) -> int:
        """Rows that have a time."""
        return sum(part.rows for part in self.parts)

    @property
    def undated(self) -> int:
        """Rows that have no readable time."""
        return sum(part.undated for part in self.parts)

    @property
    def first(self) -> datetime | None:
        """The earliest event."""
        return min((part.first for part in self.parts if part.first), default=None)

    @property
    def last(self) -> datetime | None:
        """The latest event."""
        return max((part.last for part in self.parts if part.last), default=None)

    def missing(self, start: datetime, end: datetime) -> frozenset[str]:
        """Columns that some piece with rows in ``[start, end)`` lacks."""
        lacking = [part.missing for part in self.parts if part.touches(start, end)]
        return frozenset[str]().union(*lacking)

    @property
    def slack(self) -> timedelta:
        """How long the table may be silent without a doubt: 50 times its mean gap.

        The gap is between minutes that have rows. At least an hour, at most a day.
        """
        if self.first is None or self.last is None or self.minutes < 2:
            return _MOST_SLACK
        return max(HOUR, min(_MOST_SLACK, 50 * (self.last - self.first) / (self.minutes - 1)))


@frozen
class Standing:
    """How one table stands in one window.

    Attributes:
        state: the verdict; anything but `PRESENT` cannot support a benign grade.
        missing_columns: of the columns that are read, those that some contributing piece lacks.
        covers_time: whether rows span the window, so that the absence of an event means something.
        reasons: why it is not `PRESENT`, a sentence each.
    """

    coverage: TableCoverage
    state: TableState
    missing_columns: tuple[str, ...] = ()
    covers_time: bool = False
    reasons: tuple[str, ...] = ()


@frozen
class Coverage:
    """What a source has of the tables that were asked for."""

    tables: tuple[TableCoverage, ...]

    def __getitem__(self, table: Table) -> TableCoverage:
        for coverage in self.tables:
            if coverage.table.name == table.name:
                return coverage
        return TableCoverage(table)

    @property
    def first(self) -> datetime | None:
        """The earliest event of all."""
        return min((table.first for table in self.tables if table.first), default=None)

    @property
    def last(self) -> datetime | None:
        """The latest event of all."""
        return max((table.last for table in self.tables if table.last), default=None)

    def supports(self, reads: Reads, start: datetime, end: datetime) -> bool:
        """Whether every column in `reads` is there in every piece with rows in ``[start, end)``.

        A missing table supports nothing.
        """
        for coverage in self.tables:
            wanted = {column for table, column in reads if table == coverage.table.name}
            if wanted and not coverage.parts:
                return False
            if wanted & coverage.missing(start, end):
                return False
        return {table for table, _ in reads} <= {c.table.name for c in self.tables}

    def standing(self, table: Table, window: Window, reads: Reads) -> Standing:
        """Judge a table in a window.

        It is late when it falls silent well before the window, or the data as a whole, ends (but
        never later than needed: data that ends just after `window.at` is an incident still under
        way), and truncated when it begins well after the window does. "Well" is `slack`.
        """
        coverage = self[table]
        if not coverage.parts:
            return Standing(coverage, TableState.MISSING, reasons=("there is no such table",))
        if not any(part.touches(window.start, window.end) for part in coverage.parts):
            return Standing(coverage, TableState.EMPTY, reasons=("no rows in the window",))
        wanted = {column for name, column in reads if name == table.name}
        missing = tuple(sorted(wanted & coverage.missing(window.start, window.end)))
        about_time = self._time_reasons(coverage, window)
        reasons = list(about_time)
        if missing:
            reasons.append(f"lacks {', '.join(missing)}")
        if coverage.undated:
            reasons.append(f"{coverage.undated} rows have no readable time")
        for part in coverage.parts:
            if part.touches(window.start, window.end):
                reasons += [
                    f"{count} values of {column} cannot be read"
                    for column, count in part.unreadable.items()
                    if column in wanted
                ]
        state = TableState.PARTIAL if reasons else TableState.PRESENT
        return Standing(coverage, state, missing, not about_time, tuple(reasons))

    def _time_reasons(self, coverage: TableCoverage, window: Window) -> list[str]:
        first, last, data_end = coverage.first, coverage.last, self.last
        if first is None or last is None or data_end is None:
            return ["no rows with a time"]
        reasons = []
        if first > window.start + coverage.slack:
            reasons.append(f"begins at {iso(first)}, after the window does")
        if last < max(window.at, min(window.end, data_end)) - coverage.slack:
            reasons.append(f"ends at {iso(last)}, before the window or the other tables do")
        return reasons
