"""Injection: whatever a value or a name holds, it stays a value or a name."""

import re
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judges import MORE_ADVICE, assert_accepted, database, oracle
from random_queries import LEFT, RIGHT

from exconn import Query, Table, scan
from exconn.kql import DEFENDER, KUSTO, compile_query, compile_statement
from exconn.kql.text import literal, name, string
from exconn.tables import Column, KqlType
from exconn.unseen import UNSEEN
from sight import unseen

NASTY = (
    *("\"'`\\/|;,()[]{}<>=!@#$%&*+-~^:?._ \n\r\t\0\x07\x1b\x7f\u0085\u00a0\u00ad"),
    *"\u200b\u200e\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\ufffd\ufffe\uffff",
    *"\U0001f600\U000e0041\U0010ffff\u00e9e\u0301\u0130\u03a3hH0a",
    *(
        "\\u0022",
        '\\"',
        'h"',
        "@'",
        "```",
        "~~~",
        "//",
        "/*",
        "*/",
        "\r\n",
        "']",
        '"]',
        "'] == 1 | ",
    ),
    *('" or 1 == 1 //', "') | union T", "; .drop table T", "let x = 1;", "{p1}", "declare"),
)
HOSTILE = st.lists(st.sampled_from(NASTY), max_size=8).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=8
)
NAMES = HOSTILE.filter(bool)
COLUMNS = NAMES.filter(lambda name: not re.fullmatch(r"[*]|\^.*[$]", name, re.DOTALL))
"""Names that `pl.col` does not take for a pattern."""
MANY = settings(max_examples=60)


@given(st.lists(HOSTILE, min_size=20, max_size=40))
@example(["\\", '"', "'", "\n", "\r\n", "\0", "\u202e", '\\"', "\\\\", "\\u202e", "\U0001f600"])
@MANY
def test_every_string_decodes_to_itself(texts: list[str]) -> None:
    query = f"print {', '.join(f'x{n} = {string(text)}' for n, text in enumerate(texts))}"
    verdict = oracle().judge(query, {})
    assert verdict.problems == []
    assert verdict.literals == texts
    assert unseen("".join(c for c in query if c <= "\uffff")) == set()


def test_strings_read_well() -> None:
    assert string('tab\t quote" backslash\\ line\r\n') == r'"tab\t quote\" backslash\\ line\r\n"'


@given(st.lists(NAMES, min_size=5, max_size=20, unique=True))
@MANY
def test_every_name_decodes_to_itself(names: list[str]) -> None:
    verdict = oracle().judge("print " + ", ".join(f"{name(n)} = 1" for n in names), {})
    assert verdict.problems == []
    assert [column for column, _ in verdict.columns] == names


@given(HOSTILE, HOSTILE, COLUMNS, COLUMNS)
@MANY
def test_no_value_and_no_name_changes_the_structure(
    one: str, other: str, first: str, second: str
) -> None:
    plain = _structure(_with("a", "b", "N1", "N2"))
    # Behind $left and $right the parser takes names for one that differ in unseen characters only.
    if len({UNSEEN.sub("", name) for name in (first, second, "s", "Timestamp")}) == 4:
        assert _structure(_with(one or "a", other or "b", first, second)) == plain


@given(st.lists(HOSTILE.filter(bool), min_size=1, max_size=5), COLUMNS)
@MANY
def test_parameters_hold_their_values(texts: list[str], column: str) -> None:
    table = Table("T", "", (), (Column("Timestamp", KqlType.DATETIME), Column("s", KqlType.STRING)))
    renamed = scan(table).rename({"s": column}) if column != "Timestamp" else scan(table)
    column = column if column != "Timestamp" else "s"
    query = renamed.filter(pl.col(column).is_in(texts))
    statement = compile_statement(query, KUSTO)
    assert set(statement.parameters.values()) == set(texts)
    verdict = oracle().judge(statement.text, database(KUSTO, table))
    assert verdict.problems == []
    assert set(texts) <= set(verdict.literals) <= {*texts, column}
    assert compile_statement(query, DEFENDER).parameters == {}


def test_parameters_take_no_name_that_is_there() -> None:
    taken = scan(RIGHT).rename({"s": "p1", "w": "p2"})
    query = taken.filter(pl.col("p1") == "x", pl.col("p2") != "x", pl.col("n") > 3)
    statement = compile_statement(query, KUSTO)
    assert statement.parameters == {"p3": "x"}
    assert_accepted(query, KUSTO)


def test_times_and_strings_are_parameters_and_the_text_still_runs_alone() -> None:
    noon = datetime(2026, 3, 9, 12, tzinfo=UTC)
    query = (
        scan(RIGHT)
        .filter(pl.col("Timestamp") <= noon, pl.col("s") != "", pl.col("w").is_in(["a", "b"]))
        .group_by("s")
        .agg(N=pl.len())
    )
    assert_accepted(query, KUSTO)
    statement = compile_statement(query, KUSTO)
    assert statement.parameters == {"p1": noon, "p2": "a", "p3": "b"}
    assert statement.text == (
        "declare query_parameters(\n"
        "    p1:datetime = datetime(2026-03-09T12:00:00Z),\n"
        '    p2:string = "a",\n'
        '    p3:string = "b"\n'
        ");\n"
        "['Right side']\n"
        "| where Timestamp < p1 + 1microsecond\n"
        '| where s != "" and w in (p2, p3)\n'
        "| summarize N = count() by s"
    )


def test_every_word_of_the_grammar_can_be_a_name() -> None:
    words = oracle().words()
    assert len(words) > 100
    for word in (*words, "True", "FALSE", "Count", "Last", "NULL", "null", "p1"):
        _use_everywhere(word)


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000)),
)
@MANY
def test_every_literal_has_its_type(
    number: int, real: float, moment: datetime, span: timedelta
) -> None:
    kinds = {
        KqlType.LONG: number,
        KqlType.REAL: real,
        KqlType.DATETIME: moment,
        KqlType.TIMESPAN: span,
        KqlType.BOOL: True,
        KqlType.STRING: "x",
        KqlType.INT: number % 2**31,
    }
    values = [f"{kind.value}_ = {literal(value, kind)}" for kind, value in kinds.items()]
    nulls = [f"{kind.value}_0 = {literal(None, kind)}" for kind in kinds]
    verdict = oracle().judge(f"print {', '.join([*values, *nulls])}", {})
    assert verdict.problems == []
    assert [kind for _, kind in verdict.columns] == [kind.value for kind in kinds] * 2


def _with(one: str, other: str, first: str, second: str) -> Query:
    text, there = pl.col("s"), pl.col(first)
    return (
        scan(LEFT)
        .filter(text != one, text.str.contains(other, literal=True), text.is_in([one, other]))
        .select("Timestamp", **{first: text.str.replace_all(one, other, literal=True)})
        .with_columns(**{second: pl.concat_str(there, pl.lit(other), separator=one)})
        .join(scan(RIGHT).select(**{second: pl.col("w")}), on=second)
        .filter(pl.col(second).str.split(other).list.len() > 1)
        .group_by(first)
        .agg(pl.len().alias(second))
        .sort([first, second])
        .rename({first: second, second: first})
    )


def _structure(query: Query) -> list[int]:
    text = assert_accepted(query, advice=MORE_ADVICE)
    return oracle().judge(text, database(DEFENDER, *query.tables)).shape


def _use_everywhere(word: str) -> None:
    table = Table(word, "", (), (Column("Timestamp", KqlType.DATETIME), Column(word, KqlType.LONG)))
    query = (
        scan(table)
        .filter(pl.col(word) > 1, pl.col(word).is_in([1, 2]))
        .with_columns(x=pl.col(word) + 1)
        .join(scan(table).select(word), on=word, how="left")
        .group_by(word)
        .agg(pl.col("x").sum().alias("y"))
        .sort(word)
        .head(3)
        .rename({"y": f"{word} "})
    )
    assert_accepted(query)
    assert compile_query(query, DEFENDER)
