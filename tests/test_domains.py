"""The tenant's own domains, those that look like them, and those that it ever mailed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from exconn.context import Context
from exconn.facts.domains import (
    is_foreign,
    is_under,
    looks_like,
    marked,
    met_before,
    own_domains,
    under,
    with_own,
)
from exconn.facts.queries import MANY
from exconn.tables import TIME
from exconn.window import TICK, Window

AT = datetime(2026, 3, 20, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = Window(AT)
OWN = frozenset({"contoso.example"})


def test_a_domain_is_under_itself_and_those_above_it() -> None:
    for domain in ("contoso.example", "a.contoso.example", "a.b.contoso.example"):
        assert is_under(domain, OWN)
        assert not is_foreign(domain, OWN)
    for domain in ("example", "notcontoso.example", "contoso.example.evil"):
        assert not is_under(domain, OWN)
        assert is_foreign(domain, OWN)
    assert not is_foreign("", OWN)


@pytest.mark.parametrize(
    ("domain", "own"),
    [
        ("contoso-mail.example", "contoso.example"),
        ("x.mycontoso.evil", "contoso.example"),
        ("contso.example", "contoso.example"),
        ("contosö.example".encode("idna").decode(), "contoso.example"),
        ("contoso.evil", "mail.contoso.example"),
        ("contoso.evil", "contoso.co.uk"),
        ("contoso.evil", "contoso.com.co.uk"),
        ("contoso.evil", "contoso.onmicrosoft.com"),
        ("contoso.onmicrosoft.com", "contoso.example"),
        ("contoso.evil", "contoso"),
        ("acmes-x.example", "acmes.example"),
        ("abcdefghijkl.example", "abcdefghijklmn.example"),  # two letters fewer
        ("abcdefghijklmnopq123.example", "abcdefghijklmnopqrst.example"),  # alike to 0.85
    ],
)
def test_it_looks_like_an_own_domain(domain: str, own: str) -> None:
    assert looks_like(domain, frozenset({own}))
    assert looks_like(domain, frozenset({own, "another.example"}))


@pytest.mark.parametrize(
    ("domain", "own"),
    [
        ("contoso.example", "contoso.example"),
        ("mail.contoso.example", "contoso.example"),
        ("", "contoso.example"),
        (MANY, "contoso.example"),
        ("evil.contoso", "contoso.example"),
        ("fabrikam.example", "contoso.example"),
        ("osotnoc.example", "contoso.example"),
        ("xn--99999999.example", "contoso.example"),
        ("x.onmicrosoft.com", "microsoft.example"),
        ("x-example.evil", "contoso.example"),
        ("acme-x.example", "acme.example"),
        ("couk.example", "co.uk"),
        ("abcdefghijklmnopq.example", "abcdefghijklmnopqrst.example"),  # three letters fewer
        ("abcdefghijklmnop1234.example", "abcdefghijklmnopqrst.example"),  # alike to 0.8
    ],
)
def test_it_looks_like_no_own_domain(domain: str, own: str) -> None:
    assert not looks_like(domain, frozenset({own}))


# Own domains


def seen(*rows: tuple[str, datetime]) -> pl.DataFrame:
    """Domains by the day on which they were seen, for an hour from then on."""
    return pl.DataFrame(
        [(name, at.replace(hour=0), at, at + DAY / 24) for name, at in rows],
        schema={"Domain": pl.String(), "Day": TIME, "First": TIME, "Last": TIME},
        orient="row",
    )


def judged(*windows: Window) -> pl.DataFrame:
    rows = [(window.at, window.baseline_start, window.end) for window in windows]
    schema = {"At": TIME, "BaselineStart": TIME, "End": TIME}
    return pl.DataFrame(rows, schema=schema, orient="row")


def owned(rows: pl.DataFrame, context: Context | None = None) -> set[str]:
    return set(own_domains(rows, judged(WINDOW), context or Context())["Domain"])


def on(name: str, days: int) -> list[tuple[str, datetime]]:
    return [(name, AT - day * DAY) for day in range(days)]


def test_own_domains_are_seen_on_three_days_or_on_each_where_there_are_fewer() -> None:
    rows = [*on("three.example", 3), *on("two.example", 2), *on("four.example", 4), *on("", 4)]
    assert owned(seen(*rows)) == {"three.example", "four.example"}
    once = [*on("a.example", 1), *on("b.example", 1), *on("c.example", 1), *on("d.example", 1)]
    assert owned(seen(*once)) == {"a.example", "b.example", "c.example", "d.example"}
    two = [*on("one.example", 1), *on("both.example", 2)]
    assert owned(seen(*two)) == {"both.example"}
    twice = [*on("three.example", 3), *on("one.example", 1) * 3]
    assert owned(seen(*twice)) == {"three.example"}
    listed = Context(accepted_domains=["mine.example"])
    assert owned(seen(*rows), listed) == {"mine.example"}


def test_own_domains_are_those_of_baseline_and_window() -> None:
    start, end = WINDOW.baseline_start, WINDOW.end
    rows = seen(("first", start - DAY / 24), ("early", start - DAY / 24 - TICK), ("late", end))
    assert owned(pl.concat([rows, seen(("last", end - TICK))])) == set()
    for name, at, is_own in (
        ("a", start - DAY / 24, True),
        ("a", start - DAY / 24 - TICK, False),
        ("a", end - TICK, True),
        ("a", end, False),
    ):
        assert owned(seen((name, at))) == ({name} if is_own else set())


def test_each_judgement_knows_the_domains_of_its_own_time() -> None:
    later = Window(AT + 60 * DAY)
    known = own_domains(
        seen(("a.example", AT), ("b.example", later.at)), judged(WINDOW, later), Context()
    )
    assert set(known.rows()) == {(AT, "a.example"), (later.at, "b.example")}
    third = Window(AT + 120 * DAY)
    told, sets = with_own(judged(WINDOW, later, third, later), known)
    assert sets == [frozenset({"a.example"}), frozenset({"b.example"}), None]
    assert told["Own"].to_list() == [0, 1, 2, 1]
    assert told["Known"].to_list() == [True, True, False, True]


def test_names_are_marked_for_each_set_of_own_domains() -> None:
    names = pl.Series(["contoso.example", "x.example", "x.example"])
    found = marked(names, [OWN, None], Foreign=is_foreign, Alike=looks_like)
    assert set(found.rows()) == {
        (0, "contoso.example", False, False),
        (0, "x.example", True, False),
        (1, "contoso.example", None, None),
        (1, "x.example", None, None),
    }
    assert marked(names, [], Foreign=is_foreign).schema == found.drop("Alike").schema


def test_a_column_is_under_domains_in_any_letter_case() -> None:
    frame = pl.DataFrame({"Domain": ["a.contoso.example", "contoso.example", "x.example"]})

    def told(domains: Sequence[str]) -> list[bool]:
        condition = under(pl.col("Domain"), frame["Domain"], domains)
        return frame.select(condition.alias("Under"))["Under"].to_list()

    assert told(["Contoso.EXAMPLE"]) == [True, True, False]
    assert told([]) == [False, False, False]


def test_a_domain_was_met_if_it_was_mailed_in_the_baseline() -> None:
    start, first = WINDOW.start, WINDOW.baseline_start
    spans = {
        "before": (first - DAY, first - TICK),
        "at the beginning": (first - DAY, first),
        "at the end": (start - TICK, start + DAY),
        "since": (start, start + DAY),
        "twice": (first + DAY, first + 2 * DAY),
    }
    known = pl.DataFrame(
        [(name, *span) for name, span in spans.items()] + [("twice", start, start + DAY)],
        schema={"Domain": pl.String(), "First": TIME, "Last": TIME},
        orient="row",
    )
    mailed = pl.DataFrame({"To": [*spans, "never"]}).with_columns(
        Start=pl.lit(start, TIME), BaselineStart=pl.lit(first, TIME)
    )
    found = met_before(mailed, known, "To")
    assert found.columns == ["To", "Start", "BaselineStart", "Met"]
    assert dict(found.select("To", "Met").iter_rows()) == {
        "before": False,
        "at the beginning": True,
        "at the end": True,
        "since": False,
        "twice": True,
        "never": False,
    }
