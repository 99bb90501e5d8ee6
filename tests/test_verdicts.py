"""The measurement of verdicts: held-out scenarios, fitting, thresholds, the report, its numbers."""

import math
import re
from collections.abc import Sequence
from functools import cache

import pytest

from exconn.coverage import Standing, TableCoverage, TableState
from exconn.facts import FACT_TABLES, FACTS
from exconn.grading import Classification, Policy
from exconn.grading.verdict import NEVER_BENIGN
from exconn.signals import SIGNALS, Direction
from exconn.testing.scenarios import FAMILIES, Truth
from exconn.testing.verdicts import (
    REPORT,
    TUNING,
    Case,
    cases,
    crossed,
    fit,
    report,
    thresholds,
    without,
)
from exconn.testing.verdicts._report import balanced_accuracy, interval

BENIGN = (Classification.FALSE_POSITIVE, Classification.EXPECTED_ACTIVITY)
TRUE = Classification.TRUE_POSITIVE
HELD_OUT = 2_000
FAMILY = {family.name: family for family in FAMILIES}


# A held-out sample of the library


@cache
def held() -> dict[str, Case]:
    return {one.family: one for one in cases([HELD_OUT], workers=1)}


@pytest.mark.parametrize("name", FAMILY)
def test_no_held_out_case_is_graded_the_opposite_of_the_truth(name: str) -> None:
    one = held()[name]
    found = one.verdict(Policy()).classification
    match one.truth:
        case Truth.MALICIOUS:
            assert found not in BENIGN, one.story
        case Truth.BENIGN:
            assert found is not TRUE, one.story
        case Truth.INSUFFICIENT:
            assert found is Classification.UNKNOWN, one.story


def test_most_held_out_cases_that_can_be_told_are_told() -> None:
    wanted = {Truth.MALICIOUS: (TRUE,), Truth.BENIGN: BENIGN}
    for truth, classifications in wanted.items():
        ours = [one for one in held().values() if one.truth is truth and not one.hard]
        told = [one for one in ours if one.verdict(Policy()).classification in classifications]
        assert len(told) > len(ours) / 2, [one.family for one in ours if one not in told]


def test_a_case_keeps_what_its_grade_said() -> None:
    for one in held().values():
        assert set(one.states) == {signal.id for signal in SIGNALS}
        assert list(one.facts) == [fact.name for fact in FACTS]
        assert {signal.id for signal in one.fired} == {k for k, v in one.states.items() if v}
        assert one.truth is FAMILY[one.family].truth
        assert one.hard is FAMILY[one.family].hard
        assert one.seed == HELD_OUT


def test_several_processes_find_what_one_finds() -> None:
    families = (FAMILIES[0], FAMILIES[-1])
    for ours in cases([HELD_OUT], families, workers=2):
        theirs = held()[ours.family]
        assert (ours.facts, ours.states, ours.story) == (theirs.facts, theirs.states, theirs.story)


def test_what_is_reported_on_was_never_tuned_on() -> None:
    assert not set(TUNING) & set(REPORT)
    assert HELD_OUT not in {*TUNING, *REPORT}


# Made cases


WHOLE = tuple(
    Standing(TableCoverage(table), TableState.PRESENT, covers_time=True) for table in FACT_TABLES
)
FACTS_KNOWN: dict[str, float | None] = dict.fromkeys((fact.name for fact in FACTS), 1.0)
KNOWN = {**FACTS_KNOWN, "unresolved_changes": 0.0}
BURST, STEADY = "logon.burst", "volume.steady"
SURGE, MODIFIED = "volume.surge", "change.modified"
HINT = min(
    (s for s in SIGNALS if s.family == "sender" and s.direction is Direction.FOR),
    key=lambda s: s.weight,
).id
EXCUSE = min(
    (s for s in SIGNALS if s.family == "recipients" and s.direction is Direction.AGAINST),
    key=lambda s: s.weight,
).id


def made(truth: Truth, *fired: str, family: str = "", seed: int = 0, **facts: float | None) -> Case:
    return Case(
        family=family or f"{truth}-made",
        truth=truth,
        hard=False,
        seed=seed,
        story="Made up.",
        facts={**KNOWN, **facts},
        states={signal.id: signal.id in fired for signal in SIGNALS},
        standings=WHOLE,
    )


ATTACK, HONEST, BLIND = Truth.MALICIOUS, Truth.BENIGN, Truth.INSUFFICIENT
FEW = [
    *(made(ATTACK, HINT, MODIFIED, seed=seed) for seed in range(8)),
    *(made(HONEST, EXCUSE, MODIFIED, seed=seed) for seed in range(8)),
]


def own(name: str) -> float:
    """What a signal weighs by itself, which is where fitting begins."""
    return next(signal.weight for signal in SIGNALS if signal.id == name)


def test_fitting_gives_weight_to_what_tells_and_none_to_what_does_not() -> None:
    fitted = fit(FEW)
    assert fitted.weights[HINT] > own(HINT)
    assert fitted.weights[EXCUSE] > own(EXCUSE)
    assert fitted.weights[MODIFIED] <= own(MODIFIED)
    assert fitted.weights[SURGE] == pytest.approx(own(SURGE), abs=0.02), "nothing is known of it"
    margins = {one.truth: one.margin(fitted) for one in FEW}
    assert margins[HONEST] < 0 < margins[ATTACK]
    gap = margins[ATTACK] - margins[HONEST]
    before = {
        one.truth: one.margin(Policy(weights={n: own(n) for n in fitted.weights})) for one in FEW
    }
    assert gap > before[ATTACK] - before[HONEST]


def test_what_fires_against_the_truth_loses_weight() -> None:
    misled = fit([made(HONEST, SURGE), made(ATTACK, BURST)])
    assert misled.weights[SURGE] < own(SURGE)
    contrary = fit([made(ATTACK, STEADY), made(HONEST, EXCUSE)])
    assert contrary.weights[STEADY] < own(STEADY)


@pytest.mark.parametrize("repeated", [1, 20])
def test_weights_stay_in_their_bounds(repeated: int) -> None:
    """For malice never less than a quarter of its own weight; against it never very much."""
    every = [signal.id for signal in SIGNALS]
    odd = [made(HONEST, *every), made(ATTACK), *FEW] * repeated
    for policy in (fit(odd, steps=150), fit(FEW, steps=1), fit([], steps=50)):
        assert set(policy.weights) == set(every)
        for signal in SIGNALS:
            weight = policy.weights[signal.id]
            assert 0.05 <= weight <= 3
            if signal.direction is Direction.FOR:
                assert weight >= signal.weight / 4 - 0.005
            elif signal.family != "context":
                assert weight <= 2


def test_fitting_leaves_thresholds_and_ignores_what_nobody_could_tell() -> None:
    start = Policy(true_positive=7.5, benign=-6.5)
    fitted = fit(FEW, start)
    assert (fitted.true_positive, fitted.benign) == (7.5, -6.5)
    blind = [made(BLIND, SURGE, STEADY, seed=seed) for seed in range(20)]
    assert fit([*FEW, *blind], start) == fitted


def test_families_count_alike_however_many_cases_they_have() -> None:
    many = [made(ATTACK, HINT, MODIFIED, seed=seed) for seed in range(8, 48)]
    once, often = fit(FEW), fit([*FEW, *many])
    for name, weight in once.weights.items():
        assert often.weights[name] == pytest.approx(weight, abs=0.02), name


def test_each_case_is_crossed_with_weights_of_others() -> None:
    """What only one case shows is worth nothing to the weights that judge that case."""
    lone = made(ATTACK, "logon.spray", family="alone", seed=3)
    margins = dict(crossed([*FEW, lone], Policy()))
    assert len(margins) == len(FEW) + 1
    seen = lone.margin(fit([*FEW, lone]))
    assert margins[lone] < seen
    assert margins[lone] == pytest.approx(lone.margin(fit(FEW)), abs=0.05)


def test_a_family_that_is_left_out_says_nothing() -> None:
    lone = made(ATTACK, "logon.spray", family="alone")
    assert without("alone", [*FEW, lone], Policy()) == fit(FEW)


def test_thresholds_lie_beyond_the_other_sides_last_margin() -> None:
    attacks, events = [0.5, 2.0, 5.0], [-6.0, -1.0, 0.25]
    margins = [(made(ATTACK), m) for m in attacks]
    margins += [(made(HONEST), m) for m in events]
    margins += [(made(BLIND), 40.0), (made(BLIND), -40.0)]
    policy = thresholds(margins, Policy())
    assert policy.benign < min(0.0, *attacks)
    assert policy.true_positive > max(events)
    assert policy.weights == Policy().weights
    lower = thresholds([*margins, (made(ATTACK), -3.0)], Policy())
    assert lower.benign < -3.0
    higher = thresholds([*margins, (made(HONEST), 4.0)], Policy())
    assert higher.true_positive > 4.0


def test_what_is_never_graded_benign_does_not_lower_the_threshold() -> None:
    margins = [(made(ATTACK), 2.0), (made(HONEST), -3.0)]
    hidden = [*margins, *((made(ATTACK, signal.id), -9.0) for signal in NEVER_BENIGN)]
    assert thresholds(hidden, Policy()) == thresholds(margins, Policy())


def test_half_a_per_cent_of_honest_events_may_lie_over_the_threshold() -> None:
    margins = [(made(ATTACK), 9.0), *((made(HONEST), -float(n)) for n in range(399))]
    odd = thresholds([*margins, (made(HONEST), 6.0)], Policy())
    assert 0 < odd.true_positive < 6.0
    two = thresholds([*margins, (made(HONEST), 6.0), (made(HONEST), 6.5)], Policy())
    assert two.true_positive < 6.5


# The report


def test_the_report_tells_of_every_family_in_tables_that_are_tables() -> None:
    seeds = (1, 2)
    sample = [
        made(
            family.truth,
            *((BURST, SURGE) if family.truth is ATTACK else (STEADY,)),
            family=family.name,
            seed=seed,
        )
        for family in FAMILIES
        for seed in seeds
    ]
    page = report(sample[:6] + sample[-20:], sample, Policy())
    assert page.startswith("# How good are the verdicts?\n")
    assert page.endswith("\n")
    assert not page.endswith("\n\n")
    assert f"measured on {len(seeds)} others" in page
    for family in FAMILIES:
        assert f"\n| {family.name} | {family.truth}" in page
        assert f"\n- **{family.name}**: {family.about}\n" in page
    assert not re.search(r"\b(nan|inf|None)\b", page)
    tables = list(tables_of(page))
    assert len(tables) >= 7
    for table in tables:
        widths = {line.count("|") for line in table}
        assert len(widths) == 1, table
        assert set(table[1]) <= set("|-:")
        assert len(table) > 2, table


def tables_of(page: str) -> Sequence[list[str]]:
    found: list[list[str]] = []
    inside = False
    for line in page.splitlines():
        if line.startswith("|"):
            if not inside:
                found.append([])
            found[-1].append(line)
        inside = line.startswith("|")
    return found


def test_the_report_counts_what_the_policy_says() -> None:
    sample = [
        *(made(ATTACK, BURST, SURGE, MODIFIED, family="rogue-admin", seed=s) for s in range(3)),
        made(ATTACK, STEADY, family="rogue-admin", seed=3),
        *(made(HONEST, STEADY, family="merger", seed=s) for s in range(4)),
        made(HONEST, BURST, SURGE, MODIFIED, family="merger", seed=4),
        made(BLIND, family="audit-off"),
    ]
    weights = dict.fromkeys(Policy().weights, 1.0)
    policy = Policy(true_positive=2.5, benign=-0.5, families=1, weights=weights)
    page = report(sample, sample, policy)
    assert "| attacks graded benign (false negatives) | 1 of 4 | 25.0% " in page
    assert "| honest events graded a true positive (false positives) | 1 of 5 | 20.0% " in page
    assert "| right verdicts, of all cases | 8 of 10 | 80.0% " in page
    assert "| rogue-admin | malicious | 3 | 0 | 1 | 0 |" in page
    assert "| merger | benign | 1 | 0 | 4 | 0 |" in page


# Its numbers


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 100, 0.0018, 0.0545),
        (50, 100, 0.4038, 0.5962),
        (0, 640, 0.0, 0.0060),
    ],
)
def test_intervals_are_wilsons(hits: int, n: int, low: float, high: float) -> None:
    assert interval(hits, n) == pytest.approx((low, high), abs=1e-4)


def test_of_nothing_nothing_is_known() -> None:
    assert interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("n", [1, 7, 50])
def test_intervals_hold_the_share_and_are_mirrored(n: int) -> None:
    for hits in range(n + 1):
        low, high = interval(hits, n)
        assert 0 <= low <= hits / n <= high <= 1
        assert interval(n - hits, n) == pytest.approx((1 - high, 1 - low))


def accuracy(attacks: Sequence[float | None], events: Sequence[float | None]) -> float:
    sample = [made(ATTACK, messages=value) for value in attacks]
    sample += [made(HONEST, messages=value) for value in events]
    return balanced_accuracy([*sample, made(BLIND, messages=1e9)], "messages")


@pytest.mark.parametrize(
    ("attacks", "events", "expected"),
    [
        ([5, 6], [1, 2], 1.0),
        ([1, 2], [5, 6], 1.0),
        ([1, 1], [1, 1], 0.5),
        ([1, 5], [1, 1], 0.75),
        ([1, 2, 3, 4], [2, 3, 4, 5], 0.625),
        ([1], [0, 2], 0.75),
        ([None, None], [1, 2], 1.0),
        ([1, 2], [None, None], 1.0),
        ([None, 5], [1, 2], 1.0),
        ([None, 1], [2, 3], 1.0),
        ([None, 1], [None, 1], 0.5),
        ([3], [1] * 99 + [4], 0.995),
    ],
)
def test_balanced_accuracy_is_the_best_thresholds(
    attacks: list[float | None], events: list[float | None], expected: float
) -> None:
    assert accuracy(attacks, events) == pytest.approx(expected)
    assert accuracy(events, attacks) == pytest.approx(expected)


def test_scores_of_cases_follow_their_signals() -> None:
    weights = dict.fromkeys(Policy().weights, 1.0)
    policy = Policy(weights=weights, decay=0.5)
    alike = [s.id for s in SIGNALS if s.family == "logon" and s.direction is Direction.FOR][:3]
    assert made(ATTACK, *alike).margin(policy) == pytest.approx(1.75)
    assert made(ATTACK, STEADY).margin(policy) == pytest.approx(-1)
    assert math.isclose(made(ATTACK).margin(policy), 0)
