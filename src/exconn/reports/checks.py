"""The queries with which every claim can be checked in the portal."""

import inspect
from collections.abc import Iterator, Mapping

from exconn.detectors import through
from exconn.facts import queries
from exconn.facts.catalogue import CATALOGUE, Asked
from exconn.grading import Grade
from exconn.grading.outlook import about, kql
from exconn.grading.radius import longer
from exconn.reports.markup import Html, element, join
from exconn.reports.page import section
from exconn.reports.runbook import command
from exconn.signals import Signal, logon
from exconn.window import Period

_OF_SIGN_INS = ("logon_places", "logon_addresses", "logon_seconds")
_OF_SIGNALS: Mapping[str, str] = {logon.BURST.id: "logon_seconds"}


def shown_by(signal: Signal) -> str:
    """The name of the query that shows what a signal says."""
    return _OF_SIGNALS.get(signal.id, signal.question.shown_by)


def check(name: str) -> Html | None:
    """A link to a query of the report; None for one that is not exconn's."""
    if name not in CATALOGUE:
        return None
    return element("a", name.replace("_", " "), href=f"#kql-{name}")


def checks_section(grade: Grade) -> Html:
    """A query for each claim, and where to look first."""
    asked = about(grade.connector, grade.window, grade.evidence.changes)
    looks = {look.query: look.kql for look in grade.looks}
    claims: dict[str, list[str]] = {name: [] for name in looks}
    for name, claim in _claims(grade):
        if name in CATALOGUE and claim not in claims.setdefault(name, []):
            claims[name].append(claim)
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
                *(element("li", check(look.query), ": ", look.why) for look in grade.looks),
            ),
        )
        if grade.looks
        else None,
        *(
            element(
                "details",
                element("summary", element("h3", name.replace("_", " ")), " ", _about(name)),
                element(  # browsers open what a link's target is in, not what it is
                    "div",
                    element("ul", *(element("li", claim) for claim in told)),
                    element("p", "Nobody is known to have changed the connector: no sign-ins to "
                            "look at.")
                    if name in _OF_SIGN_INS and not asked.accounts
                    else command(looks.get(name) or _kql(name, grade, asked)),
                    id=f"kql-{name}",
                ),
            )
            for name, told in claims.items()
        ),
    )  # fmt: skip


def _claims(grade: Grade) -> Iterator[tuple[str, str]]:
    """What the report claims, with the name of the query that shows it."""
    for answered in grade.answers:
        yield answered.question.shown_by, answered.question.text
    for finding in grade.contributions:
        name, question = shown_by(finding.signal), finding.signal.question
        yield name, question.text if name == question.shown_by else finding.sentence
    if grade.radius.connectors is not None:
        yield "connector_changes", "Which other connectors did the same hands change?"
    if grade.radius.mail:
        yield "mail_from", "What other mail is from the same new places?"
    if grade.radius.clicks is not None:
        yield "link_clicks", "Who clicked on links in the mail?"


def _kql(name: str, grade: Grade, asked: Asked) -> str:
    window, similar = grade.window, grade.radius.mail
    if name == "mail_from" and similar:
        addresses = {mail.address for mail in similar} - {""}
        domains = {mail.domain for mail in similar} - {""}
        return queries.mail_from(window.period, addresses, domains).to_kql()
    if name == "link_clicks":
        clicked, mailed = Period(window.start, longer(window).end), Period(window.start, window.end)
        return queries.link_clicks(clicked, through(grade.connector), mailed).to_kql()
    return kql(name, asked)


def _about(name: str) -> str:
    return (inspect.getdoc(getattr(queries, name)) or "").partition("\n")[0]
