"""Events of which too little can be seen for anybody to tell.

Each scenario draws whether an attack or something honest lies behind it; what remains visible is
drawn in the same way for both.
"""

import json
from datetime import datetime

import polars as pl

from exconn.simulate import Actor, SimulatedConnector, change_row
from exconn.testing.scenarios._honest import (
    MINUTE,
    after_busiest_hour,
    free_name,
    neighbours,
    shuffled,
    signed_in,
)
from exconn.testing.scenarios._scenario import Family, Truth
from exconn.testing.scenarios._stage import AUDIT, DAY, HOUR, LOGONS, MAIL, Stage

_ROLES = ("relay", "billing", "printers", "quiet")
_NOT_PUBLISHED = '{"SPF":"none","DKIM":"none","DMARC":"none","CompAuth":"none"}'
_EXCHANGE = pl.col("Application") == "Microsoft Exchange Online"


def _behind(stage: Stage) -> str:
    """Draw what nobody can see."""
    return stage.rng.choice(("an attack", "something honest"))


def _half_opened(stage: Stage, target: SimulatedConnector) -> dict[str, str]:
    """Settings that let in somebody new, which may be a new server or an attacker's."""
    fresh = neighbours(stage, stage.rng.randint(1, 3))
    settings = {"SenderIPAddresses": ";".join((*target.addresses, *fresh))}
    if stage.chance(0.4):
        settings["RequireTls"] = "False"
    if stage.chance(0.3):
        settings["SenderDomains"] = "smtp:*;1"
    return settings


def _unusual_mail(
    stage: Stage, target: SimulatedConnector, times: pl.Series, *, unknown: float
) -> str:
    """Let more mail pass than usual, half of the time from a new address, to a new few."""
    n = len(times)
    outside = round(n * stage.rng.uniform(0, unknown))
    recipients = stage.customers(n - outside)
    recipients += stage.strangers(outside, max(1, outside // 2)) if outside else []
    usual_address = stage.chance(0.5)
    origin = {"sender_ipv4": neighbours(stage, 1)[0], "authentication": _NOT_PUBLISHED}
    stage.mail_like(
        target.role,
        times,
        recipients=shuffled(stage, recipients),
        direction="Outbound",
        **({} if usual_address else origin),
    )
    place = "a usual address" if usual_address else "a new address"
    return f"{n} mails from {place}, {outside} of them to unknown recipients"


def _blank_actor_no_mail_log(stage: Stage) -> None:
    """A connector is changed by nobody knows whom, and there is no log of mail."""
    behind, target = _behind(stage), stage.own(stage.rng.choice(_ROLES))
    changed = stage.at - MINUTE * stage.some(1, 600)
    new = stage.chance(0.4)
    name = free_name(stage, "Relay 2", "SMTP inbound", "App servers") if new else target.name
    operation = "New-InboundConnector" if new else "Set-InboundConnector"
    settings = {"Name" if new else "Identity": name} | _half_opened(stage, target)
    stage.add(AUDIT, _unsigned(stage, changed, operation, settings))
    stage.drop(MAIL)
    stage.judge(
        name,
        f"{operation} by nobody knows whom, without a log of mail; behind it is {behind}.",
        at=changed + MINUTE * stage.some(1, 120),
    )


def _unsigned(
    stage: Stage, at: datetime, operation: str, parameters: dict[str, str]
) -> pl.DataFrame:
    """A change whose record has lost who made it, and where from."""
    row = change_row(
        rng=stage.rng,
        at=at,
        operation=operation,
        parameters=parameters,
        actor=Actor("", "", "", "", "", 0),
        organization=stage.tenant.organization,
    )
    record = json.loads(row["RawEventData"][0])
    kept = {key: value for key, value in record.items() if not key.startswith("User")}
    return row.with_columns(RawEventData=pl.lit(json.dumps(kept, ensure_ascii=False)))


def _truncated_mail_log(stage: Stage) -> None:
    """A connector is made or opened, and the log of mail ends before anything passes."""
    behind, target = _behind(stage), stage.own(stage.rng.choice(_ROLES))
    changed = stage.office_time(stage.at - 20 * HOUR, stage.at)
    ordinary = stage.rng.choice((stage.admin.office, stage.admin.office, stage.admin.home))
    place = signed_in(stage, changed, ordinary)
    settings = _half_opened(stage, target)
    if stage.chance(0.5):
        name = free_name(stage, "Relay 2", "SMTP inbound", "App servers")
        stage.run(changed, "New-InboundConnector", {"Name": name, **settings}, place=place)
    else:
        name = target.name
        stage.run(changed, "Set-InboundConnector", {"Identity": name, **settings}, place=place)
    ends = changed + MINUTE * stage.rng.uniform(-600, 20)
    stage.end_early(MAIL, ends)
    hours = abs(ends - changed) / HOUR
    when = "after" if ends > changed else "before"
    stage.judge(
        name,
        f"The log of mail ends {hours:.1f} hours {when} an ordinary sign-in led to a change; "
        f"behind it is {behind}.",
        at=changed + MINUTE * stage.some(2, 300),
    )


def _late_tables(stage: Stage) -> None:
    """Changes and sign-ins of the last days have not arrived, and mail is somewhat unusual."""
    behind, target = _behind(stage), stage.own(stage.rng.choice(_ROLES))
    n = round(stage.some(30, 250))
    times = stage.spread(n, stage.at - MINUTE * stage.rng.uniform(0, 50), HOUR * stage.some(0.8, 5))
    seen = _unusual_mail(stage, target, times, unknown=0.4)
    lag = stage.some(1, 5)
    stage.end_early(AUDIT, stage.at - DAY * lag)
    stage.end_early(LOGONS, stage.at - DAY * lag * stage.rng.uniform(1, 1.3))
    stage.judge(
        target.name,
        f"{seen}, while changes and sign-ins are {lag:.1f} days late; behind it is {behind}.",
        at=after_busiest_hour(stage, times),
    )


def _audit_off(stage: Stage) -> None:
    """Nobody recorded what administrators do, and mail is somewhat unusual."""
    behind, target = _behind(stage), stage.own(stage.rng.choice(_ROLES))
    n = round(stage.some(30, 400))
    times = stage.spread(n, stage.at - MINUTE * stage.rng.uniform(0, 50), HOUR * stage.some(0.8, 9))
    seen = _unusual_mail(stage, target, times, unknown=0.3)
    missing = stage.chance(0.5)
    if missing:
        stage.drop(AUDIT)
    else:
        stage.hide(AUDIT, _EXCHANGE)
    stage.judge(
        target.name,
        f"{seen}; the audit log {'is missing' if missing else 'has nothing of Exchange'}, and "
        f"behind it is {behind}.",
        at=after_busiest_hour(stage, times),
    )


def _short_baseline(stage: Stage) -> None:
    """The export began days ago, so that nothing can be compared with what was usual."""
    behind, target = _behind(stage), stage.own(stage.rng.choice(_ROLES))
    days = stage.rng.uniform(1, 5)
    begins = stage.at - DAY * days
    n = round(stage.some(30, 400))
    times = stage.spread(n, stage.at - MINUTE * stage.rng.uniform(0, 50), HOUR * stage.some(0.8, 9))
    seen = _unusual_mail(stage, target, times, unknown=0.4)
    if stage.chance(0.5):
        changed = stage.office_time(begins, stage.at)
        place = signed_in(stage, changed, stage.admin.office)
        settings = {"Identity": target.name} | _half_opened(stage, target)
        stage.run(changed, "Set-InboundConnector", settings, place=place)
    for table in (MAIL, AUDIT, LOGONS):
        stage.begin_late(table, begins)
    stage.judge(
        target.name,
        f"{seen}, {days:.1f} days after the data begins; behind it is {behind}.",
        at=after_busiest_hour(stage, times),
    )


INSUFFICIENT: tuple[Family, ...] = (
    Family(
        "blank-actor-no-mail-log",
        Truth.INSUFFICIENT,
        "The record of a change does not say who made it, and there is no log of mail.",
        _blank_actor_no_mail_log,
    ),
    Family(
        "truncated-mail-log",
        Truth.INSUFFICIENT,
        "The log of mail ends before a changed connector is used.",
        _truncated_mail_log,
    ),
    Family(
        "late-tables",
        Truth.INSUFFICIENT,
        "Mail is somewhat unusual, and changes and sign-ins have not arrived yet.",
        _late_tables,
    ),
    Family(
        "audit-off",
        Truth.INSUFFICIENT,
        "Mail is somewhat unusual, and nobody recorded what administrators do.",
        _audit_off,
    ),
    Family(
        "short-baseline",
        Truth.INSUFFICIENT,
        "Something is somewhat unusual, and there is no past to compare it with.",
        _short_baseline,
    ),
)
"""The families of events that nobody could judge."""
