"""Failures before successes, and unusual places, against loops over sign-ins."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn.facts import Judgement
from exconn.facts.bursts import bursts, slow_sequences
from exconn.facts.logons import Logons
from exconn.facts.queries import logon_addresses, logon_seconds
from exconn.grading import grade
from exconn.models import Actor, ActorKind, Alert, ConnectorChange
from exconn.simulate import Tenant
from exconn.sources import MemorySource
from exconn.tables import IDENTITY_LOGON_EVENTS
from exconn.window import Period, Window
from incidents import (
    AT,
    DAY,
    FAR_AWAY,
    HOUR,
    LOGONS,
    burst,
    change,
    graded,
    honest,
    nearby,
    sign_in,
    slow,
    source,
)

# A minute before midnight: minutes, hours and days all change in what follows.
BASE = datetime(2026, 3, 19, 23, 59, tzinfo=UTC)
EVERYTHING = Period(BASE - 40 * DAY, BASE + 40 * DAY)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
FEW = 3


class SignIn(NamedTuple):
    time: datetime
    succeeded: bool
    account: str = "anna@own.example"
    isp: str = "Isp"
    application: str = "Microsoft 365"
    address: str = "192.0.2.1"

    def row(self, number: int) -> tuple[object, ...]:
        action = "LogonSuccess" if self.succeeded else "LogonFailed"
        where = (self.isp, self.application, self.address)
        return (self.time, action, "", self.account, *where, f"r{number}")


ROW = (
    "Timestamp",
    "ActionType",
    "AccountObjectId",
    "AccountUpn",
    "ISP",
    "Application",
    "IPAddress",
    "ReportId",
)


def frame(logons: Sequence[SignIn]) -> pl.DataFrame:
    schema = {name: IDENTITY_LOGON_EVENTS.schema[name] for name in ROW}
    rows = [logon.row(number) for number, logon in enumerate(logons)]
    return pl.DataFrame(rows, schema, orient="row")


def accounts(logons: Sequence[SignIn]) -> list[str]:
    return [logon.account for logon in logons]


def found_bursts(logons: Sequence[SignIn], failures: int = FEW) -> set[tuple[object, ...]]:
    query = logon_seconds(EVERYTHING, accounts(logons))
    seconds = query.collect(MemorySource({LOGONS: frame(logons)}))
    rows = bursts(seconds.with_columns(Account="Upn"), failures=failures)
    return set(rows.select("Account", "ISP", "Application", "Failures", "Success").rows())


def naive_bursts(logons: Sequence[SignIn], failures: int = FEW) -> Iterator[tuple[object, ...]]:
    """For each success: the latest second of the ten before it that ends a dense minute."""
    for success in (logon for logon in logons if logon.succeeded):
        who = success.account.lower(), success.isp.lower(), success.application.lower()
        at = success.time.replace(microsecond=0)
        failed = [
            logon.time.replace(microsecond=0)
            for logon in logons
            if not logon.succeeded
            and (logon.account.lower(), logon.isp.lower(), logon.application.lower()) == who
        ]
        for second in sorted(set(failed), reverse=True):
            within = sum(second - 60 * SECOND < other <= second for other in failed)
            if timedelta() <= at - second <= 10 * SECOND and within > failures:
                yield (*who, within, at)
                break


names = st.sampled_from(["anna@own.example", "ANNA@own.example", "bert@own.example"])
sign_ins = st.builds(
    SignIn,
    st.floats(0, 200, width=16).map(lambda seconds: BASE + seconds * SECOND),
    st.sampled_from([False, False, False, True]),
    names,
    st.sampled_from(["Isp", "ISP", "Other"]),
    st.sampled_from(["Microsoft 365"]),
)


@given(st.lists(sign_ins, max_size=60))
def test_bursts_are_those_that_loops_over_sign_ins_find(logons: list[SignIn]) -> None:
    assert found_bursts(logons) == set(naive_bursts(logons))


@pytest.mark.parametrize("start", range(0, 120, 7))
@pytest.mark.parametrize(
    ("span", "gap", "n", "is_burst"),
    [
        (59, 10, 101, True),
        (59, 11, 101, False),
        (59, 10, 100, False),
        (60, 10, 101, False),
        (0, 0, 101, True),
    ],
)
def test_the_minute_slides_whatever_the_clock_says(
    *, start: int, span: int, gap: int, n: int, is_burst: bool
) -> None:
    first = BASE + start * SECOND
    failures = [SignIn(first + SECOND * (span * i // (n - 1)), succeeded=False) for i in range(n)]
    success = SignIn(first + SECOND * (span + gap), succeeded=True)
    assert bool(found_bursts([*failures, success], failures=100)) is is_burst


def test_a_success_before_the_burst_is_none_after_it() -> None:
    failures = [SignIn(BASE + i * SECOND, succeeded=False) for i in range(20)]
    assert not found_bursts([SignIn(BASE - SECOND, succeeded=True), *failures])


def found_slow(logons: Sequence[SignIn], failures: int = FEW) -> set[tuple[object, ...]]:
    query = logon_addresses(EVERYTHING, accounts(logons))
    rows = query.collect(MemorySource({LOGONS: frame(logons)}))
    found = slow_sequences(rows.with_columns(Account="Upn"), failures=failures)
    return set(found.select("Account", "Address", "Failures", "Success").rows())


def naive_slow(logons: Sequence[SignIn], failures: int = FEW) -> set[tuple[object, ...]]:
    found: dict[tuple[object, ...], tuple[int, datetime]] = {}
    for success in sorted(logon for logon in logons if logon.succeeded):
        who = success.account.lower(), success.address
        minute = success.time.replace(second=0, microsecond=0)
        before = sum(
            not logon.succeeded
            and (logon.account.lower(), logon.address) == who
            and minute - DAY < logon.time.replace(second=0, microsecond=0) <= minute
            for logon in logons
        )
        if before >= failures and success.address:
            hour = minute.replace(minute=0)
            found.setdefault((*who, hour), (before, success.time))
    return {(*key[:2], *value) for key, value in found.items()}


slow_sign_ins = st.builds(
    SignIn,
    st.integers(0, 30 * 12).map(lambda fifths: BASE + fifths * 5 * MINUTE),
    st.sampled_from([False, False, True]),
    names,
    st.just("Isp"),
    st.just("Microsoft 365"),
    st.sampled_from(["192.0.2.1", "192.0.2.2", ""]),
)


@given(st.lists(slow_sign_ins, max_size=40))
def test_slow_sequences_are_those_that_loops_over_sign_ins_find(logons: list[SignIn]) -> None:
    assert found_slow(logons) == naive_slow(logons)


def test_failures_after_the_success_do_not_make_a_sequence() -> None:
    early = [SignIn(BASE - 2 * MINUTE, succeeded=False), SignIn(BASE - MINUTE, succeeded=True)]
    late = [SignIn(BASE + i * MINUTE, succeeded=False) for i in range(1, 40)]
    assert not found_slow([*early, *late], failures=10)


def with_change(tenant: Tenant) -> Tenant:
    return change(tenant, {"Comment": "x"})


@pytest.mark.parametrize(("before", "expected"), [(10, 0), (1, 1), (-1, 0)])
def test_bursts_count_in_the_window_and_before_the_last_change(before: int, expected: int) -> None:
    changed = AT - 3 * HOUR
    when = {10: AT - 10 * DAY, 1: changed - HOUR, -1: changed + HOUR}[before]
    found = graded(with_change(burst(honest(), when)))
    assert found.facts["actor_bursts"] == expected
    assert found.facts["changes_after_suspicious_logon"] == expected


def test_duplicated_sign_ins_do_not_become_a_burst() -> None:
    success = AT - 4 * HOUR
    times = [success - timedelta(seconds=2 + i / 2) for i in range(60)]
    actions = ["LogonFailed"] * 60 + ["LogonSuccess"]
    tenant = with_change(sign_in(honest(), [*times, success], action=actions))
    again = tenant.adding(LOGONS, tenant.frames[LOGONS], tenant.frames[LOGONS])
    assert graded(tenant).facts["actor_bursts"] == 0
    assert graded(again).facts["actor_bursts"] == 0


@pytest.mark.parametrize("empty", [False, True])
def test_sign_ins_without_a_report_id_are_told_apart_by_the_rest(*, empty: bool) -> None:
    tenant = with_change(burst(honest(), AT - 4 * HOUR))
    logons = tenant.frames[LOGONS].with_columns(pl.col("Timestamp").dt.truncate("1s"))
    told = logons.with_columns(ReportId=pl.lit("")) if empty else logons.drop("ReportId")
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
    found = grade(source(tenant, IdentityLogonEvents=told), alert)
    assert found.facts == graded(tenant).facts
    assert found.facts["actor_bursts"] == 1


def test_the_chain_needs_sign_in_change_and_mail_in_this_order() -> None:
    changed = AT - 3 * HOUR
    in_order = graded(with_change(burst(honest(), changed - HOUR)))
    too_early = graded(with_change(burst(honest(), changed - 25 * HOUR)))
    too_late = graded(with_change(burst(honest(), changed + HOUR)))
    by_another = graded(with_change(burst(honest(), changed - HOUR, person=honest().admins[1])))
    facts = [g.facts["changes_after_suspicious_logon"] for g in (in_order, too_early, too_late)]
    assert facts == [1, 0, 0]
    assert by_another.facts["changes_after_suspicious_logon"] == 0


def test_a_later_success_does_not_hide_the_first_one() -> None:
    changed = AT - 3 * HOUR
    broken_in = slow(honest(), changed - 20 * MINUTE)
    stayed = sign_in(broken_in, [changed + 10 * MINUTE], place=nearby(honest()))
    assert graded(with_change(stayed)).facts["changes_after_suspicious_logon"] == 1


def test_places_are_usual_where_the_account_signed_in_during_the_baseline() -> None:
    tenant = honest()
    known = sign_in(tenant, [AT - 15 * DAY], place=FAR_AWAY)
    now = [AT - 5 * HOUR, AT - 4 * HOUR]
    assert graded(with_change(sign_in(tenant, now, place=FAR_AWAY))).facts[
        "actor_unusual_logons"
    ] == len(now)
    assert (
        graded(with_change(sign_in(known, now, place=FAR_AWAY))).facts["actor_unusual_logons"] == 0
    )


def test_an_account_without_a_past_has_no_usual_place() -> None:
    tenant = with_change(sign_in(honest(), [AT - 5 * HOUR], place=FAR_AWAY))
    admin = tenant.admins[0]
    name = tenant.connector("quiet").name
    mine = pl.col("AccountObjectId") == admin.object_id
    past = pl.col("Timestamp") < AT - 7 * DAY
    logons = tenant.frames[LOGONS]
    for unknown in (
        logons.filter(~(mine & past)),
        logons.with_columns(pl.when(past).then(pl.lit("")).otherwise("Location").alias("Location")),
    ):
        alert = Alert(connector=name, timestamp=AT)
        found = grade(source(tenant, IdentityLogonEvents=unknown), alert)
        assert found.facts["actor_unusual_logons"] is None
        assert found.facts["changes_from_unusual_place"] is None
        assert found.facts["changes_after_suspicious_logon"] is None


def test_a_past_without_the_place_column_makes_no_place_unusual() -> None:
    tenant = with_change(honest())
    logons = tenant.frames[LOGONS]
    past = pl.col("Timestamp") < AT - 7 * DAY - HOUR
    parts = [logons.filter(past).drop("Location"), logons.filter(~past)]
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
    found = grade(source(tenant, IdentityLogonEvents=parts), alert)
    for name in ("actor_unusual_logons", "changes_after_suspicious_logon", "chained_changes"):
        assert found.facts[name] is None
    assert found.facts["actor_bursts"] == 0


def test_sprayed_accounts_are_those_that_only_failed_from_the_changes_address() -> None:
    tenant = honest()
    spray = nearby(tenant)
    others = tenant.people[:15]
    sprayed = sign_in(tenant, [AT - 5 * HOUR] * 15, others, place=spray, action="LogonFailed")
    lucky = sign_in(sprayed, [AT - 4 * HOUR] * 2, others[:2], place=spray)
    changed = change(lucky, {"Comment": "x"}, place=spray)
    assert graded(changed).facts["sprayed_accounts"] == 13
    elsewhere = change(lucky, {"Comment": "x"})
    assert graded(elsewhere).facts["sprayed_accounts"] == 0


def test_noise_of_directories_and_of_microsofts_own_cloud_is_left_out() -> None:
    tenant = with_change(burst(honest(), AT - 4 * HOUR))
    for column, value in (("Application", "Active Directory"), ("ISP", "MICROSOFT Azure")):
        logons = tenant.frames[LOGONS].with_columns(pl.lit(value).alias(column))
        alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
        found = grade(source(tenant, IdentityLogonEvents=logons), alert)
        assert found.facts["actor_bursts"] == 0


class Told(Logons):
    """One suspicious sign-in, whoever is asked about."""

    def __init__(self, when: datetime) -> None:
        self._when = when

    def suspicious_times(self, account: str, judgement: Judgement) -> list[tuple[datetime, str]]:
        return [(self._when, f"of {account} before {judgement.window.end}")]


@pytest.mark.parametrize(
    ("later", "led"),
    [
        (timedelta(0), True),
        (timedelta(microseconds=-1), False),
        (timedelta(hours=24), True),
        (timedelta(hours=24, microseconds=1), False),
    ],
)
def test_a_sign_in_leads_to_changes_of_the_next_24_hours(
    later: timedelta,
    led: bool,  # noqa: FBT001 - a parameter
) -> None:
    when = datetime(2026, 3, 20, 12, tzinfo=UTC)
    made = ConnectorChange(
        timestamp=when + later,
        operation="Set-InboundConnector",
        actor=Actor(id="a", kind=ActorKind.PERSON),
    )
    assert Told(when).is_suspicious(made, Judgement("relay", Window(when))) is led
