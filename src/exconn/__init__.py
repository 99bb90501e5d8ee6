"""exconn grades Microsoft 365 alerts on malicious Exchange connectors.

A detector is a plain Polars expression. exconn runs it where the mail log lives and grades the
connector on what comes back::

    from exconn import Alert, ParquetSource, grade

    result = grade(ParquetSource("evidence/"), Alert(connector="Relay", timestamp=when))

`hunt` does the same for every connector. Detectors are in `exconn.detectors`, queries and facts in
`exconn.facts`, signals in `exconn.signals`.
"""

from exconn.context import ApprovedChange, Context
from exconn.coverage import Coverage, Part, Standing, TableCoverage, TableState
from exconn.errors import (
    ExconnError,
    IncompleteResultError,
    InvalidValueError,
    MissingExtraError,
    NoDataError,
    SignInError,
    SourceError,
    UnavailableError,
    UnknownColumnError,
    UnknownConnectorError,
    UnreadableDataError,
    UnsupportedExpression,
)
from exconn.facts import FACTS, Fact, Unit
from exconn.grading import (
    Action,
    Answer,
    Answered,
    Classification,
    Determination,
    Event,
    Evidence,
    Finding,
    Grade,
    Hunt,
    Phase,
    Policy,
    Radius,
    State,
    grade,
    grade_records,
    grade_schema,
    hunt,
)
from exconn.ingest import import_files
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    Alert,
    ConnectorChange,
    Email,
    InboundConnector,
    Logon,
    OutboundConnector,
    TransportRule,
)
from exconn.query import Query, Source, scan
from exconn.signals import QUESTIONS, SIGNALS, Direction, Family, Question, Signal
from exconn.sources import (
    HuntingSource,
    KustoSource,
    MemorySource,
    ParquetSource,
    ResultCache,
    read_context,
    write_evidence,
)
from exconn.tables import (
    CLOUD_APP_EVENTS,
    EMAIL_EVENTS,
    IDENTITY_LOGON_EVENTS,
    TABLES,
    Column,
    KqlType,
    Table,
    conform,
)
from exconn.window import Period, Window

__version__ = "0.1.0"

__all__ = [
    "CLOUD_APP_EVENTS",
    "EMAIL_EVENTS",
    "FACTS",
    "IDENTITY_LOGON_EVENTS",
    "QUESTIONS",
    "SIGNALS",
    "TABLES",
    "Action",
    "Actor",
    "ActorKind",
    "AdminChange",
    "Alert",
    "Answer",
    "Answered",
    "ApprovedChange",
    "Classification",
    "Column",
    "ConnectorChange",
    "Context",
    "Coverage",
    "Determination",
    "Direction",
    "Email",
    "Event",
    "Evidence",
    "ExconnError",
    "Fact",
    "Family",
    "Finding",
    "Grade",
    "Hunt",
    "HuntingSource",
    "InboundConnector",
    "IncompleteResultError",
    "InvalidValueError",
    "KqlType",
    "KustoSource",
    "Logon",
    "MemorySource",
    "MissingExtraError",
    "NoDataError",
    "OutboundConnector",
    "ParquetSource",
    "Part",
    "Period",
    "Phase",
    "Policy",
    "Query",
    "Question",
    "Radius",
    "ResultCache",
    "SignInError",
    "Signal",
    "Source",
    "SourceError",
    "Standing",
    "State",
    "Table",
    "TableCoverage",
    "TableState",
    "TransportRule",
    "UnavailableError",
    "Unit",
    "UnknownColumnError",
    "UnknownConnectorError",
    "UnreadableDataError",
    "UnsupportedExpression",
    "Window",
    "conform",
    "grade",
    "grade_records",
    "grade_schema",
    "hunt",
    "import_files",
    "read_context",
    "scan",
    "write_evidence",
]


def __dir__() -> list[str]:
    return __all__
