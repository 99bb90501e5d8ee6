"""The rule for each classification and determination, as docs/explanation/grading.md has them.

The rules do not depend on the numbers of the shipped policy: each case has a policy of its own in
which what it is about decides.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import polars as pl
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from exconn.context import ApprovedChange, Context
from exconn.coverage import Standing, TableCoverage, TableState
from exconn.facts import FACT_TABLES, FACTS
from exconn.grading import Classification, Determination, Grade, Policy, grade
from exconn.grading.findings import (
    Answer,
    Finding,
    State,
    answers,
    confidence,
    evaluated,
    findings,
)
from exconn.grading.verdict import NEVER_BENIGN, judge
from exconn.models import Alert
from exconn.signals import QUESTIONS, SIGNALS, Direction, Signal, chain, content, logon, recipients
from exconn.signals import change as changing
from exconn.simulate import UNAUTHENTICATED, Tenant
from exconn.sources import MemorySource
from exconn.window import Window
from incidents import (
    ABROAD,
    AT,
    AUDIT,
    DAY,
    FAR_AWAY,
    HOUR,
    LOGONS,
    MAIL,
    acquaintances,
    attacked,
    burst,
    change,
    deed,
    fired,
    honest,
    mail,
    sign_in,
    strangers,
)

TRUE, UNKNOWN = Classification.TRUE_POSITIVE, Classification.UNKNOWN
EXPECTED, FALSE = Classification.EXPECTED_ACTIVITY, Classification.FALSE_POSITIVE

# Every signal for malice weighs 1 and every one against it 0, or the other way round.
ACCUSING = Policy(
    true_positive=3.0,
    benign=-1.0,
    families=3,
    weights={s.id: float(s.direction is Direction.FOR) for s in SIGNALS},
)
EXCUSING = Policy(
    true_positive=3.0,
    benign=-1.0,
    noticeable=0.5,
    weights={s.id: float(s.direction is Direction.AGAINST) for s in SIGNALS},
)
OPENED = {"SenderDomains": "smtp:*;1", "RequireTls": "False"}


def spoofed(tenant: Tenant, n: int = 40, **columns: Any) -> Tenant:
    """Mail in the tenant's own name, from elsewhere, to those who know the tenant."""
    own = f"hr@{tenant.accepted_domains[0]}"
    given_columns = {
        "p1": own,
        "p2": own,
        "recipients": acquaintances(tenant, n),
        "authentication": UNAUTHENTICATED,
        "span": 20 * HOUR,
        "urls": 0,
        "attachments": 0,
        "direction": "Outbound",
        "sender_ipv4": ABROAD,
    }
    return mail(tenant, n=n, **{**given_columns, **columns})


def after_a_strange_sign_in(tenant: Tenant) -> Tenant:
    away = sign_in(tenant, [AT - 4 * HOUR], place=FAR_AWAY)
    return spoofed(change(away, OPENED, place=FAR_AWAY))


def approval(start: Any = AT - DAY) -> Context:
    return Context(approved_changes=[ApprovedChange(start=start, end=AT)])


def simulation(tenant: Tenant) -> Tenant:
    return mail(tenant, n=300, sender_ipv4=ABROAD)


VENDOR = Context(simulation_vendors=["203.0.113.0/24"])


@frozen
class Story:
    """What happens to an honest tenant, and what must come out."""

    classification: Classification
    determination: Determination
    happens: Callable[[Tenant], Tenant] = lambda tenant: tenant
    role: str = "quiet"
    context: Context = Context()
    policy: Policy = ACCUSING
    because: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def accused(determination: Determination, happens: Callable[[Tenant], Tenant]) -> Story:
    return Story(TRUE, determination, happens)


def excused(classification: Classification, determination: Determination, **more: Any) -> Story:
    return Story(classification, determination, **{"policy": EXCUSING, **more})


def unknown(*because: str, **more: Any) -> Story:
    return Story(UNKNOWN, Determination.NOT_ENOUGH_DATA, because=because, **more)


def made_beside_a_short_log(tenant: Tenant) -> Tenant:
    """A new connector; the mail log is too short to tell who is a stranger."""
    made = change(tenant, {"Comment": "x"}, operation="New-InboundConnector", at=AT - 20 * HOUR)
    short = pl.col("Timestamp") > Window(AT).start - 2 * DAY
    sent = mail(made, start=AT - 10 * HOUR, span=20 * HOUR)
    return attrs.evolve(sent, frames={**sent.frames, MAIL: sent.frames[MAIL].filter(short)})


def silent(tenant: Tenant) -> Tenant:
    """No mail through the connector since before the window."""
    mine = pl.col("Connectors") == tenant.connector("quiet").name
    old = pl.col("Timestamp") < AT - 8 * DAY
    frames = {**tenant.frames, MAIL: tenant.frames[MAIL].filter(~mine | old)}
    return change(attrs.evolve(tenant, frames=frames), OPENED)


def by_guid(tenant: Tenant) -> Tenant:
    guid = {"Identity": "2b3f0c8e-5d0a-4b61-9a3c-0a8f4d1c7e55"}
    return deed(tenant, "Set-InboundConnector", guid | OPENED)


def header_rule(tenant: Tenant) -> Tenant:
    changed = change(tenant, {"Comment": "x"})
    return deed(changed, "New-TransportRule", {"Name": "x", "RemoveHeader": "Received-SPF"})


STORIES: Mapping[str, Story] = {
    # True positives
    "sign-in, change and far more mail in a row": accused(
        Determination.MULTI_STAGED_ATTACK,
        lambda tenant: spoofed(
            change(burst(tenant, AT - 4 * HOUR, place=FAR_AWAY), OPENED, place=FAR_AWAY),
            300,
            span=HOUR,
            start=AT,
        ),
    ),
    "a suspicious sign-in and a change": accused(
        Determination.COMPROMISED_ACCOUNT, after_a_strange_sign_in
    ),
    "a suspicious sign-in and bad content": accused(
        Determination.COMPROMISED_ACCOUNT,
        lambda tenant: spoofed(after_a_strange_sign_in(tenant), 41, threats="Phish"),
    ),
    "bad content alone": accused(
        Determination.PHISHING,
        lambda tenant: spoofed(change(tenant, OPENED), threats="Phish"),
    ),
    "mail sprayed over strangers": accused(
        Determination.PHISHING,
        lambda tenant: spoofed(change(tenant, OPENED), recipients=strangers(40)),
    ),
    "spoofed mail to customers": accused(
        Determination.MALICIOUS_USER_ACTIVITY, lambda tenant: spoofed(change(tenant, OPENED))
    ),
    # Benign
    "a known simulation": excused(
        EXPECTED, Determination.SECURITY_TESTING, happens=simulation, context=VENDOR
    ),
    "a known simulation through a connector with approved changes": excused(
        EXPECTED,
        Determination.SECURITY_TESTING,
        happens=lambda tenant: simulation(change(tenant, OPENED)),
        context=attrs.evolve(VENDOR, approved_changes=approval().approved_changes),
    ),
    "approved changes": excused(
        EXPECTED,
        Determination.CONFIRMED_ACTIVITY,
        happens=lambda tenant: change(tenant, OPENED),
        context=approval(),
    ),
    "the hybrid wizard": excused(
        EXPECTED,
        Determination.CONFIRMED_ACTIVITY,
        happens=lambda tenant: change(tenant, {"ConnectorSource": "HybridWizard"}),
    ),
    "something noticeable, outweighed": excused(
        EXPECTED,
        Determination.LINE_OF_BUSINESS_APPLICATION,
        role="marketing",
        policy=attrs.evolve(
            EXCUSING, weights={**EXCUSING.weights, "sender.mismatch": 0.5}, noticeable=0.5
        ),
    ),
    "something, but not noticeable": excused(
        FALSE,
        Determination.NOT_MALICIOUS,
        role="marketing",
        policy=attrs.evolve(
            EXCUSING, weights={**EXCUSING.weights, "sender.mismatch": 0.4}, noticeable=0.5
        ),
    ),
    "nothing at all": excused(FALSE, Determination.NOT_MALICIOUS),
    # Unknown
    "no mail": unknown("no mail passed through the connector in the window", happens=silent),
    "an attack with approved changes": unknown(
        "all changes of the connector were approved, which vetoes a true positive",
        happens=lambda tenant: spoofed(change(tenant, OPENED)),
        context=approval(),
    ),
    "what would be an attack, were it no simulation": unknown(
        "the mail is a known phishing simulation, which vetoes a true positive",
        happens=lambda tenant: spoofed(change(tenant, OPENED), 400),
        context=VENDOR,
    ),
    "too few kinds of evidence": unknown(
        "kinds of evidence that speak for malice: 1; a true positive needs 3",
        happens=lambda tenant: spoofed(change(tenant, OPENED)),
        policy=attrs.evolve(
            ACCUSING,
            weights=dict.fromkeys(ACCUSING.weights, 0.0) | {"configuration.catch-all": 5.0},
        ),
    ),
    "an attack that what is missing may refute": unknown(
        "what is missing may speak against it",
        "IdentityLogonEvents is missing",
        happens=lambda tenant: spoofed(change(tenant, OPENED)),
        policy=attrs.evolve(ACCUSING, weights={**ACCUSING.weights, "logon.usual": 9.0}),
        gone=(LOGONS,),
    ),
    "suspicious, but not enough": unknown(
        "suspicious, but the margin",
        happens=lambda tenant: change(tenant, OPENED),
        policy=attrs.evolve(ACCUSING, true_positive=50.0),
    ),
    "honest, but not enough": unknown(
        "nothing clearly malicious, but the margin",
        policy=attrs.evolve(EXCUSING, benign=-50.0),
    ),
    "honest, without the sign-ins": unknown(
        "IdentityLogonEvents is missing", policy=EXCUSING, gone=(LOGONS,)
    ),
    "honest, without mail or changes": unknown(
        "nothing clearly malicious",
        "EmailEvents is missing",
        "CloudAppEvents is missing",
        policy=EXCUSING,
        gone=(MAIL, AUDIT),
    ),
    "honest, but a connector known by its GUID was changed": unknown(
        "connectors known only by a GUID were changed",
        happens=by_guid,
        policy=EXCUSING,
    ),
    "outweighed, but never benign": unknown(
        "that is never graded benign", happens=header_rule, policy=EXCUSING
    ),
    "honest, but nobody knows who is a stranger": unknown(
        "relays strangers' mail to outside: that could not be ruled out",
        happens=made_beside_a_short_log,
        policy=EXCUSING,
    ),
}


def told(story: Story) -> Grade:
    tenant = story.happens(honest())
    frames = {name: frame for name, frame in tenant.frames.items() if name not in story.gone}
    alert = Alert(connector=tenant.connector(story.role).name, timestamp=AT)
    return grade(MemorySource(frames), alert, context=story.context, policy=story.policy)


@pytest.mark.parametrize("name", STORIES)
def test_each_rule_gives_its_classification_and_determination(name: str) -> None:
    story = STORIES[name]
    found = told(story)
    assert (found.classification, found.determination) == (
        story.classification,
        story.determination,
    ), found.reasons
    for because in story.because:
        assert any(because in reason for reason in found.reasons), found.reasons
    assert bool(found.reasons) is bool(story.because)


def test_every_classification_and_determination_has_its_story() -> None:
    assert {story.classification for story in STORIES.values()} == set(Classification)
    assert {story.determination for story in STORIES.values()} == set(Determination)


def test_an_approval_does_not_excuse_what_a_suspicious_sign_in_led_to() -> None:
    tenant = after_a_strange_sign_in(honest())
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=AT)
    found = grade(MemorySource(tenant.frames), alert, context=approval(), policy=ACCUSING)
    assert {"context.approved", "chain.logon-change"} <= fired(found)
    assert found.classification is TRUE


def test_the_blatant_attack_is_a_multi_staged_one_by_the_shipped_policy() -> None:
    tenant = attacked()
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=tenant.at or AT)
    found = grade(MemorySource(tenant.frames), alert)
    assert found.classification is TRUE
    assert found.determination is Determination.MULTI_STAGED_ATTACK


# Whichever signals fire


ALLOWED = {
    TRUE: {
        Determination.MULTI_STAGED_ATTACK,
        Determination.COMPROMISED_ACCOUNT,
        Determination.PHISHING,
        Determination.MALICIOUS_USER_ACTIVITY,
    },
    EXPECTED: {
        Determination.SECURITY_TESTING,
        Determination.CONFIRMED_ACTIVITY,
        Determination.LINE_OF_BUSINESS_APPLICATION,
    },
    FALSE: {Determination.NOT_MALICIOUS},
    UNKNOWN: {Determination.NOT_ENOUGH_DATA},
}
IDS = [signal.id for signal in SIGNALS]
ONES: dict[str, float | None] = dict.fromkeys((fact.name for fact in FACTS), 1.0)
judged = st.fixed_dictionaries({name: st.sampled_from((True, False, None)) for name in IDS})
policies = st.builds(
    Policy,
    true_positive=st.floats(0.5, 8),
    benign=st.floats(-8, -0.1),
    noticeable=st.floats(0.1, 3),
    families=st.integers(1, 6),
)
tables = st.lists(st.sampled_from(TableState), min_size=3, max_size=3)


def standings(states: list[TableState]) -> list[Standing]:
    return [
        Standing(
            TableCoverage(table),
            state,
            covers_time=state is TableState.PRESENT,
            reasons=() if state is TableState.PRESENT else ("for a test",),
        )
        for table, state in zip(FACT_TABLES, states, strict=True)
    ]


def found_with(
    said: Mapping[str, bool | None], states: list[TableState], policy: Policy
) -> tuple[Finding, ...]:
    return findings(ONES, said, SIGNALS, standings(states), policy)


@given(judged, policies, tables, st.sampled_from((None, 0.0, 1.0)), st.booleans())
def test_the_determination_is_one_of_its_classifications(
    said: Mapping[str, bool | None],
    policy: Policy,
    states: list[TableState],
    messages: float | None,
    resolved: bool,  # noqa: FBT001
) -> None:
    facts = {**ONES, "messages": messages, "unresolved_changes": 0.0 if resolved else 1.0}
    found = found_with(said, states, policy)
    verdict = judge(facts, found, standings(states), policy)
    assert verdict.determination in ALLOWED[verdict.classification]
    assert bool(verdict.reasons) is (verdict.classification is UNKNOWN)
    if verdict.classification in (EXPECTED, FALSE):
        assert set(states) == {TableState.PRESENT}
        assert resolved
        for signal in NEVER_BENIGN:
            assert not said[signal.id]
            assert said[signal.id] is False or evaluated(ONES, [signal.when]) == [False]
    if messages == 0 and states[0] is TableState.PRESENT:
        assert verdict.classification is UNKNOWN


@given(judged, policies, tables)
def test_a_gap_never_makes_a_verdict_more_certain(
    said: Mapping[str, bool | None], policy: Policy, states: list[TableState]
) -> None:
    whole = [TableState.PRESENT] * 3
    facts = {**ONES, "unresolved_changes": 0.0}
    found = found_with(said, whole, policy)
    before = judge(facts, found, standings(whole), policy).classification
    after = judge(facts, found, standings(states), policy).classification
    assert after in (before, UNKNOWN)


def test_a_grade_without_signals_has_no_confidence() -> None:
    assert confidence([], Policy()) == 0


@pytest.mark.parametrize(
    ("fires", "determination"),
    [
        ({chain.COMPLETE, chain.LOGON_CHANGE, logon.BURST}, Determination.MULTI_STAGED_ATTACK),
        ({chain.LOGON_CHANGE}, Determination.COMPROMISED_ACCOUNT),
        ({logon.BURST}, Determination.COMPROMISED_ACCOUNT),
        ({content.MALICIOUS}, Determination.PHISHING),
        ({recipients.SPRAY}, Determination.PHISHING),
        ({recipients.FROM_STRANGERS}, Determination.PHISHING),
        ({changing.HEADER_RULES}, Determination.MALICIOUS_USER_ACTIVITY),
    ],
)
def test_what_a_true_positive_is(fires: set[Signal], determination: Determination) -> None:
    policy = Policy(true_positive=0.5, benign=-1, families=1, weights={s.id: 1.0 for s in fires})
    said = {signal.id: signal in fires for signal in SIGNALS}
    whole = [TableState.PRESENT] * 3
    facts = {**ONES, "unresolved_changes": 0.0}
    verdict = judge(facts, found_with(said, whole, policy), standings(whole), policy)
    assert (verdict.classification, verdict.determination) == (TRUE, determination)


def test_what_a_finding_says() -> None:
    facts = {"actor_bursts": 3.0}
    told = {state: Finding(logon.BURST, state, 0.0, facts).sentence for state in State}
    assert told[State.FIRED] == logon.BURST.sentence.format(**facts)
    assert told[State.CLEAR] == f"Not so: {logon.BURST.title}."
    unassessed = f"Could not be assessed: {logon.BURST.title} "
    assert told[State.UNASSESSED] == unassessed + "(the data does not cover the window)."
    unknown = Finding(logon.BURST, State.UNASSESSED, 0.0, {"actor_bursts": None})
    assert unknown.sentence == unassessed + "(actor_bursts unknown)."


def test_a_question_is_answered_where_all_its_facts_are_known() -> None:
    question = next(q for q in QUESTIONS if q.id == "sender-compromised")
    clean = dict.fromkeys(question.facts, 0.0)
    whole, gone = ([state] * 3 for state in (TableState.PRESENT, TableState.PARTIAL))

    def answer(states: list[TableState], **known: float | None) -> Answer:
        return answers({**clean, **known}, [question], standings(states))[0].answer

    assert answer(whole) is Answer.NO
    assert answer(whole, sender_bursts=1.0) is Answer.YES
    assert answer(whole, sender_bursts=1.0, sender_slow_sequences=None) is Answer.UNASSESSED
    assert answer(gone) is Answer.UNASSESSED
    assert answer(gone, sender_bursts=1.0) is Answer.YES
