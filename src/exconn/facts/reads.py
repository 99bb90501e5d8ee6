"""The queries of the facts, built once to be asked which columns they read."""

from datetime import UTC, datetime

from exconn.facts import queries
from exconn.window import Period

ANY_PERIOD = Period(datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 2, tzinfo=UTC))
"""What a query reads does not depend on when."""

CONNECTOR_CHANGES = queries.connector_changes(ANY_PERIOD)
CONNECTOR_HOURS = queries.connector_hours(ANY_PERIOD)
SENDER_HOURS = queries.sender_hours(ANY_PERIOD)
TENANT_DOMAINS = queries.tenant_domains(ANY_PERIOD)
