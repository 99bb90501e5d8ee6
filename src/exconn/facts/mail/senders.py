"""From which addresses and in which domains' names the mail comes, and what of it is new."""

from collections.abc import Mapping

import polars as pl

from exconn.context import Context, in_networks
from exconn.facts.judgement import MINIMUM_BASELINE
from exconn.facts.mail.domains import (
    foreign_share,
    looks_like,
    marked_rows,
    met_before,
    share_of,
    under,
)
from exconn.facts.mail.placing import (
    COMPARABLE,
    IN,
    KEYS,
    PAST,
    enough,
    number_of,
    placed_rows,
    ratio,
    share_where,
)
from exconn.facts.queries import MANY


def _new_share(placed: pl.DataFrame, by: str, name: str) -> pl.DataFrame:
    """The share of the window's messages whose `by` does not occur in the connector's past."""
    past = placed.filter(PAST)
    unseen = placed.filter(IN).join(past.select(*KEYS, by).unique(), on=[*KEYS, by], how="anti")
    whole = placed.group_by(KEYS).agg(
        Whole=pl.col("Messages").filter(IN).sum(),
        Known=pl.col("Messages").filter(PAST).sum(),
        Enough=enough("OwnDays"),
    )
    share = ratio(pl.col("New").fill_null(0), pl.col("Whole"))
    return (
        whole.join(unseen.group_by(KEYS).agg(New=pl.col("Messages").sum()), on=KEYS, how="left")
        .with_columns(pl.when(pl.col("Enough") & (pl.col("Known") > 0)).then(share).alias(name))
        .select(*KEYS, name)
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
        known = placed.filter(PAST).select(*KEYS, name).unique()
        marked = marked.join(
            known.with_columns(pl.lit(value=True).alias(f"{name}Known")),
            on=[*KEYS, name],
            how="left",
        )
    counted_shares = {
        f"fresh_{of}_bad_share": "Bad",
        f"fresh_{of}_outbound_share": "Outbound",
        **(shares or {}),
    }
    fresh = IN & pl.any_horizontal(
        pl.col(f"{name}Known").is_null() & (pl.col(name) != "") for name in names
    )
    messages = pl.col("Messages")
    suspected = (pl.col("Hour") >= pl.col("Suspected")).fill_null(value=False)
    counted = marked.group_by(KEYS).agg(
        messages.filter(fresh).sum().alias(f"fresh_{of}_messages"),
        *(
            ratio(pl.col(column).filter(fresh).sum(), messages.filter(fresh).sum()).alias(name)
            for name, column in counted_shares.items()
        ),
        messages.filter(fresh & suspected).sum().alias("fresh_since_suspicious"),
    )
    facts = counted.columns[len(KEYS) :]
    return (
        judged.join(counted, on=KEYS, how="left")
        .with_columns(pl.when(COMPARABLE).then(pl.col(name).fill_null(0)) for name in facts)
        .select(*KEYS, *facts)
    )


def address_facts(rows: pl.DataFrame, judged: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The facts of the addresses that hand each connector's mail over."""
    seen = rows["Address"].unique().to_list()
    gateways = [address for address in seen if in_networks(address, context.gateways)]
    vendors = [address for address in seen if in_networks(address, context.simulation_vendors)]
    placed = placed_rows(rows, judged)
    address = pl.col("Address")
    messages = pl.col("Messages")

    def share_from(addresses: list[str]) -> pl.Expr:
        return ratio(
            messages.filter(IN & address.is_in(addresses)).sum(), messages.filter(IN).sum()
        )

    counted = placed.group_by(KEYS).agg(
        addresses=number_of("Address", IN & (address != "")),
        gateway_share=share_from(gateways),
        simulation_share=share_from(vendors),
    )
    fresh = _fresh_facts(placed, judged, "address", "Address")
    return fresh.join(counted, on=KEYS, how="left").join(
        _new_share(placed, "Address", "new_address_share"), on=KEYS, how="left"
    )


def domain_facts(
    rows: pl.DataFrame,
    known: pl.DataFrame,
    judged: pl.DataFrame,
    context: Context,
    own_domains: pl.DataFrame,
) -> pl.DataFrame:
    """The facts of the domains in whose names each connector's mail comes."""
    placed = placed_rows(rows, judged)
    marked = met_before(marked_rows(placed, "P2", own_domains), known, "P2")
    marked = met_before(marked.rename({"Met": "Mailed"}), _seen(rows), "P2")
    for column in ("P1", "P2"):
        marked = marked_rows(marked, column, own_domains, f"Like{column}", looks_like)
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
        lookalike_share=share_of(
            "Messages", IN, pl.col("LikeP1").fill_null(value=False) | pl.col("LikeP2")
        ),
        header_domains=number_of("P2", IN & (pl.col("P2") != "")),
        own_authenticated_share=share_of("Authenticated", IN, tenants),
        own_unauthenticated_share=share_of("Unauthenticated", IN, tenants),
        baseline_own_unauthenticated_share=share_of("Unauthenticated", PAST, tenants),
        unauthenticated_share=share_where("Unauthenticated", IN),
        baseline_unauthenticated_share=share_where("Unauthenticated", PAST),
    )
    for by, name in (("P1", "new_envelope_domain_share"), ("P2", "new_header_domain_share")):
        counted = counted.join(_new_share(placed, by, name), on=KEYS, how="left")
    kinds = _kinds()
    fresh = _fresh_facts(
        marked.with_columns(**kinds),
        judged,
        "domain",
        "P1",
        "P2",
        shares={name: name for name in kinds},
    ).drop("fresh_since_suspicious")
    return fresh.join(counted, on=KEYS, how="left")


def _seen(rows: pl.DataFrame) -> pl.DataFrame:
    """When mail of a P2 domain came through any connector of the tenant: as `correspondents`."""
    named = rows.filter(~pl.col("P2").is_in(["", MANY]))
    return named.group_by(Domain="P2", Day=pl.col("Hour").dt.truncate("1d")).agg(
        First=pl.col("Hour").min(), Last=pl.col("Hour").max()
    )


def _kinds() -> dict[str, pl.Expr]:
    """How many of a row's messages are of each of `FRESH_KINDS`; null where not known."""
    alike = pl.col("LikeP1").fill_null(value=False) | pl.col("LikeP2")
    foreign, many = pl.col("Foreign"), pl.col("P2") == MANY
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
