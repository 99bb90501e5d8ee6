"""Reading exports into an evidence folder."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
from attrs import define, field

from exconn.ingest._cells import Cell, UnfitError
from exconn.ingest._hunting import HUNTING
from exconn.ingest._listing import listed
from exconn.ingest._raw import Part, Raw, Unreadable, shown
from exconn.ingest._read import LeftOut, read, walk
from exconn.ingest._recognise import recognise
from exconn.ingest._row import Row
from exconn.ingest._summary import FileSummary, ImportSummary
from exconn.ingest._times import is_local
from exconn.ingest._write import OWN_FILES, EvidenceFolder, is_evidence, open_folder
from exconn.tables import Table

_CHUNK = 20_000
_LARGEST = 64 << 20
_MOST_EXTRAS = 500
_REPORT_EVERY = 1_000
_NAMED = 3
_LOOKED_AT = 100
"""Of so many records of a file the form of times is looked at."""


Progress = Callable[[int], None]


def import_files(
    files: Iterable[Path], to: Path, *, progress: Progress | None = None
) -> ImportSummary:
    """Read exports of Microsoft 365 and add what they hold to an evidence folder.

    Understood are JSON, JSON lines, CSV and Parquet, also compressed by gzip or in zip archives,
    with rows of Advanced Hunting (from its portal and APIs, or as PowerShell writes them), its
    streaming export, the unified audit log, OfficeActivity of Sentinel and Exchange message
    traces; and listings of accepted domains, connectors and transport rules, which go to the
    folder's ``context.toml``. Files are recognised by what is in them.

    Each record ends in a table or the context, is counted as a duplicate, or is written to
    ``rejected.jsonl`` with the reason. Rows that know different columns go to different Parquet
    files. Importing the same files again changes nothing. The folder is only touched once
    everything has been read; `KeyboardInterrupt` then says whether it was.

    Args:
        files: files, and folders; of these hidden files and folders, linked folders and what is no
            file are left out, and counted in the summary's notes.
        to: the evidence folder; made when it does not exist.
        progress: called now and then with the number of records read so far.

    Raises:
        NoDataError: a file does not exist.
        UnreadableDataError: a file or folder cannot be opened, or one in the evidence folder is
            damaged.
        InvalidValueError: the evidence folder cannot be written.
    """
    given = tuple(files)
    left_out: LeftOut = Counter()

    def is_own(path: Path) -> bool:
        if is_evidence(path, to):
            return True
        is_of_another = path.name in OWN_FILES and path.parent in given
        left_out[f"files of an evidence folder ({', '.join(OWN_FILES)})"] += is_of_another
        return is_of_another

    meter = _Meter(progress)
    done = "nothing was imported"
    try:
        sources = list(walk(given, but=is_own, left_out=left_out))
        with open_folder(to) as folder:
            summaries = tuple(
                _import_part(part, _whole_path(part, source), folder, meter)
                for source in sources
                for part in read(source, left_out)
            )
            done = "only a part was imported: import it again"
            folder.publish()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(done) from None
    notes = [f"Not read: {count:,} {what}." for what, count in left_out.items() if count]
    return ImportSummary(summaries, (*notes, *_doubts(summaries), *folder.notes))


def _doubts(summaries: Sequence[FileSummary]) -> Iterator[str]:
    """What files lost as a whole, and what was made of their times."""
    useless = [f for f in summaries if f.rejected and f.rejected == f.read]
    for file in useless[:_NAMED]:
        [(reason, _)] = Counter(file.reasons).most_common(1)
        yield f"Nothing of {file.path} could be used: {reason}."
    if more := len(useless[_NAMED:]):
        yield f"Nothing of {more:,} more files could be used."
    local = [file for file in summaries if file.local]
    if local:
        yield (
            f"Times without a zone, such as {local[0].local} in {local[0].path}, were taken for "
            f"UTC, in {len(local):,} of {len(summaries):,} files; where they are local times, "
            "export again in UTC, into another folder."
        )


def _whole_path(part: Part, source: Path) -> str:
    """Where a part is, however that was spelt: the same file has the same."""
    return f"{source.resolve()}{str(part.path).removeprefix(str(source))}"


@define
class _Meter:
    progress: Progress | None
    count: int = 0

    def tick(self) -> None:
        self.count += 1
        if self.count % _REPORT_EVERY == 0:
            self.report()

    def report(self) -> None:
        if self.progress is not None:
            self.progress(self.count)


def _import_part(part: Part, path: str, folder: EvidenceFolder, meter: _Meter) -> FileSummary:
    tally = _Tally(folder)
    for found in part.records:
        meter.tick()
        refused = tally.take(found)
        if refused is not None:
            folder.reject(path, refused.line, refused.reason, refused.text)
    meter.report()
    tally.write()
    return FileSummary(
        path=part.path,
        read=tally.read,
        written=dict(tally.written),
        listed=dict(tally.listed),
        duplicates=tally.duplicates,
        rejected=tally.reasons.total(),
        reasons=dict(tally.reasons),
        local=tally.local,
    )


@define(eq=False)
class _Group:
    """Rows of one table and origin in one file: together they tell which columns are known.

    Attributes:
        table: of which table.
        columns: those that rows knew so far.
        size: bytes of the rows that are held, and characters of those not yet in a frame.
    """

    table: Table
    columns: dict[str, None] = field(factory=dict)
    size: int = 0
    _rows: list[Mapping[str, Cell]] = field(factory=list)
    _characters: int = 0
    _frames: list[pl.DataFrame] = field(factory=list)

    def add(self, row: Row) -> None:
        """Take a row.

        Raises:
            UnfitError: it has more columns that are none of the table's than a file may have.
        """
        new = [name for name in row.cells if name not in self.columns]
        limit = len(self.table.columns) + _MOST_EXTRAS
        if new and len(self.columns) + len(new) > limit:
            raise UnfitError("too many unknown columns")
        self.columns.update(dict.fromkeys(new))
        self._rows.append(row.cells)
        characters = sum(len(cell) for cell in row.cells.values() if isinstance(cell, str))
        self._characters += characters
        self.size += characters
        if len(self._rows) >= _CHUNK:
            self._flush()

    def take(self) -> pl.DataFrame:
        """All rows that are held, with the columns known so far: the table's in order, then others.

        Nothing is held afterwards.
        """
        self._flush()
        if not self._frames:
            return pl.DataFrame()
        whole = pl.concat(self._frames, how="diagonal")
        ordered = [name for name in self.table.names if name in self.columns]
        self._frames, self.size = [], 0
        return whole.select(*ordered, *sorted(self.columns.keys() - set(ordered)))

    def _flush(self) -> None:
        if not self._rows:
            return
        series = [
            pl.Series(name, [row.get(name) for row in self._rows], dtype=self._dtype(name))
            for name in self.columns
        ]
        frame = pl.DataFrame(series)
        self._frames.append(frame)
        self.size += int(frame.estimated_size()) - self._characters
        self._rows, self._characters = [], 0

    def _dtype(self, name: str) -> pl.DataType:
        return self.table.schema.get(name, pl.String())


@define(eq=False)
class _Groups:
    """The groups of rows of one file.

    Attributes:
        size: of all together.
    """

    size: int = 0
    _by_origin: dict[tuple[str, tuple[str, ...]], _Group] = field(factory=dict)

    def add(self, row: Row) -> None:
        """Take a row.

        Raises:
            UnfitError: its group cannot take it.
        """
        group = self._by_origin.setdefault((row.table.name, row.origin), _Group(row.table))
        before = group.size
        group.add(row)
        self.size += group.size - before

    def taken(self) -> Iterator[tuple[Table, pl.DataFrame]]:
        """The rows of all groups, those that know most first; nothing is held afterwards."""
        for group in sorted(self._by_origin.values(), key=lambda group: -len(group.columns)):
            rows = group.take()
            if not rows.is_empty():
                yield group.table, rows
        self.size = 0


@define(eq=False)
class _Tally:
    """What became of the records of a file so far; each is counted where it ends."""

    folder: EvidenceFolder
    read: int = 0
    written: Counter[str] = field(factory=Counter)
    listed: Counter[str] = field(factory=Counter)
    reasons: Counter[str] = field(factory=Counter)
    duplicates: int = 0
    local: str = ""
    _looked_at: int = 0
    _groups: _Groups = field(factory=_Groups)

    def take(self, found: Raw | Unreadable) -> Unreadable | None:
        """File a record under its table, or in the context; return it when it belongs nowhere."""
        self.read += 1
        refused = found if isinstance(found, Unreadable) else self._filed(found)
        if refused is not None:
            self.reasons[refused.reason] += 1
        if self._groups.size > _LARGEST:
            self.write()
        return refused

    def write(self) -> None:
        """Write the rows that are held."""
        for table, rows in self._groups.taken():
            new = self.folder.add(table, rows)
            self._count(self.written, table.name, new, rows.height - new)

    def _filed(self, found: Raw) -> Unreadable | None:
        try:
            entry = listed(found.record)
            if entry is None:
                row = recognise(found.record, found.schema)
                self._groups.add(row)
                if row.origin[:1] == HUNTING:
                    self._look_at_time(found.record.get(row.table.time))
            else:
                new = self.folder.note(entry)
                self._count(self.listed, entry.kind.value, int(new), int(not new))
        except UnfitError as error:
            return Unreadable(found.line, str(error), shown(found.record))
        except RecursionError:
            return Unreadable(found.line, "nested too deeply", shown(found.record))
        return None

    def _look_at_time(self, time: object) -> None:
        if self._looked_at < _LOOKED_AT and not self.local:
            self._looked_at += 1
            self.local = " ".join(time.split()) if isinstance(time, str) and is_local(time) else ""

    def _count(self, place: Counter[str], name: str, new: int, known: int) -> None:
        if new:
            place[name] += new
        self.duplicates += known
