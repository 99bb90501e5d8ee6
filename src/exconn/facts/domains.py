"""The tenant's own domains, those that look like them, and those that it ever mailed."""

from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import polars as pl

from exconn.context import Context

_TELLING = 5
_ALIKE = 0.85
_NEAR = 2
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


def with_own(
    judged: pl.DataFrame, own_domains: pl.DataFrame
) -> tuple[pl.DataFrame, list[frozenset[str] | None]]:
    """Judgements with the number, Own, of the set of the tenant's domains that each knows.

    There are few sets: most judgements know the same domains. Who knows none has None, and is not
    Known.
    """
    own_at = {at[0]: frozenset(group["Domain"]) for at, group in own_domains.group_by("At")}
    known = [own_at.get(at) for at in judged["At"]]
    sets = list(dict.fromkeys(known))
    numbers = pl.Series("Own", [sets.index(own) for own in known], dtype=pl.Int64)
    return judged.with_columns(
        numbers, Known=pl.Series([own is not None for own in known], dtype=pl.Boolean)
    ), sets


def marked(
    names: pl.Series,
    sets: Sequence[frozenset[str] | None],
    **holds: Callable[[str, frozenset[str]], bool],
) -> pl.DataFrame:
    """How names stand to each set of the tenant's domains: Own, Name, and what is asked.

    Null where the tenant's domains are not known.
    """
    different = names.unique()
    texts = different.cast(pl.String).to_list()
    frames = [
        pl.DataFrame(
            schema={"Own": pl.Int64(), "Name": names.dtype} | dict.fromkeys(holds, pl.Boolean())
        )
    ]
    for number, own in enumerate(sets):
        told = {
            mark: [None if own is None else holds_of(text, own) for text in texts]
            for mark, holds_of in holds.items()
        }
        columns = [pl.Series(mark, values, dtype=pl.Boolean) for mark, values in told.items()]
        frames.append(
            pl.select(
                Own=pl.repeat(number, len(texts), dtype=pl.Int64), Name=different
            ).with_columns(columns)
        )
    return pl.concat(frames)


@lru_cache(maxsize=1 << 16)
def looks_like(domain: str, own: frozenset[str]) -> bool:
    """A name that is none of these, but nearly is one, or has one in it.

    Names under ``onmicrosoft.com`` are told by their first label; domains in Punycode by what they
    look like. Names of under five letters tell too little.
    """
    if not is_foreign(domain, own):
        return False
    labels = [label for label in _shown(domain).split(".")[:-1] if label not in _COMMON]
    return any(_is_alike(label, name) for name in _telling(own) for label in labels)


def _is_alike(label: str, name: str) -> bool:
    """Whether a label has a name in it, or nearly is one."""
    if name in label:
        return True
    if abs(len(label) - len(name)) > _NEAR:
        return False
    shared = sum(letter in name for letter in label)  # no match has more: most end here
    at_most = 2 * shared / (len(label) + len(name))
    return at_most >= _ALIKE and SequenceMatcher(None, label, name).ratio() >= _ALIKE


@lru_cache
def _telling(own: frozenset[str]) -> frozenset[str]:
    """The labels that name domains and are long enough to tell them."""
    return frozenset(name for name in map(_label, own) if len(name) >= _TELLING)


def _label(domain: str) -> str:
    """What names a domain: the label before its public suffix."""
    labels = domain.split(".")
    if domain.endswith(".onmicrosoft.com"):
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
    just_before, last = pl.col("Start") - pl.duration(microseconds=1), pl.col("Last")
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
        .with_columns(Met=last.is_not_null() & (last >= pl.col("BaselineStart")))
        .drop("Before", "First", "Last")
    )


def under(column: pl.Expr, seen: pl.Series, domains: Iterable[str]) -> pl.Expr:
    """Whether a column, with no values but `seen`, has one of these domains or one under it."""
    wanted = frozenset(domain.lower() for domain in domains)
    names = seen.unique().cast(pl.String).to_list() if wanted else []
    return column.is_in([domain for domain in names if is_under(domain, wanted)])


def is_under(domain: str, domains: frozenset[str]) -> bool:
    """Whether a domain is one of these, or a subdomain of one."""
    labels = domain.split(".")
    return any(".".join(labels[i:]) in domains for i in range(len(labels)))
