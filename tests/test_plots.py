"""Charts of a grade: what is in them, and that what came from outside is data alone."""

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from exconn import Grade
from exconn.grading import Event
from exconn.plots import Plots
from exconn.reports.words import EVENTS
from incidents import AT, attacked, graded
from sight import unseen

HOSTILE = "</script><img src=x onerror=alert(1)><!--{{7*7}} datum.what \u202e\x1b[2J"


def rows(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of all data of a chart."""
    return [row for data in chart["datasets"].values() for row in data]


def without_data(chart: dict[str, Any]) -> str:
    return json.dumps({name: part for name, part in chart.items() if name != "datasets"})


def keys(value: object) -> Iterator[str]:
    """Every key in a chart, however deep."""
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


@pytest.fixture(scope="module")
def grade() -> Grade:
    return graded(attacked())


def test_the_timeline_has_every_event_and_a_valid_specification(grade: Grade) -> None:
    chart = grade.plot.timeline().to_dict()  # which validates it
    told = [row for row in rows(chart) if "kind" in row]
    assert [row["kind"] for row in told] == [EVENTS[event.kind] for event in grade.timeline]
    assert chart["layer"][1]["encoding"]["y"]["field"] == "kind"
    kinds = {EVENTS[event.kind] for event in grade.timeline}
    assert kinds <= set(chart["layer"][1]["encoding"]["y"]["scale"]["domain"])


def test_the_volume_has_every_hour_the_changes_and_the_time_that_is_judged(grade: Grade) -> None:
    chart = grade.plot.volume().to_dict()
    hours = [row for row in rows(chart) if "messages" in row]
    assert [row["messages"] for row in hours] == [h.messages for h in grade.evidence.hours]
    assert {row["part"] for row in hours} == {"baseline", "window"}
    assert sum(row["part"] == "window" for row in hours) == sum(
        hour.time >= grade.window.start for hour in grade.evidence.hours
    )
    changes = [row for row in rows(chart) if "what" in row]
    assert [row["what"] for row in changes] == [c.operation for c in grade.evidence.changes]
    assert {"time": "2026-03-25T08:00:00Z"} in rows(chart)


def test_a_grade_without_mail_and_changes_can_be_plotted(grade: Grade) -> None:
    nothing = attrs.evolve(grade, timeline=(), evidence=type(grade.evidence)())
    for chart in (nothing.plot.timeline(), nothing.plot.volume()):
        assert chart.to_dict()["layer"]


def test_hostile_text_is_data_alone_and_cannot_leave_the_script(grade: Grade) -> None:
    change = attrs.evolve(grade.evidence.changes[0], operation=HOSTILE)
    hostile = attrs.evolve(
        grade,
        connector=HOSTILE,
        timeline=(*grade.timeline, Event(AT, "change", HOSTILE)),
        evidence=attrs.evolve(grade.evidence, changes=(change,)),
    )
    for mine, plain in (
        (hostile.plot.timeline(), grade.plot.timeline()),
        (hostile.plot.volume(), grade.plot.volume()),
    ):
        chart = mine.to_dict()
        assert any("onerror" in str(row.get("what")) for row in rows(chart))
        assert "onerror" not in without_data(chart)
        assert not {"expr", "signal", "url", "href", "transform"} & set(keys(chart))
        data = json.dumps(chart["datasets"], ensure_ascii=False)
        assert "<" not in data
        assert unseen(data) == set()
        assert mine.to_html().count("</script") == plain.to_html().count("</script")
        assert "<img" not in mine.to_html()


def test_tooltips_are_as_long_as_can_be_read(grade: Grade) -> None:
    long = attrs.evolve(grade, timeline=(Event(AT, "change", "A" * 100_000),))
    [told] = [row["what"] for row in rows(long.plot.timeline().to_dict()) if "what" in row]
    assert "more characters" in told
    assert len(told) < 1_000


def test_no_menu_takes_the_data_to_the_web(grade: Grade) -> None:
    for chart in (grade.plot.timeline(), grade.plot.volume()):
        assert chart.to_dict()["usermeta"] == {"embedOptions": {"actions": {"editor": False}}}


def test_plots_belong_to_a_grade(grade: Grade) -> None:
    assert isinstance(grade.plot, Plots)
    assert grade.plot.grade is grade
