"""Laying the files of an evidence folder anew, so that they are read faster."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
from attrs import frozen
from polars.exceptions import PolarsError

from exconn.errors import NoDataError, UnreadableDataError
from exconn.sources._frames import NAME, during, first_line
from exconn.sources._storage import Storage, folder_keys, is_address
from exconn.tables import TABLES, Table, moment
from exconn.window import HOUR, Period

_ROWS_OF_A_FILE = 250_000
_ROWS_OF_A_GROUP = 50_000
_STAGING = ".exconn-compact"
_LIST = "files.json"
_TIME, _HOUR = "exconn: time", "exconn: hour"


@frozen
class Compacted:
    """What was done to the files of a table.

    Attributes:
        table: its name.
        files: how many there were, and how many there are.
        size: how many bytes they had, and have.
    """

    table: str
    files: tuple[int, int]
    size: tuple[int, int]


def compact_evidence(
    folder: str | os.PathLike[str], tell: Callable[[str], None] | None = None
) -> list[Compacted]:
    """Lay the rows of an evidence folder in order of time, in a file for each day.

    Days of more than 250,000 rows get several files. Rows, columns and types stay as they are,
    and only files of the same columns are laid together, so that what a file lacks stays absent
    for its own rows alone. Files in folders of the form ``name=value`` are left alone: they would
    lose what these say; and so is what lies behind links. The new files are whole before old ones
    go. Where it was broken off amid that, rows may be there twice, which changes no grade; the next
    call brings it to its end.

    Nothing else should read or write the folder meanwhile.

    Args:
        folder: the evidence folder, on a disk.
        tell: is told which table and time are laid.

    Returns:
        What was done, for each table of which there are files.

    Raises:
        NoDataError: there is no such folder, or no table in it.
        UnreadableDataError: a file is damaged; nothing is changed.
    """
    if is_address(folder):
        raise NoDataError("only a folder on a disk can be compacted; copy what is at the address")
    storage = Storage(folder)
    staging = Path(folder, _STAGING)
    storage.files()  # refuses what is no folder, or cannot be looked into
    _finish(staging)
    before = storage.files()
    if not any(before.values()):
        raise storage.no_table()
    sizes = {name: _size(files) for name, files in before.items()}
    staging.mkdir()
    try:
        replaced = [
            file
            for table in TABLES
            for files, schema in _alike(storage, before[table.name])
            for file in _Laying(storage, table, schema, files, staging, tell or _silent).stage()
        ]
        _publish(staging, replaced)
    finally:
        if not (staging / _LIST).exists():
            shutil.rmtree(staging, ignore_errors=True)
    after = storage.files()
    return [
        Compacted(name, (len(files), len(after[name])), (sizes[name], _size(after[name])))
        for name, files in before.items()
        if files
    ]


@frozen
class _Target:
    """A file that is to be.

    Attributes:
        name: its name.
        period: of which time its rows are; None for those without a time.
        files: which files have such rows now.
        rows: how many.
    """

    name: str
    period: Period | None
    files: list[str]
    rows: int


@frozen
class _Laying:
    """Files of one table with the same columns, which are laid anew."""

    storage: Storage
    table: Table
    schema: pl.Schema
    files: Sequence[str]
    staging: Path
    tell: Callable[[str], None]

    def stage(self) -> Iterator[str]:
        """Write the new files into the staging folder.

        Yields:
            The old files, of which all rows are in new ones.
        """
        try:
            targets = list(self._targets(self._counts()))
            uses = Counter(file for target in targets for file in target.files)
            for target in targets:
                place = str(self.staging.parent / self.table.name / target.name)
                if target.files != [place] or uses[place] > 1:
                    self.tell(f"{self.table.name} {target.name.rpartition('-')[0]}")
                    self._write(target)
                    yield from target.files
        except (PolarsError, OSError) as error:
            where = ", ".join(self.files[:3])
            raise UnreadableDataError(
                where, f"cannot be laid anew ({first_line(error)})"
            ) from error

    def _counts(self) -> pl.DataFrame:
        """How many rows each file has in each hour."""
        hour = moment(self.table, self.schema).dt.truncate("1h").alias(_HOUR)
        counts = (
            self.storage.scan(self.files).group_by(NAME, hour).len().collect(engine="streaming")
        )
        return counts.sort(_HOUR, NAME)

    def _targets(self, counts: pl.DataFrame) -> Iterator[_Target]:
        hourly = counts.group_by(_HOUR).agg(pl.col("len").sum()).drop_nulls().sort(_HOUR)
        periods: list[Period] = []
        held = 0
        for hour, rows in hourly.iter_rows():
            held += rows
            if periods and hour.date() == periods[-1].start.date() and held <= _ROWS_OF_A_FILE:
                periods[-1] = Period(periods[-1].start, hour + HOUR)
            else:
                periods.append(Period(hour, hour + HOUR))
                held = rows
        for period in periods:
            inside = (pl.col(_HOUR) >= period.start) & (pl.col(_HOUR) < period.end)
            yield self._target(f"{period.start:%Y-%m-%dT%H}", period, counts.filter(inside))
        undated = counts.filter(pl.col(_HOUR).is_null())
        if undated.height:
            yield self._target("undated", None, undated)

    def _target(self, name: str, period: Period | None, counts: pl.DataFrame) -> _Target:
        columns = json.dumps([(column, str(dtype)) for column, dtype in self.schema.items()])
        kind = hashlib.sha256(columns.encode()).hexdigest()[:8]
        files = counts[NAME].unique().sort().to_list()
        return _Target(f"{name}-{kind}.parquet", period, files, int(counts["len"].sum()))

    def _write(self, target: _Target) -> None:
        scan = self.storage.scan(target.files).drop(NAME)
        time = pl.col(_TIME)
        inside = time.is_null()
        if target.period is not None:
            scan = during(scan, self.table, target.period)
            inside = (time >= target.period.start) & (time < target.period.end)
        laid = (
            scan.with_columns(moment(self.table, self.schema).alias(_TIME))
            .filter(inside)
            .sort(_TIME, maintain_order=True)
            .drop(_TIME)
            .collect(engine="streaming")
        )
        if laid.height != target.rows or laid.schema != self.schema:
            raise UnreadableDataError(target.files[0], "changed while it was read; try again")
        staged = self.staging / self.table.name / target.name
        staged.parent.mkdir(exist_ok=True)
        laid.write_parquet(staged, compression="zstd", row_group_size=_ROWS_OF_A_GROUP)


def _alike(storage: Storage, files: Sequence[str]) -> Iterator[tuple[list[str], pl.Schema]]:
    """The files that have the same columns, those in partitions and behind links left out."""
    by_columns: dict[tuple[tuple[str, pl.DataType], ...], list[str]] = {}
    for file in files:
        schema = storage.schema(file)
        if schema and _is_own(file, storage.root):
            by_columns.setdefault(tuple(schema.items()), []).append(file)
    for columns, alike in by_columns.items():
        yield alike, pl.Schema(columns)


def _is_own(file: str, root: str) -> bool:
    """Whether a file lies in the folder itself, not behind a link, and in no partition."""
    below = os.path.relpath(file, root)
    real = os.path.join(os.path.realpath(root), below)  # noqa: PTH118 # as it is
    return os.path.realpath(file) == real and not folder_keys(below)


def _publish(staging: Path, replaced: Sequence[str]) -> None:
    """From here on the new files count: they are moved in, and the old ones removed."""
    new = [file.relative_to(staging).as_posix() for file in sorted(staging.rglob("*.parquet"))]
    old = {Path(file).relative_to(staging.parent).as_posix() for file in replaced}
    draft = staging / f"{_LIST}.part"
    draft.write_text(json.dumps({"new": new, "old": sorted(old.difference(new))}), "utf-8")
    draft.replace(staging / _LIST)
    _finish(staging)


def _finish(staging: Path) -> None:
    """Bring to its end what was broken off, or throw away what was not yet whole."""
    listed = staging / _LIST
    if listed.exists():
        root = staging.parent
        files = json.loads(listed.read_text("utf-8"))
        for name in files["new"]:
            if (staging / name).exists():
                (root / name).parent.mkdir(exist_ok=True)
                (staging / name).replace(root / name)
        new = {_file_number(root / name) for name in files["new"]}
        for name in files["old"]:
            old = root / name
            if old.exists() and _file_number(old) not in new:  # case may not tell names apart
                old.unlink()
        listed.unlink()
    shutil.rmtree(staging, ignore_errors=True)


def _file_number(file: Path) -> tuple[int, int]:
    """What tells a file apart, whatever it is called."""
    status = file.stat()
    return status.st_dev, status.st_ino


def _size(files: Sequence[str]) -> int:
    return sum(Path(file).stat().st_size for file in files)


def _silent(_: str) -> None:
    """Tell nobody."""
