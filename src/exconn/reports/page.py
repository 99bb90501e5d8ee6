"""The page that every report is: its head, its policy and its style."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

import exconn
from exconn.grading import SCHEMA_VERSION
from exconn.reports.markup import Content, Html, document, element, join, stylesheet


@cache
def css() -> str:
    """The style sheet."""
    return files("exconn.reports").joinpath("report.css").read_text(encoding="utf-8")


def policy() -> str:
    """The content security policy: nothing is loaded or run; one style sheet, by its hash."""
    digest = base64.b64encode(hashlib.sha256(css().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def page(title: str, *content: Content) -> str:
    """A whole page.

    Args:
        title: of the document.
        content: the header, the navigation, the main part and the footer.
    """
    head = join(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
        stylesheet(css()),
    )
    skip = element("a", "Skip to the report", href="#report", class_="skip")
    return document(head, join(skip, *content))


def section(identifier: str, title: str, *content: Content) -> Html:
    """A part of the page that can be linked to."""
    heading = element("h2", title, id=f"{identifier}-title")
    return element(
        "section", heading, *content, id=identifier, aria_labelledby=f"{identifier}-title"
    )


def foot() -> Html:
    """What made the page, and how to read it."""
    return element(
        "footer",
        element(
            "p",
            f"Made by exconn {exconn.__version__} (schema {SCHEMA_VERSION}). All times are UTC. "
            "The page loads nothing and runs nothing. It holds evidence: names, addresses and "
            "subjects, some of which an attacker may have chosen. Characters that cannot be seen "
            "are written as a backslash, u and their number.",
        ),
    )
