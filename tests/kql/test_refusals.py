"""What KQL cannot say exactly is refused before anything is sent, and named."""

from collections.abc import Callable
from datetime import date, datetime

import polars as pl
import pytest
from random_queries import LEFT, RIGHT

from exconn import InvalidValueError, Query, scan
from exconn.errors import UnsupportedExpression
from exconn.kql import DEFENDER, DIALECTS, SENTINEL, compile_query, estimate
from exconn.kql.regex import unlike
from exconn.tables import Column, KqlType, Table

s, u, n, m, i = (pl.col(name) for name in "sunmi")
r, b, t, v, d = pl.col("r"), pl.col("b"), pl.col("Timestamp"), pl.col("v"), pl.col("d")
no_text = pl.when(b).then(s)

VALUES: dict[str, tuple[pl.Expr, str]] = {
    "count of a constant": (pl.lit(1).unique_counts(), "depends on the rows beside it"),
    "python function": (s.map_elements(str.upper, return_dtype=pl.String), "Python function"),
    "python batches": (s.map_batches(lambda x: x, return_dtype=pl.String), "Python function"),
    "order of strings": (s < u, "ordering of strings"),
    "string between": (s.is_between(pl.lit("a"), pl.lit("b")), "ordering of strings"),
    "order of booleans": (b < pl.lit(value=True), "ordering of booleans"),
    "floor division": (n // 2, "FloorDivide"),
    "modulus": (n % 2, "Modulus"),
    "integers of 32 bits": (i + 1, "integers under 64 bits"),
    "unsigned": (s.str.len_chars() - 5, "integers under 64 bits"),
    "unsigned, filled": (s.str.len_chars().fill_null(0) - 5, "integers under 64 bits"),
    "unsigned, chosen": (pl.when(b).then(s.str.len_chars()) - 1, "integers under 64 bits"),
    "minus unsigned": (-s.str.split(".").list.len().cast(pl.Int32), "cast"),
    "bits turned": (~n, "long where a condition is needed"),
    "bits": (n & m, "And of long"),
    "exclusive or": (b ^ b, "Xor"),
    "string is null": (s.is_null(), "IsNull of a string"),
    "null string compared": (no_text == "a", "may be null"),
    "null string added to": (no_text + s, "may be null"),
    "null string added": (s + no_text, "may be null"),
    "null as an argument": (
        s.str.replace_all(pl.lit(None, pl.String), "b", literal=True),
        "the argument None",
    ),
    "null string joined": (pl.concat_str(no_text, s), "may be null"),
    "null string searched": (s.str.starts_with(no_text), "may be null"),
    "null string split": (s.str.extract("(a)").str.split("."), "may be null"),
    "string coalesce": (pl.coalesce(s, u), "coalesce of strings"),
    "coalesce of types": (pl.coalesce(i, n), "coalesce of several types"),
    "coalesce of lists": (pl.coalesce(s.str.split("."), u.str.split(".")), "of lists"),
    "another fill": (no_text.fill_null("none"), "fill_null of a string"),
    "a column as fill": (no_text.fill_null(u), "fill_null of a string"),
    "another type as fill": (n.fill_null(0.5), "fill_null of long with real"),
    "choice of a literal": (pl.when(b).then(i).otherwise(0.5), "choice between int and real"),
    "missing-aware": (n.eq_missing(m), "EqValidity"),
    "missing-aware, not": (n.ne_missing(m), "NotEqValidity"),
    "equal to null": (n == pl.lit(None), "comparison with null"),
    "in with null": (n.is_in([1, None]), "is_in with a null"),
    "in a column": (s.is_in(s.str.split(".")), "is_in with a column"),
    "in, null as value": (n.is_in([1], nulls_equal=True), "IsIn"),
    "NaN": (r + float("nan"), "the constant Literal"),
    "a constant of another type than Polars says": (pl.lit(value=True) + None, "should be"),
    "a constant that Polars panics at": (pl.lit("b").sqrt().fill_null(""), "the constant Alias"),
    "infinity": (r + float("inf"), "the constant Literal"),
    "two quotients": (n / m > m / n, "may be NaN"),
    "absolute": (n.abs(), "Abs"),
    "round": (r.round(1), "Round"),
    "is nan": (r.is_nan(), "IsNan"),
    "cast to text of reals": (r.cast(pl.String), "cast from real to string"),
    "cast to int of reals": (r.cast(pl.Int64), "cast from real to long"),
    "cast of strings": (s.cast(pl.Int64), "cast from string to long"),
    "cast of times": (t.cast(pl.String), "cast from datetime to string"),
    "narrow cast": (n.cast(pl.Int32), "cast to"),
    "wrapping cast": (n.cast(pl.Int64, wrap_numerical=True) + i.cast(pl.Int8), "cast to"),
    "window": (n.sum().over("s"), "window"),
    "running": (n.cum_sum(), "CumSum"),
    "shift": (n.shift(), "Shift"),
    "forward fill": (n.fill_null(strategy="forward"), "FillNullWithStrategy"),
    "rank": (n.rank(), "Rank"),
    "duplicates": (s.is_duplicated(), "IsDuplicated"),
    "least of a row": (pl.min_horizontal(n, m), "MinHorizontal"),
    "struct": (pl.struct(s, u), "AsStruct"),
    "mapping": (s.replace_strict({"a": "b"}, default="c"), "Replace"),
    "whole column": (n - n.mean(), "aggregation beside rows"),
    "row count": (n + pl.len().cast(pl.Int64), "aggregation beside rows"),
    "date": (t.dt.date(), "dt.Date"),
    "date literal": (t > pl.lit(date(2026, 1, 1)), "literal of type Date"),
    "nanoseconds": (t > pl.lit(datetime(2026, 1, 1)).dt.cast_time_unit("ns"), "InvalidOper|type"),  # noqa: DTZ001
    "time zone": (t.dt.convert_time_zone("Europe/Paris").dt.hour(), "dt.ConvertTimeZone"),
    "microsecond": (t.dt.microsecond(), "dt.Microsecond"),
    "quarters": (t.dt.truncate("1q"), "span '1q'"),
    "two months": (t.dt.truncate("2mo"), "span '2mo'"),
    "mixed span": (t.dt.truncate("1h30m"), "span '1h30m'"),
    "no span": (t.dt.truncate("0h"), "truncate to '0h'"),
    "negative span": (t.dt.truncate("-1h"), "truncate to '-1h'"),
    "span of a column": (t.dt.truncate(s), "argument that is a column"),
    "months later": (t.dt.offset_by("1mo"), "span '1mo'"),
    "truncated span": ((t - v).dt.truncate("1h"), "dt.Truncate"),
    "fractional seconds": ((t - v).dt.total_seconds(fractional=True), "dt.TotalSeconds"),
    "microseconds of a span": ((t - v).dt.total_microseconds(), "dt.TotalMicroseconds"),
    "span plus time": ((t - v) + t, "timespan . datetime"),
    "number times span": ((t - v) * 2, "timespan"),
    "digits": (s.str.contains(r"\d"), r"\\\\d"),
    "words": (s.str.contains(r"\w+"), r"\\\\w"),
    "boundaries": (s.str.contains(r"\bx"), r"\\\\b"),
    "spaces": (s.str.extract(r"a(\s)"), r"\\\\s"),
    "invalid pattern": (s.str.contains("(", strict=False), "not valid"),
    "pattern of a column": (s.str.contains(u), "argument that is a column"),
    "regex replace": (s.str.replace_all("a+", "b"), "str.Replace"),
    "replace once": (s.str.replace("a", "b", literal=True), "str.Replace"),
    "replace nothing": (s.str.replace_all("", "b", literal=True), "replacing nothing"),
    "split on nothing": (s.str.split(""), "split on nothing"),
    "split with ends": (s.str.split(".", inclusive=True), "str.Split"),
    "split of a number": (i.str.split("."), "str.Split of other than strings"),
    "lower case of a number": (i.str.to_lowercase(), "str.Lowercase of other than strings"),
    "begins with a number": (s.str.starts_with(n), "str.StartsWith with long"),
    "begins with null": (s.str.ends_with(pl.lit(None)), "str.EndsWith with long"),
    "strip white space": (s.str.strip_chars(), "without named characters"),
    "strip unseen": (s.str.strip_chars("\u00a0"), "without named characters"),
    "slice from the end": (s.str.slice(-2), "slice from the end"),
    "tail": (s.str.tail(2), "str.Tail"),
    "head but some": (s.str.head(-2), "slice from the end"),
    "bytes": (s.str.len_bytes(), "str.LenBytes"),
    "to datetime": (s.str.to_datetime("%Y"), "str.Strptime"),
    "JSON wildcard": (d.str.json_path_match("$.*"), "JSON path"),
    "JSON root": (d.str.json_path_match("$"), "JSON path"),
    "list.get may fail": (s.str.split(".").list.get(1), "fails where there is no such"),
    "list.join": (s.str.split(".").list.join("-"), "list.Join"),
    "choice of lists": (pl.when(b).then(s.str.split(".")), "choice between dynamic"),
    "choice of types": (pl.when(b).then(n).otherwise(r), "choice between long and real"),
    "long number": (n < pl.lit(2**63, dtype=pl.UInt64), "over 64 bits"),
    "narrow result": (n.cast(pl.Float32), "cast to"),
    "null column": (pl.lit(None), "type Null"),
    "several outputs": (pl.col("n", "m") + 1, "several outputs"),
    "no name": (n.alias(""), "without a name"),
    "estimate of a sum": (estimate(n + 1), "estimate"),
}

AGGREGATES: dict[str, tuple[pl.Expr, str]] = {
    "first": (n.first(), "first or last"),
    "last by time": (s.sort_by("Timestamp").last(), "first or last"),
    "quantile": (n.quantile(0.5), "exact quantile"),
    "median": (n.median(), "Median"),
    "interpolated": (estimate(n.quantile(0.5, "linear")), "Quantile"),
    "list of values": (n, "list of a group's values"),
    "implode": (n.implode(), "Implode"),
    "rows beside": (n + m.sum(), "list of a group's values"),
    "constant": (pl.lit(1), "list of a group's values"),
    "nothing but a constant": (pl.lit(1).sum(), "aggregation of a constant"),
    "nested": (n.filter(m > m.max()).sum(), "aggregation inside another"),
    "nested count": (n.filter(pl.len() > 3).sum(), "aggregation inside another"),
    "unordered set": (s.unique(), "unique inside"),
    "set of numbers": (n.unique().sort(), "set of long"),
    "set downwards": (s.unique().sort(descending=True), "sort inside"),
    "sum of 32 bits": (i.sum(), "sum of int"),
    "sum of lengths": (s.str.len_chars().sum(), "sum of long"),
    "minus a count": (pl.len() - 5, "integers under 64 bits"),
    "minus the true ones": (b.sum() - 5, "integers under 64 bits"),
    "minus distinct": (n.n_unique() - 5, "integers under 64 bits"),
    "minus the greatest length": (s.str.len_chars().max() - 5, "integers under 64 bits"),
    "negative count": (-n.count(), "minus long"),
    "least string": (s.min(), "min of string"),
    "greatest of quotients": ((n / m).max(), "max of NaN"),
    "mean of spans": ((t - v).mean(), "mean of timespan"),
    "deviation": (n.std(), "Std"),
    "distinct quotients": ((n / m).n_unique(), "n_unique of numbers that may be NaN"),
    "all of numbers": (n.all(), "all of long"),
    "any, or null": (b.any(ignore_nulls=False), "Any"),
    "null strings": (no_text.n_unique(), "may be null"),
    "largest few": (n.top_k(2), "TopK"),
    "first by": (s.min_by("n"), "first or last"),
    "last by": (s.max_by("n"), "first or last"),
    "slice": (n.head(1), "Slice"),
    "list counted": (s.str.split(".").n_unique(), "aggregation of lists"),
}

rows = scan(LEFT)
QUERIES: dict[str, tuple[Callable[[], Query], str]] = {
    "constant key": (lambda: rows.group_by(K=pl.lit(1)).agg(N=pl.len()), "constant as a key"),
    "list key": (lambda: rows.group_by(K=s.str.split(".")).agg(N=pl.len()), "list as a key"),
    "NaN key": (lambda: rows.group_by("r").agg(N=pl.len()), "may be NaN"),
    "NaN distinct": (lambda: rows.select("r").unique(), "may be NaN"),
    "NaN order": (lambda: rows.sort("r"), "may be NaN"),
    "list order": (lambda: rows.select(K=s.str.split(".")).sort("K"), "list as a key"),
    "join on a time": (lambda: rows.join(scan(RIGHT), on="Timestamp"), "join on a time"),
    "set of all": (lambda: rows.group_by().agg(K=s.unique().sort()), "set of all rows"),
    "constants alone": (lambda: rows.select(K=pl.lit(1)), "constants alone"),
    "open head": (lambda: rows.sort("n").head(3), "head where rows may be equal"),
    "open head of groups": (
        lambda: rows.group_by("s", "u").agg(N=pl.len()).sort(["N", "s"]).head(3),
        "head where rows may be equal",
    ),
    "open head of changed keys": (
        lambda: rows.group_by("s").agg(N=pl.len()).with_columns(s=pl.lit("a")).sort("s").head(3),
        "head where rows may be equal",
    ),
    "open head of replaced keys": (
        lambda: rows.group_by("s").agg(N=pl.len()).select("N", s=pl.lit("a")).sort("s").head(3),
        "head where rows may be equal",
    ),
    "no columns": (lambda: rows.select("s").drop("s"), "without columns"),
    "a date for a column": (lambda: rows.with_columns(K=pl.lit(date(2026, 1, 1))), "type Date"),
    "numbers exploded": (lambda: rows.filter(s.is_in(["a"]) == b.is_null() ^ b), "Xor"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_is_refused(case: str) -> None:
    expr, part = VALUES[case]
    with pytest.raises((UnsupportedExpression, InvalidValueError), match=part) as caught:
        compile_query(
            rows.select("s", "n", "b", K=expr) if case not in _BARE else _bare(expr), DEFENDER
        )
    assert caught.type is UnsupportedExpression or case in _UNBUILDABLE
    if isinstance(caught.value, UnsupportedExpression):
        assert caught.value.column in {"column 'K'", "select", "column ''"}


_BARE = {"several outputs", "no name"}
_UNBUILDABLE = {"nanoseconds", "wrapping cast"}


def _bare(expr: pl.Expr) -> Query:
    return rows.select(expr)


@pytest.mark.parametrize("case", AGGREGATES)
def test_an_aggregate_is_refused(case: str) -> None:
    expr, part = AGGREGATES[case]
    with pytest.raises(UnsupportedExpression, match=part) as caught:
        compile_query(rows.group_by("s").agg(K=expr), DEFENDER)
    assert caught.value.column == "column 'K'"
    assert caught.value.part in str(caught.value)


@pytest.mark.parametrize("case", QUERIES)
def test_a_query_is_refused(case: str) -> None:
    query, part = QUERIES[case]
    for dialect in DIALECTS:
        with pytest.raises(UnsupportedExpression, match=part):
            compile_query(query(), dialect)


def test_a_head_without_a_sort_is_refused_when_it_is_written() -> None:
    with pytest.raises(InvalidValueError, match="sort before it"):
        rows.head(3)


def test_a_table_with_two_times_is_refused_where_one_takes_the_name_of_the_other() -> None:
    table = Table(
        "T",
        "",
        (),
        (Column("Timestamp", KqlType.DATETIME), Column("TimeGenerated", KqlType.DATETIME)),
    )
    compile_query(scan(table), DEFENDER)
    with pytest.raises(UnsupportedExpression, match="two times"):
        compile_query(scan(table), SENTINEL)


@pytest.mark.parametrize(
    "pattern",
    [
        "^[^@]+@(?:[a-z0-9-]+[.])*x[.]example$",
        r'(?i)\\*"Name\\*"[ \t\r\n]*:',
        "a{2,5}?b*?c+?d??",
        r"[]\-\\^]|[^]]",
        "(a)(b)|c",
        r"\.\*\?\+\(\)\[\]\{\}\|\^\$\/\"\-",
        "",
    ],
)
def test_a_pattern_that_engines_read_alike_passes(pattern: str) -> None:
    assert unlike(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        (r"\d", r"\d"),
        (r"[\w.]", r"\w"),
        (r"\pL", r"\p"),
        (r"x\<", r"\<"),
        (r"\x41", r"\x"),
        (r"\1", r"\1"),
        ("[[:alpha:]]", "["),
        ("[a[b]]", "["),
        ("[a&&b]", "&&"),
        ("[a--b]", "--"),
        ("[a~~b]", "~~"),
        ("a(?i)b", "(?i)"),
        ("(?s).", "(?s)"),
        ("(?P<x>a)", "(?P<x>a)"),
        ("a**", "*"),
        ("a+*", "*"),
        ("a{2}{3}", "{3}"),
        ("a{1001}", "{1001}"),
        ("a{,2}", "{,2}"),
    ],
)
def test_a_pattern_that_engines_read_differently_is_named(pattern: str, part: str) -> None:
    assert unlike(pattern) == part
