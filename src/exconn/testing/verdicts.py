"""How good the verdicts are: grade the scenario library, measure, and derive the policy from it.

``python -m exconn.testing.verdicts fit`` derives a policy from half of the seeds;
``python -m exconn.testing.verdicts report`` measures it on the other half.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from attrs import evolve, field, frozen

from exconn.coverage import Standing
from exconn.grading import Policy, State, grade
from exconn.grading.findings import Facts, findings, margin
from exconn.grading.verdict import Verdict, judge
from exconn.signals import SIGNALS, Direction, Signal
from exconn.sources import MemorySource
from exconn.testing.scenarios import FAMILIES, Family, Truth

TUNING = range(40)
"""The seeds that weights and thresholds are derived from."""

REPORT = range(1_000, 1_040)
"""The seeds that are only ever reported on."""


@frozen(eq=False)
class Case:
    """What is known of a graded scenario; enough to judge it again by another policy.

    Attributes:
        story: what happened.
        states: what each signal says, by id: fired, clear or (None) unassessed.
        standings: how each table stands.
    """

    family: str
    truth: Truth
    hard: bool
    seed: int
    story: str
    facts: Facts = field(repr=False)
    states: Mapping[str, bool | None] = field(repr=False)
    standings: tuple[Standing, ...] = field(repr=False)

    @property
    def fired(self) -> list[Signal]:
        """The signals that fired."""
        return [signal for signal in SIGNALS if self.states[signal.id]]

    def margin(self, policy: Policy) -> float:
        """The margin by a policy."""
        return margin(findings(self.facts, self.states, SIGNALS, self.standings, policy))

    def verdict(self, policy: Policy) -> Verdict:
        """The verdict by a policy."""
        found = findings(self.facts, self.states, SIGNALS, self.standings, policy)
        return judge(self.facts, found, self.standings, policy)


_SAID = {State.FIRED: True, State.CLEAR: False, State.UNASSESSED: None}


def case(family: Family, seed: int) -> Case:
    """Grade one scenario."""
    scenario = family.scenario(seed)
    graded = grade(MemorySource(scenario.frames), scenario.alert, context=scenario.context)
    return Case(
        family=family.name,
        truth=family.truth,
        hard=family.hard,
        seed=seed,
        story=scenario.story,
        facts=graded.facts,
        states={finding.signal.id: _SAID[finding.state] for finding in graded.findings},
        standings=graded.coverage,
    )


def cases(
    seeds: Iterable[int], families: Sequence[Family] = FAMILIES, *, workers: int | None = None
) -> list[Case]:
    """Grade the scenarios of these seeds, several at a time."""
    numbers = [(index, seed) for index in range(len(families)) for seed in seeds]
    if workers == 1:
        return [case(families[index], seed) for index, seed in numbers]
    names = [FAMILIES.index(family) for family in families]
    with ProcessPoolExecutor(
        workers or os.cpu_count(), mp_context=get_context("spawn"), initializer=_alone
    ) as pool:
        asked = [(names[index], seed) for index, seed in numbers]
        return list(pool.map(_numbered, asked, chunksize=8))


def _alone() -> None:
    os.environ["POLARS_MAX_THREADS"] = "1"


def _numbered(asked: tuple[int, int]) -> Case:
    return case(FAMILIES[asked[0]], asked[1])


# Deriving the policy

_STEPS = 400
_RATE = 0.03
_RIDGE = 0.004
_MOST = 3.0
_GAP = 0.3


def fit(known: Sequence[Case], policy: Policy | None = None) -> Policy:
    """Derive weights: those that make the score the likeliest to be right.

    Logistic regression on what fired, with the decay within families, weights between 0 and 3, and
    a ridge. Families of scenarios count alike, and so do malice and benignity together;
    insufficient cases say nothing. Thresholds stay as they are; see `thresholds`.
    """
    start = policy or Policy()
    told = [one for one in known if one.truth is not Truth.INSUFFICIENT]
    share = _shares(told)
    groups = [_groups(one) for one in told]
    weights = {signal.id: start.weight(signal) for signal in SIGNALS}
    first = dict.fromkeys(weights, 0.0)
    second = dict.fromkeys(weights, 0.0)
    for step in range(1, _STEPS + 1):
        slope = {name: _RIDGE * weight for name, weight in weights.items()}
        for one, fired, part in zip(told, groups, share, strict=True):
            total, gains = _gains(fired, weights, start.decay)
            wrong = _logistic(total) - (one.truth is Truth.MALICIOUS)
            for name, gain in gains.items():
                slope[name] += part * wrong * gain
        for name, value in slope.items():  # Adam
            first[name] = 0.9 * first[name] + 0.1 * value
            second[name] = 0.99 * second[name] + 0.01 * value * value
            ahead = first[name] / (1 - 0.9**step)
            scale = math.sqrt(second[name] / (1 - 0.99**step)) + 1e-8
            weights[name] = min(_MOST, max(0.0, weights[name] - _RATE * ahead / scale))
    return evolve(start, weights={name: round(weight, 2) for name, weight in weights.items()})


def _shares(told: Sequence[Case]) -> list[float]:
    sizes: dict[str, int] = {}
    kinds: dict[Truth, set[str]] = {}
    for one in told:
        sizes[one.family] = sizes.get(one.family, 0) + 1
        kinds.setdefault(one.truth, set()).add(one.family)
    return [0.5 / len(kinds[one.truth]) / sizes[one.family] for one in told]


_Groups = list[tuple[int, list[str]]]


def _groups(one: Case) -> _Groups:
    """The ids of the signals that fired, by family and direction, with its sign."""
    found: dict[tuple[str, int], list[str]] = {}
    for signal in one.fired:
        sign = 1 if signal.direction is Direction.FOR else -1
        found.setdefault((signal.family.value, sign), []).append(signal.id)
    return [(sign, ids) for (_, sign), ids in found.items()]


def _gains(
    groups: _Groups, weights: Mapping[str, float], decay: float
) -> tuple[float, dict[str, float]]:
    """The margin, and by how much it grows with each weight."""
    total, gains = 0.0, {}
    for sign, ids in groups:
        for rank, name in enumerate(sorted(ids, key=lambda n: (-weights[n], n))):
            gains[name] = sign * decay**rank
            total += gains[name] * weights[name]
    return total, gains


def _logistic(margin: float) -> float:
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, margin))))


def left_out(known: Sequence[Case], policy: Policy) -> list[tuple[Case, float]]:
    """Each case's margin by weights that were fitted without its family."""
    found = []
    for name in dict.fromkeys(one.family for one in known):
        others = fit([one for one in known if one.family != name], policy)
        found += [(one, one.margin(others)) for one in known if one.family == name]
    return found
