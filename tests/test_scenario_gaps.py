"""Data that is not there makes no scenario of the library the opposite of what it is."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import polars as pl
import pytest

from exconn.errors import UnknownConnectorError
from exconn.grading import Classification
from incidents import AUDIT, DAY, HOUR, LOGONS, MAIL
from library import BENIGN, GRADED_BENIGN, MALICIOUS, Frames, judged, plain, scenario

TIME = pl.col("Timestamp")
NOW = timedelta()
TABLES = (MAIL, AUDIT, LOGONS)
COLUMNS = {
    MAIL: (
        *("AuthenticationDetails", "SenderObjectId", "SenderIPv4", "SenderFromDomain"),
        *("SenderMailFromDomain", "EmailDirection", "ThreatTypes", "RecipientEmailAddress"),
    ),
    AUDIT: ("IPAddress", "CountryCode", "ISP", "AccountObjectId"),
    LOGONS: ("IPAddress", "Location", "ISP", "AccountObjectId"),
}
CUT = {
    **{
        f"{table} ends {span} before": (table, None, span)
        for table in TABLES
        for span in (HOUR, 6 * HOUR, DAY, 3 * DAY, 8 * DAY)
    },
    **{
        f"{table} begins {span} before": (table, span, None)
        for table in TABLES
        for span in (DAY, 4 * DAY, 9 * DAY, 20 * DAY)
    },
}


def cut(name: str, table: str, since: timedelta | None, until: timedelta | None) -> pl.DataFrame:
    at, frame = scenario(name).alert.timestamp, scenario(name).frames[table]
    begun = frame if since is None else frame.filter(at - since < TIME)
    return begun if until is None else begun.filter(at - until > TIME)


def degraded(name: str) -> Iterator[tuple[str, Frames]]:
    """The scenario's frames with this or that left out."""
    frames = scenario(name).frames
    for table in TABLES:
        yield f"no {table}", {other: f for other, f in frames.items() if other != table}
        for column in COLUMNS[table]:
            yield f"no {table}.{column}", {**frames, table: frames[table].drop(column)}
    for what, (table, since, until) in CUT.items():
        yield what, {**frames, table: cut(name, table, since, until)}
    for span in (NOW, 6 * HOUR, DAY):
        yield f"all ends {span} before", {table: cut(name, table, None, span) for table in TABLES}
    for span in (4 * DAY, 9 * DAY, 20 * DAY):
        yield f"all begins {span} before", {table: cut(name, table, span, None) for table in TABLES}


def outcome(name: str, frames: Frames) -> Classification:
    """The classification; unknown where not even the connector is there any more."""
    try:
        return judged(name, frames).classification
    except UnknownConnectorError:
        return Classification.UNKNOWN


SHARE = 8
"""Each scenario is degraded in every eighth way; the families together in every way."""


@pytest.mark.parametrize(("nth", "name"), [*enumerate(MALICIOUS)])
def test_no_gap_makes_an_attack_benign(nth: int, name: str) -> None:
    assert plain(name).classification not in GRADED_BENIGN
    for what, frames in islice(degraded(name), nth, None, SHARE):
        assert outcome(name, frames) not in GRADED_BENIGN, what


@pytest.mark.parametrize(("nth", "name"), [*enumerate(BENIGN)])
def test_no_gap_makes_an_honest_event_a_true_positive(nth: int, name: str) -> None:
    assert plain(name).classification is not Classification.TRUE_POSITIVE
    for what, frames in islice(degraded(name), nth, None, SHARE):
        assert outcome(name, frames) is not Classification.TRUE_POSITIVE, what
