"""What people say to the commands, as the rest of exconn takes it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve, frozen
from cyclopts import Parameter

from exconn.context import Context
from exconn.errors import InvalidValueError, nearest
from exconn.facts.catalogue import CATALOGUE, Asked
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
        connector: The connector, for connector_volume and link_clicks.
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

    def shown(self) -> "Ask":
        """The same, with marks to be replaced where nothing is said."""
        return evolve(
            self,
            connector=self.connector or "<connector>",
            account=self.account or ("<account>",),
            address=self.address or ("<address>",),
            domain=self.domain or ("<domain>",),
        )


def known(name: str) -> str:
    """The name of a query that there is."""
    if name not in CATALOGUE:
        close = ", ".join(nearest(name, CATALOGUE)) or "exconn kql lists them"
        raise InvalidValueError("query", f"no query {name!r}; nearest: {close}")
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
