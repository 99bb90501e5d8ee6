"""Risky configuration, told by the listings of connectors and transport rules alone."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from attrs import frozen

from exconn.context import Context
from exconn.models import InboundConnector, OutboundConnector, TransportRule

Listing = InboundConnector | OutboundConnector | TransportRule
_Listed = TypeVar("_Listed", InboundConnector, OutboundConnector, TransportRule)

_WIDEST = 256
"""More addresses than this are more than one organisation's relays: the /24 that Exchange takes."""


@frozen
class Risk:
    """A setting that an attacker would want, or has made.

    Attributes:
        kind: ``inbound connector``, ``outbound connector`` or ``transport rule``.
        name: of the connector or rule.
        id: which risk it is.
        what: the setting, in a sentence.
        why: what it lets happen.
        to_do: what to do about it.
        in_force: whether the connector or rule is switched on; None when the listing does not say.
    """

    kind: str
    name: str
    id: str
    what: str
    why: str
    to_do: str
    in_force: bool | None


@frozen
class _Rule(Generic[_Listed]):
    """A risk, and which listings have it."""

    id: str
    holds: Callable[[_Listed], bool]
    what: str
    why: str
    to_do: str


_INBOUND: Sequence[_Rule[InboundConnector]] = (
    _Rule(
        "anyone",
        lambda listed: not listed.is_restricted,
        "Neither a certificate nor addresses say who may use it.",
        "Whoever reaches Exchange Online can send through it, as the organisation.",
        "Restrict it to the certificate or the addresses of the servers that it is for.",
    ),
    _Rule(
        "wide-network",
        lambda listed: any(
            _size(network) > _WIDEST for network in listed.sender_ip_addresses or ()
        ),
        "It takes mail from a network of more than 256 addresses.",
        "Such networks are a provider's: other customers of it can send through the connector.",
        "List the addresses of the servers that it is for.",
    ),
    _Rule(
        "no-tls",
        lambda listed: listed.require_tls is False,
        "It takes mail without TLS.",
        "Only addresses, which can be shared or taken over, then tell who sends.",
        "Require TLS, unless the devices behind it cannot.",
    ),
    _Rule(
        "internal",
        lambda listed: bool(listed.treat_messages_as_internal),
        "Its mail counts as internal.",
        "Mail from outside escapes the filter, and looks as if colleagues had sent it.",
        "Switch TreatMessagesAsInternal off, unless all of its mail is the organisation's own.",
    ),
    _Rule(
        "trusted-headers",
        lambda listed: listed.trusts_headers,
        "It trusts the headers of what it receives, and no hybrid wizard made it.",
        "The sender's own headers can then say that mail is internal and not spam.",
        "Switch CloudServicesMailEnabled off, unless it serves a hybrid organisation.",
    ),
)
_OUTBOUND: Sequence[_Rule[OutboundConnector]] = (
    _Rule(
        "all-mail-to-a-host",
        lambda listed: bool(listed.smart_hosts) and "*" in (listed.recipient_domains or ()),
        "All mail to outside goes through a host.",
        "Whoever runs the host reads and may change what the organisation sends.",
        "Check that the host is the organisation's own, or its provider's.",
    ),
    _Rule(
        "host-without-tls",
        lambda listed: bool(listed.smart_hosts) and listed.tls_settings in ("", "EncryptionOnly"),
        "Mail goes to a host whose certificate is not checked.",
        "Who takes the host's place in the network, or its name, gets the mail.",
        "Set TlsSettings to CertificateValidation or DomainValidation.",
    ),
    _Rule(
        "trusted-headers",
        lambda listed: listed.trusts_headers,
        "It keeps Exchange's own headers, and no hybrid wizard made it.",
        "Headers that say what is internal leave the organisation, for whoever gets the mail.",
        "Switch CloudServicesMailEnabled off, unless it serves a hybrid organisation.",
    ),
)
_RULES: Sequence[_Rule[TransportRule]] = (
    _Rule(
        "blinds-the-filter",
        lambda listed: listed.weakens_filtering,
        "It strips or sets headers, or marks mail as not spam.",
        "What the filter and investigators go by is then the rule's word.",
        "Check who asked for it, and that its conditions are narrow; else disable it.",
    ),
    _Rule(
        "copies",
        lambda listed: bool(listed.blind_copy_to or listed.copy_to or listed.redirect_message_to),
        "It copies or redirects mail.",
        "Somebody else gets the mail, and recipients do not see it.",
        "Check who gets it, and who asked for it.",
    ),
    _Rule(
        "routes",
        lambda listed: bool(listed.route_message_outbound_connector),
        "It routes mail through an outbound connector.",
        "The connector's host gets the mail.",
        "Check the connector, and who asked for it.",
    ),
    _Rule(
        "deletes",
        lambda listed: bool(listed.delete_message),
        "It deletes mail.",
        "Replies and warnings can vanish before anybody sees them.",
        "Check its conditions, and who asked for it.",
    ),
)


def risks(context: Context) -> list[Risk]:
    """What is risky about the connectors and transport rules that a context lists.

    No mail is looked at: a setting may be honest, and most of these have honest uses. What a
    listing does not say is no risk.

    Source: `Manage mail flow using connectors
    <https://learn.microsoft.com/exchange/mail-flow-best-practices/use-connectors-to-configure-mail-flow>`_.
    """
    return [
        *(_blocked(g, context.inbound_connectors) for g in context.blocked_connectors),
        *_found("inbound connector", context.inbound_connectors, _INBOUND),
        *_found("outbound connector", context.outbound_connectors, _OUTBOUND),
        *_found("transport rule", context.transport_rules, _RULES),
    ]


def _blocked(guid: str, listings: Sequence[InboundConnector]) -> Risk:
    """That Microsoft blocks a connector, which is told by its GUID only.

    Source: `Remove blocked connectors from the Restricted entities page
    <https://learn.microsoft.com/defender-office-365/connectors-remove-blocked>`_.
    """
    listed = next((one for one in listings if (one.guid or "").casefold() == guid), None)
    return Risk(
        "inbound connector",
        (listed.name if listed else None) or guid,
        "blocked",
        "Microsoft blocks it: it takes it for compromised.",
        "Somebody has sent spam or phishing through it; what it sends is returned (550 5.7.711).",
        "Grade it. Unblock it (Remove-BlockedConnector) only when who did that is locked out.",
        listed.enabled if listed else None,
    )


def _found(
    kind: str, listings: Sequence[_Listed], rules: Sequence[_Rule[_Listed]]
) -> Iterator[Risk]:
    for listed in listings:
        for rule in rules:
            if rule.holds(listed):
                yield Risk(
                    kind, listed.name or "", rule.id, rule.what, rule.why, rule.to_do, _on(listed)
                )


def _on(listed: Listing) -> bool | None:
    if not isinstance(listed, TransportRule):
        return listed.enabled
    return None if listed.state is None else listed.state.casefold() == "enabled"


def _size(network: str) -> int:
    """How many IPv4 addresses a network has, or a range such as ``192.0.2.1-192.0.2.9``."""
    first, _, last = network.partition("-")
    try:
        if last:
            start, end = (int(ipaddress.IPv4Address(ip.strip())) for ip in (first, last))
            return end - start + 1
        return ipaddress.IPv4Network(network.strip(), strict=False).num_addresses
    except ValueError:
        return 0
