"""What a connector was like before: from earlier changes, its creation, and a listing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from exconn.facts.shape import SETTINGS, shape_before
from exconn.models import Actor, ActorKind, ConnectorChange, InboundConnector, OutboundConnector
from exconn.window import Period

START = datetime(2026, 3, 10, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(days=8))
ADA = Actor(kind=ActorKind.PERSON, id="ada")
MICROSOFT = Actor(kind=ActorKind.SYSTEM, name="NT AUTHORITY\\SYSTEM")
GUID = "5f0a6b3c-0f5e-4a1c-9a53-0d7c7b3b9c11"


def change(
    day: float,
    parameters: Mapping[str, str],
    operation: str = "Set-InboundConnector",
    *,
    actor: Actor = ADA,
    succeeded: bool | None = True,
) -> ConnectorChange:
    """A change so many days after the period began."""
    given = parameters if "Identity" in parameters else {"Identity": "Relay", **parameters}
    return ConnectorChange(
        timestamp=START + timedelta(days=day),
        operation=operation,
        parameters={"Name": "Relay", **parameters} if operation.startswith("New") else given,
        actor=actor,
        succeeded=succeeded,
    )


OPENED = change(1, {"SenderDomains": "smtp:*;1", "RequireTls": "False"})


def test_without_a_past_nothing_is_known_but_what_was_changed() -> None:
    assert shape_before([OPENED], PERIOD) == {"SenderDomains": None, "RequireTls": None}
    assert shape_before([], PERIOD) == {}


def test_earlier_changes_tell_the_last_of_each_setting() -> None:
    past = [
        change(-3, {"RequireTls": "True"}),
        change(-9, {"SenderDomains": "smtp:a.example;1", "RequireTls": "False"}),
        change(-2, {"Comment": "not touched since"}),
    ]
    assert shape_before([*past, OPENED], PERIOD) == {
        "SenderDomains": "smtp:a.example;1",
        "RequireTls": "True",
    }


def test_a_creation_tells_what_it_left_at_the_default() -> None:
    created = change(-9, {"SenderDomains": "smtp:a.example;1"}, "New-InboundConnector")
    hidden = change(
        1,
        {
            "RequireTls": "False",
            "SenderIPAddresses": "203.0.113.7",
            "TreatMessagesAsInternal": "True",
            "CloudServicesMailEnabled": "True",
            "Enabled": "True",
        },
    )
    assert shape_before([created, hidden], PERIOD) == {
        "Enabled": "True",
        "SenderIPAddresses": "",
        "RequireTls": "True",
        "TreatMessagesAsInternal": "False",
        "CloudServicesMailEnabled": None,
    }


def test_a_removal_ends_what_was_known() -> None:
    past = [
        change(-9, {"RequireTls": "True"}),
        change(-8, {}, "Remove-InboundConnector"),
    ]
    assert shape_before([*past, OPENED], PERIOD)["RequireTls"] is None


def test_what_failed_says_nothing_and_what_microsoft_did_is_not_undone() -> None:
    past = [
        change(-9, {"RequireTls": "True"}, actor=MICROSOFT),
        change(-8, {"RequireTls": "False"}, succeeded=False),
    ]
    tried = change(1, {"Comment": "x"}, succeeded=False)
    moved = change(2, {"TestMode": "True"}, actor=MICROSOFT)
    found = shape_before([*past, OPENED, tried, moved], PERIOD)
    assert found == {"SenderDomains": None, "RequireTls": "True"}


def test_of_the_period_the_first_change_counts_and_later_ones_do_not() -> None:
    again = change(2, {"SenderDomains": "smtp:b.example;1"})
    late = change(9, {"Comment": "after the period"})
    past = change(-1, {"SenderDomains": "smtp:a.example;1"})
    found = shape_before([late, again, OPENED, past], PERIOD)
    assert found == {"SenderDomains": "smtp:a.example;1", "RequireTls": None}


def test_the_first_instant_of_the_period_belongs_to_it_and_its_end_does_not() -> None:
    days = (PERIOD.end - PERIOD.start) / timedelta(days=1)
    first, late = change(0, {"RequireTls": "False"}), change(days, {"Comment": "x"})
    assert shape_before([first, late], PERIOD) == {"RequireTls": None}


def test_what_was_changed_when_the_listing_says_so_is_in_the_listing() -> None:
    listed = InboundConnector(
        name="Relay", require_tls=True, when_changed=START - timedelta(days=5)
    )
    same = change(-5, {"RequireTls": "perhaps", "Comment": "x"})
    told = change(1, {"RequireTls": "False", "Comment": "y"})
    assert shape_before([same, told], PERIOD, listed) == {"RequireTls": "True", "Comment": None}


def test_a_listing_counts_if_it_is_of_before_and_later_changes_count_more() -> None:
    listed = InboundConnector(
        name="Relay",
        sender_domains=("a.example", "b.example"),
        require_tls=True,
        sender_ip_addresses=(),
        when_changed=START - timedelta(days=5),
    )
    opened = change(1, {"SenderDomains": "*", "RequireTls": "False", "SenderIPAddresses": "x"})
    older = change(-9, {"SenderDomains": "smtp:old.example;1"})
    told = {"SenderDomains": "a.example;b.example", "SenderIPAddresses": "", "RequireTls": "True"}
    assert shape_before([older, opened], PERIOD, listed) == told
    newer = change(-1, {"SenderDomains": "smtp:new.example;1"})
    changed = {**told, "SenderDomains": "smtp:new.example;1"}
    assert shape_before([older, newer, opened], PERIOD, listed) == changed


@pytest.mark.parametrize("when", [None, START, START + timedelta(days=1)])
def test_a_listing_of_since_the_period_began_says_nothing(when: datetime | None) -> None:
    listed = InboundConnector(name="Relay", require_tls=False, when_changed=when)
    assert shape_before([OPENED], PERIOD, listed)["RequireTls"] is None


def test_outbound_connectors_have_their_own_settings() -> None:
    listed = OutboundConnector(
        name="Out", smart_hosts=("mx.a.example",), when_changed=START - timedelta(days=5)
    )
    rerouted = change(
        1, {"SmartHosts": "mx.evil.example", "UseMXRecord": "False"}, "Set-OutboundConnector"
    )
    assert shape_before([rerouted], PERIOD, listed) == {
        "SmartHosts": "mx.a.example",
        "UseMXRecord": None,
    }
    created = change(-2, {}, "New-OutboundConnector")
    assert shape_before([created, rerouted], PERIOD) == {"SmartHosts": "", "UseMXRecord": "True"}


def test_a_rename_is_undone_and_a_name_that_stays_is_no_rename() -> None:
    renamed = change(1, {"Identity": "tenant\\Relay", "Name": "Printers"})
    assert shape_before([renamed], PERIOD) == {"Name": "Relay"}
    assert shape_before([change(1, {"Name": "Relay", "Comment": "x"})], PERIOD) == {"Comment": None}
    by_guid = change(1, {"Identity": GUID, "Name": "Printers"})
    assert shape_before([by_guid], PERIOD) == {"Name": None}
    created = change(-3, {}, "New-InboundConnector")
    assert shape_before([created, by_guid], PERIOD) == {"Name": "Relay"}


def test_only_parameters_of_the_cmdlets_are_settings_in_any_case() -> None:
    odd = change(
        1, {"requiretls": "$false", "Confirm": "False", "x; calc": "y", "Identity": "Relay"}
    )
    assert shape_before([odd], PERIOD) == {"RequireTls": None}
    assert shape_before([change(-1, {"REQUIRETLS": " True "}), odd], PERIOD) == {
        "RequireTls": "True"
    }
    assert set(shape_before([change(1, dict.fromkeys(SETTINGS, "1"))], PERIOD)) == set(SETTINGS)


def test_a_switch_that_was_neither_on_nor_off_is_not_known() -> None:
    past = change(-1, {"RequireTls": "perhaps", "SenderDomains": "perhaps"})
    assert shape_before([past, OPENED], PERIOD) == {
        "SenderDomains": "perhaps",
        "RequireTls": None,
    }
