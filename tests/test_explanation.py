"""A verdict in a few sentences."""

from hypothesis import given
from hypothesis import strategies as st

from exconn.grading.explanation import explanation
from exconn.grading.findings import Finding, State
from exconn.grading.outlook import Flip, Look
from exconn.grading.verdict import Classification
from exconn.signals import SIGNALS, Direction, Signal

FOR, AGAINST = (
    [signal for signal in SIGNALS if signal.direction is direction][:5] for direction in Direction
)
FLIP = Flip("x.example was known", Classification.TRUE_POSITIVE)
LOOK = Look("It shows who.", "actor_deeds", "CloudAppEvents")


def finding(signal: Signal, gain: float = 0.0, state: State = State.FIRED) -> Finding:
    facts = {**dict.fromkeys(signal.facts, 0.0), **signal.fires}
    return Finding(signal, state, gain, facts)


def unassessed(n: int) -> list[Finding]:
    return [finding(signal, state=State.UNASSESSED) for signal in FOR[:n]]


def test_what_weighs_most_is_told_on_either_side() -> None:
    gains = (0.2, 0.9, 0.4, 3.0)
    malice = [finding(signal, gain) for signal, gain in zip(FOR, gains, strict=False)]
    against = [finding(signal, -gain) for signal, gain in zip(AGAINST, gains, strict=False)]
    clear = finding(AGAINST[4], state=State.CLEAR)
    told = explanation("Brief.", [*against, clear, *malice], [], [])
    assert told == (
        f"Brief. For malice: {malice[3].sentence} {malice[1].sentence} {malice[2].sentence} "
        f"Against it: {against[3].sentence} {against[1].sentence} {against[2].sentence}"
    )


def test_what_weighs_nothing_is_not_told() -> None:
    assert explanation("Brief.", [finding(FOR[0]), finding(AGAINST[0])], [], []) == "Brief."


@given(st.integers(0, 5))
def test_a_few_of_what_was_not_assessed_are_named_and_the_others_counted(n: int) -> None:
    titles = "; ".join(signal.title for signal in FOR[: min(n, 3)])
    more = {4: ", and 1 more", 5: ", and 2 more"}.get(n, "")
    expected = f"Brief. Not assessed: {titles}{more}." if n else "Brief."
    assert explanation("Brief.", unassessed(n), [], []) == expected


def test_the_first_flip_and_the_first_look_are_told_last() -> None:
    other = Flip("y", Classification.FALSE_POSITIVE), Look("", "sender_hours", "")
    assert explanation("Brief.", [], [FLIP, other[0]], [LOOK, other[1]]) == (
        "Brief. It would be graded true positive if so: x.example was known. "
        "Look next at the query actor_deeds."
    )
