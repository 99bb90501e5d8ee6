"""Evidence as files; and the one way in which text reaches CSV."""

import csv
import io
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from exconn.sources._files import home, write_privately
from exconn.unseen import visible
from exconn.window import iso

_COMPUTED = re.compile(r"""(?:^|(?<=[,;|]))([ "]*)(?=[-=+@\uff0d\uff1d\uff0b\uff20])""")
"""Where a formula would begin, in narrow characters or wide ones: at the beginning of a text, and
where a spreadsheet splits it that takes another separator than commas, and drops quotes and spaces.
Tabs are not among the separators: they cannot be seen."""


def write_tables(frames: Mapping[str, pl.DataFrame], folder: str | os.PathLike[str]) -> list[Path]:
    """Write frames as ``<name>.parquet`` and ``<name>.csv``, once all could be written.

    Args:
        frames: by names that exconn gives.
        folder: is made where it is not there.
    """
    target = home(folder)
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".exconn-", dir=target) as unfinished:
        staged = []
        for name, frame in frames.items():
            parquet, text = (Path(unfinished) / f"{name}.{kind}" for kind in ("parquet", "csv"))
            write_privately(parquet, frame.write_parquet)
            text.touch(mode=0o600)
            text.write_text(csv_text(frame), "utf-8-sig", newline="")
            staged += [parquet, text]
        return [file.replace(target / file.name) for file in staged]


def csv_text(frame: pl.DataFrame) -> str:
    """A frame as CSV: every text quoted, and inert in a spreadsheet."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(frame.columns)
    writer.writerows(map(_value, row) for row in frame.iter_rows())
    return lines.getvalue()


def inert(text: str) -> str:
    """A text that no spreadsheet computes, without characters that cannot be seen."""
    return _COMPUTED.sub(r"\1'", visible(text))


def _value(value: object) -> object:
    match value:
        case str():
            return inert(value)
        case datetime():
            return iso(value)
        case bool():
            return str(value).lower()
        case None:
            return ""
        case _:
            return value
