"""Where commands write: refused before the work where that cannot be, or would lose something."""

import os
from pathlib import Path

from exconn.errors import InvalidValueError
from exconn.reports.markup import BEGINNING
from exconn.sources._files import write_privately
from exconn.sources._folder import table_files
from exconn.tables import TABLES


def page(place: Path | None) -> Path | None:
    """Where a report may be written: to a file that is not there, is empty, or is a report.

    Raises:
        InvalidValueError: it is something else, or cannot be written there.
    """
    if place is None:
        return None
    if place.is_dir():
        raise InvalidValueError("--html", f"{place} is a folder; name a file in it")
    if not place.parent.is_dir():
        raise InvalidValueError("--html", f"there is no folder {place.parent}; make it first")
    if place.is_symlink():
        raise InvalidValueError("--html", f"{place} is a link; name what it leads to, or another")
    if place.exists() and not _is_report(place):
        raise InvalidValueError("--html", f"{place} is no report, and would be lost; name another")
    if not os.access(place.parent, os.W_OK):
        raise InvalidValueError("--html", f"nothing may be written to {place.parent}; name another")
    return place


def write_page(place: Path, text: str) -> None:
    """Write a report whole, or not at all."""
    write_privately(place, lambda file: file.write(text.encode()))


def tables(place: Path | None) -> Path | None:
    """A folder where tables of evidence may be written, which may have to be made.

    Raises:
        InvalidValueError: it is a file, or a folder that grades are made from; or it cannot be
            written there.
    """
    if place is None:
        return None
    if place.exists() and not place.is_dir():
        raise InvalidValueError("--evidence", f"{place} is a file; name a folder")
    if place.is_dir() and any(table_files(place, table) for table in TABLES):
        raise InvalidValueError("--evidence", f"{place} is an evidence folder; name another")
    there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if not os.access(there, os.W_OK):
        raise InvalidValueError("--evidence", f"nothing may be written to {there}; name another")
    return place


def _is_report(place: Path) -> bool:
    if not place.is_file():
        return False
    try:
        with place.open("rb") as file:
            beginning = file.read(len(BEGINNING))
    except OSError as error:
        problem = f"{place} cannot be read ({error.strerror}); name another"
        raise InvalidValueError("--html", problem) from error
    return beginning in (b"", BEGINNING.encode())
