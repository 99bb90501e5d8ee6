"""The endpoints of a Kusto cluster: queries in version 2, commands in version 1."""

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from exconn.tables import KqlType
from exconn.testing import faults
from exconn.testing._cells import NET_TYPES, changed, kusto_cell
from exconn.testing._http import Reply, Service, as_json
from exconn.testing.engine import KqlRefused, Result
from exconn.testing.faults import Fault

QUERY = "/v2/rest/query"
MANAGEMENT = "/v1/rest/mgmt"
METADATA = "/v1/rest/auth/metadata"
PROXIED = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/[^/]+/providers"
    r"/microsoft\.operationalinsights/workspaces/[^/]+",
    re.IGNORECASE,
)
RESOURCE = "https://kusto.kusto.windows.net"
AUDIENCES = (RESOURCE, "https://api.loganalytics.io", "https://help.kusto.windows.net")
ROW_LIMIT = 500_000
BYTE_LIMIT = 67_108_864

Frame = dict[str, Any]

_ID = "a57ec272-8846-49e6-b458-460b841ed47d"
_TIME = "2026-03-27T00:00:00.0000001Z"
_CODES = {
    400: "General_BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "Too many requests",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_SET = re.compile(r"\s*set\s+(\w+)\s*(?:=\s*([^;]*))?;", re.IGNORECASE)
_COMPLETION = {
    "Timestamp": "datetime",
    "ClientRequestId": "string",
    "ActivityId": "guid",
    "SubActivityId": "guid",
    "ParentActivityId": "guid",
    "Level": "int",
    "LevelName": "string",
    "StatusCode": "int",
    "StatusCodeName": "string",
    "EventType": "int",
    "EventTypeName": "string",
    "Payload": "string",
}
_LOOK = json.dumps({"Visualization": None, "Title": None, "Kind": None})


@frozen
class Limits:
    """What a query may return, after its request properties and `set` statements."""

    rows: int
    size: int
    taken: int | None = None
    deferred: bool = False

    @classmethod
    def of(cls, rows: int, size: int, options: Mapping[str, object]) -> "Limits":
        """The service's own limits, unless the request says otherwise."""
        if _on(options.get("notruncation")):
            rows = size = 2**63 - 1
        taken = options.get("query_take_max_records")
        return cls(
            rows=int(str(options.get("truncationmaxrecords", rows))),
            size=int(str(options.get("truncationmaxsize", size))),
            taken=None if taken is None else int(str(taken)),
            deferred=_on(options.get("deferpartialqueryfailures")),
        )


def settings(text: str) -> tuple[str, dict[str, object]]:
    """A query without the `set` statements before it, and what they set."""
    found: dict[str, object] = {}
    while statement := _SET.match(text):
        found[statement[1].lower()] = statement[2].strip() if statement[2] else True
        text = text[statement.end() :]
    return text, found


def failure(status: int, message: str, code: str = "", *, permanent: bool = False) -> Reply:
    """An error that comes instead of a result."""
    code = code or _CODES.get(status, "General_InternalServerError")
    return as_json(_error(code, message, permanent=permanent), status)


def fault_reply(fault: Fault) -> Reply | None:
    """How Kusto words a fault; None if that is no matter of words."""
    match fault:
        case faults.Throttled() | faults.QuotaExceeded():
            return failure(429, "Request is denied due to throttling.")
        case faults.Forbidden():
            return failure(403, "Caller is not authorized to perform this action")
        case faults.TimedOut():
            return failure(504, "Query timed out")
        case faults.Failed(status):
            return failure(status, f"The service failed with status {status}")
    return None


def refused(error: KqlRefused) -> Reply:
    """What Kusto says of a query that cannot be run."""
    match error.part:
        case "table":
            problem = (
                "Semantic error: SEM0100: 'where' operator: Failed to resolve table or column "
                f"expression named '{error.name}'"
            )
        case "column":
            problem = (
                f"Semantic error: SEM0100: Failed to resolve scalar expression named '{error.name}'"
            )
        case "syntax":
            problem = "Syntax error: SYN0002: A recognition error occurred."
        case _:
            return bad_request(f"exconn.testing cannot run this query: {error}")
    return bad_request(f"Request is invalid and cannot be processed: {problem}")


def bad_request(message: str) -> Reply:
    """Status 400."""
    return failure(400, message, permanent=True)


def unknown_database(name: object) -> Reply:
    """There is no database of this name."""
    return failure(
        400,
        f"Entity ID '{name}' of kind 'Database' was not found.",
        "BadRequest_EntityNotFound",
        permanent=True,
    )


def metadata(login: str) -> Reply:
    """Where to sign in, and for what."""
    return as_json(
        {
            "AzureAD": {
                "LoginEndpoint": login,
                "LoginMfaRequired": False,
                "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
                "KustoClientRedirectUri": "https://microsoft/kustoclient",
                "KustoServiceResourceId": RESOURCE,
                "FirstPartyAuthorityUrl": f"{login}/f8cdef31-a31e-4b4a-93e4-5f571e91255a",
            }
        }
    )


def queried(result: Result, limits: Limits, fault: Fault | None, request_id: str) -> Reply:
    """The frames of a query's result."""
    if isinstance(fault, faults.ColumnsChanged):
        result = changed(result, fault)
    rows, problem = _rows(result, limits, fault)
    deferred = limits.deferred or isinstance(fault, faults.DeferredErrors)
    inside = problem if problem and not deferred else None
    primary = _table(
        "PrimaryResult",
        "PrimaryResult",
        dict(zip(result.columns, result.types, strict=True)),
        [*rows, {"OneApiErrors": [inside]}] if inside else rows,
    )
    look = _table(
        "QueryProperties",
        "@ExtendedProperties",
        {"TableId": "int", "Key": "string", "Value": "dynamic"},
        [[1, "Visualization", _LOOK]],
    )
    tables = [look, primary]
    if isinstance(fault, faults.MissingPrimary):
        tables.remove(primary)
    if isinstance(fault, faults.ExtraTable):
        tables.append(_table("PrimaryResult", "PrimaryResult_1", {"Extra": "long"}, [[1]]))
    if not inside:
        tables.append(_completion(request_id, problem))
    if isinstance(fault, faults.CompletionErrors):
        inside = _error("LimitsExceeded", "Query execution has exceeded the allowed limits.")
    header = {
        "FrameType": "DataSetHeader",
        "IsProgressive": False,
        "Version": "v2.0",
        "IsFragmented": False,
        "ErrorReportingPlacement": "InData",
    }
    end = {
        "FrameType": "DataSetCompletion",
        "HasErrors": inside is not None,
        "Cancelled": isinstance(fault, faults.Cancelled),
    }
    if inside:
        end["OneApiErrors"] = [inside]
    frames = [header, *({**table, "TableId": n} for n, table in enumerate(tables)), end]
    if isinstance(fault, faults.NoCompletion):
        del frames[-1]
    return as_json(frames)


def managed(
    command: str, schema: Mapping[str, Mapping[str, KqlType]], database: str, *, proxied: bool
) -> Reply:
    """The result of a command, in version 1."""
    words = command.strip().rstrip(";").split()
    match words:
        case [".show", "database", "schema"] | [".show", "database", _, "schema"]:
            return _shown(*_database_schema(schema, database))
        case [".show", "database", *_, "schema", "as", "json"]:
            return _shown({"DatabaseSchema": "string"}, [[_schema_as_json(schema, database)]])
        case [".show", "tables"] if not proxied:
            names = ("TableName", "DatabaseName", "Folder", "DocString")
            rows = [[name, database, "", ""] for name in schema]
            return _shown(dict.fromkeys(names, "string"), rows)
        case [".show", "version"] if not proxied:
            columns = {"BuildVersion": "string", "BuildTime": "datetime", "ServiceType": "string"}
            more = {"ProductVersion": "string", "ServiceOffering": "string"}
            row = ["1.0.0", _TIME, "Engine", "exconn.testing", '{"Type":"exconn.testing"}']
            return _shown(columns | more, [row])
    return bad_request(f"Syntax error: exconn.testing has no such command: {command.strip()}")


def _rows(
    result: Result, limits: Limits, fault: Fault | None
) -> tuple[list[Any], dict[str, Any] | None]:
    """The rows that are sent, and what is wrong with them."""
    rows: list[Any] = [
        [kusto_cell(value, kind) for value, kind in zip(row, result.types, strict=True)]
        for row in result.rows[: limits.taken]
    ]
    match fault:
        case faults.PartialRows(after) | faults.DeferredErrors(after):
            return rows[:after], _limit(f"record count limit {after}")
        case faults.TooLarge():
            return rows[: len(rows) // 2], _limit(f"data size limit {limits.size}")
        case faults.Cancelled():
            return rows[: len(rows) // 2], None
    size = 0
    for number, row in enumerate(rows):
        size += len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode())
        if number >= limits.rows:
            return rows[:number], _limit(f"record count limit {limits.rows}")
        if size > limits.size:
            return rows[:number], _limit(f"data size limit {limits.size}")
    return rows, None


def _limit(what: str) -> dict[str, Any]:
    return _error(
        "LimitsExceeded",
        f"Query execution has exceeded the allowed limits (80DA0003): Query result set has "
        f"exceeded the internal {what} (E_QUERY_RESULT_SET_TOO_LARGE; "
        "see https://aka.ms/kustoquerylimits).",
        kind="KustoServicePartialQueryFailureLimitsExceededException",
    )


def _error(
    code: str, message: str, *, kind: str = "KustoBadRequestException", permanent: bool = False
) -> dict[str, Any]:
    return {
        "error": {
            "code": code,
            "message": "Request is invalid and cannot be executed.",
            "@type": f"Kusto.Data.Exceptions.{kind}",
            "@message": message,
            "@context": {
                "timestamp": _TIME,
                "serviceAlias": "EXCONN",
                "clientRequestId": "",
                "activityId": _ID,
            },
            "@permanent": permanent,
        }
    }


def _completion(request_id: str, problem: dict[str, Any] | None) -> Frame:
    ids = [_TIME, request_id, _ID, _ID, _ID]
    told = problem["error"]["@message"] if problem else "Query completed successfully"
    payload = json.dumps({"Count": 1, "Text": told})
    state = (
        [2, "Error", -2133196797, "E_QUERY_RESULT_SET_TOO_LARGE", 1, "QueryLimitsExceeded"]
        if problem
        else [4, "Info", 0, "S_OK (0)", 4, "QueryInfo"]
    )
    used = json.dumps({"ExecutionTime": 0.0})
    stats = [6, "Stats", 0, "S_OK (0)", 0, "QueryResourceConsumption", used]
    rows = [[*ids, *state, payload], [*ids, *stats]]
    name = "QueryCompletionInformation"
    return _table(name, name, _COMPLETION, rows)


def _table(kind: str, name: str, columns: Mapping[str, str], rows: list[Any]) -> Frame:
    return {
        "FrameType": "DataTable",
        "TableId": 0,
        "TableKind": kind,
        "TableName": name,
        "Columns": [{"ColumnName": n, "ColumnType": t} for n, t in columns.items()],
        "Rows": rows,
    }


def _shown(columns: Mapping[str, str], rows: list[list[Any]]) -> Reply:
    described = [
        {"ColumnName": n, "DataType": NET_TYPES[t], "ColumnType": t} for n, t in columns.items()
    ]
    return as_json({"Tables": [{"TableName": "Table_0", "Columns": described, "Rows": rows}]})


def _database_schema(
    schema: Mapping[str, Mapping[str, KqlType]], database: str
) -> tuple[dict[str, str], list[list[Any]]]:
    names = ("DatabaseName", "TableName", "ColumnName", "ColumnType")
    flags = ("IsDefaultTable", "IsDefaultColumn")
    more = ("PrettyName", "Version", "Folder", "DocString")
    columns = {name: "bool" if name in flags else "string" for name in (*names, *flags, *more)}
    rows: list[list[Any]] = [[database, "", "", "", 0, 0, "", "v1.0", "", ""]]
    for table, held in schema.items():
        rows.append([database, table, "", "", 0, 0, "", "", "", ""])
        rows += [
            [database, table, name, f"System.{NET_TYPES[kind.value]}", 0, 0, "", "", "", ""]
            for name, kind in held.items()
        ]
    return columns, rows


def _schema_as_json(schema: Mapping[str, Mapping[str, KqlType]], database: str) -> str:
    tables = {
        table: {
            "Name": table,
            "OrderedColumns": [
                {"Name": n, "Type": f"System.{NET_TYPES[k.value]}", "CslType": k.value}
                for n, k in held.items()
            ],
        }
        for table, held in schema.items()
    }
    return json.dumps({"Databases": {database: {"Name": database, "Tables": tables}}})


def _on(value: object) -> bool:
    return str(value).lower() == "true"


SERVICE = Service(AUDIENCES, failure, fault_reply)
