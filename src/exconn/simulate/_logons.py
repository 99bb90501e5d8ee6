"""Sign-ins, as IdentityLogonEvents records them."""

import random
from collections.abc import Sequence

import polars as pl

from exconn.simulate._draw import guids, integers
from exconn.simulate._fields import Texts, Times, column, complete, dated, domain_of, each
from exconn.simulate._tenant import Person, Place
from exconn.tables import IDENTITY_LOGON_EVENTS, TIME


def logon_rows(
    *,
    rng: random.Random,
    times: Times,
    people: Person | Sequence[Person],
    places: Place | Sequence[Place] | None = None,
    action: Texts = "LogonSuccess",
    application: Texts = "Microsoft 365",
    logon_type: Texts = "OAuth2:Authorize",
    protocol: Texts = "",
    failure_reason: Texts | None = None,
) -> pl.DataFrame:
    """Build rows of IdentityLogonEvents: one sign-in for each time.

    Args:
        rng: what identifiers, ports and addresses of a place are drawn from.
        times: when.
        people: who.
        places: where from; None: the office of each.
        action: LogonSuccess or LogonFailed.
        application: what was signed in to.
        logon_type: how.
        protocol: Kerberos or Ntlm in Active Directory.
        failure_reason: None: "WrongPassword" where it failed.

    Raises:
        InvalidValueError: a sequence has not one value for each sign-in.
    """
    when = pl.Series(times, dtype=TIME)
    n = len(when)
    who = each("people", people, n)
    where = [one.office for one in who] if places is None else each("places", places, n)
    wrong = pl.when(pl.col("ActionType") == "LogonFailed").then(pl.lit("WrongPassword"))
    frame = dated(
        when,
        {
            "ActionType": action,
            "Application": application,
            "LogonType": logon_type,
            "Protocol": protocol,
            "AccountUpn": [one.upn for one in who],
            "AccountObjectId": [one.object_id for one in who],
            "AccountDisplayName": [one.name for one in who],
            "IPAddress": _addresses(rng, where),
            "Location": [place.country for place in where],
            "ISP": [place.isp for place in where],
            "Port": integers(rng, n, 16_000) + 49_152,
            "ReportId": guids(rng, n),
        },
    )
    if failure_reason is None:
        frame = frame.with_columns(FailureReason=wrong.otherwise(pl.lit("")))
    else:
        frame = frame.with_columns(column("FailureReason", failure_reason, n))
    return complete(frame.with_columns(_LOGON_COLUMNS), IDENTITY_LOGON_EVENTS)


_LOGON_COLUMNS = (
    pl.col("AccountUpn").str.replace(r"@.*$", "").alias("AccountName"),
    domain_of("AccountUpn").alias("AccountDomain"),
    pl.lit("Desktop").alias("DeviceType"),
    pl.lit("Windows10").alias("OSPlatform"),
)


def _addresses(rng: random.Random, places: Sequence[Place]) -> list[str]:
    return [
        place.addresses[draw % len(place.addresses)]
        for place, draw in zip(places, integers(rng, len(places), 2**32), strict=True)
    ]
