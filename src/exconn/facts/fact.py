"""What a fact is."""

import enum

from attrs import frozen

from exconn.tables import Reads


class Unit(enum.StrEnum):
    """What a fact counts or measures."""

    MESSAGES = "messages"
    DELIVERIES = "deliveries"
    SHARE = "share of 1"
    RATIO = "ratio"
    RATE = "messages a day"
    HOURS = "hours"
    DAYS = "days"
    ADDRESSES = "addresses"
    DOMAINS = "domains"
    SENDERS = "senders"
    ACCOUNTS = "accounts"
    CHANGES = "changes"
    LOGONS = "logons"
    SEQUENCES = "sequences"


@frozen
class Fact:
    """A number about a connector in a window. It carries no opinion.

    Attributes:
        name: the column in the frame of facts.
        unit: what it counts or measures.
        about: one sentence.
        reads: the table columns that it rests on. It is null where some file with rows in the
            window lacks one of them.
        past: whether it also rests on the baseline, which then must have those columns too.
    """

    name: str
    unit: Unit
    about: str
    reads: Reads
    past: bool = False

    @property
    def tables(self) -> frozenset[str]:
        """The names of the tables that it rests on."""
        return frozenset(table for table, _ in self.reads)
