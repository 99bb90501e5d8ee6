"""Raw exports of Microsoft 365 become an evidence folder of Parquet tables."""

from exconn.ingest._importer import import_files
from exconn.ingest._summary import FileSummary, ImportSummary
from exconn.ingest._times import parse_moment

__all__ = ["FileSummary", "ImportSummary", "import_files", "parse_moment"]
