"""Sign-ins of Entra ID, as Sentinel, Graph and the portal give them, become IdentityLogonEvents."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from exconn.ingest import ImportSummary, import_files
from exconn.models import Logon

LOG: dict[str, Any] = {
    "TimeGenerated": "2026-03-02T09:50:09.5Z",
    "CreatedDateTime [UTC]": "3/2/2026, 9:50:00.250 AM",
    "Id": "1c1c1c1c-0000-4000-8000-000000000001",
    "OperationName": "Sign-in activity",
    "UserPrincipalName": "mallory@fabrikam.example",
    "UserId": "0f0e0d0c-0b0a-4908-8706-050403020100",
    "AppDisplayName": "Exchange Online PowerShell",
    "IPAddress": "203.0.113.7",
    "Location": "NL",
    "ResultType": "0",
    "ResultDescription": "",
    "Status_dynamic": '{"errorCode": 0}',
    "DeviceDetail": '{"displayName": "PC-7", "operatingSystem": "Windows10"}',
}
GRAPH: dict[str, Any] = {
    "id": "1c1c1c1c-0000-4000-8000-000000000002",
    "createdDateTime": "2026-03-02T09:51:00Z",
    "userDisplayName": "Mallory",
    "userPrincipalName": "mallory@fabrikam.example",
    "userId": "0f0e0d0c-0b0a-4908-8706-050403020100",
    "appDisplayName": "Azure Portal",
    "ipAddress": "203.0.113.7",
    "status": {"errorCode": 50126, "failureReason": "Invalid username or password."},
    "location": {"city": "Utrecht", "countryOrRegion": "NL"},
}
DOWNLOADED: dict[str, str] = {
    "Date (UTC)": "2026-03-02T09:52:00Z",
    "Request ID": "1c1c1c1c-0000-4000-8000-000000000003",
    "User agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    "Correlation ID": "2c2c2c2c-0000-4000-8000-000000000003",
    "User ID": "0f0e0d0c-0b0a-4908-8706-050403020100",
    "User": "Mallory",
    "Username": "Mallory@fabrikam.example",
    "User type": "Member",
    "Incoming token type": "primaryRefreshToken",
    "Application": "Azure Portal",
    "Application ID ": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
    "Resource": "Windows Azure Service Management API",
    "Resource ID ": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "IP address": "203.0.113.7",
    "Location": "Utrecht, Utrecht, NL",
    "Status": "Success",
    "Sign-in error code": "0",
    "Failure reason": "Other.",
    "Client app": "Browser",
    "Device ID": "",
    "Operating System": "Windows10",
    "IP address (seen by resource)": "198.51.100.9",
    "Autonomous system  number": "64496",
    "Incoming token type_": "none",
    "Conditional Access": "Not Applied",
}
SERVICE: dict[str, str] = {
    "Date (UTC)": "2026-03-02T09:53:00Z",
    "Request ID": "1c1c1c1c-0000-4000-8000-000000000004",
    "Correlation ID": "2c2c2c2c-0000-4000-8000-000000000004",
    "Service principal ID": "5e5e5e5e-0b0a-4908-8706-050403020100",
    "Service principal name": "Mail tool",
    "Credential key ID": "6a6a6a6a-0000-4000-8000-000000000004",
    "Application": "Mail tool",
    "Application ID ": "7a7a7a7a-0000-4000-8000-000000000004",
    "Resource": "Office 365 Exchange Online",
    "IP address": "203.0.113.8",
    "Location": "Amsterdam, Noord-Holland, NL",
    "Status": "Failure",
    "Sign-in error code": "7000215",
    "Failure reason": "Invalid client secret is provided.",
    "Conditional Access": "Not Applied",
}
IDENTITY: dict[str, str] = {
    "Date (UTC)": "2026-03-02T09:54:00Z",
    "Request ID": "1c1c1c1c-0000-4000-8000-000000000005",
    "Managed identity ID": "8e8e8e8e-0b0a-4908-8706-050403020100",
    "Managed identity name": "nightly-job",
    "Resource": "Microsoft Graph",
    "Application": "",
    "IP address": "",
    "Location": ", , ",
    "Status": "Success",
    "Sign-in error code": "",
}
APPLICATIONS_LOG: dict[str, Any] = {
    "TimeGenerated": "2026-03-02T09:55:00Z",
    "Id": "1c1c1c1c-0000-4000-8000-000000000006",
    "ServicePrincipalId": "5e5e5e5e-0b0a-4908-8706-050403020100",
    "ServicePrincipalName": "Mail tool",
    "ResourceDisplayName": "Office 365 Exchange Online",
    "IPAddress": "203.0.113.8",
    "LocationDetails": '{"city": "Amsterdam", "countryOrRegion": "NL"}',
    "ResultType": "0",
}


def imported(folder: Path, *records: object) -> ImportSummary:
    file = folder.parent / "sign-ins.json"
    file.write_text(json.dumps(list(records)), "utf-8")
    return import_files([file], folder)


def downloaded(folder: Path, *rows: dict[str, str]) -> ImportSummary:
    """Import a CSV of the admin center, as it names its columns: two of them alike."""
    file = folder.parent / "sign-ins.csv"
    with file.open("w", encoding="utf-8", newline="") as text:
        written = csv.writer(text)
        written.writerow([name.rstrip("_") for name in rows[0]])
        written.writerows(row.values() for row in rows)
    return import_files([file], folder)


def logons(folder: Path) -> list[Logon]:
    return Logon.from_frame(pl.read_parquet(folder / "IdentityLogonEvents" / "*.parquet"))


def test_a_row_of_signin_logs_is_a_sign_in_at_its_own_time(tmp_path: Path) -> None:
    assert imported(tmp_path / "e", LOG).written == {"IdentityLogonEvents": 1}
    [logon] = logons(tmp_path / "e")
    assert logon.succeeded
    assert logon.timestamp == datetime(2026, 3, 2, 9, 50, 0, 250_000, tzinfo=UTC)
    assert (logon.account_upn, logon.address) == ("mallory@fabrikam.example", "203.0.113.7")
    assert (logon.location, logon.application) == ("NL", "Exchange Online PowerShell")
    assert (logon.device_name, logon.failure_reason) == ("PC-7", "")
    assert logon.report_id == LOG["Id"]


def test_a_sign_in_of_graph_is_read_from_its_objects(tmp_path: Path) -> None:
    imported(tmp_path / "e", GRAPH)
    [logon] = logons(tmp_path / "e")
    assert not logon.succeeded
    assert (logon.failure_reason, logon.location) == ("Invalid username or password.", "NL")


@pytest.mark.parametrize(
    ("number", "action"),
    [
        ("0", "LogonSuccess"),
        (0, "LogonSuccess"),
        ("50126", "LogonFailed"),
        ("50053", "LogonFailed"),
        ("500121", "LogonFailed"),
        ("50140", "LogonInterrupted"),
        (50074, "LogonInterrupted"),
    ],
)
def test_the_error_number_decides(tmp_path: Path, number: object, action: str) -> None:
    imported(tmp_path / "e", {**LOG, "ResultType": number})
    rows = pl.read_parquet(tmp_path / "e" / "IdentityLogonEvents" / "*.parquet")
    assert rows["ActionType"].to_list() == [action]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ResultType": "unknown"}, "a sign-in without an error number"),
        ({"TimeGenerated": "x", "CreatedDateTime [UTC]": "y"}, "no readable time"),
    ],
)
def test_what_cannot_be_read_is_set_aside(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    assert imported(tmp_path / "e", {**LOG, **changed}).reasons == {reason: 1}


STREAMED: dict[str, Any] = {
    "time": "2026-03-02 09:50:09.500",
    "category": "NonInteractiveUserSignInLogs",
    "resultType": "50126",
    "resultDescription": "Invalid username or password.",
    "callerIpAddress": "203.0.113.7",
    "properties": {"userPrincipalName": "mallory@fabrikam.example"},
}


@pytest.mark.parametrize(
    ("outer", "inner", "action", "second"),
    [
        ({}, {}, "LogonFailed", 9),
        ({"category": "SignInLogs", "resultType": "Success"}, {}, "LogonSuccess", 9),
        ({"resultType": "Failure"}, {"status": {"errorCode": 50074}}, "LogonInterrupted", 9),
        ({"resultType": "0"}, {"createdDateTime": "2026-03-02T09:50:02Z"}, "LogonSuccess", 2),
        ({}, {"ipAddress": "203.0.113.7:50123"}, "LogonFailed", 9),
    ],
)
def test_a_streamed_sign_in_is_completed_from_its_envelope(
    tmp_path: Path, outer: dict[str, Any], inner: dict[str, Any], action: str, second: int
) -> None:
    properties = STREAMED["properties"] | inner
    summary = imported(tmp_path, STREAMED | outer | {"properties": properties})
    assert summary.written == {"IdentityLogonEvents": 1}
    [logon] = logons(tmp_path)
    assert (logon.action, logon.timestamp.second) == (action, second)
    assert (logon.address, logon.account_upn) == ("203.0.113.7", "mallory@fabrikam.example")


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("AppDisplayName", None),
        ("ResultType", None),
        ("UserPrincipalName", None),
        ("Id", None),
        ("ResultType Status_dynamic", "looks like a sign-in; lacks an error number (ResultType)"),
        (
            "UserPrincipalName UserId",
            "looks like a sign-in; lacks who signed in (UserPrincipalName)",
        ),
    ],
)
def test_a_row_that_names_its_table_needs_little(
    tmp_path: Path, lacking: str, reason: str | None
) -> None:
    row = {name: value for name, value in LOG.items() if name not in lacking.split()}
    summary = imported(tmp_path, row | {"Type": "SigninLogs"})
    assert summary.reasons == ({} if reason is None else {reason: 1})


def test_the_same_sign_ins_again_are_duplicates(tmp_path: Path) -> None:
    imported(tmp_path / "e", LOG, GRAPH)
    again = imported(tmp_path / "e", LOG, GRAPH)
    assert (again.rows, again.duplicates) == (0, 2)


def test_an_interrupted_sign_in_of_an_evidence_folder_is_read_as_it_is(tmp_path: Path) -> None:
    """Not from the record in its AdditionalFields, which knows fewer columns."""
    imported(tmp_path / "e", {**LOG, "ResultType": "50140"})
    (made,) = (tmp_path / "e").glob("*/*.parquet")
    row = pl.read_parquet(made).with_columns(ISP=pl.lit("Example Net"))
    row.write_parquet(tmp_path / "other.parquet")
    import_files([tmp_path / "other.parquet"], tmp_path / "again")
    [logon] = logons(tmp_path / "again")
    assert (logon.action, logon.isp) == ("LogonInterrupted", "Example Net")


def test_a_download_of_the_admin_center_is_read_as_its_json_is(tmp_path: Path) -> None:
    """The country stands behind city and state; what the portal says of a success is no reason."""
    assert downloaded(tmp_path / "e", DOWNLOADED).written == {"IdentityLogonEvents": 1}
    [logon] = logons(tmp_path / "e")
    assert logon.succeeded
    assert logon.timestamp == datetime(2026, 3, 2, 9, 52, tzinfo=UTC)
    assert (logon.account_upn, logon.account_display_name) == (
        "Mallory@fabrikam.example",
        "Mallory",
    )
    assert logon.account_object_id == DOWNLOADED["User ID"]
    assert (logon.application, logon.address) == ("Azure Portal", "203.0.113.7")
    assert (logon.location, logon.os_platform) == ("NL", "Windows10")
    assert (logon.report_id, logon.failure_reason) == (DOWNLOADED["Request ID"], "")
    assert json.loads(logon.additional_fields)["Resource"] == DOWNLOADED["Resource"]


@pytest.mark.parametrize(
    ("word", "number", "action"),
    [
        ("Success", "0", "LogonSuccess"),
        ("Failure", "50126", "LogonFailed"),
        ("Interrupted", "50074", "LogonInterrupted"),
        ("Interrupted", "9002341", "LogonInterrupted"),
        ("Success", "50126", "LogonFailed"),
        ("Success", "", "LogonSuccess"),
        ("failure", " ", "LogonFailed"),
        ("Interrupted", "None", "LogonInterrupted"),
    ],
)
def test_the_word_of_the_admin_center_counts_where_the_number_says_less(
    tmp_path: Path, word: str, number: str, action: str
) -> None:
    row = {**DOWNLOADED, "Status": word, "Sign-in error code": number}
    downloaded(tmp_path / "e", row)
    [logon] = logons(tmp_path / "e")
    assert logon.action == action
    assert bool(logon.failure_reason) is (action != "LogonSuccess")


@pytest.mark.parametrize(("word", "number"), [("", ""), ("Pending", ""), ("", "x")])
def test_a_download_without_an_outcome_is_set_aside(tmp_path: Path, word: str, number: str) -> None:
    summary = downloaded(
        tmp_path / "e", {**DOWNLOADED, "Status": word, "Sign-in error code": number}
    )
    assert (summary.read, summary.rejected) == (1, 1)


@pytest.mark.parametrize(
    ("row", "service", "action", "reason", "location"),
    [
        (
            SERVICE,
            ("5e5e5e5e-0b0a-4908-8706-050403020100", "Mail tool"),
            "LogonFailed",
            "Invalid client secret is provided.",
            "NL",
        ),
        (
            IDENTITY,
            ("8e8e8e8e-0b0a-4908-8706-050403020100", "nightly-job"),
            "LogonSuccess",
            "",
            "",
        ),
        (
            APPLICATIONS_LOG,
            ("5e5e5e5e-0b0a-4908-8706-050403020100", "Mail tool"),
            "LogonSuccess",
            "",
            "NL",
        ),
    ],
    ids=["application", "managed identity", "Sentinel"],
)
def test_an_application_signs_in_as_its_service_principal(
    tmp_path: Path,
    row: dict[str, Any],
    service: tuple[str, str],
    action: str,
    reason: str,
    location: str,
) -> None:
    summary = (imported if row is APPLICATIONS_LOG else downloaded)(tmp_path / "e", row)
    assert summary.written == {"IdentityLogonEvents": 1}
    [logon] = logons(tmp_path / "e")
    assert (logon.account_object_id, logon.account_display_name) == service
    assert (logon.application, logon.account_upn) == (service[1], "")
    assert (logon.action, logon.failure_reason, logon.location) == (action, reason, location)
    assert logon.address == row["IP address" if "IP address" in row else "IPAddress"]


def test_a_place_without_a_country_is_none(tmp_path: Path) -> None:
    imported(tmp_path / "e", {**GRAPH, "location": '{"city": "Here, There", "state": ""}'})
    [logon] = logons(tmp_path / "e")
    assert logon.location == ""
