"""Signals about the mail: its volume, its senders, its recipients, its content."""

import polars as pl

from exconn.signals.question import (
    BAD_CONTENT,
    FOREIGN_DOMAINS,
    NEW_ADDRESS,
    NO_SENDER_ID,
    RECIPIENTS_EXTERNAL,
    RECIPIENTS_INTERNAL,
    SENDERS_DIFFER,
    SPRAY_AND_PRAY,
    SUPPLY_CHAIN,
    TRAFFIC_UNUSUAL,
    VOLUME_EXPECTED,
)
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

PLAYBOOK = (
    "https://learn.microsoft.com/defender-xdr/alert-grading-for-malicious-exchange-connectors"
)
RESPOND = "https://learn.microsoft.com/defender-office-365/connectors-detect-respond-to-compromise"

VOLUME_SURGE = Signal(
    id="volume.surge",
    title="far more mail in an hour than ever before",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=1.5,
    question=TRAFFIC_UNUSUAL,
    when=(f("peak_hour_messages") >= 30) & (f("peak_ratio") >= 4),
    sentence="{peak_hour_messages:,.0f} messages in the busiest hour, {peak_ratio:.1f} times the "
    "busiest hour of its own past.",
    rationale="A hijacked connector sends in bulk, at once. A fixed threshold would hit every "
    "billing run; the connector's own busiest hour does not. A first campaign or a seasonal peak "
    "fires too: then senders and recipients stay as they were.",
    fires={"peak_hour_messages": 900, "peak_ratio": 30},
    nearly={"peak_hour_messages": 900, "peak_ratio": 3.9},
    remediation="Disable the connector until the sender of the mail is known.",
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1496.004", "T1566"),
)
VOLUME_SUSTAINED = Signal(
    id="volume.sustained",
    title="much more mail a day than before",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=1.0,
    question=TRAFFIC_UNUSUAL,
    when=(f("messages") >= 50) & (f("daily_ratio") >= 3),
    sentence="{messages:,.0f} messages in the window, {daily_ratio:.1f} times as many a day as in "
    "its own past.",
    rationale="A patient attacker stays below every hourly threshold; the daily sum shows it.",
    fires={"messages": 700, "daily_ratio": 5},
    nearly={"messages": 700, "daily_ratio": 2.9},
    references=(PLAYBOOK,),
    attack_ids=("T1496.004",),
)
VOLUME_NEW_CONNECTOR = Signal(
    id="volume.new-connector",
    title="a new connector sends in bulk",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=1.2,
    question=VOLUME_EXPECTED,
    when=(f("created") > 0) & (f("peak_hour_messages") >= 100),
    sentence="The connector was created in the window; its busiest hour had "
    "{peak_hour_messages:,.0f} messages.",
    rationale="New connectors start with a trickle of test mail. One that starts with a blast has "
    "no past to be compared with, so the playbook's 100 messages an hour stand in for it. Gateway "
    "migrations fire too.",
    fires={"created": 1, "peak_hour_messages": 100},
    nearly={"created": 1, "peak_hour_messages": 99},
    references=(PLAYBOOK,),
    attack_ids=("T1496.004", "T1566"),
)
VOLUME_ONE_SENDER = Signal(
    id="volume.one-sender",
    title="one sender in bulk",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=0.3,
    question=TRAFFIC_UNUSUAL,
    when=(f("sender_hours_over_threshold") > 0) & (f("baseline_sender_hours_over_threshold") == 0),
    sentence="In {sender_hours_over_threshold:.0f} hours one sender had 100 messages or more "
    "through the connector, and never in its own past.",
    rationale="The playbook's second query, against the connector's own past.",
    fires={"sender_hours_over_threshold": 1, "baseline_sender_hours_over_threshold": 0},
    nearly={"sender_hours_over_threshold": 1, "baseline_sender_hours_over_threshold": 1},
    references=(PLAYBOOK,),
)
VOLUME_STEADY = Signal(
    id="volume.steady",
    title="no more mail than before",
    family=Family.VOLUME,
    direction=Direction.AGAINST,
    weight=1.5,
    question=VOLUME_EXPECTED,
    when=(f("baseline_messages") > 0) & (f("peak_ratio") <= 2) & (f("daily_ratio") <= 2),
    sentence="The busiest hour is {peak_ratio:.1f} times, a day {daily_ratio:.1f} times that of "
    "its own past.",
    rationale="A connector that does what it always did was not put to a new use; unless the "
    "attack hides in it, which senders and recipients show.",
    fires={"baseline_messages": 9000, "peak_ratio": 1.1, "daily_ratio": 1.0},
    nearly={"baseline_messages": 9000, "peak_ratio": 2.1, "daily_ratio": 1.0},
    references=(PLAYBOOK,),
)

SENDER_MISMATCH = Signal(
    id="sender.mismatch",
    title="envelope and header senders differ",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.3,
    question=SENDERS_DIFFER,
    when=f("mismatch_share") >= 0.5,
    sentence="The P1 and P2 domains of {mismatch_share:.0%} of the messages differ.",
    rationale="The playbook's sign. It is weak alone: every marketing service sends so.",
    fires={"mismatch_share": 0.5},
    nearly={"mismatch_share": 0.49},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1672",),
)
SENDER_MISMATCH_NEW = Signal(
    id="sender.mismatch-new",
    title="envelope and header senders differ more than before",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.0,
    question=SENDERS_DIFFER,
    when=f("mismatch_share") - f("baseline_mismatch_share") >= 0.3,
    sentence="The P1 and P2 domains of {mismatch_share:.0%} of the messages differ; in its own "
    "past it was {baseline_mismatch_share:.0%}.",
    rationale="Spoofing that this connector did not do before.",
    fires={"mismatch_share": 0.9, "baseline_mismatch_share": 0.0},
    nearly={"mismatch_share": 0.9, "baseline_mismatch_share": 0.7},
    references=(PLAYBOOK,),
    attack_ids=("T1672",),
)
SENDER_NO_ID = Signal(
    id="sender.no-id",
    title="SenderObjectId is empty",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.2,
    question=NO_SENDER_ID,
    when=f("no_sender_id_share") >= 0.5,
    sentence="{no_sender_id_share:.0%} of the messages have no SenderObjectId.",
    rationale="The playbook's sign. It is weak alone: no honest on-premises relay has one.",
    fires={"no_sender_id_share": 0.5},
    nearly={"no_sender_id_share": 0.49},
    references=(PLAYBOOK,),
)
SENDER_NO_ID_NEW = Signal(
    id="sender.no-id-new",
    title="SenderObjectId is empty more often than before",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.6,
    question=NO_SENDER_ID,
    when=f("no_sender_id_share") - f("baseline_no_sender_id_share") >= 0.3,
    sentence="{no_sender_id_share:.0%} of the messages have no SenderObjectId; in its own past it "
    "was {baseline_no_sender_id_share:.0%}.",
    rationale="Mail that accounts of the tenant used to send now comes from somebody else.",
    fires={"no_sender_id_share": 0.9, "baseline_no_sender_id_share": 0.1},
    nearly={"no_sender_id_share": 0.9, "baseline_no_sender_id_share": 0.7},
    references=(PLAYBOOK,),
)
SENDER_NEW_ADDRESS = Signal(
    id="sender.new-address",
    title="mail from a new address",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.0,
    question=NEW_ADDRESS,
    when=f("new_address_share") >= 0.2,
    sentence="{new_address_share:.0%} of the messages came from addresses that the connector had "
    "not seen before.",
    rationale="Does the sender's address match the organisation's own? A vendor that rotates its "
    "addresses fires too.",
    fires={"new_address_share": 0.2},
    nearly={"new_address_share": 0.19},
    remediation="Compare the addresses with the organisation's and its vendors'.",
    references=(RESPOND,),
)
SENDER_NEW_ENVELOPE = Signal(
    id="sender.new-envelope-domain",
    title="mail to outside with new envelope domains",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.0,
    question=SENDERS_DIFFER,
    when=(f("new_envelope_domain_share") >= 0.3) & (f("external_share") >= 0.2),
    sentence="{new_envelope_domain_share:.0%} of the messages have a P1 domain that is new for the "
    "connector, and {external_share:.0%} go outside.",
    rationale="Relaying for strangers. Mail to outside only: a gateway meets new senders daily.",
    fires={"new_envelope_domain_share": 0.9, "external_share": 1.0},
    nearly={"new_envelope_domain_share": 0.9, "external_share": 0.1},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
SENDER_FOREIGN_NEW = Signal(
    id="sender.foreign-domain-new",
    title="more sender domains that are not the tenant's",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.5,
    question=FOREIGN_DOMAINS,
    when=f("unaccepted_sender_share") - f("baseline_unaccepted_sender_share") >= 0.3,
    sentence="{unaccepted_sender_share:.0%} of the messages have a P2 domain that is not the "
    "tenant's; in its own past it was {baseline_unaccepted_sender_share:.0%}.",
    rationale="Mail from a domain that is not registered with the tenant is a sign that Microsoft "
    "names for compromised connectors.",
    fires={"unaccepted_sender_share": 0.8, "baseline_unaccepted_sender_share": 0.0},
    nearly={"unaccepted_sender_share": 0.8, "baseline_unaccepted_sender_share": 0.6},
    references=(RESPOND,),
)
SENDER_STEADY = Signal(
    id="sender.steady",
    title="the same senders as before",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=NEW_ADDRESS,
    when=(f("new_address_share") <= 0.02)
    & (f("mismatch_share") - f("baseline_mismatch_share") <= 0.1)
    & (f("unaccepted_sender_share") - f("baseline_unaccepted_sender_share") <= 0.1),
    sentence="{new_address_share:.0%} of the messages came from new addresses, and no more than "
    "before have differing or foreign sender domains.",
    rationale="An attacker must send from somewhere; unless the relay behind the connector is "
    "itself taken over.",
    fires={
        "new_address_share": 0.0,
        "mismatch_share": 0.5,
        "baseline_mismatch_share": 0.5,
        "unaccepted_sender_share": 0.0,
        "baseline_unaccepted_sender_share": 0.0,
    },
    nearly={
        "new_address_share": 0.03,
        "mismatch_share": 0.5,
        "baseline_mismatch_share": 0.5,
        "unaccepted_sender_share": 0.0,
        "baseline_unaccepted_sender_share": 0.0,
    },
    references=(RESPOND,),
)

RECIPIENTS_SPRAY = Signal(
    id="recipients.spray",
    title="sprayed over unknown outside domains",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=1.2,
    question=SPRAY_AND_PRAY,
    when=(f("unknown_recipient_share") >= 0.3) & (f("unknown_domains") >= 20),
    sentence="{unknown_recipient_share:.0%} of the deliveries went to {unknown_domains:.0f} "
    "outside domains that nobody here had mailed before.",
    rationale="Spray-and-pray spam goes to lists of strangers. A first newsletter does, too.",
    fires={"unknown_recipient_share": 0.3, "unknown_domains": 20},
    nearly={"unknown_recipient_share": 0.3, "unknown_domains": 19},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
RECIPIENTS_EXTERNAL_NEW = Signal(
    id="recipients.external-new",
    title="more mail to outside than before",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.8,
    question=RECIPIENTS_EXTERNAL,
    when=f("external_share") - f("baseline_external_share") >= 0.3,
    sentence="{external_share:.0%} of the deliveries went outside; in its own past it was "
    "{baseline_external_share:.0%}.",
    rationale="A connector that served the tenant itself now relays to the world.",
    fires={"external_share": 0.9, "baseline_external_share": 0.1},
    nearly={"external_share": 0.9, "baseline_external_share": 0.7},
    references=(PLAYBOOK, RESPOND),
)
RECIPIENTS_SUPPLY_CHAIN = Signal(
    id="recipients.supply-chain",
    title="to customers and vendors it never wrote to",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.8,
    question=SUPPLY_CHAIN,
    when=(f("acquaintance_share") >= 0.3) & (f("messages") >= 20),
    sentence="{acquaintance_share:.0%} of the deliveries, of {messages:,.0f} messages, went to "
    "domains that the tenant knows, but not through this connector.",
    rationale="Supply-chain attacks use the trust of those who know the victim.",
    fires={"acquaintance_share": 0.3, "messages": 20},
    nearly={"acquaintance_share": 0.29, "messages": 20},
    references=(PLAYBOOK,),
    attack_ids=("T1199", "T1566"),
)
RECIPIENTS_INTERNAL_PHISH = Signal(
    id="recipients.internal-phishing",
    title="malicious mail to the tenant's own people",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.6,
    question=RECIPIENTS_INTERNAL,
    when=(f("external_share") <= 0.2)
    & (f("malicious_share") - f("baseline_malicious_share") >= 0.1),
    sentence="{malicious_share:.0%} of the messages are phishing or malware (before: "
    "{baseline_malicious_share:.0%}), and {external_share:.0%} of the deliveries go outside.",
    rationale="Mail through a trusted connector reaches colleagues with less filtering.",
    fires={"external_share": 0.0, "malicious_share": 0.2, "baseline_malicious_share": 0.0},
    nearly={"external_share": 0.3, "malicious_share": 0.2, "baseline_malicious_share": 0.0},
    references=(PLAYBOOK,),
    attack_ids=("T1534",),
)
RECIPIENTS_STEADY = Signal(
    id="recipients.steady",
    title="the same recipients as before",
    family=Family.RECIPIENTS,
    direction=Direction.AGAINST,
    weight=0.8,
    question=RECIPIENTS_EXTERNAL,
    when=(f("external_share") - f("baseline_external_share") <= 0.1)
    & (f("unknown_recipient_share") <= 0.1)
    & (f("acquaintance_share") <= 0.1),
    sentence="{unknown_recipient_share:.0%} of the deliveries went to domains that are new here, "
    "{acquaintance_share:.0%} to such as are new for the connector.",
    rationale="Attackers bring their own recipients.",
    fires={
        "external_share": 0.5,
        "baseline_external_share": 0.5,
        "unknown_recipient_share": 0.02,
        "acquaintance_share": 0.0,
    },
    nearly={
        "external_share": 0.5,
        "baseline_external_share": 0.5,
        "unknown_recipient_share": 0.11,
        "acquaintance_share": 0.0,
    },
    references=(PLAYBOOK,),
)

CONTENT_MALICIOUS = Signal(
    id="content.malicious",
    title="phishing or malware found",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.4,
    question=BAD_CONTENT,
    when=f("malicious_share") >= 0.05,
    sentence="The filter found phishing or malware in {malicious_share:.0%} of the messages.",
    rationale="Weak alone: a gateway in front of all inbound mail always carries some.",
    fires={"malicious_share": 0.05},
    nearly={"malicious_share": 0.04},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
CONTENT_MALICIOUS_NEW = Signal(
    id="content.malicious-new",
    title="more phishing or malware than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=1.0,
    question=BAD_CONTENT,
    when=f("malicious_share") - f("baseline_malicious_share") >= 0.05,
    sentence="The filter found phishing or malware in {malicious_share:.0%} of the messages; in "
    "its own past it was {baseline_malicious_share:.0%}.",
    rationale="Content that this connector did not carry before.",
    fires={"malicious_share": 0.2, "baseline_malicious_share": 0.01},
    nearly={"malicious_share": 0.05, "baseline_malicious_share": 0.01},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
CONTENT_JUNKED_NEW = Signal(
    id="content.junked-new",
    title="more junked or blocked mail than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=1.0,
    question=BAD_CONTENT,
    when=f("junk_share") - f("baseline_junk_share") >= 0.1,
    sentence="{junk_share:.0%} of the messages were junked, blocked or replaced; in its own past "
    "it was {baseline_junk_share:.0%}.",
    rationale="Many recent messages in Junk are, in Microsoft's words, a clear indication.",
    fires={"junk_share": 0.3, "baseline_junk_share": 0.0},
    nearly={"junk_share": 0.3, "baseline_junk_share": 0.25},
    references=(RESPOND,),
    attack_ids=("T1566",),
)
CONTENT_LINKS_NEW = Signal(
    id="content.links-new",
    title="more mail with links than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.4,
    question=BAD_CONTENT,
    when=f("url_share") - f("baseline_url_share") >= 0.3,
    sentence="{url_share:.0%} of the messages have links; in its own past it was "
    "{baseline_url_share:.0%}.",
    rationale="Phishing needs something to click; so do newsletters.",
    fires={"url_share": 0.9, "baseline_url_share": 0.2},
    nearly={"url_share": 0.9, "baseline_url_share": 0.7},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
CONTENT_ATTACHMENTS_NEW = Signal(
    id="content.attachments-new",
    title="more mail with attachments than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.3,
    question=BAD_CONTENT,
    when=f("attachment_share") - f("baseline_attachment_share") >= 0.3,
    sentence="{attachment_share:.0%} of the messages have attachments; in its own past it was "
    "{baseline_attachment_share:.0%}.",
    rationale="Malware and invoices come attached; so do scans and bills.",
    fires={"attachment_share": 0.9, "baseline_attachment_share": 0.2},
    nearly={"attachment_share": 0.9, "baseline_attachment_share": 0.7},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
CONTENT_CLEAN = Signal(
    id="content.clean",
    title="no threats found",
    family=Family.CONTENT,
    direction=Direction.AGAINST,
    weight=0.4,
    question=BAD_CONTENT,
    when=(f("threat_share") == 0) & (f("junk_share") - f("baseline_junk_share") <= 0.02),
    sentence="The filter found threats in {threat_share:.0%} of the messages and junked no more "
    "than before.",
    rationale="Weak: connectors are attacked because their mail is trusted and filtered less.",
    fires={"threat_share": 0.0, "junk_share": 0.01, "baseline_junk_share": 0.01},
    nearly={"threat_share": 0.01, "junk_share": 0.01, "baseline_junk_share": 0.01},
    references=(PLAYBOOK,),
)

SIGNALS = (
    VOLUME_SURGE,
    VOLUME_SUSTAINED,
    VOLUME_NEW_CONNECTOR,
    VOLUME_ONE_SENDER,
    VOLUME_STEADY,
    SENDER_MISMATCH,
    SENDER_MISMATCH_NEW,
    SENDER_NO_ID,
    SENDER_NO_ID_NEW,
    SENDER_NEW_ADDRESS,
    SENDER_NEW_ENVELOPE,
    SENDER_FOREIGN_NEW,
    SENDER_STEADY,
    RECIPIENTS_SPRAY,
    RECIPIENTS_EXTERNAL_NEW,
    RECIPIENTS_SUPPLY_CHAIN,
    RECIPIENTS_INTERNAL_PHISH,
    RECIPIENTS_STEADY,
    CONTENT_MALICIOUS,
    CONTENT_MALICIOUS_NEW,
    CONTENT_JUNKED_NEW,
    CONTENT_LINKS_NEW,
    CONTENT_ATTACHMENTS_NEW,
    CONTENT_CLEAN,
)
