"""What the steps of the runbook are about, and words that they share."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

import polars as pl
from attrs import frozen

from exconn.facts.shape import shape_before
from exconn.facts.trail import acts, latest
from exconn.grading.evidence import Evidence
from exconn.grading.powershell import lines, odata, quote
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    ConnectorChange,
    InboundConnector,
    OutboundConnector,
    TransportRule,
)
from exconn.models.changes import is_guid
from exconn.query import Query, scan
from exconn.tables import EMAIL_EVENTS
from exconn.window import Period, Window, iso

EXCHANGE = "Connect-ExchangeOnline as an Exchange administrator whose account is beyond doubt."
BOTH = ("InboundConnector", "OutboundConnector")
_LISTINGS = {
    "InboundConnector": "Get-InboundConnector",
    # By default those in test mode, and those that only transport rules use, are left out.
    "OutboundConnector": "$false, $true | ForEach-Object { Get-OutboundConnector "
    "-IsTransportRuleScoped $_; Get-OutboundConnector -IsTransportRuleScoped $_ "
    "-IncludeTestModeConnectors $true } | Sort-Object Guid -Unique",
    "TransportRule": "Get-TransportRule",
}
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_INCIDENTAL = {"Name", "Comment", "ConnectorSource"}
_APPLICATION_GRANTS = {
    "consent to application.",
    "add service principal.",
    "add service principal credentials.",
    "update application – certificates and secrets management",  # noqa: RUF001 # as logged
}


@frozen(kw_only=True, eq=False, slots=False)
class Incident:
    """What is known of a graded connector that the runbook needs.

    Attributes:
        connector: as people write it.
        window: when.
        gathered: the evidence.
        suspects: the keys of the actors whose sign-ins before the change were suspicious.
        history: all changes of the connector that the audit log has.
        listed: the connector in the context's listings.
        spelt: the values of `EmailEvents.Connectors` that name it.
        new_addresses: from which its mail of the window came, and none before.
        new_domains: P1 domains of that kind.
    """

    connector: str
    window: Window
    gathered: Evidence
    suspects: frozenset[str] = frozenset()
    history: Sequence[ConnectorChange] = ()
    listed: Sequence[InboundConnector | OutboundConnector] = ()
    spelt: Sequence[str] = ()
    new_addresses: Sequence[str] = ()
    new_domains: Sequence[str] = ()

    @cached_property
    def changes(self) -> Sequence[ConnectorChange]:
        """The changes of the window that took effect."""
        return acts(self.gathered.changes)

    @cached_property
    def nouns(self) -> Sequence[str]:
        """The kinds of connector that it may be; both, where no change tells."""
        directions = {change.direction for change in self.gathered.changes}
        return tuple(f"{direction}Connector" for direction in sorted(directions)) or BOTH

    @property
    def was_removed(self) -> bool:
        """Whether the last change of the window removed it."""
        last = latest(self.gathered.changes)
        return last is not None and last.verb == "Remove"

    @property
    def was_created(self) -> bool:
        """Whether it was made in the window."""
        return any(change.verb == "New" for change in self.changes)

    @property
    def stays(self) -> bool:
        """Whether it was there before the window and still is."""
        return not self.was_created and not self.was_removed

    @cached_property
    def former(self) -> Mapping[str, Mapping[str, str | None]]:
        """The former values of the settings that the window's changes set, by kind of connector."""
        return {noun: self._former(noun) for noun in self.nouns if self.stays}

    @property
    def former_name(self) -> str:
        """What it is called once the changes are reverted."""
        names = [former.get("Name") for former in self.former.values()]
        return next(filter(None, names), self.connector)

    @property
    def is_told_by_guid(self) -> bool:
        """Whether what it is called is its GUID, and not a name that looks like one."""
        names = {change.connector for change in self.history if change.verb == "New"}
        names |= {change.new_name or "" for change in self.history}
        is_named = self.connector.casefold() in {name.casefold() for name in names}
        return is_guid(self.connector) and bool(self.history) and not is_named

    @property
    def is_disabled(self) -> bool:
        """Whether containing it takes more than to revert the changes.

        To revert them is enough where all former values are known, and some decide on mail.
        """
        return not self.stays or not all(
            None not in former.values() and former.keys() - _INCIDENTAL
            for former in self.former.values()
        )

    def _former(self, noun: str) -> Mapping[str, str | None]:
        direction = noun.removesuffix("Connector")
        kind = InboundConnector if direction == "Inbound" else OutboundConnector
        listed = next((found for found in self.listed if isinstance(found, kind)), None)
        changes = [change for change in self.history if change.direction == direction]
        return shape_before(changes, Period(self.window.start, self.window.end), listed)

    @cached_property
    def people(self) -> Sequence[Actor]:
        """The people who changed the connector."""
        return self._actors(ActorKind.PERSON)

    @property
    def suspected_people(self) -> list[Actor]:
        """Those who signed in suspiciously before."""
        return [actor for actor in self.people if actor.key in self.suspects]

    @property
    def trusted_people(self) -> list[Actor]:
        """Those who did not."""
        return [actor for actor in self.people if actor.key not in self.suspects]

    @cached_property
    def applications(self) -> Sequence[str]:
        """The applications that changed the connector or were given rights: ids, or else names."""
        found = [actor.id or actor.name for actor in self._actors(ActorKind.APPLICATION)]
        found += [
            principal(deed)
            for deed in self.gathered.deeds
            if deed.operation.strip().casefold() in _APPLICATION_GRANTS
        ]
        return tuple({name.casefold(): name for name in found if name}.values())

    @cached_property
    def rules(self) -> Sequence[str]:
        """The names of the transport rules that blind the filter or lead mail astray.

        Without those that were removed since.
        """
        harmful = {
            _rule_name(deed)
            for deed in self.gathered.deeds
            if "transportrule" in deed.operation.casefold() and _is_harmful(deed)
        }
        gone = {
            _rule_name(deed)
            for deed in self.gathered.deeds
            if deed.operation.casefold() == "remove-transportrule"
        }
        return sorted(harmful - gone - {""})

    def mail(self) -> Query:
        """The connector's mail since the window began; there may be more after its end."""
        return scan(EMAIL_EVENTS).filter(
            pl.col("Timestamp") >= self.window.start,
            pl.col("Connectors").is_in(list(self.spelt) or [self.connector]),
        )

    def _actors(self, kind: ActorKind) -> list[Actor]:
        found = {
            change.actor.key: change.actor
            for change in self.changes
            if change.actor.kind is kind and change.actor.key
        }
        return [found[key] for key in sorted(found)]


def graph(scopes: str) -> str:
    """The precondition of a command of Microsoft Graph."""
    return f"Connect-MgGraph -Scopes {scopes}, as an administrator whose account is beyond doubt."


def listing(noun: str) -> str:
    """A command that lists all objects of a kind."""
    return _LISTINGS[noun]


def named(noun: str, name: str, then: str = "") -> str:
    """A command for what has exactly this name, but for case.

    A name is never an -Identity, for which it could be a pattern, or mean something else.
    """
    return f"{listing(noun)} | Where-Object Name -eq {quote(name)}{then}"


def each(
    incident: Incident, then: Callable[[str], str], nouns: Sequence[str] = (), name: str = ""
) -> str:
    """A command for the connector, of a kind that may not be known.

    Args:
        incident: names the connector.
        then: what follows the search for it, given the noun.
        nouns: the kinds, where they are not the incident's own.
        name: the connector's name, where it is not what it is called now.
    """
    wanted = name or incident.connector
    if incident.is_told_by_guid and wanted == incident.connector:
        found = [
            f"{listing(noun)} | Where-Object Guid -eq {quote(wanted)}{then(noun)}"
            for noun in nouns or incident.nouns
        ]
    else:
        found = [named(noun, wanted, then(noun)) for noun in nouns or incident.nouns]
    return "; ".join(found)


def by_guid(command: str, passed: str = "") -> str:
    """What follows a search: a command for each object found, which its GUID tells."""
    arguments = f" {passed}" if passed else ""
    return f" | ForEach-Object {{ {command} -Identity $_.Guid{arguments} }}"


def hunt_for(query: Query) -> str:
    """A command that runs a query in advanced hunting; its rows are dictionaries."""
    found = f"Start-MgSecurityHuntingQuery -Query {lines(query.to_kql())}"
    return f"({found}).Results.AdditionalProperties"


def service_principal(application: str) -> str:
    """A command that finds an application by its id, its object's id or its name."""
    test = "appId eq '{0}' or id eq '{0}'" if is_guid(application) else "displayName eq '{0}'"
    return f'Get-MgServicePrincipal -Filter ("{test}" -f {odata(application)})'


def principal(deed: AdminChange) -> str:
    """Whom or what an act of the directory was about: a GUID that it names, or a name."""
    named = deed.target or deed.parameters.get("Identity", "")
    found = _GUID.search(named)
    return found[0] if found else named.strip()


def moment(value: datetime) -> str:
    """A PowerShell expression for a time."""
    return f"([datetime]{quote(iso(value))}).ToUniversalTime()"


def account(actor: Actor) -> str:
    """How Graph finds a person."""
    return quote(actor.id or actor.name)


def mailbox(actor: Actor) -> str:
    """How Exchange and the audit log find a person."""
    return quote(actor.name or actor.id)


def _rule_name(deed: AdminChange) -> str:
    return deed.parameters.get("Name") or deed.parameters.get("Identity") or deed.target


def _is_harmful(deed: AdminChange) -> bool:
    rule = TransportRule.from_properties(deed.parameters)
    astray = (rule.blind_copy_to, rule.copy_to, rule.add_to_recipients, rule.redirect_message_to)
    return (
        rule.weakens_filtering
        or any(astray)
        or bool(rule.route_message_outbound_connector)
        or bool(rule.delete_message)
    )
