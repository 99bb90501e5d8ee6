"""The judges of KQL text: Microsoft's parser, and an engine that runs it beside Polars."""

import atexit
import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from attrs import frozen

from exconn import Query, Table
from exconn.kql import DEFENDER, Dialect, compile_query
from exconn.tables import KqlType
from exconn.testing import check_query

HERE = Path(__file__).parent
Schema = Mapping[str, Mapping[str, str]]

# What the analyzers advise and is not taken: estimates (KS515) are made only where asked for.
ADVICE = ("KS515: ",)
# Whole terms (KS500) would be found faster than any part of a text, but are another question; and
# a sum of sums (KS505) treats nulls otherwise than the sum that was asked for.
MORE_ADVICE = (*ADVICE, "KS500: ", "KS505: ")


@frozen
class Verdict:
    """What Microsoft's parser and binder say of a text."""

    problems: list[str]
    columns: list[tuple[str, str]]
    literals: list[str]
    references: frozenset[tuple[str, str]]
    shape: list[int]


class Oracle:
    """Microsoft's parser in a process of its own, which answers line by line."""

    def __init__(self, node: str) -> None:
        self._process = subprocess.Popen(
            [node, str(HERE / "oracle.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        atexit.register(self.stop)

    def judge(self, text: str, schema: Schema, advice: tuple[str, ...] = ADVICE) -> Verdict:
        answer = self._ask(json.dumps({"schema": {"tables": schema}, "query": text}))
        return Verdict(
            problems=[p for p in answer["problems"] if not p.startswith(advice)],
            columns=[(name, kind) for name, kind in answer["columns"] or []],
            literals=answer["literals"],
            references=frozenset((table, column) for table, column in answer["references"]),
            shape=answer["shape"],
        )

    def words(self) -> list[str]:
        """Every word of the grammar."""
        return list(self._ask("")["words"])

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answered = self._process.stdout.readline()
        assert answered, "the oracle has ended; see its error output"
        answer: dict[str, Any] = json.loads(answered)
        assert "error" not in answer, f"{answer['error']}\n{line}"
        return answer

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@cache
def oracle() -> Oracle:
    """The parser, started once; the test is skipped where it is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Microsoft's KQL parser needs Node.js, and `node` is not on the path")
    if not (HERE / "node_modules" / "@kusto").is_dir():
        pytest.skip("Microsoft's KQL parser is not installed: run  npm ci  in tests/kql")
    return Oracle(node)


def database(dialect: Dialect, *tables: Table) -> Schema:
    """The tables as a place of this dialect has them."""
    return {
        table.name: {
            (dialect.time or column.name) if column.name == table.time else column.name: (
                dialect.types.get((table.name, column.name), column.type).value
            )
            for column in table.columns
            if (table.name, column.name) not in dialect.lacks
        }
        for table in tables
    }


def promised(schema: pl.Schema) -> list[tuple[str, str]]:
    """The columns of a query's result, in Kusto's types."""
    kinds = {kind.dtype: kind.value for kind in KqlType if kind is not KqlType.DYNAMIC}
    return [
        (name, "dynamic" if isinstance(dtype, pl.List) else kinds[dtype])
        for name, dtype in schema.items()
    ]


def assert_accepted(
    query: Query, dialect: Dialect = DEFENDER, advice: tuple[str, ...] = ADVICE
) -> str:
    """Microsoft's parser accepts the query, as one query of the promised columns.

    It reads no columns but those that the query says it reads.
    """
    text = compile_query(query, dialect)
    verdict = oracle().judge(text, database(dialect, *query.tables), advice)
    assert verdict.problems == [], f"{verdict.problems}\n{text}"
    assert verdict.columns == promised(query.schema), f"{verdict.columns}\n{text}"
    times = {table.name: table.time for table in query.tables}
    known = {
        (table, (dialect.time or column) if column == times[table] else column)
        for table, column in query.reads()
    }
    assert verdict.references <= known, f"reads {verdict.references - known} too\n{text}"
    return text


def assert_agrees(
    query: Query, frames: Mapping[str, pl.DataFrame], dialect: Dialect = DEFENDER
) -> None:
    """The parser accepts the query, and the engine returns the same rows as Polars."""
    assert_accepted(query, dialect, MORE_ADVICE)
    check_query(query, frames, dialect=dialect)
