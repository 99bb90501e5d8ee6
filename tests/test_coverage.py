"""Coverage tells what the data can support, and never takes absence for innocence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn import Coverage, Part, Standing, TableCoverage, TableState, Window
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WINDOW = Window(AT)
READS = frozenset({("EmailEvents", "Connectors"), ("EmailEvents", "Timestamp")})


def hourly(first: datetime, last: datetime) -> tuple[datetime, ...]:
    """The hours from one time to another; of long spans the ends and every 100th."""
    start = first.replace(minute=0, second=0, microsecond=0)
    hours = int((last - start) / HOUR)
    step = 1 if hours < 2000 else hours // 100
    return (*(start + n * HOUR for n in range(0, hours, step)), start + hours * HOUR)


def part(
    first: datetime = WINDOW.baseline_start,
    last: datetime = WINDOW.end,
    *,
    rows: int = 5000,
    missing: tuple[str, ...] = (),
    undated: int = 0,
    unreadable: dict[str, int] | None = None,
) -> Part:
    return Part(
        name="mail.parquet",
        rows=rows,
        first=first,
        last=last,
        hours=hourly(first, last),
        missing=frozenset(missing),
        undated=undated,
        unreadable=unreadable or {},
    )


def mail(*parts: Part) -> Coverage:
    return Coverage((TableCoverage(EMAIL_EVENTS, parts),))


def standing(*parts: Part, reads: frozenset[tuple[str, str]] = READS) -> Standing:
    return mail(*parts).standing(EMAIL_EVENTS, WINDOW, reads)


def test_rows_across_the_window_with_all_columns_are_present() -> None:
    found = standing(part())
    assert found.state is TableState.PRESENT
    assert found.covers_time
    assert (found.reasons, found.missing_columns) == ((), ())


def test_a_table_without_parts_is_missing() -> None:
    for coverage in (mail(), Coverage(())):
        found = coverage.standing(EMAIL_EVENTS, WINDOW, READS)
        assert found.state is TableState.MISSING
        assert not found.covers_time
        assert len(found.reasons) == 1


@pytest.mark.parametrize(
    "only",
    [
        part(AT - 90 * DAY, WINDOW.start - timedelta(microseconds=1)),
        part(WINDOW.end, WINDOW.end + DAY),
        Part(name="empty.parquet", rows=0),
        Part(name="undated.parquet", rows=0, undated=7),
    ],
)
def test_a_table_without_rows_in_the_window_is_empty(only: Part) -> None:
    found = standing(only)
    assert found.state is TableState.EMPTY
    assert not found.covers_time
    assert found.reasons


def test_a_column_that_is_read_and_missing_makes_a_table_partial() -> None:
    found = standing(part(missing=("Connectors", "Subject")))
    assert found.state is TableState.PARTIAL
    assert found.missing_columns == ("Connectors",)
    assert found.covers_time
    assert "Connectors" in found.reasons[0]
    assert "Subject" not in found.reasons[0]


def test_a_missing_column_that_is_not_read_does_not_matter() -> None:
    assert standing(part(missing=("Subject",))).state is TableState.PRESENT


def test_a_missing_column_of_a_part_outside_the_window_does_not_matter() -> None:
    old = part(AT - 90 * DAY, AT - 60 * DAY, missing=("Connectors",))
    assert standing(part(), old).state is TableState.PRESENT
    assert standing(part(), part(AT, AT, missing=("Connectors",))).state is TableState.PARTIAL


def test_a_table_that_begins_well_after_the_window_is_truncated() -> None:
    found = standing(part(first=WINDOW.start + 2 * DAY))
    assert found.state is TableState.PARTIAL
    assert not found.covers_time
    assert "no rows from 2026-03-03T12:00:00Z to 2026-03-05T12:00:00Z" in found.reasons[0]


def test_a_table_that_falls_silent_before_its_window_ends_is_late_when_others_go_on() -> None:
    silent = TableCoverage(EMAIL_EVENTS, (part(last=AT - 2 * DAY),))
    going_on = TableCoverage(IDENTITY_LOGON_EVENTS, (part(),))
    for coverage in (Coverage((silent,)), Coverage((silent, going_on))):
        found = coverage.standing(EMAIL_EVENTS, WINDOW, READS)
        assert found.state is TableState.PARTIAL
        assert not found.covers_time
        assert "no rows from 2026-03-08T13:00:00Z to" in found.reasons[0]


def test_data_that_ends_just_after_the_alert_is_an_incident_under_way() -> None:
    assert standing(part(last=AT)).state is TableState.PRESENT
    ends_with_all = Coverage(
        (
            TableCoverage(EMAIL_EVENTS, (part(last=AT + timedelta(hours=2)),)),
            TableCoverage(CLOUD_APP_EVENTS, (part(last=AT + timedelta(hours=2)),)),
        )
    )
    assert ends_with_all.standing(EMAIL_EVENTS, WINDOW, READS).state is TableState.PRESENT


@pytest.mark.parametrize(("hours", "reached"), [(0.9, True), (1.1, False), (3, False)])
def test_data_that_ends_hours_before_the_alert_does_not_reach_it(
    hours: float,
    reached: bool,  # noqa: FBT001
) -> None:
    """However long the table is silent at other times."""
    found = standing(part(last=AT - timedelta(hours=hours)))
    assert (found.state is TableState.PRESENT) is reached
    assert found.covers_time is reached
    if not reached:
        assert found.reasons[0].startswith("all data ends at 2026-03-")


def test_a_table_that_ends_long_before_the_other_tables_do_is_late() -> None:
    coverage = Coverage(
        (
            TableCoverage(EMAIL_EVENTS, (part(last=AT),), minutes=50_000),
            TableCoverage(CLOUD_APP_EVENTS, (part(),)),
        )
    )
    found = coverage.standing(EMAIL_EVENTS, WINDOW, READS)
    assert found.state is TableState.PARTIAL
    assert not found.covers_time


def test_rows_without_a_readable_time_make_a_table_partial_but_leave_its_span() -> None:
    found = standing(part(undated=3))
    assert found.state is TableState.PARTIAL
    assert found.covers_time
    assert found.reasons == ("3 rows have no readable time",)


def test_unreadable_values_count_where_their_column_is_read() -> None:
    reads = READS | {("EmailEvents", "UrlCount")}
    broken = part(unreadable={"UrlCount": 2})
    assert standing(broken).state is TableState.PRESENT
    found = standing(broken, reads=reads)
    assert found.state is TableState.PARTIAL
    assert found.reasons == ("2 values of UrlCount cannot be read",)
    old = part(AT - 90 * DAY, AT - 60 * DAY, unreadable={"UrlCount": 2})
    assert standing(part(), old, reads=reads).state is TableState.PRESENT


SPANS = st.tuples(st.integers(-60, 20), st.integers(0, 60)).map(
    lambda span: (AT + span[0] * DAY, AT + (span[0] + span[1]) * DAY)
)
PARTS = st.lists(
    st.builds(
        lambda span, missing: part(*span, missing=missing),
        SPANS,
        st.sampled_from([(), ("Connectors",), ("Subject",), ("Connectors", "Subject")]),
    ),
    max_size=4,
)


@given(PARTS, SPANS)
def test_columns_are_missing_in_a_span_when_a_part_with_rows_there_lacks_them(
    parts: list[Part], span: tuple[datetime, datetime]
) -> None:
    start, end = span
    expected: set[str] = set()
    for piece in parts:
        if any(hour < end and hour + HOUR > start for hour in piece.hours):
            expected |= piece.missing
    assert TableCoverage(EMAIL_EVENTS, tuple(parts)).missing(start, end) == expected


@given(PARTS, SPANS, st.sampled_from([("Connectors",), ("Subject",), ("Connectors", "To"), ()]))
def test_reads_are_supported_when_no_part_of_the_span_lacks_a_column(
    parts: list[Part], span: tuple[datetime, datetime], columns: tuple[str, ...]
) -> None:
    coverage = mail(*parts)
    reads = frozenset(("EmailEvents", column) for column in columns)
    missing = TableCoverage(EMAIL_EVENTS, tuple(parts)).missing(*span)
    expected = not reads or (bool(parts) and not missing & set(columns))
    assert coverage.supports(reads, *span) is expected


def test_a_table_that_nobody_asked_for_supports_nothing() -> None:
    reads = frozenset({("CloudAppEvents", "ActionType")})
    assert not mail(part()).supports(reads, WINDOW.start, WINDOW.end)
    assert not mail(part()).supports(reads | READS, WINDOW.start, WINDOW.end)


@given(PARTS)
def test_a_table_sums_up_its_parts(parts: list[Part]) -> None:
    coverage = TableCoverage(EMAIL_EVENTS, (*parts, Part(name="empty", rows=0, undated=2)))
    assert coverage.rows == 5000 * len(parts)
    assert coverage.undated == 2
    assert coverage.first == min((piece.first for piece in parts if piece.first), default=None)
    assert coverage.last == max((piece.last for piece in parts if piece.last), default=None)
    whole = Coverage((coverage, TableCoverage(CLOUD_APP_EVENTS)))
    assert (whole.first, whole.last) == (coverage.first, coverage.last)
    assert whole[EMAIL_EVENTS] is coverage
    assert whole[IDENTITY_LOGON_EVENTS] == TableCoverage(IDENTITY_LOGON_EVENTS)


@given(SPANS, st.integers(0, 10**6))
def test_slack_is_fifty_mean_gaps_between_an_hour_and_a_day(
    span: tuple[datetime, datetime], minutes: int
) -> None:
    slack = TableCoverage(EMAIL_EVENTS, (part(*span),), minutes).slack
    if minutes < 2:
        assert slack == DAY
    else:
        fifty_gaps = 50 * (span[1] - span[0]) / (minutes - 1)
        assert slack == sorted([timedelta(hours=1), fifty_gaps, DAY])[1]


@given(PARTS)
def test_a_standing_that_is_not_present_says_why(parts: list[Part]) -> None:
    found = standing(*parts)
    assert (found.state is TableState.PRESENT) is (not found.reasons)
    if found.state in (TableState.MISSING, TableState.EMPTY):
        assert not found.covers_time
    if found.missing_columns:
        assert found.state is TableState.PARTIAL


def with_hole(hours: int, *, usual: int = 0) -> TableCoverage:
    """Rows in every hour but for a hole before the alert; and, if usual, for one long before."""
    holes = [(AT - hours * HOUR, AT)]
    holes += [(WINDOW.baseline_start + DAY, WINDOW.baseline_start + DAY + usual * HOUR)]
    kept = tuple(
        hour
        for hour in hourly(WINDOW.baseline_start, WINDOW.end)
        if not any(start <= hour < end for start, end in holes)
    )
    piece = Part(name="x", rows=len(kept), first=kept[0], last=kept[-1], hours=kept)
    return TableCoverage(EMAIL_EVENTS, (piece,), minutes=50_000)


def test_a_hole_in_the_middle_is_seen_unless_the_table_is_often_as_silent() -> None:
    for hole, usual, seen in ((2, 0, True), (60, 0, True), (60, 48, False), (60, 24, True)):
        found = Coverage((with_hole(hole, usual=usual),)).standing(EMAIL_EVENTS, WINDOW, READS)
        assert (found.state is TableState.PARTIAL) is seen
        assert found.covers_time is not seen
        if seen:
            assert f"to {AT:%Y-%m-%dT%H}" in found.reasons[0]


def test_a_single_row_far_away_does_not_make_an_empty_window_look_covered() -> None:
    far = WINDOW.end + 300 * DAY
    before = hourly(WINDOW.baseline_start, WINDOW.start - HOUR)
    piece = Part(name="x", rows=9, first=before[0], last=far, hours=(*before, far))
    assert standing(piece).state is TableState.EMPTY
