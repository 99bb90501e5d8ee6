"""What must not matter, over scenarios of the library: copies, order, letter case, files."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from exconn.grading import Grade
from exconn.sources import ParquetSource
from incidents import AUDIT, LOGONS, MAIL
from library import BENIGN, MALICIOUS, SEED, Frames, judged, plain, scenario

each = pytest.mark.parametrize("name", [*MALICIOUS, *BENIGN])

NAMES = {
    MAIL: (
        *("NetworkMessageId", "SenderObjectId", "RecipientEmailAddress", "RecipientDomain"),
        *("SenderMailFromAddress", "SenderFromAddress", "SenderMailFromDomain", "SenderFromDomain"),
        *("SenderIPv6", "Connectors", "EmailDirection", "DeliveryAction", "ThreatTypes"),
    ),
    AUDIT: ("ActionType", "AccountObjectId", "AccountId", "AccountType", "CountryCode", "ISP"),
    LOGONS: (
        *("ActionType", "Application", "AccountObjectId", "AccountUpn", "ISP", "Location"),
        "IPAddress",
    ),
}
"""Columns of names, addresses, domains and GUIDs."""

TOLD = ("UserId", "UserKey", "ObjectId", "OrganizationName", "AppId")
"""The same in audit records."""


def same(found: Grade, expected: Grade) -> None:
    assert found.classification is expected.classification
    assert found.determination is expected.determination
    assert found.margin == pytest.approx(expected.margin)
    assert dict(found.facts) == pytest.approx(dict(expected.facts))


def changed(name: str, change: Callable[[str, pl.DataFrame], pl.DataFrame]) -> Frames:
    return {table: change(table, frame) for table, frame in scenario(name).frames.items()}


@each
def test_copies_of_rows_do_not_matter(name: str) -> None:
    def doubled(_table: str, frame: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([frame, frame.gather_every(3), frame])

    same(judged(name, changed(name, doubled)), plain(name))


@each
def test_the_order_of_rows_does_not_matter(name: str) -> None:
    def shuffled(_table: str, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.sample(fraction=1, shuffle=True, seed=SEED)

    same(judged(name, changed(name, shuffled)), plain(name))


def recased(text: str, rng: random.Random) -> str:
    record = json.loads(text)
    spell = rng.choice((str.upper, str.lower))
    for key in TOLD:
        if key in record:
            record[key] = spell(record[key])
    for item in record.get("Parameters", ()):
        if item["Name"] in ("Identity", "Name", "SenderDomains", "SmartHosts"):
            item["Value"] = spell(item["Value"])
    return json.dumps(record, ensure_ascii=False)


@each
def test_letter_case_does_not_matter(name: str) -> None:
    rng = random.Random(name)

    def spelt(table: str, frame: pl.DataFrame) -> pl.DataFrame:
        odd = pl.int_range(pl.len()) % 2 == 1
        other = frame.with_columns(
            pl.when(odd)
            .then(pl.col(column).str.to_uppercase())
            .otherwise(pl.col(column).str.to_lowercase())
            for column in NAMES[table]
        )
        if table != AUDIT:
            return other
        records = [recased(text, rng) for text in frame["RawEventData"]]
        return other.with_columns(RawEventData=pl.Series(records))

    connector = scenario(name).alert.connector.swapcase()
    same(judged(name, changed(name, spelt), connector=connector), plain(name))


@each
def test_how_rows_are_cut_into_files_does_not_matter(name: str, tmp_path: Path) -> None:
    for table, frame in scenario(name).frames.items():
        folder = tmp_path / table
        folder.mkdir()
        size = frame.height // 3 + 1
        for i, part in enumerate(frame.iter_slices(size)):
            overlapping = pl.concat([part, frame.head(5)])
            overlapping.write_parquet(folder / f"{i}.parquet")
    same(judged(name, ParquetSource(tmp_path)), plain(name))
