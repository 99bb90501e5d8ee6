"""The report of one grade."""

from collections.abc import Sequence

from exconn.grading import Action, Answer, Answered, Finding, Grade, State
from exconn.reports import charts
from exconn.reports.checks import check, checks_section, shown_by
from exconn.reports.course import timeline_section, volume_section
from exconn.reports.doubts import alternatives_section, coverage_section
from exconn.reports.evidence import evidence_section, radius_section
from exconn.reports.markup import Html, element, join, link
from exconn.reports.page import foot, page, section
from exconn.reports.runbook import actions_section
from exconn.reports.tables import Column, beside, code, table
from exconn.reports.words import (
    DETERMINATIONS,
    GLYPHS,
    TONES,
    VERDICTS,
    counted,
    fact,
    minute,
    moment,
    signed,
    strongest,
    thresholds,
    title,
)
from exconn.unseen import shortened
from exconn.window import iso

_TOP = 3
_SUMMARY = 600
_PARTS = (
    ("why", "Why"),
    ("volume", "Mail and events"),
    ("timeline", "Timeline"),
    ("questions", "Questions"),
    ("actions", "What to do"),
    ("radius", "Blast radius"),
    ("evidence", "Evidence"),
    ("alternatives", "Other explanations"),
    ("coverage", "Coverage"),
    ("checks", "Check it in the portal"),
)


def html(grade: Grade) -> str:
    """A report for people: one page that needs no network and no script."""
    navigation = element(
        "nav",
        element(
            "ul",
            *(element("li", element("a", name, href=f"#{part}")) for part, name in _PARTS),
        ),
        aria_label="Parts of the report",
    )
    main = element(
        "main",
        _glance(grade),
        volume_section(grade),
        timeline_section(grade.timeline),
        _questions(grade.answers),
        actions_section(grade.actions),
        radius_section(grade.radius),
        evidence_section(grade),
        alternatives_section(grade),
        _reasons(grade),
        coverage_section(grade),
        checks_section(grade),
        id="report",
    )
    return page(title(grade), _header(grade), navigation, main, foot())


def _header(grade: Grade) -> Html:
    tone = TONES[grade.classification]
    window = grade.window
    numbers = (
        ("Score", f"{grade.score:.2f}", "0 to 1; 0.5 is no evidence either way"),
        ("Margin", signed(grade.margin), thresholds(grade.policy)),
        ("Confidence", f"{grade.confidence:.0%}", "of what matters could be assessed"),
        (
            "Window",
            join(
                element("time", moment(window.start), datetime=iso(window.start)),
                " to ",
                element("time", moment(window.end), datetime=iso(window.end)),
            ),
            f"baseline from {moment(window.baseline_start)} on",
        ),
    )
    return element(
        "header",
        element(
            "p",
            "Exchange connector, judged at ",
            element("time", f"{minute(grade.at)} UTC", datetime=iso(grade.at)),
            class_="over",
        ),
        element("h1", shortened(grade.connector)),
        element(
            "p",
            element("span", GLYPHS[tone], aria_hidden="true"),
            " ",
            element("strong", VERDICTS[grade.classification]),
            " ",
            element("span", DETERMINATIONS[grade.determination], class_="kind"),
            " ",
            element(
                "code", f"{grade.classification.value} / {grade.determination.value}", class_="api"
            ),
            class_=f"says {tone}",
        ),
        element("p", shortened(grade.summary, _SUMMARY), class_="lede"),
        charts.verdict(grade.margin, grade.policy, charts.WIDE),
        charts.verdict(grade.margin, grade.policy, charts.NARROW),
        element(
            "dl",
            *(
                element(
                    "div",
                    element("dt", name),
                    element("dd", element("b", value), " ", element("span", about)),
                )
                for name, value, about in numbers
            ),
            class_="numbers",
        ),
        class_=tone,
    )


def _glance(grade: Grade) -> Html:
    most = _most(grade.contributions)
    sides = [
        element(
            "div",
            element("h3", title),
            _bars(strongest(grade.contributions, sign)[:_TOP], most, nothing),
        )
        for title, sign, nothing in (
            ("Strongest for malice", 1, "Nothing that was assessed speaks for malice."),
            ("Strongest against", -1, "Nothing that was assessed speaks against it."),
        )
    ]
    steps = element(
        "div",
        element("h3", "First steps"),
        element(
            "ol",
            *(
                element("li", element("a", action.what, href=f"#step-{action.order}"))
                for action in _first(grade.actions)
            ),
            class_="first",
        )
        if grade.actions
        else element("p", "Nothing is recommended.", class_="none"),
    )
    number = len(grade.contributions)
    every = element(
        "p",
        element("a", f"All {counted(number, 'reason')}, with their rationale", href="#reasons"),
        class_="note",
    )
    doubts = [f for f in grade.findings if f.state is State.UNASSESSED]
    return section(
        "why",
        "Why",
        element("div", *sides, steps, class_="glance"),
        every if number else None,
        element(
            "p",
            f"{len(doubts)} of {counted(len(grade.findings), 'signal')} could not be assessed: ",
            element("a", "which, and why", href="#coverage"),
            ". What is not seen is not innocent.",
            class_="warn",
        )
        if doubts
        else None,
    )


def _first(actions: Sequence[Action]) -> list[Action]:
    """The first steps: of one kind, one."""
    seen = {action.id: action for action in reversed(actions)}
    return sorted(seen.values(), key=lambda action: action.order)[:_TOP]


def _bars(findings: Sequence[Finding], most: float, nothing: str) -> Html:
    if not findings:
        return element("p", nothing, class_="none")
    return element(
        "ul",
        *(
            element(
                "li",
                charts.bar(finding.contribution, most),
                element("b", signed(finding.contribution)),
                " ",
                element("span", finding.sentence),
            )
            for finding in findings
        ),
        class_="reasons",
    )


def _most(findings: Sequence[Finding]) -> float:
    return max((abs(finding.contribution) for finding in findings), default=0.0)


def _questions(answers: Sequence[Answered]) -> Html:
    columns = (Column("Question"), Column("Answer"), Column("Shown by"), Column("Check"))
    return section(
        "questions",
        "The playbook's questions",
        element(
            "p",
            f"{GLYPHS['bad']} is an answer that does not reassure, {GLYPHS['good']} one that "
            f"does; {GLYPHS['open']} could not be assessed, which is no reassurance.",
            class_="note",
        ),
        table(
            "Questions and answers",
            columns,
            (
                (
                    answered.question.text,
                    _answer(answered),
                    _facts(answered),
                    check(answered.question.shown_by),
                )
                for answered in answers
            ),
            fold=False,
        ),
    )


def _answer(answered: Answered) -> Html:
    told = {Answer.YES: "Yes", Answer.NO: "No", Answer.UNASSESSED: "Not known"}[answered.answer]
    if answered.answer is Answer.UNASSESSED:
        tone = "open"
    else:
        reassures = (answered.answer is Answer.YES) == answered.question.innocent
        tone = "good" if reassures else "bad"
    glyph = element("span", GLYPHS[tone], aria_hidden="true")
    return element("span", glyph, " ", told, class_=f"answer {tone}")


def _facts(answered: Answered) -> Html:
    return element(
        "ul",
        *(
            element("li", name.replace("_", " "), " ", element("b", fact(name, value)))
            for name, value in answered.evidence.items()
        ),
        class_="facts",
    )


def _reasons(grade: Grade) -> Html:
    most = _most(grade.contributions)
    columns = (
        Column("Reason"),
        Column("Adds", "number"),
        Column("For or against"),
        Column("Check"),
        Column("Signal", "code"),
    )
    rows = (
        (
            finding.sentence,
            signed(finding.contribution),
            beside(
                charts.bar(finding.contribution, most),
                "for" if finding.contribution > 0 else "against",
            ),
            check(shown_by(finding.signal)),
            element(
                "details",
                element("summary", code(finding.signal.id)),
                element("p", finding.signal.rationale),
                element("p", finding.signal.remediation) if finding.signal.remediation else None,
                element(
                    "p",
                    *(join(link(url), " ") for url in finding.signal.references),
                    *(
                        join(link(_attack(number), f"ATT&CK {number}"), " ")
                        for number in finding.signal.attack_ids
                    ),
                ),
            ),
        )
        for finding in grade.contributions
    )
    return section(
        "reasons",
        "All reasons",
        element(
            "p",
            f"They add up to the margin, {signed(grade.margin)}. Reasons of one kind count less "
            "the more there are.",
        ),
        table("Reasons, the weightiest first", columns, rows)
        if grade.contributions
        else element("p", "No signal fired.", class_="none"),
    )


def _attack(number: str) -> str:
    return f"https://attack.mitre.org/techniques/{number.replace('.', '/')}/"
