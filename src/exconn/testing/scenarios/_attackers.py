"""Who attackers are, how they get in, and what they do to connectors."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl
from attrs import frozen

from exconn.simulate import Actor, Place, SimulatedConnector, between
from exconn.simulate._draw import around
from exconn.testing.scenarios._stage import DAY, HOUR, LOGONS, Stage

_SESSIONS = (
    *("Microsoft 365", "Microsoft 365", "Microsoft Exchange Online"),
    "Azure Active Directory PowerShell",
)
_CONNECTOR_NAMES = (
    *("Inbound SMTP", "MailRelay01", "SMTP relay 2", "Exchange relay", "Inbound from branch"),
    *("Office relay", "Relay (temporary)", "Mail flow test", "O365 inbound", "CRM notifications"),
    *("Bulk notices", "Backup relay", "Migration inbound", "Connector 1", "Customer portal mail"),
)
_COMMENTS = ("Mail flow fix", "Requested by IT", "Temporary", "Migration", "New branch office")


@frozen
class Crew:
    """Attackers.

    Attributes:
        place: where they sign in and run cmdlets from.
        servers: the addresses that their mail comes from, at least one.
        domains: their own, at least one.
    """

    place: Place
    servers: tuple[str, ...]
    domains: tuple[str, ...]

    @property
    def whence(self) -> str:
        """Where they are, for the story."""
        return f"{self.place.isp} in {self.place.country}"


def crew(stage: Stage) -> Crew:
    """Attackers at a rented server or behind a household's connection, abroad or not."""
    abroad, hosted = stage.chance(0.6), stage.chance(0.6)
    place = stage.hosting(abroad=abroad) if hosted else stage.residence(abroad=abroad)
    servers = [stage.fresh_address() for _ in range(stage.rng.choice((1, 1, 1, 2, 3, 5)))]
    if hosted and stage.chance(0.3):
        servers[0] = place.addresses[0]
    domains = stage.fresh_domains(stage.rng.choice((1, 1, 2, 4)))
    return Crew(place, tuple(dict.fromkeys(servers)), tuple(domains))


def usual_place(stage: Stage) -> Place:
    """The office, or the administrator's home when they are known to work from there."""
    home = stage.admin.home
    logons = stage.tenant.frames[LOGONS].filter(
        pl.col("AccountObjectId") == stage.admin.object_id,
        pl.col("IPAddress").is_in(home.addresses),
        pl.col("Timestamp") < stage.at - 10 * DAY,
    )
    return stage.rng.choice((stage.admin.office, stage.admin.office if logons.is_empty() else home))


# When


def mailing(stage: Stage, least: float, most: float) -> tuple[datetime, timedelta]:
    """Draw when mail starts and how long it goes on, in hours.

    The alert comes while it goes on or in the twelve hours after.
    """
    hours = stage.some(least, most)
    start = stage.at - HOUR * stage.some(max(0.1, hours - 20), hours + 12)
    return start, HOUR * hours


def before(stage: Stage, moment: datetime, most: float = 40) -> datetime:
    """Draw a moment from minutes to `most` hours earlier."""
    return moment - HOUR * stage.some(0.05, most)


def waves(stage: Stage, n: int, start: datetime, span: timedelta) -> list[datetime]:
    """Draw `n` times: evenly, densest halfway, or in a few short waves."""
    shape = stage.rng.random()
    if shape < 0.5:
        return stage.spread(n, start, span).to_list()
    if shape < 0.8:
        return around(stage.rng, n, start, start + span).to_list()
    starts = stage.spread(stage.rng.randint(2, 4), start, span * 0.9)
    return [stage.rng.choice(starts) + span * stage.rng.uniform(0, 0.1) for _ in range(n)]


def amount(stage: Stage) -> int:
    """How many messages they send."""
    return round(stage.some(20, 3_000))


# How they get in


def guess_fast(stage: Stage, place: Place, entered: datetime) -> int:
    """Let them guess the administrator's password: hundreds of times within a minute.

    Returns:
        How often they failed.
    """
    failures = stage.rng.randint(105, 400)
    # The last guess of a tool is the right one; some come back by hand.
    lag = stage.some(1, 9) if stage.chance(0.6) else stage.some(10, 900)
    last = entered - timedelta(seconds=lag)
    times = between(stage.rng, failures, last - timedelta(seconds=stage.rng.uniform(20, 58)), last)
    _failures(stage, times.to_list(), place)
    _session(stage, place, entered)
    return failures


def guess_slowly(stage: Stage, place: Place, entered: datetime) -> int:
    """Let them guess the administrator's password over hours.

    Returns:
        How often they failed.
    """
    failures = stage.rng.randint(10, 80)
    span = HOUR * stage.some(1.5, 24)
    _failures(stage, stage.spread(failures, entered - span, span).to_list(), place)
    _session(stage, place, entered)
    return failures


def spray(stage: Stage, place: Place, entered: datetime) -> int:
    """Let them try one or two passwords on each of many accounts, until an administrator's fits.

    Returns:
        How many accounts they tried.
    """
    others = [person for person in stage.tenant.people if person != stage.admin]
    tried = stage.rng.sample(others, min(stage.rng.randint(12, 60), len(others)))
    victims = [person for person in tried for _ in range(stage.rng.randint(1, 2))]
    span = HOUR * stage.some(0.1, 20)
    times = stage.spread(len(victims), entered - span, span)
    stage.sign_in(times, victims, place=place, action="LogonFailed")
    _session(stage, place, entered)
    return len(tried) + 1


def steal(stage: Stage, place: Place, entered: datetime, *, seen: float = 0.85) -> None:
    """Let them use a token of the administrator; whether a sign-in is seen is drawn."""
    if stage.chance(seen):
        _session(stage, place, entered)


def enter(stage: Stage, they: Crew, changed: datetime) -> str:
    """Let them get in some hours before they change something, in one of several ways.

    Returns:
        How, for the story.
    """
    entered, drawn = before(stage, changed, 12), stage.rng.random()
    if drawn < 0.6:
        steal(stage, they.place, entered)
        return f"with a stolen token from {they.whence}"
    if drawn < 0.75:
        failures = guess_fast(stage, they.place, entered)
        return f"after {failures} fast guesses from {they.whence}"
    if drawn < 0.9:
        failures = guess_slowly(stage, they.place, entered)
        return f"after {failures} slow guesses from {they.whence}"
    accounts = spray(stage, they.place, entered)
    return f"after a spray over {accounts} accounts from {they.whence}"


def _failures(stage: Stage, times: Sequence[datetime], place: Place) -> None:
    application = stage.rng.choice(_SESSIONS)
    stage.sign_in(times, place=place, action="LogonFailed", application=application)


def _session(stage: Stage, place: Place, entered: datetime) -> None:
    again = [entered + HOUR * stage.some(0.02, 3) for _ in range(stage.rng.choice((0, 0, 1, 3)))]
    stage.sign_in([entered, *again], place=place, application=stage.rng.choice(_SESSIONS))


# What they do to connectors


def settings(stage: Stage, they: Crew) -> dict[str, str]:
    """Draw parameters that let their servers in, from wide open to strict looking."""
    rng = stage.rng
    on_premises = stage.chance(0.6)
    scope = "*" if stage.chance(0.65) else they.domains[0]
    chosen = {
        "ConnectorType": "OnPremises" if on_premises else "Partner",
        "SenderDomains": f"smtp:{scope};1",
    }
    if stage.chance(0.85):
        chosen["SenderIPAddresses"] = ";".join(they.servers)
        chosen |= _some_of(stage, {"RestrictDomainsToIPAddresses": rng.choice(("True", "False"))})
    if stage.chance(0.35):
        host = rng.choice(("mail", "smtp", "*"))
        chosen["TlsSenderCertificateName"] = f"{host}.{they.domains[0]}"
        chosen |= _some_of(stage, {"RestrictDomainsToCertificate": rng.choice(("True", "False"))})
    if on_premises:
        chosen |= rng.choice(
            (
                *({}, {}, {"CloudServicesMailEnabled": "True"}),
                *({"CloudServicesMailEnabled": "False"}, {"TreatMessagesAsInternal": "True"}),
            )
        )
    return chosen | _some_of(
        stage,
        {
            "Enabled": "True",
            "RequireTls": rng.choice(("True", "False")),
            "ConnectorSource": rng.choice(("AdminUI", "AdminUI", "Default")),
            "Comment": rng.choice(_COMMENTS),
        },
    )


def strict_settings(stage: Stage, they: Crew) -> dict[str, str]:
    """Parameters that let nobody in but their servers, with a certificate of their own."""
    return {
        "ConnectorType": stage.rng.choice(("Partner", "OnPremises")),
        "SenderDomains": f"smtp:{they.domains[0]};1",
        "RequireTls": "True",
        "TlsSenderCertificateName": f"mail.{they.domains[0]}",
        "RestrictDomainsToCertificate": "True",
        "RestrictDomainsToIPAddresses": "True",
        "SenderIPAddresses": ";".join(they.servers),
    }


def create(
    stage: Stage,
    they: Crew,
    at: datetime,
    parameters: Mapping[str, str] | None = None,
    *,
    name: str | None = None,
    actor: Actor | None = None,
    place: Place | None = None,
    blank: bool | None = None,
) -> str:
    """Let them make a connector for their servers.

    Args:
        stage: where.
        they: whose servers.
        at: when.
        parameters: all but its name; None draws them.
        name: None draws it.
        actor: who does it; None: the administrator.
        place: where from; None: theirs.
        blank: whether the row says nothing of the place; None draws it.

    Returns:
        Its name.
    """
    called = name or stage.rng.choice(_CONNECTOR_NAMES)
    stage.run(
        at,
        "New-InboundConnector",
        {"Name": called, **(parameters or settings(stage, they))},
        actor=actor,
        place=place or they.place,
        blank=stage.chance(0.06) if blank is None else blank,
    )
    return called


def reopen(
    stage: Stage,
    they: Crew,
    at: datetime,
    target: SimulatedConnector,
    *,
    place: Place | None = None,
    **more: str,
) -> str:
    """Let them change a connector so that it takes their mail as well, in one of several ways.

    Args:
        stage: where.
        they: whose mail.
        at: when.
        target: the connector.
        place: where from; None: theirs.
        more: parameters to pass as well.

    Returns:
        What they changed, for the story.
    """
    kept = target.addresses if stage.chance(0.75) else ()
    addresses = {"SenderIPAddresses": ";".join((*kept, *they.servers))}
    anyone = {"SenderDomains": "smtp:*;1", "RequireTls": "False"}
    certificate = {"TlsSenderCertificateName": f"mail.{they.domains[0]}", "RequireTls": "True"}
    told, changed = stage.rng.choice(
        (
            ("its addresses", addresses),
            ("its addresses", addresses | {"RestrictDomainsToIPAddresses": "True"}),
            ("its addresses and domains", addresses | {"SenderDomains": "smtp:*;1"}),
            ("its restrictions", anyone | {"RestrictDomainsToIPAddresses": "False"}),
            ("its restrictions", addresses | anyone | {"RestrictDomainsToCertificate": "False"}),
            ("its certificate", certificate),
        )
    )
    stage.run(
        at,
        "Set-InboundConnector",
        {"Identity": target.name, **changed, **more},
        place=place or they.place,
        blank=stage.chance(0.06),
    )
    return told


def take(
    stage: Stage, they: Crew, at: datetime, roles: Sequence[str], *, place: Place | None = None
) -> tuple[str, str]:
    """Let them make a connector or change one that has one of these roles.

    Returns:
        Its name, and what they did, for the story.
    """
    if stage.chance(0.5):
        return create(stage, they, at, place=place), "a new connector"
    target = stage.own(stage.rng.choice(tuple(roles)))
    told = reopen(stage, they, at, target, place=place)
    return target.name, f"a connector of which they changed {told}"


def _some_of(stage: Stage, parameters: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if stage.chance(0.6)}
