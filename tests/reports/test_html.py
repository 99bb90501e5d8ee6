"""The HTML reports: what they say, and that no text in them acts."""

import re
from datetime import timedelta
from html import escape

import attrs
import pytest
from audit import Audit, audited
from hypothesis import given, settings
from hypothesis import strategies as st

import incidents
from cases import HOSTILE, NAMES, attacked, case, hunted, poisoned
from exconn import Alert, Classification, Policy, State, grade, hunt, reports
from exconn.detectors import through
from exconn.facts.queries import link_clicks, mail_from
from exconn.grading import Clicks, SimilarMail, Tally, Total
from exconn.reports.markup import Html, element, join, lines, link, stylesheet
from exconn.reports.page import css
from exconn.signals.question import VOLUME_EXPECTED
from exconn.signals.volume import SURGE
from exconn.unseen import visible
from exconn.window import Period
from incidents import AT, change, graded, honest, mail, source, strangers
from sight import unseen

NASTY = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text("<>&\"'`/=: scriptonav\\\x00\u202e"))


def parsed(made: str) -> Audit:
    audit = Audit()
    audit.feed(made)
    audit.close()
    return audit


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("hijacked-connector", "Malicious"),
        ("weekly-billing-run", "Expected activity"),
        ("truncated-mail-log", "Undecided"),
    ],
)
def test_a_report_says_the_verdict_and_what_it_rests_on(name: str, verdict: str) -> None:
    found = case(name)
    page = found.to_html()
    texts = " ".join(audited(page).texts)
    assert f"{verdict}: connector {found.connector}" in texts
    assert found.determination.value in texts
    for told in (
        found.summary,
        *(finding.sentence for finding in found.contributions),
        *(answered.question.text for answered in found.answers),
        *(event.summary for event in found.timeline if len(event.summary) < 600),
        *(standing.coverage.table.name for standing in found.coverage),
        *(considered.alternative.title for considered in found.alternatives),
        *(tally.value for tally in found.evidence.recipient_domains),
        *(reason for standing in found.coverage for reason in standing.reasons),
        *(reason for reason in found.radius.unknown),
    ):
        assert told in texts


def test_commands_and_queries_can_be_copied_as_they_stand() -> None:
    found = attacked()
    audit = audited(found.to_html())
    commands = [action.command for action in found.actions]
    undone = [action.undo for action in found.actions if action.undo]
    queries = [look.kql for look in found.looks]
    assert {*commands, *undone, *queries} <= set(audit.commands)
    assert any(text.startswith("IdentityLogonEvents\n| where") for text in audit.commands)


def test_every_answer_leads_to_the_query_that_shows_it() -> None:
    audit = audited(attacked().to_html())
    asked = {f"#kql-{answered.question.shown_by}" for answered in attacked().answers}
    assert asked <= set(audit.values("href"))


def cells(page: str, caption: str) -> list[list[str]]:
    """The texts of a table's cells, row by row."""
    table = page.partition(f"<caption>{caption}</caption>")[2].partition("</table>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("<tr>")[1:]]
    return [["".join(parsed(cell).texts) for cell in row] for row in rows]


def test_a_share_is_of_all_and_is_told_in_words() -> None:
    counts = (Tally("192.0.2.1", 60), Tally("192.0.2.2", 15))
    evidence = attrs.evolve(
        attacked().evidence,
        addresses=counts,
        all_addresses=Total(values=9, count=120),
        other_bulk_senders=counts,
    )
    page = attrs.evolve(attacked(), evidence=evidence).to_html()
    assert cells(page, "Sending addresses") == [
        ["Address", "Messages", "Share"],
        ["192.0.2.1", "60", "50.0%"],
        ["192.0.2.2", "15", "12.5%"],
    ]
    assert [len(row) for row in cells(page, "Others who sent in bulk to outside")] == [2, 2, 2]
    table = page.partition("<caption>Sending addresses")[2].partition("</table>")[0]
    assert re.findall(r'width="([\d.]+)" height="8"', table) == ["50", "12.5"]


def test_reasons_say_in_words_what_they_speak_for() -> None:
    page, reasons = attacked().to_html(), attacked().contributions
    caption = "Reasons, the weightiest first"
    [head, *rows] = cells(page, caption)
    rows += cells(page, f"{caption}: the other {len(reasons) - 10}")[1:]
    column = head.index("For or against")
    told = [row[column] for row in rows]
    assert told == ["for" if reason.contribution > 0 else "against" for reason in reasons]
    assert set(told) == {"for", "against"}


def test_every_reason_leads_to_the_query_that_shows_it() -> None:
    found = attacked()
    section = found.to_html().partition('id="reasons"')[2].partition("</section>")[0]
    rows = {
        sentence: row
        for row in section.split("<tr>")
        for sentence in re.findall(r'<th scope="row" class="text">(.*?)</th>', row)
    }
    assert len(rows) == len(found.contributions)
    for finding in found.contributions:
        burst = finding.signal.id == "logon.burst"
        name = "logon_seconds" if burst else finding.signal.question.shown_by
        assert f'href="#kql-{name}"' in rows[escape(finding.sentence)]
    assert {finding.signal.id for finding in found.contributions} >= {"logon.burst"}


def test_a_reason_without_a_query_has_no_link() -> None:
    question = attrs.evolve(VOLUME_EXPECTED, id="mine", text="Does it matter?", shown_by="mine")
    signal = attrs.evolve(SURGE, id="volume.mine", question=question)
    found = graded(incidents.attacked(), signals=[signal])
    assert [finding.signal for finding in found.contributions] == [signal]
    page = found.to_html()
    audited(page)
    assert "Does it matter?" in page
    assert "#kql-mine" not in page


def test_the_blast_radius_leads_to_the_queries_that_show_it() -> None:
    found = attacked()
    start = found.window.start
    similar = SimilarMail("192.0.2.7", "", "Other", 3, 4, start, start, 0)
    new = SimilarMail("", "new.example", "", 3, 4, start, start, 0)
    reached = attrs.evolve(found.radius, mail=(similar, new), clicks=Clicks())
    audit = audited(attrs.evolve(found, radius=reached).to_html())
    assert {"#kql-mail_from", "#kql-link_clicks"} <= set(audit.values("href"))
    [mail] = [text for text in audit.commands if '"new.example"' in text]
    assert mail == mail_from(found.window.period, ["192.0.2.7"], ["new.example"]).to_kql()
    [clicks] = [text for text in audit.commands if "UrlClickEvents" in text]
    mailed = Period(start, found.window.end)
    clicked = Period(start, found.window.end + timedelta(days=7))
    assert clicks == link_clicks(clicked, through(found.connector), mailed).to_kql()
    nothing = attrs.evolve(found.radius, mail=(), clicks=None)
    unlinked = audited(attrs.evolve(found, radius=nothing).to_html())
    assert not {"#kql-mail_from", "#kql-link_clicks"} & set(unlinked.values("href"))


def test_what_could_not_be_assessed_is_said_to_be_no_reassurance() -> None:
    unknown, whole = case("truncated-mail-log"), case("hijacked-connector")
    page = unknown.to_html()
    doubts = [finding for finding in unknown.findings if finding.state is State.UNASSESSED]
    assert f"{len(doubts)} of {len(unknown.findings)} signals could not be assessed" in page
    assert "Absence is not innocence" in page
    assert 'class="gap"' in page
    assert "Absence is not innocence" not in whole.to_html()


def test_tables_have_captions_and_headings() -> None:
    page = attacked().to_html()
    audit = audited(page)
    assert page.count("<table>") == page.count("<caption>") > 10
    assert {tag for tag, name, _ in audit.attributes if name == "scope"} == {"th"}
    assert page.count("<th ") == len(audit.values("scope"))
    assert page.count("<main") == page.count("<h1") == page.count("<header") == 1


def test_the_thresholds_are_those_of_the_policy() -> None:
    found = attrs.evolve(case("hijacked-connector"), policy=Policy(true_positive=9.25, benign=-4.5))
    assert "malicious from +9.25 on, benign up to \u22124.50" in found.to_html()


def test_a_grade_of_a_hunt_and_one_without_mail_have_reports() -> None:
    for found in hunted():
        audited(found.to_html())
    nothing = attrs.evolve(
        case("truncated-mail-log"),
        evidence=attrs.evolve(
            case("truncated-mail-log").evidence,
            hours=(), changes=(), deeds=(), logons=(), sample=(), senders=(), addresses=(),
            sender_domains=(), recipient_domains=(), message_ids=(), other_bulk_senders=(),
        ),
        timeline=(),
        actions=(),
        looks=(),
        coverage=(),
        findings=(),
    )  # fmt: skip
    page = nothing.to_html()
    audited(page)
    for told in ("No mail is seen in the window.", "Nothing is recommended.", "No signal fired."):
        assert told in page


def test_a_report_says_what_a_list_leaves_out() -> None:
    sprayed = graded(mail(honest(), n=1_200, recipients=strangers(1_200)))
    total = sprayed.evidence.all_recipient_domains
    page = sprayed.to_html()
    assert f"of {total.values:,} recipients&#x27; domains, with" in page
    assert f"{total.untold:,} deliveries are of hours with too many names to tell apart." in page


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("EmailEvents", ["Recipients&#x27; domains: not known (EmailEvents is missing)."]),
        ("CloudAppEvents", ["Not known (CloudAppEvents is missing).", ">not known<"]),
        ("IdentityLogonEvents", ["Not known (IdentityLogonEvents is missing).", ">not known<"]),
    ],
)
def test_what_is_not_known_is_not_called_none(table: str, told: list[str]) -> None:
    tenant = change(honest(), {"SenderDomains": "smtp:*;1"})
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
    found = grade(source(tenant, **{table: None}), alert)
    page = found.to_html()
    for text in told:
        assert text in page
    assert ("inferred" in page) is (table != "EmailEvents")


def test_an_overview_without_a_mail_log_does_not_say_that_there_is_no_mail() -> None:
    [*grades] = hunt(source(change(honest(), {"Comment": "x"}), EmailEvents=None))
    assert grades
    page = reports.overview(grades)
    assert page.count("mail not known: EmailEvents is missing") == len(grades)
    assert "at most 0 an hour" not in page


def test_what_a_hunt_did_not_ask_for_is_not_called_none() -> None:
    page = hunted()[0].to_html()
    assert page.count("Not asked for: grade the connector by itself to see them.") >= 2


def test_an_overview_ranks_all_connectors_with_a_chart_of_each() -> None:
    page = reports.overview(hunted())
    audit = audited(page)
    texts = " ".join(audit.texts)
    places = [page.index(f"<b>{found.connector}</b>") for found in hunted()]
    assert places == sorted(places)
    assert page.count('class="small"') == len(hunted())
    assert f"{len(hunted())} connectors" in texts
    counts = [g.classification for g in hunted()]
    assert f" {counts.count(Classification.TRUE_POSITIVE)} " in texts


def test_an_overview_speaks_of_gaps_only_where_there_are_some() -> None:
    whole, cut = case("hijacked-connector"), case("truncated-mail-log")
    assert "; no window has a gap." in reports.overview([whole])
    page = reports.overview([whole, cut])
    assert f"{cut.connector}, at {cut.at:%Y-%m-%d %H:%M} UTC, which has the most gaps." in page


def test_an_overview_of_nothing_says_so() -> None:
    page = reports.overview([])
    audited(page)
    assert "No connector has mail or changes" in page


@pytest.mark.parametrize("name", [*NAMES, "attacked"])
def test_hostile_texts_are_shown_and_do_nothing(name: str) -> None:
    found = attacked() if name == "attacked" else case(name)
    page = poisoned(found, *HOSTILE).to_html()
    texts = " ".join(audited(page).texts)
    assert unseen(page.replace("\n", "")) == set()
    for text in HOSTILE:
        assert visible(text) in texts
    assert page.encode()


BLOCKS = {"p", "h1", "h4", "li", "dd", "td", "th", "title"}
"""Browsers isolate blocks; a title has nothing beside it."""


def test_no_text_turns_the_direction_of_what_stands_beside_it() -> None:
    arabic = "مرحبا"
    [inline] = re.findall(r"([a-z, ]+) \{ unicode-bidi: isolate; \}", css())
    for page in (
        poisoned(attacked(), arabic).to_html(),
        reports.overview([poisoned(found, arabic) for found in hunted()]),
    ):
        holders = audited(page).holders[arabic]
        assert holders & {"b", "code", "span"}
        assert holders <= BLOCKS | set(inline.split(", "))


@given(st.lists(NASTY, min_size=1, max_size=4))
@settings(max_examples=25)
def test_no_text_of_the_evidence_acts_in_a_report(texts: list[str]) -> None:
    for page in (
        poisoned(case("hijacked-connector"), *texts).to_html(),
        reports.overview([poisoned(found, *texts) for found in hunted()[:2]]),
    ):
        audited(page)
        assert unseen(page.replace("\n", "")) == set()


def test_only_what_is_to_be_copied_is_longer_than_can_be_read() -> None:
    found = attacked()
    endless = attrs.evolve(
        poisoned(found, "A" * 10_000),
        actions=found.actions,
        coverage=found.coverage,
        flips=found.flips,
    )
    for page in (endless.to_html(), reports.overview([endless])):
        audit = audited(page)
        long = {text for text in audit.texts if len(text) > 2_000} - {audit.style}
        assert {holder for text in long for holder in audit.holders[text.strip()]} <= {"code"}
        assert all(any(text in command for command in audit.commands) for text in long)


@given(NASTY, NASTY)
def test_an_element_says_its_text_and_attributes_and_nothing_else(text: str, label: str) -> None:
    made = element("td", text, element("b", label), aria_label=label or None)
    found = parsed(made)
    assert found.elements == {"td", "b"}
    assert "".join(found.texts) == visible(text) + visible(label)
    assert found.values("aria-label") == ([visible(label)] if label else [])


@given(st.lists(st.text()))
def test_lines_are_those_that_were_given(texts: list[str]) -> None:
    found = parsed(element("pre", element("code", lines(texts))))
    assert "".join(found.texts) == "\n".join(map(visible, texts))


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("script", {}),
        ("iframe", {}),
        ("b onclick=alert(1)", {}),
        ("a", {"href": "javascript:alert(1)"}),
        ("a", {"href": "//evil.example"}),
        ("a", {"HREF": "data:text/html,x"}),
        ("b", {"onclick": "alert(1)"}),
        ("b", {"OnClick": "alert(1)"}),
        ("b", {"style": "color: red"}),
        ("b", {"x=1 onclick": "alert(1)"}),
        ("video", {"src": "https://evil.example"}),
    ],
)
def test_what_could_act_is_not_made(name: str, attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"is (made|written)"):
        element(name, **attributes)


def test_links_lead_to_https_or_are_text() -> None:
    assert 'href="https://a.example/?a=1&amp;b=2"' in link("https://a.example/?a=1&b=2", "there")
    assert link("javascript:alert(1)") == "javascript:alert(1)"
    assert link("http://a.example/<b>") == "http://a.example/&lt;b&gt;"


def test_a_style_sheet_cannot_end_itself() -> None:
    with pytest.raises(ValueError, match="markup"):
        stylesheet("a { } </style><script>")


def test_html_is_not_escaped_twice_and_what_was_taken_from_it_is_escaped() -> None:
    made = element("b", "a & b")
    assert join(made, [made, None]) == "<b>a &amp; b</b><b>a &amp; b</b>"
    assert join(made[:3]) == "&lt;b&gt;"
    assert not isinstance(made[:3], Html)
