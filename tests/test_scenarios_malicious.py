"""The families of attacks do what their stories say, in tenants that are otherwise honest."""

import json
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS
from exconn.testing.scenarios import MALICIOUS, Family, Scenario, Truth

TABLES = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
FAMILIES = {family.name: family for family in MALICIOUS}
SEEDS = (1, 2)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
VENDORS = "198.18.200."

WITH_AN_INBOUND_CHANGE = sorted(FAMILIES.keys() - {"relay-abused", "outbound-smart-host"})
UNSEEN_ENTRY = {"relay-abused", "hijacked-connector", "oauth-app", "policy-reader"}
SENT_OUTSIDE = (
    "oauth-app",
    "slow-and-low",
    "supply-chain-invoices",
    "rogue-admin",
    "policy-reader",
)

each = pytest.mark.parametrize("seed", SEEDS)
each_family = pytest.mark.parametrize("family", MALICIOUS, ids=lambda family: family.name)


@cache
def scenario(name: str, seed: int) -> Scenario:
    return FAMILIES[name].scenario(seed)


def mail(happened: Scenario) -> pl.DataFrame:
    """What passed the connector within sight of the alert."""
    at = happened.alert.timestamp
    return happened.frames["EmailEvents"].filter(
        pl.col("Connectors") == happened.alert.connector,
        pl.col("Timestamp").is_between(at - 7 * DAY, at + DAY),
    )


def before(happened: Scenario) -> pl.DataFrame:
    """All mail that is older than what may be the attack's."""
    return happened.frames["EmailEvents"].filter(
        pl.col("Timestamp") < happened.alert.timestamp - 8 * DAY
    )


def changes(happened: Scenario, *operations: str) -> list[dict[str, Any]]:
    """The parameters of cmdlets within sight of the alert, oldest first, with their rows."""
    at = happened.alert.timestamp
    rows = happened.frames["CloudAppEvents"].filter(
        pl.col("ActionType").is_in(operations),
        pl.col("Timestamp").is_between(at - 8 * DAY, at + DAY),
    )
    return [row | parameters(row["RawEventData"]) for row in rows.to_dicts()]


def of_connector(happened: Scenario) -> list[dict[str, Any]]:
    kinds = ("InboundConnector", "OutboundConnector")
    found = changes(happened, *(f"{verb}-{kind}" for verb in ("New", "Set") for kind in kinds))
    return [
        row for row in found if happened.alert.connector in (row.get("Name"), row.get("Identity"))
    ]


def parameters(record: str) -> dict[str, str]:
    return {item["Name"]: item["Value"] for item in json.loads(record).get("Parameters", ())}


def signed_in(happened: Scenario, action: str = "LogonFailed") -> pl.DataFrame:
    """Sign-ins within sight of the alert from addresses that were never seen before."""
    logons, at = happened.frames["IdentityLogonEvents"], happened.alert.timestamp
    old = logons.filter(pl.col("Timestamp") < at - 10 * DAY)["IPAddress"].unique()
    return logons.filter(
        pl.col("Timestamp") > at - 10 * DAY,
        pl.col("ActionType") == action,
        ~pl.col("IPAddress").is_in(old.implode()),
    )


def attack(happened: Scenario) -> pl.DataFrame:
    """Mail within sight from addresses new to the connector, other than a vendor's own."""
    key = ["Connectors", "SenderIPv4"]
    new = mail(happened).join(before(happened), on=key, how="anti")
    return new.filter(~pl.col("SenderIPv4").str.starts_with(VENDORS))


def domains(addresses: Iterable[str]) -> set[str]:
    return {address.rpartition("@")[2] for address in addresses}


class TestAnyFamily:
    def test_names_are_unique_and_all_are_malicious(self) -> None:
        assert len(FAMILIES) == len(MALICIOUS) == 16
        assert all(family.truth is Truth.MALICIOUS for family in MALICIOUS)
        assert {family.name for family in MALICIOUS if family.hard} == {
            "relay-abused",
            "hidden-in-campaign",
            "policy-reader",
        }

    @each_family
    def test_same_seed_gives_identical_scenarios(self, family: Family) -> None:
        first, second = scenario(family.name, 1), family.scenario(1)
        assert (first.alert, first.story) == (second.alert, second.story)
        for name, frame in first.frames.items():
            assert_frame_equal(frame, second.frames[name])

    @each_family
    def test_seeds_differ(self, family: Family) -> None:
        first, second = (scenario(family.name, seed) for seed in SEEDS)
        assert first.story != second.story
        assert not first.frames["EmailEvents"].equals(second.frames["EmailEvents"])

    @each
    @each_family
    def test_frames_are_the_tables_in_order_of_time(self, family: Family, seed: int) -> None:
        happened = scenario(family.name, seed)
        for table in TABLES:
            frame = happened.frames[table.name]
            assert frame.schema == pl.Schema(table.schema)
            assert frame["Timestamp"].is_sorted()
        assert 5_000 <= happened.frames["EmailEvents"].height <= 20_000

    @each
    @each_family
    def test_alert_lies_in_the_data_and_on_mail(self, family: Family, seed: int) -> None:
        happened = scenario(family.name, seed)
        times = happened.frames["EmailEvents"]["Timestamp"].to_list()
        assert times[0] + 35 * DAY < happened.alert.timestamp < times[-1]
        assert mail(happened).height
        assert happened.story.endswith(".")

    @each
    @each_family
    def test_identifiers_are_unique(self, family: Family, seed: int) -> None:
        for frame in scenario(family.name, seed).frames.values():
            assert frame["ReportId"].is_unique().all()


class TestConnectors:
    @each
    @pytest.mark.parametrize("name", WITH_AN_INBOUND_CHANGE)
    def test_change_precedes_mail_that_is_new(self, name: str, seed: int) -> None:
        happened = scenario(name, seed)
        first = of_connector(happened)[0]
        assert first["Timestamp"] < attack(happened)["Timestamp"].min()

    @each
    @pytest.mark.parametrize("name", sorted(FAMILIES.keys() - UNSEEN_ENTRY - {"stolen-session"}))
    def test_somebody_signs_in_before_the_change(self, name: str, seed: int) -> None:
        happened = scenario(name, seed)
        change = of_connector(happened)[0]
        logons = happened.frames["IdentityLogonEvents"].filter(
            pl.col("AccountObjectId") == change["AccountObjectId"],
            pl.col("ActionType") == "LogonSuccess",
        )
        assert logons["Timestamp"].min() < change["Timestamp"]

    @each
    def test_removed_within_hours(self, seed: int) -> None:
        happened = scenario("create-blast-remove", seed)
        (removal,) = changes(happened, "Remove-InboundConnector")
        made = of_connector(happened)[0]["Timestamp"]
        assert removal["Identity"] == happened.alert.connector
        assert made < removal["Timestamp"] < made + 15 * HOUR
        assert mail(happened)["Timestamp"].max() < removal["Timestamp"]

    @each
    def test_dormant_was_silent_and_is_switched_on(self, seed: int) -> None:
        happened = scenario("dormant-connector-woken", seed)
        woken = of_connector(happened)[-1]
        past = happened.frames["EmailEvents"].filter(
            pl.col("Connectors") == happened.alert.connector,
            pl.col("Timestamp").is_between(woken["Timestamp"] - 5 * DAY, woken["Timestamp"]),
        )
        assert woken["Enabled"] == "True"
        assert past.is_empty()

    @each
    def test_hijacked_was_there_and_goes_on(self, seed: int) -> None:
        happened = scenario("hijacked-connector", seed)
        usual = before(happened).filter(pl.col("Connectors") == happened.alert.connector)
        assert usual.height > 20
        assert attack(happened).height >= 20
        assert {row["ActionType"] for row in of_connector(happened)} == {"Set-InboundConnector"}

    @each
    def test_hybrid_disguise_looks_like_the_wizards(self, seed: int) -> None:
        made = of_connector(scenario("hybrid-disguise", seed))[0]
        assert made["Name"].startswith("Inbound from ")
        assert made["ConnectorSource"] == "HybridWizard"
        assert (made["CloudServicesMailEnabled"], made["SenderDomains"]) == ("True", "smtp:*;1")

    @each
    def test_smart_host_gets_honest_mail(self, seed: int) -> None:
        happened = scenario("outbound-smart-host", seed)
        change = of_connector(happened)[0]
        later = mail(happened).filter(pl.col("Timestamp") > change["Timestamp"] + HOUR)
        assert change["SmartHosts"]
        assert (later["SenderObjectId"] != "").all()
        assert (later["ThreatTypes"] == "").all()
        assert set(later["EmailDirection"]) == {"Outbound"}


class TestBreakIns:
    @each
    def test_guesses_are_many_on_one_account(self, seed: int) -> None:
        happened = scenario("brute-forced-admin", seed)
        failed = (
            signed_in(happened)
            .group_by("IPAddress")
            .agg(pl.len(), pl.col("AccountObjectId").n_unique().alias("accounts"))
        )
        most = failed.sort("len")[-1].row(0, named=True)
        assert most["len"] >= 10
        assert most["accounts"] == 1

    @each
    def test_spray_tries_many_accounts_seldom(self, seed: int) -> None:
        happened = scenario("password-spray", seed)
        failed = (
            signed_in(happened).group_by("IPAddress").agg(pl.col("AccountObjectId").value_counts())
        )
        widest = max(failed["AccountObjectId"].to_list(), key=len)
        assert len(widest) >= 12
        assert max(account["count"] for account in widest) <= 2

    @each
    def test_stolen_session_has_no_failures_abroad(self, seed: int) -> None:
        happened = scenario("stolen-session", seed)
        change, logons = of_connector(happened)[0], happened.frames["IdentityLogonEvents"]
        people = logons.filter(pl.col("AccountObjectId") == change["AccountObjectId"])
        assert change["CountryCode"] in {"", *people["Location"]}
        assert signed_in(happened).filter(pl.col("IPAddress") == change["IPAddress"]).is_empty()

    @each
    def test_application_strips_headers(self, seed: int) -> None:
        happened = scenario("oauth-app", seed)
        made = of_connector(happened)[0]
        rules = [
            rule
            for rule in changes(happened, "New-TransportRule")
            if rule["AccountType"] == "Application"
        ]
        assert (made["AccountType"], made["AccountObjectId"]) == ("Application", "")
        assert 1 <= len(rules) <= 12
        assert len({rule["RemoveHeader"] for rule in rules}) == len(rules)
        assert {rule["AccountId"] for rule in rules} == {made["AccountId"]}
        removed = changes(happened, "Remove-InboundConnector", "Remove-TransportRule")
        assert len(removed) in {0, len(rules) + 1}

    @each
    def test_directory_acts_are_not_cmdlets(self, seed: int) -> None:
        rows = scenario("oauth-app", seed).frames["CloudAppEvents"]
        acts = rows.filter(pl.col("Application") == "Microsoft 365")
        for record in map(json.loads, acts["RawEventData"]):
            assert record["Workload"] == "AzureActiveDirectory"
            assert "Parameters" not in record

    def test_some_applications_are_seen_to_be_registered(self) -> None:
        seen = {
            bool(changes(scenario("oauth-app", seed), "Consent to application."))
            for seed in range(1, 9)
        }
        assert seen == {False, True}

    @each
    def test_rogue_admin_works_at_night_where_they_always_work(self, seed: int) -> None:
        happened = scenario("rogue-admin", seed)
        made, logons = of_connector(happened)[0], happened.frames["IdentityLogonEvents"]
        known = logons.filter(
            pl.col("AccountObjectId") == made["AccountObjectId"],
            pl.col("Timestamp") < happened.alert.timestamp - 8 * DAY,
        )
        assert made["ISP"] in known["ISP"].unique().to_list()
        hours = happened.story.removeprefix("At ").partition(":")[0]
        assert int(hours) in {22, 23, 0, 1, 2, 3, 4}


class TestMail:
    @each
    @pytest.mark.parametrize("name", SENT_OUTSIDE)
    def test_goes_outside_without_sender_ids(self, name: str, seed: int) -> None:
        rows = attack(scenario(name, seed))
        assert rows.height >= 15
        assert set(rows["EmailDirection"]) == {"Outbound"}
        assert set(rows["SenderObjectId"]) == {""}

    @each
    @pytest.mark.parametrize("name", ["brute-forced-admin", "hijacked-connector", "slow-and-low"])
    def test_comes_from_few_addresses_unknown_here(self, name: str, seed: int) -> None:
        happened = scenario(name, seed)
        old = before(happened)["SenderIPv4"].unique()
        rows = attack(happened).filter(~pl.col("SenderIPv4").is_in(old.implode()))
        assert 1 <= rows["SenderIPv4"].n_unique() <= 5

    @each
    def test_spoofs_do_not_pass(self, seed: int) -> None:
        for name in FAMILIES.keys() - {"relay-abused", "rogue-admin", "outbound-smart-host"}:
            happened = scenario(name, seed)
            own = before(happened).filter(pl.col("EmailDirection") == "Intra-org")
            (domain,) = own["SenderFromDomain"].unique()
            spoofed = attack(happened).filter(
                pl.col("SenderFromDomain") == domain,
                pl.col("SenderIPv4").str.contains(r"^(203\.0\.113|198\.18\.2[1-4]\d)\."),
            )
            passed = spoofed["AuthenticationDetails"].str.contains('"DMARC":"pass"')
            assert not passed.any()

    @each
    def test_slow_mail_keeps_to_working_hours(self, seed: int) -> None:
        rows = attack(scenario("slow-and-low", seed))
        by_hour = rows.group_by(pl.col("Timestamp").dt.truncate("1h")).len()
        assert max(by_hour["len"].to_list()) <= 25
        assert rows["Timestamp"].dt.hour().n_unique() <= 11
        assert rows["Timestamp"].dt.date().n_unique() >= 2

    @each
    def test_invoices_reach_known_customers_with_attachments(self, seed: int) -> None:
        happened = scenario("supply-chain-invoices", seed)
        rows = attack(happened).filter(pl.col("SenderDisplayName") == "Invoices")
        assert 20 <= rows.height <= 250
        assert (rows["AttachmentCount"] >= 1).all()
        assert domains(rows["RecipientEmailAddress"]) <= set(before(happened)["RecipientDomain"])

    @each
    def test_internal_phishing_reaches_people_here_with_links(self, seed: int) -> None:
        happened = scenario("internal-phishing", seed)
        staff = set(
            before(happened).filter(pl.col("EmailDirection") == "Intra-org")["SenderFromAddress"]
        )
        rows = attack(happened).filter(pl.col("UrlCount") > 0)
        assert rows.height >= 20
        assert (rows["EmailDirection"] == "Inbound").all()
        assert (rows["RecipientObjectId"] != "").all()
        assert len(set(rows["RecipientEmailAddress"]) & staff) > 1

    @each
    def test_nothing_changes_at_an_abused_relay(self, seed: int) -> None:
        happened = scenario("relay-abused", seed)
        usual = before(happened).filter(pl.col("Connectors") == happened.alert.connector)
        assert of_connector(happened) == []
        assert set(mail(happened)["SenderIPv4"]) == set(usual["SenderIPv4"])

    @each
    def test_hidden_mail_is_a_small_part_of_a_campaign(self, seed: int) -> None:
        happened = scenario("hidden-in-campaign", seed)
        hidden = attack(happened)
        times = hidden["Timestamp"].to_list()
        campaign = mail(happened).filter(
            pl.col("Timestamp").is_between(min(times) - HOUR, max(times) + HOUR),
            pl.col("SenderIPv4").str.starts_with(VENDORS),
        )
        assert 0.04 <= hidden.height / campaign.height <= 0.35

    @each
    def test_policy_reader_avoids_four_or_five_signs(self, seed: int) -> None:
        story = scenario("policy-reader", seed).story
        assert len(story.rpartition("evasions: ")[2].split(",")) in {4, 5}
