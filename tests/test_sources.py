"""Sources give the same answers for the same rows however split, and say what is wrong."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bucket import bucket
from exconn import (
    Context,
    InvalidValueError,
    MemorySource,
    NoDataError,
    ParquetSource,
    UnreadableDataError,
    read_context,
    write_evidence,
)
from exconn.query import scan
from exconn.sources import compact_evidence
from exconn.tables import (
    CLOUD_APP_EVENTS,
    EMAIL_EVENTS,
    IDENTITY_LOGON_EVENTS,
    Table,
    conform,
    missing_columns,
)
from exconn.testing import assert_same_rows, check_source, evidence, frames

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
TABLES: tuple[Table, ...] = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
MAIL = pl.DataFrame({"Timestamp": [AT], "Connectors": ["Relay"], "UrlCount": [1]})


def pieces_of(frame: pl.DataFrame, cuts: Sequence[int]) -> list[pl.DataFrame]:
    edges = [0, *sorted(min(cut, frame.height) for cut in cuts), frame.height]
    return [frame[a:b] for a, b in pairwise(edges)]


def readable(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The frames without text of which nothing reads, which `coverage` refuses."""
    return {
        name: frame.with_columns(
            pl.when(pl.col(column).is_not_null()).then(pl.lit("1")).alias(column)
            for table in TABLES
            if table.name == name
            for column in frame.columns
            if frame.schema[column] == pl.String
            and table[column].type.dtype not in (pl.String, table.schema[table.time])
        )
        for name, frame in frames.items()
    }


EVIDENCE = evidence(max_size=3).map(readable)
CUTS = st.lists(st.integers(0, 3), max_size=2)


@settings(max_examples=10)
@given(EVIDENCE, CUTS)
def test_rows_in_memory_give_the_same_answers_however_they_are_split(
    found: dict[str, pl.DataFrame], cuts: list[int]
) -> None:
    split = {name: pieces_of(frame, cuts) for name, frame in found.items()}
    turned = {name: [*reversed(parts)] for name, parts in split.items()}
    check_source(MemorySource(split), found)
    check_source(MemorySource(turned), found)


@settings(max_examples=10)
@given(EVIDENCE.filter(bool), CUTS, st.booleans())
def test_files_and_folders_give_the_same_answers_as_frames(
    found: dict[str, pl.DataFrame],
    cuts: list[int],
    beside: bool,  # noqa: FBT001
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in found.items():
            first, *rest = pieces_of(frame, cuts)
            nested = Path(folder, name, "deep er", "2026-03")
            nested.mkdir(parents=True)
            target = Path(folder) if beside else nested
            first.write_parquet(target / f"{name}.parquet")
            for number, part in enumerate(rest):
                part.write_parquet(nested.parent / f"part [{number}].parquet")
        check_source(ParquetSource(folder), found)


@settings(max_examples=4)
@given(EVIDENCE, CUTS)
def test_a_bucket_gives_the_same_answers_as_frames(
    found: dict[str, pl.DataFrame], cuts: list[int]
) -> None:
    assume(any(frame.height for frame in found.values()))
    with bucket() as place:
        for name, frame in found.items():
            first, *rest = pieces_of(frame, cuts)
            place.put(f"evidence/{name}.parquet", first)
            for number, part in enumerate(rest):
                place.put(f"evidence/{name}/deep er/part [{number}].parquet", part)
        check_source(ParquetSource(place.url, storage_options=place.options), found)


@given(EVIDENCE)
def test_a_table_is_collected_as_the_conformed_rows(found: dict[str, pl.DataFrame]) -> None:
    for table in TABLES:
        collected = scan(table).collect(MemorySource(found))
        raw = found.get(table.name)
        expected = table.schema.to_frame() if raw is None else conform(raw, table)
        assert_same_rows(collected, expected)


@given(st.lists(frames(EMAIL_EVENTS, max_size=3), max_size=3))
def test_coverage_counts_each_frame_for_itself(parts: list[pl.DataFrame]) -> None:
    parts = [readable({"EmailEvents": frame})["EmailEvents"] for frame in parts]
    coverage = MemorySource({"EmailEvents": parts}).coverage([EMAIL_EVENTS])[EMAIL_EVENTS]
    assert [part.name for part in coverage.parts] == [
        f"EmailEvents[{number}]" for number in range(len(parts))
    ]
    for part, frame in zip(coverage.parts, parts, strict=True):
        times = conform(frame, EMAIL_EVENTS)["Timestamp"]
        assert part.rows == times.count()
        assert part.undated == times.null_count()
        assert (part.first, part.last) == (times.min(), times.max())
        assert part.missing == missing_columns(EMAIL_EVENTS, frame.schema)
        assert not part.unreadable


def test_frames_of_different_columns_keep_their_own_gaps() -> None:
    trace = pl.DataFrame({"Timestamp": [AT], "SenderFromAddress": ["ada@contoso.example"]})
    source = MemorySource({"EmailEvents": [MAIL, trace]})
    full, short = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].parts
    assert "Connectors" not in full.missing
    assert {"Connectors", "UrlCount"} <= short.missing
    rows = scan(EMAIL_EVENTS).select("Connectors", "UrlCount").collect(source)
    assert rows.rows() == [("Relay", 1), ("", None)]


def test_files_of_different_columns_and_types_lie_side_by_side(tmp_path: Path) -> None:
    folder = tmp_path / "EmailEvents"
    folder.mkdir()
    MAIL.write_parquet(folder / "a.parquet")
    MAIL.cast(pl.String).drop("Connectors").write_parquet(folder / "b.parquet")
    MAIL.with_columns(Extra=1).write_parquet(folder / "c.parquet")
    source = ParquetSource(tmp_path)
    coverage = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS]
    gaps = {Path(part.name).name: "Connectors" in part.missing for part in coverage.parts}
    assert gaps == {"a.parquet": False, "b.parquet": True, "c.parquet": False}
    assert scan(EMAIL_EVENTS).collect(source)["UrlCount"].to_list() == [1, 1, 1]


def test_a_frame_without_columns_has_no_rows() -> None:
    source = MemorySource({"EmailEvents": [pl.DataFrame(), MAIL]})
    assert scan(EMAIL_EVENTS).collect(source).height == 1
    empty, _ = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].parts
    assert (empty.rows, empty.undated) == (0, 0)


def test_a_frame_of_unknown_columns_has_undated_rows() -> None:
    source = MemorySource({"EmailEvents": pl.DataFrame({"Extra": [1, 2]})})
    assert scan(EMAIL_EVENTS).select("Subject").collect(source).height == 2
    assert source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].undated == 2


def test_a_missing_table_has_no_parts_and_no_rows() -> None:
    source = MemorySource({})
    assert source.coverage(TABLES) == MemorySource({"EmailEvents": []}).coverage(TABLES)
    assert all(not table.parts for table in source.coverage(TABLES).tables)
    assert scan(EMAIL_EVENTS).collect(source).schema == EMAIL_EVENTS.schema


def test_a_table_that_is_not_known_is_an_error() -> None:
    with pytest.raises(InvalidValueError, match="no table 'Emails'; tables: "):
        MemorySource({"Emails": MAIL})


def text_of(*values: str | None) -> pl.DataFrame:
    return pl.DataFrame({"UrlCount": values}, schema={"UrlCount": pl.String}).with_columns(
        Timestamp=pl.lit(AT)
    )


def test_text_of_which_some_cannot_be_read_is_counted() -> None:
    source = MemorySource({"EmailEvents": text_of("1", "many", "", " ", None, "few")})
    (part,) = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].parts
    assert part.unreadable == {"UrlCount": 2}


@pytest.mark.parametrize("values", [("",), (None,), (), ("1",)])
def test_text_that_is_empty_or_reads_is_not_unreadable(values: tuple[str | None, ...]) -> None:
    source = MemorySource({"EmailEvents": text_of(*values)})
    (part,) = source.coverage([EMAIL_EVENTS])[EMAIL_EVENTS].parts
    assert not part.unreadable


@pytest.mark.parametrize(
    ("column", "kind"),
    [("UrlCount", "int"), ("IsFirstContact", "bool"), ("Timestamp", "datetime")],
)
def test_a_text_column_of_which_nothing_reads_is_an_error(
    column: str, kind: str, tmp_path: Path
) -> None:
    bad = MAIL.with_columns(pl.lit("rubbish").alias(column))
    write_evidence({"EmailEvents": bad}, tmp_path)
    for source in (MemorySource({"EmailEvents": bad}), ParquetSource(tmp_path)):
        with pytest.raises(UnreadableDataError, match=rf"{column!r} is text of which.*{kind}"):
            source.coverage([EMAIL_EVENTS])


def test_a_column_type_that_cannot_be_converted_is_an_error_that_names_the_file(
    tmp_path: Path,
) -> None:
    bad = MAIL.with_columns(UrlCount=pl.lit(b"x"))
    write_evidence({"EmailEvents": bad}, tmp_path)
    source = ParquetSource(tmp_path)
    for act in (
        lambda: source.coverage([EMAIL_EVENTS]),
        lambda: scan(EMAIL_EVENTS).collect(source),
    ):
        with pytest.raises(UnreadableDataError) as caught:
            act()
        assert caught.value.where == str(tmp_path / "EmailEvents.parquet")


@pytest.mark.parametrize("content", [b"", b"Timestamp,Connectors\n", b"PAR1", b"PAR1" + bytes(64)])
def test_a_file_that_is_not_parquet_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "EmailEvents.parquet").write_bytes(content)
    with pytest.raises(UnreadableDataError, match="is not a Parquet file") as caught:
        ParquetSource(tmp_path)
    assert caught.value.where == str(tmp_path / "EmailEvents.parquet")
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    write_evidence({"EmailEvents": MAIL}, tmp_path)
    file = tmp_path / "EmailEvents.parquet"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(UnreadableDataError):
        ParquetSource(tmp_path)


def test_a_file_that_is_damaged_inside_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    write_evidence({"EmailEvents": MAIL, "CloudAppEvents": pl.DataFrame()}, tmp_path)
    file = tmp_path / "EmailEvents.parquet"
    content = bytearray(file.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little")
    content[4 : len(content) - 8 - footer] = bytes(len(content) - 12 - footer)
    file.write_bytes(content)
    source = ParquetSource(tmp_path)
    for act in (
        lambda: source.coverage([EMAIL_EVENTS]),
        lambda: scan(EMAIL_EVENTS).collect(source),
    ):
        with pytest.raises(UnreadableDataError, match=r"EmailEvents.*cannot be read") as caught:
            act()
        assert "\n" not in str(caught.value)


def test_a_folder_without_tables_is_an_error_that_says_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "notes.parquet").write_bytes(b"")
    (tmp_path / "EmailEvents").mkdir()
    with pytest.raises(NoDataError, match="no table in it; expected files such as EmailEvents"):
        ParquetSource(tmp_path)
    with pytest.raises(NoDataError, match="no such folder"):
        ParquetSource(tmp_path / "nowhere")
    with pytest.raises(NoDataError, match="no such folder"):
        ParquetSource(tmp_path / "notes.parquet")


def test_written_evidence_is_read_back_and_replaces_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "evidence"
    write_evidence({"EmailEvents": MAIL}, folder)
    (folder / "other.txt").write_text("kept")
    write_evidence({"EmailEvents": MAIL.with_columns(UrlCount=2)}, folder)
    assert scan(EMAIL_EVENTS).collect(ParquetSource(folder))["UrlCount"].to_list() == [2]
    assert sorted(file.name for file in folder.iterdir()) == ["EmailEvents.parquet", "other.txt"]


def test_evidence_is_not_written_beside_that_of_another_tenant(tmp_path: Path) -> None:
    write_evidence({"EmailEvents": MAIL}, tmp_path)
    compact_evidence(tmp_path)
    with pytest.raises(InvalidValueError, match="has rows of EmailEvents in 1 other files"):
        write_evidence({"EmailEvents": MAIL}, tmp_path)
    with pytest.raises(InvalidValueError, match="no table 'Emails'; tables: "):
        write_evidence({"Emails": MAIL}, tmp_path)
    assert scan(EMAIL_EVENTS).collect(ParquetSource(tmp_path)).height == MAIL.height


def test_a_write_that_breaks_off_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_evidence({"EmailEvents": MAIL}, tmp_path)
    before = (tmp_path / "EmailEvents.parquet").read_bytes()
    problem = "disk full"

    def break_off(_frame: pl.DataFrame, file: Path, **_options: object) -> None:
        Path(file).write_bytes(b"PAR1")
        raise OSError(problem)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", break_off)
    with pytest.raises(OSError, match="disk full"):
        write_evidence({"EmailEvents": MAIL.clear()}, tmp_path)
    assert (tmp_path / "EmailEvents.parquet").read_bytes() == before
    assert scan(EMAIL_EVENTS).collect(ParquetSource(tmp_path)).height == 1


def test_a_context_is_read_from_a_file_or_from_beside_the_evidence(tmp_path: Path) -> None:
    assert read_context(tmp_path) == Context()
    file = tmp_path / "context.toml"
    file.write_text('accepted_domains = ["b\u00fccher.example"]', encoding="utf-8")
    expected = Context(accepted_domains=["b\u00fccher.example"])
    assert read_context(tmp_path) == expected
    assert read_context(str(file)) == expected


@pytest.mark.parametrize("content", [b"accepted_domains = [", b"unknown = 1", b'x = "\xff"'])
def test_a_context_file_that_cannot_be_used_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "context.toml").write_bytes(content)
    with pytest.raises(InvalidValueError, match=r"^context: ") as caught:
        read_context(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_context_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"nowhere\.toml cannot be read"):
        read_context(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "given", [[{"Subject": "x"}], ["EmailEvents"], "EmailEvents", pl.LazyFrame()]
)
def test_what_is_no_frame_is_refused_with_advice(given: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"expected a polars\.DataFrame or several"):
        MemorySource({"EmailEvents": given})
