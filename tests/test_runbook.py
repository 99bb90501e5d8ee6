"""The runbook: its steps and their order, and that nothing an attacker chose is ever run."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from exconn.detectors.connector import GRANT_OPERATIONS
from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.evidence import MESSAGE_IDS, Evidence, HourOfMail, Sender, Tally
from exconn.grading.powershell import array, lines, odata, quote
from exconn.grading.runbook import Incident, runbook
from exconn.grading.verdict import Classification
from exconn.models import (
    Actor,
    ActorKind,
    AdminChange,
    ConnectorChange,
    InboundConnector,
    OutboundConnector,
)
from exconn.sources import MemorySource
from exconn.window import Window
from powershell import Part, parts, skeleton
from sight import unseen

AT = datetime(2026, 3, 25, 12, tzinfo=UTC)
WINDOW = Window(AT)
HOUR = timedelta(hours=1)
PERSON, APPLICATION = ActorKind.PERSON, ActorKind.APPLICATION
APP_ID = "7c1f3d53-2c1a-4f6e-8f8d-3f1c5b6a9d10"
FOUND = "Get-InboundConnector | Where-Object Name -eq 'Relay'"
OPENED = {"SenderDomains": "smtp:*;1", "RequireTls": "False"}
FORMER = {"SenderDomains": "smtp:a.example;1;smtp:b.example;2", "RequireTls": "True"}
TRUE, UNKNOWN = Classification.TRUE_POSITIVE, Classification.UNKNOWN


def ada(name: str = "ada@own.example") -> Actor:
    return Actor(kind=PERSON, name=name)


def change(
    parameters: Mapping[str, str],
    operation: str = "Set-InboundConnector",
    *,
    at: datetime = AT - 3 * HOUR,
    actor: Actor | None = None,
    connector: str = "Relay",
) -> ConnectorChange:
    named = "Name" if operation.startswith("New") else "Identity"
    return ConnectorChange(
        timestamp=at,
        operation=operation,
        parameters={named: connector, **parameters},
        actor=actor or ada(),
    )


def deed(operation: str, parameters: Mapping[str, str], target: str = "") -> AdminChange:
    return AdminChange(
        timestamp=AT - 2 * HOUR,
        operation=operation,
        parameters=parameters,
        actor=ada(),
        target=target,
    )


def incident(
    *changes: ConnectorChange,
    past: Sequence[ConnectorChange] = (),
    deeds: Sequence[AdminChange] = (),
    suspects: bool = True,
    listed: Sequence[InboundConnector | OutboundConnector] = (),
    connector: str = "Relay",
    **evidence: object,
) -> Incident:
    return Incident(
        connector=connector,
        window=WINDOW,
        gathered=Evidence(changes=changes, deeds=tuple(deeds), **evidence),  # type: ignore[arg-type]  # some of its attributes
        suspects=frozenset({ada().key} if suspects else ()),
        history=(*past, *changes),
        listed=listed,
        spelt=("relay", "Relay;Other"),
    )


def long_ago(
    parameters: Mapping[str, str], operation: str = "Set-InboundConnector"
) -> ConnectorChange:
    return change(parameters, operation, at=WINDOW.start - HOUR)


def ids(steps: Sequence[Action]) -> list[str]:
    return [step.id.value for step in steps]


def only(steps: Sequence[Action], wanted: ActionId) -> Action:
    (step,) = [step for step in steps if step.id is wanted]
    return step


def respond(*changes: ConnectorChange, **more: object) -> tuple[Action, ...]:
    return runbook(TRUE, incident(*changes, **more))  # type: ignore[arg-type]  # passed on


EVERYTHING = incident(
    change(OPENED),
    change({}, actor=Actor(kind=APPLICATION, id=APP_ID)),
    past=[long_ago(FORMER)],
    deeds=[
        deed("New-TransportRule", {"Name": "Spam fix", "SetSCL": "-1"}),
        deed("Add-RoleGroupMember", {"Identity": "Organization Management", "Member": "eve"}),
        *(deed(operation, {}, "eve") for operation in GRANT_OPERATIONS),
        *(deed(operation, {}) for operation in GRANT_OPERATIONS),
    ],
    senders=(Sender("hr@own.example", "x@evil.example", "", 300),),
)


# Order


def test_phases_come_in_their_order_and_steps_are_numbered() -> None:
    steps = runbook(TRUE, EVERYTHING)
    phases = [step.phase for step in steps]
    assert phases == sorted(phases, key=list(Phase).index)
    assert list(dict.fromkeys(phases)) == [phase for phase in Phase if phase != "investigate"]
    assert [step.order for step in steps] == list(range(1, len(steps) + 1))
    assert len({(step.id, step.command) for step in steps}) == len(steps)
    assert ids(steps)[0] == "export-connector"
    assert ids(steps)[-1] == "unblock-connector"


def test_every_step_says_what_it_needs_what_it_does_and_how_to_see_that_it_worked() -> None:
    for steps in (runbook(TRUE, EVERYTHING), runbook(UNKNOWN, EVERYTHING)):
        for step in steps:
            for text in (step.what, step.why, step.precondition):
                assert text.endswith(".")
                assert "  " not in text
            assert step.command
            assert step.check
            if step.phase is Phase.RESTORE:
                assert step.precondition.startswith("The checks of all steps before hold.")


def test_what_is_contained_can_be_taken_back() -> None:
    for steps in (respond(change(OPENED)), runbook(TRUE, EVERYTHING)):
        contained = [step for step in steps if step.phase is Phase.CONTAIN]
        assert all(step.undo for step in contained if step.id is not ActionId.EXPORT_CONNECTOR)


def test_an_account_is_blocked_first_and_let_in_again_before_the_connector_is() -> None:
    found = ids(respond(change(OPENED)))
    evicted = ["block-sign-in", "revoke-sessions", "reset-credentials", "review-sign-in-methods"]
    assert sorted(evicted, key=found.index) == evicted
    restored = ["allow-sign-in", "restore-connector", "unblock-senders", "unblock-connector"]
    assert found[-4:] == restored
    trusted = ids(respond(change(OPENED), suspects=False))
    assert "ask-admin" in trusted
    assert "ask-admin" not in found
    assert not {"block-sign-in", "revoke-sessions", "allow-sign-in"} & set(trusted)


def test_graph_knows_an_account_by_its_id_and_exchange_by_its_name() -> None:
    cases = {("id-1", "ada@x"): ("id-1", "ada@x"), ("id-1", ""): ("id-1", "id-1")}
    cases[("", "ada@x")] = ("ada@x", "ada@x")
    for (own_id, name), (by_graph, by_exchange) in cases.items():
        actor = Actor(kind=PERSON, id=own_id, name=name)
        found = evolve(incident(change(OPENED, actor=actor)), suspects=frozenset({actor.key}))
        steps = runbook(TRUE, found)
        revoked = only(steps, ActionId.REVOKE_SESSIONS).command
        assert revoked == f"Revoke-MgUserSignInSession -UserId '{by_graph}'"
        assert f"-Mailbox '{by_exchange}'" in only(steps, ActionId.REVIEW_INBOX_RULES).command


# Contain


def test_a_connector_that_was_created_is_disabled_and_then_removed() -> None:
    steps = respond(change(OPENED, "New-InboundConnector"), change({"Comment": "x"}))
    assert ids(steps)[:2] == ["export-connector", "disable-connector"]
    assert "revert-connector" not in ids(steps)
    removed = only(steps, ActionId.REMOVE_CONNECTOR)
    assert removed.phase is Phase.EVICT
    assert removed.command == (
        f"{FOUND} | ForEach-Object {{ Remove-InboundConnector -Identity $_.Guid }}"
    )
    assert not {"restore-connector", "unblock-connector"} & set(ids(steps))


def test_a_connector_that_was_changed_goes_back_to_its_former_shape() -> None:
    steps = respond(change(OPENED), past=[long_ago(FORMER)])
    reverted = only(steps, ActionId.REVERT_CONNECTOR)
    assert reverted.command == (
        f"{FOUND} | ForEach-Object {{ Set-InboundConnector -Identity $_.Guid "
        "-SenderDomains @('smtp:a.example;1', 'smtp:b.example;2') -RequireTls $true }"
    )
    assert reverted.check.endswith("Format-List SenderDomains, RequireTls")
    assert reverted.undo.endswith(
        f"{FOUND} | ForEach-Object {{ Set-InboundConnector -Identity $_.Guid "
        "-SenderDomains $changed.SenderDomains -RequireTls $changed.RequireTls }"
    )
    assert "disable-connector" not in ids(steps)
    assert "restore-connector" not in ids(steps)


def test_it_is_disabled_meanwhile_where_the_former_shape_is_not_known() -> None:
    steps = respond(change(OPENED), past=[long_ago({"RequireTls": "True"})])
    found = ids(steps)
    assert found[:3] == ["export-connector", "disable-connector", "revert-connector"]
    disabled, reverted = steps[1:3]
    assert disabled.why.endswith("is not known of SenderDomains.")
    assert reverted.precondition.endswith(
        " The connector is disabled, and stays so until its owner has said SenderDomains."
    )
    assert reverted.command.endswith("Set-InboundConnector -Identity $_.Guid -RequireTls $true }")
    assert "restore-connector" in found
    assert ids(respond(change(OPENED)))[:3] == [*found[:2], "block-sign-in"]


def test_a_list_goes_back_value_by_value_and_a_number_stays_with_its_domain() -> None:
    listed = "smtp:a.example; 1 ; ;b.example,c.example;2,"
    steps = respond(change(OPENED), past=[long_ago({**FORMER, "SenderDomains": listed})])
    assert "-SenderDomains @('smtp:a.example; 1', 'b.example', 'c.example;2') " in steps[1].command
    spaced = InboundConnector(
        name="Relay",
        require_tls=True,
        sender_domains=(" a.example", "b.example "),
        when_changed=WINDOW.start - HOUR,
    )
    steps = respond(change(OPENED), listed=[spaced])
    assert "-SenderDomains @('a.example', 'b.example') " in steps[1].command


def test_of_two_kinds_by_one_name_each_goes_back_to_its_own_shape() -> None:
    rerouted = change({"SmartHosts": "mx.evil.example"}, "Set-OutboundConnector")
    enabled = {"Enabled": "True"}
    past = [
        long_ago({"RequireTls": "True", "SenderDomains": "a.example"}),
        long_ago({"Comment": "outbound", "SmartHosts": "mx.example"}, "Set-OutboundConnector"),
    ]
    both = respond(change({**OPENED, "Comment": "x"}), rerouted, past=past)
    assert ids(both)[:4] == [
        "export-connector",
        "disable-connector",
        "revert-connector",
        "revert-connector",
    ]
    assert both[1].why.endswith(
        "is not known of Comment. Mail that went out through its smart hosts takes the normal "
        "route again."
    )
    assert both[2].command.endswith("-SenderDomains @('a.example') -RequireTls $true }")
    assert both[3].command.endswith("-SmartHosts @('mx.example') }")
    one_was_off = respond(
        change({**OPENED, **enabled}),
        change(enabled, "Set-OutboundConnector"),
        past=[long_ago({"Enabled": "False"}), long_ago(enabled, "Set-OutboundConnector")],
    )
    assert "disable-connector" in ids(one_was_off)
    assert "restore-connector" not in ids(one_was_off)


def test_a_listing_of_the_other_kind_tells_nothing() -> None:
    when = WINDOW.start - HOUR
    other = OutboundConnector(name="Relay", enabled=False, when_changed=when)
    own = InboundConnector(name="Relay", enabled=True, when_changed=when)
    for listed in ([other, own], [own, other]):
        steps = respond(change({"Enabled": "False"}), listed=listed)
        assert "-Enabled $true }" in only(steps, ActionId.REVERT_CONNECTOR).command


def test_it_is_disabled_too_where_nothing_was_changed_that_lets_mail_in() -> None:
    steps = respond(change({"Comment": "x"}), past=[long_ago({"Comment": ""})])
    assert ids(steps)[1:3] == ["disable-connector", "revert-connector"]
    assert steps[2].command.endswith("-Comment $null }")
    assert ids(respond())[:2] == ["export-connector", "disable-connector"]


def test_a_connector_that_was_disabled_before_stays_so() -> None:
    enabled = change({**OPENED, "Enabled": "True"})
    steps = respond(enabled, past=[long_ago({**FORMER, "Enabled": "False"})])
    assert "-Enabled $false" in only(steps, ActionId.REVERT_CONNECTOR).command
    assert "restore-connector" not in ids(steps)
    partly = respond(enabled, past=[long_ago({"RequireTls": "True", "Enabled": "False"})])
    assert "disable-connector" in ids(partly)
    assert "-Enabled" not in only(partly, ActionId.REVERT_CONNECTOR).command
    assert "restore-connector" not in ids(partly)


def test_a_listing_of_before_tells_the_former_shape() -> None:
    listed = InboundConnector(
        name="Relay",
        require_tls=True,
        sender_domains=("a.example",),
        when_changed=WINDOW.start - HOUR,
    )
    steps = respond(change(OPENED), listed=[listed])
    assert "-SenderDomains @('a.example') -RequireTls $true" in steps[1].command


def test_a_renamed_connector_is_restored_under_its_former_name() -> None:
    steps = runbook(TRUE, incident(change({**OPENED, "Name": "Relay"}, connector="Printers")))
    reverted = steps[2]
    assert "Name -eq 'Relay'" in reverted.command
    assert "-Name 'Printers'" in reverted.command
    assert "Name -eq 'Printers'" in reverted.check
    assert "Name -eq 'Printers'" in reverted.undo
    assert "Name -eq 'Printers'" in only(steps, ActionId.RESTORE_CONNECTOR).command
    assert "Name -eq 'Printers'" in steps[-1].command


def test_nothing_but_what_has_the_very_name_is_touched() -> None:
    """Even where a name would be a pattern as an -Identity."""
    made = deed("New-TransportRule", {"Name": "*", "SetSCL": "-1"})
    changes_one = r"\b(?:Set|Remove|Disable|Enable)-\w*(?:Connector|TransportRule) \S+ \S+"
    by_name = "Where-Object Name -eq '*' | "
    cases = [
        (change(OPENED, connector="*"),),
        (change(OPENED, "New-InboundConnector", connector="*"),),
        (change({"SmartHosts": "x"}, "Set-OutboundConnector", connector="*"),),
        (),
    ]
    steps = runbook(TRUE, incident(*cases[0], deeds=[made], connector="*"))
    for changes in cases:
        past = [change(FORMER, connector="*", at=WINDOW.start - HOUR)]
        found = incident(*changes, past=past, deeds=[made], connector="*")
        steps = runbook(TRUE, found)
        for step in (*steps, *runbook(UNKNOWN, found)):
            for command in (step.command, step.check, step.undo):
                assert "-Identity '*'" not in command
                assert command.count("'*'") == command.count("Name -eq '*'")
                for changing in re.findall(changes_one, command):
                    assert changing.endswith(("-Identity $_.Guid", "-ConnectorId $_.Guid"))
        assert by_name in only(steps, ActionId.EXPORT_CONNECTOR).command
    assert only(steps, ActionId.DISABLE_TRANSPORT_RULE).command == (
        f"Get-TransportRule | {by_name}ForEach-Object {{ Disable-TransportRule -Identity $_.Guid }}"
    )


def test_a_guid_finds_the_connector_unless_it_is_the_name_of_one() -> None:
    upper = APP_ID.upper()
    told = runbook(TRUE, incident(change(OPENED, connector=APP_ID), connector=APP_ID))
    assert told[0].command.startswith(f"Get-InboundConnector | Where-Object Guid -eq '{APP_ID}'")
    renamed = change({"Name": APP_ID.upper()}, connector="Relay")
    created = change(OPENED, "New-InboundConnector", connector=APP_ID)
    for changes in ([created], [renamed, change(OPENED, connector=APP_ID)], []):
        named = runbook(TRUE, incident(*changes, connector=APP_ID))
        assert f"Where-Object Name -eq '{APP_ID}'" in named[0].command
        assert not any("Guid -eq" in step.command for step in named)
    assert "Name -eq" in runbook(TRUE, incident(created, connector=upper))[0].command


def test_a_connector_that_was_removed_is_looked_for() -> None:
    gone = change({}, "Remove-InboundConnector", at=AT)
    steps = respond(change(OPENED, "New-InboundConnector"), gone)
    assert ids(steps)[0] == "disable-connector"
    assert "Get-InboundConnector" in steps[0].command
    assert "Get-OutboundConnector" in steps[0].command
    assert "Set-" not in steps[0].command
    restoring = {"remove-connector", "restore-connector", "unblock-connector", "export-connector"}
    assert not restoring & set(ids(steps))


def test_an_outbound_connector_has_its_own_cmdlets_and_no_block() -> None:
    rerouted = change({"SmartHosts": "mx.evil.example"}, "Set-OutboundConnector")
    steps = respond(rerouted)
    assert "Set-OutboundConnector -Identity $_.Guid -Enabled $false" in steps[1].command
    for hidden in ("-IsTransportRuleScoped $_", "-IncludeTestModeConnectors $true"):
        assert hidden in steps[1].command
    assert steps[1].why.endswith("takes the normal route again.")
    assert "InboundConnector" not in steps[1].command
    assert "unblock-connector" not in ids(steps)
    reverted = respond(rerouted, past=[long_ago({"SmartHosts": "a;b"}, "Set-OutboundConnector")])
    assert reverted[1].command.endswith("-SmartHosts @('a', 'b') }")


@pytest.mark.parametrize(
    ("noun", "own", "other"),
    [
        (
            "InboundConnector",
            (
                "TlsSenderCertificateName CloudServicesMailEnabled TreatMessagesAsInternal "
                "EFSkipIPs EFSkipLastIP AssociatedAcceptedDomains TrustedOrganizations "
                "SenderDomains SenderIPAddresses RestrictDomainsToCertificate "
                "RestrictDomainsToIPAddresses Name"
            ),
            "SmartHosts TlsSettings Enabled Identity",
        ),
        (
            "OutboundConnector",
            (
                "TlsSettings TlsDomain IsTransportRuleScoped RouteAllMessagesViaOnPremises "
                "TestMode SenderRewritingEnabled CloudServicesMailEnabled AllAcceptedDomains "
                "RecipientDomains SmartHosts UseMXRecord MtaStsMode SmtpDaneMode Name"
            ),
            "SenderDomains RequireTls Enabled Identity",
        ),
    ],
)
def test_a_removed_connector_is_made_again_as_it_was_exported(
    noun: str, own: str, other: str
) -> None:
    steps = respond(change({"Comment": "x"}, f"New-{noun}"))
    undo = only(steps, ActionId.REMOVE_CONNECTOR).undo
    kept = {text for part, text in parts(undo) if part is Part.TEXT}
    assert kept >= set(own.split())
    assert kept.isdisjoint(other.split())
    assert skeleton(undo) == (
        f"Import-Clixml -Path {noun}.xml | ForEach-Object {{ $old = $_; "
        "$new = @{ Enabled = $false }; @('') | ForEach-Object { "
        f'if ("$($old.$_)") {{ $new[$_] = $old.$_ }} }}; New-{noun} @new }}'
    )


# Evict


@pytest.mark.parametrize(
    "parameters",
    [
        {"RemoveHeader": "X-Header"},
        {"SetSCL": "-1"},
        {"BlindCopyTo": "eve@evil.example"},
        {"CopyTo": "eve@evil.example"},
        {"RedirectMessageTo": "eve@evil.example"},
        {"RouteMessageOutboundConnector": "Evil"},
        {"DeleteMessage": "True"},
    ],
)
def test_a_rule_that_blinds_the_filter_or_leads_mail_astray_is_disabled(
    parameters: Mapping[str, str],
) -> None:
    made = deed("New-TransportRule", {"Name": ".", **parameters})
    steps = respond(change(OPENED), deeds=[made])
    assert only(steps, ActionId.DISABLE_TRANSPORT_RULE).undo == (
        "Get-TransportRule | Where-Object Name -eq '.' | "
        "ForEach-Object { Enable-TransportRule -Identity $_.Guid }"
    )
    gone = deed("Remove-TransportRule", {"Identity": "."})
    assert "disable-transport-rule" not in ids(respond(change(OPENED), deeds=[made, gone]))
    harmless = deed("New-TransportRule", {"Name": ".", "ApplyHtmlDisclaimerText": "x"})
    assert "disable-transport-rule" not in ids(respond(change(OPENED), deeds=[harmless]))


@pytest.mark.parametrize(
    ("operation", "parameters", "target", "command"),
    [
        (
            "Add-RoleGroupMember",
            {"Identity": "Organization Management", "Member": "eve"},
            "",
            "Remove-RoleGroupMember -Identity 'Organization Management' -Member 'eve'",
        ),
        (
            "New-ManagementRoleAssignment",
            {"Name": "x", "Role": "ApplicationImpersonation", "User": "eve"},
            "",
            "Get-ManagementRoleAssignment -Identity 'x' | Remove-ManagementRoleAssignment",
        ),
        (
            "New-ManagementRoleAssignment",
            {"Role": "ApplicationImpersonation", "SecurityGroup": "all"},
            "",
            "Get-ManagementRoleAssignment -Role 'ApplicationImpersonation' -RoleAssignee 'all'",
        ),
        ("Add member to role.", {}, "eve@own.example", "(Get-MgUser -UserId 'eve@own.example'"),
        ("Add member to role.", {}, APP_ID, f"\"principalId eq '{{0}}'\" -f '{APP_ID}'"),
        ("Add delegated permission grant.", {}, "Graph", "\"displayName eq '{0}'\" -f 'Graph'"),
        (
            "Add app role assignment to service principal.",
            {},
            APP_ID,
            "Get-MgServicePrincipalAppRoleAssignedTo",
        ),
        ("Add member to role.", {}, "", "Search-UnifiedAuditLog"),
        ("Consent to application.", {}, "", "-Operations 'Consent to application.'"),
    ],
)
def test_a_grant_is_taken_back(
    operation: str, parameters: Mapping[str, str], target: str, command: str
) -> None:
    steps = respond(change(OPENED), deeds=[deed(operation, parameters, target)])
    taken = only(steps, ActionId.TAKE_BACK_GRANT)
    assert taken.phase is Phase.EVICT
    assert command in taken.command


def test_an_assignment_of_a_management_role_can_be_made_again() -> None:
    role = {"Role": "ApplicationImpersonation"}
    cases: list[tuple[dict[str, str], str]] = [
        ({"Name": "x", "User": "eve"}, " -Name 'x' -Role 'ApplicationImpersonation' -User 'eve'"),
        ({"app": "y"}, " -Role 'ApplicationImpersonation' -App 'y'"),
        ({"Name": "x"}, ""),
    ]
    for parameters, passed in cases:
        made = deed("New-ManagementRoleAssignment", {**role, **parameters})
        step = only(respond(change(OPENED), deeds=[made]), ActionId.TAKE_BACK_GRANT)
        assert step.undo == (passed and f"New-ManagementRoleAssignment{passed}")


def test_permissions_are_taken_back_that_were_given_within_a_minute_of_the_record() -> None:
    given = deed("Add app role assignment to service principal.", {}, APP_ID)
    step = only(respond(change(OPENED), deeds=[given]), ActionId.TAKE_BACK_GRANT)
    assert (
        "$_.CreatedDateTime -ge ([datetime]'2026-03-25T09:59:00Z').ToUniversalTime() -and "
        "$_.CreatedDateTime -le ([datetime]'2026-03-25T10:01:00Z').ToUniversalTime()"
    ) in step.command


def test_what_is_no_grant_or_is_taken_from_the_application_is_not_taken_back() -> None:
    deeds = [
        deed("New-TransportRule", {}),
        deed("New-TransportRule", {"Name": "x"}, "Transport rule"),
        deed("Consent to application.", {}, APP_ID),
    ]
    steps = respond(change(OPENED), deeds=deeds)
    assert "take-back-grant" not in ids(steps)
    disabled = only(steps, ActionId.DISABLE_APPLICATION)
    assert APP_ID in disabled.command


def test_an_application_is_evicted_once_however_it_is_spelt() -> None:
    consent = deed("Consent to application.", {}, APP_ID.upper())
    found = respond(change({}, actor=Actor(kind=APPLICATION, id=APP_ID)), deeds=[consent])
    assert ids(found).count("disable-application") == 1


@pytest.mark.parametrize("operation", GRANT_OPERATIONS)
def test_every_kind_of_grant_has_a_step(operation: str) -> None:
    plain = set(ids(respond(change(OPENED))))
    for target in ("", APP_ID):
        steps = respond(change(OPENED), deeds=[deed(operation, {}, target)])
        assert set(ids(steps)) - plain


@pytest.mark.parametrize(
    "operation",
    [
        "Consent to application.",
        "Add service principal.",
        "Add service principal credentials.",
        "Update application – Certificates and secrets management ",  # noqa: RUF001 # as logged
    ],
)
def test_an_application_that_was_given_rights_loses_them(operation: str) -> None:
    wanted = ["disable-application", "revoke-consent", "remove-application-credentials"]
    steps = respond(change(OPENED), deeds=[deed(operation, {}, f"ServicePrincipal_{APP_ID}")])
    assert [step for step in ids(steps) if step in wanted] == wanted
    for step in steps:
        if step.id.value in wanted:
            assert f"\"appId eq '{{0}}' or id eq '{{0}}'\" -f '{APP_ID}'" in step.command
    by_application = change(OPENED, actor=Actor(kind=APPLICATION, id=APP_ID))
    assert [step for step in ids(respond(by_application)) if step in wanted] == wanted
    nameless = respond(change(OPENED), deeds=[deed(operation, {}, " ")])
    assert not set(ids(nameless)) & set(wanted)


# Clean up


def hours(outbound: int) -> tuple[HourOfMail, ...]:
    return (HourOfMail(AT, 300, 300, outbound, 0, AT, AT),)


def test_mail_is_found_by_a_query_and_purged_in_chunks() -> None:
    steps = respond(change(OPENED), hours=hours(5))
    found = only(steps, ActionId.REVIEW_MAIL)
    texts = [text for part, text in parts(found.command) if part is Part.TEXT]
    assert texts[0] == "EmailEvents"
    assert any('Connectors in ("relay", "Relay;Other")' in text for text in texts)
    assert found.check.endswith("# at least 300")
    assert "the first" not in found.why
    whole = (HourOfMail(WINDOW.start, MESSAGE_IDS, 0, 0, 0, AT, AT),)
    before = (HourOfMail(WINDOW.start - HOUR, 5_000, 0, 0, 0, AT, AT),)
    bounded = only(respond(change(OPENED), hours=before + whole), ActionId.REVIEW_MAIL)
    assert bounded.check.endswith("# at least 1000")
    assert "the first" not in bounded.why
    purged = only(steps, ActionId.PURGE_MAIL)
    assert "-Action 'softDelete'" in purged.command
    assert "-Action 'moveToInbox'" in purged.undo
    assert "-First 100" in purged.command
    cut = respond(change(OPENED), hours=hours(5) * (MESSAGE_IDS // 300 + 1))
    assert "the first 1,000 NetworkMessageIds only" in only(cut, ActionId.REVIEW_MAIL).why


def test_mail_is_marked_by_what_is_new_to_the_connector() -> None:
    new = evolve(incident(change(OPENED)), new_domains=("evil.example",))
    found = only(runbook(TRUE, new), ActionId.REVIEW_MAIL)
    assert "{ $_.SenderMailFromDomain -in @('evil.example') }" in found.command
    both = evolve(new, new_addresses=("203.0.113.77",))
    told = "$_.SenderIPv4 -in @('203.0.113.77') -or $_.SenderIPv6 -in @('203.0.113.77') -or "
    assert told in only(runbook(TRUE, both), ActionId.REVIEW_MAIL).command
    for some in (new, both, evolve(new, new_domains=(), new_addresses=("203.0.113.77",))):
        why = only(runbook(TRUE, some), ActionId.REVIEW_MAIL).why
        assert "$bad has what comes from addresses or P1 domains that are new" in why
    many = evolve(new, new_domains=[f"d{number}.example" for number in range(60)])
    marked = only(runbook(TRUE, many), ActionId.REVIEW_MAIL).command
    assert "'d49.example') }" in marked


def test_mail_is_the_connectors_own_since_the_window_began() -> None:
    given = {"Connectors": "relay"}
    rows = [
        {**given, "Timestamp": WINDOW.start - timedelta(microseconds=1)},
        {**given, "Timestamp": WINDOW.start, "NetworkMessageId": "first"},
        {"Connectors": "Relay;Other", "Timestamp": WINDOW.end + HOUR, "NetworkMessageId": "late"},
        {"Connectors": "Other", "Timestamp": AT},
    ]
    source = MemorySource({"EmailEvents": pl.DataFrame(rows)})
    [found] = source.collect([incident(change(OPENED)).mail().select("NetworkMessageId")])
    assert set(found["NetworkMessageId"]) == {"first", "late"}
    verified = only(respond(change(OPENED)), ActionId.VERIFY_MAIL).command
    assert [text for part, text in parts(verified) if part is Part.TEXT][3:] == [
        (
            "| summarize Messages = count_distinct(tolower(NetworkMessageId)) "
            "by Hour = bin(Timestamp, 1h)"
        ),
        "| sort by Hour desc nulls first",
    ]


def test_recipients_outside_are_warned_unless_all_mail_stayed_inside() -> None:
    domains = tuple(Tally(f"d{i}.example", 9 - i) for i in range(7))
    warned = respond(change(OPENED), hours=hours(5), recipient_domains=domains)
    why = only(warned, ActionId.WARN_RECIPIENTS).why
    assert why.endswith("to d0.example, d1.example, d2.example, d3.example, d4.example.")
    nameless = (Tally("", 10), *domains)
    told = respond(change(OPENED), hours=hours(5), recipient_domains=nameless)
    assert only(told, ActionId.WARN_RECIPIENTS).why == why
    assert "warn-recipients" in ids(respond(change(OPENED)))
    assert "warn-recipients" in ids(respond(change(OPENED), hours=hours(0) + hours(5)))
    assert "warn-recipients" not in ids(respond(change(OPENED), hours=hours(0)))


# What is not sure


def test_an_unknown_is_looked_into_and_nothing_is_changed_but_for_suspects() -> None:
    trusted = runbook(UNKNOWN, incident(change(OPENED), suspects=False))
    assert {step.phase for step in trusted} == {Phase.INVESTIGATE}
    changing = r"\b(?:Set|Remove|Update|Disable|Enable|New|Invoke|Revoke)-"
    assert not any(re.search(changing, step.command) for step in trusted)
    suspected = runbook(UNKNOWN, EVERYTHING)
    found = set(ids(suspected))
    assert {step.phase for step in suspected} == {Phase.INVESTIGATE, Phase.EVICT}
    assert "revoke-sessions" in found
    assert not found & {"block-sign-in", "disable-application", "disable-transport-rule"}


def test_a_benign_grade_asks_for_a_look_at_the_other_connectors() -> None:
    for verdict in (Classification.FALSE_POSITIVE, Classification.EXPECTED_ACTIVITY):
        (step,) = runbook(verdict, EVERYTHING)
        assert step.id is ActionId.REVIEW_OTHER_CONNECTORS
        assert step.phase is Phase.INVESTIGATE


# Nothing that an attacker chose is run

MARK = "Zz9"
NASTY = st.builds(
    lambda before, after: f"{before}{MARK}{after}",
    *[
        st.text(
            st.one_of(
                st.sampled_from(
                    "'\u2018\u2019\u201a\u201b\"\u201c\u201d\u201e$`(){}@;|&#<>\\,= \n\r\t"
                ),
                st.sampled_from("\0\x1b\x85\xad\u202e\u2066\u200b\u2028\ufeff\U000e0041"),
                st.characters(codec="utf-8"),
            ),
            max_size=12,
        )
    ]
    * 2,
)


def steps_with(texts: Sequence[str]) -> list[Action]:
    """Runbooks of which everything that an attacker may choose is one of these texts."""
    chosen = iter(texts)

    def text() -> str:
        return next(chosen)

    person, application = Actor(kind=PERSON, name=text()), Actor(kind=APPLICATION, id=text())
    connector, rule = f"{text()}.", text()  # what ends with a backslash has no name
    past = {"SenderDomains": text(), "TlsSenderCertificateName": text(), "Name": connector}
    opened = {name: text() for name in past} | {text(): text()}
    grants = [deed(operation, {}, text()) for operation in GRANT_OPERATIONS]
    members = [
        deed("Add-RoleGroupMember", {"Identity": text(), "Member": text()}),
        deed("New-ManagementRoleAssignment", {"Name": text(), "Role": text(), "User": text()}),
        deed("New-ManagementRoleAssignment", {"Role": text(), "User": text()}),
    ]
    rules = [deed("New-TransportRule", {"Name": rule, "BlindCopyTo": text()})]
    gathered = Evidence(
        deeds=(*grants, *members, *rules),
        changes=(
            change(opened, actor=person, connector=connector),
            change({}, actor=application, connector=connector),
        ),
        senders=(Sender(f"{text()}@x", text(), text(), 3),),
        addresses=(Tally(text(), 3),),
        recipient_domains=(Tally(text(), 3),),
        message_ids=(text(),),
    )
    found = Incident(
        connector=text(),
        window=WINDOW,
        gathered=gathered,
        suspects=frozenset({person.key}),
        history=(long_ago(past), *gathered.changes),
        spelt=(text(), text()),
    )
    created = Incident(
        connector=text(),
        window=WINDOW,
        gathered=Evidence(changes=(change(opened, "New-InboundConnector", actor=person),)),
    )
    return [*runbook(TRUE, found), *runbook(UNKNOWN, found), *runbook(TRUE, created)]


SLOTS = 50
HARMLESS = steps_with([f"a{i}b" for i in range(SLOTS)])
IS_COMMAND = re.compile(r"[(@$]|[A-Z][a-z]+-[A-Z]")


@given(st.lists(NASTY, min_size=SLOTS, max_size=SLOTS, unique_by=str.casefold))
@example([f"'; Remove-Mailbox {MARK}{i}; '" for i in range(SLOTS)])
@example([f"\u2019; calc {MARK}{i}; \u2018" for i in range(SLOTS)])
@example([f"$(calc {MARK})`n\n\0\u202e{i}" for i in range(SLOTS)])
@example([f"{MARK}{i}\\" for i in range(SLOTS)])
@example([f'"; calc {MARK}{i} #' for i in range(SLOTS)])
def test_what_an_attacker_chose_is_nothing_but_text(texts: list[str]) -> None:
    """Whatever the texts are, the commands are those of harmless texts, but for what is quoted."""
    hostile = steps_with(texts)
    assert len(hostile) == len(HARMLESS)
    for step, harmless in zip(hostile, HARMLESS, strict=True):
        assert step.id is harmless.id
        for command, plain in (
            (step.command, harmless.command),
            (step.check, harmless.check),
            (step.undo, harmless.undo),
        ):
            assert unseen(command) == set()
            if IS_COMMAND.match(command):
                assert skeleton(command) == skeleton(plain)
                for part, text in parts(command):
                    assert part is Part.TEXT or MARK not in text
            else:
                assert command == plain


@given(NASTY)
def test_texts_come_back_whole(text: str) -> None:
    for expression, expected in (
        (quote(text), text),
        (array([text]), text),
        (lines(text), text.replace("\n", "")),
        (odata(text), text.replace("'", "''")),
    ):
        read = "".join(text for part, text in parts(expression) if part is Part.TEXT)
        assert read == "".join(c for c in expected if not unseen(c))


def test_what_cannot_be_seen_is_written_as_its_number() -> None:
    assert quote("a\u200bb\uffff\U000e0041") == (
        "('a' + [char]0x200B + 'b' + [char]0xFFFF + '' + [char]::ConvertFromUtf32(0xE0041) + '')"
    )


def test_the_reader_sees_what_escapes() -> None:
    assert skeleton("Get-X 'a' # 'b'") == "Get-X ''"
    assert skeleton("Get-X ('a' + [char]0x0A + 'b')") == "Get-X ''"
    assert skeleton("Get-X @('a', 'b')") == "Get-X @('')"
    assert skeleton("Get-X 'a\u2019; calc; \u2018b'") == "Get-X ''; calc; ''"
    assert skeleton("Get-X 'a''; calc; ''b'") == "Get-X ''"
    for broken in ("Get-X 'a", "Get-X 'a\u2018'", "Get-X `a"):
        with pytest.raises(AssertionError):
            skeleton(broken)
