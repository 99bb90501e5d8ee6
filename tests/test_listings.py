"""Listings of settings become the folder's context; what it says otherwise is kept."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exconn import Context
from exconn.ingest import ImportSummary, import_files
from exconn.sources import read_context

INBOUND: dict[str, Any] = {
    "Name": "Relay",
    "Guid": "2b3f0c8e-5d0a-4b61-9a3c-0a8f4d1c7e55",
    "Enabled": True,
    "ConnectorType": "OnPremises",
    "SenderDomains": ["smtp:*;1"],
    "SenderIPAddresses": ["192.0.2.7"],
    "RequireTls": False,
    "WhenCreatedUTC": "/Date(1700000000000)/",
    "WhenChangedUTC": "2026-03-02T09:58:11Z",
    "Identity": "Relay",
}
OUTBOUND: dict[str, Any] = {
    "Name": "To the archive",
    "Enabled": "True",
    "RecipientDomains": {"value": ["archive.example"], "Count": 1},
    "SmartHosts": ["mx.archive.example"],
    "UseMXRecord": "False",
}
RULE: dict[str, Any] = {
    "Name": "Mark as safe",
    "Priority": 0,
    "State": "Enabled",
    "Mode": "Enforce",
    "SetHeaderName": None,
    "SetSCL": "-1",
}
DOMAIN: dict[str, Any] = {
    "Name": "fabrikam.example",
    "DomainName": {"Domain": "Fabrikam.example", "SmtpDomain": {"Domain": "fabrikam.example"}},
    "DomainType": "Authoritative",
    "Default": True,
}
BLOCKED = {
    "ConnectorId": "159EB7C4-75D7-43E2-95FE-CED44B3E0A56",
    "ConnectorName": "Relay",
    "Reason": "OutboundSpamLast24Hours=211",
}
EVERYTHING = [INBOUND, OUTBOUND, RULE, DOMAIN, BLOCKED]


def imported(to: Path, *records: object, name: str = "listing.json") -> ImportSummary:
    file = to.parent / name
    file.write_text(json.dumps(list(records)), "utf-8")
    return import_files([file], to)


def test_each_listing_goes_to_its_place_in_the_context(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    summary = imported(folder, *EVERYTHING)
    assert summary.listed == {
        "inbound_connectors": 1,
        "outbound_connectors": 1,
        "transport_rules": 1,
        "accepted_domains": 1,
        "blocked_connectors": 1,
    }
    assert (summary.read, summary.rows, summary.duplicates, summary.rejected) == (5, 0, 0, 0)
    known = read_context(folder)
    [relay], [archive], [rule] = (
        known.inbound_connectors,
        known.outbound_connectors,
        known.transport_rules,
    )
    assert (relay.name, relay.sender_domains, relay.require_tls) == ("Relay", ("*",), False)
    assert relay.when_created == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (archive.recipient_domains, archive.use_mx_record) == (("archive.example",), False)
    assert rule.weakens_filtering
    assert known.accepted_domains == ("fabrikam.example",)
    assert known.blocked_connectors == (BLOCKED["ConnectorId"].lower(),)


def test_the_same_listing_again_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    imported(folder, *EVERYTHING)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    again = imported(folder, *EVERYTHING)
    assert (again.listed, again.duplicates) == ({}, 5)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_listings_of_a_connector_the_newer_counts(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    newer = {**INBOUND, "Name": "Renamed", "WhenChangedUTC": "2026-03-09T00:00:00Z"}
    folder = tmp_path / "evidence"
    for n in order:
        imported(folder, (INBOUND, newer)[n])
    [only] = read_context(folder).inbound_connectors
    assert only.name == "Renamed"


def test_what_was_written_by_hand_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    own = '# mine\npartners = ["fabrikam.example"]\naccepted_domains = ["contoso.example"]\n'
    (folder / "context.toml").write_text(own, "utf-8")
    imported(folder, *EVERYTHING)
    known = read_context(folder)
    assert known.partners == ("fabrikam.example",)
    assert known.accepted_domains == ("contoso.example", "fabrikam.example")
    assert (folder / "context.toml.old").read_text("utf-8") == own
    imported(folder, {**INBOUND, "Name": "Another", "Guid": None})
    assert (folder / "context.toml.old").read_text("utf-8") == own


@pytest.mark.parametrize("changed", ["2026-03-09T00:00:00", "/Date(1773014400000)/"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("first", [INBOUND | {"WhenChangedUTC": None}, OUTBOUND, RULE])
def test_of_two_listings_the_newer_counts_also_where_only_local_time_tells(
    tmp_path: Path, first: dict[str, Any], order: tuple[int, int], changed: str
) -> None:
    older = first | {"WhenChanged": "2026-03-02T09:58:11", "Comments": "old", "Comment": "old"}
    newer = first | {"WhenChanged": changed, "Comments": "new", "Comment": "new"}
    folder = tmp_path / "evidence"
    for n in order:
        imported(folder, (older, newer)[n])
    assert '= "new"' in (folder / "context.toml").read_text("utf-8")


def test_a_listing_keeps_what_it_does_not_tell(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    by_hand = (
        '[[inbound_connectors]]\nName = "relay"\nComment = "ours"\nTrustedOrganizations = "x"\n'
    )
    by_hand += "CloudServicesMailEnabled = true\n"
    (folder / "context.toml").write_text(by_hand, "utf-8")
    told = INBOUND | {"Comment": "", "CloudServicesMailEnabled": None}
    summary = imported(folder, told)
    [relay] = read_context(folder).inbound_connectors
    assert (relay.name, relay.comment, relay.require_tls) == ("Relay", "ours", False)
    assert relay.trusted_organizations == ("x",)
    assert relay.cloud_services_mail_enabled is None
    assert ["context.toml.old" in note for note in summary.notes] == [True]
    assert imported(folder, told).notes == ()
    edited = (folder / "context.toml").read_text("utf-8") + "# mine\n"
    (folder / "context.toml").write_text(edited, "utf-8")
    imported(folder, OUTBOUND)
    assert (folder / "context.toml.old").read_text("utf-8") == edited


def test_long_listings_take_no_time(tmp_path: Path) -> None:
    domains = [DOMAIN | {"DomainName": f"{n}.example"} for n in range(4_000)]
    relays = [INBOUND | {"Name": f"relay {n}", "Guid": None} for n in range(4_000)]
    began = time.perf_counter()
    assert imported(tmp_path / "evidence", *domains, *relays).read == 8_000
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"Name": "x", "State": "Enabled", "Priority": 0, "Mode": "Enforce"}, "transport_rules"),
        ({**BLOCKED, "CreatedDatetime": "2026-03-02T09:58:11"}, "blocked_connectors"),
    ],
)
def test_short_listings_are_told(tmp_path: Path, record: dict[str, Any], kind: str) -> None:
    assert imported(tmp_path / "evidence", record).listed == {kind: 1}


def test_rules_of_defender_are_no_transport_rules(tmp_path: Path) -> None:
    rule = {"Name": "x", "State": "Enabled", "Priority": 0, "SafeLinksPolicy": "Strict"}
    assert imported(tmp_path / "evidence", rule).listed == {}


def test_the_context_as_it_was_is_no_export(tmp_path: Path) -> None:
    """The folder may be the one that the listings are in."""
    (tmp_path / "context.toml").write_text('partners = ["fabrikam.example"]\n', "utf-8")
    (tmp_path / "listing.json").write_text(json.dumps(EVERYTHING), "utf-8")
    assert import_files([tmp_path], tmp_path).read == 5
    again = import_files([tmp_path], tmp_path)
    assert (again.read, again.duplicates) == (5, 5)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({**INBOUND, "Name": " "}, "a listed connector or rule without a name"),
        ({**DOMAIN, "DomainName": ""}, "an accepted domain without a name"),
        ({**DOMAIN, "DomainName": "*"}, "a listed domain or GUID that is none"),
        ({**BLOCKED, "ConnectorId": ""}, "a blocked connector without a GUID"),
        ({**BLOCKED, "ConnectorId": "Relay"}, "a listed domain or GUID that is none"),
    ],
)
def test_what_is_no_entry_is_set_aside(tmp_path: Path, record: dict[str, Any], reason: str) -> None:
    folder = tmp_path / "evidence"
    summary = imported(folder, record)
    assert summary.reasons == {reason: 1}
    assert read_context(folder) == Context()
    assert not (folder / "context.toml").exists()


def test_an_event_is_no_listing(tmp_path: Path) -> None:
    """A mail that names a connector and a reason does not say that Microsoft blocks it."""
    mail = {"Received": "2026-03-02T10:00:00", "MessageTraceId": "c0ffee"}
    mail |= {"SenderAddress": "a@bulk.example", "RecipientAddress": "ann@fabrikam.example"}
    summary = imported(tmp_path / "evidence", BLOCKED | mail)
    assert (summary.listed, summary.written) == ({}, {"EmailEvents": 1})


def test_hostile_names_are_values_and_nothing_else(tmp_path: Path) -> None:
    names = [
        'x"\naccepted_domains = ["attacker.example"]\n#',
        "\\",
        "'''",
        "\u202e\x00\x7f",
        "[[approved_changes]]",
        "\ud800",
    ]
    folder = tmp_path / "evidence"
    imported(folder, *({**INBOUND, "Name": name, "Guid": None} for name in names))
    known = read_context(folder)
    told = [connector.name for connector in known.inbound_connectors]
    assert told == [*names[:-1], "\ufffd"]
    assert (known.accepted_domains, known.approved_changes) == ((), ())
