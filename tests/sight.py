"""What nobody can see, as Unicode's own tables have it: none of it is taken from exconn."""

import re
import unicodedata
from functools import cache

_SHOWS_NOTHING = re.compile(
    r"VARIATION SELECTOR|VOWEL INHERENT|GRAPHEME JOINER|HANGUL.* FILLER|SCRIPT FILLER"
    r"|(PATTERN|FULL|HALF) BLANK|NULL NOTEHEAD|OBJECT REPLACEMENT"
)


def unseen(text: str) -> set[str]:
    """The characters of a text that nobody can see."""
    return {character for character in set(text) if _unseen(character)}


@cache
def _unseen(character: str) -> bool:
    if character == " ":
        return False
    number = ord(character)
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"}
        or _SHOWS_NOTHING.search(unicodedata.name(character, "")) is not None
        or number & 0xFFFE == 0xFFFE  # never a character
        or 0xFDD0 <= number <= 0xFDEF
        or number == 0x2065  # to be ignored, should it ever become one
        or 0xFFF0 <= number <= 0xFFF8
        or number > 0x3FFFF  # no writing is there
    )
