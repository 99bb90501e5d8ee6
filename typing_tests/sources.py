"""What type checkers know of sources: checked by mypy and pyright, never run."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import assert_type

import polars as pl
from azure.kusto.data import KustoConnectionStringBuilder

from exconn import (
    Context,
    Coverage,
    HuntingSource,
    KustoSource,
    MemorySource,
    ParquetSource,
    Query,
    ResultCache,
    Source,
    Table,
    read_context,
    write_evidence,
)
from exconn.sources import Patience, sign_in, workspace_url
from exconn.sources.sign_in import SignIn


def token() -> str:
    """An access token."""
    return ""


class Mine:
    """A source of one's own needs no base class."""

    def coverage(self, tables: Sequence[Table]) -> Coverage:
        """Nothing."""
        return Coverage(())

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Nothing."""
        return []


class HalfMine:
    """It lacks `coverage`."""

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Nothing."""
        return []


# Every source is one.
memory: Source = MemorySource({"EmailEvents": pl.DataFrame()})
several: Source = MemorySource({"EmailEvents": [pl.DataFrame(), pl.DataFrame()]})
folder: Source = ParquetSource("evidence")
path: Source = ParquetSource(Path("evidence"))
mine: Source = Mine()
assert_type(memory.coverage([]), Coverage)
assert_type(memory.collect([]), list[pl.DataFrame])

# Services, with their ways to sign in.
person = sign_in.device_code("contoso.example", "app")
assert_type(person, SignIn)
cache = ResultCache(folder="results", tenant="contoso.example")
assert_type(cache.folder, Path)
hunting: Source = HuntingSource(person, cache=cache, lookback=timedelta(days=7))
anyone: Source = HuntingSource(token, patience=Patience(calls_per_minute=10))
url = workspace_url("subscription", "group", "workspace")
assert_type(url, str)
kusto: Source = KustoSource(url, "workspace", token, dialect="sentinel")
builder = KustoConnectionStringBuilder.with_az_cli_authentication(url)
built: Source = KustoSource(builder, "workspace", dialect="sentinel")

# Evidence folders.
assert_type(read_context("evidence"), Context)
write_evidence({"EmailEvents": pl.DataFrame()}, Path("evidence"))

# What does not go.
half: Source = HalfMine()  # type: ignore[assignment]
MemorySource([pl.DataFrame()])  # type: ignore[arg-type]
MemorySource({"EmailEvents": pl.LazyFrame()})  # type: ignore[dict-item]
ParquetSource()  # type: ignore[call-arg]
HuntingSource("token")  # type: ignore[arg-type]
HuntingSource(token, url)  # type: ignore[call-arg]
KustoSource(url)  # type: ignore[call-arg]
ResultCache("results", "contoso.example")  # type: ignore[call-arg]
