"""Characters that people cannot see, or that a terminal, a shell or a reader would act on.

Attackers choose subjects, names of senders and names of connectors, and how long they are. Each
sink has one escaper of its own; all of them agree, by this one pattern, on what must not pass as it
is.

It has every control, format character, separator and private character, every space but the usual
one, half characters, and letters and symbols that show nothing. What holds emoji together is among
them, so an emoji made of several is shown in its parts: evidence is read to the letter. Characters
that Unicode has not assigned yet are not, but for those it has reserved to be ignored: they show as
boxes.
"""

import re

UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad"  # controls, no-break space, soft hyphen
    "\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"  # joiner, Arabic and Syriac formats
    "\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"  # fillers, Ogham space, Khmer and Mongolian
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f"  # spaces, zero width, separators, direction
    "\u2800\u3000\u3164"  # blank of Braille, wide space, filler
    "\ud800-\uf8ff"  # halves of characters, from undecodable arguments; private use
    "\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"  # variation, marks, none
    "\U000110bd\U000110cd\U00013430-\U0001343f\U00013441\U00013442"  # Kaithi, hieroglyphs
    "\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"  # Khitan, shorthand, music
    "\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U0003fffe-\U0010ffff]"  # none, tags, private use
)


def visible(text: str) -> str:
    r"""Write characters that cannot be seen, or that a terminal would act on, as ``\u....``."""
    return UNSEEN.sub(lambda found: _escaped(ord(found[0])), text)


def shortened(text: str, longest: int = 300) -> str:
    """A text cut where it is too long to be read; the cut is said."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def _escaped(number: int) -> str:
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
