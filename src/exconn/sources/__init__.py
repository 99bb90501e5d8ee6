"""Who can run a `Query`: frames in memory, evidence folders, and services that speak KQL.

`exconn.sources.sign_in` has the ways to sign in, `exconn.sources.clouds` Microsoft's clouds.
"""

from exconn.sources._line import Busy, Clock, Patience, Slow, TokenRefused, TooMuch
from exconn.sources._stretches import Reading
from exconn.sources._wire import Reply
from exconn.sources.cache import ResultCache
from exconn.sources.context import read_context
from exconn.sources.hunting import HuntingSource
from exconn.sources.kusto import KustoSource, workspace_url
from exconn.sources.memory import MemorySource
from exconn.sources.parquet import ParquetSource, write_evidence
from exconn.sources.remote import NotThereError, RemoteSource, Service

__all__ = [
    "Busy",
    "Clock",
    "HuntingSource",
    "KustoSource",
    "MemorySource",
    "NotThereError",
    "ParquetSource",
    "Patience",
    "Reading",
    "RemoteSource",
    "Reply",
    "ResultCache",
    "Service",
    "Slow",
    "TokenRefused",
    "TooMuch",
    "read_context",
    "workspace_url",
    "write_evidence",
]
