"""The tables of Advanced Hunting as values, and `conform`."""

from exconn.tables._defender import (
    AAD_SIGN_IN_EVENTS_BETA,
    ALERT_EVIDENCE,
    ALERT_INFO,
    CLOUD_APP_EVENTS,
    EMAIL_ATTACHMENT_INFO,
    EMAIL_EVENTS,
    EMAIL_POST_DELIVERY_EVENTS,
    EMAIL_URL_INFO,
    ENTRA_ID_SIGN_IN_EVENTS,
    IDENTITY_INFO,
    IDENTITY_LOGON_EVENTS,
    TABLES,
    URL_CLICK_EVENTS,
)
from exconn.tables._table import TIME, Column, KqlType, Reads, Table, conform, missing_columns

__all__ = [
    "AAD_SIGN_IN_EVENTS_BETA",
    "ALERT_EVIDENCE",
    "ALERT_INFO",
    "CLOUD_APP_EVENTS",
    "EMAIL_ATTACHMENT_INFO",
    "EMAIL_EVENTS",
    "EMAIL_POST_DELIVERY_EVENTS",
    "EMAIL_URL_INFO",
    "ENTRA_ID_SIGN_IN_EVENTS",
    "IDENTITY_INFO",
    "IDENTITY_LOGON_EVENTS",
    "TABLES",
    "TIME",
    "URL_CLICK_EVENTS",
    "Column",
    "KqlType",
    "Reads",
    "Table",
    "conform",
    "missing_columns",
]
