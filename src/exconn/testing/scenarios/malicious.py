"""Attacks."""

from collections.abc import Callable

from exconn.testing.scenarios import _abuse as abuse
from exconn.testing.scenarios import _takeover as takeover
from exconn.testing.scenarios._scenario import Family, Truth
from exconn.testing.scenarios._stage import Stage


def _attack(
    name: str, happen: Callable[[Stage], None], about: str, *, hard: bool = False
) -> Family:
    return Family(name, Truth.MALICIOUS, about, happen, hard=hard)


MALICIOUS: tuple[Family, ...] = (
    _attack(
        "brute-forced-admin",
        takeover.brute_forced_admin,
        "An administrator's password is guessed, fast or slowly; a new connector relays a blast.",
    ),
    _attack(
        "hijacked-connector",
        takeover.hijacked_connector,
        "An existing connector is opened with Set-InboundConnector, and the attackers use it.",
    ),
    _attack(
        "oauth-app",
        abuse.oauth_app,
        "An application makes a connector and rules that strip headers, and sends sweepstakes.",
    ),
    _attack(
        "slow-and-low",
        abuse.slow_and_low,
        "A connector carries ten to 25 mails an hour, in working hours, for days.",
    ),
    _attack(
        "supply-chain-invoices",
        abuse.supply_chain_invoices,
        "Customers get invoices with other bank details, in the tenant's name or nearly so.",
    ),
    _attack(
        "internal-phishing",
        abuse.internal_phishing,
        "The tenant's people get links from what looks like their own personnel or help desk.",
    ),
    _attack(
        "create-blast-remove",
        takeover.create_blast_remove,
        "A connector is made, used and removed within hours.",
    ),
    _attack(
        "relay-abused",
        abuse.relay_abused,
        "The server behind a relay is taken over; nothing changes here but what it sends.",
        hard=True,
    ),
    _attack(
        "outbound-smart-host",
        abuse.outbound_smart_host,
        "Staff's mail to the outside passes the attackers' server, by a connector and some rules.",
    ),
    _attack(
        "password-spray",
        takeover.password_spray,
        "A spray over many accounts fits an administrator's, and a connector carries spam.",
    ),
    _attack(
        "hidden-in-campaign",
        abuse.hidden_in_campaign,
        "While the newsletter goes out, five to thirty per cent more mail goes out with it.",
        hard=True,
    ),
    _attack(
        "stolen-session",
        takeover.stolen_session,
        "A session is used in the administrator's own country, without a failed sign-in.",
    ),
    _attack(
        "policy-reader",
        abuse.policy_reader,
        "Somebody who knows what analysts look for avoids most of it.",
        hard=True,
    ),
    _attack(
        "dormant-connector-woken",
        takeover.dormant_connector_woken,
        "A connector that was silent for long is switched on for the attackers' servers.",
    ),
    _attack(
        "rogue-admin",
        takeover.rogue_admin,
        "An administrator at the usual place makes a connector at night for spam of their own.",
    ),
    _attack(
        "hybrid-disguise",
        takeover.hybrid_disguise,
        "A connector that poses as the hybrid wizard's relays mail in the names of known brands.",
    ),
)
"""The families of attacks."""
