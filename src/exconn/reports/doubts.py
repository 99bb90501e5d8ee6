"""What speaks otherwise, and what is not known."""

from collections.abc import Sequence

from exconn.coverage import Standing, TableState
from exconn.grading import Considered, Grade
from exconn.reports.markup import Html, element, join
from exconn.reports.page import section
from exconn.reports.tables import Column, table, time
from exconn.reports.words import GLYPHS, VERDICTS, signed, unassessed

_TONES = {
    TableState.PRESENT: "good",
    TableState.PARTIAL: "open",
    TableState.EMPTY: "open",
    TableState.MISSING: "open",
}


def alternatives_section(grade: Grade) -> Html:
    """Other explanations, and what would change the verdict."""
    columns = (
        Column("Explanation"),
        Column("Balance", "number"),
        Column("For it"),
        Column("Against it"),
    )
    flips = (
        element(
            "ul",
            *(
                element("li", flip.if_so, ": ", element("b", VERDICTS[flip.then].lower()))
                for flip in grade.flips
            ),
        )
        if grade.flips
        else element("p", "No single thing that is not known would change the verdict.")
    )
    return section(
        "alternatives",
        "Other explanations",
        element(
            "p",
            "The balance is the share of clues for an explanation that hold, less the share of "
            "those against it: \u22121 to +1. It ranks; it is no probability.",
            class_="note",
        ),
        table("Explanations, the likeliest first", columns, map(_considered, grade.alternatives)),
        element("h3", "What would change the verdict"),
        flips,
    )


def coverage_section(grade: Grade) -> Html:
    """What data there was, and what it could not tell."""
    gaps = [standing for standing in grade.coverage if standing.state is not TableState.PRESENT]
    doubts = unassessed(grade.findings)
    return section(
        "coverage",
        "Coverage",
        element(
            "p",
            "Absence is not innocence: what is missing, late or cut off can never support a "
            "benign verdict.",
            class_="warn",
        )
        if gaps
        else element("p", "Every table spans the window, with all the columns that are read."),
        tables_in_window(grade.coverage),
        join(
            element("h3", "Could not be assessed"),
            element("ul", *(element("li", doubt) for doubt in doubts)),
        )
        if doubts
        else element("p", "Every signal could be assessed."),
    )


def tables_in_window(coverage: Sequence[Standing]) -> Html:
    """How each table stands."""
    columns = (
        Column("Table", "code"),
        Column("State"),
        Column("Rows", "number"),
        Column("First", "time"),
        Column("Last", "time"),
        Column("What is to be known of it"),
    )
    return table("Tables in the window", columns, map(_table, coverage))


def _considered(considered: Considered) -> tuple[Html, str, Html, Html]:
    title = join(
        considered.alternative.title,
        element("p", considered.alternative.about, class_="note"),
        element("p", f"{considered.open} of its clues could not be assessed.", class_="note")
        if considered.open
        else None,
    )
    sides = [
        element("ul", *(element("li", clue) for clue in clues))
        if clues
        else element("p", "nothing")
        for clues in (considered.for_it, considered.against_it)
    ]
    return title, signed(considered.balance), sides[0], sides[1]


def _table(standing: Standing) -> tuple[Html | str | None, ...]:
    coverage = standing.coverage
    tone = _TONES[standing.state]
    told = [*standing.reasons, *standing.notes]
    return (
        element("code", coverage.table.name),
        element("span", f"{GLYPHS[tone]} {standing.state.value}", class_=f"answer {tone}"),
        f"{coverage.rows:,}",
        time(coverage.first) if coverage.first else None,
        time(coverage.last) if coverage.last else None,
        element("ul", *(element("li", reason) for reason in told)) if told else None,
    )
