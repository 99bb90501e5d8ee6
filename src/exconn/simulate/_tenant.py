"""What a simulated tenant is, and who and what is in it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import attrs
import polars as pl
from attrs import field, frozen

from exconn.errors import InvalidValueError, UnknownConnectorError
from exconn.tables import CLOUD_APP_EVENTS, EMAIL_EVENTS, IDENTITY_LOGON_EVENTS, Table

SIMULATED_TABLES: tuple[Table, ...] = (EMAIL_EVENTS, CLOUD_APP_EVENTS, IDENTITY_LOGON_EVENTS)


@frozen
class Place:
    """Where somebody signs in from.

    Attributes:
        country: two-letter code.
        city: in lower case.
        isp: the provider's name.
        addresses: IPv4, at least one.
    """

    country: str
    city: str
    isp: str
    addresses: tuple[str, ...]


@frozen
class Person:
    """An account of the tenant.

    Attributes:
        object_id: GUID in the directory.
        upn: user principal name, also the mail address.
        name: display name.
        office: the tenant's own place, shared by all.
        home: the person's other usual place.
    """

    object_id: str
    upn: str
    name: str
    office: Place
    home: Place


@frozen
class SimulatedConnector:
    """A connector and the truth about it.

    Attributes:
        role: what it is for, the same word for every seed ("relay", "marketing", "quiet", ...).
        name: its name in this tenant.
        about: one sentence that says what it is.
        honest: False when attackers use it.
        addresses: the IPv4 addresses that its mail honestly comes from; empty for outbound ones.
    """

    role: str
    name: str
    about: str
    honest: bool = True
    addresses: tuple[str, ...] = ()


def _read_only(frames: Mapping[str, pl.DataFrame]) -> Mapping[str, pl.DataFrame]:
    return MappingProxyType(dict(frames))


@frozen(eq=False)
class Tenant:
    """Some weeks in the life of a tenant.

    Attributes:
        frames: a frame for each of EmailEvents, CloudAppEvents and IdentityLogonEvents, with the
            table's schema, sorted by time.
        accepted_domains: the tenant's own, the main one first.
        organization: the tenant's initial domain, as audit records name it.
        start: the first moment of the data, UTC.
        end: the moment after the last, UTC.
        people: all accounts.
        admins: those of `people` who are Exchange administrators.
        connectors: all that exist, with the truth about each.
        at: when the attack peaks, UTC; None when there is none.
    """

    frames: Mapping[str, pl.DataFrame] = field(converter=_read_only, repr=False)
    accepted_domains: tuple[str, ...]
    organization: str
    start: datetime
    end: datetime
    people: tuple[Person, ...] = field(repr=False)
    admins: tuple[Person, ...]
    connectors: tuple[SimulatedConnector, ...]
    at: datetime | None = None

    def adding(self, table_name: str, *frames: pl.DataFrame) -> "Tenant":
        """Return a tenant that has these rows as well, sorted by time.

        Args:
            table_name: Microsoft's name of the table.
            frames: rows with all of its columns, as the row builders make them.

        Raises:
            InvalidValueError: there is no such table in a tenant.
        """
        if table_name not in self.frames:
            raise InvalidValueError(
                "table", f"expected one of {', '.join(self.frames)}, got {table_name!r}"
            )
        grown = in_order(self.frames[table_name], *frames)
        return attrs.evolve(self, frames={**self.frames, table_name: grown})

    def connector(self, role: str) -> SimulatedConnector:
        """Return the connector that has this role.

        Raises:
            UnknownConnectorError: none has it.
        """
        for connector in self.connectors:
            if connector.role == role:
                return connector
        raise UnknownConnectorError(role, (connector.role for connector in self.connectors))


def in_order(*frames: pl.DataFrame) -> pl.DataFrame:
    """Put frames of one table together, sorted by time; rows of one moment keep their order."""
    return pl.concat(frames).sort("Timestamp", maintain_order=True)
