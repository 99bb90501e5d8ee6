"""Every bullet and query of the playbook is answered; the pages made from values are current."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import attrs
import pytest

from exconn import FACTS, QUESTIONS, SIGNALS, Evidence, Grade, detectors
from exconn.facts import queries
from exconn.grading.actions import ActionId
from exconn.playbook import PLAYBOOK, Item, Section
from exconn.signals import Direction

GENERATE = Path(__file__).parent.parent / "docs" / "generate.py"

# The playbook's own structure, counted in the source document: bullets, tables, sample queries.
EXPECTED = {
    Section.OUTCOME: 2,
    Section.SIGNS: 1,
    Section.WORKFLOW: 9,
    Section.INVESTIGATING: 11,
    Section.TABLES: 3,
    Section.QUERIES: 6,
    Section.CONSIDERATIONS: 3,
    Section.ACTIONS: 4,
}


@pytest.mark.parametrize("item", PLAYBOOK, ids=lambda item: item.id)
def test_something_answers_each_item(item: Item) -> None:
    assert item.is_mapped
    shown = {f.name for f in (*attrs.fields(Evidence), *attrs.fields(Grade))}
    assert set(item.evidence) <= shown
    assert set(item.facts) <= {fact.name for fact in FACTS}
    assert set(item.signals) <= set(SIGNALS)
    assert set(item.questions) <= set(QUESTIONS)


def test_an_item_without_answers_is_seen_as_unmapped() -> None:
    assert not Item(id="x", section=Section.WORKFLOW, text="?", note="not an answer").is_mapped


def test_every_bullet_table_and_query_of_the_playbook_is_there_in_its_order() -> None:
    assert Counter(item.section for item in PLAYBOOK) == EXPECTED
    sections = [item.section for item in PLAYBOOK]
    assert sections == sorted(sections, key=list(Section).index)
    assert len({item.id for item in PLAYBOOK}) == len(PLAYBOOK)
    assert sum(item.text.startswith("Query ") for item in PLAYBOOK) == 5


def test_every_item_of_the_workflow_is_answered_in_so_many_words() -> None:
    workflow = [item for item in PLAYBOOK if item.section is Section.WORKFLOW]
    assert [item.id for item in workflow if not item.questions] == ["workflow.connector"]


def test_every_detector_query_signal_for_malice_and_action_serves_some_item_or_goes_beyond() -> (
    None
):
    used = {d.__name__ for item in PLAYBOOK for d in item.detectors}
    beyond_detectors = {"failed"}
    assert set(detectors.__all__) - used == beyond_detectors
    assert {a for item in PLAYBOOK for a in item.actions} == set(ActionId)
    asked = {q.__name__ for item in PLAYBOOK for q in item.queries}
    assert all(callable(getattr(queries, name)) for name in asked)
    beyond_families = {"configuration"}
    signals = {signal.id for item in PLAYBOOK for signal in item.signals}
    missing = {
        signal.id
        for signal in SIGNALS
        if signal.direction is Direction.FOR and signal.family not in beyond_families
    } - signals
    assert missing == set()


def test_the_generated_pages_are_what_the_code_says_now() -> None:
    spec = importlib.util.spec_from_file_location("generate", GENERATE)
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = generate
    spec.loader.exec_module(generate)
    assert [str(path) for path in generate.stale()] == []
