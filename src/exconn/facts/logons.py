"""Facts of IdentityLogonEvents: how those who changed, or use, the connector signed in."""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl
from attrs import frozen

from exconn.detectors.logon import HOSTING
from exconn.facts.bursts import bursts, slow_sequences, with_outcome
from exconn.facts.changes import changes_before
from exconn.facts.identity import Aliases
from exconn.facts.judgement import Judgement
from exconn.facts.logon_facts import USUAL_LOGONS
from exconn.facts.queries import address_logons, logon_addresses, logon_places, logon_seconds
from exconn.facts.trail import Trail, acts
from exconn.models import ActorKind, ConnectorChange
from exconn.query import Query
from exconn.tables import TIME
from exconn.window import Period

CHANGE_WITHIN = timedelta(hours=24)
"""How long before a change a sign-in counts as one that led to it."""


@frozen(eq=False)
class LogonRows:
    """The rows of the logon queries, each named like its query."""

    logon_places: pl.DataFrame
    logon_addresses: pl.DataFrame
    logon_seconds: pl.DataFrame
    address_logons: pl.DataFrame

    @staticmethod
    def queries(
        period: Period, accounts: Collection[str], addresses: Collection[str]
    ) -> list[Query]:
        """The queries, in the order of the frames."""
        return [
            logon_places(period, accounts),
            logon_addresses(period, accounts),
            logon_seconds(period, accounts),
            address_logons(period, addresses),
        ]


class Logons:
    """The sign-ins of all accounts of interest, ready to be asked about some of them."""

    def __init__(self, rows: LogonRows, accounts: Aliases) -> None:
        """Sort the sign-ins by account.

        Args:
            rows: the rows of the queries.
            accounts: the accounts' names in the audit log; sign-ins add more.
        """
        pairs = pl.concat(
            frame.lazy().select("ObjectId", "Upn")
            for frame in (rows.logon_places, rows.logon_addresses, rows.logon_seconds)
        )
        named = sorted(pairs.unique().collect().iter_rows())
        self._names = Aliases([*accounts.groups(), *named])
        addresses = self._named(rows.logon_addresses)
        seconds = self._named(rows.logon_seconds)
        by_address = _networks(addresses, "Address", "Minute")
        self._networks = by_address | _networks(seconds, "ISP", "Second")
        self._addresses: dict[str, dict[str, list[datetime]]] = {}
        for (account, address), times in by_address.items():
            self._addresses.setdefault(account, {})[address] = times
        places = self._named(rows.logon_places).filter(pl.col("Location") != "")
        self._places = places.sort("Hour").partition_by("Account", "Outcome", as_dict=True)
        self._bursts = _successes(bursts(seconds))
        self._slow = _successes(slow_sequences(addresses))
        self._from = rows.address_logons
        self._hosted = _hosted(seconds)
        self._usually: dict[tuple[str, Period], list[str] | None] = {}
        self._told: dict[tuple[str, Period], list[tuple[datetime, str]]] = {}

    def facts_of(
        self, who: str, accounts: Collection[str], judgement: Judgement, until: datetime
    ) -> dict[str, int | None]:
        """The four facts about the sign-ins of these accounts in the window, before `until`."""
        start = judgement.window.start
        keys = {self._names.key(account) for account in accounts}
        return {
            f"{who}_bursts": _count(self._bursts, keys, start, until),
            f"{who}_slow_sequences": _count(self._slow, keys, start, until),
            f"{who}_unusual_logons": self._unusual(keys, "LogonSuccess", judgement, until),
            f"{who}_unusual_failures": self._unusual(keys, "LogonFailed", judgement, until),
        }

    def addresses_of(self, accounts: Collection[str], judgement: Judgement) -> frozenset[str]:
        """Where these accounts signed in from, in the window or the baseline."""
        start, end = judgement.window.baseline_start, judgement.window.end
        return frozenset(
            address
            for key in {self._names.key(account) for account in accounts}
            for address, times in self._addresses.get(key, {}).items()
            if any(start <= when < end for when in times)
        )

    def change_facts(
        self, changes: Sequence[ConnectorChange], judgement: Judgement, peak: datetime | None
    ) -> dict[str, int | None]:
        """The facts that join sign-ins with the changes of a connector in the window."""
        suspicious = [change for change in changes if self.is_suspicious(change, judgement)]
        told = bool(suspicious) or self._by_people(changes, judgement) is not None
        return {
            "changes_from_unusual_place": self._from_unusual_place(changes, judgement),
            "changes_from_new_network": self._from_new(
                changes, judgement, lambda change: (change.address, change.isp)
            ),
            "changes_from_new_address": self._from_new(
                changes, judgement, lambda change: (change.address,)
            ),
            "changes_from_hosting": self._from_new(
                [change for change in changes if re.search(HOSTING, change.isp)],
                judgement,
                lambda change: (change.isp,),
            ),
            "changes_without_address": sum(not change.address for change in changes),
            "sprayed_accounts": self._sprayed(changes, judgement),
            "changes_after_suspicious_logon": len(suspicious) if told else None,
            "chained_changes": len(changes_before(suspicious, peak)) if told else None,
        }

    def suspicious_times(self, account: str, judgement: Judgement) -> list[tuple[datetime, str]]:
        """When an account signed in suspiciously in or before the window, and how."""
        key = self._names.key(account)
        told = (key, judgement.window.period)
        if told not in self._told:
            found = [(when, "after a burst of failures") for when in self._bursts.get(key, ())]
            found += [(when, "after many failures") for when in self._slow.get(key, ())]
            window = judgement.window
            usual = self._usual(key, judgement)
            if usual is not None:
                found += [
                    (when, f"from {provider}, which rents servers out and is new for the account")
                    for provider, times in self._hosted.get(key, {}).items()
                    if not any(window.baseline_start <= when < window.start for when in times)
                    for when in times
                    if window.start <= when < window.end
                ]
                rows = self._during(key, "LogonSuccess", window.start, window.end)
                found += [
                    (when, f"from {place.upper()}, unusual for the account")
                    for when, place in rows.select("First", "Location").iter_rows()
                    if place not in usual
                ]
            self._told[told] = sorted(found)
        return self._told[told]

    def is_suspicious(self, change: ConnectorChange, judgement: Judgement) -> bool:
        """Whether the actor signed in suspiciously within the 24 hours before a change."""
        times = [when for when, _ in self.suspicious_times(change.actor.key, judgement)]
        at = bisect_left(times, change.timestamp - CHANGE_WITHIN)
        return at < len(times) and times[at] <= change.timestamp

    def _during(self, key: str, outcome: str, start: datetime, end: datetime) -> pl.DataFrame:
        rows = self._places.get((key, outcome), _NO_PLACES)
        first, last = rows["Hour"].search_sorted(pl.Series([start, end], dtype=TIME), side="left")
        return rows[first:last]

    def _usual(self, key: str, judgement: Judgement) -> list[str] | None:
        window = judgement.window
        asked = (key, Period(window.baseline_start, window.start))
        if asked not in self._usually:
            past = self._during(key, "LogonSuccess", window.baseline_start, window.start)
            enough = sum(past["Logons"].to_list()) >= USUAL_LOGONS
            self._usually[asked] = past["Location"].unique().to_list() if enough else None
        return self._usually[asked]

    def _unusual(
        self, keys: set[str], outcome: str, judgement: Judgement, until: datetime
    ) -> int | None:
        window, total = judgement.window, 0
        for key in sorted(keys):
            usual = self._usual(key, judgement)
            rows = self._during(key, outcome, window.start, window.end)
            told = [
                (place, logons)
                for first, place, logons in rows.select("First", "Location", "Logons").iter_rows()
                if first < until
            ]
            if usual is None:
                if not told:
                    continue
                return None
            total += sum(logons for place, logons in told if place not in usual)
        return total

    def _by_people(
        self, changes: Sequence[ConnectorChange], judgement: Judgement
    ) -> list[tuple[ConnectorChange, str, list[str]]] | None:
        """Changes by persons, with their account and its usual places; None if one has none."""
        found = []
        for change in changes:
            if change.actor.kind is not ActorKind.PERSON:
                continue
            key = self._names.key(change.actor.key)
            usual = self._usual(key, judgement)
            if usual is None:
                return None
            found.append((change, key, usual))
        return found

    def _from_unusual_place(
        self, changes: Sequence[ConnectorChange], judgement: Judgement
    ) -> int | None:
        by_people = self._by_people(changes, judgement)
        if by_people is None:
            return None
        return sum(
            bool(change.country) and change.country.casefold() not in usual
            for change, _, usual in by_people
        )

    def _from_new(
        self,
        changes: Sequence[ConnectorChange],
        judgement: Judgement,
        names: Callable[[ConnectorChange], Sequence[str]],
    ) -> int | None:
        """Changes from addresses or providers none of which the account signed in from before."""
        by_people = self._by_people(changes, judgement)
        if by_people is None:
            return None
        start, end = judgement.window.baseline_start, judgement.window.start
        total = 0
        for change, key, _ in by_people:
            seen = [
                any(start <= when < end for when in self._networks.get((key, name.casefold()), ()))
                for name in names(change)
                if name
            ]
            total += bool(seen) and not any(seen)
        return total

    def _sprayed(self, changes: Sequence[ConnectorChange], judgement: Judgement) -> int:
        addresses = {change.address.casefold() for change in changes if change.address}
        if not addresses:
            return 0
        start, end = judgement.window.start, judgement.window.end
        rows = self._from.filter(
            pl.col("Address").is_in(addresses), pl.col("Hour") >= start, pl.col("Hour") < end
        )
        by = ["Address", "Account"]
        failing = (
            with_outcome(rows, "LogonFailed")
            .join(with_outcome(rows, "LogonSuccess"), on=by, how="anti")
            .group_by("Address")
            .agg(Accounts=pl.col("Account").n_unique())
        )
        return max(failing["Accounts"].to_list(), default=0)

    def _named(self, rows: pl.DataFrame) -> pl.DataFrame:
        who = rows.select(_WHO).to_series()
        names = who.to_frame().lazy().unique().collect().to_series()
        keys = pl.Series([self._names.key(name) for name in names], dtype=pl.String)
        accounts = keys.cast(pl.Enum(keys.unique()))
        account = who.replace_strict(names, accounts, return_dtype=accounts.dtype)
        return rows.drop("ObjectId", "Upn").with_columns(account.alias("Account"))


_WHO = pl.when(pl.col("ObjectId") != "").then("ObjectId").otherwise("Upn")

_NO_PLACES = pl.DataFrame(
    schema={
        "Outcome": pl.String(),
        "Location": pl.String(),
        "Hour": TIME,
        "Logons": pl.Int64(),
        "First": TIME,
    }
)


def _networks(rows: pl.DataFrame, column: str, time: str) -> dict[tuple[str, str], list[datetime]]:
    """When each account signed in from each address, or by each provider, to the hour."""
    found = (
        with_outcome(rows.lazy(), "LogonSuccess")
        .filter(pl.col(column) != "")
        .select("Account", column, pl.col(time).dt.truncate("1h"))
        .unique()
        .group_by("Account", column)
        .agg(time)
        .collect()
    )
    return {(account, told): times for account, told, times in found.iter_rows()}


def _hosted(seconds: pl.DataFrame) -> dict[str, dict[str, list[datetime]]]:
    """When each account signed in from which provider of rented servers."""
    found: dict[str, dict[str, list[datetime]]] = {}
    hosted = with_outcome(seconds, "LogonSuccess").filter(pl.col("ISP").str.contains(HOSTING))
    for account, provider, times in (
        hosted.group_by("Account", "ISP").agg(pl.col("First").sort()).iter_rows()
    ):
        found.setdefault(account, {})[provider] = times
    return found


def _by_account(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(key[0]): group for key, group in rows.group_by("Account", maintain_order=True)}


def _successes(rows: pl.DataFrame) -> dict[str, list[datetime]]:
    grouped = _by_account(rows.sort("Success"))
    return {key: group["Success"].to_list() for key, group in grouped.items()}


def _count(
    times: Mapping[str, list[datetime]], keys: Collection[str], start: datetime, end: datetime
) -> int:
    return sum(start <= when < end for key in keys for when in times.get(key, ()))


def actors_of(judgement: Judgement, trail: Trail) -> tuple[set[str], bool]:
    """The accounts behind the changes of a connector in its window, by object id and UPN.

    They are the persons who changed it, and those who gave rights to an application that did.

    Returns:
        The accounts, and whether all are known: false when a record names nobody.
    """
    changes = acts(trail.within(judgement))
    people = [c.actor for c in changes if c.actor.kind is ActorKind.PERSON]
    if any(change.actor.kind is ActorKind.APPLICATION for change in changes):
        people += [
            deed.actor for deed in trail.by_actors(judgement) if deed.actor.kind is ActorKind.PERSON
        ]
    known = all(actor.key for actor in people)
    return {name for actor in people for name in (actor.id, actor.name) if name}, known
