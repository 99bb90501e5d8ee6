"""CSV, zip archives and Parquet become an evidence folder like JSON does."""

import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from exconn.grading.export import csv_text
from exconn.ingest import ImportSummary, _importer, _json, _lines, _packed, _write, import_files
from exconn.ingest._cells import DECODER
from exconn.models import ConnectorChange, Email, Logon
from exconn.sources import read_context
from exconn.tables import EMAIL_EVENTS, TABLES, conform

Json = dict[str, Any]
Zipped = Mapping[str, str | bytes]

MAIL: Json = {
    "Timestamp": "2026-03-02T10:00:00.123456Z",
    "NetworkMessageId": "7d0c4c51-0001-4000-8000-000000000001",
    "SenderFromAddress": "ceo@fabrikam.example",
    "RecipientEmailAddress": "ann@fabrikam.example",
    "Subject": "Invoice",
    "Connectors": "Relay of fabrikam",
    "EmailSize": "4711",
    "IsFirstContact": "TRUE",
    "AdditionalFields": "",
}
CHANGE: Json = {
    "CreationTime": "2026-03-02T09:58:11",
    "Id": "5b1d0d0c-aaaa-4bbb-8ccc-0123456789ab",
    "Operation": "Set-InboundConnector",
    "RecordType": 1,
    "ResultStatus": "True",
    "UserType": 2,
    "Workload": "Exchange",
    "ClientIP": "203.0.113.7:50311",
    "ObjectId": "fabrikam.example\\Relay",
    "UserId": "mallory@fabrikam.example",
    "Parameters": [
        {"Name": "Identity", "Value": "Relay"},
        {"Name": "SenderDomains", "Value": "smtp:*;1"},
    ],
}


def table(*rows: Sequence[object], delimiter: str = ",", end: str = "\r\n") -> str:
    """Rows as CSV, the header first."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def mails(*changes: Json, **form: str) -> str:
    """Mails that differ from `MAIL` as CSV."""
    rows = [MAIL | change for change in changes]
    return table(list(rows[0]), *(list(row.values()) for row in rows), **form)


def imported(folder: Path, content: str | bytes) -> tuple[ImportSummary, Path]:
    """Import a file into a fresh evidence folder."""
    export, evidence = folder / "export", folder / "evidence"
    export.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_files([export], evidence), evidence


def only(evidence: Path, name: str) -> pl.DataFrame:
    (file,) = (evidence / name).glob("*.parquet")
    return pl.read_parquet(file)


def rejections(evidence: Path) -> list[Json]:
    file = evidence / "rejected.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def zipped(members: Zipped, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


# Rows survive each format

DAY = datetime(2026, 1, 1)  # noqa: DTZ001

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "Timestamp": st.datetimes(DAY, DAY + timedelta(150)).map(
                lambda moment: moment.isoformat(timespec="microseconds") + "Z"
            ),
            "NetworkMessageId": st.uuids().map(str),
            "SenderFromAddress": st.just("a@b.example"),
            "Subject": CELLS.filter(lambda cell: not cell.startswith("'")),
            "Connectors": st.sampled_from(
                ["", "Relay", "Süd; West, Nord", 'the "old"\none', "=1+1"]
            ),
            "EmailSize": st.none() | st.integers(0, 1 << 40),
            "IsFirstContact": st.none() | st.booleans(),
            "To": st.none() | st.lists(CELLS, max_size=3).map(json.dumps),
        }
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row["NetworkMessageId"],
)


def as_lines(rows: list[Json]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_csv(delimiter: str, encoding: str) -> Callable[[list[Json]], bytes]:
    def written(rows: list[Json]) -> bytes:
        names = list(rows[0])
        cells = [["" if row[name] is None else row[name] for name in names] for row in rows]
        return table(names, *cells, delimiter=delimiter).encode(encoding)

    return written


def as_inert_csv(rows: list[Json]) -> bytes:
    """As `Evidence.write` writes, apart from what cannot be seen, which is replaced there."""
    seen = [{name: cell for name, cell in row.items() if name != "Subject"} for row in rows]
    return csv_text(pl.DataFrame(seen, infer_schema_length=None)).encode("utf-8-sig")


def as_parquet(rows: list[Json]) -> bytes:
    file = io.BytesIO()
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame.with_columns(pl.col("Timestamp").str.to_datetime(time_zone="UTC")).write_parquet(file)
    return file.getvalue()


FORMATS: dict[str, Callable[[list[Json]], bytes]] = {
    "JSON": lambda rows: json.dumps(rows, indent=1).encode(),
    "CSV": as_csv(",", "utf-8"),
    "CSV with a mark": as_csv(",", "utf-8-sig"),
    "CSV with semicolons": as_csv(";", "utf-8"),
    "CSV with tabs": as_csv("\t", "utf-8"),
    "CSV in UTF-16": as_csv(",", "utf-16"),
    "CSV in UTF-16 without a mark": as_csv(",", "utf-16-le"),
    "CSV in UTF-16 of the other order": as_csv(",", "utf-16-be"),
    "Parquet": as_parquet,
    "zip of CSV": lambda rows: zipped({"a/b": as_csv(",", "utf-8")(rows)}),
    "zip of gzip": lambda rows: zipped({"a": gzip.compress(as_lines(rows))}),
    "zip of zip of Parquet": lambda rows: zipped({"a": zipped({"b": as_parquet(rows)})}),
    "gzip of CSV": lambda rows: gzip.compress(as_csv(",", "utf-8")(rows)),
}


def rows_in(evidence: Path) -> pl.DataFrame:
    return conform(only(evidence, "EmailEvents"), EMAIL_EVENTS).sort("NetworkMessageId")


@pytest.mark.parametrize("form", FORMATS)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@given(rows=ROWS)
def test_rows_are_the_same_from_each_format(
    tmp_path_factory: pytest.TempPathFactory, form: str, rows: list[Json]
) -> None:
    """And those of another format are duplicates then."""
    folder = tmp_path_factory.mktemp("formats")
    summary, evidence = imported(folder, FORMATS[form](rows))
    assert (summary.read, summary.rows) == (len(rows), len(rows))
    found = rows_in(evidence)
    expected = conform(pl.DataFrame(rows, infer_schema_length=None), EMAIL_EVENTS)
    assert_frame_equal(found, expected.sort("NetworkMessageId"))
    before = contents(evidence)
    again, _ = imported(folder, as_lines(rows))
    assert again.duplicates == len(rows)
    assert contents(evidence) == before


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@given(rows=ROWS)
def test_our_own_csv_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[Json]) -> None:
    """Texts that were made inert for spreadsheets are as they were."""
    _, evidence = imported(tmp_path_factory.mktemp("own"), as_inert_csv(rows))
    assert sorted(only(evidence, "EmailEvents")["Connectors"].fill_null("")) == sorted(
        row["Connectors"].replace("\n", "\\u000a") for row in rows
    )


# What writes CSV


def test_the_portal_of_defender_writes_a_row_with_json_in_cells(tmp_path: Path) -> None:
    """Embedded newlines, doubled quotes, empty JSON, TRUE and FALSE."""
    rich = {"AdditionalFields": '{\n  "a": "b, c"\n}', "IsFirstContact": "FALSE"}
    summary, evidence = imported(tmp_path, mails({}, {"NetworkMessageId": "n-2"} | rich))
    assert summary.written == {"EmailEvents": 2}
    first, second = only(evidence, "EmailEvents").sort("NetworkMessageId").to_dicts()
    assert first["AdditionalFields"] is None
    assert (first["IsFirstContact"], second["IsFirstContact"]) == (True, False)
    assert first["EmailSize"] == 4711
    assert json.loads(second["AdditionalFields"]) == {"a": "b, c"}


def test_log_analytics_adds_to_the_names_of_columns(tmp_path: Path) -> None:
    """Times say that they are UTC; the mark of UTF-8 stands before the first name."""
    row = {
        "TimeGenerated [UTC]": "3/2/2026, 9:58:11.000 AM",
        "CreatedDateTime [UTC]": "",
        "Operation": "Set-InboundConnector",
        "UserId_": "mallory@fabrikam.example",
        "UserType": "Admin",
        "OfficeWorkload": "Exchange",
        "OfficeId": "0ff1ce00-0000-4000-8000-000000000001",
        "OfficeObjectId": "Relay",
        "Status_dynamic": "",
        "Parameters": json.dumps(CHANGE["Parameters"], indent=2),
        "Type": "OfficeActivity",
    }
    text = table(list(row), list(row.values()))
    _, evidence = imported(tmp_path, text.encode("utf-8-sig"))
    (change,) = ConnectorChange.from_frame(only(evidence, "CloudAppEvents"))
    assert change.timestamp == datetime(2026, 3, 2, 9, 58, 11, tzinfo=UTC)
    assert change.actor.name == "mallory@fabrikam.example"
    assert change.parameters["SenderDomains"] == "smtp:*;1"


def test_sign_ins_of_log_analytics_are_read(tmp_path: Path) -> None:
    """JSON in cells is read as such; some of it is empty."""
    row = {
        "TimeGenerated [UTC]": "3/2/2026, 9:50:07.000 AM",
        "CreatedDateTime [UTC]": "3/2/2026, 9:50:00.000 AM",
        "ResultType": "50126",
        "UserPrincipalName": "mallory@fabrikam.example",
        "AppDisplayName": "Azure Portal",
        "IPAddress": "203.0.113.7",
        "Status_dynamic": '{"errorCode":50126,\n"failureReason":"Invalid password"}',
        "DeviceDetail_dynamic": "",
        "UserId_": "0f0e0d0c-0b0a-4908-8706-050403020100",
        "Id": "1c1c1c1c-0000-4000-8000-000000000001",
    }
    _, evidence = imported(tmp_path, table(list(row), list(row.values())).encode("utf-8-sig"))
    (logon,) = Logon.from_frame(only(evidence, "IdentityLogonEvents"))
    assert logon.timestamp == datetime(2026, 3, 2, 9, 50, tzinfo=UTC)
    assert (logon.action, logon.failure_reason) == ("LogonFailed", "Invalid password")
    assert logon.account_object_id == row["UserId_"]


@pytest.mark.parametrize(
    "around",
    [
        {"CreationDate": "3/2/2026 9:58:11 AM", "UserIds": "m", "Operations": "Set"},
        {"CreationDate": "2026-03-02T09:58:11.0000000Z ", "UserId": "m", "Operation": "Set"},
        {"RecordType": "ExchangeAdmin", "CreationDate": "02.03.2026 09:58:11", "UserIds": "m"},
        {},
    ],
)
def test_an_audit_search_has_a_record_in_a_cell(tmp_path: Path, around: Json) -> None:
    """From Purview, from PowerShell in any language, and with nothing else in the file."""
    row = around | {"AuditData": json.dumps(CHANGE)}
    summary, evidence = imported(tmp_path, table(list(row), list(row.values())))
    assert summary.written == {"CloudAppEvents": 1}
    (change,) = ConnectorChange.from_frame(only(evidence, "CloudAppEvents"))
    assert (change.audit_id, change.address) == (CHANGE["Id"], "203.0.113.7")


def test_a_record_that_a_spreadsheet_cut_is_set_aside(tmp_path: Path) -> None:
    """No cell has more than 32,767 characters there."""
    cut = json.dumps(CHANGE | {"Padding": "x" * 40_000})[:32_767]
    row = {"CreationDate": "2026-03-02", "Operation": "Set-Mailbox", "AuditData": cut}
    summary, _ = imported(tmp_path, table(list(row), list(row.values())))
    assert summary.reasons == {"AuditData is not a JSON object: import the file as downloaded": 1}


def test_cells_may_be_longer_than_python_expects(tmp_path: Path) -> None:
    """Its limit is 131,072 characters."""
    csv.field_size_limit(131_072)
    summary, _ = imported(tmp_path, mails({"AdditionalFields": json.dumps("x" * 200_000)}))
    assert summary.rows == 1


TRACED: Json = {
    "Received": "3/2/2026 10:00:00 AM",
    "SenderAddress": "news@bulk.example",
    "RecipientAddress": "ann@fabrikam.example",
    "Subject": "Invoice, paid",
    "Status": "Delivered",
    "ToIP": "",
    "FromIP": "198.51.100.4",
    "Size": "4711",
    "MessageId": "<one@bulk.example>",
    "MessageTraceId": "c0ffee00-0001-4000-8000-000000000001",
}


@pytest.mark.parametrize(
    "more",
    [
        {"PSComputerName": "outlook.office365.com", "Organization": "fabrikam", "Index": "0"},
        {},
    ],
    ids=["old", "V2"],
)
def test_a_message_trace_is_read(tmp_path: Path, more: Json) -> None:
    """What it does not know is not there."""
    row = more | TRACED
    _, evidence = imported(tmp_path, table(list(row), list(row.values())))
    frame = only(evidence, "EmailEvents")
    (email,) = Email.from_frame(frame)
    assert email.timestamp == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert not {"Connectors", "EmailDirection"} & set(frame.columns)


@pytest.mark.parametrize(
    "spelt",
    [
        "c0ffee00-0001-4000-8000-000000000001",
        "c0ffee00000140008000000000000001",
        "C0FFEE00000140008000000000000001",
    ],
)
def test_a_message_of_a_trace_has_the_id_that_email_events_has(tmp_path: Path, spelt: str) -> None:
    """So that it is one message, wherever it is from."""
    row = TRACED | {"MessageTraceId": spelt}
    _, evidence = imported(tmp_path, table(list(row), list(row.values())))
    found = only(evidence, "EmailEvents")["NetworkMessageId"].to_list()
    assert found == [TRACED["MessageTraceId"]]


def test_the_report_of_a_message_trace_has_a_row_for_all_recipients(tmp_path: Path) -> None:
    """It becomes a row for each, and it knows the connector."""
    row = {
        "origin_timestamp_utc": "2026-03-02T10:00:00.1230000Z",
        "sender_address": "news@bulk.example",
        "recipient_status": "ann@fabrikam.example##Receive, Deliver; ;bob@fabrikam.example"
        "##Receive, Fail;",
        "message_subject": "Invoice",
        "total_bytes": "4711",
        "message_id": "<one@bulk.example>",
        "network_message_id": "c0ffee00-0001-4000-8000-000000000001",
        "original_client_ip": "198.51.100.4",
        "directionality": "Incoming",
        "connector_id": "Relay of fabrikam",
        "delivery_priority": "Normal",
    }
    nobody = row | {"recipient_status": ""}
    summary, evidence = imported(
        tmp_path, table(list(row), list(row.values()), list(nobody.values())).encode("utf-16")
    )
    assert (summary.read, summary.rows, summary.rejected) == (3, 2, 1)
    frame = only(evidence, "EmailEvents").sort("RecipientEmailAddress")
    assert frame["RecipientEmailAddress"].to_list() == [
        "ann@fabrikam.example",
        "bob@fabrikam.example",
    ]
    assert frame["DeliveryAction"].to_list() == ["Delivered", "Blocked"]
    assert frame["Connectors"].to_list() == ["Relay of fabrikam"] * 2
    assert frame["EmailDirection"].to_list() == ["Inbound"] * 2


@pytest.mark.parametrize(
    "step",
    [
        {
            "date_time_utc": "2026-03-02T10:00:00.1230000Z",
            "connector_id": "Relay of fabrikam",
            "source": "SMTP",
            "event_id": "RECEIVE",
            "message_id": "<one@bulk.example>",
            "network_message_id": "c0ffee00-0001-4000-8000-000000000001",
            "recipient_address": "ann@fabrikam.example;bob@fabrikam.example",
            "sender_address": "news@bulk.example",
            "directionality": "Incoming",
            "custom_data": "",
        },
        {
            "MessageTraceId": "c0ffee00-0001-4000-8000-000000000001",
            "MessageId": "<one@bulk.example>",
            "Date": "2026-03-02T10:00:00",
            "Event": "Receive",
            "Action": "",
            "Detail": "Message received by: X",
            "SenderAddress": "news@bulk.example",
            "RecipientAddress": "ann@fabrikam.example",
        },
    ],
    ids=["extended report", "Get-MessageTraceDetail"],
)
def test_steps_of_a_message_are_set_aside_with_advice(tmp_path: Path, step: Json) -> None:
    """A message has a dozen of them: it would count as often."""
    summary, _ = imported(tmp_path, table(list(step), list(step.values())))
    assert summary.reasons == {
        "a step in the trace of a message: export the summary report": 1,
    }


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        (
            ("smtp:*;1", "192.0.2.7"),
            ("System.Collections.ArrayList", "System.Object[]"),
            "a list of which only the type was written: export it as JSON",
        ),
        (
            ("smtp:a.example;1 smtp:b.example;1", "203.0.113.9 203.0.113.0/24"),
            ("smtp:a.example;1", "203.0.113.9 and others"),
            "a list whose values cannot be told apart: export it as JSON",
        ),
    ],
)
def test_listings_are_read_where_lists_were_written(
    tmp_path: Path, good: tuple[str, str], bad: tuple[str, str], reason: str
) -> None:
    """Export-Csv often names the type of a list instead, and some join lists with blanks."""
    header = ("Name", "Enabled", "SenderDomains", "SenderIPAddresses")
    rows = table(header, ("Relay", "True", *good), ("Other", "True", *bad))
    summary, evidence = imported(tmp_path, rows)
    assert summary.reasons == {reason: 1}
    [relay] = read_context(evidence).inbound_connectors
    assert relay.sender_ip_addresses == tuple(good[1].split())
    assert relay.sender_domains in (("*",), ("a.example", "b.example"))


def test_a_short_listing_of_blocked_connectors_is_read(tmp_path: Path) -> None:
    """Two columns tell what it is."""
    guid = "159eb7c4-75d7-43e2-95fe-ced44b3e0a56"
    summary, _ = imported(tmp_path, table(("ConnectorId", "Reason"), (guid, "OutboundSpam=211")))
    assert summary.listed == {"blocked_connectors": 1}


# Quirks of CSV


@pytest.mark.parametrize(
    "before",
    ["#TYPE Selected.System.Management.Automation.PSCustomObject\r\n", "sep=,\n", "\n\r\n"],
)
def test_what_stands_before_the_header_is_no_row(tmp_path: Path, before: str) -> None:
    """PowerShell's type, the delimiter for Excel, blank lines."""
    summary, _ = imported(tmp_path, before + mails({}))
    assert (summary.read, summary.rows) == (1, 1)


def test_lines_may_end_as_on_old_macs(tmp_path: Path) -> None:
    summary, _ = imported(tmp_path, mails({}, {"NetworkMessageId": "n-2"}, end="\r"))
    assert (summary.rows, summary.rejected) == (2, 0)


def test_a_named_delimiter_counts(tmp_path: Path) -> None:
    """Even where the header has another one more often."""
    text = 'sep=|\r\nTimestamp|NetworkMessageId|Subject|"a,b,c,d,e,f"\r\n2026-03-02|n|x|y\r\n'
    summary, evidence = imported(tmp_path, text)
    assert summary.rows == 1
    assert only(evidence, "EmailEvents")["a_b_c_d_e_f"].to_list() == ["y"]


def test_rows_that_say_nothing_are_none(tmp_path: Path) -> None:
    """Blank lines, lines of delimiters, and the header of a file that was put behind another."""
    more = mails({"NetworkMessageId": "n-2"})
    blank = "," * (len(MAIL) - 1)
    summary, _ = imported(tmp_path, f"{mails({})}\r\n{blank}\r\n{more}")
    assert (summary.read, summary.rows) == (2, 2)


def test_a_header_without_rows_is_nothing(tmp_path: Path) -> None:
    """An empty result is no record."""
    summary, evidence = imported(tmp_path, table(list(MAIL)))
    assert summary.read == 0
    assert contents(evidence) == {}


@pytest.mark.parametrize(
    "first",
    [
        {},
        {"Timestamp": "5/6/2026 21:13"},
        {"Timestamp": "Mar 25, 2026 10:02:11 AM"},
        {"Timestamp": "", "Subject": "Name"},
        None,
    ],
)
def test_csv_without_a_header_is_set_aside_whole(tmp_path: Path, first: Json | None) -> None:
    """No record is taken for the names of columns, and none is read by half."""
    record = {"CreationTime": "2026-03-25T10:00:00", "Operation": "Set-InboundConnector"}
    audit = {
        "CreationDate": "2026-03-25 10:00",
        "UserIds": "a@b.example",
        "AuditData": json.dumps(record),
    }
    text = mails(first or {}, {"NetworkMessageId": "n-2"}) + "\r\n"
    if first is None:
        text = table(list(audit), list(audit.values()), list(audit.values()))
    rows = text.split("\r\n", 1)[1]
    summary, evidence = imported(tmp_path, rows)
    reason = "CSV without a header: put the names of the columns on its first line"
    assert summary.reasons == {reason: 2}
    assert [found["line"] for found in rejections(evidence)] == [1, 2]
    assert rejections(evidence)[0]["record"] == rows.splitlines(keepends=True)[0]
    assert summary.notes == (f"Nothing of {tmp_path / 'export'} could be used: {reason}.",)


@pytest.mark.parametrize("written", ["25.03.2026 10:02:11", "3/25/2026 10:02:11 AM"])
def test_local_times_are_told(tmp_path: Path, written: str) -> None:
    """They may be of any zone."""
    summary, _ = imported(tmp_path, mails({"Timestamp": written}))
    assert summary.rows == 1
    (note,) = summary.notes
    assert f"such as {written} in {tmp_path / 'export'}, were taken for UTC" in note
    (tmp_path / "other").mkdir()
    assert imported(tmp_path / "other", mails({"Timestamp": "2026-03-25T10:02:11"}))[0].notes == ()


def test_times_of_another_zone_are_set_aside_with_advice(tmp_path: Path) -> None:
    text = mails({}).replace("Timestamp", "TimeGenerated [Local Time]", 1)
    summary, _ = imported(tmp_path, text)
    assert summary.reasons == {
        "times in a zone of its own: set the portal to UTC and export again": 1
    }


def test_ragged_rows_are_set_aside_with_their_line(tmp_path: Path) -> None:
    """A line is where a row begins, also behind rows of several lines."""
    lines = mails({"Subject": "on\ntwo\nlines"}, {"NetworkMessageId": "n-2"}).splitlines(
        keepends=True
    )
    text = "".join([*lines[:4], "2026-03-02,n-3\r\n", lines[4], "a,b,c,d,e,f,g,h,i,j\n"])
    summary, evidence = imported(tmp_path, text)
    assert summary.rows == 2
    assert summary.reasons == {"not as many cells as the header": 2}
    assert [(found["line"], found["record"].strip()) for found in rejections(evidence)] == [
        (5, "2026-03-02,n-3"),
        (7, "a,b,c,d,e,f,g,h,i,j"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'2026-03-02,n-9,"never closed,x\r\n', "not CSV"),
        (b'2026-03-02,n-9,"closed"early,x\r\n', "not CSV"),
        (b"2026-03-02,n-9,in the\rmiddle,x\r\n", "not CSV"),
        (b"2026-03-02,n-9,\xfcber,x,,,,,\r\n", "not UTF-8: save the file in that encoding"),
        (b"\0\0\0\0\0\r\n", "NUL bytes"),
    ],
)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_bad_row_harms_no_other(tmp_path: Path, line: bytes, reason: str, at: int) -> None:
    """In whichever place; a quote that never ends does not swallow what follows."""
    good = mails({}, {"NetworkMessageId": "n-2", "Subject": 'a "quoted"\none'}).encode()
    lines = good.splitlines(keepends=True)
    parts = [lines[0], lines[1], b"".join(lines[2:])]
    parts.insert(at, line)
    summary, evidence = imported(tmp_path, b"".join(parts))
    assert summary.rows == 2
    assert summary.reasons == {reason: 1}
    (rejection,) = rejections(evidence)
    assert rejection["line"] == b"".join(parts[:at]).count(b"\n") + 1


def test_quotes_that_never_end_do_not_take_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a bound what they swallowed is set aside as one, and still counted."""
    monkeypatch.setattr("exconn.ingest._csv._LONGEST_ROW", 200)
    monkeypatch.setattr("exconn.ingest._csv._MOST_REREAD", 1_000)
    summary, evidence = imported(tmp_path, mails({}) + 'x","\n' * 500)
    assert summary.rows == 1
    assert summary.reasons["not CSV"] > 4
    assert len("".join(found["record"] for found in rejections(evidence))) == 500 * len('x","\n')


def test_columns_of_one_name_lose_nothing(tmp_path: Path) -> None:
    """The first that says something counts; another is kept beside it. Some have no name."""
    header = ("Timestamp", "NetworkMessageId", "Subject", "Subject", "SenderFromAddress", "", "")
    rows = (
        ("2026-03-02", "n-1", "", "second", "a@b.example", "", "x"),
        ("2026-03-02", "n-2", "first", "other", "a@b.example", "", ""),
        ("2026-03-02", "n-3", "same", "same", "a@b.example", "", ""),
    )
    _, evidence = imported(tmp_path, table(header, *rows))
    frame = only(evidence, "EmailEvents").sort("NetworkMessageId")
    assert frame["Subject"].to_list() == ["second", "first", "same"]
    assert frame["Subject_"].to_list() == [None, "other", None]
    assert frame["column_7"].to_list() == ["x", None, None]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1", "\tx"])
def test_texts_that_were_made_inert_are_as_they_were(tmp_path: Path, text: str) -> None:
    """Other texts keep their apostrophe."""
    _, evidence = imported(
        tmp_path, mails({"Subject": f"'{text}"}, {"NetworkMessageId": "n", "Subject": "'tis"})
    )
    assert set(only(evidence, "EmailEvents")["Subject"]) == {text, "'tis"}


def test_rows_of_other_tables_are_rejected_as_such(tmp_path: Path) -> None:
    """Not line by line as text that is not JSON."""
    text = table(("Timestamp", "DeviceId", "ActionType"), ("2026-03-02", "d", "two\nlines"))
    summary, evidence = imported(tmp_path, text)
    assert summary.reasons == {"no table that exconn reads": 1}
    assert json.loads(rejections(evidence)[0]["record"])["ActionType"] == "two\nlines"


def test_csv_with_no_known_column_is_still_csv(tmp_path: Path) -> None:
    """Its rows are shown under their header."""
    summary, evidence = imported(tmp_path, table(("A", "B", "C"), ("1", "2", "x\ny"), "456"))
    assert summary.reasons == {"no table that exconn reads": 2}
    assert json.loads(rejections(evidence)[1]["record"]) == {"A": "4", "B": "5", "C": "6"}


def test_words_with_commas_are_not_csv(tmp_path: Path) -> None:
    """Not every line has as many of them."""
    summary, _ = imported(tmp_path, "Tue, as ever, by Ann\nhere, is, more\nthe end\n")
    assert summary.reasons == {"not JSON": 3}


def test_json_lines_with_many_commas_are_not_csv(tmp_path: Path) -> None:
    """Though each line has as many as the first."""
    summary, _ = imported(tmp_path, f"{json.dumps(MAIL)}\n" * 3)
    assert (summary.read, summary.rows) == (3, 1)


def test_a_header_of_thousands_of_columns_is_none(tmp_path: Path) -> None:
    """It would only cost time."""
    summary, _ = imported(tmp_path, table(["Subject"] * 5_000, ["x"] * 5_000))
    assert summary.reasons == {"not JSON": 2}


@pytest.mark.parametrize(
    "text", ["exported by Ann, 2026-03-02\n", "Timestamp,Subject\n", "a,b\nc,d\n"]
)
def test_words_before_json_are_no_header(tmp_path: Path, text: str) -> None:
    """The JSON below them is read."""
    summary, _ = imported(tmp_path, text + json.dumps(MAIL) + "\n")
    assert summary.rows == 1
    assert summary.reasons == {"not JSON": text.count("\n")}


# Zip archives


def test_an_archive_is_walked_like_a_folder(tmp_path: Path) -> None:
    """Folders and hidden members are passed by; each member is a file of its own."""
    odd = "a\u202eb.csv"
    summary, evidence = imported(
        tmp_path,
        zipped(
            {
                "b/": "",
                "__MACOSX/._x.csv": "junk",
                ".hidden": "junk",
                "../up.csv": mails({"NetworkMessageId": "n-1"}),
                "..\\w.csv": mails({"NetworkMessageId": "n-4"}),
                "b/mails.json": json.dumps(MAIL),
                odd: "junk\n",
                "z.zip": zipped({"c.csv": mails({"NetworkMessageId": "n-3"}), "d": "more junk"}),
            }
        ),
    )
    assert summary.rows == 4
    archive = tmp_path / "export"
    assert summary.notes == (
        "Not read: 2 hidden files and folders.",
        f"Nothing of {archive}/a\\u202eb.csv could be used: not JSON.",
        f"Nothing of {archive}/z.zip/d could be used: not JSON.",
    )
    assert [str(file.path) for file in summary.files] == [
        f"{archive}/{name}"
        for name in (
            "../up.csv",
            "..\\w.csv",
            "a\\u202eb.csv",
            "b/mails.json",
            "z.zip/c.csv",
            "z.zip/d",
        )
    ]
    assert [found["file"] for found in rejections(evidence)] == [
        f"{archive}/a\\u202eb.csv",
        f"{archive}/z.zip/d",
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["evidence", "export"]


def encrypted(archive: bytes) -> bytes:
    """An archive that says its members are encrypted."""
    changed = bytearray(archive)
    changed[archive.index(b"PK\x03\x04") + 6] |= 1
    changed[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def in_deflate64(archive: bytes) -> bytes:
    """An archive that says its members are packed as Windows packs large ones."""
    changed = bytearray(archive)
    changed[archive.index(b"PK\x03\x04") + 8] = 9
    changed[archive.index(b"PK\x01\x02") + 10] = 9
    return bytes(changed)


SHEET = zipped({"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<workbook/>"})


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (encrypted(zipped({"a": "x"})), "encrypted"),
        (in_deflate64(zipped({"a": "x"})), "compressed in a way that is not read"),
        (zipped({"a": zipped({"b": zipped({"c": "x"})})}), "a zip archive in one in another"),
        (SHEET, "an Office document: save it as CSV"),
        (zipped({"report.xlsx": SHEET}), "an Office document: save it as CSV"),
        (zipped({"a": "x" * 99})[:60], "damaged zip"),
        (zipped({"a": b"7z\xbc\xaf"}), "not a text file"),
        (zipped({"a": gzip.compress(gzip.compress(b"x"))}), "not a text file"),
        (zipped({"a": gzip.compress(b"x\n" * 999)[:12]}), "damaged gzip"),
        (zipped({"a": b"PAR1 not really"}), "damaged Parquet"),
    ],
    ids=lambda value: "archive" if isinstance(value, bytes) else value,  # which has its time in it
)
def test_what_cannot_be_unpacked_is_set_aside(tmp_path: Path, archive: bytes, reason: str) -> None:
    """With the reason, and nothing else."""
    summary, _ = imported(tmp_path, archive)
    (found,) = summary.reasons
    assert found.startswith(reason)
    assert summary.read == 1


def test_of_a_gzip_that_was_cut_all_is_read(tmp_path: Path) -> None:
    """Up to the cut, however short the file is; also when only its end is missing."""
    lines = [json.dumps(MAIL | {"NetworkMessageId": f"n-{i}"}) + "\n" for i in range(100)]
    summary, _ = imported(tmp_path, gzip.compress("".join(lines).encode())[:-8])
    assert (summary.rows, summary.reasons) == (100, {"damaged gzip": 1})


def test_a_gzip_of_many_pieces_is_one_text(tmp_path: Path) -> None:
    """Collectors append to gzip; the first piece alone may not tell what the text is."""
    text = mails({}).encode("utf-16-le")
    summary, _ = imported(
        tmp_path, b"".join(gzip.compress(text[i : i + 1]) for i in range(len(text)))
    )
    assert (summary.read, summary.rows) == (1, 1)


def test_an_empty_archive_is_a_file_of_nothing(tmp_path: Path) -> None:
    """The summary has it all the same."""
    summary, evidence = imported(tmp_path, zipped({}))
    assert [file.path for file in summary.files] == [tmp_path / "export"]
    assert summary.read == 0
    assert contents(evidence) == {}


def test_a_damaged_member_keeps_what_is_sound(tmp_path: Path) -> None:
    """And the members behind it are read."""
    lines = [json.dumps(MAIL | {"NetworkMessageId": f"n-{i}"}) for i in range(5_000)]
    archive = bytearray(zipped({"a": "\n".join(lines), "b": json.dumps(MAIL)}))
    middle = archive.index(b"PK\x03\x04", 4) // 2
    archive[middle : middle + 20] = b"\xff" * 20
    summary, _ = imported(tmp_path, bytes(archive))
    assert summary.reasons["damaged zip"] == 1
    assert [file.rows > 0 for file in summary.files] == [True, True]


@pytest.mark.parametrize("pack", [gzip.compress, lambda text: zipped({"a": text})])
def test_a_bomb_is_met_with_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    """What comes before it is read."""
    monkeypatch.setattr(_packed, "_SMALL", 50_000)
    text = mails({}).encode() + b"," * (len(MAIL) - 1) + b"\n"
    summary, _ = imported(tmp_path, pack(text + b"\n" * 500_000))
    assert summary.rows == 1
    assert summary.reasons == {"unpacks to more than 200 times its size": 1}


@pytest.mark.parametrize("filler", ["\n", " \r\n", "[\n"])
def test_what_comes_before_records_is_not_held(tmp_path: Path, filler: str) -> None:
    """A few kilobytes of gzip unpack to millions of empty lines."""
    text = filler * 200_000 + mails({}) + "\n"
    tracemalloc.start()
    try:
        imported(tmp_path, gzip.compress(text.encode()))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 << 20


def test_members_share_the_bound_of_their_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small bombs are one large one."""
    monkeypatch.setattr(_packed, "_SMALL", 10_000)
    monkeypatch.setattr(_packed, "_MOST_RATIO", 2)
    summary, _ = imported(tmp_path, zipped({str(i): b"\n" * 4_000 for i in range(5)}))
    assert summary.reasons == {"unpacks to more than 2 times its size": 3}


def test_a_large_member_that_must_be_whole_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive in an archive is read from memory."""
    monkeypatch.setattr(_packed, "_LARGEST_WHOLE", 100)
    summary, _ = imported(tmp_path, zipped({"a": zipped({"b": mails({})})}))
    assert summary.reasons == {"too large to be read inside an archive: unpack it first": 1}


def test_projections_in_one_archive_lend_each_other_no_columns(tmp_path: Path) -> None:
    """Absence is kept by member, as it is by file."""
    narrow = {name: MAIL[name] for name in list(MAIL)[:4]} | {"NetworkMessageId": "n-2"}
    _, evidence = imported(
        tmp_path, zipped({"a": mails({}), "b": table(list(narrow), list(narrow.values()))})
    )
    widths = [pl.read_parquet(f).width for f in (evidence / "EmailEvents").glob("*.parquet")]
    assert sorted(widths) == [len(narrow), len(MAIL)]


# Parquet


@pytest.mark.parametrize(
    "known", [EMAIL_EVENTS.names, ("Timestamp", "NetworkMessageId", "Subject")]
)
def test_a_table_of_evidence_is_read(tmp_path: Path, known: tuple[str, ...]) -> None:
    """With the columns that it has, also where no row says anything in them."""
    frame = conform(pl.DataFrame([MAIL]), EMAIL_EVENTS).select(known)
    frame.write_parquet(tmp_path / "mails")
    summary = import_files([tmp_path / "mails"], tmp_path / "evidence")
    assert summary.written == {"EmailEvents": 1}
    found = only(tmp_path / "evidence", "EmailEvents")
    assert set(found.columns) == set(known)
    assert_frame_equal(conform(found, EMAIL_EVENTS), conform(frame, EMAIL_EVENTS))


def test_nested_and_odd_values_of_parquet_are_kept(tmp_path: Path) -> None:
    """Lists and structs become JSON text; a number that is none is nothing."""
    row = MAIL | {
        "EmailSize": float("nan"),
        "To": [{"Name": "Ann", "At": datetime(2026, 3, 2)}],  # noqa: DTZ001
        "Blob": b"\x00\x01",
        "Timestamp": datetime(2026, 3, 2, 10, tzinfo=UTC),
    }
    pl.DataFrame([row]).write_parquet(tmp_path / "x")
    import_files([tmp_path / "x"], tmp_path / "evidence")
    (found,) = only(tmp_path / "evidence", "EmailEvents").to_dicts()
    assert found["EmailSize"] is None
    assert json.loads(found["To"]) == [{"Name": "Ann", "At": "2026-03-02 00:00:00"}]
    assert found["Blob"]


def test_rows_of_parquet_are_told_by_their_number(tmp_path: Path) -> None:
    """Also behind the first batch."""
    rows = [MAIL | {"NetworkMessageId": f"n-{i}"} for i in range(6_000)]
    rows[5_500] |= {"EmailSize": "big"}
    pl.DataFrame(rows).write_parquet(tmp_path / "x")
    summary = import_files([tmp_path / "x"], tmp_path / "evidence")
    assert summary.rows == 5_999
    assert [found["line"] for found in rejections(tmp_path / "evidence")] == [5_501]


# JSON


@pytest.mark.parametrize("gap", [",\n", "\n,", "\n\n,"])
def test_records_of_an_array_know_their_line(tmp_path: Path, gap: str) -> None:
    """Whether or not the brackets stand on lines of their own."""
    records = [json.dumps(MAIL), '{"junk": 1}', "3", json.dumps({"junk": 2})]
    _, evidence = imported(tmp_path, f"[{gap.join(records)}]")
    step = gap.count("\n")
    assert [found["line"] for found in rejections(evidence)] == [
        1 + step * number for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("piece", [5, 64, 700])
@pytest.mark.parametrize("around", ["response", "array"])
def test_a_text_is_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, piece: int, around: str
) -> None:
    """Long lines and long values are the same however little is read of them at once."""
    mails = [
        MAIL | {"NetworkMessageId": f"m-{n}", "Subject": "\u3042\U0001f600\\" * n} for n in range(9)
    ]
    document: object = {"@odata.context": "x", "value": mails} if around == "response" else mails
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    (tmp_path / "at once").mkdir()
    _, expected = imported(tmp_path / "at once", text)
    monkeypatch.setattr(_lines, "_LONGEST", piece)
    monkeypatch.setattr(_json, "_READ_AT_ONCE", piece)
    monkeypatch.setattr(_json, "_WINDOW", piece)
    (tmp_path / "in pieces").mkdir()
    summary, folder = imported(tmp_path / "in pieces", text)
    assert summary.rows == 9
    key = "NetworkMessageId"
    assert_frame_equal(
        only(folder, "EmailEvents").sort(key), only(expected, "EmailEvents").sort(key)
    )


@pytest.mark.parametrize("opening", ["", "[\n"])
def test_blank_lines_before_the_first_record_are_passed_over(tmp_path: Path, opening: str) -> None:
    """However many there are; they count as lines."""
    text = "\n" * 3_000 + opening + "\n" + json.dumps(MAIL) + ',\n{"junk": 1}\n'
    summary, evidence = imported(tmp_path, text)
    assert (summary.rows, summary.rejected) == (1, 1)
    assert rejections(evidence)[0]["line"] == 3_003 + len(opening) // 2


def test_a_value_that_is_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before it is kept."""
    monkeypatch.setattr(_lines, "_LONGEST", 1 << 16)
    monkeypatch.setattr(_json, "_LARGEST_VALUE", 1 << 20)
    large = {"value": [{"a": "x" * 100}] * 30_000}
    summary, _ = imported(tmp_path, json.dumps([MAIL, large, MAIL | {"Subject": "after"}]))
    assert summary.rows == 1
    assert summary.reasons == {"a JSON value of more than 1 MiB, and all after it: split it": 1}


def test_text_that_is_no_json_is_not_read_over_and_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that never ends has all behind it read; each error there counts lines up to it."""
    seen: list[int] = []
    decoder = DECODER

    class Counting:
        def raw_decode(self, text: str, start: int = 0) -> object:
            seen.append(len(text))
            return decoder.raw_decode(text, start)

    monkeypatch.setattr(_json, "DECODER", Counting())
    summary, _ = imported(tmp_path, "[[\n" + "],[\n" * 10_000)
    assert summary.reasons == {"not JSON": 10_001}
    assert max(seen[10:]) <= _json._WINDOW


def test_values_in_an_array_on_one_line_harm_no_other(tmp_path: Path) -> None:
    """Each is rejected alone."""
    summary, _ = imported(tmp_path, json.dumps([{"junk": 1}, 3, [MAIL], "x", None]))
    assert summary.rows == 1
    assert summary.reasons == {"no table that exconn reads": 1, "not an object": 3}


# Everything together


@pytest.mark.parametrize(("chunk", "largest"), [(10, 1), (20_000, 500)])
def test_large_files_are_written_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, largest: int
) -> None:
    """Memory does not grow with a file; rows and duplicates are the same, also a second time."""
    monkeypatch.setattr(_importer, "_CHUNK", chunk)
    monkeypatch.setattr(_importer, "_LARGEST", largest)
    monkeypatch.setattr(_write, "_LARGEST_PILE", largest)
    changes = [{"NetworkMessageId": f"n-{i % 70}"} for i in range(100)]
    summary, evidence = imported(tmp_path, mails(*changes))
    assert (summary.rows, summary.duplicates) == (70, 30)
    files = list((evidence / "EmailEvents").glob("*.parquet"))
    assert len(files) > 5
    before = contents(evidence)
    assert import_files([tmp_path / "export"], evidence).duplicates == 100
    assert contents(evidence) == before


PIECES = st.sampled_from(
    [
        mails({}),
        mails({"Subject": "on\ntwo"}, delimiter=";"),
        table(list(CHANGE), list(CHANGE.values())),
        table(["AuditData"], [json.dumps(CHANGE)]),
        *(
            "#TYPE x\n",
            "sep=;\n",
            '"',
            ",",
            "\n",
            "\r",
            "\0",
            "'=",
            "[",
            "{",
            "\ufeff",
            "PAR1",
            "PK",
        ),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=9), max_size=8).map(
    lambda pieces: "".join(pieces).encode("utf-8", "replace")
)


def twice(folder: Path, content: bytes) -> None:
    """Import, and hold that all is counted and that a second import changes nothing."""
    summary, evidence = imported(folder, content)
    assert summary.read == summary.rows + summary.duplicates + summary.rejected
    assert len(rejections(evidence)) == summary.rejected
    before = contents(evidence)
    again = import_files([folder / "export"], evidence)
    assert (again.read, again.rows) == (summary.read, 0)
    assert contents(evidence) == before


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TEXTS)
def test_whatever_a_text_holds_the_numbers_add_up(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Nothing crashes, and importing twice changes nothing."""
    twice(tmp_path_factory.mktemp("any"), content)


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
ARCHIVES = st.dictionaries(NAMES, TEXTS, max_size=3).map(zipped)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ARCHIVES, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3))
def test_whatever_befalls_an_archive_the_numbers_add_up(
    tmp_path_factory: pytest.TempPathFactory,
    archive: bytes,
    damage: Iterable[tuple[float, int]],
) -> None:
    """Bytes change, and nothing crashes."""
    changed = bytearray(archive)
    for where, byte in damage:
        changed[int(where * (len(changed) - 1))] = byte
    twice(tmp_path_factory.mktemp("any"), bytes(changed))


@pytest.mark.parametrize("size", [4, 12, 500, -9, -1])
def test_parquet_that_was_cut_is_set_aside(tmp_path: Path, size: int) -> None:
    """Its end says where everything is."""
    whole = as_parquet([MAIL, MAIL | {"NetworkMessageId": "n-2"}])
    summary, _ = imported(tmp_path, whole[:size])
    assert summary.reasons == {"damaged Parquet": 1}


def test_all_tables_are_read_from_csv(tmp_path: Path) -> None:
    """Each by its name in `Type`, as Log Analytics has it."""
    for wanted in TABLES:
        text = table(
            ("TimeGenerated [UTC]", "Type", wanted.names[1]), ("2026-03-02", wanted.name, "1")
        )
        (tmp_path / wanted.name).write_text(text)
    summary = import_files(sorted(tmp_path.iterdir()), tmp_path / "evidence")
    assert summary.written == {wanted.name: 1 for wanted in TABLES}
