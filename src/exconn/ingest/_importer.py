"""Reading exports into an evidence folder."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import polars as pl
from attrs import define, field

from exconn.ingest._cells import Cell, UnfitError
from exconn.ingest._listing import listed
from exconn.ingest._read import Raw, Unreadable, read, shown, walk
from exconn.ingest._recognise import recognise
from exconn.ingest._row import Row
from exconn.ingest._summary import FileSummary, ImportSummary
from exconn.ingest._write import EvidenceFolder, is_evidence, open_folder
from exconn.tables import Table

_CHUNK = 20_000
_MOST_EXTRAS = 500
_REPORT_EVERY = 1_000

Progress = Callable[[int], None]


def import_files(
    files: Iterable[Path], to: Path, *, progress: Progress | None = None
) -> ImportSummary:
    """Read exports of Microsoft 365 and add what they hold to an evidence folder.

    Understood are JSON and JSON lines, also compressed by gzip, with rows of Advanced Hunting (from
    its APIs, or as PowerShell writes them), its streaming export, the unified audit log,
    OfficeActivity of Sentinel and Exchange message traces; and listings of accepted domains,
    connectors and transport rules, which go to the folder's ``context.toml``. Files are recognised
    by what is in them.

    Each record ends in a table or the context, is counted as a duplicate, or is written to
    ``rejected.jsonl`` with the reason. Rows that know different columns go to different Parquet
    files. Importing the same files again changes nothing. The folder is only touched once
    everything has been read.

    Args:
        files: files, and folders that are walked without hidden files.
        to: the evidence folder; made when it does not exist.
        progress: called now and then with the number of records read so far.

    Raises:
        NoDataError: a file does not exist.
        UnreadableDataError: a file cannot be opened, or one in the evidence folder is damaged.
        InvalidValueError: the evidence folder cannot be written.
    """
    sources = list(walk(files, but=lambda path: is_evidence(path, to)))
    meter = _Meter(progress)
    with open_folder(to) as folder:
        summaries = tuple(_import_file(source, folder, meter) for source in sources)
        folder.publish()
    return ImportSummary(summaries)


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


def _import_file(path: Path, folder: EvidenceFolder, meter: _Meter) -> FileSummary:
    groups: dict[tuple[str, tuple[str, ...]], _Group] = {}
    reasons: Counter[str] = Counter()
    entries: Counter[str] = Counter()
    read_here = 0
    for found in read(path):
        read_here += 1
        meter.tick()
        refused = _refused(found, groups, folder, entries)
        if refused is not None:
            reasons[refused.reason] += 1
            folder.reject(path, refused.line, refused.reason, refused.text)
    meter.report()
    written: Counter[str] = Counter()
    for group in sorted(groups.values(), key=lambda group: -len(group.columns)):
        if not group.columns:
            continue
        written[group.table.name] += folder.add(group.table, group.frame())
    rejected = reasons.total()
    return FileSummary(
        path=path,
        read=read_here,
        written={table: count for table, count in written.items() if count},
        listed={kind: count for kind, count in entries.items() if count},
        duplicates=read_here - rejected - written.total() - entries.total(),
        rejected=rejected,
        reasons=dict(reasons),
    )


def _refused(
    found: Raw | Unreadable,
    groups: dict[tuple[str, tuple[str, ...]], "_Group"],
    folder: EvidenceFolder,
    entries: Counter[str],
) -> Unreadable | None:
    """File a record under its table, or in the context; return it when it belongs nowhere."""
    if isinstance(found, Unreadable):
        return found
    try:
        entry = listed(found.record)
        if entry is not None:
            entries[entry.kind.value] += folder.note(entry)
            return None
        row = recognise(found.record, found.schema)
        group = groups.setdefault((row.table.name, row.origin), _Group(row.table))
        group.add(row)
    except UnfitError as error:
        return Unreadable(found.line, str(error), shown(found.record))
    except RecursionError:
        return Unreadable(found.line, "nested too deeply", shown(found.record))
    return None


@define(eq=False)
class _Group:
    """Rows of one table and origin in one file: together they tell which columns are known."""

    table: Table
    columns: dict[str, None] = field(factory=dict)
    _rows: list[Mapping[str, Cell]] = field(factory=list)
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
        if len(self._rows) >= _CHUNK:
            self._flush()

    def frame(self) -> pl.DataFrame:
        """All rows with the columns known to any: the table's in order, then others."""
        self._flush()
        whole = pl.concat(self._frames, how="diagonal")
        ordered = [name for name in self.table.names if name in self.columns]
        return whole.select(*ordered, *sorted(self.columns.keys() - set(ordered)))

    def _flush(self) -> None:
        series = [
            pl.Series(name, [row.get(name) for row in self._rows], dtype=self._dtype(name))
            for name in self.columns
        ]
        self._frames.append(pl.DataFrame(series))
        self._rows = []

    def _dtype(self, name: str) -> pl.DataType:
        return self.table.schema.get(name, pl.String())
