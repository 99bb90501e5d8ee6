"""The facts of EmailEvents: what each counts, and which columns it rests on."""

from exconn.facts.fact import Fact, Unit
from exconn.facts.logon_facts import LOGON_ADDRESSES, SUSPICION
from exconn.facts.queries import (
    PLAYBOOK_THRESHOLD,
    bulk_senders,
    correspondents,
    recipient_domains,
    sender_domains,
    sending_addresses,
)
from exconn.facts.reads import (
    ANY_PERIOD,
    CONNECTOR_CHANGES,
    CONNECTOR_HOURS,
    SENDER_HOURS,
    TENANT_DOMAINS,
)
from exconn.query import Query

_SENDERS = SENDER_HOURS.reads()
_BULK = bulk_senders(ANY_PERIOD).reads()
_SOURCES = sending_addresses(ANY_PERIOD)
_ADDRESSES = _SOURCES.reads("Address", "Messages")
_SENDERS_MAIL = sender_domains(ANY_PERIOD)
_DOMAINS = _SENDERS_MAIL.reads("P1", "P2", "Messages")
_RECIPIENTS = recipient_domains(ANY_PERIOD).reads()
_KNOWN_DOMAINS = correspondents(ANY_PERIOD).reads()
_KNOWN = _RECIPIENTS | _KNOWN_DOMAINS
_OWN = TENANT_DOMAINS.reads("Domain", "First", "Last")
_DIRECT = TENANT_DOMAINS.reads("Direct")


def _hourly(name: str, unit: Unit, about: str, *columns: str, past: bool = False) -> Fact:
    return Fact(name, unit, about, CONNECTOR_HOURS.reads("Messages", *columns), past)


def _share(name: str, column: str, what: str) -> tuple[Fact, Fact]:
    return (
        _hourly(f"{name}_share", Unit.SHARE, f"Share of the window's messages {what}.", column),
        _hourly(
            f"baseline_{name}_share",
            Unit.SHARE,
            f"Share of the messages in the connector's own past {what}.",
            column,
            past=True,
        ),
    )


SHARES = {
    "mismatch": ("Mismatched", "whose P1 and P2 domains differ"),
    "no_sender_id": ("NoSenderId", "without SenderObjectId"),
    "outbound": ("Outbound", "that went outside, by EmailDirection"),
    "url": ("WithUrls", "with links"),
    "attachment": ("WithAttachments", "with attachments"),
    "threat": ("Threats", "in which the filter found a threat"),
    "malicious": ("Malicious", "in which the filter found phishing or malware"),
    "junk": ("Junked", "that were junked, blocked or replaced"),
}


def _fresh(of: str, what: str, query: Query, *names: str) -> tuple[Fact, ...]:
    by = query.reads(*names, "Messages")
    return (
        Fact(
            f"fresh_{of}_messages",
            Unit.MESSAGES,
            f"Messages of the window {what} new to the connector: unknown in its own past; all, "
            "where it was created in the window. Null under seven days of past.",
            by,
            past=True,
        ),
        Fact(
            f"fresh_{of}_bad_share",
            Unit.SHARE,
            "Share of those messages that are phishing or malware, or were junked, blocked or "
            "replaced.",
            by | query.reads("Bad"),
            past=True,
        ),
        Fact(
            f"fresh_{of}_outbound_share",
            Unit.SHARE,
            "Share of those messages that went outside, by EmailDirection.",
            by | query.reads("Outbound"),
            past=True,
        ),
    )


FRESH_KINDS = {
    "fresh_own_authenticated_share": (
        "are in the tenant's own name and passed DMARC",
        "Authenticated",
    ),
    "fresh_own_unauthenticated_share": (
        "are in the tenant's own name and failed DMARC",
        "Unauthenticated",
    ),
    "fresh_known_share": (
        "come in and passed DMARC, in the name of another domain that the tenant dealt with before",
        "Outbound",
        "Authenticated",
    ),
    "fresh_relayed_share": (
        "go outside, in another's name that looks like none of the tenant's",
        "Outbound",
    ),
    "fresh_lookalike_share": ("have a domain that looks like one of the tenant's", "Messages"),
}


def _turned(name: str, unit: Unit, what: str, otherwise: str) -> Fact:
    return Fact(
        name,
        unit,
        f"{what} the connector's first change in the window{otherwise}. Null under seven "
        "days of past, unless the connector was created in the window.",
        CONNECTOR_HOURS.reads("Messages") | CONNECTOR_CHANGES.reads("ActionType", "RawEventData"),
        past=True,
    )


def turn_facts() -> tuple[Fact, ...]:
    """The facts that compare a connector before its first change in the window with it since."""
    before = ", baseline included; 0 without a change"
    return (
        _turned(
            "peak_since_change",
            Unit.MESSAGES,
            "Messages in the busiest hour since",
            "; 0 without one",
        ),
        _turned("peak_before_change", Unit.MESSAGES, "Messages in the busiest hour before", before),
        _turned("daily_since_change", Unit.RATE, "Messages a day since", "; 0 without one"),
        _turned("daily_before_change", Unit.RATE, "Messages a day before", before),
    )


MAIL_FACTS: tuple[Fact, ...] = (
    _hourly("messages", Unit.MESSAGES, "Messages through the connector in the window."),
    _hourly("messages_before", Unit.MESSAGES, "Of them, before the hour of the alert."),
    _hourly("messages_after", Unit.MESSAGES, "Of them, in and after the hour of the alert."),
    Fact(
        "deliveries",
        Unit.DELIVERIES,
        "Messages times recipients.",
        CONNECTOR_HOURS.reads("Deliveries"),
    ),
    _hourly("active_hours", Unit.HOURS, "Hours of the window with mail."),
    _hourly("peak_hour_messages", Unit.MESSAGES, "Messages in the window's busiest hour."),
    _hourly(
        "baseline_days",
        Unit.DAYS,
        "Days before the window of which the connector's own mail is known.",
        past=True,
    ),
    _hourly("baseline_messages", Unit.MESSAGES, "Messages in the connector's own past.", past=True),
    _hourly(
        "baseline_peak_hour",
        Unit.MESSAGES,
        "Messages in the busiest hour of the connector's own past. Null under seven days of it.",
        past=True,
    ),
    _hourly(
        "peak_ratio",
        Unit.RATIO,
        "The window's busiest hour over the busiest hour of the connector's own past (at least "
        "one message). Null under seven days of past.",
        past=True,
    ),
    _hourly(
        "daily_ratio",
        Unit.RATIO,
        "Messages a day in the window over messages a day in the connector's own past (at least "
        "one). Null under seven days of past.",
        past=True,
    ),
    *(fact for name, (column, what) in SHARES.items() for fact in _share(name, column, what)),
    Fact(
        "sender_hours_over_threshold",
        Unit.HOURS,
        f"Hours in which one sender had at least {PLAYBOOK_THRESHOLD} messages through the "
        "connector, counted for each sender.",
        _SENDERS,
    ),
    Fact(
        "baseline_sender_hours_over_threshold",
        Unit.HOURS,
        "The same in the connector's own past.",
        _SENDERS,
        past=True,
    ),
    Fact(
        "other_bulk_senders",
        Unit.SENDERS,
        f"Senders by other ways that had more than {PLAYBOOK_THRESHOLD} messages to outside in an "
        "hour of the window.",
        _BULK,
    ),
    Fact("addresses", Unit.ADDRESSES, "Addresses that handed mail over.", _ADDRESSES),
    Fact(
        "new_address_share",
        Unit.SHARE,
        "Share of the window's messages from addresses unknown in the connector's own past. Null "
        "under seven days, or without mail in it.",
        _ADDRESSES,
        past=True,
    ),
    Fact(
        "gateway_share",
        Unit.SHARE,
        "Share of the window's messages from the organisation's known gateways.",
        _ADDRESSES,
    ),
    Fact(
        "simulation_share",
        Unit.SHARE,
        "Share of the window's messages from known phishing simulation vendors.",
        _ADDRESSES,
    ),
    Fact(
        "new_envelope_domain_share",
        Unit.SHARE,
        "Share of the window's messages with a P1 domain unknown in the connector's own past. "
        "Null under seven days, or without mail in it.",
        _DOMAINS,
        past=True,
    ),
    Fact(
        "new_header_domain_share",
        Unit.SHARE,
        "Share of the window's messages with a P2 domain unknown in the connector's own past. "
        "Null under seven days, or without mail in it.",
        _DOMAINS,
        past=True,
    ),
    Fact(
        "unaccepted_sender_share",
        Unit.SHARE,
        "Share of the window's messages whose P2 domain is none of the tenant's.",
        _DOMAINS | _OWN,
    ),
    Fact(
        "baseline_unaccepted_sender_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _OWN,
        past=True,
    ),
    Fact(
        "relayed_share",
        Unit.SHARE,
        "Share of the window's messages that went outside, by EmailDirection, though their P2 "
        "domain is none of the tenant's.",
        _DOMAINS | _SENDERS_MAIL.reads("Outbound") | _OWN,
    ),
    Fact(
        "baseline_relayed_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _SENDERS_MAIL.reads("Outbound") | _OWN,
        past=True,
    ),
    Fact(
        "stranger_share",
        Unit.SHARE,
        "Of them, those whose P2 domain is no known partner's and nobody in the tenant mailed in "
        "the baseline, as a share of all the window's messages. Null under seven days.",
        _DOMAINS | _SENDERS_MAIL.reads("Outbound") | _OWN | _KNOWN_DOMAINS,
        past=True,
    ),
    Fact(
        "lookalike_share",
        Unit.SHARE,
        "Share of the window's messages with a P1 or P2 domain that is none of the tenant's but "
        "looks like one.",
        _DOMAINS | _OWN,
    ),
    Fact("header_domains", Unit.DOMAINS, "P2 domains of the window's messages.", _DOMAINS),
    Fact(
        "own_authenticated_share",
        Unit.SHARE,
        "Share of the window's messages whose P2 domain is the tenant's and passed DMARC.",
        _DOMAINS | _SENDERS_MAIL.reads("Authenticated") | _OWN,
    ),
    Fact(
        "own_unauthenticated_share",
        Unit.SHARE,
        "Share of the window's messages whose P2 domain is the tenant's and failed DMARC.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated") | _OWN,
    ),
    Fact(
        "baseline_own_unauthenticated_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated") | _OWN,
        past=True,
    ),
    Fact(
        "authenticated_share",
        Unit.SHARE,
        "Share of the window's messages that passed DMARC.",
        _DOMAINS | _SENDERS_MAIL.reads("Authenticated"),
    ),
    Fact(
        "unauthenticated_share",
        Unit.SHARE,
        "Share of the window's messages that failed DMARC.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated"),
    ),
    Fact(
        "baseline_unauthenticated_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated"),
        past=True,
    ),
    *_fresh("address", "from addresses that are", _SOURCES, "Address"),
    Fact(
        "fresh_address_authenticated_share",
        Unit.SHARE,
        "Share of the messages from addresses new to the connector that passed DMARC; 0 where "
        "there are none.",
        _ADDRESSES | _SOURCES.reads("Authenticated"),
        past=True,
    ),
    *_fresh("domain", "whose P1 or P2 domain is", _SENDERS_MAIL, "P1", "P2"),
    *(
        Fact(
            name,
            Unit.SHARE,
            f"Share of the messages with a P1 or P2 domain new to the connector that {what}. 0 "
            "where there are none; null where the tenant's domains are not known.",
            _DOMAINS | _SENDERS_MAIL.reads(*columns) | _OWN | _KNOWN_DOMAINS,
            past=True,
        )
        for name, (what, *columns) in FRESH_KINDS.items()
    ),
    Fact(
        "fresh_known_domains",
        Unit.DOMAINS,
        "Other organisations' P2 domains new to the connector from which mail comes in and passed "
        "DMARC, and which the tenant mailed in the baseline.",
        _DOMAINS | _SENDERS_MAIL.reads("Outbound", "Authenticated") | _OWN | _KNOWN_DOMAINS,
        past=True,
    ),
    Fact(
        "fresh_since_suspicious",
        Unit.MESSAGES,
        "Messages from addresses new to the connector, since its first change that followed a "
        "suspicious sign-in of the one who made it.",
        _ADDRESSES | SUSPICION,
        past=True,
    ),
    Fact(
        "changer_address_share",
        Unit.SHARE,
        "Share of the window's messages from an address new to the connector from which it was "
        "changed in the window, or from which those who changed it signed in. Null where none of "
        "these addresses is known.",
        _ADDRESSES | CONNECTOR_CHANGES.reads() | LOGON_ADDRESSES,
        past=True,
    ),
    *turn_facts(),
    _hourly(
        "bad_outbound_share",
        Unit.SHARE,
        "Share of the window's messages to outside that are phishing or malware, or were junked, "
        "blocked or replaced; 0 where none went outside.",
        "BadOutbound",
        "Outbound",
    ),
    Fact(
        "direct_messages",
        Unit.MESSAGES,
        "Messages of the window's days that came in through no connector and from no account, in "
        "the name of the recipient's own domain (Direct Send).",
        _DIRECT,
    ),
    Fact(
        "baseline_direct_daily",
        Unit.RATE,
        "Such messages a day in the tenant's baseline. Null under seven days.",
        _DIRECT,
        past=True,
    ),
    Fact(
        "external_share",
        Unit.SHARE,
        "Share of the window's deliveries to domains that are none of the tenant's.",
        _RECIPIENTS | _OWN,
    ),
    Fact(
        "baseline_external_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _RECIPIENTS | _OWN,
        past=True,
    ),
    Fact(
        "external_domains",
        Unit.DOMAINS,
        "Recipient domains that are none of the tenant's.",
        _RECIPIENTS | _OWN,
    ),
    Fact(
        "unknown_domains",
        Unit.DOMAINS,
        "Of them, those that nobody in the tenant mailed in the baseline. Null under seven days.",
        _KNOWN | _OWN,
        past=True,
    ),
    Fact(
        "unknown_recipient_share",
        Unit.SHARE,
        "Share of the window's deliveries to such unknown domains. Null under seven days.",
        _KNOWN | _OWN,
        past=True,
    ),
    Fact(
        "acquaintance_share",
        Unit.SHARE,
        "Share of the window's deliveries to domains that the tenant mailed in the baseline, but "
        "not through this connector: customers and vendors that it never wrote to. Null under "
        "seven days.",
        _KNOWN | _OWN,
        past=True,
    ),
    Fact(
        "partner_share",
        Unit.SHARE,
        "Share of the window's deliveries to domains of known partners.",
        _RECIPIENTS,
    ),
)
"""The facts of EmailEvents."""
