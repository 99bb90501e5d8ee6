"""Random queries over random rows: Polars and the engine agree, and the parser accepts them."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from judges import assert_agrees
from random_queries import LEFT, TABLES, Exprs, frames, pipelines

from exconn import Query, scan
from exconn.tables import TIME

EXPRS = Exprs(LEFT.schema)
KEYED, WHOLE = EXPRS.aggregate(2, keyed=True), EXPRS.aggregate(2, keyed=False)
TYPES = (pl.Boolean(), pl.String(), pl.Int64(), pl.Float64(), TIME, pl.Duration("us"))


@given(st.lists(st.one_of(*(EXPRS.of(t, 2) for t in TYPES)), min_size=3, max_size=6), frames())
def test_values(exprs: list[pl.Expr], rows: dict[str, pl.DataFrame]) -> None:
    assert_agrees(scan(LEFT).select("n", **_numbered(exprs)), rows)


@given(st.lists(EXPRS.flag(3), min_size=2, max_size=4), frames())
def test_conditions(flags: list[pl.Expr], rows: dict[str, pl.DataFrame]) -> None:
    kept = [f"{name}" for name in LEFT.names]
    assert_agrees(scan(LEFT).filter(flags[0]).select(*kept), rows)
    assert_agrees(scan(LEFT).filter(~flags[0]).select("n", "s"), rows)
    chosen = [pl.when(flag).then(1).otherwise(0) for flag in flags[1:]]
    assert_agrees(scan(LEFT).select("n", **_numbered(chosen)), rows)


@st.composite
def aggregations(draw: st.DrawFn) -> Query:
    keys = draw(st.sampled_from(((), ("s",), ("b",), ("i", "Timestamp"))))
    aggs = draw(st.lists(KEYED if keys else WHOLE, min_size=3, max_size=5))
    return scan(LEFT).group_by(*keys).agg(**_numbered(aggs))


@given(aggregations(), frames())
def test_aggregates(query: Query, rows: dict[str, pl.DataFrame]) -> None:
    assert_agrees(query, rows)


@given(pipelines(), frames())
def test_pipelines(query: Query, rows: dict[str, pl.DataFrame]) -> None:
    assert_agrees(query, rows)


def test_the_tables_have_columns_of_every_type() -> None:
    assert {column.type for table in TABLES for column in table.columns} >= {
        column.type for column in LEFT.columns
    }


def _numbered(exprs: list[pl.Expr]) -> dict[str, pl.Expr]:
    return {f"x{number}": expr for number, expr in enumerate(exprs)}
