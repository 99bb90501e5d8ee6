"""A context is read from TOML; what is wrong in it is said in one line."""

import ipaddress
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from exconn import (
    ApprovedChange,
    Context,
    InboundConnector,
    InvalidValueError,
    OutboundConnector,
    TransportRule,
)
from exconn.context import in_networks

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 8, tzinfo=UTC)

texts = st.text(min_size=1)
lists = st.lists(st.sampled_from(["*", "a.example", "192.0.2.7", 'o"dd\\']), max_size=2)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def listed(cls: type) -> st.SearchStrategy[object]:
    of = {pl.String(): texts, pl.Boolean(): st.booleans(), pl.List(pl.String()): lists}
    given = {
        field.name: st.none() | of.get(field.metadata["dtype"], moments) for field in fields(cls)
    }
    return st.builds(cls, **given)


@given(
    st.builds(
        Context,
        accepted_domains=st.lists(st.sampled_from(["a.example", "b.example"])),
        blocked_connectors=st.lists(st.uuids().map(str)),
        partners=st.lists(st.sampled_from(["a.example", "c.example"])),
        gateways=st.lists(st.sampled_from(["192.0.2.0/24", "2001:db8::7"])),
        approved_changes=st.lists(
            st.builds(
                ApprovedChange,
                start=st.just(START),
                end=st.just(END),
                connector=st.text(),
                actor=st.text(),
                reason=st.text(),
            ),
            max_size=2,
        ),
        inbound_connectors=st.lists(listed(InboundConnector), max_size=2),
        outbound_connectors=st.lists(listed(OutboundConnector), max_size=2),
        transport_rules=st.lists(listed(TransportRule), max_size=2),
    )
)
def test_a_context_is_the_same_after_toml(context: Context) -> None:
    assert Context.from_toml(context.to_toml()) == context


EVERYTHING = """
accepted_domains = ["Contoso.example", "@mail.contoso.example", " contoso.example ", ""]
partners = ["fabrikam.example"]
gateways = ["192.0.2.0/24", "192.0.2.0/24", " 2001:db8::7 "]
simulation_vendors = ["198.51.100.7"]

[[approved_changes]]
start = 2026-03-01
end = "2026-03-08T01:00:00+01:00"
connector = "Relay"
actor = "ada@contoso.example"
reason = "CHG-1"

[[approved_changes]]
start = 2026-03-01T00:00:00
end = 2026-03-08T00:00:00Z

[[inbound_connectors]]
Name = "Relay"
SenderIPAddresses = ["192.0.2.7", "192.0.2.8"]
RequireTls = true
WhenCreatedUTC = 2026-03-01T00:00:00Z

[[outbound_connectors]]
Name = "Out"
SmartHosts = "a;b"

[[transport_rules]]
Name = "Allow"
SetSCL = -1
"""


def test_every_key_of_a_context_is_read() -> None:
    assert Context.from_toml(EVERYTHING) == Context(
        accepted_domains=("contoso.example", "mail.contoso.example"),
        partners=("fabrikam.example",),
        gateways=("192.0.2.0/24", "2001:db8::7"),
        simulation_vendors=("198.51.100.7",),
        approved_changes=(
            ApprovedChange(
                start=START,
                end=END,
                connector="Relay",
                actor="ada@contoso.example",
                reason="CHG-1",
            ),
            ApprovedChange(start=START, end=END),
        ),
        inbound_connectors=(
            InboundConnector(
                name="Relay",
                sender_ip_addresses=("192.0.2.7", "192.0.2.8"),
                require_tls=True,
                when_created=START,
            ),
        ),
        outbound_connectors=(OutboundConnector(name="Out", smart_hosts=("a", "b")),),
        transport_rules=(TransportRule(name="Allow", set_scl="-1"),),
    )


def test_an_empty_context_knows_nothing() -> None:
    context = Context.from_toml("")
    assert context == Context()
    assert all(getattr(context, field.name) == () for field in fields(Context))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('blocked_connectors = ["Relay"]', "expected a GUID, got 'relay'"),
        ("accepted_domains", "not TOML"),
        ("accepted_domains = [", "not TOML"),
        ('partners = "line\nbreak"', "not TOML"),
        ("accepted_domain = []", "unknown key 'accepted_domain'; keys: accepted_domains"),
        ('"odd\\nkey" = 1', "unknown key"),
        ('accepted_domains = "contoso.example"', "accepted_domains must be an array of strings"),
        ("gateways = [1]", "gateways must be an array of strings"),
        ("partners = [['a']]", "partners must be an array of strings"),
        ('gateways = ["rubbish"]', "an address or a network"),
        ('simulation_vendors = ["phish.example"]', "an address or a network"),
        ("[simulation_vendors]", "simulation_vendors must be an array of strings"),
        ("approved_changes = 1", "approved_changes must be an array of tables"),
        ("inbound_connectors = ['Relay']", "must be an array of tables ([[inbound_connectors]])"),
        ("[transport_rules]\nName = 'x'", "transport_rules must be an array of tables"),
        ("[[approved_changes]]\nstart = 2026-03-01", "has start and end"),
        ("[[approved_changes]]\nstart = 2026-03-01\nend = 'soon'", "ISO 8601"),
        ("[[approved_changes]]\nstart = 10:00:00\nend = 2026-03-01", "ISO 8601"),
        ("[[approved_changes]]\nstart = 2026-03-02\nend = 2026-03-01", "before it starts"),
        (
            "[[approved_changes]]\nstart = 0001-01-01T00:00:00+05:00\nend = 2026-03-01",
            "outside the years",
        ),
        (
            "[[approved_changes]]\nstart = 2026-03-01\nend = 2026-03-02\n'odd\tkey' = 1",
            "has start and end",
        ),
        (
            '[[approved_changes]]\nstart = 2026-03-01\nend = 2026-03-02\n"odd\\nkey" = 1',
            "has start and end",
        ),
        (
            "[[approved_changes]]\nstart = 2026-03-01\nend = 2026-03-02\nactor = 5",
            "actor of an approved change must be a string",
        ),
    ],
)
def test_what_is_wrong_in_a_context_is_said_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Context.from_toml(text)
    assert caught.value.what == "context"
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_listing_with_an_impossible_time_has_none() -> None:
    text = "[[inbound_connectors]]\nName = 'x'\nWhenCreatedUTC = 0001-01-01T00:00:00+05:00"
    assert Context.from_toml(text).inbound_connectors == (InboundConnector(name="x"),)


APPROVED = ApprovedChange(start=START, end=END, connector="Relay", actor="Ada@contoso.example")


@pytest.mark.parametrize(
    ("names", "actors", "when", "covered"),
    [
        (["RELAY"], ["ada@contoso.example"], START, True),
        (["other", "relay"], ["", "ADA@CONTOSO.EXAMPLE"], END - timedelta(microseconds=1), True),
        (["relay"], ["ada@contoso.example"], END, False),
        (["relay"], ["ada@contoso.example"], START - timedelta(microseconds=1), False),
        (["relay 2"], ["ada@contoso.example"], START, False),
        (["relay"], ["bob@contoso.example"], START, False),
        ([], ["ada@contoso.example"], START, False),
        (["relay"], [], START, False),
    ],
)
def test_an_approval_covers_its_connector_actor_and_time(
    names: list[str],
    actors: list[str],
    when: datetime,
    covered: bool,  # noqa: FBT001
) -> None:
    assert APPROVED.covers(names, actors, when) is covered


def test_an_approval_without_connector_and_actor_covers_all_in_its_time() -> None:
    approved = ApprovedChange(start=START, end=END)
    assert approved.covers([], [], START)
    assert not approved.covers(["Relay"], ["Ada"], END)


@given(st.ip_addresses(), st.integers(0, 32))
def test_an_address_is_in_every_network_around_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int
) -> None:
    assert in_networks(str(address), [f"{address}/{prefix}"])
    assert in_networks(str(address), ["192.0.2.0/24", str(address)])


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32), st.booleans())
def test_an_address_is_in_a_network_when_its_first_bits_are_the_networks(
    address: ipaddress.IPv4Address,
    network: ipaddress.IPv4Address,
    prefix: int,
    near: bool,  # noqa: FBT001
) -> None:
    if near:
        network = ipaddress.IPv4Address(int(address) ^ 1)
    shift = 32 - prefix
    expected = int(address) >> shift == int(network) >> shift
    assert in_networks(str(address), [f"{network}/{prefix}"]) is expected


@pytest.mark.parametrize("address", ["", "relay.contoso.example", "192.0.2.999"])
def test_what_is_no_address_is_in_no_network(address: str) -> None:
    assert not in_networks(address, ["0.0.0.0/0", "::/0", "", address])
