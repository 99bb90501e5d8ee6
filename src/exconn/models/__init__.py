"""Records for people: attrs classes with snake_case fields, converting to and from frames."""

from exconn.models.alert import Alert
from exconn.models.audit import AuditRecord
from exconn.models.changes import Actor, ActorKind, AdminChange, ConnectorChange
from exconn.models.connector import InboundConnector, OutboundConnector, TransportRule
from exconn.models.email import Email
from exconn.models.logon import Logon

__all__ = [
    "Actor",
    "ActorKind",
    "AdminChange",
    "Alert",
    "AuditRecord",
    "ConnectorChange",
    "Email",
    "InboundConnector",
    "Logon",
    "OutboundConnector",
    "TransportRule",
]
