"""Strategies for hypothesis: records, raw frames and evidence.

Values come from small pools, so that rows meet: the same connector, domain and account occur
again and again. What else there is, a `Profile` says: `REALISTIC` rows are as a tidy export has
them; `ADVERSARIAL` ones, which all strategies draw unless told otherwise, try to break things.
"""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import polars as pl
from attrs import fields
from hypothesis import strategies as st

from exconn.detectors.connector import CONNECTOR_OPERATIONS
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
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
from exconn.testing import _words as words
from exconn.testing.profiles import ADVERSARIAL, Profile
from exconn.window import TICK, iso

_R = TypeVar("_R", bound=Record)
_C = TypeVar("_C", bound=AdminChange)
_L = TypeVar("_L", InboundConnector, OutboundConnector, TransportRule)

_NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_EDGES = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
_ASCII = st.text("abcdefghijklmnopqrstuvwxyz 0123456789", max_size=4)


def emails(profile: Profile = ADVERSARIAL) -> st.SearchStrategy[Email]:
    """Rows of EmailEvents as records. They survive `to_frame` and `from_frame` unchanged."""
    return _records(Email, profile)


def logons(profile: Profile = ADVERSARIAL) -> st.SearchStrategy[Logon]:
    """Rows of IdentityLogonEvents as records. They survive `to_frame` and `from_frame`."""
    return _records(Logon, profile)


def alerts(profile: Profile = ADVERSARIAL) -> st.SearchStrategy[Alert]:
    """Alerts. They survive `to_frame` and `from_frame`; the connector's name is not empty."""
    return _records(Alert, profile, connector=_connectors(profile))


def connector_changes(profile: Profile = ADVERSARIAL) -> st.SearchStrategy[ConnectorChange]:
    """Connectors created, changed, renamed and removed, by all kinds of actors.

    They survive `to_frame` and `from_frame`, as long as their audit ids differ.
    """
    return _changes(ConnectorChange, CONNECTOR_OPERATIONS, profile)


def admin_changes(profile: Profile = ADVERSARIAL) -> st.SearchStrategy[AdminChange]:
    """Administrative acts of any kind, of which some are on connectors.

    They survive `to_frame` and `from_frame`, as long as their audit ids differ.
    """
    return _changes(AdminChange, words.OPERATIONS, profile)


def actors(profile: Profile = ADVERSARIAL) -> st.SearchStrategy[Actor]:
    """People, applications and systems. An application has an id, others may have none."""
    people = st.builds(
        Actor,
        kind=st.just(ActorKind.PERSON),
        id=st.sampled_from(("", *words.GUIDS)),
        name=st.sampled_from(words.ADDRESSES + (words.ODD_ADDRESSES if profile.strange else ())),
    )
    applications = st.builds(
        Actor,
        kind=st.just(ActorKind.APPLICATION),
        id=st.sampled_from(words.GUIDS),
        name=st.sampled_from((*words.GUIDS, "Mail Tool")),
    )
    systems = st.builds(
        Actor,
        kind=st.just(ActorKind.SYSTEM),
        id=st.sampled_from(("", *words.GUIDS)),
        name=st.sampled_from(("NT AUTHORITY\\SYSTEM (w3wp)", "Provisioning")),
    )
    return people | applications | systems


def inbound_connectors(
    profile: Profile = ADVERSARIAL,
) -> st.SearchStrategy[InboundConnector]:
    """Listings of inbound connectors. Any property may be absent."""
    return _listed(InboundConnector, profile)


def outbound_connectors(
    profile: Profile = ADVERSARIAL,
) -> st.SearchStrategy[OutboundConnector]:
    """Listings of outbound connectors. Any property may be absent."""
    return _listed(OutboundConnector, profile)


def transport_rules(
    profile: Profile = ADVERSARIAL,
) -> st.SearchStrategy[TransportRule]:
    """Listings of transport rules. Any property may be absent."""
    return _listed(TransportRule, profile)


def rows(
    table: Table,
    *,
    columns: Collection[str] | None = None,
    profile: Profile = ADVERSARIAL,
    given: Mapping[str, st.SearchStrategy[object]] | None = None,
) -> st.SearchStrategy[dict[str, object]]:
    """Raw rows of a table, a value or None for each column.

    Args:
        table: whose rows.
        columns: the columns to fill; all when None.
        profile: what else there is.
        given: columns whose values are drawn from something of your own.

    Raises:
        UnknownColumnError: the table has no such column.
    """
    names = table.names if columns is None else tuple(columns)
    given = given or {}
    drawn = {
        name: given[name] if name in given else _values(table[name], profile)
        for name in (*names, *(name for name in given if name not in names))
    }
    made = st.fixed_dictionaries(drawn)
    return made if profile.strange else made.map(lambda row: _coherent(row, given))


@st.composite
def frames(
    draw: st.DrawFn,
    table: Table,
    min_size: int = 0,
    max_size: int = 6,
    *,
    columns: Collection[str] | None = None,
    profile: Profile = ADVERSARIAL,
    given: Mapping[str, st.SearchStrategy[object]] | None = None,
) -> pl.DataFrame:
    """Raw frames of a table, as exports have them; `conform` makes them fit.

    As the profile says, they have all columns or a few, in any order; nulls and "" side by side;
    rows that occur twice; numbers, flags and times as such or as text.

    Args:
        draw: given by hypothesis; leave it out.
        table: whose rows.
        min_size: the least number of rows.
        max_size: the greatest number of rows.
        columns: exactly the columns to have; when None, all, or a few where the profile has gaps.
        profile: what else there is.
        given: columns whose values are drawn from something of your own; the frame has them too.

    Raises:
        UnknownColumnError: the table has no such column.
    """
    if columns is None:
        columns = draw(_some_columns(table)) if profile.gaps else table.names
    names = [*columns, *(name for name in given or {} if name not in columns)]
    row = rows(table, columns=names, profile=profile, given=given)
    drawn = draw(st.lists(row, min_size=min(min_size, max_size), max_size=max_size))
    if profile.duplicates and drawn and len(drawn) < max_size and draw(st.booleans()):
        drawn.append(drawn[0])
    as_text = profile.as_text and draw(st.booleans())
    schema = {name: _raw_type(table[name], as_text=as_text) for name in names}
    cells = [[_raw_value(row[name], as_text=as_text) for name in names] for row in drawn]
    return pl.DataFrame(cells, schema=schema, orient="row")


def evidence(
    max_size: int = 4,
    *,
    tables: Collection[Table] = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS),
    profile: Profile = ADVERSARIAL,
) -> st.SearchStrategy[dict[str, pl.DataFrame]]:
    """Small frames of several tables, by name; where the profile has gaps, any may be missing.

    Args:
        max_size: the greatest number of rows of a table.
        tables: which; those that the playbook reads when left out.
        profile: what else there is.

    Raises:
        TypeError: `tables` are not `Table`s.
    """
    for table in tables:
        if not isinstance(table, Table):
            raise TypeError(f"expected tables such as exconn.tables.EMAIL_EVENTS, got {table!r}")
    held = {table.name: frames(table, 0, max_size, profile=profile) for table in tables}
    return st.fixed_dictionaries({}, optional=held) if profile.gaps else st.fixed_dictionaries(held)


def _records(
    cls: type[_R], profile: Profile, **own: st.SearchStrategy[object]
) -> st.SearchStrategy[_R]:
    named = {name: column for name, column in cls.columns().items() if name not in own}
    cells = {column: _canonical(cls.TABLE[column], profile) for column in named.values()}
    drawn = st.fixed_dictionaries(cells)
    if not profile.strange:
        drawn = drawn.map(lambda row: _coherent(row, {}))
    return st.builds(
        lambda row, **rest: cls(**{name: row[c] for name, c in named.items()}, **rest), drawn, **own
    )


def _changes(cls: type[_C], operations: Collection[str], profile: Profile) -> st.SearchStrategy[_C]:
    strange = profile.strange
    return st.builds(
        cls,
        timestamp=_moments(profile),
        operation=st.sampled_from(tuple(operations)),
        parameters=_parameters(profile),
        actor=actors(profile),
        address=st.sampled_from(
            ("", *words.NETWORK_ADDRESSES, *(("mail.contoso.example",) if strange else ()))
        ),
        target=st.just("")
        | st.sampled_from((words.GUIDS[0], "contoso.example\\Relay"))
        | _connectors(profile),
        country=st.sampled_from(("", "FR", "DE")),
        city=_texts(profile),
        isp=_texts(profile),
        user_agent=_texts(profile),
        succeeded=st.sampled_from((None, True, False)),
        audit_id=st.uuids().map(str),
        report_id=_texts(profile, words.GUIDS),
    )


def _listed(cls: type[_L], profile: Profile) -> st.SearchStrategy[_L]:
    kinds: dict[object, st.SearchStrategy[object]] = {
        pl.String(): _connectors(profile) | st.sampled_from(words.PROPERTY_TEXTS),
        pl.Boolean(): st.booleans(),
        MANY: st.lists(st.sampled_from(words.PROPERTY_ITEMS), max_size=3).map(tuple),
        WHEN: _moments(profile),
    }
    made = {field.name: st.none() | kinds[field.metadata["dtype"]] for field in fields(cls)}
    return st.builds(cls, **made)


def _connectors(profile: Profile) -> st.SearchStrategy[str]:
    odd = words.ODD_CONNECTORS if profile.strange else ()
    return st.sampled_from((*words.CONNECTORS, *odd))


def _parameters(profile: Profile) -> st.SearchStrategy[dict[str, str]]:
    identities = st.sampled_from(("contoso.example\\Relay", words.GUIDS[0]))
    return st.fixed_dictionaries(
        {},
        optional={
            "Identity": _connectors(profile) | identities,
            "Name": _connectors(profile),
            "Enabled": st.sampled_from(("True", "False", "$true")),
            "SenderDomains": st.sampled_from(("smtp:*;1", "smtp:contoso.example;1", "")),
            "SenderIPAddresses": st.sampled_from(("192.0.2.7", "192.0.2.7;198.51.100.20")),
            "RequireTls": st.sampled_from(("True", "False")),
            "Comment": _texts(profile),
        },
    )


def _some_columns(table: Table) -> st.SearchStrategy[list[str]]:
    few = st.lists(st.sampled_from(table.names), min_size=1, max_size=6, unique=True)
    few = few.map(lambda names: [table.time, *(name for name in names if name != table.time)])
    return few | st.just(list(table.names))


def _moments(profile: Profile) -> st.SearchStrategy[datetime]:
    usual = st.integers(-40 * 24 * 60, 8 * 24 * 60).map(lambda minutes: _NOON + minutes * _MINUTE)
    if profile.edges:
        usual = st.builds(
            lambda hours, ticks: _NOON + hours * _HOUR + ticks * TICK,
            st.integers(-24 * 40, 24 * 8),
            st.sampled_from((0, 1, -1)),
        )
    if profile.skew:
        clocks = st.sampled_from((timedelta(0), profile.skew, -profile.skew))
        usual = st.builds(lambda time, off: time + off, usual, clocks)
    return usual | st.sampled_from(_EDGES) if profile.edges else usual


def _texts(profile: Profile, pool: Collection[str] = ()) -> st.SearchStrategy[str]:
    if not profile.strange:
        return st.sampled_from(("", *pool)) if pool else st.just("") | _ASCII
    free = st.text(st.characters(codec="utf-8"), max_size=4)
    return st.sampled_from(("", *pool, *words.STRANGE)) | free


def _pool(column: Column, profile: Profile) -> tuple[str, ...]:
    odd = words.ODD.get(column.name, ()) if profile.strange else ()
    return (*column.values, *words.USUAL.get(column.name, ()), *odd)


def _canonical(column: Column, profile: Profile) -> st.SearchStrategy[object]:
    """Values that `conform` leaves as they are."""
    match column.type:
        case KqlType.DATETIME:
            return _moments(profile)
        case KqlType.BOOL:
            return st.none() | st.booleans()
        case KqlType.INT | KqlType.LONG:
            return st.none() | _numbers(column.type, profile)
        case KqlType.REAL:
            return st.none() | st.floats(allow_nan=False)
        case _:
            known = {value.lower() for value in column.values}
            return _texts(profile, _pool(column, profile)).filter(
                lambda text: text in column.values or text.lower() not in known
            )


def _values(column: Column, profile: Profile) -> st.SearchStrategy[object]:
    """Values as raw exports have them: also None, and enumerations and names in any case."""
    nothing = st.none() if profile.nulls else st.nothing()
    if column.name == "RawEventData":
        return nothing | _raw_events(profile)
    if column.type.dtype != pl.String:
        return nothing | _canonical(column, profile)
    forms = _FORMS if profile.cases else _FORMS[:1]
    pool = tuple(dict.fromkeys(form(text) for text in _pool(column, profile) for form in forms))
    likely = st.sampled_from((*pool, "")) if pool else st.nothing()
    return likely | nothing | _texts(profile, pool)


def _as_it_is(text: str) -> str:
    return text


_FORMS: tuple[Callable[[str], str], ...] = (_as_it_is, str.upper, str.lower)


def _numbers(kind: KqlType, profile: Profile) -> st.SearchStrategy[int]:
    limit = 2**31 if kind is KqlType.INT else 2**63
    usual = st.integers(0, 3)
    return usual | st.sampled_from((-1, limit - 1, -limit)) if profile.edges else usual


def _raw_events(profile: Profile) -> st.SearchStrategy[str]:
    records = st.builds(
        _raw_event,
        st.sampled_from(words.OPERATIONS),
        _parameters(profile),
        st.sampled_from((_listed_parameters, _quoted_parameters, dict)),
        st.sampled_from((None, "True", "False", "Failed", "Succeeded", "")),
        st.sampled_from((None, 0, 2, 3, 4, 5, 6, "Admin", "Application", "ServicePrincipal")),
    )
    return records | st.sampled_from(("", "{}", "null", "{", "[]")) if profile.strange else records


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


def _coherent(row: Mapping[str, object], given: Collection[str]) -> dict[str, object]:
    """A row whose columns do not contradict each other; what is given stays as it is."""
    told = dict(row)
    for domain, address in words.DOMAIN_OF.items():
        if {domain, address} <= told.keys() and domain not in given:
            told[domain] = str(told[address] or "").rpartition("@")[2].lower()
    raw, operation = told.get("RawEventData"), told.get("ActionType")
    if isinstance(raw, str) and operation and "RawEventData" not in given:
        record = {**json.loads(raw), "Operation": operation}
        told["RawEventData"] = json.dumps(record, ensure_ascii=False)
    return told


def _raw_type(column: Column, *, as_text: bool) -> pl.DataType:
    if as_text:
        return pl.String()
    return TIME if column.type is KqlType.DATETIME else column.type.dtype


def _raw_value(value: object, *, as_text: bool) -> object:
    if value is None or not as_text or isinstance(value, str):
        return value
    return iso(value) if isinstance(value, datetime) else str(value)
