"""The rows of the mail queries, keyed by connector."""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

import polars as pl
from attrs import evolve, frozen

from exconn.facts.identity import Connectors
from exconn.facts.queries import (
    bulk_senders,
    connector_hours,
    correspondents,
    recipient_domains,
    seen_domains,
    sender_domains,
    sender_hours,
    sending_addresses,
    tenant_domains,
)
from exconn.query import Query
from exconn.window import Period

_PASSED = (
    "connector_hours",
    "sender_hours",
    "sending_addresses",
    "sender_domains",
    "recipient_domains",
)
"""The rows of what passed through connectors."""


@frozen(eq=False, slots=False)
class MailRows:
    """The rows of the mail queries, each named like its query."""

    connector_hours: pl.DataFrame
    sender_hours: pl.DataFrame
    bulk_senders: pl.DataFrame
    sending_addresses: pl.DataFrame
    sender_domains: pl.DataFrame
    recipient_domains: pl.DataFrame
    correspondents: pl.DataFrame
    seen_domains: pl.DataFrame
    tenant_domains: pl.DataFrame

    @staticmethod
    def queries(period: Period, values: Collection[str] | None = None) -> list[Query]:
        """The queries, in the order of the frames.

        Args:
            period: of which mail.
            values: those of `Connectors` that name the connector that alone is of interest; None
                where all are. What is asked of the whole tenant is the same.
        """
        return [
            connector_hours(period, values=values),
            sender_hours(period, values=values),
            bulk_senders(period),
            sending_addresses(period, values=values),
            sender_domains(period, values=values),
            recipient_domains(period, values=values),
            correspondents(period),
            seen_domains(period),
            tenant_domains(period),
        ]

    def by_connector(self, connectors: Connectors, spelt: Iterable[str]) -> "MailRows":
        """The same with `Connector` holding keys of connectors instead of values of the column.

        A row whose value names several connectors is repeated for each.

        Args:
            connectors: who is who.
            spelt: all values of `Connectors`.
        """
        of_value = {value.lower(): connectors.of_mail(value) for value in spelt}
        if all(found == (value,) for value, found in of_value.items()):
            return self
        keys = pl.DataFrame(
            [(value, key) for value, found in of_value.items() for key in found],
            schema={"Connector": pl.String(), "Key": pl.String()},
            orient="row",
        )

        def keyed(frame: pl.DataFrame) -> pl.DataFrame:
            joined = frame.join(keys, on="Connector", how="left")
            named = joined.with_columns(Connector=pl.coalesce("Key", "Connector")).drop("Key")
            return _merged(named)

        return evolve(
            self,
            connector_hours=keyed(self.connector_hours),
            sender_hours=keyed(self.sender_hours),
            bulk_senders=keyed(self.bulk_senders),
            sending_addresses=keyed(self.sending_addresses),
            sender_domains=keyed(self.sender_domains),
            recipient_domains=keyed(self.recipient_domains),
        )

    def only(self, connectors: Collection[str]) -> "MailRows":
        """The same with what passed through some connectors alone; other ways out stay."""
        its = pl.col("Connector").is_in(sorted(connectors))
        return evolve(self, **{name: getattr(self, name).filter(its) for name in _PASSED})

    def of(self, connector: str) -> "MailRows":
        """The same with what passed through one connector alone; quick when asked for many."""
        rows = {name: found.get(connector) for name, found in self._by_connector.items()}
        empty = {name: getattr(self, name).clear() for name, found in rows.items() if found is None}
        return evolve(self, **{**rows, **empty})

    @cached_property
    def _by_connector(self) -> Mapping[str, Mapping[str, pl.DataFrame]]:
        return {
            name: {
                str(connector): rows
                for (connector,), rows in getattr(self, name)
                .partition_by("Connector", as_dict=True)
                .items()
            }
            for name in _PASSED
        }


def _merged(frame: pl.DataFrame) -> pl.DataFrame:
    counts = [name for name, dtype in frame.schema.items() if dtype == pl.Int64]
    ends = {"First": pl.col("First").min(), "Last": pl.col("Last").max()}
    ends = {name: end for name, end in ends.items() if name in frame.columns}
    return frame.group_by(pl.exclude([*counts, *ends])).agg(pl.col(counts).sum(), **ends)
