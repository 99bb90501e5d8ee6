"""Restore: give back what is needed; unblock last."""

from collections.abc import Iterator

from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.runbook.incident import EXCHANGE, Incident, account, by_guid, each, graph
from exconn.models import Actor
from exconn.models.audit import truth

_DONE = "The checks of all steps before hold."


def restore(incident: Incident) -> Iterator[Action]:
    """Accounts, the connector in its former shape, senders, and last the connector's block."""
    for actor in incident.suspected_people:
        yield _allow_sign_in(actor)
    if incident.stays and incident.is_disabled and not _was_off(incident):
        yield _connector(incident)
    yield _senders()
    if incident.stays and "InboundConnector" in incident.nouns:
        yield _unblock(incident)


def _was_off(incident: Incident) -> bool:
    return any(truth(former.get("Enabled")) is False for former in incident.former.values())


def _allow_sign_in(actor: Actor) -> Action:
    user = account(actor)
    return Action(
        id=ActionId.ALLOW_SIGN_IN,
        phase=Phase.RESTORE,
        what="Let the account's owner sign in again.",
        why="The account is theirs again.",
        precondition=f"{_DONE} {graph('User.EnableDisableAccount.All')}",
        command=f"Update-MgUser -UserId {user} -AccountEnabled:$true",
        check=f"(Get-MgUser -UserId {user} -Property AccountEnabled).AccountEnabled  # True",
        undo=f"Update-MgUser -UserId {user} -AccountEnabled:$false",
    )


def _connector(incident: Incident) -> Action:
    name = incident.former_name
    return Action(
        id=ActionId.RESTORE_CONNECTOR,
        phase=Phase.RESTORE,
        what="Enable the connector again, in its former shape, if it is needed.",
        why="Most organisations need no connector. One that nobody misses stays disabled.",
        precondition=f"{_DONE} Its owner has confirmed its settings, and who hands mail to it is "
        f"clean. {EXCHANGE}",
        command=each(incident, lambda noun: by_guid(f"Set-{noun}", "-Enabled $true"), name=name),
        check=each(incident, lambda _: " | Format-List", name=name),
        undo=each(incident, lambda noun: by_guid(f"Set-{noun}", "-Enabled $false"), name=name),
    )


def _senders() -> Action:
    return Action(
        id=ActionId.UNBLOCK_SENDERS,
        phase=Phase.RESTORE,
        what="Unblock own senders that were restricted for what was sent in their name, each on a "
        "question.",
        why="They can send nothing outside until then.",
        precondition=f"{_DONE} {EXCHANGE}",
        command="Get-BlockedSenderAddress | ForEach-Object { Remove-BlockedSenderAddress "
        "-SenderAddress $_.SenderAddress -Confirm }",
        check="Get-BlockedSenderAddress  # nobody who was restricted for this",
    )


def _unblock(incident: Incident) -> Action:
    return Action(
        id=ActionId.UNBLOCK_CONNECTOR,
        phase=Phase.RESTORE,
        what="Take the connector off the restricted entities, last of all.",
        why="Until then Microsoft rejects its mail (550 5.7.711). While the cause was there, that "
        "was for the best.",
        precondition=f"{_DONE} The connector is in its former shape. {EXCHANGE}",
        command=each(
            incident,
            lambda _: " | ForEach-Object { Remove-BlockedConnector -ConnectorId $_.Guid }",
            ("InboundConnector",),
            incident.former_name,
        ),
        check=each(
            incident,
            lambda _: " | ForEach-Object { Get-BlockedConnector -ConnectorId $_.Guid }  # nothing",
            ("InboundConnector",),
            incident.former_name,
        ),
    )
