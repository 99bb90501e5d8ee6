"""Detectors, a signal and a source of one's own."""

from own_detectors.payments import AT_ONCE, asks_for_payment, complained_of, payment_requests
from own_detectors.source import NdjsonSource

__all__ = ["AT_ONCE", "NdjsonSource", "asks_for_payment", "complained_of", "payment_requests"]
