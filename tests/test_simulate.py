"""The simulated tenants keep the promises that tests, demo and benchmarks build on."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from exconn.errors import InvalidValueError, UnknownConnectorError
from exconn.simulate import (
    Actor,
    Person,
    Place,
    Tenant,
    between,
    change_row,
    demo_tenant,
    hijacked,
    honest_tenant,
    logon_rows,
    mail_rows,
)
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS

TABLES = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
AT = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
OFFICE = Place("FR", "lyon", "Office Network", ("192.0.2.7",))
HOME = Place("FR", "lyon", "Home Cable", ("198.18.0.9",))
ADA = Person("11111111-2222-3333-4444-555555555555", "ada@firm.example", "Ada", OFFICE, HOME)
SEEDS = (1, 2, 3)

honest = cache(honest_tenant)


@cache
def demo(seed: int, mails: int = 2_000) -> Tenant:
    return demo_tenant(seed, mails=mails)


def mails(tenant: Tenant, role: str | None = None) -> pl.DataFrame:
    frame = tenant.frames["EmailEvents"]
    return (
        frame if role is None else frame.filter(pl.col("Connectors") == tenant.connector(role).name)
    )


def parameters(row: Mapping[str, object]) -> dict[str, str]:
    record = json.loads(str(row["RawEventData"]))
    return {item["Name"]: item["Value"] for item in record["Parameters"]}


def connector_changes(tenant: Tenant) -> pl.DataFrame:
    changes = tenant.frames["CloudAppEvents"]
    return changes.filter(pl.col("ActionType").str.contains("Connector"))


class TestAnyTenant:
    def test_same_seed_gives_identical_frames(self) -> None:
        first, second = (demo_tenant(7, mails=2_000) for _ in range(2))
        for name, frame in first.frames.items():
            assert_frame_equal(frame, second.frames[name])
        assert first.connectors == second.connectors
        assert first.at == second.at

    def test_seeds_differ(self) -> None:
        assert demo(1).accepted_domains != demo(2).accepted_domains
        assert not demo(1).frames["EmailEvents"].equals(demo(2).frames["EmailEvents"])

    def test_leaves_the_global_generator_alone(self) -> None:
        random.seed(1)
        expected = random.random()
        random.seed(1)
        honest_tenant(5, mails=1_500)
        assert random.random() == expected

    @pytest.mark.parametrize("seed", SEEDS)
    def test_frames_have_the_exact_schemas(self, seed: int) -> None:
        assert {name: frame.schema for name, frame in demo(seed).frames.items()} == {
            table.name: table.schema for table in TABLES
        }

    @pytest.mark.parametrize("seed", SEEDS)
    def test_rows_are_in_order_and_within_the_period(self, seed: int) -> None:
        tenant = demo(seed)
        for frame in tenant.frames.values():
            times = frame["Timestamp"]
            assert times.is_sorted()
            assert tenant.start <= times[0]
            assert times[-1] < tenant.end

    @pytest.mark.parametrize("seed", SEEDS)
    def test_strings_are_never_null(self, seed: int) -> None:
        for frame in demo(seed).frames.values():
            assert frame.select(pl.col(pl.String).null_count()).sum_horizontal().item() == 0

    @pytest.mark.parametrize("seed", SEEDS)
    def test_record_keys_are_unique(self, seed: int) -> None:
        for table in TABLES:
            frame = demo(seed).frames[table.name]
            assert not frame.select(table.key).is_duplicated().any()
            assert frame["ReportId"].is_unique().all()

    def test_some_messages_have_several_recipients(self) -> None:
        counts = mails(demo(1)).group_by("NetworkMessageId").len()
        assert counts["len"].max() == 4

    @pytest.mark.parametrize("seed", SEEDS)
    def test_raw_events_are_audit_records(self, seed: int) -> None:
        rows = demo(seed).frames["CloudAppEvents"].rows(named=True)
        for row in rows:
            record = json.loads(row["RawEventData"])
            assert record["Operation"] == row["ActionType"]
            assert record["CreationTime"] == row["Timestamp"].strftime("%Y-%m-%dT%H:%M:%S")
            for item in record.get("Parameters", ()):
                assert all(isinstance(item[key], str) for key in ("Name", "Value"))

    def test_most_audit_rows_are_the_service_itself(self) -> None:
        changes = honest(1).frames["CloudAppEvents"]
        assert changes["AccountType"].eq("System").mean() > 0.5  # type: ignore[operator]

    @pytest.mark.parametrize("amount", [2_000, 20_000])
    def test_size_is_as_asked(self, amount: int) -> None:
        frames = demo(3, amount).frames
        assert frames["EmailEvents"].height == pytest.approx(amount, rel=0.02)
        assert frames["CloudAppEvents"].height == pytest.approx(amount / 10, rel=0.15)
        assert frames["IdentityLogonEvents"].height >= amount / 5

    def test_end_without_zone_is_utc(self) -> None:
        bare = datetime(2026, 1, 31)  # noqa: DTZ001
        tenant = honest_tenant(1, mails=1_500, days=14, end=bare)
        assert (tenant.start, tenant.end) == (
            datetime(2026, 1, 17, tzinfo=UTC),
            datetime(2026, 1, 31, tzinfo=UTC),
        )

    @pytest.mark.parametrize(("amount", "days"), [(1_499, 30), (2_000, 13)])
    def test_too_little_for_the_rhythms_is_refused(self, amount: int, days: int) -> None:
        with pytest.raises(InvalidValueError, match="expected at least"):
            honest_tenant(1, mails=amount, days=days)


class TestAdding:
    def test_returns_a_new_tenant_in_order_and_leaves_the_old_one(self) -> None:
        tenant = honest(1)
        before = tenant.frames["IdentityLogonEvents"]
        row = logon_rows(rng=random.Random(0), times=[AT], people=tenant.people[0])
        grown = tenant.adding("IdentityLogonEvents", row, row.clear())
        assert grown.frames["IdentityLogonEvents"].height == before.height + 1
        assert grown.frames["IdentityLogonEvents"]["Timestamp"].is_sorted()
        assert tenant.frames["IdentityLogonEvents"] is before
        assert grown.frames["EmailEvents"] is tenant.frames["EmailEvents"]

    def test_frames_cannot_be_replaced(self) -> None:
        with pytest.raises(TypeError):
            honest(1).frames["EmailEvents"] = pl.DataFrame()  # type: ignore[index]

    def test_unknown_table_is_an_error(self) -> None:
        with pytest.raises(InvalidValueError, match="EmailEvents"):
            honest(1).adding("UrlClickEvents", pl.DataFrame())

    def test_unknown_role_is_an_error(self) -> None:
        with pytest.raises(UnknownConnectorError):
            honest(1).connector("printer")


class TestHonestConnectors:
    def test_are_all_honest_and_have_mail(self) -> None:
        tenant = honest(1, mails=2_000)
        assert tenant.at is None
        assert all(connector.honest for connector in tenant.connectors)
        assert all(mails(tenant, one.role).height >= 25 for one in tenant.connectors)
        assert len({connector.name for connector in tenant.connectors}) == 10

    @pytest.mark.parametrize(
        ("role", "share"),
        [("relay", 0.06), ("marketing", 0.14), ("billing", 0.03), ("gateway", 0.357)],
    )
    def test_shares(self, role: str, share: float) -> None:
        tenant = honest(1)
        assert mails(tenant, role).height == pytest.approx(share * 20_000, rel=0.05)

    @pytest.mark.parametrize("role", ["relay", "printers", "quiet"])
    def test_machines_have_no_sender_id(self, role: str) -> None:
        rows = mails(honest(1), role)
        assert rows["SenderObjectId"].eq("").all()
        assert rows["EmailDirection"].eq("Outbound").any() == (role == "relay")

    def test_newsletter_never_matches_and_comes_in_bursts_twice_a_week(self) -> None:
        rows = mails(honest(1), "marketing")
        assert (rows["SenderFromDomain"] != rows["SenderMailFromDomain"]).all()
        assert rows["EmailDirection"].eq("Outbound").all()
        assert rows["Timestamp"].dt.date().n_unique() in (8, 9)
        run = rows.filter(pl.col("Timestamp").dt.date() == rows["Timestamp"][0].date())
        assert run["Timestamp"][-1] - run["Timestamp"][0] < timedelta(hours=1)

    def test_invoices_go_weekly_to_domains_that_staff_mails(self) -> None:
        tenant = honest(1)
        rows = mails(tenant, "billing")
        assert rows["Timestamp"].dt.date().n_unique() in (4, 5)
        staff = mails(tenant).filter(
            pl.col("SenderObjectId") != "", pl.col("EmailDirection") == "Outbound"
        )
        assert set(rows["RecipientDomain"]) <= set(staff["RecipientDomain"])

    def test_gateway_has_many_domains_and_junk(self) -> None:
        rows = mails(honest(1), "gateway")
        assert rows["SenderFromDomain"].n_unique() > 200
        assert {"Delivered", "Junked", "Blocked"} == set(rows["DeliveryAction"])
        assert {"", "Spam", "Phish"} == set(rows["ThreatTypes"])

    def test_partner_out_is_staff(self) -> None:
        tenant = honest(1)
        known = {person.object_id for person in tenant.people}
        assert set(mails(tenant, "partner_out")["SenderObjectId"]) <= known

    @pytest.mark.parametrize("seed", SEEDS)
    def test_new_and_rotated_are_changed_in_the_last_week_from_the_office(self, seed: int) -> None:
        tenant = honest(seed, mails=2_000)
        week = tenant.end - timedelta(days=7)
        rows = connector_changes(tenant).rows(named=True)
        recent = {row["ActionType"]: row for row in rows if row["Timestamp"] > week}
        assert set(recent) == {"New-InboundConnector", "Set-InboundConnector"}
        made, changed = recent["New-InboundConnector"], recent["Set-InboundConnector"]
        assert parameters(made)["Name"] == tenant.connector("new").name
        assert parameters(changed)["Identity"] == tenant.connector("rotated").name
        assert mails(tenant, "new")["Timestamp"][0] > made["Timestamp"]
        office = tenant.people[0].office.addresses
        assert {made["IPAddress"], changed["IPAddress"]} <= set(office)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_rotated_uses_the_new_address_only_after_the_change(self, seed: int) -> None:
        tenant = honest(seed, mails=2_000)
        name = tenant.connector("rotated").name
        change = connector_changes(tenant).filter(pl.col("ObjectId") == name).row(0, named=True)
        added = parameters(change)["SenderIPAddresses"].split(";")[-1]
        rows = mails(tenant, "rotated").filter(pl.col("SenderIPv4") == added)
        assert not rows.is_empty()
        assert rows["Timestamp"][0] > change["Timestamp"]

    @pytest.mark.parametrize("seed", SEEDS)
    def test_old_connectors_have_no_creation_record(self, seed: int) -> None:
        made = connector_changes(honest(seed, mails=2_000)).filter(
            pl.col("ActionType").str.starts_with("New-")
        )
        assert made.height == 1

    @pytest.mark.parametrize("seed", SEEDS)
    def test_guessing_at_an_ordinary_account_never_succeeds(self, seed: int) -> None:
        tenant = honest(seed, mails=2_000)
        guesses = tenant.frames["IdentityLogonEvents"].filter(
            pl.col("IPAddress").str.starts_with("203.0.113.")
        )
        assert guesses.height > 100
        assert guesses["ActionType"].eq("LogonFailed").all()
        admins = {person.object_id for person in tenant.admins}
        assert not admins & set(guesses["AccountObjectId"])


class TestHijack:
    @pytest.mark.parametrize("seed", [*SEEDS, 4, 5, 6])
    def test_failures_then_success_then_change_then_blast(self, seed: int) -> None:
        tenant = demo(seed)
        target = tenant.connector("quiet")
        change = (
            connector_changes(tenant).filter(pl.col("ObjectId") == target.name).row(0, named=True)
        )
        logons = tenant.frames["IdentityLogonEvents"].filter(
            pl.col("IPAddress") == change["IPAddress"]
        )
        assert logons.select("AccountObjectId", "Application", "ISP").n_unique() == 1
        assert logons["AccountObjectId"][0] == change["AccountObjectId"]
        failed = logons.filter(pl.col("ActionType") == "LogonFailed")["Timestamp"]
        succeeded = logons.filter(pl.col("ActionType") == "LogonSuccess")["Timestamp"].item()
        blast = mails(tenant, "quiet").filter(pl.col("SenderIPv4") == change["IPAddress"])
        rule = tenant.frames["CloudAppEvents"].filter(
            pl.col("IPAddress") == change["IPAddress"],
            pl.col("ActionType") == "New-TransportRule",
        )

        assert failed.len() > 100
        assert failed[-1] - failed[0] < timedelta(seconds=60)
        assert timedelta(0) < succeeded - failed[-1] < timedelta(seconds=10)
        minutes = (change["Timestamp"] - succeeded).total_seconds() / 60
        assert 10 <= minutes <= 60
        assert rule["Timestamp"].item() > change["Timestamp"]
        hours = (blast["Timestamp"][0] - change["Timestamp"]).total_seconds() / 3600
        assert 1 <= hours <= 6.5
        assert blast["Timestamp"][-1] - blast["Timestamp"][0] <= timedelta(hours=4)
        assert tenant.at is not None
        assert blast["Timestamp"][0] < tenant.at < blast["Timestamp"][-1]
        assert tenant.at + timedelta(days=1) < tenant.end

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_blast_is_spoofed_and_goes_to_strangers(self, seed: int) -> None:
        tenant = demo(seed)
        rows = mails(tenant, "quiet")
        blast = rows.filter(pl.col("EmailDirection") == "Outbound")
        others = mails(tenant).filter(
            pl.col("NetworkMessageId").is_in(blast["NetworkMessageId"].implode()).not_()
        )
        assert blast.height == 300
        assert blast["SenderFromDomain"].eq(tenant.accepted_domains[0]).all()
        assert not set(blast["SenderMailFromDomain"]) & set(tenant.accepted_domains)
        assert blast["SenderObjectId"].eq("").all()
        assert blast["UrlCount"].is_between(1, 2).all()
        assert set(blast["ThreatTypes"]) == {"", "Phish"}
        assert blast["RecipientDomain"].n_unique() > 100
        assert not set(blast["RecipientDomain"]) & set(others["RecipientDomain"])
        assert not set(blast["RecipientDomain"]) & set(others["SenderFromDomain"])

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_change_opens_the_connector(self, seed: int) -> None:
        tenant = demo(seed)
        target = tenant.connector("quiet")
        change = connector_changes(tenant).filter(pl.col("ObjectId") == target.name)
        opened = parameters(change.row(0, named=True))
        assert opened["SenderDomains"] == "smtp:*;1"
        assert opened["RequireTls"] == "False"
        assert opened["SenderIPAddresses"].split(";") == [
            *target.addresses,
            change["IPAddress"].item(),
        ]

    def test_only_the_hijacked_connector_is_not_honest(self) -> None:
        assert [one.role for one in demo(1).connectors if not one.honest] == ["quiet"]

    def test_blast_is_two_per_cent_of_a_large_tenant(self) -> None:
        tenant = demo(3, 20_000)
        assert mails(tenant, "quiet")["EmailDirection"].eq("Outbound").sum() == 400

    def test_any_role_can_be_hijacked(self) -> None:
        tenant = honest(1, mails=2_000)
        fallen = hijacked(tenant, 1, mails=250, role="relay")
        assert [one.role for one in fallen.connectors if not one.honest] == ["relay"]
        assert mails(fallen, "relay").height == mails(tenant, "relay").height + 250
        assert tenant.at is None


class TestMailRows:
    def test_one_value_stands_for_all(self) -> None:
        rows = mail_rows(
            rng=random.Random(1),
            times=between(random.Random(2), 50, AT, AT + timedelta(hours=1)),
            p1="bounce@a.example",
            p2="news@b.example",
            recipients="x@c.example",
            connector="Relay",
        )
        assert rows.schema == EMAIL_EVENTS.schema
        assert rows["NetworkMessageId"].n_unique() == 50
        assert rows["SenderMailFromDomain"].eq("a.example").all()
        assert rows["SenderFromDomain"].eq("b.example").all()
        assert rows["RecipientDomain"].eq("c.example").all()
        assert rows["Timestamp"].is_between(AT, AT + timedelta(hours=1), closed="left").all()

    def test_several_recipients_give_several_rows_of_one_message(self) -> None:
        rows = mail_rows(
            rng=random.Random(1),
            times=[AT, AT],
            p1=ADA.upn,
            recipients=[("x@c.example", ADA.upn), ("y@c.example",)],
            directory={ADA.upn: ADA.object_id},
        )
        assert rows["RecipientEmailAddress"].to_list() == ["x@c.example", ADA.upn, "y@c.example"]
        assert rows["RecipientObjectId"].to_list() == ["", ADA.object_id, ""]
        assert rows["NetworkMessageId"].n_unique() == 2
        assert rows["ReportId"].n_unique() == 3
        assert json.loads(rows["To"][0]) == ["x@c.example", ADA.upn]

    def test_no_times_give_no_rows(self) -> None:
        rows = mail_rows(rng=random.Random(1), times=[], p1="a@b.example", recipients=[])
        assert rows.is_empty()
        assert rows.schema == EMAIL_EVENTS.schema

    @pytest.mark.parametrize(
        ("delivery", "direction", "location"),
        [
            ("Blocked", "Inbound", "Quarantine"),
            ("Junked", "Inbound", "Junk"),
            ("Delivered", "Intra-org", "Inbox/folder"),
            ("Junked", "Outbound", "On-premises/External"),
        ],
    )
    def test_location_follows_delivery(self, delivery: str, direction: str, location: str) -> None:
        rows = mail_rows(
            rng=random.Random(1),
            times=[AT],
            p1="a@b.example",
            recipients="c@d.example",
            delivery=delivery,
            direction=direction,
        )
        assert rows["DeliveryLocation"].item() == location
        assert rows["LatestDeliveryLocation"].item() == location

    @pytest.mark.parametrize("column", ["p2", "recipients"])
    def test_a_sequence_of_another_length_is_an_error(self, column: str) -> None:
        values = {"p2": "a@b.example", "recipients": "c@d.example"} | {column: ["a@b.example"]}
        with pytest.raises(InvalidValueError, match="or 2 of them, got 1"):
            mail_rows(rng=random.Random(1), times=[AT, AT], p1="a@b.example", **values)  # type: ignore[arg-type]


class TestChangeRow:
    def test_a_person_changes_a_connector(self) -> None:
        row = change_row(
            rng=random.Random(1),
            at=AT,
            operation="Set-InboundConnector",
            parameters={"Identity": "Relay", "RequireTls": "False"},
            actor=Actor.person(ADA),
            place=ADA.office,
            organization="firm.onmicrosoft.example",
        ).row(0, named=True)
        record = json.loads(row["RawEventData"])
        assert record["Parameters"] == [
            {"Name": "Identity", "Value": "Relay"},
            {"Name": "RequireTls", "Value": "False"},
        ]
        assert record["ObjectId"] == row["ObjectId"] == "Relay"
        assert record["UserId"] == ADA.upn
        assert record["UserType"] == 2
        assert record["ClientIP"].rpartition(":")[0] == row["IPAddress"] == "192.0.2.7"
        assert row["AccountObjectId"] == ADA.object_id
        assert row["ISP"] == "Office Network"

    def test_an_application_has_no_object_id(self) -> None:
        row = change_row(
            rng=random.Random(1),
            at=AT,
            operation="New-InboundConnector",
            parameters={"Name": "Relay"},
            actor=Actor.application("aaaa-bbbb", "Mailer"),
            place=Place("NO", "bodo", "Hosting", ("2001:db8::5",)),
        ).row(0, named=True)
        record = json.loads(row["RawEventData"])
        assert (row["AccountType"], row["AccountObjectId"]) == ("Application", "")
        assert row["AccountId"] == record["UserId"] == "aaaa-bbbb"
        assert record["UserType"] == 5
        assert record["ObjectId"] == ""
        assert record["ClientIP"].startswith("[2001:db8::5]:")

    def test_the_service_has_no_address(self) -> None:
        row = change_row(
            rng=random.Random(1),
            at=AT,
            operation="Set-InboundConnector",
            parameters={"Identity": "Relay"},
            actor=Actor.system(),
            object_id="guid",
            result="False",
        ).row(0, named=True)
        record = json.loads(row["RawEventData"])
        assert record["UserId"].startswith("NT AUTHORITY\\SYSTEM (")
        assert record["UserType"] == 3
        assert record["ExternalAccess"] is True
        assert record["ResultStatus"] == "False"
        assert record["ObjectId"] == "guid"
        assert "ClientIP" not in record
        assert row["IPAddress"] == ""


class TestLogonRows:
    def test_defaults_are_successes_at_the_office(self) -> None:
        rows = logon_rows(rng=random.Random(1), times=[AT, AT], people=ADA)
        assert rows.schema == IDENTITY_LOGON_EVENTS.schema
        assert rows["ActionType"].eq("LogonSuccess").all()
        assert rows["IPAddress"].eq("192.0.2.7").all()
        assert rows["FailureReason"].eq("").all()
        assert rows["ReportId"].n_unique() == 2

    def test_failures_have_a_reason(self) -> None:
        actions = ["LogonFailed", "LogonSuccess"]
        rows = logon_rows(
            rng=random.Random(1), times=[AT, AT], people=[ADA, ADA], places=HOME, action=actions
        )
        assert rows["FailureReason"].to_list() == ["WrongPassword", ""]
        assert rows["Location"].eq("FR").all()
        given = logon_rows(
            rng=random.Random(1), times=[AT], people=ADA, action=actions[:1], failure_reason="Lock"
        )
        assert given["FailureReason"].item() == "Lock"

    def test_a_sequence_of_another_length_is_an_error(self) -> None:
        with pytest.raises(InvalidValueError, match="people"):
            logon_rows(rng=random.Random(1), times=[AT], people=[ADA, ADA])
