"""Clean up: find the connector's messages, purge them, and warn whom a purge does not reach."""

from collections.abc import Iterator

from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.evidence import MESSAGE_IDS, HourOfMail
from exconn.grading.powershell import quote
from exconn.grading.runbook.incident import Incident, graph, hunt_for

_CHUNK = 100
_DOMAINS = 5
_NAMES = 50
_FOUND = (
    "$bad holds what the review marked, and somebody looked at it: $mail has honest mail, too. "
    "Connect-MgGraph as an application with SecurityAnalyzedMessage.ReadWrite.All, which Graph "
    "gives to no person; without one purge in Explorer, by Network message ID."
)
_INSIDE = "@($bad | Where-Object { $_.EmailDirection -ne 'Outbound' })"
_COLUMNS = (
    "Timestamp",
    "NetworkMessageId",
    "RecipientEmailAddress",
    "EmailDirection",
    "SenderFromAddress",
    "SenderMailFromDomain",
    "SenderIPv4",
    "SenderIPv6",
    "Subject",
    "DeliveryLocation",
)


def clean_up(incident: Incident) -> Iterator[Action]:
    """Find, purge, warn."""
    yield review_mail(incident)
    yield _purge()
    if _went_outside(incident):
        yield _warn(incident)


def review_mail(incident: Incident) -> Action:
    """Look at the mail."""
    messages = sum(hour.messages for hour in _hours(incident))
    cut = (
        f" The evidence has the first {MESSAGE_IDS:,} NetworkMessageIds only; the query finds all."
        if messages > MESSAGE_IDS
        else ""
    )
    return Action(
        id=ActionId.REVIEW_MAIL,
        phase=Phase.CLEAN_UP,
        what="Find the mail that went through the connector, by NetworkMessageId and recipient, "
        "and mark what is malicious of it.",
        why=f"Recipients trust it. Honest mail is among it: {_marked(incident)}{cut}",
        precondition=graph("ThreatHunting.Read.All")
        + " Advanced hunting reaches back 30 days; where there is none, look with "
        "Get-MessageTraceV2 for the addresses and senders of the evidence.",
        command=f"$mail = @({hunt_for(incident.mail().select(*_COLUMNS))}); "
        f"$bad = {_bad(incident)}; "
        "$bad | Group-Object { $_.SenderFromAddress }, { $_.Subject } -NoElement | "
        "Sort-Object Count -Descending",
        check="@($mail | ForEach-Object { $_.NetworkMessageId } | Sort-Object -Unique).Count"
        + (f"  # at least {messages}" if messages else ""),
    )


def _marked(incident: Incident) -> str:
    if incident.new_addresses or incident.new_domains:
        return "$bad has what comes from addresses or P1 domains that are new to the connector."
    return "nothing tells it apart, so $bad has none yet; fill it from $mail."


def _bad(incident: Incident) -> str:
    """The mail from what is new to the connector; none, where nothing is."""
    tests = [
        f"$_.{column} -in @({', '.join(map(quote, names[:_NAMES]))})"
        for column, names in (
            ("SenderIPv4", incident.new_addresses),
            ("SenderIPv6", incident.new_addresses),
            ("SenderMailFromDomain", incident.new_domains),
        )
        if names
    ]
    return f"@($mail | Where-Object {{ {' -or '.join(tests)} }})" if tests else "@()"


def _purge() -> Action:
    return Action(
        id=ActionId.PURGE_MAIL,
        phase=Phase.CLEAN_UP,
        what="Purge the malicious messages from mailboxes, by NetworkMessageId.",
        why=f"What stays in a mailbox is opened some day. Soft deletion, {_CHUNK} deliveries a "
        "call, can be taken back.",
        precondition=_FOUND,
        command=_remediate("softDelete"),
        check="Action center (security.microsoft.com/action-center/history): every delivery is "
        "remediated.",
        undo=_remediate("moveToInbox"),
    )


def _remediate(action: str) -> str:
    return (
        f"$inside = {_INSIDE}; for ($i = 0; $i -lt $inside.Count; $i += {_CHUNK}) {{ "
        "Invoke-MgRemediateSecurityCollaborationAnalyzedEmail -DisplayName 'Malicious connector' "
        f"-Description 'Mail through a malicious connector' -Severity high -Action {quote(action)} "
        f"-AnalyzedEmails @($inside | Select-Object -Skip $i -First {_CHUNK} | ForEach-Object {{ "
        "@{ NetworkMessageId = $_.NetworkMessageId; RecipientEmailAddress = "
        "$_.RecipientEmailAddress } }) }"
    )


def _went_outside(incident: Incident) -> bool:
    """Whether some of it went out, or it is not known that none did."""
    hours = _hours(incident)
    return not hours or any(hour.outbound for hour in hours)


def _hours(incident: Incident) -> list[HourOfMail]:
    return [hour for hour in incident.gathered.hours if hour.time >= incident.window.start]


def _warn(incident: Incident) -> Action:
    domains = [tally.value for tally in incident.gathered.recipient_domains if tally.value]
    if incident.gathered.all_recipient_domains.untold:
        domains = []
    most = (
        f" Of all, inside and outside, most went to {', '.join(domains[:_DOMAINS])}."
        if domains
        else ""
    )
    return Action(
        id=ActionId.WARN_RECIPIENTS,
        phase=Phase.CLEAN_UP,
        what="Warn the recipients outside, by another way than through the connector.",
        why=f"Mail that left the organisation cannot be purged from here.{most}",
        precondition="$bad holds what the review marked.",
        command="$bad | Where-Object { $_.EmailDirection -eq 'Outbound' } | Group-Object { "
        "($_.RecipientEmailAddress -split '@')[-1] } -NoElement | Sort-Object Count -Descending",
        check="Each domain's owners, or at least customers and partners, are told.",
    )
