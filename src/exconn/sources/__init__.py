"""Who can run a `Query`: frames in memory, and evidence folders of Parquet files."""

from exconn.sources.context import read_context
from exconn.sources.memory import MemorySource
from exconn.sources.parquet import ParquetSource, write_evidence

__all__ = ["MemorySource", "ParquetSource", "read_context", "write_evidence"]
