"""Changes and other activities, as CloudAppEvents records them."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import polars as pl
from attrs import field, frozen

from exconn.simulate._draw import guids, integers
from exconn.simulate._fields import Texts, Times, complete, texts
from exconn.simulate._tenant import Person, Place
from exconn.tables import CLOUD_APP_EVENTS, TIME

_EXCHANGE = ("Microsoft Exchange Online", 20893)
_SHAREPOINT = ("Microsoft SharePoint Online", 20892)
_SYSTEM_USER_TYPE = 3


@frozen
class Actor:
    """Who did something, as audit records name them.

    Attributes:
        account_type: Regular, System or Application.
        object_id: GUID in the directory; "" for the service and for applications.
        account_id: what CloudAppEvents knows the account by.
        name: display name.
        user_id: the audit record's UserId.
        user_type: the audit record's UserType: 2 administrator, 3 the service, 5 application.
        application_id: the audit record's AppId.
    """

    account_type: str
    object_id: str
    account_id: str
    name: str
    user_id: str
    user_type: int
    application_id: str = ""

    @classmethod
    def person(cls, person: Person, *, admin: bool = True) -> "Actor":
        """Somebody with an account, at a PowerShell prompt or in the admin centre."""
        return cls(
            "Regular",
            person.object_id,
            person.object_id,
            person.name,
            person.upn,
            2 if admin else 0,
            "fb78d390-0c51-40cd-8e17-fdbfab77341b",
        )

    @classmethod
    def application(cls, app_id: str, name: str) -> "Actor":
        """An application with app-only access; it has no object id."""
        return cls("Application", "", app_id, name, app_id, 5, app_id)

    @classmethod
    def system(cls, process: str = "Microsoft.Exchange.ServiceHost") -> "Actor":
        """The service itself."""
        user = f"NT AUTHORITY\\SYSTEM ({process})"
        return cls("System", "", user, user, user, _SYSTEM_USER_TYPE)


@frozen
class _Activity:
    at: datetime
    operation: str
    actor: Actor
    parameters: Mapping[str, str] = field(factory=dict)
    place: Place | None = None
    object_id: str = ""
    result: str = "True"
    organization: str = ""
    application: tuple[str, int] = _EXCHANGE


def change_row(
    *,
    rng: random.Random,
    at: datetime,
    operation: str,
    parameters: Mapping[str, str],
    actor: Actor,
    place: Place | None = None,
    object_id: str | None = None,
    result: str = "True",
    organization: str = "",
) -> pl.DataFrame:
    """Build one row of CloudAppEvents: an Exchange cmdlet that somebody ran.

    Args:
        rng: what identifiers are drawn from.
        at: when.
        operation: the cmdlet, such as "Set-InboundConnector".
        parameters: those that were passed; values are text, as in audit records.
        actor: who.
        place: where from, by the first of its addresses; None as for the service itself.
        object_id: the audit record's ObjectId; None: the parameter Identity, "" without one.
        result: the audit record's ResultStatus, "True" or "False".
        organization: the tenant's initial domain.
    """
    activity = _Activity(
        at=at,
        operation=operation,
        actor=actor,
        parameters=parameters,
        place=place,
        object_id=parameters.get("Identity", "") if object_id is None else object_id,
        result=result,
        organization=organization,
    )
    return _activity_rows(rng, [activity])


def service_rows(
    *, rng: random.Random, times: Times, operations: Texts, mailboxes: Texts, organization: str
) -> pl.DataFrame:
    """Build rows of CloudAppEvents: upkeep of mailboxes by the service itself."""
    when = pl.Series(times, dtype=TIME)
    actor = Actor.system()
    rows = zip(
        when,
        texts("operations", operations, len(when)),
        texts("mailboxes", mailboxes, len(when)),
        strict=True,
    )
    return _activity_rows(
        rng,
        (
            _Activity(
                at=at,
                operation=operation,
                actor=actor,
                parameters={"Identity": mailbox, "ErrorAction": "Stop"},
                object_id=mailbox,
                organization=organization,
            )
            for at, operation, mailbox in rows
        ),
    )


def file_rows(
    *, rng: random.Random, times: Times, people: Sequence[Person], files: Texts, organization: str
) -> pl.DataFrame:
    """Build rows of CloudAppEvents: people who open files."""
    when = pl.Series(times, dtype=TIME)
    actors = {person.object_id: Actor.person(person, admin=False) for person in people}
    rows = zip(when, people, texts("files", files, len(when)), strict=True)
    return _activity_rows(
        rng,
        (
            _Activity(
                at=at,
                operation="FileAccessed",
                actor=actors[person.object_id],
                place=person.office,
                object_id=file,
                organization=organization,
                application=_SHAREPOINT,
            )
            for at, person, file in rows
        ),
    )


def _activity_rows(rng: random.Random, activities: Iterable[_Activity]) -> pl.DataFrame:
    done = list(activities)
    n = len(done)
    ports = integers(rng, n, 16_000) + 49_152
    parts = zip(done, guids(rng, n), guids(rng, n), ports, strict=True)
    rows = [_activity_row(*part) for part in parts]
    schema = {name: CLOUD_APP_EVENTS.schema[name] for name in _ACTIVITY_COLUMNS}
    return complete(pl.DataFrame(rows, schema=schema, orient="row"), CLOUD_APP_EVENTS)


_ACTIVITY_COLUMNS = (
    *("Timestamp", "ActionType", "Application", "ApplicationId", "AccountObjectId", "AccountId"),
    *("AccountDisplayName", "IsAdminOperation", "IPAddress", "CountryCode", "City", "ISP"),
    *("ObjectName", "ObjectId", "ReportId", "AccountType", "IsExternalUser", "IsImpersonated"),
    *("RawEventData", "AuditSource"),
)


def _activity_row(
    activity: _Activity, record_id: str, report_id: str, port: int
) -> tuple[object, ...]:
    actor, place = activity.actor, activity.place or _NOWHERE
    name, number = activity.application
    return (
        *(activity.at, activity.operation, name, number, actor.object_id, actor.account_id),
        *(actor.name, activity.application == _EXCHANGE, place.addresses[0]),
        *(place.country, place.city, place.isp, activity.object_id, activity.object_id),
        *(f"{port}_{number}_{report_id}", actor.account_type, False, False),
        json.dumps(_audit_record(activity, record_id, port), ensure_ascii=False),
        "Defender for Cloud Apps app connector",
    )


_NOWHERE = Place("", "", "", ("",))


def _audit_record(activity: _Activity, record_id: str, port: int) -> dict[str, object]:
    """The record of the unified audit log that Defender passes on."""
    actor = activity.actor
    record: dict[str, object] = {
        "CreationTime": activity.at.strftime("%Y-%m-%dT%H:%M:%S"),
        "Id": record_id,
        "Operation": activity.operation,
        "OrganizationName": activity.organization,
        "ObjectId": activity.object_id,
        "UserId": actor.user_id,
        "UserKey": actor.object_id or actor.user_id,
        "UserType": actor.user_type,
        "Version": 1,
    }
    if activity.place is not None:
        address = activity.place.addresses[0]
        record["ClientIP"] = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if activity.application == _SHAREPOINT:
        return record | {"RecordType": 6, "Workload": "SharePoint"}
    return record | {
        "RecordType": 1,
        "Workload": "Exchange",
        "ResultStatus": activity.result,
        "ExternalAccess": actor.user_type == _SYSTEM_USER_TYPE,
        "OriginatingServer": "SIM0PR01MB0001 (15.20.8000.000)",
        "AppId": actor.application_id,
        "ClientAppId": "",
        "Parameters": [
            {"Name": name, "Value": value} for name, value in activity.parameters.items()
        ],
    }
