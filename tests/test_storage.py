"""Evidence on object storage, in partitions, and in files of which only some are of interest."""

import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from bucket import SECRET, Bucket, bucket
from exconn import (
    EMAIL_EVENTS,
    Alert,
    Context,
    InvalidValueError,
    MemorySource,
    NoDataError,
    ParquetSource,
    Period,
    UnreadableDataError,
    grade,
    read_context,
    scan,
    write_evidence,
)
from exconn.detectors import within
from exconn.simulate import demo_tenant
from exconn.sources import Reading, _stretches
from exconn.testing import assert_same_rows

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def made() -> Iterator[Bucket]:
    with bucket() as running:
        yield running


def mail(day: int, rows: int = 24, **columns: object) -> pl.DataFrame:
    """Mail of one day, evenly spread."""
    return pl.DataFrame(
        {
            "Timestamp": [START + day * DAY + n * DAY / rows for n in range(rows)],
            "NetworkMessageId": [f"{day}-{n}" for n in range(rows)],
            "UrlCount": range(rows),
        }
    ).with_columns(**{name: pl.lit(value) for name, value in columns.items()})


def of_days(first: int, last: int) -> Period:
    return Period(START + first * DAY, START + last * DAY)


def ids(source: ParquetSource, period: Period) -> list[str]:
    query = scan(EMAIL_EVENTS).filter(within(period)).select("NetworkMessageId")
    return sorted(query.collect(source)["NetworkMessageId"])


def source_of(place: Bucket) -> ParquetSource:
    return ParquetSource(place.url, storage_options=place.options)


def test_a_tenant_in_a_bucket_gets_the_same_grade(made: Bucket) -> None:
    tenant = demo_tenant(5, mails=2_000)
    for name, frame in tenant.frames.items():
        for (day,), rows in frame.group_by(pl.col("Timestamp").dt.date()):
            made.put(f"evidence/{name}/date={day}/part-0.parquet", rows)
    assert tenant.at is not None
    hijacked = next(c.name for c in tenant.connectors if not c.honest)
    alert = Alert(connector=hijacked, timestamp=tenant.at)
    there = grade(source_of(made), alert)
    assert there.margin == grade(MemorySource(tenant.frames), alert).margin
    assert there.classification == "truePositive"


def test_columns_may_be_said_by_folders_and_absence_is_kept_per_file(
    made: Bucket, tmp_path: Path
) -> None:
    files = {
        "date=2026-03-02/Connectors=Relay%207/a.parquet": mail(0, Isp="Hill"),
        "date=2026-03-03/Connectors=__HIVE_DEFAULT_PARTITION__/b.parquet": mail(1),
        "date=2026-03-04/c.parquet": mail(2).cast({"UrlCount": pl.String}),
        "date=2026-03-05/d.parquet": mail(3, Connectors="Own").drop("UrlCount"),
        "UrlCount=7/Connectors=Relay/e.parquet": mail(4).drop("UrlCount"),
    }
    for name, frame in files.items():
        made.put(f"evidence/EmailEvents/{name}", frame)
        path = tmp_path / "EmailEvents" / name
        path.parent.mkdir(parents=True)
        frame.write_parquet(path)
    for source in (source_of(made), ParquetSource(tmp_path)):
        coverage = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS]
        gaps = {
            Path(part.name).name: part.missing & {"Connectors", "UrlCount"}
            for part in coverage.parts
        }
        assert gaps == {
            "a.parquet": set(),
            "b.parquet": set(),
            "c.parquet": {"Connectors"},
            "d.parquet": {"UrlCount"},
            "e.parquet": set(),
        }
        days = scan(EMAIL_EVENTS).group_by("Connectors", Day=pl.col("Timestamp").dt.truncate("1d"))
        rows = days.agg(Urls=pl.col("UrlCount").sum()).collect(source).sort("Day")
        assert rows["Connectors"].to_list() == ["Relay 7", "", "", "Own", "Relay"]
        assert rows["Urls"].to_list() == [276, 276, 276, 0, 7 * 24]


def test_a_folder_above_the_evidence_is_no_column(tmp_path: Path) -> None:
    root = tmp_path / "case=7" / "Subject=phish"
    write_evidence({"EmailEvents": mail(0, Subject="own")}, root)
    subjects = scan(EMAIL_EVENTS).select("Subject").collect(ParquetSource(root))
    assert subjects["Subject"].unique().to_list() == ["own"]
    nested = root / "EmailEvents" / "Connectors=Relay"
    nested.mkdir(parents=True)
    mail(1).write_parquet(nested / "1.parquet")
    with pytest.raises(UnreadableDataError, match="taken for the column 'Subject'; rename it"):
        ParquetSource(root)


def test_secrets_are_shown_nowhere(
    made: Bucket, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    made.put("evidence/EmailEvents.parquet", mail(0))
    source = source_of(made)
    assert repr(source) == f"ParquetSource('{made.url}')"
    shown = [repr(source), repr(vars(source))]

    def failing(url: str, **options: str) -> None:
        with pytest.raises(UnreadableDataError) as caught:
            ParquetSource(url, storage_options={**made.options, **options})
        shown.extend(traceback.format_exception(caught.value))
        assert "\n" not in str(caught.value)
        assert "check the address, and storage_options" in str(caught.value)

    failing(made.url, aws_endpoint_url=f"http://127.0.0.1:1/?sig={SECRET}")
    failing(made.url, aws_virtual_hosted_style_request=SECRET)
    failing(f"abfss://c@account.invalid/{SECRET}", account_key=SECRET)
    made.objects["evidence/EmailEvents.parquet"] = b"PAR1" + SECRET.encode() + b"PAR1"
    with pytest.raises(UnreadableDataError) as caught:
        source.coverage([EMAIL_EVENTS])
    shown += [*traceback.format_exception(caught.value), caplog.text, *capfd.readouterr()]
    assert not [text for text in shown if SECRET in text]
    assert not [text for text in shown if str(made.options["aws_access_key_id"]) in text]


@pytest.mark.parametrize(
    "address", ["{}/", "{}//", "S3://bucket//evidence", "s3a://bucket/evidence"]
)
def test_an_address_may_be_written_in_several_ways(made: Bucket, address: str) -> None:
    made.put("evidence/EmailEvents.parquet", mail(0))
    made.put("evidence/EmailEvents/1.parquet", mail(1))
    place = address.format(made.url)
    source = ParquetSource(place, storage_options=made.options)
    assert source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].rows == 48
    assert len(ids(source, of_days(1, 2))) == 24


def test_an_address_of_a_file_system_is_a_path(tmp_path: Path) -> None:
    write_evidence({"EmailEvents": mail(0)}, tmp_path)
    assert len(ids(ParquetSource(f"file://{tmp_path}"), of_days(0, 1))) == 24


def test_an_address_that_is_a_pattern_is_refused(made: Bucket) -> None:
    with pytest.raises(InvalidValueError, match=r"an address with \* cannot be listed"):
        ParquetSource("s3://bucket/evidence*", storage_options=made.options)


def test_options_that_polars_does_not_take_are_an_error(made: Bucket) -> None:
    with pytest.raises(InvalidValueError, match=r"^storage_options: .*max_retries"):
        ParquetSource(made.url, storage_options={**made.options, "max_retries": "many"})


def test_what_is_not_there_or_not_parquet_is_an_error_with_advice(made: Bucket) -> None:
    with pytest.raises(NoDataError, match="s3://bucket/evidence: no table in it; expected files"):
        source_of(made)
    made.objects["evidence/EmailEvents.parquet"] = b"no"
    with pytest.raises(UnreadableDataError, match=r"evidence/EmailEvents\.parquet: is not a Parq"):
        source_of(made)


def test_of_a_web_server_files_called_after_tables_are_found(made: Bucket) -> None:
    made.put("evidence/EmailEvents.parquet", mail(0))
    source = ParquetSource(f"{made.endpoint}/bucket/evidence/", storage_options={"max_retries": 0})
    assert len(ids(source, of_days(0, 1))) == 24


def test_a_context_is_read_from_beside_the_evidence_there(made: Bucket) -> None:
    options = made.options
    assert read_context(made.url, storage_options=options) == Context()
    made.objects["evidence/context.toml"] = 'accepted_domains = ["b\u00fccher.example"]'.encode()
    expected = Context(accepted_domains=["b\u00fccher.example"])
    assert read_context(made.url, storage_options=options) == expected
    made.objects["evidence/context.toml"] = b"accepted_domains = ["
    with pytest.raises(InvalidValueError, match=r"^context: "):
        read_context(made.url, storage_options=options)


@pytest.mark.parametrize("at_once", [None, 1])
def test_files_of_other_times_are_not_opened(
    made: Bucket, monkeypatch: pytest.MonkeyPatch, at_once: int | None
) -> None:
    """However many rows are held at once."""
    if at_once is not None:
        monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", at_once)
    for day in range(6):
        made.put(f"evidence/EmailEvents/{day}.parquet", mail(day))
    source = source_of(made)
    source.coverage([EMAIL_EVENTS])
    made.asked.clear()
    assert len(ids(source, of_days(2, 4))) == 48
    assert {key for _, key, _ in made.asked} == {
        "evidence/EmailEvents/2.parquet",
        "evidence/EmailEvents/3.parquet",
    }


@pytest.mark.parametrize("at_once", [None, 1])
def test_row_groups_of_other_times_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int | None
) -> None:
    """Nothing tells that rows of other times are damaged, until they are asked for."""
    if at_once is not None:
        monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", at_once)
    file = tmp_path / "EmailEvents.parquet"
    pl.concat(mail(day, 2_000) for day in range(4)).write_parquet(file, row_group_size=2_000)
    source = ParquetSource(tmp_path)
    source.coverage([EMAIL_EVENTS])
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 8] = bytes(len(content) // 8 - 4)
    file.write_bytes(content)
    assert len(ids(source, of_days(2, 3))) == 2_000
    with pytest.raises(UnreadableDataError, match=r"EmailEvents.*cannot be read"):
        ids(source, of_days(0, 4))


def test_reading_says_how_far_it_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", 24)
    write_evidence({"EmailEvents": pl.concat(mail(day) for day in range(3))}, tmp_path)
    told: list[Reading] = []
    source = ParquetSource(tmp_path, on_read=told.append)
    source.coverage([EMAIL_EVENTS])
    hours = scan(EMAIL_EVENTS).filter(within(of_days(0, 3))).select("Timestamp")
    assert_same_rows(hours.collect(source), hours.collect(ParquetSource(tmp_path)))
    assert {reading.of for reading in told} == {len(told)}
    assert [reading.done for reading in told] == list(range(1, len(told) + 1))
    assert [reading.period for reading in told] == sorted(
        (reading.period for reading in told), key=lambda period: period.start
    )
    assert len(told) > 1


def test_stray_times_cost_a_stretch_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far away they are; and the rest lies as dense as ever."""
    monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", 24)

    def stretches(name: str, strays: int) -> int:
        far = [datetime(1971, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)]
        times = pl.Series(far[:strays], dtype=pl.Datetime("us", "UTC"))
        stray = mail(0).head(strays).with_columns(Timestamp=times)
        rows = pl.concat([*(mail(day) for day in range(3)), stray])
        write_evidence({"EmailEvents": rows}, tmp_path / name)
        told: list[Reading] = []
        source = ParquetSource(tmp_path / name, on_read=told.append)
        asked = scan(EMAIL_EVENTS).filter(within(Period(far[0], far[1] + HOUR))).select("Timestamp")
        assert asked.collect(source).height == rows.height
        return len(told)

    counts = [stretches(str(strays), strays) for strays in range(3)]
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


@pytest.mark.parametrize("at_once", [None, 1])
def test_what_is_first_of_all_times_is_looked_for_in_the_files_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int | None
) -> None:
    if at_once is not None:
        monkeypatch.setattr(_stretches, "_ROWS_AT_ONCE", at_once)
    for day in range(3):
        file = tmp_path / "EmailEvents" / f"{day}.parquet"
        file.parent.mkdir(exist_ok=True)
        mail(day, Connectors="A").write_parquet(file)
    source = ParquetSource(tmp_path)
    first, later = pl.col("Connectors").is_first_distinct(), within(of_days(1, 3))
    rows = scan(EMAIL_EVENTS)
    for asked in (rows.filter(first).filter(later), rows.filter(first, later)):
        assert asked.collect(source).is_empty()
    assert rows.filter(later).filter(first).collect(source).height == 1
