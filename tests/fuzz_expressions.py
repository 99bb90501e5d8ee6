"""What Polars can say is said in KQL exactly, or refused in exconn's words."""

import inspect
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, Phase, given, seed, settings
from polars.exceptions import PanicException, PolarsError

from exconn import ExconnError, Query, scan
from exconn.kql import DEFENDER, compile_query
from exconn.tables import KqlType

sys.path.insert(0, str(Path(__file__).parent / "kql"))
from judges import assert_agrees
from random_queries import (
    JSON,
    LEFT,
    MOMENTS,
    NUMBERS,
    TABLES,
    TEXTS,
    frames,
    pipelines,
)

_NAMESPACES = ("str", "dt", "list")
_OPERATORS = {"__add__", "__sub__", "__mul__", "__truediv__", "__floordiv__", "__mod__", "__and__"}
_OPERATORS |= {"__or__", "__invert__", "__neg__", "__eq__", "__ne__", "__lt__", "__ge__"}
_NOT_DRAWN = ("map", "pipe", "inspect", "deserialize", "register", "rolling", "ewm")
"""What runs functions of Python, and what takes its arguments from the whole column."""

_WORDS = (
    "1h",
    "1d",
    "1w",
    "90m",
    "1mo",
    "s",
    "left",
    "any",
    "exact",
    "us",
    "%Y",
    "UTC",
    ".",
    "(a|b)",
)
_CELLS: dict[KqlType, tuple[object, ...]] = {
    KqlType.STRING: TEXTS,
    KqlType.LONG: (None, *NUMBERS),
    KqlType.INT: (None, *NUMBERS),
    KqlType.REAL: (None, -1.5, 0.0, 0.5, 2.0),
    KqlType.BOOL: (None, True, False),
    KqlType.DATETIME: (None, *MOMENTS),
    KqlType.DYNAMIC: JSON,
}


def expression(rng: random.Random, depth: int) -> pl.Expr:
    """Any method of Polars' on any other expression; Polars may refuse it."""
    if depth == 0:
        if rng.random() < 0.7:
            return pl.col(rng.choice(LEFT.names))
        return pl.lit(_plain(rng))
    subject = expression(rng, depth - 1)
    if rng.random() < 0.1:
        return (
            pl.when(expression(rng, depth - 1)).then(subject).otherwise(expression(rng, depth - 1))
        )
    space = rng.choice((None, None, *_NAMESPACES))
    owner = subject if space is None else getattr(subject, space)
    method = getattr(owner, rng.choice(_methods(space)))
    given_, named = [], {}
    for parameter in inspect.signature(method).parameters.values():
        wanted = parameter.default is inspect.Parameter.empty
        match parameter.kind:
            case inspect.Parameter.VAR_POSITIONAL:
                given_.append(_argument(rng, depth))
            case inspect.Parameter.VAR_KEYWORD:
                continue
            case inspect.Parameter.KEYWORD_ONLY if wanted or rng.random() < 0.4:
                named[parameter.name] = _argument(rng, depth)
            case _ if wanted:
                given_.append(_argument(rng, depth))
    made = method(*given_, **named)
    if not isinstance(made, pl.Expr):
        raise TypeError(method)
    return made


@cache
def _methods(space: str | None) -> list[str]:
    owner = pl.col("s") if space is None else getattr(pl.col("s"), space)
    return [
        name
        for name in dir(owner)
        if (name in _OPERATORS if name.startswith("_") else not name.startswith(_NOT_DRAWN))
        if callable(getattr(owner, name))
    ]


def _argument(rng: random.Random, depth: int) -> object:
    match rng.randrange(8):
        case 0 | 1:
            return expression(rng, depth - 1)
        case 2:
            return [_plain(rng) for _ in range(rng.randrange(4))]
        case 3:
            return rng.choice((pl.Int64, pl.String, pl.Float64, pl.Boolean, pl.Int32, pl.Date))
    return _plain(rng)


def _plain(rng: random.Random) -> object:
    spans = (timedelta(hours=1), timedelta(days=-3), timedelta(microseconds=1))
    kinds = ((None,), (True, False), NUMBERS, TEXTS, _WORDS, MOMENTS, spans, (0.5, -1e308))
    kind: tuple[object, ...] = rng.choice(kinds)
    return rng.choice(kind)


def rows(rng: random.Random) -> dict[str, pl.DataFrame]:
    """A few rows of each table."""
    return {
        table.name: pl.DataFrame(
            [[rng.choice(_CELLS[c.type]) for c in table.columns] for _ in range(rng.randrange(9))],
            schema=table.schema,
            orient="row",
        )
        for table in TABLES
    }


@contextmanager
def expressions() -> Iterator[Callable[[random.Random], None]]:
    """A case is a few expressions that Polars takes; those that become KQL give the same rows."""

    def case(rng: random.Random) -> None:
        for _ in range(20):
            try:
                with warnings.catch_warnings(action="ignore"):
                    made = expression(rng, rng.randint(1, 3))
            except Exception:  # noqa: BLE001, S112 # Polars has many ways to say no
                continue
            try:
                query = _placed(made, rng)
                compile_query(query, DEFENDER)
            except ExconnError:
                continue
            given_rows = rows(rng)
            try:
                query.on(lambda table: given_rows[table.name].lazy()).collect()  # noqa: B023
            except (
                PolarsError,
                PanicException,
            ):  # no rows to compare; what a part yields is told only by running it
                continue
            try:
                assert_agrees(query, given_rows)
            except BaseException as error:
                error.add_note(str(made))
                raise

    yield case


def _placed(made: pl.Expr, rng: random.Random) -> Query:
    """A query with the expression in one of the places that take one."""
    match rng.randrange(4):
        case 0:
            return scan(LEFT).filter(made).select("n", "s")
        case 1:
            return scan(LEFT).group_by("b").agg(x=made)
        case 2:
            return scan(LEFT).group_by(x=made).agg(y=pl.len())
    return scan(LEFT).select("n", x=made)


@contextmanager
def queries() -> Iterator[Callable[[random.Random], None]]:
    """A case is a few random pipelines that exconn knows how to say, over random rows."""

    def case(rng: random.Random) -> None:
        @seed(rng.getrandbits(64))
        @settings(
            max_examples=5,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(pipelines(), frames())
        def agrees(query: Query, given_rows: dict[str, pl.DataFrame]) -> None:
            assert_agrees(query, given_rows)

        agrees()

    yield case
