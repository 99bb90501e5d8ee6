"""Raw exports become an evidence folder; nothing is lost, and nothing crashes."""

import gzip
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.exceptions import ComputeError

from exconn.cli.app import run
from exconn.errors import InvalidValueError, NoDataError, UnreadableDataError
from exconn.ingest import FileSummary, ImportSummary, import_files, parse_moment
from exconn.ingest._cells import UnfitError, cell
from exconn.ingest._raw import shown
from exconn.ingest._write import EvidenceFolder, open_folder
from exconn.models import ConnectorChange, Email, InboundConnector, Logon
from exconn.tables import (
    CLOUD_APP_EVENTS,
    EMAIL_EVENTS,
    TABLES,
    Column,
    KqlType,
    Table,
    conform,
    missing_columns,
)

Json = dict[str, Any]

MAIL: Json = {
    "Timestamp": "2026-03-02T10:00:00.1234567Z",
    "NetworkMessageId": "7d0c4c51-0001-4000-8000-000000000001",
    "SenderMailFromAddress": "news@bulk.example",
    "SenderFromAddress": "ceo@fabrikam.example",
    "RecipientEmailAddress": "ann@fabrikam.example",
    "EmailDirection": "Inbound",
    "Connectors": "Relay of fabrikam",
}
CHANGE: Json = {
    "CreationTime": "2026-03-02T09:58:11",
    "Id": "5b1d0d0c-aaaa-4bbb-8ccc-0123456789ab",
    "Operation": "Set-InboundConnector",
    "OrganizationId": "11111111-2222-4333-8444-555555555555",
    "RecordType": 1,
    "ResultStatus": "True",
    "UserKey": "0f0e0d0c-0b0a-4908-8706-050403020100",
    "UserType": 2,
    "Version": 1,
    "Workload": "Exchange",
    "ClientIP": "203.0.113.7:50311",
    "ObjectId": "fabrikam.example\\Relay of fabrikam",
    "UserId": "Mallory@fabrikam.example",
    "Parameters": [
        {"Name": "Identity", "Value": "Relay of fabrikam"},
        {"Name": "SenderIPAddresses", "Value": "198.51.100.4"},
        {"Name": "RequireTls", "Value": "False"},
    ],
}
SIGN_IN: Json = {
    "CreationTime": "2026-03-02T09:50:00",
    "Id": "1c1c1c1c-0000-4000-8000-000000000001",
    "Operation": "UserLoggedIn",
    "RecordType": 15,
    "ResultStatus": "Success",
    "UserKey": "0f0e0d0c-0b0a-4908-8706-050403020100",
    "UserType": 0,
    "Workload": "AzureActiveDirectory",
    "ClientIP": "[2001:db8::5]:44123",
    "UserId": "mallory@fabrikam.example",
    "ErrorNumber": "0",
}
TRACE: Json = {
    "Organization": "fabrikam.example",
    "MessageTraceId": "c0ffee00-0001-4000-8000-000000000001",
    "MessageId": "<one@bulk.example>",
    "Received": "2026-03-02T10:00:00.1234567",
    "SenderAddress": "news@bulk.example",
    "RecipientAddress": "ann@fabrikam.example",
    "Subject": "Invoice",
    "Status": "FilteredAsSpam",
    "FromIP": "198.51.100.4",
    "ToIP": None,
    "Size": 4711,
    "Index": 0,
}


def streamed(table: str, properties: Mapping[str, Any]) -> Json:
    return {
        "time": "2026-03-02T10:20:00.0000000Z",
        "tenantId": "11111111-2222-4333-8444-555555555555",
        "operationName": "Publish",
        "category": f"AdvancedHunting-{table}",
        "properties": dict(properties),
    }


def lines(path: Path, records: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def imported(folder: Path, *records: object) -> tuple[ImportSummary, Path]:
    """Import records as JSON lines into a fresh evidence folder."""
    folder.mkdir(exist_ok=True)
    evidence = folder / "evidence"
    return import_files([lines(folder / "export.json", records)], evidence), evidence


def parquets(evidence: Path, table: str) -> list[pl.DataFrame]:
    return [pl.read_parquet(file) for file in sorted((evidence / table).glob("*.parquet"))]


def only(evidence: Path, table: str) -> pl.DataFrame:
    (frame,) = parquets(evidence, table)
    return frame


def rejections(evidence: Path) -> list[Json]:
    file = evidence / "rejected.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def adds_up(summary: ImportSummary | FileSummary) -> bool:
    return summary.read == summary.rows + summary.duplicates + summary.rejected


# Times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T09:58:56Z", datetime(2026, 3, 2, 9, 58, 56, tzinfo=UTC)),
        ("2026-03-02T09:58:56", datetime(2026, 3, 2, 9, 58, 56, tzinfo=UTC)),
        ("2026-03-02T09:58:56.123Z", datetime(2026, 3, 2, 9, 58, 56, 123000, tzinfo=UTC)),
        ("2026-03-02T09:58:56.1234569Z", datetime(2026, 3, 2, 9, 58, 56, 123456, tzinfo=UTC)),
        ("2026-03-02T09:58:56.12345+00:00", datetime(2026, 3, 2, 9, 58, 56, 123450, tzinfo=UTC)),
        ("2026-03-02T09:58:56+02:00", datetime(2026, 3, 2, 7, 58, 56, tzinfo=UTC)),
        ("2026-03-02T09:58:56-0130", datetime(2026, 3, 2, 11, 28, 56, tzinfo=UTC)),
        ("2026/03/02 09:58:56", datetime(2026, 3, 2, 9, 58, 56, tzinfo=UTC)),
        ("2026-03-02 09:58:56.000000000", datetime(2026, 3, 2, 9, 58, 56, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("18/3/2026 9:58:33 PM", datetime(2026, 3, 18, 21, 58, 33, tzinfo=UTC)),
        ("18/3/2026 21:58", datetime(2026, 3, 18, 21, 58, tzinfo=UTC)),
        ("3/18/2026 21:58:33", datetime(2026, 3, 18, 21, 58, 33, tzinfo=UTC)),
        ("3/3/2026 21:58", datetime(2026, 3, 3, 21, 58, tzinfo=UTC)),
        ("3/2/2026 9:58:33 PM", datetime(2026, 3, 2, 21, 58, 33, tzinfo=UTC)),
        ("3/2/2026, 12:17:10.500 AM", datetime(2026, 3, 2, 0, 17, 10, 500000, tzinfo=UTC)),
        ("3/2/2026 12:17:10\u202fPM", datetime(2026, 3, 2, 12, 17, 10, tzinfo=UTC)),
        ("2.3.2026 21:58:33", datetime(2026, 3, 2, 21, 58, 33, tzinfo=UTC)),
        ("02.03.2026 09:58", datetime(2026, 3, 2, 9, 58, tzinfo=UTC)),
        ("/Date(1658751973240)/", datetime(2022, 7, 25, 12, 26, 13, 240000, tzinfo=UTC)),
        ("/Date(1658751973240+0200)/", datetime(2022, 7, 25, 12, 26, 13, 240000, tzinfo=UTC)),
        ("  2026-03-02T09:58:56Z \n", datetime(2026, 3, 2, 9, 58, 56, tzinfo=UTC)),
    ],
)
def test_every_form_of_time_is_read(text: str, expected: datetime) -> None:
    """Times come out in UTC, floored to microseconds."""
    assert parse_moment(text) == expected


def test_a_date_that_powershell_made_an_object_of_is_read() -> None:
    """Windows PowerShell writes a DateTime as an object."""
    shown = {"value": "/Date(0)/", "DisplayHint": 2, "DateTime": "Thursday, 1 January 1970"}
    assert parse_moment(shown) == datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_moment(datetime(1970, 1, 1)) == datetime(1970, 1, 1, tzinfo=UTC)  # noqa: DTZ001


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        17,
        True,
        {},
        {"value": 3},
        "yesterday",
        "2026-13-02T00:00:00Z",
        "2026-03-02T24:61:00Z",
        "2026-03-02T00:00:00+25:00",
        "0001-01-01T00:00:00+05:00",
        "13/13/2026 9:13:33 PM",
        "5/6/2026 21:13",
        "0/18/2026 21:13",
        "5/18/2026 13:13:33 PM",
        "5/6/2026 21:13:33",
        "3.18.2026 21:13:33",
        "2.3.2026",
        "/Date(999999999999999999)/",
        "\u0662026-03-02T09:58:56Z",
    ],
)
def test_what_is_no_time_is_not_guessed(value: object) -> None:
    """None, rather than a guess between day and month."""
    assert parse_moment(value) is None


@given(st.text() | st.datetimes().map(str) | st.from_regex(r"/Date\(-?\d+\)/", fullmatch=True))
def test_no_text_makes_the_reading_of_times_fail(text: str) -> None:
    """Any text is a time in UTC or None."""
    moment = parse_moment(text)
    assert moment is None or moment.tzinfo is UTC


# Hunting rows


@pytest.mark.parametrize("keys", [("schema", "results"), ("Schema", "Results")])
def test_a_hunting_response_of_either_api_is_read(tmp_path: Path, keys: tuple[str, str]) -> None:
    """The columns that the response declares are known even where no row has them."""
    schema, results = keys
    columns = [{"name": name, "type": "String"} for name in (*MAIL, "SenderObjectId")]
    summary, evidence = imported(tmp_path, {schema: columns, results: [MAIL], "Stats": {}})
    frame = only(evidence, "EmailEvents")
    assert summary.written == {"EmailEvents": 1}
    assert frame.columns[0] == "Timestamp"
    assert set(frame.columns) == {*MAIL, "SenderObjectId"}
    assert frame["Timestamp"][0] == datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)


def test_responses_with_other_columns_go_to_other_files(tmp_path: Path) -> None:
    """Absence is kept: rows of two projections in one file don't lend each other columns."""
    narrow = {key: MAIL[key] for key in ("Timestamp", "NetworkMessageId", "RecipientEmailAddress")}
    _, evidence = imported(
        tmp_path,
        {"schema": [{"Name": name} for name in narrow], "results": [narrow]},
        {
            "schema": [{"Name": name} for name in MAIL],
            "results": [MAIL | {"Timestamp": "2026-04-01"}],
        },
    )
    widths = {frame.width: frame for frame in parquets(evidence, "EmailEvents")}
    assert set(widths) == {3, len(MAIL)}


def as_log_analytics(row: Json) -> Json:
    columns = [{"name": name, "type": "string"} for name in row]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [[*row.values()]]}]}


def as_data_explorer(row: Json) -> Json:
    columns = [{"ColumnName": name, "DataType": "String"} for name in row]
    return {"Tables": [{"TableName": "T", "Columns": columns, "Rows": [[*row.values()]]}]}


def as_frames(row: Json) -> list[Json]:
    """A second answer of Data Explorer's: a list of frames, of which some are tables."""
    (answer,) = as_data_explorer(row)["Tables"]
    return [answer | {"FrameType": "DataTable", "TableKind": "PrimaryResult"}]


@pytest.mark.parametrize("answer", [as_log_analytics, as_data_explorer, as_frames])
def test_rows_without_names_get_those_of_their_table(
    tmp_path: Path, answer: Callable[[Json], object]
) -> None:
    """Log Analytics and Data Explorer answer with columns and lists of cells."""
    row = MAIL | {"SenderObjectId": None}
    sign_in = {"UserPrincipalName": "a@b.example", "AppDisplayName": "x", "IPAddress": "192.0.2.1"}
    sign_in |= {"ResultType": "50126", "TimeGenerated": "2026-03-02T10:00:00Z"}
    summary, evidence = imported(tmp_path, *map(answer, (row, CHANGE, sign_in)))
    assert summary.written == {"EmailEvents": 1, "CloudAppEvents": 1, "IdentityLogonEvents": 1}
    assert set(only(evidence, "EmailEvents").columns) == set(row)
    (change,) = ConnectorChange.from_frame(only(evidence, "CloudAppEvents"))
    assert change.parameters["RequireTls"] == "False"


def test_rows_that_are_not_as_wide_as_their_table_are_set_aside(tmp_path: Path) -> None:
    """And those beside them are kept."""
    answer = as_log_analytics(MAIL)
    answer["tables"][0]["rows"] += [["short"], "none", [*MAIL.values(), "wide"]]
    summary, _ = imported(tmp_path, answer)
    assert (summary.rows, summary.reasons) == (1, {"not an object": 3})


def test_graph_writes_cells_in_its_own_way(tmp_path: Path) -> None:
    """Sidecars are dropped, 0/1 are booleans, {} is null, arrays of JSON text are arrays."""
    row = MAIL | {
        "IsFirstContact": 1,
        "IsFirstContact@odata.type": "#SByte",
        "EmailSize": {},
        "Subject": {},
        "To": ['{"Name":"Ann"}', '{"Name":"Bob"}'],
        "To@odata.type": "#Collection(String)",
        "Cc": {"@odata.type": "#microsoft.graph.security.dynamicColumnValue", "n": True},
    }
    _, evidence = imported(tmp_path, {"schema": [], "results": [row]})
    frame = only(evidence, "EmailEvents")
    assert set(frame.columns) == {name for name in row if "@" not in name}
    (found,) = frame.to_dicts()
    assert found["IsFirstContact"] is True
    assert found["EmailSize"] is None
    assert not found["Subject"]
    assert json.loads(found["To"]) == [{"Name": "Ann"}, {"Name": "Bob"}]
    assert json.loads(found["Cc"]) == {"n": True}


def test_variants_of_column_names_are_folded(tmp_path: Path) -> None:
    """Suffixes of unions and of Log Analytics, and any letter case."""
    row = {
        "timestamp [UTC]": "3/2/2026, 10:00:00.000 AM",
        "actionType": "Set-Mailbox",
        "APPLICATION": "Microsoft Exchange Online",
        "ApplicationId_int": "20893",
        "ReportId_long": None,
        "ReportId_string": "r-1",
        "AdditionalFields_string": "",
        "AdditionalFields_dynamic": {"a": 1},
        "UserAgent_": "Client=REST",
        "Isp": "Contoso Net",
        "IsAdminOperation": "TRUE",
        "RawEventData": json.dumps(CHANGE),
        "DeviceId": None,
    }
    _, evidence = imported(tmp_path, row)
    frame = only(evidence, "CloudAppEvents")
    assert set(frame.columns) <= set(CLOUD_APP_EVENTS.names)
    (found,) = frame.to_dicts()
    assert found["Timestamp"] == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert found["ApplicationId"] == 20893
    assert found["ReportId"] == "r-1"
    assert found["AdditionalFields"] == '{"a":1}'
    assert found["UserAgent"] == "Client=REST"
    assert found["ISP"] == "Contoso Net"
    assert found["IsAdminOperation"] is True
    assert json.loads(found["RawEventData"]) == CHANGE


@pytest.mark.parametrize(
    ("column", "told", "kept"),
    [
        ("Connectors", "Relay of fabrikam", "Relay of fabrikam"),
        ("Connectors", "Scans, faxes; " + CHANGE["Id"], "Scans, faxes; " + CHANGE["Id"]),
        ("AuthenticationDetails", '{"SPF": "pass"}', '{"SPF": "pass"}'),
        ("AuthenticationDetails", {"SPF": "pass"}, '{"SPF":"pass"}'),
        ("AuthenticationDetails", None, ""),
        ("ThreatTypes", "Phish, Spam", "Phish, Spam"),
        ("DeliveryLocation", "Inbox/folder", "Inbox/folder"),
        ("IsFirstContact", None, None),
        ("IsFirstContact", "", None),
    ],
)
def test_what_a_row_says_of_a_mail_is_kept_as_it_is(
    tmp_path: Path, column: str, told: object, kept: object
) -> None:
    """Connectors are split later, when all names are known; what is not told is not false."""
    _, evidence = imported(tmp_path, MAIL | {column: told})
    (row,) = conform(only(evidence, "EmailEvents"), EMAIL_EVENTS).to_dicts()
    assert row[column] == kept


def test_columns_that_no_schema_has_yet_are_kept(tmp_path: Path) -> None:
    """New columns appear over time; those that say something stay, as text."""
    row = MAIL | {"Topics": ["invoice"], "Empty": None, "Connectors_string": "another"}
    row |= {"Connectors_": MAIL["Connectors"]}
    _, evidence = imported(tmp_path, row)
    frame = only(evidence, "EmailEvents")
    assert frame["Topics"].to_list() == ['["invoice"]']
    assert frame["Connectors"].to_list() == [MAIL["Connectors"]]
    assert frame["Connectors_string"].to_list() == ["another"]
    assert "Empty" not in frame.columns


def test_columns_that_are_spelt_alike_keep_what_each_says(tmp_path: Path) -> None:
    """Their names differ only in what no name of a column has; a flood of them is stopped."""
    _, evidence = imported(tmp_path, MAIL | {"My-Tag": "a", "My Tag": "b", "My.Tag": "a"})
    (row,) = only(evidence, "EmailEvents").drop(MAIL).to_dicts()
    assert row == {"My_Tag": "a", "My_Tag_": "b"}
    flood = {"x" * 100 + str(i): str(i) for i in range(200)}
    summary, _ = imported(tmp_path / "flood", MAIL | flood)
    assert summary.reasons == {"too many unknown columns": 1}


def test_names_that_polars_takes_for_patterns_are_made_plain(tmp_path: Path) -> None:
    """A key could otherwise select all columns, or none."""
    odd = {"*": "a", "^.*$": "b", "": "c", "9x": "d", "x" * 1_000: "e"}
    summary, evidence = imported(tmp_path, MAIL | odd)
    assert summary.rows == 1
    (row,) = only(evidence, "EmailEvents").drop(MAIL).to_dicts()
    assert row == {"__": "a", "_____": "b", "_": "c", "_9x": "d", "x" * 100: "e"}


def test_dynamic_columns_are_always_json(tmp_path: Path) -> None:
    """Text that is no JSON, as PowerShell leaves of deep objects, becomes a JSON string."""
    records = [
        MAIL | {"Cc": value, "RecipientEmailAddress": f"u{i}@fabrikam.example"}
        for i, value in enumerate(
            ["System.Object[]", '["a@b.example"]', "NaN", ["x", "{broken"], 5]
        )
    ]
    _, evidence = imported(tmp_path, *records)
    found = [json.loads(text) for text in only(evidence, "EmailEvents")["Cc"]]
    assert found == ["System.Object[]", ["a@b.example"], "NaN", ["x", "{broken"], 5]


EXAMPLES: dict[str, Json] = {
    "EmailEvents": MAIL,
    "EmailUrlInfo": {"NetworkMessageId": "n", "Url": "https://a.example", "UrlLocation": "Body"},
    "EmailAttachmentInfo": {"NetworkMessageId": "n", "FileName": "a.pdf", "SHA256": "00"},
    "EmailPostDeliveryEvents": {"NetworkMessageId": "n", "ActionType": "Phish ZAP"},
    "UrlClickEvents": {
        "Url": "https://a.example",
        "ActionType": "ClickAllowed",
        "NetworkMessageId": "n",
        "IsClickedThrough": False,
    },
    "CloudAppEvents": {
        "ActionType": "Set-Mailbox",
        "Application": "Microsoft Exchange Online",
        "ObjectName": "x",
    },
    "IdentityLogonEvents": {"ActionType": "LogonFailed", "AccountUpn": "a@b.example"},
    "AlertInfo": {"AlertId": "al", "Title": "Suspicious connector", "Severity": "High"},
    "AlertEvidence": {"AlertId": "al", "EntityType": "Mailbox", "NetworkMessageId": "n"},
    "EntraIdSignInEvents": {
        "ErrorCode": 0,
        "LogonType": '["interactiveUser"]',
        "AccountUpn": "a@b.example",
        "LastPasswordChangeTimestamp": "2025-01-01T00:00:00Z",
    },
    "AADSignInEventsBeta": {
        "ErrorCode": 0,
        "AadDeviceId": "",
        "AccountUpn": "a@b.example",
        "LogonType": "x",
    },
    "IdentityInfo": {"AccountUpn": "a@b.example", "IsAccountEnabled": True, "Type": "User"},
}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_table_is_recognised_by_its_columns(tmp_path: Path, table: Table) -> None:
    """Bare rows carry no name of their table."""
    row = {"Timestamp": "2026-03-02T10:00:00Z"} | EXAMPLES[table.name]
    summary, _ = imported(tmp_path, row)
    assert summary.written == {table.name: 1}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_table_is_streamed(tmp_path: Path, table: Table) -> None:
    """The envelope names the table; the inner time counts; keys come in any order."""
    row = {"Timestamp": "2026-03-02T10:00:00Z"} | EXAMPLES[table.name]
    envelope = dict(reversed(streamed(table.name.upper(), row).items()))
    summary, evidence = imported(tmp_path, {"records": [envelope]})
    assert summary.written == {table.name: 1}
    frame = only(evidence, table.name)
    assert frame["Timestamp"].to_list() == [parse_moment(row["Timestamp"])]
    assert set(frame.columns) == set(row) | {"Timestamp"}


def test_a_batch_holds_events_of_several_tables(tmp_path: Path) -> None:
    """RawEventData and AdditionalFields are objects, JSON text or nothing."""
    base = {"Timestamp": "2026-03-02T10:00:00Z", "ActionType": "x", "Application": "y"}
    told: list[Json] = [
        {"RawEventData": CHANGE, "AdditionalFields": {"a": 1}},
        {"RawEventData": json.dumps(CHANGE), "AdditionalFields": '{"a":1}'},
        {"RawEventData": None, "AdditionalFields": None},
        {"RawEventData": "", "AdditionalFields": {}},
    ]
    events = [
        streamed("CloudAppEvents", base | more | {"ReportId": f"r-{i}"})
        for i, more in enumerate(told)
    ]
    summary, evidence = imported(tmp_path, {"records": [*events, streamed("EmailEvents", MAIL)]})
    assert summary.written == {"CloudAppEvents": 4, "EmailEvents": 1}
    frame = only(evidence, "CloudAppEvents").sort("ReportId")
    raw = [text and json.loads(text) for text in frame["RawEventData"]]
    assert raw == [CHANGE, CHANGE, None, None]
    assert frame["AdditionalFields"].to_list() == ['{"a":1}', '{"a":1}', None, None]


def test_log_analytics_names_the_table_and_the_time(tmp_path: Path) -> None:
    """`Type` names the table, and TimeGenerated stands in where there is no Timestamp."""
    summary, evidence = imported(
        tmp_path, {"TimeGenerated": "2026-03-02T10:00:00Z", "Type": "EmailEvents", "Subject": "x"}
    )
    assert summary.written == {"EmailEvents": 1}
    assert only(evidence, "EmailEvents")["Timestamp"].null_count() == 0


def test_a_minimal_row_with_an_audit_record_inside_is_a_cloud_app_event(tmp_path: Path) -> None:
    """Queries project few columns; the record in RawEventData tells what it is."""
    row = {"Timestamp": "2026-03-02T10:00:00Z", "ActionType": "x", "RawEventData": CHANGE}
    summary, evidence = imported(tmp_path, row)
    assert summary.written == {"CloudAppEvents": 1}
    assert set(only(evidence, "CloudAppEvents").columns) == set(row)


@pytest.mark.parametrize(
    "stranger",
    [
        {"Timestamp": "2026-03-02T10:00:00Z", "ActionType": "LdapSearch", "DeviceId": "d"},
        {
            "Timestamp": "2026-03-02T10:00:00Z",
            "ActionType": "LogonSuccess",
            "DeviceId": "d",
            "AccountUpn": "a@b.example",
        },
        {
            "Timestamp": "2026-03-02T10:00:00Z",
            "ActionType": "Directory Services replication",
            "Application": "Active Directory",
            "AccountUpn": "a@b.example",
            "RawEventData": None,
        },
        {
            "time": "2026-03-02 10:00:00.456",
            "operationName": "Update policy",
            "category": "Policy",
            "properties": {"result": "success", "operationName": "Update policy"},
        },
        {"TimeGenerated": "2026-03-02T10:00:00Z", "OperationName": "Update user", "Result": "ok"},
        {"id": "a", "title": "Password spray", "severity": "high", "category": "PasswordSpray"},
    ],
    ids=["device", "device logon", "directory", "azure", "entra audit", "graph alert"],
)
def test_rows_of_other_tables_are_rejected(tmp_path: Path, stranger: Json) -> None:
    """They resemble tables that exconn reads, and are none."""
    summary, evidence = imported(tmp_path, stranger)
    assert summary.reasons == {"no table that exconn reads": 1}
    (rejection,) = rejections(evidence)
    assert set(rejection) == {"file", "line", "reason", "record"}
    assert rejection["file"] == str(tmp_path / "export.json")
    assert rejection["line"] == 1
    assert json.loads(rejection["record"]) == stranger


def test_a_streamed_table_that_exconn_does_not_read_is_named(tmp_path: Path) -> None:
    """The reason tells what the record was."""
    summary, _ = imported(tmp_path, streamed("DeviceEvents", {"Timestamp": "2026-03-02"}))
    assert summary.reasons == {"a table that exconn does not read: DeviceEvents": 1}


def test_properties_may_be_text_and_must_be_there(tmp_path: Path) -> None:
    """Some collectors store the inner object as JSON text."""
    whole = streamed("EmailEvents", {}) | {"properties": json.dumps(MAIL)}
    summary, _ = imported(tmp_path, whole, streamed("EmailEvents", {}) | {"properties": 3})
    assert summary.written == {"EmailEvents": 1}
    assert summary.reasons == {"an envelope without properties": 1}


def test_an_envelope_tells_the_time_where_its_row_does_not(tmp_path: Path) -> None:
    timeless = {name: value for name, value in MAIL.items() if name != "Timestamp"}
    _, evidence = imported(tmp_path, streamed("EmailEvents", timeless))
    times = pl.read_parquet(evidence / "EmailEvents")["Timestamp"].to_list()
    assert times == [datetime(2026, 3, 2, 10, 20, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"EmailSize": "1_000"}, "EmailSize is not a 64-bit number"),
        ({"EmailSize": "1_000.0"}, "EmailSize is not a 64-bit number"),
        ({"EmailSize": "big"}, "EmailSize is not a 64-bit number"),
        ({"EmailSize": 1 << 63}, "EmailSize is not a 64-bit number"),
        ({"EmailSize": [1]}, "EmailSize is not a 64-bit number"),
        ({"EmailSize": 1.5}, "EmailSize is not a 64-bit number"),
        ({"EmailSize": "nan"}, "EmailSize is not a 64-bit number"),
        ({"UrlCount": 1 << 31}, "UrlCount is not a 32-bit number"),
        ({"IsFirstContact": "maybe"}, "IsFirstContact is not true or false"),
        ({"IsFirstContact": 2}, "IsFirstContact is not true or false"),
        ({"IsFirstContact": [True]}, "IsFirstContact is not true or false"),
        ({"Timestamp": "soon"}, "no readable time"),
        ({"Timestamp": ""}, "no readable time"),
        ({"Timestamp": 1772445600}, "no readable time"),
        (
            {"Timestamp": "5/6/2026 21:13"},
            "day and month of the time could be either: write 2026-03-25 21:13",
        ),
    ],
)
def test_a_record_with_a_value_that_cannot_be_kept_is_rejected(
    tmp_path: Path, change: Json, reason: str
) -> None:
    """Rather than losing the value silently."""
    summary, _ = imported(tmp_path, MAIL | change)
    assert summary.reasons == {reason: 1}


def test_numbers_and_flags_are_read_from_text(tmp_path: Path) -> None:
    """Blanks are no numbers; whole floats are."""
    _, evidence = imported(
        tmp_path,
        MAIL
        | {
            "EmailSize": " 12 ",
            "UrlCount": 3.0,
            "IsFirstContact": False,
            "BulkComplaintLevel": " ",
        },
        MAIL | {"EmailSize": "1e3", "Timestamp": "2026-04-01", "IsFirstContact": "1"},
    )
    frame = only(evidence, "EmailEvents").sort("Timestamp")
    assert frame["EmailSize"].to_list() == [12, 1000]
    assert frame["UrlCount"].to_list() == [3, None]
    assert frame["BulkComplaintLevel"].to_list() == [None, None]
    assert frame["IsFirstContact"].to_list() == [False, True]


def test_a_real_column_would_take_any_number() -> None:
    """No table that exconn reads has one yet."""
    assert cell("1.5", Column("Score", KqlType.REAL)) == 1.5


# Audit records


PARAMETERS = {
    "list": CHANGE["Parameters"],
    "list as JSON text": json.dumps(CHANGE["Parameters"], indent=2),
    "PowerShell arguments": '-Identity "Relay of fabrikam" -SenderIPAddresses ("198.51.100.4") '
    '-RequireTls "False"',
    "mapping": {element["Name"]: element["Value"] for element in CHANGE["Parameters"]},
    "PowerShell objects": [
        f"@{{Value={element['Value']}; Name={element['Name']}}}" for element in CHANGE["Parameters"]
    ],
}


@pytest.mark.parametrize("shape", PARAMETERS)
def test_a_connector_change_survives_the_round_trip(tmp_path: Path, shape: str) -> None:
    """Whatever shape its parameters have, the record says the same afterwards."""
    _, evidence = imported(tmp_path, CHANGE | {"Parameters": PARAMETERS[shape]})
    (change,) = ConnectorChange.from_frame(only(evidence, "CloudAppEvents"))
    assert change.operation == "Set-InboundConnector"
    assert change.timestamp == datetime(2026, 3, 2, 9, 58, 11, tzinfo=UTC)
    assert change.address == "203.0.113.7"
    assert change.actor.id == CHANGE["UserKey"]
    assert change.actor.name == CHANGE["UserId"]
    assert change.audit_id == CHANGE["Id"]
    assert change.succeeded is True
    assert change.parameters["Identity"] == "Relay of fabrikam"
    assert change.parameters["SenderIPAddresses"] == "198.51.100.4"
    assert change.parameters["RequireTls"] == "False"


@pytest.mark.parametrize("target", [{"ObjectId": ""}, {"ObjectId": None}, {}])
def test_a_new_connector_is_named_by_what_was_passed(tmp_path: Path, target: Json) -> None:
    """Its record often names no object; its domains come with a priority."""
    passed = {"Name": "Fresh relay", "SenderDomains": "smtp:*;1", "TlsSenderCertificateName": ""}
    record = {name: value for name, value in CHANGE.items() if name != "ObjectId"} | target
    record |= {
        "Operation": "New-InboundConnector",
        "Parameters": [{"Name": name, "Value": value} for name, value in passed.items()],
    }
    _, evidence = imported(tmp_path, record)
    frame = only(evidence, "CloudAppEvents")
    (change,) = ConnectorChange.from_frame(frame)
    assert frame["ObjectName"].to_list() == [""]
    assert (change.connector, change.parameters) == ("Fresh relay", passed)
    assert change.properties == InboundConnector(
        name="Fresh relay", sender_domains=("*",), tls_sender_certificate_name=""
    )


def test_an_audit_record_becomes_a_cloud_app_event(tmp_path: Path) -> None:
    """With the whole record as it was."""
    _, evidence = imported(tmp_path, CHANGE)
    (row,) = only(evidence, "CloudAppEvents").to_dicts()
    assert json.loads(row.pop("RawEventData")) == CHANGE
    assert row == {
        "Timestamp": datetime(2026, 3, 2, 9, 58, 11, tzinfo=UTC),
        "ActionType": "Set-InboundConnector",
        "Application": "Microsoft Exchange Online",
        "ApplicationId": 20893,
        "AccountObjectId": CHANGE["UserKey"],
        "AccountId": CHANGE["UserId"],
        "AccountDisplayName": CHANGE["UserId"],
        "IsAdminOperation": True,
        "IPAddress": "203.0.113.7",
        "ObjectName": "Relay of fabrikam",
        "ObjectId": CHANGE["ObjectId"],
        "ReportId": CHANGE["Id"],
        "AccountType": "Admin",
    }


def test_audit_records_come_in_wrappings(tmp_path: Path) -> None:
    """Bare, in any letter case, from Search-UnifiedAuditLog, from Graph, from collectors."""
    searched = {
        "RecordType": "ExchangeAdmin",
        "CreationDate": "/Date(1772445491000)/",
        "UserIds": "Mallory@fabrikam.example",
        "Operations": "Set-InboundConnector",
        "Identity": CHANGE["Id"],
        "AuditData": json.dumps(CHANGE),
    }
    graph = {
        "@odata.type": "#microsoft.graph.security.auditLogRecord",
        "id": CHANGE["Id"],
        "createdDateTime": "2026-03-02T09:58:11Z",
        "auditLogRecordType": "exchangeAdmin",
        "operation": "Set-InboundConnector",
        "service": "Exchange",
        "userPrincipalName": "Mallory@fabrikam.example",
        "auditData": {"@odata.type": "#x", "Parameters": CHANGE["Parameters"], "UserType": 2},
    }
    collected = {"raw": CHANGE, "p_event_time": "2026-03-02 10:00:00.000", "tags": ["a"]}
    splunk = {"result": {"_raw": json.dumps(CHANGE)}, "offset": 0}
    lower = {name.lower(): value for name, value in CHANGE.items()}
    camel = {f"{name[0].lower()}{name[1:]}": value for name, value in CHANGE.items()}
    summary, evidence = imported(
        tmp_path, CHANGE, {"value": [searched, graph]}, collected, splunk, lower, camel
    )
    assert (summary.read, summary.rows, summary.duplicates) == (7, 1, 6)
    assert only(evidence, "CloudAppEvents").height == 1


def test_a_wrapping_of_several_records_is_set_aside(tmp_path: Path) -> None:
    """Only one could be kept; one record in two forms is no such thing."""
    other = CHANGE | {"Id": "another"}
    twice = {"event": {"original": json.dumps(CHANGE)}, "o365": {"audit": CHANGE}}
    mixed = {"mail": MAIL, "change": CHANGE}
    summary, evidence = imported(tmp_path, {"1": CHANGE, "2": other}, twice, mixed)
    assert summary.written == {"CloudAppEvents": 1}
    assert [line["line"] for line in rejections(evidence)] == [1, 3]
    reason = "several records in one object: put them in an array"
    assert summary.reasons == {reason: 2}


@pytest.mark.parametrize(
    "around",
    [
        {
            "id": "g-1",
            "createdDateTime": "2026-03-02T09:58:11Z",
            "auditLogRecordType": "exchangeAdmin",
            "operation": "Remove-InboundConnector",
            "service": "Exchange",
            "userId": "mallory@fabrikam.example",
            "clientIp": "203.0.113.9",
        },
        {
            "Identity": "g-1",
            "CreationDate": "3/2/2026 9:58:11 AM",
            "RecordType": "ExchangeAdmin",
            "Operations": "Remove-InboundConnector",
            "UserIds": "mallory@fabrikam.example",
            "ClientIP": "203.0.113.9",
        },
        {
            "RecordId": "g-1",
            "CreationDate": "2026-03-02T09:58:11.0000000Z",
            "RecordType": "1",
            "Operation": "Remove-InboundConnector",
            "UserId": "mallory@fabrikam.example",
            "clientip": "203.0.113.9:443",
        },
    ],
    ids=["Graph", "Search-UnifiedAuditLog", "Purview"],
)
def test_what_audit_data_lacks_is_taken_from_around_it(tmp_path: Path, around: Json) -> None:
    """Graph keeps some properties outside, and others repeat them there."""
    inner = {"Parameters": [{"Name": "Identity", "Value": "Old relay"}]}
    _, evidence = imported(tmp_path, around | {"auditData": inner})
    (change,) = ConnectorChange.from_frame(only(evidence, "CloudAppEvents"))
    assert (change.verb, change.audit_id, change.address) == ("Remove", "g-1", "203.0.113.9")
    assert change.timestamp == datetime(2026, 3, 2, 9, 58, 11, tzinfo=UTC)
    assert change.actor.name == "mallory@fabrikam.example"


def test_office_activity_of_sentinel_is_read(tmp_path: Path) -> None:
    """Parameters are JSON text, the workload and the object have other names."""
    row = {
        "TimeGenerated": "2026-03-02T09:58:11Z",
        "Type": "OfficeActivity",
        "RecordType": "ExchangeAdmin",
        "Operation": "New-InboundConnector",
        "UserType": "Admin",
        "UserId": "",
        "UserId_": "mallory@fabrikam.example",
        "UserKey": "10032001ABCDEF01",
        "OfficeWorkload": "Exchange",
        "OfficeObjectId": "fabrikam.example\\Fresh relay",
        "OfficeId": "0ff1ce00-0000-4000-8000-000000000001",
        "Client_IPAddress": "::ffff:203.0.113.7",
        "ResultStatus": "True",
        "Parameters": json.dumps([{"Name": "Name", "Value": "Fresh relay"}]),
    }
    _, evidence = imported(tmp_path, row)
    frame = only(evidence, "CloudAppEvents")
    (found,) = frame.to_dicts()
    assert found["ReportId"] == row["OfficeId"]
    assert found["ObjectName"] == "Fresh relay"
    assert found["IPAddress"] == "203.0.113.7"
    assert found["AccountObjectId"] == ""
    assert found["AccountId"] == "mallory@fabrikam.example"
    (change,) = ConnectorChange.from_frame(frame)
    assert change.parameters == {"Name": "Fresh relay"}


@pytest.mark.parametrize(
    ("actor", "kind", "admin"),
    [
        ({"UserType": 2}, "Admin", True),
        ({"UserType": "Regular"}, "Regular", False),
        ({"UserType": 5}, "Application", False),
        ({"UserType": 3}, "System", True),
        ({"UserType": 3, "UserId": "NT AUTHORITY\\SYSTEM (x)"}, "System", True),
        ({"UserType": 2, "UserId": "nt authority\\system (x)"}, "System", True),
        ({"UserType": 0, "UserId": "0f0e0d0c-0b0a-4908-8706-050403020100"}, "Application", False),
        ({"UserType": None}, "", None),
    ],
)
def test_what_kind_of_account_acted(
    tmp_path: Path,
    actor: Json,
    kind: str,
    admin: bool | None,  # noqa: FBT001
) -> None:
    """A bare GUID is an application; nearly all other Exchange rows are the service itself."""
    _, evidence = imported(tmp_path, CHANGE | {"RecordType": 14} | actor)
    (row,) = only(evidence, "CloudAppEvents").to_dicts()
    assert row["AccountType"] == kind
    assert row["IsAdminOperation"] is admin


def test_other_workloads_keep_their_name(tmp_path: Path) -> None:
    """Only Exchange has a name and number that Defender would give it."""
    _, evidence = imported(
        tmp_path, CHANGE | {"Workload": "SharePoint", "Operation": "FileAccessed", "UserAgent": "x"}
    )
    (row,) = only(evidence, "CloudAppEvents").to_dicts()
    assert (row["Application"], row["ApplicationId"]) == ("SharePoint", None)
    assert row["UserAgent"] == "x"


@pytest.mark.parametrize("kind", [1, "1", "ExchangeAdmin", "exchangeAdmin"])
def test_a_record_without_workload_is_told_by_its_type(tmp_path: Path, kind: str | int) -> None:
    """Record type 1, as a number, as text or by its name, is an Exchange cmdlet of an admin."""
    bare = {k: v for k, v in CHANGE.items() if k != "Workload"}
    _, evidence = imported(tmp_path, bare | {"RecordType": kind, "UserType": 0})
    (row,) = only(evidence, "CloudAppEvents").to_dicts()
    assert (row["ApplicationId"], row["IsAdminOperation"]) == (20893, True)


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ({"ClientIP": "203.0.113.7"}, "203.0.113.7"),
        ({"ClientIP": "203.0.113.7:50311"}, "203.0.113.7"),
        ({"ClientIP": "[2001:DB8::7]:50311"}, "2001:db8::7"),
        ({"ClientIP": "2001:db8::7"}, "2001:db8::7"),
        ({"ClientIP": "::ffff:203.0.113.7"}, "203.0.113.7"),
        ({"ClientIP": "Relay.fabrikam.example"}, "relay.fabrikam.example"),
        ({"ClientIP": ""}, ""),
        ({"ClientIP": "", "ClientIPAddress": "203.0.113.7"}, "203.0.113.7"),
        ({}, ""),
    ],
)
def test_addresses_of_clients_are_read_from_each_form(
    tmp_path: Path, client: Json, address: str
) -> None:
    """With or without a port, by name, or not at all; in changes and in sign-ins."""
    records = [
        {k: v for k, v in record.items() if k != "ClientIP"} | client
        for record in (CHANGE, SIGN_IN)
    ]
    _, evidence = imported(tmp_path, *records)
    (change,) = ConnectorChange.from_frame(only(evidence, "CloudAppEvents"))
    (logon,) = Logon.from_frame(only(evidence, "IdentityLogonEvents"))
    assert (change.address, logon.address) == (address, address)


@pytest.mark.parametrize(
    ("changes", "action", "reason"),
    [
        ({}, "LogonSuccess", ""),
        ({"ErrorNumber": None}, "LogonSuccess", ""),
        (
            {"Operation": "UserLoginFailed", "LogonError": "InvalidUserNameOrPassword"},
            "LogonFailed",
            "InvalidUserNameOrPassword",
        ),
        ({"Operation": "UserLoginFailed", "ErrorNumber": "0"}, "LogonFailed", ""),
        ({"Operation": "UserLoginFailed", "ErrorNumber": "50126"}, "LogonFailed", "50126"),
        ({"ErrorNumber": 50126}, "LogonFailed", "50126"),
        (
            {"ErrorNumber": "", "ExtendedProperties": [3, {"Name": "ErrorCode", "Value": "50053"}]},
            "LogonFailed",
            "50053",
        ),
        (
            {"ErrorNumber": "", "ExtendedProperties": [{"Name": "RequestType", "Value": "x"}]},
            "LogonSuccess",
            "",
        ),
        (
            {"Operation": "UserLoginFailed", "ErrorNumber": "50140", "LogonError": "KmsiInterrupt"},
            "LogonInterrupted",
            "KmsiInterrupt",
        ),
        ({"ErrorNumber": 50074}, "LogonInterrupted", "50074"),
        (
            {
                "Operation": "UserLoginFailed",
                "ErrorNumber": None,
                "LogonError": "UserStrongAuthClientAuthNRequiredInterrupt",
            },
            "LogonInterrupted",
            "UserStrongAuthClientAuthNRequiredInterrupt",
        ),
    ],
)
def test_a_sign_in_is_judged_by_operation_and_error(
    tmp_path: Path, changes: Json, action: str, reason: str
) -> None:
    """ResultStatus says "Success" for all of these."""
    summary, evidence = imported(tmp_path, SIGN_IN | changes)
    assert summary.written == {"IdentityLogonEvents": 1}
    frame = only(evidence, "IdentityLogonEvents")
    assert not {"Location", "ISP"} & set(frame.columns)
    (logon,) = Logon.from_frame(frame)
    assert (logon.action, logon.failure_reason) == (action, reason)
    assert logon.account_upn == SIGN_IN["UserId"]
    assert logon.account_object_id == SIGN_IN["UserKey"]
    assert logon.address == "2001:db8::5"
    assert logon.application == "Microsoft 365"
    assert json.loads(logon.additional_fields)["Id"] == SIGN_IN["Id"]


def test_audit_records_that_cannot_be_read_are_rejected(tmp_path: Path) -> None:
    """Each with its reason."""
    summary, _ = imported(
        tmp_path,
        CHANGE | {"CreationTime": "once"},
        {"AuditData": "{cut", "Operations": "x"},
        {"Operation": "x", "CreationTime": CHANGE["CreationTime"]},
    )
    assert summary.reasons == {
        "no readable time": 1,
        "AuditData is not a JSON object: import the file as downloaded": 1,
        "no table that exconn reads": 1,
    }


# Message trace


def test_a_message_trace_knows_only_a_few_columns(tmp_path: Path) -> None:
    """What it does not know is absent, not empty; its sender is P1."""
    _, evidence = imported(tmp_path, TRACE)
    (row,) = only(evidence, "EmailEvents").to_dicts()
    assert row == {
        "Timestamp": datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC),
        "NetworkMessageId": TRACE["MessageTraceId"],
        "InternetMessageId": "<one@bulk.example>",
        "SenderMailFromAddress": "news@bulk.example",
        "SenderMailFromDomain": "bulk.example",
        "SenderIPv4": "198.51.100.4",
        "SenderIPv6": "",
        "RecipientEmailAddress": "ann@fabrikam.example",
        "Subject": "Invoice",
        "DeliveryAction": "Junked",
        "RecipientDomain": "fabrikam.example",
        "EmailSize": 4711,
    }
    (email,) = Email.from_frame(only(evidence, "EmailEvents"))
    assert email.timestamp.microsecond == 123456


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("Delivered", "Delivered"),
        ("Quarantined", "Blocked"),
        ("Failed", "Blocked"),
        ("Pending", ""),
    ],
)
def test_the_status_of_a_trace_is_mapped_where_it_can_be(
    tmp_path: Path, status: str, action: str
) -> None:
    """Pending and the like say nothing of delivery."""
    _, evidence = imported(tmp_path, TRACE | {"Status": status})
    assert only(evidence, "EmailEvents")["DeliveryAction"].to_list() == [action]


def test_newer_traces_are_read_too(tmp_path: Path) -> None:
    """Camel case, no address, IPv6, a sender without domain; keys that are absent stay absent."""
    graph = {
        "id": "t-2",
        "receivedDateTime": "2026-03-02T11:00:00Z",
        "senderAddress": "<>",
        "recipientAddress": "bob@fabrikam.example",
        "fromIP": "2001:DB8::1",
    }
    _, evidence = imported(
        tmp_path, {"d": {"results": [graph, graph | {"id": "t-3", "fromIP": ""}]}}
    )
    no_address = {key: value for key, value in TRACE.items() if key != "FromIP"}
    _, other = imported(tmp_path / "other", no_address)
    assert not {"SenderIPv4", "SenderIPv6"} & set(only(other, "EmailEvents").columns)
    frame = only(evidence, "EmailEvents")
    assert frame["SenderIPv6"].to_list() == ["2001:db8::1", ""]
    assert frame["SenderMailFromDomain"].to_list() == ["", ""]
    assert not {"Subject", "EmailSize", "DeliveryAction", "InternetMessageId"} & set(frame.columns)


def test_traces_and_full_rows_lie_in_different_files(tmp_path: Path) -> None:
    """Else the columns of one would be taken for empty in the other."""
    summary, evidence = imported(tmp_path, TRACE, MAIL)
    assert summary.written == {"EmailEvents": 2}
    traced, full = sorted(
        parquets(evidence, "EmailEvents"), key=lambda f: "Connectors" in f.columns
    )
    table = TABLES[0]
    assert "SenderFromAddress" in missing_columns(table, traced.schema)
    assert "Subject" in missing_columns(table, full.schema)


@pytest.mark.parametrize(
    "almost",
    [TRACE | {"Received": None}, {k: v for k, v in TRACE.items() if k != "RecipientAddress"}],
)
def test_incomplete_traces_are_rejected(tmp_path: Path, almost: Json) -> None:
    """Without a time or a recipient there is no row."""
    summary, _ = imported(
        tmp_path, almost, {"id": "x", "senderAddress": "", "recipientAddress": ""}
    )
    assert summary.rejected == 2


# Files


def test_files_are_recognised_by_content(tmp_path: Path) -> None:
    """Whatever they are called, packed or not, on one line or on many, in UTF-8 or UTF-16."""
    exports = tmp_path / "exports"
    (exports / "deep").mkdir(parents=True)
    mails = [MAIL | {"NetworkMessageId": f"m-{i}"} for i in range(7)]
    (exports / "a.txt").write_text(json.dumps([mails[0]]))
    (exports / "b.csv").write_text(json.dumps([mails[1]], indent=2))
    (exports / "deep" / "c").write_bytes(gzip.compress(json.dumps(mails[2]).encode()))
    (exports / "d.json").write_text(json.dumps(mails[3]), encoding="utf-8-sig")
    (exports / "e.json").write_text(json.dumps(mails[4], indent=4), encoding="utf-16")
    by_line = ",\r\n".join(json.dumps(mail) for mail in mails[5:])
    (exports / "f.json").write_text(f"[\n{by_line}\n]\n", newline="")
    (exports / "g.json").write_text("\n\n")
    (exports / ".hidden").write_text("junk")
    summary = import_files([exports, exports / "a.txt"], tmp_path / "evidence")
    assert summary.written == {"EmailEvents": 7}
    assert summary.rejected == 0
    assert [file.path.name for file in summary.files] == [
        *("a.txt", "b.csv", "d.json", "e.json", "f.json", "g.json", "c")
    ]
    assert summary.files[-2] == FileSummary(exports / "g.json")


@pytest.mark.parametrize("end", ["\n]", "]", "]\n", " ]\n\n", "\n]\n"])
def test_an_array_by_lines_may_end_anyhow(tmp_path: Path, end: str) -> None:
    """Many writers end no last line, and some close the array behind the last record."""
    by_line = ",\n".join(json.dumps(MAIL | {"NetworkMessageId": f"m-{i}"}) for i in range(3))
    export = tmp_path / "x.json"
    export.write_text(f"\n[\n{by_line}{end}")
    summary = import_files([export], tmp_path / "evidence")
    assert (summary.read, summary.rows) == (3, 3)


@pytest.mark.parametrize("end", ["", "\n"])
def test_an_array_may_be_by_lines_first_and_indented_then(tmp_path: Path, end: str) -> None:
    """A record on one line says nothing about the next."""
    two = json.dumps(MAIL | {"NetworkMessageId": "m-2"}, indent=2)
    export = tmp_path / "x.json"
    export.write_text(f"[\n{json.dumps(MAIL)},\n{two},\n{two.replace('m-2', 'm-3')}\n]{end}")
    summary = import_files([export], tmp_path / "evidence")
    assert (summary.read, summary.rows) == (3, 3)


def test_values_on_one_line_are_told_apart(tmp_path: Path) -> None:
    """Some collectors put several objects on one line, or separators between records."""
    export = tmp_path / "x"
    one, two = json.dumps(MAIL), json.dumps(MAIL | {"NetworkMessageId": "m-2"})
    export.write_text(f"\x1e{one}{two} trailing\n\x1e{one}\n")
    summary = import_files([export], tmp_path / "evidence")
    assert (summary.read, summary.rows, summary.duplicates) == (4, 2, 1)
    assert summary.reasons == {"not JSON": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"Timestamp": "2026', "not JSON"),
        (b"Timestamp,Subject", "not JSON"),
        (b'"text"', "not an object"),
        (b"17", "not an object"),
        (b"[1]", "not an object"),
        (b"[[[[[[1]]]]]]", "not an object"),
        (b"\0\0\0\0", "NUL bytes"),
        (b'{"Subject": "\xff\xfe"}', "not UTF-8: save the file in that encoding"),
        (b"Betreff: gr\xfc\xdfe", "not UTF-8: save the file in that encoding"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"n": ' + b"9" * 5_000 + b"}", "not JSON"),
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_an_unreadable_line_harms_no_other(
    tmp_path: Path, line: bytes, reason: str, position: int
) -> None:
    """It is rejected with its number and the beginning of its text."""
    export, evidence = tmp_path / "x.jsonl", tmp_path / "evidence"
    all_lines = [json.dumps(MAIL).encode()]
    all_lines.insert(position, line)
    export.write_bytes(b"\n".join(all_lines))
    summary = import_files([export], evidence)
    assert summary.written == {"EmailEvents": 1}
    assert summary.reasons == {reason: 1}
    (rejection,) = rejections(evidence)
    assert rejection["line"] == position + 1
    assert len(rejection["record"]) <= 2_000


def test_records_nested_to_the_edge_are_rejected(tmp_path: Path) -> None:
    """What the parser still reads may be too deep for the rest."""
    for depth in range(500, 1_000, 50):
        deep = '{"Cc":' + "[" * depth + "]" * depth + ","
        export = tmp_path / f"{depth}.json"
        export.write_text(deep + json.dumps(MAIL)[1:])
    summary = import_files([tmp_path], tmp_path / "evidence")
    assert adds_up(summary)
    assert set(summary.reasons) <= {"nested too deeply"}


def test_a_document_that_was_cut_keeps_what_is_whole(tmp_path: Path) -> None:
    """The records before the cut are read, the rest is rejected line by line."""
    text = json.dumps([MAIL, MAIL | {"NetworkMessageId": "m-2"}], indent=1)
    export = tmp_path / "cut.json"
    export.write_text(text[:-20])
    summary = import_files([export], tmp_path / "evidence")
    assert summary.written == {"EmailEvents": 1}
    assert summary.rejected > 0
    assert adds_up(summary)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("around", [{}, {"@odata.context": "x", "schema": [{"name": "Subject"}]}])
def test_a_response_that_was_cut_keeps_what_is_whole(
    tmp_path: Path, indent: int | None, around: Json
) -> None:
    mails = [MAIL | {"NetworkMessageId": f"m-{i}"} for i in range(4)]
    text = json.dumps({**around, "Results": mails}, indent=indent)
    export, evidence = tmp_path / "cut.json", tmp_path / "evidence"
    export.write_text(text[: text.rindex("m-3")])
    summary = import_files([export], evidence)
    assert summary.written == {"EmailEvents": 3}
    assert adds_up(summary)
    whole = "a response that is not whole: its records were read one by one; download it again"
    assert summary.reasons[whole] == 1
    assert rejections(evidence)[0]["record"].startswith("{")


def test_thousands_of_damaged_responses_are_read(tmp_path: Path) -> None:
    """One behind the other, each with a comma too many."""
    pages = [
        json.dumps({"@odata.count": 1, "value": [MAIL | {"NetworkMessageId": f"m-{i}"}]}, indent=1)
        for i in range(2_000)
    ]
    export, evidence = tmp_path / "pages.json", tmp_path / "evidence"
    export.write_text("\n".join(page.replace(" ]\n}", " ,]\n}") for page in pages))
    assert ",]" in export.read_text()
    summary = import_files([export], evidence)
    assert summary.written == {"EmailEvents": 2_000}
    whole = "a response that is not whole: its records were read one by one; download it again"
    assert summary.reasons == {whole: 2_000}
    assert rejections(evidence)[-1]["line"] > 2_000


@pytest.mark.parametrize("bad", ['{"a": \\x}', '{"a": 1 "b": 2}', "{'a': 1}", '{"a": "\t"}'])
def test_an_array_on_one_line_loses_only_what_is_damaged(tmp_path: Path, bad: str) -> None:
    """Large exports are often one line."""
    records = [json.dumps(MAIL | {"NetworkMessageId": f"m-{i}"}) for i in range(9)]
    export, evidence = tmp_path / "x.json", tmp_path / "evidence"
    export.write_text(f"[{','.join([*records[:4], bad, *records[4:]])}]")
    summary = import_files([export], evidence)
    assert (summary.rows, summary.reasons) == (9, {"not JSON": 1})
    assert rejections(evidence)[0]["record"] == f"{bad},"


def test_a_document_with_a_bad_byte_loses_only_that_record(tmp_path: Path) -> None:
    """And says so."""
    good, bad = json.dumps(MAIL), json.dumps(MAIL | {"Subject": "?"})
    export = tmp_path / "x.json"
    export.write_bytes(f'{{"records":[\n{good},\n{bad}\n]}}'.encode().replace(b"?", b"\xe9"))
    summary = import_files([export], tmp_path / "evidence")
    assert summary.written == {"EmailEvents": 1}
    assert summary.reasons == {"not UTF-8: save the file in that encoding": 1}


def test_damaged_and_binary_files_are_rejected(tmp_path: Path) -> None:
    """What can be read of a damaged gzip file is."""
    exports = tmp_path / "exports"
    exports.mkdir()
    mails = [MAIL | {"NetworkMessageId": f"m-{i}"} for i in range(3_000)]
    whole = gzip.compress("\n".join(json.dumps(mail) for mail in mails).encode())
    (exports / "cut.gz").write_bytes(whole[:-200])
    (exports / "table").write_bytes(b"7z\xbc\xaf\x27\x1c")
    (exports / "broken.gz").write_bytes(whole[:30] + b"\xff" * 50)
    summary = import_files([exports], tmp_path / "evidence")
    assert summary.reasons == {"damaged gzip": 2, "not a text file": 1}
    assert summary.rows > 100
    assert adds_up(summary)


def test_lone_surrogates_do_not_keep_a_message_out(tmp_path: Path) -> None:
    """A sender could write one into a subject to hide."""
    summary, evidence = imported(tmp_path, MAIL | {"Subject": "a\ud800b", "New\udfff": "\udc80"})
    assert summary.written == {"EmailEvents": 1}
    assert only(evidence, "EmailEvents")["Subject"].to_list() == ["a\ufffdb"]


def test_a_flood_of_unknown_columns_is_stopped(tmp_path: Path) -> None:
    """Junk keys must not blow up the table."""
    flood = MAIL | {"RecipientEmailAddress": "f"} | {f"c{i}": 1 for i in range(10_000)}
    summary, _ = imported(tmp_path, flood)
    assert summary.reasons == {"too many unknown columns": 1}
    summary, _ = imported(tmp_path, flood, MAIL)
    assert summary.rows == 1


def test_odd_numbers_are_kept_as_text(tmp_path: Path) -> None:
    """NaN and numbers without bound are no JSON, and yet people write them."""
    export = tmp_path / "x.json"
    export.write_text(
        json.dumps(MAIL)[:-1] + ', "Cc": {"a": NaN, "b": 1e999}, "Subject": Infinity}'
    )
    import_files([export], tmp_path / "evidence")
    (row,) = only(tmp_path / "evidence", "EmailEvents").to_dicts()
    assert json.loads(row["Cc"]) == {"a": "NaN", "b": "1e999"}
    assert row["Subject"] == "Infinity"


def test_odd_numbers_in_json_text_are_kept_as_text(tmp_path: Path) -> None:
    """RawEventData is JSON for every reader, whatever is in AuditData."""
    odd = json.dumps(CHANGE)[:-1] + ', "a": NaN, "b": 1e999}'
    _, evidence = imported(tmp_path, {"AuditData": odd})
    (raw,) = only(evidence, "CloudAppEvents")["RawEventData"]
    assert json.loads(raw, parse_constant=pytest.fail) == CHANGE | {"a": "NaN", "b": "1e999"}


def test_envelopes_without_records_are_nothing(tmp_path: Path) -> None:
    """An empty result is no record."""
    summary, evidence = imported(tmp_path, {"records": []}, {"schema": [], "results": []}, [])
    assert summary.read == 0
    assert contents(evidence) == {}


def test_no_list_in_an_object_hides_records(tmp_path: Path) -> None:
    """Neither one beside another, nor an empty one in a record."""
    batch = {"records": [CHANGE], "value": [MAIL]}
    summary, _ = imported(tmp_path, batch, TRACE | {"Value": []})
    assert summary.written == {"CloudAppEvents": 1, "EmailEvents": 2}
    assert summary.read == 3


def test_a_member_named_value_does_not_make_an_envelope(tmp_path: Path) -> None:
    """Lists of other things, and results that are one object."""
    summary, _ = imported(
        tmp_path,
        {"value": [1, 2]},
        {"records": "none"},
        {"schema": [3, {"name": 5}], "results": MAIL},
        {"category": "x", "records": [MAIL]},
    )
    assert (summary.read, summary.rows, summary.rejected) == (4, 1, 3)


# Duplicates, idempotence and atomicity


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    """Neither rows nor rejected lines are added, and not a byte is rewritten."""
    records = [MAIL, TRACE, CHANGE, SIGN_IN, {"junk": 1}, streamed("AlertEvidence", MAIL)]
    first, evidence = imported(tmp_path, *records)
    before = contents(evidence)
    second = import_files([tmp_path / "export.json"], evidence)
    assert first.rows == 5
    assert (second.rows, second.duplicates, second.rejected) == (0, 5, 1)
    assert contents(evidence) == before


def test_brackets_in_a_path_are_no_pattern(tmp_path: Path) -> None:
    """Case folders are called all sorts of things."""
    first, evidence = imported(tmp_path / "case [7] *", MAIL)
    second = import_files([evidence.parent / "export.json"], evidence)
    assert (first.rows, second.duplicates) == (1, 1)


def test_an_evidence_folder_among_the_exports_is_not_read(tmp_path: Path) -> None:
    """Importing a folder into itself is a mistake that does no harm."""
    lines(tmp_path / "x.json", [MAIL, {"junk": 1}])
    import_files([tmp_path], tmp_path)
    before = contents(tmp_path)
    again = import_files([tmp_path], tmp_path)
    assert [file.path.name for file in again.files] == ["x.json"]
    assert contents(tmp_path) == before


def test_duplicates_are_told_by_key_and_time(tmp_path: Path) -> None:
    """The same message to another recipient or at another time is another record."""
    summary, _ = imported(
        tmp_path,
        MAIL,
        MAIL | {"Subject": "resent export"},
        MAIL | {"RecipientEmailAddress": "bob@fabrikam.example"},
        MAIL | {"Timestamp": "2026-03-02T10:00:01Z"},
    )
    assert (summary.rows, summary.duplicates) == (3, 1)


def test_no_text_passes_for_the_end_of_a_column(tmp_path: Path) -> None:
    """Whoever chooses a text could otherwise have a record taken for another one."""
    keyed = [("m\x1fann", "bob@fabrikam.example"), ("m", "ann\x1fbob@fabrikam.example")]
    names = ("NetworkMessageId", "RecipientEmailAddress")
    whole = [
        {"RecipientEmailAddress": "", "Subject": "a\x1fUserLevelAction=b", "UserLevelAction": ""},
        {"RecipientEmailAddress": "", "Subject": "a", "UserLevelAction": "b"},
    ]
    others = [dict(zip(names, key, strict=True)) for key in keyed] + whole
    summary, _ = imported(tmp_path, *(MAIL | other for other in others))
    assert (summary.rows, summary.duplicates) == (4, 0)


def test_records_without_id_are_told_by_all_they_say(tmp_path: Path) -> None:
    """A row with an empty key is a duplicate only of an equal row."""
    anonymous = CHANGE | {"Id": ""}
    summary, _ = imported(tmp_path, anonymous, anonymous, anonymous | {"ClientIP": "192.0.2.1"})
    assert (summary.rows, summary.duplicates) == (2, 1)


def test_a_record_that_says_more_than_the_folder_is_kept(tmp_path: Path) -> None:
    """A poorer copy in the folder must not keep the fuller one out; the reverse is a duplicate."""
    evidence = tmp_path / "evidence"
    import_files([lines(tmp_path / "poor", [MAIL])], evidence)
    fuller = lines(tmp_path / "rich", [MAIL | {"Subject": "Invoice", "Context": ""}])
    assert import_files([fuller], evidence).rows == 1
    assert import_files([fuller], evidence).duplicates == 1
    assert import_files([tmp_path / "poor"], evidence).duplicates == 1


def test_rows_of_a_folder_made_elsewhere_count(tmp_path: Path) -> None:
    """A single file for the table, other types, no time: whatever a reader of tables accepts."""
    evidence = tmp_path / "evidence"
    (evidence / "CloudAppEvents" / "2026").mkdir(parents=True)
    old = pl.DataFrame(
        {"Timestamp": [MAIL["Timestamp"]]}
        | {name: [MAIL[name]] for name in MAIL if name != "Timestamp"}
    )
    old.write_parquet(evidence / "EmailEvents.parquet")
    pl.DataFrame({"Isp": ["x"]}).write_parquet(evidence / "CloudAppEvents" / "2026" / "a.parquet")
    summary = import_files([lines(tmp_path / "x", [MAIL, CHANGE])], evidence)
    assert (summary.rows, summary.duplicates) == (1, 1)


def test_new_rejections_are_added_to_old_ones(tmp_path: Path) -> None:
    """Also to a file whose last line was never ended."""
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "rejected.jsonl").write_text('{"old": 1}')
    import_files([lines(tmp_path / "x", [{"junk": 1}])], evidence)
    import_files([lines(tmp_path / "y", ["more junk"])], evidence)
    assert [line.get("reason", "old") for line in rejections(evidence)] == [
        "old",
        "no table that exconn reads",
        "not an object",
    ]


def test_each_record_that_is_rejected_has_a_line(tmp_path: Path) -> None:
    """Also where two of one line say the same, or begin alike; a second import adds none."""
    long = {"junk": "x" * 5_000}
    told = [{"junk": 1}, {"junk": 1}, long | {"id": 1}, long | {"id": 2}]
    summary, evidence = imported(tmp_path, told)
    assert summary.rejected == len(rejections(evidence)) == 4
    before = contents(evidence)
    import_files([tmp_path / "export.json"], evidence)
    assert contents(evidence) == before
    lines(tmp_path / "export.json", [[*told, {"junk": 1}]])
    import_files([tmp_path / "export.json"], evidence)
    assert len(rejections(evidence)) == 5


def test_a_line_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, say; the folder stays as it was."""
    _, evidence = imported(tmp_path, MAIL)
    before = contents(evidence)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InvalidValueError, match="No space left"):
        open_rejecting(evidence)
    monkeypatch.undo()
    assert contents(evidence) == before


def open_rejecting(evidence: Path) -> None:
    with open_folder(evidence) as folder:
        folder.reject("x", 1, "junk", "{}")
        folder.publish()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ComputeError("full")])
def test_a_table_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(InvalidValueError, match=r"cannot write to .*: (No space left|full)"):
        imported(tmp_path, MAIL)
    assert contents(tmp_path / "evidence") == {}


def test_an_import_that_is_interrupted_says_what_was_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    command = ["import", str(lines(tmp_path / "mail", [MAIL])), "--to", str(tmp_path / "evidence")]
    with monkeypatch.context() as patched:
        patched.setattr(EvidenceFolder, "add", interrupt)
        assert run(command) == 130
    assert capsys.readouterr().err == "exconn: interrupted; nothing was imported\n"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupt)
        assert run(command) == 130
    assert "only a part was imported" in capsys.readouterr().err
    assert run(command) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_what_a_killed_import_left_is_removed_and_what_a_running_one_has_is_not(
    tmp_path: Path,
) -> None:
    evidence = tmp_path / "evidence"
    with open_folder(evidence):
        (running,) = evidence.glob(".import-*")
        (killed := evidence / ".import-killed").mkdir()
        (young := evidence / ".import-young").mkdir()
        for folder in (running, killed):
            os.utime(folder, (0, 0))
        imported(tmp_path, MAIL)
        assert set(evidence.glob(".import-*")) == {running, young}


def test_many_small_files_become_one_for_each_set_of_columns(tmp_path: Path) -> None:
    exports = [
        lines(tmp_path / f"{n}", [MAIL | {"NetworkMessageId": f"n-{n}"}, CHANGE | {"Id": f"{n}"}])
        for n in range(9)
    ]
    import_files([*exports, lines(tmp_path / "trace", [TRACE])], evidence := tmp_path / "evidence")
    files = sorted(file.parent.name for file in evidence.rglob("*.parquet"))
    assert files == ["CloudAppEvents", "EmailEvents", "EmailEvents"]
    before = contents(evidence)
    import_files(exports, evidence)
    assert contents(evidence) == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("hours", "warned"), [(0, True), (9, False)])
def test_rows_that_know_less_than_others_of_their_time_are_told(
    tmp_path: Path,
    order: tuple[int, int],
    hours: int,
    warned: bool,  # noqa: FBT001
) -> None:
    """Once, at the import that brings them together."""
    at = f"2026-03-02T{10 + hours}:00:00.1234567Z"
    exports = [
        lines(tmp_path / "full", [MAIL]),
        lines(tmp_path / "trace", [TRACE | {"Received": at}]),
    ]
    evidence = tmp_path / "evidence"
    assert import_files([exports[order[0]]], evidence).notes == ()
    notes = import_files([exports[order[1]]], evidence).notes
    told = ["EmailEvents has rows that lack columns" in note for note in notes]
    assert told == ([True] if warned else [])
    assert import_files(exports, evidence).notes == ()


def test_what_is_not_read_in_a_folder_is_counted(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    for folder in ("", ".hidden", "elsewhere"):
        (exports / folder).mkdir()
        lines(exports / folder / "mail", [MAIL | {"NetworkMessageId": folder or "top"}])
    (exports / ".mail").write_text("{}")
    (exports / "linked").symlink_to(exports / "elsewhere", target_is_directory=True)
    (exports / "dangling").symlink_to(exports / "nothing")
    os.mkfifo(exports / "pipe")
    summary = import_files([exports], tmp_path / "evidence")
    assert summary.rows == 2
    assert summary.notes == (
        "Not read: 2 hidden files and folders.",
        "Not read: 1 linked folders.",
        "Not read: 2 links to nothing, pipes and devices.",
    )


def test_of_another_evidence_folder_only_tables_are_read(tmp_path: Path) -> None:
    _, one = imported(tmp_path, MAIL, {"junk": 1})
    (one / "context.toml").write_text('partners = ["fabrikam.example"]\n')
    summary = import_files([one], tmp_path / "other")
    assert (summary.rows, summary.rejected) == (1, 0)
    assert summary.notes == (
        "Not read: 2 files of an evidence folder (context.toml, context.toml.old, rejected.jsonl).",
    )


def test_a_file_is_the_same_however_its_path_is_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, evidence = imported(tmp_path, {"junk": 1})
    (name,) = (told["file"] for told in rejections(evidence))
    monkeypatch.chdir(tmp_path)
    import_files([Path("export.json")], evidence)
    import_files([evidence / ".." / "export.json"], evidence)
    assert [told["file"] for told in rejections(evidence)] == [name]


class StoppedError(Exception):
    """Someone pulled the plug."""


def test_an_import_that_is_stopped_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """Everything is published at the end."""
    _, evidence = imported(tmp_path, MAIL, {"junk": 1})
    before = contents(evidence)

    def stop(count: int) -> None:
        if count >= 2_000:
            raise StoppedError

    more = [MAIL | {"NetworkMessageId": f"m-{i}"} for i in range(1_999)]
    exports = [lines(tmp_path / "a", [*more, "junk"]), lines(tmp_path / "b", [TRACE])]
    with pytest.raises(StoppedError):
        import_files(exports, evidence, progress=stop)
    assert contents(evidence) == before
    assert not list(evidence.glob(".*"))


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_an_import_that_is_stopped_between_two_files_is_finished_by_the_next(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moved: int,
) -> None:
    """Whatever has been moved to its place is whole, and the old files are as they were."""
    records = [MAIL, TRACE, CHANGE, SIGN_IN, {"junk": 1}]
    _, whole = imported(tmp_path / "whole", *records)
    _, evidence = imported(tmp_path, MAIL | {"NetworkMessageId": "old"}, {"junk": 0})
    before = contents(evidence)
    replace, done = Path.replace, list[Path]()

    def stopping(source: Path, target: Path) -> Path:
        if len(done) == moved:
            raise KeyboardInterrupt
        done.append(target)
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", stopping)
    export = lines(tmp_path / "export.json", records)
    with pytest.raises(KeyboardInterrupt):
        import_files([export], evidence)
    monkeypatch.undo()
    found = contents(evidence)
    assert len(found) == len(before) + moved
    assert before.items() <= found.items()
    assert not list(evidence.glob(".*"))
    import_files([export], evidence)
    complete = {name: file for name, file in contents(whole).items() if name.endswith("parquet")}
    assert complete.items() <= contents(evidence).items()
    assert len(rejections(evidence)) == 2


def test_a_folder_that_cannot_be_written_is_an_error_and_stays_usable(tmp_path: Path) -> None:
    """A file stands where the folder of a table should be."""
    _, evidence = imported(tmp_path, MAIL)
    (evidence / "CloudAppEvents").write_text("in the way")
    before = contents(evidence)
    with pytest.raises(InvalidValueError, match="cannot write"):
        import_files([lines(tmp_path / "x", [CHANGE])], evidence)
    assert contents(evidence) == before


def test_a_target_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    """The folder cannot be made."""
    export = lines(tmp_path / "x", [MAIL])
    with pytest.raises(InvalidValueError, match="is a file; name a folder"):
        import_files([export], export)


def test_a_damaged_file_in_the_folder_is_an_error(tmp_path: Path) -> None:
    """Whether something is a duplicate could not be told."""
    _, evidence = imported(tmp_path, MAIL)
    (evidence / "EmailEvents" / "zz.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(UnreadableDataError, match=r"zz\.parquet"):
        import_files([tmp_path / "export.json"], evidence)


def test_a_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """Nothing is made then."""
    with pytest.raises(NoDataError, match="does not exist"):
        import_files([tmp_path / "nowhere.json"], tmp_path / "evidence")
    assert not (tmp_path / "evidence").exists()


def test_a_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody would know what is missing."""
    (tmp_path / "exports" / "locked").mkdir(parents=True)
    lines(tmp_path / "exports" / "a", [MAIL])
    scan = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UnreadableDataError, match=r"locked.*Permission denied"):
        import_files([tmp_path / "exports"], tmp_path / "evidence")


def test_a_file_that_vanishes_is_an_error(tmp_path: Path) -> None:
    """And leaves the folder as it was, although other files had been read."""
    exports = [lines(tmp_path / "a", [MAIL]), lines(tmp_path / "b", [TRACE])]
    with pytest.raises(UnreadableDataError, match="cannot be read"):
        import_files(exports, tmp_path / "evidence", progress=lambda _: exports[1].unlink())
    assert contents(tmp_path / "evidence") == {}


def test_what_is_too_deep_to_show_is_not_shown() -> None:
    """Rejecting a record must not fail either."""
    deep: object = {}
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "(nested too deeply to show)"


def test_nothing_recognisable_is_no_error(tmp_path: Path) -> None:
    """The summary says it."""
    summary, evidence = imported(tmp_path, {"a": 1}, {"b": {"c": 2}})
    assert (summary.read, summary.rows, summary.rejected) == (2, 0, 2)
    assert summary.written == {}
    assert set(contents(evidence)) == {"rejected.jsonl"}
    assert import_files([], tmp_path / "other") == ImportSummary()


def test_progress_is_told(tmp_path: Path) -> None:
    """With the number of records read so far, at the end of each file at the latest."""
    told: list[int] = []
    exports = [lines(tmp_path / "a", [MAIL] * 1_500), lines(tmp_path / "b", [MAIL] * 2)]
    import_files(exports, tmp_path / "evidence", progress=told.append)
    assert told == [1_000, 1_500, 1_502]


def test_rows_lie_in_order_of_time_in_the_columns_of_the_schema(tmp_path: Path) -> None:
    """So that readers can skip what lies outside a window; also beyond one chunk."""
    minutes = [
        f"2026-03-{day:02}T{hour:02}:{minute:02}:00Z"
        for day in range(16, 0, -1)
        for hour in range(24)
        for minute in range(60)
    ]
    records = [MAIL | {"Timestamp": minute, "Subject": minute} for minute in minutes]
    summary, evidence = imported(tmp_path, *records)
    frame = only(evidence, "EmailEvents")
    assert summary.rows == len(minutes) > 20_000
    assert frame["Timestamp"].is_sorted()
    assert frame.columns == [name for name in TABLES[0].names if name in frame.columns]


# Anything at all

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["2026-03-02T10:00:00Z", "UserLoggedIn", "{", '{"a":', "LogonFailed", "\ud800"]
    )
)
KEYS = st.sampled_from(
    sorted(
        {"Type", "raw", "AuditData", "results", "schema", "records", "value", "category"}
        | {"properties", "TimeGenerated"}
        | set(MAIL)
        | set(CHANGE)
        | set(TRACE)
    )
) | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
BASES = st.sampled_from(
    [
        {},
        MAIL,
        CHANGE,
        TRACE,
        SIGN_IN,
        streamed("EmailEvents", MAIL),
        {"Type": "IdentityInfo", "TimeGenerated": "2026-03-02"},
    ]
)
RECORDS = st.tuples(BASES, st.dictionaries(KEYS, VALUES, max_size=6)).map(lambda x: x[0] | x[1])
LINES = (
    (RECORDS | VALUES).map(lambda value: json.dumps(value).encode())
    | RECORDS.map(lambda value: json.dumps(value, indent=1).encode())
    | st.binary(max_size=40)
    | st.sampled_from([b"[", b"]", b",", b"{", b"}", b"[[[", b"\0", b"\x1f\x8b", b"\xff\xfe"])
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(LINES, max_size=8))
def test_whatever_a_file_holds_the_numbers_add_up(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes]
) -> None:
    """No junk crashes the import, each record ends somewhere, and a second import adds nothing."""
    folder = tmp_path_factory.mktemp("any")
    export, evidence = folder / "x", folder / "evidence"
    export.write_bytes(b"\n".join(content))
    summary = import_files([export], evidence)
    assert adds_up(summary)
    assert all(adds_up(file) for file in summary.files)
    assert sum(summary.reasons.values()) == summary.rejected == len(rejections(evidence))
    stored = {
        table.name: sum(frame.height for frame in parquets(evidence, table.name))
        for table in TABLES
        if (evidence / table.name).exists()
    }
    assert stored == dict(summary.written)
    before = contents(evidence)
    again = import_files([export], evidence)
    assert (again.read, again.rows, again.rejected) == (summary.read, 0, summary.rejected)
    assert contents(evidence) == before


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        *((kind, n) for kind in (KqlType.INT, KqlType.LONG) for n in (2**63, 1e300, 1.5)),
        *((kind, n) for kind in (KqlType.INT, KqlType.LONG) for n in (float("inf"), float("nan"))),
        (KqlType.REAL, 10**400),
    ],
)
def test_a_number_that_no_column_holds_is_no_cell(kind: KqlType, number: object) -> None:
    with pytest.raises(UnfitError):
        cell(number, Column("Number", kind))
