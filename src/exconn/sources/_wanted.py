"""Which rows some queries look at, as far as they list the texts that they look for.

A file need not be read where it has none of them: of other rows only the columns are looked at
that tell.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from exconn.kql.parts import conditions_of, is_of_one_row, leading_filters, lists_of
from exconn.kql.plan import pipelines
from exconn.query import Query
from exconn.tables import Table


def wanted(queries: Iterable[Query], table: Table) -> pl.Expr | None:
    """What holds of all rows of a table that queries look at; None where they list no texts.

    It is met by no row in which the columns that it reads are null or empty.
    """
    asked = [one for query in queries for one in pipelines(query) if one.table == table]
    listed = [_listed(query) for query in asked]
    conditions = [pl.all_horizontal(some) for some in listed if some]
    return pl.any_horizontal(conditions) if conditions and all(listed) else None


def _listed(query: Query) -> Sequence[pl.Expr]:
    predicates = [p for step in leading_filters(query) for p in step.predicates]
    terms = [term for predicate in predicates for part in conditions_of(predicate) for term in part]
    return [term for term in terms if _is_list(term, query.table)]


def _is_list(condition: pl.Expr, table: Table) -> bool:
    """Whether one of some texts is listed, and "" is none of them."""
    parts = lists_of(condition)
    return bool(parts) and all(_tells(part, table) for part in parts)


def _tells(part: pl.Expr, table: Table) -> bool:
    roots = part.meta.root_names()
    if len(roots) != 1 or roots[0] not in table.schema or table.schema[roots[0]] != pl.String:
        return False
    empty = pl.DataFrame({roots[0]: ["", None]}, schema={roots[0]: pl.String()})
    return is_of_one_row(part, table.schema) and not empty.filter(part).height
