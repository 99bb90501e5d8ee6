"""Strategies: rows, well-typed expressions over any schema, and pipelines of all verbs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl
from hypothesis import strategies as st

from exconn import Query, Table, scan
from exconn.query import JoinKind
from exconn.tables import TIME, Column, KqlType

E = st.SearchStrategy[pl.Expr]
KEEPS_NULLS = not pl.__version__.startswith("2.0.")
"""Whether a filter on ``~x.is_in([])`` drops nulls, as it should."""

LEFT = Table(
    "Left",
    "Rows of every type.",
    (),
    (
        Column("Timestamp", KqlType.DATETIME),
        Column("v", KqlType.DATETIME),
        Column("s", KqlType.STRING),
        Column("u", KqlType.STRING),
        Column("n", KqlType.LONG),
        Column("m", KqlType.LONG),
        Column("i", KqlType.INT),
        Column("r", KqlType.REAL),
        Column("b", KqlType.BOOL),
        Column("c", KqlType.BOOL),
        Column("d", KqlType.DYNAMIC),
    ),
)
RIGHT = Table(
    "Right side",  # a name that is no identifier
    "Rows to join, some under the same names.",
    (),
    (
        Column("Timestamp", KqlType.DATETIME),
        Column("s", KqlType.STRING),
        Column("n", KqlType.LONG),
        Column("w", KqlType.STRING),
        Column("b", KqlType.BOOL),
        Column("where", KqlType.LONG),  # a keyword
        Column("a b", KqlType.STRING),
    ),
)
TABLES = (LEFT, RIGHT)

TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "a.b",
    ".",
    "b",
    "x y",
    "\u00e9",
    "\u6f22",
    "\U0001f600",
    'q"q',
    "b\\n",
)
NUMBERS = (-7, -1, 0, 1, 2, 3, 10, 100)
_DAY = datetime(2026, 3, 9, tzinfo=UTC)  # a Monday
_TICK = timedelta(microseconds=1)
MOMENTS = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1960, 2, 29, 7, tzinfo=UTC),
    _DAY,
    _DAY - _TICK,
    _DAY + _TICK,
    _DAY + timedelta(hours=7, minutes=30, seconds=1, microseconds=5),
    _DAY + timedelta(hours=8),
    _DAY + timedelta(days=40),
)
SPANS = (timedelta(0), _TICK, timedelta(seconds=90), timedelta(hours=7), timedelta(days=-3))
REALS = (-1.5, -0.0, 0.0, 0.5, 2.0, 1e9, float("nan"))
JSON = (
    '{"k": "v"}',
    '{"k": "A"}',
    '{"k": true}',
    '{"k": 3}',
    '{"k": null}',
    '{"o": {"k": "b"}}',
    "",
)

_CELLS: Mapping[KqlType, st.SearchStrategy[object]] = {
    KqlType.STRING: st.sampled_from(TEXTS),
    KqlType.LONG: st.none() | st.sampled_from(NUMBERS),
    KqlType.INT: st.none() | st.sampled_from(NUMBERS),
    KqlType.REAL: st.none() | st.sampled_from(REALS),
    KqlType.BOOL: st.none() | st.booleans(),
    KqlType.DATETIME: st.none() | st.sampled_from(MOMENTS),
    KqlType.DYNAMIC: st.sampled_from(JSON),
}


def frame_of(table: Table, max_size: int = 12) -> st.SearchStrategy[pl.DataFrame]:
    """Conformed rows; few different values, so that rows meet."""
    row = st.tuples(*(_CELLS[column.type] for column in table.columns))
    return st.lists(row, max_size=max_size).map(
        lambda rows: pl.DataFrame(rows, schema=table.schema, orient="row")
    )


def frames() -> st.SearchStrategy[dict[str, pl.DataFrame]]:
    """Rows of both tables."""
    return st.fixed_dictionaries({table.name: frame_of(table) for table in TABLES})


class Exprs:
    """Strategies of expressions over the columns of a schema, by type."""

    def __init__(self, schema: pl.Schema) -> None:
        self._schema = schema

    def columns(self, *dtypes: object) -> list[str]:
        return [name for name, dtype in self._schema.items() if dtype in dtypes]

    def _leaves(self, dtype: object, literals: Sequence[object]) -> E:
        cols = [st.just(pl.col(name)) for name in self.columns(dtype)]
        lits = st.sampled_from(literals).map(pl.lit)
        return st.one_of(*cols, *cols, lits) if cols else lits

    def of(self, dtype: object, depth: int) -> E:
        made: Mapping[object, Callable[[int], E]] = {
            pl.Boolean(): self.flag,
            pl.String(): self.text,
            pl.Int64(): self.number,
            pl.Float64(): self.real,
            TIME: self.moment,
            pl.Duration("us"): self.span,
        }
        return made[dtype](depth)

    @cache  # noqa: B019 # a strategy is made once for each depth, or there are thousands
    def number(self, depth: int) -> E:
        leaves = self._leaves(pl.Int64(), NUMBERS)
        if depth == 0:
            return leaves
        number, flag, text = self.number(depth - 1), self.flag(depth - 1), self.text(depth - 1)
        moment, span = self.moment(depth - 1), self.span(depth - 1)
        narrow = [st.just(pl.col(name).cast(pl.Int64)) for name in self.columns(pl.Int32())]
        parts = (
            "hour",
            "minute",
            "second",
            "day",
            "month",
            "year",
            "weekday",
            "ordinal_day",
            "week",
        )
        totals = ("total_seconds", "total_minutes", "total_hours", "total_days")
        return st.one_of(
            leaves,
            *narrow,
            st.builds(lambda a, b: a + b, number, number),
            st.builds(lambda a, b: a - b, number, number),
            st.builds(lambda a, b: a * b, leaves, leaves),
            number.map(lambda a: -a),
            _when(flag, number),
            st.builds(lambda p, a: pl.when(p).then(a), flag, leaves),
            st.builds(lambda a, b: a.fill_null(b), number, leaves),
            st.builds(pl.coalesce, number, number),
            text.map(lambda a: a.str.len_chars().cast(pl.Int64)),
            text.map(lambda a: a.str.split(".").list.len().cast(pl.Int64)),
            flag.map(lambda a: a.cast(pl.Int64)),
            moment.map(lambda a: a.cast(pl.Int64)),
            st.builds(
                lambda a, p: getattr(a.dt, p)().cast(pl.Int64), moment, st.sampled_from(parts)
            ),
            st.builds(lambda a, p: getattr(a.dt, p)(), span, st.sampled_from(totals)),
        )

    @cache  # noqa: B019 # a strategy is made once for each depth, or there are thousands
    def real(self, depth: int) -> E:
        leaves = self._leaves(pl.Float64(), (0.5, 2.0, -1.5))
        if depth == 0:
            return leaves
        number, flag, real = self.number(depth - 1), self.flag(depth - 1), self.real(depth - 1)
        return st.one_of(
            leaves,
            number.map(lambda a: a.cast(pl.Float64)),
            st.builds(lambda a, b: a / b, number, number),
            st.builds(lambda a, b: a + b, real, number),
            st.builds(lambda a, b: a * b, leaves, leaves),
            _when(flag, real),
            st.builds(lambda a: a.fill_null(0.5), real),
        )

    @cache  # noqa: B019 # a strategy is made once for each depth, or there are thousands
    def text(self, depth: int) -> E:
        leaves = self._leaves(pl.String(), TEXTS)
        if depth == 0:
            return leaves
        text, flag, number = self.text(depth - 1), self.flag(depth - 1), self.number(depth - 1)
        short = st.sampled_from(("a", "b", ".", "q", "\\"))
        index = st.sampled_from((0, 1, -1))
        slices = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2))
        return st.one_of(
            leaves,
            text.map(lambda a: a.str.to_lowercase()),
            text.map(lambda a: a.str.to_uppercase()),
            st.builds(lambda a, b: pl.concat_str(a, b, separator=":"), text, text),
            st.builds(lambda a, b: a + b, text, text),
            _when(flag, text),
            st.builds(lambda a, x, y: a.str.replace_all(x, y, literal=True), text, short, short),
            st.builds(lambda a, s: a.str.slice(*s), text, slices),
            st.builds(
                lambda a, x: a.str.strip_chars(x), text, st.sampled_from(("a", "ab", ".-", "]\\"))
            ),
            st.builds(lambda a, x: a.str.strip_chars_start(x), text, short),
            text.map(lambda a: a.str.extract(r"([a-z]+)\.?", 1).fill_null("")),
            st.builds(
                lambda a, i: a.str.split(".").list.get(i, null_on_oob=True).fill_null(""),
                text,
                index,
            ),
            number.map(lambda a: a.cast(pl.String).fill_null("")),
            flag.map(lambda a: a.cast(pl.String).fill_null("")),
            *(
                st.just(pl.col(name).str.json_path_match(path).fill_null(""))
                for name in self.columns(pl.String())
                if name == "d"
                for path in ("$.k", "$.o.k")
            ),
        )

    @cache  # noqa: B019 # a strategy is made once for each depth, or there are thousands
    def moment(self, depth: int) -> E:
        leaves = self._leaves(TIME, MOMENTS)
        if depth == 0:
            return leaves
        moment, flag = self.moment(depth - 1), self.flag(depth - 1)
        every = st.sampled_from(
            ("1h", "1d", "15m", "1s", "2h", "7h", "1w", "2w", "7d", "1mo", "1y")
        )
        by = st.sampled_from(("1h", "-2d", "1w"))
        return st.one_of(
            leaves,
            st.builds(lambda a, e: a.dt.truncate(e), moment, every),
            st.builds(lambda a, e: a.dt.offset_by(e), leaves, by),
            st.builds(lambda a, e: a + e, leaves, st.sampled_from(SPANS)),
            st.builds(lambda a, e: a - e, leaves, st.sampled_from(SPANS)),
            _when(flag, moment),
            st.builds(lambda a, b: a.fill_null(b), moment, leaves),
            st.builds(pl.coalesce, moment, moment),
        )

    @cache  # noqa: B019 # a strategy is made once for each depth, or there are thousands
    def span(self, depth: int) -> E:
        leaves = self._leaves(pl.Duration("us"), SPANS)
        if depth == 0:
            return leaves
        moment = self.moment(depth - 1)
        return st.one_of(leaves, st.builds(lambda a, b: a - b, moment, moment))

    @cache  # noqa: B019 # a strategy is made once for each depth, or there are thousands
    def flag(self, depth: int) -> E:
        leaves = self._leaves(pl.Boolean(), (True, False))
        if depth == 0:
            return leaves
        flag, text, number = self.flag(depth - 1), self.text(depth - 1), self.number(depth - 1)
        moment, span, real = self.moment(depth - 1), self.span(depth - 1), self.real(depth - 1)
        closed = st.sampled_from(("both", "left", "right", "none"))
        patterns = ("^a", "a|b", "(?i)A.B", "[^.]+[.]b$", "x{2}", "\\\\n$")
        lists = st.lists(st.sampled_from(NUMBERS), min_size=0 if KEEPS_NULLS else 1, max_size=3)
        bounds = self._leaves(pl.Int64(), NUMBERS)
        return st.one_of(
            leaves,
            st.builds(lambda a, b: a & b, flag, flag),
            st.builds(lambda a, b: a | b, flag, flag),
            flag.map(lambda a: ~a),
            st.builds(pl.any_horizontal, flag, flag),
            _when(flag, flag),
            st.builds(lambda a: a.fill_null(value=False), flag),
            st.builds(lambda a: a.fill_null(value=True), flag),
            st.builds(lambda a, b: a.fill_null(b), flag, leaves),
            flag.map(lambda a: a.is_null()),
            number.map(lambda a: a.is_null()),
            moment.map(lambda a: a.is_not_null()),
            _compared(flag, flag, ("__eq__", "__ne__")),
            _compared(text, text, ("__eq__", "__ne__")),
            _compared(number, number, _ORDER),
            _compared(real, number, _ORDER),
            _compared(moment, moment, _ORDER),
            _compared(span, span, _ORDER),
            st.builds(lambda a, x: a.is_in(x), number, lists),
            st.builds(lambda a, x: a.is_in(x), text, st.lists(st.sampled_from(TEXTS), max_size=3)),
            st.builds(lambda a, x, y, c: a.is_between(x, y, c), number, bounds, bounds, closed),
            st.builds(
                lambda a, x, y, c: a.is_between(x, y, c),
                moment,
                st.sampled_from(MOMENTS),
                st.sampled_from(MOMENTS),
                closed,
            ),
            st.builds(lambda a, b: a.str.starts_with(b), text, text),
            st.builds(lambda a, b: a.str.ends_with(b), text, text),
            st.builds(lambda a, b: a.str.contains(b, literal=True), text, text),
            st.builds(lambda a, x: a.str.contains(x), text, st.sampled_from(patterns)),
            st.builds(lambda a, x: a.str.split(".").list.contains(x), text, st.sampled_from(TEXTS)),
        )

    def aggregate(self, depth: int, *, keyed: bool) -> E:
        number, text = _of_rows(self.number(depth)), _of_rows(self.text(depth))
        moment, real = _of_rows(self.moment(depth)), _of_rows(self.real(depth))
        flag, where = _of_rows(self.flag(depth)), self.flag(depth)
        some = st.sampled_from(("min", "max", "n_unique", "count", "len"))
        return st.one_of(
            st.just(pl.len()),
            st.builds(lambda a, f: getattr(a, f)(), _maybe_filtered(number, where), some),
            st.builds(lambda a, f: getattr(a, f)(), _maybe_filtered(moment, where), some),
            _maybe_filtered(number, where).map(lambda a: a.sum()),
            _maybe_filtered(number, where).map(lambda a: a.mean()),
            _maybe_filtered(flag, where).map(lambda a: a.sum()),
            _maybe_filtered(flag, where).map(lambda a: a.any()),
            _maybe_filtered(flag, where).map(lambda a: a.all()),
            _maybe_filtered(text, where).map(lambda a: a.n_unique()),
            _maybe_filtered(text, where).map(lambda a: a.len()),
            _maybe_filtered(real, where).map(lambda a: a.count()),
            number.map(lambda a: a.drop_nulls().n_unique()),
            *([text.map(_unescaped).map(lambda a: a.unique().sort())] if keyed else []),
            st.builds(lambda a, b: a.sum() / b.len(), number, number),
            st.builds(lambda a: a.max() - a.min(), moment),
            st.builds(lambda a: pl.when(a.max() > 1).then(a.min()).otherwise(0), number),
        )


def _unescaped(text: pl.Expr) -> pl.Expr:
    """A text without what JSON escapes: the engine sorts lists by their JSON text."""
    return text.str.replace_all('"', "", literal=True).str.replace_all("\\", "", literal=True)


def _of_rows(exprs: E) -> E:
    """Those that are not constant."""
    return exprs.filter(lambda expr: bool(expr.meta.root_names()))


_ORDER = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")


def _when(flag: E, value: E) -> E:
    return st.builds(lambda p, a, b: pl.when(p).then(a).otherwise(b), flag, value, value)


def _compared(left: E, right: E, how: Sequence[str]) -> E:
    return st.builds(lambda a, b, f: getattr(a, f)(b), left, right, st.sampled_from(how))


def _maybe_filtered(value: E, flag: E) -> E:
    return value | st.builds(lambda a, p: a.filter(p), value, flag)


@st.composite
def pipelines(draw: st.DrawFn, depth: int = 1, steps: int = 5) -> Query:
    """A pipeline of a few steps, each of which fits what the one before yields."""
    query = scan(LEFT)
    if draw(st.booleans()):
        query = query.filter(pl.col("Timestamp") >= draw(st.sampled_from(MOMENTS)))
    for _ in range(draw(st.integers(1, steps))):
        query = draw(st.sampled_from(_VERBS))(draw, query, depth)
    return query


def _filter(draw: st.DrawFn, query: Query, depth: int) -> Query:
    return query.filter(*draw(st.lists(Exprs(query.schema).flag(depth), min_size=1, max_size=2)))


def _with_columns(draw: st.DrawFn, query: Query, depth: int) -> Query:
    names = draw(
        st.lists(st.sampled_from(("s", "n", "x", "y z")), min_size=1, max_size=2, unique=True)
    )
    return query.with_columns(**{name: draw(_any_expr(query, depth)) for name in names})


def _select(draw: st.DrawFn, query: Query, depth: int) -> Query:
    names = draw(st.lists(st.sampled_from(list(query.schema)), min_size=1, unique=True))
    return query.select(*names, **{f"z{len(query.steps)}": draw(_any_expr(query, depth))})


def _any_expr(query: Query, depth: int) -> E:
    exprs = Exprs(query.schema)
    return st.one_of(
        *(exprs.of(dtype, depth) for dtype in (pl.Boolean(), pl.String(), pl.Int64(), TIME)),
        exprs.span(depth),
    )


def _aggregate(draw: st.DrawFn, query: Query, depth: int) -> Query:
    keys = draw(st.lists(st.sampled_from(comparable(query) or ["s"]), max_size=2, unique=True))
    keys = [key for key in keys if key in query.schema]
    computed = draw(st.booleans())
    key = _of_rows(_any_expr(query, depth))
    named = {f"K{len(query.steps)}": draw(key)} if computed else {}
    aggs = draw(
        st.lists(
            Exprs(query.schema).aggregate(depth, keyed=bool(keys or named)), min_size=1, max_size=3
        )
    )
    return query.group_by(*keys, **named).agg(
        *(agg.alias(f"A{len(query.steps)}_{n}") for n, agg in enumerate(aggs))
    )


def _join(draw: st.DrawFn, query: Query, depth: int) -> Query:
    other = scan(RIGHT)
    if draw(st.booleans()):
        other = other.filter(draw(Exprs(other.schema).flag(depth)))
    if draw(st.booleans()):
        other = other.group_by("s", "n").agg(w=pl.len(), b=pl.col("where").max())
    pairs = [
        (left, right)
        for left, one in query.schema.items()
        for right, two in other.schema.items()
        if one == two and one in (pl.String(), pl.Int64(), pl.Boolean())
        # The engine takes no bracketed names behind `$left.`; the parser's tests have them.
        if left.isidentifier() and right.isidentifier() and "where" not in (left, right)
    ]
    if not pairs:
        return query
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=2, unique_by=(_one, _two)))
    kinds: tuple[JoinKind, ...] = ("inner", "left", "semi", "anti")
    how = draw(st.sampled_from(kinds))
    suffix = f"_r{len(query.steps)}"
    left_on, right_on = [a for a, _ in chosen], [b for _, b in chosen]
    return query.join(other, left_on=left_on, right_on=right_on, how=how, suffix=suffix)


def _one(pair: tuple[str, str]) -> str:
    return pair[0]


def _two(pair: tuple[str, str]) -> str:
    return pair[1]


def _unique(draw: st.DrawFn, query: Query, _depth: int) -> Query:
    names = comparable(query)
    if not names:
        return query
    return query.select(*draw(st.lists(st.sampled_from(names), min_size=1, unique=True))).unique()


def _first(draw: st.DrawFn, query: Query, depth: int) -> Query:
    unique = _unique(draw, query, depth)
    if unique is query:
        return query
    by = draw(st.permutations(list(unique.schema)))
    down = draw(st.lists(st.booleans(), min_size=len(by), max_size=len(by)))
    return unique.sort(by, descending=down).head(draw(st.integers(0, 3)))


def _explode(draw: st.DrawFn, query: Query, depth: int) -> Query:
    text = draw(_of_rows(Exprs(query.schema).text(depth)))
    listed = query.with_columns(parts=text.str.split("."))
    return listed.explode("parts")


def _rename(draw: st.DrawFn, query: Query, _depth: int) -> Query:
    names = list(query.schema)
    chosen = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    if draw(st.booleans()):  # some change places
        return query.rename(dict(zip(chosen, [*chosen[1:], *chosen[:1]], strict=True)))
    fresh = [f"{name} #{len(query.steps)}" for name in chosen]
    return query.rename(dict(zip(chosen, fresh, strict=True)))


def _drop(draw: st.DrawFn, query: Query, _depth: int) -> Query:
    names = list(query.schema)
    return query.drop(*draw(st.lists(st.sampled_from(names), max_size=len(names) - 1, unique=True)))


def comparable(query: Query) -> list[str]:
    """The columns that can be keys: no lists, and no numbers that may be NaN."""
    return [n for n, t in query.schema.items() if not isinstance(t, pl.List) and t != pl.Float64]


_VERBS = (
    _filter,
    _with_columns,
    _select,
    _aggregate,
    _join,
    _unique,
    _first,
    _explode,
    _rename,
    _drop,
)
