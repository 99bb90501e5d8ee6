"""What the organisation knows of itself and the logs do not say."""

import ipaddress
import re
import tomllib
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from attrs import asdict, field, fields, frozen

from exconn.errors import ExconnError, InvalidValueError
from exconn.models import InboundConnector, OutboundConnector, TransportRule
from exconn.window import Period, parse_time, utc

_NO_DOMAIN = re.compile(r"[\s@*/:,;]")


def _domains(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise InvalidValueError("context", f"expected several domains, got the text {values!r}")
    domains = {value.strip().lower().removeprefix("@").removeprefix("*.") for value in values}
    for domain in domains:
        if _NO_DOMAIN.search(domain):
            raise InvalidValueError("context", f"expected a domain, got {domain!r}")
    return tuple(sorted(domains - {""}))


def _networks(values: Iterable[str]) -> tuple[str, ...]:
    given = {value.strip() for value in values}
    what = "an address or a network such as 192.0.2.0/24"
    return _read(given, partial(ipaddress.ip_network, strict=False), what)


@frozen(kw_only=True)
class ApprovedChange:
    """A change of a connector that somebody asked for: who may do what, and when.

    Attributes:
        connector: its name; "" for any.
        actor: the UPN or object id of the person or application; "" for any.
        start: from when, inclusive.
        end: until when, exclusive.
        reason: a ticket number, say.
    """

    start: datetime = field(converter=utc)
    end: datetime = field(converter=utc)
    connector: str = ""
    actor: str = ""
    reason: str = ""

    def __attrs_post_init__(self) -> None:
        _ = Period(self.start, self.end)

    def covers(self, names: Iterable[str], actor_names: Iterable[str], when: datetime) -> bool:
        """Whether a change of a connector with these names by this actor is approved."""
        return (
            self.start <= when < self.end
            and (not self.connector or self.connector.casefold() in {n.casefold() for n in names})
            and (not self.actor or self.actor.casefold() in {n.casefold() for n in actor_names})
        )


def _guids(values: Iterable[str]) -> tuple[str, ...]:
    return _read({value.strip().strip("{}").lower() for value in values}, uuid.UUID, "a GUID")


def _read(given: set[str], reader: Callable[[str], object], what: str) -> tuple[str, ...]:
    """Texts in order, without "", that a reader takes."""
    told = sorted(given - {""})
    for value in told:
        try:
            reader(value)
        except ValueError:
            raise InvalidValueError("context", f"expected {what}, got {value!r}") from None
    return tuple(told)


def _approvals(values: Iterable[ApprovedChange]) -> tuple[ApprovedChange, ...]:
    return tuple(values)


def _inbound(values: Iterable[InboundConnector]) -> tuple[InboundConnector, ...]:
    return tuple(values)


def _outbound(values: Iterable[OutboundConnector]) -> tuple[OutboundConnector, ...]:
    return tuple(values)


def _rules(values: Iterable[TransportRule]) -> tuple[TransportRule, ...]:
    return tuple(values)


@frozen(kw_only=True)
class Context:
    """What the organisation knows of itself.

    Attributes:
        accepted_domains: the tenant's own domains. When empty they are inferred from recipients.
        partners: domains of customers, vendors and partners whose mail is expected.
        gateways: addresses or networks (CIDR) of the organisation's own or hired mail relays.
        simulation_vendors: addresses or networks (CIDR) that send phishing simulations. Not
            domains: an attacker chooses those.
        approved_changes: changes that somebody asked for.
        blocked_connectors: GUIDs of connectors that Microsoft blocks, of ``Get-BlockedConnector``.
        inbound_connectors: the listing of ``Get-InboundConnector``.
        outbound_connectors: the listing of ``Get-OutboundConnector``.
        transport_rules: the listing of ``Get-TransportRule``.
    """

    accepted_domains: tuple[str, ...] = field(default=(), converter=_domains)
    partners: tuple[str, ...] = field(default=(), converter=_domains)
    gateways: tuple[str, ...] = field(default=(), converter=_networks)
    simulation_vendors: tuple[str, ...] = field(default=(), converter=_networks)
    approved_changes: tuple[ApprovedChange, ...] = field(default=(), converter=_approvals)
    blocked_connectors: tuple[str, ...] = field(default=(), converter=_guids)
    inbound_connectors: tuple[InboundConnector, ...] = field(default=(), converter=_inbound)
    outbound_connectors: tuple[OutboundConnector, ...] = field(default=(), converter=_outbound)
    transport_rules: tuple[TransportRule, ...] = field(default=(), converter=_rules)

    @property
    def connectors(self) -> tuple[InboundConnector | OutboundConnector, ...]:
        """Every connector that is listed."""
        return (*self.inbound_connectors, *self.outbound_connectors)

    @classmethod
    def from_toml(cls, text: str) -> "Context":
        """Read a context from TOML.

        The keys are the attributes' names; `approved_changes` is an array of tables with
        `start`, `end` (ISO 8601), `connector`, `actor`, `reason`; the listings are arrays of
        tables with Exchange's own property names.

        Raises:
            InvalidValueError: it is not TOML, or has an unknown key or a value of another kind.
        """
        try:
            given = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidValueError("context", f"not TOML: {error}") from None
        known = [attribute.name for attribute in fields(cls)]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise InvalidValueError(
                "context", f"unknown key {unknown[0]!r}; keys: {', '.join(sorted(known))}"
            )
        return cls(
            accepted_domains=_strings(given, "accepted_domains"),
            partners=_strings(given, "partners"),
            gateways=_strings(given, "gateways"),
            simulation_vendors=_strings(given, "simulation_vendors"),
            blocked_connectors=_strings(given, "blocked_connectors"),
            approved_changes=map(_approval, _tables(given, "approved_changes")),
            inbound_connectors=map(
                InboundConnector.from_properties, _tables(given, "inbound_connectors")
            ),
            outbound_connectors=map(
                OutboundConnector.from_properties, _tables(given, "outbound_connectors")
            ),
            transport_rules=map(TransportRule.from_properties, _tables(given, "transport_rules")),
        )

    def to_toml(self) -> str:
        """The same as TOML, which `from_toml` reads."""
        lists = (
            *("accepted_domains", "partners", "gateways", "simulation_vendors"),
            "blocked_connectors",
        )
        lines = [
            f"{name} = {_toml(list(getattr(self, name)))}" for name in lists if getattr(self, name)
        ]
        for change in self.approved_changes:
            told = {name: value for name, value in asdict(change).items() if value != ""}
            lines += _table_lines("approved_changes", told)
        for name in ("inbound_connectors", "outbound_connectors", "transport_rules"):
            for listed in getattr(self, name):
                lines += _table_lines(name, listed.to_properties())
        return "".join(f"{line}\n" for line in lines)


def _table_lines(name: str, values: Mapping[str, object]) -> list[str]:
    return ["", f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in values.items())]


def _toml(value: object) -> str:
    """A value in TOML; a text as a basic string."""
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return f'"{_ACTIVE.sub(_escaped, str(value))}"'


_ACTIVE = re.compile('["\\\\\x00-\x1f\x7f\ud800-\udfff]')
"""What a basic string of TOML cannot hold as it is; halves of characters are in no TOML."""


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in '"\\':
        return f"\\{character}"
    return "\ufffd" if character >= "\ud800" else f"\\u{ord(character):04x}"


def in_networks(address: str, networks: Iterable[str]) -> bool:
    """Whether an address is one of these addresses or lies in one of these networks."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)


def _strings(given: Mapping[str, object], key: str) -> list[str]:
    value = given.get(key, [])
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        return value
    raise InvalidValueError("context", f"{key} must be an array of strings, got {value!r}")


def _tables(given: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = given.get(key, [])
    if isinstance(value, list) and all(isinstance(element, dict) for element in value):
        return value
    raise InvalidValueError("context", f"{key} must be an array of tables ([[{key}]])")


def _approval(table: Mapping[str, object]) -> ApprovedChange:
    unknown = sorted(set(table) - {"start", "end", "connector", "actor", "reason"})
    if unknown or not {"start", "end"} <= set(table):
        raise InvalidValueError(
            "context",
            "an approved change has start and end, and may have connector, actor and reason; "
            f"got {', '.join(map(repr, sorted(table)))}",
        )
    texts = {name: table.get(name, "") for name in ("connector", "actor", "reason")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise InvalidValueError(
                "context", f"{name} of an approved change must be a string, got {value!r}"
            )
    try:
        return ApprovedChange(
            start=_moment(table["start"]),
            end=_moment(table["end"]),
            connector=str(texts["connector"]),
            actor=str(texts["actor"]),
            reason=str(texts["reason"]),
        )
    except ExconnError as error:
        raise InvalidValueError("context", f"approved change: {error}") from None


def _moment(value: object) -> datetime:
    return utc(value) if isinstance(value, datetime) else parse_time(str(value))
