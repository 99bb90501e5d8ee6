"""What type checkers know of the testing kit: checked by mypy and pyright, never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import assert_type

import polars as pl
from hypothesis.strategies import SearchStrategy, just

from exconn import EMAIL_EVENTS, AdminChange, ConnectorChange, Email, MemorySource
from exconn.testing import (
    REALISTIC,
    admin_changes,
    check_detector,
    check_source,
    connector_changes,
    emails,
    evidence,
    frames,
)

assert_type(emails(REALISTIC), SearchStrategy[Email])
assert_type(connector_changes(), SearchStrategy[ConnectorChange])
assert_type(admin_changes(), SearchStrategy[AdminChange])
assert_type(evidence(2, tables=[EMAIL_EVENTS]), SearchStrategy[dict[str, pl.DataFrame]])
assert_type(
    frames(EMAIL_EVENTS, 1, profile=REALISTIC, given={"Subject": just("x")}),
    SearchStrategy[pl.DataFrame],
)
emails(1)  # type: ignore[arg-type]

check_detector(pl.col("Subject") == "", EMAIL_EVENTS)
check_detector(pl.col("Subject") == "", pl.DataFrame())  # type: ignore[arg-type]
check_source(MemorySource({}), {"EmailEvents": [pl.DataFrame()]})
check_source(pl.DataFrame())  # type: ignore[arg-type]
