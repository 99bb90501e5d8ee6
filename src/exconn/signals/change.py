"""Signals about the changes: what, by whom, and what else they did."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import OAUTH_SPAM, PLAYBOOK, RESPOND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

CREATED = Signal(
    id="change.created",
    title="created in the window",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=question.RECENTLY_CHANGED,
    when=f("created") > 0,
    sentence="Created in the window: {created:.0f}.",
    rationale="Attackers set up connectors of their own; most organisations rarely need one.",
    fires={"created": 1},
    nearly={"created": 0},
    remediation="Ask who created it, and for what; disable it until that is known.",
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1098", "T1562"),
)
MODIFIED = Signal(
    id="change.modified",
    title="changed in the window",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=question.RECENTLY_CHANGED,
    when=f("modified") > 0,
    sentence="Changes of its settings in the window: {modified:.0f}.",
    rationale="An existing connector is trusted already, and is nobody's new object to notice.",
    fires={"modified": 1},
    nearly={"modified": 0},
    remediation="Compare each changed setting with the approved one.",
    references=(PLAYBOOK, RESPOND),
    attack_ids=("T1562",),
)
ENABLED = Signal(
    id="change.enabled",
    title="switched on in the window",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.2,
    question=question.RECENTLY_CHANGED,
    when=(f("enabled") > 0) & (f("modified") > 0),
    sentence="Switched on in the window: {enabled:.0f}, among changes of settings: {modified:.0f}.",
    rationale="A dormant connector woken up serves an attacker as well as a new one.",
    fires={"enabled": 1, "modified": 1},
    nearly={"enabled": 1, "modified": 0},
    references=(PLAYBOOK,),
)
BY_APPLICATION = Signal(
    id="change.by-application",
    title="changed by an application",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.6,
    question=question.RECENTLY_CHANGED,
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
REMOVED_AFTER_MAIL = Signal(
    id="change.removed-after-mail",
    title="removed soon after its mail",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.8,
    question=question.RECENTLY_CHANGED,
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
HEADER_RULES = Signal(
    id="change.header-rules",
    title="transport rules that blind the filter",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=1.5,
    question=question.OTHER_DEEDS,
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
TRANSPORT_RULES = Signal(
    id="change.transport-rules",
    title="transport rules changed besides",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=question.OTHER_DEEDS,
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
GRANTS = Signal(
    id="change.grants",
    title="roles, permissions or credentials given besides",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.6,
    question=question.OTHER_DEEDS,
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
NEWCOMER = Signal(
    id="change.by-newcomer",
    title="changed by somebody who never did before",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.3,
    question=question.RECENTLY_CHANGED,
    when=f("changes_by_newcomers") > 0,
    sentence="Changes by such as changed no connector before the window: "
    "{changes_by_newcomers:.0f}.",
    rationale="Weak: connectors are changed rarely, by whoever is on duty.",
    fires={"changes_by_newcomers": 1},
    nearly={"changes_by_newcomers": 0},
    references=(PLAYBOOK,),
)
NO_ADDRESS = Signal(
    id="change.without-address",
    title="changed from nowhere",
    family=Family.CHANGE,
    direction=Direction.FOR,
    weight=0.4,
    question=question.UNUSUAL_PLACES,
    when=f("changes_without_address") > 0,
    sentence="Changes whose record has no address: {changes_without_address:.0f}.",
    rationale="Applications and partner administrators leave none; nor do those who hide.",
    fires={"changes_without_address": 1},
    nearly={"changes_without_address": 0},
    references=(PLAYBOOK,),
)
HABIT = Signal(
    id="change.by-habit",
    title="changed by those who look after connectors",
    family=Family.CHANGE,
    direction=Direction.AGAINST,
    weight=0.4,
    question=question.RECENTLY_CHANGED,
    when=(f("changes") > 0) & (f("changes_by_newcomers") == 0),
    sentence="Changes: {changes:.0f}. Of them by such as changed no connector before the window: "
    "{changes_by_newcomers:.0f}.",
    rationale="It is their work; unless the account is in other hands.",
    fires={"changes": 1, "changes_by_newcomers": 0},
    nearly={"changes": 1, "changes_by_newcomers": 1},
    references=(PLAYBOOK,),
)
NONE = Signal(
    id="change.none",
    title="neither created nor changed",
    family=Family.CHANGE,
    direction=Direction.AGAINST,
    weight=0.8,
    question=question.RECENTLY_CHANGED,
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

SIGNALS = (
    CREATED,
    MODIFIED,
    ENABLED,
    BY_APPLICATION,
    REMOVED_AFTER_MAIL,
    HEADER_RULES,
    TRANSPORT_RULES,
    GRANTS,
    NEWCOMER,
    NO_ADDRESS,
    HABIT,
    NONE,
)
