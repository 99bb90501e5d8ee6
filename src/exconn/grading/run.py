"""`grade` one connector, or `hunt` over all."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

import polars as pl
from attrs import evolve

from exconn.context import Context
from exconn.coverage import Standing
from exconn.errors import UnknownConnectorError
from exconn.facts import (
    FACT_TABLES,
    FACTS,
    Assessment,
    Judgement,
    Survey,
    WhoIsWho,
    assess,
    survey,
    survey_of,
    who_is_who,
)
from exconn.facts.judgement import MINIMUM_BASELINE
from exconn.facts.trail import acts
from exconn.grading.evidence import Evidence
from exconn.grading.explanation import explanation, summary
from exconn.grading.findings import (
    Facts,
    Finding,
    answers,
    confidence,
    findings,
    margin,
    states,
)
from exconn.grading.gathering import Rows, evidence, logon_rows, mail_rows
from exconn.grading.hunted import Hunt, none_found
from exconn.grading.outlook import considered, flips, looks
from exconn.grading.policy import Policy
from exconn.grading.radius import new_names, radius
from exconn.grading.result import Grade
from exconn.grading.runbook import Incident, runbook
from exconn.grading.timeline import timeline
from exconn.grading.verdict import Classification, Verdict, judge
from exconn.models import AdminChange, Alert, Email, Logon
from exconn.query import Source
from exconn.signals import QUESTIONS, SIGNALS, Signal
from exconn.sources import MemorySource
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS
from exconn.window import EVER, Window, floored, iso

_CHANGES_TRIED = 200
_DAYS_TRIED = 60
_DAYS_AT_LEAST = 5
_TIMES_TRIED = 5_000


def grade(
    source: Source,
    alert: Alert,
    *,
    window: Window | None = None,
    context: Context | None = None,
    policy: Policy | None = None,
    signals: Sequence[Signal] = SIGNALS,
) -> Grade:
    """Grade an alert on one connector.

    Args:
        source: where the mail log is.
        alert: the connector and the time.
        window: other spans than seven days before, one after and thirty of baseline; its `at`
            takes the place of the alert's time.
        context: what the organisation knows of itself.
        policy: other weights and thresholds.
        signals: all that are asked; add your own to `SIGNALS`.

    Raises:
        UnknownConnectorError: the connector is in neither mail nor changes.
        NoDataError: the source has none of the tables.
        UnreadableDataError: something in it cannot be converted.
    """
    return _asked(source, alert, window, context, policy, signals, rows=True).grade(0, rows=True)


def judged(
    source: Source, alert: Alert, *, context: Context | None = None, policy: Policy | None = None
) -> tuple[Facts, tuple[Finding, ...], tuple[Standing, ...]]:
    """What the verdict of `grade` rests on, without the evidence: it is all that measuring needs.

    Returns:
        The facts, what the signals say, and how the tables stand.
    """
    return _asked(source, alert, None, context, policy, SIGNALS).basis(0)


def _asked(
    source: Source,
    alert: Alert,
    window: Window | None,
    context: Context | None,
    policy: Policy | None,
    signals: Sequence[Signal],
    *,
    rows: bool = False,
) -> "_Verdicts":
    when = window or Window(alert.timestamp)
    name = alert.connector.strip()
    mail = partial(mail_rows, when) if rows else None
    known = who_is_who(source, when.period, context or Context(), name)
    key = known.trail.connectors.key(name)
    if key not in known.connectors and not _may_exist(name, known):
        raise UnknownConnectorError(
            alert.connector, [known.display(name) for name in known.connectors]
        )
    found = survey_of(known, name, mail)
    judgement = found.judgement(key, when)
    assessment = assess(found, [judgement], logon_rows(found, judgement) if rows else ())
    return _Verdicts(found, assessment, signals, policy or Policy())


def hunt(
    source: Source,
    *,
    at: datetime | None = None,
    context: Context | None = None,
    policy: Policy | None = None,
    signals: Sequence[Signal] = SIGNALS,
) -> Hunt:
    """Grade every connector that has mail or changes, the most suspicious first.

    Grades have the evidence that needs no further queries: no single messages or sign-ins. For
    those, `grade` the connector at the time that its grade has.

    Args:
        source: where the mail log is.
        at: the time to judge all connectors at. Without it each is judged at its own most
            suspicious time: of its changes and of each day's busiest hour, the one with the highest
            margin; times with a baseline first, and of those what cannot be judged for want of
            columns.
        context: what the organisation knows of itself.
        policy: other weights and thresholds.
        signals: all that are asked.

    Raises:
        NoDataError: the source has none of the tables; or no connector is found, and the mail
            could not have shown one.
        UnreadableDataError: something in it cannot be converted.
    """
    window = None if at is None else Window(at)
    found = survey(source, window.period if window else None, context or Context())
    if not found.connectors:
        return none_found(found)
    days = max(_DAYS_AT_LEAST, min(_DAYS_TRIED, _TIMES_TRIED // len(found.connectors)))
    judgements = [
        found.judgement(connector, candidate)
        for connector in found.connectors
        for candidate in ([window] if window else _candidates(found, connector, days))
    ]
    verdicts = _Verdicts(found, assess(found, judgements), signals, policy or Policy())
    best: dict[str, int] = {}
    for index in sorted(range(len(judgements)), key=verdicts.suspicion, reverse=True):
        best.setdefault(judgements[index].connector, index)  # of equals, the first candidate
    grades = [verdicts.grade(index, rows=False) for index in best.values()]
    return Hunt(sorted(grades, key=lambda g: (-g.score, g.connector)))


def grade_records(
    emails: Iterable[Email],
    changes: Iterable[AdminChange],
    logons: Iterable[Logon],
    alert: Alert,
    *,
    window: Window | None = None,
    context: Context | None = None,
    policy: Policy | None = None,
    signals: Sequence[Signal] = SIGNALS,
) -> Grade:
    """Grade an incident that is held in memory as records. Otherwise as `grade`.

    Domains that are empty are read from their addresses. Where no email says from which address it
    came, that counts as not known, as if the table lacked those columns.
    """
    source = MemorySource(
        {
            EMAIL_EVENTS.name: _completed(Email.to_frame(emails)),
            CLOUD_APP_EVENTS.name: AdminChange.to_frame(changes),
            IDENTITY_LOGON_EVENTS.name: Logon.to_frame(logons),
        }
    )
    return grade(source, alert, window=window, context=context, policy=policy, signals=signals)


_ADDRESSES = {
    "SenderMailFromDomain": "SenderMailFromAddress",
    "SenderFromDomain": "SenderFromAddress",
    "RecipientDomain": "RecipientEmailAddress",
}
_CAME_FROM = ("SenderIPv4", "SenderIPv6")


def _completed(mail: pl.DataFrame) -> pl.DataFrame:
    """EmailEvents with the domains of its addresses, and without columns that say nothing."""
    domains = [
        pl.when(pl.col(domain) != "")
        .then(pl.col(domain))
        .otherwise(pl.col(address).str.extract("@([^@]*)$"))
        .alias(domain)
        for domain, address in _ADDRESSES.items()
    ]
    told = mail.select(pl.any_horizontal(pl.col(_CAME_FROM) != "").any()).item()
    return mail.with_columns(domains).drop([] if told or mail.is_empty() else _CAME_FROM)


class _Verdicts:
    """All judgements of an assessment with what the signals say of them."""

    def __init__(
        self, found: Survey, assessment: Assessment, signals: Sequence[Signal], policy: Policy
    ) -> None:
        self._found = found
        self._assessment = assessment
        self._policy = policy
        asked = {question.id: question for question in QUESTIONS}
        asked |= {signal.question.id: signal.question for signal in signals}
        self._questions = tuple(asked.values())
        names = [fact.name for fact in FACTS]
        self._facts: list[Facts] = list(assessment.facts.select(names).iter_rows(named=True))
        fired = states(assessment.facts, signals, policy).iter_rows(named=True)
        stands = {
            window: tuple(found.standing(table, window) for table in FACT_TABLES)
            for window in {judgement.window for judgement in assessment.judgements}
        }
        self._standings = [stands[judgement.window] for judgement in assessment.judgements]
        self._findings: list[tuple[Finding, ...]] = [
            findings(facts, row, signals, standings, policy)
            for facts, row, standings in zip(self._facts, fired, self._standings, strict=True)
        ]

    def basis(self, index: int) -> tuple[Facts, tuple[Finding, ...], tuple[Standing, ...]]:
        """What the verdict on one judgement rests on."""
        return self._facts[index], self._findings[index], self._standings[index]

    def verdict(self, index: int) -> Verdict:
        """The verdict on one judgement."""
        return judge(
            self._facts[index], self._findings[index], self._standings[index], self._policy
        )

    def suspicion(self, index: int) -> tuple[bool, bool, bool, float]:
        """What `hunt` prefers among the times of one connector; the greatest is the one.

        An unknown time for which columns are missing comes before one that is benign: absence is
        not innocence.
        """
        days = self._facts[index]["baseline_days"]
        found = self.verdict(index).classification
        informed = days is None or days >= MINIMUM_BASELINE.days
        lacking = any(standing.missing_columns for standing in self._standings[index])
        return (
            found is Classification.TRUE_POSITIVE,
            informed,
            informed and lacking and not found.is_benign,
            margin(self._findings[index]),
        )

    def _suspects(self, judgement: Judgement) -> frozenset[str]:
        """The keys of the actors who signed in suspiciously before they changed the connector."""
        logons = self._assessment.logons
        return frozenset(
            change.actor.key
            for change in acts(self._found.trail.within(judgement))
            if logons.is_suspicious(change, judgement)
        )

    def _incident(
        self, judgement: Judgement, name: str, gathered: Evidence, facts: Facts
    ) -> Incident:
        """What the runbook needs to know of one judgement."""
        trail, mail = self._found.trail, self._found.mail.of(judgement.connector)
        addresses: list[str] = []
        domains: list[str] = []
        if facts["fresh_address_messages"] is not None:  # what is new can be told
            addresses, _ = new_names(mail.sending_addresses, "Address", judgement)
            domains, _ = new_names(mail.sender_domains, "P1", judgement)
        return Incident(
            connector=name,
            window=judgement.window,
            gathered=gathered,
            suspects=self._suspects(judgement),
            history=trail.of(judgement.connector),
            listed=tuple(
                listed
                for listed in self._found.context.connectors
                if trail.connectors.key(listed.name or "") == judgement.connector
            ),
            spelt=self._found.values(judgement.connector, judgement.window),
            new_addresses=addresses,
            new_domains=domains,
        )

    def grade(self, index: int, *, rows: bool) -> Grade:
        """The grade of one judgement."""
        judgement = self._assessment.judgements[index]
        facts, found = self._facts[index], self._findings[index]
        standings = _noted(self._standings[index], judgement.window, self._found)
        verdict = self.verdict(index)
        total = margin(found)
        peak: datetime | None = self._assessment.facts["PeakHour"][index]
        asked = Rows(self._found.beside, self._assessment.beside) if rows else None
        gathered = evidence(self._found, judgement, peak, asked)
        name = self._found.display(judgement.connector, judgement.window)
        answered = answers(facts, self._questions, standings)
        turns = flips(verdict, facts, found, self._standings[index], self._policy)
        next_looks = (
            looks(name, judgement.window, self._found.context, found, answered, gathered.changes)
            if rows
            else ()
        )
        incident = self._incident(judgement, name, gathered, facts)
        mail_seen = bool(facts["messages"]) and standings[0].covers_time
        brief = summary(verdict, mail_seen=mail_seen)
        return Grade(
            connector=name,
            window=judgement.window,
            classification=verdict.classification,
            determination=verdict.determination,
            score=self._policy.score(total),
            margin=total,
            confidence=confidence(found, self._policy),
            summary=brief,
            explanation=explanation(brief, found, turns, next_looks),
            reasons=verdict.reasons,
            findings=found,
            answers=answered,
            coverage=standings,
            alternatives=considered(facts),
            flips=turns,
            looks=next_looks,
            facts=facts,
            timeline=timeline(judgement, self._assessment.logons, gathered, peak),
            actions=runbook(verdict.classification, incident),
            evidence=gathered,
            radius=radius(self._found, judgement, rows=rows),
            policy=self._policy,
        )


def _noted(standings: tuple[Standing, ...], window: Window, found: Survey) -> tuple[Standing, ...]:
    """Say of the mail log where the baseline is cut, and what rests on accepted domains."""
    mail, *others = standings
    notes = []
    first = mail.coverage.first
    if first is not None and first > window.baseline_start:
        notes.append(f"the baseline is cut at the start of the data, {iso(first)}")
    if first is not None and not found.context.accepted_domains:
        notes.append("accepted domains are inferred from the recipients of inbound mail")
    if not found.is_mailed:
        notes.append("no inbound mail went to an accepted domain; check how these are spelt")
    return (evolve(mail, notes=(*mail.notes, *notes)), *others)


def _may_exist(connector: str, known: WhoIsWho) -> bool:
    """Whether a connector that has no mail in the period has some at another time, or may have.

    Where mail does not tell its connector, nothing can be said against it.
    """
    untold = not known.coverage.supports(
        frozenset({(EMAIL_EVENTS.name, "Connectors")}), EVER.start, EVER.end
    )
    if untold:
        return True
    everywhere = who_is_who(known.source, None, known.context, connector)
    return everywhere.trail.connectors.key(connector) in everywhere.connectors


def _candidates(found: Survey, connector: str, days: int) -> list[Window]:
    """When a connector may look most suspicious: busiest hours of days, changes, its last hour.

    Changes are thinned to one an hour. Busier hours come first.
    """
    changes = sorted({change.timestamp for change in found.trail.of(connector)}, reverse=True)
    hourly = {floored(time): time for time in changes}
    hours = found.mail.of(connector).connector_hours
    ranked = hours.sort("Messages", "Hour", descending=[True, False])
    busiest = ranked.unique(pl.col("Hour").dt.date(), keep="first", maintain_order=True)["Hour"]
    last = hours.sort("Hour").tail(1)["Hour"]
    latest = list(hourly.values())[:_CHANGES_TRIED]
    times = dict.fromkeys([*busiest.head(days), *latest, *last])
    return [Window(time) for time in times]
