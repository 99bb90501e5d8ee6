"""Rows that no query asks for are not read, and no others are left out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import example, given, settings

from exconn.detectors import by_account, connector_change, outbound, via_connector, within
from exconn.query import Query, scan
from exconn.sources import MemorySource, ParquetSource, _stretches
from exconn.sources._frames import Piece, Pieces
from exconn.sources._wanted import wanted
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Table
from exconn.testing import assert_same_rows, frames
from exconn.window import Period

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PERIOD = Period(NOON - timedelta(hours=3), NOON + timedelta(hours=3))
MAIL = scan(EMAIL_EVENTS)
CONNECTOR, MESSAGE = pl.col("Connectors"), pl.col("NetworkMessageId")
LISTED = CONNECTOR.str.to_lowercase().is_in(["relay", "a"])
WHERE: dict[str, tuple[pl.Expr, bool]] = {
    "one text": (LISTED, True),
    "one of several columns": (LISTED | MESSAGE.is_in(["1"]), True),
    "and something else": (LISTED & (pl.col("UrlCount") > 0), True),
    "nothing": (CONNECTOR.is_in(pl.Series([], dtype=pl.String())), True),
    "the empty text": (CONNECTOR.is_in(["", "Relay"]), False),
    "or the empty text elsewhere": (LISTED | MESSAGE.is_in(["", "1"]), False),
    "or something else": (LISTED | (pl.col("UrlCount") > 0), False),
    "all but some": (~LISTED, False),
    "no list": (via_connector(), False),
    "numbers": (pl.col("UrlCount").is_in([1, 2]), False),
    "two columns in one": (pl.concat_str(CONNECTOR, MESSAGE).is_in(["a1"]), False),
    "other rows": (CONNECTOR.is_first_distinct().cast(pl.String).is_in(["true"]), False),
    "spelt in a canonical way": (pl.col("EmailDirection").is_in(["Outbound"]), True),
}


def rows(where: pl.Expr, table: Table = EMAIL_EVENTS) -> Query:
    return scan(table).filter(within(PERIOD), where)


def counted(where: pl.Expr) -> Query:
    return (
        rows(where)
        .group_by("Connectors", Hour=pl.col("Timestamp").dt.truncate("1h"))
        .agg(N=MESSAGE.n_unique())
    )


def whole(where: pl.Expr) -> Query:
    return rows(where).group_by("Connectors").agg(N=MESSAGE.n_unique())


@pytest.mark.parametrize("name", WHERE)
def test_what_lists_texts_is_known(name: str) -> None:
    where, is_listed = WHERE[name]
    for query in (rows(where), counted(where), whole(where)):
        assert (wanted([query], EMAIL_EVENTS) is not None) == is_listed


def test_what_hangs_on_other_rows_is_decided_before_they_are_left_out() -> None:
    first = pl.col("UrlCount").is_first_distinct()
    assert wanted([MAIL.filter(LISTED).filter(first)], EMAIL_EVENTS) is not None
    assert wanted([MAIL.filter(first).filter(LISTED)], EMAIL_EVENTS) is None
    assert wanted([MAIL.filter(first, LISTED)], EMAIL_EVENTS) is None


def test_all_that_ask_must_list_what_they_want() -> None:
    listed, other = rows(LISTED), rows(outbound())
    accounts = rows(by_account({"a"}), IDENTITY_LOGON_EVENTS)
    assert wanted([listed, counted(LISTED), accounts], EMAIL_EVENTS) is not None
    assert wanted([listed, other], EMAIL_EVENTS) is None
    assert wanted([listed.join(other, on="ReportId", how="semi")], EMAIL_EVENTS) is None
    assert wanted([accounts.join(other, on="ReportId", how="semi")], EMAIL_EVENTS) is None
    assert wanted([listed], CLOUD_APP_EVENTS) is None
    assert wanted([rows(connector_change(), CLOUD_APP_EVENTS)], CLOUD_APP_EVENTS) is not None


ASKED: Sequence[Sequence[Query]] = [
    *([make(where) for make in (rows, counted, whole)] for where, _ in WHERE.values()),
    [make(where) for where, listed in WHERE.values() if listed for make in (rows, counted, whole)],
    [counted(CONNECTOR.is_in([text])) for text in ("relay", "b")],
    [rows(MESSAGE.is_in([text])) for text in ("1", "2")],
]


SPELT_OTHERWISE = pl.DataFrame(
    {"Timestamp": [NOON] * 2, "EmailDirection": ["OUTBOUND", None], "Connectors": ["RELAY", None]}
)


TOLD = pl.DataFrame(
    {
        "Timestamp": [NOON] * 8,
        "Connectors": ["relay", "RELAY", "b", "", "a", "b", None, "a"],
        "NetworkMessageId": ["1", "2", "1", "1", "3", "", None, None],
        "UrlCount": [0, 1, 2, 3, 4, None, 1, None],
        "EmailDirection": ["Outbound", "outbound", "Inbound", "", None, "Outbound", "x", "y"],
    }
)


@settings(max_examples=10)
@example(TOLD, TOLD.reverse())
@example(TOLD, TOLD.with_columns(Timestamp=pl.col("Timestamp").dt.convert_time_zone("Asia/Tokyo")))
@example(SPELT_OTHERWISE, SPELT_OTHERWISE.cast({"Connectors": pl.Categorical()}))
@given(frames(EMAIL_EVENTS, max_size=8), frames(EMAIL_EVENTS, max_size=8))
def test_files_say_the_same_whichever_rows_are_not_read(
    one: pl.DataFrame, other: pl.DataFrame
) -> None:
    """Whatever the types of their columns, and however values are spelt."""
    held = MemorySource({"EmailEvents": [one, other]})
    expected = [held.collect(asked) for asked in ASKED]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for number, frame in enumerate((one, other)):
            file = Path(folder, "EmailEvents", f"{number}.parquet")
            file.parent.mkdir(exist_ok=True)
            frame.write_parquet(file)
        patch.setattr(_stretches, "_ROWS_AT_ONCE", 1)
        patch.setattr(_stretches, "_SHARE", 3)
        files = ParquetSource(folder)
        for asked, theirs in zip(ASKED, expected, strict=True):
            for our, their in zip(files.collect(asked), theirs, strict=True):
                assert_same_rows(our, their)


READ = {
    "one text": LISTED,
    "one of several columns": WHERE["one of several columns"][0],
    "and something else": LISTED,
    "nothing": WHERE["nothing"][0],
}
"""What holds of the rows that are read; of the others all are."""


@pytest.mark.parametrize("name", WHERE)
def test_only_rows_with_one_of_the_texts_are_read(name: str) -> None:
    held = Pieces({"EmailEvents": [Piece(TOLD.lazy(), ("told",))]})
    where = wanted([rows(WHERE[name][0])], EMAIL_EVENTS)
    shares = held.shares(EMAIL_EVENTS, PERIOD, ["Timestamp"], where)
    assert (
        sum(share().height for share in shares)
        == TOLD.filter(READ.get(name, pl.lit(value=True))).height
    )
