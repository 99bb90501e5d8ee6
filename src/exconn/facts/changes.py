"""Facts of CloudAppEvents: what was done to a connector, by whom, and what else they did."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import field, frozen

from exconn.context import Context
from exconn.facts.domains import is_under
from exconn.facts.fact import Fact, Unit
from exconn.facts.identity import Aliases, Connectors, accounts
from exconn.facts.judgement import ANY_PERIOD, MINIMUM_BASELINE, Judgement
from exconn.facts.queries import (
    actor_deeds,
    connector_changes,
    connector_hours,
    tenant_domains,
)
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    ConnectorChange,
    InboundConnector,
    OutboundConnector,
    TransportRule,
)
from exconn.models.audit import truth
from exconn.models.connector import HYBRID_WIZARD
from exconn.tables import Reads

BEFORE_REMOVAL = timedelta(hours=48)
"""How long before its removal a connector's mail counts as mail that the removal follows."""

BEFORE_PEAK = timedelta(hours=72)
"""How long before the busiest hour a change counts as one that the mail follows."""

BESIDES = timedelta(hours=24)
"""How near to a change another deed of the same actor must be to belong to it."""


@frozen(eq=False)
class Trail:
    """The audit trail: connector changes, and the other deeds that matter, ordered by time."""

    changes: Sequence[ConnectorChange]
    deeds: Sequence[AdminChange]
    connectors: Connectors
    accounts: Aliases = field(init=False)
    _by_connector: Mapping[str, list[ConnectorChange]] = field(init=False)
    _by_actor: Mapping[str, list[AdminChange]] = field(init=False)
    _began: Mapping[str, datetime] = field(init=False)
    _traits: dict[int, frozenset[str]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        grouped: dict[str, list[ConnectorChange]] = {}
        for change in self.changes:
            grouped.setdefault(self.connectors.key(change.connector), []).append(change)
        object.__setattr__(self, "_by_connector", grouped)
        object.__setattr__(self, "accounts", accounts([*self.changes, *self.deeds]))
        by_actor: dict[str, list[AdminChange]] = {}
        for deed in self.deeds:
            by_actor.setdefault(self.accounts.key(deed.actor.key), []).append(deed)
        object.__setattr__(self, "_by_actor", by_actor)
        began: dict[str, datetime] = {}
        for change in acts(self.changes):
            began.setdefault(self.accounts.key(change.actor.key), change.timestamp)
        object.__setattr__(self, "_began", began)

    def names(self) -> set[str]:
        """The keys of all connectors that were changed; a change may name none."""
        return set(self._by_connector) - {""}

    def of(self, connector: str) -> Sequence[ConnectorChange]:
        """All changes of a connector."""
        return self._by_connector.get(connector, ())

    def traits(self, change: ConnectorChange) -> frozenset[str]:
        """The names of the facts for which one of the trail's changes counts."""
        if id(change) not in self._traits:
            self._traits[id(change)] = frozenset(
                name for name, (_, _, counts) in _COUNTED.items() if counts(change)
            )
        return self._traits[id(change)]

    def within(self, judgement: Judgement) -> list[ConnectorChange]:
        """The changes of the judged connector in its window, failed ones too."""
        start, end = judgement.window.start, judgement.window.end
        return [c for c in self.of(judgement.connector) if start <= c.timestamp < end]

    def was_at_it(self, actor: Actor, before: datetime) -> bool:
        """Whether an actor had changed a connector before."""
        first = self._began.get(self.accounts.key(actor.key)) if actor.key else None
        return first is not None and first < before

    def unresolved(self, judgement: Judgement) -> list[ConnectorChange]:
        """Changes in the window of connectors that are told by a GUID which no name is known for.

        Any of them may have changed the judged connector.
        """
        start, end = judgement.window.start, judgement.window.end
        return [
            change
            for key, changes in self._by_connector.items()
            if key != judgement.connector and self.connectors.is_nameless(key)
            for change in acts(changes)
            if start <= change.timestamp < end
        ]

    def by_actors(self, judgement: Judgement) -> list[AdminChange]:
        """What those who changed the judged connector did besides, within a day of a change.

        Also what anybody did in the window to an application that changed it: how it got its
        rights.
        """
        changes = [change for change in acts(self.within(judgement)) if change.actor.key]
        times: dict[str, list[datetime]] = {}
        for change in changes:
            times.setdefault(self.accounts.key(change.actor.key), []).append(change.timestamp)
        found = {
            id(deed): deed
            for actor, moments in times.items()
            for deed in self._by_actor.get(actor, ())
            if _is_near(deed.timestamp, moments)
        }
        applications = {c.actor.key for c in changes if c.actor.kind is ActorKind.APPLICATION}
        if applications:
            found |= {id(deed): deed for deed in self.deeds if _is_about(deed, applications)}
        start, end = judgement.window.start, judgement.window.end
        return [
            deed
            for deed in sorted(found.values(), key=lambda d: (d.timestamp, d.operation, d.target))
            if start <= deed.timestamp < end and deed.succeeded is not False
        ]


def acts(changes: Sequence[ConnectorChange]) -> list[ConnectorChange]:
    """The changes that took effect and that a person or an application made."""
    return [c for c in changes if c.succeeded is not False and c.actor.kind is not ActorKind.SYSTEM]


def _is_near(when: datetime, ordered: Sequence[datetime]) -> bool:
    at = bisect_left(ordered, when - BESIDES)
    return at < len(ordered) and ordered[at] <= when + BESIDES


def _is_about(deed: AdminChange, applications: set[str]) -> bool:
    told = f"{deed.target} {' '.join(deed.parameters.values())}".casefold()
    return not applications.isdisjoint(re.findall(r"[^\s,;:'\"\[\]{}()]+", told))


def _created(change: ConnectorChange) -> bool:
    return change.verb == "New"


def _enabled(change: ConnectorChange) -> bool:
    enabled = change.properties.enabled
    return enabled is not False if change.verb == "New" else change.verb == "Set" and bool(enabled)


def _catch_all(change: ConnectorChange) -> bool:
    properties = change.properties
    if isinstance(properties, InboundConnector):
        return "*" in (properties.sender_domains or ())
    return False


def _no_tls(change: ConnectorChange) -> bool:
    properties = change.properties
    return isinstance(properties, InboundConnector) and properties.require_tls is False


def _unrestricted(change: ConnectorChange) -> bool:
    """Neither certificate nor address restricts who may use the connector after the change."""
    properties = change.properties
    if not isinstance(properties, InboundConnector) or change.verb == "Remove":
        return False
    restrictions = (
        properties.restrict_domains_to_certificate,
        properties.restrict_domains_to_ip_addresses,
    )
    if any(restrictions):
        return False
    return change.verb == "New" or False in restrictions


def _trusted_headers(change: ConnectorChange) -> bool:
    return change.properties.trusts_headers


def _filtering_bypassed(change: ConnectorChange) -> bool:
    properties = change.properties
    return isinstance(properties, InboundConnector) and bool(
        properties.treat_messages_as_internal
        or properties.ef_skip_last_ip
        or properties.ef_skip_ips
    )


def _hybrid_wizard(change: ConnectorChange) -> bool:
    return (change.properties.connector_source or "").casefold() == HYBRID_WIZARD


def _hand_made(change: ConnectorChange) -> bool:
    return change.verb == "New" and not _hybrid_wizard(change)


def _new_smart_host(change: ConnectorChange) -> bool:
    properties = change.properties
    return isinstance(properties, OutboundConnector) and bool(properties.smart_hosts)


def _new_addresses(change: ConnectorChange) -> bool:
    properties = change.properties
    return (
        change.verb == "Set"
        and isinstance(properties, InboundConnector)
        and bool(properties.sender_ip_addresses)
    )


_HARMLESS = {
    *("identity", "comment", "confirm", "force", "erroraction", "warningaction", "verbose"),
    *("whatif", "domaincontroller"),
}
_RESTRICTING = {
    "enabled": False,
    "requiretls": True,
    "restrictdomainstocertificate": True,
    "restrictdomainstoipaddresses": True,
}


def _routine(change: ConnectorChange) -> bool:
    """It describes, restricts or disables the connector, or removes it, and nothing else."""
    if change.verb != "Set":
        return change.verb == "Remove"
    return not _telling(change)


def _telling(change: ConnectorChange) -> dict[str, str]:
    """What a change sets that neither describes, restricts nor disables the connector."""
    passed = [(name.casefold(), value) for name, value in change.parameters.items()]
    return {
        name: value
        for name, value in passed
        if name not in _HARMLESS
        and not (name in _RESTRICTING and truth(value) is _RESTRICTING[name])
    }


def _renews_certificate(change: ConnectorChange, own: frozenset[str]) -> bool:
    """Besides what is routine it names a certificate of one of these domains, and no more."""
    telling = _telling(change) if change.verb == "Set" else {}
    names = [value.strip().casefold().removeprefix("*.") for value in telling.values()]
    return set(telling) == {"tlssendercertificatename"} and is_under(names[0], own)


_CHANGES = connector_changes(ANY_PERIOD)
_WHAT = _CHANGES.reads("ActionType", "RawEventData")
_WHO = _WHAT | _CHANGES.reads("AccountObjectId")
_WHAT_AND_PEAK = _WHAT | connector_hours(ANY_PERIOD).reads("Messages")
_DEEDS = _WHO | actor_deeds(ANY_PERIOD).reads("ActionType", "AccountObjectId", "RawEventData")

_COUNTED: Mapping[str, tuple[str, Reads, Callable[[ConnectorChange], bool]]] = {
    "changes": ("Changes by a person or an application.", _WHAT, lambda _: True),
    "created": ("Creations of the connector.", _WHAT, _created),
    "modified": ("Changes of its settings.", _WHAT, lambda c: c.verb == "Set"),
    "removed": ("Removals of the connector.", _WHAT, lambda c: c.verb == "Remove"),
    "enabled": ("Changes that created it enabled or switched it on.", _WHAT, _enabled),
    "changes_by_application": (
        "Changes made by an application or service principal.",
        _WHO,
        lambda c: c.actor.kind is ActorKind.APPLICATION,
    ),
    "changes_by_unknown": (
        "Changes whose record names neither account nor application.",
        _WHO,
        lambda c: not c.actor.key,
    ),
    "catch_all": ("Changes that open it to every sender domain.", _WHAT, _catch_all),
    "no_tls": ("Changes that let it accept mail without TLS.", _WHAT, _no_tls),
    "unrestricted": (
        "Changes that leave it restricted by neither certificate nor address.",
        _WHAT,
        _unrestricted,
    ),
    "trusted_headers": (
        "Changes, not by the hybrid wizard, that make it trust the sender's own headers.",
        _WHAT,
        _trusted_headers,
    ),
    "filtering_bypassed": (
        "Changes that make its mail bypass spam filtering, or hide where it came from.",
        _WHAT,
        _filtering_bypassed,
    ),
    "hand_made": ("Creations by hand or script, not by the hybrid wizard.", _WHAT, _hand_made),
    "hybrid_wizard": ("Changes made by the hybrid configuration wizard.", _WHAT, _hybrid_wizard),
    "routine_changes": (
        "Changes that describe, restrict, disable or remove it, and do nothing else.",
        _WHAT,
        _routine,
    ),
    "new_smart_hosts": ("Changes that route outbound mail to a host.", _WHAT, _new_smart_host),
    "new_addresses": ("Changes of the addresses that may send through it.", _WHAT, _new_addresses),
}

CHANGE_FACTS: tuple[Fact, ...] = (
    *(Fact(name, Unit.CHANGES, about, reads) for name, (about, reads, _) in _COUNTED.items()),
    Fact(
        "own_certificates",
        Unit.CHANGES,
        "Changes of the certificate to one of the tenant's own domains, which do nothing else but "
        "what is routine. Null where the tenant's domains are not known.",
        _WHAT | tenant_domains(ANY_PERIOD).reads("Domain", "First", "Last"),
    ),
    Fact(
        "unresolved_changes",
        Unit.CHANGES,
        "Changes of connectors that are told by a GUID for which no name is known: any of them may "
        "have been of this one. A listing of connectors in the context tells.",
        _WHAT,
    ),
    Fact("failed_changes", Unit.CHANGES, "Attempts at a change that failed.", _WHAT),
    Fact("system_changes", Unit.CHANGES, "Changes by Microsoft's own services.", _WHO),
    Fact(
        "approved_changes",
        Unit.CHANGES,
        "Changes that the organisation's context lists as approved.",
        _WHO,
    ),
    Fact("unapproved_changes", Unit.CHANGES, "Changes that it does not.", _WHO),
    Fact(
        "changes_by_newcomers",
        Unit.CHANGES,
        "Changes by somebody who changed no connector before the window. Null where the audit log "
        "does not reach back seven days before it.",
        _WHO,
        past=True,
    ),
    Fact(
        "transport_rules",
        Unit.CHANGES,
        "Changes of transport rules by those who changed the connector, within a day of it.",
        _DEEDS,
    ),
    Fact(
        "header_rules",
        Unit.CHANGES,
        "Of them, those that strip or set headers, or tell the filter that mail is not spam.",
        _DEEDS,
    ),
    Fact(
        "grants",
        Unit.CHANGES,
        "Roles, permissions and credentials given by those who changed the connector, within a day "
        "of it, or to the application that did.",
        _DEEDS,
    ),
    Fact(
        "removals_after_mail",
        Unit.CHANGES,
        "Removals of the connector within 48 hours after its busiest hour in the window.",
        _WHAT_AND_PEAK,
    ),
    Fact(
        "changes_before_peak",
        Unit.CHANGES,
        "Changes other than removals in the 72 hours up to the window's busiest hour.",
        _WHAT_AND_PEAK,
    ),
)
"""The facts of CloudAppEvents. Changes count if they took effect, and were made by a person or an
application, except where the fact says otherwise."""


def change_facts(
    judgement: Judgement,
    trail: Trail,
    context: Context,
    own: frozenset[str],
    peak: datetime | None,
    since: datetime | None,
) -> dict[str, int | None]:
    """The facts of CloudAppEvents about one judgement.

    Args:
        judgement: the connector and the window.
        trail: the audit trail.
        context: what the organisation knows of itself.
        own: the tenant's domains; none where they are not known.
        peak: the busiest hour of the window; None without mail.
        since: when the audit log begins; None where there is none.
    """
    every = trail.within(judgement)
    effective = acts(every)
    approved = [change for change in effective if is_approved(change, trail, context)]
    deeds = trail.by_actors(judgement)
    rules = [deed for deed in deeds if "transportrule" in deed.operation.casefold()]
    traits = Counter(name for change in effective for name in trail.traits(change))
    facts: dict[str, int | None] = {name: traits[name] for name in _COUNTED}
    start = judgement.window.start
    reaches_back = since is not None and since <= start - MINIMUM_BASELINE
    newcomers = sum(not trail.was_at_it(change.actor, start) for change in effective)
    return facts | {
        "own_certificates": (
            sum(_renews_certificate(change, own) for change in effective) if own else None
        ),
        "changes_by_newcomers": newcomers if reaches_back else None,
        "unresolved_changes": len(trail.unresolved(judgement)),
        "failed_changes": sum(change.succeeded is False for change in every),
        "system_changes": sum(change.actor.kind is ActorKind.SYSTEM for change in every),
        "approved_changes": len(approved),
        "unapproved_changes": len(effective) - len(approved),
        "transport_rules": len(rules),
        "header_rules": sum(
            TransportRule.from_properties(rule.parameters).weakens_filtering for rule in rules
        ),
        "grants": len(deeds) - len(rules),
        "removals_after_mail": sum(
            change.verb == "Remove" and _follows(change.timestamp, peak, BEFORE_REMOVAL)
            for change in effective
        ),
        "changes_before_peak": len(changes_before(effective, peak)),
    }


def changes_before(
    changes: Sequence[ConnectorChange], peak: datetime | None
) -> list[ConnectorChange]:
    """The changes, other than removals, that the busiest hour follows."""
    if peak is None:
        return []
    peak_end = peak + timedelta(hours=1)
    return [
        change
        for change in changes
        if change.verb != "Remove" and peak - BEFORE_PEAK <= change.timestamp < peak_end
    ]


def is_approved(change: ConnectorChange, trail: Trail, context: Context) -> bool:
    """Whether the organisation's context lists the change as approved."""
    key = trail.connectors.key(change.connector)
    actor = (change.actor.id, change.actor.name)
    return any(
        approval.covers(
            {*change.aliases, key, *_keyed(trail, approval.connector, key)}, actor, change.timestamp
        )
        for approval in context.approved_changes
    )


def _keyed(trail: Trail, name: str, key: str) -> tuple[str, ...]:
    return (name,) if name and trail.connectors.key(name) == key else ()


def _follows(when: datetime, peak: datetime | None, within: timedelta) -> bool:
    return peak is not None and peak <= when < peak + within
