"""What the commands print of grades."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.text import Text

from exconn.cli import layout
from exconn.coverage import Standing, TableCoverage, TableState
from exconn.grading import Answer, Evidence, Finding, Grade, Radius
from exconn.grading.evidence import MESSAGE_IDS
from exconn.grading.findings import ordered
from exconn.grading.verdict import Classification
from exconn.reports.words import EVENTS, clicked, listed, minute, most, similar, unassessed

_STYLE = {
    Classification.TRUE_POSITIVE: "bold red",
    Classification.EXPECTED_ACTIVITY: "green",
    Classification.FALSE_POSITIVE: "green",
    Classification.UNKNOWN: "yellow",
}
_EVENTS = 20
_TOP = 5
_REASONS = 12
_EVENT = 600


def nothing(console: Console, folder: str, audit: TableCoverage) -> None:
    """That a hunt found no connector, and whether the audit log could have shown one."""
    console.print(layout.text(f"No connector has mail or changes in {folder}."))
    if not audit.rows:
        console.print(f"{audit.table.name} has no rows, so changes are not known.")


def ranking(console: Console, grades: Sequence[Grade]) -> None:
    """The connectors, the most suspicious first."""
    grid = layout.grid("Connector", ("Score", "right"), "Verdict", "At")
    for result in grades:
        grid.add_row(
            layout.text(layout.name(result.connector)),
            f"{result.score:.2f}",
            Text(result.classification.words, style=_STYLE[result.classification]),
            minute(result.at),
        )
    console.print(layout.heading("Connectors, the most suspicious first"))
    console.print(grid)
    gaps: dict[tuple[str, TableState], list[tuple[str, ...]]] = defaultdict(list)
    for result in grades:
        for standing in result.coverage:
            if standing.state is not TableState.PRESENT:
                gaps[standing.coverage.table.name, standing.state].append(standing.reasons)
    for (table, state), reasons in gaps.items():
        console.print(
            layout.text(
                f"{table} is {state.value} in {len(reasons)} of {len(grades)} windows: "
                f"{_why(reasons)}."
            )
        )
    console.print()


def shared_notes(console: Console, grades: Sequence[Grade]) -> None:
    """What is to be known of the tables in all windows."""
    notes = Counter(
        f"{standing.coverage.table.name}: {note}."
        for result in grades
        for standing in result.coverage
        for note in standing.notes
    )
    for note, count in notes.items():
        if count == len(grades):
            console.print(layout.text(note))
    console.print()


def _why(reasons: Sequence[Sequence[str]]) -> str:
    """What holds in all windows; or else what in most."""
    counts = Counter(reason for some in reasons for reason in some)
    always = [reason for reason, count in counts.items() if count == len(reasons)]
    return "; ".join(always) or f"such as {counts.most_common(1)[0][0]}"


def grade(console: Console, result: Grade) -> None:
    """One grade, with all that is to be known and done."""
    _verdict(console, result)
    console.print(layout.text(result.explanation))
    console.print()
    _reasons(console, result.findings, _REASONS)
    _questions(console, result)
    _timeline(console, result)
    _evidence(console, result.evidence)
    _radius(console, result.radius)
    _outlook(console, result)
    _actions(console, result)
    _coverage(console, result.coverage)


def brief(console: Console, result: Grade) -> None:
    """One grade on a screen or two: why, what happened, and what to do."""
    _verdict(console, result)
    console.print(layout.text(result.summary))
    console.print()
    _reasons(console, result.findings, _TOP)
    _timeline(console, result)
    grid = layout.grid(("Step", "right"), "What")
    for action in result.actions:
        grid.add_row(f"{action.order}.", layout.text(action.what))
    console.print(layout.heading("Recommended actions"))
    console.print(grid)
    console.print()


def _verdict(console: Console, result: Grade) -> None:
    console.print(layout.heading(f"Connector {result.connector}"))
    verdict = Text(result.classification.words.upper(), style=_STYLE[result.classification])
    verdict.append(f"  ({result.determination.value})", style="default")
    console.print(verdict)
    console.print(
        f"score {result.score:.2f}, margin {result.margin:+.2f} (malicious from "
        f"{result.policy.true_positive:+.2f}, benign to {result.policy.benign:+.2f}), "
        f"confidence {result.confidence:.0%}; at {minute(result.at)} UTC, window "
        f"{minute(result.window.start)} to {minute(result.window.end)}",
        highlight=False,
    )


def _reasons(console: Console, findings: Sequence[Finding], most: int) -> None:
    fired = ordered(findings)
    grid = layout.grid(("Adds", "right"), "Because")
    for finding in fired[:most]:
        grid.add_row(f"{finding.contribution:+.2f}", layout.text(finding.sentence))
    console.print(layout.heading("Why"))
    if fired:
        console.print(grid)
    else:
        console.print("No signal fired.")
    rest = fired[most:]
    if rest:
        added = math.fsum(finding.contribution for finding in rest)
        console.print(f"and {len(rest)} more, which add {added:+.2f} (--json has all)")
    unknown = unassessed(findings)
    if unknown:
        console.print(layout.text(f"Could not be assessed: {'; '.join(unknown)}."))
    console.print()


def _outlook(console: Console, result: Grade) -> None:
    """Other explanations, what would change the grade, and where to look next."""
    grid = layout.grid("It may be that", ("Balance", "right"))
    for considered in result.alternatives[:_TOP]:
        grid.add_row(considered.alternative.title, f"{considered.balance:+.2f}")
    console.print(layout.heading("Explanations weighed (--json has what speaks for each)"))
    console.print(grid)
    for flip in result.flips[:_TOP]:
        console.print(layout.text(f"It would be graded {flip.then.words} if so: {flip.if_so}."))
    if result.looks:
        next_looks = layout.grid("Query", "What to look for next (--html and --json have the KQL)")
        for look in result.looks:
            next_looks.add_row(look.query, layout.text(look.why))
        console.print(next_looks)
    console.print()


def _evidence(console: Console, evidence: Evidence) -> None:
    """The heads of the lists, and what they leave out."""
    grid = layout.grid("Evidence", "")
    if evidence.senders:
        senders = [
            f"{layout.name(s.p2_address or s.p1_address)} ({s.messages:,})"
            for s in evidence.senders
        ]
        grid.add_row("Senders", layout.text(listed(senders)))
    for title, top, total, unit in (
        ("Sent from", evidence.addresses, evidence.all_addresses, "messages"),
        ("Sent to", evidence.recipient_domains, evidence.all_recipient_domains, "deliveries"),
    ):
        if total.count:
            grid.add_row(title, layout.text(most(top, total, unit, layout.name)))
    if evidence.other_connectors:
        changed = [layout.name(name) for name in evidence.other_connectors]
        grid.add_row("Other changed connectors", layout.text(listed(changed)))
    if evidence.message_ids:
        cut = " (the first)" if len(evidence.message_ids) >= MESSAGE_IDS else ""
        grid.add_row("Message ids", f"{len(evidence.message_ids):,}{cut}")
    console.print(layout.heading("Evidence (--evidence writes what is kept of it)"))
    console.print(grid)
    console.print()


def _radius(console: Console, radius: Radius) -> None:
    """What the incident touched beyond the connector; --json has it whole."""
    grid = layout.grid("Reaches", "")
    if radius.connectors is not None:
        others = [f"{layout.name(c.name)} (same {', '.join(c.ties)})" for c in radius.connectors]
        grid.add_row("Other connectors", layout.text(listed(others)))
    if radius.mail is not None:
        mail = [similar(mail, layout.name) for mail in radius.mail]
        grid.add_row("Other mail", layout.text(listed(mail)))
    if radius.clicks is not None:
        grid.add_row("Clicks", layout.text(clicked(radius.clicks, layout.name)))
    for reason in radius.unknown:
        grid.add_row("Not known", layout.text(reason))
    console.print(layout.heading("Blast radius (--json has all)"))
    console.print(grid)
    console.print()


def _questions(console: Console, result: Grade) -> None:
    grid = layout.grid("Answer", "Question")
    for answered in result.answers:
        answer = "?" if answered.answer is Answer.UNASSESSED else answered.answer.value
        grid.add_row(answer, answered.question.text)
    console.print(layout.heading("The playbook's questions"))
    console.print(grid)
    console.print()


def _timeline(console: Console, result: Grade) -> None:
    grid = layout.grid("Time (UTC)", "Kind", "What")
    for event in result.timeline[:_EVENTS]:
        grid.add_row(_second(event.time), EVENTS[event.kind], layout.text(event.summary, _EVENT))
    console.print(layout.heading("Timeline"))
    console.print(grid)
    if len(result.timeline) > _EVENTS:
        console.print(f"and {len(result.timeline) - _EVENTS} more (--json has all)")
    console.print()


def _actions(console: Console, result: Grade) -> None:
    console.print(layout.heading("Recommended actions"))
    said, step = "", 0
    for phase, actions in groupby(result.actions, key=lambda action: action.phase):
        console.print(Text(phase.value.replace("-", " ").capitalize(), style="bold"))
        for action in actions:
            console.print(layout.text(f"{action.order}. {action.what} {action.why}"))
            if action.precondition == said:
                console.print(f"Before: as for {step}.")
            else:
                console.print(layout.text(f"Before: {action.precondition}"))
                said, step = action.precondition, action.order
            layout.command(console, action.command)
            layout.command(console, f"Check: {action.check}")
            if action.undo:
                layout.command(console, f"Undo: {action.undo}")
            console.print()


def _coverage(console: Console, coverage: Sequence[Standing]) -> None:
    grid = layout.grid("Table", "State", ("Rows", "right"), "First", "Last")
    for standing in coverage:
        table = standing.coverage
        grid.add_row(
            table.table.name,
            standing.state.value,
            f"{table.rows:,}",
            minute(table.first),
            minute(table.last),
        )
    console.print(layout.heading("Coverage"))
    console.print(grid)
    for standing in coverage:
        for reason in (*standing.reasons, *standing.notes):
            console.print(layout.text(f"{standing.coverage.table.name}: {reason}"))
    console.print()


def _second(time: datetime) -> str:
    return time.strftime("%m-%d %H:%M:%S")
