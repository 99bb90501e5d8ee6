"""What single changes of a connector do: what each says of itself, without any other."""

from collections.abc import Callable, Mapping

from attrs import frozen

from exconn.facts.domains import is_under
from exconn.models import ActorKind, ConnectorChange, InboundConnector, OutboundConnector
from exconn.models.audit import truth
from exconn.models.connector import HYBRID_WIZARD


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


def renews_certificate(change: ConnectorChange, own: frozenset[str]) -> bool:
    """Besides what is routine it names a certificate of one of these domains, and no more."""
    telling = _telling(change) if change.verb == "Set" else {}
    names = [value.strip().casefold().removeprefix("*.") for value in telling.values()]
    return set(telling) == {"tlssendercertificatename"} and is_under(names[0], own)


@frozen
class Trait:
    """Something that a change may do or be.

    Attributes:
        about: which changes have it.
        counts: whether a change does.
        by_whom: whether that depends on who made it.
    """

    about: str
    counts: Callable[[ConnectorChange], bool]
    by_whom: bool = False


TRAITS: Mapping[str, Trait] = {
    "changes": Trait("Changes by a person or an application.", lambda _: True),
    "created": Trait("Creations of the connector.", _created),
    "modified": Trait("Changes of its settings.", lambda c: c.verb == "Set"),
    "removed": Trait("Removals of the connector.", lambda c: c.verb == "Remove"),
    "enabled": Trait("Changes that created it enabled or switched it on.", _enabled),
    "changes_by_application": Trait(
        "Changes made by an application or service principal.",
        lambda c: c.actor.kind is ActorKind.APPLICATION,
        by_whom=True,
    ),
    "changes_by_unknown": Trait(
        "Changes whose record names neither account nor application.",
        lambda c: not c.actor.key,
        by_whom=True,
    ),
    "catch_all": Trait("Changes that open it to every sender domain.", _catch_all),
    "no_tls": Trait("Changes that let it accept mail without TLS.", _no_tls),
    "unrestricted": Trait(
        "Changes that leave it restricted by neither certificate nor address.", _unrestricted
    ),
    "trusted_headers": Trait(
        "Changes, not by the hybrid wizard, that make it trust the sender's own headers.",
        _trusted_headers,
    ),
    "filtering_bypassed": Trait(
        "Changes that make its mail bypass spam filtering, or hide where it came from.",
        _filtering_bypassed,
    ),
    "hand_made": Trait("Creations by hand or script, not by the hybrid wizard.", _hand_made),
    "hybrid_wizard": Trait("Changes made by the hybrid configuration wizard.", _hybrid_wizard),
    "routine_changes": Trait(
        "Changes that describe, restrict, disable or remove it, and do nothing else.", _routine
    ),
    "new_smart_hosts": Trait("Changes that route outbound mail to a host.", _new_smart_host),
    "new_addresses": Trait("Changes of the addresses that may send through it.", _new_addresses),
}
"""By the names of the facts that count them."""


def traits_of(change: ConnectorChange) -> frozenset[str]:
    """The names of the traits that a change has."""
    return frozenset(name for name, trait in TRAITS.items() if trait.counts(change))
