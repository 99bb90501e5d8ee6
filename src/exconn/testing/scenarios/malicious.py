"""Attacks."""

from datetime import timedelta

from exconn.simulate import UNAUTHENTICATED
from exconn.testing.scenarios._scenario import Family, Truth
from exconn.testing.scenarios._stage import HOUR, Stage


def _hijacked_connector(stage: Stage) -> None:
    """An existing connector is opened from a rented server, and phishing goes through it."""
    rng, target, place = stage.rng, stage.own("quiet"), stage.hosting(abroad=stage.chance(0.7))
    entered = stage.at - HOUR * rng.uniform(3, 30)
    stage.sign_in([entered], place=place)
    changed = entered + timedelta(minutes=rng.uniform(4, 90))
    opened = {"Identity": target.name, "SenderDomains": "smtp:*;1", "RequireTls": "False"}
    stage.run(changed, "Set-InboundConnector", opened, place=place)
    n = round(stage.some(40, 2_000))
    attacker = stage.fresh_domains(1)[0]
    stage.mail(
        target.name,
        stage.spread(n, stage.at - HOUR, HOUR * rng.uniform(0.5, 6)),
        p1=f"return@{attacker}",
        p2=f"accounts@{stage.tenant.accepted_domains[0]}",
        recipients=stage.strangers(n, min(n, 300)),
        direction="Outbound",
        sender_ipv4=stage.fresh_address(),
        authentication=UNAUTHENTICATED,
    )
    stage.judge(target.name, f"{n} phishing mails through a connector opened from {place.isp}.")


MALICIOUS: tuple[Family, ...] = (
    Family(
        "hijacked-connector",
        Truth.MALICIOUS,
        "An existing connector is opened with Set-InboundConnector, and phishing goes through it.",
        _hijacked_connector,
    ),
)
"""The families of attacks."""
