"""What administrators did, to connectors above all, and who they are."""

import enum
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

import polars as pl
from attrs import evolve, field, frozen

from exconn.errors import InvalidValueError
from exconn.models.audit import AuditRecord, host, object_name
from exconn.models.connector import InboundConnector, OutboundConnector
from exconn.tables import CLOUD_APP_EVENTS, Table, conform
from exconn.window import iso, utc

_OPERATION = re.compile(r"^(New|Set|Remove)-(Inbound|Outbound)Connector$", re.IGNORECASE)
_GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_APPLICATION_TYPES = {5, 6}
_SYSTEM_TYPES = {3, 4, 8}


def is_guid(text: str) -> bool:
    """Whether a text is a GUID, as applications and objects have them."""
    return bool(_GUID.match(text))


class ActorKind(enum.StrEnum):
    """What did something."""

    PERSON = "person"
    APPLICATION = "application"
    SYSTEM = "system"


def _kind(value: ActorKind | str) -> ActorKind:
    try:
        return ActorKind(value)
    except ValueError:
        kinds = ", ".join(kind.value for kind in ActorKind)
        raise InvalidValueError("actor", f"expected one of {kinds}, got {value!r}") from None


@frozen(kw_only=True)
class Actor:
    """Who did something in the audit log.

    Attributes:
        id: the account's object id; for an application its own id. "" when the record has none.
        name: the UPN, the application's name or the service's.
    """

    kind: ActorKind = field(converter=_kind)
    id: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """What tells actors apart, without case: the id, or else the name."""
        return (self.id or self.name).casefold()

    @classmethod
    def of(cls, row: Mapping[str, Any], record: AuditRecord) -> Self:
        """Read the actor of a CloudAppEvents row and of its audit record.

        An application has no AccountObjectId; its id is in AccountId or in the record.
        """
        account_type = str(row.get("AccountType") or "").lower()
        object_id = str(row.get("AccountObjectId") or "")
        account_id = str(row.get("AccountId") or "")
        name = record.user_id or str(row.get("AccountDisplayName") or "") or account_id
        if name.upper().startswith("NT AUTHORITY\\") or account_type == "system":
            return cls(kind=ActorKind.SYSTEM, id=object_id, name=name)
        if (
            account_type == "application"
            or record.user_type in _APPLICATION_TYPES
            or is_guid(record.user_id)
        ):
            own_id = object_id or account_id or record.app_id or record.user_id
            return cls(kind=ActorKind.APPLICATION, id=own_id, name=name)
        if record.user_type in _SYSTEM_TYPES:
            return cls(kind=ActorKind.SYSTEM, id=object_id, name=name)
        return cls(kind=ActorKind.PERSON, id=object_id, name=name)


@frozen(kw_only=True)
class AdminChange:
    """An administrative act in the audit log: a row of CloudAppEvents, read.

    Attributes:
        operation: the cmdlet or activity, as the row has it.
        parameters: every parameter passed, each value as text.
        actor: who did it.
        address: from where, without port; "" when unknown.
        target: what it was done to: the object's name or id, "" when the record does not say.
        country: code of the country of the address.
        succeeded: None when the record does not say.
        audit_id: the audit record's own identifier.
    """

    TABLE: ClassVar[Table] = CLOUD_APP_EVENTS

    timestamp: datetime = field(converter=utc)
    operation: str
    parameters: Mapping[str, str] = field(factory=dict)
    actor: Actor
    address: str = ""
    target: str = ""
    country: str = ""
    city: str = ""
    isp: str = ""
    user_agent: str = ""
    succeeded: bool | None = None
    audit_id: str = ""
    report_id: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of CloudAppEvents with its audit record in `RawEventData`.

        Raises:
            InvalidValueError: the row is not of this kind of change, or has no time.
        """
        record = AuditRecord.parse(row.get("RawEventData"))
        when = row.get("Timestamp")
        if not isinstance(when, datetime):
            raise InvalidValueError("audit row", f"expected a Timestamp, got {when!r}")
        return cls(
            timestamp=when,
            operation=str(row.get("ActionType") or record.operation),
            parameters=record.parameters,
            actor=Actor.of(row, record),
            address=host(str(row.get("IPAddress") or "")) or record.address,
            target=record.object_id or str(row.get("ObjectName") or ""),
            country=str(row.get("CountryCode") or ""),
            city=str(row.get("City") or ""),
            isp=str(row.get("ISP") or ""),
            user_agent=str(row.get("UserAgent") or ""),
            succeeded=record.succeeded,
            audit_id=record.id,
            report_id=str(row.get("ReportId") or ""),
        )

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> list[Self]:
        """Read each row of a CloudAppEvents frame of this kind that has a time.

        A record that occurs several times (by its audit id, or where it has none by ReportId and
        time, or by all that was read) is kept once, with what any of its copies tell. Ordered by
        time.
        """
        dated = conform(frame, CLOUD_APP_EVENTS).filter(pl.col("Timestamp").is_not_null())
        found: dict[object, Self] = {}
        for row in dated.iter_rows(named=True):
            if cls._is_one(row):
                change = cls.of(row)
                same = found.get(change._identity)
                found[change._identity] = change if same is None else same._with(change)
        return sorted(found.values(), key=lambda change: (change.timestamp, str(change._identity)))

    @classmethod
    def to_frame(cls, changes: Iterable[Self]) -> pl.DataFrame:
        """Write CloudAppEvents rows, each with an audit record in `RawEventData`."""
        rows = [change._row() for change in changes]
        schema = {name: CLOUD_APP_EVENTS.schema[name] for name in _ROW_COLUMNS}
        return conform(pl.DataFrame(rows, schema=schema), CLOUD_APP_EVENTS)

    @classmethod
    def _is_one(cls, row: Mapping[str, Any]) -> bool:
        return bool(row.get("ActionType"))

    def _with(self, other: Self) -> Self:
        """This record completed by another copy of it; either way round gives the same."""
        return evolve(
            self,
            timestamp=min(self.timestamp, other.timestamp),
            operation=max(self.operation, other.operation),
            parameters=max(
                (self.parameters, other.parameters), key=lambda p: (len(p), sorted(p.items()))
            ),
            actor=max(
                (self.actor, other.actor),
                key=lambda a: (
                    a.kind is not ActorKind.PERSON,
                    bool(a.id),
                    bool(a.name),
                    a.id,
                    a.name,
                ),
            ),
            address=max(self.address, other.address),
            target=max(self.target, other.target),
            country=max(self.country, other.country),
            city=max(self.city, other.city),
            isp=max(self.isp, other.isp),
            user_agent=max(self.user_agent, other.user_agent),
            succeeded=min(
                (self.succeeded, other.succeeded), key=lambda s: (s is None, s is not False)
            ),
            audit_id=max(self.audit_id, other.audit_id),
            report_id=max(self.report_id, other.report_id),
        )

    @property
    def _identity(self) -> tuple[str, ...]:
        if self.audit_id:
            return ("audit", self.audit_id.casefold())
        if self.report_id:
            return ("report", self.report_id.casefold(), iso(self.timestamp))
        return (
            "all",
            iso(self.timestamp),
            repr(evolve(self, report_id="", audit_id="")).casefold(),
        )

    def _row(self) -> dict[str, object]:
        user_type = {ActorKind.PERSON: 2, ActorKind.APPLICATION: 5, ActorKind.SYSTEM: 3}
        raw: dict[str, object] = {
            "CreationTime": iso(self.timestamp),
            "Id": self.audit_id,
            "Operation": self.operation,
            "ObjectId": self.target,
            "Parameters": [{"Name": n, "Value": v} for n, v in self.parameters.items()],
            "UserId": self.actor.name,
            "UserType": user_type[self.actor.kind],
            "ClientIP": self.address,
            "Workload": "Exchange",
        }
        if self.succeeded is not None:
            raw["ResultStatus"] = str(self.succeeded)
        is_application = self.actor.kind is ActorKind.APPLICATION
        account_type = {"person": "Admin", "application": "Application", "system": "System"}
        return {
            "Timestamp": self.timestamp,
            "ActionType": self.operation,
            "Application": "Microsoft Exchange Online",
            "ApplicationId": 20893,
            "AccountObjectId": "" if is_application else self.actor.id,
            "AccountId": self.actor.id if is_application else self.actor.name,
            "AccountDisplayName": self.actor.name,
            "AccountType": account_type[self.actor.kind.value],
            "IPAddress": self.address,
            "CountryCode": self.country,
            "City": self.city,
            "ISP": self.isp,
            "UserAgent": self.user_agent,
            "ReportId": self.report_id,
            "RawEventData": json.dumps(raw, ensure_ascii=False),
        }


_ROW_COLUMNS = (
    "Timestamp",
    "ActionType",
    "Application",
    "ApplicationId",
    "AccountObjectId",
    "AccountId",
    "AccountDisplayName",
    "AccountType",
    "IPAddress",
    "CountryCode",
    "City",
    "ISP",
    "UserAgent",
    "ReportId",
    "RawEventData",
)


@frozen(kw_only=True)
class ConnectorChange(AdminChange):
    """A connector created, changed or removed: New-, Set- or Remove-, Inbound or Outbound."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of CloudAppEvents.

        Raises:
            InvalidValueError: its operation is none of the six on connectors.
        """
        change = super().of(row)
        if not _OPERATION.match(change.operation):
            raise InvalidValueError(
                "connector change",
                f"expected New-, Set- or Remove- Inbound- or OutboundConnector, "
                f"got {change.operation!r}",
            )
        return change

    @classmethod
    def _is_one(cls, row: Mapping[str, Any]) -> bool:
        return bool(_OPERATION.match(str(row.get("ActionType") or "")))

    @property
    def verb(self) -> str:
        """``New``, ``Set`` or ``Remove``."""
        return self.operation.split("-", 1)[0].capitalize()

    @property
    def direction(self) -> str:
        """``Inbound`` or ``Outbound``."""
        return "Inbound" if "inbound" in self.operation.lower() else "Outbound"

    @property
    def connector(self) -> str:
        """The connector's name before the change: from Identity or Name, else from ObjectId."""
        if self.verb == "New":
            name = self._parameter("Name")
        else:
            name = object_name(self._parameter("Identity"))
        return name or object_name(self.target) or self._parameter("Name")

    @property
    def new_name(self) -> str | None:
        """The connector's name after the change, when the change renames it."""
        name = self._parameter("Name")
        return name if self.verb == "Set" and name and name != self.connector else None

    @property
    def aliases(self) -> frozenset[str]:
        """Every name and GUID that the record gives the connector, case-folded.

        ObjectId counts where it is a GUID, or where the connector is otherwise told by one: on
        some records it is not the connector's but, say, the tenant's.
        """
        names = {self.connector, self.new_name or ""}
        target = object_name(self.target)
        if is_guid(target) or is_guid(self.connector):
            names.add(target)
        return frozenset(name.casefold() for name in names if name)

    @property
    def properties(self) -> InboundConnector | OutboundConnector:
        """What the parameters say of the connector; what was not passed is None."""
        cls = InboundConnector if self.direction == "Inbound" else OutboundConnector
        return cls.from_properties({"Name": self.new_name or self.connector, **self.parameters})

    def _parameter(self, name: str) -> str:
        folded = {key.lower(): value for key, value in self.parameters.items()}
        return folded.get(name.lower(), "").strip()
