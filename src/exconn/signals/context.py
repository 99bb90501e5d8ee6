"""Signals from what the organisation says of itself."""

import polars as pl

from exconn.signals import question
from exconn.signals.references import NEW_INBOUND, PLAYBOOK, RESPOND
from exconn.signals.signal import Direction, Family, Signal

f = pl.col

APPROVED = Signal(
    id="context.approved",
    title="all changes were approved",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=2.0,
    question=question.EXPECTED_HERE,
    when=(f("changes") > 0) & (f("unapproved_changes") == 0),
    sentence="Changes: {changes:.0f}. Of them not approved: {unapproved_changes:.0f}.",
    rationale="Somebody asked for it; the connector, the actor and the time agree.",
    fires={"changes": 1, "unapproved_changes": 0},
    nearly={"changes": 2, "unapproved_changes": 1},
    references=(PLAYBOOK,),
)
HYBRID = Signal(
    id="context.hybrid-wizard",
    title="changed by the hybrid wizard only",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=0.6,
    question=question.EXPECTED_HERE,
    when=(f("hybrid_wizard") > 0) & (f("hybrid_wizard") == f("changes")),
    sentence="Changes: {changes:.0f}. Of them made by the hybrid wizard: {hybrid_wizard:.0f}.",
    rationale="Setting up hybrid mail flow opens connectors by design. An attacker can claim to be "
    "the wizard: the value is a parameter; so this counts for little.",
    fires={"hybrid_wizard": 1, "changes": 1},
    nearly={"hybrid_wizard": 1, "changes": 2},
    references=(NEW_INBOUND,),
)
GATEWAY = Signal(
    id="context.gateway",
    title="all mail from known gateways",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=0.8,
    question=question.EXPECTED_HERE,
    when=f("gateway_share") >= 0.95,
    sentence="{gateway_share:.0%} of the messages came from the organisation's known gateways.",
    rationale="The sender's address matches the organisation's; a taken-over gateway does as well.",
    fires={"gateway_share": 0.95},
    nearly={"gateway_share": 0.94},
    references=(RESPOND,),
)
PARTNERS = Signal(
    id="context.partners",
    title="mostly to known partners",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=0.4,
    question=question.EXPECTED_HERE,
    when=f("partner_share") >= 0.8,
    sentence="{partner_share:.0%} of the deliveries went to known partners.",
    rationale="It is reasonable for them to get mail; supply-chain attacks use just that.",
    fires={"partner_share": 0.8},
    nearly={"partner_share": 0.79},
    references=(RESPOND,),
)
SIMULATION = Signal(
    id="context.simulation",
    title="a phishing simulation",
    family=Family.CONTEXT,
    direction=Direction.AGAINST,
    weight=2.0,
    question=question.EXPECTED_HERE,
    when=f("simulation_share") >= 0.9,
    sentence="{simulation_share:.0%} of the messages came from the known simulation vendor.",
    rationale="The organisation tests its own people.",
    fires={"simulation_share": 0.9},
    nearly={"simulation_share": 0.89},
    references=(PLAYBOOK,),
)

SIGNALS = (
    APPROVED,
    HYBRID,
    GATEWAY,
    PARTNERS,
    SIMULATION,
)
