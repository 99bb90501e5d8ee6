"""A Query on frames is Polars, knows its schema and lineage, and never yields a null string."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from exconn import InvalidValueError, MemorySource, UnknownColumnError
from exconn.query import JoinKind, Query, scan
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, Column, KqlType, Table
from exconn.testing import assert_same_rows

Step = Callable[[Any], Any]
"""What is done to a Query and, alike, to a frame of Polars."""

PEOPLE = Table(
    name="People",
    about="A person each.",
    key=("Id",),
    columns=(
        Column("Timestamp", KqlType.DATETIME),
        Column("Id", KqlType.STRING),
        Column("Team", KqlType.STRING),
        Column("Note", KqlType.STRING),
        Column("Age", KqlType.INT),
        Column("Steps", KqlType.LONG),
        Column("Active", KqlType.BOOL),
    ),
)
TEAMS = Table(
    name="Teams",
    about="A team each.",
    key=("Name",),
    columns=(
        Column("Timestamp", KqlType.DATETIME),
        Column("Name", KqlType.STRING),
        Column("Team", KqlType.STRING),
        Column("Note", KqlType.STRING),
        Column("Size", KqlType.LONG),
    ),
)
TEXTS = st.sampled_from(["", "a", "b", "A1", "b2", "\u0130", "x;y"])
CELLS: dict[KqlType, st.SearchStrategy[Any]] = {
    KqlType.STRING: TEXTS,
    KqlType.INT: st.none() | st.integers(0, 3),
    KqlType.LONG: st.none() | st.integers(0, 3),
    KqlType.BOOL: st.none() | st.booleans(),
    KqlType.DATETIME: st.none()
    | st.integers(0, 3).map(lambda hour: datetime(2026, 3, 10, hour, 30, tzinfo=UTC)),
}


def tables(table: Table, *, max_size: int = 6) -> st.SearchStrategy[pl.DataFrame]:
    """Conformed frames of a table."""
    row = st.tuples(*(CELLS[column.type] for column in table.columns))
    return st.lists(row, max_size=max_size).map(
        lambda rows: pl.DataFrame(rows, schema=table.schema, orient="row")
    )


def run(query: Query, **frames: pl.DataFrame) -> pl.DataFrame:
    return query.on(lambda table: frames[table.name].lazy()).collect()


def kusto(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as Kusto would have it: no null strings, signed counts."""
    return frame.with_columns(cs.string().fill_null(""), cs.unsigned_integer().cast(pl.Int64))


def columns(schema: pl.Schema, *dtypes: type[pl.DataType]) -> list[str]:
    return [name for name, dtype in schema.items() if dtype.base_type() in dtypes]


@st.composite
def filters(draw: st.DrawFn, schema: pl.Schema) -> Step:
    name = draw(st.sampled_from(schema.names()))
    column = pl.col(name)
    match schema[name]:
        case pl.String():
            predicate = draw(
                st.sampled_from(
                    [
                        column != "",
                        column == "a",
                        column.is_in(["a", "b2"]),
                        column.str.contains("1"),
                        pl.any_horizontal(cs.string() == "a"),
                    ]
                )
            )
        case pl.Boolean():
            predicate = draw(st.sampled_from([column, ~column, column.is_null()]))
        case pl.List():
            predicate = column.list.len() > 1
        case pl.Datetime():
            predicate = column >= datetime(2026, 3, 10, 1, tzinfo=UTC)
        case _:
            predicate = draw(st.sampled_from([column > 1, column.is_null(), column != 1]))
    return lambda source: source.filter(predicate)


@st.composite
def additions(draw: st.DrawFn, schema: pl.Schema) -> Step:
    name = draw(st.sampled_from(schema.names()))
    column = pl.col(name)
    made: list[pl.Expr] = [pl.lit("x"), pl.lit(1, pl.Int64), column]
    match schema[name]:
        case pl.String():
            made += [
                column.str.to_lowercase(),
                column.str.extract(r"(\d)"),
                pl.when(column != "a").then(column),
                pl.concat_str(cs.string()),
                column.str.split(";"),
                pl.when(column != "").then(column).sort().implode().over(pl.lit(1)),
            ]
        case pl.List():
            made += [column.list.get(1, null_on_oob=True), column.list.len().cast(pl.Int64)]
        case pl.Datetime():
            made += [column.dt.truncate("1h")]
        case pl.Boolean():
            made += [column.fill_null(value=False), pl.any_horizontal(cs.boolean())]
        case _:
            made += [column.cast(pl.Int64) + 1, column.sum().over(pl.first())]
    target = draw(st.sampled_from(["New", name]))
    expr = draw(st.sampled_from(made))
    return lambda source: source.with_columns(**{target: expr})


@st.composite
def selections(draw: st.DrawFn, schema: pl.Schema) -> Step:
    names = draw(
        st.lists(st.sampled_from(schema.names()), min_size=1, max_size=len(schema), unique=True)
    )
    kind = draw(st.sampled_from(["select", "drop", "rename", "both", "selector"]))
    if kind == "rename":
        new_names = {name: f"{name}_" for name in names if f"{name}_" not in schema}
        return lambda source: source.rename(new_names)
    if kind == "drop" and len(names) < len(schema):
        return lambda source: source.drop(*names)
    if kind == "both":
        new = max(schema.names(), key=len) + "+"
        return lambda source: source.select(*names, **{new: pl.col(names[0])})
    if kind == "selector":
        return lambda source: source.select(cs.by_name(*names) | cs.string())
    return lambda source: source.select(*names)


@st.composite
def groupings(draw: st.DrawFn, schema: pl.Schema) -> Step:
    strings = columns(schema, pl.String)
    keys: list[pl.Expr] = [pl.col(name) for name in schema.names()]
    keys += [pl.col(name).str.to_lowercase() for name in strings]
    keys += [pl.when(pl.col(name) != "a").then(pl.col(name)).alias(name) for name in strings]
    key = draw(st.sampled_from(keys))
    taken = key.meta.output_name()
    aggs: dict[str, pl.Expr] = {"N": pl.len()}
    for name in draw(st.lists(st.sampled_from(schema.names()), max_size=2, unique=True)):
        column = pl.col(name)
        aggs[f"Known_{name}"] = column.count()
        match schema[name]:
            case pl.String():
                aggs[f"Distinct_{name}"] = column.n_unique()
                aggs[f"Some_{name}"] = column.filter(column != "").n_unique()
                aggs[f"Set_{name}"] = column.unique().sort()
                aggs[f"One_{name}"] = column.filter(column == "a").max()
                aggs[f"Holes_{name}"] = pl.when(column != "a").then(column).unique().sort()
            case pl.List():
                pass
            case _:
                aggs[f"Max_{name}"] = column.max()
    whole = draw(st.sampled_from([False, False, False, True]))
    if not whole:
        aggs.pop(taken, None)

    def step(source: Any) -> Any:
        if not whole:
            as_kusto = key.fill_null("") if taken in strings else key
            return source.group_by(key if isinstance(source, Query) else as_kusto).agg(**aggs)
        scalars = {name: expr for name, expr in aggs.items() if not name.startswith(("Set", "Hol"))}
        if isinstance(source, Query):
            return source.group_by().agg(**scalars)
        return source.select(**scalars)

    return step


@st.composite
def orderings(draw: st.DrawFn, schema: pl.Schema) -> Step:
    if columns(schema, pl.List):
        return lambda source: source
    descending = [draw(st.booleans()) for _ in schema]
    n = draw(st.integers(0, 3))
    kind = draw(st.sampled_from(["head", "unique", "sort"]))
    if kind == "unique":
        return lambda source: source.unique()
    if kind == "sort":
        return lambda source: source.sort(schema.names(), descending=descending)
    return lambda source: source.sort(schema.names(), descending=descending).head(n)


@st.composite
def explosions(draw: st.DrawFn, schema: pl.Schema) -> Step:
    lists = columns(schema, pl.List)
    if not lists:
        return lambda source: source
    name = draw(st.sampled_from(lists))

    def step(source: Any) -> Any:
        if isinstance(source, Query):
            return source.explode(name)
        return source.filter(pl.col(name).list.len() > 0).explode(name)

    return step


def step_strategy(schema: pl.Schema) -> st.SearchStrategy[Step]:
    return st.one_of(
        filters(schema),
        additions(schema),
        selections(schema),
        groupings(schema),
        orderings(schema),
        explosions(schema),
    )


@st.composite
def pipelines(draw: st.DrawFn, table: Table = PEOPLE, max_steps: int = 4) -> list[Step]:
    query = scan(table)
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, max_steps))):
        step = draw(step_strategy(query.schema))
        query = step(query)
        steps.append(step)
    return steps


def built(steps: Sequence[Step], table: Table = PEOPLE) -> Query:
    query = scan(table)
    for step in steps:
        query = step(query)
    return query


@given(pipelines(), tables(PEOPLE))
def test_a_query_is_the_same_pipeline_in_polars(steps: list[Step], people: pl.DataFrame) -> None:
    expected = people
    for step in steps:
        expected = kusto(step(expected))
    assert_same_rows(run(built(steps), People=people), expected)


@given(pipelines(), tables(PEOPLE))
def test_the_schema_that_a_query_promises_is_what_it_yields(
    steps: list[Step], people: pl.DataFrame
) -> None:
    query = built(steps)
    result = run(query, People=people)
    assert list(result.schema.items()) == list(query.schema.items())
    assert set(query._columns) == set(query.schema)


@given(pipelines(), tables(PEOPLE))
def test_no_query_yields_a_null_string(steps: list[Step], people: pl.DataFrame) -> None:
    strings = run(built(steps), People=people).select(cs.string())
    assert strings.null_count().row(0) == (0,) * strings.width


@given(pipelines(), tables(PEOPLE), st.sampled_from(PEOPLE.names), st.booleans())
def test_a_column_that_is_not_read_changes_nothing(
    steps: list[Step],
    people: pl.DataFrame,
    column: str,
    absent: bool,  # noqa: FBT001
) -> None:
    query = built(steps)
    free = [name for name in query.schema if ("People", column) not in query.reads(name)]
    missing = pl.lit("" if PEOPLE.schema[column] == pl.String else None, PEOPLE.schema[column])
    changed = people.with_columns(missing.alias(column) if absent else pl.col(column).reverse())
    if free:
        before, after = run(query, People=people), run(query, People=changed)
        assert_same_rows(after.select(free), before.select(free))


@given(pipelines())
def test_what_a_query_reads_is_what_its_columns_read_together(steps: list[Step]) -> None:
    query = built(steps)
    assert query.reads() == frozenset().union(*(query.reads(name) for name in query.schema))
    assert query.reads() <= {("People", name) for name in PEOPLE.names}


@given(pipelines(), tables(PEOPLE))
def test_verbs_leave_the_query_that_they_are_called_on_as_it_was(
    steps: list[Step], people: pl.DataFrame
) -> None:
    stages = [scan(PEOPLE)]
    for step in steps:
        stages.append(step(stages[-1]))
    before = [(query.steps, query.schema, query.reads()) for query in stages]
    results = [run(query, People=people) for query in stages]
    assert [(query.steps, query.schema, query.reads()) for query in stages] == before
    for query, result in zip(stages, results, strict=True):
        assert_same_rows(run(query, People=people), result)


def test_a_query_cannot_be_assigned_to() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        scan(PEOPLE).steps = ()  # type: ignore[misc]


@pytest.mark.parametrize("how", ["inner", "left", "semi", "anti"])
@given(people=tables(PEOPLE), teams=tables(TEAMS))
def test_joins_are_those_of_polars(
    how: JoinKind, people: pl.DataFrame, teams: pl.DataFrame
) -> None:
    on_one = scan(PEOPLE).join(scan(TEAMS), on="Team", how=how)
    expected = people.join(teams, on="Team", how=how, coalesce=True)
    result = run(on_one, People=people, Teams=teams)
    assert result.schema == on_one.schema
    assert_same_rows(result, kusto(expected))

    keys: dict[str, Any] = {"left_on": ["Team", "Steps"], "right_on": ["Name", "Size"]}
    on_two = scan(PEOPLE).join(scan(TEAMS), how=how, suffix="_of_team", **keys)
    expected = people.join(teams, how=how, suffix="_of_team", coalesce=True, **keys)
    result = run(on_two, People=people, Teams=teams)
    assert result.schema == on_two.schema
    assert_same_rows(result, kusto(expected))


@pytest.mark.parametrize("how", ["inner", "left", "semi", "anti"])
@given(
    people=tables(PEOPLE),
    teams=tables(TEAMS),
    column=st.sampled_from(
        [(table.name, name) for table in (PEOPLE, TEAMS) for name in table.names]
    ),
)
def test_a_column_that_a_join_does_not_read_changes_nothing(
    how: JoinKind, people: pl.DataFrame, teams: pl.DataFrame, column: tuple[str, str]
) -> None:
    query = scan(PEOPLE).join(
        scan(TEAMS).filter(pl.col("Size") > 0), left_on="Team", right_on="Name", how=how
    )
    free = [name for name in query.schema if column not in query.reads(name)]
    frames = {"People": people, "Teams": teams}
    table, name = column
    changed = frames | {table: frames[table].with_columns(pl.col(name).reverse())}
    assert_same_rows(run(query, **changed).select(free), run(query, **frames).select(free))


def test_what_decides_a_join_is_read_by_every_column() -> None:
    query = scan(PEOPLE).join(
        scan(TEAMS).filter(pl.col("Size") > 0), left_on="Team", right_on="Name", how="semi"
    )
    decides = {("People", "Team"), ("Teams", "Name"), ("Teams", "Size")}
    assert query.reads("Note") == decides | {("People", "Note")}
    assert query.tables == (PEOPLE, TEAMS)


def test_a_column_of_both_sides_gets_a_suffix_and_keeps_its_lineage() -> None:
    query = scan(PEOPLE).join(scan(TEAMS), on="Team")
    assert ("Teams", "Note") in query.reads("Note_right")
    assert ("Teams", "Note") not in query.reads("Note")
    assert "Name" in query.schema
    assert "Team_right" not in query.schema


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"left_on": "Team"},
        {"right_on": "Team"},
        {"on": []},
        {"left_on": ["Team", "Id"], "right_on": ["Name"]},
    ],
)
def test_a_join_needs_pairs_of_keys(keys: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="join"):
        scan(PEOPLE).join(scan(TEAMS), **keys)


def test_what_polars_panics_at_is_an_error_when_the_query_is_built() -> None:
    odd = pl.when(pl.col("Id") > 1).then(pl.lit("9").str.to_decimal(scale=100)).otherwise(1)
    with pytest.raises(InvalidValueError, match="Select of People"):
        scan(PEOPLE).select(x=odd)


BAD_COLUMNS: dict[str, Step] = {
    "filter": lambda query: query.filter(pl.col("Taem") == "a"),
    "with_columns": lambda query: query.with_columns(x=pl.col("Taem").str.to_lowercase()),
    "with_columns in over": lambda query: query.with_columns(x=pl.col("Age").max().over("Taem")),
    "select": lambda query: query.select("Id", "Taem"),
    "select several": lambda query: query.select(pl.col("Id", "Taem")),
    "group_by": lambda query: query.group_by("Taem").agg(n=pl.len()),
    "agg": lambda query: query.group_by("Id").agg(n=pl.col("Taem").n_unique()),
    "join on": lambda query: query.join(scan(TEAMS), on="Taem"),
    "join left": lambda query: query.join(scan(TEAMS), left_on="Taem", right_on="Team"),
    "join right": lambda query: query.join(scan(TEAMS), left_on="Team", right_on="Taem"),
    "sort": lambda query: query.sort("Taem"),
    "explode": lambda query: query.explode("Taem"),
    "rename": lambda query: query.rename({"Taem": "x"}),
    "drop": lambda query: query.drop("Taem"),
    "reads": lambda query: query.reads("Taem"),
}


@pytest.mark.parametrize("verb", BAD_COLUMNS)
def test_an_unknown_column_is_an_error_when_the_query_is_built(verb: str) -> None:
    with pytest.raises(UnknownColumnError) as caught:
        BAD_COLUMNS[verb](scan(PEOPLE))
    assert caught.value.column == "Taem"
    assert "Team" in caught.value.nearest
    assert "\n" not in str(caught.value)


def test_a_column_that_an_earlier_step_left_out_is_unknown() -> None:
    dropped = scan(PEOPLE).drop("Team")
    with pytest.raises(UnknownColumnError, match="this step of a query of People"):
        dropped.select("Team")
    with pytest.raises(UnknownColumnError):
        scan(PEOPLE).rename({"Team": "Group"}).filter(pl.col("Team") == "a")
    with pytest.raises(UnknownColumnError):
        scan(PEOPLE).group_by("Id").agg(n=pl.len()).sort("Age")


BAD_STEPS: dict[str, Step] = {
    "a filter that is not a condition": lambda query: query.filter(pl.col("Team")),
    "types that do not compare": lambda query: query.filter(pl.col("Timestamp") == "today"),
    "two columns of a name": lambda query: query.select("Id", Id=pl.col("Team")),
    "a rename to a name that is there": lambda query: query.rename({"Id": "Team"}),
    "an aggregate with the name of a key": lambda query: query.group_by("Id").agg(Id=pl.len()),
    "an explode of what is no list": lambda query: query.explode("Id"),
    "join keys of different types": lambda query: query.join(
        scan(TEAMS), left_on="Age", right_on="Name"
    ),
    "no column to sort by": lambda query: query.sort([]),
    "too few directions": lambda query: query.sort(["Id", "Team"], descending=[True]),
    "a negative number of rows": lambda query: query.sort("Id").head(-1),
}


@pytest.mark.parametrize("problem", BAD_STEPS)
def test_a_step_that_cannot_run_is_an_error_when_the_query_is_built(problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        BAD_STEPS[problem](scan(PEOPLE))
    assert "\n" not in str(caught.value)


def test_head_needs_a_sort_right_before_it() -> None:
    for query in (scan(PEOPLE), scan(PEOPLE).sort("Id").filter(pl.col("Active"))):
        with pytest.raises(InvalidValueError, match="sort before it"):
            query.head(1)


@given(tables(PEOPLE))
def test_sort_and_head_yield_the_first_rows_in_order(people: pl.DataFrame) -> None:
    by = ["Steps", "Id", "Team", "Note", "Age", "Active", "Timestamp"]
    down = [True, *[False] * 6]
    query = scan(PEOPLE).sort(by, descending=down).head(2)
    assert_frame_equal(run(query, People=people), people.sort(by, descending=down).head(2))


def test_what_a_sort_orders_by_is_read_also_without_head() -> None:
    query = scan(PEOPLE).sort("Age").with_columns(Sum=pl.col("Steps").cum_sum())
    assert query.reads("Sum") == {("People", "Age"), ("People", "Steps")}


def test_what_decides_how_many_rows_there_are_is_read_by_every_column() -> None:
    distinct = scan(PEOPLE).select("Id", "Team").unique().select("Id")
    assert distinct.reads("Id") == {("People", "Id"), ("People", "Team")}
    exploded = scan(PEOPLE).with_columns(Notes=pl.col("Note").str.split(";")).explode("Notes")
    assert exploded.reads("Id") == {("People", "Id"), ("People", "Note")}


def test_a_selector_inside_an_expression_reads_every_column() -> None:
    everything = {("People", name) for name in PEOPLE.names}
    assert scan(PEOPLE).filter(pl.any_horizontal(cs.boolean())).reads("Id") == everything
    joined = scan(PEOPLE).select(All=pl.concat_str(cs.string()))
    assert joined.reads("All") == everything
    over = scan(PEOPLE).with_columns(N=pl.col("Age").sum().over(pl.first()))
    assert over.reads("N") == everything


def test_a_selection_of_columns_reads_each_for_itself() -> None:
    query = scan(PEOPLE).select(cs.string())
    assert query.reads("Id") == {("People", "Id")}
    assert query.reads() == {("People", "Id"), ("People", "Team"), ("People", "Note")}


def test_lineage_names_what_a_column_and_the_rows_rest_on() -> None:
    query = (
        scan(PEOPLE)
        .filter(pl.col("Active"))
        .with_columns(Label=pl.col("Team") + pl.col("Note"))
        .group_by("Team")
        .agg(Labels=pl.col("Label").n_unique(), Most=pl.col("Age").max(), N=pl.len())
        .rename({"Most": "Oldest"})
    )
    rows = {("People", "Active"), ("People", "Team")}
    assert query.reads("N") == rows
    assert query.reads("Oldest") == rows | {("People", "Age")}
    assert query.reads("Labels") == rows | {("People", "Note")}
    assert ("People", "Id") not in query.reads()


@given(tables(PEOPLE))
def test_counts_are_64_bit_integers(people: pl.DataFrame) -> None:
    aggs = {
        "Rows": pl.len(),
        "Known": pl.col("Age").count(),
        "Distinct": pl.col("Note").n_unique(),
        "Active": pl.col("Active").sum(),
    }
    for query in (scan(PEOPLE).group_by("Team").agg(**aggs), scan(PEOPLE).group_by().agg(**aggs)):
        result = run(query, People=people)
        assert [result.schema[name] for name in aggs] == [pl.Int64] * 4
        assert result["Rows"].sum() == people.height


@given(tables(PEOPLE))
def test_groups_of_null_and_of_nothing_are_one(people: pl.DataFrame) -> None:
    key = pl.when(pl.col("Active")).then(pl.col("Team"))
    result = run(scan(PEOPLE).group_by(K=key).agg(N=pl.len()), People=people)
    assert result["K"].is_unique().all()
    assert result["N"].sum() == people.height


def test_null_strings_in_an_exploded_list_become_empty() -> None:
    people = pl.DataFrame({"Note": ["a", "b"], "Team": ["x", "x"]}).with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in PEOPLE.schema.items()
        if name not in ("Note", "Team")
    )
    noted = pl.when(pl.col("Note") == "a").then(pl.col("Note"))
    query = scan(PEOPLE).group_by("Team").agg(Notes=noted).explode("Notes")
    assert sorted(run(query, People=people)["Notes"]) == ["", "a"]


def test_a_query_collects_from_a_source() -> None:
    mail = pl.DataFrame({"Connectors": ["Relay", None], "Subject": ["hello", "there"]})
    source = MemorySource({"EmailEvents": mail})
    query = scan(EMAIL_EVENTS).filter(pl.col("Connectors") != "").select("Subject")
    assert query.collect(source).to_dict(as_series=False) == {"Subject": ["hello"]}
    assert scan(CLOUD_APP_EVENTS).collect(source).schema == CLOUD_APP_EVENTS.schema
