"""What values look like in a notebook; and the example notebook, executed."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import case
from exconn import EMAIL_EVENTS, SIGNALS, Classification, Evidence, Grade, Hunt, hunt, scan
from exconn.facts.catalogue import CATALOGUE, Asked
from exconn.grading import Event, Tally
from exconn.kql.colours import coloured
from exconn.reports.words import EVENTS
from exconn.unseen import visible
from exconn.window import Period
from incidents import AT, DAY, attacked, graded, source
from sight import unseen

NOTEBOOK = Path(__file__).parent.parent / "examples" / "incident.ipynb"
HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J\"'><img src=x onerror=alert(2)>&lt;b&gt;"
ASKED = Asked(
    period=Period(AT - DAY, AT),
    connector='a"b',
    accounts=("one",),
    addresses=("192.0.2.1",),
    domains=("a.example",),
    accepted_domains=("b.example",),
)


class Reader(HTMLParser):
    """Reads a fragment: its elements, their attributes, and its text."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.told: list[str] = []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.told.append(data)

    @property
    def text(self) -> str:
        return "".join(self.told)


def read(fragment: str) -> Reader:
    """A fragment's reader, after what every fragment must be was seen."""
    found = Reader(fragment)
    assert not found.open
    assert not found.elements & {"script", "html", "head", "body", "iframe", "img", "link"}
    assert found.attributes <= {"class", "datetime", "href", "rel"}
    assert unseen(fragment.replace("\n", "")) == set()
    assert "http://" not in fragment
    return found


@cache
def hunted() -> Hunt:
    return hunt(source(attacked()))


@cache
def full() -> Grade:
    return graded(attacked())


def hostile() -> Grade:
    """The grade of the attack as if its texts had been chosen to harm who looks at it."""
    evidence = attrs.evolve(
        full().evidence,
        addresses=(Tally(HOSTILE, 3),),
        message_ids=(HOSTILE,),
        other_connectors=(HOSTILE,),
    )
    return attrs.evolve(
        full(),
        connector=HOSTILE,
        summary=HOSTILE,
        timeline=(Event(AT, "change", HOSTILE),),
        evidence=evidence,
    )


def test_a_hunt_is_a_tuple_that_keeps_its_kind_when_it_is_cut() -> None:
    found = hunted()
    assert isinstance(found, tuple)
    assert found[0] is next(iter(found))
    assert found[-1] in found
    assert isinstance(found[:2], Hunt)
    assert found[:2] == tuple(found)[:2]
    assert not Hunt()


def test_a_hunt_has_a_row_for_each_connector_in_its_frame() -> None:
    frame = hunted().to_frame()
    assert frame.columns == [
        "connector",
        "at",
        "classification",
        "determination",
        "score",
        "margin",
        "confidence",
    ]
    assert frame["connector"].to_list() == [g.connector for g in hunted()]
    assert frame["at"].to_list() == [g.at for g in hunted()]
    assert frame["classification"][0] == "truePositive"
    assert Hunt().to_frame().schema == frame.schema


def test_a_grade_and_a_hunt_print_in_short() -> None:
    found = full()
    assert repr(found) == str(found)
    assert re.fullmatch(
        rf"<Grade '{re.escape(found.connector)}': truePositive \(multiStagedAttack\), "
        r"score 1\.00, margin \+\d+\.\d\d, at 2026-03-25T08:00Z>",
        repr(found),
    )
    lines = repr(hunted()).splitlines()
    assert lines[0] == f"<Hunt: {len(hunted())} connectors, the most suspicious first>"
    assert hunted()[0].connector in lines[1]
    assert len(lines) == len(hunted()) + 1
    assert repr(Hunt([full()] * 30)).splitlines()[-1] == "  and 10 more"
    assert repr(full().evidence).startswith("<Evidence: changes ")
    assert repr(Evidence()) == "<Evidence: none>"
    for shown in (repr(hostile()), repr(Hunt([hostile()]))):
        assert unseen(shown.replace("\n", "")) == set()
    endless = attrs.evolve(full(), connector="A" * 100_000)
    assert len(repr(endless)) < 1_000
    assert len(repr(Hunt([endless]))) < 1_000


def test_a_grade_shows_its_verdict_reasons_timeline_and_steps() -> None:
    told = read(full()._repr_html_()).text
    assert "Malicious" in told
    assert full().connector in told
    assert full().summary in told
    assert full().contributions[0].sentence in told
    assert all(EVENTS[event.kind] in told for event in full().timeline)
    assert all(action.what in told for action in full().actions)


def test_a_grade_says_what_could_not_be_assessed() -> None:
    unknown = read(case("truncated-mail-log")._repr_html_()).text
    assert "Could not be assessed: " in unknown
    assert "EmailEvents is partial" in unknown
    assert "Could not be assessed" not in read(case("hijacked-connector")._repr_html_()).text


def test_a_hunt_shows_a_row_for_each_connector_up_to_fifty() -> None:
    told = read(hunted()._repr_html_()).text
    assert all(found.connector in told for found in hunted())
    assert "and 10 more" in read(Hunt([full()] * 60)._repr_html_()).text
    assert "No connector" in read(Hunt()._repr_html_()).text


@pytest.mark.parametrize("classification", Classification)
def test_every_verdict_has_words_and_a_shape(classification: Classification) -> None:
    found = attrs.evolve(full(), classification=classification)
    assert re.search("[▲●◆]", read(found._repr_html_()).text)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.id)
def test_a_signal_shows_what_it_is(signal: object) -> None:
    assert isinstance(signal, type(SIGNALS[0]))
    told = read(signal._repr_html_()).text
    for part in (signal.id, signal.title, signal.sentence, signal.rationale, signal.question.text):
        assert visible(part) in told


def test_evidence_shows_the_first_rows_of_each_table_that_has_some() -> None:
    told = read(full().evidence._repr_html_()).text
    for name, frame in full().evidence.to_frames().items():
        title = f"{name.replace('_', ' ').capitalize()} ({frame.height:,})"
        assert (title in told) == (frame.height > 0)
    assert full().evidence.changes[0].operation in told
    assert "No evidence" in read(Evidence()._repr_html_()).text


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_query_shows_its_kql_to_the_letter(name: str) -> None:
    query = CATALOGUE[name](ASKED)
    found = read(query._repr_html_())
    assert query.to_kql() in found.text
    assert all(column in found.text for column in query.schema)


def test_a_query_without_kql_shows_why() -> None:
    query = scan(EMAIL_EVENTS).with_columns(Running=pl.col("UrlCount").cum_sum())
    told = read(query._repr_html_()).text
    assert "No KQL" in told
    assert "'Running'" in told


def test_hostile_text_is_shown_as_text() -> None:
    shown = visible(HOSTILE)
    query = scan(EMAIL_EVENTS).filter(pl.col("Subject") == HOSTILE)
    for value in (hostile(), Hunt([hostile()]), hostile().evidence):
        assert shown in read(value._repr_html_()).text
    assert "<script>alert(1)</script>" in read(query._repr_html_()).text


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_colours_leave_every_line_as_it_is(line: str) -> None:
    assert "".join(part for part, _ in coloured(line)) == line


def test_colours_tell_keywords_functions_strings_and_numbers_apart() -> None:
    line = '| where tolower(Subject) in ("where 1d", "\\"x") and Hour >= bin(Last, 1h)'
    parts = [(part, kind) for part, kind in coloured(line) if kind]
    assert parts == [
        ("where", "keyword"),
        ("tolower", "function"),
        ("in", "keyword"),
        ('"where 1d"', "string"),
        ('"\\"x"', "string"),
        ("and", "keyword"),
        ("bin", "function"),
        ("1h", "literal"),
    ]


def test_the_example_notebook_runs_and_shows_what_it_promises() -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [output["data"].get("text/html", "") for cell in cells for output in cell.outputs]
    assert len(shown) == len(cells) - 1  # the first only makes the tenant
    assert all(shown)
    assert sum('class="exconn"' in html for html in shown) == 5
    assert sum("vegaEmbed" in html for html in shown) == 2
    assert "Malicious" in shown[0]
    assert 'class="keyword"' in shown[-1]
