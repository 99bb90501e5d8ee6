"""Whom the mail goes to, and whether anybody here knew them."""

import polars as pl

from exconn.context import Context
from exconn.facts.domains import is_foreign, marked, met_before, under, with_own
from exconn.facts.mail.placing import (
    IN,
    KEYS,
    PAST,
    enough,
    foreign_share,
    number_of,
    placed_names,
    placed_rows,
    ratio,
)
from exconn.facts.queries import MANY


def recipient_facts(
    rows: pl.DataFrame,
    known: pl.DataFrame,
    judged: pl.DataFrame,
    context: Context,
    own_domains: pl.DataFrame,
) -> pl.DataFrame:
    """The facts of the domains that each connector's mail goes to."""
    asked, sets = with_own(judged, own_domains)
    marks = marked(rows["Domain"], sets, Foreign=is_foreign).rename({"Name": "Domain"})
    partner = under(pl.col("Domain"), rows["Domain"], context.partners)
    deliveries, foreign = pl.col("Deliveries"), pl.col("Foreign")
    by_kind = (
        rows.join(marks, on="Domain")
        .group_by("Connector", "Hour", "Own", "Foreign", Partner=partner)
        .agg(deliveries.sum())
    )
    whole = deliveries.filter(IN).sum()
    told = foreign.is_not_null().any()
    counted = (
        placed_rows(by_kind, asked, on=("Connector", "Own"))
        .group_by(KEYS)
        .agg(
            external_share=foreign_share("Deliveries", IN),
            baseline_external_share=foreign_share("Deliveries", PAST),
            partner_share=ratio(deliveries.filter(IN & pl.col("Partner")).sum(), whole),
            Whole=whole,
            Told=told,
            Enough=told & enough("TenantDays"),
        )
    )
    outside = rows.join(marks.filter("Foreign"), on="Domain")
    theirs, in_order = outside.partition_by("Connector", as_dict=True), known.sort("First")
    met = pl.concat(
        _met(theirs.get(key, outside.clear()), in_order, some)
        for key, some in asked.group_by("Connector", maintain_order=True)
    )  # one connector after the other: there are more domains of windows than of mail
    return (
        counted.join(met, on=KEYS, how="left")
        .with_columns(
            external_domains=pl.when("Told").then(pl.col("external_domains").fill_null(0)),
            unknown_domains=pl.when("Enough").then(pl.col("unknown_domains").fill_null(0)),
            unknown_recipient_share=pl.when("Enough").then(
                ratio(pl.col("Unknown").fill_null(0), pl.col("Whole"))
            ),
            acquaintance_share=pl.when("Enough").then(
                ratio(pl.col("Acquainted").fill_null(0), pl.col("Whole"))
            ),
        )
        .drop("Whole", "Told", "Enough", "Unknown", "Acquainted")
    )


def _met(outside: pl.DataFrame, known: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """How much mail went outside to whom nobody here had mailed, and to whom only others had."""
    deliveries, met, own = pl.col("Deliveries"), pl.col("Met"), pl.col("Own")
    placed = placed_names(outside, asked)
    mailed = (
        placed.filter(IN)
        .group_by(*KEYS, "Domain", "BaselineStart", "Start")
        .agg(deliveries.sum(), pl.col("DomainCount").max())
        .collect()
    )
    past = placed.filter(PAST).select(*KEYS, "Domain", Own=pl.lit(value=True)).unique().collect()
    return (
        met_before(mailed, known, "Domain")
        .join(past, on=[*KEYS, "Domain"], how="left")
        .with_columns(Met=met | (own.is_not_null() & (pl.col("Domain") == MANY)))
        .group_by(KEYS)
        .agg(
            external_domains=number_of("Domain", pl.lit(value=True)),
            unknown_domains=number_of("Domain", ~met),
            Unknown=deliveries.filter(~met).sum(),
            Acquainted=deliveries.filter(met & own.is_null()).sum(),
        )
    )
