"""What to do: the runbook of a grade, with commands to copy."""

from collections.abc import Sequence
from itertools import groupby

from exconn.grading import Action
from exconn.reports.markup import Html, element, join, lines
from exconn.reports.page import section


def actions_section(actions: Sequence[Action]) -> Html:
    """The steps, by phase."""
    if not actions:
        return section("actions", "What to do", element("p", "Nothing is recommended."))
    phases = [(phase, list(steps)) for phase, steps in groupby(actions, key=lambda a: a.phase)]
    names = [phase.value.replace("-", " ") for phase, _ in phases]
    return section(
        "actions",
        "What to do",
        element(
            "p",
            f"{', then '.join(names).capitalize()}. exconn runs none of this; read each command "
            "before you run it. A click selects a command whole.",
        ),
        *(
            join(
                element("h3", name.capitalize(), " ", element("span", f"{len(steps)}")),
                element("ol", *map(_step, steps), class_="steps"),
            )
            for name, (_, steps) in zip(names, phases, strict=True)
        ),
    )


def command(text: str) -> Html:
    """A command or query that can be copied as it stands."""
    return element("pre", element("code", lines(text.split("\n"))))


def _step(action: Action) -> Html:
    parts = (
        ("Before", action.precondition),
        ("Run", command(action.command)),
        ("Check", _told(action.check)),
        ("Undo", command(action.undo) if action.undo else None),
    )
    return element(
        "li",
        element(
            "h4", element("span", f"{action.order}", class_="order"), " ", action.what
        ),
        element("p", action.why),
        element(
            "dl",
            *(
                element("div", element("dt", name), element("dd", told))
                for name, told in parts
                if told is not None
            ),
        ),
        id=f"step-{action.order}",
    )  # fmt: skip


def _told(check: str) -> Html:
    """What must be true is a sentence; what shows it is a command."""
    return element("p", check) if check.endswith(".") else command(check)
