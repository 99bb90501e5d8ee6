"""One seeded generator of tenants, for the demo, the scenarios, the tests and the benchmarks.

`honest_tenant` makes a tenant in which nothing bad happens; tests inject causes into it, one at a
time, with the row builders and `Tenant.adding`. `demo_tenant` makes one with a hijacked connector.
Everything is drawn from the seed: no clock, no global randomness, no input or output. Names,
domains and addresses are invented or reserved for documentation and benchmarks.
"""

from exconn.simulate._changes import Actor, change_row
from exconn.simulate._demo import demo_tenant, hijacked, honest_tenant
from exconn.simulate._draw import between
from exconn.simulate._logons import logon_rows
from exconn.simulate._mail import AUTHENTICATED, UNAUTHENTICATED, mail_rows
from exconn.simulate._tenant import Person, Place, SimulatedConnector, Tenant

__all__ = [
    "AUTHENTICATED",
    "UNAUTHENTICATED",
    "Actor",
    "Person",
    "Place",
    "SimulatedConnector",
    "Tenant",
    "between",
    "change_row",
    "demo_tenant",
    "hijacked",
    "honest_tenant",
    "logon_rows",
    "mail_rows",
]
