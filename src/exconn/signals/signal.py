"""What a signal is."""

import enum
import math
import string
from collections.abc import Mapping
from functools import cached_property

import polars as pl
from attrs import field, frozen
from attrs.validators import instance_of
from polars.exceptions import PolarsError

from exconn.errors import InvalidValueError
from exconn.facts import FACTS
from exconn.signals.question import Question

_KNOWN = frozenset(fact.name for fact in FACTS)
_FACT_SCHEMA = pl.Schema(dict.fromkeys((fact.name for fact in FACTS), pl.Float64()))


class Family(enum.StrEnum):
    """Signals of one family say the same kind of thing; together they count less than their sum."""

    CONFIGURATION = "configuration"
    CHANGE = "change"
    LOGON = "logon"
    CHAIN = "chain"
    VOLUME = "volume"
    SENDER = "sender"
    RECIPIENTS = "recipients"
    CONTENT = "content"
    CONTEXT = "context"


class Direction(enum.StrEnum):
    """What a signal speaks for when it fires."""

    FOR = "for malice"
    AGAINST = "against malice"


@frozen(eq=False, slots=False)
class Signal:
    """One reason to think that a connector is malicious, or that it is not.

    Attributes:
        id: stable, ``family.name``.
        title: what it says when it fires, in a few words.
        family: what kind of thing it says.
        direction: what it speaks for.
        question: the question that it helps to answer.
        when: fires where this boolean expression over facts is true. It is not evaluated where one
            of its facts is null: the signal is then unassessed.
        sentence: what it says when it fires, with facts in braces: ``{messages:.0f}``.
        rationale: why it matters, and when it misleads.
        fires: facts on which it fires.
        nearly: facts on which it only just does not.
        remediation: what to do about it.
        references: where it is documented.
        attack_ids: MITRE ATT&CK techniques.
        weight: how much it adds to the margin when it fires alone in its family; positive. Of
            exconn's own signals the policy says it (`Policy.weights`).

    Raises:
        InvalidValueError: `when` is not a condition over facts, `sentence` tells something else, or
            the weight is not positive and finite.
    """

    id: str
    title: str
    family: Family = field(converter=Family)
    direction: Direction = field(converter=Direction)
    question: Question = field(repr=False, validator=instance_of(Question))
    when: pl.Expr = field(repr=False)
    sentence: str = field(repr=False)
    rationale: str = field(repr=False)
    fires: Mapping[str, float] = field(repr=False)
    nearly: Mapping[str, float] = field(repr=False)
    remediation: str = field(default="", repr=False)
    references: tuple[str, ...] = field(default=(), repr=False)
    attack_ids: tuple[str, ...] = ()
    weight: float = 1.0

    def __attrs_post_init__(self) -> None:
        said = {name for _, name, _, _ in string.Formatter().parse(self.sentence) if name}
        unknown = sorted((set(self.facts) | said) - _KNOWN)
        if unknown:
            raise InvalidValueError(f"signal {self.id}", f"there is no fact {unknown[0]!r}")
        if not said <= set(self.facts):
            raise InvalidValueError(
                f"signal {self.id}", "its sentence tells facts it does not read"
            )
        if not 0 < self.weight < math.inf:
            raise InvalidValueError(f"signal {self.id}", "its weight must be positive and finite")
        if not self.facts:
            raise InvalidValueError(f"signal {self.id}", "it reads no fact")
        try:
            dtype = pl.LazyFrame(schema=_FACT_SCHEMA).select(self.when).collect_schema().dtypes()[0]
            self.sentence.format(**dict.fromkeys(self.facts, 1.0))
        except (PolarsError, ValueError, IndexError, TypeError) as error:
            raise InvalidValueError(f"signal {self.id}", str(error).splitlines()[0]) from error
        if dtype != pl.Boolean:
            raise InvalidValueError(f"signal {self.id}", f"its condition is {dtype}, not a boolean")

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """The facts that it reads."""
        return tuple(dict.fromkeys(self.when.meta.root_names()))

    @property
    def state(self) -> pl.Expr:
        """True, false, or null where one of its facts is null."""
        known = pl.all_horizontal(pl.col(name).is_not_null() for name in self.facts)
        return pl.when(known).then(self.when).alias(self.id)
