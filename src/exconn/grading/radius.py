"""The blast radius of an incident: what it touched beyond the graded connector."""

import enum
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl
from attrs import evolve, frozen

from exconn.context import in_networks
from exconn.coverage import Coverage, Standing, TableState
from exconn.errors import IncompleteResultError, UnreadableDataError
from exconn.facts import Judgement, Survey
from exconn.facts.domains import is_under, own_domains
from exconn.facts.judgement import Turn, judged_frame
from exconn.facts.queries import MANY, link_clicks, mail_from
from exconn.facts.reads import ANY_PERIOD, CONNECTOR_CHANGES
from exconn.facts.trail import acts
from exconn.models import ActorKind, ConnectorChange
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, URL_CLICK_EVENTS, Reads
from exconn.window import HOUR, Period, Window, floored

NAMES = 50
"""Sending addresses, and sender domains, by which other mail is looked for."""

SIMILAR = 50
CLICKS = 200

CLICKED_LATER = timedelta(days=7)
"""How long after the window clicks on its mail are looked for."""

_NOT_ASKED = "not asked for; grade the connector to know"
_READS_OF_CHANGES: Reads = CONNECTOR_CHANGES.reads(
    "ActionType", "AccountObjectId", "IPAddress", "RawEventData"
)


@cache
def _reads_of_mail() -> Reads:
    return mail_from(ANY_PERIOD, ("",), ("",)).reads()


@cache
def _reads_of_clicks() -> Reads:
    return link_clicks(ANY_PERIOD, pl.col("Connectors").is_in([""]), ANY_PERIOD).reads()


class Tie(enum.StrEnum):
    """What two connectors' changes have in common."""

    ACTOR = "actor"
    APPLICATION = "application"
    ADDRESS = "address"


@frozen
class TouchedConnector:
    """Another connector that was changed by the same hands.

    Attributes:
        name: as people write it.
        ties: what its changes have in common with those of the graded connector.
        changes: how many do.
        first: the first of them.
        last: the last of them.
    """

    name: str
    ties: tuple[Tie, ...]
    changes: int
    first: datetime
    last: datetime


@frozen
class SimilarMail:
    """Other mail from where the connector's new mail is from.

    Attributes:
        address: the sending address that they share; "" where they share the domain only.
        domain: the P1 domain that they share; "" where they share the address.
        connector: the other connectors that it passed through, joined by "; ", "" for none.
        messages: in the window.
        deliveries: messages times recipients.
        first: the first of them.
        last: the last of them.
        baseline_messages: the same in the baseline. Mail that came before, too, is hardly the
            incident's: a mailbox provider's, say.
    """

    address: str
    domain: str
    connector: str
    messages: int
    deliveries: int
    first: datetime
    last: datetime
    baseline_messages: int


@frozen
class Click:
    """A click on a link in the connector's mail.

    Attributes:
        time: when.
        account: the UPN of who clicked, in lower case.
        url: the link, as the sender chose it.
        action: what Safe Links did, such as ``ClickAllowed`` or ``ClickBlocked``.
        clicked_through: whether the account went on to the link; None where the row does not say.
    """

    time: datetime
    account: str
    url: str
    action: str
    clicked_through: bool | None


@frozen
class Clicks:
    """The clicks on links in the connector's mail of the window, up to seven days after it.

    Attributes:
        total: how many there are.
        accounts: how many accounts clicked.
        latest: the last of them, the latest first; at most 200.
    """

    total: int = 0
    accounts: int = 0
    latest: tuple[Click, ...] = ()


@frozen(kw_only=True)
class Radius:
    """How far an incident reaches beyond the graded connector.

    None is not nothing: it stands where nothing was found, and the tables cannot tell that there
    is nothing. `unknown` says why; it also says what may be missing beside what was found.

    Attributes:
        connectors: other connectors that were changed in the window by an account or application
            that changed this one, or from an address from which it was changed; by time.
        mail: other mail of the window, not through this connector, from sending addresses and P1
            domains that are new to it: not in its own past, and not the organisation's own. Mail
            that did not come in the baseline is first, then the most messages; at most 50.
        clicks: who clicked on links in its mail.
        unknown: what is not known of these, and why.
    """

    connectors: tuple[TouchedConnector, ...] | None = None
    mail: tuple[SimilarMail, ...] | None = None
    clicks: Clicks | None = None
    unknown: tuple[str, ...] = ()


def radius(found: Survey, judgement: Judgement, *, rows: bool) -> Radius:
    """Find out how far an incident reaches.

    Args:
        found: the first round.
        judgement: the connector and the window.
        rows: whether to ask the source for other mail and for clicks too.
    """
    connectors, about_connectors = _connectors(found, judgement)
    mail, about_mail = _mail(found, judgement) if rows else (None, [_NOT_ASKED])
    clicks, about_clicks = _clicks(found, judgement) if rows else (None, [_NOT_ASKED])
    doubts = {
        "other connectors": about_connectors,
        "other mail": about_mail,
        "clicks": about_clicks,
    }
    return Radius(
        connectors=connectors,
        mail=mail,
        clicks=clicks,
        unknown=tuple(f"{what}: {doubt}" for what, told in doubts.items() for doubt in told),
    )


def _doubts(standing: Standing) -> list[str]:
    """Why the table cannot tell that there is nothing in the window."""
    return [f"{standing.coverage.table.name}: {reason}" for reason in standing.reasons]


def _connectors(
    found: Survey, judgement: Judgement
) -> tuple[tuple[TouchedConnector, ...] | None, list[str]]:
    window, trail = judgement.window, found.trail
    own = acts(trail.within(judgement))
    hands = {trail.accounts.key(change.actor.key) for change in own}
    addresses = {change.address for change in own if change.address}

    def ties(change: ConnectorChange) -> Iterator[Tie]:
        if change.actor.key and trail.accounts.key(change.actor.key) in hands:
            is_application = change.actor.kind is ActorKind.APPLICATION
            yield Tie.APPLICATION if is_application else Tie.ACTOR
        if change.address in addresses:
            yield Tie.ADDRESS

    touched = []
    for key in trail.names() - {judgement.connector}:
        tied = [
            (change.timestamp, how)
            for change in acts(trail.of(key))
            if window.start <= change.timestamp < window.end and (how := set(ties(change)))
        ]
        if tied:
            times = [time for time, _ in tied]
            shared = set[Tie]().union(*(how for _, how in tied))
            name = found.display(key, window)
            touched.append(
                TouchedConnector(name, tuple(sorted(shared)), len(tied), min(times), max(times))
            )
    doubts = _doubts(found.coverage.standing(CLOUD_APP_EVENTS, window, _READS_OF_CHANGES))
    ordered = tuple(sorted(touched, key=lambda other: (other.first, other.name)))
    return (ordered if ordered or not doubts else None), doubts


def _mail(found: Survey, judgement: Judgement) -> tuple[tuple[SimilarMail, ...] | None, list[str]]:
    window = judgement.window
    doubts = _doubts(found.coverage.standing(EMAIL_EVENTS, window, _reads_of_mail()))
    its = found.mail.of(judgement.connector)
    addresses, lumped = new_names(its.sending_addresses, "Address", judgement)
    if lumped:
        doubts.append("the connector has hours with too many sending addresses to tell apart")
    domains, lumped = new_names(its.sender_domains, "P1", judgement)
    if lumped:
        doubts.append("the connector has hours with too many sender domains to tell apart")
    judged = judged_frame([judgement], [Turn()], found.coverage)
    own = frozenset(own_domains(found.mail.tenant_domains, judged, found.context)["Domain"])
    if domains and not own:
        doubts.append("the organisation's own domains are not known, so none is looked for")
    gateways = found.context.gateways
    foreign = [address for address in addresses if not in_networks(address, gateways)]
    others = [domain for domain in domains if own and not is_under(domain, own)]
    similar = _similar(found, judgement, foreign[:NAMES], others[:NAMES])
    return (similar if similar or not doubts else None), doubts


def new_names(rows: pl.DataFrame, column: str, judgement: Judgement) -> tuple[list[str], bool]:
    """The names of the window that the connector's own past does not have, most messages first.

    Also whether there may be others: in some hours there are too many to tell them apart. Where
    such an hour is in the past, none can be told to be new.

    Args:
        rows: those of the connector.
        column: the names.
        judgement: the window.
    """
    window, hour = judgement.window, pl.col("Hour")
    named = rows.filter(hour < window.end, pl.col(column) != "")
    past = named.filter(hour >= floored(judgement.own_start), hour < window.start)
    now = named.filter(hour >= window.start)
    lumped = MANY in past[column] or MANY in now[column]
    if MANY in past[column]:
        return [], lumped
    ranked = (
        now.filter(pl.col(column) != MANY)
        .join(past, on=column, how="anti")
        .group_by(column)
        .agg(pl.col("Messages").sum())
        .sort("Messages", column, descending=[True, False])
    )
    return ranked[column].to_list(), lumped


def _similar(
    found: Survey, judgement: Judgement, addresses: Sequence[str], domains: Sequence[str]
) -> tuple[SimilarMail, ...]:
    if not addresses and not domains:
        return ()
    window = judgement.window
    periods = Period(window.baseline_start, window.start), Period(window.start, window.end)
    days = pl.concat(
        found.source.collect([mail_from(period, addresses, domains) for period in periods])
    )
    names = pl.DataFrame(
        [
            (value, name)
            for value in days["Connector"].unique()
            if (name := _passed(found, judgement, value)) is not None
        ],
        schema={"Connector": pl.String(), "Name": pl.String()},
        orient="row",
    )
    now = pl.col("First") >= window.start
    rows = (
        days.join(names, on="Connector")
        .group_by("Address", "Domain", "Name")
        .agg(
            pl.col("Messages", "Deliveries").filter(now).sum(),
            pl.col("First").filter(now).min(),
            pl.col("Last").filter(now).max(),
            Before=pl.col("Messages").filter(~now).sum(),
        )
        .filter(pl.col("Messages") > 0)
        .sort(
            pl.col("Before") > 0,
            -pl.col("Messages"),
            "Address",
            "Domain",
            "Name",
        )
    )
    return tuple(SimilarMail(*row) for row in rows.head(SIMILAR).iter_rows())


def _passed(found: Survey, judgement: Judgement, value: str) -> str | None:
    """The connectors that mail passed through; None if the judged one is among them."""
    keys = found.trail.connectors.of_mail(value)
    if judgement.connector in keys:
        return None
    return "; ".join(found.display(key, judgement.window) for key in keys)


def _clicks(found: Survey, judgement: Judgement) -> tuple[Clicks | None, list[str]]:
    window, hour = judgement.window, pl.col("Hour")
    doubts = _doubts(found.coverage.standing(EMAIL_EVENTS, window, _reads_of_clicks()))
    hours = found.mail.of(judgement.connector).connector_hours
    mail = hours.filter(hour >= window.start, hour < window.end)
    if mail.is_empty():
        return (None if doubts else Clicks()), doubts
    try:
        looked_at = found.source.coverage([URL_CLICK_EVENTS])
        coverage = Coverage((*found.coverage.tables, *looked_at.tables))
        clickable = longer(window)
        standing = coverage.standing(URL_CLICK_EVENTS, clickable, _reads_of_clicks())
        doubts += _doubts(standing)
        if standing.state in (TableState.MISSING, TableState.EMPTY):
            return None, doubts
        clicks = _clicked(found, judgement, Period(window.start, clickable.end))
    except (UnreadableDataError, IncompleteResultError) as error:
        return None, [*doubts, str(error)]
    return (clicks if clicks.total or not doubts else None), doubts


def _clicked(found: Survey, judgement: Judgement, period: Period) -> Clicks:
    window = judgement.window
    through = pl.col("Connectors").is_in(found.values(judgement.connector))
    clicks = link_clicks(period, through, Period(window.start, window.end))
    by = clicks.schema.names()
    counted, latest = found.source.collect(
        [
            clicks.group_by().agg(
                Clicks=pl.len(),
                Accounts=pl.col("Account").filter(pl.col("Account") != "").n_unique(),
            ),
            clicks.sort(by, descending=[True, *[False] * (len(by) - 1)]).head(CLICKS),
        ]
    )
    total, accounts = counted.row(0)
    return Clicks(total, accounts, tuple(Click(*row) for row in latest.iter_rows()))


def longer(window: Window) -> Window:
    """The window with the time after it in which its mail may be clicked on."""
    room = (datetime.max.replace(tzinfo=UTC) - window.end) // HOUR * HOUR
    return evolve(window, after=window.after + min(CLICKED_LATER, room))
