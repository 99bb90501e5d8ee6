"""What attackers send: whom it pretends to come from, what it is about, and to whom it goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

from exconn.simulate import AUTHENTICATED, UNAUTHENTICATED
from exconn.simulate._names import FIRST_NAMES, LAST_NAMES, MAILBOX_PROVIDERS, SUBJECTS
from exconn.testing.scenarios._attackers import Crew
from exconn.testing.scenarios._stage import Stage

SPF_ONLY = '{"SPF":"pass","DKIM":"none","DMARC":"bestguesspass","CompAuth":"pass"}'
_NO_POLICY = '{"SPF":"pass","DKIM":"none","DMARC":"none","CompAuth":"softpass"}'
_MISALIGNED = '{"SPF":"pass","DKIM":"none","DMARC":"fail","CompAuth":"fail"}'
_MISALIGNED_NO_POLICY = '{"SPF":"pass","DKIM":"none","DMARC":"none","CompAuth":"fail"}'
NOT_LISTED = '{"SPF":"fail","DKIM":"none","DMARC":"none","CompAuth":"none"}'
_SOFT_FAIL = '{"SPF":"softfail","DKIM":"none","DMARC":"none","CompAuth":"none"}'

_BOXES = ("accounts", "hr", "it-desk", "no-reply", "service", "billing", "support", "info")
_LOOKALIKES = ("{}-mail", "{}-group", "my-{}", "{}-billing", "{}s", "{}-online")
_FOUND = ("Junked", "Junked", "Blocked", "Delivered")


@frozen
class Pretence:
    """Whom mail says that it comes from.

    Attributes:
        senders: envelope and header sender; one of the pairs is drawn for each message.
        authentication: what checking it gives, as JSON.
        name: what is displayed.
        told: for the story.
    """

    senders: tuple[tuple[str, str], ...]
    authentication: str
    name: str
    told: str


def own_names(stage: Stage, they: Crew) -> Pretence:
    """Their own domains, which pass; bounces go there or to a mailer of theirs."""
    boxes = stage.rng.sample(_BOXES, 2)
    senders = [f"{box}@{domain}" for domain in they.domains for box in boxes]
    bounces = stage.chance(0.4)
    mailer = stage.fresh_domains(1)[0] if bounces else ""
    pairs = tuple((f"bounce@{mailer}" if bounces else sender, sender) for sender in senders)
    passes = stage.rng.choice((AUTHENTICATED, AUTHENTICATED, AUTHENTICATED, SPF_ONLY, _NO_POLICY))
    return Pretence(
        pairs, AUTHENTICATED if bounces else passes, "", f"as {they.domains[0]} (their own)"
    )


def spoof(
    stage: Stage, they: Crew, domain: str, boxes: Sequence[str] = _BOXES, name: str = ""
) -> Pretence:
    """Somebody else's domain, which cannot pass; the envelope says the same or is their own."""
    chosen = stage.rng.sample(tuple(boxes), min(len(boxes), stage.rng.choice((1, 1, 2, 4))))
    senders = [f"{box}@{domain}" for box in chosen]
    if stage.chance(0.4):
        pairs = tuple((sender, sender) for sender in senders)
        checked = stage.rng.choice((UNAUTHENTICATED, UNAUTHENTICATED, _SOFT_FAIL))
    else:
        pairs = tuple((f"return@{stage.rng.choice(they.domains)}", sender) for sender in senders)
        checked = stage.rng.choice((_MISALIGNED, _MISALIGNED, _MISALIGNED_NO_POLICY))
    return Pretence(pairs, checked, name, f"as {domain}")


def from_within(pretence: Pretence) -> Pretence:
    """The same from an address that may send for the domain: it passes if the envelope says so."""
    aligned = all(envelope == header for envelope, header in pretence.senders)
    return attrs.evolve(pretence, authentication=SPF_ONLY) if aligned else pretence


def lookalike(stage: Stage, domain: str, boxes: Sequence[str] = _BOXES, name: str = "") -> Pretence:
    """A domain of theirs that reads like somebody else's, and passes."""
    head, _, end = domain.partition(".")
    similar = f"{stage.rng.choice(_LOOKALIKES).format(head)}.{end}"
    sender = f"{stage.rng.choice(tuple(boxes))}@{similar}"
    passes = stage.rng.choice((AUTHENTICATED, AUTHENTICATED, SPF_ONLY))
    return Pretence(((sender, sender),), passes, name, f"as {similar} (their own)")


def pretend(stage: Stage, they: Crew) -> Pretence:
    """Draw one of all the pretences."""
    drawn, domain = stage.rng.random(), stage.tenant.accepted_domains[0]
    if drawn < 0.4:
        return own_names(stage, they)
    if drawn < 0.7:
        return spoof(stage, they, domain)
    if drawn < 0.85:
        return lookalike(stage, domain)
    customer = stage.customers(1)[0].partition("@")[2]
    return spoof(stage, they, customer)


# What they send, and to whom


@frozen
class Lure:
    """What mail is to make people do.

    Attributes:
        subjects: one or all of them are used.
        urls: links in a message, one of these numbers.
        attachments: the same for attachments.
        threats: what filters call it when they find it.
    """

    subjects: tuple[str, ...]
    urls: tuple[int, ...] = (0,)
    attachments: tuple[int, ...] = (0,)
    threats: tuple[str, ...] = ("Phish",)


PHISHING = Lure(
    SUBJECTS["phish"], urls=(1, 1, 2), threats=("Phish", "Phish", "Spam", "Phish, Spam")
)
SPAM = Lure(SUBJECTS["junk"], urls=(1, 2, 3, 6), threats=("Spam",))
SWEEPSTAKES = Lure(
    ("You have been selected", "Your prize is waiting", "Last step: confirm your delivery"),
    urls=(1, 2),
    threats=("Spam", "Spam", "Phish"),
)
INVOICES = Lure(
    ("Your invoice", "Payment advice", "Our bank details have changed", "Invoice overdue"),
    urls=(0, 0, 1),
    attachments=(1, 1, 2),
    threats=("Phish", "Malware"),
)
PERSONAL = Lure(("Quick question", "Are you at your desk?", "Urgent task"), threats=("Phish",))


def lure(stage: Stage) -> Lure:
    """Draw what mail to strangers is about."""
    return stage.rng.choice((PHISHING, PHISHING, SPAM, SPAM, SWEEPSTAKES, INVOICES, PERSONAL))


def verdicts(stage: Stage) -> float:
    """The share of their mail that filters find: often none, as connectors are trusted."""
    return 0.0 if stage.chance(0.4) else stage.some(0.01, 0.6)


def outsiders(stage: Stage, n: int) -> list[str]:
    """Recipients outside, mostly unknown: some lists have private mailboxes or customers too."""
    private = 0.0 if stage.chance(0.5) else stage.rng.uniform(0.1, 0.8)
    known = 0.0 if stage.chance(0.7) else stage.rng.uniform(0.05, 0.5)
    boxes, customers = round(n * (1 - known) * private), round(n * known)
    rest = n - boxes - customers
    unknown = stage.strangers(rest, max(1, min(rest, round(stage.some(10, 600)))))
    return [*unknown, *private_mailboxes(stage, boxes), *stage.customers(customers)]


def private_mailboxes(stage: Stage, n: int) -> list[str]:
    """Private people's addresses at the large providers."""
    rng = stage.rng
    return [
        f"{rng.choice(FIRST_NAMES)}.{rng.choice(LAST_NAMES)}{rng.randrange(1_000)}"
        f"@{rng.choice(MAILBOX_PROVIDERS)}".lower()
        for _ in range(n)
    ]


def blast(
    stage: Stage,
    connector: str,
    times: Sequence[datetime],
    they: Crew,
    pretence: Pretence,
    about: Lure,
    recipients: Sequence[str],
    *,
    found: float | None = None,
    **columns: Any,
) -> None:
    """Let their mail pass through a connector to recipients outside, unless columns say otherwise.

    Args:
        stage: where.
        connector: its name.
        times: when, one for each recipient.
        they: whose servers it comes from.
        pretence: whom it says that it comes from.
        about: what is in it.
        recipients: one for each message.
        found: the share that filters find; None draws it.
        columns: more, as `exconn.simulate.mail_rows` has them.
    """
    rng, n = stage.rng, len(recipients)
    senders = rng.choices(pretence.senders, k=n)
    share = verdicts(stage) if found is None else found
    bad = [stage.chance(share) for _ in range(n)]
    subjects = about.subjects if stage.chance(0.5) else (rng.choice(about.subjects),)
    given: dict[str, Any] = {
        "p1": [envelope for envelope, _ in senders],
        "p2": [header for _, header in senders],
        "recipients": recipients,
        "direction": "Outbound",
        "sender_name": pretence.name,
        "sender_ipv4": rng.choices(they.servers, k=n),
        "subject": rng.choices(subjects, k=n),
        "urls": rng.choices(about.urls, k=n),
        "attachments": rng.choices(about.attachments, k=n),
        "threats": [rng.choice(about.threats) if one else "" for one in bad],
        "delivery": [rng.choice(_FOUND) if one else "Delivered" for one in bad],
        "authentication": pretence.authentication,
        "cluster": rng.randrange(2**32) if stage.chance(0.5) else None,
        **columns,
    }
    stage.mail(connector, times, **given)


def to_staff(stage: Stage) -> dict[str, Any]:
    """The columns of mail to the tenant's own people."""
    directory = {person.upn: person.object_id for person in stage.tenant.people}
    return {"direction": "Inbound", "directory": directory}
