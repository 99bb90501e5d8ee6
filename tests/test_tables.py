"""`conform` turns any raw frame into a table, once, and loses nothing."""

# ruff: noqa: DTZ001 - times without zone are among what is tested

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from exconn import UnknownColumnError, UnreadableDataError
from exconn.tables import (
    CLOUD_APP_EVENTS,
    EMAIL_EVENTS,
    IDENTITY_LOGON_EVENTS,
    TABLES,
    TIME,
    KqlType,
    Table,
    conform,
    missing_columns,
)
from exconn.testing import frames

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2199, 12, 30))
ANY_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
TEXTS = st.none() | st.text(max_size=5)


def one(column: str, *values: object, dtype: pl.DataType | None = None) -> list[object]:
    frame = pl.DataFrame({column: pl.Series(values, dtype=dtype, strict=False)})
    return conform(frame, EMAIL_EVENTS)[column].to_list()


@ANY_TABLE
def test_table_values_are_consistent(table: Table) -> None:
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    assert table[table.time].type is KqlType.DATETIME
    assert tuple(table.schema) == table.names
    for column in table.columns:
        assert table[column.name] is column
        assert len({value.lower() for value in column.values}) == len(column.values)
        assert not column.values or column.type is KqlType.STRING


def test_an_unknown_column_of_a_table_is_an_error_with_the_nearest_names() -> None:
    with pytest.raises(UnknownColumnError) as caught:
        EMAIL_EVENTS["senderfromdomian"]
    assert caught.value.nearest[0] == "SenderFromDomain"


@ANY_TABLE
@given(data=st.data())
def test_conform_is_total_and_idempotent_and_keeps_rows(table: Table, data: st.DataObject) -> None:
    raw = data.draw(frames(table, max_size=3))
    conformed = conform(raw, table)
    assert conformed.schema == table.schema
    assert conformed.height == raw.height
    assert_frame_equal(conform(conformed, table), conformed)
    assert_frame_equal(conform(raw.lazy(), table).collect(), conformed)


@given(frames(EMAIL_EVENTS))
def test_conform_leaves_no_null_strings(raw: pl.DataFrame) -> None:
    strings = conform(raw, EMAIL_EVENTS).select(pl.col(pl.String))
    assert strings.null_count().row(0) == (0,) * strings.width


@given(frames(EMAIL_EVENTS, columns=["Subject", "SenderFromAddress", "Connectors"]))
def test_conform_changes_no_text_but_null(raw: pl.DataFrame) -> None:
    assert_frame_equal(conform(raw, EMAIL_EVENTS).select(raw.columns), raw.fill_null(""))


@ANY_TABLE
def test_a_frame_without_columns_becomes_a_table_without_rows(table: Table) -> None:
    assert_frame_equal(conform(pl.DataFrame(), table), table.schema.to_frame())
    assert_frame_equal(conform(pl.LazyFrame(), table).collect(), table.schema.to_frame())


def test_a_frame_of_unknown_columns_keeps_its_rows_and_its_columns_behind() -> None:
    raw = pl.DataFrame({"Extra": [1, 2], "other": [None, [3]]})
    conformed = conform(raw, EMAIL_EVENTS)
    assert conformed.columns == [*EMAIL_EVENTS.names, "Extra", "other"]
    assert_frame_equal(conformed.select("Extra", "other"), raw)
    assert conformed["Subject"].to_list() == ["", ""]
    assert conformed["UrlCount"].to_list() == [None, None]
    assert missing_columns(EMAIL_EVENTS, raw.schema) == set(EMAIL_EVENTS.names)


@given(st.lists(MOMENTS, min_size=1, max_size=4), st.integers(0, 999))
def test_nanoseconds_are_floored_to_microseconds(moments: list[datetime], rest: int) -> None:
    exact = pl.Series(moments, dtype=pl.Datetime("us")).cast(pl.Datetime("ns"))
    raw = (exact.cast(pl.Int64) + rest).cast(pl.Datetime("ns"))
    expected = [moment.replace(tzinfo=UTC) for moment in moments]
    conformed = conform(raw.alias("Timestamp").to_frame(), EMAIL_EVENTS)
    assert conformed["Timestamp"].to_list() == expected


@given(MOMENTS, st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]))
def test_times_with_a_zone_keep_the_instant(moment: datetime, zone: str) -> None:
    instant = moment.replace(tzinfo=UTC)
    raw = pl.Series("Timestamp", [instant], dtype=TIME).dt.convert_time_zone(zone)
    conformed = conform(raw.to_frame(), EMAIL_EVENTS)["Timestamp"]
    assert conformed.dtype == TIME
    assert conformed.to_list() == [instant]


@given(MOMENTS, st.integers(-14 * 60, 14 * 60), st.sampled_from(["T", " "]))
def test_iso_text_with_any_offset_is_read_as_its_instant(
    moment: datetime, minutes: int, between: str
) -> None:
    local = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert one("Timestamp", local.isoformat(between)) == [local.astimezone(UTC)]
    assert one("Timestamp", moment.isoformat(between)) == [moment.replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-10T12:00:00Z", NOON),
        ("2026-03-10T12:00:00.000Z", NOON),
        ("2026-03-10T12:00:00.0000009Z", NOON),
        ("2026-03-10T12:00:00.123456789", NOON + timedelta(microseconds=123456)),
        ("2026-03-10 12:00:00.000000000", NOON),
        ("2026-03-10T13:00:00+01:00", NOON),
        (" 2026-03-10T12:00:00Z \r\n", NOON),
        ("2026-03-10T12:00", NOON),
        ("2026-03-10", NOON - timedelta(hours=12)),
        ("", None),
        ("noon", None),
        ("2026-02-30T00:00:00Z", None),
    ],
)
def test_time_text_of_many_shapes_is_read(text: str, expected: datetime | None) -> None:
    assert one("Timestamp", text) == [expected]


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59Z"]
)
def test_times_that_stand_for_none_are_none(text: str) -> None:
    assert one("Timestamp", text) == [None]


def test_naive_times_and_dates_are_utc() -> None:
    assert one("Timestamp", datetime(2026, 3, 10, 12)) == [NOON]
    assert one("Timestamp", date(2026, 3, 10)) == [NOON - timedelta(hours=12)]


@pytest.mark.parametrize("column", ["EmailDirection", "DeliveryAction", "DeliveryLocation"])
@pytest.mark.parametrize("form", [str.upper, str.lower, str.title, str])
def test_known_enumeration_values_are_spelt_canonically(
    column: str, form: Callable[[str], str]
) -> None:
    values = EMAIL_EVENTS[column].values
    assert one(column, *map(form, values)) == list(values)


def test_unknown_enumeration_values_pass_by_as_they_are() -> None:
    assert one("EmailDirection", "SideWays", "", None) == ["SideWays", "", ""]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("True", True), ("FALSE", False), ("1", True), ("0", False), ("yes", None), ("", None)],
)
def test_flags_are_read_from_text(value: str, expected: bool | None) -> None:  # noqa: FBT001
    assert one("IsFirstContact", value) == [expected]


def test_flags_are_read_from_numbers() -> None:
    assert one("IsFirstContact", 1, 0, None) == [True, False, None]


def test_numbers_are_read_from_text_and_are_null_when_they_do_not_fit() -> None:
    assert one("UrlCount", "3", "x", "", None, str(2**31)) == [3, None, None, None, None]
    assert one("UrlCount", 2**31 - 1, 2**31, -(2**31)) == [2**31 - 1, None, -(2**31)]
    assert one("UrlCount", 3.0, float("nan")) == [3, None]
    assert one("EmailSize", 2**63 - 1) == [2**63 - 1]


def test_scalars_in_text_columns_become_text() -> None:
    assert one("Subject", 5, None) == ["5", ""]
    assert one("Subject", *[True]) == ["true"]
    assert one("Subject", "a", dtype=pl.Categorical()) == ["a"]
    assert one("Subject", "a", None, dtype=pl.Enum(["a"])) == ["a", ""]
    assert one("Subject", None, dtype=pl.Null()) == [""]


@given(st.lists(st.none() | st.fixed_dictionaries({"Name": TEXTS, "n": st.integers(0, 9)})))
def test_objects_in_dynamic_columns_become_json_text_of_the_same_value(
    values: list[Mapping[str, object] | None],
) -> None:
    dtype = pl.Struct({"Name": pl.String, "n": pl.Int64})
    texts = one("To", *values, dtype=dtype)
    assert [json.loads(str(text)) if text else None for text in texts] == values


@given(st.lists(st.none() | st.lists(TEXTS, max_size=3)))
def test_arrays_in_dynamic_columns_become_json_text_of_the_same_value(
    values: list[list[str | None] | None],
) -> None:
    texts = one("To", *values, dtype=pl.List(pl.String))
    assert [json.loads(str(text)) if text else None for text in texts] == values


def test_the_other_spelling_of_a_column_is_read() -> None:
    raw = pl.DataFrame({"Isp": ["Office Network", None]})
    for table in (CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS):
        conformed = conform(raw, table)
        assert conformed["ISP"].to_list() == ["Office Network", ""]
        assert "Isp" not in conformed.columns
        assert "ISP" not in missing_columns(table, raw.schema)
    assert "Isp" in conform(raw, EMAIL_EVENTS).columns


@pytest.mark.parametrize("names", [("ISP", "Isp"), ("Isp", "ISP")])
def test_of_two_spellings_the_one_that_says_something_counts(names: tuple[str, str]) -> None:
    raw = pl.DataFrame([("a", "b"), ("", "b"), (None, "b"), ("a", None)], names, orient="row")
    conformed = conform(raw, IDENTITY_LOGON_EVENTS)["ISP"].to_list()
    assert conformed == (["a", "b", "b", "a"] if names[0] == "ISP" else ["b", "b", "b", "a"])


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ("Timestamp", pl.Int64()),
        ("Timestamp", pl.Boolean()),
        ("Timestamp", pl.Duration()),
        ("Timestamp", pl.Time()),
        ("Timestamp", pl.List(pl.String())),
        ("UrlCount", TIME),
        ("UrlCount", pl.List(pl.Int64())),
        ("UrlCount", pl.Binary()),
        ("IsFirstContact", pl.Date()),
        ("IsFirstContact", pl.Struct({"a": pl.Boolean()})),
        ("Subject", pl.Binary()),
        ("Subject", pl.Object()),
        ("Subject", TIME),
        ("To", pl.Struct({"a": pl.Binary()})),
        ("To", pl.List(pl.Array(pl.Binary(), 2))),
    ],
)
def test_a_column_type_that_cannot_be_converted_is_an_error_that_names_it(
    column: str, dtype: pl.DataType
) -> None:
    raw = pl.DataFrame(schema={column: dtype})
    with pytest.raises(UnreadableDataError) as caught:
        conform(raw, EMAIL_EVENTS, where="mail.parquet")
    assert caught.value.where == "mail.parquet"
    assert repr(column) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnreadableDataError, match=r"^EmailEvents: "):
        conform(raw.lazy(), EMAIL_EVENTS)


@given(frames(EMAIL_EVENTS))
def test_missing_columns_are_exactly_those_that_the_frame_lacks(raw: pl.DataFrame) -> None:
    assert missing_columns(EMAIL_EVENTS, raw.schema) == set(EMAIL_EVENTS.names) - set(raw.columns)
