"""The one way in which text reaches a PowerShell command."""

import re

# PowerShell takes typographic single quotes for single quotes as well.
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def quote(text: str) -> str:
    """A PowerShell expression for a text that may come from an attacker.

    A single-quoted string, in which nothing is expanded. Characters that cannot be seen, or that
    a terminal would act on, are written as ``[char]0x..``.
    """
    if not _UNSEEN.search(text):
        return _quoted(text)
    parts: list[str] = []
    at = 0
    for unseen in _UNSEEN.finditer(text):
        parts += [_quoted(text[at : unseen.start()]), f"[char]0x{ord(unseen[0]):02X}"]
        at = unseen.end()
    return f"({' + '.join([*parts, _quoted(text[at:])])})"


def _quoted(text: str) -> str:
    return "'" + _QUOTES.sub(lambda found: found[0] * 2, text) + "'"
