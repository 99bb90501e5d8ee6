"""The lines of a text, decoded and counted."""

import codecs
import io
import re
from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from exconn.ingest._packed import DamagedError
from exconn.ingest._raw import Unreadable

_NOT_TEXT = (b"PAR1", b"PK", b"\x1f\x8b", b"7z\xbc\xaf", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zX")
_WIDE = re.compile(
    b"(?P<mark>%s|%s)|(?P<little>[^\0]\0[^\0]\0)|(?P<big>\0[^\0]\0[^\0])"
    % (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    re.DOTALL,
)
"""How UTF-16 begins: with a mark, or with plain letters. Exchange writes reports without a mark."""

_WIDE_ENCODINGS = {"mark": "utf-16", "little": "utf-16-le", "big": "utf-16-be"}


_LONGEST = 16 << 20
"""Bytes or characters that are read of a line at once."""


@frozen
class Line:
    """A line with its end, or a piece of one; bytes that are not UTF-8 are halves of characters."""

    number: int
    text: str


def is_piece(line: Line) -> bool:
    """Whether a line goes on in the next one, or the text ends in it."""
    return not line.text.endswith("\n")


class Lines(Iterator[Line]):
    """Lines, of which the last that were taken can be given back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._given_back: list[Line] = []

    def __next__(self) -> Line:
        return self._given_back.pop() if self._given_back else next(self._lines)

    def give_back(self, lines: Sequence[Line]) -> None:
        """Have these come next, in their order."""
        self._given_back.extend(reversed(lines))


def lines_of(stream: io.BufferedReader, damaged: Callable[[Unreadable], None]) -> Iterator[Line]:
    """The lines of a text in UTF-8 or UTF-16.

    Args:
        stream: the text.
        damaged: called with the reason why lines are missing, when they are.
    """
    number = 1
    try:
        head = stream.peek(4)
        if head.startswith(_NOT_TEXT):
            damaged(Unreadable(1, "not a text file"))
            return
        for text in _decoded(stream, head):
            yield Line(number, text)
            number += text.endswith("\n")
    except DamagedError as damage:
        damaged(Unreadable(number, str(damage)))


def _decoded(stream: io.BufferedReader, head: bytes) -> Iterator[str]:
    if wide := _WIDE.match(head):
        encoding = _WIDE_ENCODINGS[str(wide.lastgroup)]
        yield from _texts(stream, encoding, errors="replace", newline="\n")
        return
    if b"\r" in (beginning := stream.peek()) and b"\n" not in beginning:
        yield from _texts(stream, "utf-8-sig", errors="surrogateescape", newline=None)
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    mark = "\ufeff"
    while line := stream.readline(_LONGEST):
        yield decoder.decode(line, final=line.endswith(b"\n")).removeprefix(mark)
        mark = ""
    if rest := decoder.decode(b"", final=True):
        yield rest


def _texts(
    stream: io.BufferedReader, encoding: str, *, errors: str, newline: str | None
) -> Iterator[str]:
    text = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline=newline)
    try:
        yield from iter(lambda: text.readline(_LONGEST), "")
    finally:
        text.detach()
