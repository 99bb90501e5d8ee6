"""Every query by its name, with one way to ask for any of them."""

from collections.abc import Callable, Mapping

import polars as pl
from attrs import frozen

from exconn.detectors import through
from exconn.facts import queries as q
from exconn.query import Query
from exconn.window import EVER, Period


@frozen(kw_only=True)
class Asked:
    """What a query is asked about; each takes what it needs.

    Attributes:
        period: when.
        connector: the connector's name, for the playbook's second query and for clicks; others
            that tell connectors apart tell of this one alone, where `about` makes them.
        accounts: object ids or UPNs, for sign-ins.
        addresses: for sign-ins and mail from them.
        domains: of senders, for mail from them.
        accepted_domains: the tenant's own, for mail to outside.
    """

    period: Period
    connector: str = ""
    accounts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    accepted_domains: tuple[str, ...] = ()


PLAYBOOK_QUERIES: Mapping[str, Callable[[Asked], Query]] = {
    "new_connectors": lambda asked: q.new_connectors(asked.period),
    "connector_volume": lambda asked: q.connector_volume(asked.period, asked.connector),
    "external_mail": lambda asked: q.external_mail(asked.period, asked.accepted_domains),
    "bulk_senders": lambda asked: q.bulk_senders(asked.period),
    "minute_bursts": lambda asked: q.minute_bursts(asked.period),
}
"""The playbook's five queries, in its order, corrected; each function says what was wrong."""

CATALOGUE: Mapping[str, Callable[[Asked], Query]] = {
    **PLAYBOOK_QUERIES,
    "connector_names": lambda asked: q.connector_names(asked.period),
    "connector_hours": lambda asked: q.connector_hours(asked.period),
    "sender_hours": lambda asked: q.sender_hours(asked.period),
    "sending_addresses": lambda asked: q.sending_addresses(asked.period),
    "sender_domains": lambda asked: q.sender_domains(asked.period),
    "recipient_domains": lambda asked: q.recipient_domains(asked.period),
    "correspondents": lambda asked: q.correspondents(asked.period),
    "seen_domains": lambda asked: q.seen_domains(asked.period),
    "tenant_domains": lambda asked: q.tenant_domains(asked.period),
    "mail_from": lambda asked: q.mail_from(asked.period, asked.addresses, asked.domains),
    "link_clicks": lambda asked: q.link_clicks(
        asked.period, through(asked.connector), asked.period
    ),
    "connector_changes": lambda asked: q.connector_changes(asked.period),
    "administration": lambda asked: q.administration(asked.period),
    "actor_deeds": lambda asked: q.actor_deeds(asked.period),
    "logon_places": lambda asked: q.logon_places(asked.period, asked.accounts),
    "logon_addresses": lambda asked: q.logon_addresses(asked.period, asked.accounts),
    "logon_seconds": lambda asked: q.logon_seconds(asked.period, asked.accounts),
    "address_logons": lambda asked: q.address_logons(asked.period, asked.addresses),
}
"""Every query that exconn ships, by the name of its function."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "connector_volume": ("connector",),
    "link_clicks": ("connector",),
    "mail_from": ("addresses", "domains"),
    "logon_places": ("accounts",),
    "logon_addresses": ("accounts",),
    "logon_seconds": ("accounts",),
    "address_logons": ("addresses",),
}
"""What queries have to be asked about, one thing of several at least; else they find nothing."""

_MAY_TAKE = {"external_mail": ("accepted_domains",)}


def about(name: str, asked: Asked) -> Query:
    """A query of the catalogue; of those that tell connectors apart, the rows of the one named."""
    query = CATALOGUE[name](asked)
    if asked.connector and "Connector" in query.schema:
        return query.filter(pl.col("Connector") == asked.connector.lower())
    return query


def takes(name: str) -> frozenset[str]:
    """What a query can be asked about, beside the period."""
    plain = CATALOGUE[name](Asked(period=EVER))
    by_connector = ("connector",) if "Connector" in plain.schema else ()
    return frozenset((*NEEDS.get(name, ()), *_MAY_TAKE.get(name, ()), *by_connector))
