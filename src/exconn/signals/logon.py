"""Signals about the sign-ins of those who changed the connector, or sent through it."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import PLAYBOOK
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

BURST = Signal(
    id="logon.burst",
    title="brute force, then success",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=2.0,
    question=question.FAILED_LOGONS,
    when=f("actor_bursts") > 0,
    sentence="Over 100 sign-ins of one who changed the connector failed within a minute, and one "
    "succeeded within ten seconds: {actor_bursts:.0f}.",
    rationale="The playbook's fifth query, with a sliding minute. Nobody mistypes that fast.",
    fires={"actor_bursts": 1},
    nearly={"actor_bursts": 0},
    remediation="Reset the account's credentials and revoke its tokens.",
    references=(PLAYBOOK,),
    attack_ids=("T1110.001", "T1078.004"),
)
SLOW = Signal(
    id="logon.slow-sequence",
    title="many failures, then success",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=1.2,
    question=question.FAILED_LOGONS,
    when=f("actor_slow_sequences") > 0,
    sentence="Ten or more sign-ins of one who changed the connector failed from one address within "
    "a day, and then one succeeded: {actor_slow_sequences:.0f}.",
    rationale="Lockout makes fast brute force rare; slow guessing goes unnoticed.",
    fires={"actor_slow_sequences": 1},
    nearly={"actor_slow_sequences": 0},
    remediation="Reset the account's credentials and revoke its tokens.",
    references=(PLAYBOOK,),
    attack_ids=("T1110.001", "T1078.004"),
)
SPRAY = Signal(
    id="logon.spray",
    title="changed from an address that sprays passwords",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=1.5,
    question=question.FAILED_LOGONS,
    when=f("sprayed_accounts") >= 10,
    sentence="Sign-ins of {sprayed_accounts:.0f} accounts failed from an address from which the "
    "connector was changed.",
    rationale="One failure an account, many accounts: a spray stays under each account's limits.",
    fires={"sprayed_accounts": 10},
    nearly={"sprayed_accounts": 9},
    remediation="Look for other accounts that signed in from that address.",
    references=(PLAYBOOK,),
    attack_ids=("T1110.003",),
)
UNUSUAL = Signal(
    id="logon.unusual-place",
    title="signed in from an unusual country",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.5,
    question=question.UNUSUAL_PLACES,
    when=f("actor_unusual_logons") > 0,
    sentence="Sign-ins of those who changed the connector from countries that are unusual for "
    "their accounts: {actor_unusual_logons:.0f}.",
    rationale="Administrators travel, too; what they do from there matters more.",
    fires={"actor_unusual_logons": 1},
    nearly={"actor_unusual_logons": 0},
    remediation="Ask the administrator.",
    references=(PLAYBOOK,),
    attack_ids=("T1078.004",),
)
UNUSUAL_CHANGE = Signal(
    id="logon.change-from-unusual-place",
    title="changed from an unusual country",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.7,
    question=question.UNUSUAL_PLACES,
    when=f("changes_from_unusual_place") > 0,
    sentence="Changes from a country from which the account did not sign in before: "
    "{changes_from_unusual_place:.0f}.",
    rationale="The deed itself was done from the strange place.",
    fires={"changes_from_unusual_place": 1},
    nearly={"changes_from_unusual_place": 0},
    remediation="Ask the administrator.",
    references=(PLAYBOOK,),
    attack_ids=("T1078.004",),
)
NEW_NETWORK = Signal(
    id="logon.change-from-new-network",
    title="changed from a network new for the account",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.6,
    question=question.UNUSUAL_PLACES,
    when=f("changes_from_new_network") > 0,
    sentence="Changes from an address and a provider from which the account did not sign in "
    "before: {changes_from_new_network:.0f}.",
    rationale="A rented server in the tenant's own country is no strange place, but a strange "
    "network. So is a hotel.",
    fires={"changes_from_new_network": 1},
    nearly={"changes_from_new_network": 0},
    remediation="Ask the administrator.",
    references=(PLAYBOOK,),
    attack_ids=("T1078.004",),
)
NEW_ADDRESS = Signal(
    id="logon.change-from-new-address",
    title="changed from an address new for the account",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.3,
    question=question.UNUSUAL_PLACES,
    when=f("changes_from_new_address") > 0,
    sentence="Changes from an address from which the account did not sign in before: "
    "{changes_from_new_address:.0f}.",
    rationale="Weak: providers give people at home another address now and then.",
    fires={"changes_from_new_address": 1},
    nearly={"changes_from_new_address": 0},
    references=(PLAYBOOK,),
    attack_ids=("T1078.004",),
)
HOSTING = Signal(
    id="logon.change-from-hosting",
    title="changed from a rented server",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.8,
    question=question.UNUSUAL_PLACES,
    when=f("changes_from_hosting") > 0,
    sentence="Changes from an address of a provider of rented servers: {changes_from_hosting:.0f}.",
    rationale="People sit at home, at the office or in a hotel; attackers rent servers. So do "
    "automation and some private networks (VPN).",
    fires={"changes_from_hosting": 1},
    nearly={"changes_from_hosting": 0},
    remediation="Ask the administrator whether they use such a network.",
    references=(PLAYBOOK,),
    attack_ids=("T1078.004", "T1583.003"),
)
UNUSUAL_FAILURES = Signal(
    id="logon.unusual-failures",
    title="sign-ins failed from an unusual country",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.3,
    question=question.FAILED_LOGONS,
    when=f("actor_unusual_failures") > 0,
    sentence="Failed sign-ins of those who changed the connector from countries that are unusual "
    "for their accounts: {actor_unusual_failures:.0f}.",
    rationale="Weak: every known account is tried from everywhere.",
    fires={"actor_unusual_failures": 1},
    nearly={"actor_unusual_failures": 0},
    references=(PLAYBOOK,),
    attack_ids=("T1110",),
)
SENDER = Signal(
    id="logon.sender-compromised",
    title="a bulk sender's account looks compromised",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=1.2,
    question=question.SENDER_COMPROMISED,
    when=(f("sender_bursts") > 0) | (f("sender_slow_sequences") > 0),
    sentence="Sign-ins of accounts that sent in bulk through the connector succeeded after bursts "
    "of failures ({sender_bursts:.0f}) or many failures ({sender_slow_sequences:.0f}).",
    rationale="The mail may come from a taken-over mailbox rather than from a strange server.",
    fires={"sender_bursts": 0, "sender_slow_sequences": 1},
    nearly={"sender_bursts": 0, "sender_slow_sequences": 0},
    remediation="Reset the accounts' credentials and revoke their tokens.",
    references=(PLAYBOOK,),
    attack_ids=("T1110", "T1078.004"),
)
USUAL = Signal(
    id="logon.usual",
    title="changed by people from where they always sign in",
    family=Family.LOGON,
    direction=Direction.AGAINST,
    weight=0.8,
    question=question.UNUSUAL_PLACES,
    when=(f("changes") > 0)
    & (f("changes_by_application") + f("changes_by_unknown") == 0)
    & (f("changes_from_unusual_place") + f("actor_unusual_logons") == 0)
    & (f("changes_from_new_address") + f("changes_from_hosting") == 0)
    & (f("changes_without_address") == 0)
    & (f("actor_bursts") + f("actor_slow_sequences") == 0)
    & (f("sprayed_accounts") < 10),
    sentence="Changes by accounts from addresses where they signed in before, without trouble: "
    "{changes:.0f}.",
    rationale="Token theft and insiders look like this as well.",
    fires={
        "changes": 1,
        "changes_by_application": 0,
        "changes_by_unknown": 0,
        "changes_from_unusual_place": 0,
        "changes_from_new_address": 0,
        "changes_from_hosting": 0,
        "changes_without_address": 0,
        "actor_unusual_logons": 0,
        "actor_bursts": 0,
        "actor_slow_sequences": 0,
        "sprayed_accounts": 0,
    },
    nearly={
        "changes": 1,
        "changes_by_application": 0,
        "changes_by_unknown": 0,
        "changes_from_unusual_place": 0,
        "changes_from_new_address": 0,
        "changes_from_hosting": 0,
        "changes_without_address": 0,
        "actor_unusual_logons": 1,
        "actor_bursts": 0,
        "actor_slow_sequences": 0,
        "sprayed_accounts": 0,
    },
    references=(PLAYBOOK,),
)

SIGNALS = (
    BURST,
    SLOW,
    SPRAY,
    UNUSUAL,
    UNUSUAL_CHANGE,
    NEW_NETWORK,
    NEW_ADDRESS,
    HOSTING,
    UNUSUAL_FAILURES,
    SENDER,
    USUAL,
)
