"""A detector and a signal of your own, beside those that exconn ships.

The detector is an expression over EmailEvents and runs in a query of its own; the signal is a
condition over the facts that exconn computes, and weighs in the grade.
"""

import polars as pl

from exconn import (
    EMAIL_EVENTS,
    SIGNALS,
    Direction,
    Family,
    MemorySource,
    Query,
    Signal,
    hunt,
    scan,
)
from exconn.detectors import outbound, sender_mismatch, via_connector
from exconn.signals.question import SENDERS_DIFFER
from exconn.simulate import demo_tenant


def night() -> pl.Expr:
    """The message was sent between midnight and five o'clock, UTC."""
    return pl.col("Timestamp").dt.hour().is_between(0, 4).fill_null(value=False)


def spoofed_at_night() -> Query:
    """Messages to outside with differing senders, by connector, at night and in all."""
    suspicious = outbound() & sender_mismatch()
    message = pl.col("NetworkMessageId")
    return (
        scan(EMAIL_EVENTS)
        .filter(via_connector())
        .group_by("Connectors")
        .agg(
            AtNight=message.filter(suspicious & night()).n_unique(),
            Spoofed=message.filter(suspicious).n_unique(),
            Messages=message.n_unique(),
        )
        .sort(["Spoofed", "Connectors"], descending=[True, False])
    )


SPOOFED_OUTSIDE = Signal(
    id="sender.spoofed-outside",
    title="mail with differing senders goes to strangers",
    family=Family.SENDER,
    direction=Direction.FOR,
    weight=1.5,
    question=SENDERS_DIFFER,
    when=(pl.col("mismatch_share") >= 0.5) & (pl.col("unknown_recipient_share") >= 0.5),
    sentence="{mismatch_share:.0%} of the messages have differing senders, and "
    "{unknown_recipient_share:.0%} of the deliveries go to unknown domains.",
    rationale="A marketing service writes to those who subscribed; spoofers write to strangers.",
    fires={"mismatch_share": 0.9, "unknown_recipient_share": 0.9},
    nearly={"mismatch_share": 0.9, "unknown_recipient_share": 0.4},
)


def main() -> None:
    """Run both over a simulated tenant."""
    source = MemorySource(demo_tenant(mails=5_000).frames)
    print(spoofed_at_night().collect(source))
    for result in hunt(source, signals=(*SIGNALS, SPOOFED_OUTSIDE)):
        finding = next(f for f in result.findings if f.signal is SPOOFED_OUTSIDE)
        print(f"{result.connector!r:30} {finding.state.value:11} {finding.sentence}")


if __name__ == "__main__":
    main()
