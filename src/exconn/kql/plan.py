"""What a pipeline needs, looked at before it is written: schemas, columns, shared beginnings."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

import polars as pl
from attrs import evolve, frozen

from exconn.query import (
    Aggregate,
    Drop,
    Explode,
    Filter,
    Join,
    Query,
    Rename,
    Select,
    Sort,
    Step,
    Unique,
    WithColumns,
)
from exconn.tables import Table

Names = frozenset[str]


@frozen(eq=False)
class Prefix:
    """A beginning that several pipelines of one query have in common."""

    table: Table
    steps: tuple[Step, ...]

    def begins(self, query: Query) -> bool:
        """Whether a pipeline begins so."""
        return query.table is self.table and _alike(query.steps, self.steps) == len(self.steps)

    @property
    def query(self) -> Query:
        """The beginning, as a query of its own."""
        bare = Query(self.table, steps=self.steps)
        return evolve(bare, schema=bare.on(lambda table: table.empty).collect_schema())


def shared_prefix(query: Query) -> Prefix | None:
    """The longest beginning, of at least one step, that two pipelines of a query share."""
    found = list(pipelines(query))
    best: tuple[Step, ...] = ()
    table = query.table
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            if one.table is not other.table:
                continue
            steps = one.steps[: _alike(one.steps, other.steps)]
            while steps and isinstance(steps[-1], Sort):  # what is materialized has no order
                steps = steps[:-1]
            if len(steps) > len(best):
                best, table = steps, one.table
    return Prefix(table, best) if best else None


def pipelines(query: Query) -> Iterator[Query]:
    """A query and those that it joins."""
    yield query
    for step in query.steps:
        if isinstance(step, Join):
            yield from pipelines(step.other)


def schemas(query: Query) -> list[pl.Schema]:
    """The schema before the first step and after each."""
    numbers = range(len(query.steps) + 1)
    return [
        evolve(query, steps=query.steps[:n]).on(lambda table: table.empty).collect_schema()
        for n in numbers
    ]


def needs(query: Query, before: Sequence[pl.Schema], final: Names) -> list[Names]:
    """The columns that are needed before each step and after the last."""
    needed = [final]
    for step, schema in zip(reversed(query.steps), reversed(before[:-1]), strict=True):
        needed.append(_needed(step, needed[-1], frozenset(schema)))
    return needed[::-1]


def _needed(step: Step, after: Names, there: Names) -> Names:
    match step:
        case Filter(exprs):
            return after | roots(exprs)
        case WithColumns(exprs):
            kept = seen_later(exprs, after)
            made = {e.meta.output_name() for e in kept if not e.meta.has_multiple_outputs()}
            return (after - made) | roots(kept)
        case Select(exprs):
            return roots(seen_later(exprs, after))
        case Aggregate(keys, aggs):
            return roots((*keys, *seen_later(aggs, after)))
        case Join(left_on=left_on):
            return (after & there) | set(left_on)
        case Sort(by):
            return after | set(by)
        case Unique():
            return there
        case Explode(column):
            return after | {column}
        case Rename(names):
            old = {new: before for before, new in names.items()}
            return frozenset(old.get(n, n) for n in after)
        case Drop():
            return after
    return after


def seen_later(exprs: Sequence[pl.Expr], needed: Names) -> tuple[pl.Expr, ...]:
    """Those of which a later step needs the output."""
    return tuple(
        e for e in exprs if e.meta.has_multiple_outputs() or e.meta.output_name() in needed
    )


def roots(exprs: Sequence[pl.Expr]) -> Names:
    """The columns that expressions read."""
    return frozenset(n for expr in exprs for n in expr.meta.root_names())


def _alike(one: Sequence[Step], other: Sequence[Step]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))
