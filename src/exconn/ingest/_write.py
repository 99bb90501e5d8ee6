"""The evidence folder: what it already holds, and adding to it so that a crash leaves it usable."""

import functools
import hashlib
import itertools
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import polars as pl
from attrs import define, field
from polars.exceptions import PolarsError

from exconn.context import Context
from exconn.errors import InvalidValueError, UnreadableDataError
from exconn.ingest._listing import Listed, Listings
from exconn.ingest._rejections import Rejections
from exconn.sources._folder import is_called, table_files
from exconn.sources.context import FILE_NAME as CONTEXT
from exconn.sources.context import read_context
from exconn.tables import TABLES, Table, conform

if sys.platform != "win32":
    import fcntl

REJECTED = "rejected.jsonl"
_WRITTEN = (
    "# Written by `exconn import` from listings. What else it says is kept; comments are not."
)
OWN_FILES = (CONTEXT, f"{CONTEXT}.old", REJECTED)
"""What an evidence folder has beside its tables."""

_SHOWN = 2_000
_STAGING = ".import-"
_SETTLED = 60
"""Seconds after which the folder of a running import is surely locked."""

_LARGEST_PILE = 32 << 20
_MUCH_POORER = 0.25
_NAMED = 3
_KEY = "exconn_key"
_SEEDS = (secrets.randbits(64), secrets.randbits(64))
"""Nobody can know them, and so write two records that are taken for one."""


def is_evidence(path: Path, folder: Path) -> bool:
    """Whether a file is one that exconn writes into this evidence folder."""
    try:
        parts = path.resolve().relative_to(folder.resolve()).parts
    except ValueError:
        return False
    if len(parts) == 1 and parts[0] in OWN_FILES:
        return True
    is_parquet = path.suffix.casefold() == ".parquet"
    return is_parquet and any(is_called(parts[0], table) for table in TABLES)


@define(eq=False)
class _Block:
    """Rows that the folder has: which columns they know, when they were, digests of their keys."""

    columns: frozenset[str]
    first: datetime | None
    last: datetime | None
    digests: Callable[[], pl.Series]
    is_new: bool = False

    def may_hold(self, first: datetime, last: datetime) -> bool:
        return bool(self.first and self.last and self.first <= last and first <= self.last)

    def meets(self, other: "_Block") -> bool:
        return bool(other.first and other.last and self.may_hold(other.first, other.last))


@contextmanager
def open_folder(path: Path) -> Iterator["EvidenceFolder"]:
    """An evidence folder to add to; it is made when it does not exist.

    Raises:
        InvalidValueError: it cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise InvalidValueError("evidence folder", f"{path} is a file; name a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=path))
    except OSError as error:
        raise _unwritable(path, error) from error
    folder = EvidenceFolder(path, staging)
    try:
        with _held(staging):
            yield folder
    finally:
        folder.close()
        shutil.rmtree(staging, ignore_errors=True)


def _remove_stale(path: Path) -> None:
    """Remove what imports left behind that were killed."""
    for left in path.glob(f"{_STAGING}*"):
        with suppress(OSError), _held(left) as is_held:
            if is_held and time.time() - left.stat().st_mtime > _SETTLED:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Lock a folder; false where another process has, or the system does not know such locks."""
    if sys.platform == "win32":
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_held = True
    except OSError:
        is_held = False
    try:
        yield is_held
    finally:
        os.close(handle)


@define(eq=False)
class EvidenceFolder:
    """An evidence folder that is being added to.

    Everything is written into a hidden folder inside it first. `publish` then moves the finished
    files to their places, one by one; without it the evidence stays as it was.

    Attributes:
        path: where it is.
        notes: what whoever imports is to know, besides numbers; a sentence each.
    """

    path: Path
    _staging: Path
    notes: list[str] = field(factory=list)
    _staged: list[tuple[Path, Path]] = field(factory=list)
    _piles: dict[tuple[str, ...], "_Pile"] = field(factory=dict)
    _piled: int = 0
    _listings: Listings | None = None
    _blocks: dict[Table, list[_Block]] = field(factory=dict)
    _rejections: "Rejections" = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._rejections = Rejections(self.path / REJECTED, self._staging / REJECTED)

    def add(self, table: Table, rows: pl.DataFrame) -> int:
        """Stage the rows that the folder does not have yet, and return how many those are.

        A record is told by the table's key and time, or by all that it says where a part of the
        key is empty. One that says something in a column which the row in the folder does not
        know is no duplicate: it is kept beside it, so nothing that was said gets lost.
        """
        keys = record_keys(rows, table)
        digests = _digests(keys)
        new = digests.is_first_distinct() & ~self._known(table, rows, digests)
        fresh = rows.filter(new).sort(table.time, maintain_order=True)
        if fresh.is_empty():
            return 0
        held = digests.filter(new)
        first, last = _span(fresh, table)
        known = frozenset(fresh.columns)
        self._of(table).append(_Block(known, first, last, lambda: held, is_new=True))
        self._pile(table, fresh, keys.filter(new))
        return fresh.height

    def note(self, new: Listed) -> bool:
        """Take an entry of a listing into the context; false where it knows it already.

        Raises:
            UnfitError: the context refuses it.
            InvalidValueError: the folder's context cannot be read.
        """
        if self._listings is None:
            self._listings = Listings(read_context(self.path))
        return self._listings.add(new)

    def reject(self, file: str, line: int, reason: str, record: str) -> None:
        """Stage a line of ``rejected.jsonl``, unless an earlier import has written it.

        Raises:
            InvalidValueError: it cannot be written.
        """
        told = {"file": file, "line": line, "reason": reason, "record": record[:_SHOWN]}
        try:
            self._rejections.add(told)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def publish(self) -> None:
        """Move everything that was staged to its place.

        Raises:
            InvalidValueError: the folder cannot be written.
        """
        self._write_piles()
        self.notes += (
            note for table, blocks in self._blocks.items() if (note := _mixture(table, blocks))
        )
        try:
            for staged, place in self._staged:
                place.parent.mkdir(parents=True, exist_ok=True)
                staged.replace(place)
            self._publish_context()
            self._rejections.publish()
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def close(self) -> None:
        """Let go of the files that are open."""
        with suppress(OSError):
            self._rejections.close()

    def _publish_context(self) -> None:
        """Write the context, where it says more than it did; one written by hand is kept beside."""
        if self._listings is None:
            return
        known, context = read_context(self.path), self._listings.context()
        if context == known:
            return
        place = self.path / CONTEXT
        staged = self._staging / CONTEXT
        staged.write_text(_as_file(context), "utf-8", newline="\n")
        if place.exists() and place.read_text("utf-8") != _as_file(known):
            shutil.copyfile(place, old := self.path / f"{CONTEXT}.old")
            self.notes.append(f"{place} was written anew; as it was by hand, it is {old.name}.")
        staged.replace(place)

    def _known(self, table: Table, rows: pl.DataFrame, digests: pl.Series) -> pl.Series:
        first, last = _span(rows, table)
        held = pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
        for block in self._of(table):
            if block.may_hold(first, last):
                told_more = [
                    pl.col(name).cast(pl.String).fill_null("") != ""
                    for name in rows.columns
                    if name in table.schema and name not in block.columns
                ]
                adds = rows.select(pl.any_horizontal(pl.lit(value=False), *told_more)).to_series()
                held |= digests.is_in(block.digests().implode()) & ~adds
        return held

    def _of(self, table: Table) -> list[_Block]:
        if table not in self._blocks:
            self._blocks[table] = list(_existing(self.path, table))
        return self._blocks[table]

    def _pile(self, table: Table, rows: pl.DataFrame, keys: pl.Series) -> None:
        """Put rows to those of the same columns, for one file."""
        pile = self._piles.setdefault((table.name, *rows.columns), _Pile(table))
        pile.rows.append(rows)
        pile.keys.append(keys)
        self._piled += int(rows.estimated_size())
        if self._piled > _LARGEST_PILE:
            self._write_piles()

    def _write_piles(self) -> None:
        for pile in self._piles.values():
            staged = self._staging / f"{len(self._staged)}.tmp"
            rows = pl.concat(pile.rows).sort(pile.table.time, maintain_order=True)
            try:
                rows.write_parquet(staged)
            except (OSError, PolarsError) as error:
                raise _unwritable(self.path, error) from error
            self._staged.append((staged, self.path / pile.table.name / f"{pile.name}.parquet"))
        self._piles.clear()
        self._piled = 0


@define(eq=False)
class _Pile:
    """Rows of one table with the same columns, and their keys, that wait to be written."""

    table: Table
    rows: list[pl.DataFrame] = field(factory=list)
    keys: list[pl.Series] = field(factory=list)

    @property
    def name(self) -> str:
        """A name after what it holds, so that no other rows are ever replaced by it."""
        digest = hashlib.sha256(json.dumps(self.rows[0].columns).encode())
        for keys in self.keys:
            for key in keys:
                digest.update(f"{len(key)}:{key}\n".encode())
        return digest.hexdigest()[:32]


def _as_file(context: Context) -> str:
    return f"{_WRITTEN}\n{context.to_toml()}"


def _mixture(table: Table, blocks: Iterable[_Block]) -> str:
    """That new rows of a table know much less than others of their time, or these less than they.

    "" when that is not so.
    """
    alike: dict[frozenset[str], list[_Block]] = defaultdict(list)
    for block in blocks:
        alike[block.columns].append(block)
    for poor, fuller in itertools.permutations(alike, 2):
        lacking = [name for name in table.names if name in fuller - poor]
        if len(lacking) >= _MUCH_POORER * len(fuller & set(table.names)) and any(
            (one.is_new or other.is_new) and one.meets(other)
            for one, other in itertools.product(alike[poor], alike[fuller])
        ):
            named = ", ".join(lacking[:_NAMED])
            more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
            return (
                f"Warning: {table.name} has rows that lack columns which others of the same time "
                f"have ({named}{more}): what rests on these cannot be assessed for that time. "
                "Import rows of another origin into a folder of their own."
            )
    return ""


def record_keys(rows: pl.DataFrame, table: Table) -> pl.Series:
    """Text that tells one record of a table from another."""
    conformed = conform(rows, table)
    time = pl.col(table.time).dt.epoch("us").cast(pl.String).fill_null("")
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in table.key]
    texts = {name: pl.col(name).cast(pl.String) for name in sorted(conformed.columns)}
    everything = [
        pl.when(text != "").then(pl.concat_str(pl.lit(f"{name}="), _measured(text)))
        for name, text in texts.items()
    ]
    whole = pl.concat_str(everything, separator="\x1f", ignore_nulls=True)
    if not parts:
        return conformed.select(whole.alias(_KEY)).to_series()
    keyed = pl.concat_str(*map(_measured, parts), time, separator="\x1f")
    complete = pl.all_horizontal(part != "" for part in parts)
    return conformed.select(pl.when(complete).then(keyed).otherwise(whole).alias(_KEY)).to_series()


def _measured(text: pl.Expr) -> pl.Expr:
    """A text behind its length, so that no text can hold what separates columns."""
    return pl.concat_str(text.str.len_bytes().cast(pl.String), pl.lit(":"), text)


def _digests(keys: pl.Series) -> pl.Series:
    """A number of 128 bits for each key: those of many millions of rows are held at once."""
    high, low = (pl.col(_KEY).hash(seed).cast(pl.Int128) for seed in _SEEDS)
    return keys.to_frame(_KEY).select(high * 2**63 + low).to_series()


def _existing(folder: Path, table: Table) -> Iterator[_Block]:
    for file in table_files(folder, table):
        try:
            scan = pl.scan_parquet(file, glob=False)
            columns = frozenset(scan.collect_schema().names())
            time = conform(scan, table, where=str(file)).select(
                first=pl.col(table.time).min(), last=pl.col(table.time).max()
            )
            first, last = time.collect().row(0)
        except (PolarsError, OSError) as error:
            raise _damaged(file, error) from error
        digests = functools.cache(functools.partial(_digests_of_file, file, table))
        yield _Block(columns | _aliased(columns, table), first, last, digests)


def _aliased(columns: frozenset[str], table: Table) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if column.alias in columns)


def _digests_of_file(file: Path, table: Table) -> pl.Series:
    try:
        return _digests(record_keys(pl.read_parquet(file, glob=False), table))
    except (PolarsError, OSError) as error:
        raise _damaged(file, error) from error


def _span(rows: pl.DataFrame, table: Table) -> tuple[datetime, datetime]:
    first, last = rows.select(first=pl.col(table.time).min(), last=pl.col(table.time).max()).row(0)
    return first, last


def _damaged(file: Path, error: Exception) -> UnreadableDataError:
    first_line = (str(error).splitlines() or [""])[0]
    return UnreadableDataError(
        str(file), f"cannot be read: {first_line}; move it away. Nothing was imported"
    )


def _unwritable(folder: Path, error: OSError | PolarsError) -> InvalidValueError:
    told = getattr(error, "strerror", None) or (str(error).splitlines() or [""])[0]
    return InvalidValueError("evidence folder", f"cannot write to {folder}: {told}")
