"""Mail that asks for money, and a signal that it came all at once."""

import polars as pl

from exconn import EMAIL_EVENTS, Direction, Family, Query, Signal, scan
from exconn.detectors import outbound, via_connector
from exconn.signals.question import TRAFFIC_UNUSUAL


def asks_for_payment() -> pl.Expr:
    """The subject speaks of an invoice, a payment or bank details."""
    return pl.col("Subject").str.contains("(?i)(invoice|payment|bank details)")


def complained_of(least: int = 6) -> pl.Expr:
    """Of 9, the recipients of such bulk mail complain at least so much."""
    return (pl.col("BulkComplaintLevel") >= least).fill_null(value=False)


def payment_requests() -> Query:
    """Messages to outside that ask for payment, by connector and hour."""
    message = pl.col("NetworkMessageId")
    return (
        scan(EMAIL_EVENTS)
        .filter(via_connector(), outbound())
        .group_by("Connectors", Hour=pl.col("Timestamp").dt.truncate("1h"))
        .agg(
            Requests=message.filter(asks_for_payment()).n_unique(),
            Bulk=message.filter(complained_of()).n_unique(),
            Messages=message.n_unique(),
        )
    )


AT_ONCE = Signal(
    id="volume.at-once",
    title="most of the mail came in one hour, to strangers",
    family=Family.VOLUME,
    direction=Direction.FOR,
    weight=0.6,
    question=TRAFFIC_UNUSUAL,
    when=(pl.col("peak_hour_messages") >= 0.5 * pl.col("messages"))
    & (pl.col("unknown_recipient_share") >= 0.5),
    sentence="{peak_hour_messages:.0f} of {messages:.0f} messages came in one hour, and "
    "{unknown_recipient_share:.0%} of the deliveries went to unknown domains.",
    rationale="Who has stolen a connector makes haste; newsletters go to known domains.",
    fires={"peak_hour_messages": 50, "messages": 100, "unknown_recipient_share": 0.5},
    nearly={"peak_hour_messages": 49, "messages": 100, "unknown_recipient_share": 0.5},
)
