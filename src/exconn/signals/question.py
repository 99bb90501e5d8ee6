"""The questions of the playbook, and how facts answer them."""

import polars as pl
from attrs import field, frozen

f = pl.col


@frozen(eq=False)
class Question:
    """A question an analyst asks about the connector.

    Attributes:
        id: stable.
        text: the question; yes or no.
        answer: a boolean expression over facts. Null facts make it "could not be assessed".
        shown_by: the name of the query (`exconn.facts.catalogue`) that shows it.
        evidence: further facts to show with the answer.
        innocent: the answer that reassures. Where data is late or truncated it is not given: the
            absence of an event then means nothing.
    """

    id: str
    text: str
    answer: pl.Expr = field(repr=False)
    shown_by: str = ""
    evidence: tuple[str, ...] = ()
    innocent: bool = False

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that the answer rests on, then the further evidence."""
        return tuple(dict.fromkeys((*self.answer.meta.root_names(), *self.evidence)))


SENDER_KNOWN = Question(
    "sender-known",
    "Is the account that sends the mail known?",
    f("no_sender_id_share") < 1,
    evidence=("messages", "sender_hours_over_threshold"),
    innocent=True,
    shown_by="connector_volume",
)
SENDER_COMPROMISED = Question(
    "sender-compromised",
    "Does an account that sends the mail look compromised?",
    (f("sender_bursts") > 0) | (f("sender_slow_sequences") > 0) | (f("sender_unusual_logons") > 0),
    evidence=("sender_unusual_failures",),
    shown_by="sender_hours",
)
VOLUME_EXPECTED = Question(
    "volume-expected",
    "Is the connector supposed to send this much mail?",
    (f("peak_ratio") <= 2) & (f("daily_ratio") <= 2),
    evidence=(
        "peak_hour_messages",
        "baseline_peak_hour",
        "messages",
        "baseline_messages",
        "baseline_days",
    ),
    innocent=True,
    shown_by="connector_hours",
)
RECENTLY_CHANGED = Question(
    "recently-changed",
    "Was the connector recently created or changed?",
    f("changes") > 0,
    evidence=("created", "modified", "enabled", "removed", "failed_changes", "system_changes"),
    shown_by="connector_changes",
)
RECIPIENTS_INTERNAL = Question(
    "recipients-internal",
    "Is the mail sent to internal addresses?",
    f("external_share") < 1,
    evidence=("deliveries",),
    innocent=True,
    shown_by="recipient_domains",
)
RECIPIENTS_EXTERNAL = Question(
    "recipients-external",
    "Is the mail sent to external addresses?",
    f("external_share") > 0,
    evidence=("baseline_external_share", "external_domains"),
    shown_by="recipient_domains",
)
SPRAY_AND_PRAY = Question(
    "spray-and-pray",
    "Is it sprayed over external addresses that nobody here knows?",
    (f("unknown_recipient_share") >= 0.3) & (f("unknown_domains") >= 20),
    evidence=("external_domains",),
    shown_by="recipient_domains",
)
SUPPLY_CHAIN = Question(
    "supply-chain",
    "Is it sent to customers or vendors to whom this connector never wrote?",
    f("acquaintance_share") >= 0.3,
    evidence=("partner_share",),
    shown_by="recipient_domains",
)
SENDERS_DIFFER = Question(
    "senders-differ",
    "Do the domains of the From header (P2) and the envelope sender (P1) differ?",
    f("mismatch_share") > 0,
    evidence=("baseline_mismatch_share", "new_envelope_domain_share", "new_header_domain_share"),
    shown_by="sender_domains",
)
TRAFFIC_UNUSUAL = Question(
    "traffic-unusual",
    "Is the mail traffic unusual for this connector?",
    ((f("peak_hour_messages") >= 30) & (f("peak_ratio") >= 4))
    | (f("daily_ratio") >= 3)
    | ((f("sender_hours_over_threshold") > 0) & (f("baseline_sender_hours_over_threshold") == 0)),
    evidence=("messages_before", "messages_after"),
    shown_by="connector_hours",
)
BAD_CONTENT = Question(
    "bad-content",
    "Does the mail carry bad links, attachments or other threats?",
    (f("malicious_share") > 0) | (f("threat_share") > 0) | (f("junk_share") > 0),
    evidence=("baseline_threat_share", "baseline_junk_share"),
    shown_by="connector_hours",
)
LINKS_OR_ATTACHMENTS = Question(
    "links-or-attachments",
    "Does the mail have links or attachments?",
    (f("url_share") > 0) | (f("attachment_share") > 0),
    evidence=("baseline_url_share", "baseline_attachment_share"),
    shown_by="connector_hours",
)
FOREIGN_DOMAINS = Question(
    "foreign-domains",
    "Are there sender domains that do not belong to the environment?",
    (f("unaccepted_sender_share") > 0) | (f("lookalike_share") > 0),
    evidence=("baseline_unaccepted_sender_share",),
    shown_by="sender_domains",
)
NO_SENDER_ID = Question(
    "no-sender-id",
    "Is SenderObjectId empty?",
    f("no_sender_id_share") > 0,
    evidence=("baseline_no_sender_id_share",),
    shown_by="connector_hours",
)
DISOWNED = Question(
    "disowned",
    "Do the domains in whose name the mail is sent disown it (DMARC fails)?",
    f("unauthenticated_share") > 0,
    evidence=("own_unauthenticated_share", "baseline_own_unauthenticated_share"),
    shown_by="sender_domains",
)
NEW_DOMAINS = Question(
    "new-domains",
    "Does the mail have sender domains that are new for the connector?",
    (f("fresh_domain_messages") > 0),
    evidence=("new_envelope_domain_share", "new_header_domain_share"),
    shown_by="sender_domains",
)
NEW_ADDRESS = Question(
    "new-address",
    "Does the mail come from addresses that are new for the connector?",
    f("new_address_share") > 0,
    evidence=("addresses", "new_addresses"),
    shown_by="sending_addresses",
)
WHO_ELSE = Question(
    "who-else",
    "Does anybody else send such mail to outside in bulk?",
    f("other_bulk_senders") > 0,
    shown_by="bulk_senders",
)
RISKY_CONFIGURATION = Question(
    "risky-configuration",
    "Did the changes make the connector risky?",
    pl.any_horizontal(
        f(name) > 0
        for name in (
            "catch_all",
            "no_tls",
            "unrestricted",
            "trusted_headers",
            "filtering_bypassed",
            "hand_made",
            "new_smart_hosts",
            "new_addresses",
        )
    ),
    shown_by="connector_changes",
)
UNUSUAL_PLACES = Question(
    "unusual-places",
    "Did those who manage the connector sign in, or change it, from unusual places?",
    (f("actor_unusual_logons") > 0)
    | (f("changes_from_unusual_place") > 0)
    | (f("changes_from_new_address") > 0)
    | (f("changes_from_hosting") > 0)
    | (f("changes_without_address") > 0),
    evidence=("changes_from_new_network",),
    shown_by="logon_places",
)
FAILED_LOGONS = Question(
    "failed-logons",
    "Did their sign-ins fail from unusual places, or many times before one succeeded?",
    (f("actor_unusual_failures") > 0)
    | (f("actor_bursts") > 0)
    | (f("actor_slow_sequences") > 0)
    | (f("sprayed_accounts") >= 10),
    shown_by="logon_addresses",
)
OTHER_DEEDS = Question(
    "other-deeds",
    "Did those who changed the connector change transport rules or grant rights?",
    (f("transport_rules") > 0) | (f("grants") > 0),
    evidence=("header_rules",),
    shown_by="actor_deeds",
)
CHAIN = Question(
    "chain",
    "Did a suspicious sign-in lead to the change, and to the mail?",
    f("changes_after_suspicious_logon") > 0,
    evidence=("chained_changes", "changes_before_peak", "fresh_since_suspicious"),
    shown_by="connector_changes",
)
EXPECTED_HERE = Question(
    "expected-here",
    "Is it explained by what is known (approved changes, hybrid wizard, gateways, simulations)?",
    ((f("changes") > 0) & (f("unapproved_changes") == 0))
    | ((f("hybrid_wizard") > 0) & (f("hybrid_wizard") == f("changes")))
    | (f("gateway_share") >= 0.95)
    | (f("simulation_share") >= 0.9),
    evidence=("approved_changes", "partner_share"),
    innocent=True,
    shown_by="connector_changes",
)

QUESTIONS: tuple[Question, ...] = (
    SENDER_KNOWN,
    SENDER_COMPROMISED,
    VOLUME_EXPECTED,
    RECENTLY_CHANGED,
    RECIPIENTS_INTERNAL,
    RECIPIENTS_EXTERNAL,
    SPRAY_AND_PRAY,
    SUPPLY_CHAIN,
    SENDERS_DIFFER,
    TRAFFIC_UNUSUAL,
    BAD_CONTENT,
    FOREIGN_DOMAINS,
    NO_SENDER_ID,
    NEW_ADDRESS,
    LINKS_OR_ATTACHMENTS,
    WHO_ELSE,
    RISKY_CONFIGURATION,
    UNUSUAL_PLACES,
    FAILED_LOGONS,
    OTHER_DEEDS,
    CHAIN,
    EXPECTED_HERE,
    DISOWNED,
    NEW_DOMAINS,
)
"""Every question: the playbook's in its order, then those beyond it."""
