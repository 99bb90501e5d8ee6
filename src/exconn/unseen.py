"""Characters that people cannot see, or that a terminal, a shell or a reader would act on.

Attackers choose subjects, names of senders and names of connectors. Each sink has one escaper of
its own; all of them agree, by this one pattern, on what must not pass as it is.
"""

import re

UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # controls
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, direction
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"  # fillers, variation, marks
    "\U000e0000-\U000e0fff]"  # tags and variation
    "|[\ud800-\udfff]"  # halves of characters, from undecodable arguments
)


def visible(text: str) -> str:
    r"""Write characters that cannot be seen, or that a terminal would act on, as ``\u....``."""
    return UNSEEN.sub(lambda found: _escaped(ord(found[0])), text)


def _escaped(number: int) -> str:
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
