"""Files that only their owner may read, written whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO


def write_privately(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file of mode 0600 in a folder that is made, of mode 0700, when it is not there."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as unfinished:
        made = Path(unfinished.name)
        try:
            write(unfinished)
            unfinished.close()
            made.replace(file)
        except BaseException:
            made.unlink(missing_ok=True)
            raise


def home(path: str | os.PathLike[str]) -> Path:
    """A path whose ``~`` is the home folder."""
    return Path(path).expanduser()
