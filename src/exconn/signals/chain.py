"""Signals about what led to what: more than their parts."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import NEW_OUTBOUND, PLAYBOOK, RESPOND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

_OPENINGS = (
    "catch_all",
    "unrestricted",
    "filtering_bypassed",
    "trusted_headers",
    "new_smart_hosts",
)
_BESIDES = ("transport_rules", "header_rules", "grants")
_SAME_MAIL = (
    (f("no_sender_id_share") >= 0.5)
    & (f("new_address_share") <= 0.02)
    & (f("fresh_domain_messages") == 0)
    & (f("mismatch_share") - f("baseline_mismatch_share") <= 0.1)
    & (f("url_share") - f("baseline_url_share") <= 0.1)
    & (f("external_share") - f("baseline_external_share") <= 0.05)
    & (f("unknown_recipient_share") <= 0.2)
    & (f("malicious_share") - f("baseline_malicious_share") <= 0.02)
    & (f("junk_share") - f("baseline_junk_share") <= 0.05)
)
_TOLD = (
    "Of the mail {new_address_share:.0%} is from new addresses, and {fresh_domain_messages:,.0f} "
    "messages from new domains; {no_sender_id_share:.0%} have no account. Now and before: with "
    "differing domains {mismatch_share:.0%} and {baseline_mismatch_share:.0%}, with links "
    "{url_share:.0%} and {baseline_url_share:.0%}, to outside {external_share:.0%} and "
    "{baseline_external_share:.0%}, malicious {malicious_share:.0%} and "
    "{baseline_malicious_share:.0%}, junked {junk_share:.0%} and {baseline_junk_share:.0%}. To "
    "domains that nobody here had mailed go {unknown_recipient_share:.0%} of the deliveries."
)
_SAME = {
    "no_sender_id_share": 1.0,
    "new_address_share": 0.0,
    "fresh_domain_messages": 0,
    "mismatch_share": 0.5,
    "baseline_mismatch_share": 0.5,
    "url_share": 0.2,
    "baseline_url_share": 0.2,
    "external_share": 0.5,
    "baseline_external_share": 0.5,
    "unknown_recipient_share": 0.1,
    "malicious_share": 0.0,
    "baseline_malicious_share": 0.0,
    "junk_share": 0.0,
    "baseline_junk_share": 0.0,
}

_ROUTINE = {
    **dict.fromkeys(_BESIDES, 0),
    "changes": 2,
    "routine_changes": 1,
    "own_certificates": 1,
}

LOGON_CHANGE = Signal(
    id="chain.logon-change",
    title="a suspicious sign-in led to the change",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=question.CHAIN,
    when=f("changes_after_suspicious_logon") > 0,
    sentence="Changes within 24 hours after a suspicious sign-in by the same account: "
    "{changes_after_suspicious_logon:.0f}.",
    rationale="Two weak things in the right order are stronger than their sum.",
    fires={"changes_after_suspicious_logon": 1},
    nearly={"changes_after_suspicious_logon": 0},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004",),
)
OPENING = Signal(
    id="chain.logon-opening",
    title="a suspicious sign-in led to an opening",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=question.CHAIN,
    when=(f("changes_after_suspicious_logon") > 0) & (pl.sum_horizontal(_OPENINGS) > 0),
    sentence="Changes within 24 hours after a suspicious sign-in: "
    "{changes_after_suspicious_logon:.0f}. Changes that opened it to all domains {catch_all:.0f}, "
    "lifted restrictions {unrestricted:.0f}, bypassed filtering {filtering_bypassed:.0f}, trusted "
    "headers {trusted_headers:.0f}, or routed mail to a host {new_smart_hosts:.0f}.",
    rationale="Travellers change what was wrong; intruders open what was shut.",
    fires={**dict.fromkeys(_OPENINGS, 0), "changes_after_suspicious_logon": 1, "catch_all": 1},
    nearly={**dict.fromkeys(_OPENINGS, 0), "changes_after_suspicious_logon": 0, "catch_all": 1},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004", "T1562"),
)
DIVERTED = Signal(
    id="chain.diverted",
    title="mail routed to a host by somebody out of place",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.2,
    question=question.RISKY_CONFIGURATION,
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
CHANGE_MAIL = Signal(
    id="chain.change-mail",
    title="the change led to far more mail",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=question.RECENTLY_CHANGED,
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
CHANGE_MORE = Signal(
    id="chain.change-more-a-day",
    title="the change led to more mail a day",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=0.8,
    question=question.RECENTLY_CHANGED,
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
FRESH_MAIL = Signal(
    id="chain.fresh-mail",
    title="a suspicious sign-in, a change, and mail from new addresses",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=0.8,
    question=question.CHAIN,
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
FRESH_OUT = Signal(
    id="chain.fresh-mail-outbound",
    title="a suspicious sign-in, a change, and mail from new addresses to outside",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.0,
    question=question.CHAIN,
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
COMPLETE = Signal(
    id="chain.complete",
    title="sign-in, change and far more mail in a row",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.5,
    question=question.CHAIN,
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
CHANGER_SENDS = Signal(
    id="chain.changer-sends",
    title="strangers get mail from where those sit who changed the connector",
    family=Family.CHAIN,
    direction=Direction.FOR,
    weight=1.2,
    question=question.CHAIN,
    when=(f("changer_address_share") >= 0.1)
    & (f("unknown_recipient_share") >= 0.2)
    & (f("messages") >= 10),
    sentence="{changer_address_share:.0%} of {messages:,.0f} messages came from addresses new to "
    "the connector, of those who changed it; {unknown_recipient_share:.0%} of the deliveries went "
    "to domains that nobody here had mailed before.",
    rationale="Services send from servers of their own. An insider sends from the office, in the "
    "tenant's name and authenticated; an intruder may rent one server for all of it.",
    fires={"changer_address_share": 0.1, "unknown_recipient_share": 0.2, "messages": 10},
    nearly={"changer_address_share": 0.1, "unknown_recipient_share": 0.1, "messages": 10},
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1078.004", "T1566"),
)
ONLY_MORE = Signal(
    id="chain.only-more",
    title="the same mail as ever, and nothing was changed",
    family=Family.CHAIN,
    direction=Direction.AGAINST,
    weight=1.5,
    question=question.CHAIN,
    when=(f("changes") + f("unresolved_changes") == 0) & (f("baseline_days") >= 7) & _SAME_MAIL,
    sentence="Changes of the connector: {changes:.0f}, of connectors without a known name: "
    "{unresolved_changes:.0f}; its own past has {baseline_days:.0f} days. " + _TOLD,
    rationale="Machines in distress and seasons make more mail, but no other mail. An attacker "
    "needs a sender, a recipient or a link that is new; one who has none cannot be told by mail.",
    fires={**_SAME, "changes": 0, "unresolved_changes": 0, "baseline_days": 30},
    nearly={**_SAME, "changes": 1, "unresolved_changes": 0, "baseline_days": 30},
    references=(PLAYBOOK, RESPOND),
)
NOTHING_CAME = Signal(
    id="chain.nothing-came-of-it",
    title="the change opened nothing, and the mail is the same as ever",
    family=Family.CHAIN,
    direction=Direction.AGAINST,
    weight=1.5,
    question=question.CHAIN,
    when=(f("changes") > 0)
    & (f("routine_changes") + f("own_certificates") == f("changes"))
    & (pl.sum_horizontal(_BESIDES) == 0)
    & _SAME_MAIL,
    sentence="Changes: {changes:.0f}. Of them {routine_changes:.0f} describe, restrict, disable or "
    "remove it and do nothing else, and {own_certificates:.0f} name another certificate of the "
    "tenant's own. Besides them transport rules {transport_rules:.0f}, such as change headers "
    "{header_rules:.0f}, grants {grants:.0f}. " + _TOLD,
    rationale="Whoever breaks in to change a connector changes what helps, and then uses it. "
    "Travellers and administrators under attack do their work.",
    fires={**_SAME, **_ROUTINE},
    nearly={**_SAME, **_ROUTINE, "changes": 3},
    references=(PLAYBOOK, RESPOND),
)

SIGNALS = (
    LOGON_CHANGE,
    OPENING,
    DIVERTED,
    CHANGE_MAIL,
    CHANGE_MORE,
    FRESH_MAIL,
    FRESH_OUT,
    COMPLETE,
    CHANGER_SENDS,
    ONLY_MORE,
    NOTHING_CAME,
)
