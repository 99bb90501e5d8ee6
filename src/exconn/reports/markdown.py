"""A grade in short, as Markdown for a ticket; and the one way in which text reaches Markdown."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from exconn.coverage import Standing
from exconn.grading import Action, Answer, Clicks, Grade, Radius, SimilarMail, State
from exconn.reports.words import (
    DETERMINATIONS,
    VERDICTS,
    counted,
    minute,
    signed,
    strongest,
    thresholds,
)
from exconn.unseen import shortened, visible

_FOR, _AGAINST = 5, 3
_TOP = 5
_VALUE = 120
_SENTENCE = 2_000
# A word that is nothing but a word wherever it stands, in each dialect of Markdown: no mark-up, no
# address that would become a link, no mention, no list's number.
_PLAIN = re.compile(
    r"""(?!(?:https?|ftp|mailto|www)\b)
    [("'+\u2212]?[^\W_](?:(?:[,/%'+\u2212]|[.:](?=\d)|-(?!-))*[^\W_])*%?[)"']*[.,;:?]?""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBERED = re.compile(r"\d+[.)]")


def markdown(grade: Grade) -> str:
    """A grade in short: verdict, why, answers, next steps, blast radius, coverage."""
    parts = [
        _verdict(grade),
        _why(grade),
        _questions(grade),
        _steps(grade.actions),
        _radius(grade.radius),
        _coverage(grade.coverage),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def code(text: str) -> str:
    """A value from outside as code: in it nothing acts, whatever it holds."""
    shown = visible(shortened(text, _VALUE))
    if not shown.strip():
        return "(empty)" if not shown else f"({counted(len(shown), 'space')})"
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def prose(text: str) -> str:
    """A sentence; a word that could be mark-up, a link or a mention stands as code."""
    words = shortened(text, _SENTENCE).split()
    return " ".join(
        word
        if _PLAIN.fullmatch(word) and not (n == 0 and _NUMBERED.fullmatch(word))
        else code(word)
        for n, word in enumerate(words)
    )


def _verdict(grade: Grade) -> Iterable[str]:
    yield f"# {VERDICTS[grade.classification]}: connector {code(grade.connector)}"
    yield ""
    yield (
        f"**{DETERMINATIONS[grade.determination].capitalize()}** "
        f"(`{grade.classification.value}`, `{grade.determination.value}`). "
        f"Score {grade.score:.2f}, margin {signed(grade.margin)} ({thresholds(grade.policy)}), "
        f"confidence {grade.confidence:.0%}. Judged at {minute(grade.at)} UTC."
    )
    yield ""
    yield prose(grade.summary)


def _why(grade: Grade) -> Iterable[str]:
    yield "## Why"
    yield ""
    reasons = grade.contributions
    shown = [*strongest(reasons, 1)[:_FOR], *strongest(reasons, -1)[:_AGAINST]]
    for finding in shown:
        yield f"- **{signed(finding.contribution)}** {prose(finding.sentence)}"
    if len(reasons) > len(shown):
        yield f"- and {counted(len(reasons) - len(shown), 'weaker reason')}"
    if not reasons:
        yield "- No signal fired."
    doubts = [f.signal.family for f in grade.findings if f.state is State.UNASSESSED]
    if doubts:
        kinds = ", ".join(dict.fromkeys(family.value for family in doubts))
        number = f"{len(doubts)} of {counted(len(grade.findings), 'signal')}"
        yield f"- **Not assessed:** {number} (about {kinds})"


def _questions(grade: Grade) -> Iterable[str]:
    yield "## Questions"
    yield ""
    for answer, title in (
        (Answer.YES, "Yes"),
        (Answer.NO, "No"),
        (Answer.UNASSESSED, "Not known"),
    ):
        asked = [a.question.text for a in grade.answers if a.answer is answer]
        if asked:
            yield f"- **{title}:** {prose(' '.join(asked))}"


def _steps(actions: Sequence[Action]) -> Iterable[str]:
    yield "## Next steps"
    yield ""
    for phase, steps in groupby(actions, key=lambda action: action.phase):
        told = dict.fromkeys(prose(step.what) for step in steps)
        yield f"- **{phase.value.replace('-', ' ').capitalize()}:** {' '.join(told)}"
    if actions:
        yield "- Commands, checks and undo: `exconn grade` prints them; the HTML report has them."
    else:
        yield "- Nothing is recommended."


def _radius(radius: Radius) -> Iterable[str]:
    yield "## Blast radius"
    yield ""
    if radius.connectors is not None:
        others = [f"{code(c.name)} (same {', '.join(c.ties)})" for c in radius.connectors]
        yield f"- **Other connectors changed:** {_listed(others)}"
    if radius.mail is not None:
        yield f"- **Other mail:** {_listed([_similar(mail) for mail in radius.mail])}"
    if radius.clicks is not None:
        yield f"- **Clicks:** {_clicks(radius.clicks)}"
    for reason in radius.unknown:
        yield f"- **Not known:** {prose(reason)}"


def _similar(mail: SimilarMail) -> str:
    through = f" through {code(mail.connector)}" if mail.connector else ""
    return f"{code(mail.address or mail.domain)}{through} ({counted(mail.messages, 'message')})"


def _clicks(clicks: Clicks) -> str:
    if not clicks.total:
        return "none"
    who = dict.fromkeys(click.account for click in clicks.latest if click.account)
    told = f"{clicks.total:,} by {counted(clicks.accounts, 'account')}"
    return f"{told}: {_listed([code(account) for account in who])}" if who else told


def _coverage(coverage: Sequence[Standing]) -> Iterable[str]:
    yield "## Coverage"
    yield ""
    for standing in coverage:
        table = standing.coverage
        span = f", {minute(table.first)} to {minute(table.last)}" if table.rows else ""
        told = "".join(f"; {prose(reason)}" for reason in (*standing.reasons, *standing.notes))
        yield (
            f"- **{table.table.name}:** {standing.state.value}, {counted(table.rows, 'row')}"
            f"{span}{told}"
        )


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - _TOP:,} more" if len(values) > _TOP else ""
    return (", ".join(values[:_TOP]) + more) or "none"
