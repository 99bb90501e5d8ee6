"""Files become raw records, each with the line where it begins; nothing is dropped silently."""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from exconn.errors import NoDataError, UnreadableDataError
from exconn.ingest._csv import csv_form, csv_records
from exconn.ingest._json import json_records
from exconn.ingest._lines import Lines, lines_of
from exconn.ingest._packed import Allowance, DamagedError, is_zip, members, unpacked, whole
from exconn.ingest._parquet import is_parquet, parquet_records
from exconn.ingest._raw import Part, Raw, Unreadable


def walk(files: Iterable[Path], *, but: Callable[[Path], bool]) -> Iterator[Path]:
    """Every file once, folders walked in order of their names without hidden files.

    Args:
        files: files and folders.
        but: files in folders for which this holds are left out.

    Raises:
        NoDataError: a path does not exist.
        UnreadableDataError: a folder cannot be read.
    """
    seen: set[Path] = set()
    for path in files:
        if not path.exists():
            raise NoDataError(f"{path} does not exist; name a file or a folder of exports")
        found = (f for f in _in_folder(path) if not but(f)) if path.is_dir() else iter([path])
        for file in found:
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield file


def read(path: Path) -> Iterator[Part]:
    """Read a file of JSON, CSV or Parquet, which may be compressed by gzip or be a zip archive.

    The records of each part have to be read before the next part.

    Raises:
        UnreadableDataError: the file cannot be opened or read; also while records are read.
    """
    try:
        with path.open("rb") as file:
            allowance = Allowance.of(os.fstat(file.fileno()).st_size)
            if is_zip(file):
                yield from _members(path, file, allowance, within=0)
            elif is_parquet(file):
                yield Part(path, parquet_records(path))
            else:
                yield Part(path, _text_of_file(path, file, allowance))
    except OSError as error:
        raise _unreadable(path, error) from error


def _in_folder(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename), error) from error

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(where, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _members(
    path: Path, archive: io.BufferedReader | io.BytesIO, allowance: Allowance, *, within: int
) -> Iterator[Part]:
    """The members of a zip archive, and of zip archives in it; of an empty one, just itself."""
    is_empty = True
    try:
        for member in members(archive, allowance):
            is_empty = False
            place = Path(f"{path}/{member.name}")
            if isinstance(member.contents, str):
                yield _refused(place, member.contents)
            else:
                yield from _member(place, member.contents, allowance, within)
        if is_empty:
            yield Part(path, iter(()))
    except DamagedError as damage:
        yield _refused(path, str(damage))


def _member(
    place: Path, contents: io.BufferedReader, allowance: Allowance, within: int
) -> Iterator[Part]:
    try:
        if is_zip(contents) and within:
            yield _refused(place, "a zip archive in one in another: unpack it first")
        elif is_zip(contents):
            yield from _members(place, whole(contents), allowance, within=within + 1)
        elif is_parquet(contents):
            yield Part(place, parquet_records(whole(contents)))
        else:
            yield Part(place, _text(contents, allowance))
    except DamagedError as damage:
        yield _refused(place, str(damage))


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
    return UnreadableDataError(str(path), f"cannot be read: {error.strerror or error}")
