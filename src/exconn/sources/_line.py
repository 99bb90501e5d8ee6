"""The line to a service: no more calls than it bears, and patience when it is busy."""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TypeVar

from attrs import field, frozen
from attrs.validators import ge

from exconn.errors import SignInError, UnavailableError

_T = TypeVar("_T")
_MINUTE = 60


@frozen
class Clock:
    """The time, and how it passes; tests give their own.

    Attributes:
        now: the present, in UTC; it says which rows are looked at, and may stand still.
        elapsed: seconds since some moment; it must go on while somebody waits.
        wait: lets some seconds pass, or fewer when the event comes first.
    """

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    elapsed: Callable[[], float] = field(default=time.monotonic)
    wait: Callable[[float, threading.Event], object] = field(
        default=lambda seconds, event: event.wait(seconds)
    )


@frozen(kw_only=True)
class Patience:
    """How much is tried before a service counts as unavailable.

    Attributes:
        tries: calls for one answer.
        wait: the longest time to wait for one answer, all pauses together.
        calls_per_minute: never more; Advanced Hunting grants 45.
    """

    tries: int = field(default=6, validator=ge(1))
    wait: timedelta = field(default=timedelta(minutes=5), validator=ge(timedelta(0)))
    calls_per_minute: int = field(default=40, validator=ge(1))


class Busy(Exception):  # noqa: N818 # what the service is, not an accident
    """A service cannot answer now, and may soon.

    Attributes:
        after: how long it asks to be left alone; None when it does not say.
    """

    def __init__(self, why: str, after: timedelta | None = None) -> None:
        super().__init__(why)
        self.after = after


class TokenRefused(Exception):  # noqa: N818 # what happened, not an accident
    """A service does not take the token; it may take another one."""


class TooMuch(Exception):  # noqa: N818 # what the answer is, not an accident
    """An answer is more than the service gives, or takes longer than it works."""


class Slow(TooMuch):
    """An answer takes longer than the service works; perhaps only this once."""


class Abandoned(Exception):  # noqa: N818 # nobody waits for the answer any more
    """Nobody waits for the answer any more."""


class Line:
    """Calls to one service, from several threads."""

    def __init__(self, service: str, clock: Clock, patience: Patience) -> None:
        self._service = service
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._starts: deque[float] = deque(maxlen=patience.calls_per_minute)
        self._free_from = clock.elapsed()

    def call(self, ask: Callable[[], _T], abandoned: threading.Event) -> _T:
        """Ask, again if need be.

        Raises:
            UnavailableError: it stays busy.
            SignInError: it does not take a second token either.
        """
        waited = timedelta(0)
        refused = False
        for number in count(1):
            self._wait_for_turn(abandoned)
            if abandoned.is_set():
                raise Abandoned
            try:
                return ask()
            except Busy as busy:
                pause = busy.after if busy.after is not None else timedelta(seconds=2**number)
                waited += pause
                if number >= self._patience.tries or waited > self._patience.wait:
                    raise UnavailableError(self._service, _given_up(busy, number)) from busy
                self._leave_alone(pause)
            except TokenRefused as error:
                if refused:
                    raise SignInError(self._service, f"{error}; sign in again") from error
                refused = True
            except Slow:
                if number > 1:
                    raise
        raise AssertionError  # pragma: no cover # count() does not end

    def _leave_alone(self, pause: timedelta) -> None:
        """Let no thread call before the pause is over."""
        with self._lock:
            until = self._clock.elapsed() + pause.total_seconds()
            self._free_from = max(self._free_from, until)

    def _wait_for_turn(self, abandoned: threading.Event) -> None:
        while (pause := self._until_turn()) > 0 and not abandoned.is_set():
            self._clock.wait(pause, abandoned)

    def _until_turn(self) -> float:
        """How many seconds to wait for a turn; none when it has been taken."""
        with self._lock:
            now = self._clock.elapsed()
            start = max(now, self._free_from)
            if len(self._starts) == self._starts.maxlen:
                start = max(start, self._starts[0] + _MINUTE)
            if start == now:
                self._starts.append(now)
            return start - now


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Read `Retry-After`, which is seconds or a date (RFC 9110, section 10.2.3).

    Returns:
        None when it is absent or neither.
    """
    given = (header or "").strip()
    if given.isascii() and given.isdigit():
        return timedelta(seconds=min(int(given[:9]), 10**6))
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(until - now, timedelta(0))


def _given_up(busy: Busy, tries: int) -> str:
    asked = f", and asks to wait {busy.after.total_seconds():.0f} s" if busy.after else ""
    return f"{busy}{asked}; given up after {tries} {'try' if tries == 1 else 'tries'}: try later"
