"""Rows of Advanced Hunting: from its APIs, from exports of it, and from the streaming export."""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from exconn.ingest._cells import (
    Cell,
    UnfitError,
    blank,
    cell,
    decoded_object,
    fold,
    folded,
    is_sidecar,
    moment,
    printable,
    text,
)
from exconn.ingest._row import Row
from exconn.tables import (
    AAD_SIGN_IN_EVENTS_BETA,
    ALERT_EVIDENCE,
    ALERT_INFO,
    CLOUD_APP_EVENTS,
    EMAIL_ATTACHMENT_INFO,
    EMAIL_EVENTS,
    EMAIL_POST_DELIVERY_EVENTS,
    EMAIL_URL_INFO,
    ENTRA_ID_SIGN_IN_EVENTS,
    IDENTITY_INFO,
    IDENTITY_LOGON_EVENTS,
    TABLES,
    URL_CLICK_EVENTS,
    Column,
    Table,
)

HUNTING = ("hunting",)
"""What the origin of rows of Advanced Hunting begins with."""

_STREAMED = "advancedhunting-"
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_LONGEST_NAME = 100
_IN_A_ZONE = re.compile(r"(?:TimeGenerated|Timestamp) \[.*\]", re.IGNORECASE)
"""How Log Analytics calls a time that it exports in a zone; in UTC it is read."""

_OF_A_ZONE = "times in a zone of its own: set the portal to UTC and export again"
_BY_NAME = {table.name.lower(): table for table in TABLES}
_COLUMNS: dict[str, dict[str, Column]] = {
    table.name: {column.name.lower(): column for column in table.columns}
    | {column.alias.lower(): column for column in table.columns if column.alias}
    for table in TABLES
}


def _words(names: str) -> frozenset[str]:
    return frozenset(names.lower().split())


@frozen
class _Signs:
    """Columns that tell a table: all of `needs`, one of each in `any_of`, none of `lacks`."""

    table: Table
    needs: frozenset[str]
    any_of: tuple[frozenset[str], ...] = ()
    lacks: frozenset[str] = field(default=frozenset())

    def seen_in(self, filled: frozenset[str]) -> bool:
        return (
            self.needs <= filled
            and all(group & filled for group in self.any_of)
            and not self.lacks & filled
        )


_ACCOUNT = _words("AccountObjectId AccountUpn")
_SIGNS = (
    _Signs(ALERT_EVIDENCE, _words("AlertId"), (_words("EntityType EvidenceRole"),)),
    _Signs(
        ALERT_INFO,
        _words("AlertId"),
        (_words("Title Severity Category DetectionSource"),),
        _words("DeviceId"),
    ),
    _Signs(
        URL_CLICK_EVENTS,
        _words("Url ActionType"),
        (_words("IsClickedThrough Workload UrlChain AccountUpn"),),
        _words("DeviceId"),
    ),
    _Signs(
        EMAIL_POST_DELIVERY_EVENTS,
        _words("NetworkMessageId"),
        (_words("ActionType ActionTrigger ActionResult"),),
    ),
    _Signs(
        EMAIL_ATTACHMENT_INFO, _words("NetworkMessageId"), (_words("FileName FileType SHA256"),)
    ),
    _Signs(EMAIL_URL_INFO, _words("NetworkMessageId Url")),
    _Signs(
        EMAIL_EVENTS,
        _words("NetworkMessageId"),
        (_words(" ".join(EMAIL_EVENTS.names)) - _words("Timestamp NetworkMessageId ReportId"),),
        _words("CampaignId"),
    ),
    _Signs(
        CLOUD_APP_EVENTS,
        _words("ActionType Application"),
        (
            _words(
                "ActivityType ActivityObjects IsAdminOperation AccountType AccountId AppInstanceId "
                "IPCategory IsExternalUser IsAnonymousProxy CountryCode RawEventData ObjectName"
            ),
        ),
    ),
    _Signs(
        AAD_SIGN_IN_EVENTS_BETA, _words("ErrorCode AadDeviceId"), (_ACCOUNT,), _words("ActionType")
    ),
    _Signs(
        ENTRA_ID_SIGN_IN_EVENTS,
        _words("ErrorCode"),
        (
            _ACCOUNT,
            _words(
                "EndpointCall ResourceDisplayName TokenIssuerType RequestId LogonType "
                "ConditionalAccessStatus ClientAppUsed Application"
            ),
        ),
        _words("ActionType ServicePrincipalId ServicePrincipalName"),
    ),
    _Signs(
        IDENTITY_INFO,
        frozenset(),
        (
            _ACCOUNT | _words("IdentityId OnPremSid CloudSid"),
            _words(
                "IsAccountEnabled JobTitle Department SourceProvider AssignedRoles Manager "
                "GivenName Surname CriticalityLevel ChangeSource IdentityEnvironment"
            ),
        ),
        _words("ActionType AlertId ErrorCode"),
    ),
)
_LOGON = _Signs(
    IDENTITY_LOGON_EVENTS,
    frozenset(),
    (_ACCOUNT | _words("Application Location ISP Isp IPAddress"),),
    _words("DeviceId RemoteIP LogonId"),
)
_LOGON_ACTIONS = {"logonsuccess", "logonfailed", "logoninterrupted"}


def streamed(record: Mapping[str, object]) -> Row | None:
    """Read an envelope of the streaming export; None when it is none.

    Its own `time` can trail the event by twenty minutes: it counts where the row has none.

    Raises:
        UnfitError: an envelope of another table, or with contents that cannot be read.
    """
    envelope = folded(record)
    category = envelope.get("category")
    if not isinstance(category, str) or not category.lower().startswith(_STREAMED):
        return None
    name = category[len(_STREAMED) :]
    table = _BY_NAME.get(name.strip().lower())
    if table is None:
        raise UnfitError(f"a table that exconn does not read: {printable(name[:60])}")
    properties = decoded_object(envelope.get("properties"))
    if properties is None:
        raise UnfitError("an envelope without properties")
    if all(blank(folded(properties).get(name.lower())) for name in (table.time, "TimeGenerated")):
        properties = {**properties, table.time: envelope.get("time")}
    return table_row(properties, table, HUNTING)


def hunted(record: Mapping[str, object], schema: Sequence[str] = ()) -> Row | None:
    """Read a bare row, recognised by its columns; None when it is none.

    Args:
        record: the row as exported.
        schema: the columns that the response it came in declares.

    Raises:
        UnfitError: a value does not fit its column.
    """
    by_name = folded(record)
    table = _named_table(by_name) or _told_by_columns(by_name)
    if table is None:
        return None
    row = table_row(record, table, (*HUNTING, *schema))
    declared = (_COLUMNS[table.name].get(fold(name)) for name in schema)
    known: dict[str, Cell] = {column.name: None for column in declared if column}
    return Row(table, row.origin, known | dict(row.cells))


def table_row(record: Mapping[str, object], table: Table, origin: tuple[str, ...]) -> Row:
    """Convert a record whose table is known.

    Columns that the table does not have are kept as text where they say something.

    Raises:
        UnfitError: there is no readable time, or a value does not fit its column.
    """
    cells: dict[str, Cell] = {}
    for name, value in _exact_first(record, table):
        column = _column(table.name, name)
        if column is None:
            _keep_extra(cells, name, value)
        elif blank(value):
            cells.setdefault(column.name, None)
        elif cells.get(column.name) is None:
            cells[column.name] = _cell(value, column, table)
        elif cell(value, column) != cells[column.name]:
            _keep_extra(cells, name, value)
    if cells.get(table.time) is None:
        cells[table.time] = _cell(folded(record).get("timegenerated"), table[table.time], table)
    if cells[table.time] is None:
        in_a_zone = any(_IN_A_ZONE.fullmatch(name.strip()) for name in record)
        raise UnfitError(_OF_A_ZONE if in_a_zone else "no readable time")
    return Row(table, origin, cells)


@functools.lru_cache(maxsize=8192)
def _column(table: str, name: str) -> Column | None:
    return _COLUMNS[table].get(fold(name))


def _exact_first(record: Mapping[str, object], table: Table) -> Iterable[tuple[str, object]]:
    """The members that are no sidecars, those spelt as the column before others."""
    if record.keys() <= table.schema.keys():
        return record.items()
    names = sorted(record, key=lambda name: name not in table.schema)
    return [(name, record[name]) for name in names if not is_sidecar(name)]


def _cell(value: object, column: Column, table: Table) -> Cell:
    return cell(value, column) if column.name != table.time or blank(value) else moment(value)


def _keep_extra(cells: dict[str, Cell], name: str, value: object) -> None:
    if blank(value):
        return
    plain, told = _plain(name), text(value)
    while cells.setdefault(plain, told) != told:
        plain += "_"
        if len(plain) > 2 * _LONGEST_NAME:
            raise UnfitError("too many unknown columns")


@functools.lru_cache(maxsize=8192)
def _plain(name: str) -> str:
    """A name for a column: Polars would take ``*`` and ``^...$`` for patterns."""
    plain = _NO_NAME.sub("_", name)[:_LONGEST_NAME]
    return plain if plain[:1].isalpha() else f"_{plain}"


def _named_table(record: Mapping[str, object]) -> Table | None:
    """The table that Log Analytics names in `Type` or `$table`."""
    for key in ("type", "$table"):
        name = record.get(key)
        if isinstance(name, str) and name.lower() in _BY_NAME:
            return _BY_NAME[name.lower()]
    return None


def _told_by_columns(record: Mapping[str, object]) -> Table | None:
    filled = frozenset(name for name, value in record.items() if not blank(value))
    action = record.get("actiontype")
    if isinstance(action, str) and action.lower() in _LOGON_ACTIONS:
        return IDENTITY_LOGON_EVENTS if _LOGON.seen_in(filled) else None
    for signs in _SIGNS:
        if signs.seen_in(filled):
            return _newest_name(signs.table, record)
    if "actiontype" in filled and _is_audit(record.get("raweventdata")):
        return CLOUD_APP_EVENTS
    return None


def _newest_name(table: Table, record: Mapping[str, object]) -> Table:
    if table is ENTRA_ID_SIGN_IN_EVENTS and "aaddeviceid" in record:
        return AAD_SIGN_IN_EVENTS_BETA
    return table


def _is_audit(value: object) -> bool:
    record = decoded_object(value)
    return record is not None and "operation" in folded(record)
