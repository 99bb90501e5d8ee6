"""The course of events: mail by hour, sign-ins and changes."""

from collections.abc import Sequence
from itertools import groupby

from exconn.grading import Event, Grade
from exconn.reports import charts
from exconn.reports.markup import Html, element, join
from exconn.reports.page import section
from exconn.reports.tables import Column, table, time
from exconn.reports.words import EVENTS, counted
from exconn.unseen import shortened
from exconn.window import iso

_EVENTS = 40
_SUMMARY = 600


def volume_section(grade: Grade) -> Html:
    """The mail by hour, and what happened when."""
    inside = [hour for hour in grade.evidence.hours if hour.time >= grade.window.start]
    keys = (
        ("mail", "messages"),
        ("junked", "of them junked or blocked"),
        ("usual", "the most in the baseline at that hour of day"),
        ("logon", "suspicious sign-in"),
        ("quiet", "other sign-in of who changed it, the latest"),
        ("change", "change of the connector"),
        ("attempt", "change that failed"),
        ("alert", "the time that is judged"),
        ("gap", "the mail log has no rows"),
    )
    legend = element(
        "ul",
        *(element("li", element("i", class_=f"key {kind}"), name) for kind, name in keys),
        class_="legend",
    )
    columns = (
        Column("Hour", "time"),
        Column("Messages", "number"),
        Column("P1 and P2 differ", "number"),
        Column("Outbound", "number"),
        Column("Junked or blocked", "number"),
    )
    rows = [
        (
            time(hour.time),
            *(f"{n:,}" for n in (hour.messages, hour.mismatched, hour.outbound, hour.junked)),
        )
        for hour in inside
    ]
    return section(
        "volume",
        "Mail and events",
        element("p", charts.described(grade)),
        element(
            "figure",
            charts.volume(grade, charts.WIDE),
            charts.volume(grade, charts.NARROW),
            element("figcaption", legend),
        ),
        element(
            "details",
            element("summary", f"The hours of the window as a table ({len(rows):,})"),
            table("Hours with mail in the window", columns, rows),
        )
        if rows
        else None,
    )


def timeline_section(events: Sequence[Event]) -> Html:
    """Sign-ins, changes and mail in the order of time."""
    shown, rest = events[:_EVENTS], events[_EVENTS:]
    return section(
        "timeline",
        "Timeline",
        _days(shown),
        element(
            "details",
            element("summary", f"The other {counted(len(rest), 'event')}"),
            _days(rest),
        )
        if rest
        else None,
    )


def _days(events: Sequence[Event]) -> Html:
    return join(
        *(
            join(
                element("h3", element("time", f"{day:%Y-%m-%d}", datetime=f"{day:%Y-%m-%d}")),
                element("ol", *map(_event, on_it), class_="events"),
            )
            for day, on_it in groupby(events, key=lambda event: event.time.date())
        )
    )


def _event(event: Event) -> Html:
    return element(
        "li",
        element("time", f"{event.time:%H:%M:%S}", datetime=iso(event.time)),
        element("span", EVENTS[event.kind], class_=f"tag {event.kind}"),
        element(
            "span",
            shortened(event.summary, _SUMMARY),
            join(" ", element("code", shortened(event.ref), class_="ref")) if event.ref else None,
        ),
    )
