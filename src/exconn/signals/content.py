"""Signals about what the mail carries, and what the filter made of it."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import PLAYBOOK, RESPOND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

MALICIOUS = Signal(
    id="content.malicious",
    title="phishing or malware found",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.4,
    question=question.BAD_CONTENT,
    when=f("malicious_share") >= 0.05,
    sentence="The filter found phishing or malware in {malicious_share:.0%} of the messages.",
    rationale="Weak alone: a gateway in front of all inbound mail always carries some.",
    fires={"malicious_share": 0.05},
    nearly={"malicious_share": 0.04},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
MALICIOUS_NEW = Signal(
    id="content.malicious-new",
    title="more phishing or malware than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=1.0,
    question=question.BAD_CONTENT,
    when=f("malicious_share") - f("baseline_malicious_share") >= 0.05,
    sentence="The filter found phishing or malware in {malicious_share:.0%} of the messages; in "
    "its own past it was {baseline_malicious_share:.0%}.",
    rationale="Content that this connector did not carry before.",
    fires={"malicious_share": 0.2, "baseline_malicious_share": 0.01},
    nearly={"malicious_share": 0.05, "baseline_malicious_share": 0.01},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
JUNKED_NEW = Signal(
    id="content.junked-new",
    title="more junked or blocked mail than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.8,
    question=question.BAD_CONTENT,
    when=f("junk_share") - f("baseline_junk_share") >= 0.1,
    sentence="{junk_share:.0%} of the messages were junked, blocked or replaced; in its own past "
    "it was {baseline_junk_share:.0%}.",
    rationale="Many recent messages in Junk are, in Microsoft's words, a clear indication.",
    fires={"junk_share": 0.3, "baseline_junk_share": 0.0},
    nearly={"junk_share": 0.3, "baseline_junk_share": 0.25},
    references=(RESPOND,),
    attack_ids=("T1566",),
)
BAD_OUTBOUND = Signal(
    id="content.bad-outbound",
    title="bad mail to outside",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=1.0,
    question=question.BAD_CONTENT,
    when=(f("bad_outbound_share") >= 0.03) & (f("messages") >= 10),
    sentence="{bad_outbound_share:.0%} of the mail to outside, of {messages:,.0f} messages in all, "
    "is phishing or malware, or was junked or blocked.",
    rationale="What comes in is bad now and then; what an organisation sends out is not.",
    fires={"bad_outbound_share": 0.03, "messages": 10},
    nearly={"bad_outbound_share": 0.02, "messages": 10},
    references=(RESPOND,),
    attack_ids=("T1566",),
)
FRESH_BAD = Signal(
    id="content.fresh-bad",
    title="bad mail from what is new to the connector",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.8,
    question=question.BAD_CONTENT,
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
SPOOFED_LINKS = Signal(
    id="content.spoofed-links",
    title="links in the tenant's own, disowned name",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.8,
    question=question.LINKS_OR_ATTACHMENTS,
    when=(f("own_unauthenticated_share") >= 0.25) & (f("url_share") >= 0.4),
    sentence="{own_unauthenticated_share:.0%} of the messages claim the tenant's own domain and "
    "fail DMARC, and {url_share:.0%} have links.",
    rationale="Machines that are set up badly fail DMARC; they seldom ask for a click.",
    fires={"own_unauthenticated_share": 0.9, "url_share": 0.9},
    nearly={"own_unauthenticated_share": 0.9, "url_share": 0.3},
    references=(RESPOND,),
    attack_ids=("T1566.002", "T1672"),
)
LINKS_NEW = Signal(
    id="content.links-new",
    title="more mail with links than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.6,
    question=question.LINKS_OR_ATTACHMENTS,
    when=(f("changes") > 0) & (f("url_share") - f("baseline_url_share") >= 0.3),
    sentence="{url_share:.0%} of the messages have links; in its own past it was "
    "{baseline_url_share:.0%}. Changes of the connector: {changes:.0f}.",
    rationale="Phishing needs something to click; so do newsletters.",
    fires={"changes": 1, "url_share": 0.9, "baseline_url_share": 0.2},
    nearly={"changes": 1, "url_share": 0.9, "baseline_url_share": 0.7},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
UNPROMPTED = Signal(
    id="content.unprompted",
    title="other content, and nothing was changed",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.8,
    question=question.LINKS_OR_ATTACHMENTS,
    when=(f("changes") + f("unresolved_changes") == 0)
    & (f("messages") >= 20)
    & (f("baseline_messages") >= 20)
    & (
        (f("url_share") - f("baseline_url_share") >= 0.15)
        | ((f("baseline_url_share") <= 0.01) & (f("url_share") >= 0.05))
        | ((f("attachment_share") - f("baseline_attachment_share")).abs() >= 0.3)
    ),
    sentence="Of {messages:,.0f} messages {url_share:.0%} have links and {attachment_share:.0%} "
    "attachments; of {baseline_messages:,.0f} before {baseline_url_share:.0%} and "
    "{baseline_attachment_share:.0%}. Changes of the connector: {changes:.0f}, of "
    "connectors without a known name: {unresolved_changes:.0f}.",
    rationale="What machines send seldom changes its nature by itself; a server that is taken over "
    "does. Where there were no links at all, a few tell.",
    fires={
        "changes": 0,
        "unresolved_changes": 0,
        "messages": 20,
        "baseline_messages": 20,
        "url_share": 0.9,
        "baseline_url_share": 0.2,
        "attachment_share": 0.0,
        "baseline_attachment_share": 0.0,
    },
    nearly={
        "changes": 0,
        "unresolved_changes": 0,
        "messages": 19,
        "baseline_messages": 20,
        "url_share": 0.9,
        "baseline_url_share": 0.2,
        "attachment_share": 0.0,
        "baseline_attachment_share": 0.0,
    },
    references=(PLAYBOOK,),
    attack_ids=("T1566.002",),
    absent=("changes", "unresolved_changes"),
)
ATTACHMENTS_NEW = Signal(
    id="content.attachments-new",
    title="more mail with attachments than before",
    family=Family.CONTENT,
    direction=Direction.FOR,
    weight=0.3,
    question=question.LINKS_OR_ATTACHMENTS,
    when=f("attachment_share") - f("baseline_attachment_share") >= 0.3,
    sentence="{attachment_share:.0%} of the messages have attachments; in its own past it was "
    "{baseline_attachment_share:.0%}.",
    rationale="Malware and invoices come attached; so do scans and bills.",
    fires={"attachment_share": 0.9, "baseline_attachment_share": 0.2},
    nearly={"attachment_share": 0.9, "baseline_attachment_share": 0.7},
    references=(PLAYBOOK,),
    attack_ids=("T1566",),
)
CLEAN = Signal(
    id="content.clean",
    title="no threats found",
    family=Family.CONTENT,
    direction=Direction.AGAINST,
    weight=0.4,
    question=question.BAD_CONTENT,
    when=(f("threat_share") == 0) & (f("junk_share") <= 0.02),
    sentence="The filter found threats in {threat_share:.0%} of the messages, and {junk_share:.0%} "
    "were junked or blocked.",
    rationale="Weak: connectors are attacked because their mail is trusted and filtered less.",
    fires={"threat_share": 0.0, "junk_share": 0.01},
    nearly={"threat_share": 0.01, "junk_share": 0.01},
    references=(PLAYBOOK,),
)

SIGNALS = (
    MALICIOUS,
    MALICIOUS_NEW,
    JUNKED_NEW,
    BAD_OUTBOUND,
    FRESH_BAD,
    SPOOFED_LINKS,
    LINKS_NEW,
    UNPROMPTED,
    ATTACHMENTS_NEW,
    CLEAN,
)
