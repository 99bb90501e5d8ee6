"""Sequences of failed sign-ins that end with a success."""

from datetime import timedelta

import polars as pl

BURST_FAILURES = 100
"""More failures than this within a minute are a burst (the playbook's fifth query)."""

SLOW_FAILURES = 10
"""As many failures from one address within a day, and then a success, are no forgotten password."""

_MINUTE = timedelta(seconds=60)
_SUCCESS_WITHIN = timedelta(seconds=10)
_DAY = timedelta(days=1)


def bursts(seconds: pl.DataFrame, *, failures: int = BURST_FAILURES) -> pl.DataFrame:
    """More than `failures` failures within any 60 seconds, then a success within 10 seconds.

    All of one account, ISP and application. Unlike the published query, which looks at whole
    minutes of the clock, the minute slides, by seconds.

    Args:
        seconds: rows of `logon_seconds`, with the column Account added.
        failures: a burst has more than these.

    Returns:
        Account, ISP, Application, Failures (in the minute), Success; one row for each second with a
        success, the latest failing second deciding.
    """
    by = ["Account", "ISP", "Application"]
    failed = (
        with_outcome(seconds, "LogonFailed").group_by(*by, "Second").agg(pl.col("Logons").sum())
    )
    dense = (
        failed.sort("Second")
        .rolling("Second", period="60s", group_by=by)
        .agg(Failures=pl.col("Logons").sum())
        .filter(pl.col("Failures") > failures)
        .select(*by, "Failures", LastFailure="Second")
        .sort("LastFailure")
    )
    succeeded = with_outcome(seconds, "LogonSuccess").select(*by, Success="Second").unique()
    return (
        succeeded.sort("Success")
        .join_asof(
            dense,
            left_on="Success",
            right_on="LastFailure",
            by=by,
            tolerance=_SUCCESS_WITHIN,
            check_sortedness=False,
        )
        .filter(pl.col("Failures").is_not_null())
        .select(*by, "Failures", "Success")
    )


def slow_sequences(rows: pl.DataFrame, *, failures: int = SLOW_FAILURES) -> pl.DataFrame:
    """At least `failures` failures of an account from one address within a day, then a success.

    Args:
        rows: rows of `logon_addresses`, with the column Account added.
        failures: at least these make a sequence.

    Returns:
        Account, Address, Failures, Success; one row for each hour with such a success, the first
        of them. Which of a minute's sign-ins came first is not looked at.
    """
    by = ["Account", "Address"]
    failed, succeeded = pl.col("Outcome") == "LogonFailed", pl.col("Outcome") == "LogonSuccess"
    return (
        rows.filter(pl.col("Address") != "")
        .group_by(*by, "Minute")
        .agg(
            Failures=pl.col("Logons").filter(failed).sum(),
            Success=pl.col("First").filter(succeeded).min(),
        )
        .sort("Minute")
        .rolling("Minute", period="24h", group_by=by)
        .agg(pl.col("Failures").sum(), pl.col("Success").last())
        .filter(pl.col("Success").is_not_null(), pl.col("Failures") >= failures)
        .sort("Success")
        .group_by(*by, Hour=pl.col("Success").dt.truncate("1h"), maintain_order=True)
        .first()
        .select(*by, "Failures", "Success")
    )


def with_outcome(rows: pl.DataFrame, outcome: str) -> pl.DataFrame:
    """The sign-ins that ended so: ``LogonSuccess`` or ``LogonFailed``."""
    return rows.filter(pl.col("Outcome") == outcome)
