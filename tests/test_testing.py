"""The testing kit finds what is wrong, and its strategies reach the cases that they promise."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import polars as pl
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import exconn.testing
from exconn import Column, ConnectorChange, KqlType, Query, Signal, Table, detectors, scan
from exconn.kql import DEFENDER, Dialect, compile_query
from exconn.models import ActorKind
from exconn.signals import volume
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, TABLES, conform
from exconn.testing import (
    ADVERSARIAL,
    REALISTIC,
    Profile,
    actors,
    admin_changes,
    alerts,
    assert_same_rows,
    check_detector,
    check_query,
    check_signal,
    checks,
    connector_changes,
    emails,
    evidence,
    frames,
    inbound_connectors,
    logons,
    outbound_connectors,
    rows,
    transport_rules,
)

REACH = settings(max_examples=3_000, phases=[Phase.generate], derandomize=True)
SHRINK = settings(phases=[Phase.generate, Phase.shrink], derandomize=True)
LETTERS = pl.DataFrame({"Letter": ["a", "b", "c", ""], "Number": [1, None, 3, 3]})
LETTER_EVENTS = Table(
    name="LetterEvents",
    about="A letter.",
    key=(),
    columns=(
        Column("Timestamp", KqlType.DATETIME),
        Column("Letter", KqlType.STRING),
        Column("Number", KqlType.LONG),
    ),
)
LETTER = pl.col("Letter")
NUMBER = pl.col("Number")


class Moody:
    """Says true, but once: at a call of one's choice."""

    def __init__(self, otherwise_at: int = 0) -> None:
        self.calls = 0
        self._otherwise_at = otherwise_at

    @property
    def expr(self) -> pl.Expr:
        return LETTER.map_batches(self._answer, return_dtype=pl.Boolean(), is_elementwise=True)

    def _answer(self, letters: pl.Series) -> pl.Series:
        self.calls += 1
        same = self.calls != self._otherwise_at
        return pl.Series([same] * len(letters), dtype=pl.Boolean)


@pytest.mark.parametrize(
    "expr",
    [LETTER == "a", pl.lit(value=False), NUMBER.is_null(), (NUMBER > 1).fill_null(value=False)],
)
def test_a_detector_passes(expr: pl.Expr) -> None:
    check_detector(expr, LETTER_EVENTS, LETTERS)
    check_detector(expr, LETTER_EVENTS, LETTERS.clear())


@pytest.mark.parametrize(
    ("table", "expr"),
    [
        (EMAIL_EVENTS, detectors.sender_mismatch()),
        (EMAIL_EVENTS, detectors.through("Relay")),
        (CLOUD_APP_EVENTS, detectors.connector_enabled()),
        (IDENTITY_LOGON_EVENTS, detectors.failed_logon()),
    ],
)
def test_a_detector_passes_on_rows_that_are_drawn(table: Table, expr: pl.Expr) -> None:
    check_detector(expr, table)


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        (pl.col("Subject") == "", "it does not fit LetterEvents: .*no column 'Subject'"),
        (LETTER + 1 > 0, "it does not fit LetterEvents: "),
        (NUMBER, "expected Boolean answers, got Int64"),
        (NUMBER > 1, r"the answer is null, for \{'Number': None\}"),
        (LETTER.is_duplicated() | pl.int_range(pl.len()).gt(1), "reversed"),
        (LETTER.cum_count() > 1, "differs when the rows are"),
        (LETTER.max() == LETTER, "are in halves, for .*'b'.*: True, and False as they are"),
        (LETTER.shift(1).fill_null("") == "a", "differs"),
        (pl.len() > 1, "differs when the rows are one by one, for"),
        (LETTER.str.reverse() == "a", "it cannot be said in KQL: .*str.Reverse"),
        (LETTER.map_elements(bool, return_dtype=pl.Boolean()), "it cannot be said in KQL"),
    ],
)
def test_what_is_no_detector_fails(expr: pl.Expr, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_detector(expr, LETTER_EVENTS, LETTERS)


def test_a_detector_that_ever_says_otherwise_fails() -> None:
    """However the rows are looked at, the answers are compared."""
    calm = Moody()
    check_detector(calm.expr, LETTER_EVENTS, LETTERS, kql=False)
    assert calm.calls > 10
    caught = set()
    for call in range(1, calm.calls + 1):
        with pytest.raises(AssertionError, match="when the rows are") as error:
            check_detector(Moody(call).expr, LETTER_EVENTS, LETTERS, kql=False)
        caught.add(str(error.value).rpartition("when the rows are ")[2].partition(",")[0])
    ways = {
        "looked at again",
        "reversed",
        "in chunks",
        "in halves",
        "one by one",
        "lazy",
        "streaming",
    }
    assert caught == ways


def test_a_detector_that_fails_is_shown_with_the_least_row() -> None:
    with pytest.raises(AssertionError, match=r"is null, for \{'UrlCount': None\}"):
        check_detector(pl.col("UrlCount") >= 10, EMAIL_EVENTS)


def saying(monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]) -> None:
    """Let the compiler err."""

    def wrongly(query: Query, dialect: Dialect) -> str:
        return change(compile_query(query, dialect))

    monkeypatch.setattr(checks, "compile_query", wrongly)


def test_a_detector_that_means_another_thing_in_kql_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    saying(monkeypatch, lambda text: text.replace("==", "!="))
    with pytest.raises(AssertionError, match=r"Polars \(left\) and KQL \(right\) differ"):
        check_detector(LETTER == "a", LETTER_EVENTS, LETTERS)


def test_letters_that_the_engine_folds_otherwise_are_not_compared() -> None:
    turkish = pl.DataFrame({"Letter": ["\u0130", "\u03a3", "a"], "Number": [1, 2, 3]})
    check_detector(LETTER.str.to_lowercase() == "i\u0307", LETTER_EVENTS, turkish)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("N =", "M ="), "the schemas differ"),
        (lambda text: text + "| take 0", "the rows differ: 3 only on the left, 0 only on .* such"),
        (lambda text: text + "| nonsense", "the engine cannot run the KQL: (.*\n)+.*nonsense"),
    ],
)
def test_a_query_that_says_another_thing_in_kql_fails(
    change: Callable[[str], str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = scan(LETTER_EVENTS).group_by("Number").agg(N=pl.len())
    check_query(query, {"LetterEvents": LETTERS})
    saying(monkeypatch, change)
    with pytest.raises(AssertionError, match=said):
        check_query(query, {"LetterEvents": LETTERS})


def test_a_query_is_checked_as_a_place_has_its_tables() -> None:
    lacking = attrs.evolve(DEFENDER, lacks=frozenset({("EmailEvents", "UrlCount")}))
    query = scan(EMAIL_EVENTS).filter(pl.col("Timestamp").is_not_null()).select("UrlCount")
    mail = pl.DataFrame({"Timestamp": [datetime(2026, 3, 10, tzinfo=UTC)], "UrlCount": [3]})
    check_query(query, {"EmailEvents": mail}, dialect="sentinel")
    check_query(query, {}, dialect="kusto")
    check_query(query, {"EmailEvents": mail.drop("UrlCount")}, dialect=lacking)
    with pytest.raises(AssertionError, match="differ"):
        check_query(query, {"EmailEvents": mail}, dialect=lacking)


MESSAGES = pl.col("messages")
MANY = Signal(
    id="volume.many",
    title="many messages",
    family=volume.SURGE.family,
    direction=volume.SURGE.direction,
    question=volume.SURGE.question,
    when=MESSAGES >= 30,
    sentence="{messages:.0f} messages.",
    rationale="Blasts are large.",
    fires={"messages": 30},
    nearly={"messages": 29},
)


class Careless(Signal):
    """Takes what is not known for false."""

    @property
    def state(self) -> pl.Expr:
        return self.when.fill_null(value=False)


def test_a_signal_of_ones_own_passes() -> None:
    check_signal(MANY)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fires": {"grants": 1.0}}, "fires has grants, it reads messages"),
        ({"nearly": {}}, "nearly has none, it reads messages"),
        ({"fires": MANY.nearly}, "on fires it is False, expected True"),
        ({"nearly": MANY.fires}, "on nearly it is True, expected False"),
        ({"nearly": {"messages": -1}}, "nearly has -1 for messages, which messages cannot be"),
        ({"fires": {"messages": float("inf")}}, "which messages cannot be"),
        ({"nearly": {"messages": 29.5}}, "nearly has 29.5 for messages, but messages are whole"),
        ({"sentence": "so"}, "it says 'so', which is no sentence"),
        (
            {"when": pl.when(MESSAGES < 1e6).then(MESSAGES >= 30)},
            "on 1000000000.0 for all it is None",
        ),
        ({"when": (MESSAGES >= 30) & (pl.len() > 1)}, "differs when the rows are one by one"),
        ({"id": "sender.many"}, "expected an id volume.something"),
        ({"id": volume.SURGE.id}, "exconn ships another signal of that id"),
    ],
)
def test_a_signal_that_is_not_as_it_says_fails(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_signal(attrs.evolve(MANY, **changed))


def test_a_share_of_more_than_all_fails() -> None:
    shared = attrs.evolve(
        MANY,
        when=pl.col("mismatch_share") > 0.5,
        sentence="{mismatch_share:.0%} of it.",
        fires={"mismatch_share": 50},
        nearly={"mismatch_share": 0.5},
    )
    with pytest.raises(AssertionError, match="which share of 1 cannot be"):
        check_signal(shared)


def test_a_signal_that_is_assessed_without_its_facts_fails() -> None:
    given = {field.name: getattr(MANY, field.name) for field in attrs.fields(Signal)}
    with pytest.raises(AssertionError, match="on fires without messages it is False"):
        check_signal(Careless(**given))


def test_the_same_rows_in_any_order_are_the_same() -> None:
    lists = pl.DataFrame({"a": [[1], None, [2]], "b": [0.5, None, float("nan")]})
    for frame in (LETTERS, lists, LETTERS.clear()):
        assert_same_rows(frame, frame.reverse())


@pytest.mark.parametrize(
    "other",
    [
        LETTERS.head(3),
        pl.concat([LETTERS, LETTERS.head(1)]),
        LETTERS.with_columns(pl.col("Letter").reverse()),
        LETTERS.with_columns(pl.col("Number").cast(pl.Int32)),
        LETTERS.rename({"Letter": "letter"}),
        LETTERS.with_columns(pl.col("Number").fill_null(0)),
    ],
)
def test_other_rows_are_not_the_same(other: pl.DataFrame) -> None:
    with pytest.raises(AssertionError, match="differ"):
        assert_same_rows(LETTERS, other)
    with pytest.raises(AssertionError, match="differ"):
        assert_same_rows(other, LETTERS)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"a": [1], "b": ["x"]}, "the left has no c$"),
        ({"a": [1], "b": ["x"], "c": [0], "d": [0]}, "the left has d, which is not expected$"),
        ({"a": ["1"], "b": ["x"], "c": [0]}, "the left has a as String, expected Int64$"),
        ({"b": ["x"], "a": [1], "c": [0]}, "the left has the order b, a, c, expected a, b, c$"),
        ({"a": [1], "b": ["y"], "c": [0]}, "of the two most alike, b: 'y' and 'x'$"),
        ({"a": [5, 1], "b": ["y", "x"], "c": [0, 2]}, "of the two most alike, c: 2 and 0$"),
    ],
)
def test_it_is_told_where_rows_differ(other: dict[str, list[object]], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        assert_same_rows(pl.DataFrame(other), pl.DataFrame({"a": [1], "b": ["x"], "c": [0]}))


def test_what_is_empty_in_a_row_is_not_told() -> None:
    row = pl.DataFrame({"a": [1], "b": [""], "c": [None]})
    with pytest.raises(AssertionError, match=r"such as \{a: 1\}$"):
        assert_same_rows(row, row.clear())


def test_reals_may_agree_to_some_digits() -> None:
    left, right = pl.DataFrame({"x": [0.1 + 0.2, 0.0]}), pl.DataFrame({"x": [-0.0, 0.3]})
    assert_same_rows(left, right, digits=9)
    with pytest.raises(AssertionError, match="the rows differ"):
        assert_same_rows(left, right)
    with pytest.raises(AssertionError, match="the rows differ"):
        assert_same_rows(left, right + 1e-6, digits=9)


def test_the_same_rows_may_have_to_be_in_order() -> None:
    assert_same_rows(LETTERS, LETTERS, in_order=True)
    with pytest.raises(AssertionError, match="the order of the rows differs, from row 0: of the"):
        assert_same_rows(LETTERS, LETTERS.reverse(), in_order=True)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@given(data=st.data())
def test_frames_have_columns_of_their_table_and_as_many_rows_as_asked(
    table: Any, data: st.DataObject
) -> None:
    least = data.draw(st.integers(0, 2))
    frame = data.draw(frames(table, least, least + 1))
    assert least <= frame.height <= least + 1
    assert set(frame.columns) <= set(table.names)
    assert conform(frame, table).height == frame.height


@given(frames(EMAIL_EVENTS, columns=["Subject", "Connectors"]))
def test_frames_have_exactly_the_columns_that_are_asked_for(frame: pl.DataFrame) -> None:
    assert frame.columns == ["Subject", "Connectors"]


@given(
    frames(
        EMAIL_EVENTS,
        1,
        columns=["Subject"],
        given={"Connectors": st.just("Relay"), "SenderFromDomain": st.just("x.example")},
        profile=REALISTIC,
    )
)
def test_frames_have_what_one_gives_them(frame: pl.DataFrame) -> None:
    assert frame.columns == ["Subject", "Connectors", "SenderFromDomain"]
    assert set(frame["Connectors"]) == {"Relay"}
    assert set(frame["SenderFromDomain"]) == {"x.example"}


@given(rows(CLOUD_APP_EVENTS))
def test_rows_have_a_value_or_none_for_each_column(row: dict[str, object]) -> None:
    assert set(row) == set(CLOUD_APP_EVENTS.names)


def test_tables_of_evidence_are_tables() -> None:
    with pytest.raises(TypeError, match=r"such as exconn.tables.EMAIL_EVENTS, got 'EmailEvents'"):
        evidence(tables=["EmailEvents"])  # type: ignore[list-item]


@given(evidence(max_size=2))
def test_evidence_has_frames_of_the_tables_of_the_playbook(
    found: dict[str, pl.DataFrame],
) -> None:
    tables = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
    assert set(found) <= {table.name for table in tables}
    assert all(frame.height <= 2 for frame in found.values())


@settings(max_examples=10)
@given(evidence(2, tables=TABLES, profile=REALISTIC))
def test_realistic_evidence_is_whole_and_as_conform_leaves_it(
    found: dict[str, pl.DataFrame],
) -> None:
    assert set(found) == {table.name for table in TABLES}
    for table in TABLES:
        frame = found[table.name]
        assert_same_rows(frame, conform(frame, table))
        texts = frame.select(pl.col(pl.String)).rows()
        assert "".join(itertools.chain(*texts)).isprintable()


@given(frames(EMAIL_EVENTS, 1, profile=REALISTIC), emails(REALISTIC))
def test_realistic_columns_agree(mail: pl.DataFrame, email: Any) -> None:
    for row in mail.iter_rows(named=True):
        assert row["SenderFromAddress"].endswith(row["SenderFromDomain"])
        assert row["RecipientEmailAddress"].endswith(row["RecipientDomain"])
    assert email.p1_address.partition("@")[2] == email.p1_domain


@given(frames(CLOUD_APP_EVENTS, 1, columns=["ActionType", "RawEventData"], profile=REALISTIC))
def test_realistic_audit_records_are_of_their_row(audit: pl.DataFrame) -> None:
    for action, record in audit.rows():
        assert not action or json.loads(record)["Operation"] == action


def any_text(frame: pl.DataFrame, condition: Callable[[str], bool]) -> bool:
    return any(condition(text) for text in frame["Connectors"].drop_nulls())


TROUBLES: dict[str, tuple[Any, Callable[[pl.DataFrame], bool]]] = {
    "cases": (True, lambda frame: "RELAY" in frame["Connectors"]),
    "nulls": (True, lambda frame: frame["Connectors"].null_count() > 0),
    "strange": (True, lambda frame: any_text(frame, lambda text: not text.isprintable())),
    "edges": (True, lambda frame: "-1" in frame["EmailSize"].cast(pl.String)),
    "as_text": (True, lambda frame: frame.schema["EmailSize"] == pl.String),
    "duplicates": (True, lambda frame: frame.height == 2 and frame.is_duplicated().all()),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_trouble_comes_where_the_profile_has_it_and_nowhere_else(trouble: str) -> None:
    value, shows = TROUBLES[trouble]
    number = {"ReportId": st.uuids().map(str)}

    def drawn(profile: Profile) -> st.SearchStrategy[pl.DataFrame]:
        columns = ["Connectors", "EmailSize"]
        return frames(EMAIL_EVENTS, max_size=3, columns=columns, profile=profile, given=number)

    alone = attrs.evolve(REALISTIC, **{trouble: value})
    assert shows(find(drawn(alone), shows, settings=REACH))
    without = attrs.evolve(ADVERSARIAL, **{trouble: getattr(REALISTIC, trouble)})

    @given(drawn(without))
    def never(frame: pl.DataFrame) -> None:
        assert not shows(frame)

    never()


def test_clocks_may_be_off_and_columns_and_tables_missing() -> None:
    off = timedelta(seconds=7)
    skewed = frames(EMAIL_EVENTS, columns=["Timestamp"], profile=attrs.evolve(REALISTIC, skew=off))
    assert find(skewed, lambda frame: 7 in frame["Timestamp"].dt.second(), settings=REACH).height
    gaps = attrs.evolve(REALISTIC, gaps=True)
    few = find(frames(EMAIL_EVENTS, profile=gaps), lambda frame: frame.width == 2, settings=REACH)
    assert few.columns[0] == "Timestamp"
    assert not find(evidence(profile=gaps), lambda found: not found, settings=REACH)


CONNECTORS = frames(EMAIL_EVENTS, columns=["Connectors"])
RECIPIENTS = frames(EMAIL_EVENTS, columns=["RecipientEmailAddress"])
REACHED: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], bool]]] = {
    "null": (CONNECTORS, lambda frame: frame["Connectors"].null_count() > 0),
    "duplicates": (frames(EMAIL_EVENTS), lambda frame: frame.is_duplicated().any()),
    "all columns": (frames(EMAIL_EVENTS), lambda frame: frame.width == len(EMAIL_EVENTS.names)),
    "few columns": (frames(EMAIL_EVENTS), lambda frame: frame.width < 4),
    "letter case": (
        CONNECTORS,
        lambda frame: {"RELAY", "Relay"} <= set(frame["Connectors"]),
    ),
    "separators": (
        CONNECTORS,
        lambda frame: frame["Connectors"].str.contains_any([";", ","]).any(),
    ),
    "NUL": (CONNECTORS, lambda frame: frame["Connectors"].str.contains("\x00").any()),
    "bidi": (CONNECTORS, lambda frame: frame["Connectors"].str.contains("\u202e").any()),
    "dotted I": (CONNECTORS, lambda frame: frame["Connectors"].str.contains("\u0130").any()),
    "line break": (CONNECTORS, lambda frame: frame["Connectors"].str.contains("\n").any()),
    "quote": (CONNECTORS, lambda frame: frame["Connectors"].str.contains('"').any()),
    "no at": (
        RECIPIENTS,
        lambda frame: any(a and "@" not in a for a in frame["RecipientEmailAddress"]),
    ),
    "empty domain": (
        RECIPIENTS,
        lambda frame: frame["RecipientEmailAddress"].str.ends_with("@").any(),
    ),
    "time as text": (
        frames(EMAIL_EVENTS, columns=["Timestamp"]),
        lambda frame: frame.height > 0 and frame.schema["Timestamp"] == pl.String,
    ),
    "time on the hour": (
        frames(EMAIL_EVENTS, columns=["Timestamp"]),
        lambda frame: (
            frame.schema["Timestamp"] != pl.String
            and (frame["Timestamp"] == frame["Timestamp"].dt.truncate("1h")).any()
        ),
    ),
    "mismatch": (
        frames(EMAIL_EVENTS, columns=["SenderFromDomain", "SenderMailFromDomain"]),
        lambda frame: (
            conform(frame, EMAIL_EVENTS).select(detectors.sender_mismatch()).to_series().any()
        ),
    ),
    "enabled": (
        frames(CLOUD_APP_EVENTS, columns=["ActionType", "RawEventData"]),
        lambda frame: (
            conform(frame, CLOUD_APP_EVENTS)
            .select(detectors.connector_enabled() & detectors.connector_changed())
            .to_series()
            .any()
        ),
    ),
    "failed logon": (
        frames(IDENTITY_LOGON_EVENTS, columns=["ActionType", "Application", "ISP"]),
        lambda frame: (
            conform(frame, IDENTITY_LOGON_EVENTS).select(detectors.failed_logon()).to_series().any()
        ),
    ),
    "application": (
        connector_changes(),
        lambda change: change.actor.kind is ActorKind.APPLICATION,
    ),
    "system": (actors(), lambda actor: actor.kind is ActorKind.SYSTEM),
    "other acts": (admin_changes(), lambda change: change.operation == "Set-Mailbox"),
    "renaming": (connector_changes(), lambda change: change.new_name is not None),
    "missing table": (evidence(), lambda found: len(found) < 3),
    "all tables": (evidence(), lambda found: len(found) == 3),
    "tls off": (inbound_connectors(), lambda listed: listed.require_tls is False),
    "smart hosts": (outbound_connectors(), lambda listed: listed.smart_hosts),
    "weak rule": (transport_rules(), lambda rule: rule.weakens_filtering),
    "strange subject": (emails(), lambda email: "\u202e" in email.subject),
    "successful logon": (logons(), lambda logon: logon.succeeded),
    "alert on Relay": (alerts(), lambda alert: alert.connector == "Relay"),
}


@pytest.mark.parametrize("case", REACHED)
def test_strategies_reach(case: str) -> None:
    strategy, condition = REACHED[case]
    assert condition(find(strategy, condition, settings=REACH))


def test_frames_shrink_to_one_cell() -> None:
    smallest = find(frames(EMAIL_EVENTS), lambda frame: frame.height > 0, settings=SHRINK)
    assert smallest.height == 1
    assert smallest.width <= 2


def test_connector_changes_shrink_to_a_plain_one() -> None:
    smallest = find(connector_changes(), lambda _change: True, settings=SHRINK)
    assert isinstance(smallest, ConnectorChange)
    assert (smallest.operation, smallest.parameters) == ("New-InboundConnector", {})
    assert smallest.timestamp == datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_the_kit_exports_what_it_says() -> None:
    assert dir(exconn.testing) == sorted(exconn.testing.__all__)
    assert all(hasattr(exconn.testing, name) for name in exconn.testing.__all__)


WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None
import exconn
try:
    import exconn.testing
except exconn.MissingExtraError as error:
    print(error.extra, error)
"""


def test_without_hypothesis_the_kit_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HYPOTHESIS],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout.startswith("testing the testing kit needs")
    assert "pip install 'exconn[testing]'" in done.stdout


def test_exconn_itself_does_not_import_hypothesis() -> None:
    program = "import sys, exconn; print('hypothesis' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_checks_do_not_pass_where_nothing_is_compared() -> None:
    many = pl.col("UrlCount") > 3
    rows = pl.DataFrame({"UrlCount": [5]})
    with pytest.raises(AssertionError, match=r"no table 'EmailEvent'; nearest: 'EmailEvents'$"):
        check_query(scan(EMAIL_EVENTS).filter(many), {"EmailEvent": rows})
    upper = pl.col("Subject").str.to_uppercase() == "STRASSE"
    with pytest.raises(AssertionError, match="of every row otherwise than Kusto"):
        check_detector(upper, EMAIL_EVENTS, pl.DataFrame({"Subject": ["stra\u00dfe"]}))


def test_a_detector_that_cannot_be_run_is_told_with_a_row() -> None:
    number = (pl.col("Subject").cast(pl.Int64) > 3).fill_null(value=False)
    rows = pl.DataFrame({"Subject": ["x"]})
    with pytest.raises(AssertionError, match=r"it cannot be run: .*on \[\{'Subject': 'x'\}\]"):
        check_detector(number, EMAIL_EVENTS, rows, kql=False)


def test_the_order_of_many_rows_is_told_in_one() -> None:
    rows = pl.DataFrame({"n": range(10_000)})
    with pytest.raises(AssertionError, match="from row 0: ") as told:
        assert_same_rows(rows, rows.reverse(), in_order=True)
    assert len(str(told.value)) < 200
    thirds = pl.DataFrame({"n": [[0.1 + 0.2]]})
    assert_same_rows(thirds, pl.DataFrame({"n": [[0.3]]}), digits=9)
