"""What the commands print for people: at 80 columns, without colour, in a pipe."""

import inspect
import math
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from exconn.configuration import Risk
from exconn.coverage import Standing, TableState
from exconn.facts import FACT_TABLES
from exconn.facts import queries as fact_queries
from exconn.grading import (
    Answer,
    Evidence,
    Finding,
    Grade,
    Radius,
)
from exconn.grading.evidence import MESSAGE_IDS
from exconn.grading.findings import ordered
from exconn.grading.verdict import Classification
from exconn.ingest import ImportSummary
from exconn.reports.words import EVENTS, clicked, listed, minute, most, similar, unassessed
from exconn.simulate import Tenant
from exconn.sources import Compacted
from exconn.tables import Table
from exconn.unseen import shortened, visible

_STYLE = {
    Classification.TRUE_POSITIVE: "bold red",
    Classification.EXPECTED_ACTIVITY: "green",
    Classification.FALSE_POSITIVE: "green",
    Classification.UNKNOWN: "yellow",
}
_USED = {table.name for table in FACT_TABLES}
_EVENTS = 20
_TOP = 5
_REASONS = 12
_ROWS = 50
_TALL_ROWS = 10
_CELL = 200
_NAME = 120
_EVENT = 600
_SENTENCES = 2_000


def ranking(console: Console, grades: Sequence[Grade], folder: str | Path) -> None:
    """The connectors, the most suspicious first."""
    if not grades:
        console.print(_text(f"No connector has mail or changes in {folder}."))
        return
    grid = _grid("Connector", ("Score", "right"), "Verdict", "At")
    for result in grades:
        grid.add_row(
            _text(_name(result.connector)),
            f"{result.score:.2f}",
            Text(result.classification.words, style=_STYLE[result.classification]),
            minute(result.at),
        )
    console.print(_heading("Connectors, the most suspicious first"))
    console.print(grid)
    gaps = Counter(
        (standing.coverage.table.name, standing.state)
        for result in grades
        for standing in result.coverage
        if standing.state is not TableState.PRESENT
    )
    for (table, state), count in gaps.items():
        console.print(_text(f"{table} is {state.value} in {count} of {len(grades)} windows."))
    console.print()


def grade(console: Console, result: Grade) -> None:
    """One grade, with all that is to be known and done."""
    _verdict(console, result)
    console.print(_text(result.explanation))
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
    console.print(_text(result.summary))
    console.print()
    _reasons(console, result.findings, _TOP)
    _timeline(console, result)
    grid = _grid(("Step", "right"), "What")
    for action in result.actions:
        grid.add_row(f"{action.order}.", _text(action.what))
    console.print(_heading("Recommended actions"))
    console.print(grid)
    console.print()


def _verdict(console: Console, result: Grade) -> None:
    console.print(_heading(f"Connector {result.connector}"))
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


def written(console: Console, page: Path | None, tables: Path | None = None) -> None:
    """Where the report is, and where the tables of evidence are."""
    if page is not None:
        console.print(_text(f"The report is in {page}."))
    if tables is not None:
        console.print(_text(f"The tables of evidence are in {tables}."))


def tenant(console: Console, made: Tenant, folder: Path) -> None:
    """What the demo made."""
    console.print(_heading("A simulated tenant"))
    sizes = ", ".join(f"{frame.height:,} rows of {name}" for name, frame in made.frames.items())
    console.print(_text(f"{sizes} in {folder}. One of its connectors is hijacked."))
    console.print()


def where(console: Console, folder: Path, top: Grade) -> None:
    """Where the demo's files are, and what to try next."""
    console.print(_heading("Next"))
    console.print(_text(f"The evidence folder is {folder.resolve()}. Try"))
    time = top.at.strftime("%Y-%m-%dT%H:%MZ")
    for command in (
        shlex.join(["exconn", "hunt", str(folder)]),
        shlex.join(["exconn", "grade", str(folder), "--connector", top.connector, "--at", time]),
        "the same with --html report.html, --evidence tables, or --json",
    ):
        _command(console, command)


def queries(console: Console, catalogue: Iterable[str]) -> None:
    """The queries, by name."""
    grid = _grid("Query", "What it yields")
    for name in catalogue:
        told = inspect.getdoc(getattr(fact_queries, name)) or ""
        grid.add_row(name, told.partition("\n")[0])
    console.print(grid)
    console.print("exconn kql NAME prints one, exconn kql --all all of them.")


def rows(console: Console, frame: pl.DataFrame) -> None:
    """The first rows of a result; one under the other where they are too wide for the screen."""
    grid = _grid(*frame.columns)
    told = [[_cell(value) for value in row] for row in frame.head(_ROWS).iter_rows()]
    for row in told:
        grid.add_row(*row)
    shown = _ROWS
    if console.measure(grid).maximum < console.width:
        console.print(grid)
    else:
        shown = _TALL_ROWS
        for number, row in enumerate(told[:shown], 1):
            tall = _grid(f"Row {number}", "")
            for name, cell in zip(frame.columns, row, strict=True):
                tall.add_row(name, cell)
            console.print(tall)
    more = f", the first {shown} shown (--json has all)" if frame.height > shown else ""
    console.print(_text(f"{frame.height:,} rows{more}"))


def _cell(value: object) -> Text:
    if isinstance(value, datetime):
        return Text(value.strftime("%Y-%m-%d %H:%M:%S"))
    return _text("" if value is None else str(value), _CELL)


def tables(console: Console, chosen: Sequence[Table], *, columns: bool) -> None:
    """The tables, or the columns of one."""
    if columns:
        for table in chosen:
            console.print(_heading(table.name))
            console.print(_text(table.about))
            grid = _grid("Column", "Type", "Values")
            for column in table.columns:
                key = " (key)" if column.name in table.key else ""
                grid.add_row(f"{column.name}{key}", column.type.value, ", ".join(column.values))
            console.print(grid)
        return
    grid = _grid("Table", ("Columns", "right"), "What a row is")
    for table in chosen:
        grid.add_row(table.name, str(len(table.columns)), table.about)
    console.print(grid)


def risks(console: Console, found: Sequence[Risk], listings: int) -> None:
    """What is risky about connectors and transport rules."""
    risky = len({(risk.kind, risk.name) for risk in found})
    console.print(
        _heading(f"Risky settings: {len(found)}, in {risky} of {listings} connectors and rules")
    )
    for (kind, name, on), own in groupby(
        found, key=lambda risk: (risk.kind, risk.name, risk.in_force)
    ):
        off = " (not in force: switched off, or only tests or audits)" if on is False else ""
        console.print(
            Text.assemble(kind.capitalize(), " ", (visible(shortened(name)), "bold"), off)
        )
        for risk in own:
            console.print(_text(f"- {risk.what} {risk.why} {risk.to_do}"))
            for setting, value in risk.settings.items():
                told = map(str, value if isinstance(value, list) else [value])
                console.print(_text(f"  {setting}: {listed([_name(one) for one in told])}"))
        console.print()


def imported(console: Console, summary: ImportSummary, folder: Path) -> None:
    """What an import did with each file's records."""
    grid = _grid(
        "File",
        ("Read", "right"),
        ("Written", "right"),
        ("Duplicate", "right"),
        ("Rejected", "right"),
    )
    for file in summary.files:
        grid.add_row(
            _text(str(file.path)),
            *(
                f"{n:,}"
                for n in (file.read, file.rows + file.entries, file.duplicates, file.rejected)
            ),
        )
    console.print(grid)
    for table, rows in sorted(_summed(file.written for file in summary.files).items()):
        used = "" if table in _USED else " (not used for grading)"
        console.print(_text(f"Added to {table}: {rows:,}{used}"))
    for kind, entries in summary.listed.items():
        console.print(_text(f"Added to context.toml, {kind.replace('_', ' ')}: {entries:,}"))
    reasons = _summed(file.reasons for file in summary.files)
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        console.print(_text(f"Set aside ({reason}): {count:,}"))
    if reasons:
        console.print(
            _text(f"They are in {folder / 'rejected.jsonl'}, with file, line and reason.")
        )
    for note in summary.notes:
        console.print(_text(note))


def compacted(console: Console, done: Sequence[Compacted]) -> None:
    """The files of each table, before and after."""
    grid = _grid("Table", ("Files", "right"), ("now", "right"), ("MB", "right"), ("now", "right"))
    for one in done:
        sizes = [f"{size / 1e6:,.1f}" for size in one.size]
        grid.add_row(one.table, *(f"{count:,}" for count in one.files), *sizes)
    console.print(grid)


def _reasons(console: Console, findings: Sequence[Finding], most: int) -> None:
    fired = ordered(findings)
    grid = _grid(("Adds", "right"), "Because")
    for finding in fired[:most]:
        grid.add_row(f"{finding.contribution:+.2f}", _text(finding.sentence))
    console.print(_heading("Why"))
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
        console.print(_text(f"Could not be assessed: {'; '.join(unknown)}."))
    console.print()


def _outlook(console: Console, result: Grade) -> None:
    """Other explanations, what would change the grade, and where to look next."""
    grid = _grid("It may be that", ("Balance", "right"))
    for considered in result.alternatives[:_TOP]:
        grid.add_row(considered.alternative.title, f"{considered.balance:+.2f}")
    console.print(_heading("Explanations weighed (--json has what speaks for each)"))
    console.print(grid)
    for flip in result.flips[:_TOP]:
        console.print(_text(f"It would be graded {flip.then.words} if so: {flip.if_so}."))
    if result.looks:
        next_looks = _grid("Query", "What to look for next (--html and --json have the KQL)")
        for look in result.looks:
            next_looks.add_row(look.query, _text(look.why))
        console.print(next_looks)
    console.print()


def _evidence(console: Console, evidence: Evidence) -> None:
    """The heads of the lists, and what they leave out."""
    grid = _grid("Evidence", "")
    if evidence.senders:
        senders = [
            f"{_name(s.p2_address or s.p1_address)} ({s.messages:,})" for s in evidence.senders
        ]
        grid.add_row("Senders", _text(listed(senders)))
    for title, top, total, unit in (
        ("Sent from", evidence.addresses, evidence.all_addresses, "messages"),
        ("Sent to", evidence.recipient_domains, evidence.all_recipient_domains, "deliveries"),
    ):
        if total.count:
            grid.add_row(title, _text(most(top, total, unit, _name)))
    if evidence.other_connectors:
        changed = [_name(name) for name in evidence.other_connectors]
        grid.add_row("Other changed connectors", _text(listed(changed)))
    if evidence.message_ids:
        cut = " (the first)" if len(evidence.message_ids) >= MESSAGE_IDS else ""
        grid.add_row("Message ids", f"{len(evidence.message_ids):,}{cut}")
    console.print(_heading("Evidence (--evidence writes what is kept of it)"))
    console.print(grid)
    console.print()


def _radius(console: Console, radius: Radius) -> None:
    """What the incident touched beyond the connector; --json has it whole."""
    grid = _grid("Reaches", "")
    if radius.connectors is not None:
        others = [f"{_name(c.name)} (same {', '.join(c.ties)})" for c in radius.connectors]
        grid.add_row("Other connectors", _text(listed(others)))
    if radius.mail is not None:
        mail = [similar(mail, _name) for mail in radius.mail]
        grid.add_row("Other mail", _text(listed(mail)))
    if radius.clicks is not None:
        grid.add_row("Clicks", _text(clicked(radius.clicks, _name)))
    for reason in radius.unknown:
        grid.add_row("Not known", _text(reason))
    console.print(_heading("Blast radius (--json has all)"))
    console.print(grid)
    console.print()


def _name(text: str) -> str:
    return shortened(text, _NAME)


def _questions(console: Console, result: Grade) -> None:
    grid = _grid("Answer", "Question")
    for answered in result.answers:
        answer = "?" if answered.answer is Answer.UNASSESSED else answered.answer.value
        grid.add_row(answer, answered.question.text)
    console.print(_heading("The playbook's questions"))
    console.print(grid)
    console.print()


def _timeline(console: Console, result: Grade) -> None:
    grid = _grid("Time (UTC)", "Kind", "What")
    for event in result.timeline[:_EVENTS]:
        grid.add_row(_second(event.time), EVENTS[event.kind], _text(event.summary, _EVENT))
    console.print(_heading("Timeline"))
    console.print(grid)
    if len(result.timeline) > _EVENTS:
        console.print(f"and {len(result.timeline) - _EVENTS} more (--json has all)")
    console.print()


def _actions(console: Console, result: Grade) -> None:
    console.print(_heading("Recommended actions"))
    said, step = "", 0
    for phase, actions in groupby(result.actions, key=lambda action: action.phase):
        console.print(Text(phase.value.replace("-", " ").capitalize(), style="bold"))
        for action in actions:
            console.print(_text(f"{action.order}. {action.what} {action.why}"))
            if action.precondition == said:
                console.print(f"Before: as for {step}.")
            else:
                console.print(_text(f"Before: {action.precondition}"))
                said, step = action.precondition, action.order
            _command(console, action.command)
            _command(console, f"Check: {action.check}")
            if action.undo:
                _command(console, f"Undo: {action.undo}")
            console.print()


def _coverage(console: Console, coverage: Sequence[Standing]) -> None:
    grid = _grid("Table", "State", ("Rows", "right"), "First", "Last")
    for standing in coverage:
        table = standing.coverage
        grid.add_row(
            table.table.name,
            standing.state.value,
            f"{table.rows:,}",
            minute(table.first),
            minute(table.last),
        )
    console.print(_heading("Coverage"))
    console.print(grid)
    for standing in coverage:
        for reason in (*standing.reasons, *standing.notes):
            console.print(_text(f"{standing.coverage.table.name}: {reason}"))
    console.print()


def _grid(*columns: str | tuple[str, str]) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in columns:
        name, justify = column if isinstance(column, tuple) else (column, "left")
        grid.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    return grid


def _command(console: Console, command: str) -> None:
    """A command on one line of its own, however long: a cut one would look whole."""
    console.print(Text(visible(f"   {command}")), soft_wrap=True, crop=False, overflow="ignore")


def _heading(title: str) -> Text:
    return Text(visible(shortened(title)), style="bold underline")


def _text(text: str, longest: int = _SENTENCES) -> Text:
    return Text(visible(shortened(text, longest)))


def _second(time: datetime) -> str:
    return time.strftime("%m-%d %H:%M:%S")


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            total[name] = total.get(name, 0) + number
    return total
