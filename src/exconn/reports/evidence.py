"""Evidence tables, and how far the incident reaches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from exconn.facts.logons import CHANGE_WITHIN
from exconn.grading import Clicks, Evidence, Grade, Radius, SimilarMail, Tally, Total
from exconn.grading.evidence import LOGON_ROWS, MESSAGE_IDS, SAMPLE
from exconn.models import AdminChange, Email, Logon
from exconn.reports.checks import check
from exconn.reports.markup import Content, Html, element, join, lines
from exconn.reports.page import section
from exconn.reports.tables import Column, code, settings, table, tallies, time
from exconn.reports.words import counted, unseen_why, was_changed
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS
from exconn.unseen import shortened

_SUBJECT = 120
_NOT_ASKED = "not asked for: grade the connector by itself to see them."


def radius_section(radius: Radius) -> Html:
    """What the incident touched beyond the connector."""
    return section(
        "radius",
        "Blast radius",
        element("h3", "Other connectors changed by the same hands"),
        _connectors(radius),
        _checked("connector_changes") if radius.connectors is not None else None,
        element("h3", "Other mail from the same new places"),
        _mail(radius.mail),
        _checked("mail_from") if radius.mail else None,
        element("h3", "Clicks on links in the mail"),
        _clicks(radius.clicks),
        _checked("link_clicks") if radius.clicks is not None else None,
        join(
            element("h3", "What is not known, and why"),
            element("ul", *(element("li", shortened(reason)) for reason in radius.unknown)),
        )
        if radius.unknown
        else None,
    )


def evidence_section(grade: Grade) -> Html:
    """The rows that the grade rests on."""
    evidence = grade.evidence
    unaudited = unseen_why(grade.coverage, CLOUD_APP_EVENTS)
    no_mail = unseen_why(grade.coverage, EMAIL_EVENTS)
    where = element(
        "div",
        *(
            element(
                "div",
                tallies(
                    name,
                    heading,
                    unit.capitalize(),
                    _pairs(top),
                    None if total is None else total.count,
                )
                or _none(f"{name}: {_not_known(no_mail)}"),
                _of_all(name.lower(), top, total, unit),
            )
            for name, heading, unit, top, total in (
                ("Recipients' domains", "Domain", "deliveries",
                 evidence.recipient_domains, evidence.all_recipient_domains),
                ("Senders' P1 domains", "Domain", "messages",
                 evidence.sender_domains, evidence.all_sender_domains),
                ("Sending addresses", "Address", "messages",
                 evidence.addresses, evidence.all_addresses),
                ("Others who sent in bulk to outside", "Sender", "in the busiest hour",
                 evidence.other_bulk_senders, None),
            )
        ),
        class_="pair",
    )  # fmt: skip
    return section(
        "evidence",
        "Evidence",
        element("h3", "Changes of the connector"),
        _changes("Changes of the connector in the window", evidence.changes, unaudited),
        element("h3", "What else those who changed it did"),
        _changes("Transport rules and grants in the window", evidence.deeds, unaudited),
        element("h3", "Their sign-ins"),
        _logons(grade),
        element("h3", "Senders and recipients in the window"),
        where,
        element("h3", "Senders with the most messages in the window"),
        _senders(evidence, no_mail),
        element("h3", "Messages of the busiest hour"),
        _sample(evidence, no_mail),
        _identifiers(grade),
    )


def _checked(name: str) -> Html:
    return element("p", "Check: ", check(name), class_="note")


def _none(told: str) -> Html:
    return element("p", told[:1].upper() + told[1:], class_="none")


def _not_known(why: str, seen: str = "none in the window.") -> str:
    """What it means that nothing is there."""
    return f"not known ({why})." if why else seen


def _of_all(name: str, top: Sequence[Tally], total: Total | None, unit: str) -> Html | None:
    """What a list leaves out."""
    shown = sum(tally.count for tally in top)
    if total is None or total.count == shown:
        return None
    told = f"{len(top):,} of {total.values:,} {name}, with {shown:,} of {total.count:,} {unit}."
    if not total.untold:
        return element("p", told, class_="note")
    untold = f"{total.untold:,} {unit} are of hours with too many names to tell apart."
    return element("p", f"{told} {untold}", class_="warn")


def _pairs(tallied: Iterable[Tally]) -> list[tuple[str, int]]:
    return [(tally.value, tally.count) for tally in tallied]


def _connectors(radius: Radius) -> Html:
    if radius.connectors is None:
        return _none("Not known.")
    if not radius.connectors:
        return _none("None in the window.")
    columns = (
        Column("Connector", "code"),
        Column("Shares"),
        Column("Changes", "number"),
        Column("First", "time"),
        Column("Last", "time"),
    )
    return table(
        "Other connectors changed in the window",
        columns,
        (
            (code(c.name), ", ".join(c.ties), f"{c.changes:,}", time(c.first), time(c.last))
            for c in radius.connectors
        ),
    )


def _mail(found: tuple[SimilarMail, ...] | None) -> Html:
    if found is None:
        return _none("Not known.")
    if not found:
        return _none("None in the window.")
    columns = (
        Column("From", "code"),
        Column("Through", "code"),
        Column("Messages", "number"),
        Column("Deliveries", "number"),
        Column("In the baseline", "number"),
        Column("First", "time"),
        Column("Last", "time"),
    )
    return table(
        "Other mail from the connector's new addresses and domains",
        columns,
        (
            (
                code(m.address or m.domain),
                code(m.connector) or "no connector",
                *(f"{n:,}" for n in (m.messages, m.deliveries, m.baseline_messages)),
                time(m.first),
                time(m.last),
            )
            for m in found
        ),
    )


def _clicks(clicks: Clicks | None) -> Html:
    if clicks is None:
        return _none("Not known.")
    if not clicks.total:
        return _none("None in the window and the seven days after it.")
    columns = (
        Column("Time", "time"),
        Column("Account", "code"),
        Column("Link", "code"),
        Column("Safe Links"),
        Column("Went on"),
    )
    went = {True: "yes", False: "no", None: "not known"}
    return join(
        element(
            "p",
            f"{counted(clicks.total, 'click')} by {counted(clicks.accounts, 'account')}.",
        ),
        table(
            "The latest clicks",
            columns,
            (
                (
                    time(c.time),
                    code(c.account),
                    code(c.url),
                    shortened(c.action),
                    went[c.clicked_through],
                )
                for c in clicks.latest
            ),
        ),
    )


def _changes(caption: str, changes: tuple[AdminChange, ...], unaudited: str) -> Html:
    if not changes:
        return _none(_not_known(unaudited))
    columns = (
        Column("Time", "time"),
        Column("What", "code"),
        Column("By", "code"),
        Column("From", "code"),
        Column("Settings passed"),
    )
    return table(caption, columns, map(_change, changes))


def _change(change: AdminChange) -> tuple[Content, ...]:
    outcome = {True: None, False: "failed", None: "outcome not recorded"}[change.succeeded]
    place = ", ".join(p for p in (change.city, change.country, change.isp) if p)
    return (
        time(change.timestamp),
        join(
            code(change.operation),
            element("p", code(change.target)) if change.target else None,
            element("p", outcome, class_="note") if outcome else None,
        ),
        join(
            code(change.actor.name or change.actor.id) or "not recorded",
            element("p", change.actor.kind.value, class_="note"),
        ),
        join(
            code(change.address) or "not recorded",
            element("p", shortened(place), class_="note") if place else None,
        ),
        settings(change.parameters),
    )


def _logons(grade: Grade) -> Html:
    evidence = grade.evidence
    if not evidence.logons:
        return _none(_no_logons(grade))
    columns = (
        Column("Time", "time"),
        Column("Outcome"),
        Column("Account", "code"),
        Column("From", "code"),
        Column("Application"),
    )
    changed = [change.timestamp for change in evidence.changes]
    before = [
        logon
        for logon in evidence.logons
        if any(timedelta(0) <= change - logon.timestamp <= CHANGE_WITHIN for change in changed)
    ]
    others = [logon for logon in evidence.logons if logon not in before]
    near = "Sign-ins in the day before a change"
    rest = "Other sign-ins in the window, the latest of each outcome"
    most = max(Counter(logon.succeeded for logon in before).values(), default=0)
    return join(
        table(near, columns, map(_logon, before)) if before else _none(f"{near}: none seen."),
        element("p", f"The latest {LOGON_ROWS} of an outcome; there may be more.", class_="note")
        if most >= LOGON_ROWS
        else None,
        element(
            "details",
            element("summary", f"{rest} ({len(others):,})"),
            table(rest, columns, map(_logon, others), fold=False),
        )
        if others
        else None,
    )


def _no_logons(grade: Grade) -> str:
    """Why there are no sign-ins to show."""
    unaudited = unseen_why(grade.coverage, CLOUD_APP_EVENTS)
    if not was_changed(grade.evidence):
        return _not_known(unaudited, "nobody changed the connector in the window.")
    if not grade.evidence.asked:
        return _NOT_ASKED
    return _not_known(unseen_why(grade.coverage, IDENTITY_LOGON_EVENTS))


def _logon(logon: Logon) -> tuple[Content, ...]:
    place = ", ".join(p for p in (logon.location, logon.isp) if p)
    return (
        time(logon.timestamp),
        "success" if logon.succeeded else join("failure", _note(logon.failure_reason)),
        code(logon.account_upn or logon.account_object_id),
        join(code(logon.address), _note(place)),
        join(shortened(logon.application), _note(logon.device_name)),
    )


def _note(told: str) -> Html | None:
    return element("p", shortened(told, _SUBJECT), class_="note") if told else None


def _senders(evidence: Evidence, no_mail: str) -> Html:
    if not evidence.senders:
        return _none(_not_known(no_mail) if evidence.asked else _NOT_ASKED)
    columns = (
        Column("From header (P2)", "code"),
        Column("Envelope (P1)", "code"),
        Column("Sender's object id", "code"),
        Column("Messages", "number"),
    )
    return table(
        "Senders with the most messages in the window",
        columns,
        (
            (
                code(s.p2_address) or "empty",
                code(s.p1_address) or "empty",
                code(s.object_id) or "none",
                f"{s.messages:,}",
            )
            for s in evidence.senders
        ),
    )


def _sample(evidence: Evidence, no_mail: str) -> Html:
    if not evidence.sample:
        return _none(_not_known(no_mail) if evidence.asked else _NOT_ASKED)
    columns = (
        Column("Time", "time"),
        Column("Subject", "code"),
        Column("From (P2, P1)", "code"),
        Column("To", "code"),
        Column("Delivery"),
    )
    caption = f"Messages of the busiest hour, the first {SAMPLE} deliveries"
    return table(caption, columns, map(_message, evidence.sample))


def _message(email: Email) -> tuple[Content, ...]:
    same = email.p1_address.casefold() == email.p2_address.casefold()
    delivery = ", ".join(p for p in (email.delivery_action, email.delivery_location) if p)
    return (
        time(email.timestamp),
        join(
            element("code", shortened(email.subject, _SUBJECT)) if email.subject else "no subject",
            _note(email.network_message_id),
        ),
        join(
            code(email.p2_address) or "empty",
            None if same else element("p", code(email.p1_address) or "empty"),
            _note(email.sender_ipv4 or email.sender_ipv6),
        ),
        code(email.recipient_address),
        join(shortened(email.direction), _note(delivery), _note(email.threat_types)),
    )


def _identifiers(grade: Grade) -> Html | None:
    ids = grade.evidence.message_ids
    if not ids:
        return None
    messages = sum(h.messages for h in grade.evidence.hours if h.time >= grade.window.start)
    cut = f", the first of {messages:,}" if len(ids) >= MESSAGE_IDS else ""
    return element(
        "details",
        element("summary", f"NetworkMessageIds of the window ({len(ids):,}{cut})"),
        element("pre", element("code", lines(ids))),
    )
