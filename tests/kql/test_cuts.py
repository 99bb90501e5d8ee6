"""Queries cut by time: their parts' results make up the whole."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from judges import assert_agrees
from random_queries import LEFT, RIGHT, frames, pipelines

from exconn import Query, scan
from exconn.kql import DEFENDER
from exconn.kql.cuts import between, bounds, cut_of
from exconn.query import run
from exconn.testing import assert_same_rows
from exconn.window import Period

START, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
TIME = pl.col("Timestamp")
BINS = ("1s", "1m", "1h", "6h", "1d")


@st.composite
def binned(draw: st.DrawFn) -> Query:
    """Groups by a bin of time, perhaps grouped once more."""
    first, second = draw(st.sampled_from(BINS)), draw(st.sampled_from(BINS))
    counted = scan(LEFT).group_by("s", Bin=TIME.dt.truncate(first)).agg(N=pl.len())
    again = counted.with_columns(Later=pl.col("Bin").dt.truncate(second)).group_by("Later")
    return draw(
        st.sampled_from(
            (
                counted,
                counted.filter(pl.col("N") > 1).rename({"Bin": "When"}).unique(),
                counted.sort(["N", "s", "Bin"], descending=True).head(3),
                again.agg(M=pl.col("N").sum()),
            )
        )
    )


@given(
    st.one_of(pipelines(), binned()),
    frames(),
    st.lists(st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None)), max_size=3),
)
def test_parts_make_up_the_whole(
    query: Query, tables: dict[str, pl.DataFrame], places: list[datetime]
) -> None:
    cut = cut_of(query)
    assume(cut is not None)
    assert cut is not None
    inside = tables[LEFT.name]["Timestamp"].drop_nulls().to_list()
    edges = sorted({START, END, *(_floored(p, cut.bin) for p in (*places, *inside[:4]))})
    periods = [Period(a, b) for a, b in pairwise(edges)]
    parts = pl.concat([_on(between(query, period), tables) for period in periods])
    made = run(cut.last, parts.lazy(), lambda other: _on(other, tables).lazy()).collect()
    whole = _on(between(query, Period(START, END)), tables)
    assert_same_rows(made, whole, digits=9)
    if cut.last:
        assert made.equals(whole)


def test_what_spans_bins_cannot_be_cut() -> None:
    spans: Sequence[Query] = (
        scan(LEFT).group_by("s").agg(N=pl.len()),
        scan(LEFT).group_by("s", Week=TIME.dt.truncate("1w")).agg(N=pl.len()),
        scan(LEFT).group_by(Odd=TIME.dt.truncate("7h")).agg(N=pl.len()),
        scan(LEFT).group_by(Early=TIME.dt.offset_by("1h").dt.truncate("1h")).agg(N=pl.len()),
        scan(LEFT).select("s").unique(),
        scan(LEFT).with_columns(Timestamp=pl.lit(START)).unique(),
        scan(LEFT).join(scan(RIGHT), on="s", how="semi"),
        scan(LEFT).sort(["n", "Timestamp"]).head(3).filter(pl.col("n") > 1),
        scan(LEFT).filter(pl.col("s").is_first_distinct()),
        scan(LEFT).select("Timestamp", N=pl.col("n").cum_sum()),
        scan(LEFT).with_columns(N=pl.col("n") - pl.col("n").mean()),
        scan(LEFT).group_by("Timestamp", N=pl.col("n").rank()).agg(pl.len()),
        scan(LEFT).group_by("Timestamp").agg(N=pl.len()).filter(pl.col("N") == pl.col("N").max()),
        scan(LEFT).join(scan(LEFT).select("Timestamp", N=pl.col("n").shift()), on="Timestamp"),
    )
    assert [cut_of(query) for query in spans] == [None] * len(spans)


def test_what_looks_at_the_rows_beside_confines_nothing_nor_does_what_comes_behind() -> None:
    first, inside = pl.col("s").is_first_distinct(), (TIME >= START) & (TIME < END)
    ever = Period(START - timedelta(days=9), END + timedelta(days=9))
    assert bounds(scan(LEFT).filter(first).filter(inside), ever) == ever
    assert bounds(scan(LEFT).filter(first, inside), ever) == ever
    assert bounds(scan(LEFT).filter(inside).filter(first), ever) == Period(START, END)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ((TIME >= START) & (TIME < END), (START, END)),
        (TIME > START, (START + timedelta(microseconds=1), END)),
        (TIME <= START, (START - timedelta(days=1), START + timedelta(microseconds=1))),
        ((TIME > END) | (TIME < START), (START - timedelta(days=1), END)),
        ((TIME >= END).fill_null(value=False), (END, END)),
    ],
)
def test_bounds(condition: pl.Expr, expected: tuple[datetime, datetime]) -> None:
    whole = Period(START - timedelta(days=1), END)
    assert bounds(scan(LEFT).filter(condition), whole) == Period(*expected)


@given(pipelines(), frames(), st.sets(st.sampled_from([n for n in LEFT.names if n != "Timestamp"])))
def test_what_a_place_lacks_reads_as_empty(
    query: Query, tables: dict[str, pl.DataFrame], lacking: set[str]
) -> None:
    place = evolve(DEFENDER, lacks=frozenset((LEFT.name, name) for name in lacking))
    empty = [
        pl.lit("" if dtype == pl.String else None, dtype).alias(name)
        for name, dtype in LEFT.schema.items()
        if name in lacking
    ]
    assert_agrees(query, {**tables, LEFT.name: tables[LEFT.name].with_columns(empty)}, place)


def _on(query: Query, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return query.on(lambda table: tables[table.name].lazy()).collect()


def _floored(place: datetime, size: timedelta) -> datetime:
    moment = place.replace(tzinfo=UTC)
    return moment - (moment - START) % size
