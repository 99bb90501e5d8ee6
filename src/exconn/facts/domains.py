"""The tenant's own domains, those that look like them, and those that it ever mailed."""

from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from functools import lru_cache

import polars as pl

from exconn.context import Context
from exconn.facts.queries import MANY

_OWN = "exconn: own"
_TELLING = 5
_ALIKE = 0.85
_SECOND = {"co", "com", "org", "net", "ac", "gov", "edu", "ne", "or", "gob", "gouv"}
_COMMON = {*_SECOND, "onmicrosoft", "www", "mail", "smtp"}


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


def is_foreign(domain: str, own: frozenset[str]) -> bool:
    """Whether a domain is none of these, nor under one. The empty domain is not foreign."""
    return bool(domain) and not is_under(domain, own)


def marked_rows(
    placed: pl.DataFrame,
    column: str,
    own_domains: pl.DataFrame,
    mark: str = "Foreign",
    holds: Callable[[str, frozenset[str]], bool] = is_foreign,
) -> pl.DataFrame:
    """Add how the domain in `column` stands to the tenant's: by default, whether it is Foreign.

    Null where the tenant's domains are not known; false for the empty domain.
    """
    own_at = {at[0]: frozenset(group["Domain"]) for at, group in own_domains.group_by("At")}
    sets = list(dict.fromkeys(own_at.values()))  # few: most judgements know the same domains
    which = pl.DataFrame(
        [(at, sets.index(own)) for at, own in own_at.items()],
        schema={"At": own_domains.schema["At"], _OWN: pl.Int64()},
        orient="row",
    )
    placed = placed.join(which, on="At", how="left")
    pairs = placed.select(_OWN, column).drop_nulls(_OWN).unique()
    marks = [holds(domain, sets[own]) for own, domain in pairs.iter_rows()]
    marked = pairs.with_columns(pl.Series(mark, marks, dtype=pl.Boolean))
    return placed.join(marked, on=[_OWN, column], how="left").drop(_OWN)


@lru_cache(maxsize=1 << 16)
def looks_like(domain: str, own: frozenset[str]) -> bool:
    """A name that is none of these, but nearly is one, or has one in it.

    Names under ``onmicrosoft.com`` are told by their first label; domains in Punycode by what they
    look like. Names of under five letters tell too little.
    """
    if domain == MANY or not is_foreign(domain, own):
        return False
    labels = [label for label in _shown(domain).split(".")[:-1] if label not in _COMMON]
    for name in {_label(one) for one in own}:
        if len(name) < _TELLING:
            continue
        for label in labels:
            if name in label:
                return True
            near = abs(len(label) - len(name)) <= 2
            if near and SequenceMatcher(None, label, name).ratio() >= _ALIKE:
                return True
    return False


def _label(domain: str) -> str:
    """What names a domain: the label before its public suffix."""
    labels = domain.split(".")
    if domain.endswith(".onmicrosoft.com") and len(labels) > 2:
        return labels[-3]
    while len(labels) > 2 and labels[-2] in _SECOND:
        labels.pop()
    return labels[-2] if len(labels) > 1 else domain


def _shown(domain: str) -> str:
    """A domain as people see it; letters that look alike stay what they are."""
    try:
        return domain.encode("ascii").decode("idna") if "xn--" in domain else domain
    except UnicodeError:
        return domain


def met_before(mailed: pl.DataFrame, known: pl.DataFrame, column: str) -> pl.DataFrame:
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


def under(column: pl.Expr, seen: pl.Series, domains: Iterable[str]) -> pl.Expr:
    """Whether a column, with no values but `seen`, has one of these domains or one under it."""
    wanted = frozenset(domain.lower() for domain in domains)
    return column.is_in([domain for domain in seen.unique().to_list() if is_under(domain, wanted)])


def is_under(domain: str, domains: frozenset[str]) -> bool:
    """Whether a domain is one of these, or a subdomain of one."""
    labels = domain.split(".")
    return any(".".join(labels[i:]) in domains for i in range(len(labels)))
