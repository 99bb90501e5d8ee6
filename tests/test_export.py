"""Evidence as frames and as files, and text that stays text in a spreadsheet."""

import csv
import io
from pathlib import Path

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from exconn import Email, Evidence, Grade, Logon
from exconn.grading import Tally, Total
from exconn.grading.export import csv_text, inert, write_tables
from exconn.unseen import UNSEEN
from incidents import attacked, graded

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '="a"&"b"')


@pytest.fixture(scope="module")
def grade() -> Grade:
    return graded(attacked())


@pytest.fixture(scope="module")
def evidence(grade: Grade) -> Evidence:
    return grade.evidence


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_each_part_of_the_evidence_has_a_frame_of_its_size(evidence: Evidence) -> None:
    frames = evidence.to_frames()
    parts = {field.name: getattr(evidence, field.name) for field in attrs.fields(Evidence)}
    lists = {name: part for name, part in parts.items() if isinstance(part, tuple)}
    assert list(frames) == [*lists, "totals"]
    for name, part in lists.items():
        assert frames[name].height == len(part)
    for name, values, count, untold in frames["totals"].iter_rows():
        assert Total(values, count, untold) == parts[f"all_{name}"]
    assert frames["totals"].height == len(parts) - len(lists) - 1
    assert frames["changes"]["Connector"].to_list() == [c.connector for c in evidence.changes]
    assert frames["hours"]["Messages"].to_list() == [h.messages for h in evidence.hours]
    assert tuple(Logon.from_frame(frames["logons"])) == evidence.logons
    assert tuple(Email.from_frame(frames["sample"])) == evidence.sample


def test_evidence_without_rows_has_the_same_columns(evidence: Evidence) -> None:
    none = Evidence().to_frames()
    assert {name: frame.schema for name, frame in none.items()} == {
        name: frame.schema for name, frame in evidence.to_frames().items()
    }


def test_written_evidence_is_whole_in_parquet_and_readable_in_csv(
    evidence: Evidence, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "tables"
    written = evidence.write(target)
    assert sorted(written) == sorted(target.iterdir())
    for name, frame in evidence.to_frames().items():
        assert_frame_equal(pl.read_parquet(target / f"{name}.parquet"), frame)
        told = cells((target / f"{name}.csv").read_text("utf-8-sig"))
        assert told[0] == frame.columns
        assert len(told) == frame.height + 1
    assert {file.stat().st_mode & 0o777 for file in written} == {0o600}


def test_writing_again_replaces_the_files_and_leaves_others_alone(
    evidence: Evidence, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    evidence.write(tmp_path)
    Evidence().write(tmp_path)
    assert pl.read_parquet(tmp_path / "changes.parquet").is_empty()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2 * len(Evidence().to_frames()) + 1


def test_nothing_is_written_where_one_table_cannot_be(tmp_path: Path) -> None:
    good, bad = pl.DataFrame({"A": [1]}), pl.DataFrame({"A": [object()]}, {"A": pl.Object()})
    with pytest.raises(Exception, match=r"(?i)object"):
        write_tables({"good": good, "bad": bad}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_folder_is_replaced_and_not_followed(
    evidence: Evidence, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("untouched")
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "changes.csv").symlink_to(outside)
    evidence.write(inside)
    assert outside.read_text() == "untouched"
    assert not (inside / "changes.csv").is_symlink()


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_compute_begins_with_a_quote(text: str) -> None:
    assert inert(text).startswith("'")


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_no_cell_is_a_formula_or_has_anything_unseen_and_the_rest_is_as_it_was(text: str) -> None:
    for shown in (inert(text), inert(f"={text}"), inert(f"\t{text}")):
        assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert not UNSEEN.search(shown)
    if not UNSEEN.search(text) and not text.startswith(("=", "+", "-", "@")):
        assert inert(text) == text


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")), max_size=5))
def test_a_csv_has_a_line_for_each_row_and_every_text_in_quotes(texts: list[str]) -> None:
    frame = pl.DataFrame({"Subject": texts}, {"Subject": pl.String()})
    text = csv_text(frame)
    assert cells(text) == [["Subject"], *([inert(value)] for value in texts)]
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())


def test_numbers_times_and_nothing_are_written_plainly() -> None:
    frame = pl.DataFrame({"N": [-5, None], "B": [True, None]})
    assert csv_text(frame) == '"N","B"\r\n-5,"true"\r\n"",""\r\n'


def test_hostile_values_are_whole_in_parquet_and_inert_in_csv(
    evidence: Evidence, tmp_path: Path
) -> None:
    hostile = attrs.evolve(evidence, addresses=tuple(Tally(text, 1) for text in FORMULAS))
    hostile.write(tmp_path)
    kept = pl.read_parquet(tmp_path / "addresses.parquet")["Address"].to_list()
    assert kept == list(FORMULAS)
    told = cells((tmp_path / "addresses.csv").read_text("utf-8-sig"))
    assert all(row[0].startswith("'") for row in told[1:])
