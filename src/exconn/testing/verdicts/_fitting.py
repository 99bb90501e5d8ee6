"""Deriving the policy: the weights and thresholds that the scenarios ask for."""

import math
from collections.abc import Mapping, Sequence

from attrs import evolve

from exconn.grading import Policy
from exconn.grading.verdict import NEVER_BENIGN
from exconn.signals import SIGNALS, Direction, Family, Signal
from exconn.testing.scenarios import Truth
from exconn.testing.verdicts._cases import Case

_STEPS = 400
_RATE = 0.03
_RIDGE = 0.004
_APART = 3.0
_FOLDS = 4
_LEAST, _MOST, _MOST_AGAINST = 0.05, 3.0, 2.0
_GAP_BELOW, _GAP_ABOVE = 0.5, 0.1
_WRONG = 0.006


def fit(known: Sequence[Case], policy: Policy | None = None, *, steps: int = _STEPS) -> Policy:
    """Derive weights: those that keep the two sides apart.

    A squared hinge loss on the margin with the decay within families: what lies less than 3 on the
    right side of zero counts, by the square of what it lacks, so that hard cases count most. A
    ridge pulls each weight towards its signal's own, which is judgement: what the cases say little
    of stays near it. For malice none falls under a quarter of it; against malice none exceeds 2,
    the organisation's own context excepted, for no single thing shall make a connector benign.
    Families of scenarios count alike, and so do malice and benignity together; insufficient cases
    say nothing. Thresholds stay as they are; see `thresholds`.
    """
    start = policy or Policy()
    told = [one for one in known if one.truth is not Truth.INSUFFICIENT]
    share = _shares(told)
    groups = [_groups(one) for one in told]
    prior = {signal.id: signal.weight for signal in SIGNALS}
    bounds = {signal.id: _bounds(signal) for signal in SIGNALS}
    weights = dict(prior)
    first = dict.fromkeys(weights, 0.0)
    second = dict.fromkeys(weights, 0.0)
    for step in range(1, steps + 1):
        slope = {name: _RIDGE * (weight - prior[name]) for name, weight in weights.items()}
        for one, fired, part in zip(told, groups, share, strict=True):
            side = 1 if one.truth is Truth.MALICIOUS else -1
            total, gains = _gains(fired, weights, start.decay)
            lacking = _APART - side * total
            if lacking > 0:
                for name, gain in gains.items():
                    slope[name] -= 2 * part * side * lacking * gain
        for name, value in slope.items():  # Adam
            first[name] = 0.9 * first[name] + 0.1 * value
            second[name] = 0.99 * second[name] + 0.01 * value * value
            ahead = first[name] / (1 - 0.9**step)
            scale = math.sqrt(second[name] / (1 - 0.99**step)) + 1e-8
            least, most = bounds[name]
            weights[name] = min(most, max(least, weights[name] - _RATE * ahead / scale))
    return evolve(start, weights={name: round(weight, 2) for name, weight in weights.items()})


def _bounds(signal: Signal) -> tuple[float, float]:
    if signal.direction is Direction.FOR:
        return max(_LEAST, signal.weight / 4), _MOST
    return _LEAST, _MOST if signal.family is Family.CONTEXT else _MOST_AGAINST


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


def crossed(known: Sequence[Case], policy: Policy) -> list[tuple[Case, float]]:
    """Each case's margin by weights that were fitted to the other three quarters of the seeds."""
    found: list[tuple[Case, float]] = []
    for fold in range(_FOLDS):
        others = fit([one for one in known if one.seed % _FOLDS != fold], policy)
        found += [(one, one.margin(others)) for one in known if one.seed % _FOLDS == fold]
    return found


def without(family: str, known: Sequence[Case], policy: Policy) -> Policy:
    """The policy with weights that are fitted without a family."""
    return fit([one for one in known if one.family != family], policy)


def thresholds(margins: Sequence[tuple[Case, float]], policy: Policy) -> Policy:
    """Derive the thresholds from margins of cases that the weights were not fitted to.

    Benign is what lies a wide gap below every malicious case, but for those which are never graded
    benign: nothing is worse than an attack that is signed off. A true positive is what lies a
    little above all but 0.75 per cent of the benign ones.
    """
    malicious = [
        margin
        for one, margin in margins
        if one.truth is Truth.MALICIOUS and not any(one.states[s.id] for s in NEVER_BENIGN)
    ]
    benign = sorted(margin for one, margin in margins if one.truth is Truth.BENIGN)
    over = benign[-1 - int(_WRONG * len(benign))]
    return evolve(
        policy,
        benign=round(min([*malicious, 0.0]) - _GAP_BELOW, 2),
        true_positive=round(max(over, 0.0) + _GAP_ABOVE, 2),
    )
