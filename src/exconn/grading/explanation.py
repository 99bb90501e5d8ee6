"""A verdict in a few sentences: what drove it, what is not known, what to do next."""

from collections.abc import Sequence

from exconn.grading.findings import Finding, State, ordered
from exconn.grading.outlook import Flip, Look
from exconn.grading.verdict import Classification, Verdict
from exconn.signals import Direction

_TOLD = 3


def summary(verdict: Verdict, *, mail_seen: bool) -> str:
    """The verdict in words, with vetoes and abstentions.

    Args:
        verdict: what was decided.
        mail_seen: whether its mail can be seen, and there is some.
    """
    opening = {
        Classification.TRUE_POSITIVE: "The connector was used maliciously."
        if mail_seen
        else "The connector was changed maliciously; whether it was used cannot be seen.",
        Classification.EXPECTED_ACTIVITY: "The activity is real, and expected.",
        Classification.FALSE_POSITIVE: "Nothing malicious is to be seen.",
        Classification.UNKNOWN: "It cannot be decided.",
    }[verdict.classification]
    return " ".join([opening, *(f"{reason[0].upper()}{reason[1:]}." for reason in verdict.reasons)])


def explanation(
    brief: str, found: Sequence[Finding], flips: Sequence[Flip], looks: Sequence[Look]
) -> str:
    """Say why a connector is graded as it is.

    Args:
        brief: the verdict in words.
        found: what the signals say.
        flips: what would change it.
        looks: what to look at next.
    """
    told = [brief]
    for title, direction in (("For malice", Direction.FOR), ("Against it", Direction.AGAINST)):
        weighty = [f for f in ordered(found) if f.contribution]
        sentences = [f.sentence for f in weighty if f.signal.direction is direction]
        if sentences:
            told.append(f"{title}: {' '.join(sentences[:_TOLD])}")
    unassessed = [f.signal.title for f in found if f.state is State.UNASSESSED]
    if unassessed:
        more = f", and {len(unassessed) - _TOLD} more" if len(unassessed) > _TOLD else ""
        told.append(f"Not assessed: {'; '.join(unassessed[:_TOLD])}{more}.")
    if flips:
        told.append(f"It would be graded {flips[0].then.words} if so: {flips[0].if_so}.")
    if looks:
        told.append(f"Look next at the query {looks[0].query}.")
    return " ".join(told)
