"""What to do: the playbook's recommended actions, and what follows from the signals that fired.

exconn never executes any of it.
"""

import enum
from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import evolve, frozen

from exconn.facts.changes import acts
from exconn.grading.evidence import Evidence, latest
from exconn.grading.powershell import quote
from exconn.grading.verdict import Classification, Verdict
from exconn.models import Actor, ActorKind, AdminChange, TransportRule
from exconn.window import Window, iso

_ADDRESSES = 5


class ActionId(enum.StrEnum):
    """The actions that exconn recommends."""

    DISABLE_CONNECTOR = "disable-connector"
    REVIEW_CONNECTOR = "review-connector"
    ASK_ADMIN = "ask-admin"
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
    connector: str,
    window: Window,
    verdict: Verdict,
    gathered: Evidence,
    suspects: frozenset[str],
) -> tuple[Action, ...]:
    """What to do about a connector, in order.

    For a true positive all that follows; for an unknown what finds out more; for a benign grade
    nothing but to look at the other connectors. Sessions and credentials are taken from those only
    who signed in suspiciously; others are asked. Where they did, that is done for an unknown, too.

    Args:
        connector: as people write it.
        window: when.
        verdict: what was decided.
        gathered: the evidence.
        suspects: the keys of the actors whose sign-ins before the change were suspicious.
    """
    match verdict.classification:
        case Classification.TRUE_POSITIVE:
            steps = [
                *_contain(connector, gathered),
                *_people(gathered, suspects),
                *_look_further(window, gathered),
            ]
        case Classification.UNKNOWN:
            steps = [
                _review_connector(connector, gathered),
                *_people(gathered, suspects),
                *_look_further(window, gathered),
            ]
        case _:
            steps = [_other_connectors(window)]
    return tuple(evolve(step, order=number) for number, step in enumerate(steps, start=1))


def _contain(connector: str, gathered: Evidence) -> Iterator[Action]:
    yield _disable_connector(connector, gathered)
    for rule in _rules(gathered.deeds):
        yield _disable_rule(rule)
    for actor in _actors(gathered, ActorKind.APPLICATION):
        yield _disable_application(actor)


def _people(gathered: Evidence, suspects: frozenset[str]) -> Iterator[Action]:
    for actor in _actors(gathered, ActorKind.PERSON):
        if actor.key in suspects:
            yield from _secure_account(actor)
        else:
            yield _ask(actor)


def _look_further(window: Window, gathered: Evidence) -> Iterator[Action]:
    for actor in _actors(gathered, ActorKind.PERSON):
        yield _admin_activities(actor, window)
    yield _find_mail(window, gathered)
    yield _other_connectors(window)


def _nouns(gathered: Evidence) -> list[str]:
    """The kinds of connector that it may be; both, where no change tells."""
    directions = sorted({change.direction for change in gathered.changes})
    return [f"{direction}Connector" for direction in directions or ("Inbound", "Outbound")]


def _each(nouns: Sequence[str], name: str, then: str = "") -> str:
    """A command for a connector of a kind that may not be known."""
    if len(nouns) == 1:
        return f"Get-{nouns[0]} -Identity {name}{then.format(noun=nouns[0])}"
    return "; ".join(
        f"Get-{noun} -Identity {name} -ErrorAction SilentlyContinue{then.format(noun=noun)}"
        for noun in nouns
    )


def _disable_connector(connector: str, gathered: Evidence) -> Action:
    nouns, name = _nouns(gathered), quote(connector)
    last = latest(gathered.changes)
    if last is not None and last.verb == "Remove":
        return Action(
            id=ActionId.DISABLE_CONNECTOR,
            what="Make sure that the connector is gone: the audit log has its removal.",
            why="What removed it may have made it again under another name.",
            command=_each(["InboundConnector", "OutboundConnector"], name),
            check="Nothing is found.",
        )
    return Action(
        id=ActionId.DISABLE_CONNECTOR,
        what="Disable the connector; remove it once its settings are recorded.",
        why="It stops the mail at once and can be undone.",
        command=_each(nouns, name, " | Set-{noun} -Enabled $false"),
        check=_each(nouns, name, " | Format-List Name, Enabled  # False")
        if len(nouns) == 1
        else _each(nouns, name, " | Format-List Name, Enabled"),
        undo=_each(nouns, name, " | Set-{noun} -Enabled $true"),
    )


def _review_connector(connector: str, gathered: Evidence) -> Action:
    return Action(
        id=ActionId.REVIEW_CONNECTOR,
        what="Compare the connector's settings with the approved ones, and ask its owner.",
        why="The data does not decide; whoever runs the connector can.",
        command=_each(_nouns(gathered), quote(connector), " | Format-List"),
        check="The owner confirms settings, addresses and volume.",
    )


def _disable_rule(rule: AdminChange) -> Action:
    name = quote(_rule_name(rule))
    return Action(
        id=ActionId.DISABLE_TRANSPORT_RULE,
        what="Disable the transport rule that strips or sets headers.",
        why="It hides from the filter, and from you, where mail comes from.",
        command=f"Disable-TransportRule -Identity {name}",
        check=f"(Get-TransportRule -Identity {name}).State  # Disabled",
        undo=f"Enable-TransportRule -Identity {name}",
    )


def _ask(actor: Actor) -> Action:
    user = quote(actor.id or actor.name)
    return Action(
        id=ActionId.ASK_ADMIN,
        what="Ask the account's owner, not by mail, whether they changed the connector, and why.",
        why="The sign-ins do not show that somebody else did.",
        command=f"Get-MgUser -UserId {user} -Property DisplayName, Mail, BusinessPhones",
        check="The owner confirms each change; otherwise revoke sessions and reset credentials.",
    )


def _secure_account(actor: Actor) -> Iterator[Action]:
    user = quote(actor.id or actor.name)
    yield Action(
        id=ActionId.REVOKE_SESSIONS,
        what="Revoke all sessions and tokens of the account that changed the connector.",
        why="It signed in suspiciously before. A new password alone leaves an attacker signed in.",
        command=f"Revoke-MgUserSignInSession -UserId {user}",
        check=f"(Get-MgUser -UserId {user} -Property SignInSessionsValidFromDateTime)"
        ".SignInSessionsValidFromDateTime  # just now",
    )
    yield Action(
        id=ActionId.RESET_CREDENTIALS,
        what="Reset the account's credentials.",
        why="The account is, by its sign-ins, in other hands.",
        command=f"Update-MgUser -UserId {user} -PasswordProfile @{{ Password = "
        "(Read-Host 'New password'); ForceChangePasswordNextSignIn = $true }",
        check=f"(Get-MgUser -UserId {user} -Property LastPasswordChangeDateTime)"
        ".LastPasswordChangeDateTime  # just now",
    )
    yield Action(
        id=ActionId.REQUIRE_MFA,
        what="Require multi-factor authentication of all administrators; these have none.",
        why="None of the administrators compromised in the campaign of 2022 had it.",
        command="Get-MgReportAuthenticationMethodUserRegistrationDetail "
        "-Filter 'isAdmin eq true and isMfaRegistered eq false'",
        check="The command finds nobody, and a conditional access policy requires it.",
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


def _find_mail(window: Window, gathered: Evidence) -> Action:
    known = [quote(tally.value) for tally in gathered.addresses[:_ADDRESSES] if tally.value]
    chosen = f" | Where-Object FromIP -in {', '.join(known)}" if known else ""
    return Action(
        id=ActionId.REVIEW_MAIL,
        what="Review the mail that went through the connector, and recall what is malicious.",
        why="Recipients trust it; warn them. The evidence (--json) has senders and message ids.",
        command=f"Get-MessageTraceV2 -StartDate {_date(window.start)} -EndDate "
        f"{_date(window.end)} -ResultSize 5000{chosen}",
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
    """The transport rules that blind the filter and were not removed since."""
    rules = {
        _rule_name(deed): deed
        for deed in deeds
        if "transportrule" in deed.operation.casefold()
        and TransportRule.from_properties(deed.parameters).weakens_filtering
    }
    gone = {_rule_name(d) for d in deeds if d.operation.casefold() == "remove-transportrule"}
    return [rules[name] for name in sorted(rules) if name and name not in gone]
