"""How Polars serialises every form of expression that is read. A change of it is seen here first.

There is one file for the oldest Polars that is supported, and one for each minor version whose form
differs from that before; a version without a file is compared with the newest file below it.
"""

import json
import os
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from random_queries import LEFT

from exconn import scan
from exconn.kql import DEFENDER, compile_query, estimate

FOLDER = Path(__file__).parent / "serialised"
REWRITE = "EXCONN_REWRITE_SNAPSHOTS"
VERSION = tuple(int(part) for part in pl.__version__.split(".")[:2])

s, n, m, b, r = (pl.col(name) for name in "snmbr")
t, v, d = pl.col("Timestamp"), pl.col("v"), pl.col("d")
split = s.str.split(".")

VALUES = {
    "column": s,
    "literal string": s == "x",
    "literal int": n == 1,
    "literal int of 64 bits": n == pl.lit(1, dtype=pl.Int64),
    "literal float": r == 0.5,
    "literal bool": b == pl.lit(value=True),
    "literal time": t == pl.lit("2026-03-09").str.to_datetime(time_unit="us", time_zone="UTC"),
    "literal span": t - pl.duration(hours=1),
    "literal null": pl.when(b).then(n),
    "and": b & (n > 1),
    "or": b | (n >= 1),
    "not": ~b,
    "all of": pl.all_horizontal(b, n < 1),
    "any of": pl.any_horizontal(b, n <= 1),
    "not equal": n != 1,
    "plus": n + m,
    "minus": n - m,
    "times": n * m,
    "over": n / m,
    "negative": -n,
    "cast": n.cast(pl.Float64),
    "lax cast": n.cast(pl.String, strict=False),
    "is null": n.is_null(),
    "is not null": n.is_not_null(),
    "fill": n.fill_null(0),
    "coalesce": pl.coalesce(n, m),
    "in strings": s.is_in(["x", "y"]),
    "in numbers": n.is_in([1, 2]),
    "in nothing": n.is_in([]),
    "in enum": s.cast(pl.String).is_in(pl.Series(["x"])),
    "between": n.is_between(1, 2, "left"),
    "choice": pl.when(b).then(n).when(n > 1).then(2).otherwise(m),
    "lower": s.str.to_lowercase(),
    "upper": s.str.to_uppercase(),
    "starts": s.str.starts_with("x"),
    "ends": s.str.ends_with("x"),
    "contains": s.str.contains("x", literal=True),
    "matches": s.str.contains("x+"),
    "extract": s.str.extract("(x+)", 1),
    "split": split.list.len().cast(pl.Int64),
    "element": split.list.get(1, null_on_oob=True),
    "first element": split.list.first(),
    "last element": split.list.last(),
    "has element": split.list.contains("x"),
    "strip": s.str.strip_chars("x"),
    "strip start": s.str.strip_chars_start("x"),
    "strip end": s.str.strip_chars_end("x"),
    "length": s.str.len_chars(),
    "replace": s.str.replace_all("x", "y", literal=True),
    "slice": s.str.slice(1, 2),
    "slice to the end": s.str.slice(1),
    "head": s.str.head(2),
    "concat": pl.concat_str(s, pl.lit("x"), separator=":"),
    "plus of strings": s + "x",
    "JSON": d.str.json_path_match("$.a[0]"),
    "truncate": t.dt.truncate("1h"),
    "offset": t.dt.offset_by("1h"),
    "second": t.dt.second(),
    "minute": t.dt.minute(),
    "hour": t.dt.hour(),
    "day": t.dt.day(),
    "weekday": t.dt.weekday(),
    "day of year": t.dt.ordinal_day(),
    "week": t.dt.week(),
    "month": t.dt.month(),
    "year": t.dt.year(),
    "milliseconds": (t - v).dt.total_milliseconds(),
    "seconds": (t - v).dt.total_seconds(),
    "minutes": (t - v).dt.total_minutes(),
    "hours": (t - v).dt.total_hours(),
    "days": (t - v).dt.total_days(),
}
AGGREGATES = {
    "len": pl.len(),
    "len of a column": n.len(),
    "count": n.count(),
    "n_unique": n.n_unique(),
    "estimate": estimate(n.n_unique()),
    "quantile": estimate(n.quantile(0.5)),
    "sum": n.sum(),
    "min": n.min(),
    "max": n.max(),
    "mean": n.mean(),
    "any": b.any(),
    "all": b.all(),
    "set": s.unique().sort(),
    "filtered": n.filter(b).sum(),
    "without nulls": n.drop_nulls().n_unique(),
}


def test_the_serialised_forms_and_what_they_mean() -> None:
    found = {
        name: {"kql": _kql(name, expr), "polars": _tree(expr)}
        for name, expr in {**VALUES, **AGGREGATES}.items()
    }
    if os.environ.get(REWRITE):
        file = FOLDER / f"polars-{VERSION[0]}.{VERSION[1]}.json"
        file.parent.mkdir(exist_ok=True)
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()]
        file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n")
    golden = json.loads(_golden().read_text(encoding="utf-8"))
    for name, value in found.items():
        assert value == golden[name], f"{name}: look at tree.py, then set {REWRITE}=1"
    assert found.keys() == golden.keys()


@pytest.mark.parametrize("name", VALUES)
def test_aliases_are_looked_through(name: str) -> None:
    aliased = scan(LEFT).select("s", x=VALUES[name].alias("other"))
    plain = scan(LEFT).select("s", x=VALUES[name])
    assert compile_query(aliased, DEFENDER) == compile_query(plain, DEFENDER)


def test_the_oldest_supported_version_has_a_file_and_none_is_older() -> None:
    needed = next(line for line in requires("exconn") or () if line.startswith("polars"))
    oldest = re.search(r">=([0-9]+)[.]([0-9]+)", needed)
    assert oldest is not None
    assert min(_goldens()) == tuple(map(int, oldest.groups()))


def _golden() -> Path:
    files = _goldens()
    return files[max(version for version in files if version <= VERSION)]


def _goldens() -> dict[tuple[int, ...], Path]:
    return {
        tuple(int(part) for part in file.stem.removeprefix("polars-").split(".")): file
        for file in FOLDER.glob("polars-*.json")
    }


def _kql(name: str, expr: pl.Expr) -> str:
    grouped = name in AGGREGATES
    query = scan(LEFT).group_by("u").agg(x=expr) if grouped else scan(LEFT).select("u", x=expr)
    return compile_query(query, DEFENDER).split("x = ")[1].removesuffix(" by u")


def _tree(expr: pl.Expr) -> Any:
    return _short(json.loads(expr.meta.serialize(format="json")))


def _short(tree: Any) -> Any:
    """A tree, its embedded tables (bytes of Arrow, whose headers change) left out."""
    if isinstance(tree, dict):
        return {key: _short(value) for key, value in tree.items()}
    if isinstance(tree, list):
        numbers = len(tree) > 50 and all(isinstance(value, int) for value in tree)
        return "bytes" if numbers else [_short(value) for value in tree]
    return tree
