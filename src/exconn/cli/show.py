"""What the other commands print."""

import inspect
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.text import Text

from exconn.cli import layout
from exconn.configuration import Risk
from exconn.errors import did_you_mean, nearest
from exconn.facts import FACT_TABLES
from exconn.facts import queries as fact_queries
from exconn.grading import Grade
from exconn.ingest import ImportSummary
from exconn.reports.words import listed
from exconn.simulate import Tenant
from exconn.sources import Compacted
from exconn.tables import Reads, Table
from exconn.unseen import shortened, visible

_USED = {table.name for table in FACT_TABLES}
_ROWS = 50
_TALL_ROWS = 10
_CELL = 200


def written(console: Console, page: Path | None, tables: Path | None = None) -> None:
    """Where the report is, and where the tables of evidence are."""
    if page is not None:
        console.print(layout.text(f"The report is in {page}."))
    if tables is not None:
        console.print(layout.text(f"The tables of evidence are in {tables}."))


def tenant(console: Console, made: Tenant, folder: Path) -> None:
    """What the demo made."""
    console.print(layout.heading("A simulated tenant"))
    sizes = ", ".join(f"{frame.height:,} rows of {name}" for name, frame in made.frames.items())
    console.print(layout.text(f"{sizes} in {folder}. One of its connectors is hijacked."))
    console.print()


def where(console: Console, folder: Path, top: Grade) -> None:
    """Where the demo's files are, and what to try next."""
    console.print(layout.heading("Next"))
    console.print(layout.text(f"The evidence folder is {folder.resolve()}. Try"))
    time = top.at.strftime("%Y-%m-%dT%H:%MZ")
    for command in (
        shlex.join(["exconn", "hunt", str(folder)]),
        shlex.join(["exconn", "grade", str(folder), "--connector", top.connector, "--at", time]),
        "the same with --html report.html, --evidence tables, or --json",
    ):
        layout.command(console, command)


def queries(console: Console, catalogue: Iterable[str]) -> None:
    """The queries, by name."""
    grid = layout.grid("Query", "What it yields")
    for name in catalogue:
        told = inspect.getdoc(getattr(fact_queries, name)) or ""
        grid.add_row(name, told.partition("\n")[0])
    console.print(grid)
    console.print("exconn kql NAME prints one, exconn kql --all all of them.")


def rows(console: Console, frame: pl.DataFrame) -> None:
    """The first rows of a result; one under the other where they are too wide for the screen."""
    grid = layout.grid(*frame.columns)
    told = [[_cell(value) for value in row] for row in frame.head(_ROWS).iter_rows()]
    for row in told:
        grid.add_row(*row)
    shown = _ROWS
    if console.measure(grid).maximum < console.width:
        console.print(grid)
    else:
        shown = _TALL_ROWS
        for number, row in enumerate(told[:shown], 1):
            tall = layout.grid(f"Row {number}", "")
            for name, cell in zip(frame.columns, row, strict=True):
                tall.add_row(name, cell)
            console.print(tall)
    more = f", the first {shown} shown (--json has all)" if frame.height > shown else ""
    console.print(layout.text(f"{frame.height:,} rows{more}"))


def doubts(console: Console, lacking: Reads, connector: str, known: Sequence[str] | None) -> None:
    """What makes the answer of a query doubtful: columns that are not there, a name not in mail.

    Args:
        console: where it is told.
        lacking: columns that are not there.
        connector: the name that was asked about.
        known: the values of `Connectors`; None where nothing can be said of the name.
    """
    for table, column in sorted(lacking):
        console.print(layout.text(f"{table} lacks {column} in some files: it counts as empty."))
    if known is not None and connector.casefold() not in map(str.casefold, known):
        close = did_you_mean(nearest(connector, known))
        told = f"No mail of that time has just {connector!r} in Connectors{close}"
        console.print(layout.text(told))


def _cell(value: object) -> Text:
    if isinstance(value, datetime):
        return Text(value.strftime("%Y-%m-%d %H:%M:%S"))
    return layout.text("" if value is None else str(value), _CELL)


def tables(console: Console, chosen: Sequence[Table], *, columns: bool) -> None:
    """The tables, or the columns of one."""
    if columns:
        for table in chosen:
            console.print(layout.heading(table.name))
            console.print(layout.text(table.about))
            grid = layout.grid("Column", "Type", "Values")
            for column in table.columns:
                key = " (key)" if column.name in table.key else ""
                grid.add_row(f"{column.name}{key}", column.type.value, ", ".join(column.values))
            console.print(grid)
        return
    grid = layout.grid("Table", ("Columns", "right"), "What a row is")
    for table in chosen:
        grid.add_row(table.name, str(len(table.columns)), table.about)
    console.print(grid)


def risks(console: Console, found: Sequence[Risk], listings: int) -> None:
    """What is risky about connectors and transport rules."""
    risky = len({(risk.kind, risk.name) for risk in found})
    console.print(
        layout.heading(
            f"Risky settings: {len(found)}, in {risky} of {listings} connectors and rules"
        )
    )
    for (kind, name, on), own in groupby(
        found, key=lambda risk: (risk.kind, risk.name, risk.in_force)
    ):
        off = " (not in force: switched off, or only tests or audits)" if on is False else ""
        console.print(
            Text.assemble(kind.capitalize(), " ", (visible(shortened(name)), "bold"), off)
        )
        for risk in own:
            console.print(layout.text(f"- {risk.what} {risk.why} {risk.to_do}"))
            for setting, value in risk.settings.items():
                told = map(str, value if isinstance(value, list) else [value])
                console.print(
                    layout.text(f"  {setting}: {listed([layout.name(one) for one in told])}")
                )
        console.print()


def imported(console: Console, summary: ImportSummary, folder: Path) -> None:
    """What an import did with each file's records."""
    grid = layout.grid(
        "File",
        ("Read", "right"),
        ("Written", "right"),
        ("Duplicate", "right"),
        ("Rejected", "right"),
    )
    for file in summary.files:
        grid.add_row(
            layout.text(str(file.path)),
            *(
                f"{n:,}"
                for n in (file.read, file.rows + file.entries, file.duplicates, file.rejected)
            ),
        )
    console.print(grid)
    for table, rows in sorted(_summed(file.written for file in summary.files).items()):
        used = "" if table in _USED else " (not used for grading)"
        console.print(layout.text(f"Added to {table}: {rows:,}{used}"))
    for kind, entries in summary.listed.items():
        console.print(layout.text(f"Added to context.toml, {kind.replace('_', ' ')}: {entries:,}"))
    reasons = _summed(file.reasons for file in summary.files)
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        console.print(layout.text(f"Set aside ({reason}): {count:,}"))
    if reasons:
        console.print(
            layout.text(f"They are in {folder / 'rejected.jsonl'}, with file, line and reason.")
        )
    for note in summary.notes:
        console.print(layout.text(note))


def why_nothing(summary: ImportSummary, files: Sequence[Path], to: Path) -> str:
    """Why an import added nothing."""
    if summary.read:
        [(reason, count)] = Counter(summary.reasons).most_common(1)
        return f"no record of {summary.read:,} could be used, {count:,} for this: {reason}"
    if to.resolve() in (file.resolve() for file in files):
        return f"{to} is the evidence folder itself, and has no exports in it"
    names = ", ".join(map(str, files))
    if summary.files:
        return f"no records in {names}; a file may be empty, or a header without rows"
    return f"no file to read in {names}"


def compacted(console: Console, done: Sequence[Compacted]) -> None:
    """The files of each table, before and after."""
    grid = layout.grid(
        "Table", ("Files", "right"), ("now", "right"), ("MB", "right"), ("now", "right")
    )
    for one in done:
        sizes = [f"{size / 1e6:,.1f}" for size in one.size]
        grid.add_row(one.table, *(f"{count:,}" for count in one.files), *sizes)
    console.print(grid)


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            total[name] = total.get(name, 0) + number
    return total
