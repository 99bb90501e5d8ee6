"""Verdicts, numbers and times in words, alike in every report."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from exconn.coverage import Standing
from exconn.facts import FACTS, Unit
from exconn.grading.evidence import Evidence, Tally, Total
from exconn.grading.findings import Finding, State
from exconn.grading.policy import Policy
from exconn.grading.radius import Clicks, SimilarMail
from exconn.grading.result import Grade
from exconn.grading.verdict import Classification, Determination
from exconn.signals import Family
from exconn.tables import Table
from exconn.unseen import shortened, visible

VERDICTS: Mapping[Classification, str] = {
    Classification.TRUE_POSITIVE: "Malicious",
    Classification.EXPECTED_ACTIVITY: "Expected activity",
    Classification.FALSE_POSITIVE: "Nothing malicious",
    Classification.UNKNOWN: "Undecided",
}
DETERMINATIONS: Mapping[Determination, str] = {
    Determination.MULTI_STAGED_ATTACK: "attack in several stages",
    Determination.COMPROMISED_ACCOUNT: "compromised account",
    Determination.PHISHING: "phishing",
    Determination.MALICIOUS_USER_ACTIVITY: "malicious user activity",
    Determination.LINE_OF_BUSINESS_APPLICATION: "line-of-business application",
    Determination.CONFIRMED_ACTIVITY: "confirmed activity",
    Determination.SECURITY_TESTING: "security testing",
    Determination.NOT_MALICIOUS: "not malicious",
    Determination.NOT_ENOUGH_DATA: "not enough data to validate",
}
TONES: Mapping[Classification, str] = {
    Classification.TRUE_POSITIVE: "bad",
    Classification.EXPECTED_ACTIVITY: "good",
    Classification.FALSE_POSITIVE: "good",
    Classification.UNKNOWN: "open",
}
"""How a verdict is shown beside its words."""
GLYPHS: Mapping[str, str] = {"bad": "▲", "good": "●", "open": "◆"}
"""The shape of each tone: nobody has to tell colours apart."""
EVENTS: Mapping[str, str] = {
    "logon": "sign-in",
    "change": "change",
    "attempt": "failed change",
    "deed": "other act",
    "mail": "mail",
    "alert": "judged",
}
"""The kinds of events."""
TOP = 5
"""How many of a list are named where there is little room."""

_UNITS = {fact.name: fact.unit for fact in FACTS}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME = 120
_MINUS = "\u2212"


def title(grade: Grade) -> str:
    """The verdict and the connector in one line of plain text, for a ticket or a mail."""
    name = visible(shortened(grade.connector, _NAME))
    return f"{VERDICTS[grade.classification]}: connector {name}"


def signed(number: float) -> str:
    """A number with its sign."""
    return f"{number:+.2f}".replace("-", _MINUS)


def minute(time: datetime | None) -> str:
    """A time in UTC to the minute; "" for none."""
    return "" if time is None else time.strftime("%Y-%m-%d %H:%M")


def second(time: datetime) -> str:
    """A time in UTC to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def day(time: datetime) -> str:
    """A day, short."""
    return f"{time.day} {_MONTHS[time.month - 1]}"


def moment(time: datetime) -> str:
    """A time, short."""
    return f"{day(time)} {time:%H:%M}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def listed(values: Sequence[str]) -> str:
    """The first of some values, and how many more there are."""
    more = f" and {len(values) - TOP:,} more" if len(values) > TOP else ""
    return (", ".join(values[:TOP]) + more) or "none"


def most(top: Sequence[Tally], total: Total, unit: str, told: Callable[[str], str] = str) -> str:
    """The most frequent of a list, and how many it has in all.

    Args:
        top: the head of the list.
        total: what it is a part of.
        unit: what is counted.
        told: how a value is written.
    """
    values = [f"{told(tally.value)} ({tally.count:,})" for tally in top[:TOP]]
    if total.untold:
        values.append(f"too many to tell apart ({total.untold:,} {unit})")
    cut = f"; {total.values:,} in all" if total.values > len(top[:TOP]) else ""
    return (", ".join(values) + cut) or "none"


def similar(mail: SimilarMail, told: Callable[[str], str] = str) -> str:
    """Other mail from the same place."""
    through = f" through {told(mail.connector)}" if mail.connector else ""
    before = f", {mail.baseline_messages:,} before" if mail.baseline_messages else ""
    number = counted(mail.messages, "message")
    return f"{told(mail.address or mail.domain)}{through} ({number}{before})"


def clicked(clicks: Clicks, told: Callable[[str], str] = str) -> str:
    """How many clicks there are, and whose the latest are."""
    if not clicks.total:
        return "none"
    who = dict.fromkeys(click.account for click in clicks.latest if click.account)
    number = f"{clicks.total:,} by {counted(clicks.accounts, 'account')}"
    return f"{number}: {listed([told(account) for account in who])}" if who else number


def fact(name: str, value: float | None) -> str:
    """A fact's value in its unit; ? where it is not known."""
    if value is None:
        return "?"
    unit = _UNITS.get(name)
    if unit is Unit.SHARE:
        return f"{value:.0%}"
    return f"{value:,.1f}" if unit in (Unit.RATIO, Unit.DAYS) else f"{value:,.0f}"


def unassessed(findings: Sequence[Finding]) -> list[str]:
    """What could not be assessed, by family."""
    told = []
    for family in Family:
        own = [f for f in findings if f.signal.family is family]
        unknown = [f.signal for f in own if f.state is State.UNASSESSED]
        if unknown and len(unknown) == len(own):
            told.append(f"all of {family.value}")
        elif unknown:
            names = ", ".join(signal.id.removeprefix(f"{family.value}.") for signal in unknown)
            told.append(f"{family.value}: {names}")
    return told


def was_changed(evidence: Evidence) -> bool:
    """Whether a change of the connector may have taken effect."""
    return any(change.succeeded is not False for change in evidence.changes)


def unseen_why(coverage: Iterable[Standing], table: Table) -> str:
    """Why it means nothing that something is not seen in a table; "" where it means something."""
    standing = next((s for s in coverage if s.coverage.table.name == table.name), None)
    if standing is None:
        return f"{table.name} was not looked at"
    return "" if standing.covers_time else f"{table.name} is {standing.state.value}"


def thresholds(policy: Policy) -> str:
    """What a margin must reach for a verdict."""
    return f"malicious from {signed(policy.true_positive)} on, benign up to {signed(policy.benign)}"


def strongest(findings: Iterable[Finding], sign: int) -> list[Finding]:
    """Those that speak for malice (1) or against it (-1), the strongest first."""
    return [finding for finding in findings if finding.contribution * sign > 0]
