"""A grade in short, as Markdown for a ticket; and the one way in which text reaches Markdown."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from exconn.coverage import Standing
from exconn.facts.trail import acts
from exconn.grading import (
    Action,
    Answer,
    Event,
    Evidence,
    Grade,
    Radius,
    State,
)
from exconn.reports.words import (
    DETERMINATIONS,
    EVENTS,
    VERDICTS,
    clicked,
    counted,
    listed,
    minute,
    most,
    second,
    signed,
    similar,
    strongest,
    thresholds,
    unseen_why,
)
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS
from exconn.unseen import shortened, visible

_FOR, _AGAINST = 5, 3
_VALUE = 120
_SENTENCE = 2_000
_EVENTS = 9
_EVENT = 300
# A word that is nothing but a word wherever it stands, in each dialect of Markdown: no mark-up, no
# address that would become a link, no mention, no list's number.
_PLAIN = re.compile(
    r"""(?!(?:https?|ftp|mailto|www)\b)
    [("'+\u2212]?[^\W_](?:(?:[,/%'+\u2212]|[.:](?=\d)|-(?!-))*[^\W_])*%?[)"']*[.,;:?]?""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBERED = re.compile(r"\d+[.)]")


def markdown(grade: Grade) -> str:
    """A grade in short: verdict, events, indicators, why, answers, steps, radius, coverage."""
    parts = [
        _verdict(grade),
        _events(grade),
        _indicators(grade),
        _why(grade),
        _questions(grade),
        _steps(grade.actions),
        _radius(grade.radius),
        _coverage(grade.coverage),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def code(text: str, longest: int = _VALUE) -> str:
    """A value from outside as code: in it nothing acts, whatever it holds."""
    shown = visible(shortened(text, longest))
    if not shown.strip():
        return "(empty)" if not shown else f"({counted(len(shown), 'space')})"
    ticks = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (ticks + 1)
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


def _events(grade: Grade) -> Iterable[str]:
    yield "## What happened"
    yield ""
    shown = _chosen(grade.timeline, grade.at)
    for event in shown:
        told = code(event.summary, _EVENT)
        yield f"- {second(event.time)} UTC, **{EVENTS[event.kind]}:** {told}"
    if len(grade.timeline) > len(shown):
        rest = counted(len(grade.timeline) - len(shown), "other event")
        yield f"- and {rest}, in the HTML report"


def _chosen(events: Sequence[Event], at: datetime) -> list[Event]:
    """Of each kind those nearest to the time that is judged, in the order of time."""
    ranks = Counter[str]()
    ranked = []
    for event in sorted(events, key=lambda event: abs(event.time - at)):
        ranked.append((ranks[event.kind], event))
        ranks[event.kind] += 1
    first = sorted(ranked, key=lambda one: one[0])[:_EVENTS]
    return sorted((event for _, event in first), key=lambda event: event.time)


def _indicators(grade: Grade) -> Iterable[str]:
    evidence = grade.evidence
    unaudited = unseen_why(grade.coverage, CLOUD_APP_EVENTS)
    no_mail = unseen_why(grade.coverage, EMAIL_EVENTS)
    changes = acts(evidence.changes)
    who = Counter(change.actor.name or change.actor.id for change in changes)
    where = Counter(change.address for change in changes)
    addresses = most(evidence.addresses, evidence.all_addresses, "messages", code)
    domains = most(evidence.sender_domains, evidence.all_sender_domains, "messages", code)
    asked = no_mail if evidence.asked else "not asked for; grade the connector by itself"
    yield "## Indicators"
    yield ""
    for name, told, unknown in (
        ("Changed by", _by_count(who, "change"), unaudited),
        ("Changed from", _by_count(where, "change"), unaudited),
        ("Mail from addresses", addresses, no_mail),
        ("Senders' P1 domains", domains, no_mail),
        ("Senders", _senders(evidence), asked),
    ):
        yield f"- **{name}:** {f'not known ({unknown})' if unknown and told == 'none' else told}"


def _by_count(counts: Mapping[str, int], unit: str) -> str:
    ranked = sorted(counts.items(), key=lambda one: -one[1])
    return listed(
        [f"{code(value) if value else 'not recorded'} ({counted(n, unit)})" for value, n in ranked]
    )


def _senders(evidence: Evidence) -> str:
    """Those with the most messages: From header, and the envelope where it is another."""
    return listed(
        [
            code(s.p2_address)
            + ("" if s.p1_address == s.p2_address else f", envelope {code(s.p1_address)}")
            + f" ({s.messages:,})"
            for s in evidence.senders
        ]
    )


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
        yield f"- **Other connectors changed:** {listed(others)}"
    if radius.mail is not None:
        yield f"- **Other mail:** {listed([similar(mail, code) for mail in radius.mail])}"
    if radius.clicks is not None:
        yield f"- **Clicks:** {clicked(radius.clicks, code)}"
    for reason in radius.unknown:
        yield f"- **Not known:** {prose(reason)}"


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
