"""Graded scenarios, kept so that another policy can judge them again."""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from attrs import field, frozen

from exconn.coverage import Standing
from exconn.grading import Policy, State
from exconn.grading.findings import Facts, Finding, findings, margin
from exconn.grading.run import judged
from exconn.grading.verdict import Verdict, judge
from exconn.signals import SIGNALS, Signal
from exconn.sources import MemorySource
from exconn.testing.scenarios import FAMILIES, Family, Truth

TUNING = range(120)
"""The seeds that weights and thresholds are derived from."""

REPORT = range(6_000, 6_040)
"""The seeds that are only ever reported on. Once a report has led to a change, others take their
place."""


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
        return margin(self._findings(policy))

    def verdict(self, policy: Policy) -> Verdict:
        """The verdict by a policy."""
        return judge(self.facts, self._findings(policy), self.standings, policy)

    def _findings(self, policy: Policy) -> tuple[Finding, ...]:
        return findings(self.facts, self.states, SIGNALS, self.standings, policy)


_SAID = {State.FIRED: True, State.CLEAR: False, State.UNASSESSED: None}


def case(family: Family, seed: int) -> Case:
    """Grade one scenario."""
    scenario = family.scenario(seed)
    facts, found, standings = judged(
        MemorySource(scenario.frames), scenario.alert, context=scenario.context
    )
    return Case(
        family=family.name,
        truth=family.truth,
        hard=family.hard,
        seed=seed,
        story=scenario.story,
        facts=facts,
        states={finding.signal.id: _SAID[finding.state] for finding in found},
        standings=standings,
    )


def cases(
    seeds: Iterable[int], families: Sequence[Family] = FAMILIES, *, workers: int | None = None
) -> list[Case]:
    """Grade the scenarios of these seeds, several at a time."""
    asked = [(FAMILIES.index(family), seed) for family in families for seed in seeds]
    if workers == 1:
        return list(map(_numbered, asked))
    os.environ["POLARS_MAX_THREADS"] = "1"  # of the processes to come; here Polars has begun
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_numbered, asked, chunksize=8))


def _numbered(asked: tuple[int, int]) -> Case:
    return case(FAMILIES[asked[0]], asked[1])
