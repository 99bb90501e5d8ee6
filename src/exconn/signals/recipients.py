"""Signals about whom the mail goes to."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import PLAYBOOK, RESPOND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

SPRAY = Signal(
    id="recipients.spray",
    title="sprayed over unknown outside domains",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=1.0,
    question=question.SPRAY_AND_PRAY,
    when=(f("unknown_recipient_share") >= 0.3) & (f("unknown_domains") >= 20),
    sentence="{unknown_recipient_share:.0%} of the deliveries went to {unknown_domains:.0f} "
    "outside domains that nobody here had mailed before.",
    rationale="Spray-and-pray spam goes to lists of strangers. A first newsletter does, too.",
    fires={"unknown_recipient_share": 0.3, "unknown_domains": 20},
    nearly={"unknown_recipient_share": 0.3, "unknown_domains": 19},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
SUDDEN = Signal(
    id="recipients.sudden-strangers",
    title="strangers, where it wrote to few before",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.8,
    question=question.RECIPIENTS_EXTERNAL,
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
UNPROMPTED = Signal(
    id="recipients.unprompted-strangers",
    title="strangers, and nothing was changed",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=1.2,
    question=question.RECIPIENTS_EXTERNAL,
    when=(f("changes") + f("unresolved_changes") == 0)
    & (f("messages") >= 20)
    & (f("baseline_messages") >= 20)
    & (f("unknown_domains") >= 5)
    & (f("external_share") - f("baseline_external_share") >= 0.05),
    sentence="Of {messages:,.0f} messages some went to {unknown_domains:,.0f} outside domains that "
    "nobody here had mailed, and {external_share:.0%} of the deliveries outside (of "
    "{baseline_messages:,.0f} messages before: {baseline_external_share:.0%}). Changes of the "
    "connector: {changes:.0f}, of connectors without a known name: {unresolved_changes:.0f}.",
    rationale="A new use of a connector comes with a change, unless it is the server behind it "
    "that has a new master. An attack in much honest mail is a small share of it.",
    fires={
        "changes": 0,
        "unresolved_changes": 0,
        "messages": 20,
        "baseline_messages": 20,
        "unknown_domains": 5,
        "external_share": 0.3,
        "baseline_external_share": 0.2,
    },
    nearly={
        "changes": 0,
        "unresolved_changes": 1,
        "messages": 20,
        "baseline_messages": 20,
        "unknown_domains": 5,
        "external_share": 0.3,
        "baseline_external_share": 0.2,
    },
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
    absent=("changes", "unresolved_changes"),
)
EXTERNAL_NEW = Signal(
    id="recipients.external-new",
    title="more mail to outside than before",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.6,
    question=question.RECIPIENTS_EXTERNAL,
    when=f("external_share") - f("baseline_external_share") >= 0.3,
    sentence="{external_share:.0%} of the deliveries went outside; in its own past it was "
    "{baseline_external_share:.0%}.",
    rationale="A connector that served the tenant itself now relays to the world.",
    fires={"external_share": 0.9, "baseline_external_share": 0.1},
    nearly={"external_share": 0.9, "baseline_external_share": 0.7},
    references=(PLAYBOOK, RESPOND),
)
SUPPLY_CHAIN = Signal(
    id="recipients.supply-chain",
    title="to customers and vendors it never wrote to",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.5,
    question=question.SUPPLY_CHAIN,
    when=(f("acquaintance_share") >= 0.3) & (f("messages") >= 20),
    sentence="{acquaintance_share:.0%} of the deliveries, of {messages:,.0f} messages, went to "
    "domains that the tenant knows, but not through this connector.",
    rationale="Supply-chain attacks use the trust of those who know the victim.",
    fires={"acquaintance_share": 0.3, "messages": 20},
    nearly={"acquaintance_share": 0.29, "messages": 20},
    references=(PLAYBOOK,),
    attack_ids=("T1199", "T1566"),
)
INTERNAL_PHISH = Signal(
    id="recipients.internal-phishing",
    title="malicious mail to the tenant's own people",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.6,
    question=question.RECIPIENTS_INTERNAL,
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
FROM_STRANGERS = Signal(
    id="recipients.staff-from-strangers",
    title="staff get mail in names that nobody can vouch for",
    family=Family.RECIPIENTS,
    direction=Direction.FOR,
    weight=0.8,
    question=question.NEW_DOMAINS,
    when=(f("fresh_domain_messages") >= 10)
    & (f("fresh_known_share") + f("fresh_own_authenticated_share") < 0.05)
    & (f("outbound_share") < 0.2)
    & (f("no_sender_id_share") >= 0.5)
    & (f("simulation_share") < 0.9),
    sentence="{fresh_domain_messages:,.0f} messages have domains new to the connector; "
    "{fresh_known_share:.0%} of them are of domains that the tenant dealt with before, "
    "{fresh_own_authenticated_share:.0%} the tenant's own, and pass DMARC. Of all "
    "{outbound_share:.0%} go outside, {no_sender_id_share:.0%} have no account, and "
    "{simulation_share:.0%} are of a known phishing simulation.",
    rationale="A vendor whose mail gets a way of its own is one that the tenant knows. The domains "
    "of an attacker pass every check, but nobody here ever dealt with them; the tenant's own name "
    "passes for nobody else.",
    fires={
        "fresh_domain_messages": 10,
        "fresh_known_share": 0.0,
        "fresh_own_authenticated_share": 0.04,
        "outbound_share": 0.0,
        "no_sender_id_share": 1.0,
        "simulation_share": 0.0,
    },
    nearly={
        "fresh_domain_messages": 10,
        "fresh_known_share": 0.1,
        "fresh_own_authenticated_share": 0.0,
        "outbound_share": 0.0,
        "no_sender_id_share": 1.0,
        "simulation_share": 0.0,
    },
    references=(PLAYBOOK,),
    attack_ids=("T1566", "T1583.001"),
)
STEADY = Signal(
    id="recipients.steady",
    title="the same recipients as before",
    family=Family.RECIPIENTS,
    direction=Direction.AGAINST,
    weight=0.8,
    question=question.RECIPIENTS_EXTERNAL,
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

SIGNALS = (
    SPRAY,
    SUDDEN,
    UNPROMPTED,
    EXTERNAL_NEW,
    SUPPLY_CHAIN,
    INTERNAL_PHISH,
    FROM_STRANGERS,
    STEADY,
)
