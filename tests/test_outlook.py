"""Beside the verdict: other explanations, what would change it, and where to look next."""

import re
from collections.abc import Callable
from functools import cache

import pytest

from exconn.context import ApprovedChange, Context
from exconn.facts.catalogue import CATALOGUE, Asked
from exconn.grading import (
    Answer,
    Classification,
    Considered,
    Flip,
    Grade,
    Policy,
    State,
    grade,
    hunt,
)
from exconn.models import Alert
from exconn.signals import ALTERNATIVES, QUESTIONS, SIGNALS, Direction
from exconn.simulate import UNAUTHENTICATED, Tenant
from exconn.sources import MemorySource
from exconn.testing.scenarios import FAMILIES
from incidents import (
    ABROAD,
    AT,
    AUDIT,
    DAY,
    FAR_AWAY,
    HOUR,
    LOGONS,
    MAIL,
    attacked,
    change,
    graded,
    honest,
    mail,
    slow,
    source,
    strangers,
)

TRUE, UNKNOWN = Classification.TRUE_POSITIVE, Classification.UNKNOWN
BENIGN = (Classification.FALSE_POSITIVE, Classification.EXPECTED_ACTIVITY)
EASY = Policy(true_positive=2.0, benign=-1.0, weights={signal.id: 1.0 for signal in SIGNALS})
APPROVAL = "context.approved: all changes were approved"


def without(tenant: Tenant, *tables: str, role: str = "quiet", policy: Policy = EASY) -> Grade:
    frames = {name: frame for name, frame in tenant.frames.items() if name not in tables}
    alert = Alert(connector=tenant.connector(role).name, timestamp=tenant.at or AT)
    return grade(MemorySource(frames), alert, policy=policy)


@cache
def scenario(name: str, seed: int = 7) -> Grade:
    family = next(family for family in FAMILIES if family.name == name)
    told = family.scenario(seed)
    return grade(MemorySource(told.frames), told.alert, context=told.context)


def opened(tenant: Tenant) -> Tenant:
    """An attack whose change was made from the office, and was opened to everybody."""
    settings = {"SenderDomains": "smtp:*;1", "RequireTls": "False"}
    return mail(
        change(tenant, settings),
        n=300,
        p1="return@attacker.example",
        p2=f"hr@{tenant.accepted_domains[0]}",
        recipients=[strangers(150)[i % 150] for i in range(300)],
        direction="Outbound",
        sender_ipv4=ABROAD,
        authentication=UNAUTHENTICATED,
        urls=1,
    )


def alternatives(found: Grade) -> dict[str, Considered]:
    return {considered.alternative.id: considered for considered in found.alternatives}


# Alternatives


GRADED: dict[str, Callable[[], Grade]] = {
    "hijacked": lambda: graded(attacked(), at=attacked().at or AT),
    "honest": lambda: graded(honest()),
    "without sign-ins": lambda: without(attacked(), LOGONS),
    "without mail": lambda: without(attacked(), MAIL),
    "a new connector": lambda: scenario("new-marketing-service"),
    "a gateway": lambda: graded(honest(), "gateway"),
}


@pytest.mark.parametrize("name", GRADED)
def test_every_alternative_is_weighed_in_sentences_and_the_likeliest_is_first(name: str) -> None:
    found = GRADED[name]()
    assert set(alternatives(found)) == {alternative.id for alternative in ALTERNATIVES}
    balances = [considered.balance for considered in found.alternatives]
    assert balances == sorted(balances, reverse=True)
    for considered in found.alternatives:
        supporting, opposing = considered.alternative.for_it, considered.alternative.against_it
        share = len(considered.for_it) / len(supporting)
        assert considered.balance == pytest.approx(
            share - len(considered.against_it) / len(opposing)
        )
        assert -1 <= considered.balance <= 1
        for sentence in (*considered.for_it, *considered.against_it):
            assert sentence.endswith(".")
            assert not re.search(r"[{}]|\b(None|nan|inf)\b", sentence)


@pytest.mark.parametrize("name", GRADED)
def test_what_could_not_be_assessed_is_counted_and_speaks_for_nothing(name: str) -> None:
    found = GRADED[name]()
    for considered in found.alternatives:
        clues = (*considered.alternative.for_it, *considered.alternative.against_it)
        lacking = [c for c in clues if any(found.facts[fact] is None for fact in c.facts)]
        assert considered.open == len(lacking)
        told = {*considered.for_it, *considered.against_it}
        heads = {clue.sentence.partition("{")[0] for clue in lacking} - {""}
        assert not any(sentence.startswith(head) for sentence in told for head in heads)


def test_less_data_leaves_more_open() -> None:
    whole, less = (alternatives(g) for g in (without(attacked()), without(attacked(), LOGONS)))
    assert whole["compromised-connector"].open == 0
    assert less["compromised-connector"].open > 0
    assert less["compromised-mailbox"].open > whole["compromised-mailbox"].open


def test_a_hijacked_connector_is_most_likely_a_hijacked_connector() -> None:
    first, second, *_ = GRADED["hijacked"]().alternatives
    assert first.alternative.id == "compromised-connector"
    assert first.balance > second.balance


@pytest.mark.parametrize("family", ["new-marketing-service", "seasonal-peak"])
def test_a_marketing_burst_looks_more_like_one_than_like_an_attack(family: str) -> None:
    places = list(alternatives(scenario(family)))
    assert places.index("marketing-burst") < places.index("compromised-connector")


def test_a_gateway_migration_looks_more_like_one_than_like_an_attack() -> None:
    places = list(alternatives(scenario("gateway-migration")))
    assert places.index("migration") < places.index("compromised-connector")


def test_mail_in_the_own_name_through_no_connector_speaks_for_direct_send() -> None:
    own = honest().accepted_domains[0]
    sent = mail(
        honest(),
        n=120,
        connector="",
        direction="Inbound",
        p1=f"hr@{own}",
        p2=f"hr@{own}",
        recipients=[person.upn for person in honest().people[:12]] * 10,
        sender_object_id="",
        sender_ipv4=ABROAD,
        authentication=UNAUTHENTICATED,
    )
    before, after = (alternatives(graded(tenant))["direct-send"] for tenant in (honest(), sent))
    assert after.balance > before.balance
    assert any("120 messages in the tenant's own name" in told for told in after.for_it)
    assert not any("in the tenant's own name" in told for told in after.against_it)


def test_mail_through_a_connector_in_the_own_name_is_no_direct_send() -> None:
    own = honest().accepted_domains[0]
    through = mail(honest(), n=120, p1=f"hr@{own}", p2=f"hr@{own}", direction="Inbound")
    assert graded(through).facts["direct_messages"] == graded(honest()).facts["direct_messages"]


def test_a_mailbox_in_other_hands_is_told_from_a_connector_in_other_hands() -> None:
    person = honest().people[-1]
    sent = mail(
        honest(),
        "partner_out",
        n=120,
        p1=person.upn,
        p2=person.upn,
        sender_object_id=person.object_id,
        threats="Phish",
    )
    taken = slow(sent, AT - 2 * HOUR, person=person)
    before, after = (alternatives(graded(tenant, "partner_out")) for tenant in (honest(), taken))
    assert after["compromised-mailbox"].balance > before["compromised-mailbox"].balance
    assert next(iter(after)) == "compromised-mailbox"


# Flips


def test_a_missing_table_is_said_to_be_what_keeps_a_grade_from_being_benign() -> None:
    whole = without(honest())
    assert whole.classification in BENIGN
    for table in (AUDIT, LOGONS):
        policy = Policy(true_positive=20.0, benign=-0.1)
        found = without(honest(), table, policy=policy)
        assert found.classification is UNKNOWN
        assert f"{table} is missing" in " ".join(found.reasons)
        (flip,) = [flip for flip in found.flips if flip.if_so.startswith(table)]
        assert flip.if_so == f"{table} was complete and showed nothing else"
        assert flip.then in BENIGN


def test_a_missing_table_is_said_to_be_what_keeps_a_grade_from_being_a_true_positive() -> None:
    found = without(attacked(), MAIL)
    assert found.margin >= EASY.true_positive
    assert found.classification is UNKNOWN
    assert Flip(f"{MAIL} was complete and showed nothing else", TRUE) in found.flips


def test_an_approval_of_the_changes_would_change_a_true_positive_and_does() -> None:
    tenant = opened(honest())
    found = graded(tenant, policy=EASY)
    assert found.classification is TRUE
    assert found.flips == (Flip(APPROVAL, UNKNOWN),)
    approved = Context(approved_changes=[ApprovedChange(start=AT - DAY, end=AT)])
    assert graded(tenant, policy=EASY, context=approved).classification is UNKNOWN


def test_what_no_change_was_made_to_has_nothing_to_approve() -> None:
    assert APPROVAL not in {flip.if_so for flip in graded(honest()).flips}


@pytest.mark.parametrize("role", ["quiet", "relay", "gateway", "marketing", "partner_out"])
def test_where_nothing_is_unknown_only_an_approval_could_change_anything(role: str) -> None:
    grades = [without(tenant, role=role) for tenant in (honest(), attacked(), opened(honest()))]
    known = [found for found in grades if found.confidence == 1]
    assert known
    for found in known:
        assert {flip.if_so for flip in found.flips} <= {APPROVAL}


@pytest.mark.parametrize("gone", [(), (MAIL,), (AUDIT,), (LOGONS,), (MAIL, LOGONS)])
def test_a_flip_changes_the_classification_and_rests_on_what_is_not_known(
    gone: tuple[str, ...],
) -> None:
    for tenant in (honest(), attacked(), opened(honest())):
        found = without(tenant, *gone)
        states = {f"{f.signal.id}: {f.signal.title}": f.state for f in found.findings}
        for flip in found.flips:
            assert flip.then is not found.classification
            table = flip.if_so.partition(" ")[0]
            if flip.if_so != APPROVAL and table not in gone:
                assert states[flip.if_so] is State.UNASSESSED


def test_a_signal_that_could_not_be_assessed_is_named_where_it_alone_would_tell() -> None:
    weights = {s.id: 5.0 if s.id == "logon.burst" else 0.0 for s in SIGNALS}
    tenant = change(honest(), {"SenderDomains": "smtp:*;1"}, place=FAR_AWAY)
    policy = Policy(true_positive=5.0, families=1, weights=weights)
    found = without(tenant, LOGONS, policy=policy)
    assert found.classification is UNKNOWN
    assert Flip("logon.burst: brute force, then success", TRUE) in found.flips
    assert "logon.slow-sequence" not in {flip.if_so.partition(":")[0] for flip in found.flips}


# Looks


def test_every_question_is_shown_by_a_query_that_is_shipped() -> None:
    assert {question.shown_by for question in QUESTIONS} <= set(CATALOGUE)


@pytest.mark.parametrize("name", GRADED)
def test_looks_are_few_told_apart_and_of_the_connector(name: str) -> None:
    found = GRADED[name]()
    queries = [look.query for look in found.looks]
    assert len(queries) == len(set(queries)) <= 5
    assert set(queries) <= set(CATALOGUE)
    for look in found.looks:
        query = CATALOGUE[look.query](Asked(period=found.window.period))
        assert all(table.name in look.kql for table in query.tables)
        if "Connector" in query.schema:
            assert f'Connector == "{found.connector.lower()}"' in look.kql


def test_what_is_not_answered_comes_before_what_is_to_be_confirmed() -> None:
    found = without(attacked(), LOGONS)
    kinds = [look.why.partition(":")[0] for look in found.looks]
    assert kinds == sorted(kinds, key=["Not answered", "To confirm"].index)
    unanswered = {
        a.question.text: a.question.shown_by for a in found.answers if a.answer is Answer.UNASSESSED
    }
    told = [look for look in found.looks if look.why.startswith("Not answered")]
    assert told
    assert all(unanswered[look.why.removeprefix("Not answered: ")] == look.query for look in told)


def test_what_weighs_most_is_to_be_confirmed_first() -> None:
    found = GRADED["hijacked"]()
    assert not any(look.why.startswith("Not answered") for look in found.looks)
    strongest = max(found.findings, key=lambda finding: finding.contribution)
    first, *_ = found.looks
    assert first.why == f"To confirm: {strongest.sentence}"
    assert first.query == strongest.signal.question.shown_by


def test_nothing_against_malice_is_to_be_confirmed() -> None:
    for found in (graded(honest()), GRADED["hijacked"]()):
        against = {f.sentence for f in found.findings if f.signal.direction is Direction.AGAINST}
        assert not {look.why.removeprefix("To confirm: ") for look in found.looks} & against


def test_sign_ins_are_looked_at_of_those_who_changed_it() -> None:
    found = GRADED["hijacked"]()
    (actor,) = {change.actor.id for change in found.evidence.changes}
    looked = [look for look in found.looks if look.query.startswith("logon_")]
    assert looked
    assert all(actor.lower() in look.kql.lower() for look in looked)


def test_hunt_has_flips_and_alternatives_but_no_looks() -> None:
    for found in hunt(source(attacked())):
        assert found.looks == ()
        assert len(found.alternatives) == len(ALTERNATIVES)
