"""Charts show what the grade has, at the right places, and say it in words."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import attrs
import polars as pl
import pytest
from audit import Audit
from drawing import Point, drawing, points
from hypothesis import given
from hypothesis import strategies as st

from cases import NAMES, attacked, case
from exconn import Policy, Window
from exconn.grading import HourOfMail
from exconn.reports import charts
from exconn.reports.scale import DAY, Across, Up
from exconn.window import HOUR
from incidents import AT, MAIL, change, graded, honest

START = datetime(2026, 3, 1, tzinfo=UTC)


def parsed(made: str) -> Audit:
    audit = Audit()
    audit.feed(made)
    audit.close()
    assert audit.open == []
    return audit


@given(
    st.lists(st.integers(0, 10**6), min_size=1),
    st.integers(0, 10**6),
)
def test_a_count_lies_between_the_bottom_and_the_top(counts: list[int], count: int) -> None:
    up = Up.of(counts, 200, 150)
    assert 50 <= up(count) <= 200
    assert up(0) == 200
    assert up(up.most) == 50
    assert 1 <= len(up.ticks) <= 7
    assert all(0 < tick <= up.most for tick in up.ticks)


def test_a_scale_is_logarithmic_where_one_hour_dwarfs_the_others() -> None:
    assert Up.of([3, 4, 490], 0, 1).logarithmic
    assert not Up.of([30, 40, 490], 0, 1).logarithmic
    assert Up.of([3, 4, 490], 0, 1).ticks == [1, 10, 100]


@given(st.integers(-1000, 5000))
def test_a_time_lies_within_the_chart(hours: int) -> None:
    across = Across(START, START + 8 * DAY, 40, 960)
    place = across(START + timedelta(hours=hours))
    assert 40 <= place <= 1000
    if 0 <= hours <= 8 * 24:
        assert place == pytest.approx(40 + hours * across.hour)


def test_days_are_marked_no_closer_than_their_names_are_wide() -> None:
    across = Across(START + timedelta(hours=5), START + 38 * DAY, 0, 380)
    days = across.days(60)
    assert days[0] > across.start
    assert {later - sooner for sooner, later in pairwise(days)} == {days[1] - days[0]}
    assert across(days[1]) - across(days[0]) >= 60


@pytest.mark.parametrize("name", [*NAMES, "attacked"])
@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
def test_all_of_a_chart_is_within_its_frame(name: str, width: int) -> None:
    found = attacked() if name == "attacked" else case(name)
    for made in (
        charts.volume(found, width),
        charts.verdict(found.margin, found.policy, width),
        charts.small(found),
        charts.bar(found.margin, abs(found.margin)),
        charts.bar(-abs(found.margin), abs(found.margin)),
        charts.share(3, 3),
    ):
        assert drawing(made).shapes
        assert drawing(made).outside() == []
    [label] = parsed(charts.volume(found, width)).values("aria-label")
    inside = [hour for hour in found.evidence.hours if hour.time >= found.window.start]
    assert f"{sum(hour.messages for hour in inside):,} messages" in label


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=8 * 24))
def test_bars_stand_on_the_bottom_and_stay_below_the_top(counts: list[int]) -> None:
    found = case("hijacked-connector")
    first = found.window.end - len(counts) * HOUR
    hours = [
        HourOfMail(first + n * HOUR, count, 0, 0, count, first, first)
        for n, count in enumerate(counts)
    ]
    evidence = attrs.evolve(found.evidence, hours=tuple(hours))
    for width in (charts.WIDE, charts.NARROW):
        assert drawing(charts.volume(attrs.evolve(found, evidence=evidence), width)).outside() == []


@pytest.mark.parametrize(
    ("outline", "reached"),
    [
        ("M1 2h-3v4H5V-6Z", [(1, 2), (-2, 2), (-2, 6), (5, 6), (5, -6), (1, 2)]),
        ("M10.5 2L3 4l-1 -2", [(10.5, 2), (3, 4), (2, 2)]),
        ("M4 9a6 6 0 1 0 12 0", [(4, 9), (4, 3), (16, 15), (16, 9)]),
        ("", []),
    ],
)
def test_the_reader_follows_an_outline(outline: str, reached: list[Point]) -> None:
    assert list(points(outline)) == reached


def test_the_reader_sees_what_is_outside() -> None:
    for shape in (
        '<path d="M5 5V5h9">',
        '<path d="M5 5v-9">',
        '<rect x="5" y="5" width="9" height="1">',
        '<circle cx="9" cy="5" r="5">',
        '<text x="5" y="14">',
    ):
        assert drawing(f'<svg viewbox="0 0 10 10"><path d="M5 5h1">{shape}</svg>').outside()


def test_each_change_sign_in_and_the_judged_time_has_a_mark() -> None:
    found = attacked()
    made = charts.volume(found, charts.WIDE)
    for kind in ("change", "deed", "logon", "alert"):
        marks = [event for event in found.timeline if event.kind == kind]
        assert marks
        assert made.count(f'class="mark {kind}"') == len(marks)


def test_hours_are_bars_and_junked_mail_is_marked_in_them() -> None:
    found = attacked()
    inside = [hour for hour in found.evidence.hours if hour.time >= found.window.start]
    made = charts.volume(found, charts.WIDE)
    outlines = dict(re.findall(r'<path d="([^"]*)" class="(mail|junked)">', made.replace("\n", "")))
    bars = {kind: outline.count("M") for outline, kind in outlines.items()}
    assert bars["junked"] == sum(hour.junked > 0 for hour in inside)
    assert made.count('class="mail"') == 2


def test_where_the_mail_log_tells_nothing_is_shaded() -> None:
    cut = case("truncated-mail-log")
    [gap] = charts.untold(cut.coverage, cut.window)
    assert gap.end == cut.window.end
    assert gap.start == cut.coverage[0].coverage.last
    assert (
        charts.untold(case("hijacked-connector").coverage, case("hijacked-connector").window) == []
    )
    assert charts.untold((), cut.window) == [cut.window.period]
    later = Window(cut.at + timedelta(days=400))
    assert charts.untold(cut.coverage, later) == [later.period]


def test_every_hole_in_the_mail_log_is_shaded_and_told() -> None:
    tenant = honest(mails=6_000)
    holes = [(AT - 20 * DAY, AT - 16 * DAY), (AT - 4 * DAY, AT - 2 * DAY)]
    time = pl.col("Timestamp")
    kept = ~pl.any_horizontal((time >= start) & (time < end) for start, end in holes)
    frames = {**tenant.frames, MAIL: tenant.frames[MAIL].filter(kept)}
    found = graded(attrs.evolve(tenant, frames=frames))
    gaps = charts.untold(found.coverage, found.window)
    for start, end in holes:
        [gap] = [gap for gap in gaps if gap.start < end and gap.end > start]
        assert abs(gap.start - start) < timedelta(hours=12)
        assert abs(gap.end - end) < timedelta(hours=12)
        assert f"{gap.start:%Y-%m-%d %H:%M} to {gap.end:%Y-%m-%d %H:%M}" in charts.described(found)
    assert charts.volume(found, charts.WIDE).count('class="gap"') == len(gaps) + sum(
        gap.end > found.window.start for gap in gaps
    )


def test_a_change_that_failed_is_drawn_otherwise() -> None:
    failed = graded(change(honest(), {"SenderDomains": "smtp:*;1"}, result="False"))
    made = charts.volume(failed, charts.WIDE)
    assert made.count('class="mark attempt"') == 1
    assert made.count('class="line attempt"') == 2
    assert 'class="mark change"' not in made
    assert "Changes that failed: " in charts.described(failed)


def test_suspicious_sign_ins_are_told_in_words() -> None:
    [first, *_] = [event for event in attacked().timeline if event.kind == "logon"]
    told = charts.described(attacked())
    assert f"Suspicious sign-ins: {first.time:%Y-%m-%d %H:%M}" in told


def test_lanes_tell_none_from_not_known() -> None:
    quiet = attrs.evolve(
        case("hijacked-connector"),
        timeline=(),
        evidence=attrs.evolve(case("hijacked-connector").evidence, logons=(), deeds=()),
    )
    assert charts.volume(quiet, charts.WIDE).count(">none seen<") == 2
    blind = attrs.evolve(quiet, coverage=())
    assert charts.volume(blind, charts.WIDE).count(">not known<") == 2
    hunted = attrs.evolve(quiet, evidence=attrs.evolve(quiet.evidence, asked=False))
    assert charts.volume(hunted, charts.WIDE).count(">none suspicious<") == 1


@given(st.floats(-30, 30), st.floats(0.5, 9), st.floats(-9, -0.5))
def test_a_margin_is_marked_in_the_zone_of_its_verdict(
    margin: float, high: float, low: float
) -> None:
    made = charts.verdict(margin, Policy(true_positive=high, benign=low), charts.WIDE)
    audit = parsed(made)
    [here] = map(float, audit.values("cx"))
    good, undecided, bad = [float(value) for tag, name, value in audit.attributes
                            if tag == "rect" and name == "x"]  # fmt: skip
    assert good <= here <= charts.WIDE
    if margin > high:
        assert here >= bad - 0.1
    elif margin < low:
        assert here <= undecided + 0.1
    else:
        assert undecided - 0.1 <= here <= bad + 0.1
