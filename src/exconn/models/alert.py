"""The alert that is to be graded."""

from datetime import datetime

from attrs import field, frozen

from exconn.errors import InvalidValueError
from exconn.models._record import Record, of, text
from exconn.tables import ALERT_INFO
from exconn.window import utc


def _name(value: str) -> str:
    if not isinstance(value, str):
        raise InvalidValueError("connector", f"expected a name, got {value!r}")
    return value


@frozen(kw_only=True)
class Alert(Record):
    """An alert on one connector, at one time.

    Attributes:
        connector: the connector's name in any letter case, or one of its former names or GUIDs.
            AlertInfo has no such column; frames carry it as an extra one, `Connector`.
        timestamp: when; the window is laid around it.
    """

    TABLE = ALERT_INFO

    connector: str = field(converter=_name, metadata=of("Connector"))
    timestamp: datetime = field(converter=utc, metadata=of("Timestamp"))
    alert_id: str = text("AlertId")
    title: str = text("Title")
    category: str = text("Category")
    severity: str = text("Severity")
    service_source: str = text("ServiceSource")
    detection_source: str = text("DetectionSource")
    attack_techniques: str = text("AttackTechniques")
