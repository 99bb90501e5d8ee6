"""Where KQL is to run: the differences between Defender, Sentinel and other databases."""

from collections.abc import Mapping

from attrs import field, frozen

from exconn.errors import InvalidValueError
from exconn.tables import KqlType


@frozen
class Dialect:
    """A place where KQL runs.

    Attributes:
        name: for people.
        time: what the time column is called there, when not as in the table.
        parameters: whether strings and times of a query become ``declare query_parameters``.
        types: for columns that are stored in another type there, that type, by (table, column).
        spelt: for columns that are called otherwise there, their name, by (table, column).
        lacks: columns, by (table, column), that the tables there do not have; a query reads them as
            empty, as it does on frames.
    """

    name: str
    time: str | None = None
    parameters: bool = False
    types: Mapping[tuple[str, str], KqlType] = field(factory=dict, repr=False)
    spelt: Mapping[tuple[str, str], str] = field(factory=dict, repr=False)
    lacks: frozenset[tuple[str, str]] = field(factory=frozenset, repr=False)


DEFENDER = Dialect("defender")
"""Advanced Hunting in Defender XDR."""

SENTINEL = Dialect(
    "sentinel",
    time="TimeGenerated",
    types={
        ("EmailEvents", "AdditionalFields"): KqlType.DYNAMIC,
        ("EmailEvents", "EmailSize"): KqlType.INT,
        ("IdentityLogonEvents", "Port"): KqlType.STRING,
        ("IdentityLogonEvents", "DestinationPort"): KqlType.STRING,
        ("AlertEvidence", "AdditionalFields"): KqlType.DYNAMIC,
        ("IdentityInfo", "Tags"): KqlType.STRING,
    },
)
"""Sentinel and Log Analytics, where the tables have other types in places."""

KUSTO = Dialect("kusto", parameters=True)
"""Any Azure Data Explorer database with tables in Defender's own schema.

The strings and times of a query are its parameters, with defaults.
"""

DIALECTS = (DEFENDER, SENTINEL, KUSTO)


def dialect_of(given: Dialect | str) -> Dialect:
    """A dialect, by itself or by its name.

    Raises:
        InvalidValueError: there is none of that name.
    """
    if isinstance(given, Dialect):
        return given
    for dialect in DIALECTS:
        if dialect.name == given:
            return dialect
    names = ", ".join(dialect.name for dialect in DIALECTS)
    raise InvalidValueError("dialect", f"expected {names}, got {given!r}")
