"""The testing kit finds what is wrong, and its strategies reach the cases that they promise."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import polars as pl
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import exconn.testing
from exconn import ConnectorChange, detectors
from exconn.models import ActorKind
from exconn.signals import SIGNALS, Signal, volume
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, TABLES, conform
from exconn.testing import (
    alerts,
    assert_same_rows,
    check_detector,
    check_signal,
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


def test_a_detector_passes() -> None:
    check_detector(pl.col("Letter") == "a", LETTERS)
    check_detector(pl.lit(value=False), LETTERS)
    check_detector(pl.col("Letter") == "a", LETTERS.clear())


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        (pl.col("Number"), "expected Boolean answers, got Int64"),
        (pl.col("Number") > 1, r"the answer is null, for \{'Letter': 'b'\}"),
        (pl.col("Letter").is_duplicated() | pl.int_range(pl.len()).gt(1), "reversed"),
        (pl.col("Letter").cum_count() > 1, "differs when the rows are"),
        (pl.col("Letter") == pl.col("Letter").max(), "differs when the rows are in halves"),
        (pl.col("Letter").shift(1).fill_null("") == "a", "differs"),
        (pl.len() > 1, "differs when the rows are one by one, for"),
    ],
)
def test_what_is_no_detector_fails(expr: pl.Expr, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_detector(expr, LETTERS)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.id)
def test_a_signal_passes(signal: Signal) -> None:
    check_signal(signal)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fires": {"messages": 1.0}}, "fires has messages, it reads "),
        ({"nearly": {}}, "nearly has none, it reads "),
        ({"fires": volume.SURGE.nearly}, "on fires it is False, expected True"),
        ({"nearly": volume.SURGE.fires}, "on nearly it is True, expected False"),
        ({"sentence": "so"}, "which is no sentence"),
    ],
)
def test_a_signal_whose_examples_do_not_fit_fails(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_signal(attrs.evolve(volume.SURGE, **changed))


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


@given(rows(CLOUD_APP_EVENTS))
def test_rows_have_a_value_or_none_for_each_column(row: dict[str, object]) -> None:
    assert set(row) == set(CLOUD_APP_EVENTS.names)


@given(evidence(max_size=2))
def test_evidence_has_frames_of_the_tables_of_the_playbook(
    found: dict[str, pl.DataFrame],
) -> None:
    tables = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
    assert set(found) <= {table.name for table in tables}
    assert all(frame.height <= 2 for frame in found.values())


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
    assert dir(exconn.testing) == exconn.testing.__all__ == sorted(exconn.testing.__all__)
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
