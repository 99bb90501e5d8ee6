"""What happened when: sign-ins, changes and mail in one order."""

from collections.abc import Iterator
from datetime import datetime

from attrs import frozen

from exconn.facts import Judgement
from exconn.facts.logons import Logons
from exconn.facts.trail import acts
from exconn.grading.evidence import Evidence
from exconn.models import AdminChange
from exconn.window import HOUR, Window


@frozen
class Event:
    """Something that happened.

    Attributes:
        kind: ``logon``, ``change``, ``attempt`` (a change that failed), ``deed``, ``mail`` or
            ``alert``.
        ref: the record's identifier, "" when there is none.
    """

    time: datetime
    kind: str
    summary: str
    ref: str = ""


def timeline(
    judgement: Judgement, logons: Logons, gathered: Evidence, peak: datetime | None
) -> tuple[Event, ...]:
    """Join sign-ins, changes and mail of the window in the order of time."""
    window = judgement.window
    events = [Event(window.at, "alert", "the time that is judged")]
    events += [
        Event(
            c.timestamp,
            "attempt" if c.succeeded is False else "change",
            _told(c),
            c.audit_id or c.report_id,
        )
        for c in gathered.changes
    ]
    events += [
        Event(d.timestamp, "deed", _told(d), d.audit_id or d.report_id) for d in gathered.deeds
    ]
    names = {c.actor.key: c.actor.name or c.actor.id for c in acts(gathered.changes)}
    for key, name in sorted(names.items()):
        told: dict[datetime, list[str]] = {}
        for when, how in logons.suspicious_times(key, judgement):
            if window.start <= when < window.end:
                told.setdefault(when.replace(microsecond=0), []).append(how)
        events += [
            Event(when, "logon", f"{name} signed in {'; '.join(dict.fromkeys(ways))}")
            for when, ways in told.items()
        ]
    events += _mail(gathered, window, peak)
    return tuple(sorted(events, key=lambda event: (event.time, event.kind, event.summary)))


def _mail(gathered: Evidence, window: Window, peak: datetime | None) -> Iterator[Event]:
    """The first and the last mail of the window, and its busiest hour."""
    hours = [hour for hour in gathered.hours if hour.time >= window.start]
    if not hours:
        return
    for hour in hours:
        told = ["first mail in the window"] if hour is hours[0] else []
        if hour.time == peak:
            told.append(f"busiest hour, {hour.time:%H:%M} to {hour.time + HOUR:%H:%M}")
        if told:
            count = f"{hour.messages:,} {'message' if hour.messages == 1 else 'messages'}"
            yield Event(hour.first, "mail", f"{'; '.join(told)}: {count} that hour")
    if hours[-1].last > hours[0].first:
        yield Event(hours[-1].last, "mail", "last mail in the window")


def _told(change: AdminChange) -> str:
    actor = change.actor.name or change.actor.id or "somebody unnamed"
    place = f" from {change.address}" if change.address else ""
    place += f" ({change.country})" if change.country else ""
    passed = ", ".join(f"{name}={value}" for name, value in change.parameters.items())
    outcome = " FAILED" if change.succeeded is False else ""
    return f"{change.operation}{outcome} by {actor}{place}" + (f": {passed}" if passed else "")
