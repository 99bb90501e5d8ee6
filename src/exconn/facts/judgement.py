"""What is judged: a connector in a window."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl
from attrs import field, frozen

from exconn.coverage import Coverage, TableCoverage
from exconn.tables import EMAIL_EVENTS, TIME
from exconn.window import Window, floored, utc

MINIMUM_BASELINE = timedelta(days=7)
"""Under this much past, "normal" is not known."""


@frozen
class Judgement:
    """A connector to be judged in a window.

    Attributes:
        connector: its key (see `Connectors`).
        window: when.
        created: its last creation before the end of the window, when the audit log has one; mail
            before it belonged to another connector of that name.
    """

    connector: str
    window: Window
    created: datetime | None = field(default=None)

    @property
    def own_start(self) -> datetime:
        """The beginning of the connector's own past, cut to the baseline."""
        start = self.window.baseline_start
        return start if self.created is None else max(start, self.created)


@frozen
class Turn:
    """When a connector may have been put to another use.

    Attributes:
        changed: its first change in the window that may have opened something; no routine one.
        suspected: the first such change that followed a suspicious sign-in.
        addresses: where such changes were made from, and where those behind them signed in; None
            where there are such changes but no address is known.
    """

    changed: datetime | None = None
    suspected: datetime | None = None
    addresses: frozenset[str] | None = frozenset()


def judged_frame(
    judgements: Sequence[Judgement], turns: Sequence[Turn], coverage: Coverage
) -> pl.DataFrame:
    """One row for each judgement, with its times.

    Columns: Connector, At, AtHour, BaselineStart, Start, End, OwnStart (to the hour); OwnDays and
    TenantDays, the days before `Start` of which the connector's own and the tenant's mail is
    known, 0 where none, and only those after a hole in the mail log; WindowDays, the days of the
    window that the mail covers; IsNew, whether
    the connector was created in the window; Changed and Suspected (to the hour; null where none);
    ChangersAt, the addresses of those who changed it, null where unknown.
    """
    last = coverage[EMAIL_EVENTS].last
    windows = {judgement.window for judgement in judgements}
    known = {window: _known_from(window, coverage[EMAIL_EVENTS]) for window in windows}
    rows = []
    for judgement, turn in zip(judgements, turns, strict=True):
        window = judgement.window
        known_from = known[window]
        own_from = max(known_from, judgement.own_start)
        until = min(window.end, utc(last)) if last else window.start
        rows.append(
            (
                judgement.connector,
                window.at,
                floored(window.at),
                window.baseline_start,
                window.start,
                window.end,
                floored(judgement.own_start),
                _days(window.start - own_from),
                _days(window.start - known_from),
                _days(until - window.start),
                judgement.created is not None and judgement.created >= window.start,
                floored(turn.changed) if turn.changed else None,
                floored(turn.suspected) if turn.suspected else None,
                None if turn.addresses is None else sorted(turn.addresses),
            )
        )
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _known_from(window: Window, mail: TableCoverage) -> datetime:
    """From when on the mail before a window is known: after a hole in the log, if it has one."""
    first = mail.first
    if first is None:
        return window.start
    begins = max(window.baseline_start, utc(first))
    hole = mail.silence(begins, window.start)
    return begins if hole is None else hole.end


_SCHEMA = {
    "Connector": pl.String(),
    "At": TIME,
    "AtHour": TIME,
    "BaselineStart": TIME,
    "Start": TIME,
    "End": TIME,
    "OwnStart": TIME,
    "OwnDays": pl.Float64(),
    "TenantDays": pl.Float64(),
    "WindowDays": pl.Float64(),
    "IsNew": pl.Boolean(),
    "Changed": TIME,
    "Suspected": TIME,
    "ChangersAt": pl.List(pl.String()),
}


def _days(span: timedelta) -> float:
    return max(span / timedelta(days=1), 0.0)
