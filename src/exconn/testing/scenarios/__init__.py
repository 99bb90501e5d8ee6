"""Labelled incidents: what a grade must get right, in families of attacks and honest events.

Each family draws from its seed a tenant of 5,000 to 20,000 mails and something that happens in it.
The library knows nothing of detectors, facts, signals and grades: it was not made to please them.
"""

from exconn.testing.scenarios._scenario import Family, Scenario, Truth
from exconn.testing.scenarios.benign import BENIGN
from exconn.testing.scenarios.insufficient import INSUFFICIENT
from exconn.testing.scenarios.malicious import MALICIOUS

FAMILIES: tuple[Family, ...] = (*MALICIOUS, *BENIGN, *INSUFFICIENT)
"""Every family."""

__all__ = ["BENIGN", "FAMILIES", "INSUFFICIENT", "MALICIOUS", "Family", "Scenario", "Truth"]
