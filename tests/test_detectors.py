"""Every detector says what the same rule says in plain Python, row by row, and never null."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn import Period, detectors
from exconn.detectors.connector import (
    CONNECTOR_OPERATIONS,
    GRANT_OPERATIONS,
    TRANSPORT_RULE_OPERATIONS,
)
from exconn.detectors.logon import HOSTING
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Table, conform
from exconn.testing import check_detector, frames

Row = Mapping[str, Any]
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
ACCEPTED = ("Contoso.example", "b\u00fccher.example")
ACCOUNTS = ("ADA@contoso.example", "6B1D0D0C-1111-4BBB-8CCC-000000000001", "", "nobody")
PERIOD = Period(AT, AT + timedelta(hours=3))


def domain_of(address: str) -> str:
    _, at, domain = address.lower().rpartition("@")
    return domain if at else ""


def is_under(domain: str, other: str) -> bool:
    return domain == other or domain.endswith("." + other)


def is_accepted(domain: str) -> bool:
    return any(is_under(domain, accepted.lower()) for accepted in ACCEPTED)


def mismatch(row: Row) -> bool:
    p1, p2 = row["SenderMailFromDomain"].lower(), row["SenderFromDomain"].lower()
    return bool(p1 and p2) and not is_under(p1, p2) and not is_under(p2, p1)


def operation_is(*names: str) -> Callable[[Row], bool]:
    return lambda row: row["ActionType"].lower() in {name.lower() for name in names}


def parsed(row: Row) -> Mapping[str, Any]:
    """The audit record with its parameters as a mapping; empty when it is no JSON object."""
    try:
        record = json.loads(row["RawEventData"])
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def passed(row: Row) -> list[tuple[str, str]]:
    """The parameters that are listed as names and values, as a list or as its JSON text."""
    given_parameters = parsed(row).get("Parameters")
    if isinstance(given_parameters, str):
        given_parameters = json.loads(given_parameters)
    if not isinstance(given_parameters, list):
        return []
    return [(item["Name"], item["Value"]) for item in given_parameters]


def is_enabled(row: Row) -> bool:
    values = [value.lower() for name, value in passed(row) if name.lower() == "enabled"]
    on = any(value in ("true", "$true", "1") for value in values)
    off = any(value in ("false", "$false", "0") for value in values)
    created = operation_is("New-InboundConnector", "New-OutboundConnector")(row)
    changed = operation_is("Set-InboundConnector", "Set-OutboundConnector")(row)
    return (created and not off) or (changed and on)


def by_application(row: Row) -> bool:
    kinds = (5, 6, "application", "serviceprincipal")
    kind = parsed(row).get("UserType")
    folded = kind.lower() if isinstance(kind, str) else kind
    return bool(row["AccountType"].lower() == "application" or folded in kinds)


def has_failed(row: Row) -> bool:
    status = str(parsed(row).get("ResultStatus") or "")
    return status.lower() in ("false", "failed", "failure", "error")


def noise(row: Row) -> bool:
    directory = row["Application"].lower() == "active directory"
    return bool(directory or row["ISP"].lower() == "microsoft azure")


def dmarc(*results: str) -> Callable[[Row], bool]:
    """Whether the JSON of AuthenticationDetails has one of these results of DMARC."""

    def has(row: Row) -> bool:
        try:
            details = json.loads(row["AuthenticationDetails"].lower())
        except ValueError:
            return False
        return isinstance(details, dict) and details.get("dmarc") in results

    return has


EMAIL: Sequence[tuple[str, pl.Expr, Callable[[Row], bool]]] = (
    ("via_connector", detectors.via_connector(), lambda row: row["Connectors"] != ""),
    (
        "through",
        detectors.through("RELAY"),
        lambda row: row["Connectors"].lower() == "relay",
    ),
    (
        "through a name with odd letters",
        detectors.through("\u0130STANBUL"),
        lambda row: row["Connectors"].lower() == "\u0130stanbul".lower(),
    ),
    (
        "through a name with a final sigma",
        detectors.through("\u03a3\u03a3"),
        lambda row: row["Connectors"].lower() == "\u03c3\u03c2",
    ),
    ("sender_mismatch", detectors.sender_mismatch(), mismatch),
    (
        "missing_sender_id",
        detectors.missing_sender_id(),
        lambda row: row["SenderObjectId"] == "",
    ),
    ("inbound", detectors.inbound(), lambda row: row["EmailDirection"] == "Inbound"),
    ("outbound", detectors.outbound(), lambda row: row["EmailDirection"] == "Outbound"),
    ("intra_org", detectors.intra_org(), lambda row: row["EmailDirection"] == "Intra-org"),
    (
        "external_recipient",
        detectors.external_recipient(ACCEPTED),
        lambda row: (
            domain_of(row["RecipientEmailAddress"]) != ""
            and not is_accepted(domain_of(row["RecipientEmailAddress"]))
        ),
    ),
    (
        "external_recipient of a tenant without domains",
        detectors.external_recipient(()),
        lambda row: domain_of(row["RecipientEmailAddress"]) != "",
    ),
    (
        "unaccepted_sender",
        detectors.unaccepted_sender(ACCEPTED),
        lambda row: (
            row["SenderFromDomain"] != "" and not is_accepted(row["SenderFromDomain"].lower())
        ),
    ),
    ("has_urls", detectors.has_urls(), lambda row: (row["UrlCount"] or 0) > 0),
    (
        "has_attachments",
        detectors.has_attachments(),
        lambda row: (row["AttachmentCount"] or 0) > 0,
    ),
    ("threat", detectors.threat(), lambda row: row["ThreatTypes"] != ""),
    (
        "phishing_or_malware",
        detectors.phishing_or_malware(),
        lambda row: any(word in row["ThreatTypes"].lower() for word in ("phish", "malware")),
    ),
    (
        "junked",
        detectors.junked(),
        lambda row: row["DeliveryAction"] in ("Junked", "Blocked", "Replaced"),
    ),
    ("authenticated", detectors.authenticated(), dmarc("pass", "bestguesspass")),
    ("unauthenticated", detectors.unauthenticated(), dmarc("fail")),
    (
        "inside",
        detectors.inside(detectors.p2_domain(), ACCEPTED),
        lambda row: is_accepted(row["SenderFromDomain"].lower()),
    ),
    ("inside nothing", detectors.inside(detectors.p2_domain(), ()), lambda _row: False),
    (
        "within",
        detectors.within(PERIOD),
        lambda row: row["Timestamp"] is not None and PERIOD.start <= row["Timestamp"] < PERIOD.end,
    ),
)
CHANGE: Sequence[tuple[str, pl.Expr, Callable[[Row], bool]]] = (
    (
        "connector_created",
        detectors.connector_created(),
        operation_is("New-InboundConnector", "New-OutboundConnector"),
    ),
    (
        "connector_changed",
        detectors.connector_changed(),
        operation_is("Set-InboundConnector", "Set-OutboundConnector"),
    ),
    (
        "connector_removed",
        detectors.connector_removed(),
        operation_is("Remove-InboundConnector", "Remove-OutboundConnector"),
    ),
    ("connector_change", detectors.connector_change(), operation_is(*CONNECTOR_OPERATIONS)),
    (
        "transport_rule_change",
        detectors.transport_rule_change(),
        operation_is(*TRANSPORT_RULE_OPERATIONS),
    ),
    (
        "exchange_administration",
        detectors.exchange_administration(),
        lambda row: re.fullmatch(r"[A-Za-z]+-[A-Za-z]+", row["ActionType"]) is not None,
    ),
    ("grant", detectors.grant(), operation_is(*GRANT_OPERATIONS)),
    ("connector_enabled", detectors.connector_enabled(), is_enabled),
    ("made_by_application", detectors.made_by_application(), by_application),
    ("failed", detectors.failed(), has_failed),
    (
        "parameter_passed",
        detectors.parameter_passed("requiretls", "false"),
        lambda row: any(
            (name.lower(), value.lower()) == ("requiretls", "false") for name, value in passed(row)
        ),
    ),
)
LOGON: Sequence[tuple[str, pl.Expr, Callable[[Row], bool]]] = (
    (
        "failed_logon",
        detectors.failed_logon(),
        lambda row: row["ActionType"] == "LogonFailed" and not noise(row),
    ),
    (
        "successful_logon",
        detectors.successful_logon(),
        lambda row: row["ActionType"] == "LogonSuccess" and not noise(row),
    ),
    ("logon_noise", detectors.logon_noise(), noise),
    (
        "hosted_logon",
        detectors.hosted_logon(),
        lambda row: re.search(HOSTING, row["ISP"]) is not None and not noise(row),
    ),
    (
        "by_account",
        detectors.by_account(ACCOUNTS),
        lambda row: (
            {row["AccountObjectId"].lower(), row["AccountUpn"].lower()}
            & {account.lower() for account in ACCOUNTS}
            != set()
        ),
    ),
    ("by_account of nobody", detectors.by_account(()), lambda _row: False),
)
CASES = [
    pytest.param(table, expr, rule, id=name)
    for table, cases in (
        (EMAIL_EVENTS, EMAIL),
        (CLOUD_APP_EVENTS, CHANGE),
        (IDENTITY_LOGON_EVENTS, LOGON),
    )
    for name, expr, rule in cases
]
VALUES: Mapping[str, tuple[pl.Expr, Callable[[Row], str]]] = {
    "p1_domain": (detectors.p1_domain(), lambda row: row["SenderMailFromDomain"].lower()),
    "p2_domain": (detectors.p2_domain(), lambda row: row["SenderFromDomain"].lower()),
    "recipient_domain": (
        detectors.recipient_domain(),
        lambda row: domain_of(row["RecipientEmailAddress"]),
    ),
    "sending_address": (
        detectors.sending_address(),
        lambda row: row["SenderIPv4"] or row["SenderIPv6"].lower(),
    ),
}


def rows_for(
    data: st.DataObject, expr: pl.Expr, table: Table
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Conformed rows that have the columns which an expression reads."""
    columns = sorted(set(expr.meta.root_names())) or [table.time]
    conformed = conform(data.draw(frames(table, max_size=10, columns=columns)), table)
    return conformed, conformed.rows(named=True)


@pytest.mark.parametrize(("table", "expr", "rule"), CASES)
@given(data=st.data())
def test_a_detector_says_what_the_rule_says_in_plain_python(
    table: Table, expr: pl.Expr, rule: Callable[[Row], bool], data: st.DataObject
) -> None:
    frame, rows = rows_for(data, expr, table)
    check_detector(expr, table, frame, kql=False)
    answers = frame.with_columns(Answer=expr)["Answer"].to_list()
    assert answers == [rule(row) for row in rows]


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_a_value_is_what_plain_python_reads_and_never_null(name: str, data: st.DataObject) -> None:
    expr, rule = VALUES[name]
    frame, rows = rows_for(data, expr, EMAIL_EVENTS)
    assert frame.select(Value=expr)["Value"].to_list() == [rule(row) for row in rows]


def test_every_public_detector_is_tested_here() -> None:
    tested = {name.split(" ")[0] for name, _, _ in (*EMAIL, *CHANGE, *LOGON)} | set(VALUES)
    assert tested == set(detectors.__all__)


@pytest.mark.parametrize(
    ("p1", "p2", "expected"),
    [
        ("contoso.example", "CONTOSO.example", False),
        ("bounce.contoso.example", "contoso.example", False),
        ("contoso.example", "mail.contoso.example", False),
        ("notcontoso.example", "contoso.example", True),
        ("a.contoso.example", "b.contoso.example", True),
        ("fabrikam.example", "contoso.example", True),
        ("", "contoso.example", False),
        ("contoso.example", "", False),
        ("", "", False),
    ],
)
def test_a_domain_and_its_subdomain_do_not_mismatch(
    p1: str,
    p2: str,
    expected: bool,  # noqa: FBT001
) -> None:
    frame = pl.DataFrame({"SenderMailFromDomain": [p1], "SenderFromDomain": [p2]})
    assert frame.select(detectors.sender_mismatch()).item() is expected


@pytest.mark.parametrize(
    ("details", "authenticated", "unauthenticated"),
    [
        ('{"SPF":"pass","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}', True, False),
        ('{"SPF": "fail", "DMARC": "pass"}', True, False),
        ('{"DMARC"\t:  "PASS"}', True, False),
        ('{"dmarc":"Pass"}', True, False),
        ('{"DMARC":"bestguesspass"}', True, False),
        ('{"SPF":"pass","DKIM":"pass","DMARC":"fail"}', False, True),
        ('{"DMARC" : "FAIL"}', False, True),
        ('{"SPF":"fail","DKIM":"fail","DMARC":"none","CompAuth":"fail"}', False, False),
        ('{"SPF":"pass","DKIM":"pass"}', False, False),
        ('{"DMARC":"temperror"}', False, False),
        ('{"DMARC":"passed"}', False, False),
        ('{"DMARC":"failure"}', False, False),
        ('{"DMARC":""}', False, False),
        ("dmarc=pass", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_dmarc_tells_who_may_send_in_a_name(
    details: str | None,
    authenticated: bool,  # noqa: FBT001
    unauthenticated: bool,  # noqa: FBT001
) -> None:
    raw_frame = pl.DataFrame(
        {"AuthenticationDetails": [details]}, schema={"AuthenticationDetails": pl.String()}
    )
    frame = conform(raw_frame, EMAIL_EVENTS)
    assert frame.select(detectors.authenticated()).item() is authenticated
    assert frame.select(detectors.unauthenticated()).item() is unauthenticated


@pytest.mark.parametrize(
    ("provider", "hosted"),
    [
        ("Hetzner Online GmbH", True),
        ("DIGITALOCEAN-ASN", True),
        ("Digital Ocean, LLC", True),
        ("Amazon.com, Inc.", True),
        ("M247 Europe SRL", True),
        ("ovh sas", True),
        ("Some Data Center Ltd", True),
        ("Best VPS", True),
        ("Deutsche Telekom AG", False),
        ("Comcast Cable", False),
        ("Vpsalon Salons", False),
        ("Moovhospital Network", False),
        ("Hotel Guest Networks", False),
        ("Microsoft Azure", False),
        ("", False),
        (None, False),
    ],
)
def test_rented_servers_are_told_by_their_providers_names(
    provider: str | None,
    hosted: bool,  # noqa: FBT001
) -> None:
    columns = {"ISP": pl.String(), "Application": pl.String()}
    rows = [[provider, "Microsoft Exchange Online"], [provider, "Active Directory"]]
    frame = conform(pl.DataFrame(rows, schema=columns, orient="row"), IDENTITY_LOGON_EVENTS)
    assert frame.select(detectors.hosted_logon()).to_series().to_list() == [hosted, False]


@pytest.mark.parametrize(
    ("operation", "is_cmdlet"),
    [
        ("Set-InboundConnector", True),
        ("set-mailbox", True),
        ("New-TransportRule", True),
        ("Add member to role.", False),
        ("MailItemsAccessed", False),
        ("Set-Mailbox ", False),
        ("Set-Mailbox\n", False),
        ("Set-Mailbox-Again", False),
        ("-Mailbox", False),
        ("", False),
        (None, False),
    ],
)
def test_exchange_administration_is_told_by_the_names_of_cmdlets(
    operation: str | None,
    is_cmdlet: bool,  # noqa: FBT001
) -> None:
    raw_frame = pl.DataFrame({"ActionType": [operation]}, schema={"ActionType": pl.String()})
    frame = conform(raw_frame, CLOUD_APP_EVENTS)
    assert frame.select(detectors.exchange_administration()).item() is is_cmdlet


@pytest.mark.parametrize(
    ("address", "external"),
    [
        ("ada@contoso.example", False),
        ("ada@CONTOSO.example", False),
        ("ada@mail.contoso.example", False),
        ("ada@notcontoso.example", True),
        ("ada@contoso.example.evil.example", True),
        ('"odd@local"@fabrikam.example', True),
        ('"odd@fabrikam.example"@contoso.example', False),
        ("no-domain", False),
        ("empty@", False),
        ("", False),
    ],
)
def test_a_recipient_is_external_when_its_domain_is_not_accepted(
    address: str,
    external: bool,  # noqa: FBT001
) -> None:
    frame = pl.DataFrame({"RecipientEmailAddress": [address]})
    assert frame.select(detectors.external_recipient(ACCEPTED)).item() is external


def raw(**record: object) -> list[str]:
    """An audit record, written in the ways that exports write it."""
    forms = [
        json.dumps(record),
        json.dumps(record, separators=(",", ":")),
        json.dumps(record, indent=1),
    ]
    listed = record.get("Parameters")
    if listed is not None:
        forms.append(json.dumps({**record, "Parameters": json.dumps(listed)}))
        forms.append(json.dumps({**record, "Parameters": json.dumps(listed, indent=2)}))
    return forms


@pytest.mark.parametrize("value", ["False", "false", "$false", "$False", "0"])
def test_a_connector_created_as_disabled_is_not_enabled(value: str) -> None:
    for text in raw(Parameters=[{"Name": "Enabled", "Value": value}]):
        frame = pl.DataFrame(
            {"ActionType": ["New-InboundConnector", "set-inboundconnector"], "RawEventData": text}
        )
        assert frame.select(detectors.connector_enabled()).to_series().to_list() == [False, False]


@pytest.mark.parametrize("value", ["True", "$true", "1"])
def test_a_connector_switched_on_is_enabled(value: str) -> None:
    for text in raw(Parameters=[{"Name": "Enabled", "Value": value}]):
        frame = pl.DataFrame(
            {
                "ActionType": ["SET-OutboundConnector", "Remove-OutboundConnector"],
                "RawEventData": text,
            }
        )
        assert frame.select(detectors.connector_enabled()).to_series().to_list() == [True, False]


@given(st.text(st.characters(codec="utf-8"), max_size=8))
def test_a_parameter_is_found_whatever_its_value(value: str) -> None:
    for text in raw(Parameters=[{"Name": "Comment", "Value": value}]):
        frame = pl.DataFrame({"RawEventData": [text]})
        nested = json.dumps(json.dumps(value)[1:-1])[1:-1]
        pattern = f"(?:{re.escape(json.dumps(value)[1:-1])}|{re.escape(nested)})"
        assert frame.select(detectors.parameter_passed("Comment", pattern)).item()
        assert not frame.select(detectors.parameter_passed("Comments", pattern)).item()


@pytest.mark.parametrize("kind", [5, 6, "5", "Application", "ServicePrincipal"])
def test_an_application_acts_when_the_record_says_so(kind: int | str) -> None:
    for text in raw(UserType=kind):
        frame = pl.DataFrame({"AccountType": [""], "RawEventData": [text]})
        assert frame.select(detectors.made_by_application()).item()


@pytest.mark.parametrize("kind", [0, 2, 50, 56, "Admin", None])
def test_a_person_is_not_an_application(kind: int | str | None) -> None:
    for text in raw(UserType=kind):
        frame = pl.DataFrame({"AccountType": ["Admin"], "RawEventData": [text]})
        assert not frame.select(detectors.made_by_application()).item()


def test_an_event_at_the_end_of_a_period_is_outside_and_one_without_a_time_too() -> None:
    tick = timedelta(microseconds=1)
    moments = [PERIOD.start - tick, PERIOD.start, PERIOD.end - tick, PERIOD.end, None]
    frame = pl.DataFrame({"Timestamp": moments}, schema={"Timestamp": pl.Datetime("us", "UTC")})
    answers = frame.select(detectors.within(PERIOD)).to_series().to_list()
    assert answers == [False, True, True, False, False]


@pytest.mark.parametrize("column", ["AccountObjectId", "AccountUpn"])
@pytest.mark.parametrize(("said", "asked"), [("Ann@X.example", "ann@x.EXAMPLE"), ("ann", "ANN")])
def test_an_account_is_found_in_any_letter_case(column: str, said: str, asked: str) -> None:
    nobody = {"AccountObjectId": "", "AccountUpn": ""}
    rows = pl.DataFrame([{**nobody, column: said}, {**nobody, column: "bob"}])
    assert rows.select(detectors.by_account([asked])).to_series().to_list() == [True, False]
