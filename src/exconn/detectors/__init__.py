"""Detectors: pure functions that return a Polars expression over the columns of one table.

A detector yields true or false, never null. Compose them with ``&``, ``|`` and ``~``, and write
your own the same way.
"""

from exconn.detectors.connector import (
    connector_change,
    connector_changed,
    connector_created,
    connector_enabled,
    connector_removed,
    failed,
    grant,
    made_by_application,
    parameter_passed,
    transport_rule_change,
)
from exconn.detectors.email import (
    external_recipient,
    has_attachments,
    has_urls,
    inbound,
    inside,
    intra_org,
    junked,
    missing_sender_id,
    outbound,
    p1_domain,
    p2_domain,
    phishing_or_malware,
    recipient_domain,
    sender_mismatch,
    sending_address,
    threat,
    through,
    unaccepted_sender,
    via_connector,
)
from exconn.detectors.logon import by_account, failed_logon, logon_noise, successful_logon
from exconn.detectors.time import within

__all__ = [
    "by_account",
    "connector_change",
    "connector_changed",
    "connector_created",
    "connector_enabled",
    "connector_removed",
    "external_recipient",
    "failed",
    "failed_logon",
    "grant",
    "has_attachments",
    "has_urls",
    "inbound",
    "inside",
    "intra_org",
    "junked",
    "logon_noise",
    "made_by_application",
    "missing_sender_id",
    "outbound",
    "p1_domain",
    "p2_domain",
    "parameter_passed",
    "phishing_or_malware",
    "recipient_domain",
    "sender_mismatch",
    "sending_address",
    "successful_logon",
    "threat",
    "through",
    "transport_rule_change",
    "unaccepted_sender",
    "via_connector",
    "within",
]
