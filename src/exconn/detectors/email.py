"""Detectors over EmailEvents: pure functions that return a boolean `pl.Expr`, never null.

Names and addresses compare without case. P1 is the envelope sender (5321.MailFrom,
`SenderMailFrom*`), P2 the sender in the header (5322.From, `SenderFrom*`).
Source: `EmailEvents
<https://learn.microsoft.com/defender-xdr/advanced-hunting-emailevents-table>`_.
"""

from collections.abc import Collection
from functools import reduce
from operator import or_

import polars as pl


def via_connector() -> pl.Expr:
    """Mail that passed through a connector: `Connectors` is not empty."""
    return pl.col("Connectors") != ""


def through(connector: str) -> pl.Expr:
    """Mail whose `Connectors` is this one name, in any letter case."""
    return pl.col("Connectors").str.to_lowercase() == connector.lower()


def sender_mismatch() -> pl.Expr:
    """P1 and P2 domains differ; a domain and its subdomain do not.

    Mail without an envelope sender (bounces, calendar replies) or without a header domain does
    not mismatch: there is nothing to compare.
    """
    written1, written2 = pl.col("SenderMailFromDomain"), pl.col("SenderFromDomain")
    p1, p2 = p1_domain(), p2_domain()
    related = (
        (p1 == p2)
        | p1.str.ends_with(pl.concat_str(pl.lit("."), p2))
        | p2.str.ends_with(pl.concat_str(pl.lit("."), p1))
    )
    differ = written1 != written2  # says nothing more, but is quick, and mostly false
    return (written1 != "") & (written2 != "") & differ & ~related


def missing_sender_id() -> pl.Expr:
    """`SenderObjectId` is empty: no account of the tenant is known to be the sender.

    Alone it means little: it is empty for every honest on-premises relay.
    """
    return pl.col("SenderObjectId") == ""


def inbound() -> pl.Expr:
    """Mail that came from outside."""
    return pl.col("EmailDirection") == "Inbound"


def outbound() -> pl.Expr:
    """Mail that went outside."""
    return pl.col("EmailDirection") == "Outbound"


def intra_org() -> pl.Expr:
    """Mail that stayed in the tenant."""
    return pl.col("EmailDirection") == "Intra-org"


def external_recipient(accepted_domains: Collection[str]) -> pl.Expr:
    """The recipient's domain is none of the accepted domains, nor a subdomain of one.

    An address without a domain is not external: it says nothing.
    """
    domain = recipient_domain()
    return (domain != "") & ~inside(domain, accepted_domains)


def unaccepted_sender(accepted_domains: Collection[str]) -> pl.Expr:
    """The sender's header (P2) domain is none of the accepted domains, nor a subdomain of one."""
    domain = p2_domain()
    return (domain != "") & ~inside(domain, accepted_domains)


def has_urls() -> pl.Expr:
    """The message has links."""
    return (pl.col("UrlCount") > 0).fill_null(value=False)


def has_attachments() -> pl.Expr:
    """The message has attachments."""
    return (pl.col("AttachmentCount") > 0).fill_null(value=False)


def threat() -> pl.Expr:
    """The filter found phishing, malware or spam: `ThreatTypes` is not empty."""
    return pl.col("ThreatTypes") != ""


def phishing_or_malware() -> pl.Expr:
    """The filter found phishing or malware; `ThreatTypes` may list several threats."""
    types = pl.col("ThreatTypes").str.to_lowercase()
    return types.str.contains("phish", literal=True) | types.str.contains("malware", literal=True)


def junked() -> pl.Expr:
    """The message went to junk or quarantine, or was blocked or replaced."""
    return pl.col("DeliveryAction").is_in(["Junked", "Blocked", "Replaced"])


def authenticated() -> pl.Expr:
    """DMARC passed, or would have by Microsoft's best guess for a domain that publishes none.

    So whoever runs the header sender's (P2) domain let the server send in its name.
    """
    return _dmarc("(?:bestguess)?pass")


def unauthenticated() -> pl.Expr:
    """DMARC failed: the header sender's (P2) domain disowns the message.

    A message of which nothing is known is neither authenticated nor unauthenticated.
    """
    return _dmarc("fail")


def _dmarc(result: str) -> pl.Expr:
    details = pl.col("AuthenticationDetails").str.to_lowercase()
    return details.str.contains(rf'"dmarc"[ \t]*:[ \t]*"{result}"')


def p1_domain() -> pl.Expr:
    """The envelope sender's domain in lower case, "" when unknown. Not a boolean."""
    return pl.col("SenderMailFromDomain").str.to_lowercase()


def p2_domain() -> pl.Expr:
    """The header sender's domain in lower case, "" when unknown. Not a boolean."""
    return pl.col("SenderFromDomain").str.to_lowercase()


def recipient_domain() -> pl.Expr:
    """The recipient's domain in lower case, "" when the address has none. Not a boolean.

    Taken from the address: the column `RecipientDomain` is too new to be in every export.
    """
    address = pl.col("RecipientEmailAddress").str.to_lowercase()
    return address.str.extract("@[^@]+$", 0).fill_null("").str.strip_chars_start("@")


def sending_address() -> pl.Expr:
    """The address that handed the message over, IPv4 if known, else IPv6. Not a boolean."""
    v4 = pl.col("SenderIPv4")
    return pl.when(v4 != "").then(v4).otherwise(pl.col("SenderIPv6").str.to_lowercase())


def inside(domain: pl.Expr, accepted_domains: Collection[str]) -> pl.Expr:
    """Whether a lower-case domain is one of these, or a subdomain of one."""
    accepted = sorted({accepted.lower() for accepted in accepted_domains})
    under = [domain.str.ends_with("." + accepted_domain) for accepted_domain in accepted]
    return reduce(or_, under, domain.is_in(accepted)) if accepted else pl.lit(value=False)
