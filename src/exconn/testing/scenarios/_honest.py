"""What honest events share: vendors, administrators at work, harmless changes, and ordinary use."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl
from attrs import frozen

from exconn.context import ApprovedChange, Context
from exconn.simulate import AUTHENTICATED, Place, SimulatedConnector
from exconn.simulate._names import MAILBOX_PROVIDERS
from exconn.testing.scenarios._stage import HOUR, MAIL, Stage

SPF_ONLY = '{"SPF":"pass","DKIM":"none","DMARC":"bestguesspass","CompAuth":"pass"}'
"""Of machines that do not sign."""

MISALIGNED = '{"SPF":"pass","DKIM":"none","DMARC":"fail","CompAuth":"fail"}'
"""Of senders in a name that nobody gave them keys for."""

MINUTE = timedelta(minutes=1)
RECORDED = 0.25
"""How many organisations write something down of what is asked of a context."""


@frozen
class Vendor:
    """A service that the tenant never dealt with.

    Attributes:
        addresses: neighbours in one network, the first of them drawn.
    """

    domain: str
    addresses: tuple[str, ...]

    @property
    def label(self) -> str:
        """Its name, as people write it."""
        return self.domain.partition(".")[0].title()

    @property
    def certificate(self) -> str:
        """The name in its TLS certificate."""
        return f"mail.{self.domain}"

    @property
    def network(self) -> str:
        """The network that all of its addresses lie in."""
        return f"{self.addresses[0].rpartition('.')[0]}.0/24"


def vendor(stage: Stage) -> Vendor:
    """Draw a vendor."""
    return Vendor(stage.fresh_domains(1)[0], neighbours(stage, stage.rng.randint(1, 4)))


def neighbours(stage: Stage, n: int) -> tuple[str, ...]:
    """Draw `n` addresses of one network that the tenant never dealt with."""
    network = stage.fresh_address().rpartition(".")[0]
    return tuple(f"{network}.{host}" for host in stage.rng.sample(range(1, 255), n))


def own_domain(stage: Stage) -> str:
    """The tenant's main domain."""
    return stage.tenant.accepted_domains[0]


def free_name(stage: Stage, *names: str) -> str:
    """Draw a name that no connector has."""
    taken = {connector.name for connector in stage.tenant.connectors}
    return stage.rng.choice([name for name in names if name not in taken])


# Administrators at work


def workplace(stage: Stage) -> Place:
    """Where the administrator works: the office, home, and now and then a hotel or a VPN."""
    ordinary = stage.rng.choices((stage.admin.office, stage.admin.home), (8, 2))[0]
    if stage.chance(0.12):
        return stage.hotel() if stage.chance(0.5) else stage.hosting(abroad=stage.chance(0.5))
    return ordinary


def signed_in(stage: Stage, before: datetime, place: Place | None = None) -> Place:
    """Let the administrator sign in, minutes to hours before a change; where is returned."""
    where = place or workplace(stage)
    stage.sign_in([before - MINUTE * stage.some(3, 300)], place=where)
    return where


def change_time(stage: Stage) -> datetime:
    """Draw when a connector is changed: hours to days before its mail shows it."""
    return stage.office_time(stage.at - HOUR * stage.some(8, 130), stage.at - 3 * HOUR)


def noticed(stage: Stage, changed: datetime, times: pl.Series) -> datetime:
    """Draw when the alert is raised: soon after the change, or in or after the busiest hour."""
    if stage.at - changed < 24 * HOUR and stage.chance(0.3):
        return changed + MINUTE * stage.some(1, 90)
    return after_busiest_hour(stage, times)


def after_busiest_hour(stage: Stage, times: pl.Series) -> datetime:
    """Draw a moment in the hour in which most of these times lie, or shortly after it."""
    hours = times.alias("hour").dt.truncate("1h").value_counts()
    busiest: datetime = hours.sort("count", "hour", descending=True)[0, "hour"]
    return busiest + MINUTE * stage.rng.uniform(20, 90)


def records(
    stage: Stage,
    connector: str,
    changed: datetime | None = None,
    known: Vendor | None = None,
) -> Context:
    """Draw what the organisation has on file of a change and of a vendor: mostly nothing."""
    if not stage.chance(RECORDED):
        return Context()
    tickets = []
    if changed and stage.chance(0.7):
        ticket = ApprovedChange(
            connector=connector if stage.chance(0.7) else "",
            actor=stage.admin.upn if stage.chance(0.5) else "",
            start=changed - HOUR * stage.some(1, 48),
            end=changed + HOUR * stage.some(2, 72),
            reason=f"CHG{stage.rng.randint(10_000, 99_999)}",
        )
        tickets.append(ticket)
    return Context(
        approved_changes=tickets,
        accepted_domains=stage.tenant.accepted_domains if stage.chance(0.6) else (),
        partners=(known.domain,) if known and stage.chance(0.4) else (),
        gateways=(known.network,) if known and stage.chance(0.3) else (),
    )


# Settings


def service_settings(
    stage: Stage, name: str, service: Vendor, *, sender_domain: str
) -> dict[str, str]:
    """Draw settings of a new connector for a service, as strict as Exchange's guides advise."""
    settings = {
        "Name": name,
        "SenderDomains": f"smtp:{sender_domain};1",
        "RequireTls": "True",
        "TlsSenderCertificateName": service.certificate,
    }
    if stage.chance(0.5):
        settings |= {"ConnectorType": "Partner", "RestrictDomainsToCertificate": "True"}
        if stage.chance(0.4):
            settings["RestrictDomainsToIPAddresses"] = "True"
            settings["SenderIPAddresses"] = address_list(stage, service)
    else:
        # To relay to the outside, mail has to look as if it came from the tenant's own servers.
        settings |= {"ConnectorType": "OnPremises", "CloudServicesMailEnabled": "False"}
    return settings | remarks(stage)


def address_list(stage: Stage, service: Vendor) -> str:
    """Draw how a vendor's addresses are written down: one by one, or as a network."""
    return service.network if stage.chance(0.4) else ";".join(service.addresses)


def remarks(stage: Stage) -> dict[str, str]:
    """Draw what administrators add or leave out, and where they do it."""
    optional = {
        "Enabled": "True",
        "Comment": f"CHG{stage.rng.randint(10_000, 99_999)}",
        "ConnectorSource": "AdminUI",
    }
    return {name: value for name, value in optional.items() if stage.chance(0.4)}


def harmless_change(stage: Stage, target: SimulatedConnector) -> tuple[str, dict[str, str]]:
    """Draw a change that lets in nobody new: what it is, and the parameters.

    The admin centre often passes the whole form again, with the values that were there before.
    """
    rng = stage.rng
    neighbour = f"{target.addresses[0].rpartition('.')[0]}.{rng.randint(240, 254)}"
    home = _home_domain(stage, target)
    kinds: tuple[tuple[str, dict[str, str]], ...] = (
        ("the certificate", {"TlsSenderCertificateName": f"mail{rng.randint(2, 9)}.{home}"}),
        ("TLS", {"RequireTls": "True"}),
        (
            "the comment",
            {"Comment": rng.choice(("Owner: infrastructure", "Reviewed", "Do not use"))},
        ),
        (
            "the list of addresses",
            {"SenderIPAddresses": ";".join((*target.addresses, neighbour))},
        ),
    )
    what, parameters = rng.choice(kinds)
    form = _whole_form(stage, target) if stage.chance(0.35) else {}
    return what, {"Identity": target.name} | form | parameters


def _home_domain(stage: Stage, target: SimulatedConnector) -> str:
    """The domain of those who run what sends: a vendor, a partner or the tenant."""
    own = stage.tenant.frames[MAIL].filter(pl.col("Connectors") == target.name)
    bounces: str = own["SenderMailFromDomain"][0]
    return bounces.removeprefix("bounces.").removeprefix("mail.")


def _whole_form(stage: Stage, target: SimulatedConnector) -> dict[str, str]:
    """The values that a connector has already; two of those here are known to be strict."""
    sender, tls = "*", stage.rng.choice(("True", "False"))
    if target.role in {"partner_in", "relay"}:
        tls = "True"
    if target.role == "partner_in":
        sender = _home_domain(stage, target)
    return {
        "SenderDomains": f"smtp:{sender};1",
        "RequireTls": tls,
        "SenderIPAddresses": ";".join(target.addresses),
        "ConnectorSource": "AdminUI",
        "Enabled": "True",
    }


# Ordinary use


def use_times(stage: Stage, n: int, since: datetime) -> pl.Series:
    """Draw `n` times after a change: in a burst, or as the hours of the day go."""
    if stage.chance(0.4):
        start = stage.at - MINUTE * stage.rng.uniform(0, 50)
        return stage.spread(n, start, HOUR * stage.some(0.8, 12))
    begins = since + MINUTE * stage.some(5, 100)
    return stage.daily(n, begins, stage.at + HOUR * stage.rng.uniform(2, 20))


def campaign_times(stage: Stage, n: int, since: datetime) -> pl.Series:
    """Draw `n` times in one to three runs, each of minutes to hours, the last about now."""
    runs = stage.rng.randint(1, 3)
    starts = [stage.at - MINUTE * stage.rng.uniform(0, 50)]
    starts += [stage.office_time(since + 100 * MINUTE, stage.at) for _ in range(runs - 1)]
    sizes = [n // runs + (1 if i < n % runs else 0) for i in range(runs)]
    return pl.concat(
        stage.spread(size, start, HOUR * stage.some(0.3, 6))
        for size, start in zip(sizes, starts, strict=True)
    )


def subscribers(stage: Stage, n: int) -> list[str]:
    """Draw `n` recipients outside of whom most have never had mail from here."""
    rng = stage.rng
    known, private = round(n * rng.uniform(0, 0.4)), round(n * rng.uniform(0, 0.3))
    rest = n - known - private
    drawn = stage.customers(known)
    drawn += [
        f"reader{i}@{rng.choice(MAILBOX_PROVIDERS)}" for i in rng.sample(range(10**6), private)
    ]
    drawn += stage.strangers(rest, max(3, min(rest // 2, 600)))
    return shuffled(stage, drawn)


def shuffled(stage: Stage, recipients: Sequence[str]) -> list[str]:
    """The same recipients in any order."""
    return stage.rng.sample(recipients, len(recipients))


def directions(stage: Stage, recipients: Sequence[str]) -> list[str]:
    """Whether mail that comes in through a connector stays or is relayed to the outside."""
    inside = f"@{own_domain(stage)}"
    return ["Inbound" if one.endswith(inside) else "Outbound" for one in recipients]


def authenticated(stage: Stage, n: int, usual: str = AUTHENTICATED) -> list[str]:
    """The authentication of `n` mails; in one case of ten a share is misconfigured."""
    share = stage.rng.uniform(0.05, 0.9) if stage.chance(0.1) else 0.0
    return [MISALIGNED if stage.chance(share) else usual for _ in range(n)]


def judged(
    stage: Stage, n: int, *, most: float = 0.4, threat: str | None = None
) -> dict[str, list[str]]:
    """What filters make of `n` mails: they are seldom wrong, but about some senders often.

    Args:
        stage: whose draws these are.
        n: how many.
        most: the share of wrong verdicts at worst.
        threat: what the filters take these mails for; None draws it, mostly spam.

    Returns:
        The columns of `exconn.simulate.mail_rows` that tell it.
    """
    share = stage.rng.uniform(0, most) if stage.chance(0.25) else stage.rng.uniform(0, 0.03)
    name = threat or stage.rng.choice(("Spam", "Spam", "Spam", "Phish"))
    threats = [name if stage.chance(share) else "" for _ in range(n)]
    junked = stage.rng.random()
    delivery = ["Junked" if one and stage.chance(junked) else "Delivered" for one in threats]
    return {"threats": threats, "delivery": delivery}


def through(target: SimulatedConnector, since: datetime) -> pl.Expr:
    """The mail that passes through a connector from a moment on."""
    return (pl.col("Connectors") == target.name) & (pl.col("Timestamp") >= since)


def own_times(stage: Stage, target: SimulatedConnector, since: datetime) -> pl.Series:
    """The times of a connector's own mail from a moment until some hours from now."""
    until = pl.col("Timestamp") < stage.at + 12 * HOUR
    return stage.tenant.frames[MAIL].filter(through(target, since), until)["Timestamp"]
