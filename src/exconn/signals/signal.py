"""What a signal is."""

import enum
import math
from collections.abc import Mapping

import polars as pl
from attrs import field, frozen
from attrs.validators import instance_of

from exconn.errors import InvalidValueError
from exconn.signals.clue import Clue
from exconn.signals.question import Question


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


@frozen(eq=False, slots=False, kw_only=True)
class Signal(Clue):
    """One reason to think that a connector is malicious, or that it is not.

    It fires where its condition holds (`Clue.when`), and then says its sentence.

    Attributes:
        id: stable, ``family.name``.
        title: what it says when it fires, in a few words.
        family: what kind of thing it says.
        direction: what it speaks for.
        question: the question that it helps to answer.
        rationale: why it matters, and when it misleads.
        fires: facts on which it fires.
        nearly: facts on which it only just does not.
        remediation: what to do about it.
        references: where it is documented.
        attack_ids: MITRE ATT&CK techniques.
        absent: facts of which the absence speaks, for malice that is: "and nothing was changed".
            Where their tables do not cover the window, the signal is unassessed.
        weight: how much it adds to the margin when it fires alone in its family, where the policy
            does not name it; positive. Of exconn's own signals it is the judgement from which the
            policy's weights were derived.

    Raises:
        InvalidValueError: as for `Clue`; or the weight is not positive and finite.
    """

    id: str
    title: str
    family: Family = field(converter=Family)
    direction: Direction = field(converter=Direction)
    question: Question = field(repr=False, validator=instance_of(Question))
    rationale: str = field(repr=False)
    fires: Mapping[str, float] = field(repr=False)
    nearly: Mapping[str, float] = field(repr=False)
    remediation: str = field(default="", repr=False)
    references: tuple[str, ...] = field(default=(), repr=False)
    attack_ids: tuple[str, ...] = ()
    absent: tuple[str, ...] = field(default=(), repr=False)
    weight: float = 1.0

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not 0 < self.weight < math.inf:
            raise InvalidValueError(self._title, "its weight must be positive and finite")

    def _repr_html_(self) -> str:
        from exconn import notebook  # noqa: PLC0415 - notebooks are above signals

        return notebook.signal(self)

    @property
    def _title(self) -> str:
        return f"signal {self.id}"

    @property
    def state(self) -> pl.Expr:
        """True, false, or null where one of its facts is null; named by its id."""
        return super().state.alias(self.id)
