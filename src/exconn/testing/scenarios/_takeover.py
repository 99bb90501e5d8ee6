"""Attacks that begin with an administrator: a password guessed, a session stolen, an insider."""

from datetime import datetime, timedelta

import attrs

from exconn.simulate._draw import guids
from exconn.testing.scenarios import _attackers as attackers
from exconn.testing.scenarios import _lures as lures
from exconn.testing.scenarios._stage import DAY, HOUR, Stage

_INBOUND = ("quiet", "quiet", "relay", "printers", "partner_in", "billing", "rotated")


def brute_forced_admin(stage: Stage) -> None:
    """An administrator's password is guessed; a new connector relays a blast."""
    they = attackers.crew(stage)
    start, span = attackers.mailing(stage, 1, 36)
    changed = attackers.before(stage, start)
    entered = attackers.before(stage, changed, 8)
    fast = stage.chance(0.5)
    guess = attackers.guess_fast if fast else attackers.guess_slowly
    failures = guess(stage, they.place, entered)
    name = attackers.create(stage, they, changed)
    n = attackers.amount(stage)
    pretence = _blast_outside(stage, name, they, n, start, span)
    stage.judge(
        name,
        f"After {failures} {'fast' if fast else 'slow'} guesses from {they.whence},"
        f" {n} mails {pretence.told} pass a new connector.",
    )


def password_spray(stage: Stage) -> None:
    """A spray over many accounts fits an administrator's, and a connector is made for spam."""
    they = attackers.crew(stage)
    start, span = attackers.mailing(stage, 1, 48)
    changed = attackers.before(stage, start)
    accounts = attackers.spray(stage, they.place, attackers.before(stage, changed, 12))
    name, how = attackers.take(stage, they, changed, _INBOUND)
    n = attackers.amount(stage)
    pretence = _blast_outside(stage, name, they, n, start, span)
    stage.judge(
        name,
        f"After a spray over {accounts} accounts from {they.whence},"
        f" {n} mails {pretence.told} pass {how}.",
    )


def stolen_session(stage: Stage) -> None:
    """A session is used in the administrator's own country, without a failed sign-in."""
    they = attackers.crew(stage)
    at_home = stage.chance(0.4)
    nearby = stage.rng.choice((stage.hosting, stage.residence))(abroad=False)
    they = attrs.evolve(they, place=attackers.usual_place(stage) if at_home else nearby)
    start, span = attackers.mailing(stage, 1, 60)
    changed = attackers.before(stage, start)
    attackers.steal(stage, they.place, attackers.before(stage, changed, 10))
    name = attackers.create(stage, they, changed)
    n = attackers.amount(stage)
    pretence = _blast_outside(stage, name, they, n, start, span)
    whence = "the administrator's own workstation" if at_home else they.whence
    stage.judge(name, f"From {whence}, a new connector is made for {n} mails {pretence.told}.")


def hijacked_connector(stage: Stage) -> None:
    """An existing connector is opened to the attackers' servers, and their mail goes through it."""
    they = attackers.crew(stage)
    target = stage.own(stage.rng.choice(_INBOUND))
    start, span = attackers.mailing(stage, 0.5, 48)
    changed = attackers.before(stage, start)
    attackers.steal(stage, they.place, attackers.before(stage, changed, 10))
    told = attackers.reopen(stage, they, changed, target)
    n = attackers.amount(stage)
    pretence = _blast_outside(stage, target.name, they, n, start, span)
    stage.judge(
        target.name,
        f"From {they.whence}, a connector ({target.role}) is opened by {told};"
        f" {n} mails {pretence.told}.",
    )


def create_blast_remove(stage: Stage) -> None:
    """A connector is made, used for hours and removed."""
    they = attackers.crew(stage)
    start, span = attackers.mailing(stage, 0.3, 6)
    changed = attackers.before(stage, start, 6)
    how = attackers.enter(stage, they, changed)
    name = attackers.create(stage, they, changed)
    n = attackers.amount(stage)
    pretence = _blast_outside(stage, name, they, n, start, span)
    removed = start + span + HOUR * stage.some(0.05, 2)
    stage.run(removed, "Remove-InboundConnector", {"Identity": name}, place=they.place)
    stage.judge(
        name,
        f"Attackers come in {how}, make a connector, send {n} mails {pretence.told} and remove"
        f" it {(removed - changed) / HOUR:.1f} hours after.",
    )


def dormant_connector_woken(stage: Stage) -> None:
    """A connector that was silent for long is switched on for the attackers' servers."""
    they = attackers.crew(stage)
    target = stage.own(stage.rng.choice(("quiet", "partner_in", "printers", "relay", "billing")))
    start, span = attackers.mailing(stage, 1, 60)
    silent = stage.at - DAY * stage.rng.uniform(12, 36)
    stage.silence(target.name, silent)
    if stage.chance(0.6):
        off = {"Identity": target.name, "Enabled": "False"}
        stage.sign_in([silent - HOUR * stage.some(0.1, 2)])
        stage.run(silent, "Set-InboundConnector", off)
    changed = attackers.before(stage, start)
    how = attackers.enter(stage, they, changed)
    told = attackers.reopen(stage, they, changed, target, Enabled="True")
    n = attackers.amount(stage)
    pretence = _blast_outside(stage, target.name, they, n, start, span)
    days = (start - silent) / DAY
    stage.judge(
        target.name,
        f"A connector ({target.role}) silent for {days:.0f} days is switched on {how}, {told}"
        f" changed; {n} mails {pretence.told}.",
    )


def rogue_admin(stage: Stage) -> None:
    """An administrator at the usual place makes a connector at night for spam of their own."""
    rng, admin, place = stage.rng, stage.admin, attackers.usual_place(stage)
    they = attrs.evolve(attackers.crew(stage), place=place)
    if stage.chance(0.3):
        they = attrs.evolve(they, servers=admin.office.addresses)
    start, span = attackers.mailing(stage, 2, 60)
    changed = _night_before(stage, start)
    stage.sign_in([changed - HOUR * stage.some(0.05, 1.5)], place=place)
    name = attackers.create(stage, they, changed, blank=False)
    if stage.chance(0.3):
        rule = {"Name": rng.choice(("Cleanup", "Header fix", ".")), "RemoveHeader": "Received"}
        stage.run(changed + HOUR * stage.some(0.05, 1), "New-TransportRule", rule, place=place)
    if stage.chance(0.6):
        pretence = lures.own_names(stage, they)
    else:
        pretence = lures.spoof(stage, they, stage.tenant.accepted_domains[0])
        if they.servers == admin.office.addresses:
            pretence = lures.from_within(pretence)
    n = attackers.amount(stage)
    times = attackers.waves(stage, n, start, span)
    about = rng.choice((lures.SPAM, lures.SWEEPSTAKES))
    lures.blast(stage, name, times, they, pretence, about, lures.outsiders(stage, n))
    clock = stage.local(changed).strftime("%H:%M")
    stage.judge(
        name,
        f"At {clock} an administrator makes a connector at the usual place"
        f" for {n} spam mails {pretence.told}.",
    )


def hybrid_disguise(stage: Stage) -> None:
    """A connector that poses as the hybrid wizard's relays mail in the names of known brands."""
    rng = stage.rng
    they = attackers.crew(stage)
    start, span = attackers.mailing(stage, 2, 96)
    changed = attackers.before(stage, start)
    how = attackers.enter(stage, they, changed)
    guid = guids(rng, 1)[0]
    host = rng.choice((f"mail.{they.domains[0]}", f"mail.{stage.tenant.accepted_domains[0]}"))
    posed = {
        "ConnectorType": "OnPremises",
        "ConnectorSource": "HybridWizard",
        "CloudServicesMailEnabled": "True",
        "SenderDomains": "smtp:*;1",
        "RequireTls": "True",
        "TlsSenderCertificateName": host,
    }
    if stage.chance(0.6):
        posed["SenderIPAddresses"] = ";".join(they.servers)
    name = attackers.create(stage, they, changed, posed, name=f"Inbound from {guid}")
    if stage.chance(0.4):
        outbound = {"Name": f"Outbound to {guid}", "ConnectorSource": "HybridWizard"}
        outbound |= {"ConnectorType": "OnPremises", "SmartHosts": host, "UseMXRecord": "False"}
        stage.run(
            changed + timedelta(minutes=1), "New-OutboundConnector", outbound, place=they.place
        )
    brands = stage.fresh_domains(rng.randint(1, 6))
    pretences = [
        lures.spoof(stage, they, brand, ("no-reply", "service", "offers")) for brand in brands
    ]
    senders = tuple(pair for pretence in pretences for pair in pretence.senders)
    pretence = attrs.evolve(pretences[0], senders=senders)
    n = attackers.amount(stage)
    times = attackers.waves(stage, n, start, span)
    lures.blast(stage, name, times, they, pretence, lures.lure(stage), lures.outsiders(stage, n))
    stage.judge(
        name,
        f"A connector like the hybrid wizard's is made {how};"
        f" {n} mails in the names of {len(brands)} brands.",
    )


def _blast_outside(
    stage: Stage,
    connector: str,
    they: attackers.Crew,
    n: int,
    start: datetime,
    span: timedelta,
) -> lures.Pretence:
    pretence = lures.pretend(stage, they)
    times = attackers.waves(stage, n, start, span)
    about = lures.lure(stage)
    if stage.chance(0.1):
        inside = lures.to_staff(stage)
        lures.blast(stage, connector, times, they, pretence, about, stage.colleagues(n), **inside)
    else:
        recipients = lures.outsiders(stage, n)
        lures.blast(stage, connector, times, they, pretence, about, recipients)
    return pretence


def _night_before(stage: Stage, start: datetime) -> datetime:
    """Draw a moment between ten in the evening and five in the morning, hours before the start."""
    midnight = stage.local(start).replace(hour=0, minute=0, second=0, microsecond=0)
    nights = [midnight - DAY * days + HOUR * stage.rng.uniform(-2, 5) for days in range(3)]
    return max(night for night in nights if night < start).astimezone(start.tzinfo)
