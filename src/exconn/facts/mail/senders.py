"""From which addresses and in which domains' names the mail comes, and what of it is new."""

import polars as pl

from exconn.context import Context, in_networks
from exconn.facts.domains import is_foreign, looks_like, marked, met_before, under, with_own
from exconn.facts.judgement import MINIMUM_BASELINE
from exconn.facts.mail.names import Names
from exconn.facts.mail.placing import (
    COMPARABLE,
    IN,
    KEYS,
    PAST,
    foreign_share,
    placed_names,
    placed_rows,
    ratio,
    share_of,
    share_where,
)
from exconn.facts.queries import MANY

_PLACE = ("Connector", "Hour")
_SOME = "-"
"""Stands for any name, where it does not matter which."""


def address_facts(rows: pl.DataFrame, judged: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The facts of the addresses that hand each connector's mail over."""
    names = Names(rows, "Address")
    address, messages = pl.col("Address"), pl.col("Messages")
    seen = rows["Address"].unique().to_list()
    kinds = {
        kind: address.is_in([one for one in seen if in_networks(one, networks)])
        for kind, networks in (
            ("Gateway", context.gateways),
            ("Vendor", context.simulation_vendors),
        )
    }
    by_kind = rows.with_columns(**kinds).group_by(*_PLACE, *kinds).agg(messages.sum())
    counted = (
        placed_rows(by_kind, judged)
        .group_by(KEYS)
        .agg(
            gateway_share=_share_from(pl.col("Gateway")),
            simulation_share=_share_from(pl.col("Vendor")),
            **_WHOLE,
        )
    )
    fresh = address != ""
    changers = pl.col("ChangersAt")
    new = _fresh_facts(
        names.fresh(judged),
        judged,
        **_fresh_counts("address", fresh),
        fresh_address_authenticated_share=share_where("Authenticated", fresh),
        fresh_since_suspicious=messages.filter(
            fresh & (pl.col("Hour") >= pl.col("Suspected"))
        ).sum(),
        Changers=messages.filter(fresh & changers.list.contains(address)).sum(),
        New=messages.sum(),
    )
    return (
        judged.join(names.number(judged, "Address", "addresses"), on=KEYS)
        .join(counted, on=KEYS, how="left")
        .join(new, on=KEYS)
        .with_columns(
            new_address_share=_new_share("New"),
            changer_address_share=pl.when(COMPARABLE, changers.is_not_null()).then(
                ratio(pl.col("Changers"), pl.col("Whole")).fill_null(0)
            ),
        )
        .drop(*judged.columns[2:], *_WHOLE, "New", "Changers")
    )


def domain_facts(
    rows: pl.DataFrame,
    seen: pl.DataFrame,
    known: pl.DataFrame,
    judged: pl.DataFrame,
    context: Context,
    own_domains: pl.DataFrame,
) -> pl.DataFrame:
    """The facts of the domains in whose names each connector's mail comes.

    Args:
        rows: of the judged connectors.
        seen: whose mail came through any connector.
        known: whom the tenant mailed.
        judged: see `judged_frame`.
        context: what the organisation knows of itself.
        own_domains: the tenant's domains.
    """
    names = Names(rows, "P1", "P2")
    asked, sets = with_own(judged, own_domains)
    marks = marked(pl.concat([rows["P1"], rows["P2"]]), sets, Foreign=is_foreign, Like=looks_like)
    strangers = _strangers(rows, known, asked, context, marks)
    return (
        asked.join(names.number(judged, "P2", "header_domains"), on=KEYS)
        .join(_shares(rows, asked, marks), on=KEYS, how="left")
        .join(strangers, on=KEYS, how="left")
        .join(_fresh_domains(names.fresh(asked), seen, known, asked, marks), on=KEYS)
        .with_columns(
            new_envelope_domain_share=_new_share("NewP1"),
            new_header_domain_share=_new_share("NewP2"),
            stranger_share=pl.when("Told", pl.col("TenantDays") >= MINIMUM_BASELINE.days).then(
                ratio(pl.col("Strangers").fill_null(0), pl.col("Whole"))
            ),
        )
        .drop(*asked.columns[2:], *_WHOLE, "NewP1", "NewP2", "Told", "Strangers")
    )


def _standing(rows: pl.DataFrame, marks: pl.DataFrame) -> pl.DataFrame:
    """Rows with P1 and P2, and how these stand to the tenant's: Foreign (P2) and Alike."""
    p1 = marks.select("Own", P1="Name", LikeP1="Like")
    p2 = marks.select("Own", "Foreign", P2="Name", LikeP2="Like")
    alike = pl.col("LikeP1").fill_null(value=False) | pl.col("LikeP2")
    both = rows.join(p2, on=["Own", "P2"]).join(p1, on=["Own", "P1"])
    return both.with_columns(Alike=alike).drop("LikeP1", "LikeP2")


def _shares(rows: pl.DataFrame, asked: pl.DataFrame, marks: pl.DataFrame) -> pl.DataFrame:
    """The facts that hang on how the names stand to the tenant's, not on which they are."""
    header = pl.col("P2")
    kind = pl.when(header.is_in(["", MANY])).then(header.cast(pl.String)).otherwise(pl.lit(_SOME))
    counts = ("Messages", "Outbound", "Authenticated", "Unauthenticated")
    by_kind = [
        _standing(rows.with_columns(Own=pl.lit(own, pl.Int64())), marks)
        .group_by(*_PLACE, "Own", "Foreign", "Alike", Kind=kind)
        .agg(pl.col(counts).sum())
        for own in asked["Own"].unique()
    ]
    foreign, kind = pl.col("Foreign"), pl.col("Kind")
    others = foreign & (kind != MANY)
    tenants = ~foreign & (kind == _SOME)
    return (
        placed_rows(pl.concat(by_kind), asked, on=("Connector", "Own"))
        .group_by(KEYS)
        .agg(
            unaccepted_sender_share=foreign_share("Messages", IN),
            baseline_unaccepted_sender_share=foreign_share("Messages", PAST),
            relayed_share=share_of("Outbound", IN, others),
            baseline_relayed_share=share_of("Outbound", PAST, others),
            lookalike_share=share_of("Messages", IN, pl.col("Alike")),
            own_authenticated_share=share_of("Authenticated", IN, tenants),
            own_unauthenticated_share=share_of("Unauthenticated", IN, tenants),
            baseline_own_unauthenticated_share=share_of("Unauthenticated", PAST, tenants),
            authenticated_share=share_where("Authenticated", IN),
            unauthenticated_share=share_where("Unauthenticated", IN),
            baseline_unauthenticated_share=share_where("Unauthenticated", PAST),
            Told=foreign.is_not_null().any(),
            **_WHOLE,
        )
    )


def _strangers(
    rows: pl.DataFrame,
    known: pl.DataFrame,
    asked: pl.DataFrame,
    context: Context,
    marks: pl.DataFrame,
) -> pl.DataFrame:
    """Mail to outside in the names of others whom the tenant never mailed: Strangers."""
    partners = under(pl.col("P2"), rows["P2"], context.partners)
    outside = rows.filter(pl.col("Outbound") > 0, pl.col("P2") != MANY, ~partners)
    foreign = marks.filter("Foreign").select("Own", P2="Name")
    relayed = (
        outside.join(foreign, on="P2").group_by(*_PLACE, "Own", "P2").agg(pl.col("Outbound").sum())
    )
    placed = placed_names(relayed, asked).filter(IN)
    met = met_before(placed.collect(), known, "P2")
    return met.group_by(KEYS).agg(Strangers=pl.col("Outbound").filter(~pl.col("Met")).sum())


def _fresh_domains(
    fresh: pl.DataFrame,
    seen: pl.DataFrame,
    known: pl.DataFrame,
    asked: pl.DataFrame,
    marks: pl.DataFrame,
) -> pl.DataFrame:
    """The facts of what comes in names that are new to the connector; and NewP1, NewP2."""
    counts = ("Messages", "Outbound", "Bad", "Authenticated", "Unauthenticated")
    by = (*KEYS, "Own", "BaselineStart", "Start", "P1", "P2", "P1New", "P2New")
    of_window = fresh.group_by(by).agg(pl.col(counts).sum())
    standing = met_before(_standing(of_window, marks), known, "P2").rename({"Met": "Mailed"})
    kinds = _kinds()
    new = met_before(standing, seen, "P2").with_columns(**kinds)
    p1, p2, messages = pl.col("P1"), pl.col("P2"), pl.col("Messages")
    named = (pl.col("P1New") & (p1 != "")) | (pl.col("P2New") & (p2 != ""))
    vouching = pl.col("Mailed") & (pl.col("fresh_known_share") > 0)
    by_kind = {name: share_where(name, named) for name in kinds}
    by_kind["fresh_known_domains"] = p2.filter(named & vouching).n_unique()
    facts = _fresh_facts(
        new,
        asked,
        **_fresh_counts("domain", named),
        **by_kind,
        NewP1=messages.filter("P1New").sum(),
        NewP2=messages.filter("P2New").sum(),
    )
    return (
        facts.join(asked.select(*KEYS, "Known"), on=KEYS)
        .with_columns(pl.when("Known").then(pl.col(name)).alias(name) for name in by_kind)
        .drop("Known")
    )


_WHOLE = {
    "Whole": pl.col("Messages").filter(IN).sum(),
    "PastMessages": pl.col("Messages").filter(PAST).sum(),
}
"""How many messages there are in the window, and in the past."""


def _share_from(which: pl.Expr) -> pl.Expr:
    return ratio(pl.col("Messages").filter(IN & which).sum(), pl.col("Messages").filter(IN).sum())


def _new_share(new: str) -> pl.Expr:
    """The share of the window's messages that are new, where there is a past with mail."""
    enough = pl.col("OwnDays") >= MINIMUM_BASELINE.days
    return pl.when(enough, pl.col("PastMessages") > 0).then(
        ratio(pl.col(new).fill_null(0), pl.col("Whole"))
    )


def _fresh_facts(fresh: pl.DataFrame, judged: pl.DataFrame, **counts: pl.Expr) -> pl.DataFrame:
    """Facts of what is new to the connector: 0 where nothing is, null where that is not known."""
    counted = fresh.group_by(KEYS).agg(**counts)
    return (
        judged.join(counted, on=KEYS, how="left")
        .with_columns(pl.when(COMPARABLE).then(pl.col(name).fill_null(0)) for name in counts)
        .select(*KEYS, *counts)
    )


def _fresh_counts(of: str, fresh: pl.Expr) -> dict[str, pl.Expr]:
    """How many messages are new, and how many of them are bad, or go outside."""
    return {
        f"fresh_{of}_messages": pl.col("Messages").filter(fresh).sum(),
        f"fresh_{of}_bad_share": share_where("Bad", fresh),
        f"fresh_{of}_outbound_share": share_where("Outbound", fresh),
    }


def _kinds() -> dict[str, pl.Expr]:
    """How many of a row's messages are of each of `FRESH_KINDS`; null where not known."""
    alike, foreign, many = pl.col("Alike"), pl.col("Foreign"), pl.col("P2") == MANY
    own = ~foreign & ~alike & ~many
    known = foreign & ~alike & ~many & (pl.col("Met") | pl.col("Mailed"))
    counted = {
        "fresh_own_authenticated_share": (own, pl.col("Authenticated")),
        "fresh_own_unauthenticated_share": (own, pl.col("Unauthenticated")),
        "fresh_known_share": (
            known,
            pl.min_horizontal(pl.col("Messages") - pl.col("Outbound"), "Authenticated"),
        ),
        "fresh_relayed_share": (foreign & ~alike, pl.col("Outbound")),
        "fresh_lookalike_share": (alike, pl.col("Messages")),
    }
    return {
        name: pl.when(foreign.is_not_null()).then(pl.when(kind).then(count).otherwise(0))
        for name, (kind, count) in counted.items()
    }
