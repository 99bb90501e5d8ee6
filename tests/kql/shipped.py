"""Every query and every detector that exconn ships, with arguments."""

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from exconn import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Query, Table
from exconn import detectors as d
from exconn.facts import queries as q
from exconn.window import Period

PERIOD = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, 5, tzinfo=UTC))
MAILED = Period(PERIOD.start, datetime(2026, 3, 5, tzinfo=UTC))
ACCOUNTS = ("ada@contoso.example", "6B1D0D0C-1111-4BBB-8CCC-000000000001", 'o"brien\\@x.example')
DOMAINS = ("contoso.example", "Fabrikam.example")

QUERIES: Mapping[str, Query] = {
    "connector_names": q.connector_names(PERIOD),
    "connector_hours": q.connector_hours(PERIOD),
    "sender_hours": q.sender_hours(PERIOD),
    "bulk_senders": q.bulk_senders(PERIOD),
    "sending_addresses": q.sending_addresses(PERIOD),
    "sender_domains": q.sender_domains(PERIOD),
    "recipient_domains": q.recipient_domains(PERIOD),
    "external_mail": q.external_mail(PERIOD, DOMAINS),
    "correspondents": q.correspondents(PERIOD),
    "seen_domains": q.seen_domains(PERIOD),
    "tenant_domains": q.tenant_domains(PERIOD),
    "mail_from": q.mail_from(PERIOD, ("192.0.2.7", "2001:DB8::7"), DOMAINS),
    "link_clicks": q.link_clicks(PERIOD, d.through('The "Relay"'), MAILED),
    "connector_changes": q.connector_changes(PERIOD),
    "new_connectors": q.new_connectors(PERIOD),
    "connector_volume": q.connector_volume(PERIOD, 'The "Relay"'),
    "administration": q.administration(PERIOD),
    "actor_deeds": q.actor_deeds(PERIOD),
    "logon_places": q.logon_places(PERIOD, ACCOUNTS),
    "logon_addresses": q.logon_addresses(PERIOD, ACCOUNTS),
    "logon_seconds": q.logon_seconds(PERIOD, ACCOUNTS),
    "minute_bursts": q.minute_bursts(PERIOD),
    "address_logons": q.address_logons(PERIOD, ("192.0.2.7", "2001:DB8::7")),
}

DETECTORS: Mapping[str, tuple[Table, pl.Expr]] = {
    name: (table, expr)
    for table, exprs in (
        (
            EMAIL_EVENTS,
            {
                "authenticated": d.authenticated(),
                "external_recipient": d.external_recipient(DOMAINS),
                "has_attachments": d.has_attachments(),
                "has_urls": d.has_urls(),
                "inbound": d.inbound(),
                "inside": d.inside(pl.col("SenderFromDomain"), DOMAINS),
                "intra_org": d.intra_org(),
                "junked": d.junked(),
                "missing_sender_id": d.missing_sender_id(),
                "outbound": d.outbound(),
                "p1_domain": d.p1_domain(),
                "p2_domain": d.p2_domain(),
                "phishing_or_malware": d.phishing_or_malware(),
                "recipient_domain": d.recipient_domain(),
                "sender_mismatch": d.sender_mismatch(),
                "sending_address": d.sending_address(),
                "threat": d.threat(),
                "through": d.through('say "Relay"'),
                "unaccepted_sender": d.unaccepted_sender(DOMAINS),
                "unauthenticated": d.unauthenticated(),
                "via_connector": d.via_connector(),
                "within": d.within(PERIOD),
            },
        ),
        (
            CLOUD_APP_EVENTS,
            {
                "connector_change": d.connector_change(),
                "connector_changed": d.connector_changed(),
                "connector_created": d.connector_created(),
                "connector_enabled": d.connector_enabled(),
                "connector_removed": d.connector_removed(),
                "exchange_administration": d.exchange_administration(),
                "failed": d.failed(),
                "grant": d.grant(),
                "made_by_application": d.made_by_application(),
                "parameter_passed": d.parameter_passed("Enabled", "[$]?true"),
                "transport_rule_change": d.transport_rule_change(),
            },
        ),
        (
            IDENTITY_LOGON_EVENTS,
            {
                "by_account": d.by_account(ACCOUNTS),
                "failed_logon": d.failed_logon(),
                "hosted_logon": d.hosted_logon(),
                "logon_noise": d.logon_noise(),
                "successful_logon": d.successful_logon(),
            },
        ),
    )
    for name, expr in exprs.items()
}
