"""Compacted folders have the same rows, columns and gaps, in fewer files and in order of time."""

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exconn import (
    EMAIL_EVENTS,
    Alert,
    NoDataError,
    ParquetSource,
    UnreadableDataError,
    grade,
    write_evidence,
)
from exconn.cli import run
from exconn.simulate import demo_tenant
from exconn.sources import compact, compact_evidence
from exconn.testing import check_source, evidence

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def mail(*hours: float, **columns: object) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "Timestamp": [START + hour * HOUR for hour in hours],
            "NetworkMessageId": [str(hour) for hour in hours],
        }
    ).with_columns(**{name: pl.lit(value) for name, value in columns.items()})


def put(folder: Path, name: str, frame: pl.DataFrame) -> None:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(place)


def rows_of(folder: Path) -> dict[str, list[str]]:
    """All rows by table, columns and types."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*.parquet")):
        table = file.relative_to(folder).parts[0].removesuffix(".parquet")
        frame = pl.read_parquet(file, glob=False, hive_partitioning=False)
        rows = found.setdefault(f"{table} {frame.schema}", [])
        rows += map(repr, frame.iter_rows())
    return {kind: sorted(rows) for kind, rows in found.items()}


def names(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


@settings(max_examples=15)
@given(
    st.lists(evidence(max_size=5), min_size=1, max_size=3).filter(any),
    st.sampled_from([1, 3, 1_000]),
)
def test_no_row_column_or_gap_is_lost_or_made(
    parts: Sequence[dict[str, pl.DataFrame]], rows_of_a_file: int
) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "_ROWS_OF_A_FILE", rows_of_a_file)
        folder = Path(place)
        for number, found in enumerate(parts):
            for name, frame in found.items():
                put(folder, f"{name}/{number}.parquet" if number else f"{name}.parquet", frame)
        before = rows_of(folder)
        compact_evidence(folder)
        assert rows_of(folder) == before
        once = {name: (folder / name).read_bytes() for name in names(folder)}
        compact_evidence(folder)
        assert {name: (folder / name).read_bytes() for name in names(folder)} == once


def test_files_of_the_same_columns_become_one_for_each_day_in_order(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("kept")
    put(tmp_path, "EmailEvents.parquet", mail(5, 30, 1, Extra=1))
    put(tmp_path, "EmailEvents/deep/1.parquet", mail(2, 26, Extra=2))
    put(tmp_path, "EmailEvents/2.parquet", mail(3, 27))
    put(tmp_path, "EmailEvents/none.parquet", mail(3).with_columns(Timestamp=None))
    put(tmp_path, "EmailEvents/Connectors=Relay/3.parquet", mail(4, 28))
    put(tmp_path, "Others/4.parquet", mail(1))
    [done] = compact_evidence(tmp_path)
    assert (done.table, done.files) == ("EmailEvents", (5, 6))
    kept = ["EmailEvents/Connectors=Relay/3.parquet", "Others/4.parquet", "notes.txt"]
    made = sorted(set(names(tmp_path)) - set(kept))
    assert [name.rpartition("-")[0] for name in made] == [
        *["EmailEvents/2026-03-02T01", "EmailEvents/2026-03-02T03"],
        *["EmailEvents/2026-03-03T02", "EmailEvents/2026-03-03T03", "EmailEvents/undated"],
    ]
    first = pl.read_parquet(tmp_path / made[0])
    assert first.rows() == mail(1, 2, 5).with_columns(Extra=pl.Series([1, 2, 1])).rows()
    parts = ParquetSource(tmp_path).coverage([EMAIL_EVENTS])[EMAIL_EVENTS].parts
    assert sorted("Connectors" in part.missing for part in parts) == [False] + 5 * [True]


def test_rows_that_come_later_are_laid_with_the_others(tmp_path: Path) -> None:
    put(tmp_path, "EmailEvents/1.parquet", mail(1, 2, 25))
    compact_evidence(tmp_path)
    put(tmp_path, "EmailEvents/2.parquet", mail(3, 50))
    before = rows_of(tmp_path)
    other_day = next(tmp_path.glob("EmailEvents/2026-03-03*"))
    untouched = other_day.stat().st_mtime_ns
    compact_evidence(tmp_path)
    assert rows_of(tmp_path) == before
    assert other_day.stat().st_mtime_ns == untouched
    assert len(names(tmp_path)) == 3


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_days_of_many_rows_get_several_files_however_they_are_cut_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    put(tmp_path, "EmailEvents/1.parquet", mail(0, 0.5, 1, 2, 3, 4, 23, 24))
    before = rows_of(tmp_path)
    compact_evidence(tmp_path)
    monkeypatch.setattr(compact, "_ROWS_OF_A_FILE", most)
    compact_evidence(tmp_path)
    assert rows_of(tmp_path) == before
    heights = [pl.read_parquet(tmp_path / name).height for name in names(tmp_path)]
    assert max(heights) == max(most, 2)  # hours stay whole


@pytest.mark.parametrize("moved", range(5))
def test_what_was_broken_off_while_files_were_moved_is_brought_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    for number, hours in enumerate([(1, 25), (2, 26), (3,)]):
        put(tmp_path, f"EmailEvents/{number}.parquet", mail(*hours))
    before, files = rows_of(tmp_path), names(tmp_path)
    left = moved

    def until_then(act: Any) -> Any:
        def acting(*given: Any, **named: Any) -> Any:
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            return act(*given, **named)

        return acting

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", until_then(Path.replace))
        patch.setattr(Path, "unlink", until_then(Path.unlink))
        with pytest.raises(KeyboardInterrupt):
            compact_evidence(tmp_path)
    source = ParquetSource(tmp_path).coverage([EMAIL_EVENTS])[EMAIL_EVENTS]
    assert source.rows >= 5
    if not moved:
        assert names(tmp_path) == files
    compact_evidence(tmp_path)
    assert rows_of(tmp_path) == before
    assert [name.rpartition("-")[0] for name in names(tmp_path)] == [
        "EmailEvents/2026-03-02T01",
        "EmailEvents/2026-03-03T01",
    ]


def test_a_damaged_file_leaves_everything_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, "EmailEvents/1.parquet", mail(1))
    put(tmp_path, "EmailEvents/2.parquet", mail(*range(2, 2_000)))
    damaged = tmp_path / "EmailEvents/2.parquet"
    content = damaged.read_bytes()
    damaged.write_bytes(content[:4] + bytes(len(content) // 2) + content[4 + len(content) // 2 :])
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(UnreadableDataError, match=r"EmailEvents/2\.parquet.*cannot be laid anew"):
        compact_evidence(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_only_folders_on_a_disk_are_compacted(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="copy what is at the address"):
        compact_evidence("s3://bucket/evidence")
    with pytest.raises(NoDataError, match="no such folder"):
        compact_evidence(tmp_path / "nowhere")
    with pytest.raises(NoDataError, match="no table in it"):
        compact_evidence(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_grade_stays_the_same_and_the_command_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant = demo_tenant(3, mails=2_000)
    write_evidence(tenant.frames, tmp_path)
    assert tenant.at is not None
    alert = Alert(connector=tenant.connectors[0].name, timestamp=tenant.at)
    before = json.loads(grade(ParquetSource(tmp_path), alert).to_json())
    assert run(["compact", str(tmp_path)]) == 0
    assert "EmailEvents" in capsys.readouterr().out
    check_source(ParquetSource(tmp_path), tenant.frames)
    assert json.loads(grade(ParquetSource(tmp_path), alert).to_json()) == before
    assert run(["compact", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err
