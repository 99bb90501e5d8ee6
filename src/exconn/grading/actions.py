"""What to do: the playbook's recommended actions, and what follows from the signals that fired.

exconn never executes any of it.
"""

import enum
from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import evolve, frozen

from exconn.facts.changes import acts
from exconn.grading.evidence import Evidence
from exconn.grading.powershell import quote
from exconn.grading.verdict import Classification, Verdict
from exconn.models import Actor, ActorKind, AdminChange
from exconn.window import Window, iso


class ActionId(enum.StrEnum):
    """The actions that exconn recommends."""

    DISABLE_CONNECTOR = "disable-connector"
    REVIEW_CONNECTOR = "review-connector"
    DISABLE_TRANSPORT_RULE = "disable-transport-rule"
    REVOKE_SESSIONS = "revoke-sessions"
    RESET_CREDENTIALS = "reset-credentials"
    REQUIRE_MFA = "require-mfa"
    DISABLE_APPLICATION = "disable-application"
    REVIEW_ADMIN_ACTIVITIES = "review-admin-activities"
    REVIEW_MAIL = "review-mail"
    REVIEW_OTHER_CONNECTORS = "review-other-connectors"


@frozen(kw_only=True)
class Action:
    """Something to do about a graded connector.

    Attributes:
        id: which one; a grade may have it for several accounts or rules.
        order: 1 is first.
        what: in a sentence.
        why: what it is good for here.
        command: PowerShell (Exchange Online, Microsoft Graph) that does it.
        check: a command that shows that it worked.
        undo: a command that takes it back; "" when nothing does.
    """

    id: ActionId
    order: int = 0
    what: str
    why: str
    command: str
    check: str
    undo: str = ""


def actions(
    connector: str, window: Window, verdict: Verdict, gathered: Evidence
) -> tuple[Action, ...]:
    """What to do about a connector, in order.

    For a true positive all that follows; for an unknown what finds out more; for a benign grade
    nothing but to look at the other connectors.
    """
    match verdict.classification:
        case Classification.TRUE_POSITIVE:
            steps = [*_contain(connector, gathered), *_look_further(window, gathered)]
        case Classification.UNKNOWN:
            steps = [
                _review_connector(connector, gathered),
                *_look_further(window, gathered),
            ]
        case _:
            steps = [_other_connectors(window)]
    return tuple(evolve(step, order=number) for number, step in enumerate(steps, start=1))


def _contain(connector: str, gathered: Evidence) -> Iterator[Action]:
    yield _disable_connector(connector, gathered)
    for rule in _rules(gathered.deeds):
        yield _disable_rule(rule)
    for actor in _actors(gathered, ActorKind.PERSON):
        yield from _secure_account(actor)
    for actor in _actors(gathered, ActorKind.APPLICATION):
        yield _disable_application(actor)


def _look_further(window: Window, gathered: Evidence) -> Iterator[Action]:
    for actor in _actors(gathered, ActorKind.PERSON):
        yield _admin_activities(actor, window)
    yield _find_mail(window)
    yield _other_connectors(window)


def _noun(gathered: Evidence) -> str:
    directions = {change.direction for change in gathered.changes}
    return "OutboundConnector" if directions == {"Outbound"} else "InboundConnector"


def _disable_connector(connector: str, gathered: Evidence) -> Action:
    noun, name = _noun(gathered), quote(connector)
    return Action(
        id=ActionId.DISABLE_CONNECTOR,
        what="Disable the connector; remove it once its settings are recorded.",
        why="It stops the mail at once and can be undone.",
        command=f"Set-{noun} -Identity {name} -Enabled $false",
        check=f"(Get-{noun} -Identity {name}).Enabled  # False",
        undo=f"Set-{noun} -Identity {name} -Enabled $true",
    )


def _review_connector(connector: str, gathered: Evidence) -> Action:
    noun, name = _noun(gathered), quote(connector)
    return Action(
        id=ActionId.REVIEW_CONNECTOR,
        what="Compare the connector's settings with the approved ones, and ask its owner.",
        why="The data does not decide; whoever runs the connector can.",
        command=f"Get-{noun} -Identity {name} | Format-List",
        check="The owner confirms settings, addresses and volume.",
    )


def _disable_rule(rule: AdminChange) -> Action:
    name = quote(_rule_name(rule))
    return Action(
        id=ActionId.DISABLE_TRANSPORT_RULE,
        what="Disable the transport rule made by the same actor.",
        why="It alters or hides the mail that the connector carries.",
        command=f"Disable-TransportRule -Identity {name} -Confirm:$false",
        check=f"(Get-TransportRule -Identity {name}).State  # Disabled",
        undo=f"Enable-TransportRule -Identity {name}",
    )


def _secure_account(actor: Actor) -> Iterator[Action]:
    user = quote(actor.name or actor.id)
    yield Action(
        id=ActionId.REVOKE_SESSIONS,
        what="Revoke all sessions and tokens of the account that changed the connector.",
        why="A new password alone leaves the attacker signed in.",
        command=f"Revoke-MgUserSignInSession -UserId {user}",
        check=f"(Get-MgUser -UserId {user} -Property SignInSessionsValidFromDateTime)"
        ".SignInSessionsValidFromDateTime  # just now",
    )
    yield Action(
        id=ActionId.RESET_CREDENTIALS,
        what="Reset the account's credentials.",
        why="The account is, by the evidence, in other hands.",
        command=f"Update-MgUser -UserId {user} -PasswordProfile @{{ Password = "
        "(Read-Host 'New password'); ForceChangePasswordNextSignIn = $true }",
        check=f"(Get-MgUser -UserId {user} -Property LastPasswordChangeDateTime)"
        ".LastPasswordChangeDateTime  # just now",
    )
    yield Action(
        id=ActionId.REQUIRE_MFA,
        what="Require multi-factor authentication of all administrators.",
        why="None of the admins compromised in the 2022 campaign had it.",
        command=f"Get-MgUserAuthenticationMethod -UserId {user}",
        check="A conditional access policy requires MFA of every admin role; the account has a "
        "method that its owner confirms.",
    )


def _disable_application(actor: Actor) -> Action:
    app = quote((actor.id or actor.name).replace("'", "''"))  # it ends up within OData quotes
    find = f"Get-MgServicePrincipal -Filter (\"appId eq '{{0}}' or id eq '{{0}}'\" -f {app})"
    return Action(
        id=ActionId.DISABLE_APPLICATION,
        what="Disable the application that changed the connector, and review its consents.",
        why="Its credentials outlive every password reset.",
        command=f"{find} | ForEach-Object {{ Update-MgServicePrincipal -ServicePrincipalId $_.Id "
        "-AccountEnabled:$false }",
        check=f"({find}).AccountEnabled  # False",
        undo=f"{find} | ForEach-Object {{ Update-MgServicePrincipal -ServicePrincipalId $_.Id "
        "-AccountEnabled:$true }",
    )


def _admin_activities(actor: Actor, window: Window) -> Action:
    return Action(
        id=ActionId.REVIEW_ADMIN_ACTIVITIES,
        what="Look for other suspicious activities of the account.",
        why="Whoever has the account may have done more than this.",
        command=f"Search-UnifiedAuditLog -StartDate {_date(window.start)} -EndDate "
        f"{_date(window.end)} -UserIds {quote(actor.name or actor.id)} -ResultSize 5000 "
        "-SessionCommand ReturnLargeSet",
        check="Each activity is explained by the account's owner.",
    )


def _find_mail(window: Window) -> Action:
    return Action(
        id=ActionId.REVIEW_MAIL,
        what="Review the mail that went through the connector, and recall what is malicious.",
        why="Recipients trust it; warn them. The evidence lists senders and message ids.",
        command=f"Get-MessageTraceV2 -StartDate {_date(window.start)} -EndDate "
        f"{_date(window.end)} -ResultSize 5000",
        check="Malicious messages are gone from mailboxes (Explorer, Action: Soft delete).",
    )


def _other_connectors(window: Window) -> Action:
    return Action(
        id=ActionId.REVIEW_OTHER_CONNECTORS,
        what="Check the other connectors for suspicious activities.",
        why="Who can change one connector can change all.",
        command=f"Get-InboundConnector | Where-Object WhenChangedUTC -ge {_date(window.start)}; "
        f"Get-OutboundConnector | Where-Object WhenChangedUTC -ge {_date(window.start)}",
        check="exconn hunt ranks no other connector as suspicious.",
    )


def _date(value: datetime) -> str:
    return f"([datetime]{quote(iso(value))}).ToUniversalTime()"


def _actors(gathered: Evidence, kind: ActorKind) -> list[Actor]:
    found = {
        change.actor.key: change.actor
        for change in acts(gathered.changes)
        if change.actor.kind is kind and change.actor.key
    }
    return [found[key] for key in sorted(found)]


def _rule_name(deed: AdminChange) -> str:
    return deed.parameters.get("Name") or deed.parameters.get("Identity") or deed.target


def _rules(deeds: Sequence[AdminChange]) -> list[AdminChange]:
    rules = {
        _rule_name(deed): deed for deed in deeds if "transportrule" in deed.operation.casefold()
    }
    return [rules[name] for name in sorted(rules) if name]
