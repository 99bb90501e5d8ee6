"""The regular expressions that Polars' engine (Rust) and others (RE2) read alike."""

import re

import polars as pl
from polars.exceptions import PolarsError

_TOKEN = re.compile(
    r"""
      (?P<escape> \\. )
    | (?P<group> \(\?[^:)]*[:)]? )
    | (?P<class> \[ \^? \]? (?: \\. | [^\]\\] )* \] )
    | (?P<repeat> (?: [*+?] | \{[0-9,]*\} ) \?? )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\[tnrfv!-/:;=?@\[-`{-~ ]")
_IN_CLASS = re.compile(r"\\.", re.DOTALL)
_MOST = 1000


def unlike(pattern: str) -> str | None:
    """The first part of a pattern that engines read differently, or None.

    Perl's and Unicode's classes and word boundaries know all of Unicode in some engines and ASCII
    in others; set operations, other flags than a leading ``(?i)``, doubled repetitions and high
    counts exist in some only.
    """
    repeated = False
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        match token.lastgroup:
            case "escape" if not _ESCAPED.fullmatch(text):
                return text
            case "group" if text != "(?:" and not (text == "(?i)" and token.start() == 0):
                return text
            case "class":
                found = _unlike_in_class(text)
                if found is not None:
                    return found
            case "repeat":
                counts = [int(count) for count in re.findall("[0-9]+", text)]
                if repeated or text.startswith("{,") or any(count > _MOST for count in counts):
                    return text
        repeated = token.lastgroup == "repeat"
    return None


def is_valid(pattern: str) -> bool:
    """Whether Polars can use a pattern."""
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except PolarsError:
        return False
    return True


def _unlike_in_class(text: str) -> str | None:
    for escape in _IN_CLASS.findall(text):
        if not _ESCAPED.fullmatch(escape):
            return str(escape)
    inner = _IN_CLASS.sub("", text[1:-1])
    found = re.search(r"\[|&&|--|~~", inner)
    return found[0] if found else None
