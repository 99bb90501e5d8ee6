"""Files become raw records, each with the line where it begins; nothing is dropped silently."""

import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import evolve, frozen

from exconn.errors import NoDataError, UnreadableDataError
from exconn.ingest._csv import csv_form, csv_records
from exconn.ingest._json import json_records
from exconn.ingest._lines import Lines, lines_of
from exconn.ingest._packed import Allowance, DamagedError, is_zip, members, unpacked, whole
from exconn.ingest._parquet import is_parquet, parquet_records
from exconn.ingest._raw import Part, Raw, Unreadable
from exconn.sources._storage import is_address

HIDDEN = "hidden files and folders"
LINKED = "linked folders"
NO_FILE = "links to nothing, pipes and devices"

LeftOut = Counter[str]
"""How much of each kind, in words, was not read."""


def walk(
    files: Iterable[Path], *, but: Callable[[Path], bool], left_out: LeftOut
) -> Iterator[Path]:
    """Every file once, folders walked in order of their names without hidden files.

    Args:
        files: files and folders.
        but: files in folders for which this holds are left out without a word.
        left_out: counts what else is.

    Raises:
        NoDataError: a path does not exist.
        UnreadableDataError: a folder cannot be read.
    """
    seen: set[Path] = set()
    for path in files:
        if not path.exists():
            raise NoDataError(_why_missing(path))
        inside = _in_folder(path, left_out) if path.is_dir() else None
        found = iter([path]) if inside is None else (f for f in inside if not but(f))
        for file in found:
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield file


def _why_missing(path: Path) -> str:
    if is_address(str(path).replace(":/", "://", 1)):  # it may have a secret; paths lose a slash
        return "exports are read from a disk; copy there what is at the address"
    return f"{path} does not exist; name a file or a folder of exports"


def read(path: Path, left_out: LeftOut) -> Iterator[Part]:
    """Read a file of JSON, CSV or Parquet, which may be compressed by gzip or be a zip archive.

    The records of each part have to be read before the next part.

    Args:
        path: the file.
        left_out: counts members that are not read.

    Raises:
        UnreadableDataError: the file cannot be opened or read; also while records are read.
    """
    try:
        with path.open("rb") as file:
            allowance = Allowance.of(os.fstat(file.fileno()).st_size)
            if is_zip(file):
                yield from _Archive(allowance, left_out).parts(path, file)
            elif is_parquet(file):
                yield Part(path, parquet_records(path))
            else:
                yield Part(path, _text_of_file(path, file, allowance))
    except OSError as error:
        raise _unreadable(path, error) from error


def _in_folder(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename), error) from error

    for where, folders, names in os.walk(folder, onerror=refuse):
        hidden = [name for name in (*folders, *names) if name.startswith(".")]
        linked = [name for name in folders if Path(where, name).is_symlink()]
        left_out[HIDDEN] += len(hidden)
        left_out[LINKED] += len(set(linked) - set(hidden))
        folders[:] = sorted(set(folders) - set(hidden) - set(linked))
        for name in sorted(set(names) - set(hidden)):
            if (file := Path(where, name)).is_file():
                yield file
            else:
                left_out[NO_FILE] += 1


@frozen
class _Archive:
    """How a zip archive is read, and what is in it."""

    allowance: Allowance
    left_out: LeftOut
    is_inner: bool = False

    def parts(self, path: Path, archive: io.BufferedReader | io.BytesIO) -> Iterator[Part]:
        """The members, and those of zip archives in it; of an empty one, just itself."""
        is_empty = True
        try:
            for member in members(archive, self.allowance, self._pass_over):
                is_empty = False
                place = Path(f"{path}/{member.name}")
                if isinstance(member.contents, str):
                    yield _refused(place, member.contents)
                else:
                    yield from self._member(place, member.contents)
            if is_empty:
                yield Part(path, iter(()))
        except DamagedError as damage:
            yield _refused(path, str(damage))

    def _member(self, place: Path, contents: io.BufferedReader) -> Iterator[Part]:
        try:
            if is_zip(contents) and self.is_inner:
                yield _refused(place, "a zip archive in one in another: unpack it first")
            elif is_zip(contents):
                yield from evolve(self, is_inner=True).parts(place, whole(contents))
            elif is_parquet(contents):
                yield Part(place, parquet_records(whole(contents)))
            else:
                yield Part(place, _text(contents, self.allowance))
        except DamagedError as damage:
            yield _refused(place, str(damage))

    def _pass_over(self) -> None:
        self.left_out[HIDDEN] += 1


def _refused(path: Path, reason: str) -> Part:
    return Part(path, iter([Unreadable(1, reason)]))


def _text_of_file(
    path: Path, file: io.BufferedReader, allowance: Allowance
) -> Iterator[Raw | Unreadable]:
    try:
        yield from _text(file, allowance)
    except OSError as error:
        raise _unreadable(path, error) from error


def _text(stream: io.BufferedReader, allowance: Allowance) -> Iterator[Raw | Unreadable]:
    damaged: list[Unreadable] = []
    lines = Lines(lines_of(unpacked(stream, allowance), damaged.append))
    form = csv_form(lines)
    yield from csv_records(lines, form) if form else json_records(lines)
    yield from damaged


def _unreadable(path: Path, error: OSError) -> UnreadableDataError:
    return UnreadableDataError(
        str(path), f"cannot be read: {error.strerror or error}; nothing was imported"
    )
