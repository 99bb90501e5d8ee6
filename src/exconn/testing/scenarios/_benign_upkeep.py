"""Honest events: an existing connector is changed, and its mail goes on as before."""

import uuid
from datetime import datetime

import polars as pl

from exconn.simulate import Actor, Place, SimulatedConnector
from exconn.testing.scenarios._honest import (
    MINUTE,
    change_time,
    harmless_change,
    neighbours,
    noticed,
    own_times,
    records,
    signed_in,
    through,
    use_times,
)
from exconn.testing.scenarios._stage import DAY, HOUR, Stage

# Not "rotated" nor "new", which others change in the same week.
_INBOUND = ("relay", "marketing", "billing", "printers", "partner_in", "quiet")


def travelling_admin(stage: Stage) -> None:
    """An administrator in a hotel abroad mistypes a password, then changes a connector."""
    rng = stage.rng
    target, hotel = stage.own(rng.choice(_INBOUND)), stage.hotel()
    changed = stage.at - HOUR * stage.some(0.5, 60)
    entered = changed - MINUTE * stage.some(3, 240)
    failures = rng.choice((0, 1, 2, 2, 3))
    tries = [entered - MINUTE * rng.uniform(0.1, 2) * (i + 1) for i in range(failures)]
    if tries:
        stage.sign_in(tries, place=hotel, action="LogonFailed")
    stage.sign_in([entered], place=hotel)
    what, parameters = harmless_change(stage, target)
    stage.run(changed, "Set-InboundConnector", parameters, place=hotel)
    n, times = _goes_on(stage, target, changed)
    stage.judge(
        target.name,
        f"After {failures} wrong passwords in a hotel in {hotel.country} the administrator "
        f"changed {what}; {n} more mails than usual went the same way as ever.",
        at=noticed(stage, changed, times),
        context=records(stage, target.name, changed),
    )


def failed_brute_force(stage: Stage) -> None:
    """While somebody guesses at a password in vain, its owner makes a harmless change."""
    rng = stage.rng
    target = stage.own(rng.choice(_INBOUND))
    changed = stage.office_time(stage.at - HOUR * stage.some(3, 60), stage.at - HOUR)
    place = signed_in(stage, changed, rng.choice((stage.admin.office, stage.admin.home)))
    guesses = round(stage.some(20, 400))
    begins = changed - HOUR * rng.uniform(-3, 8)
    span = MINUTE * stage.some(0.8, 180)
    server = stage.hosting(abroad=stage.chance(0.8))
    stage.sign_in(stage.spread(guesses, begins, span), place=server, action="LogonFailed")
    what, parameters = harmless_change(stage, target)
    stage.run(changed, "Set-InboundConnector", parameters, place=place)
    n, times = _goes_on(stage, target, changed)
    stage.judge(
        target.name,
        f"{guesses} passwords were guessed in vain from {server.country}, while the administrator "
        f"changed {what}; {n} more mails than usual went the same way as ever.",
        at=noticed(stage, changed, times),
        context=records(stage, target.name, changed),
    )


def vendor_address_rotation(stage: Stage) -> None:
    """A vendor moves to other addresses; its mail is the same."""
    rng = stage.rng
    target = stage.own(rng.choice(("marketing", "partner_in")))
    changed = change_time(stage)
    place = signed_in(stage, changed)
    fresh = neighbours(stage, rng.randint(1, 4))
    kept = target.addresses[:1] if stage.chance(0.4) else ()
    parameters = {"Identity": target.name, "SenderIPAddresses": ";".join((*kept, *fresh))}
    if stage.chance(0.4):
        parameters |= {"RestrictDomainsToIPAddresses": "True", "RequireTls": "True"}
    stage.run(changed, "Set-InboundConnector", parameters, place=place)
    moved, n, times = _moves(stage, target, changed, (*kept, *fresh))
    stage.judge(
        target.name,
        f"The vendor moved to {len(fresh)} new addresses: {moved + n} mails came from there.",
        at=noticed(stage, changed, times),
        context=records(stage, target.name, changed),
    )


def automation_app(stage: Stage) -> None:
    """The application that always looks after the connectors renews one."""
    rng = stage.rng
    app = Actor.application(
        str(uuid.UUID(int=rng.getrandbits(128))),
        rng.choice(("Connector automation", "exo-pipeline", "Mail flow as code")),
    )
    cloud = Place("NL", "amsterdam", "Microsoft Azure", (f"198.19.254.{rng.randint(1, 254)}",))
    roles = rng.sample(_INBOUND, 3)
    target = stage.own(roles[0])
    past = rng.randint(3, 10)
    for when in stage.daily(past, stage.tenant.start, stage.at - 9 * DAY):
        _, parameters = harmless_change(stage, stage.own(rng.choice(roles)))
        stage.run(when, "Set-InboundConnector", parameters, actor=app, place=cloud)
    changed: datetime = stage.daily(1, stage.at - HOUR * stage.some(4, 120), stage.at - HOUR)[0]
    moves = stage.chance(0.5)
    if moves:
        network = target.addresses[0].rpartition(".")[0]
        fresh = tuple(f"{network}.{host}" for host in rng.sample(range(200, 255), 2))
        if stage.chance(0.5):
            fresh = neighbours(stage, 2)
        parameters = {"Identity": target.name, "SenderIPAddresses": ";".join(fresh)}
        moved, more, times = _moves(stage, target, changed, fresh)
        told = f"addresses, from which {moved + more} mails came"
    else:
        what, parameters = harmless_change(stage, target)
        more, times = _goes_on(stage, target, changed)
        told = f"{what}, and {more} more mails than usual came as ever"
    stage.run(changed, "Set-InboundConnector", parameters, actor=app, place=cloud)
    context = records(stage, target.name, changed)
    stage.judge(
        target.name,
        f"{app.name}, which made {past} such changes before, renewed {told}.",
        at=noticed(stage, changed, times),
        context=context,
    )


def _goes_on(stage: Stage, target: SimulatedConnector, changed: datetime) -> tuple[int, pl.Series]:
    """Let a connector be as busy as ever, or somewhat busier: how much, and when."""
    n = round(stage.some(20, 600)) if stage.chance(0.5) else 0
    times = use_times(stage, n, changed) if n else own_times(stage, target, changed)
    if n:
        stage.mail_like(target.role, times)
    return n, times if len(times) else pl.Series([stage.at])


def _moves(
    stage: Stage, target: SimulatedConnector, changed: datetime, addresses: tuple[str, ...]
) -> tuple[int, int, pl.Series]:
    """Let a connector's mail come from other addresses: how much, how much more, and when."""
    since = changed + MINUTE * stage.some(2, 200)
    moved = stage.reroute(through(target, since), addresses=addresses)
    n = round(stage.some(20, 1_500))
    times = use_times(stage, n, changed)
    stage.mail_like(target.role, times, sender_ipv4=stage.rng.choices(addresses, k=n))
    return moved, n, times
