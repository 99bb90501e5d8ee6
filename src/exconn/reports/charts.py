"""Charts as SVG: pure functions of a grade. Colours and type are the style sheet's."""

from collections.abc import Iterable, Mapping, Sequence

from exconn.coverage import Standing
from exconn.grading import Event, Grade, Policy
from exconn.reports.markup import Html, element, join
from exconn.reports.scale import Across, Up
from exconn.reports.words import day, minute, signed, unseen_why, was_changed
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS
from exconn.unseen import shortened
from exconn.window import HOUR, Period, Window

_LANE = 18
_LANES = (
    (("logon",), "Sign-ins"),
    (("change", "attempt"), "Changes"),
    (("deed",), "Other acts"),
    (("alert",), "Judged"),
)
_STRIP = 44
_PLOT = 150
_TITLE = 160
_SCALED = 600
_TOLD = 5

WIDE, NARROW = 1080, 380
"""The widths of charts: one is shown on a screen, the other on a telephone."""


def bar(contribution: float, most: float) -> Html:
    """A contribution to the margin, to the right for malice and to the left against it."""
    length = 60 * abs(contribution) / most if most else 0
    return element(
        "svg",
        element("rect", x=60 if contribution > 0 else 60 - length, y=2, width=length, height=8,
                class_="bad" if contribution > 0 else "good"),
        element("path", d="M60 0V12", class_="axis"),
        viewBox="0 0 120 12", class_="bar", aria_hidden="true",
    )  # fmt: skip


def share(count: int, total: int) -> Html:
    """What a count is of all."""
    return element(
        "svg",
        element("rect", x=0, y=2, width=100 * count / max(total, 1), height=8, class_="mail"),
        viewBox="0 0 100 12", class_="share", aria_hidden="true",
    )  # fmt: skip


def verdict(margin: float, policy: Policy, width: int) -> Html:
    """Where the margin lies between benign and malicious."""
    low, high = policy.benign, policy.true_positive
    least = min(low - (high - low), margin * 1.05)
    most = max(high + (high - low), margin * 1.05)

    def x(value: float) -> float:
        return 8 + (width - 16) * (value - least) / (most - least)

    zones = (
        (least, low, "good", f"benign, up to {signed(low)}"),
        (low, high, "open", "undecided"),
        (high, most, "bad", f"malicious, from {signed(high)}"),
    )
    return element(
        "svg",
        *(
            join(
                element("rect", x=x(a), y=4, width=x(b) - x(a), height=10, class_=tone),
                element(
                    "text", name if width > _SCALED else name.partition(",")[0], x=x(a) + 2, y=29
                ),
            )
            for a, b, tone, name in zones
        ),
        element("path", d=f"M{x(0):.1f} 1V17", class_="axis"),
        element("circle", cx=x(margin), cy=9, r=7, class_="here"),
        viewBox=f"0 0 {width} 34",
        class_=_shown(width),
        role="img",
        aria_label=f"The margin is {signed(margin)}: benign up to {signed(low)}, malicious from "
        f"{signed(high)} on.",
    )


def volume(grade: Grade, width: int) -> Html:
    """The connector's mail by hour, with its past, and what happened when.

    Above, baseline and window together; below, the window with sign-ins, changes and the time that
    is judged over the mail of each hour and the most that the baseline had at that hour of day.
    """
    window = grade.window
    left = 72 if width > _SCALED else 36
    past = Across(window.baseline_start, window.end, left, width - left - 8)
    now = Across(window.start, window.end, left, width - left - 8)
    lanes = [lane for lane in _LANES if lane[0] != ("deed",) or grade.evidence.deeds]
    top = 92
    plot_top = top + _LANE * len(lanes) + 24
    bottom = plot_top + _PLOT
    return element(
        "svg",
        element("text", "Baseline and window", x=0, y=11, class_="title"),
        strip(grade, past, 20, _STRIP),
        _fan(past, now, 20 + _STRIP, top - 2),
        _days(past, 20 + _STRIP, 90 if width > _SCALED else 60),
        _mail(grade, now, Up.of(_counts(grade), bottom, _PLOT)),
        _gaps(grade, now, plot_top, _PLOT),
        _days(now, bottom, 52),
        _happened(grade, now, lanes, top, bottom),
        viewBox=f"0 0 {width} {bottom + 22:.0f}",
        class_=_shown(width),
        role="img",
        aria_label=described(grade),
    )


def small(grade: Grade, width: int = 240, height: int = 40) -> Html:
    """Baseline and window of one connector, small, to be compared with others."""
    window = grade.window
    across = Across(window.baseline_start, window.end, 0, width)
    return element(
        "svg",
        strip(grade, across, 2, height - 4),
        viewBox=f"0 0 {width} {height}",
        class_="small",
        role="img",
        aria_label=described(grade),
    )


def strip(grade: Grade, across: Across, top: float, height: float) -> Html:
    """Baseline and window, hour by hour; linear, so that an hour that dwarfs the others does."""
    window, hours = grade.window, grade.evidence.hours
    up = Up(max((hour.messages for hour in hours), default=1), top + height, height)
    wide = max(across.hour, 1.0)
    return join(
        element("rect", x=across(window.start), y=top, width=across(window.end)
                - across(window.start), height=height, class_="window"),
        _gaps(grade, across, top, height),
        *(
            element("path", d=f"M{across(change.timestamp):.1f} {top}v{height}",
                    class_="line attempt" if change.succeeded is False else "line change")
            for change in grade.evidence.changes
        ),
        element("path", d=f"M{across(window.at):.1f} {top}v{height}", class_="line alert"),
        element("path", d=_bars(((across(h.time), up(h.messages)) for h in hours), wide, up.bottom),
                class_="mail"),
        element("path", d=f"M{across.left} {top + height}h{across.width}", class_="axis"),
    )  # fmt: skip


def described(grade: Grade) -> str:
    """A chart of volume in words."""
    hours, window = grade.evidence.hours, grade.window
    inside = [hour for hour in hours if hour.time >= window.start]
    before = [hour.messages for hour in hours if hour.time < window.start]
    told = [f"Mail by hour from {minute(window.baseline_start)} to {minute(window.end)} UTC."]
    if inside:
        busiest = max(inside, key=lambda hour: hour.messages)
        told.append(
            f"In the window {sum(h.messages for h in inside):,} messages, "
            f"{busiest.messages:,} in the busiest hour ({minute(busiest.time)})."
        )
    else:
        told.append("No mail is seen in the window.")
    told.append(
        f"In the baseline at most {max(before):,} an hour."
        if before
        else "No mail is seen in the baseline."
    )
    gaps = [f"{minute(gap.start)} to {minute(gap.end)}" for gap in untold(grade.coverage, window)]
    if gaps:
        told.append(f"The mail log tells nothing from {_first(gaps, ', and from ')}.")
    for kind, name in (
        ("logon", "Suspicious sign-ins"),
        ("change", "Changes"),
        ("attempt", "Changes that failed"),
    ):
        times = [minute(event.time) for event in grade.timeline if event.kind == kind]
        if times:
            told.append(f"{name}: {_first(times, ', ')}.")
    told.append(f"Judged at {minute(window.at)}.")
    return " ".join(told)


def _first(told: Sequence[str], between: str) -> str:
    return between.join(told[:_TOLD]) + (" and more" if told[_TOLD:] else "")


def _usual(grade: Grade) -> Mapping[int, int]:
    """The most messages that the baseline had at each hour of the day."""
    most: dict[int, int] = {}
    for hour in grade.evidence.hours:
        if hour.time < grade.window.start:
            most[hour.time.hour] = max(most.get(hour.time.hour, 0), hour.messages)
    return most


def _shown(width: int) -> str:
    return "wide" if width > _SCALED else "narrow"


def _counts(grade: Grade) -> list[int]:
    usual = _usual(grade)
    inside = [h.messages for h in grade.evidence.hours if h.time >= grade.window.start]
    return [*inside, *usual.values()]


def _mail(grade: Grade, across: Across, up: Up) -> Html:
    usual = _usual(grade)
    inside = [hour for hour in grade.evidence.hours if hour.time >= grade.window.start]
    wide = max(across.hour - (1 if across.hour > 3 else 0), 0.8)
    title = "Messages an hour" + (" (logarithmic scale)" if up.logarithmic else "")
    return join(
        element("path", d=_steps(usual, across, up, grade.window), class_="usual"),
        *(
            join(
                element("path", d=f"M{across.left} {up(tick):.1f}h{across.width}", class_="grid"),
                element("text", f"{tick:,}", x=across.left - 6, y=up(tick) + 4,
                        text_anchor="end"),
            )
            for tick in up.ticks
        ),
        element("path", d=_bars(((across(h.time), up(h.messages)) for h in inside), wide,
                                up.bottom), class_="mail"),
        element("path", d=_bars(((across(h.time), up(h.junked)) for h in inside if h.junked), wide,
                                up.bottom), class_="junked"),
        element("path", d=f"M{across.left} {up.bottom}h{across.width}", class_="axis"),
        element("text", title, x=across.left + 4, y=up.bottom - up.height - 7, class_="title"),
    )  # fmt: skip


def _steps(usual: Mapping[int, int], across: Across, up: Up, window: Window) -> str:
    """The outline of what is usual: a step for each hour of the window."""
    if not usual:
        return ""
    told = [f"M{across.left} {up.bottom}"]
    time = window.start
    while time < window.end:
        told.append(f"V{up(usual.get(time.hour, 0)):.1f}H{across(time + HOUR):.1f}")
        time += HOUR
    return f"{''.join(told)}V{up.bottom}Z"


def _bars(places: Iterable[tuple[float, float]], wide: float, bottom: float) -> str:
    return "".join(
        f"M{x:.1f} {bottom:.1f}V{min(y, bottom - 1):.1f}h{wide:.1f}V{bottom:.1f}Z"
        for x, y in places
    )


def _days(across: Across, top: float, apart: float) -> Html:
    marks = across.days(apart)
    return join(
        element("path", d="".join(f"M{across(time):.1f} {top}v4" for time in marks), class_="axis"),
        *(
            element("text", day(time), x=across(time) + 3, y=top + 14)
            for time in marks
            if across(time) < across.left + across.width - 36
        ),
    )


def _fan(past: Across, now: Across, top: float, bottom: float) -> Html:
    """What shows that the lower chart is the window of the upper one."""
    left, right = past(now.start), past(now.end)
    return element(
        "path",
        d=f"M{left:.1f} {top}L{now.left} {bottom}H{now.left + now.width}L{right:.1f} {top}Z",
        class_="fan",
    )


def _happened(
    grade: Grade,
    across: Across,
    lanes: Sequence[tuple[tuple[str, ...], str]],
    top: float,
    bottom: float,
) -> Html:
    drawn = []
    for row, (kinds, name) in enumerate(lanes):
        y = top + _LANE * row + _LANE / 2 + 2
        events = [event for event in grade.timeline if event.kind in kinds]
        logons = [
            logon
            for logon in grade.evidence.logons
            if "logon" in kinds and across.start <= logon.timestamp < across.end
        ]
        drawn += [
            element("path", d=f"M{across.left} {y}h{across.width}", class_="grid"),
            element("text", name, x=across.left - 6, y=y + 4, text_anchor="end", class_="lane")
            if across.width > _SCALED
            else element("text", name, x=0, y=y + 4, class_="lane"),
            element(
                "path",
                d="".join(f"M{across(logon.timestamp):.1f} {y - 3}v6" for logon in logons),
                class_="quiet",
            ),
            *(_mark(event, across(event.time), y, bottom) for event in events),
        ]
        if not events and not logons and kinds != ("alert",):
            said = _nothing(grade, kinds)
            drawn.append(element("text", said, x=across.left + 66, y=y + 4, class_="none"))
    return join(*drawn)


def _nothing(grade: Grade, kinds: Sequence[str]) -> str:
    """What an empty lane means."""
    unaudited = unseen_why(grade.coverage, CLOUD_APP_EVENTS)
    if "logon" not in kinds or not was_changed(grade.evidence):
        return "not known" if unaudited else "none seen"
    if unseen_why(grade.coverage, IDENTITY_LOGON_EVENTS):
        return "not known"
    return "none seen" if grade.evidence.asked else "none suspicious"


def _mark(event: Event, x: float, y: float, bottom: float) -> Html:
    shape = {
        "logon": f"M{x:.1f} {y - 6}l6 6l-6 6l-6 -6Z",
        "change": f"M{x - 6:.1f} {y - 5}h12l-6 10Z",
        "attempt": f"M{x - 6:.1f} {y - 5}h12l-6 10Z",
        "deed": f"M{x - 5:.1f} {y - 5}h10v10h-10Z",
        "alert": f"M{x - 6:.1f} {y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0Z",
    }[event.kind]
    return join(
        element("path", d=f"M{x:.1f} {y}V{bottom}", class_=f"line {event.kind}"),
        element(
            "path",
            element("title", f"{minute(event.time)} {shortened(event.summary, _TITLE)}"),
            d=shape,
            class_=f"mark {event.kind}",
        ),
    )


def _gaps(grade: Grade, across: Across, top: float, height: float) -> Html:
    """Hours of which the mail log tells nothing."""
    return join(
        *(
            element(
                "rect",
                element("title", "The mail log has no rows here"),
                x=across(gap.start),
                y=top,
                width=across(gap.end) - across(gap.start),
                height=height,
                class_="gap",
            )
            for gap in untold(grade.coverage, grade.window)
            if gap.start < across.end and gap.end > across.start
        )
    )


def untold(coverage: Iterable[Standing], window: Window) -> list[Period]:
    """When the mail log tells nothing of the baseline and the window."""
    mail = next((s.coverage for s in coverage if s.coverage.table.name == EMAIL_EVENTS.name), None)
    if mail is None or mail.first is None or mail.last is None:
        return [window.period]
    first, last = max(mail.first, window.baseline_start), min(mail.last, window.end)
    if first >= last:
        return [window.period]
    edges = [Period(window.baseline_start, first), Period(last, window.end)]
    found = [edge for edge in edges if edge.end - edge.start > mail.slack]
    return sorted([*found, *mail.silences(first, last)], key=lambda gap: gap.start)
