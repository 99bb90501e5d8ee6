"""Honest events: machines and batch jobs of the tenant's own write more than usual."""

from datetime import datetime

import polars as pl

from exconn.simulate._names import SUBJECTS
from exconn.testing.scenarios._honest import (
    MINUTE,
    SPF_ONLY,
    after_busiest_hour,
    authenticated,
    change_time,
    directions,
    free_name,
    harmless_change,
    judged,
    noticed,
    own_domain,
    records,
    remarks,
    shuffled,
    signed_in,
    through,
    use_times,
)
from exconn.testing.scenarios._stage import DAY, HOUR, MAIL, Stage


def new_printers(stage: Stage) -> None:
    """New printers get a connector without TLS, restricted to the office's addresses."""
    rng, office = stage.rng, stage.admin.office
    name = free_name(stage, "Printers (new floor)", "Scanner relay", "MFP 2nd floor", "Copiers")
    changed = change_time(stage)
    place = signed_in(stage, changed)
    settings = {
        "Name": name,
        "ConnectorType": "OnPremises",
        "SenderDomains": rng.choice(("smtp:*;1", f"smtp:{own_domain(stage)};1")),
        "RequireTls": "False",
        "RestrictDomainsToIPAddresses": "True",
        "SenderIPAddresses": ";".join(office.addresses),
    }
    stage.run(changed, "New-InboundConnector", settings | remarks(stage), place=place)
    n = round(stage.some(20, 1_500))
    times = use_times(stage, n, changed)
    outside = round(n * rng.uniform(0, 0.4)) if stage.chance(0.6) else 0
    recipients = shuffled(stage, stage.customers(outside) + stage.colleagues(n - outside))
    machines = [f"mfp-{i}@{own_domain(stage)}" for i in range(1, rng.randint(2, 20))]
    stage.mail(
        name,
        times,
        p1=rng.choices(machines, k=n),
        recipients=recipients,
        direction=directions(stage, recipients),
        sender_ipv4=rng.choices(office.addresses, k=n),
        subject=rng.choices(SUBJECTS["printers"], k=n),
        attachments=1,
        **judged(stage, n, most=0.2),
        authentication=authenticated(stage, n, SPF_ONLY),
    )
    stage.judge(
        name,
        f"{len(machines)} new printers sent {n} scans, {outside} of them to customers.",
        at=noticed(stage, changed, times),
        context=records(stage, name, changed),
    )


def weekly_billing_run(stage: Stage) -> None:
    """The billing system sends the week's invoices, and somebody finds them many."""
    billing = stage.own("billing")
    mails = stage.tenant.frames[MAIL]
    week = mails.filter(through(billing, stage.tenant.end - 7 * DAY))["Timestamp"]
    run: datetime = week.max()  # type: ignore[assignment] # a week never lacks its run
    times = week.filter(week > run - 2 * HOUR)
    story, changed = "nothing was changed", None
    if stage.chance(0.4):
        changed = stage.office_time(times[0] - HOUR * stage.some(10, 100), times[0])
        what, parameters = harmless_change(stage, billing)
        stage.run(changed, "Set-InboundConnector", parameters, place=signed_in(stage, changed))
        story = f"{what} was changed before"
    stage.judge(
        billing.name,
        f"The week's run of {len(times)} invoices; {story}.",
        at=min(after_busiest_hour(stage, times), stage.tenant.end - MINUTE),
        context=records(stage, billing.name, changed),
    )


def monitoring_storm(stage: Stage) -> None:
    """Machines that write a few mails a day write hundreds within hours."""
    rng = stage.rng
    role = rng.choice(("quiet", "quiet", "relay", "printers"))
    target = stage.own(role)
    n = round(stage.some(60, 3_000))
    start, span = stage.at - HOUR * rng.uniform(0, 3), HOUR * stage.some(0.5, 16)
    times = stage.spread(n, start, span)
    machines: dict[str, object] = {}
    if stage.chance(0.5):
        boxes = [
            f"host-{rng.randint(1, 400)}@{own_domain(stage)}" for _ in range(rng.randint(1, 30))
        ]
        drawn = rng.choices(boxes, k=n)
        machines = {"p1": drawn, "p2": drawn}
        if stage.chance(0.4):
            machines["sender_ipv4"] = (
                f"{target.addresses[0].rpartition('.')[0]}.{rng.randint(1, 254)}"
            )
    if stage.chance(0.5):
        machines["recipients"] = rng.choices(stage.colleagues(rng.randint(1, 4)), k=n)
        machines["direction"] = "Inbound"
    authentication = authenticated(stage, n, SPF_ONLY)
    stage.mail_like(role, times, **judged(stage, n), authentication=authentication, **machines)
    stage.judge(
        target.name,
        f"A storm of {n} mails from machines within {span / HOUR:.1f} hours"
        f"{', of which some are new' if 'p1' in machines else ''}.",
        at=after_busiest_hour(stage, times),
        context=records(stage, target.name),
    )


def seasonal_peak(stage: Stage) -> None:
    """A newsletter or a billing run is several times its usual size, and reaches new customers."""
    rng = stage.rng
    role = rng.choice(("marketing", "billing"))
    target = stage.own(role)
    mails = stage.tenant.frames[MAIL]
    usual = mails.filter(through(target, stage.tenant.start)).height
    runs = (stage.tenant.end - stage.tenant.start).days / 7 * (2 if role == "marketing" else 1)
    times_usual = rng.uniform(2, 6)
    n = round(usual / runs * times_usual)
    times = stage.spread(n, stage.at - MINUTE * rng.uniform(0, 50), HOUR * stage.some(0.8, 12))
    story, changed = "nothing was changed", None
    if stage.chance(0.3):
        changed = change_time(stage)
        what, parameters = harmless_change(stage, target)
        stage.run(changed, "Set-InboundConnector", parameters, place=signed_in(stage, changed))
        story = f"{what} was changed before"
    fresh = round(n * rng.uniform(0, 0.6))
    past = mails.filter(
        through(target, stage.tenant.start), pl.col("Timestamp") < stage.at - 8 * DAY
    )
    known = rng.choices(past["RecipientEmailAddress"].to_list(), k=n - fresh)
    customers = stage.strangers(fresh, max(1, fresh // 2)) if fresh else []
    stage.mail_like(
        role,
        times,
        recipients=shuffled(stage, known + customers),
        subject=rng.choice(SUBJECTS[role]),
        **judged(stage, n, most=0.25),
        authentication=authenticated(stage, n),
    )
    stage.judge(
        target.name,
        f"{n} mails, {times_usual:.1f} times the usual size, {fresh} of them to new customers; "
        f"{story}.",
        at=after_busiest_hour(stage, times),
        context=records(stage, target.name, changed),
    )
