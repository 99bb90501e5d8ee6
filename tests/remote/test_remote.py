"""What a remote source promises, whatever the service."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from attrs import field, mutable
from places import HOURS, PLACES, UNHURRIED, Watch, served

from exconn import MemorySource, Query, ResultCache, SourceError, UnavailableError, scan
from exconn.detectors import within
from exconn.errors import IncompleteResultError
from exconn.kql import KUSTO, Dialect, Statement
from exconn.simulate import demo_tenant
from exconn.sources import Clock, Patience, RemoteSource, Reply, Slow
from exconn.tables import EMAIL_EVENTS
from exconn.testing import assert_same_rows, check_source
from exconn.window import Period

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STAMP = pl.col("Timestamp")
COLUMNS = [[name, "string"] for name in EMAIL_EVENTS.names if name != "Timestamp"]


@mutable(eq=False)
class Fake:
    """A service that knows EmailEvents and answers as it is told to."""

    answer: Callable[[str], Reply]
    place: str = "somewhere"
    name: str = "Fake"
    dialect: Dialect = KUSTO
    at_once: int = 2
    asked: list[str] = field(factory=list)

    def run(self, statement: Statement) -> Reply:
        if "getschema" in statement.text:
            return Reply(["ColumnName", "ColumnType"], [["Timestamp", "datetime"], *COLUMNS])
        self.asked.append(statement.text)
        return self.answer(statement.text)


def source(service: Fake, watch: Watch | None = None) -> RemoteSource:
    return RemoteSource(service, clock=(watch or Watch(NOW)).clock, patience=UNHURRIED)


def mail(*rows: tuple[timedelta, str]) -> dict[str, pl.DataFrame]:
    """Mail so long ago, from such a domain."""
    times, domains = [NOW - ago for ago, _ in rows], [domain for _, domain in rows]
    connectors = ["relay"] * len(rows)
    frame = {"Timestamp": times, "SenderFromDomain": domains, "Connectors": connectors}
    return {"EmailEvents": pl.DataFrame(frame)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["anti", "semi", "inner", "left"])
def test_joins_see_all_of_their_other_side(place: str, how: str) -> None:
    """What is new now is found by what was there before."""
    frames = mail((10 * DAY, "known.test"), (DAY / 2, "known.test"), (DAY / 2, "new.test"))
    recent, past = Period(NOW - 2 * DAY, NOW), Period(NOW - 20 * DAY, NOW - 2 * DAY)
    rows = scan(EMAIL_EVENTS).select("Timestamp", "SenderFromDomain", "Connectors")
    now = scan(EMAIL_EVENTS).filter(within(recent)).select("Timestamp", "SenderFromDomain")
    before = rows.filter(within(past)).group_by("SenderFromDomain").agg(N=pl.len())
    query = now.join(before, on="SenderFromDomain", how=how)  # type: ignore[arg-type]
    ours = query.collect(MemorySource(frames))
    with served(place, frames, now=NOW) as there:
        found = there.source().collect([query])[0]
    assert_same_rows(found, ours)


@pytest.mark.parametrize("place", PLACES)
def test_joins_by_a_bin_see_all_of_the_bin(place: str) -> None:
    """The left side begins amid an hour of which the right side has more."""
    frames = mail(*((timedelta(minutes=7 * n), f"d{n % 3}.test") for n in range(60)))
    start = NOW - timedelta(hours=3, minutes=30)
    binned = scan(EMAIL_EVENTS).with_columns(Hour=STAMP.dt.truncate("1h"))
    counted = binned.group_by("Hour").agg(N=pl.len())
    late = binned.filter(start <= STAMP).select("Hour", "SenderFromDomain")
    filtered = scan(EMAIL_EVENTS).filter(start <= STAMP, STAMP < NOW)
    by_hour = filtered.group_by(Hour=STAMP.dt.truncate("1h")).agg(Late=pl.len())
    for query in (late.join(counted, on="Hour"), by_hour.join(counted, on="Hour")):
        ours = query.collect(MemorySource(frames))
        with served(place, frames, now=NOW + DAY, row_limit=70) as there:
            found = there.source(rows=70).collect([query])[0]
        assert_same_rows(found, ours)


def test_a_remote_source_keeps_the_promises_of_sources() -> None:
    demo = demo_tenant(mails=2_000).frames
    frames = {name: frame.gather_every(max(1, frame.height // 60)) for name, frame in demo.items()}
    with served("sentinel", frames) as there:
        check_source(there.source(), frames)


def test_places_of_one_name_do_not_share_results(tmp_path: Path) -> None:
    cache = ResultCache(folder=tmp_path / "results", tenant="t")
    counted = scan(EMAIL_EVENTS).group_by(Day=STAMP.dt.truncate("1d")).agg(N=pl.len())
    for number, place in enumerate(("subscription one", "subscription two")):
        reply = Reply(["Day", "N"], [["2026-03-01T00:00:00Z", number]])
        service = Fake(lambda _, reply=reply: reply, place=place)  # type: ignore[misc]
        there = RemoteSource(service, cache=cache, clock=Clock(lambda: NOW))
        assert set(there.collect([counted])[0]["N"]) == {number}


def test_the_first_error_ends_it_without_delay() -> None:
    """An error of one query does not wait for another that takes its time."""
    slow = threading.Event()

    def answer(text: str) -> Reply:
        if "summarize" in text:
            slow.wait(30)
            return Reply([], [])
        raise SourceError("Fake", "refuses")

    started = time.monotonic()
    with pytest.raises(SourceError, match="refuses"):
        source(Fake(answer)).collect([HOURS, scan(EMAIL_EVENTS).select("Subject")])
    assert time.monotonic() - started < 20  # the other would have taken thirty seconds
    slow.set()


def test_a_source_grows_old_without_going_blind() -> None:
    watch = Watch(NOW)
    service = Fake(lambda _: Reply(["Subject"], []))
    there = source(service, watch)
    subjects = scan(EMAIL_EVENTS).select("Subject")
    there.collect([subjects])
    watch.time += 30 * DAY
    there.collect([subjects.filter(pl.lit(value=True))])
    assert "datetime(2026-04-21)" in service.asked[-1]
    assert there.period.end == datetime(2026, 4, 21, tzinfo=UTC)


def test_a_service_that_times_out_on_everything_is_unavailable() -> None:
    def answer(_: str) -> Reply:
        raise Slow("504")

    service = Fake(answer)
    with pytest.raises(UnavailableError, match=r"504, even for 2026-\S+ to 2026-\S+: try later"):
        source(service).collect([HOURS])
    assert len(service.asked) <= 8


def test_slowness_of_long_stretches_is_cut() -> None:
    def answer(text: str) -> Reply:
        spans = text.split("datetime(")[1:3]
        start, end = (datetime.fromisoformat(part.split(")")[0]) for part in spans)
        if end - start > 5 * DAY:
            raise Slow("504")
        return Reply(["Subject"], [["a"]])

    service = Fake(answer)
    found = source(service).collect([scan(EMAIL_EVENTS).select("Subject")])[0]
    assert 7 <= found.height <= 16


def test_patience_must_be_sensible() -> None:
    for wrong in ({"tries": 0}, {"calls_per_minute": 0}, {"wait": timedelta(seconds=-1)}):
        with pytest.raises(ValueError, match="must be >="):
            Patience(**wrong)


def test_a_cache_that_cannot_be_written_is_told_once_and_does_not_stop_the_work(
    tmp_path: Path,
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = ResultCache(folder=blocked / "results", tenant="t")
    frames = mail((9 * DAY, "a.test"), (DAY, "a.test"))
    with served("kusto", frames) as there, pytest.warns(UserWarning, match="results are not kept"):
        found = there.source(cache=cache).collect([HOURS])[0]
    assert found.height > 0


def test_a_folder_with_brackets_is_a_folder(tmp_path: Path) -> None:
    cache = ResultCache(folder=tmp_path / "case[1]*", tenant="t")
    frames = mail((9 * DAY, "a.test"), (DAY, "a.test"))
    with served("kusto", frames) as there:
        queries: Sequence[Query] = [HOURS]
        there.source(cache=cache).collect(queries)
        calls = len(there.tenant.calls)
        there.source(cache=cache).collect(queries)
        assert len(there.tenant.calls) - calls < calls


def test_rows_amid_a_second_that_are_too_many() -> None:
    with served("kusto", mail(*[(DAY, "a.test")] * 20), row_limit=10) as there:
        there.tenant.row_limit = 100
        source_there = there.source()
        source_there.collect([HOURS])
        there.tenant.row_limit = 10
        with pytest.raises(IncompleteResultError, match="cannot be cut further"):
            source_there.collect([scan(EMAIL_EVENTS).select("SenderFromDomain")])
