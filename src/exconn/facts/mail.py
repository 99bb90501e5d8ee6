"""Facts of EmailEvents, computed from the rows of the mail queries."""

from collections.abc import Callable, Iterable, Mapping
from difflib import SequenceMatcher

import polars as pl
from attrs import evolve, frozen

from exconn.context import Context, in_networks
from exconn.facts.fact import Fact, Unit
from exconn.facts.identity import Connectors
from exconn.facts.judgement import ANY_PERIOD, MINIMUM_BASELINE
from exconn.facts.logons import SUSPICION
from exconn.facts.queries import (
    MANY,
    PLAYBOOK_THRESHOLD,
    bulk_senders,
    connector_changes,
    connector_hours,
    connector_names,
    correspondents,
    recipient_domains,
    sender_domains,
    sender_hours,
    sending_addresses,
    tenant_domains,
)
from exconn.query import Query
from exconn.window import Period


@frozen(eq=False)
class MailRows:
    """The rows of the mail queries, each named like its query."""

    connector_names: pl.DataFrame
    connector_hours: pl.DataFrame
    sender_hours: pl.DataFrame
    bulk_senders: pl.DataFrame
    sending_addresses: pl.DataFrame
    sender_domains: pl.DataFrame
    recipient_domains: pl.DataFrame
    correspondents: pl.DataFrame
    tenant_domains: pl.DataFrame

    @staticmethod
    def queries(period: Period) -> list[Query]:
        """The queries, in the order of the frames."""
        return [
            connector_names(period),
            connector_hours(period),
            sender_hours(period),
            bulk_senders(period),
            sending_addresses(period),
            sender_domains(period),
            recipient_domains(period),
            correspondents(period),
            tenant_domains(period),
        ]

    def by_connector(self, connectors: Connectors) -> "MailRows":
        """The same with `Connector` holding keys of connectors instead of values of the column.

        A row whose value names several connectors is repeated for each.
        """
        of_value = {
            value.lower(): connectors.of_mail(value)
            for value in self.connector_names["Connectors"].to_list()
        }
        keys = pl.DataFrame(
            [(value, key) for value, found in of_value.items() for key in found],
            schema={"Connector": pl.String(), "Key": pl.String()},
            orient="row",
        )

        def keyed(frame: pl.DataFrame) -> pl.DataFrame:
            joined = frame.join(keys, on="Connector", how="left")
            named = joined.with_columns(Connector=pl.coalesce("Key", "Connector")).drop("Key")
            return _merged(named)

        return evolve(
            self,
            connector_hours=keyed(self.connector_hours),
            sender_hours=keyed(self.sender_hours),
            bulk_senders=keyed(self.bulk_senders),
            sending_addresses=keyed(self.sending_addresses),
            sender_domains=keyed(self.sender_domains),
            recipient_domains=keyed(self.recipient_domains),
        )


def _merged(frame: pl.DataFrame) -> pl.DataFrame:
    counts = [name for name, dtype in frame.schema.items() if dtype == pl.Int64]
    return frame.group_by(pl.exclude(counts)).agg(pl.col(counts).sum())


_HOURS = connector_hours(ANY_PERIOD)
_SENDERS = sender_hours(ANY_PERIOD).reads()
_BULK = bulk_senders(ANY_PERIOD).reads()
_ADDRESSES = sending_addresses(ANY_PERIOD).reads("Address", "Messages")
_SOURCES = sending_addresses(ANY_PERIOD)
_DOMAINS = sender_domains(ANY_PERIOD).reads("P1", "P2", "Messages")
_SENDERS_MAIL = sender_domains(ANY_PERIOD)
_RECIPIENTS = recipient_domains(ANY_PERIOD).reads()
_KNOWN = _RECIPIENTS | correspondents(ANY_PERIOD).reads()
_KNOWN_DOMAINS = correspondents(ANY_PERIOD).reads()
_OWN = tenant_domains(ANY_PERIOD).reads("Domain", "First", "Last")
_DIRECT = tenant_domains(ANY_PERIOD).reads("Direct")


def _hourly(name: str, unit: Unit, about: str, *columns: str, past: bool = False) -> Fact:
    return Fact(name, unit, about, _HOURS.reads("Messages", *columns), past)


def _share(name: str, column: str, what: str) -> tuple[Fact, Fact]:
    return (
        _hourly(f"{name}_share", Unit.SHARE, f"Share of the window's messages {what}.", column),
        _hourly(
            f"baseline_{name}_share",
            Unit.SHARE,
            f"Share of the messages in the connector's own past {what}.",
            column,
            past=True,
        ),
    )


SHARES = {
    "mismatch": ("Mismatched", "whose P1 and P2 domains differ"),
    "no_sender_id": ("NoSenderId", "without SenderObjectId"),
    "outbound": ("Outbound", "that went outside, by EmailDirection"),
    "url": ("WithUrls", "with links"),
    "attachment": ("WithAttachments", "with attachments"),
    "threat": ("Threats", "in which the filter found a threat"),
    "malicious": ("Malicious", "in which the filter found phishing or malware"),
    "junk": ("Junked", "that were junked, blocked or replaced"),
}


def _fresh(of: str, what: str, query: Query, *names: str) -> tuple[Fact, ...]:
    by = query.reads(*names, "Messages")
    return (
        Fact(
            f"fresh_{of}_messages",
            Unit.MESSAGES,
            f"Messages of the window {what} new to the connector: unknown in its own past; all, "
            "where it was created in the window. Null under seven days of past.",
            by,
            past=True,
        ),
        Fact(
            f"fresh_{of}_bad_share",
            Unit.SHARE,
            "Share of those messages that are phishing or malware, or were junked, blocked or "
            "replaced.",
            by | query.reads("Bad"),
            past=True,
        ),
        Fact(
            f"fresh_{of}_outbound_share",
            Unit.SHARE,
            "Share of those messages that went outside, by EmailDirection.",
            by | query.reads("Outbound"),
            past=True,
        ),
    )


_FRESH_KINDS = {
    "fresh_own_authenticated_share": (
        "are in the tenant's own name and passed DMARC",
        "Authenticated",
    ),
    "fresh_own_unauthenticated_share": (
        "are in the tenant's own name and failed DMARC",
        "Unauthenticated",
    ),
    "fresh_incoming_share": (
        "come in, in another's name that looks like none of the tenant's",
        "Messages",
        "Outbound",
    ),
    "fresh_relayed_share": (
        "go outside, in another's name that looks like none of the tenant's",
        "Outbound",
    ),
    "fresh_lookalike_share": ("have a domain that looks like one of the tenant's", "Messages"),
}


def _turned(name: str, unit: Unit, what: str, otherwise: str) -> Fact:
    return Fact(
        name,
        unit,
        f"{what} the connector's first change in the window{otherwise}. Null under seven "
        "days of past, unless the connector was created in the window.",
        _HOURS.reads("Messages") | connector_changes(ANY_PERIOD).reads("ActionType"),
        past=True,
    )


def _turn_facts() -> tuple[Fact, ...]:
    before = ", baseline included; 0 without a change"
    return (
        _turned(
            "peak_since_change",
            Unit.MESSAGES,
            "Messages in the busiest hour since",
            "; 0 without one",
        ),
        _turned("peak_before_change", Unit.MESSAGES, "Messages in the busiest hour before", before),
        _turned("daily_since_change", Unit.RATE, "Messages a day since", "; 0 without one"),
        _turned("daily_before_change", Unit.RATE, "Messages a day before", before),
    )


MAIL_FACTS: tuple[Fact, ...] = (
    _hourly("messages", Unit.MESSAGES, "Messages through the connector in the window."),
    _hourly("messages_before", Unit.MESSAGES, "Of them, before the hour of the alert."),
    _hourly("messages_after", Unit.MESSAGES, "Of them, in and after the hour of the alert."),
    Fact("deliveries", Unit.DELIVERIES, "Messages times recipients.", _HOURS.reads("Deliveries")),
    _hourly("active_hours", Unit.HOURS, "Hours of the window with mail."),
    _hourly("peak_hour_messages", Unit.MESSAGES, "Messages in the window's busiest hour."),
    _hourly(
        "baseline_days",
        Unit.DAYS,
        "Days before the window of which the connector's own mail is known.",
        past=True,
    ),
    _hourly("baseline_messages", Unit.MESSAGES, "Messages in the connector's own past.", past=True),
    _hourly(
        "baseline_peak_hour",
        Unit.MESSAGES,
        "Messages in the busiest hour of the connector's own past. Null under seven days of it.",
        past=True,
    ),
    _hourly(
        "peak_ratio",
        Unit.RATIO,
        "The window's busiest hour over the busiest hour of the connector's own past (at least "
        "one message). Null under seven days of past.",
        past=True,
    ),
    _hourly(
        "daily_ratio",
        Unit.RATIO,
        "Messages a day in the window over messages a day in the connector's own past (at least "
        "one). Null under seven days of past.",
        past=True,
    ),
    *(fact for name, (column, what) in SHARES.items() for fact in _share(name, column, what)),
    Fact(
        "sender_hours_over_threshold",
        Unit.HOURS,
        f"Hours in which one sender had at least {PLAYBOOK_THRESHOLD} messages through the "
        "connector, counted for each sender.",
        _SENDERS,
    ),
    Fact(
        "baseline_sender_hours_over_threshold",
        Unit.HOURS,
        "The same in the connector's own past.",
        _SENDERS,
        past=True,
    ),
    Fact(
        "other_bulk_senders",
        Unit.SENDERS,
        f"Senders by other ways that had more than {PLAYBOOK_THRESHOLD} messages to outside in an "
        "hour of the window.",
        _BULK,
    ),
    Fact("addresses", Unit.ADDRESSES, "Addresses that handed mail over.", _ADDRESSES),
    Fact(
        "new_address_share",
        Unit.SHARE,
        "Share of the window's messages from addresses unknown in the connector's own past. Null "
        "under seven days, or without mail in it.",
        _ADDRESSES,
        past=True,
    ),
    Fact(
        "gateway_share",
        Unit.SHARE,
        "Share of the window's messages from the organisation's known gateways.",
        _ADDRESSES,
    ),
    Fact(
        "simulation_share",
        Unit.SHARE,
        "Share of the window's messages from known phishing simulation vendors.",
        _ADDRESSES,
    ),
    Fact(
        "new_envelope_domain_share",
        Unit.SHARE,
        "Share of the window's messages with a P1 domain unknown in the connector's own past. "
        "Null under seven days, or without mail in it.",
        _DOMAINS,
        past=True,
    ),
    Fact(
        "new_header_domain_share",
        Unit.SHARE,
        "Share of the window's messages with a P2 domain unknown in the connector's own past. "
        "Null under seven days, or without mail in it.",
        _DOMAINS,
        past=True,
    ),
    Fact(
        "unaccepted_sender_share",
        Unit.SHARE,
        "Share of the window's messages whose P2 domain is none of the tenant's.",
        _DOMAINS | _OWN,
    ),
    Fact(
        "baseline_unaccepted_sender_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _OWN,
        past=True,
    ),
    Fact(
        "relayed_share",
        Unit.SHARE,
        "Share of the window's messages that went outside, by EmailDirection, though their P2 "
        "domain is none of the tenant's.",
        _DOMAINS | _SENDERS_MAIL.reads("Outbound") | _OWN,
    ),
    Fact(
        "baseline_relayed_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _SENDERS_MAIL.reads("Outbound") | _OWN,
        past=True,
    ),
    Fact(
        "stranger_share",
        Unit.SHARE,
        "Of them, those whose P2 domain is no known partner's and nobody in the tenant mailed in "
        "the baseline, as a share of all the window's messages. Null under seven days.",
        _DOMAINS | _SENDERS_MAIL.reads("Outbound") | _OWN | _KNOWN_DOMAINS,
        past=True,
    ),
    Fact(
        "lookalike_share",
        Unit.SHARE,
        "Share of the window's messages with a P1 or P2 domain that is none of the tenant's but "
        "looks like one.",
        _DOMAINS | _OWN,
    ),
    Fact("header_domains", Unit.DOMAINS, "P2 domains of the window's messages.", _DOMAINS),
    Fact(
        "own_authenticated_share",
        Unit.SHARE,
        "Share of the window's messages whose P2 domain is the tenant's and passed DMARC.",
        _DOMAINS | _SENDERS_MAIL.reads("Authenticated") | _OWN,
    ),
    Fact(
        "own_unauthenticated_share",
        Unit.SHARE,
        "Share of the window's messages whose P2 domain is the tenant's and failed DMARC.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated") | _OWN,
    ),
    Fact(
        "baseline_own_unauthenticated_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated") | _OWN,
        past=True,
    ),
    Fact(
        "unauthenticated_share",
        Unit.SHARE,
        "Share of the window's messages that failed DMARC.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated"),
    ),
    Fact(
        "baseline_unauthenticated_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _DOMAINS | _SENDERS_MAIL.reads("Unauthenticated"),
        past=True,
    ),
    *_fresh("address", "from addresses that are", _SOURCES, "Address"),
    *_fresh("domain", "whose P1 or P2 domain is", _SENDERS_MAIL, "P1", "P2"),
    *(
        Fact(
            name,
            Unit.SHARE,
            f"Share of the messages with a P1 or P2 domain new to the connector that {what}. 0 "
            "where there are none.",
            _DOMAINS | _SENDERS_MAIL.reads(*columns) | _OWN,
            past=True,
        )
        for name, (what, *columns) in _FRESH_KINDS.items()
    ),
    Fact(
        "fresh_since_suspicious",
        Unit.MESSAGES,
        "Messages from addresses new to the connector, since its first change that followed a "
        "suspicious sign-in of the one who made it.",
        _ADDRESSES | SUSPICION,
        past=True,
    ),
    *_turn_facts(),
    _hourly(
        "bad_outbound_share",
        Unit.SHARE,
        "Share of the window's messages to outside that are phishing or malware, or were junked, "
        "blocked or replaced; 0 where none went outside.",
        "BadOutbound",
        "Outbound",
    ),
    Fact(
        "direct_messages",
        Unit.MESSAGES,
        "Messages of the window's days that came in through no connector and from no account, in "
        "the name of the recipient's own domain (Direct Send).",
        _DIRECT,
    ),
    Fact(
        "baseline_direct_daily",
        Unit.RATE,
        "Such messages a day in the tenant's baseline. Null under seven days.",
        _DIRECT,
        past=True,
    ),
    Fact(
        "external_share",
        Unit.SHARE,
        "Share of the window's deliveries to domains that are none of the tenant's.",
        _RECIPIENTS | _OWN,
    ),
    Fact(
        "baseline_external_share",
        Unit.SHARE,
        "The same in the connector's own past.",
        _RECIPIENTS | _OWN,
        past=True,
    ),
    Fact(
        "external_domains",
        Unit.DOMAINS,
        "Recipient domains that are none of the tenant's.",
        _RECIPIENTS | _OWN,
    ),
    Fact(
        "unknown_domains",
        Unit.DOMAINS,
        "Of them, those that nobody in the tenant mailed in the baseline. Null under seven days.",
        _KNOWN | _OWN,
        past=True,
    ),
    Fact(
        "unknown_recipient_share",
        Unit.SHARE,
        "Share of the window's deliveries to such unknown domains. Null under seven days.",
        _KNOWN | _OWN,
        past=True,
    ),
    Fact(
        "acquaintance_share",
        Unit.SHARE,
        "Share of the window's deliveries to domains that the tenant mailed in the baseline, but "
        "not through this connector: customers and vendors that it never wrote to. Null under "
        "seven days.",
        _KNOWN | _OWN,
        past=True,
    ),
    Fact(
        "partner_share",
        Unit.SHARE,
        "Share of the window's deliveries to domains of known partners.",
        _RECIPIENTS,
    ),
)
"""The facts of EmailEvents."""


def mail_facts(rows: MailRows, judged: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The facts of EmailEvents, one row for each judgement.

    Args:
        rows: keyed by connector (`MailRows.by_connector`).
        judged: see `judged_frame`.
        context: what the organisation knows of itself.

    Returns:
        Connector, At, PeakHour (null without mail), and a column for each of `MAIL_FACTS`.
    """
    own = own_domains(rows.tenant_domains, judged, context)
    parts = [
        _hour_facts(rows.connector_hours, judged),
        _sender_facts(rows.sender_hours, judged),
        _other_facts(rows.bulk_senders, judged),
        _address_facts(rows.sending_addresses, judged, context),
        _domain_facts(rows.sender_domains, rows.correspondents, judged, context, own),
        _direct_facts(rows.tenant_domains, judged),
        _recipient_facts(rows.recipient_domains, rows.correspondents, judged, context, own),
    ]
    facts = judged.select("Connector", "At")
    for part in parts:
        facts = facts.join(part, on=["Connector", "At"], how="left")
    measured = (Unit.SHARE, Unit.RATIO, Unit.RATE)
    counts = [fact.name for fact in MAIL_FACTS if fact.unit not in measured]
    always = [name for name in counts if name not in _MAY_BE_NULL]
    return facts.with_columns(pl.col(always).fill_null(0))


_MAY_BE_NULL = {
    *("baseline_peak_hour", "unknown_domains", "baseline_days", "external_domains"),
    *("fresh_address_messages", "fresh_domain_messages", "fresh_since_suspicious"),
    *("peak_since_change", "peak_before_change", "daily_since_change", "daily_before_change"),
}
_IN = pl.col("In")
_PAST = pl.col("Past")
_KEYS = ("Connector", "At")
_TELLING = 5
_ALIKE = 0.85


def _placed(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The rows of each judged connector; In the window, or in its own Past."""
    hour = pl.col("Hour")
    return (
        judged.join(rows, on="Connector")
        .with_columns(
            In=(hour >= pl.col("Start")) & (hour < pl.col("End")),
            Past=(hour >= pl.col("OwnStart")) & (hour < pl.col("Start")),
        )
        .filter(_IN | _PAST)
    )


_COMPARABLE = pl.col("IsNew") | (pl.col("OwnDays") >= MINIMUM_BASELINE.days)


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)


def _share_where(column: str, where: pl.Expr, of: str = "Messages") -> pl.Expr:
    return _ratio(pl.col(column).filter(where).sum(), pl.col(of).filter(where).sum())


def _enough(days: str) -> pl.Expr:
    return pl.col(days).first() >= MINIMUM_BASELINE.days


def _hour_facts(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    messages = pl.col("Messages")
    after = _IN & (pl.col("Hour") >= pl.col("AtHour"))
    peak = messages.filter(_IN).max().fill_null(0)
    past_peak = messages.filter(_PAST).max().fill_null(0)
    daily = messages.filter(_IN).sum() / pl.max_horizontal(pl.col("WindowDays").first(), 1)
    past_daily = messages.filter(_PAST).sum() / pl.max_horizontal(pl.col("OwnDays").first(), 1)
    since = _IN & (pl.col("Hour") >= pl.col("Changed"))
    before = (pl.col("Hour") < pl.col("Changed")) & (pl.col("Hour") >= pl.col("OwnStart"))
    into_window = ((pl.col("Changed") - pl.col("Start")).dt.total_hours() / 24).first()
    days_since = pl.col("WindowDays").first() - into_window
    days_before = pl.col("OwnDays").first() + into_window
    shares = {
        name: expr
        for fact, (column, _) in SHARES.items()
        for name, expr in (
            (f"{fact}_share", _share_where(column, _IN)),
            (f"baseline_{fact}_share", _share_where(column, _PAST)),
        )
    }
    counted = (
        _placed(rows, judged)
        .group_by(_KEYS)
        .agg(
            messages=messages.filter(_IN).sum(),
            messages_before=messages.filter(_IN & (pl.col("Hour") < pl.col("AtHour"))).sum(),
            messages_after=messages.filter(after).sum(),
            deliveries=pl.col("Deliveries").filter(_IN).sum(),
            active_hours=pl.col("Hour").filter(_IN).n_unique().cast(pl.Int64),
            peak_hour_messages=peak,
            PeakHour=pl.col("Hour").filter(_IN & (messages == peak)).min(),
            baseline_messages=messages.filter(_PAST).sum(),
            baseline_peak_hour=pl.when(_enough("OwnDays")).then(past_peak),
            peak_ratio=pl.when(_enough("OwnDays")).then(peak / pl.max_horizontal(past_peak, 1)),
            daily_ratio=pl.when(_enough("OwnDays")).then(daily / pl.max_horizontal(past_daily, 1)),
            peak_since_change=messages.filter(since).max(),
            peak_before_change=messages.filter(before).max(),
            daily_since_change=messages.filter(since).sum() / pl.max_horizontal(days_since, 1),
            daily_before_change=messages.filter(before).sum() / pl.max_horizontal(days_before, 1),
            bad_outbound_share=_ratio(
                pl.col("BadOutbound").filter(_IN).sum(),
                pl.max_horizontal(
                    pl.col("Outbound").filter(_IN).sum(), messages.filter(_IN).sum().clip(0, 1)
                ),
            ),
            **shares,
        )
    )
    silent = pl.when(pl.col("OwnDays") >= MINIMUM_BASELINE.days).then(0)
    compared = pl.when(_COMPARABLE)
    return (
        judged.join(counted, on=_KEYS, how="left")
        .with_columns(
            baseline_days=pl.col("OwnDays"),
            baseline_peak_hour=pl.coalesce("baseline_peak_hour", silent),
            peak_ratio=pl.coalesce("peak_ratio", silent),
            daily_ratio=pl.coalesce("daily_ratio", silent),
            **{fact.name: compared.then(pl.col(fact.name).fill_null(0)) for fact in _turn_facts()},
        )
        .drop(judged.columns[2:])
    )


def _sender_facts(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    return (
        _placed(rows, judged)
        .group_by(_KEYS)
        .agg(
            sender_hours_over_threshold=_IN.sum().cast(pl.Int64),
            baseline_sender_hours_over_threshold=_PAST.sum().cast(pl.Int64),
        )
    )


def _other_facts(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    windows = judged.select("At", "Start", "End").unique()
    senders = (
        rows.join(windows, how="cross")
        .filter(pl.col("Hour") >= pl.col("Start"), pl.col("Hour") < pl.col("End"))
        .select("At", "SenderFromAddress", Via="Connector")
        .unique()
    )
    return (
        judged.select(_KEYS)
        .join(senders, on="At")
        .filter(pl.col("Via") != pl.col("Connector"))
        .group_by(_KEYS)
        .agg(other_bulk_senders=pl.col("SenderFromAddress").n_unique().cast(pl.Int64))
    )


def _new_share(placed: pl.DataFrame, by: str, name: str) -> pl.DataFrame:
    """The share of the window's messages whose `by` does not occur in the connector's past."""
    past = placed.filter(_PAST)
    unseen = placed.filter(_IN).join(past.select(*_KEYS, by).unique(), on=[*_KEYS, by], how="anti")
    whole = placed.group_by(_KEYS).agg(
        Whole=pl.col("Messages").filter(_IN).sum(),
        Known=pl.col("Messages").filter(_PAST).sum(),
        Enough=_enough("OwnDays"),
    )
    share = _ratio(pl.col("New").fill_null(0), pl.col("Whole"))
    return (
        whole.join(unseen.group_by(_KEYS).agg(New=pl.col("Messages").sum()), on=_KEYS, how="left")
        .with_columns(pl.when(pl.col("Enough") & (pl.col("Known") > 0)).then(share).alias(name))
        .select(*_KEYS, name)
    )


def _fresh_facts(
    placed: pl.DataFrame,
    judged: pl.DataFrame,
    of: str,
    *names: str,
    shares: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """The facts of what is new to the connector, by some names: addresses, or domains.

    `shares` are further facts, each the share of those messages that a column counts.
    """
    marked = placed
    for name in names:
        known = placed.filter(_PAST).select(*_KEYS, name).unique()
        marked = marked.join(
            known.with_columns(pl.lit(value=True).alias(f"{name}Known")),
            on=[*_KEYS, name],
            how="left",
        )
    counted_shares = {
        f"fresh_{of}_bad_share": "Bad",
        f"fresh_{of}_outbound_share": "Outbound",
        **(shares or {}),
    }
    fresh = _IN & pl.any_horizontal(pl.col(f"{name}Known").is_null() for name in names)
    messages = pl.col("Messages")
    suspected = (pl.col("Hour") >= pl.col("Suspected")).fill_null(value=False)
    counted = marked.group_by(_KEYS).agg(
        messages.filter(fresh).sum().alias(f"fresh_{of}_messages"),
        *(
            _ratio(pl.col(column).filter(fresh).sum(), messages.filter(fresh).sum()).alias(name)
            for name, column in counted_shares.items()
        ),
        messages.filter(fresh & suspected).sum().alias("fresh_since_suspicious"),
    )
    facts = counted.columns[len(_KEYS) :]
    return (
        judged.join(counted, on=_KEYS, how="left")
        .with_columns(pl.when(_COMPARABLE).then(pl.col(name).fill_null(0)) for name in facts)
        .select(*_KEYS, *facts)
    )


def _address_facts(rows: pl.DataFrame, judged: pl.DataFrame, context: Context) -> pl.DataFrame:
    seen = rows["Address"].unique().to_list()
    gateways = [address for address in seen if in_networks(address, context.gateways)]
    vendors = [address for address in seen if in_networks(address, context.simulation_vendors)]
    placed = _placed(rows, judged)
    address = pl.col("Address")
    messages = pl.col("Messages")

    def share_from(addresses: list[str]) -> pl.Expr:
        return _ratio(
            messages.filter(_IN & address.is_in(addresses)).sum(), messages.filter(_IN).sum()
        )

    counted = placed.group_by(_KEYS).agg(
        addresses=_number_of("Address", _IN & (address != "")),
        gateway_share=share_from(gateways),
        simulation_share=share_from(vendors),
    )
    fresh = _fresh_facts(placed, judged, "address", "Address")
    return fresh.join(counted, on=_KEYS, how="left").join(
        _new_share(placed, "Address", "new_address_share"), on=_KEYS, how="left"
    )


def _number_of(name: str, where: pl.Expr) -> pl.Expr:
    """How many names there are; of an hour with too many to tell apart, their number counts."""
    single = pl.col(name).filter(where & (pl.col(name) != MANY)).n_unique()
    many = pl.col(f"{name}Count").filter(where & (pl.col(name) == MANY))
    return single.cast(pl.Int64) + many.max().fill_null(0)


def _domain_facts(
    rows: pl.DataFrame,
    known: pl.DataFrame,
    judged: pl.DataFrame,
    context: Context,
    own_domains: pl.DataFrame,
) -> pl.DataFrame:
    placed = _placed(rows, judged)
    marked = _met_before(_marked(placed, "P2", own_domains), known, "P2")
    for column in ("P1", "P2"):
        marked = _marked(marked, column, own_domains, f"Like{column}", _looks_like)
    partners = _under(pl.col("P2"), rows["P2"], context.partners)
    foreign = pl.col("Foreign")
    tenants = ~foreign & (pl.col("P2") != "")
    whole = pl.col("Messages").filter(_IN).sum()
    acquainted = pl.col("TenantDays").first() >= MINIMUM_BASELINE.days
    told = foreign.is_not_null().any()
    counted = marked.group_by(_KEYS).agg(
        unaccepted_sender_share=_foreign_share("Messages", _IN),
        baseline_unaccepted_sender_share=_foreign_share("Messages", _PAST),
        relayed_share=_share_of("Outbound", _IN, foreign),
        baseline_relayed_share=_share_of("Outbound", _PAST, foreign),
        stranger_share=pl.when(acquainted & told).then(
            _ratio(
                pl.col("Outbound").filter(_IN & foreign & ~pl.col("Met") & ~partners).sum(), whole
            )
        ),
        lookalike_share=_share_of(
            "Messages", _IN, pl.col("LikeP1").fill_null(value=False) | pl.col("LikeP2")
        ),
        header_domains=_number_of("P2", _IN & (pl.col("P2") != "")),
        own_authenticated_share=_share_of("Authenticated", _IN, tenants),
        own_unauthenticated_share=_share_of("Unauthenticated", _IN, tenants),
        baseline_own_unauthenticated_share=_share_of("Unauthenticated", _PAST, tenants),
        unauthenticated_share=_share_where("Unauthenticated", _IN),
        baseline_unauthenticated_share=_share_where("Unauthenticated", _PAST),
    )
    for by, name in (("P1", "new_envelope_domain_share"), ("P2", "new_header_domain_share")):
        counted = counted.join(_new_share(placed, by, name), on=_KEYS, how="left")
    kinds = _kinds()
    fresh = _fresh_facts(
        marked.with_columns(**kinds),
        judged,
        "domain",
        "P1",
        "P2",
        shares={name: name for name in kinds},
    ).drop("fresh_since_suspicious")
    return fresh.join(counted, on=_KEYS, how="left")


def _kinds() -> dict[str, pl.Expr]:
    """How many of a row's messages are of each of `_FRESH_KINDS`; null where not known."""
    alike = pl.col("LikeP1").fill_null(value=False) | pl.col("LikeP2")
    foreign = pl.col("Foreign")
    incoming = pl.col("Messages") - pl.col("Outbound")
    counted = {
        "fresh_own_authenticated_share": (~foreign & ~alike, pl.col("Authenticated")),
        "fresh_own_unauthenticated_share": (~foreign & ~alike, pl.col("Unauthenticated")),
        "fresh_incoming_share": (foreign & ~alike, incoming),
        "fresh_relayed_share": (foreign & ~alike, pl.col("Outbound")),
        "fresh_lookalike_share": (alike, pl.col("Messages")),
    }
    return {
        name: pl.when(foreign.is_not_null()).then(pl.when(kind).then(count).otherwise(0))
        for name, (kind, count) in counted.items()
    }


def _recipient_facts(
    rows: pl.DataFrame,
    known: pl.DataFrame,
    judged: pl.DataFrame,
    context: Context,
    own_domains: pl.DataFrame,
) -> pl.DataFrame:
    placed = _marked(_placed(rows, judged), "Domain", own_domains)
    deliveries = pl.col("Deliveries")
    whole = deliveries.filter(_IN).sum()
    partners = _under(pl.col("Domain"), rows["Domain"], context.partners)
    foreign = pl.col("Foreign")
    counted = placed.group_by(_KEYS).agg(
        external_share=_foreign_share("Deliveries", _IN),
        baseline_external_share=_foreign_share("Deliveries", _PAST),
        external_domains=pl.when(foreign.is_not_null().any()).then(
            _number_of("Domain", _IN & foreign)
        ),
        partner_share=_ratio(deliveries.filter(_IN & partners).sum(), whole),
        Whole=whole,
        Enough=(pl.col("TenantDays").first() >= MINIMUM_BASELINE.days)
        & foreign.is_not_null().any(),
    )
    mailed = (
        placed.filter(_IN & foreign)
        .group_by(*_KEYS, "Domain", "BaselineStart", "Start")
        .agg(deliveries.sum(), pl.col("DomainCount").max())
    )
    met = _met_before(mailed, known, "Domain")
    own = (
        placed.filter(_PAST).select(*_KEYS, "Domain").unique().with_columns(Own=pl.lit(value=True))
    )
    met = (
        met.join(own, on=[*_KEYS, "Domain"], how="left")
        .with_columns(
            Met=pl.col("Met") | (pl.col("Own").is_not_null() & (pl.col("Domain") == MANY))
        )
        .group_by(_KEYS)
        .agg(
            unknown_domains=_number_of("Domain", ~pl.col("Met")),
            Unknown=deliveries.filter(~pl.col("Met")).sum(),
            Acquainted=deliveries.filter(pl.col("Met") & pl.col("Own").is_null()).sum(),
        )
    )
    enough = pl.col("Enough")
    return (
        counted.join(met, on=_KEYS, how="left")
        .with_columns(
            unknown_domains=pl.when(enough).then(pl.col("unknown_domains").fill_null(0)),
            unknown_recipient_share=pl.when(enough).then(
                _ratio(pl.col("Unknown").fill_null(0), pl.col("Whole"))
            ),
            acquaintance_share=pl.when(enough).then(
                _ratio(pl.col("Acquainted").fill_null(0), pl.col("Whole"))
            ),
        )
        .drop("Whole", "Enough", "Unknown", "Acquainted")
    )


def _direct_facts(tenant_domains: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Mail that came straight in, by days of the tenant's clock."""
    day, direct = pl.col("Day"), pl.col("Direct")
    start = pl.col("Start").dt.truncate("1d")
    past = direct.filter((day >= pl.col("BaselineStart")) & (day < start)).sum()
    days = pl.col("TenantDays").first()
    return (
        judged.select(*_KEYS, "BaselineStart", "Start", "End", "TenantDays")
        .join(tenant_domains.select("Day", "Direct"), how="cross")
        .group_by(_KEYS)
        .agg(
            direct_messages=direct.filter((day >= start) & (day < pl.col("End"))).sum(),
            baseline_direct_daily=pl.when(days >= MINIMUM_BASELINE.days).then(past / days),
        )
    )


def _met_before(mailed: pl.DataFrame, known: pl.DataFrame, column: str) -> pl.DataFrame:
    """Mark the rows with a domain, in `column`, that the tenant mailed in the baseline.

    The latest day of the domain that began before the window tells: days do not overlap.
    """
    just_before = pl.col("Start") - pl.duration(microseconds=1)
    return (
        mailed.with_columns(Before=just_before)
        .sort("Before")
        .join_asof(
            known.sort("First").select(pl.col("Domain").alias(column), "First", "Last"),
            left_on="Before",
            right_on="First",
            by=column,
            check_sortedness=False,
        )
        .with_columns(Met=(pl.col("Last") >= pl.col("BaselineStart")).fill_null(value=False))
        .drop("Before", "First", "Last")
    )


def own_domains(
    tenant_domains: pl.DataFrame, judged: pl.DataFrame, context: Context
) -> pl.DataFrame:
    """The tenant's domains as each judgement may know them: At, Domain.

    Those of the context; or else those seen as recipients on at least three days of the period
    (on every day, where it has fewer).
    """
    windows = judged.select("At", "BaselineStart", "End").unique()
    if context.accepted_domains:
        given = pl.DataFrame({"Domain": list(context.accepted_domains)})
        return windows.select("At").join(given, how="cross")
    seen = (
        tenant_domains.filter(pl.col("Domain") != "")
        .join(windows, how="cross")
        .filter(pl.col("Last") >= pl.col("BaselineStart"), pl.col("First") < pl.col("End"))
    )
    days = seen.group_by("At").agg(Needed=pl.min_horizontal(pl.col("Day").n_unique(), 3))
    return (
        seen.group_by("At", "Domain")
        .agg(Days=pl.col("Day").n_unique())
        .join(days, on="At")
        .filter(pl.col("Days") >= pl.col("Needed"))
        .select("At", "Domain")
    )


def _marked(
    placed: pl.DataFrame,
    column: str,
    own_domains: pl.DataFrame,
    mark: str = "Foreign",
    test: Callable[[str, frozenset[str]], bool] | None = None,
) -> pl.DataFrame:
    """Add how the domain in `column` stands to the tenant's: by default, whether it is Foreign.

    Null where the tenant's domains are not known; false for the empty domain.
    """
    holds = test or _is_foreign
    known_at: dict[frozenset[str], list[object]] = {}
    by_time = {at[0]: frozenset(group["Domain"]) for at, group in own_domains.group_by("At")}
    for at in placed["At"].unique().to_list():
        known_at.setdefault(by_time.get(at, frozenset()), []).append(at)
    domains = placed[column].unique().to_list()
    marks = {column: pl.String(), mark: pl.Boolean()}
    verdicts = [
        pl.DataFrame({"At": times}, schema={"At": placed.schema["At"]}).join(
            pl.DataFrame(
                {column: domains, mark: [holds(d, own) if own else None for d in domains]},
                schema=marks,
            ),
            how="cross",
        )
        for own, times in known_at.items()
    ]
    empty = pl.DataFrame(schema={"At": placed.schema["At"], **marks})
    return placed.join(pl.concat([empty, *verdicts]), on=["At", column], how="left")


def _is_foreign(domain: str, own: frozenset[str]) -> bool:
    return bool(domain) and not is_under(domain, own)


def _looks_like(domain: str, own: frozenset[str]) -> bool:
    """A name that is none of these but nearly is one, or has one in it."""
    if not _is_foreign(domain, own):
        return False
    label = _label(domain)
    for name in {_label(one) for one in own}:
        if len(name) < _TELLING or abs(len(label) - len(name)) > _TELLING * 3:
            continue
        if name in label or SequenceMatcher(None, label, name).ratio() >= _ALIKE:
            return True
    return False


def _label(domain: str) -> str:
    """What names a domain: the label before its last, or before ``co.uk`` and the like."""
    labels = domain.split(".")
    while len(labels) > 2 and len(labels[-2]) <= 3:
        labels.pop()
    return labels[-2] if len(labels) > 1 else domain


def _foreign_share(of: str, where: pl.Expr) -> pl.Expr:
    return _share_of(of, where, pl.col("Foreign"), of)


def _share_of(part: str, where: pl.Expr, which: pl.Expr, of: str = "Messages") -> pl.Expr:
    """A share that is known only where the tenant's domains are."""
    known = pl.col("Foreign").is_not_null().any()
    whole = pl.col(of).filter(where).sum()
    return pl.when(known).then(_ratio(pl.col(part).filter(where & which).sum(), whole))


def _under(column: pl.Expr, seen: pl.Series, domains: Iterable[str]) -> pl.Expr:
    wanted = frozenset(domain.lower() for domain in domains)
    return column.is_in([domain for domain in seen.unique().to_list() if is_under(domain, wanted)])


def is_under(domain: str, domains: frozenset[str]) -> bool:
    """Whether a domain is one of these, or a subdomain of one."""
    labels = domain.split(".")
    return any(".".join(labels[i:]) in domains for i in range(len(labels)))
