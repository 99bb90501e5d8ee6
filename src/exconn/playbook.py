"""Microsoft's playbook, bullet by bullet and query by query, and what of exconn answers each.

The items stand in the playbook's order, with its words shortened. The documentation page and the
test that nothing is left out derive from them.
Source: `Alert classification for malicious Exchange connectors
<https://learn.microsoft.com/defender-xdr/alert-grading-for-malicious-exchange-connectors>`_.
"""

import enum
from collections.abc import Callable

import polars as pl
from attrs import frozen

from exconn import detectors
from exconn.facts import queries
from exconn.grading.actions import ActionId
from exconn.query import Query
from exconn.signals import (
    Question,
    Signal,
    chain,
    change,
    configuration,
    content,
    context,
    logon,
    question,
    recipients,
    sender,
    volume,
)
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Table


class Section(enum.StrEnum):
    """A section of the playbook."""

    OUTCOME = "Outcome"
    SIGNS = "Malicious Exchange connectors"
    WORKFLOW = "Playbook workflow"
    INVESTIGATING = "Investigating malicious connectors"
    TABLES = "Advanced hunting queries: tables"
    QUERIES = "References: sample queries"
    CONSIDERATIONS = "AHQ considerations"
    ACTIONS = "Recommended actions"


@frozen(eq=False, kw_only=True)
class Item:
    """A bullet or a query of the playbook, and what of exconn answers it.

    Attributes:
        id: stable.
        section: where it stands.
        text: what it asks for, shortened.
        depth: how deep it is nested, 0 outermost.
        detectors: functions that return an expression over a table.
        queries: functions that return a Query.
        facts: names of facts.
        signals: what weighs in the grade.
        questions: what the grade answers in so many words.
        actions: what the grade recommends.
        evidence: what the grade shows, by the attributes of `Evidence` or `Grade`.
        tables: what is read.
        note: where exconn does it differently, and why.
    """

    id: str
    section: Section
    text: str
    depth: int = 0
    detectors: tuple[Callable[..., pl.Expr], ...] = ()
    queries: tuple[Callable[..., Query], ...] = ()
    facts: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    questions: tuple[Question, ...] = ()
    actions: tuple[ActionId, ...] = ()
    evidence: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""

    @property
    def is_mapped(self) -> bool:
        """Whether anything of exconn answers it."""
        answers = (
            self.detectors,
            self.queries,
            self.facts,
            self.signals,
            self.questions,
            self.actions,
            self.evidence,
            self.tables,
        )
        return any(answers)


PLAYBOOK: tuple[Item, ...] = (
    Item(
        id="outcome.grade",
        section=Section.OUTCOME,
        text="Determine the alert as malicious (TP) or benign (FP)",
        evidence=("classification", "determination", "score", "explanation"),
        note="Graph also has expected activity and unknown; a playbook that must choose between "
        "two is wrong on the rest.",
    ),
    Item(
        id="outcome.remediate",
        section=Section.OUTCOME,
        text="If malicious, remediate or remove the malicious connector",
        depth=1,
        actions=(ActionId.DISABLE_CONNECTOR,),
    ),
    Item(
        id="signs.mismatch-without-id",
        section=Section.SIGNS,
        text="Mail from a connector node whose P1 and P2 sender addresses do not match, without "
        "information on the sender's AccountObjectId",
        detectors=(detectors.sender_mismatch, detectors.missing_sender_id),
        signals=(sender.MISMATCH, sender.NO_ID),
        note="P1 is the envelope sender and P2 the header sender: the playbook has them swapped. "
        "Both signs are weak alone: honest relays and marketing services show them.",
    ),
    Item(
        id="workflow.accounts",
        section=Section.WORKFLOW,
        text="Identify the account which is sending emails",
        queries=(queries.sender_hours,),
        facts=("no_sender_id_share", "sender_hours_over_threshold"),
        questions=(question.SENDER_KNOWN,),
        evidence=("senders",),
    ),
    Item(
        id="workflow.accounts.compromised",
        section=Section.WORKFLOW,
        text="Does the account look to be compromised?",
        depth=1,
        queries=(queries.logon_seconds, queries.logon_addresses, queries.logon_places),
        facts=("sender_bursts", "sender_slow_sequences", "sender_unusual_logons"),
        signals=(logon.SENDER,),
        questions=(question.SENDER_COMPROMISED,),
    ),
    Item(
        id="workflow.connector",
        section=Section.WORKFLOW,
        text="Identify the connector which is relaying the emails",
        detectors=(detectors.via_connector, detectors.through),
        queries=(queries.connector_names, queries.connector_hours),
        evidence=("connector", "hours"),
    ),
    Item(
        id="workflow.connector.volume",
        section=Section.WORKFLOW,
        text="Is the connector supposed to send high volumes of email?",
        depth=1,
        queries=(queries.connector_hours,),
        facts=("peak_ratio", "daily_ratio", "baseline_peak_hour", "baseline_messages"),
        signals=(
            volume.SURGE,
            volume.SUSTAINED,
            volume.NEW_CONNECTOR,
            volume.FEW,
            volume.STEADY,
        ),
        questions=(question.VOLUME_EXPECTED,),
        note="The playbook has no query for it. The connector's own past answers.",
    ),
    Item(
        id="workflow.connector.recent",
        section=Section.WORKFLOW,
        text="Has the connector been recently modified or created?",
        depth=1,
        detectors=(
            detectors.connector_created,
            detectors.connector_changed,
            detectors.connector_removed,
            detectors.connector_enabled,
        ),
        queries=(queries.connector_changes,),
        facts=("changes", "created", "modified", "enabled", "removed"),
        signals=(
            change.CREATED,
            change.MODIFIED,
            change.ENABLED,
            change.REMOVED_AFTER_MAIL,
            change.NEWCOMER,
            change.HABIT,
            change.NONE,
            configuration.ROUTINE,
        ),
        questions=(question.RECENTLY_CHANGED,),
        evidence=("changes",),
    ),
    Item(
        id="workflow.internal",
        section=Section.WORKFLOW,
        text="Is the email sent to internal email addresses?",
        detectors=(detectors.inbound, detectors.intra_org, detectors.external_recipient),
        queries=(queries.recipient_domains, queries.tenant_domains),
        facts=("external_share",),
        signals=(recipients.INTERNAL_PHISH, recipients.FROM_STRANGERS),
        questions=(question.RECIPIENTS_INTERNAL,),
        evidence=("recipient_domains",),
    ),
    Item(
        id="workflow.internal.spray",
        section=Section.WORKFLOW,
        text="Is it sent to external addresses (spray-and-pray spam)?",
        depth=1,
        detectors=(detectors.external_recipient, detectors.outbound),
        queries=(queries.recipient_domains, queries.correspondents),
        facts=("unknown_domains", "unknown_recipient_share", "external_domains"),
        signals=(
            recipients.SPRAY,
            recipients.SUDDEN,
            recipients.UNPROMPTED,
            recipients.EXTERNAL_NEW,
            recipients.STEADY,
        ),
        questions=(question.RECIPIENTS_EXTERNAL, question.SPRAY_AND_PRAY),
    ),
    Item(
        id="workflow.internal.supply-chain",
        section=Section.WORKFLOW,
        text="Is it sent to external addresses of customers or vendors (supply-chain attack)?",
        depth=1,
        queries=(queries.recipient_domains, queries.correspondents),
        facts=("acquaintance_share", "partner_share"),
        signals=(recipients.SUPPLY_CHAIN, context.PARTNERS),
        questions=(question.SUPPLY_CHAIN,),
    ),
    Item(
        id="workflow.domains",
        section=Section.WORKFLOW,
        text="Check whether the domains of the From header and the envelope sender differ",
        detectors=(detectors.sender_mismatch, detectors.p1_domain, detectors.p2_domain),
        queries=(queries.sender_domains,),
        facts=("mismatch_share", "baseline_mismatch_share", "new_envelope_domain_share"),
        signals=(
            sender.MISMATCH,
            sender.MISMATCH_NEW,
            sender.NEW_ENVELOPE,
            sender.FRESH_DOMAIN_OUT,
        ),
        questions=(question.SENDERS_DIFFER, question.NEW_DOMAINS),
        evidence=("sender_domains",),
    ),
    Item(
        id="investigating.behaviour",
        section=Section.INVESTIGATING,
        text="Determine if the connector is exhibiting bad behaviour",
        signals=(
            chain.CHANGE_MAIL,
            chain.CHANGE_MORE,
            chain.FRESH_MAIL,
            chain.FRESH_OUT,
            chain.DIVERTED,
            chain.COMPLETE,
            chain.CHANGER_SENDS,
        ),
        questions=(question.CHAIN, question.RISKY_CONFIGURATION),
        evidence=("findings", "score"),
    ),
    Item(
        id="investigating.behaviour.traffic",
        section=Section.INVESTIGATING,
        text="Look for unusual mail traffic, and whether a new connector was added recently",
        depth=1,
        detectors=(detectors.connector_created,),
        queries=(queries.connector_hours, queries.connector_changes),
        facts=("messages", "messages_before", "messages_after", "peak_hour_messages", "created"),
        signals=(
            volume.SURGE,
            volume.SUSTAINED,
            volume.NEW_CONNECTOR,
            change.CREATED,
        ),
        questions=(question.TRAFFIC_UNUSUAL, question.RECENTLY_CHANGED),
        evidence=("timeline",),
    ),
    Item(
        id="investigating.behaviour.accounts",
        section=Section.INVESTIGATING,
        text="Determine if mail accounts are compromised: are they responsible for the traffic?",
        depth=2,
        queries=(queries.sender_hours, queries.logon_seconds),
        facts=("sender_hours_over_threshold", "sender_bursts", "sender_slow_sequences"),
        signals=(volume.ONE_SENDER, logon.SENDER),
        questions=(question.SENDER_COMPROMISED,),
        evidence=("senders",),
    ),
    Item(
        id="investigating.behaviour.content",
        section=Section.INVESTIGATING,
        text="Look for mail content with malicious artifacts (bad links or attachments)",
        depth=1,
        detectors=(
            detectors.threat,
            detectors.phishing_or_malware,
            detectors.junked,
            detectors.has_urls,
            detectors.has_attachments,
        ),
        facts=("threat_share", "malicious_share", "junk_share"),
        signals=(
            content.MALICIOUS,
            content.MALICIOUS_NEW,
            content.JUNKED_NEW,
            content.BAD_OUTBOUND,
            content.FRESH_BAD,
            content.CLEAN,
        ),
        questions=(question.BAD_CONTENT,),
        evidence=("sample",),
    ),
    Item(
        id="investigating.behaviour.foreign",
        section=Section.INVESTIGATING,
        text="Look for domains that are not part of your environment",
        depth=1,
        detectors=(detectors.unaccepted_sender,),
        queries=(queries.sender_domains, queries.tenant_domains, queries.correspondents),
        facts=(
            "unaccepted_sender_share",
            "baseline_unaccepted_sender_share",
            "relayed_share",
            "stranger_share",
            "lookalike_share",
            "header_domains",
        ),
        signals=(
            sender.FOREIGN_NEW,
            sender.RELAYS,
            sender.STRANGERS,
            sender.LOOKALIKE,
            sender.STEADY,
            sender.WORLD,
        ),
        questions=(question.FOREIGN_DOMAINS,),
        note="Domains that are not the tenant's are looked at again as mail that goes outside in "
        "their name, as strangers', and as names that look like the tenant's.",
    ),
    Item(
        id="investigating.accounts",
        section=Section.INVESTIGATING,
        text="Determine the mail accounts are not compromised; identify connectors recently added "
        "or modified in the environment",
        detectors=(
            detectors.connector_change,
            detectors.made_by_application,
            detectors.exchange_administration,
        ),
        queries=(queries.connector_changes, queries.administration),
        facts=("changes", "changes_by_application", "changes_by_unknown"),
        signals=(change.BY_APPLICATION, change.MODIFIED),
        questions=(question.SENDER_COMPROMISED, question.RECENTLY_CHANGED),
        evidence=("other_connectors",),
        note="Changes by an application have no AccountObjectId; the published query hides them. "
        "An audit log without any Exchange administration says nothing of connectors.",
    ),
    Item(
        id="investigating.look-for.mismatch",
        section=Section.INVESTIGATING,
        text="Look for a mismatch between P1 sender and P2 sender",
        depth=1,
        detectors=(
            detectors.sender_mismatch,
            detectors.authenticated,
            detectors.unauthenticated,
        ),
        queries=(queries.sender_domains,),
        facts=(
            "mismatch_share",
            "own_authenticated_share",
            "own_unauthenticated_share",
            "unauthenticated_share",
        ),
        signals=(
            sender.MISMATCH,
            sender.MISMATCH_NEW,
            sender.SPOOFED,
            sender.SPOOFED_NEW,
            sender.SPOOFED_ALL,
            sender.UNAUTHENTICATED,
            sender.DISOWNED,
            sender.OWN,
            sender.VOUCHED,
        ),
        questions=(question.SENDERS_DIFFER, question.DISOWNED, question.NEW_DOMAINS),
        note="What the mismatch is looked at for is spoofing, and DMARC tells it from services "
        "that send on the tenant's behalf.",
    ),
    Item(
        id="investigating.look-for.no-id",
        section=Section.INVESTIGATING,
        text="Look for empty values in the SenderObjectId field",
        depth=1,
        detectors=(detectors.missing_sender_id,),
        facts=("no_sender_id_share", "baseline_no_sender_id_share"),
        signals=(sender.NO_ID, sender.NO_ID_NEW),
        questions=(question.NO_SENDER_ID,),
        note="Three of the published queries leave such mail out.",
    ),
    Item(
        id="investigating.telemetry.ids",
        section=Section.INVESTIGATING,
        text="Note the NetworkMessageId of mail sent from the malicious connector",
        depth=1,
        evidence=("message_ids", "sample"),
    ),
    Item(
        id="investigating.telemetry.dates",
        section=Section.INVESTIGATING,
        text="Note the connector's creation date and last modified date",
        depth=1,
        queries=(queries.connector_changes,),
        facts=("created", "modified"),
        evidence=("changes", "timeline"),
    ),
    Item(
        id="investigating.telemetry.addresses",
        section=Section.INVESTIGATING,
        text="Note the IP address of the connector from which mail traffic is observed",
        depth=1,
        detectors=(detectors.sending_address,),
        queries=(queries.sending_addresses,),
        facts=("addresses", "new_address_share", "fresh_address_messages", "gateway_share"),
        signals=(
            sender.NEW_ADDRESS,
            sender.FRESH_ADDRESS_OUT,
            context.GATEWAY,
        ),
        questions=(question.NEW_ADDRESS,),
        evidence=("addresses",),
    ),
    Item(
        id="tables.email",
        section=Section.TABLES,
        text="EmailEvents: information related to email flow",
        tables=(EMAIL_EVENTS,),
        evidence=("coverage",),
    ),
    Item(
        id="tables.audit",
        section=Section.TABLES,
        text="CloudAppEvents: audit logs of user activities",
        tables=(CLOUD_APP_EVENTS,),
        evidence=("coverage",),
    ),
    Item(
        id="tables.logons",
        section=Section.TABLES,
        text="IdentityLogonEvents: login information of all users",
        tables=(IDENTITY_LOGON_EVENTS,),
        evidence=("coverage",),
    ),
    Item(
        id="queries.new-connectors",
        section=Section.QUERIES,
        text="Query 1: check the creation of new connectors",
        detectors=(
            detectors.connector_created,
            detectors.connector_enabled,
            detectors.within,
            detectors.parameter_passed,
        ),
        queries=(queries.new_connectors, queries.connector_changes),
        facts=("created", "enabled"),
        signals=(change.CREATED,),
        questions=(question.RECENTLY_CHANGED,),
        note="Also Set-, Remove- and outbound connectors, and applications as actors; name and "
        "enabled state are read from one record.",
    ),
    Item(
        id="queries.volume",
        section=Section.QUERIES,
        text="Query 2: check the volume of events from the alerted connector before and after the "
        "alert",
        queries=(queries.connector_volume, queries.sender_hours, queries.connector_hours),
        facts=("sender_hours_over_threshold", "messages_before", "messages_after"),
        signals=(volume.ONE_SENDER, volume.SURGE),
        questions=(question.TRAFFIC_UNUSUAL,),
        note="For the connector that is graded, not for an arbitrary one; in any letter case; also "
        "where SenderObjectId is empty; after the alert as well.",
    ),
    Item(
        id="queries.external",
        section=Section.QUERIES,
        text="Query 3: check whether emails are being sent to external domains",
        detectors=(
            detectors.external_recipient,
            detectors.recipient_domain,
            detectors.inside,
        ),
        queries=(queries.external_mail, queries.recipient_domains),
        facts=("external_share", "external_domains", "outbound_share"),
        signals=(recipients.EXTERNAL_NEW,),
        questions=(question.RECIPIENTS_EXTERNAL,),
        note="Compared with the accepted domains, not with the sender's domain.",
    ),
    Item(
        id="queries.who-else",
        section=Section.QUERIES,
        text="Query 4: who else in the environment is sending similar email?",
        depth=1,
        queries=(queries.bulk_senders, queries.mail_from),
        facts=("other_bulk_senders",),
        questions=(question.WHO_ELSE,),
        evidence=("other_bulk_senders", "radius"),
    ),
    Item(
        id="queries.content",
        section=Section.QUERIES,
        text="Check the mail content for bad behaviour",
        depth=2,
        detectors=(detectors.threat, detectors.junked),
        signals=(content.MALICIOUS_NEW, content.JUNKED_NEW),
        questions=(question.BAD_CONTENT,),
    ),
    Item(
        id="queries.content.links",
        section=Section.QUERIES,
        text="Look at URLs in the email, or email having attachments",
        depth=3,
        detectors=(detectors.has_urls, detectors.has_attachments),
        facts=("url_share", "attachment_share"),
        signals=(
            content.LINKS_NEW,
            content.UNPROMPTED,
            content.SPOOFED_LINKS,
            content.ATTACHMENTS_NEW,
        ),
        questions=(question.LINKS_OR_ATTACHMENTS, question.BAD_CONTENT),
    ),
    Item(
        id="considerations.places",
        section=Section.CONSIDERATIONS,
        text="Check for admin logins, of those who frequently manage connectors, from unusual "
        "locations",
        detectors=(
            detectors.successful_logon,
            detectors.logon_noise,
            detectors.hosted_logon,
            detectors.by_account,
        ),
        queries=(queries.logon_places, queries.logon_addresses, queries.logon_seconds),
        facts=(
            "actor_unusual_logons",
            "changes_from_unusual_place",
            "changes_from_new_network",
            "changes_from_new_address",
            "changes_from_hosting",
            "changes_without_address",
        ),
        signals=(
            logon.UNUSUAL,
            logon.UNUSUAL_CHANGE,
            logon.NEW_NETWORK,
            logon.NEW_ADDRESS,
            logon.HOSTING,
            change.NO_ADDRESS,
            logon.USUAL,
        ),
        questions=(question.UNUSUAL_PLACES,),
        evidence=("logons",),
    ),
    Item(
        id="considerations.failures",
        section=Section.CONSIDERATIONS,
        text="Look for login failures from unusual locations",
        depth=1,
        detectors=(detectors.failed_logon,),
        queries=(queries.logon_places, queries.address_logons),
        facts=("actor_unusual_failures", "sprayed_accounts"),
        signals=(logon.UNUSUAL_FAILURES, logon.SPRAY),
        questions=(question.FAILED_LOGONS,),
    ),
    Item(
        id="considerations.brute-force",
        section=Section.CONSIDERATIONS,
        text="Query 5: over 100 failures within a minute, then a success within ten seconds",
        depth=1,
        detectors=(detectors.failed_logon, detectors.successful_logon),
        queries=(queries.minute_bursts, queries.logon_seconds, queries.logon_addresses),
        facts=(
            "actor_bursts",
            "actor_slow_sequences",
            "changes_after_suspicious_logon",
            "chained_changes",
        ),
        signals=(
            logon.BURST,
            logon.SLOW,
            chain.LOGON_CHANGE,
            chain.OPENING,
        ),
        questions=(question.FAILED_LOGONS, question.CHAIN),
        note="The table has no CountryCode; the published join loses bursts; a burst across two "
        "minutes of the clock escapes it.",
    ),
    Item(
        id="actions.connector",
        section=Section.ACTIONS,
        text="Disable or remove the connector that was found to be malicious",
        actions=(
            ActionId.EXPORT_CONNECTOR,
            ActionId.DISABLE_CONNECTOR,
            ActionId.REVERT_CONNECTOR,
            ActionId.REMOVE_CONNECTOR,
            ActionId.REVIEW_CONNECTOR,
            ActionId.RESTORE_CONNECTOR,
            ActionId.UNBLOCK_CONNECTOR,
        ),
        note="Only a connector that was created in the window is removed. One that was changed "
        "goes back to its former shape; where that is not known it is disabled meanwhile.",
    ),
    Item(
        id="actions.admin",
        section=Section.ACTIONS,
        text="If the admin account was compromised, reset its credentials, revoke its tokens and "
        "enable multi-factor authentication for all admin accounts",
        actions=(
            ActionId.BLOCK_SIGN_IN,
            ActionId.REVOKE_SESSIONS,
            ActionId.RESET_CREDENTIALS,
            ActionId.REVIEW_SIGN_IN_METHODS,
            ActionId.REVIEW_INBOX_RULES,
            ActionId.REQUIRE_MFA,
            ActionId.ASK_ADMIN,
            ActionId.DISABLE_APPLICATION,
            ActionId.REVOKE_CONSENT,
            ActionId.REMOVE_APPLICATION_CREDENTIALS,
            ActionId.ALLOW_SIGN_IN,
            ActionId.UNBLOCK_SENDERS,
        ),
    ),
    Item(
        id="actions.admin.activities",
        section=Section.ACTIONS,
        text="Look for suspicious activities performed by the admin",
        depth=1,
        detectors=(detectors.transport_rule_change, detectors.grant),
        queries=(queries.actor_deeds,),
        facts=("transport_rules", "header_rules", "grants"),
        signals=(
            change.HEADER_RULES,
            change.TRANSPORT_RULES,
            change.GRANTS,
        ),
        questions=(question.OTHER_DEEDS,),
        actions=(
            ActionId.REVIEW_ADMIN_ACTIVITIES,
            ActionId.VERIFY_CHANGES,
            ActionId.TAKE_BACK_GRANT,
            ActionId.DISABLE_TRANSPORT_RULE,
        ),
        evidence=("deeds",),
    ),
    Item(
        id="actions.other-connectors",
        section=Section.ACTIONS,
        text="Check for other suspicious activities across other connectors in the environment",
        questions=(question.WHO_ELSE,),
        actions=(
            ActionId.REVIEW_OTHER_CONNECTORS,
            ActionId.REVIEW_BLOCKED_CONNECTORS,
            ActionId.REVIEW_MAIL,
            ActionId.PURGE_MAIL,
            ActionId.WARN_RECIPIENTS,
            ActionId.VERIFY_MAIL,
        ),
        evidence=("other_connectors", "radius"),
        note="`hunt` grades every connector.",
    ),
)
"""Every bullet and query of the playbook, in its order."""
