"""Checks that every detector, signal and source must pass. They fail with an AssertionError."""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from exconn.signals import Signal

_DETECTED = "exconn_detected"
_SHOWN = 3


def check_detector(expr: pl.Expr, frame: pl.DataFrame) -> None:
    """Check that an expression is a detector on these rows.

    It is boolean and never null; and each row's answer depends on that row alone: it stays the
    same when the rows are reversed, cut into chunks, looked at one by one, or run lazily.

    Args:
        expr: the detector.
        frame: rows of its table, conformed.

    Raises:
        AssertionError: it is not.
    """
    answers = _answers(expr, frame)
    _expect(answers.dtype == pl.Boolean, f"expected Boolean answers, got {answers.dtype}")
    _expect_none(answers.is_null(), frame, "the answer is null")
    middle = frame.height // 2
    halves = [frame.slice(0, middle), frame.slice(middle)]
    lazy = frame.lazy().select(expr.alias(_DETECTED), pl.all())
    again = {
        "reversed": _answers(expr, frame.reverse()).reverse(),
        "in chunks": _answers(expr, pl.concat(halves, rechunk=False)),
        "in halves": pl.concat([_answers(expr, half) for half in halves]),
        "one by one": pl.concat(
            [answers.clear(), *(_answers(expr, row) for row in frame.iter_slices(1))]
        ),
        "lazy": lazy.collect()[_DETECTED],
        "streaming": lazy.collect(engine="streaming")[_DETECTED],
    }
    for how, other in again.items():
        differing = answers.ne_missing(other)
        _expect_none(differing, frame, f"the answer differs when the rows are {how}")


def check_signal(signal: Signal) -> None:
    """Check that a signal does what its examples say.

    It fires on `fires` and says its sentence, does not fire on `nearly`, and is unassessed where
    any one of its facts is not known.

    Raises:
        AssertionError: it is not so.
    """
    facts = set(signal.facts)
    for name, example in (("fires", signal.fires), ("nearly", signal.nearly)):
        given = set(example)
        _expect(given == facts, f"{signal.id}: {name} has {_told(given)}, it reads {_told(facts)}")
    _expect_state(signal, "fires", signal.fires, expected=True)
    _expect_state(signal, "nearly", signal.nearly, expected=False)
    for gap in signal.facts:
        lacking = {**signal.fires, gap: None}
        _expect_state(signal, f"fires without {gap}", lacking, expected=None)
    sentence = signal.sentence.format(**signal.fires)
    _expect(sentence.endswith("."), f"{signal.id}: it says {sentence!r}, which is no sentence")


def _expect_state(
    signal: Signal, name: str, facts: Mapping[str, float | None], *, expected: bool | None
) -> None:
    row = pl.DataFrame([dict(facts)], schema=dict.fromkeys(facts, pl.Float64()))
    said = row.select(signal.state).item()
    _expect(said is expected, f"{signal.id}: on {name} it is {said}, expected {expected}")


def _told(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def assert_same_rows(left: pl.DataFrame, right: pl.DataFrame) -> None:
    """Check that two frames have the same schema, and the same rows in any order.

    Every row counts as often as it occurs; values are equal exactly.

    Raises:
        AssertionError: they differ.
    """
    _expect(left.schema == right.schema, f"the schemas differ: {left.schema} and {right.schema}")
    ours = Counter(map(repr, left.iter_rows()))
    theirs = Counter(map(repr, right.iter_rows()))
    only_ours = sorted((ours - theirs).elements())
    only_theirs = sorted((theirs - ours).elements())
    _expect(
        ours == theirs,
        f"the rows differ: {len(only_ours)} only on the left, such as {only_ours[:_SHOWN]}; "
        f"{len(only_theirs)} only on the right, such as {only_theirs[:_SHOWN]}",
    )


def _answers(expr: pl.Expr, frame: pl.DataFrame) -> pl.Series:
    return frame.select(expr.alias(_DETECTED), pl.all())[_DETECTED]


def _expect_none(found: pl.Series, frame: pl.DataFrame, problem: str) -> None:
    """Fail, and show the first row that was found, without what is empty in it."""
    for row in frame.filter(found).head(1).iter_rows(named=True):
        told = {name: value for name, value in row.items() if value not in ("", None)}
        raise AssertionError(f"{problem}, for {told}")


def _expect(condition: bool, problem: str) -> None:  # noqa: FBT001 - it is what is asserted
    """Fail also where Python runs with -O, which leaves out assert statements."""
    if not condition:
        raise AssertionError(problem)
