"""Results on disk: an interrupted hunt goes on, and nothing that may change is kept."""

import stat
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from attrs import evolve
from places import HOURS, PLACES, served

from exconn import MemorySource, ResultCache, SignInError, hunt, scan
from exconn.simulate import demo_tenant
from exconn.sources import RemoteSource
from exconn.tables import EMAIL_EVENTS
from exconn.testing import assert_same_rows
from exconn.testing.faults import Forbidden, Throttled

FRAMES = demo_tenant(mails=2_000).frames
DAY = timedelta(days=1)


def cache(folder: Path, tenant: str = "contoso.test") -> ResultCache:
    return ResultCache(folder=folder / "results", tenant=tenant)


def at_one_place(source: RemoteSource) -> RemoteSource:
    """Servers on loopback have a port each, and would be other places."""
    source._service.place = "here"  # type: ignore[misc]
    return source


def test_an_interrupted_hunt_goes_on(tmp_path: Path) -> None:
    with served("defender", FRAMES) as place:
        place.tenant.fail(*[None] * 12, Forbidden(), text="summarize")
        with pytest.raises(SignInError):
            hunt(place.source(cache=cache(tmp_path)))
        kept = set((tmp_path / "results").glob("*.parquet"))
        assert kept
        calls = len(place.tenant.calls)
        place.tenant.fail()
        found = hunt(place.source(cache=cache(tmp_path)))
        again = len(place.tenant.calls) - calls
        hunt(place.source())
        whole = len(place.tenant.calls) - calls - again
    assert [g.margin for g in found] == [g.margin for g in hunt(MemorySource(FRAMES))]
    assert kept <= set((tmp_path / "results").iterdir())
    assert again < 2 * whole - len(kept) + 1  # of each query a settled and a recent part


def test_what_may_change_is_asked_for_anew(tmp_path: Path) -> None:
    """Rows that arrive late are found in the recent part; the settled one is not asked again."""
    kept = cache(tmp_path)
    late = FRAMES["EmailEvents"].with_columns(NetworkMessageId=pl.lit("late"))
    now = late["Timestamp"].max()
    with served("kusto", FRAMES) as place:
        at_one_place(place.source(cache=kept)).collect([HOURS])
        now = place.tenant.now
    recent = late.filter(pl.col("Timestamp") >= now - timedelta(hours=30))
    more = {**FRAMES, "EmailEvents": pl.concat([FRAMES["EmailEvents"], recent])}
    with served("kusto", more) as place:
        found = at_one_place(place.source(cache=kept)).collect([HOURS])[0]
        texts = [call.text for call in place.tenant.calls if "summarize" in call.text]
    assert len(texts) == 1
    ours = HOURS.collect(MemorySource(more))
    assert_same_rows(found, ours)


def test_tenants_places_and_queries_are_kept_apart(tmp_path: Path) -> None:
    counted = scan(EMAIL_EVENTS).group_by(Day=pl.col("Timestamp").dt.truncate("1d")).agg(N=pl.len())
    smaller = {"EmailEvents": FRAMES["EmailEvents"].head(900)}
    for tenant, frames in (("one.test", FRAMES), ("two.test", smaller)):
        for name in PLACES:
            with served(name, frames) as place:
                source = place.source(cache=cache(tmp_path, tenant))
                for query in (HOURS, counted, HOURS, counted):
                    ours = query.collect(MemorySource(frames))
                    assert_same_rows(source.collect([query])[0], ours)


def test_files_are_private_whole_and_replaceable(tmp_path: Path) -> None:
    with served("kusto", FRAMES) as place:
        place.source(cache=cache(tmp_path)).collect([HOURS])
        folder = tmp_path / "results"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        files = list(folder.iterdir())
        assert [file.suffix for file in files] == [".parquet"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        files[0].write_bytes(b"PAR1 damaged")
        found = place.source(cache=cache(tmp_path)).collect([HOURS])[0]
        assert_same_rows(found, HOURS.collect(MemorySource(FRAMES)))
        assert files[0].stat().st_size > 100


def test_a_failed_part_leaves_no_file(tmp_path: Path) -> None:
    with served("kusto", FRAMES) as place:
        source = place.source(cache=cache(tmp_path))
        place.tenant.fail(Throttled("9999"), text="summarize")
        with pytest.raises(Exception, match="asks to wait"):
            source.collect([HOURS])
    assert not list(tmp_path.rglob("*.part"))


def test_all_of_the_last_days_is_recent(tmp_path: Path) -> None:
    """With a long time to settle nothing is kept; with none nearly all is."""
    sizes: Mapping[int, int] = {}
    for days in (0, 2, 400):
        folder = tmp_path / str(days)
        with served("kusto", FRAMES) as place:
            kept = evolve(cache(folder), settles=days * DAY)
            place.source(cache=kept).collect([HOURS])
        files = list(folder.rglob("*.parquet"))
        sizes = {**sizes, days: sum(pl.read_parquet(file).height for file in files)}
    assert sizes[0] > sizes[2] > sizes[400] == 0
