"""Which files of an evidence folder are its tables; none that may hold rows is passed over."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from exconn.errors import UnreadableDataError
from exconn.sources import ParquetSource, compact_evidence
from exconn.tables import EMAIL_EVENTS, TABLES

ROWS = pl.DataFrame({"Timestamp": ["2026-03-20T10:00:00Z"], "Connectors": ["Relay"]})
NOBODY = 65534


def rows(folder: Path) -> int:
    return ParquetSource(folder).coverage(TABLES)[EMAIL_EVENTS].rows


def put(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    ROWS.write_parquet(file)


@pytest.mark.parametrize(
    "name",
    [
        "EmailEvents.parquet",
        "emailevents.PARQUET",
        "EmailEvents/1.parquet",
        "EMAILEVENTS/2026/1.Parquet",
        "EmailEvents.parquet/part-0.parquet",
    ],
)
def test_letter_case_and_depth_of_files_do_not_matter(tmp_path: Path, name: str) -> None:
    put(tmp_path / name)
    assert rows(tmp_path) == 1


def test_links_to_files_and_folders_are_followed_once(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "below" / "1.parquet")
    put(tmp_path / "one.parquet")
    folder = tmp_path / "evidence" / "EmailEvents"
    put(folder / "own" / "1.parquet")
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "one.parquet").symlink_to(tmp_path / "one.parquet")
    (folder / "own" / "above").symlink_to(folder, target_is_directory=True)
    assert rows(folder.parent) == 3


@pytest.mark.parametrize(
    "name", ["EmailEvents.parquet", "EmailEvents", "EmailEvents/1.parquet", "EmailEvents/a/1"]
)
def test_a_link_to_what_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    put(tmp_path / "CloudAppEvents.parquet")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "nothing")
    with pytest.raises(UnreadableDataError, match="is a link to what is not there"):
        ParquetSource(tmp_path)


def test_a_folder_of_two_names_is_read_once_and_survives_compacting(tmp_path: Path) -> None:
    put(tmp_path / "emailevents" / "1.parquet")
    (tmp_path / "EmailEvents").symlink_to(tmp_path / "emailevents", target_is_directory=True)
    for _ in range(3):
        assert rows(tmp_path) == 1
        compact_evidence(tmp_path)


def test_what_lies_behind_links_is_not_compacted(tmp_path: Path) -> None:
    """It may be the evidence of others."""
    archive = tmp_path / "archive"
    put(archive / "1.parquet")
    put(tmp_path / "one.parquet")
    folder = tmp_path / "evidence" / "EmailEvents"
    put(folder / "own" / "1.parquet")
    (folder / "old").symlink_to(archive, target_is_directory=True)
    (folder / "one.parquet").symlink_to(tmp_path / "one.parquet")
    compact_evidence(folder.parent)
    assert not (folder / "own" / "1.parquet").exists()
    assert (archive / "1.parquet").exists()
    assert (tmp_path / "one.parquet").exists()
    assert rows(folder.parent) == 3


@contextmanager
def barred(folder: Path, mode: int) -> Iterator[None]:
    """Nobody may look into a folder; root, whom nothing bars, is somebody else meanwhile."""
    folder.chmod(mode)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


@pytest.mark.parametrize("mode", [0, 0o444])
@pytest.mark.parametrize("name", ["EmailEvents/b", "EmailEvents", "."])
def test_a_folder_that_cannot_be_looked_into_is_an_error(name: str, mode: int) -> None:
    """Its rows would be missed without a word: names may be known, and yet no file be read."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        put(folder / "EmailEvents" / "a" / "1.parquet")
        put(folder / "EmailEvents" / "b" / "2.parquet")
        with barred(folder / name, mode):
            for read in (ParquetSource, compact_evidence):
                with pytest.raises(UnreadableDataError, match="cannot be read"):
                    read(folder)
