"""What a change of a connector does, by what it says of itself."""

from datetime import UTC, datetime

import pytest

from exconn.facts.traits import TRAITS, renews_certificate, traits_of
from exconn.models import Actor, ActorKind, ConnectorChange

PERSON = Actor(id="a", name="admin@contoso.example", kind=ActorKind.PERSON)


def change(said: str, actor: Actor = PERSON) -> ConnectorChange:
    """A change as it is typed: a cmdlet and its parameters."""
    operation, *passed = said.split(" -")
    parameters = dict(one.split(" ", 1) for one in passed)
    return ConnectorChange(
        timestamp=datetime(2026, 3, 2, tzinfo=UTC),
        operation=operation,
        actor=actor,
        target="Relay",
        parameters=parameters,
    )


HAVE: dict[str, tuple[str, ...]] = {
    "changes": ("New-InboundConnector", "Set-OutboundConnector", "Remove-InboundConnector"),
    "created": ("New-InboundConnector", "New-OutboundConnector -Enabled False"),
    "modified": ("Set-InboundConnector", "Set-OutboundConnector"),
    "removed": ("Remove-InboundConnector", "Remove-OutboundConnector"),
    "enabled": (
        "New-InboundConnector",
        "New-InboundConnector -Enabled True",
        "Set-InboundConnector -Enabled True",
    ),
    "catch_all": (
        "New-InboundConnector -SenderDomains smtp:*;1",
        "Set-InboundConnector -SenderDomains a.example;*",
    ),
    "no_tls": ("Set-InboundConnector -RequireTls False",),
    "unrestricted": (
        "New-InboundConnector",
        "New-InboundConnector -RestrictDomainsToCertificate False",
        "Set-InboundConnector -RestrictDomainsToCertificate False",
        "Set-InboundConnector -RestrictDomainsToIPAddresses False",
    ),
    "trusted_headers": (
        "New-InboundConnector -CloudServicesMailEnabled True",
        "Set-OutboundConnector -CloudServicesMailEnabled True",
    ),
    "filtering_bypassed": (
        "Set-InboundConnector -TreatMessagesAsInternal True",
        "Set-InboundConnector -EFSkipLastIP True",
        "Set-InboundConnector -EFSkipIPs 192.0.2.1",
    ),
    "hand_made": (
        "New-InboundConnector",
        "New-OutboundConnector -ConnectorSource Default",
    ),
    "hybrid_wizard": (
        "New-InboundConnector -ConnectorSource HybridWizard",
        "Set-OutboundConnector -ConnectorSource hybridWIZARD",
    ),
    "routine_changes": (
        "Remove-InboundConnector",
        "Set-InboundConnector",
        "Set-InboundConnector -Identity Relay -Comment x -Confirm False -Force True",
        "Set-InboundConnector -ErrorAction Stop -WarningAction Stop -Verbose True",
        "Set-InboundConnector -WhatIf False -DomainController dc1",
        "Set-InboundConnector -Enabled False",
        "Set-InboundConnector -RequireTls True",
        "Set-InboundConnector -RestrictDomainsToCertificate True",
        "Set-InboundConnector -RestrictDomainsToIPAddresses True -Comment x",
    ),
    "new_smart_hosts": (
        "New-OutboundConnector -SmartHosts mail.evil.example",
        "Set-OutboundConnector -SmartHosts 192.0.2.1",
    ),
    "new_addresses": ("Set-InboundConnector -SenderIPAddresses 192.0.2.1",),
}

LACK: dict[str, tuple[str, ...]] = {
    "changes": (),
    "created": ("Set-InboundConnector", "Remove-InboundConnector"),
    "modified": ("New-InboundConnector", "Remove-InboundConnector"),
    "removed": ("New-InboundConnector", "Set-InboundConnector"),
    "enabled": (
        "New-InboundConnector -Enabled False",
        "Set-InboundConnector -Enabled False",
        "Set-InboundConnector -Comment x",
        "Remove-InboundConnector",
    ),
    "catch_all": (
        "Set-InboundConnector -SenderDomains *.a.example",
        "Set-InboundConnector",
        "Set-OutboundConnector -RecipientDomains *",
    ),
    "no_tls": (
        "Set-InboundConnector -RequireTls True",
        "Set-InboundConnector",
        "New-InboundConnector",
        "Set-OutboundConnector -RequireTls False",
    ),
    "unrestricted": (
        "New-InboundConnector -RestrictDomainsToCertificate True",
        "New-InboundConnector -RestrictDomainsToIPAddresses True",
        "Set-InboundConnector -Comment x",
        "Set-InboundConnector -RestrictDomainsToIPAddresses False -RestrictDomainsToCertificate True",  # noqa: E501
        "Remove-InboundConnector -RestrictDomainsToCertificate False",
        "New-OutboundConnector",
    ),
    "trusted_headers": (
        "New-InboundConnector -CloudServicesMailEnabled False",
        "New-InboundConnector -CloudServicesMailEnabled True -ConnectorSource HybridWizard",
        "Set-InboundConnector",
    ),
    "filtering_bypassed": (
        "Set-InboundConnector",
        "Set-InboundConnector -TreatMessagesAsInternal False -EFSkipLastIP False",
        "Set-OutboundConnector -EFSkipLastIP True",
    ),
    "hand_made": (
        "New-InboundConnector -ConnectorSource HybridWizard",
        "Set-InboundConnector",
        "Remove-InboundConnector",
    ),
    "hybrid_wizard": (
        "New-InboundConnector",
        "Set-InboundConnector -ConnectorSource Default",
    ),
    "routine_changes": (
        "New-InboundConnector",
        "New-InboundConnector -Enabled False",
        "Set-InboundConnector -Enabled True",
        "Set-InboundConnector -RequireTls False",
        "Set-InboundConnector -RestrictDomainsToCertificate False",
        "Set-InboundConnector -RestrictDomainsToIPAddresses False",
        "Set-InboundConnector -Comment x -SenderDomains a.example",
        "Set-OutboundConnector -SmartHosts 192.0.2.1",
    ),
    "new_smart_hosts": (
        "New-OutboundConnector",
        "Set-OutboundConnector -Comment x",
        "Set-InboundConnector -SmartHosts 192.0.2.1",
    ),
    "new_addresses": (
        "New-InboundConnector -SenderIPAddresses 192.0.2.1",
        "Set-InboundConnector -Comment x",
        "Set-OutboundConnector -SenderIPAddresses 192.0.2.1",
    ),
}

BY_WHOM = {name for name, trait in TRAITS.items() if trait.by_whom}


def test_every_trait_is_shown() -> None:
    assert set(HAVE) == set(LACK) == set(TRAITS) - BY_WHOM


@pytest.mark.parametrize(
    ("trait", "said"), [(trait, said) for trait, every in HAVE.items() for said in every]
)
def test_it_has_the_trait(trait: str, said: str) -> None:
    assert trait in traits_of(change(said))


@pytest.mark.parametrize(
    ("trait", "said"), [(trait, said) for trait, every in LACK.items() for said in every]
)
def test_it_lacks_the_trait(trait: str, said: str) -> None:
    assert trait not in traits_of(change(said))


@pytest.mark.parametrize(
    ("actor", "traits"),
    [
        (PERSON, set()),
        (Actor(id="b", name="app", kind=ActorKind.APPLICATION), {"changes_by_application"}),
        (Actor(id="", name="", kind=ActorKind.PERSON), {"changes_by_unknown"}),
    ],
)
def test_who_made_it(actor: Actor, traits: set[str]) -> None:
    assert traits_of(change("Set-InboundConnector", actor)) & BY_WHOM == traits


@pytest.mark.parametrize(
    ("said", "renews"),
    [
        ("Set-InboundConnector -TlsSenderCertificateName mail.contoso.example", True),
        ("Set-InboundConnector -TlsSenderCertificateName *.Contoso.example", True),
        ("Set-InboundConnector -TlsSenderCertificateName contoso.example -Comment x", True),
        ("Set-InboundConnector -TlsSenderCertificateName contoso.example -RequireTls True", True),
        ("Set-InboundConnector -TlsSenderCertificateName contoso.example -RequireTls False", False),
        ("Set-InboundConnector -TlsSenderCertificateName evil.example", False),
        ("Set-InboundConnector -TlsSenderCertificateName notcontoso.example", False),
        ("Set-InboundConnector -SenderDomains contoso.example", False),
        ("Set-InboundConnector -Comment x", False),
        ("New-InboundConnector -TlsSenderCertificateName contoso.example", False),
    ],
)
def test_a_certificate_is_renewed(said: str, renews: bool) -> None:  # noqa: FBT001 - a parameter
    assert renews_certificate(change(said), frozenset({"contoso.example"})) is renews
