"""The grade of a connector, and its form for machines."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from exconn.coverage import Standing
from exconn.grading.actions import Action
from exconn.grading.evidence import Evidence
from exconn.grading.findings import Answered, Facts, Finding, ordered
from exconn.grading.outlook import Considered, Flip, Look
from exconn.grading.policy import Policy
from exconn.grading.radius import Radius
from exconn.grading.timeline import Event
from exconn.grading.verdict import Classification, Determination
from exconn.models import AdminChange, ConnectorChange
from exconn.models._record import Record
from exconn.unseen import shortened, visible
from exconn.window import Window, iso

if TYPE_CHECKING:
    from exconn.plots import Plots

SCHEMA_VERSION = "1"


@frozen(kw_only=True, eq=False)
class Grade:
    """How suspicious a connector is in a window, and why.

    Attributes:
        connector: its name as people write it.
        window: when; `window.at` is the time that was judged.
        classification: in Graph's words.
        determination: in Graph's words.
        score: 0 to 1; 0.5 is no evidence either way. A fixed function of `margin`.
        margin: the sum of the findings' contributions.
        confidence: the share, by weight, of the signals that could be assessed.
        summary: the verdict in words, with vetoes and abstentions.
        explanation: the same with what weighs most.
        reasons: vetoes and abstentions.
        findings: what each signal says.
        answers: the playbook's questions answered.
        coverage: how each table stands in the window.
        alternatives: other explanations, the likeliest first.
        flips: single things that are not known and would change the classification.
        looks: what to look at next, with the query that shows it; `hunt` leaves it empty.
        facts: every fact; None where it could not be assessed.
        timeline: sign-ins, changes and mail in the order of time.
        actions: what to do, in order.
        evidence: what it rests on.
        radius: what the incident touched beyond the connector.
        policy: the weights and thresholds by which it was graded.
    """

    connector: str
    window: Window
    classification: Classification
    determination: Determination
    score: float
    margin: float
    confidence: float
    summary: str
    explanation: str
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    answers: tuple[Answered, ...]
    coverage: tuple[Standing, ...]
    alternatives: tuple[Considered, ...]
    flips: tuple[Flip, ...]
    looks: tuple[Look, ...]
    facts: Facts
    timeline: tuple[Event, ...]
    actions: tuple[Action, ...]
    evidence: Evidence
    radius: Radius
    policy: Policy

    @property
    def at(self) -> datetime:
        """The time that was judged."""
        return self.window.at

    @property
    def contributions(self) -> tuple[Finding, ...]:
        """The findings that fired, those that weigh most first."""
        return tuple(ordered(self.findings))

    def to_dict(self) -> dict[str, Any]:
        """The grade as plain values, ready for JSON. Times are ISO 8601 with Z."""
        return {
            "schema_version": SCHEMA_VERSION,
            "connector": self.connector,
            "at": iso(self.at),
            "window": {
                "baseline_start": iso(self.window.baseline_start),
                "start": iso(self.window.start),
                "end": iso(self.window.end),
            },
            "classification": self.classification.value,
            "determination": self.determination.value,
            "score": self.score,
            "margin": self.margin,
            "confidence": self.confidence,
            "thresholds": {
                "true_positive": self.policy.true_positive,
                "benign": self.policy.benign,
            },
            "summary": self.summary,
            "explanation": self.explanation,
            "reasons": list(self.reasons),
            "signals": [_signal(finding) for finding in self.findings],
            "questions": [_question(answered) for answered in self.answers],
            "coverage": [_table(standing) for standing in self.coverage],
            "alternatives": [_alternative(considered) for considered in self.alternatives],
            "flips": [_plain(flip) for flip in self.flips],
            "looks": [_plain(look) for look in self.looks],
            "facts": dict(self.facts),
            "timeline": [_plain(event) for event in self.timeline],
            "actions": [_plain(action) for action in self.actions],
            "evidence": _plain(self.evidence),
            "radius": _plain(self.radius),
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """The same as JSON text, in ASCII: no character of it can trick a terminal."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_html(self) -> str:
        """A report for people: one page that needs no network and no script."""
        from exconn import reports  # noqa: PLC0415 - reports are above grading

        return reports.html(self)

    def to_markdown(self) -> str:
        """The same in short, for a ticket."""
        from exconn import reports  # noqa: PLC0415 - reports are above grading

        return reports.markdown(self)

    @property
    def plot(self) -> "Plots":
        """Charts for notebooks: ``grade.plot.timeline()``, ``grade.plot.volume()``.

        Raises:
            MissingExtraError: altair is not installed (extra ``plot``).
        """
        from exconn.plots import Plots  # noqa: PLC0415 - plots are above grading

        return Plots(self)

    def __repr__(self) -> str:
        return visible(
            f"<Grade {shortened(self.connector)!r}: {self.classification.value} "
            f"({self.determination.value}), score {self.score:.2f}, margin {self.margin:+.2f}, "
            f"at {self.at:%Y-%m-%dT%H:%MZ}>"
        )

    def _repr_html_(self) -> str:
        from exconn import notebook  # noqa: PLC0415 - notebooks are above grading

        return notebook.grade(self)


def _signal(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.signal.id,
        "question": finding.signal.question.id,
        "family": finding.signal.family.value,
        "state": finding.state.value,
        "direction": finding.signal.direction.name.lower(),
        "contribution": finding.contribution,
        "facts": dict(finding.facts),
        "sentence": finding.sentence,
        "attack_ids": list(finding.signal.attack_ids),
    }


def _question(answered: Answered) -> dict[str, Any]:
    return {
        "id": answered.question.id,
        "text": answered.question.text,
        "answer": answered.answer.value,
        "evidence": dict(answered.evidence),
    }


def _alternative(considered: Considered) -> dict[str, Any]:
    return {
        "id": considered.alternative.id,
        "title": considered.alternative.title,
        "balance": considered.balance,
        "for": list(considered.for_it),
        "against": list(considered.against_it),
        "unassessed": considered.open,
    }


def _table(standing: Standing) -> dict[str, Any]:
    coverage = standing.coverage
    return {
        "table": coverage.table.name,
        "state": standing.state.value,
        "rows": coverage.rows,
        "undated": coverage.undated,
        "first": _plain(coverage.first),
        "last": _plain(coverage.last),
        "missing_columns": list(standing.missing_columns),
        "reasons": list(standing.reasons),
        "notes": list(standing.notes),
    }


def _plain(value: object) -> Any:
    match value:
        case datetime():
            return iso(value)
        case ConnectorChange():
            return {"connector": value.connector} | _fields(value)
        case AdminChange():
            return _fields(value)
        case Record():
            return {name: v for name, v in _fields(value).items() if v not in ("", None)}
        case tuple() | list():
            return [_plain(element) for element in value]
        case Mapping():
            return {str(key): _plain(element) for key, element in value.items()}
        case _ if attrs.has(type(value)):
            return _fields(value)
        case _:
            return value


def _fields(value: object) -> dict[str, Any]:
    names = [f.name for f in attrs.fields(type(value))]  # type: ignore[arg-type]  # attrs class
    return {name: _plain(getattr(value, name)) for name in names}
