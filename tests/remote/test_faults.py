"""Whatever goes wrong on the way: the right answer, or the right error; nothing lost or doubled."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import format_datetime
from functools import cache

import polars as pl
import pytest
from places import HOURS, PLACES, Place, served

from exconn import (
    ExconnError,
    IncompleteResultError,
    MemorySource,
    Query,
    SignInError,
    SourceError,
    UnavailableError,
    hunt,
    scan,
)
from exconn.simulate import demo_tenant
from exconn.tables import EMAIL_EVENTS
from exconn.testing import assert_same_rows
from exconn.testing.faults import (
    Cancelled,
    ClaimsChallenge,
    ColumnsChanged,
    CompletionErrors,
    CutShort,
    DeferredErrors,
    Empty,
    ExpiredToken,
    ExtraTable,
    Failed,
    Fault,
    Forbidden,
    Garbage,
    MissingPrimary,
    NoCompletion,
    NotJson,
    PartialRows,
    QuotaExceeded,
    Redirected,
    Reset,
    Throttled,
    TimedOut,
    TooLarge,
)
from exconn.window import iso

FRAMES = demo_tenant(mails=2_000).frames
LATER = format_datetime(max(FRAMES["EmailEvents"]["Timestamp"]) + timedelta(seconds=90))


@pytest.fixture(scope="module", params=PLACES)
def running(request: pytest.FixtureRequest) -> Iterator[Place]:
    with served(request.param, FRAMES) as there:
        yield there


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    yield running
    running.tenant.recover()


BUSY: Mapping[str, tuple[Fault, ...]] = {
    "throttled, in seconds": (Throttled("2"),),
    "throttled, until a date": (Throttled(LATER),),
    "throttled, in no readable way": (Throttled("soon"),),
    "throttled, without a word": (Throttled(None),),
    "throttled again and again": (Throttled("1"),) * 5,
    "internal error": (Failed(500),),
    "bad gateway": (Failed(502, "<html>bad gateway</html>"),),
    "unavailable": (Failed(503), Failed(503)),
    "gateway timeout, once": (TimedOut(),),
    "connection reset": (Reset(), Reset()),
    "half a body": (CutShort(0.5),),
    "no body but its length": (CutShort(0.0),),
    "half a body in chunks": (CutShort(0.5, chunked=True),),
    "nearly all of a body": (CutShort(0.99),),
    "a page of HTML": (NotJson(),),
    "a page of HTML as an error": (NotJson(502),),
    "nothing": (Empty(),),
    "no text": (Garbage(),),
    "no gzip": (Garbage("gzip"),),
    "quota used up for a moment": (QuotaExceeded(),),
    "one fault after the other": (Reset(), Failed(500), Throttled("1"), NotJson(), Empty()),
    "a token that expires": (ExpiredToken(),),
}
LIMITS: Mapping[str, tuple[Fault, ...]] = {
    "too large": (TooLarge(),),
    "too large, and its first half too": (TooLarge(), TooLarge()),
    "timed out again and again": (TimedOut(), TimedOut()),
    "faults amid the parts": (TooLarge(), Reset(), Throttled("1"), TooLarge(), Failed(500)),
}
KUSTO_LIMITS: Mapping[str, tuple[Fault, ...]] = {
    "an error among the rows": (PartialRows(2),),
    "an error in place of all rows": (PartialRows(0),),
    "an error in the last frame alone": (CompletionErrors(),),
    "an error in the completion information alone": (DeferredErrors(),),
    "no last frame": (NoCompletion(),),
}
REFUSED: Mapping[str, tuple[tuple[Fault, ...], type[ExconnError]]] = {
    "a long quota": ((Throttled("3600"),), UnavailableError),
    "down": ((Failed(500),) * 6, UnavailableError),
    "never reached": ((Reset(),) * 6, UnavailableError),
    "never whole": ((CutShort(0.9),) * 6, UnavailableError),
    "never JSON": ((NotJson(),) * 6, UnavailableError),
    "a bad request": ((Failed(400),), SourceError),
    "another address": ((Failed(404),), SourceError),
    "no permission": ((Forbidden(),), SignInError),
    "always sent elsewhere": ((Redirected("https://evil.test/"),) * 6, SourceError),
    "a token that is never good": ((ExpiredToken(), ExpiredToken()), SignInError),
    "a demand that a plain token cannot meet": ((ClaimsChallenge(),), SignInError),
    "a column short": ((ColumnsChanged(dropped=True),), SourceError),
    "a column of another type": ((ColumnsChanged(dropped=False),), SourceError),
}
KUSTO_REFUSED: Mapping[str, tuple[tuple[Fault, ...], type[ExconnError]]] = {
    "cancelled": ((Cancelled(),), SourceError),
    "no table": ((MissingPrimary(),), SourceError),
    "two tables": ((ExtraTable(),), SourceError),
}


@pytest.mark.parametrize("case", [*BUSY, *LIMITS, *KUSTO_LIMITS])
def test_the_right_answer(place: Place, case: str) -> None:
    if case in KUSTO_LIMITS and place.name == "defender":
        return
    faults = {**BUSY, **LIMITS, **KUSTO_LIMITS}[case]
    source = place.source()
    before = len(place.tenant.calls)
    place.tenant.fail(*faults, text="summarize")
    assert_same_rows(source.collect([HOURS])[0], expected())
    statuses = [call.status for call in place.tenant.calls[before:]]
    assert len(statuses) > 1 + len(faults), "the faults have not been met"


@pytest.mark.parametrize("case", [*REFUSED, *KUSTO_REFUSED])
def test_the_right_error(place: Place, case: str) -> None:
    if case in KUSTO_REFUSED and place.name == "defender":
        return
    faults, error = {**REFUSED, **KUSTO_REFUSED}[case]
    place.tenant.fail(*faults, text="summarize")
    with pytest.raises(error) as raised:
        place.source().collect([HOURS])
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 1_000


def test_the_matrix_is_large_enough() -> None:
    graph = len(BUSY) + len(LIMITS) + len(REFUSED)
    kusto = graph + len(KUSTO_LIMITS) + len(KUSTO_REFUSED)
    assert graph + kusto >= 80


LIMIT = 100
ROWS = scan(EMAIL_EVENTS).select("Timestamp", "NetworkMessageId", "RecipientEmailAddress")
IN_ORDER = ROWS.sort(list(ROWS.schema))


@pytest.mark.parametrize("query", [ROWS, IN_ORDER, HOURS])
@pytest.mark.parametrize("name", PLACES)
def test_a_limit_of_rows_cuts_the_query(name: str, query: Query) -> None:
    with served(name, FRAMES, row_limit=LIMIT) as strict:
        found = strict.source(rows=LIMIT).collect([query])[0]
        ours = query.collect(MemorySource(FRAMES))
        assert len(strict.tenant.calls) > len(ours) // LIMIT
    assert found.schema == ours.schema
    assert_same_rows(found, ours)
    assert found.equals(ours) or query is not IN_ORDER


@pytest.mark.parametrize("name", PLACES)
def test_what_cannot_be_cut_is_an_error(name: str) -> None:
    """More rows in a second than the service returns; and groups without time."""
    mail = FRAMES["EmailEvents"]
    many = {"EmailEvents": pl.concat([mail, *[mail.slice(900, 1)] * LIMIT])}
    when = iso(mail["Timestamp"][900])[:16]
    with served(name, many, row_limit=LIMIT) as strict:
        source = strict.source(rows=LIMIT)
        with pytest.raises(IncompleteResultError, match=rf"cannot be cut further than {when}"):
            source.collect([ROWS])
        with pytest.raises(IncompleteResultError, match="ask for less time or fewer rows"):
            source.collect([scan(EMAIL_EVENTS).group_by("NetworkMessageId").agg(Rows=pl.len())])


def test_a_hunt_through_faults(place: Place) -> None:
    home = MemorySource(FRAMES)
    faults: list[Fault | None] = [None, Reset(), TooLarge(), None, Throttled("1"), CutShort(), None]
    place.tenant.fail(*faults * 4, text="summarize")
    found = hunt(place.source())
    assert [(g.connector, g.margin) for g in found] == [(g.connector, g.margin) for g in hunt(home)]


@pytest.mark.parametrize(
    "frames",
    [
        '[{"FrameType": "a@b@c"}]',
        '[{"FrameType": 3}]',
        '[{"Version": "v2.0"}]',
        "[[]]",
        "{}",
        "null",
    ],
)
def test_frames_that_are_none_are_no_answer(frames: str) -> None:
    with served("kusto", FRAMES) as place:
        place.tenant.fail(*[Failed(200, frames)] * 9)
        with pytest.raises(UnavailableError, match=r"a reply that (breaks off|ends early)"):
            place.source().collect([HOURS])


@cache
def expected() -> pl.DataFrame:
    return HOURS.collect(MemorySource(FRAMES))
