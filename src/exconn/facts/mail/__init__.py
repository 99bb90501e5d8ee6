"""Facts of EmailEvents, computed from the rows of the mail queries."""

import polars as pl

from exconn.context import Context
from exconn.facts.fact import Unit
from exconn.facts.mail.definitions import MAIL_FACTS, turn_facts
from exconn.facts.mail.placing import KEYS
from exconn.facts.mail.recipients import recipient_facts
from exconn.facts.mail.rows import MailRows
from exconn.facts.mail.senders import address_facts, domain_facts
from exconn.facts.mail.volume import direct_facts, hour_facts, other_facts, sender_facts

__all__ = ["MAIL_FACTS", "MailRows", "mail_facts"]


def mail_facts(
    rows: MailRows, judged: pl.DataFrame, context: Context, own: pl.DataFrame
) -> pl.DataFrame:
    """The facts of EmailEvents, one row for each judgement.

    Args:
        rows: keyed by connector (`MailRows.by_connector`).
        judged: see `judged_frame`.
        context: what the organisation knows of itself.
        own: the tenant's domains (see `own_domains`).

    Returns:
        Connector, At, PeakHour (null without mail), and a column for each of `MAIL_FACTS`.
    """
    its = rows.only(judged["Connector"].unique())
    domain = pl.Categorical(pl.Categories.random())
    mailed = rows.correspondents.cast({"Domain": domain})
    seen = rows.seen_domains.cast({"Domain": domain})
    senders = its.sender_domains.cast({"P1": domain, "P2": domain})
    recipients = its.recipient_domains.cast({"Domain": domain})
    parts = [
        hour_facts(its.connector_hours, judged),
        sender_facts(its.sender_hours, judged),
        other_facts(rows.bulk_senders, judged),
        address_facts(its.sending_addresses, judged, context),
        domain_facts(senders, seen, mailed, judged, context, own),
        direct_facts(rows.tenant_domains, judged),
        recipient_facts(recipients, mailed, judged, context, own),
    ]
    facts = judged.select(KEYS)
    for part in parts:
        facts = facts.join(part, on=KEYS, how="left")
    measured = (Unit.SHARE, Unit.RATIO, Unit.RATE)
    counts = [fact.name for fact in MAIL_FACTS if fact.unit not in measured]
    always = [name for name in counts if name not in _MAY_BE_NULL]
    names = [fact.name for fact in MAIL_FACTS]
    return facts.with_columns(pl.col(always).fill_null(0)).select(*KEYS, "PeakHour", *names)


_MAY_BE_NULL = {
    *("baseline_peak_hour", "unknown_domains", "baseline_days", "external_domains"),
    *("fresh_address_messages", "fresh_domain_messages", "fresh_since_suspicious"),
    "fresh_known_domains",
    *(fact.name for fact in turn_facts()),
}
