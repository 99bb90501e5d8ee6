"""Listings of Exchange's settings: what they tell of the organisation, for the context."""

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from exconn.configuration import Listing
from exconn.context import Context
from exconn.ingest._cells import OF_EVENTS, UnfitError, blank, folded, text
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
    Kind.TRANSPORT_RULES: frozenset({"name", "priority", "state"}),
}
_NOT_A_LISTING = OF_EVENTS | {"actiontype"}
_MAY_HAVE = {Kind.BLOCKED_CONNECTORS: frozenset({"createddatetime"})}
"""What also events have, but an entry of this kind may."""

_OF_OTHER_RULES = re.compile(r".*(?:filter|attachment|links|phish|protection)policy")
"""What rules of Defender have that say for whom a policy is."""

_WHEN = frozenset({"whencreatedutc", "whenchangedutc", "whencreated", "whenchanged"})
_BY_HAND = frozenset({"comment", "comments"})
_NO_BLANKS = (
    *("sender_domains", "sender_ip_addresses", "associated_accepted_domains", "ef_skip_ips"),
    *("recipient_domains", "smart_hosts"),
)
_OF_PEOPLE = ("blind_copy_to", "copy_to", "add_to_recipients", "redirect_message_to")

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
    """An entry of a listing.

    Attributes:
        kind: of what listing.
        entry: what it says.
        told: the properties, by folded names, that the listing has something to say of.
    """

    kind: Kind
    entry: Entry
    told: frozenset[str] = frozenset()


def listed(record: Mapping[str, object]) -> Listed | None:
    """Read a row of a listing of domains, connectors or transport rules; None for others.

    Raises:
        UnfitError: it is one, but has no name, or a CSV has the type of a list in place of it, or
            its values in a form that cannot be told apart.
    """
    given = folded(record)
    kind = next((kind for kind, names in _TOLD_BY.items() if names <= given.keys()), None)
    if kind is None or not (_NOT_A_LISTING - _MAY_HAVE.get(kind, frozenset())).isdisjoint(given):
        return None
    if kind is Kind.TRANSPORT_RULES and any(map(_OF_OTHER_RULES.fullmatch, given)):
        return None
    plain = {name: _plain(name, value) for name, value in given.items()}
    plain["whenchangedutc"] = plain.get("whenchangedutc") or plain.get("whenchanged")
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
    if _is_joined(entry):
        raise UnfitError("a list whose values cannot be told apart: export it as JSON")
    told = {name for name in plain if name not in _BY_HAND or not blank(plain[name])}
    return Listed(kind, entry, frozenset(told))


def _is_joined(entry: Listing) -> bool:
    """Whether blanks are left in what has none, or between addresses and names of people."""
    plain = (value for name in _NO_BLANKS for value in getattr(entry, name, None) or ())
    people = (value for name in _OF_PEOPLE for value in getattr(entry, name, None) or ())
    return any(" " in re.sub(" *- *", "-", value) for value in plain) or any(
        "@" in value and " " in value.strip() and "<" not in value for value in people
    )


@define(eq=False)
class Listings:
    """A context to which entries of listings are added.

    Attributes:
        known: the context as it was.
    """

    known: Context
    _entries: dict[Kind, "_Entries"] = field(factory=dict)

    def add(self, new: Listed) -> bool:
        """Take an entry; one of the same GUID or name gives way to it, if no newer.

        What is known of that stays where the listing has nothing to say of it. False where nothing
        changes.

        Raises:
            UnfitError: the context refuses it.
        """
        if new.kind not in self._entries:
            self._entries[new.kind] = _Entries.of(getattr(self.known, new.kind.value))
        return self._entries[new.kind].add(new)

    def context(self) -> Context:
        """The context with all entries."""
        changed: dict[str, Any] = {
            kind.value: entries.entries for kind, entries in self._entries.items()
        }
        return evolve(self.known, **changed)


@define(eq=False)
class _Entries:
    """The entries of one listing, and where those of a name or GUID are."""

    entries: list[Entry] = field(factory=list)
    _places: dict[str, list[int]] = field(factory=dict)

    @classmethod
    def of(cls, known: Iterable[Entry]) -> "_Entries":
        made = cls()
        for entry in known:
            made._keep(entry, len(made.entries))
        return made

    def add(self, new: Listed) -> bool:
        one: dict[str, Any] = {new.kind.value: [new.entry]}
        try:
            [entry] = getattr(Context(**one), new.kind.value)
        except ValueError as error:
            raise UnfitError("a listed domain or GUID that is none") from error
        places = {place for key in _keys(entry) for place in self._places.get(key, ())}
        same = min((p for p in places if _are_same(self.entries[p], entry)), default=None)
        if same is None:
            self._keep(entry, len(self.entries))
            return True
        latest = _latest(self.entries[same], entry, new.told)
        if latest == self.entries[same]:
            return False
        self._keep(latest, same)
        return True

    def _keep(self, entry: Entry, place: int) -> None:
        self.entries[place : place + 1] = [entry]
        for key in _keys(entry):
            places = self._places.setdefault(key, [])
            if place not in places:
                places.append(place)


def _keys(entry: Entry) -> tuple[str, ...]:
    """The texts of which two entries that are the same have one in common."""
    if isinstance(entry, str):
        return (entry,)
    return tuple(text.casefold() for text in (entry.guid, entry.name or "") if text is not None)


def _are_same(one: Entry, other: Entry) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if one.guid and other.guid:
        return one.guid.casefold() == other.guid.casefold()
    return (one.name or "").casefold() == (other.name or "").casefold()


def _latest(known: Entry, new: Entry, told: frozenset[str]) -> Entry:
    """What counts of two entries of the same object; of the known what the new does not tell."""
    if isinstance(known, str) or isinstance(new, str):
        return new
    if known.when_changed and new.when_changed and known.when_changed > new.when_changed:
        return known
    kept = {k: v for k, v in known.to_properties().items() if k.lower() not in told}
    return type(new).from_properties(new.to_properties() | kept)


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
