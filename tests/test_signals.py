"""What holds of every signal and every question."""

import re
import string
from collections.abc import Mapping

import attrs
import polars as pl
import pytest

from exconn.errors import InvalidValueError
from exconn.facts import FACTS, Unit
from exconn.grading import Policy
from exconn.grading.findings import State, findings
from exconn.signals import QUESTIONS, SIGNALS, Direction, Family, Question, Signal
from exconn.testing import check_signal

FACT = {fact.name: fact for fact in FACTS}
ids = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.id)


def frame(facts: Mapping[str, float | None]) -> pl.DataFrame:
    return pl.DataFrame([dict(facts)], schema=dict.fromkeys(facts, pl.Float64()))


def test_ids_are_unique_and_name_their_family() -> None:
    assert len({signal.id for signal in SIGNALS}) == len(SIGNALS)
    for signal in SIGNALS:
        _, _, name = signal.id.partition(".")
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name), signal.id


def test_every_family_speaks_for_malice_or_is_the_context() -> None:
    for family in Family:
        directions = {signal.direction for signal in SIGNALS if signal.family is family}
        wanted = Direction.AGAINST if family is Family.CONTEXT else Direction.FOR
        assert wanted in directions


@ids
def test_a_signal_is_documented(signal: Signal) -> None:
    assert signal.references
    assert all(re.fullmatch(r"https://[\w.-]+/\S+", source) for source in signal.references)
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", attack) for attack in signal.attack_ids)
    assert len(set(signal.attack_ids)) == len(signal.attack_ids)
    assert signal.title[0].islower() or signal.title.startswith("SenderObjectId")
    assert not signal.title.endswith(".")
    assert signal.rationale.endswith(".")
    assert signal.sentence.endswith(".")
    assert not signal.remediation or signal.remediation.endswith(".")
    assert signal.question in QUESTIONS
    against = signal.direction is Direction.AGAINST
    assert not (against and (signal.attack_ids or signal.remediation))


@ids
def test_a_signal_does_what_its_examples_say(signal: Signal) -> None:
    check_signal(signal)


@ids
def test_examples_differ_in_few_facts(signal: Signal) -> None:
    differing = [name for name in signal.facts if signal.fires[name] != signal.nearly[name]]
    assert 1 <= len(differing) <= 2


@ids
def test_a_signal_without_facts_says_that_it_could_not_be_assessed(signal: Signal) -> None:
    nothing: dict[str, float | None] = dict.fromkeys(signal.facts)
    (found,) = findings(nothing, {signal.id: None}, [signal], [], Policy())
    assert found.state is State.UNASSESSED
    assert found.contribution == 0
    assert found.sentence.startswith("Could not be assessed: ")


@ids
def test_sentences_tell_the_facts_they_name(signal: Signal) -> None:
    (fired,) = findings(signal.fires, {signal.id: True}, [signal], [], Policy())
    assert fired.state is State.FIRED
    assert not set("{}") & set(fired.sentence)
    named = [name for _, name, _, _ in string.Formatter().parse(signal.sentence) if name]
    assert named
    assert set(named) <= set(signal.facts)
    for _, name, form, _ in string.Formatter().parse(signal.sentence):
        if name:
            assert (form or "").endswith("%") == (FACT[name].unit is Unit.SHARE)
    (clear,) = findings(signal.nearly, {signal.id: False}, [signal], [], Policy())
    assert clear.state is State.CLEAR
    assert clear.sentence == f"Not so: {signal.title}."


@ids
def test_a_signal_shows_itself_in_short(signal: Signal) -> None:
    shown = repr(signal)
    assert signal.id in shown
    for name in ("when", "question", "rationale", "fires", "nearly", "remediation", "absent"):
        assert f" {name}=" not in shown
        assert f"({name}=" not in shown
    assert "https://" not in shown


def test_question_ids_are_unique_and_their_answers_rest_on_facts() -> None:
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)
    for question in QUESTIONS:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", question.id)
        assert question.text.endswith("?")
        assert set(question.facts) <= set(FACT)
        assert len(set(question.facts)) == len(question.facts)


def test_every_question_has_a_signal_or_asks_what_facts_alone_answer() -> None:
    asked = {signal.question.id for signal in SIGNALS}
    assert {question.id for question in QUESTIONS} - asked == {
        "sender-known",
        "who-else",
    }


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_questions_can_be_answered_both_ways(question: Question) -> None:
    needed = question.answer.meta.root_names()
    candidates = [0.0, 0.5, 1.0, 2.0, 10.0, 25.0, 1000.0]
    answers = {
        frame(dict.fromkeys(needed, value) | {name: other}).select(question.answer).item()
        for value in candidates
        for other in candidates
        for name in needed
    }
    assert answers == {True, False}


def test_a_signal_about_what_is_no_fact_cannot_be_made() -> None:
    signal = SIGNALS[0]
    with pytest.raises(InvalidValueError, match="no fact 'nonsense'"):
        attrs.evolve(signal, when=pl.col("nonsense") > 0)
    with pytest.raises(InvalidValueError, match="no fact 'nonsense'"):
        attrs.evolve(signal, sentence="{nonsense}.")
    with pytest.raises(InvalidValueError, match="does not read"):
        attrs.evolve(signal, sentence="{grants:.0f}.")
    for weight in (0.0, -1.0, float("nan")):
        with pytest.raises(InvalidValueError, match="positive"):
            attrs.evolve(signal, weight=weight)
