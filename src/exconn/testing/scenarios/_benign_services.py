"""Honest events: services and vendors get connectors of their own."""

import polars as pl

from exconn.context import Context
from exconn.simulate import AUTHENTICATED, UNAUTHENTICATED
from exconn.simulate._names import SUBJECTS
from exconn.testing.scenarios._honest import (
    MINUTE,
    Vendor,
    address_list,
    authenticated,
    campaign_times,
    change_time,
    free_name,
    judged,
    noticed,
    own_domain,
    records,
    remarks,
    service_settings,
    signed_in,
    subscribers,
    use_times,
    vendor,
)
from exconn.testing.scenarios._stage import Stage


def new_marketing_service(stage: Stage) -> None:
    """A mailing service sends in the tenant's name: a test to colleagues, then campaigns."""
    rng, service = stage.rng, vendor(stage)
    name = free_name(stage, "Mailing platform", "CRM mailings", f"{service.label} campaigns")
    changed = change_time(stage)
    place = signed_in(stage, changed)
    domain = rng.choice(("*", own_domain(stage)))
    settings = service_settings(stage, name, service, sender_domain=domain)
    stage.run(changed, "New-InboundConnector", settings, place=place)
    tests = rng.randint(3, 12)
    soon = stage.spread(tests, changed + 2 * MINUTE, MINUTE * rng.uniform(10, 90))
    _campaign(stage, service, name, soon, stage.colleagues(tests), "Inbound")
    n = round(stage.some(120, 3_000))
    times = campaign_times(stage, n, changed)
    _campaign(stage, service, name, times, subscribers(stage, n), "Outbound")
    stage.judge(
        name,
        f"A new connector for the mailing service {service.domain}: {tests} test mails to "
        f"colleagues, then {n} mails to subscribers.",
        at=noticed(stage, changed, times),
        context=records(stage, name, changed, service),
    )


def _campaign(
    stage: Stage,
    service: Vendor,
    connector: str,
    times: pl.Series,
    recipients: list[str],
    direction: str,
) -> None:
    """Bounces go to the service, which signs with keys that the tenant published for it."""
    rng, n = stage.rng, len(times)
    box = rng.choice(("news", "offers", "events", "hello"))
    stage.mail(
        connector,
        times,
        p1=[f"bounce-{rng.randrange(10**9)}@bounces.{service.domain}" for _ in range(n)],
        p2=f"{box}@{own_domain(stage)}",
        recipients=recipients,
        direction=direction,
        sender_ipv4=rng.choices(service.addresses, k=n),
        sender_name=box.title(),
        subject=rng.choice(SUBJECTS["marketing"]),
        urls=rng.randint(1, 9),
        bulk_level=rng.randint(1, 6),
        **judged(stage, n),
        authentication=authenticated(stage, n),
        cluster=rng.randrange(2**32),
    )


def new_vendor_inbound(stage: Stage) -> None:
    """A vendor that wrote to staff by the gateway gets a strict connector of its own."""
    rng, service = stage.rng, vendor(stage)
    name = free_name(stage, f"{service.label} notifications", f"From {service.label}", "SaaS TLS")
    changed = change_time(stage)
    before = rng.randint(15, 150)
    earlier = stage.daily(before, stage.tenant.start, changed)
    _notifications(stage, service, stage.own("gateway").name, earlier)
    place = signed_in(stage, changed)
    settings = service_settings(stage, name, service, sender_domain=service.domain)
    settings |= {"ConnectorType": "Partner", "RestrictDomainsToCertificate": "True"}
    settings.pop("CloudServicesMailEnabled", None)
    stage.run(changed, "New-InboundConnector", settings, place=place)
    n = round(stage.some(20, 1_500))
    times = use_times(stage, n, changed)
    _notifications(stage, service, name, times)
    stage.judge(
        name,
        f"A new strict connector for the vendor {service.domain}, which sent {before} mails by "
        f"the gateway before and {n} through its own since.",
        at=noticed(stage, changed, times),
        context=records(stage, name, changed, service),
    )


def _notifications(stage: Stage, service: Vendor, connector: str, times: pl.Series) -> None:
    rng, n = stage.rng, len(times)
    stage.mail(
        connector,
        times,
        p1=f"bounces@mail.{service.domain}" if len(service.addresses) % 2 else _notifier(service),
        p2=_notifier(service),
        recipients=stage.colleagues(n),
        sender_ipv4=rng.choices(service.addresses, k=n),
        sender_name=service.label,
        subject=rng.choices(SUBJECTS["vendor"], k=n),
        urls=rng.randint(1, 4),
        **judged(stage, n, most=0.15),
        authentication=authenticated(stage, n),
    )


def _notifier(service: Vendor) -> str:
    return f"notify@{service.domain}"


def phishing_simulation(stage: Stage) -> None:
    """An awareness vendor sends what looks like phishing to staff, through a new connector."""
    rng, service = stage.rng, vendor(stage)
    name = free_name(stage, "Awareness training", f"{service.label} training", "Phish simulation")
    changed = change_time(stage)
    place = signed_in(stage, changed)
    settings = {
        "Name": name,
        "ConnectorType": rng.choice(("Partner", "OnPremises")),
        "SenderDomains": "smtp:*;1",
        "RequireTls": rng.choice(("True", "False")),
        "SenderIPAddresses": address_list(stage, service),
        "RestrictDomainsToIPAddresses": "True",
    }
    stage.run(changed, "New-InboundConnector", settings | remarks(stage), place=place)
    n = round(stage.some(20, 400))
    times = campaign_times(stage, n, changed)
    lures = stage.fresh_domains(rng.randint(1, 4))
    pretended = [f"{box}@{lure}" for box in ("it-support", "hr", "parcel") for lure in lures]
    if stage.chance(0.4):
        pretended.append(f"helpdesk@{own_domain(stage)}")
    stage.mail(
        name,
        times,
        p1=f"return@{service.domain}",
        p2=rng.choices(pretended, k=n),
        recipients=stage.colleagues(n),
        sender_ipv4=rng.choices(service.addresses, k=n),
        subject=rng.choices(SUBJECTS["phish"], k=n),
        urls=rng.randint(1, 2),
        attachments=rng.randint(0, 1),
        **judged(stage, n, most=0.6, threat="Phish"),
        authentication=rng.choice((AUTHENTICATED, UNAUTHENTICATED)),
    )
    known = records(stage, name, changed)
    stage.judge(
        name,
        f"{n} mails of a phishing simulation by {service.domain}, with {len(lures)} lure domains.",
        at=noticed(stage, changed, times),
        context=Context(
            simulation_vendors=(service.network,),
            accepted_domains=known.accepted_domains,
            approved_changes=known.approved_changes,
        ),
    )


def approved_outbound_service(stage: Stage) -> None:
    """An administrator at the office sends staff's mail through an encryption service."""
    rng, service = stage.rng, vendor(stage)
    purpose = rng.choice(("Encryption", "Archiving", "Signature"))
    name = free_name(stage, f"{purpose} service", f"To {service.label} ({purpose.lower()})")
    changed = change_time(stage)
    place = signed_in(stage, changed, stage.admin.office)
    scoped = stage.chance(0.4)
    settings = {
        "Name": name,
        "ConnectorType": rng.choice(("Partner", "OnPremises")),
        "UseMXRecord": "False",
        "SmartHosts": f"smtp.{service.domain}",
        "TlsSettings": rng.choice(("DomainValidation", "CertificateValidation")),
        "TlsDomain": service.domain,
    }
    settings |= {"IsTransportRuleScoped": "True"} if scoped else {"RecipientDomains": "*"}
    stage.run(changed, "New-OutboundConnector", settings | remarks(stage), place=place)
    if scoped:
        rule = {"Name": f"Route to {purpose.lower()}", "RouteMessageOutboundConnector": name}
        rule |= {"FromScope": "InOrganization", "SentToScope": "NotInOrganization"}
        later = changed + MINUTE * rng.uniform(1, 30)
        stage.run(later, "New-TransportRule", rule, place=place)
    since = changed + MINUTE * rng.uniform(2, 60)
    sent = (
        (pl.col("EmailDirection") == "Outbound")
        & (pl.col("Connectors") == "")
        & (pl.col("Timestamp") >= since)
    )
    moved = stage.reroute(sent, connector=name, share=rng.uniform(0.2, 0.9) if scoped else 1.0)
    more = round(stage.some(20, 1_500))
    times = use_times(stage, more, changed)
    own = (pl.col("EmailDirection") == "Outbound") & (pl.col("Connectors") == "")
    stage.mail_as(own, name, times)
    stage.judge(
        name,
        f"An outbound connector to the {purpose.lower()} service {service.domain}, made at the "
        f"office, through which {moved + more} mails of staff passed since.",
        at=noticed(stage, changed, times),
        context=records(stage, name, changed, service),
    )
