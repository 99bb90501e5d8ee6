"""Checks that every detector, signal and query must pass. They fail with an AssertionError."""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from polars.exceptions import PolarsError

from exconn.errors import ExconnError, did_you_mean, nearest
from exconn.facts import FACTS, Unit
from exconn.kql import Dialect, compile_query, dialect_of
from exconn.query import Query, scan
from exconn.signals import SIGNALS, Signal
from exconn.tables import TABLES, Table, conform
from exconn.testing.engine import KqlRefused, run_kql
from exconn.testing.strategies import frames

_Row = tuple[str, ...]

_DETECTED = "exconn_detected"
_SHOWN = 3
_COMPARED = 20
_EMPTY = (repr(None), repr(""))
_DIGITS = 9
_UNITS = {fact.name: fact.unit for fact in FACTS}
_PARTS = (Unit.SHARE, Unit.RATIO, Unit.RATE, Unit.HOURS, Unit.DAYS)
_SIGMAS = "\u03a3\u03c2\u03c3"
_MOST = 1e15
_PROBES = (0.0, 0.5, 1.0, 1e9)


def check_detector(
    expr: pl.Expr, table: Table, rows: pl.DataFrame | None = None, *, kql: bool = True
) -> None:
    """Check that an expression is a detector on a table.

    It reads columns of the table alone, is boolean and never null. Each row's answer depends on
    that row alone: it stays the same when it is asked for again, when the rows are reversed, cut
    into chunks, looked at one by one, or run lazily. And it means the same in KQL: it can be
    compiled, and an independent engine gives the same answers.

    Args:
        expr: the detector.
        table: the table whose columns it reads.
        rows: of the table, raw or conformed; when None, hypothesis draws them by `frames`, as many
            examples as its settings say, and shrinks those that fail.
        kql: whether it is checked in KQL too. Leave it out where you call this for each of many
            drawn frames: the engine takes a tenth of a second. Rows with letters whose case the
            engine folds otherwise than Kusto are not compared.

    Raises:
        AssertionError: it is not.
        MissingExtraError: the engine is not installed.
    """
    asked = _detecting(expr, table)
    looked_at = []

    def look_at(raw: pl.DataFrame) -> None:
        frame = _conformed(raw, table)
        _check_rows(expr, frame.select(name for name in asked.schema if name != _DETECTED))
        looked_at.append(frame)

    if rows is None:
        _draw(look_at, table, asked)
    else:
        look_at(rows)
    if kql:
        every = pl.concat(looked_at)
        plain = every.filter(_is_plain(every, asked))
        expect(
            rows is None or every.is_empty() or not plain.is_empty(),
            "the engine folds letters of every row otherwise than Kusto: give others, or kql=False",
        )
        check_query(asked, {table.name: plain})


def check_query(
    query: Query, rows: Mapping[str, pl.DataFrame], *, dialect: Dialect | str = "defender"
) -> None:
    """Check that a query means the same in KQL as in Polars.

    It can be compiled, and an independent engine (not Kusto) returns the promised columns and the
    same rows, in any order; reals agree to nine digits.

    Args:
        query: the query.
        rows: of its tables by name, raw or conformed; a table that is not named has none.
        dialect: ``defender``, ``sentinel`` or ``kusto``, or a `Dialect`.

    Raises:
        AssertionError: it does not; or the engine cannot run it, though Kusto may.
        MissingExtraError: the engine is not installed.
    """
    spoken = dialect_of(dialect)
    without = {table.name for table in query.tables} - set(rows)
    for name in sorted(set(rows) - {table.name for table in (*query.tables, *TABLES)}):
        meant = nearest(name, without)
        expect(not meant, f"the query reads no table {name!r}{did_you_mean(meant)}")
    frames = {
        table.name: _conformed(rows.get(table.name, pl.DataFrame()), table)
        for table in query.tables
    }
    ours = query.on(lambda table: frames[table.name].lazy()).collect()
    try:
        text = compile_query(query, spoken)
    except ExconnError as error:
        raise AssertionError(f"it cannot be said in KQL: {error}") from error
    there = {}
    for table in query.tables:
        lacks = [name for name in table.names if (table.name, name) in spoken.lacks]
        frame = frames[table.name].drop(lacks)
        there[table.name] = frame.rename({table.time: spoken.time}) if spoken.time else frame
    try:
        theirs = run_kql(text, there, query.schema)
    except KqlRefused as error:
        raise AssertionError(f"the engine cannot run the KQL: {error}\n{text}") from error
    try:
        assert_same_rows(ours, theirs, digits=_DIGITS)
    except AssertionError as error:
        raise AssertionError(f"Polars (left) and KQL (right) differ: {error}\n{text}") from None


def check_signal(signal: Signal) -> None:
    """Check that a signal does what its examples say.

    It fires on `fires` and says its sentence, and does not fire on `nearly`; both are facts as
    there can be: none is negative, shares are at most 1, counts are whole. It is unassessed where
    any one of its facts is not known, and assessed wherever all are. What it says of one connector
    does not depend on which others there are. Its id begins with its family, and is none of a
    signal that exconn ships.

    Raises:
        AssertionError: it is not so.
    """
    facts = set(signal.facts)
    for name, example in (("fires", signal.fires), ("nearly", signal.nearly)):
        told = set(example)
        expect(told == facts, f"{signal.id}: {name} has {_told(told)}, it reads {_told(facts)}")
        for fact, value in example.items():
            _expect_possible(f"{signal.id}: {name} has {value} for {fact}", fact, value)
    cases = [*_cases(signal)]
    given_facts = pl.DataFrame(
        [[case.facts[name] for name in signal.facts] for case in cases],
        schema=dict.fromkeys(signal.facts, pl.Float64()),
        orient="row",
    )
    said = _answers(signal.state, given_facts)
    for case, answer in zip(cases, said, strict=True):
        expect(
            answer in case.expected,
            f"{signal.id}: on {case.name} it is {answer}, expected {case.expected[0]}",
        )
    _check_each_row_alone(signal.state, given_facts, said)
    sentence = signal.sentence.format(**signal.fires)
    expect(sentence.endswith("."), f"{signal.id}: it says {sentence!r}, which is no sentence")
    family = signal.family.value
    expect(signal.id.startswith(f"{family}."), f"{signal.id}: expected an id {family}.something")
    others = [other.id for other in SIGNALS if other is not signal]
    expect(signal.id not in others, f"{signal.id}: exconn ships another signal of that id")


def assert_same_rows(
    left: pl.DataFrame, right: pl.DataFrame, *, digits: int | None = None, in_order: bool = False
) -> None:
    """Check that two frames have the same schema and the same rows.

    Every row counts as often as it occurs.

    Args:
        left: one frame.
        right: the other.
        digits: to how many significant digits reals must agree; exactly when None.
        in_order: whether the rows must come in the same order.

    Raises:
        AssertionError: they differ.
    """
    expect_schema(left, right.schema, "the schemas differ: the left has")
    names = left.columns
    ours, theirs = _shown(left, digits), _shown(right, digits)
    only_ours = sorted((Counter(ours) - Counter(theirs)).elements())
    only_theirs = sorted((Counter(theirs) - Counter(ours)).elements())
    expect(
        not only_ours and not only_theirs,
        f"the rows differ: {len(only_ours)} only on the left, {len(only_theirs)} only on the "
        f"right; {_told_rows(names, only_ours, only_theirs)}",
    )
    if in_order:
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if one != other:
                place = f"from row {number}: {_told_rows(names, [one], [other])}"
                raise AssertionError(f"the order of the rows differs, {place}")


def expect_schema(frame: pl.DataFrame, promised: pl.Schema, problem: str) -> None:
    """Fail where a frame has other columns, and say after the problem which ones."""
    if frame.schema == promised:
        return
    found = frame.schema
    differing = [
        *(f"no {name}" for name in promised if name not in found),
        *(f"{name}, which is not expected" for name in found if name not in promised),
        *(
            f"{name} as {found[name]}, expected {dtype}"
            for name, dtype in promised.items()
            if name in found and found[name] != dtype
        ),
    ]
    order = f"the order {', '.join(found)}, expected {', '.join(promised)}"
    raise AssertionError(f"{problem} {'; '.join(differing) or order}")


@frozen
class _Case:
    """Facts, and what a signal may say on them."""

    name: str
    facts: Mapping[str, float | None]
    expected: tuple[bool | None, ...]


def _cases(signal: Signal) -> Iterator[_Case]:
    examples = {"fires": signal.fires, "nearly": signal.nearly}
    for name, example in examples.items():
        yield _Case(name, example, (name == "fires",))
        for gap in signal.facts:
            yield _Case(f"{name} without {gap}", {**example, gap: None}, (None,))
    yield _Case("nothing", dict.fromkeys(signal.facts), (None,))
    for value in _PROBES:
        yield _Case(f"{value} for all", dict.fromkeys(signal.facts, value), (True, False))


def _expect_possible(problem: str, fact: str, value: float) -> None:
    expect(isinstance(value, int | float), f"{problem}, which is no number")
    unit = _UNITS[fact]
    most = 1.0 if unit is Unit.SHARE else _MOST
    expect(0 <= value <= most, f"{problem}, which {unit.value} cannot be")
    expect(unit in _PARTS or value == int(value), f"{problem}, but {unit.value} are whole")


def _detecting(expr: pl.Expr, table: Table) -> Query:
    """The columns that a detector reads, and its answers; fails where it is no condition."""
    try:
        asked = scan(table).with_columns(expr.alias(_DETECTED))
        reads = sorted(name for _, name in asked.reads(_DETECTED))
        asked = asked.select(*(reads or [table.time]), _DETECTED)
    except ExconnError as error:
        raise AssertionError(f"it does not fit {table.name}: {error}") from error
    dtype = asked.schema[_DETECTED]
    expect(dtype == pl.Boolean, f"expected Boolean answers, got {dtype}")
    return asked


def _draw(look_at: Callable[[pl.DataFrame], None], table: Table, asked: Query) -> None:
    """Look at frames that hypothesis draws."""
    columns = [name for name in asked.schema if name != _DETECTED]

    @settings(
        deadline=None, report_multiple_bugs=False, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(frames(table, columns=columns))
    def on(raw: pl.DataFrame) -> None:
        look_at(raw)

    on()


def _check_rows(expr: pl.Expr, frame: pl.DataFrame) -> None:
    try:
        answers = _answers(expr, frame)
    except PolarsError as error:
        problem = f"it cannot be run: {str(error).splitlines()[0]}"
        raise AssertionError(f"{problem}, on {frame.rows(named=True)[:_SHOWN]}") from error
    _expect_none(answers.is_null(), frame, "the answer is null")
    _check_each_row_alone(expr, frame, answers)


def _check_each_row_alone(expr: pl.Expr, frame: pl.DataFrame, answers: pl.Series) -> None:
    middle = frame.height // 2
    halves = [frame.slice(0, middle), frame.slice(middle)]
    lazy = frame.lazy().select(expr.alias(_DETECTED), pl.all())
    others = {
        "looked at again": _answers(expr, frame),
        "reversed": _answers(expr, frame.reverse()).reverse(),
        "in chunks": _answers(expr, pl.concat(halves, rechunk=False)),
        "in halves": pl.concat([_answers(expr, half) for half in halves]),
        "one by one": pl.concat(
            [answers.clear(), *(_answers(expr, row) for row in frame.iter_slices(1))]
        ),
        "lazy": lazy.collect()[_DETECTED],
        "streaming": lazy.collect(engine="streaming")[_DETECTED],
    }
    for how, other in others.items():
        for at in answers.ne_missing(other).arg_true():
            raise AssertionError(
                f"the answer differs when the rows are {how}, for {frame.row(at, named=True)}: "
                f"{other[at]}, and {answers[at]} as they are"
            )


def _answers(expr: pl.Expr, frame: pl.DataFrame) -> pl.Series:
    return frame.select(expr.alias(_DETECTED), pl.all())[_DETECTED]


def _conformed(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    if frame.schema == table.schema:
        return frame
    return conform(frame, table).select(table.names)


def _is_plain(frame: pl.DataFrame, query: Query) -> pl.Series:
    """Of which rows the engine folds the case as Kusto does (see `exconn.testing.engine`)."""
    texts = [name for name in query.schema if query.schema[name] == pl.String]
    plain = [all(map(_is_plain_letter, "".join(row))) for row in frame.select(texts).iter_rows()]
    return pl.Series(plain or [True] * frame.height, dtype=pl.Boolean)


def _is_plain_letter(character: str) -> bool:
    alone = len(character.lower()) == len(character.upper()) == 1
    known = unicodedata.category(character) != "Cn"  # the engine may know fewer, or more
    return alone and known and character not in _SIGMAS


def _shown(frame: pl.DataFrame, digits: int | None) -> list[_Row]:
    return [tuple(_spelt(value, digits) for value in row) for row in frame.iter_rows()]


def _spelt(value: object, digits: int | None) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_spelt(element, digits) for element in value)}]"
    if digits is None or not isinstance(value, float) or math.isnan(value):
        return repr(value)
    return f"{value + 0.0:.{digits}g}"


def _told_rows(names: Sequence[str], ours: Sequence[_Row], theirs: Sequence[_Row]) -> str:
    """Where the two rows that are most alike differ; or some of those on one side alone."""
    if not ours or not theirs:
        rows = [dict(zip(names, row, strict=True)) for row in (*ours, *theirs)[:_SHOWN]]
        return "such as " + ", ".join(map(_told_row, rows))
    pairs = [(one, other) for one in ours[:_COMPARED] for other in theirs[:_COMPARED]]
    one, other = min(pairs, key=lambda pair: sum(a != b for a, b in zip(*pair, strict=True)))
    differing = [
        f"{name}: {a} and {b}" for name, a, b in zip(names, one, other, strict=True) if a != b
    ]
    return f"of the two most alike, {'; '.join(differing)}"


def _told_row(row: Mapping[str, str]) -> str:
    """A row without what is empty, unless all of it is."""
    told = {name: value for name, value in row.items() if value not in _EMPTY} or row
    return "{" + ", ".join(f"{name}: {value}" for name, value in told.items()) + "}"


def _told(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _expect_none(found: pl.Series, frame: pl.DataFrame, problem: str) -> None:
    """Fail, and show the first row that was found."""
    for row in frame.filter(found).head(1).iter_rows(named=True):
        raise AssertionError(f"{problem}, for {row}")


def expect(condition: bool, problem: str) -> None:  # noqa: FBT001 - it is what is asserted
    """Fail also where Python runs with -O, which leaves out assert statements."""
    if not condition:
        raise AssertionError(problem)
