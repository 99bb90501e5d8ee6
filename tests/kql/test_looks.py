"""Microsoft's parser accepts where a grade says to look next."""

import pytest
from judges import database, oracle

from exconn.facts import FACT_TABLES
from exconn.grading import Grade, grade
from exconn.kql import DEFENDER
from exconn.models import Alert
from exconn.sources import MemorySource
from incidents import AT, AUDIT, LOGONS, MAIL, attacked, change, deed

ODD = "say \"relay\"; a | b // 'c' \\ \u00fc\n"


def named(name: str) -> Grade:
    tenant = change(attacked(), {"Name": name}, at=(attacked().at or AT))
    tenant = deed(tenant, "Set-InboundConnector", {"Identity": name, "SenderDomains": "smtp:*;1"})
    alert = Alert(connector=name, timestamp=tenant.at or AT)
    return grade(MemorySource(tenant.frames), alert)


def without(*gone: str) -> Grade:
    frames = {name: frame for name, frame in attacked().frames.items() if name not in gone}
    alert = Alert(connector=attacked().connector("quiet").name, timestamp=attacked().at or AT)
    return grade(MemorySource(frames), alert)


@pytest.mark.parametrize("gone", [(), (MAIL,), (AUDIT,), (LOGONS,), (AUDIT, LOGONS)])
def test_looks_are_kql(gone: tuple[str, ...]) -> None:
    accepted(without(*gone))


def test_looks_at_an_oddly_named_connector_are_kql() -> None:
    accepted(named(ODD))


def accepted(found: Grade) -> None:
    assert found.looks
    for look in found.looks:
        assert oracle().judge(look.kql, database(DEFENDER, *FACT_TABLES)).problems == [], look.query
