"""From a source to facts: who is who, what passed, and one row for each judgement."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

import polars as pl
from attrs import field, frozen

from exconn.context import Context
from exconn.coverage import Coverage
from exconn.errors import InvalidValueError
from exconn.facts.changes import CHANGE_FACTS, change_facts
from exconn.facts.domains import is_under, own_domains
from exconn.facts.inventory import FACTS, READS
from exconn.facts.judgement import Judgement, Turn, judged_frame
from exconn.facts.logon_facts import LOGON_FACTS
from exconn.facts.logons import LogonRows, Logons, actors_of
from exconn.facts.mail import MailRows, mail_facts
from exconn.facts.trail import acts
from exconn.facts.who import WhoIsWho, together, who_is_who
from exconn.query import Query, Source
from exconn.tables import CLOUD_APP_EVENTS
from exconn.window import Period

_SENDERS_ASKED = 50


@frozen(eq=False, slots=False)
class Survey(WhoIsWho):
    """The first round's findings about a tenant, for all its connectors or about one.

    Attributes:
        mail: the rows of the mail queries, keyed by connector; what passed through connectors is
            there only of the one, where the survey is about one.
    """

    mail: MailRows

    @cached_property
    def bulk(self) -> Mapping[str, pl.DataFrame]:
        """Of `mail.sender_hours`, the rows with SenderObjectId, by connector."""
        known = self.mail.sender_hours.filter(pl.col("SenderObjectId") != "")
        return {str(key[0]): rows for key, rows in known.group_by("Connector")}

    @cached_property
    def is_mailed(self) -> bool:
        """Whether mail came in for an accepted domain, where these and some mail are known."""
        accepted = frozenset(self.context.accepted_domains)
        recipients = set(self.mail.tenant_domains["Domain"].unique()) - {""}
        if not accepted or not recipients:
            return True
        return any(is_under(domain, accepted) for domain in recipients)


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


def survey(source: Source, period: Period | None, context: Context) -> Survey:
    """Run the first round of queries about all connectors; see `who_is_who`."""
    known = who_is_who(source, period, context, beside=MailRows.queries)
    return _surveyed(known, MailRows(*known.beside))


def survey_of(
    known: WhoIsWho,
    connector: str,
    beside: Callable[[Sequence[str]], Sequence[Query]] | None = None,
) -> Survey:
    """Run the first round of queries about one connector alone.

    Of others' mail only that is found which the facts of one rest on.

    Args:
        known: who is who, in the period of which mail is looked at.
        connector: its name.
        beside: given the values of `Connectors` that name that connector, further queries, to be
            asked with the others.
    """
    its = known.values(known.trail.connectors.key(connector))
    queries = MailRows.queries(known.period, its)
    mail, further = together(known.source, queries, beside(its) if beside else ())
    return _surveyed(known, MailRows(*mail), further)


def _surveyed(known: WhoIsWho, mail: MailRows, beside: Sequence[pl.DataFrame] = ()) -> Survey:
    return Survey(
        source=known.source,
        context=known.context,
        coverage=known.coverage,
        period=known.period,
        spelt=known.spelt,
        trail=known.trail,
        administered=known.administered,
        named=known.named,
        mail=mail.by_connector(known.trail.connectors, known.spelt["Connectors"].unique()),
        beside=beside,
    )


def assess(
    found: Survey, judgements: Sequence[Judgement], beside: Sequence[Query] = ()
) -> Assessment:
    """Run the second round of queries and compute the facts of each judgement.

    Args:
        found: the first round.
        judgements: what is judged; each connector once at a time.
        beside: further queries, to be asked with the others.

    Raises:
        InvalidValueError: a connector is to be judged twice at one time.
    """
    if len({(one.connector, one.window.at) for one in judgements}) < len(judgements):
        raise InvalidValueError(
            "judgements", "expected each connector once at a time, got one twice"
        )
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
    rows, further = together(found.source, queries, beside)
    return Logons(LogonRows(*rows), found.trail.accounts), further


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
