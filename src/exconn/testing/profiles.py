"""What drawn rows have to contend with."""

from datetime import timedelta

from attrs import frozen


@frozen(kw_only=True)
class Profile:
    """The troubles of drawn rows. `attrs.evolve` one to have one trouble more or less.

    Attributes:
        duplicates: rows occur twice.
        cases: names and enumerations in capitals and in small letters.
        nulls: no value where there could be one, beside ``""``.
        strange: separators inside names, quotes, line breaks, NUL, bidi controls, letters whose
            lower case is longer, addresses without ``@``, any other Unicode; JSON that is none; and
            columns that contradict each other.
        edges: times on full hours, a microsecond beside, and at the ends of what a table can hold;
            the least and the greatest numbers.
        skew: how far clocks may be ahead or behind, where they are.
        gaps: columns and tables that are not there.
        as_text: numbers, flags and times as text.
    """

    duplicates: bool = False
    cases: bool = False
    nulls: bool = False
    strange: bool = False
    edges: bool = False
    skew: timedelta = timedelta(0)
    gaps: bool = False
    as_text: bool = False


REALISTIC = Profile()
"""Rows as a tidy export has them: domains are those of the addresses, JSON is JSON."""

ADVERSARIAL = Profile(
    duplicates=True,
    cases=True,
    nulls=True,
    strange=True,
    edges=True,
    skew=timedelta(minutes=25),
    gaps=True,
    as_text=True,
)
"""All of it."""
