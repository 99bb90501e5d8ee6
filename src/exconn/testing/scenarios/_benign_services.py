"""Honest events: services and vendors get connectors of their own."""

from datetime import datetime, timedelta

import polars as pl

from exconn.context import Context
from exconn.simulate import AUTHENTICATED, UNAUTHENTICATED
from exconn.simulate._names import SUBJECTS
from exconn.testing.scenarios._honest import (
    MINUTE,
    Vendor,
    address_list,
    after_busiest_hour,
    authenticated,
    campaign_times,
    change_time,
    free_name,
    noticed,
    own_domain,
    records,
    remarks,
    service_settings,
    signed_in,
    subscribers,
    use_times,
    vendor,
    verdicts,
)
from exconn.testing.scenarios._stage import DAY, HOUR, Stage


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
        threats=verdicts(stage, n),
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
        threats=verdicts(stage, n, most=0.15),
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
        threats=verdicts(stage, n, most=0.6, threat="Phish"),
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


def gateway_migration(stage: Stage) -> None:
    """All mail from the internet moves to a new gateway, and brings its junk along."""
    rng, service, old = stage.rng, vendor(stage), stage.own("gateway")
    name = free_name(stage, f"{service.label} gateway", "New mail filter", f"MX {service.label}")
    changed = change_time(stage)
    place = signed_in(stage, changed)
    settings = {
        "Name": name,
        "ConnectorType": rng.choice(("Partner", "Partner", "OnPremises")),
        "SenderDomains": "smtp:*;1",
        "RestrictDomainsToIPAddresses": "True",
        "SenderIPAddresses": address_list(stage, service),
        "RequireTls": rng.choice(("True", "True", "False")),
    }
    # Behind a gateway Microsoft recommends to look past its address when mail is filtered.
    past_it = rng.choice((*("EFSkipLastIP", "EFSkipIPs"), "", ""))
    if past_it:
        settings[past_it] = "True" if past_it == "EFSkipLastIP" else ";".join(service.addresses)
    stage.run(changed, "New-InboundConnector", settings | remarks(stage), place=place)
    since = changed + MINUTE * stage.some(5, 120)
    arriving = (pl.col("Connectors") == old.name) & (pl.col("Timestamp") >= since)
    moved = stage.reroute(
        arriving, connector=name, addresses=service.addresses, share=rng.uniform(0.8, 1)
    )
    more = round(stage.some(300, 3_000))
    times = _arrivals(stage, more, since, name, service)
    end = _retire(stage, old.name, changed)
    stage.judge(
        name,
        f"{moved + more} mails from the internet arrive through the new gateway of "
        f"{service.domain}; the old one {end}.",
        at=noticed(stage, changed, times),
        context=records(stage, name, changed, service),
    )


def _arrivals(stage: Stage, n: int, since: datetime, name: str, service: Vendor) -> pl.Series:
    """More of what comes from the internet: other entrances are moved behind the gateway too."""
    rng = stage.rng
    times = use_times(stage, n, since)
    strangers = stage.fresh_domains(min(n, round(stage.some(50, 900))))
    boxes = ("info", "noreply", "sales", "team", "a.berg")
    senders = [f"{rng.choice(boxes)}@{rng.choice(strangers)}" for _ in range(n)]
    cut = rng.randint(0, n)
    addresses = rng.choices(service.addresses, k=n)
    behind = pl.col("Connectors") == stage.own("gateway").name
    stage.mail_as(behind, name, times[:cut], sender_ipv4=addresses[:cut])
    stage.mail_as(
        behind, name, times[cut:], p1=senders[cut:], p2=senders[cut:], sender_ipv4=addresses[cut:]
    )
    return times


def _retire(stage: Stage, connector: str, changed: datetime) -> str:
    """Disable or remove the old connector a day or so later, or leave it there."""
    end = stage.rng.choice(("stays", "is disabled", "is removed"))
    when = min(changed + HOUR * stage.some(1, 40), stage.at + 18 * HOUR)
    if end == "is disabled":
        parameters = {"Identity": connector, "Enabled": "False"}
        stage.run(when, "Set-InboundConnector", parameters, place=signed_in(stage, when))
    elif end == "is removed":
        parameters = {"Identity": connector}
        stage.run(when, "Remove-InboundConnector", parameters, place=signed_in(stage, when))
    return end


def merger(stage: Stage) -> None:
    """The mail system of an acquired company writes to staff and to its own customers."""
    rng, service = stage.rng, vendor(stage)
    acquired = service.domain
    _correspondence(stage, acquired)
    changed = change_time(stage)
    accepted = stage.chance(0.75)
    moving = _mail_to_acquired(stage, acquired, changed) if accepted else 0
    place = signed_in(stage, changed)
    settings = {
        "SenderDomains": f"smtp:{acquired};1" if stage.chance(0.5) else "smtp:*;1",
        "SenderIPAddresses": address_list(stage, service),
        "RequireTls": rng.choice(("True", "False")),
        "RestrictDomainsToIPAddresses": "True",
        "ConnectorType": "OnPremises",
    } | remarks(stage)
    if stage.chance(0.6):
        name = free_name(stage, f"{service.label} mail system", f"Merger {service.label}")
        stage.run(changed, "New-InboundConnector", {"Name": name, **settings}, place=place)
    else:
        name = stage.own(rng.choice(("partner_in", "relay"))).name
        stage.run(changed, "Set-InboundConnector", {"Identity": name, **settings}, place=place)
    n = round(stage.some(40, 2_500))
    times = use_times(stage, n, changed)
    outside = round(n * rng.uniform(0.1, 0.8))
    recipients = stage.strangers(outside, max(3, outside // 4)) + stage.colleagues(n - outside)
    names = [f"{first}.{last}" for first in "abcdelm" for last in ("falk", "toth", "lang", "wood")]
    people = [f"{rng.choice(names)}@{acquired}" for _ in range(n)]
    stage.mail(
        name,
        times,
        p1=people,
        recipients=recipients,
        direction=["Outbound"] * outside + ["Inbound"] * (n - outside),
        sender_ipv4=rng.choices(service.addresses, k=n),
        threats=verdicts(stage, n, most=0.2),
        authentication=authenticated(stage, n),
    )
    context = records(stage, name, changed)
    if accepted and context.accepted_domains:
        context = Context(
            accepted_domains=(*context.accepted_domains, acquired),
            approved_changes=context.approved_changes,
        )
    stage.judge(
        name,
        f"{n} mails of the acquired company {acquired}, of them {outside} to its customers; "
        f"{moving} mails for it arrived here before.",
        at=noticed(stage, changed, times),
        context=context,
    )


def _correspondence(stage: Stage, other: str) -> None:
    """Two firms write to each other for weeks."""
    rng = stage.rng
    weeks = (stage.tenant.start, stage.at - 8 * DAY)
    inward, outward = (round(stage.some(10, 80)) for _ in range(2))
    boxes = [f"{box}@{other}" for box in ("ceo", "m.falk", "legal", "finance", "b.toth")]
    stage.mail(
        stage.own("gateway").name,
        stage.daily(inward, *weeks),
        p1=rng.choices(boxes, k=inward),
        recipients=stage.colleagues(inward),
        sender_ipv4=rng.choices(stage.own("gateway").addresses, k=inward),
    )
    staff = (pl.col("EmailDirection") == "Outbound") & (pl.col("Connectors") == "")
    times = stage.daily(outward, *weeks)
    stage.mail_as(staff, "", times, recipients=rng.choices(boxes, k=outward))


def _mail_to_acquired(stage: Stage, acquired: str, changed: datetime) -> int:
    """Mail from the internet to people of the acquired company arrives here by now."""
    rng = stage.rng
    days = rng.uniform(2.5, 9)
    since = changed - timedelta(days=days)
    n = round(rng.uniform(4, 30) * days)
    gateway = stage.own("gateway").name
    boxes = [f"{box}@{acquired}" for box in ("ceo", "m.falk", "legal", "sales", "info", "b.toth")]
    from_outside = (pl.col("Connectors") == gateway) & (pl.col("ThreatTypes") == "")
    times = stage.daily(n, since, stage.at + 20 * HOUR)
    stage.mail_as(from_outside, gateway, times, recipients=rng.choices(boxes, k=n))
    return n


def test_connector(stage: Stage) -> None:
    """An administrator tries a connector out and cleans up in the end, or forgets to."""
    rng = stage.rng
    name = free_name(stage, "test", "Test connector", "tmp relay", "test2", "SMTP test")
    changed = stage.office_time(stage.at - 30 * HOUR, stage.at)
    place = signed_in(stage, changed)
    address = rng.choice((*stage.admin.office.addresses, stage.fresh_address()))
    settings = {
        "Name": name,
        "ConnectorType": rng.choice(("OnPremises", "Partner")),
        "SenderDomains": "smtp:*;1",
        "RequireTls": rng.choice(("True", "False")),
        "SenderIPAddresses": address,
    }
    stage.run(changed, "New-InboundConnector", settings | remarks(stage), place=place)
    n = rng.randint(3, 40)
    private = rng.randint(0, n)
    me = stage.admin.upn.partition("@")[0]
    boxes = [f"{me}@{provider}" for provider in ("mailhub.example", "postfach.example")]
    first = changed + MINUTE * rng.uniform(2, 60)
    times = stage.spread(n, first, HOUR * stage.some(0.2, 12))
    sender = rng.choice((stage.admin.upn, f"test@{own_domain(stage)}"))
    stage.mail(
        name,
        times,
        p1=rng.choice((sender, f"root@{stage.fresh_domains(1)[0]}")),
        p2=sender,
        recipients=rng.choices(boxes, k=private) + stage.colleagues(n - private),
        direction=["Outbound"] * private + ["Inbound"] * (n - private),
        sender_ipv4=address,
        subject=rng.choice(("test", "Test 2", "hello", "SMTP test")),
        threats=verdicts(stage, n),
        authentication=rng.choice((AUTHENTICATED, UNAUTHENTICATED)),
    )
    last: datetime = max(times)
    end = rng.choice(("removed", "disabled", "forgotten"))
    when = min(last + MINUTE * stage.some(2, 300), stage.at + 21 * HOUR)
    if end == "removed":
        stage.run(when, "Remove-InboundConnector", {"Identity": name}, place=place)
    elif end == "disabled":
        off = {"Identity": name, "Enabled": "False"}
        stage.run(when, "Set-InboundConnector", off, place=place)
    stage.judge(
        name,
        f"{n} test mails, {private} of them to private mailboxes; the connector is then {end}.",
        at=after_busiest_hour(stage, times),
        context=records(stage, name, changed),
    )


__all__ = [
    "approved_outbound_service",
    "gateway_migration",
    "merger",
    "new_marketing_service",
    "new_vendor_inbound",
    "phishing_simulation",
    "test_connector",
]
