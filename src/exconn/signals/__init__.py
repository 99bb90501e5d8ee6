"""Signals: one frozen value for each reason to think that a connector is malicious, or is not.

Pass your own beside these: ``grade(source, alert, signals=(*SIGNALS, MINE))``.
"""

from exconn.signals import (
    chain,
    change,
    configuration,
    content,
    context,
    logon,
    recipients,
    sender,
    volume,
)
from exconn.signals.alternative import ALTERNATIVES, Alternative
from exconn.signals.clue import Clue
from exconn.signals.question import QUESTIONS, Question
from exconn.signals.signal import Direction, Family, Signal

SIGNALS: tuple[Signal, ...] = (
    *volume.SIGNALS,
    *sender.SIGNALS,
    *recipients.SIGNALS,
    *content.SIGNALS,
    *configuration.SIGNALS,
    *change.SIGNALS,
    *logon.SIGNALS,
    *chain.SIGNALS,
    *context.SIGNALS,
)
"""Every signal that exconn ships."""

__all__ = [
    "ALTERNATIVES",
    "QUESTIONS",
    "SIGNALS",
    "Alternative",
    "Clue",
    "Direction",
    "Family",
    "Question",
    "Signal",
]
