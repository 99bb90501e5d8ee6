"""Signals about whom the mail is from, and whether those domains stand by it."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import PLAYBOOK, RESPOND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

MISMATCH = Signal(
    id="sender.mismatch",
    title="envelope and header senders differ",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.3,
    question=question.SENDERS_DIFFER,
    when=f("mismatch_share") >= 0.5,
    sentence="The P1 and P2 domains of {mismatch_share:.0%} of the messages differ.",
    rationale="The playbook's sign. It is weak alone: every marketing service sends so.",
    fires={"mismatch_share": 0.5},
    nearly={"mismatch_share": 0.49},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1672",),
)
MISMATCH_NEW = Signal(
    id="sender.mismatch-new",
    title="envelope and header senders differ more than before",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.0,
    question=question.SENDERS_DIFFER,
    when=f("mismatch_share") - f("baseline_mismatch_share") >= 0.3,
    sentence="The P1 and P2 domains of {mismatch_share:.0%} of the messages differ; in its own "
    "past it was {baseline_mismatch_share:.0%}.",
    rationale="Spoofing that this connector did not do before.",
    fires={"mismatch_share": 0.9, "baseline_mismatch_share": 0.0},
    nearly={"mismatch_share": 0.9, "baseline_mismatch_share": 0.7},
    references=(PLAYBOOK,),
    attack_ids=("T1672",),
)
NO_ID = Signal(
    id="sender.no-id",
    title="SenderObjectId is empty",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.2,
    question=question.NO_SENDER_ID,
    when=f("no_sender_id_share") >= 0.5,
    sentence="{no_sender_id_share:.0%} of the messages have no SenderObjectId.",
    rationale="The playbook's sign. It is weak alone: no honest on-premises relay has one.",
    fires={"no_sender_id_share": 0.5},
    nearly={"no_sender_id_share": 0.49},
    references=(PLAYBOOK,),
)
NO_ID_NEW = Signal(
    id="sender.no-id-new",
    title="SenderObjectId is empty more often than before",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.6,
    question=question.NO_SENDER_ID,
    when=f("no_sender_id_share") - f("baseline_no_sender_id_share") >= 0.3,
    sentence="{no_sender_id_share:.0%} of the messages have no SenderObjectId; in its own past it "
    "was {baseline_no_sender_id_share:.0%}.",
    rationale="Mail that accounts of the tenant used to send now comes from somebody else.",
    fires={"no_sender_id_share": 0.9, "baseline_no_sender_id_share": 0.1},
    nearly={"no_sender_id_share": 0.9, "baseline_no_sender_id_share": 0.7},
    references=(PLAYBOOK,),
)
NEW_ADDRESS = Signal(
    id="sender.new-address",
    title="mail from a new address",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.8,
    question=question.NEW_ADDRESS,
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
NEW_ENVELOPE = Signal(
    id="sender.new-envelope-domain",
    title="mail to outside with new envelope domains",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.0,
    question=question.NEW_DOMAINS,
    when=(f("new_envelope_domain_share") >= 0.3) & (f("external_share") >= 0.2),
    sentence="{new_envelope_domain_share:.0%} of the messages have a P1 domain that is new for the "
    "connector, and {external_share:.0%} go outside.",
    rationale="Relaying for strangers. Mail to outside only: a gateway meets new senders daily.",
    fires={"new_envelope_domain_share": 0.9, "external_share": 1.0},
    nearly={"new_envelope_domain_share": 0.9, "external_share": 0.1},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
FOREIGN_NEW = Signal(
    id="sender.foreign-domain-new",
    title="more sender domains that are not the tenant's",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.6,
    question=question.FOREIGN_DOMAINS,
    when=f("unaccepted_sender_share") - f("baseline_unaccepted_sender_share") >= 0.3,
    sentence="{unaccepted_sender_share:.0%} of the messages have a P2 domain that is not the "
    "tenant's; in its own past it was {baseline_unaccepted_sender_share:.0%}.",
    rationale="Mail from a domain that is not registered with the tenant is a sign that Microsoft "
    "names for compromised connectors.",
    fires={"unaccepted_sender_share": 0.8, "baseline_unaccepted_sender_share": 0.0},
    nearly={"unaccepted_sender_share": 0.8, "baseline_unaccepted_sender_share": 0.6},
    references=(RESPOND,),
)
STEADY = Signal(
    id="sender.steady",
    title="the same senders as before",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=question.NEW_ADDRESS,
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
STRANGERS = Signal(
    id="sender.strangers",
    title="relays strangers' mail to outside",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.5,
    question=question.FOREIGN_DOMAINS,
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
RELAYS = Signal(
    id="sender.relays-others",
    title="relays other domains' mail to outside",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.8,
    question=question.FOREIGN_DOMAINS,
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
LOOKALIKE = Signal(
    id="sender.lookalike",
    title="a domain that looks like the tenant's",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.2,
    question=question.FOREIGN_DOMAINS,
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
FRESH_DOMAIN_OUT = Signal(
    id="sender.fresh-domain-outbound",
    title="mail to outside from domains new to the connector",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.6,
    question=question.NEW_DOMAINS,
    when=(f("fresh_domain_messages") >= 10)
    & (f("fresh_domain_outbound_share") >= 0.5)
    & (f("fresh_own_authenticated_share") < 0.5)
    & (f("no_sender_id_share") >= 0.5),
    sentence="{fresh_domain_messages:,.0f} messages have a P1 or P2 domain that is new to the "
    "connector; {fresh_domain_outbound_share:.0%} of them go outside, "
    "{fresh_own_authenticated_share:.0%} are in the tenant's own name and pass DMARC.",
    rationale="Counted, not as a share: an attack inside a large campaign is a small share of it. "
    "To a new connector all domains are new; a service that the tenant's DNS lets send in its name "
    "is not meant, nor is mail that the tenant's own accounts send.",
    fires={
        "fresh_domain_messages": 10,
        "fresh_domain_outbound_share": 0.5,
        "fresh_own_authenticated_share": 0.4,
        "no_sender_id_share": 1.0,
    },
    nearly={
        "fresh_domain_messages": 10,
        "fresh_domain_outbound_share": 0.5,
        "fresh_own_authenticated_share": 0.5,
        "no_sender_id_share": 1.0,
    },
    references=(RESPOND,),
    attack_ids=("T1672",),
)
FRESH_ADDRESS_OUT = Signal(
    id="sender.fresh-address-outbound",
    title="mail to outside from addresses new to the connector",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.5,
    question=question.NEW_ADDRESS,
    when=(f("fresh_address_messages") >= 10) & (f("fresh_address_outbound_share") >= 0.5),
    sentence="{fresh_address_messages:,.0f} messages came from addresses that are new to the "
    "connector; {fresh_address_outbound_share:.0%} of them go outside.",
    rationale="A server that nobody knew sends to the world. A new service does as well.",
    fires={"fresh_address_messages": 10, "fresh_address_outbound_share": 0.5},
    nearly={"fresh_address_messages": 9, "fresh_address_outbound_share": 0.5},
    references=(RESPOND,),
)
SPOOFED = Signal(
    id="sender.own-domain-spoofed",
    title="the tenant's own domain, unauthenticated",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.6,
    question=question.DISOWNED,
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
SPOOFED_NEW = Signal(
    id="sender.own-domain-spoofed-new",
    title="the tenant's own domain unauthenticated more often than before",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.8,
    question=question.DISOWNED,
    when=f("own_unauthenticated_share") - f("baseline_own_unauthenticated_share") >= 0.03,
    sentence="{own_unauthenticated_share:.0%} of the messages claim the tenant's own domain and "
    "fail DMARC; in its own past it was {baseline_own_unauthenticated_share:.0%}.",
    rationale="What this connector carried before was authenticated, or never was.",
    fires={"own_unauthenticated_share": 0.1, "baseline_own_unauthenticated_share": 0.0},
    nearly={"own_unauthenticated_share": 0.1, "baseline_own_unauthenticated_share": 0.08},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
UNAUTHENTICATED = Signal(
    id="sender.unauthenticated",
    title="mail that fails DMARC",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=0.5,
    question=question.DISOWNED,
    when=f("unauthenticated_share") >= 0.3,
    sentence="{unauthenticated_share:.0%} of the messages fail DMARC.",
    rationale="The domains that it claims disown it. Behind a gateway authentication often breaks.",
    fires={"unauthenticated_share": 0.3},
    nearly={"unauthenticated_share": 0.29},
    references=(RESPOND,),
)
OWN = Signal(
    id="sender.own-authenticated",
    title="the tenant's own domain, authenticated",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=question.DISOWNED,
    when=(f("own_authenticated_share") >= 0.9)
    & (f("no_sender_id_share") >= 0.5)
    & (f("fresh_address_messages") > 0)
    & (f("fresh_address_authenticated_share") >= 0.9)
    & ((f("fresh_domain_messages") == 0) | (f("fresh_own_authenticated_share") >= 0.9)),
    sentence="{fresh_address_messages:,.0f} messages are from addresses new to the connector, and "
    "{fresh_address_authenticated_share:.0%} of them pass DMARC; {fresh_domain_messages:,.0f} are "
    "from domains new to it: of these {fresh_own_authenticated_share:.0%} are the tenant's own and "
    "pass, of all {own_authenticated_share:.0%}. {no_sender_id_share:.0%} of all have no account.",
    rationale="Whoever runs the tenant's DNS let the service send in its name: a marketing "
    "service's bounce domain differs, but its mail is signed. A relay that is taken over passes, "
    "too, so where no address is new it says nothing; nor of mail that accounts send. What is new "
    "must pass by itself, so that a campaign does not speak for what hides in it.",
    fires={
        "own_authenticated_share": 0.9,
        "no_sender_id_share": 1.0,
        "fresh_address_messages": 1,
        "fresh_address_authenticated_share": 0.9,
        "fresh_domain_messages": 1,
        "fresh_own_authenticated_share": 0.9,
    },
    nearly={
        "own_authenticated_share": 0.9,
        "no_sender_id_share": 1.0,
        "fresh_address_messages": 1,
        "fresh_address_authenticated_share": 0.8,
        "fresh_domain_messages": 1,
        "fresh_own_authenticated_share": 0.9,
    },
    references=(RESPOND,),
)
SAME_NAMES = Signal(
    id="sender.same-names",
    title="new addresses, but the same domains, and authenticated",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=question.NEW_ADDRESS,
    when=(f("fresh_address_messages") > 0)
    & (f("fresh_domain_messages") == 0)
    & (f("no_sender_id_share") >= 0.5)
    & (f("authenticated_share") >= 0.9)
    & (f("fresh_address_authenticated_share") >= 0.9)
    & (
        (f("external_share") - f("baseline_external_share") <= 0.1)
        | (f("own_authenticated_share") >= 0.9)
    ),
    sentence="{fresh_address_messages:,.0f} messages are from addresses new to the connector, "
    "{fresh_domain_messages:,.0f} from domains new to it. {fresh_address_authenticated_share:.0%} "
    "of the first, and {authenticated_share:.0%} of all, pass DMARC, "
    "{own_authenticated_share:.0%} in the tenant's own name; {external_share:.0%} of the "
    "deliveries go outside (before: {baseline_external_share:.0%}), and {no_sender_id_share:.0%} "
    "of the messages have no account.",
    rationale="A vendor or a service moved to other servers. A stranger's server can take its "
    "names, but not pass for them.",
    fires={
        "fresh_address_messages": 1,
        "fresh_domain_messages": 0,
        "no_sender_id_share": 1.0,
        "authenticated_share": 0.9,
        "fresh_address_authenticated_share": 0.9,
        "own_authenticated_share": 0.0,
        "external_share": 0.1,
        "baseline_external_share": 0.1,
    },
    nearly={
        "fresh_address_messages": 1,
        "fresh_domain_messages": 0,
        "no_sender_id_share": 1.0,
        "authenticated_share": 0.9,
        "fresh_address_authenticated_share": 0.8,
        "own_authenticated_share": 0.0,
        "external_share": 0.1,
        "baseline_external_share": 0.1,
    },
    references=(RESPOND,),
)
VOUCHED = Signal(
    id="sender.vouched",
    title="what is new is vouched for",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=question.FOREIGN_DOMAINS,
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
DISOWNED = Signal(
    id="sender.disowned",
    title="what is new is disowned",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.2,
    question=question.NEW_DOMAINS,
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
SPOOFED_ALL = Signal(
    id="sender.all-own-domain-spoofed",
    title="nothing but the tenant's own domain, unauthenticated",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.0,
    question=question.DISOWNED,
    when=(f("own_unauthenticated_share") >= 0.95) & (f("messages") >= 30),
    sentence="{own_unauthenticated_share:.0%} of {messages:,.0f} messages claim the tenant's own "
    "domain and fail DMARC.",
    rationale="A service that is set up badly fails in part; who has no keys fails in all. So does "
    "somebody who tries something out, but a few times only.",
    fires={"own_unauthenticated_share": 0.95, "messages": 30},
    nearly={"own_unauthenticated_share": 0.95, "messages": 29},
    references=(RESPOND,),
    attack_ids=("T1672",),
)
WORLD = Signal(
    id="sender.gateway-like",
    title="mail of many known domains to the tenant's own people",
    family=Family.SENDER,
    direction=Direction.AGAINST,
    weight=1.0,
    question=question.FOREIGN_DOMAINS,
    when=(f("header_domains") >= 30)
    & (f("outbound_share") <= 0.01)
    & (f("fresh_known_domains") >= 10)
    & (
        (f("fresh_known_share") >= 0.2)
        | (f("fresh_known_share") >= 0.05) & (f("authenticated_share") >= 0.9)
    )
    & (f("fresh_own_unauthenticated_share") + f("fresh_lookalike_share") <= 0.02),
    sentence="The messages come from {header_domains:,.0f} domains; {outbound_share:.0%} go "
    "outside. Of those with domains new to the connector {fresh_known_share:.0%} are of domains "
    "that the tenant dealt with before, and pass DMARC, as {authenticated_share:.0%} of all do; to "
    "{fresh_known_domains:,.0f} of these domains the tenant had written. "
    "{fresh_own_unauthenticated_share:.0%} claim the tenant's own and fail, "
    "{fresh_lookalike_share:.0%} look like it.",
    rationale="So does mail through a new gateway. From headers are free text: many domains alone "
    "say nothing, but nobody passes for so many that the tenant wrote to.",
    fires={
        "header_domains": 30,
        "outbound_share": 0.0,
        "fresh_known_domains": 10,
        "fresh_known_share": 0.2,
        "authenticated_share": 0.5,
        "fresh_own_unauthenticated_share": 0.0,
        "fresh_lookalike_share": 0.0,
    },
    nearly={
        "header_domains": 30,
        "outbound_share": 0.0,
        "fresh_known_domains": 9,
        "fresh_known_share": 0.2,
        "authenticated_share": 0.5,
        "fresh_own_unauthenticated_share": 0.0,
        "fresh_lookalike_share": 0.0,
    },
    references=(RESPOND,),
)

SIGNALS = (
    MISMATCH,
    MISMATCH_NEW,
    NO_ID,
    NO_ID_NEW,
    NEW_ADDRESS,
    NEW_ENVELOPE,
    FOREIGN_NEW,
    STEADY,
    STRANGERS,
    RELAYS,
    LOOKALIKE,
    FRESH_DOMAIN_OUT,
    FRESH_ADDRESS_OUT,
    SPOOFED,
    SPOOFED_NEW,
    UNAUTHENTICATED,
    OWN,
    SAME_NAMES,
    VOUCHED,
    DISOWNED,
    SPOOFED_ALL,
    WORLD,
)
