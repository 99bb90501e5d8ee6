"""Which files of an evidence folder on a disk hold its tables."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from exconn.errors import NoDataError, UnreadableDataError
from exconn.tables import Table

_SUFFIX = ".parquet"


def table_files(folder: Path, table: Table) -> list[Path]:
    """``EmailEvents.parquet``, and all Parquet files under ``EmailEvents/``, in order of names.

    Letter case of these names does not matter, and links are followed.

    Raises:
        NoDataError: there is no such folder.
        UnreadableDataError: something in it cannot be looked into, or a link leads nowhere: the
            rows there would be missed.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 # Path raises where the way there is barred
        raise NoDataError(f"{folder}: no such folder; give an evidence folder")
    try:
        named = sorted(path for path in folder.iterdir() if _is_called(path, table))
        files = [path for path in named if _is_parquet(path)]
        return files + [file for path in named for file in sorted(_below(path))]
    except OSError as error:
        _refuse(error)


def _is_called(path: Path, table: Table) -> bool:
    name = path.name.casefold()
    return name.removesuffix(_SUFFIX) == table.name.casefold()


def _is_parquet(path: Path) -> bool:
    """Whether a path is a file of that kind; links must lead to something, but hidden ones."""
    if path.is_symlink() and not path.exists() and not path.name.startswith("."):
        raise UnreadableDataError(str(path), "is a link to what is not there; mend or remove it")
    return path.name.casefold().endswith(_SUFFIX) and path.is_file()


def _below(folder: Path) -> Iterator[Path]:
    """The files in a folder and those below; none where it is a file."""
    if not folder.is_dir():
        return
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        yield from (path for name in names if _is_parquet(path := Path(where, name)))


def _refuse(error: OSError) -> NoReturn:
    told = error.strerror or str(error)
    raise UnreadableDataError(str(error.filename), f"cannot be read ({told})") from error
