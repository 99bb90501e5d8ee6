"""Other explanations of what an alert saw, each with the clues for and against it."""

import polars as pl
from attrs import field, frozen

from exconn.signals.clue import Clue

f = pl.col


@frozen(eq=False)
class Alternative:
    """A story that may explain the mail, and what tells it from the others.

    Attributes:
        id: stable.
        title: in a few words.
        about: what it would mean.
        for_it: clues that speak for it.
        against_it: clues that speak against it.
    """

    id: str
    title: str
    about: str
    for_it: tuple[Clue, ...] = field(repr=False)
    against_it: tuple[Clue, ...] = field(repr=False)


CHANGED_SUSPICIOUSLY = Clue(
    when=f("changes_after_suspicious_logon") > 0,
    sentence="Changes that followed a suspicious sign-in: {changes_after_suspicious_logon:.0f}.",
)
CHANGED = Clue(when=f("changes") > 0, sentence="Changes of it in the window: {changes:.0f}.")
UNCHANGED = Clue(
    when=(f("changes") == 0) & (f("unresolved_changes") == 0),
    sentence="The audit log has {changes:.0f} changes of it ({unresolved_changes:.0f} of unknown "
    "connectors).",
)
FRESH_SERVERS = Clue(
    when=f("fresh_address_messages") >= 10,
    sentence="{fresh_address_messages:,.0f} messages came from addresses new to it.",
)
KNOWN_SERVERS = Clue(
    when=f("new_address_share") <= 0.02,
    sentence="{new_address_share:.0%} of the messages came from addresses new to it.",
)
NO_ACCOUNT = Clue(
    when=f("no_sender_id_share") >= 0.9,
    sentence="No account of the tenant sent {no_sender_id_share:.0%} of the messages.",
)
BY_ACCOUNTS = Clue(
    when=f("no_sender_id_share") <= 0.1,
    sentence="Accounts of the tenant sent all but {no_sender_id_share:.0%} of the messages.",
)
BAD_MAIL = Clue(
    when=f("malicious_share") - f("baseline_malicious_share") >= 0.05,
    sentence="{malicious_share:.0%} of the messages are phishing or malware (before: "
    "{baseline_malicious_share:.0%}).",
)
NO_BAD_MAIL = Clue(
    when=f("malicious_share") <= 0.01,
    sentence="{malicious_share:.0%} of the messages are phishing or malware.",
)
STRANGERS = Clue(
    when=f("stranger_share") >= 0.1,
    sentence="{stranger_share:.0%} of the messages go outside in the name of strangers.",
)
OWN_SIGNED = Clue(
    when=f("own_authenticated_share") >= 0.9,
    sentence="{own_authenticated_share:.0%} of the messages are the tenant's own, authenticated.",
)
OWN_SPOOFED = Clue(
    when=f("own_unauthenticated_share") >= 0.1,
    sentence="{own_unauthenticated_share:.0%} of the messages claim the tenant's domain and fail "
    "DMARC.",
)
MORE_MAIL = Clue(
    when=(f("peak_hour_messages") >= 30) & (f("peak_hour_messages") >= 4 * f("baseline_peak_hour")),
    sentence="{peak_hour_messages:,.0f} messages in the busiest hour; before, at most "
    "{baseline_peak_hour:,.0f}.",
)
AS_MUCH_MAIL = Clue(
    when=(f("peak_ratio") <= 2) & (f("daily_ratio") <= 2),
    sentence="The busiest hour is {peak_ratio:.1f} times, a day {daily_ratio:.1f} times that of "
    "its past.",
)
LINKS = Clue(when=f("url_share") >= 0.8, sentence="{url_share:.0%} of the messages have links.")
OUTSIDE = Clue(
    when=f("external_share") >= 0.8, sentence="{external_share:.0%} of the deliveries go outside."
)
INSIDE = Clue(
    when=f("external_share") <= 0.1, sentence="{external_share:.0%} of the deliveries go outside."
)
SENDER_TAKEN_OVER = Clue(
    when=(f("sender_bursts") > 0) | (f("sender_slow_sequences") > 0),
    sentence="Accounts that sent in bulk signed in after bursts of failures "
    "({sender_bursts:.0f}) or many failures ({sender_slow_sequences:.0f}).",
)
SENDER_ABROAD = Clue(
    when=f("sender_unusual_logons") > 0,
    sentence="Accounts that sent in bulk signed in {sender_unusual_logons:.0f} times from unusual "
    "countries.",
)
ONE_SENDER = Clue(
    when=f("sender_hours_over_threshold") > 0,
    sentence="In {sender_hours_over_threshold:.0f} hours one sender had 100 messages or more.",
)
DIRECT_SEND = Clue(
    when=(f("direct_messages") >= 20) & (f("direct_messages") >= 24 * f("baseline_direct_daily")),
    sentence="{direct_messages:,.0f} messages in the tenant's own name came in through no "
    "connector (before: {baseline_direct_daily:,.1f} a day).",
)
NO_DIRECT_SEND = Clue(
    when=f("direct_messages") < 20,
    sentence="{direct_messages:,.0f} messages in the tenant's own name came in through no "
    "connector.",
)
THROUGH_CONNECTOR = Clue(
    when=f("messages") > 0, sentence="{messages:,.0f} messages passed through this connector."
)
OPENED = Clue(
    when=(f("catch_all") > 0) | (f("unrestricted") > 0) | (f("no_tls") > 0),
    sentence="Changes opened it: to every domain {catch_all:.0f}, without restriction "
    "{unrestricted:.0f}, without TLS {no_tls:.0f}.",
)
BY_WIZARD = Clue(
    when=f("hybrid_wizard") > 0,
    sentence="The hybrid wizard made {hybrid_wizard:.0f} of the changes (by the record).",
)
WORLDWIDE = Clue(
    when=f("header_domains") >= 30,
    sentence="The senders have {header_domains:,.0f} domains.",
)
CREATED = Clue(when=f("created") > 0, sentence="It was created in the window: {created:.0f}.")
SUBSCRIBERS = Clue(
    when=(f("external_share") >= 0.8) & (f("external_domains") >= 20),
    sentence="{external_share:.0%} of the deliveries go outside, to {external_domains:,.0f} "
    "domains.",
)
BOUNCES_ELSEWHERE = Clue(
    when=f("mismatch_share") >= 0.8,
    sentence="The P1 and P2 domains of {mismatch_share:.0%} of the messages differ, as bounce "
    "addresses of services do.",
)
APPROVED = Clue(
    when=(f("changes") > 0) & (f("unapproved_changes") == 0),
    sentence="All {changes:.0f} changes were approved ({unapproved_changes:.0f} were not).",
)

COMPROMISED_CONNECTOR = Alternative(
    "compromised-connector",
    "The connector is in other hands",
    "Whoever took over an administrator or an application lets their own servers send through it.",
    for_it=(CHANGED_SUSPICIOUSLY, CHANGED, FRESH_SERVERS, BAD_MAIL, STRANGERS, OWN_SPOOFED),
    against_it=(UNCHANGED, KNOWN_SERVERS, BY_ACCOUNTS, OWN_SIGNED, APPROVED),
)
COMPROMISED_MAILBOX = Alternative(
    "compromised-mailbox",
    "A mailbox is in other hands",
    "An account of the tenant sends the mail; the connector only carries it.",
    for_it=(BY_ACCOUNTS, SENDER_TAKEN_OVER, SENDER_ABROAD, ONE_SENDER, BAD_MAIL),
    against_it=(NO_ACCOUNT, FRESH_SERVERS, CHANGED_SUSPICIOUSLY),
)
DIRECT = Alternative(
    "direct-send",
    "Direct Send",
    "Mail in the tenant's own name is handed straight to its mail exchanger; no connector is "
    "needed, and the one under suspicion is beside the point.",
    for_it=(DIRECT_SEND, OWN_SPOOFED, INSIDE),
    against_it=(NO_DIRECT_SEND, THROUGH_CONNECTOR, CHANGED_SUSPICIOUSLY),
)
MISCONFIGURED_RELAY = Alternative(
    "misconfigured-relay",
    "A relay is set up badly",
    "The organisation's own machines send, but their mail is not authenticated or restricted as "
    "it should be.",
    for_it=(KNOWN_SERVERS, OWN_SPOOFED, OPENED, NO_ACCOUNT, NO_BAD_MAIL),
    against_it=(STRANGERS, BAD_MAIL, CHANGED_SUSPICIOUSLY, OWN_SIGNED),
)
MARKETING_BURST = Alternative(
    "marketing-burst",
    "A marketing or billing run",
    "A service sends in the tenant's name, in bulk, to those who expect it.",
    for_it=(OWN_SIGNED, SUBSCRIBERS, BOUNCES_ELSEWHERE, LINKS, NO_BAD_MAIL, MORE_MAIL),
    against_it=(STRANGERS, BAD_MAIL, OWN_SPOOFED, CHANGED_SUSPICIOUSLY, INSIDE),
)
MIGRATION = Alternative(
    "migration",
    "A migration",
    "Mail moves to a new gateway or server, or a company is taken over.",
    for_it=(CREATED, BY_WIZARD, WORLDWIDE, INSIDE, FRESH_SERVERS, NO_BAD_MAIL),
    against_it=(UNCHANGED, STRANGERS, BAD_MAIL, CHANGED_SUSPICIOUSLY, OUTSIDE),
)

ALTERNATIVES: tuple[Alternative, ...] = (
    COMPROMISED_CONNECTOR,
    COMPROMISED_MAILBOX,
    DIRECT,
    MISCONFIGURED_RELAY,
    MARKETING_BURST,
    MIGRATION,
)
"""Every explanation that is weighed beside the verdict."""
