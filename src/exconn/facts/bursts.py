"""Sequences of failed sign-ins that end with a success."""

from datetime import timedelta

import polars as pl

from exconn.tables import Frame

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
    succeeded = with_outcome(seconds.lazy(), "LogonSuccess").select(*by, Success="Second")
    return (
        succeeded.join(dense.lazy(), on=by, how="semi")
        .unique()
        .collect()
        .sort("Success")
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
    told = rows.lazy().filter(pl.col("Address") != "")
    failed = with_outcome(told, "LogonFailed").select(*by, "Logons", At="Minute")
    past = failed.with_columns(-pl.col("Logons"), pl.col("At") + _DAY)
    within_a_day = (
        pl.concat([failed, past])
        .group_by(*by, "At")
        .agg(pl.col("Logons").sum())
        .sort("At")
        .select(*by, "At", Failures=pl.col("Logons").cum_sum().over(by))
    )
    return (
        with_outcome(told, "LogonSuccess")
        .select(*by, "Minute", Success="First")
        .sort("Minute")
        .join_asof(within_a_day, left_on="Minute", right_on="At", by=by, check_sortedness=False)
        .filter(pl.col("Failures") >= failures)
        .sort("Success")
        .group_by(*by, Hour=pl.col("Success").dt.truncate("1h"), maintain_order=True)
        .first()
        .select(*by, "Failures", "Success")
        .collect()
    )


def with_outcome(rows: Frame, outcome: str) -> Frame:
    """The sign-ins that ended so: ``LogonSuccess`` or ``LogonFailed``."""
    return rows.filter(pl.col("Outcome") == outcome)
