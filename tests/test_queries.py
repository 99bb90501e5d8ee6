"""Results of the fact queries for adjoining periods may be laid one behind the other."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from exconn.detectors import outbound, via_connector, within
from exconn.errors import ExconnError
from exconn.facts import queries
from exconn.query import Query, Source, scan
from exconn.simulate import Tenant, demo_tenant
from exconn.sources import MemorySource, ParquetSource, _counts, _stretches
from exconn.tables import EMAIL_EVENTS
from exconn.testing import assert_same_rows
from exconn.window import Period
from incidents import clicks

DAY = timedelta(days=1)


def tenant() -> Tenant:
    return demo_tenant(4, mails=2_000)


TENANT = tenant()
LARGEST = TENANT.connector("gateway").name
PEOPLE = [name for person in TENANT.people for name in (person.object_id, person.upn)]
ADDRESSES = [address for person in TENANT.people for address in person.office.addresses]
MAILED_FROM = TENANT.frames["EmailEvents"]["SenderIPv4"].unique().sort()[:50].to_list()
EVERYTHING = Period(TENANT.start, TENANT.end)
FRAMES = {
    **TENANT.frames,
    "UrlClickEvents": clicks(TENANT.frames["EmailEvents"][::3], after=2 * DAY),
}
MERGING: dict[str, Callable[[Period], Query]] = {
    "connector_names": queries.connector_names,
    "connector_hours": queries.connector_hours,
    "sender_hours": lambda period: queries.sender_hours(period, threshold=3),
    "bulk_senders": lambda period: queries.bulk_senders(period, threshold=2),
    "sending_addresses": queries.sending_addresses,
    "sender_domains": queries.sender_domains,
    "recipient_domains": queries.recipient_domains,
    "correspondents": queries.correspondents,
    "seen_domains": queries.seen_domains,
    "tenant_domains": queries.tenant_domains,
    "mail_from": lambda period: queries.mail_from(period, MAILED_FROM, TENANT.accepted_domains),
    "link_clicks": lambda period: queries.link_clicks(period, via_connector(), EVERYTHING),
    "external_mail": lambda period: queries.external_mail(period, TENANT.accepted_domains),
    "connector_changes": queries.connector_changes,
    "new_connectors": queries.new_connectors,
    "connector_volume": lambda period: queries.connector_volume(period, LARGEST, threshold=1),
    "administration": queries.administration,
    "actor_deeds": queries.actor_deeds,
    "logon_places": lambda period: queries.logon_places(period, PEOPLE),
    "logon_addresses": lambda period: queries.logon_addresses(period, PEOPLE),
    "logon_seconds": lambda period: queries.logon_seconds(period, PEOPLE),
    "address_logons": lambda period: queries.address_logons(period, ADDRESSES),
}


@pytest.mark.parametrize("name", MERGING)
def test_a_period_cut_into_days_gives_the_rows_of_the_whole(name: str) -> None:
    make = MERGING[name]
    source = MemorySource(FRAMES)
    whole = make(Period(TENANT.start, TENANT.end)).collect(source)
    days = (TENANT.end - TENANT.start) // DAY
    edges = [TENANT.start + n * DAY for n in range(days)] + [TENANT.end]
    parts = source.collect([make(Period(a, b)) for a, b in pairwise(edges)])
    assert whole.height > 0
    assert_same_rows(pl.concat(parts), whole)


def test_every_fact_query_is_cut_here_but_the_playbooks_own() -> None:
    made = {
        name
        for name, value in vars(queries).items()
        if callable(value) and not name.startswith("_") and value.__module__ == queries.__name__
    }
    assert made - set(MERGING) == {"minute_bursts"}


@pytest.mark.parametrize(
    ("make", "names", "count"),
    [
        (queries.sending_addresses, ["Address"], "Messages"),
        (queries.sender_domains, ["P1", "P2"], "Messages"),
        (queries.recipient_domains, ["Domain"], "Deliveries"),
    ],
)
@pytest.mark.parametrize("most", [0, 1, 3, 10])
def test_names_of_an_hour_are_told_apart_only_while_they_are_few(
    make: Callable[..., Query], names: list[str], count: str, most: int
) -> None:
    source, period = MemorySource(TENANT.frames), Period(TENANT.start, TENANT.end)
    all_rows, few = (make(period, most=n).collect(source) for n in (10**6, most))
    by = ["Connector", "Hour"]
    for (connector, hour), rows in all_rows.group_by(by):
        of_hour = (pl.col("Connector") == connector) & (pl.col("Hour") == hour)
        told = few.filter(of_hour)
        assert told[count].sum() == rows[count].sum()
        for name in names:
            seen = set(rows[name])
            assert set(told[name]) == (seen if len(seen) <= most else {queries.MANY})
            assert set(told[f"{name}Count"]) == {len(seen)}
    assert few.group_by(by).len().height == all_rows.group_by(by).len().height


MAIL = scan(EMAIL_EVENTS)
SIZE = pl.col("EmailSize").sum()
BY_DAY = MAIL.filter(within(EVERYTHING)).group_by(
    "Connectors", Day=pl.col("Timestamp").dt.truncate("1d")
)
BY_HAND: dict[str, Query] = {
    "rows": MAIL.filter(within(EVERYTHING)).select("Timestamp", "NetworkMessageId"),
    "the largest": MAIL.filter(within(EVERYTHING)).sort(["EmailSize", "ReportId"]).head(7),
    "one number": MAIL.filter(within(EVERYTHING)).group_by().agg(Size=SIZE),
    "of all time": MAIL.group_by(Hour=pl.col("Timestamp").dt.truncate("1h")).agg(Size=SIZE),
    "what is not read": MAIL.filter(within(EVERYTHING))
    .with_columns(Other=pl.col("Subject"))
    .drop("Other")
    .group_by("Timestamp")
    .agg(Size=SIZE),
    "then joined": MAIL.filter(within(EVERYTHING))
    .group_by("Connectors", Day=pl.col("Timestamp").dt.truncate("1d"))
    .agg(Size=SIZE)
    .join(queries.connector_names(EVERYTHING), on=["Connectors", "Day"]),
    "the rows beside": MAIL.filter(within(EVERYTHING))
    .with_columns(First=pl.col("Connectors").is_first_distinct())
    .group_by("First", Hour=pl.col("Timestamp").dt.truncate("1h"))
    .agg(Size=SIZE),
    "rows by those beside": MAIL.filter(within(EVERYTHING)).select(
        "Timestamp", "ReportId", First=pl.col("Connectors").is_first_distinct()
    ),
    "groups by those beside": MAIL.filter(within(EVERYTHING))
    .group_by(pl.col("Connectors").is_first_distinct(), Hour=pl.col("Timestamp").dt.truncate("1h"))
    .agg(Size=SIZE),
    "groups beside groups": MAIL.filter(within(EVERYTHING))
    .group_by(Hour=pl.col("Timestamp").dt.truncate("1h"))
    .agg(Size=SIZE)
    .filter(pl.col("Size") == pl.col("Size").max()),
    "then joined with such": MAIL.filter(within(EVERYTHING))
    .group_by(Hour=pl.col("Timestamp").dt.truncate("1h"))
    .agg(Size=SIZE)
    .join(
        MAIL.filter(within(EVERYTHING))
        .with_columns(First=pl.col("Connectors").is_first_distinct())
        .group_by(Hour=pl.col("Timestamp").dt.truncate("1h"))
        .agg(Firsts=pl.col("First").sum()),
        on=["Hour"],
    ),
    "extremes of days": BY_DAY.agg(
        Least=pl.col("EmailSize").min(), Last=pl.col("Timestamp").filter(outbound()).max()
    ).filter(pl.col("Least") > 0),
    "extremes of columns": BY_DAY.agg(
        Least=pl.col("EmailSize").min(), Last=pl.col("Timestamp").max()
    ).filter(pl.col("Least") > 0),
    "extremes of what stands beside": BY_DAY.agg(
        Span=(pl.col("Timestamp") - pl.col("Timestamp").min()).max()
    ),
    "the least of some texts": BY_DAY.agg(
        Least=pl.col("Subject").filter(pl.col("UrlCount") > 1).min()
    ),
    "the least of texts that are null": MAIL.filter(within(EVERYTHING))
    .with_columns(Told=pl.when(pl.col("UrlCount") > 1).then("Subject"))
    .group_by("Connectors", Day=pl.col("Timestamp").dt.truncate("1d"))
    .agg(Least=pl.col("Told").min()),
    "extremes beside sums": BY_DAY.agg(Least=pl.col("EmailSize").min(), Size=SIZE),
    "extremes of extremes": MAIL.filter(within(EVERYTHING))
    .group_by("Connectors", Hour=pl.col("Timestamp").dt.truncate("1h"))
    .agg(Most=pl.col("EmailSize").max())
    .group_by("Connectors", Day=pl.col("Hour").dt.truncate("1d"))
    .agg(Least=pl.col("Most").min()),
    "extremes of sums": BY_DAY.agg(Size=SIZE).group_by("Day").agg(Least=pl.col("Size").min()),
    "extremes by those beside": MAIL.filter(within(EVERYTHING))
    .group_by(pl.col("Connectors").is_first_distinct(), Day=pl.col("Timestamp").dt.truncate("1d"))
    .agg(Least=pl.col("EmailSize").min()),
    "extremes behind those beside": MAIL.filter(within(EVERYTHING))
    .with_columns(First=pl.col("Connectors").is_first_distinct())
    .group_by("First", Day=pl.col("Timestamp").dt.truncate("1d"))
    .agg(Least=pl.col("EmailSize").min()),
    "no time": MAIL.filter(within(Period(EVERYTHING.end, EVERYTHING.end))).select("Subject"),
}


def _in_files(folder: Path) -> Source:
    """Mail in files of six hours: some have times of other types, or rows without one."""
    mail = FRAMES["EmailEvents"]
    types = (
        pl.col("Timestamp"),
        pl.col("Timestamp").dt.replace_time_zone(None),
        pl.col("Timestamp").dt.to_string("iso:strict"),
        pl.when(pl.col("UrlCount") > 0).then("Timestamp"),
    )
    (folder / "EmailEvents").mkdir()
    hours = mail.group_by(pl.col("Timestamp").dt.truncate("6h"), maintain_order=True)
    for number, (_, rows) in enumerate(hours):
        rows.with_columns(types[number % 4]).write_parquet(
            folder / "EmailEvents" / f"{number}.parquet"
        )
    for name in ("UrlClickEvents", "CloudAppEvents", "IdentityLogonEvents"):
        FRAMES[name].write_parquet(folder / f"{name}.parquet")
    return ParquetSource(folder)


@pytest.mark.parametrize("in_files", ["in files", ""])
def test_many_rows_are_read_in_stretches_with_the_same_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_files: str
) -> None:
    """However few are held at once, and whatever the types of times in files are."""
    asked = {**{name: query(EVERYTHING) for name, query in MERGING.items()}, **BY_HAND}

    def source() -> Source:
        return ParquetSource(tmp_path) if in_files else MemorySource(FRAMES)

    if in_files:
        _in_files(tmp_path)
    whole = source().collect(list(asked.values()))
    monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", 100)
    monkeypatch.setattr(_stretches, "_SHARE", 40)
    monkeypatch.setattr(_stretches, "_ROWS_UNMERGED", 5)
    monkeypatch.setattr(_counts, "_MANY_ROWS", 3)
    cut = source().collect(list(asked.values()))
    for name, ours, theirs in zip(asked, cut, whole, strict=True):
        assert ours.schema == theirs.schema, name
        assert_same_rows(ours, theirs)


def test_what_nobody_sees_is_computed_of_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    links = pl.col("UrlCount").cast(pl.String).cast(pl.Int64).sum()
    hours = MAIL.filter(within(EVERYTHING)).group_by(Hour=pl.col("Timestamp").dt.truncate("1h"))
    query = hours.agg(N=pl.len(), Unseen=links).drop("Unseen")
    whole = query.collect(MemorySource(FRAMES))
    monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", 100)
    assert_same_rows(query.collect(MemorySource(FRAMES)), whole)


@pytest.mark.parametrize(
    ("names", "by", "said"),
    [
        (["Subject"], ["Connector"], "no column 'Subject'"),
        (["Hour"], ["Nobody"], "no column 'Nobody'"),
        (["Connector"], ["Messages"], "Hour is no number, and cannot be added up"),
    ],
)
def test_what_cannot_be_lumped_is_said(names: list[str], by: list[str], said: str) -> None:
    hours = queries.connector_hours(EVERYTHING).drop("First", "Last")
    with pytest.raises(ExconnError, match=said):
        hours.lumped(*names, by=by, most=1, many="*")


def test_memory_holds_a_stretch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more rows are held at once than there are in an hour, or are asked for."""
    held: list[int] = []
    collect_all = pl.collect_all

    def noted(plans: list[pl.LazyFrame], **how: Any) -> list[pl.DataFrame]:
        found: list[pl.DataFrame] = collect_all(plans, **how)
        held.extend(frame.height for frame in found)
        return found

    monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr(pl, "collect_all", noted)
    MemorySource(FRAMES).collect([BY_HAND["rows"]])
    hourly = FRAMES["EmailEvents"].group_by(pl.col("Timestamp").dt.truncate("1h")).len()["len"]
    assert max(held) == hourly.max()
    assert sum(held) == FRAMES["EmailEvents"].height
