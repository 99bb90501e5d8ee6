"""From findings to a classification and determination, in Microsoft Graph's words."""

import enum
import math
from collections.abc import Sequence

from attrs import frozen

from exconn.coverage import Standing, TableState
from exconn.facts.judgement import MINIMUM_BASELINE
from exconn.grading.findings import Facts, Finding, State, least_margin, margin
from exconn.grading.policy import Policy
from exconn.signals import (
    Direction,
    Family,
    chain,
    change,
    content,
    context,
    logon,
    recipients,
    sender,
)
from exconn.tables import EMAIL_EVENTS


class Classification(enum.StrEnum):
    """Graph's `alertClassification`."""

    TRUE_POSITIVE = "truePositive"
    EXPECTED_ACTIVITY = "informationalExpectedActivity"
    FALSE_POSITIVE = "falsePositive"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """What analysts call it: ``true positive`` and so on."""
        return _WORDS[self]

    @property
    def is_benign(self) -> bool:
        """Whether it signs the connector off."""
        return self in (Classification.EXPECTED_ACTIVITY, Classification.FALSE_POSITIVE)


_WORDS = {
    Classification.TRUE_POSITIVE: "true positive",
    Classification.EXPECTED_ACTIVITY: "expected activity",
    Classification.FALSE_POSITIVE: "false positive",
    Classification.UNKNOWN: "unknown",
}


class Determination(enum.StrEnum):
    """The members of Graph's `alertDetermination` that a connector can have.

    The names are the CSDL's; some documentation pages list others.
    """

    MULTI_STAGED_ATTACK = "multiStagedAttack"
    COMPROMISED_ACCOUNT = "compromisedAccount"
    PHISHING = "phishing"
    MALICIOUS_USER_ACTIVITY = "maliciousUserActivity"
    LINE_OF_BUSINESS_APPLICATION = "lineOfBusinessApplication"
    CONFIRMED_ACTIVITY = "confirmedActivity"
    SECURITY_TESTING = "securityTesting"
    NOT_MALICIOUS = "notMalicious"
    NOT_ENOUGH_DATA = "notEnoughDataToValidate"


NEVER_BENIGN = (
    change.HEADER_RULES,
    logon.BURST,
    logon.SPRAY,
    chain.DIVERTED,
    chain.CHANGER_SENDS,
    sender.STRANGERS,
    recipients.UNPROMPTED,
    content.UNPROMPTED,
    recipients.FROM_STRANGERS,
)
"""Signals that an incident lead would not sign off unseen: where one fires, or might if more were
known, the connector is not graded benign, whatever else speaks against malice."""


@frozen
class Verdict:
    """A classification, its determination, and why it is not another one.

    Attributes:
        reasons: vetoes and abstentions, a sentence each.
    """

    classification: Classification
    determination: Determination
    reasons: tuple[str, ...] = ()


def judge(
    facts: Facts, found: Sequence[Finding], standings: Sequence[Standing], policy: Policy
) -> Verdict:
    """Decide.

    * True positive: the margin reaches `policy.true_positive`, at least `policy.families` families
      speak for malice noticeably (the chain counts twice, for it joins what others tell), and
      nothing vetoes it (all changes approved, and made without a suspicious sign-in; a known
      simulation). Where data is missing, it must hold even if all that the gaps may hide spoke
      against malice.
    * Benign: the margin is at most `policy.benign`, as many families speak noticeably against
      malice, every table is there in full, and a week of the connector's own past unless it was
      created in the window, and all that is never benign could be ruled out. Expected activity if
      something noticeable spoke for malice all the same, otherwise a false positive.
    * Unknown: otherwise, and whenever no mail passed through the connector in the window.
    """
    fired = {f.signal.id: f for f in found if f.state is State.FIRED}
    total = margin(found)
    gaps = _gaps(standings)
    if facts.get("unresolved_changes"):
        gaps.append(
            "connectors known only by a GUID were changed; a listing in the context tells which"
        )
    days = facts.get("baseline_days")
    if days is not None and days < MINIMUM_BASELINE.days and not facts.get("created"):
        gaps.append(
            f"only {days:.1f} days of the connector's own past are known, so what is normal for it "
            "is not"
        )
    if facts.get("messages") == 0 and _covers(standings, EMAIL_EVENTS.name):
        return _unknown("no mail passed through the connector in the window", *gaps)
    if total >= policy.true_positive:
        vetoes = _vetoes(fired, found, policy)
        least = least_margin(found, standings, policy)
        if least < policy.true_positive:
            vetoes.append(
                "what is missing may speak against it: the margin would then be as low as "
                f"{least:+.2f}"
            )
            vetoes += gaps
        if vetoes:
            return _unknown(*vetoes)
        return Verdict(Classification.TRUE_POSITIVE, _malice(fired, found, policy))
    if total <= policy.benign:
        doubts = [*gaps, *_never_benign(found), *_too_few(found, policy, Direction.AGAINST)]
        return _unknown(*doubts) if doubts else _benign(fired, found, policy)
    if total > 0:
        unclear = f"suspicious, but the margin {total:+.2f} is under {policy.true_positive:+.2f}"
    else:
        unclear = (
            f"nothing clearly malicious, but the margin {total:+.2f} is over {policy.benign:+.2f}"
        )
    return _unknown(unclear, *gaps)


def _gaps(standings: Sequence[Standing]) -> list[str]:
    """Why the data could not refute a benign grade."""
    return [
        f"{standing.coverage.table.name} is {standing.state.value}: {'; '.join(standing.reasons)}"
        for standing in standings
        if standing.state is not TableState.PRESENT
    ]


def _unknown(*reasons: str) -> Verdict:
    return Verdict(Classification.UNKNOWN, Determination.NOT_ENOUGH_DATA, reasons)


def _covers(standings: Sequence[Standing], table: str) -> bool:
    return any(s.coverage.table.name == table and s.covers_time for s in standings)


def _families(found: Sequence[Finding], policy: Policy, direction: Direction) -> set[Family]:
    """The families that speak for malice, or against it, noticeably."""
    spoken: dict[Family, float] = {}
    for finding in found:
        if finding.signal.direction is direction:
            family = finding.signal.family
            spoken[family] = spoken.get(family, 0.0) + abs(finding.contribution)
    return {family for family, told in spoken.items() if told >= policy.noticeable}


def _too_few(found: Sequence[Finding], policy: Policy, direction: Direction) -> list[str]:
    """Whether too few families speak so; for malice the chain counts twice: it joins others."""
    families = _families(found, policy, direction)
    kinds = len(families) + (direction is Direction.FOR and Family.CHAIN in families)
    if kinds >= policy.families:
        return []
    verdict = "a true positive" if direction is Direction.FOR else "a benign grade"
    return [
        f"kinds of evidence that speak {direction.value}: {kinds}; {verdict} needs "
        + str(policy.families)
    ]


def _never_benign(found: Sequence[Finding]) -> list[str]:
    never = {signal.id for signal in NEVER_BENIGN}
    doubts = []
    for finding in found:
        if finding.signal.id not in never or finding.state is State.CLEAR:
            continue
        if finding.state is State.FIRED:
            doubts.append(f"{finding.signal.title}: that is never graded benign")
        elif not finding.is_ruled_out:
            doubts.append(f"{finding.signal.title}: that could not be ruled out")
    return doubts


def _vetoes(fired: dict[str, Finding], found: Sequence[Finding], policy: Policy) -> list[str]:
    reasons = []
    if context.APPROVED.id in fired and chain.LOGON_CHANGE.id not in fired:
        reasons.append("all changes of the connector were approved, which vetoes a true positive")
    if context.SIMULATION.id in fired:
        reasons.append("the mail is a known phishing simulation, which vetoes a true positive")
    return [*reasons, *_too_few(found, policy, Direction.FOR)]


def _malice(fired: dict[str, Finding], found: Sequence[Finding], policy: Policy) -> Determination:
    if chain.COMPLETE.id in fired:
        return Determination.MULTI_STAGED_ATTACK
    families = _families(found, policy, Direction.FOR)
    if Family.LOGON in families or chain.LOGON_CHANGE.id in fired:
        return Determination.COMPROMISED_ACCOUNT
    if Family.CONTENT in families or {recipients.SPRAY.id, recipients.FROM_STRANGERS.id} & set(
        fired
    ):
        return Determination.PHISHING
    return Determination.MALICIOUS_USER_ACTIVITY


def _benign(fired: dict[str, Finding], found: Sequence[Finding], policy: Policy) -> Verdict:
    expected = Classification.EXPECTED_ACTIVITY
    if context.SIMULATION.id in fired:
        return Verdict(expected, Determination.SECURITY_TESTING)
    if {context.APPROVED.id, context.HYBRID.id} & set(fired):
        return Verdict(expected, Determination.CONFIRMED_ACTIVITY)
    if math.fsum(f.contribution for f in found if f.contribution > 0) >= policy.noticeable:
        return Verdict(expected, Determination.LINE_OF_BUSINESS_APPLICATION)
    return Verdict(Classification.FALSE_POSITIVE, Determination.NOT_MALICIOUS)
