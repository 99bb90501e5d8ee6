"""Laws: of the score, of what must not matter, and of what is not there."""

import itertools
import json
import random
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exconn.context import Context
from exconn.coverage import Standing, TableCoverage, TableState
from exconn.errors import NoDataError
from exconn.facts import FACT_TABLES, FACTS, READS
from exconn.grading import Classification, Flip, Grade, Policy, grade, hunt
from exconn.grading.findings import Finding, confidence, findings, margin
from exconn.grading.verdict import judge
from exconn.models import Alert
from exconn.query import Source
from exconn.signals import SIGNALS, Direction, Family, Signal
from exconn.simulate import Tenant
from exconn.sources import MemorySource, ParquetSource
from exconn.tables import EMAIL_EVENTS
from incidents import (
    AT,
    AUDIT,
    DAY,
    HOUR,
    LOGONS,
    MAIL,
    attacked,
    change,
    fired,
    graded,
    honest,
    source,
    verdict,
)

BENIGN = {Classification.FALSE_POSITIVE, Classification.EXPECTED_ACTIVITY}
ACROSS = [Standing(TableCoverage(t), TableState.PRESENT, covers_time=True) for t in FACT_TABLES]
NO_FACTS: dict[str, float | None] = dict.fromkeys((fact.name for fact in FACTS), 1.0)

subsets = st.sets(st.sampled_from([signal.id for signal in SIGNALS]))
policies = st.builds(
    Policy,
    decay=st.floats(0.05, 0.95),
    weights=st.dictionaries(
        st.sampled_from([signal.id for signal in SIGNALS]), st.floats(0, 20), max_size=40
    ),
)
one = st.sampled_from(SIGNALS)


def found_with(on: set[str], policy: Policy) -> tuple[Finding, ...]:
    fired = {signal.id: signal.id in on for signal in SIGNALS}
    return findings(NO_FACTS, fired, SIGNALS, ACROSS, policy)


def score_with(on: set[str], policy: Policy) -> float:
    return policy.score(margin(found_with(on, policy)))


# The score


@given(subsets, policies)
def test_contributions_add_up_to_the_margin(on: set[str], policy: Policy) -> None:
    found = found_with(on, policy)
    assert abs(margin(found) - sum(f.contribution for f in found)) < 1e-9
    for finding in found:
        if finding.signal.id not in on:
            assert finding.contribution == 0
        elif finding.signal.direction is Direction.FOR:
            assert finding.contribution >= 0
        else:
            assert finding.contribution <= 0
        assert abs(finding.contribution) <= policy.weight(finding.signal)


@given(subsets, policies, one)
def test_turning_a_signal_on_moves_the_score_its_way(
    on: set[str], policy: Policy, signal: Signal
) -> None:
    without, with_it = score_with(on - {signal.id}, policy), score_with(on | {signal.id}, policy)
    if signal.direction is Direction.FOR:
        assert with_it >= without - 1e-12
    else:
        assert with_it <= without + 1e-12


@given(policies, st.sampled_from(Family), st.sampled_from(Direction))
def test_many_hints_of_one_kind_stay_below_a_bound(
    policy: Policy, family: Family, direction: Direction
) -> None:
    alike = [s for s in SIGNALS if s.family is family and s.direction is direction]
    total = abs(margin(found_with({s.id for s in alike}, policy)))
    strongest = max((policy.weight(s) for s in alike), default=0.0)
    assert total <= strongest / (1 - policy.decay) + 1e-9


def test_ten_weak_hints_of_one_kind_do_not_make_a_strong_fact() -> None:
    burst = next(signal for signal in SIGNALS if signal.id == "logon.burst")
    hint = next(signal for signal in SIGNALS if signal.id == "logon.unusual-failures")
    hints = [attrs.evolve(hint, id=f"logon.hint-{i}", weight=0.3) for i in range(10)]
    policy = Policy(weights={burst.id: 2.0}, decay=0.6, true_positive=3.5)
    found = findings(NO_FACTS, {s.id: True for s in hints}, hints, ACROSS, policy)
    assert 0.3 < margin(found) < policy.weight(burst)
    assert margin(found) < policy.true_positive


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_score_grows_with_the_margin_between_0_and_1(one: float, other: float) -> None:
    policy = Policy()
    low, high = sorted((policy.score(one), policy.score(other)))
    assert 0 <= low <= high <= 1
    assert (policy.score(min(one, other)), policy.score(max(one, other))) == (low, high)
    assert policy.score(0) == 0.5
    assert policy.score(0.01) > 0.5 > policy.score(-0.01)


@given(subsets, st.lists(st.sampled_from(TableState), min_size=3, max_size=3))
def test_vetoes_and_abstention_change_only_the_classification(
    on: set[str], kept: list[TableState]
) -> None:
    policy = Policy()
    found = found_with(on, policy)
    standings = [
        Standing(TableCoverage(table), state, covers_time=True)
        for table, state in zip(FACT_TABLES, kept, strict=True)
    ]
    result = judge(NO_FACTS, found, standings, policy)
    total = margin(found)
    families = {f.signal.family for f in found if f.contribution > 0}
    if result.classification is Classification.TRUE_POSITIVE:
        assert total >= policy.true_positive
        assert len(families) + (Family.CHAIN in families) >= policy.families
        assert "context.simulation" not in on
        assert "context.approved" not in on or "chain.logon-change" in on
    elif result.classification in BENIGN:
        assert total <= policy.benign
        assert set(kept) == {TableState.PRESENT}
    else:
        assert result.reasons
    assert margin(found) == total


@given(subsets, policies)
def test_confidence_is_the_assessed_share_of_the_weights(on: set[str], policy: Policy) -> None:
    assert confidence(found_with(on, policy), policy) in (pytest.approx(1.0), 0.0)
    states = {s.id: (True if s.id in on else None) for s in SIGNALS}
    found = findings(NO_FACTS, states, SIGNALS, ACROSS, policy)
    total = sum(policy.weight(s) for s in SIGNALS)
    assessed = sum(policy.weight(s) for s in SIGNALS if s.id in on)
    assert confidence(found, policy) == pytest.approx(assessed / total if total else 0)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_weights_that_would_break_the_laws_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=r"volume\.surge"):
        Policy(weights={"volume.surge": weight})


# What must not matter

Frames = Mapping[str, pl.DataFrame]
INCIDENTS = {"hijacked": ("quiet", attacked), "honest": ("rotated", honest)}
either = pytest.mark.parametrize("incident", INCIDENTS)


def judged(incident: str, given: Source | Frames | None = None, role: str | None = None) -> Grade:
    own_role, tenant = INCIDENTS[incident]
    where = source(tenant()) if given is None else given
    if isinstance(where, Mapping):
        where = MemorySource(where)
    name = tenant().connector(role or own_role).name
    return grade(where, Alert(connector=name, timestamp=tenant().at or AT))


@cache
def plain(incident: str) -> Grade:
    return judged(incident)


def same(found: Grade, expected: Grade) -> None:
    assert verdict(found) == verdict(expected)
    assert found.explanation == expected.explanation
    assert found.reasons == expected.reasons


def frames(incident: str) -> Frames:
    return INCIDENTS[incident][1]().frames


def map_frames(incident: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Frames:
    return {name: change(frame) for name, frame in frames(incident).items()}


@either
def test_duplicated_rows_do_not_matter(incident: str) -> None:
    def doubled(frame: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([frame, frame.gather_every(3), frame])

    same(judged(incident, map_frames(incident, doubled)), plain(incident))


@either
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(incident: str, seed: int) -> None:
    shuffled = map_frames(incident, lambda frame: frame.sample(fraction=1, shuffle=True, seed=seed))
    found = judged(incident, shuffled)
    same(found, plain(incident))
    theirs, ours = found.to_dict(), plain(incident).to_dict()
    assert theirs == ours


NAMES = {
    MAIL: (
        "NetworkMessageId",
        "SenderMailFromAddress",
        "SenderFromAddress",
        "SenderObjectId",
        "SenderMailFromDomain",
        "SenderFromDomain",
        "SenderIPv6",
        "RecipientEmailAddress",
        "EmailDirection",
        "DeliveryAction",
        "Connectors",
        "ThreatTypes",
    ),
    AUDIT: ("ActionType", "AccountObjectId", "AccountId", "AccountType", "CountryCode"),
    LOGONS: (
        "ActionType",
        "Application",
        "AccountObjectId",
        "AccountUpn",
        "ISP",
        "Location",
        "IPAddress",
    ),
}
"""Columns whose values compare without letter case."""


@either
@pytest.mark.parametrize("spelling", ["upper", "lower", "mixed"])
def test_letter_case_does_not_matter(incident: str, spelling: str) -> None:
    def spell(column: str) -> pl.Expr:
        upper, lower = pl.col(column).str.to_uppercase(), pl.col(column).str.to_lowercase()
        odd = pl.int_range(pl.len()) % 2 == 1
        mixed = pl.when(odd).then(upper).otherwise(lower)
        return {"upper": upper, "lower": lower, "mixed": mixed}[spelling].alias(column)

    spelt = {
        name: frame.with_columns(spell(column) for column in NAMES[name])
        for name, frame in frames(incident).items()
    }
    # Each message twice: with the letter case of two exports.
    spelt[MAIL] = pl.concat([spelt[MAIL], frames(incident)[MAIL]])
    found, expected = judged(incident, spelt), plain(incident)
    assert verdict(found) == verdict(expected)


@either
def test_how_rows_are_split_into_files_does_not_matter(incident: str, tmp_path: Path) -> None:
    rng = random.Random(incident)
    for name, frame in frames(incident).items():
        number = pl.Series("file", [rng.randrange(7) for _ in range(frame.height)])
        parts = frame.with_columns(number).partition_by("file", include_key=False)
        for i, part in enumerate(parts):
            folder = tmp_path / name / f"day={i % 3}"
            folder.mkdir(parents=True, exist_ok=True)
            part.write_parquet(folder / f"{i}.parquet")
    found = judged(incident, ParquetSource(tmp_path))
    assert found.to_dict() == plain(incident).to_dict()


def renamed(tenant: Tenant, rng: random.Random) -> tuple[Tenant, dict[str, str]]:
    """The tenant with other names for connectors, accounts, domains and organisation."""

    def word(letters: str = string.ascii_lowercase, n: int = 12) -> str:
        return "".join(rng.choice(letters) for _ in range(n))

    mails, logons = tenant.frames[MAIL], tenant.frames[LOGONS]
    domains = {tenant.organization}
    for column in ("SenderMailFromDomain", "SenderFromDomain", "RecipientDomain"):
        domains |= {".".join(d.split(".")[-2:]) for d in mails[column].unique().to_list()}
    names = {domain: f"{word()}.{word(n=4)}" for domain in sorted(domains - {""})}
    accounts = {upn.partition("@")[0] for upn in logons["AccountUpn"].unique().to_list()}
    names |= {f"{account}@": f"{word(n=16)}@" for account in sorted(accounts - {""})}
    odd = string.ascii_letters + " ()[]'\"$`\\ü漢"
    names |= {c.name: word(odd.replace("\\", ""), 14).strip() + "x" for c in tenant.connectors}
    names |= {p.object_id: word("0123456789abcdef", 32) for p in tenant.people}

    def rename(frame: pl.DataFrame) -> pl.DataFrame:
        plain_text = {old: new for old, new in names.items() if old}
        as_json = {old: json.dumps(new, ensure_ascii=False)[1:-1] for old, new in names.items()}
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        return frame.with_columns(
            pl.col(name).str.replace_many(
                as_json if name == "RawEventData" else plain_text, leftmost=True
            )
            for name in texts
        )

    changed = attrs.evolve(
        tenant, frames={name: rename(frame) for name, frame in tenant.frames.items()}
    )
    return changed, names


@pytest.mark.parametrize("seed", range(3))
@either
def test_no_name_of_a_connector_account_or_domain_matters(incident: str, seed: int) -> None:
    tenant = INCIDENTS[incident][1]()
    other, names = renamed(tenant, random.Random(seed))
    expected = {g.connector: g for g in hunt(source(tenant))}
    found = {g.connector: g for g in hunt(source(other))}
    assert set(found) == {names[name] for name in expected}
    for name, before in expected.items():
        assert verdict(found[names[name]]) == verdict(before)
        assert found[names[name]].at == before.at


# What is not there


def everywhere(given: Frames | MemorySource) -> dict[str, Grade]:
    """All connectors of the hijacked tenant, judged at one time; none where none can be seen."""
    where = MemorySource(given) if isinstance(given, Mapping) else given
    try:
        return {g.connector: g for g in hunt(where, at=incident_tenant().at)}
    except NoDataError:
        return {}


def incident_tenant() -> Tenant:
    return attacked()


@cache
def complete() -> dict[str, Grade]:
    return everywhere(incident_tenant().frames)


def without(table: str, *columns: str) -> Frames:
    all_frames = incident_tenant().frames
    return {**all_frames, table: all_frames[table].drop(columns)}


TRUE = Classification.TRUE_POSITIVE
NEEDED = sorted(read for read in READS if read[1] != "Timestamp")
RENAMES = {("CloudAppEvents", "ActionType"), ("CloudAppEvents", "RawEventData")}
"""What tells when a connector was made, and so where its own past begins."""


def no_better(after: dict[str, Grade], tables: set[str]) -> None:
    """No benign verdict rests on what is not there, and no true positive is new."""
    for name, found in after.items():
        assert found.classification not in BENIGN, (name, tables)
        if found.classification is TRUE:
            assert complete()[name].classification is TRUE, (name, tables)


@pytest.mark.parametrize(("table", "column"), NEEDED)
def test_a_missing_column_nulls_the_facts_that_rest_on_it_and_no_others(
    table: str, column: str
) -> None:
    after = everywhere(without(table, column))
    for name, found in after.items():
        for fact in FACTS:
            if (table, column) in fact.reads:
                assert found.facts[fact.name] is None, fact.name
            elif not (fact.past and (table, column) in RENAMES and made_lately(name)):
                assert found.facts[fact.name] == complete()[name].facts[fact.name], fact.name
        for finding in found.findings:
            if any(found.facts[fact] is None for fact in finding.signal.facts):
                assert finding.state.value == "unassessed"
                assert finding.contribution == 0
    no_better(after, {table})


def made_lately(connector: str) -> bool:
    return bool(complete()[connector].facts["created"])


@pytest.mark.parametrize("table", [table.name for table in FACT_TABLES])
def test_columns_that_no_fact_rests_on_do_not_matter(table: str) -> None:
    needed = {column for name, column in READS if name == table}
    others = [name for name in incident_tenant().frames[table].columns if name not in needed]
    after = everywhere(without(table, *others))
    for name, before in complete().items():
        assert verdict(after[name]) == verdict(before)


TABLES = [MAIL, AUDIT, LOGONS]


@pytest.mark.parametrize("gone", [{MAIL}, {AUDIT}, {LOGONS}, {MAIL, AUDIT}])
@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "late", "silent"])
def test_absence_is_never_innocence_and_never_guilt(gone: set[str], how: str) -> None:
    at = incident_tenant().at or AT
    time = pl.col("Timestamp")

    def less(frame: pl.DataFrame) -> pl.DataFrame:
        return {
            "empty": frame.clear(),
            "truncated": frame.filter(time > at - 5 * DAY),
            "late": frame.filter(time < at - 2 * DAY),
            "silent": frame.filter(time < at - 9 * DAY),
            "missing": frame,
        }[how]

    given = {
        name: less(frame) if name in gone else frame
        for name, frame in incident_tenant().frames.items()
        if how != "missing" or name not in gone
    }
    after = everywhere(given)
    no_better(after, gone)
    for found in after.values():
        assert found.confidence < 1
        states = {standing.coverage.table.name: standing.state for standing in found.coverage}
        assert all(states[name] is not TableState.PRESENT for name in gone)
        silent = {fact.name for fact in FACTS if fact.tables & gone}
        for finding in found.findings:
            against = finding.signal.direction is Direction.AGAINST
            rests = silent & set(finding.signal.facts)
            assert not (rests and against and finding.contribution)
            assert not (rests and not against and finding.state.value == "clear")


def test_a_true_positive_stays_possible_without_the_mail_log() -> None:
    tenant = attacked()
    bypassed = change(tenant, {"TreatMessagesAsInternal": "True"}, at=(tenant.at or AT) - 2 * HOUR)
    unseen = {k: v for k, v in bypassed.frames.items() if k != MAIL}
    weights = {s.id: 0.1 for s in SIGNALS if s.direction is Direction.AGAINST}
    name = tenant.connector("quiet").name
    found = grade(
        MemorySource(unseen),
        Alert(connector=name, timestamp=tenant.at or AT),
        policy=Policy(weights=weights, true_positive=2.0),
    )
    assert found.classification is TRUE
    assert "whether it was used cannot be seen" in found.explanation
    assert found.confidence < 0.7
    assert found.facts["messages"] is None


@pytest.mark.parametrize("gone", TABLES)
def test_one_missing_table_does_not_hide_a_blatant_attack(gone: str) -> None:
    """What is missing may speak against it, but nothing else holds the verdict back."""
    unseen = {k: v for k, v in attacked().frames.items() if k != gone}
    alert = Alert(connector=attacked().connector("quiet").name, timestamp=attacked().at or AT)
    policy = Policy(true_positive=3.5, families=2, weights={s.id: 1.0 for s in SIGNALS})
    found = grade(MemorySource(unseen), alert, policy=policy)
    assert found.margin >= policy.true_positive
    assert found.confidence < plain("hijacked").confidence
    if found.classification is not TRUE:
        assert found.classification is Classification.UNKNOWN
        assert found.reasons[0].startswith("what is missing may speak against it")
        assert Flip(f"{gone} was complete and showed nothing else", TRUE) in found.flips


TRACE = (
    "Timestamp",
    "NetworkMessageId",
    "InternetMessageId",
    "SenderMailFromAddress",
    "SenderMailFromDomain",
    "RecipientEmailAddress",
    "Subject",
    "SenderIPv4",
    "EmailSize",
)


@pytest.mark.parametrize("extra", [(), ("Connectors",)])
@either
def test_a_bare_message_trace_beside_the_mail_log_makes_nothing_fire(
    incident: str, extra: tuple[str, ...]
) -> None:
    log = frames(incident)[MAIL]
    trace = log.select(*TRACE, *extra)
    beside: Sequence[pl.DataFrame] = [log, trace]
    tenant = INCIDENTS[incident][1]()
    for connector in tenant.connectors:
        found = judged(incident, source(tenant, EmailEvents=beside), connector.role)
        before = judged(incident, role=connector.role)
        assert fired(found) <= fired(before)
        assert found.classification not in BENIGN
        assert found.facts["no_sender_id_share"] is None
    other_time = trace.with_columns(pl.col("Timestamp") - timedelta(days=60))
    same(
        judged(incident, source(tenant, EmailEvents=[log, other_time])),
        judged(incident, source(tenant, EmailEvents=[log, other_time.pipe(full)])),
    )


def full(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column of the mail log."""
    missing = [name for name in EMAIL_EVENTS.names if name not in frame.columns]
    return frame.with_columns(
        pl.lit(None, EMAIL_EVENTS.schema[name]).alias(name) for name in missing
    )


def test_subsets_of_tables_never_grade_better_than_all() -> None:
    for n in (1, 2):
        for kept in itertools.combinations(TABLES, n):
            tables = incident_tenant().frames
            no_better(everywhere({name: tables[name] for name in kept}), set(kept))


def test_a_context_cannot_make_up_for_missing_data() -> None:
    context = Context(accepted_domains=honest().accepted_domains)
    tenant = attrs.evolve(
        honest(), frames={**honest().frames, AUDIT: honest().frames[AUDIT].clear()}
    )
    found = graded(tenant, "printers", context=context)
    assert found.classification is Classification.UNKNOWN


def test_duplicated_rows_do_not_make_a_short_table_look_shorter() -> None:
    tenant = attacked()
    end = tenant.end - timedelta(hours=12)
    short = {
        **tenant.frames,
        "IdentityLogonEvents": tenant.frames["IdentityLogonEvents"].filter(
            pl.col("Timestamp") < end
        ),
    }
    twice = {name: pl.concat([frame, frame]) for name, frame in short.items()}
    one, two = (hunt(MemorySource(frames)) for frames in (short, twice))
    assert [[s.state for s in g.coverage] for g in one] == [
        [s.state for s in g.coverage] for g in two
    ]


def test_copies_of_an_audit_record_are_one_in_whatever_order_they_come() -> None:
    tenant = attacked()
    audit = tenant.frames[AUDIT]
    poorer = audit.with_columns(AccountObjectId=pl.lit(""), CountryCode=pl.lit(""))
    found = []
    for copies in ([audit, poorer], [poorer, audit]):
        frames = {**tenant.frames, AUDIT: pl.concat(copies)}
        found.append([verdict(g) for g in hunt(MemorySource(frames))])
    assert found[0] == found[1] == [verdict(g) for g in hunt(source(tenant))]


def test_a_hole_in_every_table_where_the_attack_was_is_not_taken_for_innocence() -> None:
    tenant = attacked()
    at = tenant.at or AT
    hole = pl.col("Timestamp").is_between(at - DAY, at + 18 * HOUR)
    frames = {name: frame.filter(~hole) for name, frame in tenant.frames.items()}
    alert = Alert(connector=tenant.connector("quiet").name, timestamp=at)
    found = grade(MemorySource(frames), alert)
    assert found.classification is Classification.UNKNOWN
    assert {s.state for s in found.coverage} == {TableState.PARTIAL}


def test_no_question_is_answered_reassuringly_while_a_signal_for_malice_under_it_fires() -> None:
    for found in [*hunt(source(attacked())), *hunt(source(honest()))]:
        answers = {a.question.id: a for a in found.answers}
        for finding in found.findings:
            signal = finding.signal
            if finding.state == "fired" and signal.direction is Direction.FOR:
                answered = answers[signal.question.id]
                reassuring = "yes" if signal.question.innocent else "no"
                assert answered.answer != reassuring, signal.id
