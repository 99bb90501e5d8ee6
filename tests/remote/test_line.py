"""Calls to a service: their pace, and patience when it is busy. Time is simulated."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import Watch

from exconn import UnavailableError
from exconn.sources import Busy, Clock, Patience, Slow, TooMuch
from exconn.sources._line import Abandoned, Line, retry_after

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)


def answering(*answers: Exception | str) -> Callable[[], str]:
    """A service that answers so, one after the other."""
    waiting = list(answers)

    def ask() -> str:
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def asked(watch: Watch, patience: Patience, *answers: Exception | str) -> str:
    """Ask such a service."""
    line = Line("Service", watch.clock, patience)
    return line.call(answering(*answers), threading.Event())


def test_a_busy_service_is_asked_again_with_growing_pauses() -> None:
    watch = Watch(NOW)
    assert asked(watch, Patience(), Busy("a"), Busy("b"), Busy("c"), "well") == "well"
    assert watch.slept == [2, 4, 8]


def test_a_service_that_says_how_long_is_left_alone_so_long() -> None:
    watch = Watch(NOW)
    assert asked(watch, Patience(), Busy("a", timedelta(seconds=17)), "well") == "well"
    assert watch.slept == [17]
    watch = Watch(NOW)
    assert asked(watch, Patience(), Busy("a", timedelta(0)), "well") == "well"
    assert watch.slept == []


def test_patience_has_an_end() -> None:
    watch = Watch(NOW)
    with pytest.raises(UnavailableError, match=r"^Service: down; given up after 6 tries"):
        asked(watch, Patience(), *(Busy("down") for _ in range(9)))
    assert watch.slept == [2, 4, 8, 16, 32]
    watch = Watch(NOW)
    with pytest.raises(UnavailableError, match="asks to wait 900 s; given up after 1 try"):
        asked(watch, Patience(), Busy("quota", timedelta(minutes=15)), "never asked")
    assert watch.slept == []


def test_slowness_gets_one_more_try_and_limits_none() -> None:
    assert asked(Watch(NOW), Patience(), Slow("late"), "well") == "well"
    with pytest.raises(Slow):
        asked(Watch(NOW), Patience(), Slow("late"), Slow("late"), "never asked")
    with pytest.raises(TooMuch):
        asked(Watch(NOW), Patience(), TooMuch("rows"), "never asked")


def test_who_does_not_wait_any_more_asks_no_more() -> None:
    abandoned = threading.Event()
    abandoned.set()
    with pytest.raises(Abandoned):
        Line("Service", Watch(NOW).clock, Patience()).call(lambda: "never asked", abandoned)


@given(
    st.lists(st.sampled_from((0.0, 0.1, 1.0, 7.0, 59.0, 61.0)), min_size=1, max_size=40),
    st.integers(1, 5),
)
def test_no_minute_has_more_calls_than_allowed(pauses: list[float], most: int) -> None:
    watch = Watch(NOW)
    line = Line("Service", watch.clock, Patience(calls_per_minute=most))
    calls: list[datetime] = []
    for pause in pauses:
        watch.wait(pause)
        line.call(lambda: calls.append(watch.time), threading.Event())
    for call in calls:
        assert sum(call - timedelta(minutes=1) < other <= call for other in calls) <= most


def test_threads_share_the_pace() -> None:
    """Nine calls from nine threads, three a minute."""
    watch, lock = Watch(NOW), threading.Lock()
    calls: list[datetime] = []

    def wait(seconds: float, _until: object) -> None:
        with lock:  # of those who wait for the same time, only the first moves the clock
            watch.time = max(watch.time, NOW + timedelta(minutes=(len(calls) // 3)))
            watch.wait(0)
        time.sleep(0.001 if seconds else 0)

    line = Line(
        "Service",
        Clock(elapsed=watch.elapsed, wait=wait),
        Patience(calls_per_minute=3),
    )
    threads = [
        threading.Thread(
            target=line.call, args=(lambda: calls.append(watch.time), threading.Event())
        )
        for _ in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(call - NOW) / timedelta(minutes=1) for call in calls] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("0", timedelta(0)),
        (" 120 ", timedelta(seconds=120)),
        ("9" * 5000, timedelta(seconds=10**6)),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), timedelta(seconds=30)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), timedelta(0)),
        ("Sun, 08 Mar 2026 12:00:10 -0000", timedelta(seconds=10)),
        ("Sun, 99 Mar 2026 12:00:10 GMT", None),
        ("²", None),
    ],
)
def test_retry_after(header: str | None, expected: timedelta | None) -> None:
    assert retry_after(header, NOW) == expected


@given(st.one_of(st.text(), st.from_regex(r"\w+, \d+ \w+ \d+ \d+:\d+:\d+ \S+", fullmatch=True)))
def test_no_retry_after_is_a_crash(header: str) -> None:
    after = retry_after(header, NOW)
    assert after is None or after >= timedelta(0)


def test_a_present_that_stands_still_does_not_stop_the_calls() -> None:
    """Evidence of the past is looked at from its own present; pauses take real time."""
    line = Line("Service", Clock(now=lambda: NOW), Patience(calls_per_minute=1_000))
    ask = answering(Busy("now", timedelta(milliseconds=20)), "well")
    assert line.call(ask, threading.Event()) == "well"
