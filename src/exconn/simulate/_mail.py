"""Mail, as EmailEvents records it."""

import random
from collections.abc import Mapping, Sequence

import polars as pl

from exconn.simulate._draw import guids, integers, picks
from exconn.simulate._fields import Counts, Texts, Times, complete, dated, domain_of, wrong_length
from exconn.simulate._names import SUBJECTS
from exconn.tables import EMAIL_EVENTS, TIME

Recipients = str | Sequence[str] | Sequence[Sequence[str]] | pl.Series

AUTHENTICATED = '{"SPF":"pass","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}'
UNAUTHENTICATED = '{"SPF":"fail","DKIM":"none","DMARC":"fail","CompAuth":"fail"}'


def mail_rows(
    *,
    rng: random.Random,
    times: Times,
    p1: Texts,
    recipients: Recipients,
    p2: Texts | None = None,
    connector: Texts = "",
    direction: Texts = "Inbound",
    sender_object_id: Texts = "",
    sender_name: Texts = "",
    sender_ipv4: Texts = "",
    sender_ipv6: Texts = "",
    directory: Mapping[str, str] | None = None,
    subject: Texts | None = None,
    urls: Counts = 0,
    attachments: Counts = 0,
    delivery: Texts = "Delivered",
    threats: Texts = "",
    authentication: Texts = AUTHENTICATED,
    bulk_level: Counts = 0,
    cluster: int | None = None,
    transport_rule: Texts = "",
) -> pl.DataFrame:
    """Build rows of EmailEvents: one message for each time, one row for each of its recipients.

    Args:
        rng: what identifiers and sizes are drawn from.
        times: when each message was sent.
        p1: address of the envelope sender (5321.MailFrom).
        recipients: the address of each message's recipient, or a sequence of them for each.
        p2: address of the header sender (5322.From); None: the same as `p1`.
        connector: the name of the connector, "" for none.
        direction: Inbound, Outbound or Intra-org.
        sender_object_id: the sender's GUID in the directory, "" for none.
        sender_name: display name.
        sender_ipv4: the address that the message came from.
        sender_ipv6: the same, for IPv6.
        directory: object ids by address, for recipients.
        subject: None draws everyday ones.
        urls: number of links.
        attachments: number of attachments.
        delivery: Delivered, Junked, Blocked or Replaced.
        threats: "", Spam, Phish, Malware.
        authentication: JSON text with the results of SPF, DKIM, DMARC and CompAuth.
        bulk_level: bulk complaint level, 0 to 9.
        cluster: the e-mail cluster of all messages; None draws one for each.
        transport_rule: the rule that acted on the message.

    Raises:
        InvalidValueError: a sequence has not one value for each message.
    """
    sent = pl.Series(times, dtype=TIME)
    n = len(sent)
    columns: dict[str, Texts | Counts] = {
        "SenderMailFromAddress": p1,
        "SenderFromAddress": p1 if p2 is None else p2,
        "Connectors": connector,
        "EmailDirection": direction,
        "SenderObjectId": sender_object_id,
        "SenderDisplayName": sender_name,
        "SenderIPv4": sender_ipv4,
        "SenderIPv6": sender_ipv6,
        "Subject": picks(rng, n, SUBJECTS["staff"]) if subject is None else subject,
        "UrlCount": urls,
        "AttachmentCount": attachments,
        "DeliveryAction": delivery,
        "ThreatTypes": threats,
        "AuthenticationDetails": authentication,
        "BulkComplaintLevel": bulk_level,
        "EmailClusterId": integers(rng, n, 2**32) if cluster is None else cluster,
        "ExchangeTransportRule": transport_rule,
    }
    frame = dated(sent, columns).with_columns(
        pl.Series("NetworkMessageId", guids(rng, n), dtype=pl.String),
        EmailSize=8_000 + integers(rng, n, 60_000) + pl.col("AttachmentCount") * 180_000,
    )
    frame = _addressed(frame, recipients)
    frame = frame.with_columns(_recipient_id(directory or {}), *_MAIL_COLUMNS)
    return complete(frame, EMAIL_EVENTS)


_LOCATION = (
    pl.when(pl.col("DeliveryAction") == "Blocked")
    .then(pl.lit("Quarantine"))
    .when(pl.col("EmailDirection") == "Outbound")
    .then(pl.lit("On-premises/External"))
    .when(pl.col("DeliveryAction") == "Junked")
    .then(pl.lit("Junk"))
    .otherwise(pl.lit("Inbox/folder"))
)

_MAIL_COLUMNS = (
    domain_of("SenderMailFromAddress").alias("SenderMailFromDomain"),
    domain_of("SenderFromAddress").alias("SenderFromDomain"),
    domain_of("RecipientEmailAddress").alias("RecipientDomain"),
    pl.format("<{}@{}>", "NetworkMessageId", domain_of("SenderFromAddress")).alias(
        "InternetMessageId"
    ),
    pl.format("{}-{}-1", "NetworkMessageId", "Position").alias("ReportId"),
    _LOCATION.alias("DeliveryLocation"),
    _LOCATION.alias("LatestDeliveryLocation"),
    pl.col("DeliveryAction").alias("LatestDeliveryAction"),
    pl.when(pl.col("EmailDirection") == "Inbound")
    .then(pl.lit(value=False))
    .alias("IsFirstContact"),
    pl.lit("en").alias("EmailLanguage"),
)


def _addressed(frame: pl.DataFrame, recipients: Recipients) -> pl.DataFrame:
    """Give each message its recipients, one row each, and number the rows of each message."""
    n = frame.height
    to = pl.Series([recipients] * n if isinstance(recipients, str) else recipients)
    if len(to) != n:
        raise wrong_length("recipients", len(to), n)
    address = pl.col("RecipientEmailAddress")
    if not isinstance(to.dtype, pl.List):
        return frame.with_columns(to.cast(pl.String).alias("RecipientEmailAddress")).with_columns(
            To=pl.format('["{}"]', address), Position=pl.lit(0)
        )
    return (
        frame.with_columns(to.alias("RecipientEmailAddress"))
        .with_columns(
            To=pl.format('["{}"]', address.list.join('","')),
            Position=pl.int_ranges(address.list.len()),
        )
        .explode("RecipientEmailAddress", "Position")
    )


def _recipient_id(directory: Mapping[str, str]) -> pl.Expr:
    address = pl.col("RecipientEmailAddress")
    known = address.replace_strict(dict(directory), default="", return_dtype=pl.String)
    return (known if directory else pl.lit("")).alias("RecipientObjectId")
