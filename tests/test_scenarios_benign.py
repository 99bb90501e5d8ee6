"""Honest and unclear scenarios: each is the story that it tells, in rows that can be looked at."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS
from exconn.testing.scenarios import BENIGN, INSUFFICIENT, Family, Scenario, Truth

MAIL, AUDIT, LOGONS = "EmailEvents", "CloudAppEvents", "IdentityLogonEvents"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SEEDS = (1, 2)
FAMILIES = {family.name: family for family in (*BENIGN, *INSUFFICIENT)}
UNCUT = tuple(family.name for family in BENIGN)
TABLES = {table.name: table for table in (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)}

every_family = pytest.mark.parametrize("name", FAMILIES)
every_seed = pytest.mark.parametrize("seed", SEEDS)


@cache
def drawn(name: str, seed: int) -> Scenario:
    return FAMILIES[name].scenario(seed)


def through(scenario: Scenario, connector: str = "") -> pl.DataFrame:
    """The mail of the alert's connector."""
    name = connector or scenario.alert.connector
    return scenario.frames[MAIL].filter(pl.col("Connectors") == name)


def week(scenario: Scenario) -> pl.DataFrame:
    """The mail of the alert's connector from a week before the alert on."""
    return through(scenario).filter(pl.col("Timestamp") > scenario.alert.timestamp - 7 * DAY)


def before(scenario: Scenario) -> pl.DataFrame:
    """All mail that is older than a week before the alert."""
    mail = scenario.frames[MAIL]
    return mail.filter(pl.col("Timestamp") <= scenario.alert.timestamp - 7 * DAY)


def parameters(row: dict[str, object]) -> dict[str, str]:
    record = json.loads(str(row["RawEventData"]))
    return {item["Name"]: item["Value"] for item in record.get("Parameters", ())}


def changes(scenario: Scenario) -> list[dict[str, object]]:
    """The changes of the alert's connector from a week before the alert on."""
    lately = scenario.frames[AUDIT].filter(
        pl.col("ActionType").str.contains("Connector"),
        pl.col("Timestamp") > scenario.alert.timestamp - 7 * DAY,
    )
    name = scenario.alert.connector
    return [
        row
        for row in lately.iter_rows(named=True)
        if name in {parameters(row).get("Name"), parameters(row).get("Identity")}
    ]


def operations(scenario: Scenario) -> list[str]:
    return [str(row["ActionType"]) for row in changes(scenario)]


def changed_at(scenario: Scenario) -> datetime:
    when = changes(scenario)[0]["Timestamp"]
    assert isinstance(when, datetime)
    return when


def own_domain(scenario: Scenario) -> str:
    """The domain that most mail is for."""
    domain = scenario.frames[MAIL]["RecipientDomain"].mode().sort()[0]
    assert isinstance(domain, str)
    return domain


def logons_of_actor(scenario: Scenario, span: timedelta) -> pl.DataFrame:
    """The sign-ins of whoever changed the connector, in a span around the change."""
    row, at = changes(scenario)[0], changed_at(scenario)
    return scenario.frames[LOGONS].filter(
        pl.col("AccountObjectId") == row["AccountObjectId"],
        pl.col("Timestamp").is_between(at - span, at + span),
        pl.col("Application") != "Active Directory",
        pl.col("ISP") != "Microsoft Azure",
    )


def failures(logons: pl.DataFrame) -> pl.DataFrame:
    return logons.filter(pl.col("ActionType") == "LogonFailed")


# What holds of every scenario


@every_family
def test_the_same_seed_draws_the_same(name: str) -> None:
    first, second = drawn(name, SEEDS[0]), FAMILIES[name].scenario(SEEDS[0])
    assert first.frames.keys() == second.frames.keys()
    for table, frame in first.frames.items():
        assert_frame_equal(frame, second.frames[table])
    assert (first.alert, first.context, first.story) == (second.alert, second.context, second.story)


@every_family
def test_other_seeds_draw_others(name: str) -> None:
    first, second = (drawn(name, seed) for seed in SEEDS)
    assert first.alert != second.alert
    assert first.story != second.story
    assert all(not frame.equals(second.frames[table]) for table, frame in first.frames.items())


@every_family
@every_seed
def test_frames_are_tables_in_order(name: str, seed: int) -> None:
    for table, frame in drawn(name, seed).frames.items():
        assert frame.schema == TABLES[table].schema
        assert frame["Timestamp"].is_sorted()
        assert frame["ReportId"].is_unique().all()
        assert frame.select(pl.col(pl.String).null_count()).sum_horizontal().item() == 0


@every_seed
@pytest.mark.parametrize("name", UNCUT)
def test_uncut_tenants_have_all_tables_and_the_size_of_small_firms(name: str, seed: int) -> None:
    frames = drawn(name, seed).frames
    assert frames.keys() == TABLES.keys()
    assert 5_000 <= frames[MAIL].height <= 20_000


@every_seed
@pytest.mark.parametrize("name", UNCUT)
def test_the_alert_lies_in_the_data_after_a_past(name: str, seed: int) -> None:
    scenario = drawn(name, seed)
    times = scenario.frames[MAIL]["Timestamp"]
    assert times[0] + 30 * DAY < scenario.alert.timestamp < times[-1]


@every_family
@every_seed
def test_the_connector_can_be_seen(name: str, seed: int) -> None:
    scenario = drawn(name, seed)
    seen = bool(changes(scenario)) if AUDIT in scenario.frames else False
    assert seen or not through(scenario).is_empty()


@every_family
@every_seed
def test_the_truth_is_the_familys(name: str, seed: int) -> None:
    scenario = drawn(name, seed)
    assert scenario.truth is FAMILIES[name].truth
    assert scenario.truth is not Truth.MALICIOUS
    assert scenario.story.endswith(".")


@pytest.mark.parametrize("family", BENIGN, ids=lambda family: family.name)
def test_few_organisations_have_anything_on_file(family: Family) -> None:
    if family.name == "phishing-simulation":
        assert all(drawn(family.name, seed).context.simulation_vendors for seed in SEEDS)
    else:
        assert not any(drawn(family.name, seed).context.simulation_vendors for seed in SEEDS)


# What holds of each


def a_hybrid_wizard_ran(scenario: Scenario) -> None:
    [first, *_] = changes(scenario)
    assert parameters(first)["ConnectorSource"] == "HybridWizard"
    recent = week(scenario).filter(pl.col("Timestamp") > changed_at(scenario))
    assert recent.height >= 40
    assert set(recent["SenderFromDomain"]) == {own_domain(scenario)}


def campaigns_in_the_own_name(scenario: Scenario) -> None:
    assert "New-InboundConnector" in operations(scenario)
    mail, own = through(scenario), own_domain(scenario)
    assert mail["Timestamp"].min() > changed_at(scenario)  # type: ignore[operator] # not empty
    assert set(mail["SenderFromDomain"]) == {own}
    assert own not in set(mail["SenderMailFromDomain"])
    assert set(mail["RecipientDomain"].head(3)) == {own}, "tests come first"
    outside = mail.filter(pl.col("RecipientDomain") != own)
    assert outside.height >= 120
    assert set(outside["EmailDirection"]) == {"Outbound"}


def scans_without_tls(scenario: Scenario) -> None:
    made = parameters(changes(scenario)[0])
    assert made["RequireTls"] == "False"
    mail = through(scenario)
    assert set(mail["SenderIPv4"]) <= set(made["SenderIPAddresses"].split(";"))
    assert set(mail["SenderObjectId"]) == {""}
    assert mail["AttachmentCount"].min() == 1


def a_run_like_those_before(scenario: Scenario) -> None:
    mail = through(scenario)
    around = mail.filter(
        (pl.col("Timestamp") - scenario.alert.timestamp).abs() < timedelta(hours=3)
    )
    runs = mail.group_by(pl.col("Timestamp").dt.date()).len()
    assert 0.4 < around.height / float(runs["len"].median()) < 2  # type: ignore[arg-type]
    assert set(around["SenderIPv4"]) <= set(
        mail.filter(pl.col("Timestamp") < scenario.alert.timestamp - 7 * DAY)["SenderIPv4"]
    )


def all_mail_through_the_new_gateway(scenario: Scenario) -> None:
    made = changes(scenario)[0]
    assert made["ActionType"] == "New-InboundConnector"
    assert parameters(made)["SenderDomains"] == "smtp:*;1"
    mail = through(scenario)
    assert mail.height > 300
    assert mail["SenderFromDomain"].n_unique() > 40
    assert set(mail["EmailDirection"]) == {"Inbound"}
    assert "Spam" in set(mail["ThreatTypes"])
    assert not set(mail["SenderIPv4"]) & set(before(scenario)["SenderIPv4"])


def changed_from_a_hotel(scenario: Scenario) -> None:
    made = changes(scenario)[-1]
    logons = scenario.frames[LOGONS].filter(
        pl.col("AccountObjectId") == made["AccountObjectId"],
        pl.col("IPAddress") == made["IPAddress"],
    )
    assert 1 <= logons.height <= 4
    assert made["ISP"] in {"Hotel Guest Networks", "Airport WiFi Services", "Transit Mobile"}
    mail_is_as_before(scenario)


def mail_is_as_before(scenario: Scenario) -> None:
    past = before(scenario).filter(pl.col("Connectors") == scenario.alert.connector)
    recent = week(scenario)
    assert set(recent["SenderFromAddress"]) <= set(past["SenderFromAddress"])
    assert set(recent["SenderMailFromDomain"]) <= set(past["SenderMailFromDomain"])


def the_same_vendor_from_elsewhere(scenario: Scenario) -> None:
    mail_is_as_before(scenario)
    listed = set(parameters(changes(scenario)[-1])["SenderIPAddresses"].split(";"))
    known = set(before(scenario)["SenderIPv4"])
    fresh = week(scenario).filter(pl.col("SenderIPv4").is_in(list(listed - known)))
    assert fresh.height >= 5


def a_company_was_acquired(scenario: Scenario) -> None:
    past = before(scenario)
    used = past.filter(pl.col("Connectors") == scenario.alert.connector)
    recent = week(scenario).filter(
        ~pl.col("SenderFromDomain").is_in(list(used["SenderFromDomain"]))
    )
    [acquired] = set(recent["SenderFromDomain"])
    assert past.filter(pl.col("SenderFromDomain") == acquired).height >= 10
    assert past.filter(pl.col("RecipientDomain") == acquired).height >= 10
    outside = recent.filter(pl.col("EmailDirection") == "Outbound")
    assert not outside.is_empty()


def guesses_in_vain(scenario: Scenario) -> None:
    made = changes(scenario)[-1]
    logons = scenario.frames[LOGONS].filter(pl.col("AccountObjectId") == made["AccountObjectId"])
    failed = failures(logons).group_by("IPAddress").len().sort("len").tail(1)
    assert failed["len"][0] >= 20
    guesser = logons.filter(pl.col("IPAddress") == failed["IPAddress"][0])
    assert set(guesser["ActionType"]) == {"LogonFailed"}
    assert made["IPAddress"] != failed["IPAddress"][0]
    mail_is_as_before(scenario)


def a_few_tests(scenario: Scenario) -> None:
    assert operations(scenario)[0] == "New-InboundConnector"
    mail = through(scenario)
    assert 3 <= mail.height <= 40
    assert mail["Timestamp"].min() > changed_at(scenario)  # type: ignore[operator] # not empty


def machines_storm(scenario: Scenario) -> None:
    mail = through(scenario)
    day = mail.filter(
        pl.col("Timestamp").is_between(
            scenario.alert.timestamp - 16 * HOUR, scenario.alert.timestamp + 16 * HOUR
        )
    )
    assert day.height >= 60
    assert set(day["SenderFromDomain"]) == {own_domain(scenario)}


def a_peak_of_the_usual(scenario: Scenario) -> None:
    near = (pl.col("Timestamp") - scenario.alert.timestamp).abs() < 14 * HOUR
    mail = through(scenario)
    past = mail.filter(pl.col("Timestamp") < scenario.alert.timestamp - 7 * DAY)
    runs = past.group_by(pl.col("Timestamp").dt.date()).len()
    peak = mail.filter(near)
    assert peak.height > 1.5 * float(runs["len"].median())  # type: ignore[arg-type]
    assert set(peak["SenderFromAddress"]) == set(past["SenderFromAddress"])
    assert set(peak["RecipientEmailAddress"]) & set(past["RecipientEmailAddress"])


def phishing_to_train_staff(scenario: Scenario) -> None:
    mail, own = through(scenario), own_domain(scenario)
    assert set(mail["RecipientDomain"]) == {own}
    assert mail["UrlCount"].min() > 0  # type: ignore[operator] # not empty
    [network] = scenario.context.simulation_vendors
    start = network.removesuffix("0/24")
    assert mail["SenderIPv4"].str.starts_with(start).all()


def the_usual_application_did_it(scenario: Scenario) -> None:
    made = changes(scenario)[-1]
    assert made["AccountType"] == "Application"
    earlier = scenario.frames[AUDIT].filter(
        pl.col("AccountId") == made["AccountId"],
        pl.col("Timestamp") < scenario.alert.timestamp - 7 * DAY,
    )
    assert earlier.height >= 2
    assert set(earlier["IPAddress"]) == {made["IPAddress"]}
    mail_is_as_before(scenario)


def a_vendor_known_from_the_gateway(scenario: Scenario) -> None:
    made = parameters(changes(scenario)[0])
    assert made["RequireTls"] == made["RestrictDomainsToCertificate"] == "True"
    mail, own = through(scenario), own_domain(scenario)
    [vendor] = set(mail["SenderFromDomain"])
    assert made["SenderDomains"] == f"smtp:{vendor};1"
    assert set(mail["RecipientDomain"]) == {own}
    assert vendor in set(before(scenario)["SenderFromDomain"])


def staff_through_a_smart_host(scenario: Scenario) -> None:
    made = changes(scenario)[0]
    assert made["ActionType"] == "New-OutboundConnector"
    assert "SmartHosts" in parameters(made)
    assert "Network" in str(made["ISP"]), "at the office"
    mail = through(scenario)
    assert set(mail["EmailDirection"]) == {"Outbound"}
    assert "" not in set(mail["SenderObjectId"])


def since_the_change(scenario: Scenario) -> pl.DataFrame:
    """The connector's mail from addresses that it first let in with its last change."""
    listed = parameters(changes(scenario)[-1])["SenderIPAddresses"].split(";")
    known = set(before(scenario)["SenderIPv4"])
    fresh = [address for address in listed if address not in known]
    return week(scenario).filter(
        pl.col("SenderIPv4").is_in(fresh), pl.col("Timestamp") > changed_at(scenario)
    )


def goes_out_in_the_own_name(mail: pl.DataFrame, scenario: Scenario) -> None:
    assert mail.height >= 20
    assert set(mail["SenderFromDomain"]) == {own_domain(scenario)}
    assert set(mail["EmailDirection"]) == {"Outbound"}
    passed = mail["AuthenticationDetails"].str.contains('"SPF":"pass"').mean()
    assert isinstance(passed, float)
    assert passed > 0.5


def customers_are_answered(scenario: Scenario) -> None:
    assert operations(scenario)[0] == "New-InboundConnector"
    mail = through(scenario)
    assert mail["Timestamp"].min() > changed_at(scenario)  # type: ignore[operator] # not empty
    goes_out_in_the_own_name(mail, scenario)
    assert mail["SenderFromAddress"].n_unique() == 1
    assert set(mail["RecipientDomain"]) & set(before(scenario)["RecipientDomain"])


def the_mailer_is_elsewhere(scenario: Scenario) -> None:
    assert operations(scenario) == ["Set-InboundConnector"]
    mail = since_the_change(scenario)
    goes_out_in_the_own_name(mail, scenario)
    past = before(scenario).filter(pl.col("Connectors") == scenario.alert.connector)
    assert set(mail["SenderFromAddress"]) <= set(past["SenderFromAddress"])


def another_server_writes_to_customers(scenario: Scenario) -> None:
    assert operations(scenario) == ["Set-InboundConnector"]
    mail = since_the_change(scenario)
    goes_out_in_the_own_name(mail, scenario)
    assert mail["SenderFromAddress"].n_unique() == 1
    assert set(mail["RecipientDomain"]) & set(before(scenario)["RecipientDomain"])


def a_second_domain_campaigns(scenario: Scenario) -> None:
    assert not changes(scenario)
    past = before(scenario).filter(pl.col("Connectors") == scenario.alert.connector)
    mail = week(scenario).filter(
        ~pl.col("SenderFromDomain").is_in(list(past["SenderFromDomain"].unique()))
    )
    [second] = set(mail["SenderFromDomain"])
    assert mail.height >= 80
    assert set(mail["SenderIPv4"]) <= set(past["SenderIPv4"])
    answers = scenario.frames[MAIL].filter(
        pl.col("RecipientDomain") == second, pl.col("EmailDirection") == "Inbound"
    )
    assert answers.height >= 10, "others write to that domain, so it is the tenant's"


def nobody_changed_it(scenario: Scenario) -> None:
    assert MAIL not in scenario.frames
    [made] = [row for row in changes(scenario) if not row["AccountId"]]
    blank = ("AccountObjectId", "AccountDisplayName", "IPAddress", "CountryCode", "ISP")
    assert {made[column] for column in blank} == {""}
    record = json.loads(str(made["RawEventData"]))
    assert not {"UserId", "UserKey", "UserType", "ClientIP"} & record.keys()


def mail_ends_at_the_change(scenario: Scenario) -> None:
    last = scenario.frames[MAIL]["Timestamp"][-1]
    made = changes(scenario)[-1]["Timestamp"]
    assert isinstance(made, datetime)
    assert last < made + timedelta(minutes=20)
    assert not failures(logons_of_actor(scenario, 6 * HOUR)).height > 5


def changes_and_logons_end_a_day_before(scenario: Scenario) -> None:
    for table in (AUDIT, LOGONS):
        assert scenario.frames[table]["Timestamp"][-1] < scenario.alert.timestamp - DAY
    assert no_verdicts(scenario)


def no_verdicts(scenario: Scenario) -> bool:
    return set(week(scenario)["ThreatTypes"]) == {""}


def nothing_of_exchange(scenario: Scenario) -> None:
    if AUDIT in scenario.frames:
        applications = set(scenario.frames[AUDIT]["Application"])
        assert applications == {"Microsoft SharePoint Online"}
    assert no_verdicts(scenario)


def no_past(scenario: Scenario) -> None:
    for frame in scenario.frames.values():
        assert frame["Timestamp"][0] > scenario.alert.timestamp - 7 * DAY
    assert week(scenario).height >= 30
    assert no_verdicts(scenario)


STORIES: dict[str, Callable[[Scenario], None]] = {
    "hybrid-wizard": a_hybrid_wizard_ran,
    "new-marketing-service": campaigns_in_the_own_name,
    "new-printers": scans_without_tls,
    "weekly-billing-run": a_run_like_those_before,
    "gateway-migration": all_mail_through_the_new_gateway,
    "travelling-admin": changed_from_a_hotel,
    "vendor-address-rotation": the_same_vendor_from_elsewhere,
    "merger": a_company_was_acquired,
    "failed-brute-force": guesses_in_vain,
    "test-connector": a_few_tests,
    "monitoring-storm": machines_storm,
    "seasonal-peak": a_peak_of_the_usual,
    "phishing-simulation": phishing_to_train_staff,
    "automation-app": the_usual_application_did_it,
    "new-vendor-inbound": a_vendor_known_from_the_gateway,
    "approved-outbound-service": staff_through_a_smart_host,
    "new-customer-service": customers_are_answered,
    "mailer-moves": the_mailer_is_elsewhere,
    "new-application-server": another_server_writes_to_customers,
    "subsidiary-campaign": a_second_domain_campaigns,
    "blank-actor-no-mail-log": nobody_changed_it,
    "truncated-mail-log": mail_ends_at_the_change,
    "late-tables": changes_and_logons_end_a_day_before,
    "audit-off": nothing_of_exchange,
    "short-baseline": no_past,
}


def test_every_family_has_its_story() -> None:
    assert STORIES.keys() == FAMILIES.keys()


@every_family
@every_seed
def test_the_story_holds_in_the_rows(name: str, seed: int) -> None:
    STORIES[name](drawn(name, seed))
