"""What type checkers know of grading: checked by mypy and pyright, never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from exconn import (
    Action,
    Alert,
    Answer,
    ApprovedChange,
    Classification,
    Context,
    Determination,
    Direction,
    Email,
    Evidence,
    Finding,
    Grade,
    Hunt,
    Logon,
    MemorySource,
    Phase,
    Policy,
    Radius,
    Standing,
    State,
    TableState,
    Window,
    grade,
    grade_records,
    grade_schema,
    hunt,
)
from exconn.grading import ActionId, Click, Clicks, Considered, Flip, Look

source = MemorySource({})
when = datetime(2026, 3, 25, tzinfo=UTC)
alert = Alert(connector="Relay", timestamp=when)

# One grade, many grades.
result = grade(source, alert)
assert_type(result, Grade)
assert_type(hunt(source), Hunt)
assert_type(hunt(source)[0], Grade)
assert_type(hunt(source, at=when, policy=Policy(), context=Context()), Hunt)
assert_type(grade_records([], [], [], alert), Grade)
assert_type(grade_schema(), dict[str, Any])

# What a grade has.
assert_type(result.connector, str)
assert_type(result.at, datetime)
assert_type(result.window, Window)
assert_type(result.classification, Classification)
assert_type(result.determination, Determination)
assert_type(result.score, float)
assert_type(result.margin, float)
assert_type(result.confidence, float)
assert_type(result.explanation, str)
assert_type(result.reasons, tuple[str, ...])
assert_type(result.findings, tuple[Finding, ...])
assert_type(result.contributions, tuple[Finding, ...])
assert_type(result.coverage, tuple[Standing, ...])
assert_type(result.alternatives, tuple[Considered, ...])
assert_type(result.flips, tuple[Flip, ...])
assert_type(result.looks, tuple[Look, ...])
assert_type(result.facts, Mapping[str, float | None])
assert_type(result.actions, tuple[Action, ...])
assert_type(result.evidence, Evidence)
assert_type(result.radius, Radius)
assert_type(result.to_dict(), dict[str, Any])
assert_type(result.to_json(indent=2), str)

# And its parts.
for finding in result.findings:
    assert_type(finding.state, State)
    assert_type(finding.signal.direction, Direction)
    assert_type(finding.contribution, float)
    assert_type(finding.facts, Mapping[str, float | None])
for answered in result.answers:
    assert_type(answered.answer, Answer)
for standing in result.coverage:
    assert_type(standing.state, TableState)
    assert_type(standing.coverage.first, datetime | None)
for action in result.actions:
    assert_type(action.id, ActionId)
    assert_type(action.phase, Phase)
    assert_type(action.undo, str)
assert_type(result.evidence.sample, tuple[Email, ...])
assert_type(result.evidence.logons, tuple[Logon, ...])
assert_type(result.radius.clicks, Clicks | None)
if result.radius.clicks is not None:
    assert_type(result.radius.clicks.latest, tuple[Click, ...])

# What goes in.
assert_type(Window(when, before=timedelta(days=3)).start, datetime)
assert_type(Policy(weights={"sender.mismatch": 0.1}).weights, Mapping[str, float])
assert_type(Policy.from_toml(""), Policy)
assert_type(Context(accepted_domains=["contoso.example"]).accepted_domains, tuple[str, ...])
assert_type(Context.from_toml(""), Context)
assert_type(ApprovedChange(start=when, end=when).covers((), (), when), bool)

# What does not.
grade(alert, source)  # type: ignore[arg-type]
grade(source, "Relay")  # type: ignore[arg-type]
grade(source)  # type: ignore[call-arg]
grade(source, alert, None)  # type: ignore[call-arg]
grade(source, alert, context={"partners": []})  # type: ignore[arg-type]
hunt(source, at="2026-03-25")  # type: ignore[arg-type]
Policy(true_positive="high")  # type: ignore[arg-type]
Policy(true_positve=3.0)  # type: ignore[call-arg]
Window()  # type: ignore[call-arg]
Alert(timestamp=when)  # type: ignore[call-arg]
Alert(connector="Relay")  # type: ignore[call-arg]
result.score = 0.0  # type: ignore[misc]
_ = result.radius.clicks.total  # type: ignore[union-attr]
_ = result.facts["messages"] + 1  # type: ignore[operator]
