"""Charts of a grade for notebooks, through altair (extra ``plot``).

What came from outside goes into a chart as its data alone: titles, names of fields and all that
Vega-Lite would evaluate are fixed here.
"""

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from exconn.errors import MissingExtraError
from exconn.grading import Grade
from exconn.reports.charts import untold
from exconn.reports.words import EVENTS
from exconn.unseen import shortened, visible
from exconn.window import HOUR, iso

try:
    import altair as alt
except ModuleNotFoundError as error:
    if error.name == "altair":
        raise MissingExtraError("plotting", "plot") from error
    raise

_KINDS = tuple(EVENTS.values())
_COLOURS = ("#b8860b", "#c2528b", "#d79ab9", "#8f6fc9", "#3d8bc4", "#d9483b")
_PARTS = ("baseline", "window")
_PART_COLOURS = ("#8a8f98", "#3d8bc4")
_WIDTH = 640
_AT_HOME = {"embedOptions": {"actions": {"editor": False}}}
"""No menu entry that takes the data to an editor on the web."""


@frozen(eq=False)
class Plots:
    """The charts of a grade; `Grade.plot`."""

    grade: Grade

    def timeline(self) -> alt.LayerChart:
        """What happened in the window: a lane for each kind of event, the texts as tooltips."""
        events = [
            {"time": iso(event.time), "kind": EVENTS[event.kind], "what": _told(event.summary)}
            for event in self.grade.timeline
        ]
        marks = (
            alt.Chart(_data(events))
            .mark_point(filled=True, size=90, opacity=0.8)
            .encode(
                x=_time("time:T"),
                y=alt.Y("kind:N", title=None, scale=alt.Scale(domain=_KINDS)),
                color=alt.Color(
                    "kind:N", legend=None, scale=alt.Scale(domain=_KINDS, range=_COLOURS)
                ),
                shape=alt.Shape("kind:N", legend=None),
                tooltip=[
                    alt.Tooltip("time:N", title="Time (UTC)"),
                    alt.Tooltip("kind:N", title="Kind"),
                    alt.Tooltip("what:N", title="What"),
                ],
            )
        )
        return alt.LayerChart(
            layer=[self._judged(), marks],
            usermeta=_AT_HOME,
            title="Sign-ins, changes and mail",
            width=_WIDTH,
            height=30 * len(_KINDS),
        )

    def volume(self) -> alt.LayerChart:
        """The connector's mail by hour, baseline and window, with the changes in the window."""
        window = self.grade.window
        hours = [
            {
                "time": iso(hour.time),
                "end": iso(hour.time + HOUR),
                "part": "window" if hour.time >= window.start else "baseline",
                "messages": hour.messages,
                "outbound": hour.outbound,
                "mismatched": hour.mismatched,
                "junked": hour.junked,
            }
            for hour in self.grade.evidence.hours
        ]
        bars = (
            alt.Chart(_data(hours))
            .mark_bar()
            .encode(
                x=_time("time:T"),
                x2="end:T",
                y=alt.Y("messages:Q", title="Messages an hour"),
                y2=alt.datum(0),
                color=alt.Color(
                    "part:N", title=None, scale=alt.Scale(domain=_PARTS, range=_PART_COLOURS)
                ),
                tooltip=[
                    alt.Tooltip("time:N", title="Hour (UTC)"),
                    alt.Tooltip("messages:Q", title="Messages", format=","),
                    alt.Tooltip("outbound:Q", title="To outside", format=","),
                    alt.Tooltip("mismatched:Q", title="P1 and P2 differ", format=","),
                    alt.Tooltip("junked:Q", title="Junked", format=","),
                ],
            )
        )
        changes = [
            {
                "time": iso(change.timestamp),
                "what": _told(change.operation) + (" failed" if failed else ""),
                "failed": failed,
            }
            for change in self.grade.evidence.changes
            for failed in (change.succeeded is False,)
        ]
        rules = (
            alt.Chart(_data(changes))
            .mark_rule(color=_COLOURS[1])
            .encode(
                x=_time("time:T"),
                strokeDash=alt.condition("datum.failed", alt.value([1, 4]), alt.value([1, 0])),
                tooltip=[
                    alt.Tooltip("time:N", title="Time (UTC)"),
                    alt.Tooltip("what:N", title="Change"),
                ],
            )
        )
        return alt.LayerChart(
            layer=[self._gaps(), bars, rules, self._judged()],
            usermeta=_AT_HOME,
            title="Mail through the connector",
            width=_WIDTH,
            height=240,
        )

    def _gaps(self) -> alt.Chart:
        """When the mail log tells nothing."""
        gaps = [
            {"time": iso(gap.start), "end": iso(gap.end)}
            for gap in untold(self.grade.coverage, self.grade.window)
        ]
        chart: alt.Chart = (
            alt.Chart(_data(gaps))
            .mark_rect(color=_COLOURS[0], opacity=0.16)
            .encode(
                x=_time("time:T"),
                x2="end:T",
                tooltip=[
                    alt.Tooltip("time:N", title="The mail log tells nothing from (UTC)"),
                    alt.Tooltip("end:N", title="to"),
                ],
            )
        )
        return chart

    def _judged(self) -> alt.Chart:
        """A line at the time that was judged."""
        chart: alt.Chart = (
            alt.Chart(_data([{"time": iso(self.grade.at)}]))
            .mark_rule(color=_COLOURS[-1], strokeDash=[4, 4])
            .encode(x=_time("time:T"), tooltip=alt.Tooltip("time:N", title="Judged at (UTC)"))
        )
        return chart


def _data(rows: Iterable[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _time(field: str) -> alt.X:
    axis = alt.Axis(format="%d %b %H:%M", labelOverlap=True)
    return alt.X(field, title="Time (UTC)", scale=alt.Scale(type="utc"), axis=axis)


def _told(text: str) -> str:
    r"""A text as data. altair writes a chart into a script as it is, so ``<`` is ``\u003c``."""
    return visible(shortened(text)).replace("<", "\\u003c")
