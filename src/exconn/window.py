"""When: periods, and the windows in which connectors are judged."""

from datetime import UTC, datetime, timedelta

from attrs import field, frozen

from exconn.errors import InvalidValueError

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(value: datetime) -> datetime:
    """The same instant in UTC; a time without zone is UTC already.

    Raises:
        InvalidValueError: it is no `datetime`, or lies in UTC outside the years 1 to 9999.
    """
    if not isinstance(value, datetime):
        raise InvalidValueError("time", f"expected a datetime (see parse_time), got {value!r}")
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidValueError("time", f"{value} lies outside the years 1 to 9999") from None


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time; without zone it is UTC.

    Raises:
        InvalidValueError: the text is not such a time.
    """
    try:
        return utc(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise InvalidValueError(
            "time", f"expected ISO 8601 such as 2026-03-01T14:00Z, got {text!r}"
        ) from None


def iso(value: datetime) -> str:
    """Write a time as ISO 8601 in UTC with a Z."""
    return utc(value).isoformat().replace("+00:00", "Z")


def floored(moment: datetime, size: timedelta = HOUR) -> datetime:
    """The last multiple of `size`, counted from 1970, that is not after a time in UTC."""
    return moment - (moment - _EPOCH) % size


def ceiled(moment: datetime, size: timedelta = HOUR) -> datetime:
    """The first multiple of `size`, counted from 1970, that is not before a time in UTC."""
    return moment + (_EPOCH - moment) % size


@frozen
class Period:
    """A half-open span of time in UTC: `start` belongs to it, `end` does not."""

    start: datetime = field(converter=utc)
    end: datetime = field(converter=utc)

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise InvalidValueError(
                "period", f"it ends ({iso(self.end)}) before it starts ({iso(self.start)})"
            )


EVER = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""All the time that there is."""


def _not_negative(_instance: object, attribute: object, value: timedelta) -> None:
    if value < timedelta(0):
        raise InvalidValueError(getattr(attribute, "name", "window"), "must not be negative")


@frozen
class Window:
    """The time in which a connector is judged, and the past it is compared with.

    The window is ``[start, end)``: from `before` the time `at` until `after` it, widened to whole
    hours, because facts are counted by the hour. The baseline is ``[baseline_start, start)``.

    Attributes:
        at: the time of the alert, or of the most suspicious event.
        before: how far the window reaches back; 7 days as in the playbook.
        after: how far it reaches forward.
        baseline: how far the baseline reaches back from the start of the window.
    """

    at: datetime = field(converter=utc)
    before: timedelta = field(default=timedelta(days=7), validator=_not_negative)
    after: timedelta = field(default=timedelta(days=1), validator=_not_negative)
    baseline: timedelta = field(default=timedelta(days=30), validator=_not_negative)

    def __attrs_post_init__(self) -> None:
        try:
            _ = self.period
        except OverflowError:
            raise InvalidValueError("time", f"{self.at} leaves no room for a window") from None

    @property
    def start(self) -> datetime:
        """The first instant of the window."""
        return floored(self.at - self.before)

    @property
    def end(self) -> datetime:
        """The first instant after the window."""
        return ceiled(self.at + self.after)

    @property
    def baseline_start(self) -> datetime:
        """The first instant of the baseline."""
        return floored(self.start - self.baseline)

    @property
    def period(self) -> Period:
        """Baseline and window together: all that is looked at."""
        return Period(self.baseline_start, self.end)
