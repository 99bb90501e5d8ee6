"""What an import did, in numbers that add up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import field, frozen


@frozen
class FileSummary:
    """What became of one file: ``read == rows + entries + duplicates + rejected``.

    Attributes:
        path: the file; of a member of a zip archive ``archive.zip/member``.
        read: how many records were found in it; an unreadable line counts as one.
        written: new rows, by table.
        listed: entries of listings that are new in the context, by its attributes.
        duplicates: records that the evidence folder, or an earlier record, already had.
        rejected: records that are in ``rejected.jsonl``.
        reasons: how many records were rejected for which reason.
        local: a time of it that says no zone, as spreadsheets write times; "" where none was seen.
    """

    path: Path
    read: int = 0
    written: Mapping[str, int] = field(factory=dict)
    listed: Mapping[str, int] = field(factory=dict)
    duplicates: int = 0
    rejected: int = 0
    reasons: Mapping[str, int] = field(factory=dict)
    local: str = ""

    @property
    def rows(self) -> int:
        """New rows in all tables together."""
        return sum(self.written.values())

    @property
    def entries(self) -> int:
        """New entries of all listings together."""
        return sum(self.listed.values())


@frozen
class ImportSummary:
    """What became of every file, in the order in which they were read.

    Attributes:
        files: each with its numbers.
        notes: what else is to be known, a sentence each: files that were left out, rows that know
            less than others of their time, a context that was written by hand.
    """

    files: tuple[FileSummary, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def read(self) -> int:
        """Records found in all files."""
        return sum(file.read for file in self.files)

    @property
    def written(self) -> Mapping[str, int]:
        """New rows of all files, by table."""
        return _added(file.written for file in self.files)

    @property
    def rows(self) -> int:
        """New rows of all files in all tables."""
        return sum(file.rows for file in self.files)

    @property
    def listed(self) -> Mapping[str, int]:
        """New entries of listings in all files, by the context's attributes."""
        return _added(file.listed for file in self.files)

    @property
    def duplicates(self) -> int:
        """Duplicates in all files."""
        return sum(file.duplicates for file in self.files)

    @property
    def rejected(self) -> int:
        """Rejected records of all files."""
        return sum(file.rejected for file in self.files)

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many records of all files were rejected for which reason."""
        return _added(file.reasons for file in self.files)


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
