"""How good the verdicts are: grade the scenario library, derive a policy from it, measure it.

``python -m exconn.testing.verdicts fit`` derives the weights and thresholds from half of the seeds;
``python -m exconn.testing.verdicts report`` measures them on seeds that were never used for that.
"""

from exconn.testing.verdicts._cases import REPORT, TUNING, Case, case, cases
from exconn.testing.verdicts._fitting import crossed, fit, thresholds, without
from exconn.testing.verdicts._report import report

__all__ = [
    "REPORT",
    "TUNING",
    "Case",
    "case",
    "cases",
    "crossed",
    "fit",
    "report",
    "thresholds",
    "without",
]
