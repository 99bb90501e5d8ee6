"""Reading the context that lies beside the evidence."""

import os
from collections.abc import Mapping
from pathlib import Path

from exconn.context import Context
from exconn.errors import InvalidValueError
from exconn.sources._storage import Storage, is_address

FILE_NAME = "context.toml"


def read_context(
    path: str | os.PathLike[str], *, storage_options: Mapping[str, str | int] | None = None
) -> Context:
    """Read a context.

    Args:
        path: a TOML file; or an evidence folder, whose ``context.toml`` is read if there is one;
            or the address of such a folder, as for `ParquetSource`.
        storage_options: as for `ParquetSource`.

    Raises:
        InvalidValueError: the file is missing or unreadable, not TOML, or has unknown keys.
        UnreadableDataError: the place of an address cannot be reached.
    """
    if is_address(path):
        storage = Storage(path, storage_options or {})
        with storage.discreet():
            text = storage.text(FILE_NAME)
        return Context() if text is None else Context.from_toml(text)
    given = Path(path)
    file = given / FILE_NAME if given.is_dir() else given
    if given.is_dir() and not file.exists():
        return Context()
    try:
        return Context.from_toml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValueError("context", f"{file} cannot be read ({error})") from error
    except InvalidValueError as error:
        problem = str(error).removeprefix(f"{error.what}: ")
        raise InvalidValueError("context", f"{file}: {problem}") from error
