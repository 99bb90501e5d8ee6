"""The facts of IdentityLogonEvents: what each says, and what it rests on."""

from exconn.facts.bursts import BURST_FAILURES, SLOW_FAILURES
from exconn.facts.fact import Fact, Unit
from exconn.facts.queries import (
    address_logons,
    logon_addresses,
    logon_places,
    logon_seconds,
)
from exconn.facts.reads import (
    ANY_PERIOD,
    CONNECTOR_CHANGES,
    CONNECTOR_HOURS,
    SENDER_HOURS,
)
from exconn.query import Query
from exconn.tables import Reads

USUAL_LOGONS = 5
"""With fewer successes in the baseline, an account has no usual place."""


def _reads(query: Query) -> Reads:
    # What decides which rows there are. What tells records apart (ReportId, or else other columns)
    # is left out: its absence hides nothing.
    return query.reads("Outcome")


_ACTORS = CONNECTOR_CHANGES.reads("ActionType", "AccountObjectId", "RawEventData")
_PLACES = _reads(logon_places(ANY_PERIOD, ()))
_SECONDS = _reads(logon_seconds(ANY_PERIOD, ()))
LOGON_ADDRESSES = _reads(logon_addresses(ANY_PERIOD, ()))
_FROM = _reads(address_logons(ANY_PERIOD, ()))
_COUNTRY = CONNECTOR_CHANGES.reads("CountryCode")
_SENDERS = SENDER_HOURS.reads("SenderObjectId")
SUSPICION: Reads = _ACTORS | _SECONDS | LOGON_ADDRESSES | _PLACES
"""The table columns that tell whether a change followed a suspicious sign-in."""
_PEAK = CONNECTOR_HOURS.reads("Messages")


def _logon_facts_of(who: str, whom: str, through: Reads) -> tuple[Fact, ...]:
    return (
        Fact(
            f"{who}_bursts",
            Unit.SEQUENCES,
            f"Over {BURST_FAILURES} failures within 60 seconds and a success within 10 seconds "
            f"after, from one ISP to one application, by {whom}.",
            through | _SECONDS,
        ),
        Fact(
            f"{who}_slow_sequences",
            Unit.SEQUENCES,
            f"At least {SLOW_FAILURES} failures within a day and then a success, from one "
            f"address, by {whom}.",
            through | LOGON_ADDRESSES,
        ),
        Fact(
            f"{who}_unusual_logons",
            Unit.LOGONS,
            f"Sign-ins by {whom} from a country from which the account did not sign in during "
            f"the baseline. Null for an account with fewer than {USUAL_LOGONS} sign-ins in it.",
            through | _PLACES,
            past=True,
        ),
        Fact(
            f"{who}_unusual_failures",
            Unit.LOGONS,
            f"Failed sign-ins by {whom} from such a country.",
            through | _PLACES,
            past=True,
        ),
    )


LOGON_FACTS: tuple[Fact, ...] = (
    *_logon_facts_of("actor", "those who changed the connector, before they last did", _ACTORS),
    *_logon_facts_of("sender", "accounts that sent in bulk through the connector", _SENDERS),
    Fact(
        "changes_from_unusual_place",
        Unit.CHANGES,
        "Changes by a person from a country from which the account did not sign in during the "
        "baseline. Null as above.",
        _ACTORS | _PLACES | _COUNTRY,
        past=True,
    ),
    Fact(
        "changes_from_new_network",
        Unit.CHANGES,
        "Changes by a person from an address, and an internet provider, from which the account "
        "did not sign in during the baseline. Null as above.",
        _ACTORS
        | _PLACES
        | _SECONDS
        | LOGON_ADDRESSES
        | CONNECTOR_CHANGES.reads("IPAddress", "ISP"),
        past=True,
    ),
    Fact(
        "changes_from_new_address",
        Unit.CHANGES,
        "Changes by a person from an address from which the account did not sign in during the "
        "baseline. Null as above.",
        _ACTORS | _PLACES | LOGON_ADDRESSES | CONNECTOR_CHANGES.reads("IPAddress"),
        past=True,
    ),
    Fact(
        "changes_from_hosting",
        Unit.CHANGES,
        "Changes by a person from an address of a provider of rented servers, by the provider's "
        "name, by which the account did not sign in during the baseline. Null as above.",
        _ACTORS | _PLACES | _SECONDS | CONNECTOR_CHANGES.reads("ISP"),
        past=True,
    ),
    Fact(
        "changes_without_address",
        Unit.CHANGES,
        "Changes by a person or an application whose record has no address.",
        _ACTORS | CONNECTOR_CHANGES.reads("IPAddress"),
    ),
    Fact(
        "sprayed_accounts",
        Unit.ACCOUNTS,
        "Accounts whose sign-ins failed in the window, and never succeeded, from an address from "
        "which the connector was changed; the most of any such address.",
        _ACTORS | _FROM | CONNECTOR_CHANGES.reads("IPAddress"),
    ),
    Fact(
        "changes_after_suspicious_logon",
        Unit.CHANGES,
        "Changes within 24 hours after a burst, a slow sequence or a sign-in from an unusual "
        "country, or from a rented server, by the one who made them. Null where there are none and "
        "an account has no usual places.",
        SUSPICION,
        past=True,
    ),
    Fact(
        "chained_changes",
        Unit.CHANGES,
        "Of them, those that the window's busiest hour follows within 72 hours.",
        SUSPICION | _PEAK,
        past=True,
    ),
)
"""The facts of IdentityLogonEvents."""
