"""The honest connectors; several of them look bad to a naive reader."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl
from attrs import frozen

from exconn.simulate._draw import (
    MACHINES,
    OFFICE,
    OUTSIDE,
    Curve,
    between,
    indices,
    integers,
    picks,
    rhythm,
)
from exconn.simulate._mail import AUTHENTICATED, mail_rows
from exconn.simulate._names import CONNECTOR_NAMES, SUBJECTS
from exconn.simulate._tenant import SimulatedConnector
from exconn.simulate._world import Part, World

_SPF_ONLY = '{"SPF":"pass","DKIM":"none","DMARC":"bestguesspass","CompAuth":"pass"}'
_VIA_GATEWAY = '{"SPF":"fail","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}'
_RUN = timedelta(minutes=50)

Built = tuple[SimulatedConnector, Part]


@frozen
class Plan:
    """One honest connector to be.

    Attributes:
        share: of the tenant's rows of mail.
        least: the fewest rows that still show its pattern.
        build: makes it, with about that many rows.
    """

    role: str
    share: float
    least: int
    build: Callable[[World, str, int], Built]

    def rows(self, mails: int) -> int:
        """How many rows of mail it gets in a tenant with `mails` of them."""
        return max(self.least, round(self.share * mails))


def relay(world: World, role: str, n: int) -> Built:
    """Internal applications that write to staff and, some, to customers; no sender ids."""
    connector = _connector(
        world,
        role,
        "An on-premises relay through which internal applications write to staff and customers.",
        addresses=_on_premises(world, role),
    )
    outside = n * 22 // 100
    senders = [world.mailbox(name) for name in ("erp", "tickets", "no-reply", "workflow", "jobs")]

    def rows(n: int, recipients: pl.Series, direction: str) -> pl.DataFrame:
        return mail_rows(
            rng=world.rng,
            times=world.times(n, MACHINES),
            p1=picks(world.rng, n, senders, (4, 3, 3, 2, 1)),
            recipients=recipients,
            directory=world.directory,
            connector=connector.name,
            direction=direction,
            sender_ipv4=picks(world.rng, n, connector.addresses),
            subject=picks(world.rng, n, SUBJECTS[role]),
            urls=picks(world.rng, n, (0, 1, 1)),
            authentication=_SPF_ONLY,
        )

    customers = picks(world.rng, outside, world.contacts)
    mails = (
        rows(n - outside, world.colleagues(n - outside), "Inbound"),
        rows(outside, customers, "Outbound"),
    )
    part = Part(mails=mails)
    return connector, part + _hybrid_wizard(world, connector)


def marketing(world: World, role: str, n: int) -> Built:
    """Newsletters, twice a week: bounces go to the vendor, so P1 never matches P2."""
    connector = _connector(
        world,
        role,
        "A marketing service that sends the newsletter in the tenant's name twice a week.",
        addresses=_vendor(world, role),
    )
    vendor = world.vendors[0]
    day = world.rng.randrange(2)
    runs = world.runs((day, day + 3), world.rng.randint(9, 15))
    frames = []
    for start, size in zip(runs, _sizes(world, n, len(runs)), strict=True):
        bounce = pl.select(pl.format("bounce-{}@bounces." + vendor, _tags(world, size))).to_series()
        frames.append(
            mail_rows(
                rng=world.rng,
                times=between(world.rng, size, start, start + _RUN),
                p1=bounce,
                p2=world.mailbox("news"),
                recipients=_some(world, world.subscribers, size),
                connector=connector.name,
                direction="Outbound",
                sender_name="News",
                sender_ipv4=picks(world.rng, size, connector.addresses),
                subject=world.rng.choice(SUBJECTS[role]),
                urls=picks(world.rng, size, (6, 7, 8)),
                bulk_level=5,
                cluster=world.rng.randrange(2**32),
            )
        )
    return connector, Part(mails=tuple(frames))


def billing(world: World, role: str, n: int) -> Built:
    """Invoices, once a week, all within an hour, to customers that the tenant mails anyway."""
    connector = _connector(
        world,
        role,
        "The billing system, which sends a week's invoices to customers in one run.",
        addresses=_on_premises(world, role),
    )
    runs = world.runs((world.rng.randrange(5),), world.rng.randint(5, 20))
    frames = [
        mail_rows(
            rng=world.rng,
            times=between(world.rng, size, start, start + _RUN),
            p1=world.mailbox("invoices"),
            recipients=picks(world.rng, size, world.contacts),
            connector=connector.name,
            direction="Outbound",
            sender_name="Invoices",
            sender_ipv4=picks(world.rng, size, connector.addresses),
            subject=world.rng.choice(SUBJECTS[role]),
            attachments=1,
        )
        for start, size in zip(runs, _sizes(world, n, len(runs)), strict=True)
    ]
    return connector, Part(mails=tuple(frames))


def printers(world: World, role: str, n: int) -> Built:
    """Scans to staff; machines have no sender id."""
    connector = _connector(
        world,
        role,
        "Printers and scanners that send scanned documents to staff.",
        addresses=_on_premises(world, role),
    )
    machines = [world.mailbox(f"scanner-{i}") for i in range(1, 13)]
    rows = _to_staff(world, connector, n, p1=machines, subjects="printers", attachments=1)
    return connector, Part(mails=(rows,))


def gateway(world: World, role: str, n: int) -> Built:
    """All mail from the internet, with its junk; senders have thousands of domains."""
    rng = world.rng
    connector = _connector(
        world,
        role,
        "The mail gateway through which all mail from the internet arrives.",
        addresses=_vendor(world, role),
    )
    verdicts = (
        *(("Delivered", ""), ("Delivered", ""), ("Junked", "Spam")),
        *(("Blocked", "Phish"), ("Junked", "Phish")),
    )
    verdict = indices(rng, n, (70, 20, 7, 2, 0.6))
    delivery, threats = (
        pl.Series([pair[i] for pair in verdicts]).gather(verdict) for i in range(2)
    )
    senders, bounces = _internet_senders(world, n)
    bulk = verdict == 1
    rows = mail_rows(
        rng=rng,
        times=world.times(n, OUTSIDE),
        p1=bounces.zip_with(bulk, senders),
        p2=senders,
        recipients=world.colleagues(n),
        directory=world.directory,
        connector=connector.name,
        sender_ipv4=picks(rng, n, connector.addresses),
        subject=_subjects(world, threats),
        urls=picks(rng, n, (0, 0, 1, 2, 5)),
        attachments=picks(rng, n, (0, 0, 0, 1)),
        delivery=delivery,
        threats=threats,
        authentication=picks(rng, n, (_VIA_GATEWAY, AUTHENTICATED), (3, 1)),
    )
    return connector, Part(mails=(rows,))


def partner_in(world: World, role: str, n: int) -> Built:
    """One partner's mail, over TLS with the partner's certificate; adjusted long ago."""
    partner = world.vendors[1]
    connector = _connector(
        world,
        role,
        f"Mail from the partner {partner}, accepted over TLS only.",
        addresses=_vendor(world, role),
    )
    people = [f"{name}@{partner}" for name in ("dispatch", "m.haas", "l.reyes", "customs", "edi")]
    rows = _to_staff(world, connector, n, p1=people, subjects="partner", curve=OFFICE)
    adjusted = {
        "Identity": connector.name,
        "RequireTls": "True",
        "RestrictDomainsToCertificate": "True",
        "TlsSenderCertificateName": f"mail.{partner}",
    }
    return connector, Part(mails=(rows,)) + _long_ago(world, adjusted)


def partner_out(world: World, role: str, n: int) -> Built:
    """Staff's mail to one partner, over TLS."""
    partner = world.vendors[2]
    connector = _connector(
        world, role, f"Mail of staff to the partner {partner}, sent over TLS only."
    )
    people = [f"{name}@{partner}" for name in ("audit", "k.ito", "s.olsen", "desk", "p.novak")]
    senders = world.staff[indices(world.rng, n, world.activity)]
    rows = mail_rows(
        rng=world.rng,
        times=world.times(n, OFFICE),
        p1=senders["upn"],
        sender_object_id=senders["object_id"],
        sender_name=senders["name"],
        sender_ipv6=senders["address"],
        recipients=picks(world.rng, n, people),
        connector=connector.name,
        direction="Outbound",
        subject=picks(world.rng, n, SUBJECTS["partner"]),
        attachments=picks(world.rng, n, (0, 1)),
    )
    return connector, Part(mails=(rows,))


def new(world: World, role: str, n: int) -> Built:
    """A vendor on trial: the connector is days old, and as strict as can be."""
    vendor = world.vendors[3]
    connector = _connector(
        world,
        role,
        f"A connector made this week for the new vendor {vendor}, with strict settings.",
        addresses=_vendor(world, role),
    )
    made = _lately(world)
    settings = {
        "Name": connector.name,
        "Enabled": "True",
        "ConnectorType": "Partner",
        "SenderDomains": f"smtp:{vendor};1",
        "RequireTls": "True",
        "RestrictDomainsToCertificate": "True",
        "TlsSenderCertificateName": f"mail.{vendor}",
        "RestrictDomainsToIPAddresses": "True",
        "SenderIPAddresses": ";".join(connector.addresses),
        "Comment": "Pilot, change request on file",
    }
    rows = _to_staff(
        world,
        connector,
        n,
        p1=[f"notify@{vendor}"],
        subjects="vendor",
        since=made + timedelta(hours=1),
        curve=OFFICE,
    )
    return connector, Part(mails=(rows,)) + world.change(made, "New-InboundConnector", settings)


def rotated(world: World, role: str, n: int) -> Built:
    """A vendor that replaced one of its addresses this week; mail goes on as before."""
    vendor = world.vendors[4]
    *before, added = _vendor(world, role)
    kept = before[0]
    connector = _connector(
        world,
        role,
        f"The vendor {vendor}, for which an administrator changed the address list this week.",
        addresses=(*before, added),
    )
    at = _lately(world)
    change = {
        "Identity": connector.name,
        "SenderIPAddresses": f"{kept};{added}",
        "RestrictDomainsToIPAddresses": "True",
        "RequireTls": "True",
    }
    times = world.times(n, MACHINES)
    fresh = (times > at) & (integers(world.rng, n, 100) < 40)
    old = picks(world.rng, n, before).zip_with(times <= at, pl.Series([kept]))
    rows = mail_rows(
        rng=world.rng,
        times=times,
        p1=f"bounces@mail.{vendor}",
        p2=f"no-reply@{vendor}",
        recipients=world.colleagues(n),
        directory=world.directory,
        connector=connector.name,
        sender_ipv4=pl.Series([added]).zip_with(fresh, old),
        subject=picks(world.rng, n, SUBJECTS["vendor"]),
        urls=1,
    )
    return connector, Part(mails=(rows,)) + world.change(at, "Set-InboundConnector", change)


def quiet(world: World, role: str, n: int) -> Built:
    """A few alerts a day from machines to staff: old, forgotten, and what attackers look for."""
    connector = _connector(
        world,
        role,
        "A little-used on-premises relay through which machines alert staff.",
        addresses=_on_premises(world, role),
    )
    machines = [world.mailbox(name) for name in ("backup", "monitoring", "plant")]
    rows = _to_staff(world, connector, n, p1=machines, subjects="quiet")
    return connector, Part(mails=(rows,))


PLANS = (
    Plan("relay", 0.06, 120, relay),
    Plan("marketing", 0.14, 360, marketing),
    Plan("billing", 0.03, 150, billing),
    Plan("printers", 0.03, 60, printers),
    Plan("partner_in", 0.03, 60, partner_in),
    Plan("partner_out", 0.03, 60, partner_out),
    Plan("new", 0.002, 30, new),
    Plan("rotated", 0.01, 150, rotated),
    Plan("quiet", 0.005, 60, quiet),
)
GATEWAY = Plan("gateway", 0.0, 0, gateway)

_NETWORKS = {plan.role: 20 * i for i, plan in enumerate((*PLANS, GATEWAY))}


def _connector(
    world: World, role: str, about: str, *, addresses: Sequence[str] = ()
) -> SimulatedConnector:
    name = world.rng.choice(CONNECTOR_NAMES[role])
    return SimulatedConnector(role, name, about, addresses=tuple(addresses))


def _on_premises(world: World, role: str) -> tuple[str, ...]:
    hosts = world.rng.sample(range(1, 20), 2)
    return tuple(f"198.51.100.{_NETWORKS[role] + host}" for host in hosts)


def _vendor(world: World, role: str) -> tuple[str, ...]:
    hosts = world.rng.sample(range(1, 20), 3)
    return tuple(f"198.18.200.{_NETWORKS[role] + host}" for host in hosts)


def _lately(world: World) -> datetime:
    days = (world.end - world.start).days
    return world.workday(days - 6.8, days - 2.8)


def _long_ago(world: World, settings: Mapping[str, str]) -> Part:
    return world.change(world.workday(0.5, 6), "Set-InboundConnector", settings)


def _hybrid_wizard(world: World, connector: SimulatedConnector) -> Part:
    """The hybrid wizard ran again, well before the last week."""
    days = (world.end - world.start).days
    settings = {
        "Identity": connector.name,
        "ConnectorType": "OnPremises",
        "ConnectorSource": "HybridWizard",
        "SenderDomains": "smtp:*;1",
        "RequireTls": "True",
        "TlsSenderCertificateName": f"mail.{world.domain}",
        "CloudServicesMailEnabled": "True",
    }
    return world.change(world.workday(2, days - 9), "Set-InboundConnector", settings)


def _to_staff(
    world: World,
    connector: SimulatedConnector,
    n: int,
    *,
    p1: Sequence[str],
    subjects: str,
    attachments: int = 0,
    since: datetime | None = None,
    curve: Curve = MACHINES,
) -> pl.DataFrame:
    start = since or world.start
    return mail_rows(
        rng=world.rng,
        times=rhythm(world.rng, n, start, world.end, curve=curve, zone=world.zone),
        p1=picks(world.rng, n, p1),
        recipients=world.colleagues(n),
        directory=world.directory,
        connector=connector.name,
        sender_ipv4=picks(world.rng, n, connector.addresses),
        subject=picks(world.rng, n, SUBJECTS[subjects]),
        attachments=attachments,
        authentication=_SPF_ONLY if p1[0].endswith(f"@{world.domain}") else AUTHENTICATED,
    )


def _sizes(world: World, n: int, runs: int) -> list[int]:
    """Cut `n` into runs that differ by up to 15 per cent from their mean."""
    weights = [world.rng.uniform(0.85, 1.15) for _ in range(runs)]
    return [round(n * weight / sum(weights)) for weight in weights]


def _tags(world: World, n: int) -> pl.Series:
    return integers(world.rng, n, 10**9)


def _some(world: World, pool: Sequence[str], n: int) -> list[str]:
    """Draw `n` of a pool, all different as long as there are enough."""
    rounds, rest = divmod(n, len(pool))
    return [*pool] * rounds + world.rng.sample(pool, rest)


def _internet_senders(world: World, n: int) -> tuple[pl.Series, pl.Series]:
    """Header senders, and the bounce addresses that those of them who send in bulk use."""
    boxes = ("info", "noreply", "sales", "j.smith", "team", "support", "a.berg", "hello")
    weights = [1 / (12 + rank) for rank in range(len(world.correspondents))]
    domains = picks(world.rng, n, world.correspondents, weights)
    frame = pl.DataFrame({"box": picks(world.rng, n, boxes), "domain": domains})
    built = frame.select(
        senders=pl.format("{}@{}", "box", "domain"),
        bounces=pl.format("bounce@em.{}.mailer.example", pl.col("domain").str.extract(r"^(\w+)")),
    )
    return built["senders"], built["bounces"]


def _subjects(world: World, threats: pl.Series) -> pl.Series:
    n = len(threats)
    drawn = {word: picks(world.rng, n, SUBJECTS[word]) for word in ("staff", "junk", "phish")}
    return (
        drawn["phish"]
        .zip_with(threats == "Phish", drawn["junk"])
        .zip_with(threats != "", drawn["staff"])
    )
