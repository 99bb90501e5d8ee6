"""How much mail, when, and from whom in bulk."""

import polars as pl

from exconn.facts.judgement import MINIMUM_BASELINE
from exconn.facts.mail.definitions import SHARES, turn_facts
from exconn.facts.mail.placing import (
    COMPARABLE,
    IN,
    KEYS,
    PAST,
    enough,
    placed_rows,
    ratio,
    share_where,
)


def hour_facts(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The facts of each connector's mail by hour, and PeakHour."""
    messages = pl.col("Messages")
    after = IN & (pl.col("Hour") >= pl.col("AtHour"))
    peak = messages.filter(IN).max().fill_null(0)
    past_peak = messages.filter(PAST).max().fill_null(0)
    daily = messages.filter(IN).sum() / pl.max_horizontal(pl.col("WindowDays").first(), 1)
    past_daily = messages.filter(PAST).sum() / pl.max_horizontal(pl.col("OwnDays").first(), 1)
    since = IN & (pl.col("Hour") >= pl.col("Changed"))
    before = (pl.col("Hour") < pl.col("Changed")) & (pl.col("Hour") >= pl.col("OwnStart"))
    into_window = ((pl.col("Changed") - pl.col("Start")).dt.total_hours() / 24).first()
    days_since = pl.col("WindowDays").first() - into_window
    days_before = pl.col("OwnDays").first() + into_window
    shares = {
        name: expr
        for fact, (column, _) in SHARES.items()
        for name, expr in (
            (f"{fact}_share", share_where(column, IN)),
            (f"baseline_{fact}_share", share_where(column, PAST)),
        )
    }
    counted = (
        placed_rows(rows, judged)
        .group_by(KEYS)
        .agg(
            messages=messages.filter(IN).sum(),
            messages_before=messages.filter(IN & (pl.col("Hour") < pl.col("AtHour"))).sum(),
            messages_after=messages.filter(after).sum(),
            deliveries=pl.col("Deliveries").filter(IN).sum(),
            active_hours=pl.col("Hour").filter(IN).n_unique().cast(pl.Int64),
            peak_hour_messages=peak,
            PeakHour=pl.col("Hour").filter(IN & (messages == peak)).min(),
            baseline_messages=messages.filter(PAST).sum(),
            baseline_peak_hour=pl.when(enough("OwnDays")).then(past_peak),
            peak_ratio=pl.when(enough("OwnDays")).then(peak / pl.max_horizontal(past_peak, 1)),
            daily_ratio=pl.when(enough("OwnDays")).then(daily / pl.max_horizontal(past_daily, 1)),
            peak_since_change=messages.filter(since).max(),
            peak_before_change=messages.filter(before).max(),
            daily_since_change=messages.filter(since).sum() / pl.max_horizontal(days_since, 1),
            daily_before_change=messages.filter(before).sum() / pl.max_horizontal(days_before, 1),
            bad_outbound_share=ratio(
                pl.col("BadOutbound").filter(IN).sum(),
                pl.max_horizontal(
                    pl.col("Outbound").filter(IN).sum(), messages.filter(IN).sum().clip(0, 1)
                ),
            ),
            **shares,
        )
    )
    silent = pl.when(pl.col("OwnDays") >= MINIMUM_BASELINE.days).then(0)
    compared = pl.when(COMPARABLE)
    return (
        judged.join(counted, on=KEYS, how="left")
        .with_columns(
            baseline_days=pl.col("OwnDays"),
            baseline_peak_hour=pl.coalesce("baseline_peak_hour", silent),
            peak_ratio=pl.coalesce("peak_ratio", silent),
            daily_ratio=pl.coalesce("daily_ratio", silent),
            **{fact.name: compared.then(pl.col(fact.name).fill_null(0)) for fact in turn_facts()},
        )
        .drop(judged.columns[2:])
    )


def sender_facts(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The facts of single senders with much mail in an hour."""
    return (
        placed_rows(rows, judged)
        .group_by(KEYS)
        .agg(
            sender_hours_over_threshold=IN.sum().cast(pl.Int64),
            baseline_sender_hours_over_threshold=PAST.sum().cast(pl.Int64),
        )
    )


def other_facts(rows: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The facts of those who send in bulk by other ways."""
    windows = judged.select("At", "Start", "End").unique()
    senders = (
        rows.join(windows, how="cross")
        .filter(pl.col("Hour") >= pl.col("Start"), pl.col("Hour") < pl.col("End"))
        .select("At", "SenderFromAddress", Via="Connector")
        .unique()
    )
    return (
        judged.select(KEYS)
        .join(senders, on="At")
        .filter(pl.col("Via") != pl.col("Connector"))
        .group_by(KEYS)
        .agg(other_bulk_senders=pl.col("SenderFromAddress").n_unique().cast(pl.Int64))
    )


def direct_facts(tenant_domains: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Mail that came straight in, by days of the tenant's clock."""
    day, direct = pl.col("Day"), pl.col("Direct")
    start = pl.col("Start").dt.truncate("1d")
    past = direct.filter((day >= pl.col("BaselineStart")) & (day < start)).sum()
    days = pl.col("TenantDays").first()
    by_day = tenant_domains.group_by("Day").agg(direct.sum())
    return (
        judged.select(*KEYS, "BaselineStart", "Start", "End", "TenantDays")
        .join(by_day, how="cross")
        .group_by(KEYS)
        .agg(
            direct_messages=direct.filter(
                (day >= start) & (day < pl.col("End").dt.truncate("1d"))
            ).sum(),
            baseline_direct_daily=pl.when(days >= MINIMUM_BASELINE.days).then(past / days),
        )
    )
