"""The contract of `grade`: what it takes, what it gives, what it says."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exconn.context import ApprovedChange, Context
from exconn.errors import InvalidValueError, NoDataError, UnknownConnectorError
from exconn.facts import FACTS
from exconn.grading import (
    SCHEMA_VERSION,
    Answer,
    Classification,
    Determination,
    Grade,
    Policy,
    State,
    grade,
    grade_records,
    hunt,
)
from exconn.grading.evidence import LOGON_ROWS, MESSAGE_IDS, SAMPLE, TOP
from exconn.grading.findings import findings
from exconn.grading.powershell import quote
from exconn.grading.verdict import judge
from exconn.models import AdminChange, Alert, Email, InboundConnector, Logon
from exconn.query import Query
from exconn.signals import QUESTIONS, SIGNALS, Direction, Family
from exconn.signals.question import WHO_ELSE
from exconn.simulate import UNAUTHENTICATED, Actor, Tenant
from exconn.sources import MemorySource
from exconn.window import Window, iso
from incidents import (
    ABROAD,
    AT,
    AUDIT,
    DAY,
    END,
    FAR_AWAY,
    HOUR,
    LOGONS,
    MAIL,
    acquaintances,
    attacked,
    burst,
    change,
    deed,
    fired,
    graded,
    honest,
    mail,
    nearby,
    sign_in,
    slow,
    source,
    states,
    strangers,
    verdict,
)
from powershell import Part, parts
from sight import unseen

TRUE = Classification.TRUE_POSITIVE
UNKNOWN = Classification.UNKNOWN
EXPECTED = Classification.EXPECTED_ACTIVITY
APP = Actor.application("7c1f3d53-2c1a-4f6e-8f8d-3f1c5b6a9d10", "Mail sync")
OPENED = {
    "SenderDomains": "smtp:*;1",
    "RequireTls": "False",
    "RestrictDomainsToIPAddresses": "False",
    "RestrictDomainsToCertificate": "False",
}


def incident() -> Grade:
    return graded(attacked(), at=attacked().at or AT)


def unseen_sign_ins() -> Grade:
    """The attack without the sign-ins that led to it, which an approval would excuse."""
    frames = {name: frame for name, frame in attacked().frames.items() if name != LOGONS}
    at = attacked().at or AT
    return grade(MemorySource(frames), alert(at=at))


def alert(role: str = "quiet", at: datetime = AT) -> Alert:
    return Alert(connector=honest().connector(role).name, timestamp=at)


def spammed(tenant: Tenant, n: int = 300, **columns: Any) -> Tenant:
    pretended = f"hr@{tenant.accepted_domains[0]}"
    given = {
        "p1": "return@attacker.example",
        "p2": pretended,
        "recipients": [strangers(150)[i % 150] for i in range(n)],
        "direction": "Outbound",
        "sender_ipv4": ABROAD,
        "authentication": UNAUTHENTICATED,
    }
    return mail(tenant, n=n, **{**given, **columns})


# What cannot be graded


def test_an_unknown_connector_is_an_error_that_names_the_nearest() -> None:
    name = honest().connector("quiet").name
    with pytest.raises(UnknownConnectorError) as caught:
        grade(source(honest()), Alert(connector=name[:-2] + "zz", timestamp=AT))
    assert caught.value.nearest[0] == name
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnknownConnectorError):
        grade(source(honest()), Alert(connector="", timestamp=AT))


def test_of_an_unknown_connector_no_mail_is_counted() -> None:
    asked: list[Query] = []

    class Watched(MemorySource):
        def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
            asked.extend(queries)
            return super().collect(queries)

    with pytest.raises(UnknownConnectorError):
        grade(Watched(honest().frames), Alert(connector="nobody's", timestamp=AT))
    mail = [query for query in asked if query.table.name == MAIL]
    assert mail
    assert {tuple(query.schema.names()) for query in mail} == {("Connectors", "Day", "Hours")}


@pytest.mark.parametrize("away", [timedelta(days=400), timedelta(days=-400)])
def test_a_time_outside_the_data_is_unknown(away: timedelta) -> None:
    for at in (AT + away, (AT + away).replace(tzinfo=None)):
        found = graded(honest(), at=at)
        assert found.classification is UNKNOWN
        assert found.determination is Determination.NOT_ENOUGH_DATA
        assert found.margin == 0
        assert found.score == 0.5
        assert not fired(found)
        assert {s.state.value for s in found.coverage} == {"empty"}
        assert {a.answer for a in found.answers} == {Answer.UNASSESSED}


def test_no_mail_in_the_window_is_unknown_and_says_so() -> None:
    tenant = honest()
    mine = pl.col("Connectors") == tenant.connector("quiet").name
    old = pl.col("Timestamp") < AT - 8 * DAY
    silent = attrs.evolve(
        tenant, frames={**tenant.frames, MAIL: tenant.frames[MAIL].filter(~mine | old)}
    )
    opened = burst(change(silent, OPENED, place=FAR_AWAY), AT - 4 * HOUR, place=FAR_AWAY)
    for each in (silent, opened):
        found = graded(each)
        assert found.classification is UNKNOWN
        assert found.reasons[0] == "no mail passed through the connector in the window"
        assert "No mail passed through the connector in the window." in found.explanation
    heavy = Policy(weights={"logon.burst": 50.0})
    found = graded(opened, policy=heavy)
    assert found.margin > heavy.true_positive
    assert found.classification is UNKNOWN


def test_a_connector_with_mail_elsewhere_in_time_is_known() -> None:
    tenant = honest()
    early = tenant.start + 2 * DAY
    name = tenant.connector("new").name
    assert grade(source(tenant), Alert(connector=name, timestamp=early)).classification is UNKNOWN


def test_nothing_to_read_is_an_error() -> None:
    for nothing in ({}, {MAIL: honest().frames[MAIL].clear()}):
        with pytest.raises(NoDataError, match="EmailEvents, CloudAppEvents"):
            grade(MemorySource(nothing), alert())
        with pytest.raises(NoDataError):
            hunt(MemorySource(nothing))


# What comes out


KEYS = {
    "schema_version",
    "connector",
    "at",
    "window",
    "classification",
    "determination",
    "score",
    "margin",
    "confidence",
    "thresholds",
    "summary",
    "explanation",
    "reasons",
    "signals",
    "questions",
    "coverage",
    "alternatives",
    "flips",
    "looks",
    "facts",
    "timeline",
    "actions",
    "evidence",
    "radius",
}
PARTS = {
    "signals": {
        "id",
        "question",
        "family",
        "state",
        "direction",
        "contribution",
        "facts",
        "sentence",
        "attack_ids",
    },
    "questions": {"id", "text", "answer", "evidence"},
    "coverage": {
        "table",
        "state",
        "rows",
        "undated",
        "first",
        "last",
        "missing_columns",
        "reasons",
        "notes",
    },
    "alternatives": {"id", "title", "balance", "for", "against", "unassessed"},
    "flips": {"if_so", "then"},
    "looks": {"why", "query", "kql"},
    "timeline": {"time", "kind", "summary", "ref"},
    "actions": {
        "id",
        "order",
        "phase",
        "what",
        "why",
        "precondition",
        "command",
        "check",
        "undo",
    },
}
ZULU = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def times_in(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [time for element in value.values() for time in times_in(element)]
    if isinstance(value, list):
        return [time for element in value for time in times_in(element)]
    return [value] if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]", value) else []


def test_a_grade_as_plain_values_has_the_keys_of_the_contract() -> None:
    given = incident().to_dict()
    assert set(given) == KEYS
    assert given["schema_version"] == SCHEMA_VERSION
    given["flips"] = given["flips"] or unseen_sign_ins().to_dict()["flips"]
    for name, keys in PARTS.items():
        assert given[name]
        assert all(set(element) == keys for element in given[name])
    for told in given["coverage"]:
        times = attacked().frames[told["table"]]["Timestamp"].sort()
        assert (told["first"], told["last"]) == (iso(times[0]), iso(times[-1]))
    assert set(given["window"]) == {"baseline_start", "start", "end"}
    assert {s["state"] for s in given["signals"]} <= {s.value for s in State}
    assert {s["direction"] for s in given["signals"]} == {"for", "against"}
    assert {q["answer"] for q in given["questions"]} <= {a.value for a in Answer}
    assert [s["id"] for s in given["signals"]] == [signal.id for signal in SIGNALS]
    assert [q["id"] for q in given["questions"]] == [question.id for question in QUESTIONS]
    assert list(given["facts"]) == [fact.name for fact in FACTS]


def test_a_grade_survives_json_and_its_text_is_ascii() -> None:
    tenant = change(attacked(), {"Comment": "\u202e gnp.exe \x1b[31m\n\u2028 \U0001f600"})
    found = graded(tenant, at=attacked().at or AT)
    text = found.to_json()
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == found.to_dict()
    assert json.loads(found.to_json(indent=2)) == found.to_dict()


def test_every_time_in_a_grade_ends_in_z() -> None:
    found = times_in(incident().to_dict())
    assert len(found) > 50
    assert all(ZULU.fullmatch(time) for time in found)


def test_a_time_in_another_zone_is_the_same_instant() -> None:
    east = AT.astimezone(timezone(timedelta(hours=9)))
    for at in (east, AT.replace(tzinfo=None)):
        assert graded(honest(), at=at).to_dict() == graded(honest()).to_dict()


@given(st.datetimes(END.replace(tzinfo=None) - 30 * DAY, END.replace(tzinfo=None)))
def test_windows_are_whole_hours_around_their_time(at: datetime) -> None:
    window = Window(at)
    when = at.replace(tzinfo=UTC)
    for edge in (window.start, window.end, window.baseline_start):
        assert (edge.minute, edge.second, edge.microsecond) == (0, 0, 0)
    assert timedelta() <= (when - 7 * DAY) - window.start < HOUR
    assert timedelta() <= window.end - (when + DAY) < HOUR
    assert window.start - window.baseline_start == 30 * DAY


def test_another_window_is_used() -> None:
    name = honest().connector("relay").name
    narrow = Window(AT, before=2 * HOUR, after=HOUR, baseline=20 * DAY)
    found = grade(source(honest()), Alert(connector=name, timestamp=END), window=narrow)
    assert found.window == narrow
    mine = (
        honest()
        .frames[MAIL]
        .filter(
            pl.col("Connectors") == name,
            pl.col("Timestamp") >= narrow.start,
            pl.col("Timestamp") < narrow.end,
        )
    )
    assert found.facts["messages"] == mine["NetworkMessageId"].n_unique()


def test_the_explanation_names_the_verdict_and_the_strongest_findings() -> None:
    found = incident()
    assert found.explanation.startswith("The connector was used maliciously.")
    strongest = max(found.findings, key=lambda finding: finding.contribution)
    assert strongest.sentence in found.explanation


def test_attack_ids_and_sentences_are_there_for_what_fired() -> None:
    for finding in incident().findings:
        assert finding.sentence
        if finding.state is State.FIRED:
            assert not re.search(r"\b(None|nan|inf)\b", finding.sentence)


# Context


def test_accepted_domains_decide_what_is_outside() -> None:
    tenant = mail(honest(), recipients="a@second.example")
    inferred = graded(tenant)
    known = graded(
        tenant, context=Context(accepted_domains=[*honest().accepted_domains, "Second.Example"])
    )
    assert (inferred.facts["external_share"] or 0) > 0.8
    assert known.facts["external_share"] == 0


def test_coverage_notes_a_cut_baseline_and_inferred_domains() -> None:
    tenant, domains = honest(), Context(accepted_domains=honest().accepted_domains)
    first = tenant.frames[MAIL]["Timestamp"].sort()[0]
    cut = f"the baseline is cut at the start of the data, {iso(first)}"
    inferred = "accepted domains are inferred from the recipients of inbound mail"
    longer = mail(tenant, n=1, start=Window(AT).baseline_start - HOUR)

    def notes(found: Grade) -> tuple[str, ...]:
        return found.coverage[0].notes

    assert notes(graded(tenant)) == (cut, inferred)
    assert notes(graded(tenant, context=domains)) == (cut,)
    assert notes(graded(longer)) == (inferred,)
    assert notes(graded(longer, context=domains)) == ()
    name = tenant.connector("quiet").name
    unseen = grade(source(tenant, **{MAIL: None}), Alert(connector=name, timestamp=AT))
    assert notes(unseen) == ()


APPROVALS: dict[str, tuple[dict[str, Any], bool]] = {
    "by name and upn": ({}, True),
    "any connector": ({"connector": ""}, True),
    "any actor": ({"actor": ""}, True),
    "another connector": ({"connector": "Another"}, False),
    "another actor": ({"actor": "mallory@x.example"}, False),
    "too late": ({"start": AT - HOUR}, False),
    "too early": ({"end": AT - 3 * HOUR}, False),
    "to the instant": ({"start": AT - 3 * HOUR, "end": AT - 2 * HOUR}, True),
}


@pytest.mark.parametrize("case", APPROVALS)
def test_approvals_agree_in_connector_actor_and_time(case: str) -> None:
    given, is_approved = APPROVALS[case]
    tenant = change(honest(), OPENED)
    approval = ApprovedChange(
        start=given.get("start", AT - DAY),
        end=given.get("end", AT),
        connector=given.get("connector", tenant.connector("quiet").name.swapcase()),
        actor=given.get("actor", tenant.admins[0].upn.upper()),
    )
    found = graded(tenant, context=Context(approved_changes=[approval]))
    assert found.facts["approved_changes"] == int(is_approved)
    assert ("context.approved" in fired(found)) is is_approved
    if is_approved:
        assert found.classification is EXPECTED
        assert found.determination is Determination.CONFIRMED_ACTIVITY


def test_an_approval_by_object_id_and_by_former_name_counts() -> None:
    tenant = change(honest(), {"Name": "New name"})
    approval = ApprovedChange(
        start=AT - DAY,
        end=AT,
        connector="New name",
        actor=tenant.admins[0].object_id.upper(),
    )
    assert "context.approved" in fired(graded(tenant, context=Context(approved_changes=[approval])))


def test_one_unapproved_change_is_enough() -> None:
    tenant = change(change(honest(), OPENED), OPENED, at=AT - 2 * HOUR, place=FAR_AWAY)
    approval = ApprovedChange(start=AT - DAY, end=AT - 2.5 * HOUR)
    found = graded(tenant, context=Context(approved_changes=[approval]))
    assert found.facts["unapproved_changes"] == 1
    assert "context.approved" not in fired(found)


def test_an_approval_vetoes_a_true_positive_without_touching_the_margin() -> None:
    tenant = attacked()
    at = tenant.at or AT
    context = Context(approved_changes=[ApprovedChange(start=at - 3 * DAY, end=at)])
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=at)
    unseen = MemorySource({n: f for n, f in tenant.frames.items() if n != "IdentityLogonEvents"})
    plain, found = grade(unseen, alert), grade(unseen, alert, context=context)
    assert plain.classification is TRUE
    assert found.classification is UNKNOWN
    assert "vetoes" in found.reasons[0]
    signal = next(s for s in SIGNALS if s.id == "context.approved")
    assert found.margin == pytest.approx(plain.margin - Policy().weight(signal))


def test_an_approval_does_not_veto_where_a_suspicious_sign_in_led_to_the_change() -> None:
    tenant = attacked()
    at = tenant.at or AT
    context = Context(approved_changes=[ApprovedChange(start=at - 3 * DAY, end=at)])
    found = graded(tenant, at=at, context=context)
    assert "context.approved" in fired(found)
    assert found.classification is TRUE
    assert "revoke-sessions" in {action.id for action in found.actions}


def test_a_simulation_by_the_vendor_is_expected_activity() -> None:
    phish: dict[str, Any] = {"p1": "x@phish-test.example", "sender_ipv4": "198.18.7.7"}
    tenant = mail(honest(), "printers", n=200, urls=1, **phish)
    context = Context(simulation_vendors=["198.18.7.0/24"])
    found = graded(tenant, "printers", context=context)
    assert "context.simulation" in fired(found)
    assert found.classification in (EXPECTED, UNKNOWN)
    if found.classification is EXPECTED:
        assert found.determination is Determination.SECURITY_TESTING
    assert "context.simulation" not in fired(
        graded(tenant, "printers", context=Context(simulation_vendors=["198.18.8.0/24"]))
    )


def test_gateways_may_be_networks() -> None:
    tenant = honest()
    addresses = tenant.connector("gateway").addresses
    network = ".".join(addresses[0].split(".")[:3]) + ".0/24"
    for gateways in (addresses, [network, "::/0"]):
        found = graded(tenant, "gateway", context=Context(gateways=gateways))
        assert found.facts["gateway_share"] == 1
        assert "context.gateway" in fired(found)
    assert graded(tenant, "gateway", context=Context(gateways=["::/0"])).facts["gateway_share"] == 0


def test_partners_include_their_subdomains() -> None:
    tenant = mail(honest(), recipients="a@mail.partner.example", n=400)
    found = graded(tenant, context=Context(partners=["@Partner.example "]))
    assert "context.partners" in fired(found)
    assert graded(tenant, context=Context(partners=["rtner.example"])).facts["partner_share"] == 0


# Signals and policy of one's own


def test_a_signal_of_ones_own_counts() -> None:
    mine = attrs.evolve(
        SIGNALS[0],
        id="mine.weekend",
        family=Family.CONTEXT,
        direction=Direction.FOR,
        weight=2.5,
        question=WHO_ELSE,
        when=pl.col("messages") > 0,
        sentence="There were {messages:.0f} messages.",
        fires={"messages": 1},
        nearly={"messages": 0},
    )
    found = graded(honest(), signals=(*SIGNALS, mine))
    assert found.margin == pytest.approx(graded(honest()).margin + 2.5)
    assert found.findings[-1].signal is mine
    assert found.findings[-1].sentence == f"There were {found.facts['messages']:.0f} messages."
    alone = graded(honest(), signals=(mine,))
    assert alone.margin == 2.5
    assert alone.confidence == 1


def test_signals_without_an_id_of_their_own_are_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"two have the id 'volume\.surge'"):
        graded(honest(), signals=(*SIGNALS, SIGNALS[0]))
    with pytest.raises(InvalidValueError, match="none given"):
        graded(honest(), signals=())


def test_weights_and_thresholds_of_the_policy_are_used() -> None:
    before = graded(honest())
    weight = Policy().weights["change.none"]
    heavier = graded(honest(), policy=Policy(weights={"change.none": weight + 3}))
    assert heavier.margin == pytest.approx(before.margin - 3)
    assert graded(honest(), policy=Policy(benign=-100)).classification is UNKNOWN
    at = attacked().at or AT
    for policy in (Policy(true_positive=100), Policy(families=12)):
        assert graded(attacked(), at=at, policy=policy).classification is UNKNOWN
    assert (
        "true positive needs 12" in graded(attacked(), at=at, policy=Policy(families=12)).reasons[0]
    )


@pytest.mark.parametrize(
    "wrong",
    [{"true_positive": 0}, {"benign": 0}, {"families": 0}, {"decay": 1.0}, {"decay": 0.0}],
)
def test_policies_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Policy(**wrong)


# Records


def test_records_in_memory_get_the_grade_of_their_rows() -> None:
    tenant = attacked()
    at = tenant.at or AT
    role_alert = Alert(connector=tenant.connector("quiet").name, timestamp=at)
    found = grade_records(
        Email.from_frame(tenant.frames[MAIL]),
        AdminChange.from_frame(tenant.frames[AUDIT]),
        Logon.from_frame(tenant.frames[LOGONS]),
        role_alert,
    )
    expected = grade(source(tenant), role_alert)
    assert verdict(found) == verdict(expected)
    assert found.evidence.sample == expected.evidence.sample
    assert [c.connector for c in found.evidence.changes] == [
        c.connector for c in expected.evidence.changes
    ]
    with pytest.raises(UnknownConnectorError):
        grade_records([], AdminChange.from_frame(tenant.frames[AUDIT]), [], alert("printers"))


# Verdicts


def by_application(tenant: Tenant) -> Tenant:
    made = change(tenant, OPENED, operation="New-InboundConnector", actor=APP, place=FAR_AWAY)
    return change(
        spammed(made), {}, operation="Remove-InboundConnector", actor=APP, at=AT + 3 * HOUR
    )


def low_and_slow(tenant: Tenant) -> Tenant:
    entered = slow(tenant, AT - 20 * HOUR, place=FAR_AWAY)
    opened = change(entered, OPENED, at=AT - 19 * HOUR, place=FAR_AWAY)
    return spammed(opened, 60, span=30 * HOUR, start=AT - 15 * HOUR)


def internal_phishing(tenant: Tenant) -> Tenant:
    opened = change(burst(tenant, AT - 4 * HOUR, place=FAR_AWAY), OPENED, place=FAR_AWAY)
    own = mail(
        opened,
        n=40,
        p1="x@attacker.example",
        p2=f"hr@{tenant.accepted_domains[0]}",
        sender_ipv4=ABROAD,
        authentication=UNAUTHENTICATED,
        urls=1,
    )
    return deed(own, "New-TransportRule", {"Name": "x", "SetSCL": "-1"}, place=FAR_AWAY)


def supply_chain(tenant: Tenant) -> Tenant:
    opened = change(tenant, OPENED, place=nearby(tenant))
    return spammed(opened, 40, recipients=acquaintances(tenant, 40), urls=1)


def wizard_in_name_only(tenant: Tenant) -> Tenant:
    claim = OPENED | {"ConnectorSource": "HybridWizard", "CloudServicesMailEnabled": "True"}
    broken_in = burst(tenant, AT - 4 * HOUR, place=FAR_AWAY)
    return spammed(change(broken_in, claim, place=FAR_AWAY))


ATTACKS: dict[str, Callable[[Tenant], Tenant]] = {
    "an application makes a connector, sends, removes it": by_application,
    "low and slow": low_and_slow,
    "phishing inside": internal_phishing,
    "to customers with a stolen token": supply_chain,
    "claims to be the hybrid wizard": wizard_in_name_only,
    "no sign-in at all": lambda tenant: spammed(change(tenant, OPENED, place=nearby(tenant))),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_true_positives(attack: str) -> None:
    found = graded(ATTACKS[attack](honest()))
    assert found.classification is TRUE
    assert found.score > 0.5
    assert found.determination is not Determination.NOT_ENOUGH_DATA


def test_an_attack_from_the_administrators_own_desk_is_not_benign() -> None:
    found = graded(spammed(change(honest(), OPENED)))
    assert "logon.usual" in fired(found)
    assert found.classification in (TRUE, UNKNOWN)


def travelling(tenant: Tenant) -> Tenant:
    away = sign_in(tenant, [AT - 5 * HOUR, AT - 4 * HOUR], place=FAR_AWAY)
    return change(away, {"Comment": "x"}, place=FAR_AWAY)


def by_the_wizard(tenant: Tenant) -> Tenant:
    settings = {
        "ConnectorType": "OnPremises",
        "ConnectorSource": "HybridWizard",
        "SenderDomains": "smtp:*;1",
        "RequireTls": "True",
        "CloudServicesMailEnabled": "True",
    }
    return change(tenant, settings)


HONEST: dict[str, Callable[[Tenant], Tenant]] = {
    "an administrator on a journey": travelling,
    "the hybrid wizard": by_the_wizard,
    "ten times the alerts": lambda tenant: mail(tenant, n=300),
    "a mistyped password": lambda tenant: change(slow(tenant, AT - 4 * HOUR, 4), {"Comment": "x"}),
    "a new server": lambda tenant: mail(
        change(tenant, {"SenderIPAddresses": "198.51.100.250"}),
        n=40,
        span=30 * HOUR,
        start=AT - 10 * HOUR,
        sender_ipv4="198.51.100.250",
    ),
    "mail to customers from a new system": lambda tenant: mail(
        tenant,
        n=100,
        span=30 * HOUR,
        start=AT - 10 * HOUR,
        direction="Outbound",
        recipients=acquaintances(tenant, 100),
    ),
}


@pytest.mark.parametrize("story", HONEST)
def test_honest_troubles_are_no_true_positives(story: str) -> None:
    assert graded(HONEST[story](honest())).classification is not TRUE


def cut(tenant: Tenant, start: datetime, end: datetime) -> MemorySource:
    time = pl.col("Timestamp")
    return MemorySource(
        {name: f.filter(time >= start, time < end) for name, f in tenant.frames.items()}
    )


@pytest.mark.parametrize("hours", [-1, 0, 1, 12])
def test_an_attack_still_under_way_is_a_true_positive(hours: int) -> None:
    tenant = attacked()
    now = (tenant.at or AT) + hours * HOUR
    at = min(now, tenant.at or AT)
    name = tenant.connector("quiet").name
    found = grade(cut(tenant, tenant.start, now), Alert(connector=name, timestamp=at))
    assert found.classification is TRUE
    assert found.confidence == 1


@pytest.mark.parametrize(("days", "confident"), [(5, False), (9, False), (20, True)])
def test_a_short_past_costs_confidence_and_a_cut_window_the_verdict(
    days: int, *, confident: bool
) -> None:
    tenant = attacked()
    at = tenant.at or AT
    name = tenant.connector("quiet").name
    found = grade(cut(tenant, at - days * DAY, tenant.end), Alert(connector=name, timestamp=at))
    whole = days > 7  # otherwise the window itself is cut, which may hide what speaks against it
    assert found.classification is (TRUE if whole else Classification.UNKNOWN)
    assert (found.confidence > 0.9) is confident
    for fact in ("peak_ratio", "new_address_share", "unknown_recipient_share"):
        assert (found.facts[fact] is None) is not confident


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({"chain.complete", "logon.burst"}, Determination.MULTI_STAGED_ATTACK),
        ({"logon.burst", "content.malicious"}, Determination.COMPROMISED_ACCOUNT),
        ({"chain.logon-change", "recipients.spray"}, Determination.COMPROMISED_ACCOUNT),
        ({"content.malicious"}, Determination.PHISHING),
        ({"recipients.spray"}, Determination.PHISHING),
        ({"sender.mismatch"}, Determination.MALICIOUS_USER_ACTIVITY),
    ],
)
def test_the_determination_is_the_worst_that_is_shown(
    signals: set[str], expected: Determination
) -> None:
    filler = {"change.created", "configuration.catch-all", "volume.surge", "sender.new-address"}
    weights = {s.id: 2.0 if s.id in signals | filler else 0.0 for s in SIGNALS}
    tenant = graded(attacked(), at=attacked().at or AT)
    policy = Policy(weights=weights, true_positive=3.5)
    states_given = {s.id: s.id in signals | filler for s in SIGNALS}
    found = findings(tenant.facts, states_given, SIGNALS, tenant.coverage, policy)
    result = judge(tenant.facts, found, tenant.coverage, policy)
    assert (result.classification, result.determination) == (TRUE, expected)


# Actions


QUOTES = "'\u2018\u2019\u201a\u201b"
TRICKY = st.text(
    st.one_of(
        st.sampled_from([*QUOTES, '"', "$", "`", "(", ")", ";", "\n", "\r", "\0", "\t", "|", "&"]),
        st.sampled_from("\u202e\u2066\u200b\u2028\ufeff\x1b\x85\xad\u2060"),
        st.characters(codec="utf-8"),
    ),
    max_size=30,
)


def read_powershell(expression: str) -> str:
    """Read back what `quote` writes: quoted strings and ``[char]0x..``, joined with ``+``."""
    whole = expression.startswith("(")
    assert whole == expression.endswith(")") or not whole
    rest = expression[1:-1] if whole else expression
    read = ""
    while rest:
        code = re.match(r"\[char\](::ConvertFromUtf32\()?0x([0-9A-F]+)(?(1)\))", rest)
        if code:
            value = int(code[2], 16)
            assert (value > 0xFFFF) == bool(code[1])
            read += chr(value)
            rest = rest[code.end() :]
        else:
            assert rest[0] == "'"
            i = 1
            while not (rest[i] in QUOTES and (i + 1 >= len(rest) or rest[i + 1] not in QUOTES)):
                read += rest[i]
                i += 2 if rest[i] in QUOTES else 1
            assert rest[i] == "'"
            rest = rest[i + 1 :]
        if rest:
            assert rest.startswith(" + ")
            rest = rest[3:]
    return read


@given(TRICKY)
@example("")
@example("'; Remove-Mailbox *; '")
@example("\u2019; calc; \u2018")
@example("a\nRemove-Mailbox")
@example("$(calc)`n")
def test_text_reaches_powershell_as_text(text: str) -> None:
    written = quote(text)
    assert read_powershell(written) == text
    assert unseen(written) == set()


def test_hostile_names_reach_commands_as_text() -> None:
    name = "x'; Remove-Mailbox *; \u2019\n#\u202e"
    tenant = change(honest(), {"Name": name}, at=AT - 4 * HOUR)
    opened = deed(tenant, "Set-InboundConnector", {"Identity": name, **OPENED}, place=FAR_AWAY)
    tenant = spammed(opened, connector=name)
    tenant = deed(tenant, "New-TransportRule", {"Name": name}, place=FAR_AWAY)
    found = grade(source(tenant), Alert(connector=name, timestamp=AT))
    assert found.classification is TRUE
    assert found.connector == name
    for action in found.actions:
        for command in (action.command, action.check, action.undo):
            assert "\n" not in command
            assert "\u202e" not in command
        code = [text for part, text in parts(action.command) if part is not Part.TEXT]
        assert not any("Remove-Mailbox" in text for text in code)
        assert "Remove-Mailbox" not in action.undo.replace(quote(name), "")


def test_an_application_cannot_break_out_of_the_filter_that_finds_it() -> None:
    evil = Actor.application("x' or startswith(displayName,'A", "Mail sync")
    found = graded(spammed(change(honest(), OPENED, actor=evil, place=FAR_AWAY)))
    (action,) = [a for a in found.actions if a.id == "disable-application"]
    written = re.search(r"-f ('(?:[^']|'')*')", action.command)
    assert written
    value = read_powershell(written[1])
    assert not re.search(r"(?<!')'(?!')", value.replace("''", ""))


def test_a_true_positive_is_contained_first_and_then_looked_into() -> None:
    found = incident()
    ids = [action.id.value for action in found.actions]
    assert [action.order for action in found.actions] == list(range(1, len(ids) + 1))
    assert ids[:2] == ["export-connector", "disable-connector"]
    assert ids.index("revoke-sessions") < ids.index("reset-credentials") < ids.index("review-mail")
    assert ids.index("disable-transport-rule") < ids.index("review-other-connectors")
    assert ids[-1] == "unblock-connector"
    export, disable, *_ = found.actions
    assert quote(found.connector) in export.command
    assert disable.undo.endswith("-Enabled $true }")


def test_a_changed_connector_goes_back_to_what_audit_log_and_listing_say_it_was() -> None:
    tenant = attacked()
    at = tenant.at or AT
    name = tenant.connector("quiet").name
    past = change(tenant, {"SenderDomains": "smtp:a.example;1"}, at=at - 20 * DAY)
    listed = InboundConnector(name=name.upper(), require_tls=True, when_changed=at - 30 * DAY)
    context = Context(inbound_connectors=[listed])
    alone = graded(past, at=at)
    (reverted,) = [a for a in alone.actions if a.id == "revert-connector"]
    assert reverted.phase == "contain"
    assert reverted.command.endswith("-SenderDomains @('smtp:a.example;1') }")
    with_listing = graded(past, at=at, context=context)
    (reverted,) = [a for a in with_listing.actions if a.id == "revert-connector"]
    assert reverted.command.endswith("-SenderDomains @('smtp:a.example;1') -RequireTls $true }")


def test_what_is_done_follows_the_verdict() -> None:
    benign = graded(honest())
    assert [a.id.value for a in benign.actions] == ["review-other-connectors"]
    unknown = graded(honest(), policy=Policy(benign=-100))
    assert unknown.actions[0].id.value == "review-connector"
    containing = {"disable-connector", "reset-credentials", "disable-application"}
    assert not containing & {a.id.value for a in unknown.actions}


def test_an_application_is_disabled_and_an_outbound_connector_named_as_such() -> None:
    found = graded(spammed(change(honest(), OPENED, actor=APP, place=FAR_AWAY)))
    (disable,) = [a for a in found.actions if a.id.value == "disable-application"]
    assert APP.application_id in disable.command
    assert "revoke-sessions" not in {a.id.value for a in found.actions}
    smart = {"SmartHosts": "mx.attacker.example", "Enabled": "True"}
    rerouted = change(honest(), smart, "partner_out", operation="Set-OutboundConnector")
    unknown = graded(rerouted, "partner_out", policy=Policy(benign=-100))
    assert "Get-OutboundConnector" in unknown.actions[0].command


# Evidence


def test_evidence_is_bounded_ordered_and_of_the_connector() -> None:
    found = incident()
    gathered = found.evidence
    window = found.window
    own = attacked().frames[MAIL].filter(pl.col("Connectors") == found.connector)
    inside = own.filter(pl.col("Timestamp") >= window.start, pl.col("Timestamp") < window.end)
    assert 0 < len(gathered.sample) <= SAMPLE
    assert {email.connectors for email in gathered.sample} == {found.connector}
    assert list(gathered.sample) == sorted(gathered.sample, key=lambda email: email.timestamp)
    peak = max(
        (hour for hour in gathered.hours if hour.time >= window.start), key=lambda h: h.messages
    )
    assert all(peak.time <= e.timestamp < peak.time + HOUR for e in gathered.sample)
    ids = inside.sort("Timestamp")["NetworkMessageId"].unique(maintain_order=True)
    assert set(gathered.message_ids) <= set(ids)
    assert len(gathered.message_ids) == min(len(ids), MESSAGE_IDS)
    assert sum(h.messages for h in gathered.hours if h.time >= window.start) == len(ids)
    times = [hour.time for hour in gathered.hours]
    assert times == sorted(set(times))
    assert all(window.baseline_start <= time < window.end for time in times)
    for ranked in (
        [s.messages for s in gathered.senders],
        *(
            [tally.count for tally in tallies]
            for tallies in (
                gathered.addresses,
                gathered.sender_domains,
                gathered.recipient_domains,
                gathered.other_bulk_senders,
            )
        ),
    ):
        assert ranked == sorted(ranked, reverse=True)
        assert len(ranked) <= TOP
    assert sum(s.messages for s in gathered.senders) <= len(ids)


def test_evidence_shows_the_changes_deeds_and_sign_ins_behind_them() -> None:
    found = incident()
    gathered = found.evidence
    assert [c.operation for c in gathered.changes] == ["Set-InboundConnector"]
    assert [d.operation for d in gathered.deeds] == ["New-TransportRule"]
    actor = gathered.changes[0].actor
    assert {logon.account_object_id for logon in gathered.logons} == {actor.id}
    failed = [logon for logon in gathered.logons if not logon.succeeded]
    assert len(failed) == LOGON_ROWS
    assert list(gathered.logons) == sorted(gathered.logons, key=lambda logon: logon.timestamp)
    assert list(gathered.other_connectors) == list(dict.fromkeys(gathered.other_connectors))
    assert found.connector not in gathered.other_connectors


def test_lists_say_what_they_are_a_part_of() -> None:
    sprayed = mail(attacked(blast=50), n=1_200, recipients=strangers(1_200), direction="Outbound")
    found = graded(sprayed)
    gathered = found.evidence
    for top, total in (
        (gathered.addresses, gathered.all_addresses),
        (gathered.sender_domains, gathered.all_sender_domains),
        (gathered.recipient_domains, gathered.all_recipient_domains),
    ):
        assert sum(tally.count for tally in top) <= total.count - total.untold
        assert len(top) <= total.values
    assert gathered.all_addresses.count == found.facts["messages"]
    assert gathered.all_addresses.values == found.facts["addresses"]
    everywhere = gathered.all_recipient_domains
    assert everywhere.count == found.facts["deliveries"]
    assert everywhere.values > everywhere.untold >= 1_200
    assert not any("stranger" in tally.value for tally in gathered.recipient_domains)
    own = graded(honest()).evidence.all_recipient_domains
    assert (own.untold, own.values > 0) == (0, True)


def test_what_records_leave_out_is_read_from_them_or_not_known() -> None:
    tenant = spammed(honest())
    emails = Email.from_frame(tenant.frames[MAIL])
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)

    def graded_without(*names: str) -> Grade:
        empty: dict[str, Any] = dict.fromkeys(names, "")
        bare = [attrs.evolve(email, **empty) for email in emails]
        changes = AdminChange.from_frame(tenant.frames[AUDIT])
        return grade_records(bare, changes, Logon.from_frame(tenant.frames[LOGONS]), alert)

    whole = graded_without()
    assert graded_without("p1_domain", "p2_domain", "recipient_domain").facts == whole.facts
    nowhere = graded_without("sender_ipv4", "sender_ipv6")
    assert nowhere.facts["new_address_share"] is None
    assert {"SenderIPv4", "SenderIPv6"} <= set(nowhere.coverage[0].missing_columns)
    assert not nowhere.classification.is_benign


def test_only_mail_from_what_is_new_to_the_connector_is_marked_to_be_purged() -> None:
    def steps(tenant: Tenant) -> dict[str, str]:
        return {action.id.value: action.command for action in graded(tenant).actions}

    changed = change(slow(honest(), AT - 4 * HOUR), {"SenderDomains": "smtp:*;1"})
    stranger = "x@evil.example"
    sent = mail(changed, n=120, p1=stranger, p2=stranger, sender_ipv4=ABROAD, direction="Outbound")
    marking = steps(sent)["review-mail"].split("; $bad = ")[1]
    assert f"$_.SenderIPv4 -in @('{ABROAD}')" in marking
    assert "$_.SenderMailFromDomain -in @('evil.example')" in marking
    assert "$inside = @($bad |" in steps(sent)["purge-mail"]
    assert "$mail" not in steps(sent)["purge-mail"]
    same = mail(changed, n=120, recipients=strangers(120), threats="Phish", direction="Outbound")
    assert steps(same)["review-mail"].split("; $bad = ")[1].startswith("@(); ")


def test_of_many_sign_ins_those_before_a_change_are_shown() -> None:
    changed = change(slow(honest(), AT - 5 * HOUR), {"Comment": "x"}, at=AT - 3 * HOUR)
    after = [AT + HOUR + n * timedelta(minutes=1) for n in range(70)]
    busy = sign_in(sign_in(changed, after), after, action="LogonFailed")
    shown = graded(busy).evidence.logons
    led_to = [one for one in shown if AT - 27 * HOUR <= one.timestamp <= AT - 3 * HOUR]
    assert {AT - 5 * HOUR} <= {one.timestamp for one in led_to if one.succeeded}
    assert sum(not one.succeeded for one in led_to) == 12
    assert len(shown) == 2 * LOGON_ROWS
    assert list(shown) == sorted(shown, key=lambda logon: (logon.timestamp, logon.report_id))


def test_the_sign_in_is_shown_that_led_to_a_change_at_the_start_of_the_window() -> None:
    start = Window(AT).start
    tenant = change(honest(), {"Comment": "x"}, at=start + HOUR)
    away = sign_in(tenant, [start - 5 * HOUR], place=FAR_AWAY)
    assert start - 5 * HOUR in {logon.timestamp for logon in graded(away).evidence.logons}


def test_mail_stands_in_the_timeline_at_its_own_time() -> None:
    quiet = honest()
    name = quiet.connector("quiet").name
    old = (pl.col("Connectors") != name) | (pl.col("Timestamp") < Window(AT).start)
    before = attrs.evolve(quiet, frames={**quiet.frames, MAIL: quiet.frames[MAIL].filter(old)})
    hour = AT.replace(minute=0)
    at, sent = hour + timedelta(minutes=30), hour + timedelta(minutes=45)
    changed = change(before, {"SenderDomains": "smtp:*;1"}, at=at)
    five = mail(changed, n=5, start=sent, span=timedelta(minutes=9))
    events = [e for e in graded(five).timeline if e.kind in ("change", "mail")]
    assert [event.kind for event in events] == ["change", "mail", "mail"]
    first, last = events[1:]
    assert sent <= first.time <= last.time < sent + timedelta(minutes=9)
    assert first.summary.startswith("first mail in the window; busiest hour, ")
    assert "5 messages" in first.summary
    assert last.summary == "last mail in the window"
    one = mail(changed, n=1, start=sent)
    assert [e.kind for e in graded(one).timeline if e.kind in ("change", "mail")] == [
        "change",
        "mail",
    ]


def test_a_change_that_failed_is_an_attempt() -> None:
    failed = change(honest(), {"SenderDomains": "smtp:*;1"}, result="False")
    kinds = {event.kind for event in graded(failed).timeline}
    assert "attempt" in kinds
    assert "change" not in kinds


def test_the_timeline_tells_the_attack_in_its_order() -> None:
    found = incident()
    times = [event.time for event in found.timeline]
    assert times == sorted(times)
    kinds = [event.kind for event in found.timeline]
    assert set(kinds) == {"logon", "change", "deed", "mail", "alert"}
    assert kinds.index("logon") < kinds.index("change") < kinds.index("alert")
    window = found.window
    assert all(window.start <= time < window.end for time in times)
    changes = [event for event in found.timeline if event.kind in ("change", "deed")]
    assert all(event.ref for event in changes)


def test_message_ids_and_samples_stop_at_their_bounds() -> None:
    tenant = mail(honest(), n=1_500)
    found = graded(tenant)
    assert len(found.evidence.message_ids) == MESSAGE_IDS
    assert len(found.evidence.sample) == SAMPLE
    everyone = mail(honest(), n=100, p2=[f"a{i}@x.example" for i in range(100)])
    assert len(graded(everyone).evidence.senders) == TOP


def test_questions_are_answered_from_facts() -> None:
    found = incident()
    answers = {a.question.id: a.answer for a in found.answers}
    assert answers["chain"] is Answer.YES
    assert answers["recently-changed"] is Answer.YES
    assert answers["volume-expected"] is Answer.NO
    assert answers["expected-here"] is Answer.NO
    honestly = {a.question.id: a.answer for a in graded(honest()).answers}
    assert honestly["volume-expected"] is Answer.YES
    assert honestly["recently-changed"] is Answer.NO
    for answered in found.answers:
        assert set(answered.evidence) == set(answered.question.facts)


def test_states_of_a_grade_are_those_of_its_facts() -> None:
    found = incident()
    row = pl.DataFrame([dict(found.facts)], schema=dict.fromkeys(found.facts, pl.Float64()))
    for signal in SIGNALS:
        expected = {True: "fired", False: "clear", None: "unassessed"}
        assert states(found)[signal.id] == expected[row.select(signal.state).item()]


def test_contexts_from_toml_say_what_they_mean() -> None:
    with pytest.raises(InvalidValueError, match="unknown key"):
        Context.from_toml('accepted = ["x"]')
    context = Context.from_toml(
        """
        accepted_domains = ["@Own.example"]
        [[approved_changes]]
        start = 2026-03-01T00:00:00Z
        end = "2026-03-02"
        connector = "Relay"
        """
    )
    assert context.accepted_domains == ("own.example",)
    assert context.approved_changes[0].end == datetime(2026, 3, 2, tzinfo=UTC)


def test_a_blast_to_too_many_domains_to_tell_apart_is_new_only_where_it_is_new() -> None:
    """Hours in which domains are lumped together compare with the connector's own past."""
    recipients = pl.Series(strangers(900))
    direction = pl.Series(["Outbound"] * 900)
    once = mail(honest(), n=900, recipients=recipients, direction=direction)
    found = graded(once)
    facts = {name: value for f in found.findings for name, value in f.facts.items()}
    assert facts["unknown_domains"] == 900
    assert "recipients.spray" in fired(found)
    always = once
    for day in range(2, 22):
        start = AT - day * DAY
        always = mail(always, n=900, recipients=recipients, direction=direction, start=start)
    assert "recipients.spray" not in fired(graded(always))
