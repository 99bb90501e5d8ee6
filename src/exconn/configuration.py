"""Risky configuration, told by the listings of connectors and transport rules alone."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from attrs import field, frozen

from exconn.context import Context
from exconn.models import InboundConnector, OutboundConnector, TransportRule

Listing = InboundConnector | OutboundConnector | TransportRule
_Listed = TypeVar("_Listed", InboundConnector, OutboundConnector, TransportRule)

_WIDEST = 256
"""More addresses than this are more than one organisation's relays: the /24 that Exchange takes."""

_STEERING = ("x-ms-exchange-", "x-forefront-", "x-microsoft-antispam", "x-msfbl")
_TRUSTED = frozenset({"authentication-results", "received-spf", "arc-authentication-results"})
"""Headers that the filter, or whoever looks into mail, goes by."""


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
        in_force: whether the connector or rule does what it says; None when the listing does not
            say. It does not where it is switched off, or only tests or audits.
        settings: what it is judged by, as the listing has it: who gets copies, say.
    """

    kind: str
    name: str
    id: str
    what: str
    why: str
    to_do: str
    in_force: bool | None
    settings: Mapping[str, object] = field(factory=dict)


@frozen
class _Rule(Generic[_Listed]):
    """A risk, which listings have it, and the properties that tell."""

    id: str
    properties: tuple[str, ...]
    holds: Callable[[_Listed], bool]
    what: str
    why: str
    to_do: str


_INBOUND: Sequence[_Rule[InboundConnector]] = (
    _Rule(
        "anyone",
        ("ConnectorType", "SenderDomains", "SenderIPAddresses", "TlsSenderCertificateName"),
        lambda listed: not listed.is_restricted and not _is_partners(listed),
        "Neither a certificate nor addresses say who may use it.",
        "Whoever reaches Exchange Online can send through it, as the organisation.",
        "Restrict it to the certificate or the addresses of the servers that it is for.",
    ),
    _Rule(
        "any-domain",
        ("ConnectorType", "SenderDomains"),
        lambda listed: (
            not listed.is_restricted
            and _is_partners(listed)
            and "*" in (listed.sender_domains or ())
        ),
        "It is a partner's, but takes mail of all domains, from anywhere.",
        "Whoever sends mail is then taken for the partner by rules that go by the connector.",
        "Restrict it to the partner's domains, and to a certificate or addresses.",
    ),
    _Rule(
        "wide-network",
        ("SenderIPAddresses",),
        lambda listed: sum(map(_size, set(listed.sender_ip_addresses or ()))) > _WIDEST,
        "It takes mail from more than 256 addresses.",
        "Such networks are a provider's: other customers of it can send through the connector.",
        "List the addresses of the servers that it is for.",
    ),
    _Rule(
        "no-tls",
        ("RequireTls",),
        lambda listed: listed.require_tls is False,
        "It takes mail without TLS.",
        "Only addresses, which can be shared or taken over, then tell who sends.",
        "Require TLS, unless the devices behind it cannot.",
    ),
    _Rule(
        "internal",
        ("TreatMessagesAsInternal",),
        lambda listed: bool(listed.treat_messages_as_internal),
        "Its mail counts as internal.",
        "Mail from outside escapes the filter, and looks as if colleagues had sent it.",
        "Switch TreatMessagesAsInternal off, unless all of its mail is the organisation's own.",
    ),
    _Rule(
        "trusted-headers",
        ("CloudServicesMailEnabled", "ConnectorSource"),
        lambda listed: bool(listed.cloud_services_mail_enabled),
        "It trusts the headers of what it receives; a wizard as its source can be made up.",
        "The sender's own headers can then say that mail is internal and not spam.",
        "Switch CloudServicesMailEnabled off, unless it serves a hybrid organisation.",
    ),
)
_OUTBOUND: Sequence[_Rule[OutboundConnector]] = (
    _Rule(
        "all-mail-to-a-host",
        ("RecipientDomains", "SmartHosts"),
        lambda listed: bool(listed.smart_hosts) and "*" in (listed.recipient_domains or ()),
        "All mail to outside goes through a host.",
        "Whoever runs the host reads and may change what the organisation sends.",
        "Check that the host is the organisation's own, or its provider's.",
    ),
    _Rule(
        "host-without-tls",
        ("SmartHosts", "TlsSettings"),
        lambda listed: bool(listed.smart_hosts) and listed.tls_settings in ("", "EncryptionOnly"),
        "Mail goes to a host whose certificate is not checked.",
        "Who takes the host's place in the network, or its name, gets the mail.",
        "Set TlsSettings to CertificateValidation or DomainValidation.",
    ),
    _Rule(
        "trusted-headers",
        ("CloudServicesMailEnabled", "ConnectorSource", "SmartHosts"),
        lambda listed: bool(listed.cloud_services_mail_enabled),
        "It keeps Exchange's own headers; a wizard as its source can be made up.",
        "Headers that say what is internal leave the organisation, for whoever gets the mail.",
        "Switch CloudServicesMailEnabled off, unless it serves a hybrid organisation.",
    ),
)
_RULES: Sequence[_Rule[TransportRule]] = (
    _Rule(
        "blinds-the-filter",
        ("RemoveHeader", "SetHeaderName", "SetHeaderValue", "SetSCL"),
        lambda listed: (
            bool(listed.remove_header)
            or _steers(listed.set_header_name or "")
            or (listed.set_scl or "").strip() == "-1"
        ),
        "It strips headers, sets those that the filter goes by, or marks mail as not spam.",
        "What the filter and investigators go by is then the rule's word.",
        "Check who asked for it, and that its conditions are narrow; else disable it.",
    ),
    _Rule(
        "copies",
        ("BlindCopyTo", "CopyTo", "AddToRecipients", "RedirectMessageTo"),
        lambda listed: any(
            (
                listed.blind_copy_to,
                listed.copy_to,
                listed.add_to_recipients,
                listed.redirect_message_to,
            )
        ),
        "It copies or redirects mail.",
        "Somebody else gets the mail, and recipients do not see it.",
        "Check who gets it, and who asked for it.",
    ),
    _Rule(
        "routes",
        ("RouteMessageOutboundConnector",),
        lambda listed: bool(listed.route_message_outbound_connector),
        "It routes mail through an outbound connector.",
        "The connector's host gets the mail.",
        "Check the connector, and who asked for it.",
    ),
    _Rule(
        "deletes",
        ("DeleteMessage",),
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
        told = {name: value for name, value in listed.to_properties().items() if value}
        for rule in rules:
            if rule.holds(listed):
                yield Risk(
                    kind,
                    listed.name or "",
                    rule.id,
                    rule.what,
                    rule.why,
                    rule.to_do,
                    _is_in_force(listed),
                    {name: told[name] for name in rule.properties if name in told},
                )


def _is_in_force(listed: Listing) -> bool | None:
    if isinstance(listed, TransportRule):
        if (listed.mode or "").casefold().startswith("audit"):
            return False
        return None if listed.state is None else listed.state.casefold() == "enabled"
    if isinstance(listed, OutboundConnector) and listed.test_mode:
        return False
    return listed.enabled


def _is_partners(listed: InboundConnector) -> bool:
    """Whether it only says how mail of some domains is to arrive, and lets nobody relay.

    Source: `New-InboundConnector
    <https://learn.microsoft.com/powershell/module/exchange/new-inboundconnector>`_.
    """
    return (listed.connector_type or "").casefold() == "partner"


def _steers(header: str) -> bool:
    """Whether the filter, or whoever looks into mail, goes by a header."""
    name = header.strip().casefold()
    return name.startswith(_STEERING) or name in _TRUSTED


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
