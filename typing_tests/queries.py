"""What type checkers know of queries and detectors: checked by mypy and pyright, never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from datetime import UTC, datetime
from typing import assert_type

import polars as pl

from exconn import EMAIL_EVENTS, MemorySource, Period, Query, Table, conform, scan
from exconn.detectors import (
    connector_change,
    external_recipient,
    failed_logon,
    sender_mismatch,
    via_connector,
    within,
)
from exconn.facts.queries import connector_hours, connector_volume
from exconn.kql import SENTINEL, estimate, kql_types
from exconn.query import GroupBy
from exconn.tables import KqlType

source = MemorySource({})
period = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))

# A detector is an expression, and composes as one.
assert_type(sender_mismatch(), pl.Expr)
assert_type(connector_change(), pl.Expr)
assert_type(failed_logon(), pl.Expr)
assert_type(external_recipient(["contoso.example"]), pl.Expr)
assert_type(within(period), pl.Expr)
assert_type(via_connector() & ~sender_mismatch(), pl.Expr)

# Every verb gives a query; grouping waits for its aggregates.
query = scan(EMAIL_EVENTS)
assert_type(query, Query)
assert_type(query.filter(via_connector(), within(period)), Query)
assert_type(query.with_columns(Hour=pl.col("Timestamp").dt.truncate("1h")), Query)
assert_type(query.select("Connectors", pl.col("Subject")), Query)
assert_type(query.group_by("Connectors"), GroupBy)
assert_type(query.group_by("Connectors").agg(Rows=pl.len()), Query)
assert_type(query.join(query, on="NetworkMessageId", how="semi"), Query)
assert_type(query.sort(["Timestamp", "ReportId"], descending=[True, False]).head(5), Query)
assert_type(query.select("Connectors").unique(), Query)
assert_type(query.rename({"Connectors": "Connector"}).drop("Subject"), Query)

# A query knows itself, and runs.
assert_type(query.schema, pl.Schema)
assert_type(query.table, Table)
assert_type(query.tables, tuple[Table, ...])
assert_type(query.reads("Connectors"), frozenset[tuple[str, str]])
assert_type(query.to_kql(), str)
assert_type(query.to_kql("sentinel"), str)
assert_type(query.to_kql(SENTINEL), str)
assert_type(query.collect(source), pl.DataFrame)
assert_type(kql_types(query)["Subject"], KqlType)
assert_type(estimate(pl.col("NetworkMessageId").n_unique()), pl.Expr)
assert_type(connector_hours(period), Query)
assert_type(connector_volume(period, "Relay", threshold=50), Query)

# Conforming keeps the kind of frame.
assert_type(conform(pl.DataFrame(), EMAIL_EVENTS), pl.DataFrame)
assert_type(conform(pl.LazyFrame(), EMAIL_EVENTS), pl.LazyFrame)

# What does not go.
scan("EmailEvents")  # type: ignore[arg-type]
query.filter("Connectors")  # type: ignore[arg-type]
query.group_by("Connectors").collect(source)  # type: ignore[attr-defined]
query.join(query, on="NetworkMessageId", how="anti-semi")  # type: ignore[arg-type]
query.join(query, on="NetworkMessageId", how="full")  # type: ignore[arg-type]
query.with_columns(Hour="Timestamp")  # type: ignore[arg-type]
query.collect("evidence/")  # type: ignore[arg-type]
query.steps = ()  # type: ignore[misc]
within(period.start)  # type: ignore[arg-type]
