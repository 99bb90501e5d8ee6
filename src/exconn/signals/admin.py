"""Signals about who did what: configuration, changes, sign-ins, the chain, and the context."""

import polars as pl

from exconn.signals.mail import PLAYBOOK, RESPOND
from exconn.signals.question import (
    CHAIN,
    EXPECTED_HERE,
    FAILED_LOGONS,
    OTHER_DEEDS,
    RECENTLY_CHANGED,
    RISKY_CONFIGURATION,
    SENDER_COMPROMISED,
    UNUSUAL_PLACES,
)
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

NEW_INBOUND = "https://learn.microsoft.com/powershell/module/exchange/new-inboundconnector"
NEW_OUTBOUND = "https://learn.microsoft.com/powershell/module/exchange/new-outboundconnector"
OAUTH_SPAM = (
    "https://www.microsoft.com/security/blog/2022/09/22/malicious-oauth-applications-used-to-"
    "compromise-email-servers-and-spread-spam/"
)


def _configuration(  # a signal has that many sides
    name: str, title: str, weight: float, fact: str, sentence: str, rationale: str, source: str
) -> Signal:
    return Signal(
        id=f"configuration.{name}",
        title=title,
        family=Family.CONFIGURATION,
        direction=Direction.FOR,
        weight=weight,
        question=RISKY_CONFIGURATION,
        when=f(fact) > 0,
        sentence=f"Changes in the window that {sentence}: {{{fact}:.0f}}.",
        rationale=rationale,
        fires={fact: 1},
        nearly={fact: 0},
        remediation="Compare the connector with its approved configuration, and restore that.",
        references=(source,),
        attack_ids=("T1562",),
    )


CONFIGURATION_CATCH_ALL = _configuration(
    "catch-all",
    "opened to every sender domain",
    0.5,
    "catch_all",
    "opened the connector to every sender domain",
    "`SenderDomains smtp:*` lets anyone send through it. Hybrid wizards and gateways set it too.",
    NEW_INBOUND,
)
CONFIGURATION_NO_TLS = _configuration(
    "no-tls",
    "accepts mail without TLS",
    0.4,
    "no_tls",
    "let it accept mail without TLS",
    "`RequireTls $false` spares an attacker a certificate.",
    NEW_INBOUND,
)
CONFIGURATION_UNRESTRICTED = _configuration(
    "unrestricted",
    "restricted by neither certificate nor address",
    0.5,
    "unrestricted",
    "left it restricted by neither certificate nor address",
    "Nothing then ties the connector to a server that the organisation runs.",
    NEW_INBOUND,
)
CONFIGURATION_TRUSTED_HEADERS = _configuration(
    "trusted-headers",
    "trusts the sender's own headers",
    0.6,
    "trusted_headers",
    "made it trust headers that the sender sets (CloudServicesMailEnabled)",
    "Cross-premises headers carry the spam verdict; trusting them is meant for hybrid servers that "
    "the wizard sets up.",
    NEW_INBOUND,
)
CONFIGURATION_BYPASS = _configuration(
    "filtering-bypassed",
    "bypasses spam filtering",
    1.0,
    "filtering_bypassed",
    "made its mail bypass filtering (TreatMessagesAsInternal, EFSkipIPs or EFSkipLastIP)",
    "Internal messages are not filtered as spam; skipped addresses hide where mail came from.",
    NEW_INBOUND,
)
CONFIGURATION_HAND_MADE = _configuration(
    "hand-made",
    "made by hand or script",
    0.2,
    "hand_made",
    "created it other than by the hybrid wizard",
    "Weak: administrators make connectors by hand as well.",
    NEW_INBOUND,
)
CONFIGURATION_SMART_HOST = _configuration(
    "new-smart-host",
    "routes outbound mail to a host",
    0.6,
    "new_smart_hosts",
    "routed outbound mail to a smart host",
    "Whoever runs the smart host reads the mail, and may alter it.",
    NEW_OUTBOUND,
)
CONFIGURATION_NEW_ADDRESSES = _configuration(
    "new-addresses",
    "other addresses may send through it",
    0.3,
    "new_addresses",
    "changed which addresses may send through it",
    "An attacker adds the address of a server of their own; a vendor moves to a new one.",
    NEW_INBOUND,
)

CONFIGURATION_ROUTINE = Signal(
    id="configuration.routine",
    title="changes that open nothing",
    family=Family.CONFIGURATION,
    direction=Direction.AGAINST,
    weight=1.0,
    question=RISKY_CONFIGURATION,
    when=(f("changes") > 0) & (f("routine_changes") == f("changes")),
    sentence="Changes: {changes:.0f}. Of them such as describe, restrict, disable or remove the "
    "connector, and do nothing else: {routine_changes:.0f}.",
    rationale="Nobody gains a way in by a comment or by stricter settings.",
    fires={"changes": 1, "routine_changes": 1},
    nearly={"changes": 2, "routine_changes": 1},
    references=(NEW_INBOUND,),
)

CHANGE_CREATED = Signal(
    id="change.created",
    title="created in the window",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=RECENTLY_CHANGED,
    when=f("created") > 0,
    sentence="Created in the window: {created:.0f}.",
    rationale="Attackers set up connectors of their own; most organisations rarely need one.",
    fires={"created": 1},
    nearly={"created": 0},
    remediation="Ask who created it, and for what; disable it until that is known.",
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1098", "T1562"),
)
CHANGE_MODIFIED = Signal(
    id="change.modified",
    title="changed in the window",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=RECENTLY_CHANGED,
    when=f("modified") > 0,
    sentence="Changes of its settings in the window: {modified:.0f}.",
    rationale="An existing connector is trusted already, and is nobody's new object to notice.",
    fires={"modified": 1},
    nearly={"modified": 0},
    remediation="Compare each changed setting with the approved one.",
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1562",),
)
CHANGE_ENABLED = Signal(
    id="change.enabled",
    title="switched on in the window",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.2,
    question=RECENTLY_CHANGED,
    when=(f("enabled") > 0) & (f("modified") > 0),
    sentence="Switched on in the window: {enabled:.0f}, among changes of settings: {modified:.0f}.",
    rationale="A dormant connector woken up serves an attacker as well as a new one.",
    fires={"enabled": 1, "modified": 1},
    nearly={"enabled": 1, "modified": 0},
    references=(PLAYBOOK,),
)
CHANGE_BY_APPLICATION = Signal(
    id="change.by-application",
    title="changed by an application",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.6,
    question=RECENTLY_CHANGED,
    when=f("changes_by_application") > 0,
    sentence="Changes made by an application: {changes_by_application:.0f}.",
    rationale="In the 2022 campaign a malicious OAuth application created the connector; the "
    "published query hides it, as an application has no AccountObjectId. Automation fires too.",
    fires={"changes_by_application": 1},
    nearly={"changes_by_application": 0},
    remediation="Review the application's owner, consents and credentials.",
    references=(OAUTH_SPAM,),
    attack_ids=("T1671", "T1098.001"),
)
CHANGE_REMOVED_AFTER_MAIL = Signal(
    id="change.removed-after-mail",
    title="removed soon after its mail",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.8,
    question=RECENTLY_CHANGED,
    when=f("removals_after_mail") > 0,
    sentence="Removals of the connector within 48 hours after its busiest hour: "
    "{removals_after_mail:.0f}.",
    rationale="Create, blast, remove: the connector goes so that nobody finds it.",
    fires={"removals_after_mail": 1},
    nearly={"removals_after_mail": 0},
    remediation="Keep the audit record; the connector itself is gone.",
    references=(OAUTH_SPAM,),
    attack_ids=("T1070.008",),
)
CHANGE_HEADER_RULES = Signal(
    id="change.header-rules",
    title="transport rules that blind the filter",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=1.5,
    question=OTHER_DEEDS,
    when=f("header_rules") > 0,
    sentence="Changes of transport rules, by those who changed the connector, that strip or set "
    "headers or mark mail as not spam: {header_rules:.0f}.",
    rationale="Stripped headers hide the mail's origin from the filter and from investigators.",
    fires={"header_rules": 1},
    nearly={"header_rules": 0},
    remediation="Disable these rules.",
    references=(OAUTH_SPAM,),
    attack_ids=("T1070.008", "T1562"),
)
CHANGE_TRANSPORT_RULES = Signal(
    id="change.transport-rules",
    title="transport rules changed besides",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=OTHER_DEEDS,
    when=f("transport_rules") > 0,
    sentence="Changes of transport rules by those who changed the connector, within a day: "
    "{transport_rules:.0f}.",
    rationale="Rules route, copy, delete or rewrite what the connector carries.",
    fires={"transport_rules": 1},
    nearly={"transport_rules": 0},
    remediation="Review these rules.",
    references=(OAUTH_SPAM,),
    attack_ids=("T1564.008", "T1114.003"),
)
CHANGE_GRANTS = Signal(
    id="change.grants",
    title="roles, permissions or credentials given besides",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.6,
    question=OTHER_DEEDS,
    when=f("grants") > 0,
    sentence="Roles, permissions or credentials given by those who changed the connector, or to "
    "the application that did: {grants:.0f}.",
    rationale="Attackers make themselves at home: roles, consents, credentials of applications.",
    fires={"grants": 1},
    nearly={"grants": 0},
    remediation="Take back what nobody asked for.",
    references=(OAUTH_SPAM,),
    attack_ids=("T1098.003", "T1098.001", "T1671"),
)
CHANGE_NEWCOMER = Signal(
    id="change.by-newcomer",
    title="changed by somebody who never did before",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.3,
    question=RECENTLY_CHANGED,
    when=f("changes_by_newcomers") > 0,
    sentence="Changes by such as changed no connector before the window: "
    "{changes_by_newcomers:.0f}.",
    rationale="Weak: connectors are changed rarely, by whoever is on duty.",
    fires={"changes_by_newcomers": 1},
    nearly={"changes_by_newcomers": 0},
    references=(PLAYBOOK,),
)
CHANGE_NO_ADDRESS = Signal(
    id="change.without-address",
    title="changed from nowhere",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=UNUSUAL_PLACES,
    when=f("changes_without_address") > 0,
    sentence="Changes whose record has no address: {changes_without_address:.0f}.",
    rationale="Applications and partner administrators leave none; nor do those who hide.",
    fires={"changes_without_address": 1},
    nearly={"changes_without_address": 0},
    references=(PLAYBOOK,),
)
CHANGE_HABIT = Signal(
    id="change.by-habit",
    title="changed by those who look after connectors",
    family=Family.CHANGE,
    direction=Direction.AGAINST,
    weight=0.4,
    question=RECENTLY_CHANGED,
    when=(f("changes") > 0) & (f("changes_by_newcomers") == 0),
    sentence="Changes: {changes:.0f}. Of them by such as changed no connector before the window: "
    "{changes_by_newcomers:.0f}.",
    rationale="It is their work; unless the account is in other hands.",
    fires={"changes": 1, "changes_by_newcomers": 0},
    nearly={"changes": 1, "changes_by_newcomers": 1},
    references=(PLAYBOOK,),
)
CHANGE_NONE = Signal(
    id="change.none",
    title="neither created nor changed",
    family=Family.CHANGE,
    direction=Direction.AGAINST,
    weight=0.8,
    question=RECENTLY_CHANGED,
    when=(f("changes") == 0) & (f("unresolved_changes") == 0) & (f("baseline_days") >= 7),
    sentence="The audit log has {changes:.0f} changes of the connector in the window, and "
    "{unresolved_changes:.0f} of connectors without a known name; {baseline_days:.0f} days of its "
    "past are known.",
    rationale="Who hijacks a connector must usually change it. An abused on-premises relay is the "
    "exception; and so is one that was made the week before, to wait.",
    fires={"changes": 0, "unresolved_changes": 0, "baseline_days": 30},
    nearly={"changes": 0, "unresolved_changes": 1, "baseline_days": 30},
    references=(PLAYBOOK,),
)

LOGON_BURST = Signal(
    id="logon.burst",
    title="brute force, then success",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=2.0,
    question=FAILED_LOGONS,
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
LOGON_SLOW = Signal(
    id="logon.slow-sequence",
    title="many failures, then success",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=1.2,
    question=FAILED_LOGONS,
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
LOGON_SPRAY = Signal(
    id="logon.spray",
    title="changed from an address that sprays passwords",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=1.5,
    question=FAILED_LOGONS,
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
LOGON_UNUSUAL = Signal(
    id="logon.unusual-place",
    title="signed in from an unusual country",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.5,
    question=UNUSUAL_PLACES,
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
LOGON_UNUSUAL_CHANGE = Signal(
    id="logon.change-from-unusual-place",
    title="changed from an unusual country",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.7,
    question=UNUSUAL_PLACES,
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
LOGON_NEW_NETWORK = Signal(
    id="logon.change-from-new-network",
    title="changed from a network new for the account",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.6,
    question=UNUSUAL_PLACES,
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
LOGON_NEW_ADDRESS = Signal(
    id="logon.change-from-new-address",
    title="changed from an address new for the account",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.3,
    question=UNUSUAL_PLACES,
    when=f("changes_from_new_address") > 0,
    sentence="Changes from an address from which the account did not sign in before: "
    "{changes_from_new_address:.0f}.",
    rationale="Weak: providers give people at home another address now and then.",
    fires={"changes_from_new_address": 1},
    nearly={"changes_from_new_address": 0},
    references=(PLAYBOOK,),
    attack_ids=("T1078.004",),
)
LOGON_HOSTING = Signal(
    id="logon.change-from-hosting",
    title="changed from a rented server",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.8,
    question=UNUSUAL_PLACES,
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
LOGON_UNUSUAL_FAILURES = Signal(
    id="logon.unusual-failures",
    title="sign-ins failed from an unusual country",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=0.3,
    question=FAILED_LOGONS,
    when=f("actor_unusual_failures") > 0,
    sentence="Failed sign-ins of those who changed the connector from countries that are unusual "
    "for their accounts: {actor_unusual_failures:.0f}.",
    rationale="Weak: every known account is tried from everywhere.",
    fires={"actor_unusual_failures": 1},
    nearly={"actor_unusual_failures": 0},
    references=(PLAYBOOK,),
    attack_ids=("T1110",),
)
LOGON_SENDER = Signal(
    id="logon.sender-compromised",
    title="a bulk sender's account looks compromised",
    family=Family.LOGON,
    direction=Direction.FOR,
    weight=1.2,
    question=SENDER_COMPROMISED,
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
LOGON_USUAL = Signal(
    id="logon.usual",
    title="changed by people from where they always sign in",
    family=Family.LOGON,
    direction=Direction.AGAINST,
    weight=0.8,
    question=UNUSUAL_PLACES,
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

CHAIN_LOGON_CHANGE = Signal(
    id="chain.logon-change",
    title="a suspicious sign-in led to the change",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=CHAIN,
    when=f("changes_after_suspicious_logon") > 0,
    sentence="Changes within 24 hours after a suspicious sign-in by the same account: "
    "{changes_after_suspicious_logon:.0f}.",
    rationale="Two weak things in the right order are stronger than their sum.",
    fires={"changes_after_suspicious_logon": 1},
    nearly={"changes_after_suspicious_logon": 0},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004",),
)
CHAIN_OPENING = Signal(
    id="chain.logon-opening",
    title="a suspicious sign-in led to an opening",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=CHAIN,
    when=(f("changes_after_suspicious_logon") > 0)
    & (
        f("catch_all")
        + f("unrestricted")
        + f("filtering_bypassed")
        + f("trusted_headers")
        + f("new_smart_hosts")
        > 0
    ),
    sentence="Changes within 24 hours after a suspicious sign-in: "
    "{changes_after_suspicious_logon:.0f}. Changes that opened it to all domains {catch_all:.0f}, "
    "lifted restrictions {unrestricted:.0f}, bypassed filtering {filtering_bypassed:.0f}, trusted "
    "headers {trusted_headers:.0f}, or routed mail to a host {new_smart_hosts:.0f}.",
    rationale="Travellers change what was wrong; intruders open what was shut.",
    fires={
        "changes_after_suspicious_logon": 1,
        "catch_all": 1,
        "unrestricted": 0,
        "filtering_bypassed": 0,
        "trusted_headers": 0,
        "new_smart_hosts": 0,
    },
    nearly={
        "changes_after_suspicious_logon": 0,
        "catch_all": 1,
        "unrestricted": 0,
        "filtering_bypassed": 0,
        "trusted_headers": 0,
        "new_smart_hosts": 0,
    },
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004", "T1562"),
)
CHAIN_DIVERTED = Signal(
    id="chain.diverted",
    title="mail routed to a host by somebody out of place",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.2,
    question=RISKY_CONFIGURATION,
    when=(f("new_smart_hosts") > 0)
    & (
        f("changes_from_new_address")
        + f("changes_from_unusual_place")
        + f("changes_from_hosting")
        + f("changes_after_suspicious_logon")
        > 0
    ),
    sentence="Changes that route outbound mail to a host: {new_smart_hosts:.0f}. Changes from an "
    "address new for the account: {changes_from_new_address:.0f}; from an unusual country: "
    "{changes_from_unusual_place:.0f}; from a rented server: {changes_from_hosting:.0f}; after a "
    "suspicious sign-in: {changes_after_suspicious_logon:.0f}.",
    rationale="Who diverts mail need not send any: the mail itself stays honest, so only who did "
    "it, and from where, can tell.",
    fires={
        "new_smart_hosts": 1,
        "changes_from_new_address": 1,
        "changes_from_unusual_place": 0,
        "changes_from_hosting": 0,
        "changes_after_suspicious_logon": 0,
    },
    nearly={
        "new_smart_hosts": 1,
        "changes_from_new_address": 0,
        "changes_from_unusual_place": 0,
        "changes_from_hosting": 0,
        "changes_after_suspicious_logon": 0,
    },
    references=(NEW_OUTBOUND,),
    attack_ids=("T1114.003", "T1078.004"),
)
CHAIN_CHANGE_MAIL = Signal(
    id="chain.change-mail",
    title="the change led to far more mail",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=RECENTLY_CHANGED,
    when=(f("created") == 0)
    & (f("peak_since_change") >= 30)
    & (f("peak_since_change") >= 4 * f("peak_before_change")),
    sentence="{peak_since_change:,.0f} messages in the busiest hour since the change (creations: "
    "{created:.0f}); the busiest hour before it, in the window and the baseline, had "
    "{peak_before_change:,.0f}.",
    rationale="A changed connector that then does something else than before. A new one has no "
    "before: see volume.new-connector.",
    fires={"created": 0, "peak_since_change": 412, "peak_before_change": 9},
    nearly={"created": 0, "peak_since_change": 412, "peak_before_change": 104},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1566",),
)
CHAIN_CHANGE_MORE = Signal(
    id="chain.change-more-a-day",
    title="the change led to more mail a day",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=0.8,
    question=RECENTLY_CHANGED,
    when=(f("created") == 0)
    & (f("daily_since_change") >= 20)
    & (f("daily_since_change") >= 2.5 * f("daily_before_change")),
    sentence="{daily_since_change:,.0f} messages a day since the change (creations: "
    "{created:.0f}); {daily_before_change:,.1f} a day before it.",
    rationale="A patient attacker stays below every hourly threshold.",
    fires={"created": 0, "daily_since_change": 90, "daily_before_change": 12},
    nearly={"created": 0, "daily_since_change": 90, "daily_before_change": 37},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1566",),
)
CHAIN_FRESH_MAIL = Signal(
    id="chain.fresh-mail",
    title="a suspicious sign-in, a change, and mail from new addresses",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=0.8,
    question=CHAIN,
    when=f("fresh_since_suspicious") >= 10,
    sentence="Since a change that followed a suspicious sign-in, {fresh_since_suspicious:,.0f} "
    "messages came from addresses new to the connector.",
    rationale="Whatever the volume: who came in let a new server in. Honest administrators on "
    "their travels change what already sends.",
    fires={"fresh_since_suspicious": 10},
    nearly={"fresh_since_suspicious": 9},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004", "T1566"),
)
CHAIN_FRESH_OUT = Signal(
    id="chain.fresh-mail-outbound",
    title="a suspicious sign-in, a change, and mail from new addresses to outside",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=CHAIN,
    when=(f("fresh_since_suspicious") >= 10) & (f("fresh_address_outbound_share") >= 0.5),
    sentence="Since a change that followed a suspicious sign-in, {fresh_since_suspicious:,.0f} "
    "messages came from addresses new to the connector; {fresh_address_outbound_share:.0%} of the "
    "mail from new addresses goes outside.",
    rationale="A vendor that moves writes to the tenant; an intruder uses the tenant to write to "
    "others.",
    fires={"fresh_since_suspicious": 10, "fresh_address_outbound_share": 0.5},
    nearly={"fresh_since_suspicious": 10, "fresh_address_outbound_share": 0.4},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004", "T1566"),
)
CHAIN_COMPLETE = Signal(
    id="chain.complete",
    title="sign-in, change and far more mail in a row",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.5,
    question=CHAIN,
    when=(f("changes_after_suspicious_logon") > 0)
    & (f("peak_since_change") >= 30)
    & (f("peak_since_change") >= 4 * f("peak_before_change")),
    sentence="Changes that followed a suspicious sign-in: {changes_after_suspicious_logon:.0f}. "
    "{peak_since_change:,.0f} messages in the busiest hour since; in any before, at most "
    "{peak_before_change:,.0f}.",
    rationale="The whole attack, in its order.",
    fires={
        "changes_after_suspicious_logon": 1,
        "peak_since_change": 30,
        "peak_before_change": 7,
    },
    nearly={
        "changes_after_suspicious_logon": 1,
        "peak_since_change": 30,
        "peak_before_change": 8,
    },
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004", "T1566"),
)

CONTEXT_APPROVED = Signal(
    id="context.approved",
    title="all changes were approved",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=2.0,
    question=EXPECTED_HERE,
    when=(f("changes") > 0) & (f("unapproved_changes") == 0),
    sentence="Changes: {changes:.0f}. Of them not approved: {unapproved_changes:.0f}.",
    rationale="Somebody asked for it; the connector, the actor and the time agree.",
    fires={"changes": 1, "unapproved_changes": 0},
    nearly={"changes": 2, "unapproved_changes": 1},
    references=(PLAYBOOK,),
)
CONTEXT_HYBRID = Signal(
    id="context.hybrid-wizard",
    title="changed by the hybrid wizard only",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=0.6,
    question=EXPECTED_HERE,
    when=(f("hybrid_wizard") > 0) & (f("hybrid_wizard") == f("changes")),
    sentence="Changes: {changes:.0f}. Of them made by the hybrid wizard: {hybrid_wizard:.0f}.",
    rationale="Setting up hybrid mail flow opens connectors by design. An attacker can claim to be "
    "the wizard: the value is a parameter; so this counts for little.",
    fires={"hybrid_wizard": 1, "changes": 1},
    nearly={"hybrid_wizard": 1, "changes": 2},
    references=(NEW_INBOUND,),
)
CONTEXT_GATEWAY = Signal(
    id="context.gateway",
    title="all mail from known gateways",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=0.8,
    question=EXPECTED_HERE,
    when=f("gateway_share") >= 0.95,
    sentence="{gateway_share:.0%} of the messages came from the organisation's known gateways.",
    rationale="The sender's address matches the organisation's; a taken-over gateway does as well.",
    fires={"gateway_share": 0.95},
    nearly={"gateway_share": 0.94},
    references=(RESPOND,),
)
CONTEXT_PARTNERS = Signal(
    id="context.partners",
    title="mostly to known partners",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=0.4,
    question=EXPECTED_HERE,
    when=f("partner_share") >= 0.8,
    sentence="{partner_share:.0%} of the deliveries went to known partners.",
    rationale="It is reasonable for them to get mail; supply-chain attacks use just that.",
    fires={"partner_share": 0.8},
    nearly={"partner_share": 0.79},
    references=(RESPOND,),
)
CONTEXT_SIMULATION = Signal(
    id="context.simulation",
    title="a phishing simulation",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=2.0,
    question=EXPECTED_HERE,
    when=f("simulation_share") >= 0.9,
    sentence="{simulation_share:.0%} of the messages came from the known simulation vendor.",
    rationale="The organisation tests its own people.",
    fires={"simulation_share": 0.9},
    nearly={"simulation_share": 0.89},
    references=(PLAYBOOK,),
)

SIGNALS = (
    CONFIGURATION_CATCH_ALL,
    CONFIGURATION_NO_TLS,
    CONFIGURATION_UNRESTRICTED,
    CONFIGURATION_TRUSTED_HEADERS,
    CONFIGURATION_BYPASS,
    CONFIGURATION_HAND_MADE,
    CONFIGURATION_SMART_HOST,
    CONFIGURATION_NEW_ADDRESSES,
    CONFIGURATION_ROUTINE,
    CHANGE_CREATED,
    CHANGE_MODIFIED,
    CHANGE_ENABLED,
    CHANGE_BY_APPLICATION,
    CHANGE_REMOVED_AFTER_MAIL,
    CHANGE_HEADER_RULES,
    CHANGE_TRANSPORT_RULES,
    CHANGE_GRANTS,
    CHANGE_NEWCOMER,
    CHANGE_NO_ADDRESS,
    CHANGE_HABIT,
    CHANGE_NONE,
    LOGON_BURST,
    LOGON_SLOW,
    LOGON_SPRAY,
    LOGON_UNUSUAL,
    LOGON_UNUSUAL_CHANGE,
    LOGON_NEW_NETWORK,
    LOGON_NEW_ADDRESS,
    LOGON_HOSTING,
    LOGON_UNUSUAL_FAILURES,
    LOGON_SENDER,
    LOGON_USUAL,
    CHAIN_LOGON_CHANGE,
    CHAIN_OPENING,
    CHAIN_DIVERTED,
    CHAIN_CHANGE_MAIL,
    CHAIN_CHANGE_MORE,
    CHAIN_FRESH_MAIL,
    CHAIN_FRESH_OUT,
    CHAIN_COMPLETE,
    CONTEXT_APPROVED,
    CONTEXT_HYBRID,
    CONTEXT_GATEWAY,
    CONTEXT_PARTNERS,
    CONTEXT_SIMULATION,
)
