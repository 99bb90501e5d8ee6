"""Sign-ins of Entra ID, as Sentinel, Graph and the portal give them, become IdentityLogonEvents."""

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


def imported(folder: Path, *records: object) -> ImportSummary:
    file = folder.parent / "sign-ins.json"
    file.write_text(json.dumps(list(records)), "utf-8")
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


def test_the_same_sign_ins_again_are_duplicates(tmp_path: Path) -> None:
    imported(tmp_path / "e", LOG, GRAPH)
    again = imported(tmp_path / "e", LOG, GRAPH)
    assert (again.rows, again.duplicates) == (0, 2)
