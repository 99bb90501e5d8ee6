"""The one way in which text reaches a PowerShell command."""

import re
from collections.abc import Iterable

from exconn.unseen import UNSEEN

# PowerShell takes typographic single quotes for single quotes as well.
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")


def quote(text: str) -> str:
    """A PowerShell expression for a text that may come from an attacker.

    A single-quoted string, in which nothing is expanded. Characters that cannot be seen, or that
    a terminal would act on, are written as ``[char]0x..``.
    """
    if not UNSEEN.search(text):
        return _quoted(text)
    parts: list[str] = []
    at = 0
    for unseen in UNSEEN.finditer(text):
        parts += [_quoted(text[at : unseen.start()]), _character(unseen[0])]
        at = unseen.end()
    return f"({' + '.join([*parts, _quoted(text[at:])])})"


def _character(unseen: str) -> str:
    number = f"0x{ord(unseen):02X}"
    return f"[char]::ConvertFromUtf32({number})" if unseen > "\uffff" else f"[char]{number}"


def _quoted(text: str) -> str:
    return "'" + _QUOTES.sub(lambda found: found[0] * 2, text) + "'"


def array(texts: Iterable[str]) -> str:
    """A PowerShell array of texts, each quoted."""
    return f"@({', '.join(map(quote, texts))})"


def lines(text: str) -> str:
    """A PowerShell expression for a text of several lines, such as a query."""
    return f"({array(text.split(chr(10)))} -join [char]0x0A)"


def odata(text: str) -> str:
    """A PowerShell expression for a text that a format string puts between OData's own quotes."""
    return quote(text.replace("'", "''"))
