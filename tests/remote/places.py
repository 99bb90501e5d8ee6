"""A tenant served on loopback, and sources over it; pauses are not waited for."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from attrs import field, mutable

from exconn import Query, scan
from exconn.sources import Clock, HuntingSource, KustoSource, Patience, RemoteSource, ResultCache
from exconn.sources.hunting import ROWS
from exconn.tables import EMAIL_EVENTS
from exconn.testing import TenantServer

PLACES = ("defender", "kusto", "sentinel")
"""The three ways to a mail log, by the name of their dialect."""

UNHURRIED = Patience(calls_per_minute=10_000)

HOURS: Query = (
    scan(EMAIL_EVENTS)
    .filter(pl.col("Connectors") != "")
    .group_by("Connectors", Hour=pl.col("Timestamp").dt.truncate("1h"))
    .agg(Messages=pl.col("NetworkMessageId").n_unique(), Rows=pl.len())
)
"""A query that can be cut at each hour."""


class Watch:
    """A clock that moves only while somebody waits, and then at once."""

    def __init__(self, start: datetime) -> None:
        self.time = start
        self.slept: list[float] = []

    def wait(self, seconds: float, _until: object = None) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)

    def elapsed(self) -> float:
        return self.time.timestamp()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.elapsed, self.wait)


@mutable(eq=False)
class Place:
    """A tenant as one place serves it."""

    name: str
    tenant: TenantServer
    slept: list[float] = field(factory=list)

    def source(
        self,
        token: Callable[[], str] | None = None,
        cache: ResultCache | None = None,
        patience: Patience = UNHURRIED,
        rows: int = ROWS,
        lookback: timedelta = timedelta(days=30),
    ) -> RemoteSource:
        """A new source; every one begins without knowing the tables."""
        watch = Watch(self.tenant.now)
        self.slept = watch.slept
        common: dict[str, Any] = {
            "cache": cache,
            "patience": patience,
            "clock": watch.clock,
            "lookback": lookback,
        }
        token = token or self.tenant.token
        if self.name == "defender":
            return HuntingSource(token, base_url=self.tenant.graph_url, rows=rows, **common)
        url = self.tenant.proxy_url if self.name == "sentinel" else self.tenant.kusto_url
        return KustoSource(
            url,
            self.tenant.database,
            token,
            dialect=self.name,
            **common,
        )


@contextmanager
def served(name: str, frames: Mapping[str, pl.DataFrame], **settings: Any) -> Iterator[Place]:
    """Serve frames as one of the places does."""
    with TenantServer(frames, dialect=name, **settings) as tenant:
        yield Place(name, tenant)
