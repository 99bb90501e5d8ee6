"""Who is who in a tenant: how its connectors are called, and who changed them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl
from attrs import evolve, field, frozen

from exconn.context import Context
from exconn.coverage import Coverage, Standing, TableState
from exconn.errors import InvalidValueError, NoDataError
from exconn.facts.identity import Connectors
from exconn.facts.inventory import FACT_TABLES, READS
from exconn.facts.judgement import Judgement
from exconn.facts.queries import (
    actor_deeds,
    administration,
    connector_changes,
    connector_names,
)
from exconn.facts.trail import Trail, acts
from exconn.models import AdminChange, ConnectorChange
from exconn.query import Query, Source
from exconn.tables import CLOUD_APP_EVENTS, Table
from exconn.window import TICK, Period, Window

_DAY = timedelta(days=1)


@frozen(eq=False, slots=False)
class WhoIsWho:
    """What data there is of a tenant, how its connectors are called, and who changed them.

    Attributes:
        source: where the findings are from, and those of further rounds will be.
        context: what the organisation knows of itself.
        coverage: what data there is.
        period: which mail is looked at.
        spelt: how connectors are spelt in mail, the rows of `connector_names`.
        trail: the audit trail.
        administered: the days on which the audit log records Exchange administration.
        named: how those who asked spell the connectors that they named, by key.
        beside: the results of what was asked beside.
    """

    source: Source
    context: Context
    coverage: Coverage
    period: Period
    spelt: pl.DataFrame
    trail: Trail
    administered: frozenset[datetime]
    named: Mapping[str, str] = field(repr=False)
    beside: Sequence[pl.DataFrame] = field(repr=False)

    def standing(self, table: Table, window: Window) -> Standing:
        """How a table stands in a window, for the facts.

        An audit log without any Exchange administration in it says nothing of connectors.
        """
        standing = self.coverage.standing(table, window, READS)
        if table.name != CLOUD_APP_EVENTS.name or standing.state is TableState.MISSING:
            return standing
        if any(window.start - _DAY < day < window.end for day in self.administered):
            return standing
        return evolve(
            standing,
            state=TableState.PARTIAL if standing.state is TableState.PRESENT else standing.state,
            covers_time=False,
            reasons=(*standing.reasons, "no Exchange administration is recorded in the window"),
        )

    @cached_property
    def connectors(self) -> list[str]:
        """The keys of all connectors that have mail in the period, or changes."""
        spelt = self.spelt["Connectors"].unique()
        mailed = {key for value in spelt for key in self.trail.connectors.of_mail(value)}
        return sorted(mailed | self.trail.names())

    def display(self, connector: str, window: Window | None = None) -> str:
        """A connector's name as people write it: in the audit log, or else in most hours' mail."""
        connectors, names = self.trail.connectors, self._spelt(window)
        its = [v for v in names["Connectors"].unique() if connectors.key(v) == connector]
        ranked = (
            names.filter(pl.col("Connectors").is_in(its))
            .group_by(Name=pl.col("Connectors").str.strip_chars())
            .agg(pl.col("Hours").sum())
            .sort("Hours", "Name", descending=[True, False])
        )
        seen = ranked["Name"].to_list() or [self.named.get(connector, connector)]
        return connectors.display(connector, seen[0])

    def values(self, connector: str, window: Window | None = None) -> list[str]:
        """The values of `EmailEvents.Connectors`, as they are spelt, that name a connector."""
        return self.trail.connectors.values(connector, self._spelt(window)["Connectors"])

    def _spelt(self, window: Window | None) -> pl.DataFrame:
        """How connectors are spelt in mail, of the days of a window where one is given."""
        if window is None:
            return self.spelt
        return self.spelt.filter(
            pl.col("Day") < window.end, pl.col("Day") > window.baseline_start - _DAY
        )

    def judgement(self, connector: str, window: Window) -> Judgement:
        """A connector, by its key, in a window."""
        created = [
            change.timestamp for change in acts(self.trail.of(connector)) if change.verb == "New"
        ]
        created += [
            listed.when_created
            for listed in self.context.connectors
            if listed.when_created and self.trail.connectors.key(listed.name or "") == connector
        ]
        in_time = [time for time in created if window.baseline_start <= time < window.end]
        return Judgement(connector, window, max(in_time, default=None))


def who_is_who(
    source: Source,
    period: Period | None,
    context: Context,
    connector: str | None = None,
    beside: Callable[[Period], Sequence[Query]] | None = None,
) -> WhoIsWho:
    """Ask how connectors are called, and who changed them.

    Args:
        source: who runs the queries.
        period: which mail to look at; None for all. The audit trail is always looked at as a whole:
            connectors and accounts may have gone by other names at other times.
        context: what the organisation knows of itself.
        connector: a name that is asked about: a value of `Connectors` that equals it is not split.
        beside: given the period, further queries, to be asked with the others: files are read but
            once.

    Raises:
        NoDataError: the source has none of the tables that facts rest on.
    """
    _expected(source, context)
    coverage = source.coverage(FACT_TABLES)
    first, last = coverage.first, coverage.last
    if first is None or last is None:
        undated = sum(table.undated for table in coverage.tables)
        raise NoDataError(
            f"no rows with a readable time in {', '.join(table.name for table in FACT_TABLES)} "
            f"({undated} without one); at least one of these tables is needed, with rows in the "
            "time that the source looks at"
        )
    everything = Period(first, last + TICK)
    mailed = period or everything
    about_names = [
        connector_names(mailed),
        connector_changes(everything),
        actor_deeds(everything),
        administration(mailed),
    ]
    told, further = together(source, about_names, beside(mailed) if beside else ())
    spelt, changed, deeds, administered = told
    changes = ConnectorChange.from_frame(changed)
    named = [] if connector is None else [connector]
    connectors = Connectors(changes, context, named)
    return WhoIsWho(
        source=source,
        context=context,
        coverage=coverage,
        period=mailed,
        spelt=spelt,
        trail=Trail(changes, AdminChange.from_frame(deeds), connectors),
        administered=frozenset(administered["Day"]),
        named={connectors.key(name): name for name in named},
        beside=further,
    )


def _expected(source: object, context: object) -> None:
    """Refuse, with advice, what is easily given instead."""
    if not callable(getattr(source, "coverage", None)):
        raise InvalidValueError(
            "source", f"expected one such as ParquetSource('evidence'), got {_kind(source)}"
        )
    if not isinstance(context, Context):
        raise InvalidValueError(
            "context",
            f"expected one such as read_context('context.toml'), got {_kind(context)}",
        )


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"


def together(
    source: Source, queries: Sequence[Query], beside: Sequence[Query]
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """The results of queries, and of those that are asked beside."""
    frames = source.collect([*queries, *beside])
    return frames[: len(queries)], frames[len(queries) :]
