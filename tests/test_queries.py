"""Results of the fact queries for adjoining periods may be laid one behind the other."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest

from exconn.detectors import via_connector
from exconn.facts import queries
from exconn.query import Query
from exconn.simulate import Tenant, demo_tenant
from exconn.sources import MemorySource
from exconn.window import Period
from incidents import clicks

DAY = timedelta(days=1)


def tenant() -> Tenant:
    return demo_tenant(4, mails=2_000)


TENANT = tenant()
LARGEST = TENANT.connector("gateway").name
PEOPLE = [name for person in TENANT.people for name in (person.object_id, person.upn)]
ADDRESSES = [address for person in TENANT.people for address in person.office.addresses]
MAILED_FROM = TENANT.frames["EmailEvents"]["SenderIPv4"].unique().sort()[:50].to_list()
EVERYTHING = Period(TENANT.start, TENANT.end)
FRAMES = {
    **TENANT.frames,
    "UrlClickEvents": clicks(TENANT.frames["EmailEvents"][::3], after=2 * DAY),
}
MERGING: dict[str, Callable[[Period], Query]] = {
    "connector_names": queries.connector_names,
    "connector_hours": queries.connector_hours,
    "sender_hours": lambda period: queries.sender_hours(period, threshold=3),
    "bulk_senders": lambda period: queries.bulk_senders(period, threshold=2),
    "sending_addresses": queries.sending_addresses,
    "sender_domains": queries.sender_domains,
    "recipient_domains": queries.recipient_domains,
    "correspondents": queries.correspondents,
    "tenant_domains": queries.tenant_domains,
    "mail_from": lambda period: queries.mail_from(period, MAILED_FROM, TENANT.accepted_domains),
    "link_clicks": lambda period: queries.link_clicks(period, via_connector(), EVERYTHING),
    "external_mail": lambda period: queries.external_mail(period, TENANT.accepted_domains),
    "connector_changes": queries.connector_changes,
    "new_connectors": queries.new_connectors,
    "connector_volume": lambda period: queries.connector_volume(period, LARGEST, threshold=1),
    "administration": queries.administration,
    "actor_deeds": queries.actor_deeds,
    "logon_places": lambda period: queries.logon_places(period, PEOPLE),
    "logon_addresses": lambda period: queries.logon_addresses(period, PEOPLE),
    "logon_seconds": lambda period: queries.logon_seconds(period, PEOPLE),
    "address_logons": lambda period: queries.address_logons(period, ADDRESSES),
}


@pytest.mark.parametrize("name", MERGING)
def test_a_period_cut_into_days_gives_the_rows_of_the_whole(name: str) -> None:
    make = MERGING[name]
    source = MemorySource(FRAMES)
    whole = make(Period(TENANT.start, TENANT.end)).collect(source)
    days = (TENANT.end - TENANT.start) // DAY
    edges = [TENANT.start + n * DAY for n in range(days)] + [TENANT.end]
    parts = source.collect([make(Period(a, b)) for a, b in pairwise(edges)])
    assert whole.height > 0
    laid = pl.concat(parts)
    assert sorted(map(repr, laid.iter_rows())) == sorted(map(repr, whole.iter_rows()))


def test_every_fact_query_is_cut_here_but_the_playbooks_own() -> None:
    made = {
        name
        for name, value in vars(queries).items()
        if callable(value) and not name.startswith("_") and value.__module__ == queries.__name__
    }
    assert made - set(MERGING) == {"minute_bursts"}


@pytest.mark.parametrize(
    ("make", "names", "count"),
    [
        (queries.sending_addresses, ["Address"], "Messages"),
        (queries.sender_domains, ["P1", "P2"], "Messages"),
        (queries.recipient_domains, ["Domain"], "Deliveries"),
    ],
)
@pytest.mark.parametrize("most", [0, 1, 3, 10])
def test_names_of_an_hour_are_told_apart_only_while_they_are_few(
    make: Callable[..., Query], names: list[str], count: str, most: int
) -> None:
    source, period = MemorySource(TENANT.frames), Period(TENANT.start, TENANT.end)
    all_rows, few = (make(period, most=n).collect(source) for n in (10**6, most))
    by = ["Connector", "Hour"]
    for (connector, hour), rows in all_rows.group_by(by):
        of_hour = (pl.col("Connector") == connector) & (pl.col("Hour") == hour)
        told = few.filter(of_hour)
        assert told[count].sum() == rows[count].sum()
        for name in names:
            seen = set(rows[name])
            assert set(told[name]) == (seen if len(seen) <= most else {queries.MANY})
            assert set(told[f"{name}Count"]) == {len(seen)}
    assert few.group_by(by).len().height == all_rows.group_by(by).len().height
