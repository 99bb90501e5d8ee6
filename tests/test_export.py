"""Evidence as frames and as files, and text that stays text in a spreadsheet."""

import csv
import io
from pathlib import Path

import attrs
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from exconn import Email, Evidence, Grade, Hunt, Logon
from exconn.grading import Tally, Total
from exconn.grading.export import csv_text, inert, write_tables
from exconn.unseen import visible
from exconn.window import iso
from incidents import attacked, graded
from sight import unseen

COMPUTED = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1", "=cmd|' /C calc'!A0", '="a"&"b"', "  =1", '"=1"',
    "x;=cmd|' /C calc'!A0;y", 'x; "=1"', "x,-1", "x|+1", "x;\uff20SUM(A1)", ';" ;" =1',
)  # fmt: skip
TEXTS = st.text(st.sampled_from([*COMPUTED, *";,|\t\r\n \"'aé\u3000"])) | st.sampled_from(FORMULAS)


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


def test_parts_of_the_evidence_without_rows_are_not_told() -> None:
    some = Evidence(sender_domains=(Tally("a.example", 3),), all_addresses=Total(2, 9, 1))
    assert repr(some) == "<Evidence: sender_domains 1>"
    assert some.to_frames()["totals"].rows() == [("addresses", 2, 9, 1)]
    assert list(some.to_frames()["changes"].columns)[:3] == ["Timestamp", "Connector", "ActionType"]
    assert not some.asked
    assert Total() == Total(0, 0, 0)


def test_a_grade_without_numbers_is_not_written(grade: Grade) -> None:
    nowhere = attrs.evolve(grade, margin=float("nan"))
    for broken in (nowhere, Hunt([nowhere])):
        with pytest.raises(ValueError, match="JSON"):
            broken.to_json()


def test_tables_and_records_are_written_as_they_are_but_for_what_is_empty(grade: Grade) -> None:
    told = grade.to_dict()
    for table, standing in zip(told["coverage"], grade.coverage, strict=True):
        first, last = standing.coverage.first, standing.coverage.last
        assert first is not None
        assert last is not None
        assert (table["first"], table["last"]) == (iso(first), iso(last))
        assert first < last
    for name in ("sample", "logons"):
        records = getattr(grade.evidence, name)
        for written, record in zip(told["evidence"][name], records, strict=True):
            held = attrs.asdict(record)
            assert set(written) == {key for key, value in held.items() if value not in ("", None)}


def test_a_hunt_shows_its_first_twenty_connectors(grade: Grade) -> None:
    assert repr(Hunt([grade] * 20)).count(grade.connector) == 20
    assert "more" not in repr(Hunt([grade] * 20))
    more = repr(Hunt([grade] * 21))
    assert more.count(grade.connector) == 20
    assert more.endswith("and 1 more")


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
    assert target.stat().st_mode & 0o777 == 0o700


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


def computed(text: str, separator: str, quote: str) -> list[str]:
    """The cells that a spreadsheet would compute, if it read a CSV so."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote)
    return [cell for row in rows for cell in row if cell.strip(' "').startswith(COMPUTED)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ['"', "~"])  # ~ is in no text: quotes are not read
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
@example([("a", text) for text in FORMULAS])
@example([(text, "a") for text in FORMULAS])
def test_no_cell_is_computed_wherever_a_spreadsheet_splits(
    separator: str, quote: str, texts: list[tuple[str, str]]
) -> None:
    frame = pl.DataFrame(texts, ["Subject", "Sender"], orient="row")
    assert computed(csv_text(frame), separator, quote) == []


def test_the_reader_sees_what_is_computed() -> None:
    assert computed('"a","x;=1;y"', ";", '"') == ["=1"]
    assert computed('"a","x; ""=1"";y"', ";", '"') == [' ""=1""']
    assert computed('" +1",2', ",", '"') == [" +1"]


@given(st.text() | TEXTS)
def test_a_text_in_csv_has_nothing_unseen_and_quotes_are_all_it_gains(text: str) -> None:
    told = inert(text)
    assert unseen(told) == set()
    assert inert(told) == told
    assert told.replace("'", "") == visible(text).replace("'", "")
    if not any(character in text for character in COMPUTED):
        assert told == visible(text)


@pytest.mark.parametrize(
    "text", ["Re: a - b", "x = y", "2026-03-25", "a@b.example; c@d.example", "(+49) 30", "a, b"]
)
def test_what_no_spreadsheet_computes_stays_as_it_is(text: str) -> None:
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
    assert [row[0] for row in told[1:]] == list(map(inert, FORMULAS))
