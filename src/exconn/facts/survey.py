"""From a source to facts: two rounds of queries, then one row for each judgement."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl
from attrs import evolve, field, frozen

from exconn.context import Context
from exconn.coverage import Coverage, Standing, TableState
from exconn.errors import NoDataError
from exconn.facts.changes import CHANGE_FACTS, change_facts
from exconn.facts.domains import own_domains
from exconn.facts.fact import Fact
from exconn.facts.identity import Connectors
from exconn.facts.judgement import Judgement, Turn, judged_frame
from exconn.facts.logon_facts import LOGON_FACTS
from exconn.facts.logons import LogonRows, Logons, actors_of
from exconn.facts.mail import MAIL_FACTS, MailRows, mail_facts
from exconn.facts.queries import (
    actor_deeds,
    administration,
    connector_changes,
    connector_names,
)
from exconn.facts.trail import Trail, acts
from exconn.models import AdminChange, ConnectorChange
from exconn.query import Query, Source
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Reads, Table
from exconn.window import TICK, Period, Window

FACTS: tuple[Fact, ...] = (*MAIL_FACTS, *CHANGE_FACTS, *LOGON_FACTS)
"""Every fact, in the order in which they are computed."""

FACT_TABLES = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
"""The tables that facts rest on: those of the playbook."""

READS: Reads = frozenset().union(*(fact.reads for fact in FACTS))
"""Every table column that some fact rests on."""

_SENDERS_ASKED = 50
_DAY = timedelta(days=1)


@frozen(eq=False, slots=False)
class Survey:
    """The first round's findings about a tenant, for all its connectors or about one.

    Attributes:
        source: where the findings are from, and the second round's will be.
        context: what the organisation knows of itself.
        coverage: what data there is.
        spelt: how connectors are spelt in mail, the rows of `connector_names`.
        mail: the rows of the mail queries, keyed by connector; what passed through connectors is
            there only of the one, where the survey is about one.
        trail: the audit trail.
        administered: the days on which the audit log records Exchange administration.
        named: how those who asked spell the connectors that they named, by key.
        beside: the results of what was asked beside.
    """

    source: Source
    context: Context
    coverage: Coverage
    spelt: pl.DataFrame
    mail: MailRows
    trail: Trail
    administered: frozenset[datetime]
    named: Mapping[str, str] = field(repr=False)
    beside: Sequence[pl.DataFrame] = field(default=(), repr=False)

    @cached_property
    def bulk(self) -> Mapping[str, pl.DataFrame]:
        """Of `mail.sender_hours`, the rows with SenderObjectId, by connector."""
        known = self.mail.sender_hours.filter(pl.col("SenderObjectId") != "")
        return {str(key[0]): rows for key, rows in known.group_by("Connector")}

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


@frozen(eq=False)
class Assessment:
    """The facts of some judgements, and what the second round found.

    Attributes:
        judgements: what is judged.
        facts: a row for each judgement, in that order: Connector, At, PeakHour (the busiest hour
            of the window, null without mail), and a column for each of `FACTS`. A fact is null
            when it could not be assessed.
        logons: the sign-ins of the accounts behind changes and bulk mail.
        beside: the results of what was asked beside.
    """

    judgements: tuple[Judgement, ...]
    facts: pl.DataFrame
    logons: Logons
    beside: Sequence[pl.DataFrame] = field(default=(), repr=False)


def survey(
    source: Source,
    period: Period | None,
    context: Context,
    connector: str | None = None,
    beside: Callable[[Sequence[str]], Sequence[Query]] | None = None,
) -> Survey:
    """Run the first round of queries; about one connector in two steps, for its names come first.

    Args:
        source: who runs them.
        period: which mail to look at; None for all. The audit trail is always looked at as a whole:
            connectors and accounts may have gone by other names at other times.
        context: what the organisation knows of itself.
        connector: the name of the connector that alone is of interest; None where all are. A
            value of `Connectors` that equals it is not split. Of others' mail only that is found
            which the facts of one rest on.
        beside: given the values of `Connectors` that name that connector, further queries, to be
            asked with the others: files are read but once.

    Raises:
        NoDataError: the source has none of the tables that facts rest on.
    """
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
    who_is_who = [
        connector_names(mailed),
        connector_changes(everything),
        actor_deeds(everything),
        administration(mailed),
    ]
    of_all = MailRows.queries(mailed) if connector is None else []
    names, changed, deeds, administered, *mail = source.collect([*who_is_who, *of_all])
    changes = ConnectorChange.from_frame(changed)
    named = [] if connector is None else [connector]
    connectors = Connectors(changes, context, named)
    further: Sequence[pl.DataFrame] = ()
    if connector is not None:
        its = connectors.values(connectors.key(connector), names["Connectors"])
        of_one = MailRows.queries(mailed, its)
        mail, further = _together(source, of_one, beside(its) if beside else ())
    return Survey(
        source=source,
        context=context,
        coverage=coverage,
        spelt=names,
        mail=MailRows(*mail).by_connector(connectors, names["Connectors"].unique()),
        trail=Trail(changes, AdminChange.from_frame(deeds), connectors),
        administered=frozenset(administered["Day"]),
        named={connectors.key(name): name for name in named},
        beside=further,
    )


def assess(
    found: Survey, judgements: Sequence[Judgement], beside: Sequence[Query] = ()
) -> Assessment:
    """Run the second round of queries and compute the facts of each judgement.

    Args:
        found: the first round.
        judgements: what is judged.
        beside: further queries, to be asked with the others.
    """
    logons, further = _second_round(found, judgements, beside)
    turns = [_turn(found, judgement, logons) for judgement in judgements]
    judged = judged_frame(judgements, turns, found.coverage)
    own = own_domains(found.mail.tenant_domains, judged, found.context)
    mail = mail_facts(found.mail, judged, found.context, own)
    own_at = {at[0]: frozenset(rows["Domain"]) for at, rows in own.group_by("At")}
    peaks: list[datetime | None] = mail["PeakHour"].to_list()
    audited_since = found.coverage[CLOUD_APP_EVENTS].first
    rows = [
        {
            **change_facts(
                judgement,
                found.trail,
                found.context,
                own_at.get(judgement.window.at, frozenset()),
                peak,
                audited_since,
            ),
            **_logon_facts(found, judgement, logons, peak),
        }
        for judgement, peak in zip(judgements, peaks, strict=True)
    ]
    names = [fact.name for fact in (*CHANGE_FACTS, *LOGON_FACTS)]
    others = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64()))
    facts = pl.concat([mail, others], how="horizontal").with_columns(
        pl.col(fact.name).cast(pl.Float64) for fact in FACTS
    )
    assessed = _assessable(facts, judgements, found.coverage)
    return Assessment(tuple(judgements), assessed, logons, further)


def _second_round(
    found: Survey, judgements: Sequence[Judgement], beside: Sequence[Query]
) -> tuple[Logons, Sequence[pl.DataFrame]]:
    names: set[str] = set()
    addresses: set[str] = set()
    for judgement in judgements:
        actors, _ = actors_of(judgement, found.trail)
        names |= actors | _senders(found, judgement)
        changes = acts(found.trail.within(judgement))
        addresses |= {change.address for change in changes if change.address}
    accounts = frozenset[str]().union(*(found.trail.accounts.members(name) for name in names))
    periods = [judgement.window.period for judgement in judgements]
    period = Period(min(p.start for p in periods), max(p.end for p in periods))
    queries = LogonRows.queries(period, accounts, addresses)
    rows, further = _together(found.source, queries, beside)
    return Logons(LogonRows(*rows), found.trail.accounts), further


def _together(
    source: Source, queries: Sequence[Query], beside: Sequence[Query]
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """The results of queries, and of those that are asked beside."""
    frames = source.collect([*queries, *beside])
    return frames[: len(queries)], frames[len(queries) :]


def _turn(found: Survey, judgement: Judgement, logons: Logons) -> Turn:
    changes = [
        change
        for change in acts(found.trail.within(judgement))
        if "routine_changes" not in found.trail.traits(change)
    ]
    suspected = [c.timestamp for c in changes if logons.is_suspicious(c, judgement)]
    addresses = frozenset(change.address for change in changes if change.address)
    if changes:
        actors, _ = actors_of(judgement, found.trail)
        addresses |= logons.addresses_of(actors, judgement)
    return Turn(
        min((change.timestamp for change in changes), default=None),
        min(suspected, default=None),
        addresses if addresses or not changes else None,
    )


def _senders(found: Survey, judgement: Judgement) -> set[str]:
    window = judgement.window
    bulk = found.bulk.get(judgement.connector)
    if bulk is None:
        return set()
    rows = bulk.filter(
        pl.col("Hour") >= window.start,
        pl.col("Hour") < window.end,
    )
    most = rows.group_by("SenderObjectId").agg(pl.col("Messages").sum())
    ranked = most.sort("Messages", "SenderObjectId", descending=[True, False])
    return set(ranked.head(_SENDERS_ASKED)["SenderObjectId"])


def _logon_facts(
    found: Survey, judgement: Judgement, logons: Logons, peak: datetime | None
) -> dict[str, int | None]:
    actors, all_known = actors_of(judgement, found.trail)
    changes = acts(found.trail.within(judgement))
    last_change = max((c.timestamp for c in changes), default=judgement.window.start)
    about_actors = logons.facts_of("actor", actors, judgement, last_change)
    about_actors |= logons.change_facts(changes, judgement, peak)
    if not all_known:
        about_actors = dict.fromkeys(about_actors)
    senders = _senders(found, judgement)
    return about_actors | logons.facts_of("sender", senders, judgement, judgement.window.end)


def _assessable(
    facts: pl.DataFrame, judgements: Sequence[Judgement], coverage: Coverage
) -> pl.DataFrame:
    """Null the facts that rest on columns which some contributing file lacks."""
    lacking = {
        window: (
            coverage.lacking(READS, window.start, window.end),
            coverage.lacking(READS, window.baseline_start, window.end),
        )
        for window in {judgement.window for judgement in judgements}
    }
    lacks = [lacking[judgement.window] for judgement in judgements]
    supported = {
        fact.name: [fact.reads.isdisjoint(lack[fact.past]) for lack in lacks] for fact in FACTS
    }
    return facts.with_columns(
        pl.when(pl.Series(known, dtype=pl.Boolean)).then(pl.col(name)).alias(name)
        for name, known in supported.items()
        if not all(known)
    )
