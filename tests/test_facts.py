"""The facts of mail and changes against loops over rows in plain Python."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn.context import Context
from exconn.facts import FACTS, READS, Judgement, Unit, assess, survey
from exconn.facts.mail.volume import direct_facts
from exconn.facts.queries import bulk_senders, sender_hours
from exconn.models import Actor as Who
from exconn.models import ActorKind, ConnectorChange
from exconn.simulate import UNAUTHENTICATED, Actor, Place, Tenant
from exconn.sources import MemorySource
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS
from exconn.window import Period, Window
from incidents import (
    ABROAD,
    AT,
    AUDIT,
    DAY,
    END,
    HOUR,
    MAIL,
    acquaintances,
    change,
    graded,
    honest,
    mail,
    source,
    strangers,
)

Row = Mapping[str, Any]

NOON = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
WINDOW = Window(NOON)
COLUMNS = (
    "Timestamp",
    "Connectors",
    "NetworkMessageId",
    "RecipientEmailAddress",
    "SenderMailFromAddress",
    "SenderMailFromDomain",
    "SenderFromAddress",
    "SenderFromDomain",
    "SenderObjectId",
    "SenderIPv4",
    "SenderIPv6",
    "EmailDirection",
    "UrlCount",
    "AttachmentCount",
    "ThreatTypes",
    "DeliveryAction",
)
DOMAINS = ["own.example", "sub.own.example", "Other.example", "third.example", "notown.example", ""]

times = st.one_of(
    st.sampled_from(
        [
            WINDOW.baseline_start,
            WINDOW.baseline_start - timedelta(microseconds=1),
            WINDOW.start,
            WINDOW.start - timedelta(microseconds=1),
            WINDOW.end - timedelta(microseconds=1),
            WINDOW.end,
            NOON,
            NOON.replace(minute=0),
        ]
    ),
    st.integers(-40 * 24 * 4, 2 * 24 * 4).map(lambda quarter: NOON + quarter * HOUR / 4),
)
mails = st.fixed_dictionaries(
    {
        "Timestamp": times,
        "Connectors": st.sampled_from(["", "Relay", "RELAY", "Other", "relay;Other"]),
        "NetworkMessageId": st.sampled_from(["m1", "M1", "m2", "m3", "m4", "m5", "m6"]),
        "RecipientEmailAddress": st.sampled_from(
            [f"{box}@{domain}" if domain else box for box in "aB" for domain in DOMAINS]
        ),
        "SenderMailFromAddress": st.sampled_from(["x@own.example", "y@third.example", ""]),
        "SenderMailFromDomain": st.sampled_from(DOMAINS),
        "SenderFromAddress": st.sampled_from(["x@own.example", "X@own.example", "z@z.example"]),
        "SenderFromDomain": st.sampled_from(DOMAINS),
        "SenderObjectId": st.sampled_from(["", "id1", "ID1", "id2"]),
        "SenderIPv4": st.sampled_from(["", "192.0.2.1", "192.0.2.2"]),
        "SenderIPv6": st.sampled_from(["", "2001:db8::A", "2001:db8::a"]),
        "EmailDirection": st.sampled_from(["Inbound", "Outbound", "Intra-org", "outbound", ""]),
        "UrlCount": st.sampled_from([None, 0, 1]),
        "AttachmentCount": st.sampled_from([None, 0, 2]),
        "ThreatTypes": st.sampled_from(["", "Spam", "Phish", "Malware, Spam"]),
        "DeliveryAction": st.sampled_from(["Delivered", "junked", "Blocked", "Replaced", ""]),
    }
)


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    schema = {name: EMAIL_EVENTS.schema[name] for name in COLUMNS}
    return pl.DataFrame([[row[name] for name in COLUMNS] for row in rows], schema, orient="row")


def facts_of(
    rows: Sequence[Row], connector: str = "relay", context: Context | None = None
) -> dict[str, float | None]:
    found = survey(MemorySource({MAIL: frame(rows)}), WINDOW.period, context or Context())
    assessment = assess(found, [Judgement(connector, WINDOW)])
    return assessment.facts.row(0, named=True)


def under(domain: str, own: Collection[str]) -> bool:
    return any(domain == one or domain.endswith("." + one) for one in own)


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def times_of(rows: Iterable[Row]) -> list[datetime]:
    return [row["Timestamp"] for row in rows]


class Naive:
    """Every fact of mail, by loops over rows."""

    def __init__(self, rows: Sequence[Row], connector: str, context: Context) -> None:
        self.context = context
        dated = [self._read(row) for row in rows]
        self.rows = [row for row in dated if WINDOW.baseline_start <= row["Timestamp"] < WINDOW.end]
        self.mine = [row for row in self.rows if connector in row["names"]]
        first = min(row["Timestamp"] for row in dated)
        last = max(row["Timestamp"] for row in dated)
        self.days = max(0.0, (WINDOW.start - max(WINDOW.baseline_start, first)) / DAY)
        self.window_days = max(0.0, (min(WINDOW.end, last) - WINDOW.start) / DAY)
        self.enough = self.days >= 7
        self.inside = [row for row in self.mine if row["Timestamp"] >= WINDOW.start]
        self.past = [row for row in self.mine if row["Timestamp"] < WINDOW.start]
        self.own = self._own()

    @staticmethod
    def _read(row: Row) -> dict[str, Any]:
        value = row["Connectors"].lower()
        recipient = row["RecipientEmailAddress"].lower()
        return {
            **row,
            "value": value,
            "names": [name for name in value.split(";") if name],
            "hour": row["Timestamp"].replace(minute=0, second=0, microsecond=0),
            "id": row["NetworkMessageId"].lower(),
            "to": recipient,
            "to_domain": recipient.partition("@")[2],
            "P1": row["SenderMailFromDomain"].lower(),
            "P2": row["SenderFromDomain"].lower(),
            "address": row["SenderIPv4"] or row["SenderIPv6"].lower(),
            "direction": row["EmailDirection"].lower(),
            "delivery": row["DeliveryAction"].lower(),
        }

    def _own(self) -> set[str]:
        if self.context.accepted_domains:
            return set(self.context.accepted_domains)
        days: dict[str, set[object]] = {}
        for row in self.rows:
            if row["direction"] in ("inbound", "intra-org") and row["to_domain"]:
                days.setdefault(row["to_domain"], set()).add(row["Timestamp"].date())
        needed = min(3, len(set[object]().union(*days.values())))
        return {domain for domain, seen in days.items() if len(seen) >= needed}

    @staticmethod
    def count(rows: Iterable[Row], *by: str) -> int:
        return len({(row["value"], row["hour"], row["id"], *(row[b] for b in by)) for row in rows})

    def shares(self, condition: Callable[[Row], bool], *by: str) -> tuple[float | None, ...]:
        return tuple(
            share(self.count(filter(condition, rows), *by), self.count(rows, *by))
            for rows in (self.inside, self.past)
        )

    def new(self, by: str) -> float | None:
        if not self.enough or not self.past:
            return None
        known = {row[by] for row in self.past}
        unseen = [row for row in self.inside if row[by] not in known]
        return share(self.count(unseen, by), self.count(self.inside, by))

    def peak(self, rows: Sequence[Row]) -> int:
        hours = {row["hour"] for row in rows}
        return max((self.count(r for r in rows if r["hour"] == hour) for hour in hours), default=0)

    def foreign(self, domain: str) -> bool:
        return bool(domain) and not under(domain, self.own)

    def volume(self) -> dict[str, float | None]:
        messages, before = self.count(self.inside), self.count(self.past)
        hour = NOON.replace(minute=0)
        peak, past_peak = self.peak(self.inside), self.peak(self.past)
        daily = messages / max(self.window_days, 1) / max(before / max(self.days, 1), 1)
        return {
            "messages": messages,
            "messages_before": self.count(r for r in self.inside if r["hour"] < hour),
            "messages_after": self.count(r for r in self.inside if r["hour"] >= hour),
            "deliveries": self.count(self.inside, "to"),
            "active_hours": len({row["hour"] for row in self.inside}),
            "peak_hour_messages": peak,
            "baseline_days": self.days,
            "baseline_messages": before,
            "baseline_peak_hour": past_peak if self.enough else None,
            "peak_ratio": peak / max(past_peak, 1) if self.enough else None,
            "daily_ratio": daily if self.enough else None,
        }

    def marks(self) -> dict[str, float | None]:
        def malicious(row: Row) -> bool:
            return "phish" in row["ThreatTypes"].lower() or "malware" in row["ThreatTypes"].lower()

        def mismatch(row: Row) -> bool:
            p1, p2 = row["P1"], row["P2"]
            return bool(p1 and p2) and not under(p1, [p2]) and not under(p2, [p1])

        conditions: dict[str, Callable[[Row], bool]] = {
            "mismatch": mismatch,
            "no_sender_id": lambda row: row["SenderObjectId"] == "",
            "outbound": lambda row: row["direction"] == "outbound",
            "url": lambda row: (row["UrlCount"] or 0) > 0,
            "attachment": lambda row: (row["AttachmentCount"] or 0) > 0,
            "threat": lambda row: row["ThreatTypes"] != "",
            "malicious": malicious,
            "junk": lambda row: row["delivery"] in ("junked", "blocked", "replaced"),
        }
        found: dict[str, float | None] = {}
        for name, condition in conditions.items():
            found[f"{name}_share"], found[f"baseline_{name}_share"] = self.shares(condition)
        return found

    def senders(self) -> dict[str, float | None]:
        def unaccepted(row: Row) -> bool:
            return self.foreign(row["P2"])

        foreign = self.shares(unaccepted, "P1", "P2") if self.own else (None, None)
        gateways = self.context.gateways
        return {
            "addresses": len({row["address"] for row in self.inside} - {""}),
            "new_address_share": self.new("address"),
            "gateway_share": self.shares(lambda row: row["address"] in gateways, "address")[0],
            "new_envelope_domain_share": self.new_of_pair("P1"),
            "new_header_domain_share": self.new_of_pair("P2"),
            "unaccepted_sender_share": foreign[0],
            "baseline_unaccepted_sender_share": foreign[1],
        }

    def new_of_pair(self, by: str) -> float | None:
        if not self.enough or not self.past:
            return None
        known = {row[by] for row in self.past}
        unseen = [row for row in self.inside if row[by] not in known]
        return share(self.count(unseen, "P1", "P2"), self.count(self.inside, "P1", "P2"))

    def recipients(self) -> dict[str, float | None]:
        def external(row: Row) -> bool:
            return self.foreign(row["to_domain"])

        met = {
            row["to_domain"]
            for row in self.rows
            if row["direction"] == "outbound" and row["Timestamp"] < WINDOW.start
        }
        own_past = {row["to_domain"] for row in self.past}
        known = bool(self.own)
        enough = self.enough and known
        shares = self.shares(external, "to") if known else (None, None)
        outside = [row for row in self.inside if external(row)]
        whole = self.count(self.inside, "to")
        unknown = [row for row in outside if row["to_domain"] not in met]
        acquainted = [
            row for row in outside if row["to_domain"] in met and row["to_domain"] not in own_past
        ]
        partners = self.context.partners
        return {
            "external_share": shares[0],
            "baseline_external_share": shares[1],
            "external_domains": len({row["to_domain"] for row in outside}) if known else None,
            "unknown_domains": len({row["to_domain"] for row in unknown}) if enough else None,
            "unknown_recipient_share": share(self.count(unknown, "to"), whole) if enough else None,
            "acquaintance_share": share(self.count(acquainted, "to"), whole) if enough else None,
            "partner_share": self.shares(lambda row: under(row["to_domain"], partners), "to")[0],
        }

    def facts(self) -> dict[str, float | None]:
        return self.volume() | self.marks() | self.senders() | self.recipients()


def check(rows: Sequence[Row], context: Context) -> None:
    found = facts_of(rows, context=context)
    expected = Naive(rows, "relay", context).facts()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


MARK = dict.fromkeys(COLUMNS, "") | {"UrlCount": None, "AttachmentCount": None}
ANCIENT = NOON - 50 * DAY
"""Before the baseline: all of it is then known."""


def beats(since: datetime) -> list[Row]:
    """Rows that say nothing but that the mail log goes on, until the alert."""
    return [MARK | {"Timestamp": since + n * 6 * HOUR} for n in range((NOON - since) // (6 * HOUR))]


@given(st.lists(mails, min_size=1, max_size=30))
def test_mail_facts_are_those_that_loops_over_rows_find(rows: list[Row]) -> None:
    own = MARK | {"Connectors": "Relay", "Timestamp": NOON - HOUR}
    check([*rows, own, *beats(ANCIENT)], Context())


@given(st.lists(mails, min_size=1, max_size=20))
def test_mail_facts_are_right_where_the_data_begins_anywhere(rows: list[Row]) -> None:
    known = [*rows, MARK | {"Connectors": "Relay", "Timestamp": NOON - HOUR}]
    check([*known, *beats(min(times_of(known)))], Context())


@given(st.lists(mails, min_size=1, max_size=30), st.integers(0, 7 * 24 * 4 - 1))
def test_mail_since_a_change_is_compared_with_mail_before_it(rows: list[Row], at: int) -> None:
    own = MARK | {"Connectors": "Relay", "Timestamp": NOON - HOUR}
    known = [*rows, own, *beats(ANCIENT)]
    when = WINDOW.start + at * HOUR / 4
    made = ConnectorChange(
        timestamp=when,
        operation="Set-InboundConnector",
        actor=Who(id="a", kind=ActorKind.PERSON),
        parameters={"Identity": "Relay", "RequireTls": "False"},
    )
    audit = ConnectorChange.to_frame([made])
    found = survey(MemorySource({MAIL: frame(known), AUDIT: audit}), WINDOW.period, Context())
    facts = assess(found, [Judgement("relay", WINDOW)]).facts.row(0, named=True)
    naive = Naive(known, "relay", Context())
    hour = when.replace(minute=0)
    since = [row for row in naive.inside if row["hour"] >= hour]
    before = [row for row in naive.mine if row["hour"] < hour]
    days = (hour - WINDOW.start) / DAY
    expected = {
        "peak_since_change": naive.peak(since),
        "peak_before_change": naive.peak(before),
        "daily_since_change": naive.count(since) / max(naive.window_days - days, 1),
        "daily_before_change": naive.count(before) / max(naive.days + days, 1),
    }
    assert {name: facts[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(("hole", "days"), [(DAY / 2, 30.0), (3 * DAY, 12.0), (17 * DAY, 12.0)])
def test_of_the_past_only_what_follows_a_hole_in_the_mail_log_is_known(
    hole: timedelta, days: float
) -> None:
    ends = WINDOW.start - 12 * DAY
    own = MARK | {"Connectors": "Relay", "Timestamp": NOON - HOUR}
    whole = [*beats(ANCIENT), MARK | {"Timestamp": ends}]
    rows = [row for row in whole if not ends - hole < row["Timestamp"] < ends]
    assert facts_of([*rows, own])["baseline_days"] == pytest.approx(days)


@given(st.lists(mails, min_size=1, max_size=20))
def test_mail_facts_heed_the_context(rows: list[Row]) -> None:
    context = Context(
        accepted_domains=["OWN.example"],
        partners=["third.example"],
        gateways=["192.0.2.1", "192.0.2.2/32"],
    )
    own = MARK | {"Connectors": "Relay", "Timestamp": NOON - HOUR}
    known = [*rows, own, *beats(ANCIENT)]
    found = facts_of(known, context=context)
    as_addresses = Context(
        accepted_domains=["own.example"],
        partners=["third.example"],
        gateways=["192.0.2.1", "192.0.2.2"],
    )
    for name, value in Naive(known, "relay", as_addresses).facts().items():
        assert found[name] == pytest.approx(value), name


@given(st.lists(mails, min_size=1, max_size=40))
def test_senders_over_a_threshold_are_counted_in_distinct_messages(rows: list[Row]) -> None:
    source = MemorySource({MAIL: frame(rows)})
    everything = Period(NOON - 60 * DAY, NOON + 60 * DAY)
    through: dict[tuple[object, ...], set[str]] = {}
    outside: dict[tuple[object, ...], set[str]] = {}
    for row in rows:
        hour = row["Timestamp"].replace(minute=0, second=0, microsecond=0)
        value = row["Connectors"].lower()
        who = (row["SenderObjectId"].lower(), row["SenderFromAddress"].lower())
        message = row["NetworkMessageId"].lower()
        if value:
            through.setdefault((value, hour, *who), set()).add(message)
        if row["EmailDirection"].lower() == "outbound":
            p1 = row["SenderMailFromAddress"].lower()
            outside.setdefault((value, hour, *who, p1), set()).add(message)
    at_least = sender_hours(everything, threshold=2).collect(source)
    more_than = bulk_senders(everything, threshold=1).collect(source)
    assert Counter(at_least.rows()) == Counter(
        (*key, len(ids)) for key, ids in through.items() if len(ids) >= 2
    )
    assert Counter(more_than.rows()) == Counter(
        (*key, len(ids)) for key, ids in outside.items() if len(ids) > 1
    )


def test_a_sender_counts_from_a_hundred_messages_in_one_hour_of_the_clock() -> None:
    hour = AT.replace(minute=0, second=0, microsecond=0)
    for n, span, expected in ((99, HOUR / 2, 0), (100, HOUR / 2, 1), (150, 2 * HOUR, 0)):
        found = graded(mail(honest(), n=n, start=hour, span=span, p2="one@x.example"))
        assert found.facts["sender_hours_over_threshold"] == expected, n


def test_who_else_sends_in_bulk_counts_other_ways_out_only() -> None:
    tenant = honest()
    by_other = mail(tenant, "billing", n=101, p1="bulk@x.example", direction="Outbound")
    assert graded(by_other).facts["other_bulk_senders"] == 1
    assert graded(by_other, "billing").facts["other_bulk_senders"] == 0
    just_under = mail(tenant, "billing", n=100, p1="bulk@x.example", direction="Outbound")
    assert graded(just_under).facts["other_bulk_senders"] == 0


def test_domains_are_inferred_from_recipients_and_never_from_senders() -> None:
    rows = [
        MARK
        | {
            "Timestamp": NOON - day * DAY,
            "Connectors": "Relay",
            "NetworkMessageId": f"m{day}",
            "EmailDirection": "Inbound",
            "SenderFromDomain": "attacker.example",
            "SenderMailFromDomain": "attacker.example",
            "RecipientEmailAddress": "a@own.example",
        }
        for day in range(12)
    ]
    stray = rows[0] | {"RecipientEmailAddress": "a@stray.example", "NetworkMessageId": "s"}
    found = facts_of([*rows, stray])
    assert found["unaccepted_sender_share"] == 1
    assert found["external_domains"] == 1  # seen on one day only: not the tenant's


@pytest.mark.parametrize(
    ("created", "days"), [(None, 30.0), (NOON - 18 * DAY, 10.98), (NOON - 2 * DAY, 0.0)]
)
def test_the_own_past_begins_with_the_last_creation(created: datetime | None, days: float) -> None:
    rows = [
        MARK
        | {
            "Timestamp": NOON - hours * HOUR,
            "Connectors": "Relay",
            "NetworkMessageId": f"m{hours}",
            "EmailDirection": "Inbound",
            "RecipientEmailAddress": "a@own.example",
        }
        for hours in range(0, 45 * 24, 3)
    ]
    found = survey(MemorySource({MAIL: frame(rows)}), WINDOW.period, Context())
    facts = assess(found, [Judgement("relay", WINDOW, created)]).facts.row(0, named=True)
    own_start = max(WINDOW.baseline_start, created or WINDOW.baseline_start)
    own_hour = own_start.replace(minute=0, second=0, microsecond=0)
    past = [time for time in times_of(rows) if own_hour <= time < WINDOW.start]
    assert facts["baseline_messages"] == len(past)
    assert facts["baseline_days"] == pytest.approx(days, abs=0.03)
    assert (facts["peak_ratio"] is None) == (days < 7)


@pytest.mark.parametrize(
    ("hours", "after", "before"),
    [(-73, 0, 0), (-71, 0, 1), (0, 0, 1), (1, 0, 0)],
)
def test_changes_count_as_before_the_peak_for_72_hours(
    hours: float, after: int, before: int
) -> None:
    peak = AT.replace(minute=0, second=0, microsecond=0)
    blasted = mail(honest(), start=peak, span=HOUR / 2)
    changed = change(blasted, {"Comment": "x"}, at=peak + hours * HOUR)
    found = graded(changed)
    assert found.facts["changes_before_peak"] == before
    assert found.facts["removals_after_mail"] == after


@pytest.mark.parametrize(("hours", "after"), [(-1, 0), (0, 1), (1, 1), (-0.01, 0)])
def test_removals_count_as_after_the_mail_and_never_as_before_it(hours: float, after: int) -> None:
    peak = AT.replace(minute=0, second=0, microsecond=0)
    blasted = mail(honest(), start=peak, span=HOUR / 2)
    removed = change(blasted, {}, operation="Remove-InboundConnector", at=peak + hours * HOUR)
    found = graded(removed)
    assert found.facts["removals_after_mail"] == after
    assert found.facts["changes_before_peak"] == 0


def test_a_removal_two_days_after_the_peak_no_longer_belongs_to_it() -> None:
    peak = (AT - 3 * DAY).replace(minute=0, second=0, microsecond=0)
    blasted = mail(honest(), start=peak, span=HOUR / 2)
    for hours, expected in ((47.9, 1), (48, 0)):
        removed = change(blasted, {}, operation="Remove-InboundConnector", at=peak + hours * HOUR)
        assert graded(removed).facts["removals_after_mail"] == expected


def test_failed_and_service_changes_are_told_apart_and_do_not_count() -> None:
    failed = change(honest(), {"SenderDomains": "smtp:*;1"}, result="False")
    by_service = change(failed, {"Comment": "x"}, actor=Actor.system(), at=AT - HOUR)
    found = graded(by_service)
    counted = ("changes", "modified", "catch_all", "failed_changes", "system_changes")
    assert [found.facts[name] for name in counted] == [0, 0, 0, 1, 1]
    assert len(found.evidence.changes) == 2


def test_duplicated_audit_records_count_once() -> None:
    changed = change(honest(), {"SenderDomains": "smtp:*;1"})
    again = changed.adding(AUDIT, changed.frames[AUDIT])
    assert graded(again).facts == graded(changed).facts


@pytest.mark.parametrize(
    ("parameters", "fact", "counts"),
    [
        ({"SenderDomains": "smtp:*;1"}, "catch_all", 1),
        ({"SenderDomains": "{smtp:*;1, smtp:x.example;1}"}, "catch_all", 1),
        ({"SenderDomains": "smtp:*.x.example;1"}, "catch_all", 0),
        ({"RequireTls": "$false"}, "no_tls", 1),
        ({"RequireTls": "True"}, "no_tls", 0),
        ({"RestrictDomainsToIPAddresses": "False"}, "unrestricted", 1),
        (
            {"RestrictDomainsToIPAddresses": "False", "RestrictDomainsToCertificate": "True"},
            "unrestricted",
            0,
        ),
        ({"Comment": "x"}, "unrestricted", 0),
        ({"CloudServicesMailEnabled": "True"}, "trusted_headers", 1),
        (
            {"CloudServicesMailEnabled": "True", "ConnectorSource": "HybridWizard"},
            "trusted_headers",
            0,
        ),
        ({"TreatMessagesAsInternal": "True"}, "filtering_bypassed", 1),
        ({"EFSkipIPs": "203.0.113.7"}, "filtering_bypassed", 1),
        ({"EFSkipLastIP": "False"}, "filtering_bypassed", 0),
        ({"SenderIPAddresses": "203.0.113.7"}, "new_addresses", 1),
        ({"Enabled": "True"}, "enabled", 1),
        ({"Enabled": "False"}, "enabled", 0),
        ({"Comment": "x"}, "enabled", 0),
    ],
)
def test_settings_are_read_from_the_parameters_that_were_passed(
    parameters: dict[str, str], fact: str, counts: int
) -> None:
    assert graded(change(honest(), parameters)).facts[fact] == counts


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"TlsSenderCertificateName": "mail.OWN"}, 1),
        ({"TlsSenderCertificateName": "*.own", "RequireTls": "True", "Comment": "x"}, 1),
        ({"TlsSenderCertificateName": "own.attacker.example"}, 0),
        ({"TlsSenderCertificateName": "notown"}, 0),
        ({"TlsSenderCertificateName": "mail.own", "RequireTls": "False"}, 0),
        ({"TlsSenderCertificateName": "mail.own", "SenderDomains": "smtp:*;1"}, 0),
        ({"Comment": "mail.own"}, 0),
    ],
)
def test_a_certificate_is_the_tenants_own_by_its_name(
    settings: dict[str, str], counts: int
) -> None:
    own = honest().accepted_domains[0]
    named = {name: value.lower().replace("own", own) for name, value in settings.items()}
    assert graded(change(honest(), named)).facts["own_certificates"] == counts


def test_what_new_addresses_send_is_authenticated_or_not_by_itself() -> None:
    def of(tenant: Tenant) -> float | None:
        return graded(tenant).facts["fresh_address_authenticated_share"]

    spread: dict[str, Any] = {"start": AT - 10 * HOUR, "span": 30 * HOUR, "sender_ipv4": ABROAD}
    moved = mail(honest(), n=60, **spread)
    assert of(honest()) == 0
    assert of(moved) == 1
    # As many again would be the same messages again.
    assert of(mail(moved, n=90, authentication=UNAUTHENTICATED, **spread)) == pytest.approx(0.4)


def test_a_domain_that_wrote_here_counts_as_known_where_somebody_here_wrote_to_it() -> None:
    people = [person.upn for person in honest().people]

    def of(senders: Sequence[str], **columns: Any) -> float | None:
        recipients = [people[number % len(people)] for number in range(len(senders))]
        given: dict[str, Any] = {"p1": senders, "p2": senders, "recipients": recipients}
        sent = mail(honest(), n=len(senders), **{"direction": "Inbound", **given, **columns})
        return graded(sent).facts["fresh_known_domains"]

    known = sorted(set(acquaintances(honest(), 40)))
    assert len(known) > 10
    assert of([*known, *known]) == len(known)
    assert of(known, authentication=UNAUTHENTICATED) == 0
    assert of(known, direction="Outbound") == 0
    assert of(strangers(30)) == 0


def test_the_changers_addresses_are_those_of_the_change_and_of_their_sign_ins() -> None:
    opens = {"SenderDomains": "smtp:*;1"}
    admin = honest().admins[0]
    office = admin.office.addresses[0]

    def of(tenant: Tenant, address: str) -> float | None:
        sent = mail(tenant, sender_ipv4=address, n=60)
        facts = graded(sent).facts
        assert facts["fresh_address_messages"] == 60
        share = facts["changer_address_share"]
        return share and round(share * (facts["messages"] or 0))

    elsewhere = Place("DE", "Berlin", "Example Telecom", (ABROAD,))
    changed = change(honest(), opens, place=elsewhere)
    assert of(changed, ABROAD) == 60
    assert of(changed, office) == 60
    assert of(changed, "198.51.100.200") == 0
    assert of(change(honest(), {"Comment": "x"}), office) == 0
    nobody = Actor.application("7c1f3d53-2c1a-4f6e-8f8d-3f1c5b6a9d10", "Mail sync")
    assert of(change(honest(), opens, actor=nobody, blank=True), office) is None


def test_the_changers_addresses_do_not_count_where_the_connector_had_them_before() -> None:
    relay = honest().connector("quiet").addresses[0]
    place = Place("DE", "Berlin", "Example Telecom", (relay,))
    found = graded(mail(change(honest(), {"SenderDomains": "smtp:*;1"}, place=place), n=60))
    assert found.facts["changer_address_share"] == 0


def test_every_change_is_of_the_connector_that_it_names() -> None:
    tenant = honest()
    changes = ConnectorChange.from_frame(tenant.frames[AUDIT])
    at = END - DAY
    window = Window(at)
    for connector in tenant.connectors:
        mine = [
            change
            for change in changes
            if change.connector == connector.name and window.start <= change.timestamp < window.end
        ]
        assert graded(tenant, connector.role, at=at).facts["changes"] == len(mine)


def test_facts_are_documented_and_rest_on_known_columns() -> None:
    tables = {t.name: t for t in (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)}
    names = [fact.name for fact in FACTS]
    assert len(names) == len(set(names))
    for fact in FACTS:
        assert fact.name.isidentifier()
        assert fact.name.islower()
        assert isinstance(fact.unit, Unit)
        assert fact.about[0].isupper()
        assert fact.about.endswith(".")
        assert fact.reads
        for table, column in fact.reads:
            assert column in tables[table].schema
        assert all((table, "Timestamp") in fact.reads for table in fact.tables)
    assert set().union(*(fact.reads for fact in FACTS)) == READS


def test_a_fact_without_a_word_in_the_data_is_null_and_not_zero() -> None:
    found = graded(honest())
    assert all(value is not None for value in found.facts.values())
    without_mail = source(honest(), EmailEvents=None)
    rest = survey(without_mail, None, Context())
    assessment = assess(rest, [rest.judgement(rest.connectors[0], Window(AT))])
    facts = assessment.facts.row(0, named=True)
    for fact in FACTS:
        assert (facts[fact.name] is None) == (MAIL in fact.tables), fact.name


@pytest.mark.parametrize(("known", "enough"), [(30.0, True), (7.0, True), (6.9, False)])
def test_mail_that_came_straight_in_is_counted_by_days(
    known: float,
    enough: bool,  # noqa: FBT001 - a parameter
) -> None:
    first = WINDOW.baseline_start.replace(hour=0) - DAY
    days = [first + n * DAY for n in range((WINDOW.end - first) // DAY + 3)]
    straight = [1.001**n for n in range(len(days))]  # any other choice of days has another sum
    counts = pl.DataFrame({"Day": days * 2, "Direct": straight * 2})
    judged = pl.DataFrame(
        {
            "Connector": ["relay"],
            "At": [WINDOW.at],
            "BaselineStart": [WINDOW.baseline_start],
            "Start": [WINDOW.start],
            "End": [WINDOW.end],
            "TenantDays": [known],
        }
    )
    found = direct_facts(counts, judged).row(0, named=True)
    midnight, last = WINDOW.start.replace(hour=0), WINDOW.end.replace(hour=0)
    pairs = list(zip(days, straight, strict=True))
    inside = 2 * sum(n for day, n in pairs if midnight <= day < last)
    past = 2 * sum(n for day, n in pairs if WINDOW.baseline_start <= day < midnight) / known
    assert found["direct_messages"] == pytest.approx(inside, rel=1e-9)
    assert found["baseline_direct_daily"] == (pytest.approx(past) if enough else None)
