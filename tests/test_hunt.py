"""`hunt` over whole tenants, and its agreement with `grade`."""

import json
from datetime import timedelta
from functools import cache

import polars as pl
import pytest

from exconn import reports
from exconn.grading import Classification, Grade, grade, hunt
from exconn.models import Alert
from exconn.simulate import Tenant, demo_tenant, hijacked
from exconn.sources import MemorySource
from incidents import (
    AT,
    DAY,
    END,
    FAR_AWAY,
    HOUR,
    MAIL,
    attacked,
    change,
    deed,
    honest,
    mail,
    source,
    verdict,
)

TRUE = Classification.TRUE_POSITIVE
SEEDS = range(10)


@cache
def demo(seed: int, mails: int = 3_000) -> Tenant:
    return demo_tenant(seed, mails=mails)


@cache
def hunted(seed: int, mails: int = 3_000) -> tuple[Grade, ...]:
    return tuple(hunt(source(demo(seed, mails))))


def roles(tenant: Tenant) -> dict[str, str]:
    return {connector.name.casefold(): connector.role for connector in tenant.connectors}


@pytest.mark.parametrize(("seed", "mails"), [*((s, 3_000) for s in SEEDS), (11, 20_000)])
def test_the_hijacked_connector_ranks_first_and_no_honest_one_is_malicious(
    seed: int, mails: int
) -> None:
    tenant, found = demo(seed, mails), hunted(seed, mails)
    names = roles(tenant)
    assert {names[g.connector.casefold()] for g in found} == set(names.values())
    assert names[found[0].connector.casefold()] == "quiet"
    assert found[0].classification is TRUE
    assert [g.connector for g in found if g.classification is TRUE] == [found[0].connector]
    assert found[0].score > 0.99
    assert found[0].confidence > 0.9  # some administrators have no usual places
    assert found[0].window.start <= (tenant.at or END) < found[0].window.end
    scores = [g.score for g in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("seed", range(20, 26))
def test_nobody_in_an_honest_tenant_is_malicious(seed: int) -> None:
    found = hunt(source(honest(seed)))
    assert len(found) == 10
    assert all(g.classification is not TRUE for g in found)
    benign = [g for g in found if g.classification is not Classification.UNKNOWN]
    assert len(benign) >= 5


def test_the_runbook_marks_nothing_that_came_after_the_window() -> None:
    tenant = attacked()
    before, *_ = hunt(source(tenant))
    end = before.window.end
    tenant = mail(tenant, n=3, start=end, p1="y@late.example", sender_ipv4="198.51.100.99")
    after, *_ = hunt(source(tenant))
    assert (after.connector, after.window) == (before.connector, before.window)
    commands = " ".join(action.command for action in after.actions)
    assert "SenderIPv4 -in @(" in commands
    assert "198.51.100.99" not in commands
    assert "late.example" not in commands


@pytest.mark.parametrize("role", ["marketing", "billing", "gateway", "relay", "rotated", "new"])
def test_any_connector_may_be_hijacked_and_is_found(role: str) -> None:
    tenant = hijacked(honest(), 9, role=role, mails=300)
    found = hunt(source(tenant))
    assert roles(tenant)[found[0].connector.casefold()] == role
    assert [g.classification is TRUE for g in found] == [True] + [False] * (len(found) - 1)


def agree(tenant: Tenant, found: Grade) -> None:
    again = grade(source(tenant), Alert(connector=found.connector, timestamp=found.at))
    assert verdict(again) == verdict(found)
    assert again.window == found.window
    assert again.reasons == found.reasons
    assert again.explanation.startswith(found.explanation)
    assert again.actions == found.actions
    assert again.timeline == found.timeline
    ours, theirs = found.to_dict(), again.to_dict()
    assert ours.pop("looks") == []
    for told in (ours, theirs):
        told.pop("explanation")
        theirs.pop("looks", None)
    fetched = {"asked", "logons", "sample", "senders", "message_ids"}
    assert all(not ours["evidence"].pop(name) for name in fetched)
    for name in fetched:
        theirs["evidence"].pop(name)
    for name in ("mail", "clicks", "unknown"):
        ours["radius"].pop(name)
        theirs["radius"].pop(name)
    assert ours == theirs


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_grade_at_the_time_that_hunt_found_gives_the_same(seed: int) -> None:
    for found in hunted(seed):
        agree(demo(seed), found)


@pytest.mark.parametrize("at", [AT, AT - 9 * DAY, END + 3 * HOUR, END - 29 * DAY])
def test_grade_at_the_time_that_hunt_was_given_gives_the_same(at: object) -> None:
    assert isinstance(at, type(AT))
    tenant = attacked()
    for found in hunt(source(tenant), at=at):
        assert found.at == at
        agree(tenant, found)


def test_hunt_lists_connectors_with_only_changes_and_with_only_failed_ones() -> None:
    tenant = deed(honest(), "New-OutboundConnector", {"Name": "Never used"})
    tenant = deed(tenant, "New-InboundConnector", {"Name": "Never made"}, result="False")
    found = {g.connector: g for g in hunt(source(tenant))}
    for name in ("Never used", "Never made"):
        assert found[name].classification is Classification.UNKNOWN
        agree(tenant, found[name])


def test_changes_that_name_no_connector_make_none() -> None:
    tenant = deed(honest(), "Set-InboundConnector", {"Comment": "x"})
    assert "" not in {g.connector for g in hunt(source(tenant))}


def test_hunt_lists_each_connector_once_whatever_its_spelling() -> None:
    tenant = honest()
    name = tenant.connector("quiet").name
    mixed = mail(mail(tenant, connector=name.upper(), n=5), connector=f"{name};X", n=5)
    found = [g.connector for g in hunt(source(mixed))]
    assert sorted(found) == sorted([*(c.name for c in tenant.connectors), "x"])


def test_the_judged_time_is_the_attack_and_not_a_busier_honest_hour() -> None:
    tenant = attacked()
    busy = mail(tenant, n=400, start=AT - 20 * DAY)
    (found,) = [g for g in hunt(source(busy)) if g.connector == tenant.connector("quiet").name]
    assert found.classification is TRUE


def test_a_row_that_knows_little_does_not_turn_an_attack_into_a_benign_time() -> None:
    """Beside full EmailEvents a row of a message trace leaves facts of its time unassessed."""
    tenant = attacked()
    traced = tenant.frames[MAIL].filter(pl.col("Timestamp") >= AT).head(1)
    known = ["Timestamp", "NetworkMessageId", "SenderMailFromAddress", "RecipientEmailAddress"]
    full = source(tenant)
    mixed = source(tenant, EmailEvents=[tenant.frames[MAIL], traced.select(known)])
    name = tenant.connector("quiet").name
    (before,) = [g for g in hunt(full) if g.connector == name]
    (after,) = [g for g in hunt(mixed) if g.connector == name]
    assert before.classification is TRUE
    assert after.classification is Classification.UNKNOWN
    assert any("EmailEvents is partial: lacks" in reason for reason in after.reasons)


def test_hunt_finds_a_change_that_precedes_little_mail() -> None:
    tenant = change(honest(), {"SenderDomains": "smtp:*;1"}, at=AT, place=FAR_AWAY)
    (found,) = [g for g in hunt(source(tenant)) if g.connector == tenant.connector("quiet").name]
    assert found.facts["catch_all"] == 1
    assert len(tenant.frames[MAIL]) == len(honest().frames[MAIL])


def test_later_changes_and_busier_nights_do_not_hide_an_attack() -> None:
    tenant = attacked()
    at = tenant.at or AT
    for n in range(12):
        tenant = change(tenant, {"Comment": str(n)}, at=at + 8 * HOUR + n * timedelta(minutes=1))
    for n in range(3):
        night = tenant.end - (n + 1) * HOUR
        tenant = mail(tenant, n=400, start=night)
    worst = hunt(source(tenant))[0]
    assert worst.classification is Classification.TRUE_POSITIVE
    assert worst.connector == tenant.connector("quiet").name


def test_what_other_connectors_changes_say_of_an_account_counts_in_grade_and_hunt_alike() -> None:
    tenant = attacked()
    nameless = tenant.frames["CloudAppEvents"].with_columns(
        AccountObjectId=pl.when(pl.col("ActionType").str.starts_with("Set-Inbound"))
        .then(pl.lit(""))
        .otherwise(pl.col("AccountObjectId"))
    )
    signed_in = tenant.frames["IdentityLogonEvents"].with_columns(AccountUpn=pl.lit(""))
    frames = {**tenant.frames, "CloudAppEvents": nameless, "IdentityLogonEvents": signed_in}
    for found in hunt(MemorySource(frames)):
        again = grade(MemorySource(frames), Alert(connector=found.connector, timestamp=found.at))
        assert verdict(again) == verdict(found)
        assert dict(again.facts) == dict(found.facts)


def test_a_hunt_is_written_as_its_grades_are() -> None:
    found = hunt(source(attacked()))
    assert found.to_dict() == [result.to_dict() for result in found]
    assert json.loads(found.to_json()) == found.to_dict()
    assert found.to_html() == reports.overview(found)
    told = found[0].to_dict()
    assert told["summary"] == found[0].summary
    policy = found[0].policy
    assert told["thresholds"] == {
        "true_positive": policy.true_positive,
        "benign": policy.benign,
    }
