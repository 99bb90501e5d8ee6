"""What a hunt computes of every row must not become slower against a reference in the same run.

``pytest benchmarks/test_hot.py -n0``, with pytest-benchmark. Not part of the tests: the bounds are
half again what was measured, on machines whose speed changes from one run to the next.
"""

from collections.abc import Callable
from functools import cache
from time import process_time

import polars as pl
import pytest
from contenders import WEEK
from pytest_benchmark.fixture import BenchmarkFixture
from tenant import mail

from exconn import detectors
from exconn.facts.mail import MailRows
from exconn.sources import MemorySource, _stretches
from exconn.tables import EMAIL_EVENTS

ROWS = 200_000


@cache
def rows() -> pl.DataFrame:
    return mail(130, ROWS, ROWS // 20)


def seconds(act: Callable[[], object]) -> float:
    """The least CPU time of some runs."""

    def once() -> float:
        began = process_time()
        act()
        return process_time() - began

    return min(once() for _ in range(7))


def reference() -> object:
    """Fold the letter case of one column of addresses."""
    return rows().select(pl.col("RecipientEmailAddress").str.to_lowercase())


@pytest.mark.parametrize(
    ("expr", "bound"),
    [
        (detectors.via_connector(), 1),
        (detectors.sender_mismatch(), 5),
        (detectors.recipient_domain(), 6),
        (detectors.authenticated(), 4),
        (detectors.phishing_or_malware(), 3),
        (detectors.sending_address(), 3),
    ],
    ids=["via", "mismatch", "recipient", "authenticated", "phish", "address"],
)
def test_a_detector(benchmark: BenchmarkFixture, expr: pl.Expr, bound: float) -> None:
    act = lambda: rows().lazy().select(expr).collect()  # noqa: E731
    benchmark(act)
    assert seconds(act) < bound * seconds(reference)


def test_all_counts_of_mail(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", ROWS // 2)
    source = MemorySource({EMAIL_EVENTS.name: rows()})
    queries = MailRows.queries(WEEK)
    source.collect(queries)
    act = lambda: source.collect(queries)  # noqa: E731
    benchmark(act)
    assert seconds(act) < 60 * seconds(reference)
