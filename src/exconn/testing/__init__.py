"""What tests of detectors, signals, queries and sources need: strategies, checks, and a tenant.

Needs the extra: ``pip install 'exconn[testing]'``. A detector of your own is tested in a line::

    from exconn import EMAIL_EVENTS
    from exconn.testing import check_detector


    def test_my_detector():
        check_detector(my_detector(), EMAIL_EVENTS)

The checks are plain functions, for any test runner. `TenantServer` is a tenant on the loopback
interface for what talks to Microsoft's services; what it can do wrong is in
`exconn.testing.faults`.
"""

from exconn.errors import MissingExtraError

try:
    import hypothesis as _hypothesis
except ImportError:
    raise MissingExtraError("the testing kit", "testing") from None

del _hypothesis

from exconn.testing import faults  # noqa: E402 - after the guard
from exconn.testing._sources import check_source  # noqa: E402 - after the guard
from exconn.testing.checks import (  # noqa: E402 - after the guard
    assert_same_rows,
    check_detector,
    check_query,
    check_signal,
)
from exconn.testing.profiles import ADVERSARIAL, REALISTIC, Profile  # noqa: E402 - after the guard
from exconn.testing.strategies import (  # noqa: E402 - after the guard
    actors,
    admin_changes,
    alerts,
    connector_changes,
    emails,
    evidence,
    frames,
    inbound_connectors,
    logons,
    outbound_connectors,
    rows,
    transport_rules,
)
from exconn.testing.tenant import Call, TenantServer  # noqa: E402 - after the guard

__all__ = [
    "ADVERSARIAL",
    "REALISTIC",
    "Call",
    "Profile",
    "TenantServer",
    "actors",
    "admin_changes",
    "alerts",
    "assert_same_rows",
    "check_detector",
    "check_query",
    "check_signal",
    "check_source",
    "connector_changes",
    "emails",
    "evidence",
    "faults",
    "frames",
    "inbound_connectors",
    "logons",
    "outbound_connectors",
    "rows",
    "transport_rules",
]


def __dir__() -> list[str]:
    return __all__
