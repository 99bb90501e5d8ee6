"""Listings of Exchange's settings: what they tell of the organisation, for the context."""

import enum
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from exconn.configuration import Listing
from exconn.context import Context
from exconn.errors import InvalidValueError
from exconn.ingest._cells import OF_EVENTS, UnfitError, folded, text
from exconn.ingest._times import parse_moment
from exconn.models import InboundConnector, OutboundConnector, TransportRule


class Kind(enum.StrEnum):
    """What a listing lists, by the attribute of `Context` that holds it."""

    ACCEPTED_DOMAINS = "accepted_domains"
    BLOCKED_CONNECTORS = "blocked_connectors"
    INBOUND_CONNECTORS = "inbound_connectors"
    OUTBOUND_CONNECTORS = "outbound_connectors"
    TRANSPORT_RULES = "transport_rules"


_TOLD_BY: Mapping[Kind, frozenset[str]] = {
    Kind.ACCEPTED_DOMAINS: frozenset({"domainname", "domaintype"}),
    Kind.BLOCKED_CONNECTORS: frozenset({"connectorid", "reason"}),
    Kind.INBOUND_CONNECTORS: frozenset({"name", "senderdomains", "senderipaddresses"}),
    Kind.OUTBOUND_CONNECTORS: frozenset({"name", "recipientdomains", "smarthosts"}),
    Kind.TRANSPORT_RULES: frozenset({"name", "priority", "state", "setheadername"}),
}
_NOT_A_LISTING = OF_EVENTS | {"actiontype"}
_WHEN = frozenset({"whencreatedutc", "whenchangedutc"})

_TYPE = re.compile(r"\W*(?:System\.(?:Object|String|Collections\.)|Microsoft\.Exchange\.Data\.)")
"""What Export-Csv makes of a list."""

Entry = str | Listing
_READ: Mapping[Kind, Callable[[Mapping[str, object]], Listing]] = {
    Kind.INBOUND_CONNECTORS: InboundConnector.from_properties,
    Kind.OUTBOUND_CONNECTORS: OutboundConnector.from_properties,
    Kind.TRANSPORT_RULES: TransportRule.from_properties,
}


@frozen
class Listed:
    """An entry of a listing."""

    kind: Kind
    entry: Entry


def listed(record: Mapping[str, object]) -> Listed | None:
    """Read a row of a listing of domains, connectors or transport rules; None for others.

    Raises:
        UnfitError: it is one, but has no name, or a CSV has the type of a list in place of it.
    """
    given = folded(record)
    kind = next((kind for kind, names in _TOLD_BY.items() if names <= given.keys()), None)
    if kind is None or not _NOT_A_LISTING.isdisjoint(given):
        return None
    plain = {name: _plain(name, value) for name, value in given.items()}
    if kind is Kind.ACCEPTED_DOMAINS:
        domain = text(plain["domainname"]).strip().lower()
        if not domain:
            raise UnfitError("an accepted domain without a name")
        return Listed(kind, domain)
    if kind is Kind.BLOCKED_CONNECTORS:
        guid = text(plain["connectorid"]).strip().lower()
        if not guid:
            raise UnfitError("a blocked connector without a GUID")
        return Listed(kind, guid)
    if not text(plain["name"]).strip():
        raise UnfitError("a listed connector or rule without a name")
    entry = _READ[kind](plain)
    if any(_TYPE.match(str(value)) for value in entry.to_properties().values()):
        raise UnfitError("a list of which only the type was written: export it as JSON")
    return Listed(kind, entry)


def with_entry(context: Context, new: Listed) -> Context:
    """A context that knows an entry; one of the same GUID or name gives way to it, if no newer.

    Raises:
        UnfitError: the context refuses it.
    """
    known: tuple[Entry, ...] = getattr(context, new.kind.value)
    same = next((entry for entry in known if _are_same(entry, new.entry)), None)
    if same is None:
        entries = [*known, new.entry]
    else:
        latest = same if _is_newer(same, new.entry) else new.entry
        entries = [latest if entry is same else entry for entry in known]
    changed: dict[str, Any] = {new.kind.value: entries}
    try:
        return evolve(context, **changed)
    except InvalidValueError as error:
        raise UnfitError("a listed domain or GUID that is none") from error


def _are_same(one: Entry, other: Entry) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if one.guid and other.guid:
        return one.guid.casefold() == other.guid.casefold()
    return (one.name or "").casefold() == (other.name or "").casefold()


def _is_newer(one: Entry, other: Entry) -> bool:
    sooner, later = (getattr(entry, "when_changed", None) for entry in (other, one))
    return sooner is not None and later is not None and later > sooner


def _plain(name: str, value: object) -> object:
    """A property as Exchange names it, without the objects that PowerShell makes of values."""
    if name in _WHEN:
        return parse_moment(value)
    if isinstance(value, Mapping):
        inner = folded(value)
        return next(
            (inner[key] for key in ("value", "domain", "address", "name") if key in inner), value
        )
    return value
