"""Queries as KQL: `to_kql`, for Defender, Sentinel and other databases."""

from exconn.kql.dialect import DEFENDER, DIALECTS, KUSTO, SENTINEL, Dialect, dialect_of
from exconn.kql.pipeline import compile_query
from exconn.kql.tree import estimate

__all__ = [
    "DEFENDER",
    "DIALECTS",
    "KUSTO",
    "SENTINEL",
    "Dialect",
    "compile_query",
    "dialect_of",
    "estimate",
]
