"""The words that strategies draw from: usual ones, and odd ones that break naive code."""

from collections.abc import Mapping, Sequence

from exconn.detectors.connector import CONNECTOR_OPERATIONS

CONNECTORS = ("Relay", "Inbound from Contoso", "Scan to mail")
ODD_CONNECTORS = (
    "relay;backup",
    "a, b",
    "Relay \u00dcbersee",
    "\u0130stanbul",
    "Stra\u00dfe",
    "\u03a3\u03a3",
    'say "relay"',
    "it's",
)
DOMAINS = (
    "contoso.example",
    "mail.contoso.example",
    "notcontoso.example",
    "fabrikam.example",
    "bounce.em.fabrikam.example",
)
_ODD_DOMAINS = ("b\u00fccher.example", "localhost")
ADDRESSES = ("ada@contoso.example", "bob@mail.contoso.example", "info@fabrikam.example")
ODD_ADDRESSES = (
    '"odd@local"@fabrikam.example',
    "no-domain",
    "empty@",
    "@contoso.example",
)
NETWORK_ADDRESSES = ("192.0.2.7", "198.51.100.20", "2001:db8::7")
_ODD_NETWORK_ADDRESSES = ("::ffff:192.0.2.7",)
GUIDS = (
    "6b1d0d0c-1111-4bbb-8ccc-000000000001",
    "6b1d0d0c-2222-4bbb-8ccc-00000000000a",
    "6b1d0d0c-3333-4bbb-8ccc-00000000000f",
)
STRANGE = (
    " ",
    "0",
    "null",
    "line\r\nbreak",
    "tab\there",
    "nul\x00",
    "\u202egpj.exe",
    "e\u0301",
    "\U0001f4e7",
    "back\\slash",
    "`tick`",
    '{"',
    "[1",
    "@{Name=x; Value=y}",
    "$true",
    "';--",
    "%_*?",
)
OPERATIONS = (
    *CONNECTOR_OPERATIONS,
    "New-TransportRule",
    "Set-Mailbox",
    "Consent to application.",
)
PROPERTY_TEXTS = (GUIDS[0], "Partner", "OnPremises", "-1", "X-Spam", "")
PROPERTY_ITEMS = ("*", *DOMAINS[:3], *NETWORK_ADDRESSES, "192.0.2.0/24", "ada@contoso.example")
USUAL: Mapping[str, Sequence[str]] = {
    "Connectors": CONNECTORS,
    "Connector": CONNECTORS,
    "RecipientDomain": DOMAINS,
    "SenderFromDomain": DOMAINS,
    "SenderMailFromDomain": DOMAINS,
    "SenderFromAddress": ADDRESSES,
    "SenderMailFromAddress": ADDRESSES,
    "RecipientEmailAddress": ADDRESSES,
    "AccountUpn": ADDRESSES,
    "IPAddress": NETWORK_ADDRESSES,
    "SenderIPv4": NETWORK_ADDRESSES[:2],
    "SenderIPv6": NETWORK_ADDRESSES[2:],
    "NetworkMessageId": GUIDS,
    "SenderObjectId": GUIDS,
    "AccountObjectId": GUIDS,
    "ReportId": GUIDS,
    "ActionType": OPERATIONS,
    "AccountType": ("Regular", "Admin", "Application", "System"),
    "ThreatTypes": ("Phish", "Malware", "Spam", "Phish, Malware"),
    "Application": ("Microsoft 365", "Active Directory", "Microsoft Exchange Online"),
    "ISP": ("Office Network", "Microsoft Azure", "Hetzner Online GmbH", "Cheap VPS Hosting"),
    "AuthenticationDetails": (
        '{"SPF":"pass","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}',
        '{"SPF": "fail", "DKIM": "none", "DMARC": "fail"}',
        '{"DKIM":"none","DMARC" : "bestguesspass"}',
        '{"SPF":"pass","DMARC":"none"}',
    ),
    "Location": ("FR", "DE"),
    "Country": ("FR", "DE"),
    "CountryCode": ("FR", "DE"),
    "To": ('["ada@contoso.example"]', "[]"),
    "Cc": ('["info@fabrikam.example"]', "[]"),
    "Subject": ("Invoice 4711", "Re: Offsite", "Your parcel"),
}
"""What columns hold, by name."""

ODD: Mapping[str, Sequence[str]] = {
    "Connectors": (*ODD_CONNECTORS, "Relay;Inbound from Contoso", "Relay, Stra\u00dfe"),
    "Connector": ODD_CONNECTORS,
    "RecipientDomain": _ODD_DOMAINS,
    "SenderFromDomain": _ODD_DOMAINS,
    "SenderMailFromDomain": _ODD_DOMAINS,
    "SenderFromAddress": ODD_ADDRESSES,
    "SenderMailFromAddress": ODD_ADDRESSES,
    "RecipientEmailAddress": ODD_ADDRESSES,
    "AccountUpn": ODD_ADDRESSES,
    "IPAddress": _ODD_NETWORK_ADDRESSES,
    "SenderIPv6": _ODD_NETWORK_ADDRESSES,
}
"""What they may hold as well."""

DOMAIN_OF: Mapping[str, str] = {
    "RecipientDomain": "RecipientEmailAddress",
    "SenderFromDomain": "SenderFromAddress",
    "SenderMailFromDomain": "SenderMailFromAddress",
}
"""Columns that repeat the domain of another one."""
