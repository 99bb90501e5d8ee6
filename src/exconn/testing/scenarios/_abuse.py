"""Attacks that hide: in an application, in working hours, in a campaign, behind a good name."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
import polars as pl

from exconn.simulate import AUTHENTICATED, Actor
from exconn.simulate._draw import guids
from exconn.testing.scenarios import _attackers as attackers
from exconn.testing.scenarios import _lures as lures
from exconn.testing.scenarios._stage import DAY, HOUR, MAIL, Stage

_HEADERS = (
    *("X-MS-Exchange-ExternalOriginalInternetSender", "X-MS-Exchange-SkipListedInternetSender"),
    *("Received-SPF", "Received", "ARC-Authentication-Results", "ARC-Message-Signature"),
    *("ARC-Seal", "DKIM-Signature", "X-MS-Exchange-SenderADCheck", "Authentication-Results"),
    *("X-MS-Exchange-AntiSpam-MessageData-ChunkCount", "X-Originating-IP"),
)
_CREDENTIALS = "Update application \u2013 Certificates and secrets management "
_APPLICATIONS = ("MailService", "Exchange Sync", "PowerShellAdmin", "Backup connector", "app-1")


def oauth_app(stage: Stage) -> None:
    """An application makes a connector and rules that strip headers, and sends sweepstakes."""
    rng = stage.rng
    they = attackers.crew(stage)
    app_id = guids(rng, 1)[0]
    app = Actor.application(app_id, rng.choice(_APPLICATIONS))
    start, span = attackers.mailing(stage, 1, 48)
    changed = attackers.before(stage, start)
    seen = stage.chance(0.5)
    if seen:
        _register(stage, they, app, changed)
    name = attackers.create(stage, they, changed, actor=app)
    rules = _strip_headers(stage, they, app, changed)
    n = attackers.amount(stage)
    pretence = (
        lures.spoof(stage, they, stage.tenant.accepted_domains[0])
        if stage.chance(0.7)
        else lures.own_names(stage, they)
    )
    times = attackers.waves(stage, n, start, span)
    recipients = lures.outsiders(stage, n)
    lures.blast(
        stage,
        name,
        times,
        they,
        pretence,
        lures.SWEEPSTAKES,
        recipients,
        transport_rule=rng.choice(rules),
    )
    removed = stage.chance(0.45)
    if removed:
        _remove(stage, they, app, name, rules, after=start + span)
    stage.judge(
        name,
        f"An application, {'registered lately' if seen else 'long there'}, makes a connector and"
        f" {len(rules)} rules{' and removes them after' if removed else ' for'} {n} sweepstakes"
        f" mails {pretence.told}.",
    )


def _register(stage: Stage, they: attackers.Crew, app: Actor, changed: datetime) -> None:
    """Let them register an application as the administrator, lately or weeks ago."""
    registered = changed - (HOUR * stage.some(0.2, 60) if stage.chance(0.6) else DAY * 20)
    attackers.steal(stage, they.place, attackers.before(stage, registered, 8), seen=0.5)
    acts = (
        ("Add service principal.", {"AppId": app.application_id}),
        (
            "Add app role assignment to service principal.",
            {"AppRole.Value": "Exchange.ManageAsApp"},
        ),
        ("Consent to application.", {"ConsentContext.IsAdminConsent": "True"}),
        ("Add member to role.", {"Role.DisplayName": "Exchange Administrator"}),
        (_CREDENTIALS, {"KeyDescription": "KeyType=Password"}),
    )
    for minutes, (operation, properties) in enumerate(acts):
        at = registered + timedelta(minutes=minutes * stage.rng.uniform(0.5, 2))
        stage.act(at, operation, app.name, properties, place=they.place)


def _strip_headers(
    stage: Stage, they: attackers.Crew, app: Actor, changed: datetime
) -> tuple[str, ...]:
    """Let them make transport rules that each remove a header; returns the rules' names."""
    count = stage.rng.randint(1, 12)
    one = stage.rng.choice((".", "Header cleanup", "Outbound fix"))
    numbered = count > 1 or stage.chance(0.5)
    rules = {
        f"Test0{i + 1}" if numbered else one: header
        for i, header in enumerate(stage.rng.sample(_HEADERS, count))
    }
    for i, (rule, header) in enumerate(rules.items()):
        at = changed + timedelta(minutes=2 + i * stage.rng.uniform(0.1, 1))
        parameters = {"Name": rule, "RemoveHeader": header, "Priority": str(i)}
        if stage.chance(0.5):
            parameters["SenderIpRanges"] = ";".join(they.servers)
        stage.run(at, "New-TransportRule", parameters, actor=app, place=they.place)
    return tuple(rules)


def _remove(
    stage: Stage,
    they: attackers.Crew,
    app: Actor,
    connector: str,
    rules: Sequence[str],
    *,
    after: datetime,
) -> None:
    at = after + HOUR * stage.some(0.05, 1.5)
    stage.run(at, "Remove-InboundConnector", {"Identity": connector}, actor=app, place=they.place)
    for i, rule in enumerate(rules):
        later = at + timedelta(seconds=5 * (i + 1))
        stage.run(later, "Remove-TransportRule", {"Identity": rule}, actor=app, place=they.place)


def slow_and_low(stage: Stage) -> None:
    """A connector carries ten to 25 mails an hour, in working hours, for days."""
    they = attackers.crew(stage)
    hours = _working_hours(stage, stage.rng.randint(2, 6))
    rate = stage.rng.randint(10, 25)
    times = [
        hour + HOUR * stage.rng.random()
        for hour in hours
        for _ in range(stage.rng.randint(10, rate))
    ]
    changed = attackers.before(stage, min(times), 20)
    how = attackers.enter(stage, they, changed)
    name, which = attackers.take(stage, they, changed, ("quiet", "relay", "partner_in", "rotated"))
    pretence, n = lures.pretend(stage, they), len(times)
    recipients = lures.outsiders(stage, n)
    lures.blast(stage, name, times, they, pretence, lures.lure(stage), recipients)
    alert = min(max(times) - HOUR * stage.rng.uniform(-2, 20), stage.tenant.end - HOUR)
    stage.judge(
        name,
        f"{n} mails {pretence.told} at {rate} an hour or less pass {which}, {how}.",
        at=max(alert, min(times) + HOUR),
    )


def _working_hours(stage: Stage, days: int) -> list[datetime]:
    """The working hours of the last days before the data ends, weekends included by some."""
    weekdays = 7 if stage.chance(0.3) else 5
    now = stage.at.replace(minute=0, second=0, microsecond=0)
    hours = [now + HOUR * i for i in range(-130, 19)]
    working = [
        hour
        for hour in hours
        if stage.local(hour).weekday() < weekdays and 8 <= stage.local(hour).hour < 17
    ]
    dates = sorted({stage.local(hour).date() for hour in working})[-days:]
    return [hour for hour in working if stage.local(hour).date() in dates]


def supply_chain_invoices(stage: Stage) -> None:
    """Customers get invoices with other bank details, in the tenant's name or nearly so."""
    they = attackers.crew(stage)
    start, span = attackers.mailing(stage, 0.5, 48)
    changed = attackers.before(stage, start)
    how = attackers.enter(stage, they, changed)
    name, which = attackers.take(stage, they, changed, ("billing", "billing", "relay", "quiet"))
    domain, boxes = stage.tenant.accepted_domains[0], ("invoices", "accounts", "billing")
    pretence = (
        lures.spoof(stage, they, domain, boxes, "Invoices")
        if stage.chance(0.5)
        else lures.lookalike(stage, domain, boxes, "Invoices")
    )
    n = round(stage.some(20, 250))
    times = attackers.waves(stage, n, start, span)
    about = attrs.evolve(lures.INVOICES, attachments=(1, 1, 2))
    lures.blast(stage, name, times, they, pretence, about, stage.customers(n))
    stage.judge(name, f"{n} invoices {pretence.told} reach customers through {which}, {how}.")


def internal_phishing(stage: Stage) -> None:
    """The tenant's people get links from what looks like their own personnel or help desk."""
    they = attackers.crew(stage)
    start, span = attackers.mailing(stage, 0.3, 36)
    changed = attackers.before(stage, start)
    how = attackers.enter(stage, they, changed)
    roles = ("quiet", "relay", "printers", "rotated", "partner_in")
    name, which = attackers.take(stage, they, changed, roles)
    domain, boxes = stage.tenant.accepted_domains[0], ("hr", "it-desk", "payroll", "no-reply")
    shown = stage.rng.choice(("", "Human Resources", "IT Service Desk"))
    pretence = (
        lures.spoof(stage, they, domain, boxes, shown)
        if stage.chance(0.65)
        else lures.lookalike(stage, domain, boxes, shown)
    )
    n = round(stage.some(20, 400))
    times = attackers.waves(stage, n, start, span)
    recipients, inside = stage.colleagues(n), lures.to_staff(stage)
    lures.blast(stage, name, times, they, pretence, lures.PHISHING, recipients, **inside)
    stage.judge(name, f"{n} phishing mails {pretence.told} reach staff through {which}, {how}.")


def relay_abused(stage: Stage) -> None:
    """The server behind a relay is taken over; nothing changes here but what it sends."""
    rng = stage.rng
    relay = stage.own(rng.choice(("relay", "relay", "quiet", "printers", "billing")))
    addresses = relay.addresses if stage.chance(0.4) else relay.addresses[:1]
    they = attrs.evolve(attackers.crew(stage), servers=addresses)
    start, span = attackers.mailing(stage, 1, 96)
    n = attackers.amount(stage)
    pretence = _from_a_relay(stage, they, relay.name)
    times = attackers.waves(stage, n, start, span)
    recipients = lures.outsiders(stage, n)
    lures.blast(stage, relay.name, times, they, pretence, lures.lure(stage), recipients)
    stage.judge(
        relay.name,
        f"{n} mails {pretence.told} from the relay's own address ({relay.role}) to outsiders.",
    )


def _from_a_relay(stage: Stage, they: attackers.Crew, connector: str) -> lures.Pretence:
    """Draw a pretence of mail from an address that may send in the tenant's name."""
    drawn, domain = stage.rng.random(), stage.tenant.accepted_domains[0]
    if drawn < 0.35:
        usual = stage.tenant.frames[MAIL].filter(pl.col("Connectors") == connector)
        sender = stage.rng.choice(sorted(usual["SenderFromAddress"].unique()))
        return lures.Pretence(((sender, sender),), lures.SPF_ONLY, "", f"as {sender}, as ever")
    if drawn < 0.6:
        return lures.from_within(lures.spoof(stage, they, domain))
    # They list the relay's address for their domains, or leave it at that.
    own = lures.own_names(stage, they)
    return own if stage.chance(0.5) else attrs.evolve(own, authentication=lures.NOT_LISTED)


def outbound_smart_host(stage: Stage) -> None:
    """Staff's mail to the outside passes the attackers' server, by a connector and some rules."""
    rng, partner = stage.rng, stage.own("partner_out")
    they = attackers.crew(stage)
    changed = stage.at - HOUR * stage.some(8, 110)
    how = attackers.enter(stage, they, changed)
    host = rng.choice((f"mx.{they.domains[0]}", f"relay.{they.domains[0]}", they.servers[0]))
    towards = {"UseMXRecord": "False", "SmartHosts": host}
    if stage.chance(0.6):
        towards["TlsSettings"] = rng.choice(("EncryptionOnly", "CertificateValidation"))
    if stage.chance(0.5):
        name = rng.choice(("Outbound relay", "To mail filter", "DLP host"))
        operation, target, kind = "New-OutboundConnector", {"Name": name}, "new"
    else:
        name = partner.name
        operation, target, kind = "Set-OutboundConnector", {"Identity": name}, "changed"
    reach = rng.choice(("all", "all", "rule", "own" if kind == "changed" else "all"))
    scope = {
        "all": {"RecipientDomains": "*"},
        "rule": {"IsTransportRuleScoped": "True"},
        "own": {},
    }[reach]
    stage.run(changed, operation, target | towards | scope, place=they.place)
    later = changed + HOUR * stage.some(0.02, 0.3)
    if reach == "rule":
        n = _route(stage, they, name, later)
    else:
        n = stage.divert(name, changed) if reach == "all" else 0
    copied = reach == "all" and stage.chance(0.4)
    copies = _copy_payments(stage, they, name, later) if copied else 0
    stage.judge(
        name,
        f"Staff's mail, {n} more than before, passes {host} by a {kind} connector (reach: {reach};"
        f" {copies} copies) made {how}.",
    )


def _route(stage: Stage, they: attackers.Crew, connector: str, at: datetime) -> int:
    """Let a rule route a share of staff's mail to a connector; returns how many."""
    name = stage.rng.choice(("Route external", "Outbound policy", "DLP"))
    rule = {"Name": name, "SentToScope": "NotInOrganization"}
    if stage.chance(0.5):
        rule["SubjectOrBodyContainsWords"] = "invoice;payment;contract"
    rule["RouteMessageOutboundConnector"] = connector
    stage.run(at, "New-TransportRule", rule, place=they.place)
    return stage.divert(connector, at, share=stage.rng.uniform(0.2, 0.7), transport_rule=name)


def _copy_payments(stage: Stage, they: attackers.Crew, connector: str, at: datetime) -> int:
    """Let a rule send copies of mail about payments to a mailbox of theirs; returns how many."""
    mailbox = lures.private_mailboxes(stage, 1)[0]
    rule = {
        "Name": ".",
        "BlindCopyTo": mailbox,
        "SubjectOrBodyContainsWords": "password;payment;invoice;project",
        "SetAuditSeverity": "DoNotAudit",
    }
    stage.run(at, "New-TransportRule", rule, place=they.place)
    n = stage.rng.randint(3, 40)
    people = stage.rng.choices(stage.tenant.people, k=n)
    stage.mail(
        connector,
        stage.spread(n, at, stage.tenant.end - HOUR - at),
        p1=[person.upn for person in people],
        recipients=[mailbox] * n,
        sender_object_id=[person.object_id for person in people],
        sender_name=[person.name for person in people],
        direction="Outbound",
        authentication=AUTHENTICATED,
        transport_rule=".",
    )
    return n


def hidden_in_campaign(stage: Stage) -> None:
    """While the newsletter goes out, some more mail goes out with it."""
    rng, news = stage.rng, stage.own("marketing")
    they = attackers.crew(stage)
    sent = stage.tenant.frames[MAIL].filter(
        pl.col("Connectors") == news.name, pl.col("Timestamp") < stage.at + HOUR * 14
    )
    run = sent.filter(pl.col("Timestamp") > pl.col("Timestamp").max() - HOUR)
    start = run["Timestamp"].to_list()[0]
    changed = attackers.before(stage, start)
    how = attackers.enter(stage, they, changed)
    addresses = {"SenderIPAddresses": ";".join((*news.addresses, *they.servers))}
    stage.run(
        changed, "Set-InboundConnector", {"Identity": news.name, **addresses}, place=they.place
    )
    n = max(10, round(run.height * rng.uniform(0.05, 0.3)))
    pretence = (
        lures.spoof(stage, they, stage.tenant.accepted_domains[0], ("news",), "News")
        if stage.chance(0.6)
        else lures.own_names(stage, they)
    )
    subscribed = round(n * rng.uniform(0, 0.8))
    recipients = [
        *rng.choices(sent["RecipientEmailAddress"].to_list(), k=subscribed),
        *lures.outsiders(stage, n - subscribed),
    ]
    times = stage.spread(n, start, HOUR * stage.some(0.8, 4)).to_list()
    about = rng.choice((lures.PHISHING, lures.SWEEPSTAKES))
    disguise: dict[str, Any] = (
        {"subject": run["Subject"].to_list()[0], "bulk_level": 5} if stage.chance(0.5) else {}
    )
    lures.blast(stage, news.name, times, they, pretence, about, recipients, **disguise)
    stage.judge(
        news.name,
        f"Beside a newsletter of {run.height}, {n} mails {pretence.told} go out, {how}.",
        at=start + HOUR * stage.some(0.2, 6),
    )


_EVASIONS = ("own names", "clean", "inside job", "known recipients", "slow", "strict")


def policy_reader(stage: Stage) -> None:
    """Somebody who knows what analysts look for avoids most of it."""
    rng = stage.rng
    evasions = set(rng.sample(_EVASIONS, rng.choice((4, 5))))
    they = attackers.crew(stage)
    if "slow" in evasions:
        start, span = attackers.mailing(stage, 24, 120)
        start = start.replace(minute=0, second=0, microsecond=0)
        most = rng.randint(4, 20)
        times = [
            start + HOUR * (hour + rng.random())
            for hour in range(int(span / HOUR))
            for _ in range(rng.randint(0, most))
        ]
    else:
        start, span = attackers.mailing(stage, 1, 12)
        times = attackers.waves(stage, attackers.amount(stage), start, span)
    n, changed = len(times), attackers.before(stage, start, 24)
    if "inside job" in evasions:
        place = None if stage.chance(0.4) else attackers.usual_place(stage)
        blank = place is None
        if place is not None:
            stage.sign_in([attackers.before(stage, changed, 4)], place=place)
    else:
        place, blank = they.place, False
        attackers.enter(stage, they, changed)
    chosen = attackers.strict_settings(stage, they) if "strict" in evasions else None
    name = attackers.create(stage, they, changed, chosen, place=place, blank=blank)
    pretence = (
        lures.own_names(stage, they)
        if "own names" in evasions
        else lures.spoof(stage, they, stage.tenant.accepted_domains[0])
    )
    known = round(n * rng.uniform(0.6, 0.9)) if "known recipients" in evasions else 0
    recipients = [*stage.customers(known), *lures.outsiders(stage, n - known)]
    found = rng.uniform(0, 0.03) if "clean" in evasions else rng.uniform(0.1, 0.5)
    lures.blast(stage, name, times, they, pretence, lures.lure(stage), recipients, found=found)
    avoided = ", ".join(one for one in _EVASIONS if one in evasions)
    stage.judge(name, f"{n} mails {pretence.told} pass a new connector; evasions: {avoided}.")
