"""What a connector was like before it was changed, as far as audit log and listing tell."""

import enum
from collections.abc import Iterable, Mapping

from exconn.facts.trail import acts
from exconn.models import ConnectorChange, InboundConnector, OutboundConnector
from exconn.models.audit import truth
from exconn.models.changes import is_guid
from exconn.window import Period


class Kind(enum.Enum):
    """How a cmdlet takes a setting."""

    SWITCH = enum.auto()
    LIST = enum.auto()
    TEXT = enum.auto()


_COMMON: Mapping[str, Kind] = {
    "Name": Kind.TEXT,
    "Enabled": Kind.SWITCH,
    "ConnectorType": Kind.TEXT,
    "ConnectorSource": Kind.TEXT,
    "Comment": Kind.TEXT,
    "CloudServicesMailEnabled": Kind.SWITCH,
}
INBOUND: Mapping[str, Kind] = {
    **_COMMON,
    "SenderDomains": Kind.LIST,
    "SenderIPAddresses": Kind.LIST,
    "AssociatedAcceptedDomains": Kind.LIST,
    "TrustedOrganizations": Kind.LIST,
    "RequireTls": Kind.SWITCH,
    "RestrictDomainsToCertificate": Kind.SWITCH,
    "RestrictDomainsToIPAddresses": Kind.SWITCH,
    "TlsSenderCertificateName": Kind.TEXT,
    "TreatMessagesAsInternal": Kind.SWITCH,
    "EFSkipLastIP": Kind.SWITCH,
    "EFSkipIPs": Kind.LIST,
    "EFUsers": Kind.LIST,
    "EFSkipMailGateway": Kind.LIST,
    "EFTestMode": Kind.SWITCH,
    "ClientHostNames": Kind.LIST,
    "ScanAndDropRecipients": Kind.LIST,
}
"""The settings of inbound connectors, as the parameters of New-InboundConnector are called."""

OUTBOUND: Mapping[str, Kind] = {
    **_COMMON,
    "RecipientDomains": Kind.LIST,
    "SmartHosts": Kind.LIST,
    "UseMXRecord": Kind.SWITCH,
    "TlsSettings": Kind.TEXT,
    "TlsDomain": Kind.TEXT,
    "MtaStsMode": Kind.TEXT,
    "SmtpDaneMode": Kind.TEXT,
    "AllAcceptedDomains": Kind.SWITCH,
    "RouteAllMessagesViaOnPremises": Kind.SWITCH,
    "IsTransportRuleScoped": Kind.SWITCH,
    "SenderRewritingEnabled": Kind.SWITCH,
    "TestMode": Kind.SWITCH,
}
"""The settings of outbound connectors, as the parameters of New-OutboundConnector are called."""

SETTINGS: Mapping[str, Kind] = {**INBOUND, **OUTBOUND}
"""The settings of connectors of either kind. No other parameter of a record becomes a setting."""

# What a creation leaves where it does not say. CloudServicesMailEnabled is not among them: the
# value that is documented for it would open the connector, and that is not restored on a guess.
_CREATED: Mapping[str, Mapping[str, str]] = {
    "Inbound": {
        "Enabled": "True",
        "ConnectorSource": "Default",
        "Comment": "",
        "SenderIPAddresses": "",
        "AssociatedAcceptedDomains": "",
        "TrustedOrganizations": "",
        "RequireTls": "True",
        "RestrictDomainsToCertificate": "False",
        "RestrictDomainsToIPAddresses": "False",
        "TlsSenderCertificateName": "",
        "TreatMessagesAsInternal": "False",
        "EFSkipLastIP": "False",
        "EFSkipIPs": "",
        "EFUsers": "",
    },
    "Outbound": {
        "Enabled": "True",
        "ConnectorSource": "Default",
        "Comment": "",
        "RecipientDomains": "",
        "SmartHosts": "",
        "UseMXRecord": "True",
        "TlsSettings": "",
        "TlsDomain": "",
        "MtaStsMode": "Opportunistic",
        "SmtpDaneMode": "Opportunistic",
        "AllAcceptedDomains": "False",
        "RouteAllMessagesViaOnPremises": "False",
        "IsTransportRuleScoped": "False",
        "SenderRewritingEnabled": "False",
        "TestMode": "False",
    },
}
_SPELT = {name.casefold(): name for name in SETTINGS}


def shape_before(
    changes: Iterable[ConnectorChange],
    period: Period,
    listed: InboundConnector | OutboundConnector | None = None,
) -> Mapping[str, str | None]:
    """The former values of exactly the settings that a period's changes set, by parameter.

    A value is None where nothing tells it, and "" where it was empty. What took effect before the
    period counts, whoever did it; of the period, what a person or an application did.

    Args:
        changes: of one connector, at any time, in one direction.
        period: in which the changes to undo lie.
        listed: the connector in a listing; it counts if it was not changed since the period began.
    """
    ordered = sorted(changes, key=lambda change: change.timestamp)
    within = [change for change in acts(ordered) if period.start <= change.timestamp < period.end]
    known = _known(ordered, period, listed)
    former: dict[str, str | None] = {}
    for change in within:
        for setting in _settings(change):
            former.setdefault(setting, _name_before(change) if setting == "Name" else None)
    former |= {name: known[name] for name in former if _is_readable(name, known.get(name))}
    return {setting: former[setting] for setting in SETTINGS if setting in former}


def _known(
    ordered: Iterable[ConnectorChange],
    period: Period,
    listed: InboundConnector | OutboundConnector | None,
) -> Mapping[str, str]:
    """The settings at the start of the period."""
    told = listed.when_changed if listed is not None else None
    is_former = told is not None and told < period.start
    known: Mapping[str, str] = _listing(listed) if listed is not None and is_former else {}
    for change in ordered:
        is_told = told is not None and is_former and change.timestamp <= told
        if change.timestamp < period.start and change.succeeded is not False and not is_told:
            known = _after(change, known)
    return known


def _after(change: ConnectorChange, known: Mapping[str, str]) -> Mapping[str, str]:
    match change.verb:
        case "New":
            return {**_CREATED[change.direction], **_settings(change)}
        case "Remove":
            return {}
        case _:
            return {**known, **_settings(change)}


def _settings(change: ConnectorChange) -> dict[str, str]:
    """The settings that a change passes; the name only where it changes it."""
    found = {
        _SPELT[name.casefold()]: value.strip()
        for name, value in change.parameters.items()
        if name.casefold() in _SPELT
    }
    if change.verb == "Set" and change.new_name is None:
        found.pop("Name", None)
    return found


def _is_readable(setting: str, value: str | None) -> bool:
    return value is not None and (SETTINGS[setting] is not Kind.SWITCH or truth(value) is not None)


def _name_before(change: ConnectorChange) -> str | None:
    return None if is_guid(change.connector) else change.connector


def _listing(listed: InboundConnector | OutboundConnector) -> Mapping[str, str]:
    row = (
        InboundConnector.to_frame([listed])
        if isinstance(listed, InboundConnector)
        else OutboundConnector.to_frame([listed])
    ).row(0, named=True)
    return {
        name: ";".join(value) if isinstance(value, list) else str(value)
        for name, value in row.items()
        if value is not None
    }
