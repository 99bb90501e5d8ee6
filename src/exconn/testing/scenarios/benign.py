"""Honest events that look bad to a naive reader."""

from exconn.testing.scenarios._scenario import Family, Truth
from exconn.testing.scenarios._stage import HOUR, Stage


def _monitoring_storm(stage: Stage) -> None:
    """Machines that write a few alerts a day write hundreds within hours."""
    n = round(stage.some(60, 1_500))
    stage.mail_like("quiet", stage.spread(n, stage.at - HOUR, HOUR * stage.rng.uniform(1, 8)))
    stage.judge(stage.own("quiet").name, f"A storm of {n} alerts from machines.")


BENIGN: tuple[Family, ...] = (
    Family(
        "monitoring-storm",
        Truth.BENIGN,
        "Machines that write a few alerts a day write hundreds within hours.",
        _monitoring_storm,
    ),
)
"""The families of honest events."""
