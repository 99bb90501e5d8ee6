"""Records convert to frames and back, and read audit records in every shape that exports have."""

# ruff: noqa: DTZ001 - times without zone are among what is tested

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn import InvalidValueError, UnknownColumnError
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    Alert,
    AuditRecord,
    ConnectorChange,
    Email,
    InboundConnector,
    Logon,
    OutboundConnector,
    TransportRule,
)
from exconn.models.audit import host, many, object_name, parameters, success, truth
from exconn.tables import ALERT_INFO, CLOUD_APP_EVENTS, EMAIL_EVENTS
from exconn.testing import (
    alerts,
    connector_changes,
    emails,
    frames,
    inbound_connectors,
    logons,
    outbound_connectors,
    transport_rules,
)

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
GUID = "0f0e0d0c-0b0a-4908-8706-050403020100"
CONNECTOR_GUID = "7a1d0d0c-aaaa-4bbb-8ccc-0123456789ab"
NAMES = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="utf-8"), max_size=8)
PASSED = st.dictionaries(NAMES, VALUES, max_size=4)

Shape = Callable[[Mapping[str, str]], object]


def as_list(passed: Mapping[str, str]) -> object:
    return [{"Name": name, "Value": value} for name, value in passed.items()]


def as_json(passed: Mapping[str, str]) -> object:
    return json.dumps(as_list(passed), indent=2)


def as_double_quoted(passed: Mapping[str, str]) -> object:
    escaped = {n: v.replace("`", "``").replace('"', '`"') for n, v in passed.items()}
    return " ".join(f'-{name} "{value}"' for name, value in escaped.items())


def as_single_quoted(passed: Mapping[str, str]) -> object:
    return " ".join(f"-{n} '" + v.replace("'", "''") + "'" for n, v in passed.items())


def as_mapping(passed: Mapping[str, str]) -> object:
    return dict(passed)


def as_objects(passed: Mapping[str, str]) -> object:
    return [f"@{{Name={name}; Value={value}}}" for name, value in passed.items()]


def as_turned_objects(passed: Mapping[str, str]) -> object:
    return [f"@{{Value={value}; Name={name}}}" for name, value in passed.items()]


SHAPES = pytest.mark.parametrize(
    "shape",
    [
        as_list,
        as_json,
        as_double_quoted,
        as_single_quoted,
        as_mapping,
        as_objects,
        as_turned_objects,
    ],
)


def change(
    operation: str = "Set-InboundConnector",
    passed: object = None,
    row: Mapping[str, object] | None = None,
    **record: object,
) -> ConnectorChange:
    raw = {"Operation": operation, "Parameters": passed or [], **record}
    own = {"Timestamp": AT, "ActionType": operation, "RawEventData": json.dumps(raw)}
    return ConnectorChange.of({**own, **(row or {})})


@given(st.lists(emails(), max_size=3))
def test_emails_survive_a_frame(records: list[Email]) -> None:
    frame = Email.to_frame(records)
    assert frame.schema == EMAIL_EVENTS.schema
    assert Email.from_frame(frame) == records


@given(st.lists(logons(), max_size=3))
def test_logons_survive_a_frame(records: list[Logon]) -> None:
    assert Logon.from_frame(Logon.to_frame(records)) == records


@given(st.lists(alerts(), max_size=3))
def test_alerts_survive_a_frame(records: list[Alert]) -> None:
    frame = Alert.to_frame(records)
    assert frame.columns == [*ALERT_INFO.names, "Connector"]
    assert Alert.from_frame(frame) == records


@given(st.lists(connector_changes(), max_size=3, unique_by=lambda made: made.audit_id))
def test_connector_changes_survive_a_frame_in_the_order_of_time(
    records: list[ConnectorChange],
) -> None:
    frame = ConnectorChange.to_frame(records)
    assert frame.schema == CLOUD_APP_EVENTS.schema
    read = ConnectorChange.from_frame(frame)
    assert sorted(map(repr, read)) == sorted(map(repr, records))
    times = [record.timestamp for record in read]
    assert times == sorted(times)


@given(connector_changes(), st.integers(2, 4))
def test_a_change_that_occurs_several_times_is_read_once(
    record: ConnectorChange, times: int
) -> None:
    assert ConnectorChange.from_frame(ConnectorChange.to_frame([record] * times)) == [record]
    without_ids = attrs.evolve(record, audit_id="", report_id="")
    frame = ConnectorChange.to_frame([without_ids] * times)
    assert ConnectorChange.from_frame(frame) == [without_ids]


@given(connector_changes())
def test_two_changes_with_ids_of_their_own_are_two(record: ConnectorChange) -> None:
    others = [
        attrs.evolve(record, audit_id="1"),
        attrs.evolve(record, audit_id="2"),
        attrs.evolve(record, audit_id="", report_id="1"),
        attrs.evolve(record, audit_id="", report_id="2"),
        attrs.evolve(record, audit_id="", report_id="", address="192.0.2.99"),
        attrs.evolve(record, audit_id="", report_id="", address="192.0.2.98"),
    ]
    assert len(ConnectorChange.from_frame(ConnectorChange.to_frame(others))) == len(others)


@given(st.lists(inbound_connectors(), max_size=3))
def test_inbound_connectors_survive_a_frame(records: list[InboundConnector]) -> None:
    assert InboundConnector.from_frame(InboundConnector.to_frame(records)) == records


@given(st.lists(outbound_connectors(), max_size=3))
def test_outbound_connectors_survive_a_frame(records: list[OutboundConnector]) -> None:
    assert OutboundConnector.from_frame(OutboundConnector.to_frame(records)) == records


@given(st.lists(transport_rules(), max_size=3))
def test_transport_rules_survive_a_frame(records: list[TransportRule]) -> None:
    assert TransportRule.from_frame(TransportRule.to_frame(records)) == records


@given(frames(EMAIL_EVENTS))
def test_a_raw_frame_gives_an_email_for_each_row_with_a_time(raw: pl.DataFrame) -> None:
    read = Email.from_frame(raw)
    assert len(read) == (raw["Timestamp"].count() if "Timestamp" in raw.columns else 0)
    for record in read:
        strings = [
            getattr(record, name)
            for name, column in Email.columns().items()
            if EMAIL_EVENTS.schema[column] == pl.String
        ]
        assert all(isinstance(value, str) for value in strings)


def test_fields_of_an_email_name_the_envelope_p1_and_the_header_p2() -> None:
    columns = Email.columns()
    assert columns["p1_address"] == "SenderMailFromAddress"
    assert columns["p1_domain"] == "SenderMailFromDomain"
    assert columns["p2_address"] == "SenderFromAddress"
    assert columns["p2_domain"] == "SenderFromDomain"


@pytest.mark.parametrize("cls", [Email, Logon, Alert])
def test_each_field_has_a_column_of_its_own(cls: type[Email | Logon | Alert]) -> None:
    columns = cls.columns()
    assert list(columns) == [field.name for field in attrs.fields(cls)]
    assert len(set(columns.values())) == len(columns)
    assert set(columns.values()) - set(cls.TABLE.names) <= {"Connector"}


def test_records_are_frozen_and_read_a_time_without_zone_as_utc() -> None:
    email = Email(timestamp=datetime(2026, 3, 10, 12))
    assert email.timestamp == AT
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        email.subject = "x"  # type: ignore[misc]


def test_an_alert_frame_without_connectors_is_an_error() -> None:
    with pytest.raises(UnknownColumnError, match="'Connector' in a frame of Alert"):
        Alert.from_frame(pl.DataFrame({"Timestamp": [AT], "AlertId": ["1"]}))


def test_an_alert_without_a_connector_in_its_row_has_an_empty_one() -> None:
    raw = pl.DataFrame({"Timestamp": [AT, AT], "Connector": [None, "Relay"]})
    assert [alert.connector for alert in Alert.from_frame(raw)] == ["", "Relay"]


def test_a_logon_succeeded_when_its_action_says_so() -> None:
    raw = pl.DataFrame({"Timestamp": [AT] * 3, "ActionType": ["LogonSuccess", "logonfailed", "x"]})
    assert [logon.succeeded for logon in Logon.from_frame(raw)] == [True, False, False]


@SHAPES
@given(passed=PASSED)
def test_parameters_are_read_from_every_shape(shape: Shape, passed: Mapping[str, str]) -> None:
    if shape in (as_objects, as_turned_objects):
        passed = {name: value.replace(";", "").strip() for name, value in passed.items()}
    assert parameters(shape(passed)) == passed


@SHAPES
def test_a_change_is_read_from_every_shape_of_its_parameters(shape: Shape) -> None:
    passed = {
        "Identity": "Relay of Fabrikam",
        "SenderDomains": "smtp:*;1",
        "SenderIPAddresses": "192.0.2.7;198.51.100.0/24",
        "RequireTls": "False",
        "TlsSenderCertificateName": "",
    }
    made = change(passed=shape(passed))
    assert made.parameters == passed
    assert made.connector == "Relay of Fabrikam"
    assert made.properties == InboundConnector(
        name="Relay of Fabrikam",
        sender_domains=("*",),
        sender_ip_addresses=("192.0.2.7", "198.51.100.0/24"),
        require_tls=False,
        tls_sender_certificate_name="",
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('-PageSize "100" -Types ("Bulk","Spam")', {"PageSize": "100", "Types": "Bulk;Spam"}),
        ("-Types (\"a, b)\", 'c')", {"Types": "a, b);c"}),
        ("-Enabled:$false -Force", {"Enabled": "$false", "Force": ""}),
        ('-Force -Identity "x"', {"Force": "", "Identity": "x"}),
        ("-Identity Relay-East -SetSCL -1", {"Identity": "Relay-East", "SetSCL": "-1"}),
        ('-Name "say ""hi"""', {"Name": 'say "hi"'}),
        ('-Name "x -Enabled $true"', {"Name": "x -Enabled $true"}),
        ("@{Value=Bind; Name=MailAccessType}", {"MailAccessType": "Bind"}),
        ("@{Name=Addresses; Value=192.0.2.7; 192.0.2.8}", {"Addresses": "192.0.2.7; 192.0.2.8"}),
        (["@{Name=A; Value=1}", "@{Name=B; Value=}"], {"A": "1", "B": ""}),
        ({"Name": "Relay"}, {"Name": "Relay"}),
        ({"Name": "Enabled", "Value": "True"}, {"Enabled": "True"}),
        ([{"name": "Enabled", "value": None}], {"Enabled": ""}),
        ([{"Name": "Force"}], {"Force": ""}),
        ([{"Name": "Hosts", "Value": ["a", "b"]}], {"Hosts": "a;b"}),
        ('[{"Name": "Enabled", "Value": true}]', {"Enabled": "True"}),
        (None, {}),
        ("", {}),
        ("[broken", {}),
        (7, {}),
        ([None, 3], {}),
    ],
)
def test_parameters_of_odd_shapes(raw: object, expected: Mapping[str, str]) -> None:
    assert parameters(raw) == expected


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=6,
    )
)
def test_no_audit_record_however_odd_stops_the_reading(raw: object) -> None:
    record = AuditRecord.parse({"Parameters": raw, "UserType": raw, "ClientIP": raw, "Id": raw})
    assert isinstance(record.parameters, dict)
    assert all(isinstance(value, str) for value in record.parameters.values())
    assert isinstance(AuditRecord.parse(raw), AuditRecord)


@given(st.dictionaries(st.sampled_from(["Operation", "UserId", "ClientIP", "Id"]), st.text()))
def test_an_audit_record_reads_alike_in_any_spelling_of_its_keys(record: dict[str, str]) -> None:
    expected = AuditRecord.parse(record)
    assert AuditRecord.parse(json.dumps(record)) == expected
    for form in (str.lower, str.upper, lambda key: key[0].lower() + key[1:], lambda key: key + "_"):
        assert AuditRecord.parse({form(key): value for key, value in record.items()}) == expected


@pytest.mark.parametrize(
    "passed",
    [
        '[{"Name": "Identity", "Value": "a\\ud800b"}]',
        '{"Identity": "a\\udfffb"}',
        '"-Identity a\\ud800b"',
    ],
)
def test_halves_of_characters_in_an_audit_record_are_replaced(passed: str) -> None:
    text = f'{{"UserId": "x\\ud83d", "ObjectId": "\\ud83d\\ude00", "Parameters": {passed}}}'
    record = AuditRecord.parse(text)
    assert record.user_id == "x\ufffd"
    assert record.object_id == "\U0001f600"
    assert record.parameters == {"Identity": "a\ufffdb"}


@pytest.mark.parametrize("raw", [None, "", "null", "{", 5, [], "[]"])
def test_an_unreadable_audit_record_is_empty(raw: object) -> None:
    assert AuditRecord.parse(raw) == AuditRecord()


@pytest.mark.parametrize("direction", ["Inbound", "Outbound"])
@pytest.mark.parametrize("form", [str, str.lower, str.upper])
def test_operations_are_read_in_any_letter_case(direction: str, form: Callable[[str], str]) -> None:
    for verb in ("New", "Set", "Remove"):
        made = change(form(f"{verb}-{direction}Connector"), {"Identity": "x", "Name": "x"})
        assert (made.verb, made.direction) == (verb, direction)
        kind = InboundConnector if direction == "Inbound" else OutboundConnector
        assert isinstance(made.properties, kind)


def test_only_operations_on_connectors_are_connector_changes() -> None:
    with pytest.raises(InvalidValueError, match="got 'Set-Mailbox'"):
        change("Set-Mailbox")
    with pytest.raises(InvalidValueError, match="expected a Timestamp"):
        change(row={"Timestamp": None})
    raw = pl.DataFrame(
        {
            "Timestamp": [AT, AT, None, AT],
            "ActionType": ["Set-Mailbox", "set-outboundconnector", "New-InboundConnector", None],
        }
    )
    read = ConnectorChange.from_frame(raw)
    assert [made.operation for made in read] == ["set-outboundconnector"]
    assert len(AdminChange.from_frame(raw)) == 2


@pytest.mark.parametrize(
    ("operation", "passed", "target", "name"),
    [
        ("New-InboundConnector", {"Name": "Relay"}, "", "Relay"),
        ("New-InboundConnector", {"Name": "Relay"}, "tenant", "Relay"),
        ("New-InboundConnector", {}, "contoso.example\\Relay", "Relay"),
        ("Set-InboundConnector", {"Identity": "Relay"}, "", "Relay"),
        ("Set-InboundConnector", {"identity": " contoso.example\\Relay "}, "", "Relay"),
        ("Set-InboundConnector", {"Identity": "Relay", "Name": "Other"}, "", "Relay"),
        ("Set-InboundConnector", {}, "contoso.example\\Relay", "Relay"),
        (
            "Set-InboundConnector",
            {},
            "x/Microsoft Exchange Hosted Organizations/contoso.example/Relay",
            "Relay",
        ),
        ("Set-InboundConnector", {"Name": "Relay"}, "", "Relay"),
        ("Remove-InboundConnector", {"Identity": CONNECTOR_GUID}, "", CONNECTOR_GUID),
        ("Remove-InboundConnector", {}, "", ""),
    ],
)
def test_a_change_names_its_connector(
    operation: str, passed: Mapping[str, str], target: str, name: str
) -> None:
    assert change(operation, passed, ObjectId=target).connector == name


def test_only_a_set_with_another_name_renames() -> None:
    renaming = change(passed={"Identity": "Relay", "Name": "Other"})
    assert renaming.new_name == "Other"
    assert renaming.aliases == {"relay", "other"}
    assert renaming.properties.name == "Other"
    assert change(passed={"Identity": "Relay", "Name": "Relay"}).new_name is None
    assert change("New-InboundConnector", {"Name": "Relay"}).new_name is None
    assert change(passed={"Identity": "Relay"}).new_name is None


def test_a_guid_is_an_alias_only_where_it_is_the_connectors() -> None:
    by_guid = change(passed={"Identity": CONNECTOR_GUID}, ObjectId="contoso.example\\Relay")
    assert by_guid.aliases == {CONNECTOR_GUID, "relay"}
    with_guid = change(passed={"Identity": "Relay"}, ObjectId=CONNECTOR_GUID.upper())
    assert with_guid.aliases == {CONNECTOR_GUID, "relay"}
    of_tenant = change(passed={"Identity": "Relay"}, ObjectId="contoso.onmicrosoft.example")
    assert of_tenant.aliases == {"relay"}


@pytest.mark.parametrize(
    ("row", "record", "expected"),
    [
        (
            {"AccountObjectId": GUID, "AccountType": "Admin"},
            {"UserId": "Ada@contoso.example", "UserType": 2},
            Actor(kind=ActorKind.PERSON, id=GUID, name="Ada@contoso.example"),
        ),
        (
            {"AccountDisplayName": "Ada"},
            {},
            Actor(kind=ActorKind.PERSON, name="Ada"),
        ),
        (
            {"AccountId": GUID, "AccountType": "Application"},
            {"UserId": "Mail Tool"},
            Actor(kind=ActorKind.APPLICATION, id=GUID, name="Mail Tool"),
        ),
        ({}, {"UserId": GUID}, Actor(kind=ActorKind.APPLICATION, id=GUID, name=GUID)),
        (
            {},
            {"UserId": "Mail Tool", "UserType": "ServicePrincipal", "AppId": GUID},
            Actor(kind=ActorKind.APPLICATION, id=GUID, name="Mail Tool"),
        ),
        (
            {},
            {"UserId": "NT AUTHORITY\\SYSTEM (w3wp)", "UserType": 3},
            Actor(kind=ActorKind.SYSTEM, name="NT AUTHORITY\\SYSTEM (w3wp)"),
        ),
        (
            {"AccountType": "System"},
            {"UserId": "Provisioning"},
            Actor(kind=ActorKind.SYSTEM, name="Provisioning"),
        ),
        (
            {},
            {"UserId": "Provisioning", "UserType": "DcAdmin"},
            Actor(kind=ActorKind.SYSTEM, name="Provisioning"),
        ),
    ],
)
def test_actors_are_people_applications_or_the_system(
    row: Mapping[str, object], record: Mapping[str, Any], expected: Actor
) -> None:
    assert change(row=row, **record).actor == expected


def test_the_key_of_an_actor_is_its_id_or_else_its_name_without_case() -> None:
    assert Actor(kind=ActorKind.PERSON, id=GUID.upper(), name="Ada").key == GUID
    assert Actor(kind=ActorKind.PERSON, name="Ada@Contoso.example").key == "ada@contoso.example"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:50311", "192.0.2.7"),
        ("[2001:db8::7]:25", "2001:db8::7"),
        ("[2001:DB8::7]", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ("Mail.Contoso.example", "mail.contoso.example"),
        ("mail.contoso.example:25", "mail.contoso.example"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("", ""),
    ],
)
def test_addresses_lose_their_port(address: str, expected: str) -> None:
    assert host(address) == expected
    assert change(ClientIP=address).address == expected
    assert change(row={"IPAddress": address}).address == expected


@given(st.ip_addresses(v=4), st.integers(0, 65535))
def test_ports_and_mapping_never_change_an_ipv4_address(address: object, port: int) -> None:
    for form in (f"{address}:{port}", f"::ffff:{address}", f"[::ffff:{address}]:{port}"):
        assert host(form) == str(address)


@given(st.ip_addresses(v=6), st.integers(0, 65535))
def test_brackets_never_change_an_ipv6_address(address: object, port: int) -> None:
    assert host(f"[{address}]:{port}") == host(str(address))


def test_the_address_of_the_row_counts_before_that_of_the_record() -> None:
    made = change(row={"IPAddress": "192.0.2.7"}, ClientIP="198.51.100.20:443")
    assert made.address == "192.0.2.7"


@pytest.mark.parametrize(
    "word", ["True", "TRUE", "Success", "Succeeded", "Successful", "PartiallySucceeded", " true "]
)
def test_words_of_success(word: str) -> None:
    assert success(word) is True
    assert change(ResultStatus=word).succeeded is True


@pytest.mark.parametrize("word", ["False", "FAILED", "Failure", "error"])
def test_words_of_failure(word: str) -> None:
    assert change(ResultStatus=word).succeeded is False


@pytest.mark.parametrize("word", ["", None, "Pending"])
def test_other_words_say_nothing_of_success(word: str | None) -> None:
    assert change(ResultStatus=word).succeeded is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("True", True),
        ("$true", True),
        ("1", True),
        ("FALSE", False),
        ("$False", False),
        ("0", False),
        ("", None),
        ("maybe", None),
        (None, None),
        (True, True),
    ],
)
def test_flags_of_powershell_are_read(text: str | bool | None, expected: bool | None) -> None:  # noqa: FBT001
    assert truth(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp:*;1", ("*",)),
        ("SMTP:contoso.example;1;smtp:fabrikam.example;2", ("contoso.example", "fabrikam.example")),
        ("192.0.2.7, 198.51.100.0/24", ("192.0.2.7", "198.51.100.0/24")),
        ("{a, b}", ("a", "b")),
        ("", ()),
        (" ; ", ()),
    ],
)
def test_joined_lists_are_read(text: str, expected: tuple[str, ...]) -> None:
    assert many(text) == expected


def test_the_name_of_an_object_stands_at_the_end_of_its_identity() -> None:
    assert object_name("contoso.example\\Relay of x") == "Relay of x"
    assert object_name("a/b Relay") == "a/b Relay"


def test_a_listing_reads_properties_in_any_case_and_leaves_absent_ones_none() -> None:
    read = InboundConnector.from_properties(
        {
            "NAME": "Relay",
            "enabled": "$true",
            "SenderDomains": ["smtp:*;1"],
            "senderipaddresses": "192.0.2.7;192.0.2.8",
            "WhenCreatedUTC": "2026-03-10T12:00:00Z",
            "WhenChangedUTC": "soon",
            "Unknown": object(),
            "ExternalDirectoryObjectId": GUID,
        }
    )
    assert read == InboundConnector(
        name="Relay",
        guid=GUID,
        enabled=True,
        sender_domains=("*",),
        sender_ip_addresses=("192.0.2.7", "192.0.2.8"),
        when_created=AT,
    )
    assert InboundConnector.from_properties({}) == InboundConnector()


def test_a_listing_reads_text_columns_of_a_frame() -> None:
    raw = pl.DataFrame(
        {"Name": ["Relay"], "Enabled": ["True"], "SmartHosts": ["a;b"], "Other": [1]}
    )
    expected = OutboundConnector(name="Relay", enabled=True, smart_hosts=("a", "b"))
    assert OutboundConnector.from_frame(raw) == [expected]


@pytest.mark.parametrize(
    ("rule", "weakens"),
    [
        (TransportRule(set_scl="-1"), True),
        (TransportRule(set_scl=" -1 "), True),
        (TransportRule(set_scl="9"), False),
        (TransportRule(remove_header="X-Spam"), True),
        (TransportRule(set_header_name="X-Spam"), True),
        (TransportRule(remove_header=" "), False),
        (TransportRule(name="Disclaimer"), False),
    ],
)
def test_a_rule_weakens_filtering_when_it_touches_headers_or_allows(
    rule: TransportRule,
    weakens: bool,  # noqa: FBT001
) -> None:
    assert rule.weakens_filtering is weakens


def test_changes_at_one_time_are_ordered_all_the_same() -> None:
    made = [
        attrs.evolve(change(), audit_id=f"{n}", timestamp=AT + timedelta(hours=n % 2))
        for n in range(4)
    ]
    forwards = ConnectorChange.from_frame(ConnectorChange.to_frame(made))
    assert ConnectorChange.from_frame(ConnectorChange.to_frame(made[::-1])) == forwards


def test_the_kind_of_an_actor_may_be_its_word_and_nothing_else() -> None:
    assert Actor(kind="person") == Actor(kind=ActorKind.PERSON)
    with pytest.raises(InvalidValueError, match="person, application, system"):
        Actor(kind="human")
