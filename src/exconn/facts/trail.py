"""The audit trail: what was done to connectors, by whom, and what else they did."""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from attrs import field, frozen

from exconn.context import Context
from exconn.facts.identity import Aliases, Connectors, accounts
from exconn.facts.judgement import Judgement
from exconn.facts.traits import traits_of
from exconn.models import Actor, ActorKind, AdminChange, ConnectorChange

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
    _traits: dict[int, frozenset[str]] = field(init=False)

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
        object.__setattr__(self, "_traits", {})

    def names(self) -> set[str]:
        """The keys of all connectors that were changed; a change may name none."""
        return set(self._by_connector) - {""}

    def of(self, connector: str) -> Sequence[ConnectorChange]:
        """All changes of a connector."""
        return self._by_connector.get(connector, ())

    def traits(self, change: ConnectorChange) -> frozenset[str]:
        """The names of the facts for which one of the trail's changes counts."""
        if id(change) not in self._traits:
            self._traits[id(change)] = traits_of(change)
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


def latest(changes: Sequence[ConnectorChange]) -> ConnectorChange | None:
    """The last change that took effect, by a person or an application."""
    return max(acts(changes), key=lambda change: change.timestamp, default=None)


def _is_near(when: datetime, ordered: Sequence[datetime]) -> bool:
    at = bisect_left(ordered, when - BESIDES)
    return at < len(ordered) and ordered[at] <= when + BESIDES


def _is_about(deed: AdminChange, applications: set[str]) -> bool:
    told = f"{deed.target} {' '.join(deed.parameters.values())}".casefold()
    return not applications.isdisjoint(re.findall(r"[^\s,;:'\"\[\]{}()]+", told))


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
