"""The loopback tenant, as the real clients see it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoMultiApiError

from exconn.simulate import demo_tenant
from exconn.testing import TenantServer
from exconn.testing.faults import Failed, PartialRows, Reset, Throttled

FRAMES = demo_tenant(mails=2_000).frames
HUNTING = "/v1.0/security/runHuntingQuery"


@pytest.fixture
def tenant() -> Iterator[TenantServer]:
    with TenantServer(FRAMES) as served:
        yield served


def hunt(tenant: TenantServer, text: str, token: str | None = None) -> requests.Response:
    return requests.post(
        tenant.graph_url + HUNTING,
        json={"Query": text},
        headers={"Authorization": f"Bearer {token or tenant.token()}"},
        verify=str(tenant.certificate),
        timeout=60,
    )


def kusto(tenant: TenantServer) -> KustoClient:
    return KustoClient(
        KustoConnectionStringBuilder.with_token_provider(tenant.kusto_url, tenant.token)
    )


def test_graph_runs_the_query(tenant: TenantServer) -> None:
    answer: dict[str, Any] = hunt(tenant, "EmailEvents | count").json()
    assert answer["schema"] == [{"name": "Count", "type": "Int64"}]
    assert answer["results"] == [{"Count": FRAMES["EmailEvents"].height}]


def test_kusto_runs_the_query(tenant: TenantServer) -> None:
    with kusto(tenant) as client:
        answer = client.execute(tenant.database, "EmailEvents | count")
        streamed = client.execute_streaming_query(tenant.database, "EmailEvents | count")
        rows = [row.to_list() for table in streamed.iter_primary_results() for row in table]
    assert [row.to_list() for row in answer.primary_results[0]] == rows
    assert rows == [[FRAMES["EmailEvents"].height]]


def test_faults_come_in_order(tenant: TenantServer) -> None:
    tenant.fail(Throttled("2"), Failed(503), Reset(), None)
    throttled = hunt(tenant, "EmailEvents | count")
    assert throttled.headers["Retry-After"] == "2"
    hunt(tenant, "EmailEvents | count")
    with pytest.raises(requests.ConnectionError):
        hunt(tenant, "EmailEvents | count")
    hunt(tenant, "EmailEvents | count")
    assert [call.status for call in tenant.calls] == [429, 503, 0, 200]


def test_an_error_among_the_rows(tenant: TenantServer) -> None:
    tenant.fail(PartialRows(after=2))
    with kusto(tenant) as client, pytest.raises(KustoMultiApiError) as caught:
        client.execute(tenant.database, "EmailEvents | take 5")
    assert caught.value.get_api_errors()[0].code == "LimitsExceeded"
