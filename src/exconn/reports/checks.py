"""The queries with which every claim can be checked in the portal."""

import inspect

from exconn.facts import queries
from exconn.facts.catalogue import CATALOGUE
from exconn.grading import Grade
from exconn.grading.outlook import about, kql
from exconn.reports.markup import Html, element, join
from exconn.reports.page import section
from exconn.reports.runbook import command

_OF_SIGN_INS = ("logon_places", "logon_addresses", "logon_seconds")


def checks_section(grade: Grade) -> Html:
    """A query for each claim, and where to look first."""
    asked = about(grade.connector, grade.window, grade.evidence.changes)
    looks = {look.query: look.kql for look in grade.looks}
    answers: dict[str, list[str]] = {name: [] for name in looks}
    for answered in grade.answers:
        if answered.question.shown_by in CATALOGUE:
            answers.setdefault(answered.question.shown_by, []).append(answered.question.text)
    return section(
        "checks",
        "Check it in the portal",
        element(
            "p",
            "Each query runs in Advanced Hunting (security.microsoft.com/v2/advanced-hunting) and "
            "shows what answers rest on, for baseline and window. Advanced Hunting reaches back "
            "30 days.",
        ),
        join(
            element("h3", "Look here first"),
            element(
                "ol",
                *(
                    element(
                        "li",
                        element("a", look.query.replace("_", " "), href=f"#kql-{look.query}"),
                        ": ",
                        look.why,
                    )
                    for look in grade.looks
                ),
            ),
        )
        if grade.looks
        else None,
        *(
            element(
                "details",
                element("summary", element("h3", name.replace("_", " ")), " ", _about(name)),
                element("ul", *(element("li", question) for question in questions)),
                element("p", "Nobody is known to have changed the connector: no sign-ins to look "
                        "at.")
                if name in _OF_SIGN_INS and not asked.accounts
                else command(looks.get(name) or kql(name, asked)),
                id=f"kql-{name}",
            )
            for name, questions in answers.items()
        ),
    )  # fmt: skip


def _about(name: str) -> str:
    return (inspect.getdoc(getattr(queries, name)) or "").partition("\n")[0]
