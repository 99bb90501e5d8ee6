"""Honest events: whole mail systems are connected, moved, taken over, or tried out."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from exconn.context import Context
from exconn.simulate import AUTHENTICATED, UNAUTHENTICATED
from exconn.testing.scenarios._honest import (
    MINUTE,
    SPF_ONLY,
    Vendor,
    address_list,
    after_busiest_hour,
    authenticated,
    change_time,
    directions,
    free_name,
    judged,
    noticed,
    own_domain,
    records,
    remarks,
    signed_in,
    use_times,
    vendor,
)
from exconn.testing.scenarios._stage import DAY, HOUR, Stage


def hybrid_wizard(stage: Stage) -> None:
    """The hybrid wizard makes or changes connectors; mailboxes move, and mail grows."""
    rng, relay = stage.rng, stage.own("relay")
    changed = change_time(stage)
    place = signed_in(stage, changed)
    certificate = f"mail.{own_domain(stage)}"
    wizard = str(uuid.UUID(int=rng.getrandbits(128)))
    hybrid = {
        "ConnectorType": "OnPremises",
        "ConnectorSource": "HybridWizard",
        "RequireTls": "True",
        "TlsSenderCertificateName": certificate,
        "CloudServicesMailEnabled": "True",
        "SenderDomains": "smtp:*;1",
    }
    new = stage.chance(0.6)
    name = f"Inbound from {wizard}" if new else relay.name
    if new:
        stage.run(changed, "New-InboundConnector", {"Name": name, **hybrid}, place=place)
    else:
        stage.run(changed, "Set-InboundConnector", {"Identity": name, **hybrid}, place=place)
    if stage.chance(0.5):
        outbound = {
            "Name": f"Outbound to {wizard}",
            "ConnectorType": "OnPremises",
            "ConnectorSource": "HybridWizard",
            "RecipientDomains": own_domain(stage),
            "SmartHosts": certificate,
            "TlsDomain": certificate,
            "TlsSettings": "DomainValidation",
            "UseMXRecord": "False",
        }
        soon = changed + MINUTE * rng.uniform(0.1, 3)
        stage.run(soon, "New-OutboundConnector", outbound, place=place)
    moved = rng.randint(0, 30)
    for person in rng.sample(stage.tenant.people, min(moved, len(stage.tenant.people))):
        when = stage.office_time(changed, stage.at + 12 * HOUR)
        stage.run(when, "New-MoveRequest", {"Identity": person.upn, "Remote": "True"}, place=place)
    n = round(stage.some(40, 3_000))
    times = use_times(stage, n, changed)
    _from_on_premises(stage, name, times, relay.addresses)
    stage.judge(
        name,
        f"The hybrid wizard {'made' if new else 'changed'} the connector, {moved} mailboxes "
        f"moved, and {n} mails came from on-premises.",
        at=noticed(stage, changed, times),
        context=records(stage, name, changed),
    )


def _from_on_premises(
    stage: Stage, connector: str, times: pl.Series, addresses: Sequence[str]
) -> None:
    """Let people whose mailboxes are still on-premises write to colleagues and to the outside."""
    rng, n = stage.rng, len(times)
    outside = round(n * rng.uniform(0, 0.7))
    recipients = stage.customers(outside) + stage.colleagues(n - outside)
    stage.mail(
        connector,
        times,
        p1=[person.upn for person in rng.choices(stage.tenant.people, k=n)],
        recipients=recipients,
        direction=directions(stage, recipients),
        sender_ipv4=rng.choices(addresses, k=n),
        attachments=rng.randint(0, 1),
        **judged(stage, n, most=0.1),
        authentication=authenticated(stage, n, SPF_ONLY),
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
        **judged(stage, n, most=0.2),
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
        **judged(stage, n),
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
