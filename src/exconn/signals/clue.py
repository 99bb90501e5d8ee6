"""What a clue is: a condition over facts, and what it says in words."""

import string
from functools import cached_property

import polars as pl
from attrs import field, frozen
from polars.exceptions import PolarsError

from exconn.errors import InvalidValueError, did_you_mean, nearest
from exconn.facts import FACTS

_KNOWN = frozenset(fact.name for fact in FACTS)
_NO_FACTS = pl.LazyFrame(schema=dict.fromkeys((fact.name for fact in FACTS), pl.Float64()))


@frozen(eq=False, slots=False, kw_only=True)
class Clue:
    """A condition over facts, and what it says where it holds.

    Attributes:
        when: a boolean expression over facts. It is not evaluated where one of its facts is null:
            it is then unassessed.
        sentence: what it says where it holds, with facts in braces: ``{messages:.0f}``.

    Raises:
        InvalidValueError: `when` is not a condition over facts, or `sentence` tells something else.
    """

    when: pl.Expr = field(repr=False)
    sentence: str

    def __attrs_post_init__(self) -> None:
        said = {name for _, name, _, _ in string.Formatter().parse(self.sentence) if name}
        unknown = sorted((set(self.facts) | said) - _KNOWN)
        if unknown:
            raise InvalidValueError(
                self._title,
                f"there is no fact {unknown[0]!r}{did_you_mean(nearest(unknown[0], _KNOWN))}",
            )
        if not said <= set(self.facts):
            raise InvalidValueError(self._title, "its sentence tells facts it does not read")
        if not self.facts:
            raise InvalidValueError(self._title, "it reads no fact")
        try:
            dtype = _NO_FACTS.select(self.when).collect_schema().dtypes()[0]
            self.sentence.format(**dict.fromkeys(self.facts, 1.0))
        except (PolarsError, ValueError, IndexError, TypeError) as error:
            raise InvalidValueError(self._title, str(error).splitlines()[0]) from error
        if dtype != pl.Boolean:
            raise InvalidValueError(self._title, f"its condition is {dtype}, not a boolean")

    @property
    def _title(self) -> str:
        return f"clue {self.sentence!r}"

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """The facts that it reads."""
        return tuple(dict.fromkeys(self.when.meta.root_names()))

    @property
    def state(self) -> pl.Expr:
        """True, false, or null where one of its facts is null."""
        known = pl.all_horizontal(pl.col(name).is_not_null() for name in self.facts)
        return pl.when(known).then(self.when)
