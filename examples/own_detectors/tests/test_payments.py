"""The detectors, the query and the signal, by the kit and by example."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exconn import EMAIL_EVENTS, MemorySource, conform
from exconn.simulate import demo_tenant
from exconn.testing import (
    REALISTIC,
    check_detector,
    check_query,
    check_signal,
    evidence,
    frames,
)
from own_detectors import AT_ONCE, asks_for_payment, complained_of, payment_requests


@pytest.mark.parametrize("detector", [asks_for_payment(), complained_of()])
def test_detectors_are_total_and_mean_the_same_in_kql(detector: pl.Expr) -> None:
    check_detector(detector, EMAIL_EVENTS)


@pytest.mark.parametrize(
    ("subject", "asks"),
    [("Your INVOICE", True), ("New bank details", True), ("Re: voices", False), ("", False)],
)
def test_what_asks_for_payment(*, subject: str, asks: bool) -> None:
    mail = conform(pl.DataFrame({"Subject": [subject]}), EMAIL_EVENTS)
    assert mail.select(asks_for_payment()).item() is asks


LEVELS = {"BulkComplaintLevel": st.integers(0, 9)}


@given(frames(EMAIL_EVENTS, columns=["Subject"], given=LEVELS, profile=REALISTIC))
def test_the_more_is_asked_for_the_fewer_are_found(raw: pl.DataFrame) -> None:
    mail = conform(raw, EMAIL_EVENTS)
    found = [mail.filter(complained_of(least)).height for least in range(11)]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[10]) == (mail.height, 0)


def test_the_query_means_the_same_in_kql() -> None:
    check_query(payment_requests(), demo_tenant(mails=2_000).frames)


@settings(max_examples=25)
@given(evidence(tables=[EMAIL_EVENTS]))
def test_the_query_counts_no_more_requests_than_messages(found: dict[str, pl.DataFrame]) -> None:
    counted = payment_requests().collect(MemorySource(found))
    assert (counted["Requests"] <= counted["Messages"]).all()


def test_the_signal_does_what_its_examples_say() -> None:
    check_signal(AT_ONCE)
