"""Cells of every type come over every wire as they are."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from attrs import evolve
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from places import PLACES, served

from exconn import MemorySource, Query, scan
from exconn.errors import SourceError
from exconn.kql import SENTINEL
from exconn.kql.cuts import between
from exconn.simulate import demo_tenant
from exconn.sources import Reply
from exconn.sources._wire import Unreadable, frame_of
from exconn.tables import (
    CLOUD_APP_EVENTS,
    EMAIL_EVENTS,
    IDENTITY_LOGON_EVENTS,
    TIME,
    KqlType,
    Table,
)
from exconn.testing import assert_same_rows, frames
from exconn.testing._http import Reply as ServerReply

TABLES = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
STAMP = pl.col("Timestamp")
MAIL = scan(EMAIL_EVENTS).filter(
    *(
        pl.col(column.name).fill_null(0) > -(2**63)
        for column in EMAIL_EVENTS.columns
        if column.type is KqlType.LONG and (EMAIL_EVENTS.name, column.name) not in SENTINEL.types
    )
)
"""Without the one number that the JSON parser of azure-kusto-data (yajl) takes for an overflow."""

COMPUTED = MAIL.select(
    "ReportId",
    Flag=pl.col("UrlCount") > 1,
    Ratio=pl.col("AttachmentCount") / pl.col("UrlCount"),
    Age=pl.lit(datetime(2026, 3, 9, tzinfo=UTC)) - STAMP,
    Hour=STAMP.dt.truncate("1h"),
)
LISTS = MAIL.group_by(Hour=STAMP.dt.truncate("1h")).agg(
    Names=pl.col("Connectors").unique().sort(), Rows=pl.len()
)
"""Types that tables do not have."""


@pytest.mark.parametrize("name", PLACES)
@settings(max_examples=8, phases=[Phase.generate])
@given(data=st.data())
def test_tables_come_as_they_are(name: str, data: st.DataObject) -> None:
    given_frames = {table.name: data.draw(frames(table, max_size=8)) for table in TABLES}
    tables = [MAIL, scan(CLOUD_APP_EVENTS), scan(IDENTITY_LOGON_EVENTS)]
    queries: list[Query] = [COMPUTED, LISTS, *(rows.select(*plain(rows.table)) for rows in tables)]
    home = MemorySource(given_frames)
    with served(name, given_frames) as place:
        source = place.source(lookback=timedelta(days=29))  # Graph has thirty
        for query, found in zip(queries, source.collect(queries), strict=True):
            ours = between(query, source.period).collect(home)
            assert_same_rows(sorted_lists(found), sorted_lists(ours), digits=9)


def plain(table: Table) -> list[str]:
    """The columns that every place can hold all values of.

    In frames any text can stand in dynamic columns, in Kusto only JSON; some are narrower in
    Sentinel.
    """
    return [
        column.name
        for column in table.columns
        if column.type is not KqlType.DYNAMIC and (table.name, column.name) not in SENTINEL.types
    ]


def sorted_lists(frame: pl.DataFrame) -> pl.DataFrame:
    """The engine's order ignores control characters."""
    return frame.with_columns(pl.col(pl.List(pl.String)).list.sort())


@given(st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000)), st.booleans())
def test_time_spans(span: timedelta, ticks: bool) -> None:  # noqa: FBT001 # drawn
    whole, rest = divmod(abs(span), timedelta(days=1))
    clock = f"{datetime(1, 1, 1, tzinfo=UTC) + rest:%H:%M:%S}"
    fraction = f".{rest.microseconds:06d}{9 if ticks else 0}" if rest.microseconds or ticks else ""
    text = f"{'-' if span < timedelta(0) else ''}{f'{whole}.' if whole else ''}{clock}{fraction}"
    found = frame_of(Reply(["x"], [[text]]), pl.Schema({"x": pl.Duration("us")}))
    assert found["x"][0] == span


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ({}, pl.String(), ""),
        (None, pl.String(), ""),
        ({"a": 1, "@odata.type": "#x"}, pl.String(), '{"a":1}'),
        ({}, pl.Int64(), None),
        (3.0, pl.Int64(), 3),
        (2**62 + 1, pl.Int64(), 2**62 + 1),
        (1, pl.Boolean(), True),
        (0, pl.Boolean(), False),
        (True, pl.Boolean(), True),
        ("-Infinity", pl.Float64(), -math.inf),
        ("INF", pl.Float64(), math.inf),
        ("-INF", pl.Float64(), -math.inf),
        (7, pl.Float64(), 7.0),
        (
            "2026-03-01T00:00:00.1234567Z",
            TIME,
            datetime(2026, 3, 1, microsecond=123456, tzinfo=UTC),
        ),
        ({}, TIME, None),
        ('["a","b"]', pl.List(pl.String()), ["a", "b"]),
        (["a"], pl.List(pl.String()), ["a"]),
    ],
)
def test_what_services_write(value: object, dtype: pl.DataType, expected: object) -> None:
    found = frame_of(Reply(["x"], [[value]]), pl.Schema({"x": dtype}))["x"].to_list()
    assert found == [expected]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ("3", pl.Int64()),
        (1.5, pl.Int64()),
        (True, pl.Int64()),
        (math.inf, pl.Int64()),
        (math.nan, pl.Int64()),
        (2**63, pl.Int64()),
        (2**31, pl.Int32()),
        (2, pl.Boolean()),
        ("true", pl.Boolean()),
        ("1.5", pl.Float64()),
        (True, pl.Float64()),
        (10**400, pl.Float64()),
        ("yesterday", TIME),
        (1_700_000_000, TIME),
        ("12:00", pl.Duration("us")),
        (12, pl.Duration("us")),
        ('{"a": 1}', pl.List(pl.String())),
        ("[", pl.List(pl.String())),
        ("[" * 100_000, pl.List(pl.String())),
        (5, pl.List(pl.String())),
    ],
)
def test_what_is_of_another_type_is_no_answer(value: object, dtype: pl.DataType) -> None:
    with pytest.raises(Unreadable, match="column 'x' is not"):
        frame_of(Reply(["x"], [[value]]), pl.Schema({"x": dtype}))


@pytest.mark.parametrize("columns", [[], ["x"], ["x", "y", "z"], ["x", "Y"]])
def test_other_columns_are_no_answer(columns: list[str]) -> None:
    with pytest.raises(Unreadable, match="expected columns x, y; got"):
        frame_of(Reply(columns, []), pl.Schema({"x": pl.String(), "y": pl.String()}))


@pytest.mark.parametrize("row", [[], ["a"], ["a", "b", "c"], "ab", {"x": "a", "y": "b"}, None])
def test_rows_of_another_shape_are_no_answer(row: Any) -> None:
    with pytest.raises(Unreadable, match="some rows are not lists of 2 values"):
        frame_of(
            Reply(["x", "y"], [["a", "b"], row]), pl.Schema({"x": pl.String(), "y": pl.String()})
        )


def test_hours_without_counts_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with served("defender", demo_tenant(mails=2_000).frames) as place:
        proper = place.tenant._hunt

        def nothing(*asked: Any) -> ServerReply:
            reply = proper(*asked)
            return evolve(reply, body=re.sub(rb'"Rows": ?\d+', b'"Rows": null', reply.body))

        monkeypatch.setattr(place.tenant, "_hunt", nothing)
        with pytest.raises(SourceError, match="lacks times or counts of the hours of EmailEvents"):
            place.source().coverage([EMAIL_EVENTS])


def test_no_rows_and_another_order() -> None:
    schema = pl.Schema({"x": pl.String(), "y": pl.Int64()})
    assert frame_of(Reply(["y", "x"], []), schema).schema == schema
    assert frame_of(Reply(["y", "x"], [[1, "a"]]), schema).rows() == [("a", 1)]
