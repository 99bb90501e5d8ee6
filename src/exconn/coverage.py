"""What data there is, and what it can and cannot support."""

import enum
from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from attrs import field, frozen

from exconn.tables import Reads, Table
from exconn.window import HOUR, Period, Window, iso

_WEEK = timedelta(days=7)
_WEEKS = 6
_NIGHT = timedelta(hours=6)
# A silence in which seven hours with rows were due comes about by chance once in a thousand times
# (e^-7, were they independent); with fewer, quiet weekends of small tenants would look like holes.
_EXPECTED_HOURS = 7
_MOST_SLACK = timedelta(days=1)
_NOTED_LAG = timedelta(minutes=1)


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
        hours: the hours in which it has rows, in order.
        missing: columns of the table that the piece lacks.
        undated: rows without a readable time; no window contains them.
        unreadable: for columns in which some text could not be converted, how many values.
    """

    name: str
    rows: int
    first: datetime | None = None
    last: datetime | None = None
    hours: tuple[datetime, ...] = field(default=(), repr=False)
    missing: frozenset[str] = frozenset()
    undated: int = 0
    unreadable: Mapping[str, int] = field(factory=dict)

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether the piece has rows in the hours of ``[start, end)``."""
        at = bisect_left(self.hours, end)
        return at > 0 and self.hours[at - 1] + HOUR > start


@frozen(slots=False)
class TableCoverage:
    """What there is of one table; no parts when it is missing.

    Attributes:
        minutes: the minutes of the clock in which the table has rows, in all its parts together.
            Unlike rows they do not grow with duplicates.
        asked: when the table was looked at, if more rows may arrive.
        since: nothing earlier was looked at; None when all that there is was.
        lag: how long after the event nearly all rows arrive; None when that is not known.
    """

    table: Table
    parts: tuple[Part, ...] = ()
    minutes: int = 0
    asked: datetime | None = None
    since: datetime | None = None
    lag: timedelta | None = None

    @property
    def rows(self) -> int:
        """Rows that have a time."""
        return sum(part.rows for part in self.parts)

    @property
    def undated(self) -> int:
        """Rows that have no readable time."""
        return sum(part.undated for part in self.parts)

    @cached_property
    def first(self) -> datetime | None:
        """The earliest event."""
        return min((part.first for part in self.parts if part.first), default=None)

    @cached_property
    def last(self) -> datetime | None:
        """The latest event."""
        return max((part.last for part in self.parts if part.last), default=None)

    def missing(self, start: datetime, end: datetime) -> frozenset[str]:
        """Columns that some piece with rows in ``[start, end)`` lacks."""
        lacking = {p.missing for p in self.parts if p.missing and p.touches(start, end)}
        return frozenset[str]().union(*lacking)

    @cached_property
    def hours(self) -> list[datetime]:
        """The hours in which the table has rows, in order."""
        return sorted(frozenset[datetime]().union(*(part.hours for part in self.parts)))

    @cached_property
    def slack(self) -> timedelta:
        """How long the table may be silent without a doubt: 50 times its mean gap.

        The gap is between minutes that have rows. At least an hour, at most a day.
        """
        if self.first is None or self.last is None or self.minutes < 2:
            return _MOST_SLACK
        return max(HOUR, min(_MOST_SLACK, 50 * (self.last - self.first) / (self.minutes - 1)))

    def silence(self, start: datetime, end: datetime) -> Period | None:
        """The longest silence in ``[start, end)`` that the table's own habits do not explain."""
        found = self.silences(start, end)
        return max(found, key=lambda gap: gap.end - gap.start, default=None)

    def silences(self, start: datetime, end: datetime) -> list[Period]:
        """Each silence in ``[start, end)`` that the table's own habits do not explain.

        They explain `slack`, and half as much again as the longest silence outside that time: a
        small tenant's weekend, say. Of a table that is silent at night they also explain a silence
        between rows in which, by the same hours of other weeks, few hours were to have any. At the
        ends of that time they do not: rows may be late, or cut off.
        """
        hours = self.hours
        inside = hours[bisect_left(hours, start) : bisect_left(hours, end)]
        silent = [(start, end)]
        if inside:
            silent = [
                (start, inside[0]),
                *(
                    (gap.start, gap.end)
                    for gap in self._gaps
                    if start <= gap.start - HOUR and gap.end < end
                ),
                (inside[-1] + HOUR, end),
            ]
        usual = max(
            (
                gap.end - gap.start
                for gap in self._gaps
                if gap.end < start or gap.start - HOUR >= end
            ),
            default=timedelta(0),
        )
        allowed = max(self.slack, 1.5 * usual)
        long = [Period(a, b) for a, b in silent if b - a > allowed]
        return [
            gap for gap in long if not (usual >= _NIGHT and self._is_explained(gap, start, end))
        ]

    @cached_property
    def _gaps(self) -> list[Period]:
        """The silences of whole hours between rows, in order."""
        return [Period(a + HOUR, b) for a, b in pairwise(self.hours) if b - a > HOUR]

    def _is_explained(self, gap: Period, start: datetime, end: datetime) -> bool:
        """Whether other weeks explain a silence that lies between rows."""
        between = start < gap.start and gap.end < end
        return between and self._expected_hours(gap) < _EXPECTED_HOURS

    def _expected_hours(self, gap: Period) -> float:
        """In how many hours of a silence there would be rows, by the same hours of other weeks."""
        known = frozenset(self.hours)
        weeks = range(-_WEEKS, _WEEKS + 1)
        first, last = self.hours[0], self.hours[-1]
        expected = 0.0
        for number in range((gap.end - gap.start) // HOUR):
            hour = gap.start + number * HOUR
            alike = [hour + week * _WEEK for week in weeks if week]
            seen = [other in known for other in alike if first <= other <= last]
            expected += sum(seen) / len(seen) if seen else 1.0
        return expected


@frozen
class Standing:
    """How one table stands in one window.

    Attributes:
        state: the verdict; anything but `PRESENT` cannot support a benign grade.
        missing_columns: of the columns that are read, those that some contributing piece lacks.
        covers_time: whether rows span the window, so that the absence of an event means something.
        reasons: why it is not `PRESENT`, a sentence each.
        notes: what else is to be known of it; it does not change the state.
    """

    coverage: TableCoverage
    state: TableState
    missing_columns: tuple[str, ...] = ()
    covers_time: bool = False
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


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

    def lacking(self, reads: Reads, start: datetime, end: datetime) -> Reads:
        """Of `reads`, what some piece with rows in ``[start, end)`` does not have.

        A missing table has nothing.
        """
        there = {table.table.name: table for table in self.tables if table.parts}
        missing = {name: table.missing(start, end) for name, table in there.items()}
        return frozenset(
            (name, column)
            for name, column in reads
            if name not in missing or column in missing[name]
        )

    def supports(self, reads: Reads, start: datetime, end: datetime) -> bool:
        """Whether nothing of `reads` is `lacking`."""
        return not self.lacking(reads, start, end)

    def standing(self, table: Table, window: Window, reads: Reads) -> Standing:
        """Judge a table in a window.

        It is partial when it is silent, in the window, for longer than its own habits explain: it
        begins late, ends early, or has a hole. The window is looked at up to where the data as a
        whole ends, for an incident may be still under way, but at least up to `window.at`. Where
        all tables end more than an hour before that, no habit explains it: the data does not reach
        what is to be judged.
        """
        coverage = self[table]
        if not coverage.parts:
            return Standing(coverage, TableState.MISSING, reasons=("there is no such table",))
        if not any(part.touches(window.start, window.end) for part in coverage.parts):
            return Standing(coverage, TableState.EMPTY, reasons=(_emptiness(coverage),))
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
        return Standing(
            coverage, state, missing, not about_time, tuple(reasons), _limits(coverage, window)
        )

    def _time_reasons(self, coverage: TableCoverage, window: Window) -> list[str]:
        if coverage.asked is not None and coverage.lag is not None:
            settled = coverage.asked - coverage.lag
            if settled < window.at:
                return [f"rows after {iso(settled)} may not have arrived yet"]
        data_end = self.last or window.end
        silence = coverage.silence(window.start, max(window.at, min(window.end, data_end)))
        if silence is None:
            reached = data_end >= window.at - HOUR
            return [] if reached else [f"all data ends at {iso(data_end)}, before {iso(window.at)}"]
        return [f"no rows from {iso(silence.start)} to {iso(silence.end)}"]


def _limits(coverage: TableCoverage, window: Window) -> tuple[str, ...]:
    """What a service that was asked does not show."""
    notes = []
    if coverage.since is not None and coverage.since > window.baseline_start:
        notes.append(f"nothing before {iso(coverage.since)} is looked at")
    if coverage.lag is not None and coverage.lag >= _NOTED_LAG:
        minutes = round(coverage.lag / timedelta(minutes=1))
        notes.append(f"rows arrive up to {minutes} minutes after the event")
    return tuple(notes)


def _emptiness(coverage: TableCoverage) -> str:
    if coverage.first is None or coverage.last is None:
        return f"no rows with a readable time, {coverage.undated} without"
    return f"no rows in the window; it has {iso(coverage.first)} to {iso(coverage.last)}"
