"""From which addresses and in which domains' names the mail comes, and what of it is new."""

import polars as pl

from exconn.context import Context, in_networks
from exconn.facts.domains import looks_like, marked_rows, met_before, under
from exconn.facts.judgement import MINIMUM_BASELINE
from exconn.facts.mail.placing import (
    COMPARABLE,
    IN,
    KEYS,
    PAST,
    enough,
    foreign_share,
    number_of,
    placed_names,
    placed_rows,
    ratio,
    share_of,
    share_where,
)
from exconn.facts.queries import MANY


def _is_new(name: str) -> pl.Expr:
    """Whether a row's name does not occur in the connector's past; see `_with_past`."""
    return pl.col(f"{name}Known").is_null()


def _with_past(placed: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Mark, for some names (addresses or domains), those that occur in the connector's past."""
    past = placed.filter(PAST)
    for name in names:
        known = past.select(*KEYS, name).unique()
        known = known.with_columns(pl.lit(value=True).alias(f"{name}Known"))
        placed = placed.join(known, on=[*KEYS, name], how="left")
    return placed


def _new_share(name: str) -> pl.Expr:
    """The share of the window's messages whose name is new, where there is a past with mail."""
    messages = pl.col("Messages")
    share = ratio(messages.filter(IN & _is_new(name)).sum(), messages.filter(IN).sum())
    return pl.when(enough("OwnDays") & (messages.filter(PAST).sum() > 0)).then(share)


def _fresh(*names: str) -> pl.Expr:
    """Whether a row of the window has a name that is new to the connector."""
    return IN & pl.any_horizontal(_is_new(name) & (pl.col(name) != "") for name in names)


def _fresh_facts(marked: pl.DataFrame, judged: pl.DataFrame, **counts: pl.Expr) -> pl.DataFrame:
    """Facts of what is new to the connector: 0 where nothing is, null where that is not known."""
    counted = marked.group_by(KEYS).agg(**counts)
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


def address_facts(rows: pl.DataFrame, judged: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The facts of the addresses that hand each connector's mail over."""
    seen = rows["Address"].unique().to_list()
    gateways = [address for address in seen if in_networks(address, context.gateways)]
    vendors = [address for address in seen if in_networks(address, context.simulation_vendors)]
    marked = _with_past(placed_rows(rows, judged), "Address")
    address = pl.col("Address")
    messages = pl.col("Messages")

    def share_from(which: pl.Expr) -> pl.Expr:
        return ratio(messages.filter(IN & which).sum(), messages.filter(IN).sum())

    counted = marked.group_by(KEYS).agg(
        addresses=number_of("Address", IN & (address != "")),
        gateway_share=share_from(address.is_in(gateways)),
        simulation_share=share_from(address.is_in(vendors)),
        new_address_share=_new_share("Address"),
    )
    fresh = _fresh("Address")
    since = pl.col("Hour") >= pl.col("Suspected")
    changers = pl.col("ChangersAt")
    facts = _fresh_facts(
        marked,
        judged,
        **_fresh_counts("address", fresh),
        fresh_address_authenticated_share=share_where("Authenticated", fresh),
        fresh_since_suspicious=messages.filter(fresh & since).sum(),
        changer_address_share=share_from(fresh & changers.list.contains(address)),
    ).join(judged.select(*KEYS, "ChangersAt"), on=KEYS)
    told = pl.when(changers.is_not_null()).then("changer_address_share")
    return facts.with_columns(told).drop("ChangersAt").join(counted, on=KEYS, how="left")


def domain_facts(
    rows: pl.DataFrame,
    known: pl.DataFrame,
    judged: pl.DataFrame,
    context: Context,
    own_domains: pl.DataFrame,
) -> pl.DataFrame:
    """The facts of the domains in whose names each connector's mail comes."""
    placed = _with_past(placed_names(rows, judged, "P1", "P2"), "P1", "P2")
    marked = met_before(marked_rows(placed, "P2", own_domains), known, "P2")
    marked = met_before(marked.rename({"Met": "Mailed"}), _seen(rows), "P2")
    for column in ("P1", "P2"):
        marked = marked_rows(marked, column, own_domains, f"Like{column}", looks_like)
    marked = marked.with_columns(Alike=pl.col("LikeP1").fill_null(value=False) | pl.col("LikeP2"))
    partners = under(pl.col("P2"), rows["P2"], context.partners)
    foreign = pl.col("Foreign")
    tenants = ~foreign & ~pl.col("P2").is_in(["", MANY])
    others = foreign & (pl.col("P2") != MANY)
    whole = pl.col("Messages").filter(IN).sum()
    acquainted = pl.col("TenantDays").first() >= MINIMUM_BASELINE.days
    told = foreign.is_not_null().any()
    counted = marked.group_by(KEYS).agg(
        unaccepted_sender_share=foreign_share("Messages", IN),
        baseline_unaccepted_sender_share=foreign_share("Messages", PAST),
        relayed_share=share_of("Outbound", IN, others),
        baseline_relayed_share=share_of("Outbound", PAST, others),
        stranger_share=pl.when(acquainted & told).then(
            ratio(
                pl.col("Outbound").filter(IN & others & ~pl.col("Mailed") & ~partners).sum(), whole
            )
        ),
        lookalike_share=share_of("Messages", IN, pl.col("Alike")),
        header_domains=number_of("P2", IN & (pl.col("P2") != "")),
        own_authenticated_share=share_of("Authenticated", IN, tenants),
        own_unauthenticated_share=share_of("Unauthenticated", IN, tenants),
        baseline_own_unauthenticated_share=share_of("Unauthenticated", PAST, tenants),
        authenticated_share=share_where("Authenticated", IN),
        unauthenticated_share=share_where("Unauthenticated", IN),
        baseline_unauthenticated_share=share_where("Unauthenticated", PAST),
        new_envelope_domain_share=_new_share("P1"),
        new_header_domain_share=_new_share("P2"),
    )
    fresh, kinds = _fresh("P1", "P2"), _kinds()
    vouching = pl.col("Mailed") & (pl.col("fresh_known_share") > 0)
    by_kind = {name: share_where(name, fresh) for name in kinds}
    by_kind["fresh_known_domains"] = pl.col("P2").filter(fresh & vouching).n_unique()
    facts = _fresh_facts(
        marked.with_columns(**kinds), judged, **_fresh_counts("domain", fresh), **by_kind
    )
    own_known = pl.col("At").is_in(own_domains["At"].unique().to_list())
    facts = facts.with_columns(
        pl.when(own_known).then(pl.col(name)).alias(name) for name in by_kind
    )
    return facts.join(counted, on=KEYS, how="left")


def _seen(rows: pl.DataFrame) -> pl.DataFrame:
    """When mail of a P2 domain came through any connector of the tenant: as `correspondents`."""
    named = rows.filter(~pl.col("P2").is_in(["", MANY]))
    return named.group_by(Domain="P2", Day=pl.col("Hour").dt.truncate("1d")).agg(
        First=pl.col("Hour").min(), Last=pl.col("Hour").max()
    )


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
