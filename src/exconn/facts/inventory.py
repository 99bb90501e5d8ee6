"""Every fact, and what all of them rest on."""

from exconn.facts.changes import CHANGE_FACTS
from exconn.facts.fact import Fact
from exconn.facts.logon_facts import LOGON_FACTS
from exconn.facts.mail import MAIL_FACTS
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Reads

FACTS: tuple[Fact, ...] = (*MAIL_FACTS, *CHANGE_FACTS, *LOGON_FACTS)
"""Every fact, in the order in which they are computed."""

FACT_TABLES = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)
"""The tables that facts rest on: those of the playbook."""

READS: Reads = frozenset().union(*(fact.reads for fact in FACTS))
"""Every table column that some fact rests on."""
