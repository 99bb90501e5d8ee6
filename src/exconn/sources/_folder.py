"""Which files of an evidence folder on a disk hold its tables."""

import os
import stat
from pathlib import Path
from typing import NoReturn

from exconn.errors import NoDataError, UnreadableDataError
from exconn.tables import Table

_SUFFIX = ".parquet"


def table_files(folder: Path, table: Table) -> list[Path]:
    """``EmailEvents.parquet``, and all Parquet files under ``EmailEvents/``, in order of names.

    Letter case of these names does not matter, and links are followed; each file comes once.

    Raises:
        NoDataError: there is no such folder.
        UnreadableDataError: something in it cannot be looked into, or a link leads nowhere: the
            rows there would be missed.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 # Path may raise where the way there is barred
        raise NoDataError(f"{folder}: no such folder; give an evidence folder")
    found: dict[str, Path] = {}
    try:
        named = sorted(path for path in folder.iterdir() if is_called(path.name, table))
        for file in (*filter(_is_parquet, named), *(f for path in named for f in _below(path))):
            found.setdefault(os.path.realpath(file), file)
    except OSError as error:
        _refuse(error)
    return list(found.values())


def is_called(name: str, table: Table) -> bool:
    """Whether a file or a folder is called after a table."""
    return name.casefold().removesuffix(_SUFFIX) == table.name.casefold()


def _is_parquet(path: Path) -> bool:
    """Whether a path is a file of that kind."""
    return stat.S_ISREG(_mode(path)) and path.name.casefold().endswith(_SUFFIX)


def _below(folder: Path) -> list[Path]:
    """The files in a folder and those below, in order; none where it is a file."""
    if not stat.S_ISDIR(_mode(folder)):
        return []
    files: list[Path] = []
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:  # by a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        files += filter(_is_parquet, (Path(where, name) for name in names))
    return sorted(files)


def _mode(path: Path) -> int:
    """What kind of file a path is, or leads to; 0 for a hidden link to nothing."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        if path.name.startswith("."):
            return 0
        raise UnreadableDataError(
            str(path), "is a link to what is not there; mend or remove it"
        ) from None


def _refuse(error: OSError) -> NoReturn:
    told = error.strerror or str(error)
    raise UnreadableDataError(str(error.filename), f"cannot be read ({told})") from error
