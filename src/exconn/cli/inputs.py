"""What people say to the commands, as the rest of exconn takes it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve, frozen
from cyclopts import Parameter

from exconn.context import Context
from exconn.errors import InvalidValueError, nearest
from exconn.facts.catalogue import CATALOGUE, NEEDS, Asked, takes
from exconn.grading import Policy
from exconn.sources import read_context
from exconn.sources._storage import is_address
from exconn.window import Period, parse_time


@Parameter(name="*")
@frozen(kw_only=True)
class Ask:
    """What a query is asked about.

    Attributes:
        start: From when, ISO 8601; UTC without a zone.
        end: Until when.
        connector: The connector; queries that tell connectors apart tell of this one alone.
        account: An account's object id or UPN, for sign-ins; may be repeated.
        address: An address, for sign-ins and mail from it; may be repeated.
        domain: A sender's domain, for mail from it; may be repeated.
        accepted_domain: A domain of the tenant itself, for external_mail; may be repeated.
    """

    start: str | None = None
    end: str | None = None
    connector: str = ""
    account: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    accepted_domain: tuple[str, ...] = ()

    def about(self, default: Period) -> Asked:
        """The same for a query; the period by default."""
        start = default.start if self.start is None else parse_time(self.start)
        end = default.end if self.end is None else parse_time(self.end)
        return Asked(
            period=Period(start, end),
            connector=self.connector,
            accounts=self.account,
            addresses=self.address,
            domains=self.domain,
            accepted_domains=self.accepted_domain,
        )


_OPTIONS = {
    "connector": "--connector",
    "accounts": "--account",
    "addresses": "--address",
    "domains": "--domain",
    "accepted_domains": "--accepted-domain",
}
"""How what queries are asked about is called here."""


def with_marks(name: str, asked: Asked) -> Asked:
    """The same, with marks to be replaced where nothing is said of what a query needs."""
    needed = NEEDS.get(name, ())
    if _said(asked).intersection(needed):
        return asked
    return evolve(
        asked,
        connector="<connector>" if "connector" in needed else asked.connector,
        accounts=("<account>",) if "accounts" in needed else asked.accounts,
        addresses=("<address>",) if "addresses" in needed else asked.addresses,
        domains=("<domain>",) if "domains" in needed else asked.domains,
    )


def refuse_useless(name: str, asked: Asked) -> None:
    """Refuse what says something that a query cannot be asked about."""
    if strange := sorted(_OPTIONS[what] for what in _said(asked) - takes(name)):
        raise InvalidValueError("query", f"{name} takes no {strange[0]}; leave it out")


def refuse_incomplete(name: str, asked: Asked) -> None:
    """Refuse what does not say what a query needs, or says something in vain."""
    refuse_useless(name, asked)
    needed = NEEDS.get(name, ())
    if needed and not _said(asked).intersection(needed):
        options = " or ".join(_OPTIONS[what] for what in needed)
        raise InvalidValueError("query", f"{name} needs {options}")


def _said(asked: Asked) -> frozenset[str]:
    return frozenset(what for what in _OPTIONS if getattr(asked, what))


def known(name: str) -> str:
    """The name of a query that there is."""
    if name not in CATALOGUE:
        close = nearest(name, CATALOGUE)
        advice = f"nearest: {', '.join(close)}" if close else "exconn kql lists them"
        raise InvalidValueError("query", f"no query {name!r}; {advice}")
    return name


def last_week() -> Period:
    """The last seven days, to the full hour."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return Period(end - timedelta(days=7), end)


def context(folder: str, file: Path | None, accepted: list[str] | None) -> Context:
    """What the file says, or else that of the folder, with the accepted domains that are named."""
    place = folder if file is None else file
    known = (
        read_context(place) if file or is_address(folder) or Path(folder).is_dir() else Context()
    )
    domains = (*known.accepted_domains, *(accepted or ()))
    return evolve(known, accepted_domains=domains)


def policy(file: Path | None) -> Policy:
    """The policy that a file says, or the shipped one."""
    if file is None:
        return Policy()
    try:
        return Policy.from_toml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValueError("policy", f"{file} cannot be read ({error})") from error
