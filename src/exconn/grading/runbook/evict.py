"""Evict: take accounts, applications, roles and rules from whoever had them."""

from collections.abc import Iterator

from exconn.facts.shape import INBOUND, OUTBOUND
from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.powershell import array
from exconn.grading.runbook.grants import take_back
from exconn.grading.runbook.incident import (
    BOTH,
    EXCHANGE,
    Incident,
    account,
    by_guid,
    each,
    graph,
    mailbox,
    named,
    service_principal,
)
from exconn.models import Actor


def evict(incident: Incident) -> Iterator[Action]:
    """Accounts first, then what they left behind."""
    for actor in incident.suspected_people:
        yield _block_sign_in(actor)
        yield from secure_account(actor)
    for actor in incident.trusted_people:
        yield ask(actor)
    for application in incident.applications:
        yield _disable_application(application)
        yield _revoke_consent(application)
        yield _remove_credentials(application)
    for deed in incident.gathered.deeds:
        yield from take_back(deed, incident.window)
    for rule in incident.rules:
        yield _disable_rule(rule)
    if incident.was_created and not incident.was_removed:
        yield _remove_connector(incident)


def secure_account(actor: Actor) -> Iterator[Action]:
    """What is done about an account that signed in suspiciously."""
    yield _revoke_sessions(actor)
    yield _reset_credentials(actor)
    yield _review_methods(actor)
    yield _review_inbox_rules(actor)
    yield _require_mfa()


def ask(actor: Actor) -> Action:
    """What is done about an account that did not."""
    return Action(
        id=ActionId.ASK_ADMIN,
        phase=Phase.EVICT,
        what="Ask the account's owner, not by mail, whether they changed the connector, and why.",
        why="The sign-ins do not show that somebody else did.",
        precondition=graph("User.Read.All"),
        command=f"Get-MgUser -UserId {account(actor)} -Property DisplayName, Mail, BusinessPhones",
        check="The owner confirms each change; otherwise revoke sessions and reset credentials.",
    )


def _block_sign_in(actor: Actor) -> Action:
    user = account(actor)
    return Action(
        id=ActionId.BLOCK_SIGN_IN,
        phase=Phase.EVICT,
        what="Block sign-in to the account that changed the connector.",
        why="It signed in suspiciously before, and must not come back while it is put in order.",
        precondition=graph("User.EnableDisableAccount.All")
        + " Another administrator can sign in, should this be the only one.",
        command=f"Update-MgUser -UserId {user} -AccountEnabled:$false",
        check=f"(Get-MgUser -UserId {user} -Property AccountEnabled).AccountEnabled  # False",
        undo=f"Update-MgUser -UserId {user} -AccountEnabled:$true",
    )


def _revoke_sessions(actor: Actor) -> Action:
    user = account(actor)
    return Action(
        id=ActionId.REVOKE_SESSIONS,
        phase=Phase.EVICT,
        what="Revoke all sessions and tokens of the account that changed the connector.",
        why="It signed in suspiciously before. A new password alone leaves an attacker signed in.",
        precondition=graph("User.RevokeSessions.All"),
        command=f"Revoke-MgUserSignInSession -UserId {user}",
        check=f"(Get-MgUser -UserId {user} -Property SignInSessionsValidFromDateTime)"
        ".SignInSessionsValidFromDateTime  # just now",
    )


def _reset_credentials(actor: Actor) -> Action:
    user = account(actor)
    return Action(
        id=ActionId.RESET_CREDENTIALS,
        phase=Phase.EVICT,
        what="Reset the account's credentials, and tell its owner not by mail.",
        why="The account is, by its sign-ins, in other hands.",
        precondition=graph("User-PasswordProfile.ReadWrite.All")
        + " Passwords that are synchronised from the premises are reset there.",
        command=f"Update-MgUser -UserId {user} -PasswordProfile @{{ Password = "
        "(Read-Host 'New password'); ForceChangePasswordNextSignIn = $true }",
        check=f"(Get-MgUser -UserId {user} -Property LastPasswordChangeDateTime)"
        ".LastPasswordChangeDateTime  # just now",
    )


def _review_methods(actor: Actor) -> Action:
    user = account(actor)
    return Action(
        id=ActionId.REVIEW_SIGN_IN_METHODS,
        phase=Phase.EVICT,
        what="Go through the account's registered sign-in methods and devices with its owner.",
        why="A telephone or an app that an attacker registered outlives a new password.",
        precondition=graph("UserAuthenticationMethod.Read.All, Directory.Read.All"),
        command=f"Get-MgUserAuthenticationMethod -UserId {user} | Format-List Id, "
        f"AdditionalProperties; Get-MgUserRegisteredDevice -UserId {user} | Format-List Id, "
        "AdditionalProperties",
        check="The owner knows every one; the others are deleted (Entra: Authentication methods).",
    )


def _review_inbox_rules(actor: Actor) -> Action:
    user = mailbox(actor)
    return Action(
        id=ActionId.REVIEW_INBOX_RULES,
        phase=Phase.EVICT,
        what="Go through the mailbox's rules and its forwarding with its owner.",
        why="Rules hide answers and warnings from the owner, and forwarding outlives a new "
        "password.",
        precondition=EXCHANGE,
        command=f"Get-InboxRule -Mailbox {user} -IncludeHidden | Format-List Name, Enabled, "
        f"ForwardTo, RedirectTo, DeleteMessage, MoveToFolder; Get-Mailbox -Identity {user} | "
        "Format-List ForwardingAddress, ForwardingSmtpAddress",
        check="The owner knows every one; the others are disabled (Disable-InboxRule).",
    )


def _require_mfa() -> Action:
    return Action(
        id=ActionId.REQUIRE_MFA,
        phase=Phase.EVICT,
        what="Require multi-factor authentication of administrators; the command lists the others.",
        why="None of the administrators compromised in the campaign of 2022 had it.",
        precondition=graph("AuditLog.Read.All"),
        command="Get-MgReportAuthenticationMethodUserRegistrationDetail "
        "-Filter 'isAdmin eq true and isMfaRegistered eq false'",
        check="The command finds nobody, and a conditional access policy requires it.",
    )


def _disable_application(application: str) -> Action:
    find = service_principal(application)
    switch = " | ForEach-Object { Update-MgServicePrincipal -ServicePrincipalId $_.Id "
    return Action(
        id=ActionId.DISABLE_APPLICATION,
        phase=Phase.EVICT,
        what="Disable the application that changed the connector, or was given rights.",
        why="Its credentials outlive every password reset.",
        precondition=graph("Application.ReadWrite.All")
        + " The command finds one application, and nothing vital stops with it.",
        command=f"{find}{switch}-AccountEnabled:$false }}",
        check=f"({find}).AccountEnabled  # False",
        undo=f"{find}{switch}-AccountEnabled:$true }}",
    )


def _revoke_consent(application: str) -> Action:
    find = service_principal(application)
    return Action(
        id=ActionId.REVOKE_CONSENT,
        phase=Phase.EVICT,
        what="Take consents and permissions from the application, each on a question.",
        why="Consent is what lets it read mail and change settings without anybody's password.",
        precondition=graph(
            "Application.Read.All, DelegatedPermissionGrant.ReadWrite.All, "
            "AppRoleAssignment.ReadWrite.All"
        ),
        command=f"$app = {find}; "
        "$consents = @(Get-MgServicePrincipalOauth2PermissionGrant -ServicePrincipalId $app.Id "
        "-All); $roles = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id "
        "-All); $consents | ForEach-Object { Remove-MgOauth2PermissionGrant "
        "-OAuth2PermissionGrantId $_.Id -Confirm }; $roles | ForEach-Object { "
        "Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id "
        "-AppRoleAssignmentId $_.Id -Confirm }",
        check=f"$app = {find}; "
        "Get-MgServicePrincipalOauth2PermissionGrant -ServicePrincipalId $app.Id -All; "
        "Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id -All  # nothing",
        undo="$consents | ForEach-Object { New-MgOauth2PermissionGrant -BodyParameter @{ clientId "
        "= $_.ClientId; consentType = $_.ConsentType; principalId = $_.PrincipalId; resourceId = "
        "$_.ResourceId; scope = $_.Scope } }; $roles | ForEach-Object { "
        "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $_.PrincipalId -PrincipalId "
        "$_.PrincipalId -ResourceId $_.ResourceId -AppRoleId $_.AppRoleId }",
    )


def _remove_credentials(application: str) -> Action:
    find = service_principal(application)
    registration = "Get-MgApplication -Filter (\"appId eq '{0}'\" -f $app.AppId)"
    return Action(
        id=ActionId.REMOVE_APPLICATION_CREDENTIALS,
        phase=Phase.EVICT,
        what="Remove the application's passwords and certificates, each on a question.",
        why="Whoever added one signs in as the application; who uses it honestly gets a new one.",
        precondition=graph("Application.ReadWrite.All")
        + " What the command lists is written down; removed credentials do not come back.",
        command=f"$app = {find}; {_listed('$app')}; "
        "$app.PasswordCredentials | ForEach-Object { Remove-MgServicePrincipalPassword "
        "-ServicePrincipalId $app.Id -KeyId $_.KeyId -Confirm }; Update-MgServicePrincipal "
        "-ServicePrincipalId $app.Id -KeyCredentials @() -Confirm; "
        f"{registration} | ForEach-Object {{ $own = $_; {_listed('$own')}; "
        "$own.PasswordCredentials | ForEach-Object { Remove-MgApplicationPassword "
        "-ApplicationId $own.Id -KeyId $_.KeyId -Confirm }; Update-MgApplication "
        "-ApplicationId $own.Id -KeyCredentials @() -Confirm }",
        check=f"$app = {find}; {_listed('$app')}; "
        f"{registration} | ForEach-Object {{ {_listed('$_')} }}  # none",
    )


def _listed(application: str) -> str:
    kinds = ("PasswordCredentials", "KeyCredentials")
    return "; ".join(f"{application}.{kind} | Format-List" for kind in kinds)


def _disable_rule(rule: str) -> Action:
    return Action(
        id=ActionId.DISABLE_TRANSPORT_RULE,
        phase=Phase.EVICT,
        what="Disable the transport rule that strips or sets headers, copies, redirects, routes or "
        "deletes mail.",
        why="It hides from the filter, and from you, where mail comes from or goes.",
        precondition=EXCHANGE,
        command=named("TransportRule", rule, by_guid("Disable-TransportRule")),
        check=named("TransportRule", rule, " | Format-List Name, State") + "  # Disabled",
        undo=named("TransportRule", rule, by_guid("Enable-TransportRule")),
    )


def _remove_connector(incident: Incident) -> Action:
    return Action(
        id=ActionId.REMOVE_CONNECTOR,
        phase=Phase.EVICT,
        what="Remove the connector that was created in the window.",
        why="A disabled connector is enabled again with one command.",
        precondition="The connector is disabled and its settings are exported; nobody beyond doubt "
        "needs it.",
        command=each(incident, lambda noun: by_guid(f"Remove-{noun}")),
        check=each(incident, lambda _: "", BOTH) + "  # nothing",
        undo="; ".join(map(_create_again, incident.nouns)),
    )


def _create_again(noun: str) -> str:
    """Make what was exported again, with all its settings that have a value; but disabled."""
    settings = INBOUND if noun == "InboundConnector" else OUTBOUND
    kept = array(setting for setting in settings if setting != "Enabled")
    return (
        f"Import-Clixml -Path {noun}.xml | ForEach-Object {{ $old = $_; $new = @{{ Enabled = "
        f'$false }}; {kept} | ForEach-Object {{ if ("$($old.$_)") {{ $new[$_] = $old.$_ }} }}; '
        f"New-{noun} @new }}"
    )
