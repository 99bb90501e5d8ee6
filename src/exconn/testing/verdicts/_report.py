"""The page that says how good the verdicts are."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version

from exconn.facts import FACTS
from exconn.grading import Classification, Policy
from exconn.testing.scenarios import FAMILIES, Truth
from exconn.testing.verdicts._cases import TUNING, Case
from exconn.testing.verdicts._fitting import without

_SINGLE_FACTS = 12
_BINS = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0)


def report(tuning: Sequence[Case], held: Sequence[Case], policy: Policy) -> str:
    """Measure a policy.

    Args:
        tuning: the cases that it was derived from; only for fits with a family left out.
        held: cases with other seeds, on which it is measured.
        policy: the policy.

    Returns:
        A page in Markdown.
    """
    sections = (
        _opening(held),
        _overall(held, policy),
        _by_family(held, policy),
        _straw_man(held),
        _left_out(tuning, held, policy),
        _calibration(held, policy),
        _determinations(held, policy),
        _single_facts(held),
        _derived(policy),
    )
    return "\n".join(line for section in sections for line in section).rstrip() + "\n"


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 per cent interval of a proportion."""
    if n == 0:
        return 0.0, 1.0
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _rate(hits: int, n: int) -> str:
    low, high = interval(hits, n)
    return f"{hits / n if n else 0:.1%} ({low:.1%} to {high:.1%})"


def _of(cases: Sequence[Case], truth: Truth) -> list[Case]:
    return [one for one in cases if one.truth is truth]


def _counts(cases: Sequence[Case], policy: Policy) -> Counter[Classification]:
    return Counter(one.verdict(policy).classification for one in cases)


def _benign(counts: Counter[Classification]) -> int:
    return sum(n for classification, n in counts.items() if classification.is_benign)


def _opening(held: Sequence[Case]) -> Iterator[str]:
    seeds = len({one.seed for one in held})
    yield "# How good are the verdicts?"
    yield ""
    yield (
        "<!-- Written by `python -m exconn.testing.verdicts report`. Do not edit: run it again. -->"
    )
    yield ""
    yield (
        "exconn ships a library of labelled incidents, `exconn.testing.scenarios`: "
        f"{len(FAMILIES)} families of attacks, of honest events that look bad, and of events of "
        "which too little can be seen. Each is drawn from a seed, in a tenant of 5,000 to 20,000 "
        "mails. Weights and thresholds are derived from "
        f"{len(TUNING)} seeds a family; every number on this page is measured on {seeds} others, "
        "which were never used for that. The numbers in brackets are 95 % intervals (Wilson), as "
        "if cases were "
        "independent. The library is ours, and kinder than the world; signals and scenarios were "
        "written by the same hands, and held-out seeds come from the same generators: read the "
        "numbers as a comparison, not as a promise. A report that leads to a change is taken anew "
        "on other seeds."
    )
    yield ""


def _overall(held: Sequence[Case], policy: Policy) -> Iterator[str]:
    malicious, benign, blind = (_of(held, truth) for truth in Truth)
    bad, good, none = (_counts(cases, policy) for cases in (malicious, benign, blind))
    plain = [one for one in held if one.truth is not Truth.INSUFFICIENT and not one.hard]
    hard = [one for one in held if one.hard]
    right = bad[Classification.TRUE_POSITIVE] + _benign(good) + none[Classification.UNKNOWN]
    wrong_blind = len(blind) - none[Classification.UNKNOWN]
    rows = (
        ("right verdicts, of all cases", right, len(held), ""),
        ("attacks graded benign (false negatives)", _benign(bad), len(malicious), "none"),
        (
            "honest events graded a true positive (false positives)",
            good[Classification.TRUE_POSITIVE],
            len(benign),
            "at most 1 %",
        ),
        (
            "unknown, where it can be told",
            _counts(plain, policy)[Classification.UNKNOWN],
            len(plain),
            "at most 5 %",
        ),
        (
            "unknown, in the hard families",
            _counts(hard, policy)[Classification.UNKNOWN],
            len(hard),
            "at most 40 %",
        ),
        ("anything but unknown, where nobody could tell", wrong_blind, len(blind), "none"),
    )
    yield "| | cases | share | to reach |"
    yield "|---|---:|---|---|"
    for what, hits, n, wanted in rows:
        yield f"| {what} | {hits} of {n} | {_rate(hits, n)} | {wanted} |"
    yield ""


def _by_family(held: Sequence[Case], policy: Policy) -> Iterator[str]:
    yield "## By family"
    yield ""
    yield "| family | truth | true positive | expected | false positive | unknown | unknown, 95 % |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for family in FAMILIES:
        cases = [one for one in held if one.family == family.name]
        found = _counts(cases, policy)
        low, high = interval(found[Classification.UNKNOWN], len(cases))
        hard = ", hard" if family.hard else ""
        yield (
            f"| {family.name} | {family.truth}{hard} "
            f"| {found[Classification.TRUE_POSITIVE]} | {found[Classification.EXPECTED_ACTIVITY]} "
            f"| {found[Classification.FALSE_POSITIVE]} | {found[Classification.UNKNOWN]} "
            f"| {low:.0%} to {high:.0%} |"
        )
    yield ""
    for family in FAMILIES:
        yield f"- **{family.name}**: {family.about}"
    yield ""


_SIGNS: tuple[tuple[str, Callable[[Case], bool]], ...] = (
    ("created or changed in the week", lambda one: _fact(one, "changes") > 0),
    (
        "a sender with 100 messages in an hour",
        lambda one: _fact(one, "sender_hours_over_threshold") > 0,
    ),
    (
        "P1 and P2 differ, and SenderObjectId is empty, in most of the mail",
        lambda one: min(_fact(one, "mismatch_share"), _fact(one, "no_sender_id_share")) >= 0.5,
    ),
    ("most of the mail goes outside", lambda one: _fact(one, "external_share") >= 0.5),
    (
        "threats found, or mail junked",
        lambda one: max(_fact(one, "threat_share"), _fact(one, "junk_share")) > 0,
    ),
    (
        "a burst of failed sign-ins, or one from an unusual country",
        lambda one: _fact(one, "actor_bursts") + _fact(one, "actor_unusual_logons") > 0,
    ),
)


def _fact(one: Case, name: str) -> float:
    return one.facts[name] or 0.0


def naive(one: Case, *, signs: int) -> bool:
    """A naive reading of the playbook: malicious when so many of its signs hold."""
    return sum(sign(one) for _, sign in _SIGNS) >= signs


def _straw_man(held: Sequence[Case]) -> Iterator[str]:
    malicious, benign = _of(held, Truth.MALICIOUS), _of(held, Truth.BENIGN)
    yield "## The straw man: the playbook with fixed thresholds"
    yield ""
    yield "Read naively, the playbook has these signs; malicious is where enough of them hold:"
    yield ""
    for what, _ in _SIGNS:
        yield f"- {what}"
    yield ""
    yield "| signs needed | attacks missed | honest events accused |"
    yield "|---:|---|---|"
    for signs in range(1, len(_SIGNS)):
        missed = sum(not naive(one, signs=signs) for one in malicious)
        accused = sum(naive(one, signs=signs) for one in benign)
        yield f"| {signs} | {_rate(missed, len(malicious))} | {_rate(accused, len(benign))} |"
    yield ""


def _left_out(tuning: Sequence[Case], held: Sequence[Case], policy: Policy) -> Iterator[str]:
    yield "## Families left out in turn"
    yield ""
    yield (
        "How are attacks and events graded that the weights have never seen? Each family's row is "
        "graded by weights that were fitted without it. The thresholds are the policy's, so they "
        "have seen it, and so has whoever wrote the signals: read this as a lower bound of what is "
        "lost."
    )
    yield ""
    yield "| family | truth | true positive | benign | unknown |"
    yield "|---|---|---:|---:|---:|"
    total: dict[Truth, Counter[Classification]] = {truth: Counter() for truth in Truth}
    for family in FAMILIES:
        if family.truth is Truth.INSUFFICIENT:
            continue
        others = without(family.name, tuning, policy)
        found = _counts([one for one in held if one.family == family.name], others)
        total[family.truth] += found
        yield (
            f"| {family.name} | {family.truth} | {found[Classification.TRUE_POSITIVE]} "
            f"| {_benign(found)} | {found[Classification.UNKNOWN]} |"
        )
    for truth in (Truth.MALICIOUS, Truth.BENIGN):
        found = total[truth]
        yield (
            f"| **all** | {truth} | {found[Classification.TRUE_POSITIVE]} | {_benign(found)} "
            f"| {found[Classification.UNKNOWN]} |"
        )
    yield ""


def _calibration(held: Sequence[Case], policy: Policy) -> Iterator[str]:
    yield "## Calibration"
    yield ""
    yield (
        "Of the cases with such a score, how many are attacks? There are "
        f"{len(_of(held, Truth.MALICIOUS))} attacks and {len(_of(held, Truth.BENIGN))} honest "
        "events here, which is not so in your tenant: the score is a measure of evidence, and no "
        "probability that an alert is true."
    )
    yield ""
    yield "| score | cases | mean score | attacks |"
    yield "|---|---:|---:|---|"
    scored = [
        (policy.score(one.margin(policy)), one.truth is Truth.MALICIOUS)
        for one in held
        if one.truth is not Truth.INSUFFICIENT
    ]
    for low, high in itertools.pairwise(_BINS):
        inside = [pair for pair in scored if low <= pair[0] < high or pair[0] == high == 1.0]
        if inside:
            attacks = sum(attack for _, attack in inside)
            mean = math.fsum(score for score, _ in inside) / len(inside)
            yield (
                f"| {low:g} to {high:g} | {len(inside)} | {mean:.3f} "
                f"| {_rate(attacks, len(inside))} |"
            )
    yield ""


def _determinations(held: Sequence[Case], policy: Policy) -> Iterator[str]:
    yield "## Determinations"
    yield ""
    yield "| classification | determination | cases |"
    yield "|---|---|---:|"
    found = Counter(
        (verdict.classification.value, verdict.determination.value)
        for verdict in (one.verdict(policy) for one in held)
    )
    for (classification, determination), n in sorted(found.items()):
        yield f"| `{classification}` | `{determination}` | {n} |"
    yield ""


def balanced_accuracy(held: Sequence[Case], fact: str) -> float:
    """The best that a threshold on a single fact does, in either direction.

    It may take null for the largest or for the smallest value.
    """
    pairs = [
        (one.facts[fact], one.truth is Truth.MALICIOUS)
        for one in held
        if one.truth is not Truth.INSUFFICIENT
    ]
    attacks = sum(attack for _, attack in pairs)
    honest = len(pairs) - attacks
    best = 0.5
    for null in (-math.inf, math.inf):
        filled = sorted((null if value is None else value, attack) for value, attack in pairs)
        below = [0, 0]
        for i, (value, attack) in enumerate(filled):
            below[attack] += 1
            if i + 1 == len(filled) or filled[i + 1][0] != value:
                accuracy = (below[0] / honest + 1 - below[1] / attacks) / 2
                best = max(best, accuracy, 1 - accuracy)
    return best


def _single_facts(held: Sequence[Case]) -> Iterator[str]:
    yield "## No single fact decides"
    yield ""
    ranked = sorted(
        ((balanced_accuracy(held, fact.name), fact.name) for fact in FACTS), reverse=True
    )
    yield (
        "If the best threshold on any one fact, chosen with the answers in hand, reached 85 % "
        f"balanced accuracy, the library would be too easy. The best reaches {ranked[0][0]:.1%}."
    )
    yield ""
    yield "| fact | balanced accuracy |"
    yield "|---|---:|"
    for accuracy, name in ranked[:_SINGLE_FACTS]:
        yield f"| `{name}` | {accuracy:.1%} |"
    yield ""


def _derived(policy: Policy) -> Iterator[str]:
    yield "## The policy"
    yield ""
    yield (
        f"A true positive needs a margin of {policy.true_positive:+.2f} and {policy.families} "
        f"families of signals for malice; a benign grade needs {policy.benign:+.2f} or less, and "
        "as many families against it. "
        "The weights of the signals are in [their reference](../reference/signals.md). They keep "
        "the two sides apart by a squared hinge on the margin, with the diminishing returns within "
        "a family. What the cases say little of stays near judgement (`Signal.weight`); for malice "
        "none falls under a quarter of that, and against malice none exceeds 2, the context "
        "excepted. The thresholds lie a little beyond the other side's last margin, each quarter "
        "of the seeds judged by a fit to the others. The number of families, the decay "
        "and what is noticeable are judgement."
    )
    yield ""
    yield "```sh"
    yield "python -m exconn.testing.verdicts fit     # derive weights and thresholds"
    yield "python -m exconn.testing.verdicts report  # write this page"
    yield "```"
    yield ""
    yield f"Written with exconn {version('exconn')} and Polars {version('polars')}."
