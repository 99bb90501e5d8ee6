"""Risky settings are told from listings alone; what a listing does not say is no risk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exconn import Context, InboundConnector, OutboundConnector, TransportRule
from exconn.cli.app import run
from exconn.configuration import risks

INBOUND = {"Name": "Relay", "SenderIPAddresses": ["192.0.2.7"], "RequireTls": True}
OUTBOUND = {"Name": "Out", "RecipientDomains": ["a.example"], "TlsSettings": "DomainValidation"}
RULE = {"Name": "Footer", "State": "Enabled"}
HOST = {"SmartHosts": ["mx.a.example"]}


def ids(
    inbound: Mapping[str, Any] | None = None,
    outbound: Mapping[str, Any] | None = None,
    rule: Mapping[str, Any] | None = None,
) -> set[str]:
    listed = Context(
        inbound_connectors=[InboundConnector.from_properties({**INBOUND, **(inbound or {})})],
        outbound_connectors=[OutboundConnector.from_properties({**OUTBOUND, **(outbound or {})})],
        transport_rules=[TransportRule.from_properties({**RULE, **(rule or {})})],
    )
    return {risk.id for risk in risks(listed)}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, set()),
        ({"SenderIPAddresses": []}, {"anyone"}),
        ({"SenderIPAddresses": [], "TlsSenderCertificateName": "mx.a.example"}, set()),
        ({"SenderIPAddresses": [], "RestrictDomainsToCertificate": True}, set()),
        ({"ConnectorType": "Partner"}, set()),
        ({"ConnectorType": "Partner", "SenderDomains": ["a.example"]}, set()),
        ({"ConnectorType": "Partner", "SenderDomains": ["smtp:*;1"]}, {"any-domain"}),
        ({"ConnectorType": "OnPremises", "SenderIPAddresses": []}, {"anyone"}),
        ({"ConnectorType": "Partner", "RestrictDomainsToIPAddresses": True}, set()),
        ({"ConnectorType": "OnPremises"}, set()),
        ({"SenderIPAddresses": ["192.0.2.0/24"]}, set()),
        ({"SenderIPAddresses": ["192.0.0.0/23"]}, {"wide-network"}),
        ({"SenderIPAddresses": ["192.0.2.0-192.0.2.255"]}, set()),
        ({"SenderIPAddresses": ["192.0.2.0-192.0.3.0"]}, {"wide-network"}),
        ({"SenderIPAddresses": ["2001:db8::/32", "nonsense"]}, set()),
        ({"RequireTls": False}, {"no-tls"}),
        ({"RequireTls": None}, set()),
        ({"TreatMessagesAsInternal": "True"}, {"internal"}),
        ({"CloudServicesMailEnabled": True}, {"trusted-headers"}),
        (
            {"CloudServicesMailEnabled": True, "ConnectorSource": "HybridWizard"},
            {"trusted-headers"},
        ),
        ({"SenderIPAddresses": ["192.0.2.0/24", "198.51.100.0/24"]}, {"wide-network"}),
    ],
)
def test_inbound_connectors(settings: Mapping[str, Any], expected: set[str]) -> None:
    assert ids(inbound=settings) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (HOST, set()),
        ({**HOST, "RecipientDomains": ["*"]}, {"all-mail-to-a-host"}),
        ({"RecipientDomains": ["*"]}, set()),
        ({**HOST, "TlsSettings": "EncryptionOnly"}, {"host-without-tls"}),
        ({"TlsSettings": "EncryptionOnly"}, set()),
        ({"CloudServicesMailEnabled": True}, {"trusted-headers"}),
        (
            {"CloudServicesMailEnabled": True, "ConnectorSource": "HybridWizard"},
            {"trusted-headers"},
        ),
    ],
)
def test_outbound_connectors(settings: Mapping[str, Any], expected: set[str]) -> None:
    assert ids(outbound=settings) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"SetSCL": "-1"}, {"blinds-the-filter"}),
        ({"RemoveHeader": "Received"}, {"blinds-the-filter"}),
        ({"SetSCL": "5"}, set()),
        ({"BlindCopyTo": ["x@a.example"]}, {"copies"}),
        ({"RedirectMessageTo": ["x@a.example"]}, {"copies"}),
        ({"AddToRecipients": ["x@a.example"]}, {"copies"}),
        ({"SetHeaderName": "X-Footer", "SetHeaderValue": "1"}, set()),
        ({"SetHeaderName": "X-MS-Exchange-Organization-SCL"}, {"blinds-the-filter"}),
        ({"SetHeaderName": "Authentication-Results"}, {"blinds-the-filter"}),
        ({"RouteMessageOutboundConnector": "Out"}, {"routes"}),
        ({"DeleteMessage": True}, {"deletes"}),
    ],
)
def test_transport_rules(settings: Mapping[str, Any], expected: set[str]) -> None:
    assert ids(rule=settings) == expected


def test_a_listing_that_says_little_is_not_accused_of_what_it_does_not_say() -> None:
    bare = Context(
        outbound_connectors=[OutboundConnector(name="x")], transport_rules=[TransportRule(name="x")]
    )
    assert risks(bare) == []


@pytest.mark.parametrize(
    ("outbound", "rule", "in_force"),
    [
        ({"Enabled": True}, {}, {True}),
        ({"Enabled": False}, {"State": "Disabled"}, {False}),
        ({"Enabled": True, "TestMode": True}, {"Mode": "Audit"}, {False}),
        ({"Enabled": True, "TestMode": False}, {"Mode": "Enforce"}, {True}),
        ({"TestMode": True}, {"Mode": "AuditAndNotify"}, {False}),
    ],
)
def test_what_only_tests_is_not_in_force(
    outbound: Mapping[str, Any], rule: Mapping[str, Any], in_force: set[bool]
) -> None:
    out = {**OUTBOUND, "CloudServicesMailEnabled": True, **outbound}
    listed = Context(
        outbound_connectors=[OutboundConnector.from_properties(out)],
        transport_rules=[
            TransportRule.from_properties({**RULE, "DeleteMessage": True, **rule}),
        ],
    )
    assert {risk.in_force for risk in risks(listed)} == in_force


def test_the_command_shows_what_it_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = {"BlindCopyTo": "x\u202e@a.example", "SetHeaderName": "X-MS-Exchange-Organization-SCL"}
    listed = Context(
        outbound_connectors=[
            OutboundConnector.from_properties({**OUTBOUND, **HOST, "TlsSettings": "EncryptionOnly"})
        ],
        transport_rules=[TransportRule.from_properties({**RULE, **rule, "SetHeaderValue": "-1"})],
    )
    (tmp_path / "context.toml").write_text(listed.to_toml(), "utf-8")
    assert run(["lint", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    for line in (
        "  SmartHosts: mx.a.example",
        "  TlsSettings: EncryptionOnly",
        "  SetHeaderName: X-MS-Exchange-Organization-SCL",
        "  SetHeaderValue: -1",
        "  BlindCopyTo: x\\u202e@a.example",
    ):
        assert line in told


@pytest.mark.parametrize("name", ["Relay", "\u202eyaleR\x1b[31m", "[bold]x[/bold]"])
def test_the_command_says_what_is_risky(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    listed = Context(
        inbound_connectors=[InboundConnector(name=name, require_tls=False, enabled=False)],
        outbound_connectors=[OutboundConnector(name="fine")],
        transport_rules=[TransportRule(name="x", set_scl="-1", state="Enabled")],
    )
    (tmp_path / "context.toml").write_text(listed.to_toml(), "utf-8")
    assert run(["lint", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Risky settings: 3, in 2 of 3 connectors and rules" in out
    assert out.count("(not in force") == 1
    assert "\x1b[31m" not in out
    assert "\u202e" not in out
    assert ("[bold]" in out) is ("[bold]" in name)
    assert run(["lint", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(risk["name"], risk["id"]) for risk in told] == [
        (name, "anyone"),
        (name, "no-tls"),
        ("x", "blinds-the-filter"),
    ]


def test_without_a_listing_the_command_says_what_to_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lint", str(tmp_path)]) == 2
    assert "Get-InboundConnector" in capsys.readouterr().err


@pytest.mark.parametrize("listed", [True, False])
def test_a_blocked_connector_is_judged_also_alone(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    listed: bool,  # noqa: FBT001
) -> None:
    guid = "159EB7C4-75D7-43E2-95FE-CED44B3E0A56"
    relay = InboundConnector.from_properties({**INBOUND, "Guid": guid})
    known = Context(blocked_connectors=[guid], inbound_connectors=[relay] if listed else [])
    (tmp_path / "context.toml").write_text(known.to_toml(), "utf-8")
    assert run(["lint", str(tmp_path)]) == 0
    assert "Risky settings: 1, in 1 of 1 connectors and rules" in capsys.readouterr().out


@pytest.mark.parametrize("guid", ["159eb7c4-75d7-43e2-95fe-ced44b3e0a56", None])
def test_a_blocked_connector_is_told_by_name_where_it_is_listed(guid: str | None) -> None:
    blocked = "159EB7C4-75D7-43E2-95FE-CED44B3E0A56"
    relay = InboundConnector.from_properties({**INBOUND, "Guid": guid, "Enabled": True})
    [risk] = risks(Context(blocked_connectors=[blocked], inbound_connectors=[relay]))
    assert risk.id == "blocked"
    assert (risk.name, risk.in_force) == (("Relay", True) if guid else (blocked.lower(), None))
