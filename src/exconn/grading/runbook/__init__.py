"""The runbook: what to do about a graded connector, phase by phase."""

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from exconn.grading.actions import Action, Phase
from exconn.grading.runbook.clean_up import clean_up, review_mail
from exconn.grading.runbook.contain import contain
from exconn.grading.runbook.evict import ask, evict, secure_account
from exconn.grading.runbook.incident import Incident
from exconn.grading.runbook.restore import restore
from exconn.grading.runbook.verify import (
    other_connectors,
    review_activities,
    review_connector,
    verify,
)
from exconn.grading.verdict import Classification

__all__ = ["Incident", "runbook"]


def runbook(classification: Classification, incident: Incident) -> tuple[Action, ...]:
    """What to do about a connector, in order.

    For a true positive the whole runbook; for an unknown what finds out more; for a benign grade
    nothing but to look at the other connectors. Sessions and credentials are taken from those only
    who signed in suspiciously; others are asked. Where they did, that is done for an unknown, too.
    """
    match classification:
        case Classification.TRUE_POSITIVE:
            steps = _respond(incident)
        case Classification.UNKNOWN:
            steps = _find_out(incident)
        case _:
            steps = _as(Phase.INVESTIGATE, [other_connectors(incident)])
    return _numbered([*steps])


def _respond(incident: Incident) -> Iterator[Action]:
    yield from contain(incident)
    yield from evict(incident)
    yield from clean_up(incident)
    yield from verify(incident)
    yield from restore(incident)


def _find_out(incident: Incident) -> Iterator[Action]:
    yield from _as(
        Phase.INVESTIGATE,
        [
            review_connector(incident),
            *(ask(actor) for actor in incident.trusted_people),
            *(review_activities(actor, incident) for actor in incident.people),
            review_mail(incident),
            other_connectors(incident),
        ],
    )
    for actor in incident.suspected_people:
        yield from secure_account(actor)


def _as(phase: Phase, steps: Iterable[Action]) -> Iterator[Action]:
    return (evolve(step, phase=phase) for step in steps)


def _numbered(steps: Sequence[Action]) -> tuple[Action, ...]:
    """The steps with their order; a step that says the same as one before is left out."""
    return tuple(
        evolve(step, order=number) for number, step in enumerate(dict.fromkeys(steps), start=1)
    )
