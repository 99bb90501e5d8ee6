"""Strategies for hypothesis: records, raw frames and evidence that try to break things.

Values come from small pools, so that rows meet: the same connector, domain and account occur
again and again, in different letter case. Beside the realistic values stand those that break
naive code: separators inside names, quotes, line breaks, NUL, bidi controls, letters whose lower
case is longer, addresses without ``@``, times a microsecond beside a full hour.
"""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import polars as pl
from attrs import fields
from hypothesis import strategies as st

from exconn.models import (
    Actor,
    ActorKind,
    Alert,
    ConnectorChange,
    Email,
    InboundConnector,
    Logon,
    OutboundConnector,
    TransportRule,
)
from exconn.models._record import MANY, WHEN, Record
from exconn.tables import (
    CLOUD_APP_EVENTS,
    EMAIL_EVENTS,
    IDENTITY_LOGON_EVENTS,
    TIME,
    Column,
    KqlType,
    Table,
)
from exconn.window import TICK, iso

_R = TypeVar("_R", bound=Record)
_L = TypeVar("_L", InboundConnector, OutboundConnector, TransportRule)

_NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)

_CONNECTORS = (
    "Relay",
    "Inbound from Contoso",
    "relay;backup",
    "a, b",
    "Relay \u00dcbersee",
    "\u0130stanbul",
    "Stra\u00dfe",
    "\u03a3\u03a3",
    'say "relay"',
    "it's",
)
_DOMAINS = (
    "contoso.example",
    "mail.contoso.example",
    "notcontoso.example",
    "fabrikam.example",
    "bounce.em.fabrikam.example",
    "b\u00fccher.example",
    "localhost",
)
_ADDRESSES = (
    "ada@contoso.example",
    "bob@mail.contoso.example",
    "info@fabrikam.example",
    '"odd@local"@fabrikam.example',
    "no-domain",
    "empty@",
    "@contoso.example",
)
_NETWORK_ADDRESSES = ("192.0.2.7", "198.51.100.20", "2001:db8::7", "::ffff:192.0.2.7")
_GUIDS = (
    "6b1d0d0c-1111-4bbb-8ccc-000000000001",
    "6b1d0d0c-2222-4bbb-8ccc-00000000000a",
    "6b1d0d0c-3333-4bbb-8ccc-00000000000f",
)
_STRANGE = (
    " ",
    "0",
    "null",
    "line\r\nbreak",
    "tab\there",
    "nul\x00",
    "\u202egpj.exe",
    "e\u0301",
    "\U0001f4e7",
    "back\\slash",
    "`tick`",
    '{"',
    "[1",
    "@{Name=x; Value=y}",
    "$true",
    "';--",
    "%_*?",
)
_OPERATIONS = (
    "New-InboundConnector",
    "Set-InboundConnector",
    "Remove-InboundConnector",
    "New-OutboundConnector",
    "Set-OutboundConnector",
    "Remove-OutboundConnector",
)
_ACTIONS = (*_OPERATIONS, "New-TransportRule", "Set-Mailbox", "Consent to application.")
_POOLS: Mapping[str, tuple[str, ...]] = {
    "Connectors": (*_CONNECTORS, "Relay;Inbound from Contoso", "Relay, Stra\u00dfe"),
    "Connector": _CONNECTORS,
    "RecipientDomain": _DOMAINS,
    "SenderFromDomain": _DOMAINS,
    "SenderMailFromDomain": _DOMAINS,
    "SenderFromAddress": _ADDRESSES,
    "SenderMailFromAddress": _ADDRESSES,
    "RecipientEmailAddress": _ADDRESSES,
    "AccountUpn": _ADDRESSES,
    "IPAddress": _NETWORK_ADDRESSES,
    "SenderIPv4": _NETWORK_ADDRESSES[:2],
    "SenderIPv6": _NETWORK_ADDRESSES[2:],
    "NetworkMessageId": _GUIDS,
    "SenderObjectId": _GUIDS,
    "AccountObjectId": _GUIDS,
    "ReportId": _GUIDS,
    "ActionType": _ACTIONS,
    "AccountType": ("Regular", "Admin", "Application", "System"),
    "ThreatTypes": ("Phish", "Malware", "Spam", "Phish, Malware"),
    "Application": ("Microsoft 365", "Active Directory", "Microsoft Exchange Online"),
    "ISP": ("Office Network", "Microsoft Azure", "Hetzner Online GmbH", "Cheap VPS Hosting"),
    "AuthenticationDetails": (
        '{"SPF":"pass","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}',
        '{"SPF": "fail", "DKIM": "none", "DMARC": "fail"}',
        '{"DKIM":"none","DMARC" : "bestguesspass"}',
        '{"SPF":"pass","DMARC":"none"}',
    ),
    "Location": ("FR", "DE"),
    "Country": ("FR", "DE"),
    "To": ('["ada@contoso.example"]', "[]"),
    "Cc": ('["info@fabrikam.example"]', "[]"),
}
_PROPERTY_TEXTS = (*_CONNECTORS, *_GUIDS[:1], "Partner", "OnPremises", "-1", "X-Spam", "")
_PROPERTY_ITEMS = ("*", *_DOMAINS[:3], *_NETWORK_ADDRESSES, "192.0.2.0/24", "ada@contoso.example")


def emails() -> st.SearchStrategy[Email]:
    """Rows of EmailEvents as records. They survive `to_frame` and `from_frame` unchanged."""
    return _records(Email)


def logons() -> st.SearchStrategy[Logon]:
    """Rows of IdentityLogonEvents as records. They survive `to_frame` and `from_frame`."""
    return _records(Logon)


def alerts() -> st.SearchStrategy[Alert]:
    """Alerts. They survive `to_frame` and `from_frame`; the connector's name is not empty."""
    return _records(Alert, connector=st.sampled_from(_CONNECTORS))


def connector_changes() -> st.SearchStrategy[ConnectorChange]:
    """Connectors created, changed, renamed and removed, by all kinds of actors.

    They survive `to_frame` and `from_frame`, as long as their audit ids differ.
    """
    return st.builds(
        ConnectorChange,
        timestamp=_moments(),
        operation=st.sampled_from(_OPERATIONS),
        parameters=_parameters(),
        actor=_actors(),
        address=st.sampled_from(("", "192.0.2.7", "2001:db8::7", "mail.contoso.example")),
        target=st.sampled_from(("", *_GUIDS[:1], "contoso.example\\Relay", *_CONNECTORS)),
        country=st.sampled_from(("", "FR", "DE")),
        city=_texts(),
        isp=_texts(),
        user_agent=_texts(),
        succeeded=st.sampled_from((None, True, False)),
        audit_id=st.uuids().map(str),
        report_id=_texts(_GUIDS),
    )


def inbound_connectors() -> st.SearchStrategy[InboundConnector]:
    """Listings of inbound connectors. Any property may be absent."""
    return _listed(InboundConnector)


def outbound_connectors() -> st.SearchStrategy[OutboundConnector]:
    """Listings of outbound connectors. Any property may be absent."""
    return _listed(OutboundConnector)


def transport_rules() -> st.SearchStrategy[TransportRule]:
    """Listings of transport rules. Any property may be absent."""
    return _listed(TransportRule)


def rows(
    table: Table, *, columns: Collection[str] | None = None
) -> st.SearchStrategy[dict[str, object]]:
    """Raw rows of a table, a value or None for each column.

    Args:
        table: whose rows.
        columns: the columns to fill; all when None.
    """
    names = table.names if columns is None else tuple(columns)
    return st.fixed_dictionaries({name: _values(table[name]) for name in names})


@st.composite
def frames(
    draw: st.DrawFn,
    table: Table,
    min_size: int = 0,
    max_size: int = 6,
    *,
    columns: Collection[str] | None = None,
) -> pl.DataFrame:
    """Raw frames of a table, as exports have them; `conform` makes them fit.

    They have all columns or a few, in any order; nulls and "" side by side; rows that occur twice;
    numbers, flags and times as such or as text.

    Args:
        draw: given by hypothesis; leave it out.
        table: whose rows.
        min_size: the least number of rows.
        max_size: the greatest number of rows.
        columns: exactly the columns to have; when None, all or a few are drawn.
    """
    names = list(columns) if columns is not None else draw(_some_columns(table))
    drawn = draw(
        st.lists(rows(table, columns=names), min_size=min(min_size, max_size), max_size=max_size)
    )
    if drawn and len(drawn) < max_size and draw(st.booleans()):
        drawn.append(drawn[0])
    as_text = draw(st.booleans())
    schema = {name: _raw_type(table[name], as_text=as_text) for name in names}
    cells = [[_raw_value(row[name], as_text=as_text) for name in names] for row in drawn]
    return pl.DataFrame(cells, schema=schema, orient="row")


def evidence(max_size: int = 4) -> st.SearchStrategy[dict[str, pl.DataFrame]]:
    """Small frames of the three tables that the playbook reads; any of them may be missing.

    Args:
        max_size: the greatest number of rows of a table.
    """
    tables = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
    return st.fixed_dictionaries(
        {}, optional={table.name: frames(table, 0, max_size) for table in tables}
    )


def _records(cls: type[_R], **given: st.SearchStrategy[object]) -> st.SearchStrategy[_R]:
    columns = {
        name: cls.TABLE[column] for name, column in cls.columns().items() if name not in given
    }
    made = {name: _canonical(column) for name, column in columns.items()}
    return st.builds(cls, **made, **given)


def _listed(cls: type[_L]) -> st.SearchStrategy[_L]:
    kinds: dict[object, st.SearchStrategy[object]] = {
        pl.String(): st.sampled_from(_PROPERTY_TEXTS),
        pl.Boolean(): st.booleans(),
        MANY: st.lists(st.sampled_from(_PROPERTY_ITEMS), max_size=3).map(tuple),
        WHEN: _moments(),
    }
    made = {field.name: st.none() | kinds[field.metadata["dtype"]] for field in fields(cls)}
    return st.builds(cls, **made)


def _parameters() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "Identity": st.sampled_from((*_CONNECTORS, "contoso.example\\Relay", _GUIDS[0])),
            "Name": st.sampled_from(_CONNECTORS),
            "Enabled": st.sampled_from(("True", "False", "$true")),
            "SenderDomains": st.sampled_from(("smtp:*;1", "smtp:contoso.example;1", "")),
            "SenderIPAddresses": st.sampled_from(("192.0.2.7", "192.0.2.7;198.51.100.20")),
            "RequireTls": st.sampled_from(("True", "False")),
            "Comment": _texts(),
        },
    )


def _actors() -> st.SearchStrategy[Actor]:
    people = st.builds(
        Actor,
        kind=st.just(ActorKind.PERSON),
        id=st.sampled_from(("", *_GUIDS)),
        name=st.sampled_from(_ADDRESSES),
    )
    applications = st.builds(
        Actor,
        kind=st.just(ActorKind.APPLICATION),
        id=st.sampled_from(_GUIDS),
        name=st.sampled_from((*_GUIDS, "Mail Tool")),
    )
    systems = st.builds(
        Actor,
        kind=st.just(ActorKind.SYSTEM),
        id=st.sampled_from(("", *_GUIDS)),
        name=st.sampled_from(("NT AUTHORITY\\SYSTEM (w3wp)", "Provisioning")),
    )
    return people | applications | systems


def _some_columns(table: Table) -> st.SearchStrategy[list[str]]:
    few = st.lists(st.sampled_from(table.names), min_size=1, max_size=6, unique=True)
    few = few.map(lambda names: [table.time, *(name for name in names if name != table.time)])
    return few | st.just(list(table.names))


def _moments() -> st.SearchStrategy[datetime]:
    near = st.builds(
        lambda hours, ticks: _NOON + hours * _HOUR + ticks * TICK,
        st.integers(-24 * 40, 24 * 8),
        st.sampled_from((0, 1, -1, 1_500_000_000)),
    )
    return near | st.just(datetime(1970, 1, 1, tzinfo=UTC))


def _texts(pool: Collection[str] = ()) -> st.SearchStrategy[str]:
    free = st.text(st.characters(codec="utf-8"), max_size=4)
    return st.sampled_from(("", *pool, *_STRANGE)) | free


def _canonical(column: Column) -> st.SearchStrategy[object]:
    """Values that `conform` leaves as they are."""
    match column.type:
        case KqlType.DATETIME:
            return _moments()
        case KqlType.BOOL:
            return st.none() | st.booleans()
        case KqlType.INT | KqlType.LONG:
            return st.none() | _numbers(column.type)
        case KqlType.REAL:
            return st.none() | st.floats(allow_nan=False)
        case _:
            known = {value.lower() for value in column.values}
            return _texts((*column.values, *_POOLS.get(column.name, ()))).filter(
                lambda text: text in column.values or text.lower() not in known
            )


def _values(column: Column) -> st.SearchStrategy[object]:
    """Values as raw exports have them: also None, and enumerations and names in any case."""
    if column.name == "RawEventData":
        return st.none() | _raw_events()
    if column.type.dtype != pl.String:
        return st.none() | _canonical(column)
    pool = (*column.values, *_POOLS.get(column.name, ()))
    cased = tuple(dict.fromkeys(form(text) for text in pool for form in _FORMS))
    plain: st.SearchStrategy[object] = _texts(cased)
    likely = st.sampled_from((*cased, "")) if cased else plain
    return likely | st.none() | plain


def _as_it_is(text: str) -> str:
    return text


_FORMS: tuple[Callable[[str], str], ...] = (_as_it_is, str.upper, str.lower)


def _numbers(kind: KqlType) -> st.SearchStrategy[int]:
    limit = 2**31 if kind is KqlType.INT else 2**63
    return st.integers(0, 3) | st.sampled_from((-1, limit - 1, -limit))


def _raw_events() -> st.SearchStrategy[str]:
    return st.builds(
        _raw_event,
        st.sampled_from(_ACTIONS),
        _parameters(),
        st.sampled_from((_listed_parameters, _quoted_parameters, dict)),
        st.sampled_from((None, "True", "False", "Failed", "Succeeded", "")),
        st.sampled_from((None, 0, 2, 3, 4, 5, 6, "Admin", "Application", "ServicePrincipal")),
    ) | st.sampled_from(("", "{}", "null", "{", "[]"))


def _raw_event(
    operation: str,
    parameters: Mapping[str, str],
    shape: Callable[[Mapping[str, str]], object],
    status: str | None,
    user_type: int | str | None,
) -> str:
    record = {
        "Operation": operation,
        "Parameters": shape(parameters),
        "ResultStatus": status,
        "UserType": user_type,
    }
    return json.dumps(record, ensure_ascii=False)


def _listed_parameters(parameters: Mapping[str, str]) -> object:
    return [{"Name": name, "Value": value} for name, value in parameters.items()]


def _quoted_parameters(parameters: Mapping[str, str]) -> object:
    return json.dumps(_listed_parameters(parameters), indent=2)


def _raw_type(column: Column, *, as_text: bool) -> pl.DataType:
    if as_text:
        return pl.String()
    return TIME if column.type is KqlType.DATETIME else column.type.dtype


def _raw_value(value: object, *, as_text: bool) -> object:
    if value is None or not as_text or isinstance(value, str):
        return value
    return iso(value) if isinstance(value, datetime) else str(value)
