"""What is compressed: gzip and zip, unpacked as far as it is sound and not a bomb."""

import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from attrs import define, frozen

from exconn.unseen import visible

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED = 0x1
_OFFICE = "[Content_Types].xml"
_BUFFER = 1 << 16
_HEAD = 4
"""Bytes that are looked at to tell what a text is."""

_SMALL = 64 << 20
_LARGEST_WHOLE = 256 << 20
_MOST_RATIO = 200
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
)
"""What the standard library raises over damaged archives, and over those it cannot unpack."""


class DamagedError(Exception):
    """Something packed cannot be unpacked, or not any further; the message says why."""


@define
class Allowance:
    """How much a file may unpack to, all its members together.

    Exports pack to a twentieth of their size, seldom to less than a hundredth; a bomb to a
    thousandth.
    """

    left: int

    @classmethod
    def of(cls, size: int) -> "Allowance":
        """The allowance of a file of this many bytes."""
        return cls(max(_SMALL, _MOST_RATIO * size))

    def take(self, size: int) -> None:
        """Use some of it.

        Raises:
            DamagedError: it is used up.
        """
        self.left -= size
        if self.left < 0:
            raise DamagedError(f"unpacks to more than {_MOST_RATIO} times its size")


class _Unpacked(io.RawIOBase):
    """What a packed stream unpacks to."""

    def __init__(self, read: Callable[[int], bytes], kind: str, allowance: Allowance) -> None:
        self._read = read
        self._kind = kind
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            found = self._read(len(buffer))
        except _UNSOUND as error:
            raise DamagedError(f"damaged {self._kind}") from error
        self._allowance.take(len(found))
        buffer[: len(found)] = found
        return len(found)


def _buffered(stream: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(stream, _BUFFER)


def unpacked(stream: io.BufferedReader, allowance: Allowance) -> io.BufferedReader:
    """A stream without its gzip, where it has one."""
    if not stream.peek(2).startswith(_GZIP):
        return stream
    packed = gzip.GzipFile(fileobj=stream)

    def read(size: int) -> bytes:
        # Of what was cut, `packed.read` would lose all that it has read just before the cut.
        found = packed.read1(size)
        while found and len(found) < _HEAD and (more := packed.read1(size - len(found))):
            found += more
        return found

    return _buffered(_Unpacked(read, "gzip", allowance))


def is_zip(stream: io.BufferedReader) -> bool:
    """Whether a stream is a zip archive."""
    return stream.peek(4).startswith(_ZIP)


@frozen
class Member:
    """A member of a zip archive: its name, visible, and its contents or why there are none."""

    name: str
    contents: io.BufferedReader | str


def members(
    archive: IO[bytes], allowance: Allowance, hidden: Callable[[], None]
) -> Iterator[Member]:
    """The members of a zip archive in order of their names, without folders.

    Args:
        archive: the archive.
        allowance: how much it may unpack to.
        hidden: called for each member that is hidden, and left out.

    Raises:
        DamagedError: it has no readable table of contents.
    """
    try:
        opened = zipfile.ZipFile(archive)
    except _UNSOUND as error:
        raise DamagedError("damaged zip") from error
    with opened:
        if _OFFICE in opened.namelist():
            raise DamagedError("an Office document: save it as CSV")
        for info in sorted(opened.infolist(), key=lambda info: info.filename):
            if info.is_dir():
                continue
            if _is_hidden(info.filename):
                hidden()
            else:
                yield Member(visible(info.filename), _contents(opened, info, allowance))


def _is_hidden(name: str) -> bool:
    parts = re.split(r"[/\\]", name)
    return any(part.startswith(".") and part.strip(".") for part in parts)


def _contents(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance
) -> io.BufferedReader | str:
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    try:
        return _buffered(_Unpacked(archive.open(info).read, "zip", allowance))
    except NotImplementedError:
        return "compressed in a way that is not read: pack it again"
    except _UNSOUND:
        return "damaged zip"


def whole(contents: io.BufferedReader) -> io.BytesIO:
    """The contents of a member, in memory, for readers that jump about in it.

    Raises:
        DamagedError: it is too large for that, or cannot be unpacked.
    """
    found = contents.read(_LARGEST_WHOLE + 1)
    if len(found) > _LARGEST_WHOLE:
        raise DamagedError("too large to be read inside an archive: unpack it first")
    return io.BytesIO(found)
