"""A grade in Markdown: short, and with no text in it that acts."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cases import HOSTILE, NAMES, attacked, case, hunted, poisoned
from exconn import Alert, Answer, grade
from exconn.grading import Click, Clicks, SimilarMail, Tally, Total
from exconn.reports.markdown import code, prose
from exconn.reports.words import EVENTS, title
from exconn.unseen import visible
from incidents import AT, honest, source
from sight import unseen

NASTY = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text("`*_[]()<>#|~&@!\\:/-+.1w \n\x00"))
KNOWN = {
    "heading_open", "heading_close", "paragraph_open", "paragraph_close", "bullet_list_open",
    "bullet_list_close", "list_item_open", "list_item_close", "inline", "text", "code_inline",
    "strong_open", "strong_close", "softbreak",
}  # fmt: skip


def tokens(text: str) -> list[Token]:
    """What a Markdown parser makes of it, inner parts too."""
    found = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [inner for token in found for inner in (token, *(token.children or ()))]


@pytest.mark.parametrize("name", NAMES)
def test_a_ticket_has_verdict_events_indicators_why_answers_steps_radius_and_coverage(
    name: str,
) -> None:
    found = case(name)
    text = found.to_markdown()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        text.splitlines()[0],
        "## What happened",
        "## Indicators",
        "## Why",
        "## Questions",
        "## Next steps",
        "## Blast radius",
        "## Coverage",
    ]
    assert f"`{found.classification.value}`, `{found.determination.value}`" in text
    for answered in found.answers:
        assert answered.question.text in text
    for standing in found.coverage:
        assert f"- **{standing.coverage.table.name}:** {standing.state.value}" in text
    assert len(text) < 7_000


def part(text: str, title: str) -> list[str]:
    """The lines of a part of a ticket."""
    return text.partition(f"## {title}\n\n")[2].partition("\n\n")[0].splitlines()


def test_a_ticket_says_what_happened_when() -> None:
    told = part(attacked().to_markdown(), "What happened")
    assert len(told) == len(attacked().timeline)
    for line, event in zip(told, attacked().timeline, strict=True):
        assert line.startswith(f"- {event.time:%Y-%m-%d %H:%M:%S} UTC, **{EVENTS[event.kind]}:** ")
    [change] = attacked().evidence.changes
    [line] = [line for line in told if "**change:**" in line]
    for text in (change.operation, change.actor.name, change.address):
        assert text in line


def test_of_a_long_timeline_a_ticket_has_of_each_kind_what_is_nearest() -> None:
    [change] = [event for event in attacked().timeline if event.kind == "change"]
    near = attacked().at - change.time
    routine = tuple(
        attrs.evolve(change, time=change.time - number * near, summary=f"routine {number}.")
        for number in range(1, 31)
    )
    events = sorted((*routine, *attacked().timeline), key=lambda event: event.time)
    told = part(attrs.evolve(attacked(), timeline=tuple(events)).to_markdown(), "What happened")
    assert len(told) == 10
    assert told[-1] == f"- and {len(events) - 9} other events, in the HTML report"
    times = [line[2:21] for line in told[:-1]]
    assert times == sorted(times)
    for event in attacked().timeline:
        assert any(f"{event.time:%Y-%m-%d %H:%M:%S}" in line for line in told)


def test_a_ticket_names_who_changed_the_connector_and_where_its_mail_is_from() -> None:
    told = "\n".join(part(attacked().to_markdown(), "Indicators"))
    evidence = attacked().evidence
    [change] = evidence.changes
    assert f"**Changed by:** `{change.actor.name}` (1 change)" in told
    assert f"**Changed from:** `{change.address}` (1 change)" in told
    for tally in (*evidence.addresses, *evidence.sender_domains):
        assert f"`{tally.value}` ({tally.count:,})" in told
    for sender in evidence.senders[:5]:
        assert f"`{sender.p2_address}`" in told
    assert f" and {len(evidence.senders) - 5} more" in told


def test_a_ticket_says_how_many_indicators_there_are_in_all() -> None:
    evidence = attrs.evolve(
        attacked().evidence,
        addresses=tuple(Tally(f"192.0.2.{n}", 9) for n in range(20)),
        all_addresses=Total(values=70, count=900, untold=30),
    )
    told = "\n".join(part(attrs.evolve(attacked(), evidence=evidence).to_markdown(), "Indicators"))
    assert "`192.0.2.4` (9), too many to tell apart (30 messages); 70 in all\n" in told
    assert "192.0.2.5" not in told


def test_a_ticket_says_how_far_the_incident_reaches() -> None:
    time = attacked().at
    mail = (
        SimilarMail("192.0.2.7", "", "Other", 3, 4, time, time, 2),
        SimilarMail("", "new.example", "", 1, 1, time, time, 0),
    )
    latest = tuple(Click(time, f"{n}@a.example", "", "", None) for n in (1, 2, 2, 3, 4, 5, 6))
    radius = attrs.evolve(attacked().radius, mail=mail, clicks=Clicks(1_200, 9, latest))
    told = part(attrs.evolve(attacked(), radius=radius).to_markdown(), "Blast radius")
    assert (
        "- **Other mail:** `192.0.2.7` through `Other` (3 messages, 2 before), `new.example` "
        "(1 message)"
    ) in told
    accounts = ", ".join(f"`{n}@a.example`" for n in range(1, 6))
    assert f"- **Clicks:** 1,200 by 9 accounts: {accounts} and 1 more" in told


def test_indicators_that_are_not_known_are_not_called_none() -> None:
    tenant = honest()
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
    seen = part(grade(source(tenant), alert).to_markdown(), "Indicators")
    assert seen[:2] == ["- **Changed by:** none", "- **Changed from:** none"]
    missing = "not known (CloudAppEvents is missing)"
    unseen = part(grade(source(tenant, CloudAppEvents=None), alert).to_markdown(), "Indicators")
    assert unseen[:2] == [f"- **Changed by:** {missing}", f"- **Changed from:** {missing}"]
    hunted_only = part(hunted()[0].to_markdown(), "Indicators")
    assert hunted_only[-1].startswith("- **Senders:** not known (not asked for;")


def test_a_ticket_is_made_of_plain_parts_only() -> None:
    for found in (attacked(), *map(case, NAMES)):
        assert {token.type for token in tokens(found.to_markdown())} <= KNOWN


def test_answers_stand_under_what_they_are() -> None:
    [unknown] = [
        line
        for line in case("truncated-mail-log").to_markdown().splitlines()
        if line.startswith("- **Not known:** Does")
    ]
    for answered in case("truncated-mail-log").answers:
        assert (answered.question.text in unknown) == (answered.answer is Answer.UNASSESSED)


@given(st.lists(NASTY, min_size=1, max_size=4))
@settings(max_examples=50)
def test_no_text_of_the_evidence_acts_in_a_ticket(texts: list[str]) -> None:
    found = poisoned(attacked(), *texts)
    text = found.to_markdown()
    assert unseen(text.replace("\n", "")) == set()
    assert {token.type for token in tokens(text)} <= KNOWN
    assert [token.tag for token in tokens(text) if token.type == "heading_open"] == [
        "h1",
        *["h2"] * 7,
    ]


@pytest.mark.parametrize("text", ["A" * 100_000, "many words " * 10_000])
def test_a_ticket_is_short_however_long_the_texts_are(text: str) -> None:
    made = poisoned(attacked(), text).to_markdown()
    assert "more characters" in made
    assert len(made) < 50_000


@given(NASTY)
def test_a_title_is_one_line_in_which_all_can_be_seen(text: str) -> None:
    told = title(attrs.evolve(attacked(), connector=text))
    assert told.startswith("Malicious: connector ")
    assert unseen(told) == set()
    assert len(title(attrs.evolve(attacked(), connector=text * 1_000))) < 2_000


@given(NASTY)
def test_code_is_one_span_that_says_the_text(text: str) -> None:
    shown = visible(text)
    parts = [token for token in tokens(f"A {code(text)} b") if token.type != "inline"]
    spans = [token.content for token in parts if token.type == "code_inline"]
    if shown.strip(" ") and len(shown) <= 120:
        assert spans == [shown]
    assert {token.type for token in parts} <= KNOWN


@given(NASTY)
def test_prose_is_one_paragraph_without_links_and_mentions(text: str) -> None:
    made = prose(text)
    assert {token.type for token in tokens(made)} <= KNOWN - {"bullet_list_open", "strong_open"}
    outside = "".join(token.content for token in tokens(made) if token.type == "text")
    assert "@" not in outside
    assert "://" not in outside
    assert "www." not in outside.lower()


def test_sentences_stay_as_they_are() -> None:
    for found in map(case, NAMES):
        for finding in found.contributions:
            assert prose(finding.sentence) == finding.sentence
        for answered in found.answers:
            assert prose(answered.question.text) == answered.question.text
