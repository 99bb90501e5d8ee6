"""What values look like in a notebook: fragments of HTML that fit a light and a dark page.

Every text is escaped where elements are made (`exconn.reports.markup`); nothing is run or loaded.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import polars as pl

from exconn.coverage import TableState
from exconn.errors import UnsupportedExpression
from exconn.grading import Evidence, Grade, Hunt, Policy
from exconn.kql.colours import coloured
from exconn.query import Query
from exconn.reports.markup import Content, Html, element, join, lines, link, stylesheet
from exconn.reports.words import (
    DETERMINATIONS,
    EVENTS,
    GLYPHS,
    TONES,
    VERDICTS,
    minute,
    second,
    signed,
    unassessed,
)
from exconn.signals import Signal
from exconn.unseen import shortened
from exconn.window import iso

_CONNECTORS = 50
_REASONS = 8
_EVENTS = 20
_ROWS = 10
_CELL = 120
# A notebook's paper is white or nearly black, and does not say which: these colours have 4.5 to 1
# on white and 4 to 1 on the dark paper of Jupyter. No colour has 4.5 on both.
_STYLE = stylesheet(
    ".exconn{max-width:60em}.exconn p{margin:.3em 0}.exconn table{margin:.3em 0}"
    ".exconn th,.exconn td{text-align:left;vertical-align:top}"
    ".exconn a,.exconn b,.exconn code,.exconn span{unicode-bidi:isolate}"
    ".exconn .number{display:block;text-align:right;font-variant-numeric:tabular-nums}"
    ".exconn .bad{color:#d63e31}.exconn .good{color:#26854b}.exconn .open{color:#966e09}"
    ".exconn .note{opacity:.75}.exconn time{white-space:nowrap}"
    ".exconn pre,.exconn .scroll{overflow:auto}"
    ".exconn .keyword{color:#347aad}.exconn .function{color:#8563c4}"
    ".exconn .string{color:#966e09}.exconn .literal{color:#26854b}"
)


def grade(result: Grade) -> str:
    """The verdict, why, what happened and what to do."""
    fired = result.contributions
    return _fragment(
        element("p", _verdict(result), " ", element("code", shortened(result.connector))),
        element(
            "p",
            f"{DETERMINATIONS[result.determination]}; score {result.score:.2f}, "
            f"margin {signed(result.margin)}, confidence {result.confidence:.0%}; "
            f"at {minute(result.at)} UTC",
            class_="note",
        ),
        element("p", result.summary),
        _doubts(result),
        _table(
            ("Adds", "Because"),
            ((_number(signed(f.contribution)), f.sentence) for f in fired[:_REASONS]),
        ),
        _more(len(fired) - _REASONS, "in .contributions"),
        _folded(
            f"Timeline ({len(result.timeline)})",
            _table(
                ("Time (UTC)", "Kind", "What"),
                (
                    (_time(event.time), EVENTS[event.kind], shortened(event.summary))
                    for event in result.timeline[:_EVENTS]
                ),
            ),
            _more(len(result.timeline) - _EVENTS, "in .timeline"),
        ),
        _folded(
            f"Recommended actions ({len(result.actions)})",
            element("ol", *(element("li", action.what) for action in result.actions)),
        ),
    )


def hunt(grades: Hunt) -> str:
    """A row for each connector, the most suspicious first."""
    if not grades:
        return _fragment(element("p", "No connector has mail or changes."))
    return _fragment(
        _table(
            ("Connector", "Verdict", "Score", "Margin", "At (UTC)"),
            (
                (
                    element("code", shortened(result.connector, _CELL)),
                    _verdict(result),
                    _number(f"{result.score:.2f}"),
                    _number(signed(result.margin)),
                    element("time", minute(result.at), datetime=iso(result.at)),
                )
                for result in grades[:_CONNECTORS]
            ),
        ),
        _more(len(grades) - _CONNECTORS, "in .to_frame()"),
    )


def signal(shown: Signal) -> str:
    """When a signal fires, what it then says, and why that matters."""
    told: list[tuple[str, Content]] = [
        ("Speaks", f"{shown.direction.value}, weight {Policy().weight(shown):g}"),
        ("Fires where", element("code", str(shown.when))),
        ("Says", shown.sentence),
        ("Why", shown.rationale),
        ("To do", shown.remediation),
        ("Helps to answer", shown.question.text),
        ("ATT&CK", ", ".join(shown.attack_ids)),
        ("See", join(*(element("p", link(url)) for url in shown.references))),
    ]
    return _fragment(
        element("p", element("b", shown.title), " ", element("code", shown.id)),
        _table((), ((element("b", name), content) for name, content in told if content)),
    )


def query(shown: Query) -> str:
    """A query as KQL for Defender, or why there is none; and the columns that it yields."""
    try:
        text = shown.to_kql()
    except UnsupportedExpression as error:
        told = element("p", element("b", "No KQL: "), str(error))
    else:
        told = element("pre", element("code", lines(_line(line) for line in text.split("\n"))))
    tables = ", ".join(table.name for table in shown.tables)
    columns = ", ".join(shown.schema.names())
    return _fragment(told, element("p", f"Reads {tables}; yields {columns}.", class_="note"))


def evidence(shown: Evidence) -> str:
    """The first rows of each table of evidence, folded."""
    frames = {name: frame for name, frame in shown.to_frames().items() if frame.height}
    if not frames:
        return _fragment(element("p", "No evidence."))
    return _fragment(
        *(
            _folded(
                f"{name.replace('_', ' ').capitalize()} ({frame.height:,})",
                _rows(frame),
                _more(frame.height - _ROWS, f"in .to_frames()[{name!r}]"),
            )
            for name, frame in frames.items()
        )
    )


def _fragment(*content: Content) -> str:
    return str(element("div", _STYLE, *content, class_="exconn"))


def _doubts(result: Grade) -> Html | None:
    """What could not be assessed, and the tables that are not there in full."""
    told = unassessed(result.findings)
    tables = [
        f"{standing.coverage.table.name} is {standing.state.value}"
        for standing in result.coverage
        if standing.state is not TableState.PRESENT
    ]
    if not told and not tables:
        return None
    what = f"Could not be assessed: {'; '.join(told)}. " if told else ""
    why = f"{'; '.join(tables)}." if tables else ""
    return element("p", element("b", f"{GLYPHS['open']} ", class_="open"), what + why)


def _verdict(result: Grade) -> Html:
    tone = TONES[result.classification]
    return element("b", f"{GLYPHS[tone]} {VERDICTS[result.classification]}", class_=tone)


def _table(columns: Sequence[str], rows: Iterable[Sequence[Content]]) -> Html:
    head = element("tr", *(element("th", name) for name in columns))
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    made = element("table", element("thead", head) if columns else None, element("tbody", *body))
    return element("div", made, class_="scroll")


def _rows(frame: pl.DataFrame) -> Html:
    """The first rows, without columns that are empty."""
    first = frame.head(_ROWS)
    told = [s for s in first.iter_columns() if any(v not in ("", None) for v in s)]
    return _table(
        [series.name for series in told], zip(*(map(_cell, series) for series in told), strict=True)
    )


def _cell(value: object) -> Content:
    if value is None:
        return None
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(f"{value:,}")
    return element("code", shortened(str(value), _CELL))


def _time(value: datetime) -> Html:
    return element("time", second(value), datetime=iso(value))


def _number(told: str) -> Html:
    return element("span", told, class_="number")


def _folded(title: str, *content: Content) -> Html:
    return element("details", element("summary", title), *content)


def _more(number: int, where: str) -> Html | None:
    return element("p", f"and {number:,} more, {where}", class_="note") if number > 0 else None


def _line(text: str) -> Html:
    return join(
        *(element("span", part, class_=kind) if kind else part for part, kind in coloured(text))
    )
