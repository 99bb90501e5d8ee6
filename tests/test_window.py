"""Times are UTC, periods are half-open, and windows are whole hours."""

# ruff: noqa: DTZ001, DTZ901 - times without zone are among what is tested

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn import InvalidValueError, Period, Window
from exconn.window import HOUR, iso, parse_time, utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 1),
    max_value=datetime(9998, 12, 31),
    timezones=st.one_of(st.none(), ZONES),
)
WINDOWED = st.datetimes(min_value=datetime(100, 1, 1), max_value=datetime(9900, 1, 1))
SPANS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))


@given(MOMENTS)
def test_utc_keeps_the_instant_and_takes_a_time_without_zone_as_utc(moment: datetime) -> None:
    converted = utc(moment)
    assert converted.tzinfo is UTC
    assert converted == (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))),
    ],
)
def test_a_time_that_utc_cannot_hold_is_an_error_of_exconn(moment: datetime) -> None:
    with pytest.raises(InvalidValueError, match="outside the years 1 to 9999"):
        utc(moment)
    with pytest.raises(InvalidValueError):
        parse_time(moment.isoformat())
    with pytest.raises(InvalidValueError):
        Window(moment)


@given(MOMENTS)
def test_iso_text_is_read_back_as_the_same_instant(moment: datetime) -> None:
    text = iso(moment)
    assert text.endswith("Z")
    assert parse_time(text) == utc(moment)
    assert parse_time(f" {moment.isoformat()} ") == utc(moment)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-03-01T25:00", "\n"])
def test_text_that_is_not_a_time_is_a_one_line_error(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_time(text)
    assert "ISO 8601" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_period_may_be_empty_but_not_negative() -> None:
    assert Period(EPOCH, EPOCH).start == EPOCH
    with pytest.raises(InvalidValueError, match="before it starts"):
        Period(EPOCH, EPOCH - timedelta(microseconds=1))


@given(WINDOWED, SPANS, SPANS, SPANS)
def test_a_window_is_the_smallest_run_of_whole_hours_around_its_time(
    at: datetime, before: timedelta, after: timedelta, baseline: timedelta
) -> None:
    window = Window(at, before=before, after=after, baseline=baseline)
    for edge in (window.start, window.end, window.baseline_start):
        assert (edge - EPOCH) % HOUR == timedelta(0)
    assert timedelta(0) <= (window.at - before) - window.start < HOUR
    assert timedelta(0) <= window.end - (window.at + after) < HOUR
    assert timedelta(0) <= (window.start - baseline) - window.baseline_start < HOUR
    assert window.period == Period(window.baseline_start, window.end)


def test_a_window_reaches_back_a_week_and_forward_a_day_with_a_month_of_baseline() -> None:
    window = Window(datetime(2026, 3, 10, 9, 30))
    assert window.start == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert window.end == datetime(2026, 3, 11, 10, tzinfo=UTC)
    assert window.baseline_start == datetime(2026, 2, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("name", ["before", "after", "baseline"])
def test_a_window_cannot_reach_a_negative_way(name: str) -> None:
    with pytest.raises(InvalidValueError, match=f"{name}: must not be negative"):
        Window(EPOCH, **{name: timedelta(seconds=-1)})


@pytest.mark.parametrize("at", [datetime.min, datetime.max, datetime(9999, 12, 31, 23, 30)])
def test_a_time_without_room_for_a_window_is_an_error(at: datetime) -> None:
    with pytest.raises(InvalidValueError, match="no room"):
        Window(at, after=timedelta(0))
