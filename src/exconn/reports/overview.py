"""The report of a hunt: all connectors, the most suspicious first, to be compared at a glance."""

from collections import Counter
from collections.abc import Sequence

from exconn.coverage import TableState
from exconn.grading import Grade
from exconn.reports import charts
from exconn.reports.doubts import tables_in_window
from exconn.reports.markup import Content, Html, element, join
from exconn.reports.page import foot, page, section
from exconn.reports.tables import Column, table
from exconn.reports.words import (
    DETERMINATIONS,
    GLYPHS,
    TONES,
    VERDICTS,
    counted,
    minute,
    signed,
    strongest,
    unseen_why,
)
from exconn.tables import EMAIL_EVENTS
from exconn.unseen import shortened
from exconn.window import iso

_NAME = 120
_SUMMARY = 400


def overview(grades: Sequence[Grade]) -> str:
    """A ranking of connectors: one page that needs no network and no script.

    Args:
        grades: as `hunt` returns them, the most suspicious first.
    """
    title = f"Hunt: {counted(len(grades), 'connector')}"
    main = element("main", _ranking(grades), _coverage(grades), id="report")
    return page(title, _header(grades), main, foot())


def _header(grades: Sequence[Grade]) -> Html:
    counts = Counter(grade.classification for grade in grades)
    tone = TONES[grades[0].classification] if grades else "open"
    return element(
        "header",
        element("p", "Exchange connectors, the most suspicious first", class_="over"),
        element("h1", counted(len(grades), "connector")),
        element(
            "ul",
            *(
                element(
                    "li",
                    element("span", GLYPHS[TONES[kind]], aria_hidden="true"),
                    f" {counts[kind]:,} ",
                    element("strong", name.lower()),
                    class_=TONES[kind],
                )
                for kind, name in VERDICTS.items()
                if counts[kind]
            ),
            class_="counts",
        ),
        class_=tone,
    )


def _ranking(grades: Sequence[Grade]) -> Html:
    if not grades:
        nothing = "No connector has mail or changes in the data."
        return section("ranking", "Ranking", element("p", nothing, class_="none"))
    columns = (
        Column("Connector", "code"),
        Column("Verdict"),
        Column("Score", "number"),
        Column("Mail by hour, baseline and window"),
        Column("Strongest for malice, and against", "wide"),
    )
    return section(
        "ranking",
        "Ranking",
        element(
            "p",
            "Each connector is judged at its own most suspicious time, unless one time was asked "
            "for. In its chart the window is shaded; lines are changes, dashes the time that is "
            "judged. Charts have scales of their own, said beside them. Grade a connector at its "
            "time for the evidence in full.",
            class_="note",
        ),
        table("Connectors, the most suspicious first", columns, map(_row, grades), fold=False),
    )


def _row(grade: Grade) -> tuple[Content, ...]:
    tone = TONES[grade.classification]
    reasons = grade.contributions
    told = [*strongest(reasons, 1)[:2], *strongest(reasons, -1)[:1]]
    most = max((hour.messages for hour in grade.evidence.hours), default=0)
    unknown = unseen_why(grade.coverage, EMAIL_EVENTS)
    busiest = f"mail not known: {unknown}" if unknown and not most else f"at most {most:,} an hour"
    return (
        join(
            element("b", shortened(grade.connector, _NAME)),
            element(
                "p",
                "at ",
                element("time", f"{minute(grade.at)} UTC", datetime=iso(grade.at)),
                class_="note",
            ),
        ),
        join(
            element(
                "span",
                element("span", GLYPHS[tone], aria_hidden="true"),
                f" {VERDICTS[grade.classification]}",
                class_=f"answer {tone}",
            ),
            element("p", DETERMINATIONS[grade.determination], class_="note"),
        ),
        join(
            f"{grade.score:.2f}",
            element("p", f"confidence {grade.confidence:.0%}", class_="note"),
        ),
        join(charts.small(grade), element("p", busiest, class_="note")),
        element(
            "ul",
            *(
                element("li", element("b", signed(finding.contribution)), " ", finding.sentence)
                for finding in told
            ),
        )
        if told
        else element("p", shortened(grade.summary, _SUMMARY)),
    )


def _coverage(grades: Sequence[Grade]) -> Html | None:
    """How the tables stand; of several windows the one with most gaps."""
    if not grades:
        return None
    gaps = [sum(s.state is not TableState.PRESENT for s in grade.coverage) for grade in grades]
    worst = grades[gaps.index(max(gaps))]
    most = ", which has the most gaps" if any(gaps) else "; no window has a gap"
    return section(
        "coverage",
        "Coverage",
        element(
            "p",
            f"As in the window of {shortened(worst.connector, _NAME)}, at {minute(worst.at)} UTC"
            f"{most}.",
        ),
        tables_in_window(worst.coverage),
    )
