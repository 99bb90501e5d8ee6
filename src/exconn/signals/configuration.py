"""Signals about settings that open a connector, or do not."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import NEW_INBOUND, NEW_OUTBOUND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col


def _configuration(  # a signal has that many sides
    name: str, title: str, weight: float, fact: str, sentence: str, rationale: str, source: str
) -> Signal:
    return Signal(
        id=f"configuration.{name}",
        title=title,
        family=Family.CONFIGURATION,
        direction=Direction.FOR,
        weight=weight,
        question=question.RISKY_CONFIGURATION,
        when=f(fact) > 0,
        sentence=f"Changes in the window that {sentence}: {{{fact}:.0f}}.",
        rationale=rationale,
        fires={fact: 1},
        nearly={fact: 0},
        remediation="Compare the connector with its approved configuration, and restore that.",
        references=(source,),
        attack_ids=("T1562",),
    )


CATCH_ALL = _configuration(
    "catch-all",
    "opened to every sender domain",
    0.5,
    "catch_all",
    "opened the connector to every sender domain",
    "`SenderDomains smtp:*` lets anyone send through it. Hybrid wizards and gateways set it too.",
    NEW_INBOUND,
)
NO_TLS = _configuration(
    "no-tls",
    "accepts mail without TLS",
    0.4,
    "no_tls",
    "let it accept mail without TLS",
    "`RequireTls $false` spares an attacker a certificate.",
    NEW_INBOUND,
)
UNRESTRICTED = _configuration(
    "unrestricted",
    "restricted by neither certificate nor address",
    0.5,
    "unrestricted",
    "left it restricted by neither certificate nor address",
    "Nothing then ties the connector to a server that the organisation runs.",
    NEW_INBOUND,
)
TRUSTED_HEADERS = _configuration(
    "trusted-headers",
    "trusts the sender's own headers",
    0.6,
    "trusted_headers",
    "made it trust headers that the sender sets (CloudServicesMailEnabled)",
    "Cross-premises headers carry the spam verdict; trusting them is meant for hybrid servers that "
    "the wizard sets up.",
    NEW_INBOUND,
)
BYPASS = _configuration(
    "filtering-bypassed",
    "bypasses spam filtering",
    1.0,
    "filtering_bypassed",
    "made its mail bypass filtering (TreatMessagesAsInternal, EFSkipIPs or EFSkipLastIP)",
    "Internal messages are not filtered as spam; skipped addresses hide where mail came from.",
    NEW_INBOUND,
)
HAND_MADE = _configuration(
    "hand-made",
    "made by hand or script",
    0.2,
    "hand_made",
    "created it other than by the hybrid wizard",
    "Weak: administrators make connectors by hand as well.",
    NEW_INBOUND,
)
SMART_HOST = _configuration(
    "new-smart-host",
    "routes outbound mail to a host",
    0.6,
    "new_smart_hosts",
    "routed outbound mail to a smart host",
    "Whoever runs the smart host reads the mail, and may alter it.",
    NEW_OUTBOUND,
)
NEW_ADDRESSES = _configuration(
    "new-addresses",
    "other addresses may send through it",
    0.3,
    "new_addresses",
    "changed which addresses may send through it",
    "An attacker adds the address of a server of their own; a vendor moves to a new one.",
    NEW_INBOUND,
)
ROUTINE = Signal(
    id="configuration.routine",
    title="changes that open nothing",
    family=Family.CONFIGURATION,
    direction=Direction.AGAINST,
    weight=1.0,
    question=question.RISKY_CONFIGURATION,
    when=(f("changes") > 0) & (f("routine_changes") == f("changes")),
    sentence="Changes: {changes:.0f}. Of them such as describe, restrict, disable or remove the "
    "connector, and do nothing else: {routine_changes:.0f}.",
    rationale="Nobody gains a way in by a comment or by stricter settings.",
    fires={"changes": 1, "routine_changes": 1},
    nearly={"changes": 2, "routine_changes": 1},
    references=(NEW_INBOUND,),
)

SIGNALS = (
    CATCH_ALL,
    NO_TLS,
    UNRESTRICTED,
    TRUSTED_HEADERS,
    BYPASS,
    HAND_MADE,
    SMART_HOST,
    NEW_ADDRESSES,
    ROUTINE,
)
