"""From facts to findings: what each signal says, what it adds, and how questions are answered."""

import enum
import math
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from itertools import groupby

import polars as pl
from attrs import evolve, frozen

from exconn.coverage import Standing, TableState
from exconn.errors import InvalidValueError, nearest
from exconn.facts import FACTS
from exconn.grading.policy import Policy
from exconn.signals import SIGNALS, Direction, Question, Signal

Facts = Mapping[str, float | None]
"""The facts about one connector in one window; None where they could not be assessed."""

_SHIPPED = frozenset(signal.id for signal in SIGNALS)
_TABLES = {fact.name: fact.tables for fact in FACTS}


class State(enum.StrEnum):
    """What a signal says."""

    FIRED = "fired"
    CLEAR = "clear"
    UNASSESSED = "unassessed"


class Answer(enum.StrEnum):
    """What a question's answer is."""

    YES = "yes"
    NO = "no"
    UNASSESSED = "unassessed"


@frozen(eq=False)
class Finding:
    """What a signal says of a connector.

    Attributes:
        signal: which one.
        state: what it says.
        contribution: what it adds to the margin; 0 unless it fired.
        facts: those that it read.
    """

    signal: Signal
    state: State
    contribution: float
    facts: Facts

    @cached_property
    def is_ruled_out(self) -> bool:
        """Whether the signal cannot fire, by those of its facts that are known."""
        return evaluated(self.facts, [self.signal.when]) == [False]

    @property
    def sentence(self) -> str:
        """What it says, for people."""
        if self.state is State.FIRED:
            return self.signal.sentence.format(**self.facts)
        if self.state is State.CLEAR:
            return f"Not so: {self.signal.title}."
        unknown = ", ".join(name for name, value in self.facts.items() if value is None)
        lacking = f"{unknown} unknown" if unknown else "the data does not cover the window"
        return f"Could not be assessed: {self.signal.title} ({lacking})."


@frozen(eq=False)
class Answered:
    """A question's answer, and the facts that show it."""

    question: Question
    answer: Answer
    evidence: Facts


def states(facts: pl.DataFrame, signals: Sequence[Signal], policy: Policy) -> pl.DataFrame:
    """Evaluate signals over rows of facts: a boolean column for each, by its id.

    Raises:
        InvalidValueError: there is none, two have the same id, or the policy weighs one that is not
            among them.
    """
    ids = [signal.id for signal in signals]
    strange = sorted(set(policy.weights) - set(ids) - _SHIPPED)
    if strange:
        close = ", ".join(map(repr, nearest(strange[0], ids))) or "none like it"
        raise InvalidValueError("policy", f"weighs {strange[0]!r}; nearest signals: {close}")
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice or not ids:
        raise InvalidValueError(
            "signals", f"two have the id {twice[0]!r}" if twice else "none given"
        )
    return facts.select(signal.state for signal in signals)


def findings(
    facts: Facts,
    states: Mapping[str, bool | None],
    signals: Sequence[Signal],
    standings: Sequence[Standing],
    policy: Policy,
) -> tuple[Finding, ...]:
    """What the signals say of one connector.

    Where a table does not cover the window, what is there is still evidence, but what is not there
    proves nothing: signals for malice that did not fire, and signals against it that did, are then
    unassessed.
    """
    uncovered = _uncovered(standings)
    found = [
        Finding(
            signal,
            _state(signal, uncovered, fired=states[signal.id]),
            0.0,
            {name: facts[name] for name in signal.facts},
        )
        for signal in signals
    ]
    return contributing(found, policy)


def contributing(found: Sequence[Finding], policy: Policy) -> tuple[Finding, ...]:
    """The findings with what each that fired adds to the margin."""
    gains = _contributions([f.signal for f in found if f.state is State.FIRED], policy)
    gained = ((finding, gains.get(finding.signal.id, 0.0)) for finding in found)
    return tuple(
        finding if finding.contribution == gain else evolve(finding, contribution=gain)
        for finding, gain in gained
    )


def ordered(found: Sequence[Finding]) -> list[Finding]:
    """The findings that fired, those that weigh most first."""
    fired = [finding for finding in found if finding.state is State.FIRED]
    return sorted(fired, key=lambda finding: -abs(finding.contribution))


def margin(found: Sequence[Finding]) -> float:
    """The sum of all contributions."""
    return math.fsum(finding.contribution for finding in found)


def least_margin(found: Sequence[Finding], standings: Sequence[Standing], policy: Policy) -> float:
    """The margin if all that gaps in the data may hide spoke against malice."""
    gaps = {s.coverage.table.name for s in standings if s.state is not TableState.PRESENT}
    counted = [
        finding.signal
        for finding in found
        if finding.state is State.FIRED
        or (
            finding.signal.direction is Direction.AGAINST
            and not gaps.isdisjoint(tables_of(finding.signal.facts))
        )
    ]
    return math.fsum(_contributions(counted, policy).values())


def confidence(found: Sequence[Finding], policy: Policy) -> float:
    """The share, by weight, of the signals that could be assessed."""
    total = math.fsum(policy.weight(finding.signal) for finding in found)
    assessed = math.fsum(
        policy.weight(finding.signal) for finding in found if finding.state is not State.UNASSESSED
    )
    return assessed / total if total else 0.0


def answers(
    facts: Facts, questions: Sequence[Question], standings: Sequence[Standing]
) -> tuple[Answered, ...]:
    """Answer the questions from the facts about one connector."""
    verdicts = evaluated(facts, [question.answer for question in questions])
    uncovered = _uncovered(standings)
    return tuple(
        Answered(
            question,
            _answer(question, facts, uncovered, verdict=verdict),
            {name: facts[name] for name in question.facts},
        )
        for question, verdict in zip(questions, verdicts, strict=True)
    )


def evaluated(facts: Facts, conditions: Sequence[pl.Expr]) -> list[bool | None]:
    """What conditions say of the facts about one connector."""
    row = pl.DataFrame([dict(facts)], schema=dict.fromkeys(facts, pl.Float64()))
    named = (condition.alias(str(number)) for number, condition in enumerate(conditions))
    return list(row.select(named).row(0))


def _contributions(fired: Sequence[Signal], policy: Policy) -> dict[str, float]:
    def kind(signal: Signal) -> tuple[str, str]:
        return signal.family.value, signal.direction.value

    gains: dict[str, float] = {}
    ranked = sorted(fired, key=lambda s: (*kind(s), -policy.weight(s), s.id))
    for _, alike in groupby(ranked, key=kind):
        for rank, signal in enumerate(alike):
            sign = 1 if signal.direction is Direction.FOR else -1
            gains[signal.id] = sign * policy.weight(signal) * policy.decay**rank
    return gains


def _state(signal: Signal, uncovered: frozenset[str], *, fired: bool | None) -> State:
    if fired is None:
        return State.UNASSESSED
    if fired == (signal.direction is Direction.AGAINST) and _rests_on(signal.facts, uncovered):
        return State.UNASSESSED
    if fired and _rests_on(tuple(signal.absent), uncovered):
        return State.UNASSESSED
    return State.FIRED if fired else State.CLEAR


def _answer(
    question: Question, facts: Facts, uncovered: frozenset[str], *, verdict: bool | None
) -> Answer:
    needed = tuple(question.answer.meta.root_names())
    if verdict is None or any(facts[name] is None for name in needed):
        return Answer.UNASSESSED
    if verdict == question.innocent and _rests_on(needed, uncovered):
        return Answer.UNASSESSED
    return Answer.YES if verdict else Answer.NO


def _uncovered(standings: Sequence[Standing]) -> frozenset[str]:
    """The names of the tables that do not cover the window."""
    return frozenset(s.coverage.table.name for s in standings if not s.covers_time)


def _rests_on(facts: tuple[str, ...], tables: frozenset[str]) -> bool:
    return bool(tables & tables_of(facts))


@cache
def tables_of(facts: tuple[str, ...]) -> frozenset[str]:
    """The names of the tables that some facts rest on."""
    return frozenset[str]().union(*(_TABLES[name] for name in facts))
