"""Take back what was granted: roles, role groups and permissions."""

from collections.abc import Iterator
from datetime import timedelta

from exconn.detectors.connector import GRANT_OPERATIONS
from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.powershell import quote
from exconn.grading.runbook.incident import (
    EXCHANGE,
    graph,
    moment,
    principal,
    service_principal,
)
from exconn.models import AdminChange
from exconn.models.changes import is_guid
from exconn.window import Window

_GRANTS = {operation.strip().casefold() for operation in GRANT_OPERATIONS}
_WHY = "Who changed the connector gave it away: it is a way back in."
_MINUTE = timedelta(minutes=1)
_ASSIGNEES = ("User", "SecurityGroup", "App", "Policy", "Computer")


def take_back(deed: AdminChange, window: Window) -> Iterator[Action]:
    """The step that takes one grant back; none for what is no grant.

    Consents and credentials are taken from the applications themselves.
    """
    match deed.operation.strip().casefold():
        case "add-rolegroupmember":
            yield _role_group(deed)
        case "new-managementroleassignment":
            yield _management_role(deed)
        case "add member to role." if principal(deed):
            yield _directory_role(principal(deed))
        case (
            "add app role assignment to service principal." | "add delegated permission grant."
        ) if principal(deed):
            yield _permissions(principal(deed), deed)
        case operation if operation in _GRANTS and not principal(deed):
            yield _unnamed(deed, window)
        case _:
            pass


def _role_group(deed: AdminChange) -> Action:
    group = quote(_parameter(deed, "Identity") or deed.target)
    member = quote(_parameter(deed, "Member"))
    return Action(
        id=ActionId.TAKE_BACK_GRANT,
        phase=Phase.EVICT,
        what="Take the member out of the role group again.",
        why=_WHY,
        precondition=EXCHANGE,
        command=f"Remove-RoleGroupMember -Identity {group} -Member {member}",
        check=f"Get-RoleGroupMember -Identity {group}  # without the member",
        undo=f"Add-RoleGroupMember -Identity {group} -Member {member}",
    )


def _management_role(deed: AdminChange) -> Action:
    role = quote(_parameter(deed, "Role"))
    kind = next((kind for kind in _ASSIGNEES if _parameter(deed, kind)), "User")
    assignee = _parameter(deed, kind)
    name = _parameter(deed, "Name")
    find = (
        f"Get-ManagementRoleAssignment -Identity {quote(name)}"
        if name
        else f"Get-ManagementRoleAssignment -Role {role} -RoleAssignee {quote(assignee)}"
    )
    named = f" -Name {quote(name)}" if name else ""
    return Action(
        id=ActionId.TAKE_BACK_GRANT,
        phase=Phase.EVICT,
        what="Remove the assignment of the management role.",
        why=_WHY,
        precondition=EXCHANGE,
        command=f"{find} | Remove-ManagementRoleAssignment",
        check=f"{find} -ErrorAction SilentlyContinue  # nothing",
        undo=f"New-ManagementRoleAssignment{named} -Role {role} -{kind} {quote(assignee)}"
        if assignee
        else "",
    )


def _directory_role(member: str) -> Action:
    # The record of the grant names the member in its target, and the role nowhere that is read.
    who = (
        quote(member)
        if is_guid(member)
        else f"(Get-MgUser -UserId {quote(member)} -Property Id).Id"
    )
    find = (
        "Get-MgRoleManagementDirectoryRoleAssignment -All -ExpandProperty RoleDefinition -Filter "
        f"(\"principalId eq '{{0}}'\" -f {who})"
    )
    return Action(
        id=ActionId.TAKE_BACK_GRANT,
        phase=Phase.EVICT,
        what="Take from the account the directory roles that it should not have, each on a "
        "question.",
        why=_WHY,
        precondition=graph("RoleManagement.ReadWrite.Directory, User.Read.All"),
        command=f"$assigned = @({find}); $assigned | Format-Table Id, @{{ n = 'Role'; e = {{ "
        "$_.RoleDefinition.DisplayName } }; $assigned | ForEach-Object { "
        "Remove-MgRoleManagementDirectoryRoleAssignment -UnifiedRoleAssignmentId $_.Id -Confirm }",
        check=f"{find}  # only roles that it should have",
        undo="$assigned | ForEach-Object { New-MgRoleManagementDirectoryRoleAssignment "
        "-PrincipalId $_.PrincipalId -RoleDefinitionId $_.RoleDefinitionId -DirectoryScopeId "
        "$_.DirectoryScopeId }",
    )


def _permissions(named: str, deed: AdminChange) -> Action:
    # These records name the resource (Microsoft Graph, say) or the application that may use it.
    find = service_principal(named)
    start, end = moment(deed.timestamp - _MINUTE), moment(deed.timestamp + _MINUTE)
    return Action(
        id=ActionId.TAKE_BACK_GRANT,
        phase=Phase.EVICT,
        what="Take the application permissions back that were given then, each on a question, and "
        "go through the delegated ones.",
        why=_WHY,
        precondition=graph(
            "Application.Read.All, AppRoleAssignment.ReadWrite.All, "
            "DelegatedPermissionGrant.ReadWrite.All"
        ),
        command=f"$named = {find}; $given = @(@(Get-MgServicePrincipalAppRoleAssignedTo "
        "-ServicePrincipalId $named.Id -All) + @(Get-MgServicePrincipalAppRoleAssignment "
        "-ServicePrincipalId $named.Id -All) | Where-Object { $_.CreatedDateTime -ge "
        f"{start} -and $_.CreatedDateTime -le {end} }}); $given | ForEach-Object {{ "
        "Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $_.PrincipalId "
        "-AppRoleAssignmentId $_.Id -Confirm }; Get-MgOauth2PermissionGrant -All | Where-Object { "
        "$named.Id -in $_.ClientId, $_.ResourceId } | Format-List Id, ClientId, ConsentType, Scope",
        check="Every permission that is left has an owner who needs it; the others are removed "
        "(Remove-MgOauth2PermissionGrant).",
        undo="$given | ForEach-Object { New-MgServicePrincipalAppRoleAssignment "
        "-ServicePrincipalId $_.PrincipalId -PrincipalId $_.PrincipalId -ResourceId $_.ResourceId "
        "-AppRoleId $_.AppRoleId }",
    )


def _unnamed(deed: AdminChange, window: Window) -> Action:
    return Action(
        id=ActionId.TAKE_BACK_GRANT,
        phase=Phase.EVICT,
        what="Find out to whom or what the grant was made, and take it back.",
        why=f"{_WHY} The record at hand does not name the receiver.",
        precondition=EXCHANGE,
        command=f"Search-UnifiedAuditLog -StartDate {moment(window.start)} -EndDate "
        f"{moment(window.end)} -Operations {quote(deed.operation)} -ResultSize 5000 | "
        "Select-Object -ExpandProperty AuditData",
        check="Each grant is taken back, or its receiver's need is confirmed.",
    )


def _parameter(deed: AdminChange, name: str) -> str:
    folded = {key.casefold(): value for key, value in deed.parameters.items()}
    return folded.get(name.casefold(), "")
