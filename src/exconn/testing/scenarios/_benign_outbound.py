"""Honest events: mail to the outside takes a way that it did not take before."""

from datetime import datetime

from exconn.context import Context
from exconn.simulate import AUTHENTICATED
from exconn.simulate._names import SUBJECTS
from exconn.testing.scenarios._honest import (
    MINUTE,
    SPF_ONLY,
    authenticated,
    campaign_times,
    change_time,
    free_name,
    judged,
    neighbours,
    noticed,
    own_domain,
    records,
    service_settings,
    signed_in,
    subscribers,
    use_times,
    vendor,
)
from exconn.testing.scenarios._stage import HOUR, Stage


def new_customer_service(stage: Stage) -> None:
    """A helpdesk or a shop in the cloud answers customers in the tenant's name."""
    rng, service = stage.rng, vendor(stage)
    name = free_name(stage, "Helpdesk cloud", "Web shop", f"{service.label} outbound")
    changed = change_time(stage)
    place = signed_in(stage, changed)
    settings = service_settings(stage, name, service, sender_domain=own_domain(stage))
    stage.run(changed, "New-InboundConnector", settings, place=place)
    n = round(stage.some(20, 1_500))
    times = use_times(stage, n, changed)
    known = round(n * rng.uniform(0.3, 1))
    box = rng.choice(("support", "orders", "service"))
    bounces = stage.chance(0.6)
    stage.mail(
        name,
        times,
        p1=f"bounces@{service.domain}" if bounces else f"{box}@{own_domain(stage)}",
        p2=f"{box}@{own_domain(stage)}",
        recipients=[*stage.customers(known), *subscribers(stage, n - known)],
        direction="Outbound",
        sender_ipv4=rng.choices(service.addresses, k=n),
        sender_name=box.title(),
        subject=rng.choices(SUBJECTS["vendor"], k=n),
        urls=rng.randint(0, 3),
        authentication=authenticated(stage, n),
        **judged(stage, n, most=0.1),
    )
    stage.judge(
        name,
        f"A new connector for {service.domain}, which sent {n} mails to customers in the tenant's "
        "name.",
        at=noticed(stage, changed, times),
        context=records(stage, name, changed, service),
    )


def mailer_moves(stage: Stage) -> None:
    """The mailing service moves to other servers, and often to another bounce domain."""
    rng, service, target = stage.rng, vendor(stage), stage.own("marketing")
    changed = change_time(stage)
    place = signed_in(stage, changed)
    fresh = neighbours(stage, rng.randint(1, 5))
    parameters = {"Identity": target.name, "SenderIPAddresses": ";".join(fresh)}
    if stage.chance(0.5):
        parameters["TlsSenderCertificateName"] = service.certificate
    stage.run(changed, "Set-InboundConnector", parameters, place=place)
    n = round(stage.some(80, 1_500))
    times = campaign_times(stage, n, changed)
    columns = {"p1": f"bounce@bounces.{service.domain}"} if stage.chance(0.6) else {}
    stage.mail_like(
        "marketing",
        times,
        sender_ipv4=rng.choices(fresh, k=n),
        authentication=authenticated(stage, n),
        **columns,
    )
    stage.judge(
        target.name,
        f"The mailing service moved to {len(fresh)} other servers"
        f"{' and another bounce domain' if columns else ''}, and sent {n} mails from there.",
        at=noticed(stage, changed, times),
        context=records(stage, target.name, changed),
    )


def new_application_server(stage: Stage) -> None:
    """A relay gets another server, whose application writes to customers."""
    rng, target = stage.rng, stage.own(stage.rng.choice(("relay", "quiet", "printers")))
    changed = change_time(stage)
    place = signed_in(stage, changed)
    fresh = neighbours(stage, rng.randint(1, 2))
    listed = ";".join((*target.addresses, *fresh))
    parameters = {"Identity": target.name, "SenderIPAddresses": listed}
    stage.run(changed, "Set-InboundConnector", parameters, place=place)
    n = round(stage.some(20, 1_200))
    times = use_times(stage, n, changed)
    box = f"{rng.choice(('portal', 'orders', 'statements', 'booking'))}@{own_domain(stage)}"
    signs = stage.chance(0.5)
    known = round(n * rng.uniform(0.4, 1))
    stage.mail(
        target.name,
        times,
        p1=box,
        recipients=[*stage.customers(known), *subscribers(stage, n - known)],
        direction="Outbound",
        sender_ipv4=rng.choices(fresh, k=n),
        subject=rng.choices(SUBJECTS["relay"], k=n),
        urls=rng.randint(0, 2),
        attachments=rng.randint(0, 1),
        authentication=authenticated(stage, n, AUTHENTICATED if signs else SPF_ONLY),
    )
    stage.judge(
        target.name,
        f"A new application server behind a relay ({target.role}) sent {n} mails to customers.",
        at=noticed(stage, changed, times),
        context=records(stage, target.name, changed),
    )


def subsidiary_campaign(stage: Stage) -> None:
    """A campaign goes out in the name of another domain of the tenant, by the usual service."""
    rng, target = stage.rng, stage.own("marketing")
    second = stage.fresh_domains(1)[0]
    days = rng.randint(4, 20)
    answers = stage.daily(days * 3, stage.at - HOUR * 24 * days, stage.at)
    stage.mail(
        stage.own("gateway").name,
        answers,
        p1=stage.customers(len(answers)),
        recipients=[f"{rng.choice(('info', 'sales', 'hello'))}@{second}" for _ in answers],
        sender_ipv4=rng.choices(stage.own("gateway").addresses, k=len(answers)),
    )
    n = round(stage.some(80, 2_000))
    times = campaign_times(stage, n, stage.at - HOUR * stage.some(8, 100))
    stage.mail_like(
        "marketing",
        times,
        p2=f"news@{second}",
        recipients=subscribers(stage, n),
        authentication=authenticated(stage, n),
    )
    listed = Context(accepted_domains=(*stage.tenant.accepted_domains, second))
    last: datetime = times.sort()[-1]
    stage.judge(
        target.name,
        f"{n} mails of a campaign in the name of {second}, a domain of the tenant since {days} "
        "days.",
        at=last - MINUTE * rng.uniform(1, 30),
        context=listed if stage.chance(0.5) else Context(),
    )
