"""Queries as KQL: `compile_query`, for Defender, Sentinel and other databases."""

from exconn.kql.dialect import DEFENDER, DIALECTS, KUSTO, SENTINEL, Dialect, dialect_of
from exconn.kql.pipeline import Statement, compile_query, compile_statement, kql_types
from exconn.kql.tree import estimate

__all__ = [
    "DEFENDER",
    "DIALECTS",
    "KUSTO",
    "SENTINEL",
    "Dialect",
    "Statement",
    "compile_query",
    "compile_statement",
    "dialect_of",
    "estimate",
    "kql_types",
]
