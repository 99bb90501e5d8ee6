"""Beside the verdict: other explanations, what would change it, and where to look next."""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from exconn.context import Context
from exconn.coverage import Standing, TableState
from exconn.facts import FACTS, catalogue
from exconn.facts.catalogue import CATALOGUE, Asked
from exconn.grading.findings import (
    Answer,
    Answered,
    Facts,
    Finding,
    State,
    contributing,
    evaluated,
    ordered,
    tables_of,
)
from exconn.grading.policy import Policy
from exconn.grading.verdict import Classification, Verdict, judge
from exconn.models import ConnectorChange
from exconn.signals import ALTERNATIVES, Alternative, Clue, Direction
from exconn.signals.context import APPROVED
from exconn.window import Window

_LOOKS = 5
_OF_THE_PAST = {fact.name for fact in FACTS if fact.past}


@frozen(eq=False)
class Considered:
    """An alternative explanation, weighed.

    Attributes:
        alternative: which one.
        balance: the share of the clues for it that hold, less the share of those against it that
            do: -1 to 1. It ranks explanations; it is no probability.
        for_it: what speaks for it, in sentences.
        against_it: what speaks against it, in sentences.
        open: how many of its clues could not be assessed.
    """

    alternative: Alternative
    balance: float
    for_it: tuple[str, ...]
    against_it: tuple[str, ...]
    open: int


@frozen
class Flip:
    """A single thing that is not known and would change the classification.

    Attributes:
        if_so: what would have to turn out, in a sentence.
        then: what the classification would be.
    """

    if_so: str
    then: Classification


@frozen
class Look:
    """What to look at next.

    Attributes:
        why: what it would show.
        query: the name of exconn's query.
        kql: the same for Defender's Advanced Hunting.
    """

    why: str
    query: str
    kql: str


def considered(facts: Facts) -> tuple[Considered, ...]:
    """Weigh the alternative explanations, the likeliest first."""
    clues = [clue for one in ALTERNATIVES for clue in (*one.for_it, *one.against_it)]
    holds = dict(zip(clues, evaluated(facts, [clue.state for clue in clues]), strict=True))
    weighed = [_weighed(alternative, holds, facts) for alternative in ALTERNATIVES]
    return tuple(sorted(weighed, key=lambda one: -one.balance))


def _weighed(
    alternative: Alternative, holds: Mapping[Clue, bool | None], facts: Facts
) -> Considered:
    for_it = [clue.sentence.format(**facts) for clue in alternative.for_it if holds[clue]]
    against_it = [clue.sentence.format(**facts) for clue in alternative.against_it if holds[clue]]
    balance = len(for_it) / len(alternative.for_it) - len(against_it) / len(alternative.against_it)
    unknown = sum(holds[clue] is None for clue in (*alternative.for_it, *alternative.against_it))
    return Considered(alternative, balance, tuple(for_it), tuple(against_it), unknown)


def flips(
    verdict: Verdict,
    facts: Facts,
    found: Sequence[Finding],
    standings: Sequence[Standing],
    policy: Policy,
) -> tuple[Flip, ...]:
    """What single thing that is not known would change the classification."""
    told: list[Flip] = []

    def suppose(if_so: str, findings: Sequence[Finding], tables: Sequence[Standing]) -> None:
        then = judge(facts, contributing(findings, policy), tables, policy).classification
        now = verdict.classification
        if then is not now and not (then.is_benign and now.is_benign):
            told.append(Flip(if_so, then))

    for finding in found:
        approvable = finding.signal is APPROVED and finding.state is State.CLEAR
        knowable = finding.state is State.UNASSESSED and not _never_known(finding, facts)
        if knowable or (approvable and facts["changes"]):
            fired = [evolve(f, state=State.FIRED) if f is finding else f for f in found]
            suppose(f"{finding.signal.id}: {finding.signal.title}", fired, standings)
    for standing in standings:
        if standing.state is not TableState.PRESENT:
            whole = [
                evolve(s, state=TableState.PRESENT, covers_time=True, reasons=())
                if s is standing
                else s
                for s in standings
            ]
            table = standing.coverage.table.name
            nothing = [
                evolve(f, state=State.CLEAR) if _would_be_clear(f, table) else f for f in found
            ]
            suppose(f"{table} was complete and showed nothing else", nothing, whole)
    return tuple(told)


def _would_be_clear(finding: Finding, table: str) -> bool:
    """Whether a signal for malice that is not assessed rests on a table."""
    signal = finding.signal
    unassessed = finding.state is State.UNASSESSED and signal.direction is Direction.FOR
    return unassessed and table in tables_of(signal.facts)


def _never_known(finding: Finding, facts: Facts) -> bool:
    """Whether it compares with the past of a connector that has none."""
    lacking = {name for name, value in finding.facts.items() if value is None}
    return bool(facts["created"]) and bool(lacking) and lacking <= _OF_THE_PAST


def looks(
    connector: str,
    window: Window,
    context: Context,
    found: Sequence[Finding],
    answered: Sequence[Answered],
    changes: Sequence[ConnectorChange],
) -> tuple[Look, ...]:
    """Where to look next: what could not be answered, then what weighs most, to be confirmed."""
    asked = evolve(about(connector, window, changes), accepted_domains=context.accepted_domains)
    wanted: dict[str, str] = {}
    for answer in answered:
        if answer.answer is Answer.UNASSESSED:
            wanted.setdefault(answer.question.shown_by, f"Not answered: {answer.question.text}")
    for finding in ordered(found):
        if finding.signal.direction is Direction.FOR:
            wanted.setdefault(finding.signal.question.shown_by, f"To confirm: {finding.sentence}")
    chosen = [(name, why) for name, why in wanted.items() if name in CATALOGUE][:_LOOKS]
    return tuple(Look(why, name, kql(name, asked)) for name, why in chosen)


def about(connector: str, window: Window, changes: Sequence[ConnectorChange]) -> Asked:
    """What queries are asked to show the evidence about a connector."""
    people = sorted({n for c in changes for n in (c.actor.id, c.actor.name) if n})
    return Asked(
        period=window.period,
        connector=connector,
        accounts=tuple(people),
        addresses=tuple(sorted({change.address for change in changes if change.address})),
    )


def kql(name: str, asked: Asked) -> str:
    """A query of the catalogue for Defender's Advanced Hunting, about one connector alone."""
    return catalogue.about(name, asked).to_kql()
