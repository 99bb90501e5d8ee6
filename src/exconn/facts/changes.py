"""Facts of CloudAppEvents: what was done to a connector, by whom, and what else they did."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from exconn.context import Context
from exconn.facts.fact import Fact, Unit
from exconn.facts.judgement import MINIMUM_BASELINE, Judgement
from exconn.facts.queries import actor_deeds
from exconn.facts.reads import (
    ANY_PERIOD,
    CONNECTOR_CHANGES,
    CONNECTOR_HOURS,
    TENANT_DOMAINS,
)
from exconn.facts.trail import Trail, acts, is_approved
from exconn.facts.traits import TRAITS, renews_certificate
from exconn.models import ActorKind, ConnectorChange, TransportRule

BEFORE_REMOVAL = timedelta(hours=48)
"""How long before its removal a connector's mail counts as mail that the removal follows."""

BEFORE_PEAK = timedelta(hours=72)
"""How long before the busiest hour a change counts as one that the mail follows."""

_WHAT = CONNECTOR_CHANGES.reads("ActionType", "RawEventData")
_WHO = _WHAT | CONNECTOR_CHANGES.reads("AccountObjectId")
_WHAT_AND_PEAK = _WHAT | CONNECTOR_HOURS.reads("Messages")
_DEEDS = _WHO | actor_deeds(ANY_PERIOD).reads("ActionType", "AccountObjectId", "RawEventData")

CHANGE_FACTS: tuple[Fact, ...] = (
    *(
        Fact(name, Unit.CHANGES, trait.about, _WHO if trait.by_whom else _WHAT)
        for name, trait in TRAITS.items()
    ),
    Fact(
        "own_certificates",
        Unit.CHANGES,
        "Changes of the certificate to one of the tenant's own domains, which do nothing else but "
        "what is routine. Null where the tenant's domains are not known.",
        _WHAT | TENANT_DOMAINS.reads("Domain", "First", "Last"),
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
    facts: dict[str, int | None] = {name: traits[name] for name in TRAITS}
    start = judgement.window.start
    reaches_back = since is not None and since <= start - MINIMUM_BASELINE
    newcomers = sum(not trail.was_at_it(change.actor, start) for change in effective)
    return facts | {
        "own_certificates": (
            sum(renews_certificate(change, own) for change in effective) if own else None
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


def _follows(when: datetime, peak: datetime | None, within: timedelta) -> bool:
    return peak is not None and peak <= when < peak + within
