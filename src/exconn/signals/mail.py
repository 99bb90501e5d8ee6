"""Signals about the mail: its volume, its senders, its recipients, its content."""

import polars as pl

from exconn.signals.question import (
    BAD_CONTENT,
    DISOWNED,
    FOREIGN_DOMAINS,
    LINKS_OR_ATTACHMENTS,
    NEW_ADDRESS,
    NEW_DOMAINS,
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
    when=(f("peak_hour_messages") >= 30) & (f("peak_hour_messages") >= 4 * f("baseline_peak_hour")),
    sentence="{peak_hour_messages:,.0f} messages in the window's busiest hour; the busiest hour of "
    "its own past had {baseline_peak_hour:,.0f}.",
    rationale="A hijacked connector sends in bulk, at once. A fixed threshold would hit every "
    "billing run; the connector's own busiest hour does not. A first campaign or a seasonal peak "
    "fires too: then senders and recipients stay as they were.",
    fires={"peak_hour_messages": 412, "baseline_peak_hour": 9},
    nearly={"peak_hour_messages": 412, "baseline_peak_hour": 104},
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
    weight=1.0,
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
    when=(f("sender_hours_over_threshold") > 0)
    & (f("baseline_sender_hours_over_threshold") == 0)
    & (f("baseline_days") >= 7),
    sentence="In {sender_hours_over_threshold:.0f} hours one sender had 100 messages or more "
    "through the connector, and never in its own past of {baseline_days:.0f} days.",
    rationale="The playbook's second query, against the connector's own past.",
    fires={
        "sender_hours_over_threshold": 1,
        "baseline_sender_hours_over_threshold": 0,
        "baseline_days": 30,
    },
    nearly={
        "sender_hours_over_threshold": 1,
        "baseline_sender_hours_over_threshold": 1,
        "baseline_days": 30,
    },
    references=(PLAYBOOK,),
)
VOLUME_FEW = Signal(
    id="volume.few",
    title="hardly any mail, to hardly anybody outside",
    family=Family.VOLUME,
    direction=Direction.AGAINST,
    weight=0.8,
    question=VOLUME_EXPECTED,
    when=(f("messages") < 45) & (f("external_domains") <= 6),
    sentence="{messages:,.0f} messages in the window, to {external_domains:.0f} domains outside.",
    rationale="Somebody tries something out. Whoever takes over a connector uses it; a first few "
    "mails to the right people inside are the exception.",
    fires={"messages": 44, "external_domains": 6},
    nearly={"messages": 44, "external_domains": 7},
    references=(PLAYBOOK,),
)
VOLUME_STEADY = Signal(
    id="volume.steady",
    title="no more mail than before",
    family=Family.VOLUME,
    direction=Direction.AGAINST,
    weight=1.0,
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
    weight=0.8,
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
    question=NEW_DOMAINS,
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
    weight=0.6,
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
    & (f("no_sender_id_share") >= 0.5)
    & (f("mismatch_share") - f("baseline_mismatch_share") <= 0.1)
    & (f("unaccepted_sender_share") - f("baseline_unaccepted_sender_share") <= 0.1),
    sentence="{new_address_share:.0%} of the messages came from new addresses, no more than before "
    "have differing or foreign sender domains, and {no_sender_id_share:.0%} have no account.",
    rationale="An attacker must send from somewhere; unless the relay behind the connector is "
    "itself taken over. Of mail that accounts send it says nothing.",
    fires={
        "new_address_share": 0.0,
        "no_sender_id_share": 1.0,
        "mismatch_share": 0.5,
        "baseline_mismatch_share": 0.5,
        "unaccepted_sender_share": 0.0,
        "baseline_unaccepted_sender_share": 0.0,
    },
    nearly={
        "new_address_share": 0.03,
        "no_sender_id_share": 1.0,
        "mismatch_share": 0.5,
        "baseline_mismatch_share": 0.5,
        "unaccepted_sender_share": 0.0,
        "baseline_unaccepted_sender_share": 0.0,
    },
    references=(RESPOND,),
)

SENDER_STRANGERS = Signal(
    id="sender.strangers",
    title="relays strangers' mail to outside",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.5,
    question=FOREIGN_DOMAINS,
    when=f("stranger_share") >= 0.1,
    sentence="{stranger_share:.0%} of the messages go outside in the name of domains that are not "
    "the tenant's and that nobody here ever mailed.",
    rationale="Nobody relays for strangers on purpose. An attacker's own domain passes every check "
    "of authentication; this shows it all the same. A company just acquired fires too, until its "
    "domain is accepted.",
    fires={"stranger_share": 0.1},
    nearly={"stranger_share": 0.09},
    remediation="Disable the connector; add domains that belong here to the context.",
    references=(RESPOND,),
    attack_ids=("T1672", "T1583.001"),
)
SENDER_RELAYS = Signal(
    id="sender.relays-others",
    title="relays other domains' mail to outside",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.8,
    question=FOREIGN_DOMAINS,
    when=f("relayed_share") >= 0.2,
    sentence="{relayed_share:.0%} of the messages go outside in the name of domains that are not "
    "the tenant's.",
    rationale="Attackers write in the name of the victim's customers, too, whom the tenant knows. "
    "Firms that were taken over and services that forward mail fire as well.",
    fires={"relayed_share": 0.2},
    nearly={"relayed_share": 0.19},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
SENDER_LOOKALIKE = Signal(
    id="sender.lookalike",
    title="a domain that looks like the tenant's",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.2,
    question=FOREIGN_DOMAINS,
    when=f("lookalike_share") >= 0.03,
    sentence="{lookalike_share:.0%} of the messages have a sender domain that looks like one of "
    "the tenant's and is none.",
    rationale="An attacker's own domain passes DMARC; only people mistake it. Phishing simulations "
    "do the same, and so do services that put a customer's name into theirs.",
    fires={"lookalike_share": 0.03},
    nearly={"lookalike_share": 0.02},
    remediation="Compare the domain letter by letter with the organisation's.",
    references=(RESPOND,),
    attack_ids=("T1583.001", "T1672"),
)
SENDER_FRESH_DOMAIN_OUT = Signal(
    id="sender.fresh-domain-outbound",
    title="mail to outside from domains new to the connector",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.6,
    question=NEW_DOMAINS,
    when=(f("fresh_domain_messages") >= 10) & (f("fresh_domain_outbound_share") >= 0.5),
    sentence="{fresh_domain_messages:,.0f} messages have a P1 or P2 domain that is new to the "
    "connector; {fresh_domain_outbound_share:.0%} of them go outside.",
    rationale="Counted, not as a share: an attack inside a large campaign is a small share of it. "
    "A new connector has new domains only.",
    fires={"fresh_domain_messages": 10, "fresh_domain_outbound_share": 0.5},
    nearly={"fresh_domain_messages": 9, "fresh_domain_outbound_share": 0.5},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
SENDER_FRESH_ADDRESS_OUT = Signal(
    id="sender.fresh-address-outbound",
    title="mail to outside from addresses new to the connector",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.5,
    question=NEW_ADDRESS,
    when=(f("fresh_address_messages") >= 10) & (f("fresh_address_outbound_share") >= 0.5),
    sentence="{fresh_address_messages:,.0f} messages came from addresses that are new to the "
    "connector; {fresh_address_outbound_share:.0%} of them go outside.",
    rationale="A server that nobody knew sends to the world. A new service does as well.",
    fires={"fresh_address_messages": 10, "fresh_address_outbound_share": 0.5},
    nearly={"fresh_address_messages": 9, "fresh_address_outbound_share": 0.5},
    references=(RESPOND,),
)
SENDER_SPOOFED = Signal(
    id="sender.own-domain-spoofed",
    title="the tenant's own domain, unauthenticated",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.6,
    question=DISOWNED,
    when=f("own_unauthenticated_share") >= 0.1,
    sentence="{own_unauthenticated_share:.0%} of the messages claim the tenant's own domain and "
    "fail DMARC.",
    rationale="An attacker has neither the tenant's DKIM keys nor a place in its SPF record; nor "
    "has a forgotten printer.",
    fires={"own_unauthenticated_share": 0.1},
    nearly={"own_unauthenticated_share": 0.09},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
SENDER_SPOOFED_NEW = Signal(
    id="sender.own-domain-spoofed-new",
    title="the tenant's own domain unauthenticated more often than before",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.8,
    question=DISOWNED,
    when=f("own_unauthenticated_share") - f("baseline_own_unauthenticated_share") >= 0.03,
    sentence="{own_unauthenticated_share:.0%} of the messages claim the tenant's own domain and "
    "fail DMARC; in its own past it was {baseline_own_unauthenticated_share:.0%}.",
    rationale="What this connector carried before was authenticated, or never was.",
    fires={"own_unauthenticated_share": 0.1, "baseline_own_unauthenticated_share": 0.0},
    nearly={"own_unauthenticated_share": 0.1, "baseline_own_unauthenticated_share": 0.08},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
SENDER_UNAUTHENTICATED = Signal(
    id="sender.unauthenticated",
    title="mail that fails DMARC",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.5,
    question=DISOWNED,
    when=f("unauthenticated_share") >= 0.3,
    sentence="{unauthenticated_share:.0%} of the messages fail DMARC.",
    rationale="The domains that it claims disown it. Behind a gateway authentication often breaks.",
    fires={"unauthenticated_share": 0.3},
    nearly={"unauthenticated_share": 0.29},
    references=(RESPOND,),
)
SENDER_OWN = Signal(
    id="sender.own-authenticated",
    title="the tenant's own domain, authenticated",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=DISOWNED,
    when=(f("own_authenticated_share") >= 0.9)
    & (f("no_sender_id_share") >= 0.5)
    & (f("fresh_address_messages") > 0),
    sentence="{fresh_address_messages:,.0f} messages are from addresses new to the connector. Of "
    "all, {own_authenticated_share:.0%} are from the tenant's own domain and pass DMARC; "
    "{no_sender_id_share:.0%} have no account.",
    rationale="Whoever runs the tenant's DNS let the service send in its name: a marketing "
    "service's bounce domain differs, but its mail is signed. A relay that is taken over passes, "
    "too, so where no address is new it says nothing; nor of mail that accounts send.",
    fires={
        "own_authenticated_share": 0.9,
        "no_sender_id_share": 1.0,
        "fresh_address_messages": 1,
    },
    nearly={
        "own_authenticated_share": 0.9,
        "no_sender_id_share": 1.0,
        "fresh_address_messages": 0,
    },
    references=(RESPOND,),
)
SENDER_VOUCHED = Signal(
    id="sender.vouched",
    title="what is new is vouched for",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=FOREIGN_DOMAINS,
    when=(f("fresh_domain_messages") > 0)
    & (f("no_sender_id_share") >= 0.5)
    & (f("fresh_own_authenticated_share") + f("fresh_known_share") >= 0.95),
    sentence="Of {fresh_domain_messages:,.0f} messages with sender domains new to the connector, "
    "{fresh_own_authenticated_share:.0%} are the tenant's own and pass DMARC; "
    "{fresh_known_share:.0%} come in from domains that the tenant dealt with before, and pass. "
    "{no_sender_id_share:.0%} of all messages have no account.",
    rationale="An attacker either spoofs a domain and fails, or uses a strange one. Of mail that "
    "accounts send it says nothing.",
    fires={
        "fresh_domain_messages": 1,
        "fresh_own_authenticated_share": 0.5,
        "fresh_known_share": 0.5,
        "no_sender_id_share": 1.0,
    },
    nearly={
        "fresh_domain_messages": 1,
        "fresh_own_authenticated_share": 0.5,
        "fresh_known_share": 0.4,
        "no_sender_id_share": 1.0,
    },
    references=(RESPOND,),
)
SENDER_DISOWNED = Signal(
    id="sender.disowned",
    title="what is new is disowned",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.2,
    question=NEW_DOMAINS,
    when=(f("fresh_domain_messages") >= 10)
    & (
        f("fresh_own_unauthenticated_share") + f("fresh_relayed_share") + f("fresh_lookalike_share")
        >= 0.5
    ),
    sentence="Of {fresh_domain_messages:,.0f} messages with sender domains new to the connector, "
    "{fresh_own_unauthenticated_share:.0%} claim the tenant's own domain and fail DMARC, "
    "{fresh_relayed_share:.0%} go outside in another's name, and {fresh_lookalike_share:.0%} look "
    "like the tenant's.",
    rationale="Counted among what is new alone, so that a large campaign does not hide a small "
    "attack.",
    fires={
        "fresh_domain_messages": 10,
        "fresh_own_unauthenticated_share": 0.5,
        "fresh_relayed_share": 0.0,
        "fresh_lookalike_share": 0.0,
    },
    nearly={
        "fresh_domain_messages": 10,
        "fresh_own_unauthenticated_share": 0.4,
        "fresh_relayed_share": 0.0,
        "fresh_lookalike_share": 0.0,
    },
    references=(RESPOND,),
    attack_ids=("T1672", "T1583.001"),
)
SENDER_SPOOFED_ALL = Signal(
    id="sender.all-own-domain-spoofed",
    title="nothing but the tenant's own domain, unauthenticated",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.0,
    question=DISOWNED,
    when=f("own_unauthenticated_share") >= 0.95,
    sentence="{own_unauthenticated_share:.0%} of the messages claim the tenant's own domain and "
    "fail DMARC.",
    rationale="A service that is set up badly fails in part; who has no keys fails in all.",
    fires={"own_unauthenticated_share": 0.95},
    nearly={"own_unauthenticated_share": 0.94},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
SENDER_WORLD = Signal(
    id="sender.gateway-like",
    title="mail of many known domains to the tenant's own people",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=FOREIGN_DOMAINS,
    when=(f("header_domains") >= 30)
    & (f("outbound_share") <= 0.01)
    & (f("fresh_known_share") >= 0.5),
    sentence="The messages come from {header_domains:,.0f} domains; {outbound_share:.0%} go "
    "outside. Of those with domains new to the connector {fresh_known_share:.0%} are of domains "
    "that the tenant dealt with before, and pass DMARC.",
    rationale="So does mail through a new gateway. From headers are free text: many domains alone "
    "say nothing.",
    fires={"header_domains": 30, "outbound_share": 0.0, "fresh_known_share": 0.5},
    nearly={"header_domains": 30, "outbound_share": 0.0, "fresh_known_share": 0.4},
    references=(RESPOND,),
)

RECIPIENTS_SPRAY = Signal(
    id="recipients.spray",
    title="sprayed over unknown outside domains",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=1.0,
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
RECIPIENTS_SUDDEN = Signal(
    id="recipients.sudden-strangers",
    title="strangers, where it wrote to few before",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.8,
    question=RECIPIENTS_EXTERNAL,
    when=(f("unknown_recipient_share") >= 0.3)
    & (f("external_share") - f("baseline_external_share") >= 0.2),
    sentence="{unknown_recipient_share:.0%} of the deliveries went to domains that nobody here had "
    "mailed; {external_share:.0%} go outside, where it was {baseline_external_share:.0%}.",
    rationale="A relay that is taken over needs no change; whom it writes to tells. A seasonal "
    "campaign reaches new customers, but went outside before.",
    fires={
        "unknown_recipient_share": 0.5,
        "external_share": 0.9,
        "baseline_external_share": 0.1,
    },
    nearly={
        "unknown_recipient_share": 0.5,
        "external_share": 0.9,
        "baseline_external_share": 0.8,
    },
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
RECIPIENTS_UNPROMPTED = Signal(
    id="recipients.unprompted-strangers",
    title="strangers, and nothing was changed",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=1.2,
    question=RECIPIENTS_EXTERNAL,
    when=(f("changes") == 0)
    & (f("unknown_recipient_share") >= 0.3)
    & (f("external_share") - f("baseline_external_share") >= 0.2),
    sentence="{unknown_recipient_share:.0%} of the deliveries went to domains that nobody here had "
    "mailed, {external_share:.0%} outside (before: {baseline_external_share:.0%}), without a "
    "change of the connector ({changes:.0f}).",
    rationale="A new use of a connector comes with a change, unless it is the server behind it "
    "that has a new master.",
    fires={
        "changes": 0,
        "unknown_recipient_share": 0.5,
        "external_share": 0.9,
        "baseline_external_share": 0.1,
    },
    nearly={
        "changes": 1,
        "unknown_recipient_share": 0.5,
        "external_share": 0.9,
        "baseline_external_share": 0.1,
    },
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
    absent=("changes",),
)
RECIPIENTS_EXTERNAL_NEW = Signal(
    id="recipients.external-new",
    title="more mail to outside than before",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.6,
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
    weight=0.5,
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
    weight=0.8,
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
CONTENT_BAD_OUTBOUND = Signal(
    id="content.bad-outbound",
    title="bad mail to outside",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=1.0,
    question=BAD_CONTENT,
    when=(f("bad_outbound_share") >= 0.03) & (f("messages") >= 10),
    sentence="{bad_outbound_share:.0%} of the mail to outside, of {messages:,.0f} messages in all, "
    "is phishing or malware, or was junked or blocked.",
    rationale="What comes in is bad now and then; what an organisation sends out is not.",
    fires={"bad_outbound_share": 0.03, "messages": 10},
    nearly={"bad_outbound_share": 0.02, "messages": 10},
    references=(RESPOND,),
    attack_ids=("T1566",),
)
CONTENT_FRESH_BAD = Signal(
    id="content.fresh-bad",
    title="bad mail from what is new to the connector",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.8,
    question=BAD_CONTENT,
    when=(f("fresh_domain_messages") >= 10)
    & (f("fresh_domain_bad_share") >= 0.1)
    & (f("fresh_known_share") < 0.5),
    sentence="{fresh_domain_bad_share:.0%} of the {fresh_domain_messages:,.0f} messages from "
    "domains new to the connector are phishing or malware, or were junked or blocked; "
    "{fresh_known_share:.0%} of them are of domains that the tenant dealt with before.",
    rationale="Newcomers that misbehave. A new gateway brings the tenant's old acquaintances, with "
    "their junk.",
    fires={
        "fresh_domain_messages": 10,
        "fresh_domain_bad_share": 0.1,
        "fresh_known_share": 0.0,
    },
    nearly={
        "fresh_domain_messages": 10,
        "fresh_domain_bad_share": 0.09,
        "fresh_known_share": 0.0,
    },
    references=(RESPOND,),
    attack_ids=("T1566",),
)
CONTENT_SPOOFED_LINKS = Signal(
    id="content.spoofed-links",
    title="links in the tenant's own, disowned name",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.8,
    question=LINKS_OR_ATTACHMENTS,
    when=(f("own_unauthenticated_share") >= 0.25) & (f("url_share") >= 0.4),
    sentence="{own_unauthenticated_share:.0%} of the messages claim the tenant's own domain and "
    "fail DMARC, and {url_share:.0%} have links.",
    rationale="Machines that are set up badly fail DMARC; they seldom ask for a click.",
    fires={"own_unauthenticated_share": 0.9, "url_share": 0.9},
    nearly={"own_unauthenticated_share": 0.9, "url_share": 0.3},
    references=(RESPOND,),
    attack_ids=("T1566.002", "T1672"),
)
CONTENT_LINKS_NEW = Signal(
    id="content.links-new",
    title="more mail with links than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.6,
    question=LINKS_OR_ATTACHMENTS,
    when=(f("changes") > 0) & (f("url_share") - f("baseline_url_share") >= 0.3),
    sentence="{url_share:.0%} of the messages have links; in its own past it was "
    "{baseline_url_share:.0%}. Changes of the connector: {changes:.0f}.",
    rationale="Phishing needs something to click; so do newsletters.",
    fires={"changes": 1, "url_share": 0.9, "baseline_url_share": 0.2},
    nearly={"changes": 1, "url_share": 0.9, "baseline_url_share": 0.7},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
CONTENT_UNPROMPTED_LINKS = Signal(
    id="content.unprompted-links",
    title="more mail with links, and nothing was changed",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.8,
    question=LINKS_OR_ATTACHMENTS,
    when=(f("changes") == 0)
    & (f("messages") >= 20)
    & (f("baseline_messages") >= 20)
    & (f("url_share") - f("baseline_url_share") >= 0.3),
    sentence="{url_share:.0%} of {messages:,.0f} messages have links (before: "
    "{baseline_url_share:.0%} of {baseline_messages:,.0f}), without a change of the connector "
    "({changes:.0f}).",
    rationale="What machines send seldom changes its nature by itself; a server that is taken over "
    "does.",
    fires={
        "changes": 0,
        "messages": 20,
        "baseline_messages": 20,
        "url_share": 0.9,
        "baseline_url_share": 0.2,
    },
    nearly={
        "changes": 0,
        "messages": 19,
        "baseline_messages": 20,
        "url_share": 0.9,
        "baseline_url_share": 0.2,
    },
    references=(PLAYBOOK,),
    attack_ids=("T1566.002",),
    absent=("changes",),
)
CONTENT_ATTACHMENTS_NEW = Signal(
    id="content.attachments-new",
    title="more mail with attachments than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.3,
    question=LINKS_OR_ATTACHMENTS,
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
    when=(f("threat_share") == 0) & (f("junk_share") <= 0.02),
    sentence="The filter found threats in {threat_share:.0%} of the messages, and {junk_share:.0%} "
    "were junked or blocked.",
    rationale="Weak: connectors are attacked because their mail is trusted and filtered less.",
    fires={"threat_share": 0.0, "junk_share": 0.01},
    nearly={"threat_share": 0.01, "junk_share": 0.01},
    references=(PLAYBOOK,),
)

SIGNALS = (
    VOLUME_SURGE,
    VOLUME_SUSTAINED,
    VOLUME_NEW_CONNECTOR,
    VOLUME_ONE_SENDER,
    VOLUME_FEW,
    VOLUME_STEADY,
    SENDER_MISMATCH,
    SENDER_MISMATCH_NEW,
    SENDER_NO_ID,
    SENDER_NO_ID_NEW,
    SENDER_NEW_ADDRESS,
    SENDER_NEW_ENVELOPE,
    SENDER_FOREIGN_NEW,
    SENDER_STRANGERS,
    SENDER_RELAYS,
    SENDER_LOOKALIKE,
    SENDER_FRESH_DOMAIN_OUT,
    SENDER_FRESH_ADDRESS_OUT,
    SENDER_SPOOFED,
    SENDER_SPOOFED_NEW,
    SENDER_SPOOFED_ALL,
    SENDER_DISOWNED,
    SENDER_UNAUTHENTICATED,
    SENDER_STEADY,
    SENDER_OWN,
    SENDER_VOUCHED,
    SENDER_WORLD,
    RECIPIENTS_SPRAY,
    RECIPIENTS_SUDDEN,
    RECIPIENTS_UNPROMPTED,
    RECIPIENTS_EXTERNAL_NEW,
    RECIPIENTS_SUPPLY_CHAIN,
    RECIPIENTS_INTERNAL_PHISH,
    RECIPIENTS_STEADY,
    CONTENT_MALICIOUS,
    CONTENT_MALICIOUS_NEW,
    CONTENT_JUNKED_NEW,
    CONTENT_BAD_OUTBOUND,
    CONTENT_FRESH_BAD,
    CONTENT_SPOOFED_LINKS,
    CONTENT_LINKS_NEW,
    CONTENT_UNPROMPTED_LINKS,
    CONTENT_ATTACHMENTS_NEW,
    CONTENT_CLEAN,
)
