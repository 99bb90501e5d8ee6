"""Queries that are run together say what each says by itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exconn.detectors import (
    authenticated,
    inbound,
    missing_sender_id,
    outbound,
    p2_domain,
    recipient_domain,
    sender_mismatch,
    via_connector,
    within,
)
from exconn.facts import queries
from exconn.facts.mail import MailRows
from exconn.query import Query, scan
from exconn.sources import _columns
from exconn.sources._counts import Together
from exconn.tables import EMAIL_EVENTS, conform
from exconn.testing import assert_same_rows, frames
from exconn.window import Period

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PERIOD = Period(NOON - timedelta(days=400), NOON + timedelta(days=400))
MAIL = scan(EMAIL_EVENTS)
MESSAGE = pl.col("NetworkMessageId")
HOUR = pl.col("Timestamp").dt.truncate("1h")
OWN = inbound() & missing_sender_id() & (p2_domain() == recipient_domain())
CONDITIONS = {
    "of texts": sender_mismatch(),
    "of one text": authenticated(),
    "that compares": outbound(),
    "of both": OWN,
    "the other way round": (p2_domain() == recipient_domain()) & missing_sender_id(),
    "null for some": pl.col("UrlCount") > 1,
    "null beside texts": (pl.col("UrlCount") > 1) & (p2_domain() == recipient_domain()),
    "negated": ~(missing_sender_id() & (p2_domain() == recipient_domain())),
    "of other rows": pl.col("Connectors").is_first_distinct(),
    "of other rows, too": missing_sender_id() & pl.col("Connectors").is_first_distinct(),
}
KEYS = {
    "folded": pl.col("Connectors").str.to_lowercase(),
    "one that is null": pl.col("UrlCount"),
    "of other rows": pl.col("Connectors").is_first_distinct().alias("Connectors"),
    "a Python function": pl.col("Connectors").map_elements(len, return_dtype=pl.Int64()),
}
FILTERS = (pl.lit(value=True), via_connector(), inbound())


def counting(key: pl.Expr, condition: pl.Expr, *filters: pl.Expr) -> Query:
    return (
        MAIL.filter(within(PERIOD), *filters)
        .group_by(key, Hour=HOUR)
        .agg(
            N=MESSAGE.n_unique(),
            Where=MESSAGE.filter(condition).n_unique(),
            Rows=pl.len(),
            Last=pl.col("Timestamp").max(),
        )
    )


def by_hour(*told: pl.Expr) -> Query:
    return MAIL.filter(within(PERIOD)).group_by(Hour=HOUR).agg(*told)


INFINITE = float("inf")
BY_LINKS = (
    MAIL.filter(within(PERIOD))
    .group_by(C=KEYS["folded"], U=pl.col("UrlCount"), Hour=HOUR)
    .agg(N=MESSAGE.n_unique())
)
QUERIES: Sequence[Query] = (
    *MailRows.queries(PERIOD),
    *(queries.sending_addresses(PERIOD, most=most) for most in range(3)),
    *(queries.sender_domains(PERIOD, most=most) for most in range(3)),
    *(queries.recipient_domains(PERIOD, most=most) for most in range(3)),
    queries.sender_hours(PERIOD, threshold=2),
    queries.bulk_senders(PERIOD, threshold=1),
    *(
        counting(KEYS["folded"], condition, rows)
        for condition in CONDITIONS.values()
        for rows in FILTERS
    ),
    *(counting(key, OWN) for key in KEYS.values()),
    MAIL.filter(within(PERIOD))
    .filter(via_connector())
    .filter(pl.col("Connectors").is_first_distinct())
    .group_by(Hour=HOUR)
    .agg(N=MESSAGE.n_unique()),
    MAIL.group_by("Connectors").agg(N=MESSAGE.n_unique()),
    BY_LINKS.lumped("C", by=["U", "Hour"], most=1, many="*"),
    BY_LINKS.lumped("C", by=["Hour"], most=1, many="*"),
    BY_LINKS.lumped("C", by=["Hour", "N"], most=1, many="*"),
    by_hour(cs.by_name("Connectors").n_unique()),
    by_hour(pl.col("UrlCount", "AttachmentCount").max()),
    by_hour(cs.integer().max().name.suffix("Most")),
    by_hour(MESSAGE.filter(pl.col("UrlCount") < INFINITE).n_unique()),
    MAIL.filter(within(PERIOD))
    .group_by(
        A=pl.when(pl.col("UrlCount") > 0).then(INFINITE).otherwise(1.0),
        B=pl.when(pl.col("UrlCount") > 0).then(-INFINITE).otherwise(1.0),
    )
    .agg(N=pl.len()),
    *(
        MAIL.filter(within(PERIOD))
        .group_by(A=KEYS["folded"], B=KEYS["folded"], C=KEYS["folded"], Hour=HOUR)
        .agg(N=MESSAGE.n_unique(), Where=MESSAGE.filter(OWN).n_unique())
        .lumped(*names, by=by, most=1, many="many")
        for names, by in ((("A", "B"), ("C", "Hour")), (("A",), ("B", "C", "Hour")))
    ),
)


def check(mail: pl.DataFrame, asked: Sequence[Query] = QUERIES) -> None:
    """Together, in shares of the rows, is what each is alone, in every row."""
    rows = conform(mail, EMAIL_EVENTS).select(EMAIL_EVENTS.names)
    shares = [rows.slice(n, 5).lazy for n in range(0, len(rows) + 1, 5)]
    together = Together(asked).on(lambda _: shares, at_once=2)
    alone = pl.collect_all([query.on(lambda _: rows.lazy()) for query in asked])
    for ours, theirs in zip(together, alone, strict=True):
        assert_same_rows(ours, theirs)


def test_each_share_is_read_once() -> None:
    rows = conform(pl.DataFrame({"Timestamp": [NOON] * 6}), EMAIL_EVENTS)
    read: list[int] = []

    def share(n: int) -> pl.LazyFrame:
        read.append(n)
        return rows[n : n + 2].lazy()

    shares = [partial(share, n) for n in (0, 2, 4)]
    counted = by_hour(pl.len().alias("N"))
    looked_at = MAIL.with_columns(Hour=HOUR).group_by("Hour").agg(N=pl.len())
    both = looked_at.join(counted, on=["Hour"])
    for asked in ([counted], [looked_at], [counted, looked_at, both]):
        for found in Together(asked).on(lambda _: shares, at_once=2):
            assert found["N"].to_list() == [6]
        assert sorted(read) == [0, 2, 4]
        read.clear()


LATE = NOON + timedelta(days=500)


@settings(max_examples=12)
@example(pl.DataFrame({"Timestamp": [LATE, NOON], "Connectors": ["A", "A"]}))
@example(
    pl.DataFrame(
        {
            "Timestamp": [NOON] * 6,
            "Connectors": ["A", "B", "a", "C", "", "A"],
            "UrlCount": [None, None, 1, 1, 2, 2],
            "NetworkMessageId": ["1", "2", "3", "3", "4", "5"],
        }
    )
)
@given(frames(EMAIL_EVENTS, max_size=12))
def test_any_rows_are_counted_as_by_each_query(mail: pl.DataFrame) -> None:
    check(mail)


RECIPIENTS = (
    *("a@contoso.example", "B@CONTOSO.example", "x@y@contoso.example", "@contoso.example"),
    *("@@contoso.example", "a@contoso.example@", "a@contoso.example@x", "contoso.example"),
    *("a@sub.contoso.example", "a@b\nc", "", "@", "ΟΔΥΣΣΕΥΣ@ΟΔΥΣΣΕΥΣ", "a@İ.example"),
)


ABOUT_RECIPIENTS = (
    queries.recipient_domains(PERIOD),
    queries.correspondents(PERIOD),
    queries.tenant_domains(PERIOD),
)


@example([*RECIPIENTS, RECIPIENTS[0], RECIPIENTS[0]], 2)
@given(st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=20), st.integers(1, 3))
def test_recipients_are_told_the_same_however_many_share_a_domain(
    recipients: list[str], many: int
) -> None:
    mail = pl.DataFrame(
        {
            "Timestamp": [NOON + number * MINUTE for number in range(len(recipients))],
            "RecipientEmailAddress": recipients,
            "EmailDirection": ["Outbound"] * len(recipients),
        }
    )
    pieces = [mail[:5], mail[5:]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_columns, "_FEW_THERE", 0)
        patch.setattr(_columns, "_MANY_SHARE", many)
        check(pl.concat(pieces, rechunk=False), ABOUT_RECIPIENTS)


@settings(max_examples=12)
@given(frames(EMAIL_EVENTS, max_size=12))
def test_rows_are_counted_the_same_whether_texts_are_few_or_many(mail: pl.DataFrame) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_columns, "_FEW_THERE", 1)
        check(mail)
