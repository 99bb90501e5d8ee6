"""Charts show what the grade has, at the right places, and say it in words."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import attrs
import polars as pl
import pytest
from audit import Audit
from hypothesis import given
from hypothesis import strategies as st

from cases import NAMES, attacked, case
from exconn import Policy, Window
from exconn.reports import charts
from exconn.reports.scale import DAY, Across, Up
from incidents import AT, MAIL, change, graded, honest

START = datetime(2026, 3, 1, tzinfo=UTC)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


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
    audit = parsed(charts.volume(found, width))
    [frame] = audit.values("viewbox")
    height = float(frame.split()[3])
    for outline in audit.values("d"):
        x, y = map(float, NUMBER.findall(outline)[:2]) if outline else (0.0, 0.0)
        assert -1 <= x <= width + 1
        assert -1 <= y <= height + 1
    [label] = audit.values("aria-label")
    inside = [hour for hour in found.evidence.hours if hour.time >= found.window.start]
    assert f"{sum(hour.messages for hour in inside):,} messages" in label


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
