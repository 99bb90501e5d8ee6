"""The blast radius: what an incident touched beyond the graded connector."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from attrs import evolve

from exconn import Context, Grade, MemorySource, ParquetSource, Query, grade, hunt, write_evidence
from exconn.cli import run
from exconn.errors import IncompleteResultError
from exconn.facts import Judgement
from exconn.facts.queries import MANY
from exconn.grading import Tie, TouchedConnector
from exconn.grading.radius import Clicks, new_names
from exconn.models import Alert
from exconn.simulate import Actor, Place, Tenant, between, mail_rows
from exconn.tables import TIME
from exconn.window import Window
from incidents import (
    ABROAD,
    AT,
    AUDIT,
    CLICKS,
    DAY,
    FAR_AWAY,
    HOUR,
    MAIL,
    change,
    clicks,
    deed,
    graded,
    honest,
    mail,
    rng,
    source,
    strangers,
)
from sight import unseen

APP = Actor.application("7c1f3d53-2c1a-4f6e-8f8d-3f1c5b6a9d10", "Mail sync")
ENABLED = {"Enabled": "True"}
WINDOW = Window(AT)
EVIL = "evil.example"
SAFE = f"x@{honest().accepted_domains[0]}"


def untouched() -> Tenant:
    """The honest tenant without changes of connectors."""
    tenant = honest()
    audit = tenant.frames[AUDIT].filter(~pl.col("ActionType").str.ends_with("Connector"))
    return evolve(tenant, frames={**tenant.frames, AUDIT: audit})


def clicked(tenant: Tenant, frame: pl.DataFrame, **replaced: pl.DataFrame | None) -> Grade:
    name = tenant.connector("quiet").name
    return grade(source(tenant, **{CLICKS: frame, **replaced}), Alert(connector=name, timestamp=AT))


# Other connectors


def ties(tenant: Tenant) -> dict[str, tuple[Tie, ...]]:
    """What ties each other connector, by its role, to the quiet one."""
    roles = {connector.name: connector.role for connector in tenant.connectors}
    found = graded(tenant).radius.connectors
    assert found is not None
    return {roles[other.name]: other.ties for other in found}


def test_connectors_are_tied_by_who_changed_them_and_from_where() -> None:
    tenant = untouched()
    first, second = (Actor.person(person) for person in tenant.admins[:2])
    office = tenant.admins[0].office
    elsewhere = Place("ZZ", "", "", ("203.0.113.78",))
    tenant = change(tenant, ENABLED, actor=first, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "relay", actor=first, place=office)
    tenant = change(tenant, ENABLED, "billing", actor=second, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "gateway", actor=first, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "marketing", actor=second, place=elsewhere)
    assert ties(tenant) == {
        "relay": (Tie.ACTOR,),
        "billing": (Tie.ADDRESS,),
        "gateway": (Tie.ACTOR, Tie.ADDRESS),
    }


def test_an_account_is_known_by_its_object_id_and_its_upn() -> None:
    tenant = untouched()
    whole = Actor.person(tenant.admins[0])
    nameless = evolve(whole, object_id="", account_id="")
    tenant = change(tenant, ENABLED, actor=whole, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "relay", actor=nameless, place=None)
    assert ties(tenant) == {"relay": (Tie.ACTOR,)}


def test_an_application_ties_connectors_as_such() -> None:
    tenant = change(untouched(), ENABLED, actor=APP, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "relay", actor=APP, place=tenant.admins[0].office)
    assert ties(tenant) == {"relay": (Tie.APPLICATION,)}


def test_only_changes_that_took_effect_in_the_window_touch() -> None:
    tenant = change(untouched(), ENABLED, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "relay", at=WINDOW.start - HOUR, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "billing", result="False", place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "gateway", actor=Actor.system(), place=FAR_AWAY)
    tenant = deed(tenant, "Set-InboundConnector", {"Comment": "of none"}, place=FAR_AWAY)
    assert ties(tenant) == {}


def test_the_first_instant_of_the_window_belongs_to_it_and_its_end_does_not() -> None:
    tenant = change(untouched(), ENABLED, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "relay", at=WINDOW.start, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "billing", at=WINDOW.end, place=FAR_AWAY)
    assert set(ties(tenant)) == {"relay"}


def test_changes_without_address_have_no_address_in_common() -> None:
    first, second = (Actor.person(person) for person in untouched().admins[:2])
    tenant = change(untouched(), ENABLED, actor=first, blank=True)
    assert ties(change(tenant, ENABLED, "relay", actor=second, blank=True)) == {}


def test_a_change_that_failed_ties_nothing() -> None:
    tenant = change(untouched(), ENABLED, place=FAR_AWAY, result="False")
    assert ties(change(tenant, ENABLED, "relay", place=FAR_AWAY)) == {}


def test_a_touched_connector_says_how_often_and_when() -> None:
    tenant = change(untouched(), ENABLED, place=FAR_AWAY)
    for hours in (5, 9, 7):
        tenant = change(tenant, ENABLED, "relay", at=AT - hours * HOUR, place=FAR_AWAY)
    expected = TouchedConnector(
        tenant.connector("relay").name,
        (Tie.ACTOR, Tie.ADDRESS),
        3,
        AT - 9 * HOUR,
        AT - 5 * HOUR,
    )
    assert graded(tenant).radius.connectors == (expected,)
    (found,) = hunt_of(tenant, "quiet").radius.connectors or ()
    assert found == expected


def test_touched_connectors_stand_in_the_order_of_their_first_change() -> None:
    tenant = change(untouched(), ENABLED, place=FAR_AWAY)
    for role, hours in (("billing", 5), ("relay", 9), ("relay", 1), ("gateway", 7)):
        tenant = change(tenant, ENABLED, role, at=AT - hours * HOUR, place=FAR_AWAY)
    assert list(ties(tenant)) == ["relay", "gateway", "billing"]


def hunt_of(tenant: Tenant, role: str) -> Grade:
    name = tenant.connector(role).name
    return next(found for found in hunt(source(tenant), at=AT) if found.connector == name)


def test_hunt_asks_for_neither_mail_nor_clicks_and_says_so() -> None:
    found = hunt_of(untouched(), "quiet").radius
    assert found.connectors == ()
    assert found.mail is None
    assert found.clicks is None
    assert [told.partition(":")[0] for told in found.unknown] == ["other mail", "clicks"]


def test_without_an_audit_log_other_connectors_are_not_known() -> None:
    tenant = honest()
    name = tenant.connector("quiet").name
    found = grade(source(tenant, **{AUDIT: None}), Alert(connector=name, timestamp=AT)).radius
    assert found.connectors is None
    assert "other connectors: CloudAppEvents: there is no such table" in found.unknown


# Other mail


def others(tenant: Tenant, n: int = 5, *, start: datetime = AT, **columns: Any) -> Tenant:
    """Add mail from the attacker's address, by no connector, but for what is given."""
    given: dict[str, Any] = {
        "p1": "a@other.example",
        "recipients": f"staff@{tenant.accepted_domains[0]}",
        "sender_ipv4": ABROAD,
        **columns,
    }
    times = between(rng(), n, start, start + HOUR)
    return tenant.adding(MAIL, mail_rows(rng=rng(), times=times, **given))


def attack(tenant: Tenant, n: int = 20, **columns: Any) -> Tenant:
    """Add mail through the quiet connector from an address and a domain that are new to it."""
    given = {"p1": f"x@{EVIL}", "sender_ipv4": ABROAD, "sender_ipv6": ""}
    return mail(tenant, n=n, **{**given, **columns})


def similar(tenant: Tenant, **settings: Any) -> list[tuple[str, str, int, int]]:
    """What other mail is told by, by which connector, how much, and how much before."""
    found = graded(tenant, **settings).radius.mail
    assert found is not None
    return [
        (mail.address or mail.domain, mail.connector, mail.messages, mail.baseline_messages)
        for mail in found
    ]


def test_other_mail_is_that_from_the_new_addresses_and_domains() -> None:
    tenant = attack(honest())
    relay = tenant.connector("relay").name
    tenant = others(tenant, 7)
    tenant = others(tenant, 3, connector=relay.upper())
    tenant = others(tenant, 4, p1=f"y@{EVIL.upper()}", sender_ipv4="198.51.100.99")
    assert similar(tenant) == [(ABROAD, "", 7, 0), (EVIL, "", 4, 0), (ABROAD, relay, 3, 0)]


def test_mail_that_came_before_too_stands_behind() -> None:
    tenant = others(attack(honest()), 9, p1=f"y@{EVIL}", sender_ipv4="198.51.100.99")
    tenant = others(
        tenant, 6, p1=f"y@{EVIL}", sender_ipv4="198.51.100.99", start=WINDOW.start - 2 * DAY
    )
    assert similar(others(tenant, 2)) == [(ABROAD, "", 2, 0), (EVIL, "", 9, 6)]


def test_mail_of_the_baseline_alone_is_not_of_the_incident() -> None:
    assert similar(others(attack(honest()), start=WINDOW.start - DAY)) == []


def test_deliveries_and_times_are_those_of_the_window() -> None:
    own = honest().accepted_domains[0]
    staff = [[f"a@{own}", f"b@{own}"]] * 2
    tenant = others(attack(honest()), 2, recipients=staff)
    tenant = others(tenant, 2, recipients=staff, start=WINDOW.start)
    tenant = others(tenant, 2, recipients=staff, start=WINDOW.start - 2 * HOUR)
    (found,) = graded(tenant).radius.mail or ()
    assert (found.messages, found.deliveries, found.baseline_messages) == (4, 8, 2)
    assert WINDOW.start <= found.first < WINDOW.start + HOUR
    assert AT <= found.last < AT + HOUR


def test_what_the_connector_had_before_is_not_looked_for() -> None:
    tenant = honest()
    past = tenant.frames[MAIL].filter(
        pl.col("Connectors") == tenant.connector("quiet").name, pl.col("Timestamp") < WINDOW.start
    )
    row = past.row(0, named=True)
    p1, address = row["SenderMailFromAddress"], row["SenderIPv4"]
    tenant = attack(tenant, p1=p1, sender_ipv4=address)
    tenant = others(tenant, p1=p1, sender_ipv4=address)
    assert similar(tenant) == []
    created = change(tenant, ENABLED, operation="New-InboundConnector")
    assert (address, "", 5) in [known[:3] for known in similar(created)]


def test_what_came_in_the_first_hour_of_the_window_is_new() -> None:
    assert similar(others(attack(honest(), start=WINDOW.start), 2)) == [(ABROAD, "", 2, 0)]


def test_the_organisations_own_domains_and_gateways_are_not_looked_for() -> None:
    own = honest().accepted_domains[0]
    tenant = attack(honest(), p1=f"boss@mail.{own}")
    tenant = others(tenant, p1=f"x@mail.{own}", sender_ipv4="198.51.100.99")
    tenant = others(tenant, 2)
    assert similar(tenant) == [(ABROAD, "", 2, 0)]
    assert similar(tenant, context=Context(accepted_domains=(own,))) == [(ABROAD, "", 2, 0)]
    assert similar(tenant, context=Context(gateways=(f"{ABROAD}/24",))) == []


def test_where_no_domain_is_known_to_be_its_own_none_is_looked_for() -> None:
    tenant = attack(honest(), direction="Outbound")
    tenant = others(tenant, p1=f"x@{EVIL}", sender_ipv4="198.51.100.99")
    outgoing = tenant.frames[MAIL].with_columns(EmailDirection=pl.lit("Outbound"))
    tenant = evolve(tenant, frames={**tenant.frames, MAIL: outgoing})
    found = graded(tenant).radius
    assert found.mail is None
    assert any("own domains are not known" in told for told in found.unknown)
    context = Context(accepted_domains=tenant.accepted_domains)
    assert similar(tenant, context=context) == [(EVIL, "", 5, 0)]


def test_the_names_that_are_looked_for_are_bounded() -> None:
    many = [f"198.51.100.{i}" for i in range(70)]
    tenant = attack(honest(), n=2 * len(many), sender_ipv4=many * 2)
    tenant = attack(tenant, n=3, sender_ipv4=ABROAD)
    tenant = others(tenant, len(many), sender_ipv4=many)
    tenant = others(tenant, 1)
    found = similar(tenant)
    assert len(found) == 50
    assert (ABROAD, "", 1, 0) in found
    assert len({address for address, *_ in found}) == 50
    relay = tenant.connector("relay").name
    more = others(tenant, 2 * len(many), sender_ipv4=many * 2, connector=relay)
    assert len(similar(more)) == 50


def rows_of(*rows: tuple[datetime, str, int]) -> pl.DataFrame:
    schema = {"Hour": TIME, "Address": pl.String(), "Messages": pl.Int64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_new_names_are_those_of_the_window_that_the_own_past_has_not() -> None:
    start, end = WINDOW.start, WINDOW.end
    made = start - 9 * DAY + HOUR / 2
    judgement = Judgement("relay", WINDOW, created=made)
    rows = [
        (start, "first", 1),
        (end - HOUR, "last", 2),
        (start, "", 9),
        (start, "common", 2),
        (AT, "first", 1),
        (start, "known", 9),
        (start - HOUR, "known", 1),
        (start, "known from the first hour", 9),
        (made - HOUR / 2, "known from the first hour", 1),
        (made - 2 * HOUR, "last", 1),
        (end, "late", 9),
    ]
    assert new_names(rows_of(*rows), "Address", judgement) == (["common", "first", "last"], False)
    lumped = rows_of(*rows, (AT, MANY, 900))
    assert new_names(lumped, "Address", judgement) == (["common", "first", "last"], True)
    later = rows_of(*rows, (end, MANY, 900))
    assert new_names(later, "Address", judgement) == (["common", "first", "last"], False)
    before = rows_of(*rows, (start - HOUR, MANY, 900))
    assert new_names(before, "Address", judgement) == ([], True)


def test_addresses_that_are_too_many_to_tell_apart_are_not_taken_for_none() -> None:
    many = [f"198.51.{i // 100}.{i % 100}" for i in range(150)]
    found = graded(attack(honest(), n=150, sender_ipv4=many, p1=SAFE)).radius
    assert found.mail is None
    assert [told for told in found.unknown if told.startswith("other mail")] == [
        "other mail: the connector has hours with too many sending addresses to tell apart"
    ]


def test_names_that_are_too_many_to_tell_apart_are_not_taken_for_none() -> None:
    n = 600
    spread = [address.replace("info@", "x@") for address in strangers(n)]
    at_once = attack(honest(), n=n, p1=spread)
    found = graded(at_once).radius
    assert found.mail is None
    assert any("too many sender domains" in told for told in found.unknown)
    before = attack(at_once, n=n, p1=spread, start=WINDOW.start - 3 * DAY)
    later = others(attack(before), p1=f"x@{EVIL}", sender_ipv4="198.51.100.99")
    assert graded(later).radius.mail is None  # it may be one of those from before


def test_a_mail_log_without_addresses_cannot_tell_of_other_mail() -> None:
    tenant = honest()
    log = tenant.frames[MAIL].drop("SenderIPv4", "SenderIPv6")
    name = tenant.connector("quiet").name
    found = grade(source(tenant, **{MAIL: log}), Alert(connector=name, timestamp=AT)).radius
    assert found.mail is None
    assert "other mail: EmailEvents: lacks SenderIPv4, SenderIPv6" in found.unknown


# Clicks


def of_quiet(tenant: Tenant) -> pl.DataFrame:
    """The quiet connector's mail of the window, a row for each message."""
    name = tenant.connector("quiet").name
    own = tenant.frames[MAIL].filter(
        pl.col("Connectors") == name,
        pl.col("Timestamp") >= WINDOW.start,
        pl.col("Timestamp") < WINDOW.end,
    )
    return own.unique("NetworkMessageId", keep="first", maintain_order=True)


def background(tenant: Tenant) -> pl.DataFrame:
    """Clicks on mail that did not pass through the quiet connector, at all hours."""
    name = tenant.connector("quiet").name
    return clicks(tenant.frames[MAIL].filter(pl.col("Connectors") != name), "bob@own.example")


def test_who_clicked_is_told_by_the_messages_whatever_their_case() -> None:
    tenant = attack(honest())
    own = of_quiet(tenant)[:3]
    upper = own.with_columns(pl.col("NetworkMessageId").str.to_uppercase())
    again = pl.concat(
        [clicks(upper, "Ada@Own.example"), clicks(own, "ada@own.example"), background(tenant)]
    )
    found = clicked(tenant, again).radius.clicks
    assert found is not None
    assert (found.total, found.accounts) == (3, 1)
    assert {click.account for click in found.latest} == {"ada@own.example"}
    times = [click.time for click in found.latest]
    assert times == sorted(own["Timestamp"].dt.offset_by("1h"), reverse=True)
    assert {(click.action, click.clicked_through) for click in found.latest} == {
        ("ClickAllowed", True)
    }
    assert all(click.url.startswith("https://attacker.example/") for click in found.latest)


def test_clicks_up_to_seven_days_after_the_window_count() -> None:
    tenant = attack(honest())
    message = of_quiet(tenant)[:1]
    sent = message["Timestamp"].item()
    late = [WINDOW.end + 7 * DAY - sent + step for step in (-HOUR, HOUR)]
    found = clicked(tenant, pl.concat([clicks(message, after=after) for after in late]))
    assert found.radius.clicks is not None
    assert [click.time for click in found.radius.clicks.latest] == [sent + late[0]]


def test_a_click_without_message_belongs_to_no_mail() -> None:
    tenant = attack(honest())
    unnamed = tenant.frames[MAIL].with_columns(
        NetworkMessageId=pl.when(pl.col("SenderIPv4") == ABROAD)
        .then(pl.lit(""))
        .otherwise(pl.col("NetworkMessageId"))
    )
    nameless = clicks(of_quiet(tenant)[:1]).with_columns(NetworkMessageId=pl.lit(""))
    found = clicked(tenant, nameless, **{MAIL: unnamed}).radius
    assert found.clicks is None


def test_clicks_are_bounded_and_all_are_counted() -> None:
    tenant = attack(honest(), n=200 + 50)
    own = of_quiet(tenant)
    found = clicked(tenant, clicks(own)).radius.clicks
    assert found is not None
    assert found.total == own.height > 200
    assert len(found.latest) == 200
    last = own["Timestamp"].sort(descending=True)[200 - 1] + HOUR
    assert found.latest[-1].time == last


def test_no_click_is_known_where_the_table_is_there_in_full() -> None:
    tenant = attack(honest())
    found = clicked(tenant, background(tenant)).radius
    assert found.clicks is not None
    assert (found.clicks.total, found.clicks.latest) == (0, ())
    assert not any("clicks" in told for told in found.unknown)


@pytest.mark.parametrize("make", [None, "empty", "old", "nameless", "damaged"])
def test_a_table_that_cannot_tell_is_no_sign_that_nobody_clicked(make: str | None) -> None:
    tenant = attack(honest())
    whole = background(tenant)
    made: Mapping[str | None, tuple[pl.DataFrame | None, str]] = {
        None: (None, "there is no such table"),
        "empty": (whole.clear(), "no rows"),
        "old": (whole.filter(pl.col("Timestamp") < WINDOW.start), "no rows in the window"),
        "nameless": (whole.drop("NetworkMessageId"), "lacks NetworkMessageId"),
        "damaged": (whole.with_columns(Timestamp=pl.lit("yesterday")), "nothing reads as"),
    }
    frame, why = made[make]
    tables = source(tenant, **{CLICKS: frame})
    name = tenant.connector("quiet").name
    found = grade(tables, Alert(connector=name, timestamp=AT))
    assert found.radius.clicks is None
    (told,) = [told for told in found.radius.unknown if told.startswith("clicks: ")]
    assert why in told
    assert found.facts == graded(tenant).facts
    assert found.score == graded(tenant).score


def test_clicks_that_were_seen_are_told_though_others_may_be_missing() -> None:
    tenant = attack(honest())
    found = clicked(tenant, clicks(of_quiet(tenant)[:1])).radius
    assert found.clicks is not None
    assert found.clicks.total == 1
    assert any(told.startswith("clicks: UrlClickEvents: no rows from") for told in found.unknown)


def test_of_a_connector_without_mail_there_are_no_clicks_to_ask_for() -> None:
    tenant = untouched()
    removed = tenant.frames[MAIL].filter(pl.col("Connectors") != tenant.connector("quiet").name)
    tenant = change(evolve(tenant, frames={**tenant.frames, MAIL: removed}), ENABLED)
    found = clicked(tenant, background(tenant)).radius
    assert found.clicks == Clicks(total=0, accounts=0, latest=())
    name = tenant.connector("quiet").name
    nothing = grade(source(tenant, **{MAIL: None}), Alert(connector=name, timestamp=AT)).radius
    assert nothing.clicks is None
    assert "clicks: EmailEvents: there is no such table" in nothing.unknown


def test_a_window_up_to_the_end_of_time_has_no_room_for_later_clicks() -> None:
    tenant = attack(honest())
    after = datetime.max.replace(tzinfo=UTC) - AT - 2 * HOUR
    tables = source(tenant, **{CLICKS: clicks(of_quiet(tenant)[:2])})
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
    found = grade(tables, alert, window=Window(AT, after=after)).radius
    assert found.clicks is not None
    assert found.clicks.total == 2


# The whole


HOSTILE = "https://\x1b[31mevil\u202e.example/[bold]"


def far_reaching() -> tuple[Tenant, pl.DataFrame]:
    """An incident with other connectors, other mail and clicks."""
    tenant = change(attack(untouched()), ENABLED, place=FAR_AWAY)
    tenant = change(tenant, ENABLED, "relay", place=FAR_AWAY)
    tenant = others(tenant, 6)
    links = clicks(of_quiet(tenant)[:4], f"a{HOSTILE}@own.example")
    return tenant, links.with_columns(Url=pl.lit(HOSTILE))


def test_duplicates_and_other_orders_change_nothing() -> None:
    tenant, links = far_reaching()
    expected = clicked(tenant, links).radius
    twice = {name: pl.concat([frame.reverse(), frame]) for name, frame in tenant.frames.items()}
    assert clicked(tenant, pl.concat([links, links.reverse()]), **twice).radius == expected
    assert expected.connectors
    assert expected.mail
    assert expected.clicks


def test_a_folder_gives_the_same_and_the_terminal_shows_it_unharmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, links = far_reaching()
    write_evidence({**tenant.frames, CLICKS: links}, tmp_path)
    name = tenant.connector("quiet").name
    found = grade(ParquetSource(tmp_path), Alert(connector=name, timestamp=AT))
    assert found.radius == clicked(tenant, links).radius
    monkeypatch.setenv("COLUMNS", "120")
    asked = ["grade", str(tmp_path), "--connector", name, "--at", AT.isoformat()]
    assert run(asked) == 0
    out = capsys.readouterr().out
    section = out[out.index("Blast radius") : out.index("Recommended actions")]
    assert unseen(section.replace("\n", "")) == set()
    assert f"{tenant.connector('relay').name} (same actor, address)" in section
    assert f"{ABROAD} (6 messages)" in section
    assert "4 by 1 account: ahttps://\\u001b[31mevil\\u202e.example/[bold]@own.example" in section
    assert run([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["radius"]
    assert told == json.loads(found.to_json())["radius"]
    assert told["connectors"][0]["ties"] == ["actor", "address"]
    assert told["clicks"]["latest"][0]["url"] == HOSTILE


class Overrun(MemorySource):
    """A source that has more clicks than it can look through."""

    asked = 0

    def collect(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        if any(query.table.name == CLICKS for query in queries):
            self.asked += 1
            raise IncompleteResultError("the service", "too much")
        return super().collect(queries)


def test_clicks_are_asked_for_only_where_the_table_is_there_and_a_grade_does_without() -> None:
    tenant, links = far_reaching()
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
    lacking = Overrun(tenant.frames)
    assert grade(lacking, alert).radius.clicks is None
    assert lacking.asked == 0
    failing = Overrun({**tenant.frames, CLICKS: links})
    found = grade(failing, alert).radius
    assert failing.asked == 1
    assert found.clicks is None
    assert found.unknown[-1] == "clicks: the service: too much"
    assert found.mail
