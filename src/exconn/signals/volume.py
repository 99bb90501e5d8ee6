"""Signals about the amount of mail, against the connector's own past."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import PLAYBOOK, RESPOND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

SURGE = Signal(
    id="volume.surge",
    title="far more mail in an hour than ever before",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=1.5,
    question=question.TRAFFIC_UNUSUAL,
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
SUSTAINED = Signal(
    id="volume.sustained",
    title="much more mail a day than before",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=1.0,
    question=question.TRAFFIC_UNUSUAL,
    when=(f("messages") >= 50) & (f("daily_ratio") >= 3),
    sentence="{messages:,.0f} messages in the window, {daily_ratio:.1f} times as many a day as in "
    "its own past.",
    rationale="A patient attacker stays below every hourly threshold; the daily sum shows it.",
    fires={"messages": 700, "daily_ratio": 5},
    nearly={"messages": 700, "daily_ratio": 2.9},
    references=(PLAYBOOK,),
    attack_ids=("T1496.004",),
)
NEW_CONNECTOR = Signal(
    id="volume.new-connector",
    title="a new connector sends in bulk",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=1.0,
    question=question.VOLUME_EXPECTED,
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
ONE_SENDER = Signal(
    id="volume.one-sender",
    title="one sender in bulk",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=0.3,
    question=question.TRAFFIC_UNUSUAL,
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
FEW = Signal(
    id="volume.few",
    title="hardly any mail, to hardly anybody outside, with little to open",
    family=Family.VOLUME,
    direction=Direction.AGAINST,
    weight=0.8,
    question=question.VOLUME_EXPECTED,
    when=(f("deliveries") < 45)
    & (f("external_domains") <= 6)
    & (f("url_share") + f("attachment_share") < 0.5)
    & (f("new_smart_hosts") == 0)
    & (f("changes_after_suspicious_logon") == 0),
    sentence="{deliveries:,.0f} deliveries in the window, to {external_domains:.0f} domains "
    "outside; {url_share:.0%} of the messages have links, {attachment_share:.0%} attachments. "
    "Changes that route mail to a host: {new_smart_hosts:.0f}; changes after a suspicious sign-in: "
    "{changes_after_suspicious_logon:.0f}.",
    rationale="Somebody tries something out. Whoever takes over a connector uses it; a first few "
    "mails to the right people inside are the exception, and ask for a click.",
    fires={
        "deliveries": 44,
        "external_domains": 6,
        "url_share": 0.0,
        "attachment_share": 0.4,
        "new_smart_hosts": 0,
        "changes_after_suspicious_logon": 0,
    },
    nearly={
        "deliveries": 44,
        "external_domains": 6,
        "url_share": 0.1,
        "attachment_share": 0.4,
        "new_smart_hosts": 0,
        "changes_after_suspicious_logon": 0,
    },
    references=(PLAYBOOK,),
)
STEADY = Signal(
    id="volume.steady",
    title="no more mail than before",
    family=Family.VOLUME,
    direction=Direction.AGAINST,
    weight=1.0,
    question=question.VOLUME_EXPECTED,
    when=(f("baseline_messages") > 0) & (f("peak_ratio") <= 2) & (f("daily_ratio") <= 2),
    sentence="The busiest hour is {peak_ratio:.1f} times, a day {daily_ratio:.1f} times that of "
    "its own past.",
    rationale="A connector that does what it always did was not put to a new use; unless the "
    "attack hides in it, which senders and recipients show.",
    fires={"baseline_messages": 9000, "peak_ratio": 1.1, "daily_ratio": 1.0},
    nearly={"baseline_messages": 9000, "peak_ratio": 2.1, "daily_ratio": 1.0},
    references=(PLAYBOOK,),
)

SIGNALS = (
    SURGE,
    SUSTAINED,
    NEW_CONNECTOR,
    ONE_SENDER,
    FEW,
    STEADY,
)
