"""Verify: nothing goes on, and nothing else was touched."""

from collections.abc import Iterator

import polars as pl

from exconn.detectors.connector import CONNECTOR_OPERATIONS, TRANSPORT_RULE_OPERATIONS
from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.powershell import array, quote
from exconn.grading.runbook.incident import (
    BOTH,
    EXCHANGE,
    Incident,
    each,
    graph,
    hunt_for,
    listing,
    mailbox,
    moment,
)
from exconn.models import Actor

_NOW = "(Get-Date).ToUniversalTime()"


def verify(incident: Incident) -> Iterator[Action]:
    """Mail, changes, people, applications, other connectors."""
    yield _mail(incident)
    yield _changes(incident)
    for actor in incident.people:
        yield review_activities(actor, incident)
    for application in incident.applications:
        yield _application_activities(application, incident)
    yield other_connectors(incident)
    yield _blocked_connectors()


def review_connector(incident: Incident) -> Action:
    """Compare its settings with the approved ones."""
    return Action(
        id=ActionId.REVIEW_CONNECTOR,
        phase=Phase.INVESTIGATE,
        what="Compare the connector's settings with the approved ones, and ask its owner.",
        why="The data does not decide; whoever runs the connector can.",
        precondition=EXCHANGE,
        command=each(incident, lambda _: " | Format-List"),
        check="The owner confirms settings, addresses and volume.",
    )


def review_activities(actor: Actor, incident: Incident) -> Action:
    """Look at everything that a person did."""
    return _activities(f"-UserIds {mailbox(actor)}", "account", incident)


def other_connectors(incident: Incident) -> Action:
    """Look at the other connectors."""
    since = moment(incident.window.start)
    return Action(
        id=ActionId.REVIEW_OTHER_CONNECTORS,
        phase=Phase.VERIFY,
        what="Check the other connectors for suspicious activities.",
        why="Who can change one connector can change all.",
        precondition=EXCHANGE,
        command="; ".join(
            f"{listing(noun)} | Where-Object WhenChangedUTC -ge {since}" for noun in BOTH
        ),
        check="exconn hunt ranks no other connector as suspicious.",
    )


def _mail(incident: Incident) -> Action:
    hourly = (
        incident.mail()
        .group_by(Hour=pl.col("Timestamp").dt.truncate("1h"))
        .agg(Messages=pl.col("NetworkMessageId").str.to_lowercase().n_unique())
        .sort("Hour", descending=True)
    )
    return Action(
        id=ActionId.VERIFY_MAIL,
        phase=Phase.VERIFY,
        what="See that no further malicious mail goes through the connector.",
        why="It takes a while until a change is heeded everywhere, and rows arrive late.",
        precondition=graph("ThreatHunting.Read.All") + " Two hours have passed since containment.",
        command=hunt_for(hourly),
        check="No hour after containment has mail that its owner does not expect.",
    )


def _changes(incident: Incident) -> Action:
    operations = array((*CONNECTOR_OPERATIONS, *TRANSPORT_RULE_OPERATIONS))
    return Action(
        id=ActionId.VERIFY_CHANGES,
        phase=Phase.VERIFY,
        what="See that nobody changes connectors or transport rules again.",
        why="Whoever still has a way in makes the connector again, under any name.",
        precondition=EXCHANGE,
        command=f"Search-UnifiedAuditLog -StartDate {moment(incident.window.start)} -EndDate "
        f"{_NOW} -Operations {operations} -ResultSize 5000 | Sort-Object CreationDate "
        "-Descending | Format-Table CreationDate, UserIds, Operations",
        check="Since containment there are none but those of this runbook.",
    )


def _application_activities(application: str, incident: Incident) -> Action:
    return _activities(f"-FreeText {quote(application)}", "application", incident)


def _activities(of: str, what: str, incident: Incident) -> Action:
    return Action(
        id=ActionId.REVIEW_ADMIN_ACTIVITIES,
        phase=Phase.VERIFY,
        what=f"Look for other suspicious activities of the {what}.",
        why=f"Whoever has the {what} may have done more than this, and may go on.",
        precondition=EXCHANGE,
        command=f"Search-UnifiedAuditLog -StartDate {moment(incident.window.start)} -EndDate "
        f"{_NOW} {of} -ResultSize 5000 -SessionCommand ReturnLargeSet",
        check=f"Each activity is explained by the {what}'s owner.",
    )


def _blocked_connectors() -> Action:
    return Action(
        id=ActionId.REVIEW_BLOCKED_CONNECTORS,
        phase=Phase.VERIFY,
        what="See which connectors Microsoft has blocked.",
        why="Microsoft blocks inbound connectors that it finds compromised; there may be others.",
        precondition=EXCHANGE,
        command="Get-BlockedConnector | Format-List",
        check="Each blocked connector is graded.",
    )
